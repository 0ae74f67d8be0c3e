"""What pages found, kept on disk, so that a scenario that was run once is shown at once the next time.

A file is named after a hash of all that its numbers depend on, code and data of the package included, and so is never
stale. One that is missing or damaged, or cannot be written, only costs the time to run again.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

import cradlecast
from cradlecast.scenarios.deal import Deal
from cradlecast.scenarios.library import load_community
from cradlecast.scenarios.options import Options
from cradlecast.scenarios.scenario import Scenario
from cradlecast.ui.exports import json_text
from cradlecast.ui.rows import plain, tables_of
from cradlecast.ui.surface import Surface, read_surface, write_surface

MOST_FILES: Final = 200
"""Files that are kept; the oldest go first."""

_ENDINGS: Final = {".py", ".yaml", ".csv"}


@dataclass(frozen=True)
class Found:
    """What a study or a deal found, as JSON knows it: ``record`` says what was asked, ``tables`` hold the numbers."""

    record: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame]


def plainly(record: Mapping[str, object], tables: Mapping[str, pd.DataFrame]) -> Found:
    """What was found with dates as text and what is absent as nothing, as it would come back from a file."""
    return Found(
        plain(record),
        {
            table.name: pd.DataFrame([dict(row) for row in table.rows], columns=list(table.columns))
            for table in tables_of(tables)
        },
    )


def folder() -> Path:
    """Where it is kept: under CRADLECAST_CACHE, or the user's cache folder."""
    chosen = os.environ.get("CRADLECAST_CACHE")
    home = Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cradlecast"
    return home / "pages"


def path_of(kind: str, scenario: Scenario, deal: Deal | None, options: Options) -> Path:
    """The file of a study, a deal or a surface."""
    asked = {
        "ground": _ground(scenario.community),
        "scenario": scenario.model_dump(mode="json"),
        "deal": None if deal is None else deal.model_dump(mode="json"),
        "options": asdict(options),
    }
    name = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:32]
    return folder() / f"{kind}-{name}{'.npz' if kind == 'surface' else '.json'}"


def read_found(path: Path) -> Found | None:
    """What was found before, if it is still there and whole."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Found(content.pop("record"), {name: pd.DataFrame(rows) for name, rows in content.items()})
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None


def keep_found(path: Path, found: Found) -> None:
    """Keep what was found."""
    text = json_text(found.record, tables_of(found.tables))
    _write(path, lambda part: part.write_text(text, encoding="utf-8"))


def read_kept_surface(path: Path, scenario: Scenario) -> Surface | None:
    """A surface that was measured before, if it is still there and whole."""
    try:
        return read_surface(path, scenario)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def keep_surface(path: Path, surface: Surface) -> None:
    """Keep a surface."""
    _write(path, lambda part: write_surface(part, surface))


def _write(path: Path, write: Callable[[Path], object]) -> None:
    """A file, whole or not at all; beyond the most that are kept, the oldest are removed."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
        os.close(handle)
        write(Path(name))
        Path(name).replace(path)
        files = sorted(path.parent.iterdir(), key=lambda each: each.stat().st_mtime)
        for old in files[: max(len(files) - MOST_FILES, 0)]:
            old.unlink(missing_ok=True)
    except OSError:
        return


@functools.lru_cache(maxsize=16)
def _ground(community: str) -> str:
    """A hash of a community and of the code and data of this package."""
    root = Path(cradlecast.__file__).parent
    files = [path for part in ("", "model", "finance") for path in (root / part).glob("*.py")]
    files += [path for path in (root / "scenarios").resolve().rglob("*") if path.suffix in _ENDINGS]
    whole = hashlib.sha256(load_community(community).model_dump_json().encode())
    for path in sorted([*files, root / "ui" / "surface.py"]):
        whole.update(path.name.encode() + path.read_bytes())
    return whole.hexdigest()
