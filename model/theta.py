"""From the drawn values of the parameters to the float32 vector that the rules read."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.special import logit

from cradlecast.model.children import Reals
from cradlecast.model.kernels import EVENT_FIRST_AGES, EVENT_LAST_AGES, FIRST_ONCE, Theta
from cradlecast.model.place import Place
from cradlecast.scenarios.community import EVENTS
from cradlecast.scenarios.program import Program

EMPLOYMENT_LEVELS = ("employed_no_diploma", "employed_diploma", "employed_some_college", "employed_degree")
"""Parameters with the employment rate at each attainment, lowest first."""


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
        float32 (len(Theta),). ``EMPLOYMENT_SLOPE`` stays 0 until calibration.

    Notes
    -----
    Published slopes are on math as tested; on the true score they are steeper by one over the test's reliability.

    Loads of the non-test channel: a gain of one unit of the adult index raises each adult outcome by one sd of that
    outcome in the whole cohort; the load at each step is what the earlier steps have not already passed on.
    """
    community = place.community
    theta = np.zeros(len(Theta), np.float64)
    trait, kept = values["trait_share"], values["transient_persistence"]
    loading = values["ses_loading"]
    theta[Theta.TRAIT_LOADING], theta[Theta.TRAIT_REST] = loading, np.sqrt(1.0 - loading**2)
    theta[Theta.TRAIT_WEIGHT], theta[Theta.TRANSIENT_WEIGHT] = np.sqrt(trait), np.sqrt(1.0 - trait)
    theta[Theta.PERSISTENCE], theta[Theta.SHOCK_SD] = kept, np.sqrt(1.0 - kept**2)
    theta[Theta.FIRST_YEAR] = values["first_year_persistence"]
    theta[Theta.LATER_YEARS] = values["later_persistence"]
    theta[Theta.LITERACY] = values["literacy_multiplier"]
    theta[Theta.SCREENER_NOISE] = np.sqrt(1.0 / values["screener_reliability"] - 1.0)
    theta[Theta.TEST_NOISE] = np.sqrt(1.0 / values["test_reliability"] - 1.0)
    theta[Theta.CENTER_SD] = values["center_sd"]
    theta[Theta.PEER_EFFECT] = values["peer_effect"]
    theta[Theta.CAUSAL_SHARE] = values["causal_share"]
    theta[Theta.GRADUATION_SLOPE] = values["graduation_slope"] / values["test_reliability"]
    theta[Theta.ENROLMENT_SLOPE] = values["enrolment_slope"] / values["test_reliability"]
    theta[Theta.COMPLETION_SLOPE] = values["completion_slope"] / values["test_reliability"]
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
    return theta.astype(np.float32)


def yearly_rate(event: str, rate: float) -> float:
    """Chance per year at risk that gives a rate: events counted once are published as shares of children ever."""
    number = EVENTS.index(event)
    if number < FIRST_ONCE:
        return rate
    years = EVENT_LAST_AGES[number] - EVENT_FIRST_AGES[number] + 1
    return float(1.0 - (1.0 - rate) ** (1.0 / years))


def event_shifts(values: Mapping[str, float], place: Place) -> dict[str, float]:
    """Shift of each school event's log-odds after a year of pre-K, against care at home.

    Priors come in points of children ever (special education, retention: points / (p (1 - p)) at the observed rate p)
    or in percent of the rate (suspension, arrest: log of 1 + percent, which is the shift of the odds of a rare event).
    Nothing measured was found for absence.
    """
    rates = {event: place.community.events[event].all.value for event in EVENTS}
    shifts = {"chronic_absence": 0.0}
    for event in ("suspension", "arrest"):
        shifts[event] = float(np.log(max(1.0 + values[f"prek_{event}"] / 100.0, 0.05)))
    for event in ("special_education", "retention"):
        shifts[event] = values[f"prek_{event}"] / 100.0 / (rates[event] * (1.0 - rates[event]))
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
    levels = [values[name] for name in EMPLOYMENT_LEVELS]
    causal = values["attainment_causal_share"]
    steps = causal * (logit(np.array(levels[1:])) - logit(levels[0]))
    theta[Theta.DIPLOMA_STEP], theta[Theta.COLLEGE_STEP], theta[Theta.DEGREE_STEP] = steps
    enrolled, completed = p_grad * p_enrol, p_grad * p_enrol * p_complete
    sd = {
        name: np.sqrt(p * (1.0 - p))
        for name, p in (("grad", p_grad), ("enrol", enrolled), ("complete", completed), ("employed", p_employed))
    }
    theta[Theta.GRADUATION_LOAD] = 1.0 / sd["grad"]
    left = (sd["enrol"] - p_enrol * sd["grad"]) / p_grad
    theta[Theta.ENROLMENT_LOAD] = left / (p_enrol * (1.0 - p_enrol))
    left = (sd["complete"] - p_complete * sd["enrol"]) / enrolled
    theta[Theta.COMPLETION_LOAD] = left / (p_complete * (1.0 - p_complete))
    through = causal * (
        (levels[1] - levels[0]) * sd["grad"]
        + (levels[2] - levels[1]) * sd["enrol"]
        + (levels[3] - levels[2]) * sd["complete"]
    )
    theta[Theta.EMPLOYMENT_LOAD] = (sd["employed"] - through) / sd["employed"] ** 2
