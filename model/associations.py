"""Associations in one birth year of the observed world: functions on the children's columns that give one number each.

An association says how two parts of a life go together, whatever the cause. Published ones set the total slopes of
the model and are compared with those of other cohorts; none of them is an effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import exp, log, nan, pi, sqrt
from typing import Final

import numpy as np
from scipy.special import ndtri

from cradlecast.model.children import Bools, Children, Reals
from cradlecast.model.kernels import FOUR_YEAR, Real, Whole
from cradlecast.scenarios.community import MILESTONES

BETWEEN_QUARTERS: Final = 2.0 * exp(-(float(ndtri(0.75)) ** 2) / 2.0) / sqrt(2.0 * pi) / 0.25
"""Distance between the means of the bottom and the top quarter of a standard normal, sd."""

SKILL_AGES: Final = (4, 5, 6, 7, 8, 9, 10, 13)
"""Ages at the end of whose year skill is kept for correlations."""


@dataclass(frozen=True)
class Life:
    """One birth year of the observed world, lived to 30.

    Attributes
    ----------
    children
        The columns after the last year.
    skills
        By age, skill without the noise of any test at the END of the year of that age, float32 (n,).
    group_names
        Racial and ethnic groups, in the order of their numbers.
    absent
        True for the children who were chronically absent in grade 9, bool (n,).
    """

    children: Children
    skills: Mapping[int, Reals]
    group_names: tuple[str, ...]
    absent: Bools

    def bachelor(self) -> Bools:
        """True for those with a bachelor's degree by 26, bool (n,)."""
        return np.asarray(self.reached("postsecondary_completed") & (self.children.whole(Whole.SECTOR) == FOUR_YEAR))

    def reached(self, milestone: str) -> Bools:
        """True for the children who reached a milestone, bool (n,)."""
        return self.children.reached(MILESTONES.index(milestone))

    def poor(self) -> Bools:
        """True for the children born below the poverty line, bool (n,)."""
        return np.asarray(self.children.whole(Whole.CELL) % 2 == 1)

    def of_group(self, name: str) -> Bools:
        """True for the children of a group, nobody where the community has no such group, bool (n,)."""
        number = self.group_names.index(name) if name in self.group_names else -1
        return np.asarray(self.children.whole(Whole.GROUP) == number)

    def income(self) -> Reals:
        """Standardised log of the income-to-poverty ratio at birth, float32 (n,)."""
        return self.children.real(Real.INCOME)

    @cached_property
    def math_parts(self) -> tuple[Bools, Bools, Bools]:
        """Who is in the bottom quarter, the middle half and the top quarter of grade 8 math, as the test reads it."""
        return quarters(self.children.real(Real.MATH))

    @cached_property
    def income_quarters(self) -> tuple[Bools, ...]:
        """Who is in each quarter of income at birth, the lowest first."""
        return tuple(quarter(self.income(), number) for number in range(4))

    @cached_property
    def family_quarters(self) -> tuple[Bools, ...]:
        """Who is in each quarter of family advantage (income and mother's education), the lowest first."""
        return tuple(quarter(self.children.real(Real.FAMILY), number) for number in range(4))

    def grades(self, low: float, high: float) -> Bools:
        """Who has a grade-point average of grade 9 from ``low`` to below ``high``, bool (n,)."""
        points = self.children.real(Real.GRADES)
        return np.asarray((points >= low) & (points < high))

    def attainment(self, level: int) -> Bools:
        """True for the children who got so far: 0 no diploma, 1 a diploma, 2 some college, 3 a credential."""
        steps = [self.reached(name).astype(np.int64) for name in MILESTONES[3:6]]
        return np.asarray(sum(steps) == level)


def rate(reached: Bools, among: Bools) -> float:
    """Share of some children who reached something; NaN where there are none.

    Examples
    --------
    >>> rate(np.array([True, False, True]), np.array([True, True, False]))
    0.5
    """
    return float(np.count_nonzero(reached & among) / n) if (n := np.count_nonzero(among)) else nan


def log_odds(reached: Bools, among: Bools) -> float:
    """Natural log-odds of reaching something among some children; NaN where there are none.

    Half a child is added to those who did and to those who did not, so that a cell in which all did has finite odds
    (Haldane 1956; Anscombe 1956).
    """
    n, hits = int(np.count_nonzero(among)), int(np.count_nonzero(reached & among))
    return log((hits + 0.5) / (n - hits + 0.5)) if n else nan


def log_odds_gap(reached: Bools, group: Bools, reference: Bools) -> float:
    """Log-odds of reaching something in a group less those in a reference group."""
    return log_odds(reached, group) - log_odds(reached, reference)


def odds_ratio(reached: Bools, group: Bools, reference: Bools) -> float:
    """Odds of reaching something in a group over those in a reference group."""
    gap = log_odds_gap(reached, group, reference)
    return exp(gap) if gap == gap else nan


def slope(reached: Bools, group: Bools, bottom: Bools, top: Bools) -> float:
    """Log-odds of reaching something per sd of a score, within a group, from the outer quarters of ALL children.

    The quarters' means lie `BETWEEN_QUARTERS` sd apart where scores are normal: the arithmetic by which published
    tables of quarters are turned into slopes.
    """
    return log_odds_gap(reached, group & top, group & bottom) / BETWEEN_QUARTERS


def quarters(values: Reals) -> tuple[Bools, Bools, Bools]:
    """Who is in the bottom quarter, the middle half and the top quarter of some values: bool (n,) each.

    Ties are broken by the order of rows, so that the sizes are always right.
    """
    place = _places(values)
    bottom, top = place < 0.25, place >= 0.75
    return bottom, ~bottom & ~top, top


def quarter(values: Reals, number: int) -> Bools:
    """Who is in one quarter of some values, 0 the lowest and 3 the highest, bool (n,)."""
    place = _places(values)
    return np.asarray((place >= number / 4) & (place < (number + 1) / 4))


def standardised_gap(score: Reals, by: Reals, share: float) -> float:
    """Mean score of the children highest on something else less that of the lowest, in sd of all children's scores.

    Parameters
    ----------
    score
        What is compared, (n,).
    by
        What children are ranked by, (n,).
    share
        Share of the children at each end: 0.2 for quintiles.
    """
    place, values = _places(by), score.astype(np.float64)
    low, high = values[place < share], values[place >= 1.0 - share]
    spread = float(values.std())
    return float(high.mean() - low.mean()) / spread if len(low) and len(high) and spread > 0 else nan


def correlation(one: Reals, other: Reals) -> float:
    """Correlation of two columns; NaN where either is the same for all."""
    a, b = one.astype(np.float64), other.astype(np.float64)
    spread = float(a.std() * b.std())
    return float(np.mean((a - a.mean()) * (b - b.mean()))) / spread if spread > 0 else nan


def _places(values: Reals) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Each child's place among all by some values, from 0 up to below 1."""
    places = np.empty(len(values))
    places[np.argsort(values, kind="stable")] = np.arange(len(values)) / max(len(values), 1)
    return places
