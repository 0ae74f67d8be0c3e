"""The rules of a child's year and the compiled loops that apply them, in one file.

Rules are scalar functions; kernels are loops over children that call them; the object engine calls the very same
rules one child at a time. They share this file because the compiler's cache does not see edits in another one.

Arithmetic that lets three engines agree bit for bit: state is float32; rules use + - * /, sqrt, floor, comparisons
and typed constants only; logarithm and normals are polynomials; random words are computed in masked uint64; what is
summed over children is an int64 fixed-point sum.

Layout of the arrays, with n children (rows of all arrays are in the same order):

- ``ids`` uint32 (2, n): birth index; place and birth year. Together the child's structural id.
- ``x`` float32 (len(Real), n): one row a column of the state; ``k`` int32 (len(Whole), n) likewise.
- ``world`` uint64 (2,): the key of the chance events. ``theta`` float32 (len(Theta),): the parameters of the draw.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from cradlecast.model.compiled import compiled


class Decision(IntEnum):
    """The register of chance events: stable numbers; a retired number is never reused."""

    GROUP = 1
    INCOME = 2
    AREA = 3
    TRAIT = 4
    TRANSIENT = 5
    SCHOOL = 6
    APPLY_PREK = 10
    APPLY_HEAD_START = 11
    CENTER_CARE = 12
    PREFER_HEAD_START = 13
    TRAVEL = 14
    TRAVEL_WHERE = 15
    LOTTERY_PREK = 20
    LOTTERY_HEAD_START = 21
    LOTTERY_CHILD_CARE = 22
    ROOM = 24
    ROOM_QUALITY = 25
    SHOCK = 30
    PRELITERACY_FALL = 40
    PRELITERACY_SPRING = 41
    READINESS = 42
    READING_GRADE3 = 43
    MATH_GRADE8 = 44
    PREK_ATTENDANCE = 45
    GRADUATION = 50
    ENROLMENT = 51
    COMPLETION = 52
    EMPLOYMENT = 53
    LEAVING = 54
    CHRONIC_ABSENCE = 60
    SUSPENSION = 61
    ARREST = 62
    SPECIAL_EDUCATION = 63
    RETENTION = 64
    PARAMETER = 90


class Real(IntEnum):
    """Rows of ``x``. Scores are in sd of the true score of the community's children at that age.

    ``OWN_GRADE8`` is the skill at the end of grade 8 that owes nothing to programs or classmates: the published slopes
    of graduation and college are slopes on math in that grade.
    """

    INCOME = 0
    TRAIT = 1
    TRANSIENT = 2
    FRESH = 3
    FADING = 4
    LONG_RUN = 5
    NONTEST = 6
    PEER = 7
    SKILL = 8
    PRELITERACY_START_TRUE = 9
    PRELITERACY_START = 10
    PRELITERACY_TRUE = 11
    PRELITERACY = 12
    READINESS_TRUE = 13
    READINESS = 14
    READING_TRUE = 15
    READING = 16
    MATH_TRUE = 17
    MATH = 18
    OWN_GRADE8 = 19


class Whole(IntEnum):
    """Rows of ``k``. ``REACHED`` has one bit per milestone, in order; sites and kinds are -1 and 0 at home.

    ``APPLIED`` adds up 1 (for pre-K) and 2 (for Head Start). ``ABSENT_YEARS`` to ``ARREST_YEARS`` count years;
    ``SPECIAL_EDUCATION`` and ``RETAINED`` hold the age at which it happened, or -1.
    """

    GROUP = 0
    AREA = 1
    SCHOOL = 2
    CELL = 3
    CARE3 = 4
    CARE4 = 5
    SITE3 = 6
    SITE4 = 7
    APPLIED = 8
    ATTENDS = 9
    REACHED = 10
    LEFT = 11
    ABSENT_YEARS = 12
    SUSPENDED_YEARS = 13
    ARREST_YEARS = 14
    SPECIAL_EDUCATION = 15
    RETAINED = 16


class Theta(IntEnum):
    """Entries of ``theta``: the parameters of one draw, made ready for the rules."""

    TRAIT_LOADING = 0
    TRAIT_REST = 1
    TRAIT_WEIGHT = 2
    TRANSIENT_WEIGHT = 3
    PERSISTENCE = 4
    SHOCK_SD = 5
    FIRST_YEAR = 6
    LATER_YEARS = 7
    LITERACY = 8
    SCREENER_NOISE = 9
    TEST_NOISE = 10
    CENTER_SD = 11
    PEER_EFFECT = 12
    CAUSAL_SHARE = 13
    GRADUATION_SLOPE = 14
    ENROLMENT_SLOPE = 15
    COMPLETION_SLOPE = 16
    EMPLOYMENT_SLOPE = 17
    GRADUATION_LOAD = 18
    ENROLMENT_LOAD = 19
    COMPLETION_LOAD = 20
    EMPLOYMENT_LOAD = 21
    DIPLOMA_STEP = 22
    COLLEGE_STEP = 23
    DEGREE_STEP = 24
    LEAVING_HAZARD = 25
    PREK_INCOME = 26
    HEAD_START_INCOME = 27
    POOR_INCOME = 28
    LOW_INCOME = 29
    MIDDLE_INCOME = 30
    TAKE_UP_PREK = 31
    TAKE_UP_HEAD_START = 32
    PREFERS_HEAD_START = 33
    TRAVELS = 34
    CENTER_LOW_AT_3 = 35
    CENTER_MIDDLE_AT_3 = 36
    CENTER_HIGH_AT_3 = 37
    CENTER_LOW_AT_4 = 38
    CENTER_MIDDLE_AT_4 = 39
    CENTER_HIGH_AT_4 = 40
    ATTENDANCE = 41
    EVENT_SLOPE = 42


HOME, PREK, HEAD_START, CHILD_CARE = 0, 1, 2, 3
READY, GRADE3, GRADE8, GRADUATE, ENROLLED, COMPLETED, EMPLOYED = range(7)

# --- constants, typed once ---------------------------------------------------------------------------------------

_MASK = np.uint64(0xFFFFFFFF)
_S32 = np.uint64(32)
_M0 = np.uint64(0xD2511F53)
_M1 = np.uint64(0xCD9E8D57)
_W0 = np.uint64(0x9E3779B9)
_W1 = np.uint64(0xBB67AE85)
_S9 = np.uint64(9)
_S8 = np.uint64(8)
_S24 = np.uint64(24)
_S56 = np.uint64(56)

_0 = np.float32(0.0)
_HALF = np.float32(0.5)
_1 = np.float32(1.0)
_2 = np.float32(2.0)
_3 = np.float32(3.0)
_4 = np.float32(4.0)
_5 = np.float32(5.0)
_6 = np.float32(6.0)
_2P5 = np.float32(2.5)
_ULP23 = np.float32(2.0**-23)
_LN2 = np.float32(0.6931471805599453)
_T3 = np.float32(1.0 / 3.0)
_T5 = np.float32(1.0 / 5.0)
_T7 = np.float32(1.0 / 7.0)
_T9 = np.float32(1.0 / 9.0)
_ROOT_HALF = np.float32(0.7071067811865476)
_UP16, _UP8, _UP4, _UP2 = np.float32(2.0**16), np.float32(2.0**8), np.float32(2.0**4), np.float32(2.0**2)
_DOWN16, _DOWN8, _DOWN4 = np.float32(2.0**-16), np.float32(2.0**-8), np.float32(2.0**-4)
_DOWN2, _DOWN1 = np.float32(2.0**-2), np.float32(2.0**-1)
_16, _8 = np.float32(16.0), np.float32(8.0)
_FIXED = np.float32(2.0**20)
_UNFIXED = np.float32(2.0**-20)
# Single-precision inverse error function of M. Giles, "Approximating the erfinv function" (GPU Computing Gems, 2011).
_C0, _C1, _C2 = np.float32(2.81022636e-08), np.float32(3.43273939e-07), np.float32(-3.5233877e-06)
_C3, _C4, _C5 = np.float32(-4.39150654e-06), np.float32(0.00021858087), np.float32(-0.00125372503)
_C6, _C7, _C8 = np.float32(-0.00417768164), np.float32(0.246640727), np.float32(1.50140941)
_E0, _E1, _E2 = np.float32(-0.000200214257), np.float32(0.000100950558), np.float32(0.00134934322)
_E3, _E4, _E5 = np.float32(-0.00367342844), np.float32(0.00573950773), np.float32(-0.0076224613)
_E6, _E7, _E8 = np.float32(0.00943887047), np.float32(1.00167406), np.float32(2.83297682)
_ROOT2 = np.float32(1.4142135623730951)

D_GROUP, D_INCOME, D_AREA = np.uint64(Decision.GROUP), np.uint64(Decision.INCOME), np.uint64(Decision.AREA)
D_TRAIT, D_TRANSIENT, D_SCHOOL = np.uint64(Decision.TRAIT), np.uint64(Decision.TRANSIENT), np.uint64(Decision.SCHOOL)
L_APPLY_PREK, L_APPLY_HEAD_START, L_CENTER_CARE, L_PREFER_HEAD_START, L_TRAVEL, L_TRAVEL_WHERE = range(6)
D_APPLY_PREK = np.uint64(Decision.APPLY_PREK)
D_LOTTERY_PREK = np.uint64(Decision.LOTTERY_PREK)
D_ROOM, D_ROOM_QUALITY, D_SHOCK = np.uint64(Decision.ROOM), np.uint64(Decision.ROOM_QUALITY), np.uint64(Decision.SHOCK)
D_PRELITERACY_FALL, D_PRELITERACY_SPRING = np.uint64(Decision.PRELITERACY_FALL), np.uint64(Decision.PRELITERACY_SPRING)
D_READINESS, D_READING, D_MATH = (
    np.uint64(Decision.READINESS),
    np.uint64(Decision.READING_GRADE3),
    np.uint64(Decision.MATH_GRADE8),
)
D_ATTENDANCE, D_GRADUATION = np.uint64(Decision.PREK_ATTENDANCE), np.uint64(Decision.GRADUATION)
D_ENROLMENT, D_COMPLETION = np.uint64(Decision.ENROLMENT), np.uint64(Decision.COMPLETION)
D_ABSENCE = np.uint64(Decision.CHRONIC_ABSENCE)
D_EMPLOYMENT, D_LEAVING = np.uint64(Decision.EMPLOYMENT), np.uint64(Decision.LEAVING)

X_INCOME, X_TRAIT, X_TRANSIENT = int(Real.INCOME), int(Real.TRAIT), int(Real.TRANSIENT)
X_FRESH, X_FADING, X_LONG_RUN = int(Real.FRESH), int(Real.FADING), int(Real.LONG_RUN)
X_NONTEST, X_PEER, X_SKILL = int(Real.NONTEST), int(Real.PEER), int(Real.SKILL)
X_START_TRUE, X_START = int(Real.PRELITERACY_START_TRUE), int(Real.PRELITERACY_START)
X_LITERACY_TRUE, X_LITERACY = int(Real.PRELITERACY_TRUE), int(Real.PRELITERACY)
X_READY_TRUE, X_READY = int(Real.READINESS_TRUE), int(Real.READINESS)
X_READING_TRUE, X_READING = int(Real.READING_TRUE), int(Real.READING)
X_MATH_TRUE, X_MATH = int(Real.MATH_TRUE), int(Real.MATH)
X_OWN8 = int(Real.OWN_GRADE8)

K_GROUP, K_AREA, K_SCHOOL, K_CELL = int(Whole.GROUP), int(Whole.AREA), int(Whole.SCHOOL), int(Whole.CELL)
K_CARE3, K_CARE4, K_SITE3, K_SITE4 = int(Whole.CARE3), int(Whole.CARE4), int(Whole.SITE3), int(Whole.SITE4)
K_ATTENDS = int(Whole.ATTENDS)
K_REACHED, K_LEFT = int(Whole.REACHED), int(Whole.LEFT)
K_ABSENT_YEARS, K_SPECIAL, K_RETAINED = int(Whole.ABSENT_YEARS), int(Whole.SPECIAL_EDUCATION), int(Whole.RETAINED)

T_TRAIT_LOADING, T_TRAIT_REST = int(Theta.TRAIT_LOADING), int(Theta.TRAIT_REST)
T_TRAIT_WEIGHT, T_TRANSIENT_WEIGHT = int(Theta.TRAIT_WEIGHT), int(Theta.TRANSIENT_WEIGHT)
T_PERSISTENCE, T_SHOCK_SD = int(Theta.PERSISTENCE), int(Theta.SHOCK_SD)
T_FIRST_YEAR, T_LATER_YEARS, T_LITERACY = int(Theta.FIRST_YEAR), int(Theta.LATER_YEARS), int(Theta.LITERACY)
T_SCREENER_NOISE, T_TEST_NOISE = int(Theta.SCREENER_NOISE), int(Theta.TEST_NOISE)
T_CENTER_SD, T_PEER_EFFECT = int(Theta.CENTER_SD), int(Theta.PEER_EFFECT)
T_CAUSAL_SHARE = int(Theta.CAUSAL_SHARE)
T_GRADUATION_SLOPE, T_GRADUATION_LOAD = int(Theta.GRADUATION_SLOPE), int(Theta.GRADUATION_LOAD)
T_ENROLMENT_SLOPE, T_ENROLMENT_LOAD = int(Theta.ENROLMENT_SLOPE), int(Theta.ENROLMENT_LOAD)
T_COMPLETION_SLOPE, T_COMPLETION_LOAD = int(Theta.COMPLETION_SLOPE), int(Theta.COMPLETION_LOAD)
T_EMPLOYMENT_SLOPE, T_EMPLOYMENT_LOAD = int(Theta.EMPLOYMENT_SLOPE), int(Theta.EMPLOYMENT_LOAD)
T_DIPLOMA_STEP, T_COLLEGE_STEP = int(Theta.DIPLOMA_STEP), int(Theta.COLLEGE_STEP)
T_DEGREE_STEP, T_LEAVING_HAZARD = int(Theta.DEGREE_STEP), int(Theta.LEAVING_HAZARD)
T_PREK_INCOME, T_HEAD_START_INCOME = int(Theta.PREK_INCOME), int(Theta.HEAD_START_INCOME)
T_POOR_INCOME, T_LOW_INCOME = int(Theta.POOR_INCOME), int(Theta.LOW_INCOME)
T_MIDDLE_INCOME, T_TAKE_UP_PREK = int(Theta.MIDDLE_INCOME), int(Theta.TAKE_UP_PREK)
T_TAKE_UP_HEAD_START = int(Theta.TAKE_UP_HEAD_START)
T_PREFERS_HEAD_START, T_TRAVELS = int(Theta.PREFERS_HEAD_START), int(Theta.TRAVELS)
T_EVENT_SLOPE = int(Theta.EVENT_SLOPE)
T_CENTER_LOW_AT_3, T_ATTENDANCE = int(Theta.CENTER_LOW_AT_3), int(Theta.ATTENDANCE)

# School events, in the order of their decisions, of the rows of ``cuts`` after the milestones, and of ``k``:
# ``EVENTS`` in scenarios/community.py.
FIRST_EVENT, FIRST_ONCE = 7, 3
EVENT_FIRST_AGES = (5, 5, 10, 5, 5)
EVENT_LAST_AGES = (17, 17, 17, 9, 6)
"""Ages in the fall at which an event may happen; those from ``FIRST_ONCE`` on happen once at most."""

ENTRY_AGES = (3, 4)
FIRST_SCHOOL_AGE, LAST_PEER_AGE, LAST_SKILL_AGE = 5, 13, 17
GRADE3_AGE, GRADE8_AGE = 8, 13
GRADUATION_AGE, ENROLMENT_AGE, COMPLETION_AGE, EMPLOYMENT_AGE = 17, 19, 25, 29
LAST_LEAVING_AGE = 25
FIRST_LEAVING_AGE = 17

# --- rules: chance -----------------------------------------------------------------------------------------------

_ID = "uint64,uint64,uint64,uint64,uint64,uint64"


@compiled(f"UniTuple(uint64,4)({_ID})", inline=True)
def philox(c0, c1, c2, c3, k0, k1):
    """Four random 32-bit words (in uint64) of Philox4x32-10 (Salmon et al., SC 2011)."""
    for _ in range(10):
        p0 = _M0 * c0
        p1 = _M1 * c2
        c0, c1, c2, c3 = (p1 >> _S32) ^ c1 ^ k0, p1 & _MASK, (p0 >> _S32) ^ c3 ^ k1, p0 & _MASK
        k0 = (k0 + _W0) & _MASK
        k1 = (k1 + _W1) & _MASK
    return c0, c1, c2, c3


@compiled(f"float32({_ID})", inline=True)
def inline_uniform(low, high, decision, year, world0, world1):
    """``uniform``, written into the loop that calls it."""
    words = philox(low, high, decision, year, world0, world1)
    return (np.float32(np.int32(words[0] >> _S9)) + _HALF) * _ULP23


@compiled(f"float32({_ID})")
def uniform(low, high, decision, year, world0, world1):
    """The child's uniform for a decision in a year, strictly inside (0, 1)."""
    return inline_uniform(low, high, decision, year, world0, world1)


