"""What a deal pays for: metrics and their rules, as data; and what was observed, for a replay.

A metric is one line of the contract. It is paid on a result (its own name, unless it says `measures`), counted or
compared as its evaluator does, priced by one of three rules, held back by requirements, and cut by claims, netting and
caps. Nothing here computes: `cradlecast.finance.rules` does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from cradlecast.scenarios.errors import nearest
from cradlecast.scenarios.fields import (
    Figure,
    Finite,
    Name,
    NonNegative,
    Positive,
    PositiveFigure,
    Record,
    Share,
    ShareFigure,
    Text,
    Year,
)
from cradlecast.scenarios.options import METRIC_AGES

Money = Annotated[float, Field(ge=0.0, le=1e12, allow_inf_nan=False)]
"""Dollars, below a million million so that they are counted exactly in cents."""

Argument = Literal["effect", "relative", "rate", "units"]
"""What a threshold or a schedule looks at. effect: rate less the comparison's, in the wanted direction; relative: that
effect over the comparison's rate; rate: the rate of the children served; units: what is counted."""

Comparison = Literal[
    "none", "no_public_preschool", "lottery", "lottery_itt", "fixed", "historical", "pre_post", "as_reported"
]
"""Whom the evaluator compares with; see docs/contracts.md."""

COUNTERFACTUALS: Final = ("fixed", "historical", "pre_post")
"""Comparisons with a rate that the contract itself can state."""

SIMULATED: Final = ("no_public_preschool", "lottery", "lottery_itt", *COUNTERFACTUALS)
"""Comparisons that a simulated evaluator can make."""


class Dollars(PositiveFigure):
    """A figure in dollars, with its source."""

    value: Money
    low: Money | None = None
    high: Money | None = None


class Band(Record):
    """A stretch of a schedule: an amount where it begins, and a slope from there."""

    from_: Finite = Field(alias="from", description="Where the band begins; a result just there is in the band.")
    to: Finite | None = Field(None, description="Where the next band begins; absent for the last one.")
    pay: Dollars | None = Field(None, description="Dollars where the band begins; nothing if absent.")
    per_point: Dollars | None = Field(None, description="Dollars for each percentage point (0.01) beyond `from`.")
    per_unit: Dollars | None = Field(None, description="Dollars for each whole 1 of the argument beyond `from`.")
    note: Text | None = None

    @model_validator(mode="after")
    def _one_slope(self) -> Band:
        if self.per_point is not None and self.per_unit is not None:
            raise ValueError(f"the band from {self.from_:g} has two slopes; give per_point or per_unit")
        if self.to is not None and not self.to > self.from_:
            raise ValueError(f"the band from {self.from_:g} must end above its beginning; it ends at {self.to:g}")
        return self

    @property
    def start(self) -> float:
        """Dollars where the band begins."""
        return 0.0 if self.pay is None else self.pay.value

    @property
    def slope(self) -> float:
        """Dollars for each whole 1 of the argument."""
        if self.per_point is not None:
            return self.per_point.value * 100
        return 0.0 if self.per_unit is None else self.per_unit.value


class Schedule(Record):
    """Dollars by result, in bands; below the first band nothing is paid."""

    of: Argument
    bands: Annotated[tuple[Band, ...], Field(min_length=1)]
    each: Literal["total", "unit"] = Field(
        "total", description="Whether the dollars are the payment, or a unit's price."
    )
    round_to: Positive | None = Field(None, description="The result is rounded to a multiple of this, a half upward.")

    @model_validator(mode="after")
    def _bands_join(self) -> Schedule:
        for one, other in pairwise(self.bands):
            if one.to is None:
                raise ValueError(f"the band from {one.from_:g} has no end, but another follows; only the last may not")
            if other.from_ < one.to:
                raise ValueError(
                    f"bands overlap: one ends at {one.to:g}, the next begins at {other.from_:g}; a result in between "
                    "would be paid twice"
                )
            if other.from_ > one.to:
                raise ValueError(
                    f"bands leave a gap: one ends at {one.to:g}, the next begins at {other.from_:g}; say what a result "
                    "in between is paid"
                )
        if (end := self.bands[-1].to) is not None:
            raise ValueError(f"the last band ends at {end:g}; leave out `to`, or say what a result above it is paid")
        return self

    @property
    def threshold_payment(self) -> float:
        """The least amount that is paid at once where a band begins, or 0."""
        return min((band.start for band in self.bands if band.start > 0), default=0.0)


