"""Deals replayed on observed results: published facts, and deals that nobody here has seen, from their files alone."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from cradlecast.cli import main
from cradlecast.finance.replay import Replay, replay
from cradlecast.scenarios.contract import value_of
from cradlecast.scenarios.deal import Deal
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.library import load_deal, load_results, names

SHIPPED = tuple(name for name in names("deal") if load_deal(name).observed is not None)

type Write = Callable[[str], Path]


def told(name: str) -> Replay:
    """A shipped deal, replayed."""
    return replay(load_deal(name))


def paid(found: Replay) -> list[float]:
    """Dollars of every payment."""
    amounts: list[float] = found.payments["paid"].tolist()
    return amounts


def changed(deal: Deal, **numbers: float) -> Replay:
    """A deal replayed on its own first result with other numbers."""
    assert deal.observed is not None
    first = deal.observed.results[0].model_copy(update=numbers)
    return replay(deal, deal.observed.model_copy(update={"results": (first, *deal.observed.results[1:])}))


# --- published facts: only what was read, or follows from what was read ---


def test_every_published_deal_is_shipped_with_results() -> None:
    assert set(SHIPPED) == {
        "chicago-cpc",
        "cuyahoga",
        "educate-girls",
        "ma-roca",
        "nyc-able",
        "sc-nfp",
        "uk-innovation-fund-1",
        "uk-innovation-fund-2",
        "utah-hqp",
    }


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_deal_pays_what_was_published_and_its_books_are_right(name: str) -> None:
    found = told(name)
    assert found.checks["ok"].all()
    assert found.published["agrees"].all()
    assert load_deal(name).replay_only is not None


@pytest.mark.parametrize(("n", "gross"), [(325, 556_075.0), (374, 639_914.0)])
def test_chicago_the_first_payment_is_its_maximum_whichever_count_is_right(n: int, gross: float) -> None:
    found = changed(load_deal("chicago-cpc"), n=n)
    assert found.payments["gross"].tolist() == [gross]
    assert paid(found) == [500_000.0]
    assert found.payments["reason"].tolist() == ["cap per payment"]


def test_chicago_caps_escalator_and_stack() -> None:
    deal = load_deal("chicago-cpc")
    caps = [party.payment_cap.value for party in deal.parties if party.payment_cap is not None]
    assert caps == [4_500_000, 30_000_000]
    assert told(deal.name).capital["amount"].tolist() == [7_500_000, 5_500_000, 3_900_000]
    assert deal.observed is not None
    year_three = deal.observed.results[0].model_copy(
        update={"result": "special_education", "date": deal.observed.results[0].date.replace(year=2018), "units": 10.0}
    )
    found = replay(deal, deal.observed.model_copy(update={"results": (year_three,), "published": ()}))
    assert paid(found) == [pytest.approx(10 * 9100 * 1.01**2, abs=0.005)]


def test_utah_pays_95_percent_of_the_published_savings() -> None:
    assert paid(told("utah-hqp")) == [267_472.50]


def test_utah_pays_40_percent_once_investors_are_whole() -> None:
    deal = load_deal("utah-hqp")
    assert deal.observed is not None
    first = deal.observed.results[0]
    late = first.model_copy(update={"date": first.date.replace(year=2016), "amount": 20_000_000.0})
    found = replay(deal, deal.observed.model_copy(update={"results": (first, late), "published": ()}))
    terms = deal.metrics[0].savings
    assert terms is not None
    # By hand, simple at 5 %: 760 days on the first million, then what is left to 1 October 2016.
    owed_2015 = 7e6 + 1e6 * 0.05 * 365 / 365 + 7e6 * 0.05 * 395 / 365
    left = owed_2015 - 267_472.50
    principal = min(7e6, left)
    owed_2016 = left + principal * 0.05 * 366 / 365
    expected = owed_2016 + 0.4 * (20e6 - owed_2016 / 0.95)
    assert paid(found)[1] == pytest.approx(expected, abs=0.01)


def test_rikers_pays_nothing_and_the_guarantee_bounds_the_loss() -> None:
    found = told("nyc-able")
    assert paid(found) == [0.0]
    loan = found.capital.set_index("name").loc["loan"]
    assert loan["amount"] - 7_200_000 == loan["most_that_can_be_lost"] == 2_400_000
    assert loan["lost"] == 1_200_000  # 7.2 drawn, 6.0 called
    assert paid(changed(load_deal("nyc-able"), relative=0.10)) == [9_600_000]
    assert paid(changed(load_deal("nyc-able"), relative=0.25)) == [11_712_000]
    assert paid(changed(load_deal("nyc-able"), relative=0.0849)) == [0]


def test_cuyahoga_pays_nothing_and_all_is_lost() -> None:
    found = told("cuyahoga")
    assert paid(found) == [0.0]
    assert found.capital["lost"].sum() == found.capital["amount"].sum() == 4_025_000


def test_south_carolina_nets_a_triggered_result_to_nothing() -> None:
    found = told("sc-nfp")
    assert found.payments["gross"].iloc[0] > 0
    assert paid(found) == [0.0, 0.0, 0.0]
    assert found.payments["reason"].iloc[0] == "set off"
    for metric in load_deal("sc-nfp").metrics[:3]:
        assert metric.schedule is not None
        partial, full = (band.from_ for band in metric.schedule.bands)
        assert partial / full == pytest.approx(0.9)


def test_roca_blends_its_estimates_and_its_stack_adds_up() -> None:
    found = told("ma-roca")
    assert found.capital["amount"].sum() == 21_760_000
    deal = load_deal("ma-roca")
    blended = changed(deal, estimates={"randomised": 0.5, "difference_in_differences": 0.25})  # type: ignore[arg-type]
    steps = blended.derivation["step"].tolist()
    assert steps[0] == "0.8 x randomised 0.5 + 0.2 x difference_in_differences 0.25 = effect 0.45"
    assert steps[1] == "effect on incarceration_reduction: 45.0000%"
    assert paid(blended) == [pytest.approx(600_000 * 35)]
    with pytest.raises(InputError, match="blends the estimate 'difference_in_differences', which the result"):
        changed(deal, estimates={"randomised": 0.5})  # type: ignore[arg-type]


def test_educate_girls_is_paid_up_to_the_cap_on_its_return() -> None:
    assert pytest.approx(0.1498, abs=5e-5) == 1.52 ** (1 / 3) - 1
    found = told("educate-girls")
    assert sum(paid(found)) == 410_636.25 == round(270_000 * 1.15**3, 2)
    deal = load_deal("educate-girls")
    assert deal.observed is not None
    girls = deal.observed.results[1].units
    assert value_of(girls) / 662 == pytest.approx(1.16, abs=0.005)


@pytest.mark.parametrize(("number", "whole", "cap"), [(1, 15_100, 8_200), (2, 20_200, 11_700)])
def test_the_innovation_fund_pays_one_person_no_more_than_its_cap(number: int, whole: int, cap: int) -> None:
    found = told(f"uk-innovation-fund-{number}")
    assert found.payments["gross"].sum() == whole
    assert sum(paid(found)) == cap


def test_what_is_assumed_of_a_published_deal_says_so() -> None:
    assert told("sc-nfp").payments["rests_on"].unique().tolist() == ["ASSUMED"]
    assert told("chicago-cpc").payments["rests_on"].tolist() == ["READ"]
    for name in SHIPPED:
        assert load_deal(name).illustrative or "ASSUMED" not in set(told(name).payments["rests_on"])


# --- deals that nobody here has seen ---

HEAD = """
schema: cradlecast/deal/1
name: unseen
title: A deal nobody here has seen
illustrative: true
description: Written for a test.
currency: EUR
price_year: 2025 nominal
parties:
  - {name: city, title: City, role: outcomes_payer}
  - name: state
    title: State
    role: outcomes_payer
    payment_cap: {value: 300000, unit: eur, source: x, provenance: ASSUMED}
