"""One draw: a joint value of every uncertain parameter, keyed by seed and draw."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np

from cradlecast.model import kernels
from cradlecast.model.distributions import quantile
from cradlecast.scenarios.parameters import ParameterSet


def draw_parameters(parameters: ParameterSet, seed: int, draw: int) -> dict[str, float]:
    """Values of all parameters in one draw.

    Each parameter's normal score is keyed by its name, the draw and the seed, so that adding a parameter changes no
    other; correlated parameters share part of their score.

    Parameters
    ----------
    parameters
        The parameters and their distributions.
    seed, draw
        Non-negative whole numbers.
    """
    scores: dict[str, float] = {}
    values: dict[str, float] = {}
    for name, parameter in parameters.parameters.items():
        score = _own_score(name, seed, draw)
        for other, r in parameter.correlated_with.items():
            score = r * scores[other] + float(np.sqrt(1.0 - r * r)) * score
        scores[name] = score
        values[name] = quantile(parameter, score)
    return values


def _own_score(name: str, seed: int, draw: int) -> float:
    """The standard normal behind one parameter in one draw."""
    key = zlib.crc32(name.encode())
    return float(kernels.normal(key, 0, int(kernels.Decision.PARAMETER), 0, draw, seed))


def value_of_effect(values: Mapping[str, float], parameter: str, less: str | None) -> float:
    """A program effect in this draw: one parameter, less the contrast where only that was measured."""
    return values[parameter] - (values[less] if less is not None else 0.0)
