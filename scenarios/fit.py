"""Whether a scenario fits its community: baseline, programs, seats and years; checked before anything is computed."""

from __future__ import annotations

from collections.abc import Iterable

from cradlecast.scenarios.change import Baseline, Change, ServiceChange
from cradlecast.scenarios.civic import LEVER_BOUNDS, Pool, Shock, pool_years
from cradlecast.scenarios.community import Community
from cradlecast.scenarios.costs import Costs
from cradlecast.scenarios.errors import InputError, nearest
from cradlecast.scenarios.library import (
    costs_of,
    is_path,
    load_parameters,
    load_program,
    load_program_or_service,
    load_service,
    names,
)
from cradlecast.scenarios.parameters import Parameter
from cradlecast.scenarios.program import Program
from cradlecast.scenarios.ramp import steps
from cradlecast.scenarios.scenario import Scenario
from cradlecast.scenarios.service import CHANNELS, EVERYBODY, Service
from cradlecast.scenarios.validation import validate
from cradlecast.scenarios.versions import header

OPEN_ENDED_YEARS = 3
"""School years followed where a scenario sets no last year."""

MOST_YEARS = 40
"""School years that one scenario may span."""

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


def steps_of(scenario: Scenario, change: Change) -> list[tuple[int, int]]:
    """First school year and seats a year of each step in which a change's seats open."""
    ramp = load_program(change.program).ramp if change.new else ()
    return [(change.first_year + since, seats) for since, seats in steps(ramp, scenario.seats_of(change))]


def seats_in(scenario: Scenario, change: Change, year: int) -> int:
    """Seats that a change adds in a school year."""
    if year < change.first_year or (change.last_year is not None and year > change.last_year):
        return 0
    return sum(seats for first, seats in steps_of(scenario, change) if first <= year)


def services_of(scenario: Scenario, community: Community) -> tuple[Service, ...]:
    """Services of the baseline and of the scenario, each once, in order.

    Raises
    ------
    InputError
        If two files declare a service, or two services a parameter, of one name in different ways.
    """
    changes = (*baseline_of(scenario, community).services, *scenario.services)
    named = [change.service for change in changes]
    if scenario.pool is not None:
        named += [part.program for part in scenario.pool.parts if part.program not in names("program")]
    befalls = [_as_service(shock) for shock in scenario.shocks if shock.kind == "children"]
    found: dict[str, Service] = {}
    for service in (*(load_service(name) for name in named), *befalls):
        if found.setdefault(service.name, service) != service:
            raise InputError(f"two files declare a service '{service.name}' in different ways; give one another name")
    own_parameters(found.values())
    return tuple(found.values())


def _as_service(shock: Shock) -> Service:
    """What befalls all children of some ages, in the form in which the rules give children something."""
    source = {"unit": "none", "source": shock.title, "provenance": "ASSUMED"}
    return validate(
        Service,
        {
            "schema": header("service"),
            "name": shock.name,
            "title": shock.title,
            "description": shock.title,
            "ages": list(shock.ages),
            "again": True,
            "take_up": EVERYBODY,
            "dose": {"value": 0.0, **source},
            "scale_discount": "none",
            "fade_out": "as every gain or loss",
            "effects": [effect.model_dump(mode="json") for effect in shock.effects],
            "parameters": {name: one.model_dump(mode="json") for name, one in shock.parameters.items()},
            "cost": {"value": 0.0, **source},
            "payer": "nobody",
        },
        f"shock '{shock.name}'",
    )


def own_parameters(services: Iterable[Service]) -> dict[str, Parameter]:
    """Parameters that services declare of their own, by name.

    Raises
    ------
    InputError
        If two services declare one in different ways.
    """
    found: dict[str, Parameter] = {}
    for service in services:
        for name, parameter in service.parameters.items():
            if found.setdefault(name, parameter) != parameter:
                raise InputError(
                    f"service '{service.name}' declares parameter '{name}', which another service declares "
                    "in another way; give it another name"
                )
    return found


