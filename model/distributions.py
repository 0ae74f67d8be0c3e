"""The distributions that parameters are drawn from."""

from __future__ import annotations

from scipy.special import betaincinv, ndtr, ndtri, stdtrit

from cradlecast.scenarios.parameters import Parameter


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
