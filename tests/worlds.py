"""Small worlds that the tests of the model live in."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from cradlecast.model.children import Children
from cradlecast.model.kernels import Theta
from cradlecast.model.town import Setting
from cradlecast.samples import Ground, baseline_setting, children_in, ground_of, scenario_setting
from cradlecast.scenarios.library import load_scenario
from cradlecast.scenarios.options import Options
from cradlecast.scenarios.scenario import Scenario

SCENARIOS = ("memphis-prek-1000-lapse", "memphis-prek-1000-continue", "memphis-prek-1000-displace")
OTHERS = ("wisconsin-child-care-shock", "mission-promise-family-supports")
"""Scenarios of other communities: places that close, and services from birth to college."""
NO_WORLD, NO_NOISE = np.zeros(2, np.uint64), np.zeros(len(Theta), np.float32)
"""What children made by hand live by, whose scores as read are their true scores."""


@lru_cache(maxsize=8)
def ground(name: str = SCENARIOS[0], n_children: int = 600) -> Ground:
    """What the arms of a shipped scenario stand on."""
    return ground_of(load_scenario(name), Options(children=n_children, draws=1, worlds=1))


def settings(
    scenario: Scenario | str = SCENARIOS[0], n_children: int = 600, world: int = 3, draw: int = 0, **values: float
) -> tuple[Setting, Setting]:
    """Settings of the baseline and of the scenario, some drawn values replaced."""
    declared = load_scenario(scenario) if isinstance(scenario, str) else scenario
    base = ground(declared.name, n_children)
    drawn, calibration = base.draw(draw)
    setting = baseline_setting(base, declared, drawn | values, calibration, world)
    return setting, scenario_setting(setting, declared, setting.values)


def born(setting: Setting) -> Children:
    """The children of a setting, as born."""
    return children_in(setting)


def with_theta(setting: Setting, **entries: float) -> Setting:
    """The same setting with some entries of theta replaced, by name."""
    from cradlecast.model.kernels import Theta

    theta = setting.theta.copy()
    for name, value in entries.items():
        theta[Theta[name]] = value
    return replace(setting, theta=theta)