@compiled(f"uint64({_ID})")
def lottery_number(low, high, decision, year, world0, world1):
    """The child's lottery number for a program and year: 56 random bits, the lowest wins."""
    words = philox(low, high, decision, year, world0, world1)
    return (words[0] << _S24) | (words[1] >> _S8)


@compiled("float32(float32)", inline=True)
def logarithm(value):
    """Natural logarithm of a float32 in [2^-32, sqrt 2], to about 3e-7 of its value, without the C library."""
    shift = _0
    small = value < _DOWN16
    value = value * _UP16 if small else value
    shift = shift + _16 if small else shift
    small = value < _DOWN8
    value = value * _UP8 if small else value
    shift = shift + _8 if small else shift
    small = value < _DOWN4
    value = value * _UP4 if small else value
    shift = shift + _4 if small else shift
    small = value < _DOWN2
    value = value * _UP2 if small else value
    shift = shift + _2 if small else shift
    small = value < _DOWN1
    value = value * _2 if small else value
    shift = shift + _1 if small else shift
    small = value < _ROOT_HALF
    value = value * _2 if small else value
    shift = shift + _1 if small else shift
    s = (value - _1) / (value + _1)
    q = s * s
    series = _1 + q * (_T3 + q * (_T5 + q * (_T7 + q * _T9)))
    return _2 * s * series - shift * _LN2


