"""Money of one sample: what flows and seats cost or bring each budget, year by year, and books that balance.

An amount is what a budget is better off by: received above zero, spent below. All are in dollars of one price year,
for the children of the whole community.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cradlecast.model.civic import BACKBONE
from cradlecast.model.flows import EARNINGS_PRICE_YEAR, FLOWS
from cradlecast.model.place import Floats
from cradlecast.scenarios.civic import POOL, Pool
from cradlecast.scenarios.costs import (
    DOLLAR_FLOWS,
    LEAVES,
    PRIVATE,
    PUBLIC,
    CostLine,
    Costs,
    Prices,
    price_year,
)
from cradlecast.scenarios.program import Program
from cradlecast.scenarios.service import Service

Cents = NDArray[np.int64]
SeatRows = Sequence[Mapping[str, Any]]

ELSEWHERE = "elsewhere"
"""Governments of other places: they pay for and tax those who moved away."""

GOVERNMENTS = (*PUBLIC, ELSEWHERE)
BUDGETS = (*GOVERNMENTS, *PRIVATE)
"""Everybody who pays or gains, in the order of the tables."""

LAST_AGE, RETIREMENT = 29, 65
"""Last age that children are followed to, and the age at which projected earnings end."""

SEATS = "_seats"
"""Ending of the lines of seats, behind the program's name."""


@dataclass(frozen=True)
class Entry:
    """One line of one budget."""

    line: str
    budget: str
    kind: str
    cashable: bool = True
    in_totals: bool = True


@dataclass(frozen=True)
class Tariff:
    """Prices made ready for arrays, in dollars of one price year.

    Attributes
    ----------
    entries
        Lines by budget, those of seats first.
    worth
        float64 (where, flows, entries): what one of a flow brings (or, negative, costs) each entry.
    held, empty
        Program to float64 (entries,): what a dollar booked for a seat costs each entry, if held and if empty.
    earned
        bool (entries,): lines on what the children earn, which are projected.
    price_year, rate
        Year of the dollars, and the real rate of present values.
    """

    entries: tuple[Entry, ...]
    worth: Floats
    held: Mapping[str, Floats]
    empty: Mapping[str, Floats]
    earned: NDArray[np.bool_]
    price_year: int
    rate: float

    def of(self, *budgets: str, kind: str = "") -> NDArray[np.bool_]:
        """Entries of some budgets, of one kind where it is named: bool (entries,)."""
        return np.array([entry.budget in budgets and kind in ("", entry.kind) for entry in self.entries])

    @property
    def of_seats(self) -> NDArray[np.bool_]:
        """Entries of seats, bool (entries,)."""
        return np.array([entry.line.endswith(SEATS) for entry in self.entries])


@dataclass(frozen=True)
class Span:
    """When and for whom amounts are counted.

    Attributes
    ----------
    cohorts
        Birth years, ascending.
    horizon
        Age to which children are followed.
    start
        Year to which present values are taken: the scenario's first.
    children_per_simulated
        Children of the community per simulated child.
    """

    cohorts: tuple[int, ...]
    horizon: int
    start: int
    children_per_simulated: float

    @property
    def years(self) -> NDArray[np.int64]:
        """Calendar years in which the children are followed."""
        return np.arange(self.cohorts[0], self.cohorts[-1] + self.horizon)

    def discount(self, years: NDArray[np.int64], rate: float) -> Floats:
        """Value at the start of a dollar in each year."""
        return np.asarray((1.0 + rate) ** (self.start - years.astype(np.float64)))


@dataclass(frozen=True)
class Books:
    """Each budget's money by year, in whole cents: int64 (..., arms, budgets, years)."""

    carried_in: Cents
    appropriated: Cents
    revenue: Cents
    spent: Cents
    carried_out: Cents


# --- prices ---


