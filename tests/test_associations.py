"""Associations: hand-worked on tiny columns, published numbers as evidence has them, what is set, what checked."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from math import exp, log

import numpy as np
import pandas as pd
import pytest

from cradlecast.cli import main
from cradlecast.model.associations import (
    BETWEEN_QUARTERS,
    SKILL_AGES,
    Life,
    correlation,
    log_odds,
    log_odds_gap,
    odds_ratio,
    quarter,
    quarters,
    rate,
    slope,
    standardised_gap,
)
from cradlecast.model.children import Bools, Children, Reals
from cradlecast.model.kernels import KEPT, Real, Whole, Wide
from cradlecast.observed import Findings
from cradlecast.published import (
    ASSOCIATIONS,
    SAME_COHORT,
    Association,
    association_row,
    associations,
    published_number,
    role_of,
)
from cradlecast.scenarios.evidence import Estimate, estimate, estimates
from cradlecast.scenarios.library import load_community, load_parameters
from cradlecast.scenarios.options import Options
from tests.worlds import NO_NOISE, NO_WORLD

SMALL = Options(children=4000, draws=6, worlds=1)


def bools(*values: int) -> Bools:
    """True and false, written as 1 and 0."""
    return np.array(values, np.bool_)


def reals(*values: float) -> Reals:
    """A column of numbers."""
    return np.array(values, np.float32)


def life_of(reached: list[int], poor: list[int], group: list[int], math: list[float]) -> Life:
    """A life written down: milestones as bits, poverty, group and math; income falls with the row's number."""
    n = len(reached)
    x, k = np.zeros((KEPT, n), np.float32), np.zeros((len(Whole), n), np.int8)
    x[Real.MATH_TRUE], x[Real.INCOME] = math, -np.arange(n)
    k[Whole.REACHED], k[Whole.GROUP] = reached, group
    k[Whole.CELL] = 2 * np.array(group) + np.array(poor)
    ids = np.zeros((2, n), np.uint32)
    wide = np.zeros((len(Wide), n), np.int32)
    children = Children(ids, x, k, np.full((2, n), -1, np.int16), wide, (2014,), (0, n), NO_WORLD, NO_NOISE, lived=2044)
    return Life(children, {}, ("black", "white"), np.zeros(n, np.bool_))


@cache
def found() -> Findings:
    """The associations of a small observed world."""
    return associations(load_community("memphis"), SMALL)


def table() -> pd.DataFrame:
    """Their table."""
    return found().tables["associations"]


# --- functions on columns ---


def test_a_rate_is_a_share_of_those_among_whom_it_is_counted() -> None:
    reached, among = bools(1, 1, 0, 1), bools(1, 1, 1, 0)
    assert rate(reached, among) == pytest.approx(2 / 3)
    assert np.isnan(rate(reached, bools(0, 0, 0, 0)))


def test_log_odds_are_finite_even_where_everybody_did() -> None:
    assert log_odds(bools(1, 0, 0, 0), bools(1, 1, 1, 1)) == pytest.approx(log(1.5 / 3.5))
    assert log_odds(bools(1, 1), bools(1, 1)) == pytest.approx(log(2.5 / 0.5))
    assert np.isnan(log_odds(bools(1, 1), bools(0, 0)))


def test_a_gap_and_a_ratio_compare_two_groups() -> None:
    reached = bools(1, 1, 1, 0, 1, 0, 0, 0)
    group, reference = bools(1, 1, 1, 1, 0, 0, 0, 0), bools(0, 0, 0, 0, 1, 1, 1, 1)
    expected = log(3.5 / 1.5) - log(1.5 / 3.5)
    assert log_odds_gap(reached, group, reference) == pytest.approx(expected)
    assert odds_ratio(reached, group, reference) == pytest.approx(exp(expected))
    assert np.isnan(odds_ratio(reached, group, bools(*[0] * 8)))


def test_quarters_split_children_by_rank_and_ties_by_row() -> None:
    bottom, middle, top = quarters(reals(5, 1, 2, 4, 3, 9, 7, 8))
    assert bottom.tolist() == [False, True, True, False, False, False, False, False]
    assert top.tolist() == [False, False, False, False, False, True, False, True]
    assert (bottom | middle | top).all() and middle.sum() == 4
    assert quarter(reals(1, 1, 1, 1), 2).tolist() == [False, False, True, False]


def test_the_outer_quarters_of_a_normal_lie_two_and_a_half_sd_apart() -> None:
    assert pytest.approx(2.542, abs=0.001) == BETWEEN_QUARTERS


def test_a_slope_is_the_gap_of_the_outer_quarters_within_a_group() -> None:
    reached = bools(1, 0, 1, 1)
    bottom, top = bools(1, 1, 0, 0), bools(0, 0, 1, 1)
    everyone, some = bools(1, 1, 1, 1), bools(0, 1, 1, 0)
    assert slope(reached, everyone, bottom, top) == pytest.approx((log(2.5 / 0.5) - 0.0) / BETWEEN_QUARTERS)
    assert slope(reached, some, bottom, top) == pytest.approx((log(1.5 / 0.5) - log(0.5 / 1.5)) / BETWEEN_QUARTERS)


