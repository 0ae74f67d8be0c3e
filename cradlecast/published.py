"""Published associations beside those of the observed world.

Rows that set a total slope or a correlation of the model are told apart from those of other cohorts, against which it
is only checked. Levels of other places and years are shown as context: a county need not share them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from math import exp, log, sqrt
from typing import Final, Literal

import numpy as np
import pandas as pd

from cradlecast.model.associations import (
    BETWEEN_QUARTERS,
    Life,
    correlation,
    log_odds_gap,
    odds_ratio,
    rate,
    slope,
    standardised_gap,
)
from cradlecast.model.children import Bools
from cradlecast.model.kernels import Real
from cradlecast.observed import Findings, Observed, interval, observed_worlds, record_of
from cradlecast.samples import ground_in
from cradlecast.scenarios.community import Community
from cradlecast.scenarios.evidence import Estimate, estimate
from cradlecast.scenarios.library import load_parameters
from cradlecast.scenarios.options import Options
from cradlecast.workers import Progress

type Role = Literal["set", "checked", "context"]
"""set: a parameter rests on it. checked: none does. context: another place's level, or a relative of the quantity."""

type Reading = Literal["value", "at least", "range", "log-odds gap", "slope", "odds ratio"]
"""What is made of the estimates named: the second less, over, or against the first where there are two."""


@dataclass(frozen=True)
class Association:
    """One published association and its like in the model.

    Attributes
    ----------
    quantity, group
        What it is, of whom.
    unit
        share, log-odds, log-odds per sd, odds ratio, correlation or sd.
    evidence
        Ids of estimates.
    measure
        The same number in one observed world.
    reading
        What is made of the estimates.
    context
        True if it is shown for context only.
    instrument
        Estimate of the reliability of the published instrument, by which a correlation of true scores is multiplied.
    both
        True if that instrument took both scores; else only its root applies.
    """

    quantity: str
    group: str
    unit: str
    evidence: tuple[str, ...]
    measure: Callable[[Life], float]
    reading: Reading = "value"
    context: bool = False
    instrument: str | None = None
    both: bool = True

    @property
    def name(self) -> str:
        """The estimates by their ids."""
        return " v ".join(reversed(self.evidence)) if self.reading in _OF_TWO else " to ".join(self.evidence)

    def modelled(self, life: Life) -> float:
        """The number in one observed world, read with the published instrument where one is named."""
        value = self.measure(life)
        if self.instrument is None:
            return value
        reliability = _value(estimate(self.instrument))
        return value * (reliability if self.both else sqrt(reliability))


_OF_TWO: Final = ("log-odds gap", "slope", "odds ratio")

SAME_COHORT: Final = ("E2023a", "E2021a v E2021c", "N1052a")
"""Rows that no parameter rests on, of cohorts (NELS:88, Chicago, NWEA) of which other estimates set one."""

LEFT_OUT: Final = (
    "Left out, since nothing in the model follows from it: later scores by attention and behaviour at school entry "
    "(E2008).",
    "Family advantage is income at birth and mother's education, half and half; the published ones count more.",
    "Days absent were counted by term in Chicago; in the model a child is chronically absent in grade 9 (10 % of days, "
    "about 9 a term) or not.",
    f"Of the rows that are checked, {', '.join(SAME_COHORT)} come from cohorts of which other rows set a parameter; "
    "the others are of other cohorts.",
    "Quarters are those of the community's own children; those of published tables are the nation's.",
)
"""What a reader of the table must know."""


def associations(
    community: Community, options: Options | None = None, progress: Progress | None = None, workers: int | None = None
) -> Findings:
    """Measure the associations of the observed world and lay published ones beside them.

    Parameters
    ----------
    community
        A loaded community.
    options
        ``children`` of one birth year; ``draws`` and ``seed`` as in a study.
    progress
        Called after every draw.
    workers
        Threads or processes; the same numbers for any number of them.

    Returns
    -------
    Findings
        Table ``associations``. Nothing counts as missed: there is no pass mark to tune to.
    """
    ground = ground_in(community, options or Options(children=20_000, draws=200, worlds=1))

    def measured(observed: Observed) -> list[float]:
        return [each.modelled(observed.life) for each in ASSOCIATIONS]

    draws = np.array(observed_worlds(ground, measured, progress, workers))
    rows = [association_row(each, draws[:, at]) for at, each in enumerate(ASSOCIATIONS)]
    table = pd.DataFrame(rows)
    table["hit"] = table["hit"].astype(object)
    return Findings(record_of(ground), {"associations": table}, remarks=LEFT_OUT)