def tariff_of(
    costs: Costs,
    prices: Prices,
    programs: Mapping[str, Program | Service],
    year: int | None = None,
    rate: float | None = None,
    pool: Pool | None = None,
) -> Tariff:
    """Prices made ready, in dollars of a price year.

    Parameters
    ----------
    costs, prices
        Prices of the community, and what a dollar was worth in which year.
    programs
        Programs and services by name; their payers are those of the seats, and of the children served.
    year, rate
        Price year and real discount rate; those of the prices if None.
    pool
        Pooled money, of which each funder pays its share of all grants.

    Raises
    ------
    InputError
        If a payer of seats or a funder has no budget, or a year no price index.
    """
    year, rate = prices.price_year if year is None else year, prices.discount_rate.value if rate is None else rate
    worth: dict[Entry, Floats] = {}
    for name, program in programs.items():
        payer = costs.payer(program.payer)
        for budget in payer.parts | payer.of_empty_seats:
            worth[Entry(f"{name}{SEATS}", budget, "cost")] = np.zeros((2, len(FLOWS)))
    funders = {} if pool is None else _funders(costs, pool)
    bought = {} if pool is None else dict.fromkeys((*(part.program for part in pool.parts), BACKBONE))
    for name in bought:
        for budget in funders:
            worth[Entry(f"{name}{SEATS}", budget, "cost")] = np.zeros((2, len(FLOWS)))
    for line in costs.lines:
        amount = _signed(line, prices, year)
        for budget, shares in _by_budget(line, costs.leavers_in_state.value).items():
            entry = Entry(line.name, budget, line.kind, line.cashable, line.in_totals)
            worth[entry] = np.zeros((2, len(FLOWS)))
            worth[entry][:, FLOWS.index(line.flow)] = np.array(shares) * amount
    entries, held, empty = tuple(worth), {}, {}
    for name, program in programs.items():
        payer = costs.payer(program.payer)
        value = prices.reprice(1.0, _price_year(name, program), year)
        held[name] = _of_seats(entries, name, payer.parts, value)
        empty[name] = _of_seats(entries, name, payer.of_empty_seats, value)
    for name in bought:
        assert pool is not None
        held[pooled(name)] = _of_seats(entries, name, funders, prices.reprice(1.0, pool.price_year, year))
        empty[pooled(name)] = held[pooled(name)]
    earned = {line.name for line in costs.lines if line.flow == "earnings"}
    return Tariff(
        entries=entries,
        worth=np.stack([worth[entry] for entry in entries], axis=-1),
        held=held,
        empty=empty,
        earned=np.array([entry.line in earned for entry in entries]),
        price_year=year,
        rate=rate,
    )


def pooled(program: str) -> str:
    """The name under which a program's seats or children are priced that pooled money pays for."""
    return f"{program} by {POOL}"


def _funders(costs: Costs, pool: Pool) -> dict[str, float]:
    """Shares of the budgets behind pooled money, by the sums of the grants."""
    sums: dict[str, float] = {}
    for grant in pool.grants:
        for budget, share in costs.payer(grant.funder).parts.items():
            sums[budget] = sums.get(budget, 0.0) + share * grant.dollars
    total = sum(sums.values())
    return {budget: amount / total for budget, amount in sums.items()} if total > 0.0 else {}


def _price_year(name: str, program: Program | Service) -> int:
    """Year of the dollars in which a program's seats, or the children that a service serves, are booked."""
    if isinstance(program, Service):
        return price_year(program.cost, f"cost of '{name}'")
    return price_year(program.seat_cost, f"seat_cost of '{name}'")


def _of_seats(entries: Sequence[Entry], program: str, shares: Mapping[str, float], value: float) -> Floats:
    """What a dollar booked for a program's seats costs each entry, in dollars of the price year."""
    of = {f"{program}{SEATS}": shares}
    return np.array([-value * of.get(entry.line, {}).get(entry.budget, 0.0) for entry in entries])


def _by_budget(line: CostLine, in_state: float) -> dict[str, tuple[float, float]]:
    """Shares of a line by budget, for who lives here and who moved away: what the place loses goes elsewhere."""
    keeps = dict.fromkeys(LEAVES, 0.0) | {"state": in_state}
    shares = {budget: (share, share * keeps.get(budget, 1.0)) for budget, share in line.split.parts.items()}
    lost = sum(here - away for here, away in shares.values())
    return shares | {ELSEWHERE: (0.0, lost)} if lost > 0 else shares


def _signed(line: CostLine, prices: Prices, year: int) -> float:
    """Dollars of the price year per one of the flow; negative for a cost."""
    if line.flow in DOLLAR_FLOWS:
        value = prices.reprice(line.per_count, EARNINGS_PRICE_YEAR, year)
    else:
        value = prices.reprice(line.per_count, price_year(line.amount, f"amount of '{line.name}'"), year)
    return -value if line.kind == "cost" else value


# --- amounts of one sample ---


def yearly_amounts(tariff: Tariff, span: Span, flows: Floats, seats: Sequence[SeatRows]) -> Floats:
    """Dollars of the community by arm, calendar year and entry: float64 (arms, years, entries).

    Parameters
    ----------
    tariff, span
        Prices, and whom they are counted for.
    flows
        Simulated children, float64 (arms, cohorts, ages, where, flows).
    seats
        Each arm's book of seats.
    """
    counts = np.zeros((2, len(span.years), 2 * len(FLOWS)))
    for at, cohort in enumerate(span.cohorts):
        begin = cohort - span.cohorts[0]
        counts[:, begin : begin + span.horizon] += flows[:, at].reshape(2, span.horizon, -1)
    dollars = counts @ tariff.worth.reshape(2 * len(FLOWS), -1)
    dollars *= span.children_per_simulated
    for arm, rows in enumerate(seats):
        for row in rows:
            program = pooled(row["program"]) if row["stream"] == POOL else row["program"]
            booked, in_use = row["dollars"], row["for_children"]
            dollars[arm, row["year"] - span.cohorts[0]] += (
                in_use * tariff.held[program] + (booked - in_use) * tariff.empty[program]
            )
    return np.asarray(dollars)


