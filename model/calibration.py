"""Calibration: cuts and intercepts such that the observed world reproduces the observed milestones.

Solved once per draw, in the observed world (all the seats that were there), on a population of its own; every arm of
a study then shares the result. The milestones' pattern over groups and poverty is laid on the local level on the
log-odds scale, so that rates by group, by poverty and for all children agree with one another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial

import numpy as np
from scipy.special import expit, logit, ndtr, ndtri

from cradlecast.model import kernels
from cradlecast.model.children import Bools, Children, Reals, children_of, world_key
from cradlecast.model.college import Levels, finishing
from cradlecast.model.kernels import Real, Theta, Whole
from cradlecast.model.pipeline import Pipeline
from cradlecast.model.place import Floats, Place, shifted_to_mean
from cradlecast.model.theta import EMPLOYMENT_LEVELS, LIFETIME_EARNINGS, chain, event_shifts, theta_of
from cradlecast.model.town import Setting, schools_by_area, streams_of
from cradlecast.scenarios.community import EVENTS, MILESTONES, STAGES
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.fields import ShareFigure
from cradlecast.scenarios.program import Program

CALIBRATION_WORLD = 2**32 - 1
"""World of the calibration population: the last one, beyond what a study may ask for."""

type Rate = Callable[[Floats, Levels], Floats]
"""Probability by what it depends on, and by the level of a child that stands several times."""

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
    """The result for one draw: ``theta`` completed, ``cuts`` float32 (14, cells), and the fit."""

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
    place: Place,
    programs: Mapping[str, Program],
    values: Mapping[str, float],
    seed: int,
    n_children: int,
    *,
    keep_fit: bool = True,
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
    keep_fit
        Whether the result tells what the observed world gives for each target; a study has no use for it.

    Raises
    ------
    InputError
        If a target cannot be reached, naming it.
    """
    theta = theta_of(values, place, programs)
    children, lasting = observed_children(place, programs, values, theta, seed, n_children)
    names = (*MILESTONES, *EVENTS, *STAGES)
    n_cells = place.n_cells
    home = children.whole(Whole.CELL).astype(np.int64)
    cuts = np.zeros((len(names), n_cells))
    fit: list[Fit] = []

    def solve(name: str, value: Floats, of: Floats, rate: Rate, sign: float = 1.0, kept: bool = True) -> Floats:
        """Solve one rate; returns each child's probability of it, given those it is counted among.

        Children may stand several times, once a level of something, in blocks: then ``value`` and ``of`` have that
        many times their number, and the level is ``cell // n_cells`` for ``rate``. What is only solved on the way to
        something else is not ``kept`` in the fit.
        """
        copies = len(value) // len(home)
        levels, at_home = np.repeat(np.arange(copies), len(home)), np.tile(home, copies)
        cells = at_home + levels * n_cells
        shares = np.bincount(at_home, weights=of, minlength=n_cells)
        margins = margins_of(place, name, shares / max(shares.sum(), 1e-12))
        grid = _grid(value, cells, of, copies * n_cells)
        number = names.index(name)
        cuts[number] = _offsets(grid, margins, rate, sign, name, copies)[:n_cells]
        p = rate(_argument(value, cuts[number][at_home], sign), levels)
        done = p * of
        for margin in margins if kept and keep_fit else ():
            inside = margin.cells[at_home]
            model = float(np.sum(done[inside]) / max(float(np.sum(of[inside])), 1e-12))
            fit.append(Fit(margin.name, name, margin.target, model, margin.source, margin.borrowed))
        return p

    ones = np.ones(len(children))
    screener, test = float(theta[Theta.SCREENER_NOISE]), float(theta[Theta.TEST_NOISE])

    def test_of(name: str, age: int, noise: float) -> None:
        """Solve what a score decides, its changing part and its noise integrated."""
        spread = float(np.hypot(noise, _changing_weight(theta, age)))
        solve(name, lasting[age], ones, lambda gap, _: ndtr(-gap / spread), -1.0)

    test_of(STAGES[0], 2, screener)
    years, spreads = _classrooms(theta, children)
    solve(
        MILESTONES[0],
        np.tile(lasting[4], len(years)),
        years.ravel(),
        lambda gap, level: ndtr(-gap / spreads[level]),
        -1.0,
    )
    test_of(MILESTONES[1], kernels.GRADE3_AGE, test)
    test_of(MILESTONES[2], kernels.GRADE8_AGE, test)
    arrests = 0.0 * ones
    for event, index in _event_indices(theta, children, event_shifts(values, place)):
        number = EVENTS.index(event)
        first, last = kernels.EVENT_FIRST_AGES[number], kernels.EVENT_LAST_AGES[number]
        once = number >= kernels.FIRST_ONCE
        chance = solve(event, index, ones, partial(_ever, years=last - first + 1) if once else _logistic)
        if event == "arrest":
            arrests = 1.0 - (1.0 - chance) ** (kernels.GRADUATION_AGE - first)
    steps = Steps(theta, children)
    unarrested = steps.graduation()
    chance = solve("high_school_graduate", unarrested, ones, _logistic, kept=False)
    moves = float(np.sum(arrests * chance * (1.0 - chance)) / np.sum(arrests))
    theta[Theta.ARREST_STEP] = -values["arrest_graduation"] / 100.0 / moves
    of = np.concatenate([1.0 - arrests, arrests])
    index = np.concatenate([unarrested, unarrested + float(theta[Theta.ARREST_STEP])])
    graduated = (solve("high_school_graduate", index, of, _logistic) * of).reshape(2, -1).sum(axis=0)
    enrolled = graduated * solve("postsecondary_enrolled", steps.enrolment(), graduated, _logistic)
    four = solve("four_year", steps.sector(), enrolled, _logistic)
    of = np.concatenate([enrolled * (1.0 - four), enrolled * four])
    two_year = steps.completion()
    index = np.concatenate([two_year, two_year + float(theta[Theta.FOUR_YEAR_STEP])])
    again = float(theta[Theta.COLLEGE_RETURN])
    done = of * solve("postsecondary_completed", index, of, lambda odds, level: finishing(odds, level, again))
    completed = done.reshape(2, -1).sum(axis=0)
    levels = np.stack([1.0 - graduated, graduated - enrolled, enrolled - completed, completed])
    theta[Theta.EMPLOYMENT_SLOPE] = _employment_slope(levels, steps.base, values)
    theta[Theta.EMPLOYMENT_GAIN] = values["causal_share"] * theta[Theta.EMPLOYMENT_SLOPE]
    causal = np.array([0.0, *theta[[Theta.DIPLOMA_STEP, Theta.COLLEGE_STEP, Theta.DEGREE_STEP]]])
    solve("employed", (steps.employment()[None, :] + causal[:, None]).ravel(), levels.ravel(), _logistic)
    bachelor = done.reshape(2, -1)[1]
    _set_earnings(theta, values, graduated - enrolled, bachelor, steps.base)
    return Calibration(theta, cuts.astype(np.float32), tuple(fit))


