"""Trials run inside the model: facts alone move them, both arms share their luck, and files nobody has seen run."""

from __future__ import annotations

import datetime
import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from cradlecast import validation_page
from cradlecast.cli import main
from cradlecast.model.kernels import Real, Theta, Whole
from cradlecast.model.outcomes import CARE as KINDS
from cradlecast.model.place import Floats
from cradlecast.model.town import PROGRAMS
from cradlecast.model.trial_town import READINGS, TRIAL, ServiceTrial, TrialTown, Worth, care_at, worth_of
from cradlecast.published import ASSOCIATIONS
from cradlecast.samples import Ground, ground_in
from cradlecast.scenarios.evidence import check_inputs, estimate, estimates
from cradlecast.scenarios.library import (
    load_community,
    load_parameters,
    load_service,
    load_trial,
    load_trial_parameters,
    names,
)
from cradlecast.scenarios.options import Options
from cradlecast.scenarios.trial import OUTCOMES, FollowUp, Published, Trial, published_of
from cradlecast.trials import (
    CARE,
    OUTSIDE,
    Effects,
    effect_table,
    effects_of,
    interval_score,
    run_trial,
    run_trials,
    summary_table,
    target_table,
    trial_children,
    trial_setting,
    validate,
)
from cradlecast.ui.rows import tables_of
from cradlecast.ui.trial_view import target_notes
from cradlecast.validation_page import LOG, PAGE, WHY, log_line, page, written
from tests.test_service_files import CLUBS, plain

ROOT = Path(__file__).resolve().parent.parent
SMALL = Options(children=1500, draws=2, worlds=1)
NOTHING = {
    name: 0.0
    for name in load_parameters().parameters
    if name == "hours_effect" or re.match(r"(prek|head_start|child_care)_(value|contrast|long_run|nontest)", name)
} | {f"prek_{event}": 0.0 for event in ("special_education", "retention", "suspension", "arrest")}
NOTHING |= {effect.parameter: 0.0 for name in names("service") for effect in load_service(name).effects}
"""Every effect of care, of more hours of it, and of services, set to none."""

type Capture = pytest.CaptureFixture[str]
type Edit = Callable[[dict[str, Any]], None]

UNSEEN: dict[str, Any] = {
    "schema": "cradlecast/trial/1",
    "name": "unseen",
    "title": "A trial that nobody has run",
    "description": "Head Start at 3 by lottery; some controls enter a year later.",
    "sources": ["made up for a test"],
    "program": "head_start",
    "design": "lottery",
    "scale": "county",
    "year": 2021,
    "max_income_to_poverty": 1.3,
    "sample": 800,
    "years": [
        {
            "age": age,
            "take_up": {"value": take_up, "unit": "share", "source": "made up", "provenance": "ASSUMED"},
            "crossover": {"value": crossover, "unit": "share", "source": "made up", "provenance": "ASSUMED"},
            "care": {**care, "source": "made up", "provenance": "ASSUMED"},
        }
        for age, take_up, crossover, care in (
            (3, 0.9, 0.0, {"home": 0.7, "child_care": 0.3}),
            (4, 0.8, 0.4, {"home": 0.2, "prek": 0.2, "child_care": 0.2}),
        )
    ],
    "follow_ups": [
        {"outcome": "skill", "age": 3, "estimand": "ITT"},
        {"outcome": "language", "age": 4, "estimand": "TOT"},
        {
            "outcome": "skill",
            "age": 8,
            "estimand": "ITT",
            "published": {
                "value": 0.05,
                "low": -0.05,
                "high": 0.15,
                "unit": "sd",
                "source": "made up",
                "provenance": "ASSUMED",
            },
        },
        {"outcome": "grade3_reading", "age": 8},
        {"outcome": "suspension", "age": 10, "among": "home"},
        {"outcome": "high_school_graduate", "age": 17},
    ],
}


@cache
def memphis(children: int = 1500) -> Ground:
    return ground_in(load_community("memphis"), replace(SMALL, children=children))


def made(**changes: Any) -> Trial:
    """The unseen trial with some keys changed."""
    return Trial.model_validate(UNSEEN | changes)


def one_year(age: int = 4, take_up: float = 1.0, crossover: float = 0.0, **care: float) -> list[dict[str, Any]]:
    """School years of a trial of one year."""
    fact = {"unit": "share", "source": "made up", "provenance": "ASSUMED"}
    mix = {**(care or {"home": 1.0 - crossover}), "source": "made up", "provenance": "ASSUMED"}
    return [
        {
            "age": age,
            "take_up": {**fact, "value": take_up},
            "crossover": {**fact, "value": crossover},
            "care": mix,
        }
    ]


def at_four(**changes: Any) -> Trial:
    """A trial of pre-K at 4 with one test at its end, unless changed."""
    follow_ups = [{"outcome": "skill", "age": 4}, {"outcome": "skill", "age": 4, "estimand": "TOT"}]
    return made(**({"program": "prek", "years": one_year(), "follow_ups": follow_ups} | changes))


