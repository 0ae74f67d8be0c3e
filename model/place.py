"""A community's numbers made ready for the model: incomes, groups, areas, and how counts are scaled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import expit, logit, ndtr, ndtri

from cradlecast.scenarios.community import Community, Rates

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def shifted_to_mean(rates: Floats, shares: Floats, mean: float) -> Floats:
    """Move rates together on the log-odds scale until their weighted mean is the given one.

    This is how a pattern borrowed from elsewhere (or a sum that does not quite add up) is laid on a local level:
    the odds ratios between groups stay as observed there.

    Parameters
    ----------
    rates, shares
        One rate and one weight a group, (groups,); weights sum to 1.
    mean
        The local rate, inside (0, 1).
    """
    return np.array(_shifted(tuple(rates.tolist()), tuple(shares.tolist()), float(mean)))


@lru_cache(maxsize=1024)
def _shifted(rates: tuple[float, ...], shares: tuple[float, ...], mean: float) -> tuple[float, ...]:
    """``shifted_to_mean`` on hashable numbers: the same shares come back draw after draw."""
    odds, weights = logit(np.clip(np.array(rates), 1e-6, 1 - 1e-6)), np.array(shares)
    shift = _root(lambda d: float(np.sum(weights * expit(odds + d)) - mean), -30.0, 30.0)
    return tuple(expit(odds + shift).tolist())


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where an increasing function is zero, by bisection (scipy.optimize would double the time to start)."""
    for _ in range(100):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if function(middle) < 0 else (low, middle)
    return (low + high) / 2


def apportion(total: int, weights: Sequence[float] | Floats) -> list[int]:
    """Split whole seats by weights, each next seat going where it is most under-represented (Sainte-Lague).

    Unlike the largest remainder, one more seat in all never takes a seat away from a part, so that adding seats only
    ever adds winners.

    Parameters
    ----------
    total
        Seats to give out, not negative.
    weights
        Non-negative weights, (parts,); at least one positive when ``total`` is.

    Examples
    --------
    >>> apportion(10, [0.5, 0.3, 0.2])
    [5, 3, 2]
    """
    return list(_apportion(total, tuple(float(weight) for weight in weights)))


@lru_cache(maxsize=8192)
def _apportion(total: int, weights: tuple[float, ...]) -> tuple[int, ...]:
    """``apportion`` on hashable weights: the same splits come back year after year and arm after arm."""
    whole = sum(weights)
    if total <= 0 or not whole > 0:
        return (0,) * len(weights)
    # Rounding at this smaller divisor gives out at most ``total`` and no part more than its final number.
    least = max(total - len(weights) / 2, 0.0)
    given = [int(weight / whole * least + 0.5 - 1e-9) for weight in weights]
    for _ in range(total - sum(given)):
        claims = [weight / (2 * seats + 1) for weight, seats in zip(weights, given, strict=True)]
        given[claims.index(max(claims))] += 1
    return tuple(given)


@dataclass(frozen=True)
class Place:
    """A community's fixed numbers. Incomes are standardised logs of the income-to-poverty ratio (sd 1, mean near 0)."""

    community: Community
    group_names: tuple[str, ...]
    group_shares: Floats
    group_means: Floats
    group_poverty: Floats
    income_sd: float
    log_mean: float
    log_sd: float
    area_names: tuple[str, ...]
    area_shares: Floats
    """(2, areas): share of children by area, above and below the poverty line."""
    next_to: np.ndarray[tuple[int, ...], np.dtype[np.int32]]
    weight_means: Floats
    """(groups,): mean birth weight, kg, at which the group's share of low weight is met."""
    mothers: Floats
    """(groups, 3): cumulative shares of mothers by education, lowest first."""
    other_language: Floats
    """(groups,): share who speak a language other than English at home."""
    early_care: np.ndarray[tuple[int, ...], np.dtype[np.float32]]
    """(9, 3): by age and band of income (row 3 age + band), cumulative shares of parents, another home, a center."""

    def income_at(self, ratio: float) -> float:
        """Standardised income of a family at this income-to-poverty ratio."""
        return (float(np.log(ratio)) - self.log_mean) / self.log_sd

    @property
    def n_cells(self) -> int:
        """Cells of the calibration: group by poverty."""
        return 2 * len(self.group_names)


def place_of(community: Community) -> Place:
    """Work out a community's income distribution and geography.

    Log incomes are normal within groups with one spread, so that each group's poverty rate (moved on the log-odds
    scale to average the community's) and the share below 185 % of poverty are met exactly.
    """
    poor = community.income.below_poverty.value
    shares = np.array([group.share.value for group in community.groups])
    shares = shares / shares.sum()
    rates = shifted_to_mean(np.array([group.below_poverty.value for group in community.groups]), shares, poor)
    line = float(ndtri(poor))
    spread = 1.0
    for _ in range(100):
        means = line - spread * ndtri(rates)
        between = float(np.sum(shares * means**2) - np.sum(shares * means) ** 2)
        spread = float(np.sqrt(max(1.0 - between, 0.05)))
    means = line - spread * ndtri(rates)
    low = community.income.below_185.value
    line185 = _root(lambda z: float(np.sum(shares * ndtr((z - means) / spread)) - low), -10.0, 10.0)
    log_sd = float(np.log(1.85)) / (line185 - line)
    children = np.array([area.children.value for area in community.areas])
    area_rates = shifted_to_mean(
        np.array([area.below_poverty.value for area in community.areas]), children / children.sum(), poor
    )
    above, below = children * (1 - area_rates), children * area_rates
    names = tuple(area.name for area in community.areas)
    width = max(len(area.next_to) for area in community.areas)
    next_to = np.full((len(names), width), -1, np.int32)
    for row, area in enumerate(community.areas):
        next_to[row, : len(area.next_to)] = [names.index(other) for other in area.next_to]
    return Place(
        community=community,
        group_names=tuple(group.name for group in community.groups),
        group_shares=shares,
        group_means=means,
        group_poverty=rates,
        income_sd=spread,
        log_mean=-log_sd * line,
        log_sd=log_sd,
        area_names=names,
        area_shares=np.stack([above / above.sum(), below / below.sum()]),
        next_to=next_to,
        weight_means=LOW_WEIGHT - community.births.weight_sd.value * ndtri(_by_group(community, "low_weight", shares)),
        mothers=np.array(
            [
                np.cumsum(community.births.mothers_by_group.get(group.name, community.births.mothers).shares())
                for group in community.groups
            ]
        ),
        other_language=_by_group(community, "other_language", shares),
        early_care=_early_care(community),
    )


LOW_WEIGHT = 2.5
"""Birth weight, kg, below which it is called low."""


def _by_group(community: Community, name: str, shares: Floats) -> Floats:
    """A rate at birth by group: where the rate of all is local, the groups' pattern is moved to average it."""
    rates: Rates = getattr(community.births, name)
    found = np.array([(rates.groups.get(group.name) or rates.all).value for group in community.groups])
    return shifted_to_mean(found, shares, rates.all.value) if rates.all.borrowed is None else found


def _early_care(community: Community) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Cumulative shares of care under 3, by age and band."""
    bands = sorted((d.below_income_to_poverty or np.inf) for d in community.demand if d.age == 3)
    found = np.zeros((9, 3))
    for care in community.early_care:
        row = 3 * care.age + bands.index(care.below_income_to_poverty or np.inf)
        center, other = care.center.value, care.other_home.value
        found[row] = 1.0 - other - center, 1.0 - center, 1.0
    return found.astype(np.float32)
