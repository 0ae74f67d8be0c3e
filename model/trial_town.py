"""A trial inside the model: children placed or served by keyed draws, each with and without the offer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from cradlecast.model import kernels
from cradlecast.model.children import Bools, Bytes, Children, Wholes
from cradlecast.model.kernels import HOME, Decision, Real, Whole, Wide
from cradlecast.model.outcomes import MEASURES
from cradlecast.model.pipeline import Pipeline
from cradlecast.model.place import Floats
from cradlecast.model.town import PROGRAMS, Setting
from cradlecast.scenarios.community import EVENTS, MILESTONES
from cradlecast.scenarios.trial import SchoolYear, Trial

TRIAL: Final = len(PROGRAMS) + 1
"""Kind of care of the trial's own places, after home and the programs that stand beside it."""

TRIAL_STREAM: Final = "trial"
"""Stream of the trial's own sites."""

_RECORDS: Final = slice(int(Whole.ABSENT_YEARS), int(Whole.ABSENT_YEARS) + len(EVENTS))
"""Rows of the school events."""

BEFORE, AFTER = 1970, 1980
"""Years up to which care was worth what it was before 1980, and from which on it is worth what it is today.

The first is the middle of the years of the programs that E3016a pools."""


@dataclass(frozen=True)
class Worth:
    """What a year of care is worth against home, as a multiple of its value today at scale.

    ``standing`` is for the care that controls have, ``offered`` for the trial's own places.
    """

    standing: float
    offered: float


def worth_of(trial: Trial, values: Mapping[str, float]) -> Worth:
    """The one rule from facts to value: the era for all care of the time, the scale for what the trial offers.

    Between 1970 and 1980 the era counts in equal steps of its logarithm; it is of early care and not of services. Hours
    act as they do everywhere, beside this.

    Parameters
    ----------
    trial
        Its facts: year and scale.
    values
        ``era_ratio`` and ``scale_ratio`` in this draw.
    """
    back = 0.0 if trial.of_service else float(np.clip((AFTER - trial.year) / (AFTER - BEFORE), 0.0, 1.0))
    era = values["era_ratio"] ** -back
    return Worth(era, era / values["scale_ratio"] if trial.scale == "demonstration" else era)


