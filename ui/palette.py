"""The colours of charts, on a light and on a dark page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Colours:
    """The colours of one theme, as ``#rrggbb``.

    Attributes
    ----------
    background
        What lies behind a chart.
    text, faint_text
        Words: contrast with the background at least 4.5.
    grid
        Lines that only guide the eye.
    gain, loss, open
        Marks of what is above zero, below it, or of open sign; contrast at least 3.
    series
        Marks of kinds that are neither good nor bad; contrast at least 3.
    """

    background: str
    text: str
    faint_text: str
    grid: str
    gain: str
    loss: str
    open: str
    series: tuple[str, ...]


PALETTE: Final[Mapping[str, Colours]] = {
    "light": Colours(
        background="#ffffff",
        text="#1f2328",
        faint_text="#57606a",
        grid="#e3e6ea",
        gain="#0072b2",
        loss="#d55e00",
        open="#222222",
        series=("#0072b2", "#d55e00", "#882e62", "#222222"),
    ),
    "dark": Colours(
        background="#1b1e23",
        text="#f0f3f6",
        faint_text="#b4bcc6",
        grid="#363b43",
        gain="#7cc7f0",
        loss="#e0781f",
        open="#e8e8e8",
        series=("#7cc7f0", "#e0781f", "#b5609a", "#e8e8e8"),
    ),
}
"""Themes by name: a blue and a vermillion after Okabe and Ito's colour-blind-safe palette (Color Universal Design),
with a purple and a neutral; tests/test_charts.py holds that all stay apart in every kind of colour blindness."""
