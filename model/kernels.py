"""The rules of a child's year and the compiled loops that apply them, in one file.

Rules are scalar functions; kernels are loops over children that call them; the object engine calls the very same
rules one child at a time. They share this file because the compiler's cache does not see edits in another one.

Arithmetic that lets three engines agree bit for bit: state is float32; rules use + - * /, sqrt, floor, comparisons
and typed constants only; logarithm and normals are polynomials; random words are computed in masked uint64; what is
summed over children is an int64 fixed-point sum.

Layout of the arrays, with n children (rows of all arrays are in the same order):

- ``ids`` uint32 (2, n): birth index; place and birth year. Together the child's structural id.
- ``x`` float32 (KEPT, n): one row a column of the state, the first of ``Real``; ``k`` int8 (len(Whole), n), ``seats``
  int16 (len(Seat), n) and ``wide`` int32 (len(Wide), n) likewise.
- ``spans`` int64 (birth years, 4): the birth year, its first row, the row behind its last, and its place among them.
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
    SEX = 7
    MOTHER = 8
    LANGUAGE = 9
    APPLY_PREK = 10
    APPLY_HEAD_START = 11
    CENTER_CARE = 12
    PREFER_HEAD_START = 13
    TRAVEL = 14
    TRAVEL_WHERE = 15
    BIRTH_WEIGHT = 16
    BEHAVIOUR = 17
    LIABILITY = 18
    CARE_EARLY = 19
    LOTTERY_PREK = 20
    LOTTERY_HEAD_START = 21
    LOTTERY_CHILD_CARE = 22
    ROOM = 24
    ROOM_QUALITY = 25
    SHOCK = 30
    CAESAREAN = 31
    DEVELOPMENT = 33
    LITERACY_OWN = 34
    MATH_OWN = 35
    LANGUAGE_OWN = 36
    PRELITERACY_FALL = 40
    PRELITERACY_SPRING = 41
    READINESS = 42
    READING_GRADE3 = 43
    MATH_GRADE8 = 44
    PREK_ATTENDANCE = 45
    MATH_FALL = 46
    LANGUAGE_FALL = 47
    BEHAVIOUR_FALL = 48
    GRADES = 49
    GRADUATION = 50
    ENROLMENT = 51
    COMPLETION = 52
    EMPLOYMENT = 53
    LEAVING = 54
    SECTOR = 55
    COLLEGE_RETURN = 56
    EARNINGS = 57
    CHRONIC_ABSENCE = 60
    SUSPENSION = 61
    ARREST = 62
    SPECIAL_EDUCATION = 63
    RETENTION = 64
    TRIAL_TAKE_UP = 70
    TRIAL_CARE = 71
    TRIAL_SAMPLING = 72
    SERVICE_TAKE_UP = 80
    SERVICE_LOTTERY = 81
    SERVICE_SCREEN = 82
    DATA_SHARING = 83
    CONVENER = 84
    PARAMETER = 90


class Real(IntEnum):
    """Real numbers of a child: the first ``KEPT`` are rows of ``x``, the others are worked out when somebody asks.

    Those follow from what is kept and from the same draws as ever, see ``model/readings.py``.
    Scores are in sd of the true score of the community's children at that age; they are 0 until they are measured.
    ``OWN_AT_4`` and ``ADDED_AT_4`` are general skill at 4 that owes nothing to programs, and what they added.
    ``OWN_GRADE8`` is the skill at the end of grade 8 that owes nothing to programs or classmates: the published slopes
    of graduation and college are slopes on math in that grade. ``FAMILY`` is the family's advantage (income and
    mother's education), ``BEHAVIOUR`` and ``LIABILITY`` (to a disability) are stable; all three in sd.
    ``BIRTH_WEIGHT`` is in kg, ``GRADES`` the grade-point average of grade 9 (0 to 4). ``FAMILY_EARNINGS``, ``EARNINGS``
    (of the latest year) and ``EARNED`` (so far) are in dollars of one price year. ``PARENT_START`` is the gain of
    parents' earnings from full-day care when it began, as a share, ``PARENT_LEFT`` what is left of it, 1 to 0.
    ``MATH_FALL``, ``LANGUAGE_FALL`` and ``BEHAVIOUR_FALL`` are read in the fall of kindergarten, and literacy with
    ``PRELITERACY`` in the spring before. What services give is in nine columns: ``HELP_SKILL`` (sd) and the
    shifts of log-odds ``HELP_ABSENCE`` to ``HELP_ARREST`` for the year of service; for good ``HELP_DEVELOPMENT``
    (sd), the shifts of log-odds ``HELP_GRADUATION`` to ``HELP_COMPLETION`` and the relative change
    ``HELP_CAESAREAN``.
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
    DEVELOPMENT_TRUE = 9
    PRELITERACY_START_TRUE = 10
    OWN_AT_4 = 11
    ADDED_AT_4 = 12
    READING_TRUE = 13
    MATH_TRUE = 14
    OWN_GRADE8 = 15
    FAMILY = 16
    BIRTH_WEIGHT = 17
    BEHAVIOUR = 18
    GRADES = 19
    PARENT_START = 20
    PARENT_LEFT = 21
    EARNINGS = 22
    EARNED = 23
    HELP_SKILL = 24
    HELP_ABSENCE = 25
    HELP_SUSPENSION = 26
    HELP_ARREST = 27
    HELP_DEVELOPMENT = 28
    HELP_GRADUATION = 29
    HELP_ENROLMENT = 30
    HELP_COMPLETION = 31
    HELP_CAESAREAN = 32
    LIABILITY = 33
    FAMILY_EARNINGS = 34
    DEVELOPMENT = 35
    PRELITERACY_START = 36
    PRELITERACY_TRUE = 37
    PRELITERACY = 38
    MATH_FALL_TRUE = 39
    MATH_FALL = 40
    LANGUAGE_FALL_TRUE = 41
    LANGUAGE_FALL = 42
    BEHAVIOUR_FALL_TRUE = 43
    BEHAVIOUR_FALL = 44
    READINESS_TRUE = 45
    READINESS = 46
    READING = 47
    MATH = 48


KEPT = int(Real.LIABILITY)
"""How many of ``Real`` are rows of ``x``."""


class Whole(IntEnum):
    """Rows of ``k``. ``REACHED`` has one bit per milestone, in order; kinds of care are 0 at home.

    ``APPLIED`` adds up 1 (for pre-K) and 2 (for Head Start). ``ABSENT_YEARS`` to ``ARREST_YEARS`` count years;
    ``SPECIAL_EDUCATION`` and ``RETAINED`` hold the age at which it happened, or -1. ``FEMALE`` is 1 for girls;
    ``MOTHER`` is her education (0 less than high school, 1 high school, 2 some college, 3 a bachelor's degree or more);
    ``LANGUAGE`` is 1 where a language other than English is spoken at home. ``CARE0`` to ``CARE2`` tell who cares for
    the child (0 parents, 1 another home, 2 a center); ``ON_TRACK`` is 1 for development on track at 3. ``SECTOR`` is 0
    or the 2 or 4 years that the college's programs take, ``COLLEGE_YEARS`` those completed, ``STOPPED`` 1 for a student
    who has stopped out. ``NOW`` has one bit per thing that happened this year: the school events that may happen every
    year in order, then ``NOW_TWO_YEAR`` and so on. ``WORKED`` counts years of work, ``CAESAREAN`` is 1 for a birth by
    caesarean.
    """

    GROUP = 0
    AREA = 1
    CELL = 2
    CARE3 = 3
    CARE4 = 4
    APPLIED = 5
    ATTENDS = 6
    REACHED = 7
    LEFT = 8
    ABSENT_YEARS = 9
    SUSPENDED_YEARS = 10
    ARREST_YEARS = 11
    SPECIAL_EDUCATION = 12
    RETAINED = 13
    FEMALE = 14
    MOTHER = 15
    LANGUAGE = 16
    CARE0 = 17
    CARE1 = 18
    CARE2 = 19
    ON_TRACK = 20
    SECTOR = 21
    COLLEGE_YEARS = 22
    STOPPED = 23
    NOW = 24
    WORKED = 25
    CAESAREAN = 26


class Seat(IntEnum):
    """Rows of ``seats``: the numbers of the sites at 3 and 4, -1 at home."""

    SITE3 = 0
    SITE4 = 1


ENTRY_COLUMNS = {3: (Whole.CARE3, Seat.SITE3), 4: (Whole.CARE4, Seat.SITE4)}
"""Where the kind of care and the site are kept, by the age at which families apply."""


