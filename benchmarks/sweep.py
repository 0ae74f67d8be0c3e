"""Many runs on two cores: one after another, on threads, and on processes."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from functools import cache

from benchmarks.engines import SCENARIO, WORKERS
from benchmarks.lives import arms
from benchmarks.report import Report, Row, Section, at_least, interleaved, ratios, ready, spread
from cradlecast.model.children import world_key
from cradlecast.model.kernels import GRADE3, Whole
from cradlecast.model.pipeline import Pipeline
from cradlecast.model.town import Setting
from cradlecast.samples import children_in

SERIAL, THREADS, PROCESSES = "one after another", "threads", "processes"
FLOOR = 0.85


@cache
def _settings(children: int) -> tuple[Setting, Setting]:
    """Both arms, made once a process."""
    return arms(children)


def one(children: int, world: int) -> tuple[int, int]:
    """One run of the sweep: both arms in a world, and how many reach grade-3 reading in each."""
    settings = [replace(setting, world=world_key(1, world)) for setting in _settings(children)]
    born = children_in(settings[0])
    reached = [Pipeline(setting, born).run().columns().whole(Whole.REACHED) for setting in settings]
    return int((reached[0] >> GRADE3 & 1).sum()), int((reached[1] >> GRADE3 & 1).sum())


def measure(children: int, runs: int, repeats: int) -> Report:
    """Time the same runs by every executor, round after round; the pools are started and warmed beforehand."""
    todo = ([children] * runs, list(range(runs)))
    one(children, 0)
    context = multiprocessing.get_context("spawn")
    before = time.perf_counter()
    with ProcessPoolExecutor(WORKERS, context) as processes, ThreadPoolExecutor(WORKERS) as threads:
        list(processes.map(one, [children] * (2 * WORKERS), range(2 * WORKERS)))
        started = time.perf_counter() - before
        found: dict[str, list[tuple[int, int]]] = {}

        def on(name: str, pool: Executor) -> None:
            found[name] = list(pool.map(one, *todo))

        def serially() -> None:
            found[SERIAL] = list(map(one, *todo))

        plans = {SERIAL: serially, THREADS: lambda: on(THREADS, threads), PROCESSES: lambda: on(PROCESSES, processes)}
        seconds = interleaved(ready(plans), repeats, warm=False)
    if not found[SERIAL] == found[THREADS] == found[PROCESSES]:
        raise AssertionError("the executors gave different results")
    rows: list[Row] = []
    floors = []
    for name, taken in seconds.items():
        workers = 1 if name == SERIAL else WORKERS
        efficiency = [gain / workers for gain in ratios(seconds[SERIAL], taken)]
        rows.append((name, str(workers), *spread(taken), *spread(efficiency)))
        if name != SERIAL:
            floors.append(at_least(f"efficiency of {workers} {name}", efficiency, FLOOR, unit=""))
    head = ("executor", "workers", "seconds", "least - most", "efficiency", "least - most")
    title = f"{runs} runs of both arms of {SCENARIO}, {children:,} children, {repeats} interleaved rounds"
    notes = [f"Starting and warming the processes took {started:.1f} s, in no figure above. All gave the same counts."]
    return Report("sweep", [Section(title, [head, *rows])], floors, notes, {"seconds": seconds, "start": started})
