"""Replay: a deal's rules on observed results, every payment with its derivation."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from cradlecast.finance.budget import commitments, due_uses
from cradlecast.finance.money import to_dollars
from cradlecast.finance.payments import REASONS, Payments, settle
from cradlecast.finance.rules import Claimed, Reading, claimed
from cradlecast.finance.valuation import tranche_table
from cradlecast.finance.waterfall import run_waterfall
from cradlecast.scenarios.contract import COUNTERFACTUALS, Capital, Metric, Observed, value_of
from cradlecast.scenarios.contract import Reading as Report
from cradlecast.scenarios.deal import Deal
from cradlecast.scenarios.errors import InputError, nearest
from cradlecast.scenarios.fields import Figure, Record

NOTHING = np.array([np.nan])


@dataclass(frozen=True)
class Replay:
    """What a deal pays on observed results.

    Attributes
    ----------
    fingerprint
        The same for the same rules and results only.
    payments
        metric, payer, date, units, price, gross, paid, reason, payment (its number), cohort, unit, rests_on (the
        weakest provenance among the terms and results behind it; STATED where a number has no source).
    derivation
        payment, metric, cohort, date, step, amount (dollars; null for words alone): the steps of every payment.
    payers
        payer, paid, cap, left (of the cap).
    published
        what, published, computed, difference, tolerance, agrees, provenance, source.
    capital
        name, kind, party, amount, drawn, guaranteed, most_that_can_be_lost, lost (null where the terms of repayment are
        not known), provenance, source.
    tranches, cash
        As in `Valuation`, where the file holds uses with dates, sources and a waterfall; else empty.
    checks
        name, ok, difference (dollars).
    """

    fingerprint: str
    payments: pd.DataFrame
    derivation: pd.DataFrame
    payers: pd.DataFrame
    published: pd.DataFrame
    capital: pd.DataFrame
    tranches: pd.DataFrame
    cash: pd.DataFrame
    checks: pd.DataFrame

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table by its name, in print order."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name != "fingerprint"}


def replay(deal: Deal, observed: Observed | None = None) -> Replay:
    """Apply a deal's rules to observed results.

    Parameters
    ----------
    deal
        The deal.
    observed
        What happened; what the deal itself holds if None.

    Returns
    -------
    Replay

    Raises
    ------
    InputError
        There are no results, a result has no line in the deal, or it lacks what a rule needs.
    """
    observed = observed or deal.observed
    if observed is None or not (observed.results or observed.people):
        raise InputError(f"deal '{deal.name}' holds no observed results; give a file of them with --results")
    _refuse_unknown(deal, observed)
    paid = settle(
        deal,
        _readings(deal, observed),
        1,
        strict=True,
        ended_on=observed.ended_on,
        deductions=observed.deductions,
    )
    tranches, cash, more = _cash(deal, paid)
    said = deal.model_dump_json() + observed.model_dump_json()
    return Replay(
        fingerprint=hashlib.sha256(said.encode()).hexdigest()[:16],
        payments=_payments(deal, paid, observed),
        derivation=_derivation(paid),
        payers=_payers(deal, paid),
        published=_published(observed, paid),
        capital=_capital(observed.capital, _nothing_was_paid(observed, paid)),
        tranches=tranches,
        cash=cash,
        checks=pd.concat([_checks(paid), more], ignore_index=True) if len(more) else _checks(paid),
    )


def _cash(deal: Deal, paid: Payments) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Tranches, movements of cash, and what must hold of them, where the file says what the money is for."""
    dated = deal.uses and deal.sources and deal.waterfall and all(use.per_seat is None for use in deal.uses)
    if not dated:
        return pd.DataFrame(), pd.DataFrame(), pd.DataFrame()
    dues = due_uses(deal, {})
    promised = commitments(deal, dues)
    book = run_waterfall(deal, dues, promised, paid)
    return tranche_table(deal, book, 1), book.table(), pd.DataFrame(book.checks(promised))


