"""What follows from the state of children and is not kept: scores, liability, and the earnings of families.

A measurement is a true score and the noise of an instrument, which is a draw of the child: drawn again it is the same.
So a child takes a third less memory, and a year need not measure what nobody asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np

from cradlecast.model import kernels
from cradlecast.model.kernels import Decision, Real, Theta

Reals = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
Lives = tuple[Any, Any, Any]
"""Whose they are: uint32 (m,) birth indices, uint32 (m,) places and birth years, and the world's key uint64 (2,)."""


_AT_2, _AT_4 = kernels.INFANT_AGES[-1], kernels.ENTRY_AGES[-1]


class Test(NamedTuple):
    """A score as read: of which true score, by which chance event, with which spread, at which age."""

    true: Real
    decision: Decision
    noise: Theta
    age: int


class Domain(NamedTuple):
    """A domain of skill at 4: the chance event of the child's own part, and how much programs add to it."""

    unique: Decision
    gain: Theta


TESTS: Final[dict[Real, Test]] = {
    Real.DEVELOPMENT: Test(Real.DEVELOPMENT_TRUE, Decision.DEVELOPMENT, Theta.SCREENER_NOISE, _AT_2),
    Real.READING: Test(Real.READING_TRUE, Decision.READING_GRADE3, Theta.TEST_NOISE, kernels.GRADE3_AGE),
    Real.MATH: Test(Real.MATH_TRUE, Decision.MATH_GRADE8, Theta.TEST_NOISE, kernels.GRADE8_AGE),
    **{
        score: Test(true, decision, Theta.SCREENER_NOISE, _AT_4)
        for score, true, decision in (
            (Real.PRELITERACY_START, Real.PRELITERACY_START_TRUE, Decision.PRELITERACY_FALL),
            (Real.PRELITERACY, Real.PRELITERACY_TRUE, Decision.PRELITERACY_SPRING),
            (Real.MATH_FALL, Real.MATH_FALL_TRUE, Decision.MATH_FALL),
            (Real.LANGUAGE_FALL, Real.LANGUAGE_FALL_TRUE, Decision.LANGUAGE_FALL),
            (Real.BEHAVIOUR_FALL, Real.BEHAVIOUR_FALL_TRUE, Decision.BEHAVIOUR_FALL),
            (Real.READINESS, Real.READINESS_TRUE, Decision.READINESS),
        )
    },
}
DOMAINS: Final[dict[Real, Domain]] = {
    Real.PRELITERACY_TRUE: Domain(Decision.LITERACY_OWN, Theta.LITERACY),
    Real.MATH_FALL_TRUE: Domain(Decision.MATH_OWN, Theta.MATH_GAIN),
    Real.LANGUAGE_FALL_TRUE: Domain(Decision.LANGUAGE_OWN, Theta.LANGUAGE_GAIN),
}


def read(column: Real, lives: Lives, theta: Reals, lived: int, kept: Callable[[Real], Reals]) -> Reals:
    """One column of some children that is not kept, a new array (m,).

    Parameters
    ----------
    column
        One of ``Real`` from ``KEPT`` on.
    lives
        Whose it is.
    theta
        The parameters of the draw, float32 (len(Theta),).
    lived
        The latest year lived: who is too young then to have been measured has 0.
    kept
        Gives the children's column of what is kept, float32 (m,).
    """
    values = np.empty(len(lives[0]), np.float32)
    if column == Real.LIABILITY:
        kernels.normals(*lives, int(Decision.LIABILITY), 0, values)
        return values
    if column == Real.FAMILY_EARNINGS:
        kernels.earnings_of_families(theta, kept(Real.INCOME), values)
        return values
    age = _AT_4
    if column in TESTS:
        test = TESTS[column]
        age = test.age
        true = kept(test.true) if test.true < kernels.KEPT else read(test.true, lives, theta, lived, kept)
        kernels.reading(*lives, int(test.decision), age, theta[test.noise], true, values)
    elif column in DOMAINS:
        part, skill = DOMAINS[column], (kept(Real.OWN_AT_4), kept(Real.ADDED_AT_4))
        kernels.domain(*lives, theta, int(part.unique), theta[part.gain], *skill, values)
    elif column == Real.READINESS_TRUE:
        values[:] = kept(Real.OWN_AT_4) + kept(Real.ADDED_AT_4)
    else:
        values[:] = kept(Real.BEHAVIOUR) + theta[Theta.BEHAVIOUR_GAIN] * kept(Real.ADDED_AT_4)
    values[(lives[1] & np.uint32(0xFFFF)).astype(np.int64) + age > lived] = 0.0
    return values
