"""What rests on which evidence, both ways: from a parameter or figure to its sources, and from a source to its uses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final, Literal

from cradlecast.scenarios.costs import Split
from cradlecast.scenarios.evidence import check_inputs, estimates, priors
from cradlecast.scenarios.fields import Figure, Record
from cradlecast.scenarios.library import all_parameters, declarations, load_parameters, names
from cradlecast.scenarios.parameters import Parameter

type Cited = Figure | Split
"""What stands in a declaration with a source, a provenance and perhaps evidence of its own."""

type Chain = tuple[str, ...]
"""Evidence as it is reached: perhaps priors, each derived from the next, and last the estimate or prior meant."""

_IDS: Final = re.compile(r"\b(?:([EN][0-9]{4})([a-z]?)(?:-([a-z])\b)?|(P[0-9]{2}))\b")


@dataclass(frozen=True, slots=True)
class Use:
    """Something that rests on a piece of evidence.

    Attributes
    ----------
    evidence
        Id of the estimate, or key of the prior.
    kind
        parameter; figure (of a community, program, ...); prior, which by itself sets nothing; trial, which is only
        compared with it.
    owner
        The file of a figure or trial, as in "community memphis"; empty for all else.
    name
        Name of the parameter, path in the file, key of the prior.
    via
        Priors through which it rests on the evidence, those named by the user first; empty where it names it itself.
    standing
        Grade of a parameter, provenance of a figure, confidence of a prior; "compared" for a trial.
    """

    evidence: str
    kind: Literal["parameter", "figure", "prior", "trial"]
    owner: str
    name: str
    via: tuple[str, ...]
    standing: str

    @property
    def who(self) -> str:
        """The user in one text."""
        return f"{self.owner}: {self.name}" if self.owner else self.name

    @property
    def sets(self) -> bool:
        """Whether a number of the model is set by it."""
        return self.kind in ("parameter", "figure")


def derived_from(key: str) -> tuple[str, ...]:
    """The estimates and other priors that the derivation of a prior names, in its order.

    E3012b names one, E3012b-c two, and E2019 all whose ids begin so.

    Raises
    ------
    InputError
        If it names an estimate that does not exist or may only be reproduced.
    """
    found = ids_in(priors()[key].derived_from)
    check_inputs(found)
    return found


def ids_in(text: str) -> tuple[str, ...]:
    """The ids of evidence that a text names, each once; see `derived_from`."""
    found: dict[str, None] = {}
    for stem, first, last, prior in _IDS.findall(text):
        if prior:
            found[prior] = None
        elif first:
            found |= {stem + chr(letter): None for letter in range(ord(first), ord(last or first) + 1)}
        else:
            found |= dict.fromkeys([id for id in estimates() if id.startswith(stem)] or [stem])
    return tuple(found)


def chains(ids: Iterable[str], above: Chain = ()) -> Iterator[Chain]:
    """Every way from some evidence down to the estimates behind it, each shorter way before those that it begins."""
    for each in ids:
        if each not in above:
            yield (*above, each)
            if each in priors():
                yield from chains(derived_from(each), (*above, each))


def sources(parameter: Parameter) -> tuple[Chain, ...]:
    """Every way from a parameter to the priors and estimates that it rests on."""
    return tuple(chains((*parameter.priors, *parameter.evidence)))


def cited(record: Record, path: str = "") -> Iterator[tuple[str, Cited]]:
    """The figures and splits of a declaration, each after its path, as in ``areas[suburbs].children``."""
    if isinstance(record, Figure | Split):
        yield path, record
        return
    for name in type(record).model_fields:
        yield from _cited_in(getattr(record, name), f"{path}.{name}" if path else name)


def _cited_in(value: object, path: str) -> Iterator[tuple[str, Cited]]:
    """The figures and splits inside a field's value."""
    if isinstance(value, Record):
        yield from cited(value, path)
    else:
        for name, inner in _parts(value):
            yield from _cited_in(inner, f"{path}[{name}]")


