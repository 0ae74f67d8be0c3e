"""Every chance event of a child, told again by its rule, beside what the engine kept of it.

``RULES`` is the place for a new decision: its entry in the register, the ages at which it is taken, its probability (or
score, or value) from the child's columns before and after the year, and where the engine keeps the outcome. A draw is
worked out anew by the scalar rules of ``kernels``, so that telling and engine must agree to the bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Protocol

import numpy as np

from cradlecast.model import kernels as rules
from cradlecast.model.children import Bools, Bytes, Children, Longs, Reals, Shorts, Wholes, Words
from cradlecast.model.kernels import Decision, Real, Theta, Whole, Wide
from cradlecast.model.pipeline import Line, Pipeline
from cradlecast.model.services import NEEDS, Provider
from cradlecast.model.town import Setting
from cradlecast.scenarios.community import EVENTS

type Outcome = bool | int | float | str

LOTTERY: Final = 2**56
"""Lottery numbers lie below this; a key at or above it belongs to a child without priority."""

_f = np.float32
_ZERO, _ONE = _f(0.0), _f(1.0)
_AT_BIRTH: Final = (0,)
_SERVED_AGES: Final = range(rules.EMPLOYMENT_AGE + 1)
_ASKING: Final = "families that ask for a place there"
_SKILL_AGES: Final = range(rules.ENTRY_AGES[0], rules.LAST_SKILL_AGE + 1)
_COLLEGE_AGES: Final = range(rules.ENROLMENT_AGE, rules.COMPLETION_AGE + 1)
_WORKING_AGES: Final = range(rules.LAST_SKILL_AGE + 1, rules.EMPLOYMENT_AGE + 1)
_LEAVING_AGES: Final = range(rules.FIRST_LEAVING_AGE, rules.LAST_LEAVING_AGE + 1)


@dataclass(frozen=True)
class Told:
    """One chance event of a child.

    Attributes
    ----------
    decision
        Its name in the register.
    draw
        The uniform, the normal, or the lottery number as a share of all numbers.
    probability
        Of the event, where it has one.
    score, cut
        Score as read and the cut it is held against, where a test decides.
    outcome, engine
        What the rule gives, and what the engine kept.
    """

    decision: str
    draw: float
    outcome: Outcome
    engine: Outcome
    probability: float | None = None
    score: float | None = None
    cut: float | None = None

    @property
    def agrees(self) -> bool:
        """Whether rule and engine came to the same."""
        return self.outcome == self.engine


@dataclass(frozen=True)
class Columns:
    """The state of one child: all its real numbers, and copies of its column in ``k``, ``seats`` and ``wide``."""

    x: Reals
    k: Bytes
    seats: Shorts
    wide: Wholes

    def has(self, milestone: int) -> bool:
        """Whether a milestone has been reached."""
        return bool(rules.has_milestone(self.k[Whole.REACHED], np.int32(milestone)))


class Watched(Pipeline):
    """The array engine, asked about its seats and services after each year.

    Attributes
    ----------
    asked, taken, known
        Bit of a service with places this year to what placed the children who asked for it in its line, by row; to
        the rows of those taken in; and to the rows of those whose need was known beforehand.
    lines
        The families who asked for seats this year.
    """

    def __init__(self, setting: Setting, children: Children) -> None:
        super().__init__(setting, children)
        self._values: tuple[float, Reals] | None = None
        self.asked: dict[int, dict[int, float]] = {}
        self.taken: dict[int, set[int]] = {}
        self.known: dict[int, set[int]] = {}
        self.lines: list[Line] = []

    def _marks(self, provider: Provider, year: int, rows: Longs) -> Reals | Words:
        marks = super()._marks(provider, year, rows)
        if self.room_of(provider, year):
            self.asked[provider.offer.bit] = dict(zip(rows.tolist(), marks.tolist(), strict=True))
        return marks

    def _serve(self, year: int, ages: dict[int, tuple[int, int]]) -> None:
        self.asked, self.taken, self.known, self.lines = {}, {}, {}, []
        super()._serve(year, ages)

    def _known(self, provider: Provider, rows: Longs) -> Bools:
        known = super()._known(provider, rows)
        self.known[provider.offer.bit] = set(rows[known].tolist())
        return known

    def _seat(self, age: int, line: Line, n_areas: int) -> None:
        self.lines.append(line)
        super()._seat(age, line, n_areas)

    def _give(self, provider: Provider, rows: Longs) -> None:
        super()._give(provider, rows)
        self.taken[provider.offer.bit] = set(rows.tolist())

    @cached_property
    def effects(self) -> Reals:
        """Lasting effects by kind of care."""
        return self.kind_effects()

    @property
    def n_areas(self) -> int:
        """Areas of the community."""
        return len(self.setting.place.area_names)

    def column(self, row: int) -> Columns:
        """A copy of one child's state."""
        c = self._columns
        worked_out = [c.real_of(column, np.array([row])) for column in [*Real][rules.KEPT :]]
        x = np.concatenate([c.x[:, row], *worked_out])
        return Columns(x, c.k[:, row].copy(), c.seats[:, row].copy(), c.wide[:, row].copy())

    def ranked(self, row: int) -> list[int]:
        """The pools that the family asked for this year, best first."""
        line = self._line_of(row)
        return [int(pool) for pool in line.places[row - line.start, :5] if pool >= 0]

    def key(self, program: int, row: int) -> int:
        """The child's priority and lottery number for a program, as the engine drew it."""
        line = self._line_of(row)
        return int(line.keys[program, row - line.start])

    def given(self, rows: Longs) -> Wholes:
        """The pool that each of some children was given this year, or -1; rows of a cohort of 3- or 4-year-olds."""
        line = self._line_of(int(rows[0]))
        return np.asarray(line.given[rows - line.start])

    def _line_of(self, row: int) -> Line:
        """The line in which a child's family stood this year."""
        return next(line for line in self.lines if 0 <= row - line.start < len(line.given))

    def values_now(self) -> Reals:
        """What a year at each site added to skill in the year just lived."""
        if self._values is None or self._values[0] != self.time:
            self._values = (self.time, self.site_values())
        return self._values[1]


