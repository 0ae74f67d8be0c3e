"""The fit of a community: measured on children never seen, refused by name, and started from a template."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from cradlecast.cli import main
from cradlecast.model.associations import Life
from cradlecast.model.children import Children
from cradlecast.model.kernels import KEPT, Whole, Wide
from cradlecast.observed import Findings, interval, observed_world
from cradlecast.published import associations
from cradlecast.samples import ground_in, ground_of
from cradlecast.scenarios.community import EVENTS, MILESTONES, STAGES, Community
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.library import load_community, load_scenario
from cradlecast.scenarios.options import Options
from cradlecast.scenarios.template import community_template
from cradlecast.targets import checked_draw, counts_of, fit, fit_table, verdict
from tests.worlds import NO_NOISE, NO_WORLD, SCENARIOS

MEMPHIS = Path(__file__).resolve().parent.parent / "scenarios" / "communities" / "memphis.yaml"
QUICK = ("--children", "400", "--draws", "1")

type Capture = pytest.CaptureFixture[str]
type Edit = Callable[[dict[str, Any]], None]


@cache
def found() -> Findings:
    """The fit of Memphis, with as many children as the command takes and fewer draws."""
    return fit(load_community("memphis"), Options(children=40_000, draws=4, worlds=1))


@pytest.fixture
def own_file(tmp_path: Path) -> Callable[[Edit], str]:
    """A person's own community: the shipped one, edited."""

    def write(edit: Edit) -> str:
        content = yaml.safe_load(MEMPHIS.read_text(encoding="utf-8"))
        content["name"] = "mine"
        edit(content)
        path = tmp_path / "mine.yaml"
        path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
        return str(path)

    return write


def refused(capsys: Capture, *words: str) -> str:
    """The one line with which words are refused."""
    assert main(words) == 2
    answer = capsys.readouterr()
    assert answer.out == ""
    assert answer.err.count("\n") == 1
    return answer.err.removeprefix("cradlecast: error: ").strip()


def life_of(reached: list[int], poor: list[int], events: dict[Whole, list[int]]) -> Life:
    """A life written down: milestones as bits, poverty, and school events."""
    n = len(reached)
    x, k = np.zeros((KEPT, n), np.float32), np.zeros((len(Whole), n), np.int8)
    k[Whole.REACHED], k[Whole.CELL] = reached, poor
    for row, values in events.items():
        k[row] = values
    ids, wide = np.zeros((2, n), np.uint32), np.zeros((len(Wide), n), np.int32)
    children = Children(ids, x, k, np.full((2, n), -1, np.int16), wide, (2014,), (0, n), NO_WORLD, NO_NOISE)
    return Life(children, {}, ("everybody",), np.zeros(n, np.bool_))


# --- the fit ---


def test_memphis_is_met_within_one_point_for_all_and_two_for_a_group_on_children_never_seen() -> None:
    table = found().tables["fit"]
    assert {*MILESTONES, *EVENTS, *STAGES} == set(table["milestone"])
    assert len(table[table["group"] != "all"]) > 30
    off = table["difference"].abs()
    assert off[table["group"] == "all"].max() <= 0.01
    assert off[table["group"] != "all"].max() <= 0.02
    assert table["hit"].tolist() == [True] * len(table)
    assert found().missed == ()


def test_the_population_that_was_solved_on_is_met_nearly_exactly() -> None:
    table = found().tables["fit"]
    assert (table["model"] - table["target"]).abs().max() < 0.002
    assert (table["check"] != table["model"]).all()


def test_the_local_rate_of_a_milestone_is_its_target_in_its_own_denominator() -> None:
    community = load_community("memphis")
    table = found().tables["fit"].set_index(["milestone", "group"])
    for name in ("kindergarten_ready", "high_school_graduate", "employed"):
        assert table.loc[(name, "all"), "target"] == pytest.approx(community.milestones[name].all.value)
    row = table.loc[("postsecondary_completed", "all")]
    assert (row["observed"], row["denominator"]) == (0.21, "enrolled")
    assert row["target"] == pytest.approx(0.21 / 0.61)
    assert row["target_low"] == pytest.approx(0.18 / 0.61)
    assert table.loc[("chronic_absence", "all"), "denominator"] == "pupil years"


def test_borrowed_targets_say_from_where() -> None:
    table = found().tables["fit"].set_index(["milestone", "group"])
    assert table.loc[("grade3_reading", "black"), "borrowed"] == "Tennessee, all grades"
    assert pd.isna(table.loc[("grade3_reading", "all"), "borrowed"])
    assert all(table["source"])


