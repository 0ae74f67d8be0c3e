"""JSON, CSV and folders carry a result whole, in forms that other programs and spreadsheets can trust."""

import csv
import datetime
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cradlecast.scenarios.errors import InputError
from cradlecast.ui.exports import FORMULA_SIGNS, check_folder, csv_text, json_text, write_folder
from cradlecast.ui.rows import Table, listing, plain, table_of, tables_of
from tests.result_examples import LAPSE, deal_tables, record, study_tables


def frame() -> pd.DataFrame:
    """One of everything that a study's table can hold."""
    return pd.DataFrame(
        {
            "name": ["a", "b"],
            "children": np.array([1, 2], dtype=np.int64),
            "rate": [0.5, np.nan],
            "return": [np.inf, -0.25],
            "date": pd.to_datetime(["2020-06-30", None]),
            "ok": [True, False],
            "kind": pd.Categorical(["x", "y"]),
            "sd": [None, np.float64(0.125)],
            "small": np.array([0.5, 0.25], dtype=np.float32),
        }
    )


def parsed(text: str) -> list[list[str]]:
    """What a program reads from CSV."""
    return list(csv.reader(io.StringIO(text, newline="")))


def one_cell(cell: Any) -> str:
    """What a cell becomes in CSV, read back."""
    return parsed(csv_text(listing("t", [{"first": 0, "cell": cell}])))[1][1]


# --- rows ---


def test_every_value_of_a_frame_becomes_a_plain_one() -> None:
    first, second = table_of("t", frame()).rows
    assert first == {
        "name": "a",
        "children": 1,
        "rate": 0.5,
        "return": None,
        "date": "2020-06-30",
        "ok": True,
        "kind": "x",
        "sd": None,
        "small": 0.5,
    }
    assert (second["rate"], second["date"], second["ok"], second["sd"]) == (None, None, False, 0.125)
    assert {type(value) for value in first.values()} == {str, int, float, bool, type(None)}


def test_a_record_is_made_plain_to_its_depth() -> None:
    given = {
        "seed": np.uint32(7),
        "draws": (1, 2),
        "levers": {"take_up": float("nan"), "seats": np.float64(5.0)},
        "day": datetime.date(2019, 8, 1),
        "at": datetime.datetime(2019, 8, 1, 12, 30),
        "when": np.datetime64("2020-06-30"),
        "path": Path("a"),
        "array": np.array([1, 2]),
        "missing": pd.NA,
        2015: {"x"},
    }
    assert plain(given) == {
        "seed": 7,
        "draws": [1, 2],
        "levers": {"take_up": None, "seats": 5.0},
        "day": "2019-08-01",
        "at": "2019-08-01T12:30:00",
        "when": "2020-06-30",
        "path": "a",
        "array": [1, 2],
        "missing": None,
        "2015": ["x"],
    }


def test_a_frame_without_rows_keeps_its_columns() -> None:
    table = table_of("t", frame().iloc[:0])
    assert (table.rows, table.columns[:2]) == ((), ("name", "children"))
    assert csv_text(table) == ",".join(table.columns) + "\n"
    assert table_of("t", pd.DataFrame()) == Table("t", (), ())


# --- JSON ---


def test_json_is_one_object_of_the_record_and_an_array_of_rows_a_table() -> None:
    tables = tables_of(study_tables(LAPSE))
    answer = json.loads(json_text(record(LAPSE), tables))
    assert list(answer) == ["record", "milestones", "gaps", "care", "displaced", "paths", "seats"]
    assert answer["record"]["seed"] == 1
    assert len(answer["milestones"]) == len(tables[0].rows) == 12
    assert list(answer["milestones"][0]) == list(tables[0].columns)
    assert answer["milestones"][0]["impact_sd_parameters"] is None
    assert answer["milestones"][0]["n_community"] == 39_900


def test_json_has_no_nan_no_infinity_and_dates_as_text() -> None:
    text = json_text({"share": float("nan"), "most": float("-inf")}, [table_of("t", frame())])
    assert "NaN" not in text and "Infinity" not in text
    answer = json.loads(text, parse_constant=pytest.fail)
    assert answer["record"] == {"share": None, "most": None}
    assert answer["t"][0]["date"] == "2020-06-30"


