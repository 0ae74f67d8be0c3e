"""Pooled money, the backbone that divides it, its levers, and shocks: to the cent, and alike in both engines."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cradlecast import Options, run
from cradlecast.accounts import SEATS
from cradlecast.cli import main
from cradlecast.model import kernels
from cradlecast.model.civic import BACKBONE, FOLLOWED, LEAST_SHARE, MILESTONE_AGES, MOST_QUALITY, Backbone
from cradlecast.model.kernels import Real, Theta, Whole, Wide
from cradlecast.model.object_engine import ObjectPipeline
from cradlecast.model.pipeline import Pipeline
from cradlecast.model.purses import FROM_HOME, POINTS_PER_SD, points_of
from cradlecast.model.town import Setting
from cradlecast.samples import Ground, baseline_setting, ground_of, scenario_setting
from cradlecast.scenarios.civic import ALLOCATIONS, CIVIC_LEVERS, LEVER_BOUNDS, POOL, pool_years
from cradlecast.scenarios.community import MILESTONES
from cradlecast.scenarios.library import load_costs, load_parameters, load_prices, load_program, load_service
from cradlecast.scenarios.scenario import Scenario
from tests.civic_examples import BLOW, CLOSING, COUNTY, GRANT, PARTS, RECESSION, SET, lever, plan, pooled
from tests.test_engines import by_id, same, shuffled
from tests.test_service_files import plain
from tests.test_services import differing
from tests.worlds import born, with_theta

ROOT = Path(__file__).parents[1]
SHOCKS = (BLOW, CLOSING, RECESSION)
YEARS = (2020, 2021, 2022)

type Capture = pytest.CaptureFixture[str]


@cache
def ground(n_children: int = 600, horizon: int = 14) -> Ground:
    """What every arm here stands on: all scenarios of this file have the programs and services of one."""
    plain = pooled(shocks=SHOCKS)
    return ground_of(plain, Options(children=n_children, draws=1, worlds=1, horizon=horizon))


def arms(scenario: Scenario, n_children: int = 600, horizon: int = 14) -> tuple[Setting, Setting]:
    """Settings of the baseline and of the scenario."""
    base = ground(n_children, horizon)
    values, calibration = base.draw(0)
    setting = baseline_setting(base, scenario, values, calibration, 3)
    return setting, scenario_setting(setting, scenario, values)


def lived(setting: Setting) -> Pipeline:
    return Pipeline(setting, born(setting)).run()


def at_end_of(setting: Setting, year: int) -> Pipeline:
    """A town at the end of a school year."""
    town = Pipeline(setting, born(setting))
    while town.year < year:
        town.step()
    return town


def backbone(town: Pipeline) -> Backbone:
    assert town.backbone is not None
    return town.backbone


# --- the books ---


def at_random(seed: int) -> Scenario:
    """A pool of random grants, parts, rule, levers and shocks."""
    rng = np.random.default_rng(seed)
    grants = []
    for number in range(int(rng.integers(1, 4))):
        first = int(rng.integers(2020, 2024))
        last = None if rng.random() < 0.2 else first + int(rng.integers(0, 4))
        dollars = float(np.round(10 ** rng.uniform(5.5, 7.5), 2))
        funder = str(rng.choice([COUNTY, "State government", "School districts"]))
        grants.append(
            {"name": f"g{number}", "funder": funder, "dollars": dollars, "first_year": first, "last_year": last}
        )
    cuts = np.sort(rng.random(2)).round(3)
    shares = [float(cuts[0]), float(cuts[1] - cuts[0]), float(1.0 - cuts[1])]
    parts = [{**part, "share": share} for part, share in zip(PARTS, shares, strict=True)]
    levers = {name: float(rng.uniform(0.0, 1.0)) for name in CIVIC_LEVERS if name != "backbones"}
    levers["backbones"] = float(rng.integers(1, 5))
    moved = {name: value for name, value in levers.items() if rng.random() < 0.6}
    shocks = tuple({**shock, "in_baseline": bool(rng.random() < 0.5)} for shock in SHOCKS if rng.random() < 0.5)
    last_year = max([g["last_year"] or g["first_year"] for g in grants]) + int(rng.integers(0, 3))  # type: ignore[type-var]
    rule = str(rng.choice(list(ALLOCATIONS)))
    return pooled(rule, moved, shocks=shocks, grants=grants, parts=parts, last_year=last_year)


@pytest.mark.parametrize("seed", range(14))
def test_money_in_is_money_spent_coordinated_and_carried_over_to_the_cent(seed: int) -> None:
    scenario = at_random(seed)
    some_money = 0
    for setting in arms(scenario):
        town = lived(setting)
        book = backbone(town).settled()
        assert [row["year"] for row in book] == list(pool_years(scenario.pool))  # type: ignore[arg-type]
        carried = 0
        for row in book:
            assert row["carried_in"] == carried >= 0
            spent, carried = sum(row["spent"].values()), row["carried_out"]
            amounts = [row["received"], row["coordination"], row["available"], *row["spent"].values(), carried]
            assert all(type(amount) is int and amount >= 0 for amount in amounts)
            assert row["carried_in"] + row["received"] == spent + row["coordination"] + carried
            assert sum(row["shares"].values()) == pytest.approx(1.0)
            assert min(row["shares"].values()) >= 0.0
            some_money += spent
        for row in town.pool_rows():
            [of_year] = [each for each in book if each["year"] == row["year"]]
            assert row["spent"] == of_year["spent"][row["program"]] / 100.0
            assert row["places"] >= 0
        paid = sum(row["dollars"] for row in town.seat_rows() if row["payer"] == POOL)
        out = sum(sum(row["spent"].values()) + row["coordination"] for row in book) / 100.0
        assert paid == pytest.approx(out, abs=0.02 * len(book) * 4)
    assert some_money > 0


def test_nothing_comes_in_before_a_grant_or_after_it_and_continuity_keeps_its_share() -> None:
    early = {**GRANT, "name": "early", "dollars": 1_000.0, "first_year": 2019, "last_year": 2019}
    for continuity, kept in ((0.0, 0), (0.3, 180_000_000)):
        scenario = pooled(levers={"continuity": continuity}, grants=[early, GRANT], last_year=2024)
        book = backbone(lived(arms(scenario)[1])).settled()
        left = round(continuity * 100_000)
        assert [row["received"] for row in book] == [
            100_000, *[600_000_000 + left] * 3, *[kept + left] * 2,
        ]  # fmt: skip


def test_what_is_left_when_the_last_grant_ends_is_still_spent_and_no_more() -> None:
    book = backbone(lived(arms(pooled(last_year=2024))[1])).settled()
    left = book[2]["carried_out"]
    assert left > 0
    assert [row["received"] for row in book[3:]] == [0, 0]
    assert 0 < sum(sum(row["spent"].values()) for row in book[3:]) <= left


def test_places_of_the_pool_close_when_it_ends() -> None:
    town = lived(arms(pooled())[1])
    rows = [row for row in town.seat_rows() if row["stream"] == POOL and row["seats"]]
    assert {row["year"] for row in rows} == set(YEARS)
    assert {row["program"] for row in rows} == {"prek", "tutoring", "early_warning"}


# --- levers ---


def test_with_every_lever_at_rest_a_pool_divided_as_today_is_the_baseline_to_the_bit() -> None:
    at_rest = {name: neutral for name, (neutral, _, _) in CIVIC_LEVERS.items()}
    for levers in ({}, at_rest):
        base, arm = (lived(setting) for setting in arms(pooled(levers=levers, shocks=SHOCKS)))
        assert same(base.columns(), arm.columns())
        assert backbone(base).settled() == backbone(arm).settled()
        assert base.seat_rows() == arm.seat_rows()
        assert np.array_equal(base.flows, arm.flows)


def test_the_baseline_has_no_lever_no_rule_and_no_pool_where_it_says_so() -> None:
    base, arm = arms(pooled("equal_share", SET))
    assert base.purse is not None and arm.purse is not None
    assert base.purse.allocation == "status_quo" and arm.purse.allocation == "equal_share"
    assert dict(base.purse.levers) == {name: neutral for name, (neutral, _, _) in CIVIC_LEVERS.items()}
    assert dict(arm.purse.levers) == SET
    assert base.closing == 0.0 and arm.closing == SET["closing"]
    none, some = arms(pooled(in_baseline=False))
    assert none.purse is None and some.purse is not None
    assert not any(row["stream"] == POOL and row["seats"] for row in lived(none).seat_rows())


def facts(scenario: Scenario) -> dict[str, Any]:
    """What levers may move, in the pool's second year and by its whole book."""
    setting = arms(scenario)[1]
    town = at_end_of(setting, YEARS[1])
    one = backbone(town)
    providers = [provider for provider in town.providers if provider.pooled]
    found = {
        "quality": [float(provider.strength) for provider in providers] + [one.quality],
        "known": [provider.known for provider in providers],
        "take_up": [provider.reach for provider in providers] + [town.theta[Theta.TAKE_UP_PREK]],
        "cost": [one.purse.unit_cost(part["program"]) for part in PARTS],
        "closing": setting.closing,
    }
    book = backbone(town.run()).settled()
    assert len(providers) == 2
    return found | {
        "received": [row["received"] for row in book],
        "coordination": [row["coordination"] for row in book],
        "shares": [row["shares"] for row in book],
        "first_opened": book[0]["open"],
    }


