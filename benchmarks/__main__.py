"""The command line of the benchmarks: ``python -m benchmarks engines``, ``python -m benchmarks deal``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from benchmarks import CHILDREN, DRAWS, FUTURES, REPEATS, SMALL
from cradlecast.scenarios.errors import InputError, nearest

BENCHMARKS = ("engines", "deal")
"""Names that the command takes."""


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are one sentence."""

    def error(self, message: str) -> NoReturn:
        raise InputError(message)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """What was asked for."""
    parser = _Parser(prog="python -m benchmarks", description="Measure Cradlecast on this machine, now.")
    parser.add_argument("name", metavar="NAME", help=f"which benchmark: {', '.join(BENCHMARKS)}")
    parser.add_argument("--children", type=int, default=CHILDREN, help="children in the large world")
    parser.add_argument("--small", type=int, default=SMALL, help="children in the world that both engines live")
    parser.add_argument("--draws", type=int, default=DRAWS, help="draws of the timed study")
    parser.add_argument("--futures", type=int, default=FUTURES, help="futures that the deal is valued in")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="rounds of the interleaved engines")
    parser.add_argument("--json", type=Path, metavar="FILE", help="store the figures too (results/ is not tracked)")
    options = parser.parse_args(arguments)
    if options.name not in BENCHMARKS:
        hint = nearest(options.name, BENCHMARKS) or f" (there is {', '.join(BENCHMARKS)})"
        raise InputError(f"unknown benchmark '{options.name}'{hint}")
    for name, least in (("children", 100), ("small", 100), ("draws", 1), ("futures", 1), ("repeats", 1)):
        value = getattr(options, name)
        if not value >= least:
            raise InputError(f"--{name} must be {least:,} or more; got {value:,}")
    return options


def _run(options: argparse.Namespace) -> int:
    """Measure, print, store; what is measured is loaded only now, so that a slip is answered at once."""
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
    if options.name == "deal":
        from benchmarks import deals

        timing = deals.measure(options.futures, options.repeats)
        print(deals.as_text(timing))
        _store(options.json, deals.as_json(timing))
        return 0
    from benchmarks import engines

    try:
        report = engines.measure(options.children, options.small, options.draws, options.repeats)
    except engines.EnginesDisagree as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    print(engines.as_text(report))
    _store(options.json, engines.as_json(report))
    return 0


def _store(file: Path | None, figures: object) -> None:
    """Write the figures into a file, where one is asked for."""
    if file is not None:
        file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a benchmark and print its tables.

    Returns
    -------
    int
        0; 1 if the two engines disagree; 2 if the request cannot be met, after one sentence on standard error.
    """
    try:
        return _run(_options(arguments))
    except InputError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"benchmarks: {error.strerror or error} ({error.filename})", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
