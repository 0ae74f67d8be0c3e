"""From the drawn values of the parameters to the float32 vector that the rules read."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.special import logit

from cradlecast.model.children import Reals
from cradlecast.model.kernels import Theta
from cradlecast.model.place import Place
from cradlecast.scenarios.community import EVENTS
from cradlecast.scenarios.program import Program

EMPLOYMENT_LEVELS = ("employed_no_diploma", "employed_diploma", "employed_some_college", "employed_degree")
"""Parameters with the employment rate at each attainment, lowest first."""


LIFETIME_EARNINGS = ("lifetime_no_diploma", "lifetime_diploma", "lifetime_bachelor")
"""Parameters with the earnings of a working life at each attainment, lowest first."""


def theta_of(values: Mapping[str, float], place: Place, programs: Mapping[str, Program]) -> Reals:
    """The parameters of one draw as the rules read them.

    Parameters
    ----------
    values
        Drawn value of every parameter.
    place
        The community.
    programs
        Programs by name; pre-K, Head Start and child care.

    Returns
    -------
    numpy.ndarray
        float32 (len(Theta),). ``ARREST_STEP``, ``EMPLOYMENT_SLOPE`` and its gain,
        ``EARNINGS_SLOPE`` and ``EARNINGS_BASE`` stay 0 until calibration.

    Notes
    -----
    Published slopes are on math as tested; on the true score they are steeper by one over the test's reliability.
    That of graduation is on math alone: beside family advantage and behaviour it is what these two leave of it.

    Loads of the non-test channel: a gain of one unit of the adult index raises each adult outcome by one sd of that
    outcome in the whole cohort; the load at each step is what the earlier steps have not already passed on.
    """
    community = place.community
    theta = np.zeros(len(Theta), np.float64)
    kept = values["transient_persistence"]
    late = values["school_trait_share"]
    early = min(values["trait_share"] ** 2 / late, 0.95)
    theta[Theta.TRAIT_WEIGHT], theta[Theta.TRANSIENT_WEIGHT] = np.sqrt(late), np.sqrt(1.0 - late)
    theta[Theta.EARLY_TRAIT_WEIGHT], theta[Theta.EARLY_TRANSIENT_WEIGHT] = np.sqrt(early), np.sqrt(1.0 - early)
    _set_birth(theta, values, place)
    theta[Theta.PERSISTENCE], theta[Theta.SHOCK_SD] = kept, np.sqrt(1.0 - kept**2)
    theta[Theta.FIRST_YEAR] = values["first_year_persistence"]
    theta[Theta.LATER_YEARS] = values["later_persistence"]
    theta[Theta.LITERACY] = values["literacy_multiplier"]
    theta[Theta.SCREENER_NOISE] = np.sqrt(1.0 / values["screener_reliability"] - 1.0)
    theta[Theta.TEST_NOISE] = np.sqrt(1.0 / values["test_reliability"] - 1.0)
    theta[Theta.CENTER_SD] = values["center_sd"]
    theta[Theta.PEER_EFFECT] = values["peer_effect"]
    theta[Theta.FAMILY_SLOPE] = values["family_slope"]
    theta[Theta.BEHAVIOUR_SLOPE] = values["behaviour_slope"]
    reliability, causal = values["test_reliability"], values["causal_share"]
    total = values["graduation_slope"] / reliability
    theta[Theta.GRADUATION_SLOPE], whole = _beside(theta, total)
    theta[Theta.GRADUATION_GAIN] = causal * whole
    for step in ("ENROLMENT", "COMPLETION"):
        theta[Theta[f"{step}_SLOPE"]] = values[f"{step.lower()}_slope"] / reliability
        theta[Theta[f"{step}_GAIN"]] = causal * theta[Theta[f"{step}_SLOPE"]]
    theta[Theta.SECTOR_SLOPE], theta[Theta.SECTOR_GAIN] = values["sector_slope"], causal * values["sector_slope"]
    _set_loads(theta, values, place)
    stays = values[community.stays]
    years = 9  # leaving may happen at the ages 17 to 25, so that the share still near is reached at 26
    theta[Theta.LEAVING_HAZARD] = 1.0 - stays ** (1.0 / years)
    theta[Theta.PREK_INCOME] = _limit(place, programs["prek"])
    theta[Theta.HEAD_START_INCOME] = _limit(place, programs["head_start"])
    theta[Theta.POOR_INCOME] = place.income_at(1.0)
    bands = sorted({d.below_income_to_poverty for d in community.demand if d.below_income_to_poverty is not None})
    theta[Theta.LOW_INCOME], theta[Theta.MIDDLE_INCOME] = (place.income_at(bound) for bound in bands)
    for program, entry in (("prek", Theta.TAKE_UP_PREK), ("head_start", Theta.TAKE_UP_HEAD_START)):
        name = programs[program].take_up
        theta[entry] = 1.0 if name is None else values[name]
    theta[Theta.PREFERS_HEAD_START] = values["prefers_head_start"]
    theta[Theta.TRAVELS] = values["travels"]
    for demand in community.demand:
        bound = demand.below_income_to_poverty
        band = len(bands) if bound is None else bands.index(bound)
        theta[Theta.CENTER_LOW_AT_3 + 3 * (demand.age - 3) + band] = demand.share.value
    theta[Theta.ATTENDANCE] = community.regular_attendance.value
    theta[Theta.EVENT_SLOPE] = values["event_slope"]
    theta[Theta.EVENT_BEHAVIOUR] = values["event_behaviour"]
    theta[Theta.SPECIAL_LIABILITY] = values["special_liability"]
    for name in ("suspension", "arrest", "special_education", "retention", "graduation", "enrolment"):
        theta[Theta[f"GIRLS_{name.upper()}"]] = values[f"girls_{name}"]
    theta[Theta.DOMAIN_LOADING] = values["domain_loading"]
    theta[Theta.DOMAIN_REST] = np.sqrt(1.0 - values["domain_loading"] ** 2)
    theta[Theta.MATH_GAIN], theta[Theta.LANGUAGE_GAIN] = values["math_multiplier"], values["language_multiplier"]
    theta[Theta.BEHAVIOUR_GAIN] = values["behaviour_multiplier"]
    _set_grades(theta, values)
    theta[Theta.FOUR_YEAR_STEP] = values["four_year_step"]
    theta[Theta.COLLEGE_RETURN] = values["college_return"]
    theta[Theta.PARENT_FADE] = 1.0 / values["parents_years"]
    theta[Theta.EXPERIENCE], theta[Theta.EXPERIENCE_SQUARED] = values["experience"], values["experience_squared"]
    no_diploma, diploma = (values[name] for name in LIFETIME_EARNINGS[:2])
    theta[Theta.DIPLOMA_EARNINGS] = values["attainment_causal_share"] * np.log(diploma / no_diploma)
    theta[Theta.COLLEGE_EARNINGS] = values["college_year_earnings"]
    theta[Theta.EARNINGS_SCORE], theta[Theta.EARNINGS_SD] = values["score_earnings"], values["earnings_sd"]
    theta[Theta.STUDYING] = values["studying_earnings"]
    theta[Theta.CAESAREAN] = values["caesarean_rate"]
    theta[Theta.YOUNG_WORK], theta[Theta.STUDENT_WORK] = values["young_work"], values["student_work"]
    return theta.astype(np.float32)


def _set_birth(
    theta: np.ndarray[tuple[int, ...], np.dtype[np.float64]], values: Mapping[str, float], place: Place
) -> None:
    """Family advantage, birth weight, trait, behaviour and what parents earn."""
    births, line = place.community.births, place.community.income.poverty_line.value
    mother, loading = values["mother_income"], values["ses_loading"]
    theta[Theta.GIRLS] = births.girls.value
    theta[Theta.MOTHER_INCOME], theta[Theta.MOTHER_REST] = mother, np.sqrt(1.0 - mother**2)
    theta[Theta.FAMILY_INCOME] = theta[Theta.FAMILY_MOTHER] = 1.0 / np.sqrt(2.0 + 2.0 * mother)
    sd = births.weight_sd.value
    theta[Theta.BIRTH_WEIGHT_SD] = sd
    mean = float(np.sum(place.weight_means * place.group_shares))
    tenths_in_an_sd = sd / (0.1 * mean)
    weight = values["birth_weight_effect"] * tenths_in_an_sd / theta[Theta.TRAIT_WEIGHT]
    theta[Theta.BIRTH_WEIGHT_LOAD] = weight
    theta[Theta.TRAIT_LOADING], theta[Theta.TRAIT_REST] = loading, np.sqrt(1.0 - loading**2 - weight**2)
    behaviour = values["behaviour_trait"]
    theta[Theta.BEHAVIOUR_TRAIT], theta[Theta.BEHAVIOUR_REST] = behaviour, np.sqrt(1.0 - behaviour**2)
    theta[Theta.FAMILY_EARNINGS] = np.log(values["earnings_share"] * line) + place.log_mean
    theta[Theta.INCOME_LOG_SD] = place.log_sd


def _set_grades(theta: np.ndarray[tuple[int, ...], np.dtype[np.float64]], values: Mapping[str, float]) -> None:
    """Weights of skill, behaviour and luck in grade points, such that each goes along with grades as it should."""
    between = theta[Theta.BEHAVIOUR_TRAIT] * theta[Theta.TRAIT_WEIGHT]
    skill, behaviour = values["grades_skill"], values["grades_behaviour"]
    on_skill = (skill - between * behaviour) / (1.0 - between**2)
    on_behaviour = (behaviour - between * skill) / (1.0 - between**2)
    luck = np.sqrt(max(1.0 - on_skill * skill - on_behaviour * behaviour, 0.01))
    theta[Theta.GRADES_MEAN] = values["grades_mean"]
    theta[[Theta.GRADES_SKILL, Theta.GRADES_BEHAVIOUR, Theta.GRADES_NOISE]] = values["grades_sd"] * np.array(
        [on_skill, on_behaviour, luck]
    )


def steeper(variance: float) -> float:
    """How much steeper a slope of log-odds is within people whose other parts of the index have this variance.

    Over all people together a logistic with normal parts left out is flatter by the root of 1 + c^2 variance, with
    c = 16 sqrt(3) / (15 pi) (Zeger, Liang and Albert 1988, Biometrics 44).
    """
    c = 16.0 * np.sqrt(3.0) / (15.0 * np.pi)
    return float(np.sqrt(1.0 + c**2 * max(variance, 0.0)))


def _beside(theta: np.ndarray[tuple[int, ...], np.dtype[np.float64]], slope: float) -> tuple[float, float]:
    """Slope of graduation on own skill beside family advantage and behaviour, from the slope on skill alone.

    Returns
    -------
    tuple
        The slope on own skill, and the whole association within people of one family advantage and behaviour: what
        goes along with the two is in the second and not in the first.
    """
    family, behaviour = theta[Theta.FAMILY_SLOPE], theta[Theta.BEHAVIOUR_SLOPE]
    with_family, with_behaviour, between = _correlations(theta)
    along = family * with_family + behaviour * with_behaviour
    left_out = family**2 + behaviour**2 + 2.0 * family * behaviour * between - along**2
    whole = slope * steeper(left_out)
    return float(whole - along), float(whole)


def _correlations(theta: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> tuple[float, float, float]:
    """Correlations of own skill with family advantage and with behaviour, and between these two."""
    trait = theta[Theta.TRAIT_WEIGHT]
    family, behaviour = theta[Theta.TRAIT_LOADING], theta[Theta.BEHAVIOUR_TRAIT]
    return float(family * trait), float(behaviour * trait), float(family * behaviour)


def index_variance(theta: np.ndarray[tuple[int, ...], np.dtype[np.float64]], step: str) -> float:
    """Variance over children of the log-odds of a step after school."""
    skill, family = theta[Theta[f"{step}_SLOPE"]], theta[Theta.FAMILY_SLOPE]
    behaviour = theta[Theta.BEHAVIOUR_SLOPE] if step == "GRADUATION" else 0.0
    with_family, with_behaviour, between = _correlations(theta)
    crossed = skill * family * with_family + skill * behaviour * with_behaviour + family * behaviour * between
    return float(skill**2 + family**2 + behaviour**2 + 2.0 * crossed)


def odds_of_percent(percent: float) -> float:
    """Shift of the log-odds of a rare event that moves its rate by so many percent, of at most 95 percent less."""
    return float(np.log(max(1.0 + percent / 100.0, 0.05)))


def event_shifts(values: Mapping[str, float], place: Place) -> dict[str, float]:
    """Shift of each school event's log-odds after a year of pre-K, against care at home.

    Priors come in points of children ever (special education, retention: points / (p (1 - p)) at the observed rate p,
    steeper within children of one index)
    or in percent of the rate (suspension, arrest: log of 1 + percent, which is the shift of the odds of a rare event).
    Nothing measured was found for absence.
    """
    rates = {event: place.community.events[event].all.value for event in EVENTS}
    shifts = {"chronic_absence": 0.0}
    for event in ("suspension", "arrest"):
        shifts[event] = odds_of_percent(values[f"prek_{event}"])
    slope, behaviour = values["event_slope"], values["event_behaviour"]
    together = np.sqrt(values["school_trait_share"]) * values["behaviour_trait"]
    variance = slope**2 + behaviour**2 + 2.0 * slope * behaviour * together
    for event in ("special_education", "retention"):
        liability = values["special_liability"] if event == "special_education" else 0.0
        points = values[f"prek_{event}"] / 100.0 / (rates[event] * (1.0 - rates[event]))
        shifts[event] = points * steeper(variance + liability**2)
    return shifts


def _limit(place: Place, program: Program) -> float:
    """Standardised income below which a family is eligible."""
    ratio = program.max_income_to_poverty
    return np.inf if ratio is None else place.income_at(ratio)


def chain(place: Place) -> tuple[float, float, float, float]:
    """Observed rates of graduation, of enrolment among graduates, completion among enrolled, and employment."""
    rates = {name: rates.all.value for name, rates in place.community.milestones.items()}
    graduate = rates["high_school_graduate"]
    enrolled = _given(place, "postsecondary_enrolled", {"graduates": 1.0, "cohort": 1.0 / graduate})
    completed = _given(
        place,
        "postsecondary_completed",
        {"enrolled": 1.0, "graduates": 1.0 / enrolled, "cohort": 1.0 / (graduate * enrolled)},
    )
    return graduate, enrolled, completed, rates["employed"]


def _given(place: Place, milestone: str, scale: Mapping[str, float]) -> float:
    """The milestone's rate among those who took the step before it."""
    rates = place.community.milestones[milestone]
    return min(rates.all.value * scale[rates.denominator], 0.99)


