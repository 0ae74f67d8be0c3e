"""The ledger: every dollar is somebody's and nobody's twice, and books balance to the cent."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cradlecast import study
from cradlecast.accounts import (
    BUDGETS,
    ELSEWHERE,
    GOVERNMENTS,
    SEATS,
    Books,
    Span,
    Tariff,
    check_books,
    keep_books,
    project_earnings,
    projected_amounts,
    tariff_of,
    yearly_amounts,
)
from cradlecast.ledger import BOOKS, LEDGER, SUMS, budget_table, ledger_table
from cradlecast.model.flows import EARNINGS_PRICE_YEAR, FLOWS
from cradlecast.model.place import Floats
from cradlecast.model.town import PROGRAMS
from cradlecast.scenarios.costs import PRIVATE, PUBLIC, price_year
from cradlecast.scenarios.library import load_costs, load_prices, load_program, load_scenario
from cradlecast.scenarios.options import Options
from cradlecast.study import run
from cradlecast.ui.layouts import study_views
from cradlecast.ui.rows import table_of
from tests.test_tables import line_of, occasion, printed

COHORTS = (2015, 2016, 2017)
SPAN = Span(COHORTS, 30, 2019, 3.99)
CHILDREN = 3 * 13_300.0
PAYERS = {"prek": "Local government", "head_start": "Federal government", "child_care": "Families"}


@cache
def tariff(year: int | None = None, rate: float | None = None) -> Tariff:
    """Memphis's prices."""
    return tariff_of(load_costs("memphis"), load_prices(), {name: load_program(name) for name in PROGRAMS}, year, rate)


def nobody() -> Floats:
    """Flows of three birth years in both arms, all nothing."""
    return np.zeros((2, len(COHORTS), 30, 2, len(FLOWS)))


def of(flow: str) -> int:
    return FLOWS.index(flow)


def random_flows(seed: int) -> Floats:
    """Flows of any size, in both arms and both places."""
    rng = np.random.default_rng(seed)
    flows = rng.integers(0, 5_000, nobody().shape).astype(np.float64)
    flows[..., of("earnings")] *= 10_000
    flows[..., of("parents_earnings")] -= 2_500  # parents may also earn less
    return flows


def seats(program: str, year: int, open_: float, filled: float, cost: float = 8_000.0) -> dict[str, Any]:
    """A row of the book of seats, as the model writes it."""
    row = {"year": year, "program": program, "stream": "standing", "age": 4, "payer": PAYERS[program]}
    return row | {"seats": open_, "filled": filled, "dollars": open_ * cost, "for_children": filled * cost}


def random_seats(seed: int) -> list[dict[str, Any]]:
    """Seats of every program in every school year at 4."""
    rng = np.random.default_rng(seed)
    years = [cohort + 4 for cohort in COHORTS]
    pairs = [(program, year, float(rng.integers(0, 7_000))) for program in PROGRAMS for year in years]
    return [seats(program, year, open_, open_ * rng.random(), 12_345.67) for program, year, open_ in pairs]


def amounts(flows: Floats, books: tuple[list[dict[str, Any]], list[dict[str, Any]]] = ([], [])) -> dict[tuple, Floats]:
    """Dollars of the community by line and budget: float64 (arms, years)."""
    yearly = yearly_amounts(tariff(), SPAN, flows, books)
    return {(entry.line, entry.budget): yearly[..., at] for at, entry in enumerate(tariff().entries)}


def table(flows: Floats, books: tuple[Any, Any] = ([], []), used: Tariff | None = None) -> pd.DataFrame:
    """The ledger of one sample, indexed by budget, line and ages."""
    used = used or tariff()
    yearly = yearly_amounts(used, SPAN, flows, books)[None]
    later = projected_amounts(used, SPAN, flows, 0.065, -0.0011)[None]
    return ledger_table("a", used, SPAN, yearly, later, CHILDREN).set_index(["budget", "line", "ages"]).sort_index()