@pytest.mark.parametrize(
    ("levers", "moved"),
    [
        ({"money_won": 0.2}, {"received", "first_opened"}),
        ({"continuity": 0.3}, {"received"}),
        ({"staff_time": 0.25}, {"cost", "first_opened"}),
        ({"data_sharing": 0.5}, {"known"}),
        ({"referral": 0.05}, {"take_up"}),
        ({"improvement": 0.1}, {"quality"}),
        ({"coordination": 0.1}, {"coordination", "first_opened"}),
        ({"backbones": 3.0}, set()),
        ({"alignment": 0.1}, set()),
        ({"backbones": 3.0, "alignment": 0.1}, {"coordination", "first_opened"}),
        ({"hiring": 0.01}, {"first_opened"}),
        ({"closing": 0.5}, {"closing"}),
        ({"pace": 2.0}, set()),
    ],
)
def test_a_lever_moves_what_it_says_and_only_that(levers: dict[str, float], moved: set[str]) -> None:
    before, after = facts(pooled(last_year=2023)), facts(pooled(levers=levers, last_year=2023))
    assert {name for name in before if before[name] != after[name]} == moved


def test_levers_by_how_much() -> None:
    before, after = facts(pooled()), facts(pooled(levers={**SET, "hiring": 1.0}))
    assert before["received"] == [600_000_000] * 3
    assert after["received"] == [720_000_000] * 3
    assert after["coordination"] == [round(720_000_000 * (0.05 + 2 * 0.04))] * 3
    assert after["cost"] == pytest.approx([cost / 1.1 for cost in before["cost"]])
    assert after["quality"] == pytest.approx([1.1] * 3)
    assert after["known"] == [np.float32(0.5)] * 2
    assert after["take_up"] == pytest.approx([min(share + 0.05, 1.0) for share in before["take_up"]])


