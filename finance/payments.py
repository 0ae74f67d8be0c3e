"""Payments: what the outcomes payers owe, date by date, after requirements, set-offs and caps.

Payments run by payment date, within one date through the metrics as the deal lists them, then by cohort. Each is
reckoned by its rule and then cut in the order of `REASONS`; what one payment uses up of a cap is gone for the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cradlecast.finance.chance import Appropriations
from cradlecast.finance.evaluation import Evaluation
from cradlecast.finance.money import Cents, to_cents, to_dollars, words
from cradlecast.finance.rules import (
    EXACT,
    Bools,
    Floats,
    Owed,
    Reading,
    accrued,
    argument,
    holds,
    nothing_owed,
    pooled,
    price_in,
    repaid,
    rounded,
    scheduled,
    shared,
)
from cradlecast.scenarios.contract import Condition, Dollars, Metric
from cradlecast.scenarios.deal import Deal
from cradlecast.scenarios.errors import InputError

REASONS: Final = (
    "minimum sample not met",
    "a requirement not met",
    "the deal had ended",
    "not appropriated",
    "limits for one person",
    "worth to the payer",
    "set off",
    "cap per payment",
    "cap per year",
    "cap over the metric's life",
    "the payer's cap per year",
    "cap over the payer's life",
    "cap over the deal's life",
)
"""Why less is paid than the rule comes to, in the order in which it is cut."""

(
    MINIMUM_SAMPLE,
    REQUIREMENT,
    ENDED,
    UNAPPROPRIATED,
    PERSON,
    WORTH,
    SET_OFF,
    PER_PAYMENT,
    PER_YEAR,
    METRIC_LIFE,
    PAYER_YEAR,
    PAYER_LIFE,
    DEAL_LIFE,
) = range(len(REASONS))


class Line(NamedTuple):
    """A line of a payment's derivation: the payment's number, what was done, and cents (None for words alone)."""

    claim: int
    step: str
    cents: int | None


@dataclass(frozen=True)
class Payments:
    """Payments by sample and claim; a claim is one metric of one cohort on one payment date.

    Attributes
    ----------
    claims
        One row a claim: metric, cohort, payer, date (of payment), price (dollars a unit, NaN where a schedule has
        none), in the order in which they are paid.
    units
        Shape (samples, claims), as all below; NaN where the contract counts none.
    gross, paid
        Cents as the rule comes to, and after everything that is cut.
    cut
        Shape (reasons, samples, claims): whether each of REASONS took something away.
    trail
        The derivation, where one was asked for.
    """

    claims: pd.DataFrame
    units: Floats
    gross: Cents
    paid: Cents
    cut: Bools
    trail: tuple[Line, ...] = ()

    def reasons(self) -> list[str]:
        """For each claim, what cut it and in what share of the samples, in words."""
        shares = self.cut.mean(axis=1)
        nothing = (self.gross == 0).mean(axis=0)
        found = []
        for c in range(len(self.claims)):
            words = [f"{REASONS[r]} in {shares[r, c]:.0%} of futures" for r in np.flatnonzero(shares[:, c])]
            if nothing[c]:
                words.append(f"nothing earned in {nothing[c]:.0%} of futures")
            found.append("; ".join(words) or "paid in full")
        return found


def owed(deal: Deal, evaluation: Evaluation, seed: int = 1, times: Floats | None = None) -> Payments:
    """What the payers owe on the evaluator's results, where their legislatures appropriate it; `seed` keys the luck."""
    luck = Appropriations(deal, evaluation.samples, seed)
    return settle(deal, evaluation.readings(deal), len(evaluation.samples), appropriations=luck, times=times)


