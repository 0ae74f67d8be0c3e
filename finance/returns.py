"""Returns on dated cash flows: XIRR, multiples, payback, exposure, life and the tail of the losses.

The rate r of flows c at dates d solves  sum of c_i / (1 + r)^((d_i - d_0) / 365) = 0 : Act/365F, effective annual,
as in spreadsheets. Money in is negative, money out positive. Where several rates solve it none of them is the return,
and none is reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import pyxirr
from numpy.typing import ArrayLike, NDArray

from cradlecast.scenarios.errors import InputError

Floats = NDArray[np.float64]

DAYS_PER_YEAR = 365
LOWEST_RATE = -0.999_999
HIGHEST_RATE = 100.0
ZERO = 1e-12
"""A sum of flows is nought where it is this small a share of the sum of their sizes."""


class Rate(NamedTuple):
    """The answer to "what is this a year?": the rate, or NaN and why there is none."""

    rate: float
    roots: tuple[float, ...]
    sign_changes: int
    reason: str


def xirr(dates: ArrayLike, flows: ArrayLike) -> Rate:
    """Internal rate of return of dated flows, with every rate that solves them.

    Parameters
    ----------
    dates
        Dates, shape (k,), in any order.
    flows
        Dollars on them, shape (k,), negative for money put in.

    Returns
    -------
    Rate
        `rate` is -1.0 exactly where money was put in and nothing came back; held within LOWEST_RATE and HIGHEST_RATE
        where the one solution lies beyond; NaN where there is none, or more than one, with the reason in words.

    Raises
    ------
    InputError
        A flow is not finite, or dates and flows differ in number.

    Notes
    -----
    A sequence of flows whose sign changes once has exactly one rate (Descartes' rule of signs, for real exponents
    Laguerre's). Otherwise all of them are found: divide by the first flow's discount factor, so that the derivative
    has one flow fewer; between two of its zeros the sum can be nought only once.

    Examples
    --------
    >>> xirr(["2020-01-01", "2020-12-31"], [-100, 110]).rate
    0.1000000000000...
    """
    days, flows = _checked(dates, flows)
    if len(np.unique(days[flows != 0])) == 1 and (flows < 0).any() and (flows > 0).any():
        return Rate(np.nan, (), 1, "all flows fall on one day")
    years, amounts = _tidy(days, flows)
    changes = int(np.count_nonzero(np.diff(np.sign(amounts))))
    if not (amounts < 0).any():
        return Rate(np.nan, (), changes, "no money was put in")
    if not (amounts > 0).any():
        return Rate(-1.0, (), changes, "nothing came back: a total loss")
    low, high = float(np.log1p(LOWEST_RATE)), float(np.log1p(HIGHEST_RATE))
    roots = tuple(float(np.expm1(root)) for root in _roots(amounts, years, low, high))
    if len(roots) > 1:
        shown = ", ".join(f"{root:.4%}" for root in roots)
        return Rate(np.nan, roots, changes, f"{len(roots)} rates solve these flows ({shown}): none is the return")
    if roots:
        borrowed = "money came before it was put in: the rate is a cost of borrowing"
        return Rate(roots[0], roots, changes, "" if amounts[0] < 0 else borrowed)
    if changes == 1:
        sign = np.sign(_value(amounts, years, low)) * np.sign(amounts[-1])
        return Rate(LOWEST_RATE if sign < 0 else HIGHEST_RATE, (), changes, "the rate lies beyond this bound")
    return Rate(np.nan, (), changes, "no rate solves these flows")


def xirr_many(dates: ArrayLike, flows: ArrayLike) -> Floats:
    """Internal rate of return of many rows of flows on the same dates.

    Parameters
    ----------
    dates
        Dates, shape (k,).
    flows
        Dollars, shape (n, k).

    Returns
    -------
    array
        Shape (n,): what `xirr` gives for each row.

    Notes
    -----
    A fast solver proposes a rate for each row. It is kept where it solves the flows and either the flows change sign
    once or the balance compounded at that rate is never positive before the end, for then no other rate solves them
    (Soper 1959; Teichroew, Robichek and Montalbano 1965, a "pure investment"). The other rows go to `xirr`.
    """
    days, table = _checked(dates, np.atleast_2d(np.asarray(flows, dtype=np.float64)))
    order = np.argsort(days, kind="stable")
    days, table = days[order], table[:, order]
    rates = np.full(len(table), np.nan)
    paid_in, paid_back = (table < 0).any(axis=1), (table > 0).any(axis=1)
    rates[paid_in & ~paid_back] = -1.0
    rows = np.flatnonzero(paid_in & paid_back)
    calendar: list[date] = days.tolist()
    rates[rows] = [_fast(calendar, table[row]) for row in rows]
    sure = _is_the_only_rate(days, table[rows], rates[rows])
    for row in rows[~sure]:
        rates[row] = xirr(days, table[row]).rate
    return rates


def moic(invested: ArrayLike, returned: ArrayLike) -> Any:
    """Money returned for each dollar invested; NaN where nothing was invested.

    Capital counts once: what was repaid and lent on, or kept back for later seats, is not invested again.

    Examples
    --------
    >>> float(moic(100.0, 0.0))
    0.0
    """
    invested, returned = np.asarray(invested, dtype=np.float64), np.asarray(returned, dtype=np.float64)
    nothing = invested == 0
    return np.where(nothing, np.nan, returned / np.where(nothing, 1.0, invested))


def payback(dates: ArrayLike, flows: ArrayLike) -> np.datetime64:
    """First date from which on the flows so far no longer sum to less than nothing; not a date where that never comes.

    Examples
    --------
    >>> str(payback(["2020-01-01", "2021-01-01", "2022-01-01"], [-100, 60, 60]))
    '2022-01-01'
    """
    days, amounts = _checked(dates, flows)
    order = np.argsort(days, kind="stable")
    days, out = days[order], np.flatnonzero(np.cumsum(amounts[order]) < 0)
    if not len(out) or out[-1] + 1 == len(days):
        return np.datetime64("NaT", "D")
    return np.datetime64(days[out[-1] + 1])


def peak_exposure(flows: ArrayLike) -> Any:
    """Most that was in at one time: the lowest sum of the flows so far, as a positive number; flows in order of date.

    Examples
    --------
    >>> float(peak_exposure([-100, 60, -30, 80]))
    100.0
    """
    sums = np.cumsum(np.asarray(flows, dtype=np.float64), axis=-1)
    return np.maximum(-sums.min(axis=-1, initial=0.0), 0.0)


def weighted_life(dates: ArrayLike, drawn: ArrayLike, repaid: ArrayLike) -> float:
    """Years that a drawn dollar stays out, on average; what is never repaid stays out to the last date.

    Parameters
    ----------
    dates
        Dates in order, shape (k,).
    drawn, repaid
        Dollars drawn, and dollars of them repaid, on each; both positive.

    Returns
    -------
    float
        Dollar-years outstanding over dollars drawn, years of 365 days; NaN where nothing was drawn.

    Examples
    --------
    >>> weighted_life(["2020-01-01", "2020-12-31", "2021-12-31"], [100, 0, 0], [0, 50, 50])
    1.5
    """
    days = np.asarray(dates, dtype="datetime64[D]")
    put_in, back = np.asarray(drawn, dtype=np.float64), np.asarray(repaid, dtype=np.float64)
    total = float(put_in.sum())
    if total == 0:
        return float("nan")
    out = np.maximum(np.cumsum(put_in - back), 0.0)
    return float((out[:-1] * np.diff(_years(days))).sum() / total)


def expected_shortfall(losses: ArrayLike, tail: float = 0.05) -> float:
    """Mean of the worst share of the losses (a gain is a negative loss); the sample at the edge counts in part.

    Examples
    --------
    >>> expected_shortfall([1.0, 0.5, 0.0, -0.1], 0.5)
    0.75
    """
    worst = np.sort(np.asarray(losses, dtype=np.float64))[::-1]
    size = tail * len(worst)
    weights = np.clip(size - np.arange(len(worst)), 0.0, 1.0)
    return float((worst * weights).sum() / size)


def _checked(dates: ArrayLike, flows: ArrayLike) -> tuple[NDArray[np.datetime64], Floats]:
    """Dates and flows as arrays, refused where they are no cash flow."""
    days, amounts = np.asarray(dates, dtype="datetime64[D]"), np.asarray(flows, dtype=np.float64)
    if days.shape[-1:] != amounts.shape[-1:] or not np.isfinite(amounts).all():
        raise InputError(f"cash flows need one finite amount a date; got {amounts.shape} amounts on {days.shape} dates")
    return days, amounts


def _tidy(days: NDArray[np.datetime64], flows: Floats) -> tuple[Floats, Floats]:
    """Years since the first flow and the flows, in order, one a date, without zeros."""
    days, place = np.unique(days, return_inverse=True)
    sums = np.bincount(place, weights=flows, minlength=len(days))
    days, sums = days[sums != 0], sums[sums != 0]
    return _years(days), sums


def _years(days: NDArray[np.datetime64]) -> Floats:
    """Years of 365 days since the first of some days."""
    return (days - days[:1]).astype(np.int64) / DAYS_PER_YEAR


def _value(amounts: Floats, years: Floats, x: float) -> float:
    """Sum of the discounted flows at the log rate x over the sum of their sizes: from -1 to 1, whatever x is."""
    exponents = -x * years
    parts = amounts * np.exp(exponents - exponents.max())
    return float(parts.sum() / np.abs(parts).sum())


def _roots(amounts: Floats, years: Floats, low: float, high: float) -> list[float]:
    """Every log rate between low and high at which the flows' present value is nought."""
    from scipy.optimize import brentq  # here, because it would double the time that every command takes to start

    changes = np.count_nonzero(np.diff(np.sign(amounts)))
    if changes == 0:
        return []
    lags = years - years[0]
    inner = _roots((amounts * lags)[1:], lags[1:], low, high) if changes > 1 else []
    edges = [low, *inner, high]
    values = [_value(amounts, years, edge) for edge in edges]
    found = [edge for edge, value in zip(edges, values, strict=True) if abs(value) <= ZERO]
    for left, right, a, b in zip(edges, edges[1:], values, values[1:], strict=False):
        if min(abs(a), abs(b)) > ZERO and (a < 0) != (b < 0):
            found.append(float(brentq(lambda x: _value(amounts, years, x), left, right, xtol=1e-14)))
    return sorted(found)


def _fast(calendar: Sequence[date], flows: Floats) -> float:
    """A rate that may solve the flows, or NaN."""
    rate = pyxirr.xirr(calendar, flows.tolist(), silent=True)
    return np.nan if rate is None else float(rate)


def _is_the_only_rate(days: NDArray[np.datetime64], table: Floats, rates: Floats) -> NDArray[np.bool_]:
    """Whether a rate solves its row, lies within the bounds, and no other rate can."""
    within = (rates > LOWEST_RATE) & (rates < HIGHEST_RATE)
    growth = np.where(within, 1 + rates, 1.0)
    balance = np.zeros(len(table))
    size = np.zeros(len(table))
    pure = np.ones(len(table), dtype=bool)
    gaps = np.diff(_years(days), prepend=0.0)
    for column, gap in enumerate(gaps):
        factor = growth**gap
        balance = balance * factor + table[:, column]
        size = size * factor + np.abs(table[:, column])
        if column + 1 < len(gaps):
            pure &= balance <= 1e-9 * size
    return within & (np.abs(balance) <= 1e-9 * size) & pure