def test_coaching_makes_at_most_twice_of_an_effect_and_begins_in_the_second_year() -> None:
    scenario = pooled(levers={"improvement": 0.6}, last_year=2024)
    setting = arms(scenario)[1]
    found = [backbone(at_end_of(setting, year)).quality for year in range(2020, 2025)]
    assert found == pytest.approx([1.0, 1.6, MOST_QUALITY, MOST_QUALITY, MOST_QUALITY])
    town = at_end_of(setting, 2021)
    assert {site.quality for site in town.sites_of("prek", POOL)} == {1.6}
    assert {site.quality for site in town.sites if site.stream != POOL} == {1.0}


def test_shared_data_bring_children_of_known_need_to_the_front() -> None:
    poor = {}
    for known in (0.0, 1.0):
        part = {"program": "tutoring", "share": 1.0, "outcome": "grade3_reading"}
        setting = arms(pooled(levers={"data_sharing": known}, parts=[part]), n_children=2_000)[1]
        children = at_end_of(setting, 2020).columns()
        served = children.whole(Wide.SERVED) != 0
        assert served.sum() > 5
        poor[known] = (children.whole(Whole.CELL)[served] % 2 == 1).mean()
    assert poor[0.0] < poor[1.0] == 1.0


def test_only_the_rule_of_results_knows_a_pace() -> None:
    slow, fast = (facts(pooled("collaborative_improvement", {"pace": pace})) for pace in (0.0, 1.0))
    assert {name for name in slow if slow[name] != fast[name]} == {"shares"}
    assert all(
        shares == pytest.approx({"prek": 0.5, "tutoring": 0.3, "early_warning": 0.2}) for shares in slow["shares"]
    )


def test_hiring_holds_growth_against_what_there_is() -> None:
    """With nothing of its own yet a program grows against its standing seats; then against its pooled ones."""
    part = {"program": "prek", "share": 1.0, "outcome": "kindergarten_ready"}
    setting = arms(pooled(levers={"hiring": 0.02}, parts=[part], last_year=2022))[1]
    assert setting.purse is not None
    rich = replace(setting, purse=replace(setting.purse, costs={"prek": 100.0}))
    book = backbone(lived(rich)).settled()
    standing = sum(s.seats[4].value for s in setting.place.community.streams if s.program == "prek")
    first = int(0.02 * standing)
    assert [row["open"]["prek"] for row in book] == [first, first + int(0.02 * first), first + 2 * int(0.02 * first)]


def test_a_service_is_given_no_more_places_than_it_applies_for() -> None:
    """From its second year on: as many as asked for one the year before, whatever money there is."""
    part = {"program": "early_warning", "share": 1.0, "outcome": "chronic_absence"}
    setting = arms(pooled(parts=[part], last_year=2022))[1]
    assert setting.purse is not None
    town = lived(replace(setting, purse=replace(setting.purse, costs={"early_warning": 1.0})))
    rows, (provider,) = backbone(town).settled(), town.providers
    assert rows[0]["open"]["early_warning"] > 50_000, "far more than children ask for"
    for row in rows[1:]:
        asked = provider.book[row["year"] - 1].asked / setting.scale
        assert 0 < row["open"]["early_warning"] <= asked + 1
        assert row["carried_out"] > 0


def test_new_seats_of_a_pool_open_as_teachers_are_hired() -> None:
    """Of what is wanted and not there, the first year's share of the program's ramp opens, every year anew."""
    part = {"program": "prek", "share": 1.0, "outcome": "kindergarten_ready"}
    town = lived(arms(pooled(parts=[part]))[1])
    share, unit = load_program("prek").ramp[0].value, backbone(town).purse.unit_cost("prek")
    before = 0
    for row in backbone(town).settled():
        wanted = int(row["available"] / 100.0 / unit)
        assert 0 < share < 1
        assert row["open"]["prek"] == before + int((wanted - before) * share)
        before = row["open"]["prek"]


def test_empty_seats_of_centers_close_and_stay_closed_while_the_pool_goes_on() -> None:
    """A pool of subsidised places opens and closes seats of the same line every year."""
    part = {"program": "subsidised_care", "share": 1.0, "outcome": "kindergarten_ready"}
    opened = {"first_year": 2021, "program": "prek", "stream": "standing", "seats": 4_000}
    seats: dict[float, dict[int, int]] = {}
    for closing in (0.0, 1.0):
        scenario = pooled(levers={"closing": closing}, parts=[part], changes=(opened,), last_year=2024)
        base = ground_of(scenario, Options(children=9_000, draws=1, worlds=1, horizon=5))
        values, calibration = base.draw(0)
        setting = scenario_setting(baseline_setting(base, scenario, values, calibration, 3), scenario, base.draw(0)[0])
        rows = [r for r in lived(setting).seat_rows() if r["program"] == "child_care" and r["age"] == 4]
        seats[closing] = {row["year"]: row["seats_simulated"] for row in rows}
    assert len({seats[0.0][year] for year in range(2020, 2025)}) == 1
    assert seats[1.0][2020] == seats[1.0][2021] == seats[0.0][2020] > seats[1.0][2022]
    assert all(seats[1.0][year + 1] <= seats[1.0][year] for year in range(2020, 2024))