def association_row(
    association: Association, values: Sequence[float] | np.ndarray[tuple[int, ...], np.dtype[np.float64]]
) -> dict[str, object]:
    """One row: the published number and its range, the model's over draws, and whether the two meet.

    Parameters
    ----------
    association
        What is compared.
    values
        The model's number in every draw.
    """
    found = [estimate(each) for each in association.evidence]
    published, published_low, published_high = published_number(association.reading, found)
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    low, high = interval(list(known))
    role = role_of(association)
    return {
        "name": association.name,
        "quantity": association.quantity,
        "group": association.group,
        "unit": association.unit,
        "published": published,
        "published_low": published_low,
        "published_high": published_high,
        "model": float(known.mean()) if len(known) else np.nan,
        "model_low": low,
        "model_high": high,
        "role": role,
        "hit": None
        if role == "context"
        else meets((published, published_low, published_high), (low, high), association.reading),
        "provenance": "DERIVED" if association.reading in _OF_TWO and len(found) > 1 else found[0].provenance,
        "source": "; ".join(dict.fromkeys(f"{each.source_title}; {each.setting}" for each in found)),
    }


def role_of(association: Association) -> Role:
    """Whether a parameter rests on an association, or it is only compared."""
    if association.context:
        return "context"
    used = {each for parameter in load_parameters().parameters.values() for each in parameter.evidence}
    return "set" if used & {*association.evidence} else "checked"


def published_number(reading: Reading, found: Sequence[Estimate]) -> tuple[float, float, float]:
    """The published number and the ends of its range, NaN where none is published.

    Percents become shares. Of two rows, the second is taken against the first; a slope is their gap in log-odds over
    the distance between the means of the outer quarters of a normal.
    """
    values = [_value(each) for each in found]
    if reading == "range":
        return sum(values) / len(values), min(values), max(values)
    if reading == "at least":
        return values[0], values[0], np.nan
    if reading in _OF_TWO and len(values) == 2:
        gap = log(values[1] / (1 - values[1])) - log(values[0] / (1 - values[0]))
        number = {"log-odds gap": gap, "slope": gap / BETWEEN_QUARTERS, "odds ratio": exp(gap)}[reading]
        return number, np.nan, np.nan
    low, high = found[0].ci_low, found[0].ci_high
    unit = 0.01 if found[0].unit == "percent" else 1.0
    return values[0], np.nan if low is None else low * unit, np.nan if high is None else high * unit


def meets(published: tuple[float, float, float], model: tuple[float, float], reading: Reading = "value") -> bool | None:
    """Whether the published number, or any of its range, lies in the model's interval.

    Examples
    --------
    >>> nan = float("nan")
    >>> meets((0.47, nan, nan), (0.5, 0.6)), meets((0.75, 0.7, 0.8), (0.6, 0.72)), meets((1.0, 1.0, nan), (1.1, 1.3))
    (False, True, False)
    >>> meets((1.0, 1.0, nan), (1.1, 1.3), "at least")
    True
    """
    number, low, high = published
    if not np.isfinite([number, *model]).all():
        return None
    least = low if np.isfinite(low) else number
    most = np.inf if reading == "at least" else high if np.isfinite(high) else number
    return bool(least <= model[1] and most >= model[0])


def _value(found: Estimate) -> float:
    """The estimate, a percent as a share."""
    assert found.value is not None, found.id
    return found.value / 100.0 if found.unit == "percent" else found.value


_MAP: Final = "N1054d"
"""Reliability of the test in the children's correlations from kindergarten on."""

# --- what is measured -------------------------------------------------------------------------------------------------

type _Who = Callable[[Life], Bools]


