"""The two tables that leave the model."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cradlecast.model.kernels import CHILD_CARE, HOME, PREK, Whole
from cradlecast.model.outcomes import Arm, count_milestones, group_masks, group_names, study_children, study_frame
from cradlecast.model.pipeline import Pipeline
from cradlecast.scenarios.community import MILESTONES
from tests.worlds import SCENARIOS, born, settings

METRICS = ("prek_attendance", "preliteracy_growth", "kindergarten_ready", "grade3_reading", "employed")


@pytest.fixture(scope="module")
def arms() -> tuple[Arm, Arm]:
    fewer, more = settings(SCENARIOS[0], 6000)
    children = born(fewer)
    return Arm(Pipeline(fewer, children).run()), Arm(Pipeline(more, children).run())


@pytest.fixture(scope="module")
def rows(arms: tuple[Arm, Arm]) -> pd.DataFrame:
    return study_frame([study_children(*arms, METRICS, 4, 9)], METRICS)


def test_groups_by_race_and_by_poverty_each_cover_all_children(arms: tuple[Arm, Arm]) -> None:
    place, children = arms[0].town.setting.place, arms[0].children
    nobody = np.zeros(len(children), np.bool_)
    masks = dict(zip(group_names(place), group_masks(place, children, nobody, nobody), strict=True))
    for part in (place.group_names, ("below_poverty", "above_poverty"), place.area_names, ("stayed", "left")):
        assert (np.sum([masks[name] for name in part], axis=0) == 1).all()
    counts = count_milestones(np.stack(list(masks.values())), children)
    assert counts.shape == (3, len(masks), len(MILESTONES) + 1)
    assert counts[:, 0, -1].sum() == 6000
    assert counts[:, 0, 0].sum() == children.reached(0).sum()


def test_milestones_are_nested(arms: tuple[Arm, Arm]) -> None:
    children = arms[1].children
    graduate, enrolled, completed = (children.reached(MILESTONES.index(name)) for name in MILESTONES[3:6])
    assert (graduate >= enrolled).all()
    assert (enrolled >= completed).all()
    assert 0 < completed.sum() < enrolled.sum() < graduate.sum()


def test_study_rows_are_the_seated_and_the_eligible_without_public_preschool(
    arms: tuple[Arm, Arm], rows: pd.DataFrame
) -> None:
    children, seated = arms[1].children, arms[1].financed()
    assert 0.8 * 1000 * 3 < seated.sum() / arms[1].town.setting.scale < 1000 * 3
    assert (children.whole(Whole.CARE4)[seated] == PREK).all()
    one = rows[(rows["arm"] == "scenario") & (rows["metric"] == "kindergarten_ready")]
    assert one["seated"].sum() == seated.sum()
    pool = one[~one["seated"]]
    assert len(pool) > 50
    assert pool["eligible"].all()
    care = children.whole(Whole.CARE4)[pd.Index(children.child_ids()).get_indexer(pd.Index(pool["child"]))]
    assert set(care) == {HOME, CHILD_CARE}
    assert one["stratum"].nunique() > 4


def test_both_arms_hold_the_same_children_in_the_same_order(rows: pd.DataFrame) -> None:
    baseline, scenario = (rows[rows["arm"] == arm].reset_index(drop=True) for arm in ("baseline", "scenario"))
    for column in ("child", "metric", "date", "seated", "weight"):
        assert (baseline[column] == scenario[column]).all()
    assert (baseline["true_score"] != scenario["true_score"]).any()


def test_dates_are_the_days_on_which_children_are_measured(rows: pd.DataFrame) -> None:
    one = rows[rows["cohort"] == 2015].drop_duplicates("metric").set_index("metric")["date"]
    assert one["prek_attendance"] == pd.Timestamp("2020-05-31")
    assert one["kindergarten_ready"] == pd.Timestamp("2020-09-01")
    assert one["grade3_reading"] == pd.Timestamp("2024-05-15")
    assert one["employed"] == pd.Timestamp("2045-05-15")


def test_instruments_add_noise_to_true_scores(rows: pd.DataFrame) -> None:
    ready = rows[(rows["metric"] == "kindergarten_ready") & (rows["arm"] == "scenario")]
    noise = ready["score"] - ready["true_score"]
    assert noise.mean() == pytest.approx(0.0, abs=0.1)
    assert 0.3 < noise.std() < 0.8
    assert (ready["reached"] != ready["reached_true"]).mean() > 0.05


def test_attendance_is_measured_only_in_prek(rows: pd.DataFrame) -> None:
    attendance = rows[rows["metric"] == "prek_attendance"]
    home = attendance[~attendance["measured"]]
    assert len(home) > 50
    assert home["score"].isna().all()
    assert not home["reached"].any()
    seated = attendance[(attendance["arm"] == "scenario") & attendance["seated"]]
    assert seated["measured"].all()
    assert seated["reached"].mean() == pytest.approx(0.72, abs=0.06)


def test_weights_say_how_many_children_each_stands_for(rows: pd.DataFrame) -> None:
    assert (rows["weight"] == 39_900 / 6000).all()
    assert rows["draw"].dtype == np.int32
    assert (rows["draw"] == 4).all()
    assert (rows["world"] == 9).all()