# --- amounts ---


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_every_dollar_is_somebodys_and_nobodys_twice(seed: int) -> None:
    flows, books = random_flows(seed), (random_seats(seed), random_seats(seed + 1))
    found = amounts(flows, books)
    prices, costs = load_prices(), load_costs("memphis")
    for line in costs.lines:
        counted = flows[..., of(line.flow)].sum(axis=(1, 2, 3)) * SPAN.children_per_simulated
        from_year = EARNINGS_PRICE_YEAR if "earnings" in line.flow else price_year(line.amount, line.name)
        whole = counted * prices.reprice(line.per_count, from_year, 2019) * (-1 if line.kind == "cost" else 1)
        parts = sum(each.sum(axis=-1) for (name, _), each in found.items() if name == line.name)
        np.testing.assert_allclose(parts, whole, rtol=1e-12)
    for program in PROGRAMS:
        year = price_year(load_program(program).seat_cost, program)
        for arm in (0, 1):
            booked = sum(row["dollars"] for row in books[arm] if row["program"] == program)
            parts = sum(each[arm].sum() for (name, _), each in found.items() if name == f"{program}{SEATS}")
            assert parts == pytest.approx(-prices.reprice(booked, year, 2019), rel=1e-12)


def test_one_arrest_costs_the_state_the_county_and_a_victim_in_its_year() -> None:
    flows = nobody()
    flows[1, 1, 15, 0, of("arrests")] = 1.0  # born 2016: in 2031
    found = amounts(flows)
    dollars = 5756 * 255.657 / 313.689 * 3.99
    year = 2031 - 2015
    assert found["juvenile_justice", "local"][1, year] == pytest.approx(-0.62 * dollars)
    assert found["juvenile_justice", "state"][1, year] == pytest.approx(-0.38 * dollars)
    assert found["victims_losses", "victims"][1, year] == pytest.approx(-2404 / 5756 * dollars)
    assert sum(np.count_nonzero(each) for each in found.values()) == 4


def test_who_moved_away_is_lost_to_the_place_and_the_state_and_not_to_the_nation() -> None:
    here, away = nobody(), nobody()
    here[:, 0, 28, 0, of("earnings")] = 30_000.0
    away[:, 0, 28, 1, of("earnings")] = 30_000.0
    stay, left = amounts(here), amounts(away)
    dollars = 30_000.0 * 3.99
    assert stay["taxes", "local"].sum() == pytest.approx(2 * 0.2 * 0.16 * dollars)
    assert stay["taxes", ELSEWHERE].sum() == 0.0
    assert left["taxes", "local"].sum() == left["taxes", "state"].sum() == 0.0
    assert left["taxes", ELSEWHERE].sum() == pytest.approx(2 * 0.2 * 0.44 * dollars)
    for kept in (("taxes", "federal"), ("earnings_after_tax", "participants")):
        assert left[kept].sum() == stay[kept].sum() > 0.0


def test_leavers_who_stay_in_the_state_are_the_states() -> None:
    costs = load_costs("memphis")
    half = costs.leavers_in_state.model_copy(update={"value": 0.5})
    programs = {name: load_program(name) for name in PROGRAMS}
    used = tariff_of(costs.model_copy(update={"leavers_in_state": half}), load_prices(), programs)
    flows = nobody()
    flows[0, 0, 28, 1, of("earnings")] = 1_000.0
    yearly = yearly_amounts(used, SPAN, flows, ([], []))[0].sum(axis=0)
    by_budget = {entry.budget: yearly[at] for at, entry in enumerate(used.entries) if entry.line == "taxes"}
    assert by_budget["state"] == pytest.approx(0.5 * 0.28 * 0.2 * 3990)
    assert by_budget[ELSEWHERE] == pytest.approx((0.16 + 0.5 * 0.28) * 0.2 * 3990)


def test_an_empty_chair_costs_a_budget_the_same_and_a_center_what_families_do_not_pay() -> None:
    full, half = (([seats(p, 2019, 1000, filled) for p in PROGRAMS], []) for filled in (1000, 500))
    one, two = amounts(nobody(), full), amounts(nobody(), half)
    for payer in (("prek_seats", "local"), ("head_start_seats", "federal")):
        assert one[payer].sum() == two[payer].sum() < 0.0
    assert one["prek_seats", "local"].sum() == -8_000_000.0  # 2019 is the year of both
    assert one["child_care_seats", "providers"].sum() == 0.0
    assert two["child_care_seats", "families"].sum() == two["child_care_seats", "providers"].sum()
    assert two["child_care_seats", "families"].sum() == pytest.approx(one["child_care_seats", "families"].sum() / 2)


def test_a_program_without_seats_costs_nothing() -> None:
    assert amounts(nobody(), ([seats("prek", 2019, 0.0, 0.0)], []))["prek_seats", "local"].sum() == 0.0


# --- projection ---


def test_without_a_profile_pay_stays_as_it_was_for_35_years() -> None:
    assert project_earnings(np.array([100.0, 0.0]), 0.0, 0.0, 2.0).sum(axis=1).tolist() == [3500.0, 0.0]


