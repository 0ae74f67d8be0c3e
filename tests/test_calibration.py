"""Calibration: the observed world shows the observed milestones, and contradictions are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cradlecast.model.calibration import CALIBRATION_WORLD, _classrooms, calibrate, observed_children
from cradlecast.model.calibration_cache import CalibrationCache
from cradlecast.model.kernels import HOME, Theta, Whole
from cradlecast.model.outcomes import Arm, count_milestones, group_masks, group_names
from cradlecast.model.pipeline import Pipeline
from cradlecast.model.place import place_of
from cradlecast.samples import CALIBRATION_CHILDREN
from cradlecast.scenarios.community import MILESTONES
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.library import load_community, load_scenario
from cradlecast.scenarios.options import Options
from cradlecast.study import run
from tests.worlds import SCENARIOS, born, ground, settings


@pytest.mark.parametrize("draw", [0, 1, 2])
def test_every_target_is_met_on_the_calibration_population(draw: int) -> None:
    base = ground()
    values, _ = base.draw(draw)
    solved = calibrate(base.place, base.programs, values, 1, 6000)
    assert len(solved.fit) > 30
    for line in solved.fit:
        assert line.model == pytest.approx(line.target, abs=0.002), f"{line.group} {line.milestone}"


def test_another_world_shows_the_observed_rates() -> None:
    """Within 1 point for all children and 2 points by group, in worlds that calibration never saw."""
    base = ground(SCENARIOS[1], 40_000)
    names = group_names(base.place)
    counts = np.zeros((len(names), len(MILESTONES) + 1))
    targets: dict[tuple[str, str], list[float]] = {}
    for draw in range(4):
        solved = calibrate(base.place, base.programs, base.draw(draw)[0], 1, CALIBRATION_CHILDREN)
        for line in (one for one in solved.fit if one.milestone in MILESTONES):
            targets.setdefault((line.group, line.milestone), []).append(line.target)
        setting, _ = settings(SCENARIOS[1], 40_000, world=500 + draw, draw=draw)
        children = Pipeline(setting, born(setting)).run().columns()
        nobody = np.zeros(len(children), np.bool_)
        counts += count_milestones(group_masks(base.place, children, nobody, nobody), children).sum(axis=0)
    at_risk = {"postsecondary_enrolled": 3, "postsecondary_completed": 4}
    checked = 0
    for (group, milestone), target in targets.items():
        row = counts[names.index(group)]
        below = row[at_risk.get(milestone, -1)]
        allowed = 0.01 if group == "all" else 0.02
        if below > 4000:
            got = row[MILESTONES.index(milestone)] / below
            assert got == pytest.approx(float(np.mean(target)), abs=allowed), f"{group} {milestone}"
            checked += 1
    assert checked > 25


def test_school_events_show_the_rates_of_those_who_live_here() -> None:
    """Borrowed rates by group are taken as they are; the rate of all children follows from the mix of groups."""
    base = ground(SCENARIOS[1], 40_000)
    events = base.community.events
    setting, _ = settings(SCENARIOS[1], 40_000, world=700)
    children = Pipeline(setting, born(setting)).run().columns()
    group, poor = children.whole(Whole.GROUP), children.whole(Whole.CELL) % 2 == 1
    for number, name in enumerate(base.place.group_names):
        for event, row, years in (
            ("chronic_absence", Whole.ABSENT_YEARS, 13),
            ("suspension", Whole.SUSPENDED_YEARS, 13),
        ):
            seen = children.whole(row)[group == number].mean() / years
            assert seen == pytest.approx(events[event].groups[name].value, abs=0.008), f"{name} {event}"
    assert children.whole(Whole.ABSENT_YEARS).mean() / 13 > events["chronic_absence"].all.value + 0.02
    assert children.whole(Whole.ARREST_YEARS).mean() / 8 == pytest.approx(events["arrest"].all.value, abs=0.002)
    ever = children.whole(Whole.SPECIAL_EDUCATION) >= 0
    assert ever.mean() == pytest.approx(events["special_education"].all.value, abs=0.01)
    retained = children.whole(Whole.RETAINED) >= 0
    for figure, mask in ((events["retention"].below_poverty, poor), (events["retention"].above_poverty, ~poor)):
        assert figure is not None
        assert retained[mask].mean() == pytest.approx(figure.value, abs=0.01)


def test_the_luck_of_classrooms_is_integrated_and_never_drawn() -> None:
    """The population lives without it, and a year of care outside the home widens the score by its variance instead."""
    base = ground()
    values, solved = base.draw(0)
    theta = solved.theta.copy()
    kept = float(theta[Theta.FIRST_YEAR])
    lives = {}
    for luck in (0.0, 0.18, 0.9):
        theta[Theta.CENTER_SD] = luck
        children, lasting = observed_children(base.place, base.programs, values, theta, 1, 3_000)
        lives[luck] = lasting[4]
        years, spreads = _classrooms(theta, children)
        assert (years.sum(axis=0) == 1.0).all() and (years.sum(axis=1) > 0).all()
        at_3, at_4 = children.whole(Whole.CARE3) != HOME, children.whole(Whole.CARE4) != HOME
        assert np.array_equal(years[3] == 1.0, at_3 & at_4) and np.array_equal(years[2] == 1.0, ~at_3 & at_4)
        added = spreads**2 - spreads[0] ** 2
        assert added == pytest.approx(luck**2 * np.array([0.0, kept**2, 1.0, 1.0 + kept**2]), abs=1e-6)
    assert np.array_equal(lives[0.0], lives[0.18]) and np.array_equal(lives[0.18], lives[0.9])


def test_rates_that_contradict_one_another_are_refused_by_name() -> None:
    base = ground()
    community = load_community("memphis")
    rates = community.milestones["grade3_reading"]
    figure = rates.all
    odd = rates.model_copy(
        update={
            "groups": {
                "black": figure.model_copy(update={"value": 0.9}),
                "white": figure.model_copy(update={"value": 0.9}),
            },
            "below_poverty": None,
            "above_poverty": None,
        }
    )
    place = place_of(community.model_copy(update={"milestones": community.milestones | {"grade3_reading": odd}}))
    values, _ = base.draw(0)
    with pytest.raises(InputError, match=r"grade3_reading.*contradict"):
        calibrate(place, base.programs, values, 1, 2000)


def test_the_observed_world_fills_about_the_observed_share_of_its_seats() -> None:
    """94 % of public pre-K seats were taken up (E1021f); the take-up parameter was set by it."""
    table = run(load_scenario(SCENARIOS[1]), Options(children=6000, draws=12, worlds=1, horizon=5)).tables["seats"]
    prek = table[(table["program"] == "prek") & (table["arm"] == "baseline")]
    assert prek["filled"].sum() / prek["seats"].sum() == pytest.approx(0.94, abs=0.03)


def test_a_kept_calibration_gives_the_same_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario, options = load_scenario(SCENARIOS[0]), Options(children=800, draws=2, worlds=1)
    monkeypatch.setenv("CRADLECAST_CACHE", str(tmp_path))
    fresh = run(scenario, options).tables["milestones"]
    kept = list(tmp_path.glob("calibration-*.npz"))
    assert len(kept) == 1
    assert run(scenario, options).tables["milestones"].equals(fresh)
    kept[0].write_bytes(b"damaged")
    assert run(scenario, options).tables["milestones"].equals(fresh)
    assert kept[0].stat().st_size > 100


def test_a_cache_that_cannot_be_written_costs_only_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("CRADLECAST_CACHE", str(blocked))
    cache = CalibrationCache("key")
    values, solved = ground().draw(0)
    assert values
    cache.put(0, solved)
    cache.save()
    assert cache.get(0) is solved
    assert CalibrationCache("key").get(0) is None


def test_the_calibration_population_is_not_a_study_population() -> None:
    setting = settings()[0]
    assert int(setting.world[0]) < CALIBRATION_WORLD
    assert Options(draws=100_000).draws * 10_000 < CALIBRATION_WORLD
    assert CALIBRATION_CHILDREN >= 10_000
    assert Arm(Pipeline(setting, born(setting))).children is not None
