"""A deal: who pays, who lends, what is bought, what is paid for results, and who is paid first.

A deal is data. It knows its parties, its uses and sources of money, the metrics that it pays for and the order in
which money is shared out. It does not know how many seats the scenario opens, nor how many children reach a metric:
those come from a study, and `cradlecast.finance` brings the two together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from cradlecast.scenarios.errors import nearest
from cradlecast.scenarios.fields import Name, PositiveFigure, Record, Share, ShareFigure, Text, Year

Role = Literal["investor", "service_provider", "intermediary", "evaluator", "outcomes_payer", "guarantor"]
MetricName = Literal[
    "prek_attendance",
    "preliteracy_growth",
    "kindergarten_ready",
    "grade3_reading",
    "grade8_math",
    "high_school_graduate",
    "postsecondary_enrolled",
    "postsecondary_completed",
    "employed",
]
Money = Annotated[float, Field(ge=0.0, le=1e12, allow_inf_nan=False)]
"""Dollars, below a million million so that they are counted exactly in cents."""


class Dollars(PositiveFigure):
    """A figure in dollars, with its source."""

    value: Money
    low: Money | None = None
    high: Money | None = None


class Party(Record):
    """Someone who puts money in, takes money out, or judges the results."""

    name: Name
    title: Text = Field(description="The name in full.")
    role: Role
    payment_cap: Dollars | None = Field(None, description="Most that an outcomes payer pays over the deal's life.")
    note: Text | None = None

    @model_validator(mode="after")
    def _only_payers_have_caps(self) -> Party:
        if self.payment_cap is not None and self.role != "outcomes_payer":
            raise ValueError(f"payment_cap of party '{self.name}' needs the role outcomes_payer; it is {self.role}")
        return self


class Instalment(Record):
    """A day of the school year on which a share of its seats is paid for; July begins the school year."""

    month: Annotated[int, Field(ge=1, le=12)]
    day: Annotated[int, Field(ge=1, le=28)]
    share: Share

    def on(self, school_year: int) -> date:
        """The date in the school year that begins in the given calendar year."""
        first_month = 7
        return date(school_year + (self.month < first_month), self.month, self.day)


class Use(Record):
    """A line of what the money is for: seats at a price each, or an amount on given dates."""

    name: Name
    title: Text
    to: Name = Field(description="The party that is paid.")
    per_seat: Dollars | None = Field(None, description="Dollars a seat-year; the scenario says how many seats.")
    instalments: tuple[Instalment, ...] = Field((), description="When in each school year the seats are paid for.")
    amount: Dollars | None = Field(None, description="The whole line, paid in equal parts on `dates`.")
    dates: tuple[date, ...] = ()
    paid_by: Literal["sources", "waterfall"] = Field(
        "sources", description="waterfall: only out of outcome payments, by a fee step; what is due bears no interest."
    )
    note: Text | None = None

    @model_validator(mode="after")
    def _one_kind_of_amount(self) -> Use:
        if (self.per_seat is None) == (self.amount is None):
            raise ValueError(f"use '{self.name}' must have either per_seat or amount")
        if self.per_seat is not None:
            if self.dates or not self.instalments or self.paid_by == "waterfall":
                raise ValueError(f"use '{self.name}' is per seat: it needs instalments, no dates, and paid_by: sources")
            total = sum(part.share for part in self.instalments)
            if abs(total - 1) > 1e-9:
                raise ValueError(f"shares of the instalments of use '{self.name}' must sum to 1; they sum to {total:g}")
        elif self.instalments or not self.dates:
            raise ValueError(f"use '{self.name}' has an amount: it needs dates and no instalments")
        return self


class Tranche(Record):
    """Money that is lent, drawn as uses fall due, and paid back out of outcome payments."""

    kind: Literal["senior", "subordinate"]
    name: Name
    party: Name
    amount: Dollars = Field(description="The most that can be drawn; what is paid back cannot be drawn again.")
    rate: ShareFigure = Field(description="Interest a year on money drawn: 5 % is 0.05.")
    day_count: Literal["act/365"] = "act/365"
    compounding: Literal["simple", "annual"] = Field(
        "simple", description="simple: unpaid interest bears none; annual: it does, at the effective yearly rate."
    )
    draw: Literal["in_order", "pro_rata"] = "in_order"
    note: Text | None = None


class OtherMoney(Record):
    """Money that is given and not paid back: an appropriation or a grant."""

    kind: Literal["appropriation", "grant"]
    name: Name
    party: Name
    amount: Dollars | None = None
    balance: bool = Field(False, description="This line takes what the other sources leave.")
    draw: Literal["in_order", "pro_rata"] = Field(
        "in_order", description="pro_rata: pays its share of every use; in_order: pays when its turn comes in the list."
    )
    note: Text | None = None

    @model_validator(mode="after")
    def _amount_or_balance(self) -> OtherMoney:
        if (self.amount is None) != self.balance:
            raise ValueError(f"source '{self.name}' must have either an amount or balance: true")
        return self


class Recycled(Record):
    """Outcome payments that the waterfall keeps back to pay for later seats. This is not more capital."""

    kind: Literal["recycled"]
    name: Name
    amount: Dollars = Field(description="What is planned; what comes depends on results.")
    backstop: Name = Field(description="The source that stands in where outcome payments come too late or not at all.")
    note: Text | None = None


Source = Annotated[Tranche | OtherMoney | Recycled, Field(discriminator="kind")]


class Metric(Record):
    """A result that is paid for: price x units, less what the caps cut."""

    name: MetricName
    title: Text
    payer: Name
    rule: Literal["price_per_unit"]
    count: Literal["gross", "net"] = Field(
        description="gross: seated children seen to reach it; net: those beyond the comparison's rate, at least 0."
    )
    comparison: Literal["none", "no_public_preschool"]
    price: Dollars = Field(description="Dollars a unit.")
    cap_per_payment: Dollars | None = Field(None, description="Most for this metric on one payment date.")
    cap_over_life: Dollars | None = Field(None, description="Most for this metric over the deal's life.")
    lag_days: Annotated[int, Field(ge=0, le=3650)] = Field(description="Days from measurement to payment.")
    minimum_sample: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Fewer measured children than this on either side of the evaluation, and nothing is paid."
    )
    note: Text | None = None

    @model_validator(mode="after")
    def _net_needs_a_comparison(self) -> Metric:
        if self.count == "net" and self.comparison == "none":
            raise ValueError(f"metric '{self.name}' counts net of a comparison; comparison must not be none")
        return self


class Step(Record):
    """One step of the waterfall: pay so much of what is due as the cash allows, then go on to the next."""

    pay: Literal["fee", "interest", "principal", "recycle", "residual"]
    to: Name = Field(description="Interest, principal: a tranche; fee, recycle: a use; residual: a party or a tranche.")


class Deal(Record):
    """A pay-for-success deal as declared in a file."""

    schema_: str = Field(alias="schema")
    name: Name
    title: Text
    illustrative: bool = Field(description="True where terms that matter are assumed rather than published.")
    description: Text
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    price_year: int | str = Field(description="The year of the prices, or the years for nominal money.")
    references: tuple[Text, ...] = Field((), description="What was read about the deal, with addresses.")
    school_years: Annotated[tuple[Year, ...], Field(min_length=1)] = Field(
        description="School years whose seats are paid for, each by the calendar year in which it begins."
    )
    cohorts: Annotated[tuple[Year, ...], Field(min_length=1)] = Field(
        description="Birth years of the children whose results count."
    )
    parties: Annotated[tuple[Party, ...], Field(min_length=1)]
    uses: Annotated[tuple[Use, ...], Field(min_length=1)]
    sources: Annotated[tuple[Source, ...], Field(min_length=1)] = Field(
        description="In the order in which they are drawn."
    )
    metrics: Annotated[tuple[Metric, ...], Field(min_length=1)]
    waterfall: Annotated[tuple[Step, ...], Field(min_length=1)]

    @property
    def tranches(self) -> tuple[Tranche, ...]:
        """The sources that are lent."""
        return tuple(source for source in self.sources if isinstance(source, Tranche))

    @property
    def recycled(self) -> Recycled | None:
        """The source that is made of outcome payments, if there is one."""
        return next((source for source in self.sources if isinstance(source, Recycled)), None)

    def party(self, name: str) -> Party:
        """The party of that name."""
        return next(party for party in self.parties if party.name == name)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Deal:
        for what in ("parties", "uses", "sources", "metrics"):
            _refuse_repeats(what, [entry.name for entry in getattr(self, what)])
        _refuse_repeats("school_years", self.school_years)
        _refuse_repeats("cohorts", self.cohorts)
        _refuse_repeats("waterfall", [f"{step.pay} to {step.to}" for step in self.waterfall])
        return self

    @model_validator(mode="after")
    def _parties_are_declared(self) -> Deal:
        roles = {party.name: party.role for party in self.parties}
        for use in self.uses:
            _known(use.to, roles, f"use '{use.name}' is paid to party")
        for source in self.sources:
            if not isinstance(source, Recycled):
                _known(source.party, roles, f"source '{source.name}' comes from party")
        for tranche in self.tranches:
            _role(tranche.party, roles, "investor", f"tranche '{tranche.name}' comes from")
        for metric in self.metrics:
            _known(metric.payer, roles, f"metric '{metric.name}' is paid by party")
            _role(metric.payer, roles, "outcomes_payer", f"metric '{metric.name}' is paid by")
        return self

    @model_validator(mode="after")
    def _one_balance_and_one_recycling(self) -> Deal:
        balances = [source.name for source in self.sources if isinstance(source, OtherMoney) and source.balance]
        if len(balances) > 1:
            raise ValueError(f"at most one source may have balance: true; got {' and '.join(balances)}")
        recycled = [source for source in self.sources if isinstance(source, Recycled)]
        if len(recycled) > 1 or len(recycled) != sum(step.pay == "recycle" for step in self.waterfall):
            raise ValueError("a recycled source and a recycle step belong together: one of each, or neither")
        given = [source.name for source in self.sources if isinstance(source, OtherMoney)]
        for source in recycled:
            _known(source.backstop, given, f"source '{source.name}' is backed by appropriation or grant")
        return self

    @model_validator(mode="after")
    def _steps_have_targets(self) -> Deal:
        tranches = [tranche.name for tranche in self.tranches]
        targets: dict[str, tuple[str, list[str]]] = {
            "interest": ("tranche", tranches),
            "principal": ("tranche", tranches),
            "fee": ("use with paid_by: waterfall", [use.name for use in self.uses if use.paid_by == "waterfall"]),
            "recycle": ("use with per_seat", [use.name for use in self.uses if use.per_seat is not None]),
            "residual": ("party or tranche", [party.name for party in self.parties] + tranches),
        }
        for step in self.waterfall:
            kind, names = targets[step.pay]
            _known(step.to, names, f"waterfall step '{step.pay}' goes to {kind}")
        for pay, names in (("principal", tranches), ("interest", tranches), ("fee", targets["fee"][1])):
            for name in names:
                if not any(step.pay == pay and step.to == name for step in self.waterfall):
                    raise ValueError(f"waterfall has no step that pays {pay} to '{name}'")
        return self

    @model_validator(mode="after")
    def _order_is_lawful(self) -> Deal:
        pays = [step.pay for step in self.waterfall]
        if pays.count("residual") != 1 or pays[-1] != "residual":
            raise ValueError("waterfall must end in one residual step, so that every dollar has an owner")
        kinds = {tranche.name: tranche.kind for tranche in self.tranches}
        repaid = [kinds[step.to] for step in self.waterfall if step.pay == "principal"]
        if repaid != sorted(repaid):  # "senior" before "subordinate"
            raise ValueError("waterfall pays principal to a subordinate tranche before a senior one")
        return self


def _refuse_repeats(what: str, names: Iterable[object]) -> None:
    """Raise where a name stands twice."""
    repeated = [name for name, times in Counter(names).items() if times > 1]
    if repeated:
        raise ValueError(f"'{repeated[0]}' stands more than once in {what}")


def _known(name: str, names: Iterable[str], sentence: str) -> None:
    """Raise where a name was not declared."""
    names = list(names)
    if name not in names:
        raise ValueError(f"{sentence} '{name}', which is not declared{nearest(name, names)}")


def _role(name: str, roles: dict[str, Role], role: Role, sentence: str) -> None:
    """Raise where a party has another role than it needs."""
    if roles[name] != role:
        raise ValueError(f"{sentence} '{name}', whose role must be {role}; it is {roles[name]}")