class TrialTown(Pipeline):
    """One arm of a trial: the children of one birth year, their places drawn as the trial's facts say.

    Whether a child would take up an offer, and which care it has without, are two chance events of the child, the same
    in both arms: a child in the program without the offer is in it with the offer as well.

    Parameters
    ----------
    setting
        One birth year; its streams hold every program and (the trial's program, ``TRIAL_STREAM``).
    children
        The children of the trial.
    trial
        Its facts.
    worth
        What care is worth in this draw.
    offered
        True for the arm with the offer.
    """

    def __init__(self, setting: Setting, children: Children, trial: Trial, worth: Worth, offered: bool) -> None:
        super().__init__(setting, children)
        self.trial, self.offered = trial, offered
        self._years = {year.age: year for year in trial.years}
        for site in self.sites:
            mine = site.stream == TRIAL_STREAM
            site.quality = worth.offered if mine else worth.standing
            if mine and trial.hours_per_year is not None:
                site.hours = trial.hours_per_year.value
        effects = self.kind_effects()
        own = effects[:, [1 + PROGRAMS.index(trial.program)]] * np.float32(worth.offered)
        self._effects = np.ascontiguousarray(np.hstack([effects * np.float32(worth.standing), own]))
        n_areas = len(setting.place.area_names)
        streams = [next(s for p, s in setting.streams if p == program) for program in PROGRAMS]
        pairs = [*zip(PROGRAMS, streams, strict=True), (trial.program, TRIAL_STREAM)]
        self._first_site = np.array([-1, *(setting.streams.index(pair) * n_areas for pair in pairs)], np.int32)

    def _allot(self, age: int, year: int, start: int, stop: int) -> None:
        """Place the children of an age by their own draws instead of by applications and seats."""
        c = self._columns
        care, site = kernels.ENTRY_COLUMNS[age]
        kind = self._kinds(age, start, stop)
        c.k[care, start:stop] = kind
        area = c.whole(Whole.AREA)[start:stop]
        c.seats[site, start:stop] = np.where(kind == HOME, np.int32(-1), self._first_site[kind] + area)

    def _kinds(self, age: int, start: int, stop: int) -> Wholes:
        """Kind of care of each child at an age in this arm, int32 (n,)."""
        if self.trial.design == "cutoff":
            return self._around_the_cutoff(age, start, stop)
        if age not in self._years:
            return np.full(stop - start, HOME, np.int32)
        year = self._years[age]
        attends = self._attends(year, start, stop)
        return np.where(attends, np.int32(TRIAL), self._without(year, start, stop)).astype(np.int32)

    def _around_the_cutoff(self, age: int, start: int, stop: int) -> Wholes:
        """Kind of care where completers are compared with children who enter a year later.

        The same care of the younger, before the program for the one and in the latest year for the others.
        """
        year = self.trial.years[0]
        if age not in (year.age - 1, year.age) or (age < year.age and not self.offered):
            return np.full(stop - start, HOME, np.int32)
        if age == year.age and self.offered:
            return np.full(stop - start, TRIAL, np.int32)
        return self._without(year, start, stop)

    def _attends(self, year: SchoolYear, start: int, stop: int) -> Bools:
        """Who is in the trial's program in this arm, bool (n,)."""
        share = year.take_up.value if self.offered else year.crossover.value
        return np.asarray(self._luck(Decision.TRIAL_TAKE_UP, 0, start, stop) < share)

    def _without(self, year: SchoolYear, start: int, stop: int) -> Wholes:
        """Kind of care outside the trial's program, int32 (n,)."""
        assert year.care is not None
        shares = np.array(year.care.shares())
        total = shares.sum()
        ends = np.cumsum(shares) / total if total > 0.0 else np.ones(len(shares))
        ends[-1] = 1.0
        luck = self._luck(Decision.TRIAL_CARE, year.age, start, stop)
        return np.searchsorted(ends, luck, side="right").astype(np.int32)

    def _luck(self, decision: Decision, year: int, start: int, stop: int) -> Floats:
        """The children's uniforms for a decision, float64 (n,)."""
        ids, out = self._columns.ids, np.empty(stop - start, np.float32)
        kernels.uniforms(ids[0, start:stop], ids[1, start:stop], self.setting.world, int(decision), year, out)
        return out.astype(np.float64)

    def seen(self) -> Children:
        """The children as the trial's follow-ups see them: as they are."""
        return self._columns

    def inside(self) -> Bools:
        """Children in the trial: all, bool (n,)."""
        return np.ones(len(self._columns), np.bool_)

    def attended(self) -> Bools:
        """True for children who had a year in the trial's program, bool (n,)."""
        c = self._columns
        return np.asarray((c.whole(Whole.CARE3) == TRIAL) | (c.whole(Whole.CARE4) == TRIAL))


class ServiceTrial(Pipeline):
    """One arm of a trial of a service: a birth year as it lives here, of which some are offered the service.

    In the trial are the children for whom it is meant when its first year begins: income, needs, and not moved away.
    Whether a child takes up an offer is one chance event, the same in both arms and in every year.

    Parameters
    ----------
    setting
        One birth year; its only service is the trial's.
    children
        The whole birth year.
    trial
        Its facts.
    worth
        What the service is worth in this draw, as a multiple of its effects at scale.
    offered
        True for the arm with the offer.
    same_until
        The other arm, lived already: this one takes over its state at the beginning of the trial's first year, up to
        which nothing differs.
    """

    def __init__(
        self,
        setting: Setting,
        children: Children,
        trial: Trial,
        worth: Worth,
        offered: bool,
        same_until: ServiceTrial | None = None,
    ) -> None:
        super().__init__(setting, children)
        self._same_until = same_until
        self._start: Children | None = None
        (self._provider,) = self.providers
        self._provider.quality, self._provider.take_up = worth.offered, np.float32(1.0)
        self.offered = offered
        self._years = {year.age: year for year in trial.years}
        self._first_age = trial.years[0].age
        self._inside = np.zeros(len(children), np.bool_)
        self._before = children.k[_RECORDS].copy()

    def step(self) -> None:
        """Live through one school year; those before the trial are lived once for both arms."""
        age = self.year - self.first_year
        if self._same_until is not None and age < self._first_age:
            return
        if age == self._first_age:
            if self._same_until is not None:
                assert self._same_until._start is not None
                c, start = self._columns, self._same_until._start
                c.x[:], c.k[:], c.seats[:], c.wide[:] = start.x, start.k, start.seats, start.wide
            else:
                self._start = self._columns.copy()
        super().step()

    def _serve(self, year: int, ages: dict[int, tuple[int, int]]) -> None:
        """Give the service to those in the trial who take it up, or who get it without the offer."""
        c, age = self._columns, year - self.first_year
        self._end_help()
        if age == self._first_age:
            self._before = c.k[_RECORDS].copy()
            self._inside[self._asking(self._provider, *ages[age])] = True
        if age in self._years:
            one = self._years[age]
            luck = np.empty(len(c), np.float32)
            kernels.uniforms(c.ids[0], c.ids[1], self.setting.world, int(Decision.TRIAL_TAKE_UP), 0, luck)
            share = one.take_up.value if self.offered else one.crossover.value
            self._give(self._provider, np.flatnonzero(self._inside & (luck.astype(np.float64) < share)))

    def seen(self) -> Children:
        """The children as the trial's follow-ups see them: of school events what happened since it began."""
        c = self._columns
        k = c.k.copy()
        years, once = slice(0, kernels.FIRST_ONCE), slice(kernels.FIRST_ONCE, None)
        k[_RECORDS][years] -= self._before[years]
        k[_RECORDS][once] = np.where(self._before[once] >= 0, np.int32(-1), k[_RECORDS][once])
        return replace(c, k=k)

    def inside(self) -> Bools:
        """Children in the trial, bool (n,); none before its first year."""
        return self._inside

    def attended(self) -> Bools:
        """True for children who were served, bool (n,)."""
        return np.asarray(self._columns.whole(Wide.SERVED) != 0)


