"""What one more child costs: dollars over children, and honest where there may be no child."""

import numpy as np
import pandas as pd
import pytest

from cradlecast.additional import COLUMNS, _cost, cost_per_additional
from cradlecast.scenarios.library import load_community, load_scenario
from cradlecast.scenarios.options import Options
from cradlecast.study import Result, compare

LAPSE, CONTINUE = (load_scenario(f"memphis-prek-1000-{name}") for name in ("lapse", "continue"))


def test_a_cost_by_hand() -> None:
    dollars, children = np.array([[100.0, 100.0], [100.0, 100.0]]), np.array([[4.0, 5.0], [1.0, 10.0]])
    found = _cost(dollars, children)
    assert found["cost"] == 100 / 5
    assert (found["cost_low"], found["cost_high"]) == (10.0, 100.0)
    assert (found["added_dollars"], found["added_children"]) == (100.0, 5.0)
    assert found["chance_not_positive"] == 0.0


def test_where_some_world_adds_no_child_the_cost_has_no_end() -> None:
    dollars, children = np.full((1, 20), 100.0), np.array([[0.0, -5.0, *([10.0] * 18)]])
    found = _cost(dollars, children)
    assert found["cost"] == pytest.approx(100 / 8.75)
    assert found["cost_low"] == 10.0
    assert found["cost_high"] is None
    assert found["chance_not_positive"] == 0.1


def test_where_the_mean_adds_no_child_there_is_no_cost() -> None:
    found = _cost(np.full((1, 2), 100.0), np.array([[3.0, -4.0]]))
    assert found["cost"] is None
    assert (found["cost_low"], found["cost_high"]) == (pytest.approx(100 / 3), None)


def test_costs_agree_with_the_tables_of_the_study() -> None:
    result = compare([LAPSE, CONTINUE], Options(children=2_000, draws=3, worlds=2))
    costs = cost_per_additional(result)
    assert tuple(costs.columns) == COLUMNS
    assert list(costs["scenario"].unique()) == [LAPSE.name, CONTINUE.name]
    spent = result.tables["seats"].groupby(["scenario", "arm"])["dollars"].sum().unstack()
    births = load_community("memphis").births_per_year.value * 3
    rates = result.tables["milestones"].query("group == 'all'").set_index(["scenario", "milestone"])["impact"]
    for row in costs.to_dict("records"):
        name = row["scenario"]
        assert row["added_dollars"] == pytest.approx(spent.loc[name, "scenario"] - spent.loc[name, "baseline"])
        assert row["added_children"] == pytest.approx(rates[name, row["milestone"]] * births)
        if row["added_children"] > 0:
            assert row["cost"] == pytest.approx(row["added_dollars"] / row["added_children"])
    assert spent.loc[LAPSE.name, "scenario"] - spent.loc[LAPSE.name, "baseline"] == pytest.approx(24e6)


def test_milestones_beyond_the_horizon_and_studies_without_samples_have_no_costs() -> None:
    short = cost_per_additional(compare([LAPSE], Options(children=300, draws=1, worlds=1, horizon=6)))
    assert list(short["milestone"]) == ["kindergarten_ready"]
    pd.testing.assert_frame_equal(cost_per_additional(Result({})), pd.DataFrame(columns=list(COLUMNS)))
