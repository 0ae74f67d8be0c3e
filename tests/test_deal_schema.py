"""What a deal file may say, and what it is told when it says something else."""

from datetime import date
from typing import Any

import pytest

from cradlecast.finance.budget import due_uses, sources_and_uses
from cradlecast.scenarios.deal import Deal
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.library import load_deal
from cradlecast.scenarios.validation import validate
from tests.deal_examples import capped, deal, declaration, figure, line, metric, net_metric, seats, step, tranche

THOUSAND_A_YEAR = {2019: 1000.0, 2020: 1000.0, 2021: 1000.0}
BALANCE = {"kind": "appropriation", "name": "budget", "party": "city", "balance": True}


@pytest.fixture(scope="module")
def memphis() -> Deal:
    return load_deal("memphis-illustrative")


def refusal(**changes: Any) -> str:
    """What a deal with these changes is told."""
    with pytest.raises(InputError) as caught:
        validate(Deal, declaration(**changes), "mine.yaml")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_whole_deal_is_accepted_and_frozen() -> None:
    accepted = deal()
    assert [each.name for each in accepted.tranches] == ["senior", "subordinate"]
    with pytest.raises(ValueError, match="frozen"):
        accepted.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"metrics": [metric(payer="state")]}, ["paid by party 'state', which is not declared"]),
        ({"metrics": [metric(payer="citi")]}, ["did you mean 'city'?"]),
        ({"metrics": [metric(payer="bank")]}, ["'bank', whose role must be outcomes_payer; it is investor"]),
        ({"metrics": [metric(count="net")]}, ["counts net of a comparison; comparison must not be none"]),
        ({"metrics": [metric(), metric()]}, ["'kindergarten_ready' stands more than once in metrics"]),
        ({"metrics": [metric(price=-5.0)]}, ["price", "-5"]),
        ({"metrics": [metric(price=1e13)]}, ["price"]),
        ({"uses": [line("services", 1000, "2020-01-01", to="nobody")]}, ["paid to party 'nobody'"]),
        ({"uses": [line("services", 1000)]}, ["it needs dates"]),
        ({"uses": [seats(100) | {"amount": figure(5)}]}, ["either per_seat or amount"]),
        ({"uses": [seats(100) | {"instalments": [{"month": 8, "day": 1, "share": 0.4}]}]}, ["sum to 0.4"]),
        ({"sources": [tranche("senior", 800, 5.0)]}, ["rate", "5"]),
        ({"sources": [tranche("senior", 800, 0.1, party="provider")]}, ["role must be investor"]),
        ({"sources": [tranche("senior", 800, 0.1, amuont=3)]}, ["unknown key 'amuont'"]),
        ({"sources": [BALANCE, BALANCE | {"name": "more"}]}, ["at most one source", "budget and more"]),
        ({"sources": [BALANCE | {"amount": figure(5)}]}, ["either an amount or balance: true"]),
        ({"waterfall": [step("interest", "senior"), step("residual", "provider")]}, ["no step that pays principal"]),
        ({"waterfall": declaration()["waterfall"][:-1]}, ["must end in one residual step"]),
        ({"waterfall": declaration()["waterfall"][::-1]}, ["must end in one residual step"]),
        ({"waterfall": [step("principal", "junior")]}, ["goes to tranche 'junior', which is not declared"]),
        ({"waterfall": [step("recycle", "services"), *declaration()["waterfall"]]}, ["belong together"]),
        ({"parties": capped("bank", 100)}, ["payment_cap of party 'bank' needs the role outcomes_payer"]),
    ],
)
def test_a_deal_that_cannot_work_is_refused_in_one_sentence(changes: dict[str, Any], words: list[str]) -> None:
    said = refusal(**changes)
    assert said.startswith("mine.yaml: ")
    for word in words:
        assert word in said


