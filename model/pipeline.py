"""The array engine: a Mesa model whose children are columns and whose year is a few compiled loops."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from cradlecast.model import kernels
from cradlecast.model.children import Bools, Children, Longs, Reals, Shorts, Words
from cradlecast.model.childset import ChildSet
from cradlecast.model.kernels import Decision, Real, Theta, Whole, Wide
from cradlecast.model.mesa_compat import as_mesa
from cradlecast.model.place import apportion
from cradlecast.model.services import FOR_THE_YEAR, NEEDS, Provider
from cradlecast.model.town import Setting, Town

_FOR_THE_YEAR: Final = np.array(FOR_THE_YEAR)


class Line(NamedTuple):
    """The families of m children of one birth year who ask for seats, and what they are given.

    Attributes
    ----------
    start
        Row of the first child.
    places, keys
        int16 (m, 6) and uint64 (3, m): see ``kernels.applications``.
    given
        int16 (m,): the pool of each, or -1.
    """

    start: int
    places: Shorts
    keys: Words
    given: Shorts


class Pipeline(Town):
    """Children moving from birth to 30 through the institutions of a community, one school year a step.

    The order of a year:

    1. births: children of the year's cohort enter (their fixed attributes depend on id and world alone);
    2. money and policy: events half a step earlier have opened, closed, paid for or improved seats;
    3. people of 18 to 25 may leave; graduates enrol at 19; services take in the first in line of those for whom they
       are meant, on what happened last year, and give what they give;
    4. ages 0 to 2: birth, who cares for the child; at 2, whether development is on track by 3;
    5. families of 3- and 4-year-olds apply; seats are allotted by priority and lottery; the rest fall back on a
       child-care center of their own or on care at home;
    6. early years: the value of the year's care for skill and for parents' earnings, fading of older gains, the
       changing part of skill; at 4, early literacy in the fall and spring, math, language and behaviour at
       kindergarten, attendance, readiness for kindergarten;
    7. school years: classmates' mean skill of last year, fading, the long-run shift; reading in grade 3, math in
       grade 8, grades in grade 9, graduation at 18; absence, suspension, arrest, special education, retention;
    8. adult years: two- and four-year college with stopping out and returning, completion by 26, work and earnings;
    9. seats, children and flows of the ledger are booked.

    Parameters
    ----------
    setting
        What fixes the run.
    children
        The children of the setting's world.
    copy
        Whether the model works on a copy; if not, the children given are those who grow up.
    """

    def __init__(self, setting: Setting, children: Children, copy: bool = True) -> None:
        super().__init__(setting)
        self._columns = children.copy() if copy else children
        self._columns.world, self._columns.theta = setting.world, self.theta
        self.children: ChildSet = as_mesa(self)  # ``agents_by_type[Child]`` answers with it as well
        self._effects = self.kind_effects()
        self._helped = False
        self._sites_now: tuple[float, Reals, Reals] | None = None
        self._numbers = [[site.number for site in sites] for sites in self.pools]
        self._by_pool = np.array([number for numbers in self._numbers for number in numbers], np.int64)
        starts, stops = children.starts[:-1], children.starts[1:]
        self._born = np.column_stack([children.cohorts, starts, stops, range(len(starts))]).astype(np.int64)
        blocks = [
            [(cohort, here, min(here + kernels.BLOCK, stop), at) for here in range(start, stop, kernels.BLOCK)]
            for cohort, start, stop, at in self._born.tolist()
        ]
        self._blocks = np.array([block for of_year in blocks for block in of_year], np.int64).reshape(-1, 4)
        self._first_block = np.cumsum([0, *map(len, blocks)])
        self._class_sums = np.zeros(2 * len(setting.cohorts) * int(self.schools.sum()), np.int64)
        self._lived = 0.0

    def step(self) -> None:
        """Live through one school year."""
        year = self.year
        self.running = year < self.last_year
        if self.time <= self._lived:
            return
        c, setting = self._columns, self.setting
        lives = (c.ids, setting.world, self.theta)
        adults = self._spans(year, kernels.LAST_SKILL_AGE + 1, kernels.EMPLOYMENT_AGE)
        if len(adults):
            kernels.entering_year(*lives, adults, year, c.x, c.k, setting.cuts)
        everybody = self._birth_years(year, 0, setting.horizon - 1)
        self._serve(year, {year - born: (start, stop) for born, start, stop, _ in self._born[everybody].tolist()})
        self._live(year)

    def _birth_years(self, year: int, first: int, last: int) -> slice:
        """Which birth years are of some ages in a year."""
        newest, oldest = year - first - self.first_year, year - min(last, self.setting.horizon - 1) - self.first_year
        start, stop = (min(max(number, 0), len(self._born)) for number in (oldest, newest + 1))
        return slice(start, stop)

    def _spans(self, year: int, first: int, last: int) -> Longs:
        """The children of some ages in a year, in blocks of a birth year: int64 (m, 4), see ``kernels``."""
        some = self._birth_years(year, first, last)
        return self._blocks[self._first_block[some.start] : self._first_block[some.stop]]

    def _serve(self, year: int, ages: dict[int, tuple[int, int]]) -> None:
        """Services take in the first in line of those for whom they are meant; ``ages`` to rows of their children."""
        self._end_help()
        for provider in self.providers:
            if not provider.places(year):
                continue
            room = self.room_of(provider, year)
            spans = [ages[age] for age in provider.offer.declared.ages if age in ages]
            asking = [self._asking(provider, start, stop) for start, stop in spans] if room else []
            rows = np.concatenate(asking) if asking else np.empty(0, np.int64)
            chosen = self._first_in_line(provider, year, rows, room)
            self._give(provider, chosen)
            provider.take_in(year, room, len(rows), len(chosen))

    def _end_help(self) -> None:
        """Let what holds for a year of service end with it."""
        if self._helped:
            self._columns.x[_FOR_THE_YEAR] = 0.0
            self._helped = False

    def _first_in_line(self, provider: Provider, year: int, rows: Longs, room: int) -> Longs:
        """Rows of those who are taken in: the first in line, or in the line of each area."""
        in_line = rows[self._line(provider, year, rows)]
        if provider.areas is None:
            return in_line[:room]
        area = self._columns.k[Whole.AREA, in_line]
        rooms = apportion(room, provider.areas.tolist())
        return np.concatenate([in_line[area == number][:here] for number, here in enumerate(rooms)])

    def _asking(self, provider: Provider, start: int, stop: int) -> Longs:
        """Rows of the children of one age who are eligible for a service and would take part."""
        c, declared, offer = self._columns, provider.offer.declared, provider.offer
        luck = np.empty(stop - start, np.float32)
        low, high = c.ids[:, start:stop]
        kernels.uniforms(low, high, self.setting.world, int(Decision.SERVICE_TAKE_UP), offer.when(0), luck)
        here = c.k[Whole.LEFT, start:stop] < 0
        fits = here & (luck < provider.reach) & (c.x[Real.INCOME, start:stop] < offer.limit)
        if not declared.again:
            fits &= (c.wide[Wide.SERVED, start:stop] >> offer.bit) & 1 == 0
        for need in declared.needs:
            row, bit, value = NEEDS[need]
            column = c.k[row, start:stop]
            fits &= (column >> bit) & 1 == 1 if value is None else column == value
        return start + np.flatnonzero(fits)

    def _line(self, provider: Provider, year: int, rows: Longs) -> Longs:
        """Order of some children in the line for a service, ties by id."""
        marks = self._marks(provider, year, rows)
        if provider.order != "schools" and provider.known == 0:
            return self._order(rows, marks)
        keys: tuple[np.ndarray[Any, Any], ...] = (*self._columns.ids[:, rows], marks)
        if provider.order == "schools":
            school = self._columns.wide[Wide.SCHOOL, rows]
            keys = (*keys, school, self.school_line(provider)[school])
        if provider.known > 0:
            keys = (*keys, ~self._known(provider, rows))
        return np.lexsort(keys)

    def _known(self, provider: Provider, rows: Longs) -> Bools:
        """Whether shared data tell of each of some children that it lives below the poverty line."""
        c, luck = self._columns, np.empty(len(rows), np.float32)
        low, high = np.ascontiguousarray(c.ids[0, rows]), np.ascontiguousarray(c.ids[1, rows])
        kernels.uniforms(low, high, self.setting.world, int(Decision.DATA_SHARING), 0, luck)
        return np.asarray((luck < provider.known) & (c.k[Whole.CELL, rows] % 2 == 1))

    def _marks(self, provider: Provider, year: int, rows: Longs) -> Reals | Words:
        """What places some children in the line for a service, lowest first: income, a screening score, or a lot."""
        c, world, when = self._columns, self.setting.world, provider.offer.when(year)
        order = provider.order
        if order == "lowest_incomes":
            return np.asarray(c.x[Real.INCOME, rows])
        low, high = np.ascontiguousarray(c.ids[0, rows]), np.ascontiguousarray(c.ids[1, rows])
        if order == "lowest_scores":
            noise = np.empty(len(rows), np.float32)
            kernels.normals(low, high, world, int(Decision.SERVICE_SCREEN), when, noise)
            return np.asarray(c.x[Real.SKILL, rows] + self.theta[Theta.TEST_NOISE] * noise)
        lots = np.empty(len(rows), np.uint64)
        kernels.lottery_numbers(low, high, world, int(Decision.SERVICE_LOTTERY), when, lots)
        return lots

    def _give(self, provider: Provider, rows: Longs) -> None:
        """What the children taken in are given."""
        c, offer, quality = self._columns, provider.offer, provider.strength
        for column, amount in provider.gifts().items():
            c.x[column, rows] += amount
        c.x[Real.TRAIT, rows] += offer.to_trait * quality
        c.x[Real.BIRTH_WEIGHT, rows] += offer.to_weight * quality
        c.wide[Wide.SERVED, rows] |= np.int32(1 << offer.bit)
        self._helped = True

    def _live(self, year: int) -> None:
        """The year of everybody after services: one call of a kernel for all birth years that it is about."""
        spans = self._spans(year, 0, self.setting.horizon - 1)
        c, setting, n_schools = self._columns, self.setting, len(self._class_sums) // (2 * len(self._born))
        lives, state, cuts = (c.ids, setting.world, self.theta), (c.x, c.k), setting.cuts
        c.lived = year
        kernels.begin_year(self.theta, spans, *state)
        if len(infants := self._spans(year, kernels.INFANT_AGES[0], kernels.INFANT_AGES[-1])):
            kernels.infant_year(*lives, infants, year, *state, setting.place.early_care, cuts)
        entering = self._birth_years(year, kernels.ENTRY_AGES[0], kernels.ENTRY_AGES[-1])
        for born, start, stop, _ in self._born[entering].tolist():
            if stop > start:
                self._start_care(year - born, year, start, stop)
        if len(pupils := self._spans(year, kernels.FIRST_SCHOOL_AGE, kernels.LAST_SKILL_AGE)):
            self._class_sums[:] = 0
            among = self._spans(year, kernels.FIRST_SCHOOL_AGE, kernels.LAST_PEER_AGE)
            kernels.class_sums(self._class_sums, among, c.x, c.wide, n_schools)
            kernels.school_year(*lives, pupils, year, *state, c.wide, cuts, self._class_sums, n_schools)
            kernels.school_events(*lives, pupils, year, *state, cuts, self._effects)
        if len(adults := self._spans(year, kernels.LAST_SKILL_AGE + 1, kernels.EMPLOYMENT_AGE)):
            kernels.adult_year(*lives, adults, year, *state, cuts)
        kernels.book_year(self.theta, spans, year, *state, self.flows)

    def _start_care(self, age: int, year: int, start: int, stop: int) -> None:
        """The year of 3- or 4-year-olds: seats, and what they are worth."""
        self._allot(age, year, start, stop)
        c, world, rooms = self._columns, self.setting.world, self.site_rooms[age]
        value, parents = self._at_sites()
        values = np.empty((len(rooms), max(int(rooms.max(initial=0)), 1)), np.float32)
        kernels.room_values(world, self.theta, year, value, self.site_keys, rooms, values)
        care = (values, rooms, parents, self._effects)
        ages = self._spans(year, age, age)
        kernels.early_year(c.ids, world, self.theta, ages, year, c.x, c.k, c.seats, *care, self.setting.cuts)

    def _at_sites(self) -> tuple[Reals, Reals]:
        """What a year at each site adds to skill and to parents' earnings, worked out once a year."""
        if self._sites_now is None or self._sites_now[0] != self.time:
            self._sites_now = (self.time, self.site_values(), self.site_parents())
        return self._sites_now[1:]

    def _allot(self, age: int, year: int, start: int, stop: int) -> None:
        """Applications, seats, and who sits where."""
        c, place = self._columns, self.setting.place
        n, n_areas = stop - start, len(place.area_names)
        line = Line(start, np.empty((n, 6), np.int16), np.zeros((3, n), np.uint64), np.empty(n, np.int16))
        families = c.ids, self.setting.world, self.theta, self._spans(year, age, age), year, c.x, c.k
        kernels.applications(*families, place.next_to, line.places, line.keys)
        kernels.allot(c.ids, start, stop, line.places, line.keys, self.pool_seats(age), n_areas, line.given)
        if age == 4:
            c.k[Whole.APPLIED, start:stop] = line.places[:, 5]
        self._seat(age, line, n_areas)

    def _seat(self, age: int, line: Line, n_areas: int) -> None:
        """Spread each pool's children over its sites: standing money first by lottery, vacancies in proportion.

        So the children in seats that were added last are those whom the seats before them could not take.
        """
        c, start, given = self._columns, line.start, line.given
        stop = start + len(given)
        care, site = kernels.ENTRY_COLUMNS[age]
        c.k[care, start:stop] = given // n_areas + 1
        counts = np.bincount(given + 1, minlength=len(self.pools) + 1)[1:]
        site_of = [-1] * (len(self.pools) + 1)  # the last entry is for those at home, whose pool is -1
        several: list[int] = []
        every: list[list[int]] = []
        for pool, (count, seats) in enumerate(zip(counts.tolist(), self.seats_by_pool(age), strict=True)):
            parts = apportion(count, seats)
            every.append(parts)
            if max(parts, default=0) < count:
                several.append(pool)
            elif count:
                site_of[pool] = self._numbers[pool][parts.index(count)]
        sites = c.seats[site, start:stop]
        sites[:] = np.array(site_of, np.int32)[given]
        for pool in several:
            here = (given == pool).nonzero()[0]
            order = self._order(start + here, line.keys[pool // n_areas, here])
            sites[here[order]] = np.repeat(self._numbers[pool], every[pool])
        seated = np.zeros(len(self.sites), np.int32)
        seated[self._by_pool] = [children for parts in every for children in parts]
        self.record_seats(age, seated)

    def _order(self, rows: Longs, marks: Reals | Words) -> Longs:
        """Order of some children by a mark, ties by id: ids are asked for only where there is a tie."""
        order = np.argsort(marks)
        ranked = marks[order]
        if (ranked[1:] == ranked[:-1]).any():
            return np.lexsort((*self._columns.ids[:, rows], marks))
        return order

    def run(self, before: int | None = None) -> Pipeline:
        """Live through all years, until the last cohort reaches the horizon, or those before a school year."""
        end = self.last_year + 1 if before is None else min(before, self.last_year + 1)
        while self.time < end - self.first_year:
            self.step()
        return self

    def carry_on(self, other: Pipeline) -> Pipeline:
        """Carry on from another arm, whose children this one was given as they are now.

        The institutions go through the years so far without children, and take over what the other arm has booked;
        nothing may differ between the two before, see ``Setting.same_until``.
        """
        self._lived = other.time
        while self.time < other.time:
            self.step()
        self.flows[:] = other.flows
        self._book = list(other._book)
        self._helped = other._helped
        for site, model in zip(self.sites, other.sites, strict=True):
            site.filled = dict(model.filled)
        for mine, theirs in zip(self.providers, other.providers, strict=True):
            mine.book = dict(theirs.book)
        return self

    def columns(self) -> Children:
        """The children as columns."""
        return self._columns

    def count_pupils(self, school: int, cohort: int) -> int:
        """Children of a birth year who go to this school."""
        c = self._columns
        order = c.cohorts.index(cohort)
        here = c.whole(Wide.SCHOOL)[c.starts[order] : c.starts[order + 1]]
        return int(np.count_nonzero(here == school))

    def mean_skill(self) -> float:
        """Mean skill of all children now, sd: a model-level reporter for Mesa's DataCollector."""
        return float(self._columns.real(Real.SKILL).mean(dtype=np.float64))
