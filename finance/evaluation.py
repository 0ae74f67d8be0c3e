"""Evaluation: what the contract's evaluator reports, beside the true effect that only the simulation knows.

The evaluator never sees the twin. It compares DIFFERENT children of the scenario's own world, on their observed
scores: seated children with eligible children of the same cohort who had no public preschool (or with those of them who
applied and lost the lottery), weighted so that both show the same mix of groups and poverty; or with a rate that the
contract states. The true effect pairs the SAME children with and without the scenario, on their true scores; it never
enters a payment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cradlecast.finance.behaviour import behave
from cradlecast.finance.chance import luck
from cradlecast.finance.rules import Reading
from cradlecast.scenarios.contract import AS_SEEN, COUNTERFACTUALS, Method, Metric
from cradlecast.scenarios.deal import Deal
from cradlecast.scenarios.errors import InputError

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

COLUMNS = (
    "draw",
    "world",
    "child",
    "cohort",
    "arm",
    "metric",
    "date",
    "seated",
    "eligible",
    "applied",
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
        One row a cell: metric (or a result that only conditions look at), cohort, date (of measurement), in order of
        date, then of the deal's metrics.
    n_all, n_seated
        Seated children, and those of them who were measured; shape (samples, cells), as all below. For an evaluation by
        intention to treat, n_seated are those who were offered a seat.
    n_comparison
        Measured children of the comparison.
    rate_seated, rate_comparison
        Shares of measured children seen to reach the metric; NaN where none was measured. The comparison's is the mean
        of its strata, each weighted by the seated children in it (a stratum without comparison takes the whole's rate),
        or the rate that the contract states.
    effect
        What the evaluator reports: rate of the seated less that of the comparison, with its bias, or blended.
    rate_true, rate_twin
        Shares of all seated children who truly reach it, in the scenario and in the baseline.
    """

    samples: pd.DataFrame
    cells: pd.DataFrame
    n_all: Floats
    n_seated: Floats
    n_comparison: Floats
    rate_seated: Floats
    rate_comparison: Floats
    effect: Floats
    rate_true: Floats
    rate_twin: Floats

    @property
    def true_effect(self) -> Floats:
        """Share of seated children who reach it in the scenario, less their share in the baseline."""
        return self.rate_true - self.rate_twin

    def readings(self, deal: Deal) -> dict[str, list[Reading]]:
        """What the evaluator reports, as the payment rules read it: by metric, a reading a cohort."""
        return self._as_readings(
            deal, self.n_seated, self.n_comparison, self.rate_seated, self.rate_comparison, self.effect
        )

    def true_readings(self, deal: Deal) -> dict[str, list[Reading]]:
        """The truth, as the payment rules would read it.

        Units are the children who reach the metric because of the scenario, at least 0, however the contract counts.
        """
        return self._as_readings(
            deal, self.n_all, self.n_all, self.rate_true, self.rate_twin, self.true_effect, truth=True
        )

    def _as_readings(
        self,
        deal: Deal,
        n: Floats,
        n_comparison: Floats,
        rate: Floats,
        base: Floats,
        effect: Floats,
        truth: bool = False,
    ) -> dict[str, list[Reading]]:
        """A reading of every cell."""
        absent = np.full(len(self.samples), np.nan)
        metrics = {metric.name: metric for metric in deal.metrics}
        found: dict[str, list[Reading]] = {}
        for cell, (name, cohort, day) in enumerate(self.cells.itertuples(index=False)):
            metric = metrics.get(name)
            counted = absent
            if truth:
                sign = -1.0 if metric is not None and metric.better == "lower" else 1.0
                counted = n[:, cell] * np.maximum(np.nan_to_num(sign * effect[:, cell]), 0.0)
            reading = Reading(
                result=metric.result if metric is not None else name,
                cohort=int(cohort),
                date=pd.Timestamp(day).date(),
                n=n[:, cell],
                n_comparison=n_comparison[:, cell],
                rate=rate[:, cell],
                comparison_rate=base[:, cell],
                effect=effect[:, cell],
                relative=absent,
                units=counted,
                amount=absent,
            )
            found.setdefault(name, []).append(reading)
        return found

    def table(self) -> pd.DataFrame:
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
        }
        values = pd.DataFrame({name: array.ravel() for name, array in columns.items()})
        return pd.concat([rows, cells, values], axis=1)


