"""The payment rules, one function each: what a result comes to, before it is cut by what was paid already.

A `Reading` is one result of one cohort as the evaluator reports it, an array over samples in each field and NaN where
nothing was reported. Nothing here knows the order of payments; `finance.payments` does. Formulas: docs/contracts.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cradlecast.finance.returns import DAYS_PER_YEAR
from cradlecast.scenarios.contract import Condition, Metric, Person, Schedule, Whole
from cradlecast.scenarios.deal import Deal
from cradlecast.scenarios.errors import InputError, nearest

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

EXACT: Final = 1e-9
"""A result this close below a threshold is at it: 0.3 less 0.2 is not 0.1 to a computer."""


@dataclass(frozen=True)
class Reading:
    """One result of one cohort on one day, by sample; NaN where it was not reported.

    Attributes
    ----------
    result, cohort, date
        What, of whom, and when it was measured.
    n, n_comparison
        Measured children served, and of the comparison.
    rate, comparison_rate
        Shares of them who reach it, or units a person.
    effect
        rate less comparison_rate, or the estimate that stands in its place.
    relative
        Relative change in the wanted direction, where it was reported as such.
    units, amount
        Units, and dollars of savings, where they were reported as such.
    cuts
        What limits for one person take from price x units: words and dollars.
    said
        How the result came about, for its derivation.
    """

    result: str
    cohort: int | str
    date: date
    n: Floats
    n_comparison: Floats
    rate: Floats
    comparison_rate: Floats
    effect: Floats
    relative: Floats
    units: Floats
    amount: Floats
    cuts: tuple[tuple[str, float], ...] = ()
    said: tuple[str, ...] = ()


def argument(of: str, reading: Reading, metric: Metric | None) -> Floats:
    """What a threshold or a schedule looks at, NaN where it cannot be told; shape (samples,).

    Parameters
    ----------
    of
        rate, units, effect, relative or sample.
    reading
        The result.
    metric
        Whose direction and way to count hold; None for a result that nothing is paid on: higher is better, gross.
    """
    sign = -1.0 if metric is not None and metric.better == "lower" else 1.0
    net = metric is not None and metric.count == "net"
    effect = sign * np.where(np.isnan(reading.effect), reading.rate - reading.comparison_rate, reading.effect) + 0.0
    match of:
        case "rate":
            return reading.rate
        case "effect":
            return effect
        case "relative":
            base = np.where(reading.comparison_rate > 0, reading.comparison_rate, np.nan)
            return np.where(np.isnan(reading.relative), effect / base, reading.relative)
        case "sample":
            return np.fmin(reading.n, reading.n_comparison) if metric is not None and metric.compared else reading.n
    counted = reading.n * np.maximum(effect, 0.0) if net else reading.n * reading.rate
    return np.where(np.isnan(reading.units), counted, reading.units)


def holds(condition: Condition, value: Floats) -> Bools:
    """Whether a result lies on the wanted side of a threshold, at it included; never where it is not known."""
    if condition.at_least is not None:
        return value >= condition.at_least - EXACT
    return value <= condition.threshold + EXACT


def scheduled(schedule: Schedule, x: Floats) -> Floats:
    """Dollars by the bands of a schedule: at band k, pay_k + slope_k (x - from_k); nothing below the first band."""
    x = rounded(schedule, x)
    starts = np.array([band.from_ for band in schedule.bands])
    band = np.searchsorted(starts, x + EXACT, side="right") - 1
    pay = np.array([each.start for each in schedule.bands])
    slope = np.array([each.slope for each in schedule.bands])
    beyond = np.maximum(x - starts[band], 0.0)
    return np.where(np.isnan(x) | (band < 0), 0.0, pay[band] + slope[band] * np.nan_to_num(beyond))


def rounded(schedule: Schedule, x: Floats) -> Floats:
    """A result as the contract rounds it, a half upward."""
    if schedule.round_to is None:
        return x
    return np.floor(x / schedule.round_to + 0.5 + EXACT) * schedule.round_to


def price_in(metric: Metric, year: int) -> float:
    """Dollars a unit for what is measured in a calendar year: price x (1 + rate)^(year - first year)."""
    price = metric.price.value if metric.price is not None else 1.0
    if metric.escalator is None:
        return price
    return float(price * (1 + metric.escalator.rate.value) ** (year - metric.escalator.first_year))


def pooled(readings: Sequence[Reading]) -> Reading:
    """Several cohorts as one: children and units added up, rates and effects weighted by the children served."""
    if len(readings) == 1:
        return readings[0]
    last = max(readings, key=lambda reading: reading.date)
    n = np.stack([reading.n for reading in readings])

    def total(name: str) -> Floats:
        return np.sum([getattr(reading, name) for reading in readings], axis=0, dtype=np.float64)

    def mean(name: str) -> Floats:
        values = np.stack([getattr(reading, name) for reading in readings])
        weights = np.where(np.isnan(values), 0.0, n)
        whole = weights.sum(axis=0)
        summed = (np.nan_to_num(values) * weights).sum(axis=0)
        weighted: Floats = np.divide(summed, whole, out=np.full_like(whole, np.nan), where=whole > 0)
        return weighted

    names = ", ".join(str(reading.cohort) for reading in readings)
    return Reading(
        last.result,
        names,
        last.date,
        n=total("n"),
        n_comparison=total("n_comparison"),
        rate=mean("rate"),
        comparison_rate=mean("comparison_rate"),
        effect=mean("effect"),
        relative=mean("relative"),
        units=total("units"),
        amount=total("amount"),
    )


# Investors made whole


class Owed(NamedTuple):
    """What investors are still owed before they are whole, in dollars by sample."""

    principal: Floats
    interest: Floats

    @property
    def total(self) -> Floats:
        """Both together."""
        return self.principal + self.interest


def nothing_owed(n_samples: int) -> Owed:
    """Before the first advance."""
    return Owed(np.zeros(n_samples), np.zeros(n_samples))


def accrued(whole: Whole, owed: Owed, after: date | None, day: date) -> Owed:
    """What is owed on a day: what was owed after an earlier one, with advances and base return since.

    Parameters
    ----------
    whole
        Advances, base return and how it is reckoned.
    owed
        What was owed at the end of `after`.
    after
        The last day that was reckoned; None at first.
    day
        Advances of this day count already.
    """
    principal, interest = owed
    before = after
    for advance in sorted(whole.advances, key=lambda each: each.date):
        if advance.date <= day and (after is None or advance.date > after):
            interest = interest + _return_on(whole, principal, interest, before, advance.date)
            principal, before = principal + advance.amount.value, advance.date
            if whole.compounding == "once":
                interest = interest + advance.amount.value * whole.rate.value
    return Owed(principal, interest + _return_on(whole, principal, interest, before, day))


def _return_on(whole: Whole, principal: Floats, interest: Floats, before: date | None, day: date) -> Floats:
    """Base return between two days, Act/365."""
    if before is None or whole.compounding == "once":
        return np.zeros_like(principal)
    rate, years = whole.rate.value, (day - before).days / DAYS_PER_YEAR
    if whole.compounding == "simple":
        return principal * (rate * years)
    return np.asarray((principal + interest) * ((1 + rate) ** years - 1))


def repaid(owed: Owed, dollars: Floats) -> Owed:
    """What is owed after a payment: base return first, then money put in, never less than nothing."""
    to_interest = np.minimum(dollars, owed.interest)
    return Owed(np.maximum(owed.principal - (dollars - to_interest), 0.0), owed.interest - to_interest)


def shared(savings: Floats, share: float, then: float, owed: Floats) -> Floats:
    """A share of savings until investors are whole, and another of the savings beyond that.

    Of savings S at shares a and b, with D still owed:  a S  where  a S <= D,  else  D + b (S - D / a).
    """
    if share == 0:
        return then * savings
    needed = owed / share
    return np.where(savings <= needed, share * savings, owed + then * (savings - needed))


# Claims person by person


class Claimed(NamedTuple):
    """What people claimed on one line on one day: units, and dollars cut by each limit for one person."""

    metric: str
    date: date
    units: float
    cuts: tuple[tuple[str, float], ...]


def claimed(deal: Deal, people: Iterable[Person]) -> list[Claimed]:
    """Claims of people, day by day and line by line, with what the limits for one person cut.

    Each person's claims run by date, and on one day in the order of the deal's lines. A claim is refused where the
    person has had as many on that line or its group as the line allows, or has not had the line that must come before.
    What is left is cut by the line's cap for one person, then by the deal's.

    Raises
    ------
    InputError
        A claim is made on what is no line of the deal, or on one that is not paid by the person.
    """
    lines = {metric.name: place for place, metric in enumerate(deal.metrics)}
    units: dict[tuple[str, date], float] = {}
    cuts: dict[tuple[str, date], dict[str, float]] = {}
    for person in people:
        for claim in person.claims:
            _check_line(deal, lines, claim.metric)
        limits = _Limits(deal)
        for claim in sorted(person.claims, key=lambda each: (each.date, lines[each.metric])):
            metric = deal.metrics[lines[claim.metric]]
            key = (claim.metric, claim.date)
            units[key] = units.get(key, 0.0) + claim.units * person.people
            cut = cuts.setdefault(key, {})
            for words, dollars in limits.cut(metric, claim.units * price_in(metric, claim.date.year)):
                cut[words] = cut.get(words, 0.0) + dollars * person.people
    return [Claimed(*key, units[key], tuple(cuts[key].items())) for key in units]


class _Limits:
    """What one person has had, and what is left of the caps for that person."""

    def __init__(self, deal: Deal) -> None:
        self.counts, self.had = Counter[str](), set[str]()
        self.whole = None if deal.cap_per_person is None else deal.cap_per_person.value
        self.by_line: dict[str, float] = {}

    def cut(self, metric: Metric, dollars: float) -> Iterator[tuple[str, float]]:
        """What each limit takes from a claim; less is left for the next."""
        group = metric.claim_group or metric.name
        if metric.claims_per_person is not None and self.counts[group] >= metric.claims_per_person:
            times = "the first claim" if metric.claims_per_person == 1 else f"{metric.claims_per_person} claims"
            yield f"only {times} of a person on {group}", dollars
            return
        if metric.after is not None and metric.after not in self.had:
            yield f"no claim on {metric.after} came before", dollars
            return
        self.counts[group] += 1
        self.had.add(metric.name)
        if metric.cap_per_person is not None:
            room = self.by_line.get(metric.name, metric.cap_per_person.value)
            if dollars > room:
                yield f"cap of {metric.cap_per_person.value:,.2f} for one person on {metric.name}", dollars - room
            dollars = min(dollars, room)
            self.by_line[metric.name] = room - dollars
        if self.whole is not None:
            if dollars > self.whole:
                yield "cap for one person over all lines", dollars - self.whole
            self.whole -= min(dollars, self.whole)


def _check_line(deal: Deal, lines: Mapping[str, int], name: str) -> None:
    """Raise where people claim on what does not pay by the person."""
    if name not in lines:
        raise InputError(f"a person claims on '{name}', which is no metric of deal '{deal.name}'{nearest(name, lines)}")
    metric = deal.metrics[lines[name]]
    if metric.rule != "price_per_unit" or metric.count == "net" or metric.pooled:
        raise InputError(f"a person claims on '{name}', which does not pay a price for each person, counted gross")