"""


def sum_of(amount: float) -> str:
    """A figure in a flow mapping."""
    return f"{{value: {amount}, unit: eur, source: x, provenance: ASSUMED}}"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A deal file of a person's own."""

    def file(body: str) -> Path:
        path = tmp_path / "unseen.yaml"
        path.write_text(HEAD + body, encoding="utf-8")
        return path

    return file


PER_DAY = f"""
metrics:
  - name: care_days
    title: Days in care, less than in the comparison group
    payer: state
    rule: price_per_unit
    count: net
    comparison: as_reported
    better: lower
    unit: day
    price: {sum_of(62.5)}
    escalator: {{rate: {{value: 0.03, unit: share, source: x, provenance: ASSUMED}}, first_year: 2025}}
    lag_days: 90
    minimum_sample: 50
    cap_per_year: {sum_of(200000)}
observed:
  results:
    - {{result: care_days, date: 2025-12-31, n: 40, n_comparison: 80, rate: 100, comparison_rate: 150}}
    - {{result: care_days, date: 2026-06-30, n: 80, n_comparison: 75, rate: 120.5, comparison_rate: 150}}
    - {{result: care_days, date: 2026-08-31, n: 90, n_comparison: 75, rate: 120, comparison_rate: 150}}
    - {{result: care_days, date: 2027-06-30, n: 100, n_comparison: 75, rate: 120, comparison_rate: 150}}
"""


