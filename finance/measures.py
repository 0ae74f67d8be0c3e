"""What a deal is worth to whom: wrong pockets, net present value, benefit-cost ratio, MVPF, cost per additional child.

Two streams of money meet here, both by sample: what the children's paths bring each budget and person (`Gains`, from
the ledger, in dollars of one price year, scenario less baseline), and what the deal moves between its parties (`Cash`,
nominal). Nominal dollars become dollars of the price year by a price index and, beyond its last year, by an assumed
inflation. The seats that the deal pays for are in the deal's uses and not in the gains, so that nothing counts twice.

Amounts above zero are good for whoever the row is about. Rates are real. A perspective's net present values add up to
society's; ratios and rates of return do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, nan
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cradlecast.finance.cash import Cash
from cradlecast.finance.money import to_dollars
from cradlecast.scenarios.costs import PRIVATE, PUBLIC
from cradlecast.scenarios.deal import Deal

Floats = NDArray[np.float64]

RATES = (0.02, 0.03, 0.07)
"""Real discount rates that tables are made for."""

ELSEWHERE = "elsewhere"
GOVERNMENTS = (*PUBLIC, ELSEWHERE)
DEAL_PARTIES = "deal_parties"
"""Parties of the deal whose money is in no budget of the ledger: lenders, donors, guarantors, owner of the residual."""

DEAL_ACCOUNT = "deal_account"
"""What the deal's account gains while money waits in it."""

LOW, HIGH = 0.05, 0.95


class Line(NamedTuple):
    """One line of one budget of the ledger."""

    budget: str
    line: str
    kind: str
    in_totals: bool
    seats: bool


@dataclass(frozen=True)
class Gains:
    """What a scenario brings every budget and person, scenario less baseline, by sample; the deal's own seats left out.

    Attributes
    ----------
    lines
        The lines.
    years
        Calendar years, int64 (years,).
    yearly, cash
        Dollars of the price year, float64 (samples, years, lines), and the part of them that is cash in that year: what
        needs a post or a classroom to close counts in whole posts only.
    later
        Real rate to the value at `start` of what comes after the last age followed, float64 (samples, lines); rate 0 is
        the plain sum.
    price_year, start
        Year of the dollars, and year to which values are taken.
    deflators
        Calendar year to what a nominal dollar of it is worth in dollars of the price year.
    children
        Children of the community in the seats that the deal pays for, each counted once.
    """

    lines: tuple[Line, ...]
    years: NDArray[np.int64]
    yearly: Floats
    cash: Floats
    later: Mapping[float, Floats]
    price_year: int
    start: int
    deflators: Mapping[int, float]
    children: float

    def of(self, *budgets: str) -> NDArray[np.bool_]:
        """Lines of some budgets that count in totals, bool (lines,)."""
        return np.array([line.budget in budgets and line.in_totals for line in self.lines])

    def present(self, used: NDArray[np.bool_], rate: float) -> Floats:
        """Value at the start of some lines, (samples,)."""
        discount = (1.0 + rate) ** (self.start - self.years.astype(np.float64))
        value: Floats = self.yearly[:, :, used].sum(axis=2) @ discount + self.later[rate][:, used].sum(axis=1)
        return value


class Ratio(NamedTuple):
    """A ratio of two sums, or why there is none."""

    value: float
    reason: str


def mvpf(willingness: float, net_cost: float) -> Ratio:
    """Marginal value of public funds: what beneficiaries would pay, after tax, over what it costs government net.

    Infinite only where it costs government nothing or less and is worth something to those who gain.

    Examples
    --------
    >>> mvpf(100_000, 60_000).value, mvpf(5.0, -1.0).value, mvpf(-5.0, 10.0).value
    (1.6666666666666667, inf, -0.5)
    >>> mvpf(-5.0, -10.0).reason
    'worth -5.00 to those affected and costs government -10.00: no ratio'
    """
    if net_cost > 0:
        return Ratio(willingness / net_cost, "")
    if willingness > 0:
        return Ratio(inf, "pays for itself")
    return Ratio(nan, f"worth {willingness:,.2f} to those affected and costs government {net_cost:,.2f}: no ratio")


def benefit_cost_ratio(benefits: float, costs: float) -> Ratio:
    """Benefits for each dollar of cost; absent where nothing is spent.

    Examples
    --------
    >>> round(benefit_cost_ratio(108_002, 12_356).value, 3)
    8.741
    """
    return Ratio(benefits / costs, "") if costs > 0 else Ratio(nan, "nothing is spent")


