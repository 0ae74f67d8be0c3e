"""A trial of early care or of a service: design facts, and what was published of it; nothing in it moves an effect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final, Literal

from pydantic import Field, model_validator

from cradlecast.scenarios.evidence import Estimate, estimate
from cradlecast.scenarios.fields import (
    Finite,
    Name,
    NonNegative,
    Positive,
    PositiveFigure,
    Provenance,
    Record,
    Share,
    ShareFigure,
    Text,
    Year,
)
from cradlecast.scenarios.service import NEED_AGES, Need

type Estimand = Literal["ITT", "TOT"]
"""ITT: of being offered a place. TOT: of attending, among those whom the offer brought in."""

type Among = Literal["all", "home", "center"]
"""Children by the care that they have without the offer: any, at home, or in a center other than the trial's."""

OUTCOMES: Final[Mapping[str, tuple[str, int, int]]] = {
    "birth_weight": ("sd", 0, 29),
    "low_birth_weight": ("percentage_points", 0, 29),
    "caesarean": ("percentage_points", 0, 29),
    "development": ("sd", 2, 29),
    "on_track": ("percentage_points", 2, 29),
    "skill": ("sd", 3, 17),
    "literacy": ("sd", 3, 17),
    "math": ("sd", 3, 17),
    "language": ("sd", 3, 17),
    "behaviour": ("sd", 4, 4),
    "chronic_absence": ("percentage_points", 5, 29),
    "suspension": ("percentage_points", 5, 29),
    "arrest": ("percentage_points", 10, 29),
    "special_education": ("percentage_points", 5, 29),
    "retention": ("percentage_points", 5, 29),
    "kindergarten_ready": ("percentage_points", 4, 29),
    "grade3_reading": ("percentage_points", 8, 29),
    "grade8_math": ("percentage_points", 13, 29),
    "high_school_graduate": ("percentage_points", 17, 29),
    "postsecondary_enrolled": ("percentage_points", 19, 29),
    "four_year_college": ("percentage_points", 19, 29),
    "two_year_college": ("percentage_points", 19, 29),
    "postsecondary_completed": ("percentage_points", 25, 29),
    "bachelor": ("percentage_points", 25, 29),
    "employed": ("percentage_points", 29, 29),
    "earnings": ("usd", 29, 29),
}
"""What a follow-up may ask for: its unit, and the first and the last age at which the model has it."""

READ_AS: Final[Mapping[str, tuple[str, ...]]] = {
    "cognitive": ("skill",),
    "literacy": ("literacy",),
    "math": ("math",),
    "vocabulary": ("language",),
    "behaviour": ("behaviour",),
    "birth_outcome": ("birth_weight", "low_birth_weight"),
    "caesarean": ("caesarean",),
    "attendance": ("chronic_absence",),
    "employed": ("employed",),
    "postsecondary_enrolled": ("postsecondary_enrolled", "four_year_college", "two_year_college"),
    "postsecondary_completed": ("postsecondary_completed", "bachelor"),
    **{
        name: (name,)
        for name in ("special_education", "retention", "suspension", "arrest", "high_school_graduate", "earnings")
    },
}
"""Outcome of an estimate to the outcomes of the model that may be set beside it."""

ESTIMANDS: Final[Mapping[str, Estimand]] = {
    "ITT": "ITT",
    "TOT": "TOT",
    "ATT-matched": "TOT",
    "ATT-RD": "TOT",
    "sibling": "TOT",
}
"""Estimand of an estimate to that of a follow-up."""

ENTRY_AGES: Final = (3, 4)
"""Ages in the fall at which a trial may offer places."""

LAST_SERVED_AGE: Final = 25
"""Latest age in the fall at which a trial may offer a service."""

CARE_PROGRAMS: Final = ("prek", "head_start", "child_care")
"""Programs of care; every other program of a trial is a service."""

PER_UNIT: Final[Mapping[str, tuple[str, float]]] = {
    "probability": ("percentage_points", 100.0),
    "proportion": ("percentage_points", 100.0),
}
"""Units of estimates that are told in another unit, and what one of them is there."""