class Wide(IntEnum):
    """Rows of ``wide``: the school's number, and one bit per service of the setting that ever took the child in."""

    SCHOOL = 0
    SERVED = 1


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
    GRADUATION_GAIN = 13
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
    EARLY_TRAIT_WEIGHT = 43
    EARLY_TRANSIENT_WEIGHT = 44
    GIRLS = 45
    BIRTH_WEIGHT_SD = 46
    BIRTH_WEIGHT_LOAD = 47
    MOTHER_INCOME = 48
    MOTHER_REST = 49
    FAMILY_INCOME = 50
    FAMILY_MOTHER = 51
    BEHAVIOUR_TRAIT = 52
    BEHAVIOUR_REST = 53
    FAMILY_EARNINGS = 54
    INCOME_LOG_SD = 55
    DOMAIN_LOADING = 56
    DOMAIN_REST = 57
    MATH_GAIN = 58
    LANGUAGE_GAIN = 59
    BEHAVIOUR_GAIN = 60
    FAMILY_SLOPE = 61
    BEHAVIOUR_SLOPE = 62
    EVENT_BEHAVIOUR = 63
    SPECIAL_LIABILITY = 64
    GIRLS_ABSENCE = 65
    GIRLS_SUSPENSION = 66
    GIRLS_ARREST = 67
    GIRLS_SPECIAL_EDUCATION = 68
    GIRLS_RETENTION = 69
    GIRLS_GRADUATION = 70
    GIRLS_ENROLMENT = 71
    ARREST_STEP = 72
    GRADES_MEAN = 73
    GRADES_SKILL = 74
    GRADES_BEHAVIOUR = 75
    GRADES_NOISE = 76
    SECTOR_SLOPE = 77
    FOUR_YEAR_STEP = 78
    COLLEGE_RETURN = 79
    PARENT_FADE = 80
    EARNINGS_BASE = 81
    EXPERIENCE = 82
    EXPERIENCE_SQUARED = 83
    DIPLOMA_EARNINGS = 84
    COLLEGE_EARNINGS = 85
    EARNINGS_SLOPE = 86
    EARNINGS_SCORE = 87
    EARNINGS_SD = 88
    STUDYING = 89
    ENROLMENT_GAIN = 90
    COMPLETION_GAIN = 91
    SECTOR_GAIN = 92
    EMPLOYMENT_GAIN = 93
    YOUNG_WORK = 94
    STUDENT_WORK = 95
    CAESAREAN = 96
    SUBSIDY_INCOME = 97
    SUBSIDY_TAKE_UP = 98


HOME, PREK, HEAD_START, CHILD_CARE = 0, 1, 2, 3
READY, GRADE3, GRADE8, GRADUATE, ENROLLED, COMPLETED, EMPLOYED = range(7)
PARENTS, OTHER_HOME, CENTER = 0, 1, 2
TWO_YEAR, FOUR_YEAR = 2, 4
NOW_TWO_YEAR, NOW_FOUR_YEAR, NOW_CREDENTIAL, NOW_WORKS = 3, 4, 5, 6

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
_T6, _T24, _T120 = np.float32(1.0 / 6.0), np.float32(1.0 / 24.0), np.float32(1.0 / 120.0)
_T720, _T5040 = np.float32(1.0 / 720.0), np.float32(1.0 / 5040.0)
_PER_LN2 = np.float32(1.4426950408889634)
_LN2_HIGH, _LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
_20 = np.float32(20.0)
_EXPONENT, _BIAS, _ONE_BITS = np.int32(23), np.int32(126), np.int32(127)
_MANTISSA, _HALF_BITS = np.int32(0x007FFFFF), np.int32(0x3F000000)
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
D_READINESS, D_READING, D_MATH = (
    np.uint64(Decision.READINESS),
    np.uint64(Decision.READING_GRADE3),
    np.uint64(Decision.MATH_GRADE8),
)
D_ATTENDANCE, D_GRADUATION = np.uint64(Decision.PREK_ATTENDANCE), np.uint64(Decision.GRADUATION)
D_ENROLMENT, D_COMPLETION = np.uint64(Decision.ENROLMENT), np.uint64(Decision.COMPLETION)
D_ABSENCE = np.uint64(Decision.CHRONIC_ABSENCE)
D_EMPLOYMENT, D_LEAVING = np.uint64(Decision.EMPLOYMENT), np.uint64(Decision.LEAVING)
D_SEX, D_MOTHER, D_LANGUAGE = np.uint64(Decision.SEX), np.uint64(Decision.MOTHER), np.uint64(Decision.LANGUAGE)
D_BIRTH_WEIGHT, D_BEHAVIOUR = np.uint64(Decision.BIRTH_WEIGHT), np.uint64(Decision.BEHAVIOUR)
D_LIABILITY, D_CARE_EARLY = np.uint64(Decision.LIABILITY), np.uint64(Decision.CARE_EARLY)
D_DEVELOPMENT, D_LITERACY_OWN = np.uint64(Decision.DEVELOPMENT), np.uint64(Decision.LITERACY_OWN)
D_GRADES = np.uint64(Decision.GRADES)
D_SECTOR, D_COLLEGE_RETURN = np.uint64(Decision.SECTOR), np.uint64(Decision.COLLEGE_RETURN)
D_EARNINGS = np.uint64(Decision.EARNINGS)
D_CAESAREAN = np.uint64(Decision.CAESAREAN)

X_INCOME, X_TRAIT, X_TRANSIENT = int(Real.INCOME), int(Real.TRAIT), int(Real.TRANSIENT)
X_FRESH, X_FADING, X_LONG_RUN = int(Real.FRESH), int(Real.FADING), int(Real.LONG_RUN)
X_NONTEST, X_PEER, X_SKILL = int(Real.NONTEST), int(Real.PEER), int(Real.SKILL)
X_DEVELOPMENT_TRUE, X_START_TRUE = int(Real.DEVELOPMENT_TRUE), int(Real.PRELITERACY_START_TRUE)
X_OWN_AT_4, X_ADDED_AT_4 = int(Real.OWN_AT_4), int(Real.ADDED_AT_4)
X_READING_TRUE, X_MATH_TRUE = int(Real.READING_TRUE), int(Real.MATH_TRUE)
X_OWN8 = int(Real.OWN_GRADE8)
X_FAMILY, X_BIRTH_WEIGHT = int(Real.FAMILY), int(Real.BIRTH_WEIGHT)
X_BEHAVIOUR = int(Real.BEHAVIOUR)
X_GRADES, X_PARENT_START, X_PARENT_LEFT = int(Real.GRADES), int(Real.PARENT_START), int(Real.PARENT_LEFT)
X_EARNINGS, X_EARNED = int(Real.EARNINGS), int(Real.EARNED)
X_HELP_SKILL, X_HELP_ABSENCE = int(Real.HELP_SKILL), int(Real.HELP_ABSENCE)
X_HELP_DEVELOPMENT, X_HELP_GRADUATION = int(Real.HELP_DEVELOPMENT), int(Real.HELP_GRADUATION)
X_HELP_ENROLMENT, X_HELP_COMPLETION = int(Real.HELP_ENROLMENT), int(Real.HELP_COMPLETION)
X_HELP_CAESAREAN = int(Real.HELP_CAESAREAN)

K_GROUP, K_AREA, K_CELL, V_SCHOOL = int(Whole.GROUP), int(Whole.AREA), int(Whole.CELL), int(Wide.SCHOOL)
K_CARE3, K_CARE4 = int(Whole.CARE3), int(Whole.CARE4)
K_ATTENDS = int(Whole.ATTENDS)
K_REACHED, K_LEFT = int(Whole.REACHED), int(Whole.LEFT)
K_ABSENT_YEARS, K_SPECIAL, K_RETAINED = int(Whole.ABSENT_YEARS), int(Whole.SPECIAL_EDUCATION), int(Whole.RETAINED)
K_ARREST_YEARS = int(Whole.ARREST_YEARS)
K_FEMALE, K_MOTHER, K_LANGUAGE = int(Whole.FEMALE), int(Whole.MOTHER), int(Whole.LANGUAGE)
K_CARE0, K_ON_TRACK, K_SECTOR = int(Whole.CARE0), int(Whole.ON_TRACK), int(Whole.SECTOR)
K_COLLEGE_YEARS, K_STOPPED = int(Whole.COLLEGE_YEARS), int(Whole.STOPPED)
K_NOW, K_WORKED = int(Whole.NOW), int(Whole.WORKED)
K_CAESAREAN = int(Whole.CAESAREAN)

