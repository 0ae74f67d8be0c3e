"""The object engine: an honest Mesa model with one agent per child, and the oracle of the array engine.

It calls the same scalar rules with the same draws, one child at a time, and agrees with the array engine bit for bit.
Read it to understand the model; use ``Pipeline`` to run it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import mesa
import numpy as np

from cradlecast.model import kernels as rules
from cradlecast.model.children import Children, Reals
from cradlecast.model.flows import FLOWS
from cradlecast.model.kernels import Decision, Real, Seat, Theta, Whole, Wide
from cradlecast.model.place import apportion
from cradlecast.model.services import FOR_THE_YEAR, HELP, Provider
from cradlecast.model.town import Setting, Town
from cradlecast.scenarios.community import EVENTS

_f = np.float32
ZERO, ONE = _f(0.0), _f(1.0)

KEPT_SCORES: Final = (Real.DEVELOPMENT_TRUE, Real.PRELITERACY_START_TRUE, Real.READING_TRUE, Real.MATH_TRUE)
"""Scores that columns keep; all others follow from what they keep."""


class ChildAgent(mesa.Agent):
    """One child, with plain attributes and one method per part of the year.

    Attributes hold numpy float32 or Python ints; names follow the columns of the array engine.
    """

    def __init__(self, model: ObjectPipeline, column: int, source: Children) -> None:
        super().__init__(model)
        self.column = column
        self.low, self.high = int(source.ids[0, column]), int(source.ids[1, column])
        self.cohort = self.high & 0xFFFF
        self.income, self.trait, self.transient = (
            _f(source.x[row, column]) for row in (Real.INCOME, Real.TRAIT, Real.TRANSIENT)
        )
        self.fresh = self.fading = self.long_run = self.nontest = self.peer = ZERO
        self.skill = self.next_skill = self.own_at_4 = self.added_at_4 = self.own_grade8 = ZERO
        stable = (Real.FAMILY, Real.BEHAVIOUR, Real.LIABILITY, Real.FAMILY_EARNINGS)
        self.family, self.behaviour, self.liability, self.family_earnings = (
            _f(source.real_of(row, np.array([column]))[0]) for row in stable
        )
        self.grades = self.parent_start = self.parent_left = self.earnings = self.earned = ZERO
        self.scores: dict[Real, np.float32] = {}
        self.group, self.area, self.school, self.cell = (
            int(source.whole(row)[column]) for row in (Whole.GROUP, Whole.AREA, Wide.SCHOOL, Whole.CELL)
        )
        self.birth_weight = _f(source.x[Real.BIRTH_WEIGHT, column])
        self.help: dict[Real, np.float32] = dict.fromkeys(HELP.values(), ZERO)
        self.served: set[int] = set()
        self.caesarean = 0
        self.female = int(source.k[Whole.FEMALE, column])
        self.early_care = dict.fromkeys(rules.INFANT_AGES, rules.PARENTS)
        self.care = {3: rules.HOME, 4: rules.HOME}
        self.site = {3: -1, 4: -1}
        self.applied = self.attends = self.reached = self.on_track = 0
        self.sector = self.college_years = self.stopped = self.worked = 0
        self.now: set[int] = set()
        self.left = -1
        self.events = dict.fromkeys(EVENTS[: rules.FIRST_ONCE], 0) | dict.fromkeys(EVENTS[rules.FIRST_ONCE :], -1)
        self.places: list[int] = []

    # --- chance ---

    def uniform(self, decision: Decision) -> np.float32:
        """The child's uniform for a decision this year."""
        town: ObjectPipeline = self.model
        return _f(rules.uniform(self.low, self.high, int(decision), town.year, *town.world))

    def normal(self, decision: Decision, year: int | None = None) -> np.float32:
        """The child's standard normal for a decision, this year unless told."""
        town: ObjectPipeline = self.model
        when = town.year if year is None else year
        return _f(rules.normal(self.low, self.high, int(decision), when, *town.world))

    def lottery(self, decision: Decision) -> int:
        """The child's lottery number for a decision this year."""
        town: ObjectPipeline = self.model
        return int(rules.lottery_number(self.low, self.high, int(decision), town.year, *town.world))

    # --- services ---

    def asks(self, provider: Provider, age: int) -> bool:
        """Whether this child is eligible for a service and would take part."""
        town: ObjectPipeline = self.model
        offer, declared = provider.offer, provider.offer.declared
        luck = _f(rules.uniform(self.low, self.high, int(Decision.SERVICE_TAKE_UP), offer.when(0), *town.world))
        if age not in declared.ages or self.left >= 0 or not luck < provider.reach or not self.income < offer.limit:
            return False
        if offer.bit in self.served and not declared.again:
            return False
        return all(self.is_one_of(need) for need in declared.needs)

    def is_one_of(self, need: str) -> bool:
        """Whether a need holds of this child, by what happened last year."""
        if need == "two_year_students":
            return self.sector == rules.TWO_YEAR
        if need in ("graduates", "enrolled"):
            return bool(rules.has_milestone(self.reached, rules.GRADUATE if need == "graduates" else rules.ENROLLED))
        return ("absent_last_year", "suspended_last_year", "arrested_last_year").index(need) in self.now

    def place_in_line(self, provider: Provider) -> tuple[float | int, ...]:
        """Place in the line for a service, ties by id."""
        town: ObjectPipeline = self.model
        when, order = provider.offer.when(town.year), provider.order
        known = int(not self.is_known(provider))
        if order == "lowest_incomes":
            return known, float(self.income), self.high, self.low
        if order == "lowest_scores":
            noise = _f(rules.normal(self.low, self.high, int(Decision.SERVICE_SCREEN), when, *town.world))
            return known, float(self.skill + town.theta[Theta.TEST_NOISE] * noise), self.high, self.low
        lot = int(rules.lottery_number(self.low, self.high, int(Decision.SERVICE_LOTTERY), when, *town.world))
        if order == "lottery":
            return known, lot, self.high, self.low
        return known, int(town.school_line(provider)[self.school]), self.school, lot, self.high, self.low

    def is_known(self, provider: Provider) -> bool:
        """Whether shared data tell that this child lives below the poverty line."""
        town: ObjectPipeline = self.model
        luck = _f(rules.uniform(self.low, self.high, int(Decision.DATA_SHARING), 0, *town.world))
        return bool(luck < provider.known) and self.cell % 2 == 1

    def be_served(self, provider: Provider) -> None:
        """Take what a service gives."""
        offer, quality = provider.offer, provider.strength
        for column, amount in provider.gifts().items():
            self.help[column] = self.help[column] + amount
        self.trait = self.trait + offer.to_trait * quality
        self.birth_weight = self.birth_weight + offer.to_weight * quality
        self.served.add(offer.bit)

    # --- care before 3 ---

    def infant_year(self, age: int) -> None:
        """Ages 0 to 2: birth, who cares for the child, and at 2 whether development is on track."""
        town: ObjectPipeline = self.model
        if age == rules.INFANT_AGES[0]:
            rate = town.theta[Theta.CAESAREAN] * (ONE + self.help[Real.HELP_CAESAREAN])
            self.caesarean = int(self.uniform(Decision.CAESAREAN) < rate)
        band = int(rules.income_band(self.income, town.theta))
        shares = town.setting.place.early_care[3 * age + band]
        self.early_care[age] = int(rules.category(self.uniform(Decision.CARE_EARLY), shares))
        if age == rules.INFANT_AGES[2]:
            own = self.own_skill(age) + self.help[Real.HELP_DEVELOPMENT]
            kept, read = Real.DEVELOPMENT_TRUE, Real.DEVELOPMENT
            score = self.measure(own, Theta.SCREENER_NOISE, Decision.DEVELOPMENT, kept, read)
            self.on_track = int(score >= self.cut(rules.CUT_ON_TRACK))

    # --- care at 3 and 4 ---

    def apply(self, age: int) -> None:
        """Rank the places that this family would take."""
        town: ObjectPipeline = self.model
        places = np.full(6, -1, np.int16)
        next_to = town.setting.place.next_to
        luck = [self.uniform(Decision(number)) for number in range(Decision.APPLY_PREK, Decision.TRAVEL_WHERE + 1)]
        rules.rank_places(
            np.array(luck, np.float32), age, self.income, self.area, town.theta, next_to, len(next_to), places
        )
        self.places = [int(pool) for pool in places[:5] if pool >= 0]
        if age == 4:
            self.applied = int(places[5])

    def rank(self, program: int, age: int) -> tuple[int, int, int]:
        """Place in the line for a program: priority and lottery, then id."""
        number = self.lottery(Decision(int(Decision.LOTTERY_PREK) + program))
        returning = program == 1 and age == 4 and self.care[3] == rules.HEAD_START
        return (number if returning else number | 1 << 56, self.high, self.low)

    def be_cared_for(self, age: int) -> np.float32:
        """Spend the year in care; returns what it adds to skill."""
        town: ObjectPipeline = self.model
        kind, site = self.care[age], self.site[age]
        if kind == rules.HOME:
            return ZERO
        effects = town.effects
        if town.parents[site] != ZERO:
            self.parent_start, self.parent_left = town.parents[site], ONE
        self.long_run, self.nontest = _f(effects[0, kind]), _f(effects[1, kind])
        room = int(rules.one_of(self.uniform(Decision.ROOM), int(town.site_rooms[age][site])))
        return _f(
            rules.room_value(
                town.values[site],
                town.theta[Theta.CENTER_SD],
                int(town.site_keys[site]),
                room,
                town.year,
                *town.world,
            )
        )

    # --- skill ---

    def own_skill(self, age: int) -> np.float32:
        """Skill that owes nothing to programs."""
        theta, early = self.model.theta, age < rules.FIRST_SCHOOL_AGE
        of_trait = theta[Theta.EARLY_TRAIT_WEIGHT if early else Theta.TRAIT_WEIGHT]
        of_transient = theta[Theta.EARLY_TRANSIENT_WEIGHT if early else Theta.TRANSIENT_WEIGHT]
        return _f(rules.weighted(self.trait, of_trait, self.transient, of_transient))

    def grow(self, age: int) -> np.float32:
        """Move the changing part of skill one year on; returns ``own_skill``."""
        theta = self.model.theta
        shock = self.normal(Decision.SHOCK)
        self.transient = _f(rules.weighted(self.transient, theta[Theta.PERSISTENCE], shock, theta[Theta.SHOCK_SD]))
        return self.own_skill(age)

    def domain(self, unique: Decision, gain: Theta, own: np.float32, boost: np.float32) -> np.float32:
        """True score in one domain of skill at kindergarten."""
        theta = self.model.theta
        loading, rest = theta[Theta.DOMAIN_LOADING], theta[Theta.DOMAIN_REST]
        return _f(rules.domain_of(own, loading, self.normal(unique, 0), rest, theta[gain], boost))

    def fade(self) -> None:
        """Let last year's gain and older ones fade."""
        theta = self.model.theta
        self.fading = _f(rules.next_fading(self.fading, self.fresh, theta[Theta.FIRST_YEAR], theta[Theta.LATER_YEARS]))
        self.fresh = self.help[Real.HELP_SKILL]

    def boost(self, age: int) -> np.float32:
        """Skill that programs and classmates account for."""
        return _f(rules.boost_of(self.fresh, self.fading, self.long_run, _f(rules.phase(age)), self.peer))

    def measure(self, true: np.float32, noise: Theta, decision: Decision, kept: Real, read: Real) -> np.float32:
        """Read a true score with an instrument."""
        self.scores[kept] = true
        self.scores[read] = true + self.model.theta[noise] * self.normal(decision)
        return self.scores[read]

    def reach(self, milestone: int, reached: bool) -> None:
        """Record a milestone."""
        if reached:
            self.reached = int(rules.with_milestone(self.reached, milestone))

    def cut(self, milestone: int) -> np.float32:
        """The cut or intercept of a milestone for this child's cell."""
        town: ObjectPipeline = self.model
        return _f(town.setting.cuts[milestone, self.cell])

    # --- the year by age ---

    def early_year(self, age: int) -> None:
        """Ages 3 and 4."""
        theta, noise = self.model.theta, Theta.SCREENER_NOISE
        if age == 4:
            start = self.domain(Decision.LITERACY_OWN, Theta.LITERACY, self.own_skill(age), self.boost(age))
            self.measure(start, noise, Decision.PRELITERACY_FALL, Real.PRELITERACY_START_TRUE, Real.PRELITERACY_START)
        own = self.grow(age)
        self.fade()
        self.fresh = self.be_cared_for(age) + self.help[Real.HELP_SKILL]
        boost = self.boost(age)
        self.skill = own + boost
        if age == 4:
            self.own_at_4, self.added_at_4 = own, boost
            spring = self.domain(Decision.LITERACY_OWN, Theta.LITERACY, own, boost)
            self.measure(spring, noise, Decision.PRELITERACY_SPRING, Real.PRELITERACY_TRUE, Real.PRELITERACY)
            math = self.domain(Decision.MATH_OWN, Theta.MATH_GAIN, own, boost)
            self.measure(math, noise, Decision.MATH_FALL, Real.MATH_FALL_TRUE, Real.MATH_FALL)
            language = self.domain(Decision.LANGUAGE_OWN, Theta.LANGUAGE_GAIN, own, boost)
            self.measure(language, noise, Decision.LANGUAGE_FALL, Real.LANGUAGE_FALL_TRUE, Real.LANGUAGE_FALL)
            conduct = self.behaviour + theta[Theta.BEHAVIOUR_GAIN] * boost
            self.measure(conduct, noise, Decision.BEHAVIOUR_FALL, Real.BEHAVIOUR_FALL_TRUE, Real.BEHAVIOUR_FALL)
            score = self.measure(self.skill, noise, Decision.READINESS, Real.READINESS_TRUE, Real.READINESS)
            self.reach(rules.READY, bool(score >= self.cut(rules.READY)))
            self.attends = int(self.uniform(Decision.PREK_ATTENDANCE) < theta[Theta.ATTENDANCE])

    def school_year(self, age: int) -> None:
        """Ages 5 to 17."""
        town: ObjectPipeline = self.model
        theta = town.theta
        own = self.grow(age)
        self.peer = ZERO
        if age <= rules.LAST_PEER_AGE:
            total, count = town.class_sums[self.cohort, self.school]
            before = int(rules.to_fixed(self.skill))
            self.peer = _f(rules.peer_effect(total, before, count, theta[Theta.PEER_EFFECT]))
        self.fade()
        boost = self.boost(age)
        self.next_skill = own + boost
        if age == rules.GRADE3_AGE:
            score = self.measure(
                self.next_skill, Theta.TEST_NOISE, Decision.READING_GRADE3, Real.READING_TRUE, Real.READING
            )
            self.reach(rules.GRADE3, bool(score >= self.cut(rules.GRADE3)))
        if age == rules.GRADE8_AGE:
            score = self.measure(self.next_skill, Theta.TEST_NOISE, Decision.MATH_GRADE8, Real.MATH_TRUE, Real.MATH)
            self.reach(rules.GRADE8, bool(score >= self.cut(rules.GRADE8)))
            self.own_grade8 = own
        if age == rules.GRADES_AGE:
            weights = (theta[Theta.GRADES_SKILL], theta[Theta.GRADES_BEHAVIOUR], theta[Theta.GRADES_NOISE])
            luck = self.normal(Decision.GRADES)
            mean, highest = theta[Theta.GRADES_MEAN], _f(4.0)
            of_skill, of_behaviour, of_luck = weights
            self.grades = _f(
                rules.grade_points(
                    mean, self.next_skill, of_skill, self.behaviour, of_behaviour, luck, of_luck, highest
                )
            )
        if age >= rules.FIRST_LEAVING_AGE:
            self.perhaps_leave(age)
        if age == rules.GRADUATION_AGE:
            odds = self.log_odds(rules.GRADUATE, "GRADUATION", boost)
            odds = self.with_background(odds, theta[Theta.BEHAVIOUR_SLOPE], theta[Theta.GIRLS_GRADUATION])
            if self.events["arrest"] > 0:
                odds = odds + theta[Theta.ARREST_STEP]
            odds = odds + self.help[Real.HELP_GRADUATION]
            self.reach(rules.GRADUATE, bool(rules.happens(self.uniform(Decision.GRADUATION), odds)))

    def school_events(self, age: int) -> None:
        """Absence, suspension, arrest, special education and retention, ages 5 to 17."""
        town: ObjectPipeline = self.model
        own, theta = self.own_skill(age), town.theta
        kind = int(rules.latest_care(self.care[3], self.care[4]))
        for number, event in enumerate(EVENTS):
            if not rules.EVENT_FIRST_AGES[number] <= age <= rules.EVENT_LAST_AGES[number]:
                continue
            shift = town.effects[2 + number, kind]
            if number < rules.FIRST_ONCE:
                shift = shift + self.help[Real(int(Real.HELP_ABSENCE) + number)]
            odds = rules.event_odds(
                self.cut(rules.FIRST_EVENT + number),
                theta[Theta.EVENT_SLOPE],
                own,
                theta[Theta.EVENT_BEHAVIOUR],
                self.behaviour,
                theta[Theta.SPECIAL_LIABILITY] if number == rules.SPECIAL_EDUCATION else ZERO,
                self.liability,
                self.female,
                theta[Theta.GIRLS_ABSENCE + number],
                shift,
            )
            if rules.happens(self.uniform(Decision(int(Decision.CHRONIC_ABSENCE) + number)), _f(odds)):
                if number < rules.FIRST_ONCE:
                    self.events[event] += 1
                    self.now.add(number)
                elif self.events[event] < 0:
                    self.events[event] = age

    def gained(self) -> np.float32:
        """Skill that programs account for, after school."""
        return _f(rules.boost_of(self.fresh, self.fading, self.long_run, ONE, ZERO))

    def entering_year(self, age: int) -> None:
        """Ages 18 and over, before services choose: leaving the place, enrolment by 20."""
        theta, boost = self.model.theta, self.gained()
        if age <= rules.LAST_LEAVING_AGE:
            self.perhaps_leave(age)
        if age == rules.ENROLMENT_AGE and rules.at_risk(self.reached, rules.ENROLLED):
            odds = self.log_odds(rules.ENROLLED, "ENROLMENT", boost)
            odds = self.with_background(odds, ZERO, theta[Theta.GIRLS_ENROLMENT]) + self.help[Real.HELP_ENROLMENT]
            self.reach(rules.ENROLLED, bool(rules.happens(self.uniform(Decision.ENROLMENT), odds)))
            if rules.has_milestone(self.reached, rules.ENROLLED):
                self.choose_sector(boost)

    def adult_year(self, age: int) -> None:
        """Ages 18 to 29: college, work and earnings."""
        boost = self.gained()
        if rules.ENROLMENT_AGE <= age <= rules.COMPLETION_AGE:
            self.study(boost)
        self.work(age, boost)

    def choose_sector(self, boost: np.float32) -> None:
        """Enter a two-year or a four-year college."""
        theta = self.model.theta
        slope, gain = theta[Theta.SECTOR_SLOPE], theta[Theta.SECTOR_GAIN]
        odds = rules.log_odds_of(self.cut(rules.CUT_FOUR_YEAR), slope, self.own_grade8, gain, boost, ZERO, ZERO)
        odds = _f(odds + theta[Theta.FAMILY_SLOPE] * self.family)
        self.sector = rules.FOUR_YEAR if rules.happens(self.uniform(Decision.SECTOR), odds) else rules.TWO_YEAR

    def study(self, boost: np.float32) -> None:
        """A year of college, for those who are in it or come back to it."""
        theta = self.model.theta
        if self.sector == 0 or rules.has_milestone(self.reached, rules.COMPLETED):
            return
        if self.stopped:
            if not self.uniform(Decision.COLLEGE_RETURN) < theta[Theta.COLLEGE_RETURN]:
                return
            self.stopped = 0
        self.now.add(rules.NOW_FOUR_YEAR if self.sector == rules.FOUR_YEAR else rules.NOW_TWO_YEAR)
        odds = self.log_odds(rules.COMPLETED, "COMPLETION", boost) + theta[Theta.FAMILY_SLOPE] * self.family
        if self.sector == rules.FOUR_YEAR:
            odds = odds + theta[Theta.FOUR_YEAR_STEP]
        odds = odds + self.help[Real.HELP_COMPLETION]
        if not rules.passes_year(self.uniform(Decision.COMPLETION), self.sector, _f(odds)):
            self.stopped = 1
            return
        self.college_years += 1
        if self.college_years == self.sector:
            self.reach(rules.COMPLETED, True)
            self.now.add(rules.NOW_CREDENTIAL)

    def work(self, age: int, boost: np.float32) -> None:
        """A year of work, or none."""
        theta = self.model.theta
        steps = (theta[Theta.DIPLOMA_STEP], theta[Theta.COLLEGE_STEP], theta[Theta.DEGREE_STEP])
        odds = self.log_odds(rules.EMPLOYED, "EMPLOYMENT", boost)
        odds = odds + _f(rules.attainment_step(self.reached, *steps))
        studies = bool(self.now & {rules.NOW_TWO_YEAR, rules.NOW_FOUR_YEAR})
        young = theta[Theta.YOUNG_WORK] if age <= rules.LAST_YOUNG_AGE else ZERO
        odds = odds + young + (theta[Theta.STUDENT_WORK] if studies else ZERO)
        self.earnings = ZERO
        if rules.happens(self.uniform(Decision.EMPLOYMENT), odds):
            self.worked += 1
            in_college = ONE if studies else ZERO
            self.now.add(rules.NOW_WORKS)
            profile = (theta[Theta.EXPERIENCE], theta[Theta.EXPERIENCE_SQUARED])
            log = rules.log_earnings(
                rules.career(theta[Theta.EARNINGS_BASE], age, self.college_years, *profile),
                self.reached,
                theta[Theta.DIPLOMA_EARNINGS],
                self.college_years,
                theta[Theta.COLLEGE_EARNINGS],
                self.own_grade8,
                theta[Theta.EARNINGS_SLOPE],
                boost,
                theta[Theta.EARNINGS_SCORE],
                self.normal(Decision.EARNINGS, 0),
                theta[Theta.EARNINGS_SD],
                in_college,
                theta[Theta.STUDYING],
            )
            self.earnings = _f(rules.exponential(_f(log)))
            if age == rules.EMPLOYMENT_AGE:
                self.reach(rules.EMPLOYED, True)
        self.earned = self.earned + self.earnings

    # --- the book of the year ---

    def begin_year(self) -> None:
        """Clear what happened last year and let what is left of the parents' gain fade."""
        self.now = set()
        self.parent_left = _f(rules.fades_to(self.parent_left, self.model.theta[Theta.PARENT_FADE]))

    def flows(self, age: int) -> dict[str, int]:
        """What this child adds to the year's flows, by name."""
        school = rules.FIRST_SCHOOL_AGE <= age <= rules.LAST_SKILL_AGE
        gain = _f(_f(self.family_earnings * self.parent_start) * self.parent_left)
        found = {"children": 1, "parents_earnings": int(rules.whole_dollars(gain))}
        if school:
            special = self.events["special_education"] >= 0
            found |= {"pupils": 1, "special_education": int(special)}
            found |= {"suspended": int(1 in self.now), "arrests": int(2 in self.now)}
        elif age > rules.LAST_SKILL_AGE:
            repeats = age == rules.LAST_SKILL_AGE + 1 and self.events["retention"] >= 0
            found |= {"repeating": int(repeats), "two_year": int(rules.NOW_TWO_YEAR in self.now)}
            found |= {"four_year": int(rules.NOW_FOUR_YEAR in self.now)}
            found |= {"credentials": int(rules.NOW_CREDENTIAL in self.now)}
            found |= {"working": int(rules.NOW_WORKS in self.now)}
            found |= {"earnings": int(rules.whole_dollars(self.earnings))}
        return found

    def with_background(self, odds: np.float32, behaviour_slope: np.float32, girls_shift: np.float32) -> np.float32:
        """Log-odds with what goes along with family advantage, behaviour and sex."""
        slope = self.model.theta[Theta.FAMILY_SLOPE]
        return _f(
            rules.with_background(odds, slope, self.family, behaviour_slope, self.behaviour, self.female, girls_shift)
        )

    def log_odds(self, milestone: int, step: str, boost: np.float32) -> np.float32:
        """Log-odds of a step."""
        theta = self.model.theta
        return _f(
            rules.log_odds_of(
                self.cut(milestone),
                theta[Theta[f"{step}_SLOPE"]],
                self.own_grade8,
                theta[Theta[f"{step}_GAIN"]],
                boost,
                theta[Theta[f"{step}_LOAD"]],
                self.nontest,
            )
        )

    def perhaps_leave(self, age: int) -> None:
        """Move away for good, with the year's hazard."""
        if self.uniform(Decision.LEAVING) < self.model.theta[Theta.LEAVING_HAZARD] and self.left < 0:
            self.left = age


