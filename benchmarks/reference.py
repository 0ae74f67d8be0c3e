"""The reference work of ``law`` in plain Mesa, NumPy, strict compiled loops and C, timed round after round.

Before anything is timed all must give the same counts: compiled loops, keyed NumPy and plain C exactly; C with
-ffast-math but for one child in a thousand; Mesa and NumPy with their own generators within five standard errors.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from benchmarks import in_c, in_mesa, in_numba, in_numpy, law
from benchmarks.law import Outcome, Population
from benchmarks.report import EnginesDisagree, Floor, Report, Row, Section, at_least, interleaved, ratios, spread

STRICT, STRICT_2 = "strict kernel", "strict kernel, 2 threads"
KEYED, GENERATED, MESA = "NumPy, keyed draws", "NumPy, own generator", "plain Mesa"
WORLD: Final = 7
FAST_SHARE: Final = 1e-3
"""Of all children, those whose counts C with -ffast-math may change by rounding."""

ERRORS: Final = 5.0
"""Standard errors within which an engine with draws of its own must agree."""


class Engine(NamedTuple):
    """How an engine is made ready for some children and then lives them, and how well it must agree."""

    name: str
    make: Callable[[Population], Callable[[], Outcome]]
    agrees: str
    flags: str = ""


def engines(folder: Path) -> tuple[list[Engine], list[str]]:
    """What can be run here, and what was left out."""
    found = [
        Engine(STRICT, lambda p: lambda: in_numba.run(p, WORLD), "exactly"),
        Engine(STRICT_2, lambda p: lambda: in_numba.run(p, WORLD, 2), "exactly"),
        Engine(KEYED, lambda p: lambda: in_numpy.run(p, WORLD), "exactly"),
        Engine(GENERATED, lambda p: lambda: in_numpy.run(p, WORLD, own_generator=True), "statistically"),
    ]
    compilers = in_c.compilers()
    for compiler in compilers:
        for name, flags in in_c.FLAGS.items():
            run = in_c.build(compiler, flags, folder)
            label = f"{name} ({Path(compiler.path).name})"
            words = f"{compiler.version}; {' '.join(flags)}"
            how = "but for rounding" if "-ffast-math" in flags else "exactly"
            found.append(Engine(label, partial(_ready, run), how, words))
    left_out = [] if compilers else [f"C was left out: none of {', '.join(in_c.COMPILERS)} is on the PATH."]
    return found, left_out


def _ready(run: Callable[[Population, int], Outcome], children: Population) -> Callable[[], Outcome]:
    """What is timed of an engine that needs nothing made beforehand."""
    return partial(run, children, WORLD)


def plain_mesa() -> Engine:
    """One object a child; making the objects is not timed."""

    def make(children: Population) -> Callable[[], Outcome]:
        life = in_mesa.Life(children, WORLD)
        return lambda: in_mesa.run(life)

    return Engine(MESA, make, "statistically")


def agree(mine: Outcome, other: Outcome, how: str, name: str) -> None:
    """Refuse to go on unless another engine's counts agree as they should.

    Raises
    ------
    EnginesDisagree
        If they do not.
    """
    n = int(mine.children.sum())
    moved = int(np.abs(mine.reached - other.reached).sum() + np.abs(mine.years - other.years).sum())
    if how == "exactly":
        fine = moved == 0 and mine.seated == other.seated
    elif how == "but for rounding":
        fine = moved <= FAST_SHARE * n and mine.seated == other.seated
    else:
        fine = (
            _near(mine.reached.sum(axis=0), other.reached.sum(axis=0), n, 1)
            and _near(mine.years.sum(axis=0), other.years.sum(axis=0), n, law.AGES)
            and _near(np.array([mine.seated]), np.array([other.seated]), n, len(law.ENTRY_AGES))
        )
    if not fine or not np.array_equal(mine.children, other.children):
        raise EnginesDisagree(f"'{name}' gives other rates for {n:,} children than '{STRICT}'; nothing was timed")


def _near(mine: law.Counts, other: law.Counts, n: int, times: int) -> bool:
    """True if all rates agree within sampling error, as if every child could be counted once."""
    p, q = mine / (n * times), other / (n * times)
    error = np.sqrt(2 * np.maximum(p * (1 - p), 1 / n) / n)
    return bool((np.abs(p - q) <= ERRORS * error).all())


def measure(sizes: Sequence[int], objects: int, repeats: int) -> Report:
    """Time every engine at every size; Mesa lives ``objects`` children in the same rounds.

    Raises
    ------
    EnginesDisagree
        If the engines' counts do not agree.
    """
    with tempfile.TemporaryDirectory() as name:
        found, left_out = engines(Path(name))
        return _measure(found, left_out, sizes, objects, repeats)


def _measure(
    found: Sequence[Engine], left_out: Sequence[str], sizes: Sequence[int], objects: int, repeats: int
) -> Report:
    """``measure`` with the engines that there are."""
    few = law.population(objects)
    mesa = plain_mesa()
    agree(found[0].make(few)(), mesa.make(few)(), mesa.agrees, mesa.name)
    rows: list[Row] = []
    figures: dict[str, object] = {"children of plain Mesa": objects}
    floors: list[Floor] = []
    pace: dict[int, float] = {}
    rates: Row = ()
    for n in sizes:
        children = law.population(n)
        counts = {engine.name: engine.make(children)() for engine in found}
        for engine in found[1:]:
            agree(counts[STRICT], counts[engine.name], engine.agrees, engine.name)
        rates = tuple(f"{value:.4f}" for value in counts[STRICT].reached.sum(axis=0) / n)
        runs = {MESA: partial(mesa.make, few)} | {engine.name: partial(engine.make, children) for engine in found}
        seconds = interleaved(runs, repeats, warm=False)
        pace[n] = float(np.median(seconds[STRICT])) / n
        for name in (MESA, *(engine.name for engine in found)):
            size = objects if name == MESA else n
            speed = [size * law.AGES / taken / 1e6 for taken in seconds[name]]
            times = ratios(seconds[MESA], seconds[name], size / objects)
            rows.append((name, f"{size:,}", *spread(speed), *spread(times, ",.1f")))
        figures[f"seconds, {n} children"] = seconds
        floors += _floors(n, max(sizes), objects, seconds)
    if len(sizes) > 1:
        slowest = max(pace.values()) / min(pace.values())
        what = f"cost a child, {min(sizes):,} to {max(sizes):,} children: most to least"
        floors.append(Floor(what, f"{slowest:.2f}x", "at most 1.5x", slowest <= 1.5))
    head = ("engine", "children", "million child-years/s", "least - most", "times plain Mesa", "least - most")
    return Report(
        "reference",
        [
            Section(f"The reference work, medians of {repeats} interleaved rounds", [head, *rows]),
            Section(f"Shares of {max(sizes):,} children who reach the milestones", [law.MILESTONES, rates]),
        ],
        floors,
        [*left_out, *(f"{engine.name}: {engine.flags}" for engine in found if engine.flags)],
        figures | {"sizes": list(sizes), "agreement": {engine.name: engine.agrees for engine in found}},
    )


def _floors(n: int, largest: int, objects: int, seconds: dict[str, list[float]]) -> list[Floor]:
    """Promises at one size."""
    strict, here = seconds[STRICT], f"{n:,} children"
    floors = [
        at_least(f"strict kernel against plain Mesa, {here}", ratios(seconds[MESA], strict, n / objects), 300),
        at_least(f"strict kernel against keyed NumPy, {here}", ratios(seconds[KEYED], strict), 4),
    ]
    for name in seconds:
        if name.startswith("C, fast-math"):
            floors.append(at_least(f"strict kernel against {name}, {here}", ratios(seconds[name], strict), 0.6))
    if n == largest:
        gain = ratios(strict, seconds[STRICT_2])
        floors.append(at_least(f"two threads against one, {here}", gain, 1.6, case=math.isclose(n, 1e6)))
    return floors
