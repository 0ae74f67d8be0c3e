"""The shipped data files: every number has a source, and no VALIDATE row sets a parameter."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from cradlecast.model.kernels import EVENT_FIRST_AGES, EVENT_LAST_AGES, FIRST_EVENT, Decision
from cradlecast.scenarios import library
from cradlecast.scenarios.community import EVENTS, MILESTONES
from cradlecast.scenarios.deal import Deal
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.evidence import check_inputs, estimate, prior
from cradlecast.scenarios.fields import Figure
from cradlecast.scenarios.fit import check_fit, cohorts_of, school_years
from cradlecast.scenarios.options import METRIC_AGES, Options, metric_age
from cradlecast.scenarios.release import VERSION
from cradlecast.scenarios.scenario import Scenario
from tests.worlds import SCENARIOS

ROOT = Path(__file__).parents[1]


def figures(record: Any, path: str) -> Iterator[tuple[str, Figure]]:
    """Every figure inside a declaration, with the path to it."""
    if isinstance(record, Figure):
        yield path, record
    elif isinstance(record, dict):
        for key, value in record.items():
            yield from figures(value, f"{path}.{key}")
    elif isinstance(record, tuple | list):
        for number, value in enumerate(record):
            yield from figures(value, f"{path}[{number}]")
    elif hasattr(type(record), "model_fields"):
        for name in type(record).model_fields:
            yield from figures(getattr(record, name), f"{path}.{name}")


def declarations() -> list[Any]:
    return [
        library.load_community("memphis"),
        *(library.load_program(name) for name in library.names("program")),
        *(library.load_deal(name) for name in library.names("deal")),
    ]


def test_every_figure_has_a_source_and_its_evidence_may_be_used() -> None:
    found = [pair for record in declarations() for pair in figures(record, record.name)]
    assert len(found) > 80
    for path, figure in found:
        assert figure.source.strip(), path
        check_inputs(figure.evidence)
        if figure.provenance in ("READ", "DERIVED") and not figure.evidence:
            assert figure.address or len(figure.source) > 15, f"{path} cites nothing that can be found"


def test_every_parameter_names_evidence_or_an_assumption_and_never_a_validation_row() -> None:
    parameters = library.load_parameters().parameters
    assert len(parameters) > 25
    for name, parameter in parameters.items():
        check_inputs(parameter.evidence)
        for key in parameter.priors:
            assert prior(key).mean == pytest.approx(parameter.mean), f"{name} departs from {key}"
            assert prior(key).sd == pytest.approx(parameter.sd, abs=0.005), f"{name} departs from {key}"
        if parameter.grade == "assumption" and not parameter.priors:
            assert parameter.assumption, name
        recalled = [row for row in parameter.evidence if estimate(row).provenance == "RECALLED"]
        if recalled:
            assert parameter.assumption and "RECALLED" in parameter.assumption, f"{name} hides a recalled row"


def test_a_validation_row_is_refused_as_an_input() -> None:
    with pytest.raises(InputError, match="VALIDATE"):
        check_inputs(("E3038a",))


def test_everything_that_programs_and_communities_refer_to_exists() -> None:
    parameters = library.load_parameters().parameters
    for name in library.names("program"):
        effects = library.load_program(name).effects
        for effect in (effects.skill, effects.long_run, effects.nontest):
            assert effect.parameter in parameters
            assert effect.less is None or effect.less in parameters
    assert library.load_community("memphis").stays in parameters


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_memphis_scenario_names_its_own_baseline_and_three_school_years(name: str) -> None:
    scenario = library.load_scenario(name)
    community = library.load_community(scenario.community)
    check_fit(scenario, community)
    assert scenario.baseline == {"lapse": "grant-lapses"}.get(name.split("-")[-1], "observed")
    assert school_years(scenario) == (2019, 2020, 2021)
    assert cohorts_of(scenario) == (2015, 2016, 2017)
    assert scenario.lever("seats") == 1000


def test_shipped_scenarios_are_small_diffs() -> None:
    for name in library.names("scenario"):
        lines = (ROOT / "scenarios" / "library" / f"{name}.yaml").read_text().splitlines()
        assert len(lines) < 80
        assert len(library.load_scenario(name).changes) <= 3


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"seat": 5}, "unknown lever 'seat'.*did you mean 'seats'"),
        ({"seats": -1}, "seats must be from 0 to 5000.*got -1"),
        ({"seats": 10.5}, "seats must be a whole number"),
        ({"take_up": 1.5}, "take_up must be from 0 to 1"),
        ({"take_up": 94}, "94 % is 0.94"),
        ({"quality": float("nan")}, "quality must be from 0 to 2.*got nan"),
        ({"seats": 1e12}, "seats must be from 0 to 5000"),
    ],
)
def test_levers_refuse_what_is_out_of_bounds(settings: dict[str, float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        library.load_scenario(SCENARIOS[0]).with_levers(settings)


def changed(scenario: Scenario, **fields: object) -> Scenario:
    """The scenario with fields of its first change replaced."""
    first = scenario.changes[0].model_copy(update=fields)
    return scenario.model_copy(update={"changes": (first, *scenario.changes[1:])})


def test_more_areas_than_children_can_carry_the_numbers_of_are_refused(tmp_path: Path) -> None:
    declared = yaml.safe_load((ROOT / "scenarios/communities/memphis.yaml").read_text(encoding="utf-8"))
    one = declared["areas"][0]
    names = [f"area_{number}" for number in range(128)]
    areas = [{**deepcopy(one), "name": name, "next_to": [names[number - 1]]} for number, name in enumerate(names)]
    path = tmp_path / "parts.yaml"
    path.write_text(yaml.safe_dump({**declared, "areas": areas}), encoding="utf-8")
    with pytest.raises(InputError, match=r"^parts.yaml: areas must have at most 127 entries; got a list of 128$"):
        library.load_community(path)


def test_changes_that_do_not_fit_the_community_are_refused() -> None:
    scenario, community = library.load_scenario(SCENARIOS[0]), library.load_community("memphis")
    with pytest.raises(InputError, match="'prekk', which holds no seats; did you mean 'prek'"):
        check_fit(changed(scenario, program="prekk"), community)
    with pytest.raises(InputError, match=r"takes 9,000 seats from stream 'standing'.*has 6,000"):
        check_fit(changed(scenario, stream="standing", seats=-9000), community)
    with pytest.raises(InputError, match=r"baseline 'grant-lapse'.*did you mean 'grant-lapses'"):
        check_fit(scenario.model_copy(update={"baseline": "grant-lapse"}), community)
    private = changed(scenario, program="child_care", stream="private").with_levers({"take_up": 0.5})
    with pytest.raises(InputError, match="families do not apply for 'child_care'"):
        check_fit(private, community)
    with pytest.raises(InputError, match="at most 40 school years; got 2019 to 2100"):
        school_years(changed(scenario, last_year=2100))
    with pytest.raises(InputError, match="ends in 2010, before it begins"):
        school_years(changed(scenario, last_year=2010))


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ({"children": 10**12}, r"children must be from 100 to 20,000,000; got 1,000,000,000,000 \(.*GB of memory"),
        ({"children": 0}, "children must be from 100"),
        ({"draws": 0}, "draws must be from 1"),
        ({"worlds": -1}, "worlds must be from 1"),
        ({"horizon": 31}, "horizon must be from 5 to 30"),
        ({"seed": -1}, "seed must be from 0"),
        ({"children": 1.5}, "children must be a whole number"),
        ({"children": 10**7, "draws": 10**4}, "about .* hours on one core"),
    ],
)
def test_sizes_out_of_bounds_are_refused_with_their_cost(size: dict[str, int], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Options(**size)


def test_the_names_of_metrics_milestones_and_events_agree_wherever_they_stand() -> None:
    assert tuple(METRIC_AGES)[-len(MILESTONES) :] == MILESTONES
    first = int(Decision.CHRONIC_ABSENCE)
    assert tuple(Decision(first + number).name.lower() for number in range(len(EVENTS))) == EVENTS
    assert len(EVENTS) == len(EVENT_FIRST_AGES) == len(EVENT_LAST_AGES)
    assert len(MILESTONES) == FIRST_EVENT


def test_metrics_have_ages() -> None:
    assert metric_age("grade3_reading") == 9
    with pytest.raises(InputError, match="did you mean 'grade3_reading'"):
        metric_age("grade3_readin")
    assert isinstance(library.load_deal("memphis-illustrative"), Deal)


def test_the_version_is_the_same_everywhere() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION
    assert (
        f"## {VERSION}" in (ROOT / "CHANGELOG.md").read_text() or f"[{VERSION}]" in (ROOT / "CHANGELOG.md").read_text()
    )
