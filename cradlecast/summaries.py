"""What people read of a study: milestones, care and seats, with central 90 % intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cradlecast.model import outcomes
from cradlecast.model.children import Bools
from cradlecast.model.kernels import EVENT_FIRST_AGES
from cradlecast.model.paths import CHANNELS, DIRECTIONS
from cradlecast.model.place import Floats
from cradlecast.samples import Ground, Sample
from cradlecast.scenarios.community import EVENTS, MILESTONES
from cradlecast.scenarios.fit import cohorts_of
from cradlecast.scenarios.options import METRIC_AGES
from cradlecast.scenarios.scenario import Scenario

INTERVAL = (0.05, 0.95)
"""Ends of a central 90 % interval."""

RATES = ("rate", "rate_low", "rate_high", "impact", "impact_low", "impact_high")
"""What every table of rates begins with, behind its names."""

MILESTONE_AGES = tuple(METRIC_AGES[name] for name in MILESTONES)


def milestone_table(ground: Ground, scenario: Scenario, samples: list[list[Sample]]) -> pd.DataFrame:
    """Milestones by group with central 90 % intervals; impact is scenario minus baseline in the same draw and world.

    ``impact_sd_parameters`` and ``impact_sd_chance`` split the spread of the impact into what is not known about the
    parameters and what is luck among the simulated children (null with one world per draw).
    ``chance_not_positive`` is the share of draws and worlds with an impact of zero or less.
    """
    counts = np.array([[sample.milestones for sample in draw] for draw in samples])
    shown = [age <= ground.options.horizon for age in MILESTONE_AGES]
    return _impacts(ground, scenario, counts, "milestone", MILESTONES, shown).drop(columns="chance_not_negative")


def event_table(ground: Ground, scenario: Scenario, samples: list[list[Sample]]) -> pd.DataFrame:
    """School events by group, as ``milestone_table``: share of children a year at risk, or ever for those counted once.

    Chronic absence and suspension at ages 5 to 17, arrest at 10 to 17, special education by 10, retention in
    kindergarten or grade 1. An impact above zero is more of what nobody wants, hence ``chance_not_negative``.
    """
    counts = np.array([[sample.events for sample in draw] for draw in samples])
    shown = [first < ground.options.horizon for first in EVENT_FIRST_AGES]
    table = _impacts(ground, scenario, counts, "event", EVENTS, shown)
    return table.drop(columns="chance_not_positive")


def measure_table(ground: Ground, scenario: Scenario, samples: list[list[Sample]]) -> pd.DataFrame:
    """Means of other measures by group, as ``milestone_table``: scores at kindergarten, grades, college, earnings.

    ``rate`` is the mean in the measure's ``unit``; scores are in sd of the community's children at that age.
    """
    counts = np.array([[sample.measures for sample in draw] for draw in samples])
    shown = [measure.age <= ground.options.horizon for measure in outcomes.MEASURES]
    names = [measure.name for measure in outcomes.MEASURES]
    table = _impacts(ground, scenario, counts, "measure", names, shown)
    units = {measure.name: measure.unit for measure in outcomes.MEASURES}
    table.insert(3, "unit", [units[name] for name in table["measure"]])
    means = {name: name.replace("rate", "mean") for name in table.columns if "rate" in name}
    return table.rename(columns=means).drop(columns=["chance_not_positive", "chance_not_negative"])


def _impacts(
    ground: Ground,
    scenario: Scenario,
    counts: NDArray[Any],
    what: str,
    names: Sequence[str],
    shown: Sequence[bool],
) -> pd.DataFrame:
    """Rates and impacts by group: ``counts`` (draws, worlds, arms, cohorts, groups, names + 1), children last."""
    base, arm = (counts.sum(axis=3)[:, :, side].astype(np.float64) for side in (0, 1))
    scale = ground.options.children / (ground.community.births_per_year.value * len(cohorts_of(scenario)))
    rows = []
    for g, group in enumerate(outcomes.group_names(ground.place)):
        n = arm[:, :, g, -1]
        if not n.sum() > 0 or (
            group in ("stayed", "left") and ground.options.horizon < METRIC_AGES["postsecondary_completed"]
        ):
            continue
        present = n > 0
        asked = [m for m, here in enumerate(shown) if here]
        with np.errstate(invalid="ignore", divide="ignore"):
            shares = (side[:, :, g, asked] / side[:, :, g, -1:] for side in (arm, base))
            rates, befores = (np.moveaxis(share, 2, 0).copy() for share in shares)
        ends = np.quantile([rates[:, present], (rates - befores)[:, present]], INTERVAL, axis=2)
        for at, m in enumerate(asked):
            rows.append(
                {"scenario": scenario.name, "group": group, what: names[m], "n": round(float(n.mean()))}
                | _summary(rates[at], befores[at], present, ends[:, :, at])
                | {"n_community": round(float(n.mean()) / scale), "baseline": scenario.baseline}
            )
    first = ["scenario", "group", what, "n", *RATES]
    chances = ["chance_not_positive", "chance_not_negative"]
    table = pd.DataFrame(rows) if rows else pd.DataFrame(columns=[*first, *chances])
    return table[first + [name for name in table.columns if name not in first]]


def _summary(rate: Floats, before: Floats, present: Bools, ends: Floats) -> dict[str, float | None]:
    """Means, intervals and the split of the spread for one group and milestone; arrays are (draws, worlds).

    ``ends`` (2, 2): low and high ends of the intervals of rate and impact.
    """
    impact = rate - before
    values, level = impact[present], rate[present]
    (low, impact_low), (high, impact_high) = ends
    parameters, chance = split_spread(impact) if present.all() else (None, None)
    return {
        "rate": float(level.mean()),
        "rate_low": float(low),
        "rate_high": float(high),
        "impact": float(values.mean()),
        "impact_low": float(impact_low),
        "impact_high": float(impact_high),
        "baseline_rate": float(before[present].mean()),
        "chance_not_positive": float(np.mean(values <= 0.0)),
        "chance_not_negative": float(np.mean(values >= 0.0)),
        "impact_sd_parameters": parameters,
        "impact_sd_chance": chance,
    }


def split_spread(values: Floats) -> tuple[float | None, float | None]:
    """Standard deviations due to parameters and due to chance, from a (draws, worlds) array.

    One-way analysis of variance: the spread within draws is chance; what the draws' means spread beyond their share of
    it is due to parameters. Nulls with fewer than two draws or worlds.
    """
    draws, worlds = values.shape
    if draws < 2 or worlds < 2:
        return None, None
    within = float(values.var(axis=1, ddof=1).mean())
    between = float(values.mean(axis=1).var(ddof=1)) - within / worlds
    return float(np.sqrt(max(between, 0.0))), float(np.sqrt(within))


def care_tables(ground: Ground, scenario: Scenario, samples: list[list[Sample]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Care at 4 in both arms by group, and who moved from where to where: children of the community a school year."""
    counts = np.array([[sample.care for sample in draw] for draw in samples]).astype(np.float64)
    scale = ground.options.children / ground.community.births_per_year.value
    yearly = counts / scale
    care, moves = [], []
    for g, group in enumerate(outcomes.birth_groups(ground.place)):
        flows = yearly[:, :, g]
        for kind, name in enumerate(outcomes.CARE):
            before, after = flows[:, :, kind, :].sum(axis=2), flows[:, :, :, kind].sum(axis=2)
            low, high = np.quantile(after - before, INTERVAL)
            care.append(
                {
                    "scenario": scenario.name,
                    "group": group,
                    "age": 4,
                    "care": name,
                    "baseline_children": float(before.mean()),
                    "scenario_children": float(after.mean()),
                    "change": float((after - before).mean()),
                    "change_low": float(low),
                    "change_high": float(high),
                }
            )
        for a, source in enumerate(outcomes.CARE):
            for b, target in enumerate(outcomes.CARE):
                flow = flows[:, :, a, b]
                if a != b and flow.any():
                    low, high = np.quantile(flow, INTERVAL)
                    moves.append(
                        {
                            "scenario": scenario.name,
                            "group": group,
                            "from": source,
                            "to": target,
                            "children_per_year": float(flow.mean()),
                            "children_low": float(low),
                            "children_high": float(high),
                        }
                    )
    columns = ["scenario", "group", "from", "to", "children_per_year", "children_low", "children_high"]
    return pd.DataFrame(care), pd.DataFrame(moves, columns=columns)


