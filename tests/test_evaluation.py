"""How an evaluator works, beyond the plain comparison: lotteries, stated rates, bias, losses, misreadings, blends."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from cradlecast.finance.evaluation import Evaluation, evaluate
from cradlecast.finance.payments import owed, owed_on_true_effect
from cradlecast.scenarios.deal import Deal
from cradlecast.scenarios.errors import InputError
from tests.deal_examples import cell, deal, figure, metric, net_metric, study

READY = "kindergarten_ready"


def share(value: float) -> dict[str, Any]:
    """A share as a figure."""
    return figure(value, "share")


def contract(comparison: str = "no_public_preschool", **changes: Any) -> Deal:
    """A deal with one metric, counted net of some comparison."""
    return deal(metrics=[net_metric() | {"comparison": comparison} | changes])


def large(n: int = 4000, rate: float = 0.6, base: float = 0.4) -> pd.DataFrame:
    """A cohort of many children, every tenth like every other tenth."""
    seated = "".join("1" if place % 10 < rate * 10 else "0" for place in range(n))
    others = "".join("1" if place % 10 < base * 10 else "0" for place in range(n))
    return study(cell(seated=seated, twin=others, without_seat=others))


def test_a_lottery_compares_with_applicants_alone() -> None:
    children = study(cell(seated="1110", without_seat="10", passed_by="0000"))
    assert evaluate(contract(), children).rate_comparison.item() == pytest.approx(1 / 6)
    assert evaluate(contract("lottery"), children).rate_comparison.item() == pytest.approx(1 / 2)


def test_intention_to_treat_spreads_the_effect_over_all_who_were_offered_and_pays_the_same_units() -> None:
    children = study(cell(seated="1" * 60 + "0" * 20, without_seat="10"))
    itt = contract("lottery_itt", method={"take_up": share(0.8)})
    found, treated = evaluate(itt, children), evaluate(contract("lottery"), children)
    assert found.n_seated.item() == pytest.approx(100)
    assert found.effect.item() == pytest.approx(0.8 * treated.effect.item())
    assert owed(itt, found).units.item() == pytest.approx(owed(contract("lottery"), treated).units.item())


@pytest.mark.parametrize("comparison", ["fixed", "historical", "pre_post"])
def test_a_stated_rate_takes_the_place_of_a_comparison(comparison: str) -> None:
    stated = contract(comparison, method={"counterfactual": share(0.25)}, minimum_sample=4)
    found = evaluate(stated, study(cell(seated="1110")))
    assert found.effect.item() == pytest.approx(0.5)
    assert owed(stated, found).paid.item() == 200_00  # nobody is compared, so that no comparison is too small


def test_every_flagged_child_counted_as_avoided_claims_the_whole_of_what_did_not_happen() -> None:
    terms = {"better": "lower", "method": {"counterfactual": share(1.0)}}
    stated = deal(metrics=[net_metric("special_education") | {"comparison": "fixed"} | terms])
    children = study(cell("special_education", seated="1" + "0" * 9, twin="1" + "0" * 9))
    found = evaluate(stated, children)
    assert owed(stated, found).units.item() == pytest.approx(9)
    assert owed_on_true_effect(stated, found).paid.item() == 0


def test_fewer_is_better_where_the_contract_says_so() -> None:
    fewer = deal(metrics=[net_metric("special_education", better="lower")])
    children = study(cell("special_education", seated="1000", twin="1100", without_seat="1100"))
    found = evaluate(fewer, children)
    assert owed(fewer, found).units.item() == pytest.approx(1)
    assert owed_on_true_effect(fewer, found).units.item() == pytest.approx(1)


def test_bias_is_added_to_what_is_reported_and_not_to_the_truth() -> None:
    children = study(cell(seated="1100", twin="1000", without_seat="10"))
    plain, biased = (evaluate(contract(method={"bias": bias}), children) for bias in (0.0, 0.05))
    assert biased.effect.item() == pytest.approx(plain.effect.item() + 0.05)
    assert biased.true_effect.item() == plain.true_effect.item() == 0.25


def test_children_are_lost_on_each_side_at_its_own_rate() -> None:
    found = evaluate(contract(method={"attrition": 0.25, "attrition_comparison": 0.5}), large())
    assert found.n_all.item() == 4000
    assert found.n_seated.item() == pytest.approx(3000, abs=150)
    assert found.n_comparison.item() == pytest.approx(2000, abs=150)
    assert found.effect.item() == pytest.approx(0.2, abs=0.05)
    assert found.true_effect.item() == pytest.approx(0.2)


def test_misreading_draws_both_sides_together() -> None:
    found = evaluate(contract(method={"misread": 0.25}), large(20_000))
    assert found.effect.item() == pytest.approx(0.2 * (1 - 2 * 0.25), abs=0.02)
    assert evaluate(contract(method={"misread": 0.5}), large(20_000)).effect.item() == pytest.approx(0, abs=0.02)


def test_a_small_sample_is_drawn_from_those_measured_and_has_its_own_luck() -> None:
    found = evaluate(contract(method={"most_per_side": 100}), large())
    assert (found.n_seated.item(), found.n_comparison.item()) == (100, 100)
    assert found.effect.item() != pytest.approx(0.2, abs=1e-9)
    again = evaluate(contract(method={"most_per_side": 100}), large())
    assert again.effect.item() == found.effect.item()
    few = evaluate(contract(method={"most_per_side": 100}), study(cell(seated="1111", without_seat="00", weight=40.0)))
    assert few.n_seated.item() == 80  # two children who stand for forty each


def test_the_luck_of_one_metric_is_no_matter_of_another() -> None:
    one = contract(method={"misread": 0.25})
    both = deal(metrics=[metric("grade3_reading"), *(each.model_dump(by_alias=True) for each in one.metrics)])
    cells = [large(), study(cell("grade3_reading", "2024-05-15", seated="1"))]
    alone, beside = evaluate(one, cells[0]), evaluate(both, study(*cells))
    column = (beside.cells["metric"] == READY).to_numpy()
    assert beside.effect[:, column].tolist() == alone.effect.tolist()


def test_estimates_are_blended_by_weight() -> None:
    children = study(cell(seated="1110", without_seat="10", passed_by="0000"))
    weights = [{"name": "lottery", "weight": 0.8}, {"name": "no_public_preschool", "weight": 0.2}]
    blended = evaluate(contract("lottery", estimates=weights), children)
    assert blended.effect.item() == pytest.approx(0.8 * (0.75 - 1 / 2) + 0.2 * (0.75 - 1 / 6))


def test_two_lines_on_one_result_may_be_evaluated_in_two_ways() -> None:
    lines = [metric("count_of_ready", measures=READY), net_metric("gain_in_ready", measures=READY)]
    both = deal(metrics=lines)
    found: Evaluation = evaluate(both, study(cell(seated="1110", without_seat="10")))
    assert found.cells["metric"].tolist() == ["count_of_ready", "gain_in_ready"]
    assert (owed(both, found).paid[0] / 100).tolist() == [300, pytest.approx(100)]


# --- rules on simulated results, sample by sample ---


def test_a_schedule_pays_each_sample_by_its_own_band() -> None:
    bands = [{"from": 0.1, "to": 0.5, "pay": figure(1000), "per_point": figure(10)}, {"from": 0.5, "pay": figure(2000)}]
    terms = {"rule": "schedule", "price": None, "schedule": {"of": "effect", "bands": bands}}
    stepped = deal(metrics=[net_metric() | terms])
    cells = [cell(seated=seen, without_seat="1000", draw=draw) for draw, seen in enumerate(("1000", "1100", "1110"))]
    payments = owed(stepped, evaluate(stepped, study(*cells)))
    assert (payments.paid[:, 0] / 100).tolist() == pytest.approx([0, 1000 + 15 * 10, 2000])
    assert payments.reasons() == ["nothing earned in 33% of futures"]
    assert np.isnan(payments.claims["price"].item())


def test_a_requirement_on_another_result_holds_sample_by_sample() -> None:
    needs = [{"any_of": [{"result": "prek_attendance", "of": "rate", "at_least": 0.75}]}]
    two = deal(metrics=[metric(requires=needs)])
    assert two.results == (READY, "prek_attendance")
    cells = [
        part
        for draw, seen in enumerate(("1111", "1110", "1100"))
        for part in (cell(seated="11", draw=draw), cell("prek_attendance", "2020-05-31", seated=seen, draw=draw))
    ]
    payments = owed(two, evaluate(two, study(*cells)))
    assert (payments.paid[:, 0] / 100).tolist() == [200, 200, 0]
    assert payments.reasons() == ["a requirement not met in 33% of futures"]


def test_pooled_cohorts_make_one_claim_when_the_last_is_measured() -> None:
    pooled = deal(cohorts=[2015, 2016], metrics=[net_metric(pooled=True)])
    cells = [
        cell(day="2020-09-01", seated="1100", without_seat="11", cohort=2015),
        cell(day="2021-09-01", seated="1111", without_seat="00", cohort=2016),
    ]
    payments = owed(pooled, evaluate(pooled, study(*cells)))
    # Effects of -0.5 and 1 over four children each: 8 x 0.25. By cohort it would be 4: a loss is nobody's.
    assert payments.units.tolist() == [[pytest.approx(2)]]
    assert str(payments.claims["date"].item())[:10] == "2021-10-01"


def test_a_deal_that_ends_early_pays_in_the_samples_in_which_it_lives() -> None:
    ends = [{"result": READY, "of": "rate", "at_most": 0.25}]
    ending = deal(cohorts=[2015, 2016], ends_if=ends)
    cells = []
    for draw, first in enumerate(("1100", "1000")):
        cells.append(cell(day="2020-09-01", seated=first, cohort=2015, draw=draw))
        cells.append(cell(day="2021-09-01", seated="1111", cohort=2016, draw=draw))
    payments = owed(ending, evaluate(ending, study(*cells)))
    assert (payments.paid / 100).tolist() == [[200, 400], [100, 0]]


def test_a_screen_needs_a_score_at_entry() -> None:
    flagged = contract("fixed", method={"counterfactual": share(1.0), "screened": share(0.5)})
    children = study(cell(seated="1100")).drop(columns="entry_score")
    with pytest.raises(InputError, match="no column 'entry_score', which a screen needs"):
        evaluate(flagged, children)


def test_a_screen_keeps_the_same_children_in_both_arms_and_like_ones_of_the_comparison() -> None:
    flagged = contract(method={"screened": share(0.5)})
    children = study(cell(seated="0011", twin="0001", without_seat="11"))
    found = evaluate(flagged, children)
    assert (found.n_all.item(), found.n_comparison.item()) == (2, 0)
    assert found.true_effect.item() == 0
