"""The draws of a study shared out over the cores: one after another, on threads, or in processes of their own.

Lives of few children spend most of their time under Python's lock, where threads gain nothing; processes do not share
it, and take two seconds to start. Which of the three is taken depends on the size of the work alone, and the numbers
are the same to the last bit whichever it is.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from cradlecast.model.interrupts import interrupts_wait
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.options import CHILD_YEARS_PER_SECOND, Options

if TYPE_CHECKING:
    from cradlecast.model.calibration import Calibration
    from cradlecast.model.calibration_cache import CalibrationCache

ONE_THREAD_BELOW: Final = 6_000
"""Children below which several threads were measured to be slower than one."""

THREADS_FROM: Final = 100_000
"""Children from which compiled loops take nearly all of the time, so that threads, which share memory, are enough."""

PROCESSES_FROM: Final = 6.0
"""Seconds of work on one core from which processes were measured to make up for their start."""

CALIBRATION_SECONDS: Final = 0.1
"""Time to solve one calibration on one core, measured."""

IDLE_SECONDS: Final = 30
"""Time after which processes without work end."""

HEARS_WITHIN: Final = 0.1
"""Seconds after which an interrupt is heard while there is nothing to do but wait for other processes."""

HEAD: Final = 16
"""Draws by which other processes are ahead of the one that asks, so that it has something to tell while they start."""

type Back[T] = tuple[T, list[dict[int, Calibration]]]
"""What comes back of a draw: what the function made of it, and calibrations that were solved elsewhere, by cache."""

type Progress = Callable[[int, int], None]
"""Called with draws done and draws in all."""

type Kind = Literal["serial", "threads", "processes"]


def kind_for(options: Options, lives: int, unsolved: int, workers: int) -> Kind:
    """How draws are shared out.

    Parameters
    ----------
    options
        Size of the study.
    lives
        Lives of its children in each draw.
    unsolved
        Calibrations that are still to be solved.
    workers
        Threads or processes that there may be.
    """
    if workers == 1 or options.draws == 1:
        return "serial"
    if options.children >= THREADS_FROM:
        return "threads"
    child_years = options.children * options.horizon * options.draws * lives
    if child_years / CHILD_YEARS_PER_SECOND + unsolved * CALIBRATION_SECONDS >= PROCESSES_FROM:
        return "processes"
    return "threads" if options.children >= ONE_THREAD_BELOW else "serial"


def each_draw[T](
    function: Callable[[int], T],
    options: Options,
    caches: Sequence[CalibrationCache],
    lives: int,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Iterator[T]:
    """What a function makes of every draw, in order; calibrations that it solves are kept.

    Parameters
    ----------
    function
        Called with the number of a draw, on a thread or in a process of its own.
    options
        Size of the study.
    caches
        Those that the function solves calibrations into; they are saved at the end.
    lives
        Lives of the study's children in each draw.
    workers
        Threads or processes; as many as there are cores if None.
    progress
        Called after every draw.

    Raises
    ------
    InputError
        What the function refuses; or a process came to an end before its work was done.
    """
    draws, workers = range(options.draws), workers or os.cpu_count() or 1
    unsolved = sum(cache.get(draw) is None for cache in caches for draw in draws)
    kind = kind_for(options, lives, unsolved, workers)
    try:
        if kind == "serial":
            found = (function(draw) for draw in draws)
        elif kind == "threads":
            found = on_threads(function, draws, workers)
        else:
            found = in_processes(function, caches, draws, workers)
        with closing(found):
            for done, one in enumerate(found, start=1):
                if progress is not None:
                    progress(done, len(draws))
                yield one
    finally:
        for cache in caches:
            cache.save()


def on_threads[T](function: Callable[[int], T], draws: range, workers: int) -> Generator[T]:
    """Draws on threads, in order."""
    pool = ThreadPoolExecutor(workers)
    try:
        yield from pool.map(function, draws)
    finally:
        pool.shutdown(cancel_futures=True)


def in_processes[T](
    function: Callable[[int], T], caches: Sequence[CalibrationCache], draws: range, workers: int
) -> Generator[T]:
    """Draws in this process and in others, in order; this one works while the others start.

    A caller's script is not run again in the others, as it would be in those of the standard library.
    """
    from multiprocessing import resource_tracker

    import cloudpickle
    from loky import get_reusable_executor
    from loky.backend import resource_tracker as loky_tracker
    from loky.process_executor import TerminatedWorkerError

    whole = cloudpickle.dumps((function, caches))
    todo: list[int] = list(draws)
    away: dict[int, Future[Back[T]]] = {}
    done: dict[int, Future[Back[T]]] = {}
    try:
        for tracker in (resource_tracker, loky_tracker):
            tracker.ensure_running()  # first, for to start it unblocks what is blocked
        with _deaf():
            pool = get_reusable_executor(max_workers=workers - 1, timeout=IDLE_SECONDS)
            _send(pool, whole, todo, away, 2 * (workers - 1))
    except OSError:  # a system that lets no process start, or has no semaphores
        yield from map(function, draws)
        return
    try:
        for draw in draws:
            while draw not in done:
                with _deaf():
                    done |= {number: away.pop(number) for number in [*away] if away[number].done()}
                    _send(pool, whole, todo, away, 2 * (workers - 1))
                    if draw in done:
                        break
                    if not todo:
                        wait(away.values(), timeout=HEARS_WITHIN, return_when=FIRST_COMPLETED)
                        continue
                here = todo.pop(0)
                done[here] = _lived_here(function, here)
            yield _taken(done.pop(draw), caches)
    except TerminatedWorkerError:
        raise InputError("a process of the run ended before its work was done; run again") from None
    finally:
        # Refused, interrupted, or nobody wants the rest. Processes finish the draws that they have begun: to kill one
        # while it hands over a result would leave its reader waiting for ever.
        with interrupts_wait():
            for future in away.values():
                future.cancel()


def _send(pool: Executor, whole: bytes, todo: list[int], away: dict[int, Future[Any]], most: int) -> None:
    """Keep the other processes at work, with draws somewhat ahead of those that are lived here."""
    while todo and len(away) < most:
        draw = todo.pop(min(HEAD, len(todo) - 1))
        away[draw] = pool.submit(_draw_in_process, whole, draw)


def _lived_here[T](function: Callable[[int], T], draw: int) -> Future[Back[T]]:
    """A draw in this process, as one that came back: what it refuses is told in its turn."""
    lived: Future[Back[T]] = Future()
    try:
        lived.set_result((function(draw), []))
    except Exception as error:
        lived.set_exception(error)
    return lived


def _taken[T](back: Future[Back[T]], caches: Sequence[CalibrationCache]) -> T:
    """What came back of a draw; the calibrations that it solved elsewhere are kept."""
    result, solved = back.result()
    for cache, calibrations in zip(caches, solved, strict=False):
        for number, calibration in calibrations.items():
            cache.put(number, calibration)
    return result


@contextmanager
def _deaf() -> Iterator[None]:
    """Start processes that leave an interrupt from the keyboard to this one, which hears it when this is done.

    They inherit that it is blocked.
    """
    with interrupts_wait():
        if not hasattr(signal, "pthread_sigmask"):
            yield
            return
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _draw_in_process(whole: bytes, draw: int) -> tuple[Any, list[dict[int, Calibration]]]:
    """One draw in a process of its own, and the calibrations that it solved, by cache."""
    function, caches = _unpacked(whole)
    result = function(draw)
    return result, [cache.take_new() for cache in caches]


@lru_cache(maxsize=1)
def _unpacked(whole: bytes) -> tuple[Callable[[int], Any], Sequence[CalibrationCache]]:
    """What all draws of a study share, as the process that asks packed it; unpacked once."""
    import cloudpickle

    return cast("tuple[Callable[[int], Any], Sequence[CalibrationCache]]", cloudpickle.loads(whole))