def test_per_day_prices_with_escalator_sample_lag_and_caps_by_year_and_payer(write: Write) -> None:
    found = replay(load_deal(write(PER_DAY)))
    by_hand = [0.0, 80 * 29.5 * 62.5 * 1.03, 200_000 - 80 * 29.5 * 62.5 * 1.03, 300_000 - 200_000]
    assert paid(found) == pytest.approx(by_hand, abs=0.005)
    assert found.payments["reason"].tolist() == [
        "minimum sample not met",
        "paid in full",
        "cap per year",
        "cap over the payer's life",
    ]
    assert [str(day)[:10] for day in found.payments["date"]] == ["2026-03-31", "2026-09-28", "2026-11-29", "2027-09-28"]
    assert found.payers.set_index("payer").loc["state", "left"] == 0
    assert found.checks["ok"].all()
    second = found.derivation[found.derivation["payment"] == 2]
    assert second["step"].tolist() == [
        "effect 150 - 120.5 = 29.5",
        "80 measured x effect 29.5, at least 0 = 2,360 day",
        "2,360 day x 64.3750 (62.50 x 1.03^1)",
        "paid",
    ]


BANDS = f"""
metrics:
  - name: readers
    title: Third graders who read, beyond the comparison
    payer: city
    rule: schedule
    comparison: as_reported
    pooled: true
    schedule:
      of: effect
      round_to: 0.001
      bands:
        - {{from: 0.02, to: 0.05, per_point: {sum_of(10000)}}}
        - {{from: 0.05, to: 0.10, pay: {sum_of(100000)}, per_point: {sum_of(20000)}}}
        - {{from: 0.10, pay: {sum_of(250000)}}}
observed:
  results:
    - {{result: readers, date: 2025-06-30, cohort: first, n: 100, rate: 0.50, comparison_rate: 0.46}}
    - {{result: readers, date: 2026-06-30, cohort: second, n: 300, rate: 0.56, comparison_rate: 0.47}}
"""


def test_banded_schedules_with_a_cliff_on_pooled_cohorts(write: Write) -> None:
    found = replay(load_deal(write(BANDS)))
    # Pooled effect (100 x 0.04 + 300 x 0.09) / 400 = 0.0775, which rounds to 0.078: 100,000 + 2.8 points x 20,000.
    assert paid(found) == [pytest.approx(156_000)]
    steps = "\n".join(found.derivation["step"])
    assert "effect on readers: 7.8000%" in steps
    assert "band 0.05 to 0.1: 100,000.00" in steps
    by_cohort = replay(load_deal(write(BANDS.replace("pooled: true", "pooled: false"))))
    assert paid(by_cohort) == pytest.approx([20_000, 180_000])


