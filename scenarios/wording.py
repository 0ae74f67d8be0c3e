"""The words of errors: names and values as they stand in a message, and a schema's rules in plain words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from cradlecast.scenarios.errors import nearest

_LONGEST_NAME: Final = 200
_LONGEST_VALUE: Final = 60

_TYPES: Final = {
    "int": "a whole number",
    "float": "a number",
    "decimal": "a number",
    "bool": "true or false",
    "string": "text",
    "date": "a date such as 2026-08-01",
    "model": "a mapping of keys to values",
    "dict": "a mapping of keys to values",
    "list": "a list",
    "tuple": "a list",
    "set": "a list",
    "frozen_set": "a list",
}
_BOUNDS: Final = {
    "greater_than_equal": ("ge", "{} or more"),
    "greater_than": ("gt", "above {}"),
    "less_than_equal": ("le", "at most {}"),
    "less_than": ("lt", "below {}"),
}
_NUMBERS: Final = {"int", "float", "decimal"}
_PERCENT: Final = re.compile(r"\s*([-+]?[0-9]+(?:\.[0-9]+)?)\s*%\s*")
_GROUPED: Final = re.compile(r"[-+]?[0-9]{1,3}(?:[,_ '][0-9]{3})+(?:\.[0-9]+)?")
_PADDED: Final = re.compile(r"[-+]?0+([0-9]+)")
_NUMBER: Final = re.compile(r"[-+]?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")


def one_line(text: object, longest: int = _LONGEST_NAME) -> str:
    r"""A name as one line of a message: shortened, and with whatever is not printable escaped.

    Examples
    --------
    >>> one_line("a\nb")
    'a\\nb'
    """
    whole = str(text)
    start = whole[:longest]
    line = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in start)
    return line if start == whole else f"{line}..."


def shown(value: object) -> str:
    """A value as it stands in a message, shortened.

    Examples
    --------
    >>> shown("94 %"), shown(True), shown(None), shown([1, 2]), shown(date(2026, 8, 1))
    ("'94 %'", 'true', 'nothing', 'a list of 2', '2026-08-01')
    """
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        return "a mapping of keys to values"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if isinstance(value, int | float | date):
        return _cut(str(value))
    return f"'{_cut(one_line(value))}'"


def rule(error: Mapping[str, Any]) -> str:
    """The rule that one of pydantic's errors is about, as what the value must be or do.

    Parameters
    ----------
    error
        One entry of ``ValidationError.errors()``.
    """
    kind, context = error["type"], error.get("ctx", {})
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        return "must be " + words.format(_figure(context[key]))
    if kind == "finite_number":
        return "must be a finite number"
    if kind in ("literal_error", "enum"):
        return f"must be {context['expected']}"
    if kind == "string_pattern_mismatch":
        return f"must be {_pattern(context['pattern'])}"
    if kind in ("string_too_long", "string_too_short", "too_long", "too_short"):
        return _length(kind, context)
    if kind in ("value_error", "assertion_error"):
        return one_line(context["error"], 500)
    if (noun := _TYPES.get(kind.removesuffix("_parsing").removesuffix("_type"))) is not None:
        return f"must be {noun}"
    return one_line(error["msg"].replace("Input should be", "must be"))


def slip(error: Mapping[str, Any]) -> str:
    """The likely slip behind a wrong value, as words in brackets to end a sentence with, or nothing.

    Parameters
    ----------
    error
        One entry of ``ValidationError.errors()``.
    """
    words = _slip(error["type"], error["input"], error.get("ctx", {}))
    return f" ({words})" if words else ""


def _slip(kind: str, value: Any, context: Mapping[str, Any]) -> str:
    """What was probably meant."""
    expected = kind.removesuffix("_parsing").removesuffix("_type")
    if kind == "less_than_equal" and context["le"] == 1 and 1 < value <= 100:
        return f"shares are decimals from 0 to 1; {value:g} % is {value / 100:g}"
    if expected in _NUMBERS and isinstance(value, str):
        return _number_as_text(value)
    if expected == "int" and isinstance(value, float) and value.is_integer():
        return f"write {value:.0f}"
    if expected == "string" and isinstance(value, bool | int | float):
        return "put it in quotes if it is meant as text"
    if kind in ("literal_error", "enum") and isinstance(value, str):
        return nearest(value[:_LONGEST_VALUE], re.findall(r"'([^']*)'", context["expected"])).removeprefix("; ")
    return ""


def _number_as_text(text: str) -> str:
    """What is wrong with a number that was read as text."""
    if found := _PERCENT.fullmatch(text):
        return f"shares are decimals from 0 to 1; {found[1]} % is {float(found[1]) / 100:g}"
    if _GROUPED.fullmatch(text):
        return f"write {re.sub(r"[,_ ']", '', text)}"
    if found := _PADDED.fullmatch(text):
        return f"write {found[1]}"
    return "write it without quotes" if _NUMBER.fullmatch(text) else ""


def _length(kind: str, context: Mapping[str, Any]) -> str:
    """The rule about the length of text or of a list."""
    number, word = (context["max_length"], "most") if kind.endswith("long") else (context["min_length"], "least")
    one, many = ("letter", "letters") if kind.startswith("string") else ("entry", "entries")
    return f"must have at {word} {number} {one if number == 1 else many}"


def _pattern(pattern: str) -> str:
    """A pattern in words, where it is the one of names."""
    if pattern.startswith("^[a-z0-9][a-z0-9_-]{0,63}"):
        return "a name of at most 64 small letters, digits, - and _ that begins with a letter or a digit"
    return f"text of the form {pattern}"


def _figure(number: Any) -> str:
    """A bound without a needless decimal point."""
    return f"{number:.15g}" if isinstance(number, int | float) else str(number)


def _cut(text: str) -> str:
    """The beginning of a long text."""
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 3]}..."