def test_the_shares_are_those_of_the_place() -> None:
    table = found().tables["shares"].set_index(["quantity", "group"])
    births = table.loc["share_of_births"]
    assert births["model"].sum() == pytest.approx(1.0)
    assert (births["difference"].abs() < 0.005).all()
    assert abs(table.loc[("below_poverty", "all"), "difference"]) < 0.005
    for age in (3, 4):
        assert table.loc[f"care_at_{age}"]["model"].sum() == pytest.approx(1.0)
    assert table.loc["share_of_area"]["model"].sum() == pytest.approx(1.0)
    filled = table.loc[("seats_filled_at_4", "prek")]
    assert filled["target"] == 0.94 and pd.isna(filled["borrowed"])
    assert filled["model"] == pytest.approx(0.94, abs=0.06)
    assert filled["model"] <= 1.0


def test_steps_are_counted_among_those_who_took_the_one_before_and_events_in_years() -> None:
    diploma, college = 8, 8 + 16
    never = [-1, -1, -1, -1]
    events = {
        Whole.ABSENT_YEARS: [0, 2, 13, 0],
        Whole.SPECIAL_EDUCATION: [-1, 6, -1, 9],
        Whole.RETAINED: never,
        Whole.SECTOR: [0, 0, 4, 2],
        Whole.ON_TRACK: [1, 0, 1, 1],
    }
    life = life_of([0, diploma, college, college], [1, 0, 1, 0], events)
    assert counts_of(life, "all", "high_school_graduate") == (3.0, 4.0)
    assert counts_of(life, "all", "postsecondary_enrolled") == (2.0, 3.0)
    assert counts_of(life, "below_poverty", "postsecondary_enrolled") == (1.0, 1.0)
    assert counts_of(life, "below_poverty", "high_school_graduate") == (1.0, 2.0)
    assert counts_of(life, "everybody", "postsecondary_completed") == (0.0, 2.0)
    assert counts_of(life, "all", "chronic_absence") == (15.0, 4.0 * 13)
    assert counts_of(life, "all", "special_education") == (2.0, 4.0)
    assert counts_of(life, "all", "retention") == (0.0, 4.0)
    assert counts_of(life, "all", "four_year") == (1.0, 2.0)
    assert counts_of(life, "below_poverty", "on_track_at_3") == (2.0, 2.0)


def test_a_miss_that_few_children_could_be_off_by_chance_is_left_open() -> None:
    assert verdict(0.03, 0.02, 0.5, 500) is None
    assert verdict(0.08, 0.02, 0.5, 500) is None
    assert verdict(0.1, 0.02, 0.5, 500) is False
    assert verdict(0.03, 0.02, 0.5, 50_000) is False
    assert verdict(-0.019, 0.02, 0.5, 50_000) is True
    assert verdict(float("nan"), 0.02, float("nan"), 0) is None


def test_the_check_lives_in_other_worlds_than_the_calibration_and_in_one_birth_year() -> None:
    ground = ground_in(load_community("memphis"), Options(children=300, draws=2, worlds=1))
    first, second = (observed_world(ground, draw) for draw in (0, 1))
    assert [int(one.town.setting.world[0]) for one in (first, second)] == [0, 1]
    assert first.life.children.cohorts == (2014,)
    assert first.town.setting.policies == ()
    assert len(first.calibration.fit) > 30


def test_every_column_of_the_tables_is_listed_in_the_architecture() -> None:
    page = (MEMPHIS.parents[2] / "docs" / "architecture.md").read_text(encoding="utf-8")
    _, _, part = page.partition("### Tables of the observed world")
    tables = found().tables | associations(load_community("memphis"), Options(children=100, draws=1, worlds=1)).tables
    assert list(tables) == ["fit", "shares", "associations"]
    for name, table in tables.items():
        columns = ", ".join(f"`{column}`" for column in table.columns)
        assert f"| `{name}` | {columns} |" in part


def test_what_is_solved_for_the_fit_is_what_studies_use() -> None:
    options = Options(children=300, draws=1, worlds=1)
    solved = observed_world(ground_in(load_community("memphis"), options), 0).calibration
    _, known = ground_of(load_scenario(SCENARIOS[0]), options).draw(0)
    assert np.array_equal(known.cuts, solved.cuts)
    assert np.array_equal(known.theta, solved.theta)


def test_an_interval_leaves_out_draws_without_a_number() -> None:
    assert interval([0.0, 1.0, float("nan")]) == pytest.approx((0.05, 0.95))
    assert all(np.isnan(interval([float("nan")])))


# --- the command ---


