"""The capital stack: guarantees, deferred fees, recoverable grants, reserves, caps on return, and no dollar lost."""

from collections import Counter
from datetime import date
from typing import Any

import numpy as np
import pytest

from cradlecast.finance.budget import commitments, due_uses, sources_and_uses
from cradlecast.finance.cash import Cash
from cradlecast.finance.returns import xirr
from cradlecast.finance.waterfall import run_waterfall
from cradlecast.scenarios.deal import Deal
from cradlecast.scenarios.errors import InputError
from tests.deal_examples import TWO_LOANS, deal, figure, line, paid, step, tranche
from tests.random_deals import PARTIES, random_deal
from tests.test_waterfall import run

RESERVE = {
    "name": "reserve",
    "title": "reserve",
    "amount": figure(100),
    "funded_on": "2020-01-01",
    "pays": ["senior"],
}
PROMISE = {
    "name": "promise",
    "party": "friend",
    "tranche": "senior",
    "amount": figure(600),
    "test_date": "2020-12-31",
}
ONE_LOAN = (*TWO_LOANS[:2], step("residual", "provider"))


def one_loan(rate: float = 0.10, steps: tuple[Any, ...] = ONE_LOAN, **terms: Any) -> Deal:
    """$1,000 of services, lent by the bank."""
    more = {name: terms.pop(name) for name in ("guarantees", "reserves", "uses") if name in terms}
    return deal(sources=[tranche("senior", 1000, rate, **terms)], waterfall=steps, parties=PARTIES, **more)


def received(cash: Cash, account: str, line_of: str) -> list[float]:
    """Dollars of one line by sample."""
    return [cents / 100 for cents in cash.total(account, line_of).tolist()]


def lines(cash: Cash) -> list[tuple[str, str, str, float]]:
    """Every movement of the first sample."""
    return [(str(e.date), e.account or e.party, e.line, e.cents[0] / 100) for e in cash.entries if e.cents[0]]


# --- by hand ---


def test_a_guarantee_is_no_cash_until_its_test_date_and_then_pays_the_shortfall() -> None:
    # As on Rikers Island: 9.6 lent, 7.2 guaranteed, nothing paid for outcomes: 2.4 are lost.
    contract = one_loan(rate=0.0, guarantees=[PROMISE | {"amount": figure(750)}])
    assert sources_and_uses(contract, {})["amount"].tolist() == [1000.0, 1000.0]
    cash = run(contract, paid(("2020-12-31", [0, 400, 1000])))
    assert received(cash, "senior", "guarantee") == [750, 600, 0]
    assert received(cash, "promise", "guarantee paid") == [-750, -600, 0]
    dates, flows = cash.flows("senior")
    assert flows.sum(axis=1).tolist() == [-250_00, 0, 0]
    assert xirr(dates, flows[0] / 100).rate == pytest.approx(-0.25, abs=1e-9)


def test_a_guarantee_covers_interest_only_where_it_says_so() -> None:
    for covers, made_good in (("principal", 600), ("principal_and_interest", 650)):
        contract = one_loan(guarantees=[PROMISE | {"amount": figure(650), "covers": covers}])
        cash = run(contract, paid(("2020-12-31", [500])))  # 100 of interest, 400 of principal; 600 are owed
        assert received(cash, "senior", "guarantee") == [600], covers
        cash = run(contract, paid(("2020-12-31", [0])))
        assert received(cash, "senior", "guarantee") == [650]
        short = one_loan(guarantees=[PROMISE | {"amount": figure(1050), "covers": covers}])
        assert received(run(short, paid(("2020-12-31", [0]))), "senior", "guarantee") == [1000 + made_good % 100]


def test_a_guarantor_is_paid_back_where_the_waterfall_says_so() -> None:
    steps = (*TWO_LOANS[:2], step("reimburse", "promise"), step("residual", "provider"))
    contract = one_loan(rate=0.0, steps=steps, guarantees=[PROMISE])
    cash = run(contract, paid(("2020-12-31", [500]), ("2021-12-31", [700])))
    # 500 are short in 2020 and made good; in 2021 nothing is owed, and 500 go back.
    assert received(cash, "promise", "guarantee paid") == [-500]
    assert received(cash, "promise", "reimbursed") == [500]
    assert received(cash, "", "residual") == [200]


def test_a_deferred_fee_pays_its_own_use_and_comes_back_without_interest() -> None:
    late = {
        "kind": "deferred_fee",
        "name": "late",
        "party": "provider",
        "amount": figure(200),
        "only_for": ["services"],
    }
    contract = deal(
        sources=[tranche("senior", 800, 0.0), late],
        waterfall=[*TWO_LOANS[:2], step("principal", "late"), step("residual", "city")],
    )
    cash = run(contract, paid(("2020-12-31", [900, 1500])))
    by_party = {
        party: sum(e.cents for e in cash.entries if e.party == party).tolist() for party in ("provider", "city")
    }
    assert by_party["provider"] == [900_00, 1000_00]  # 800 in time, and what came of the 200
    assert by_party["city"] == [-900_00, -1000_00]
    with pytest.raises(ValueError, match="must come from the party that 'services' is paid to"):
        deal(
            sources=[tranche("senior", 800, 0.0), late | {"party": "manager"}],
            waterfall=[*TWO_LOANS[:2], step("principal", "late"), step("residual", "city")],
        )


