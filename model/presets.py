"""Evidence presets: what programs add, moved as a whole to the worse or the better end of what the evidence allows.

``pessimistic`` moves the distribution of every effect by the distance from its median to its own 20 % quantile, counted
from the side that is worse for children; ``optimistic`` by as much towards the better side. The spread stays, so that
intervals still mean what they mean. All effects move together, which is rarer than one case in five.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from scipy.special import ndtri

from cradlecast.model.distributions import quantile
from cradlecast.scenarios.parameters import Parameter, ParameterSet
from cradlecast.scenarios.service import WORSE, Service

QUANTILES: Final[Mapping[str, float]] = {"central": 0.5, "pessimistic": 0.2, "optimistic": 0.8}
"""The quantile of every effect that its median is moved to; small values are worse for children."""

BETTER: Final[Mapping[str, int]] = {
    "prek_value": 1,
    "subsidised_care_value": 1,
    "head_start_contrast": 1,
    "child_care_contrast": 1,
    "hours_effect": 1,
    "literacy_multiplier": 1,
    "math_multiplier": 1,
    "language_multiplier": 1,
    "behaviour_multiplier": 1,
    "first_year_persistence": 1,
    "later_persistence": 1,
    "prek_long_run": 1,
    "head_start_long_run_contrast": 1,
    "child_care_long_run_contrast": 1,
    "prek_nontest": 1,
    "head_start_nontest_contrast": 1,
    "child_care_nontest_contrast": 1,
    "prek_special_education": -1,
    "prek_retention": -1,
    "prek_suspension": -1,
    "prek_arrest": -1,
    "parents_school_day": 1,
    "parents_working_day": 1,
    "parents_years": 1,
}
"""Parameters of what a year of pre-K adds, for children and parents, and how much lasts.

1 where more is better for children, -1 where less.

Left out: shares of slopes that respond to programs and classmates, which enlarge gains and harms alike; who applies and
who is displaced, which are not effects.
"""


def under(parameters: ParameterSet, evidence: str, services: Sequence[Service] = ()) -> ParameterSet:
    """The parameters as an evidence preset has them.

    Parameters
    ----------
    parameters
        All uncertain parameters.
    evidence
        A key of `QUANTILES`; ``central`` changes nothing.
    services
        Services whose effects are moved too.
    """
    if evidence == "central":
        return parameters
    of_services = {e.parameter: -1 if e.channel in WORSE else 1 for one in services for e in one.effects}
    better = {**BETTER, **of_services}
    moved = {
        name: _moved(parameter, QUANTILES[evidence], better[name]) if name in better else parameter
        for name, parameter in parameters.parameters.items()
    }
    return parameters.model_copy(update={"parameters": moved})


def settled(parameters: ParameterSet) -> ParameterSet:
    """Every parameter fixed at its median: one draw in the middle of all, for a preview."""
    fixed = {
        name: parameter.model_copy(update={"shape": "fixed", "mean": quantile(parameter, 0.0), "sd": 0.0})
        for name, parameter in parameters.parameters.items()
    }
    return parameters.model_copy(update={"parameters": fixed})


def _moved(parameter: Parameter, share: float, better: int) -> Parameter:
    """A distribution with its location moved by the distance from its median to a quantile of it."""
    distance = quantile(parameter, better * float(ndtri(share))) - quantile(parameter, 0.0)
    return parameter.model_copy(update={"mean": parameter.mean + distance})
