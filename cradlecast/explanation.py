"""What a scenario changes against its baseline, and what that rests on: rows from the declarations, nothing computed.

Everything is read from the files of the scenario, its community, the programs, the parameters and the evidence, so that
a scenario of one's own is explained like a shipped one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cradlecast.model.distributions import quantile
from cradlecast.scenarios import evidence
from cradlecast.scenarios.change import Change, ServiceChange
from cradlecast.scenarios.civic import CIVIC_LEVERS, POOL, Shock, pool_years
from cradlecast.scenarios.community import Community
from cradlecast.scenarios.fields import Figure, Record
from cradlecast.scenarios.fit import baseline_of, check_fit, school_years, seats_in, services_of
from cradlecast.scenarios.library import (
    load_community,
    load_parameters,
    load_program,
    load_program_or_service,
    load_scenario,
    load_service,
    names,
)
from cradlecast.scenarios.parameters import Parameter
from cradlecast.scenarios.program import Program
from cradlecast.scenarios.registry import cited
from cradlecast.scenarios.scenario import Lever, LeverName, Scenario
from cradlecast.scenarios.service import EVERYBODY, PLACES, Service, places_open

type Cell = str | int | float | bool | None
type Row = dict[str, Cell]
type Pool = tuple[str, str, int]
"""Program, stream and age of some seats."""

OFFERED: Final = "what it offers"
GIVEN_UP: Final = "the care that children give up or fall back on"
CLOSING: Final = "seats that close elsewhere"
LEVERS: Final = "a lever that is set"
EVERYONE: Final = "every child's path, in both arms"
BEFALLS: Final = "what befalls the community"
ROLES: Final = (OFFERED, BEFALLS, GIVEN_UP, CLOSING, LEVERS, EVERYONE)
"""Why a parameter matters for a scenario, nearest first."""

BACKFILL: Final = "backfill"
HOURS_EFFECT: Final = "hours_effect"
"""Parameters that rules name rather than files."""

DISPLACED_AGE: Final = 4
"""Age whose seats close where new ones displace them."""

NINETY: Final = 1.6448536269514722
"""Standard normal score at 95 %: the ends of a central 90 % range."""

_UNCERTAIN: Final = ("ASSUMED", "RECALLED")


@dataclass(frozen=True)
class Explanation:
    """What there is to say of a scenario.

    Attributes
    ----------
    scenario
        With its levers as set.
    community, programs, services
        What it stands on: programs that hold seats, and the services of the scenario and its baseline.
    changes
        Seats, and places of services, by year, program, stream and age: as observed, in the baseline, in the scenario.
    levers
        Levers with default, bounds and what each moves.
    assumptions
        Uncertain parameters that matter for it, and figures that are assumed, remembered or borrowed.
    evidence
        The estimates and priors behind those parameters.
    """

    scenario: Scenario
    community: Community
    programs: Mapping[str, Program]
    services: Mapping[str, Service]
    changes: tuple[Row, ...]
    levers: tuple[Row, ...]
    assumptions: tuple[Row, ...]
    evidence: tuple[Row, ...]

    @property
    def tables(self) -> dict[str, tuple[Row, ...]]:
        """The tables by name, in print order."""
        return {
            "changes": self.changes,
            "levers": self.levers,
            "assumptions": self.assumptions,
            "evidence": self.evidence,
        }

    @property
    def moves_no_child(self) -> bool:
        """True if each child's care and services are the same in both arms: no seat or place more or less, or other."""
        net: dict[tuple[Cell, Cell, Cell], float] = {}
        for row in self.changes:
            key = row["year"], row["program"], row["age"]
            change = row["change"]
            assert isinstance(change, int | float)
            net[key] = net.get(key, 0) + change
        altered = alters_seats(self.scenario, self.programs) or alters_services(self.scenario)
        return not any(net.values()) and not altered and self.scenario.pool is None and not self._own_shocks

    @property
    def _own_shocks(self) -> bool:
        """Whether something befalls the scenario and not its baseline."""
        return any(not shock.in_baseline for shock in self.scenario.shocks)


