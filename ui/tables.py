"""Views of tables for a terminal: which columns are shown, and what gives way where the window is narrow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from cradlecast.ui.rows import Row

NARROWEST_SENTENCE: Final = 24
"""Letters across that a column of sentences may be squeezed to."""


@dataclass(frozen=True)
class Column:
    """A column of a view.

    Attributes
    ----------
    title
        What stands above it.
    cell
        What stands in it for a row.
    right
        True for numbers.
    gives_way
        Where the window is too narrow, the column with the highest number goes first; 0 never goes.
    narrow
        What then takes its place, if anything does.
    wraps
        True for sentences, which may take several lines; all else stays whole while it can.
    """

    title: str
    cell: Callable[[Row], str]
    right: bool = True
    gives_way: int = 0
    narrow: Column | None = None
    wraps: bool = False


@dataclass(frozen=True)
class Section:
    """Rows that belong together, under a line of their own where they have a title."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class View:
    """A part of a table, or a summary of it, as a person reads it.

    Attributes
    ----------
    table
        The table that JSON, CSV and files carry in full.
    title, about
        What it shows, in words, and of what study.
    columns, sections
        What stands in it.
    close
        True if columns stand close together.
    """

    table: str
    title: str
    about: str
    columns: tuple[Column, ...]
    sections: tuple[Section, ...]
    close: bool = False


def one_section(rows: Sequence[Row]) -> tuple[Section, ...]:
    """Rows without a title."""
    return (Section("", tuple(rows)),) if rows else ()


def print_views(views: Sequence[View], console: Console) -> None:
    """Print views below each other, those without rows left out."""
    for view in views:
        if any(section.rows for section in view.sections):
            console.print()
            console.print(Text(view.title, style="bold"))
            if view.about:
                console.print(Text(view.about, style="dim"))
            for part in fitted(view, console.width):
                console.print(part)


def print_notes(notes: Sequence[tuple[str, str]], console: Console) -> None:
    """Print sentences, each behind its mark, with their lines aligned."""
    if not notes:
        return
    grid = Grid.grid(padding=(0, 1, 0, 0))
    for mark, sentence in notes:
        grid.add_row(Text(mark, no_wrap=True), Text(sentence, overflow="fold"))
    console.print(grid)


def fitted(view: View, width: int) -> list[Grid | Text]:
    """A view in a window of some width: its sections as grids of the same columns, each below its title.

    Columns stand closer, and then give way one by one, until each cell stands on one line; only where nothing more
    can give way are lines broken.
    """
    gaps = (2, 1) if view.close else (3, 2)
    while True:
        widths = _widths(view)
        for gap in gaps:
            left = width - sum(widths) - gap * (len(widths) - 1)
            if left >= 0:
                return _parts(view, _stretched(view, widths, left), gap)
        column = max(view.columns, key=lambda column: column.gives_way)
        if column.gives_way == 0:
            return _parts(view, _squeezed(widths, width - gap * (len(widths) - 1)), gap)
        view = replace(view, columns=tuple(_without(view.columns, column)))


def _without(columns: Sequence[Column], column: Column) -> Iterator[Column]:
    """The columns after one has given way."""
    for each in columns:
        if each is not column:
            yield each
        elif column.narrow is not None:
            yield column.narrow


def _cells(view: View, section: Section) -> list[list[str]]:
    """What stands in the rows of a section; rows under a title are set in."""
    rows = [[column.cell(row) for column in view.columns] for row in section.rows]
    indent = (" " if view.close else "  ") if section.title else ""
    return [[f"{indent}{first}", *rest] for first, *rest in rows]


def _widths(view: View) -> list[int]:
    """Letters across that each column needs; a sentence can be broken."""
    whole = [max(map(cell_len, column.title.split("\n"))) for column in view.columns]
    for section in view.sections:
        for cells in _cells(view, section):
            whole = [max(width, cell_len(cell)) for width, cell in zip(whole, cells, strict=True)]
    pairs = zip(whole, view.columns, strict=True)
    return [min(width, NARROWEST_SENTENCE) if column.wraps else width for width, column in pairs]


def _stretched(view: View, widths: list[int], left: int) -> list[int]:
    """The widths with what is left over given to the last column of sentences, as far as it can use it."""
    last = max((at for at, column in enumerate(view.columns) if column.wraps), default=None)
    if last is None:
        return widths
    longest = max(cell_len(cells[last]) for section in view.sections for cells in _cells(view, section))
    return [min(width + left, max(longest, width)) if at == last else width for at, width in enumerate(widths)]


def _squeezed(widths: list[int], most: int) -> list[int]:
    """The widths cut down, the widest first, to fit into so many letters."""
    cut = list(widths)
    while sum(cut) > max(most, len(cut)):
        cut[cut.index(max(cut))] -= 1
    return cut


def _parts(view: View, widths: Sequence[int], gap: int) -> list[Grid | Text]:
    """The sections of a view, the names of its columns above the first."""
    parts: list[Grid | Text] = [_grid(view, [], widths, gap)]
    for section in view.sections:
        if section.title:
            parts.append(Text(section.title, style="bold"))
        if section.rows:
            parts.append(_grid(view, _cells(view, section), widths, gap))
    return parts


def _grid(view: View, rows: Sequence[Sequence[str]], widths: Sequence[int], gap: int) -> Grid:
    """Rows in columns of these widths; the names of the columns and a line where there are none."""
    grid = Grid(
        box=None if rows else box.SIMPLE_HEAD,
        show_header=not rows,
        show_edge=False,
        pad_edge=False,
        padding=(0, gap if rows else gap - 1, 0, 0),
        header_style="none",
    )
    for column, width in zip(view.columns, widths, strict=True):
        grid.add_column(
            Text(column.title),
            justify="right" if column.right else "left",
            width=width,
            overflow="fold",
            vertical="top",
        )
    for cells in rows:
        grid.add_row(*(Text(cell) for cell in cells))
    return grid
