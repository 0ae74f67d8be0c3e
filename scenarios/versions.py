"""What a file says of itself, ``schema: cradlecast/<kind>/<version>``, and the way from older versions."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from cradlecast.scenarios.errors import InputError, nearest
from cradlecast.scenarios.wording import shown

type Migration = Callable[[dict[str, Any]], dict[str, Any]]
"""A pure function from a file's content in one version to its content in the next."""

VERSIONS: Final[Mapping[str, int]] = {
    "community": 1,
    "program": 1,
    "scenario": 1,
    "deal": 1,
    "costs": 1,
    "results": 1,
    "trial": 1,
    "service": 1,
    "parameters": 1,
    "prices": 1,
}
"""Every kind of file, and the version that is written today."""

MIGRATIONS: Final[Mapping[tuple[str, int], Migration]] = {}
"""(kind, version) to the migration from that version to the next one."""

_HEADER: Final = re.compile(r"cradlecast/([a-z_]+)/([0-9]{1,6})", re.ASCII)


def header(kind: str, version: int | None = None) -> str:
    """What the key ``schema`` of a file says.

    Examples
    --------
    >>> header("scenario")
    'cradlecast/scenario/1'
    """
    return f"cradlecast/{kind}/{VERSIONS[kind] if version is None else version}"


def up_to_date(
    data: dict[str, Any],
    kind: str,
    file: str,
    versions: Mapping[str, int] = VERSIONS,
    migrations: Mapping[tuple[str, int], Migration] = MIGRATIONS,
) -> dict[str, Any]:
    """A file's content in today's version of its schema; the argument is left as it is.

    Parameters
    ----------
    data
        What the file holds.
    kind
        The kind of file that was asked for.
    file
        The name that errors give the file.
    versions, migrations
        Those of this package.

    Raises
    ------
    InputError
        If the key ``schema`` is missing or malformed, or names another kind or an unknown version.
    """
    today = versions[kind]
    version = _version(data, kind, file, versions)
    if version > today:
        raise InputError(
            f"{file}: {data['schema']} is newer than this Cradlecast, which reads {header(kind, today)}; "
            "install a newer Cradlecast"
        )
    if version < today:
        data = copy.deepcopy(data)
    for step in range(version, today):
        if (kind, step) not in migrations:
            raise InputError(f"{file}: there is no version {step} of {kind} files; write {header(kind, today)}")
        data = migrations[kind, step](data)
    return data | {"schema": header(kind, today)}


def _version(data: Mapping[str, Any], kind: str, file: str, versions: Mapping[str, int]) -> int:
    """The version that a file says it is written in, if it is of the right kind."""
    right = header(kind, versions[kind])
    if "schema" not in data:
        raise InputError(f"{file}: the key 'schema' is missing; write schema: {right}")
    said = data["schema"]
    found = _HEADER.fullmatch(said) if isinstance(said, str) else None
    if found is None:
        raise InputError(f"{file}: schema must be {right}; got {shown(said)}")
    if found[1] not in versions:
        raise InputError(f"{file}: schema must be {right}; there is no kind '{found[1]}'{nearest(found[1], versions)}")
    if found[1] != kind:
        raise InputError(f"{file}: schema must be {right}; got {said}, that of a {found[1]}")
    return int(found[2])
