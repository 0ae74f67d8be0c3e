"""A deal in the field groups of the INDIGO data standard for impact bonds (GO Lab, Oxford; its `project.json`).

Only what a deal file says is told: names and ids of organisations are the deal's own, not the standard's registered
ones, and what the file does not know is left out. Recycled payments are no investment, as the standard has it.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Any, Final

from cradlecast.scenarios.contract import Metric
from cradlecast.scenarios.deal import LOANS, Deal

VALIDATION: Final = {
    "lottery": "Randomised Control Trial",
    "lottery_itt": "Randomised Control Trial",
    "no_public_preschool": "Quasi-experimental study",
    "historical": "Historical comparison",
    "pre_post": "Pre-Post analysis",
    "none": "Simple ex-post verification",
}
"""Comparisons of a deal in the standard's words for how an outcome is validated."""


def indigo_text(deal: Deal) -> str:
    """The deal as JSON."""
    return json.dumps(indigo_project(deal), indent=2, ensure_ascii=False) + "\n"


def indigo_project(deal: Deal) -> dict[str, Any]:
    """The deal as a project of the standard; every leaf is {"value": ...}, as the standard has it."""
    loans = [tranche for tranche in deal.tranches if tranche.kind in LOANS]
    titles = {party.name: party.title for party in deal.parties}
    roles = {party.name: party.role for party in deal.parties}
    caps = [party.payment_cap.value for party in deal.parties if party.payment_cap is not None]
    payers = [party for party in deal.parties if party.role == "outcomes_payer"]
    project: dict[str, Any] = {
        "name": _value(deal.title),
        "dates": _dates(deal),
        "overall_project_finance": {
            "total_investment_commitment": {
                "currency": _value(deal.currency),
                "amount": {"exact": _value(sum(loan.amount.value for loan in loans))},
            },
            "notes": _note(deal),
        },
        "sources": [{"id": f"source{at}", "name": _value(text)} for at, text in enumerate(deal.references, start=1)],
        "service_provisions": [
            {"id": name, "organisation_id": _value(name), "notes": titles[name]}
            for name, role in roles.items()
            if role == "service_provider"
        ],
        "outcome_payment_commitments": [
            {
                "organisation_id": _value(payer.name),
                "notes": payer.title,
                **(
                    {"maximum_potential_outcome_payment": _money(deal, payer.payment_cap.value)}
                    if payer.payment_cap
                    else {}
                ),
            }
            for payer in payers
        ],
        "investments": [
            {
                "id": loan.name,
                "organisation_id": _value(loan.party),
                "investment_commitment": {
                    "currency": _value(deal.currency),
                    "amount": {"exact": _value(loan.amount.value)},
                },
                "investment_type": _value("Debt"),
                "notes": f"{loan.kind}, {loan.yearly_rate:.4%} a year, {titles[loan.party]}",
            }
            for loan in loans
        ],
        "intermediary_services": [
            {"organisation_id": _value(name), "notes": f"{role}: {titles[name]}"}
            for name, role in roles.items()
            if role in ("intermediary", "evaluator", "guarantor")
        ],
        "outcome_metrics": [_metric(metric) for metric in deal.metrics],
        "outcome_pricings": [_pricing(deal, metric) for metric in deal.metrics],
    }
    if payers and len(caps) == len(payers):
        project["overall_project_finance"]["maximum_potential_outcome_payment_v2"] = _money(deal, sum(caps))
    return project


def _value(value: object) -> dict[str, object]:
    """A leaf of the standard."""
    return {"value": value}


def _money(deal: Deal, amount: float) -> dict[str, object]:
    """An amount with its currency."""
    return {"currency": _value(deal.currency), "amount": _value(amount)}


def _note(deal: Deal) -> str:
    """What a reader of the numbers must know."""
    return "ILLUSTRATIVE: terms that matter are assumed rather than published." if deal.illustrative else ""


def _dates(deal: Deal) -> dict[str, object]:
    """First and last day of the service, where the deal names school years."""
    days = [part.on(year) for use in deal.uses for part in use.instalments for year in deal.school_years]
    if not days:
        return {}
    first, last = min(days), date(max(deal.school_years) + 1, 6, 30)
    return {
        "start_date_of_service_provision": _value(first.isoformat()),
        "anticipated_end_date_of_service_provision": _value(last.isoformat()),
    }


def _metric(metric: Metric) -> dict[str, object]:
    """What is measured, and how it is validated."""
    told: dict[str, object] = {"id": metric.name, "definition": _value(metric.title)}
    if metric.comparison in VALIDATION:
        told["outcome_validation_method"] = _value(VALIDATION[metric.comparison])
    return told


def _pricing(deal: Deal, metric: Metric) -> dict[str, object]:
    """What is paid for it."""
    told: dict[str, object] = {"outcome_metric_id": _value(metric.name), "currency": _value(deal.currency)}
    if metric.price is not None:
        told["price_per_unit"] = {"amount": _value(metric.price.value)}
    if metric.cap_over_life is not None:
        told["maximum_price_if_all_targets_achieved"] = {"amount": _value(f"{metric.cap_over_life.value:.2f}")}
    if metric.escalator is not None:
        rate = metric.escalator.rate.value
        told["contracted_increases_to_outcome_pricing"] = _value(
            f"{rate:.4%} a year from {metric.escalator.first_year}"
        )
    told["price_description"] = _value(f"{metric.rule}, counted {metric.count}, paid by {metric.payer}")
    return told
