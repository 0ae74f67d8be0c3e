"""Deals on results that are made up, for what prices a deal again and again."""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from cradlecast.finance.case import Case
from cradlecast.finance.evaluation import Evaluation
from cradlecast.finance.measures import RATES, Gains, Line
from cradlecast.scenarios.deal import Deal

LINES = (
    Line("local", "taxes", "revenue", True, False),
    Line("state", "special_education", "cost", True, False),
    Line("participants", "earnings_after_tax", "gain", True, False),
    Line("federal", "head_start_seats", "cost", True, True),
)


def evaluation(
    cells: list[tuple[str, int, str]],
    n: Any = 100.0,
    rate: Any = 0.5,
    comparison: Any = 0.4,
    true: Any = 0.1,
    samples: int = 3,
) -> Evaluation:
    """Results of cells (metric, cohort, day of measurement); each array of shape (samples, cells) or a number."""
    shape = (samples, len(cells))
    rates, others, gains = (np.broadcast_to(np.asarray(x, dtype=float), shape).copy() for x in (rate, comparison, true))
    children = np.broadcast_to(np.asarray(n, dtype=float), shape).copy()
    names = pd.DataFrame(cells, columns=["metric", "cohort", "date"])
    names["date"] = pd.to_datetime(names["date"]).astype("datetime64[s]")
    return Evaluation(
        samples=pd.DataFrame({"draw": np.arange(samples), "world": np.arange(samples)}),
        cells=names,
        n_all=children,
        n_seated=children,
        n_comparison=children,
        rate_seated=rates,
        rate_comparison=others,
        effect=rates - others,
        rate_true=rates,
        rate_twin=rates - gains,
    )


def gains(
    samples: int = 3, taxes: float = 0.0, special: float = 0.0, pay: float = 0.0, seats: float = 0.0, later: float = 0.0
) -> Gains:
    """What four lines bring a year from 2020 to 2024, and taxes after that."""
    years = np.arange(2020, 2025)
    yearly = np.broadcast_to(np.array([taxes, special, pay, seats]), (samples, len(years), 4)).copy()
    cash = yearly * np.array([1.0, 0.0, 1.0, 1.0])
    beyond = np.broadcast_to(np.array([later, 0.0, 0.0, 0.0]), (samples, 4)).copy()
    return Gains(
        lines=LINES,
        years=years,
        yearly=yearly,
        cash=cash,
        later=dict.fromkeys((0.0, *RATES), beyond),
        price_year=2020,
        start=2020,
        deflators=dict.fromkeys(range(2000, 2060), 1.0),
        children=100.0,
    )


def case(deal: Deal, results: Evaluation, **more: Any) -> Case:
    """A deal on results, without seats."""
    whole: dict[str, Any] = {"seat_years": {}, "seat_cost": None, "gains": gains(len(results.samples))}
    return Case(deal, results, **(whole | more))


def random_case(seed: int, deal: Deal, seat_years: dict[int, float], days: list[date], samples: int = 3) -> Case:
    """Any deal on any results, measured 30 days before the given days."""
    rng = np.random.default_rng(seed)
    cells = [("kindergarten_ready", 2015 + at, str(day)) for at, day in enumerate(sorted(days))]
    shape = (samples, len(cells))
    results = evaluation(
        cells,
        n=rng.integers(0, 400, shape),
        rate=rng.uniform(0.2, 0.8, shape),
        comparison=rng.uniform(0.2, 0.6, shape),
        true=rng.uniform(-0.1, 0.2, shape),
        samples=samples,
    )
    return case(deal, results, seat_years=seat_years)