def test_the_command_answers_in_every_form(capsys: Capture, tmp_path: Path) -> None:
    words = ["calibrate", "memphis", *QUICK]
    assert main([*words, "--json", "--out", str(tmp_path / "fit")]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert list(answer) == ["record", "fit", "shares"]
    assert {path.name for path in (tmp_path / "fit").iterdir()} == {"fit.csv", "shares.csv", "record.json"}
    assert answer["record"]["children"] == 400
    first = answer["fit"][0]
    assert list(first)[:4] == ["group", "milestone", "denominator", "observed"]
    assert list(first)[-5:] == ["difference", "n", "hit", "source", "borrowed"]
    assert (first["group"], first["target_low"]) == ("all", None)
    assert main([*words, "--csv"]) == 0
    assert capsys.readouterr().out.startswith("group,milestone,denominator,observed,target,target_low")
    assert main(words) == 0
    page = capsys.readouterr().out
    assert page.startswith("Community memphis: Memphis and Shelby County")
    for part in ("Fit: what was observed", "Shares: children, care and seats", "furthest from its target", "Black"):
        assert part in page
    assert max(map(len, page.splitlines())) <= 100


def test_a_missed_target_is_found_wrong_and_named(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """No community shipped misses a target; so the check is given a limit that none can keep."""
    monkeypatch.setattr("cradlecast.targets.ALLOWED", {"all": -1.0})
    monkeypatch.setattr("cradlecast.targets._CHANCE", -1.0)
    assert main(["calibrate", "memphis", *QUICK, "--csv"]) == 1
    answer = capsys.readouterr()
    assert answer.out.count("\n") > 30
    assert answer.err.startswith("cradlecast: targets are missed: on_track_at_3 of all is ")
    assert "kindergarten_ready of all is" in answer.err and "where 41.0% was observed" in answer.err


def test_impossible_targets_are_refused_by_name(own_file: Callable[[Edit], str], capsys: Capture) -> None:
    def contradict(content: dict[str, Any]) -> None:
        rates = content["milestones"]["grade3_reading"]
        rates["groups"] = {name: rates["groups"][name] | {"value": 0.9} for name in ("black", "white")}
        del rates["below_poverty"], rates["above_poverty"]

    answer = refused(capsys, "calibrate", own_file(contradict), *QUICK)
    assert answer.startswith("milestone 'grade3_reading' cannot be calibrated")
    assert "contradict" in answer


@pytest.mark.parametrize(
    ("milestone", "key", "value", "answer"),
    [
        ("postsecondary_completed", "all", 0.65, "cannot be reached by 52.9% of the cohort: only 49.7% take the step"),
        ("grade8_math", "denominator", "graduates", "denominator of 'grade8_math' must be cohort; got 'graduates'"),
        ("postsecondary_enrolled", "denominator", "enrolled", "must be cohort or graduates; got 'enrolled'"),
        ("high_school_graduate", "all", 1.0, "the rate of 'all' must lie inside 0 to 1, not at an end; got 1.0"),
        ("employed", "all", 0.0, "the rate of 'all' must lie inside 0 to 1, not at an end; got 0.0"),
    ],
)
def test_rates_that_no_child_could_reach_are_refused(
    milestone: str, key: str, value: float | str, answer: str, own_file: Callable[[Edit], str], capsys: Capture
) -> None:
    def edit(content: dict[str, Any]) -> None:
        rates = content["milestones"][milestone]
        if key == "all":
            rates["all"] = {name: part for name, part in rates["all"].items() if name not in ("low", "high")}
            rates["all"]["value"] = value
        else:
            rates[key] = value

    assert answer in refused(capsys, "calibrate", own_file(edit), *QUICK)


def test_names_that_lead_nowhere_are_refused(own_file: Callable[[Edit], str], capsys: Capture) -> None:
    path = own_file(lambda content: content.update(stays="stays_neer"))
    assert "parameter 'stays_neer', which does not exist; did you mean 'stays_near'?" in refused(
        capsys, "calibrate", path
    )
    path = own_file(lambda content: content["streams"][0].update(program="pre_k"))
    assert "seats of 'pre_k', which holds no seats; did you mean 'prek'?" in refused(capsys, "calibrate", path)


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("calibrate", "calibrate needs COMMUNITY, or --template"),
        ("calibrate memphis --template", "--template prints a file and nothing else; leave out COMMUNITY"),
        ("calibrate --template --json", "--template prints a file and nothing else; leave out --json"),
        ("calibrate memhpis", "unknown community 'memhpis'; did you mean 'memphis'?"),
        ("calibrate memphis --draws 0", "draws must be from 1 to 100,000; got 0"),
        ("calibrate memphis --worlds 2", "unknown option '--worlds' of calibrate"),
        ("validate --horizon 9", "unknown option '--horizon' of validate"),
        ("validate --associations memphis", "validate was given one argument too many: 'memphis'"),
    ],
)  # fmt: skip
def test_what_is_asked_wrongly_is_refused(words: str, answer: str, capsys: Capture) -> None:
    assert refused(capsys, *words.split()).startswith(answer)


