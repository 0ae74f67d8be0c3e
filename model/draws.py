"""One draw: a joint value of every uncertain parameter, keyed by seed and draw."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np
from scipy.special import betaincinv, ndtr, ndtri, stdtrit

from cradlecast.model import kernels
from cradlecast.scenarios.parameters import Parameter, ParameterSet


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


def quantile(parameter: Parameter, score: float) -> float:
    """The parameter's value at a standard normal score."""
    if parameter.shape == "fixed":
        return parameter.mean
    if parameter.shape == "normal":
        return parameter.mean + parameter.sd * score
    u = float(ndtr(score))
    if parameter.shape == "student_t":
        assert parameter.df is not None
        return parameter.mean + parameter.sd * float(stdtrit(parameter.df, u))
    assert parameter.lower is not None and parameter.upper is not None
    if parameter.shape == "truncated_normal":
        low = float(ndtr((parameter.lower - parameter.mean) / parameter.sd))
        high = float(ndtr((parameter.upper - parameter.mean) / parameter.sd))
        return parameter.mean + parameter.sd * float(ndtri(low + u * (high - low)))
    width = parameter.upper - parameter.lower
    m = (parameter.mean - parameter.lower) / width
    size = m * (1 - m) / (parameter.sd / width) ** 2 - 1
    return parameter.lower + width * float(betaincinv(m * size, (1 - m) * size, u))


def _own_score(name: str, seed: int, draw: int) -> float:
    """The standard normal behind one parameter in one draw."""
    key = zlib.crc32(name.encode())
    return float(kernels.normal(key, 0, int(kernels.Decision.PARAMETER), 0, draw, seed))


def value_of_effect(values: Mapping[str, float], parameter: str, less: str | None) -> float:
    """A program effect in this draw: one parameter, less the contrast where only that was measured."""
    return values[parameter] - (values[less] if less is not None else 0.0)
