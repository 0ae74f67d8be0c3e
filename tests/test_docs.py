"""The documents say what is so: modules, columns, parameters, commands and links are those that exist."""

from __future__ import annotations

import doctest
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from cradlecast.model.outcomes import Arm, group_names, study_children, study_frame
from cradlecast.model.pipeline import Pipeline
from cradlecast.scenarios.community import MILESTONES
from cradlecast.scenarios.evidence import estimates, priors
from cradlecast.scenarios.library import load_community, load_deal, load_parameters, load_scenario
from cradlecast.scenarios.options import METRIC_AGES, Options
from cradlecast.study import run
from cradlecast.ui.arguments import settings as levers_in
from cradlecast.ui.parsers import COMMANDS, parsers
from tests.refresh_session import printed
from tests.worlds import SCENARIOS, born, settings

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("cradlecast", "scenarios", "model", "finance", "ui")
README = ROOT / "README.md"
DOCUMENTS = (README, ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))


@cache
def text(name: str) -> str:
    """A document by its path from the top."""
    return (ROOT / name).read_text(encoding="utf-8")


def section(name: str, title: str) -> str:
    """The part of a document below a heading that begins with a title."""
    found = re.search(rf"^##+ [0-9. ]*{re.escape(title)}.*?\n(.*?)(?=^##+ |\Z)", text(name), re.DOTALL | re.MULTILINE)
    assert found is not None, f"{name} has no section '{title}'"
    return found[1]


def rows(part: str) -> list[list[str]]:
    """Cells of the rows of a table whose first cell is code."""
    lines = [line.strip().strip("|").split("|") for line in part.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line] for line in lines]


def names_in(cell: str) -> list[str]:
    """What stands between backticks in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def blocks(name: str, language: str) -> list[str]:
    """The fenced blocks of a document in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text(name), re.DOTALL | re.MULTILINE)


def links(path: Path) -> Iterator[tuple[str, str]]:
    """Relative links of a document: file and anchor."""
    content = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", content):
        if not re.match(r"[a-z]+:", target):
            yield target.partition("#")[0], target.partition("#")[2]


def session() -> list[tuple[list[str], list[str]]]:
    """The commands of README's session, as words, and the lines shown of what they print."""
    found: list[tuple[list[str], list[str]]] = []
    for line in "".join(blocks("README.md", "console")).splitlines():
        if line.startswith("$ "):
            found.append((shlex.split(line[2:]), []))
        else:
            found[-1][1].append(line)
    return found


# --- README ---


def test_the_two_commands_of_the_readme_are_targets_of_the_makefile() -> None:
    shown = re.findall(r"^make ([a-z-]+)", "".join(blocks("README.md", "sh")), re.MULTILINE)
    assert shown == ["demo", "test"]
    targets = re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE)
    assert set(shown) <= set(targets)


def test_the_readme_is_short_and_names_what_the_way_without_make_needs() -> None:
    assert len(text("README.md").splitlines()) < 150
    without = section("README.md", "Without make")
    for words in ("-m venv", "--require-hashes -r requirements.lock", "--no-deps --no-build-isolation -e ."):
        assert words in without


def test_every_command_of_the_session_is_understood() -> None:
    parser, _ = parsers()
    in_shell = re.findall(r"^\S*(cradlecast [a-z].*)$", "".join(blocks("README.md", "sh")), re.MULTILINE)
    told = [words for words, _ in session()] + [shlex.split(line) for line in in_shell]
    assert {words[0] for words in told} == {"cradlecast"}
    assert {words[1] for words in told} == {"scenarios", "compare", "run", "deal"}
    assert in_shell
    for words in told:
        asked, extra = parser.parse_known_args(words[1:])
        assert extra == []
        assert asked.command in COMMANDS
        named = getattr(asked, "names", [])
        if asked.command == "deal":
            assert load_deal(asked.name).name == asked.name
            named = [asked.scenario]
        for name in named:
            load_scenario(name).with_levers(levers_in(asked.set))


def test_the_levers_of_the_readme_are_the_levers_of_every_shipped_scenario() -> None:
    sentence = re.search(r"Levers are (.*?)\.", text("README.md"), re.DOTALL)
    assert sentence is not None
    for name in SCENARIOS:
        assert names_in(sentence[1]) == list(load_scenario(name).levers)


@pytest.mark.slow
def test_the_session_shows_what_the_commands_print() -> None:
    for words, shown in session():
        lines = printed(shlex.join(words))
        at = 0
        for line in shown:
            if line == "...":
                continue
            assert line in lines[at:], f"{' '.join(words)} no longer prints: {line}"
            at = lines.index(line, at) + 1
        assert at > 0


