"""Editors get a schema of every kind of file: strict, described, and current."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.json_schema import FOLDER, json_schema, write_schemas
from cradlecast.scenarios.library import SCHEMAS


def records(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schema of the file and of every record within it."""
    yield schema
    yield from (part for part in schema.get("$defs", {}).values() if "properties" in part)


@pytest.mark.parametrize("kind", SCHEMAS)
def test_a_schema_names_its_kind_and_version_and_no_host(kind: str) -> None:
    schema = json_schema(kind)
    assert schema["$id"] == f"cradlecast/{kind}/1"
    assert schema["properties"]["schema"]["const"] == f"cradlecast/{kind}/1"
    assert {"schema", "name"} <= set(schema["required"])
    assert "schema_" not in schema["properties"]


@pytest.mark.parametrize("kind", SCHEMAS)
def test_every_record_refuses_keys_that_it_does_not_know(kind: str) -> None:
    found = list(records(json_schema(kind)))
    assert len(found) > 1
    assert [record["title"] for record in found if record.get("additionalProperties") is not False] == []


@pytest.mark.parametrize("kind", SCHEMAS)
def test_every_record_is_described_and_so_are_the_figures(kind: str) -> None:
    schema = json_schema(kind)
    assert [record["title"] for record in records(schema) if not record.get("description")] == []
    keys = [key for record in records(schema) for key in record["properties"].values()]
    assert sum("description" in key for key in keys) > 5


@pytest.mark.parametrize("kind", SCHEMAS)
def test_the_committed_schema_is_current(kind: str) -> None:
    committed = json.loads((FOLDER / f"{kind}.json").read_text(encoding="utf-8"))
    assert committed == json_schema(kind), "run: python -m cradlecast.scenarios.json_schema"


def test_no_schema_is_committed_that_is_not_written() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(SCHEMAS)


def test_schemas_are_written_alike_each_time(tmp_path: Path) -> None:
    paths = write_schemas(tmp_path / "new")
    first = [path.read_bytes() for path in paths]
    assert [path.name for path in paths] == [f"{kind}.json" for kind in SCHEMAS]
    assert all(text.endswith(b"}\n") and b"\r" not in text for text in first)
    assert [path.read_bytes() for path in write_schemas(tmp_path / "new")] == first


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(InputError, match=r"^unknown kind of file 'deals'; did you mean 'deal'\?$"):
        json_schema("deals")


def test_a_shipped_file_points_its_editor_to_its_schema() -> None:
    """A first line for editors is optional; where there is one, it must lead to the right schema."""
    folders = {"communities": "community", "programs": "program", "library": "scenario", "deals": "deal"}
    for folder, kind in folders.items():
        for path in (FOLDER.parent / folder).glob("*.yaml"):
            first = path.read_text(encoding="utf-8").splitlines()[0]
            if first.startswith("# yaml-language-server:"):
                assert first == f"# yaml-language-server: $schema=../schemas/{kind}.json"
