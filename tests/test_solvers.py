"""Prices and effects that do what is asked, thresholds, alternatives, and the luck of payers and of other projects."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cradlecast.finance.alternatives import alternatives_table
from cradlecast.finance.case import OPTIMISM, Case, drawn_optimism, with_prices, with_threshold
from cradlecast.finance.chance import Appropriations, luck
from cradlecast.finance.payments import owed
from cradlecast.finance.solvers import (
    effect_table,
    frontier_table,
    lenders_flows,
    lenders_return,
    odds_table,
    payers_balance,
    price_table,
    solve_price,
    solved_tables,
)
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.solving import check_target
from tests.cases import case, evaluation, gains
from tests.deal_examples import TWO_LOANS, deal, declaration, figure, line, metric, net_metric, step, tranche

SAMPLES = 250
ONE = [("kindergarten_ready", 2015, "2020-12-01")]


def parties(**city: Any) -> list[dict[str, Any]]:
    """The parties of the deal by hand, the city's money being the local budget's."""
    return [p | ({"budget": "local"} | city if p["name"] == "city" else {}) for p in declaration()["parties"]]


def contract(**changes: Any) -> Any:
    """Two loans; the residual is the bank's, so that a higher price is a higher return."""
    steps = [*TWO_LOANS[:-1], step("residual", "senior")]
    return deal(**({"parties": parties(), "waterfall": steps} | changes))


def uncertain(seed: int = 1, **more: Any) -> Case:
    """The deal on 250 futures: about 12 of 20 children reach readiness, 8 of them because of the seats."""
    rng = np.random.default_rng(seed)
    results = evaluation(
        ONE, n=20.0, rate=rng.uniform(0.4, 0.8, (SAMPLES, 1)), comparison=0.2, true=0.4, samples=SAMPLES
    )
    whole = {"gains": gains(SAMPLES, taxes=100.0, special=20.0, pay=300.0)} | more
    return case(whole.pop("deal", contract()), results, **whole)


# --- prices ---


@pytest.mark.parametrize("wanted", [-0.2, 0.0, 0.05, 0.4])
def test_the_price_that_gives_lenders_a_return_gives_it(wanted: float) -> None:
    each = uncertain()
    found = solve_price(each, "investor-return", wanted)
    assert lenders_return(each.at(found.answer)).rate == pytest.approx(wanted, abs=2e-6)
    assert found.achieved >= wanted - 1e-9
    assert lenders_return(each.at(found.answer * 0.999)).rate < wanted


def test_the_price_for_one_tranche_is_another_and_one_metric_can_move_alone() -> None:
    two = [metric(), metric("grade3_reading", 10)]
    results = evaluation([*ONE, ("grade3_reading", 2015, "2021-06-01")], n=8.0, rate=0.6)
    each = case(contract(metrics=two), results)
    senior = solve_price(each, "investor-return", 0.05, tranche="senior")
    subordinate = solve_price(each, "investor-return", 0.05, tranche="subordinate")
    assert senior.answer < subordinate.answer
    alone = solve_price(each, "investor-return", 0.0, metrics=["kindergarten_ready"])
    prices = price_table(each, alone, ["kindergarten_ready"]).set_index("metric")["price_solved"]
    assert prices["grade3_reading"] == 10
    assert prices["kindergarten_ready"] == pytest.approx(100 * alone.answer)


def test_a_return_that_no_price_brings_is_refused_with_the_most_there_is() -> None:
    fixed = deal(parties=parties())  # the residual goes to the provider: a loan returns its interest and no more
    found = solve_price(uncertain(deal=fixed), "investor-return", 0.5)
    assert np.isnan(found.answer)
    assert found.reason.startswith("no price does: the most is ")
    assert 0.08 < found.achieved < 0.1


def test_payers_break_even_on_cash_and_at_a_higher_price_on_everything() -> None:
    each = uncertain()
    cash = solve_price(each, "payer-break-even")
    value = solve_price(each, "payer-break-even-value")
    # 12 children on average, at 100 each, cost 1,200; five years of taxes at 3 % are worth 471.71.
    mean = float(each.evaluation.rate_seated.mean() * 20)
    taxes = sum(100 * 1.03**-year for year in range(5))
    assert cash.answer == pytest.approx(taxes / (mean * 100), rel=1e-4)
    assert value.answer == pytest.approx(taxes * 4.2 / (mean * 100), rel=1e-4)
    assert payers_balance(each.at(cash.answer), False) == pytest.approx(0.0, abs=0.1)


def test_payers_who_pay_beside_outcomes_may_never_break_even() -> None:
    given = {"kind": "appropriation", "name": "budget", "party": "city", "amount": figure(5000)}
    dear = contract(
        uses=[line("services", 6000, "2020-01-01")],
        sources=[tranche("senior", 800, 0.1), tranche("subordinate", 200, 0.05), given],
    )
    found = solve_price(uncertain(deal=dear), "payer-break-even")
    assert np.isnan(found.answer)
    assert found.reason.startswith("no price does: at price 0 the payers are $4,5")
    capped = contract(parties=parties(payment_cap=figure(100)))
    found = solve_price(uncertain(deal=capped), "payer-break-even")
    assert (found.answer, found.reason[:16]) == (np.inf, "every price does")


