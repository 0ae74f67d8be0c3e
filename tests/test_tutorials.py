"""The notebooks run from top to bottom, and what they say is so."""

from __future__ import annotations

import contextlib
import io
import json
import multiprocessing
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cradlecast.model.child import FIELDS

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "docs" / "tutorials").glob("*.ipynb"))


@pytest.fixture(autouse=True)
def start_method() -> Iterator[None]:
    """Mesa's ``batch_run`` sets how processes start, for the whole program: set it back."""
    before = multiprocessing.get_start_method(allow_none=True)
    yield
    multiprocessing.set_start_method(before, force=True)


def cells(notebook: Path, kind: str) -> list[dict[str, Any]]:
    """A notebook's cells of one kind."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in content["cells"]}) == len(content["cells"])
    return [cell for cell in content["cells"] if cell["cell_type"] == kind]


def told(notebook: Path) -> tuple[list[str], dict[str, Any]]:
    """What each code cell prints, and the names that are left, all cells run in one namespace."""
    space: dict[str, Any] = {"__name__": "__main__"}
    printed = []
    for cell in cells(notebook, "code"):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile("".join(cell["source"]), cell["id"], "exec"), space)
        printed.append(out.getvalue())
    return printed, space


def test_there_is_a_notebook_for_mesas_users() -> None:
    assert [notebook.name for notebook in NOTEBOOKS] == ["mesa.ipynb"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_keeps_no_outputs_that_could_be_out_of_date(notebook: Path) -> None:
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells(notebook, "code"))


def test_the_mesa_notebook_runs_and_what_it_says_is_so() -> None:
    printed, space = told(ROOT / "docs" / "tutorials" / "mesa.ipynb")
    text = "".join(printed)
    assert all(printed), "every cell shows something"
    assert "<ChildSet of 2,000 children>" in printed[0]
    assert "['ChildCareCenter', 'HeadStartCenter', 'PreKSite', 'School']" in printed[0]
    assert f"time 10 - the school year that began in {2015 + 9}" in printed[1].replace("10.0", "10")
    assert all(name in printed[2] for name in FIELDS)
    assert "True False" in printed[3]
    assert "no field 'happiness'" in printed[3]
    assert "the same children: True" in printed[4]
    assert len(re.findall("ready for kindergarten", printed[4])) == 4
    assert printed[5].strip() == "[0.5, 0.5, 0.5]"
    assert "this set holds 3" in printed[6]
    assert space["model"].steps == 11
    assert space["in_prek"][1] > space["in_prek"][0], "the seats that were opened are taken"
    assert len(space["moved"]) >= space["in_prek"][1] - space["in_prek"][0]
    assert len(space["frame"]) == 9
    rows = space["rows"]
    assert len(rows) == 8
    by_run = {(row["draw"], row["seats"], row["arm"]): row["kindergarten_ready"] for row in rows}
    for draw in (1, 3):
        assert by_run[draw, 500, "baseline"] == by_run[draw, 1000, "baseline"], "the lever moves the scenario alone"
        assert by_run[draw, 500, "scenario"] != by_run[draw, 1000, "scenario"]
    assert "nan" not in text


def test_the_words_of_a_notebook_lead_to_names_that_exist() -> None:
    for notebook in NOTEBOOKS:
        words = "".join("".join(cell["source"]) for cell in cells(notebook, "markdown"))
        for name in re.findall(r"`((?:model|cradlecast)/[\w/]+\.py)`", words):
            assert (ROOT / name).is_file(), name
        assert "`model/object_engine.py`" in words
