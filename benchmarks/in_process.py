"""What needs a process of its own: the first call of the kernels, and the time and memory of one whole study.

Run as ``python -m benchmarks.in_process first-call`` or ``... study SCENARIO CHILDREN DRAWS WORKERS``; prints JSON.
"""

from __future__ import annotations

import json
import sys
import time

from benchmarks.machine import peak_bytes


def first_call() -> dict[str, float]:
    """Seconds until the kernels can be called: compiled anew, or loaded from the compiler's cache."""
    import numba

    before = time.perf_counter()
    from cradlecast.model import kernels

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


if __name__ == "__main__":
    what, *words = sys.argv[1:]
    figures: object = first_call() if what == "first-call" else study(words[0], *map(int, words[1:]))
    print(json.dumps(figures))
