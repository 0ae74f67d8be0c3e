"""Numbers that remember how they were reckoned: each a formula of a spreadsheet and its value now.

A `Cell` answers to what the waterfall does with arrays (arithmetic, comparison, numpy's minimum, maximum, rint and
where), so that the rules of a deal need to be written once: run on arrays they give figures, run on cells a workbook.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

DAYS_PER_YEAR: Final = 365


class Cell:
    """A formula without its equals sign, and its value; a constant where the formula is a number.

    Examples
    --------
    >>> a = Cell("A1", 7.0)
    >>> half = np.minimum(a, 10) * 0.5 + 0
    >>> half.formula, half.value
    ('(MIN(A1,10)*0.5)', 3.5)
    """

    __slots__ = ("formula", "value")

    def __init__(self, formula: str, value: float | bool) -> None:
        self.formula = formula
        self.value = value

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **more: Any) -> Any:
        """Let numpy's functions on cells write formulas."""
        if method != "__call__" or ufunc not in _UFUNCS:
            return NotImplemented
        return _UFUNCS[ufunc](*inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """np.where, as IF."""
        if function is not np.where:
            return NotImplemented
        return chosen(*args)

    def astype(self, kind: object) -> Cell:
        """The cell itself: a spreadsheet has one kind of number."""
        return self

    def any(self) -> bool:
        """True: what is nothing now may be something when a price is changed."""
        return True

    def __add__(self, other: Any) -> Cell:
        if _is(other, 0):
            return self
        return cell(other) if _is(self, 0) else _two("+", self, other, lambda a, b: a + b)

    def __radd__(self, other: Any) -> Cell:
        return self.__add__(other)

    def __sub__(self, other: Any) -> Cell:
        return self if _is(other, 0) else _two("-", self, other, lambda a, b: a - b)

    def __rsub__(self, other: Any) -> Cell:
        return _two("-", other, self, lambda a, b: a - b)

    def __mul__(self, other: Any) -> Cell:
        return cell(0) if _is(other, 0) or _is(self, 0) else _two("*", self, other, lambda a, b: a * b)

    def __rmul__(self, other: Any) -> Cell:
        return _two("*", other, self, lambda a, b: a * b)

    def __truediv__(self, other: Any) -> Cell:
        return _two("/", self, other, lambda a, b: a / b if b else 0.0)

    def __pow__(self, other: Any) -> Cell:
        return _two("^", self, other, lambda a, b: a**b)

    def __neg__(self) -> Cell:
        return Cell(f"(-{self.formula})", -self.value)

    def __gt__(self, other: Any) -> Cell:
        return _two(">", self, other, lambda a, b: a > b)

    def __ge__(self, other: Any) -> Cell:
        return _two(">=", self, other, lambda a, b: a >= b)

    def __or__(self, other: Any) -> Cell:
        other = cell(other)
        return Cell(f"OR({self.formula},{other.formula})", bool(self.value) or bool(other.value))


def cell(number: Any) -> Cell:
    """A number as a cell; a cell as it is."""
    if isinstance(number, Cell):
        return number
    value = number.item() if hasattr(number, "item") else number
    return Cell(literal(value), value)


def literal(value: float) -> str:
    """A number in a formula: whole days of a year as a fraction, for a reader and for the last digit.

    Examples
    --------
    >>> literal(182 / 365), literal(3.0), literal(0.05)
    ('(182/365)', '3', '0.05')
    """
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if value == int(value):
        return str(int(value))
    days = round(value * DAYS_PER_YEAR)
    return f"({days}/{DAYS_PER_YEAR})" if days and days / DAYS_PER_YEAR == value else repr(float(value))


def rounded(number: Any) -> Cell:
    """To the nearest whole, a half to the even one, as numpy's rint: spreadsheets round a half away from nought."""
    x = cell(number).formula
    return Cell(f"IF(MOD({x},1)=0.5,2*ROUND({x}/2,0),ROUND({x},0))", float(np.rint(cell(number).value)))


def least(*numbers: Any) -> Cell:
    """The least of some numbers."""
    return _call("MIN", min, numbers)


def most(*numbers: Any) -> Cell:
    """The most of some numbers."""
    return _call("MAX", max, numbers)


def chosen(test: Any, yes: Any, no: Any) -> Cell:
    """One number or another, as IF."""
    test, yes, no = cell(test), cell(yes), cell(no)
    return Cell(f"IF({test.formula},{yes.formula},{no.formula})", yes.value if test.value else no.value)


def _call(name: str, compute: Callable[..., Any], numbers: Sequence[Any]) -> Cell:
    """A function of a spreadsheet on numbers."""
    cells = [cell(number) for number in numbers]
    return Cell(f"{name}({','.join(each.formula for each in cells)})", compute(*(each.value for each in cells)))


def _two(sign: str, one: Any, other: Any, compute: Callable[[Any, Any], Any]) -> Cell:
    """Two numbers with a sign between them."""
    a, b = cell(one), cell(other)
    return Cell(f"({a.formula}{sign}{b.formula})", compute(a.value, b.value))


def _is(number: Any, value: int) -> bool:
    """Whether a number is a constant of some value."""
    if isinstance(number, Cell):
        return number.formula == str(value)
    return bool(np.isscalar(number)) and number == value


_UFUNCS: Final[dict[Any, Callable[..., Cell]]] = {
    np.minimum: least,
    np.maximum: most,
    np.rint: rounded,
    np.add: lambda a, b: cell(a) + b,
    np.subtract: lambda a, b: cell(a) - b,
    np.multiply: lambda a, b: cell(a) * b,
    np.true_divide: lambda a, b: cell(a) / b,
    np.power: lambda a, b: cell(a) ** b,
    np.greater: lambda a, b: cell(a) > b,
    np.logical_or: lambda a, b: cell(a) | b,
    np.bitwise_or: lambda a, b: cell(a) | b,
}
