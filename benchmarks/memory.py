"""Bytes a child: how much more a process holds at its peak while children live, by engine."""

from __future__ import annotations

from benchmarks.engines import process
from benchmarks.report import Floor, Report, Row, Section

LIMIT = 150.0
SIZES = {
    "the reference work, strict kernel": ("reference", 1_000_000),
    "the reference work, plain Mesa": ("mesa", 10_000),
    "the real model, children as born": ("born", 400_000),
    "the real model, one arm of the array engine": ("arm", 400_000),
    "the real model, one arm of the object engine": ("objects", 4_000),
}


def measure(scale: float = 1.0) -> Report:
    """Let each engine live some children in a process of its own; ``scale`` makes them fewer."""
    rows: list[Row] = []
    figures: dict[str, object] = {}
    floors: list[Floor] = []
    for what, (name, size) in SIZES.items():
        n = max(1_000, int(size * scale) // 20 * 20)
        peak = process(["memory", name, str(n)], {})["peak_bytes"]
        if peak is None:
            continue
        each = peak / n
        rows.append((what, f"{n:,}", f"{each:,.0f}"))
        figures[what] = {"children": n, "bytes": peak, "bytes a child": each}
        if name in ("reference", "arm"):
            met = each <= LIMIT if scale >= 1.0 else None
            floors.append(Floor(what, f"{each:,.0f} bytes a child", f"at most {LIMIT:g}", met))
    notes = ["Peak over what the process held before; children's fixed attributes and scratch are in it."]
    if not rows:
        notes = ["This system does not say how much memory a process has held."]
    section = Section("Memory", [("engine", "children", "bytes a child"), *rows])
    return Report("memory", [section], floors, notes, figures)