def _parts(value: object) -> Iterator[tuple[object, object]]:
    """The entries of a mapping or a list, each after its key, name or number."""
    if isinstance(value, Mapping):
        yield from value.items()
    elif isinstance(value, tuple):
        for number, inner in enumerate(value, start=1):
            yield getattr(inner, "name", None) or getattr(inner, "stream", None) or number, inner


def uses(parameters: Mapping[str, Parameter], declared: Iterable[tuple[str, Record]]) -> dict[str, tuple[Use, ...]]:
    """What rests on each piece of evidence, in the order of the files; evidence on which nothing rests is left out.

    Parameters
    ----------
    parameters
        The uncertain parameters by name.
    declared
        Declarations after their names.
    """
    files = list(declared)
    found = [*_of_priors(), *_of_parameters(parameters), *_of_figures(files), *_of_trials(files)]
    return {
        each: tuple(use for use in found if use.evidence == each) for each in dict.fromkeys(u.evidence for u in found)
    }


def _of_priors() -> Iterator[Use]:
    """Priors on what they are derived from."""
    for key, prior in priors().items():
        for source in derived_from(key):
            yield Use(source, "prior", "", key, (), prior.confidence)


def _of_parameters(parameters: Mapping[str, Parameter]) -> Iterator[Use]:
    """Parameters on their sources."""
    for name, parameter in parameters.items():
        for *via, source in sources(parameter):
            yield Use(source, "parameter", "", name, tuple(via), parameter.grade)


def _of_figures(declared: Iterable[tuple[str, Record]]) -> Iterator[Use]:
    """Figures on theirs."""
    for owner, record in declared:
        for path, figure in () if is_trial(owner) else cited(record):
            for *via, source in chains(figure.evidence):
                yield Use(source, "figure", owner, path, tuple(via), figure.provenance)


def _of_trials(declared: Iterable[tuple[str, Record]]) -> Iterator[Use]:
    """Trials on what describes them and what they are set beside."""
    for owner, record in declared:
        for path, text in _texts(record) if is_trial(owner) else ():
            if text in estimates():
                yield Use(text, "trial", owner, path, (), "compared")


def is_trial(owner: str) -> bool:
    """Whether a shipped file is a trial: it sets nothing, so that it may name what is kept apart."""
    return owner.startswith("trial ")


@cache
def registry() -> Mapping[str, tuple[Use, ...]]:
    """What rests on each piece of evidence in the shipped files."""
    return MappingProxyType(uses(all_parameters(), declarations()))


def uses_of(id: str) -> tuple[Use, ...]:
    """What rests on an estimate or a prior in the shipped files."""
    return registry().get(id, ())


def is_used(id: str) -> bool:
    """Whether a number of the model rests on an estimate or a prior."""
    return any(use.sets for use in uses_of(id))


def is_recalled(id: str) -> bool:
    """Whether some number of an estimate is from memory."""
    return id in estimates() and "RECALLED" in estimates()[id].provenance


def is_assumed(id: str) -> bool:
    """Whether an estimate is itself somebody's assumption, or a prior has nothing else behind it."""
    return (estimates()[id].grade if id in estimates() else priors()[id].confidence) == "assumption"


@cache
def places_of(parameter: str) -> tuple[str, ...]:
    """Where the shipped files name a parameter, as in ``program prek: effects.skill.parameter``.

    A parameter whose name begins with a program's belongs to it without being named. One that no file names belongs
    to a rule: "every child", or "every trial" where no study reads it.
    """
    named = [(owner, path) for owner, record in declarations() for path, text in _texts(record) if text == parameter]
    of_program = [f"program {name}" for name in names("program") if parameter.startswith(f"{name}_")]
    unnamed = [(owner, "by its name") for owner in of_program if owner not in dict(named)]
    found = tuple(f"{owner}: {path}" for owner, path in (*named, *unnamed))
    return found or ("every child" if parameter in load_parameters().parameters else "every trial",)


def _texts(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text inside a declaration, each after its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Record):
        for field in type(value).model_fields:
            yield from _texts(getattr(value, field), f"{path}.{field}" if path else field)
    else:
        for name, inner in _parts(value):
            yield from _texts(inner, f"{path}[{name}]")