def test_pay_follows_the_profile_of_experience() -> None:
    pay = project_earnings(np.array(1.0), 0.065, -0.0011, 1.0)
    assert pay.shape == (35,)

    def log(years: int) -> float:
        return 0.065 * years - 0.0011 * years**2

    assert pay[0] == pytest.approx(np.exp(log(12) - log(11)))
    assert pay[-1] == pytest.approx(np.exp(log(46) - log(11)))
    assert int(np.argmax(pay)) + 30 == 18 + 30  # 0.065 / (2 x 0.0011) = 29.5 years after 18


def test_what_is_earned_after_29_is_discounted_year_by_year() -> None:
    flows = nobody()
    flows[1, 2, 29, 0, of("earnings")] = 1_000.0
    flows[:, :, 0, 0, of("children")] = 10.0
    flows[:, :, 19, 0, of("two_year")] = 10.0  # one year of college each
    used = tariff(rate=0.03)
    later = projected_amounts(used, SPAN, flows, 0.065, -0.0011)
    pay = project_earnings(np.array(3_990.0), 0.065, -0.0011, 1.0)
    years = 2017 + np.arange(30, 65)
    at = {(entry.line, entry.budget): number for number, entry in enumerate(used.entries)}
    mine = at["earnings_after_tax", "participants"]
    assert later[1, 0, mine] == pytest.approx(0.8 * pay.sum())
    assert later[1, 1, mine] == pytest.approx(0.8 * (pay / 1.03 ** (years - 2019)).sum())
    assert later[1, 0].sum() == pytest.approx(pay.sum()), "taxes and what they leave are the whole"
    assert not later[0].any()
    assert not later[..., [at["special_education", "state"], at["parents_taxes", "federal"]]].any()


# --- books ---


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_books_balance_to_the_cent_whatever_happens(seed: int) -> None:
    yearly = yearly_amounts(tariff(), SPAN, random_flows(seed), (random_seats(seed), random_seats(seed + 1)))
    books = keep_books(tariff(), yearly)
    for arm in (0, 1):
        for b, budget in enumerate(GOVERNMENTS):
            held = 0
            for y in range(len(SPAN.years)):
                assert books.carried_in[arm, b, y] == held
                held += int(books.appropriated[arm, b, y] + books.revenue[arm, b, y] - books.spent[arm, b, y])
                assert books.carried_out[arm, b, y] == held
            lines = yearly[arm, :, tariff().of(budget)].sum()
            net = books.revenue[arm, b].sum() - books.spent[arm, b].sum()
            assert net / 100 == pytest.approx(lines, abs=0.005 * yearly.size)
    assert not books.carried_out[0].any(), "the baseline is appropriated what it needs"


def test_what_the_scenario_carries_is_what_it_saved_and_received() -> None:
    """500 seats more are appropriated; an arrest less and taxes more are carried, each by the budget that has them."""
    flows = nobody()
    flows[0, 0, 15, 0, of("arrests")] = 1.0
    flows[1, 0, 25, 0, of("earnings")] = 1_000.0
    before, after = [seats("prek", 2019, 6000, 5900)], [seats("prek", 2019, 6500, 6000)]
    books = keep_books(tariff(), yearly_amounts(tariff(), SPAN, flows, (before, after)))
    local, federal = GOVERNMENTS.index("local"), GOVERNMENTS.index("federal")
    year = {number: at for at, number in enumerate(SPAN.years.tolist())}
    assert books.appropriated[1, local, year[2019]] - books.appropriated[0, local, year[2019]] == 500 * 8_000_00
    assert books.carried_out[1, local, year[2019]] == 0
    arrest = round(0.62 * 5756 * 255.657 / 313.689 * 3.99 * 100)
    assert books.carried_out[1, local, year[2030]] == arrest
    assert books.carried_out[1, local, -1] == arrest + round(0.2 * 0.16 * 3_990 * 100)
    assert books.carried_out[1, federal, -1] == round(0.2 * 0.56 * 3_990 * 100)


@pytest.mark.parametrize("name", ["carried_in", "appropriated", "revenue", "spent", "carried_out"])
@pytest.mark.parametrize("year", [0, 7, -1])
def test_a_cent_that_is_lost_is_found(name: str, year: int) -> None:
    yearly = yearly_amounts(tariff(), SPAN, random_flows(1), (random_seats(1), random_seats(2)))
    books = keep_books(tariff(), yearly)
    net = np.rint(yearly[..., tariff().of(*GOVERNMENTS)] * 100).astype(np.int64).sum(axis=-1)
    check_books(books, net)
    wrong = getattr(books, name).copy()
    wrong[1, 2, year] += 1
    with pytest.raises(ArithmeticError, match=r"fails by \$0\.01"):
        check_books(dataclasses.replace(books, **{name: wrong}), net)


