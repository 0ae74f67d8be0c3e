"""Scenarios stack: what each changes happens together, and what they disagree about is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cradlecast.cli import main
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.library import load_scenario
from cradlecast.scenarios.scenario import Lever, Scenario
from cradlecast.scenarios.stacking import addressed, load_all, load_stacked, load_unmoved, parts_of, settled, stack

BUNDLE = "bridgeport-baby-bundle"
PLACES = Lever(value=40, low=0, high=100, unit="children a year")
HOME_VISITS = {
    "name": "visits",
    "services": [{"first_year": 2022, "last_year": 2023, "service": "home_visiting", "places": "places"}],
    "levers": {"places": PLACES.model_dump()},
}


def scenario(**fields: Any) -> Scenario:
    """A scenario of one's own for the community and baseline of the Baby Bundle."""
    plain: dict[str, Any] = {
        "schema": "cradlecast/scenario/1",
        "name": "mine",
        "title": "Mine",
        "author": "Tests",
        "description": "Made up.",
        "sources": ["Made up"],
        "community": "bridgeport",
        "baseline": "fifteen-doulas",
        "seats_are_additional": True,
        "levers": {},
    }
    return Scenario.model_validate(plain | fields)


def seats(name: str, financed: bool, **fields: Any) -> Scenario:
    """A scenario that adds 50 seats of pre-K paid with new money."""
    change = {
        "first_year": 2022,
        "last_year": 2022,
        "program": "prek",
        "stream": "new",
        "seats": 50,
        "financed": financed,
    }
    return scenario(name=name, changes=[change], **fields)


def refusal(*scenarios: Scenario) -> str:
    """The sentence with which a stack is refused."""
    with pytest.raises(InputError) as caught:
        stack(scenarios)
    assert str(caught.value).isprintable()
    return str(caught.value)


def written(folder: Path, one: Scenario) -> str:
    """A scenario as a file of one's own: its path."""
    path = folder / f"{one.name}.yaml"
    path.write_text(one.model_dump_json(by_alias=True))
    return str(path)


def test_changes_and_services_stand_one_behind_the_other_and_levers_are_united() -> None:
    bundle, mine = load_scenario(BUNDLE), seats("mine", False)
    both = stack([bundle, mine])
    assert both.name == "bridgeport-baby-bundle+mine"
    assert both.changes == mine.changes
    assert both.services == bundle.services
    assert both.levers == bundle.levers
    assert both.sources == (*bundle.sources, *mine.sources)
    assert "Made up." in both.description
    assert bundle.description.strip() in both.description


def test_a_stack_of_one_is_that_scenario() -> None:
    assert stack([load_scenario(BUNDLE)]) == load_scenario(BUNDLE)
    assert load_stacked(BUNDLE) == load_scenario(BUNDLE)
    assert load_stacked(BUNDLE, {f"{BUNDLE}.places": 7}).lever("places") == 7
    assert load_stacked(BUNDLE, {"places": 7}).lever("places") == 7


def test_other_places_and_baselines_are_named() -> None:
    words = refusal(load_scenario(BUNDLE), load_scenario("spartanburg-coaching"))
    assert words == (
        "'bridgeport-baby-bundle' and 'spartanburg-coaching' cannot be stacked: their community differs, 'bridgeport' "
        "and 'spartanburg'"
    )
    words = refusal(load_scenario("memphis-prek-1000-lapse"), load_scenario("memphis-prek-1000-displace"))
    assert "their baseline differs, 'grant-lapses' and 'observed'" in words
    assert refusal(load_scenario(BUNDLE), load_scenario(BUNDLE)).endswith("is stacked on itself; name it once")


