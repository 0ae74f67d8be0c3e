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
    shape, level = odds.shape, level.ravel()
    passes = expit(odds.ravel())
    studying, done = np.zeros((kernels.FOUR_YEAR, len(passes))), np.zeros(len(passes))
    for number, years in enumerate((kernels.TWO_YEAR, kernels.FOUR_YEAR)):
        here = level == number
        passes[here] = passes[here] ** (1.0 / years)
        studying[kernels.FOUR_YEAR - years, here] = 1.0  # who is in a program of two years begins half-way
    kernels.through_college(passes, again, studying, done)
    return done.reshape(shape)