def _everyone(life: Life) -> Bools:
    return np.ones(len(life.children), np.bool_)


def _reached(life: Life, milestone: str) -> Bools:
    return life.reached(milestone)


def _not_poor(life: Life) -> Bools:
    return ~life.poor()


def _graduated(life: Life) -> Bools:
    return life.reached("high_school_graduate")


def _reads_well(life: Life) -> Bools:
    return life.reached("grade3_reading")


def _not_graduated(life: Life) -> Bools:
    return ~life.reached("high_school_graduate")


def _bachelor(life: Life) -> Bools:
    return life.bachelor()


def _absent(life: Life) -> Bools:
    return life.absent


def _present(life: Life) -> Bools:
    return ~life.absent


def _with_grades(life: Life, low: float, high: float) -> Bools:
    return life.grades(low, high)


def _ready(life: Life) -> Bools:
    return life.reached("kindergarten_ready")


def _not_ready(life: Life) -> Bools:
    return ~_ready(life)


def _employed(life: Life) -> Bools:
    return life.reached("employed")


def _reads(life: Life, poor: bool, proficient: bool) -> Bools:
    """Who is poor or not, and proficient in grade 3 or not."""
    return np.asarray((life.poor() == poor) & (life.reached("grade3_reading") == proficient))


def _poor_reads_of(life: Life, group: str) -> Bools:
    """The poor and not proficient of a group."""
    return _reads(life, True, False) & life.of_group(group)


def _math(life: Life, part: int) -> Bools:
    """Who is in the bottom quarter, the middle half or the top quarter of grade 8 math."""
    return life.math_parts[part]


def _income(life: Life, number: int) -> Bools:
    """Who is in one quarter of income, 0 the lowest."""
    return life.income_quarters[number]


def _family(life: Life, number: int) -> Bools:
    """Who is in one quarter of family advantage, 0 the lowest."""
    return life.family_quarters[number]


def _math_family(life: Life, part: int, number: int) -> Bools:
    return _math(life, part) & _family(life, number)


def _attained(life: Life, level: int) -> Bools:
    return life.attainment(level)


def _of(what: _Who, who: _Who) -> Callable[[Life], float]:
    """The rate of something among some children."""
    return lambda life: rate(what(life), who(life))


def _gap(what: _Who, group: _Who, reference: _Who) -> Callable[[Life], float]:
    """The gap in log-odds between two groups."""
    return lambda life: log_odds_gap(what(life), group(life), reference(life))


def _ratio(what: _Who, group: _Who, reference: _Who) -> Callable[[Life], float]:
    """The ratio of the odds of two groups."""
    return lambda life: odds_ratio(what(life), group(life), reference(life))


def _on_math(what: _Who, who: _Who) -> Callable[[Life], float]:
    """The slope of something on grade 8 math among some children."""
    return lambda life: slope(what(life), who(life), life.math_parts[0], life.math_parts[2])


def _skills(age: int) -> Callable[[Life], float]:
    """The correlation of true skill before kindergarten with that at a later age."""
    return lambda life: correlation(life.skills[4], life.skills[age])


def _scores(one: Real, other: Real) -> Callable[[Life], float]:
    """The correlation of two scores as their tests read them."""
    return lambda life: correlation(life.children.real(one), life.children.real(other))


def _by_reading() -> Iterable[Association]:
    """Not graduating on time, by grade 3 reading and poverty."""
    what = "not graduating on time, by grade 3 reading and poverty"
    cells = {
        "a": ("poor, not proficient", True, False),
        "b": ("poor, proficient", True, True),
        "c": ("not poor, not proficient", False, False),
        "d": ("not poor, proficient", False, True),
    }
    who = {key: partial(_reads, poor=poor, proficient=proficient) for key, (_, poor, proficient) in cells.items()}
    for key, (words, _, _) in cells.items():
        yield Association(what, words, "share", (f"E2004{key}",), _of(_not_graduated, who[key]), context=True)
    for key, group in (("e", "black"), ("f", "hispanic")):
        measure = _of(_not_graduated, partial(_poor_reads_of, group=group))
        yield Association(
            what, f"poor, not proficient, {group.title()}", "share", (f"E2004{key}",), measure, context=True
        )
    for derived, words, group, reference in (("a", "poor", "a", "b"), ("b", "not poor", "c", "d")):
        measure = _ratio(_not_graduated, who[group], who[reference])
        yield Association("not proficient v proficient", words, "odds ratio", (f"E2026{derived}",), measure)
    for words, group, reference in (("not proficient", "a", "c"), ("proficient", "b", "d")):
        rows = (f"E2004{reference}", f"E2004{group}")
        measure = _gap(_not_graduated, who[group], who[reference])
        yield Association("not graduating, poor v not poor", words, "log-odds", rows, measure, "log-odds gap")
    measure = _of(_graduated, _reads_well)
    yield Association("graduating", "proficient in grade 3", "share", ("E2022a",), measure, context=True)