T_TRAIT_LOADING, T_TRAIT_REST = int(Theta.TRAIT_LOADING), int(Theta.TRAIT_REST)
T_TRAIT_WEIGHT, T_TRANSIENT_WEIGHT = int(Theta.TRAIT_WEIGHT), int(Theta.TRANSIENT_WEIGHT)
T_PERSISTENCE, T_SHOCK_SD = int(Theta.PERSISTENCE), int(Theta.SHOCK_SD)
T_FIRST_YEAR, T_LATER_YEARS, T_LITERACY = int(Theta.FIRST_YEAR), int(Theta.LATER_YEARS), int(Theta.LITERACY)
T_SCREENER_NOISE, T_TEST_NOISE = int(Theta.SCREENER_NOISE), int(Theta.TEST_NOISE)
T_CENTER_SD, T_PEER_EFFECT = int(Theta.CENTER_SD), int(Theta.PEER_EFFECT)
T_GRADUATION_GAIN, T_ENROLMENT_GAIN = int(Theta.GRADUATION_GAIN), int(Theta.ENROLMENT_GAIN)
T_COMPLETION_GAIN, T_SECTOR_GAIN = int(Theta.COMPLETION_GAIN), int(Theta.SECTOR_GAIN)
T_EMPLOYMENT_GAIN = int(Theta.EMPLOYMENT_GAIN)
T_YOUNG_WORK, T_STUDENT_WORK = int(Theta.YOUNG_WORK), int(Theta.STUDENT_WORK)
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
T_EARLY_TRAIT_WEIGHT = int(Theta.EARLY_TRAIT_WEIGHT)
T_EARLY_TRANSIENT_WEIGHT = int(Theta.EARLY_TRANSIENT_WEIGHT)
T_GIRLS = int(Theta.GIRLS)
T_BIRTH_WEIGHT_SD = int(Theta.BIRTH_WEIGHT_SD)
T_BIRTH_WEIGHT_LOAD = int(Theta.BIRTH_WEIGHT_LOAD)
T_MOTHER_INCOME = int(Theta.MOTHER_INCOME)
T_MOTHER_REST = int(Theta.MOTHER_REST)
T_FAMILY_INCOME = int(Theta.FAMILY_INCOME)
T_FAMILY_MOTHER = int(Theta.FAMILY_MOTHER)
T_BEHAVIOUR_TRAIT = int(Theta.BEHAVIOUR_TRAIT)
T_BEHAVIOUR_REST = int(Theta.BEHAVIOUR_REST)
T_FAMILY_EARNINGS = int(Theta.FAMILY_EARNINGS)
T_INCOME_LOG_SD = int(Theta.INCOME_LOG_SD)
T_DOMAIN_LOADING = int(Theta.DOMAIN_LOADING)
T_DOMAIN_REST = int(Theta.DOMAIN_REST)
T_FAMILY_SLOPE = int(Theta.FAMILY_SLOPE)
T_BEHAVIOUR_SLOPE = int(Theta.BEHAVIOUR_SLOPE)
T_EVENT_BEHAVIOUR = int(Theta.EVENT_BEHAVIOUR)
T_SPECIAL_LIABILITY = int(Theta.SPECIAL_LIABILITY)
T_GIRLS_ABSENCE = int(Theta.GIRLS_ABSENCE)
T_GIRLS_GRADUATION = int(Theta.GIRLS_GRADUATION)
T_GIRLS_ENROLMENT = int(Theta.GIRLS_ENROLMENT)
T_ARREST_STEP = int(Theta.ARREST_STEP)
T_GRADES_MEAN = int(Theta.GRADES_MEAN)
T_GRADES_SKILL = int(Theta.GRADES_SKILL)
T_GRADES_BEHAVIOUR = int(Theta.GRADES_BEHAVIOUR)
T_GRADES_NOISE = int(Theta.GRADES_NOISE)
T_SECTOR_SLOPE = int(Theta.SECTOR_SLOPE)
T_FOUR_YEAR_STEP = int(Theta.FOUR_YEAR_STEP)
T_COLLEGE_RETURN = int(Theta.COLLEGE_RETURN)
T_PARENT_FADE = int(Theta.PARENT_FADE)
T_EARNINGS_BASE = int(Theta.EARNINGS_BASE)
T_EXPERIENCE = int(Theta.EXPERIENCE)
T_EXPERIENCE_SQUARED = int(Theta.EXPERIENCE_SQUARED)
T_DIPLOMA_EARNINGS = int(Theta.DIPLOMA_EARNINGS)
T_COLLEGE_EARNINGS = int(Theta.COLLEGE_EARNINGS)
T_EARNINGS_SLOPE = int(Theta.EARNINGS_SLOPE)
T_EARNINGS_SCORE = int(Theta.EARNINGS_SCORE)
T_EARNINGS_SD = int(Theta.EARNINGS_SD)
T_STUDYING, T_CAESAREAN = int(Theta.STUDYING), int(Theta.CAESAREAN)
T_SUBSIDY_INCOME, T_SUBSIDY_TAKE_UP = int(Theta.SUBSIDY_INCOME), int(Theta.SUBSIDY_TAKE_UP)
T_CENTER_LOW_AT_3, T_ATTENDANCE = int(Theta.CENTER_LOW_AT_3), int(Theta.ATTENDANCE)

# School events, in the order of their decisions, of the rows of ``cuts`` after the milestones, and of ``k``:
# ``EVENTS`` in scenarios/community.py.
FIRST_EVENT, FIRST_ONCE = 7, 3
CUT_ON_TRACK, CUT_FOUR_YEAR = 12, 13
SPECIAL_EDUCATION = 3
BLOCK = 8192
"""Children that a loop takes at a time where it needs room for itself; what happens to them does not depend on it."""

EVENT_FIRST_AGES = (5, 5, 10, 5, 5)
EVENT_LAST_AGES = (17, 17, 17, 9, 6)
"""Ages in the fall at which an event may happen; those from ``FIRST_ONCE`` on happen once at most."""

INFANT_AGES, ENTRY_AGES = (0, 1, 2), (3, 4)
FIRST_SCHOOL_AGE, LAST_PEER_AGE, LAST_SKILL_AGE = 5, 13, 17
GRADE3_AGE, GRADE8_AGE = 8, 13
GRADUATION_AGE, ENROLMENT_AGE, COMPLETION_AGE, EMPLOYMENT_AGE = 17, 19, 25, 29
LAST_LEAVING_AGE = 25
FIRST_LEAVING_AGE = 17
GRADES_AGE = 14
LAST_YOUNG_AGE = 24

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
    bits = np.float32(value).view(np.int32)
    shift = np.float32(_BIAS - (bits >> _EXPONENT))
    value = np.int32((bits & _MANTISSA) | _HALF_BITS).view(np.float32)
    small = value < _ROOT_HALF
    value = value * _2 if small else value
    shift = shift + _1 if small else shift
    s = (value - _1) / (value + _1)
    q = s * s
    series = _1 + q * (_T3 + q * (_T5 + q * (_T7 + q * _T9)))
    return _2 * s * series - shift * _LN2


@compiled("float32(float32)", inline=True)
def exponential(value):
    """Exponential of a float32, kept within -20 to 20, to about 3e-7 of its value, without the C library."""
    value = value if value < _20 else _20
    value = value if value > -_20 else -_20
    whole = np.floor(value * _PER_LN2 + _HALF)
    r = (value - whole * _LN2_HIGH) - whole * _LN2_LOW
    series = _1 + r * (_1 + r * (_HALF + r * (_T6 + r * (_T24 + r * (_T120 + r * (_T720 + r * _T5040))))))
    return series * np.int32((np.int32(whole) + _ONE_BITS) << _EXPONENT).view(np.float32)


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


@compiled("int32(float32,float32[:,::1],int32)")
def mothers_education(latent, cuts, group):
    """Mother's education, 0 to 3, from its latent and the group's cuts (groups, 3)."""
    level = np.int32(0)
    for step in range(3):
        if latent >= cuts[group, step]:
            level = np.int32(step + 1)
    return level


# --- rules: care -------------------------------------------------------------------------------------------------


@compiled("int32(float32,float32[::1])")
def income_band(income, theta):
    """Band of family income by which demand for care is given: 0 lowest, 1 middle, 2 the rest."""
    if income < theta[T_LOW_INCOME]:
        return np.int32(0)
    if income < theta[T_MIDDLE_INCOME]:
        return np.int32(1)
    return np.int32(2)


@compiled("float32(float32,int32,float32[::1])")
def center_share(income, age, theta):
    """Share of families of this income who use a center when they hold no public seat, and no fewer with a subsidy."""
    first = T_CENTER_LOW_AT_3
    if age == 4:
        first = T_CENTER_LOW_AT_3 + 3
    share = theta[first + income_band(income, theta)]
    if income < theta[T_SUBSIDY_INCOME] and share < theta[T_SUBSIDY_TAKE_UP]:
        return theta[T_SUBSIDY_TAKE_UP]
    return share


@compiled("void(float32[::1],int32,float32,int32,float32[::1],int32[:,::1],int32,int16[::1])")
def rank_places(luck, age, income, area, theta, next_to, n_areas, places):
    """Write a family's ranked list of seat pools (program x area), -1 after its end; home is always behind it.

    ``luck`` float32 (6,): the child's uniforms for the decisions from APPLY_PREK to TRAVEL_WHERE, in order.
    ``places`` int16 has five entries; the sixth takes 1 if the family applies for pre-K, plus 2 if for Head Start.
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
def log_odds_of(intercept, slope, base, gain, boost, load, nontest):
    """Log-odds of a milestone: an association with the child's own skill, and what gains from programs cause."""
    return intercept + slope * base + gain * boost + load * nontest


@compiled("float32(float32,float32,float32,float32,float32,int32,float32)", inline=True)
def with_background(odds, family_slope, family, behaviour_slope, behaviour, girl, girls_shift):
    """Log-odds of a step with what goes along with family advantage, behaviour and sex: associations, no levers."""
    return odds + family_slope * family + behaviour_slope * behaviour + girls_shift * np.float32(girl)


@compiled("float32(float32,float32,float32,float32,float32,float32)", inline=True)
def domain_of(own, loading, unique, rest, multiplier, boost):
    """True score in one domain: a share of general skill, a part of its own, and a multiple of what programs added."""
    return loading * own + rest * unique + multiplier * boost


