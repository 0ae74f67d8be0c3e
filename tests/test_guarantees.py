"""Guarantees of the model: what may not change a child's life, and what is conserved."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from cradlecast.model import kernels
from cradlecast.model.decisions import Watched
from cradlecast.model.kernels import HOME, PREK, Real, Seat, Whole, Wide
from cradlecast.model.outcomes import Arm
from cradlecast.model.pipeline import Pipeline
from cradlecast.model.town import Befalls, Course
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.library import load_scenario, names
from cradlecast.scenarios.options import Options
from cradlecast.study import run
from tests.test_engines import digest, same
from tests.worlds import OTHERS, SCENARIOS, born, settings, with_theta


@pytest.mark.parametrize("name", (*SCENARIOS, *OTHERS))
def test_no_seats_added_is_the_baseline_bit_for_bit(name: str) -> None:
    loaded = load_scenario(name)
    nothing = {lever: 0.0 for lever in ("seats", "places") if lever in loaded.levers}
    baseline, scenario = settings(loaded.with_levers(nothing), 900)
    children = born(baseline)
    assert same(Pipeline(baseline, children).run().columns(), Pipeline(scenario, children).run().columns())
    moved = settings(name, 900)[1]
    assert name.endswith("continue") or not same(
        Pipeline(baseline, children).run().columns(), Pipeline(moved, children).run().columns()
    )


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_seats_added_gives_impacts_of_exactly_zero(name: str) -> None:
    result = run(load_scenario(name).with_levers({"seats": 0}), Options(children=1500, draws=3, worlds=2))
    table = result.tables["milestones"]
    assert len(table) > 50
    assert (table[["impact", "impact_low", "impact_high"]] == 0.0).all().all()
    assert (table["rate"] == table["baseline_rate"]).all()


@pytest.mark.parametrize("name", names("scenario"))
def test_an_arm_that_carries_on_from_the_baseline_lives_as_one_from_birth(name: str) -> None:
    baseline, scenario = settings(name, 900)
    children = born(baseline)
    before = Pipeline(baseline, children).run(before=scenario.same_until(baseline))
    through = Pipeline(scenario, before.columns()).carry_on(before).run()
    whole = Pipeline(scenario, children).run()
    assert same(through.columns(), whole.columns())
    assert np.array_equal(through.flows, whole.flows)
    assert through.seat_rows() == whole.seat_rows()
    assert through.pool_rows() == whole.pool_rows()
    assert same(before.run().columns(), Pipeline(baseline, children).run().columns())


def test_arms_part_in_the_first_year_that_only_one_of_them_has() -> None:
    baseline, scenario = settings()
    first = min(policy.change.first_year for policy in scenario.policies if policy not in baseline.policies)
    assert scenario.same_until(baseline) == baseline.same_until(scenario) == first > baseline.cohorts[0]
    assert baseline.same_until(baseline) == baseline.cohorts[-1] + baseline.horizon
    twice = replace(scenario, policies=(*scenario.policies, scenario.policies[-1]))
    assert twice.same_until(scenario) == scenario.policies[-1].change.first_year
    assert replace(baseline, closing=0.5).same_until(baseline) == baseline.cohorts[0]
    early = replace(baseline, courses=(Course("any", first - 2, None, 5),), shocks=(Befalls(first - 1, first, 0.5),))
    assert early.same_until(scenario) == first - 2
    assert replace(early, courses=()).same_until(scenario) == first - 1
    _, pooled = settings("nine-backbones")
    assert pooled.purse is not None
    assert pooled.same_until(pooled) == pooled.purse.years[0] > pooled.cohorts[0]


def test_the_same_seats_with_the_same_quality_change_nothing() -> None:
    """The 'continue' scenario: who pays is not what children feel."""
    table = run(load_scenario(SCENARIOS[1]), Options(children=3000, draws=3, worlds=1)).tables["milestones"]
    assert (table["impact"] == 0.0).all()
    seated = table[table["group"] == "financed_seat"]
    assert (seated["n"] > 100).all()


def test_better_quality_of_the_same_seats_does_change_something() -> None:
    better = load_scenario(SCENARIOS[1]).with_levers({"quality": 1.5})
    table = run(better, Options(children=3000, draws=3, worlds=1)).tables["milestones"]
    assert (table["impact"] != 0.0).any()


def test_one_more_child_changes_nobody_else() -> None:
    """Without peers and with seats for all, the other children live the same lives."""
    few = {f"CENTER_{band}_AT_{age}": 0.1 for band in ("LOW", "MIDDLE", "HIGH") for age in (3, 4)}
    none = {"PEER_EFFECT": 0.0, "TAKE_UP_PREK": 0.0, "TAKE_UP_HEAD_START": 0.0}
    small = with_theta(settings(n_children=600)[0], **none, **few)
    larger = replace(small, n_children=603, policies=())
    small = replace(small, policies=())
    one, other = _lived(small), _lived(larger)
    assert 10 < np.count_nonzero(one.whole(Whole.CARE4) != HOME) < 200
    common = np.isin(other.child_ids(), one.child_ids())
    assert common.sum() == 600
    assert not common.all()
    for column in Real:
        assert np.array_equal(one.real(column), other.real(column)[common])
    assert np.array_equal(one.k, other.k[:, common])
    assert np.array_equal(one.whole(Wide.SERVED), other.whole(Wide.SERVED)[common])


def _lived(setting):  # type: ignore[no-untyped-def]
    return Pipeline(setting, born(setting)).run().columns()


def test_threads_do_not_change_a_byte() -> None:
    options = Options(children=1200, draws=4, worlds=2)
    scenario = load_scenario(SCENARIOS[0])
    tables = [run(scenario, options, workers=workers).tables for workers in (1, 2, 4)]
    for name in tables[0]:
        assert tables[0][name].equals(tables[1][name])
        assert tables[0][name].equals(tables[2][name])
    with ThreadPoolExecutor(4) as pool:
        setting = settings()[1]
        digests = set(pool.map(lambda _: digest(_lived(setting)), range(8)))
    assert len(digests) == 1


@pytest.mark.parametrize("seats", [100, 500, 1500])
def test_added_seats_leave_no_child_with_a_place_it_ranks_lower(seats: int) -> None:
    """Within one year's allotment: same applications and priorities, more pre-K seats."""
    first = load_scenario(SCENARIOS[0])
    fewer = settings(first.with_levers({"seats": seats}), 3000)[1]
    more = settings(first.with_levers({"seats": seats + 700}), 3000)[1]
    order = fewer.cohorts[0]
    ranks = []
    for setting in (fewer, more):
        town = Watched(replace(setting, cohorts=(order,), n_children=1000), born(_one_cohort(setting)))
        while town.year < order + 4:
            town.step()
        (line,) = town.lines
        places, given = line.places, line.given
        position = np.full(1000, 5)
        for slot in range(4, -1, -1):
            position[(places[:, slot] == given) & (given >= 0)] = slot
        ranks.append((position, places.copy()))
    assert np.array_equal(ranks[0][1], ranks[1][1]), "applications must be the same"
    assert (ranks[1][0] <= ranks[0][0]).all()
    assert (ranks[1][0] < ranks[0][0]).any(), "some child must gain"