def _logistic(odds: Floats, _: Levels) -> Floats:
    """Probability by log-odds."""
    return np.asarray(expit(odds), dtype=np.float64)


def _ever(odds: Floats, _: Levels, years: int) -> Floats:
    """Probability of what may happen every year, ever within so many years."""
    return np.asarray(1.0 - expit(-odds) ** years, dtype=np.float64)


@dataclass(frozen=True)
class Steps:
    """Log-odds of the steps after school without their intercepts, as children of 18 stand; float64 (n,) each."""

    theta: Reals
    children: Children

    @cached_property
    def base(self) -> Floats:
        """Own skill at the end of grade 8."""
        return self.children.real(Real.OWN_GRADE8).astype(np.float64)

    def _index(self, step: str, load: str | None = None) -> Floats:
        """Skill, gains from programs and the gain outside tests."""
        theta, children = self.theta, self.children
        boost = children.real(Real.FADING).astype(np.float64) + children.real(Real.LONG_RUN)
        skill = float(theta[Theta[f"{step}_SLOPE"]]) * self.base + float(theta[Theta[f"{step}_GAIN"]]) * boost
        weight = float(theta[Theta[load]]) if load is not None else 0.0
        return np.asarray(skill + weight * children.real(Real.NONTEST).astype(np.float64), np.float64)

    def _family(self) -> Floats:
        return np.asarray(float(self.theta[Theta.FAMILY_SLOPE]) * self.children.real(Real.FAMILY), np.float64)

    def _girls(self, step: str) -> Floats:
        return np.asarray(float(self.theta[Theta[f"GIRLS_{step}"]]) * self.children.whole(Whole.FEMALE), np.float64)

    def graduation(self) -> Floats:
        """Graduation of those who were never arrested."""
        behaviour = float(self.theta[Theta.BEHAVIOUR_SLOPE]) * self.children.real(Real.BEHAVIOUR).astype(np.float64)
        index = self._index("GRADUATION", "GRADUATION_LOAD")
        return index + self._family() + behaviour + self._girls("GRADUATION")

    def enrolment(self) -> Floats:
        """Enrolment among graduates."""
        return self._index("ENROLMENT", "ENROLMENT_LOAD") + self._family() + self._girls("ENROLMENT")

    def sector(self) -> Floats:
        """A four-year college among the enrolled."""
        return self._index("SECTOR") + self._family()

    def completion(self) -> Floats:
        """Completion of a two-year program among the enrolled."""
        return self._index("COMPLETION", "COMPLETION_LOAD") + self._family()

    def employment(self) -> Floats:
        """Employment without a diploma."""
        return self._index("EMPLOYMENT", "EMPLOYMENT_LOAD")


