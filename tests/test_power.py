"""What an evaluation can see before anybody signs, and how often it pays for nothing."""

import json

import numpy as np
import pytest
from scipy import stats

from cradlecast.cli import main
from cradlecast.finance.evaluation import evaluate
from cradlecast.finance.power import (
    minimum_detectable_effect,
    odds,
    power_table,
    regression_to_the_mean,
    screens_table,
)
from cradlecast.pricing import price
from cradlecast.scenarios.deal import Deal
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.library import load_scenario
from cradlecast.scenarios.options import Options
from tests.deal_examples import cell, deal, declaration, figure, line, metric, net_metric, study

TEN_PERCENT_BETTER = [{"any_of": [{"of": "effect", "at_least": 0.04}]}]


def chances(n: float, effects: list[float], **changes: object) -> list[float]:
    """Chance of payment by true effect at a base rate of 40 %."""
    contract = deal(metrics=[net_metric(**changes)])
    found = odds(contract, contract.metrics[0], n, n, 0.4, effects)
    return list(found["chance_of_payment"])


def test_a_threshold_pays_for_nothing_18_percent_of_the_time_at_250_a_side() -> None:
    [chance] = chances(250, [0.0], requires=TEN_PERCENT_BETTER)
    normal = 1 - stats.norm.cdf(0.04 / np.sqrt(2 * 0.4 * 0.6 / 250))
    assert normal == pytest.approx(0.18, abs=0.005)
    assert chance == pytest.approx(normal, abs=0.015)


@pytest.mark.parametrize("n", [250, 1000, 10_000])
def test_a_threshold_at_the_true_effect_is_met_half_of_the_time_whatever_the_sample(n: int) -> None:
    [chance] = chances(n, [0.04], requires=TEN_PERCENT_BETTER)
    assert chance == pytest.approx(0.5, abs=0.03)


def test_a_larger_sample_pays_less_often_for_nothing_and_more_often_for_something() -> None:
    small, large = (chances(n, [0.0, 0.08], requires=TEN_PERCENT_BETTER) for n in (100, 2000))
    assert large[0] < 0.01 < 0.2 < small[0]
    assert small[1] < 0.8 < 0.99 < large[1]


def test_the_minimum_detectable_effect_is_found_four_times_in_five() -> None:
    least = minimum_detectable_effect(250, 250, 0.4)
    assert least == pytest.approx(2.8016 * np.sqrt(0.4 * 0.6 * 2 / 250), rel=1e-4)
    contract = deal(metrics=[net_metric()])
    found = odds(contract, contract.metrics[0], 250, 250, 0.4, [0.0, least])
    assert found["chance_of_significance"].tolist() == pytest.approx([0.05, 0.8], abs=1e-3)


def test_without_error_a_true_effect_earns_its_price() -> None:
    contract = deal(metrics=[net_metric(price=1000.0, cap_per_payment=figure(15_000))])
    found = odds(contract, contract.metrics[0], 250, 250, 0.4, [0.0, 0.04, 0.08])
    assert found["payment_without_error"].tolist() == pytest.approx([0, 10_000, 15_000])
    assert found["mean_payment"].iloc[0] > 1000  # chance alone earns, since nothing is owed back
    assert (found["payment_high"] <= 15_000).all()


def test_a_gross_count_has_no_effect_to_find() -> None:
    contract = deal(metrics=[metric()])
    found = odds(contract, contract.metrics[0], 250, 250, 0.4, [0.0])
    assert found[["minimum_detectable_effect", "chance_of_significance", "n_comparison"]].isna().all(axis=None)
    assert found["chance_of_payment"].item() == 1.0
    assert found["mean_payment"].item() == pytest.approx(250 * 0.4 * 100, rel=0.01)


@pytest.mark.parametrize(("n", "base"), [(1, 0.4), (250, 0.0), (250, 1.0), (250, float("nan"))])
def test_evaluations_that_cannot_be_are_refused(n: float, base: float) -> None:
    contract = deal(metrics=[net_metric()])
    with pytest.raises(InputError, match="an evaluation needs at least 2 children on each side and a base rate"):
        odds(contract, contract.metrics[0], n, n, base, [0.0])


# --- regression to the mean ---


