"""Views of tables for a terminal: which columns are shown, and what gives way where the window is narrow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table as Grid
from rich.text import Text

from cradlecast.ui.rows import Row

NARROWEST_SENTENCE: Final = 24
"""Letters across that a column of sentences may be squeezed to."""

_WIDEST: Final = 10_000


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
    narrow: Callable[[Row], str] | None = None
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
            console.print(fitted(view, console))


def print_notes(notes: Sequence[tuple[str, str]], console: Console) -> None:
    """Print sentences, each behind its mark, with their lines aligned."""
    grid = Grid.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for mark, sentence in notes:
        grid.add_row(Text(mark), Text(sentence))
    console.print(grid)


def fitted(view: View, console: Console) -> Grid:
    """A view as wide as the window allows: columns give way one by one until the rest stands unbroken."""
    while not _fits(view, console):
        column = max(view.columns, key=lambda column: column.gives_way)
        if column.gives_way == 0:
            return _grid(view, whole=False)
        view = replace(view, columns=tuple(_without(view.columns, column)))
    return _grid(view, whole=True)


def _without(columns: Sequence[Column], column: Column) -> Iterator[Column]:
    """The columns after one has given way."""
    for each in columns:
        if each is not column:
            yield each
        elif column.narrow is not None:
            yield replace(column, cell=column.narrow, narrow=None, gives_way=0)


def _fits(view: View, console: Console) -> bool:
    """Whether the window holds a view with every cell on one line, save for sentences."""
    grid = _grid(view, whole=True)
    for column, shape in zip(view.columns, grid.columns, strict=True):
        shape.width = NARROWEST_SENTENCE if column.wraps else None
    wide = console.options.update(max_width=_WIDEST)
    return Measurement.get(console, wide, grid).maximum <= console.width


def _grid(view: View, whole: bool) -> Grid:
    """A view as a grid; whole if only sentences may be broken into lines."""
    grid = Grid(box=box.SIMPLE, pad_edge=False, show_edge=False, collapse_padding=view.close, header_style="none")
    for column in view.columns:
        grid.add_column(
            Text(column.title),
            justify="right" if column.right else "left",
            vertical="top",
            overflow="fold",
            no_wrap=whole and not column.wraps,
        )
    for section in view.sections:
        if section.title:
            grid.add_row(Text(section.title, style="bold"))
        for row in section.rows:
            texts = [column.cell(row) for column in view.columns]
            if section.title:
                texts[0] = f"  {texts[0]}"
            grid.add_row(*(Text(text) for text in texts))
    return grid
