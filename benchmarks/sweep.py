"""Many runs on two cores: one after another, on threads, and in processes, by the executors of a study."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache, partial

from benchmarks.engines import SCENARIO, WORKERS
from benchmarks.lives import arms
from benchmarks.report import Report, Row, Section, at_least, interleaved, ratios, ready, spread
from cradlecast.model.children import world_key
from cradlecast.model.kernels import GRADE3, Whole
from cradlecast.model.pipeline import Pipeline
from cradlecast.model.town import Setting
from cradlecast.samples import children_in
from cradlecast.workers import in_processes, on_threads

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
    """Time the same runs by every executor, round after round; the other process is started and warmed beforehand."""
    work, worlds = partial(one, children), range(runs)
    work(0)
    before = time.perf_counter()
    list(in_processes(work, [], range(4 * WORKERS), WORKERS))
    started = time.perf_counter() - before
    found: dict[str, list[tuple[int, int]]] = {}

    def by(name: str, executor: Callable[[], Iterable[tuple[int, int]]]) -> Callable[[], None]:
        def timed() -> None:
            found[name] = list(executor())

        return timed

    plans = {
        SERIAL: by(SERIAL, lambda: map(work, worlds)),
        THREADS: by(THREADS, lambda: on_threads(work, worlds, WORKERS)),
        PROCESSES: by(PROCESSES, lambda: in_processes(work, [], worlds, WORKERS)),
    }
    seconds = interleaved(ready(plans), repeats, warm=False)
    if not found[SERIAL] == found[THREADS] == found[PROCESSES]:
        raise AssertionError("the executors gave different results")
    rows: list[Row] = []
    floors = []
    for name, taken in seconds.items():
        workers = 1 if name == SERIAL else WORKERS
        efficiency = [gain / workers for gain in ratios(seconds[SERIAL], taken)]
        rows.append((name, str(workers), *spread(taken), *spread(efficiency)))
        if name == PROCESSES:
            floors.append(at_least(f"efficiency of {workers} {name}", efficiency, FLOOR, unit=""))
    head = ("executor", "workers", "seconds", "least - most", "efficiency", "least - most")
    title = f"{runs} runs of both arms of {SCENARIO}, {children:,} children, {repeats} interleaved rounds"
    notes = [
        f"Starting and warming the other process took {started:.1f} s, in no figure above. All gave the same counts.",
        "A study of so many children takes processes; threads are for those of 100,000 and more.",
    ]
    return Report("sweep", [Section(title, [head, *rows])], floors, notes, {"seconds": seconds, "start": started})