@compiled("float32(float32)", inline=True)
def standard_normal(u):
    """Standard normal by inverse CDF of a uniform in (0, 1), error below 1e-6 of the quantile (Giles)."""
    x = _2 * u - _1
    w = -logarithm(_4 * u * (_1 - u))
    v = w - _2P5
    p = _C0
    p = _C1 + p * v
    p = _C2 + p * v
    p = _C3 + p * v
    p = _C4 + p * v
    p = _C5 + p * v
    p = _C6 + p * v
    p = _C7 + p * v
    p = _C8 + p * v
    v = np.sqrt(w if w > _1 else _1) - _3
    q = _E0
    q = _E1 + q * v
    q = _E2 + q * v
    q = _E3 + q * v
    q = _E4 + q * v
    q = _E5 + q * v
    q = _E6 + q * v
    q = _E7 + q * v
    q = _E8 + q * v
    p = p if w < _5 else q
    return _ROOT2 * (p * x)


@compiled(f"float32({_ID})", inline=True)
def inline_normal(low, high, decision, year, world0, world1):
    """``normal``, written into the loop that calls it."""
    return standard_normal(inline_uniform(low, high, decision, year, world0, world1))


@compiled(f"float32({_ID})")
def normal(low, high, decision, year, world0, world1):
    """The child's standard normal for a decision in a year."""
    return inline_normal(low, high, decision, year, world0, world1)


