"""What common random numbers save: how an impact spreads between worlds, in the same luck and with luck apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.engines import SCENARIO
from benchmarks.lives import arms
from benchmarks.report import Report, Row, Section, at_least
from cradlecast.model.children import world_key
from cradlecast.model.kernels import GRADE3, READY, Whole
from cradlecast.model.pipeline import Pipeline
from cradlecast.samples import children_in

HORIZON = 9
FLOOR = 15.0
MILESTONES = {"kindergarten readiness": READY, "grade-3 reading": GRADE3}


def measure(children: int, worlds: int) -> Report:
    """Both arms in many worlds of one draw: the variance of impacts on milestones.

    With luck of its own in each arm the variance of an impact is the sum of the arms' variances, so both come from the
    same lives.
    """
    baseline, scenario = (replace(setting, horizon=HORIZON) for setting in arms(children))
    rates = np.empty((worlds, 2, len(MILESTONES)))
    for number in range(worlds):
        key = world_key(1, number)
        born = children_in(replace(baseline, world=key))
        for at, setting in enumerate((baseline, scenario)):
            reached = Pipeline(replace(setting, world=key), born).run().columns().whole(Whole.REACHED)
            rates[number, at] = [np.mean(reached >> bit & 1) for bit in MILESTONES.values()]
    rows: list[Row] = []
    found: list[float] = []
    for which, name in enumerate(MILESTONES):
        paired = rates[:, 1, which] - rates[:, 0, which]
        apart = float(rates[:, :, which].var(axis=0, ddof=1).sum())
        found.append(apart / float(paired.var(ddof=1)))
        error = found[-1] * (4 / (worlds - 1)) ** 0.5
        numbers = (f"{100 * value:.3f}" for value in (paired.mean(), paired.std(ddof=1), apart**0.5))
        rows.append((name, *numbers, f"{found[-1]:,.1f}", f"{error:,.1f}"))
    head = ("milestone", "impact, points", "sd, same luck", "sd, luck apart", "variance ratio", "its standard error")
    return Report(
        "luck",
        [Section(f"{SCENARIO}, {children:,} children, {worlds} worlds of one draw", [head, *rows])],
        [at_least("variance ratio of common random numbers, the least", [min(found)], FLOOR)],
        (),
        {"rates": rates.tolist(), "ratios": dict(zip(MILESTONES, found, strict=True))},
    )