def cost_per_child(cost: float, children: float) -> Ratio:
    """Dollars for each additional child; absent where no more children reach it on average, or nothing is spent.

    Examples
    --------
    >>> cost_per_child(1000.0, 0.0).reason
    'no additional child on average'
    """
    if children <= 0:
        return Ratio(nan, "no additional child on average")
    return Ratio(cost / children, "") if cost > 0 else Ratio(nan, "costs nothing, net")


def deflators(index: Mapping[int, float], price_year: int, years: Sequence[int], inflation: float) -> dict[int, float]:
    """What a nominal dollar of each year is worth in dollars of the price year.

    Parameters
    ----------
    index
        Year to a price index.
    price_year
        A year of the index.
    years
        Years that are asked for.
    inflation
        Assumed rate a year beyond the last (and before the first) year of the index.
    """
    first, last = min(index), max(index)

    def level(year: int) -> float:
        known = min(max(year, first), last)
        return index[known] * (1.0 + inflation) ** (year - known)

    return {year: index[price_year] / level(year) for year in years}


# --- the deal's own money ---


def deal_flows(deal: Deal, cash: Cash, gains: Gains) -> dict[str, dict[int, Floats]]:
    """Real dollars that each budget, and the deal's other parties, receive of the deal (less what they pay), by year.

    What is paid for the uses leaves the deal for work done: it is a cost, and no gain of who does the work.

    Returns
    -------
    dict
        Budget or `DEAL_PARTIES` to calendar year to float64 (samples,).
    """
    budgets = {party.name: party.budget or DEAL_PARTIES for party in deal.parties}
    flows: dict[str, dict[int, Floats]] = {}
    for entry in cash.entries:
        if entry.line in WORK:
            continue
        year = entry.date.year
        of_budget = flows.setdefault(budgets[entry.party], {})
        real = to_dollars(entry.cents) * gains.deflators[year]
        of_budget[year] = of_budget.get(year, 0.0) + real
    return flows


WORK = ("use", "fee")
"""Lines of the cash book that pay for work."""

FOR_OUTCOMES = ("outcome payment",)
BESIDE_OUTCOMES = ("paid in", "in place of recycled money", "drawn", "guarantee paid")


def work_paid(cash: Cash, gains: Gains) -> dict[int, Floats]:
    """Real dollars paid for the uses by calendar year, float64 (samples,) each."""
    paid: dict[int, Floats] = {}
    for entry in (entry for entry in cash.entries if entry.line in WORK):
        year = entry.date.year
        paid[year] = paid.get(year, 0.0) + to_dollars(entry.cents) * gains.deflators[year]
    return paid


def present_value(flows: Mapping[int, Floats], start: int, rate: float, n_samples: int) -> Floats:
    """Value at the start of dollars by calendar year, (samples,)."""
    total: Floats = np.zeros(n_samples)
    for year, dollars in flows.items():
        total = total + dollars * (1.0 + rate) ** (start - year)
    return total


# --- wrong pockets ---


