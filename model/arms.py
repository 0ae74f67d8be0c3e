"""From a scenario to its two arms: settled policies, and the streams that exist in either."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from cradlecast.model.town import Befalls, Course, Policy
from cradlecast.scenarios.change import Change, ServiceChange
from cradlecast.scenarios.civic import POOL
from cradlecast.scenarios.community import Community
from cradlecast.scenarios.fit import baseline_of, steps_of
from cradlecast.scenarios.library import load_service, names
from cradlecast.scenarios.scenario import Scenario


def baseline_policies(scenario: Scenario, community: Community) -> tuple[Policy, ...]:
    """The dated changes of the scenario's baseline."""
    return tuple(
        Policy(step, seats)
        for change in baseline_of(scenario, community).changes
        for step, seats in _steps(scenario, change)
    )


def scenario_policies(scenario: Scenario, values: Mapping[str, float]) -> tuple[Policy, ...]:
    """The scenario's own changes with levers and this draw's displacement settled.

    Vacated seats that no waiting child refills close: new seats x share that displaces x (1 - backfill).
    """
    return tuple(
        _settled(scenario, step, seats, values)
        for change in scenario.changes
        for step, seats in _steps(scenario, change)
    )


def _steps(scenario: Scenario, change: Change) -> list[tuple[Change, int]]:
    """A change as the steps in which its seats open, each with its seats; none begins after the change ends."""
    last = change.last_year
    return [
        (change.model_copy(update={"first_year": first}), seats)
        for first, seats in steps_of(scenario, change)
        if last is None or first <= last
    ]


def _settled(scenario: Scenario, change: Change, seats: int, values: Mapping[str, float]) -> Policy:
    """One change with its numbers."""
    closing = tuple(
        (program, round(seats * values[share] * (1.0 - values["backfill"]))) for program, share in change.closes.items()
    )
    if not change.financed:
        return Policy(change, seats, closing=closing)
    quality = scenario.lever("quality")
    return Policy(
        change,
        seats,
        quality=1.0 if quality is None else quality,
        hours=scenario.lever("hours"),
        take_up=scenario.lever("take_up"),
        seat_cost=scenario.lever("seat_cost"),
        closing=closing,
    )


ALL_CHILDREN: Final = 10**9
"""Places of what befalls everybody."""


def baseline_courses(scenario: Scenario, community: Community) -> tuple[Course, ...]:
    """The places of services in the scenario's baseline, and what befalls all children in both arms."""
    places = (_course(scenario, change, False) for change in baseline_of(scenario, community).services)
    return (*places, *_on_children(scenario, True))


def scenario_courses(scenario: Scenario) -> tuple[Course, ...]:
    """The scenario's own places of services, with levers settled, and what befalls children in it alone."""
    places = (_course(scenario, change, change.levers) for change in scenario.services)
    return (*places, *_on_children(scenario, False))


def _on_children(scenario: Scenario, in_baseline: bool) -> tuple[Course, ...]:
    """Shocks on children, of both arms or of the scenario alone."""
    return tuple(
        Course(shock.name, shock.first_year, shock.last_year, ALL_CHILDREN)
        for shock in scenario.shocks
        if shock.kind == "children" and shock.in_baseline is in_baseline
    )


def shocks_on_seats(scenario: Scenario, in_baseline: bool) -> tuple[Befalls, ...]:
    """Shocks that close seats, of both arms or of the scenario alone."""
    return tuple(
        Befalls(shock.first_year, shock.last_year, scenario.share_of(shock), shock.program, shock.payer)
        for shock in scenario.shocks
        if shock.kind != "children" and shock.in_baseline is in_baseline
    )


def _course(scenario: Scenario, change: ServiceChange, levers: bool) -> Course:
    """Places of a service with their numbers."""
    return Course(
        service=load_service(change.service).name,
        first_year=change.first_year,
        last_year=change.last_year,
        places=scenario.places_of(change),
        quality=scenario.lever("service_quality") if levers else None,
        take_up=scenario.lever("service_take_up") if levers else None,
        cost=scenario.lever("service_cost") if levers else None,
    )


def streams_in(community: Community, scenario: Scenario) -> tuple[tuple[str, str], ...]:
    """(program, stream) pairs of the community, of the baseline and of the scenario, in order."""
    pairs: list[tuple[str, str]] = [(stream.program, stream.stream) for stream in community.streams]
    changes: Sequence[Change] = (*baseline_of(scenario, community).changes, *scenario.changes)
    pairs += [(change.program, change.stream) for change in changes]
    parts = () if scenario.pool is None else scenario.pool.parts
    pairs += [(part.program, POOL) for part in parts if part.program in names("program")]
    return tuple(dict.fromkeys(pairs))
