"""Calibration: cuts and intercepts such that the observed world reproduces the observed milestones.

Solved once per draw, in the observed world (all the seats that were there), on a population of its own; every arm of
a study then shares the result. The milestones' pattern over groups and poverty is laid on the local level on the
log-odds scale, so that rates by group, by poverty and for all children agree with one another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit, ndtr, ndtri

from cradlecast.model import kernels
from cradlecast.model.children import Bools, Children, Reals, children_of, world_key
from cradlecast.model.kernels import Real, Theta, Whole
from cradlecast.model.pipeline import Pipeline
from cradlecast.model.place import Floats, Place, shifted_to_mean
from cradlecast.model.theta import EMPLOYMENT_LEVELS, chain, event_shifts, theta_of, yearly_rate
from cradlecast.model.town import Setting, schools_by_area, streams_of
from cradlecast.scenarios.community import EVENTS, MILESTONES
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.fields import ShareFigure
from cradlecast.scenarios.program import Program

CALIBRATION_WORLD = 2**32 - 1
"""World of the calibration population: the last one, beyond what a study may ask for."""

_BINS = 400
_RANGE = 10.0


@dataclass(frozen=True)
class Fit:
    """One line of the fit: a target and what the observed world gives."""

    group: str
    milestone: str
    target: float
    model: float
    source: str
    borrowed: bool


@dataclass(frozen=True)
class Calibration:
    """The result for one draw: ``theta`` completed, ``cuts`` float32 (7, cells), and the fit."""

    theta: Reals
    cuts: Reals
    fit: tuple[Fit, ...]


@dataclass(frozen=True)
class Margin:
    """One group of cells with the rate it must show."""

    name: str
    cells: Bools
    target: float
    source: str
    borrowed: bool


def calibrate(
    place: Place, programs: Mapping[str, Program], values: Mapping[str, float], seed: int, n_children: int
) -> Calibration:
    """Solve the cuts and intercepts of one draw.

    Parameters
    ----------
    place, programs
        The community and its programs.
    values
        Drawn values of all parameters.
    seed
        Key of the study.
    n_children
        Children in the calibration population.

    Raises
    ------
    InputError
        If a target cannot be reached, naming it.
    """
    theta = theta_of(values, place, programs)
    children, lasting = observed_children(place, programs, values, theta, seed, n_children)
    cells = children.whole(Whole.CELL).astype(np.int64)
    cuts = np.zeros((len(MILESTONES) + len(EVENTS), place.n_cells))
    fit: list[Fit] = []

    names = (*MILESTONES, *EVENTS)

    def solve(number: int, value: Floats, of: Floats, rate: Callable[[Floats], Floats], sign: float) -> Floats:
        """Solve one milestone; returns each child's probability of it, given those it is counted among."""
        shares = np.bincount(cells, weights=of, minlength=place.n_cells)
        margins = margins_of(place, names[number], shares / max(shares.sum(), 1e-12))
        grid = _grid(value, cells, of, place.n_cells)
        cuts[number] = _offsets(grid, margins, rate, sign, names[number])
        p = rate(sign * (value - cuts[number][cells]) if sign < 0 else value + cuts[number][cells])
        for margin in margins:
            inside = margin.cells[cells]
            model = float(np.sum((p * of)[inside]) / max(float(np.sum(of[inside])), 1e-12))
            fit.append(Fit(margin.name, names[number], margin.target, model, margin.source, margin.borrowed))
        return p

    ones = np.ones(len(children))
    screener, test = float(theta[Theta.SCREENER_NOISE]), float(theta[Theta.TEST_NOISE])
    for number, age, noise in ((0, 4, screener), (1, kernels.GRADE3_AGE, test), (2, kernels.GRADE8_AGE, test)):
        spread = float(np.hypot(noise, theta[Theta.TRANSIENT_WEIGHT]))
        solve(number, lasting[age], ones, lambda gap, spread=spread: ndtr(-gap / spread), -1.0)  # type: ignore[misc]
    base, boost, nontest = _adult_state(children)
    x = children.x.astype(np.float64)
    current = x[Real.TRAIT] * theta[Theta.TRAIT_WEIGHT] + x[Real.TRANSIENT] * theta[Theta.TRANSIENT_WEIGHT]
    kinds = np.where(children.whole(Whole.CARE4) != 0, children.whole(Whole.CARE4), children.whole(Whole.CARE3))
    shifts = event_shifts(values, place)
    for number, event in enumerate(EVENTS, start=len(MILESTONES)):
        index = float(theta[Theta.EVENT_SLOPE]) * current + shifts[event] * (kinds != 0)
        solve(number, index, ones, expit, 1.0)
    graduated = solve(3, _index(theta, "GRADUATION", base, boost, nontest), ones, expit, 1.0)
    enrolled = graduated * solve(4, _index(theta, "ENROLMENT", base, boost, nontest), graduated, expit, 1.0)
    completed = enrolled * solve(5, _index(theta, "COMPLETION", base, boost, nontest), enrolled, expit, 1.0)
    levels = np.stack([1.0 - graduated, graduated - enrolled, enrolled - completed, completed])
    theta[Theta.EMPLOYMENT_SLOPE] = _employment_slope(levels, base, values)
    steps = np.array([0.0, *theta[[Theta.DIPLOMA_STEP, Theta.COLLEGE_STEP, Theta.DEGREE_STEP]]])
    index = _index(theta, "EMPLOYMENT", base, boost, nontest)
    cells = np.tile(cells, 4)
    solve(6, (index[None, :] + steps[:, None]).ravel(), levels.ravel(), expit, 1.0)
    return Calibration(theta, cuts.astype(np.float32), tuple(fit))