class ObjectPipeline(Town):
    """The same year as ``Pipeline``, told one child at a time; for small worlds.

    Parameters
    ----------
    setting, children
        As for ``Pipeline``; each column becomes an agent.
    """

    def __init__(self, setting: Setting, children: Children) -> None:
        super().__init__(setting)
        self.world = (int(setting.world[0]), int(setting.world[1]))
        self.source = children
        self.people = [ChildAgent(self, column, children) for column in range(len(children))]
        self.values = self.site_values()
        self.effects = self.kind_effects()
        self.parents = self.site_parents()
        self.class_sums: dict[tuple[int, int], tuple[int, int]] = {}

    def step(self) -> None:
        """Live through one school year."""
        self.values, self.parents = self.site_values(), self.site_parents()
        ages = {cohort: self.year - cohort for cohort in self.setting.cohorts}
        for child in self.people:
            if rules.LAST_SKILL_AGE < ages[child.cohort] < self.setting.horizon:
                child.entering_year(ages[child.cohort])
        for provider in self.providers:
            self._serve(provider, ages)
        for order, cohort in enumerate(self.setting.cohorts):
            age = self.year - cohort
            if 0 <= age < self.setting.horizon:
                children = [child for child in self.people if child.cohort == cohort]
                for child in children:
                    child.begin_year()
                self._live(children, age)
                for child in children:
                    for name, amount in child.flows(age).items():
                        self.flows[order, age, int(child.left >= 0), FLOWS.index(name)] += amount

    def _serve(self, provider: Provider, ages: dict[int, int]) -> None:
        """A service takes in the first in line of those for whom it is meant."""
        if provider is self.providers[0]:
            for child in self.people:
                child.help.update(dict.fromkeys(FOR_THE_YEAR, ZERO))
        room = self.room_of(provider, self.year)
        followed = [child for child in self.people if 0 <= ages[child.cohort] < self.setting.horizon]
        asking = [child for child in followed if room and child.asks(provider, ages[child.cohort])]
        line = sorted(asking, key=lambda child: child.place_in_line(provider))
        chosen = line[:room]
        if provider.areas is not None:
            rooms = apportion(room, provider.areas.tolist())
            chosen = [child for area, here in enumerate(rooms) for child in [c for c in line if c.area == area][:here]]
        for child in chosen:
            child.be_served(provider)
        provider.take_in(self.year, room, len(asking), len(chosen))

    def _live(self, children: list[ChildAgent], age: int) -> None:
        """The year of one cohort."""
        if age in rules.INFANT_AGES:
            for child in children:
                child.infant_year(age)
        elif age in rules.ENTRY_AGES:
            self._allot(children, age)
            for child in children:
                child.early_year(age)
        elif rules.FIRST_SCHOOL_AGE <= age <= rules.LAST_SKILL_AGE:
            self._count_classes(children)
            for child in children:
                child.school_year(age)
            for child in children:
                child.skill = child.next_skill
                child.school_events(age)
        elif age > rules.LAST_SKILL_AGE:
            for child in children:
                child.adult_year(age)

    def _count_classes(self, children: list[ChildAgent]) -> None:
        """Sum last year's skill by class: these sums replace those of the year before."""
        fresh: dict[tuple[int, int], tuple[int, int]] = {}
        for child in children:
            total, count = fresh.get((child.cohort, child.school), (0, 0))
            fresh[child.cohort, child.school] = (total + int(rules.to_fixed(child.skill)), count + 1)
        self.class_sums.update(fresh)

    def _allot(self, children: list[ChildAgent], age: int) -> None:
        """Families apply, places go out in rounds, and each pool's children are spread over its sites."""
        n_areas = len(self.setting.place.area_names)
        for child in children:
            child.apply(age)
        held = self._propose(children, age, n_areas)
        seated = np.zeros(len(self.sites), np.int32)
        for child in children:
            child.care[age], child.site[age] = rules.HOME, -1
        for pool, winners in enumerate(held):
            here = self.pools[pool]
            line = sorted(winners, key=lambda child, pool=pool: child.rank(pool // n_areas, age))  # type: ignore[misc]
            parts = apportion(len(line), [float(site.seats.get(age, 0)) for site in here])
            at = 0
            for site, part in zip(here, parts, strict=True):
                for child in line[at : at + part]:
                    child.care[age], child.site[age] = pool // n_areas + 1, site.number
                seated[site.number] = part
                at += part
        self.record_seats(age, seated)

    def _propose(self, children: list[ChildAgent], age: int, n_areas: int) -> list[list[ChildAgent]]:
        """Deferred acceptance in rounds: all without a place ask for their next one; pools keep the first in line."""
        seats = self.pool_seats(age)
        held: list[list[ChildAgent]] = [[] for _ in seats]
        waiting, asked = list(children), dict.fromkeys(children, 0)
        while waiting:
            for child in waiting:
                if asked[child] < len(child.places):
                    held[child.places[asked[child]]].append(child)
                    asked[child] += 1
            waiting = []
            for pool, line in enumerate(held):
                program = pool // n_areas
                line.sort(key=lambda child, program=program: child.rank(program, age))  # type: ignore[misc]
                waiting += [child for child in line[seats[pool] :] if asked[child] < len(child.places)]
                del line[seats[pool] :]
        return held

    def run(self) -> ObjectPipeline:
        """Live through all years, until the last cohort reaches the horizon."""
        while self.time < self.last_year - self.first_year + 1:
            self.step()
        return self

    def columns(self) -> Children:
        """The children as columns, in the order they were given."""
        children = replace(self.source.copy(), world=self.setting.world, theta=self.theta, lived=self.year)
        reals = (
            *("FRESH", "FADING", "LONG_RUN", "NONTEST", "PEER", "SKILL", "TRANSIENT", "OWN_GRADE8", "GRADES"),
            *("PARENT_START", "PARENT_LEFT", "EARNINGS", "EARNED", "TRAIT", "BIRTH_WEIGHT", "OWN_AT_4", "ADDED_AT_4"),
        )
        for child in self.people:
            i = child.column
            for name in reals:
                children.x[Real[name], i] = getattr(child, name.lower())
            for column, amount in child.help.items():
                children.x[column, i] = amount
            for column in KEPT_SCORES:
                children.x[column, i] = child.scores.get(column, ZERO)
            wholes: tuple[tuple[Whole | Seat | Wide, int], ...] = (
                (Whole.CARE3, child.care[3]),
                (Whole.CARE4, child.care[4]),
                (Seat.SITE3, child.site[3]),
                (Seat.SITE4, child.site[4]),
                (Whole.APPLIED, child.applied),
                (Whole.ATTENDS, child.attends),
                (Whole.REACHED, child.reached),
                (Whole.LEFT, child.left),
                *((Whole(int(Whole.CARE0) + age), kind) for age, kind in child.early_care.items()),
                (Whole.ON_TRACK, child.on_track),
                (Whole.SECTOR, child.sector),
                (Whole.COLLEGE_YEARS, child.college_years),
                (Whole.STOPPED, child.stopped),
                (Whole.NOW, sum(1 << bit for bit in child.now)),
                (Whole.WORKED, child.worked),
                (Wide.SERVED, sum(1 << bit for bit in child.served)),
                (Whole.CAESAREAN, child.caesarean),
                *((Whole(int(Whole.ABSENT_YEARS) + n), child.events[e]) for n, e in enumerate(EVENTS)),
            )
            for row, value in wholes:
                children.whole(row)[i] = value
        return children

    def read(self, column: Real) -> Reals:
        """What the children themselves remember of a number that columns do not keep, float32 (n,) in given order."""
        values = np.zeros(len(self.people), np.float32)
        for child in self.people:
            own = getattr(child, column.name.lower(), ZERO)
            values[child.column] = child.scores.get(column, own)
        return values

    def count_pupils(self, school: int, cohort: int) -> int:
        """Children of a birth year who go to this school."""
        return sum(child.school == school and child.cohort == cohort for child in self.people)