def test_a_gap_in_sd_compares_the_two_ends_of_a_ranking() -> None:
    score, by = reals(0, 1, 2, 3, 10), reals(1, 2, 3, 4, 5)
    assert standardised_gap(score, by, 0.2) == pytest.approx(10 / np.std([0, 1, 2, 3, 10]))
    assert np.isnan(standardised_gap(reals(1, 1, 1), reals(1, 2, 3), 0.4))


def test_a_correlation_is_one_with_itself_and_absent_without_spread() -> None:
    assert correlation(reals(1, 2, 4), reals(2, 4, 8)) == pytest.approx(1.0)
    assert correlation(reals(1, 2, 3), reals(1, -2, 1)) == pytest.approx(0.0, abs=1e-9)
    assert np.isnan(correlation(reals(1, 2), reals(3, 3)))


def test_a_life_reads_milestones_poverty_groups_and_attainment_from_the_columns() -> None:
    diploma, college, degree = 8, 8 + 16, 8 + 16 + 32
    life = life_of([0, diploma, college, degree], [1, 0, 1, 0], [0, 1, 1, 0], [3, 1, 2, 4])
    assert life.reached("postsecondary_enrolled").tolist() == [False, False, True, True]
    assert [life.attainment(level).tolist().index(True) for level in range(4)] == [0, 1, 2, 3]
    assert life.poor().tolist() == [True, False, True, False]
    assert life.of_group("white").tolist() == [False, True, True, False]
    assert not life.of_group("nobody").any()
    assert life.math_parts[0].tolist() == [False, True, False, False]
    assert [part.tolist().index(True) for part in life.income_quarters] == [3, 2, 1, 0]


def test_a_life_reads_family_grades_and_bachelors_degrees_from_the_columns() -> None:
    """A credential of a two-year college is no bachelor's degree, and neither is a four-year college without one."""
    degree = 8 + 16 + 32
    life = life_of([degree, degree, 8 + 16, 0], [0, 0, 0, 0], [0, 0, 0, 0], [1, 2, 3, 4])
    life.children.k[Whole.SECTOR] = [4, 2, 4, 0]
    life.children.x[Real.GRADES], life.children.x[Real.FAMILY] = [2.0, 2.5, 2.49, 4.0], [0.3, -1.0, 2.0, 0.1]
    assert life.bachelor().tolist() == [True, False, False, False]
    assert life.grades(2.0, 2.5).tolist() == [True, False, True, False]
    assert life.grades(3.25, 5.0).tolist() == [False, False, False, True]
    assert [part.tolist().index(True) for part in life.family_quarters] == [1, 3, 0, 2]


# --- published numbers ---


def test_published_numbers_are_read_in_the_unit_of_the_model() -> None:
    one, other = estimate("E2007c"), estimate("E2007d")
    assert published_number("value", [one])[0] == pytest.approx(0.08)
    assert published_number("log-odds gap", [one, other])[0] == pytest.approx(2.49, abs=0.005)
    bottom, top = estimate("E2005a"), estimate("E2005c")
    assert published_number("slope", [bottom, top])[0] == pytest.approx(1.14, abs=0.005)
    proficient, others = estimate("E2004b"), estimate("E2004a")
    assert published_number("odds ratio", [proficient, others])[0] == pytest.approx(2.8, abs=0.05)
    assert published_number("range", [estimate("E2018a"), estimate("E2018b")]) == pytest.approx((0.75, 0.7, 0.8))
    least = published_number("at least", [estimate("E1045a")])
    assert least[:2] == (1.0, 1.0) and np.isnan(least[2])


def test_a_published_interval_is_handed_on() -> None:
    row = replace(estimate("E2007c"), ci_low=6.0, ci_high=10.0)
    assert published_number("value", [row]) == pytest.approx((0.08, 0.06, 0.1))


def test_a_row_holds_the_mean_and_the_range_of_the_draws_that_have_a_number() -> None:
    one = Association("odds", "poor", "odds ratio", ("E2026a",), lambda life: 0.0)
    row = association_row(one, [2.0, 4.0, float("nan")])
    assert (row["name"], row["published"], row["model"]) == ("E2026a", 2.8, 3.0)
    assert (row["model_low"], row["model_high"]) == pytest.approx((2.1, 3.9))
    assert (row["role"], row["hit"]) == ("checked", True)
    none = association_row(one, [float("nan")])
    assert none["hit"] is None and np.isnan(float(str(none["model"])))


def test_the_published_instrument_lowers_a_correlation_of_true_scores() -> None:
    life = life_of([0], [0], [0], [0])
    both = Association("x", "all", "correlation", ("N1052a",), lambda life: 0.5, instrument="N1054d")
    assert both.modelled(life) == pytest.approx(0.5 * 0.92)
    assert replace(both, both=False).modelled(life) == pytest.approx(0.5 * 0.92**0.5)
    assert replace(both, instrument=None).modelled(life) == 0.5