def explain(scenario: Scenario, settings: Mapping[str, float] | None = None) -> Explanation:
    """Explain a scenario.

    Parameters
    ----------
    scenario
        As loaded, so that its levers show their defaults.
    settings
        Levers to move.

    Raises
    ------
    InputError
        For a lever that does not exist or is out of bounds, or a scenario that does not fit its community.
    """
    moved = scenario.with_levers(dict(settings or {}))
    community = load_community(scenario.community)
    check_fit(moved, community)
    programs = {name: load_program(name) for name in names("program")}
    services = {one.name: one for one in services_of(moved, community) if one.take_up != EVERYBODY}
    parameters = [*_parameters(moved, programs, services)]
    figures = [*_figures(community, f"community {community.name}")]
    for program in programs.values():
        figures += _figures(program, f"program {program.name}")
    for service in services.values():
        figures += _figures(service, f"service {service.name}")
    return Explanation(
        scenario=moved,
        community=community,
        programs=programs,
        services=services,
        changes=(
            *_changes(moved, community, programs),
            *_places(moved, community, services),
            *_pooled(moved),
        ),
        levers=tuple(_lever(name, lever, scenario, moved, programs) for name, lever in moved.levers.items()),
        assumptions=(*parameters, *figures),
        evidence=tuple(_evidence(parameters)),
    )


def alters_seats(scenario: Scenario, programs: Mapping[str, Program]) -> bool:
    """Whether levers make a financed seat another seat, or let other families apply."""
    financed = [change for change in scenario.changes if change.financed and scenario.seats_of(change)]
    quality, hours = scenario.lever("quality"), scenario.lever("hours")
    other_hours = [c for c in financed if hours is not None and hours != programs[c.program].hours_per_year.value]
    other_quality = quality is not None and quality != 1.0
    return bool(financed) and (other_quality or bool(other_hours) or scenario.lever("take_up") is not None)


def alters_services(scenario: Scenario) -> bool:
    """Whether levers make a service another one, or let others take part."""
    under_levers = any(change.levers and scenario.places_of(change) for change in scenario.services)
    quality = scenario.lever("service_quality")
    return under_levers and (quality not in (None, 1.0) or scenario.lever("service_take_up") is not None)


def closing_seats(scenario: Scenario, change: Change) -> dict[str, float]:
    """Seats a year that a change closes in other programs, at the means of its parameters, by program."""
    known = load_parameters().parameters
    kept = 1.0 - known[BACKFILL].mean
    return {program: scenario.seats_of(change) * known[share].mean * kept for program, share in change.closes.items()}


# --- changes ---


def _changes(scenario: Scenario, community: Community, programs: Mapping[str, Program]) -> Iterator[Row]:
    """Seats of every year and stream that the baseline or the scenario touches."""
    baseline = baseline_of(scenario, community).changes
    observed = {(s.program, s.stream, age): round(f.value) for s in community.streams for age, f in s.seats.items()}
    touched = dict.fromkeys(
        (change.program, change.stream, age)
        for change in (*baseline, *scenario.changes)
        for age in programs[change.program].ages
    )
    financed = {(change.program, change.stream) for change in scenario.changes if change.financed}
    for year in school_years(scenario):
        for pool in touched:
            before = _seats(pool, year, scenario, baseline, observed)
            after = _seats(pool, year, scenario, (*baseline, *scenario.changes), observed)
            program, stream, age = pool
            yield {
                "scenario": scenario.name,
                "year": year,
                "program": program,
                "stream": stream,
                "age": age,
                "observed": observed.get(pool, 0),
                "baseline": before,
                "scenario_seats": after,
                "change": after - before,
                "program_baseline": _of_program(pool, year, scenario, baseline, observed),
                "program_scenario": _of_program(pool, year, scenario, (*baseline, *scenario.changes), observed),
                "financed": (program, stream) in financed,
                "payer": programs[program].payer,
                "rule": "dated seats",
            }
        yield from _closings(scenario, year, programs)


def _places(scenario: Scenario, community: Community, services: Mapping[str, Service]) -> Iterator[Row]:
    """Places of every service and year that the baseline or the scenario touches, as they open."""
    baseline = baseline_of(scenario, community).services
    changed = {load_service(change.service).name for change in (*baseline, *scenario.services)}
    for year in school_years(scenario):
        for name, service in ((name, service) for name, service in services.items() if name in changed):
            before = _places_open(service, year, scenario, baseline)
            after = _places_open(service, year, scenario, (*baseline, *scenario.services))
            yield {
                "scenario": scenario.name,
                "year": year,
                "program": name,
                "stream": PLACES,
                "age": service.ages[0],
                "observed": None,
                "baseline": before,
                "scenario_seats": after,
                "change": after - before,
                "program_baseline": before,
                "program_scenario": after,
                "financed": False,
                "payer": service.payer,
                "rule": "dated places, opened as staff is hired",
            }


