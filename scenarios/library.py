"""The shipped files by name, and a person's own files by path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import import_module, resources
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, cast

from cradlecast.scenarios.community import Community
from cradlecast.scenarios.costs import Costs, Prices
from cradlecast.scenarios.errors import InputError, nearest
from cradlecast.scenarios.fields import Record
from cradlecast.scenarios.parameters import Parameter, ParameterSet
from cradlecast.scenarios.program import Program
from cradlecast.scenarios.scenario import Scenario
from cradlecast.scenarios.service import Service
from cradlecast.scenarios.validation import validate
from cradlecast.scenarios.versions import up_to_date
from cradlecast.scenarios.wording import one_line, shown
from cradlecast.scenarios.yaml_file import read_yaml

if TYPE_CHECKING:
    from cradlecast.scenarios.contract import Results
    from cradlecast.scenarios.deal import Deal
    from cradlecast.scenarios.trial import Trial

type Kind = Literal["community", "program", "scenario", "deal", "costs", "results", "trial", "service"]
"""What a file declares."""

_HOMES: Final = {
    "community": ("community", "Community"),
    "program": ("program", "Program"),
    "scenario": ("scenario", "Scenario"),
    "deal": ("deal", "Deal"),
    "costs": ("costs", "Costs"),
    "results": ("contract", "Results"),
    "trial": ("trial", "Trial"),
    "service": ("service", "Service"),
}
"""Each kind of file, and the module and class of its schema."""


class _Schemas(Mapping[str, type[Record]]):
    """Each kind of file and its schema, which is imported when it is asked for: a study has no use for all."""

    def __getitem__(self, kind: str) -> type[Record]:
        module, name = _HOMES[kind]
        return cast(type[Record], getattr(import_module(f"{__package__}.{module}"), name))

    def __iter__(self) -> Iterator[str]:
        return iter(_HOMES)

    def __len__(self) -> int:
        return len(_HOMES)


SCHEMAS: Final[Mapping[str, type[Record]]] = _Schemas()
"""Each kind of file and its schema."""

FOLDERS: Final[Mapping[str, str]] = {
    "community": "communities",
    "program": "programs",
    "scenario": "library",
    "deal": "deals",
    "costs": "costs",
    "results": "results",
    "trial": "trials",
    "service": "services",
}
"""Each kind of file and the folder where the shipped ones lie."""

NATIONAL_COSTS: Final = "us"
"""Prices of a community that has none of its own."""

_ENDINGS: Final = (".yaml", ".yml")


def names(kind: Kind) -> tuple[str, ...]:
    """The names of the shipped files of a kind, in alphabetical order."""
    folder = _folder(kind)
    if not folder.is_dir():
        return ()
    files = (Path(file.name) for file in folder.iterdir() if file.is_file())
    return tuple(sorted(file.stem for file in files if file.suffix == ".yaml"))


def load_community(name_or_path: str | Path) -> Community:
    """A community: a shipped one by its name, or one's own by the path of its file.

    Parameters
    ----------
    name_or_path
        A path is what ends with .yaml or .yml or has a separator in it; all else is a name.

    Raises
    ------
    InputError
        If there is no such name or file, or the file does not hold a right declaration.
    """
    return _load("community", Community, name_or_path)


def load_program(name_or_path: str | Path) -> Program:
    """A program: a shipped one by its name, or one's own by the path of its file; see `load_community`."""
    return _load("program", Program, name_or_path)


def load_service(name_or_path: str | Path) -> Service:
    """A service: a shipped one by its name, or one's own by the path of its file; see `load_community`."""
    return _load("service", Service, name_or_path)


def load_program_or_service(name_or_path: str | Path) -> Program | Service:
    """What a part of a pool buys: a program by its name, or a service by its name or the path of its file."""
    return load_program(name_or_path) if name_or_path in names("program") else load_service(name_or_path)


def load_scenario(name_or_path: str | Path) -> Scenario:
    """A scenario: a shipped one by its name, or one's own by the path of its file; see `load_community`.

    A community or a service that the scenario names by a path lies where that path leads from the scenario's own
    folder.
    """
    scenario = _load("scenario", Scenario, name_or_path)
    parts = () if scenario.pool is None else scenario.pool.parts
    programs = [*(change.service for change in scenario.services), *(part.program for part in parts)]
    if not any(map(is_path, (scenario.community, *programs))):
        return scenario
    folder = Path(name_or_path).parent if is_path(name_or_path) else Path()

    def seen_from_here(name: str) -> str:
        return str(folder / name) if is_path(name) else name

    services = tuple(
        change.model_copy(update={"service": seen_from_here(change.service)}) for change in scenario.services
    )
    found: dict[str, object] = {"community": seen_from_here(scenario.community), "services": services}
    if scenario.pool is not None:
        moved = [part.model_copy(update={"program": seen_from_here(part.program)}) for part in parts]
        found["pool"] = scenario.pool.model_copy(update={"parts": tuple(moved)})
    return scenario.model_copy(update=found)


def load_deal(name_or_path: str | Path) -> Deal:
    """A deal: a shipped one by its name, or one's own by the path of its file; see `load_community`."""
    from cradlecast.scenarios.deal import Deal

    return _load("deal", Deal, name_or_path)


def load_results(path: str | Path) -> Results:
    """Observed results of a deal, from a file of one's own; see `load_community`."""
    from cradlecast.scenarios.contract import Results

    return _read("results", Results, Path(path))


