"""The samples of a study: every arm lived through on the same draws and worlds.

All scenarios of a community share each draw's parameters and calibration, each world's children, and the baselines
that they have in common: that work is done once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from cradlecast.model import outcomes
from cradlecast.model.arms import (
    baseline_courses,
    baseline_policies,
    scenario_courses,
    scenario_policies,
    shocks_on_seats,
    streams_in,
)
from cradlecast.model.calibration import Calibration, calibrate
from cradlecast.model.calibration_cache import CalibrationCache
from cradlecast.model.children import Children, Longs, Words, children_of, world_key
from cradlecast.model.draws import draw_parameters
from cradlecast.model.paths import count_paths
from cradlecast.model.pipeline import Pipeline
from cradlecast.model.place import Floats, Place, place_of
from cradlecast.model.presets import under
from cradlecast.model.purses import baseline_purse, scenario_purse
from cradlecast.model.town import PROGRAMS, Setting, schools_by_area
from cradlecast.scenarios.community import Community
from cradlecast.scenarios.fit import check_community, check_fit, cohorts_of, own_parameters, services_of
from cradlecast.scenarios.library import load_community, load_parameters, load_program
from cradlecast.scenarios.options import Options
from cradlecast.scenarios.parameters import ParameterSet
from cradlecast.scenarios.program import Program
from cradlecast.scenarios.release import VERSION
from cradlecast.scenarios.scenario import Scenario
from cradlecast.scenarios.service import Service
from cradlecast.workers import Progress, each_draw

CALIBRATION_CHILDREN = 12_000
"""Children in the calibration population: the fit's own sampling error stays near half a point."""


@dataclass(frozen=True)
class Ground:
    """What all arms of a study stand on."""

    community: Community
    place: Place
    programs: Mapping[str, Program]
    parameters: ParameterSet
    options: Options
    cache: CalibrationCache

    def draw(self, number: int) -> tuple[dict[str, float], Calibration]:
        """Parameters and calibration of one draw, from the cache where it has been solved before."""
        values = draw_parameters(self.parameters, self.options.seed, number)
        known = self.cache.get(number)
        if known is None:
            size = self.options.seed, CALIBRATION_CHILDREN
            known = calibrate(self.place, self.programs, values, *size, keep_fit=False)
            self.cache.put(number, known)
        return values, known


@dataclass
class Sample:
    """What one draw and world contributes for one scenario.

    ``care`` and ``paths`` are by the groups of birth; ``flows`` float64 (arms, cohorts, ages, where, FLOWS).
    """

    milestones: tuple[Longs, Longs]
    events: tuple[Floats, Floats]
    measures: tuple[Floats, Floats]
    care: Longs
    paths: Longs
    seats: tuple[list[dict[str, Any]], list[dict[str, Any]]]
    pool: tuple[list[dict[str, Any]], list[dict[str, Any]]]
    flows: Floats
    rows: outcomes.Columns | None


def ground_of(scenario: Scenario, options: Options, others: Sequence[Scenario] = ()) -> Ground:
    """Load the community, programs and parameters that a scenario, and others of the same community, stand on.

    Raises
    ------
    InputError
        If a scenario's changes do not fit the community.
    """
    community = load_community(scenario.community)
    services: dict[str, Service] = {}
    programs: dict[str, None] = {}
    for each in (scenario, *others):
        check_fit(each, community)
        services |= {service.name: service for service in services_of(each, community)}
        programs |= dict.fromkeys(program for program, _ in streams_in(community, each))
    return ground_in(community, options, tuple(services.values()), tuple(programs))


