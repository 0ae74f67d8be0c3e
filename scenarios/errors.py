"""The one error that a person's input can cause."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Something that was asked for is wrong: one clear sentence, shown without a traceback.

    The message names the thing, the rule, the value and, where it can be guessed, the likely slip. The command
    line prints it on one line and exits with status 2.
    """


def nearest(word: str, known: Iterable[str]) -> str:
    """The words ", did you mean 'x'?" for the nearest known name, or nothing.

    Parameters
    ----------
    word
        What was written.
    known
        The names that would have been accepted.

    Examples
    --------
    >>> nearest("seat", ["seats", "quality"])
    "; did you mean 'seats'?"
    """
    close = difflib.get_close_matches(str(word), list(known), n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else ""
