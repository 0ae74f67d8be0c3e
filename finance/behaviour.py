"""Behaviour under a contract: what parties may do because it pays as it does, as changes to the rows of a study.

Each lever changes what is observed, or whom the seats reach, before the evaluator looks; none of them is visible to
the payment rules. What they do to children is in the true effect and in `reached_by_behaviour`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cradlecast.finance.chance import luck
from cradlecast.scenarios.contract import AS_MEANT, LEVERS
from cradlecast.scenarios.deal import Deal

Bools = NDArray[np.bool_]

LOWEST: Final = 1 / 3
"""Share of the children served who are the lowest at entry, whom creaming passes over."""

SPECIAL_EDUCATION: Final = "special_education"

WHAT: Final[Mapping[str, str]] = {
    "creaming": "children lowest at entry who are passed over",
    "nudging": "children whose score is lifted over the threshold; nothing changes for them",
    "denial": "children who are denied special education that they need",
    "under_enrolment": "children who get no seat, though it is paid for",
    "wind_down": "children of the last cohort for whom the effect is lost",
}
"""Whom each lever touches."""


def behave(deal: Deal, study_children: pd.DataFrame) -> pd.DataFrame:
    """The rows of a study as the parties' behaviour leaves them; the same rows where nothing is set.

    Parameters
    ----------
    deal
        The deal with its levers.
    study_children
        One row per (draw, world, child, arm, metric, date), as the model writes it.
    """
    if deal.behaviour == AS_MEANT:
        return study_children
    rows = study_children.copy(deep=False)
    for lever in LEVERS:
        share = float(getattr(deal.behaviour, lever))
        if share > 0:
            _RULES[lever](deal, rows, share)
    return rows


def touched(deal: Deal, before: pd.DataFrame, lever: str, after: pd.DataFrame) -> float:
    """Children of the community whom a lever touches, a sample, in the deal's cohorts.

    Parameters
    ----------
    deal
        The deal with its levers.
    before, after
        The rows of the study without and with that lever.
    lever
        One of LEVERS.
    """
    share = float(getattr(deal.behaviour, lever))
    served = (before["seated"] & (before["arm"] == "scenario") & before["cohort"].isin(deal.cohorts)).to_numpy()
    match lever:
        case "creaming":
            chosen, times = served & _lowest(before, LOWEST), share
        case "nudging" | "denial":
            chosen, times = served & (before["reached"] != after["reached"]).to_numpy(), 1.0
        case "wind_down":
            chosen, times = served & (before["cohort"] == max(deal.cohorts)).to_numpy(), share
        case _:
            chosen, times = served, share
    if lever == "denial":
        chosen &= before["reached_true"].to_numpy()
    n_samples = len(before[["draw", "world"]].drop_duplicates())
    each = before["weight"].where(chosen, 0.0).groupby(before["metric"], observed=True).sum()
    return float(each.max()) * times / n_samples


def _creaming(deal: Deal, rows: pd.DataFrame, share: float) -> None:
    """Seats of the lowest at entry go to children like the others who are served: their weight moves to these."""
    cells, seated, weight = _cells(rows), rows["seated"].to_numpy(), rows["weight"].to_numpy()
    lowest = _lowest(rows, LOWEST)
    whole, low = (np.bincount(cells, weights=np.where(of, weight, 0.0)) for of in (seated, lowest))
    others = whole - low
    grown = np.divide(whole - (1 - share) * low, others, out=np.ones_like(whole), where=others > 0)
    kept = np.where(others > 0, 1 - share, 1.0)
    rows["weight"] = np.where(seated, weight * np.where(lowest, kept[cells], grown[cells]), weight)


def _nudging(deal: Deal, rows: pd.DataFrame, share: float) -> None:
    """The served children nearest below the threshold are recorded at it, where more is better."""
    higher = [metric.result for metric in deal.metrics if metric.better == "higher"]
    served = (rows["seated"] & (rows["arm"] == "scenario") & rows["measured"] & rows["metric"].isin(higher)).to_numpy()
    cells, weight, seen = _cells(rows), rows["weight"].to_numpy(), rows["reached"].to_numpy().copy()
    most = share * (1 + 1e-9) * np.bincount(cells, weights=np.where(served, weight, 0.0))
    below = np.flatnonzero(served & ~seen)
    score = rows["score"].to_numpy()[below]
    below = below[np.lexsort((_luck(rows.iloc[below], "nudging"), -score, cells[below]))]
    so_far = np.cumsum(weight[below])
    first = np.searchsorted(cells[below], cells[below], side="left")
    so_far = so_far - (so_far - weight[below])[first]
    seen[below[so_far <= most[cells[below]]]] = True
    rows["reached"] = seen


def _denial(deal: Deal, rows: pd.DataFrame, share: float) -> None:
    """Some served children who need special education are not placed, so that nobody sees that they need it."""
    here = rows["seated"].to_numpy() & (rows["arm"] == "scenario").to_numpy()
    here &= (rows["metric"] == SPECIAL_EDUCATION).to_numpy() & (_luck(rows, "denial") < share)
    rows["reached"] = rows["reached"].to_numpy() & ~here


def _under_enrolment(deal: Deal, rows: pd.DataFrame, share: float) -> None:
    """Empty seats reach nobody: every seated child stands for fewer."""
    rows["weight"] = np.where(rows["seated"], rows["weight"] * (1 - share), rows["weight"])


def _wind_down(deal: Deal, rows: pd.DataFrame, share: float) -> None:
    """Some children of the last cohort live as they would have without the seat: the world changes, not the record."""
    last = rows["seated"].to_numpy() & (rows["cohort"] == max(deal.cohorts)).to_numpy()
    names = ["draw", "world", "child", "metric"]
    lost = np.flatnonzero(last & (_luck(rows, "wind_down") < share))
    here, twin = (rows.iloc[lost][(rows["arm"].iloc[lost] == arm).to_numpy()] for arm in ("scenario", "baseline"))
    without = twin.set_index(names)[["reached_true", "reached"]].reindex(pd.MultiIndex.from_frame(here[names]))
    at = lost[(rows["arm"].iloc[lost] == "scenario").to_numpy()]
    for name in ("reached_true", "reached"):
        values = rows[name].to_numpy().copy()
        values[at] = without[name].to_numpy(dtype=bool)
        rows[name] = values


def _luck(rows: pd.DataFrame, what: str) -> NDArray[np.float64]:
    """One number from 0 to 1 a row, the same for a child in both arms and all metrics."""
    return luck(rows, what, by=("draw", "world", "child"))


def _cells(rows: pd.DataFrame) -> NDArray[np.intp]:
    """Each row's sample, cohort, arm and metric as one number from 0."""
    names = ["draw", "world", "cohort", "arm", "metric"]
    return rows.groupby(names, observed=True, sort=False).ngroup().to_numpy().astype(np.intp)


def _lowest(rows: pd.DataFrame, share: float) -> Bools:
    """Whether a seated child is among the lowest at entry of its sample and cohort."""
    seated = np.flatnonzero(rows["seated"].to_numpy())
    cells = _cells(rows)[seated]
    order = np.lexsort((rows["entry_score"].to_numpy()[seated], cells))
    place = np.arange(1, len(order) + 1) - np.searchsorted(cells[order], cells[order], side="left")
    lowest = np.zeros(len(rows), dtype=bool)
    lowest[seated[order]] = place <= share * np.bincount(cells)[cells[order]] * (1 + 1e-9)
    return lowest


_RULES: Final[Mapping[str, Callable[[Deal, pd.DataFrame, float], None]]] = {
    "creaming": _creaming,
    "nudging": _nudging,
    "denial": _denial,
    "under_enrolment": _under_enrolment,
    "wind_down": _wind_down,
}
