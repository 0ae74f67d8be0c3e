"""Chance events of a deal itself, keyed: the same deal, seed, draw and world give the same luck, come what may."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cradlecast.scenarios.deal import Appropriation, Deal

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def luck(samples: pd.DataFrame, *key: object, by: Sequence[str] = ("draw", "world")) -> Floats:
    """One number from 0 to 1 for every sample: uniform, and independent across keys, draws and worlds.

    Parameters
    ----------
    samples
        Columns draw and world, or those named by `by`.
    *key
        What it is the luck of.
    by
        Whole numbers that tell one luck from another.

    Returns
    -------
    float64 (samples,)
        A hash (SplitMix64's finaliser) of the key, the draw and the world.
    """
    text = "/".join(map(str, key))
    state = np.full(len(samples), int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"), dtype=np.uint64)
    for name in by:
        state = _mixed(state ^ _mixed(samples[name].to_numpy().astype(np.uint64)))
    return (state >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _mixed(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64: each bit of the answer depends on each bit of the question."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


class Appropriations:
    """Which payments fail because a legislature appropriated nothing, by payer and fiscal year."""

    def __init__(self, deal: Deal, samples: pd.DataFrame, seed: int = 1) -> None:
        self.samples, self.seed, self.name = samples, seed, deal.name
        self.risks = {p.name: p.appropriation for p in deal.parties if p.appropriation is not None}
        self.first = {name: self.fiscal_year(risk, *_first_day(deal)) for name, risk in self.risks.items()}

    @staticmethod
    def fiscal_year(risk: Appropriation, year: int, month: int) -> int:
        """The calendar year in which the fiscal year of a month begins."""
        return year - (month < risk.fiscal_year_begins)

    def missed(self, payer: str, year: int, month: int) -> Bools | None:
        """Samples in which the payer cannot pay in a month, or None where its promise needs no legislature."""
        risk = self.risks.get(payer)
        if risk is None:
            return None
        due = self.fiscal_year(risk, year, month)
        years = range(min(self.first[payer], due), due + 1) if risk.then == "all_later" else (due,)
        fails = [luck(self.samples, self.name, self.seed, payer, each) < risk.missed.value for each in years]
        failed: Bools = np.any(fails, axis=0)
        return failed


def _first_day(deal: Deal) -> tuple[int, int]:
    """Year and month in which the deal's first school year begins: the promise is annual from then on."""
    return min(deal.school_years), 7