def owed_on_true_effect(deal: Deal, evaluation: Evaluation, seed: int = 1) -> Payments:
    """What the payers would owe if units were the children who reach the metric because of the scenario.

    Prices, dates, schedules and caps are the deal's; no sample is too small, since nothing is sampled.
    """
    luck = Appropriations(deal, evaluation.samples, seed)
    readings = evaluation.true_readings(deal)
    return settle(deal, readings, len(evaluation.samples), sampled=False, appropriations=luck)


def settle(
    deal: Deal,
    readings: Mapping[str, Sequence[Reading]],
    n_samples: int,
    *,
    sampled: bool = True,
    strict: bool = False,
    ended_on: date | None = None,
    deductions: Mapping[str, Dollars] | None = None,
    appropriations: Appropriations | None = None,
    times: Floats | None = None,
) -> Payments:
    """Apply a deal's rules to results.

    Parameters
    ----------
    deal
        The deal.
    readings
        Results by the name of the metric, or of the result for those that only conditions look at.
    n_samples
        Samples in each of them.
    sampled
        False where results are not estimates, so that no sample is too small.
    strict
        True refuses a result that lacks what a rule needs, and writes the derivation; else nothing is earned on it.
    ended_on
        The day on which the deal was ended early.
    deductions
        Amounts of deductions that the deal leaves to the results.
    appropriations
        Payments that fail because nothing was appropriated; None where none does.
    times
        What each sample's payments before cuts are multiplied by; 1 if None.

    Returns
    -------
    Payments

    Raises
    ------
    InputError
        strict, and a number is missing.
    """
    claims = []
    for rank, metric in enumerate(deal.metrics):
        found = list(readings.get(metric.name, ()))
        for reading in [pooled(found)] if metric.pooled and found else found:
            day = reading.date + timedelta(days=metric.lag_days)
            claims.append((day, rank, str(reading.cohort), metric, reading))
    claims.sort(key=lambda claim: claim[:3])
    books = _Books(deal, readings, n_samples, sampled, strict, ended_on, deductions or {})
    books.appropriations, books.times = appropriations, times
    for number, (day, _, _, metric, reading) in enumerate(claims):
        books.pay(number, day, metric, reading)
    table = pd.DataFrame(
        {
            "metric": [metric.name for *_, metric, _ in claims],
            "cohort": [reading.cohort for *_, reading in claims],
            "payer": [metric.payer for *_, metric, _ in claims],
            "date": np.array([claim[0] for claim in claims], dtype="datetime64[s]"),
            "price": np.array(books.prices, dtype=np.float64),
        }
    )
    shape = (n_samples, len(claims))

    def columns(rows: Sequence[Floats | Cents], kind: type) -> NDArray[Any]:
        return np.stack(rows, axis=1).astype(kind) if rows else np.zeros(shape, dtype=kind)

    cut = np.stack(books.cut, axis=2) if books.cut else np.zeros((len(REASONS), *shape), dtype=bool)
    return Payments(
        table,
        columns(books.units, np.float64),
        columns(books.gross, np.int64),
        columns(books.paid, np.int64),
        cut,
        tuple(books.trail),
    )


