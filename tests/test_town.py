"""Institutions and policy: Mesa agents that hold seats, and events that open and close them."""

from __future__ import annotations

from dataclasses import replace

import mesa
import numpy as np
import pytest

from cradlecast.model.child import Child
from cradlecast.model.institutions import ChildCareCenter, HeadStartCenter, PreKSite, School, Site
from cradlecast.model.kernels import Theta
from cradlecast.model.pipeline import Pipeline
from cradlecast.model.town import Town
from cradlecast.scenarios.library import load_scenario
from tests.worlds import SCENARIOS, born, settings


def town(setting=None) -> Pipeline:  # type: ignore[no-untyped-def]
    setting = setting or settings(n_children=4000)[1]
    return Pipeline(setting, born(setting))


def test_institutions_are_registered_mesa_agents() -> None:
    model = town()
    assert isinstance(model, mesa.Model)
    kinds = model.agents_by_type
    assert {PreKSite, HeadStartCenter, ChildCareCenter, School, Child} == set(kinds)
    assert len(kinds[Child]) == len(model.children) == 4000
    assert len(kinds[PreKSite]) == 3 * 5
    assert all(isinstance(site, mesa.Agent) for site in kinds[HeadStartCenter])
    assert len(kinds[School]) == model.schools.sum()
    seats = sum(site.seats[4] for site in kinds[PreKSite])
    assert seats == round(7000 * model.setting.scale)


def test_policy_is_an_event_half_a_step_before_its_year() -> None:
    model = town()
    financed = model.sites_of("prek", "financed")
    grant = model.sites_of("prek", "grant")
    opened = {}
    while model.time < 7:
        model.step()
        opened[model.year] = (sum(s.seats[4] for s in financed), sum(s.seats[4] for s in grant))
    thousand = round(7000 * model.setting.scale) - round(6000 * model.setting.scale)
    assert opened[2018] == (0, pytest.approx(thousand, abs=1))
    assert opened[2019] == (pytest.approx(thousand, abs=1), 0)
    assert opened[2021] == (pytest.approx(thousand, abs=1), 0)
    model.step()
    assert sum(s.seats[4] for s in financed) == 0, "the financing ends after three school years"
    assert all(site.financed for site in financed)


def test_levers_reach_the_financed_sites_alone() -> None:
    moved = load_scenario(SCENARIOS[0]).with_levers({"quality": 1.4, "hours": 1500})
    model = town(settings(moved, 4000)[1])
    while model.year < 2020:
        model.step()
    for site in model.agents_by_type[PreKSite]:
        expected = (1.4, 1500) if site.stream == "financed" else (1.0, 1080)
        assert (site.quality, site.hours) == expected


def test_seats_cost_what_the_lever_says_and_whether_or_not_a_child_sits_in_them() -> None:
    moved = load_scenario(SCENARIOS[0]).with_levers({"seat_cost": 12_500})
    rows = town(settings(moved, 4000)[1]).run().seat_rows()
    financed = [row for row in rows if row["stream"] == "financed" and row["seats"]]
    assert [row["dollars"] for row in financed] == [12_500_000] * 3
    assert all(row["filled"] < row["seats"] for row in financed)
    standing = [row for row in rows if row["stream"] == "standing"]
    assert {row["dollars"] / row["seats"] for row in standing} == {8000}


def test_a_site_never_takes_more_children_than_it_has_seats() -> None:
    model = town()
    site = model.sites[0]
    with pytest.raises(RuntimeError, match="children for"):
        site.seat(2020, 4, site.seats[4] + 1)


def test_value_is_quality_times_effect_and_extra_hours_count_apart() -> None:
    site = Site(mesa.Model(rng=1), 0, "prek", "standing", "north", standard_hours=1000, hours=1000, seat_cost=8000)
    site.quality, site.hours = 1.5, 1200
    assert site.value(0.3, 0.02) == pytest.approx(1.5 * 0.3 + 0.04)
    site.quality = 0.0
    assert site.value(0.3, 0.0) == 0.0


def test_moving_seats_between_streams_moves_no_seat_between_areas() -> None:
    for fraction in (250, 333, 1000):
        scenario = load_scenario(SCENARIOS[1]).with_levers({"seats": fraction})
        one, other = (town(setting) for setting in settings(scenario, 4000))
        while one.year < 2020:
            one.step()
            other.step()
        assert (one.pool_seats(4) == other.pool_seats(4)).all()
        assert sum(site.seats[4] for site in other.sites_of("prek", "financed")) > 0


def test_pupils_of_all_schools_are_all_children() -> None:
    model = town(replace(settings(n_children=1000)[0]))
    cohort = model.setting.cohorts[1]
    pupils = sum(school.pupils(cohort) for school in model.agents_by_type[School])
    order = model.columns().cohorts.index(cohort)
    assert pupils == model.columns().starts[order + 1] - model.columns().starts[order] > 300


def test_a_town_without_children_is_abstract() -> None:
    bare = Town(settings()[0])
    with pytest.raises(NotImplementedError):
        bare.columns()
    with pytest.raises(NotImplementedError):
        bare.count_pupils(0, 2015)


@pytest.mark.parametrize(
    ("program", "moved", "kept"),
    [
        ("prek", Theta.TAKE_UP_PREK, Theta.TAKE_UP_HEAD_START),
        ("head_start", Theta.TAKE_UP_HEAD_START, Theta.TAKE_UP_PREK),
    ],
)
def test_take_up_is_that_of_the_financed_program_and_goes_back_when_the_money_ends(
    program: str, moved: Theta, kept: Theta
) -> None:
    declared = load_scenario(SCENARIOS[0])
    change = declared.changes[0].model_copy(update={"program": program})
    declared = declared.model_copy(update={"changes": (change,)}).with_levers({"take_up": 0.25})
    model = town(settings(declared, 2000)[1])
    before = model.theta.copy()
    while model.year < 2020:
        model.step()
    assert model.theta[moved] == np.float32(0.25)
    assert model.theta[kept] == before[kept]
    while model.year < 2022:
        model.step()
    assert model.theta[moved] == before[moved] != np.float32(0.25)