@compiled("boolean(float32,float32)")
def happens(u, log_odds):
    """True with the probability whose log-odds are given: a higher probability only adds children."""
    return logarithm(u) - logarithm(_1 - u) < log_odds


# --- rules: birth ------------------------------------------------------------------------------------------------


@compiled("int32(float32,float32[::1])")
def category(u, cumulative):
    """Index of the first cumulative share above u; the last one where rounding leaves none."""
    last = len(cumulative) - 1
    for index in range(last):
        if u < cumulative[index]:
            return np.int32(index)
    return np.int32(last)


@compiled("int32(float32,int32)")
def one_of(u, count):
    """A whole number from 0 to count - 1."""
    index = np.int32(np.floor(u * np.float32(count)))
    if index >= count:
        return np.int32(count - np.int32(1))
    return index


@compiled("float32(float32,float32,float32,float32)", inline=True)
def weighted(first, weight_first, second, weight_second):
    """Two parts, each times its weight."""
    return first * weight_first + second * weight_second


# --- rules: care -------------------------------------------------------------------------------------------------


@compiled("float32(float32,int32,float32[::1])")
def center_share(income, age, theta):
    """Share of families of this income who use a center when they hold no public seat."""
    first = T_CENTER_LOW_AT_3
    if age == 4:
        first = T_CENTER_LOW_AT_3 + 3
    if income < theta[T_LOW_INCOME]:
        return theta[first]
    if income < theta[T_MIDDLE_INCOME]:
        return theta[first + 1]
    return theta[first + 2]


@compiled("void(float32[::1],int32,float32,int32,float32[::1],int32[:,::1],int32,int32[::1])")
def rank_places(luck, age, income, area, theta, next_to, n_areas, places):
    """Write a family's ranked list of seat pools (program x area), -1 after its end; home is always behind it.

    ``luck`` float32 (6,): the child's uniforms for the decisions from APPLY_PREK to TRAVEL_WHERE, in order.
    ``places`` has five entries; the sixth takes 1 if the family applies for pre-K, plus 2 if for Head Start.
    """
    for slot in range(6):
        places[slot] = np.int32(-1)
    prek = age == 4 and income < theta[T_PREK_INCOME] and luck[L_APPLY_PREK] < theta[T_TAKE_UP_PREK]
    head_start = income < theta[T_HEAD_START_INCOME] and luck[L_APPLY_HEAD_START] < theta[T_TAKE_UP_HEAD_START]
    other = np.int32(-1)
    if (prek or head_start) and luck[L_TRAVEL] < theta[T_TRAVELS]:
        count = np.int32(0)
        while count < next_to.shape[1] and next_to[area, count] >= 0:
            count = np.int32(count + 1)
        other = next_to[area, one_of(luck[L_TRAVEL_WHERE], count)]
    head_start_first = head_start and prek and luck[L_PREFER_HEAD_START] < theta[T_PREFERS_HEAD_START]
    slot = 0
    if head_start_first:
        places[slot] = np.int32(n_areas + area)
        slot += 1
    if prek:
        places[slot] = area
        slot += 1
        if other >= 0:
            places[slot] = other
            slot += 1
    if head_start and not head_start_first:
        places[slot] = np.int32(n_areas + area)
        slot += 1
    if head_start and not prek and other >= 0:
        places[slot] = np.int32(n_areas + other)
        slot += 1
    if luck[L_CENTER_CARE] < center_share(income, age, theta):
        places[slot] = np.int32(2 * n_areas + area)
        slot += 1
    applied = 0
    if prek:
        applied = 1
    if head_start:
        applied = applied + 2
    places[5] = np.int32(applied)


@compiled("boolean(uint64,uint64,uint64,uint64,uint64,uint64)")
def comes_before(key, high, low, other_key, other_high, other_low):
    """True if the first applicant precedes the second: by priority and lottery, then (ties) by id."""
    if key != other_key:
        return key < other_key
    if high != other_high:
        return high < other_high
    return low < other_low


@compiled("float32(float32,float32,uint64,uint64,uint64,uint64,uint64)")
def room_value(site_value, center_sd, site_key, room, year, world0, world1):
    """What a year in one classroom adds to skill: the site's value and the classroom's deviation from it."""
    return site_value + center_sd * normal(site_key, room, D_ROOM_QUALITY, year, world0, world1)


# --- rules: skill ------------------------------------------------------------------------------------------------


@compiled("float32(float32,float32,float32,float32)", inline=True)
def next_fading(fading, fresh, first_year, later_years):
    """What is left of earlier gains: last year's gain keeps its first-year share, older ones the later share."""
    return later_years * fading + first_year * fresh