def test_a_line_that_no_budget_has_is_found() -> None:
    yearly = yearly_amounts(tariff(), SPAN, random_flows(1), ([], []))
    books = keep_books(tariff(), yearly)
    with pytest.raises(ArithmeticError, match="the budgets hold every line once"):
        check_books(books, np.zeros(books.spent.shape[:1] + books.spent.shape[2:], np.int64))


def test_the_same_life_in_both_arms_moves_no_money() -> None:
    flows, rows = random_flows(5), random_seats(5)
    flows[1] = flows[0]
    found = table(flows, (rows, rows))
    assert not found[["impact", "present_value", "impact_per_child"]].any(axis=None)
    assert (found["chance_not_positive"] == 1.0).all()
    assert found["baseline_amount"].abs().min() > 0.0
    books = keep_books(tariff(), yearly_amounts(tariff(), SPAN, flows, (rows, rows)))
    assert not books.carried_out.any()


# --- tables ---


@pytest.mark.parametrize("ages", ["0-29", "30-64"])
@pytest.mark.parametrize("name", ["baseline_amount", "amount", "impact", "present_value", "impact_per_child"])
def test_totals_are_the_sums_of_their_lines_but_for_what_stands_apart(name: str, ages: str) -> None:
    found = table(random_flows(3), (random_seats(3), random_seats(4))).xs(ages, level="ages")
    line = found.index.get_level_values("line")
    totals = found[line == "total"].droplevel("line")[name]
    sums = found[(line != "total") & (line != "besides_seats") & found["in_totals"]].groupby(level="budget")[name].sum()
    assert len(totals) > 6
    np.testing.assert_allclose(sums[totals.index], totals, rtol=1e-9)
    for group, budgets in SUMS.items():
        assert totals[group] == pytest.approx(sum(totals.get(budget, 0.0) for budget in budgets), rel=1e-9)


def test_all_ages_are_lived_ones_and_projected_ones() -> None:
    found = table(random_flows(3))
    for budget, line in (("federal", "taxes"), ("participants", "earnings_after_tax"), ("public", "total")):
        rows = found.loc[(budget, line)]
        assert rows["impact"]["0-64"] == pytest.approx(rows["impact"]["0-29"] + rows["impact"]["30-64"])
        assert rows["projected"].tolist() == [False, True, True]
    assert set(found.xs("special_education", level="line").index.get_level_values("ages")) == {"0-29"}


def test_what_is_not_seats_is_the_total_without_them() -> None:
    found = table(random_flows(3), (random_seats(3), random_seats(4)))["present_value"].xs("0-29", level="ages")
    for group in SUMS:
        assert found[group, "besides_seats"] + found[group, "seats"] == pytest.approx(found[group, "total"])


def test_pain_and_suffering_have_a_line_and_are_in_no_total() -> None:
    flows = nobody()
    flows[0, 0, 15, 0, of("arrests")] = 1.0
    found = table(flows).xs("0-29", level="ages")["impact"]
    assert found["victims", "victims_suffering"] > 9 * found["victims", "total"] > 0.0
    assert found["society", "total"] == pytest.approx(found["public", "total"] + found["victims", "victims_losses"])


def test_a_cost_that_falls_is_a_saving() -> None:
    flows = nobody()
    flows[0, :, 10, 0, of("special_education")] = 10.0
    flows[1, :, 10, 0, of("special_education")] = 9.0
    flows[1, :, 16, 0, of("arrests")] = 1.0
    found = table(flows)
    assert found.loc[("state", "special_education", "0-29"), "kind"] == "saving"
    assert found.loc[("state", "juvenile_justice", "0-29"), "kind"] == "cost"
    row = found.loc[("school_district", "special_education", "0-29")]
    dollars = 0.493 * 5918 * 255.657 / 172.2 * 3.99
    assert row["impact"] == pytest.approx(3 * dollars)
    assert row["impact_per_child"] == pytest.approx(3 * dollars / CHILDREN)
    assert row["present_value"] == pytest.approx(sum(dollars / 1.03 ** (c + 10 - 2019) for c in COHORTS))
    assert (row["present_in"], row["discount_rate"], row["price_year"]) == (2019, 0.03, 2019)


