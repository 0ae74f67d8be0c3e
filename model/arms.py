"""From a scenario to its two arms: settled policies, and the streams that exist in either."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cradlecast.model.town import Course, Policy
from cradlecast.scenarios.community import Community
from cradlecast.scenarios.fit import baseline_of
from cradlecast.scenarios.library import load_service
from cradlecast.scenarios.scenario import Change, Scenario, ServiceChange


def baseline_policies(scenario: Scenario, community: Community) -> tuple[Policy, ...]:
    """The dated changes of the scenario's baseline."""
    return tuple(Policy(change, scenario.seats_of(change)) for change in baseline_of(scenario, community).changes)


def scenario_policies(scenario: Scenario, values: Mapping[str, float]) -> tuple[Policy, ...]:
    """The scenario's own changes with levers and this draw's displacement settled.

    Vacated seats that no waiting child refills close: new seats x share that displaces x (1 - backfill).
    """
    return tuple(_settled(scenario, change, values) for change in scenario.changes)


def _settled(scenario: Scenario, change: Change, values: Mapping[str, float]) -> Policy:
    """One change with its numbers."""
    seats = scenario.seats_of(change)
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


def baseline_courses(scenario: Scenario, community: Community) -> tuple[Course, ...]:
    """The places of services in the scenario's baseline."""
    return tuple(_course(scenario, change, False) for change in baseline_of(scenario, community).services)


def scenario_courses(scenario: Scenario) -> tuple[Course, ...]:
    """The scenario's own places of services, with levers settled."""
    return tuple(_course(scenario, change, change.levers) for change in scenario.services)


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
    return tuple(dict.fromkeys(pairs))