@compiled("float32(float32,float32,float32)", inline=True)
def family_earnings(income, mean_log, log_sd):
    """What a family of some income earns in a year, dollars."""
    return exponential(mean_log + log_sd * income)


@compiled("float32(float32,float32,float32,float32,float32,float32,float32,float32)", inline=True)
def grade_points(mean, skill, on_skill, behaviour, on_behaviour, luck, on_luck, highest):
    """Grade-point average of grade 9, kept between 0 and ``highest``."""
    points = mean + on_skill * skill + on_behaviour * behaviour + on_luck * luck
    points = points if points > _0 else _0
    return points if points < highest else highest


@compiled("boolean(float32,int32,float32)", inline=True)
def passes_year(u, years, odds):
    """True if a student gets through a year of a program that takes so many years.

    ``odds`` are the log-odds of getting through all of them one after another, so a year is passed with that
    probability's root: u below it is u to the power of ``years`` below the probability itself.
    """
    power = u * u if years == 2 else (u * u) * (u * u)
    return np.float32(years) * logarithm(u) - logarithm(_1 - power) < odds


@compiled("float32(float32,float32)", inline=True)
def fades_to(left, step):
    """What is left after a year of what fades in equal steps to nothing."""
    left = left - step
    return left if left > _0 else _0


@compiled("float32(float32,int64,int32,float32,float32)", inline=True)
def career(base, age, college_years, slope, slope_squared):
    """Log earnings by potential experience: years since 18 that were not spent passing college years."""
    years = np.float32(age - np.int64(17) - np.int64(college_years))
    years = years if years > _0 else _0
    return base + slope * years + slope_squared * years * years


@compiled("int32(int32,int32)", inline=True)
def with_milestone(reached, milestone):
    """The set of milestones with one more."""
    return np.int32(reached | (np.int32(1) << milestone))


@compiled("boolean(int32,int32)", inline=True)
def has_milestone(reached, milestone):
    """True if the set holds the milestone."""
    return (reached >> milestone) & np.int32(1) == np.int32(1)


@compiled("float32(int32,float32,float32,float32)", inline=True)
def attainment_step(reached, diploma, college, degree):
    """Causal part of the log-odds of employment by attainment, against no diploma."""
    step = diploma if has_milestone(reached, np.int32(GRADUATE)) else _0
    step = college if has_milestone(reached, np.int32(ENROLLED)) else step
    return degree if has_milestone(reached, np.int32(COMPLETED)) else step


# --- kernels -----------------------------------------------------------------------------------------------------

_X, _K, _V, _IDS = "float32[:,::1]", "int8[:,::1]", "int32[:,::1]", "uint32[:,::1]"
_SPANS, _P, _G = "int64[:,::1]", "int16[:,::1]", "int16[::1]"
_F, _S, _I, _W, _L = "float32[::1]", "int8[::1]", "int32[::1]", "uint64[::1]", "int64[::1]"


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


@compiled(f"void({_U},{_U},{_W},int64,int64,{_W})")
def lottery_numbers(low, high, world, decision, year, out):
    """The children's lottery numbers for a decision in a year, into ``out`` uint64 (n,)."""
    d, when, w0, w1 = np.uint64(decision), np.uint64(year), world[0], world[1]
    for i in range(len(out)):
        out[i] = lottery_number(np.uint64(low[i]), np.uint64(high[i]), d, when, w0, w1)


@compiled(f"void({_IDS},{_W},{_F},{_F},{_F},{_F},{_X},{_I},{_I},{_F},{_X},{_F},{_X},{_K},{_V})")
def births(
    ids,
    world,
    theta,
    group_shares,
    group_means,
    income_sd,
    area_shares,
    schools,
    first_school,
    weight_means,
    mother_cuts,
    language_shares,
    x,
    k,
    wide,
):
    """Fill the fixed attributes and the starting state of every child; ``x``, ``k`` and ``wide`` come in as zeros.

    ``area_shares`` float32 (2, areas): cumulative shares of areas for families above and below the poverty line.
    ``income_sd`` float32 (1,): spread of standardised log income within groups. ``weight_means`` kg and
    ``language_shares`` float32 (groups,); ``mother_cuts`` float32 (groups, 3): cuts of mother's education.
    """
    n = ids.shape[1]
    low, high = ids[0], ids[1]
    luck, income, trait, transient = np.empty(n, np.float32), x[X_INCOME], x[X_TRAIT], x[X_TRANSIENT]
    group, area, school, cell = k[K_GROUP], k[K_AREA], wide[V_SCHOOL], k[K_CELL]
    family, weight, behaviour = x[X_FAMILY], x[X_BIRTH_WEIGHT], x[X_BEHAVIOUR]
    uniforms(low, high, world, D_GROUP, 0, luck)
    normals(low, high, world, D_INCOME, 0, income)
    for i in range(n):
        group[i] = category(luck[i], group_shares)
        income[i] = group_means[group[i]] + income_sd[0] * income[i]
        cell[i] = np.int32(2) * group[i] + np.int32(income[i] < theta[T_POOR_INCOME])
    uniforms(low, high, world, D_AREA, 0, luck)
    for i in range(n):
        area[i] = category(luck[i], area_shares[cell[i] % np.int32(2)])
    uniforms(low, high, world, D_SEX, 0, luck)
    for i in range(n):
        k[K_FEMALE, i] = np.int32(luck[i] < theta[T_GIRLS])
    normals(low, high, world, D_MOTHER, 0, luck)
    for i in range(n):
        mother = weighted(income[i], theta[T_MOTHER_INCOME], luck[i], theta[T_MOTHER_REST])
        k[K_MOTHER, i] = mothers_education(mother, mother_cuts, group[i])
        family[i] = weighted(income[i], theta[T_FAMILY_INCOME], mother, theta[T_FAMILY_MOTHER])
    uniforms(low, high, world, D_LANGUAGE, 0, luck)
    for i in range(n):
        k[K_LANGUAGE, i] = np.int32(luck[i] < language_shares[group[i]])
    uniforms(low, high, world, D_SCHOOL, 0, luck)
    normals(low, high, world, D_TRAIT, 0, trait)
    normals(low, high, world, D_TRANSIENT, 0, transient)
    normals(low, high, world, D_BIRTH_WEIGHT, 0, weight)
    for i in range(n):
        school[i] = first_school[area[i]] + one_of(luck[i], schools[area[i]])
        own = weighted(trait[i], theta[T_TRAIT_REST], weight[i], theta[T_BIRTH_WEIGHT_LOAD])
        trait[i] = theta[T_TRAIT_LOADING] * family[i] + own
        weight[i] = weight_means[group[i]] + theta[T_BIRTH_WEIGHT_SD] * weight[i]
        k[K_LEFT, i] = np.int32(-1)
        k[K_SPECIAL, i] = np.int32(-1)
        k[K_RETAINED, i] = np.int32(-1)
    normals(low, high, world, D_BEHAVIOUR, 0, behaviour)
    for i in range(n):
        behaviour[i] = weighted(trait[i], theta[T_BEHAVIOUR_TRAIT], behaviour[i], theta[T_BEHAVIOUR_REST])


@compiled(f"void({_IDS},{_W},{_F},{_SPANS},int64,{_X},{_K},{_V},{_P},uint64[:,::1])")
def applications(ids, world, theta, spans, year, x, k, next_to, places, keys):
    """Rank the seat pools for the children of one birth year, in any number of spans, and draw their lottery numbers.

    ``places`` int16 (m, 6) and ``keys`` uint64 (3, m) are written for these m children; keys hold priority and lottery
    by program (pre-K, Head Start, child care): returning Head Start children come first there.
    """
    n_areas = next_to.shape[0]
    for at in range(len(spans)):
        age, start, stop = year - spans[at, 0], spans[at, 1], spans[at, 2]
        n, first = stop - start, start - spans[0, 1]
        low, high = ids[0, start:stop], ids[1, start:stop]
        income, area, before = x[X_INCOME, start:stop], k[K_AREA, start:stop], k[K_CARE3, start:stop]
        column, luck = np.empty(n, np.float32), np.empty((n, 6), np.float32)
        for number in range(6):
            uniforms(low, high, world, np.int64(D_APPLY_PREK) + number, year, column)
            for i in range(n):
                luck[i, number] = column[i]
        for i in range(n):
            ranked = places[first + i]
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
                    keys[program, first + i] = key