def ground_in(
    community: Community, options: Options, services: Sequence[Service] = (), programs: Sequence[str] = ()
) -> Ground:
    """Load the programs and parameters that a community's studies stand on, with those that services bring along.

    Raises
    ------
    InputError
        If the community names a program or a parameter that does not exist.
    """
    check_community(community)
    here = dict.fromkeys((*PROGRAMS, *(stream.program for stream in community.streams)))
    loaded = {name: load_program(name) for name in (*here, *programs)}
    shipped = load_parameters()
    own = own_parameters(services)
    every = shipped.model_copy(update={"parameters": {**shipped.parameters, **own}})
    parameters = under(every, options.evidence, services)
    key = digest(
        community,
        *(loaded[name] for name in here),
        under(shipped, options.evidence),
        options.seed,
        CALIBRATION_CHILDREN,
    )
    return Ground(community, place_of(community), loaded, parameters, options, CalibrationCache(key))


def samples_of(
    ground: Ground,
    scenarios: Sequence[Scenario],
    metrics: Sequence[str] = (),
    workers: int | None = None,
    progress: Progress | None = None,
) -> Iterator[list[list[Sample]]]:
    """Every draw in order: by scenario, its samples by world.

    Parameters
    ----------
    ground
        What the arms stand on.
    scenarios
        Scenarios of one community.
    metrics
        Metrics for which rows of single children are kept.
    workers
        Threads or processes; the same bytes for any number.
    progress
        Called after every draw.
    """
    function = partial(live, ground, scenarios, metrics=metrics)
    lives = 2 * ground.options.worlds * len(scenarios)
    yield from each_draw(function, ground.options, [ground.cache], lives, workers, progress)


def live(ground: Ground, scenarios: Sequence[Scenario], draw: int, metrics: Sequence[str] = ()) -> list[list[Sample]]:
    """Live through both arms of every scenario in every world of one draw: [scenario][world]."""
    options = ground.options
    values, calibration = ground.draw(draw)
    arms = [_Arms.of(ground, scenario, values, calibration) for scenario in scenarios]
    lived: list[list[Sample]] = [[] for _ in scenarios]
    for number in range(options.worlds):
        world = draw * options.worlds + number
        for at, baseline, arm in _lives(arms, world_key(options.seed, world)):
            lived[at].append(_sample(ground, baseline, arm, metrics, draw, world))
    return lived


def _lives(arms: Sequence[_Arms], world: Words) -> Iterator[tuple[int, outcomes.Arm, outcomes.Arm]]:
    """Both arms of every scenario in one world, with its number: what scenarios and arms share is lived once."""
    born: dict[tuple[int, ...], Children] = {}
    groups = list(dict.fromkeys(pair.same for pair in arms))
    for number, same in enumerate(groups):
        here = sorted((at for at, pair in enumerate(arms) if pair.same == same), key=lambda at: arms[at].parts)
        first = replace(arms[here[0]].baseline, world=world)
        children = born.pop(first.cohorts, None) or children_in(first)
        again = first.cohorts in (cohorts for cohorts, *_ in groups[number + 1 :])
        if again:
            born[first.cohorts] = children
        town, others = Pipeline(first, children, copy=again), []
        for at in here:
            town.run(before=arms[at].parts)
            others.append(Pipeline(replace(arms[at].scenario, world=world), town.columns()).carry_on(town))
        baseline = outcomes.Arm(town.run())
        for at, other in zip(here, others, strict=True):
            yield at, baseline, outcomes.Arm(other.run())


@dataclass(frozen=True)
class _Arms:
    """What a draw settles for a scenario, whatever the world.

    Scenarios with the ``same`` have one baseline; the two arms live alike until the school year in which they part.
    """

    baseline: Setting
    scenario: Setting
    same: tuple[Any, ...]
    parts: int

    @classmethod
    def of(cls, ground: Ground, scenario: Scenario, values: Mapping[str, float], calibration: Calibration) -> _Arms:
        """Both arms of a scenario in the first world."""
        setting = baseline_setting(ground, scenario, values, calibration, 0)
        services = tuple(service.name for service in setting.services)
        settled = repr((setting.policies, setting.courses, setting.purse, setting.shocks))
        same = (setting.cohorts, setting.streams, services, settled)
        own = scenario_setting(setting, scenario, values)
        return cls(setting, own, same, own.same_until(setting))