def test_money_for_some_uses_must_find_them() -> None:
    late = {
        "kind": "deferred_fee",
        "name": "late",
        "party": "provider",
        "amount": figure(200),
        "only_for": ["services"],
    }
    contract = deal(
        uses=[line("services", 150, "2020-01-01"), line("more", 850, "2020-01-01")],
        sources=[tranche("senior", 800, 0.0), late],
        waterfall=[*TWO_LOANS[:2], step("principal", "late"), step("residual", "city")],
    )
    with pytest.raises(
        InputError, match=r"may pay for services only, which leave \$50\.00 of its \$200\.00 without a use"
    ):
        commitments(contract, due_uses(contract, {}))


def test_a_recoverable_grant_is_paid_back_after_the_loans_and_bears_nothing() -> None:
    gift = {"kind": "recoverable_grant", "name": "gift", "party": "foundation", "amount": figure(200)}
    contract = deal(
        sources=[tranche("senior", 800, 0.10), gift],
        waterfall=[*TWO_LOANS[:2], step("principal", "gift"), step("residual", "provider")],
    )
    cash = run(contract, paid(("2020-12-31", [900, 1000, 2000])))
    assert received(cash, "gift", "principal") == [20, 120, 200]
    assert received(cash, "", "residual") == [0, 0, 920]


def test_a_reserve_pays_interest_on_a_bad_day_and_what_is_left_comes_back() -> None:
    contract = deal(
        sources=[tranche("senior", 1100, 0.10)], reserves=[RESERVE], waterfall=list(ONE_LOAN), parties=PARTIES
    )
    cash = run(contract, paid(("2020-12-31", [60]), ("2021-12-31", [2000])))
    # Interest of 110: 60 from the payment and 50 from the reserve; the other 50 are cash at the end.
    assert lines(cash)[:5] == [
        ("2020-01-01", "senior", "drawn", -1000.0),
        ("2020-01-01", "services", "use", 1000.0),
        ("2020-01-01", "senior", "drawn", -100.0),
        ("2020-12-31", "kindergarten_ready", "outcome payment", -60.0),
        ("2020-12-31", "senior", "interest", 60.0),
    ]
    assert ("2020-12-31", "senior", "interest", 50.0) in lines(cash)
    assert received(cash, "senior", "interest") == [220]
    assert received(cash, "senior", "principal") == [1100]
    assert received(cash, "", "residual") == [2000 + 50 - 110 - 1100]
    table = sources_and_uses(contract, {})
    assert table.loc[table["kind"] == "reserve", ["party", "amount"]].to_numpy().tolist() == [
        ["kept by the deal", 100.0]
    ]


def test_deferred_interest_waits_and_interest_in_kind_becomes_principal() -> None:
    payments = paid(("2020-12-31", [300]), ("2021-12-31", [5000]))
    waiting = run(one_loan(interest="deferred", interest_from="2021-06-30"), payments)
    # 300 repay principal first: 100 of interest for 2020, 70 for 2021.
    assert lines(waiting)[3] == ("2020-12-31", "senior", "principal", 300.0)
    assert received(waiting, "senior", "interest") == [170]
    in_kind = run(one_loan(interest="paid_in_kind"), payments)
    # 1,000 + 100 - 300 = 800, and 80 more a year later.
    assert received(in_kind, "senior", "interest") == [0]
    assert received(in_kind, "senior", "principal") == [300 + 880]


def test_deferred_interest_is_due_at_the_end_at_the_latest() -> None:
    cash = run(one_loan(interest="deferred", interest_from="2030-01-01"), paid(("2020-12-31", [5000])))
    assert received(cash, "senior", "interest") == [100]
    assert received(cash, "", "residual") == [3900]


def test_a_success_share_waits_until_lenders_are_whole_and_keeps_to_its_limit() -> None:
    share = {"pay": "success_share", "to": "senior", "share": 0.4, "most": figure(150)}
    contract = one_loan(steps=(*TWO_LOANS[:2], share, step("residual", "provider")))
    cash = run(contract, paid(("2020-12-31", [600, 1350, 2000]), ("2021-12-31", [700, 100, 100])))
    # 1,000 + 100 are due in 2020. First future: 500 + 50 are owed and paid in 2021, then 0.4 x 150.
    assert received(cash, "senior", "success share") == [60, 150, 150]
    assert received(cash, "", "residual") == [90, 200, 850]


