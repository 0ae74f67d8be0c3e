"""The reference work as strict compiled loops: Philox and inverse CDF in float32, no fastmath, the lock released.

A block of classrooms is copied into one small scratch array and lives all its years there. Everything that a loop
touches then lies at a constant distance, so that the compiler need not prove that arrays do not overlap.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import law
from benchmarks.law import Outcome, Population
from cradlecast.model.compiled import compiled

BLOCK = 480
"""Children of a block, whole classrooms."""

ROOM = 496
"""Places of a row of the scratch arrays: rows a power of two apart would compete for the same places in the cache."""

_R = [row * ROOM for row in range(18)]
A_INCOME, A_MOTHER, A_TRAIT, A_FAMILY, A_BEHAVIOUR, A_HEALTH, A_LANGUAGE, A_FEMALE, A_LIABILITY, A_DISTANCE = _R[:10]
S0, S1, S2, Z0, Z1, Z2, PEER, CARE = _R[10:18]
ROWS = 18
ATTRIBUTES = len(law.REAL)
W0, W1, W2, W3, W4, W5, W6 = _R[:7]
REACHED, YEARS, FIXED = _R[:3]
BUCKETS = 1024
_NOT = np.uint64(BUCKETS << 24)

_MASK, _S32, _S9 = np.uint64(0xFFFFFFFF), np.uint64(32), np.uint32(9)
_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_K0, _K1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_ZERO, _ONE, _TWO, _S24 = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(24)

f32 = np.float32
_0, _HALF, _1, _2, _3, _4, _5 = (f32(value) for value in (0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0))
_2P5, _20, _ULP23 = f32(2.5), f32(20.0), f32(2.0**-23)
_LN2, _ROOT_HALF, _ROOT2 = f32(0.6931471805599453), f32(0.7071067811865476), f32(1.4142135623730951)
_T3, _T5, _T7, _T9 = f32(1.0 / 3.0), f32(1.0 / 5.0), f32(1.0 / 7.0), f32(1.0 / 9.0)
_T6, _T24, _T120, _T720, _T5040 = (f32(1.0 / value) for value in (6.0, 24.0, 120.0, 720.0, 5040.0))
_PER_LN2, _LN2_HIGH, _LN2_LOW = f32(1.4426950408889634), f32(0.693359375), f32(-2.12194440e-4)
# M. Giles, "Approximating the erfinv function" (GPU Computing Gems, 2011), as in model/kernels.py.
_C0, _C1, _C2 = f32(2.81022636e-08), f32(3.43273939e-07), f32(-3.5233877e-06)
_C3, _C4, _C5 = f32(-4.39150654e-06), f32(0.00021858087), f32(-0.00125372503)
_C6, _C7, _C8 = f32(-0.00417768164), f32(0.246640727), f32(1.50140941)
_E0, _E1, _E2 = f32(-0.000200214257), f32(0.000100950558), f32(0.00134934322)
_E3, _E4, _E5 = f32(-0.00367342844), f32(0.00573950773), f32(-0.0076224613)
_E6, _E7, _E8 = f32(0.00943887047), f32(1.00167406), f32(2.83297682)
_BIAS, _EXPONENT = np.int32(126), np.int32(23)
_MANTISSA, _HALF_BITS, _BIAS1 = np.int32(0x007FFFFF), np.int32(0x3F000000), np.int32(127)

_PERSIST0, _PERSIST1, _PERSIST2 = (f32(value) for value in law.PERSIST)
_SPREAD0, _SPREAD1, _SPREAD2 = (f32(value) for value in law.SPREAD)
_TRAIT, _FAMILY, _PEER, _CARE = f32(law.TRAIT), f32(law.FAMILY), f32(law.PEER), f32(law.CARE)
_FROM_FIRST, _MOTHER, _BEHAVIOUR = f32(law.FROM_FIRST), f32(law.MOTHER), f32(law.BEHAVIOUR)
_HEALTH, _DENT = f32(law.HEALTH), f32(law.DENT)
_AB0, _AB1, _AB2, _AB3 = (f32(value) for value in law.ABSENT)
_SU0, _SU1, _SU2, _SU3 = (f32(value) for value in law.SUSPENDED)
_MO0, _MO1, _MO2, _MO3 = (f32(value) for value in law.MOVED)
_BAND0, _BAND1, _BAND2 = (f32(value) for value in law.BANDS)
_APPLIES = f32(law.APPLIES)
_READY, _GRADE3, _GRADE8 = f32(law.READY_CUT), f32(law.GRADE3_CUT), f32(law.GRADE8_CUT)
_G0, _G1, _G2 = (f32(value) for value in law.GRADUATE)
_N0, _N1 = (f32(value) for value in law.ENROLLED)
_C_0, _C_1 = (f32(value) for value in law.COMPLETED)
_M_0, _M_1, _M_2 = (f32(value) for value in law.EMPLOYED)
_FIX, _UNFIX = f32(2.0**16), f32(2.0**-16 / (law.CLASS - 1))
AGES, CLASS, PROVIDERS, GROUPS = law.AGES, law.CLASS, law.PROVIDERS, law.GROUPS
FIRST_PEER, LAST_PEER = law.PEER_AGES
FIRST_ENTRY, LAST_ENTRY = law.ENTRY_AGES
READY_AT, GRADE3_AT, GRADE8_AT, GRADUATE_AT = law.READY_AT, law.GRADE3_AT, law.GRADE8_AT, law.GRADUATE_AT
ENROLLED_AT, COMPLETED_AT, EMPLOYED_AT = law.ENROLLED_AT, law.COMPLETED_AT, law.EMPLOYED_AT

_FLAT, _BITS, _WORDS = "float32[::1]", "int32[::1]", "uint32[::1]"


@compiled("UniTuple(uint64,4)(uint64,uint64,uint64,uint64,uint64)", inline=True)
def philox(row: Any, half: Any, age: Any, k0: Any, k1: Any) -> Any:
    """Four random 32-bit words of Philox4x32-10, in uint64."""
    c0, c1, c2, c3 = row, _ZERO, half, age
    for _ in range(10):
        p0 = _M0 * c0
        p1 = _M1 * c2
        c0, c1, c2, c3 = (p1 >> _S32) ^ c1 ^ k0, p1 & _MASK, (p0 >> _S32) ^ c3 ^ k1, p0 & _MASK
        k0 = (k0 + _K0) & _MASK
        k1 = (k1 + _K1) & _MASK
    return c0, c1, c2, c3


@compiled("float32(uint32)", inline=True)
def uniform(word: Any) -> Any:
    """A uniform strictly inside (0, 1)."""
    return (f32(np.int32(word >> _S9)) + _HALF) * _ULP23


@compiled("float32(float32)", inline=True)
def logarithm(value: Any) -> Any:
    """Natural logarithm of a positive normal float32: the bits of the model's."""
    bits = np.float32(value).view(np.int32)
    shift = f32(_BIAS - (bits >> _EXPONENT))
    value = np.int32((bits & _MANTISSA) | _HALF_BITS).view(np.float32)
    small = value < _ROOT_HALF
    value = value * _2 if small else value
    shift = shift + _1 if small else shift
    s = (value - _1) / (value + _1)
    q = s * s
    series = _1 + q * (_T3 + q * (_T5 + q * (_T7 + q * _T9)))
    return _2 * s * series - shift * _LN2


