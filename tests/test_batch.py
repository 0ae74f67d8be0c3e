"""A scenario as a Mesa model: what Mesa's batch_run makes of it is what a study makes of it."""

from __future__ import annotations

import math
import multiprocessing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mesa.batchrunner import batch_run

from cradlecast.batch import ScenarioModel, milestone_rate
from cradlecast.model.child import Child
from cradlecast.model.outcomes import Arm
from cradlecast.samples import ground_of, live
from cradlecast.scenarios.community import MILESTONES
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.library import load_scenario
from cradlecast.scenarios.options import METRIC_AGES, Options
from tests.test_engines import digest
from tests.worlds import SCENARIOS

NAME = SCENARIOS[0]


@pytest.fixture(autouse=True)
def start_method() -> Iterator[None]:
    """Mesa's ``batch_run`` sets how processes start, for the whole program: set it back."""
    before = multiprocessing.get_start_method(allow_none=True)
    yield
    multiprocessing.set_start_method(before, force=True)


def batch(parameters: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    """A batch of small runs, in the order of their parameters."""
    small = {"scenario": NAME, "children": 300} | parameters
    rows: list[dict[str, Any]] = batch_run(ScenarioModel, small, display_progress=False, **options)
    return sorted(rows, key=lambda row: (row["RunId"], row["Step"]))


def test_both_arms_are_those_of_a_study_with_one_world_a_draw() -> None:
    scenario = load_scenario(NAME)
    options = Options(children=300, draws=3, worlds=1)
    ground = ground_of(scenario, options)
    for draw in (0, 2):
        [[sample]] = live(ground, [scenario], draw)
        for arm, counts in zip(("baseline", "scenario"), sample.milestones, strict=True):
            model = ScenarioModel(NAME, arm=arm, children=300, draw=draw).run()
            everybody = counts[:, 0].sum(axis=0)
            expected = everybody[:-1] / everybody[-1]
            assert [milestone_rate(model, name) for name in MILESTONES] == list(expected)
            assert Arm(model).children is model.columns()


def test_batch_run_gives_a_row_a_run_with_what_was_asked_and_the_rates() -> None:
    rows = batch({"arm": ["baseline", "scenario"], "draw": [0, 1]}, number_processes=1)
    assert [(row["arm"], row["draw"]) for row in rows] == [(a, d) for a in ("baseline", "scenario") for d in (0, 1)]
    assert {row["Step"] for row in rows} == {32}, "three birth years to the age of 30"
    for row in rows:
        model = ScenarioModel(NAME, arm=row["arm"], draw=row["draw"], children=300).run()
        assert [row[name] for name in MILESTONES] == [milestone_rate(model, name) for name in MILESTONES]
        assert all(0 < row[name] < 1 for name in MILESTONES)
    for draw in (0, 1):
        before, after = ([row[name] for name in MILESTONES] for row in rows[draw::2])
        assert before != after, "the arms are not the same"


def test_two_processes_give_what_one_gives() -> None:
    parameters = {"arm": ["baseline", "scenario"], "seats": [200, 1000]}
    assert batch(parameters, number_processes=2) == batch(parameters, number_processes=1)


def test_batch_run_collects_every_year_where_asked() -> None:
    rows = batch({"horizon": 10}, number_processes=1, data_collection_period=1)
    assert [row["Step"] for row in rows] == list(range(1, 13))
    ready = [row["kindergarten_ready"] for row in rows]
    assert [math.isnan(rate) for rate in ready] == [True] * 4 + [False] * 8
    assert len(set(ready[4:7])) == 3, "one birth year after the other"
    assert len(set(ready[6:])) == 1
    assert all(math.isnan(row["employed"]) for row in rows)


def test_replicates_are_worlds() -> None:
    rows = batch({"draw": 1}, rng=[1, 7])
    assert [row["kindergarten_ready"] for row in rows] == [
        milestone_rate(ScenarioModel(NAME, children=300, draw=1, world=world).run(), "kindergarten_ready")
        for world in (1, 7)
    ]
    own = ScenarioModel(NAME, children=300, draw=1)
    assert digest(own.columns()) == digest(ScenarioModel(NAME, children=300, draw=1, rng=1).columns())
    assert digest(own.columns()) != digest(ScenarioModel(NAME, children=300, draw=1, rng=7).columns())


def test_a_model_stops_running_after_its_last_year() -> None:
    model = ScenarioModel(NAME, children=300, horizon=6)
    model.run_model()
    assert not model.running
    assert model.steps == 8
    assert model.agents_by_type[Child].column("age").min() == 5


@pytest.mark.parametrize("milestone", MILESTONES)
def test_a_milestone_is_counted_from_the_year_in_which_it_is_measured(milestone: str) -> None:
    """The first birth year alone is old enough then; nobody has reached it before, but for college, done at any age."""
    model = ScenarioModel(NAME, children=300, draw=1)
    model.run_until(METRIC_AGES[milestone] - 1)
    assert math.isnan(milestone_rate(model, milestone))
    early = milestone == "postsecondary_completed"
    assert (model.agents_by_type[Child].agg(milestone, sum) > 0) == early
    model.step()
    children = model.agents_by_type[Child]
    first = children.select(children.column("cohort") == 2015)
    assert milestone_rate(model, milestone) == np.mean(first.get(milestone)) > 0
    assert (children.agg(milestone, sum) > first.agg(milestone, sum)) == early, "the younger wait their turn"
    model.step()
    older = children.select(children.column("cohort") <= 2016)
    assert milestone_rate(model, milestone) == np.mean(older.get(milestone))


def test_levers_move_the_scenario_and_leave_its_baseline(tmp_path: Path) -> None:
    few, many = (ScenarioModel(NAME, children=300, seats=seats).run() for seats in (0, 1000))
    assert digest(few.columns()) != digest(many.columns())
    still = [ScenarioModel(NAME, arm="baseline", children=300, seats=seats).run() for seats in (0, 1000)]
    assert digest(still[0].columns()) == digest(still[1].columns())
    given = ScenarioModel(load_scenario(NAME), children=np.int64(300), draw=np.int64(0), seats=1000)
    assert digest(given.run().columns()) == digest(many.columns())


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ({"arm": "scenrio"}, "unknown arm 'scenrio'.*scenario"),
        ({"seat": 500}, "unknown lever 'seat'.*seats"),
        ({"seats": -5}, "seats must be from"),
        ({"children": 3}, "children must be from 100"),
        ({"draw": -1}, "draw must be a whole number"),
        ({"world": 2.5}, "world must be a whole number"),
        ({"rng": "seven"}, "world must be a whole number"),
        ({"world": 1, "rng": 1}, "not as both"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(named: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        ScenarioModel(NAME, **({"children": 300} | named))


def test_an_unknown_scenario_is_refused() -> None:
    with pytest.raises(InputError, match="memphis-prek-1000-laps"):
        ScenarioModel("memphis-prek-1000-laps", children=300)