def school_years(scenario: Scenario) -> tuple[int, ...]:
    """School years (by their fall) in which the scenario's seats differ from the baseline's.

    Raises
    ------
    InputError
        If the scenario ends before it begins, or spans too many years.
    """
    changes: tuple[Change | ServiceChange, ...] = (*scenario.changes, *scenario.services)
    pooled = () if scenario.pool is None else pool_years(scenario.pool)
    first = min([change.first_year for change in changes] + list(pooled[:1]))
    last = max([_last_year(change) for change in changes] + list(pooled[-1:]))
    if last < first:
        raise InputError(f"scenario '{scenario.name}' ends in {last}, before it begins in {first}")
    if last - first >= MOST_YEARS:
        raise InputError(
            f"scenario '{scenario.name}' must span at most {MOST_YEARS} school years; got {first} to {last}"
        )
    return tuple(range(first, last + 1))


def _last_year(change: Change | ServiceChange) -> int:
    """The last school year that is followed of a change."""
    return change.first_year + OPEN_ENDED_YEARS - 1 if change.last_year is None else change.last_year


def cohorts_of(scenario: Scenario) -> tuple[int, ...]:
    """Birth years of the children whom the scenario may reach, and all years in between.

    They are 4 in the years of its seats, or of the ages that its services take in.
    """
    years = school_years(scenario)
    born = {year - ENTRY_AGE for year in years} if scenario.changes else set()
    for change in scenario.services:
        ages = load_service(change.service).ages
        born |= {change.first_year - ages[-1], _last_year(change) - ages[0]}
    if scenario.pool is not None:
        pooled = pool_years(scenario.pool)
        for part in scenario.pool.parts:
            ages = load_program_or_service(part.program).ages
            born |= {pooled[0] - ages[-1], pooled[-1] - ages[0]}
    return tuple(range(min(born), max(born) + 1))


def check_fit(scenario: Scenario, community: Community) -> None:
    """Refuse what a community cannot do: unknown baselines and programs, and seats taken that do not exist.

    Raises
    ------
    InputError
        Naming the scenario or the baseline, the rule and the value.
    """
    baseline = baseline_of(scenario, community)
    school_years(scenario)
    check_community(community)
    _check_take_up(scenario)
    _check_levers(scenario)
    if scenario.pool is not None:
        _check_pool(scenario.pool, community)
    for shock in scenario.shocks:
        _check_shock(shock, scenario, community)
    for service in services_of(scenario, community):
        check_service(service)
    seats = {(s.program, s.stream): int(max(figure.value for figure in s.seats.values())) for s in community.streams}
    owners = {f"baseline '{scenario.baseline}'": baseline.changes, f"scenario '{scenario.name}'": scenario.changes}
    for owner, changes in owners.items():
        for change in changes:
            _check_programs(owner, change)
            key = (change.program, change.stream)
            added = scenario.seats_of(change)
            seats[key] = seats.get(key, 0) + added
            if seats[key] < 0:
                raise InputError(
                    f"{owner} takes {-added:,} seats from stream '{change.stream}' of {change.program}, which has "
                    f"{seats[key] - added:,}"
                )


def _check_take_up(scenario: Scenario) -> None:
    """Refuse to set the take-up of a program that nobody applies to."""
    if scenario.lever("take_up") is None:
        return
    for change in scenario.changes:
        if change.financed and change.program in names("program") and load_program(change.program).take_up is None:
            raise InputError(
                f"take_up of scenario '{scenario.name}' cannot be set: families do not apply for '{change.program}', "
                "they find a place themselves"
            )


def _check_levers(scenario: Scenario) -> None:
    """Refuse a lever of civic infrastructure whose bounds go beyond what it may mean."""
    for name, (least, most) in LEVER_BOUNDS.items():
        lever = scenario.levers.get(name)  # type: ignore[call-overload]
        if lever is not None and not (least <= lever.low and lever.high <= most):
            raise InputError(
                f"lever {name} of scenario '{scenario.name}' must stay from {least:g} to {most:g}; its bounds are "
                f"{lever.low:g} to {lever.high:g}"
            )


def _check_pool(pool: Pool, community: Community) -> None:
    """Refuse what pooled money names and nobody has: areas, programs and payers of the community."""
    for area in pool.areas:
        known = [one.name for one in community.areas]
        if area not in known:
            raise InputError(
                f"areas of the pool names '{area}', which community '{community.name}' does not have"
                f"{nearest(area, known)}"
            )
    costs = costs_of(community.name)
    for grant in pool.grants:
        _check_payer(f"grant '{grant.name}' of the pool", grant.funder, costs)
    bought = []
    for part in pool.parts:
        if part.program in names("program"):
            _check_line(load_program(part.program))
        bought.append(_program_of(part.program))
    again = next((name for name in bought if bought.count(name) > 1), None)
    if again is not None:
        raise InputError(f"parts of the pool name '{again}' twice")


