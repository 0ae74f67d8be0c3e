"""The cash book: every movement of money between the deal and a party, in the order in which it happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cradlecast.finance.money import Cents, to_dollars

INVESTOR_LINES = ("drawn", "interest", "principal", "guarantee", "success share", "residual")
"""Lines that are a tranche's own cash flow."""


class Entry(NamedTuple):
    """Cents that a party receives (or, negative, pays in) on a date, by sample; `account` is the source or use."""

    date: date
    party: str
    account: str
    line: str
    cents: Cents


class Check(NamedTuple):
    """Something that must hold, and by how many dollars it fails at most."""

    name: str
    ok: bool
    difference: float


@dataclass
class Cash:
    """Every movement of cash, in the order in which it happened.

    Attributes
    ----------
    entries
        What each party received or paid in.
    recycled
        Cents of outcome payments that paid for later seats, by sample.
    stood_in
        Cents that the backstop paid in their place, by sample.
    """

    entries: list[Entry] = field(default_factory=list)
    recycled: Cents = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    stood_in: Cents = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def post(self, day: date, party: str, account: str, line: str, cents: Cents) -> None:
        """Write down a movement, positive where the party receives; nothing is written where nothing moves."""
        if cents.any():
            self.entries.append(Entry(day, party, account, line, cents))

    def flows(self, tranche: str) -> tuple[NDArray[np.datetime64], Cents]:
        """Dates and what a tranche's investor received on them; shape (samples, dates)."""
        chosen = [e for e in self.entries if e.account == tranche and e.line in INVESTOR_LINES]
        dates = sorted({entry.date for entry in chosen})
        table = np.zeros((len(self.recycled), len(dates)), dtype=np.int64)
        for entry in chosen:
            table[:, dates.index(entry.date)] += entry.cents
        return np.array(dates, dtype="datetime64[D]"), table

    def total(self, account: str, line: str) -> Cents:
        """Cents of one line over the life, by sample; positive where the party received."""
        chosen = [entry.cents for entry in self.entries if (entry.account, entry.line) == (account, line)]
        return np.sum(chosen, axis=0, dtype=np.int64) if chosen else np.zeros_like(self.recycled)

    def table(self) -> pd.DataFrame:
        """Mean dollars over samples: date, party, line, amount; positive where the party received them."""
        rows = [
            (entry.date, entry.party, _label(entry), float(to_dollars(entry.cents.mean()))) for entry in self.entries
        ]
        table = pd.DataFrame(rows, columns=["date", "party", "line", "amount"])
        table["date"] = pd.to_datetime(table["date"]).astype("datetime64[s]")
        table = table.groupby(["date", "party", "line"], sort=False, as_index=False).sum()
        return table[table["amount"] != 0].reset_index(drop=True)

    def checks(self, promised: Mapping[str, int]) -> list[Check]:
        """What must hold whatever the results: no dollar lost, none spent before it came, no promise exceeded."""
        held = np.zeros_like(self.recycled)
        lowest = np.zeros_like(self.recycled)
        for entry in self.entries:
            held = held - entry.cents
            lowest = np.minimum(lowest, held)
        over = [-self.total(name, "drawn") - self.total(name, "paid in") - most for name, most in promised.items()]
        most_over = max((int(each.max(initial=0)) for each in over), default=0)
        return [
            _check("every dollar in is a dollar out", int(np.abs(held).max(initial=0))),
            _check("cash is never below zero", int(-lowest.min(initial=0))),
            _check("no source gives more than it promised", most_over),
        ]

    def enforce(self, promised: Mapping[str, int]) -> None:
        """Raise ArithmeticError where a check fails."""
        for check in self.checks(promised):
            if not check.ok:
                raise ArithmeticError(f"{check.name}: fails by ${check.difference:,.2f}")


def _check(name: str, cents: int) -> Check:
    """A check on an amount that should be nothing."""
    return Check(name, cents == 0, float(to_dollars(cents)))


def _label(entry: Entry) -> str:
    """What the movement was, in words."""
    return f"{entry.account}: {entry.line}" if entry.account else entry.line