class Advance(Record):
    """Money that investors put in on a day, for the sum that makes them whole."""

    date: date
    amount: Dollars


class Whole(Record):
    """What makes investors whole: their money and a base return."""

    advances: Annotated[tuple[Advance, ...], Field(min_length=1)]
    rate: ShareFigure = Field(description="Base return: 5 % is 0.05.")
    compounding: Literal["once", "simple", "annual"] = Field(
        description="once: flat on the money; simple: a year on what is not paid back yet, Act/365; annual: compounded."
    )
    note: Text | None = None


class Savings(Record):
    """A share of savings, and the share once investors are whole."""

    share: ShareFigure
    then: ShareFigure = Field(description="The share once investors are whole.")
    whole: Whole


class Escalator(Record):
    """A price that rises by a rate each year: price x (1 + rate)^(years since the first)."""

    rate: Figure = Field(description="1 % is 0.01.")
    first_year: Year = Field(description="The calendar year of measurement in which the price is as stated.")

    @model_validator(mode="after")
    def _rate_is_a_share(self) -> Escalator:
        if not -1 < self.rate.value < 1:
            raise ValueError(f"rate of an escalator must be between -1 and 1 (1 % is 0.01); got {self.rate.value:g}")
        return self


class Estimate(Record):
    """One of several estimates of the effect, and its weight."""

    name: Name = Field(description="A comparison, or a name under `estimates` of the results.")
    weight: Share


class Condition(Record):
    """A result on one side of a threshold."""

    result: Name | None = Field(default=None, description="The result that is looked at; the metric's own if absent.")
    of: Literal["effect", "relative", "rate", "units", "sample"] = Field(description="sample: children measured.")
    at_least: Finite | None = None
    at_most: Finite | None = None
    over: Literal["cohort", "pooled"] = Field(
        "cohort", description="cohort: the claim's own; pooled: all cohorts measured so far, by their children."
    )

    @model_validator(mode="after")
    def _one_threshold(self) -> Condition:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("a condition must have either at_least or at_most")
        if self.of == "relative" and abs(self.threshold) > 5:
            raise ValueError(
                f"a relative effect of {self.threshold:g} is {self.threshold:.0%}; {self.threshold:g} % is "
                f"{self.threshold / 100:g}"
            )
        return self

    @property
    def threshold(self) -> float:
        """The number on which the condition turns."""
        value = self.at_least if self.at_least is not None else self.at_most
        assert value is not None
        return value


class Requirement(Record):
    """Something that must hold before anything is paid: any one of its conditions."""

    any_of: Annotated[tuple[Condition, ...], Field(min_length=1)]


class Method(Record):
    """What the evaluator's work does to a result: the stated rate, the bias, who is lost, and what is misread."""

    counterfactual: ShareFigure | None = Field(
        None, description="Rate held against the children served: fixed (1 where all would have), historical, pre_post."
    )
    take_up: ShareFigure | None = Field(None, description="Share of those offered a place who took it (lottery_itt).")
    bias: Finite = Field(0.0, description="Added to the evaluated effect, in shares: 0.02 is two points.")
    attrition: Share = Field(0.0, description="Share of the children served who are lost before measurement.")
    attrition_comparison: Share = Field(0.0, description="The same of the comparison.")
    screened: ShareFigure | None = Field(
        None, description="Only this share of the children served, those lowest at entry, is flagged and paid for."
    )
    misread: Annotated[float, Field(ge=0.0, le=0.5)] = Field(
        0.0, description="Share of readings that say the opposite, beyond the instrument's own noise."
    )
    most_per_side: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Measured children on each side, in the community's children; all if absent."
    )
    note: Text | None = None


AS_SEEN: Final = Method.model_validate({})
"""An evaluator who loses nobody, misreads nothing and has no bias."""


