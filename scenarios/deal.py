"""A deal: who pays, who lends, what is bought, what is paid for results, and who is paid first.

A deal is data. It knows its parties, its uses and sources of money, the metrics that it pays for and the order in
which money is shared out. It does not know how many seats the scenario opens, nor how many children reach a metric:
those come from a study, and `cradlecast.finance` brings the two together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from cradlecast.scenarios.contract import (
    AS_MEANT,
    LEVERS,
    Behaviour,
    Condition,
    Deduction,
    Dollars,
    Metric,
    Observed,
    check_rules,
)
from cradlecast.scenarios.costs import PUBLIC, Budget
from cradlecast.scenarios.errors import InputError, nearest
from cradlecast.scenarios.fields import Name, Record, Share, ShareFigure, Text, Year
from cradlecast.scenarios.options import METRIC_AGES

Role = Literal["investor", "service_provider", "intermediary", "evaluator", "outcomes_payer", "guarantor"]
LOANS = ("senior", "subordinate")
"""Kinds of tranches that are lent by investors; the others are paid back without being loans."""


class Appropriation(Record):
    """The risk that a payer's legislature does not appropriate the money in a fiscal year."""

    missed: ShareFigure = Field(description="Chance a year that nothing is appropriated.")
    fiscal_year_begins: Annotated[int, Field(ge=1, le=12)] = Field(7, description="Month of the first day.")
    then: Literal["year", "all_later"] = Field(
        "year", description="What is lost: the payments of that fiscal year, or those of all later ones too."
    )


class Party(Record):
    """Someone who puts money in, takes money out, or judges the results."""

    name: Name
    title: Text = Field(description="The name in full.")
    role: Role
    budget: Budget | None = Field(None, description="The budget of the ledger that the party's money belongs to.")
    payment_cap: Dollars | None = Field(None, description="Most that an outcomes payer pays over the deal's life.")
    cap_per_year: Dollars | None = Field(None, description="Most that an outcomes payer pays in one year of the deal.")
    appropriation: Appropriation | None = Field(None, description="Where a payer's promise depends on a legislature.")
    worth_per_unit: dict[Name, Dollars] = Field(
        default_factory=dict,
        description="Metric to what one unit is worth to this payer, which no payment may exceed (SIPPRA).",
    )
    note: Text | None = None

    @model_validator(mode="after")
    def _only_payers_have_terms_of_payers(self) -> Party:
        for key in ("payment_cap", "cap_per_year", "appropriation", "worth_per_unit"):
            if getattr(self, key) and self.role != "outcomes_payer":
                raise ValueError(f"{key} of party '{self.name}' needs the role outcomes_payer; it is {self.role}")
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
    """Money that is drawn as uses fall due, and paid back out of outcome payments: loans first, then what is softer."""

    kind: Literal["senior", "subordinate", "recoverable_grant", "deferred_fee"]
    name: Name
    party: Name
    amount: Dollars = Field(description="The most that can be drawn; what is paid back cannot be drawn again.")
    rate: ShareFigure | None = Field(None, description="Interest a year on money drawn: 5 % is 0.05; none if left out.")
    day_count: Literal["act/365"] = "act/365"
    compounding: Literal["simple", "annual"] = Field(
        "simple", description="simple: unpaid interest bears none; annual: it does, at the effective yearly rate."
    )
    interest: Literal["current", "deferred", "paid_in_kind"] = Field(
        "current",
        description="current: due on every payment date; deferred: due from interest_from; paid_in_kind: added to the "
        "principal on every payment date.",
    )
    interest_from: date | None = Field(None, description="First day on which deferred interest is paid.")
    return_cap: ShareFigure | None = Field(
        None, description="Most that the tranche may return a year (effective, Act/365), whatever the steps would pay."
    )
    only_for: tuple[Name, ...] = Field(
        (), description="Uses and reserves that it may pay for; all of them if left out."
    )
    draw: Literal["in_order", "pro_rata"] = "in_order"
    note: Text | None = None

    @property
    def yearly_rate(self) -> float:
        """Interest a year on money drawn."""
        return 0.0 if self.rate is None else self.rate.value

    @model_validator(mode="after")
    def _terms_fit_each_other(self) -> Tranche:
        if self.kind in LOANS and self.rate is None:
            raise ValueError(f"loan '{self.name}' needs a rate (0 where it bears no interest)")
        if self.kind == "deferred_fee" and not self.only_for:
            raise ValueError(
                f"deferred fee '{self.name}' needs only_for: the uses whose payee waits for part of the money"
            )
        if (self.interest == "deferred") != (self.interest_from is not None):
            raise ValueError(f"interest_from of '{self.name}' belongs to interest: deferred, and to nothing else")
        if self.only_for and self.draw == "pro_rata":
            raise ValueError(f"'{self.name}' pays for some uses only, so that it cannot be drawn pro_rata of all")
        if self.return_cap is not None and self.return_cap.value < self.yearly_rate:
            raise ValueError(
                f"return_cap of '{self.name}' ({self.return_cap.value:g}) lies below its rate ({self.yearly_rate:g})"
            )
        return self