def _one_cohort(setting):  # type: ignore[no-untyped-def]
    return replace(setting, cohorts=setting.cohorts[:1], n_children=1000)


def test_a_copy_of_children_has_their_bytes_and_a_state_of_its_own() -> None:
    children = born(settings()[0])
    children.x[Real.HELP_SKILL] = -0.0
    assert not children.x[Real.EARNED].any()
    copy = children.copy()
    for name in ("x", "k", "seats", "wide"):
        assert getattr(copy, name).tobytes() == getattr(children, name).tobytes()
        assert getattr(copy, name).any()
        getattr(copy, name)[:] += 1
        assert getattr(copy, name).tobytes() != getattr(children, name).tobytes()


def test_more_sites_than_children_can_carry_the_numbers_of_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cradlecast.model.town.MOST_SITES", 10)
    setting = settings()[0]
    with pytest.raises(InputError, match=r"^\d+ sites are more than 10; give the community fewer areas$"):
        Pipeline(setting, born(setting))


def test_children_seats_and_dollars_are_conserved() -> None:
    for setting in settings(SCENARIOS[2], 2000):
        town = Pipeline(setting, born(setting)).run()
        children = town.columns()
        assert len(children) == 2000
        for age, care, site in ((3, Whole.CARE3, Seat.SITE3), (4, Whole.CARE4, Seat.SITE4)):
            rows = [row for row in town.seat_rows() if row["age"] == age]
            seated = sum(row["filled_simulated"] for row in rows)
            assert seated == np.count_nonzero(children.whole(care) != HOME)
            assert ((children.whole(site) >= 0) == (children.whole(care) != HOME)).all()
            assert all(0 <= row["filled_simulated"] <= row["seats_simulated"] for row in rows)
            for row in rows:
                price = setting.programs[row["program"]].seat_cost.value
                assert row["dollars"] == row["seats"] * price
        for number, site in enumerate(town.sites):
            held = sum(site.filled.values())
            assert held == sum(np.count_nonzero(children.whole(s) == number) for s in (Seat.SITE3, Seat.SITE4))


