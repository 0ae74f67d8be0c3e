"""Long work of pages in a pool of processes: shared by who asks the same, told how far it is, and stopped.

One `Jobs` serves all pages of a server. It holds no page: a page asks a job how far it is.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import Any, Final

from cradlecast.scenarios.errors import InputError
from cradlecast.ui import work
from cradlecast.ui.work import Board, StoppedError

PLACES: Final = 256
"""Parts of jobs that can be under way or waiting at once."""

FIRST_GUESS: Final = 0.02
"""Share of a job that must be done before the time left is named."""

type Task = tuple[Callable[..., Any], tuple[Any, ...]]
"""A function of `cradlecast.ui.work`, and its arguments behind the place on the board."""


@dataclass(eq=False)
class Job:
    """Work that was asked for, in parts.

    Attributes
    ----------
    key
        Who asks for the same key shares the job.
    parts
        Name of each part and its future.
    places
        The places of the parts on the board.
    """

    key: str
    parts: Mapping[str, Future[Any]]
    places: Mapping[str, int]
    board: Board
    wanted: int = 1
    began: float = field(default_factory=time.monotonic)

    @property
    def done(self) -> bool:
        """Whether every part has ended, in whatever way."""
        return all(part.done() for part in self.parts.values())

    @property
    def stopped(self) -> bool:
        """Whether a part was stopped before its end."""
        return any(part.cancelled() or isinstance(_error(part), StoppedError) for part in self.parts.values())

    @property
    def share(self) -> float:
        """How much is done, from 0 to 1."""
        shares = [
            1.0 if part.done() else self.board.done[place] / max(self.board.total[place], 1)
            for part, place in zip(self.parts.values(), self.places.values(), strict=True)
        ]
        return sum(shares) / len(shares)

    def seconds_left(self) -> float | None:
        """Time left at the pace so far, or None while that cannot be said."""
        share = self.share
        if share < FIRST_GUESS:
            return None
        return (time.monotonic() - self.began) * (1.0 - share) / share

    def result(self, part: str) -> Any:
        """What a part found.

        Raises
        ------
        InputError
            What the part refused, or one sentence where its process came to an end.
        """
        future = self.parts[part]
        if future.cancelled():
            raise InputError("the run was stopped")
        error = _error(future)
        if error is None:
            return future.result()
        if isinstance(error, InputError):
            raise error
        if isinstance(error, StoppedError):
            raise InputError("the run was stopped") from None
        if isinstance(error, BrokenProcessPool):
            raise InputError("a process of the run ended before its work was done; run again") from None
        raise error


class Jobs:
    """The pool of processes of a server.

    Parameters
    ----------
    workers
        Processes; as many as there are cores if None.
    """

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or os.cpu_count() or 1
        self._spawn = multiprocessing.get_context("spawn")
        self.board = Board(
            self._spawn.RawArray("d", PLACES), self._spawn.RawArray("d", PLACES), self._spawn.RawArray("b", PLACES)
        )
        self._free = list(range(PLACES))
        self._jobs: list[Job] = []
        self._pool: ProcessPoolExecutor | None = None

    def warm(self) -> None:
        """Start the processes, and let them import what every job needs."""
        pool = self._started()
        for _ in range(self.workers):
            pool.submit(work.warm)

    def start(self, key: str, tasks: Mapping[str, Task]) -> Job:
        """Begin a job, or share one of the same key.

        Raises
        ------
        InputError
            If too many are waiting.
        """
        self._forget_ended()
        known = next((job for job in self._jobs if job.key == key and job.wanted > 0 and not job.stopped), None)
        if known is not None:
            known.wanted += 1
            return known
        if len(tasks) > len(self._free):
            raise InputError("too many runs are waiting; try again in a minute")
        places = {name: self._free.pop() for name in tasks}
        parts = {}
        for name, (function, arguments) in tasks.items():
            place = places[name]
            self.board.done[place] = self.board.total[place] = self.board.stop[place] = 0
            parts[name] = self._submitted(function, place, *arguments)
        job = Job(key, parts, places, self.board)
        self._jobs.append(job)
        return job

    def leave(self, job: Job) -> None:
        """Say that one page waits for a job no longer; when none does, it stops within a part of its work."""
        job.wanted -= 1
        if job.wanted > 0:
            return
        for name, part in job.parts.items():
            if not part.cancel() and not part.done():
                self.board.stop[job.places[name]] = 1
        self._forget_ended()

    def waiting(self, job: Job) -> bool:
        """Whether no part of a job has begun."""
        return not any(part.running() or part.done() for part in job.parts.values())

    def close(self) -> None:
        """Stop all work and end the processes."""
        for place in range(PLACES):
            self.board.stop[place] = 1
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    def _submitted(self, function: Callable[..., Any], place: int, *arguments: Any) -> Future[Any]:
        """A part handed to the pool; to a new one where the old one broke."""
        try:
            return self._started().submit(function, place, *arguments)
        except BrokenProcessPool:
            self._pool = None
            return self._started().submit(function, place, *arguments)

    def _started(self) -> ProcessPoolExecutor:
        """The pool, started."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self.workers, mp_context=self._spawn, initializer=work.begin, initargs=(self.board,)
            )
        return self._pool

    def _forget_ended(self) -> None:
        """Give the places of ended jobs to others. Places of one that is still stopping are kept until it has."""
        for job in [job for job in self._jobs if job.done]:
            self._free.extend(job.places.values())
            self._jobs.remove(job)


def _error(part: Future[Any]) -> BaseException | None:
    """What an ended part raised."""
    return part.exception() if part.done() and not part.cancelled() else None
