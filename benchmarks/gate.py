"""A small gate against slowness: how much faster than a reference loop things are, beside what they were before.

The loop is keyed random words in plain NumPy, timed in the same rounds, so that a slow or busy machine slows both. A
ratio may fall to a part of the median of its history, since processors differ in what they are good at.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks import in_numba, in_numpy, law
from benchmarks.deals import contract, outcomes
from benchmarks.lives import arms
from benchmarks.machine import describe
from benchmarks.report import Floor, Report, Section, interleaved, ratios, ready
from cradlecast.finance.valuation import value_evaluated
from cradlecast.model.object_engine import ObjectPipeline
from cradlecast.model.pipeline import Pipeline
from cradlecast.samples import children_in

HISTORY: Final = Path(__file__).with_name("history.json")
PART: Final = 0.4
"""Of the median ratio so far, what a new one must reach."""

LOOP: Final = "loop"
CHILDREN, FEW, FUTURES = 20_000, 200, 200


def measure(history: Path = HISTORY, repeats: int = 5) -> Report:
    """Measure the ratios and hold them against their history."""
    seconds = interleaved(ready(runs()), repeats)
    return judge(seconds, past(history))


def judge(seconds: Mapping[str, Sequence[float]], before: Sequence[Mapping[str, Any]]) -> Report:
    """The report on some timings: each ratio beside the median of those before."""
    found = {name: statistics.median(ratios(seconds[LOOP], taken)) for name, taken in seconds.items() if name != LOOP}
    floors = []
    for name, ratio in found.items():
        known = [entry["ratios"][name] for entry in before if name in entry["ratios"]]
        if known:
            limit = PART * statistics.median(known)
            floors.append(Floor(name, f"{ratio:.3f}", f"at least {limit:.3f}", ratio >= limit))
    rows = [(name, f"{statistics.median(seconds[name]):.4f}", f"{ratio:.3f}") for name, ratio in found.items()]
    loop = (f"{LOOP}: keyed words in NumPy", f"{statistics.median(seconds[LOOP]):.4f}", "1.000")
    head = ("what", "seconds", "loop's seconds over its own")
    title = f"Ratios to a loop in the same rounds; {len(before)} entries of history"
    return Report(
        "gate", [Section(title, [head, loop, *rows])], floors, (), {"ratios": found, "seconds": dict(seconds)}
    )


def past(history: Path) -> list[dict[str, Any]]:
    """What was measured before."""
    if not history.exists():
        return []
    entries: list[dict[str, Any]] = json.loads(history.read_text(encoding="utf-8"))
    return entries


def keep(report: Report, history: Path = HISTORY) -> None:
    """Add a report's ratios to the history."""
    machine = {name: value for name, value in describe().items() if name != "system"}
    found: Any = report.figures["ratios"]
    entry = {
        "day": datetime.now(UTC).date().isoformat(),
        "machine": machine,
        "ratios": {name: round(ratio, 4) for name, ratio in found.items()},
    }
    history.write_text(json.dumps([*past(history), entry], indent=1) + "\n", encoding="utf-8")


def runs() -> dict[str, Callable[[], object]]:
    """The loop, and what is held against it: a fraction of a second each."""
    people = law.population(CHILDREN)
    baseline, scenario = arms(CHILDREN)
    children = children_in(scenario)
    few = arms(FEW)[1]
    born = children_in(few)
    deal, results = contract(), outcomes(FUTURES)
    seats = dict.fromkeys(deal.school_years, 1000.0)
    return {
        LOOP: lambda: [in_numpy.philox(0, CHILDREN, half, 0, 1) for half in range(10)],
        f"the reference work, {CHILDREN:,} children": lambda: in_numba.run(people, 1),
        f"children are born, {CHILDREN:,}": lambda: children_in(baseline),
        f"array engine, one arm of {CHILDREN:,} children": lambda: Pipeline(scenario, children).run(),
        f"object engine, one arm of {FEW:,} children": lambda: ObjectPipeline(few, born).run(),
        f"a deal in {FUTURES:,} futures": lambda: value_evaluated(deal, results, seats),
    }
