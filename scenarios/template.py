"""A commented community file to start from: the skeleton with the schema's words above every key."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any, Final, get_args

import yaml

from cradlecast.scenarios.community import Community
from cradlecast.scenarios.fields import Figure, Record
from cradlecast.scenarios.yaml_file import read_yaml

WIDTH: Final = 100
"""Letters across."""

_HEADER: Final = """A community of your own. Save this as a file that ends with .yaml, replace every figure, and ask
  cradlecast calibrate my-county.yaml
until every target is met. A scenario file names the community by the path of its file.

All figures below are PLACEHOLDERS, marked ASSUMED; none is about any place. A figure may have these keys:"""
_PROVENANCE: Final = (
    "READ is seen in the source named, DERIVED arithmetic on such, RECALLED from memory; ASSUMED is what nobody has "
    "measured here, and its range says how little is known. Shares are decimals: 5 % is 0.05."
)


def community_template() -> str:
    """A community file that can be loaded and calibrated as it stands, with a comment above every key.

    Comments are the descriptions of the schema, each given once; values are those of ``templates/community.yaml``.
    """
    with resources.as_file(resources.files("cradlecast.scenarios") / "templates" / "community.yaml") as path:
        skeleton = read_yaml(path)
    keys = [f"  {name}: {field.description}" for name, field in Figure.model_fields.items() if field.description]
    lines = _comment("\n".join([_HEADER, *keys, _PROVENANCE]))
    return "\n".join([*lines, "", *_record(Community, skeleton, 0, set())]) + "\n"


def _record(schema: type[Record], values: Mapping[str, Any], indent: int, told: set[tuple[str, str]]) -> Iterator[str]:
    """The lines of one record: each key with its comment where it has not been told yet."""
    fields = {field.alias or name: field for name, field in schema.model_fields.items()}
    for key, value in values.items():
        field = fields[key]
        if field.description and (schema.__name__, key) not in told:
            told.add((schema.__name__, key))
            if indent == 0:
                yield ""
            yield from _comment(field.description + _unit(value), indent)
        yield from _entry(key, value, _inner(field.annotation), indent, told)


def _entry(
    key: str | int, value: Any, schema: type[Record] | None, indent: int, told: set[tuple[str, str]]
) -> Iterator[str]:
    """The lines of one key: a record, a list or mapping of records, or a plain value."""
    pad = " " * indent
    if schema is None or (issubclass(schema, Figure) and _is_figure(value)) or not value:
        yield from _plain(key, value, indent)
        return
    yield f"{pad}{key}:"
    if isinstance(value, list):
        for item in value:
            first, *rest = [line for line in _record(schema, item, indent + 2, told) if line]
            comments = []
            while first.lstrip().startswith("#"):
                comments.append(first)
                first, *rest = rest
            yield from comments
            yield f"{pad}- {first.lstrip()}"
            yield from rest
    elif set(value) <= {field.alias or name for name, field in schema.model_fields.items()}:
        yield from _record(schema, value, indent + 2, told)
    else:
        for name, item in value.items():
            if issubclass(schema, Figure):
                yield from _plain(name, item, indent + 2)
            else:
                yield f"{pad}  {name}:"
                yield from _record(schema, item, indent + 4, told)


def _plain(key: str | int, value: Any, indent: int) -> Iterator[str]:
    """One key and its value as YAML writes them; a whole number as a key, such as an age, stands bare."""
    name = int(key) if isinstance(key, str) and key.isdigit() else key
    text = yaml.safe_dump({name: value}, sort_keys=False, allow_unicode=True, width=WIDTH - indent)
    yield from textwrap.indent(text, " " * indent).splitlines()


def _inner(annotation: Any) -> type[Record] | None:
    """The record that a field holds: itself, one or none of it, a list of it, or a mapping to it."""
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return annotation
    return next((found for part in get_args(annotation) if (found := _inner(part)) is not None), None)


def _is_figure(value: Any) -> bool:
    """Whether a value is one figure, and not several by name or age."""
    return isinstance(value, Mapping) and "provenance" in value


def _unit(value: Any) -> str:
    """The unit of a figure, for its comment."""
    return f" Unit: {value['unit']}." if _is_figure(value) else ""


def _comment(text: str, indent: int = 0) -> Iterator[str]:
    """Text as comment lines, wrapped; a line that is set in stays so."""
    pad = " " * indent
    for line in text.splitlines():
        inner = " " * (len(line) - len(line.lstrip()))
        parts = textwrap.wrap(line, WIDTH - indent - 2, subsequent_indent=f"{inner}  " if inner else "") or [""]
        yield from (f"{pad}# {part}".rstrip() for part in parts)
