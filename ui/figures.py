"""Numbers as a person reads them: percents, points, money and counts, with their ranges."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from cradlecast.scenarios.wording import one_line
from cradlecast.ui.rows import Cell, Row

ABSENT: Final = "-"
"""What stands for a number that there is not."""

_SIGNS: Final = {"USD": "$"}


def word(cell: Cell) -> str:
    """A name or another text, in words and on one line.

    Examples
    --------
    >>> word("grade3_reading"), word("below_poverty"), word(True), word(None)
    ('grade 3 reading', 'below poverty', 'yes', '-')
    """
    if cell is None:
        return ABSENT
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return re.sub(r"\bgrade([0-9])", r"grade \1", one_line(cell, 500).replace("_", " "))


def place(cell: Cell) -> str:
    """Where something stands in its file, without brackets.

    Examples
    --------
    >>> place("community memphis: births.low_weight.groups[black]")
    'community memphis: births, low_weight, groups, black'
    """
    return ABSENT if cell is None else text(str(cell).replace("[", ", ").replace("]", "").replace(".", ", "))


def text(cell: Cell) -> str:
    """A text as it is written, on one line."""
    return word(cell) if cell is None or isinstance(cell, bool) else one_line(cell, 500)


def count(cell: Cell) -> str:
    """A number of children or seats, with thousands.

    Examples
    --------
    >>> count(39900.0), count(7.4), count(-0.2)
    ('39,900', '7', '0')
    """
    return _number(cell, 0)


def percent(cell: Cell) -> str:
    """A share as a percent.

    Examples
    --------
    >>> percent(0.4123), percent(None)
    ('41.2', '-')
    """
    return _number(_times(cell, 100), 1)


def points(cell: Cell) -> str:
    """A difference of shares as percentage points, with its sign.

    Examples
    --------
    >>> points(0.0073), points(-0.00001), points(-0.021)
    ('+0.73', '0.00', '-2.10')
    """
    return _number(_times(cell, 100), 2, sign=True)


def change(cell: Cell) -> str:
    """A difference of counts, with its sign."""
    return _number(cell, 0, sign=True)


def decimals(cell: Cell) -> str:
    """A number with two decimals."""
    return _number(cell, 2)


def signed(cell: Cell) -> str:
    """A difference with three decimals and its sign.

    Examples
    --------
    >>> signed(0.0214)
    '+0.021'
    """
    return _number(cell, 3, sign=True)


def money(cell: Cell, currency: str = "USD") -> str:
    """An amount without its cents.

    Examples
    --------
    >>> money(8000.0), money(-1929812.4), money(250, "EUR")
    ('$8,000', '-$1,929,812', 'EUR 250')
    """
    if not isinstance(cell, int | float):
        return ABSENT
    whole = round(abs(cell))
    unit = _SIGNS.get(currency, f"{currency} ")
    return f"{'-' if cell < 0 and whole else ''}{unit}{whole:,}"


def millions(cell: Cell) -> str:
    """An amount in millions, with its sign.

    Examples
    --------
    >>> millions(-8_040_000.0), millions(1200.0)
    ('-8.0', '0.0')
    """
    return _number(_times(cell, 1e-6), 1, sign=True)


def multiple(cell: Cell) -> str:
    """Money back for money in."""
    return ABSENT if cell is None else f"{_number(cell, 2)}x"


def ranged(row: Row, name: str, figure: Callable[[Cell], str], low: str = "", high: str = "") -> str:
    """A number with its range, as in ``41.0 (39.8 to 42.1)``; without one where the range is absent.

    Parameters
    ----------
    row
        Holds the number and the ends of its range.
    name
        The number's column.
    figure
        How one number is written.
    low, high
        Columns of the ends, if they are not ``<name>_low`` and ``<name>_high``.
    """
    ends = row.get(low or f"{name}_low"), row.get(high or f"{name}_high")
    middle = figure(row[name])
    if None in ends or row[name] is None:
        return middle
    return f"{middle} ({figure(ends[0])} to {figure(ends[1])})"


def spans_zero(row: Row, name: str) -> bool:
    """Whether the range of a number leaves its sign open; a number that is zero throughout leaves nothing open."""
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        return False
    return low <= 0 <= high and (low, high) != (0, 0)


def _times(cell: Cell, factor: float) -> Cell:
    """A number times a factor, if it is one."""
    return cell * factor if isinstance(cell, int | float) else None


def _number(cell: Cell, digits: int, sign: bool = False) -> str:
    """A number with so many digits and thousands; what rounds to zero has no sign."""
    if not isinstance(cell, int | float):
        return ABSENT
    rounded = round(cell, digits) + 0.0
    signed = "+" if sign and rounded else ""
    return f"{rounded:{signed},.{digits}f}"
