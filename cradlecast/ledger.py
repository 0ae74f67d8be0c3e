"""Tables of money: what a scenario costs, saves and brings to whom, and the books of each public budget."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cradlecast.accounts import (
    BUDGETS,
    GOVERNMENTS,
    LAST_AGE,
    RETIREMENT,
    Books,
    Span,
    Tariff,
    keep_books,
    projected_amounts,
    tariff_of,
    yearly_amounts,
)
from cradlecast.model.draws import draw_parameters
from cradlecast.model.place import Floats
from cradlecast.samples import Ground, Sample
from cradlecast.scenarios.civic import Pool
from cradlecast.scenarios.costs import PRIVATE, PUBLIC
from cradlecast.scenarios.fit import cohorts_of, school_years, services_of
from cradlecast.scenarios.library import costs_of, load_prices, load_program_or_service
from cradlecast.scenarios.program import Program
from cradlecast.scenarios.scenario import Scenario
from cradlecast.scenarios.service import EVERYBODY, Service
from cradlecast.summaries import INTERVAL

SUMS = {"public": PUBLIC, "private": PRIVATE, "society": BUDGETS}
"""Sums over budgets that the ledger shows beside them."""

PARTS = ("seats", "services", "revenue", "gains", "besides_seats", "total")
"""Lines of a sum: seats, all other costs, taxes, private earnings, all of these but seats, and everything."""

LEDGER = (
    "scenario",
    "budget",
    "line",
    "kind",
    "ages",
    "projected",
    "cashable",
    "in_totals",
    "baseline_amount",
    "amount",
    "impact",
    "impact_low",
    "impact_high",
    "impact_per_child",
    "present_value",
    "present_value_low",
    "present_value_high",
    "present_value_per_child",
    "chance_not_positive",
    "price_year",
    "discount_rate",
    "present_in",
)
"""Columns of the ledger."""

BOOKS = (
    "scenario",
    "arm",
    "budget",
    "year",
    "carried_in",
    "appropriated",
    "revenue",
    "spent",
    "carried_out",
    "price_year",
)
"""Columns of the books."""


@dataclass(frozen=True)
class Row:
    """One row of the ledger: which entries it adds up, to 29 and beyond; bool (entries,) each."""

    budget: str
    line: str
    kind: str
    cashable: bool | None
    in_totals: bool
    lived: NDArray[np.bool_]
    later: NDArray[np.bool_]


def ledger_tables(
    ground: Ground,
    scenario: Scenario,
    samples: list[list[Sample]],
    year: int | None = None,
    rate: float | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The ledger of a scenario, and the books of every government's budget.

    Parameters
    ----------
    ground, scenario, samples
        As in ``milestone_table``.
    year, rate
        Price year and real discount rate; those of the shipped prices if None.

    Raises
    ------
    ArithmeticError
        If the books do not balance.
    """
    tariff = tariff_of(
        costs_of(ground.community.name),
        load_prices(),
        paid_programs(ground, scenario),
        year,
        rate,
        named_pool(scenario),
    )
    span = span_of(ground, scenario)
    yearly = [yearly_amounts(tariff, span, s.flows, s.seats) for draw in samples for s in draw]
    later = [amounts for number, draw in enumerate(samples) for amounts in _later(ground, tariff, span, number, draw)]
    children = ground.community.births_per_year.value * len(span.cohorts)
    return (
        ledger_table(scenario.name, tariff, span, np.stack(yearly), np.stack(later), children),
        budget_table(scenario.name, tariff, span, np.stack(yearly)),
    )


def paid_programs(ground: Ground, scenario: Scenario) -> dict[str, Program | Service]:
    """The programs that hold seats, and the services of the scenario and its baseline, by name."""
    services = services_of(scenario, ground.community)
    return {**ground.programs, **{one.name: one for one in services if one.take_up != EVERYBODY}}


def named_pool(scenario: Scenario) -> Pool | None:
    """The scenario's pool, its parts by the names of their programs."""
    pool = scenario.pool
    if pool is None:
        return None
    return pool.named([load_program_or_service(part.program).name for part in pool.parts])


def span_of(ground: Ground, scenario: Scenario) -> Span:
    """When and for whom the money of a scenario is counted."""
    cohorts = cohorts_of(scenario)
    children = ground.community.births_per_year.value * len(cohorts)
    return Span(cohorts, ground.options.horizon, school_years(scenario)[0], children / ground.options.children)


def _later(ground: Ground, tariff: Tariff, span: Span, number: int, draw: list[Sample]) -> Iterator[Floats]:
    """Amounts after 29 of one draw's samples; nothing where children are not followed so far."""
    if span.horizon <= LAST_AGE:
        yield from (np.zeros((2, 2, len(tariff.entries))) for _ in draw)
        return
    values = draw_parameters(ground.parameters, ground.options.seed, number)
    slopes = values["experience"], values["experience_squared"]
    yield from (projected_amounts(tariff, span, sample.flows, *slopes) for sample in draw)


