"""Children whose path changed: counted once, where the arms first part, and through what."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cradlecast.model.children import Children, Longs
from cradlecast.model.kernels import HEAD_START, HOME, KEPT, PREK, Real, Seat, Whole, Wide
from cradlecast.model.outcomes import Arm
from cradlecast.model.paths import CHANNELS, DIRECTIONS, channels, count_paths, first_changes, own_care_changed
from cradlecast.model.pipeline import Pipeline
from cradlecast.scenarios.community import MILESTONES
from cradlecast.scenarios.library import load_scenario
from cradlecast.scenarios.options import Options
from cradlecast.study import run
from cradlecast.ui.layouts import paths
from cradlecast.ui.occasion import Occasion
from cradlecast.ui.rows import table_of
from tests.worlds import NO_NOISE, NO_WORLD, SCENARIOS, born, settings, with_theta

READY, GRADE3, GRADUATE = (1 << MILESTONES.index(name) for name in MILESTONES[:2] + MILESTONES[3:4])
GAINED, LOST = range(len(DIRECTIONS))
DIRECT, VACATED, PEERS = range(len(CHANNELS))


def few(**columns: list[int] | list[float]) -> Children:
    """A handful of children with these columns; everything else is zero, and nobody has a place."""
    n = len(next(iter(columns.values())))
    x, k = np.zeros((KEPT, n), np.float32), np.zeros((len(Whole), n), np.int8)
    wide = np.zeros((len(Wide), n), np.int32)
    seats = np.full((len(Seat), n), -1, np.int16)
    homes = ((x, Real), (k, Whole), (seats, Seat), (wide, Wide))
    for name, values in columns.items():
        rows, kind = next(home for home in homes if name in home[1].__members__)
        rows[kind[name]] = values
    ids = np.stack([np.arange(n, dtype=np.uint32), np.full(n, (1 << 16) | 2015, np.uint32)])
    return Children(ids, x, k, seats, wide, (2015,), (0, n), NO_WORLD, NO_NOISE)


def arm(children: Children, *financed: bool) -> Arm:
    """An arm whose sites, in order, are financed or not."""
    town: Any = SimpleNamespace(
        columns=lambda: children, service_bits=np.int32(-1), sites=[SimpleNamespace(financed=one) for one in financed]
    )
    return Arm(town)


def counted(baseline: Arm, scenario: Arm) -> Longs:
    """Paths of all children, int64 (milestones, directions, channels)."""
    return np.asarray(count_paths(np.ones((1, len(baseline.children)), np.bool_), baseline, scenario)[0])


def lived(name: str, n_children: int = 6000, draw: int = 0, **theta: float) -> tuple[Arm, Arm]:
    """Both arms of a shipped scenario."""
    fewer, more = (with_theta(setting, **theta) for setting in settings(name, n_children, draw=draw))
    children = born(fewer)
    return Arm(Pipeline(fewer, children).run()), Arm(Pipeline(more, children).run())


# --- by hand ---


def test_the_first_milestone_that_differs_is_where_a_path_changes() -> None:
    """Nothing; readiness gained and graduation lost later; reading lost; the same two in both arms."""
    baseline = few(REACHED=[0, GRADUATE, GRADE3, READY | GRADE3])
    scenario = few(REACHED=[0, READY, GRADUATE, READY | GRADE3])
    first, way = first_changes(baseline, scenario)
    assert list(first) == [-1, 0, 1, -1]
    assert list(way[1:3]) == [GAINED, LOST]


def test_care_into_a_financed_seat_is_direct_other_care_is_vacated_and_the_same_care_is_peers() -> None:
    """Home to a financed seat; Head Start to a standing seat; standing to financed at the same value; nothing."""
    before = few(CARE4=[HOME, HEAD_START, PREK, HOME], SITE4=[-1, 2, 0, -1], FADING=[0.0, 0.1, 0.2, 0.0])
    after = few(CARE4=[PREK, PREK, PREK, HOME], SITE4=[1, 0, 1, -1], FADING=[0.2, 0.2, 0.2, 0.0])
    after.k[Whole.REACHED] = [READY, READY, GRADE3, GRADE3]
    baseline, scenario = arm(before, False, False, False), arm(after, False, True, False)
    assert list(channels(baseline, scenario)) == [DIRECT, VACATED, PEERS, PEERS]
    counts = counted(baseline, scenario)
    assert counts.shape == (7, 2, 3)
    assert counts[0, GAINED].tolist() == [1, 1, 0]
    assert counts[1, GAINED].tolist() == [0, 0, 2]
    assert counts.sum() == 4
    masks = np.array([[True] * 4, [True, False, True, False], [False] * 4])
    by_group = count_paths(masks, baseline, scenario)
    assert np.array_equal(by_group[0], counts)
    assert by_group[1, 0, GAINED].tolist() == [1, 0, 0]
    assert by_group[1, 1, GAINED].tolist() == [0, 0, 1]
    assert by_group[1].sum() == 2 and by_group[2].sum() == 0


def test_a_better_seat_and_a_place_in_another_area_are_changed_care() -> None:
    same = few(CARE4=[PREK, PREK, PREK], FADING=[0.2, 0.2, 0.2], NONTEST=[0.1, 0.1, 0.1])
    other = few(CARE4=[PREK, PREK, PREK], FADING=[0.2, 0.25, 0.2], NONTEST=[0.1, 0.1, 0.05])
    assert own_care_changed(same, other).tolist() == [False, True, True]
    held = few(CARE4=[PREK] * 3, SITE4=[0, 0, 0], FADING=[0.2, 0.25, 0.2], NONTEST=[0.1] * 3)
    seats = arm(same, False), arm(held, True)
    assert channels(*seats).tolist() == [PEERS, DIRECT, PEERS]


# --- as lived ---


@pytest.mark.parametrize(("name", "draw"), [(SCENARIOS[0], 0), (SCENARIOS[2], 3)])
def test_each_child_whose_milestones_differ_is_counted_once(name: str, draw: int) -> None:
    """In draw 0 so few families apply that 7,000 seats leave hardly any for 1,000 more; in draw 3 there are some."""
    baseline, scenario = lived(name, 20_000, draw)
    before, after = (one.children.whole(Whole.REACHED) for one in (baseline, scenario))
    counts = counted(baseline, scenario)
    assert counts.sum() == np.count_nonzero(before != after) > 10
    assert (counts.sum(axis=(0, 1))[[DIRECT, VACATED]] > 0).all()
    ready = counts[0].sum(axis=1)
    impact = scenario.children.reached(0).sum() - baseline.children.reached(0).sum()
    assert ready[GAINED] - ready[LOST] == impact > 0, "the first milestone of all is nobody's second"


def test_no_seats_and_seats_that_went_on_anyway_change_nobodys_path() -> None:
    without = load_scenario(SCENARIOS[0]).with_levers({"seats": 0})
    fewer, same = settings(without, 3000)
    children = born(fewer)
    assert counted(Arm(Pipeline(fewer, children).run()), Arm(Pipeline(same, children).run())).sum() == 0
    assert counted(*lived(SCENARIOS[1], 3000)).sum() == 0


def test_better_seats_that_went_on_anyway_change_paths_directly() -> None:
    better = load_scenario(SCENARIOS[1]).with_levers({"quality": 2.0})
    before, after = settings(better, 6000)
    children = born(before)
    arms = Arm(Pipeline(before, children).run()), Arm(Pipeline(after, children).run())
    through = counted(*arms).sum(axis=(0, 1))
    assert through[DIRECT] > 10
    assert through[VACATED] == 0, "nobody's place changes"


def test_without_an_effect_of_classmates_nobodys_path_changes_through_them() -> None:
    strong = counted(*lived(SCENARIOS[0], PEER_EFFECT=0.4)).sum(axis=(0, 1))
    none = counted(*lived(SCENARIOS[0], PEER_EFFECT=0.0)).sum(axis=(0, 1))
    assert strong[PEERS] > 0
    assert none[PEERS] == 0 < none[DIRECT]


# --- the table ---


def test_totals_are_sums_and_children_are_those_of_the_community() -> None:
    result = run(load_scenario(SCENARIOS[0]), Options(children=3000, draws=3, worlds=2))
    rows = result.tables["paths"]
    table = rows[rows["group"] == "all"].set_index(["milestone", "direction", "channel"])["children"]
    assert len(table) == 8 * 3 * 4
    for at, names in enumerate((MILESTONES, DIRECTIONS, CHANNELS)):
        level = table.index.names[at]
        parts = table[table.index.get_level_values(at).isin(names)]
        rest = [name for name in table.index.names if name != level]
        total = table.xs("all", level=level)
        assert np.allclose(parts.groupby(rest, sort=False).sum().reindex(total.index), total)
    [(ground, _, samples)] = result.samples
    simulated = np.mean([sample.paths[0].sum() for draw in samples for sample in draw])
    assert table["all", "all", "all"] == pytest.approx(simulated * 39_900 / ground.options.children)
    assert table["all", "all", "all"] > 0
    assert (rows["children_low"] <= rows["children_high"]).all()


def test_a_shorter_horizon_leaves_later_milestones_out_of_the_paths() -> None:
    table = run(load_scenario(SCENARIOS[0]), Options(children=500, draws=1, worlds=1, horizon=9)).tables["paths"]
    assert list(dict.fromkeys(table["milestone"])) == ["kindergarten_ready", "grade3_reading", "all"]


def test_who_completes_college_early_is_in_no_path_until_it_is_measured() -> None:
    """Some have completed by 24, and in one arm alone; the total is still that of the milestones which are shown."""
    options = Options(children=3000, draws=3, worlds=2, horizon=24)
    result = run(load_scenario(SCENARIOS[0]), options)
    [(_, _, samples)] = result.samples
    completed = MILESTONES.index("postsecondary_completed")
    assert sum(sample.paths[0, completed].sum() for draw in samples for sample in draw) > 0
    rows = result.tables["paths"]
    totals = rows[(rows["group"] == "all") & (rows["direction"] == "all") & (rows["channel"] == "all")]
    table = totals.set_index("milestone")["children"]
    assert list(table.index) == [*MILESTONES[:completed], "all"]
    assert table["all"] == pytest.approx(table.drop("all").sum())


def test_a_person_is_shown_where_paths_part_and_nothing_of_a_scenario_that_changes_none() -> None:
    for name, n_rows in ((SCENARIOS[0], 3), (SCENARIOS[1], 0)):
        frame = run(load_scenario(name), Options(children=2000, draws=1, worlds=1, horizon=9)).tables["paths"]
        [view] = paths(table_of("paths", frame), Occasion({name: "observed"}, True, 1, 9))
        shown = [[column.cell(row) for column in view.columns] for part in view.sections for row in part.rows]
        assert len(shown) == n_rows
        if shown:
            assert [cells[0] for cells in shown] == ["kindergarten ready", "grade 3 reading", "any of them"]
            assert all(" / " in cells[3] for cells in shown)
