"""What a priced deal is worth to whom: the ledger of its samples beside its cash, as tables.

The measures themselves are `finance.measures`; here stands what they need of a study: every line's amounts, scenario
less baseline, without the seats that the deal pays for, what of them is cash, and children who reach a milestone more.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd

from cradlecast.accounts import (
    ELSEWHERE,
    LAST_AGE,
    Span,
    Tariff,
    projected_amounts,
    tariff_of,
    yearly_amounts,
)
from cradlecast.finance import measures
from cradlecast.finance.cash import Cash
from cradlecast.finance.measures import RATES, Additional, Gains, Line, Published
from cradlecast.ledger import named_pool, paid_programs, span_of
from cradlecast.model.draws import draw_parameters
from cradlecast.model.place import Floats
from cradlecast.samples import Ground, Sample
from cradlecast.scenarios.costs import CostLine
from cradlecast.scenarios.deal import Deal
from cradlecast.scenarios.evidence import estimate
from cradlecast.scenarios.library import costs_of, load_prices
from cradlecast.scenarios.scenario import Scenario

INFLATION: Final = 0.02
"""Assumed rate a year where the price index says nothing yet: the goal of the Federal Reserve."""

EXCESS_BURDEN: Final = "E5023a"
"""Evidence row: dollars that a dollar of taxes costs."""

BESIDE: Final = (("E5006", "state and district pre-K, Washington model"), ("E5007", "Head Start, Washington model"))
"""Published rows of benefits and costs that are laid beside one's own, and never used."""


def gains_of(
    ground: Ground, scenario: Scenario, deal: Deal, samples: list[list[Sample]], inflation: float = INFLATION
) -> Gains:
    """What a scenario brings every budget and person beyond the seats that a deal pays for.

    Parameters
    ----------
    ground, scenario, samples
        As in ``milestone_table``.
    deal
        Its school years are those whose financed seats are left out.
    inflation
        Assumed beyond the price index.
    """
    costs, prices = costs_of(ground.community.name), load_prices()
    tariff = tariff_of(costs, prices, paid_programs(ground, scenario), pool=named_pool(scenario))
    span = span_of(ground, scenario)
    financed = {(change.program, change.stream) for change in scenario.changes if change.financed}
    yearly, later, filled = [], [], []
    for number, draw in enumerate(samples):
        for sample in draw:
            baseline, arm = sample.seats
            kept = [row for row in arm if (row["program"], row["stream"]) not in financed]
            paid_for = [row for row in arm if (row["program"], row["stream"]) in financed]
            amounts = yearly_amounts(tariff, span, sample.flows, (baseline, kept))
            yearly.append(amounts[1] - amounts[0])
            later.append(_later(ground, tariff, span, number, sample))
            filled.append(sum(row["filled"] for row in paid_for if row["year"] in deal.school_years))
    lines = tuple(
        Line(entry.budget, entry.line, entry.kind, entry.in_totals, bool(of_seats))
        for entry, of_seats in zip(tariff.entries, tariff.of_seats, strict=True)
    )
    change = np.stack(yearly)
    last = int(max(span.years[-1], max(deal.school_years) + 40))
    return Gains(
        lines=lines,
        years=span.years,
        yearly=change,
        cash=cash_part(change, tariff, {line.name: line for line in costs.lines}),
        later={rate: np.stack([each[rate] for each in later]) for rate in (0.0, *RATES)},
        price_year=tariff.price_year,
        start=span.start,
        deflators=measures.deflators(
            prices.index.values, tariff.price_year, range(min(deal.school_years) - 5, last + 1), inflation
        ),
        children=float(np.mean(filled)),
    )


