"""One study: shared luck, intervals that tell parameters from chance, tables and records."""

from __future__ import annotations

import numpy as np
import pytest

import cradlecast as cc
from cradlecast.pricing import price
from cradlecast.scenarios.community import MILESTONES
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.library import load_deal, load_scenario
from cradlecast.scenarios.options import Options
from cradlecast.study import compare, run
from cradlecast.summaries import split_spread
from tests.worlds import SCENARIOS, settings

SMALL = Options(children=2000, draws=6, worlds=2)


@pytest.fixture(scope="module")
def lapse() -> cc.Result:
    return run(load_scenario(SCENARIOS[0]), SMALL)


def test_the_milestones_table_has_its_columns_and_all_seven_milestones(lapse: cc.Result) -> None:
    table = lapse.tables["milestones"]
    first = ["scenario", "group", "milestone", "n", "rate", "rate_low", "rate_high"]
    assert list(table.columns[:10]) == [*first, "impact", "impact_low", "impact_high"]
    everyone = table[table["group"] == "all"]
    assert tuple(everyone["milestone"]) == MILESTONES
    assert (everyone["n"] == 2000).all()
    assert everyone["n_community"].iloc[0] == 39_900
    assert ((table["rate_low"] <= table["rate"]) & (table["rate"] <= table["rate_high"])).all()
    assert (table["impact_low"] <= table["impact_high"]).all()
    assert np.allclose(table["rate"] - table["baseline_rate"], table["impact"])


def test_the_outcomes_table_adds_up_to_the_milestones_table(lapse: cc.Result) -> None:
    """Aggregates by scenario, arm, draw, world, cohort, group and milestone: nothing is lost on the way."""
    table = lapse.outcomes()
    assert list(table.columns) == ["scenario", "draw", "world", "arm", "cohort", "group", "milestone", "n", "reached"]
    assert set(table["cohort"]) == {2015, 2016, 2017}
    assert table["world"].nunique() == 12, "each draw has worlds of its own"
    whole = table[(table["group"] == "all") & (table["milestone"] == "employed")]
    assert whole.groupby(["draw", "world", "arm"])["n"].sum().eq(2000).all()
    rates = whole.groupby(["arm", "draw", "world"])[["n", "reached"]].sum().eval("reached / n").groupby("arm").mean()
    row = lapse.tables["milestones"].set_index(["group", "milestone"]).loc[("all", "employed")]
    assert rates["scenario"] == pytest.approx(row["rate"])
    assert rates["baseline"] == pytest.approx(row["baseline_rate"])


def test_more_seats_help_readiness_most_where_care_changed(lapse: cc.Result) -> None:
    table = lapse.tables["milestones"].set_index(["group", "milestone"])["impact"]
    assert table["support_changed", "kindergarten_ready"] > table["all", "kindergarten_ready"] > 0
    assert abs(table["all", "grade3_reading"]) < table["all", "kindergarten_ready"]


def test_the_scenario_lapses_from_seven_to_six_thousand_seats(lapse: cc.Result) -> None:
    seats = lapse.tables["seats"]
    prek = seats[seats["program"] == "prek"].groupby(["arm", "year"])["seats"].sum()
    assert (prek["baseline"] == 6000).all()
    assert (prek["scenario"] == 7000).all()
    assert list(prek["scenario"].index) == [2019, 2020, 2021]
    assert (seats["filled"] <= seats["seats"] + 1e-9).all()


def test_displacement_closes_seats_elsewhere() -> None:
    seats = run(load_scenario(SCENARIOS[2]), SMALL).tables["seats"]
    at_four = seats[(seats["age"] == 4) & (seats["year"] == 2020)].groupby(["program", "arm"])["seats"].sum()
    assert at_four["prek", "scenario"] - at_four["prek", "baseline"] == 1000
    for program in ("head_start", "child_care"):
        closed = at_four[program, "baseline"] - at_four[program, "scenario"]
        assert 0 < closed < 400