class _View(NamedTuple):
    """What one metric's evaluator saw, by sample and cohort, before it is put in order."""

    name: str
    rank: int
    cohorts: NDArray[Any]
    days: NDArray[Any]
    arrays: dict[str, Floats]


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
    rows = _Rows(deal, behave(deal, study_children))
    paid_on = [(metric.name, metric.result, metric) for metric in deal.metrics]
    known = {metric.result for metric in deal.metrics}
    looked_at = [(name, name, None) for name in deal.results if name not in known]
    views = [_view(rows, rank, *each) for rank, each in enumerate([*paid_on, *looked_at])]
    cells = pd.DataFrame(
        {
            "metric": np.concatenate([np.repeat(view.name, len(view.cohorts)) for view in views]),
            "cohort": np.concatenate([view.cohorts for view in views]),
            "date": np.concatenate([view.days for view in views]),
        }
    )
    rank = np.concatenate([np.repeat(view.rank, len(view.cohorts)) for view in views])
    order = cells.assign(rank=rank).sort_values(["date", "rank", "cohort"]).index.to_numpy()
    arrays = {name: np.concatenate([view.arrays[name] for view in views], axis=1)[:, order] for name in views[0].arrays}
    return Evaluation(samples=rows.samples, cells=cells.loc[order].reset_index(drop=True), **arrays)


