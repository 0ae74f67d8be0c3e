"""Shipped files answer to their names, a person's own files to their paths, and nothing else to anything."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import Field

from cradlecast.scenarios import library
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.fields import Name, Record, Share
from cradlecast.scenarios.library import (
    FOLDERS,
    SCHEMAS,
    Kind,
    load_community,
    load_deal,
    load_program,
    load_scenario,
    names,
)

ROOT = Path(__file__).resolve().parent.parent
KINDS: tuple[Kind, ...] = ("community", "program", "scenario", "deal")
LOAD = {"community": load_community, "program": load_program, "scenario": load_scenario, "deal": load_deal}


class Plan(Record):
    """Stands in for a scenario, so that these tests do not hang on what a scenario holds."""

    schema_: str = Field(alias="schema")
    name: Name
    take_up: Share = 0.5
    community: str = "memphis"
    services: tuple[str, ...] = ()
    pool: None = None


PLAN = "schema: cradlecast/scenario/1\nname: {}\n"


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of shipped scenarios that holds two plans, and beside it one community."""
    folder = tmp_path / "shipped" / "library"
    folder.mkdir(parents=True)
    for name in ("memphis-prek-1000-lapse", "memphis-prek-1000-continue"):
        (folder / f"{name}.yaml").write_text(PLAN.format(name))
    (folder / "notes.txt").write_text("no scenario")
    (folder.parent / "communities").mkdir()
    (folder.parent / "communities" / "memphis.yaml").write_text("")
    monkeypatch.setattr(library, "_folder", lambda kind: folder.parent / FOLDERS[kind])
    monkeypatch.setattr(library, "SCHEMAS", {**SCHEMAS, "scenario": Plan})
    monkeypatch.setattr(library, "Scenario", Plan)
    library._shipped.cache_clear()
    yield folder
    library._shipped.cache_clear()


def refusal(name_or_path: str | Path) -> str:
    """The sentence with which a scenario is refused."""
    with pytest.raises(InputError) as caught:
        load_scenario(name_or_path)
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_shipped_files_are_listed_by_name(shelf: Path) -> None:
    assert names("scenario") == ("memphis-prek-1000-continue", "memphis-prek-1000-lapse")
    assert names("community") == ("memphis",)
    assert names("deal") == ()


def test_a_shipped_file_is_read_once(shelf: Path) -> None:
    first = load_scenario("memphis-prek-1000-lapse")
    assert first.name == "memphis-prek-1000-lapse"
    assert load_scenario("memphis-prek-1000-lapse") is first


def test_an_unknown_name_is_refused_with_the_nearest_one(shelf: Path) -> None:
    assert refusal("memphis-prek-1000-laps") == (
        "unknown scenario 'memphis-prek-1000-laps'; did you mean 'memphis-prek-1000-lapse'?"
    )
    assert refusal("x") == (
        "unknown scenario 'x'; there are memphis-prek-1000-continue, memphis-prek-1000-lapse "
        "(a file of your own is named by its path)"
    )
    assert len(refusal("x\n" * 1_000_000)) < 300
    with pytest.raises(InputError, match="unknown deal 'x'; no deal is shipped"):
        load_deal("x")


def test_the_name_of_another_kind_is_told_as_such(shelf: Path) -> None:
    assert refusal("memphis") == "unknown scenario 'memphis'; that is the name of a community"


def test_a_file_of_ones_own_is_named_by_its_path(shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for path in (Path("mine.yaml"), Path("mine.yml"), Path("deep") / "mine"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(PLAN.format("another-name"))
        assert load_scenario(str(path)).name == "another-name"
        assert load_scenario(path).name == "another-name"
    assert refusal("mien.yaml") == "there is no file mien.yaml; did you mean 'mine.yaml'?"
    (tmp_path / "bare").write_text(PLAN.format("bare"))
    assert refusal("bare").startswith("unknown scenario 'bare'")  # a bare word is a name, never a file


def test_a_file_of_ones_own_is_read_anew_each_time(shelf: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(PLAN.format("one"))
    assert load_scenario(path).name == "one"
    path.write_text(PLAN.format("two"))
    assert load_scenario(path).name == "two"


def test_a_name_cannot_leave_its_folder(shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (shelf.parent / "secret.yaml").write_text(PLAN.format("secret"))
    assert (shelf / ".." / "secret.yaml").is_file()
    for name in ("../secret", "..\\secret", "library/../../secret", "./memphis-prek-1000-lapse"):
        assert refusal(name).startswith("there is no file ")
    for name in ("..", ".", "", "secret", "*", "memphis-prek-1000-lapse\0", "~", "C:secret"):
        assert refusal(name).startswith("unknown scenario ")


def test_the_name_inside_a_shipped_file_is_the_name_of_the_file(shelf: Path) -> None:
    (shelf / "renamed.yaml").write_text(PLAN.format("original"))
    assert refusal("renamed") == "renamed.yaml: name must be that of the file, 'renamed'; got 'original'"


def test_what_is_wrong_in_a_file_is_said_with_its_name(shelf: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    for text, sentence in (
        ("a: *b", "mine.yaml: line 1: aliases are not allowed; write the value out; got '*b'"),
        ("name: mine", "mine.yaml: the key 'schema' is missing; write schema: cradlecast/scenario/1"),
        (PLAN.format("mine") + "take_upp: 1", "mine.yaml: unknown key 'take_upp'; did you mean 'take_up'?"),
        (
            PLAN.format("mine") + "take_up: 94",
            "mine.yaml: take_up must be at most 1; got 94 (shares are decimals from 0 to 1; 94 % is 0.94)",
        ),
    ):
        path.write_text(text)
        assert refusal(path) == sentence


def test_memphis_is_shipped() -> None:
    assert "memphis" in names("community")
    assert {f"memphis-prek-1000-{way}" for way in ("lapse", "continue", "displace")} <= set(names("scenario"))
    assert "memphis-illustrative" in names("deal")
    assert names("program")


@pytest.mark.parametrize("kind", KINDS)
def test_every_shipped_file_loads_under_its_name(kind: Kind) -> None:
    for name in names(kind):
        declaration = LOAD[kind](name)
        assert type(declaration) is SCHEMAS[kind]
        assert declaration.name == name


def test_loading_brings_in_nothing_heavy() -> None:
    program = """
import sys
from cradlecast.scenarios import evidence, library
for kind in library.SCHEMAS:
    for name in library.names(kind):
        library._shipped(kind, name)
evidence.check_inputs(["P01"])
print(*sorted({name.split(".")[0] for name in sys.modules}))
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    seen = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    loaded = set(seen.stdout.split())
    assert {"cradlecast", "pydantic", "yaml"} <= loaded
    assert loaded.isdisjoint({"mesa", "numba", "numpy", "scipy", "pandas", "panel", "holoviews", "bokeh"})


def test_a_scenario_of_ones_own_may_stand_on_a_community_of_ones_own(tmp_path: Path) -> None:
    """A path in a scenario leads from the scenario's own folder."""
    shipped = Path(__file__).parents[1] / "scenarios"
    (tmp_path / "places").mkdir()
    place = (shipped / "communities" / "memphis.yaml").read_text().replace("name: memphis", "name: elsewhere", 1)
    (tmp_path / "places" / "elsewhere.yaml").write_text(place)
    mine = (shipped / "library" / "memphis-prek-1000-lapse.yaml").read_text()
    mine = mine.replace("community: memphis", "community: places/elsewhere.yaml")
    (tmp_path / "mine.yaml").write_text(mine)
    scenario = load_scenario(tmp_path / "mine.yaml")
    assert load_community(scenario.community).name == "elsewhere"
