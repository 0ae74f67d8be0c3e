"""How long a person waits: importing, the first command ever, and the same command when everything is kept.

An environment is made with its kernels compiled (`make`), so that the first command finds them; without them, as in an
installation by other ways, the first command compiles, which is told apart.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.engines import SCENARIO, process
from benchmarks.report import Report, Row, Section, at_most, spread

COMMAND: Final = ("-m", "cradlecast", "run", SCENARIO, "--children", "1000", "--draws", "1", "--worlds", "1", "--quiet")
WARM, FIRST = "the command, all kept, calibration too", "the command, the first time after make"
BARE = "the command, the first time where kernels are not compiled"
IMPORTS: Final = {
    "Python itself": ("-c", "pass"),
    "import cradlecast": ("-c", "import cradlecast"),
    "import cradlecast.study, kernels kept": ("-c", "import cradlecast.study"),
}
WARM_LIMIT, FIRST_LIMIT = 1.5, 8.0


def measure(repeats: int, firsts: int = 1) -> Report:
    """Time processes from start to end; ``firsts`` times with nothing kept."""
    seconds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        kept = _folders(Path(name) / "kept")
        for number in range(firsts):
            seconds.setdefault(BARE, []).append(_process(COMMAND, _folders(Path(name) / f"first{number}")))
        _process(COMMAND, kept)
        for number in range(repeats):
            for what, words in IMPORTS.items():
                seconds.setdefault(what, []).append(_process(words, kept))
            seconds.setdefault(WARM, []).append(_process(COMMAND, kept))
            fresh = kept | {"CRADLECAST_CACHE": str(Path(name) / f"again{number}")}
            seconds.setdefault(FIRST, []).append(_process(COMMAND, fresh))
        parts = process(["parts", SCENARIO], kept)
    rows: list[Row] = [(what, *spread(taken)) for what, taken in seconds.items()]
    shares: list[Row] = [(what, f"{taken:.3f}") for what, taken in parts.items() if taken is not None]
    sections = [
        Section(f"Whole processes; the command is 'cradlecast {' '.join(COMMAND[2:])}'", [_HEAD, *rows]),
        Section("Where a warm run spends its time, in one process", [("part", "seconds"), *shares]),
    ]
    floors = [
        at_most("first result, warm", statistics.median(seconds[WARM]), WARM_LIMIT, "s"),
        at_most("first result after make", statistics.median(seconds[FIRST]), FIRST_LIMIT, "s"),
    ]
    return Report("start", sections, floors, (), {"seconds": seconds, "parts": parts})


_HEAD: Row = ("process", "seconds", "least - most")


def _folders(folder: Path) -> dict[str, str]:
    """An environment whose caches lie in a folder."""
    return {"NUMBA_CACHE_DIR": str(folder / "kernels"), "CRADLECAST_CACHE": str(folder / "calibrations")}


def _process(words: Sequence[str], environment: dict[str, str]) -> float:
    """Seconds of a process from start to end."""
    root = str(Path(__file__).resolve().parent.parent)
    paths = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    before = time.perf_counter()
    subprocess.run(
        [sys.executable, *words], env=os.environ | {"PYTHONPATH": paths} | environment, check=True, capture_output=True
    )
    return time.perf_counter() - before
