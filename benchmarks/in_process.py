"""What needs a process of its own: the first call of the kernels, one whole study, the parts of a run, memory.

Run as ``python -m benchmarks.in_process first-call``, ``... study SCENARIO CHILDREN DRAWS WORKERS``, ``... parts
SCENARIO`` or ``... memory ENGINE CHILDREN``; prints JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace

from benchmarks.machine import held_bytes, peak_bytes, peak_bytes_since


def first_call() -> dict[str, float]:
    """Seconds until all kernels can be called: compiled anew, or loaded from the compiler's cache."""
    import numba

    before = time.perf_counter()
    from cradlecast.model import compiled, kernels

    compiled.compile_all(kernels)
    assert isinstance(kernels.allot, numba.core.dispatcher.Dispatcher)
    return {"seconds": time.perf_counter() - before}


def study(name: str, children: int, draws: int, workers: int) -> dict[str, float | None]:
    """Seconds of one study: with every draw calibrated anew, and again with the calibrations that the first one kept.

    Kernels are compiled and the shipped files read before the clock starts.
    """
    from cradlecast.scenarios.library import load_scenario
    from cradlecast.scenarios.options import Options
    from cradlecast.study import run

    scenario = load_scenario(name)
    run(scenario, Options(children=200, draws=1, worlds=1, seed=0))
    options = Options(children=children, draws=draws, worlds=1)
    seconds = []
    for _ in range(2):
        before = time.perf_counter()
        run(scenario, options, workers=workers)
        seconds.append(time.perf_counter() - before)
    return {"seconds": seconds[0], "seconds_again": seconds[1], "peak_bytes": peak_bytes()}


def parts(name: str) -> dict[str, float]:
    """Seconds of the parts of a small run, from the first import to its tables."""
    marks = [time.perf_counter()]

    def mark() -> None:
        marks.append(time.perf_counter())

    from cradlecast.model.lean_start import import_mesa, import_special

    import_mesa()
    import_special()
    mark()
    import numba  # noqa: F401

    mark()
    import cradlecast.study as study_of

    mark()
    from cradlecast.samples import ground_of, live
    from cradlecast.scenarios.library import load_scenario
    from cradlecast.scenarios.options import Options

    scenario, options = load_scenario(name), Options(children=1_000, draws=1, worlds=1)
    ground = ground_of(scenario, options)
    mark()
    ground.draw(0)
    mark()
    live(ground, [scenario], 0)
    mark()
    live(ground, [scenario], 0)
    mark()
    again = ground_of(scenario, options)
    again.draw(0)
    live(again, [scenario], 0)
    mark()
    study_of.run(scenario, options)
    mark()
    names = (
        "import mesa (and pandas) and scipy.special, as commands do",
        "import numba",
        "import the rest",
        "read the shipped files",
        "calibrate one draw, or fetch it",
        "load the kernels, when both arms live for the first time",
        "both arms live again, and are counted",
    )
    found = {what: marks[at + 1] - marks[at] for at, what in enumerate(names)}
    lives, study = marks[-2] - marks[-3], marks[-1] - marks[-2]
    return found | {"all tables of the study": max(0.0, study - lives)}


def memory(engine: str, children: int) -> dict[str, float | None]:
    """Most that this process held more while an engine lived some children than before, bytes."""
    live = _reference(engine) if engine in ("reference", "mesa") else _model(engine)
    live(100)
    held = held_bytes()
    live(children)
    return {"peak_bytes": peak_bytes_since(held)}


def _reference(engine: str) -> Callable[[int], object]:
    """Lives the reference work with so many children."""
    from benchmarks import in_mesa, in_numba, law

    if engine == "reference":
        return lambda n: in_numba.run(law.population(n), 1)
    return lambda n: in_mesa.run(in_mesa.Life(law.population(n), 1))


def _model(engine: str) -> Callable[[int], object]:
    """Lives one arm of the real model with so many children, or lets them be born only."""
    from benchmarks.lives import arms
    from cradlecast.model.object_engine import ObjectPipeline
    from cradlecast.model.pipeline import Pipeline
    from cradlecast.samples import children_in

    baseline = arms(100)[0]

    def live(n: int) -> object:
        setting = replace(baseline, n_children=n)
        born = children_in(setting)
        if engine == "born":
            return born
        return Pipeline(setting, born, copy=False).run() if engine == "arm" else ObjectPipeline(setting, born).run()

    return live


def main(words: list[str]) -> object:
    """The figures that were asked for."""
    what, *rest = words
    if what == "first-call":
        return first_call()
    if what == "parts":
        return parts(rest[0])
    if what == "memory":
        return memory(rest[0], int(rest[1]))
    return study(rest[0], *map(int, rest[1:]))


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:])))
