"""The evidence that parameters rest on: published estimates, and the priors derived from them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final, Literal

from cradlecast.scenarios.errors import InputError, nearest
from cradlecast.scenarios.wording import shown

type Role = Literal["INPUT", "VALIDATE"]
"""INPUT: may set a parameter. VALIDATE: may only be reproduced."""

_NUMBERS: Final = frozenset(
    ("value", "se", "ci_low", "ci_high", "ci_level", "between_study_sd", "mean", "sd", "lower", "upper")
)
_NUMBERS_OR_WORDS: Final[Mapping[str, type[int] | type[float]]] = {
    "n": int,
    "price_year": int,
    "age_at_measurement": float,
    "months_since_program_end": float,
}
_PLAIN: Final = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Estimate:
    """One published estimate, in its own unit.

    Numbers are None where the row has none, or where it has words ("67 studies", "8-18", "2005 (RECALLED)"):
    ``row`` holds every column as it is written.
    """

    id: str
    parent_id: str
    topic: str
    quantity: str
    program: str
    outcome: str
    subgroup: str
    estimand: str
    value: float | None
    se: float | None
    ci_low: float | None
    ci_high: float | None
    ci_level: float | None
    p_text: str
    between_study_sd: float | None
    n: int | None
    unit: str
    price_year: int | None
    age_at_measurement: float | None
    months_since_program_end: float | None
    program_hours_or_dose: str
    setting: str
    control_mix: str
    instrument: str
    grade: str
    source_title: str
    source_address: str
    provenance: str
    note: str
    role: Role
    row: Mapping[str, str] = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Prior:
    """A prior of one effect or rate, in its own unit, and the words that say how it was derived.

    ``sd`` is the scale where ``shape`` is Student's t. ``row`` holds every column as it is written.
    """

    key: str
    program: str
    outcome: str
    contrast: str
    mean: float
    sd: float
    shape: str
    lower: float | None
    upper: float | None
    unit: str
    derived_from: str
    confidence: str
    row: Mapping[str, str] = field(repr=False, compare=False)


@cache
def estimates() -> Mapping[str, Estimate]:
    """Every estimate by its id, in the order of the file; read once."""
    return MappingProxyType({row["id"]: _estimate(row) for row in _rows("estimates.csv", "id")})


@cache
def priors() -> Mapping[str, Prior]:
    """Every prior by its key, in the order of the file; read once."""
    return MappingProxyType({row["key"]: _prior(row) for row in _rows("priors.csv", "key")})


def estimate(id: str) -> Estimate:
    """The estimate with an id.

    Raises
    ------
    InputError
        If there is none.
    """
    if id not in estimates():
        raise InputError(f"estimates.csv: unknown estimate {shown(id)}{nearest(id[:20], estimates())}")
    return estimates()[id]


def prior(key: str) -> Prior:
    """The prior with a key, P01 to P47.

    Raises
    ------
    InputError
        If there is none.
    """
    if key not in priors():
        raise InputError(f"priors.csv: unknown prior {shown(key)}{nearest(key[:20], priors())}")
    return priors()[key]


def check_inputs(ids: Iterable[str]) -> None:
    """Checks that a parameter may rest on some evidence.

    Parameters
    ----------
    ids
        Ids of estimates, or keys of priors.

    Raises
    ------
    InputError
        If one is unknown, or is an estimate that may only be reproduced.
    """
    for each in ids:
        if each in priors():
            continue
        if each not in estimates():
            known = [*estimates(), *priors()]
            raise InputError(f"unknown evidence {shown(each)}{nearest(each[:20], known)}")
        if estimates()[each].role != "INPUT":
            raise InputError(
                f"estimates.csv: evidence {shown(each)} must have role INPUT to set a parameter; it has role "
                f"{estimates()[each].role}, which may only be reproduced"
            )


def _rows(file: str, key: str) -> Iterator[dict[str, str]]:
    """The rows of a table of evidence: each with every column and a key of its own."""
    seen: set[str] = set()
    text = (resources.files("cradlecast.scenarios") / "evidence" / file).read_text(encoding="utf-8")
    for row in csv.DictReader(io.StringIO(text), strict=True):
        if None in row or None in row.values() or row[key] in seen:
            raise InputError(f"{file}: row {shown(row[key])} must have every column and a key of its own")
        seen.add(row[key])
        yield row


def _estimate(row: Mapping[str, str]) -> Estimate:
    """A row of estimates.csv."""
    if row["role"] not in ("INPUT", "VALIDATE"):
        raise InputError(
            f"estimates.csv: role of {shown(row['id'])} must be INPUT or VALIDATE; got {shown(row['role'])}"
        )
    return Estimate(**_cells(row, "estimates.csv", row["id"]), row=dict(row))


def _prior(row: Mapping[str, str]) -> Prior:
    """A row of priors.csv."""
    for column in ("mean", "sd"):
        if not row[column]:
            raise InputError(f"priors.csv: {column} of {shown(row['key'])} must be a number; got nothing")
    return Prior(**_cells(row, "priors.csv", row["key"]), row=dict(row))


def _cells(row: Mapping[str, str], file: str, key: str) -> dict[str, Any]:
    """The cells of a row by column, with numbers where the columns hold numbers."""
    cells: dict[str, Any] = dict(row)
    for column in _NUMBERS & row.keys():
        cells[column] = _number(row[column], f"{file}: {column} of {shown(key)}")
    for column, kind in _NUMBERS_OR_WORDS.items():
        if column in row:
            cells[column] = kind(row[column]) if _PLAIN.fullmatch(row[column]) else None
    return cells


def _number(text: str, what: str) -> float | None:
    """The number that a cell holds, or None where it is empty."""
    if not text:
        return None
    if not _PLAIN.fullmatch(text):
        raise InputError(f"{what} must be a number; got {shown(text)}")
    return float(text)
