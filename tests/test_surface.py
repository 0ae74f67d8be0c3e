"""A preview agrees with what it was made of, grows with seats, and stays close to the study that it stands for."""

import re
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cradlecast.additional import cost_per_additional
from cradlecast.preview import measure
from cradlecast.pricing import price
from cradlecast.scenarios.library import load_community, load_deal, load_program, load_scenario, names
from cradlecast.scenarios.options import Options
from cradlecast.study import run
from cradlecast.ui.keep import keep_surface, path_of, read_kept_surface
from cradlecast.ui.layouts import study_views
from cradlecast.ui.occasion import occasion_of
from cradlecast.ui.rows import table_of
from cradlecast.ui.surface import Surface, grid_of, surface_of

LAPSE = load_scenario("memphis-prek-1000-lapse")
DEAL = load_deal("memphis-illustrative")
SMALL = Options(children=1_000)
OWN = {name: lever.value for name, lever in LAPSE.levers.items()}


@pytest.fixture(scope="module")
def found() -> list[dict[str, pd.DataFrame]]:
    """Tables at every setting of the grid, of few children."""
    return measure(LAPSE, DEAL, SMALL, grid_of(LAPSE).settings())


@pytest.fixture(scope="module")
def surface(found: list[dict[str, pd.DataFrame]]) -> Surface:
    return surface_of(LAPSE, found)


def everybody(tables: Mapping[str, pd.DataFrame], group: str = "all") -> pd.DataFrame:
    """Milestones of a group, by name."""
    table = tables["milestones"]
    return table[table["group"] == group].set_index("milestone")


def test_the_grid_spans_every_lever() -> None:
    grid = grid_of(LAPSE)
    assert (grid.seats[0], grid.seats[-1]) == (0.0, 5000.0)
    assert 1000.0 in grid.seats
    assert grid.take_ups[0] is None
    assert grid.ends == {"quality": (1.0, 0.0, 2.0), "hours": (1080.0, 360.0, 2000.0)}
    settings = grid.settings()
    assert len(settings) == len({tuple(sorted(each.items())) for each in settings})
    for each in settings:
        LAPSE.with_levers(each)


def test_at_a_setting_that_was_lived_the_preview_is_what_was_lived(
    surface: Surface, found: list[dict[str, pd.DataFrame]]
) -> None:
    settings = grid_of(LAPSE).settings()
    compared = 0
    for setting, tables in zip(settings, found, strict=True):
        shown = surface.tables(OWN | setting)
        lived = everybody(tables)
        for column in ("impact", "baseline_rate", "rate"):
            np.testing.assert_allclose(everybody(shown)[column], lived[column], atol=1e-12)
        if setting["seats"] > 0:
            np.testing.assert_allclose(shown["payers"]["paid"], tables["payers"]["paid"])
        compared += 1
    assert compared == len(settings) > 40


def test_every_table_of_a_preview_can_be_read_as_that_of_a_study(surface: Surface) -> None:
    programs = [load_program(name) for name in names("program")]
    communities = {LAPSE.community: load_community(LAPSE.community)}
    read = 0
    for name, table in surface.tables(OWN).items():
        deal = DEAL if name in ("payments", "outcomes", "payers", "tranches") else None
        said = occasion_of([LAPSE], communities, programs, Options(draws=1), deal)
        for view in study_views([table_of(name, table)], said) if name != "tranches" else ():
            cells = [column.cell(row) for section in view.sections for row in section.rows for column in view.columns]
            assert cells
            assert not any(re.search(r"\bnan\b", cell) for cell in cells)
            read += 1
    assert read >= 8


def test_between_settings_the_preview_lies_between(surface: Surface) -> None:
    low, middle, high = (
        everybody(surface.tables(OWN | {"seats": seats}))["impact"]["kindergarten_ready"] for seats in (500, 750, 1000)
    )
    assert low < middle < high
    assert middle == pytest.approx((low + high) / 2)


def test_without_seats_nobody_is_seated_and_nothing_is_added(surface: Surface) -> None:
    nothing = surface.tables(OWN | {"seats": 0})
    assert everybody(nothing)["impact"].abs().max() == 0
    assert everybody(nothing, "financed_seat")["n_community"].max() == 0
    assert nothing["costs"]["cost"].isna().all()
    assert "payments" not in nothing


