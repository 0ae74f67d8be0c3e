"""Whole cents: dollars that can be added up without losing any."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cradlecast.scenarios.errors import InputError

Cents = NDArray[np.int64]

CENTS_PER_DOLLAR = 100
MOST_CENTS = 2**53
"""Above this a float no longer tells one cent from the next."""


def to_cents(dollars: ArrayLike, what: str = "amount") -> Cents:
    """Dollars as whole cents, a half rounded to the even cent.

    Parameters
    ----------
    dollars
        Any shape.
    what
        What they are, for the error.

    Raises
    ------
    InputError
        An amount is not finite, or too large to be counted in cents.

    Examples
    --------
    >>> to_cents([0.125, 8000]).tolist()
    [12, 800000]
    """
    cents = np.rint(np.asarray(dollars, dtype=np.float64) * CENTS_PER_DOLLAR)
    if not (np.abs(cents) <= MOST_CENTS).all():
        raise InputError(f"{what} must be a number of dollars up to {MOST_CENTS / CENTS_PER_DOLLAR:,.0f}")
    return cents.astype(np.int64)


def to_dollars(cents: Any) -> Any:
    """Cents as dollars, in the same shape."""
    return cents / CENTS_PER_DOLLAR


def split(cents: int, shares: Sequence[float]) -> list[int]:
    """Divide an amount by shares that sum to 1, so that the parts sum to the amount.

    Examples
    --------
    >>> split(100, [1 / 3, 1 / 3, 1 / 3])
    [33, 34, 33]
    """
    ends = np.rint(np.cumsum(shares) * cents).astype(np.int64)
    ends[-1] = cents
    return [int(part) for part in np.diff(ends, prepend=0)]


def words(cents: int) -> str:
    """Cents as a person writes dollars.

    Examples
    --------
    >>> words(150000)
    '$1,500.00'
    """
    return f"{'-' if cents < 0 else ''}${abs(cents) / CENTS_PER_DOLLAR:,.2f}"
