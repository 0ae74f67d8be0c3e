"""What leaves the model: counts of milestones by group, care and seats, and rows of single children for studies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from cradlecast.model.children import Bools, Children, Longs, Reals, Wholes
from cradlecast.model.flows import EARNINGS_PRICE_YEAR
from cradlecast.model.kernels import (
    EVENT_FIRST_AGES,
    EVENT_LAST_AGES,
    FIRST_ONCE,
    FOUR_YEAR,
    HEAD_START,
    PREK,
    TWO_YEAR,
    Real,
    Seat,
    Theta,
    Whole,
    Wide,
)
from cradlecast.model.place import LOW_WEIGHT, Floats, Place
from cradlecast.model.town import PROGRAMS, Town
from cradlecast.scenarios.community import EVENTS, MILESTONES
from cradlecast.scenarios.options import METRIC_AGES

Columns = dict[str, np.ndarray[Any, np.dtype[Any]]]
Dates = np.ndarray[Any, np.dtype[np.datetime64]]
Readings = tuple[Reals, Reals, Bools, Bools, Bools]

CARE = ("home", *PROGRAMS)
"""Kinds of care, by the number that children carry."""

EARLY_CARE = ("parents", "other_home", "center")
"""Who cares for children under 3, by the number that they carry."""

SEATED = "financed_seat"
"""Group of the children who hold a financed seat in the scenario."""

CHANGED = "support_changed"
"""Group of the children whose care at 4 or services differ between the arms: whom the scenario reaches directly."""

_SCORES = {
    "preliteracy_growth": (Real.PRELITERACY_TRUE, Real.PRELITERACY),
    "kindergarten_ready": (Real.READINESS_TRUE, Real.READINESS),
    "grade3_reading": (Real.READING_TRUE, Real.READING),
    "grade8_math": (Real.MATH_TRUE, Real.MATH),
}
_DAYS = {"prek_attendance": (5, 31), "preliteracy_growth": (5, 15), "kindergarten_ready": (9, 1)}
"""Month and day on which a metric is measured; school tests and graduations in spring."""

_SPRING = (5, 15)


@dataclass(frozen=True)
class Arm:
    """One arm as lived: the town after its last year, and which of its sites an outcomes contract pays for."""

    town: Town

    @property
    def children(self) -> Children:
        """The children as columns."""
        return self.town.columns()

    def financed(self) -> Bools:
        """True for children who hold a financed seat at 4, bool (n,)."""
        paid = np.array([site.financed for site in self.town.sites] + [False])
        return np.asarray(paid[self.children.whole(Seat.SITE4)])


def birth_groups(place: Place) -> tuple[str, ...]:
    """Groups that children are in from birth, in order: all, race and ethnicity, income, area."""
    return ("all", *place.group_names, "below_poverty", "above_poverty", *place.area_names)


def group_names(place: Place) -> tuple[str, ...]:
    """Groups that tables report, in order."""
    return (
        *birth_groups(place),
        "stayed",
        "left",
        SEATED,
        CHANGED,
    )


def group_masks(place: Place, children: Children, seated: Bools, changed: Bools) -> Bools:
    """Who belongs to which group, bool (groups, n), in the order of ``group_names``."""
    poor = children.whole(Whole.CELL) % 2 == 1
    stayed = children.whole(Whole.LEFT) < 0
    group, area = children.whole(Whole.GROUP), children.whole(Whole.AREA)
    return np.stack(
        [
            np.ones(len(children), np.bool_),
            *(group == number for number in range(len(place.group_names))),
            poor,
            ~poor,
            *(area == number for number in range(len(place.area_names))),
            stayed,
            ~stayed,
            seated,
            changed,
        ]
    )


def support_changed(baseline: Arm, scenario: Arm) -> Bools:
    """True for children whose care at 4, or the services that ever served them, differ between the arms, bool (n,)."""
    pair = baseline.children, scenario.children
    care = [children.whole(Whole.CARE4) for children in pair]
    served = [children.whole(Wide.SERVED) & scenario.town.service_bits for children in pair]
    return np.asarray((care[0] != care[1]) | (served[0] != served[1]))


def count_milestones(masks: Bools | Floats, children: Children) -> Longs:
    """Children who reached each milestone, by cohort and group: int64 (cohorts, groups, milestones + 1).

    The last entry of the last axis counts the children of the group.
    """
    reached = np.stack([children.reached(m) for m in range(len(MILESTONES))] + [np.ones(len(children), np.bool_)])
    parts = [
        masks[:, a:b] @ reached[:, a:b].T.astype(np.float64)
        for a, b in zip(children.starts[:-1], children.starts[1:], strict=True)
    ]
    return np.rint(np.stack(parts)).astype(np.int64)


def count_events(masks: Bools | Floats, children: Children, horizon: int) -> Floats:
    """School events by cohort and group: float64 (cohorts, groups, events + 1).

    Years with the event over years at risk, summed over children; children for what is counted once. The last entry of
    the last axis counts the children of the group.
    """
    shares = np.ones((len(EVENTS) + 1, len(children)))
    for number, (first, last) in enumerate(zip(EVENT_FIRST_AGES, EVENT_LAST_AGES, strict=True)):
        record = children.k[int(Whole.ABSENT_YEARS) + number]
        years = min(last, horizon - 1) - first + 1
        shares[number] = record / max(years, 1) if number < FIRST_ONCE else record >= 0
    parts = [masks[:, a:b] @ shares[:, a:b].T for a, b in zip(children.starts[:-1], children.starts[1:], strict=True)]
    return np.stack(parts)


@dataclass(frozen=True)
class Measure:
    """A number of each child of which groups are shown the mean: its unit, its age, and whom it is known of."""

    name: str
    unit: str
    age: int
    values: Callable[[Children], Floats]


def _real(column: Real) -> Callable[[Children], Floats]:
    return lambda children: children.real(column).astype(np.float64)


def _whole(column: Whole, value: int) -> Callable[[Children], Floats]:
    return lambda children: (children.whole(column) == value).astype(np.float64)


def _bachelor(children: Children) -> Floats:
    done = children.reached(MILESTONES.index("postsecondary_completed"))
    return np.asarray(done & (children.whole(Whole.SECTOR) == FOUR_YEAR), np.float64)


MEASURES: Final = (
    Measure("birth_weight", "kg", 0, _real(Real.BIRTH_WEIGHT)),
    Measure("low_birth_weight", "share", 0, lambda c: (c.real(Real.BIRTH_WEIGHT) < LOW_WEIGHT).astype(np.float64)),
    Measure("caesarean", "share", 0, _whole(Whole.CAESAREAN, 1)),
    Measure("on_track_at_3", "share", 3, _whole(Whole.ON_TRACK, 1)),
    Measure("kindergarten_literacy", "sd", 5, _real(Real.PRELITERACY_TRUE)),
    Measure("kindergarten_math", "sd", 5, _real(Real.MATH_FALL_TRUE)),
    Measure("kindergarten_language", "sd", 5, _real(Real.LANGUAGE_FALL_TRUE)),
    Measure("kindergarten_behaviour", "sd", 5, _real(Real.BEHAVIOUR_FALL_TRUE)),
    Measure("grades_in_grade_9", "points of 4", 15, _real(Real.GRADES)),
    Measure("four_year_college", "share", 20, _whole(Whole.SECTOR, FOUR_YEAR)),
    Measure("two_year_college", "share", 20, _whole(Whole.SECTOR, TWO_YEAR)),
    Measure("stopped_out", "share", 26, _whole(Whole.STOPPED, 1)),
    Measure("bachelor", "share", 26, _bachelor),
    Measure("years_of_work", "years", 30, lambda c: c.whole(Whole.WORKED).astype(np.float64)),
    Measure("earnings_at_29", f"usd of {EARNINGS_PRICE_YEAR}", 30, _real(Real.EARNINGS)),
    Measure("earned_to_30", f"usd of {EARNINGS_PRICE_YEAR}", 30, _real(Real.EARNED)),
)
"""What else is told of children beside milestones and school events; scores are true ones."""


def count_measures(masks: Bools | Floats, children: Children) -> Floats:
    """Sums of the measures by cohort and group: float64 (cohorts, groups, measures + 1).

    The last entry of the last axis counts the children of the group.
    """
    values = np.stack([measure.values(children) for measure in MEASURES] + [np.ones(len(children))])
    parts = [masks[:, a:b] @ values[:, a:b].T for a, b in zip(children.starts[:-1], children.starts[1:], strict=True)]
    return np.stack(parts)


def count_care(masks: Bools | Floats, baseline: Children, scenario: Children) -> Longs:
    """Children by group, care at 4 in the baseline and care at 4 in the scenario: int64 (groups, kinds, kinds)."""
    pair = baseline.whole(Whole.CARE4) * len(CARE) + scenario.whole(Whole.CARE4)
    return count_by_group(masks, pair, (len(CARE), len(CARE)))


def count_by_group(masks: Bools | Floats, cells: Wholes | Longs, shape: tuple[int, ...]) -> Longs:
    """Children by group and by the cell, in a table of some shape, that each is in: int64 (groups, *shape).

    Parameters
    ----------
    masks
        Who belongs to which group, (groups, n).
    cells
        Index into the flattened table, (n,).
    shape
        Of the table.
    """
    size = int(np.prod(shape))
    group, child = np.nonzero(masks)
    counts = np.bincount(group * size + cells[child], minlength=len(masks) * size)
    return counts.reshape(len(masks), *shape).astype(np.int64)


def study_children(baseline: Arm, scenario: Arm, metrics: Sequence[str], draw: int, world: int) -> Columns:
    """Rows of single children for the metrics that a deal or a trial names, as columns.

    Written for the children in a financed seat and for the comparison pool: children of the same birth year who are
    eligible for pre-K and had no public preschool at 4, neither pre-K nor Head Start, in the scenario. Both arms; the
    same children in the same order.

    Parameters
    ----------
    baseline, scenario
        The two arms of one draw and world.
    metrics
        Names of metrics: milestones, ``prek_attendance``, ``preliteracy_growth``, ``special_education``.
    draw, world
        Their numbers.

    Returns
    -------
    dict
        Column to array (rows,), one row per arm, metric and child; ``arm`` is 0 for the baseline and 1 for the
        scenario, ``metric`` an index into ``metrics``, ``stratum`` the group and poverty that an evaluator can match
        on; ``entry_score`` the pre-literacy score in the fall at 4, before pre-K. ``prek_attendance`` is measured for
        children in pre-K only.
    """
    seated = scenario.financed()
    children = scenario.children
    applied = (children.whole(Whole.APPLIED) & 1) == 1
    eligible = children.real(Real.INCOME) < scenario.town.theta[Theta.PREK_INCOME]
    care = children.whole(Whole.CARE4)
    rows = np.flatnonzero(seated | (eligible & (care != PREK) & (care != HEAD_START)))
    born = children.birth_years()[rows].astype(np.int64)
    arms, n = 2 * len(metrics), len(rows)
    readings = [_readings(arm, metric, rows) for arm in (baseline, scenario) for metric in metrics]
    columns = [np.concatenate([reading[part] for reading in readings]) for part in range(5)]
    return {
        "draw": np.full(arms * n, draw, np.int32),
        "world": np.full(arms * n, world, np.int64),
        "child": np.tile(children.child_ids()[rows], arms),
        "cohort": np.tile(born.astype(np.int16), arms),
        "arm": np.repeat(np.array([0, 1], np.int8), len(metrics) * n),
        "metric": np.tile(np.repeat(np.arange(len(metrics), dtype=np.int8), n), 2),
        "date": np.tile(np.concatenate([_dates(born, metric) for metric in metrics]), 2),
        "seated": np.tile(seated[rows], arms),
        "eligible": np.tile(eligible[rows], arms),
        "applied": np.tile(applied[rows], arms),
        "stratum": np.tile(children.whole(Whole.CELL)[rows].astype(np.int16), arms),
        "entry_score": np.tile(children.real(Real.PRELITERACY_START)[rows], arms),
        "true_score": columns[0],
        "score": np.where(columns[4], columns[1], np.float32(np.nan)),
        "reached_true": columns[2] & columns[4],
        "reached": columns[3] & columns[4],
        "measured": columns[4],
        "weight": np.full(arms * n, 1.0 / scenario.town.setting.scale),
    }


def study_frame(parts: Sequence[Columns], metrics: Sequence[str]) -> pd.DataFrame:
    """All draws and worlds as the table that finance reads (columns in docs/architecture.md)."""
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    columns: dict[str, object] = dict(whole)
    columns["arm"] = pd.Categorical.from_codes(
        whole["arm"].astype(np.int8), categories=pd.Index(["baseline", "scenario"])
    )
    columns["metric"] = pd.Categorical.from_codes(whole["metric"].astype(np.int8), categories=pd.Index(metrics))
    return pd.DataFrame(columns)


def _readings(arm: Arm, metric: str, rows: Longs) -> Readings:
    """True score, score as read, whether each is at or above the cut, and whether it was measured."""
    c = arm.children
    measured = np.ones(len(rows), np.bool_)
    if metric == "prek_attendance":
        in_prek = c.whole(Whole.CARE4)[rows] == PREK
        attends = (c.whole(Whole.ATTENDS)[rows] == 1) & in_prek
        value = attends.astype(np.float32)
        return value, value, attends, attends, in_prek
    if metric == "special_education":
        placed = c.whole(Whole.SPECIAL_EDUCATION)[rows]
        reached = (placed >= 0) & (placed < METRIC_AGES[metric])
        value = reached.astype(np.float32)
        return value, value, reached, reached, measured
    if metric not in _SCORES:
        reached = c.reached(MILESTONES.index(metric))[rows]
        value = reached.astype(np.float32)
        return value, value, reached, reached, measured
    true_column, column = _SCORES[metric]
    true, score = c.real(true_column)[rows], c.real(column)[rows]
    if metric == "preliteracy_growth":
        true = true - c.real(Real.PRELITERACY_START_TRUE)[rows]
        score = score - c.real(Real.PRELITERACY_START)[rows]
        cut = np.zeros(len(rows), np.float32)
    else:
        cut = arm.town.setting.cuts[MILESTONES.index(metric)][c.whole(Whole.CELL)[rows]]
    return true, score, true >= cut, score >= cut, measured


def _dates(born: Longs, metric: str) -> Dates:
    """Day on which a metric is measured, datetime64[s]: the calendar year in which the child reaches its age."""
    month, day = _DAYS.get(metric, _SPRING)
    months = (born + METRIC_AGES[metric] - 1970) * 12 + month - 1
    first: Dates = months.astype("datetime64[M]").astype("datetime64[D]")
    dates: Dates = (first + np.timedelta64(day - 1, "D")).astype("datetime64[s]")
    return dates
