"""What the evaluator reports, what the payers owe on it, and what the caps cut."""

import numpy as np
import pandas as pd
import pytest

from cradlecast.finance.evaluation import evaluate
from cradlecast.finance.payments import owed, owed_on_true_effect
from cradlecast.scenarios.errors import InputError
from tests.deal_examples import capped, cell, deal, figure, metric, net_metric, study


def test_a_gross_count_pays_every_seated_child_seen_to_reach_it() -> None:
    payments = owed(deal(), evaluate(deal(), study(cell(seated="1101", without_seat="11"))))
    assert payments.units.tolist() == [[3.0]]
    assert payments.paid.tolist() == [[300_00]]
    assert payments.reasons() == ["paid in full"]


def test_a_net_count_pays_beyond_the_rate_of_the_comparison() -> None:
    # Ten seated, seven reach it: 0.7. Five without a seat, two reach it: 0.4. Units 10 x 0.3 = 3.
    contract = deal(metrics=[net_metric()])
    evaluation = evaluate(contract, study(cell(seated="1111111000", without_seat="11000")))
    assert evaluation.rate_seated.item() == pytest.approx(0.7)
    assert evaluation.rate_comparison.item() == pytest.approx(0.4)
    payments = owed(contract, evaluation)
    assert payments.units.item() == pytest.approx(3.0)
    assert payments.paid.item() == 300_00


def test_a_net_count_below_the_comparison_pays_nothing_and_is_owed_nothing_back() -> None:
    contract = deal(metrics=[net_metric()])
    evaluation = evaluate(contract, study(cell(seated="0001", without_seat="1110")))
    assert evaluation.effect.item() == pytest.approx(-0.5)
    assert owed(contract, evaluation).paid.item() == 0


def test_the_true_effect_pairs_the_same_children_and_the_evaluator_never_sees_it() -> None:
    # All four reach it in both arms: a true effect of 0. The comparison is unlucky: an evaluated effect of 1.
    contract = deal(metrics=[net_metric()])
    evaluation = evaluate(contract, study(cell(seated="1111", twin="1111", without_seat="00")))
    assert evaluation.true_effect.item() == 0.0
    assert evaluation.effect.item() == 1.0
    assert owed(contract, evaluation).paid.item() == 400_00
    assert owed_on_true_effect(contract, evaluation).paid.item() == 0
    other_twin = evaluate(contract, study(cell(seated="1111", twin="0000", without_seat="00")))
    assert other_twin.true_effect.item() == 1.0
    assert owed(contract, other_twin).paid.item() == 400_00


def test_who_did_not_apply_is_no_comparison() -> None:
    evaluation = evaluate(deal(), study(cell(seated="11", without_seat="10", refused="0000")))
    assert evaluation.n_comparison.item() == 2.0
    assert evaluation.rate_comparison.item() == 0.5


def test_children_who_were_not_measured_are_not_paid_for() -> None:
    evaluation = evaluate(deal(), study(cell(seated="11xx", true="1111", without_seat="1x")))
    assert evaluation.n_all.item() == 4.0
    assert evaluation.n_seated.item() == 2.0
    assert evaluation.n_comparison.item() == 1.0
    assert owed(deal(), evaluation).units.item() == 2.0
    assert evaluation.true_effect.item() == 1.0


def test_units_are_children_of_the_community() -> None:
    evaluation = evaluate(deal(), study(cell(seated="110", without_seat="10", weight=2.5)))
    assert evaluation.n_seated.item() == 7.5
    assert owed(deal(), evaluation).units.item() == pytest.approx(5.0)


def test_without_a_comparison_a_net_count_pays_nothing() -> None:
    contract = deal(metrics=[net_metric()])
    evaluation = evaluate(contract, study(cell(seated="1111")))
    assert np.isnan(evaluation.rate_comparison.item())
    assert owed(contract, evaluation).paid.item() == 0


def test_payment_follows_measurement_by_the_lag() -> None:
    contract = deal(metrics=[metric(lag_days=152)])
    payments = owed(contract, evaluate(contract, study(cell(day="2020-09-01", seated="1"))))
    assert payments.claims["date"].item() == pd.Timestamp("2021-01-31")


def test_a_sample_that_is_too_small_on_either_side_pays_nothing() -> None:
    contract = deal(metrics=[net_metric(minimum_sample=3)])
    for seated, without_seat, expected in (("111", "000", 300_00), ("11x", "000", 0), ("111", "00", 0)):
        payments = owed(contract, evaluate(contract, study(cell(seated=seated, without_seat=without_seat))))
        assert payments.paid.item() == expected
        assert payments.reasons() == ["paid in full" if expected else "minimum sample not met in 100% of futures"]