@compiled("float32(float32)", inline=True)
def exponential(value: Any) -> Any:
    """Exponential of a float32, kept within -20 to 20: the bits of the model's."""
    value = value if value < _20 else _20
    value = value if value > -_20 else -_20
    whole = np.floor(value * _PER_LN2 + _HALF)
    r = (value - whole * _LN2_HIGH) - whole * _LN2_LOW
    series = _1 + r * (_1 + r * (_HALF + r * (_T6 + r * (_T24 + r * (_T120 + r * (_T720 + r * _T5040))))))
    return series * np.int32((np.int32(whole) + _BIAS1) << _EXPONENT).view(np.float32)


@compiled("float32(float32)", inline=True)
def standard_normal(u: Any) -> Any:
    """Standard normal by inverse CDF: the bits of the model's."""
    x = _2 * u - _1
    w = -logarithm(_4 * u * (_1 - u))
    v = w - _2P5
    p = _C1 + _C0 * v
    p = _C2 + p * v
    p = _C3 + p * v
    p = _C4 + p * v
    p = _C5 + p * v
    p = _C6 + p * v
    p = _C7 + p * v
    p = _C8 + p * v
    v = np.sqrt(w if w > _1 else _1) - _3
    q = _E1 + _E0 * v
    q = _E2 + q * v
    q = _E3 + q * v
    q = _E4 + q * v
    q = _E5 + q * v
    q = _E6 + q * v
    q = _E7 + q * v
    q = _E8 + q * v
    p = p if w < _5 else q
    return _ROOT2 * (p * x)


