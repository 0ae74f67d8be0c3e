"""From a scenario's pool to what each arm's backbone works with: rule, levers, unit costs, results to expect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from cradlecast.model.civic import MILESTONE_AGES, Cut, Purse
from cradlecast.model.draws import value_of_effect
from cradlecast.model.place import Place
from cradlecast.scenarios.civic import CIVIC_LEVERS, Pool, pool_years
from cradlecast.scenarios.community import MILESTONES
from cradlecast.scenarios.costs import price_year
from cradlecast.scenarios.library import load_parameters, load_prices, load_program_or_service
from cradlecast.scenarios.program import Program
from cradlecast.scenarios.scenario import Scenario
from cradlecast.scenarios.service import Service

POINTS_PER_SD: Final = 40.0
"""Points of a share near one half that one sd of the score behind it moves: the density of a normal at its middle."""

FROM_HOME: Final = 0.66
"""Share of new seats whose children had been at home: a planner's figure (E3002a has 0.66 for Head Start)."""

TESTS: Final = ("kindergarten_ready", "grade3_reading", "grade8_math")
STEPS: Final = {
    "graduation": "high_school_graduate",
    "enrolment": "postsecondary_enrolled",
    "completion": "postsecondary_completed",
}


def baseline_purse(scenario: Scenario, values: Mapping[str, float], place: Place) -> Purse | None:
    """Pooled money of the baseline: divided as today, every lever at rest; None where it has none."""
    pool = scenario.pool
    if pool is None or not pool.in_baseline:
        return None
    at_rest = {name: neutral for name, (neutral, _, _) in CIVIC_LEVERS.items()}
    shocks = tuple(_cuts(scenario, baseline=True))
    return _purse(pool.model_copy(update={"allocation": "status_quo"}), at_rest, values, place, shocks)


def scenario_purse(scenario: Scenario, values: Mapping[str, float], place: Place) -> Purse | None:
    """Pooled money of the scenario, with its rule and levers."""
    if scenario.pool is None:
        return None
    levers = {name: scenario.civic(name) for name in CIVIC_LEVERS}  # type: ignore[arg-type]
    return _purse(scenario.pool, levers, values, place, tuple(_cuts(scenario, baseline=False)))


def _cuts(scenario: Scenario, baseline: bool) -> list[Cut]:
    """Shortfalls of payers in an arm."""
    return [
        Cut(shock.payer, shock.first_year, shock.last_year, scenario.share_of(shock))
        for shock in scenario.shocks
        if shock.payer is not None and (shock.in_baseline or not baseline)
    ]


def _purse(
    pool: Pool, levers: Mapping[str, float], values: Mapping[str, float], place: Place, cuts: tuple[Cut, ...]
) -> Purse:
    """A pool with everything settled; parts go by the names of their programs."""
    parts = {part.program: load_program_or_service(part.program) for part in pool.parts}
    named = pool.named([parts[part.program].name for part in pool.parts])
    means = dict(values) | {name: each.mean for name, each in load_parameters().parameters.items()}
    prices = load_prices()
    costs, expected, true = {}, {}, {}
    for part in pool.parts:
        declared = parts[part.program]
        cost = declared.cost if isinstance(declared, Service) else declared.seat_cost
        year = price_year(cost, f"cost of '{declared.name}'")
        costs[declared.name] = prices.reprice(cost.value, year, pool.price_year)
        expected[declared.name] = points_of(declared, part.outcome, means, place)
        true[declared.name] = points_of(declared, part.outcome, values, place)
    return Purse(named, pool_years(pool), pool.allocation, levers, costs, expected, true, cuts)


def points_of(declared: Program | Service, outcome: str, values: Mapping[str, float], place: Place) -> float:
    """Points by which a child served gains in an outcome, by a planner's rule of thumb.

    Tests move by `POINTS_PER_SD` for each sd that is left of a gain when they are taken; a new seat replaces care at
    home for `FROM_HOME` of its children. What a program does to other outcomes does not count.
    """
    if isinstance(declared, Program):
        skill = declared.effects.skill
        gain = FROM_HOME * value_of_effect(values, skill.parameter, skill.less)
        return POINTS_PER_SD * gain * _left(declared.ages, outcome, values) if outcome in TESTS else 0.0
    effects: dict[str, float] = {effect.channel: values[effect.parameter] for effect in declared.effects}
    if outcome in TESTS:
        return POINTS_PER_SD * effects.get("skill", 0.0) * _left(declared.ages, outcome, values)
    if outcome == "on_track_at_3":
        return POINTS_PER_SD * effects.get("development", 0.0)
    if outcome == "chronic_absence":
        rate = place.community.events[outcome].all.value
        return -100.0 * float(np.sqrt(rate * (1.0 - rate))) * effects.get(outcome, 0.0)
    if outcome in ("suspension", "arrest"):
        return -effects.get(outcome, 0.0) * place.community.events[outcome].all.value
    return float(sum(effects.get(channel, 0.0) for channel, step in STEPS.items() if step == outcome))


def _left(ages: tuple[int, ...], outcome: str, values: Mapping[str, float]) -> float:
    """Share of a gain at the middle age of a program that is left when a test is taken; none of one after it."""
    years = MILESTONE_AGES[MILESTONES.index(outcome)] - (ages[0] + ages[-1]) // 2
    if years < 0:
        return 0.0 if ages[0] > MILESTONE_AGES[MILESTONES.index(outcome)] else 1.0
    if years == 0:
        return 1.0
    return values["first_year_persistence"] * values["later_persistence"] ** (years - 1)
