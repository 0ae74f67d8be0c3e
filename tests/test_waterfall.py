"""Cash through a deal: who is paid first, and that no dollar is lost."""

from collections import Counter
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cradlecast.finance.budget import commitments, due_uses
from cradlecast.finance.cash import Cash
from cradlecast.finance.payments import Payments
from cradlecast.finance.returns import xirr
from cradlecast.finance.waterfall import run_waterfall
from cradlecast.scenarios.deal import Deal
from tests.deal_examples import TWO_LOANS, deal, figure, line, paid, step, tranche

BACKSTOP = {"kind": "appropriation", "name": "budget", "party": "city", "balance": True}
RECYCLED = {"kind": "recycled", "name": "recycled", "amount": figure(300), "backstop": "budget"}
A_SEAT = {
    "name": "seats",
    "title": "seats",
    "to": "provider",
    "per_seat": figure(500),
    "instalments": [{"month": 8, "day": 15, "share": 1.0}],
}


def run(contract: Deal, payments: Payments, seat_years: dict[int, float] | None = None) -> Cash:
    """The cash of a deal whose outcome payments are given."""
    dues = due_uses(contract, seat_years or {})
    return run_waterfall(contract, dues, commitments(contract, dues), payments)


def flows(cash: Cash, name: str) -> list[tuple[str, float]]:
    """Dates and dollars of a tranche in the first sample."""
    dates, cents = cash.flows(name)
    return [(str(day), amount / 100) for day, amount in zip(dates, cents[0].tolist(), strict=True)]


def test_two_dates_worked_by_hand() -> None:
    # 365 days at 10 % on 800 are 80, and 500 - 80 = 420 of principal; then 38 and 380; then 20 and 200; 62 are left.
    cash = run(deal(), paid(("2020-12-31", [500]), ("2021-12-31", [700])))
    assert flows(cash, "senior") == [("2020-01-01", -800), ("2020-12-31", 500), ("2021-12-31", 418)]
    assert flows(cash, "subordinate") == [("2020-01-01", -200), ("2021-12-31", 220)]
    assert cash.total("senior", "interest").item() == 118_00
    assert cash.total("senior", "principal").item() == 800_00
    assert cash.total("", "residual").item() == 62_00
    assert xirr(*_dollars(cash, "senior")).rate == pytest.approx(0.10, abs=1e-9)
    assert xirr(*_dollars(cash, "subordinate")).rate == pytest.approx(1.1**0.5 - 1, abs=1e-9)


def test_the_subordinate_loan_bears_the_first_loss_and_both_can_lose_all() -> None:
    cash = run(deal(), paid(("2020-12-31", [880, 900, 80, 0])))
    assert cash.total("senior", "principal").tolist() == [800_00, 800_00, 0, 0]
    assert cash.total("subordinate", "interest").tolist() == [0, 10_00, 0, 0]
    assert cash.total("subordinate", "principal").tolist() == [0, 10_00, 0, 0]
    assert cash.total("senior", "interest").tolist() == [80_00, 80_00, 80_00, 0]


def test_unpaid_interest_bears_interest_only_where_it_compounds() -> None:
    for compounding, interest in (("simple", 20_00), ("annual", 20_50)):  # 200 x 1.05 ^ 2 = 220.50
        sources = [tranche("senior", 800, 0.0), tranche("subordinate", 200, 0.05, compounding=compounding)]
        cash = run(deal(sources=sources), paid(("2020-12-31", [500]), ("2021-12-31", [700])))
        assert cash.total("subordinate", "interest").item() == interest


def test_interest_accrues_on_drawn_money_only() -> None:
    contract = deal(
        uses=[line("services", 1000, "2020-01-01", "2020-12-31")],
        sources=[tranche("senior", 1000, 0.10)],
        waterfall=[*TWO_LOANS[:2], step("residual", "provider")],
    )
    cash = run(contract, paid(("2020-12-31", [0]), ("2021-12-31", [2000])))
    # 500 for one year, then 1,000 for another: 50 + 100.
    assert cash.total("senior", "interest").item() == 150_00
    assert flows(cash, "senior")[:2] == [("2020-01-01", -500), ("2020-12-31", -500)]


def test_days_are_counted_and_a_year_has_365_of_them() -> None:
    cash = run(deal(), paid(("2020-12-30", [5000])))
    assert cash.total("senior", "interest").item() == round(80_00 * 364 / 365)