@compiled(f"void({_IDS},int64,int64,{_P},uint64[:,::1],{_I},int64,{_G})")
def allot(ids, start, stop, places, keys, seats, n_areas, given):
    """Give out seats: children propose down their lists, pools keep their first applicants (deferred acceptance).

    The result is the stable one that children like best (Gale and Shapley 1962); it does not depend on the order of
    rows, and one more seat leaves no child with a place it ranks lower. It is about the m children from row ``start``
    to ``stop``: ``places`` and ``keys`` as in ``applications``; ``seats`` int32 (pools,); ``given`` int16 (m,) receives
    the pool, or -1 for home.
    """
    n_pools = len(seats)
    first = np.zeros(n_pools + 1, np.int64)
    for pool in range(n_pools):
        first[pool + 1] = first[pool] + max(seats[pool], np.int32(0))
    held = np.zeros(max(first[n_pools], np.int64(1)), np.int64)
    n_held = np.zeros(n_pools, np.int64)
    slot_of = np.zeros(max(stop - start, 1), np.int8)
    low, high = ids[0, start:stop], ids[1, start:stop]
    for child in range(stop - start):
        proposer = child
        while proposer >= 0:
            pool = np.int64(-1)
            if slot_of[proposer] < 5:
                pool = np.int64(places[proposer, slot_of[proposer]])
            given[proposer] = np.int16(pool)
            if pool < 0:
                break
            slot_of[proposer] += np.int8(1)
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
                        np.uint64(high[a]),
                        np.uint64(low[a]),
                        keys[program, b],
                        np.uint64(high[b]),
                        np.uint64(low[b]),
                    ):
                        break
                    held[base + up], held[base + at] = b, a
                    at = up
                proposer = np.int64(-1)
                continue
            last = held[base]
            if not comes_before(
                keys[program, proposer],
                np.uint64(high[proposer]),
                np.uint64(low[proposer]),
                keys[program, last],
                np.uint64(high[last]),
                np.uint64(low[last]),
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
                        np.uint64(high[a]),
                        np.uint64(low[a]),
                        keys[program, b],
                        np.uint64(high[b]),
                        np.uint64(low[b]),
                    ):
                        down += 1
                a, b = held[base + at], held[base + down]
                if not comes_before(
                    keys[program, a],
                    np.uint64(high[a]),
                    np.uint64(low[a]),
                    keys[program, b],
                    np.uint64(high[b]),
                    np.uint64(low[b]),
                ):
                    break
                held[base + at], held[base + down] = b, a
                at = down
            proposer = last


@compiled(f"void({_L},{_SPANS},{_X},{_V},int64)")
def class_sums(sums, spans, x, wide, n_schools):
    """Add last year's skill (fixed-point) of the children of some spans to their class's sum and count.

    ``sums`` int64 (2 * classes,): sums, then counts; every birth year has ``n_schools`` classes, a school each.
    """
    half = len(sums) // 2
    for at in range(len(spans)):
        start, stop = spans[at, 1], spans[at, 2]
        first_class = spans[at, 3] * n_schools
        for i in range(start, stop):
            group = first_class + wide[V_SCHOOL, i]
            sums[group] += to_fixed(x[X_SKILL, i])
            sums[half + group] += 1


@compiled(f"void({_F},{_F},{_F},{_F},{_F},int64)")
def grow(trait, transient, shocks, theta, base, age):
    """Move the changing part of skill one year on; ``base`` receives the skill that owes nothing to programs."""
    of_trait, of_transient = theta[T_TRAIT_WEIGHT], theta[T_TRANSIENT_WEIGHT]
    if age < FIRST_SCHOOL_AGE:
        of_trait, of_transient = theta[T_EARLY_TRAIT_WEIGHT], theta[T_EARLY_TRANSIENT_WEIGHT]
    for i in range(len(base)):
        transient[i] = weighted(transient[i], theta[T_PERSISTENCE], shocks[i], theta[T_SHOCK_SD])
        base[i] = weighted(trait[i], of_trait, transient[i], of_transient)


@compiled(f"void({_F},{_F},float32)")
def measure(true, score, noise_sd):
    """Measure a true score with an instrument: ``score`` comes in as noise and goes out as the score as read."""
    for i in range(len(true)):
        score[i] = true[i] + noise_sd * score[i]


@compiled(f"void({_F},{_S},{_F},{_S},int64)")
def mark(score, cell, cuts, reached, milestone):
    """Record a milestone for the children whose score is at or above their cut."""
    for i in range(len(score)):
        if score[i] >= cuts[cell[i]]:
            reached[i] = with_milestone(reached[i], np.int32(milestone))


@compiled(f"void({_IDS},{_W},{_F},{_SPANS},int64,{_X},{_K},{_X},{_X})")
def infant_year(ids, world, theta, spans, year, x, k, shares, cuts):
    """The year of children aged 0 to 2: birth, who cares for them, and at 2 whether development is on track.

    ``shares`` float32 (9, 3): by age and band of income (row 3 age + band), cumulative shares of parents, another home
    and a center.
    """
    for at in range(len(spans)):
        age, start, stop = year - spans[at, 0], spans[at, 1], spans[at, 2]
        n = stop - start
        low, high = ids[0, start:stop], ids[1, start:stop]
        luck, care, income = np.empty(n, np.float32), k[K_CARE0 + age, start:stop], x[X_INCOME, start:stop]
        if age == INFANT_AGES[0]:
            ratio, caesarean = x[X_HELP_CAESAREAN, start:stop], k[K_CAESAREAN, start:stop]
            uniforms(low, high, world, D_CAESAREAN, year, luck)
            for i in range(n):
                caesarean[i] = np.int32(luck[i] < theta[T_CAESAREAN] * (_1 + ratio[i]))
        uniforms(low, high, world, D_CARE_EARLY, year, luck)
        for i in range(n):
            care[i] = category(luck[i], shares[3 * age + income_band(income[i], theta)])
        if age == INFANT_AGES[2]:
            trait, transient = x[X_TRAIT, start:stop], x[X_TRANSIENT, start:stop]
            base, on_track, cell = x[X_DEVELOPMENT_TRUE, start:stop], k[K_ON_TRACK, start:stop], k[K_CELL, start:stop]
            for i in range(n):
                base[i] = weighted(trait[i], theta[T_EARLY_TRAIT_WEIGHT], transient[i], theta[T_EARLY_TRANSIENT_WEIGHT])
            help_given = x[X_HELP_DEVELOPMENT, start:stop]
            for i in range(n):
                base[i] = base[i] + help_given[i]
            normals(low, high, world, D_DEVELOPMENT, year, luck)
            measure(base, luck, theta[T_SCREENER_NOISE])
            for i in range(n):
                on_track[i] = np.int32(luck[i] >= cuts[CUT_ON_TRACK, cell[i]])


@compiled(f"void({_U},{_U},{_W},{_F},int64,float32,{_F},{_F},{_F})")
def domain(low, high, world, theta, unique, multiplier, own, added, true):
    """True scores in one domain of skill, into ``true`` float32 (n,).

    ``unique`` numbers the child's own part; ``own`` and ``added`` are general skill that owes nothing to programs and
    what they added, float32 (n,).
    """
    normals(low, high, world, unique, 0, true)
    for i in range(len(true)):
        true[i] = domain_of(own[i], theta[T_DOMAIN_LOADING], true[i], theta[T_DOMAIN_REST], multiplier, added[i])


@compiled(f"void({_U},{_U},{_W},int64,int64,float32,{_F},{_F})")
def reading(low, high, world, decision, age, noise_sd, true, score):
    """Scores as read at an age, into ``score`` float32 (n,).

    ``decision`` numbers the instrument's noise, of spread ``noise_sd``; ``true`` are the true scores, float32 (n,).
    """
    d, w0, w1 = np.uint64(decision), world[0], world[1]
    for i in range(len(score)):
        year = (np.int64(high[i]) & np.int64(0xFFFF)) + age
        noise = inline_normal(np.uint64(low[i]), np.uint64(high[i]), d, np.uint64(year), w0, w1)
        score[i] = true[i] + noise_sd * noise


@compiled(f"void({_F},{_F},{_F})")
def earnings_of_families(theta, income, out):
    """What families earn in a year, dollars, into ``out`` float32 (n,)."""
    for i in range(len(out)):
        out[i] = family_earnings(income[i], theta[T_FAMILY_EARNINGS], theta[T_INCOME_LOG_SD])


@compiled(f"void({_W},{_F},int64,{_F},{_W},{_I},{_X})")
def room_values(world, theta, year, site_value, site_keys, rooms, values):
    """What a year in every classroom of every site adds to skill, into ``values`` float32 (sites, most rooms).

    ``site_value`` float32, ``site_keys`` uint64 and ``rooms`` int32 (sites,).
    """
    spread = theta[T_CENTER_SD]
    for at in range(len(rooms)):
        for room in range(rooms[at]):
            values[at, room] = room_value(
                site_value[at], spread, site_keys[at], np.uint64(room), np.uint64(year), world[0], world[1]
            )