def effects(trial: Trial, draw: int = 0, **values: float) -> Effects:
    return run_trial(trial, memphis(), draw, **values)


def arms(trial: Trial, draw: int = 0) -> tuple[TrialTown, TrialTown]:
    """Both arms, lived."""
    setting, rule = trial_setting(trial, memphis(), draw)
    children = trial_children(trial, setting)
    without, offered = (TrialTown(setting, children, trial, worth_of(trial, rule), arm).run() for arm in (False, True))
    assert isinstance(without, TrialTown) and isinstance(offered, TrialTown)
    return without, offered


# --- the rule ---


@pytest.mark.parametrize("name", names("trial"))
def test_a_trial_without_effects_finds_none_to_the_bit(name: str) -> None:
    """No care has a value, rooms do not differ: the two lives of each child are one."""
    trial = load_trial(name)
    setting, rule = trial_setting(trial, memphis(), 0, **NOTHING)
    theta = setting.theta.copy()
    theta[Theta.CENTER_SD] = 0.0
    found = effects_of(trial, replace(setting, theta=theta), trial_children(trial, setting), rule)
    assert (found.itt == 0.0).all()
    assert np.isnan(found.tot).sum() == 0 and (found.tot == 0.0).all()


def test_the_effect_of_pre_k_against_home_is_its_value() -> None:
    value = memphis().draw(0)[0]["prek_value"]
    assert effects(at_four()).itt[0] == pytest.approx(value, abs=0.05)
    values = {name: 0.0 for name in ("child_care_contrast", "head_start_contrast")}
    halves = effects(at_four(years=one_year(home=0.5, child_care=0.5)), **values).itt[0]
    assert halves == pytest.approx(0.5 * effects(at_four(), **values).itt[0], abs=0.03)


def test_pre_k_against_the_same_pre_k_is_nothing_to_the_bit_and_against_head_start_the_contrast() -> None:
    same = effects(at_four(years=one_year(prek=1.0)))
    assert (same.itt == 0.0).all()
    contrast = [
        effects(at_four(years=one_year(head_start=1.0)), draw, head_start_contrast=0.1).itt[0] for draw in (0, 1)
    ]
    assert np.mean(contrast) == pytest.approx(0.1, abs=0.08), "rooms differ, 0.18 sd each"


def test_twice_the_take_up_halves_what_stands_between_the_two_effects() -> None:
    ratios = []
    for take_up in (0.4, 0.8):
        found = effects(at_four(years=one_year(take_up=take_up)))
        assert found.itt[0] == found.itt[1]
        ratios.append(found.tot[1] / found.itt[1])
    assert ratios[0] == pytest.approx(1 / 0.4, rel=0.05)
    assert ratios[0] / ratios[1] == pytest.approx(2.0, rel=0.08)


def test_crossovers_and_no_shows_leave_the_effect_of_attending_as_it_is() -> None:
    full, thin = effects(at_four()), effects(at_four(years=one_year(take_up=0.7, crossover=0.2)))
    assert thin.itt[0] == pytest.approx(0.5 * full.itt[0], abs=0.03)
    assert thin.tot[1] == pytest.approx(full.tot[1], abs=0.04)


def test_hours_act_by_the_hours_effect_and_the_scale_by_its_ratio() -> None:
    def hours(value: float) -> dict[str, Any]:
        return {"value": value, "unit": "hours", "source": "made up", "provenance": "ASSUMED"}

    base, more = (effects(at_four(hours_per_year=hours(each)), hours_effect=0.04).itt[0] for each in (1080, 1580))
    assert more - base == pytest.approx(0.2, abs=1e-4)
    assert base == pytest.approx(effects(at_four(), hours_effect=0.04).itt[0], abs=1e-6)
    small = effects(at_four(scale="demonstration"), scale_ratio=0.5, prek_value=0.3).itt[0]
    assert small - effects(at_four(), prek_value=0.3).itt[0] == pytest.approx(0.3, abs=1e-4)


def test_the_era_acts_before_1980_on_all_care_of_the_time_in_equal_steps() -> None:
    rule = {"era_ratio": 0.5, "scale_ratio": 0.8}
    worth = {year: worth_of(at_four(year=year), rule) for year in (1962, 1970, 1975, 1980, 2021)}
    assert worth[1962] == worth[1970] == Worth(2.0, 2.0)
    assert worth[1975].standing == pytest.approx(2**0.5)
    assert worth[1980] == worth[2021] == Worth(1.0, 1.0)
    small = worth_of(at_four(year=1962, scale="demonstration"), rule)
    assert (small.standing, small.offered) == (2.0, pytest.approx(2.5))
    early = effects(at_four(year=1962, years=one_year(prek=1.0)), era_ratio=0.5)
    assert (early.itt == 0.0).all(), "what is displaced is of the same time"