def ledger_table(
    scenario: str, tariff: Tariff, span: Span, yearly: Floats, later: Floats, children: float
) -> pd.DataFrame:
    """What each budget is better off by (above zero) or pays (below): lines, totals and sums over budgets.

    Means over samples with central 90 % intervals. ``impact`` is undiscounted; present values are taken to the
    scenario's first year. Rows on later ages are projected from 29; rows on all ages hold both.

    Parameters
    ----------
    scenario
        Its name.
    tariff, span
        Prices, and whom they are counted for.
    yearly, later
        Of every sample: float64 (samples, arms, years, entries) and (samples, arms, 2, entries).
    children
        Children of the community in all cohorts.
    """
    discount = span.discount(span.years, tariff.rate)
    lived = np.stack([yearly.sum(axis=2), np.einsum("saye,y->sae", yearly, discount)], axis=2)
    amounts = np.concatenate([lived, later], axis=3)
    rows = [
        _ledger_row(scenario, tariff, span, row, ages, used, amounts, children)
        for row in _rows(tariff)
        for ages, used in _by_age(row, span)
        if amounts[:, :, 0, used].any()
    ]
    return pd.DataFrame(rows, columns=list(LEDGER))


def _by_age(row: Row, span: Span) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Ages that a row is shown for, and the amounts behind it, bool (2 x entries,)."""
    nothing = np.zeros_like(row.lived)
    yield f"0-{span.horizon - 1}", np.concatenate([row.lived, nothing])
    if row.later.any() and span.horizon > LAST_AGE:
        yield f"{LAST_AGE + 1}-{RETIREMENT - 1}", np.concatenate([nothing, row.later])
        yield f"0-{RETIREMENT - 1}", np.concatenate([row.lived, row.later])


def _ledger_row(
    scenario: str,
    tariff: Tariff,
    span: Span,
    row: Row,
    ages: str,
    used: NDArray[np.bool_],
    amounts: Floats,
    children: float,
) -> dict[str, Any]:
    """One row from amounts (samples, arms, undiscounted and present, 2 x entries)."""
    sums = amounts[..., used].sum(axis=-1)
    change, present = (sums[:, 1, measure] - sums[:, 0, measure] for measure in (0, 1))
    (low, high), (present_low, present_high) = np.quantile([change, present], INTERVAL, axis=1).T
    saves = row.kind == "cost" and float(change.mean()) > 0.0
    return {
        "scenario": scenario,
        "budget": row.budget,
        "line": row.line,
        "kind": "saving" if saves else row.kind,
        "ages": ages,
        "projected": bool(used[len(tariff.entries) :].any()),
        "cashable": row.cashable,
        "in_totals": row.in_totals,
        "baseline_amount": float(sums[:, 0, 0].mean()),
        "amount": float(sums[:, 1, 0].mean()),
        "impact": float(change.mean()),
        "impact_low": float(low),
        "impact_high": float(high),
        "impact_per_child": float(change.mean()) / children,
        "present_value": float(present.mean()),
        "present_value_low": float(present_low),
        "present_value_high": float(present_high),
        "present_value_per_child": float(present.mean()) / children,
        "chance_not_positive": float(np.mean(present <= 0.0)),
        "price_year": tariff.price_year,
        "discount_rate": tariff.rate,
        "present_in": span.start,
    }


def _rows(tariff: Tariff) -> Iterator[Row]:
    """Every row of the ledger: sums first, then each budget's lines and total."""
    counted = np.array([entry.in_totals for entry in tariff.entries])
    for name, budgets in SUMS.items():
        for part in PARTS:
            used = counted & tariff.of(*budgets) & _part(tariff, part)
            kind = {"seats": "cost", "services": "cost", "revenue": "revenue", "gains": "gain"}.get(part, "total")
            yield Row(name, part, kind, None, True, used, used & tariff.earned)
    for budget in BUDGETS:
        for at, entry in enumerate(tariff.entries):
            if entry.budget == budget:
                used = np.arange(len(tariff.entries)) == at
                yield Row(budget, entry.line, entry.kind, entry.cashable, entry.in_totals, used, used & tariff.earned)
        used = counted & tariff.of(budget)
        yield Row(budget, "total", "total", None, True, used, used & tariff.earned)


def _part(tariff: Tariff, part: str) -> NDArray[np.bool_]:
    """Entries of one part of a sum, bool (entries,)."""
    if part == "seats":
        return tariff.of_seats
    if part in ("besides_seats", "total"):
        return ~tariff.of_seats | (part == "total")
    kind = {"services": "cost", "revenue": "revenue", "gains": "gain"}[part]
    return tariff.of(*BUDGETS, kind=kind) & ~tariff.of_seats


def budget_table(scenario: str, tariff: Tariff, span: Span, yearly: Floats) -> pd.DataFrame:
    """Books of every government's budget by arm and year: means over samples, in dollars.

    ``carried_out`` is ``carried_in`` + ``appropriated`` + ``revenue`` - ``spent``, to the cent in every sample.
    """
    books = keep_books(tariff, yearly)
    index = pd.MultiIndex.from_product(
        [["baseline", "scenario"], GOVERNMENTS, span.years], names=["arm", "budget", "year"]
    )
    dollars = {name: getattr(books, name).mean(axis=0).ravel() / 100.0 for name in Books.__dataclass_fields__}
    table = pd.DataFrame(dollars, index=index).reset_index()
    table.insert(0, "scenario", scenario)
    table["price_year"] = tariff.price_year
    return table[list(BOOKS)]
