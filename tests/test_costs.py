"""Prices: each has a source, a price year and payers; a place says only what differs; old dollars are told as new."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cradlecast.model.flows import FLOWS
from cradlecast.scenarios import costs as declared
from cradlecast.scenarios.costs import DOLLAR_FLOWS, PRIVATE, PUBLIC, CostLine, Costs, Payer, Prices, Split
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.evidence import check_inputs, estimate
from cradlecast.scenarios.fields import Figure, Record
from cradlecast.scenarios.library import costs_of, load_costs, load_prices, load_program, names

SHIPPED = ("us", "memphis")

# Arrests of people under 18 in the United States, 2019 (docs/ledger.md): what the costs of an arrest are weighted by.
ARRESTS = 684_230
MIX = {"murder": 940, "assault": 26_810, "robbery": 15_840, "vehicle": 13_440, "burglary": 20_600, "larceny": 83_620}
LETTERS = {
    "N8015": dict(zip(MIX, "acdefh", strict=True)),
    "N8016": dict(zip(MIX, "acdefh", strict=True)),
    "N8017": dict(zip(MIX, "acdefh", strict=True)),
}


def line(name: str, of: str = "us") -> CostLine:
    """A line of a shipped file."""
    return next(each for each in load_costs(of).lines if each.name == name)


def per_arrest(row: str, of_the_rest: float = 0.0) -> float:
    """Cost of an arrest in the mix of offences, where those without a cost of their own have another."""
    values = {offence: estimate(f"{row}{letter}").value for offence, letter in LETTERS[row].items()}
    known = sum((values[offence] or 0.0) * arrests for offence, arrests in MIX.items())
    return (known + of_the_rest * (ARRESTS - sum(MIX.values()))) / ARRESTS


def cited(record: Any) -> list[Figure | Split]:
    """Every figure and split inside a declaration."""
    if isinstance(record, Figure | Split):
        return [record]
    if isinstance(record, dict):
        return [found for value in record.values() for found in cited(value)]
    if isinstance(record, tuple):
        return [found for value in record for found in cited(value)]
    if isinstance(record, Record):
        return [found for name in type(record).model_fields for found in cited(getattr(record, name))]
    return []


def test_us_and_memphis_are_shipped() -> None:
    assert names("costs") == tuple(sorted(SHIPPED))


@pytest.mark.parametrize("name", SHIPPED)
def test_every_price_and_every_split_has_a_source_that_may_be_used(name: str) -> None:
    found = cited(load_costs(name))
    assert len(found) > 25
    for each in found:
        assert each.source.strip()
        check_inputs(each.evidence)
        if (
            each.provenance in ("READ", "DERIVED")
            and not each.evidence
            and not each.source.startswith(("The", "Their"))
        ):
            assert each.address, each.source


@pytest.mark.parametrize("name", SHIPPED)
def test_lines_price_what_the_model_counts(name: str) -> None:
    assert {each.flow for each in load_costs(name).lines} <= set(FLOWS)
    assert set(get_args(declared.Flow)) | {"children"} == set(FLOWS)
    assert set(DOLLAR_FLOWS) == {flow for flow in FLOWS if flow.endswith("earnings")}
    assert set(get_args(declared.Budget)) == {*PUBLIC, *PRIVATE}


@pytest.mark.parametrize("name", SHIPPED)
def test_a_dollar_earned_is_taxed_or_kept_and_counted_once(name: str) -> None:
    for flow in DOLLAR_FLOWS:
        assert sum(each.per_count for each in load_costs(name).lines if each.flow == flow) == pytest.approx(1.0)


@pytest.mark.parametrize("name", SHIPPED)
def test_splits_sum_to_the_whole(name: str) -> None:
    splits = [each for each in cited(load_costs(name)) if isinstance(each, Split)]
    assert [split for split in splits if abs(sum(split.shares.values()) - 1) > 1e-9] == []


def test_memphis_has_budgets_for_the_payers_of_every_program() -> None:
    memphis = load_costs("memphis")
    for name in names("program"):
        assert memphis.payer(load_program(name).payer).shares
    with pytest.raises(InputError, match="name no budget for the payer 'A bank'; the payers are 'Federal government'"):
        memphis.payer("A bank")


def test_a_place_says_only_what_differs() -> None:
    us, memphis = load_costs("us"), load_costs("memphis")
    assert [each.name for each in memphis.lines] == [each.name for each in us.lines]
    assert memphis.based_on is None
    assert line("schooling", "memphis").amount.value == estimate("E5016a").value
    assert line("special_education", "memphis") == line("special_education")
    assert set(memphis.payers) == set(us.payers)


def test_a_community_without_prices_has_the_national_ones() -> None:
    assert costs_of("memphis") == load_costs("memphis")
    assert costs_of("nowhere") == load_costs("us")


def test_the_costs_of_an_arrest_are_those_of_its_offences_in_the_mix_of_juvenile_arrests() -> None:
    larceny = estimate("N8015h").value
    assert larceny is not None
    assert line("juvenile_justice").amount.value == round(per_arrest("N8015", larceny))
    assert line("juvenile_justice").amount.low == round(per_arrest("N8015"))
    assert line("victims_losses").amount.value == round(per_arrest("N8016"))
    assert line("victims_suffering").amount.value == round(per_arrest("N8017"))
    murder = MIX["murder"] / ARRESTS * (estimate("N8016a").value or 0.0)
    assert line("victims_losses").amount.low == round(per_arrest("N8016") - murder)


def test_pain_and_suffering_are_in_no_total() -> None:
    assert [each.name for each in load_costs("us").lines if not each.in_totals] == ["victims_suffering"]


def test_college_is_paid_in_full_by_those_named() -> None:
    """Appropriations, the federal grant and what families pay add up to what colleges receive for a student."""
    for name, appropriated, tuition in (("two_year_college", 10_899, 2_728), ("four_year_college", 10_820, 10_446)):
        college = line(name)
        assert college.amount.value == appropriated + tuition
        grant = 4160 * 6.8 / 21.3 * load_prices().reprice(1.0, 2018, 2024)
        assert college.split.shares["federal"] == pytest.approx(grant / college.per_count, abs=0.0006)
        public = college.split.shares["state"] + college.split.shares["local"]
        assert public == pytest.approx(appropriated / college.amount.value, abs=0.002)


# --- prices ---


def test_dollars_of_one_year_are_told_in_another() -> None:
    prices = load_prices()
    assert prices.reprice(5918, 2000, 2019) == pytest.approx(5918 * 255.657 / 172.2)
    assert prices.reprice(1, 2008, 2024) == pytest.approx(1.45697, abs=5e-5)  # the factor that N8015 was made with
    with pytest.raises(InputError, match="there is no price index for 1990; it covers 1998 to 2024"):
        prices.reprice(1, 1990, 2019)


YEARS = st.integers(1998, 2024)


@given(st.floats(0, 1e9), YEARS, YEARS, YEARS)
def test_the_way_through_a_third_year_changes_nothing(amount: float, a: int, b: int, c: int) -> None:
    prices = load_prices()
    there = prices.reprice(prices.reprice(amount, a, b), b, c)
    assert there == pytest.approx(prices.reprice(amount, a, c), rel=1e-12)
    assert prices.reprice(amount, a, a) == pytest.approx(amount)


def test_the_index_has_every_year_and_prices_rise_but_in_2009() -> None:
    values = load_prices().index.values
    assert list(values) == list(range(1998, 2025))
    assert [year for year in list(values)[1:] if values[year] < values[year - 1]] == [2009]
    assert load_prices().discount_rate.value == estimate("E5019a").value


# --- bad input ---


def figure(value: float, **more: Any) -> dict[str, Any]:
    return {"value": value, "unit": "usd", "year": 2019, "source": "an invoice", "provenance": "READ"} | more


def entry(**more: Any) -> dict[str, Any]:
    split = {"shares": {"state": 1.0}, "source": "law", "provenance": "READ"}
    base = {"name": "a", "title": "A", "kind": "cost", "flow": "arrests", "amount": figure(10.0), "split": split}
    return base | {"cashable": True} | more


def shares(**given_shares: float) -> dict[str, Any]:
    return {"split": {"shares": given_shares, "source": "law", "provenance": "READ"}}


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (shares(state=0.5, local=0.4), "shares must sum to 1; they sum to 0.9"),
        (shares(state=1.5, local=-0.5), "each share must be from 0 to 1"),
        ({"kind": "gain"}, "a gain goes to families, participants, victims, providers; got state"),
        ({"kind": "revenue", **shares(victims=1.0)}, "a revenue goes to public budgets; got victims"),
        ({"amount": figure(10.0, year=None)}, "amount of 'a' needs a price year, as in year: 2019"),
        ({"flow": "earnings"}, "a line on earnings takes a share of them, from 0 to 1; got 10"),
        ({"flow": "smiles"}, "Input should be 'pupils'"),
    ],
)
def test_a_wrong_line_is_refused_in_a_sentence(changed: dict[str, Any], sentence: str) -> None:
    assert CostLine.model_validate(entry()).per_count == 10.0
    with pytest.raises(ValidationError) as caught:
        CostLine.model_validate(entry(**changed))
    assert sentence in str(caught.value)


def file(**more: Any) -> dict[str, Any]:
    away = {"value": 0.0, "unit": "share", "source": "none found", "provenance": "ASSUMED"}
    base = {"schema": "cradlecast/costs/1", "name": "here", "title": "Here", "description": "A place."}
    return base | {"leavers_in_state": away, "lines": [entry()]} | more


def test_a_file_of_prices_holds_each_line_once_or_stands_on_another() -> None:
    assert Costs.model_validate(file(lines=[], based_on="us")).lines == ()
    with pytest.raises(ValueError, match="line 'a' is there twice"):
        Costs.model_validate(file(lines=[entry(), entry()]))
    with pytest.raises(ValueError, match="lines must hold at least one line, or based_on must name a file"):
        Costs.model_validate(file(lines=[]))


def test_ones_own_file_lies_over_the_national_one(tmp_path: Path) -> None:
    shipped = Path(declared.__file__).parent / "costs" / "memphis.yaml"
    mine = tmp_path / "mine.yaml"
    mine.write_text(shipped.read_text(encoding="utf-8").replace("name: memphis", "name: mine", 1), encoding="utf-8")
    assert load_costs(mine).lines == load_costs("memphis").lines
    mine.write_text("schema: cradlecast/costs/1\nname: mine\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"mine\.yaml: the key 'title' is missing"):
        load_costs(mine)


def test_empty_places_are_borne_by_the_center_and_not_by_families() -> None:
    families = load_costs("us").payer("Families")
    assert isinstance(families, Payer)
    assert families.empty_seats == "providers"


def test_the_price_year_of_the_tables_is_in_the_index() -> None:
    prices = load_prices().model_dump(by_alias=True)
    with pytest.raises(ValueError, match="price_year 1900 has no value in the index"):
        Prices.model_validate(prices | {"price_year": 1900})


# --- what the page says ---


def test_the_page_tells_every_line_with_its_price_and_year() -> None:
    page = (Path(__file__).parents[1] / "docs" / "ledger.md").read_text(encoding="utf-8")
    told = {row.split("`")[1]: row for row in page.splitlines() if row.startswith("| `")}
    assert list(told) == [each.name for each in load_costs("us").lines]
    for name in SHIPPED:
        for each in load_costs(name).lines:
            row = told[each.name]
            assert f"| {each.kind} | {each.flow} |" in row
            assert ("| yes |" if each.cashable else "| no |") in row
            if each.name != "extra_school_year":
                value = each.amount.value
                amount = f"{value:,.0f}" if value > 1 else f"{100 * value:.0f} %"
                assert amount in row
                assert str(each.amount.year or 2019) in row
            if each.units is not None and each.units.value != 1:
                assert f"x {each.units.value:g} " in row
    for arrests in (ARRESTS, ARRESTS - sum(MIX.values()), *MIX.values()):
        assert f" {arrests:,} " in page or f"({arrests:,} " in page