def test_levers_of_the_pool_stand_beside_those_of_seats_and_services() -> None:
    """Places of a service with quality and take-up, and seats with take-up, from other money at the same time."""
    part = {"program": "tutoring", "share": 0.5, "outcome": "grade3_reading"}
    prek = {"program": "prek", "share": 0.5, "outcome": "kindergarten_ready"}
    seats = {
        "first_year": 2020, "last_year": 2022, "program": "prek", "stream": "bought", "seats": 100, "financed": True,
    }  # fmt: skip
    course = {"first_year": 2020, "last_year": 2022, "service": "tutoring", "places": 300}
    levers = {"service_quality": 0.5, "service_take_up": 0.6, "take_up": 0.7, "referral": 0.1, "improvement": 0.2}
    scenario = pooled(levers=levers, parts=[part, prek], changes=(seats,), more={"services": [course]}, last_year=2023)
    setting = arms(scenario)[1]
    [before, during, after] = [at_end_of(setting, year) for year in (2020, 2021, 2024)]
    for town, quality, take_up, of_seats in (
        (before, 0.5, 0.7, 0.8),
        (during, 0.6, 0.7, 0.8),
        (after, 1.0, None, None),
    ):
        [tutoring] = [p for p in town.providers if p.offer.declared.name == "tutoring"]
        assert tutoring.strength == pytest.approx(quality)
        assert tutoring.reach == pytest.approx(take_up or tutoring.offer.take_up)
        assert town.theta[Theta.TAKE_UP_PREK] == pytest.approx(of_seats or setting.theta[Theta.TAKE_UP_PREK])


# --- rules ---


def divided(allocation: str, year: int = 2021, **purse: Any) -> tuple[dict[str, float], Any, Pipeline]:
    """Shares by part and by area that a rule gives in a year, before it begins."""
    setting = arms(pooled(allocation))[1]
    assert setting.purse is not None
    town = at_end_of(replace(setting, purse=replace(setting.purse, **purse)), year - 1)
    shares, areas = backbone(town).divide(year)
    assert sum(shares.values()) == pytest.approx(1.0)
    assert areas is None or float(areas.sum()) == pytest.approx(1.0)
    return shares, areas, town


TODAY = {"prek": 0.5, "tutoring": 0.3, "early_warning": 0.2}


def test_as_today_and_the_same_for_every_program() -> None:
    assert divided("status_quo")[:2] == (TODAY, None)
    shares, areas, _ = divided("equal_share")
    assert shares == pytest.approx(dict.fromkeys(TODAY, 1 / 3)) and areas is None


def test_need_is_children_below_the_poverty_line_by_area() -> None:
    shares, areas, town = divided("need_weighted")
    declared = town.setting.place.community.areas
    poor = np.array([area.children.value * area.below_poverty.value for area in declared])
    assert shares == TODAY
    np.testing.assert_allclose(areas, poor / poor.sum(), atol=0.01)  # areas are moved to average the county
    np.testing.assert_array_equal(areas, town.setting.place.area_shares[1])


def test_places_by_area_are_where_the_rule_says() -> None:
    setting = arms(pooled("need_weighted"), n_children=6_000)[1]
    town = at_end_of(setting, 2021)
    held = np.array([site.seats[4] for site in town.sites_of("prek", POOL)])
    np.testing.assert_allclose(held, held.sum() * town.poor_by_area(), atol=1.0)
    [tutoring] = [provider for provider in town.providers if provider.offer.declared.name == "tutoring"]
    np.testing.assert_array_equal(tutoring.areas, town.poor_by_area())


def test_money_of_a_place_is_in_the_areas_named_or_in_the_one_with_the_most_poverty() -> None:
    setting = arms(pooled("place_based"))[1]
    declared = setting.place.community.areas
    shares, areas, _ = divided("place_based")
    poorest = int(np.argmax([area.below_poverty.value for area in declared]))
    assert shares == TODAY
    assert areas.tolist() == [float(at == poorest) for at in range(len(declared))]
    chosen = (declared[0].name, declared[2].name)
    town = at_end_of(arms(pooled("place_based", areas=chosen), n_children=6_000)[1], 2021)
    poor = np.array([declared[at].children.value * declared[at].below_poverty.value for at in (0, 2)])
    _, areas = backbone(town).divide(2022)
    np.testing.assert_allclose(
        areas, [poor[0] / poor.sum(), 0, poor[1] / poor.sum(), *[0] * (len(declared) - 3)], atol=0.01
    )
    held = [site.seats[4] for site in town.sites_of("prek", POOL)]
    assert held[0] > 0 < held[2] and sum(held) == held[0] + held[2]
    grown = at_end_of(arms(pooled(), n_children=6_000)[1], 2021).columns()
    areas_of = town.columns().whole(Whole.AREA)
    bit = next(p.offer.bit for p in town.providers if p.offer.declared.name == "tutoring")
    served, elsewhere = (c.whole(Wide.SERVED) >> bit & 1 == 1 for c in (town.columns(), grown))
    assert served.any() and set(areas_of[served].tolist()) <= {0, 2}
    assert set(areas_of[elsewhere].tolist()) > {0, 2}