def card(lines: int) -> str:
    """A rate card of so many lines, each with a price of its own."""
    body = f"cap_per_person: {sum_of(6000)}\nmetrics:\n"
    for number in range(1, lines + 1):
        body += f"  - {{name: line{number}, title: Line {number}, payer: city, rule: price_per_unit, "
        body += f"price: {sum_of(100 * number)}, "
        if number <= 5:
            body += "claim_group: attendance, claims_per_person: 1, "
        elif number == 6:
            body += f"cap_per_person: {sum_of(1500)}, "
        elif number == 7:
            body += "claims_per_person: 2, "
        elif number == 8:
            body += "after: line7, "
        else:
            body += "claims_per_person: 1, "
        body += "unit: claim}\n"
    return body


PEOPLE = """
observed:
  people:
    - person: a
      claims:
        - {metric: line3, date: 2025-01-10}
        - {metric: line5, date: 2025-02-10}
        - {metric: line6, date: 2025-03-10}
        - {metric: line6, date: 2025-04-10}
        - {metric: line6, date: 2025-05-10}
        - {metric: line8, date: 2025-05-11}
        - {metric: line7, date: 2025-06-10}
        - {metric: line8, date: 2025-06-10}
        - {metric: line7, date: 2025-07-10}
        - {metric: line7, date: 2025-08-10}
        - {metric: line20, date: 2025-09-10}
        - {metric: line20, date: 2025-10-10}
        - {metric: line19, date: 2025-11-10}
    - people: 10
      claims: [{metric: line20, date: 2025-09-10}]
"""


def test_a_rate_card_of_twenty_lines_with_first_claims_groups_and_caps_per_person(write: Write) -> None:
    found = replay(load_deal(write(card(20) + PEOPLE)))
    by_date = found.payments.set_index([found.payments["date"].astype(str).str[:10], "metric"])["paid"]
    by_hand = {
        ("2025-01-10", "line3"): 300,
        ("2025-02-10", "line5"): 0,  # the group has had its claim
        ("2025-03-10", "line6"): 600,
        ("2025-04-10", "line6"): 600,
        ("2025-05-10", "line6"): 300,  # 1,500 for one person on the line
        ("2025-05-11", "line8"): 0,  # line 7 did not come before
        ("2025-06-10", "line7"): 700,
        ("2025-06-10", "line8"): 800,
        ("2025-07-10", "line7"): 700,
        ("2025-08-10", "line7"): 0,  # two claims at most
        ("2025-09-10", "line20"): 2000 + 10 * 2000,  # 4,000 so far, and 6,000 for one person
        ("2025-10-10", "line20"): 0,
        ("2025-11-10", "line19"): 0,  # the cap is used up
    }
    assert by_date.to_dict() == by_hand
    steps = set(found.derivation["step"])
    assert "only the first claim of a person on attendance" in steps
    assert "no claim on line7 came before" in steps
    assert "cap for one person over all lines" in steps
    assert found.checks["ok"].all()


def test_a_total_cannot_be_held_against_limits_for_one_person(write: Write) -> None:
    body = card(20) + "observed:\n  results:\n    - {result: line9, date: 2025-01-01, units: 40}\n"
    with pytest.raises(InputError, match=r"'line9' is limited for each person; give its claims person by person"):
        replay(load_deal(write(body)))


TWO_TRIGGERS = f"""
metrics:
  - name: graduation
    title: Graduates, if attendance holds too
    payer: city
    rule: price_per_unit
    price: {sum_of(1000)}
    requires:
      - any_of:
          - {{of: rate, at_least: 0.8}}
          - {{of: rate, at_least: 0.7, over: pooled}}
      - any_of: [{{result: attendance, of: rate, at_least: 0.9}}]
observed:
  results:
    - {{result: graduation, date: 2025-06-30, cohort: a, n: 100, rate: 0.65}}
    - {{result: attendance, date: 2025-05-30, cohort: a, rate: 0.95}}
    - {{result: graduation, date: 2026-06-30, cohort: b, n: 100, rate: 0.75}}
    - {{result: attendance, date: 2026-05-30, cohort: b, rate: 0.95}}
    - {{result: graduation, date: 2027-06-30, cohort: c, n: 100, rate: 0.90}}
    - {{result: attendance, date: 2027-05-30, cohort: c, rate: 0.89}}
    - {{result: graduation, date: 2028-06-30, cohort: d, n: 100, rate: 0.85}}
    - {{result: attendance, date: 2028-05-30, cohort: d, rate: 0.90}}
"""