class Metric(Record):
    """A line of the contract: a result that is paid for, by a rule, within limits."""

    name: Name
    title: Text
    payer: Name
    measures: Name | None = Field(None, description="The result it is paid on, if that has another name.")
    rule: Literal["price_per_unit", "schedule", "share_of_savings"]
    count: Literal["gross", "net"] = Field(
        "gross", description="gross: children seen to reach it; net: those beyond the comparison's rate, at least 0."
    )
    comparison: Comparison = "none"
    better: Literal["higher", "lower"] = Field("higher", description="lower: days in care, special education.")
    unit: Text = Field("child", description="What one unit is: child, child-year, day.")
    pooled: bool = Field(False, description="All cohorts make one claim, when the last of them is measured.")
    price: Dollars | None = Field(None, description="Dollars a unit.")
    escalator: Escalator | None = None
    schedule: Schedule | None = None
    savings: Savings | None = None
    estimates: tuple[Estimate, ...] = Field((), description="Estimates of the effect that are blended, by weight.")
    method: Method = AS_SEEN
    requires: tuple[Requirement, ...] = Field((), description="All must hold, or nothing is paid.")
    net_of: tuple[Name, ...] = Field((), description="Deductions, or metrics whose payments are set off against it.")
    claims_per_person: Annotated[int, Field(ge=1)] | None = Field(None, description="1: the first claim only.")
    claim_group: Name | None = Field(None, description="Lines of one group share the claims that a person may make.")
    after: Name | None = Field(None, description="A line that the same person must have claimed before.")
    cap_per_person: Dollars | None = Field(None, description="Most for one person on this line.")
    cap_per_payment: Dollars | None = Field(None, description="Most for this metric on one payment date.")
    cap_per_year: Dollars | None = Field(None, description="Most for this metric in one year of the deal.")
    cap_over_life: Dollars | None = Field(None, description="Most for this metric over the deal's life.")
    lag_days: Annotated[int, Field(ge=0, le=3650)] = Field(0, description="Days from measurement to payment.")
    minimum_sample: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Fewer measured children than this on either side of the evaluation, and nothing is paid."
    )
    note: Text | None = None

    @property
    def result(self) -> str:
        """The result that the metric is paid on."""
        return self.measures or self.name

    @property
    def compared(self) -> bool:
        """Whether the evaluator compares with anything."""
        return self.comparison != "none"

    @property
    def by_person(self) -> bool:
        """Whether the metric has limits that only claims person by person can be held against."""
        return any(each is not None for each in (self.claims_per_person, self.claim_group, self.after)) or (
            self.cap_per_person is not None
        )

    @model_validator(mode="after")
    def _parts_fit_the_rule(self) -> Metric:
        needs = {"price_per_unit": "price", "schedule": "schedule", "share_of_savings": "savings"}[self.rule]
        if getattr(self, needs) is None:
            raise ValueError(f"metric '{self.name}' is paid by {self.rule}; the key {needs} is missing")
        for key in ("schedule", "savings"):
            if key != needs and getattr(self, key) is not None:
                raise ValueError(f"metric '{self.name}' is paid by {self.rule}; leave out {key}")
        if self.rule == "schedule" and self.price is not None:
            raise ValueError(f"metric '{self.name}' is paid by schedule; leave out price (each: unit makes it a price)")
        return self

    @model_validator(mode="after")
    def _net_needs_a_comparison(self) -> Metric:
        if self.count == "net" and not self.compared:
            raise ValueError(f"metric '{self.name}' counts net of a comparison; comparison must not be none")
        looked_at = [condition.of for each in self.requires for condition in each.any_of if condition.result is None]
        if self.schedule is not None:
            looked_at.append(self.schedule.of)
        if not self.compared and (effects := [of for of in looked_at if of in ("effect", "relative")]):
            raise ValueError(f"metric '{self.name}' looks at {effects[0]}, an effect; comparison must not be none")
        return self

    @model_validator(mode="after")
    def _better_results_pay_no_less(self) -> Metric:
        if self.schedule is None or (self.schedule.of in ("rate", "units") and self.better == "lower"):
            return self
        for one, other in pairwise(self.schedule.bands):
            assert one.to is not None
            end = one.start + one.slope * (one.to - one.from_)
            if other.start < end - 0.005:
                raise ValueError(
                    f"metric '{self.name}' would pay less for a better result: {end:,.2f} just below {other.from_:g}, "
                    f"{other.start:,.2f} from there on"
                )
        return self

    @model_validator(mode="after")
    def _caps_leave_room(self) -> Metric:
        least = 0.0 if self.schedule is None or self.schedule.each == "unit" else self.schedule.threshold_payment
        for key in ("cap_per_payment", "cap_per_year", "cap_over_life"):
            cap: Dollars | None = getattr(self, key)
            if cap is not None and cap.value < least:
                raise ValueError(
                    f"{key} of metric '{self.name}' ({cap.value:,.2f}) lies below its threshold payment "
                    f"({least:,.2f}), which could never be made in full"
                )
        return self

    @model_validator(mode="after")
    def _estimates_sum_to_one(self) -> Metric:
        total = sum(each.weight for each in self.estimates)
        if self.estimates and abs(total - 1) > 1e-9:
            raise ValueError(f"weights of the estimates of metric '{self.name}' must sum to 1; they sum to {total:g}")
        if self.estimates and not self.compared:
            raise ValueError(f"metric '{self.name}' blends estimates of an effect; comparison must not be none")
        return self

    @model_validator(mode="after")
    def _persons_are_counted_gross(self) -> Metric:
        if self.by_person and (self.count == "net" or self.rule != "price_per_unit" or self.pooled):
            raise ValueError(
                f"metric '{self.name}' limits what one person is paid for; that needs rule: price_per_unit, "
                "count: gross, and cohorts that are not pooled"
            )
        if self.after == self.name:
            raise ValueError(f"metric '{self.name}' cannot come after itself")
        return self

    @model_validator(mode="after")
    def _method_fits_the_comparison(self) -> Metric:
        if self.comparison == "fixed" and self.method.counterfactual is None:
            raise ValueError(
                f"metric '{self.name}' is compared with a fixed rate; method.counterfactual is missing (1 where every "
                "child is taken to have reached it otherwise)"
            )
        if self.method.counterfactual is not None and self.comparison not in COUNTERFACTUALS:
            raise ValueError(
                f"metric '{self.name}' states a counterfactual rate; comparison must be {', '.join(COUNTERFACTUALS)}"
            )
        if self.method.take_up is not None and self.comparison != "lottery_itt":
            raise ValueError(f"metric '{self.name}' states the take-up of offers; comparison must be lottery_itt")
        return self

    def beyond_simulation(self) -> str | None:
        """Why no study can be paid for on this metric, or None."""
        if self.result not in METRIC_AGES:
            return f"the model does not know the result '{self.result}'{nearest(self.result, METRIC_AGES)}"
        if self.by_person:
            return f"metric '{self.name}' limits what one person is paid for, which needs claims person by person"
        for name in (self.comparison, *(each.name for each in self.estimates)):
            if name != "none" and name not in SIMULATED:
                return f"metric '{self.name}' rests on the estimate '{name}', which a study does not make"
        if self.comparison in ("historical", "pre_post") and self.method.counterfactual is None:
            return f"metric '{self.name}' needs method.counterfactual, the rate that a study holds against the seated"
        if self.comparison == "lottery_itt" and self.method.take_up is None:
            return f"metric '{self.name}' needs method.take_up, the share of those offered a seat who took it"
        return None