def test_a_number_of_places_that_both_have_is_named_until_one_is_settled(tmp_path: Path) -> None:
    visits = scenario(**HOME_VISITS)
    assert refusal(load_scenario(BUNDLE), visits) == (
        "lever 'places' stands in both 'bridgeport-baby-bundle' and 'visits'; settle it in one of them, as in "
        "--set visits.places=40"
    )
    words = f"{BUNDLE}+{written(tmp_path, visits)}"
    both = load_stacked(words, {"visits.places": 30})
    assert [both.places_of(change) for change in both.services] == [225, 30]
    both = load_stacked(words, {"visits.places": 30, "places": 100})
    assert [both.places_of(change) for change in both.services] == [100, 30]
    with pytest.raises(InputError, match="places must be from 0 to 100 children a year; got 3000"):
        load_stacked(words, {"visits.places": 3000})
    with pytest.raises(InputError, match=r"lever 'visit.places' is of a scenario .* did you mean 'visits'"):
        load_stacked(words, {"visit.places": 30})


def test_seats_taken_away_stay_taken_away_when_they_are_settled() -> None:
    shock = load_scenario("wisconsin-child-care-shock")
    more = shock.model_copy(update={"name": "more"})
    assert "lever 'seats' stands in both" in refusal(shock, more)
    both = stack([shock, settled(more, {"seats": 10})])
    assert [both.seats_of(change) for change in both.changes] == [-1190, -10]


def test_money_of_another_kind_behind_one_stream_is_named() -> None:
    assert refusal(seats("one", True), seats("other", False)) == (
        "'one' and 'other' cannot be stacked: an outcomes contract pays for stream 'new' of prek in one of them and "
        "not in the other"
    )
    assert len(stack([seats("one", True), seats("other", True)]).changes) == 2


def test_a_lever_of_one_that_would_move_the_seats_of_the_other_is_named() -> None:
    quality = {"quality": Lever(value=1.0, low=0.0, high=2.0, unit="times").model_dump()}
    words = refusal(seats("one", True, levers=quality), seats("other", True))
    assert words == "lever 'quality' of 'one' would act on what 'other' changes too, which does not declare it"
    alike = stack([seats("one", True, levers=quality), seats("other", True, levers=quality)])
    assert alike.lever("quality") == 1.0
    better = {"quality": quality["quality"] | {"value": 1.5}}
    words = refusal(seats("one", True, levers=quality), seats("other", True, levers=better))
    assert words == (
        "lever 'quality' stands in both 'one' and 'other' with different values or units: 1 (times) and 1.5 (times)"
    )


def test_services_without_levers_of_their_own_stay_outside_those_of_the_other() -> None:
    visits = scenario(**{**HOME_VISITS, "services": [HOME_VISITS["services"][0] | {"places": 20}], "levers": {}})  # type: ignore[index]
    both = stack([load_scenario(BUNDLE), visits])
    assert [change.levers for change in both.services] == [True, False]
    assert both.places_of(both.services[1]) == 20


def test_one_service_under_levers_here_and_not_there_is_named() -> None:
    doulas = scenario(services=[{"first_year": 2022, "service": "doula", "places": 5}])
    assert refusal(load_scenario(BUNDLE), doulas) == (
        "'bridgeport-baby-bundle' and 'mine' cannot be stacked: service 'doula' is under levers in one of them and not "
        "in the other"
    )


def test_a_service_that_is_another_file_in_each_is_named(tmp_path: Path) -> None:
    text = (Path(__file__).parents[1] / "scenarios" / "services" / "doula.yaml").read_text()
    (tmp_path / "doula.yaml").write_text(text.replace("value: 1200", "value: 1300"))
    mine = scenario(services=[{"first_year": 2022, "service": str(tmp_path / "doula.yaml"), "places": 5}])
    assert refusal(load_scenario(BUNDLE), mine).endswith("service 'doula' is another in each")


def test_a_file_whose_name_has_a_plus_is_one_file(tmp_path: Path) -> None:
    path = tmp_path / "a+b.yaml"
    path.write_text("")
    assert parts_of(str(path)) == [str(path)]
    assert parts_of("a+b") == ["a", "b"]
    assert parts_of(f"{path.with_name('c.yaml')}+b") == [str(path.with_name("c.yaml")), "b"]