def baseline_setting(
    ground: Ground, scenario: Scenario, values: Mapping[str, float], calibration: Calibration, world: int
) -> Setting:
    """The baseline arm of a scenario in one draw and world."""
    streams, policies = streams_in(ground.community, scenario), baseline_policies(scenario, ground.community)
    return replace(
        setting_in(ground, values, calibration, world, cohorts_of(scenario), streams),
        policies=policies,
        services=services_of(scenario, ground.community),
        courses=baseline_courses(scenario, ground.community),
        purse=baseline_purse(scenario, values, ground.place),
        shocks=shocks_on_seats(scenario, in_baseline=True),
        horizon=ground.options.horizon,
    )


def setting_in(
    ground: Ground,
    values: Mapping[str, float],
    calibration: Calibration,
    world: int,
    cohorts: tuple[int, ...],
    streams: tuple[tuple[str, str], ...],
) -> Setting:
    """Some birth years in one draw and world, without any policy, followed to 30."""
    return Setting(
        place=ground.place,
        programs=ground.programs,
        values=values,
        theta=calibration.theta,
        cuts=calibration.cuts,
        cohorts=cohorts,
        n_children=ground.options.children,
        world=world_key(ground.options.seed, world),
        streams=streams,
    )


def children_in(setting: Setting) -> Children:
    """The children of a setting, as born."""
    schools = schools_by_area(setting.place, setting.scale)
    return children_of(setting.place, setting.cohorts, setting.n_children, setting.world, schools, setting.theta)


def scenario_setting(baseline: Setting, scenario: Scenario, values: Mapping[str, float]) -> Setting:
    """The scenario's arm: the baseline's setting with the scenario's changes behind the baseline's."""
    return replace(
        baseline,
        policies=(*baseline.policies, *scenario_policies(scenario, values)),
        courses=(*baseline.courses, *scenario_courses(scenario)),
        purse=scenario_purse(scenario, values, baseline.place),
        shocks=(*baseline.shocks, *shocks_on_seats(scenario, in_baseline=False)),
        closing=scenario.civic("closing"),
    )


def _sample(
    ground: Ground, baseline: outcomes.Arm, arm: outcomes.Arm, metrics: Sequence[str], draw: int, world: int
) -> Sample:
    """Count one draw and world."""
    seated, changed = arm.financed(), outcomes.support_changed(baseline, arm)
    # Who belongs to a group does not depend on the arm: even leaving is the same chance event in both.
    masks = outcomes.group_masks(ground.place, arm.children, seated, changed).astype(np.float64)
    pair, at_birth = (baseline.children, arm.children), masks[: len(outcomes.birth_groups(ground.place))]
    counts = [outcomes.count_milestones(masks, children) for children in pair]
    events = [outcomes.count_events(masks, children, ground.options.horizon) for children in pair]
    return Sample(
        milestones=(counts[0], counts[1]),
        events=(events[0], events[1]),
        measures=(outcomes.count_measures(masks, pair[0]), outcomes.count_measures(masks, pair[1])),
        care=outcomes.count_care(at_birth, *pair),
        paths=count_paths(at_birth, baseline, arm),
        seats=(baseline.town.seat_rows(), arm.town.seat_rows()),
        pool=(baseline.town.pool_rows(), arm.town.pool_rows()),
        flows=np.stack([baseline.town.flows, arm.town.flows]).astype(np.float64),
        rows=outcomes.study_children(baseline, arm, metrics, draw, world) if metrics else None,
    )


def digest(*parts: object) -> str:
    """SHA-256 over declarations and numbers, in a form that does not depend on their files' layout."""
    whole = [part.model_dump(mode="json") if hasattr(part, "model_dump") else part for part in parts]
    text = json.dumps([VERSION, whole], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