def test_the_era_and_scale_multiply_what_lasts_as_well() -> None:
    trial = at_four(year=1962, scale="demonstration")
    setting, _ = trial_setting(trial, memphis(), 0)
    town = TrialTown(setting, trial_children(trial, setting), trial, Worth(2.0, 3.0), True)
    base = town.kind_effects()
    assert np.abs(base[:, 1]).max() > 0.0
    np.testing.assert_allclose(town._effects[:, :4], 2.0 * base, rtol=1e-6)
    np.testing.assert_allclose(town._effects[:, TRIAL], 3.0 * base[:, 1], rtol=1e-6)


def test_two_years_are_two_gains_of_which_the_first_has_faded() -> None:
    years = [*one_year(3), *one_year(4)]
    drawn = memphis().draw(0)[0]
    one, two = effects(at_four()).itt[0], effects(at_four(years=years)).itt[0]
    assert two - one == pytest.approx(drawn["first_year_persistence"] * drawn["prek_value"], abs=0.05)


def test_a_cutoff_compares_with_the_latest_year_of_those_who_have_not_entered() -> None:
    drawn = memphis().draw(0)[0]
    values = {"child_care_contrast": 0.0, "prek_value": 0.4}
    trial = at_four(design="cutoff", years=one_year(child_care=1.0))
    found = effects(trial, **values)
    assert found.itt[0] == pytest.approx(drawn["first_year_persistence"] * 0.4, abs=0.1)
    without, offered = (arm.columns() for arm in arms(trial))
    care = CARE.index("child_care")
    assert (care_at(without, 3) == 0).all() and (care_at(without, 4) == care).all()
    assert (care_at(offered, 3) == care).all() and (care_at(offered, 4) == TRIAL).all()


# --- who is where ---


def test_places_come_out_as_the_facts_say_and_nobody_is_kept_out_by_an_offer() -> None:
    trial = made()
    both = arms(trial)
    without, offered = (arm.columns() for arm in both)
    for year in trial.years:
        assert year.care is not None
        shares = [np.bincount(care_at(life, year.age), minlength=len(CARE)) / len(life) for life in (without, offered)]
        expected = np.array([*year.care.shares(), year.crossover.value])
        np.testing.assert_allclose(shares[0], expected, atol=0.045)
        assert shares[1][TRIAL] == pytest.approx(year.take_up.value, abs=0.03)
        before, after = care_at(without, year.age), care_at(offered, year.age)
        assert (after[before == TRIAL] == TRIAL).all()
        assert ((after == before) | (after == TRIAL)).all()
    assert (both[1].attended() | ~both[0].attended()).all()


def test_the_children_are_the_first_of_their_year_whose_families_have_little() -> None:
    trial = made()
    setting, _ = trial_setting(trial, memphis(), 0)
    children = trial_children(trial, setting)
    assert len(children) == pytest.approx(SMALL.children, rel=0.1)
    assert (children.real(Real.INCOME) < setting.place.income_at(1.3)).all()
    assert children.cohorts == (2018,)


def test_subgroups_by_care_without_the_offer_make_up_the_whole() -> None:
    follow_ups = [{"outcome": "skill", "age": 4, "among": among} for among in ("all", "home", "center")]
    trial = at_four(years=one_year(home=0.6, child_care=0.4), follow_ups=follow_ups)
    whole, home, center = effects(trial).itt
    without = arms(trial)[0].columns()
    share = float(np.mean(care_at(without, 4) == 0))
    assert whole == pytest.approx(share * home + (1 - share) * center, abs=1e-9)
    assert home > center


def test_a_subgroup_of_nobody_has_no_number() -> None:
    found = effects(at_four(follow_ups=[{"outcome": "skill", "age": 4, "among": "center"}]))
    assert np.isnan(found.itt[0])


def test_the_numbers_are_the_same_for_any_number_of_threads() -> None:
    trials = [load_trial("head-start-compliers"), made()]
    one, two = (run_trials(trials, replace(SMALL, children=300, draws=3), workers=workers) for workers in (1, 2))
    for a, b in zip(one, two, strict=True):
        for x, y in zip(a, b, strict=True):
            for part in ("itt", "tot", "without", "care"):
                np.testing.assert_array_equal(getattr(x, part), getattr(y, part))


# --- what is measured ---


def test_every_outcome_that_a_file_may_name_can_be_read() -> None:
    assert set(READINGS) == set(OUTCOMES)
    assert CARE[:-1] == KINDS and CARE.index("trial") == TRIAL == len(PROGRAMS) + 1
    follow_ups = [{"outcome": outcome, "age": last} for outcome, (_, _, last) in OUTCOMES.items()]
    found = effects(at_four(follow_ups=follow_ups))
    assert np.isfinite(found.itt).all()
    units = dict(zip(OUTCOMES, found.without, strict=True))
    assert all(0.0 < units[name] < 100.0 for name, (unit, _, _) in OUTCOMES.items() if unit == "percentage_points")
    assert units["earnings"] > 5_000
    assert units["four_year_college"] + units["two_year_college"] == pytest.approx(units["postsecondary_enrolled"])