class Behaviour(Record):
    """What parties may do because the contract pays as it does: levers, none of which moves unless it is set."""

    creaming: Share = Field(
        0.0, description="Share of the seats of the third of children lowest at entry that go to others instead."
    )
    nudging: Share = Field(
        0.0, description="Share of the children served, the nearest below the threshold, whose score is lifted over it."
    )
    denial: Share = Field(
        0.0, description="Share of the children served who need special education and are denied it to be paid for."
    )
    under_enrolment: Share = Field(0.0, description="Share of the seats that stay empty, though they are paid for.")
    wind_down: Share = Field(
        0.0, description="Share of the last cohort's children for whom the effect is lost as the program closes down."
    )


AS_MEANT: Final = Behaviour.model_validate({})
"""Everybody does what the contract means them to."""

LEVERS: Final = tuple(Behaviour.model_fields)
"""The ways to behave under a contract, by name."""


class Deduction(Record):
    """An amount that payments are net of, until it is used up."""

    name: Name
    title: Text
    amount: Dollars | None = Field(None, description="If absent, the results say it.")


def check_rules(metrics: Sequence[Metric], deductions: Sequence[str], ends_if: Sequence[Condition]) -> None:
    """Raise ValueError where a rule names what is not there, or leads in a circle.

    Parameters
    ----------
    metrics, deductions, ends_if
        Those of one deal.
    """
    by_name = {metric.name: metric for metric in metrics}
    known = [*by_name, *deductions]
    for name in deductions:
        if name in by_name:
            raise ValueError(f"'{name}' is the name of a deduction and of a metric; net_of could mean either")
        if not any(name in metric.net_of for metric in metrics):
            raise ValueError(f"deduction '{name}' is deducted from nothing; name it in net_of of a metric")
    for metric in metrics:
        for name in metric.net_of:
            if name not in known:
                raise ValueError(
                    f"metric '{metric.name}' is net of '{name}', which is not declared{nearest(name, known)}"
                )
        if metric.after is not None and metric.after not in by_name:
            hint = nearest(metric.after, known)
            raise ValueError(f"metric '{metric.name}' comes after '{metric.after}', which is not declared{hint}")
        _refuse_circles(metric, by_name)
    if any(condition.result is None for condition in ends_if):
        raise ValueError("a condition of ends_if must name the result that it looks at")


