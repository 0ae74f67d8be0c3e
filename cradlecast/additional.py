"""What one more child at a milestone costs: the dollars that a scenario adds, over the children that it adds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cradlecast.model import outcomes
from cradlecast.model.place import Floats
from cradlecast.samples import Ground, Sample
from cradlecast.scenarios.community import MILESTONES
from cradlecast.scenarios.fit import cohorts_of
from cradlecast.scenarios.scenario import Scenario
from cradlecast.summaries import INTERVAL, MILESTONE_AGES

if TYPE_CHECKING:
    from cradlecast.study import Result

COLUMNS = (
    "scenario",
    "milestone",
    "cost",
    "cost_low",
    "cost_high",
    "chance_not_positive",
    "added_dollars",
    "added_children",
)


def cost_per_additional(result: Result) -> pd.DataFrame:
    """Added dollars per additional child who reaches each milestone.

    Parameters
    ----------
    result
        Of ``run`` or ``compare``.

    Returns
    -------
    pandas.DataFrame
        A row a scenario and milestone. ``cost`` is mean added dollars over mean additional children of the community,
        all payers and school years together, not discounted; null where the mean adds no child. ``cost_low`` and
        ``cost_high`` end a central 90 % interval over draws and worlds in which a world that adds no child costs
        without bound; null where an end is without bound. ``chance_not_positive`` is the share of such worlds.
    """
    tables = [_costs(*sample) for sample in result.samples]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(COLUMNS))


def added_dollars(samples: Sequence[Sequence[Sample]]) -> Floats:
    """Dollars for seats in the scenario less those in the baseline, school years together: (draws, worlds)."""
    sums = [[[sum(row["dollars"] for row in arm) for arm in sample.seats] for sample in draw] for draw in samples]
    spent = np.array(sums, np.float64)
    dollars: Floats = spent[..., 1] - spent[..., 0]
    return dollars


def _costs(ground: Ground, scenario: Scenario, samples: list[list[Sample]]) -> pd.DataFrame:
    """The costs of one scenario."""
    dollars = added_dollars(samples)
    everybody = outcomes.group_names(ground.place).index("all")
    counts = np.array([[sample.milestones for sample in draw] for draw in samples]).sum(axis=3)[:, :, :, everybody]
    scale = ground.options.children / (ground.community.births_per_year.value * len(cohorts_of(scenario)))
    rows = []
    for number, name in enumerate(MILESTONES):
        if MILESTONE_AGES[number] <= ground.options.horizon:
            children = (counts[:, :, 1, number] - counts[:, :, 0, number]) / scale
            rows.append({"scenario": scenario.name, "milestone": name} | _cost(dollars, children))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _cost(dollars: Floats, children: Floats) -> dict[str, float | None]:
    """The cost of one more child at one milestone; arrays are (draws, worlds)."""
    added, spent = float(children.mean()), float(dollars.mean())
    each = np.full(children.shape, np.inf)
    np.divide(dollars, children, out=each, where=children > 0)
    low, high = np.quantile(each, INTERVAL[0], method="lower"), np.quantile(each, INTERVAL[1], method="higher")
    return {
        "cost": spent / added if added > 0 else None,
        "cost_low": float(low) if np.isfinite(low) else None,
        "cost_high": float(high) if np.isfinite(high) else None,
        "chance_not_positive": float(np.mean(children <= 0)),
        "added_dollars": spent,
        "added_children": added,
    }
