"""Children as columns: who they are, how they are numbered, and how many each one stands for."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri

from cradlecast.model import kernels
from cradlecast.model.kernels import KEPT, Real, Seat, Theta, Whole, Wide
from cradlecast.model.place import Place, apportion
from cradlecast.model.readings import read

Reals = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
Shorts = np.ndarray[tuple[int, ...], np.dtype[np.int16]]
Bytes = np.ndarray[tuple[int, ...], np.dtype[np.int8]]
Wholes = np.ndarray[tuple[int, ...], np.dtype[np.int32]]
Words = np.ndarray[tuple[int, ...], np.dtype[np.uint64]]
Longs = np.ndarray[tuple[int, ...], np.dtype[np.int64]]
Bools = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


@dataclass
class Children:
    """Columns of children, sorted by cohort; every array has one entry a child.

    Attributes
    ----------
    ids
        uint32 (2, n): birth index; place and birth year.
    x, k
        float32 (KEPT, n) and int8 (len(Whole), n): the state, see ``kernels``.
    seats, wide
        int16 (len(Seat), n) and int32 (len(Wide), n): what takes more bits.
    cohorts
        Birth years, ascending; rows ``starts[j]`` to ``starts[j + 1]`` were born in ``cohorts[j]``.
    world, theta
        By what they live: uint64 (2,) and float32 (len(Theta),), see ``kernels``.
    lived
        The latest year that they have lived; none before their first.
    """

    ids: np.ndarray[tuple[int, ...], np.dtype[np.uint32]]
    x: Reals
    k: Bytes
    seats: Shorts
    wide: Wholes
    cohorts: tuple[int, ...]
    starts: tuple[int, ...]
    world: Words
    theta: Reals
    lived: int = -1

    def __len__(self) -> int:
        return int(self.ids.shape[1])

    def real(self, column: Real) -> Reals:
        """One float32 column, (n,): a view of what is kept, or a new array of what is worked out."""
        if column < KEPT:
            row: Reals = self.x[int(column)]
            return row
        return self.real_of(column, slice(None))

    def real_of(self, column: Real, rows: Longs | slice) -> Reals:
        """One float32 column of some of the children, (m,): a new array but for a slice of what is kept."""
        if column < KEPT:
            kept: Reals = self.x[int(column), rows]
            return kept
        low, high = (np.ascontiguousarray(words[rows]) for words in self.ids)
        return read(column, (low, high, self.world), self.theta, self.lived, lambda kept: self.x[int(kept), rows])

    def whole(self, column: Whole | Seat | Wide) -> Bytes | Shorts | Wholes:
        """One column of whole numbers, int8, int16 or int32 (n,)."""
        if isinstance(column, Whole):
            return np.asarray(self.k[int(column)])
        return np.asarray(self.seats[int(column)] if isinstance(column, Seat) else self.wide[int(column)])

    def child_ids(self) -> Longs:
        """Structural ids, int64 (n,): place and birth year in the upper half, birth index in the lower."""
        ids: Longs = (self.ids[1].astype(np.int64) << 32) | self.ids[0].astype(np.int64)
        return ids

    def birth_years(self) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
        """Birth year of every child, int16 (n,)."""
        return np.repeat(np.array(self.cohorts, np.int16), np.diff(self.starts))

    def reached(self, milestone: int) -> Bools:
        """True where the child reached a milestone (its index in order), bool (n,)."""
        reached: Bools = (self.whole(Whole.REACHED) >> milestone) & 1 == 1
        return reached

    def copy(self) -> Children:
        """The same children with a state of their own. Columns that nobody has written yet take no memory."""
        return replace(self, x=_copied(self.x), k=_copied(self.k), seats=_copied(self.seats), wide=_copied(self.wide))

    def permuted(self, order: Longs) -> Children:
        """The same children with rows in another order (within cohorts only)."""
        return replace(
            self,
            ids=np.ascontiguousarray(self.ids[:, order]),
            x=np.ascontiguousarray(self.x[:, order]),
            k=np.ascontiguousarray(self.k[:, order]),
            seats=np.ascontiguousarray(self.seats[:, order]),
            wide=np.ascontiguousarray(self.wide[:, order]),
        )


def _copied[Columns: (Reals, Bytes, Shorts, Wholes)](columns: Columns) -> Columns:
    """A copy of some columns; where one is all zeros, the system need not find memory for it before it is written."""
    copy = np.zeros(columns.shape, columns.dtype)
    for row, column in enumerate(columns):
        if column.view(f"u{column.itemsize}").any():  # in bits, for there is a negative zero
            copy[row] = column
    return copy


def world_key(seed: int, world: int) -> Words:
    """The key of one world's chance events, uint64 (2,): both words of the key have 32 bits.

    Raises
    ------
    ValueError
        If either number does not fit.
    """
    if not (0 <= world < 2**32 and 0 <= seed < 2**32):
        raise ValueError(f"world and seed must each be from 0 to 2^32 - 1; got {world} and {seed}")
    return np.array([world, seed], np.uint64)


def children_of(
    place: Place, cohorts: tuple[int, ...], n_children: int, world: Words, schools: Wholes, theta: Reals
) -> Children:
    """The children of some birth years in one world, with their fixed attributes.

    Parameters
    ----------
    place
        The community.
    cohorts
        Birth years, ascending and consecutive.
    n_children
        Children in all; split evenly over the cohorts.
    world
        Key of the world, uint64 (2,).
    schools
        Simulated schools by area, int32 (areas,).
    theta
        The draw's parameters, float32 (len(Theta),).

    Notes
    -----
    A child's attributes depend on the child's id and the world alone: a larger study holds the same children and more.
    """
    sizes = apportion(n_children, [1.0] * len(cohorts))
    starts = tuple(int(s) for s in np.concatenate([[0], np.cumsum(sizes)]))
    ids = np.empty((2, n_children), np.uint32)
    for cohort, start, stop in zip(cohorts, starts[:-1], starts[1:], strict=True):
        ids[0, start:stop] = np.arange(stop - start, dtype=np.uint32)
        ids[1, start:stop] = (place.community.place_number << 16) | cohort
    x = np.zeros((KEPT, n_children), np.float32)
    k = np.zeros((len(Whole), n_children), np.int8)
    seats, wide = np.full((len(Seat), n_children), -1, np.int16), np.zeros((len(Wide), n_children), np.int32)
    mother = theta[Theta.MOTHER_INCOME].astype(np.float64)
    spread = np.sqrt((mother * place.income_sd) ** 2 + 1.0 - mother**2)
    mother_cuts = mother * place.group_means[:, None] + spread * ndtri(place.mothers)
    first_school = np.concatenate([[0], np.cumsum(schools)[:-1]]).astype(np.int32)
    kernels.births(
        ids,
        world,
        theta,
        np.cumsum(place.group_shares).astype(np.float32),
        place.group_means.astype(np.float32),
        np.array([place.income_sd], np.float32),
        np.cumsum(place.area_shares, axis=1).astype(np.float32),
        schools,
        first_school,
        place.weight_means.astype(np.float32),
        mother_cuts.astype(np.float32),
        place.other_language.astype(np.float32),
        x,
        k,
        wide,
    )
    return Children(ids, x, k, seats, wide, cohorts, starts, world, theta)
