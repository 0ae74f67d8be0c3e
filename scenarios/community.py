"""A community: its children, its places of care and school, and the milestones observed there."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from cradlecast.scenarios.change import Baseline
from cradlecast.scenarios.fields import Name, NonNegative, PositiveFigure, Record, Share, ShareFigure, Text

MILESTONES = (
    "kindergarten_ready",
    "grade3_reading",
    "grade8_math",
    "high_school_graduate",
    "postsecondary_enrolled",
    "postsecondary_completed",
    "employed",
)
"""The seven milestones, in order."""


class Group(Record):
    """A racial or ethnic group as the sources name it: for calibration and reporting, never for eligibility."""

    name: Name = Field(description="Name of the group in every table.")
    label: Text = Field(description="The group as a person reads it.")
    share: ShareFigure = Field(description="Share of births.")
    below_poverty: ShareFigure = Field(description="Share of the group's children below the poverty line.")


class Area(Record):
    """A part of the community, with its share of children, poverty and schools."""

    name: Name = Field(description="Name of the area in every table.")
    label: Text = Field(description="The area as a person reads it.")
    children: ShareFigure = Field(description="Share of the community's young children.")
    below_poverty: ShareFigure = Field(description="Share of the area's children below the poverty line.")
    schools: PositiveFigure = Field(description="Elementary schools.")
    next_to: tuple[Name, ...] = Field(min_length=1, description="Areas whose sites a family may also choose.")


class Income(Record):
    """Income-to-poverty ratio of families with young children: log-normal through two observed shares."""

    below_poverty: ShareFigure = Field(description="Share of young children below the poverty line.")
    below_185: ShareFigure = Field(description="Share below 185 % of the poverty line.")
    poverty_line: PositiveFigure = Field(description="Poverty line of a family of four, 2019 dollars a year.")


EVENTS = ("chronic_absence", "suspension", "arrest", "special_education", "retention")
"""Events of the school years, in the order of the model."""

STAGES = ("on_track_at_3", "four_year")
MOST_GROUPS, MOST_AREAS = 63, 127
"""A child carries the number of its area, and of its group and poverty, in a byte each."""
"""Other observed rates that the calibration meets: development on track at 3, and four-year college of the enrolled."""


class Schooling(Record):
    """Mothers by education: three shares, and the rest has a bachelor's degree or more."""

    less_than_high_school: ShareFigure = Field(description="Share without a high-school diploma.")
    high_school: ShareFigure = Field(description="Share with a high-school diploma and no college.")
    some_college: ShareFigure = Field(description="Share with some college or an associate degree.")

    @model_validator(mode="after")
    def _leaves_a_rest(self) -> Schooling:
        if not sum(self.shares()) < 1.0:
            raise ValueError("shares of mothers by education must leave some with a bachelor's degree or more")
        return self

    def shares(self) -> tuple[float, float, float]:
        """The three shares, lowest education first."""
        return self.less_than_high_school.value, self.high_school.value, self.some_college.value


class EarlyCare(Record):
    """Who cares for children under 3, by age and income; parents care for the rest."""

    age: int = Field(ge=0, le=2, description="Age in years: 0, 1 or 2.")
    below_income_to_poverty: NonNegative | None = Field(description="Upper bound of a band, as for demand.")
    other_home: ShareFigure = Field(description="Share cared for by a relative or another person in a home.")
    center: ShareFigure = Field(description="Share cared for in a center.")

    @model_validator(mode="after")
    def _leaves_a_rest(self) -> EarlyCare:
        if not self.other_home.value + self.center.value <= 1.0:
            raise ValueError("other_home and center together must not exceed 1")
        return self