def load_trial(name_or_path: str | Path) -> Trial:
    """A trial: a shipped one by its name, or one's own by the path of its file; see `load_community`.

    A community or a service that the trial names by a path lies where that path leads from the trial's own folder.

    Raises
    ------
    InputError
        Also if it offers a service that does not exist.
    """
    from cradlecast.scenarios.trial import Trial

    trial = _load("trial", Trial, name_or_path)
    folder = Path(name_or_path).parent if is_path(name_or_path) else Path()
    paths = {"community": trial.community, "program": trial.program}
    found = trial.model_copy(update={key: str(folder / name) for key, name in paths.items() if is_path(name)})
    if found.of_service:
        load_service(found.program)
    return found


def load_costs(name_or_path: str | Path) -> Costs:
    """Prices, laid over those of the file that they are based on: shipped ones by name, or one's own by path.

    See `load_community`.
    """
    costs = _load("costs", Costs, name_or_path)
    return costs if costs.based_on is None else costs.over(load_costs(costs.based_on))


def costs_of(community: str) -> Costs:
    """The prices of a community by its name, or the national ones where it has none of its own."""
    return load_costs(community if community in names("costs") else NATIONAL_COSTS)


def declarations() -> Iterator[tuple[str, Record]]:
    """Every shipped file as it is written, after its kind and name, as in "program prek"; prices of goods last."""
    for kind in SCHEMAS:
        for name in names(cast(Kind, kind)):
            yield f"{kind} {name}", _shipped(cast(Kind, kind), name)
    yield "prices", load_prices()


def _load[T: Record](kind: Kind, schema: type[T], name_or_path: str | Path) -> T:
    """A declaration, shipped or one's own."""
    if is_path(name_or_path):
        return _read(kind, schema, Path(name_or_path))
    return cast(T, _shipped(kind, str(name_or_path)))


def is_path(name_or_path: str | Path) -> bool:
    """Whether an argument means a file of one's own: a name has no ending and cannot leave its folder."""
    text = str(name_or_path)
    return isinstance(name_or_path, Path) or text.endswith(_ENDINGS) or "/" in text or "\\" in text


@lru_cache(maxsize=256)
def _shipped(kind: Kind, name: str) -> Record:
    """A shipped declaration: frozen, so that one reading serves everybody."""
    if name not in names(kind):
        raise InputError(f"unknown {kind} {shown(name)}{_hint(kind, name)}")
    with resources.as_file(_folder(kind) / f"{name}.yaml") as path:
        declaration = _read(kind, SCHEMAS[kind], path)
    inner = getattr(declaration, "name", None)
    if inner != name:
        raise InputError(f"{name}.yaml: name must be that of the file, {shown(name)}; got {shown(inner)}")
    return declaration


def _read[T: Record](kind: Kind, schema: type[T], path: Path) -> T:
    """What a file declares: read strictly, brought to today's version, checked."""
    file = one_line(path.name)
    return validate(schema, up_to_date(read_yaml(path), kind, file), file)


def _folder(kind: Kind) -> Traversable:
    """Where the shipped files of a kind lie."""
    return resources.files("cradlecast.scenarios") / FOLDERS[kind]


def _hint(kind: Kind, name: str) -> str:
    """What was probably meant by an unknown name, or else the names that there are."""
    for other in ("community", "program", "service", "scenario", "deal", "trial"):
        if name in names(other):
            return f"; that is the name of a {other}"
    known = names(kind)
    everything = f"; there are {', '.join(known)}" if known else f"; no {kind} is shipped"
    return nearest(name[:100], known) or f"{everything} (a file of your own is named by its path)"


@lru_cache(maxsize=1)
def load_parameters() -> ParameterSet:
    """The uncertain parameters of a study: those of the pathway, then those of services."""
    pathway, services = _parameters("pathway"), _parameters("services")
    return pathway.model_copy(update={"parameters": {**pathway.parameters, **services.parameters}})


def _parameters(name: str) -> ParameterSet:
    """One file of uncertain parameters."""
    with resources.as_file(resources.files(__package__) / "parameters" / f"{name}.yaml") as path:
        return validate(ParameterSet, up_to_date(read_yaml(path), "parameters", path.name), path.name)


@lru_cache(maxsize=1)
def load_trial_parameters() -> ParameterSet:
    """The uncertain parameters of the rule that turns the facts of a trial into the value of its care."""
    return _parameters("trials")


@lru_cache(maxsize=1)
def all_parameters() -> Mapping[str, Parameter]:
    """Every uncertain parameter by its name, in the order of the files of parameters and within them."""
    found: dict[str, Parameter] = {}
    folder = resources.files(__package__) / "parameters"
    for name in sorted(file.name for file in folder.iterdir() if file.name.endswith(".yaml")):
        with resources.as_file(folder / name) as path:
            content = read_yaml(path)
            if "parameters" in content:
                found |= validate(ParameterSet, up_to_date(content, "parameters", name), name).parameters
    return MappingProxyType(found)


@lru_cache(maxsize=1)
def load_prices() -> Prices:
    """What a dollar was worth in which year."""
    with resources.as_file(resources.files(__package__) / "parameters" / "price_index.yaml") as path:
        return validate(Prices, up_to_date(read_yaml(path), "prices", path.name), path.name)
