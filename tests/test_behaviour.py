"""Behaviour under a contract: each lever by hand, what it does to payment, and what it does to children."""

import numpy as np
import pandas as pd
import pytest

from cradlecast.finance.behaviour import behave
from cradlecast.finance.conduct import behaviour_table
from cradlecast.finance.evaluation import evaluate
from cradlecast.finance.payments import owed, owed_on_true_effect
from cradlecast.scenarios.contract import LEVERS
from cradlecast.scenarios.deal import Deal
from cradlecast.scenarios.errors import InputError
from tests.deal_examples import cell, deal, metric, net_metric, study


def paid(contract: Deal, children: pd.DataFrame) -> float:
    """Dollars of all payments, a mean."""
    return float(owed(contract, evaluate(contract, children)).paid.sum(axis=1).mean() / 100)


def test_nothing_moves_unless_it_is_set() -> None:
    children = study(cell(seated="1100", without_seat="10"))
    assert behave(deal(), children) is children
    table = behaviour_table(deal(), children)
    assert table["lever"].tolist() == list(LEVERS)
    assert table["share"].tolist() == [0.0] * len(LEVERS)
    assert table["paid"].isna().all()


@pytest.mark.parametrize(
    ("levers", "words"),
    [
        ({"creeming": 0.1}, "unknown behaviour 'creeming'; did you mean 'creaming'?"),
        ({"nudging": 5.0}, "behaviour 'nudging' must be a share from 0 to 1; got 5"),
        ({"nudging": float("nan")}, "must be a share from 0 to 1"),
    ],
)
def test_levers_that_cannot_be_are_refused(levers: dict[str, float], words: str) -> None:
    with pytest.raises(InputError) as caught:
        deal().with_behaviour(levers)
    assert words in str(caught.value)


def test_creaming_gives_the_seats_of_the_lowest_at_entry_to_the_others() -> None:
    # Nine seated; the first three are the lowest at entry and do not reach it. All of their seats go to the six others.
    children = study(cell(seated="000111100", twin="0" * 9))
    contract = deal()
    creamed = contract.with_behaviour({"creaming": 1.0})
    assert (paid(contract, children), paid(creamed, children)) == (400.0, pytest.approx(600.0))
    assert evaluate(creamed, children).n_all.item() == pytest.approx(9)
    row = behaviour_table(creamed, children).set_index("lever").loc["creaming"]
    assert row["children"] == pytest.approx(3)
    assert row["change_in_payment"] == pytest.approx(200)


def test_nudging_lifts_the_nearest_below_the_threshold_and_changes_no_child() -> None:
    # Ten seated, five reach it. Scores below rise with the place of the letter: the last is the nearest.
    children = study(cell(seated="1111100000", twin="0" * 10, without_seat="1"))
    nudged = deal().with_behaviour({"nudging": 0.2})
    assert (paid(deal(), children), paid(nudged, children)) == (500.0, 700.0)
    seen = behave(nudged, children)
    scenario = seen[(seen["arm"] == "scenario") & seen["seated"]]
    assert scenario.loc[scenario["reached"], "child"].tolist() == [0, 1, 2, 3, 4, 8, 9]
    assert not children["reached"].equals(seen["reached"])  # the study itself is left as it is
    before, after = (owed_on_true_effect(each, evaluate(each, children)).paid.item() for each in (deal(), nudged))
    assert before == after
    row = behaviour_table(nudged, children).set_index("lever").loc["nudging"]
    assert (row["children"], row["change_in_reached"]) == (2, 0)


def test_nudging_lifts_no_more_than_there_are() -> None:
    children = study(cell(seated="1111111110"))
    assert paid(deal().with_behaviour({"nudging": 0.5}), children) == 1000.0


def test_denying_special_education_earns_where_fewer_placements_are_paid_for() -> None:
    contract = deal(
        metrics=[metric("special_education", count="net", comparison="no_public_preschool", better="lower")]
    )
    children = study(cell("special_education", seated="1" * 50 + "0" * 50, twin="1" * 100, without_seat="1" * 20))
    denied = contract.with_behaviour({"denial": 1.0})
    assert (paid(contract, children), paid(denied, children)) == (5000.0, 10_000.0)
    row = behaviour_table(denied, children).set_index("lever").loc["denial"]
    assert row["children"] == 50
    assert row["change_in_reached"] == 0


def test_seats_that_stay_empty_are_paid_for_but_reach_nobody() -> None:
    children = study(cell(seated="1111100000", twin="0" * 10))
    half = deal().with_behaviour({"under_enrolment": 0.5})
    assert (paid(deal(), children), paid(half, children)) == (500.0, 250.0)
    row = behaviour_table(half, children).set_index("lever").loc["under_enrolment"]
    assert (row["children"], row["change_in_reached"]) == (5, -2.5)


def test_winding_down_takes_the_effect_from_the_last_cohort_alone() -> None:
    contract = deal(cohorts=[2015, 2016])
    children = study(*(cell(seated="1" * 40, twin="0" * 40, cohort=cohort) for cohort in (2015, 2016)))
    wound = contract.with_behaviour({"wind_down": 1.0})
    effect = evaluate(wound, children)
    assert dict(zip(effect.cells["cohort"], effect.true_effect[0], strict=True)) == {2015: 1.0, 2016: 0.0}
    assert (paid(contract, children), paid(wound, children)) == (8000.0, 4000.0)
    partly = evaluate(contract.with_behaviour({"wind_down": 0.5}), children).true_effect[0]
    assert partly[0] == 1.0
    assert 0.2 < partly[1] < 0.8


def test_all_levers_together_have_a_row_of_their_own() -> None:
    children = study(cell(seated="1111100000", twin="0" * 10))
    both = deal().with_behaviour({"nudging": 0.2, "under_enrolment": 0.5})
    table = behaviour_table(both, children).set_index("lever")
    assert table.loc["together", "paid"] == pytest.approx(350.0)
    assert np.isnan(table.loc["together", "children"])


def test_the_file_may_set_levers_too() -> None:
    children = study(cell(seated="1111100000"))
    assert paid(deal(behaviour={"under_enrolment": 0.2}), children) == pytest.approx(400.0)
    assert paid(deal(metrics=[net_metric()], behaviour={"nudging": 0.0}), children) == 0.0