class Rates(Record):
    """A milestone's observed rate, its pattern by group and by poverty, and the instrument that measured it."""

    instrument: Text = Field(description="What measured it: the test and its cut, or the record and its definition.")
    denominator: Literal["cohort", "graduates", "enrolled"] = Field(description="Of whom the observed rate is a share.")
    all: ShareFigure = Field(description="The local rate; the pattern by group and poverty is laid on it.")
    groups: dict[Name, ShareFigure] = Field(default_factory=dict, description="Rates by racial or ethnic group.")
    below_poverty: ShareFigure | None = Field(None, description="Rate below the poverty line; with above_poverty only.")
    above_poverty: ShareFigure | None = Field(None, description="Rate above the poverty line.")
    note: Text | None = Field(None, description="What else a reader should know.")

    @model_validator(mode="after")
    def _inside_the_bounds(self) -> Rates:
        figures = {"all": self.all, **self.groups, "below_poverty": self.below_poverty}
        for name, figure in (figures | {"above_poverty": self.above_poverty}).items():
            if figure is not None and not 0.0 < figure.value < 1.0:
                raise ValueError(f"the rate of '{name}' must lie inside 0 to 1, not at an end; got {figure.value}")
        return self

    @model_validator(mode="after")
    def _poverty_in_pairs(self) -> Rates:
        if (self.below_poverty is None) != (self.above_poverty is None):
            raise ValueError("below_poverty and above_poverty must be given together")
        return self


class Births(Record):
    """What is known of children at birth and of their mothers."""

    girls: ShareFigure = Field(description="Share of births that are girls.")
    weight_sd: PositiveFigure = Field(description="Standard deviation of birth weight within a group, kg.")
    low_weight: Rates = Field(description="Births below 2,500 g, by group.")
    mothers: Schooling = Field(description="Mothers by education, all births.")
    mothers_by_group: dict[Name, Schooling] = Field(
        default_factory=dict, description="Mothers by education in each group; a group left out is as all births."
    )
    other_language: Rates = Field(description="Children who speak a language other than English at home, by group.")


class Demand(Record):
    """Share of families who use a child-care center when they hold no public seat, by age and income."""

    age: int = Field(description="Age in years: 3 or 4.")
    below_income_to_poverty: NonNegative | None = Field(description="Upper bound of the band; null for the rest.")
    share: ShareFigure = Field(description="Share of the families of this age and income.")


class Stream(Record):
    """Seats of one program paid from one kind of money, by age, spread over the areas."""

    program: Name = Field(description="Program that holds the seats: prek, head_start or child_care.")
    stream: Name = Field(description="Name of the money, for scenarios and tables.")
    title: Text = Field(description="What it is, in words.")
    seats: dict[int, PositiveFigure] = Field(description="Age to seats a year, in the whole community.")


