"""Deals of any shape that closes, from a seed: every kind of source, guarantee, reserve, step and cap."""

from datetime import date, timedelta
from typing import Any

import numpy as np

from cradlecast.finance.payments import Payments
from cradlecast.scenarios.deal import Deal
from tests.deal_examples import deal, declaration, figure, line, paid, seats, step, tranche

SAMPLES = 3
PARTIES = [
    *declaration()["parties"],
    {"name": "friend", "title": "Friend", "role": "guarantor"},
]


def random_deal(seed: int) -> tuple[Deal, dict[int, float], Payments]:
    """A deal, its seat-years, and what is paid for its outcomes in three futures."""
    rng = np.random.default_rng(seed)

    def yes(chance: float = 0.5) -> bool:
        return bool(rng.random() < chance)

    def dollars(most: float = 20_000) -> float:
        return float(rng.integers(0, round(most * 100))) / 100

    def day() -> date:
        return date(2019, 8, 15) + timedelta(int(rng.integers(0, 2000)))

    uses = [
        line(f"use-{place}", dollars(), *(str(day()) for _ in range(rng.integers(1, 4))))
        for place in range(rng.integers(1, 4))
    ]
    seat_years = {2019: float(rng.integers(0, 40)), 2020: float(rng.integers(0, 40))}
    reserves = [
        {
            "name": "reserve",
            "title": "reserve",
            "amount": figure(dollars(2000)),
            "funded_on": str(day()),
            "pays": ["senior", "servicing"],
        }
    ] * yes()
    extra = [reserves[0]["amount"]["value"]] if reserves else []
    needed = round(sum(use["amount"]["value"] for use in uses) + 500 * sum(seat_years.values()) + sum(extra), 2)
    servicing = line("servicing", dollars(500), str(day()), to="manager", paid_by="waterfall")
    part = [round(share * needed, 2) for share in rng.uniform(0, 0.22, 4)]
    deferred = round(float(rng.uniform(0, uses[0]["amount"]["value"])), 2)
    sources: list[dict[str, Any]] = [
        _loan(rng, "senior", part[0]),
        _loan(rng, "subordinate", part[1]),
        {"kind": "appropriation", "name": "budget", "party": "city", "balance": True, "draw": _draw(rng)},
    ]
    steps = [step("fee", "servicing"), *(step(pay, name) for name in ("senior", "subordinate") for pay in PAYS)]
    if yes():
        sources.append(_soft("recoverable_grant", "gift", "foundation", part[2], draw=_draw(rng)))
        steps.append(step("principal", "gift"))
    if yes() and deferred < 0.3 * needed:
        sources.append(_soft("deferred_fee", "late-pay", "provider", deferred, only_for=["use-0"]))
        steps.append(step("principal", "late-pay"))
    if yes():
        recycled = {"kind": "recycled", "name": "recycled", "amount": figure(part[3]), "backstop": "budget"}
        sources.append(recycled)
        steps.append(step("recycle", "seats"))
    guarantees = []
    if yes():
        guarantees = [_guarantee(dollars(5000), str(day()), "principal_and_interest" if yes() else "principal")]
        if yes():
            steps.append(step("reimburse", "promise"))
    steps = [steps[place] for place in rng.permutation(len(steps))]
    loans = [place for place, each in enumerate(steps) if each["pay"] == "principal" and each["to"] in LENT]
    steps[loans[0]], steps[loans[1]] = step("principal", "senior"), step("principal", "subordinate")
    for to in ("provider", "senior"):
        if yes():
            most = {"most": figure(dollars(3000))} if yes() else {}
            steps.append({"pay": "success_share", "to": to, "share": float(rng.uniform(0, 1)), **most})
    capped = "return_cap" in sources[0]
    steps.append(step("residual", "provider" if yes() or capped else "senior"))
    contract = deal(
        parties=PARTIES,
        uses=[*uses, seats(500), servicing],
        sources=[sources[place] for place in rng.permutation(len(sources))],
        guarantees=guarantees,
        reserves=reserves,
        waterfall=steps,
        school_years=[2019, 2020],
    )
    size = rng.choice([0.1, 1.0, 3.0])
    claims = [(str(day()), [dollars(needed * size) for _ in range(SAMPLES)]) for _ in range(rng.integers(1, 6))]
    return contract, seat_years, paid(*sorted(claims))


LENT = ("senior", "subordinate")
PAYS = ("interest", "principal")


def _draw(rng: np.random.Generator) -> str:
    """One of the two ways of drawing."""
    return str(rng.choice(["in_order", "pro_rata"]))


def _loan(rng: np.random.Generator, kind: str, amount: float) -> dict[str, Any]:
    """A loan of any terms."""
    rate = float(rng.integers(0, 3000)) / 10_000
    interest = str(rng.choice(["current", "deferred", "paid_in_kind"]))
    more: dict[str, Any] = {"interest": interest, "draw": _draw(rng)}
    if interest == "deferred":
        more["interest_from"] = str(date(2020, 1, 1) + timedelta(int(rng.integers(0, 2500))))
    if rng.random() < 0.4:
        more["return_cap"] = figure(min(rate + float(rng.uniform(0, 0.2)), 1.0), "share a year")
    return tranche(kind, amount, rate, compounding=str(rng.choice(["simple", "annual"])), **more)


def _soft(kind: str, name: str, party: str, amount: float, **more: Any) -> dict[str, Any]:
    """Money that is paid back without interest."""
    return {"kind": kind, "name": name, "party": party, "amount": figure(amount), **more}


def _guarantee(amount: float, day: str, covers: str) -> dict[str, Any]:
    """A promise on the senior loan."""
    promise = {"name": "promise", "party": "friend", "tranche": "senior", "amount": figure(amount)}
    return promise | {"test_date": day, "covers": covers}
