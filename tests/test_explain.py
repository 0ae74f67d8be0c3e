"""A scenario explained: from its files, for one's own as for shipped ones, and true of what the engine then does."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from cradlecast.cli import main
from cradlecast.explanation import (
    BACKFILL,
    CLOSING,
    HOURS_EFFECT,
    OFFERED,
    SERVICE_LEVERS,
    Explanation,
    explain,
    named_by_service,
)
from cradlecast.model.outcomes import Arm
from cradlecast.model.paths import count_paths
from cradlecast.model.pipeline import Pipeline
from cradlecast.scenarios.civic import CIVIC_LEVERS
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.evidence import estimates, priors
from cradlecast.scenarios.library import load_parameters, load_scenario, load_service, names
from cradlecast.scenarios.scenario import LeverName
from cradlecast.ui.explain import cannot_say, explanation_tables, explanation_views, in_short
from tests.worlds import SCENARIOS, born, settings

ROOT = Path(__file__).resolve().parent.parent
LAPSE, CONTINUE, DISPLACE = SCENARIOS


def told(name: str = LAPSE, **levers: float) -> Explanation:
    """A shipped scenario, explained."""
    return explain(load_scenario(name), levers)


def parameters(explained: Explanation) -> dict[str, dict[str, object]]:
    """Its parameters by name."""
    return {str(row["name"]): dict(row) for row in explained.assumptions if row["kind"] == "parameter"}


def lives_differ(name: str, **levers: float) -> bool:
    """Whether any child's milestones differ between the arms, where effects are large."""
    scenario = load_scenario(name).with_levers(levers)
    fewer, more = settings(scenario, 3000, prek_value=1.0, prek_nontest=1.0, hours_effect=0.5)
    children = born(fewer)
    arms = Arm(Pipeline(fewer, children).run()), Arm(Pipeline(more, children).run())
    return bool(count_paths(np.ones((1, len(children)), np.bool_), *arms).sum())


# --- what it changes ---


def test_the_lapsing_grant_takes_a_thousand_seats_and_the_financing_brings_them_back() -> None:
    rows = {(row["year"], row["stream"]): row for row in told().changes}
    assert sorted({year for year, _ in rows}) == [2019, 2020, 2021]
    grant, financed = rows[2020, "grant"], rows[2020, "financed"]
    assert (grant["observed"], grant["baseline"], grant["scenario_seats"]) == (1000, 0, 0)
    assert (financed["observed"], financed["baseline"], financed["scenario_seats"]) == (0, 0, 1000)
    assert (financed["program_baseline"], financed["program_scenario"]) == (6000, 7000)
    assert (grant["financed"], financed["financed"]) == (False, True)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_seats_explained_are_the_seats_of_the_engine(name: str) -> None:
    fewer, more = settings(name, 300)
    children = born(fewer)
    book = [
        {(row["year"], row["program"], row["stream"], row["age"]): row["seats"] for row in arm.seat_rows()}
        for arm in (Pipeline(fewer, children).run(), Pipeline(more, children).run())
    ]
    dated = [row for row in told(name).changes if row["stream"] is not None]
    assert len(dated) >= 3
    for row in dated:
        key = (row["year"], row["program"], row["stream"], row["age"])
        assert (row["baseline"], row["scenario_seats"]) == (book[0][key], book[1][key])


def test_displacement_closes_seats_by_its_rule_at_the_means_of_its_parameters() -> None:
    """1,000 new seats, of which 17 % displace, half of those refilled: 85 close."""
    closing = {(row["year"], row["program"]): row["change"] for row in told(DISPLACE).changes if row["stream"] is None}
    assert set(closing.values()) == {-85}
    assert {program for _, program in closing} == {"head_start", "child_care"}
    assert len(closing) == 6
    assert {row["change"] for row in told(DISPLACE, seats=200).changes if row["stream"] is None} == {-17}
    assert all(row["stream"] is not None for row in told(LAPSE).changes)


