"""Evaluation: what the contract's evaluator reports, beside the true effect that only the simulation knows.

The evaluator never sees the twin. It compares DIFFERENT children of the scenario's own world, on their observed
scores: seated children with eligible children of the same cohort who had no public preschool, weighted so that both
show the same mix of groups and poverty. The true effect pairs the SAME children with and without the scenario, on their
true scores; it never enters a payment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cradlecast.scenarios.deal import Deal, Metric
from cradlecast.scenarios.errors import InputError

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

COLUMNS = (
    "draw",
    "world",
    "cohort",
    "arm",
    "metric",
    "date",
    "seated",
    "eligible",
    "stratum",
    "reached_true",
    "reached",
    "measured",
    "weight",
)


GROUPS = SEATED, TWIN, COMPARISON = (0, 1, 2)
"""Seated children in the scenario; the same children in the baseline; the comparison, in the scenario."""


@dataclass(frozen=True)
class Evaluation:
    """Results by sample and cell, in children of the community.

    Attributes
    ----------
    samples
        One row a sample: draw, world.
    cells
        One row a cell: metric, cohort, date (of measurement), in order of date, then of the deal's metrics.
    n_all, n_seated
        Seated children, and those of them who were measured; shape (samples, cells), as all below.
    n_comparison
        Measured children of the comparison.
    rate_seated, rate_comparison
        Shares of measured children seen to reach the metric; NaN where none was measured. The comparison's is the mean
        of its strata, each weighted by the seated children in it (a stratum without comparison takes the whole's rate).
    true_effect
        Share of seated children who reach it in the scenario, less their share in the baseline; NaN without children.
    """

    samples: pd.DataFrame
    cells: pd.DataFrame
    n_all: Floats
    n_seated: Floats
    n_comparison: Floats
    rate_seated: Floats
    rate_comparison: Floats
    true_effect: Floats

    @property
    def effect(self) -> Floats:
        """The evaluator's effect: rate of the seated less that of the comparison."""
        return self.rate_seated - self.rate_comparison

    def units(self, metrics: Sequence[Metric]) -> Floats:
        """Units paid for, by each cell's own rule, before minimum samples and caps; shape (samples, cells).

        gross: measured seated children seen to reach the metric. net: n_seated x (rate_seated - rate_comparison), at
        least 0. Children who were not measured are not paid for; without a comparison a net rule finds no units.
        """
        net = np.array([_metric(metrics, name).count == "net" for name in self.cells["metric"]])
        rate = np.where(net, self.effect, self.rate_seated)
        return self.n_seated * np.maximum(np.nan_to_num(rate), 0.0)

    def true_units(self) -> Floats:
        """Children who reach the metric because of the scenario, at least 0; shape (samples, cells)."""
        return self.n_all * np.maximum(np.nan_to_num(self.true_effect), 0.0)

    def table(self, metrics: Sequence[Metric]) -> pd.DataFrame:
        """One row a sample and cell, for reading and for files."""
        n_samples, n_cells = self.n_all.shape
        rows = self.samples.loc[self.samples.index.repeat(n_cells)].reset_index(drop=True)
        cells = pd.concat([self.cells] * n_samples, ignore_index=True)
        columns = {
            "n_seated": self.n_seated,
            "rate_seated": self.rate_seated,
            "n_comparison": self.n_comparison,
            "rate_comparison": self.rate_comparison,
            "evaluated_effect": self.effect,
            "true_effect": self.true_effect,
            "units": self.units(metrics),
        }
        values = pd.DataFrame({name: array.ravel() for name, array in columns.items()})
        return pd.concat([rows, cells, values], axis=1)


def evaluate(deal: Deal, study_children: pd.DataFrame) -> Evaluation:
    """Evaluate every metric of a deal, cohort by cohort, in every sample.

    Parameters
    ----------
    deal
        The deal: its metrics and the cohorts whose results count.
    study_children
        One row per (draw, world, child, arm, metric, date), as the model writes it.

    Returns
    -------
    Evaluation

    Raises
    ------
    InputError
        A column, metric or cohort is missing, or the two arms do not hold the same seated children.
    """
    missing = [name for name in COLUMNS if name not in study_children.columns]
    if missing:
        raise InputError(f"study_children has no column '{missing[0]}'")
    metric, metric_names = _codes(study_children["metric"])
    cohort, cohorts = _codes(study_children["cohort"])
    _require(deal, metric_names, cohorts, np.bincount(metric * len(cohorts) + cohort) > 0)
    kept = np.isin(metric_names, [m.name for m in deal.metrics])[metric] & np.isin(cohorts, deal.cohorts)[cohort]
    group, kept = _group(study_children, kept)
    names = ["draw", "world", "date", "weight", "stratum", "measured", "reached", "reached_true"]
    rows = study_children[names].loc[kept]
    metric, cohort, group = metric[kept], cohort[kept], group[kept]

    draw, draws = _codes(rows["draw"])
    world, worlds = _codes(rows["world"])
    day, days = _codes(rows["date"])
    sample, samples = _compact(draw * len(worlds) + world)
    cell, cells = _compact((metric * len(cohorts) + cohort) * len(days) + day)
    stratum, strata = _codes(rows["stratum"])
    shape = (len(GROUPS), len(samples), len(cells), len(strata))
    code = ((group * len(samples) + sample) * len(cells) + cell) * len(strata) + stratum

    def total(weights: NDArray[Any]) -> Floats:
        return np.bincount(code, weights=weights, minlength=int(np.prod(shape))).reshape(shape)

    weight = rows["weight"].to_numpy(dtype=np.float64)
    measured = rows["measured"].to_numpy(dtype=bool)
    everyone = total(weight).sum(axis=-1)
    seen_by_stratum = total(weight * measured)
    reached_by_stratum = total(weight * (measured & rows["reached"].to_numpy(dtype=bool)))
    seen, reached = seen_by_stratum.sum(axis=-1), reached_by_stratum.sum(axis=-1)
    truly = total(weight * rows["reached_true"].to_numpy(dtype=bool)).sum(axis=-1)
    if not np.allclose(everyone[SEATED], everyone[TWIN], rtol=1e-9):
        raise InputError("study_children must hold the same seated children in both arms of every draw and world")

    cell_names = pd.DataFrame(
        {
            "metric": metric_names[cells // len(days) // len(cohorts)],
            "cohort": cohorts[cells // len(days) % len(cohorts)],
            "date": days[cells % len(days)],
        }
    )
    rank = {m.name: place for place, m in enumerate(deal.metrics)}
    order = cell_names.assign(rank=cell_names["metric"].map(rank)).sort_values(["date", "rank", "cohort"]).index
    pick = order.to_numpy()
    return Evaluation(
        samples=pd.DataFrame({"draw": draws[samples // len(worlds)], "world": worlds[samples % len(worlds)]}),
        cells=cell_names.loc[order].reset_index(drop=True),
        n_all=everyone[SEATED][:, pick],
        n_seated=seen[SEATED][:, pick],
        n_comparison=seen[COMPARISON][:, pick],
        rate_seated=_share(reached[SEATED], seen[SEATED])[:, pick],
        rate_comparison=_standardised(reached_by_stratum[COMPARISON], seen_by_stratum)[:, pick],
        true_effect=_share(truly[SEATED] - truly[TWIN], everyone[SEATED])[:, pick],
    )


def _standardised(reached: Floats, seen: Floats) -> Floats:
    """Rate of the comparison with the strata of the seated, (samples, cells); NaN where nobody is compared."""
    whole = _share(reached.sum(axis=-1), seen[COMPARISON].sum(axis=-1))
    rates = _share(reached, seen[COMPARISON])
    rates = np.where(np.isnan(rates), whole[..., None], rates)
    return _share((rates * seen[SEATED]).sum(axis=-1), seen[SEATED].sum(axis=-1))


def _group(study_children: pd.DataFrame, kept: NDArray[np.bool_]) -> tuple[Codes, NDArray[np.bool_]]:
    """The group of each row, and which rows belong to one."""
    arm, arms = _codes(study_children["arm"])
    scenario = (arms == "scenario")[arm]
    seated = study_children["seated"].to_numpy(dtype=bool)
    eligible = study_children["eligible"].to_numpy(dtype=bool)
    group = np.where(seated, np.where(scenario, SEATED, TWIN), COMPARISON)
    return group, kept & (seated | (scenario & eligible))


def _require(deal: Deal, metrics: NDArray[Any], cohorts: NDArray[Any], present: NDArray[np.bool_]) -> None:
    """Raise where the study lacks a metric or a cohort that the deal pays for."""
    pairs = {(metrics[code // len(cohorts)], int(cohorts[code % len(cohorts)])) for code in np.flatnonzero(present)}
    for metric in deal.metrics:
        measured = sorted(cohort for name, cohort in pairs if name == metric.name)
        if not measured:
            known = ", ".join(sorted({name for name, _ in pairs})) or "none"
            raise InputError(
                f"deal '{deal.name}' pays for '{metric.name}', which the study did not measure (it measured: {known})"
            )
        for cohort in deal.cohorts:
            if cohort not in measured:
                raise InputError(
                    f"deal '{deal.name}' pays for '{metric.name}' of the children born in {cohort}, which the study "
                    f"did not measure (it measured: {', '.join(map(str, measured))})"
                )


def _metric(metrics: Sequence[Metric], name: str) -> Metric:
    """The metric of that name."""
    return next(metric for metric in metrics if metric.name == name)


def _codes(column: pd.Series[Any]) -> tuple[Codes, NDArray[Any]]:
    """Each row's place in the array of a column's distinct values, and that array."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy().astype(np.intp), column.cat.categories.to_numpy()
    codes, values = pd.factorize(column.to_numpy(), sort=True)
    return codes.astype(np.intp), np.asarray(values)


def _compact(codes: Codes) -> tuple[Codes, Codes]:
    """Codes renumbered from 0 without gaps, and the old code of each new one."""
    used = np.flatnonzero(np.bincount(codes))
    place = np.zeros(used[-1] + 1 if len(used) else 0, dtype=np.intp)
    place[used] = np.arange(len(used))
    return place[codes], used


def _share(part: Floats, whole: Floats) -> Floats:
    """Part of a whole, NaN where the whole is nothing."""
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)
