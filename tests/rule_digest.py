"""Every scalar rule on a grid of arguments, boiled down to one digest a rule; a script that prints them as JSON."""

import ast
import hashlib
import json
import struct
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from cradlecast.model import kernels
from cradlecast.model.compiled import NOJIT
from cradlecast.model.kernels import Theta

Grid = Iterator[tuple[Any, ...]]

_RNG = np.random.default_rng(20)
SKILLS = [np.float32(v) for v in (-6.5, -1.0, -1e-7, 0.0, 0.3, 2.7, 7.9)]
SHARES = [np.float32(v) for v in (0.0, 0.05, 0.35, 0.999, 1.0)]
UNIFORMS = [np.float32((k + 0.5) * 2.0**-23) for k in (0, 1, 77, 2**14, 2**21, 2**22 - 1, 2**22, 2**23 - 2, 2**23 - 1)]
UNIFORMS += [np.float32((k + 0.5) * 2.0**-23) for k in _RNG.integers(0, 2**23, 200)]
REACHED = [np.int32(v) for v in range(128)]
MILESTONES = [np.int32(v) for v in range(7)]


def compiled_functions() -> dict[str, str]:
    """Name and signature of everything in the file of the kernels that the compiler is asked to compile."""
    tree = ast.parse(Path(kernels.__file__).read_text(encoding="utf-8"))
    found = {}
    for node in tree.body:
        for decorator in node.decorator_list if isinstance(node, ast.FunctionDef) else ():
            if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "compiled":
                assert isinstance(node, ast.FunctionDef)
                found[node.name] = ast.unparse(decorator.args[0]).removeprefix("f").strip("'\"")
    return found


def scalar_rules() -> set[str]:
    """Rules of one child: they return something; ``rank_places`` writes one family's list instead."""
    return {name for name, signature in compiled_functions().items() if not signature.startswith("void(")} | {
        "rank_places"
    }


def counters() -> Grid:
    """Children, decisions, years and worlds, with the largest words that there are."""
    top = 2**32 - 1
    for low, high, decision, year, world, seed in [(0,) * 6, (top,) * 6, (top, 0, top, 0, top, 0), (0, top) * 3]:
        yield tuple(np.uint64(word) for word in (low, high, decision, year, world, seed))
    for words in _words(200, 6):
        yield tuple(np.uint64(word) for word in words)


def _words(n: int, width: int) -> list[list[int]]:
    """Rows of random 32-bit words, always the same."""
    rows: list[list[int]] = np.random.default_rng(21).integers(0, 2**32, (n, width)).tolist()
    return rows


def _theta() -> Any:
    """Parameters under which families differ: some eligible, some applying, some travelling."""
    theta = np.full(len(Theta), 0.5, np.float32)
    theta[[Theta.PREK_INCOME, Theta.HEAD_START_INCOME, Theta.POOR_INCOME]] = 0.6, -0.2, -0.2
    theta[[Theta.LOW_INCOME, Theta.MIDDLE_INCOME]] = -0.1, 0.9
    for step, entry in enumerate(range(Theta.CENTER_LOW_AT_3, Theta.CENTER_HIGH_AT_4 + 1)):
        theta[entry] = 0.1 + 0.15 * step
    return theta