def _refuse_unknown(deal: Deal, observed: Observed) -> None:
    """Raise for results, deductions and published payments that the deal has no line for."""
    names = {metric.name for metric in deal.metrics}
    payers = {party.name for party in deal.parties if party.role == "outcomes_payer"}
    deductions = {each.name for each in deal.deductions}
    guarded = {each.name for each in observed.capital}
    asked = [
        *(("result", report.result, set(deal.results)) for report in observed.results),
        *(("amount of the deduction", name, deductions) for name in observed.deductions),
        *(("published payment for metric", each.metric, names) for each in observed.published),
        *(("published payment by payer", each.payer, payers) for each in observed.published),
        *(("guarantee of capital", name, guarded) for each in observed.capital for name in each.guards),
    ]
    for what, name, known in asked:
        if name is not None and name not in known:
            raise InputError(f"{what} '{name}' belongs to nothing in deal '{deal.name}'{nearest(name, known)}")


def _readings(deal: Deal, observed: Observed) -> dict[str, list[Reading]]:
    """Results as the rules read them, by metric, or by result where only a condition looks at it."""
    claims = claimed(deal, observed.people)
    found: dict[str, list[Reading]] = {}
    for metric in deal.metrics:
        reports = [report for report in observed.results if report.result == metric.result]
        of_people = [claim for claim in claims if claim.metric == metric.name]
        limited = metric.by_person or (
            deal.cap_per_person is not None and metric.rule == "price_per_unit" and metric.count == "gross"
        )
        if reports and limited:
            raise InputError(
                f"metric '{metric.name}' is limited for each person; give its claims person by person (people), "
                "not a total"
            )
        found[metric.name] = [_reading(report, metric) for report in reports] + [
            _of_people(claim, metric) for claim in of_people
        ]
    known = {metric.result for metric in deal.metrics}
    for name in deal.results:
        if name not in known:
            found[name] = [_reading(report, None) for report in observed.results if report.result == name]
    return found


def _reading(report: Report, metric: Metric | None) -> Reading:
    """A report as the rules read it."""
    effect, base, said = value_of(report.effect), value_of(report.comparison_rate), ""
    if metric is not None and metric.estimates:
        effect, said = _blended(report, metric)
    if metric is not None and metric.comparison in COUNTERFACTUALS and metric.method.counterfactual is not None:
        base = metric.method.counterfactual.value if np.isnan(base) else base
    if metric is not None and metric.method.bias:
        raw = effect if not np.isnan(effect) else value_of(report.rate) - base
        effect = raw + metric.method.bias
    return Reading(
        result=report.result,
        cohort=report.date.year if report.cohort is None else report.cohort,
        date=report.date,
        n=_one(value_of(report.n)),
        n_comparison=_one(value_of(report.n_comparison)),
        rate=_one(value_of(report.rate)),
        comparison_rate=_one(base),
        effect=_one(effect),
        relative=_one(value_of(report.relative)),
        units=_one(value_of(report.units)),
        amount=_one(value_of(report.amount)),
        said=(said,) if said else (),
    )


def _blended(report: Report, metric: Metric) -> tuple[float, str]:
    """Several estimates of the effect as one, by weight, and the sum in words."""
    total, parts = 0.0, []
    for each in metric.estimates:
        if each.name not in report.estimates:
            raise InputError(
                f"metric '{metric.name}' blends the estimate '{each.name}', which the result of {report.date} does "
                f"not give{nearest(each.name, report.estimates)}"
            )
        value = value_of(report.estimates[each.name])
        total += each.weight * value
        parts.append(f"{each.weight:g} x {each.name} {value:g}")
    return total, f"{' + '.join(parts)} = effect {total:.6g}"


def _of_people(claim: Claimed, metric: Metric) -> Reading:
    """People's claims on one line on one day."""
    return Reading(
        result=metric.result,
        cohort=claim.date.year,
        date=claim.date,
        n=NOTHING,
        n_comparison=NOTHING,
        rate=NOTHING,
        comparison_rate=NOTHING,
        effect=NOTHING,
        relative=NOTHING,
        units=_one(claim.units),
        amount=NOTHING,
        cuts=claim.cuts,
    )


