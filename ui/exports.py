"""What a result looks like outside: JSON, CSV, and a folder of files; all with the same column names."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.wording import one_line
from cradlecast.ui.rows import Cell, Table, plain

FORMULA_SIGNS: Final = ("=", "+", "-", "@", "\t", "\r")
"""How a text begins that a spreadsheet would take for a formula."""

RECORD_FILE: Final = "record.json"

_QUOTED: Final = set(',"\r\n')


def json_text(record: Mapping[str, Any], tables: Iterable[Table]) -> str:
    """One JSON object: what was asked under ``record``, and each table under its name as an array of rows.

    Shares are from 0 to 1, money is a number, dates are text such as 2026-08-01, and what is absent is null. Every
    row has a line of its own.
    """
    parts = [f"{_json('record')}: {_json(plain(record))}"]
    for table in tables:
        rows = ",\n".join(f"  {_json(row)}" for row in table.rows)
        parts.append(f"{_json(table.name)}: [\n{rows}\n ]" if rows else f"{_json(table.name)}: []")
    return "{\n " + ",\n ".join(parts) + "\n}\n"


def csv_text(table: Table) -> str:
    """A table as comma-separated values: a line of column names, then a line a row.

    A text that a spreadsheet would take for a formula is given a leading apostrophe; numbers are written as they are,
    and what is absent is empty.
    """
    lines = [table.columns, *([row[column] for column in table.columns] for row in table.rows)]
    return "".join(",".join(map(_csv_cell, line)) + "\n" for line in lines)


def as_bytes(text: str) -> bytes:
    """Text in UTF-8, whatever it holds."""
    return text.encode("utf-8", errors="backslashreplace")


def check_folder(folder: Path) -> None:
    """Refuse a folder that cannot be written to; nothing is made yet, so that a long run is refused before it starts.

    Raises
    ------
    InputError
        If a file stands where the folder or one above it should be, or this user may not write there.
    """
    try:
        nearest = next((path for path in (folder, *folder.absolute().parents) if path.exists()), folder)
        usable, writable = nearest.is_dir(), os.access(nearest, os.W_OK | os.X_OK)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot write to the folder {_name(folder)}: {_reason(error)}") from None
    if not usable:
        raise InputError(f"--out must be a folder; {_name(nearest)} is a file")
    if not writable:
        raise InputError(f"cannot write to the folder {_name(folder)}: no permission for {_name(nearest)}")


def write_folder(folder: Path, record: Mapping[str, Any], tables: Iterable[Table]) -> tuple[Path, ...]:
    """Write every table as CSV, and then the record, into a folder; its other files are left alone.

    Each file is written whole under a temporary name and then renamed, the record last: a folder with a new record
    has all of its tables.

    Parameters
    ----------
    folder
        It is made where it does not exist.
    record, tables
        What was asked, and what was found.

    Returns
    -------
    tuple of Path
        The files, in the order of writing.

    Raises
    ------
    InputError
        If they cannot be written.
    """
    check_folder(folder)
    files = {f"{table.name}.csv": csv_text(table) for table in tables}
    files[RECORD_FILE] = json.dumps(plain(record), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            _write(folder / name, as_bytes(text))
    except OSError as error:
        raise InputError(f"cannot write to the folder {_name(folder)}: {_reason(error)}") from None
    return tuple(folder / name for name in files)


def write_file(path: Path, content: bytes) -> None:
    """Write one file whole, or not at all; its folder is made where it does not exist.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, content)
    except OSError as error:
        raise InputError(f"cannot write {_name(path)}: {_reason(error)}") from None


def _write(path: Path, content: bytes) -> None:
    """A file, whole or not at all."""
    part = path.with_name(f".{path.name}-{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _json(value: object) -> str:
    """A value in JSON, on one line."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _csv_cell(cell: Cell) -> str:
    """A cell as text that no spreadsheet takes for a formula."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if not isinstance(cell, str):
        return repr(cell)
    text = f"'{cell}" if cell.startswith(FORMULA_SIGNS) else cell
    return '"' + text.replace('"', '""') + '"' if set(text) & _QUOTED else text


def _name(path: Path) -> str:
    """A path as one line of a message."""
    return one_line(path)


def _reason(error: Exception) -> str:
    """Why the system refused, in its words."""
    return one_line(getattr(error, "strerror", None) or error)
