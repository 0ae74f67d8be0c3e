"""What a process of the pool does for a page: a study, a deal, a part of a surface; it says how far it is, and stops.

Whoever starts the pool hands every process the same board: a place for each job, with parts done, parts in all, and
whether to stop. The heavy imports are here, inside the functions, so that the page itself starts without them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import parent_process
from typing import TYPE_CHECKING, Any, Final

from cradlecast.scenarios.deal import Deal
from cradlecast.scenarios.options import Options
from cradlecast.scenarios.scenario import Scenario
from cradlecast.ui.keep import Found, keep_found, path_of, plainly

if TYPE_CHECKING:
    import pandas as pd

NICENESS: Final = 10
"""How far a process of the pool stands back behind the page, which answers while it works."""


class StoppedError(Exception):
    """Nobody waits for the job any more."""


@dataclass(frozen=True)
class Board:
    """Shared numbers, a place a job: parts done, parts in all, and 1 where the job is to stop."""

    done: Any
    total: Any
    stop: Any


_board: Board | None = None


def begin(board: Board) -> None:
    """Make a process ready: remember the board, stand back, and end when the page's process has ended."""
    global _board
    _board = board
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def warm() -> None:
    """Import what every job needs, and load the kernels."""
    import cradlecast.additional
    import cradlecast.preview  # noqa: F401
    from cradlecast.model import compiled, kernels

    compiled.compile_all(kernels)


def run_study(place: int, scenario: Scenario, options: Options) -> Found:
    """A study of one scenario and its costs: the numbers of ``cradlecast run``.

    Raises
    ------
    StoppedError
        If the board says so.
    """
    from cradlecast.additional import cost_per_additional
    from cradlecast.study import run

    tell = _teller(place)
    tell(0, options.draws)
    result = run(scenario, options, tell, workers=1)
    found = plainly(result.record, result.tables | {"costs": cost_per_additional(result)})
    keep_found(path_of("study", scenario, None, options), found)
    return found


def run_deal(place: int, deal: Deal, scenario: Scenario, options: Options) -> Found:
    """A deal priced on a scenario: the numbers of ``cradlecast deal``.

    Raises
    ------
    InputError
        If the deal does not fit the scenario.
    StoppedError
        If the board says so.
    """
    from cradlecast.pricing import price

    tell = _teller(place)
    tell(0, options.draws)
    result = price(deal, scenario, options, tell, workers=1)
    found = plainly(result.record, result.tables)
    keep_found(path_of("deal", scenario, deal, options), found)
    return found


def run_preview(
    place: int, scenario: Scenario, deal: Deal, options: Options, settings: Sequence[Mapping[str, float]]
) -> list[dict[str, pd.DataFrame]]:
    """A part of a surface: tables at some settings of the levers.

    Raises
    ------
    StoppedError
        If the board says so before it begins.
    """
    from cradlecast.preview import measure

    _teller(place)(0, 1)
    found = measure(scenario, deal, options, settings)
    _teller(place)(1, 1)
    return found


def _teller(place: int) -> Callable[[int, int], None]:
    """What a job calls after each of its parts."""

    def tell(done: int, total: int) -> None:
        if _board is None:
            return
        _board.done[place], _board.total[place] = done, total
        if _board.stop[place]:
            raise StoppedError

    return tell


def _end_with_parent() -> None:
    """Wait for the page's process to end, then end: a process without it would wait for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(0)