def test_a_cap_on_return_is_a_cap_on_the_rate() -> None:
    share = {"pay": "success_share", "to": "senior", "share": 1.0}
    contract = one_loan(
        rate=0.04, steps=(*TWO_LOANS[:2], share, step("residual", "city")), return_cap=figure(0.06, "share a year")
    )
    cash = run(contract, paid(("2020-12-31", [300]), ("2022-12-31", [5000])))
    dates, flows = cash.flows("senior")
    assert xirr(dates, flows[0] / 100).rate == pytest.approx(0.06, abs=1e-5)
    assert received(cash, "", "residual")[0] == pytest.approx(5300 - 300 - (1000 * 1.06 - 300) * 1.06**2, abs=0.02)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"sources": [tranche("senior", 1000, 0.1, interest="deferred")]}, "interest_from of 'senior' belongs to"),
        ({"sources": [tranche("senior", 1000, 0.1, return_cap=figure(0.05))]}, r"return_cap of 'senior' \(0.05\) lies"),
        ({"sources": [tranche("senior", 1000, 0.1, only_for=["service"])]}, "did you mean 'services'"),
        (
            {"waterfall": [*TWO_LOANS[:2], {"pay": "success_share", "to": "bank"}, step("residual", "bank")]},
            "share belongs",
        ),
        ({"guarantees": [PROMISE | {"tranche": "junior"}]}, "guarantee 'promise' covers tranche 'junior'"),
        ({"guarantees": [PROMISE | {"party": "bank"}]}, "whose role must be guarantor; it is investor"),
        ({"reserves": [RESERVE | {"pays": ["services"]}]}, "reserve 'reserve' pays tranche or fee of the waterfall"),
        ({"reserves": [RESERVE | {"name": "services"}]}, "'services' stands more than once in uses and reserves"),
        (
            {
                "sources": [tranche("senior", 1000, 0.1, return_cap=figure(0.2))],
                "waterfall": [*TWO_LOANS[:2], step("residual", "senior")],
            },
            "a dollar may have no owner",
        ),
    ],
)
def test_terms_that_cannot_be_meant_are_refused(changes: dict[str, Any], sentence: str) -> None:
    whole = {"sources": [tranche("senior", 1000, 0.1)], "waterfall": list(ONE_LOAN), "parties": PARTIES}
    with pytest.raises(ValueError, match=sentence):
        deal(**(whole | changes))


# --- a thousand deals ---


def test_no_dollar_is_lost_in_a_thousand_random_deals() -> None:
    seen: Counter[str] = Counter()
    for seed in range(1000):
        contract, seat_years, payments = random_deal(seed)
        dues = due_uses(contract, seat_years)
        promised = commitments(contract, dues)
        cash = run_waterfall(contract, dues, promised, payments)  # raises where a dollar is lost or not yet there
        books = np.sum([entry.cents for entry in cash.entries], axis=0)
        assert not np.any(books), seed
        for use in contract.uses:
            due = sum(each.cents for each in dues if each.use == use.name)
            got = cash.total(use.name, "use") + cash.total(use.name, "fee")
            assert (got <= due).all() if use.paid_by == "waterfall" else (got == due).all(), (seed, use.name)
        for source, promise in promised.items():
            gave = -cash.total(source, "drawn") - cash.total(source, "paid in")
            whole = cash.recycled + cash.stood_in if source == "recycled" else gave
            assert (whole == promise).all(), (seed, source)
        for promise in contract.guarantees:
            called = -cash.total(promise.name, "guarantee paid")
            assert (called <= round(promise.amount.value * 100)).all(), seed
            assert (cash.total(promise.name, "reimbursed") <= called).all(), seed
            assert (called == cash.total("senior", "guarantee")).all(), seed
            seen["guarantees called"] += bool(called.any())
            seen["guarantors paid back"] += bool(cash.total(promise.name, "reimbursed").any())
        for loan in contract.tranches:
            if loan.return_cap is not None:
                _holds_the_cap(cash, loan.name, loan.return_cap.value, seed)
                seen["caps on return"] += 1
            seen[f"{loan.kind} repaid"] += bool(cash.total(loan.name, "principal").any())
            drawn = -cash.total(loan.name, "drawn")
            got = cash.total(loan.name, "interest") + np.maximum(cash.total(loan.name, "principal") - drawn, 0)
            seen[f"{loan.interest} interest"] += bool(got.any()) and loan.kind == "senior"
            seen["success shared"] += bool(cash.total(loan.name, "success share").any())
        seen["recycled"] += bool(np.any(cash.recycled))
        seen["lost"] += bool((cash.flows("senior")[1].sum(axis=1) < 0).any())
        seen["residual"] += bool(cash.total("", "residual").any())
        seen["reserves"] += bool(contract.reserves)
    assert min(seen.values()) >= 20, seen


def _holds_the_cap(cash: Cash, name: str, cap: float, seed: int) -> None:
    """A balance compounded at the cap never falls below nothing, a cent a date for rounding aside."""
    dates, flows = cash.flows(name)
    balance = np.zeros(len(flows))
    days = dates.astype(object).tolist()
    for at, day in enumerate(days):
        before: date = days[at - 1] if at else day
        balance = balance * (1 + cap) ** ((day - before).days / 365) - flows[:, at]
        assert (balance >= -2.0 * (at + 1) * (1 + cap) ** 6).all(), seed
