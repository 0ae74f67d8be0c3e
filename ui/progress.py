"""A bar with the time left, for long work on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


@contextmanager
def progress_bar(what: str, console: Console, quiet: bool = False) -> Iterator[Callable[[int, int], None] | None]:
    """Show how far a study is, on a terminal only, and take it away when it is done.

    Parameters
    ----------
    what
        What is going on, in words.
    console
        Where: standard error, so that standard output carries nothing but the result.
    quiet
        True to show nothing.

    Yields
    ------
    callable or None
        To be called with draws done and draws in all; None where nothing is shown.
    """
    if quiet or not console.is_terminal:
        yield None
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("draws,"),
        TimeElapsedColumn(),
        TextColumn("gone,"),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