def _set_loads(
    theta: np.ndarray[tuple[int, ...], np.dtype[np.float64]], values: Mapping[str, float], place: Place
) -> None:
    """Loads of the non-test channel and causal steps of attainment on employment."""
    p_grad, p_enrol, p_complete, p_employed = chain(place)
    of_graduation = steeper(index_variance(theta, "GRADUATION"))
    levels = [values[name] for name in EMPLOYMENT_LEVELS]
    causal = values["attainment_causal_share"]
    steps = causal * (logit(np.array(levels[1:])) - logit(levels[0]))
    theta[Theta.DIPLOMA_STEP], theta[Theta.COLLEGE_STEP], theta[Theta.DEGREE_STEP] = steps
    enrolled, completed = p_grad * p_enrol, p_grad * p_enrol * p_complete
    sd = {
        name: np.sqrt(p * (1.0 - p))
        for name, p in (("grad", p_grad), ("enrol", enrolled), ("complete", completed), ("employed", p_employed))
    }
    theta[Theta.GRADUATION_LOAD] = of_graduation / sd["grad"]
    left = (sd["enrol"] - p_enrol * sd["grad"]) / p_grad
    theta[Theta.ENROLMENT_LOAD] = left / (p_enrol * (1.0 - p_enrol)) * steeper(index_variance(theta, "ENROLMENT"))
    left = (sd["complete"] - p_complete * sd["enrol"]) / enrolled
    of_completion = steeper(index_variance(theta, "COMPLETION"))
    theta[Theta.COMPLETION_LOAD] = left / (p_complete * (1.0 - p_complete)) * of_completion
    through = causal * (
        (levels[1] - levels[0]) * sd["grad"]
        + (levels[2] - levels[1]) * sd["enrol"]
        + (levels[3] - levels[2]) * sd["complete"]
    )
    theta[Theta.EMPLOYMENT_LOAD] = (sd["employed"] - through) / sd["employed"] ** 2