FULL: Final = 1.0
"""Take-up where attenders are compared with children who do not attend."""

_ROUNDING: Final = 0.005


class CareMix(Record):
    """Where the children of the control arm are cared for who are not in the trial's program; shares of all of them."""

    home: Share = 0.0
    prek: Share = Field(0.0, description="Public pre-K other than the trial's places.")
    head_start: Share = Field(0.0, description="Head Start other than the trial's places.")
    child_care: Share = Field(0.0, description="Any other center.")
    source: Text = Field(description="Title of the source, or the reason for an assumption.")
    address: Text | None = None
    evidence: tuple[str, ...] = Field((), description="Ids of rows in the evidence files.")
    provenance: Provenance
    note: Text | None = None

    def shares(self) -> tuple[float, float, float, float]:
        """Home, pre-K, Head Start and child care, in the order of the model's kinds of care."""
        return self.home, self.prek, self.head_start, self.child_care


class SchoolYear(Record):
    """One year of the trial: who attends in each arm, and the care of those in the control arm who do not."""

    age: int = Field(description="Age in the fall: 3 or 4 for care, 0 to 25 for a service.")
    take_up: ShareFigure = Field(description="Share of the offered who attend.")
    crossover: ShareFigure = Field(description="Share of the controls who get into the trial's program all the same.")
    care: CareMix | None = Field(
        None,
        description="Care of the other controls; with the crossover it adds up to 1. In a cutoff design, of children "
        "one year younger. Left out for a service: controls have what is usual.",
    )

    @model_validator(mode="after")
    def _adds_up(self) -> SchoolYear:
        if self.take_up.value < self.crossover.value:
            raise ValueError(
                f"take_up ({self.take_up.value:g}) must not lie below crossover ({self.crossover.value:g})"
            )
        total = 1.0 if self.care is None else self.crossover.value + sum(self.care.shares())
        if abs(total - 1.0) > _ROUNDING:
            raise ValueError(f"crossover and the shares of care must add up to 1; got {total:g}")
        return self


class Published(Record):
    """A published number of one's own, where it is not among the estimates."""

    value: Finite
    se: Positive | None = None
    low: Finite | None = Field(None, description="Lower end of the published interval.")
    high: Finite | None = Field(None, description="Upper end of the published interval.")
    level: Share = Field(0.95, description="Level of that interval.")
    unit: Literal["sd", "percentage_points", "usd"]
    price_year: Year | None = None
    source: Text
    address: Text | None = None
    provenance: Provenance

    @model_validator(mode="after")
    def _interval_holds_the_value(self) -> Published:
        if (self.low is None) != (self.high is None):
            raise ValueError("low and high must be given together")
        if self.low is not None and self.high is not None and not self.low <= self.value <= self.high:
            raise ValueError(f"value ({self.value:g}) must lie between low ({self.low:g}) and high ({self.high:g})")
        if not 0.0 < self.level < 1.0:
            raise ValueError(f"level must lie inside 0 to 1; got {self.level:g}")
        return self