def test_more_seats_add_winners_to_prek_and_take_none_away() -> None:
    fewer, more = settings(SCENARIOS[0], 3000)
    children = born(fewer)
    before, after = (Pipeline(s, children).run().columns().whole(Whole.CARE4) == PREK for s in (fewer, more))
    assert after.sum() > before.sum()
    first = children.birth_years() == fewer.cohorts[0]
    lost = before & ~after & first
    to_head_start = Pipeline(more, children).run().columns().whole(Whole.CARE4)[lost] == kernels.HEAD_START
    assert to_head_start.all(), "whoever leaves pre-K leaves it for a place ranked higher"


def test_a_child_keeps_its_luck_from_arm_to_arm() -> None:
    """Without peers, children whose care and classroom are the same live the same life in both arms."""
    settings_ = [with_theta(s, PEER_EFFECT=0.0) for s in settings(SCENARIOS[0], 2000)]
    arms = [Arm(Pipeline(s, born(settings_[0])).run()) for s in settings_]
    one, other = (arm.children for arm in arms)
    unmoved = (one.whole(Whole.CARE3) == other.whole(Whole.CARE3)) & (
        one.whole(Whole.CARE4) == other.whole(Whole.CARE4)
    )
    n_areas = len(settings_[0].place.area_names)
    unmoved &= one.whole(Seat.SITE4) % n_areas == other.whole(Seat.SITE4) % n_areas
    assert 0 < np.count_nonzero(~unmoved) < len(one) / 2
    assert np.array_equal(one.x[:, unmoved], other.x[:, unmoved])
    assert np.array_equal(one.whole(Whole.REACHED)[unmoved], other.whole(Whole.REACHED)[unmoved])


def test_peers_carry_part_of_an_effect_to_children_whose_care_did_not_change() -> None:
    fewer, more = (with_theta(s, PEER_EFFECT=0.3) for s in settings(SCENARIOS[0], 2000, prek_value=0.5))
    children = born(fewer)
    one, other = (_at(s, children, 8) for s in (fewer, more))
    unmoved = one.whole(Whole.CARE4) == other.whole(Whole.CARE4)
    assert (one.real(Real.PEER)[unmoved] != other.real(Real.PEER)[unmoved]).mean() > 0.5


def _at(setting, children, age: int):  # type: ignore[no-untyped-def]
    shorter = replace(setting, horizon=age)
    return Pipeline(shorter, children).run().columns()


def test_zero_effects_leave_every_milestone_where_it_was() -> None:
    zero = {name: 0.0 for name in _EFFECTS}
    fewer, more = (with_theta(s, CENTER_SD=0.0) for s in settings(SCENARIOS[0], 2000, **zero))
    one, other = _lived(fewer), Pipeline(more, born(fewer)).run().columns()
    assert (one.whole(Whole.CARE4) != other.whole(Whole.CARE4)).any()
    assert np.array_equal(one.whole(Whole.REACHED), other.whole(Whole.REACHED))


