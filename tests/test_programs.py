"""Programs that wait in the line of another, new seats that open as teachers are hired, and what a file must say."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from cradlecast.model import kernels
from cradlecast.model.kernels import HOME, PREK, Real, Seat, Theta, Whole
from cradlecast.model.object_engine import ObjectPipeline
from cradlecast.model.pipeline import Pipeline
from cradlecast.model.theta import event_shifts
from cradlecast.model.town import PROGRAMS, Setting, gain_of_hours
from cradlecast.samples import baseline_setting, ground_of, scenario_setting
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.fit import check_fit, school_years, seats_in
from cradlecast.scenarios.library import load_community, load_program, names
from cradlecast.scenarios.options import Options
from cradlecast.scenarios.program import POOLS, Program
from cradlecast.scenarios.ramp import share_open, steps
from cradlecast.scenarios.scenario import Scenario
from tests.civic_examples import plan
from tests.service_examples import FIGURE
from tests.test_engines import same, shuffled
from tests.worlds import born, with_theta

SHARE = {**FIGURE, "unit": "share"}


def adding(program: str, seats: int, **more: Any) -> Scenario:
    """A scenario that adds seats of a program from 2020 to 2023."""
    change = {"first_year": 2020, "last_year": 2023, "program": program, "stream": "added", "seats": seats, **more}
    return Scenario.model_validate(plan(changes=(change,), more={"pool": None}))


@cache
def arms(program: str, seats: int, n_children: int = 6_000, horizon: int = 6, new: bool = False) -> tuple[Setting, ...]:
    """Settings of both arms, where classmates matter to nobody."""
    scenario = adding(program, seats, new=new)
    base = ground_of(scenario, Options(children=n_children, draws=1, worlds=1, horizon=horizon))
    values, calibration = base.draw(0)
    setting = with_theta(baseline_setting(base, scenario, values, calibration, 3), PEER_EFFECT=0.0)
    return setting, scenario_setting(setting, scenario, values)


def seats_by_year(setting: Setting, program: str) -> dict[int, int]:
    rows = Pipeline(setting, born(setting)).run().seat_rows()
    return {r["year"]: r["seats"] for r in rows if (r["program"], r["stream"], r["age"]) == (program, "added", 4)}


# --- what a file says ---


@pytest.mark.parametrize("name", names("program"))
def test_every_program_has_a_line_and_says_its_quality_ramp_discount_and_fading(name: str) -> None:
    program = load_program(name)
    assert program.line in POOLS == PROGRAMS
    assert all(len(words.strip()) > 5 for words in (program.quality, program.scale_discount, program.fade_out))
    shares = [figure.value for figure in program.ramp]
    assert shares == sorted(shares)
    assert all(0 < share < 1 for share in shares)


def changed(name: str, **keys: Any) -> dict[str, Any]:
    return {**load_program(name).model_dump(by_alias=True, mode="json"), **keys}


def test_a_line_that_is_none_or_a_ramp_that_falls_is_refused() -> None:
    for keys, answer in (
        ({"pool": None}, "must name in pool the line in which families wait: prek, head_start, child_care"),
        ({"ramp": [{**SHARE, "value": 0.9}, {**SHARE, "value": 0.4}]}, "ramp must not fall from year to year"),
        ({"pool": "prek_half_day"}, "pool"),
    ):
        with pytest.raises(ValidationError, match=answer):
            Program.model_validate(changed("prek_half_day", **keys))


def test_a_program_lasts_as_its_line_does(monkeypatch: pytest.MonkeyPatch) -> None:
    effects = load_program("prek_half_day").effects.model_dump(mode="json") | {"long_run": {"parameter": "prek_value"}}
    other = Program.model_validate(changed("prek_half_day", effects=effects))
    monkeypatch.setattr(
        "cradlecast.scenarios.fit.load_program", lambda name: other if name == "prek_half_day" else load_program(name)
    )
    with pytest.raises(InputError, match="'prek_half_day' waits in the line of prek and must share its long_run and"):
        check_fit(adding("prek_half_day", 100), load_community("memphis"))


# --- half a day ---


def test_half_a_day_is_worth_what_the_missing_hours_take_and_brings_parents_nothing() -> None:
    town = Pipeline(arms("prek_half_day", 2_000)[1], born(arms("prek_half_day", 2_000)[1]))
    values = town.setting.values
    for at, site in enumerate(town.sites):
        if site.program == "prek_half_day":
            assert (site.line, site.hours, site.standard_hours) == ("prek", 540.0, 1_080.0)
            expected = values["prek_value"] + values["hours_effect"] * (540 - 1_080) / 100
            assert town.site_values()[at] == pytest.approx(expected, abs=1e-6)
            assert town.site_parents()[at] == 0.0
            full = town.sites_of("prek", "standing")[at % len(town.setting.place.area_names)]
            assert site.key == full.key, "the same classrooms"
    assert gain_of_hours([0.0, 540.0, 1_080.0, 1_800.0, 9_000.0], values) == pytest.approx(
        [0.0, 0.0, values["parents_school_day"] / 100] + [values["parents_working_day"] / 100] * 2
    )


def test_half_day_seats_stand_in_the_line_of_pre_k_behind_its_own() -> None:
    base, more = arms("prek_half_day", 4_000)
    full_day = arms("prek", 4_000)[1]
    before, after, other = (Pipeline(one, born(one)).run() for one in (base, more, full_day))
    kinds = [town.columns().whole(Whole.CARE4) for town in (before, after, other)]
    assert np.count_nonzero(kinds[1] == PREK) > np.count_nonzero(kinds[0] == PREK)
    assert np.array_equal(kinds[1], kinds[2]), "who gets a seat of the line does not hang on its hours"
    rows = [row for row in after.seat_rows() if row["program"] == "prek_half_day" and row["year"] == 2021]
    assert [row["age"] for row in rows] == [4] and 0 < rows[0]["filled_simulated"] <= rows[0]["seats_simulated"]
    assert rows[0]["dollars"] == 4_000 * load_program("prek_half_day").seat_cost.value
    skill, full = (town.columns().real(Real.SKILL) for town in (after, other))
    hours = np.float32(more.values["hours_effect"] * 540 / 100)
    lost = full - skill
    assert set(np.unique(np.round(np.abs(lost) > 1e-6)).tolist()) == {0, 1}
    faded = hours * more.theta[Theta.FIRST_YEAR]
    assert np.sort(lost[np.abs(lost) > 1e-6])[[0, -1]] == pytest.approx([faded, faded], abs=1e-4)


# --- subsidised centers ---


def test_a_subsidy_lets_those_ask_who_could_not_pay_and_nobody_asks_less() -> None:
    town = Pipeline(arms("subsidised_care", 3_000)[1], born(arms("subsidised_care", 3_000)[1]))
    theta, place = town.theta, town.setting.place
    limit = place.income_at(1.85)
    asked = np.float32(town.setting.values["subsidised_care_take_up"])
    incomes = np.linspace(-3.0, 3.0, 61).astype(np.float32)
    closed = [kernels.center_share(one, np.int32(4), theta) for one in incomes]
    while town.year < 2020:
        town.step()
    opened = [kernels.center_share(one, np.int32(4), theta) for one in incomes]
    expected = [max(share, asked) if one < limit else share for one, share in zip(incomes, closed, strict=True)]
    assert opened == pytest.approx(expected)
    assert opened != closed
    town.run()
    assert [kernels.center_share(one, np.int32(4), theta) for one in incomes] == closed, (
        "closed again, all is as before"
    )


def test_subsidised_places_take_children_from_home_and_are_worth_their_own_value() -> None:
    base, more = arms("subsidised_care", 3_000)
    before, after = (Pipeline(one, born(one)).run() for one in (base, more))
    line = 1 + PROGRAMS.index("child_care")
    was, now = (town.columns().whole(Whole.CARE4) for town in (before, after))
    poor = after.columns().real(Real.INCOME) < base.place.income_at(1.85)
    entered = (was == HOME) & (now == line)
    assert entered[poor].sum() > 100 and entered[poor].mean() > entered[~poor].mean()
    sites = [at for at, site in enumerate(after.sites) if site.program == "subsidised_care"]
    assert after.site_values()[sites] == pytest.approx(more.values["subsidised_care_value"])
    assert np.count_nonzero(np.isin(after.columns().whole(Seat.SITE4), sites)) > 100
    shifts = event_shifts(more.values, more.place)
    assert after.kind_effects()[2:, line] == pytest.approx(list(shifts.values()))


def test_without_subsidised_seats_nothing_is_changed_to_the_bit() -> None:
    base, none = arms("subsidised_care", 0)
    assert same(Pipeline(base, born(base)).run().columns(), Pipeline(none, born(none)).run().columns())


@pytest.mark.parametrize("program", ["prek_half_day", "subsidised_care"])
def test_both_engines_agree_on_seats_in_the_line_of_another(program: str) -> None:
    setting = arms(program, 3_000, 600, 20, new=True)[1]
    mixed = shuffled(born(setting), seed=2)
    array_town, object_town = Pipeline(setting, mixed).run(), ObjectPipeline(setting, mixed).run()
    assert same(array_town.columns(), object_town.columns())
    assert array_town.seat_rows() == object_town.seat_rows()


# --- new seats ---


@pytest.mark.parametrize("program", ["prek", "prek_half_day", "subsidised_care"])
def test_new_seats_open_by_the_ramp_and_others_at_once(program: str) -> None:
    ramp = load_program(program).ramp
    shares = [share_open(ramp, since) for since in range(4)]
    assert shares[0] < shares[1] <= shares[3] == 1.0
    found = seats_by_year(arms(program, 1_000, 600, new=True)[1], program)
    assert [found[year] for year in range(2020, 2024)] == [round(1_000 * share) for share in shares]
    found = seats_by_year(arms(program, 1_000, 600)[1], program)
    assert [found[year] for year in range(2020, 2024)] == [1_000] * 4


def test_the_steps_of_a_ramp_add_up_and_a_change_that_ends_early_never_opens_in_full() -> None:
    ramp = load_program("prek").ramp
    for number in (0, 1, 7, 1_000, -50):
        assert sum(seats for _, seats in steps(ramp, number)) == number
    scenario = adding("prek", 1_000, new=True, last_year=2020)
    [change] = scenario.changes
    first = round(1_000 * ramp[0].value)
    assert [seats_in(scenario, change, year) for year in (2019, 2020, 2021)] == [0, first, 0]
    assert school_years(scenario) == (2020,)
