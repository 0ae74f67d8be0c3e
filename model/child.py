"""A child as a Mesa agent, made on demand from a row of the columns, and the fields that it shares with whole sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from types import MappingProxyType
from typing import Any, NoReturn

import mesa
import numpy as np

from cradlecast.model.children import Children, Longs
from cradlecast.model.kernels import KEPT, Real, Seat, Whole, Wide
from cradlecast.model.town import PROGRAMS, Town
from cradlecast.scenarios.community import MILESTONES
from cradlecast.scenarios.errors import nearest

Column = np.ndarray[tuple[int, ...], np.dtype[Any]]
Rows = int | Longs

Values = Callable[[Town, Children, Rows], Any]
"""What a field reads: a numpy scalar of one row, or an array of many."""

Bounds = Callable[[Town], tuple[int, int]]
"""Least and greatest number that a whole column may hold in a model."""

_AT_AGE: dict[str, str] = {
    f"{what}{age}": f"{what.lower()}_at_{age}" for what, age in product(("CARE", "SITE"), range(5))
}

# Compiled loops use these numbers as indices and do not look whether they fit, so what is written is looked at here.
# A whole column that is not listed can be read, not written.
_BOUNDS: dict[str, Bounds] = {
    "GROUP": lambda model: (0, len(model.setting.place.group_names) - 1),
    "AREA": lambda model: (0, len(model.setting.place.area_names) - 1),
    "SCHOOL": lambda model: (0, int(model.schools.sum()) - 1),
    "CELL": lambda model: (0, model.setting.place.n_cells - 1),
    "CARE3": lambda model: (0, len(PROGRAMS)),
    "CARE4": lambda model: (0, len(PROGRAMS)),
    "SITE3": lambda model: (-1, len(model.sites) - 1),
    "SITE4": lambda model: (-1, len(model.sites) - 1),
    "APPLIED": lambda model: (0, 3),
    "ATTENDS": lambda model: (0, 1),
    "REACHED": lambda model: (0, (1 << len(MILESTONES)) - 1),
    "LEFT": lambda model: (-1, model.setting.horizon),
    "ABSENT_YEARS": lambda model: (0, model.setting.horizon),
    "SUSPENDED_YEARS": lambda model: (0, model.setting.horizon),
    "ARREST_YEARS": lambda model: (0, model.setting.horizon),
    "SPECIAL_EDUCATION": lambda model: (-1, model.setting.horizon),
    "RETAINED": lambda model: (-1, model.setting.horizon),
    "FEMALE": lambda model: (0, 1),
    "MOTHER": lambda model: (0, 3),
    "LANGUAGE": lambda model: (0, 1),
    "CARE0": lambda model: (0, 2),
    "CARE1": lambda model: (0, 2),
    "CARE2": lambda model: (0, 2),
    "ON_TRACK": lambda model: (0, 1),
    "COLLEGE_YEARS": lambda model: (0, model.setting.horizon),
    "STOPPED": lambda model: (0, 1),
    "WORKED": lambda model: (0, model.setting.horizon),
}


class Field:
    """A name under which children are read and written, one at a time or many at once; read-only unless a kind differs.

    Parameters
    ----------
    name
        The field's name.
    values
        What it reads.
    """

    def __init__(self, name: str, values: Values) -> None:
        self.name = name
        self.values = values

    def write(self, model: Town, columns: Children, rows: Rows, value: object) -> None:
        """Store one value in some rows, or one value a row.

        Raises
        ------
        AttributeError
            If the field cannot be written.
        ValueError
            If a value is not one that the field can hold.
        """
        raise AttributeError(f"'{self.name}' of a child can be read, not written")

    def __get__(self, child: Child | None, owner: type[Child] | None = None) -> Any:
        if child is None:
            return self
        return self.values(child.model, child.columns, child.row)

    def __set__(self, child: Child, value: object) -> None:
        self.write(child.model, child.columns, child.row, value)


def _reals(column: Real) -> Values:
    """What reads a real column, kept or worked out."""

    def values(model: Town, columns: Children, rows: Rows) -> Any:
        found = columns.real_of(column, np.atleast_1d(rows))
        return found if isinstance(rows, np.ndarray) else found[0]

    return values


class RealField(Field):
    """A float32 column."""

    def __init__(self, name: str, column: Real) -> None:
        super().__init__(name, _reals(column))
        self.column = column

    def write(self, model: Town, columns: Children, rows: Rows, value: object) -> None:
        """Store finite numbers."""
        given = np.asarray(value)
        if not (given.dtype.kind in "iuf" and np.isfinite(given).all()):
            raise ValueError(f"{self.name} of a child must be a finite number; got {value!r}")
        columns.x[int(self.column), rows] = given


def _wholes(column: Whole | Seat | Wide) -> Values:
    """What reads a whole column, as int32 however many bits it is kept in."""
    return lambda model, columns, rows: columns.whole(column)[rows].astype(np.int32)


class WholeField(Field):
    """A column of whole numbers whose bounds are known."""

    def __init__(self, name: str, column: Whole | Seat | Wide, bounds: Bounds) -> None:
        super().__init__(name, _wholes(column))
        self.column = column
        self.bounds = bounds

    def write(self, model: Town, columns: Children, rows: Rows, value: object) -> None:
        """Store whole numbers within the bounds."""
        low, high = self.bounds(model)
        given = np.asarray(value)
        if not (given.dtype.kind in "iub" and (low <= given).all() and (given <= high).all()):
            raise ValueError(f"{self.name} of a child must be a whole number from {low} to {high}; got {value!r}")
        columns.whole(self.column)[rows] = given


class MilestoneField(Field):
    """One bit of the column of reached milestones."""

    def __init__(self, name: str, milestone: int) -> None:
        super().__init__(name, lambda model, columns, rows: (columns.k[int(Whole.REACHED), rows] >> milestone) & 1 == 1)
        self.milestone = milestone

    def write(self, model: Town, columns: Children, rows: Rows, value: object) -> None:
        """Store True or False."""
        given = np.asarray(value)
        if given.dtype.kind != "b":
            raise ValueError(f"{self.name} of a child must be True or False; got {value!r}")
        bit = np.int8(1 << self.milestone)
        reached = columns.k[int(Whole.REACHED), rows]
        columns.k[int(Whole.REACHED), rows] = np.where(given, reached | bit, reached & ~bit)


def _ids(model: Town, columns: Children, rows: Rows) -> Any:
    """Structural ids, as ``Children.child_ids``."""
    return (columns.ids[1, rows].astype(np.int64) << 32) | columns.ids[0, rows].astype(np.int64)


def _cohorts(model: Town, columns: Children, rows: Rows) -> Any:
    """Birth years, int32."""
    return (columns.ids[1, rows] & np.uint32(0xFFFF)).astype(np.int32)


def _ages(model: Town, columns: Children, rows: Rows) -> Any:
    """Ages in the fall of the current school year, int32; below 0 for those not yet born."""
    return np.int32(model.year) - _cohorts(model, columns, rows)


def _poor(model: Town, columns: Children, rows: Rows) -> Any:
    """True for children below the poverty line."""
    return columns.k[int(Whole.CELL), rows] % 2 == 1


def _group_names(model: Town, columns: Children, rows: Rows) -> Any:
    """Names of groups."""
    return np.array(model.setting.place.group_names)[columns.k[int(Whole.GROUP), rows]]


def _area_names(model: Town, columns: Children, rows: Rows) -> Any:
    """Names of areas."""
    return np.array(model.setting.place.area_names)[columns.k[int(Whole.AREA), rows]]


def _real_field(column: Real) -> Field:
    """The field of a real column, read-only where it is worked out from others."""
    name = column.name.lower()
    return RealField(name, column) if column < KEPT else Field(name, _reals(column))


def _whole_field(column: Whole | Seat | Wide) -> Field:
    """The field of a whole column, read-only where nothing is known about its bounds."""
    name = _AT_AGE.get(column.name, column.name.lower())
    if column.name in _BOUNDS:
        return WholeField(name, column, _BOUNDS[column.name])
    return Field(name, _wholes(column))


_ALL: tuple[Field, ...] = (
    Field("unique_id", _ids),
    Field("cohort", _cohorts),
    Field("age", _ages),
    Field("below_poverty", _poor),
    Field("group_name", _group_names),
    Field("area_name", _area_names),
    *(_real_field(column) for column in Real),
    *(_whole_field(column) for column in (*Whole, *Seat, *Wide)),
    *(MilestoneField(name, number) for number, name in enumerate(MILESTONES)),
)

FIELDS: Mapping[str, Field] = MappingProxyType({field.name: field for field in _ALL})
"""Every field of a child by name: columns in lower case, milestones as booleans, and what follows from them."""


class Child(mesa.Agent):
    """One child: a Mesa agent that owns nothing but a row number, and reads and writes the model's columns.

    Children are made when somebody asks for one and forgotten afterwards, so there may be any number of objects for one
    child. They are equal, and hash alike, if their structural ids are the same, in whatever arm or world they live.
    Nothing is registered and nothing is stored in the object: a name that is not a field is refused.

    Parameters
    ----------
    model
        The model whose children they are.
    columns
        Its columns.
    row
        The child's row in them.

    Notes
    -----
    Fields give numpy scalars: float32 and int32, booleans for milestones. Incomes are standardised logs and scores are
    in sd, see docs/method.md. Columns do not watch each other: who moves ``group`` moves no ``cell``.

    A Mesa event holds its function weakly. An event of a child's own method is gone with the object, so schedule a
    method of the model instead.
    """

    model: Town
    columns: Children
    row: int
    pos = None

    def __init__(self, model: Town, columns: Children, row: int) -> None:
        # Not super().__init__, which would register the child and give it another number.
        self.__dict__.update(model=model, columns=columns, row=row)

    def __setattr__(self, name: str, value: object) -> None:
        if name not in FIELDS:
            raise AttributeError(f"a child has no field '{name}' to write{nearest(name, FIELDS)}")
        FIELDS[name].write(self.model, self.columns, self.row, value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Child) and bool(self.unique_id == other.unique_id)

    def __hash__(self) -> int:
        return hash(int(self.unique_id))

    def __repr__(self) -> str:
        return f"Child({int(self.unique_id)}, born {int(self.cohort)})"

    def remove(self) -> NoReturn:
        """Refuse: a child is not taken out of a model.

        Raises
        ------
        TypeError
            Always.
        """
        raise TypeError(UNCHANGING)

    @classmethod
    def create_agents(cls, *arguments: object, **named: object) -> NoReturn:
        """Refuse: children are born with their model.

        Raises
        ------
        TypeError
            Always.
        """
        raise TypeError(UNCHANGING)

    from_dataframe = create_agents


UNCHANGING = (
    "children are neither added to a model nor taken out of it one by one: they are born with it, and who moves away "
    "has an age in 'left'"
)
"""Why a model's own children cannot be added to or removed."""

for _name, _field in FIELDS.items():
    setattr(Child, _name, _field)
