"""What a deal is worth to whom: published cases are met, perspectives add up, and nonsense is refused in words."""

from math import inf, isnan
from typing import Any

import numpy as np
import pytest

from cradlecast.finance.measures import (
    DEAL_ACCOUNT,
    DEAL_PARTIES,
    GOVERNMENTS,
    RATES,
    Additional,
    Published,
    benefit_cost_ratio,
    benefit_cost_table,
    child_cost_table,
    cost_per_child,
    deflators,
    mvpf,
    mvpf_table,
    perspectives,
    pockets_table,
    value_table,
)
from cradlecast.finance.returns import xirr
from cradlecast.scenarios.costs import PRIVATE
from tests.cases import case, evaluation, gains
from tests.deal_examples import deal, declaration, line, metric, step, tranche

# Perry Preschool as the Federal Reserve Bank of Minneapolis tabled it in 2003: dollars of 1992 a child and year, by
# age, society's (READ); published: a real internal rate of return of 16 %, and at 3 % benefits of 108,002 for 12,356.
PERRY = (
    ((3, 4), 385),
    ((5, 17), 747),
    ((20, 25), 89),
    ((18, 27), 2856),
    ((28, 65), 1427),
    ((18, 27), 8923),
    ((28, 65), 1565),
    ((20, 25), -225),
    ((18, 27), 39),
    ((28, 65), 3),
    ((3, 4), -6444),
)


def perry() -> np.ndarray[Any, np.dtype[np.float64]]:
    """Flows by age, 3 to 65."""
    flows = np.zeros(66)
    for (first, last), dollars in PERRY:
        flows[first : last + 1] += dollars
    return flows[3:]


def test_perry_returns_what_was_published() -> None:
    flows = perry()
    days = np.datetime64("2000-01-01") + np.arange(len(flows)) * np.timedelta64(365, "D")
    rate = xirr(days, flows).rate
    assert rate == pytest.approx(0.1585, abs=5e-5)
    assert round(rate, 2) == 0.16
    present = float((flows * 1.03 ** -np.arange(len(flows))).sum())
    assert present == pytest.approx(95_098.6, abs=0.1)
    assert present == pytest.approx(108_002 - 12_356, rel=0.006)  # the published averages are rounded
    assert benefit_cost_ratio(108_002, 12_356).value == pytest.approx(8.741, abs=5e-4)


def test_the_mvpf_of_published_examples() -> None:
    # Policy Impacts' simplified calculation: grants of 1,000 for 120 students, 20 of whom gain 15,000, taxed at 20 %.
    upfront, revenue = 120 * 1000, 0.2 * 20 * 15_000
    assert upfront - revenue == 60_000
    assert mvpf(100 * 1000, upfront - revenue).value == pytest.approx(100_000 / 60_000)
    # Florida International University: the net cost is below zero, and what is worth something pays for itself.
    net_cost = 11_403 - 3_184 - 5_601 + 2_035 - 7_274
    assert net_cost == -2_621
    assert mvpf(1.0, net_cost) == (inf, "pays for itself")


def test_the_mvpf_has_an_answer_in_every_quarter() -> None:
    assert mvpf(-1.0, 2.0).value == -0.5
    assert mvpf(1.0, 0.0).value == inf
    both = mvpf(-1.0, -2.0)
    assert isnan(both.value)
    assert "-1.00" in both.reason and "-2.00" in both.reason
    assert isnan(mvpf(0.0, 0.0).value)


def test_ratios_without_meaning_are_refused_in_words() -> None:
    assert benefit_cost_ratio(5.0, 0.0).reason == "nothing is spent"
    assert cost_per_child(100.0, -3.0).reason == "no additional child on average"
    assert cost_per_child(-100.0, 3.0).reason == "costs nothing, net"
    assert cost_per_child(100.0, 4.0).value == 25.0


def test_nominal_dollars_become_those_of_the_price_year() -> None:
    found = deflators({2019: 100.0, 2020: 110.0}, 2019, [2018, 2019, 2020, 2022], inflation=0.10)
    assert found[2019] == 1.0
    assert found[2020] == pytest.approx(100 / 110)
    assert found[2022] == pytest.approx(100 / (110 * 1.21))
    assert found[2018] == pytest.approx(1.1)


PARTIES = [party | ({"budget": "local"} if party["name"] == "city" else {}) for party in declaration()["parties"]]


def simple(**more: Any) -> Any:
    """$1,000 of services lent by two lenders; the city pays 1,200 for twelve children on 31 December 2020."""
    contract = deal(parties=PARTIES)
    results = evaluation([("kindergarten_ready", 2015, "2020-12-01")], n=12.0, rate=1.0, comparison=0.5, true=0.5)
    return case(contract, results, gains=gains(**more))


def test_pockets_show_who_pays_who_saves_and_who_gains_otherwise() -> None:
    each = simple(taxes=100.0, special=50.0, pay=400.0, seats=10.0, later=70.0)
    _, cash = each.run()
    table = pockets_table(each.deal, each.gains, cash).set_index(["budget", "year"])
    local = table.loc[("local", "all")]
    assert local["payers"] == "city"
    assert (local["paid"], local["direct"], local["cashable"], local["not_cashable"]) == (1200.0, 0.0, 570.0, 0.0)
    assert (local["net_cash"], local["net"]) == (-630.0, -630.0)
    assert table.loc[("local", "2020"), "paid"] == 1200.0
    assert table.loc[("local", "later"), "cashable"] == 70.0
    assert table.loc[("state", "all"), ["cashable", "not_cashable"]].tolist() == [0.0, 250.0]
    assert table.loc[("participants", "all"), "share_of_gains"] == pytest.approx(2000 / (5 * 560 + 70))
    # The lenders put in 1,000 and get 1,090; the rest of 110 goes to the provider, who is paid for work beside it.
    assert table.loc[(DEAL_PARTIES, "all"), "direct"] == 1000.0
    assert table.loc[(DEAL_PARTIES, "all"), "received"] == 1200.0
    assert table.xs("all", level="year")["share_of_gains"].drop(DEAL_PARTIES).sum() == pytest.approx(1.0)