def _program_of(part: str) -> str:
    """Name of the program or the service that a part of a pool buys."""
    programs, services = names("program"), names("service")
    if part in programs:
        return part
    if not is_path(part) and part not in services:
        raise InputError(
            f"parts of the pool names '{part}', which is no program and no service{nearest(part, programs + services)}"
        )
    return load_service(part).name


def _check_payer(owner: str, payer: str, costs: Costs) -> None:
    """Refuse a payer without a budget."""
    try:
        costs.payer(payer)
    except InputError as error:
        raise InputError(f"{owner}: {error}{nearest(payer, list(costs.payers))}") from None


def _check_shock(shock: Shock, scenario: Scenario, community: Community) -> None:
    """Refuse a shock on what the community does not have."""
    if shock.payer is not None:
        _check_payer(f"shock '{shock.name}'", shock.payer, costs_of(community.name))
    if shock.program is not None:
        changes = (*baseline_of(scenario, community).changes, *scenario.changes)
        held = dict.fromkeys([s.program for s in community.streams] + [change.program for change in changes])
        if shock.program not in held:
            raise InputError(
                f"shock '{shock.name}' closes seats of '{shock.program}', of which there are none"
                f"{nearest(shock.program, list(held))}"
            )


def _check_line(program: Program) -> None:
    """Refuse a program that waits in another's line and lasts otherwise than that one, or has parameters of no kind."""
    parameters = load_parameters().parameters
    effects, lines = program.effects, load_program(program.line).effects
    if (effects.long_run, effects.nontest) != (lines.long_run, lines.nontest):
        raise InputError(
            f"program '{program.name}' waits in the line of {program.line} and must share its long_run and nontest"
        )
    named = (effects.skill.parameter, effects.skill.less, program.take_up)
    for name in (each for each in named if each is not None):
        if name not in parameters:
            raise InputError(
                f"program '{program.name}' names parameter '{name}', which does not exist{nearest(name, parameters)}"
            )


def check_service(service: Service) -> None:
    """Refuse a service whose parameters do not exist or have another unit than the channel."""
    shipped = load_parameters().parameters
    again = next((name for name in service.parameters if name in shipped), None)
    if again is not None:
        raise InputError(
            f"service '{service.name}' declares parameter '{again}', which is shipped; give it another name"
        )
    parameters = {**shipped, **service.parameters}
    of_offer = [] if service.take_up == EVERYBODY else [(service.take_up, "share")]
    wanted = [*of_offer, *((e.parameter, CHANNELS[e.channel]) for e in service.effects)]
    for name, unit in wanted:
        if name not in parameters:
            raise InputError(
                f"service '{service.name}' names parameter '{name}', which does not exist{nearest(name, parameters)}"
            )
        if parameters[name].unit != unit:
            raise InputError(f"service '{service.name}' needs '{name}' in {unit}; it is in {parameters[name].unit}")


def check_community(community: Community) -> None:
    """Refuse names in a community that lead nowhere: of its parameter, and of programs that hold no seats.

    Raises
    ------
    InputError
        Naming the community and the name.
    """
    parameters = load_parameters().parameters
    if community.stays not in parameters:
        raise InputError(
            f"stays of community '{community.name}' names parameter '{community.stays}', which does not exist"
            f"{nearest(community.stays, parameters)}"
        )
    known = names("program")
    for program in (*(stream.program for stream in community.streams), *community.spread):
        if program in known:
            _check_line(load_program(program))
        else:
            raise InputError(
                f"community '{community.name}' has seats of '{program}', which holds no seats{nearest(program, known)}"
            )


def _check_programs(owner: str, change: Change) -> None:
    """Refuse a change of a program that holds no seats."""
    known = names("program")
    for program in (change.program, *change.closes):
        if program in known:
            _check_line(load_program(program))
        else:
            raise InputError(f"{owner} changes '{program}', which holds no seats{nearest(program, known)}")
    parameters = load_parameters().parameters
    for share in change.closes.values():
        if share not in parameters:
            raise InputError(
                f"{owner} closes seats by parameter '{share}', which does not exist{nearest(share, parameters)}"
            )