def observed_children(
    place: Place,
    programs: Mapping[str, Program],
    values: Mapping[str, float],
    theta: Reals,
    seed: int,
    n_children: int,
) -> tuple[Children, dict[int, Floats]]:
    """One cohort of the observed world, lived to 18, and its skill without the changing part.

    Returns
    -------
    tuple
        The children, and by age of measurement their skill at the END of that year less the transient part, float64
        (n,): what the changing part and the instrument add is integrated instead of sampled.
    """
    cohorts = (place.community.observed_year - 5,)
    world = world_key(seed, CALIBRATION_WORLD)
    setting = Setting(
        place=place,
        programs=programs,
        values=values,
        theta=theta,
        cuts=np.zeros((len(MILESTONES) + len(EVENTS), place.n_cells), np.float32),
        cohorts=cohorts,
        n_children=n_children,
        world=world,
        streams=streams_of(place, ()),
        horizon=kernels.LAST_SKILL_AGE + 1,
    )
    children = children_of(place, cohorts, n_children, world, schools_by_area(place, setting.scale), theta)
    even_out(children, place, theta)
    town = Pipeline(setting, children)
    lasting: dict[int, Floats] = {}
    while town.time < town.last_year - town.first_year + 1:
        town.step()
        age = int(town.time) - 1
        if age in (4, kernels.GRADE3_AGE, kernels.GRADE8_AGE):
            x = town.columns().x
            changing = x[Real.TRANSIENT].astype(np.float64) * float(theta[Theta.TRANSIENT_WEIGHT])
            lasting[age] = x[Real.SKILL].astype(np.float64) - changing
    return town.columns(), lasting


def even_out(children: Children, place: Place, theta: Reals) -> None:
    """Give the calibration population the exact distributions that it is a sample of.

    Within each group the children keep their rank in income, in the part of the trait that income does not carry and
    in the changing part of skill, and take the normal quantile of that rank: small groups then carry hardly any
    sampling error into the intercepts.
    """
    loading, rest = float(theta[Theta.TRAIT_LOADING]), float(theta[Theta.TRAIT_REST])
    x = children.x
    for group in range(len(place.group_names)):
        rows = np.flatnonzero(children.whole(Whole.GROUP) == group)
        if len(rows) == 0:
            continue
        own = x[Real.TRAIT, rows] - loading * x[Real.INCOME, rows]
        income = place.group_means[group] + place.income_sd * _normal_scores(x[Real.INCOME, rows])
        x[Real.INCOME, rows] = income
        x[Real.TRAIT, rows] = loading * income + rest * _normal_scores(own)
        x[Real.TRANSIENT, rows] = _normal_scores(x[Real.TRANSIENT, rows])
        children.k[Whole.CELL, rows] = 2 * group + (x[Real.INCOME, rows] < theta[Theta.POOR_INCOME])


def _normal_scores(values: Reals) -> Floats:
    """Normal quantiles of the ranks of some values."""
    ranks = np.empty(len(values))
    ranks[np.argsort(values, kind="stable")] = np.arange(len(values))
    return np.asarray(ndtri((ranks + 0.5) / len(values)), dtype=np.float64)