def test_gaps_are_those_of_last_years_columns() -> None:
    shares, _, town = divided("gap_closing")
    c, year = town.columns(), 2020
    age, poor = year - c.birth_years().astype(int), c.whole(Whole.CELL) % 2 == 1
    absent = (c.whole(Whole.NOW) & 1 == 1, (age >= 5) & (age <= 17))
    measured = {
        "prek": (c.reached(0), age == 4),
        "tutoring": (c.reached(1), age == 8),
        "early_warning": absent,
    }
    gaps = {
        name: abs(reached[of & poor].mean() - reached[of & ~poor].mean()) * 100.0
        for name, (reached, of) in measured.items()
    }
    assert min(gaps.values()) > 0.5
    total = sum(TODAY[name] * gaps[name] for name in gaps)
    assert shares == pytest.approx({name: TODAY[name] * gaps[name] / total for name in gaps})


def test_before_anything_is_measured_gaps_leave_money_where_it_is() -> None:
    part = [
        {"program": "prek", "share": 0.5, "outcome": "postsecondary_completed"},
        {"program": "tutoring", "share": 0.5, "outcome": "postsecondary_completed"},
    ]
    town = at_end_of(arms(pooled("gap_closing", parts=part))[1], 2020)
    assert backbone(town).divide(2021)[0] == {"prek": 0.5, "tutoring": 0.5}


def test_the_lowest_incomes_come_first_under_gap_closing_alone() -> None:
    for rule, order in (("gap_closing", "lowest_incomes"), ("status_quo", "lowest_scores")):
        town = at_end_of(arms(pooled(rule))[1], 2021)
        [tutoring] = [p for p in town.providers if p.offer.declared.name == "tutoring"]
        assert tutoring.order == order


def test_cost_effectiveness_is_points_for_a_dollar_and_nothing_for_harm() -> None:
    costs = {"prek": 8_000.0, "tutoring": 1_000.0, "early_warning": 500.0}
    expected = {"prek": 8.0, "tutoring": 3.0, "early_warning": -2.0}
    shares, _, _ = divided("cost_effectiveness", costs=costs, expected=expected)
    assert shares == pytest.approx({"prek": 0.25, "tutoring": 0.75, "early_warning": 0.0})
    nothing, _, _ = divided("cost_effectiveness", costs=costs, expected=dict.fromkeys(costs, -1.0))
    assert nothing == pytest.approx(dict.fromkeys(costs, 1 / 3))


def test_points_that_a_planner_expects_worked_by_hand() -> None:
    setting = arms(pooled())[1]
    known = {name: each.mean for name, each in load_parameters().parameters.items()}
    place = setting.place
    r0, r1 = known["first_year_persistence"], known["later_persistence"]
    prek, tutoring, warning = load_program("prek"), load_service("tutoring"), load_service("early_warning")
    at_entry = POINTS_PER_SD * FROM_HOME * known["prek_value"]
    assert points_of(prek, "kindergarten_ready", known, place) == pytest.approx(at_entry)
    assert points_of(prek, "grade3_reading", known, place) == pytest.approx(at_entry * r0 * r1**3)
    assert points_of(prek, "high_school_graduate", known, place) == 0.0
    middle = (tutoring.ages[0] + tutoring.ages[-1]) // 2
    left = r0 * r1 ** (kernels.GRADE8_AGE - middle - 1)
    assert points_of(tutoring, "grade8_math", known, place) == pytest.approx(
        POINTS_PER_SD * known["tutoring_skill"] * left
    )
    rate = place.community.events["chronic_absence"].all.value
    assert points_of(warning, "chronic_absence", known, place) == pytest.approx(
        -100.0 * np.sqrt(rate * (1.0 - rate)) * known["early_warning_absence"]
    )
    assert points_of(load_service("fafsa"), "postsecondary_enrolled", known, place) == known["fafsa_enrolment"]
    assert setting.purse is not None
    assert setting.purse.expected["prek"] == pytest.approx(at_entry)
    assert len(MILESTONE_AGES) == len(MILESTONES)


def test_costs_of_parts_are_in_dollars_of_the_pools_year() -> None:
    for year in (2019, 2023):
        purse = arms(pooled(price_year=year))[1].purse
        assert purse is not None
        tutoring = load_service("tutoring").cost
        assert purse.costs["tutoring"] == pytest.approx(load_prices().reprice(tutoring.value, int(tutoring.year), year))


def test_money_moves_to_what_was_measured_to_be_better_and_leaves_nobody_with_nothing() -> None:
    scenario = pooled("collaborative_improvement", {"data_sharing": 1.0, "pace": 1.0}, last_year=2024)
    setting = arms(scenario)[1]
    assert setting.purse is not None
    costs = dict.fromkeys(TODAY, 1_000.0)
    true = {"prek": 500.0, "tutoring": 0.0, "early_warning": 0.0}
    town = lived(replace(setting, purse=replace(setting.purse, costs=costs, true=true)))
    shares = [row["shares"] for row in backbone(town).settled()]
    assert shares[0] == TODAY
    assert all(b["prek"] > a["prek"] for a, b in pairwise(shares))
    assert shares[-1]["prek"] > 0.9
    assert min(shares[-1].values()) >= LEAST_SHARE / (1 + 2 * LEAST_SHARE)