def test_scaled_prices_scale_schedules_too_and_leave_caps_alone() -> None:
    schedule = {
        "of": "effect",
        "bands": [{"from": 0.0, "to": 0.1}, {"from": 0.1, "pay": figure(100), "per_point": figure(7)}],
    }
    banded = {
        key: value
        for key, value in net_metric(cap_per_payment=figure(500)).items()
        if key not in ("price", "rule", "count")
    }
    dealt = contract(metrics=[banded | {"rule": "schedule", "schedule": schedule}])
    scaled = with_prices(dealt, 3.0).metrics[0]
    assert scaled.schedule is not None
    assert (scaled.schedule.bands[1].start, scaled.schedule.bands[1].slope) == (300.0, pytest.approx(2100.0))
    assert scaled.cap_per_payment is not None
    assert scaled.cap_per_payment.value == 500


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("investor-returns",), "did you mean 'investor-return'"),
        (("investor-return", ["ready"]), "has no metric 'ready'"),
        (("investor-return", [], "seniors"), "did you mean 'senior'"),
    ],
)
def test_targets_that_do_not_exist_are_refused(words: tuple[Any, ...], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        check_target(contract(), *words)


def test_a_payer_without_a_budget_cannot_break_even() -> None:
    with pytest.raises(InputError, match="whose budget its money is"):
        check_target(deal(), "payer-break-even")


# --- effects, frontier, odds ---


def test_the_effect_at_which_lenders_have_their_money_back() -> None:
    each = uncertain()
    table = effect_table(each).set_index("breaks_even")
    share = table.loc["lenders have their money back", "share_of_effect"]
    _, cash = each.with_effect(share).run()
    _, flows = lenders_flows(each.deal, cash)
    assert flows.sum(axis=1).mean() == pytest.approx(0.0, abs=0.1)
    assert table.loc["lenders have their money back", "effect_needed"] == pytest.approx(0.4 * share)


@pytest.mark.parametrize("share", [-3.0, 0.0, 1.0, 50.0])
def test_another_effect_leaves_shares_from_none_to_all(share: float) -> None:
    each = uncertain()
    other = each.with_effect(share).evaluation
    for rate in (other.rate_seated, other.rate_true):
        assert ((rate >= 0) & (rate <= 1)).all()
    assert other.effect == pytest.approx(other.rate_seated - other.rate_comparison)
    if share == 1.0:
        assert (other.rate_seated == each.evaluation.rate_seated).all()
    assert (each.with_effect(share).owed().paid >= 0).all()


def test_an_effect_beyond_all_children_is_none() -> None:
    for taxes, reason in ((20.0, "more than the 80% who do not reach it anyway"), (1.0, "not even 64 times")):
        small = uncertain(gains=gains(SAMPLES, taxes=taxes))
        row = effect_table(small).set_index("breaks_even").loc["society breaks even"]
        assert np.isnan(row["effect_needed"])
        assert row["reason"].startswith(reason)


def test_a_threshold_at_the_expected_effect_pays_about_half_the_time() -> None:
    rng = np.random.default_rng(4)
    effect = rng.normal(0.1, 0.05, (2000, 1))
    results = evaluation(ONE, n=100.0, rate=0.4 + effect, comparison=0.4, true=0.1, samples=2000)
    strict = with_threshold(contract(metrics=[net_metric()]), 0.1)
    paid = owed(strict, results).paid[:, 0]
    assert 0.45 < (paid > 0).mean() < 0.55


def test_the_frontier_moves_risk_from_payers_to_lenders() -> None:
    rng = np.random.default_rng(4)
    effect = rng.normal(0.1, 0.05, (SAMPLES, 1))
    results = evaluation(ONE, n=100.0, rate=0.4 + effect, comparison=0.4, true=0.0, samples=SAMPLES)
    each = case(contract(metrics=[net_metric(price=150)]), results, gains=gains(SAMPLES))
    table = frontier_table(each, [1.0])
    assert table["threshold"].is_monotonic_increasing
    assert table["chance_of_loss"].is_monotonic_increasing
    assert table["chance_paid_without_effect"].is_monotonic_decreasing
    assert table["overpaid"].is_monotonic_decreasing
    assert table["chance_paid_without_effect"].iloc[-1] == pytest.approx(0.5, abs=0.1)


def test_odds_stand_beside_the_price_and_are_absent_in_a_preview() -> None:
    each = uncertain()
    table = odds_table(each, 0.05, [1.0, 2.0])
    assert table["chance_below_hurdle"].is_monotonic_decreasing
    assert 0 < table["chance_of_loss"].iloc[0] < 1
    few = case(contract(), evaluation(ONE, n=20.0), gains=gains())
    assert odds_table(few, 0.05, [1.0])["chance_of_loss"].isna().all()
    assert frontier_table(few, [1.0])["chance_of_loss"].isna().all()


def test_everything_that_is_solved_comes_in_one_set_of_tables() -> None:
    assert list(solved_tables(uncertain(), "investor-return", 0.05)) == [
        "prices",
        "solution",
        "odds",
        "effects",
        "frontier",
    ]
    assert "prices" not in solved_tables(uncertain(), "break-even-effect")


# --- alternatives ---


def test_the_same_children_by_grant_fee_contract_and_fund() -> None:
    each = uncertain(
        deal=contract(uses=[line("services", 900, "2020-01-01"), line("legal", 100, "2020-01-01", to="manager")])
    )
    table = alternatives_table(each).set_index("alternative")
    assert table.loc["grant", "paid_by_funders"] == 900.0
    assert table.loc["fee for service", "contract_costs"] == 0.0
    deal_row, fund = table.loc["outcomes contract"], table.loc["outcomes fund"]
    assert deal_row["contract_costs"] == 100.0
    mean = float(each.evaluation.rate_seated.mean() * 20 * 100)
    assert deal_row["paid_by_funders"] == pytest.approx(mean, rel=1e-4)
    # What funders pay is the work, and what lenders gain less what they lose.
    assert deal_row["cost_of_capital"] - deal_row["lenders_losses"] == pytest.approx(mean - 1000, abs=0.01)
    assert fund["paid_by_funders"] == pytest.approx(deal_row["paid_by_funders"])


def test_money_in_a_fund_is_dearer_and_cannot_be_withheld() -> None:
    risk = {"missed": figure(0.5, "share a year")}
    each = uncertain(deal=contract(parties=parties(appropriation=risk)))
    table = alternatives_table(each).set_index("alternative")
    assert table.loc["outcomes fund", "paid_by_funders"] > 1.8 * table.loc["outcomes contract", "paid_by_funders"]
    assert table.loc["outcomes contract", "lenders_losses"] > table.loc["outcomes fund", "lenders_losses"]


# --- luck ---


def samples(n: int) -> pd.DataFrame:
    return pd.DataFrame({"draw": np.arange(n) // 2, "world": np.arange(n)})


def test_luck_is_keyed_and_uniform() -> None:
    first, again = luck(samples(20_000), "a", 1), luck(samples(20_000), "a", 1)
    assert (first == again).all()
    assert (first[:10] == luck(samples(10), "a", 1)).all()
    other = luck(samples(20_000), "a", 2)
    assert abs(np.corrcoef(first, other)[0, 1]) < 0.03
    assert abs(np.corrcoef(first[:-1], first[1:])[0, 1]) < 0.03
    histogram = np.histogram(first, bins=10, range=(0, 1))[0]
    assert (abs(histogram - 2000) < 200).all()


def test_a_legislature_that_appropriates_nothing_pays_nothing_that_fiscal_year() -> None:
    cells = [*ONE, ("kindergarten_ready", 2016, "2021-12-01"), ("kindergarten_ready", 2017, "2022-03-01")]
    for then in ("year", "all_later"):
        risk = {"missed": figure(0.3, "share a year"), "then": then}
        dealt = contract(parties=parties(appropriation=risk), cohorts=[2015, 2016, 2017])
        results = evaluation(cells, n=10.0, rate=1.0, samples=4000)
        payments = owed(dealt, results, seed=3)
        unpaid = payments.paid == 0
        assert payments.reasons()[0].startswith("not appropriated in ")
        # December 2021 and April 2022 lie in one fiscal year; December 2020 in the one before. School years begin 2019.
        assert (unpaid[:, 1] == unpaid[:, 2]).all()
        if then == "year":
            assert unpaid.mean(axis=0) == pytest.approx([0.3, 0.3, 0.3], abs=0.03)
            assert (unpaid[:, 0] & ~unpaid[:, 1]).any()
        else:
            assert unpaid.mean(axis=0) == pytest.approx([1 - 0.7**2, 1 - 0.7**3, 1 - 0.7**3], abs=0.03)
            assert not (unpaid[:, 0] & ~unpaid[:, 1]).any()
    assert Appropriations(contract(), results.samples).missed("city", 2021, 1) is None


def test_worth_to_the_payer_limits_a_payment() -> None:
    worth = parties(worth_per_unit={"kindergarten_ready": figure(40)})
    dealt = contract(parties=worth, metrics=[net_metric(price=100)])
    payments = owed(dealt, evaluation(ONE, n=10.0, rate=0.9, comparison=0.4))
    assert payments.paid[:, 0].tolist() == [200_00] * 3
    with pytest.raises(ValueError, match="counted net: a gross count also holds"):
        contract(parties=worth)


def test_other_projects_luck_has_the_quartiles_that_were_reported() -> None:
    drawn = drawn_optimism(samples(20_000), 1)
    assert np.quantile(drawn, [0.25, 0.5, 0.75]) == pytest.approx([0.71, 0.93, 1.04], abs=0.02)
    assert OPTIMISM[0][1] <= drawn.min() and drawn.max() <= OPTIMISM[-1][1]
    each = uncertain()
    plain, other = each.owed().paid.sum(axis=1), replace(each, optimism=True).owed().paid.sum(axis=1)
    assert other == pytest.approx(plain * drawn_optimism(each.evaluation.samples, each.seed), abs=0.51)
    assert 0.8 < other.mean() / plain.mean() < 0.95
