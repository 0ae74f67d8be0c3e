"""Payment rules, each worked by hand: what a result comes to before anything is cut."""

from datetime import date

import numpy as np
import pytest

from cradlecast.finance.rules import (
    Owed,
    Reading,
    accrued,
    argument,
    holds,
    nothing_owed,
    pooled,
    price_in,
    repaid,
    scheduled,
    shared,
)
from cradlecast.scenarios.contract import Condition, Metric, Schedule, Whole
from tests.deal_examples import figure, metric

NAN = float("nan")


def reading(day: str = "2020-06-01", cohort: int = 2015, **values: float) -> Reading:
    """A result with what is given, and nothing else."""
    names = ("n", "n_comparison", "rate", "comparison_rate", "effect", "relative", "units", "amount")
    arrays = {name: np.array([values.get(name, NAN)]) for name in names}
    return Reading("days", cohort, date.fromisoformat(day), **arrays)


def line(**changes: object) -> Metric:
    """A metric of the examples."""
    return Metric.model_validate(metric("days", **changes))


NET = {"count": "net", "comparison": "as_reported"}


def test_units_are_counted_gross_or_net_and_reported_ones_come_first() -> None:
    found = reading(n=200, rate=0.6, comparison_rate=0.5)
    assert argument("units", found, line()).item() == pytest.approx(120)
    assert argument("units", found, line(**NET)).item() == pytest.approx(20)
    assert argument("units", reading(n=200, rate=0.6, units=7), line()).item() == 7


def test_days_avoided_are_units_where_less_is_better() -> None:
    # 100 children with 180 days each against 200 in the control group: 2,000 days avoided.
    found = reading(n=100, rate=180, comparison_rate=200)
    assert argument("units", found, line(better="lower", **NET)).item() == pytest.approx(2000)
    assert argument("effect", found, line(better="lower", **NET)).item() == pytest.approx(20)
    assert argument("relative", found, line(better="lower", **NET)).item() == pytest.approx(0.1)
    worse = reading(n=100, rate=210, comparison_rate=200)
    assert argument("units", worse, line(better="lower", **NET)).item() == 0


def test_a_threshold_holds_at_the_threshold_whatever_floating_point_says() -> None:
    found = reading(n=100, rate=0.3, comparison_rate=0.2)
    value = argument("effect", found, line(**NET))
    assert value.item() < 0.1  # 0.3 - 0.2 is not 0.1
    assert holds(Condition.model_validate({"of": "effect", "at_least": 0.1}), value).item()
    assert not holds(Condition.model_validate({"of": "effect", "at_least": 0.1001}), value).item()
    assert not holds(Condition.model_validate({"of": "effect", "at_least": 0.1}), np.array([NAN])).item()
    assert not holds(Condition.model_validate({"of": "effect", "at_most": 0.1}), np.array([NAN])).item()


def test_a_schedule_pays_by_band_with_a_cliff_a_slope_and_a_flat_sum_above() -> None:
    schedule = Schedule.model_validate(
        {
            "of": "effect",
            "bands": [
                {"from": 0.05, "to": 0.10, "pay": figure(1000)},
                {"from": 0.10, "to": 0.30, "pay": figure(5000), "per_point": figure(200)},
                {"from": 0.30, "pay": figure(12_000)},
            ],
        }
    )
    x = np.array([NAN, -1, 0.049, 0.05, 0.0999, 0.10, 0.15, 0.2999, 0.30, 2.0])
    assert scheduled(schedule, x) == pytest.approx([0, 0, 0, 1000, 1000, 5000, 6000, 8998, 12_000, 12_000])


def test_a_result_is_rounded_as_the_contract_says_a_half_upward() -> None:
    bands = [{"from": 0.10, "pay": figure(5000)}]
    exact = Schedule.model_validate({"of": "effect", "bands": bands})
    to_points = Schedule.model_validate({"of": "effect", "bands": bands, "round_to": 0.01})
    x = np.array([0.094, 0.095, 0.0999])
    assert scheduled(exact, x).tolist() == [0, 0, 0]
    assert scheduled(to_points, x).tolist() == [0, 5000, 5000]