def test_two_triggers_must_both_hold_each_by_cohort_or_pooled(write: Write) -> None:
    found = replay(load_deal(write(TWO_TRIGGERS)))
    # a: 0.65 fails both. b: 0.75 fails alone, pooled 0.70 holds. c: attendance fails. d: all holds.
    assert paid(found) == [0, 75_000, 0, 85_000]
    steps = found.derivation["step"].tolist()
    assert "requirement: rate of attendance at least 0.9 (cohort); it is 0.89: does not hold" in steps
    missing = TWO_TRIGGERS.replace("    - {result: attendance, date: 2027-05-30, cohort: c, rate: 0.89}\n", "")
    with pytest.raises(InputError, match="requires the result 'attendance', which the results of c do not hold"):
        replay(load_deal(write(missing)))


NETTED = f"""
deductions:
  - {{name: advance, title: Paid in advance}}
metrics:
  - name: by_cohort
    title: Steps by cohort
    measures: effect
    payer: city
    rule: schedule
    comparison: as_reported
    net_of: [advance]
    schedule: {{of: effect, bands: [{{from: 0.1, pay: {sum_of(50000)}}}]}}
  - name: all_cohorts
    title: Steps over all cohorts, less what cohorts were paid
    measures: effect
    payer: state
    rule: schedule
    comparison: as_reported
    pooled: true
    net_of: [by_cohort]
    schedule: {{of: effect, bands: [{{from: 0.075, pay: {sum_of(120000)}}}]}}
observed:
  deductions: {{advance: {sum_of(20000)}}}
  results:
    - {{result: effect, date: 2025-06-30, n: 100, effect: 0.05}}
    - {{result: effect, date: 2026-06-30, n: 100, effect: 0.12}}
    - {{result: effect, date: 2027-06-30, n: 100, effect: 0.10}}
"""


def test_a_pooled_payment_is_net_of_what_cohorts_were_paid_and_an_advance_is_set_off_once(write: Write) -> None:
    found = replay(load_deal(write(NETTED)))
    assert found.payments["metric"].tolist() == ["by_cohort", "by_cohort", "by_cohort", "all_cohorts"]
    assert paid(found) == [0, 30_000, 50_000, 40_000]
    with pytest.raises(InputError, match="deduction 'advance' has no amount; the results must give one"):
        replay(load_deal(write(NETTED.replace(f"  deductions: {{advance: {sum_of(20000)}}}\n", ""))))


ENDED = PER_DAY.replace("observed:", "ends_if: [{result: care_days, of: relative, at_most: 0.197}]\nobserved:")


def test_a_deal_that_ends_early_pays_for_nothing_measured_later(write: Write) -> None:
    # Reductions of 33, 19.7, 20 and 20 %: the second result ends the deal and is itself still paid.
    found = replay(load_deal(write(ENDED)))
    assert paid(found)[1] > 0
    assert paid(found)[2:] == [0, 0]
    assert found.payments["reason"].tolist()[2:] == ["the deal had ended"] * 2
    by_hand = replay(load_deal(write(PER_DAY.replace("observed:", "observed:\n  ended_on: 2026-06-30"))))
    assert paid(by_hand)[2:] == [0, 0]


STACK = f"""
uses:
  - {{name: services, title: Services, to: provider, amount: {sum_of(100000)}, dates: [2025-01-01]}}
sources:
  - {{kind: senior, name: loan, party: bank, amount: {sum_of(100000)}, rate: {sum_of(0.05)}}}
waterfall: [{{pay: interest, to: loan}}, {{pay: principal, to: loan}}, {{pay: residual, to: provider}}]
"""
LENDERS = """  - {name: bank, title: Bank, role: investor}
  - {name: provider, title: Provider, role: service_provider}
"""