@compiled("boolean(float32,float32)", inline=True)
def happens(u: Any, odds: Any) -> Any:
    """True with the probability whose log-odds are given."""
    return u * (_1 + exponential(-odds)) < _1


@compiled(f"void(int64,int64,int64,uint64,uint64,{_WORDS},{_FLAT})")
def draw(first: Any, n: Any, age: Any, k0: Any, k1: Any, words: Any, f: Any) -> None:
    """The year's words and three normals of ``n`` children from row ``first`` on, into the scratch arrays.

    Both halves in one loop: their first rounds share their products.
    """
    when = np.uint64(age)
    for i in range(n):
        row = np.uint64(first + i) & _MASK
        a = philox(row, _ONE, when, k0, k1)
        b = philox(row, _TWO, when, k0, k1)
        words[W0 + i], words[W1 + i], words[W2 + i] = np.uint32(a[0]), np.uint32(a[1]), np.uint32(a[2])
        words[W3 + i], words[W4 + i] = np.uint32(a[3]), np.uint32(b[0])
        words[W5 + i], words[W6 + i] = np.uint32(b[1]), np.uint32(b[2])
    for i in range(n):
        f[Z0 + i] = standard_normal(uniform(words[W0 + i]))
    for i in range(n):
        f[Z1 + i] = standard_normal(uniform(words[W1 + i]))
    for i in range(n):
        f[Z2 + i] = standard_normal(uniform(words[W2 + i]))


@compiled(f"void(int64,{_FLAT},{_BITS})")
def classmates(n: Any, f: Any, k: Any) -> None:
    """Mean first skill of each child's classmates, without the child."""
    for i in range(n):
        k[FIXED + i] = np.int32(np.floor(f[S0 + i] * _FIX + _HALF))
    for first in range(0, n, CLASS):
        total = np.int32(0)
        for i in range(first, first + CLASS):
            total += k[FIXED + i]
        for i in range(first, first + CLASS):
            f[PEER + i] = f32(total - k[FIXED + i]) * _UNFIX


@compiled(f"void(int64,{_WORDS},{_FLAT},{_BITS})")
def year(n: Any, words: Any, f: Any, k: Any) -> None:
    """One year of a block: skills, events."""
    for i in range(n):
        s0, s1, s2 = f[S0 + i], f[S1 + i], f[S2 + i]
        push = _TRAIT * f[A_TRAIT + i] + _FAMILY * f[A_FAMILY + i]
        f[S0 + i] = _PERSIST0 * s0 + push + _PEER * f[PEER + i] + f[CARE + i] + _SPREAD0 * f[Z0 + i]
        f[S1 + i] = _PERSIST1 * s1 + _FROM_FIRST * s0 + _MOTHER * f[A_MOTHER + i] + _SPREAD1 * f[Z1 + i]
        at_home = _BEHAVIOUR * f[A_BEHAVIOUR + i]
        f[S2 + i] = _PERSIST2 * s2 + at_home + _HEALTH * f[A_HEALTH + i] + _SPREAD2 * f[Z2 + i]
    for i in range(n):
        s2, income = f[S2 + i], f[A_INCOME + i]
        absent = _AB0 + _AB1 * income + _AB2 * s2 + _AB3 * f[A_HEALTH + i]
        suspended = _SU0 + _SU1 * f[A_BEHAVIOUR + i] + _SU2 * s2 + _SU3 * f[A_FEMALE + i]
        moved = _MO0 + _MO1 * income + _MO2 * f[A_LANGUAGE + i] + _MO3 * f[A_DISTANCE + i]
        away = happens(uniform(words[W3 + i]), absent)
        events = np.int32(happens(uniform(words[W4 + i]), suspended)) << np.int32(8)
        events += np.int32(happens(uniform(words[W5 + i]), moved)) << np.int32(16)
        k[YEARS + i] += np.int32(away) + events
        f[S2 + i] = s2 - _DENT if away else s2