@compiled("float32(int32)", inline=True)
def phase(age):
    """Share of the long-run shift in force at the END of the year of this age: 0 at kindergarten, 1 at grade 6."""
    s = np.float32(age - 5) / _6
    s = _0 if s < _0 else s
    return _1 if s > _1 else s


@compiled("float32(float32,float32,float32,float32,float32)", inline=True)
def boost_of(fresh, fading, long_run, s, peer):
    """All of a child's skill that programs and classmates account for, in sd."""
    return fresh + fading + long_run * s + peer


@compiled("int64(float32)", inline=True)
def to_fixed(value):
    """A score as a whole number of 2^-20 sd, so that sums do not depend on the order of children."""
    return np.int64(np.floor(value * _FIXED + _HALF))


@compiled("float32(int64,int64,int64,float32)", inline=True)
def peer_effect(total, own, count, effect):
    """Effect of the mean skill of a child's classmates (last year, without the child) on this year's skill."""
    others = count - 1 if count > 1 else 1
    mean = np.float32(total - own) * _UNFIXED / np.float32(others)
    return effect * mean if count > 1 else _0


@compiled("float32(float32,float32,float32,float32,float32,float32,float32)", inline=True)
def log_odds_of(intercept, slope, base, causal_share, boost, load, nontest):
    """Log-odds of a milestone: the whole slope on the child's own skill, its causal share on gains from programs."""
    return intercept + slope * (base + causal_share * boost) + load * nontest


@compiled("int32(int32,int32)", inline=True)
def with_milestone(reached, milestone):
    """The set of milestones with one more."""
    return np.int32(reached | (np.int32(1) << milestone))


@compiled("boolean(int32,int32)", inline=True)
def has_milestone(reached, milestone):
    """True if the set holds the milestone."""
    return (reached >> milestone) & np.int32(1) == np.int32(1)


@compiled("float32(int32,float32,float32,float32)")
def attainment_step(reached, diploma, college, degree):
    """Causal part of the log-odds of employment by attainment, against no diploma."""
    if has_milestone(reached, np.int32(COMPLETED)):
        return degree
    if has_milestone(reached, np.int32(ENROLLED)):
        return college
    if has_milestone(reached, np.int32(GRADUATE)):
        return diploma
    return _0


# --- kernels -----------------------------------------------------------------------------------------------------

_X, _K, _IDS = "float32[:,::1]", "int32[:,::1]", "uint32[:,::1]"
_F, _I, _W, _L = "float32[::1]", "int32[::1]", "uint64[::1]", "int64[::1]"


_U = "uint32[::1]"


@compiled(f"void({_U},{_U},{_W},int64,int64,{_F})")
def uniforms(low, high, world, decision, year, out):
    """The children's uniforms for a decision in a year, into ``out`` float32 (n,)."""
    d, when, w0, w1 = np.uint64(decision), np.uint64(year), world[0], world[1]
    for i in range(len(out)):
        out[i] = inline_uniform(np.uint64(low[i]), np.uint64(high[i]), d, when, w0, w1)


@compiled(f"void({_U},{_U},{_W},int64,int64,{_F})")
def normals(low, high, world, decision, year, out):
    """The children's standard normals for a decision in a year, into ``out`` float32 (n,)."""
    d, when, w0, w1 = np.uint64(decision), np.uint64(year), world[0], world[1]
    for i in range(len(out)):
        out[i] = inline_normal(np.uint64(low[i]), np.uint64(high[i]), d, when, w0, w1)


@compiled(f"void({_IDS},{_W},{_F},{_F},{_F},{_F},{_X},{_I},{_I},{_X},{_K})")
def births(ids, world, theta, group_shares, group_means, income_sd, area_shares, schools, first_school, x, k):
    """Fill the fixed attributes and the starting state of every child; ``x`` and ``k`` come in as zeros.

    ``area_shares`` float32 (2, areas): cumulative shares of areas for families above and below the poverty line.
    ``income_sd`` float32 (1,): spread of standardised log income within groups.
    """
    n = ids.shape[1]
    low, high = ids[0], ids[1]
    luck, income, trait, transient = np.empty(n, np.float32), x[X_INCOME], x[X_TRAIT], x[X_TRANSIENT]
    group, area, school, cell = k[K_GROUP], k[K_AREA], k[K_SCHOOL], k[K_CELL]
    uniforms(low, high, world, D_GROUP, 0, luck)
    normals(low, high, world, D_INCOME, 0, income)
    for i in range(n):
        group[i] = category(luck[i], group_shares)
        income[i] = group_means[group[i]] + income_sd[0] * income[i]
        cell[i] = np.int32(2) * group[i] + np.int32(income[i] < theta[T_POOR_INCOME])
    uniforms(low, high, world, D_AREA, 0, luck)
    for i in range(n):
        area[i] = category(luck[i], area_shares[cell[i] % np.int32(2)])
    uniforms(low, high, world, D_SCHOOL, 0, luck)
    normals(low, high, world, D_TRAIT, 0, trait)
    normals(low, high, world, D_TRANSIENT, 0, transient)
    for i in range(n):
        school[i] = first_school[area[i]] + one_of(luck[i], schools[area[i]])
        trait[i] = weighted(income[i], theta[T_TRAIT_LOADING], trait[i], theta[T_TRAIT_REST])
        k[K_SITE3, i] = np.int32(-1)
        k[K_SITE4, i] = np.int32(-1)
        k[K_LEFT, i] = np.int32(-1)
        k[K_SPECIAL, i] = np.int32(-1)
        k[K_RETAINED, i] = np.int32(-1)