def path_table(ground: Ground, scenario: Scenario, samples: list[list[Sample]]) -> pd.DataFrame:
    """Children of the community whose path changed by group: first milestone that differs, direction and channel.

    Means over draws and worlds with central 90 % intervals. Rows with ``all`` are totals, with intervals of their own:
    over groups, over milestones, over directions, over channels. A milestone counts from the age at which it is
    measured: a study that ends before 26 has no completion of college in any row, though some complete it earlier.
    """
    measured = [age <= ground.options.horizon for age in MILESTONE_AGES]
    names = [name for name, known in zip(MILESTONES, measured, strict=True) if known]
    counts = np.array([[sample.paths[:, measured] for sample in draw] for draw in samples]).astype(np.float64)
    for axis in (3, 4, 5):
        counts = np.concatenate([counts, counts.sum(axis=axis, keepdims=True)], axis=axis)
    scale = ground.options.children / (ground.community.births_per_year.value * len(cohorts_of(scenario)))
    children = counts / scale
    low, high = np.quantile(children, INTERVAL, axis=(0, 1))
    levels = {
        "scenario": [scenario.name],
        "group": outcomes.birth_groups(ground.place),
        "milestone": [*names, "all"],
        "direction": [*DIRECTIONS, "all"],
        "channel": [*CHANNELS, "all"],
    }
    index = pd.MultiIndex.from_product(list(levels.values()), names=list(levels))
    columns = {"children": children.mean(axis=(0, 1)), "children_low": low, "children_high": high}
    return pd.DataFrame({name: values.ravel() for name, values in columns.items()}, index=index).reset_index()