def test_net_present_values_of_all_perspectives_add_up_to_societys() -> None:
    each = simple(taxes=100.0, special=50.0, pay=400.0, seats=10.0, later=70.0)
    _, cash = each.run()
    for rate in RATES:
        found = perspectives(each.deal, each.gains, cash, rate)
        parts = (*GOVERNMENTS, *PRIVATE, DEAL_PARTIES, DEAL_ACCOUNT)
        nets = {name: (benefits - costs).mean() for name, (benefits, costs) in found.items()}
        assert sum(nets[name] for name in parts) == pytest.approx(nets["society"])
        assert nets["public"] == pytest.approx(sum(nets[name] for name in GOVERNMENTS))
        assert found["society"][1].mean() == 1000.0
    table = value_table(each.deal, each.gains, cash, burden=0.25).set_index(["perspective", "discount_rate"])
    society, public = table.loc[("society", 0.03)], table.loc[("public", 0.03)]
    burdened = table.loc[("society_after_tax_burden", 0.03)]
    assert burdened["npv"] == pytest.approx(society["npv"] + 0.25 * public["npv"])
    assert isnan(burdened["bcr"])
    assert society["bcr"] == pytest.approx(society["benefits"] / 1000.0)


def test_worth_over_cost_is_the_mvpf_of_a_deal() -> None:
    each = simple(taxes=100.0, pay=400.0)
    _, cash = each.run()
    row = mvpf_table(each.deal, each.gains, cash).set_index("discount_rate").loc[0.03]
    taxes = sum(100 * 1.03**-year for year in range(5))
    assert row["net_cost"] == pytest.approx(1200 - taxes)
    assert row["willingness_to_pay"] == pytest.approx(sum(400 * 1.03**-year for year in range(5)) + 200)
    assert row["mvpf"] == pytest.approx(row["willingness_to_pay"] / row["net_cost"])
    _, cash = (free := simple(taxes=1000.0, pay=1.0)).run()
    row = mvpf_table(free.deal, free.gains, cash).iloc[0]
    assert (row["mvpf"], row["reason"], row["share_pays_for_itself"]) == (inf, "pays for itself", 1.0)


def test_a_row_of_benefits_and_costs_stands_beside_published_ones() -> None:
    each = simple(taxes=100.0, pay=400.0, seats=40.0)
    _, cash = each.run()
    other = Published("state pre-K", 8457, 28_445, 7929, 3.59, 0.80, 2022, "E5006")
    table = benefit_cost_table(each.deal, each.gains, cash, 0.03, 0.25, [other]).set_index("program")
    own, theirs = table.loc["by-hand"], table.loc["state pre-K"]
    years = sum(1.03**-year for year in range(5))
    assert own["cost"] == pytest.approx((1000 - 40 * years) / 100)
    assert own["taxpayers"] == pytest.approx(years)
    assert own["indirect"] == pytest.approx(0.25 * (own["taxpayers"] - own["cost"]))
    assert own["benefits"] == pytest.approx(own["taxpayers"] + own["participants"] + own["others"] + own["indirect"])
    assert own["ratio"] == pytest.approx(own["benefits"] / own["cost"])
    assert (theirs["net"], theirs["ratio"], theirs["chance"]) == (20_516, 3.59, 0.80)


def test_a_child_costs_what_is_spent_over_the_children_gained() -> None:
    each = simple(taxes=100.0)
    _, cash = each.run()
    more = [Additional("kindergarten_ready", 5.0, 0.1), Additional("grade3_reading", -1.0, 0.7)]
    table = child_cost_table(each.deal, each.gains, cash, more, 0.03).set_index(["milestone", "perspective"])
    assert table.loc[("kindergarten_ready", "work_paid_for"), "cost_per_child"] == 200.0
    assert table.loc[("kindergarten_ready", "paid_by_local"), "cost_per_child"] == 240.0
    assert table.loc[("grade3_reading", "work_paid_for"), "reason"] == "no additional child on average"


def test_a_deal_whose_money_waits_loses_value_in_its_account() -> None:
    contract = deal(
        parties=PARTIES,
        uses=[line("services", 1000, "2020-01-01"), line("more", 100, "2022-01-01")],
        sources=[tranche("senior", 1100, 0.0)],
        metrics=[metric(price=200)],
        waterfall=[step("interest", "senior"), step("principal", "senior"), step("residual", "city")],
    )
    results = evaluation([("kindergarten_ready", 2015, "2020-12-01")], n=12.0, rate=1.0)
    each = case(contract, results)
    _, cash = each.run()
    account = perspectives(contract, each.gains, cash, 0.03)[DEAL_ACCOUNT]
    # 2,400 come in 2020 and 1,000 go back; 1,400 wait until 2022, when 100 more are drawn and all is paid out.
    assert account[0].mean() == pytest.approx(1400 * (1 - 1.03**-2), abs=0.01)
