"""A shipped scenario as one Mesa model, for Mesa's ``batch_run`` and for whoever works with a model by hand."""

from __future__ import annotations

from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import mesa
import numpy as np

from cradlecast.model.children import Bools
from cradlecast.model.mesa_compat import as_mesa
from cradlecast.model.pipeline import Pipeline
from cradlecast.model.town import Setting
from cradlecast.samples import baseline_setting, children_in, ground_of, scenario_setting
from cradlecast.scenarios.community import MILESTONES
from cradlecast.scenarios.errors import InputError, nearest
from cradlecast.scenarios.library import load_scenario
from cradlecast.scenarios.options import METRIC_AGES, Options
from cradlecast.scenarios.scenario import Scenario

ARMS = ("baseline", "scenario")
"""The two lives that a study compares."""


class ScenarioModel(Pipeline):
    """One arm of a scenario in one draw and world, as a Mesa model with a collector of milestone rates.

    Everything is a keyword, so that Mesa's ``batch_run`` can vary it::

        from mesa.batchrunner import batch_run

        batch_run(
            ScenarioModel,
            parameters={"scenario": "memphis-prek-1000-lapse", "arm": ["baseline", "scenario"], "draw": range(10)},
        )

    Runs of one draw and world are the same children with the same luck, so that the difference between the rows of the
    two arms is an impact. ``cradlecast.run`` and ``compare`` do this, with intervals, and faster.

    Parameters
    ----------
    scenario
        A scenario's name, the path of its file, or the scenario itself (in a list, where ``batch_run`` is given one).
    arm
        ``"scenario"``, or ``"baseline"`` for life without its changes.
    children, horizon
        Simulated children, and the age to which they are followed, as in ``Options``.
    draw
        Number of the draw: one joint value of all parameters.
    world
        Number of the world: one set of chance events. The draw's own unless it is given, as in a study with one world
        a draw.
    study_seed
        Key of draws and worlds, ``Options.seed``.
    rng
        What ``batch_run`` passes to tell replicates apart: another way to give ``world``. Nothing here draws from a
        generator.
    levers
        Levers of the scenario by name: ``seats=500``.

    Attributes
    ----------
    datacollector
        After every step, the rate of each milestone among the children who have reached the age at which it is
        measured; NaN while there are none.

    Raises
    ------
    InputError
        If there is no such scenario, arm or lever, or a number is out of bounds.
    """

    def __init__(
        self,
        scenario: str | Path | Scenario,
        *,
        arm: str = "scenario",
        children: int = 10_000,
        horizon: int = 30,
        draw: int = 0,
        world: int | None = None,
        study_seed: int = 1,
        rng: int | None = None,
        **levers: float,
    ) -> None:
        if arm not in ARMS:
            raise InputError(f"unknown arm '{arm}'{nearest(arm, ARMS)} (arms: {', '.join(ARMS)})")
        if world is not None and rng is not None:
            raise InputError("give the number of the world as 'world' or as 'rng', not as both")
        loaded = scenario if isinstance(scenario, Scenario) else load_scenario(str(scenario))
        options = Options(children=_whole(children), draws=1, worlds=1, seed=study_seed, horizon=_whole(horizon))
        draw = _number("draw", draw)
        number = _number("world", next((given for given in (world, rng) if given is not None), draw))
        setting = _setting(loaded.with_levers(levers), arm, options, draw, number)
        super().__init__(setting, children_in(setting))
        as_mesa(self)
        self.datacollector = mesa.DataCollector({name: partial(milestone_rate, milestone=name) for name in MILESTONES})

    def step(self) -> None:
        """Live through one school year, collect, and stop running after the last one."""
        super().step()
        self.datacollector.collect(self)
        self.running = self.year < self.last_year


def _whole(number: object) -> Any:
    """A whole number as Python has it, where NumPy counted."""
    return int(number) if isinstance(number, np.integer) else number


def _number(name: str, given: object) -> int:
    """The number of a draw or of a world."""
    number = _whole(given)
    if not (isinstance(number, int) and 0 <= number < 2**32):
        raise InputError(f"{name} must be a whole number from 0 to 2^32 - 1; got {given!r}")
    return number


@lru_cache(maxsize=16)
def _baseline(declared: str, options: Options, draw: int, world: int) -> Setting:
    """The baseline arm of a scenario, given as JSON; kept, since a batch comes back to the same draws."""
    scenario = Scenario.model_validate_json(declared)
    ground = ground_of(scenario, options)
    return baseline_setting(ground, scenario, *ground.draw(draw), world)


def _setting(scenario: Scenario, arm: str, options: Options, draw: int, world: int) -> Setting:
    """One arm of a scenario in one draw and world."""
    baseline = _baseline(scenario.model_dump_json(), options, draw, world)
    return baseline if arm == "baseline" else scenario_setting(baseline, scenario, baseline.values)


def milestone_rate(model: Pipeline, milestone: str) -> float:
    """Share of a model's children who reached a milestone, of those old enough for it to have been measured.

    Parameters
    ----------
    model
        A model whose children are known to Mesa (``as_mesa``).
    milestone
        One of the seven.

    Returns
    -------
    float
        NaN while no child is old enough.
    """
    children = as_mesa(model)
    measured: Bools = children.column("age") >= METRIC_AGES[milestone] - 1  # counted in the year it reaches that age
    return float(np.mean(children.column(milestone)[measured])) if measured.any() else float("nan")