def test_levers_of_the_whole_keep_their_defaults_where_they_are_explained(tmp_path: Path) -> None:
    words = f"{BUNDLE}+{written(tmp_path, scenario(**HOME_VISITS))}"
    loaded, moved = load_unmoved(words, {"visits.places": 30, "places": 100})
    assert moved == {"places": 100}
    assert loaded.lever("places") == 225
    assert load_unmoved(BUNDLE, {f"{BUNDLE}.places": 3}) == (load_scenario(BUNDLE), {"places": 3})
    with pytest.raises(InputError, match="unknown lever 'place'"):
        load_unmoved(BUNDLE, {"place": 3})


def test_a_setting_may_be_of_any_scenario_that_is_named() -> None:
    assert addressed({"a.b.places": 1.0, "seats": 2.0}) == ({"seats": 2.0}, {"a.b": {"places": 1.0}})
    one, other = load_all([BUNDLE, "spartanburg-coaching"], {"spartanburg-coaching.places": 700})
    assert (one.lever("places"), other.lever("places")) == (225, 700)


def test_the_command_stacks_and_refuses_with_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = f"{BUNDLE}+{written(tmp_path, scenario(**HOME_VISITS))}"
    size = ["--children", "300", "--draws", "2", "--worlds", "1", "--horizon", "5", "--quiet", "--csv"]
    assert main(["run", words, *size]) == 2
    assert capsys.readouterr().err.startswith("cradlecast: error: lever 'places' stands in both")
    settle = ["--set", "visits.places=1200"]
    assert main(["run", words, "--set", "visits.places=90", *size]) == 0
    assert capsys.readouterr().out.count(f"{BUNDLE}+visits,all,kindergarten_ready") == 1
    assert main(["compare", BUNDLE, words, "--set", "visits.places=90", *size]) == 0
    assert capsys.readouterr().out.count(",all,kindergarten_ready") == 2
    assert main(["explain", words, "--set", "visits.places=90", "--csv"]) == 0
    assert ",home_visiting,places," in capsys.readouterr().out
    seated = f"{BUNDLE}+{written(tmp_path, seats('seated', False))}"
    assert main(["trace", seated, "--child", "moved", "--children", "2000", "--csv"]) == 0
    assert capsys.readouterr().out
    assert main(["explain", words, *settle]) == 2
    assert "places must be from 0 to 100" in capsys.readouterr().err


def test_both_happen_together() -> None:
    """A stack's arm has the seats of the one and the places of the other."""
    from cradlecast.model.pipeline import Pipeline
    from cradlecast.samples import baseline_setting, children_in, ground_of, scenario_setting
    from cradlecast.scenarios.options import Options

    both = stack([load_scenario(BUNDLE), seats("mine", False)])
    base = ground_of(both, Options(children=2000, draws=1, worlds=1, horizon=6))
    values, calibration = base.draw(0)
    setting = baseline_setting(base, both, values, calibration, 0)
    town = Pipeline(scenario_setting(setting, both, values), children_in(setting)).run()
    rows = {(row["year"], row["program"], row["stream"]): row for row in town.seat_rows()}
    assert rows[2022, "prek", "new"]["seats"] == 50
    assert rows[2023, "doula", "places"]["seats"] == 240


def test_shipped_scenarios_stack_where_they_share_a_baseline() -> None:
    words = "memphis-prek-1000-continue+memphis-prek-1000-displace"
    both = load_stacked(words, {"memphis-prek-1000-displace.seats": 500})
    assert [both.seats_of(change) for change in both.changes] == [-1000, 1000, 500]
    assert both.seats_are_additional
    assert both.lever("quality") == 1.0
    assert load_stacked(words, {"memphis-prek-1000-displace.seats": 500, "quality": 2.0}).lever("quality") == 2.0
    with pytest.raises(InputError, match=r"lever 'quality' stands in both .* 1 .* and 2 "):
        load_stacked(words, {"memphis-prek-1000-displace.seats": 500, "memphis-prek-1000-displace.quality": 2.0})
