"""A model's children as a Mesa set of agents: every verb of Mesa's AgentSet, over columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from operator import attrgetter
from typing import Any, Literal

import numpy as np
from mesa.agentset import AbstractAgentSet, GroupBy

from cradlecast.model.child import FIELDS, UNCHANGING, Child, Column
from cradlecast.model.children import Bools, Children, Longs
from cradlecast.model.town import Town
from cradlecast.scenarios.errors import nearest

YEAR = "year"
"""What the children of a model do together: ``do("year")``."""


class Roll:
    """What all sets of one model's children share.

    Attributes
    ----------
    model, columns
        The model, and its children as columns.
    living
        True while ``do("year")`` is under way.
    """

    def __init__(self, model: Town, columns: Children) -> None:
        self.model = model
        self.columns = columns
        self.living = False

    @cached_property
    def _by_id(self) -> tuple[Longs, Longs]:
        """Ids in ascending order, and the row of each."""
        ids = self.columns.child_ids()
        order = np.argsort(ids)
        return ids[order], order

    def row_of(self, child: object) -> int:
        """The row of a child, or of the same child in another arm; -1 if it is not in this model."""
        if not isinstance(child, Child):
            return -1
        if child.columns is self.columns:
            return child.row
        ids, order = self._by_id
        wanted = int(child.unique_id)
        at = int(np.searchsorted(ids, wanted))
        return int(order[at]) if at < len(ids) and int(ids[at]) == wanted else -1


class ChildSet(AbstractAgentSet[Child]):
    """An ordered set of children of one model, in place of a Mesa AgentSet.

    It holds row numbers, no objects. Verbs that name a field (``get``, ``set``, ``agg``, ``sort``, ``groupby``) and
    ``select`` with an array of booleans work on whole columns; verbs that are given a function, or a name that is no
    field, make one ``Child`` after the other for it, which is slow and does what Mesa does.

    The model's own set holds every child of the model, in the order of the columns, and never gains or loses one; it
    may be put in another order in place, as in Mesa, which moves no row. All other sets are views: smaller sets of the
    same children, which can be added to and removed from, and through which the columns are written.

    Parameters
    ----------
    agents
        Children of one model, at least one; for an empty set take ``select`` of another set.
    random
        Taken because Mesa passes it. The only generator used is the model's, and only by ``shuffle`` and
        ``shuffle_do``; what happens to children never depends on it, for their luck is keyed.

    Raises
    ------
    ValueError
        If there is no child, so that the model is not known, or one of another model.
    """

    def __init__(self, agents: Iterable[Child], random: object = None) -> None:
        children = list(agents)
        if not children:
            raise ValueError("a ChildSet needs a child to know its model by; an empty one comes from select")
        self._roll = Roll(children[0].model, children[0].columns)
        self._own = False
        self._held: Longs | None = self._rows_of(children)

    @classmethod
    def of(cls, model: Town) -> ChildSet:
        """The set of all children of a model, in the order of its columns."""
        columns = model.columns()
        return cls._seen(Roll(model, columns), None, own=True)

    @classmethod
    def _seen(cls, roll: Roll, rows: Longs | None, own: bool = False) -> ChildSet:
        """A set of these rows, or of all."""
        made = cls.__new__(cls)
        made._roll, made._held, made._own = roll, rows, own
        return made

    @property
    def _rows(self) -> Longs:
        """Rows of the children; those of all are numbered when somebody first asks for one."""
        if self._held is None:
            self._held = np.arange(len(self._roll.columns), dtype=np.int64)
        return self._held

    @_rows.setter
    def _rows(self, rows: Longs) -> None:
        self._held = rows

    def _view(self, rows: Longs) -> ChildSet:
        """Another set of the same model's children."""
        return self._seen(self._roll, rows)

    def _child(self, row: int) -> Child:
        """The child in a row, made on demand."""
        return Child(self._roll.model, self._roll.columns, row)

    def _rows_of(self, children: Iterable[object]) -> Longs:
        """Rows of some children, each once, in their order."""
        rows: dict[int, None] = {}
        for child in children:
            row = self._roll.row_of(child)
            if row < 0:
                raise ValueError(f"a ChildSet holds children of one model; {child!r} is not one of them")
            rows[row] = None
        return np.fromiter(rows, np.int64, len(rows))

    # --- what is in it ---

    @property
    def model(self) -> Town:
        """The model whose children they are."""
        return self._roll.model

    @property
    def random(self) -> Any:
        """The model's generator, for ``shuffle`` and ``shuffle_do`` alone."""
        return self._roll.model.random

    @property
    def rows(self) -> Longs:
        """Rows of the model's columns, int64 (len,), in the order of the set."""
        return self._rows.copy()

    def __len__(self) -> int:
        return len(self._roll.columns) if self._held is None else len(self._held)

    def __iter__(self) -> Iterator[Child]:
        return map(self._child, self._rows.tolist())

    def __contains__(self, child: object) -> bool:
        row = self._roll.row_of(child)
        return row >= 0 and bool(self._members[row])

    @property
    def _members(self) -> Bools:
        """True in the rows that are in the set, bool (all children,)."""
        rows, known = self.__dict__.get("_known", (None, None))
        if rows is not self._rows:
            known = np.zeros(len(self._roll.columns), np.bool_)
            known[self._rows] = True
            self.__dict__["_known"] = (self._rows, known)
        members: Bools = known
        return members

    def __getitem__(self, item: int | slice) -> Child | list[Child]:
        """A child by its place in the set, or a list of children by a slice."""
        if isinstance(item, slice):
            return [self._child(row) for row in self._rows[item].tolist()]
        return self._child(int(self._rows[item]))

    def __repr__(self) -> str:
        return f"<ChildSet of {len(self):,} children>"

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_known"}

    def to_list(self) -> list[Child]:
        """All children of the set, one object each."""
        return list(self)

    def copy(self) -> ChildSet:
        """A view of the same children in the same order; their columns stay shared."""
        return self._view(self._rows)

    __copy__ = copy

    # --- members of a view ---

    def _from_iterable(self, children: Iterable[object]) -> ChildSet:
        """What ``&``, ``|``, ``-`` and ``^`` give: children of this set's model."""
        return self._view(self._rows_of(children))

    def _update(self, agents: Iterable[Child]) -> ChildSet:
        """Hold these children instead."""
        return self._hold(self._rows_of(agents))

    def _hold(self, rows: Longs) -> ChildSet:
        """Hold these rows instead; the model's own set only in another order."""
        if self._own and len(rows) != len(self._rows):
            raise TypeError(f"{UNCHANGING}; take a copy() to change")
        self._rows = rows
        return self

    def add(self, agent: Child) -> None:
        """Add a child of the model to a view, at the end.

        Raises
        ------
        TypeError
            If this is the model's own set and the child is not in it.
        ValueError
            If the child is not one of the model's.
        """
        if agent in self:
            return
        if self._own:
            raise TypeError(UNCHANGING)
        self._rows = np.append(self._rows, self._rows_of([agent]))

    def discard(self, agent: Child) -> None:
        """Take a child out of a view, if it is there; the child itself and the other sets stay as they are.

        Raises
        ------
        TypeError
            If this is the model's own set and the child is in it.
        """
        if agent in self:
            self._hold(self._rows[self._rows != self._roll.row_of(agent)])

    def remove(self, agent: Child) -> None:
        """Take a child out of a view.

        Raises
        ------
        KeyError
            If it is not there.
        TypeError
            If this is the model's own set.
        """
        if agent not in self:
            raise KeyError(agent)
        self.discard(agent)

    # --- fields ---

    def column(self, name: str) -> Column:
        """One field of all children, a new array (len,) in the order of the set.

        It is what conditions for ``select`` are made of: ``children.select(children.column("income") < 0)``.

        Raises
        ------
        AttributeError
            If children have no such field.
        """
        if name not in FIELDS:
            raise AttributeError(f"children have no field '{name}'{nearest(name, FIELDS)}")
        return np.array(FIELDS[name].values(self._roll.model, self._roll.columns, self._rows))

    def _values(self, name: str, handle_missing: str, default: object) -> list[Any]:
        """One attribute of all children: from a column, or child by child."""
        if name in FIELDS:
            return list(self.column(name))
        if hasattr(Child, name) or name in Child.__annotations__:
            return [getattr(child, name) for child in self]
        if handle_missing == "error":
            raise AttributeError(f"children have no attribute '{name}'{nearest(name, FIELDS)}")
        return [default] * len(self)

    def get(
        self,
        attr_names: str | Sequence[str],
        handle_missing: Literal["error", "default"] = "error",
        default_value: object = None,
    ) -> list[Any]:
        """One or several attributes of all children, as lists in the order of the set.

        Parameters
        ----------
        attr_names
            A name, or names.
        handle_missing, default_value
            ``"default"`` to get ``default_value`` for what children do not have, instead of an error.

        Returns
        -------
        list
            A value a child for one name; a list of values a child for several.

        Raises
        ------
        AttributeError
            If children have no such attribute.
        ValueError
            If ``handle_missing`` is neither word.
        """
        if handle_missing not in ("error", "default"):
            raise ValueError(f"handle_missing must be 'error' or 'default'; got {handle_missing!r}")
        if isinstance(attr_names, str):
            return self._values(attr_names, handle_missing, default_value)
        columns = [self._values(name, handle_missing, default_value) for name in attr_names]
        return [list(values) for values in zip(*columns, strict=True)] if columns else [[] for _ in range(len(self))]

    def set(self, attr_name: str, value: object) -> ChildSet:
        """Write one value to all children, or an array with one value a child in the order of the set.

        Raises
        ------
        AttributeError
            If children have no such field, or it cannot be written.
        ValueError
            If a value is not one that the field can hold; nothing is written then.
        """
        if attr_name not in FIELDS:
            raise AttributeError(f"children have no field '{attr_name}' to write{nearest(attr_name, FIELDS)}")
        if np.asarray(value).shape not in ((), (len(self),)):
            raise ValueError(f"{attr_name} of {len(self)} children must be one value, or one a child")
        FIELDS[attr_name].write(self._roll.model, self._roll.columns, self._rows, value)
        return self

    def agg(self, attribute: str, func: Callable[..., Any] | Iterable[Callable[..., Any]]) -> Any:
        """A function, or several, of the values of one attribute.

        Functions of NumPy are given the column as it is, all others a list, as Mesa does.
        """
        functions = [func] if callable(func) else list(func)
        values: Any = None
        results = []
        for function in functions:
            if attribute in FIELDS and _of_numpy(function):
                results.append(function(self.column(attribute)))
            else:
                values = self.get(attribute) if values is None else values
                results.append(function(values))
        return results[0] if callable(func) else results

    # --- which children, and in what order ---

    def select(
        self,
        filter_func: Callable[[Child], bool] | Bools | None = None,
        at_most: int | float = math.inf,
        inplace: bool = False,
        agent_type: type | None = None,
    ) -> ChildSet:
        """Some of the children.

        Parameters
        ----------
        filter_func
            A function of a child, or an array of booleans (len,) in the order of the set, which is the fast way.
        at_most
            The first so many; with a decimal up to 1.0, that share of the set, rounded down.
        inplace
            Change this set rather than make another. The model's own set refuses to lose children.
        agent_type
            Children are agents of type ``Child`` and its bases; no other type has any.

        Raises
        ------
        ValueError
            If the array does not fit the set.
        """
        if filter_func is None and agent_type is None and at_most == math.inf:
            return self if inplace else self.copy()
        if isinstance(at_most, float) and at_most <= 1.0:
            at_most = int(len(self) * at_most)
        count = len(self) if at_most == math.inf else max(math.ceil(at_most), 0)
        if agent_type is not None and not issubclass(Child, agent_type):
            rows = self._rows[:0]
        elif filter_func is None:
            rows = self._rows[:count]
        elif callable(filter_func):
            rows = self._rows[self._where(filter_func, count)]
        else:
            rows = self._rows[self._mask(filter_func)][:count]
        return self._hold(rows) if inplace else self._view(rows)

    def _where(self, condition: Callable[[Child], bool], count: int) -> list[int]:
        """Places of the first so many children for whom a condition holds, asking no more than needed."""
        found: list[int] = []
        for at, child in enumerate(self):
            if len(found) >= count:
                break
            if condition(child):
                found.append(at)
        return found

    def _mask(self, condition: object) -> Bools:
        """An array of booleans that fits the set."""
        mask = np.asarray(condition)
        if mask.dtype != np.bool_ or mask.shape != (len(self),):
            raise ValueError(
                f"select takes a function or {len(self)} booleans, one a child; got {mask.dtype} of shape {mask.shape}"
            )
        return mask

    def sort(self, key: Callable[[Child], Any] | str, ascending: bool = False, inplace: bool = False) -> ChildSet:
        """The children in the order of a field or of a function's results; those alike keep their order.

        Parameters
        ----------
        key
            Name of a field, or a function of a child.
        ascending
            From the least; Mesa's default is from the greatest.
        inplace
            Change this set rather than make another.
        """
        if isinstance(key, str) and key in FIELDS:
            order = _order(self.column(key), ascending)
        else:
            value_of = attrgetter(key) if isinstance(key, str) else key
            values = [value_of(child) for child in self]
            order = np.array(sorted(range(len(values)), key=values.__getitem__, reverse=not ascending), np.int64)
        rows = self._rows[order]
        return self._hold(rows) if inplace else self._view(rows)

    def _shuffled(self) -> Longs:
        """Rows in an order drawn from the model's generator, the one that Mesa would draw."""
        rows = self._rows.tolist()
        self._roll.model.random.shuffle(rows)
        return np.array(rows, np.int64)

    def shuffle(self, inplace: bool = False) -> ChildSet:
        """The children in an order drawn from the model's generator; nothing that happens to them depends on it."""
        rows = self._shuffled()
        return self._hold(rows) if inplace else self._view(rows)

    def groupby(
        self, by: Callable[[Child], Any] | str, result_type: Literal["agentset", "list"] = "agentset"
    ) -> ChildGroups:
        """The children by the values of a field, or by a function's results, in the order in which they first occur.

        Parameters
        ----------
        by
            Name of a field, or a function of a child.
        result_type
            Groups as sets of children, or as lists of them.
        """
        if isinstance(by, str) and by in FIELDS:
            groups = {key: self._view(rows) for key, rows in _groups(self.column(by), self._rows)}
        else:
            value_of = attrgetter(by) if isinstance(by, str) else by
            members: dict[Any, list[int]] = {}
            for child in self:
                members.setdefault(value_of(child), []).append(child.row)
            groups = {key: self._view(np.array(rows, np.int64)) for key, rows in members.items()}
        if result_type == "agentset":
            return ChildGroups(groups)
        return ChildGroups({key: group.to_list() for key, group in groups.items()})

    # --- what they do ---

    def do(self, method: str | Callable[..., Any], *args: Any, **kwargs: Any) -> ChildSet:
        """Call a method of every child by its name, or a function on every child; and ``do("year")`` for all at once.

        ``do("year")`` is the school year of all children: the model's ``step()``. Time moves on by a year, policy that
        is due takes effect, and compiled loops live the year for every child. There is no second way to live one, so
        ``do("year")`` and ``step()`` may be mixed and no year comes twice. Only all children together can do it, for
        they share seats and classrooms; and not from inside a model's own ``step``, which calls ``super().step()``.

        Returns
        -------
        ChildSet
            This set.

        Raises
        ------
        ValueError
            If only some of the children are to live a year.
        RuntimeError
            If a year is asked for while ``do("year")`` lives one.
        """
        if method == YEAR:
            self._live()
            return self
        for child in self:
            _call(child, method, args, kwargs)
        return self

    def _live(self) -> None:
        """One school year of all children."""
        roll = self._roll
        if len(self) != len(roll.columns):
            raise ValueError(
                f"a school year is lived by all {len(roll.columns):,} children together, who share seats and "
                f"classrooms; this set holds {len(self):,}"
            )
        if roll.living:
            raise RuntimeError("this school year is being lived already; inside a model's step call super().step()")
        roll.living = True
        try:
            roll.model.step()
        finally:
            roll.living = False

    def shuffle_do(self, method: str | Callable[..., Any], *args: Any, **kwargs: Any) -> ChildSet:
        """As ``do``, in an order drawn from the model's generator; the set keeps its own order.

        The children's year knows no order, so that ``shuffle_do("year")`` is ``do("year")``.
        """
        if method == YEAR:
            return self.do(method)
        self._view(self._shuffled()).do(method, *args, **kwargs)
        return self

    def map(self, method: str | Callable[..., Any], *args: Any, **kwargs: Any) -> list[Any]:
        """What a method of every child, by its name, or a function on every child, returns."""
        return [_call(child, method, args, kwargs) for child in self]