@compiled(f"void({_IDS},{_W},{_F},{_SPANS},int64,{_X},{_K},{_P},{_X},{_I},{_F},{_X},{_X})")
def early_year(ids, world, theta, spans, year, x, k, seats, values, rooms, site_parents, kind_effects, cuts):
    """The year of children aged 3 or 4: care, skills, and (at 4) the domains of skill and readiness for kindergarten.

    ``values`` and ``rooms`` as in ``room_values``; ``site_parents`` (gain of parents' earnings) float32 (sites,);
    ``kind_effects`` float32 (7, 4): long-run shift, non-test gain and shifts of the school events by kind of care;
    ``cuts`` float32 (14, cells).
    """
    for at in range(len(spans)):
        age, start, stop = year - spans[at, 0], spans[at, 1], spans[at, 2]
        n = stop - start
        low, high = ids[0, start:stop], ids[1, start:stop]
        trait, transient = x[X_TRAIT, start:stop], x[X_TRANSIENT, start:stop]
        fresh, fading, long_run = x[X_FRESH, start:stop], x[X_FADING, start:stop], x[X_LONG_RUN, start:stop]
        nontest, skill, help_given = x[X_NONTEST, start:stop], x[X_SKILL, start:stop], x[X_HELP_SKILL, start:stop]
        parents, left = x[X_PARENT_START, start:stop], x[X_PARENT_LEFT, start:stop]
        kind, site = k[K_CARE3 + age - 3, start:stop], seats[age - 3, start:stop]
        base, boost = x[X_OWN_AT_4, start:stop], x[X_ADDED_AT_4, start:stop]
        if age < 4:
            base, boost = np.empty(n, np.float32), np.empty(n, np.float32)
        noise, room = np.empty(n, np.float32), np.empty(n, np.float32)
        s = phase(age)
        if age == 4:
            for i in range(n):
                boost[i] = boost_of(fresh[i], fading[i], long_run[i], s, _0)
                base[i] = weighted(trait[i], theta[T_EARLY_TRAIT_WEIGHT], transient[i], theta[T_EARLY_TRANSIENT_WEIGHT])
            true, gain = x[X_START_TRUE, start:stop], theta[T_LITERACY]
            domain(low, high, world, theta, D_LITERACY_OWN, gain, base, boost, true)
        uniforms(low, high, world, D_ROOM, year, room)
        normals(low, high, world, D_SHOCK, year, noise)
        grow(trait, transient, noise, theta, base, age)
        for i in range(n):
            fading[i] = next_fading(fading[i], fresh[i], theta[T_FIRST_YEAR], theta[T_LATER_YEARS])
            fresh[i] = _0
            if kind[i] != HOME:
                fresh[i] = values[site[i], one_of(room[i], rooms[site[i]])]
                long_run[i] = kind_effects[0, kind[i]]
                nontest[i] = kind_effects[1, kind[i]]
                if site_parents[site[i]] != _0:
                    parents[i] = site_parents[site[i]]
                    left[i] = _1
            fresh[i] = fresh[i] + help_given[i]
            boost[i] = boost_of(fresh[i], fading[i], long_run[i], s, _0)
            skill[i] = base[i] + boost[i]
        if age == 4:
            normals(low, high, world, D_READINESS, year, noise)
            measure(skill, noise, theta[T_SCREENER_NOISE])
            mark(noise, k[K_CELL, start:stop], cuts[READY], k[K_REACHED, start:stop], READY)
            uniforms(low, high, world, D_ATTENDANCE, year, noise)
            attends = k[K_ATTENDS, start:stop]
            for i in range(n):
                attends[i] = np.int32(noise[i] < theta[T_ATTENDANCE])


@compiled(f"void({_U},{_U},{_W},int64,{_F},{_S},{_F})")
def leaving(low, high, world, year, theta, left, u):
    """Move away for good: the age at which each child leaves, once, into ``left``; ``u`` is scratch."""
    uniforms(low, high, world, D_LEAVING, year, u)
    for i in range(len(left)):
        if u[i] < theta[T_LEAVING_HAZARD] and left[i] < 0:
            left[i] = np.int32(year - (np.int64(high[i]) & np.int64(0xFFFF)))


@compiled(f"void({_IDS},{_W},{_F},{_SPANS},int64,{_X},{_K},{_V},{_X},{_L},int64)")
def school_year(ids, world, theta, spans, year, x, k, wide, cuts, sums, n_schools):
    """The year of children aged 5 to 17: classmates, skills, reading in grade 3, math in grade 8, grades, graduation.

    ``sums`` and ``n_schools`` as in ``class_sums``; ``cuts`` float32 (14, cells): score cuts for the first three
    milestones, intercepts for the others.
    """
    half = len(sums) // 2
    for at in range(len(spans)):
        age, start, stop = year - spans[at, 0], spans[at, 1], spans[at, 2]
        first_class = spans[at, 3] * n_schools
        n = stop - start
        low, high = ids[0, start:stop], ids[1, start:stop]
        trait, transient = x[X_TRAIT, start:stop], x[X_TRANSIENT, start:stop]
        fresh, fading, long_run = x[X_FRESH, start:stop], x[X_FADING, start:stop], x[X_LONG_RUN, start:stop]
        skill, peer, school = x[X_SKILL, start:stop], x[X_PEER, start:stop], wide[V_SCHOOL, start:stop]
        cell, reached, help_given = k[K_CELL, start:stop], k[K_REACHED, start:stop], x[X_HELP_SKILL, start:stop]
        noise, base = np.empty(n, np.float32), np.empty(n, np.float32)
        s = phase(age)
        normals(low, high, world, D_SHOCK, year, noise)
        grow(trait, transient, noise, theta, base, age)
        for i in range(n):
            peer[i] = _0
            if age <= LAST_PEER_AGE:
                group = first_class + school[i]
                peer[i] = peer_effect(sums[group], to_fixed(skill[i]), sums[half + group], theta[T_PEER_EFFECT])
        for i in range(n):
            fading[i] = next_fading(fading[i], fresh[i], theta[T_FIRST_YEAR], theta[T_LATER_YEARS])
            fresh[i] = help_given[i]
            skill[i] = base[i] + boost_of(fresh[i], fading[i], long_run[i], s, peer[i])
        if age == GRADE3_AGE:
            normals(low, high, world, D_READING, year, noise)
            x[X_READING_TRUE, start:stop] = skill
            measure(skill, noise, theta[T_TEST_NOISE])
            mark(noise, cell, cuts[GRADE3], reached, GRADE3)
        if age == GRADE8_AGE:
            normals(low, high, world, D_MATH, year, noise)
            x[X_MATH_TRUE, start:stop] = skill
            measure(skill, noise, theta[T_TEST_NOISE])
            mark(noise, cell, cuts[GRADE8], reached, GRADE8)
            own8 = x[X_OWN8, start:stop]
            for i in range(n):
                own8[i] = base[i]
        behaviour = x[X_BEHAVIOUR, start:stop]
        if age == GRADES_AGE:
            normals(low, high, world, D_GRADES, year, noise)
            grades = x[X_GRADES, start:stop]
            for i in range(n):
                grades[i] = grade_points(
                    theta[T_GRADES_MEAN],
                    skill[i],
                    theta[T_GRADES_SKILL],
                    behaviour[i],
                    theta[T_GRADES_BEHAVIOUR],
                    noise[i],
                    theta[T_GRADES_NOISE],
                    _4,
                )
        if age >= FIRST_LEAVING_AGE:
            leaving(low, high, world, year, theta, k[K_LEFT, start:stop], noise)
        if age == GRADUATION_AGE:
            nontest, skill8 = x[X_NONTEST, start:stop], x[X_OWN8, start:stop]
            family, female = x[X_FAMILY, start:stop], k[K_FEMALE, start:stop]
            arrests = k[K_ARREST_YEARS, start:stop]
            uniforms(low, high, world, D_GRADUATION, year, noise)
            for i in range(n):
                odds = log_odds_of(
                    cuts[GRADUATE, cell[i]],
                    theta[T_GRADUATION_SLOPE],
                    skill8[i],
                    theta[T_GRADUATION_GAIN],
                    boost_of(fresh[i], fading[i], long_run[i], s, peer[i]),
                    theta[T_GRADUATION_LOAD],
                    nontest[i],
                )
                odds = with_background(
                    odds,
                    theta[T_FAMILY_SLOPE],
                    family[i],
                    theta[T_BEHAVIOUR_SLOPE],
                    behaviour[i],
                    female[i],
                    theta[T_GIRLS_GRADUATION],
                )
                if arrests[i] > 0:
                    odds = odds + theta[T_ARREST_STEP]
                odds = odds + x[X_HELP_GRADUATION, start + i]
                if happens(noise[i], odds):
                    reached[i] = with_milestone(reached[i], np.int32(GRADUATE))


@compiled("int32(int32,int32)", inline=True)
def latest_care(care_at_3, care_at_4):
    """The kind of care whose lasting effects a child carries: at 4, or else at 3."""
    return care_at_4 if care_at_4 != HOME else care_at_3


@compiled("float32(float32,float32,float32,float32,float32,float32,float32,int32,float32,float32)", inline=True)
def event_odds(
    intercept, slope, own, behaviour_slope, behaviour, liability_slope, liability, girl, girls_shift, care_shift
):
    """Log-odds of a school event in a year; the liability to a disability counts for special education alone."""
    odds = intercept + slope * own + behaviour_slope * behaviour + liability_slope * liability
    return odds + girls_shift * np.float32(girl) + care_shift


