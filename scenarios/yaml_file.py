"""Strict reading of YAML: plain values only, nothing guessed, every refusal one sentence with its line.

A declaration needs mappings, lists, text, numbers, true, false, null and dates. Whatever else YAML can do
(aliases, merge keys, tags, several documents) is refused. What a bare word means is said in ``scalars``.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NoReturn

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from cradlecast.scenarios.errors import InputError, nearest
from cradlecast.scenarios.scalars import Scalar, scalar
from cradlecast.scenarios.wording import one_line, shown

type Value = Scalar | list[Value] | dict[str, Value]
"""What a file may hold."""

MAX_BYTES: Final = 1024 * 1024
MAX_DEPTH: Final = 20
MAX_NODES: Final = 50_000
MAX_KEY: Final = 200
"""Bounds: a file's bytes, its depth of nesting, its keys and values together, a key's letters."""

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the compiled one, wherever PyYAML brings it
_SLIPS: Final = {
    "mapping values are not allowed": "; text that holds a colon needs quotes",
    "found character": "; indent with spaces, not tabs, and put text that begins with % @ or ` in quotes",
    "could not find expected ':'": "; every line of a mapping is a key, a colon, a space and a value",
}
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_TOO_LARGE: Final = f"a file may have at most {MAX_BYTES:,} bytes (1 MiB)"


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping that a YAML file holds.

    Parameters
    ----------
    path
        File of at most 1 MiB, in UTF-8, with one mapping at its top.

    Returns
    -------
    dict
        Keys are text, in the order of the file; values are None, bool, int, float, str, date, list or dict. A
        whole number written as a key, such as an age, is its text.

    Raises
    ------
    InputError
        If the file cannot be read, or holds anything that a declaration may not hold.
    """
    return parse_yaml(_bytes(path), path.name)


def parse_yaml(content: bytes, file: str) -> dict[str, Any]:
    r"""The mapping that YAML text holds; ``file`` is the name that errors give it.

    Raises
    ------
    InputError
        As `read_yaml`.

    Examples
    --------
    >>> parse_yaml(b"seats: 1000\nopen: yes\nfrom: 2019-08-01", "example.yaml")
    {'seats': 1000, 'open': 'yes', 'from': datetime.date(2019, 8, 1)}
    """
    file = one_line(file)
    if len(content) > MAX_BYTES:
        raise InputError(f"{file}: {_TOO_LARGE}; it has {len(content):,}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{file}: line {line}: a file must be text in UTF-8; got the byte 0x{content[error.start]:02x}"
        ) from None
    return _Reader(text, file).document()


