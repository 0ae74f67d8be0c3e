"""The array engine against the one-object-per-child engine, and what one whole study costs.

Both engines first live the same small world, and must give the same bytes. Then object, array, array on the large
world are timed in turn, round after round, so that whatever else the machine does falls on all of them.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks import CHILDREN, DRAWS
from benchmarks.report import EnginesDisagree, Floor, Report, Section, clock
from cradlecast.model.children import Children
from cradlecast.model.compiled import NOJIT
from cradlecast.model.kernels import KEPT, Real
from cradlecast.model.object_engine import ObjectPipeline
from cradlecast.model.pipeline import Pipeline
from cradlecast.model.town import Setting, Town
from cradlecast.samples import baseline_setting, children_in, ground_of, scenario_setting
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.fit import cohorts_of
from cradlecast.scenarios.library import load_scenario
from cradlecast.scenarios.options import Options

SCENARIO = "memphis-prek-1000-lapse"
WORKERS = 2

RATIO_FLOOR = 100.0
SECONDS_FLOOR = 15.0
BYTES_FLOOR = 2e9
TRUE_SIZE_FLOOR = 10.0
YEARS = 30


@dataclass(frozen=True)
class Timing:
    """Seconds of one engine's lives of one world, one entry a round."""

    engine: str
    children: int
    child_years: int
    seconds: tuple[float, ...]

    def rates(self) -> tuple[float, ...]:
        """Million child-years per second, one entry a round."""
        return tuple(self.child_years / seconds / 1e6 for seconds in self.seconds)


@dataclass(frozen=True)
class Findings:
    """Everything that one run of the benchmark measured."""

    timings: tuple[Timing, ...]
    first_call: tuple[float, float]
    """Seconds until the kernels can be called: compiled anew, and from the compiler's cache."""
    study: dict[str, float | None]
    draws: int
    true_size: tuple[int, float] | None
    """Children of a community of true size, all birth years from birth to 30, and seconds of its two arms."""

    def ratios(self, which: int) -> tuple[float, ...]:
        """How many times the object engine's rate a timing reached, round by round."""
        pairs = zip(self.timings[which].rates(), self.timings[0].rates(), strict=True)
        return tuple(mine / objects for mine, objects in pairs)

    def as_report(self) -> Report:
        """As tables, floors and plain data."""
        compiled, loaded = self.first_call
        again = self.study["seconds_again"]
        notes = [
            f"The same study with its calibrations solved already: {again:,.1f} s.",
            "In no figure above:",
            f"  compiling the kernels, the first time ever: {compiled:.1f} s;",
            f"  loading them from the compiler's cache, in every later process: {loaded:.1f} s.",
        ]
        figures = asdict(self) | {
            "scenario": SCENARIO,
            "workers": WORKERS,
            "rates": [timing.rates() for timing in self.timings],
            "ratios": [self.ratios(which) for which in range(len(self.timings))],
        }
        return Report("engines", [_table(self)], floors(self), notes, figures)


def measure(children: int, small: int, draws: int, repeats: int) -> Findings:
    """Time both engines and one study.

    Parameters
    ----------
    children, small
        Children in the large world (array engine only) and in the small one (both engines).
    draws
        Draws of the timed study.
    repeats
        Rounds of the interleaved timings.

    Raises
    ------
    EnginesDisagree
        If the engines do not agree bit for bit on the small world.
    InputError
        If the kernels are switched to plain Python.
    """
    if NOJIT:
        raise InputError("CRADLECAST_NOJIT is set, so there are no compiled kernels to measure; unset it")
    first_call = _first_call()
    lives, large = arm(small), arm(children)
    agree(Pipeline(*lives).run(), ObjectPipeline(*lives).run())
    Pipeline(*large).run()
    runs: tuple[tuple[str, int, Callable[[], object]], ...] = (
        ("object", small, lambda: ObjectPipeline(*lives).run()),
        ("array", small, lambda: Pipeline(*lives).run()),
        ("array", children, lambda: Pipeline(*large).run()),
    )
    seconds: list[list[float]] = [[] for _ in runs]
    for _ in range(repeats):
        for taken, (_, _, run) in zip(seconds, runs, strict=True):
            taken.append(clock(run))
    years = lives[0].horizon
    timings = tuple(
        Timing(engine, n, n * years, tuple(taken)) for (engine, n, _), taken in zip(runs, seconds, strict=True)
    )
    whole = true_size() if children >= CHILDREN else None
    return Findings(timings, first_call, _study(children, draws), draws, whole)


def true_size() -> tuple[int, float]:
    """Live a whole community: every child from birth to 30, one birth year after another, two arms, one draw.

    Returns
    -------
    tuple
        Children, and seconds of both arms (the children's birth included).
    """
    scenario = load_scenario(SCENARIO)
    ground = ground_of(scenario, Options(children=1_000, draws=1, worlds=1))
    values, calibration = ground.draw(0)
    births = round(ground.community.births_per_year.value)
    last = cohorts_of(scenario)[-1]
    cohorts = tuple(range(last - YEARS + 1, last + 1))
    baseline = baseline_setting(ground, scenario, values, calibration, world=0)
    baseline = replace(baseline, cohorts=cohorts, n_children=births * YEARS)
    arms = (baseline, scenario_setting(baseline, scenario, values))

    def lives() -> None:
        children = children_in(baseline)
        for setting in arms:
            Pipeline(setting, children).run()

    return baseline.n_children, clock(lives)


