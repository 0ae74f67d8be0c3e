"""What a return is, and what it is not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cradlecast.finance.returns import HIGHEST_RATE, LOWEST_RATE, moic, xirr, xirr_many
from cradlecast.scenarios.errors import InputError

EXCEL_DATES = ["2008-01-01", "2008-03-01", "2008-10-30", "2009-02-15", "2009-04-01"]
EXCEL_FLOWS = [-10_000, 2_750, 4_250, 3_250, 2_750]
EXCEL_RATE, EXCEL_ACCURACY = 0.373362535, 1e-8  # the function stops within 0.000001 %


def days(*years: float) -> np.ndarray:
    """Dates so many years of 365 days after 2020 began."""
    return np.datetime64("2020-01-01") + np.array([round(365 * year) for year in years], dtype="timedelta64[D]")


def test_the_example_in_the_documentation_of_the_spreadsheet_function_is_met() -> None:
    assert xirr(EXCEL_DATES, EXCEL_FLOWS).rate == pytest.approx(EXCEL_RATE, abs=EXCEL_ACCURACY)
    assert xirr_many(EXCEL_DATES, [EXCEL_FLOWS])[0] == pytest.approx(EXCEL_RATE, abs=EXCEL_ACCURACY)


def test_the_order_of_the_dates_and_flows_of_nothing_do_not_matter() -> None:
    dates, flows = [*EXCEL_DATES[::-1], "2015-01-01"], [*EXCEL_FLOWS[::-1], 0]
    assert xirr(dates, flows).rate == pytest.approx(xirr(EXCEL_DATES, EXCEL_FLOWS).rate, abs=1e-12)
    assert xirr_many(dates, [flows])[0] == pytest.approx(EXCEL_RATE, abs=EXCEL_ACCURACY)


def test_one_year_is_365_days_and_the_rate_is_effective() -> None:
    assert xirr(days(0, 2), [-100, 121]).rate == pytest.approx(0.10, abs=1e-12)


def test_a_total_loss_is_minus_one_exactly() -> None:
    answer = xirr(days(0, 1, 2), [-100, -50, 0])
    assert answer.rate == -1.0
    assert "total loss" in answer.reason
    assert xirr_many(days(0, 1, 2), [[-100, -50, 0]])[0] == -1.0


def test_flows_without_money_put_in_have_no_rate() -> None:
    for flows in ([10.0, 10.0], [0.0, 0.0]):
        assert np.isnan(xirr(days(0, 1), flows).rate)
        assert xirr(days(0, 1), flows).reason == "no money was put in"
        assert np.isnan(xirr_many(days(0, 1), [flows])[0])


def test_flows_on_one_day_have_no_rate() -> None:
    answer = xirr(days(0, 0), [-100, 110])
    assert np.isnan(answer.rate)
    assert answer.reason == "all flows fall on one day"
    assert np.isnan(xirr_many(days(0, 0, 1), [[-100, 110, 0]])[0])


def test_two_rates_are_both_found_and_neither_is_reported() -> None:
    dates, flows = days(0, 1, 2), [-100.0, 230.0, -132.0]  # (1 + r) is 1.1 or 1.2
    answer = xirr(dates, flows)
    assert answer.sign_changes == 2
    assert answer.roots == pytest.approx((0.10, 0.20), abs=1e-9)
    assert np.isnan(answer.rate)
    assert "2 rates" in answer.reason
    assert np.isnan(xirr_many(dates, [flows])[0])


def test_three_rates_are_all_found() -> None:
    growth = np.poly([1.05, 1.25, 2.0])  # coefficients of (g - 1.05)(g - 1.25)(g - 2), highest power first
    answer = xirr(days(0, 1, 2, 3), -100 * growth)
    assert answer.roots == pytest.approx((0.05, 0.25, 1.0), abs=1e-9)


def test_a_rate_at_which_the_flows_only_touch_nought_is_found_once() -> None:
    answer = xirr(days(0, 1, 2), [-100, 220, -121])  # (1 + r - 1.1) squared
    assert answer.roots == pytest.approx((0.10,), abs=1e-6)


def test_several_sign_changes_with_one_rate_are_answered() -> None:
    flows = [-100.0, 10.0, -100.0, 10.0, 210.0]
    answer = xirr(days(0, 1, 1.5, 2, 2.5), flows)
    assert answer.sign_changes == 3
    assert len(answer.roots) == 1
    assert xirr_many(days(0, 1, 1.5, 2, 2.5), [flows])[0] == pytest.approx(answer.rate, abs=1e-8)


def test_flows_that_no_rate_solves_are_refused_in_words() -> None:
    answer = xirr(days(0, 1, 2), [-100, 100, -100])
    assert np.isnan(answer.rate)
    assert answer.reason == "no rate solves these flows"


def test_the_answer_is_bounded() -> None:
    assert xirr(days(0, 1 / 365), [-100, 50]).rate == LOWEST_RATE
    assert xirr(days(0, 1 / 365), [-100, 150]).rate == HIGHEST_RATE
    assert xirr_many(days(0, 1 / 365), [[-100, 50], [-100, 150]]).tolist() == [LOWEST_RATE, HIGHEST_RATE]


def test_money_that_comes_first_is_a_cost_of_borrowing() -> None:
    answer = xirr(days(0, 1), [100, -110])
    assert answer.rate == pytest.approx(0.10)
    assert "borrowing" in answer.reason
    assert xirr_many(days(0, 1), [[100, -110]])[0] == pytest.approx(0.10)


def test_flows_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(InputError, match="finite"):
        xirr(days(0, 1), [-100, np.nan])
    with pytest.raises(InputError, match="one finite amount a date"):
        xirr_many(days(0, 1), [[-100, 50, 60]])


def test_a_multiple_is_nought_after_a_total_loss_and_absent_without_capital() -> None:
    assert moic([100, 100, 0], [115, 0, 0]).tolist()[:2] == [1.15, 0.0]
    assert np.isnan(moic(0.0, 0.0))


@settings(max_examples=150, derandomize=True, deadline=None, database=None)
@given(
    flows=st.lists(st.integers(-1000, 1000), min_size=2, max_size=9),
    gaps=st.lists(st.integers(1, 700), min_size=9, max_size=9),
)
def test_every_rate_reported_solves_the_flows_and_many_agree_with_one(flows: list[int], gaps: list[int]) -> None:
    dates = np.datetime64("2019-08-15") + np.cumsum(gaps[: len(flows)]).astype("timedelta64[D]")
    answer = xirr(dates, flows)
    years = (dates - dates[0]).astype(int) / 365
    for root in answer.roots:
        parts = np.array(flows) * (1 + root) ** -years
        assert abs(parts.sum()) <= 1e-8 * np.abs(parts).sum()
    assert len(answer.roots) <= answer.sign_changes
    assert xirr_many(dates, [flows])[0] == pytest.approx(answer.rate, abs=1e-6, nan_ok=True)
