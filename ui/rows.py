"""Tables as plain rows: text, numbers, true or false, and nothing; the form that every output is made from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

type Cell = str | int | float | bool | None
"""What stands in a cell: dates are text, as in 2026-08-01, and whatever is not a number is nothing."""

type Row = Mapping[str, Cell]


@dataclass(frozen=True)
class Table:
    """A named table; every row has every column."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def table_of(name: str, frame: pd.DataFrame) -> Table:
    """A data frame as a plain table; its index is left out."""
    columns = tuple(str(column) for column in frame.columns)
    values = [[plain(value) for value in frame[column].tolist()] for column in frame.columns]
    rows = zip(*values, strict=True) if columns else ()
    return Table(name, columns, tuple(dict(zip(columns, row, strict=True)) for row in rows))


def tables_of(frames: Mapping[str, pd.DataFrame]) -> tuple[Table, ...]:
    """Data frames as plain tables, in their order."""
    return tuple(table_of(name, frame) for name, frame in frames.items())


def listing(name: str, rows: Sequence[Row]) -> Table:
    """Rows that share their columns, as a table."""
    return Table(name, tuple(rows[0]) if rows else (), tuple(rows))


def plain(value: Any) -> Any:
    """A value as JSON knows it: numpy's and pandas' scalars become Python's, NaN and infinities nothing.

    Examples
    --------
    >>> import datetime
    >>> [plain(value) for value in (1, 0.5, float("nan"), float("inf"), datetime.date(2026, 8, 1))]
    [1, 0.5, None, None, '2026-08-01']
    """
    if value is None or isinstance(value, str | bool | int):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if type(value).__name__ in ("NaTType", "NAType"):
        return None
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if hasattr(value, "isoformat"):
        return _day(value.isoformat())
    if hasattr(value, "dtype"):
        return _from_numpy(value)
    if isinstance(value, Iterable):
        return [plain(inner) for inner in value]
    return str(value)


def _day(moment: str) -> str:
    """A date without a time of day that says nothing."""
    return moment.removesuffix("T00:00:00")


def _from_numpy(value: Any) -> Any:
    """A numpy scalar or array, through Python's own types; dates by the second."""
    if value.dtype.kind == "M":
        value = value.astype("datetime64[s]")
    return plain(value.tolist())