def _places_open(service: Service, year: int, scenario: Scenario, changes: Sequence[ServiceChange]) -> int:
    """Places of a service that are open in a year, after some changes."""
    grants = [
        (change.first_year, scenario.places_of(change))
        for change in changes
        if load_service(change.service).name == service.name and _in_force(change, year)
    ]
    return places_open(service, grants, year)


def _pooled(scenario: Scenario) -> Iterator[Row]:
    """Pooled money a year and program, as the baseline divides it and as the scenario does in its first year.

    How many seats or places it opens follows from hiring and from what is left of the year before; the study's table
    ``pool`` counts them.
    """
    pool = scenario.pool
    if pool is None:
        return
    for year in pool_years(pool):
        for part in pool.parts:
            declared = load_program_or_service(part.program)
            dollars = sum(
                grant.dollars
                for grant in pool.grants
                if grant.first_year <= year and (grant.last_year is None or year <= grant.last_year)
            )
            yield {
                "scenario": scenario.name,
                "year": year,
                "program": declared.name,
                "stream": POOL,
                "age": declared.ages[0],
                "observed": None,
                "baseline": None,
                "scenario_seats": None,
                "change": 0,
                "program_baseline": round(dollars * part.share) if pool.in_baseline else 0,
                "program_scenario": round(dollars * part.share),
                "financed": False,
                "payer": ", ".join(dict.fromkeys(grant.funder for grant in pool.grants)),
                "rule": f"dollars of {pool.price_year} by the grants; divided anew every year: {pool.allocation}",
            }


def _closings(scenario: Scenario, year: int, programs: Mapping[str, Program]) -> Iterator[Row]:
    """Seats that displacement closes in a year, at the means of its parameters."""
    for change in scenario.changes:
        if not _in_force(change, year):
            continue
        for program, seats in closing_seats(scenario, change).items():
            yield {
                "scenario": scenario.name,
                "year": year,
                "program": program,
                "stream": None,
                "age": DISPLACED_AGE,
                "observed": None,
                "baseline": None,
                "scenario_seats": None,
                "change": -round(seats),
                "program_baseline": None,
                "program_scenario": None,
                "financed": False,
                "payer": programs[program].payer,
                "rule": f"closes: new seats x {change.closes[program]} x (1 - {BACKFILL}), at their means",
            }


def _seats(pool: Pool, year: int, scenario: Scenario, changes: Sequence[Change], observed: Mapping[Pool, int]) -> int:
    """Seats of a stream in a year, after some changes."""
    program, stream, _ = pool
    here = [c for c in changes if (c.program, c.stream) == (program, stream) and _in_force(c, year)]
    return max(observed.get(pool, 0) + sum(seats_in(scenario, change, year) for change in here), 0)


def _of_program(
    pool: Pool, year: int, scenario: Scenario, changes: Sequence[Change], observed: Mapping[Pool, int]
) -> int:
    """Seats of all streams of a pool's program and age in a year, after some changes."""
    program, _, age = pool
    streams = dict.fromkeys(
        [stream for name, stream, at in observed if (name, at) == (program, age)]
        + [change.stream for change in changes if change.program == program]
    )
    return sum(_seats((program, stream, age), year, scenario, changes, observed) for stream in streams)


def _in_force(change: Change | ServiceChange, year: int) -> bool:
    """Whether a change holds in a school year."""
    return change.first_year <= year and (change.last_year is None or year <= change.last_year)


# --- levers ---


def _lever(name: LeverName, lever: Lever, scenario: Scenario, moved: Scenario, programs: Mapping[str, Program]) -> Row:
    """One lever: where it stands, where it may go, and what it moves."""
    default = scenario.levers[name].value
    return {
        "scenario": scenario.name,
        "lever": name,
        "value": lever.value,
        "default": default,
        "moved": lever.value != default,
        "low": lever.low,
        "high": lever.high,
        "unit": lever.unit,
        "moves": lever_moves(name, moved, programs),
        "note": lever.note,
    }