@compiled(f"void({_IDS},{_W},{_F},{_SPANS},int64,{_X},{_K},{_X},{_X})")
def school_events(ids, world, theta, spans, year, x, k, cuts, kind_effects):
    """What happens in school to children aged 5 to 17: absence, suspension, arrest, special education, retention.

    ``cuts`` holds the intercepts of the events behind the milestones; ``kind_effects`` float32 (7, 4) their shifts by
    kind of care behind the long-run shift and the non-test gain. ``NOW`` takes a bit of what may happen every year.
    """
    for at in range(len(spans)):
        age, start, stop = year - spans[at, 0], spans[at, 1], spans[at, 2]
        n = stop - start
        low, high = ids[0, start:stop], ids[1, start:stop]
        trait, transient, cell = x[X_TRAIT, start:stop], x[X_TRANSIENT, start:stop], k[K_CELL, start:stop]
        behaviour, female = x[X_BEHAVIOUR, start:stop], k[K_FEMALE, start:stop]
        at_3, at_4, now = k[K_CARE3, start:stop], k[K_CARE4, start:stop], k[K_NOW, start:stop]
        luck, base, kind = np.empty(n, np.float32), np.empty(n, np.float32), np.empty(n, np.int32)
        shift, liability = np.empty(n, np.float32), np.zeros(n, np.float32)
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
            on_behaviour, girls = theta[T_EVENT_BEHAVIOUR], theta[T_GIRLS_ABSENCE + event]
            for i in range(n):
                shift[i] = shifts[kind[i]]
            if event < FIRST_ONCE:  # services act on what may happen every year
                help_given = x[X_HELP_ABSENCE + event, start:stop]
                for i in range(n):
                    shift[i] = shift[i] + help_given[i]
            on_liability = _0
            if event == SPECIAL_EDUCATION:
                on_liability = theta[T_SPECIAL_LIABILITY]
                normals(low, high, world, D_LIABILITY, 0, liability)
            for i in range(n):
                odds = event_odds(
                    cut[cell[i]],
                    slope,
                    base[i],
                    on_behaviour,
                    behaviour[i],
                    on_liability,
                    liability[i],
                    female[i],
                    girls,
                    shift[i],
                )
                if luck[i] < odds:
                    if event < FIRST_ONCE:
                        record[i] = record[i] + np.int32(1)
                        now[i] = with_milestone(now[i], np.int32(event))
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


@compiled(
    "float32(float32,int32,float32,int32,float32,float32,float32,float32,float32,float32,float32,float32,float32)",
    inline=True,
)
def log_earnings(
    career, reached, diploma, college_years, per_year, own, slope, boost, on_boost, luck, spread, in_college, studying
):
    """Log of a year's earnings in work: career, attainment, skill at given attainment, luck for life, study."""
    value = career + diploma if has_milestone(reached, np.int32(GRADUATE)) else career
    value = value + per_year * np.float32(college_years) + slope * own
    return value + on_boost * boost + spread * luck + studying * in_college


@compiled(f"void({_IDS},{_W},{_F},int64,int64,int64,int64,{_X},{_K},{_X})")
def college_year(ids, world, theta, age, year, start, stop, x, k, cuts):
    """The year of people aged 19 to 25 in college: stopping out and returning, years passed."""
    n = stop - start
    low, high = ids[0, start:stop], ids[1, start:stop]
    luck, again = np.empty(n, np.float32), np.empty(n, np.float32)
    skill8, family, cell = x[X_OWN8, start:stop], x[X_FAMILY, start:stop], k[K_CELL, start:stop]
    fading, long_run, nontest = x[X_FADING, start:stop], x[X_LONG_RUN, start:stop], x[X_NONTEST, start:stop]
    reached, sector, now = k[K_REACHED, start:stop], k[K_SECTOR, start:stop], k[K_NOW, start:stop]
    years, stopped = k[K_COLLEGE_YEARS, start:stop], k[K_STOPPED, start:stop]
    fresh, help_given = x[X_FRESH, start:stop], x[X_HELP_COMPLETION, start:stop]
    uniforms(low, high, world, D_COMPLETION, year, luck)
    uniforms(low, high, world, D_COLLEGE_RETURN, year, again)
    for i in range(n):
        if sector[i] == 0 or has_milestone(reached[i], np.int32(COMPLETED)):
            continue
        if stopped[i] != 0:
            if not again[i] < theta[T_COLLEGE_RETURN]:
                continue
            stopped[i] = np.int32(0)
        now[i] = with_milestone(now[i], np.int32(NOW_FOUR_YEAR if sector[i] == FOUR_YEAR else NOW_TWO_YEAR))
        odds = log_odds_of(
            cuts[COMPLETED, cell[i]],
            theta[T_COMPLETION_SLOPE],
            skill8[i],
            theta[T_COMPLETION_GAIN],
            boost_of(fresh[i], fading[i], long_run[i], _1, _0),
            theta[T_COMPLETION_LOAD],
            nontest[i],
        )
        odds = odds + theta[T_FAMILY_SLOPE] * family[i]
        if sector[i] == FOUR_YEAR:
            odds = odds + theta[T_FOUR_YEAR_STEP]
        odds = odds + help_given[i]
        if not passes_year(luck[i], sector[i], odds):
            stopped[i] = np.int32(1)
            continue
        years[i] = years[i] + np.int32(1)
        if years[i] == sector[i]:
            reached[i] = with_milestone(reached[i], np.int32(COMPLETED))
            now[i] = with_milestone(now[i], np.int32(NOW_CREDENTIAL))


@compiled("void(float64[::1],float64,float64[:,::1],float64[::1])")
def through_college(passes, again, studying, done):
    """Sum up all ways through college for calibration: ``done`` float64 (n,) receives the chance to complete by 26.

    ``passes`` float64 (n,): chance a year to pass; ``again`` that a student who has stopped out comes back;
    ``studying`` float64 (4, n), overwritten: share that begins with so many years passed of four.
    """
    last = len(studying) - 1
    stopped = np.zeros_like(studying)
    for _ in range(ENROLMENT_AGE, COMPLETION_AGE + 1):
        for stage in range(last, -1, -1):
            for i in range(len(passes)):
                back = again * stopped[stage, i]
                at_work = studying[stage, i] + back
                stopped[stage, i] = stopped[stage, i] - back + at_work * (1.0 - passes[i])
                if stage == last:
                    done[i] += at_work * passes[i]
                else:
                    studying[stage + 1, i] = at_work * passes[i]
        for i in range(len(passes)):
            studying[0, i] = 0.0


@compiled("boolean(int32)", inline=True)
def studies(now):
    """True for someone who is in college this year."""
    return has_milestone(now, np.int32(NOW_TWO_YEAR)) or has_milestone(now, np.int32(NOW_FOUR_YEAR))


@compiled(f"void({_IDS},{_W},{_F},int64,int64,int64,int64,{_X},{_K},{_F})")
def work_year(ids, world, theta, age, year, start, stop, x, k, cut):
    """A year of work, or none: who is employed and what they earn; ``cut`` float32 (cells,): intercepts of employment.

    One short loop a step, so that each can use vector instructions.
    """
    n = stop - start
    low, high = ids[0, start:stop], ids[1, start:stop]
    luck, odds, wage = np.empty(n, np.float32), np.empty(n, np.float32), np.empty(n, np.float32)
    skill8, fading, long_run = x[X_OWN8, start:stop], x[X_FADING, start:stop], x[X_LONG_RUN, start:stop]
    fresh = x[X_FRESH, start:stop]
    nontest, cell, reached = x[X_NONTEST, start:stop], k[K_CELL, start:stop], k[K_REACHED, start:stop]
    college, now, worked = k[K_COLLEGE_YEARS, start:stop], k[K_NOW, start:stop], k[K_WORKED, start:stop]
    earnings, earned = x[X_EARNINGS, start:stop], x[X_EARNED, start:stop]
    slope, gain, load = theta[T_EMPLOYMENT_SLOPE], theta[T_EMPLOYMENT_GAIN], theta[T_EMPLOYMENT_LOAD]
    diploma, some, degree = theta[T_DIPLOMA_STEP], theta[T_COLLEGE_STEP], theta[T_DEGREE_STEP]
    student, young = theta[T_STUDENT_WORK], _0
    if age <= LAST_YOUNG_AGE:
        young = theta[T_YOUNG_WORK]
    for i in range(n):
        boost = boost_of(fresh[i], fading[i], long_run[i], _1, _0)
        value = log_odds_of(cut[cell[i]], slope, skill8[i], gain, boost, load, nontest[i])
        value = value + attainment_step(reached[i], diploma, some, degree)
        odds[i] = value + young + (student if studies(now[i]) else _0)
    normals(low, high, world, D_EARNINGS, 0, luck)
    base, on_years, on_squares = theta[T_EARNINGS_BASE], theta[T_EXPERIENCE], theta[T_EXPERIENCE_SQUARED]
    diploma, per_year, slope = theta[T_DIPLOMA_EARNINGS], theta[T_COLLEGE_EARNINGS], theta[T_EARNINGS_SLOPE]
    on_boost, spread, studying = theta[T_EARNINGS_SCORE], theta[T_EARNINGS_SD], theta[T_STUDYING]
    for i in range(n):
        wage[i] = log_earnings(
            career(base, age, college[i], on_years, on_squares),
            reached[i],
            diploma,
            college[i],
            per_year,
            skill8[i],
            slope,
            boost_of(fresh[i], fading[i], long_run[i], _1, _0),
            on_boost,
            luck[i],
            spread,
            _1 if studies(now[i]) else _0,
            studying,
        )
    for i in range(n):
        wage[i] = exponential(wage[i])
    uniforms(low, high, world, D_EMPLOYMENT, year, luck)
    for i in range(n):  # what ``happens`` compares, written out as in ``school_events``
        luck[i] = logarithm(luck[i]) - logarithm(_1 - luck[i])
    for i in range(n):
        works = luck[i] < odds[i]
        earnings[i] = wage[i] if works else _0
        earned[i] = earned[i] + earnings[i]
        worked[i] = worked[i] + np.int32(works)
        now[i] = with_milestone(now[i], np.int32(NOW_WORKS)) if works else now[i]
        if age == EMPLOYMENT_AGE and works:
            reached[i] = with_milestone(reached[i], np.int32(EMPLOYED))