def pockets_table(deal: Deal, gains: Gains, cash: Cash, rate: float = 0.03) -> pd.DataFrame:
    """Who pays, saves cash, and gains otherwise, by budget and year: means over samples in dollars of the price year.

    Returns
    -------
    DataFrame
        budget, payers (names), year ("2019" and so on, "later" for what is projected, "all", and "present" at the
        rate), paid (for outcomes), direct (beside them), received (of the deal), cashable, not_cashable, net_cash
        (received + cashable - paid - direct), net (with what is not cash), net_low, net_high, share_of_gains (of what
        all budgets and persons gain).
    """
    names = {party.name: party.budget or DEAL_PARTIES for party in deal.parties}
    n_samples = len(gains.yearly)
    parts: dict[tuple[str, int], dict[str, Floats]] = {}
    for entry in cash.entries:
        if entry.line in WORK:
            continue
        key = (names[entry.party], entry.date.year)
        sums = parts.setdefault(key, {name: np.zeros(n_samples) for name in ("paid", "direct", "received")})
        dollars = to_dollars(entry.cents) * gains.deflators[entry.date.year]
        kind = "paid" if entry.line in FOR_OUTCOMES else "direct" if entry.line in BESIDE_OUTCOMES else "received"
        sums[kind] = sums[kind] + (dollars if kind == "received" else -dollars)
    whole = {True: 0.0, False: 0.0}
    rows: list[dict[str, object]] = []
    totals = np.array([line.in_totals for line in gains.lines])
    for at_present in (False, True):
        used = rate if at_present else 0.0
        whole[at_present] = float(gains.present(totals, used).mean())
    for budget in (*GOVERNMENTS, *PRIVATE, DEAL_PARTIES):
        lines = gains.of(budget)
        years = sorted(set(gains.years.tolist()) | {year for name, year in parts if name == budget})
        by_year = {year: _pocket(gains, lines, year, parts.get((budget, year)), n_samples) for year in years}
        payers = ", ".join(party.name for party in deal.parties if (party.budget or DEAL_PARTIES) == budget)
        head = {"budget": budget, "payers": payers if budget != DEAL_PARTIES else ""}
        kept = [(str(year), pocket) for year, pocket in by_year.items() if any(each.any() for each in pocket.values())]
        later = _later(gains, lines, 0.0, n_samples)
        if later["cashable"].any():
            kept.append(("later", later))
        if not kept:
            continue
        kept.append(("all", _sum([*by_year.values(), later])))
        discounted = [
            {name: each * (1.0 + rate) ** (gains.start - year) for name, each in pocket.items()}
            for year, pocket in by_year.items()
        ]
        kept.append(("present", _sum([*discounted, _later(gains, lines, rate, n_samples)])))
        for year, pocket in kept:
            gained = float((pocket["cashable"] + pocket["not_cashable"]).mean())
            of_all = whole[year == "present"]
            share = gained / of_all if year in ("all", "present") and of_all > 0 else nan
            rows.append({**head, "year": year, **_pocket_row(pocket), "share_of_gains": share})
    return pd.DataFrame(rows).assign(price_year=gains.price_year, discount_rate=rate)


_POCKET = ("paid", "direct", "received", "cashable", "not_cashable")


def _pocket(
    gains: Gains, lines: NDArray[np.bool_], year: int, deal: Mapping[str, Floats] | None, n_samples: int
) -> dict[str, Floats]:
    """What one budget pays, receives and gains in a year, (samples,) each."""
    nothing = np.zeros(n_samples)
    found = {name: nothing for name in _POCKET} | dict(deal or {})
    at = np.flatnonzero(gains.years == year)
    if len(at):
        whole = gains.yearly[:, at[0], lines].sum(axis=1)
        found["cashable"] = gains.cash[:, at[0], lines].sum(axis=1)
        found["not_cashable"] = whole - found["cashable"]
    return found


def _later(gains: Gains, lines: NDArray[np.bool_], rate: float, n_samples: int) -> dict[str, Floats]:
    """What one budget gains after the last age followed: taxes and pay, which are cash."""
    nothing = np.zeros(n_samples)
    return {name: nothing for name in _POCKET} | {"cashable": gains.later[rate][:, lines].sum(axis=1)}


def _sum(pockets: Sequence[Mapping[str, Floats]]) -> dict[str, Floats]:
    """Pockets added up."""
    return {name: np.sum([pocket[name] for pocket in pockets], axis=0) for name in _POCKET}


def _pocket_row(pocket: Mapping[str, Floats]) -> dict[str, float]:
    """Means of a pocket, and its balance with the ends of its interval."""
    cash = pocket["received"] + pocket["cashable"] - pocket["paid"] - pocket["direct"]
    net = cash + pocket["not_cashable"]
    low, high = np.quantile(net, [LOW, HIGH])
    means = {name: float(pocket[name].mean()) for name in _POCKET}
    return means | {
        "net_cash": float(cash.mean()),
        "net": float(net.mean()),
        "net_low": float(low),
        "net_high": float(high),
    }


# --- value ---