def test_results_of_more_children_are_measured_with_less_luck() -> None:
    [convener, *_] = backbone(at_end_of(arms(pooled())[1], 2019)).conveners
    spread = {
        sharing: np.std([convener.result(year, 4.0, 500.0, sharing) for year in range(3_000)]) for sharing in (0.0, 1.0)
    }
    assert spread[1.0] == pytest.approx(50.0 * np.sqrt(2.0 / 500.0), rel=0.05)
    assert spread[0.0] / spread[1.0] == pytest.approx(FOLLOWED**-0.5, rel=0.05)
    mean = np.mean([convener.result(year, 4.0, 500.0, 1.0) for year in range(3_000)])
    assert mean == pytest.approx(4.0, abs=0.3)
    assert convener.result(2021, 4.0, 1.0, 1.0) == 0.0


# --- one model ---

RULES = ("need_weighted", "gap_closing", "collaborative_improvement")


@pytest.mark.parametrize("rule", RULES)
def test_both_engines_agree_bit_for_bit_with_pool_shocks_and_every_lever(rule: str) -> None:
    scenario = pooled(rule, SET, shocks=SHOCKS, last_year=2024)
    for setting in arms(scenario):
        children = born(setting)
        mixed = shuffled(children, seed=9)
        array_town, object_town = Pipeline(setting, mixed).run(), ObjectPipeline(setting, mixed).run()
        assert same(array_town.columns(), object_town.columns())
        assert same(by_id(array_town.columns()), by_id(lived(setting).columns()))
        assert array_town.seat_rows() == object_town.seat_rows()
        assert backbone(array_town).settled() == object_town.backbone.settled()  # type: ignore[union-attr]
        assert np.array_equal(array_town.flows, object_town.flows)
        assert (array_town.columns().whole(Wide.SERVED) != 0).sum() > 20


def test_plain_python_agrees_bit_for_bit() -> None:
    code = (
        "from tests.civic_examples import BLOW, CLOSING, RECESSION, SET, pooled\n"
        "from tests.test_civic import RULES, arms, backbone\n"
        "from tests.test_engines import digest, digest_of, shuffled\n"
        "from tests.worlds import born\n"
        "from cradlecast.model.compiled import NOJIT\n"
        "from cradlecast.model.pipeline import Pipeline\n"
        "print(NOJIT)\n"
        "for rule in RULES:\n"
        "    for setting in arms(pooled(rule, SET, shocks=(BLOW, CLOSING, RECESSION)), 180, 12):\n"
        "        town = Pipeline(setting, shuffled(born(setting), 7)).run()\n"
        "        print(digest(town.columns()), digest_of(town.flows), hash(repr(backbone(town).settled())))\n"
    )
    compiled, plain = _run(code, ""), _run(code, "1")
    assert (compiled[0], plain[0]) == ("False", "True")
    assert plain[1:] == compiled[1:]
    assert len(plain[1:]) == 3 * 2 * len(RULES)
    assert len(set(plain[1::3])) == len(RULES) + 1, "one baseline and three arms"


