"""What a deal is worth on a study: what is true, what is reported, what is paid, and who gets the cash."""

import numpy as np
import pandas as pd
import pytest

from cradlecast.finance.valuation import DRAWS_FOR_TAILS, Valuation, value_deal
from cradlecast.scenarios.deal import Deal
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.library import load_deal
from tests.deal_examples import capped, cell, deal, figure, metric, net_metric, study

SEAT_YEARS = {2019: 1000.0, 2020: 1000.0, 2021: 1000.0}
READINGS = {"prek_attendance": "05-31", "preliteracy_growth": "05-31", "kindergarten_ready": "09-01"}
RATES = {"prek_attendance": 0.75, "preliteracy_growth": 0.60, "kindergarten_ready": 0.45}


def coins(rng: np.random.Generator, n: int, rate: float) -> str:
    """Children who reach a metric by chance."""
    return "".join(np.where(rng.random(n) < rate, "1", "0"))


def memphis_study(effect: float, n_draws: int = 20, n: int = 60) -> pd.DataFrame:
    """Three cohorts whose readiness the seats raise by an effect; one child stands for 930 / n."""
    rng = np.random.default_rng(7)
    cells = []
    for draw in range(n_draws):
        for cohort in (2015, 2016, 2017):
            for name, day in READINGS.items():
                gain = effect if name == "kindergarten_ready" else 0.0
                cells.append(
                    cell(
                        name,
                        f"{cohort + 5}-{day}",
                        seated=coins(rng, n, RATES[name] + gain),
                        twin=coins(rng, n, RATES[name]),
                        without_seat=coins(rng, n, RATES[name]),
                        draw=draw,
                        cohort=cohort,
                        weight=930 / n,
                    )
                )
    return study(*cells)


@pytest.fixture(scope="module")
def memphis() -> Deal:
    return load_deal("memphis-illustrative")


@pytest.fixture(scope="module")
def priced(memphis: Deal) -> Valuation:
    return value_deal(memphis, memphis_study(effect=0.08), SEAT_YEARS)


def two_futures() -> Valuation:
    """The deal worked by hand: the city pays 100 a child, for twelve children in one future and for none in another."""
    children = study(
        cell(day="2020-12-01", seated="1" * 12, twin="1" * 6 + "0" * 6),
        cell(day="2020-12-01", seated="0" * 12, true="1" * 12, draw=1),
    )
    return value_deal(deal(), children, {})


def test_amounts_are_means_over_futures_with_their_interval() -> None:
    # 1,200 on 31 December 2020: interest 80 and 800, interest 10 and 200, and 110 over. Or nothing at all.
    value = two_futures()
    assert (value.n_draws, value.n_samples) == (2, 2)
    row = value.payments.iloc[0]
    assert (row["units"], row["gross"], row["paid"]) == (6.0, 600.0, 600.0)
    assert (row["paid_low"], row["paid_high"]) == (60.0, 1140.0)
    assert row["reason"] == "nothing earned in 50% of futures"
    assert value.cash.loc[value.cash["line"] == "residual", "amount"].item() == 55.0


def test_the_return_is_that_of_the_mean_flows_and_not_the_mean_of_returns() -> None:
    senior, subordinate = (row for _, row in two_futures().tranches.iterrows())
    assert (senior["invested"], senior["returned"], senior["moic"]) == (800.0, 440.0, 0.55)
    assert senior["xirr"] == pytest.approx(440 / 800 - 1, abs=1e-9)  # one year of 365 days
    assert senior["xirr_low"] == pytest.approx(-1 + 0.05 * 1.1, abs=1e-9)
    assert senior["xirr_high"] == pytest.approx(-1 + 0.95 * 1.1, abs=1e-9)
    assert subordinate["xirr"] == pytest.approx(105 / 200 - 1, abs=1e-9)
    assert (senior["n_losses"], senior["n_samples"]) == (1, 2)