def perspectives(deal: Deal, gains: Gains, cash: Cash, rate: float) -> dict[str, tuple[Floats, Floats]]:
    """What everybody gains and pays, at the start, by perspective: (benefits, costs), float64 (samples,) each.

    A budget's benefits are its lines of the ledger and what it receives of the deal; its costs what it pays into it.
    Society's cost is the work paid for. `public` are all governments, `private` everybody else. What waits in the
    deal's account is worth less when it comes out than when it went in: `DEAL_ACCOUNT` has the difference, so that the
    net present values of budgets, persons, parties and account add up to society's.
    """
    n_samples = len(gains.yearly)
    flows = deal_flows(deal, cash, gains)
    found: dict[str, tuple[Floats, Floats]] = {}
    for budget in (*GOVERNMENTS, *PRIVATE, DEAL_PARTIES):
        moved = flows.get(budget, {})
        received = {year: np.maximum(each, 0.0) for year, each in moved.items()}
        paid = {year: np.maximum(-each, 0.0) for year, each in moved.items()}
        found[budget] = (
            gains.present(gains.of(budget), rate) + present_value(received, gains.start, rate, n_samples),
            present_value(paid, gains.start, rate, n_samples),
        )
    for name, budgets in (("public", GOVERNMENTS), ("private", (*PRIVATE, DEAL_PARTIES))):
        found[name] = (
            np.sum([found[each][0] for each in budgets], axis=0),
            np.sum([found[each][1] for each in budgets], axis=0),
        )
    work = present_value(work_paid(cash, gains), gains.start, rate, n_samples)
    everybody = gains.present(gains.of(*GOVERNMENTS, *PRIVATE), rate)
    moved_by_all = [present_value(each, gains.start, rate, n_samples) for each in flows.values()]
    found[DEAL_ACCOUNT] = (-np.sum(moved_by_all, axis=0) - work, np.zeros(n_samples))
    found["society"] = (everybody, work)
    return found


def value_table(
    deal: Deal, gains: Gains, cash: Cash, rates: Sequence[float] = RATES, burden: float = 0.25
) -> pd.DataFrame:
    """Net present value by perspective and real discount rate, with society's after the cost of raising taxes.

    Parameters
    ----------
    deal, gains, cash
        As above.
    rates
        Real discount rates, each with its entry in `gains.later`.
    burden
        What a dollar of taxes costs beyond the dollar; it stands in this table alone, and in no ratio.

    Returns
    -------
    DataFrame
        perspective, discount_rate, benefits, costs, npv, npv_low, npv_high, bcr, chance_not_positive.
    """
    rows = []
    for rate in rates:
        found = perspectives(deal, gains, cash, rate)
        society, public = found["society"], found["public"]
        found["society_after_tax_burden"] = (society[0], society[1] + burden * (public[1] - public[0]))
        for name, (benefits, costs) in found.items():
            net = benefits - costs
            low, high = np.quantile(net, [LOW, HIGH])
            rows.append(
                {
                    "perspective": name,
                    "discount_rate": rate,
                    "benefits": float(benefits.mean()),
                    "costs": float(costs.mean()),
                    "npv": float(net.mean()),
                    "npv_low": float(low),
                    "npv_high": float(high),
                    "bcr": benefit_cost_ratio(float(benefits.mean()), float(costs.mean())).value,
                    "chance_not_positive": float(np.mean(net <= 0.0)),
                }
            )
    table = pd.DataFrame(rows)
    table.loc[table["perspective"] == "society_after_tax_burden", "bcr"] = nan
    return table.assign(price_year=gains.price_year, present_in=gains.start)


def mvpf_table(deal: Deal, gains: Gains, cash: Cash, rates: Sequence[float] = RATES) -> pd.DataFrame:
    """Marginal value of public funds at each rate: E[willingness to pay] / E[net cost], no tax burden inside it.

    Willingness to pay is what everybody but governments gains, after tax; net cost is what all governments pay into the
    deal, less what they receive of it, save and collect.

    Returns
    -------
    DataFrame
        discount_rate, willingness_to_pay, net_cost, mvpf (absent where infinite or without meaning: the reason says
        which), reason, share_pays_for_itself, share_negative (of samples).
    """
    rows = []
    for rate in rates:
        found = perspectives(deal, gains, cash, rate)
        worth = found["private"][0] - found["private"][1]
        cost = found["public"][1] - found["public"][0]
        ratio = mvpf(float(worth.mean()), float(cost.mean()))
        rows.append(
            {
                "discount_rate": rate,
                "willingness_to_pay": float(worth.mean()),
                "net_cost": float(cost.mean()),
                "mvpf": ratio.value,
                "reason": ratio.reason,
                "share_pays_for_itself": float(np.mean((cost <= 0) & (worth > 0))),
                "share_negative": float(np.mean((cost > 0) & (worth < 0))),
            }
        )
    return pd.DataFrame(rows).assign(price_year=gains.price_year, present_in=gains.start)


