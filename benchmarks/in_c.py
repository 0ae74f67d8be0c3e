"""The reference work in C, compiled now with the compiler of this machine (cc, gcc or clang)."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from benchmarks import law
from benchmarks.law import Outcome, Population

COMPILERS: Final = ("cc", "gcc", "clang")
FLAGS: Final = {"C": ("-O3",), "C, fast-math": ("-O3", "-march=native", "-ffast-math")}
"""Flags by name; the first keeps to the letter of float32 and so to the bits of the other engines."""

SOURCE: Final = Path(__file__).with_name("reference.c")
BLOCK: Final = 480


class Compiler(NamedTuple):
    """A C compiler and how it names itself."""

    path: str
    version: str


def compilers() -> list[Compiler]:
    """The C compilers on the PATH, each once."""
    found: dict[str, Compiler] = {}
    for name in COMPILERS:
        path = shutil.which(name)
        if path is None:
            continue
        said = subprocess.run([path, "--version"], capture_output=True, text=True)
        if said.returncode == 0 and said.stdout:
            line = said.stdout.splitlines()[0]
            found.setdefault(line.partition(" ")[2], Compiler(path, line))
    return list(found.values())


def constants() -> dict[str, str]:
    """The numbers of the law, as macros."""
    real: dict[str, float] = {
        name: getattr(law, name)
        for name in (
            *("TRAIT", "FAMILY", "PEER", "CARE", "FROM_FIRST", "MOTHER", "BEHAVIOUR", "HEALTH", "DENT", "APPLIES"),
            *("READY_CUT", "GRADE3_CUT", "GRADE8_CUT"),
        )
    }
    lists = ("PERSIST", "SPREAD", "ABSENT", "SUSPENDED", "MOVED", "GRADUATE", "ENROLLED", "COMPLETED", "EMPLOYED")
    for name in lists:
        real |= {f"{name}{at}": value for at, value in enumerate(getattr(law, name))}
    real |= {f"BAND{at}": value for at, value in enumerate(law.BANDS)}
    ages = ("READY_AT", "GRADE3_AT", "GRADE8_AT", "GRADUATE_AT", "ENROLLED_AT", "COMPLETED_AT", "EMPLOYED_AT")
    whole = {name: getattr(law, name) for name in ("AGES", "CLASS", "PROVIDERS", *ages)} | {"BLOCK": BLOCK}
    whole |= {"FIRST_PEER": law.PEER_AGES[0], "LAST_PEER": law.PEER_AGES[1]}
    whole |= {"FIRST_ENTRY": law.ENTRY_AGES[0], "LAST_ENTRY": law.ENTRY_AGES[1]}
    return {name: f"({float(value)!r}f)" for name, value in real.items()} | {n: str(v) for n, v in whole.items()}


def build(compiler: Compiler, flags: tuple[str, ...], folder: Path) -> Callable[..., Outcome]:
    """Compile the source into a folder; the function that lives the reference work."""
    macros = [f"-D{name}={value}" for name, value in constants().items()]
    target = folder / f"reference{len(list(folder.iterdir()))}.so"
    compiled = target.with_suffix(".o")
    compiling = [compiler.path, "-std=gnu11", *flags, "-fPIC", "-c", *macros, str(SOURCE), "-o", str(compiled)]
    # Linked without the flags: -ffast-math at the link would switch off subnormal floats in the whole process.
    linking = [compiler.path, "-shared", str(compiled), "-o", str(target), "-lm"]
    for command in (compiling, linking):
        subprocess.run(command, check=True, capture_output=True, text=True)
    library = ctypes.CDLL(str(target))
    library.allot.restype = ctypes.c_int64

    def run(children: Population, world: int, threads: int = 1) -> Outcome:
        return _run(library, children, world, threads)

    return run


def _run(library: ctypes.CDLL, children: Population, world: int, threads: int) -> Outcome:
    """Live the reference work."""
    n = children.n
    skills, seated = np.empty((3, n), np.float32), np.empty((len(law.ENTRY_AGES), n), np.uint8)
    reached, years, keys = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.uint64)
    arrays = [array.ctypes.data_as(ctypes.c_void_p) for array in (children.real, skills, seated, reached, years)]
    keys_at, provider = keys.ctypes.data_as(ctypes.c_void_p), children.provider.ctypes.data_as(ctypes.c_void_p)
    income = children.real[law.INCOME].ctypes.data_as(ctypes.c_void_p)
    k0, k1, rows = ctypes.c_uint32(world), ctypes.c_uint32(0), ctypes.c_int64(n)
    ends = [ctypes.c_int64(n // law.CLASS * part // threads * law.CLASS) for part in range(threads + 1)]
    taken, seats = 0, ctypes.c_int64(children.seats)
    for age in law.ENTRY_AGES:
        taken += library.allot(ctypes.c_int64(age), k0, k1, rows, income, provider, seats, arrays[2], keys_at)

    def part(at: int) -> None:
        library.live(ends[at], ends[at + 1], k0, k1, rows, *arrays)

    if threads == 1:
        part(0)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(part, range(threads)))
    totals = np.zeros((law.GROUPS, 11), np.int64)
    group = children.group.ctypes.data_as(ctypes.c_void_p)
    library.count(rows, group, arrays[3], arrays[4], totals.ctypes.data_as(ctypes.c_void_p))
    return Outcome(totals[:, 0].copy(), totals[:, 1:8].copy(), totals[:, 8:].copy(), int(taken))