def test_children_who_moved_add_up_to_the_change_in_care(lapse: cc.Result) -> None:
    moved = lapse.tables["displaced"]
    for group, care in lapse.tables["care"].set_index("care").groupby("group"):
        moves = moved[moved["group"] == group]
        assert care["change"].sum() == pytest.approx(0.0, abs=1e-6)
        for kind in care.index:
            came = moves[moves["to"] == kind]["children_per_year"].sum()
            went = moves[moves["from"] == kind]["children_per_year"].sum()
            assert came - went == pytest.approx(care.loc[kind, "change"], abs=1e-6)


def test_care_and_paths_of_groups_add_up_to_those_of_all(lapse: cc.Result) -> None:
    """By race and ethnicity, by income and by area, each on its own; no group is left out."""
    place = lapse.samples[0][0].place
    parts = (place.group_names, ("below_poverty", "above_poverty"), place.area_names)
    for name, numbers, keys in (
        ("care", ["baseline_children", "scenario_children", "change"], ["care"]),
        ("displaced", ["children_per_year"], ["from", "to"]),
        ("paths", ["children"], ["milestone", "direction", "channel"]),
    ):
        table = lapse.tables[name]
        assert list(dict.fromkeys(table["group"])) == ["all", *(each for part in parts for each in part)]
        whole = table[table["group"] == "all"].set_index(keys)[numbers]
        assert whole.to_numpy().any()
        for part in parts:
            rows = table[table["group"].isin(part)].groupby(keys)[numbers].sum()
            assert np.allclose(rows.reindex(whole.index), whole)


def test_arms_share_their_luck() -> None:
    """Paired differences vary far less than differences of independent worlds would."""
    table = run(load_scenario(SCENARIOS[0]), Options(children=3000, draws=2, worlds=30)).tables["milestones"]
    row = table[(table["group"] == "all") & (table["milestone"] == "grade3_reading")].iloc[0]
    independent = np.sqrt(2 * row["rate"] * (1 - row["rate"]) / 3000)
    assert 0 < row["impact_sd_chance"] < independent / 3


def test_parameters_and_chance_are_told_apart() -> None:
    rng = np.random.default_rng(7)
    values = rng.normal(0, 3.0, (4000, 1)) + rng.normal(0, 1.0, (4000, 3))
    parameters, chance = split_spread(values)
    assert parameters == pytest.approx(3.0, rel=0.05)
    assert chance == pytest.approx(1.0, rel=0.05)
    assert split_spread(values[:, :1]) == (None, None)
    assert split_spread(np.array([[0.0, 2.0], [0.0, 2.0]]))[0] == 0.0


def test_one_draw_is_a_preview_and_two_hundred_are_not() -> None:
    assert Options(draws=199).preview
    assert not Options(draws=200).preview
    one = run(load_scenario(SCENARIOS[0]), Options(children=500, draws=1, worlds=1))
    assert one.record["preview"] is True
    assert one.tables["milestones"]["impact_sd_chance"].isna().all()


def test_comparing_gives_each_scenario_the_numbers_of_its_own_run(lapse: cc.Result) -> None:
    both = compare([load_scenario(SCENARIOS[0]), load_scenario(SCENARIOS[2])], SMALL).tables["milestones"]
    alone = lapse.tables["milestones"]
    assert both[both["scenario"] == SCENARIOS[0]].reset_index(drop=True).equals(alone)
    assert set(both["baseline"]) == {"grant-lapses", "observed"}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(lapse: cc.Result) -> None:
    again = run(load_scenario(SCENARIOS[0]), SMALL)
    assert again.tables["milestones"].equals(lapse.tables["milestones"])
    assert again.record["fingerprint"] == lapse.record["fingerprint"]
    other = run(load_scenario(SCENARIOS[0]), Options(children=2000, draws=6, worlds=2, seed=2))
    assert not other.tables["milestones"].equals(lapse.tables["milestones"])
    moved = load_scenario(SCENARIOS[0]).with_levers({"quality": 1.1})
    assert run(moved, SMALL).record["fingerprint"] != lapse.record["fingerprint"]