class Published(NamedTuple):
    """A published row of benefits and costs a child, to lay beside one's own."""

    program: str
    taxpayers: float
    benefits: float
    cost: float
    ratio: float
    chance: float
    price_year: int
    source: str


def benefit_cost_table(
    deal: Deal, gains: Gains, cash: Cash, rate: float, burden: float, published: Sequence[Published] = ()
) -> pd.DataFrame:
    """Benefits and costs a child in a seat, in the columns of the Washington State Institute for Public Policy.

    taxpayers: what governments save and collect; participants: the children and their parents; others: victims and
    private centers; indirect: the burden of taxes on the program's cost less taxpayers' benefits. The cost is the work
    paid for, less seats elsewhere that governments no longer pay.

    Parameters
    ----------
    deal, gains, cash
        As above.
    rate, burden
        Real discount rate, and what a dollar of taxes costs beyond the dollar.
    published
        Rows of others, shown as they are.
    """
    n_samples = len(gains.yearly)
    each = gains.children or nan
    seats = np.array([line.seats for line in gains.lines])
    public = gains.of(*GOVERNMENTS)
    spared = gains.present(public & seats, rate)
    taxpayers = gains.present(public & ~seats, rate)
    participants = gains.present(gains.of("participants", "families"), rate)
    others = gains.present(gains.of("victims", "providers"), rate)
    cost = present_value(work_paid(cash, gains), gains.start, rate, n_samples) - spared
    indirect = burden * (taxpayers - cost)
    benefits = taxpayers + participants + others + indirect
    means = {
        "taxpayers": taxpayers,
        "participants": participants,
        "others": others,
        "indirect": indirect,
        "benefits": benefits,
        "cost": cost,
        "net": benefits - cost,
    }
    own: dict[str, object] = {name: float(dollars.mean()) / each for name, dollars in means.items()}
    ratio = benefit_cost_ratio(float(benefits.mean()), float(cost.mean()))
    rows = [
        {
            "program": deal.name,
            **own,
            "ratio": ratio.value,
            "chance": float(np.mean(benefits > cost)),
            "price_year": gains.price_year,
            "discount_rate": rate,
            "source": "this study",
        }
    ]
    for row in published:
        rows.append(
            {
                "program": row.program,
                "taxpayers": row.taxpayers,
                "participants": nan,
                "others": nan,
                "indirect": nan,
                "benefits": row.benefits,
                "cost": row.cost,
                "net": row.benefits - row.cost,
                "ratio": row.ratio,
                "chance": row.chance,
                "price_year": row.price_year,
                "discount_rate": nan,
                "source": row.source,
            }
        )
    return pd.DataFrame(rows)


class Additional(NamedTuple):
    """Children of the community who reach a milestone because of the scenario: mean and chance that there are none."""

    milestone: str
    children: float
    chance_not_positive: float


def child_cost_table(
    deal: Deal, gains: Gains, cash: Cash, additional: Sequence[Additional], rate: float
) -> pd.DataFrame:
    """Dollars for each additional child who reaches a milestone, by who bears the cost: E[cost] / E[children].

    The same dollars buy every milestone: costs of different milestones must not be added.

    Returns
    -------
    DataFrame
        milestone, additional_children, chance_not_positive, perspective, cost (present value), cost_per_child, reason.
    """
    n_samples = len(gains.yearly)
    found = perspectives(deal, gains, cash, rate)
    costs = {
        "work_paid_for": present_value(work_paid(cash, gains), gains.start, rate, n_samples),
        "paid_by_governments": found["public"][1],
        "net_cost_to_governments": found["public"][1] - found["public"][0],
    }
    for budget in dict.fromkeys(party.budget for party in deal.parties if party.role == "outcomes_payer"):
        if budget is not None:
            costs[f"paid_by_{budget}"] = found[budget][1]
    rows = []
    for milestone in additional:
        for name, cost in costs.items():
            ratio = cost_per_child(float(cost.mean()), milestone.children)
            rows.append(
                {
                    "milestone": milestone.milestone,
                    "additional_children": milestone.children,
                    "chance_not_positive": milestone.chance_not_positive,
                    "perspective": name,
                    "cost": float(cost.mean()),
                    "cost_per_child": ratio.value,
                    "reason": ratio.reason,
                }
            )
    return pd.DataFrame(rows).assign(price_year=gains.price_year, discount_rate=rate)