@pytest.mark.parametrize(
    ("name", "levers", "moves_no_child"),
    [
        (LAPSE, {}, False),
        (LAPSE, {"seats": 0}, True),
        (LAPSE, {"seats": 0, "quality": 2.0}, True),
        (CONTINUE, {}, True),
        (CONTINUE, {"hours": 1080}, True),
        (CONTINUE, {"seat_cost": 9000}, True),
        (CONTINUE, {"quality": 2.0}, False),
        (CONTINUE, {"hours": 1800}, False),
        (CONTINUE, {"take_up": 0.2}, False),
        (DISPLACE, {}, False),
    ],
)
def test_it_says_that_no_child_is_moved_exactly_where_no_life_differs(
    name: str, levers: dict[str, float], moves_no_child: bool
) -> None:
    assert told(name, **levers).moves_no_child is moves_no_child
    assert lives_differ(name, **levers) is not moves_no_child


# --- levers ---


def test_a_lever_shows_where_it_stands_and_where_it_stood() -> None:
    levers = {str(row["lever"]): row for row in told(LAPSE, seats=500).levers}
    assert set(levers) == set(get_args(LeverName)) - {*SERVICE_LEVERS, *CIVIC_LEVERS, "shock"}
    assert (levers["seats"]["value"], levers["seats"]["default"], levers["seats"]["moved"]) == (500, 1000, True)
    assert (levers["hours"]["value"], levers["hours"]["moved"]) == (None, False)


def test_each_lever_says_what_it_moves_in_this_scenario() -> None:
    moves = {str(row["lever"]): str(row["moves"]) for row in told(CONTINUE).levers}
    assert "takes away so many seats of prek (grant), 2019 to 2021" in moves["seats"]
    assert "adds so many seats of prek (financed), 2019 to 2021" in moves["seats"]
    assert "prek_value" in moves["quality"]
    assert HOURS_EFFECT in moves["hours"] and "1,080" in moves["hours"]
    assert "prek_take_up" in moves["take_up"]
    assert "no child's path" in moves["seat_cost"]


def test_a_lever_out_of_bounds_and_one_that_does_not_exist_are_refused() -> None:
    with pytest.raises(InputError, match="must be from 0 to 5000"):
        told(LAPSE, seats=9000)
    with pytest.raises(InputError, match="unknown lever 'seets'"):
        told(LAPSE, seets=1)


# --- assumptions and evidence ---


def test_a_parameter_comes_with_its_range_grade_and_sources() -> None:
    """A normal of mean 0.30 and sd 0.17 has its central 90 % between 0.30 -+ 1.645 x 0.17."""
    row = parameters(told())["prek_value"]
    assert row["why"] == OFFERED
    assert (row["value"], row["low"], row["high"]) == pytest.approx((0.30, 0.0204, 0.5796), abs=1e-4)
    assert (row["grade"], row["assumed"]) == ("randomised", False)
    assert row["evidence"] == "P01, E3016b, E3011a, N3077a, N3079a, E3002a"
    assert estimates()["E3016b"].source_title in str(row["sources"])


def test_only_parameters_that_matter_here_are_listed() -> None:
    lapse, displace = parameters(told(LAPSE)), parameters(told(DISPLACE))
    shares = {"displaces_head_start", "displaces_child_care", BACKFILL}
    assert not shares & set(lapse)
    assert {name for name, row in displace.items() if row["why"] == CLOSING} == shares
    assert HOURS_EFFECT not in lapse
    assert HOURS_EFFECT in parameters(told(LAPSE, hours=1500))
    of_services = {each for name in names("service") for each in named_by_service(load_service(name))}
    assert len(of_services) > 20 and not of_services & {*lapse, *displace}
    everything = set(load_parameters().parameters)
    assert set(lapse) | shares | {HOURS_EFFECT} | of_services == everything


def test_the_evidence_of_every_parameter_is_listed_with_its_title() -> None:
    explained = told(DISPLACE)
    listed = {str(row["id"]): row for row in explained.evidence}
    used = {each for row in parameters(explained).values() for each in str(row["evidence"] or "").split(", ") if each}
    assert used == set(listed)
    assert {"P42", "E3002a"} <= used
    assert set(listed) <= set(estimates()) | set(priors())
    assert all(row["title"] for row in listed.values())
    assert "backfill" in str(listed["P42"]["used_by"])


