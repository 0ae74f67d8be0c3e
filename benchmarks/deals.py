"""How long a deal takes to value: 10,000 futures of ten years, four tranches and six metrics, unless asked otherwise.

Results are made up (what children live through is timed by `engines`); everything after the evaluation is timed:
payments with their caps, on the evaluator's results and on the true effect, the waterfall, returns with all their
distributions, and every table.
"""

from __future__ import annotations

import time
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from benchmarks import FUTURES
from benchmarks.report import Report, Section, at_most, spread
from cradlecast.finance.evaluation import Evaluation
from cradlecast.finance.valuation import value_evaluated
from cradlecast.scenarios.deal import Deal

MOST_SECONDS = 2.0
YEARS: Final = tuple(range(2020, 2030))
METRICS: Final = (
    "prek_attendance",
    "preliteracy_growth",
    "kindergarten_ready",
    "grade3_reading",
    "grade8_math",
    "high_school_graduate",
)
LOANS: Final = (
    ("senior", "senior", 0.055),
    ("middle", "subordinate", 0.065),
    ("junior", "subordinate", 0.08),
    ("first-loss", "subordinate", 0.02),
)


class Timing(NamedTuple):
    """Seconds of every round, and what was valued."""

    futures: int
    claims: int
    seconds: list[float]


def measure(futures: int = FUTURES, repeats: int = 5) -> Timing:
    """Value the deal over and over."""
    deal, results = contract(), outcomes(futures)
    seats = dict.fromkeys(YEARS, 1000.0)
    seconds = []
    for _ in range(repeats):
        before = time.perf_counter()
        value = value_evaluated(deal, results, seats)
        seconds.append(time.perf_counter() - before)
    assert len(value.tranches) == len(LOANS)
    return Timing(futures, len(value.payments), seconds)


def as_report(timing: Timing) -> Report:
    """What was found."""
    median = float(np.median(timing.seconds))
    what = f"{timing.futures:,} futures of {len(YEARS)} years, {len(LOANS)} tranches, {len(METRICS)} metrics"
    row = (f"{what} ({timing.claims} payments)", str(len(timing.seconds)), *spread(timing.seconds))
    section = Section("A deal, valued", [("what", "rounds", "seconds", "least - most"), row])
    floor = at_most("a deal, valued", median, MOST_SECONDS, "s", timing.futures == FUTURES)
    return Report("deal", [section], [floor], (), {"deal": timing._asdict(), "most_seconds": MOST_SECONDS})


def contract() -> Deal:
    """Ten school years of 1,000 seats, four loans, six metrics, caps, and a full waterfall."""
    parties = [
        {"name": "city", "title": "City", "role": "outcomes_payer", "payment_cap": _figure(60e6)},
        {"name": "county", "title": "County", "role": "outcomes_payer"},
        {"name": "lender", "title": "Lender", "role": "investor"},
        {"name": "provider", "title": "Provider", "role": "service_provider"},
    ]
    seats = {
        "name": "seats",
        "title": "Seats",
        "to": "provider",
        "per_seat": _figure(8000),
        "instalments": [{"month": 8, "day": 15, "share": 0.5}, {"month": 2, "day": 1, "share": 0.5}],
    }
    loans = [
        {"kind": kind, "name": name, "party": "lender", "amount": _figure(4e6), "rate": _figure(rate)}
        for name, kind, rate in LOANS
    ]
    rest = [
        {"kind": "recycled", "name": "again", "amount": _figure(30e6), "backstop": "budget"},
        {"kind": "appropriation", "name": "budget", "party": "county", "balance": True, "draw": "pro_rata"},
    ]
    metrics: list[dict[str, Any]] = [
        {
            "name": name,
            "title": name,
            "payer": "city" if at % 2 else "county",
            "rule": "price_per_unit",
            "count": "net" if at > 1 else "gross",
            "comparison": "no_public_preschool" if at > 1 else "none",
            "price": _figure(3000.0 + 2000 * at),
            "cap_per_payment": _figure(3e6),
            "lag_days": 60,
        }
        for at, name in enumerate(METRICS)
    ]
    steps = [{"pay": "recycle", "to": "seats"}]
    steps += [{"pay": pay, "to": name} for name, _, _ in LOANS for pay in ("interest", "principal")]
    return Deal.model_validate(
        {
            "schema": "cradlecast/deal/1",
            "name": "benchmark",
            "title": "A deal to be timed",
            "illustrative": True,
            "description": "Made up.",
            "currency": "USD",
            "price_year": 2020,
            "school_years": YEARS,
            "cohorts": [year - 4 for year in YEARS],
            "parties": parties,
            "uses": [seats],
            "sources": [*loans, *rest],
            "metrics": metrics,
            "waterfall": [*steps, {"pay": "residual", "to": "county"}],
        }
    )


def outcomes(futures: int) -> Evaluation:
    """Results of every metric and school year, by a generator with a fixed seed."""
    rng = np.random.default_rng(1)
    cells = [(name, year - 4, pd.Timestamp(year + 1, 6, 30)) for year in YEARS for name in METRICS]
    shape = (futures, len(cells))
    children, rates, others = rng.uniform(800, 950, shape), rng.uniform(0.3, 0.7, shape), rng.uniform(0.3, 0.5, shape)
    table = pd.DataFrame(cells, columns=["metric", "cohort", "date"]).astype({"date": "datetime64[s]"})
    return Evaluation(
        samples=pd.DataFrame({"draw": np.arange(futures), "world": np.arange(futures)}),
        cells=table,
        n_all=children,
        n_seated=children,
        n_comparison=children,
        rate_seated=rates,
        rate_comparison=others,
        effect=rates - others,
        rate_true=rates,
        rate_twin=others,
    )


def _figure(value: float) -> dict[str, object]:
    """A number that is made up."""
    return {"value": value, "unit": "made up", "source": "made up for timing", "provenance": "ASSUMED"}
