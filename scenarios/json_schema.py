"""JSON Schema of the data files, so that editors can complete and check them.

``python -m cradlecast.scenarios.json_schema`` writes the files in ``scenarios/schemas`` anew. An editor finds the
schema of a file by its first line: ``# yaml-language-server: $schema=../schemas/scenario.json``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from cradlecast.scenarios.errors import InputError, nearest
from cradlecast.scenarios.library import SCHEMAS
from cradlecast.scenarios.versions import header
from cradlecast.scenarios.wording import shown

FOLDER: Final = Path(__file__).resolve().parent / "schemas"
"""Where the committed schemas lie."""

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def json_schema(kind: str) -> dict[str, Any]:
    """The JSON Schema of a kind of file.

    Parameters
    ----------
    kind
        community, program, scenario, deal, costs, results, trial or service.

    Raises
    ------
    InputError
        For another kind.
    """
    if kind not in SCHEMAS:
        raise InputError(f"unknown kind of file {shown(kind)}{nearest(kind[:100], SCHEMAS)}")
    schema = SCHEMAS[kind].model_json_schema(by_alias=True)
    schema["properties"]["schema"] = {"const": header(kind), "description": "Kind of file and its version."}
    return {"$schema": _DIALECT, "$id": header(kind), **schema}


def write_schemas(folder: Path = FOLDER) -> tuple[Path, ...]:
    """Writes the schema of every kind, as ``<kind>.json``, and returns the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = tuple(folder / f"{kind}.json" for kind in SCHEMAS)
    for kind, path in zip(SCHEMAS, paths, strict=True):
        text = json.dumps(json_schema(kind), indent=2, ensure_ascii=False)
        path.write_text(f"{text}\n", encoding="utf-8", newline="\n")
    return paths


if __name__ == "__main__":
    for written in write_schemas():
        print(written.name)
