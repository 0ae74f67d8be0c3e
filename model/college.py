"""Getting through college: all ways through the ages 19 to 25, stopping out and coming back, summed up."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from cradlecast.model import kernels
from cradlecast.model.children import Longs
from cradlecast.model.place import Floats

type Levels = Longs


def finishing(odds: Floats, level: Levels, again: float) -> Floats:
    """Chance of completing college by 26, students who stop out and come back included.

    Parameters
    ----------
    odds
        Log-odds of getting through all years one after another.
    level
        0 for programs of two years, 1 for programs of four; broadcastable to ``odds``.
    again
        Chance a year that a student who has stopped out comes back.

    Notes
    -----
    The law of ``kernels.college_year``, summed up over all ways through the ages 19 to 25.
    """
    odds, level = np.broadcast_arrays(odds, level)
    passes = expit(odds)
    for number, years in enumerate((kernels.TWO_YEAR, kernels.FOUR_YEAR)):
        here = level == number
        passes[here] = passes[here] ** (1.0 / years)
    fails = 1.0 - passes
    # Students by years that are left to pass, most first; who is in a program of two years begins half-way.
    studying = np.zeros((kernels.FOUR_YEAR, *odds.shape))
    studying[0, level == 1] = 1.0
    studying[kernels.FOUR_YEAR - kernels.TWO_YEAR, level == 0] = 1.0
    stopped, done = np.zeros_like(studying), np.zeros(odds.shape)
    for _ in range(kernels.ENROLMENT_AGE, kernels.COMPLETION_AGE + 1):
        back = again * stopped
        at_work = studying + back
        stopped = stopped - back + at_work * fails
        at_work *= passes
        done += at_work[-1]
        studying[0] = 0.0
        studying[1:] = at_work[:-1]
    return done
