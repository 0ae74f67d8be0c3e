"""Scenarios laid on one another: what each changes happens together, and what they disagree about is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from itertools import combinations
from pathlib import Path
from typing import Final

from cradlecast.scenarios.civic import ALLOCATIONS
from cradlecast.scenarios.errors import InputError, nearest
from cradlecast.scenarios.library import is_path, load_scenario, load_service
from cradlecast.scenarios.scenario import Lever, LeverName, Scenario
from cradlecast.scenarios.wording import shown

PLUS: Final = "+"
"""What stands between the names of scenarios that are stacked."""

RULE: Final = "@"
"""What stands between a scenario's name and the rule that divides its pooled money."""

OF_SEATS: Final[tuple[LeverName, ...]] = ("quality", "hours", "take_up", "seat_cost")
"""Levers that act on every financed seat."""

OF_SERVICES: Final[tuple[LeverName, ...]] = ("service_quality", "service_take_up", "service_cost")
"""Levers that act on every service under levers."""

COUNTS: Final[tuple[LeverName, ...]] = ("seats", "places")
"""Levers that are a number of seats or places: one number cannot say two."""

JOINED: Final = (
    "schema_",
    "name",
    "title",
    "author",
    "description",
    "sources",
    "community",
    "baseline",
    "seats_are_additional",
    "changes",
    "services",
    "shocks",
    "levers",
)
"""What a stack knows how to join; anything else may stand in one of its scenarios only."""


def load_stacked(words: str, settings: Mapping[str, float] | None = None) -> Scenario:
    """One scenario, or several with + between them as one; see `load_all`."""
    return load_all([words], settings)[0]


def load_all(words: Sequence[str], settings: Mapping[str, float] | None = None) -> tuple[Scenario, ...]:
    """Scenarios by their names or paths, some of them stacked, with levers moved.

    Parameters
    ----------
    words
        Each as in ``a`` or ``a+b``. The path of a file that exists is one scenario, whatever its letters.
    settings
        Lever to value, for every scenario; ``a.places`` is the lever of scenario a alone. Seats and places of a part of
        a stack that are set in this way are settled, so that the other parts may have a lever of that name.

    Raises
    ------
    InputError
        For what cannot be loaded, moved or stacked.
    """
    shared, own = addressed(settings or {})
    stacks = [[_named(name) for name in parts_of(each)] for each in words]
    _check_owners(own, [scenario for parts in stacks for scenario in parts])
    return tuple(_moved(parts, shared, own) for parts in stacks)


def load_unmoved(words: str, settings: Mapping[str, float]) -> tuple[Scenario, dict[str, float]]:
    """As `load_stacked`, but levers of the whole keep their defaults and are given back beside it, checked."""
    shared, own = addressed(settings)
    parts = [_named(name) for name in parts_of(words)]
    _check_owners(own, parts)
    if len(parts) == 1:
        shared, own = shared | own.get(parts[0].name, {}), {}
    _moved(parts, shared, own)
    return _moved(parts, {}, own), shared


