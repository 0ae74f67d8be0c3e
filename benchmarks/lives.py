"""The real model by size: the array engine from 10,000 children up, its two arms, and two threads, in the same rounds.

Making the children is timed once for both arms, as a study does it; compiling is not timed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from benchmarks import SMALL
from benchmarks.engines import RATIO_FLOOR, SCENARIO, agree
from benchmarks.report import Floor, Report, Row, Section, at_least, interleaved, ratios, ready, spread
from cradlecast.model.object_engine import ObjectPipeline
from cradlecast.model.pipeline import Pipeline
from cradlecast.model.town import Setting
from cradlecast.samples import baseline_setting, children_in, ground_of, scenario_setting
from cradlecast.scenarios.library import load_scenario
from cradlecast.scenarios.options import Options

OBJECTS, BIRTHS, ARM, BOTH, THREADS = (
    "object engine, one arm",
    "children are born",
    "array engine, one arm",
    "baseline and scenario, one thread",
    "baseline and scenario, two threads",
)


def arms(n_children: int) -> tuple[Setting, Setting]:
    """Baseline and scenario of the shipped scenario, in draw 0 and world 0."""
    scenario = load_scenario(SCENARIO)
    ground = ground_of(scenario, Options(children=n_children, draws=1, worlds=1))
    values, calibration = ground.draw(0)
    ground.cache.save()
    baseline = baseline_setting(ground, scenario, values, calibration, world=0)
    return baseline, scenario_setting(baseline, scenario, values)


def measure(sizes: Sequence[int], repeats: int, small: int = SMALL) -> Report:
    """Time the array engine at every size, with the object engine's small world in every round.

    Raises
    ------
    EnginesDisagree
        If the engines do not agree bit for bit on the small world.
    """
    few = arms(small)
    lives = (few[1], children_in(few[1]))
    agree(Pipeline(*lives).run(), ObjectPipeline(*lives).run())
    rows: list[Row] = []
    floors: list[Floor] = []
    figures: dict[str, object] = {}
    pace: dict[str, list[float]] = {ARM: [], BOTH: []}
    for n in sizes:
        both = arms(n)
        years = n * both[0].horizon
        seconds = interleaved(_runs(both, lives), repeats, warm=n < 1_000_000)
        for name, paces in pace.items():
            paces.append(float(np.median(seconds[name])) / n)
        for name, taken in seconds.items():
            size = small if name == OBJECTS else n
            work = {OBJECTS: small * lives[0].horizon, BIRTHS: n, ARM: years}.get(name, 2 * years)
            unit = "children" if name == BIRTHS else "child-years"
            rows.append((name, f"{size:,}", *spread(taken, ".3f"), *spread([work / one / 1e6 for one in taken]), unit))
        figures[f"seconds, {n} children"] = seconds
        times = ratios(seconds[OBJECTS], seconds[ARM], n / small)
        floors.append(at_least(f"array engine against object engine, {n:,} children", times, RATIO_FLOOR))
        gain = ratios(seconds[BOTH], seconds[THREADS])
        floors.append(at_least(f"two threads against one, {n:,} children", gain, 1.6, case=n == 1_000_000))
    if len(sizes) > 1:
        for name, paces in pace.items():
            most = max(paces) / min(paces)
            what = f"cost a child, {min(sizes):,} to {max(sizes):,} children, {name}: most to least"
            floors.append(Floor(what, f"{most:.2f}x", "at most 1.5x", most <= 1.5))
    head = ("what", "children", "seconds", "least - most", "million a second", "least - most", "of")
    title = f"{SCENARIO}, birth to 30, medians of {repeats} interleaved rounds"
    return Report("lives", [Section(title, [head, *rows])], floors, (), figures | {"sizes": list(sizes)})


def _runs(
    both: tuple[Setting, Setting], lives: tuple[Setting, object]
) -> dict[str, Callable[[], Callable[[], object]]]:
    """What is timed at one size."""
    baseline, scenario = both
    children = children_in(scenario)

    def two(threads: int) -> None:
        born = children_in(baseline)
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda setting: Pipeline(setting, born).run(), both))

    runs: dict[str, Callable[[], object]] = {
        OBJECTS: lambda: ObjectPipeline(*lives).run(),  # type: ignore[arg-type]
        BIRTHS: lambda: children_in(baseline),
        ARM: lambda: Pipeline(scenario, children).run(),
        BOTH: partial(two, 1),
        THREADS: partial(two, 2),
    }
    return ready(runs)
