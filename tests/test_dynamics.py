"""What the years bring: births, development, domains of skill, school events, grades, college, work, parents' pay.

Every parameter stands at its mean, so that no test hangs on the luck of a draw. Where a rule's effect is asked for, the
same children live twice with the same luck, once with the rule and once without.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
from scipy.special import logit

from cradlecast.model import kernels
from cradlecast.model.calibration import Calibration, calibrate
from cradlecast.model.children import Bools, Children, Reals, Wholes
from cradlecast.model.college import finishing
from cradlecast.model.flows import FLOWS
from cradlecast.model.kernels import FOUR_YEAR, KEPT, TWO_YEAR, Real, Seat, Theta, Whole
from cradlecast.model.pipeline import Pipeline
from cradlecast.model.place import LOW_WEIGHT, Floats
from cradlecast.model.town import HALF_DAY, SCHOOL_DAY, WORKING_DAY, Setting
from cradlecast.samples import CALIBRATION_CHILDREN, baseline_setting, scenario_setting
from cradlecast.scenarios.community import EVENTS, MILESTONES
from cradlecast.scenarios.library import load_scenario
from tests.test_engines import shuffled
from tests.worlds import SCENARIOS, born, ground, with_theta

N = 20_000
ABSENT, SUSPENDED, ARRESTED = (1 << EVENTS.index(name) for name in ("chronic_absence", "suspension", "arrest"))
STUDIES = 1 << kernels.NOW_TWO_YEAR | 1 << kernels.NOW_FOUR_YEAR
CREDENTIAL, WORKS = 1 << kernels.NOW_CREDENTIAL, 1 << kernels.NOW_WORKS
GRADUATED, ENROLLED, COMPLETED, EMPLOYED = range(3, 7)
SIGMAS = 4.5
"""Standard errors that chance may do: one test in 100,000 would fail for nothing."""


@cache
def solved() -> tuple[dict[str, float], Calibration]:
    """Every parameter at its mean, and the intercepts for that."""
    base = ground(SCENARIOS[0], N)
    values = {name: parameter.mean for name, parameter in base.parameters.parameters.items()}
    return values, calibrate(base.place, base.programs, values, 1, CALIBRATION_CHILDREN)


def arms(n_children: int = N, levers: Mapping[str, float] | None = None, **values: float) -> tuple[Setting, Setting]:
    """Both arms of a scenario for one birth year, some parameters replaced."""
    means, calibration = solved()
    scenario = load_scenario(SCENARIOS[0]).with_levers(dict(levers or {}))
    setting = baseline_setting(ground(SCENARIOS[0], n_children), scenario, means | values, calibration, 3)
    setting = replace(setting, cohorts=setting.cohorts[:1])
    return setting, scenario_setting(setting, scenario, setting.values)


def lived(setting: Setting) -> Children:
    """The children of a setting after their last year."""
    return Pipeline(setting, born(setting)).run().columns()


@dataclass(frozen=True)
class Years:
    """A town and its children year by year: columns at the END of the year of every age, (ages, n)."""

    town: Pipeline
    now: Wholes
    stopped: Wholes
    college: Wholes
    special: Wholes
    retained: Wholes
    earnings: Reals
    parents_left: Reals

    @property
    def children(self) -> Children:
        """The children after the last year."""
        return self.town.columns()

    def happened(self, bits: int) -> Bools:
        """Where any of some things happened in a year, bool (ages, n)."""
        return np.asarray((self.now & bits) != 0)

    def flow(self, name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        """A flow of the ledger by age and where people live, int64 (ages, 2)."""
        return self.town.flows[0, :, :, FLOWS.index(name)]


def years_of(setting: Setting) -> Years:
    """Live through a setting of one birth year, and keep what lasts a year only."""
    town = Pipeline(setting, born(setting))
    kept: list[tuple[Wholes | Reals, ...]] = []
    for _ in range(setting.horizon):
        town.step()
        c = town.columns()
        wholes = (Whole.NOW, Whole.STOPPED, Whole.COLLEGE_YEARS, Whole.SPECIAL_EDUCATION, Whole.RETAINED)
        rows = (*(c.k[column] for column in wholes), c.x[Real.EARNINGS], c.x[Real.PARENT_LEFT])
        kept.append(tuple(row.copy() for row in rows))
    return Years(town, *(np.stack(column) for column in zip(*kept, strict=True)))


@cache
def one_life() -> Years:
    """The baseline arm, year by year."""
    return years_of(arms()[0])


def near(share: float, expected: float, n: int) -> bool:
    """Whether a share of so many children is the expected one but for chance."""
    return bool(abs(share - expected) <= SIGMAS * np.sqrt(expected * (1.0 - expected) / n))


# --- arithmetic ---


def test_the_exponential_is_exact_to_the_last_bits_and_kept_within_bounds() -> None:
    spread = np.random.default_rng(1).uniform(-20.0, 20.0, 20_000)
    given = np.concatenate([np.linspace(-20.0, 20.0, 4001), spread]).astype(np.float32)
    found = np.array([kernels.exponential(value) for value in given], np.float64)
    assert np.abs(found / np.exp(given.astype(np.float64)) - 1.0).max() < 3e-7
    assert kernels.exponential(np.float32(25.0)) == kernels.exponential(np.float32(20.0))
    assert kernels.exponential(np.float32(-25.0)) == kernels.exponential(np.float32(-20.0)) > 0.0


@pytest.mark.parametrize("again", [0.0, 0.1, 0.4])
@pytest.mark.parametrize("sector", [TWO_YEAR, FOUR_YEAR])
def test_college_lived_by_the_year_is_completed_as_often_as_the_calibration_reckons(sector: int, again: float) -> None:
    each, odds = 10_000, np.linspace(-4.0, 4.0, 9)
    n = each * len(odds)
    ids = np.stack([np.arange(n, dtype=np.uint32), np.full(n, (1 << 16) | 2000, np.uint32)])
    x, k = np.zeros((KEPT, n), np.float32), np.zeros((len(Whole), n), np.int8)
    k[Whole.CELL], k[Whole.REACHED] = np.repeat(np.arange(len(odds)), each), 1 << GRADUATED
    theta, cuts = np.zeros(len(Theta), np.float32), np.zeros((14, len(odds)), np.float32)
    theta[Theta.COLLEGE_RETURN] = again
    cuts[ENROLLED], cuts[kernels.COMPLETED] = 30.0, odds
    cuts[kernels.CUT_FOUR_YEAR] = 30.0 if sector == FOUR_YEAR else -30.0
    world, at = np.array([7, 9], np.uint64), kernels.ENROLMENT_AGE
    kernels.enrolling(ids, world, theta, at, 2000 + at, 0, n, x, k, cuts)
    for age in range(kernels.ENROLMENT_AGE, kernels.COMPLETION_AGE + 1):
        kernels.begin_year(theta, np.array([[2000, 0, n, 0]], np.int64), x, k)
        kernels.college_year(ids, world, theta, age, 2000 + age, 0, n, x, k, cuts)
    assert (k[Whole.SECTOR] == sector).all()
    done = ((k[Whole.REACHED] >> COMPLETED) & 1).reshape(len(odds), each).mean(axis=1)
    level = np.array([(TWO_YEAR, FOUR_YEAR).index(sector)])
    expected = finishing(odds, level, again)
    assert all(near(share, rate, each) for share, rate in zip(done, expected, strict=True))
    assert again > 0.0 or expected == pytest.approx(1.0 / (1.0 + np.exp(-odds)))
    assert (expected >= finishing(odds, level, 0.0)).all()


# --- birth ---


def test_births_below_2500_grams_and_girls_are_as_frequent_as_the_file_says() -> None:
    setting, _ = arms(60_000)
    children, births = born(setting), setting.place.community.births
    weight, group = children.real(Real.BIRTH_WEIGHT), children.whole(Whole.GROUP)
    light = weight < LOW_WEIGHT
    assert near(light.mean(), births.low_weight.all.value, len(children))
    assert near(children.whole(Whole.FEMALE).mean(), births.girls.value, len(children))
    names = setting.place.group_names
    pairs = [(name, "white") for name in names if name != "white" and name in births.low_weight.groups]
    assert len(pairs) == 3
    for pair in pairs:
        of = [group == names.index(name) for name in pair]
        gap = float(np.subtract(*[logit(light[each].mean()) for each in of]))
        published = float(np.subtract(*[logit(births.low_weight.groups[name].value) for name in pair]))
        error = np.sqrt(sum(1.0 / light[each].sum() + 1.0 / (~light[each]).sum() for each in of))
        assert abs(gap - published) < SIGMAS * error, pair
        assert weight[of[0]].std() == pytest.approx(births.weight_sd.value, rel=0.06)


def test_more_weight_at_birth_raises_scores_by_the_published_share_and_does_not_fade() -> None:
    """From the mean to one sd above it. Its part of the trait is taken out, and classmates matter to nobody here."""
    setting = with_theta(arms()[0], PEER_EFFECT=0.0)
    given, without = lived(setting), lived(with_theta(setting, BIRTH_WEIGHT_LOAD=0.0))
    weight = given.real(Real.BIRTH_WEIGHT).astype(np.float64)
    assert np.array_equal(weight, without.real(Real.BIRTH_WEIGHT))
    heavier = weight > setting.place.weight_means[given.whole(Whole.GROUP)]
    sd = setting.place.community.births.weight_sd.value
    mean = float(np.sum(setting.place.weight_means * setting.place.group_shares))
    expected = solved()[0]["birth_weight_effect"] * sd / (0.1 * mean)
    assert 0.05 < expected < 0.1
    for column in (Real.READING_TRUE, Real.MATH_TRUE):
        gain = given.real(column).astype(np.float64) - without.real(column)
        above = (weight - setting.place.weight_means[given.whole(Whole.GROUP)]) / sd
        assert gain == pytest.approx(expected * above, abs=2e-6)
    rates = [each.reached(MILESTONES.index("grade3_reading")) for each in (given, without)]
    assert (rates[0] & ~rates[1])[heavier].sum() > 50 > 0 == (rates[1] & ~rates[0])[heavier].sum()


# --- before school ---


def test_development_at_3_knows_nothing_of_care_at_3_and_4() -> None:
    before, after = (lived(replace(setting, horizon=6)) for setting in arms())
    moved = before.whole(Whole.CARE4) != after.whole(Whole.CARE4)
    assert moved.sum() > 200
    assert (before.real(Real.READINESS_TRUE) != after.real(Real.READINESS_TRUE))[moved].all()
    for column in (Real.DEVELOPMENT_TRUE, Real.DEVELOPMENT):
        assert np.array_equal(before.real(column), after.real(column))
    on_track = before.whole(Whole.ON_TRACK)
    assert np.array_equal(on_track, after.whole(Whole.ON_TRACK))
    ready = before.reached(MILESTONES.index("kindergarten_ready"))
    assert ready[on_track == 1].mean() > ready[on_track == 0].mean() + 0.2


def test_a_year_of_care_moves_each_domain_by_its_own_multiple_of_general_skill() -> None:
    means, _ = solved()
    before, after = (lived(replace(setting, horizon=6)) for setting in arms())
    general = after.real(Real.READINESS_TRUE).astype(np.float64) - before.real(Real.READINESS_TRUE)
    moved = np.abs(general) > 0.05
    assert moved.sum() > 200 and general[moved].mean() > 0.1
    gains = {}
    for name, true, read in (
        ("literacy", Real.PRELITERACY_TRUE, Real.PRELITERACY),
        ("math", Real.MATH_FALL_TRUE, Real.MATH_FALL),
        ("language", Real.LANGUAGE_FALL_TRUE, Real.LANGUAGE_FALL),
        ("behaviour", Real.BEHAVIOUR_FALL_TRUE, Real.BEHAVIOUR_FALL),
    ):
        gain = after.real(true).astype(np.float64) - before.real(true)
        assert gain[moved] / general[moved] == pytest.approx(means[f"{name}_multiplier"], abs=2e-4), name
        assert after.real(read).astype(np.float64) - before.real(read) == pytest.approx(gain, abs=2e-6), (
            "the same noise"
        )
        assert 0.5 < np.corrcoef(before.real(true), before.real(Real.READINESS_TRUE))[0, 1] < 1.0 or name == "behaviour"
        gains[name] = gain[moved].mean()
    assert gains["literacy"] > gains["language"] > gains["math"] > 0.0
    start = Real.PRELITERACY_START_TRUE
    at_3 = before.whole(Whole.CARE3) == after.whole(Whole.CARE3)
    assert np.array_equal(before.real(start)[at_3], after.real(start)[at_3]), "read before the year of care"


# --- school ---


@pytest.mark.parametrize(("event", "entry"), [(SUSPENDED, "GIRLS_SUSPENSION"), (ARRESTED, "GIRLS_ARREST")])
def test_girls_are_suspended_and_arrested_less_and_boys_as_before(event: int, entry: str) -> None:
    record = {SUSPENDED: Whole.SUSPENDED_YEARS, ARRESTED: Whole.ARREST_YEARS}[event]
    setting = arms()[0]
    assert setting.theta[Theta[entry]] < 0.0
    given, without = lived(setting), lived(with_theta(setting, **{entry: 0.0}))
    girl = given.whole(Whole.FEMALE) == 1
    fewer = without.whole(record) - given.whole(record)
    assert not fewer[~girl].any()
    assert (fewer[girl] >= 0).all() and fewer[girl].sum() > 500
    assert given.whole(record)[girl].mean() < 0.7 * given.whole(record)[~girl].mean()


def test_girls_graduate_and_enrol_more_and_boys_as_before() -> None:
    setting = arms()[0]
    given = lived(setting)
    girl = given.whole(Whole.FEMALE) == 1
    for milestone, entry in ((GRADUATED, "GIRLS_GRADUATION"), (ENROLLED, "GIRLS_ENROLMENT")):
        assert setting.theta[Theta[entry]] > 0.0
        without = lived(with_theta(setting, **{entry: 0.0}))
        one, other = given.reached(milestone), without.reached(milestone)
        assert np.array_equal(one[~girl], other[~girl])
        assert not (other & ~one).any() and (one & ~other).sum() > 200
    graduates = given.reached(GRADUATED)
    enrolled = given.reached(ENROLLED)
    assert enrolled[graduates & girl].mean() > enrolled[graduates & ~girl].mean() + 0.03


def test_who_was_chronically_absent_is_so_again_far_more_often_than_others() -> None:
    absent = one_life().happened(ABSENT)[kernels.FIRST_SCHOOL_AGE : kernels.LAST_SKILL_AGE + 1]
    before, after = absent[:-1], absent[1:]
    again, others = after[before].mean(), after[~before].mean()
    assert 0.3 < again < 0.65
    assert again > 2.0 * others
    assert not one_life().happened(ABSENT)[: kernels.FIRST_SCHOOL_AGE].any()
    assert not one_life().happened(ABSENT)[kernels.LAST_SKILL_AGE + 1 :].any()


def test_each_year_of_an_event_is_on_the_childs_record() -> None:
    """``NOW`` tells of a year, the record of all of them; what happens once is on the record from that age, with it."""
    years = one_life()
    for number, event in enumerate(EVENTS):
        record = years.children.whole(Whole(Whole.ABSENT_YEARS + number))
        if number < kernels.FIRST_ONCE:
            happened = years.happened(1 << number)
            assert np.array_equal(happened.sum(axis=0), record), event
        else:
            by_age = {"special_education": years.special, "retention": years.retained}[event]
            happened = np.diff(by_age, axis=0, prepend=-1) != 0
            assert (happened.sum(axis=0) == (record >= 0)).all(), event
            assert np.array_equal(happened.argmax(axis=0)[record >= 0], record[record >= 0]), event
        ages = np.flatnonzero(happened.any(axis=1))
        assert (ages[0], ages[-1]) == (kernels.EVENT_FIRST_AGES[number], kernels.EVENT_LAST_AGES[number])


def test_grades_rise_with_skill_and_with_behaviour_and_stay_between_0_and_4() -> None:
    means, _ = solved()
    children = lived(replace(arms()[0], horizon=kernels.GRADES_AGE + 1))
    grades, skill, behaviour = (children.real(each) for each in (Real.GRADES, Real.SKILL, Real.BEHAVIOUR))
    assert grades.min() == 0.0 and grades.max() == 4.0
    assert grades.mean() == pytest.approx(means["grades_mean"], abs=0.05)
    assert grades.std() == pytest.approx(means["grades_sd"], abs=0.05)
    for name, values in (("grades_skill", skill), ("grades_behaviour", behaviour)):
        assert np.corrcoef(grades, values)[0, 1] == pytest.approx(means[name], abs=0.03), name
        fifths = np.digitize(values, np.quantile(values, [0.2, 0.4, 0.6, 0.8]))
        by_fifth = [grades[fifths == number].mean() for number in range(5)]
        assert by_fifth == sorted(by_fifth) and by_fifth[4] - by_fifth[0] > 1.0
    low, high = (kernels.grade_points(*np.array([2.2, at, 0.3, at, 0.6, 0.0, 0.5, 4.0], np.float32)) for at in (-9, 9))
    assert (low, high) == (0.0, 4.0)


def test_an_arrest_costs_some_of_the_arrested_their_diploma_and_nobody_else() -> None:
    setting = arms()[0]
    assert setting.theta[Theta.ARREST_STEP] < 0.0
    given, without = lived(setting), lived(with_theta(setting, ARREST_STEP=0.0))
    arrested = given.whole(Whole.ARREST_YEARS) > 0
    assert np.array_equal(arrested, without.whole(Whole.ARREST_YEARS) > 0)
    one, other = given.reached(GRADUATED), without.reached(GRADUATED)
    assert np.array_equal(one[~arrested], other[~arrested])
    assert not (one & ~other).any()
    lost = other[arrested].mean() - one[arrested].mean()
    assert 0.5 < 100.0 * lost / solved()[0]["arrest_graduation"] < 1.5, "about the points that were put in"


# --- college ---


def test_the_enrolled_and_no_one_else_have_a_sector_in_the_shares_of_the_file() -> None:
    children, community = one_life().children, arms()[0].place.community
    enrolled, sector = children.reached(ENROLLED), children.whole(Whole.SECTOR)
    assert np.array_equal(sector > 0, enrolled)
    assert set(np.unique(sector)) == {0, TWO_YEAR, FOUR_YEAR}
    assert near((sector[enrolled] == FOUR_YEAR).mean(), community.stages["four_year"].all.value, int(enrolled.sum()))
    own = children.real(Real.OWN_GRADE8)
    assert own[sector == FOUR_YEAR].mean() > own[sector == TWO_YEAR].mean() > own[sector == 0].mean()


def test_a_credential_is_the_last_year_of_a_program_and_nothing_less() -> None:
    years = one_life()
    sector, college = years.children.whole(Whole.SECTOR), years.children.whole(Whole.COLLEGE_YEARS)
    completed = years.children.reached(COMPLETED)
    assert (college <= sector).all()
    assert np.array_equal(completed, (college == sector) & (sector > 0))
    assert np.array_equal(years.happened(CREDENTIAL).sum(axis=0), completed)
    assert completed[sector == TWO_YEAR].any() and completed[sector == FOUR_YEAR].any()
    assert (~completed & (college > 0)).any(), "some have years and no credential"
    first = np.where(completed, years.happened(CREDENTIAL).argmax(axis=0), 99)
    assert first[sector == TWO_YEAR].min() == kernels.ENROLMENT_AGE + 1
    assert first[sector == FOUR_YEAR].min() == kernels.ENROLMENT_AGE + 3


def test_students_pass_or_stop_out_and_some_of_those_come_back() -> None:
    years, means = one_life(), solved()[0]
    studies, stopped = years.happened(STUDIES), years.stopped == 1
    passed = np.diff(years.college, axis=0, prepend=0) == 1
    assert np.array_equal(passed | (stopped & studies), studies), "a year of study ends one way or the other"
    assert not (passed & stopped).any()
    ages = np.flatnonzero(studies.any(axis=1))
    assert (ages[0], ages[-1]) == (kernels.ENROLMENT_AGE, kernels.COMPLETION_AGE)
    away = stopped[kernels.ENROLMENT_AGE : kernels.COMPLETION_AGE]
    back = studies[kernels.ENROLMENT_AGE + 1 : kernels.COMPLETION_AGE + 1] & away
    assert back.sum() > 500
    assert near(back.sum() / away.sum(), means["college_return"], int(away.sum()))
    returned = back.any(axis=0)
    assert 0.0 < years.children.reached(COMPLETED)[returned].mean() < 1.0
    assert (stopped.any(axis=0) & ~returned).any(), "and others stay away"


# --- work ---


def test_earnings_are_of_those_in_work_from_18_on_and_add_up() -> None:
    years = one_life()
    works, earnings = years.happened(WORKS), years.earnings.astype(np.float64)
    assert not works[: kernels.LAST_SKILL_AGE + 1].any()
    assert works[kernels.LAST_SKILL_AGE + 1 :].any(axis=1).all()
    assert np.array_equal(earnings > 0.0, works) and (earnings >= 0.0).all()
    children = years.children
    assert np.array_equal(works.sum(axis=0), children.whole(Whole.WORKED))
    assert children.real(Real.EARNED) == pytest.approx(earnings.sum(axis=0), rel=1e-6)
    assert np.array_equal(children.real(Real.EARNINGS), years.earnings[-1])
    assert np.array_equal(works[kernels.EMPLOYMENT_AGE], children.reached(EMPLOYED))


def test_college_costs_earnings_while_it_lasts_and_pays_afterwards() -> None:
    years, theta = one_life(), arms()[0].theta
    works, studies = years.happened(WORKS), years.happened(STUDIES)
    at = kernels.ENROLMENT_AGE
    other = years_of(replace(with_theta(arms()[0], STUDYING=0.0), horizon=at + 1))
    both = works[at] & studies[at]
    ratio = years.earnings[at][both].astype(np.float64) / other.earnings[at][both]
    assert ratio == pytest.approx(np.exp(float(theta[Theta.STUDYING])), rel=1e-4) and ratio.max() < 1.0
    assert np.array_equal(years.earnings[at][~studies[at]], other.earnings[at][~studies[at]])
    last = years.earnings[kernels.EMPLOYMENT_AGE]
    bachelor = years.children.reached(COMPLETED) & (years.children.whole(Whole.SECTOR) == FOUR_YEAR)
    diploma = years.children.reached(GRADUATED) & ~years.children.reached(ENROLLED)
    no_diploma = ~years.children.reached(GRADUATED)
    pay = [float(np.median(last[group & (last > 0.0)])) for group in (bachelor, diploma, no_diploma)]
    assert pay[0] > pay[1] > pay[2]


# --- parents ---


def test_hours_that_parents_cannot_use_raise_no_earnings() -> None:
    setting, _ = arms(2000, parents_school_day=0.0, parents_working_day=0.0)
    years = years_of(replace(setting, horizon=10))
    assert not years.flow("parents_earnings").any()
    assert (years.children.whole(Whole.CARE4) != kernels.HOME).any(), "there was care"


def test_parents_gain_more_from_a_working_day_than_from_a_school_day_and_nothing_from_half_a_day() -> None:
    means, _ = solved()
    gains = {}
    for hours in (HALF_DAY, SCHOOL_DAY, WORKING_DAY):
        town = Pipeline(replace(arms(levers={"hours": hours})[1], horizon=5), born(arms()[1])).run()
        children = town.columns()
        paid = np.array([site.financed for site in town.sites] + [False])[children.whole(Seat.SITE4)]
        assert paid.sum() > 200
        at_home = (children.whole(Whole.CARE3) == kernels.HOME) & (children.whole(Whole.CARE4) == kernels.HOME)
        assert not children.real(Real.PARENT_START)[at_home].any()
        home_at_3 = children.whole(Whole.CARE3) == kernels.HOME
        gains[hours] = children.real(Real.PARENT_START)[paid & home_at_3]
        if hours == HALF_DAY:  # what a school day at 3 was worth goes on fading
            kept = children.real(Real.PARENT_START)[paid & ~home_at_3]
            assert kept == pytest.approx(means["parents_school_day"] / 100.0, abs=1e-7)
    expected = {HALF_DAY: 0.0, SCHOOL_DAY: means["parents_school_day"], WORKING_DAY: means["parents_working_day"]}
    assert expected[WORKING_DAY] > expected[SCHOOL_DAY] > 0.0
    for hours, percent in expected.items():
        assert gains[hours] == pytest.approx(percent / 100.0, abs=1e-7), hours


def test_parents_gain_fades_in_equal_steps_to_nothing() -> None:
    setting = with_theta(arms(4000)[0], PARENT_FADE=0.2)
    years = years_of(replace(setting, horizon=12))
    at_4 = years.children.whole(Whole.CARE4) != kernels.HOME
    at_3_only = ~at_4 & (years.children.whole(Whole.CARE3) != kernels.HOME)
    assert at_4.any() and at_3_only.any()
    for start, group in ((4, at_4), (3, at_3_only)):
        left = [1.0, 0.8, 0.6, 0.4, 0.2, 0.0, 0.0, 0.0][: len(years.parents_left) - start]
        assert np.abs(years.parents_left[start : start + len(left), group].T - left).max() < 1e-6
    by_age = years.flow("parents_earnings").sum(axis=1)
    assert (by_age[:3] == 0).all() and (by_age[9:] == 0).all()
    assert (np.diff(by_age[4:10]) < 0).all() and by_age[8] > 0
    c = years.children
    whole = float(np.sum(c.real(Real.FAMILY_EARNINGS).astype(np.float64) * c.real(Real.PARENT_START) * at_4))
    assert by_age[5] == pytest.approx(0.8 * whole + 0.6 * _of(c, at_3_only), rel=1e-3)


def _of(children: Children, some: Bools) -> float:
    """What the parents of some children gain at first, dollars a year."""
    gain: Floats = children.real(Real.FAMILY_EARNINGS).astype(np.float64) * children.real(Real.PARENT_START)
    return float(np.sum(gain[some]))


# --- the ledger's flows ---


def test_flows_count_the_children_of_their_ages() -> None:
    years = one_life()
    n, age = len(years.children), np.arange(30)
    flow = {name: years.flow(name).sum(axis=1) for name in FLOWS}
    assert (flow["children"] == n).all()
    school = (age >= kernels.FIRST_SCHOOL_AGE) & (age <= kernels.LAST_SKILL_AGE)
    assert np.array_equal(flow["pupils"], np.where(school, n, 0))
    for name, bits in (
        ("suspended", SUSPENDED),
        ("arrests", ARRESTED),
        ("two_year", 1 << kernels.NOW_TWO_YEAR),
        ("four_year", 1 << kernels.NOW_FOUR_YEAR),
        ("credentials", CREDENTIAL),
        ("working", WORKS),
    ):
        assert np.array_equal(flow[name], years.happened(bits).sum(axis=1)), name
    students = flow["two_year"] + flow["four_year"]
    assert (students <= flow["children"]).all() and (flow["credentials"] <= students).all()
    assert flow["credentials"].sum() == years.children.reached(COMPLETED).sum()
    placed = years.children.whole(Whole.SPECIAL_EDUCATION)
    at_school = [int(np.count_nonzero((placed >= 0) & (placed <= at))) for at in age]
    assert np.array_equal(flow["special_education"], np.where(school, at_school, 0))
    retained = np.count_nonzero(years.children.whole(Whole.RETAINED) >= 0)
    assert np.array_equal(flow["repeating"], np.where(age == kernels.LAST_SKILL_AGE + 1, retained, 0))
    assert flow["earnings"] == pytest.approx(years.earnings.astype(np.float64).sum(axis=1), abs=0.5 * n)


def test_flows_of_those_who_moved_away_stand_apart() -> None:
    years = one_life()
    left = years.children.whole(Whole.LEFT)
    away = years.flow("children")[:, 1]
    assert [int(number) for number in away] == [int(np.count_nonzero((left >= 0) & (left <= age))) for age in range(30)]
    assert away[kernels.FIRST_LEAVING_AGE - 1] == 0 < away[-1]
    working = years.happened(WORKS)[-1]
    assert years.flow("working")[-1].tolist() == [int(working[left < 0].sum()), int(working[left >= 0].sum())]


def test_flows_do_not_depend_on_the_order_of_rows() -> None:
    setting = arms(3000)[1]
    children = born(setting)
    mixed = shuffled(children, seed=4)
    assert not np.array_equal(mixed.ids, children.ids)
    straight, other = (Pipeline(setting, each).run().flows for each in (children, mixed))
    assert np.array_equal(straight, other)
    assert (straight.sum(axis=(0, 1, 2)) != 0).all()