def test_what_quality_adds_is_in_proportion_to_the_seated(surface: Surface) -> None:
    half, all_ = (surface.tables(OWN | {"take_up": share, "quality": 2.0}) for share in (0.5, 1.0))
    plain = [surface.tables(OWN | {"take_up": share}) for share in (0.5, 1.0)]
    gains = [
        (everybody(more)["impact"] - everybody(less)["impact"])["kindergarten_ready"]
        / everybody(less, "financed_seat")["n_community"]["kindergarten_ready"]
        for more, less in zip((half, all_), plain, strict=True)
    ]
    assert gains[0] == pytest.approx(gains[1])
    assert gains[0] > 0


def test_the_price_of_a_seat_moves_dollars_and_no_child(surface: Surface) -> None:
    cheap, dear = (surface.tables(OWN | {"seat_cost": cost}) for cost in (8_000.0, 10_000.0))
    assert dear["costs"]["added_dollars"][0] - cheap["costs"]["added_dollars"][0] == pytest.approx(1_000 * 3 * 2_000)
    pd.testing.assert_frame_equal(cheap["milestones"], dear["milestones"])


def test_an_anchored_preview_is_the_study_at_its_levers_and_moves_with_the_seats(surface: Surface) -> None:
    result = run(LAPSE, Options(children=2_000, draws=5, worlds=1))
    costs = cost_per_additional(result)
    tables = dict(result.tables) | {"added": pd.DataFrame({"what": ["dollars"], "added": costs["added_dollars"][:1]})}
    anchored = surface.anchored(tables, OWN)
    here = everybody(anchored.tables(OWN))
    np.testing.assert_allclose(here["impact"], everybody(tables)["impact"], atol=1e-12)
    np.testing.assert_allclose(here["rate"], everybody(tables)["rate"], atol=1e-12)
    np.testing.assert_allclose(anchored.tables(OWN)["costs"]["added_children"], costs["added_children"], atol=1e-6)
    assert everybody(anchored.tables(OWN | {"seats": 0}))["impact"].abs().max() == pytest.approx(0, abs=1e-12)


def test_a_kept_surface_comes_back_whole_and_a_damaged_one_not(
    surface: Surface, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRADLECAST_CACHE", str(tmp_path))
    path = path_of("surface", LAPSE, DEAL, SMALL)
    assert read_kept_surface(path, LAPSE) is None
    keep_surface(path, surface)
    back = read_kept_surface(path, LAPSE)
    assert back is not None
    np.testing.assert_array_equal(back.values, surface.values)
    levers = OWN | {"seats": 640.0, "hours": 1500.0}
    for name, table in surface.tables(levers).items():
        pd.testing.assert_frame_equal(back.tables(levers)[name], table)
    path.write_bytes(path.read_bytes()[:2000])
    assert read_kept_surface(path, LAPSE) is None


@pytest.mark.slow
def test_a_preview_takes_less_than_a_frame_or_two(surface: Surface) -> None:
    times = []
    for seats in range(1000, 1400, 10):
        began = time.process_time()
        surface.tables(OWN | {"seats": float(seats)})
        times.append(time.process_time() - began)
    assert sorted(times)[len(times) // 2] < 0.025


@pytest.mark.slow
def test_a_preview_stays_close_to_the_study_it_stands_for() -> None:
    """Of all children, within 0.15 points for readiness and 0.1 for what follows; the full run is what counts."""
    full = surface_of(LAPSE, measure(LAPSE, DEAL, Options(), grid_of(LAPSE).settings()))
    for levers in ({"seats": 1000.0}, {"seats": 2000.0, "quality": 1.5}, {"seats": 1250.0, "hours": 1500.0}):
        study = run(LAPSE.with_levers(levers), Options())
        off = (everybody(full.tables(OWN | levers))["impact"] - everybody(study.tables)["impact"]).abs()
        assert off["kindergarten_ready"] < 0.0015
        assert off.max() < 0.0015
        deal = price(DEAL, LAPSE.with_levers(levers), Options(children=10_000, worlds=1, horizon=6))
        paid = full.tables(OWN | levers)["payers"]["paid"].sum()
        assert paid == pytest.approx(deal.tables["payers"]["paid"].sum(), rel=0.15)