_EFFECTS = (
    "prek_value",
    "head_start_contrast",
    "child_care_contrast",
    "prek_long_run",
    "head_start_long_run_contrast",
    "child_care_long_run_contrast",
    "prek_nontest",
    "head_start_nontest_contrast",
    "child_care_nontest_contrast",
)


def test_an_effect_fades_as_the_rule_says() -> None:
    """e(t) = e0 x rho0 x rho1^t + delta x s(t), for children moved from home to pre-K, without peers."""
    values = {"prek_value": 0.4, "prek_long_run": 0.1}
    fewer, more = (with_theta(s, CENTER_SD=0.0, PEER_EFFECT=0.0) for s in settings(SCENARIOS[0], 12_000, **values))
    children = born(fewer)
    rho0, rho1 = (float(fewer.theta[int(e)]) for e in (kernels.Theta.FIRST_YEAR, kernels.Theta.LATER_YEARS))
    expected = {5: 0.4, 6: 0.4 * rho0, 9: 0.4 * rho0 * rho1**3 + 0.1 * 3 / 6, 14: 0.4 * rho0 * rho1**8 + 0.1}
    for age, effect in expected.items():
        one, other = _at(fewer, children, age), _at(more, children, age)
        moved = (one.whole(Whole.CARE4) == HOME) & (other.whole(Whole.CARE4) == PREK)
        moved &= one.whole(Whole.CARE3) == HOME
        assert moved.sum() > 50
        difference = (other.real(Real.SKILL) - one.real(Real.SKILL))[moved]
        assert difference == pytest.approx(effect, abs=2e-6)


def test_care_displaced_counts_against_care_offered() -> None:
    """A child who leaves a center for pre-K gains the contrast between them, not the value against home."""
    values = {"prek_value": 0.4, "child_care_contrast": 0.05}
    fewer, more = (with_theta(s, CENTER_SD=0.0, PEER_EFFECT=0.0) for s in settings(SCENARIOS[0], 12_000, **values))
    children = born(fewer)
    one, other = _at(fewer, children, 5), _at(more, children, 5)
    moved = (one.whole(Whole.CARE4) == kernels.CHILD_CARE) & (other.whole(Whole.CARE4) == PREK)
    assert moved.sum() > 10
    assert (other.real(Real.SKILL) - one.real(Real.SKILL))[moved] == pytest.approx(0.05, abs=2e-6)


def test_events_happen_at_their_ages_and_those_counted_once_happen_once() -> None:
    children = _lived(settings(SCENARIOS[0], 6000)[1])
    special, retained = children.whole(Whole.SPECIAL_EDUCATION), children.whole(Whole.RETAINED)
    assert set(np.unique(special)) == {-1, 5, 6, 7, 8, 9}
    assert set(np.unique(retained)) == {-1, 5, 6}
    assert 1 < children.whole(Whole.ABSENT_YEARS).max() <= 13
    assert 1 <= children.whole(Whole.ARREST_YEARS).max() <= 8


def test_a_drawn_effect_on_special_education_reaches_only_children_in_care() -> None:
    """Twenty points fewer after pre-K: the same luck places fewer of the children, and no child at home otherwise."""
    plain, helped = settings(SCENARIOS[0], 6000)[0], settings(SCENARIOS[0], 6000, prek_special_education=-20.0)[0]
    one, other = _lived(plain), _lived(helped)
    care = np.where(one.whole(Whole.CARE4) != HOME, one.whole(Whole.CARE4), one.whole(Whole.CARE3))
    before, after = (children.whole(Whole.SPECIAL_EDUCATION) >= 0 for children in (one, other))
    assert np.array_equal(before[care == HOME], after[care == HOME])
    assert (after[care != HOME] <= before[care != HOME]).all()
    assert after[care != HOME].mean() < before[care != HOME].mean() - 0.05
