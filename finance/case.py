"""A deal on results that are there: what every solver, alternative and table prices again and again.

Nothing here is linear (caps, thresholds, waterfalls), so that other prices and other effects are tried, never scaled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cradlecast.finance.budget import commitments, due_uses
from cradlecast.finance.cash import Cash
from cradlecast.finance.chance import luck
from cradlecast.finance.evaluation import Evaluation
from cradlecast.finance.measures import Gains
from cradlecast.finance.payments import Payments, owed
from cradlecast.finance.waterfall import run_waterfall
from cradlecast.scenarios.contract import Condition, Dollars, Metric, Requirement
from cradlecast.scenarios.deal import Deal

Floats = NDArray[np.float64]

OPTIMISM: Final = ((0.0, 0.49), (0.25, 0.71), (0.5, 0.93), (0.75, 1.04), (1.0, 1.15))
"""Outcome payments over those of the whole first plan, by quantile, in 27 projects of the United Kingdom: median and
quartiles as reported; both tails go on at the slope of the quarter beside them, which is ASSUMED."""


@dataclass(frozen=True)
class Case:
    """A deal on results that are there.

    Attributes
    ----------
    deal, evaluation
        The deal, and what its evaluator reports.
    seat_years, seat_cost
        As in `budget.due_uses`.
    gains
        What the scenario brings, of the same samples.
    rate
        Real discount rate of the payers' present values.
    seed
        Key of the deal's own luck.
    optimism
        Whether payments come to what those of other projects came to over their first plans.
    """

    deal: Deal
    evaluation: Evaluation
    seat_years: Mapping[int, float]
    seat_cost: float | None
    gains: Gains
    rate: float = 0.03
    seed: int = 1
    optimism: bool = False

    def run(self) -> tuple[Payments, Cash]:
        """Payments and cash."""
        dues = due_uses(self.deal, self.seat_years, self.seat_cost)
        paid = self.owed()
        return paid, run_waterfall(self.deal, dues, commitments(self.deal, dues), paid)

    def owed(self) -> Payments:
        """What the payers owe on the evaluator's results."""
        return owed(self.deal, self.evaluation, self.seed, self.times())

    def times(self) -> Floats | None:
        """What other projects' luck multiplies each sample's payments by, where it is to count."""
        return drawn_optimism(self.evaluation.samples, self.seed) if self.optimism else None

    def at(self, factor: float, metrics: Sequence[str] = ()) -> Case:
        """The same with all prices, or those of some metrics, times a factor."""
        return replace(self, deal=with_prices(self.deal, factor, metrics))

    def with_effect(self, share: float) -> Case:
        """The same with a share of the true effect: the seated reach less by what the seats do not do; from 0 to 1."""
        e = self.evaluation
        lost = (1.0 - share) * np.nan_to_num(e.true_effect)
        seen, true = np.clip(e.rate_seated - lost, 0.0, 1.0), np.clip(e.rate_true - lost, 0.0, 1.0)
        less = replace(e, rate_seated=seen, effect=e.effect + (seen - e.rate_seated), rate_true=true)
        g = self.gains
        seats = np.array([line.seats for line in g.lines])
        kept = np.where(seats, 1.0, share)
        gains = replace(
            g, yearly=g.yearly * kept, cash=g.cash * kept, later={rate: x * kept for rate, x in g.later.items()}
        )
        return replace(self, evaluation=less, gains=gains)


def with_prices(deal: Deal, factor: float, metrics: Sequence[str] = ()) -> Deal:
    """A deal whose metrics (all, or some by name) pay a factor times their dollars; caps stay as they are."""

    def times(dollars: Dollars | None) -> Dollars | None:
        if dollars is None:
            return None
        return dollars.model_copy(update={"value": dollars.value * factor, "low": None, "high": None})

    def priced(metric: Metric) -> Metric:
        if metrics and metric.name not in metrics:
            return metric
        change: dict[str, Any] = {"price": times(metric.price)}
        if metric.schedule is not None:
            bands = [
                band.model_copy(update={name: times(getattr(band, name)) for name in ("pay", "per_point", "per_unit")})
                for band in metric.schedule.bands
            ]
            change["schedule"] = metric.schedule.model_copy(update={"bands": tuple(bands)})
        return metric.model_copy(update=change)

    return deal.model_copy(update={"metrics": tuple(priced(metric) for metric in deal.metrics)})


def with_threshold(deal: Deal, effect: float) -> Deal:
    """A deal whose metrics counted net pay nothing unless the evaluated effect of all cohorts so far reaches this."""
    condition = Condition(of="effect", at_least=effect, over="pooled")
    more = (Requirement(any_of=(condition,)),)
    metrics = [m.model_copy(update={"requires": m.requires + more}) if m.count == "net" else m for m in deal.metrics]
    return deal.model_copy(update={"metrics": tuple(metrics)})


def drawn_optimism(samples: pd.DataFrame, seed: int) -> Floats:
    """A keyed draw a sample of what payments come to over the first plan, from that distribution.

    The distribution is of whole projects, and so is the draw. It stands beside a study's own uncertainty, never in it.
    """
    shares, values = zip(*OPTIMISM, strict=True)
    return np.interp(luck(samples, "optimism", seed), shares, values)