def test_domains_count_at_four_and_general_skill_in_school() -> None:
    follow_ups = [{"outcome": name, "age": age} for age in (4, 5) for name in ("literacy", "math", "skill")]
    literacy, math, skill, *later = effects(at_four(follow_ups=follow_ups), literacy_multiplier=1.25).itt
    drawn = memphis().draw(0)[0]
    assert literacy / skill == pytest.approx(drawn["literacy_multiplier"], rel=1e-3)
    assert math / skill == pytest.approx(drawn["math_multiplier"], rel=1e-3)
    assert later[0] == later[1] == later[2]
    assert later[0] / skill == pytest.approx(drawn["first_year_persistence"], rel=1e-3)


# --- targets ---


def lived(values: Floats, trial: Trial) -> list[Effects]:
    """Draws of a trial with these effects."""
    n = len(trial.follow_ups)
    care = np.zeros((len(trial.years), 2, len(CARE)))
    return [Effects(np.full(n, value), np.full(n, value), np.zeros(n), care) for value in values]


def published_at(value: float, se: float | None) -> Trial:
    own = Published(value=value, se=se, unit="sd", source="made up", provenance="ASSUMED")
    return at_four(follow_ups=[FollowUp(outcome="skill", age=4, estimand="ITT", published=own)])


def test_a_target_is_hit_where_the_published_figure_lies_in_the_prediction() -> None:
    effects_drawn = np.linspace(0.1, 0.3, 400)
    for value, hit, place in ((0.2, True, 0.5), (0.6, False, 1.0), (-0.2, False, 0.0)):
        [row] = target_table(published_at(value, 0.05), lived(effects_drawn, published_at(value, 0.05)), 1).to_dict(
            "records"
        )
        assert row["hit"] is hit
        assert row["place"] == pytest.approx(place, abs=0.02)
        assert row["predicted_width"] > row["model_width"] == pytest.approx(0.18, abs=0.01)
        assert row["published_width"] == pytest.approx(2 * 1.645 * 0.05, abs=1e-3)
        assert row["score"] == pytest.approx(interval_score(row["predicted_low"], row["predicted_high"], value))
        assert not row["holds_zero"]


def test_a_wider_sampling_error_widens_the_prediction_and_a_hit_of_width_is_marked() -> None:
    effects_drawn = np.linspace(0.0, 0.2, 400)
    rows = [
        target_table(trial, lived(effects_drawn, trial), 1).iloc[0]
        for trial in map(published_at, (0.1, 0.1), (0.01, 0.5))
    ]
    assert rows[0]["predicted_width"] < 0.25 and rows[1]["predicted_width"] > 1.4
    assert rows[1]["hit"] and rows[1]["holds_zero"]


def test_a_figure_without_an_error_is_shown_and_does_not_count() -> None:
    trial = published_at(0.2, None)
    row = target_table(trial, lived(np.linspace(0, 1, 9), trial), 1).iloc[0]
    assert (row["role"], row["hit"], row["why_not"]) == ("context", None, "no standard error or interval is given")
    [tulsa] = {published_of(one).why_not for one in load_trial("tulsa-prek-cutoff").follow_ups}  # type: ignore[union-attr]
    assert tulsa == "parameters rest on it"
    interval = Published(value=0.1, low=-0.096, high=0.296, unit="sd", source="made up", provenance="ASSUMED")
    found = published_of(FollowUp(outcome="skill", age=4, published=interval))
    assert found is not None and found.se == pytest.approx(0.1, abs=1e-3)


def test_the_summary_adds_up_the_targets_that_count() -> None:
    table = pd.concat(
        [
            target_table(trial, lived(np.linspace(0.1, 0.3, 50), trial), 1)
            for trial in map(published_at, (0.2, 0.9, 0.2), (0.1, 0.1, None))
        ],
        ignore_index=True,
    )
    rows = summary_table(table).set_index("follow_up")
    assert list(rows.index) == ["at the end of the program", "all"]
    assert rows.loc["all", "targets"] == 2 and rows.loc["all", "hits"] == 1
    assert rows.loc["all", "mean_error"] == pytest.approx(0.2 - 0.55, abs=1e-6)


@pytest.mark.parametrize("name", names("trial"))
def test_shipped_trials_name_estimates_that_only_compare_and_facts_with_sources(name: str) -> None:
    trial = load_trial(name)
    for follow_up in trial.follow_ups:
        if follow_up.evidence is None:
            assert follow_up.note or follow_up.published, "a question without a number says why"
            continue
        found = published_of(follow_up)
        assert found is not None
        if found.counts:
            assert estimate(follow_up.evidence).role == "VALIDATE" and found.se
    every = [fact for year in trial.years for fact in (year.take_up, year.crossover, year.care)]
    facts = [fact for fact in every if fact is not None]
    own = {each for each, why in trial.left_out.items() if why.endswith("a fact of the design")}
    check_inputs(each for fact in facts for each in fact.evidence if each not in own)
    assert all(fact.source for fact in facts)


