"""The reference work in other frameworks, each in a locked environment of its own that the command builds.

A peer's script runs under its own Python: it reads a number of children and a world a line, lives them, and answers
with seconds and counts. So the rounds of all peers and of our kernel are interleaved.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks import in_numba, law
from benchmarks.law import Outcome
from benchmarks.reference import STRICT, WORLD, agree
from benchmarks.report import Floor, Report, Row, Section, at_least, clock, ratios, spread

PEERS: Final = {"Starsim": "starsim", "mesa-frames": "mesa_frames", "Vivarium": "vivarium"}
"""Peers by name, and what their lock and script are called."""

HERE: Final = Path(__file__).parent / "peers"
ROOT: Final = HERE.parent.parent
ENVIRONMENTS: Final = ROOT / ".venv-peers"
ONE_THREAD: Final = dict.fromkeys(("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
LIMITS: Final = {"Starsim": 10.0, "mesa-frames": 10.0}


class Peer:
    """A peer's process, waiting for lines."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        python = environment(PEERS[name], folder)
        self._said = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        command = [str(python), "-m", f"benchmarks.peers.live_{PEERS[name]}"]
        self._process = subprocess.Popen(
            command,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | ONE_THREAD,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
        )

    def live(self, children: int, world: int) -> tuple[float, Outcome]:
        """Seconds and counts of one life."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{children} {world}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        while line and not line.startswith("{"):  # what a framework says when it is imported the first time
            line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._said.seek(0)
            said = "".join(self._said.readlines()[-1:])
            raise subprocess.CalledProcessError(self._process.returncode, f"{self.name}'s script", stderr=said)
        found: dict[str, Any] = json.loads(line)
        counts = found["counts"]
        people, reached, years = (np.asarray(counts[name], np.int64) for name in ("children", "reached", "years"))
        return float(found["seconds"]), Outcome(people, reached, years, int(counts["seated"]))

    def close(self) -> None:
        """Let the process end."""
        self._process.communicate()
        self._said.close()


def environment(name: str, folder: Path) -> Path:
    """The Python of a peer's environment, made from its lock where it is missing or the lock has changed.

    Raises
    ------
    subprocess.CalledProcessError
        If it cannot be made, for want of a registry or of a distribution for this machine.
    """
    lock = HERE / f"{name}.lock"
    home = folder / name
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = home / "lock.sha256"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text(encoding="ascii") == wanted:
        return python
    print(f"Making the environment of {name}; this takes a minute or two.", file=sys.stderr, flush=True)
    shutil.rmtree(home, ignore_errors=True)
    _run([sys.executable, "-m", "venv", str(home)])
    words = ["--quiet", "--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:", "-r", str(lock)]
    _run([str(python), "-m", "pip", "install", *words])
    stamp.write_text(wanted, encoding="ascii")
    return python


def _run(command: Sequence[str]) -> None:
    """Run a command quietly."""
    subprocess.run(command, check=True, capture_output=True, text=True)


def measure(sizes: Sequence[int], repeats: int, folder: Path = ENVIRONMENTS) -> Report:
    """Time our strict kernel and every peer that can be had, round after round, at every size up to 100,000.

    A peer whose environment cannot be made is left out by name.

    Raises
    ------
    EnginesDisagree
        If a peer's rates do not agree with ours within sampling error.
    """
    peers, left_out = _started(folder)
    rows: list[Row] = []
    floors: list[Floor] = []
    figures: dict[str, object] = {}
    try:
        for n in [size for size in sizes if size <= 100_000] or [100_000]:
            seconds = _rounds(peers, n, repeats)
            for name, taken in seconds.items():
                speed = [n * law.AGES / one / 1e6 for one in taken]
                times = ratios(taken, seconds[STRICT])
                rows.append((name, f"{n:,}", *spread(speed), *spread(times, ",.1f")))
                if name in LIMITS:
                    floors.append(at_least(f"strict kernel against {name}, {n:,} children", times, LIMITS[name]))
            figures[f"seconds, {n} children"] = seconds
    finally:
        for peer in peers:
            peer.close()
    head = (
        "engine",
        "children",
        "million child-years/s",
        "least - most",
        "strict kernel against it",
        "least - most",
    )
    section = Section(f"The reference work, medians of {repeats} interleaved rounds", [head, *rows])
    return Report("peers", [section], floors, [*left_out, "Everybody has one thread."], figures)


def _started(folder: Path) -> tuple[list[Peer], list[str]]:
    """The peers whose environments can be made, and sentences about the others."""
    peers: list[Peer] = []
    left_out: list[str] = []
    for name in PEERS:
        try:
            peers.append(Peer(name, folder))
        except subprocess.CalledProcessError as error:
            said = (error.stderr or "").strip().splitlines() or ["no reason was given"]
            left_out.append(f"{name} was left out: its locked environment could not be made here ({said[-1]}).")
    return peers, left_out


def _rounds(peers: Sequence[Peer], n: int, repeats: int) -> dict[str, list[float]]:
    """Seconds by engine; the first life of each must agree with ours and is not timed."""
    people = law.population(n)
    mine = in_numba.run(people, WORLD)
    for peer in peers:
        agree(mine, peer.live(n, WORLD)[1], "statistically", peer.name)
    strict: Callable[[], object] = lambda: in_numba.run(people, WORLD)  # noqa: E731
    seconds: dict[str, list[float]] = {name: [] for name in (STRICT, *(peer.name for peer in peers))}
    for number in range(repeats):
        seconds[STRICT].append(clock(strict))
        for peer in peers:
            seconds[peer.name].append(peer.live(n, WORLD + number)[0])
    return seconds
