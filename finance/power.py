"""What an evaluation can see, before the contract is signed: power, odds of payment, and regression to the mean.

Nothing here needs a study. Children are taken as independent; classmates are not, so that a real evaluation sees less.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from cradlecast.finance.evaluation import Evaluation
from cradlecast.finance.money import to_dollars
from cradlecast.finance.payments import settle
from cradlecast.finance.rules import Floats, Reading
from cradlecast.scenarios.contract import COUNTERFACTUALS, Metric
from cradlecast.scenarios.deal import Deal
from cradlecast.scenarios.errors import InputError

SIGNIFICANCE: Final = 0.05
"""Two-sided level of a test that calls an effect significant."""

POWER: Final = 0.8
"""Chance of a significant result at the minimum detectable effect."""

TRIALS: Final = 20_000
"""Evaluations drawn for each true effect; a chance near a half is then known to 0.7 points (95 %)."""

SEED: Final = 20_240
"""Key of those draws: the same table whenever it is asked for."""


def minimum_detectable_effect(n: float, n_comparison: float, rate: float) -> float:
    """Smallest true difference of two shares that a two-sided test of SIGNIFICANCE finds with chance POWER.

    (z_{0.975} + z_{0.8}) sqrt(p (1 - p) (1 / n + 1 / m)), with the comparison's rate p on both sides (Bloom 1995).

    Examples
    --------
    >>> round(minimum_detectable_effect(250, 250, 0.4), 3)
    0.123
    """
    z = ndtri(1 - SIGNIFICANCE / 2) + ndtri(POWER)
    return float(z * _standard_error(n, n_comparison, rate))


def _standard_error(n: float, n_comparison: float, rate: float) -> float:
    """Of a difference between two shares near a rate; a comparison without sampling adds nothing."""
    return float(np.sqrt(rate * (1 - rate) * (1 / n + (1 / n_comparison if np.isfinite(n_comparison) else 0.0))))


def _significance(effect: float, n: float, n_comparison: float, rate: float) -> float:
    """Chance that a two-sided test of SIGNIFICANCE calls an effect significant, by the normal approximation."""
    z, critical = effect / _standard_error(n, n_comparison, rate), ndtri(1 - SIGNIFICANCE / 2)
    return float(ndtr(z - critical) + ndtr(-z - critical))


def regression_to_the_mean(flagged: float, reliability: float) -> float:
    """Share of children flagged at the bottom of a noisy test who would not be flagged a second time, untouched.

    Parameters
    ----------
    flagged
        Share of all children that the test flags.
    reliability
        Correlation of the test with itself on the same children.

    Examples
    --------
    >>> regression_to_the_mean(0.2, 1.0), round(regression_to_the_mean(0.2, 0.0), 3)
    (0.0, 0.8)
    """
    if not (0 < flagged < 1 and 0 <= reliability <= 1):
        raise InputError(f"flagged must lie between 0 and 1, reliability from 0 to 1; got {flagged}, {reliability}")
    if reliability == 1:
        return 0.0
    cut = ndtri(flagged)
    from scipy.stats import (
        multivariate_normal,  # here: it takes a quarter of the time that every command needs to start
    )

    both = multivariate_normal(cov=[[1, reliability], [reliability, 1]]).cdf([cut, cut])
    return float(1 - both / flagged)


def odds(
    deal: Deal, metric: Metric, n: float, n_comparison: float, base_rate: float, effects: Sequence[float]
) -> pd.DataFrame:
    """What one evaluation of a metric reports and pays, by the true effect.

    Parameters
    ----------
    deal, metric
        The contract and one of its lines.
    n, n_comparison
        Children measured on each side.
    base_rate
        Share who reach the metric without the program.
    effects
        True effects, as differences of shares.

    Returns
    -------
    DataFrame
        metric, true_effect, n, n_comparison, base_rate, minimum_detectable_effect, chance_of_significance,
        chance_of_payment, mean_payment, payment_low, payment_high (5 and 95 %), payment_without_error (what the true
        effect itself would be paid). What needs a comparison is null where there is none.

    Raises
    ------
    InputError
        A size or a rate cannot be.
    """
    sampled = metric.compared and metric.comparison not in COUNTERFACTUALS
    if not (n >= 2 and (n_comparison >= 2 or not sampled) and (0 < base_rate < 1 or not metric.compared)):
        raise InputError(
            f"an evaluation needs at least 2 children on each side and a base rate between 0 and 1; got {n}, "
            f"{n_comparison}, {base_rate}"
        )
    stated = metric.method.counterfactual
    base = base_rate if sampled or stated is None else stated.value
    rng = np.random.default_rng(SEED)
    size_two = n_comparison if sampled else np.inf
    least = minimum_detectable_effect(n, size_two, base_rate) if metric.compared else np.nan
    rows = []
    for effect in effects:
        rate = float(np.clip(base_rate + effect, 0.0, 1.0))
        seen = rng.binomial(round(n), rate, TRIALS) / round(n)
        against = rng.binomial(round(n_comparison), base_rate, TRIALS) / round(n_comparison) if sampled else base
        paid = _paid(deal, metric, n, n_comparison, seen, np.broadcast_to(against, seen.shape))
        exact = _paid(deal, metric, n, n_comparison, np.array([rate]), np.array([base]))
        low, high = np.quantile(paid, [0.05, 0.95])
        rows.append(
            {
                "metric": metric.name,
                "true_effect": rate - base_rate,
                "n": n,
                "n_comparison": n_comparison if sampled else np.nan,
                "base_rate": base_rate,
                "minimum_detectable_effect": least,
                "chance_of_significance": _significance(effect, n, size_two, base_rate) if metric.compared else np.nan,
                "chance_of_payment": float((paid > 0).mean()),
                "mean_payment": float(paid.mean()),
                "payment_low": float(low),
                "payment_high": float(high),
                "payment_without_error": float(exact[0]),
            }
        )
    return pd.DataFrame(rows)


def power_table(deal: Deal, evaluation: Evaluation) -> pd.DataFrame:
    """Power and odds of payment of each metric, at the sizes and base rates of a study, by true effect.

    One cohort is one evaluation: the mean size of a cohort's measured children on each side and its twins' rate. True
    effects are none, half of the study's mean, the mean, and twice the mean.
    """
    tables = []
    for metric in deal.metrics:
        cells = (evaluation.cells["metric"] == metric.name).to_numpy()
        n = float(np.nanmean(evaluation.n_seated[:, cells]))
        m = float(np.nanmean(evaluation.n_comparison[:, cells]))
        base = _mean(evaluation.rate_twin[:, cells])
        effect = _mean(evaluation.true_effect[:, cells])
        known = (m >= 2 and 0 < base < 1) or not metric.compared
        if n >= 2 and known and not np.isnan(effect):
            tables.append(odds(deal, metric, n, m, base, sorted({0.0, effect / 2, effect, 2 * effect})))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=_COLUMNS)


_COLUMNS: Final = [
    "metric",
    "true_effect",
    "n",
    "n_comparison",
    "base_rate",
    "minimum_detectable_effect",
    "chance_of_significance",
    "chance_of_payment",
    "mean_payment",
    "payment_low",
    "payment_high",
    "payment_without_error",
]


def screens_table(deal: Deal, evaluation: Evaluation) -> pd.DataFrame:
    """For metrics paid on flagged children: what flagged children do without the program, beside what is held of them.

    Columns: metric, flagged (share of the served), n (children a cohort), rate_held (what the evaluator holds against
    them), rate_without (their true rate in the baseline), regression (the difference: what comes back to the mean
    and is paid for as an effect), claimed_effect, true_effect; both effects in the wanted direction.
    """
    rows = []
    for metric in (metric for metric in deal.metrics if metric.method.screened is not None):
        assert metric.method.screened is not None
        cells = (evaluation.cells["metric"] == metric.name).to_numpy()
        sign = -1.0 if metric.better == "lower" else 1.0
        held, without = _mean(evaluation.rate_comparison[:, cells]), _mean(evaluation.rate_twin[:, cells])
        rows.append(
            {
                "metric": metric.name,
                "flagged": metric.method.screened.value,
                "n": float(np.nanmean(evaluation.n_all[:, cells])),
                "rate_held": held,
                "rate_without": without,
                "regression": sign * (without - held),
                "claimed_effect": sign * _mean(evaluation.effect[:, cells]),
                "true_effect": sign * _mean(evaluation.true_effect[:, cells]),
            }
        )
    columns = ["metric", "flagged", "n", "rate_held", "rate_without", "regression", "claimed_effect", "true_effect"]
    return pd.DataFrame(rows, columns=columns)


def _mean(values: Floats) -> float:
    """The mean of what is known, NaN where nothing is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def _paid(deal: Deal, metric: Metric, n: float, n_comparison: float, seen: Floats, against: Floats) -> Floats:
    """Dollars that one metric alone is paid on such results."""
    absent = np.full(len(seen), np.nan)
    reading = Reading(
        metric.result,
        1,
        date(max(deal.cohorts, default=2000) + 10, 1, 1),
        n=np.full(len(seen), n),
        n_comparison=np.full(len(seen), n_comparison),
        rate=seen,
        comparison_rate=against,
        effect=seen - against + metric.method.bias,
        relative=absent,
        units=absent,
        amount=absent,
    )
    own = [requirement for requirement in metric.requires if all(_own(c.result, metric) for c in requirement.any_of)]
    alone = metric.model_copy(update={"requires": tuple(own), "net_of": ()})
    single = deal.model_copy(update={"metrics": (alone,), "ends_if": ()})
    paid: Floats = to_dollars(settle(single, {metric.name: [reading]}, len(seen)).paid[:, 0])
    return paid


def _own(result: str | None, metric: Metric) -> bool:
    """Whether a condition looks at the metric's own result."""
    return result is None or result == metric.result