class Guarantee(Record):
    """A promise to make good part of a tranche's loss; it is no cash until its test date, and no source of money."""

    name: Name
    party: Name = Field(description="The guarantor.")
    tranche: Name = Field(description="The tranche whose shortfall it pays.")
    amount: Dollars = Field(description="The most that it pays.")
    test_date: date = Field(description="The day on which the shortfall is measured and paid, after that day's steps.")
    covers: Literal["principal", "principal_and_interest"] = "principal"
    note: Text | None = None


class Reserve(Record):
    """Money that the deal keeps for a bad day: a use at closing, and cash of the waterfall at the end."""

    name: Name
    title: Text
    amount: Dollars
    funded_on: date
    pays: Annotated[tuple[Name, ...], Field(min_length=1)] = Field(
        description="What it pays where the cash falls short: interest of a tranche, or a fee of the waterfall."
    )
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


class Step(Record):
    """One step of the waterfall: pay so much of what is due as the cash allows, then go on to the next."""

    pay: Literal["fee", "interest", "principal", "recycle", "reimburse", "success_share", "residual"]
    to: Name = Field(
        description="Interest, principal: a tranche; fee, recycle: a use; reimburse: a guarantee; success_share, "
        "residual: a party or a tranche."
    )
    share: Share | None = Field(
        None, description="success_share: the share of the cash left when its turn comes, once nothing ahead is owed."
    )
    most: Dollars | None = Field(None, description="success_share: the most that it pays over the deal's life.")

    @model_validator(mode="after")
    def _share_of_a_success_share(self) -> Step:
        if (self.pay == "success_share") != (self.share is not None) or (self.most and self.share is None):
            raise ValueError(f"step '{self.pay}' to '{self.to}': share belongs to success_share, and most beside it")
        return self


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
    school_years: tuple[Year, ...] = Field(
        (), description="School years whose seats are paid for, each by the calendar year in which it begins."
    )
    cohorts: tuple[Year, ...] = Field((), description="Birth years of the children whose results count.")
    parties: Annotated[tuple[Party, ...], Field(min_length=1)]
    uses: tuple[Use, ...] = Field((), description="What the money is for; needed to price a deal, not to replay it.")
    sources: tuple[Source, ...] = Field((), description="In the order in which they are drawn.")
    guarantees: tuple[Guarantee, ...] = Field((), description="Promises to pay a tranche's loss; not cash.")
    reserves: tuple[Reserve, ...] = Field((), description="Money kept for a bad day; each is a use of the sources.")
    metrics: Annotated[tuple[Metric, ...], Field(min_length=1)]
    cap_per_person: Dollars | None = Field(None, description="Most for one person over all metrics.")
    cap_over_life: Dollars | None = Field(None, description="Most for all metrics and payers over the deal's life.")
    year_begins: Annotated[int, Field(ge=1, le=12)] = Field(
        1, description="Month in which a year of the deal begins, for the caps per year."
    )
    deductions: tuple[Deduction, ...] = Field((), description="Amounts that payments are net of (net_of of a metric).")
    ends_if: tuple[Condition, ...] = Field(
        (), description="Early termination: from the day a result meets one of these, nothing measured later is paid."
    )
    behaviour: Behaviour = Field(
        default=AS_MEANT, description="What parties do because the contract pays as it does; nothing unless set."
    )
    waterfall: tuple[Step, ...] = Field((), description="Who is paid first; needed to price a deal, not to replay it.")
    observed: Observed | None = Field(None, description="What happened, for a replay.")

    @property
    def tranches(self) -> tuple[Tranche, ...]:
        """The sources that are paid back."""
        return tuple(source for source in self.sources if isinstance(source, Tranche))

    @property
    def recycled(self) -> Recycled | None:
        """The source that is made of outcome payments, if there is one."""
        return next((source for source in self.sources if isinstance(source, Recycled)), None)

    @property
    def results(self) -> tuple[str, ...]:
        """Every result that the rules look at, metrics first."""
        conditions = [c.result for m in self.metrics for each in m.requires for c in each.any_of]
        others = [name for name in (*conditions, *(c.result for c in self.ends_if)) if name is not None]
        return tuple(dict.fromkeys([*(metric.result for metric in self.metrics), *others]))

    @property
    def replay_only(self) -> str | None:
        """Why the deal can be replayed on observed results but not priced on a study, or None."""
        for key in ("uses", "sources", "waterfall", "school_years", "cohorts"):
            if not getattr(self, key):
                return f"it declares no {key}"
        for metric in self.metrics:
            if (why := metric.beyond_simulation()) is not None:
                return why
        for name in self.results:
            if name not in METRIC_AGES:
                return f"the model does not know the result '{name}'{nearest(name, METRIC_AGES)}"
        if self.cap_per_person is not None:
            return "cap_per_person needs claims person by person"
        for deduction in self.deductions:
            if deduction.amount is None:
                return f"the amount of the deduction '{deduction.name}' comes with observed results"
        return None

    def with_behaviour(self, levers: Mapping[str, float]) -> Deal:
        """The same deal with levers of behaviour set to shares from 0 to 1.

        Raises
        ------
        InputError
            There is no such lever, or the share is not one.
        """
        for name, share in levers.items():
            if name not in LEVERS:
                known = nearest(name, LEVERS) or f"; the levers are {', '.join(LEVERS)}"
                raise InputError(f"unknown behaviour '{name}'{known}")
            if not 0 <= share <= 1:
                raise InputError(f"behaviour '{name}' must be a share from 0 to 1; got {share:g}")
        return self.model_copy(update={"behaviour": self.behaviour.model_copy(update=dict(levers))})

    def refuse_if_replay_only(self) -> None:
        """Raise InputError where the deal can be replayed but not priced on a study."""
        if (why := self.replay_only) is not None:
            raise InputError(
                f"deal '{self.name}' can be replayed but not priced on a study: {why}; see cradlecast replay"
            )

    def party(self, name: str) -> Party:
        """The party of that name."""
        return next(party for party in self.parties if party.name == name)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Deal:
        for what in ("parties", "sources", "guarantees", "metrics", "deductions"):
            _refuse_repeats(what, [entry.name for entry in getattr(self, what)])
        _refuse_repeats("uses and reserves", [use.name for use in self.uses] + [each.name for each in self.reserves])
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
            if tranche.kind in LOANS:
                _role(tranche.party, roles, "investor", f"tranche '{tranche.name}' comes from")
        for guarantee in self.guarantees:
            _known(guarantee.party, roles, f"guarantee '{guarantee.name}' comes from party")
            _role(guarantee.party, roles, "guarantor", f"guarantee '{guarantee.name}' comes from")
        for metric in self.metrics:
            _known(metric.payer, roles, f"metric '{metric.name}' is paid by party")
            _role(metric.payer, roles, "outcomes_payer", f"metric '{metric.name}' is paid by")
        return self

    @model_validator(mode="after")
    def _rules_name_what_there_is(self) -> Deal:
        check_rules(self.metrics, [each.name for each in self.deductions], self.ends_if)
        for party in self.parties:
            for key in ("payment_cap", "cap_per_year"):
                _room(
                    getattr(party, key), [m for m in self.metrics if m.payer == party.name], f"{key} of '{party.name}'"
                )
        _room(self.cap_over_life, self.metrics, "cap_over_life of the deal")
        if self.cap_per_person is not None and all(
            m.rule != "price_per_unit" or m.count == "net" for m in self.metrics
        ):
            raise ValueError(
                "cap_per_person of the deal needs a metric that pays a price for each person, counted gross"
            )
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
    def _money_is_for_uses_that_there_are(self) -> Deal:
        payees = {use.name: use.to for use in self.uses if use.paid_by == "sources"}
        held = [reserve.name for reserve in self.reserves]
        for tranche in self.tranches:
            for use in tranche.only_for:
                _known(use, [*payees, *held], f"'{tranche.name}' is only for use or reserve")
                if tranche.kind == "deferred_fee" and payees.get(use) != tranche.party:
                    raise ValueError(f"deferred fee '{tranche.name}' must come from the party that '{use}' is paid to")
        for guarantee in self.guarantees:
            _known(guarantee.tranche, [t.name for t in self.tranches], f"guarantee '{guarantee.name}' covers tranche")
        fees = [use.name for use in self.uses if use.paid_by == "waterfall"]
        for reserve in self.reserves:
            for name in reserve.pays:
                known = [*(tranche.name for tranche in self.tranches), *fees]
                _known(name, known, f"reserve '{reserve.name}' pays tranche or fee of the waterfall")
        return self

    @model_validator(mode="after")
    def _payers_worth_is_of_net_metrics(self) -> Deal:
        paid = {metric.name: metric for metric in self.metrics}
        for party in self.parties:
            for name in party.worth_per_unit:
                _known(name, paid, f"worth_per_unit of party '{party.name}' is of metric")
                if paid[name].payer != party.name or paid[name].count != "net":
                    raise ValueError(
                        f"worth_per_unit of party '{party.name}' limits metric '{name}', which must be paid by it and "
                        "counted net: a gross count also holds children whom nothing changed"
                    )
            if party.budget is not None and party.role == "outcomes_payer" and party.budget not in PUBLIC:
                raise ValueError(f"budget of payer '{party.name}' must be one of {', '.join(PUBLIC)}")
        return self

    @model_validator(mode="after")
    def _steps_have_targets(self) -> Deal:
        if not self.waterfall:
            return self
        tranches = [tranche.name for tranche in self.tranches]
        parties = [party.name for party in self.parties]
        bearing = [tranche.name for tranche in self.tranches if tranche.rate is not None]
        targets: dict[str, tuple[str, list[str]]] = {
            "interest": ("tranche", tranches),
            "principal": ("tranche", tranches),
            "fee": ("use with paid_by: waterfall", [use.name for use in self.uses if use.paid_by == "waterfall"]),
            "recycle": ("use with per_seat", [use.name for use in self.uses if use.per_seat is not None]),
            "reimburse": ("guarantee", [guarantee.name for guarantee in self.guarantees]),
            "success_share": ("party or tranche", parties + tranches),
            "residual": ("party or tranche", parties + tranches),
        }
        for step in self.waterfall:
            kind, names = targets[step.pay]
            _known(step.to, names, f"waterfall step '{step.pay}' goes to {kind}")
        for pay, names in (("principal", tranches), ("interest", bearing), ("fee", targets["fee"][1])):
            for name in names:
                if not any(step.pay == pay and step.to == name for step in self.waterfall):
                    raise ValueError(f"waterfall has no step that pays {pay} to '{name}'")
        return self

    @model_validator(mode="after")
    def _order_is_lawful(self) -> Deal:
        if not self.waterfall:
            return self
        pays = [step.pay for step in self.waterfall]
        if pays.count("residual") != 1 or pays[-1] != "residual":
            raise ValueError("waterfall must end in one residual step, so that every dollar has an owner")
        kinds = {tranche.name: tranche.kind for tranche in self.tranches}
        loans = [kinds[step.to] for step in self.waterfall if step.pay == "principal" and kinds[step.to] in LOANS]
        if loans != sorted(loans):  # "senior" before "subordinate"
            raise ValueError("waterfall pays principal to a subordinate tranche before a senior one")
        owner = next((t for t in self.tranches if t.name == self.waterfall[-1].to), None)
        if owner is not None and owner.return_cap is not None:
            raise ValueError(
                f"the residual goes to '{owner.name}', whose return is capped, so that a dollar may have no owner: "
                "give it a success_share of 1 and name another owner of the residual"
            )
        return self


def _room(cap: Dollars | None, metrics: Iterable[Metric], whose: str) -> None:
    """Raise where a cap lies below a threshold payment that it limits."""
    for metric in metrics:
        schedule = metric.schedule
        if cap is not None and schedule is not None and schedule.each == "total":
            least = schedule.threshold_payment
            if cap.value < least:
                raise ValueError(
                    f"{whose} ({cap.value:,.2f}) lies below the threshold payment of metric '{metric.name}' "
                    f"({least:,.2f}), which could never be made in full"
                )


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