@compiled(f"void(int64,int64,{_WORDS},{_FLAT},{_BITS})")
def mark(n: Any, age: Any, words: Any, f: Any, k: Any) -> None:
    """Milestones of the year, if this age has one."""
    if age == READY_AT:
        for i in range(n):
            k[REACHED + i] |= np.int32(f[S0 + i] >= _READY)
    elif age == GRADE3_AT:
        for i in range(n):
            k[REACHED + i] |= np.int32(f[S0 + i] >= _GRADE3) << np.int32(1)
    elif age == GRADE8_AT:
        for i in range(n):
            k[REACHED + i] |= np.int32(f[S1 + i] >= _GRADE8) << np.int32(2)
    elif age == GRADUATE_AT:
        for i in range(n):
            odds = _G0 + _G1 * (f[S0 + i] + f[S1 + i] + f[S2 + i]) + _G2 * f[A_LIABILITY + i]
            k[REACHED + i] |= np.int32(happens(uniform(words[W6 + i]), odds)) << np.int32(3)
    elif age == ENROLLED_AT:
        for i in range(n):
            odds = _N0 + _N1 * (f[S0 + i] + f[S1 + i] + f[S2 + i])
            before = (k[REACHED + i] >> np.int32(3)) & np.int32(1)
            k[REACHED + i] |= (np.int32(happens(uniform(words[W6 + i]), odds)) & before) << np.int32(4)
    elif age == COMPLETED_AT:
        for i in range(n):
            odds = _C_0 + _C_1 * (f[S0 + i] + f[S1 + i] + f[S2 + i])
            before = (k[REACHED + i] >> np.int32(4)) & np.int32(1)
            k[REACHED + i] |= (np.int32(happens(uniform(words[W6 + i]), odds)) & before) << np.int32(5)
    elif age == EMPLOYED_AT:
        for i in range(n):
            done = f32((k[REACHED + i] >> np.int32(5)) & np.int32(1))
            odds = _M_0 + _M_1 * (f[S0 + i] + f[S1 + i] + f[S2 + i]) + _M_2 * done
            k[REACHED + i] |= np.int32(happens(uniform(words[W6 + i]), odds)) << np.int32(6)


_LIVE = "void(int64,int64,uint64,uint64,float32[:,::1],float32[:,::1],uint8[:,::1],int32[::1],int32[::1])"


@compiled(_LIVE)
def live(
    start: Any, stop: Any, k0: Any, k1: Any, real: Any, skills: Any, seated: Any, reached: Any, years: Any
) -> None:
    """Live all years for the rows from ``start`` to ``stop``, block by block.

    ``real`` float32 (10, n) and ``seated`` uint8 (2, n), a row a year of entry, come in; ``skills`` float32 (3, n),
    ``reached`` and ``years`` int32 (n,) as in ``law.count`` are written.
    """
    f, k, words = np.zeros(ROWS * ROOM, np.float32), np.zeros(3 * ROOM, np.int32), np.empty(7 * ROOM, np.uint32)
    for first in range(start, stop, BLOCK):
        n = BLOCK if stop - first > BLOCK else stop - first
        for row in range(ATTRIBUTES):
            for i in range(n):
                f[row * ROOM + i] = real[row, first + i]
        for i in range(n):
            f[S0 + i], f[S1 + i], f[S2 + i] = _0, _0, _0
            k[REACHED + i], k[YEARS + i] = np.int32(0), np.int32(0)
        for age in range(AGES):
            draw(first, n, age, k0, k1, words, f)
            for i in range(n):
                f[PEER + i], f[CARE + i] = _0, _0
            if FIRST_ENTRY <= age <= LAST_ENTRY:
                for i in range(n):
                    f[CARE + i] = _CARE if seated[age - FIRST_ENTRY, first + i] != 0 else _0
            if FIRST_PEER <= age <= LAST_PEER:
                classmates(n, f, k)
            year(n, words, f, k)
            mark(n, age, words, f, k)
        for row in range(3):
            for i in range(n):
                skills[row, first + i] = f[S0 + row * ROOM + i]
        for i in range(n):
            reached[first + i], years[first + i] = k[REACHED + i], k[YEARS + i]