class _Reader:
    """Builds the values of one document from PyYAML's events: one by one, so a refusal comes early."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.events = self._guarded(yaml.parse(text, Loader=_LOADER))
        self.nodes = 0

    def document(self) -> dict[str, Any]:
        """The one mapping of the one document."""
        next(self.events)  # the start of the stream
        first = next(self.events)
        if not isinstance(first, DocumentStartEvent):
            raise InputError(f"{self.file}: the file is empty; it must be a mapping of keys to values")
        root = next(self.events)
        value = self._value(root, 1)
        if value is None:
            raise InputError(f"{self.file}: the file is empty; it must be a mapping of keys to values")
        if not isinstance(value, dict):
            self._refuse(root, "a file must be a mapping of keys to values at its top", value)
        for event in self.events:
            if isinstance(event, DocumentStartEvent):
                self._refuse(event, "a file must hold one document; a second one begins after '---'")
        return value

    def _guarded(self, events: Iterator[Event]) -> Iterator[Event]:
        """The events, with every complaint of the parser turned into one of ours."""
        try:
            yield from events
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = f"line {mark.line + 1}: " if mark else ""
            problem = one_line(error.problem or "unreadable")
            hint = next((words for start, words in _SLIPS.items() if problem.startswith(start)), "")
            raise InputError(f"{self.file}: {line}this is not YAML: {problem}{hint}") from None
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            reason = str(error).splitlines()[0] if str(error) else "unreadable"
            raise InputError(f"{self.file}: this is not YAML: {one_line(reason)}") from None

    def _value(self, event: Event, depth: int) -> Value:
        """The value that begins with an event."""
        self._check(event, depth)
        if isinstance(event, ScalarEvent):
            return self._scalar(event)
        if isinstance(event, SequenceStartEvent):
            return self._sequence(depth)
        return self._mapping(depth)

    def _check(self, event: Event, depth: int) -> None:
        """Refuses what no declaration needs, before anything is built."""
        if isinstance(event, AliasEvent):
            self._refuse(event, "aliases are not allowed; write the value out", f"*{event.anchor}")
        if isinstance(event, NodeEvent) and event.anchor is not None:
            self._refuse(event, "anchors are not allowed; write the value out", f"&{event.anchor}")
        tag = getattr(event, "tag", None)
        if tag is not None:
            self._refuse(event, "tags are not allowed; write a plain value", tag)
        if depth > MAX_DEPTH:
            self._refuse(event, f"values may be nested {MAX_DEPTH} deep at most")
        self.nodes += 1
        if self.nodes > MAX_NODES:
            self._refuse(event, f"a file may hold at most {MAX_NODES:,} keys and values")

    def _scalar(self, event: ScalarEvent) -> Value:
        """A value without parts: quoted and block scalars are text."""
        if _SURROGATE.search(event.value):
            self._refuse(event, "half a character (a surrogate) is not text")
        if not event.implicit[0]:
            return str(event.value)
        try:
            return scalar(event.value)
        except ValueError as error:
            self._refuse(event, str(error), event.value)

    def _sequence(self, depth: int) -> list[Value]:
        """The entries of a list, up to its end."""
        entries: list[Value] = []
        while not isinstance(event := next(self.events), SequenceEndEvent):
            entries.append(self._value(event, depth + 1))
        return entries

    def _mapping(self, depth: int) -> dict[str, Value]:
        """The keys and values of a mapping, up to its end."""
        values: dict[str, Value] = {}
        lines: dict[str, int] = {}
        while not isinstance(event := next(self.events), MappingEndEvent):
            key = self._key(event, depth + 1)
            if key in values:
                self._refuse(event, f"the key {shown(key)} is given twice, first in line {lines[key]}")
            lines[key] = _line(event)
            values[key] = self._value(next(self.events), depth + 1)
        return values

    def _key(self, event: Event, depth: int) -> str:
        """A key of a mapping, which must be text."""
        self._check(event, depth)
        if isinstance(event, MappingStartEvent | SequenceStartEvent) or not isinstance(event, ScalarEvent):
            self._refuse(event, "a key must be text, not a list or a mapping")
        if len(event.value) > MAX_KEY:
            self._refuse(event, f"a key may have at most {MAX_KEY} letters", event.value)
        if event.implicit[0] and event.value == "<<":
            self._refuse(event, "merge keys are not allowed; write the keys out", "<<")
        value = self._scalar(event)
        if isinstance(value, bool) or not isinstance(value, str | int):
            self._refuse(event, "a key must be text (put it in quotes if it is meant as such)", event.value)
        return str(event.value)

    def _refuse(self, event: Event, rule: str, value: object = None) -> NoReturn:
        """Ends the reading with one sentence."""
        got = "" if value is None else f"; got {shown(value)}"
        raise InputError(f"{self.file}: line {_line(event)}: {rule}{got}")


def _line(event: Event) -> int:
    """The line on which an event begins, counted from 1."""
    return event.start_mark.line + 1 if event.start_mark else 1


def _bytes(path: Path) -> bytes:
    """What an ordinary file holds, unless it is too large; its size is looked at before it is read."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise InputError(f"{one_line(path)} is a folder; name a file in it")
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{one_line(path)} is not an ordinary file")
        if status.st_size > MAX_BYTES:
            raise InputError(f"{one_line(path.name)}: {_TOO_LARGE}; it has {status.st_size:,}")
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"there is no file {one_line(path)}{_neighbour(path)}") from None
    except OSError as error:
        raise InputError(f"{one_line(path)} cannot be read: {error.strerror}") from None
    except InputError:
        raise
    except ValueError:  # NUL, or half a character
        raise InputError(f"{one_line(path)} cannot be the name of a file") from None


def _neighbour(path: Path) -> str:
    """The nearest name in the folder where a file was looked for."""
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return f" (nor its folder {one_line(path.parent)})"
    return nearest(path.name[:MAX_KEY], names)