class ChildGroups(GroupBy):
    """Mesa's groups, whose ``agg`` reads columns; ``count``, ``do``, ``map`` and iteration are Mesa's own."""

    def agg(self, attr_name: str, func: Callable[..., Any]) -> dict[Any, Any]:
        """A function of the values of one attribute, by group."""
        return {
            key: group.agg(attr_name, func)
            if isinstance(group, ChildSet)
            else func([getattr(child, attr_name) for child in group])
            for key, group in self.groups.items()
        }


def _call(child: Child, method: str | Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a child's method by its name, or a function on the child."""
    return getattr(child, method)(*args, **kwargs) if isinstance(method, str) else method(child, *args, **kwargs)


def _of_numpy(function: Callable[..., Any]) -> bool:
    """True for NumPy's own functions, which give the same for an array as for a list, sooner."""
    return isinstance(function, np.ufunc) or str(getattr(function, "__module__", None)).split(".")[0] == "numpy"


def _order(values: Column, ascending: bool) -> Longs:
    """The stable order of some values; descending too, values alike keep their order."""
    if ascending:
        return np.argsort(values, kind="stable")
    last = len(values) - 1
    order: Longs = last - np.argsort(values[::-1], kind="stable")[::-1]
    return order


def _groups(values: Column, rows: Longs) -> Iterator[tuple[Any, Longs]]:
    """Each value and the rows that have it, values in the order in which they first occur."""
    if not len(rows):
        return
    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    by_value = rows[np.argsort(inverse, kind="stable")]
    parts = np.split(by_value, np.cumsum(np.bincount(inverse))[:-1])
    for at in np.argsort(first):
        yield values[first[at]], parts[at]