def margins_of(place: Place, name: str, cell_shares: Floats) -> list[Margin]:
    """The rates that a milestone or school event must show: all children, each group, below and above poverty.

    Steps after school are calibrated among those at risk of them (graduates, the enrolled); a rate that the community
    file gives for the cohort is divided by the rate of the step before; events counted once become yearly chances.

    Where the rate of all children is local, patterns over groups and poverty are moved on the log-odds scale until
    they average it. Where it is borrowed, the rates by group are taken as they are, and all children follow from who
    lives here.
    """
    if name in EVENTS:
        rates = place.community.events[name]
        overall = yearly_rate(name, rates.all.value)
    else:
        rates = place.community.milestones[name]
        overall = dict(zip(MILESTONES[3:], chain(place), strict=True)).get(name, rates.all.value)
    parts: list[list[tuple[str, Bools, ShareFigure]]] = []
    if rates.groups:
        group = np.arange(place.n_cells) // 2
        parts.append([(one, group == place.group_names.index(one), rates.groups[one]) for one in rates.groups])
    if rates.below_poverty is not None and rates.above_poverty is not None:
        poor = np.arange(place.n_cells) % 2 == 1
        parts.append([("below_poverty", poor, rates.below_poverty), ("above_poverty", ~poor, rates.above_poverty)])
    margins = []
    settled = rates.all.borrowed is None
    for part in parts:
        shares = np.array([float(cell_shares[cells].sum()) for _, cells, _ in part])
        level = np.array([figure.value for _, _, figure in part])
        if name in EVENTS:
            level = np.array([yearly_rate(name, rate) for rate in level])
        if abs(shares.sum() - 1.0) < 1e-6:
            if not settled:
                overall, settled = float(np.sum(shares * level)), True
            level = shifted_to_mean(level, shares / shares.sum(), overall)
        for (one, cells, figure), target in zip(part, level, strict=True):
            margins.append(Margin(one, cells, float(target), figure.source, figure.borrowed is not None))
    everyone = np.ones(place.n_cells, np.bool_)
    return [Margin("all", everyone, overall, rates.all.source, rates.all.borrowed is not None), *margins]


def _adult_state(children: Children) -> tuple[Floats, Floats, Floats]:
    """Own skill at grade 8, gains from programs and non-test gains at 18, float64 (n,)."""
    x = children.x.astype(np.float64)
    return x[Real.OWN_GRADE8], x[Real.FADING] + x[Real.LONG_RUN], x[Real.NONTEST]


def _index(theta: Reals, step: str, base: Floats, boost: Floats, nontest: Floats) -> Floats:
    """Log-odds of a step without its intercept, float64 (n,)."""
    slope, load = float(theta[Theta[f"{step}_SLOPE"]]), float(theta[Theta[f"{step}_LOAD"]])
    return slope * (base + float(theta[Theta.CAUSAL_SHARE]) * boost) + load * nontest


def _employment_slope(levels: Floats, base: Floats, values: Mapping[str, float]) -> float:
    """Slope of employment on skill that carries the part of the attainment gap which attainment does not cause."""
    gap = float(logit(values[EMPLOYMENT_LEVELS[3]]) - logit(values[EMPLOYMENT_LEVELS[1]]))
    mean = [float(np.sum(level * base) / np.sum(level)) for level in levels]
    return (1.0 - values["attainment_causal_share"]) * gap / max(mean[3] - mean[1], 0.2)


def _grid(
    value: Floats, cells: np.ndarray[tuple[int, ...], np.dtype[np.int64]], weight: Floats, n_cells: int
) -> Floats:
    """Children binned by cell and value: (2, cells, bins) of weights and mean values."""
    at = np.clip(((value + _RANGE) / (2 * _RANGE) * _BINS).astype(np.int64), 0, _BINS - 1) + cells * _BINS
    total = np.bincount(at, weights=weight, minlength=n_cells * _BINS)
    mean = np.bincount(at, weights=weight * value, minlength=n_cells * _BINS) / np.maximum(total, 1e-12)
    return np.stack([total.reshape(n_cells, _BINS), mean.reshape(n_cells, _BINS)])


def _offsets(
    grid: Floats, margins: list[Margin], rate: Callable[[Floats], Floats], sign: float, milestone: str
) -> Floats:
    """Offsets by cell that give every margin its rate: each margin in turn, until all hold."""
    weight, value = grid
    keep = weight.sum(axis=0) > 0
    weight, value = weight[:, keep], value[:, keep]
    offsets = np.zeros(len(weight))
    for _ in range(200):
        worst = 0.0
        for margin in margins:
            w, v, o = weight[margin.cells], value[margin.cells], offsets[margin.cells][:, None]
            total = w.sum()
            if total <= 0:
                continue
            step = 0.0
            for _ in range(3):
                got = float((w * rate(_argument(v, o + step, sign))).sum() / total)
                error = float(logit(np.clip(margin.target, 1e-6, 1 - 1e-6)) - logit(np.clip(got, 1e-9, 1 - 1e-9)))
                worst = max(worst, abs(got - margin.target)) if step == 0.0 else worst
                step += error if sign > 0 else -0.55 * error
                if abs(error) < 1e-5:
                    break
            offsets[margin.cells] += step
        if worst < 2e-5:
            return offsets
    if worst < 0.002:
        return offsets
    raise InputError(
        f"milestone '{milestone}' cannot be calibrated: its rates for all, by group and by poverty contradict one "
        f"another by {100 * worst:.1f} points"
    )


def _argument(value: Floats, offset: Floats, sign: float) -> Floats:
    """What the rate is a function of: value plus intercept, or cut minus true score."""
    return value + offset if sign > 0 else offset - value