def test_a_lever_moves_the_scenario_and_never_the_baseline(lapse: cc.Result) -> None:
    before = lapse.tables["milestones"].set_index(["group", "milestone"])
    for settings_ in ({"quality": 1.5}, {"hours": 1500}, {"take_up": 1.0}, {"seats": 2000}):
        after = run(load_scenario(SCENARIOS[0]).with_levers(settings_), SMALL).tables["milestones"]
        after = after.set_index(["group", "milestone"])
        assert after.loc["all", "baseline_rate"].equals(before.loc["all", "baseline_rate"])
        assert not after.loc["all", "rate"].equals(before.loc["all", "rate"]), settings_


def test_a_shorter_horizon_leaves_later_milestones_out() -> None:
    table = run(load_scenario(SCENARIOS[0]), Options(children=500, draws=1, worlds=1, horizon=9)).tables["milestones"]
    assert set(table["milestone"]) == {"kindergarten_ready", "grade3_reading"}
    assert "left" not in set(table["group"])


def test_a_scenario_cannot_be_named_twice() -> None:
    scenario = load_scenario(SCENARIOS[0])
    with pytest.raises(InputError, match="named twice"):
        compare([scenario, scenario], SMALL)


def test_progress_is_told_after_every_draw() -> None:
    seen: list[tuple[int, int]] = []
    run(
        load_scenario(SCENARIOS[0]),
        Options(children=500, draws=3, worlds=1),
        lambda done, all_: seen.append((done, all_)),
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]


# --- deals on simulated children ---


@pytest.fixture(scope="module")
def priced() -> cc.Result:
    return price(
        load_deal("memphis-illustrative"),
        load_scenario(SCENARIOS[0]),
        Options(children=8000, draws=8, worlds=1, horizon=6),
    )


def test_a_deal_is_paid_on_the_children_of_the_scenario(priced: cc.Result) -> None:
    payments = priced.tables["payments"]
    assert (payments["paid"] <= payments["gross"] + 0.01).all()
    assert payments["paid"].sum() > 1e6
    assert set(payments["metric"]) == {"prek_attendance", "preliteracy_growth", "kindergarten_ready"}
    assert priced.record["illustrative"] is True
    assert priced.tables["checks"]["ok"].all()
    assert priced.tables["tranches"]["loss_probability"].isna().all(), "tails are refused below 200 draws"


def test_the_evaluator_sees_other_children_and_the_truth_is_the_twin(priced: cc.Result) -> None:
    outcomes = priced.tables["outcomes"].set_index("metric")
    ready = outcomes.loc["kindergarten_ready"]
    assert ready["true_effect"] > 0
    assert ready["evaluated_effect"] != ready["true_effect"]


def test_with_seats_that_went_on_anyway_the_true_effect_is_zero_and_the_deal_still_pays() -> None:
    result = price(
        load_deal("memphis-illustrative"),
        load_scenario(SCENARIOS[1]),
        Options(children=8000, draws=8, worlds=1, horizon=6),
    )
    outcomes = result.tables["outcomes"].set_index("metric")
    assert (outcomes["true_effect"] == 0).all()
    assert result.tables["payments"]["paid"].sum() > 1e6
    assert outcomes.loc["prek_attendance", "paid_on_true_effect"] == 0


def test_a_metric_beyond_the_horizon_is_refused() -> None:
    deal = load_deal("memphis-illustrative")
    late = deal.metrics[2].model_copy(update={"name": "grade3_reading"})
    with pytest.raises(InputError, match=r"grade3_reading.*beyond the horizon of 6"):
        price(
            deal.model_copy(update={"metrics": (*deal.metrics[:2], late)}),
            load_scenario(SCENARIOS[0]),
            Options(children=1000, draws=1, worlds=1, horizon=6),
        )


def test_public_names_are_what_they_say() -> None:
    assert cc.run is run
    assert set(cc.__all__) <= set(dir(cc))
    for name in cc.__all__:
        assert getattr(cc, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'runn'"):
        cc.runn  # noqa: B018
    assert settings()[0].scale == pytest.approx(600 / 39_900)
