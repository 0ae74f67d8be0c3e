"""Small deals and studies, worked by hand, that the tests of the deal and of finance share."""

from collections.abc import Iterable
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from cradlecast.finance.payments import REASONS, Payments
from cradlecast.scenarios.deal import Deal


def figure(value: float, unit: str = "usd") -> dict[str, Any]:
    """A number with the provenance that a test has."""
    return {"value": value, "unit": unit, "source": "worked by hand", "provenance": "ASSUMED"}


def tranche(kind: str, amount: float, rate: float, **more: Any) -> dict[str, Any]:
    """A tranche named after its kind, lent by the bank or the foundation."""
    party = {"senior": "bank", "subordinate": "foundation"}[kind]
    return {
        "kind": kind,
        "name": kind,
        "party": party,
        "amount": figure(amount),
        "rate": figure(rate, "share a year"),
        **more,
    }


def metric(name: str = "kindergarten_ready", price: float = 100.0, **more: Any) -> dict[str, Any]:
    """A gross count paid by the city 30 days after it was measured."""
    return {
        "name": name,
        "title": name,
        "payer": "city",
        "rule": "price_per_unit",
        "count": "gross",
        "comparison": "none",
        "price": figure(price),
        "lag_days": 30,
        **more,
    }


def net_metric(name: str = "kindergarten_ready", price: float = 100.0, **more: Any) -> dict[str, Any]:
    """A net count against the applicants without a seat."""
    return metric(name, price, count="net", comparison="no_public_preschool", **more)


def line(name: str, amount: float, *dates: str, to: str = "provider", **more: Any) -> dict[str, Any]:
    """A use with an amount."""
    return {
        "name": name,
        "title": name,
        "to": to,
        "amount": figure(amount),
        "dates": [date.fromisoformat(day) for day in dates],
        **more,
    }


def seats(per_seat: float) -> dict[str, Any]:
    """A use per seat, paid half in August and half in February."""
    return {
        "name": "seats",
        "title": "seats",
        "to": "provider",
        "per_seat": figure(per_seat),
        "instalments": [{"month": 8, "day": 15, "share": 0.5}, {"month": 2, "day": 1, "share": 0.5}],
    }


def step(pay: str, to: str) -> dict[str, str]:
    """A step of the waterfall."""
    return {"pay": pay, "to": to}


TWO_LOANS = (
    step("interest", "senior"),
    step("principal", "senior"),
    step("interest", "subordinate"),
    step("principal", "subordinate"),
    step("residual", "provider"),
)


def declaration(**changes: Any) -> dict[str, Any]:
    """A whole deal as a file would hold it: $1,000 of services, paid by two loans of $800 and $200."""
    return {
        "schema": "cradlecast/deal/1",
        "name": "by-hand",
        "title": "A deal worked by hand",
        "illustrative": True,
        "description": "Numbers that can be checked with a pencil.",
        "currency": "USD",
        "price_year": 2020,
        "school_years": [2019, 2020],
        "cohorts": [2015],
        "parties": [
            {"name": "city", "title": "City", "role": "outcomes_payer"},
            {"name": "county", "title": "County", "role": "outcomes_payer"},
            {"name": "bank", "title": "Bank", "role": "investor"},
            {"name": "foundation", "title": "Foundation", "role": "investor"},
            {"name": "provider", "title": "Provider", "role": "service_provider"},
            {"name": "manager", "title": "Manager", "role": "intermediary"},
        ],
        "uses": [line("services", 1000, "2020-01-01")],
        "sources": [tranche("senior", 800, 0.10), tranche("subordinate", 200, 0.05)],
        "metrics": [metric()],
        "waterfall": list(TWO_LOANS),
    } | changes


def deal(**changes: Any) -> Deal:
    """The same deal, validated."""
    return Deal.model_validate(declaration(**changes))


def capped(party: str, cap: float) -> list[dict[str, Any]]:
    """The deal's parties, one of them with a cap over its life."""
    parties = declaration()["parties"]
    return [entry | {"payment_cap": figure(cap)} if entry["name"] == party else entry for entry in parties]


def paid(*claims: tuple[str, Iterable[float]], payer: str = "city") -> Payments:
    """Outcome payments in dollars on given dates, one amount a sample."""
    days = [day for day, _ in claims]
    cents = np.array([[round(amount * 100) for amount in amounts] for _, amounts in claims], dtype=np.int64).T
    table = pd.DataFrame(
        {
            "metric": "kindergarten_ready",
            "cohort": 2015,
            "payer": payer,
            "date": np.array(days, dtype="datetime64[s]"),
            "price": 100.0,
        }
    )
    return Payments(table, cents / 10_000, cents, cents, np.zeros((len(REASONS), *cents.shape), dtype=bool))


def cell(
    metric_name: str = "kindergarten_ready",
    day: str = "2020-09-01",
    *,
    seated: str,
    twin: str = "",
    without_seat: str = "",
    refused: str = "",
    true: str = "",
    draw: int = 0,
    world: int = 0,
    cohort: int = 2015,
    weight: float = 1.0,
    stratum: int = 0,
    passed_by: str = "",
) -> pd.DataFrame:
    """One metric of one cohort in one sample: a letter a child, 1 reached, 0 not, x not measured.

    `seated` in the scenario, as seen; `true` the same children as they truly are (as seen, if not given); `twin` the
    same children in the baseline (nobody reaches, if not given); `without_seat` eligible children without public
    preschool, as seen, who applied; `passed_by` such children who did not apply; `refused` children who are not
    eligible; `stratum` their group and poverty. Entry scores rise with the place of the letter, and so do scores of
    children who do not reach it.
    """
    true = true or seated.replace("x", "0")
    twin = twin or "0" * len(seated)
    assert len(twin) == len(true) == len(seated)
    rows = []
    for child, (seen, truth, other) in enumerate(zip(seated, true, twin, strict=True)):
        rows.append((child, "scenario", True, True, truth, seen))
        rows.append((child, "baseline", True, True, other, other))
    for child, seen in enumerate(without_seat + passed_by + refused, start=len(seated)):
        eligible = child < len(seated) + len(without_seat) + len(passed_by)
        rows.append((child, "scenario", False, eligible, seen.replace("x", "0"), seen))
        rows.append((child, "baseline", False, eligible, seen.replace("x", "0"), seen))
    table = pd.DataFrame(rows, columns=["child", "arm", "seated", "eligible", "truth", "seen"])
    return pd.DataFrame(
        {
            "draw": np.int32(draw),
            "world": np.int64(world),
            "child": table["child"].astype("int64"),
            "cohort": np.int16(cohort),
            "arm": table["arm"],
            "metric": metric_name,
            "date": np.datetime64(day, "s"),
            "seated": table["seated"],
            "eligible": table["eligible"],
            "applied": table["eligible"] & (table["child"] < len(seated) + len(without_seat)),
            "stratum": np.int16(stratum),
            "entry_score": table["child"].astype("float32"),
            "score": np.where(table["seen"] == "1", np.float32(1), table["child"].astype("float32") / 1000),
            "reached_true": table["truth"] == "1",
            "reached": table["seen"] == "1",
            "measured": table["seen"] != "x",
            "weight": weight,
        }
    )


def study(*cells: pd.DataFrame) -> pd.DataFrame:
    """The rows of several cells, as the model writes them."""
    table = pd.concat(cells, ignore_index=True)
    return table.astype({"arm": "category", "metric": "category"})