def test_the_odds_of_a_loss_are_not_given_for_a_few_draws() -> None:
    assert np.isnan(two_futures().tranches["loss_probability"]).all()
    cells = [cell(seated="1" * 12 if draw % 4 else "0", day="2020-12-01", draw=draw) for draw in range(DRAWS_FOR_TAILS)]
    value = value_deal(deal(), study(*cells), {})
    assert value.tranches["loss_probability"].tolist() == [0.25, 0.25]
    fewer = value_deal(deal(), study(*cells[:-1], cells[0].assign(world=5)), {})
    assert fewer.n_samples == DRAWS_FOR_TAILS
    assert np.isnan(fewer.tranches["loss_probability"]).all()


def test_a_total_loss_is_shown_as_one() -> None:
    value = value_deal(deal(), study(cell(seated="000", day="2020-12-01")), {})
    assert value.tranches["xirr"].tolist() == [-1.0, -1.0]
    assert value.tranches["moic"].tolist() == [0.0, 0.0]
    assert value.tranches["returned"].tolist() == [0.0, 0.0]
    assert value.tranches["n_losses"].tolist() == [1, 1]


def test_true_effect_evaluated_effect_payment_and_payment_on_the_truth_stand_side_by_side() -> None:
    # Twelve children; the seat made the difference for six of them, and in the other future for all, unseen.
    row = two_futures().outcomes.iloc[0]
    assert row["true_effect"] == pytest.approx((0.5 + 1.0) / 2)
    assert np.isnan(row["evaluated_effect"])  # a gross count has no comparison
    assert row["rate_seated"] == pytest.approx(0.5)
    assert (row["paid"], row["paid_on_true_effect"]) == (600.0, 900.0)
    assert row["unpaid_despite_true_effect"] == 0.5
    assert row["paid_without_true_effect"] == 0.0


def test_an_effect_of_nought_may_still_pay_and_the_odds_are_shown() -> None:
    rng = np.random.default_rng(3)
    cells = []
    for draw in range(400):
        same = coins(rng, 50, 0.4)
        cells.append(cell(seated=same, twin=same, without_seat=coins(rng, 50, 0.4), day="2020-12-01", draw=draw))
    row = value_deal(deal(metrics=[net_metric()]), study(*cells), {}).outcomes.iloc[0]
    assert row["true_effect"] == row["true_effect_low"] == row["true_effect_high"] == 0.0
    assert row["evaluated_effect_low"] < -0.1 < 0.1 < row["evaluated_effect_high"]
    # Two samples of fifty: the first is ahead a little less than half the time, for ties pay nothing.
    assert 0.38 < row["paid_without_true_effect"] < 0.52
    assert row["paid_on_true_effect"] == 0.0
    assert row["paid"] > 0


def test_a_gross_count_pays_for_what_would_have_happened_anyway() -> None:
    row = value_deal(deal(), study(cell(seated="1111", twin="1111", day="2020-12-01")), {}).outcomes.iloc[0]
    assert (row["true_effect"], row["paid"], row["paid_on_true_effect"]) == (0.0, 400.0, 0.0)
    assert row["paid_without_true_effect"] == 1.0


def test_payers_are_shown_with_their_caps_and_what_they_pay_beside_outcomes() -> None:
    contract = deal(
        parties=capped("city", 250),
        metrics=[metric(), metric("preliteracy_growth", payer="county")],
        sources=[
            *deal().model_dump(mode="json")["sources"],
            {"kind": "grant", "name": "gift", "party": "county", "amount": figure(50)},
        ],
        uses=[*deal().model_dump(mode="json")["uses"], _extra(50)],
    )
    cells = [cell(name, "2020-12-01", seated="1111") for name in ("kindergarten_ready", "preliteracy_growth")]
    value = value_deal(contract, study(*cells), {})
    payers = value.payers.set_index("payer")
    assert payers.loc["city", ["paid", "cap", "direct"]].tolist() == [250.0, 250.0, 0.0]
    assert payers.loc["county", ["paid", "direct"]].tolist() == [400.0, 50.0]
    assert np.isnan(payers.loc["county", "cap"])
    assert value.payments["reason"].tolist() == ["cap over the payer's life in 100% of futures", "paid in full"]


