"""A community's numbers made ready: whole seats, rates moved to a mean, incomes that meet the observed shares."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logit, ndtr

from cradlecast.model.place import Place, apportion, place_of, shifted_to_mean
from cradlecast.scenarios.community import Community
from cradlecast.scenarios.library import load_community

WEIGHTS = st.lists(st.integers(0, 400), min_size=1, max_size=9).filter(any)


def told_slowly(total: int, weights: list[int]) -> list[int]:
    """Sainte-Lague as its definition says: seat by seat from nothing, in exact fractions, ties to the earlier part."""
    given_out = [0] * len(weights)
    for _ in range(total):
        claims = [Fraction(weight, 2 * seats + 1) for weight, seats in zip(weights, given_out, strict=True)]
        given_out[claims.index(max(claims))] += 1
    return given_out


# --- whole seats ---


def test_a_split_worked_by_hand() -> None:
    """Claims fall from 53 to 17.67, 10.6 and 7.57, from 24 to 8, from 23 to 7.67: the eighth seat is for the 7.57."""
    assert apportion(7, [53, 24, 23]) == [3, 2, 2]
    assert apportion(8, [53, 24, 23]) == [4, 2, 2]


@settings(deadline=None)
@given(total=st.integers(0, 300), weights=WEIGHTS)
def test_every_seat_goes_to_a_part_and_none_to_a_part_without_weight(total: int, weights: list[int]) -> None:
    seats = apportion(total, weights)
    assert sum(seats) == total
    assert all(count >= 0 for count in seats)
    assert all(count == 0 for count, weight in zip(seats, weights, strict=True) if weight == 0)


@settings(deadline=None)
@given(total=st.integers(0, 300), weights=WEIGHTS)
def test_more_weight_never_means_fewer_seats(total: int, weights: list[int]) -> None:
    seats = apportion(total, weights)
    by_weight = sorted(zip(weights, seats, strict=True))
    assert all(few <= many for (w, few), (v, many) in pairwise(by_weight) if w < v)


@settings(deadline=None)
@given(total=st.integers(0, 300), weights=st.lists(st.integers(0, 400), min_size=1, max_size=3).filter(any))
def test_up_to_three_parts_get_their_exact_share_rounded_up_or_down(total: int, weights: list[int]) -> None:
    for seats, weight in zip(apportion(total, weights), weights, strict=True):
        assert abs(seats - total * weight / sum(weights)) < 1.0


@settings(deadline=None)
@given(total=st.integers(0, 300), weights=WEIGHTS)
def test_one_more_seat_in_all_takes_none_from_a_part(total: int, weights: list[int]) -> None:
    fewer, more = apportion(total, weights), apportion(total + 1, weights)
    assert all(before <= after for before, after in zip(fewer, more, strict=True))


def test_one_more_seat_takes_none_from_a_small_part_beside_two_large_ones() -> None:
    """Two parts of 504 and seven of 5: the large ones' exact shares pass the next whole number together."""
    weights = [504, 504, *[5] * 7]
    splits = [apportion(total, weights) for total in range(200)]
    assert any(split[2:] == [1] * 7 for split in splits)
    for before, after in pairwise(splits):
        assert all(few <= many for few, many in zip(before, after, strict=True)), (sum(before), before, after)


@settings(deadline=None)
@given(total=st.integers(0, 120), weights=WEIGHTS)
def test_the_split_is_sainte_lague_from_the_first_seat_on(total: int, weights: list[int]) -> None:
    assert apportion(total, weights) == told_slowly(total, weights)


def test_a_part_that_loses_more_than_a_seat_against_its_share_still_gets_what_sainte_lague_gives() -> None:
    weights = [10_040, *[52] * 5]
    assert told_slowly(102, weights) == [97, 1, 1, 1, 1, 1]
    assert apportion(102, weights) == [97, 1, 1, 1, 1, 1]


@pytest.mark.parametrize("total", [0, -3])
def test_no_seats_are_no_seats(total: int) -> None:
    assert apportion(total, [2.0, 1.0]) == [0, 0]


def test_without_any_weight_nobody_gets_a_seat() -> None:
    assert apportion(10, [0.0, 0.0]) == [0, 0]
    assert apportion(10, []) == []


def test_the_unit_of_the_weights_does_not_matter() -> None:
    weights = np.array([0.31, 0.07, 0.5, 0.12])
    for total in range(60):
        assert apportion(total, weights) == apportion(total, weights * 1024) == apportion(total, list(weights))


# --- rates moved together ---

RATES = st.lists(st.floats(0.01, 0.99), min_size=1, max_size=6)


@settings(deadline=None)
@given(rates=RATES, mean=st.floats(0.01, 0.99), data=st.data())
def test_moved_rates_meet_the_mean_and_keep_their_odds_ratios(
    rates: list[float], mean: float, data: st.DataObject
) -> None:
    weights = np.array(data.draw(st.lists(st.floats(0.05, 1.0), min_size=len(rates), max_size=len(rates))))
    shares = weights / weights.sum()
    moved = shifted_to_mean(np.array(rates), shares, mean)
    assert float(np.sum(moved * shares)) == pytest.approx(mean, abs=1e-9)
    assert np.diff(logit(moved)) == pytest.approx(np.diff(logit(np.array(rates))), abs=1e-6)


