"""Services in the model: whom they take in, what they give, and what is booked; both engines agree to the bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from cradlecast.model.children import Bools, Children
from cradlecast.model.decisions import Watched
from cradlecast.model.kernels import Real, Seat, Theta, Whole, Wide
from cradlecast.model.object_engine import ObjectPipeline
from cradlecast.model.outcomes import Arm, support_changed
from cradlecast.model.paths import CHANNELS, channels
from cradlecast.model.pipeline import Pipeline
from cradlecast.model.services import FOR_THE_YEAR, HELP, number_of, offers_of
from cradlecast.model.town import Course, Setting
from cradlecast.scenarios.community import MILESTONES
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.service import Service, places_open
from tests.service_examples import ALL, EFFECTS, FIGURE, service, with_services
from tests.test_engines import by_id, same, shuffled
from tests.worlds import born, settings, with_theta

MANY, PLENTY = 6_000, 10**6
BORN = (2015, 2016, 2017)
HELPS = [*HELP.values()]
GRADUATE, ENROLLED, COMPLETED = (
    MILESTONES.index(name) for name in ("high_school_graduate", "postsecondary_enrolled", "postsecondary_completed")
)


@cache
def base(n_children: int = MANY, horizon: int = 30, **theta: float) -> Setting:
    """The observed world without services and, unless told otherwise, without classmates."""
    return with_theta(replace(settings(n_children=n_children)[0], horizon=horizon), **({"PEER_EFFECT": 0.0} | theta))


def lived(setting: Setting) -> Children:
    return Pipeline(setting, born(setting)).run().columns()


def both(*services: Service, horizon: int = 30, places: int = PLENTY, **more: Any) -> tuple[Children, Children, Bools]:
    """Lives without and with services, and whom they served, where everybody takes part."""
    setting = base(horizon=horizon)
    offered = with_services(setting, services, places, **{"take_up": 1.0, **more})
    with_them = lived(offered)
    return lived(setting), with_them, np.asarray(with_them.whole(Wide.SERVED) != 0)


def differing(one: Children, other: Children, rows: Bools | None = None) -> set[str]:
    """Names of the columns in which two sets of children are not the same to the bit, among some rows."""
    at = np.ones(len(one), np.bool_) if rows is None else rows
    reals = {c.name for c in Real if (one.real(c).view(np.uint32) != other.real(c).view(np.uint32))[at].any()}
    return reals | {c.name for c in (*Whole, *Seat, *Wide) if (one.whole(c) != other.whole(c))[at].any()}


def rows_of(setting: Setting) -> list[dict[str, Any]]:
    """The book of services."""
    names = {one.name for one in setting.services}
    return [row for row in Pipeline(setting, born(setting)).run().seat_rows() if row["program"] in names]


# --- one model ---


@pytest.mark.parametrize("places", [300, PLENTY])
def test_both_engines_agree_bit_for_bit_on_rows_in_any_order(places: int) -> None:
    setting = with_services(settings(n_children=600)[1], places=places)
    children = born(setting)
    mixed = shuffled(children, seed=4)
    array_town, object_town = Pipeline(setting, mixed).run(), ObjectPipeline(setting, mixed).run()
    assert same(array_town.columns(), object_town.columns())
    assert same(by_id(array_town.columns()), by_id(lived(setting)))
    assert array_town.seat_rows() == object_town.seat_rows()
    assert np.array_equal(array_town.flows, object_town.flows)
    served = array_town.columns().whole(Wide.SERVED)
    for bit, one in enumerate(ALL):
        reached = np.count_nonzero((served >> bit) & 1)
        assert reached > (0 if places == 300 or one.needs else 50), one.name
    assert any(row["filled_simulated"] == row["seats_simulated"] > 0 for row in array_town.seat_rows())


def test_a_service_without_places_changes_nothing_to_the_bit() -> None:
    setting = base(n_children=1200, PEER_EFFECT=0.1)
    assert differing(lived(setting), lived(with_services(setting, places=0))) == set()


def test_a_service_of_no_quality_changes_nothing_but_who_was_served() -> None:
    setting = base(n_children=1200, PEER_EFFECT=0.1)
    assert differing(lived(setting), lived(with_services(setting, places=PLENTY, quality=0.0))) == {"SERVED"}


def test_only_those_who_were_served_are_changed() -> None:
    setting = base()
    without, with_them = lived(setting), lived(with_services(setting))
    served = np.asarray(with_them.whole(Wide.SERVED) != 0)
    assert 0.2 < served.mean() < 0.9
    assert differing(without, with_them, ~served) == set()
    changed = differing(without, with_them, served)
    assert changed > {"SKILL", "TRAIT", "BIRTH_WEIGHT", "DEVELOPMENT", "CAESAREAN", "ABSENT_YEARS", "REACHED", "SECTOR"}
    assert not changed & {"INCOME", "GROUP", "CARE4", "LEFT", "TRANSIENT"}


# --- places ---


@pytest.mark.parametrize("places", [100, 2_000])
def test_no_year_serves_more_children_than_it_has_places_for(places: int) -> None:
    rows = rows_of(with_services(base(), places=places))
    assert len(rows) == len(ALL) * (BORN[-1] + 30 - BORN[0])
    assert all(0 <= row["filled_simulated"] <= row["seats_simulated"] for row in rows)
    full = {row["program"] for row in rows if 0 < row["filled_simulated"] == row["seats_simulated"]}
    assert full >= {"lessons", "schools", "apply", "promise"}


def test_of_ages_that_are_not_simulated_places_keep_their_share() -> None:
    """Ages 6 to 9 and three birth years: one age is there in 2021, two in 2022, three in 2023 and 2024, and so on.

    Rounded down, so that the children served are never more than the places.
    """
    setting = with_services(base(), (service("of", (6, 7, 8, 9), "skill"),), 1_000)
    held = {row["year"]: row["seats_simulated"] for row in rows_of(setting)}
    whole = 1_000 * MANY / (3 * setting.place.community.births_per_year.value)
    shares = {2020: 0, 2021: 1, 2022: 2, 2023: 3, 2024: 3, 2025: 2, 2026: 1, 2027: 0}
    assert {year: held[year] for year in shares} == {year: int(whole * n / 4) for year, n in shares.items()}


def slow(*shares: float) -> Service:
    """A service at 5 to 10 that opens by a ramp."""
    ramp = [{**FIGURE, "value": share, "unit": "share"} for share in shares]
    return service("slow", tuple(range(5, 11)), "skill", ramp=ramp)


def opened(*courses: Course, of: Service) -> dict[int, int]:
    """Year to places open, by the book."""
    values = {**base().values, **EFFECTS}
    setting = replace(base(n_children=300), values=values, services=(of,), courses=courses)
    return {row["year"]: row["seats"] for row in rows_of(setting)}


def test_places_open_by_the_ramp_and_close_when_a_grant_ends() -> None:
    found = opened(Course("slow", 2022, 2025, 1_000), of=slow(0.4, 0.7))
    assert found == {2022: 400, 2023: 700, 2024: 1_000, 2025: 1_000}
    assert opened(Course("slow", 2022, 2023, 1_000), of=slow()) == {2022: 1_000, 2023: 1_000}


def test_grants_of_one_service_add_up_each_with_its_own_ramp() -> None:
    courses = Course("slow", 2022, None, 1_000), Course("slow", 2023, 2024, 500)
    found = opened(*courses, of=slow(0.4, 0.7))
    assert [found[year] for year in range(2022, 2027)] == [400, 700 + 200, 1_000 + 350, 1_000, 1_000]
    assert places_open(slow(0.4), [(2022, 10), (2022, 5)], 2022) == 6


def test_what_came_before_the_first_simulated_year_is_open_in_it() -> None:
    assert opened(Course("slow", 2013, None, 1_000), of=slow(0.4, 0.7))[2015] == 1_000


def test_levers_hold_as_long_as_the_grant_that_brought_them() -> None:
    """The baseline has 600 places at 1,000 dollars; a grant of 2022 adds 600 at 3,000, of twice the quality."""
    one = service("of", (6,), "skill")
    grant = Course("of", 2022, 2022, 600, quality=2.0, take_up=1.0, cost=3_000.0)
    setting = replace(
        base(horizon=9),
        values={**base().values, **EFFECTS, "of_take_up": 0.1},
        services=(one,),
        courses=(Course("of", 2015, None, 600), grant),
    )
    town = Pipeline(setting, born(setting))
    paid, gains = {}, {}
    for _ in range(9):
        town.step()
        got = town.columns().real(Real.HELP_SKILL)
        gains[town.year] = set(np.unique(got[got != 0]).tolist())
    for row in town.seat_rows():
        if row["program"] == "of":
            paid[row["year"]] = (row["seats"], row["dollars"] / row["filled"] if row["filled"] else None)
    assert [paid[year] for year in (2021, 2022, 2023)] == [
        (600, pytest.approx(1_000.0)),
        (1_200, pytest.approx(3_000.0)),
        (600, pytest.approx(1_000.0)),
    ]
    f = np.float32
    assert [gains[year] for year in (2021, 2022, 2023)] == [{float(f(0.3))}, {float(f(0.3) * f(2.0))}, {float(f(0.3))}]


def test_the_book_has_a_row_a_year_and_pays_for_children_served() -> None:
    one = service("of", (6, 7), "skill")
    setting = with_services(base(), (one,), 3_000, cost=250.0)
    rows = rows_of(setting)
    assert [row["year"] for row in rows] == list(range(BORN[0], BORN[-1] + 30))
    assert all(row["dollars"] == row["for_children"] == pytest.approx(row["filled"] * 250.0) for row in rows)
    assert {(row["stream"], row["age"], row["payer"], row["seats"]) for row in rows} == {
        ("places", 6, "Local government", 3_000)
    }
    served = np.count_nonzero(lived(setting).whole(Wide.SERVED))
    assert sum(row["filled_simulated"] for row in rows) == served > 1_000
    assert sum(row["filled"] for row in rows) == pytest.approx(served / setting.scale)


# --- the line ---


@pytest.mark.parametrize("order", ["lottery", "schools", "lowest_incomes", "lowest_scores"])
def test_more_places_add_children_and_take_nobody_out(order: str) -> None:
    one = service("of", (6,), "skill", order=order)
    few, more, most = (lived(with_services(base(horizon=8), (one,), n)) for n in (500, 1_500, 4_000))
    served = [each.whole(Wide.SERVED) != 0 for each in (few, more, most)]
    counts = [int(each.sum()) for each in served]
    assert 0 < counts[0] < counts[1] < counts[2] < MANY * 0.8
    for fewer, wider in pairwise(served):
        assert not (fewer & ~wider).any()


def watched(setting: Setting) -> Watched:
    return Watched(setting, born(setting))


@pytest.mark.parametrize("order", ["lottery", "lowest_incomes", "lowest_scores"])
def test_those_taken_in_stand_before_all_others_who_asked(order: str) -> None:
    town = watched(with_services(base(horizon=8), (service("of", (6,), "skill", order=order),), 1_500))
    years = 0
    for _ in range(10):
        before = town.columns().copy()
        town.step()
        if not town.asked:
            continue
        years += 1
        asked, taken = town.asked[0], town.taken[0]
        assert len(taken) == town.room_of(town.providers[0], town.year) < len(asked)
        assert max(asked[row] for row in taken) <= min(asked[row] for row in asked.keys() - taken)
        if order == "lowest_scores":
            skill = before.real(Real.SKILL)
            assert skill[list(taken)].mean() < skill[list(asked.keys() - taken)].mean() - 0.7
            noise = np.array([mark - skill[row] for row, mark in asked.items()])
            assert noise.std() == pytest.approx(town.theta[Theta.TEST_NOISE], rel=0.1)
        if order == "lowest_incomes":
            assert all(mark == before.real(Real.INCOME)[row] for row, mark in asked.items())
    assert years == 3


def test_whole_schools_are_taken_and_at_most_one_in_part() -> None:
    town = watched(with_services(base(horizon=8), (service("of", (6,), "skill", order="schools"),), 1_500))
    whole, first = 0, set()
    for _ in range(10):
        town.step()
        if not town.asked:
            continue
        asked, taken = town.asked[0], town.taken[0]
        school = town.columns().whole(Wide.SCHOOL)
        of = {number: {row for row in asked if school[row] == number} for number in {*school[list(asked)].tolist()}}
        partly = [number for number, rows in of.items() if 0 < len(rows & taken) < len(rows)]
        fully = {number for number, rows in of.items() if rows <= taken}
        assert len(partly) <= 1
        assert 0 < len(fully) < len(of) - 1
        whole += len(fully)
        first |= fully
    assert len(first) < whole, "the same schools come first every year"


def test_the_same_children_take_part_every_year() -> None:
    """Places for all, eight in ten of whom take part: whoever is asked at 5 is asked again at 6, 7 and 8, or never."""
    town = watched(with_services(base(horizon=9), (service("of", (5, 6, 7, 8), "skill", again=True),), PLENTY))
    times = np.zeros(MANY, np.int64)
    for _ in range(BORN[-1] - BORN[0] + 9):
        town.step()
        times[list(town.taken.get(0, ()))] += 1
    assert set(times.tolist()) == {0, 4}
    assert abs((times > 0).mean() - 0.8) < 4 * np.sqrt(0.16 / MANY)
    once = lived(with_services(base(horizon=9), (service("of", (5, 6, 7, 8), "skill"),), PLENTY))
    assert np.array_equal(once.whole(Wide.SERVED) != 0, times > 0), "the same luck whether or not again"


# --- for whom it is meant ---


def test_only_those_for_whom_a_service_is_meant_are_taken_in() -> None:
    setting = with_services(base(), places=PLENTY)
    town = watched(setting)
    ever = np.zeros((len(ALL), MANY), np.bool_)
    left_out: dict[str, int] = {"income": 0, "needs": 0, "left": 0, "served": 0}
    for _ in range(BORN[-1] - BORN[0] + 30):
        before = town.columns().copy()
        town.step()
        after, age = town.columns(), town.year - town.columns().birth_years().astype(np.int64)
        now, reached = before.whole(Whole.NOW), after.whole(Whole.REACHED)
        holds = {
            "absent_last_year": now & 1,
            "suspended_last_year": now >> 1 & 1,
            "arrested_last_year": now >> 2 & 1,
            "graduates": reached >> GRADUATE & 1,
            "enrolled": reached >> ENROLLED & 1,
            "two_year_students": after.whole(Whole.SECTOR) == 2,
        }
        for bit, one in enumerate(ALL):
            income = np.ones(MANY, np.bool_)
            if one.max_income_to_poverty is not None:
                limit = setting.place.income_at(one.max_income_to_poverty)
                income = before.real(Real.INCOME) < np.float32(limit)
            here = np.where(age > 17, after.whole(Whole.LEFT), before.whole(Whole.LEFT)) < 0
            new = np.full(MANY, one.again) | (before.whole(Wide.SERVED) >> bit & 1 == 0)
            needs = np.logical_and.reduce([np.ones(MANY), *(holds[need] for need in one.needs)])
            meant = np.isin(age, one.ages) & income & here & new & needs
            taken = np.zeros(MANY, np.bool_)
            taken[list(town.taken.get(bit, ()))] = True
            assert not (taken & ~meant).any(), one.name
            ever[bit] |= meant
            of_age = np.isin(age, one.ages)
            for why, fits in (("income", income), ("needs", needs), ("left", here), ("served", new)):
                left_out[why] += int((of_age & ~fits).sum())
    assert min(left_out.values()) > 30
    for bit, one in enumerate(ALL):
        served = town.columns().whole(Wide.SERVED) >> bit & 1 == 1
        assert not (served & ~ever[bit]).any()
        n = int(ever[bit].sum())
        assert served.sum() > 30
        assert served.sum() == pytest.approx(0.8 * n, abs=4 * np.sqrt(0.16 * n)), one.name


# --- what is given ---


def test_a_gain_of_skill_fades_as_all_gains_do() -> None:
    """0.3 sd at the end of the year, then r0 of it, then r1 of that."""
    theta = base().theta
    r0, r1 = float(theta[Theta.FIRST_YEAR]), float(theta[Theta.LATER_YEARS])
    for horizon, left in ((6, 0.0), (7, 0.3), (8, 0.3 * r0), (9, 0.3 * r0 * r1), (12, 0.3 * r0 * r1**4)):
        without, with_it, served = both(service("of", (6,), "skill"), horizon=horizon)
        gain = with_it.real(Real.SKILL) - without.real(Real.SKILL)
        assert served.all() == (horizon > 6)
        np.testing.assert_allclose(gain, left, atol=2e-6)


def test_two_services_in_one_year_add_up_and_quality_multiplies_both() -> None:
    one, other = service("of", (6,), "skill"), service("too", (6,), "skill")
    without, with_them, _ = both(one, other, horizon=7, quality=0.5)
    np.testing.assert_allclose(with_them.real(Real.SKILL) - without.real(Real.SKILL), 0.3, atol=2e-6)


def test_shifts_of_school_events_hold_in_the_year_of_service_alone() -> None:
    one = service("of", (12,), "chronic_absence", "suspension", "arrest")
    without, with_it, served = both(one, horizon=13)
    assert served.all()
    youngest = slice(with_it.starts[-2], None)  # the others were 12 earlier
    assert with_it.real(Real.HELP_SUSPENSION)[youngest] == pytest.approx(np.log(0.6))
    assert with_it.real(Real.HELP_ARREST)[youngest] == pytest.approx(np.log(0.7))
    assert with_it.real(Real.HELP_ABSENCE)[youngest] == pytest.approx(-0.4 * np.pi / np.sqrt(3.0))
    assert differing(without, with_it) == {
        "ABSENT_YEARS", "SUSPENDED_YEARS", "ARREST_YEARS", "NOW", "SERVED",
        "HELP_ABSENCE", "HELP_SUSPENSION", "HELP_ARREST",
    }  # fmt: skip
    for bit, odds in ((1, 0.6), (2, 0.7)):
        before, after = (np.mean(each.whole(Whole.NOW) >> bit & 1) for each in (without, with_it))
        assert 0.01 < before < 0.25
        assert odds - 0.1 < after / before < odds + 0.12
    later, too = both(one, horizon=14)[:2]
    assert np.array_equal(later.whole(Whole.NOW), too.whole(Whole.NOW))
    assert all(not too.real(column).any() for column in FOR_THE_YEAR)


@pytest.mark.parametrize(
    ("channel", "milestone", "age", "needs", "tolerance"),
    [
        ("graduation", GRADUATE, 17, (), 0.15),
        ("graduation", GRADUATE, 10, (), 0.15),
        ("enrolment", ENROLLED, 17, (), 0.15),
        ("enrolment", ENROLLED, 18, ("graduates",), 0.15),
        ("completion", COMPLETED, 17, (), 0.2),
        ("completion", COMPLETED, 19, ("two_year_students",), 0.2),
    ],
)
@pytest.mark.parametrize("points", [4.0, -4.0])
def test_points_are_moved_among_all_who_are_served(
    channel: str, milestone: int, age: int, needs: Sequence[str], tolerance: float, points: float
) -> None:
    """Within some part of what is stated, beside the luck of so many children: the slope is that of the mean rate."""
    setting = base(n_children=20_000)
    values = {**setting.values, **EFFECTS, f"of_{channel}": points}
    one = service("of", (age,), channel, needs=needs)
    offered = replace(setting, values=values, services=(one,), courses=(Course("of", 2015, None, PLENTY, take_up=1.0),))
    without, with_it = lived(setting), lived(offered)
    served = with_it.whole(Wide.SERVED) != 0
    assert served.sum() > 1_000
    moved = with_it.reached(milestone)[served].astype(int) - without.reached(milestone)[served]
    assert set(moved.tolist()) == {0, int(np.sign(points))}, "nobody moves the other way"
    luck = np.sqrt(np.count_nonzero(moved)) / len(moved) * 100.0
    assert 100.0 * moved.mean() == pytest.approx(points, abs=tolerance * abs(points) + 2 * luck)


def test_a_caesarean_is_rarer_by_the_ratio() -> None:
    without, with_it, served = both(service("of", (0,), "caesarean"), horizon=3)
    assert served.all()
    before, after = (each.whole(Whole.CAESAREAN) == 1 for each in (without, with_it))
    assert abs(before.mean() - base().values["caesarean_rate"]) < 4 * np.sqrt(0.25 / MANY)
    assert not (after & ~before).any()
    assert after.mean() / before.mean() == pytest.approx(np.exp(-0.5), abs=0.04)
    assert differing(without, with_it) == {"CAESAREAN", "HELP_CAESAREAN", "SERVED"}


def test_birth_weight_moves_the_weight_and_the_trait_and_with_it_all_that_follows() -> None:
    without, with_it, served = both(service("of", (0,), "birth_weight"))
    theta = base().theta
    assert served.all()
    for column, step in ((Real.BIRTH_WEIGHT, Theta.BIRTH_WEIGHT_SD), (Real.TRAIT, Theta.BIRTH_WEIGHT_LOAD)):
        np.testing.assert_allclose(with_it.real(column) - without.real(column), 0.5 * theta[step], atol=1e-6)
        assert theta[step] > 0
    assert with_it.reached(GRADUATE).sum() > without.reached(GRADUATE).sum()
    assert not np.any(without.reached(0) & ~with_it.reached(0))


@pytest.mark.parametrize("age", [0, 1, 2])
def test_development_is_read_at_2_and_feeds_nothing_else(age: int) -> None:
    one = service("of", (age,), "development")
    assert differing(*both(one, horizon=2)[:2]) <= {"HELP_DEVELOPMENT", "SERVED"}
    without, with_it, served = both(one)
    assert served.all()
    assert differing(without, with_it) == {
        "HELP_DEVELOPMENT", "DEVELOPMENT", "DEVELOPMENT_TRUE", "ON_TRACK", "SERVED",
    }  # fmt: skip
    gain = with_it.real(Real.DEVELOPMENT_TRUE) - without.real(Real.DEVELOPMENT_TRUE)
    np.testing.assert_allclose(gain, 0.4, atol=1e-6)
    on_track = with_it.whole(Whole.ON_TRACK) - without.whole(Whole.ON_TRACK)
    assert set(on_track.tolist()) == {0, 1}


# --- what is told of it ---


def test_paths_that_change_for_those_served_are_direct() -> None:
    setting = base(n_children=1_200, PEER_EFFECT=0.1)
    before, after = (Arm(Pipeline(one, born(one)).run()) for one in (setting, with_services(setting)))
    served = after.children.whole(Wide.SERVED) != 0
    through = channels(before, after)
    assert 0 < np.count_nonzero(served) < len(served)
    assert {CHANNELS[at] for at in through[served]} == {"direct"}
    assert {CHANNELS[at] for at in through[~served]} == {"peers"}
    assert np.array_equal(support_changed(before, after), served)


# --- bounds ---


def test_more_services_than_bits_or_two_with_one_number_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    setting = base()
    made = tuple(service(f"s{number}", (6,), "skill") for number in range(32))
    values = {**setting.values, **EFFECTS}
    assert len(offers_of(made[:31], values, setting.place, setting.theta)) == 31
    with pytest.raises(InputError, match="at most 31 services; got 32"):
        offers_of(made, values, setting.place, setting.theta)
    monkeypatch.setattr("cradlecast.model.services.zlib.crc32", lambda _: 7)
    with pytest.raises(InputError, match="services 's0' and 's1' would share their luck; rename one of them"):
        offers_of(made[:2], values, setting.place, setting.theta)


def test_a_services_luck_hangs_on_its_name_and_not_on_its_place_among_others() -> None:
    """Alone, or behind ten others that nobody can attend: the same children."""
    one = ALL[2]
    assert len({number_of(each.name) for each in ALL}) == len(ALL)
    setting = base(horizon=9)
    alone = lived(with_services(setting, (one,), 1_000))
    values = {**setting.values, **EFFECTS}
    crowd = replace(setting, values=values, services=ALL, courses=(Course(one.name, 2015, None, 1_000),))
    assert np.array_equal(alone.whole(Wide.SERVED) != 0, lived(crowd).whole(Wide.SERVED) == 1 << 2)
    assert alone.whole(Wide.SERVED).any()
