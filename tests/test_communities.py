"""The shipped communities: each loads, says where every figure is from, and is met on children never seen."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest
from pydantic import BaseModel

from cradlecast.observed import Findings
from cradlecast.scenarios.community import EVENTS, MILESTONES, STAGES, Community
from cradlecast.scenarios.fields import Figure
from cradlecast.scenarios.fit import check_community
from cradlecast.scenarios.library import load_community, names
from cradlecast.scenarios.options import Options
from cradlecast.targets import fit

PLACES = names("community")
NEW = tuple(name for name in PLACES if name != "memphis")
TOO_WIDE = ("regular_attendance",)
"""Figures taken over from the community of Memphis, whose source has no address."""


@cache
def found(name: str) -> Findings:
    """The fit of a place in a few draws, with as many children as the command takes."""
    return fit(load_community(name), Options(children=40_000, draws=3, worlds=1))


def figures(value: object, path: str) -> Iterator[tuple[str, Figure]]:
    """Every figure of a declaration with its path."""
    if isinstance(value, Figure):
        yield path, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from figures(getattr(value, name), f"{path}.{name}")
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from figures(inner, f"{path}.{key}")
    elif isinstance(value, tuple):
        for at, inner in enumerate(value):
            yield from figures(inner, f"{path}.{getattr(inner, 'name', at)}")


def seats(community: Community, program: str, age: int) -> float:
    """Seats of a program for children of an age."""
    return sum(s.seats[age].value for s in community.streams if s.program == program and age in s.seats)


def test_the_communities_of_the_network_and_the_nation_are_shipped() -> None:
    assert set(PLACES) == {
        "memphis",
        "bridgeport",
        "brown-county",
        "eastern-kentucky",
        "milwaukee",
        "northfield",
        "san-antonio",
        "san-francisco-mission",
        "spartanburg",
        "united-states",
    }


def test_the_number_inside_a_childs_id_is_given_once() -> None:
    numbers = [load_community(name).place_number for name in PLACES]
    assert sorted(numbers) == list(range(1, len(PLACES) + 1))


@pytest.mark.parametrize("name", PLACES)
def test_a_community_loads_and_leads_nowhere_wrong(name: str) -> None:
    community = load_community(name)
    check_community(community)
    assert community.name == name
    assert "observed" in community.baselines
    rates = {**community.milestones, **community.events, **community.stages}
    assert {*MILESTONES, *EVENTS, *STAGES} == set(rates)
    assert all(one.instrument.strip() for one in rates.values())


@pytest.mark.parametrize("name", NEW)
def test_every_figure_says_where_it_is_from_and_how_sure_it_is(name: str) -> None:
    found_figures = list(figures(load_community(name), name))
    assert len(found_figures) > 70
    for path, figure in found_figures:
        assert len(figure.source) > 5, path
        if figure.provenance == "READ" and not path.endswith(TOO_WIDE):
            assert figure.address or figure.evidence, f"{path} was read, but not said where"
        if figure.provenance in ("RECALLED", "ASSUMED") and figure.value != 1.0:
            assert figure.low is not None and figure.high is not None, f"{path} is a guess without a range"


@pytest.mark.parametrize("name", NEW)
def test_only_the_nation_has_national_figures_of_its_own(name: str) -> None:
    borrowed = [
        path
        for path, figure in figures(load_community(name), name)
        if (figure.borrowed or "").startswith("United States")
    ]
    assert (not borrowed) if name == "united-states" else len(borrowed) > 20


@pytest.mark.parametrize("name", NEW)
def test_births_seats_and_poverty_are_of_one_size(name: str) -> None:
    community = load_community(name)
    births, poor = community.births_per_year.value, community.income.below_poverty.value
    eligible = births * community.income.below_185.value
    assert 200 <= births <= 4_000_000
    assert 0.05 < poor < community.income.below_185.value < 0.8
    public = seats(community, "prek", 4) + seats(community, "head_start", 4)
    assert 0.3 * eligible < public < eligible
    assert seats(community, "head_start", 3) <= 0.6 * births * poor
    assert seats(community, "child_care", 4) < births
    weighted = sum(group.share.value * group.below_poverty.value for group in community.groups)
    assert weighted == pytest.approx(poor, abs=0.12)
    parts = sum(area.children.value * area.below_poverty.value for area in community.areas)
    assert parts == pytest.approx(poor, abs=0.03)
    assert 20 < births / sum(area.schools.value for area in community.areas) < 120


@pytest.mark.parametrize("name", PLACES)
def test_a_community_is_met_on_children_never_seen(name: str) -> None:
    """Small places too: with a handful of classrooms, whose luck calibration integrates."""
    table = found(name).tables["fit"]
    assert (table["model"] - table["target"]).abs().max() < 0.002
    missed = table[table["hit"].map(lambda hit: hit is False)]
    assert missed[["milestone", "group", "difference"]].to_dict("records") == []
