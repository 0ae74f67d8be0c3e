"""Write the expected results of the scenario library anew: ``python -m tests.refresh_expected [NAME ...]``.

``scenarios/expected/NAME.json`` holds, for one scenario at a small fixed size, the impact of a handful of numbers with
a tolerance, and claims: words of the scenario's description beside what must then be seen. Claims are written by hand
and stay; results are written by this script, and the tolerance is two standard errors of the run's own mean.
"""

from __future__ import annotations

import json
import math
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from cradlecast.scenarios.community import MILESTONES
from cradlecast.scenarios.library import load_scenario, names
from cradlecast.scenarios.options import Options
from cradlecast.scenarios.scenario import Scenario
from cradlecast.study import Result, run

FOLDER = Path(__file__).resolve().parent.parent / "scenarios" / "expected"
SIZE = Options(children=2_000, draws=6, worlds=1, seed=1)

RATES = {"milestones": "milestone", "events": "event", "measures": "measure"}
"""Tables of impacts, and the column that names their rows."""

STANDARD_ERRORS = 2.0
NINETY = 1.6448536269514722
"""Standard normal score at 95 %."""

Expected = dict[str, Any]
"""What a file holds: ``results`` by ``table/name``, and ``claims``."""


@cache
def lived(name: str) -> Result:
    """A shipped scenario at the small size."""
    return run(load_scenario(name), SIZE)


def impacts(result: Result) -> pd.DataFrame:
    """Impact with its range by ``table/name``: all children, care at 4 in children a year, dollars of each program.

    Columns: mean, low, high. Dollars are the mean alone, for a year's books have no range.
    """
    rows: dict[str, tuple[float, float, float]] = {}
    for table, column in RATES.items():
        whole = result.tables[table]
        for row in whole[whole["group"] == "all"].to_dict("records"):
            rows[f"{table}/{row[column]}"] = (row["impact"], row["impact_low"], row["impact_high"])
    care = result.tables["care"]
    for row in care[care["group"] == "all"].to_dict("records"):
        rows[f"care/{row['care']}"] = (row["change"], row["change_low"], row["change_high"])
    seats = result.tables["seats"]
    for program, book in seats.groupby("program"):
        spent = book.groupby("arm")["dollars"].sum()
        added = float(spent.get("scenario", 0.0) - spent.get("baseline", 0.0))
        rows[f"dollars/{program}"] = (added, added, added)
    return pd.DataFrame.from_dict(rows, orient="index", columns=["mean", "low", "high"])


def tolerance(row: pd.Series[Any]) -> float:
    """How far a mean may lie from the expected one: standard errors, from the spread over draws."""
    return float(STANDARD_ERRORS * (row["high"] - row["low"]) / (2.0 * NINETY) / math.sqrt(SIZE.draws))


def expected(name: str) -> Expected:
    """The file of a scenario; without claims and results where there is none yet."""
    path = FOLDER / f"{name}.json"
    known: Expected = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"claims": []}
    return known


def of_interest(claims: list[dict[str, Any]], found: pd.DataFrame) -> list[str]:
    """The milestones, and whatever the claims are about."""
    wanted = [f"milestones/{each}" for each in MILESTONES]
    for claim in claims:
        wanted += [each for each in (claim["of"], claim.get("than")) if each in found.index]
    return list(dict.fromkeys(wanted))


def wrong(claim: dict[str, Any], found: pd.DataFrame) -> str:
    """What is wrong with a claim, in words; nothing where it holds.

    ``of`` is ``table/name``, or ``table/*`` for all of a table; ``must`` is one of: be zero, rise, fall, straddle zero
    (their whole range), lie between (the mean, ``low`` to ``high``), be less (the mean, ``than`` another one's).
    """
    table, _, one = claim["of"].partition("/")
    rows = found[found.index.str.startswith(f"{table}/")] if one == "*" else found.loc[[claim["of"]]]
    assert len(rows), f"{claim['of']} is nothing that a study tells"
    for name, row in rows.iterrows():
        mean, low, high = (float(row[column]) for column in ("mean", "low", "high"))
        holds = {
            "be zero": low == high == mean == 0.0,
            "rise": low > 0.0,
            "fall": high < 0.0,
            "straddle zero": low <= 0.0 <= high and low < high,
            "lie between": claim.get("low", 0.0) <= mean <= claim.get("high", 0.0),
            "be less": "than" in claim and mean < float(found.loc[claim["than"], "mean"]),
        }
        if not holds[claim["must"]]:
            return f"{name} must {claim['must']}, by '{claim['words']}'; it is {mean:g} ({low:g} to {high:g})"
    return ""


def fresh(name: str, scenario: Scenario | None = None) -> Expected:
    """The file's claims, and the results of today."""
    claims = expected(name)["claims"]
    found = impacts(lived(name) if scenario is None else run(scenario, SIZE))
    results = {
        key: {"impact": float(f"{found.loc[key, 'mean']:.6g}"), "tolerance": float(f"{tolerance(found.loc[key]):.3g}")}
        for key in of_interest(claims, found)
    }
    return {"claims": claims, "results": results}


def main(asked: list[str]) -> int:
    """Write the files of the scenarios named, or of all; 1 if a claim does not hold."""
    failed = False
    for name in asked or names("scenario"):
        content = fresh(name)
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")
        for claim in content["claims"]:
            if sentence := wrong(claim, impacts(lived(name))):
                failed = True
                print(f"{name}: {sentence}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