@pytest.mark.parametrize(("rate", "back"), [(0.50, 0.0), (0.60, 105_000.0)])
def test_cash_runs_through_the_waterfall_where_the_file_has_one(write: Write, rate: float, back: float) -> None:
    result = f"    - {{result: readers, date: 2026-01-01, n: 100, rate: {rate}, comparison_rate: 0.5}}\n"
    body = LENDERS + BANDS.partition("    - {result")[0] + result
    found = replay(load_deal(write(body.replace("observed:", STACK + "observed:"))))
    assert found.tranches["returned"].tolist() == [back]
    assert found.tranches["xirr"].tolist() == [pytest.approx(0.05 if back else -1.0)]
    assert found.cash["amount"].sum() == pytest.approx(0)
    assert found.checks["ok"].all()
    assert "every dollar in is a dollar out" in set(found.checks["name"])


def test_what_a_result_lacks_is_named(write: Write) -> None:
    lacking = PER_DAY.replace(", rate: 120.5, comparison_rate: 150", ", rate: 120.5")
    with pytest.raises(InputError, match=r"'care_days' of 2026, 2026-06-30: the result must give n and rate, or units"):
        replay(load_deal(write(lacking)))
    with pytest.raises(InputError, match="the result must give effect, or rate and comparison_rate"):
        replay(load_deal(write(BANDS.replace(", comparison_rate: 0.47", "").replace(", comparison_rate: 0.46", ""))))


def test_a_result_without_a_line_in_the_deal_is_refused(write: Write) -> None:
    stray = PER_DAY + "    - {result: care_day, date: 2027-06-30, n: 100}\n"
    with pytest.raises(InputError, match=r"result 'care_day' belongs to nothing in deal 'unseen'; did you mean"):
        replay(load_deal(write(stray)))


def test_the_deal_of_the_documentation_replays(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parent.parent / "docs" / "contracts.md").read_text(encoding="utf-8")
    [block] = re.findall(r"^```yaml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    (tmp_path / "mine.yaml").write_text(block, encoding="utf-8")
    found = replay(load_deal(tmp_path / "mine.yaml"))
    by_hand = {"care_days": 80 * 30 * 75, "readers": 100_000 + 3 * 20_000, "first_job": 21 * 3500}
    assert found.payments.groupby("metric")["paid"].sum().to_dict() == pytest.approx(by_hand)
    assert found.checks["ok"].all()


# --- the command ---


def test_results_may_come_in_a_file_of_their_own(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deal_part, _, observed = PER_DAY.partition("observed:")
    deal = write(deal_part)
    with pytest.raises(InputError, match="holds no observed results; give a file of them with --results"):
        replay(load_deal(deal))
    results = tmp_path / "results.yaml"
    results.write_text(f"schema: cradlecast/results/1\nname: year-one\nobserved:{observed}", encoding="utf-8")
    assert len(load_results(results).observed.results) == 4
    assert main(["replay", str(deal), "--results", str(results), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["record"]["deal"] == "unseen"
    assert [row["paid"] for row in answer["payments"]][2] == pytest.approx(48_075)
    assert {"payments", "derivation", "payers", "published", "capital", "checks"} <= set(answer)


def test_the_page_shows_every_payment_and_how_it_comes_about(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "chicago-cpc"]) == 0
    page = capsys.readouterr().out
    for words in (
        "How each payment comes about",
        "325 measured x 0.59 = 191.75 child",
        "$556,075",
        "-$56,075",
        "$500,000",
    ):
        assert words in page


def test_a_deal_that_the_model_does_not_know_can_be_replayed_but_not_priced(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["deal", str(write(PER_DAY)), "--scenario", "memphis-prek-1000-lapse"]) == 2
    said = capsys.readouterr().err
    assert "can be replayed but not priced on a study: it declares no uses" in said