@pytest.mark.slow
def test_the_readmes_python_gives_what_it_says() -> None:
    code = blocks("README.md", "pycon")
    assert len(code) == 1
    example = doctest.DocTestParser().get_doctest(code[0], {}, "README.md", "README.md", 0)
    assert len(example.examples) > 3
    assert doctest.DocTestRunner(verbose=False).run(example).failed == 0


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_relative_links_lead_somewhere(path: Path) -> None:
    for file, anchor in links(path):
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), f"{path.name} links to {file}"
        if anchor:
            heads = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


def test_links_are_seen() -> None:
    assert len(list(links(README))) >= 7


# --- architecture ---


def test_every_module_is_named_and_every_module_named_exists() -> None:
    told = [names_in(row[0])[0] for row in rows(section("docs/architecture.md", "Modules"))]
    there = {
        f"{part}/{path.name}"
        for part in PARTS
        for path in (ROOT / part).glob("*.py")
        if path.name != "__init__.py" and (path.stat().st_size > 0)
    }
    assert len(told) == len(set(told))
    assert set(told) == there


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_named_in_a_document_exists(path: Path) -> None:
    roots = "|".join((*PARTS, "tests", "docs", "benchmarks"))
    for name in re.findall(rf"`((?:{roots})/[\w./-]*[a-z_])`", path.read_text(encoding="utf-8")):
        assert (ROOT / name).exists(), f"{path.name} names {name}"


def test_every_column_of_study_children_is_listed_with_its_type() -> None:
    told = {names_in(row[0])[0]: names_in(row[1])[0] for row in rows(section("docs/architecture.md", "study_children"))}
    fewer, more = (replace(arm, horizon=6) for arm in settings())
    children = born(fewer)
    metrics = ("prek_attendance", "kindergarten_ready")
    part = study_children(Arm(Pipeline(fewer, children).run()), Arm(Pipeline(more, children).run()), metrics, 0, 3)
    frame = study_frame([part], metrics)
    assert len(frame) > 0
    assert told == {name: str(kind) for name, kind in frame.dtypes.items()}


def test_every_column_of_a_studys_tables_is_listed() -> None:
    told = {names_in(row[0])[0]: names_in(row[1]) for row in rows(section("docs/architecture.md", "Tables of a study"))}
    result = run(load_scenario(SCENARIOS[0]), Options(children=300, draws=1, worlds=1, horizon=6))
    assert told == {name: list(table.columns) for name, table in result.tables.items()}
    counts = [name for row in rows(section("docs/architecture.md", "outcomes")) for name in names_in(row[0])]
    assert sorted(counts) == sorted(result.outcomes().columns)


# --- method and estimands ---


def test_the_method_lists_every_parameter_with_its_evidence() -> None:
    known = load_parameters().parameters
    told = {names_in(row[0])[0]: row for row in rows(section("docs/method.md", "Parameters"))}
    assert list(told) == list(known)
    for name, parameter in known.items():
        ids = [each for each in told[name][2].split(", ") if not each.startswith("none")]
        assert ids == [*parameter.priors, *parameter.evidence]
        assert f"{parameter.mean:g}" in told[name][1]
        assert parameter.shape == "fixed" or f"{parameter.sd:g}" in told[name][1]
        assert told[name][1].endswith(parameter.unit)


def test_every_parameter_is_used_in_an_equation() -> None:
    before, _, _ = text("docs/method.md").partition("## 9. Parameters")
    assert [name for name in load_parameters().parameters if f"`{name}`" not in before] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_id_of_evidence_exists(path: Path) -> None:
    for each in re.findall(r"\b(?:[EN][0-9]{4}[a-z]|P[0-9]{2})\b", path.read_text(encoding="utf-8")):
        assert each in estimates() or each in priors(), f"{path.name} names {each}"


def test_the_estimands_are_the_milestones_at_their_ages_with_the_instruments_of_memphis() -> None:
    memphis = load_community("memphis")
    told = [row for row in rows(section("docs/estimands.md", "Milestones")) if len(row) == 5]
    assert [names_in(row[0])[0] for row in told] == list(MILESTONES)
    for row, name in zip(told, MILESTONES, strict=True):
        assert int(row[1]) == METRIC_AGES[name]
        assert row[2] == "cohort"
        assert row[3] == memphis.milestones[name].instrument
    assert {name for name in METRIC_AGES if name not in MILESTONES} == {
        "prek_attendance",
        "preliteracy_growth",
        "special_education",
    }


def test_every_group_that_is_reported_is_explained() -> None:
    place = settings()[0].place
    told = {name for row in rows(section("docs/estimands.md", "Groups")) for name in names_in(row[0])}
    assert set(group_names(place)) - set(place.group_names) - set(place.area_names) == told


# --- decisions ---


def test_decisions_are_numbered_short_and_of_one_form() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        lines = page.read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith(f"# {page.name[:4]} ")
        assert [line for line in lines if line.startswith("## ")] == ["## Context", "## Decision", "## Consequences"]
        assert 15 <= len(lines) <= 30, page.name
