"""The reference work in NumPy columns: with the keyed draws of the law, bit for bit, and with NumPy's own generator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import law
from benchmarks.law import Floats, Outcome, Population, Wholes

BLOCK = 20_000
"""Children of a block, whole classrooms: small enough for the caches, large enough for NumPy's overhead."""

Words = npt.NDArray[np.uint32]
Draws = Callable[[int, int, int], tuple[list[Floats], list[Floats], Words]]
"""First row, rows and age in; three normals, four uniforms and lottery numbers out."""

f32 = np.float32
_MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_MASK, _S32 = np.uint64(0xFFFFFFFF), np.uint64(32)
_NEAR = np.array(
    [
        *(2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503),
        *(-0.00417768164, 0.246640727, 1.50140941),
    ],
    np.float32,
)
_FAR = np.array(
    [
        *(-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613),
        *(0.00943887047, 1.00167406, 2.83297682),
    ],
    np.float32,
)
"""Giles's polynomials for the inverse error function, as in ``in_numba``."""


def philox(first: int, n: int, half: int, age: int, world: int) -> list[npt.NDArray[np.uint64]]:
    """Four random 32-bit words a row, in uint64."""
    c0, c1 = np.arange(first, first + n, dtype=np.uint64), np.zeros(n, np.uint64)
    c2, c3 = np.full(n, half, np.uint64), np.full(n, age, np.uint64)
    k0, k1 = world, 0
    for _ in range(10):
        p0, p1 = _MULTIPLIERS[0] * c0, _MULTIPLIERS[1] * c2
        c0, c1 = (p1 >> _S32) ^ c1 ^ np.uint64(k0), p1 & _MASK
        c2, c3 = (p0 >> _S32) ^ c3 ^ np.uint64(k1), p0 & _MASK
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return [c0, c1, c2, c3]


def uniform(words: npt.NDArray[Any]) -> Floats:
    """Uniforms strictly inside (0, 1)."""
    whole: Floats = (words >> words.dtype.type(9)).astype(np.float32)
    return (whole + f32(0.5)) * f32(2.0**-23)


def logarithm(value: Floats) -> Floats:
    """Natural logarithm, with the bits of the compiled one."""
    part, exponent = np.frexp(value)
    small = part < f32(0.7071067811865476)
    part = np.where(small, part * f32(2), part)
    shift: Floats = small - exponent.astype(np.float32)
    s = (part - f32(1)) / (part + f32(1))
    q = s * s
    series = f32(1.0 / 7) + q * f32(1.0 / 9)
    series = f32(1) + q * (f32(1.0 / 3) + q * (f32(1.0 / 5) + q * series))
    return np.asarray(f32(2) * s * series - shift * f32(0.6931471805599453), np.float32)


def exponential(value: Floats) -> Floats:
    """Exponential, with the bits of the compiled one."""
    value = np.clip(value, f32(-20), f32(20))
    whole = np.floor(value * f32(1.4426950408889634) + f32(0.5))
    r = (value - whole * f32(0.693359375)) - whole * f32(-2.12194440e-4)
    series = f32(1.0 / 5040) * r + f32(1.0 / 720)
    for term in (120.0, 24.0, 6.0, 2.0, 1.0, 1.0):
        series = f32(1.0 / term) + r * series
    return np.ldexp(series, whole.astype(np.int32))


def standard_normal(u: Floats) -> Floats:
    """Standard normals by inverse CDF, with the bits of the compiled one."""
    x = f32(2) * u - f32(1)
    w = -logarithm(f32(4) * u * (f32(1) - u))
    v = w - f32(2.5)
    p = _NEAR[1] + _NEAR[0] * v
    for term in _NEAR[2:]:
        p = term + p * v
    far = np.flatnonzero(w >= f32(5))
    v = np.sqrt(w[far]) - f32(3)
    q = _FAR[1] + _FAR[0] * v
    for term in _FAR[2:]:
        q = term + q * v
    p[far] = q
    return np.asarray(f32(1.4142135623730951) * (p * x), np.float32)


def keyed(world: int) -> Draws:
    """The draws of the law."""

    def draws(first: int, n: int, age: int) -> tuple[list[Floats], list[Floats], Words]:
        a, b = philox(first, n, 1, age, world), philox(first, n, 2, age, world)
        normals = [standard_normal(uniform(words)) for words in a[:3]]
        return normals, [uniform(words) for words in (a[3], *b[:3])], b[3].astype(np.uint32)

    return draws


def generated(world: int) -> Draws:
    """Draws of one generator in the order of the rows: quick, and another child's draw moves everybody's."""
    luck = np.random.default_rng(world)

    def draws(first: int, n: int, age: int) -> tuple[list[Floats], list[Floats], Words]:
        normals = luck.standard_normal((3, n), dtype=np.float32)
        uniforms = luck.random((4, n), dtype=np.float32)
        return list(normals), list(uniforms), luck.integers(2**32, size=n, dtype=np.uint32)

    return draws


def happens(u: Floats, odds: Floats, exp: Callable[[Floats], Floats]) -> npt.NDArray[np.bool_]:
    """True with the probability whose log-odds are given."""
    return u * (f32(1) + exp(-odds)) < f32(1)