def bands(*edges: tuple[float, float | None, float]) -> dict[str, Any]:
    """A schedule of an effect by (from, to, pay)."""
    found = []
    for begin, end, pay in edges:
        found.append({"from": begin, "pay": figure(pay)} | ({} if end is None else {"to": end}))
    return {"of": "effect", "bands": found}


def scheduled(*edges: tuple[float, float | None, float], **more: Any) -> dict[str, Any]:
    """A metric that is paid by a schedule."""
    terms = {"rule": "schedule", "price": None, "comparison": "lottery", "schedule": bands(*edges)}
    return metric() | terms | more


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (scheduled((0.1, 0.2, 5), (0.15, None, 9)), ["bands overlap: one ends at 0.2, the next begins at 0.15"]),
        (scheduled((0.1, 0.2, 5), (0.25, None, 9)), ["bands leave a gap", "0.2", "0.25"]),
        (scheduled((0.1, 0.2, 5), (0.2, 0.3, 9)), ["the last band ends at 0.3"]),
        (scheduled((0.1, None, 5), (0.2, None, 9)), ["the band from 0.1 has no end"]),
        (scheduled((0.2, 0.1, 5), (0.1, None, 9)), ["must end above its beginning"]),
        (scheduled((0.1, 0.2, 50), (0.2, None, 9)), ["pay less for a better result: 50.00 just below 0.2, 9.00"]),
        (scheduled((0.1, None, 500), cap_per_payment=figure(400)), ["cap_per_payment", "below its threshold payment"]),
        (scheduled((0.1, None, 500), cap_over_life=figure(400)), ["cap_over_life of metric", "(400.00)", "(500.00)"]),
        (scheduled((0.1, None, 500), comparison="none"), ["looks at effect, an effect; comparison must not be none"]),
        (scheduled((0.1, None, 500), price=figure(3)), ["leave out price"]),
        (metric() | {"rule": "schedule"}, ["the key schedule is missing"]),
        (metric() | {"price": None}, ["the key price is missing"]),
        (metric() | {"rule": "share_of_savings"}, ["the key savings is missing"]),
        (metric(schedule=bands((0.1, None, 5))), ["is paid by price_per_unit; leave out schedule"]),
        (metric(requires=[{"any_of": [{"of": "rate"}]}]), ["either at_least or at_most"]),
        (net_metric(requires=[{"any_of": [{"of": "relative", "at_least": 15}]}]), ["1500%", "15 % is 0.15"]),
        (net_metric(claims_per_person=1), ["needs rule: price_per_unit, count: gross"]),
        (metric(after="kindergarten_ready"), ["cannot come after itself"]),
        (metric(after="grade_3"), ["comes after 'grade_3', which is not declared"]),
        (metric(net_of=["advance"]), ["is net of 'advance', which is not declared"]),
        (metric(net_of=["kindergarten_ready"]), ["is net of itself"]),
        (net_metric() | {"comparison": "fixed"}, ["method.counterfactual is missing"]),
        (
            net_metric(method={"counterfactual": figure(0.5, "share")}),
            ["states a counterfactual rate; comparison must"],
        ),
        (net_metric(method={"take_up": figure(0.5, "share")}), ["comparison must be lottery_itt"]),
        (net_metric(estimates=[{"name": "lottery", "weight": 0.8}]), ["must sum to 1; they sum to 0.8"]),
        (metric(escalator={"rate": figure(3.0), "first_year": 2020}), ["1 % is 0.01"]),
    ],
)
def test_payment_rules_that_cannot_work_are_refused_in_one_sentence(found: dict[str, Any], words: list[str]) -> None:
    said = refusal(metrics=[found])
    assert said.startswith("mine.yaml: ")
    for word in words:
        assert word in said


def test_a_metric_without_a_payer_is_refused() -> None:
    without = {key: value for key, value in metric().items() if key != "payer"}
    assert refusal(metrics=[without]) == "mine.yaml: the key 'payer' is missing in metrics[kindergarten_ready]"