def care_at(children: Children, age: int) -> Bytes:
    """Kind of care at 3 or 4, int8 (n,)."""
    return np.asarray(children.k[Whole.CARE3 if age == 3 else Whole.CARE4])


# --- what is measured -------------------------------------------------------------------------------------------------

type Reading = Callable[[Children, int], Floats]
"""Children and an age in the fall to a number of each child at the end of that year."""

_AT_FOUR: Final = {
    "literacy": Real.PRELITERACY_TRUE,
    "math": Real.MATH_FALL_TRUE,
    "language": Real.LANGUAGE_FALL_TRUE,
    "behaviour": Real.BEHAVIOUR_FALL_TRUE,
}
"""True scores of the domains; all other years have one skill."""


def _score(name: str) -> Reading:
    """A domain at 4, and general skill in any other year."""
    domain = _AT_FOUR.get(name, Real.SKILL)
    return lambda children, age: children.real(domain if age == 4 else Real.SKILL).astype(np.float64)


def _event(number: int) -> Reading:
    """Points: 100 for children to whom a school event ever happened, in trials of services since they began."""
    counted = number < kernels.FIRST_ONCE

    def read(children: Children, _: int) -> Floats:
        record = children.k[int(Whole.ABSENT_YEARS) + number]
        return np.where(record > 0 if counted else record >= 0, 100.0, 0.0)

    return read


def _milestone(number: int) -> Reading:
    """Points: 100 for children who reached a milestone."""
    return lambda children, _: np.where(children.reached(number), 100.0, 0.0)


def _measure(name: str, unit: float) -> Reading:
    """A measure of studies, times a unit."""
    values = next(measure.values for measure in MEASURES if measure.name == name)
    return lambda children, _: unit * values(children)


def _weight(children: Children, _: int) -> Floats:
    """Birth weight, in sd of the children."""
    weight = children.real(Real.BIRTH_WEIGHT).astype(np.float64)
    return np.asarray(weight / weight.std())


READINGS: Final[Mapping[str, Reading]] = {
    "birth_weight": _weight,
    "development": lambda children, _: children.real(Real.DEVELOPMENT_TRUE).astype(np.float64),
    "on_track": _measure("on_track_at_3", 100.0),
    **{name: _measure(name, 100.0) for name in ("low_birth_weight", "caesarean")},
    **{name: _score(name) for name in ("skill", *_AT_FOUR)},
    **{event: _event(number) for number, event in enumerate(EVENTS)},
    **{milestone: _milestone(number) for number, milestone in enumerate(MILESTONES)},
    **{name: _measure(name, 100.0) for name in ("four_year_college", "two_year_college", "bachelor")},
    "earnings": _measure("earnings_at_29", 1.0),
}
"""Every outcome that a trial may ask for."""