class _Rows:
    """The rows of a study that a deal looks at, as codes."""

    def __init__(self, deal: Deal, study_children: pd.DataFrame) -> None:
        metric, metric_names = _codes(study_children["metric"])
        cohort, cohorts = _codes(study_children["cohort"])
        _require(deal, metric_names, cohorts, np.bincount(metric * len(cohorts) + cohort) > 0)
        kept = np.isin(metric_names, deal.results)[metric] & np.isin(cohorts, deal.cohorts)[cohort]
        group, kept = _group(study_children, kept)
        rows = study_children[[name for name in (*COLUMNS, "entry_score") if name in study_children]].loc[kept]
        self.metric, self.metric_names = metric[kept], metric_names
        self.cohort, self.cohorts, self.group = cohort[kept], cohorts, group[kept]
        draw, draws = _codes(rows["draw"])
        world, worlds = _codes(rows["world"])
        self.day, self.days = _codes(rows["date"])
        self.sample, samples = _compact(draw * len(worlds) + world)
        self.samples = pd.DataFrame({"draw": draws[samples // len(worlds)], "world": worlds[samples % len(worlds)]})
        self.stratum, self.strata = _codes(rows["stratum"])
        self.weight = rows["weight"].to_numpy(dtype=np.float64)
        self.measured, self.reached, self.reached_true, self.applied = (
            rows[name].to_numpy(dtype=bool) for name in ("measured", "reached", "reached_true", "applied")
        )
        self.who = rows[["draw", "world", "child"]]
        self.entry_score = rows["entry_score"].to_numpy(dtype=np.float64) if "entry_score" in rows else None


def _view(rows: _Rows, rank: int, name: str, result: str, metric: Metric | None) -> _View:
    """What the evaluator of one metric sees."""
    here = np.flatnonzero((rows.metric_names == result)[rows.metric])
    method = metric.method if metric is not None else AS_SEEN
    if method.screened is not None:
        cohort_day = rows.cohort[here] * len(rows.days) + rows.day[here]
        here = here[_flagged(rows, here, cohort_day, method.screened.value)]
    cell, cells = _compact(rows.cohort[here] * len(rows.days) + rows.day[here])
    shape = (len(GROUPS), len(rows.samples), len(cells), len(rows.strata))
    group = rows.group[here]
    code = ((group * shape[1] + rows.sample[here]) * shape[2] + cell) * shape[3] + rows.stratum[here]

    def total(weights: NDArray[Any]) -> Floats:
        return np.bincount(code, weights=weights, minlength=int(np.prod(shape))).reshape(shape)

    weight, cell_code = rows.weight[here], code // shape[3]
    everyone = total(weight).sum(axis=-1)
    if not np.allclose(everyone[SEATED], everyone[TWIN], rtol=1e-9):
        raise InputError("study_children must hold the same seated children in both arms of every draw and world")
    truly = total(weight * rows.reached_true[here]).sum(axis=-1)
    measured, reached = _observed(rows, here, group, cell_code, method, name)

    def against(allowed: NDArray[np.bool_]) -> tuple[Floats, Floats, Floats, Floats]:
        seen = total(weight * (measured & allowed))
        found = total(weight * (measured & allowed & reached))
        whole = seen.sum(axis=-1)
        return (
            whole[SEATED],
            whole[COMPARISON],
            _share(found[SEATED].sum(axis=-1), whole[SEATED]),
            _standardised(found[COMPARISON], seen),
        )

    everybody = np.ones(len(here), dtype=bool)
    applicants = rows.applied[here] | (group != COMPARISON)

    def by(comparison: str) -> tuple[Floats, Floats, Floats, Floats]:
        n, n_comparison, rate, base = against(applicants if comparison.startswith("lottery") else everybody)
        if comparison in COUNTERFACTUALS:
            assert method.counterfactual is not None
            return n, n, rate, np.full_like(rate, method.counterfactual.value)
        if comparison == "lottery_itt":
            assert method.take_up is not None
            took = method.take_up.value
            return n / took, n_comparison, took * rate + (1 - took) * base, base
        return n, n_comparison, rate, base

    n, n_comparison, rate, base = by("none" if metric is None else metric.comparison)
    effect = rate - base
    if metric is not None and metric.estimates:
        parts = {each.name: by(each.name) for each in metric.estimates}
        effect = np.sum([e.weight * (parts[e.name][2] - parts[e.name][3]) for e in metric.estimates], axis=0)
    return _View(
        name,
        rank,
        rows.cohorts[cells // len(rows.days)],
        rows.days[cells % len(rows.days)],
        {
            "n_all": everyone[SEATED],
            "n_seated": n,
            "n_comparison": n_comparison,
            "rate_seated": rate,
            "rate_comparison": base,
            "effect": effect + method.bias,
            "rate_true": _share(truly[SEATED], everyone[SEATED]),
            "rate_twin": _share(truly[TWIN], everyone[SEATED]),
        },
    )


def _observed(
    rows: _Rows, here: Codes, group: Codes, cell: Codes, method: Method, name: str
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Who is measured, and who is seen to reach it, after what the evaluator loses, misreads and leaves out.

    Luck is a hash of draw, world, child, metric and purpose, so that it is the same whatever else is evaluated.
    """
    measured, reached = rows.measured[here], rows.reached[here]
    if method.attrition or method.attrition_comparison:
        lost = np.where(group == COMPARISON, method.attrition_comparison, method.attrition)
        measured = measured & (_luck(rows, here, name, "lost") >= lost)
    if method.misread:
        reached = reached ^ (_luck(rows, here, name, "misread") < method.misread)
    if method.most_per_side is not None:
        luck = np.where(measured, _luck(rows, here, name, "sampled"), 2.0)
        order = np.lexsort((luck, cell))
        begins = np.searchsorted(cell[order], cell[order], side="left")
        place = np.empty(len(here), dtype=np.float64)
        place[order] = np.arange(len(here)) - begins + 1
        measured = measured & (place * rows.weight[here] <= method.most_per_side * (1 + 1e-9))
    return measured, reached


def _luck(rows: _Rows, here: Codes, *key: object) -> Floats:
    """Uniform numbers from 0 to 1, one a row, the same for a child whatever else is evaluated."""
    return luck(rows.who.iloc[here], *key, by=("draw", "world", "child"))


def _flagged(rows: _Rows, here: Codes, cell: Codes, share: float) -> NDArray[np.bool_]:
    """Whether each row's child is at or below the entry score that flags a share of the seated, by sample and cell."""
    if rows.entry_score is None:
        raise InputError("study_children has no column 'entry_score', which a screen needs")
    score, group = rows.entry_score[here], rows.sample[here] * (cell.max() + 1) + cell
    seated = np.where(rows.group[here] == SEATED, rows.weight[here], 0.0)
    order = np.lexsort((score, group))
    so_far = pd.Series(seated[order]).groupby(group[order]).cumsum().to_numpy()
    most = share * (1 + 1e-9) * np.bincount(group, weights=seated)
    within = order[(seated[order] > 0) & (so_far <= most[group[order]])]
    cut = np.full(group.max() + 1, -np.inf)
    np.maximum.at(cut, group[within], score[within])
    return np.asarray(score <= cut[group])


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
    for result in deal.results:
        measured = sorted(cohort for name, cohort in pairs if name == result)
        if not measured:
            known = ", ".join(sorted({name for name, _ in pairs})) or "none"
            raise InputError(
                f"deal '{deal.name}' pays for '{result}', which the study did not measure (it measured: {known})"
            )
        for cohort in deal.cohorts:
            if cohort not in measured:
                raise InputError(
                    f"deal '{deal.name}' pays for '{result}' of the children born in {cohort}, which the study "
                    f"did not measure (it measured: {', '.join(map(str, measured))})"
                )


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