class FollowUp(Record):
    """One measurement: what, when, of whom, and the published figure beside it."""

    outcome: Literal[tuple(OUTCOMES)]  # type: ignore[valid-type]
    age: int = Field(
        description="Age in the fall of the school year at whose end it is measured: 4 the year before kindergarten, "
        "5 kindergarten, 8 grade 3, 11 grade 6, 17 the last year of high school."
    )
    estimand: Estimand = "ITT"
    among: Among = Field("all", description="Children by the care that they have without the offer.")
    evidence: Text | None = Field(None, description="Id of the estimate that it is set beside.")
    published: Published | None = Field(None, description="A published number that is not among the estimates.")
    note: Text | None = None

    @model_validator(mode="after")
    def _can_be_measured(self) -> FollowUp:
        unit, first, last = OUTCOMES[self.outcome]
        if not first <= self.age <= last:
            ages = f"at {first} only" if first == last else f"from {first} to {last}"
            raise ValueError(f"the model has {self.outcome} {ages}; got age {self.age}")
        if self.evidence is not None and self.published is not None:
            raise ValueError("a follow-up names evidence or a published number, not both")
        if self.published is not None and self.published.unit != unit:
            raise ValueError(f"{self.outcome} is measured in {unit}; got {self.published.unit}")
        if self.evidence is not None:
            self._check_estimate(estimate(self.evidence), unit)
        return self

    def _check_estimate(self, found: Estimate, unit: str) -> None:
        """Refuse an estimate of another outcome, estimand or unit."""
        if self.outcome not in READ_AS.get(found.outcome, ()):
            raise ValueError(f"{found.id} is about {found.outcome}, which may not be set beside {self.outcome}")
        if ESTIMANDS.get(found.estimand) != self.estimand:
            raise ValueError(f"{found.id} is {found.estimand}, which is not {self.estimand}")
        if PER_UNIT.get(found.unit, (found.unit, 1.0))[0] != unit or found.value is None:
            raise ValueError(f"{found.id} has no number in {unit}")


class Trial(Record):
    """A trial of places in early care or in a service, as it was designed; its effects follow from the model alone."""

    schema_: str = Field(alias="schema")
    name: Name
    title: Text
    description: Text = Field(description="What was done, and what the file cannot say.")
    sources: tuple[Text, ...] = Field(min_length=1, description="Titles, with addresses as they were read.")
    program: Text = Field(
        description="The program or service that is offered: prek, head_start, child_care, the name of a service, or "
        "the path of a service's file (seen from this file's folder)."
    )
    needs: tuple[Need, ...] | None = Field(
        None, description="What must hold of a child at the start of the first year; what the service asks if left out."
    )
    community: Text = Field("memphis", description="Community in which it is run: a name, or the path of a file.")
    design: Literal["lottery", "cutoff", "siblings", "matched"]
    scale: Literal["county", "demonstration"] = Field(description="As delivered at scale, or a small model program.")
    year: Year = Field(description="Year in whose fall the trial's first school year begins.")
    max_income_to_poverty: NonNegative | None = Field(None, description="Children up to this income-to-poverty ratio.")
    hours_per_year: PositiveFigure | None = Field(
        None, description="Hours of care a year; the program's own if left out."
    )
    sample: int = Field(ge=2, description="Children in the analysis, all arms together; told, not used.")
    years: tuple[SchoolYear, ...] = Field(min_length=1, max_length=10, description="The trial's school years.")
    follow_ups: tuple[FollowUp, ...] = Field(min_length=1, description="What is measured, in the order of tables.")
    left_out: dict[str, Text] = Field(
        default_factory=dict, description="Ids of estimates of this trial that are not set beside the model, and why."
    )

    @model_validator(mode="after")
    def _is_one_design(self) -> Trial:
        ages = [year.age for year in self.years]
        if ages != sorted(set(ages)):
            raise ValueError(f"years must be in the order of ages, each once; got ages {', '.join(map(str, ages))}")
        if self.of_service:
            self._check_service(ages)
        else:
            self._check_care(ages)
        if self.design != "lottery":
            if any(year.crossover.value > 0.0 for year in self.years):
                raise ValueError(f"design {self.design} compares attenders with others: crossover must be 0")
            if max(year.take_up.value for year in self.years) < FULL:
                raise ValueError(f"design {self.design} compares attenders with others: take_up must reach 1")
        if self.design == "cutoff" and len(ages) > 1:
            raise ValueError("design cutoff has one school year; the others have not yet entered")
        self._check_follow_ups(ages)
        for each in self.left_out:
            estimate(each)
        return self

    @property
    def of_service(self) -> bool:
        """Whether it offers a service, and not a place in care."""
        return self.program not in CARE_PROGRAMS

    def _check_care(self, ages: list[int]) -> None:
        """Refuse what a trial of care cannot have."""
        if not set(ages) <= set(ENTRY_AGES):
            raise ValueError(f"age must be 3 or 4; got {', '.join(map(str, ages))}")
        if any(year.care is None for year in self.years):
            raise ValueError(f"a trial of {self.program} must say in care where the other controls are")
        if self.needs is not None:
            raise ValueError(f"needs are of services; {self.program} is early care")

    def _check_service(self, ages: list[int]) -> None:
        """Refuse what a trial of a service cannot have."""
        if not all(0 <= age <= LAST_SERVED_AGE for age in ages):
            raise ValueError(f"a service may be offered at the ages 0 to {LAST_SERVED_AGE}; got {ages}")
        if self.design == "cutoff":
            raise ValueError("design cutoff is of early care; a trial of a service is a lottery, siblings or matched")
        if any(year.care is not None for year in self.years):
            raise ValueError("care is of early care; the controls of a service have what is usual")
        if self.hours_per_year is not None:
            raise ValueError("hours_per_year is of early care; a service has its own dose")
        if any(follow_up.among != "all" for follow_up in self.follow_ups):
            raise ValueError("children are told apart by their care in trials of early care only; among must be all")
        for need in self.needs or ():
            first, last = NEED_AGES[need]
            if not first <= ages[0] <= last:
                raise ValueError(f"children can be {need} at the ages {first} to {last}; the trial begins at {ages[0]}")

    def _check_follow_ups(self, ages: list[int]) -> None:
        """Refuse follow-ups before the trial, after the comparison of a cutoff has ended, or given twice."""
        for follow_up in self.follow_ups:
            if follow_up.age < ages[0]:
                raise ValueError(f"a follow-up at {follow_up.age} is before the trial, which begins at {ages[0]}")
            if self.design == "cutoff" and follow_up.age != ages[0]:
                raise ValueError(
                    f"a cutoff design compares until the others enter, at the end of the year of age {ages[0]}; got a "
                    f"follow-up at {follow_up.age}"
                )
        told = [(f.outcome, f.age, f.estimand, f.among, f.evidence) for f in self.follow_ups]
        if len(set(told)) < len(told):
            raise ValueError("a follow-up is there twice")

    @property
    def last_age(self) -> int:
        """Age in the fall of the last school year or year of life that a follow-up asks for."""
        return max(follow_up.age for follow_up in self.follow_ups)