def seat_table(scenario: Scenario, samples: list[list[Sample]]) -> pd.DataFrame:
    """Seats open and filled and their cost by arm, year, program, stream and age: means over draws and worlds."""
    frames = []
    for side, arm in enumerate(("baseline", "scenario")):
        rows = [row for draw in samples for sample in draw for row in sample.seats[side]]
        table = pd.DataFrame(rows)
        keys = ["year", "program", "stream", "age", "payer"]
        mean = table.groupby(keys, sort=False, as_index=False)[["seats", "filled", "dollars"]].mean()
        mean.insert(0, "arm", arm)
        frames.append(mean)
    whole = pd.concat(frames, ignore_index=True)
    whole.insert(0, "scenario", scenario.name)
    return whole[["scenario", "arm", "year", "program", "stream", "age", "seats", "filled", "payer", "dollars"]]


POOL_COLUMNS = (
    "scenario",
    "arm",
    "year",
    "allocation",
    "program",
    "share",
    "places",
    "spent",
    "carried_in",
    "received",
    "coordination",
    "carried_out",
    "price_year",
)


def pool_table(scenario: Scenario, samples: list[list[Sample]]) -> pd.DataFrame:
    """Pooled money by arm, year and program: means over samples; in each, what came in is spent or carried over."""
    parts = []
    for side, arm in enumerate(("baseline", "scenario")):
        rows = [row for draw in samples for sample in draw for row in sample.pool[side]]
        if rows:
            keys = ["year", "allocation", "program"]
            mean = pd.DataFrame(rows).groupby(keys, sort=False, as_index=False).mean()
            parts.append(mean.assign(scenario=scenario.name, arm=arm))
    if not parts:
        return pd.DataFrame(columns=list(POOL_COLUMNS))
    assert scenario.pool is not None
    return pd.concat(parts, ignore_index=True).assign(price_year=scenario.pool.price_year)[list(POOL_COLUMNS)]


def outcome_table(ground: Ground, scenario: Scenario, samples: list[list[Sample]]) -> pd.DataFrame:
    """Counts of milestones by arm, draw, world, cohort, group and milestone: one row each, nothing summed up."""
    counts = np.array([[sample.milestones for sample in draw] for draw in samples])
    reached, n = counts[..., :-1], np.broadcast_to(counts[..., -1:], (*counts.shape[:-1], counts.shape[-1] - 1))
    names: dict[str, Sequence[Any]] = {
        "draw": list(range(counts.shape[0])),
        "world": list(range(counts.shape[1])),
        "arm": ["baseline", "scenario"],
        "cohort": list(cohorts_of(scenario)),
        "group": list(outcomes.group_names(ground.place)),
        "milestone": list(MILESTONES),
    }
    index = pd.MultiIndex.from_product(list(names.values()), names=list(names))
    table = pd.DataFrame({"n": n.ravel(), "reached": reached.ravel()}, index=index).reset_index()
    table["world"] = table["draw"] * counts.shape[1] + table["world"]
    late = [m for m, age in zip(MILESTONES, MILESTONE_AGES, strict=True) if age > ground.options.horizon]
    table = table[~table["milestone"].isin(late)].reset_index(drop=True)
    table.insert(0, "scenario", scenario.name)
    return table
