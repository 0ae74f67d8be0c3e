"""Every scenario of the library shows what its file of expected results says, and what its description claims."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest

from cradlecast.samples import ground_of
from cradlecast.scenarios.library import load_scenario, names
from cradlecast.scenarios.options import Options
from cradlecast.study import run
from tests.refresh_expected import FOLDER, RATES, SIZE, expected, fresh, impacts, lived, of_interest, wrong

SCENARIOS = names("scenario")
SECONDS = 30.0
"""Most that a scenario may take at its default size, once its community has been calibrated."""

CORES = 2
"""Cores that it may take them on."""

MUST = ("be zero", "rise", "fall", "straddle zero", "lie between", "be less")


def claims() -> list[Any]:
    """Every claim of every file, under the scenario's name."""
    return [
        pytest.param(name, claim, id=f"{name}-{claim['of']}")
        for name in SCENARIOS
        for claim in expected(name)["claims"]
    ]


def plain(text: str) -> str:
    """A text without the breaks of its lines."""
    return " ".join(text.split())


def test_every_scenario_has_its_file_and_no_file_is_left_over() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(SCENARIOS)


@pytest.mark.parametrize("name", SCENARIOS)
def test_results_are_as_expected(name: str) -> None:
    file, found = expected(name), impacts(lived(name))
    assert list(file["results"]) == of_interest(file["claims"], found)
    for key, result in file["results"].items():
        assert found.loc[key, "mean"] == pytest.approx(result["impact"], rel=1e-5, abs=result["tolerance"] + 1e-9), key


@pytest.mark.parametrize(("name", "claim"), claims())
def test_the_description_claims_what_is_seen(name: str, claim: dict[str, Any]) -> None:
    scenario = load_scenario(name)
    told = " ".join([scenario.description, *(lever.note or "" for lever in scenario.levers.values())])
    assert claim["words"] in plain(told)
    assert claim["must"] in MUST
    assert wrong(claim, impacts(lived(name))) == ""


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_claims_something(name: str) -> None:
    assert len(expected(name)["claims"]) >= 2


@pytest.mark.parametrize(
    ("name", "levers", "broken"),
    [
        ("bridgeport-baby-bundle", {"places": 0}, {"measures/caesarean"}),
        ("wisconsin-child-care-shock", {"seats": 0}, {"care/child_care", "care/home", "milestones/grade3_reading"}),
        ("memphis-prek-1000-continue", {"quality": 2.0}, {"milestones/*", "measures/*"}),
        ("eastern-kentucky-reading-grants", {"service_cost": 4000}, {"dollars/reading_tutoring"}),
    ],
)
def test_claims_can_fail(name: str, levers: dict[str, float], broken: set[str]) -> None:
    found = impacts(run(load_scenario(name).with_levers(levers), SIZE))
    failed = {claim["of"] for claim in expected(name)["claims"] if wrong(claim, found)}
    assert failed == broken


def test_what_the_script_writes_is_what_the_file_holds() -> None:
    assert fresh("memphis-prek-1000-continue") == expected("memphis-prek-1000-continue")


def test_impacts_hold_every_row_of_a_study_once() -> None:
    found = impacts(lived("memphis-prek-1000-lapse"))
    assert found.index.is_unique
    assert {key.split("/")[0] for key in found.index} == {*RATES, "care", "dollars"}
    assert found["low"].le(found["high"]).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_runs_in_half_a_minute_at_its_default_size(name: str) -> None:
    scenario, options = load_scenario(name), Options()
    ground = ground_of(scenario, options)
    for draw in range(options.draws):
        ground.draw(draw)
    ground.cache.save()
    start = time.process_time()
    result = run(scenario, options)
    cores = min(os.cpu_count() or 1, CORES)
    assert (time.process_time() - start) / cores < SECONDS, "on this machine, if nothing else ran on it"
    assert not result.record["preview"]