@compiled(f"void({_IDS},{_W},{_F},int64,int64,int64,int64,{_X},{_K},{_K},{_K},uint64[:,::1])")
def applications(ids, world, theta, age, year, start, stop, x, k, next_to, places, keys):
    """Rank the seat pools for the children from ``start`` to ``stop``, and draw their lottery numbers.

    ``places`` int32 (n, 6) and ``keys`` uint64 (3, n) are written for those rows; keys hold priority and lottery by
    program (pre-K, Head Start, child care): returning Head Start children come first there.
    """
    n_areas = next_to.shape[0]
    n = stop - start
    low, high = ids[0, start:stop], ids[1, start:stop]
    income, area, before = x[X_INCOME, start:stop], k[K_AREA, start:stop], k[K_CARE3, start:stop]
    column, luck = np.empty(n, np.float32), np.empty((n, 6), np.float32)
    for number in range(6):
        uniforms(low, high, world, np.int64(D_APPLY_PREK) + number, year, column)
        for i in range(n):
            luck[i, number] = column[i]
    for i in range(n):
        ranked = places[start + i]
        rank_places(luck[i], age, income[i], area[i], theta, next_to, n_areas, ranked)
        for slot in range(5):
            if ranked[slot] >= 0:
                program = ranked[slot] // n_areas
                key = lottery_number(
                    np.uint64(low[i]),
                    np.uint64(high[i]),
                    D_LOTTERY_PREK + np.uint64(program),
                    np.uint64(year),
                    world[0],
                    world[1],
                )
                if not (program == 1 and age == 4 and before[i] == HEAD_START):
                    key = key | (np.uint64(1) << _S56)
                keys[program, start + i] = key


@compiled(f"void({_IDS},int64,int64,{_K},uint64[:,::1],{_I},int64,{_I})")
def allot(ids, start, stop, places, keys, seats, n_areas, given):
    """Give out seats: children propose down their lists, pools keep their first applicants (deferred acceptance).

    The result is the stable one that children like best (Gale and Shapley 1962); it does not depend on the order of
    rows, and one more seat leaves no child with a place it ranks lower. ``seats`` int32 (pools,); ``given`` int32 (n,)
    receives the pool, or -1 for home, for the rows from ``start`` to ``stop``.
    """
    n_pools = len(seats)
    first = np.zeros(n_pools + 1, np.int64)
    for pool in range(n_pools):
        first[pool + 1] = first[pool] + max(seats[pool], np.int32(0))
    held = np.zeros(max(first[n_pools], np.int64(1)), np.int64)
    n_held = np.zeros(n_pools, np.int64)
    slot_of = np.zeros(max(stop - start, 1), np.int64)
    for child in range(start, stop):
        proposer = child
        while proposer >= 0:
            pool = np.int64(-1)
            if slot_of[proposer - start] < 5:
                pool = np.int64(places[proposer, slot_of[proposer - start]])
            given[proposer] = np.int32(pool)
            if pool < 0:
                break
            slot_of[proposer - start] += 1
            room = first[pool + 1] - first[pool]
            if room == 0:
                continue
            program = pool // n_areas
            base = first[pool]
            if n_held[pool] < room:
                at = n_held[pool]
                n_held[pool] += 1
                held[base + at] = proposer
                while at > 0:
                    up = (at - 1) // 2
                    a, b = held[base + up], held[base + at]
                    if not comes_before(
                        keys[program, a],
                        np.uint64(ids[1, a]),
                        np.uint64(ids[0, a]),
                        keys[program, b],
                        np.uint64(ids[1, b]),
                        np.uint64(ids[0, b]),
                    ):
                        break
                    held[base + up], held[base + at] = b, a
                    at = up
                proposer = np.int64(-1)
                continue
            last = held[base]
            if not comes_before(
                keys[program, proposer],
                np.uint64(ids[1, proposer]),
                np.uint64(ids[0, proposer]),
                keys[program, last],
                np.uint64(ids[1, last]),
                np.uint64(ids[0, last]),
            ):
                continue
            held[base] = proposer
            at = np.int64(0)
            while True:
                down = 2 * at + 1
                if down >= room:
                    break
                if down + 1 < room:
                    a, b = held[base + down], held[base + down + 1]
                    if comes_before(
                        keys[program, a],
                        np.uint64(ids[1, a]),
                        np.uint64(ids[0, a]),
                        keys[program, b],
                        np.uint64(ids[1, b]),
                        np.uint64(ids[0, b]),
                    ):
                        down += 1
                a, b = held[base + at], held[base + down]
                if not comes_before(
                    keys[program, a],
                    np.uint64(ids[1, a]),
                    np.uint64(ids[0, a]),
                    keys[program, b],
                    np.uint64(ids[1, b]),
                    np.uint64(ids[0, b]),
                ):
                    break
                held[base + at], held[base + down] = b, a
                at = down
            proposer = last


@compiled(f"void({_L},int64,int64,{_X},{_K},int64)")
def class_sums(sums, start, stop, x, k, first_class):
    """Add last year's skill (fixed-point) of the children from ``start`` to ``stop`` to their class's sum and count.

    ``sums`` int64 (2 * classes,): sums, then counts; ``first_class`` is the class of the cohort's school 0.
    """
    half = len(sums) // 2
    for i in range(start, stop):
        group = first_class + k[K_SCHOOL, i]
        sums[group] += to_fixed(x[X_SKILL, i])
        sums[half + group] += 1


@compiled(f"void({_F},{_F},{_F},{_F},{_F})")
def grow(trait, transient, shocks, theta, base):
    """Move the changing part of skill one year on; ``base`` receives the skill that owes nothing to programs."""
    for i in range(len(base)):
        transient[i] = weighted(transient[i], theta[T_PERSISTENCE], shocks[i], theta[T_SHOCK_SD])
        base[i] = weighted(trait[i], theta[T_TRAIT_WEIGHT], transient[i], theta[T_TRANSIENT_WEIGHT])


@compiled(f"void({_F},{_F},{_F},{_F},float32)")
def measure(true, noise, kept, score, noise_sd):
    """Measure a true score with an instrument: keep the true score and the score as read."""
    for i in range(len(true)):
        kept[i] = true[i]
        score[i] = true[i] + noise_sd * noise[i]


@compiled(f"void({_F},{_I},{_F},{_I},int64)")
def mark(score, cell, cuts, reached, milestone):
    """Record a milestone for the children whose score is at or above their cut."""
    for i in range(len(score)):
        if score[i] >= cuts[cell[i]]:
            reached[i] = with_milestone(reached[i], np.int32(milestone))