def test_a_cap_of_a_payer_or_of_the_deal_below_a_threshold_payment_is_refused() -> None:
    threshold = scheduled((0.1, None, 500))
    assert "payment_cap of 'city' (400.00) lies below the threshold payment of metric 'kindergarten_ready'" in refusal(
        metrics=[threshold], parties=capped("city", 400)
    )
    assert "cap_over_life of the deal (499.00)" in refusal(metrics=[threshold], cap_over_life=figure(499))


def test_two_metrics_that_are_net_of_each_other_are_refused() -> None:
    circle = [metric(net_of=["grade3_reading"]), metric("grade3_reading", net_of=["kindergarten_ready"])]
    assert "metric 'kindergarten_ready' is net of itself, through" in refusal(metrics=circle)


def test_deductions_have_one_name_and_are_deducted_from_something() -> None:
    advance = {"name": "advance", "title": "x", "amount": figure(5)}
    assert "is deducted from nothing" in refusal(deductions=[advance])
    named_alike = refusal(deductions=[advance | {"name": "kindergarten_ready"}])
    assert "is the name of a deduction and of a metric" in named_alike


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"uses": []}, "it declares no uses"),
        ({"cohorts": []}, "it declares no cohorts"),
        ({"metrics": [metric("kindergarten_redy")]}, "the model does not know the result 'kindergarten_redy'"),
        ({"metrics": [metric(claims_per_person=1)]}, "which needs claims person by person"),
        ({"metrics": [net_metric() | {"comparison": "as_reported"}]}, "the estimate 'as_reported', which a study does"),
        ({"metrics": [net_metric() | {"comparison": "historical"}]}, "needs method.counterfactual"),
        ({"metrics": [net_metric() | {"comparison": "lottery_itt"}]}, "needs method.take_up"),
        ({"cap_per_person": figure(10)}, "cap_per_person needs claims person by person"),
        (
            {"deductions": [{"name": "advance", "title": "x"}], "metrics": [metric(net_of=["advance"])]},
            "the amount of the deduction 'advance' comes with observed results",
        ),
    ],
)
def test_a_deal_that_no_study_can_price_is_valid_and_says_why(changes: dict[str, Any], words: str) -> None:
    found = validate(Deal, declaration(**changes), "mine.yaml")
    assert found.replay_only is not None
    assert words in found.replay_only
    with pytest.raises(InputError, match="can be replayed but not priced on a study"):
        found.refuse_if_replay_only()


def test_a_subordinate_lender_is_not_repaid_before_a_senior_one() -> None:
    steps = [step("principal", "subordinate"), step("principal", "senior")]
    rest = [step("interest", "senior"), step("interest", "subordinate"), step("residual", "provider")]
    assert "subordinate tranche before a senior one" in refusal(waterfall=[*steps, *rest])


def test_a_fee_out_of_outcome_payments_needs_its_step() -> None:
    fee = line("servicing", 10, "2020-12-31", to="manager", paid_by="waterfall")
    assert "no step that pays fee to 'servicing'" in refusal(uses=[*declaration()["uses"], fee])


def test_seats_are_paid_for_within_their_school_year() -> None:
    found = due_uses(deal(uses=[seats(100)]), {2019: 3, 2020: 1, 2035: 99})
    assert [(due.date, due.cents) for due in found] == [
        (date(2019, 8, 15), 15000),
        (date(2020, 2, 1), 15000),
        (date(2020, 8, 15), 5000),
        (date(2021, 2, 1), 5000),
    ]


def test_instalments_lose_no_cent() -> None:
    thirds = [{"month": month, "day": 1, "share": 1 / 3} for month in (9, 12, 3)]
    found = due_uses(deal(uses=[seats(100.01) | {"instalments": thirds}]), {2019: 1.0})
    assert sum(due.cents for due in found) == 10001


def test_the_price_of_a_seat_may_come_from_the_scenario() -> None:
    table = sources_and_uses(deal(uses=[seats(100)], sources=[BALANCE], **_no_loans()), {2019: 10}, seat_cost=90.0)
    assert table["amount"].tolist() == [900.0, 900.0]
    assert table["provenance"].tolist() == ["scenario", "DERIVED"]


