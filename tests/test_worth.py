"""What a study brings a deal: money of its own seats left out, and cash only where a post closes."""

from functools import cache

import numpy as np
import pytest

from cradlecast.accounts import SEATS, Span, Tariff, yearly_amounts
from cradlecast.pricing import price, solve
from cradlecast.scenarios.costs import CostLine
from cradlecast.scenarios.evidence import estimate
from cradlecast.scenarios.library import costs_of, load_deal, load_prices, load_scenario
from cradlecast.scenarios.options import Options
from cradlecast.study import Result, run
from cradlecast.ui.layouts import study_views
from cradlecast.ui.rows import tables_of
from cradlecast.worth import BESIDE, EXCESS_BURDEN, cash_part, published_rows
from tests.result_examples import solved_tables, worth_tables
from tests.test_ledger import nobody, of, tariff
from tests.test_tables import occasion, printed

DEAL, LAPSE = "memphis-illustrative", "memphis-prek-1000-lapse"
SIZE = Options(children=1200, draws=2, worlds=2, horizon=30)


@cache
def priced() -> Result:
    """The shipped deal on few children, followed to 30."""
    return price(load_deal(DEAL), load_scenario(LAPSE), SIZE)


@cache
def lines() -> dict[str, CostLine]:
    """Memphis's prices by name."""
    return {line.name: line for line in costs_of("memphis").lines}


def change(flow: str, units: float) -> tuple[np.ndarray, Tariff]:
    """Scenario less baseline where so many units of a flow more are counted in 2025, here: (years, entries)."""
    flows = nobody()
    flows[1, 0, 10, 0, of(flow)] = units
    yearly = yearly_amounts(tariff(), Span((2015, 2016, 2017), 30, 2019, 1.0), flows, ([], []))
    return yearly[1] - yearly[0], tariff()


@pytest.mark.parametrize(("pupils", "posts"), [(-15.8, 0), (-15.9, 1), (-31.0, 1), (-32.0, 2), (20.0, 1)])
def test_a_saving_is_cash_in_whole_posts(pupils: float, posts: int) -> None:
    spared, used = change("special_education", pupils)
    line = lines()["special_education"]
    cash = cash_part(spared[None], used, lines())[0]
    of_line = np.array([entry.line == "special_education" for entry in used.entries])
    one = load_prices().reprice(5918.0, 2000, 2019)
    assert line.post is not None
    expected = -np.sign(pupils) * posts * 15.9 * one * line.post.saves.value
    assert cash[:, of_line].sum() == pytest.approx(expected)
    assert np.count_nonzero(cash[:, ~of_line]) == 0
    for budget in ("state", "school_district"):
        column = of_line & used.of(budget)
        assert cash[:, column].sum() == pytest.approx(expected * spared[:, column].sum() / spared[:, of_line].sum())


def test_what_has_no_post_is_never_cash_and_what_moves_by_itself_always_is() -> None:
    spared, used = change("arrests", -1000.0)
    assert not cash_part(spared[None], used, lines()).any()
    earned, used = change("earnings", 5e6)
    assert (cash_part(earned[None], used, lines())[0] == earned).all()


def test_a_post_belongs_to_a_cost_that_is_not_cashable() -> None:
    line = lines()["special_education"].model_dump()
    with pytest.raises(ValueError, match="belongs to a cost that is not cashable by itself"):
        CostLine.model_validate(line | {"cashable": True})
    assert line["post"] is not None
    with pytest.raises(ValueError, match="units above 0"):
        post = line["post"] | {"units": line["post"]["units"] | {"value": 0.0, "low": 0.0}}
        CostLine.model_validate(line | {"post": post})


def test_the_deals_seats_are_in_its_uses_and_not_in_its_gains() -> None:
    result = priced()
    assert result.case is not None
    gains = result.case.gains
    plain = run(load_scenario(LAPSE), SIZE).tables["ledger"].set_index(["budget", "line", "ages"])
    seats = np.array([line.line == f"prek{SEATS}" and line.budget == "local" for line in gains.lines])
    left = gains.yearly[:, :, seats].sum(axis=(1, 2)).mean()
    assert plain.loc[("local", f"prek{SEATS}", "0-29"), "impact"] == pytest.approx(left - 24e6, rel=1e-6)
    taxes = np.array([line.line == "taxes" for line in gains.lines])
    whole = plain.xs("taxes", level="line").xs("0-29", level="ages")["impact"].sum()
    assert gains.yearly[:, :, taxes].sum(axis=(1, 2)).mean() == pytest.approx(whole)
    later = plain.xs("taxes", level="line").xs("30-64", level="ages")
    assert gains.later[0.0][:, taxes].sum(axis=1).mean() == pytest.approx(later["impact"].sum())
    assert gains.later[0.03][:, taxes].sum(axis=1).mean() == pytest.approx(later["present_value"].sum())
    assert 2500 < gains.children < 3000


def test_a_priced_deal_says_what_it_is_worth_to_whom() -> None:
    tables = priced().tables
    value = tables["value"].set_index(["perspective", "discount_rate"])["npv"]
    parts = [*(each for each in value.index.levels[0] if each not in ("public", "private", "society"))]
    parts.remove("society_after_tax_burden")
    for rate in (0.02, 0.03, 0.07):
        assert value.loc[parts, rate].sum() == pytest.approx(value[("society", rate)], rel=1e-9)
    pockets = tables["pockets"].set_index(["budget", "year"])
    payers = tables["payers"]
    nominal = pockets.loc[("local", "all"), "paid"]
    assert 0.9 * payers["paid"].sum() < nominal < payers["paid"].sum()  # in dollars of 2019
    years = [year for budget, year in pockets.index if budget == "local" and year not in ("all", "present")]
    assert pockets.loc[[("local", year) for year in years], "net"].sum() == pytest.approx(
        pockets.loc[("local", "all"), "net"]
    )
    assert len(tables["mvpf"]) == 3
    assert tables["benefit_cost"]["program"].iloc[0] == DEAL


def test_what_is_laid_beside_is_for_comparison_only_and_the_burden_may_be_used() -> None:
    assert all(estimate(f"{key}{letter}").role == "VALIDATE" for key, _ in BESIDE for letter in "abcde")
    assert estimate(EXCESS_BURDEN).role == "INPUT"
    assert [(row.cost, row.ratio) for row in published_rows()] == [(7929.0, 3.59), (9982.0, 2.67)]


def test_a_price_is_solved_on_a_study() -> None:
    found = solve(load_deal(DEAL), load_scenario(LAPSE), "investor-return", 0.02, SIZE)
    assert next(iter(found.tables)) == "prices"
    assert found.record["target"] == "investor-return"
    solution = found.tables["solution"].iloc[0]
    assert solution["achieved"] == pytest.approx(0.02, abs=1e-5)
    solved = found.tables["odds"].set_index("factor")["lenders_return"]
    assert solved.iloc[-1] == pytest.approx(0.02, abs=1e-5)
    assert len(found.tables["alternatives"]) == 4


def test_a_person_is_shown_whose_pocket_what_worth_and_what_was_solved() -> None:
    for draws in (20, 200):
        tables = tables_of({**worth_tables(), **solved_tables()})
        views = study_views(tables, occasion(LAPSE, options=Options(draws=draws), deal=DEAL))
        assert {view.table for view in views} == {table.name for table in tables} - {"solution"}
        for width in (60, 100, 200):
            page = " ".join(printed(views, width).split())
            assert "Whose pocket: millions of 2020 dollars" in page
            assert "state pre-K" in page
            assert "fee for service" in page
        assert "no additional child on average" in page
        assert ("chance of paying" in page) == (draws == 200)