def test_prices_escalate_by_the_year_of_measurement() -> None:
    terms = {"rate": figure(0.01, "share"), "first_year": 2016}
    escalating = line(price=9100, escalator=terms)
    assert price_in(escalating, 2016) == 9100
    assert price_in(escalating, 2018) == pytest.approx(9100 * 1.01 * 1.01)
    assert price_in(line(), 2018) == 100


def test_pooled_cohorts_are_weighted_by_the_children_served() -> None:
    one = reading("2020-06-01", 2015, n=100, n_comparison=50, rate=0.6, comparison_rate=0.5)
    other = reading("2021-06-01", 2016, n=300, n_comparison=50, rate=0.4, comparison_rate=0.4)
    both = pooled([one, other])
    assert (both.date, both.cohort) == (date(2021, 6, 1), "2015, 2016")
    assert both.n.item() == 400
    assert both.rate.item() == pytest.approx(0.45)
    assert argument("effect", both, line(**NET)).item() == pytest.approx(0.025)
    assert argument("units", both, line(**NET)).item() == pytest.approx(10)


def test_a_cohort_without_comparison_does_not_blot_out_the_others() -> None:
    one = reading("2020-06-01", 2015, n=100, rate=0.6, comparison_rate=0.5)
    other = reading("2021-06-01", 2016, n=300, rate=0.4)
    assert pooled([one, other]).comparison_rate.item() == pytest.approx(0.5)


# --- shares of savings ---


def whole(compounding: str) -> Whole:
    """A million put in on the first day of 2015 and again a year later, at 5 %."""
    advances = [{"date": date(2015, 1, 1), "amount": figure(1e6)}, {"date": date(2016, 1, 1), "amount": figure(1e6)}]
    return Whole.model_validate({"advances": advances, "rate": figure(0.05, "share"), "compounding": compounding})


@pytest.mark.parametrize(
    ("compounding", "interest"),
    [
        ("once", 100_000.0),
        ("simple", 50_000 + 2e6 * 0.05 * 366 / 365),
        ("annual", 50_000 + 2.05e6 * (1.05 ** (366 / 365) - 1)),
    ],
)
def test_what_investors_are_owed_grows_as_the_deal_says(compounding: str, interest: float) -> None:
    day = date(2017, 1, 1)  # 2016 was a leap year
    due = accrued(whole(compounding), nothing_owed(1), None, day)
    assert (due.principal.item(), due.interest.item()) == (2e6, pytest.approx(interest))
    first = accrued(whole(compounding), nothing_owed(1), None, date(2015, 7, 1))
    in_two_steps = accrued(whole(compounding), first, date(2015, 7, 1), day)
    assert in_two_steps.total.item() == pytest.approx(due.total.item())


def test_nothing_is_owed_before_the_first_advance() -> None:
    assert accrued(whole("simple"), nothing_owed(1), None, date(2014, 12, 31)).total.item() == 0


def test_a_payment_goes_to_the_base_return_first() -> None:
    due = repaid(Owed(np.array([1000.0]), np.array([50.0])), np.array([150.0]))
    assert (due.principal.item(), due.interest.item()) == (900.0, 0.0)
    assert repaid(due, np.array([5000.0])).total.item() == 0


def test_the_share_of_savings_changes_within_a_payment_once_investors_are_whole() -> None:
    # 95 % of savings until 190 is paid: that takes 200 of savings. Of the other 100, 40 % is paid.
    owed = np.array([190.0, 1000.0, 0.0])
    assert shared(np.array([300.0, 300.0, 300.0]), 0.95, 0.4, owed) == pytest.approx([190 + 40, 285, 120])
    assert shared(np.array([300.0]), 0.0, 0.4, np.array([190.0])) == pytest.approx([120])