def _by_math() -> Iterable[Association]:
    """No diploma, and completing college, by grade 8 math and family advantage."""
    parts = ("bottom quarter", "middle half", "top quarter")
    no_diploma, college = "no diploma, by grade 8 math", "a bachelor's degree, by grade 8 math and family advantage"
    for at, (key, words) in enumerate(zip("abc", parts, strict=True)):
        who = partial(_math, part=at)
        yield Association(no_diploma, words, "share", (f"E2006{key}",), _of(_not_graduated, who), context=True)
        yield Association(college, words, "share", (f"E2005{key}",), _of(_bachelor, who), context=True)
    cells = {"a": (0, 0), "b": (0, 3), "c": (1, 0), "d": (1, 3), "e": (2, 0), "f": (2, 3)}
    for key, (part, number) in cells.items():
        words = f"{('low', 'middle', 'high')[part]} math, {'low' if number == 0 else 'high'} advantage"
        who = partial(_math_family, part=part, number=number)
        yield Association(college, words, "share", (f"E2007{key}",), _of(_bachelor, who), context=True)
    per_sd = "log-odds per sd"
    measure = _on_math(_not_graduated, _everyone)
    yield Association("slope of no diploma on grade 8 math", "all", per_sd, ("E2025a",), measure)
    name = "slope of a bachelor's degree on grade 8 math"
    yield Association(name, "all", per_sd, ("E2023a",), _on_math(_bachelor, _everyone))
    for key, words, number in (("b", "bottom quarter of advantage", 0), ("c", "top quarter of advantage", 3)):
        measure = _on_math(_bachelor, partial(_family, number=number))
        yield Association(name, words, per_sd, (f"E2023{key}",), measure)
    measure = _gap(_bachelor, partial(_math_family, part=1, number=3), partial(_math_family, part=1, number=0))
    words = "a bachelor's degree, top v bottom quarter of advantage"
    yield Association(words, "middle half of math", "log-odds", ("E2024a",), measure)


def _by_income() -> Iterable[Association]:
    """Completing college and scores at kindergarten, by income."""
    words = ("bottom quarter", "second quarter", "third quarter", "top quarter")
    for number, (key, group) in enumerate(zip("abcd", words, strict=True)):
        measure = _of(_bachelor, partial(_income, number=number))
        yield Association("a bachelor's degree, by income", group, "share", (f"E1060{key}",), measure, context=True)
    measure = _gap(_bachelor, partial(_income, number=3), partial(_income, number=0))
    name = "a bachelor's degree, top v bottom quarter of income"
    yield Association(name, "all", "log-odds", ("E1060a", "E1060d"), measure, "log-odds gap")
    yield Association(
        "score at kindergarten entry, top less bottom fifth of income",
        "all",
        "sd",
        ("E1045a",),
        lambda life: standardised_gap(life.skills[4], life.income(), 0.2),
        "at least",
        instrument="N1054a",
        both=False,
    )
    name = "family advantage, high v low; in the model above v below the poverty line"
    for top, bottom, stage, milestone in (
        ("b", "a", "ready for kindergarten", "kindergarten_ready"),
        ("d", "c", "on track at 11 (model: grade 3 reading)", "grade3_reading"),
        ("f", "e", "on track in adolescence (model: graduation)", "high_school_graduate"),
    ):
        rows = (f"E2002{bottom}", f"E2002{top}")
        measure = _gap(partial(_reached, milestone=milestone), _not_poor, Life.poor)
        yield Association(name, stage, "log-odds", rows, measure, "log-odds gap", context=True)