def test_caps_bind_in_the_stated_order() -> None:
    # Readiness earns 500 a cohort. Per payment at most 400; over its life 700; and the city pays 850 in all.
    contract = deal(
        cohorts=[2015, 2016, 2017],
        metrics=[
            metric(cap_per_payment=figure(400), cap_over_life=figure(700)),
            metric("grade3_reading", lag_days=0),
        ],
        parties=capped("city", 850),
    )
    cells = [cell(seated="11111", day=f"{cohort + 5}-09-01", cohort=cohort) for cohort in contract.cohorts]
    cells += [cell("grade3_reading", f"{cohort + 9}-05-01", seated="11", cohort=cohort) for cohort in contract.cohorts]
    payments = owed(contract, evaluate(contract, study(*cells)))
    assert (payments.gross[0] / 100).tolist() == [500, 500, 500, 200, 200, 200]
    assert (payments.paid[0] / 100).tolist() == [400, 300, 0, 150, 0, 0]
    assert payments.reasons() == [
        "cap per payment in 100% of futures",
        "cap per payment in 100% of futures; cap over the metric's life in 100% of futures",
        "cap per payment in 100% of futures; cap over the metric's life in 100% of futures",
        "cap over the payer's life in 100% of futures",
        "cap over the payer's life in 100% of futures",
        "cap over the payer's life in 100% of futures",
    ]


def test_two_cohorts_paid_on_one_date_share_the_cap_per_payment() -> None:
    contract = deal(cohorts=[2015, 2016], metrics=[metric(cap_per_payment=figure(250))])
    cells = [cell(seated="11", cohort=cohort) for cohort in contract.cohorts]
    payments = owed(contract, evaluate(contract, study(*cells)))
    assert payments.claims["date"].nunique() == 1
    assert (payments.paid[0] / 100).tolist() == [200, 50]


def test_a_cap_that_is_reached_exactly_cuts_nothing() -> None:
    contract = deal(metrics=[metric(cap_per_payment=figure(200))])
    payments = owed(contract, evaluate(contract, study(cell(seated="11"))))
    assert payments.paid.item() == 200_00
    assert payments.reasons() == ["paid in full"]


def test_each_sample_has_its_own_caps() -> None:
    contract = deal(metrics=[metric(cap_over_life=figure(150))])
    children = study(cell(seated="11", draw=3), cell(seated="10", draw=3, world=8), cell(seated="00", draw=4))
    evaluation = evaluate(contract, children)
    assert evaluation.samples.to_numpy().tolist() == [[3, 0], [3, 8], [4, 0]]
    payments = owed(contract, evaluation)
    assert (payments.paid[:, 0] / 100).tolist() == [150, 100, 0]
    assert payments.reasons() == ["cap over the metric's life in 33% of futures; nothing earned in 33% of futures"]


def test_cohorts_and_metrics_that_the_deal_does_not_name_are_not_paid_for() -> None:
    children = study(cell(seated="11"), cell(seated="11", cohort=2030), cell("employed", seated="11"))
    assert len(evaluate(deal(), children).cells) == 1


def test_the_order_of_the_rows_does_not_matter() -> None:
    contract = deal(cohorts=[2015, 2016], metrics=[net_metric()])
    children = study(
        *(
            cell(seated="1101", without_seat="010", draw=draw, cohort=cohort)
            for draw in (0, 1)
            for cohort in (2016, 2015)
        )
    )
    table = evaluate(contract, children).table()
    shuffled = evaluate(contract, children.sample(frac=1, random_state=1)).table()
    assert len(table) == 4
    pd.testing.assert_frame_equal(table, shuffled)


def test_a_metric_or_a_cohort_that_the_study_lacks_is_named() -> None:
    with pytest.raises(InputError, match="pays for 'kindergarten_ready', which the study did not measure") as caught:
        evaluate(deal(), study(cell("employed", seated="1")))
    assert "it measured: employed" in str(caught.value)
    with pytest.raises(InputError, match="children born in 2016") as caught:
        evaluate(deal(cohorts=[2015, 2016]), study(cell(seated="1")))
    with pytest.raises(InputError, match="no column 'weight'"):
        evaluate(deal(), study(cell(seated="1")).drop(columns="weight"))


def test_arms_that_hold_different_children_are_refused() -> None:
    children = study(cell(seated="11"))
    with pytest.raises(InputError, match="same seated children in both arms"):
        evaluate(deal(), children[1:])