def _one(value: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    """A number as an array over one sample."""
    return np.array([value], dtype=np.float64)


def _payments(deal: Deal, paid: Payments, observed: Observed) -> pd.DataFrame:
    """The dated payments, numbered from 1."""
    weakest = {metric.name: _weakest(metric, observed) for metric in deal.metrics}
    units = {metric.name: metric.unit for metric in deal.metrics}
    return pd.DataFrame(
        {
            "metric": paid.claims["metric"],
            "payer": paid.claims["payer"],
            "date": paid.claims["date"],
            "units": paid.units[0],
            "price": paid.claims["price"],
            "gross": to_dollars(paid.gross[0]),
            "paid": to_dollars(paid.paid[0]),
            "reason": [_reason(paid, claim) for claim in range(len(paid.claims))],
            "payment": np.arange(1, len(paid.claims) + 1),
            "cohort": paid.claims["cohort"].astype(str),
            "unit": [units[name] for name in paid.claims["metric"]],
            "rests_on": [weakest[name] for name in paid.claims["metric"]],
        }
    )


WEAKNESS = ("READ", "DERIVED", "STATED", "RECALLED", "ASSUMED")
"""Ways in which a number can be known, the best first; STATED is a bare number in a file of results."""


def _weakest(metric: Metric, observed: Observed) -> str:
    """The weakest provenance among the numbers behind a metric's payments."""
    reports = [report for report in observed.results if report.result == metric.result]
    found = [*_provenances(metric), *(each for report in reports for each in _provenances(report))]
    if any(claim.metric == metric.name for person in observed.people for claim in person.claims):
        found.append("STATED")
    return max(found, key=WEAKNESS.index, default="STATED")


def _provenances(part: object) -> Iterator[str]:
    """How each number in a part of a file is known."""
    if isinstance(part, Figure):
        yield part.provenance
    elif isinstance(part, Record):
        yield from (each for name in type(part).model_fields for each in _provenances(getattr(part, name)))
        if isinstance(part, Report):
            numbers = (part.n, part.rate, part.effect, part.relative, part.units, part.amount)
            yield from ("STATED" for number in numbers if isinstance(number, float | int))
    elif isinstance(part, Mapping):
        yield from (each for value in part.values() for each in _provenances(value))
    elif isinstance(part, tuple):
        yield from (each for value in part for each in _provenances(value))


def _reason(paid: Payments, claim: int) -> str:
    """What cut a payment."""
    cut = [REASONS[reason] for reason in np.flatnonzero(paid.cut[:, 0, claim])]
    return "; ".join(cut) or ("paid in full" if paid.gross[0, claim] else "nothing earned")


def _derivation(paid: Payments) -> pd.DataFrame:
    """The steps of every payment."""
    rows = paid.claims.iloc[[line.claim for line in paid.trail]].reset_index(drop=True)
    return pd.DataFrame(
        {
            "payment": [line.claim + 1 for line in paid.trail],
            "metric": rows["metric"],
            "cohort": rows["cohort"].astype(str),
            "date": rows["date"],
            "step": [line.step for line in paid.trail],
            "amount": [np.nan if line.cents is None else to_dollars(line.cents) for line in paid.trail],
        }
    )


def _payers(deal: Deal, paid: Payments) -> pd.DataFrame:
    """What each payer pays, and what is left of its cap."""
    rows = []
    for party in (party for party in deal.parties if party.role == "outcomes_payer"):
        total = float(to_dollars(_total(paid, payer=party.name)))
        cap = np.nan if party.payment_cap is None else party.payment_cap.value
        rows.append({"payer": party.name, "paid": total, "cap": cap, "left": cap - total})
    return pd.DataFrame(rows, columns=["payer", "paid", "cap", "left"])


def _total(paid: Payments, metric: str | None = None, payer: str | None = None) -> int:
    """Cents paid, for one metric and by one payer where they are named."""
    chosen = np.ones(len(paid.claims), dtype=bool)
    if metric is not None:
        chosen &= (paid.claims["metric"] == metric).to_numpy()
    if payer is not None:
        chosen &= (paid.claims["payer"] == payer).to_numpy()
    return int(paid.paid[0, chosen].sum())


def _published(observed: Observed, paid: Payments) -> pd.DataFrame:
    """What was published beside what is computed."""
    columns = ["what", "published", "computed", "difference", "tolerance", "agrees", "provenance", "source"]
    rows = []
    for each in observed.published:
        computed = float(to_dollars(_total(paid, each.metric, each.payer)))
        difference = round(computed - each.amount.value, 2)
        rows.append(
            (
                each.what,
                each.amount.value,
                computed,
                difference,
                each.tolerance,
                abs(difference) <= each.tolerance,
                each.amount.provenance,
                each.amount.source,
            )
        )
    return pd.DataFrame(rows, columns=columns)


def _nothing_was_paid(observed: Observed, paid: Payments) -> bool:
    """Whether it was published that no outcome was paid for, and the rules say so too."""
    whole = [each.amount.value for each in observed.published if each.metric is None and each.payer is None]
    return whole == [0.0] and not paid.paid.any()


def _capital(capital: Sequence[Capital], nothing_paid: bool) -> pd.DataFrame:
    """Money that was put up, and what of it can be lost, or was.

    Where no outcome was paid for, whatever was drawn is lost but for the guarantees, whatever the terms of repayment. A
    grant is given, and cannot be lost.
    """
    columns = ["name", "kind", "party", "amount", "drawn", "guaranteed", "most_that_can_be_lost", "lost"]
    promised, called = _guaranteed(capital)
    rows = []
    for each in capital:
        drawn = each.amount.value if each.drawn is None else each.drawn.value
        row: tuple[Any, ...] = (each.name, each.kind, each.party, each.amount.value, drawn)
        if each.kind == "grant":
            row += (np.nan, np.nan, np.nan)
        elif each.kind == "guarantee":
            row += (np.nan, each.amount.value, drawn if nothing_paid else np.nan)
        else:
            row += (promised.get(each.name, 0.0), max(each.amount.value - promised.get(each.name, 0.0), 0.0))
            row += (max(drawn - called.get(each.name, 0.0), 0.0) if nothing_paid else np.nan,)
        rows.append((*row, each.amount.provenance, each.amount.source))
    return pd.DataFrame(rows, columns=[*columns, "provenance", "source"])


def _guaranteed(capital: Sequence[Capital]) -> tuple[Mapping[str, float], Mapping[str, float]]:
    """What guarantees promise, and what was called of them, by the name of what they cover."""
    promised: dict[str, float] = {}
    called: dict[str, float] = {}
    for guarantee in (each for each in capital if each.kind == "guarantee"):
        for name in guarantee.guards:
            promised[name] = promised.get(name, 0.0) + guarantee.amount.value
            drawn = guarantee.amount if guarantee.drawn is None else guarantee.drawn
            called[name] = called.get(name, 0.0) + drawn.value
    return promised, called


def _checks(paid: Payments) -> pd.DataFrame:
    """The derivation of every payment adds up to it, and no payment exceeds what the rule comes to."""
    cuts = np.zeros(len(paid.claims), dtype=np.int64)
    last = {line.claim: line.cents for line in paid.trail if line.step == "paid"}
    for line in paid.trail:
        if line.cents is not None and line.cents < 0:
            cuts[line.claim] += line.cents
    off = int(np.abs(paid.gross[0] + cuts - paid.paid[0]).sum())
    said = sum(abs((last.get(claim) or 0) - int(cents)) for claim, cents in enumerate(paid.paid[0]))
    over = int(np.maximum(paid.paid[0] - paid.gross[0], 0).sum())
    rows = [
        ("every payment is its rule less what was cut", off == 0, float(to_dollars(off))),
        ("every derivation ends in its payment", said == 0, float(to_dollars(said))),
        ("no payment exceeds what its rule comes to", over == 0, float(to_dollars(over))),
    ]
    return pd.DataFrame(rows, columns=["name", "ok", "difference"])