def _refuse_circles(metric: Metric, by_name: Mapping[str, Metric]) -> None:
    """Raise where a metric is net of itself, be it through others."""
    ahead, seen = list(metric.net_of), set[str]()
    while ahead:
        name = ahead.pop()
        if name == metric.name:
            raise ValueError(f"metric '{metric.name}' is net of itself, through {' and '.join(sorted({*seen, name}))}")
        if name in by_name and name not in seen:
            ahead += by_name[name].net_of
            seen.add(name)


# What was observed

Number = Finite | Figure
"""A number as observed, bare or with its source."""


def value_of(number: Number | None) -> float:
    """The number itself; NaN where there is none."""
    if number is None:
        return float("nan")
    return number.value if isinstance(number, Figure) else number


class Reading(Record):
    """What the evaluator reported of one result, for one cohort, on one day."""

    result: Name
    date: date
    cohort: Text | int | None = Field(None, description="Whose result it is, in words or by birth year.")
    n: Number | None = Field(None, description="Children (persons) measured.")
    rate: Number | None = Field(None, description="Share of them who reach it, or units a person (days).")
    n_comparison: Number | None = None
    comparison_rate: Number | None = None
    effect: Number | None = Field(None, description="rate less comparison_rate, as reported.")
    relative: Number | None = Field(None, description="Relative change in the wanted direction, as reported.")
    estimates: dict[Name, Number] = Field(default_factory=dict, description="Effects by name, to be blended.")
    units: Number | None = Field(None, description="Units to be paid for, as reported.")
    amount: Number | None = Field(None, description="Savings in dollars, as reported, before any share.")
    note: Text | None = None

    @model_validator(mode="after")
    def _numbers_can_be(self) -> Reading:
        for name in ("n", "n_comparison", "units", "amount"):
            value = value_of(getattr(self, name))
            if value < 0:
                raise ValueError(f"{name} of the result '{self.result}' must be 0 or more; got {value:g}")
        return self


class PersonClaim(Record):
    """One claim for one person."""

    metric: Name
    date: date
    units: NonNegative = 1.0


class Person(Record):
    """A person's claims, or those of several people whose claims are alike."""

    person: Text | None = None
    people: Annotated[int, Field(ge=1)] = 1
    claims: Annotated[tuple[PersonClaim, ...], Field(min_length=1)]


class Capital(Record):
    """Money that was put up, as published, where the terms of its repayment are not."""

    name: Name
    kind: Literal["senior", "subordinate", "grant", "recoverable_grant", "deferred_fee", "guarantee"]
    party: Text
    amount: Dollars
    drawn: Dollars | None = Field(None, description="What was drawn or called of it.")
    guards: tuple[Name, ...] = Field((), description="For a guarantee: whose loss it covers.")
    note: Text | None = None


class Published(Record):
    """A payment as published, to be laid beside the one computed."""

    what: Text
    amount: Dollars
    metric: Name | None = Field(None, description="All metrics if absent.")
    payer: Name | None = Field(None, description="All payers if absent.")
    tolerance: Money = Field(0.0, description="How far rounding may have moved the published figure, in dollars.")


class Observed(Record):
    """What happened, as far as it is known: results, claims, and what was published about them."""

    results: tuple[Reading, ...] = ()
    people: tuple[Person, ...] = Field((), description="Claims person by person, for rate cards.")
    deductions: dict[Name, Dollars] = Field(default_factory=dict, description="Amounts of the deal's deductions.")
    ended_on: date | None = Field(None, description="The day on which the deal was ended early, if it was.")
    capital: tuple[Capital, ...] = ()
    published: tuple[Published, ...] = ()
    note: Text | None = None


class Results(Record):
    """Observed results in a file of their own, for a deal that is declared elsewhere."""

    schema_: str = Field(alias="schema")
    name: Name
    title: Text = ""
    observed: Observed