def test_every_assumed_or_borrowed_figure_of_the_files_is_found() -> None:
    files = [ROOT / "scenarios" / "communities" / "memphis.yaml", *(ROOT / "scenarios" / "programs").glob("*.yaml")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    figures = [row for row in told().assumptions if row["kind"] == "figure"]
    for provenance in ("ASSUMED", "RECALLED"):
        written = len(re.findall(rf"provenance: {provenance}\b", text))
        assert sum(row["grade"] == provenance for row in figures) == written > 0
    assert sum(row["borrowed"] is not None for row in figures) == len(re.findall(r"^ +borrowed: ", text, re.MULTILINE))
    names = [row["name"] for row in figures]
    assert len(set(names)) == len(names)
    assert "community memphis: areas[north_memphis].children" in names


# --- in words ---


def test_what_changes_is_said_in_short() -> None:
    assert in_short(told()) == [
        "Public pre-K at age 4: 7,000 seats a year, 6,000 in the baseline, school years 2019 to 2021."
    ]
    same = in_short(told(CONTINUE))
    assert "the same number as in the baseline" in same[0]
    assert "each impact is exactly zero" in same[-1]
    assert any(
        sentence.startswith("Head Start at age 4: about 85 seats a year close") for sentence in in_short(told(DISPLACE))
    )


def test_it_says_what_it_cannot_say() -> None:
    lapse, same = " ".join(cannot_say(told(LAPSE))), " ".join(cannot_say(told(CONTINUE)))
    assert "What the seats are worth" in same and "What the seats are worth" not in lapse
    for words in ("real child", "rest on an assumption", "stand in from elsewhere", "are associations, not effects"):
        assert words in lapse
    better = " ".join(cannot_say(told(CONTINUE, quality=1.5)))
    assert "the baseline keeps as many" in better


def test_the_page_fits_and_carries_every_part(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert main(["explain", DISPLACE, "--set", "quality=1.2"]) == 0
    page = capsys.readouterr().out
    assert page.startswith(f"Scenario  {DISPLACE}: Memphis")
    assert max(map(len, page.splitlines())) <= 100
    for title in (
        "Levers",
        "Seats that close elsewhere",
        "Figures that are assumed",
        "Evidence behind those parameters",
    ):
        assert title in page
    assert "1.20 (set)" in page
    assert "It cannot say: " in " ".join(page.split())
    assert [view.table for view in explanation_views(told())] == [
        "changes",
        "levers",
        "assumptions",
        "assumptions",
        "evidence",
    ]


def test_json_carries_the_tables_and_csv_the_changes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", LAPSE, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert list(answer) == ["record", "changes", "levers", "assumptions", "evidence"]
    assert answer["record"]["baseline"] == "grant-lapses"
    assert answer["record"]["moves_no_child"] is False
    for table in explanation_tables(told()):
        assert [list(row) for row in answer[table.name]] == [list(table.columns)] * len(table.rows)
    assert main(["explain", LAPSE, "--csv"]) == 0
    lines = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert lines[0][:5] == ["scenario", "year", "program", "stream", "age"]
    assert len(lines) == 7


def test_a_scenario_of_ones_own_is_explained_by_the_same_words(tmp_path: Path) -> None:
    shipped = (ROOT / "scenarios" / "library" / f"{LAPSE}.yaml").read_text(encoding="utf-8")
    own = shipped.replace(f"name: {LAPSE}", "name: mine").replace("program: prek", "program: head_start")
    own = own.replace("last_year: 2021", "last_year: 2020").replace("baseline: grant-lapses", "baseline: observed")
    path = tmp_path / "mine.yaml"
    path.write_text(own, encoding="utf-8")
    explained = explain(load_scenario(str(path)))
    assert {row["age"] for row in explained.changes} == {3, 4}
    assert any("Head Start at age 3" in sentence for sentence in in_short(explained))
    assert parameters(explained)["head_start_contrast"]["why"] == OFFERED
    assert "head_start_take_up" in str(explained.levers[3]["moves"])


def test_nothing_of_the_explanation_is_written_for_one_place() -> None:
    for name in ("cradlecast/explanation.py", "ui/explain.py"):
        assert "memphis" not in (ROOT / name).read_text(encoding="utf-8").lower()