@pytest.mark.parametrize(
    ("amount", "words"), [(799.99, "fall short of them by $0.01"), (900, "exceed them by $100.00")]
)
def test_sources_that_do_not_equal_uses_are_refused_with_the_amount(amount: float, words: str) -> None:
    unequal = deal(sources=[tranche("senior", amount, 0.1), tranche("subordinate", 200, 0.05)])
    with pytest.raises(InputError, match="sources must equal uses") as caught:
        sources_and_uses(unequal, {})
    assert words in str(caught.value)


def test_a_balance_line_takes_what_is_left_and_never_less_than_nothing() -> None:
    sources = [tranche("senior", 800, 0.1), tranche("subordinate", 150, 0.05), BALANCE]
    table = sources_and_uses(deal(sources=sources), {})
    assert table.loc[table["name"] == "budget", "amount"].item() == 50.0
    with pytest.raises(
        InputError, match=r"exceed them by \$50\.00, so that the balance line 'budget' would be negative"
    ):
        sources_and_uses(deal(sources=[*sources, _grant(100)]), {})


@pytest.mark.parametrize("seat_years", [{2019: -1.0}, {2019: float("nan")}, {2019: float("inf")}, {2019: 1e30}])
def test_seats_that_cannot_be_are_refused(seat_years: dict[int, float]) -> None:
    with pytest.raises(InputError, match="school year 2019"):
        due_uses(deal(uses=[seats(100)]), seat_years)


def test_the_memphis_deal_says_that_it_is_illustrative_wherever_it_is_named(memphis: Deal) -> None:
    assert memphis.illustrative
    assert "ILLUSTRATIVE" in memphis.title
    assert memphis.description.startswith("An illustrative deal")
    assert memphis.name.endswith("illustrative")


def test_what_was_not_published_of_the_memphis_deal_is_marked_assumed(memphis: Deal) -> None:
    assert {(each.amount.value, each.amount.provenance) for each in memphis.tranches} == {
        (6e6, "READ"),
        (1.5e6, "READ"),
    }
    assert {each.rate.provenance for each in memphis.tranches} == {"ASSUMED"}
    assert {each.price.provenance for each in memphis.metrics} == {"ASSUMED"}
    caps = [each.cap_per_payment for each in memphis.metrics] + [party.payment_cap for party in memphis.parties]
    assert {cap.provenance for cap in caps if cap is not None} == {"ASSUMED"}
    assert {memphis.party(each.payer).title for each in memphis.metrics} == {"Shelby County", "City of Memphis"}
    assert [each.name for each in memphis.metrics if each.count == "net"] == ["kindergarten_ready"]


def test_the_cash_of_the_memphis_deal_adds_up_for_three_thousand_seats(memphis: Deal) -> None:
    table = sources_and_uses(memphis, THOUSAND_A_YEAR)
    amounts = table.set_index("name")["amount"]
    assert amounts["seats"] == 24_000_000
    assert amounts["senior"] + amounts["subordinate"] == 7_500_000
    assert amounts["direct-appropriation"] == 10_200_000
    sides = table.groupby("side")["amount"].sum()
    assert sides["use"] == sides["source"] == 25_200_000


def test_the_memphis_deal_without_seats_does_not_close(memphis: Deal) -> None:
    with pytest.raises(InputError, match=r"exceed them by \$13,800,000\.00"):
        sources_and_uses(memphis, {})


def _grant(amount: float) -> dict[str, Any]:
    """A grant of the foundation."""
    return {"kind": "grant", "name": "grant", "party": "foundation", "amount": figure(amount)}


def _no_loans() -> dict[str, Any]:
    """A waterfall for a deal without tranches, with a net metric."""
    return {"waterfall": [step("residual", "provider")], "metrics": [net_metric()]}