# --- the template ---


def keys_of(value: object) -> set[str]:
    """Every key of nested mappings."""
    if isinstance(value, dict):
        return {str(key) for key in value} | {key for inner in value.values() for key in keys_of(inner)}
    return {key for inner in value for key in keys_of(inner)} if isinstance(value, list) else set()


def figures_of(value: object) -> list[dict[str, Any]]:
    """Every figure of nested mappings."""
    if isinstance(value, dict):
        inner = [figure for part in value.values() for figure in figures_of(part)]
        return [value, *inner] if "provenance" in value else inner
    return [figure for part in value for figure in figures_of(part)] if isinstance(value, list) else []


def test_the_template_loads_calibrates_and_meets_its_targets(capsys: Capture, tmp_path: Path) -> None:
    assert main(["calibrate", "--template"]) == 0
    path = tmp_path / "my-county.yaml"
    path.write_text(capsys.readouterr().out, encoding="utf-8")
    community = load_community(path)
    assert community.name == "my-county"
    result = fit(community, Options(children=20_000, draws=2, worlds=1))
    assert result.missed == ()
    assert len(result.tables["fit"]) > 20
    borrowed = result.tables["shares"].set_index(["quantity", "group"])["borrowed"]
    assert "Memphis" in str(borrowed[("seats_filled_at_4", "prek")])
    assert main(["calibrate", str(path), *QUICK, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["record"]["community"] == "my-county"


def test_every_key_of_the_template_has_the_words_of_the_schema_above_it() -> None:
    lines = community_template().splitlines()
    schema = Community.model_json_schema(by_alias=True)
    told = [line.lstrip("# ") for line in lines if line.lstrip().startswith("#")]
    at_top = {line.split(":")[0]: lines[at - 1] for at, line in enumerate(lines) if line[:1].isalpha()}
    assert set(at_top) == set(schema["properties"])
    assert [key for key, above in at_top.items() if key != "schema" and not above.startswith("# ")] == []
    for words in ("Share of births. Unit: share.", "Of whom the observed rate is a share.", "Elementary schools."):
        assert any(line.startswith(words) for line in told), words
    assert len(told) == len({*told}) > 50, "each thing is told once"
    assert max(map(len, lines)) <= 110


def test_every_figure_of_the_template_is_a_placeholder_and_says_so() -> None:
    content = yaml.safe_load(community_template())
    figures = figures_of(content)
    assert len(figures) > 50
    assert {figure["provenance"] for figure in figures} == {"ASSUMED"}
    assert {figure["source"] for figure in figures} == {
        "Placeholder, to be replaced with your own figure and its source"
    }
    assert "PLACEHOLDERS" in community_template()
    assert {"low", "high", "value", "unit", "groups", "events", "baselines"} <= keys_of(content)


def test_a_row_of_the_fit_without_children_has_no_verdict() -> None:
    ground = ground_in(load_community("memphis"), Options(children=100, draws=1, worlds=1))
    draw = checked_draw(observed_world(ground, 0))
    table = fit_table(ground.community, [replace(draw, counts=tuple((0.0, 0.0) for _ in draw.counts))])
    assert table["hit"].isna().all() and table["check"].isna().all()
    assert isinstance(table, pd.DataFrame)


def test_the_years_of_one_child_are_judged_as_one() -> None:
    """Who is absent is so again: 5 points too many among 40 children can be luck, although that is 520 pupil years."""
    ground = ground_in(load_community("memphis"), Options(children=100, draws=1, worlds=1))
    draw = checked_draw(observed_world(ground, 0))
    for n_children, hit in ((40, None), (40_000, False)):
        n = 13.0 * n_children
        counts = tuple(((target + 0.05) * n, n) for target in draw.targets)
        table = fit_table(ground.community, [replace(draw, counts=counts)]).set_index(["milestone", "group"])
        assert table.loc[("chronic_absence", "asian"), "hit"] is hit
        assert table.loc[("chronic_absence", "asian"), "difference"] == pytest.approx(0.05)


def test_a_community_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="there is no file"):
        load_community("nowhere.yaml")
