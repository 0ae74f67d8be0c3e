"""Files of services: what is shipped, one's own by path, and what is refused in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from cradlecast import Options, explain, run
from cradlecast.accounts import SEATS
from cradlecast.cli import main
from cradlecast.model.distributions import quantile
from cradlecast.model.presets import under
from cradlecast.samples import ground_of, live
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.evidence import estimates
from cradlecast.scenarios.fit import cohorts_of, school_years, services_of
from cradlecast.scenarios.library import (
    load_community,
    load_costs,
    load_parameters,
    load_prices,
    load_scenario,
    load_service,
    names,
)
from cradlecast.scenarios.service import CHANNEL_AGES, CHANNELS, NEED_AGES, WORSE, Service
from cradlecast.ui.explain import cannot_say, in_short
from tests.service_examples import service

SMALL = Options(children=900, draws=2, worlds=1)
OWN = Path("services") / "clubs.yaml"

CLUBS: dict[str, Any] = {
    "schema": "cradlecast/service/1",
    "name": "clubs",
    "title": "After-school clubs",
    "description": "Of a test.",
    "ages": [6, 7],
    "order": "lowest_scores",
    "parameters": {
        "clubs_take_up": {
            "title": "Share who come",
            "shape": "beta",
            "mean": 0.7,
            "sd": 0.1,
            "lower": 0.0,
            "upper": 1.0,
            "unit": "share",
            "grade": "assumption",
            "assumption": "Of a test.",
        },
        "clubs_skill": {
            "title": "Clubs, skill",
            "shape": "normal",
            "mean": 0.5,
            "sd": 0.05,
            "unit": "sd",
            "grade": "assumption",
            "assumption": "Of a test.",
        },
    },
    "take_up": "clubs_take_up",
    "dose": {"value": 60, "unit": "hours", "source": "A test", "provenance": "ASSUMED"},
    "scale_discount": "None.",
    "fade_out": "None.",
    "effects": [{"channel": "skill", "parameter": "clubs_skill"}],
    "not_carried": [{"outcome": "friendship", "note": "Nobody asked."}],
    "cost": {"value": 1000, "unit": "usd per child", "year": 2019, "source": "A test", "provenance": "ASSUMED"},
    "payer": "School districts",
}

PLAN: dict[str, Any] = {
    "schema": "cradlecast/scenario/1",
    "name": "clubs-in-memphis",
    "title": "Clubs",
    "author": "A test",
    "description": "Of a test.",
    "sources": ["A test"],
    "community": "memphis",
    "baseline": "observed",
    "seats_are_additional": True,
    "services": [{"first_year": 2024, "last_year": 2025, "service": str(OWN), "places": "places"}],
    "levers": {
        "places": {"value": 4000, "low": 0, "high": 9000, "unit": "children a year", "note": "Of a test."},
        "service_quality": {"value": 1.0, "low": 0.0, "high": 2.0, "unit": "times", "note": "Of a test."},
        "service_take_up": {"value": None, "low": 0.0, "high": 1.0, "unit": "share", "note": "Of a test."},
        "service_cost": {"value": None, "low": 0, "high": 9000, "unit": "usd", "note": "Of a test."},
    },
}


def plain(content: dict[str, Any]) -> str:
    """YAML without anchors."""
    dumper = type("Plain", (yaml.SafeDumper,), {"ignore_aliases": lambda *_: True})
    return yaml.dump(content, Dumper=dumper)


def write(folder: Path, plan: dict[str, Any] | None = None, clubs: dict[str, Any] | None = None) -> Path:
    """A scenario and, in a folder beside it, the service that it names by a relative path."""
    (folder / "services").mkdir(exist_ok=True)
    (folder / OWN).write_text(plain({**CLUBS, **(clubs or {})}), encoding="utf-8")
    path = folder / "plan.yaml"
    path.write_text(plain({**PLAN, **(plan or {})}), encoding="utf-8")
    return path


# --- shipped ---


def test_every_shipped_service_names_parameters_of_the_right_unit_and_has_a_payer() -> None:
    known = load_parameters().parameters
    assert len(names("service")) == 16
    for name in names("service"):
        one = load_service(name)
        assert one.name == name
        assert known[one.take_up].unit == "share"
        assert all(known[effect.parameter].unit == CHANNELS[effect.channel] for effect in one.effects)
        payer = load_costs("memphis").payer(one.payer)
        assert sum(payer.parts.values()) == pytest.approx(1.0)
        assert load_prices().reprice(1.0, int(one.cost.year or 0), 2019) > 0
        assert one.cost.value == 0 or (
            one.cost.low is not None and one.cost.low <= one.cost.value <= (one.cost.high or 0.0)
        )
        assert not one.parameters


def test_every_parameter_of_services_belongs_to_one_of_them() -> None:
    named = [each for name in names("service") for each in _named(load_service(name))]
    shared = {"tutoring_take_up", "tutoring_skill", "coalition_take_up"}  # in two services each
    assert {name for name in named if named.count(name) > 1} == shared
    begins = (*names("service"), "coalition")
    shipped = [name for name in load_parameters().parameters if name.startswith(begins)]
    assert set(shipped) == set(named)


def _named(one: Service) -> list[str]:
    return [one.take_up, *(effect.parameter for effect in one.effects)]


def test_what_is_not_carried_names_estimates_that_exist() -> None:
    named = [id for name in names("service") for each in load_service(name).not_carried for id in each.estimates]
    assert len(named) > 20
    assert set(named) <= set(estimates())


def test_presets_move_the_effects_of_services_to_the_worse_or_the_better_side() -> None:
    known = load_parameters()
    services = [load_service(name) for name in names("service")]
    worse = under(known, "pessimistic", services).parameters
    signs = {e.parameter: -1 if e.channel in WORSE else 1 for one in services for e in one.effects}
    assert {signs[name] for name in ("doula_caesarean", "early_warning_absence", "restorative_suspension")} == {-1}
    for name, better in signs.items():
        moved = quantile(worse[name], 0.0) - quantile(known.parameters[name], 0.0)
        assert np.sign(moved) == -better, name
    assert all(worse[one.take_up] == known.parameters[one.take_up] for one in services)


# --- one's own ---


def test_a_service_of_ones_own_lies_where_its_path_leads_from_the_scenario(tmp_path: Path) -> None:
    scenario = load_scenario(write(tmp_path))
    assert scenario.services[0].service == str(tmp_path / OWN)
    [found] = services_of(scenario, load_community("memphis"))
    assert (found.name, found.ages) == ("clubs", (6, 7))
    assert school_years(scenario) == (2024, 2025)
    assert cohorts_of(scenario) == (2017, 2018, 2019)


def test_its_own_parameters_are_drawn_and_its_children_gain(tmp_path: Path) -> None:
    scenario = load_scenario(write(tmp_path))
    values = ground_of(scenario, SMALL).draw(0)[0]
    assert 0.3 < values["clubs_skill"] < 0.7
    worse = ground_of(scenario, Options(children=900, draws=2, worlds=1, evidence="pessimistic")).draw(0)[0]
    assert worse["clubs_skill"] == pytest.approx(values["clubs_skill"] - 0.8416212 * 0.05)
    shipped = {name: values[name] for name in load_parameters().parameters}
    assert shipped == {
        name: ground_of(load_scenario("memphis-prek-1000-lapse"), SMALL).draw(0)[0][name] for name in shipped
    }
    result = run(scenario, SMALL)
    impacts = result.tables["milestones"].set_index(["group", "milestone"])["impact"]
    assert impacts["all", "kindergarten_ready"] == 0.0
    assert impacts["support_changed", "grade3_reading"] > impacts["all", "grade3_reading"] > 0.0


def test_two_scenarios_with_services_of_their_own_are_compared_on_one_ground(tmp_path: Path) -> None:
    one = load_scenario(write(tmp_path))
    (tmp_path / "other").mkdir()
    again = load_scenario(write(tmp_path / "other", {"name": "elsewhere"}))
    assert ground_of(one, SMALL, [again]).draw(0)[0] == ground_of(one, SMALL).draw(0)[0]
    apart = {**CLUBS["parameters"], "clubs_skill": {**CLUBS["parameters"]["clubs_skill"], "mean": 0.1}}
    differs = load_scenario(write(tmp_path / "other", clubs={"name": "circles", "parameters": apart}))
    with pytest.raises(InputError, match="'circles' declares parameter 'clubs_skill', which another service declares"):
        ground_of(one, SMALL, [differs])
    (tmp_path / "services" / "more.yaml").write_text(plain({**CLUBS, "again": True}), encoding="utf-8")
    twice = [PLAN["services"][0], {**PLAN["services"][0], "service": "services/more.yaml"}]
    with pytest.raises(InputError, match="two files declare a service 'clubs' in different ways"):
        ground_of(load_scenario(write(tmp_path, {"services": twice})), SMALL)


def test_levers_reach_the_arm_and_not_the_baseline(tmp_path: Path) -> None:
    scenario = load_scenario(write(tmp_path))
    ground = ground_of(scenario, SMALL)
    book: dict[str, list[dict[str, Any]]] = {}
    for name, levers in {
        "as declared": {},
        "half the places": {"places": 2000.0},
        "nobody": {"service_take_up": 0.0},
        "dearer": {"service_cost": 2000.0},
    }.items():
        [[sample]] = live(ground, [scenario.with_levers(levers)], 0)
        assert not any(row["filled"] for row in sample.seats[0] if row["program"] == "clubs")
        book[name] = [row for row in sample.seats[1] if row["program"] == "clubs"]
    whole = book["as declared"]
    assert [(row["year"], row["seats"]) for row in whole] == [(2024, 4000), (2025, 4000)]
    assert [row["seats"] for row in book["half the places"]] == [2000, 2000]
    assert all(0 < row["filled_simulated"] <= row["seats_simulated"] for row in whole)
    assert not any(row["filled"] for row in book["nobody"])
    assert [row["dollars"] for row in book["dearer"]] == pytest.approx([2 * row["dollars"] for row in whole])
    with pytest.raises(InputError, match=r"places must be a whole number; got 10\.5"):
        scenario.with_levers({"places": 10.5})


# --- money ---


def test_the_payer_pays_for_children_served_and_the_books_balance(tmp_path: Path) -> None:
    scenario = load_scenario(write(tmp_path))
    result = run(scenario, SMALL)
    ledger = result.tables["ledger"]
    lines = ledger[(ledger["line"] == f"clubs{SEATS}") & (ledger["ages"] == "0-29")].set_index("budget")
    assert list(lines.index) == ["school_district"]
    paid = [
        sum(row["dollars"] for row in sample.seats[1] if row["program"] == "clubs")
        for draw in range(2)
        for [sample] in live(ground_of(scenario, SMALL), [scenario], draw)
    ]
    dollars = load_prices().reprice(float(np.mean(paid)), 2019, load_prices().price_year)
    assert lines["impact"]["school_district"] == pytest.approx(-dollars) != 0.0
    assert lines["baseline_amount"]["school_district"] == 0.0
    assert _balances(result.tables["budgets"])


def _balances(books: pd.DataFrame) -> bool:
    """Whether what comes in is what goes out, in every row."""
    came = books["carried_in"] + books["appropriated"] + books["revenue"]
    return bool(len(books) and np.allclose(came, books["spent"] + books["carried_out"], atol=0.02))


# --- in words ---


def test_it_is_explained_with_its_places_levers_and_what_it_cannot_say(tmp_path: Path) -> None:
    ramp = [{"value": 0.5, "unit": "share", "source": "A test", "provenance": "ASSUMED"}]
    told = explain(load_scenario(write(tmp_path, clubs={"ramp": ramp})), {"places": 5000})
    assert [(row["year"], row["program"], row["baseline"], row["scenario_seats"]) for row in told.changes] == [
        (2024, "clubs", 0, 2500),
        (2025, "clubs", 0, 5000),
    ]
    assert not told.moves_no_child
    assert explain(load_scenario(write(tmp_path)), {"places": 0}).moves_no_child
    moves = {str(row["lever"]): str(row["moves"]) for row in told.levers}
    assert moves["places"] == "children taken in a year by clubs, 2024 to 2025"
    assert moves["service_quality"] == "multiplies every effect of clubs"
    assert "dollars a child served by clubs" in moves["service_cost"]
    sentences = " ".join(in_short(told))
    assert "After-school clubs at 6 to 7: places for 2,500 children a year, 0 in the baseline" in sentences
    left_out = "After-school clubs: friendship was measured elsewhere and is not in the model."
    assert left_out in " ".join(cannot_say(told))
    matter = {str(row["name"]) for row in told.assumptions if row["kind"] == "parameter"}
    assert {"clubs_skill", "clubs_take_up"} <= matter
    assert "tutoring_skill" not in matter


def test_the_command_explains_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(write(tmp_path))]) == 0
    page = " ".join(capsys.readouterr().out.split())
    for words in ("After-school clubs", "places for 4,000 children a year", "clubs_skill", "friendship"):
        assert words in page


# --- refused ---


def clubs(**changes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Another service in the same scenario."""
    return {}, changes


