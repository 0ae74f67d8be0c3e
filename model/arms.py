"""From a scenario to its two arms: settled policies, the streams that exist in either, and the cohorts reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cradlecast.model.town import PROGRAMS, Policy
from cradlecast.scenarios.community import Community
from cradlecast.scenarios.errors import InputError, nearest
from cradlecast.scenarios.scenario import Baseline, Change, Scenario

OPEN_ENDED_YEARS = 3
"""School years followed where a scenario sets no last year."""

ENTRY_AGE = 4
"""Age in the fall of the school year whose seats a scenario changes."""


def baseline_of(scenario: Scenario, community: Community) -> Baseline:
    """The baseline that a scenario names.

    Raises
    ------
    InputError
        If the community has no such baseline.
    """
    if scenario.baseline not in community.baselines:
        raise InputError(
            f"scenario '{scenario.name}' names baseline '{scenario.baseline}', which community '{community.name}' does "
            f"not have{nearest(scenario.baseline, community.baselines)}"
        )
    return community.baselines[scenario.baseline]


def check_changes(scenario: Scenario, community: Community) -> None:
    """Refuse changes to programs that hold no seats, closures of unknown seats, and seats taken that do not exist.

    Raises
    ------
    InputError
        Naming the scenario, the change and the rule.
    """
    baseline = baseline_of(scenario, community)
    seats = {(s.program, s.stream): int(max(f.value for f in s.seats.values())) for s in community.streams}
    for owner, changes in (
        (f"baseline '{scenario.baseline}'", baseline.changes),
        (f"scenario '{scenario.name}'", scenario.changes),
    ):
        for change in changes:
            for program in (change.program, *change.closes):
                if program not in PROGRAMS:
                    raise InputError(f"{owner} changes '{program}', which holds no seats{nearest(program, PROGRAMS)}")
            key = (change.program, change.stream)
            added = scenario.seats_of(change)
            seats[key] = seats.get(key, 0) + added
            if seats[key] < 0:
                raise InputError(
                    f"{owner} takes {-added:,} seats from stream '{change.stream}' of {change.program}, which has "
                    f"{seats[key] - added:,}"
                )


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
        closing=closing,
    )


def school_years(scenario: Scenario) -> tuple[int, ...]:
    """School years (by their fall) in which the scenario's seats differ from the baseline's."""
    first = min(change.first_year for change in scenario.changes)
    last = max(
        change.first_year + OPEN_ENDED_YEARS - 1 if change.last_year is None else change.last_year
        for change in scenario.changes
    )
    if last < first:
        raise InputError(f"scenario '{scenario.name}' ends in {last}, before it begins in {first}")
    return tuple(range(first, last + 1))


def cohorts_of(scenario: Scenario) -> tuple[int, ...]:
    """Birth years of the children who are 4 in those school years."""
    return tuple(year - ENTRY_AGE for year in school_years(scenario))


def streams_in(community: Community, scenario: Scenario) -> tuple[tuple[str, str], ...]:
    """(program, stream) pairs of the community, of the baseline and of the scenario, in order."""
    pairs: list[tuple[str, str]] = [(stream.program, stream.stream) for stream in community.streams]
    changes: Sequence[Change] = (*baseline_of(scenario, community).changes, *scenario.changes)
    pairs += [(change.program, change.stream) for change in changes]
    return tuple(dict.fromkeys(pairs))