def _families() -> Grid:
    """Families of 3- and 4-year-olds in three areas, with all kinds of luck."""
    next_to = np.array([[1, 2], [0, -1], [0, -1]], np.int32)
    incomes = [np.float32(v) for v in (-1.0, -0.15, 0.5, 2.0)]
    for number, luck in enumerate(np.random.default_rng(22).random((400, 6), np.float32)):
        age, area = np.int32(3 + number % 2), np.int32(number % 3)
        places = np.full(6, -9, np.int16)
        yield luck, age, incomes[number // 2 % 4], area, _theta(), next_to, np.int32(3), places


def _keys() -> Grid:
    """Two applicants in a line: by key, and with equal keys and ids."""
    pool = [np.uint64(v) for v in (0, 1, 2**40, 2**56, 2**57 - 1)]
    yield from product(pool[:3], pool[:2], pool[:2], pool, pool[:2], pool[:2])


def _classrooms() -> Grid:
    """Classrooms of sites, in years and worlds."""
    for site, _, room, year, world, seed in counters():
        yield np.float32(0.21), np.float32(0.1), site, room, year, world, seed


_MOTHER_CUTS = np.array([[-1.1, 0.0, 1.0], [-1.4, -0.4, 0.3]], np.float32)
_CUMULATIVE = np.array([0.602, 0.851, 0.968, 0.99999994], np.float32)

RULES: dict[str, Callable[[], Grid]] = {
    "philox": counters,
    "inline_uniform": counters,
    "uniform": counters,
    "lottery_number": counters,
    "inline_normal": counters,
    "normal": counters,
    "logarithm": lambda: product(UNIFORMS),
    "standard_normal": lambda: product(UNIFORMS),
    "happens": lambda: product(UNIFORMS, SKILLS),
    "category": lambda: product(UNIFORMS, [_CUMULATIVE]),
    "one_of": lambda: product(UNIFORMS, [np.int32(v) for v in (1, 2, 7, 9973, 2**20)]),
    "weighted": lambda: product(SKILLS, SHARES, SKILLS, SHARES),
    "center_share": lambda: product(SKILLS, [np.int32(3), np.int32(4)], [_theta()]),
    "rank_places": _families,
    "comes_before": _keys,
    "room_value": _classrooms,
    "next_fading": lambda: product(SKILLS, SKILLS, SHARES, SHARES),
    "phase": lambda: product([np.int32(age) for age in range(31)]),
    "boost_of": lambda: product(SKILLS, SKILLS[::2], SKILLS[::2], SHARES, SKILLS[::3]),
    "to_fixed": lambda: product([*SKILLS, *UNIFORMS]),
    "peer_effect": lambda: product(
        [np.int64(v) for v in (-(2**40), -7, 0, 2**33 + 1)],
        [np.int64(v) for v in (-(2**22), 0, 5)],
        [np.int64(v) for v in (0, 1, 2, 31, 10**6)],
        SHARES,
    ),
    "exponential": lambda: product([*SKILLS, *[np.float32(v) for v in (-30.0, -19.9, -1.5, 10.4, 12.0, 19.9, 30.0)]]),
    "mothers_education": lambda: product(SKILLS, [_MOTHER_CUTS], [np.int32(0), np.int32(1)]),
    "income_band": lambda: product(SKILLS, [_theta()]),
    "with_background": lambda: product(
        SKILLS, SKILLS[::3], SKILLS[::3], SKILLS[::3], SKILLS[::3], [np.int32(0), np.int32(1)], SKILLS[1:3]
    ),
    "domain_of": lambda: product(SKILLS, SHARES[1:4], SKILLS[::3], SHARES[1:4], SHARES[2:4], SKILLS[::3]),
    "grade_points": lambda: product(
        SHARES, SKILLS, SHARES[1:3], SKILLS[::2], SHARES[1:3], SKILLS[::3], SHARES[1:3], [np.float32(4.0)]
    ),
    "family_earnings": lambda: product(SKILLS, [np.float32(10.2), np.float32(11.0)], SHARES[1:4]),
    "passes_year": lambda: product(UNIFORMS, [np.int32(2), np.int32(4)], SKILLS),
    "fades_to": lambda: product(SHARES, SHARES),
    "career": lambda: product(
        SKILLS[::3],
        [np.int64(age) for age in range(15, 30, 2)],
        [np.int32(v) for v in (0, 2, 4)],
        SHARES[1:3],
        SKILLS[1:2],
    ),
    "event_odds": lambda: product(
        SKILLS[::3],
        SKILLS[1:2],
        SKILLS[::3],
        SKILLS[1:2],
        SKILLS[::3],
        SHARES[:2],
        SKILLS[::3],
        [np.int32(0), np.int32(1)],
        SKILLS[1:2],
        SKILLS[::3],
    ),
    "log_earnings": lambda: product(
        [np.float32(9.4), np.float32(10.7)],
        REACHED[::9],
        SHARES[1:2],
        [np.int32(v) for v in (0, 1, 4)],
        SHARES[1:2],
        SKILLS[::3],
        SHARES[1:3],
        SKILLS[::3],
        SHARES[:2],
        SKILLS[::3],
        SHARES[2:3],
        SHARES[::4],
        SKILLS[1:2],
    ),
    "studies": lambda: product([np.int32(v) for v in (0, 1, 2**5, 2**6, 2**7 + 2**5, 2**8, 31)]),
    "whole_dollars": lambda: product([*SKILLS, np.float32(0.5), np.float32(-0.5), np.float32(38123.45)]),
    "log_odds_of": lambda: product(
        SKILLS, SKILLS[::3], SKILLS[::3], SHARES[1:3], SKILLS[::3], SKILLS[::3], SKILLS[::3]
    ),
    "with_milestone": lambda: product(REACHED, MILESTONES),
    "has_milestone": lambda: product(REACHED, MILESTONES),
    "attainment_step": lambda: product(REACHED, SKILLS[:1], SKILLS[1:2], SKILLS[2:3]),
    "latest_care": lambda: product([np.int32(v) for v in range(4)], [np.int32(v) for v in range(4)]),
    "at_risk": lambda: product(REACHED, [np.int64(v) for v in range(7)]),
}
"""Arguments of every scalar rule."""


def bits(value: Any) -> bytes:
    """The exact bits of what a rule returns, whether the compiler or Python has boxed it."""
    if isinstance(value, tuple):
        return b"".join(bits(part) for part in value)
    if isinstance(value, (bool, np.bool_)):
        return b"T" if value else b"F"
    if isinstance(value, (float, np.floating)):
        assert float(np.float32(value)) == float(value), "a rule must return a float32"
        return struct.pack("<f", float(value))
    return struct.pack("<q", int(value))


def digest(name: str) -> str:
    """Hash of everything a rule answers on its grid."""
    rule, answers = getattr(kernels, name), hashlib.sha256()
    for arguments in RULES[name]():
        answer = rule(*arguments)
        answers.update(bits(answer) if answer is not None else arguments[-1].tobytes())
    return answers.hexdigest()


def digests() -> dict[str, str]:
    """Digest of every scalar rule."""
    return {name: digest(name) for name in RULES}


if __name__ == "__main__":
    print(json.dumps({"plain": NOJIT, "digests": digests()}))