def _later(ground: Ground, tariff: Tariff, span: Span, draw: int, sample: Sample) -> dict[float, Floats]:
    """What comes after the last age followed, by rate (0 is the plain sum), float64 (entries,) each."""
    if span.horizon <= LAST_AGE:
        return {rate: np.zeros(len(tariff.entries)) for rate in (0.0, *RATES)}
    values = draw_parameters(ground.parameters, ground.options.seed, draw)
    slopes = values["experience"], values["experience_squared"]
    found: dict[float, Floats] = {}
    for rate in RATES:
        sums = projected_amounts(replace(tariff, rate=rate), span, sample.flows, *slopes)
        found[rate] = sums[1, 1] - sums[0, 1]
        found[0.0] = sums[1, 0] - sums[0, 0]
    return found


def cash_part(change: Floats, tariff: Tariff, lines: dict[str, CostLine]) -> Floats:
    """The part of each year's change that is cash in that year, float64 (samples, years, entries).

    Money that moves by itself is cash. What needs a post to close is cash in whole posts: of U units spared in the
    place, floor(U / units of a post) x units of a post, at the share of the price that goes with a post; so too for
    units more. What has no post is never cash. Seats are cash.
    """
    cash = np.array(change)
    names = np.array([entry.line for entry in tariff.entries])
    here = np.array([entry.budget != ELSEWHERE for entry in tariff.entries])
    for name, line in lines.items():
        used = names == name
        if line.cashable or not used.any():
            continue
        if line.post is None:
            cash[..., used] = 0.0
            continue
        whole = change[..., used & here].sum(axis=-1)
        post = line.post.units.value * _unit_price(name, tariff)
        posts = np.floor(np.abs(whole) / post + 1e-9)
        share = np.divide(posts * post, np.abs(whole), out=np.zeros_like(whole), where=whole != 0.0)
        cash[..., used] *= (share * line.post.saves.value)[..., None]
        cash[..., used & ~here] = 0.0
    return cash


def _unit_price(name: str, tariff: Tariff) -> float:
    """Dollars of the price year for one unit of a line, all budgets together."""
    used = np.array([entry.line == name for entry in tariff.entries])
    return float(np.abs(tariff.worth[0][:, used].sum(axis=1)).max())


def worth_tables(deal: Deal, gains: Gains, cash: Cash, milestones: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The tables of what a deal is worth: pockets, value, mvpf, benefit_cost, child_costs.

    Parameters
    ----------
    deal, gains, cash
        The deal, what its scenario brings, and its cash, of the same samples.
    milestones
        The study's table of milestones.
    """
    multiplier = estimate(EXCESS_BURDEN).value
    assert multiplier is not None
    burden = multiplier - 1.0
    rate = load_prices().discount_rate.value
    everybody = milestones[milestones["group"] == "all"]
    additional = [
        Additional(row["milestone"], row["impact"] * row["n_community"], row["chance_not_positive"])
        for _, row in everybody.iterrows()
    ]
    return {
        "pockets": measures.pockets_table(deal, gains, cash, rate),
        "value": measures.value_table(deal, gains, cash, RATES, burden),
        "mvpf": measures.mvpf_table(deal, gains, cash, RATES),
        "benefit_cost": measures.benefit_cost_table(deal, gains, cash, rate, burden, published_rows()),
        "child_costs": measures.child_cost_table(deal, gains, cash, additional, rate),
    }


def published_rows() -> list[Published]:
    """Rows of benefits and costs that others have published, for comparison only."""
    rows = []
    for key, program in BESIDE:
        ours = {letter: estimate(f"{key}{letter}") for letter in "abde"}
        values = {letter: each.value for letter, each in ours.items()}
        taxpayers = estimate(f"{key}f").value if key == "E5006" else None
        rows.append(
            Published(
                program=program,
                taxpayers=float("nan") if taxpayers is None else taxpayers,
                benefits=values["a"] or float("nan"),
                cost=values["b"] or float("nan"),
                ratio=values["d"] or float("nan"),
                chance=values["e"] or float("nan"),
                price_year=ours["a"].price_year or 0,
                source=f"{ours['a'].source_title} ({ours['a'].source_address}), {key}",
            )
        )
    return rows