def addressed(settings: Mapping[str, float]) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Settings for everybody, and those of single scenarios by name.

    Examples
    --------
    >>> addressed({"seats": 500, "a.places": 10})
    ({'seats': 500}, {'a': {'places': 10}})
    """
    shared: dict[str, float] = {}
    own: dict[str, dict[str, float]] = {}
    for setting, value in settings.items():
        owner, dot, lever = setting.rpartition(".")
        levers = own.setdefault(owner, {}) if dot else shared
        levers[lever] = value
    return shared, own


def parts_of(words: str) -> list[str]:
    """The names or paths of scenarios that are to be stacked; one where nothing is.

    Examples
    --------
    >>> parts_of("a+b")
    ['a', 'b']
    """
    if is_path(words) and Path(words).is_file():
        return [words]
    return words.split(PLUS)


def _named(words: str) -> Scenario:
    """One scenario by its name or path, its pooled money divided by the rule behind @ if there is one.

    Raises
    ------
    InputError
        Also for an unknown rule, or a scenario without pooled money.
    """
    name, at, rule = words.rpartition(RULE)
    if not at or (is_path(words) and Path(words).is_file()):
        return load_scenario(words)
    scenario = load_scenario(name)
    if scenario.pool is None:
        raise InputError(f"scenario '{scenario.name}' has no pooled money to divide by {shown(rule)}")
    if rule not in ALLOCATIONS:
        hint = nearest(rule[:100], ALLOCATIONS) or f"; there are {', '.join(ALLOCATIONS)}"
        raise InputError(f"unknown rule {shown(rule)} for the pooled money of '{scenario.name}'{hint}")
    pool = scenario.pool.model_copy(update={"allocation": rule})
    return scenario.model_copy(update={"pool": pool, "name": f"{scenario.name}{RULE}{rule}"})


def by_every_rule(words: Sequence[str], rules: str) -> list[str]:
    """Names with each rule behind them, for scenarios with pooled money; other names as they are.

    Parameters
    ----------
    words
        Scenarios by their names or paths.
    rules
        Rules with commas between them, or ``all``.
    """
    chosen = list(ALLOCATIONS) if rules == "all" else rules.split(",")
    found = []
    for each in words:
        pooled = RULE not in each and len(parts_of(each)) == 1 and load_scenario(each).pool is not None
        found += [f"{each}{RULE}{rule}" for rule in chosen] if pooled else [each]
    return found


def settled(scenario: Scenario, settings: Mapping[str, float]) -> Scenario:
    """A scenario with levers of its own moved; seats and places among them are written into its changes for good."""
    moved = scenario.with_levers(dict(settings))
    changes, services = moved.changes, moved.services
    if "seats" in settings:
        changes = tuple(each.model_copy(update={"seats": moved.seats_of(each)}) for each in changes)
    if "places" in settings:
        services = tuple(each.model_copy(update={"places": moved.places_of(each)}) for each in services)
    levers = {name: lever for name, lever in moved.levers.items() if name not in COUNTS or name not in settings}
    return moved.model_copy(update={"changes": changes, "services": services, "levers": levers})


def stack(scenarios: Sequence[Scenario]) -> Scenario:
    """Scenarios of one community and baseline as one: all their changes and services, and the levers of them all.

    A lever of seats or services that two scenarios declare alike, with the same value, acts on both as one.

    Parameters
    ----------
    scenarios
        One or more, in the order in which their changes are to stand.

    Raises
    ------
    InputError
        Naming what two of them disagree about: community, baseline, a lever, money behind a stream, a service.
    """
    for one, other in combinations(scenarios, 2):
        for conflict in conflicts(one, other):
            raise InputError(conflict)
    return reduce(_both, scenarios)


def conflicts(one: Scenario, other: Scenario) -> Iterator[str]:
    """What two scenarios cannot both have, a sentence each."""
    both = f"'{one.name}' and '{other.name}'"
    if one.name == other.name:
        yield f"scenario '{one.name}' is stacked on itself; name it once"
        return
    for what in ("community", "baseline"):
        mine, theirs = getattr(one, what), getattr(other, what)
        if mine != theirs:
            yield f"{both} cannot be stacked: their {what} differs, '{mine}' and '{theirs}'"
            return
    money = {(each.program, each.stream): each.financed for each in one.changes}
    for change in other.changes:
        if money.get((change.program, change.stream), change.financed) != change.financed:
            yield (
                f"{both} cannot be stacked: an outcomes contract pays for stream '{change.stream}' of {change.program} "
                "in one of them and not in the other"
            )
    for shock in {each.name for each in one.shocks} & {each.name for each in other.shocks}:
        yield f"{both} cannot be stacked: shock '{shock}' stands in both; give one another name"
    for field in _rest(one):
        if field in _rest(other):
            yield f"{both} cannot be stacked: both have '{field}', and nothing says how the two would act together"
    yield from _services_apart(one, other)
    for name in dict.fromkeys((*one.levers, *other.levers)):
        yield from _lever_twice(name, one, other)


def uses(scenario: Scenario, name: LeverName) -> bool:
    """Whether a lever of this name, wherever it is declared, would act on what a scenario changes."""
    if name == "seats":
        return any(isinstance(change.seats, str) for change in scenario.changes)
    if name == "places":
        return any(change.places == name for change in scenario.services)
    if name in OF_SEATS:
        return any(change.financed for change in scenario.changes)
    return name in OF_SERVICES and any(change.levers for change in scenario.services)


def _lever_twice(name: LeverName, one: Scenario, other: Scenario) -> Iterator[str]:
    """What is wrong with a lever that both use."""
    if not (uses(one, name) and uses(other, name)):
        return
    mine, theirs = one.levers.get(name), other.levers.get(name)
    if name in COUNTS:
        yield (
            f"lever '{name}' stands in both '{one.name}' and '{other.name}'; settle it in one of them, as in "
            f"--set {other.name}.{name}={other.lever(name) or 0:g}"
        )
    elif mine is None or theirs is None:
        owner, bare = (one, other) if theirs is None else (other, one)
        if name in OF_SERVICES and not set(OF_SERVICES) & set(bare.levers):
            return  # its services stand outside the levers of the stack
        yield (
            f"lever '{name}' of '{owner.name}' would act on what '{bare.name}' changes too, which does not declare it"
        )
    elif (mine.value, mine.unit) != (theirs.value, theirs.unit):
        yield (
            f"lever '{name}' stands in both '{one.name}' and '{other.name}' with different values or units: "
            f"{_worded(mine)} and {_worded(theirs)}"
        )


def _services_apart(one: Scenario, other: Scenario) -> Iterator[str]:
    """Services that both have and that are not the same, or not under the same levers."""
    mine = {load_service(change.service).name: change for change in one.services}
    for change in other.services:
        service = load_service(change.service)
        if service.name not in mine:
            continue
        if load_service(mine[service.name].service) != service:
            yield f"'{one.name}' and '{other.name}' cannot be stacked: service '{service.name}' is another in each"
        elif _under_levers(one, mine[service.name].levers) != _under_levers(other, change.levers):
            yield (
                f"'{one.name}' and '{other.name}' cannot be stacked: service '{service.name}' is under levers in one "
                "of them and not in the other"
            )


def _under_levers(scenario: Scenario, levers: bool) -> bool:
    """Whether levers of its own scenario act on a service."""
    return levers and bool(set(OF_SERVICES) & set(scenario.levers))


def _both(one: Scenario, other: Scenario) -> Scenario:
    """Two scenarios without a conflict as one."""
    levers = {}
    for name in dict.fromkeys((*one.levers, *other.levers)):
        levers[name] = _united([each.levers[name] for each in (one, other) if name in each.levers])
        owners = [each for each in (one, other) if name in each.levers and uses(each, name)]
        if len(owners) == 1:
            levers[name] = owners[0].levers[name]
    return one.model_copy(
        update={
            "name": f"{one.name}{PLUS}{other.name}",
            "title": f"{one.title}; and {other.title}",
            "author": ", ".join(dict.fromkeys((one.author, other.author))),
            "description": f"{one.description.strip()} And: {other.description.strip()}",
            "sources": tuple(dict.fromkeys((*one.sources, *other.sources))),
            "seats_are_additional": one.seats_are_additional or other.seats_are_additional,
            "changes": (*one.changes, *other.changes),
            "services": (*_services(one), *_services(other)),
            "shocks": (*one.shocks, *other.shocks),
            "levers": levers,
        }
        | {field: getattr(other, field) for field in _rest(other)}
    )


def _rest(scenario: Scenario) -> list[str]:
    """Fields beyond those that a stack can join, where the scenario sets them."""
    fields = [name for name in Scenario.model_fields if name not in JOINED]
    return [name for name in fields if getattr(scenario, name) != Scenario.model_fields[name].get_default()]


def _services(scenario: Scenario) -> tuple[object, ...]:
    """Services of a scenario, outside all levers if it declares none for them."""
    return tuple(each.model_copy(update={"levers": _under_levers(scenario, each.levers)}) for each in scenario.services)


def _united(levers: Sequence[Lever]) -> Lever:
    """One lever for all that share it, within the bounds of each."""
    narrow = {"low": max(each.low for each in levers), "high": min(each.high for each in levers)}
    return levers[0].model_copy(update=narrow)


def _worded(lever: Lever) -> str:
    """A lever's value as an error shows it."""
    return f"{'as the program has it' if lever.value is None else f'{lever.value:g}'} ({lever.unit})"


def _moved(parts: Sequence[Scenario], shared: Mapping[str, float], own: Mapping[str, dict[str, float]]) -> Scenario:
    """One scenario or a stack, with the levers of its parts and then of the whole moved."""
    if len(parts) == 1:
        return parts[0].with_levers({**shared, **own.get(parts[0].name, {})})
    return stack([settled(each, own.get(each.name, {})) for each in parts]).with_levers(dict(shared))


def _check_owners(own: Mapping[str, dict[str, float]], scenarios: Sequence[Scenario]) -> None:
    """Refuse settings for a scenario that is not here."""
    known = list(dict.fromkeys(scenario.name for scenario in scenarios))
    for owner, levers in own.items():
        if owner not in known:
            setting = shown(f"{owner}.{next(iter(levers))}")
            hint = nearest(owner[:100], known) or f"; there are {', '.join(known)}"
            raise InputError(f"lever {setting} is of a scenario that is not named here{hint}")
