"""What a benchmark found, as tables for a terminal, Markdown and JSON; and how things are timed beside each other."""

from __future__ import annotations

import gc
import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.machine import describe

Row = tuple[str, ...]


class EnginesDisagree(Exception):
    """Two engines gave different children: no timing means anything."""


@dataclass(frozen=True)
class Floor:
    """A promise: what was measured, the limit, and whether it holds (None: stated for another size)."""

    what: str
    measured: str
    limit: str
    met: bool | None


@dataclass(frozen=True)
class Section:
    """A table, its first row the head, with a sentence above it."""

    title: str
    rows: Sequence[Row]


@dataclass(frozen=True)
class Report:
    """One run of one benchmark: ``figures`` are plain data, with every round's seconds."""

    name: str
    sections: Sequence[Section]
    floors: Sequence[Floor] = ()
    notes: Sequence[str] = ()
    figures: Mapping[str, object] = field(default_factory=dict)
    machine: Mapping[str, str] = field(default_factory=describe)

    def tables(self) -> list[Section]:
        """All tables, the floors last."""
        words = {True: "yes", False: "NO", None: "stated for another size"}
        promised = [(floor.what, floor.measured, floor.limit, words[floor.met]) for floor in self.floors]
        floors = [Section("Floors", [("floor", "measured", "limit", "met"), *promised])] if promised else []
        return [*self.sections, *floors]

    def as_text(self) -> str:
        """For a terminal."""
        lines = [f"{self.name}: measured on this machine now; another, or this one when busy, gives other figures."]
        lines += [f"  {name:<10} {value}" for name, value in self.machine.items()]
        for section in self.tables():
            lines += ["", f"{section.title}:", *aligned(section.rows)]
        return "\n".join([*lines, *(["", *self.notes] if self.notes else [])])

    def as_markdown(self) -> str:
        """For a page."""
        lines = [f"# {self.name}", ""]
        lines += [f"- {name}: {value}" for name, value in self.machine.items()]
        for section in self.tables():
            head, *rest = section.rows
            rows = [head, tuple("---" for _ in head), *rest]
            lines += ["", f"## {section.title}", "", *(f"| {' | '.join(row)} |" for row in rows)]
        return "\n".join([*lines, *(f"\n{note}" for note in self.notes), ""])

    def as_json(self) -> dict[str, object]:
        """As plain data."""
        tables = {section.title: [list(row) for row in section.rows] for section in self.sections}
        return {
            "name": self.name,
            "measured": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": dict(self.machine),
            "tables": tables,
            "floors": [asdict(floor) for floor in self.floors],
            "notes": list(self.notes),
            "figures": dict(self.figures),
        }


def store(folder: Path, name: str, figures: object, markdown: str) -> None:
    """Write a benchmark's figures and its page into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    (folder / f"{name}.md").write_text(markdown, encoding="utf-8")


def clock(run: Callable[[], object]) -> float:
    """Seconds of one call, with the leavings of the one before swept up first."""
    gc.collect()
    before = time.perf_counter()
    run()
    return time.perf_counter() - before


def interleaved(
    runs: Mapping[str, Callable[[], Callable[[], object]]], repeats: int, warm: bool = True
) -> dict[str, list[float]]:
    """Time several things once a round, round after round, so that what else goes on falls on all of them.

    Each entry makes what it needs and returns what is timed; with ``warm`` a round goes before that is not timed.
    """
    if warm:
        for make in runs.values():
            make()()
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, make in runs.items():
            seconds[name].append(clock(make()))
    return seconds


def ready(runs: Mapping[str, Callable[[], object]]) -> dict[str, Callable[[], Callable[[], object]]]:
    """Entries for ``interleaved`` of things that need nothing made beforehand."""

    def given(run: Callable[[], object]) -> Callable[[], Callable[[], object]]:
        return lambda: run

    return {name: given(run) for name, run in runs.items()}


def ratios(slow: Sequence[float], fast: Sequence[float], scale: float = 1.0) -> list[float]:
    """How many times faster the second is, round by round; ``scale`` is its work over the first's."""
    return [scale * mine / other for mine, other in zip(slow, fast, strict=True)]


def spread(values: Sequence[float], form: str = ",.2f") -> Row:
    """Median, and least to most, as two cells."""
    return f"{statistics.median(values):{form}}", f"{min(values):{form}} - {max(values):{form}}"


def at_least(what: str, values: Sequence[float], limit: float, unit: str = "x", case: bool = True) -> Floor:
    """A floor on the median of some ratios; ``case`` False where it is stated for another size."""
    median = statistics.median(values)
    return Floor(what, f"{median:,.2f}{unit}", f"at least {limit:g}{unit}", median >= limit if case else None)


def at_most(what: str, value: float, limit: float, unit: str, case: bool = True) -> Floor:
    """A limit on a number."""
    return Floor(what, f"{value:,.2f} {unit}", f"at most {limit:g} {unit}", value <= limit if case else None)


def aligned(rows: Sequence[Row]) -> list[str]:
    """Lines of a table, its first row above a rule, columns as wide as they need to be."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]