# --- roles ---


def test_a_row_is_set_exactly_where_a_parameter_rests_on_it() -> None:
    used = {each for parameter in load_parameters().parameters.values() for each in parameter.evidence}
    roles = {role_of(each) for each in ASSOCIATIONS}
    assert roles == {"set", "checked", "context"}
    for each in ASSOCIATIONS:
        if role_of(each) == "checked":
            assert not used & {*each.evidence}, each.name
        if role_of(each) == "set":
            assert used & {*each.evidence}, each.name


def test_rows_that_may_only_be_reproduced_are_shown_and_set_nothing() -> None:
    shown = {each for association in ASSOCIATIONS for each in association.evidence}
    kept = {each for each in shown if estimates()[each].role == "VALIDATE"}
    assert {"E2002a", "E2022a"} <= kept
    assert all(role_of(one) != "set" for one in ASSOCIATIONS if kept & {*one.evidence})


def test_checks_on_a_cohort_that_also_sets_a_parameter_are_named_as_such() -> None:
    """These and no others: of two rows, one cohort is the same source, or the same place under whatever year."""
    used = {estimate(each) for one in load_parameters().parameters.values() for each in one.evidence}

    def place(row: Estimate) -> str:
        return row.setting.partition(", ")[2].removesuffix(" freshmen")

    def shared(row: Estimate) -> bool:
        return any(row.source_title == one.source_title or (place(row) and place(row) == place(one)) for one in used)

    checked = [each for each in ASSOCIATIONS if role_of(each) == "checked"]
    same = {each.name for each in checked if any(shared(estimate(row)) for row in each.evidence)}
    assert same == set(SAME_COHORT)
    assert len(checked) > len(same)
    for name in SAME_COHORT:
        assert any(name in sentence for sentence in found().remarks)


def test_the_associations_that_the_parameters_rest_on_are_all_shown() -> None:
    shown = {each for association in ASSOCIATIONS for each in association.evidence}
    wanted = {"trait_share", "transient_persistence", "ses_loading", "graduation_slope", "completion_slope"}
    for name in wanted:
        assert set(load_parameters().parameters[name].evidence) <= shown, name


# --- in the observed world ---


def test_every_association_has_a_number_in_the_observed_world() -> None:
    rows = table()
    assert len(rows) == len(ASSOCIATIONS) > 40
    assert np.isfinite(rows["model"]).all()
    assert ((rows["model_low"] <= rows["model"]) & (rows["model"] <= rows["model_high"])).all()
    assert set(rows["role"]) == {"set", "checked", "context"}
    assert rows[rows["role"] == "context"]["hit"].isna().all()
    assert {True, False} == set(rows[rows["role"] != "context"]["hit"])


def test_the_observed_world_orders_children_as_every_published_table_does() -> None:
    """Whatever their size, the signs hold: reading, math, income and attainment all go with what comes later."""
    rows = table()
    slopes = rows[rows["unit"].isin(["log-odds per sd", "correlation", "sd"])]
    assert len(slopes) > 8
    assert (np.sign(slopes["model"]) == np.sign(slopes["published"])).all()
    no_diploma = rows[rows["quantity"] == "no diploma, by grade 8 math"]["model"].tolist()
    assert no_diploma == sorted(no_diploma, reverse=True) and len(no_diploma) == 3


def test_rank_is_kept_less_the_further_apart_two_scores_are() -> None:
    rows = table()
    stable = rows[rows["name"].str.match("N1051[a-e]$")]["model"].tolist()
    assert len(stable) == 5
    assert stable == sorted(stable, reverse=True)
    assert 0.5 < stable[-1] < stable[0] < 0.8


def test_the_same_numbers_come_out_for_any_number_of_threads() -> None:
    size = Options(children=500, draws=3, worlds=1)
    one, two = (associations(load_community("memphis"), size, workers=workers) for workers in (1, 2))
    assert one.tables["associations"].equals(two.tables["associations"])
    assert one.record == two.record


def test_skill_is_kept_at_every_age_that_a_correlation_asks_for() -> None:
    assert SKILL_AGES[0] == 4
    assert set(range(4, 10)) <= set(SKILL_AGES)


def test_the_command_prints_associations_in_every_form(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["validate", "--associations", "--children", "500", "--draws", "2"]
    assert main([*words, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert list(answer) == ["record", "associations"]
    assert answer["record"]["community"] == "memphis"
    first = answer["associations"][0]
    columns = "name quantity group unit published published_low published_high model model_low model_high role hit"
    assert list(first) == [*columns.split(), "provenance", "source"]
    assert first["hit"] is None
    assert main([*words, "--csv"]) == 0
    assert capsys.readouterr().out.startswith("name,quantity,group,unit,published")
    assert main(words) == 0
    page = capsys.readouterr().out
    assert "Associations: published, and in the observed world" in page
    assert "lie in the model's range" in page and "PREVIEW" in page
    assert max(map(len, page.splitlines())) <= 100
