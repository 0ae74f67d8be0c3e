"""What the script of every peer does: answer a line with the seconds and the counts of one life of the reference work.

It runs under the peer's own Python, so it may import nothing but NumPy and ``law``.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable

from benchmarks import law
from benchmarks.law import Outcome, Population


def answer(make: Callable[[Population, int], Callable[[], Outcome]]) -> None:
    """Read ``children world`` a line; write seconds and counts as JSON. Making the children is not timed."""
    out, sys.stdout = sys.stdout, sys.stderr  # what a framework prints is no answer
    people: dict[int, Population] = {}
    for line in sys.stdin:
        n, world = (int(word) for word in line.split())
        if n not in people:
            people[n] = law.population(n)
        run = make(people[n], world)
        gc.collect()
        before = time.perf_counter()
        found = run()
        seconds = time.perf_counter() - before
        counts = {
            "children": found.children.tolist(),
            "reached": found.reached.tolist(),
            "years": found.years.tolist(),
            "seated": int(found.seated),
        }
        print(json.dumps({"seconds": seconds, "counts": counts}), file=out, flush=True)
