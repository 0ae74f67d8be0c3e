"""Gaps between groups of children, without and with the scenario: what systems offer one group and another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cradlecast.model import outcomes
from cradlecast.model.children import Bools
from cradlecast.model.kernels import EVENT_FIRST_AGES
from cradlecast.model.place import Floats, Place
from cradlecast.samples import Ground, Sample
from cradlecast.scenarios.community import EVENTS, MILESTONES
from cradlecast.scenarios.fit import cohorts_of
from cradlecast.scenarios.scenario import Scenario
from cradlecast.summaries import INTERVAL, MILESTONE_AGES

COLUMNS: Final = (
    "scenario",
    "by",
    "group",
    "against",
    "kind",
    "outcome",
    "n",
    "n_against",
    *("baseline_gap", "baseline_gap_low", "baseline_gap_high"),
    *("gap", "gap_low", "gap_high"),
    *("change", "change_low", "change_high"),
    "chance_not_narrower",
    "n_community",
    "n_against_community",
    "baseline",
)


def gap_table(ground: Ground, scenario: Scenario, samples: list[list[Sample]]) -> pd.DataFrame:
    """Gaps in milestones and school events by income, race and ethnicity, and place, with central 90 % intervals.

    Each group stands against all other children (``against``): below the poverty line against above it. A gap is
    the others' rate less the group's for a milestone, and the group's less the others' for a school event: above zero
    the group has less of what is wanted, or more of what is not. ``change`` is the gap in the scenario less that in
    the baseline, in the same draw and world; ``chance_not_narrower`` is the share of draws and worlds in which the gap,
    whichever way it points, is at least as wide in the scenario.
    """
    horizon = ground.options.horizon
    reached = np.array([[sample.milestones for sample in draw] for draw in samples])
    events = np.array([[sample.events for sample in draw] for draw in samples])
    measured = [age <= horizon for age in MILESTONE_AGES]
    at_risk = [first < horizon for first in EVENT_FIRST_AGES]
    rows = _gaps(ground, scenario, reached, MILESTONES, measured, 1.0, "milestone")
    rows += _gaps(ground, scenario, events, EVENTS, at_risk, -1.0, "event")
    return pd.DataFrame(rows, columns=list(COLUMNS))


def gaps_by(place: Place) -> dict[str, tuple[str, str]]:
    """The groups that are told of, in order: by what each is, and against whom it stands."""
    return {
        "below_poverty": ("income", "above_poverty"),
        **dict.fromkeys(place.group_names, ("race_ethnicity", "all_others")),
        **dict.fromkeys(place.area_names, ("place", "all_others")),
    }


def _gaps(
    ground: Ground,
    scenario: Scenario,
    counts: NDArray[Any],
    names: Sequence[str],
    shown: Sequence[bool],
    sign: float,
    kind: str,
) -> list[dict[str, object]]:
    """Rows of one kind: ``counts`` (draws, worlds, arms, cohorts, groups, names + 1), children last."""
    totals = counts.sum(axis=3).astype(np.float64)
    everybody, order = totals[:, :, :, 0], outcomes.birth_groups(ground.place)
    scale = ground.options.children / (ground.community.births_per_year.value * len(cohorts_of(scenario)))
    rows: list[dict[str, object]] = []
    for group, (by, against) in gaps_by(ground.place).items():
        own = totals[:, :, :, order.index(group)]
        others = everybody - own
        n, n_against = own[:, :, 1, -1], others[:, :, 1, -1]
        present = (n > 0) & (n_against > 0)
        if not present.any():
            continue
        sizes = {"n": float(n.mean()), "n_against": float(n_against.mean())}
        with np.errstate(invalid="ignore", divide="ignore"):
            gaps = sign * (others[..., :-1] / others[..., -1:] - own[..., :-1] / own[..., -1:])
        for m, name in enumerate(names):
            if shown[m]:
                rows.append(
                    {"scenario": scenario.name, "by": by, "group": group, "against": against}
                    | {"kind": kind, "outcome": name}
                    | {size: round(value) for size, value in sizes.items()}
                    | _summary(gaps[:, :, 0, m], gaps[:, :, 1, m], present)
                    | {f"{size}_community": round(value / scale) for size, value in sizes.items()}
                    | {"baseline": scenario.baseline}
                )
    return rows


def _summary(before: Floats, after: Floats, present: Bools) -> dict[str, object]:
    """Means and intervals of a gap in both arms and of its change; arrays are (draws, worlds)."""
    before, after = before[present], after[present]
    found: dict[str, object] = {}
    kinds = {"baseline_gap": before, "gap": after, "change": after - before}
    ends = np.quantile([*kinds.values()], INTERVAL, axis=1).T
    for (name, values), (low, high) in zip(kinds.items(), ends, strict=True):
        found |= {name: float(values.mean()), f"{name}_low": float(low), f"{name}_high": float(high)}
    return found | {"chance_not_narrower": float(np.mean(np.abs(after) >= np.abs(before)))}
