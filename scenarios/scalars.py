"""What a bare word of a YAML file means: the few meanings of YAML 1.2 that cannot be mistaken.

Words such as ``yes``, ``no``, ``on`` and ``off``, and figures such as ``010``, ``0x1F``, ``1:30`` and
``1_000``, which YAML 1.1 would turn into truth values and numbers, stay text: a schema that expects a number
refuses them.
"""

from __future__ import annotations

import math
import re
from datetime import date
from typing import Final

type Scalar = bool | int | float | str | date | None
"""A value without parts."""

MAX_DIGITS: Final = 18
"""Digits of a whole number."""

_WHOLE: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_DECIMAL: Final = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
_PADDED: Final = re.compile(r"[-+]?0[0-9]+")
_NOT_FINITE: Final = re.compile(r"[-+]?\.(inf|Inf|INF|nan|NaN|NAN)")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WORDS: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None, "~": None, "": None}


def scalar(text: str) -> Scalar:
    """What a bare word of a file means: a number, a date, true, false, null, or else the text itself.

    Raises
    ------
    ValueError
        For an infinity, NaN, a number too large to hold, or a day that no calendar has.

    Examples
    --------
    >>> [scalar(word) for word in ("0.94", "1e6", "on", "047", "null")]
    [0.94, 1000000.0, 'on', '047', None]
    """
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        if len(text.lstrip("-+")) > MAX_DIGITS:
            raise ValueError(f"a whole number may have at most {MAX_DIGITS} digits")
        return int(text)
    if _DECIMAL.fullmatch(text) and not _PADDED.fullmatch(text):
        return _finite(text)
    if _NOT_FINITE.fullmatch(text):
        raise ValueError("a number must be finite")
    return _day(text) if _DAY.fullmatch(text) else text


def _finite(text: str) -> float:
    """A decimal number, unless it is too large to hold."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number must be finite")
    return number


def _day(text: str) -> date:
    """A day, if the calendar has it."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("a date must be a day of the calendar, as in 2026-08-01") from None
