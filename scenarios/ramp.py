"""How new seats and places open: hiring and training take time."""

from __future__ import annotations

from collections.abc import Sequence

from cradlecast.scenarios.fields import ShareFigure

type Ramp = Sequence[ShareFigure]
"""Share of what is new that is open in the first year, the second, and so on; then all."""


def check_ramp(ramp: Ramp) -> None:
    """Refuse a ramp that falls.

    Raises
    ------
    ValueError
        If a year has a smaller share than the year before.
    """
    shares = [figure.value for figure in ramp]
    if shares != sorted(shares):
        raise ValueError("ramp must not fall from year to year")


def share_open(ramp: Ramp, since: int) -> float:
    """Share of what is new that is open so many years after its first."""
    return ramp[since].value if since < len(ramp) else 1.0


def steps(ramp: Ramp, number: int) -> list[tuple[int, int]]:
    """Years after the first, and how many more seats or places open then; they add up to the whole number.

    Examples
    --------
    >>> steps((), 100)
    [(0, 100)]
    """
    so_far = [round(number * share_open(ramp, since)) for since in range(len(ramp) + 1)]
    return [(since, now - before) for since, (before, now) in enumerate(zip([0, *so_far], so_far, strict=False))]
