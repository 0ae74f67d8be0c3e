"""What is shipped, as tables: communities, programs, scenarios, deals and trials."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from cradlecast.scenarios.change import Change, ServiceChange
from cradlecast.scenarios.community import Community
from cradlecast.scenarios.deal import Deal
from cradlecast.scenarios.fit import school_years
from cradlecast.scenarios.library import (
    load_community,
    load_deal,
    load_program,
    load_scenario,
    load_service,
    load_trial,
    names,
)
from cradlecast.scenarios.program import Program
from cradlecast.scenarios.scenario import Scenario
from cradlecast.scenarios.service import Service
from cradlecast.scenarios.trial import Trial
from cradlecast.ui.rows import Row, Table, listing


def communities() -> Table:
    """The shipped communities."""
    return listing("communities", [_community(load_community(name)) for name in names("community")])


def programs() -> Table:
    """The shipped programs that hold seats, and the services."""
    services = [_service(load_service(name)) for name in names("service")]
    return listing("programs", [*(_program(load_program(name)) for name in names("program")), *services])


def scenarios() -> Table:
    """The shipped scenarios."""
    return listing("scenarios", [_scenario(load_scenario(name)) for name in names("scenario")])


def deals() -> Table:
    """The shipped deals."""
    return listing("deals", [_deal(load_deal(name)) for name in names("deal")])


def trials() -> Table:
    """The shipped trials."""
    return listing("trials", [_trial(load_trial(name)) for name in names("trial")])


LISTINGS: Final[Mapping[str, Callable[[], Table]]] = {
    "communities": communities,
    "programs": programs,
    "scenarios": scenarios,
    "deals": deals,
    "trials": trials,
}
"""Every listing by its name, which is also the command's."""


def _community(community: Community) -> Row:
    """The facts that tell communities apart."""
    return {
        "name": community.name,
        "births_per_year": community.births_per_year.value,
        "below_poverty": community.income.below_poverty.value,
        "areas": len(community.areas),
        "observed_year": community.observed_year,
        "baselines": ", ".join(community.baselines),
        "title": community.title,
    }


def _program(program: Program) -> Row:
    """Who may have it, what a seat costs, and who pays."""
    most = program.max_income_to_poverty
    return {
        "name": program.name,
        "kind": "seats",
        "ages": _ages(program.ages),
        "eligibility": _eligible(most),
        "seat_cost": program.seat_cost.value,
        "price_year": _text(program.seat_cost.year),
        "payer": program.payer,
        "title": program.title,
    }


def _service(service: Service) -> Row:
    """Whom it is meant for, what serving a child costs, and who pays."""
    return {
        "name": service.name,
        "kind": "service",
        "ages": _ages(service.ages),
        "eligibility": _eligible(service.max_income_to_poverty, service.needs),
        "seat_cost": service.cost.value,
        "price_year": _text(service.cost.year),
        "payer": service.payer,
        "title": service.title,
    }


def _ages(ages: Sequence[int]) -> str:
    """Ages in the fall."""
    return f"{ages[0]}" if len(ages) == 1 else f"{ages[0]} to {ages[-1]}"


def _eligible(most: float | None, needs: Sequence[str] = ()) -> str:
    """Who may have it."""
    words = [f"family income up to {most:.0%} of the poverty line"] if most is not None else []
    return "; ".join([*(need.replace("_", " ") for need in needs), *words]) or "everyone"


def _scenario(scenario: Scenario) -> Row:
    """What is changed, where, when, and against what."""
    years = school_years(scenario)
    changes: Sequence[Change | ServiceChange] = (*scenario.changes, *scenario.services)
    open_ended = any(change.last_year is None for change in changes)
    return {
        "name": scenario.name,
        "community": scenario.community,
        "baseline": scenario.baseline,
        "seats": scenario.lever("seats"),
        "years": f"from {years[0]}" if open_ended else f"{years[0]} to {years[-1]}",
        "levers": ", ".join(scenario.levers),
        "title": scenario.title,
    }


def _deal(deal: Deal) -> Row:
    """Who pays for what, and whether the terms are the real ones."""
    return {
        "name": deal.name,
        "illustrative": deal.illustrative,
        "for": "study" if deal.replay_only is None else "replay",
        "payers": ", ".join(party.name for party in deal.parties if party.role == "outcomes_payer"),
        "metrics": ", ".join(metric.name for metric in deal.metrics),
        "price_year": _text(deal.price_year),
        "title": deal.title,
    }


def _trial(trial: Trial) -> Row:
    """What was offered, how it was compared, and when."""
    return {
        "name": trial.name,
        "program": trial.program,
        "design": trial.design,
        "scale": trial.scale,
        "year": str(trial.year),
        "follow_ups": len(trial.follow_ups),
        "title": trial.title,
    }


def _text(year: int | str | None) -> str | None:
    """A year or years as text."""
    return None if year is None else str(year)