def plan(**changes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Another scenario with the same service."""
    return changes, {}


def grant(**changes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Another grant."""
    return plan(services=[{**PLAN["services"][0], **changes}])


SKILL = CLUBS["parameters"]["clubs_skill"]
FALLING = [{"value": value, "unit": "share", "source": "A test", "provenance": "ASSUMED"} for value in (0.8, 0.5)]


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            clubs(effects=[{"channel": "skill", "parameter": "clubs_skil"}]),
            "service 'clubs' names parameter 'clubs_skil', which does not exist; did you mean 'clubs_skill'?",
        ),
        (
            clubs(effects=[{"channel": "skill", "parameter": "clubs_take_up"}]),
            "service 'clubs' needs 'clubs_take_up' in sd; it is in share",
        ),
        (clubs(take_up="clubs_skill"), "service 'clubs' needs 'clubs_skill' in share; it is in sd"),
        (
            clubs(parameters={**CLUBS["parameters"], "tutoring_skill": SKILL}),
            "service 'clubs' declares parameter 'tutoring_skill', which is shipped; give it another name",
        ),
        (clubs(ages=[2, 3]), "a service acts on skill at the ages 3 to 17; ages leave them"),
        (clubs(ages=[17, 18]), "a service acts on skill at the ages 3 to 17; ages leave them"),
        (clubs(ages=[7, 6]), "ages must ascend, each once, from 0 to 29; got 7, 6"),
        (clubs(ages=[6, 6]), "ages must ascend, each once, from 0 to 29; got 6, 6"),
        (clubs(ages=[30], effects=[]), "ages must ascend, each once, from 0 to 29; got 30"),
        (clubs(ages=[]), "ages"),
        (clubs(effects=CLUBS["effects"] * 2), "effects name a channel twice"),
        (clubs(needs=["graduates"]), "children can be graduates at the ages 18 to 29; ages leave them"),
        (clubs(needs=["clever"]), "needs"),
        (clubs(ramp=FALLING), "ramp must not fall from year to year"),
        (clubs(ramp=[{**FALLING[0], "value": 1.2}]), "ramp"),
        (clubs(order="loudest"), "order"),
        (clubs(cost={**CLUBS["cost"], "value": -1}), "cost"),
        (clubs(payer="The mint"), "The mint"),
        (grant(service="tutorin"), "unknown service 'tutorin'; did you mean 'tutoring'?"),
        (grant(service="memphis"), "unknown service 'memphis'; that is the name of a community"),
        (grant(service="services/nowhere.yaml"), "nowhere.yaml"),
        (grant(places=-1), "places must be 0 or more; got -1"),
        (plan(levers={}), "a service uses the lever 'places', which is not declared under levers"),
        (plan(services=[]), "a scenario changes seats, services or a pool; changes, services and pool are all empty"),
        (grant(last_year=2023), "scenario 'clubs-in-memphis' ends in 2023, before it begins in 2024"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changed: tuple[dict[str, Any], dict[str, Any]],
    sentence: str,
) -> None:
    assert main(["run", str(write(tmp_path, *changed)), "--children", "100", "--draws", "1"]) == 2
    heard = capsys.readouterr()
    assert heard.out == ""
    assert heard.err.startswith("cradlecast: error: ")
    assert sentence in heard.err
    assert heard.err.count("\n") == 1


@pytest.mark.parametrize("channel", CHANNEL_AGES)
def test_a_service_acts_from_the_first_to_the_last_age_of_a_channel(channel: str) -> None:
    first, last = CHANNEL_AGES[channel]  # type: ignore[index]
    make: Callable[..., Service] = service
    assert make("of", tuple(range(first, last + 1)), channel).ages[-1] == last
    for beyond in (first - 1, last + 1):
        if beyond >= 0:
            with pytest.raises(ValueError, match=f"acts on {channel} at the ages {first} to {last}"):
                make("of", (beyond,), channel)


@pytest.mark.parametrize("need", NEED_AGES)
def test_a_need_can_hold_from_its_first_to_its_last_age(need: str) -> None:
    first, last = NEED_AGES[need]  # type: ignore[index]
    assert service("of", (first, last), needs=[need]).needs == (need,)
    for beyond in (first - 1, last + 1):
        with pytest.raises(ValueError, match=f"children can be {need} at the ages|ages must ascend"):
            service("of", (beyond,), needs=[need])
