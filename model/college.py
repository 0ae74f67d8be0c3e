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
    result = np.zeros(odds.shape)
    for number, years in enumerate((kernels.TWO_YEAR, kernels.FOUR_YEAR)):
        here = level == number
        passes = expit(odds[here]) ** (1.0 / years)
        studying = np.zeros((years, len(passes)))
        studying[0] = 1.0
        stopped, done = np.zeros_like(studying), np.zeros(len(passes))
        for _ in range(kernels.ENROLMENT_AGE, kernels.COMPLETION_AGE + 1):
            back = again * stopped
            at_work, stopped = studying + back, stopped - back
            stopped = stopped + at_work * (1.0 - passes)
            moved = at_work * passes
            done = done + moved[-1]
            studying = np.concatenate([np.zeros((1, len(passes))), moved[:-1]])
        result[here] = done
    return result