@compiled(f"void({_IDS},{_W},{_F},int64,int64,int64,int64,{_X},{_K},{_X})")
def enrolling(ids, world, theta, age, year, start, stop, x, k, cuts):
    """People of 19: who of the graduates enrols by 20, and in a college of which sector."""
    n = stop - start
    low, high = ids[0, start:stop], ids[1, start:stop]
    noise, luck = np.empty(n, np.float32), np.empty(n, np.float32)
    skill8, family, female = x[X_OWN8, start:stop], x[X_FAMILY, start:stop], k[K_FEMALE, start:stop]
    fading, long_run, nontest = x[X_FADING, start:stop], x[X_LONG_RUN, start:stop], x[X_NONTEST, start:stop]
    fresh, help_given = x[X_FRESH, start:stop], x[X_HELP_ENROLMENT, start:stop]
    cell, reached, sector = k[K_CELL, start:stop], k[K_REACHED, start:stop], k[K_SECTOR, start:stop]
    uniforms(low, high, world, D_ENROLMENT, year, noise)
    uniforms(low, high, world, D_SECTOR, year, luck)
    for i in range(n):
        if not at_risk(reached[i], ENROLLED):
            continue
        boost = boost_of(fresh[i], fading[i], long_run[i], _1, _0)
        odds = log_odds_of(
            cuts[ENROLLED, cell[i]],
            theta[T_ENROLMENT_SLOPE],
            skill8[i],
            theta[T_ENROLMENT_GAIN],
            boost,
            theta[T_ENROLMENT_LOAD],
            nontest[i],
        )
        odds = with_background(odds, theta[T_FAMILY_SLOPE], family[i], _0, _0, female[i], theta[T_GIRLS_ENROLMENT])
        if not happens(noise[i], odds + help_given[i]):
            continue
        reached[i] = with_milestone(reached[i], np.int32(ENROLLED))
        odds = log_odds_of(
            cuts[CUT_FOUR_YEAR, cell[i]], theta[T_SECTOR_SLOPE], skill8[i], theta[T_SECTOR_GAIN], boost, _0, _0
        )
        odds = odds + theta[T_FAMILY_SLOPE] * family[i]
        sector[i] = np.int32(FOUR_YEAR) if happens(luck[i], odds) else np.int32(TWO_YEAR)


@compiled(f"void({_IDS},{_W},{_F},{_SPANS},int64,{_X},{_K},{_X})")
def entering_year(ids, world, theta, spans, year, x, k, cuts):
    """What comes before services choose, for people aged 18 and over: leaving the place, enrolment by 20."""
    for at in range(len(spans)):
        age, start, stop = year - spans[at, 0], spans[at, 1], spans[at, 2]
        if age <= LAST_LEAVING_AGE:
            luck = np.empty(stop - start, np.float32)
            leaving(ids[0, start:stop], ids[1, start:stop], world, year, theta, k[K_LEFT, start:stop], luck)
        if age == ENROLMENT_AGE:
            enrolling(ids, world, theta, age, year, start, stop, x, k, cuts)


@compiled(f"void({_IDS},{_W},{_F},{_SPANS},int64,{_X},{_K},{_X})")
def adult_year(ids, world, theta, spans, year, x, k, cuts):
    """The year of people aged 18 to 29 after ``entering_year``: college, work and earnings."""
    for at in range(len(spans)):
        age, start, stop = year - spans[at, 0], spans[at, 1], spans[at, 2]
        if ENROLMENT_AGE <= age <= COMPLETION_AGE:
            college_year(ids, world, theta, age, year, start, stop, x, k, cuts)
        work_year(ids, world, theta, age, year, start, stop, x, k, cuts[EMPLOYED])


# --- the book of the year ------------------------------------------------------------------------------------------

FLOWS = 12
(
    FLOW_CHILDREN,
    FLOW_PUPILS,
    FLOW_SPECIAL,
    FLOW_REPEATING,
    FLOW_SUSPENDED,
    FLOW_ARRESTS,
    FLOW_TWO_YEAR,
    FLOW_FOUR_YEAR,
    FLOW_CREDENTIALS,
    FLOW_WORKING,
    FLOW_EARNINGS,
    FLOW_PARENTS,
) = range(FLOWS)
"""Entries of a year's flows, in order: see ``model/flows.py``."""


@compiled("int64(float32)", inline=True)
def whole_dollars(value):
    """An amount in whole dollars, so that sums do not depend on the order of children."""
    return np.int64(np.floor(value + _HALF))


@compiled(f"void({_F},{_SPANS},{_X},{_K})")
def begin_year(theta, spans, x, k):
    """Clear what happened last year and let what is left of parents' gain fade."""
    for at in range(len(spans)):
        start, stop = spans[at, 1], spans[at, 2]
        now, left = k[K_NOW, start:stop], x[X_PARENT_LEFT, start:stop]
        for i in range(len(now)):
            now[i] = np.int32(0)
            left[i] = fades_to(left[i], theta[T_PARENT_FADE])


@compiled(f"void({_L},{_L},int64[:,::1],int64)")
def book(values, away, flows, flow):
    """Add the sum of ``values`` int64 (n,) to an entry of ``flows`` int64 (2, FLOWS): of those here, and of those away.

    ``away`` int64 (n,) is -1, all bits, for those who moved away and 0 for the others.
    """
    all_of_them, those_away = np.int64(0), np.int64(0)
    for i in range(len(values)):
        all_of_them += values[i]
        those_away += values[i] & away[i]
    flows[0, flow] += all_of_them - those_away
    flows[1, flow] += those_away


@compiled(f"void({_F},{_SPANS},int64,{_X},{_K},int64[:,:,:,::1])")
def book_year(theta, spans, year, x, k, flows):
    """Add up what happened in a year: ``flows`` int64 (birth years, ages, 2, FLOWS), see ``book``."""
    for at in range(len(spans)):
        age, start, stop = year - spans[at, 0], spans[at, 1], spans[at, 2]
        n, into = stop - start, flows[spans[at, 3], age]
        now, moved, special = k[K_NOW, start:stop], k[K_LEFT, start:stop], k[K_SPECIAL, start:stop]
        income, gain, left = x[X_INCOME, start:stop], x[X_PARENT_START, start:stop], x[X_PARENT_LEFT, start:stop]
        earnings, retained = x[X_EARNINGS, start:stop], k[K_RETAINED, start:stop]
        value, away = np.empty(n, np.int64), np.empty(n, np.int64)
        for i in range(n):
            away[i] = -np.int64(moved[i] >= 0)
            value[i] = 1
        book(value, away, into, FLOW_CHILDREN)
        for i in range(n):
            family = family_earnings(income[i], theta[T_FAMILY_EARNINGS], theta[T_INCOME_LOG_SD])
            value[i] = whole_dollars(family * gain[i] * left[i])
        book(value, away, into, FLOW_PARENTS)
        if FIRST_SCHOOL_AGE <= age <= LAST_SKILL_AGE:
            for i in range(n):
                value[i] = 1
            book(value, away, into, FLOW_PUPILS)
            for i in range(n):
                value[i] = np.int64(special[i] >= 0)
            book(value, away, into, FLOW_SPECIAL)
            for flow, happened in ((FLOW_SUSPENDED, 1), (FLOW_ARRESTS, 2)):
                for i in range(n):
                    value[i] = np.int64(has_milestone(now[i], np.int32(happened)))
                book(value, away, into, flow)
        elif age > LAST_SKILL_AGE:
            if age == LAST_SKILL_AGE + 1:
                for i in range(n):
                    value[i] = np.int64(retained[i] >= 0)
                book(value, away, into, FLOW_REPEATING)
            for flow, happened in (
                (FLOW_TWO_YEAR, NOW_TWO_YEAR),
                (FLOW_FOUR_YEAR, NOW_FOUR_YEAR),
                (FLOW_CREDENTIALS, NOW_CREDENTIAL),
                (FLOW_WORKING, NOW_WORKS),
            ):
                for i in range(n):
                    value[i] = np.int64(has_milestone(now[i], np.int32(happened)))
                book(value, away, into, flow)
            for i in range(n):
                value[i] = whole_dollars(earnings[i])
            book(value, away, into, FLOW_EARNINGS)