def _by_grades() -> Iterable[Association]:
    """Graduating, by grades and by absence in grade 9."""
    name = "graduating, by grades in grade 9"
    points = dict(zip("abcdefgh", (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5), strict=True))
    top = points["h"]
    who = {
        key: partial(_with_grades, low=point - 0.25, high=5.0 if point == top else point + 0.25)
        for key, point in points.items()
    }
    for key, point in points.items():
        words = f"{point:.1f} points" + (" and more" if point == top else "")
        yield Association(name, words, "share", (f"E2020{key}",), _of(_graduated, who[key]), context=True)
    for low, high in (("c", "e"), ("e", "g")):
        words = f"{points[high]:.1f} v {points[low]:.1f} points"
        rows = (f"E2020{low}", f"E2020{high}")
        measure = _gap(_graduated, who[high], who[low])
        yield Association("graduating, by grades in grade 9, gap", words, "log-odds", rows, measure, "log-odds gap")
    words = "under 5 days absent v 10 to 14 (model: not v chronically absent)"
    measure = _gap(_graduated, _present, _absent)
    rows = ("E2021c", "E2021a")
    yield Association("graduating, by absence in grade 9, gap", words, "log-odds", rows, measure, "log-odds gap")


def _stability() -> Iterable[Association]:
    """How well children keep their rank in scores as they grow up."""
    name = "scores in the fall of kindergarten and later ones"
    for key, age, grade in (("a", 5, 1), ("b", 6, 2), ("c", 7, 3), ("d", 8, 4), ("e", 9, 5)):
        yield Association(name, f"grade {grade}, math", "correlation", (f"N1051{key}",), _skills(age), instrument=_MAP)
    yield Association(name, "grade 5, reading", "correlation", ("N1052a",), _skills(9), instrument=_MAP)
    words = "grade 5, reading and math together"
    yield Association(name, words, "correlation", ("N1052b",), _skills(9), instrument=_MAP, context=True)
    name = "early literacy screen before kindergarten and grade 3 reading"
    yield Association(name, "all", "correlation", ("E2019a",), _scores(Real.PRELITERACY, Real.READING))
    measure = _scores(Real.READING, Real.MATH)
    name = "grade 3 and grade 8 scores"
    yield Association(name, "all", "correlation", ("E2018a", "E2018b"), measure, "range")
    for milestone, test in (("grade3_reading", "grade 3 reading"), ("grade8_math", "grade 8 math")):
        measure = _gap(partial(_reached, milestone=milestone), _ready, _not_ready)
        name = "on track at 11, ready v not ready for kindergarten"
        rows = ("E2001b", "E2001a")
        yield Association(name, f"model: {test}", "log-odds", rows, measure, "log-odds gap")


def _by_attainment() -> Iterable[Association]:
    """Employment by attainment: at 25 to 34, and at 25 to 64."""
    levels = ("no diploma", "diploma", "some college", "college completed")
    for at, (key, words) in enumerate(zip("abcd", levels, strict=True)):
        measure = _of(_employed, partial(_attained, level=at))
        yield Association("employed, by attainment", words, "share", (f"E1057{key}",), measure, context=True)
    for parent, ages, highest in (("E1057", "25 to 34", "d"), ("E1043", "25 to 64", "e")):
        for key, at in (("b", 1), (highest, 3)):
            measure = _gap(_employed, partial(_attained, level=at), partial(_attained, level=0))
            words = f"{levels[at]} (published: at {ages})"
            rows = (f"{parent}a", f"{parent}{key}")
            yield Association("employed, against no diploma", words, "log-odds", rows, measure, "log-odds gap")


ASSOCIATIONS: Final[tuple[Association, ...]] = (
    *_by_reading(),
    *_by_math(),
    *_by_income(),
    *_by_grades(),
    *_stability(),
    *_by_attainment(),
)
"""Every comparison, in print order."""