class Community(Record):
    """A place, as observed; every arm of a study starts from it."""

    schema_: str = Field(alias="schema")
    name: Name = Field(description="Name of the community: lower case, digits, - and _.")
    title: Text = Field(description="The place, as titles show it.")
    description: Text = Field(description="What the file describes, and when.")
    place_number: int = Field(ge=0, le=65535, description="Number of the place inside a child's id; never reused.")
    observed_year: int = Field(description="The year the calibration describes.")
    births_per_year: PositiveFigure = Field(description="Children born in a year who live here.")
    groups: tuple[Group, ...] = Field(
        min_length=1, max_length=MOST_GROUPS, description="Racial and ethnic groups; their shares sum to 1."
    )
    income: Income = Field(description="Two points of the distribution of family income.")
    areas: tuple[Area, ...] = Field(
        min_length=1, max_length=MOST_AREAS, description="Parts of the place; their children sum to 1."
    )
    streams: tuple[Stream, ...] = Field(min_length=1, description="Seats at 3 and 4 that were there in the year.")
    spread: dict[Name, dict[Name, Share]] = Field(
        default_factory=dict,
        description="Program to shares of its seats by area (an assumption unless a stream's note cites a source); a "
        "program left out is spread as its eligible children are.",
    )
    demand: tuple[Demand, ...] = Field(description="Private center care at 3 and at 4: two income bounds and the rest.")
    births: Births = Field(description="Sex, weight, mothers' education and home language at birth.")
    early_care: tuple[EarlyCare, ...] = Field(description="Care at 0, 1 and 2, for the same bands of income as demand.")
    regular_attendance: ShareFigure = Field(description="Pre-K children with regular attendance.")
    milestones: dict[Name, Rates] = Field(description="Observed rates of the seven milestones: what calibration meets.")
    events: dict[Name, Rates] = Field(
        description="School events: share of pupils a year (absence, suspension, arrest) or ever (special education by "
        "age 10, retention in kindergarten or grade 1)."
    )
    stages: dict[Name, Rates] = Field(
        description="Development on track at 3, and four-year college among those who enrol."
    )
    stays: Name = Field(description="Parameter: share still living near at 26.")
    baselines: dict[Name, Baseline] = Field(description="Named dated changes that scenarios are compared with.")

    @model_validator(mode="after")
    def _parts_fit(self) -> Community:
        missing = [name for name in MILESTONES if name not in self.milestones]
        if missing or set(self.milestones) - set(MILESTONES):
            raise ValueError(f"milestones must be exactly the seven of the pipeline; missing {missing or 'none'}")
        if set(self.events) != set(EVENTS):
            raise ValueError(f"events must be exactly {', '.join(EVENTS)}")
        if set(self.stages) != set(STAGES):
            raise ValueError(f"stages must be exactly {', '.join(STAGES)}")
        for parts, what in ((self.groups, "shares of groups"), (self.areas, "children of areas")):
            total = sum(part.share.value if isinstance(part, Group) else part.children.value for part in parts)
            if not abs(total - 1.0) <= 0.001:
                raise ValueError(f"{what} must sum to 1; they sum to {total:.3f}")
        names = {area.name for area in self.areas}
        for area in self.areas:
            stray = [other for other in area.next_to if other not in names]
            if stray:
                raise ValueError(f"area '{area.name}' lies next to '{stray[0]}', which is not an area")
        for program, shares in self.spread.items():
            if set(shares) - names:
                raise ValueError(f"spread of '{program}' names '{min(set(shares) - names)}', which is not an area")
            if not abs(sum(shares.values()) - 1.0) <= 0.001:
                raise ValueError(f"spread of '{program}' must sum to 1; it sums to {sum(shares.values()):.3f}")
        births = {"low_weight": self.births.low_weight, "other_language": self.births.other_language}
        for name, rates in (*self.milestones.items(), *self.events.items(), *self.stages.items(), *births.items()):
            stray = sorted(set(rates.groups) - {group.name for group in self.groups})
            if stray:
                raise ValueError(f"'{name}' gives a rate for '{stray[0]}', which is not a group")
        stray = sorted(set(self.births.mothers_by_group) - {group.name for group in self.groups})
        if stray:
            raise ValueError(f"mothers_by_group names '{stray[0]}', which is not a group")
        self._demand_covers_both_ages()
        self._early_care_covers_all_ages()
        if not self.income.below_poverty.value < self.income.below_185.value:
            raise ValueError("the share below 185 % of poverty must be above the share below poverty")
        return self

    @model_validator(mode="after")
    def _steps_follow_one_another(self) -> Community:
        """Refuse rates of a step among children who could not have taken the step before it."""
        allowed: dict[str, tuple[str, ...]] = {
            "postsecondary_enrolled": ("cohort", "graduates"),
            "postsecondary_completed": ("cohort", "graduates", "enrolled"),
        }
        of_cohort: dict[str, float] = {}
        among = 1.0
        for name in MILESTONES:
            rates, known = self.milestones[name], allowed.get(name, ("cohort",))
            if rates.denominator not in known:
                raise ValueError(f"denominator of '{name}' must be {' or '.join(known)}; got '{rates.denominator}'")
            if name not in ("high_school_graduate", *allowed):
                continue
            share = rates.all.value * of_cohort.get(rates.denominator, 1.0)
            if not share < among:
                raise ValueError(
                    f"'{name}' cannot be reached by {share:.1%} of the cohort: only {among:.1%} take the step before it"
                )
            among = share
            of_cohort["graduates" if name == "high_school_graduate" else "enrolled"] = share
        return self

    def _demand_covers_both_ages(self) -> None:
        """Refuse demand that leaves out an age or an income: two bounds, the same at 3 and 4, and the rest."""
        bounds = {age: sorted(d.below_income_to_poverty or 0.0 for d in self.demand if d.age == age) for age in (3, 4)}
        fits = bounds[3] == bounds[4] and len(set(bounds[3])) == 3 and bounds[3][0] == 0.0
        if not fits or len(self.demand) != 6:
            raise ValueError(
                "demand must give, at 3 and at 4, a share below each of the same two incomes and one for the rest"
            )

    def _early_care_covers_all_ages(self) -> None:
        """Refuse care under 3 that leaves out an age or a band of income."""
        bands = {demand.below_income_to_poverty for demand in self.demand}
        given = {(care.age, care.below_income_to_poverty) for care in self.early_care}
        if given != {(age, band) for age in range(3) for band in bands} or len(self.early_care) != len(given):
            raise ValueError("early_care must give, at 0, 1 and 2, one entry for each band of income of demand")