def _event_indices(theta: Reals, children: Children, shifts: Mapping[str, float]) -> Iterator[tuple[str, Floats]]:
    """School events with their log-odds in a year without intercepts, float64 (n,)."""
    female = children.whole(Whole.FEMALE)
    trait, transient, behaviour, liability = (
        children.real(column).astype(np.float64)
        for column in (Real.TRAIT, Real.TRANSIENT, Real.BEHAVIOUR, Real.LIABILITY)
    )
    own = trait * theta[Theta.TRAIT_WEIGHT] + transient * theta[Theta.TRANSIENT_WEIGHT]
    common = float(theta[Theta.EVENT_SLOPE]) * own + float(theta[Theta.EVENT_BEHAVIOUR]) * behaviour
    at_4, at_3 = children.whole(Whole.CARE4), children.whole(Whole.CARE3)
    cared_for = np.where(at_4 != 0, at_4, at_3) != 0
    for number, event in enumerate(EVENTS):
        index = common + shifts[event] * cared_for + float(theta[Theta.GIRLS_ABSENCE + number]) * female
        if number == kernels.SPECIAL_EDUCATION:
            index = index + float(theta[Theta.SPECIAL_LIABILITY]) * liability
        yield event, index


def _classrooms(theta: Reals, children: Children) -> tuple[Floats, Floats]:
    """Children by their years in classrooms before kindergarten, and what is integrated of their score for each.

    Returns
    -------
    tuple
        float64 (4, n): 1 for who was in care outside the home in neither year, at 3 alone, at 4 alone, or in both; and
        float64 (4,): the spread of what the changing part, the instrument and the luck of classrooms add.
    """
    at_3, at_4 = (children.whole(row) != kernels.HOME for row in (Whole.CARE3, Whole.CARE4))
    kind = at_3 + 2 * at_4
    own = np.hypot(float(theta[Theta.SCREENER_NOISE]), _changing_weight(theta, 4))
    kept = float(theta[Theta.FIRST_YEAR])
    luck = float(theta[Theta.CENTER_SD]) ** 2 * np.array([0.0, kept**2, 1.0, 1.0 + kept**2])
    return (kind == np.arange(4)[:, None]).astype(np.float64), np.sqrt(own**2 + luck)