def test_children_flagged_by_a_noisy_test_come_back_to_the_mean_untouched() -> None:
    rng = np.random.default_rng(3)
    stable, noise = rng.standard_normal(400_000), rng.standard_normal((2, 400_000))
    first, second = np.sqrt(0.7) * stable + np.sqrt(0.3) * noise
    cut = stats.norm.ppf(0.2)
    seen = (second[first < cut] >= cut).mean()
    assert regression_to_the_mean(0.2, 0.7) == pytest.approx(seen, abs=0.005)
    assert regression_to_the_mean(0.2, 0.9) < regression_to_the_mean(0.2, 0.7) < 0.8
    with pytest.raises(InputError, match="flagged must lie between 0 and 1"):
        regression_to_the_mean(20, 0.7)


def screened(share: float, **method: object) -> dict[str, object]:
    """A deal of the Utah kind on children flagged at entry."""
    terms = {"screened": figure(share, "share"), "counterfactual": figure(1.0, "share"), **method}
    return metric("special_education", count="net", comparison="fixed", better="lower", method=terms)


def test_a_screen_pays_for_what_would_have_come_anyway() -> None:
    # Ten seated, entry scores rise with the letter. Flagged are the first four; one is placed, none less than in the
    # baseline. All four are held to have needed it: three are paid for, and the program did nothing.
    contract = deal(metrics=[screened(0.4)])
    children = study(cell("special_education", seated="1000010000", twin="1000010000", without_seat="11"))
    evaluation = evaluate(contract, children)
    assert evaluation.n_seated.item() == 4
    assert evaluation.true_effect.item() == 0
    found = screens_table(contract, evaluation)
    assert found[["rate_held", "rate_without", "claimed_effect", "true_effect"]].to_numpy().tolist() == [
        [1.0, 0.25, 0.75, 0.0]
    ]
    assert found["regression"].item() == 0.75


def test_a_deal_without_a_screen_has_no_row_of_it() -> None:
    contract = deal(metrics=[net_metric()])
    assert screens_table(contract, evaluate(contract, study(cell(seated="11", without_seat="10")))).empty


# --- tables and the command ---


def test_a_study_is_told_the_odds_at_its_own_sizes() -> None:
    contract = deal(metrics=[net_metric()])
    children = study(cell(seated="1" * 30 + "0" * 20, twin="1" * 20 + "0" * 30, without_seat="1" * 20 + "0" * 30))
    found = power_table(contract, evaluate(contract, children))
    assert found["true_effect"].tolist() == pytest.approx([0, 0.1, 0.2, 0.4])
    assert set(found["n"]) == set(found["n_comparison"]) == {50}
    assert found["base_rate"].unique().tolist() == [0.4]
    assert found["chance_of_payment"].is_monotonic_increasing


def test_the_command_says_the_odds_without_a_study(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["power", "memphis-illustrative", "--metric", "kindergarten_ready", "--per-side", "250"]
    assert main([*words, "--base-rate", "0.4", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["power"]
    assert [row["true_effect"] for row in rows] == pytest.approx([0, 0.02, 0.04, 0.08, 0.12])
    assert main([*words, "--base-rate", "0.4"]) == 0
    assert "12.28 points are found four times in five" in capsys.readouterr().out
    assert main([*words, "--base-rate", "40"]) == 2
    assert "a base rate between 0 and 1" in capsys.readouterr().err
    assert main([*words[:3], "kindergarten_redy", *words[4:], "--base-rate", "0.4"]) == 2
    assert "did you mean 'kindergarten_ready'?" in capsys.readouterr().err


def test_a_deal_of_the_utah_kind_pays_on_simulated_children_for_what_the_screen_gives_back() -> None:
    terms = declaration(
        school_years=[2019, 2020, 2021],
        cohorts=[2015, 2016, 2017],
        metrics=[screened(0.2)],
        uses=[line("services", 1000, "2019-09-01")],
    )
    scenario = load_scenario("memphis-prek-1000-lapse")
    found = price(Deal.model_validate(terms), scenario, Options(children=3000, draws=3, worlds=1, horizon=10))
    [screen] = found.tables["screens"].to_dict("records")
    assert screen["n"] == pytest.approx(0.2 * 930, rel=0.1)
    assert screen["rate_held"] == 1.0
    assert 0.05 < screen["rate_without"] < 0.6  # most of those flagged would not have been placed
    assert screen["claimed_effect"] > 3 * abs(screen["true_effect"])
    [outcome] = found.tables["outcomes"].to_dict("records")
    assert outcome["paid"] > 3 * outcome["paid_on_true_effect"]
    assert set(found.tables["power"]["metric"]) == {"special_education"}
