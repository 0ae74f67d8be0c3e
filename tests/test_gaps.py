"""Gaps between groups: the difference worked by hand, which way it points, and that no group is left out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

import cradlecast as cc
from cradlecast.gaps import COLUMNS, gap_table, gaps_by
from cradlecast.model import outcomes
from cradlecast.samples import Ground, Sample
from cradlecast.scenarios.community import EVENTS, MILESTONES
from cradlecast.scenarios.library import load_scenario
from cradlecast.scenarios.options import Options
from cradlecast.study import run
from tests.worlds import SCENARIOS, settings

SCENARIO = load_scenario(SCENARIOS[0])
ROW = ["group", "outcome"]


def ground(horizon: int = 30) -> Ground:
    """The ground of a study of 39,900 simulated children in Memphis, as many as there are in three birth years."""
    births = SimpleNamespace(value=13_300.0)
    place = settings()[0].place
    options = Options(children=39_900, draws=1, worlds=2, horizon=horizon)
    return cast(
        Ground, SimpleNamespace(place=place, community=SimpleNamespace(births_per_year=births), options=options)
    )


def sample(below: tuple[int, int], above: tuple[int, int], n: tuple[int, int] = (100, 300)) -> Sample:
    """Children below and above the poverty line who reach every milestone, and have every event, in each arm.

    Race and ethnicity and areas go along with income: the first of each is everybody below the line, the second
    everybody above it, and nobody is in the others.
    """
    place = settings()[0].place
    names = outcomes.group_names(place)
    groups = {place.group_names[0]: 0, place.group_names[1]: 1, place.area_names[0]: 0, place.area_names[1]: 1}
    groups |= {"below_poverty": 0, "above_poverty": 1}

    def counts(arm: int, kinds: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        parts = np.array([[below[arm]] * kinds + [n[0]], [above[arm]] * kinds + [n[1]]])
        rows = [
            parts.sum(axis=0) if name == "all" else parts[groups[name]] if name in groups else parts[0] * 0
            for name in names
        ]
        return np.array([rows])

    pairs = {
        kind: tuple(counts(arm, len(known)) for arm in (0, 1))
        for kind, known in (("milestones", MILESTONES), ("events", EVENTS))
    }
    return cast(Sample, SimpleNamespace(**pairs))


def table(*worlds: Sample, horizon: int = 30) -> pd.DataFrame:
    """The gaps of one draw with these worlds."""
    return gap_table(ground(horizon), SCENARIO, [list(worlds)])


def test_a_gap_is_all_others_less_the_group_and_its_change_is_within_each_world() -> None:
    """By hand: 20 of 100 below and 150 of 300 above reach it, a gap of 0.5 - 0.2 = 0.3.

    In one world 8 more below and 6 more above do: 0.52 - 0.28 = 0.24, a change of -0.06. In the other world 3 more
    below and 12 more above do: 0.54 - 0.23 = 0.31, a change of +0.01. The mean change is -0.025, and in one of the two
    worlds the gap is no narrower.
    """
    found = table(sample((20, 28), (150, 156)), sample((20, 23), (150, 162))).set_index(ROW)
    assert tuple(table(sample((1, 1), (1, 1))).columns) == COLUMNS
    row = found.loc[("below_poverty", "grade3_reading")]
    assert row["baseline_gap"] == row["baseline_gap_low"] == row["baseline_gap_high"] == pytest.approx(0.3)
    assert row["gap"] == pytest.approx(0.275)
    assert row["change"] == pytest.approx(-0.025)
    assert row["change_low"] == pytest.approx(-0.06 + 0.05 * 0.07)
    assert row["change_high"] == pytest.approx(-0.06 + 0.95 * 0.07)
    assert row["chance_not_narrower"] == 0.5
    assert (row["by"], row["against"], row["kind"]) == ("income", "above_poverty", "milestone")
    assert (row["n"], row["n_against"], row["n_community"], row["n_against_community"]) == (100, 300, 100, 300)
    assert row["baseline"] == SCENARIO.baseline


def test_the_other_side_of_a_gap_is_its_mirror_and_narrows_with_it() -> None:
    place = settings()[0].place
    found = table(sample((20, 28), (150, 156))).set_index(ROW)
    below, above = (found.loc[(name, "employed")] for name in place.group_names[:2])
    assert below["gap"] == pytest.approx(0.24) == pytest.approx(-above["gap"])
    assert below["change"] == pytest.approx(-0.06) == pytest.approx(-above["change"])
    assert below["chance_not_narrower"] == above["chance_not_narrower"] == 0.0
    assert (above["by"], above["against"]) == ("race_ethnicity", "all_others")
    assert found.loc[(place.area_names[0], "employed"), "by"] == "place"


def test_what_nobody_wants_is_a_gap_where_the_group_has_more_of_it() -> None:
    """40 of 100 below and 60 of 300 above: 0.4 - 0.2; ten fewer below narrow it to 0.1, and a crossing can widen it."""
    found = table(sample((40, 30), (60, 60))).set_index(ROW)
    row = found.loc[("below_poverty", "suspension")]
    assert (row["kind"], row["chance_not_narrower"]) == ("event", 0.0)
    assert row["baseline_gap"] == pytest.approx(0.2) and row["gap"] == pytest.approx(0.1)
    crossed = table(sample((40, 0), (60, 75))).set_index(ROW).loc[("below_poverty", "suspension")]
    assert crossed["gap"] == pytest.approx(-0.25)
    assert crossed["chance_not_narrower"] == 1.0


def test_what_does_not_change_is_not_narrower() -> None:
    found = table(sample((20, 20), (150, 150)))
    assert (found["change"] == 0.0).all() and (found["chance_not_narrower"] == 1.0).all()


def test_a_world_without_one_side_is_left_out_and_a_group_without_children_has_no_row() -> None:
    place = settings()[0].place
    nobody = sample((0, 0), (150, 150), n=(0, 300))
    found = table(sample((20, 28), (150, 156)), nobody).set_index(ROW)
    assert found.loc[("below_poverty", "employed"), "gap"] == pytest.approx(0.24)
    assert set(found.index.get_level_values("group")) == {
        "below_poverty",
        *place.group_names[:2],
        *place.area_names[:2],
    }
    assert len(table(nobody)) == 0 and tuple(table(nobody).columns) == COLUMNS


def test_gaps_stop_at_the_age_to_which_children_are_followed() -> None:
    found = table(sample((20, 28), (150, 156)), horizon=9)
    assert set(found.loc[found["kind"] == "milestone", "outcome"]) == {"kindergarten_ready", "grade3_reading"}
    assert "arrest" not in set(found["outcome"]) and "suspension" in set(found["outcome"])


@pytest.fixture(scope="module")
def lapse() -> cc.Result:
    return run(SCENARIO, Options(children=2000, draws=4, worlds=2))


def test_a_study_has_a_gap_for_every_group_and_outcome_with_both_sides_of_everybody(lapse: cc.Result) -> None:
    found = lapse.tables["gaps"]
    groups = gaps_by(lapse.samples[0][0].place)
    assert list(dict.fromkeys(found["group"])) == list(groups)
    assert set(found["outcome"]) == {*MILESTONES, *EVENTS}
    assert len(found) == len(groups) * (len(MILESTONES) + len(EVENTS))
    assert ((found["n"] + found["n_against"] - 2000).abs() <= 1).all()
    for name in ("baseline_gap", "gap", "change"):
        assert (found[f"{name}_low"] <= found[f"{name}_high"]).all()
    assert np.allclose(found["gap"] - found["baseline_gap"], found["change"])


@pytest.mark.parametrize(("name", "what", "sign"), [("milestones", "milestone", 1.0), ("events", "event", -1.0)])
def test_the_gap_by_income_is_the_difference_of_the_rates(lapse: cc.Result, name: str, what: str, sign: float) -> None:
    rates = lapse.tables[name].set_index(["group", what])
    found = lapse.tables["gaps"].query("by == 'income'").set_index("outcome")
    for outcome in rates.loc["all"].index:
        below, above = (rates.loc[(group, outcome)] for group in ("below_poverty", "above_poverty"))
        assert found.loc[outcome, "gap"] == pytest.approx(sign * (above["rate"] - below["rate"]))
        assert found.loc[outcome, "change"] == pytest.approx(sign * (above["impact"] - below["impact"]))