@compiled("int64(int64,uint64,uint64,float32[:,::1],int32[::1],int64,uint8[::1],uint64[::1])")
def allot(age: Any, k0: Any, k1: Any, real: Any, provider: Any, seats: Any, seated: Any, keys: Any) -> Any:
    """Give each provider's seats to its first applicants by priority, lottery and row; returns the seats taken.

    A counting sort by priority and the lottery number's first bits; only those in the bucket where the seats run out
    are compared one by one. Who does not apply is in a bucket behind all others. ``seated`` uint8 (n,) receives the
    seats, ``keys`` uint64 (n,) is scratch.
    """
    n = len(provider)
    counts = np.zeros(PROVIDERS * (BUCKETS + 1), np.int32)
    when, taken = np.uint64(age), np.int64(0)
    for i in range(n):
        words = philox(np.uint64(i) & _MASK, _TWO, when, k0, k1)
        income = real[A_INCOME, i]
        priority = np.uint64(income >= _BAND0) + np.uint64(income >= _BAND1) + np.uint64(income >= _BAND2)
        key = (priority << _S32) | words[3]
        keys[i] = key if uniform(np.uint32(words[2])) < _APPLIES else _NOT
    for i in range(n):
        counts[provider[i] * (BUCKETS + 1) + np.int64(keys[i] >> _S24)] += 1
    last, left = np.empty(PROVIDERS, np.int64), np.empty(PROVIDERS, np.int64)
    first = np.zeros(PROVIDERS + 1, np.int64)
    for here in range(PROVIDERS):
        room, bucket = seats, np.int64(0)
        while bucket < BUCKETS and counts[here * (BUCKETS + 1) + bucket] <= room:
            room -= counts[here * (BUCKETS + 1) + bucket]
            bucket += 1
        taken += seats - room
        last[here], left[here] = bucket, room
        first[here + 1] = first[here] + (counts[here * (BUCKETS + 1) + bucket] if bucket < BUCKETS else 0)
    waiting, filled = np.empty(first[PROVIDERS], np.int64), np.empty(PROVIDERS, np.int64)
    for here in range(PROVIDERS):
        filled[here] = first[here]
    for i in range(n):
        here, bucket = provider[i], np.int64(keys[i] >> _S24)
        seated[i] = np.uint8(bucket < last[here])
        if bucket == last[here] and bucket < BUCKETS:
            waiting[filled[here]] = i
            filled[here] += 1
    for here in range(PROVIDERS):
        for _ in range(left[here]):
            best = np.int64(-1)
            for at in range(first[here], first[here + 1]):
                row = waiting[at]
                if seated[row] == 0 and (best < 0 or keys[row] < keys[best]):
                    best = row
            if best >= 0:
                seated[best] = np.uint8(1)
                taken += 1
    return taken


@compiled("void(int32[::1],int32[::1],int32[::1],int64[:,::1])")
def count(group: Any, reached: Any, years: Any, totals: Any) -> None:
    """Add up by group: ``totals`` int64 (12, 11) receives children, milestones and years with events."""
    for i in range(len(group)):
        row = totals[group[i]]
        row[0] += 1
        for bit in range(7):
            row[1 + bit] += (reached[i] >> bit) & 1
        for event in range(3):
            row[8 + event] += (years[i] >> 8 * event) & 255


def run(children: Population, world: int, threads: int = 1) -> Outcome:
    """Live the reference work; the same bytes for any number of threads.

    Who gets a seat depends on attributes fixed at birth and on luck alone, so that seats of both years are allotted
    first, and each block of children then lives all years at once.
    """
    n = children.n
    k0, k1 = np.uint64(world), np.uint64(0)
    skills, seated = np.empty((3, n), np.float32), np.empty((len(law.ENTRY_AGES), n), np.uint8)
    reached, years = np.empty(n, np.int32), np.empty(n, np.int32)
    ends = [n // CLASS * part // threads * CLASS for part in range(threads + 1)]

    def give(age: int) -> int:
        keys = np.empty(n, np.uint64)
        mine = seated[age - FIRST_ENTRY]
        return int(allot(age, k0, k1, children.real, children.provider, children.seats, mine, keys))

    def part(at: int) -> npt.NDArray[np.int64]:
        rows, totals = slice(ends[at], ends[at + 1]), np.zeros((GROUPS, 11), np.int64)
        live(rows.start, rows.stop, k0, k1, children.real, skills, seated, reached, years)
        count(children.group[rows], reached[rows], years[rows], totals)
        return totals

    if threads == 1:
        taken, totals = sum(map(give, law.ENTRY_AGES)), part(0)
    else:
        with ThreadPoolExecutor(threads) as pool:
            taken = sum(pool.map(give, law.ENTRY_AGES))
            totals = np.sum(list(pool.map(part, range(threads))), axis=0)
    return Outcome(totals[:, 0].copy(), totals[:, 1:8].copy(), totals[:, 8:].copy(), taken)