def test_another_price_year_and_rate_are_other_dollars_of_the_same_things() -> None:
    flows, rows = random_flows(6), (random_seats(6), random_seats(7))
    now, then = table(flows, rows), table(flows, rows, tariff(2024, 0.0))
    np.testing.assert_allclose(then["impact"], now["impact"] * 313.689 / 255.657, rtol=1e-9)
    np.testing.assert_allclose(then["present_value"], then["impact"], rtol=1e-9)
    assert set(then["price_year"]) == {2024}


def test_intervals_are_those_of_the_samples() -> None:
    yearly = np.stack([yearly_amounts(tariff(), SPAN, random_flows(seed), ([], [])) for seed in range(40)])
    later = np.zeros((40, 2, 2, len(tariff().entries)))
    found = ledger_table("a", tariff(), SPAN, yearly, later, CHILDREN).set_index(["budget", "line", "ages"])
    at = [entry.line == "taxes" and entry.budget == "state" for entry in tariff().entries].index(True)
    impacts = (yearly[:, 1, :, at] - yearly[:, 0, :, at]).sum(axis=1)
    row = found.loc[("state", "taxes", "0-29")]
    assert row["impact"] == pytest.approx(impacts.mean())
    assert [row["impact_low"], row["impact_high"]] == pytest.approx(list(np.quantile(impacts, [0.05, 0.95])))
    present = ((yearly[:, 1, :, at] - yearly[:, 0, :, at]) / 1.03 ** (SPAN.years - 2019)).sum(axis=1)
    assert 0.0 < row["chance_not_positive"] == np.mean(present <= 0.0) < 1.0


def test_columns_are_those_named_and_rows_are_told_apart() -> None:
    yearly = yearly_amounts(tariff(), SPAN, random_flows(8), (random_seats(8), random_seats(9)))[None]
    later = projected_amounts(tariff(), SPAN, random_flows(8), 0.065, -0.0011)[None]
    found = ledger_table("a", tariff(), SPAN, yearly, later, CHILDREN)
    assert list(found.columns) == list(LEDGER)
    assert not found.duplicated(["budget", "line", "ages"]).any()
    assert set(found["budget"]) == {*BUDGETS, *SUMS}
    books = budget_table("a", tariff(), SPAN, yearly)
    assert list(books.columns) == list(BOOKS)
    assert len(books) == 2 * len(GOVERNMENTS) * len(SPAN.years)


def test_the_table_of_books_holds_means_that_balance() -> None:
    yearly = np.stack(
        [yearly_amounts(tariff(), SPAN, random_flows(s), (random_seats(s), random_seats(s + 9))) for s in range(3)]
    )
    found = budget_table("a", tariff(), SPAN, yearly)
    out = found["carried_in"] + found["appropriated"] + found["revenue"] - found["spent"]
    np.testing.assert_allclose(out, found["carried_out"], atol=0.01)
    first = found.set_index(["arm", "budget", "year"]).loc[("scenario", "state", 2030)]
    parts = [keep_books(tariff(), each).spent[1, GOVERNMENTS.index("state"), 15] for each in yearly]
    assert first["spent"] == pytest.approx(np.mean(parts) / 100)


def test_children_who_are_followed_to_5_have_no_projection() -> None:
    span = dataclasses.replace(SPAN, horizon=6)
    flows = random_flows(2)[:, :, :6]
    yearly = yearly_amounts(tariff(), span, flows, (random_seats(1), random_seats(2)))
    assert yearly.shape == (2, 8, len(tariff().entries))
    found = ledger_table("a", tariff(), span, yearly[None], np.zeros((1, 2, 2, yearly.shape[-1])), CHILDREN)
    assert set(found["ages"]) == {"0-5"}
    assert not found["projected"].any()


def test_budgets_are_public_or_private_or_elsewhere_and_none_is_two() -> None:
    assert sorted(BUDGETS) == sorted({*PUBLIC, *PRIVATE, ELSEWHERE})
    assert set(Books.__dataclass_fields__) < set(BOOKS)


# --- on a terminal ---


