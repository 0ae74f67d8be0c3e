"""A preview of a scenario: the middle of all parameters, lived at a few settings of its levers.

A page interpolates between these settings while a lever moves (``cradlecast.ui.surface``); intervals come from a study.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd

from cradlecast.additional import added_dollars
from cradlecast.finance.valuation import value_deal
from cradlecast.model import outcomes
from cradlecast.model.calibration_cache import CalibrationCache
from cradlecast.model.presets import settled
from cradlecast.samples import Ground, Sample, digest, ground_of, live
from cradlecast.scenarios.deal import Deal
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.fit import school_years
from cradlecast.scenarios.options import Options
from cradlecast.scenarios.scenario import Scenario
from cradlecast.summaries import milestone_table, path_table

WORLDS: Final = 8
"""Sets of chance events behind a setting."""

AMPLE_COST: Final = 40_000.0
"""Dollars a seat at which few seats still use up a deal's loans: what is paid for outcomes does not depend on it."""


def measure(
    scenario: Scenario, deal: Deal, options: Options, settings: Sequence[Mapping[str, float]]
) -> list[dict[str, pd.DataFrame]]:
    """Tables of the scenario at each setting of its levers, in one draw that has every parameter at its median.

    Parameters
    ----------
    scenario
        Its levers are moved by each setting.
    deal
        The contract that is priced beside it; at a setting where it cannot be, its tables are missing.
    options
        ``children``, ``seed``, ``horizon`` and ``evidence`` are used.
    settings
        Levers by name.

    Returns
    -------
    list of dict
        For each setting the tables milestones, paths, added (dollars) and, of the deal, payments, tranches, outcomes
        and payers, with the columns of a study; their intervals are those of chance alone.
    """
    ground = _middle(scenario, replace(options, draws=1, worlds=WORLDS))
    moved = [scenario.with_levers(dict(setting)) for setting in settings]
    metrics = tuple(dict.fromkeys(metric.name for metric in deal.metrics))
    lived = live(ground, moved, 0, metrics)
    ground.cache.save()
    return [_tables(ground, one, samples, deal, metrics) for one, samples in zip(moved, lived, strict=True)]


def _middle(scenario: Scenario, options: Options) -> Ground:
    """The ground of a study whose only draw has every parameter at its median."""
    ground = ground_of(scenario, options)
    parameters = settled(ground.parameters)
    key = digest(ground.community, *ground.programs.values(), parameters, options.seed)
    return replace(ground, parameters=parameters, cache=CalibrationCache(key))


def _tables(
    ground: Ground, scenario: Scenario, samples: list[Sample], deal: Deal, metrics: Sequence[str]
) -> dict[str, pd.DataFrame]:
    """The tables of one setting."""
    tables = {
        "milestones": milestone_table(ground, scenario, [samples]),
        "paths": path_table(ground, scenario, [samples]),
        "added": pd.DataFrame({"what": ["dollars"], "added": [float(np.mean(added_dollars([samples])))]}),
    }
    rows = [sample.rows for sample in samples if sample.rows is not None]
    seats = float(sum(scenario.seats_of(change) for change in scenario.changes if change.financed))
    try:
        value = value_deal(
            deal,
            outcomes.study_frame(rows, metrics),
            {year: seats for year in school_years(scenario)},
            max(AMPLE_COST, scenario.lever("seat_cost") or 0.0),
        )
    except InputError:
        return tables
    return tables | {name: getattr(value, name) for name in ("payments", "tranches", "outcomes", "payers")}