def allot(age: int, children: Population, draws: Draws) -> npt.NDArray[np.bool_]:
    """Give each provider's seats to its first applicants by priority, lottery and row."""
    _, uniforms, lottery = draws(0, children.n, age)
    rows = np.flatnonzero(uniforms[3] < f32(law.APPLIES))
    priority = np.digitize(children.real[law.INCOME, rows], np.asarray(law.BANDS, np.float32))
    provider = children.provider[rows]
    order = np.lexsort((rows, lottery[rows], priority, provider))
    first = np.searchsorted(provider[order], np.arange(law.PROVIDERS))
    place = np.arange(len(rows)) - first[provider[order]]
    seated = np.zeros(children.n, np.bool_)
    seated[rows[order[place < children.seats]]] = True
    return seated


def _part(
    children: Population,
    rows: slice,
    ages: tuple[int, int],
    draws: Draws,
    exp: Callable[[Floats], Floats],
    skills: Floats,
    seated: npt.NDArray[np.bool_],
    reached: Wholes,
    years: Wholes,
) -> None:
    """Live some years of a block of rows."""
    real = children.real[:, rows]
    income, mother, trait, family, behaviour, health, language, female, liability, distance = real
    s0, s1, s2 = skills[:, rows]
    mine, record = reached[rows], years[rows]
    n = len(mine)
    p, spread = [f32(value) for value in law.PERSIST], [f32(value) for value in law.SPREAD]
    push = f32(law.TRAIT) * trait + f32(law.FAMILY) * family
    of_mother, of_behaviour, of_health = (
        f32(law.MOTHER) * mother,
        f32(law.BEHAVIOUR) * behaviour,
        f32(law.HEALTH) * health,
    )
    ab, su, mo = ([f32(value) for value in each] for each in (law.ABSENT, law.SUSPENDED, law.MOVED))
    moved = mo[0] + mo[1] * income + mo[2] * language + mo[3] * distance
    absent, suspended = ab[0] + ab[1] * income, su[0] + su[1] * behaviour
    nobody = np.zeros(n, np.float32)
    for age in range(ages[0], ages[1] + 1):
        z, u, _ = draws(rows.start, n, age)
        peer, care = nobody, nobody
        if law.PEER_AGES[0] <= age <= law.PEER_AGES[1]:
            fixed = np.floor(s0 * f32(2.0**16) + f32(0.5)).astype(np.int32).reshape(-1, law.CLASS)
            others = (fixed.sum(axis=1, keepdims=True, dtype=np.int32) - fixed).ravel().astype(np.float32)
            peer = others * f32(2.0**-16 / (law.CLASS - 1))
        if age in law.ENTRY_AGES:
            care = np.where(seated[rows], f32(law.CARE), f32(0))
        before = s0.copy()
        s0[:] = p[0] * before + push + f32(law.PEER) * peer + care + spread[0] * z[0]
        s1[:] = p[1] * s1 + f32(law.FROM_FIRST) * before + of_mother + spread[1] * z[1]
        s2[:] = p[2] * s2 + of_behaviour + of_health + spread[2] * z[2]
        away = happens(u[0], absent + ab[2] * s2 + ab[3] * health, exp)
        record += away
        record += happens(u[1], suspended + su[2] * s2 + su[3] * female, exp).astype(np.int32) << 8
        record += happens(u[2], moved, exp).astype(np.int32) << 16
        s2 -= f32(law.DENT) * away
        for at, bit, score, cut in (
            (law.READY_AT, 0, s0, law.READY_CUT),
            (law.GRADE3_AT, 1, s0, law.GRADE3_CUT),
            (law.GRADE8_AT, 2, s1, law.GRADE8_CUT),
        ):
            if age == at:
                mine |= (score >= f32(cut)).astype(np.int32) << bit
        if age in (law.GRADUATE_AT, law.ENROLLED_AT, law.COMPLETED_AT, law.EMPLOYED_AT):
            skill, luck = s0 + s1 + s2, u[3]
            if age == law.GRADUATE_AT:
                odds = f32(law.GRADUATE[0]) + f32(law.GRADUATE[1]) * skill + f32(law.GRADUATE[2]) * liability
                mine |= happens(luck, odds, exp).astype(np.int32) << 3
            elif age == law.EMPLOYED_AT:
                done = (mine >> 5 & 1).astype(np.float32)
                odds = f32(law.EMPLOYED[0]) + f32(law.EMPLOYED[1]) * skill + f32(law.EMPLOYED[2]) * done
                mine |= happens(luck, odds, exp).astype(np.int32) << 6
            else:
                step, bit = (law.ENROLLED, 4) if age == law.ENROLLED_AT else (law.COMPLETED, 5)
                passed = happens(luck, f32(step[0]) + f32(step[1]) * skill, exp)
                mine |= (passed & (mine >> (bit - 1) & 1 == 1)).astype(np.int32) << bit


def run(children: Population, world: int, own_generator: bool = False) -> Outcome:
    """Live the reference work; with its own generator NumPy also uses its own exponential."""
    draws = generated(world) if own_generator else keyed(world)
    exp: Callable[[Floats], Floats] = np.exp if own_generator else exponential
    n = children.n
    skills, seated = np.zeros((3, n), np.float32), np.zeros(n, np.bool_)
    reached, years, taken = np.zeros(n, np.int32), np.zeros(n, np.int32), 0
    for ages in ((0, 2), (3, 3), (4, law.AGES - 1)):
        if ages[0] in law.ENTRY_AGES:
            seated = allot(ages[0], children, draws)
            taken += int(seated.sum())
        for first in range(0, n, BLOCK):
            rows = slice(first, min(first + BLOCK, n))
            _part(children, rows, ages, draws, exp, skills, seated, reached, years)
    return law.count(children.group, reached, years, taken)