def lever_moves(name: LeverName, scenario: Scenario, programs: Mapping[str, Program]) -> str:
    """What a lever moves in this scenario, in words."""
    if name == "seats":
        return _seats_moved(scenario)
    if name in SERVICE_LEVERS:
        return _service_moved(name, scenario)
    if name in CIVIC_LEVERS:
        neutral, _, words = CIVIC_LEVERS[name]
        return f"{words}; at rest at {neutral:g}; no causal estimate exists, so this is the user's assumption"
    if name == "shock":
        moved = ", ".join(shock.title for shock in scenario.shocks if shock.share == "shock")
        return f"share of the seats or the money that is lost: {moved or 'nothing here'}"
    financed = list(dict.fromkeys(change.program for change in scenario.changes if change.financed))
    if not financed:
        return "nothing here: no change of this scenario is financed"
    where = " and ".join(f"the financed seats of {program}" for program in financed)
    if name == "quality":
        skill = " and ".join(dict.fromkeys(programs[program].effects.skill.parameter for program in financed))
        return f"multiplies the first-year gain in skill in {where} ({skill})"
    if name == "hours":
        standard = " and ".join(f"{programs[program].hours_per_year.value:,.0f}" for program in financed)
        return f"hours a year in {where}: {HOURS_EFFECT} for each 100 away from {standard}"
    if name == "take_up":
        share = " and ".join(dict.fromkeys(programs[program].take_up or "everyone" for program in financed))
        return f"replaces {share} in the scenario from the first financed year to the last"
    return f"dollars for {where}, in prices and cost tables; no child's path"


def _seats_moved(scenario: Scenario) -> str:
    """The streams whose seats follow the lever."""
    parts = []
    for change in scenario.changes:
        if isinstance(change.seats, str):
            verb = "takes away" if change.seats.startswith("-") else "adds"
            parts.append(f"{verb} so many seats of {change.program} ({change.stream}), {years_of(change)}")
    return "; ".join(parts) or "nothing: the changes state their own numbers"


SERVICE_LEVERS: Final = ("places", "service_quality", "service_take_up", "service_cost")
"""Levers of services."""


def _service_moved(name: LeverName, scenario: Scenario) -> str:
    """What a lever of services moves, in words."""
    if name == "places":
        parts = [
            f"{load_service(change.service).name}, {years_of(change)}"
            for change in scenario.services
            if change.places == "places"
        ]
        return f"children taken in a year by {'; '.join(parts)}" if parts else "nothing: the services state their own"
    moved = dict.fromkeys(load_service(change.service).name for change in scenario.services if change.levers)
    where = ", ".join(moved) or "no service"
    return {
        "service_quality": f"multiplies every effect of {where}",
        "service_take_up": f"replaces the share of those offered who take part in {where}",
        "service_cost": f"dollars a child served by {where}, in cost tables; no child's path",
    }[name]


def years_of(change: Change | ServiceChange) -> str:
    """The school years of a change, by their fall."""
    if change.last_year is None:
        return f"from {change.first_year} on"
    if change.last_year == change.first_year:
        return f"{change.first_year}"
    return f"{change.first_year} to {change.last_year}"


# --- assumptions ---


def _parameters(scenario: Scenario, programs: Mapping[str, Program], services: Mapping[str, Service]) -> Iterator[Row]:
    """The uncertain parameters that matter for a scenario, nearest first."""
    roles = parameter_roles(scenario, programs)
    roles |= {name: OFFERED for service in services.values() for name in named_by_service(service)}
    befalls = [(effect.parameter, shock) for shock in scenario.shocks for effect in shock.effects]
    roles |= {name: BEFALLS for name, _ in befalls}
    known = {**load_parameters().parameters}
    owners: tuple[Service | Shock, ...] = (*services.values(), *scenario.shocks)
    for owner in owners:
        known |= owner.parameters
    named = {name: role for name, role in roles.items() if name in known}
    idle = _idle(scenario)
    rest = {name: EVERYONE for name in known if name not in named and name not in idle}
    for role in ROLES:
        for name, why in (named | rest).items():
            if why == role:
                yield _parameter(name, known[name], role, scenario)


def parameter_roles(scenario: Scenario, programs: Mapping[str, Program]) -> dict[str, str]:
    """Parameters that the scenario, its levers or the programs name, and why each matters.

    A program names the parameters in its file, and those whose names begin with its own; every seat has hours, and so
    a gain for parents.
    """
    changed = {change.program for change in scenario.changes}
    known = load_parameters().parameters
    roles: dict[str, str] = {}
    for role, offered in ((OFFERED, True), (GIVEN_UP, False)):
        for name, program in programs.items():
            if (name in changed) is offered:
                for each in (*_named_by(program), *(p for p in known if p.startswith(f"{name}_"))):
                    roles.setdefault(each, role)
    roles |= {name: OFFERED for name in known if name.startswith("parents_")}
    for change in scenario.changes:
        if change.closes:
            roles |= dict.fromkeys((*change.closes.values(), BACKFILL), CLOSING)
    if scenario.lever("hours") is not None:
        roles[HOURS_EFFECT] = LEVERS
    return roles