def arm(n_children: int) -> tuple[Setting, Children]:
    """The shipped scenario's arm in draw 0 and world 0, as a study makes it, with its children."""
    scenario = load_scenario(SCENARIO)
    ground = ground_of(scenario, Options(children=n_children, draws=1, worlds=1))
    values, calibration = ground.draw(0)
    baseline = baseline_setting(ground, scenario, values, calibration, world=0)
    setting = scenario_setting(baseline, scenario, values)
    return setting, children_in(setting)


def agree(array: Town, objects: ObjectPipeline) -> None:
    """Refuse to go on unless both engines gave every child the same life, and every site the same seats."""
    mine, theirs = array.columns(), objects.columns()
    for name in ("ids", "x", "k", "seats", "wide"):
        if getattr(mine, name).tobytes() != getattr(theirs, name).tobytes():
            raise EnginesDisagree(f"the engines disagree on '{name}' of {len(mine):,} children; nothing was timed")
    for column in [*Real][KEPT:]:
        if mine.real(column).tobytes() != objects.read(column).tobytes():
            name = column.name.lower()
            raise EnginesDisagree(f"the engines disagree on '{name}' of {len(mine):,} children; nothing was timed")
    if array.seat_rows() != objects.seat_rows():
        raise EnginesDisagree(f"the engines disagree on the seats of {len(mine):,} children; nothing was timed")


def _first_call() -> tuple[float, float]:
    """Seconds until the kernels can be called, in fresh processes: the compiler's cache empty, and full."""
    with tempfile.TemporaryDirectory() as folder:
        first, again = (process(["first-call"], {"NUMBA_CACHE_DIR": folder})["seconds"] for _ in range(2))
    assert first is not None and again is not None
    return first, again


def _study(children: int, draws: int) -> dict[str, float | None]:
    """Time and memory of one study in a process of its own, which starts without solved calibrations."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["study", SCENARIO, str(children), str(draws), str(WORKERS)]
        return process(words, {"CRADLECAST_CACHE": folder})


def process(words: Sequence[str], environment: dict[str, str]) -> dict[str, float | None]:
    """Figures that another process prints."""
    root = str(Path(__file__).resolve().parent.parent)
    paths = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.in_process", *words],
        env=os.environ | {"PYTHONPATH": paths} | environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    figures: dict[str, float | None] = json.loads(done.stdout)
    return figures


def floors(report: Findings) -> tuple[Floor, ...]:
    """The promises of the project beside what was measured."""
    large, small = report.timings[2].children, report.timings[0].children
    ratio = statistics.median(report.ratios(2))
    seconds, peak = report.study["seconds"], report.study["peak_bytes"]
    assert seconds is not None
    of_size = (large, report.draws) == (CHILDREN, DRAWS)
    return (
        Floor(
            f"array engine on {large:,} children against object engine on {small:,}, per child-year",
            f"{ratio:,.0f}x",
            f"at least {RATIO_FLOOR:,.0f}x",
            ratio >= RATIO_FLOOR,
        ),
        Floor(
            f"study of {large:,} children, birth to 30, two arms, {report.draws} draws, {WORKERS} threads",
            f"{seconds:,.1f} s",
            f"at most {SECONDS_FLOOR:,.0f} s",
            seconds <= SECONDS_FLOOR if of_size else None,
        ),
        Floor(
            "peak memory of that process",
            "not known" if peak is None else f"{peak / 1e9:,.2f} GB",
            f"at most {BYTES_FLOOR / 1e9:,.0f} GB",
            peak <= BYTES_FLOOR if of_size and peak is not None else None,
        ),
        *_whole_community(report),
    )


def _whole_community(report: Findings) -> tuple[Floor, ...]:
    """The promise about a community of true size, where it was measured."""
    if report.true_size is None:
        return ()
    children, seconds = report.true_size
    what = f"a community of {children:,} children from birth to 30, {YEARS} birth years, two arms, one draw"
    limit = f"at most {TRUE_SIZE_FLOOR:,.0f} s"
    return (Floor(what, f"{seconds:,.1f} s", limit, seconds <= TRUE_SIZE_FLOOR),)


def _table(found: Findings) -> Section:
    """Seconds, rates and ratios of both engines."""
    small, rounds = found.timings[0].children, len(found.timings[0].seconds)
    rows: list[tuple[str, ...]] = [
        ("engine", "children", "seconds", "min - max", "million child-years/s", "times object engine", "min - max")
    ]
    for which, timing in enumerate(found.timings):
        times, ratios = timing.seconds, found.ratios(which)
        rows.append(
            (
                timing.engine,
                f"{timing.children:,}",
                f"{statistics.median(times):.4f}",
                f"{min(times):.4f} - {max(times):.4f}",
                f"{statistics.median(timing.rates()):.3f}",
                f"{statistics.median(ratios):,.1f}",
                f"{min(ratios):,.1f} - {max(ratios):,.1f}",
            )
        )
    title = (
        f"One life of the scenario's arm ({SCENARIO}), birth to 30; medians of {rounds} interleaved rounds; "
        f"both engines gave the same bytes for all {small:,} children of the small world"
    )
    return Section(title, rows)
