"""An interrupt from the keyboard that waits until something is done which must not be left half done."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interrupts_wait() -> Iterator[None]:
    """Hear an interrupt only at the end of what is done here.

    In the middle it could be lost, where a library calls back into Python and drops what is raised there; or leave a
    lock held, for which others would then wait for ever. Threads but the main one hear no interrupt anyway.
    """
    heard: list[int] = []
    try:
        before = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    except ValueError:  # not in the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if heard:
            signal.raise_signal(signal.SIGINT)