@dataclass(frozen=True)
class Moment:
    """One child in one year: the state before and after it, and the rules' view of the town."""

    town: Watched
    row: int
    age: int
    year: int
    before: Columns
    after: Columns

    @property
    def theta(self) -> Reals:
        """The parameters in force this year."""
        return self.town.theta

    @property
    def cell(self) -> int:
        """The child's cell of the calibration."""
        return int(self.after.k[Whole.CELL])

    @property
    def site(self) -> int:
        """The child's site at this age of entry, or -1."""
        return int(self.after.seats[rules.ENTRY_COLUMNS[self.age][1]])

    def key(self, decision: Decision, year: int | None = None) -> tuple[int, ...]:
        """What a draw depends on: child, decision, year and world."""
        low, high = (int(word) for word in self.town.columns().ids[:, self.row])
        when = self.year if year is None else year
        return (low, high, int(decision), when, *(int(word) for word in self.town.setting.world))

    def own(self, state: Columns) -> np.float32:
        """Skill that owes nothing to programs."""
        trait, changing = state.x[Real.TRAIT], state.x[Real.TRANSIENT]
        early = self.age < rules.FIRST_SCHOOL_AGE
        of_trait = self.theta[Theta.EARLY_TRAIT_WEIGHT if early else Theta.TRAIT_WEIGHT]
        of_changing = self.theta[Theta.EARLY_TRANSIENT_WEIGHT if early else Theta.TRANSIENT_WEIGHT]
        return _f(rules.weighted(trait, of_trait, changing, of_changing))

    def boost(self, state: Columns, peer: np.float32 = _ZERO) -> np.float32:
        """Skill that programs and classmates account for."""
        x = state.x
        return _f(rules.boost_of(x[Real.FRESH], x[Real.FADING], x[Real.LONG_RUN], _f(rules.phase(self.age)), peer))

    def cut(self, milestone: int) -> np.float32:
        """Cut or intercept of a milestone, or of a school event behind them, in the child's cell."""
        return _f(self.town.setting.cuts[milestone, self.cell])

    def of_family(self) -> np.float32:
        """What goes along with family advantage in the log-odds of a step."""
        return _f(self.theta[Theta.FAMILY_SLOPE] * self.after.x[Real.FAMILY])

    def log_odds(self, milestone: int, step: str) -> np.float32:
        """Log-odds of a step on the way from school to work, without what goes along with family, behaviour and sex."""
        peer = self.after.x[Real.PEER] if self.age <= rules.LAST_SKILL_AGE else _ZERO
        return _f(
            rules.log_odds_of(
                self.cut(milestone),
                self.theta[Theta[f"{step}_SLOPE"]],
                _f(self.after.x[Real.OWN_GRADE8]),
                self.theta[Theta[f"{step}_GAIN"]],
                self.boost(self.after, peer),
                self.theta[Theta[f"{step}_LOAD"]],
                self.after.x[Real.NONTEST],
            )
        )

    def asked_for(self, program: int) -> bool:
        """Whether the family asked for a place of a program this year."""
        return any(pool // self.town.n_areas == program for pool in self.town.ranked(self.row))

    def elsewhere(self) -> str | None:
        """The neighbouring area in which the family asked for a place, if it did."""
        areas = (pool % self.town.n_areas for pool in self.town.ranked(self.row))
        away = next((area for area in areas if area != int(self.after.k[Whole.AREA])), None)
        return None if away is None else self.town.setting.place.area_names[away]


class Rule(Protocol):
    """How one decision is told."""

    @property
    def decision(self) -> Decision:
        """Its entry in the register."""
        ...

    @property
    def ages(self) -> Sequence[int]:
        """Ages in the fall at which it is taken; 0 for what is settled at birth."""
        ...

    @property
    def of(self) -> str:
        """Who takes it, where not everybody does."""
        ...

    def tell(self, moment: Moment) -> Told | tuple[Told, ...] | None:
        """The decision of one child in one year, once a service where it is about services; None if not asked."""
        ...


@dataclass(frozen=True)
class ByShare:
    """Happens where the child's uniform lies below a probability; None where the child is not asked."""

    decision: Decision
    ages: Sequence[int]
    probability: Callable[[Moment], np.float32 | None]
    engine: Callable[[Moment], bool]
    of: str = ""

    def tell(self, moment: Moment) -> Told | None:
        """The decision, told again."""
        p = self.probability(moment)
        if p is None:
            return None
        u = _f(rules.uniform(*moment.key(self.decision)))
        return Told(_name(self), float(u), bool(u < p), self.engine(moment), probability=min(max(float(p), 0.0), 1.0))


@dataclass(frozen=True)
class ByOdds:
    """Happens with the probability whose log-odds are given; None where the child is not asked."""

    decision: Decision
    ages: Sequence[int]
    log_odds: Callable[[Moment], np.float32 | None]
    engine: Callable[[Moment], bool]
    of: str = ""

    def tell(self, moment: Moment) -> Told | None:
        """The decision, told again."""
        odds = self.log_odds(moment)
        if odds is None:
            return None
        u = _f(rules.uniform(*moment.key(self.decision)))
        p = 1.0 / (1.0 + math.exp(-float(odds)))
        return Told(_name(self), float(u), bool(rules.happens(u, odds)), self.engine(moment), probability=p)


@dataclass(frozen=True)
class ByYear:
    """A year of a program of several years, with log-odds of getting through them all; None where nobody studies."""

    decision: Decision
    ages: Sequence[int]
    log_odds: Callable[[Moment], np.float32 | None]
    years: Callable[[Moment], int]
    engine: Callable[[Moment], bool]
    of: str = ""

    def tell(self, moment: Moment) -> Told | None:
        """The decision, told again."""
        odds = self.log_odds(moment)
        if odds is None:
            return None
        years = self.years(moment)
        u = _f(rules.uniform(*moment.key(self.decision)))
        p = (1.0 / (1.0 + math.exp(-float(odds)))) ** (1.0 / years)
        outcome = bool(rules.passes_year(u, np.int32(years), odds))
        return Told(_name(self), float(u), outcome, self.engine(moment), probability=p)


@dataclass(frozen=True)
class ByScore:
    """A true score read with an instrument's noise, and held against a cut where it decides a milestone."""

    decision: Decision
    ages: Sequence[int]
    true: Callable[[Moment], np.float32]
    noise: Theta
    read: Real
    milestone: int | None = None
    reached: Callable[[Moment], bool] | None = None
    of: str = ""

    def tell(self, moment: Moment) -> Told | None:
        """The score, read again."""
        e = _f(rules.normal(*moment.key(self.decision)))
        score = _f(self.true(moment) + moment.theta[self.noise] * e)
        kept = moment.after.x[self.read]
        if self.milestone is None:
            return Told(_name(self), float(e), float(score), float(kept), score=float(score))
        cut = moment.cut(self.milestone)
        outcome: Outcome = bool(score >= cut) if score == kept else "another score"
        engine = moment.after.has(self.milestone) if self.reached is None else self.reached(moment)
        return Told(_name(self), float(e), outcome, engine, None, float(score), float(cut))


@dataclass(frozen=True)
class ByValue:
    """Turns a draw into a value: a group, a room, a change of skill. None where the child is not asked."""

    decision: Decision
    ages: Sequence[int]
    draw: Callable[[Moment, Decision], float]
    value: Callable[[Moment, float], Outcome | None]
    engine: Callable[[Moment], Outcome]
    of: str = ""

    def tell(self, moment: Moment) -> Told | None:
        """The value, worked out again."""
        draw = self.draw(moment, self.decision)
        value = self.value(moment, draw)
        return None if value is None else Told(_name(self), draw, value, self.engine(moment))


@dataclass(frozen=True)
class ByService:
    """What services draw of a child: told once for each that had places this year and for which the child was asked."""

    decision: Decision
    ages: Sequence[int]
    about: Callable[[Moment, Provider], Told | None]
    of: str = ""

    def tell(self, moment: Moment) -> tuple[Told, ...]:
        """The decision, told again, service by service."""
        asked = (p for p in moment.town.providers if p.offer.bit in moment.town.asked)
        told = (self.about(moment, provider) for provider in asked)
        return tuple(one for one in told if one is not None)


def _name(rule: Rule) -> str:
    """A decision's name in the register, in small letters."""
    return rule.decision.name.lower()


# --- draws -------------------------------------------------------------------------------------------------------


def _uniform(moment: Moment, decision: Decision) -> float:
    """The child's uniform of this year."""
    return float(rules.uniform(*moment.key(decision)))


def _normal(moment: Moment, decision: Decision) -> float:
    """The child's normal of this year."""
    return float(rules.normal(*moment.key(decision)))


def _uniform_at_birth(moment: Moment, decision: Decision) -> float:
    """The child's uniform at birth."""
    return float(rules.uniform(*moment.key(decision, 0)))


def _normal_at_birth(moment: Moment, decision: Decision) -> float:
    """The child's normal at birth."""
    return float(rules.normal(*moment.key(decision, 0)))


def _lottery(moment: Moment, decision: Decision) -> float:
    """The child's lottery number of this year, as a share of all numbers."""
    return int(rules.lottery_number(*moment.key(decision))) / LOTTERY


def _room_luck(moment: Moment, decision: Decision) -> float:
    """The normal of the child's classroom, which is keyed by the room; 0 at home."""
    if moment.site < 0:
        return 0.0
    _, _, number, year, *world = moment.key(decision)
    return float(rules.normal(int(moment.town.site_keys[moment.site]), _room(moment), number, year, *world))


# --- values ------------------------------------------------------------------------------------------------------


def _group(moment: Moment, draw: float) -> Outcome:
    """Group by its share of births."""
    shares = np.cumsum(moment.town.setting.place.group_shares).astype(np.float32)
    return moment.town.setting.place.group_names[int(rules.category(_f(draw), shares))]


def _income(moment: Moment, draw: float) -> Outcome:
    """Standardised income, within the group."""
    place, group = moment.town.setting.place, int(moment.after.k[Whole.GROUP])
    return float(place.group_means.astype(np.float32)[group] + _f(place.income_sd) * _f(draw))


def _area(moment: Moment, draw: float) -> Outcome:
    """Area, by shares above or below the poverty line."""
    shares = np.cumsum(moment.town.setting.place.area_shares, axis=1).astype(np.float32)
    return _area_name(moment, int(rules.category(_f(draw), np.ascontiguousarray(shares[moment.cell % 2]))))


def _area_name(moment: Moment, area: int) -> str:
    """An area by its number."""
    return moment.town.setting.place.area_names[area]


def _school(moment: Moment, draw: float) -> Outcome:
    """One of the area's schools."""
    area, schools = int(moment.after.k[Whole.AREA]), moment.town.schools
    return int(schools[:area].sum()) + int(rules.one_of(_f(draw), np.int32(schools[area])))


def _trait(moment: Moment, draw: float) -> Outcome:
    """Stable trait, correlated with family advantage and with birth weight."""
    theta, x = moment.theta, moment.after.x
    weight = _f(rules.normal(*moment.key(Decision.BIRTH_WEIGHT, 0)))
    own = _f(rules.weighted(_f(draw), theta[Theta.TRAIT_REST], weight, theta[Theta.BIRTH_WEIGHT_LOAD]))
    return float(_f(theta[Theta.TRAIT_LOADING] * x[Real.FAMILY] + own))


def _birth_weight(moment: Moment, draw: float) -> Outcome:
    """Birth weight, kg, about the group's mean."""
    means = moment.town.setting.place.weight_means.astype(np.float32)
    return float(_f(means[int(moment.after.k[Whole.GROUP])] + moment.theta[Theta.BIRTH_WEIGHT_SD] * _f(draw)))


def _female(moment: Moment, draw: float) -> Outcome:
    """1 for a girl."""
    return int(_f(draw) < moment.theta[Theta.GIRLS])


def _family(moment: Moment, draw: float) -> Outcome:
    """Family advantage, from income and mother's education."""
    theta, income = moment.theta, moment.after.x[Real.INCOME]
    mother = _f(rules.weighted(income, theta[Theta.MOTHER_INCOME], _f(draw), theta[Theta.MOTHER_REST]))
    return float(rules.weighted(income, theta[Theta.FAMILY_INCOME], mother, theta[Theta.FAMILY_MOTHER]))


def _language(moment: Moment, draw: float) -> Outcome:
    """1 where another language than English is spoken at home."""
    shares = moment.town.setting.place.other_language.astype(np.float32)
    return int(_f(draw) < shares[int(moment.after.k[Whole.GROUP])])


def _behaviour(moment: Moment, draw: float) -> Outcome:
    """Behaviour, correlated with the trait."""
    theta, trait = moment.theta, moment.before.x[Real.TRAIT]
    return float(rules.weighted(trait, theta[Theta.BEHAVIOUR_TRAIT], _f(draw), theta[Theta.BEHAVIOUR_REST]))


def _early_care(moment: Moment, draw: float) -> Outcome:
    """Who cares for a child under 3, by age and income."""
    band = int(rules.income_band(moment.after.x[Real.INCOME], moment.theta))
    return int(rules.category(_f(draw), moment.town.setting.place.early_care[3 * moment.age + band]))


def _early_care_kept(moment: Moment) -> Outcome:
    """Who cares for the child, as the engine kept it."""
    return int(moment.after.k[Whole.CARE0 + moment.age])


def _in_domain(moment: Moment, gain: Theta, unique: float, columns: Columns) -> np.float32:
    """True score in a domain of skill, with the child's own part in it."""
    theta = moment.theta
    loading, rest = theta[Theta.DOMAIN_LOADING], theta[Theta.DOMAIN_REST]
    own, boost = moment.own(columns), moment.boost(columns)
    return _f(rules.domain_of(own, loading, _f(unique), rest, theta[gain], boost))


def _domain(unique: Decision, gain: Theta, state: str = "after") -> Callable[[Moment], np.float32]:
    """True score in a domain of skill at kindergarten, or before the year."""
    return lambda moment: _in_domain(moment, gain, _normal_at_birth(moment, unique), getattr(moment, state))


def _unique(gain: Theta) -> Callable[[Moment, float], Outcome]:
    """True score at kindergarten, from the child's own part in the domain."""
    return lambda moment, draw: float(_in_domain(moment, gain, draw, moment.after))


def _conduct(moment: Moment) -> np.float32:
    """True behaviour at kindergarten."""
    return _f(moment.after.x[Real.BEHAVIOUR] + moment.theta[Theta.BEHAVIOUR_GAIN] * moment.boost(moment.after))


def _grades(moment: Moment, draw: float) -> Outcome:
    """Grade-point average of grade 9."""
    theta, x = moment.theta, moment.after.x
    return float(
        rules.grade_points(
            theta[Theta.GRADES_MEAN],
            _skill(moment),
            theta[Theta.GRADES_SKILL],
            x[Real.BEHAVIOUR],
            theta[Theta.GRADES_BEHAVIOUR],
            _f(draw),
            theta[Theta.GRADES_NOISE],
            _f(4.0),
        )
    )


def _changing(moment: Moment, draw: float) -> Outcome:
    """The changing part of skill, one year on."""
    before, theta = moment.before.x[Real.TRANSIENT], moment.theta
    return float(rules.weighted(before, theta[Theta.PERSISTENCE], _f(draw), theta[Theta.SHOCK_SD]))


def _travel_where(moment: Moment, draw: float) -> Outcome | None:
    """The neighbouring area, for families that ask in one."""
    if moment.elsewhere() is None:
        return None
    near = moment.town.setting.place.next_to[int(moment.after.k[Whole.AREA])]
    near = near[near >= 0]
    return _area_name(moment, int(near[rules.one_of(_f(draw), np.int32(len(near)))]))


def _room(moment: Moment) -> int:
    """The child's classroom in the site's program and area."""
    u = _f(rules.uniform(*moment.key(Decision.ROOM)))
    return int(rules.one_of(u, np.int32(moment.town.site_rooms[moment.age][moment.site])))


def _gain(moment: Moment) -> float:
    """What the year in that classroom, and services, add to skill."""
    town, world = moment.town, moment.key(Decision.ROOM)[4:]
    value = town.values_now()[moment.site]
    spread, key = town.theta[Theta.CENTER_SD], int(town.site_keys[moment.site])
    value = rules.room_value(value, spread, key, _room(moment), moment.year, *world)
    return float(_f(value + moment.after.x[Real.HELP_SKILL]))


def _gain_of_luck(moment: Moment, draw: float) -> Outcome | None:
    """The site's value and the classroom's deviation from it; nothing at home."""
    if moment.site < 0:
        return None
    value = _f(moment.town.values_now()[moment.site] + moment.theta[Theta.CENTER_SD] * _f(draw))
    return float(_f(value + moment.after.x[Real.HELP_SKILL]))


def _room_of(moment: Moment) -> Outcome:
    """The classroom that explains the gain which the engine kept."""
    return _room(moment) if _gain(moment) == float(moment.after.x[Real.FRESH]) else "another room"


def _in_line(program: int) -> Callable[[Moment, float], Outcome | None]:
    """The lottery number, for families that ask for the program."""
    return lambda moment, draw: draw if moment.asked_for(program) else None


def _kept_in_line(program: int) -> Callable[[Moment], Outcome]:
    """The lottery number that the engine drew."""
    return lambda moment: moment.town.key(program, moment.row) % LOTTERY / LOTTERY


# --- probabilities -----------------------------------------------------------------------------------------------


def _take_up(limit: Theta, share: Theta) -> Callable[[Moment], np.float32 | None]:
    """Chance that an eligible family applies."""
    return lambda moment: _f(moment.theta[share]) if moment.after.x[Real.INCOME] < moment.theta[limit] else None


def _prefers_head_start(moment: Moment) -> np.float32 | None:
    """Chance that a family which applies for both ranks Head Start first."""
    return _f(moment.theta[Theta.PREFERS_HEAD_START]) if moment.asked_for(0) and moment.asked_for(1) else None


def _ranks_head_start_first(moment: Moment) -> bool:
    """Whether the engine's list begins with Head Start."""
    return moment.town.ranked(moment.row)[0] // moment.town.n_areas == 1


def _travels(moment: Moment) -> np.float32 | None:
    """Chance that a family which applies also asks in a neighbouring area."""
    return _f(moment.theta[Theta.TRAVELS]) if moment.asked_for(0) or moment.asked_for(1) else None


def _uses_center(moment: Moment) -> np.float32 | None:
    """Chance that a center stands last on the list."""
    return _f(rules.center_share(moment.after.x[Real.INCOME], moment.age, moment.theta))


def _leaves(moment: Moment) -> np.float32 | None:
    """Chance of moving away this year, for those still here."""
    return _f(moment.theta[Theta.LEAVING_HAZARD]) if moment.before.k[Whole.LEFT] < 0 else None


def _with_background(moment: Moment, odds: np.float32, behaviour: np.float32, girls: Theta) -> np.float32:
    """Log-odds with what goes along with family, behaviour and sex."""
    x, k, theta = moment.after.x, moment.after.k, moment.theta
    slope, girl = theta[Theta.FAMILY_SLOPE], k[Whole.FEMALE]
    family, conduct = x[Real.FAMILY], x[Real.BEHAVIOUR]
    return _f(rules.with_background(odds, slope, family, behaviour, conduct, girl, theta[girls]))


def _graduates(moment: Moment) -> np.float32 | None:
    """Log-odds of graduating."""
    theta = moment.theta
    odds = moment.log_odds(rules.GRADUATE, "GRADUATION")
    odds = _with_background(moment, odds, theta[Theta.BEHAVIOUR_SLOPE], Theta.GIRLS_GRADUATION)
    if moment.before.k[Whole.ARREST_YEARS] > 0:
        odds = _f(odds + theta[Theta.ARREST_STEP])
    return _f(odds + moment.after.x[Real.HELP_GRADUATION])


def _enrols(moment: Moment) -> np.float32 | None:
    """Log-odds of enrolling, for graduates."""
    if not rules.at_risk(moment.before.k[Whole.REACHED], rules.ENROLLED):
        return None
    odds = _with_background(moment, moment.log_odds(rules.ENROLLED, "ENROLMENT"), _ZERO, Theta.GIRLS_ENROLMENT)
    return _f(odds + moment.before.x[Real.HELP_ENROLMENT])


def _four_year(moment: Moment) -> np.float32 | None:
    """Log-odds of a four-year college, for the enrolled."""
    if not moment.after.has(rules.ENROLLED):
        return None
    theta = moment.theta
    slope, gain = theta[Theta.SECTOR_SLOPE], theta[Theta.SECTOR_GAIN]
    cut, own = moment.cut(rules.CUT_FOUR_YEAR), _f(moment.after.x[Real.OWN_GRADE8])
    boost = moment.boost(moment.after)
    return _f(rules.log_odds_of(cut, slope, own, gain, boost, _ZERO, _ZERO) + moment.of_family())


def _comes_back(moment: Moment) -> np.float32 | None:
    """Chance of coming back to college, for those who have stopped out."""
    if not moment.before.k[Whole.STOPPED] or moment.before.has(rules.COMPLETED):
        return None
    return _f(moment.theta[Theta.COLLEGE_RETURN])


def _studied(moment: Moment) -> bool:
    """Whether somebody was in college this year."""
    return bool(rules.studies(moment.after.k[Whole.NOW]))


def _passes(moment: Moment) -> np.float32 | None:
    """Log-odds of getting through all years of the program, for those in college this year."""
    if not _studied(moment):
        return None
    odds = _f(moment.log_odds(rules.COMPLETED, "COMPLETION") + moment.of_family())
    if _sector(moment) == rules.FOUR_YEAR:
        odds = _f(odds + moment.theta[Theta.FOUR_YEAR_STEP])
    return _f(odds + moment.after.x[Real.HELP_COMPLETION])


def _sector(moment: Moment) -> int:
    """Years that the program takes."""
    return int(moment.after.k[Whole.SECTOR])


def _passed(moment: Moment) -> bool:
    """Whether the engine counted the year."""
    return bool(moment.after.k[Whole.COLLEGE_YEARS] == moment.before.k[Whole.COLLEGE_YEARS] + 1)


def _works(moment: Moment) -> bool:
    """Whether the engine has the person in work this year."""
    return bool(rules.has_milestone(moment.after.k[Whole.NOW], np.int32(rules.NOW_WORKS)))


def _earnings(moment: Moment, draw: float) -> Outcome | None:
    """Earnings of the year, dollars, for those in work."""
    if not _works(moment):
        return None
    theta, x, k = moment.theta, moment.after.x, moment.after.k
    studying = _ONE if _studied(moment) else _ZERO
    reached, years = _reached_at_work(moment), k[Whole.COLLEGE_YEARS]
    profile = (theta[Theta.EXPERIENCE], theta[Theta.EXPERIENCE_SQUARED])
    log = rules.log_earnings(
        rules.career(theta[Theta.EARNINGS_BASE], moment.age, years, *profile),
        reached,
        theta[Theta.DIPLOMA_EARNINGS],
        years,
        theta[Theta.COLLEGE_EARNINGS],
        x[Real.OWN_GRADE8],
        theta[Theta.EARNINGS_SLOPE],
        moment.boost(moment.after),
        theta[Theta.EARNINGS_SCORE],
        _f(draw),
        theta[Theta.EARNINGS_SD],
        studying,
        theta[Theta.STUDYING],
    )
    return float(rules.exponential(_f(log)))


def _reached_at_work(moment: Moment) -> np.int32:
    """Milestones when the year's work is settled: all but employment itself."""
    return np.int32(moment.after.k[Whole.REACHED] & ~(1 << rules.EMPLOYED))


def _employed(moment: Moment) -> np.float32 | None:
    """Log-odds of work, with the step of attainment."""
    theta = moment.theta
    steps = (theta[Theta.DIPLOMA_STEP], theta[Theta.COLLEGE_STEP], theta[Theta.DEGREE_STEP])
    odds = moment.log_odds(rules.EMPLOYED, "EMPLOYMENT")
    odds = _f(odds + _f(rules.attainment_step(_reached_at_work(moment), *steps)))
    young = theta[Theta.YOUNG_WORK] if moment.age <= rules.LAST_YOUNG_AGE else _ZERO
    return _f(_f(odds + young) + (theta[Theta.STUDENT_WORK] if _studied(moment) else _ZERO))


def _reached(milestone: int) -> Callable[[Moment], bool]:
    """Whether the engine gave the child a milestone."""
    return lambda moment: moment.after.has(milestone)


def _skill(moment: Moment) -> np.float32:
    """Skill at the end of the year, put together from its parts."""
    return _f(moment.own(moment.after) + moment.boost(moment.after, moment.after.x[Real.PEER]))


def _event_odds(number: int) -> Callable[[Moment], np.float32 | None]:
    """Log-odds of a school event in a year; what is counted once is not asked again."""

    def log_odds(moment: Moment) -> np.float32 | None:
        if number >= rules.FIRST_ONCE and moment.before.k[Whole.ABSENT_YEARS + number] >= 0:
            return None
        theta, x = moment.theta, moment.after.x
        kind = int(rules.latest_care(moment.after.k[Whole.CARE3], moment.after.k[Whole.CARE4]))
        shift = moment.town.effects[2 + number, kind]
        if number < rules.FIRST_ONCE:
            shift = _f(shift + x[Real.HELP_ABSENCE + number])
        return _f(
            rules.event_odds(
                moment.cut(rules.FIRST_EVENT + number),
                theta[Theta.EVENT_SLOPE],
                moment.own(moment.after),
                theta[Theta.EVENT_BEHAVIOUR],
                x[Real.BEHAVIOUR],
                theta[Theta.SPECIAL_LIABILITY] if number == rules.SPECIAL_EDUCATION else _ZERO,
                x[Real.LIABILITY],
                moment.after.k[Whole.FEMALE],
                theta[Theta.GIRLS_ABSENCE + number],
                shift,
            )
        )

    return log_odds


def _event_kept(number: int) -> Callable[[Moment], bool]:
    """Whether the engine counted a school event this year."""

    def kept(moment: Moment) -> bool:
        before, after = (int(state.k[Whole.ABSENT_YEARS + number]) for state in (moment.before, moment.after))
        return after == before + 1 if number < rules.FIRST_ONCE else after == moment.age

    return kept


def _school_events() -> tuple[ByOdds, ...]:
    """The school events, at their ages."""
    return tuple(
        ByOdds(
            Decision[event.upper()],
            range(rules.EVENT_FIRST_AGES[number], rules.EVENT_LAST_AGES[number] + 1),
            _event_odds(number),
            _event_kept(number),
            of="" if number < rules.FIRST_ONCE else "children to whom it has not happened",
        )
        for number, event in enumerate(EVENTS)
    )


def _kept_group(moment: Moment) -> Outcome:
    """The group that the engine kept."""
    return moment.town.setting.place.group_names[int(moment.after.k[Whole.GROUP])]


def _kept_area(moment: Moment) -> Outcome:
    """The home area that the engine kept."""
    return _area_name(moment, int(moment.after.k[Whole.AREA]))


def _whole(column: Whole) -> Callable[[Moment], Outcome]:
    """A whole number that the engine kept."""
    return lambda moment: int(moment.after.k[column])


def _as_born(column: Real) -> Callable[[Moment], Outcome]:
    """A number that the engine had before the first year, in which services may change it."""
    return lambda moment: float(moment.before.x[column])


def _takes_part(moment: Moment, provider: Provider) -> Told | None:
    """Whether the family takes part if a service is offered; told for those for whom it is meant."""
    if not _meant_for(moment, provider):
        return None
    offer = provider.offer
    low, high, decision, _, *world = moment.key(Decision.SERVICE_TAKE_UP)
    u = _f(rules.uniform(low, high, decision, offer.when(0), *world))
    asked = moment.row in moment.town.asked[offer.bit]
    name = f"service_take_up of {offer.declared.name}"
    return Told(name, float(u), bool(u < provider.reach), asked, probability=float(provider.reach))


def _meant_for(moment: Moment, provider: Provider) -> bool:
    """Whether a child is eligible for a service, as things stood when it chose."""
    declared, bit = provider.offer.declared, provider.offer.bit
    grown = moment.age > rules.LAST_SKILL_AGE  # leaving, enrolment and sector come before services choose
    state = moment.after if grown else moment.before
    if moment.age not in declared.ages or state.k[Whole.LEFT] >= 0:
        return False
    if not moment.before.x[Real.INCOME] < provider.offer.limit:
        return False
    if not declared.again and (moment.before.wide[Wide.SERVED] >> bit) & 1:
        return False
    for need in declared.needs:
        row, at, value = NEEDS[need]
        column = int((moment.before if row == Whole.NOW else state).k[row])
        if column != value if value is not None else not (column >> at) & 1:
            return False
    return True


def _need_known(moment: Moment, provider: Provider) -> Told | None:
    """Whether shared data tell of a child's need, for those below the poverty line who ask for such a service."""
    bit = provider.offer.bit
    if not provider.known > 0 or moment.row not in moment.town.asked[bit] or moment.cell % 2 == 0:
        return None
    u = _f(rules.uniform(*moment.key(Decision.DATA_SHARING, 0)))
    name = f"data_sharing of {provider.offer.declared.name}"
    kept = moment.row in moment.town.known.get(bit, set())
    return Told(name, float(u), bool(u < provider.known), kept, probability=float(provider.known))


def _lot(moment: Moment, provider: Provider) -> Told | None:
    """The child's lottery number for a service this year, as a share of all numbers."""
    offer, asked = provider.offer, moment.town.asked[provider.offer.bit]
    if provider.order not in ("lottery", "schools") or moment.row not in asked:
        return None
    low, high, decision, year, *world = moment.key(Decision.SERVICE_LOTTERY)
    lot = int(rules.lottery_number(low, high, decision, offer.when(year), *world))
    name = f"service_lottery of {offer.declared.name}"
    return Told(name, lot / LOTTERY, _in_words(moment, provider, lot == asked[moment.row]), _taken(moment, provider))


def _screened(moment: Moment, provider: Provider) -> Told | None:
    """The child's screening score for a service this year."""
    offer, asked = provider.offer, moment.town.asked[provider.offer.bit]
    if provider.order != "lowest_scores" or moment.row not in asked:
        return None
    low, high, decision, year, *world = moment.key(Decision.SERVICE_SCREEN)
    noise = _f(rules.normal(low, high, decision, offer.when(year), *world))
    score = float(_f(moment.before.x[Real.SKILL] + moment.theta[Theta.TEST_NOISE] * noise))
    name = f"service_screen of {offer.declared.name}"
    same = score == asked[moment.row]
    return Told(name, float(noise), _in_words(moment, provider, same), _taken(moment, provider), score=score)


def _in_words(moment: Moment, provider: Provider, same: bool) -> str:
    """Whether the child is among the first in line, by the marks of all who asked, if its own is the engine's."""
    if not same:
        return "another mark"
    asked = moment.town.asked[provider.offer.bit]
    if provider.order == "schools" or provider.known > 0 or provider.areas is not None:
        return _taken(moment, provider)
    before = sum(mark < asked[moment.row] for mark in asked.values())
    return "taken in" if before < moment.town.room_of(provider, moment.year) else "no place"


def _taken(moment: Moment, provider: Provider) -> str:
    """Whether the engine took the child in."""
    return "taken in" if moment.row in moment.town.taken[provider.offer.bit] else "no place"


def _real(column: Real) -> Callable[[Moment], Outcome]:
    """A number that the engine kept."""
    return lambda moment: float(moment.after.x[column])


# --- the register, told ------------------------------------------------------------------------------------------

RULES: Final[tuple[Rule, ...]] = (
    ByValue(Decision.GROUP, _AT_BIRTH, _uniform_at_birth, _group, _kept_group),
    ByValue(Decision.INCOME, _AT_BIRTH, _normal_at_birth, _income, _real(Real.INCOME)),
    ByValue(Decision.SEX, _AT_BIRTH, _uniform_at_birth, _female, _whole(Whole.FEMALE)),
    ByValue(Decision.MOTHER, _AT_BIRTH, _normal_at_birth, _family, _real(Real.FAMILY)),
    ByValue(Decision.LANGUAGE, _AT_BIRTH, _uniform_at_birth, _language, _whole(Whole.LANGUAGE)),
    ByValue(Decision.BIRTH_WEIGHT, _AT_BIRTH, _normal_at_birth, _birth_weight, _as_born(Real.BIRTH_WEIGHT)),
    ByValue(Decision.AREA, _AT_BIRTH, _uniform_at_birth, _area, _kept_area),
    ByValue(Decision.SCHOOL, _AT_BIRTH, _uniform_at_birth, _school, lambda moment: int(moment.after.wide[Wide.SCHOOL])),
    ByValue(Decision.TRAIT, _AT_BIRTH, _normal_at_birth, _trait, _as_born(Real.TRAIT)),
    ByValue(Decision.TRANSIENT, _AT_BIRTH, _normal_at_birth, lambda moment, draw: draw, _real(Real.TRANSIENT)),
    ByValue(Decision.BEHAVIOUR, _AT_BIRTH, _normal_at_birth, _behaviour, _real(Real.BEHAVIOUR)),
    ByValue(Decision.LIABILITY, _AT_BIRTH, _normal_at_birth, lambda moment, draw: draw, _real(Real.LIABILITY)),
    ByShare(
        Decision.CAESAREAN,
        rules.INFANT_AGES[:1],
        lambda moment: _f(moment.theta[Theta.CAESAREAN] * _f(_ONE + moment.after.x[Real.HELP_CAESAREAN])),
        lambda moment: bool(moment.after.k[Whole.CAESAREAN] == 1),
    ),
    ByService(
        Decision.SERVICE_TAKE_UP, _SERVED_AGES, _takes_part, of="those for whom a service with open places is meant"
    ),
    ByService(Decision.SERVICE_LOTTERY, _SERVED_AGES, _lot, of="those who ask for a service that goes by lot"),
    ByService(
        Decision.DATA_SHARING,
        _SERVED_AGES,
        _need_known,
        of="those below the poverty line who ask for a service that shares data",
    ),
    ByService(Decision.SERVICE_SCREEN, _SERVED_AGES, _screened, of="those who ask for a service that screens"),
    ByValue(Decision.CARE_EARLY, rules.INFANT_AGES, _uniform, _early_care, _early_care_kept),
    ByScore(
        Decision.DEVELOPMENT,
        rules.INFANT_AGES[2:],
        lambda moment: _f(moment.own(moment.after) + moment.after.x[Real.HELP_DEVELOPMENT]),
        Theta.SCREENER_NOISE,
        Real.DEVELOPMENT,
        rules.CUT_ON_TRACK,
        lambda moment: bool(moment.after.k[Whole.ON_TRACK] == 1),
    ),
    ByShare(
        Decision.APPLY_PREK,
        (4,),
        _take_up(Theta.PREK_INCOME, Theta.TAKE_UP_PREK),
        lambda moment: moment.asked_for(0),
        of="families below the income limit",
    ),
    ByShare(
        Decision.APPLY_HEAD_START,
        rules.ENTRY_AGES,
        _take_up(Theta.HEAD_START_INCOME, Theta.TAKE_UP_HEAD_START),
        lambda moment: moment.asked_for(1),
        of="families below the income limit",
    ),
    ByShare(
        Decision.PREFER_HEAD_START,
        rules.ENTRY_AGES,
        _prefers_head_start,
        _ranks_head_start_first,
        of="families that apply for both",
    ),
    ByShare(
        Decision.TRAVEL,
        rules.ENTRY_AGES,
        _travels,
        lambda moment: moment.elsewhere() is not None,
        of="families that apply",
    ),
    ByValue(
        Decision.TRAVEL_WHERE,
        rules.ENTRY_AGES,
        _uniform,
        _travel_where,
        lambda moment: moment.elsewhere() or "",
        of="families that travel",
    ),
    ByShare(Decision.CENTER_CARE, rules.ENTRY_AGES, _uses_center, lambda moment: moment.asked_for(2)),
    ByValue(Decision.LOTTERY_PREK, rules.ENTRY_AGES, _lottery, _in_line(0), _kept_in_line(0), of=_ASKING),
    ByValue(Decision.LOTTERY_HEAD_START, rules.ENTRY_AGES, _lottery, _in_line(1), _kept_in_line(1), of=_ASKING),
    ByValue(Decision.LOTTERY_CHILD_CARE, rules.ENTRY_AGES, _lottery, _in_line(2), _kept_in_line(2), of=_ASKING),
    ByValue(
        Decision.ROOM,
        rules.ENTRY_AGES,
        _uniform,
        lambda moment, draw: None if moment.site < 0 else _room(moment),
        _room_of,
        of="children in care outside the home",
    ),
    ByValue(
        Decision.ROOM_QUALITY,
        rules.ENTRY_AGES,
        _room_luck,
        _gain_of_luck,
        _real(Real.FRESH),
        of="children in care outside the home",
    ),
    ByValue(Decision.SHOCK, _SKILL_AGES, _normal, _changing, _real(Real.TRANSIENT)),
    *(
        ByValue(decision, (4,), _normal_at_birth, _unique(gain), _real(true))
        for decision, gain, true in (
            (Decision.LITERACY_OWN, Theta.LITERACY, Real.PRELITERACY_TRUE),
            (Decision.MATH_OWN, Theta.MATH_GAIN, Real.MATH_FALL_TRUE),
            (Decision.LANGUAGE_OWN, Theta.LANGUAGE_GAIN, Real.LANGUAGE_FALL_TRUE),
        )
    ),
    ByScore(
        Decision.PRELITERACY_FALL,
        (4,),
        _domain(Decision.LITERACY_OWN, Theta.LITERACY, "before"),
        Theta.SCREENER_NOISE,
        Real.PRELITERACY_START,
    ),
    *(
        ByScore(decision, (4,), _domain(own, gain), Theta.SCREENER_NOISE, read)
        for decision, own, gain, read in (
            (Decision.PRELITERACY_SPRING, Decision.LITERACY_OWN, Theta.LITERACY, Real.PRELITERACY),
            (Decision.MATH_FALL, Decision.MATH_OWN, Theta.MATH_GAIN, Real.MATH_FALL),
            (Decision.LANGUAGE_FALL, Decision.LANGUAGE_OWN, Theta.LANGUAGE_GAIN, Real.LANGUAGE_FALL),
        )
    ),
    ByScore(Decision.BEHAVIOUR_FALL, (4,), _conduct, Theta.SCREENER_NOISE, Real.BEHAVIOUR_FALL),
    ByScore(Decision.READINESS, (4,), _skill, Theta.SCREENER_NOISE, Real.READINESS, rules.READY),
    ByShare(
        Decision.PREK_ATTENDANCE,
        (4,),
        lambda moment: _f(moment.theta[Theta.ATTENDANCE]),
        lambda moment: bool(moment.after.k[Whole.ATTENDS] == 1),
    ),
    ByScore(Decision.READING_GRADE3, (rules.GRADE3_AGE,), _skill, Theta.TEST_NOISE, Real.READING, rules.GRADE3),
    ByScore(Decision.MATH_GRADE8, (rules.GRADE8_AGE,), _skill, Theta.TEST_NOISE, Real.MATH, rules.GRADE8),
    *_school_events(),
    ByValue(Decision.GRADES, (rules.GRADES_AGE,), _normal, _grades, _real(Real.GRADES)),
    ByOdds(Decision.GRADUATION, (rules.GRADUATION_AGE,), _graduates, _reached(rules.GRADUATE)),
    ByOdds(Decision.ENROLMENT, (rules.ENROLMENT_AGE,), _enrols, _reached(rules.ENROLLED), of="graduates"),
    ByOdds(
        Decision.SECTOR,
        (rules.ENROLMENT_AGE,),
        _four_year,
        lambda moment: _sector(moment) == rules.FOUR_YEAR,
        of="the enrolled",
    ),
    ByShare(Decision.COLLEGE_RETURN, _COLLEGE_AGES, _comes_back, _studied, of="students who have stopped out"),
    ByYear(Decision.COMPLETION, _COLLEGE_AGES, _passes, _sector, _passed, of="those in college that year"),
    ByOdds(Decision.EMPLOYMENT, _WORKING_AGES, _employed, _works),
    ByValue(Decision.EARNINGS, _WORKING_AGES, _normal_at_birth, _earnings, _real(Real.EARNINGS), of="those in work"),
    ByShare(
        Decision.LEAVING,
        _LEAVING_AGES,
        _leaves,
        lambda moment: bool(moment.after.k[Whole.LEFT] == moment.age),
        of="people still here",
    ),
)
"""Every decision of a child in the register, in the order of the year."""

MILESTONE_OF: Final = {
    Decision.READINESS: rules.READY,
    Decision.READING_GRADE3: rules.GRADE3,
    Decision.MATH_GRADE8: rules.GRADE8,
    Decision.GRADUATION: rules.GRADUATE,
    Decision.ENROLMENT: rules.ENROLLED,
    Decision.COMPLETION: rules.COMPLETED,
    Decision.EMPLOYMENT: rules.EMPLOYED,
}
"""Decisions that lead to a milestone: once, but for years of college and of work, of which the last one settles it."""


def tell(moment: Moment) -> tuple[Told, ...]:
    """Every decision of a child in a year, told again, in the order of ``RULES``."""
    found: list[Told] = []
    for rule in RULES:
        told = rule.tell(moment) if moment.age in rule.ages else None
        found += () if told is None else told if isinstance(told, tuple) else (told,)
    return tuple(found)