def test_json_gives_every_row_a_line_of_its_own() -> None:
    lines = json_text({}, [table_of("t", frame())]).splitlines()
    assert sum(line.startswith('  {"name"') for line in lines) == 2
    assert json.loads(json_text({}, [])) == {"record": {}}
    assert json.loads(json_text({}, [Table("t", ("a",), ())])) == {"record": {}, "t": []}


# --- CSV ---


def test_csv_has_the_columns_of_the_frame_and_numbers_that_read_back_exactly() -> None:
    given = study_tables(LAPSE)["milestones"]
    names, *lines = parsed(csv_text(table_of("milestones", given)))
    assert names == list(given.columns)
    assert len(lines) == len(given)
    for column in ("n", "rate", "rate_low", "impact", "impact_high"):
        assert [float(line[names.index(column)]) for line in lines] == given[column].tolist()
    assert [line[names.index("milestone")] for line in lines] == given["milestone"].tolist()


def test_csv_leaves_absent_cells_empty_and_writes_dates_and_truth_in_words() -> None:
    lines = parsed(csv_text(table_of("t", frame())))
    assert lines[1] == ["a", "1", "0.5", "", "2020-06-30", "true", "x", "", "0.5"]
    assert lines[2] == ["b", "2", "", "-0.25", "", "false", "y", "0.125", "0.25"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\r=1", '=HYPERLINK("x","y")', "-"])
def test_no_text_is_taken_for_a_formula(text: str) -> None:
    assert one_cell(text) == f"'{text}"


@pytest.mark.parametrize("number", [-1, -0.25, 1e-7, 2.5e12, 0.1 + 0.2])
def test_numbers_are_never_touched(number: float) -> None:
    assert float(one_cell(number)) == number


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=4))
def test_any_text_reads_back_but_for_the_apostrophe(texts: list[str]) -> None:
    row = {f"column{at}": text for at, text in enumerate(texts)}
    [_, cells] = parsed(csv_text(listing("t", [row])))
    for cell, text in zip(cells, texts, strict=True):
        assert not cell.startswith(FORMULA_SIGNS)
        assert cell in (text, f"'{text}")


def test_a_column_name_cannot_be_a_formula_either() -> None:
    assert csv_text(Table("t", ("=1", "b"), ())) == "'=1,b\n"


# --- folders ---


def test_a_folder_gets_every_table_and_the_record_last(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "results"
    tables = tables_of(deal_tables())
    files = write_folder(folder, record(LAPSE), tables)
    assert [path.name for path in files][-1] == "record.json"
    assert {path.name for path in folder.iterdir()} == {path.name for path in files}
    assert {path.stem for path in files} == {*deal_tables(), "record"}
    assert json.loads((folder / "record.json").read_text(encoding="utf-8"))["scenarios"] == [LAPSE]
    assert (folder / "payments.csv").read_text(encoding="utf-8") == csv_text(tables[0])


def test_other_files_of_the_folder_are_left_alone_and_old_tables_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "milestones.csv").write_text("old")
    write_folder(tmp_path, {}, tables_of(study_tables(LAPSE)))
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert (tmp_path / "milestones.csv").read_text().startswith("scenario,")
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".part"]


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("mine")
    for folder in (tmp_path / "results", tmp_path / "results" / "deeper"):
        with pytest.raises(InputError, match=r"--out must be a folder; .*results is a file"):
            check_folder(folder)
        with pytest.raises(InputError, match="is a file"):
            write_folder(folder, {}, [])
    assert (tmp_path / "results").read_text() == "mine"


def test_a_folder_that_may_not_be_written_to_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(InputError, match=r"cannot write to the folder .*results: no permission for "):
        check_folder(tmp_path / "results")
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_no_system_takes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot write to the folder .*: "):
        check_folder(tmp_path / ("x" * 5000))


def test_a_full_disk_leaves_no_part_of_a_table_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "milestones.csv").write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left on device"):
        write_folder(tmp_path, {}, tables_of(study_tables(LAPSE)))
    assert [path.name for path in tmp_path.iterdir()] == ["milestones.csv"]
    assert (tmp_path / "milestones.csv").read_text() == "old"


def test_an_interruption_leaves_no_part_of_a_table_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_folder(tmp_path, {}, tables_of(study_tables(LAPSE)))
    assert list(tmp_path.iterdir()) == []
