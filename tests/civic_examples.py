"""Pooled money, shocks and levers that between them use every rule, in a small Memphis."""

from __future__ import annotations

from typing import Any

from cradlecast.scenarios.civic import CIVIC_LEVERS
from cradlecast.scenarios.scenario import Scenario

COUNTY = "Local government"
GRANT = {"name": "gift", "funder": COUNTY, "dollars": 6_000_000, "first_year": 2020, "last_year": 2022}
PARTS = (
    {"program": "prek", "share": 0.5, "outcome": "kindergarten_ready"},
    {"program": "tutoring", "share": 0.3, "outcome": "grade3_reading"},
    {"program": "early_warning", "share": 0.2, "outcome": "chronic_absence"},
)
POOL: dict[str, Any] = {"title": "A pool", "price_year": 2019, "grants": [GRANT], "parts": list(PARTS)}
HARM = {
    "title": "A blow",
    "shape": "normal",
    "mean": -0.2,
    "sd": 0.05,
    "unit": "sd",
    "grade": "assumption",
    "assumption": "Of a test.",
}
BLOW: dict[str, Any] = {
    "name": "blow",
    "title": "A blow to all children of 5 to 8",
    "kind": "children",
    "first_year": 2021,
    "last_year": 2021,
    "ages": [5, 6, 7, 8],
    "effects": [{"channel": "skill", "parameter": "of_blow"}],
    "parameters": {"of_blow": HARM},
}
CLOSING: dict[str, Any] = {
    "name": "centers",
    "title": "Centers close",
    "kind": "closing",
    "first_year": 2021,
    "last_year": 2022,
    "program": "child_care",
    "share": 0.4,
}
RECESSION: dict[str, Any] = {
    "name": "slump",
    "title": "The county's budget is short",
    "kind": "recession",
    "first_year": 2021,
    "last_year": 2021,
    "payer": COUNTY,
    "share": 0.25,
}

SET: dict[str, float] = {
    "money_won": 0.2,
    "continuity": 0.3,
    "staff_time": 0.1,
    "data_sharing": 0.5,
    "referral": 0.05,
    "improvement": 0.1,
    "coordination": 0.05,
    "backbones": 3.0,
    "alignment": 0.04,
    "hiring": 0.8,
    "closing": 0.5,
    "pace": 0.5,
}
"""Every lever away from rest, but for the pace."""


def lever(value: float) -> dict[str, Any]:
    """A lever with bounds that hold its value."""
    return {"value": value, "low": min(value, 0.0), "high": max(value, 1.0), "unit": "of a test"}


def plan(
    allocation: str = "status_quo",
    levers: dict[str, float] | None = None,
    shocks: tuple[dict[str, Any], ...] = (),
    changes: tuple[dict[str, Any], ...] = (),
    more: dict[str, Any] | None = None,
    **pool: Any,
) -> dict[str, Any]:
    """Content of a scenario with a pool, some of whose keys are given."""
    given = {name: lever(value) for name, value in (levers or {}).items()}
    if "backbones" in given:
        given["backbones"]["low"] = 1.0
    return {
        "schema": "cradlecast/scenario/1",
        "name": "pooled",
        "title": "Pooled money",
        "author": "A test",
        "description": "Of a test.",
        "sources": ["A test"],
        "community": "memphis",
        "baseline": "observed",
        "seats_are_additional": True,
        "changes": list(changes),
        "shocks": list(shocks),
        "pool": {**POOL, "allocation": allocation, **pool},
        "levers": given,
        **(more or {}),
    }


def pooled(allocation: str = "status_quo", levers: dict[str, float] | None = None, **given: Any) -> Scenario:
    """A scenario with a pool."""
    return Scenario.model_validate(plan(allocation, levers, **given))


assert set(SET) == set(CIVIC_LEVERS)