def test_every_estimate_that_may_only_be_reproduced_is_set_beside_the_model_or_left_out_by_name() -> None:
    """In a trial's file, among the published associations, or in `OUTSIDE` with the reason."""
    told = set(OUTSIDE)
    for name in names("trial"):
        trial = load_trial(name)
        told |= set(trial.left_out) | {follow_up.evidence for follow_up in trial.follow_ups if follow_up.evidence}
    beside = {each for association in ASSOCIATIONS for each in association.evidence}
    kept = [each for each in estimates().values() if each.role == "VALIDATE"]
    assert len(kept) > 200
    assert [e.id for e in kept if e.id not in told | beside and e.id[:5] not in told] == []
    assert [each for each in told if not any(id.startswith(each) for id in estimates())] == []
    assert all(len(why) > 10 for why in OUTSIDE.values())
    left = [e.id for e in kept if e.id not in beside]
    assert all(any(id.startswith(each) for id in left) for each in OUTSIDE), "all of it is set beside the model"


def test_the_parameters_of_the_rule_rest_on_what_may_set_them() -> None:
    rule = load_trial_parameters().parameters
    assert set(rule) == {"era_ratio", "scale_ratio"}
    for parameter in rule.values():
        check_inputs([*parameter.priors, *parameter.evidence])
        assert parameter.sd > 0.0
    found = {each: estimate(each).value for each in ("E3016a", "E3016b", "E3002a")}
    left = found["E3016b"] / (1.0 - found["E3002a"]) / found["E3016a"]  # type: ignore[operator]
    assert rule["era_ratio"].mean == pytest.approx(left, abs=0.01)
    assert not set(rule) & set(load_parameters().parameters)


# --- a person's own trial ---