@compiled(f"void({_IDS},{_W},{_F},int64,int64,int64,int64,{_X},{_K},{_F},{_W},{_I},{_X},{_X},int64)")
def early_year(
    ids, world, theta, age, year, start, stop, x, k, site_value, site_keys, rooms, kind_effects, cuts, care_row
):
    """The year of children aged 3 or 4: care, skills, and (at 4) early literacy and readiness for kindergarten.

    ``site_value`` float32, ``site_keys`` uint64 and ``rooms`` int32 (sites,); ``kind_effects`` float32 (7, 4): long-run
    shift, non-test gain and shifts of the school events by kind of care; ``cuts`` float32 (12, cells); ``care_row`` is
    the row of ``k`` with this age's care, its site two rows on.
    """
    n = stop - start
    low, high = ids[0, start:stop], ids[1, start:stop]
    trait, transient = x[X_TRAIT, start:stop], x[X_TRANSIENT, start:stop]
    fresh, fading, long_run = x[X_FRESH, start:stop], x[X_FADING, start:stop], x[X_LONG_RUN, start:stop]
    nontest, skill = x[X_NONTEST, start:stop], x[X_SKILL, start:stop]
    kind, site = k[care_row, start:stop], k[care_row + 2, start:stop]
    noise, base, literacy = np.empty(n, np.float32), np.empty(n, np.float32), np.empty(n, np.float32)
    s = phase(age)
    if age == 4:
        for i in range(n):
            before = boost_of(fresh[i], fading[i], long_run[i], s, _0)
            own = weighted(trait[i], theta[T_TRAIT_WEIGHT], transient[i], theta[T_TRANSIENT_WEIGHT])
            literacy[i] = own + theta[T_LITERACY] * before
        normals(low, high, world, D_PRELITERACY_FALL, year, noise)
        measure(literacy, noise, x[X_START_TRUE, start:stop], x[X_START, start:stop], theta[T_SCREENER_NOISE])
    room, most = np.empty(n, np.float32), np.int32(1)
    for at in range(len(rooms)):
        most = max(most, rooms[at])
    value = np.empty((len(rooms), most), np.float32)
    for at in range(len(rooms)):
        for number in range(rooms[at]):
            value[at, number] = room_value(
                site_value[at],
                theta[T_CENTER_SD],
                site_keys[at],
                np.uint64(number),
                np.uint64(year),
                world[0],
                world[1],
            )
    uniforms(low, high, world, D_ROOM, year, room)
    normals(low, high, world, D_SHOCK, year, noise)
    grow(trait, transient, noise, theta, base)
    for i in range(n):
        fading[i] = next_fading(fading[i], fresh[i], theta[T_FIRST_YEAR], theta[T_LATER_YEARS])
        fresh[i] = _0
        if kind[i] != HOME:
            fresh[i] = value[site[i], one_of(room[i], rooms[site[i]])]
            long_run[i] = kind_effects[0, kind[i]]
            nontest[i] = kind_effects[1, kind[i]]
        boost = boost_of(fresh[i], fading[i], long_run[i], s, _0)
        skill[i] = base[i] + boost
        literacy[i] = base[i] + theta[T_LITERACY] * boost
    if age == 4:
        normals(low, high, world, D_PRELITERACY_SPRING, year, noise)
        measure(literacy, noise, x[X_LITERACY_TRUE, start:stop], x[X_LITERACY, start:stop], theta[T_SCREENER_NOISE])
        normals(low, high, world, D_READINESS, year, noise)
        measure(skill, noise, x[X_READY_TRUE, start:stop], x[X_READY, start:stop], theta[T_SCREENER_NOISE])
        mark(x[X_READY, start:stop], k[K_CELL, start:stop], cuts[READY], k[K_REACHED, start:stop], READY)
        uniforms(low, high, world, D_ATTENDANCE, year, noise)
        attends = k[K_ATTENDS, start:stop]
        for i in range(n):
            attends[i] = np.int32(noise[i] < theta[T_ATTENDANCE])


@compiled(f"void({_U},{_U},{_W},int64,{_F},{_I},{_F})")
def leaving(low, high, world, year, theta, left, u):
    """Move away for good: the age at which each child leaves, once, into ``left``; ``u`` is scratch."""
    uniforms(low, high, world, D_LEAVING, year, u)
    for i in range(len(left)):
        if u[i] < theta[T_LEAVING_HAZARD] and left[i] < 0:
            left[i] = np.int32(year - (np.int64(high[i]) & np.int64(0xFFFF)))


@compiled(f"void({_IDS},{_W},{_F},int64,int64,int64,int64,{_X},{_K},{_X},{_L},int64)")
def school_year(ids, world, theta, age, year, start, stop, x, k, cuts, sums, first_class):
    """The year of children aged 5 to 17: classmates, skills, reading in grade 3, math in grade 8, graduation.

    ``sums`` and ``first_class`` as in ``class_sums``; ``cuts`` float32 (7, cells): score cuts for the first three
    milestones, intercepts for the others.
    """
    n = stop - start
    low, high = ids[0, start:stop], ids[1, start:stop]
    trait, transient = x[X_TRAIT, start:stop], x[X_TRANSIENT, start:stop]
    fresh, fading, long_run = x[X_FRESH, start:stop], x[X_FADING, start:stop], x[X_LONG_RUN, start:stop]
    skill, peer, school = x[X_SKILL, start:stop], x[X_PEER, start:stop], k[K_SCHOOL, start:stop]
    cell, reached = k[K_CELL, start:stop], k[K_REACHED, start:stop]
    noise, base = np.empty(n, np.float32), np.empty(n, np.float32)
    half = len(sums) // 2
    s = phase(age)
    normals(low, high, world, D_SHOCK, year, noise)
    grow(trait, transient, noise, theta, base)
    for i in range(n):
        peer[i] = _0
        if age <= LAST_PEER_AGE:
            group = first_class + school[i]
            peer[i] = peer_effect(sums[group], to_fixed(skill[i]), sums[half + group], theta[T_PEER_EFFECT])
    for i in range(n):
        fading[i] = next_fading(fading[i], fresh[i], theta[T_FIRST_YEAR], theta[T_LATER_YEARS])
        fresh[i] = _0
        skill[i] = base[i] + boost_of(_0, fading[i], long_run[i], s, peer[i])
    if age == GRADE3_AGE:
        normals(low, high, world, D_READING, year, noise)
        measure(skill, noise, x[X_READING_TRUE, start:stop], x[X_READING, start:stop], theta[T_TEST_NOISE])
        mark(x[X_READING, start:stop], cell, cuts[GRADE3], reached, GRADE3)
    if age == GRADE8_AGE:
        normals(low, high, world, D_MATH, year, noise)
        measure(skill, noise, x[X_MATH_TRUE, start:stop], x[X_MATH, start:stop], theta[T_TEST_NOISE])
        mark(x[X_MATH, start:stop], cell, cuts[GRADE8], reached, GRADE8)
        own8 = x[X_OWN8, start:stop]
        for i in range(n):
            own8[i] = base[i]
    if age >= FIRST_LEAVING_AGE:
        leaving(low, high, world, year, theta, k[K_LEFT, start:stop], noise)
    if age == GRADUATION_AGE:
        nontest, skill8 = x[X_NONTEST, start:stop], x[X_OWN8, start:stop]
        uniforms(low, high, world, D_GRADUATION, year, noise)
        for i in range(n):
            odds = log_odds_of(
                cuts[GRADUATE, cell[i]],
                theta[T_GRADUATION_SLOPE],
                skill8[i],
                theta[T_CAUSAL_SHARE],
                boost_of(_0, fading[i], long_run[i], s, peer[i]),
                theta[T_GRADUATION_LOAD],
                nontest[i],
            )
            if happens(noise[i], odds):
                reached[i] = with_milestone(reached[i], np.int32(GRADUATE))