def test_a_fee_waits_for_outcome_payments_and_comes_first() -> None:
    fee = line("servicing", 60, "2020-06-30", "2021-06-30", to="manager", paid_by="waterfall")
    contract = deal(uses=[line("services", 1000, "2020-01-01"), fee], waterfall=[step("fee", "servicing"), *TWO_LOANS])
    cash = run(contract, paid(("2020-12-31", [10]), ("2021-12-31", [200])))
    assert [(str(e.date), e.cents.item()) for e in cash.entries if e.account == "servicing"] == [
        ("2020-12-31", 10_00),
        ("2021-12-31", 50_00),
    ]


def test_senior_money_that_can_still_be_drawn_keeps_principal_from_the_subordinate_lender() -> None:
    contract = deal(
        uses=[line("services", 1000, "2020-01-01", "2021-06-30")],
        sources=[tranche("subordinate", 200, 0.0), tranche("senior", 800, 0.0)],
    )
    cash = run(contract, paid(("2020-12-31", [600]), ("2021-12-31", [250])))
    # The senior lender has lent 300 by 2020 and is repaid; 300 are held, and reach him for what he lends in 2021.
    assert flows(cash, "senior")[1:] == [("2020-12-31", 300), ("2021-06-30", -500), ("2021-12-31", 500)]
    assert flows(cash, "subordinate") == [("2020-01-01", -200), ("2021-12-31", 50)]


def test_pro_rata_sources_pay_their_share_of_every_use() -> None:
    contract = deal(
        uses=[line("services", 1000, "2020-01-01", "2020-07-01")],
        sources=[BACKSTOP | {"draw": "pro_rata"}, tranche("senior", 600, 0.0)],
        waterfall=[*TWO_LOANS[:2], step("residual", "provider")],
    )
    cash = run(contract, paid(("2020-12-31", [600])))
    assert [e.cents.item() for e in cash.entries if e.account == "budget"] == [-200_00, -200_00]


def recycling(*more: dict[str, Any]) -> Deal:
    """Two years of a $500 seat: a loan for the first, $300 of outcome payments and the budget for the second."""
    return deal(
        uses=[A_SEAT, *more],
        sources=[tranche("senior", 500, 0.0), RECYCLED, BACKSTOP],
        waterfall=[
            step("recycle", "seats"),
            step("interest", "senior"),
            step("principal", "senior"),
            step("residual", "provider"),
        ],
    )


def test_recycled_payments_pay_for_later_seats_and_are_no_more_capital() -> None:
    cash = run(recycling(), paid(("2020-06-30", [400]), ("2021-12-31", [450])), {2019: 1, 2020: 1})
    assert cash.recycled.item() == 300_00
    assert cash.stood_in.item() == 0
    assert flows(cash, "senior") == [("2019-08-15", -500), ("2020-06-30", 100), ("2021-12-31", 400)]
    assert cash.total("budget", "paid in").item() == -200_00
    assert cash.total("", "residual").item() == 50_00


def test_where_outcome_payments_fall_short_the_backstop_stands_in() -> None:
    cash = run(recycling(), paid(("2020-06-30", [120]), ("2021-12-31", [450])), {2019: 1, 2020: 1})
    assert cash.recycled.item() == 120_00
    assert cash.stood_in.item() == 180_00
    assert cash.total("budget", "in place of recycled money").item() == -180_00
    assert cash.total("seats", "use").item() == 1000_00
    assert cash.total("senior", "principal").item() == 450_00


def test_nothing_is_kept_back_for_seats_that_are_paid_already() -> None:
    contract = recycling(line("later", 500, "2021-06-30"))
    cash = run(contract, paid(("2020-12-31", [400]), ("2021-12-31", [0])), {2019: 1})
    assert flows(cash, "senior") == [("2019-08-15", -500), ("2020-12-31", 400)]
    assert (cash.recycled.item(), cash.stood_in.item()) == (0, 300_00)


def test_the_table_of_cash_sums_to_nothing() -> None:
    table = run(deal(), paid(("2020-12-31", [500, 20]), ("2021-12-31", [700, 0]))).table()
    assert table["amount"].sum() == pytest.approx(0.0, abs=1e-9)
    assert table["date"].is_monotonic_increasing
    drawn = table[table["line"] == "senior: drawn"]
    assert drawn[["party", "amount"]].to_numpy().tolist() == [["bank", -800.0]]


def test_a_lost_dollar_is_not_passed_over() -> None:
    cash = run(deal(), paid(("2020-12-31", [500])))
    cash.post(date(2021, 1, 1), "provider", "services", "use", np.array([1]))
    assert [check.ok for check in cash.checks({"senior": 799_00})] == [False, False, False]
    with pytest.raises(ArithmeticError, match=r"dollar out: fails by \$0\.01"):
        cash.enforce({})