def project_earnings(earnings: Floats, slope: float, slope_squared: float, college_years: float) -> Floats:
    """Earnings projected from 29 to each age from 30 to 64, along the profile of pay by experience.

    Everybody keeps the work and the place of 29; pay grows with potential experience alone, not with the economy.

    Parameters
    ----------
    earnings
        At 29, of any shape.
    slope, slope_squared
        Log pay per year of experience, and per its square.
    college_years
        Years of college on average, in which no experience is gained.

    Returns
    -------
    float64 (..., 35)
    """
    years = np.maximum(np.arange(LAST_AGE, RETIREMENT) - 17.0 - college_years, 0.0)
    pay = slope * years + slope_squared * years**2
    return np.asarray(np.multiply.outer(earnings, np.exp(pay[1:] - pay[0])))


def projected_amounts(tariff: Tariff, span: Span, flows: Floats, slope: float, slope_squared: float) -> Floats:
    """Dollars of the community after 29, summed and at present value: float64 (arms, 2, entries).

    Only what the children earn goes on; arguments as in ``yearly_amounts`` and ``project_earnings``.
    """
    earnings = flows[:, :, -1, :, FLOWS.index("earnings")] * span.children_per_simulated
    students = flows[..., FLOWS.index("two_year")].sum() + flows[..., FLOWS.index("four_year")].sum()
    born = flows[:, :, 0, :, FLOWS.index("children")].sum()
    later = project_earnings(earnings, slope, slope_squared, float(students / born) if born else 0.0)
    ages = np.arange(LAST_AGE + 1, RETIREMENT)
    values = np.stack([span.discount(cohort + ages, tariff.rate) for cohort in span.cohorts])
    sums = np.stack([later.sum(axis=(1, 3)), np.einsum("acwt,ct->aw", later, values)], axis=1)
    return np.asarray(sums @ (tariff.worth[:, FLOWS.index("earnings")] * tariff.earned))


# --- books ---


def keep_books(tariff: Tariff, yearly: Floats) -> Books:
    """Books of every government's budget.

    The baseline is appropriated what its lines cost beyond what they bring in, so nothing is carried. The scenario is
    appropriated the same, and what its own seats cost more (or less). What it carries is what it has saved and
    received by then.

    Parameters
    ----------
    tariff
        Prices.
    yearly
        Dollars, float64 (..., arms, years, entries).

    Raises
    ------
    ArithmeticError
        If the books do not balance.
    """
    cents = np.rint(yearly * 100.0).astype(np.int64)

    def by_budget(entries: NDArray[np.bool_]) -> Cents:
        """Sums of some entries by budget and year."""
        parts = [cents[..., entries & tariff.of(budget)].sum(axis=-1) for budget in GOVERNMENTS]
        return np.stack(parts, axis=-2)

    spent = -by_budget(tariff.of(*GOVERNMENTS, kind="cost"))
    revenue = by_budget(tariff.of(*GOVERNMENTS, kind="revenue"))
    seats = -by_budget(tariff.of_seats)
    appropriated = np.empty_like(spent)
    appropriated[..., 0, :, :] = spent[..., 0, :, :] - revenue[..., 0, :, :]
    appropriated[..., 1, :, :] = appropriated[..., 0, :, :] + seats[..., 1, :, :] - seats[..., 0, :, :]
    carried_out = np.cumsum(appropriated + revenue - spent, axis=-1)
    carried_in = np.concatenate([np.zeros_like(carried_out[..., :1]), carried_out[..., :-1]], axis=-1)
    books = Books(carried_in, appropriated, revenue, spent, carried_out)
    check_books(books, cents[..., tariff.of(*GOVERNMENTS)].sum(axis=-1))
    return books


def check_books(books: Books, net: Cents) -> None:
    """Refuse books that lose a cent.

    Parameters
    ----------
    books
        Of any number of samples.
    net
        What all lines of all governments bring in less what they cost, int64 (..., arms, years), from the lines.

    Raises
    ------
    ArithmeticError
        If a budget carries on more or less than it had, or lines are missing from the budgets or there twice.
    """
    had = books.carried_in + books.appropriated + books.revenue - books.spent
    checks = {
        "what is carried on is what was carried in and received, less what was spent": books.carried_out - had,
        "what is carried in is what was carried on the year before": books.carried_in[..., 1:]
        - books.carried_out[..., :-1],
        "nothing is carried into the first year": books.carried_in[..., :1],
        "the budgets hold every line once": (books.revenue - books.spent).sum(axis=-2) - net,
    }
    for what, difference in checks.items():
        if difference.any():
            raise ArithmeticError(f"{what}: fails by ${int(np.abs(difference).max()) / 100.0:,.2f}")