@dataclass(frozen=True)
class Figures:
    """What was published of a follow-up: number, standard error (None where none can be had), and where it is from."""

    id: str
    value: float
    se: float | None
    price_year: int | None
    counts: bool
    why_not: str
    provenance: str
    source: str


def published_of(follow_up: FollowUp) -> Figures | None:
    """The published figure of a follow-up, or None where there is none.

    It counts as a target if its source gives a standard error or an interval, and no parameter may rest on it.
    """
    if follow_up.evidence is not None:
        found = estimate(follow_up.evidence)
        assert found.value is not None
        each = PER_UNIT.get(found.unit, ("", 1.0))[1]
        se = _standard_error(found.se, found.ci_low, found.ci_high, found.ci_level)
        se = None if se is None else each * se
        why_not = "" if se is not None else "no standard error or interval is published"
        if found.role != "VALIDATE":
            why_not = "parameters rest on it"
        source = f"{found.source_title}; {found.setting}"
        return Figures(
            found.id, each * found.value, se, found.price_year, not why_not, why_not, found.provenance, source
        )
    own = follow_up.published
    if own is None:
        return None
    se = _standard_error(own.se, own.low, own.high, own.level)
    why_not = "" if se is not None else "no standard error or interval is given"
    return Figures("own", own.value, se, own.price_year, not why_not, why_not, own.provenance, own.source)


def _standard_error(se: float | None, low: float | None, high: float | None, level: float | None) -> float | None:
    """The standard error, or that of a normal with the published interval."""
    if se is not None:
        return se
    if low is None or high is None:
        return None
    share = 0.95 if level is None else level / 100.0 if level > 1.0 else level
    return (high - low) / (2.0 * NormalDist().inv_cdf(0.5 + share / 2.0))