@pytest.fixture
def own(tmp_path: Path) -> Callable[..., str]:
    """A person's own trial file: the unseen one, edited."""

    def write(edit: Edit | None = None) -> str:
        content = json.loads(json.dumps(UNSEEN))
        if edit is not None:
            edit(content)
        (tmp_path / "unseen.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        return str(tmp_path / "unseen.yaml")

    return write


def test_a_trial_that_nobody_has_seen_runs_from_its_file(own: Callable[..., str], capsys: Capture) -> None:
    size = ["--children", "400", "--draws", "3"]
    assert main(["trial", own(), *size, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert list(answer) == ["record", "effects", "care"]
    assert [row["outcome"] for row in answer["effects"]] == [one["outcome"] for one in UNSEEN["follow_ups"]]
    assert answer["effects"][2]["published"] == 0.05 and answer["effects"][2]["hit"] in (True, False)
    assert answer["effects"][0]["published"] is None and answer["effects"][0]["hit"] is None
    assert all(row["itt_low"] <= row["itt"] <= row["itt_high"] for row in answer["effects"])
    assert main(["trial", own(), *size, "--csv"]) == 0
    assert capsys.readouterr().out.startswith("trial,outcome,age,among,unit,without,itt,")
    assert main(["trial", own(), *size]) == 0
    shown = capsys.readouterr().out
    assert "Effects, in the model and as published" in shown and "PREVIEW" in shown
    assert "Chance that the offer does nothing or harm, in grade 3 and later" in shown
    assert max(map(len, shown.splitlines())) <= 100


def at(path: str, value: Any) -> Edit:
    """An edit that sets one key, as in years.0.age."""

    def edit(content: Any) -> None:
        *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        for step in steps:
            content = content[step]
        content[last] = value

    return edit


@pytest.mark.parametrize(
    ("path", "value", "answer"),
    [
        ("years.0.take_up.value", 1.2, "take_up.value"),
        ("years.1.crossover.value", 0.9, "years[#2]: take_up (0.8) must not lie below crossover (0.9)"),
        ("years.0.care.home", 0.5, "years[#1]: crossover and the shares of care must add up to 1; got 0.8"),
        ("years.0.age", 2, "age must be 3 or 4; got 2, 4"),
        ("years.0.age", 4, "years must be in the order of ages, each once; got ages 4, 4"),
        ("design", "matched", "design matched compares attenders with others: crossover must be 0"),
        ("design", "lotery", "did you mean 'lottery'?"),
        ("program", "tutoring", "care is of early care; the controls of a service have what is usual"),
        ("follow_ups.0.outcome", "reading", "outcome"),
        ("follow_ups.0.age", 2, "the model has skill from 3 to 17; got age 2"),
        ("follow_ups.3.age", 5, "the model has grade3_reading from 8 to 29; got age 5"),
        ("follow_ups.0.evidence", "E3005a", "E3005a is about literacy, which may not be set beside skill"),
        ("follow_ups.1.evidence", "E3006a", "E3006a is ITT, which is not TOT"),
        ("follow_ups.1.evidence", "E9999z", "unknown estimate 'E9999z'"),
        ("follow_ups.2.published.unit", "percentage_points", "skill is measured in sd; got percentage_points"),
        ("follow_ups.2.published.low", 0.1, "value (0.05) must lie between low (0.1) and high (0.15)"),
        ("max_income_to_poverty", 0.001, "asks for families below 0.001 of the poverty line"),
        ("needs", ["graduates"], "needs are of services; head_start is early care"),
        ("community", "memhpis", "unknown community 'memhpis'; did you mean 'memphis'?"),
        ("effect", 0.4, "unknown key 'effect'"),
    ],
)  # fmt: skip
def test_a_wrong_trial_is_refused_in_one_sentence(
    path: str, value: Any, answer: str, own: Callable[..., str], capsys: Capture
) -> None:
    assert main(["trial", own(at(path, value)), "--children", "300", "--draws", "1"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1 and said.err.startswith("cradlecast: error: ")
    assert answer in said.err


def test_a_cutoff_is_measured_before_the_others_enter(own: Callable[..., str], capsys: Capture) -> None:
    def edit(content: dict[str, Any]) -> None:
        content["design"], content["years"] = "cutoff", one_year(3)

    assert main(["trial", own(edit)]) == 2
    assert "compares until the others enter, at the end of the year of age 3" in capsys.readouterr().err


def test_an_unknown_trial_is_refused_with_the_nearest_name(capsys: Capture) -> None:
    assert main(["trial", "pery-preschool"]) == 2
    assert "unknown trial 'pery-preschool'; did you mean 'perry-preschool'?" in capsys.readouterr().err


# --- validate ---


def test_validate_prints_targets_a_summary_and_what_is_left_out(capsys: Capture) -> None:
    words = ["validate", "--children", "300", "--draws", "3"]
    assert main([*words, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert list(answer) == ["record", "targets", "summary", "left_out"]
    assert set(answer["record"]["trials"]) == set(names("trial"))
    counted = [row for row in answer["targets"] if row["role"] == "target"]
    assert len(counted) > 35
    assert all(row["hit"] in (True, False) and row["predicted_width"] > 0 < row["published_width"] for row in counted)
    totals = [row for row in answer["summary"] if row["follow_up"] == "all"]
    assert sum(row["targets"] for row in totals) == len(counted)
    assert sum(row["hits"] for row in totals) == sum(row["hit"] for row in counted)
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert f"Of {len(counted)} targets" in shown and shown.count("- Missed: ") == sum(not row["hit"] for row in counted)
    assert max(map(len, shown.splitlines())) <= 100


def test_the_tables_are_those_of_the_documents() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = text.partition("### Tables of trials")[2].partition("\n## ")[0]
    told = {
        cells[1].strip(" `"): re.findall(r"`(\w+)`", cells[2])
        for cells in (line.split("|") for line in section.splitlines() if line.startswith("| `"))
    }
    size = replace(SMALL, children=300, draws=1)
    trial = made()
    draws = run_trials([trial], size)[0]
    found = validate([trial], size).tables | {"effects": effect_table(trial, draws, 1)}
    assert {name: list(found[name].columns) for name in found} == {name: told[name] for name in found}


def test_a_page_holds_every_trial_target_and_miss() -> None:
    findings = validate(options=replace(SMALL, children=300, draws=3))
    tables = tables_of(findings.tables)
    text = page(findings.record, tables, [load_trial(name) for name in names("trial")])
    for row in tables[0].rows:
        assert str(row["evidence"]) in text
    assert all(note in text for note in target_notes(findings.record, tables)[:-1])
    assert set(WHY) <= set(names("trial"))
    assert all((f"Why: {why}" in text) == (f"Missed: {name}," in text) for name, why in WHY.items())
    committed = PAGE.read_text(encoding="utf-8")
    assert re.findall(r"^#+ .*$", text, re.MULTILINE) == re.findall(r"^#+ .*$", committed, re.MULTILINE)


@pytest.mark.slow
def test_the_committed_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == written(), "run: python -m cradlecast.validation_page"


# --- trials of services ---

FACT = {"unit": "share", "source": "made up", "provenance": "ASSUMED"}


def served(program: str, ages: tuple[int, ...], outcome: str, age: int, **more: Any) -> dict[str, Any]:
    """A made-up trial of a service with one outcome, for the offer and for those served."""
    take_up, crossover = more.pop("take_up", 0.8), more.pop("crossover", 0.1)
    return {
        "schema": "cradlecast/trial/1",
        "name": "unseen",
        "title": "A trial of a service that nobody has run",
        "description": "Made up.",
        "sources": ["made up for a test"],
        "program": program,
        "design": "lottery",
        "scale": "county",
        "year": 2018,
        "sample": 500,
        "years": [
            {"age": each, "take_up": {**FACT, "value": take_up}, "crossover": {**FACT, "value": crossover}}
            for each in ages
        ],
        "follow_ups": [{"outcome": outcome, "age": age, "estimand": estimand} for estimand in ("ITT", "TOT")],
    } | more


OF_SERVICES = {
    "home_visiting": served("home_visiting", (0, 1), "development", 2, max_income_to_poverty=1.0),
    "doula": served("doula", (0,), "caesarean", 0),
    "coaching": served("coaching", (4,), "skill", 4),
    "tutoring": served("tutoring", (7,), "skill", 7),
    "early_warning": served("early_warning", (12, 13), "chronic_absence", 13),
    "restorative": served("restorative", (12,), "suspension", 12),
    "diversion": served("diversion", (15,), "high_school_graduate", 17),
    "fafsa": served("fafsa", (17,), "postsecondary_enrolled", 19),
    "scholarship": served("scholarship", (18,), "postsecondary_enrolled", 19, needs=["graduates"]),
    "completion_support": served("completion_support", (19,), "postsecondary_completed", 25),
}
"""One for each of several services, with what it acts on."""


def service_arms(trial: Trial, lived_once: bool = True, **values: float) -> tuple[ServiceTrial, ServiceTrial]:
    """Both arms of a trial of a service, lived; or each from birth on its own."""
    setting, rule = trial_setting(trial, memphis(), 0, **values)
    children, worth = trial_children(trial, setting), worth_of(trial, rule)
    without = ServiceTrial(setting, children, trial, worth, False)
    without.run()
    offered = ServiceTrial(setting, children, trial, worth, True, same_until=without if lived_once else None)
    offered.run()
    return without, offered


def of(name: str, **changes: Any) -> Trial:
    return Trial.model_validate(OF_SERVICES[name] | changes)


@pytest.mark.parametrize("name", OF_SERVICES)
def test_a_made_up_trial_of_a_service_runs_from_its_file(name: str, tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "unseen.yaml"
    path.write_text(yaml.safe_dump(OF_SERVICES[name]), encoding="utf-8")
    assert main(["trial", str(path), "--children", "600", "--draws", "2", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    offer, attending = answer["effects"]
    assert offer["itt"] == attending["itt"] != 0.0
    assert abs(attending["tot"]) > abs(attending["itt"])
    assert attending["itt"] / attending["tot"] == pytest.approx(0.7, abs=0.12)
    shares = {(row["age"], row["care"]): row for row in answer["care"]}
    assert {care for _, care in shares} == {"not served", "trial"}
    first = OF_SERVICES[name]["years"][0]["age"]
    assert shares[first, "trial"]["without"] == pytest.approx(0.1, abs=0.07)
    assert shares[first, "trial"]["offered"] == pytest.approx(0.8, abs=0.1)
    for key in ("without", "offered"):
        assert shares[first, "trial"][key] + shares[first, "not served"][key] == pytest.approx(1.0)


@pytest.mark.parametrize("name", OF_SERVICES)
def test_years_before_the_trial_are_lived_once_as_if_in_both_arms(name: str) -> None:
    once, whole = service_arms(of(name)), service_arms(of(name), lived_once=False)
    for a, b in zip(once, whole, strict=True):
        for x, y in ((a.columns(), b.columns()), (a.seen(), b.seen())):
            assert x.x.tobytes() == y.x.tobytes() and x.k.tobytes() == y.k.tobytes()
            assert x.seats.tobytes() == y.seats.tobytes()
            assert x.wide.tobytes() == y.wide.tobytes()
        assert np.array_equal(a.inside(), b.inside()) and np.array_equal(a.attended(), b.attended())
    assert once[0].inside().sum() > 100
    assert np.array_equal(once[0].inside(), once[1].inside())


def test_in_the_trial_are_those_for_whom_it_is_meant_and_served_are_those_who_take_it_up() -> None:
    trial = of("scholarship", max_income_to_poverty=1.85)
    without, offered = service_arms(trial)
    c, here = without.columns(), without.inside()
    graduates = c.reached(3)
    poor = c.real(Real.INCOME) < without.setting.place.income_at(1.85)
    assert not (here & ~(graduates & poor)).any()
    assert here.sum() == pytest.approx((graduates & poor).sum(), rel=0.15), "all but those who had left"
    for arm, share in ((without, 0.1), (offered, 0.8)):
        assert not (arm.attended() & ~here).any()
        assert arm.attended()[here].mean() == pytest.approx(share, abs=0.06)
    assert not (without.attended() & ~offered.attended()).any()


def test_a_gain_of_a_service_is_its_effect_times_the_take_up_and_more_in_a_demonstration() -> None:
    values = {"tutoring_skill": 0.2, "scale_ratio": 0.5}
    follow_ups = [{"outcome": "skill", "age": age} for age in (7, 8)]
    drawn = memphis().draw(0)[0]
    found = effects(of("tutoring", follow_ups=follow_ups), **values)
    assert found.itt == pytest.approx([0.7 * 0.2, 0.7 * 0.2 * drawn["first_year_persistence"]], abs=0.01)
    assert found.tot[0] == pytest.approx(0.2, abs=1e-5)
    model = effects(of("tutoring", follow_ups=follow_ups, scale="demonstration"), **values)
    assert model.itt == pytest.approx(2.0 * found.itt, rel=1e-4)
    early = effects(of("tutoring", follow_ups=follow_ups, year=1962), **values, era_ratio=0.5)
    assert early.itt == pytest.approx(found.itt, abs=0.02), "the era is of early care"


def test_points_of_events_count_what_happened_since_the_trial_began() -> None:
    """Without any effect the share is that of new suspensions in one year, and not of all that ever were."""
    trial = of("restorative")
    without, _ = service_arms(trial)
    here = without.inside()
    since, ever = (
        READINGS["suspension"](children, 12)[here].mean() for children in (without.seen(), without.columns())
    )
    assert 0.0 < since < 0.6 * ever
    assert since == pytest.approx(100.0 * (without.columns().k[Whole.NOW][here] >> 1 & 1).mean(), abs=1e-9)


def test_a_service_of_ones_own_is_found_beside_the_trials_file(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "clubs.yaml").write_text(plain(CLUBS), encoding="utf-8")
    path = tmp_path / "unseen.yaml"
    path.write_text(yaml.safe_dump(served("./services/clubs.yaml", (6,), "skill", 6)), encoding="utf-8")
    assert main(["trial", str(path), "--children", "600", "--draws", "2", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["effects"][1]["tot"] == pytest.approx(0.5, abs=0.15)


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({"program": "tutorin"}, "unknown service 'tutorin'; did you mean 'tutoring'?"),
        ({"design": "cutoff"}, "design cutoff is of early care"),
        ({"years": one_year(7)}, "care is of early care; the controls of a service have what is usual"),
        ({"hours_per_year": {**FACT, "value": 100.0, "unit": "hours"}}, "hours_per_year is of early care"),
        ({"follow_ups": [{"outcome": "skill", "age": 7, "among": "home"}]}, "among must be all"),
        ({"needs": ["enrolled"]}, "children can be enrolled at the ages"),
        ({"needs": ["absent"]}, "needs"),
        (served("tutoring", (26,), "earnings", 29), "a service may be offered at the ages 0 to 25; got [26]"),
        (served("tutoring", (7, 7), "skill", 8), "years must be in the order of ages, each once; got ages 7, 7"),
        (served("tutoring", (7,), "skill", 6), "a follow-up at 6 is before the trial, which begins at 7"),
        (served("tutoring", (7,), "skill", 7, take_up=0.1, crossover=0.2), "must not lie below crossover (0.2)"),
        ({"max_income_to_poverty": 0.001}, "asks for families below 0.001 of the poverty line"),
    ],
)
def test_a_wrong_trial_of_a_service_is_refused_in_one_sentence(
    changes: dict[str, Any], answer: str, tmp_path: Path, capsys: Capture
) -> None:
    path = tmp_path / "unseen.yaml"
    path.write_text(plain(OF_SERVICES["tutoring"] | changes), encoding="utf-8")
    assert main(["trial", str(path), "--children", "300", "--draws", "1"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1 and said.err.startswith("cradlecast: error: ")
    assert answer in said.err


# --- the log of runs ---


def test_a_run_is_one_line_of_the_log() -> None:
    rows = [
        {"role": "target", "hit": True, "holds_zero": True},
        {"role": "target", "hit": True, "holds_zero": False},
        {"role": "target", "hit": False, "holds_zero": False},
        {"role": "context", "hit": None, "holds_zero": None},
    ]
    record = {"fingerprint": "f00", "trials": ["a", "b"]}
    line = log_line(record, rows, "abc123", datetime.date(2026, 1, 2), "why | not")
    assert line == "| 2026-01-02 | `abc123` | `f00` | 2 | 3 | 2 | 1 | why / not |"
    head = LOG.read_text(encoding="utf-8").splitlines()
    assert sum(row.startswith("| day |") for row in head) == 1
    assert head[-1].startswith("| 2") and head[-1].count("|") == line.count("|"), "the table of runs stands last"


def test_only_a_run_of_what_is_committed_is_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*words: str) -> str:
        name = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
        return subprocess.run(["git", *name, *words], cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    for folder in ("cradlecast", "model", "scenarios", "docs"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.py").write_text("1\n", encoding="utf-8")
    git("init", "-q")
    git("add", "-A")
    git("commit", "-q", "-m", "all")
    monkeypatch.setattr(validation_page, "PAGE", tmp_path / "docs" / "validation.md")
    assert git("rev-parse", "HEAD").startswith(validation_page.committed())
    (tmp_path / "docs" / "a.py").write_text("2\n", encoding="utf-8")
    assert len(validation_page.committed()) == 10, "no run depends on the documents"
    (tmp_path / "model" / "a.py").write_text("2\n", encoding="utf-8")
    (tmp_path / "scenarios" / "new.yaml").write_text("2\n", encoding="utf-8")
    with pytest.raises(
        SystemExit, match=r"^commit these first, so that the run is of a commit: model/a\.py scenarios/"
    ):
        validation_page.committed()
