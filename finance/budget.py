"""Sources and uses: what has to be paid and when, and who has promised how much of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from math import isfinite
from typing import NamedTuple

import pandas as pd

from cradlecast.finance.money import split, to_cents, to_dollars, words
from cradlecast.scenarios.deal import Deal, OtherMoney, Recycled, Use
from cradlecast.scenarios.errors import InputError


class Due(NamedTuple):
    """An amount of one use that falls due on one date; a reserve, which the deal keeps, has no party."""

    date: date
    use: str
    party: str
    cents: int
    paid_by: str


def due_uses(deal: Deal, seat_years: Mapping[int, float], seat_cost: float | None = None) -> list[Due]:
    """Every amount that the deal has to pay for its uses, by date.

    Parameters
    ----------
    deal
        The deal.
    seat_years
        Financed seat-years by school year, each by the calendar year in which it begins, in seats of the community.
        School years that the deal does not name are not its business; those without an entry have no seats.
    seat_cost
        Dollars a seat-year in place of the deal's own.

    Returns
    -------
    list of Due
        In order of date, then of the deal file. Instalments are rounded to the cent so that they sum to the year.

    Raises
    ------
    InputError
        Seats or their cost are negative or not finite.
    """
    for year, seats in seat_years.items():
        if not (seats >= 0 and isfinite(seats)):
            raise InputError(f"seat-years of school year {year} must be a number from 0; got {seats}")
    if seat_cost is not None and not (seat_cost >= 0 and isfinite(seat_cost)):
        raise InputError(f"seat cost must be a number of dollars from 0; got {seat_cost}")
    found: list[Due] = []
    for use in deal.uses:
        found += _of_seats(use, deal, seat_years, seat_cost) if use.per_seat else _of_amount(use)
    for reserve in deal.reserves:
        cents = int(to_cents(reserve.amount.value, f"reserve '{reserve.name}'"))
        found.append(Due(reserve.funded_on, reserve.name, "", cents, "sources"))
    return sorted(found, key=lambda due: due.date)


def _of_seats(use: Use, deal: Deal, seat_years: Mapping[int, float], seat_cost: float | None) -> list[Due]:
    """Instalments of a use per seat."""
    assert use.per_seat is not None
    cost = use.per_seat.value if seat_cost is None else seat_cost
    shares = [part.share for part in use.instalments]
    found = []
    for year in deal.school_years:
        total = int(to_cents(cost * seat_years.get(year, 0.0), f"cost of the seats of school year {year}"))
        parts = split(total, shares)
        found += [
            Due(part.on(year), use.name, use.to, cents, use.paid_by)
            for part, cents in zip(use.instalments, parts, strict=True)
        ]
    return found


def _of_amount(use: Use) -> list[Due]:
    """Equal parts of a use with an amount."""
    assert use.amount is not None
    parts = split(int(to_cents(use.amount.value)), [1 / len(use.dates)] * len(use.dates))
    return [Due(day, use.name, use.to, cents, use.paid_by) for day, cents in zip(use.dates, parts, strict=True)]


def commitments(deal: Deal, dues: list[Due]) -> dict[str, int]:
    """Cents that each source has promised, the balance line taking what the others leave.

    Uses that the waterfall pays are a claim on outcome payments, not a use of these sources.

    Raises
    ------
    InputError
        Sources do not equal uses, or the balance line would be negative: by how much.
    """
    needed = sum(due.cents for due in dues if due.paid_by == "sources")
    promised = {source.name: int(to_cents(source.amount.value)) for source in deal.sources if source.amount is not None}
    left = needed - sum(promised.values())
    balance = next((s.name for s in deal.sources if isinstance(s, OtherMoney) and s.balance), None)
    if balance is not None:
        if left < 0:
            raise InputError(
                f"deal '{deal.name}': uses are {words(needed)}, and the other sources exceed them by {words(-left)}, "
                f"so that the balance line '{balance}' would be negative"
            )
        promised[balance] = left
    elif left != 0:
        raise InputError(
            f"deal '{deal.name}': sources must equal uses; uses are {words(needed)} and sources "
            f"{'fall short of' if left > 0 else 'exceed'} them by {words(abs(left))}"
        )
    promised = {source.name: promised[source.name] for source in deal.sources}
    _fits_its_uses(deal, dues, promised)
    return promised


def _fits_its_uses(deal: Deal, dues: list[Due], promised: Mapping[str, int]) -> None:
    """Raise where money that may pay for some uses only cannot all be spent on them."""
    left = dict(promised)
    limited = [tranche for tranche in deal.tranches if tranche.only_for]
    for due in (due for due in dues if due.paid_by == "sources"):
        unpaid = due.cents
        for tranche in (tranche for tranche in limited if due.use in tranche.only_for):
            drawn = min(unpaid, left[tranche.name])
            left[tranche.name] -= drawn
            unpaid -= drawn
    for tranche in limited:
        if left[tranche.name]:
            raise InputError(
                f"deal '{deal.name}': '{tranche.name}' may pay for {', '.join(tranche.only_for)} only, which leave "
                f"{words(left[tranche.name])} of its {words(promised[tranche.name])} without a use"
            )


def sources_and_uses(deal: Deal, seat_years: Mapping[int, float], seat_cost: float | None = None) -> pd.DataFrame:
    """The table that closes a deal: what the money is for, and where it comes from.

    Parameters
    ----------
    deal, seat_years, seat_cost
        As in `due_uses`.

    Returns
    -------
    DataFrame
        side ("use" or "source"), name, kind, party, amount (dollars), provenance. The two sides have the same sum.

    Raises
    ------
    InputError
        As in `due_uses` and `commitments`.
    """
    dues = due_uses(deal, seat_years, seat_cost)
    promised = commitments(deal, dues)
    rows = []
    for use in deal.uses:
        if use.paid_by == "sources":
            figure = use.per_seat or use.amount
            assert figure is not None
            given = use.per_seat is not None and seat_cost is not None
            rows.append(
                {
                    "side": "use",
                    "name": use.name,
                    "kind": "seats" if use.per_seat else "amount",
                    "party": use.to,
                    "amount": to_dollars(sum(due.cents for due in dues if due.use == use.name)),
                    "provenance": "scenario" if given else figure.provenance,
                }
            )
    for reserve in deal.reserves:
        rows.append(
            {
                "side": "use",
                "name": reserve.name,
                "kind": "reserve",
                "party": "kept by the deal",
                "amount": to_dollars(sum(due.cents for due in dues if due.use == reserve.name)),
                "provenance": reserve.amount.provenance,
            }
        )
    for source in deal.sources:
        rows.append(
            {
                "side": "source",
                "name": source.name,
                "kind": source.kind,
                "party": "outcome payments" if isinstance(source, Recycled) else source.party,
                "amount": to_dollars(promised[source.name]),
                "provenance": "DERIVED" if source.amount is None else source.amount.provenance,
            }
        )
    return pd.DataFrame(rows)