def _changing_weight(theta: Reals, age: int) -> float:
    """Weight of the changing part of skill at the end of the year of an age."""
    early = age < kernels.FIRST_SCHOOL_AGE
    return float(theta[Theta.EARLY_TRANSIENT_WEIGHT if early else Theta.TRANSIENT_WEIGHT])


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
        (n,): what the changing part, the instrument and the luck of classrooms add is integrated instead of sampled.
    """
    evenly = theta.copy()
    evenly[Theta.CENTER_SD] = 0.0
    cohorts = (place.community.observed_year - 5,)
    world = world_key(seed, CALIBRATION_WORLD)
    setting = Setting(
        place=place,
        programs=programs,
        values=values,
        theta=evenly,
        cuts=np.zeros((len(MILESTONES) + len(EVENTS) + len(STAGES), place.n_cells), np.float32),
        cohorts=cohorts,
        n_children=n_children,
        world=world,
        streams=streams_of(place, ()),
        horizon=kernels.LAST_SKILL_AGE + 1,
    )
    children = children_of(place, cohorts, n_children, world, schools_by_area(place, setting.scale), theta)
    even_out(children, place, theta)
    town = Pipeline(setting, children, copy=False)
    lasting: dict[int, Floats] = {}
    while town.time < town.last_year - town.first_year + 1:
        town.step()
        age = int(town.time) - 1
        x = town.columns().x
        if age == kernels.INFANT_AGES[-1]:
            lasting[age] = x[Real.TRAIT].astype(np.float64) * float(theta[Theta.EARLY_TRAIT_WEIGHT])
        elif age in (4, kernels.GRADE3_AGE, kernels.GRADE8_AGE):
            changing = x[Real.TRANSIENT].astype(np.float64) * _changing_weight(theta, age)
            lasting[age] = x[Real.SKILL].astype(np.float64) - changing
    return town.columns(), lasting


def even_out(children: Children, place: Place, theta: Reals) -> None:
    """Give the calibration population the exact distributions that it is a sample of.

    Within each group the children keep their rank in income, in mother's education given income, in the part of the
    trait that the family does not carry, in behaviour given the trait and in the changing part of skill, and take the
    normal quantile of that rank: small groups then carry hardly any sampling error into the intercepts.
    """
    t = {entry: float(theta[entry]) for entry in Theta}
    x = children.x
    for group in range(len(place.group_names)):
        rows = np.flatnonzero(children.whole(Whole.GROUP) == group)
        if len(rows) == 0:
            continue
        before, family = x[Real.INCOME, rows], x[Real.FAMILY, rows]
        own = x[Real.TRAIT, rows] - t[Theta.TRAIT_LOADING] * family
        mother = (family - t[Theta.FAMILY_INCOME] * before) / t[Theta.FAMILY_MOTHER]
        luck = _normal_scores(mother - t[Theta.MOTHER_INCOME] * before)
        income = place.group_means[group] + place.income_sd * _normal_scores(before)
        mother = t[Theta.MOTHER_INCOME] * income + t[Theta.MOTHER_REST] * luck
        family = t[Theta.FAMILY_INCOME] * income + t[Theta.FAMILY_MOTHER] * mother
        behaviour = x[Real.BEHAVIOUR, rows] - t[Theta.BEHAVIOUR_TRAIT] * x[Real.TRAIT, rows]
        rest = float(np.hypot(t[Theta.TRAIT_REST], t[Theta.BIRTH_WEIGHT_LOAD]))
        trait = t[Theta.TRAIT_LOADING] * family + rest * _normal_scores(own)
        x[Real.INCOME, rows], x[Real.FAMILY, rows], x[Real.TRAIT, rows] = income, family, trait
        x[Real.BEHAVIOUR, rows] = t[Theta.BEHAVIOUR_TRAIT] * trait + t[Theta.BEHAVIOUR_REST] * _normal_scores(behaviour)
        x[Real.TRANSIENT, rows] = _normal_scores(x[Real.TRANSIENT, rows])
        children.k[Whole.CELL, rows] = 2 * group + (x[Real.INCOME, rows] < theta[Theta.POOR_INCOME])


def _normal_scores(values: Reals) -> Floats:
    """Normal quantiles of the ranks of some values."""
    scores = np.empty(len(values))
    scores[np.argsort(values, kind="stable")] = _quantiles(len(values))
    return scores


@lru_cache(maxsize=64)
def _quantiles(n: int) -> Floats:
    """Normal quantiles of the ranks from 1 to ``n``: groups have the same size in every draw."""
    return np.asarray(ndtri((np.arange(n) + 0.5) / n), dtype=np.float64)


def margins_of(place: Place, name: str, cell_shares: Floats) -> list[Margin]:
    """The rates that a milestone or school event must show: all children, each group, below and above poverty.

    Steps after school are calibrated among those at risk of them (graduates, the enrolled); a rate that the community
    file gives for the cohort is divided by the rate of the step before.

    Where the rate of all children is local, patterns over groups and poverty are moved on the log-odds scale until
    they average it. Where it is borrowed, the rates by group are taken as they are, and all children follow from who
    lives here.
    """
    if name in (*EVENTS, *STAGES):
        rates = (place.community.events | place.community.stages)[name]
        overall = rates.all.value
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
        if abs(shares.sum() - 1.0) < 1e-6:
            if not settled:
                overall, settled = float(np.sum(shares * level)), True
            level = shifted_to_mean(level, shares / shares.sum(), overall)
        for (one, cells, figure), target in zip(part, level, strict=True):
            margins.append(Margin(one, cells, float(target), figure.source, figure.borrowed is not None))
    everyone = np.ones(place.n_cells, np.bool_)
    return [Margin("all", everyone, overall, rates.all.source, rates.all.borrowed is not None), *margins]


def _employment_slope(levels: Floats, base: Floats, values: Mapping[str, float]) -> float:
    """Slope of employment on skill that carries the part of the attainment gap which attainment does not cause."""
    gap = float(logit(values[EMPLOYMENT_LEVELS[3]]) - logit(values[EMPLOYMENT_LEVELS[1]]))
    mean = [float(np.sum(level * base) / np.sum(level)) for level in levels]
    return (1.0 - values["attainment_causal_share"]) * gap / max(mean[3] - mean[1], 0.2)


def _set_earnings(theta: Reals, values: Mapping[str, float], diploma: Floats, bachelor: Floats, base: Floats) -> None:
    """Base of log earnings, and their slope on skill that carries what college years do not cause of the gap.

    A working life is the ages 25 to 64 at the career's profile; ``diploma`` and ``bachelor`` are each child's chances
    of stopping at a diploma and of a bachelor's degree.
    """
    ages = np.arange(25, 65)
    t = {entry: float(theta[entry]) for entry in (Theta.EXPERIENCE, Theta.EXPERIENCE_SQUARED, Theta.COLLEGE_EARNINGS)}

    def working_life(college_years: int) -> float:
        years = ages - 17 - college_years
        career = t[Theta.EXPERIENCE] * years + t[Theta.EXPERIENCE_SQUARED] * years**2
        return float(np.log(np.sum(np.exp(career)))) + t[Theta.COLLEGE_EARNINGS] * college_years

    mean = [float(np.sum(of * base) / np.sum(of)) for of in (diploma, bachelor)]
    _, with_diploma, with_bachelor = (float(np.log(values[name])) for name in LIFETIME_EARNINGS)
    left = (with_bachelor - with_diploma) - (working_life(kernels.FOUR_YEAR) - working_life(0))
    slope = max(left, 0.0) / max(mean[1] - mean[0], 0.2)
    theta[Theta.EARNINGS_SLOPE] = slope
    theta[Theta.EARNINGS_BASE] = with_diploma - working_life(0) - slope * mean[0] - float(theta[Theta.DIPLOMA_EARNINGS])


def _grid(
    value: Floats, cells: np.ndarray[tuple[int, ...], np.dtype[np.int64]], weight: Floats, n_cells: int
) -> Floats:
    """Children binned by cell and value: (2, cells, bins) of weights and mean values."""
    at = np.clip(((value + _RANGE) / (2 * _RANGE) * _BINS).astype(np.int64), 0, _BINS - 1) + cells * _BINS
    total = np.bincount(at, weights=weight, minlength=n_cells * _BINS)
    mean = np.bincount(at, weights=weight * value, minlength=n_cells * _BINS) / np.maximum(total, 1e-12)
    return np.stack([total.reshape(n_cells, _BINS), mean.reshape(n_cells, _BINS)])


def _offsets(grid: Floats, margins: list[Margin], rate: Rate, sign: float, milestone: str, copies: int) -> Floats:
    """Offsets by cell that give every margin its rate: each margin in turn, until all hold.

    Cells stand ``copies`` times, once a level, and have one offset.
    """
    weight, value = grid
    level = np.arange(len(weight))[:, None] // (len(weight) // copies)
    inside = {margin.name: np.tile(margin.cells, copies) for margin in margins}
    keep = weight.sum(axis=0) > 0
    weight, value = weight[:, keep], value[:, keep]
    offsets = np.zeros(len(weight))
    parts = [(margin.target, inside[margin.name]) for margin in margins if weight[inside[margin.name]].sum() > 0]
    fixed = [
        (target, float(logit(np.clip(target, 1e-6, 1 - 1e-6))), here, weight[here], value[here], level[here])
        for target, here in parts
    ]
    for _ in range(200):
        worst = 0.0
        for target, wanted, here, w, v, at in fixed:
            total, o = w.sum(), offsets[here][:, None]
            step = 0.0
            for _ in range(3):
                got = float((w * rate(_argument(v, o + step, sign), at)).sum() / total)
                error = wanted - float(logit(np.clip(got, 1e-9, 1 - 1e-9)))
                worst = max(worst, abs(got - target)) if step == 0.0 else worst
                step += error if sign > 0 else -0.55 * error
                if abs(error) < 1e-5:
                    break
            offsets[here] += step
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