def _run(code: str, nojit: str) -> list[str]:
    environment = os.environ | {"CRADLECAST_NOJIT": nojit, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


# --- shocks ---


def seats_by_year(setting: Setting, program: str) -> dict[int, int]:
    """Seats for 4-year-olds by year, without those of pooled money."""
    found: dict[int, int] = {}
    for row in lived(setting).seat_rows():
        if (row["program"], row["age"]) == (program, 4) and row["stream"] != POOL:
            found[row["year"]] = found.get(row["year"], 0) + row["seats"]
    return found


@pytest.mark.parametrize("in_baseline", [True, False])
def test_centers_close_and_open_again_in_both_arms_or_in_one(in_baseline: bool) -> None:
    base, arm = arms(pooled(shocks=({**CLOSING, "in_baseline": in_baseline},), last_year=2024))
    for setting, hit in ((base, in_baseline), (arm, True)):
        seats = seats_by_year(setting, "child_care")
        before = seats[2020]
        assert before > 100 and seats[2023] == before
        left = before - round(0.4 * before) if hit else before
        assert [seats[2021], seats[2022]] == pytest.approx([left, left], abs=2)


@pytest.mark.parametrize("in_baseline", [True, False])
def test_a_recession_takes_from_seats_and_from_grants_of_its_payer(in_baseline: bool) -> None:
    other = {**GRANT, "name": "other", "funder": "State government"}
    shock = {**RECESSION, "in_baseline": in_baseline}
    both = arms(pooled(shocks=(shock,), grants=[GRANT, other], last_year=2024))
    for setting, hit in zip(both, (in_baseline, True), strict=True):
        seats, book = seats_by_year(setting, "prek"), backbone(lived(setting)).settled()
        share = 0.75 if hit else 1.0
        found = [row["received"] for row in book]
        assert found == [1_200_000_000, round(6e8 * share) + 600_000_000, 1_200_000_000, 0, 0]
        assert seats[2021] == pytest.approx(seats[2020] * share, abs=3)
        assert seats[2022] == seats[2020]
        head_start = seats_by_year(setting, "head_start")
        assert len({head_start[year] for year in range(2019, 2024)}) == 1


def test_the_lever_of_a_shock_sets_its_share() -> None:
    levers = {"shock": 0.5}
    found = [
        seats_by_year(arms(pooled(levers=value, shocks=({**CLOSING, "share": "shock"},)))[1], "child_care")
        for value in (levers, {"shock": 0.0})
    ]
    assert found[0][2021] == pytest.approx(0.5 * found[0][2020], abs=2)
    assert found[1][2021] == found[1][2020] == found[0][2020]


def test_a_shock_that_outlives_the_pool_or_a_change_brings_no_seat_that_nobody_pays_for() -> None:
    """Pooled seats end in 2022 and 900 more in 2021, both while the payer is short; in 2024 all is as it was."""
    more = {"first_year": 2020, "last_year": 2021, "program": "prek", "stream": "extra", "seats": 900}
    shock = {**RECESSION, "first_year": 2021, "last_year": 2023, "share": 0.9}
    base, arm = (
        seats_by_year(setting, "prek") for setting in arms(pooled(shocks=(shock,), changes=(more,), last_year=2025))
    )
    assert arm[2020] == base[2020] + 900
    assert arm[2021] == pytest.approx(0.1 * arm[2020], abs=3)
    assert arm[2024] == base[2024] == base[2020]
    later = {"first_year": 2024, "program": "head_start", "stream": "standing", "seats": 0}
    rows = lived(arms(pooled(shocks=(shock,), changes=(later,)))[1]).seat_rows()
    after = [row["seats"] for row in rows if row["stream"] == POOL and row["year"] > 2022]
    assert len(after) > 2 and not any(after)


@pytest.mark.parametrize("in_baseline", [True, False])
def test_a_blow_reaches_all_children_of_its_ages_in_its_year_alone(in_baseline: bool) -> None:
    shock = {**BLOW, "in_baseline": in_baseline}
    plain = with_theta(arms(pooled())[1], PEER_EFFECT=0.0)
    base, arm = (with_theta(setting, PEER_EFFECT=0.0) for setting in arms(pooled(shocks=(shock,))))
    value = np.float32(base.values["of_blow"])
    assert value < 0
    untouched, struck = at_end_of(plain, 2021).columns(), at_end_of(arm, 2021).columns()
    age = 2021 - struck.birth_years().astype(int)
    reached = (age >= 5) & (age <= 8) & (struck.whole(Whole.LEFT) < 0)
    lost = struck.real(Real.HELP_SKILL) - untouched.real(Real.HELP_SKILL)
    assert reached.sum() > 100
    np.testing.assert_allclose(lost[reached], value, atol=1e-6)
    assert (lost[~reached] == 0.0).all()
    without = at_end_of(base, 2021).columns().real(Real.HELP_SKILL)
    assert np.array_equal(without, struck.real(Real.HELP_SKILL) if in_baseline else untouched.real(Real.HELP_SKILL))
    later = at_end_of(arm, 2022).columns().real(Real.HELP_SKILL)
    assert (later[reached] >= 0.0).all()
    never = pooled(shocks=({**shock, "ages": [5]},))
    other = at_end_of(with_theta(arms(never)[1], PEER_EFFECT=0.0), 2021).columns()
    assert "SKILL" in differing(other, struck, age == 7) and "SKILL" not in differing(other, struck, age == 5)


# --- the ledger ---


def test_funders_pay_in_the_ledger_and_the_books_balance() -> None:
    """A pool of the scenario alone: what its grants pay is a cost of their budgets, two thirds of one and one third."""
    state = {**GRANT, "name": "state", "funder": "State government", "dollars": 3_000_000}
    parts = [{"program": "tutoring", "share": 1.0, "outcome": "grade3_reading"}]
    scenario = pooled(levers={"coordination": 0.1}, grants=[GRANT, state], parts=parts, in_baseline=False)
    result = run(scenario, Options(children=900, draws=2, worlds=1, horizon=14))
    pool, ledger = result.tables["pool"], result.tables["ledger"]
    assert set(pool["arm"]) == {"scenario"} and set(pool["price_year"]) == {2019}
    year = int(ledger["price_year"].iloc[0])
    worth = load_prices().reprice(1.0, 2019, year)
    costs = load_costs("memphis")
    shares: dict[str, float] = {}
    for funder, share in ((COUNTY, 2 / 3), ("State government", 1 / 3)):
        for budget, part in costs.payer(funder).parts.items():
            shares[budget] = shares.get(budget, 0.0) + share * part
    assert len(shares) > 1
    for line, spent in (("tutoring", pool["spent"].sum()), (BACKBONE, pool["coordination"].sum())):
        rows = ledger[ledger["line"] == f"{line}{SEATS}"].set_index("budget")["impact"]
        assert spent > 10_000
        for budget, share in shares.items():
            assert -rows[budget] == pytest.approx(spent * worth * share, rel=1e-6)
    budgets = result.tables["budgets"]
    money_in = budgets["carried_in"] + budgets["appropriated"] + budgets["revenue"]
    np.testing.assert_allclose(money_in, budgets["spent"] + budgets["carried_out"], atol=0.02)
    book = pool.drop_duplicates("year")
    np.testing.assert_allclose(
        book["carried_in"] + book["received"],
        pool.groupby("year")["spent"].sum().to_numpy() + book["coordination"] + book["carried_out"],
        atol=0.01,
    )


# --- what is refused ---


def pool_of(**keys: Any) -> dict[str, Any]:
    """An edit of the pool."""
    return {"pool": {**plan()["pool"], **keys}}


@pytest.mark.parametrize(
    ("edit", "answer"),
    [
        (pool_of(parts=[{**PARTS[0], "share": 0.9}]), "shares of the parts must add up to 1; got 0.9"),
        (pool_of(parts=[{**PARTS[0], "share": 0.5}] * 2), "a part or a grant is there twice"),
        (pool_of(parts=[{**PARTS[0], "share": 1.0, "program": "prekk"}]), "names 'prekk', which is no program and no"),
        (pool_of(parts=[{**PARTS[0], "share": 1.0, "program": "prekk"}]), "did you mean 'prek'?"),
        (pool_of(parts=[{**PARTS[0], "share": 1.0, "outcome": "joy"}]), "outcome must be"),
        (pool_of(grants=[{**GRANT, "funder": "Nobody"}]), "grant 'gift' of the pool: "),
        (pool_of(grants=[{**GRANT, "funder": "Nobody"}]), "name no budget for the payer 'Nobody'"),
        (pool_of(grants=[{**GRANT, "last_year": 2019}]), "last_year (2019) must not lie before first_year (2020)"),
        (pool_of(grants=[{**GRANT, "dollars": -1}]), "dollars must be 0 or more; got -1"),
        (pool_of(grants=[]), "grants"),
        (pool_of(last_year=2019), "last_year (2019) must not lie before the first grant (2020)"),
        (pool_of(areas=["nowhere"]), "areas of the pool names 'nowhere', which community 'memphis' does not have"),
        (pool_of(allocation="equal_shares"), "did you mean 'equal_share'?"),
        ({"pool": None, "changes": []}, "changes, services and pool are all empty"),
        ({"levers": {"coordination": lever(1.5)}}, "lever coordination of scenario 'pooled' must stay from 0 to 1"),
        ({"levers": {"backbones": {**lever(1.0), "low": 0.0}}}, "lever backbones of scenario 'pooled' must stay from"),
        ({"levers": {"alignmint": lever(0.5)}}, "did you mean 'alignment'?"),
        ({"shocks": [BLOW, BLOW]}, "a shock is there twice"),
        ({"shocks": [{**CLOSING, "share": "shock"}]}, "a shock uses the lever 'shock', which is not declared"),
        ({"shocks": [{**CLOSING, "share": 1.5}]}, "share"),
        ({"shocks": [{**CLOSING, "payer": COUNTY}]}, "a shock of kind closing has program and share; not: payer"),
        ({"shocks": [{**RECESSION, "program": "prek"}]}, "a shock of kind recession has payer and share; not: program"),
        ({"shocks": [{**BLOW, "effects": []}]}, "a shock of kind children has ages and effects; not: effects"),
        ({"shocks": [{**BLOW, "ages": [8, 5]}]}, "ages must ascend"),
        ({"shocks": [{**BLOW, "parameters": {}}]}, "names parameter 'of_blow', which does not exist"),
        ({"shocks": [{**CLOSING, "last_year": 2020}]}, "last_year (2020) must not lie before first_year (2021)"),
        ({"shocks": [{**CLOSING, "program": "child_car"}]}, "closes seats of 'child_car', of which there are none"),
        ({"shocks": [{**RECESSION, "payer": "Nobody"}]}, "shock 'slump': "),
    ],
)  # fmt: skip
def test_a_wrong_pool_or_shock_is_refused_in_one_sentence(
    edit: dict[str, Any], answer: str, tmp_path: Path, capsys: Capture
) -> None:
    path = tmp_path / "pooled.yaml"
    path.write_text(plain(plan(more=edit)), encoding="utf-8")
    assert main(["run", str(path), "--children", "300", "--draws", "1"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1 and said.err.startswith("cradlecast: error: ")
    assert answer in said.err


def test_a_service_of_a_file_and_its_name_are_one_part(tmp_path: Path, capsys: Capture) -> None:
    shipped = ROOT / "scenarios" / "services" / "tutoring.yaml"
    (tmp_path / "lessons.yaml").write_bytes(shipped.read_bytes())
    parts = [{**PARTS[1], "share": 0.5}, {**PARTS[1], "share": 0.5, "program": "./lessons.yaml"}]
    (tmp_path / "pooled.yaml").write_text(plain(plan(parts=parts)), encoding="utf-8")
    assert main(["run", str(tmp_path / "pooled.yaml"), "--children", "300", "--draws", "1"]) == 2
    assert "parts of the pool name 'tutoring' twice" in capsys.readouterr().err


def test_pooled_money_for_a_service_of_a_file_is_explained(tmp_path: Path, capsys: Capture) -> None:
    shipped = (ROOT / "scenarios" / "services" / "tutoring.yaml").read_text(encoding="utf-8")
    own = shipped.replace("name: tutoring", "name: lessons").replace("\ntitle: ", "\ntitle: Our own ")
    (tmp_path / "lessons.yaml").write_text(own, encoding="utf-8")
    parts = [{**part, "program": "./lessons.yaml"} if part is PARTS[1] else part for part in PARTS]
    (tmp_path / "pooled.yaml").write_text(plain(plan(parts=parts)), encoding="utf-8")
    assert main(["explain", str(tmp_path / "pooled.yaml")]) == 0
    assert "Our own" in capsys.readouterr().out


def test_every_lever_has_bounds_that_hold_its_rest() -> None:
    assert set(LEVER_BOUNDS) == {*CIVIC_LEVERS, "shock"}
    for name, (neutral, _, _) in CIVIC_LEVERS.items():
        least, most = LEVER_BOUNDS[name]
        assert least <= neutral <= most