def test_rates_that_have_the_mean_already_stay_where_they_are() -> None:
    rates, shares = np.array([0.2, 0.5]), np.array([0.75, 0.25])
    assert shifted_to_mean(rates, shares, 0.275) == pytest.approx(rates, abs=1e-9)


def test_one_group_is_moved_onto_the_mean() -> None:
    assert shifted_to_mean(np.array([0.9]), np.array([1.0]), 0.3) == pytest.approx([0.3])


def test_a_shift_worked_by_hand() -> None:
    """Odds of 1 and 4 become 1/2 and 2 when halved: rates 1/3 and 2/3, whose even mean is 1/2."""
    assert shifted_to_mean(np.array([0.5, 0.8]), np.array([0.5, 0.5]), 0.5) == pytest.approx([1 / 3, 2 / 3])


# --- a place ---


@pytest.fixture(scope="module")
def memphis() -> tuple[Community, Place]:
    community = load_community("memphis")
    return community, place_of(community)


def share_below(place: Place, income: float) -> float:
    """Share of families below a standardised income: groups of normal incomes, mixed by their shares."""
    return float(np.sum(place.group_shares * ndtr((income - place.group_means) / place.income_sd)))


def test_the_observed_shares_below_poverty_and_below_185_percent_are_met(memphis: tuple[Community, Place]) -> None:
    community, place = memphis
    assert share_below(place, place.income_at(1.0)) == pytest.approx(community.income.below_poverty.value, abs=1e-9)
    assert share_below(place, place.income_at(1.85)) == pytest.approx(community.income.below_185.value, abs=1e-9)


def test_each_groups_poverty_is_met_and_averages_the_communitys(memphis: tuple[Community, Place]) -> None:
    community, place = memphis
    poor = ndtr((place.income_at(1.0) - place.group_means) / place.income_sd)
    assert poor == pytest.approx(place.group_poverty, abs=1e-9)
    assert float(np.sum(poor * place.group_shares)) == pytest.approx(community.income.below_poverty.value, abs=1e-9)
    stated = np.array([group.below_poverty.value for group in community.groups])
    assert np.diff(logit(poor)) == pytest.approx(np.diff(logit(stated)), abs=1e-6)
    assert len(set(np.round(stated, 3))) > 1, "groups differ"


def test_drawn_families_have_the_observed_poverty(memphis: tuple[Community, Place]) -> None:
    community, place = memphis
    rng = np.random.default_rng(2)
    n = 200_000
    group = rng.choice(len(place.group_names), n, p=place.group_shares)
    income = place.group_means[group] + place.income_sd * rng.standard_normal(n)
    for ratio, figure in ((1.0, community.income.below_poverty), (1.85, community.income.below_185)):
        share = float(np.mean(income < place.income_at(ratio)))
        assert abs(share - figure.value) < 4.0 * np.sqrt(0.25 / n)


def test_incomes_have_a_spread_of_one_and_a_mean_near_nothing(memphis: tuple[Community, Place]) -> None:
    _, place = memphis
    mean = float(np.sum(place.group_shares * place.group_means))
    between = float(np.sum(place.group_shares * (place.group_means - mean) ** 2))
    assert place.income_sd**2 + between == pytest.approx(1.0, abs=1e-9)
    assert place.income_sd < 1.0
    assert abs(mean) < 0.02


def test_income_rises_with_the_ratio_in_equal_steps_of_its_logarithm(memphis: tuple[Community, Place]) -> None:
    _, place = memphis
    one, two, four = (place.income_at(ratio) for ratio in (1.0, 2.0, 4.0))
    assert one < two < four
    assert four - two == pytest.approx(two - one)
    assert (two - one) * place.log_sd == pytest.approx(np.log(2.0))


def test_areas_hold_all_children_and_the_poor_where_poverty_is_high(memphis: tuple[Community, Place]) -> None:
    community, place = memphis
    above, below = place.area_shares
    assert above.sum() == pytest.approx(1.0)
    assert below.sum() == pytest.approx(1.0)
    poor = community.income.below_poverty.value
    children = np.array([area.children.value for area in community.areas])
    assert (1 - poor) * above + poor * below == pytest.approx(children / children.sum(), abs=1e-9)
    poverty = np.array([area.below_poverty.value for area in community.areas])
    assert (np.argsort(below / above) == np.argsort(poverty)).all()


def test_areas_lie_next_to_areas_as_the_file_says(memphis: tuple[Community, Place]) -> None:
    community, place = memphis
    assert place.area_names == tuple(area.name for area in community.areas)
    for row, area in zip(place.next_to, community.areas, strict=True):
        beside = [place.area_names[other] for other in row if other >= 0]
        assert tuple(beside) == area.next_to
        assert area.name not in beside
    assert place.n_cells == 2 * len(community.groups)


def test_a_place_of_one_group_and_one_income_line_is_a_plain_normal(memphis: tuple[Community, Place]) -> None:
    community, _ = memphis
    alone = community.groups[0].model_copy(
        update={"share": community.groups[0].share.model_copy(update={"value": 1.0})}
    )
    place = place_of(community.model_copy(update={"groups": (alone,)}))
    assert place.income_sd == pytest.approx(1.0)
    assert place.group_means == pytest.approx([0.0], abs=1e-9)
    assert place.group_poverty == pytest.approx([community.income.below_poverty.value])