@compiled("int32(int32,int32)", inline=True)
def latest_care(care_at_3, care_at_4):
    """The kind of care whose lasting effects a child carries: at 4, or else at 3."""
    return care_at_4 if care_at_4 != HOME else care_at_3


@compiled(f"void({_IDS},{_W},{_F},int64,int64,int64,int64,{_X},{_K},{_X},{_X})")
def school_events(ids, world, theta, age, year, start, stop, x, k, cuts, kind_effects):
    """What happens in school to children aged 5 to 17: absence, suspension, arrest, special education, retention.

    ``cuts`` holds the intercepts of the events behind the milestones; ``kind_effects`` float32 (7, 4) their shifts by
    kind of care behind the long-run shift and the non-test gain. Outcomes only: nothing later depends on them yet.
    """
    n = stop - start
    low, high = ids[0, start:stop], ids[1, start:stop]
    trait, transient, cell = x[X_TRAIT, start:stop], x[X_TRANSIENT, start:stop], k[K_CELL, start:stop]
    at_3, at_4 = k[K_CARE3, start:stop], k[K_CARE4, start:stop]
    luck, base, kind = np.empty(n, np.float32), np.empty(n, np.float32), np.empty(n, np.int32)
    for i in range(n):
        base[i] = weighted(trait[i], theta[T_TRAIT_WEIGHT], transient[i], theta[T_TRANSIENT_WEIGHT])
        kind[i] = latest_care(at_3[i], at_4[i])
    for event in range(len(EVENT_FIRST_AGES)):
        if age < EVENT_FIRST_AGES[event] or age > EVENT_LAST_AGES[event]:
            continue
        uniforms(low, high, world, np.int64(D_ABSENCE) + event, year, luck)
        for i in range(n):  # what ``happens`` compares, written out so that the loop can use vector instructions
            luck[i] = logarithm(luck[i]) - logarithm(_1 - luck[i])
        record = k[K_ABSENT_YEARS + event, start:stop]
        slope, shifts, cut = theta[T_EVENT_SLOPE], kind_effects[2 + event], cuts[FIRST_EVENT + event]
        for i in range(n):
            if luck[i] < log_odds_of(cut[cell[i]], slope, base[i], _0, _0, _1, shifts[kind[i]]):
                if event < FIRST_ONCE:
                    record[i] = record[i] + np.int32(1)
                elif record[i] < 0:
                    record[i] = np.int32(age)


@compiled("boolean(int32,int64)")
def at_risk(reached, milestone):
    """True for those who may take a step after school: graduates enrol, the enrolled complete, all may work."""
    if milestone == ENROLLED:
        return has_milestone(reached, np.int32(GRADUATE))
    if milestone == COMPLETED:
        return has_milestone(reached, np.int32(ENROLLED))
    return True


@compiled(f"void({_IDS},{_W},{_F},int64,int64,int64,int64,{_X},{_K},{_X})")
def adult_year(ids, world, theta, age, year, start, stop, x, k, cuts):
    """The year of people aged 18 to 29: leaving, enrolment by 20, completion by 26, employment at 30."""
    n = stop - start
    low, high = ids[0, start:stop], ids[1, start:stop]
    noise = np.empty(n, np.float32)
    if age <= LAST_LEAVING_AGE:
        leaving(low, high, world, year, theta, k[K_LEFT, start:stop], noise)
    if age == ENROLMENT_AGE:
        milestone, decision = ENROLLED, D_ENROLMENT
        slope, load = theta[T_ENROLMENT_SLOPE], theta[T_ENROLMENT_LOAD]
    elif age == COMPLETION_AGE:
        milestone, decision = COMPLETED, D_COMPLETION
        slope, load = theta[T_COMPLETION_SLOPE], theta[T_COMPLETION_LOAD]
    elif age == EMPLOYMENT_AGE:
        milestone, decision = EMPLOYED, D_EMPLOYMENT
        slope, load = theta[T_EMPLOYMENT_SLOPE], theta[T_EMPLOYMENT_LOAD]
    else:
        return
    skill8 = x[X_OWN8, start:stop]
    fading, long_run, nontest = x[X_FADING, start:stop], x[X_LONG_RUN, start:stop], x[X_NONTEST, start:stop]
    cell, reached = k[K_CELL, start:stop], k[K_REACHED, start:stop]
    uniforms(low, high, world, decision, year, noise)
    for i in range(n):
        if not at_risk(reached[i], milestone):
            continue
        odds = log_odds_of(
            cuts[milestone, cell[i]],
            slope,
            skill8[i],
            theta[T_CAUSAL_SHARE],
            boost_of(_0, fading[i], long_run[i], _1, _0),
            load,
            nontest[i],
        )
        if milestone == EMPLOYED:
            odds = odds + attainment_step(
                reached[i], theta[T_DIPLOMA_STEP], theta[T_COLLEGE_STEP], theta[T_DEGREE_STEP]
            )
        if happens(noise[i], odds):
            reached[i] = with_milestone(reached[i], np.int32(milestone))