DOLLARS = st.integers(0, 2_000_000).map(lambda cents: cents / 100)
DAYS = st.integers(0, 2000).map(lambda days: date(2019, 8, 15) + timedelta(days))
RATES = st.integers(0, 3000).map(lambda points: points / 10_000)
DRAW = st.sampled_from(["in_order", "pro_rata"])


@st.composite
def random_deals(draw: st.DrawFn) -> tuple[Deal, dict[int, float], Payments]:
    """Any deal that closes: its balance line takes what is left."""
    lines = draw(st.lists(st.tuples(DOLLARS, st.lists(DAYS, min_size=1, max_size=4)), min_size=1, max_size=3))
    uses: list[dict[str, Any]] = [
        line(f"use-{place}", amount, *map(str, days)) for place, (amount, days) in enumerate(lines)
    ]
    uses += [A_SEAT, line("servicing", draw(DOLLARS), str(draw(DAYS)), to="manager", paid_by="waterfall")]
    seat_years = {2019: draw(st.integers(0, 40)), 2020: draw(st.integers(0, 40))}
    needed = sum(amount for amount, _ in lines) + 500 * sum(seat_years.values())
    shares = draw(st.lists(st.floats(0, 0.33), min_size=3, max_size=3))
    senior, subordinate, recycled = (round(share * needed, 2) for share in shares)
    compounding = st.sampled_from(["simple", "annual"])
    sources = [
        tranche("senior", senior, draw(RATES), compounding=draw(compounding), draw=draw(DRAW)),
        tranche("subordinate", subordinate, draw(RATES), compounding=draw(compounding), draw=draw(DRAW)),
        RECYCLED | {"amount": figure(recycled)},
        BACKSTOP | {"draw": draw(DRAW)},
    ]
    steps = [step("fee", "servicing"), step("recycle", "seats"), *TWO_LOANS[:-1]]
    keys = draw(st.permutations(range(len(steps))))
    ordered = [steps[place] for place in keys]
    principals = [place for place, each in enumerate(ordered) if each["pay"] == "principal"]
    ordered[principals[0]], ordered[principals[1]] = step("principal", "senior"), step("principal", "subordinate")
    owner = draw(st.sampled_from(["provider", "senior"]))
    amounts = st.lists(DOLLARS, min_size=3, max_size=3)
    claims = [(str(day), draw(amounts)) for day in draw(st.lists(DAYS, min_size=1, max_size=5))]
    contract = deal(
        uses=uses,
        sources=draw(st.permutations(sources)),
        waterfall=[*ordered, step("residual", owner)],
        school_years=[2019, 2020],
    )
    return contract, seat_years, paid(*sorted(claims))


def test_no_dollar_is_lost_in_two_hundred_random_deals() -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=200, derandomize=True, deadline=None, database=None)
    @given(random_deals())
    def holds(case: tuple[Deal, dict[int, float], Payments]) -> None:
        contract, seat_years, payments = case
        cash = run(contract, payments, seat_years)
        dues = due_uses(contract, seat_years)
        held = np.zeros(3, dtype=np.int64)
        for entry in cash.entries:
            held -= entry.cents
            assert (held >= 0).all()
        assert not held.any()
        for use in contract.uses:
            due = sum(each.cents for each in dues if each.use == use.name)
            got = cash.total(use.name, "use") + cash.total(use.name, "fee")
            assert (got <= due).all() if use.paid_by == "waterfall" else (got == due).all()
        for source, promise in commitments(contract, dues).items():
            if source == "recycled":
                assert (cash.recycled + cash.stood_in == promise).all()
            else:
                assert (-cash.total(source, "drawn") - cash.total(source, "paid in") == promise).all()
        for loan in contract.tranches:
            assert (cash.total(loan.name, "principal") <= -cash.total(loan.name, "drawn")).all()
        assert (-cash.total("kindergarten_ready", "outcome payment") == payments.paid.sum(axis=1)).all()
        seen["deals"] += 1
        seen["recycled"] += cash.recycled.any()
        seen["stood in"] += cash.stood_in.any()
        seen["interest"] += cash.total("senior", "interest").any()
        seen["lost"] += (cash.total("senior", "principal") < -cash.total("senior", "drawn")).any()
        seen["residual"] += (cash.total("", "residual") + cash.total("senior", "residual")).any()

    holds()
    assert seen["deals"] >= 200
    assert min(seen.values()) >= 20, seen


def _dollars(cash: Cash, name: str) -> tuple[Any, Any]:
    """Dates and dollars of a tranche in the first sample, as arrays."""
    dates, cents = cash.flows(name)
    return dates, cents[0] / 100