def page(*scenarios: str, width: int = 100, horizon: int = 30) -> str:
    """The ledger and the books as a person sees them: 1,000 seats more, and a little more earned at 29."""
    span = dataclasses.replace(SPAN, horizon=horizon)
    flows = nobody()[:, :, :horizon]
    flows[1, :, -1, 0, of("earnings")] = 1e6
    rows = ([seats("prek", 2019, 6000, 5900)], [seats("prek", 2019, 7000, 6300)])
    yearly = yearly_amounts(tariff(), span, flows, rows)[None]
    later = projected_amounts(tariff(), span, flows, 0.0, 0.0)[None] * (horizon == 30)
    frame = pd.concat([ledger_table(name, tariff(), span, yearly, later, CHILDREN) for name in scenarios])
    tables = [table_of("ledger", frame), table_of("budgets", budget_table("a", tariff(), span, yearly))]
    return printed(study_views(tables, occasion(*scenarios)), width)


def test_a_person_is_told_who_pays_and_who_gains() -> None:
    shown = page("memphis-prek-1000-lapse")
    assert "Money: present value at the scenario's start, 3.0 % a year, dollars of 2019" in shown
    assert line_of(shown, "public budgets: seats").endswith("-8.0 (-8.0 to -8.0) -8.0 (-8.0 to -8.0)")
    earned = sum(3.99 / 1.03 ** (cohort + 29 - 2019) for cohort in COHORTS)
    later = sum(3.99 / 1.03 ** (cohort + age - 2019) for cohort in COHORTS for age in range(30, 65))
    private = f"{0.8 * earned:+.1f} ({0.8 * earned:+.1f} to {0.8 * earned:+.1f})"
    assert private in line_of(shown, "children, parents, centers, victims")
    assert line_of(shown, "children, parents").split()[-1] == f"{0.8 * (earned + later):+.1f})"
    assert line_of(shown, "everybody").split()[-1] == f"{earned + later - 8:+.1f})"


def test_scenarios_stand_apart_and_books_are_for_files() -> None:
    names = ("memphis-prek-1000-lapse", "memphis-prek-1000-displace")
    shown = page(*names)
    assert [shown.count(f"\n{name}") for name in names] == [1, 1]
    assert shown.count("public budgets: seats") == 2
    assert "carried" not in shown


def test_children_followed_to_5_have_one_column_and_narrow_windows_the_last() -> None:
    assert "projected" not in page("memphis-prek-1000-lapse", horizon=6)
    narrow = page("memphis-prek-1000-lapse", width=60)
    assert "0-64" in narrow and "0-29" not in narrow


# --- a study ---

SMALL = Options(children=1200, draws=2, worlds=1)


def test_no_seats_added_move_no_money() -> None:
    found = run(load_scenario("memphis-prek-1000-lapse").with_levers({"seats": 0}), SMALL).tables
    assert (found["ledger"]["impact"] == 0.0).all()
    assert found["ledger"]["baseline_amount"].abs().min() > 0.0
    assert (found["budgets"]["carried_out"] == 0.0).all()


def test_seats_cost_in_the_ledger_what_the_book_of_seats_says() -> None:
    result = run(load_scenario("memphis-prek-1000-displace"), SMALL)
    book, prices = result.tables["seats"], load_prices()
    found = result.tables["ledger"].set_index(["budget", "line", "ages"])
    added = {
        name: book[(book["program"] == name) & (book["arm"] == "scenario")]["dollars"].sum()
        - book[(book["program"] == name) & (book["arm"] == "baseline")]["dollars"].sum()
        for name in PROGRAMS
    }
    years = {name: price_year(load_program(name).seat_cost, name) for name in PROGRAMS}
    cost = {name: -prices.reprice(dollars, years[name], 2019) for name, dollars in added.items()}
    assert cost["prek"] < 0.0 < cost["head_start"]
    assert found.loc[("local", "prek_seats", "0-29"), "impact"] == pytest.approx(cost["prek"])
    assert found.loc[("federal", "head_start_seats", "0-29"), "impact"] == pytest.approx(cost["head_start"])
    assert found.loc[("public", "seats", "0-29"), "impact"] == pytest.approx(cost["prek"] + cost["head_start"])
    assert found.loc[("private", "seats", "0-29"), "impact"] == pytest.approx(cost["child_care"])
    assert found.loc[("society", "seats", "0-29"), "impact"] == pytest.approx(sum(cost.values()))


def test_prices_are_part_of_what_a_result_is_known_by(monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = load_scenario("memphis-prek-1000-lapse")
    before = study.record_of([scenario], SMALL)["fingerprint"]
    dearer = load_prices().model_copy(update={"price_year": 2020})
    monkeypatch.setattr(study, "load_prices", lambda: dearer)
    assert study.record_of([scenario], SMALL)["fingerprint"] != before
