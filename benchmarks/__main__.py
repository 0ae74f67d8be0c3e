"""The command line of the benchmarks: ``python -m benchmarks reference``, ``python -m benchmarks all``."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from benchmarks import CHILDREN, DRAWS, FUTURES, LARGEST, REPEATS, RESULTS, SMALL
from benchmarks.report import EnginesDisagree, Report, store
from cradlecast.scenarios.errors import InputError, nearest

BENCHMARKS = ("reference", "lives", "engines", "start", "memory", "luck", "sweep", "deal", "preview", "gate", "peers")
"""Names that the command takes; ``all`` is every one but the last two."""


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are one sentence."""

    def error(self, message: str) -> NoReturn:
        raise InputError(message)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """What was asked for."""
    names = (*BENCHMARKS, "all")
    parser = _Parser(prog="python -m benchmarks", description="Measure Cradlecast on this machine, now.")
    parser.add_argument("name", metavar="NAME", help=f"which benchmark: {', '.join(names)}")
    parser.add_argument("--children", type=int, default=CHILDREN, help="children in the large world")
    parser.add_argument("--small", type=int, default=SMALL, help="children in the world that the object engine lives")
    parser.add_argument("--largest", type=int, default=LARGEST, help="children of the largest of several worlds")
    parser.add_argument("--draws", type=int, default=DRAWS, help="draws of the timed study")
    parser.add_argument("--futures", type=int, default=FUTURES, help="futures that the deal is valued in")
    parser.add_argument("--runs", type=int, default=24, help="runs of the sweep")
    parser.add_argument("--worlds", type=int, default=200, help="worlds behind a variance")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="rounds of what is interleaved")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="FOLDER", help="where figures are kept")
    parser.add_argument("--keep", action="store_true", help="gate: add what was measured to the history")
    options = parser.parse_args(arguments)
    if options.name not in names:
        hint = nearest(options.name, names) or f" (there is {', '.join(names)})"
        raise InputError(f"unknown benchmark '{options.name}'{hint}")
    least = {"children": 100, "small": 100, "largest": 1_000, "draws": 1, "futures": 1, "runs": 2, "worlds": 2}
    for name, value in (least | {"repeats": 1}).items():
        if not getattr(options, name) >= value:
            raise InputError(f"--{name} must be {value:,} or more; got {getattr(options, name):,}")
    return options


def sizes_up_to(largest: int) -> list[int]:
    """10,000, 100,000 and so on up to the largest, which is always among them."""
    sizes = [size for size in (10**power for power in range(4, 9)) if size < largest]
    return [*sizes, largest // 20 * 20]


def _reference(options: argparse.Namespace) -> Report:
    from benchmarks import reference

    return reference.measure(sizes_up_to(options.largest), max(100, 2 * options.small // 20 * 20), options.repeats)


def _lives(options: argparse.Namespace) -> Report:
    from benchmarks import lives

    return lives.measure(sizes_up_to(options.largest), options.repeats, options.small)


def _engines(options: argparse.Namespace) -> Report:
    from benchmarks import engines

    return engines.measure(options.children, options.small, options.draws, options.repeats).as_report()


def _start(options: argparse.Namespace) -> Report:
    from benchmarks import start

    return start.measure(options.repeats)


def _memory(options: argparse.Namespace) -> Report:
    from benchmarks import memory

    return memory.measure(min(1.0, options.largest / LARGEST))


def _luck(options: argparse.Namespace) -> Report:
    from benchmarks import luck

    return luck.measure(min(options.children, 10_000), options.worlds)


def _sweep(options: argparse.Namespace) -> Report:
    from benchmarks import sweep

    return sweep.measure(min(options.children, 20_000), options.runs, options.repeats)


def _deal(options: argparse.Namespace) -> Report:
    from benchmarks import deals

    return deals.as_report(deals.measure(options.futures, options.repeats))


def _preview(options: argparse.Namespace) -> Report:
    from benchmarks import preview

    return preview.measure(min(options.children, 10_000), options.repeats)


def _gate(options: argparse.Namespace) -> Report:
    from benchmarks import gate

    report = gate.measure(repeats=options.repeats)
    if options.keep:
        gate.keep(report)
    return report


def _peers(options: argparse.Namespace) -> Report:
    from benchmarks import peer_rounds

    return peer_rounds.measure(sizes_up_to(options.largest), options.repeats)


MEASURES: dict[str, Callable[[argparse.Namespace], Report]] = {
    "reference": _reference,
    "lives": _lives,
    "engines": _engines,
    "start": _start,
    "memory": _memory,
    "luck": _luck,
    "sweep": _sweep,
    "deal": _deal,
    "preview": _preview,
    "gate": _gate,
    "peers": _peers,
}
"""What each name runs; modules are loaded only then, so that a slip is answered at once."""


def _run(options: argparse.Namespace) -> int:
    """Measure, print, store."""
    options.results.mkdir(parents=True, exist_ok=True)
    names = [options.name] if options.name != "all" else list(BENCHMARKS[:-2])
    for name in names:
        report = MEASURES[name](options)
        print(report.as_text(), flush=True)
        store(options.results, name, report.as_json(), report.as_markdown())
        if name == "gate" and not all(floor.met for floor in report.floors):
            return 1
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a benchmark and print its tables.

    Returns
    -------
    int
        0; 1 if engines disagree, or if the gate finds something slower than it may be; 2 if the request cannot be met,
        after one sentence on standard error.
    """
    try:
        return _run(_options(arguments))
    except InputError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"benchmarks: {error.strerror or error} ({error.filename})", file=sys.stderr)
        return 2
    except EnginesDisagree as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"benchmarks: this failed: {' '.join(map(str, error.cmd))}\n{error.stderr or ''}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