class _Books:
    """Claims as they are paid one after the other, and what each leaves of caps, deductions and money owed."""

    def __init__(
        self,
        deal: Deal,
        readings: Mapping[str, Sequence[Reading]],
        n_samples: int,
        sampled: bool,
        strict: bool,
        ended_on: date | None,
        deductions: Mapping[str, Dollars],
    ) -> None:
        self.deal, self.readings, self.n = deal, readings, n_samples
        self.sampled, self.strict = sampled, strict
        self.by_name = {metric.name: metric for metric in deal.metrics}
        self.left: dict[tuple[int, object], Cents] = {}
        self.paid_by_metric = {name: np.zeros(n_samples, dtype=np.int64) for name in self.by_name}
        self.used: dict[tuple[str, str], Cents] = {}
        self.deducted = {each.name: self._deduction(each.name, each.amount, deductions) for each in deal.deductions}
        self.owed: dict[str, tuple[Owed, date]] = {}
        self.ended = self._endings(ended_on)
        self.units: list[Floats] = []
        self.gross: list[Cents] = []
        self.paid: list[Cents] = []
        self.prices: list[float] = []
        self.cut: list[Bools] = []
        self.trail: list[Line] = []
        self.appropriations: Appropriations | None = None
        self.times: Floats | None = None

    def pay(self, number: int, day: date, metric: Metric, reading: Reading) -> None:
        """Reckon one claim by its rule, cut it, and write it down."""
        self.cut.append(np.zeros((len(REASONS), self.n), dtype=bool))
        for words_ in reading.said:
            self._say(number, words_, None)
        self._say_effect(number, metric, reading)
        units, price, gross = self._earned(number, day, metric, reading)
        if self.times is not None:
            gross = np.rint(gross * self.times).astype(np.int64)
        paid = self._withheld(metric, reading, gross, number)
        luck = self.appropriations
        if luck is not None and (missed := luck.missed(metric.payer, day.year, day.month)) is not None:
            paid = self._cut_to(paid, np.where(missed, 0, paid), UNAPPROPRIATED, number)
        kept = to_dollars(gross)
        for words_, dollars in reading.cuts:
            kept = kept - dollars
            paid = self._cut_to(paid, to_cents(kept, "a person's claims"), PERSON, number, words_)
        worth = self.deal.party(metric.payer).worth_per_unit.get(metric.name)
        if worth is not None:
            most = to_cents(np.nan_to_num(units) * worth.value, "worth to the payer")
            paid = self._cut_to(paid, most, WORTH, number)
        paid = self._set_off(metric, paid, number)
        paid = self._capped(day, metric, paid, number)
        self._remember(day, metric, paid)
        self.units.append(units)
        self.prices.append(price)
        self.gross.append(gross)
        self.paid.append(paid)
        self._say(number, "paid", paid)

    # What the rule comes to

    def _earned(self, number: int, day: date, metric: Metric, reading: Reading) -> tuple[Floats, float, Cents]:
        """Units, dollars a unit, and cents as the rule comes to."""
        price = price_in(metric, reading.date.year)
        if metric.rule == "schedule":
            return self._by_schedule(number, metric, reading)
        units = argument("units", reading, metric)
        if metric.rule == "price_per_unit":
            self._need(units, metric, reading, "n and rate, or units" + _and_comparison(metric))
            dollars = np.nan_to_num(units) * price
            self._say_units(number, metric, reading, units)
            gross = to_cents(dollars, "a payment before caps")
            self._say(number, f"{_count(units)} {metric.unit} x {_price(metric, price, reading)}", gross)
            return np.nan_to_num(units), price, gross
        counted = units * price if metric.price is not None else np.full(self.n, np.nan)
        savings = np.where(np.isnan(reading.amount), counted, reading.amount)
        wanted = "amount (savings in dollars)" + (", or units, or n and rate" if metric.price is not None else "")
        self._need(savings, metric, reading, wanted)
        return units, price if metric.price is not None else np.nan, self._share(number, day, metric, savings)

    def _by_schedule(self, number: int, metric: Metric, reading: Reading) -> tuple[Floats, float, Cents]:
        """A payment by bands, in all or a unit."""
        schedule = metric.schedule
        assert schedule is not None
        x = argument(schedule.of, reading, metric)
        self._need(x, metric, reading, _needed_for(schedule.of, metric))
        factor = price_in(metric, reading.date.year)  # the escalator alone: a schedule has no price
        dollars = scheduled(schedule, x) * factor
        units = argument("units", reading, metric)
        self._say_result(number, metric, schedule.of, rounded(schedule, x))
        if schedule.each == "total":
            gross = to_cents(dollars, "a payment before caps")
            self._say(number, _band_words(metric, x, factor), gross)
            return units, np.nan, gross
        self._need(units, metric, reading, "n and rate, or units" + _and_comparison(metric))
        gross = to_cents(dollars * np.nan_to_num(units), "a payment before caps")
        self._say(number, f"{_band_words(metric, x, factor)} a unit, x {_count(units)} {metric.unit}", gross)
        return np.nan_to_num(units), float(dollars.mean()), gross

    def _share(self, number: int, day: date, metric: Metric, savings: Floats) -> Cents:
        """A share of savings, and another once investors are whole."""
        terms = metric.savings
        assert terms is not None
        before, after = self.owed.get(metric.name, (nothing_owed(self.n), None))
        due = accrued(terms.whole, before, after, day)
        self.owed[metric.name] = (due, day)
        savings = np.nan_to_num(savings)
        gross = to_cents(shared(savings, terms.share.value, terms.then.value, due.total), "a payment before caps")
        self._say(number, "savings", to_cents(savings, "savings"))
        self._say(number, "still owed before investors are whole", to_cents(due.total, "what is owed"))
        self._say(number, f"{terms.share.value:.4g} of savings until then, {terms.then.value:.4g} beyond", gross)
        return gross

    # What is held back and cut

    def _withheld(self, metric: Metric, reading: Reading, gross: Cents, number: int) -> Cents:
        """Nothing where the sample is too small, a requirement is not met, or the deal had ended."""
        paid = gross.copy()
        if metric.minimum_sample is not None and self.sampled:
            sample = argument("sample", reading, metric)
            self._need(sample, metric, reading, "n" + _and_comparison(metric, "n_comparison"))
            few = ~(sample >= metric.minimum_sample - EXACT)
            paid = self._cut_to(paid, np.where(few, 0, paid), MINIMUM_SAMPLE, number)
        for requirement in metric.requires:
            met = np.zeros(self.n, dtype=bool)
            for condition in requirement.any_of:
                met |= self._meets(condition, metric, reading, number)
            paid = self._cut_to(paid, np.where(met, paid, 0), REQUIREMENT, number)
        over = np.datetime64(reading.date) > self.ended
        return self._cut_to(paid, np.where(over, 0, paid), ENDED, number)

    def _meets(self, condition: Condition, metric: Metric, reading: Reading, number: int) -> Bools:
        """Whether a condition holds for a claim."""
        looked_at, owner = self._looked_at(condition, metric, reading)
        if looked_at is None:
            if self.strict:
                raise InputError(
                    f"metric '{metric.name}' requires the result '{condition.result}', which the results of "
                    f"{reading.cohort} do not hold"
                )
            return np.zeros(self.n, dtype=bool)
        value = argument(condition.of, looked_at, owner)
        self._need(value, metric, looked_at, _needed_for(condition.of, owner))
        met = holds(condition, value)
        side = "at least" if condition.at_least is not None else "at most"
        said = "holds" if met.all() else "does not hold"
        self._say(
            number,
            f"requirement: {condition.of} of {looked_at.result} {side} {condition.threshold:g} ({condition.over}); "
            f"it is {float(value[0]):.6g}: {said}",
            None,
        )
        return met

    def _looked_at(
        self, condition: Condition, metric: Metric, reading: Reading
    ) -> tuple[Reading | None, Metric | None]:
        """The reading that a condition looks at, and the metric whose direction holds."""
        if condition.result is None or condition.result == metric.result:
            owner: Metric | None = metric
            all_of_it = self.readings.get(metric.name, ())
        else:
            owner = next((m for m in self.deal.metrics if m.result == condition.result), None)
            all_of_it = self.readings.get(owner.name if owner else condition.result, ())
        if condition.over == "pooled":
            known = [each for each in all_of_it if each.date <= reading.date]
            return (pooled(known) if known else None), owner
        if owner is metric:
            return reading, owner
        return next((each for each in all_of_it if str(each.cohort) == str(reading.cohort)), None), owner

    def _set_off(self, metric: Metric, paid: Cents, number: int) -> Cents:
        """What is left after deductions and the payments of other metrics, each used once."""
        for name in metric.net_of:
            if name in self.deducted:
                taken = np.minimum(paid, self.deducted[name])
                self.deducted[name] = self.deducted[name] - taken
            else:
                used = self.used.get((metric.name, name), np.zeros(self.n, dtype=np.int64))
                taken = np.minimum(paid, self.paid_by_metric[name] - used)
                self.used[metric.name, name] = used + taken
            paid = self._cut_to(paid, paid - taken, SET_OFF, number, f"set off against {name}")
        return paid

    def _capped(self, day: date, metric: Metric, paid: Cents, number: int) -> Cents:
        """What the caps leave, and less is left of each."""
        payer, year = self.deal.party(metric.payer), self._year(day)
        caps = (
            (PER_PAYMENT, (metric.name, day), metric.cap_per_payment),
            (PER_YEAR, (metric.name, year), metric.cap_per_year),
            (METRIC_LIFE, metric.name, metric.cap_over_life),
            (PAYER_YEAR, (payer.name, year), payer.cap_per_year),
            (PAYER_LIFE, payer.name, payer.payment_cap),
            (DEAL_LIFE, None, self.deal.cap_over_life),
        )
        used = []
        for reason, whose, cap in caps:
            if cap is not None:
                full = np.full(self.n, to_cents(cap.value), dtype=np.int64)
                room = self.left.setdefault((reason, whose), full)
                words_ = f"{REASONS[reason]} of {words(int(full[0]))}, of which {words(int(room[0]))} is left"
                paid = self._cut_to(paid, np.minimum(paid, room), reason, number, words_)
                used.append((reason, whose))
        for key in used:
            self.left[key] = self.left[key] - paid
        return paid

    def _cut_to(self, paid: Cents, kept: Cents, reason: int, number: int, step: str = "") -> Cents:
        """What is kept, with the reason written down where it is less."""
        kept = np.minimum(paid, kept)
        less = kept < paid
        self.cut[number][reason] |= less
        if self.strict and less[0]:
            self._say(number, step or REASONS[reason], kept - paid)
        return kept

    # What is remembered

    def _remember(self, day: date, metric: Metric, paid: Cents) -> None:
        """A payment counts towards making investors whole, and can be set off."""
        self.paid_by_metric[metric.name] = self.paid_by_metric[metric.name] + paid
        if metric.savings is not None:
            due, _ = self.owed[metric.name]
            self.owed[metric.name] = (repaid(due, to_dollars(paid)), day)

    def _year(self, day: date) -> int:
        """The year of the deal that a day lies in, by the calendar year in which it begins."""
        return day.year if day.month >= self.deal.year_begins else day.year - 1

    def _deduction(self, name: str, amount: Dollars | None, given: Mapping[str, Dollars]) -> Cents:
        """All of a deduction, in every sample."""
        amount = given.get(name, amount)
        if amount is None:
            raise InputError(f"deduction '{name}' has no amount; the results must give one under deductions")
        return np.full(self.n, to_cents(amount.value), dtype=np.int64)

    def _endings(self, ended_on: date | None) -> NDArray[np.datetime64]:
        """The day on which the deal ends early, by sample; the end of time where it does not."""
        never = np.datetime64(date.max)
        ended = np.full(self.n, never if ended_on is None else np.datetime64(ended_on))
        for condition in self.deal.ends_if:
            owner = next((m for m in self.deal.metrics if m.result == condition.result), None)
            for reading in self.readings.get(owner.name if owner else str(condition.result), ()):
                met = holds(condition, argument(condition.of, reading, owner))
                ended = np.minimum(ended, np.where(met, np.datetime64(reading.date), never))
        return ended

    # Derivation

    def _need(self, values: Floats, metric: Metric, reading: Reading, what: str) -> None:
        """Refuse a result that lacks a number, where results are observed."""
        if self.strict and np.isnan(values).any():
            raise InputError(
                f"metric '{metric.name}' cannot be paid on '{reading.result}' of {reading.cohort}, "
                f"{reading.date}: the result must give {what}"
            )

    def _say(self, number: int, step: str, cents: Cents | None) -> None:
        """Write down a step of the derivation."""
        if self.strict:
            self.trail.append(Line(number, step, None if cents is None else int(cents[0])))

    def _say_result(self, number: int, metric: Metric, of: str, x: Floats) -> None:
        """Write down the result that a schedule looks at."""
        if self.strict:
            value = f"{float(x[0]):,.6g}" if of == "units" else f"{float(x[0]):.4%}"
            named = "relative effect" if of == "relative" else of
            self._say(number, f"{named} on {metric.result}: {value}", None)

    def _say_effect(self, number: int, metric: Metric, reading: Reading) -> None:
        """Write down how an effect comes about, where it was not reported."""
        if self.strict and metric.compared and np.isnan(reading.effect[0]):
            rate, base = float(reading.rate[0]), float(reading.comparison_rate[0])
            if not np.isnan(rate - base):
                effect = float(argument("effect", reading, metric)[0])
                ends = (base, rate) if metric.better == "lower" else (rate, base)
                self._say(number, f"effect {ends[0]:.6g} - {ends[1]:.6g} = {effect:.6g}", None)

    def _say_units(self, number: int, metric: Metric, reading: Reading, units: Floats) -> None:
        """Write down how units were counted, where they were not reported."""
        if not self.strict or not np.isnan(reading.units[0]):
            return
        n, rate = float(reading.n[0]), float(reading.rate[0])
        if metric.count == "gross":
            said = f"{n:,.6g} measured x {rate:.6g}"
        else:
            said = f"{n:,.6g} measured x effect {float(argument('effect', reading, metric)[0]):.6g}, at least 0"
        self._say(number, f"{said} = {_count(units)} {metric.unit}", None)


