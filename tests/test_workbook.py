"""The workbook: formulas reckon what the engine reckons, follow a price changed by hand, and hold no user's text."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cradlecast.finance.case import Case, with_prices
from cradlecast.finance.cells import Cell, cell, rounded
from cradlecast.finance.indigo import indigo_project
from cradlecast.finance.returns import xirr
from cradlecast.finance.workbook import NO_ACCOUNT, SHEETS, workbook
from cradlecast.scenarios.deal import Deal
from cradlecast.scenarios.library import load_deal
from tests.cases import case, evaluation, random_case
from tests.deal_examples import TWO_LOANS, capped, deal, figure, line, metric, net_metric, seats, step, tranche
from tests.random_deals import random_deal
from tests.spreadsheets import OFFICE, WITHOUT, Cells, cells_of, changed, formulas_of, recalculated

office = pytest.mark.skipif(OFFICE is None, reason=WITHOUT)
TITLE = '=HYPERLINK("http://example.org","pay")'


def six_metrics() -> Case:
    """A deal with caps, a set-off, a fee, recycled payments, a guarantee and a success share, in 30 futures."""
    names = ("kindergarten_ready", "grade3_reading", "prek_attendance")
    contract = deal(
        title=TITLE,
        parties=[*capped("city", 60_000), {"name": "friend", "title": "+1", "role": "guarantor"}],
        uses=[
            seats(500),
            line("services", 30_000.55, "2019-10-01", "2020-10-01", "2021-10-01"),
            line("servicing", 900, "2020-12-31", to="manager", paid_by="waterfall"),
        ],
        sources=[
            tranche("senior", 50_000, 0.055),
            tranche("subordinate", 10_000, 0.08, compounding="annual"),
            {"kind": "recycled", "name": "again", "amount": figure(8_000), "backstop": "budget"},
            {"kind": "appropriation", "name": "budget", "party": "county", "balance": True, "draw": "pro_rata"},
        ],
        guarantees=[
            {
                "name": "promise",
                "party": "friend",
                "tranche": "senior",
                "amount": figure(9_000),
                "test_date": "2024-12-31",
            }
        ],
        metrics=[
            net_metric(names[0], 900.25, cap_per_payment=figure(20_000)),
            metric(names[1], 333.33, payer="county", cap_over_life=figure(30_000), net_of=[names[0]]),
            metric(names[2], 250, minimum_sample=95, escalator={"rate": figure(0.02, "share"), "first_year": 2020}),
        ],
        waterfall=[
            step("fee", "servicing"),
            step("recycle", "seats"),
            *TWO_LOANS[:-1],
            {"pay": "success_share", "to": "senior", "share": 0.35, "most": figure(2_000)},
            step("residual", "provider"),
        ],
    )
    rng = np.random.default_rng(5)
    cells = [(name, cohort, f"{cohort + 6}-06-30") for cohort in (2015, 2016) for name in names]
    shape = (30, len(cells))
    results = evaluation(
        cells,
        n=rng.integers(80, 160, shape),
        rate=rng.uniform(0.2, 0.7, shape),
        comparison=rng.uniform(0.2, 0.4, shape),
        samples=30,
    )
    return case(contract, results, seat_years={2019: 40.0, 2020: 41.5})


def cash_book(cells: Cells) -> dict[tuple[float, str, str, str], float]:
    """Dollars of the sheet Cash book by date, party, account and line."""
    rows: dict[str, dict[str, Any]] = {}
    for at, value in cells["Cash book"].items():
        rows.setdefault(at[1:], {})[at[0]] = value
    found: dict[tuple[float, str, str, str], float] = {}
    for row in rows.values():
        if isinstance(row.get("E"), float) and isinstance(row.get("A"), float):
            key = (row["A"], row["B"], row["C"], row["D"])
            found[key] = found.get(key, 0.0) + row["E"]
    return {key: dollars for key, dollars in found.items() if abs(dollars) > 1e-9}


def engine(each: Case, future: int) -> dict[tuple[float, str, str, str], float]:
    """The same of the engine, in one future."""
    _, cash = each.run()
    found: dict[tuple[float, str, str, str], float] = {}
    for entry in cash.entries:
        key = (float((entry.date - date(1899, 12, 30)).days), entry.party, entry.account or NO_ACCOUNT, entry.line)
        found[key] = found.get(key, 0.0) + float(entry.cents[future]) / 100
    return {key: dollars for key, dollars in found.items() if dollars}


def written(each: Case, folder: Path, future: int | None = None) -> Path:
    """The workbook of a case, on disk."""
    file = folder / "deal.xlsx"
    file.write_bytes(workbook(each, {"fingerprint": "f", "seed": 1}, future))
    return file


def agree(one: dict[Any, float], other: dict[Any, float]) -> None:
    """Same keys, and amounts within 1e-9 of each other."""
    assert one.keys() == other.keys()
    assert list(one.values()) == pytest.approx([other[key] for key in one], rel=1e-9, abs=1e-9)


def test_what_stands_in_the_cells_is_what_the_engine_found(tmp_path: Path) -> None:
    each = six_metrics()
    for future in (0, 7, 29):
        agree(cash_book(cells_of(written(each, tmp_path, future))), engine(each, future))


def test_every_sheet_has_live_formulas_but_the_figures_of_the_futures(tmp_path: Path) -> None:
    formulas = formulas_of(written(six_metrics(), tmp_path))
    assert set(SHEETS) <= formulas.keys()
    for name in SHEETS:
        assert bool(formulas[name]) == (name not in ("Inputs", "Futures")), name
    assert max(len(text) for sheet in formulas.values() for text in sheet.values()) < 8000


def test_no_text_of_a_user_is_a_formula_or_a_link(tmp_path: Path) -> None:
    file = written(six_metrics(), tmp_path)
    assert TITLE in str(cells_of(file)["Inputs"]["A1"])
    formulas = formulas_of(file)
    assert not any("HYPERLINK" in text for sheet in formulas.values() for text in sheet.values())
    assert not any(formulas[f"{name}!"] for name in SHEETS)


def test_the_same_deal_has_the_same_bytes() -> None:
    each = six_metrics()
    assert workbook(each, {}) == workbook(each, {})


@office
def test_a_spreadsheet_program_reckons_the_same_to_a_thousand_millionth(tmp_path: Path) -> None:
    file = written(six_metrics(), tmp_path)
    before, after = cells_of(file), recalculated(file, tmp_path)
    for sheet, cells in before.items():
        for at, value in cells.items():
            assert after[sheet][at] == (pytest.approx(value, rel=1e-9, abs=1e-9) if isinstance(value, float) else value)


def test_returns_are_the_engines_also_where_most_is_lost(tmp_path: Path) -> None:
    each = six_metrics()
    _, cash = each.run()
    seen = []
    for future in (0, 3, 29):
        cells = cells_of(written(each, tmp_path, future))["Returns"]
        for row, name in (("5", "senior"), ("6", "subordinate")):
            dates, flows = cash.flows(name)
            rate = xirr(dates, flows[future] / 100).rate
            assert cells[f"A{row}"] == name
            assert cells[f"E{row}"] == pytest.approx(rate, abs=1e-9)
            seen.append(rate)
    assert min(seen) < -0.5


@office
def test_a_price_and_a_future_changed_by_hand_move_the_waterfall(tmp_path: Path) -> None:
    each = six_metrics()
    file = written(each, tmp_path, 3)
    inputs = cells_of(file)["Inputs"]
    row = next(at[1:] for at, text in inputs.items() if text == "price of kindergarten_ready")
    dearer = changed(file, "Inputs", f"B{row}", 450.5, tmp_path / "dearer.xlsx")
    found = cash_book(recalculated(dearer, tmp_path))
    agree(found, engine(Case(**(vars(each) | {"deal": priced_at(each.deal, 450.5)})), 3))
    assert found != engine(each, 3)

    row = next(at[1:] for at, text in inputs.items() if str(text).startswith("future shown"))
    other = changed(file, "Inputs", f"B{row}", 12, tmp_path / "other.xlsx")
    agree(cash_book(recalculated(other, tmp_path)), engine(each, 11))


def priced_at(contract: Deal, price: float) -> Deal:
    """The deal with another price of readiness."""
    metrics = [
        m.model_copy(update={"price": m.price.model_copy(update={"value": price})})
        if m.name == "kindergarten_ready" and m.price is not None
        else m
        for m in contract.metrics
    ]
    return contract.model_copy(update={"metrics": tuple(metrics)})


def any_case(seed: int) -> Case:
    """A random deal on random results."""
    contract, seat_years, _ = random_deal(seed)
    rng = np.random.default_rng(seed + 10_000)
    days = [date(2019, 9, 1) + timedelta(int(gap)) for gap in rng.choice(1800, size=4, replace=False)]
    return random_case(seed, with_prices(contract, 3.0), seat_years, days)


def test_cells_hold_the_engines_figures_of_twenty_random_deals(tmp_path: Path) -> None:
    for seed in range(20):
        each = any_case(seed)
        agree(cash_book(cells_of(written(each, tmp_path, seed % 3))), engine(each, seed % 3))


@office
@pytest.mark.parametrize("seed", [2, 11])
def test_a_spreadsheet_program_reckons_random_deals_as_the_engine(seed: int, tmp_path: Path) -> None:
    each = any_case(seed)
    agree(cash_book(recalculated(written(each, tmp_path, 1), tmp_path)), engine(each, 1))


def test_cells_reckon_as_numpy_does() -> None:
    a, b = Cell("A1", 2.5), Cell("B1", 4.0)
    assert (rounded(a).value, rounded(Cell("C1", 3.5)).value, rounded(Cell("D1", -2.5)).value) == (2.0, 4.0, -2.0)
    assert np.where(a > b, 1, b).value == 4.0
    assert np.where(a > b, 1, b).formula == "IF((A1>B1),1,B1)"
    assert (np.minimum(a, 3), np.maximum(3, b))[0].formula == "MIN(A1,3)"
    assert (0 + a) is a
    assert ((a > b) | (b > a)).value is True
    assert ((1 + a) ** 2 - 1).value == 11.25
    assert cell(np.int64(3)).formula == "3"
    with pytest.raises(TypeError):
        np.exp(a)


# --- INDIGO ---


def test_a_deal_is_told_in_the_field_groups_of_the_data_standard() -> None:
    project = indigo_project(load_deal("memphis-illustrative"))
    assert project["name"]["value"].startswith("Memphis and Shelby County")
    investments = project["investments"]
    assert [each["investment_commitment"]["amount"]["exact"]["value"] for each in investments] == [1.5e6, 6e6]
    assert project["overall_project_finance"]["total_investment_commitment"]["amount"]["exact"]["value"] == 7.5e6
    assert [each["definition"]["value"] for each in project["outcome_metrics"]]
    assert len(project["outcome_payment_commitments"]) == 2
    assert json.loads(json.dumps(project)) == project