def _idle(scenario: Scenario) -> set[str]:
    """Parameters of rules that this scenario leaves at rest: displacement, and hours that nobody changes."""
    shipped = [load_scenario(name) for name in names("scenario")]
    idle = {share for each in shipped for change in each.changes for share in change.closes.values()}
    of_services = {each for name in names("service") for each in named_by_service(load_service(name))}
    return idle | of_services | {BACKFILL, HOURS_EFFECT}


def named_by_service(service: Service) -> list[str]:
    """Parameters that a service's file names."""
    named = [service.take_up, *(effect.parameter for effect in service.effects)]
    return [name for name in named if name != EVERYBODY]


def _named_by(program: Program) -> list[str]:
    """Parameters that a program's file names."""
    effects = program.effects
    found = [each for e in (effects.skill, effects.long_run, effects.nontest) for each in (e.parameter, e.less)]
    return [each for each in (*found, program.take_up) if each is not None]


def _parameter(name: str, parameter: Parameter, role: str, scenario: Scenario) -> Row:
    """One uncertain parameter: its middle and central 90 % range, its grade, and what it rests on."""
    ids = (*parameter.priors, *parameter.evidence)
    titles = dict.fromkeys(evidence.estimate(each).source_title for each in parameter.evidence)
    return {
        "scenario": scenario.name,
        "kind": "parameter",
        "name": name,
        "title": parameter.title,
        "why": role,
        "value": quantile(parameter, 0.0),
        "low": quantile(parameter, -NINETY),
        "high": quantile(parameter, NINETY),
        "unit": parameter.unit,
        "grade": parameter.grade,
        "assumed": parameter.grade == "assumption" or not ids,
        "evidence": ", ".join(ids) or None,
        "sources": "; ".join(titles) or None,
        "borrowed": None,
        "assumption": parameter.assumption,
    }


def _figures(record: Record, owner: str) -> Iterator[Row]:
    """Figures of a declaration that are assumed, remembered, or stand in from another place."""
    for path, figure in cited(record):
        if isinstance(figure, Figure) and (figure.provenance in _UNCERTAIN or figure.borrowed is not None):
            yield _figure(figure, owner, path)


def _figure(figure: Figure, owner: str, path: str) -> Row:
    """One figure that was not measured where it is used."""
    return {
        "scenario": None,
        "kind": "figure",
        "name": f"{owner}: {path}",
        "title": figure.note,
        "why": owner,
        "value": figure.value,
        "low": figure.low,
        "high": figure.high,
        "unit": figure.unit,
        "grade": figure.provenance,
        "assumed": figure.provenance == "ASSUMED",
        "evidence": ", ".join(figure.evidence) or None,
        "sources": figure.source,
        "borrowed": figure.borrowed,
        "assumption": None,
    }


# --- evidence ---


def _evidence(parameters: Sequence[Row]) -> Iterator[Row]:
    """The priors and estimates behind some parameters, each once, with the parameters that rest on it."""
    users: dict[str, list[str]] = {}
    for row in parameters:
        for each in str(row["evidence"] or "").split(", "):
            if each:
                users.setdefault(each, []).append(str(row["name"]))
    for each, used_by in sorted(users.items()):
        yield {"id": each} | _source(each) | {"used_by": ", ".join(used_by)}


def _source(key: str) -> Row:
    """Title, address and standing of one piece of evidence."""
    if key in evidence.priors():
        prior = evidence.prior(key)
        return {
            "title": f"Prior: {prior.program}, {prior.outcome}, {prior.contrast}",
            "value": prior.mean,
            "error": prior.sd,
            "unit": prior.unit,
            "design": f"confidence {prior.confidence}",
            "provenance": "DERIVED",
            "address": prior.derived_from,
        }
    estimate = evidence.estimate(key)
    return {
        "title": estimate.source_title,
        "value": estimate.value,
        "error": estimate.se,
        "unit": estimate.unit,
        "design": estimate.grade,
        "provenance": estimate.provenance,
        "address": estimate.source_address,
    }
