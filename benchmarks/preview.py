"""The path behind a moving lever: one part of the page's surface lived, and tables interpolated on it."""

from __future__ import annotations

import statistics
import time
from functools import partial
from typing import Any

from benchmarks.engines import SCENARIO
from benchmarks.report import Report, Section, at_most, clock, spread
from cradlecast.preview import measure as live
from cradlecast.scenarios.library import load_deal, load_scenario
from cradlecast.scenarios.options import Options
from cradlecast.ui.findings import SETTINGS_A_PART
from cradlecast.ui.surface import grid_of, surface_of

DEAL = "memphis-illustrative"
LIMIT = 0.1
"""Seconds that a lever's new tables may take, so that the page follows the hand."""


def measure(children: int, repeats: int) -> Report:
    """Live all settings of a scenario's levers part by part, then interpolate between them."""
    scenario, deal, options = load_scenario(SCENARIO), load_deal(DEAL), Options(children=children)
    settings = grid_of(scenario).settings()
    parts = [settings[at : at + SETTINGS_A_PART] for at in range(0, len(settings), SETTINGS_A_PART)]
    live(scenario, deal, options, settings[:1])
    found: list[dict[str, Any]] = []
    lived = []
    for part in parts:
        before = time.perf_counter()
        found += live(scenario, deal, options, part)
        lived.append(time.perf_counter() - before)
    surface = surface_of(scenario, found)
    levers: dict[str, float | None] = {str(name): lever.value for name, lever in scenario.levers.items()}
    low, high = scenario.levers["seats"].low, scenario.levers["seats"].high
    moved = [levers | {"seats": low + (high - low) * at / repeats} for at in range(repeats)]
    shown = [clock(partial(surface.tables, at)) for at in moved]
    rows = [
        (f"a part of the surface ({SETTINGS_A_PART} settings, {children:,} children)", *spread(lived, ".3f")),
        ("tables at a lever's new setting", *spread(shown, ".4f")),
    ]
    return Report(
        "preview",
        [Section(f"{SCENARIO} with {DEAL}, {len(settings)} settings", [("what", "seconds", "least - most"), *rows])],
        [at_most("tables at a lever's new setting", statistics.median(shown), LIMIT, "s")],
        [f"The whole surface takes {sum(lived):.1f} s on one core; the page's pool shares it out."],
        {"parts": lived, "tables": shown},
    )