def _count(units: Floats) -> str:
    """Units of the first sample."""
    return f"{float(np.nan_to_num(units)[0]):,.10g}"


def _price(metric: Metric, price: float, reading: Reading) -> str:
    """A unit's price, and how it grew."""
    if metric.escalator is None or metric.price is None:
        return f"{price:,.2f}"
    years = reading.date.year - metric.escalator.first_year
    return f"{price:,.4f} ({metric.price.value:,.2f} x {1 + metric.escalator.rate.value:g}^{years})"


def _band_words(metric: Metric, x: Floats, factor: float) -> str:
    """The band that the first sample falls into."""
    schedule = metric.schedule
    assert schedule is not None
    value = float(rounded(schedule, x)[0])
    band = next((each for each in reversed(schedule.bands) if value >= each.from_ - EXACT), None)
    if band is None:
        return f"below {schedule.bands[0].from_:g}, where the first band begins"
    end = "up" if band.to is None else f"to {band.to:g}"
    slope = f" + {band.slope:,.10g} x {max(value - band.from_, 0.0):.6g}" if band.slope else ""
    grown = "" if factor == 1 else f", x {factor:.6g}"
    return f"band {band.from_:g} {end}: {band.start:,.2f}{slope}{grown}"


def _and_comparison(metric: Metric | None, what: str = "comparison_rate, or effect") -> str:
    """What a compared metric needs besides."""
    return f", and {what}" if metric is not None and metric.compared and metric.count == "net" else ""


def _needed_for(of: str, metric: Metric | None) -> str:
    """What a result must give so that a threshold can look at it."""
    return {
        "rate": "rate",
        "effect": "effect, or rate and comparison_rate",
        "relative": "relative, or effect and comparison_rate",
        "sample": "n" + _and_comparison(metric, "n_comparison"),
        "units": "units, or n and rate" + _and_comparison(metric),
    }[of]