def test_the_memphis_deal_is_priced_from_its_file(priced: Valuation) -> None:
    assert priced.payments["date"].is_monotonic_increasing
    assert priced.payments["date"].iloc[[0, -1]].dt.strftime("%Y-%m-%d").tolist() == ["2020-06-30", "2023-01-31"]
    senior = priced.tranches.set_index("name").loc["senior"]
    assert senior["invested"] == 6_000_000
    assert 0.04 < senior["xirr"] < 0.06
    assert priced.checks["ok"].all()
    assert (priced.checks["difference"] == 0).all()


def test_the_memphis_deal_gives_out_as_much_as_it_takes_in(priced: Valuation) -> None:
    assert priced.cash["amount"].sum() == pytest.approx(0.0, abs=1e-6)
    received = priced.cash.groupby("party")["amount"].sum()
    assert received["prek-operators"] == 24_000_000
    assert received["shelby-county"] + received["city-of-memphis"] == pytest.approx(
        -(priced.payers["paid"].sum() + priced.payers["direct"].sum())
    )
    outcome_payments = priced.cash[priced.cash["line"].str.endswith("outcome payment")]
    assert -outcome_payments["amount"].sum() == pytest.approx(priced.payments["paid"].sum())


def test_the_subordinate_lender_of_the_memphis_deal_loses_where_the_seats_teach_nothing(memphis: Deal) -> None:
    value = value_deal(memphis, memphis_study(effect=0.0), SEAT_YEARS)
    assert value.outcomes["true_effect"].abs().max() < 0.06
    tranches = value.tranches.set_index("name")
    # The gross counts pay all the same: the senior lender hardly notices.
    assert tranches.loc["senior", "moic"] > 1
    assert tranches.loc["subordinate", "n_losses"] > 0


def test_a_valuation_does_not_depend_on_the_order_of_the_rows(memphis: Deal) -> None:
    children = memphis_study(effect=0.08, n_draws=3)
    first, second = (
        value_deal(memphis, table, SEAT_YEARS) for table in (children, children.sample(frac=1, random_state=2))
    )
    for name in ("payments", "tranches", "outcomes", "cash", "payers", "sources_uses", "checks"):
        pd.testing.assert_frame_equal(getattr(first, name), getattr(second, name))


def test_a_deal_whose_seats_cost_more_asks_the_budget_for_the_rest(memphis: Deal) -> None:
    value = value_deal(memphis, memphis_study(effect=0.08, n_draws=2), SEAT_YEARS, seat_cost=9000.0)
    budget = value.sources_uses.set_index("name").loc["direct-appropriation"]
    assert budget["amount"] == 13_200_000
    with pytest.raises(InputError, match="would be negative"):
        value_deal(memphis, memphis_study(effect=0.08, n_draws=2), SEAT_YEARS, seat_cost=1000.0)


def _extra(amount: float) -> dict[str, object]:
    """A further use."""
    return {"name": "extra", "title": "extra", "to": "manager", "amount": figure(amount), "dates": ["2020-01-01"]}


def test_the_odds_follow_the_wanted_direction() -> None:
    # Fewer placements than in the baseline are an effect; nobody sees it, since the comparison has fewer yet.
    fewer = deal(metrics=[net_metric("special_education", better="lower")])
    children = study(cell("special_education", day="2020-12-01", seated="1000", twin="1111", without_seat="0000"))
    [row] = value_deal(fewer, children, {}).outcomes.to_dict("records")
    assert row["true_effect"] == -0.75
    assert (row["no_true_effect"], row["unpaid_despite_true_effect"]) == (0.0, 1.0)
    assert (row["paid"], row["paid_on_true_effect"]) == (0.0, 300.0)
