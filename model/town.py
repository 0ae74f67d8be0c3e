"""What both engines share: institutions, the calendar, policy as events, and the book of seats and dollars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import mesa
import numpy as np

from cradlecast.model import kernels
from cradlecast.model.children import Children, Reals, Wholes, Words
from cradlecast.model.civic import BACKBONE, Backbone, Purse
from cradlecast.model.draws import value_of_effect
from cradlecast.model.flows import FLOWS
from cradlecast.model.institutions import SITES, School, Site
from cradlecast.model.kernels import Decision, Theta
from cradlecast.model.place import Floats, Place, apportion
from cradlecast.model.services import Provider, offers_of
from cradlecast.model.theta import event_shifts
from cradlecast.scenarios.change import Change
from cradlecast.scenarios.civic import POOL
from cradlecast.scenarios.community import EVENTS
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.program import POOLS, Program
from cradlecast.scenarios.ramp import Ramp
from cradlecast.scenarios.service import EVERYBODY, PLACES, Service

PROGRAMS: Final = POOLS
"""Lines of seats, and the program that stands for each, in the order of the kernels' kinds of care (home is 0)."""

MOST_SITES: Final = int(np.iinfo(np.int16).max)
"""Sites whose numbers children can carry."""

TAKE_UP = {
    "prek": Theta.TAKE_UP_PREK,
    "head_start": Theta.TAKE_UP_HEAD_START,
    "child_care": Theta.SUBSIDY_TAKE_UP,
}
"""Where the rules read the share of eligible families who apply, by line; of centers, if a subsidy pays for them."""


@dataclass(frozen=True)
class Policy:
    """One dated change with its numbers settled: levers and this draw's closing seats are already in it."""

    change: Change
    seats: int
    quality: float = 1.0
    hours: float | None = None
    take_up: float | None = None
    seat_cost: float | None = None
    closing: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Course:
    """Places of a service over a span of years, with its levers settled."""

    service: str
    first_year: int
    last_year: int | None
    places: int
    quality: float | None = None
    take_up: float | None = None
    cost: float | None = None

    def holds_in(self, year: int) -> bool:
        """Whether its places are open in a school year."""
        return self.first_year <= year and (self.last_year is None or year <= self.last_year)


@dataclass(frozen=True)
class Befalls:
    """A share of seats that close in some years: of a program, or of everything that a payer pays for."""

    first_year: int
    last_year: int
    share: float
    program: str | None = None
    payer: str | None = None


@dataclass(frozen=True)
class Setting:
    """Everything that fixes one run: the place, the draw, the world, the arm.

    Attributes
    ----------
    policies
        The baseline's and the arm's changes.
    streams
        (program, stream) pairs that exist in ANY arm, so that sites keep their numbers from arm to arm.
    cuts
        float32 (14, cells): score cuts and intercepts from calibration.
    services
        Services that exist in ANY arm, so that they keep their bits from arm to arm.
    courses
        The baseline's and the arm's places of services.
    purse
        Pooled money of the arm.
    shocks
        Closings that befall it.
    closing
        Share of a center's newly empty seats that close a year later.
    horizon
        Age to which children are followed.
    """

    place: Place
    programs: Mapping[str, Program]
    values: Mapping[str, float]
    theta: Reals
    cuts: Reals
    cohorts: tuple[int, ...]
    n_children: int
    world: Words
    streams: tuple[tuple[str, str], ...]
    policies: tuple[Policy, ...] = ()
    services: tuple[Service, ...] = ()
    courses: tuple[Course, ...] = ()
    purse: Purse | None = None
    shocks: tuple[Befalls, ...] = ()
    closing: float = 0.0
    horizon: int = 30

    def same_until(self, other: Setting) -> int:
        """The first school year in which life can differ from that under the setting of another arm.

        Both are settings of the same children, draw and world. Policies, places of services and closings differ from
        the first year of those that only one has, pooled money from its first year, and centers that close where seats
        stand empty from the beginning.
        """
        if self.closing != other.closing:
            return self.cohorts[0]
        years = [policy.change.first_year for policy in _in_one(self.policies, other.policies)]
        years += [course.first_year for course in _in_one(self.courses, other.courses)]
        years += [shock.first_year for shock in _in_one(self.shocks, other.shocks)]
        years += [setting.purse.years[0] for setting in (self, other) if setting.purse is not None]
        return min(years, default=self.cohorts[-1] + self.horizon)

    @property
    def scale(self) -> float:
        """Simulated children per child of the community."""
        return self.n_children / (self.place.community.births_per_year.value * len(self.cohorts))


def _in_one[T](some: Sequence[T], others: Sequence[T]) -> list[T]:
    """What stands in one of two lists alone, as often as it stands there more often."""
    rest, alone = list(others), []
    for one in some:
        if one in rest:
            rest.remove(one)
        else:
            alone.append(one)
    return alone + rest


def schools_by_area(place: Place, scale: float) -> Wholes:
    """Simulated schools by area, int32 (areas,): community counts scaled, at least one each."""
    counts = [area.schools.value for area in place.community.areas]
    total = max(len(counts), round(sum(counts) * scale))
    spare = apportion(total - len(counts), counts)
    return np.array([1 + extra for extra in spare], np.int32)


def streams_of(place: Place, policies: Sequence[Policy]) -> tuple[tuple[str, str], ...]:
    """All (program, stream) pairs: the community's own, then those that policies add, in order."""
    pairs = [(stream.program, stream.stream) for stream in place.community.streams]
    pairs += [(policy.change.program, policy.change.stream) for policy in policies]
    return tuple(dict.fromkeys(pairs))


HALF_DAY, SCHOOL_DAY, WORKING_DAY = 540.0, 1080.0, 1800.0
"""Hours of care a year: 180 days of 3, of 6 and of 10 hours."""


def gain_of_hours(hours: Sequence[float], values: Mapping[str, float]) -> Floats:
    """Parents' gain of earnings, as a share, from so many hours of care a year against care at home, (n,).

    Nothing up to half a day; a school day and a working day have the measured gains; in between on a straight line.
    """
    gains = [0.0, values["parents_school_day"] / 100.0, values["parents_working_day"] / 100.0]
    return np.interp(hours, [HALF_DAY, SCHOOL_DAY, WORKING_DAY], gains)


class Town(mesa.Model):
    """A community with its institutions; subclasses hold the children.

    Time: one step is one school year. ``model.time`` t ends the school year that begins in the fall of
    ``first_year + t - 1``. Policies are events half a step before the year they apply to.
    """

    def __init__(self, setting: Setting) -> None:
        super().__init__(rng=0)
        self.setting = setting
        self.first_year = setting.cohorts[0]
        self.last_year = setting.cohorts[-1] + setting.horizon - 1
        self.theta = setting.theta.copy()
        self.schools = schools_by_area(setting.place, setting.scale)
        self.community_seats: dict[tuple[str, str, int], int] = {}
        self.sites: list[Site] = []
        self.flows = np.zeros((len(setting.cohorts), setting.horizon, 2, len(FLOWS)), np.int64)
        self._book: list[tuple[int, int, dict[tuple[str, str, int], int], list[int], list[int]]] = []
        self._agenda: dict[float, list[tuple[Policy | Course | Befalls, bool]]] = {}
        self._closed: list[tuple[Befalls, dict[tuple[str, str, int], int]]] = []
        self._own_areas: dict[tuple[str, str], Floats] = {}
        self._pooled_seats: dict[tuple[str, int], int] = {}
        self._usual_empty: dict[int, int] = {}
        self._shut: dict[tuple[int, int], int] = {}
        self._set_take_up: dict[Theta, np.float32] = {}
        self._seats_now: dict[int, list[tuple[int, ...]]] = {}
        self._found_sites()
        n_pools = len(PROGRAMS) * len(setting.place.area_names)
        self.pools = [[site for site in self.sites if self.pool_of(site) == pool] for pool in range(n_pools)]
        self.site_keys = np.array([site.key for site in self.sites], np.uint64)
        self.site_rooms = {age: self._count_rooms(age) for age in (3, 4)}
        if len(self.sites) > MOST_SITES:
            raise InputError(f"{len(self.sites):,} sites are more than {MOST_SITES:,}; give the community fewer areas")
        self._found_schools()
        offers = offers_of(setting.services, setting.values, setting.place, setting.theta)
        self.providers = [Provider(self, offer) for offer in offers]
        self.backbone = None if setting.purse is None else Backbone(self, setting.purse)
        policies: tuple[Policy | Course | Befalls, ...] = (*setting.policies, *setting.courses, *setting.shocks)
        for policy in policies:
            self._plan(policy)
        if self.backbone is not None:
            self._plan_backbone()

    # --- founding ---

    def _found_sites(self) -> None:
        """One site for every stream and area, with the seats observed there."""
        place = self.setting.place
        observed = {(stream.program, stream.stream): stream for stream in place.community.streams}
        for program, stream in self.setting.streams:
            declared = self.setting.programs[program]
            for area in place.area_names:
                hours, cost = declared.hours_per_year.value, declared.seat_cost.value
                standard = self.setting.programs[declared.line].hours_per_year.value
                kind = SITES[declared.line]
                self.sites.append(kind(self, len(self.sites), program, stream, area, standard, hours, cost))
            for age in declared.ages:
                known = observed.get((program, stream))
                seats = known.seats[age].value if known is not None and age in known.seats else 0.0
                self.community_seats[program, stream, age] = round(seats)
        for program in dict.fromkeys(program for program, _ in self.setting.streams):
            self._subsidise(program)
        for line in PROGRAMS:
            for age in (3, 4):
                self._share_out(line, age)

    def _found_schools(self) -> None:
        """The schools of every area, numbered in order."""
        number = 0
        for area, count in zip(self.setting.place.area_names, self.schools, strict=True):
            for _ in range(int(count)):
                School(self, number, area)
                number += 1

    def sites_of(self, program: str, stream: str) -> list[Site]:
        """The sites of one stream, in the order of areas."""
        n_areas = len(self.setting.place.area_names)
        first = self.setting.streams.index((program, stream)) * n_areas
        return self.sites[first : first + n_areas]

    def line_of(self, program: str) -> str:
        """The line in which families wait for a program's seats."""
        return self.setting.programs[program].line

    def _subsidise(self, program: str, take_up: float | None = None) -> None:
        """Let families who could not pay ask for a center, where a program pays for places there."""
        declared = self.setting.programs[program]
        if declared.line != "child_care" or declared.take_up is None:
            return
        open_ = any(seats > 0 for (name, _, _), seats in self.community_seats.items() if name == program)
        limit = declared.max_income_to_poverty
        share = self.setting.values[declared.take_up] if take_up is None else take_up
        self.theta[Theta.SUBSIDY_INCOME] = np.inf if limit is None else self.setting.place.income_at(limit)
        self.theta[Theta.SUBSIDY_TAKE_UP] = share if open_ else 0.0

    def _share_out(self, line: str, age: int) -> None:
        """Scale the seats of a line to simulated children and spread them over its sites.

        Streams are laid one behind the other, so that the seats of an area depend on the line's total alone:
        moving seats from one stream to another moves no seat from one area to another.
        """
        weights = self._area_weights(line)
        below = [0] * len(weights)
        open_seats = self._open_seats()
        total = 0
        for program, stream in self.setting.streams:
            if self.line_of(program) != line or age not in self.setting.programs[program].ages:
                continue
            if (program, stream) in self._own_areas:
                seats = round(open_seats[program, stream, age] * self.setting.scale)
                parts = apportion(seats, self._own_areas[program, stream].tolist())
                for site, here in zip(self.sites_of(program, stream), parts, strict=True):
                    site.set_seats(age, here - self._shut.get((site.number, age), 0))
                continue
            total += open_seats[program, stream, age]
            up_to = apportion(round(total * self.setting.scale), weights)
            for site, upper, lower in zip(self.sites_of(program, stream), up_to, below, strict=True):
                site.set_seats(age, upper - lower - self._shut.get((site.number, age), 0))
            below = up_to

    def _area_weights(self, line: str) -> list[float]:
        """Shares of a line's seats by area: as stated, or as its eligible children are spread."""
        place = self.setting.place
        stated = place.community.spread.get(line)
        if stated is not None:
            return [stated.get(name, 0.0) for name in place.area_names]
        poor = place.community.income.below_poverty.value
        if self.setting.programs[line].max_income_to_poverty is None:
            return [float(a * (1 - poor) + b * poor) for a, b in zip(*place.area_shares, strict=True)]
        return [float(share) for share in place.area_shares[1]]

    # --- policy ---

    def _plan_backbone(self) -> None:
        """Put the backbone's decisions on the calendar, a year each, and its end."""
        assert self.backbone is not None
        years = self.backbone.purse.years
        for year in years:
            self.schedule_event(self.backbone.decide, at=year - self.first_year + 0.5)
        self.schedule_event(self.backbone.close, at=years[-1] + 1 - self.first_year + 0.5)

    def _plan(self, policy: Policy | Course | Befalls) -> None:
        """Put a policy on the calendar: half a step before its first year, and again after its last."""
        span = policy.change if isinstance(policy, Policy) else policy
        self._enter(span.first_year, policy, True)
        if span.last_year is not None:
            self._enter(span.last_year + 1, policy, False)

    def _enter(self, year: int, policy: Policy | Course | Befalls, begins: bool) -> None:
        """Schedule one entry of the agenda; what began before the first simulated year begins with it."""
        at = max(year - self.first_year + 0.5, 0.5)
        if at not in self._agenda:
            self._agenda[at] = []
            self.schedule_event(self.apply_agenda, at=at)
        self._agenda[at].append((policy, begins))

    def apply_agenda(self) -> None:
        """Carry out the policies planned for now (a Mesa event)."""
        for policy, begins in self._agenda[self.time]:
            if isinstance(policy, Course):
                self._fund(policy.service)
            elif isinstance(policy, Befalls):
                self._befall(policy, begins)
            else:
                self._apply(policy, 1 if begins else -1)

    def _befall(self, shock: Befalls, begins: bool) -> None:
        """Close a share of the seats that a shock is about, or open them again; those of pooled money are not its."""
        if begins:
            about = {
                key: round(seats * shock.share)
                for key, seats in self._open_seats().items()
                if key[1] != POOL
                and (shock.program == key[0] or (shock.payer and shock.payer == self.setting.programs[key[0]].payer))
            }
            self._closed.append((shock, about))
        else:
            _, about = self._closed.pop(next(at for at, (one, _) in enumerate(self._closed) if one == shock))
        for line in dict.fromkeys(self.line_of(program) for program, _, _ in about):
            for age in (3, 4):
                self._share_out(line, age)

    def _open_seats(self) -> dict[tuple[str, str, int], int]:
        """Seats of the community by program, stream and age, without those that shocks have closed."""
        seats = dict(self.community_seats)
        for _, about in self._closed:
            for key, closed in about.items():
                seats[key] = max(seats[key] - closed, 0)
        return seats

    def _fund(self, service: str) -> None:
        """Open a service's places of the coming year; of courses with levers the last moves quality, take-up, cost."""
        provider = next(p for p in self.providers if p.offer.declared.name == service)
        courses = [one for one in self.setting.courses if one.service == service and one.holds_in(self.year + 1)]
        provider.grants = [(one.first_year, one.places) for one in courses]
        provider.restore()
        for course in courses:
            if course.places:
                provider.move(course.quality, course.take_up, course.cost)

    def _apply(self, policy: Policy, sign: int) -> None:
        """Open (sign 1) or close again (sign -1) a policy's seats, with their quality, hours and take-up."""
        change = policy.change
        for age in self.setting.programs[change.program].ages:
            key = (change.program, change.stream, age)
            self.community_seats[key] = max(self.community_seats[key] + sign * policy.seats, 0)
            self._share_out(self.line_of(change.program), age)
        self._subsidise(change.program, policy.take_up)
        for program, seats in policy.closing:
            self._close_displaced(program, sign * seats)
        entry = TAKE_UP[self.line_of(change.program)]
        if sign < 0 and policy.take_up is not None:
            self.theta[entry] = self._set_take_up[entry] = self.setting.theta[entry]
        if policy.seats == 0 or sign < 0:
            return
        for site in self.sites_of(change.program, change.stream):
            site.quality = policy.quality
            site.hours = policy.hours if policy.hours is not None else site.usual_hours
            site.financed = change.financed
            if policy.seat_cost is not None:
                site.seat_cost = policy.seat_cost
        if policy.take_up is not None:
            self.theta[entry] = self._set_take_up[entry] = np.float32(policy.take_up)

    def _close_displaced(self, program: str, seats: int) -> None:
        """Close (or reopen) seats for 4-year-olds that the new seats displaced, in proportion to streams."""
        streams = [stream for p, stream in self.setting.streams if p == program]
        weights = [float(self.community_seats[program, stream, 4]) for stream in streams]
        for stream, part in zip(streams, apportion(abs(seats), weights), strict=True):
            key = (program, stream, 4)
            self.community_seats[key] = max(self.community_seats[key] - (part if seats > 0 else -part), 0)
        self._share_out(self.line_of(program), 4)

    # --- pooled money ---

    def poor_by_area(self) -> Floats:
        """Shares of the children below the poverty line by area, float64 (areas,)."""
        return np.asarray(self.setting.place.area_shares[1], np.float64)

    def poverty_by_area(self) -> Floats:
        """Share of each area's children who live below the poverty line, float64 (areas,)."""
        poor = self.setting.place.community.income.below_poverty.value
        above, below = (np.asarray(shares, np.float64) for shares in self.setting.place.area_shares)
        return np.asarray(below * poor / (above * (1.0 - poor) + below * poor))

    def _provider_of(self, part: str) -> Provider | None:
        """The provider of a service, or None for a program that holds seats."""
        return next((one for one in self.providers if one.offer.declared.name == part), None)

    def ramp_of(self, part: str) -> Ramp:
        """How new seats or places of a program open."""
        provider = self._provider_of(part)
        return self.setting.programs[part].ramp if provider is None else provider.offer.declared.ramp

    def seats_standing(self, part: str) -> int:
        """Seats of a program's line, or places of a service, without those of pooled money."""
        provider = self._provider_of(part)
        if provider is not None:
            return sum(places for _, places in provider.grants)
        line = self.line_of(part)
        return sum(
            seats
            for (program, stream, _), seats in self._open_seats().items()
            if self.line_of(program) == line and stream != POOL
        )

    def open_pooled(self, part: str, number: int, quality: float, areas: Floats | None, purse: Purse) -> None:
        """Open so many seats or places of pooled money, in place of those of last year."""
        levers, year = purse.levers, self.year + 1
        provider = self._provider_of(part)
        if provider is not None:
            active = number > 0
            provider.pooled, provider.areas = number, areas
            provider.growth = quality if active else 1.0
            provider.referral = np.float32(levers["referral"] if active else 0.0)
            provider.known = np.float32(levers["data_sharing"] if active else 0.0)
            closing = active and purse.allocation == "gap_closing"
            provider.order = "lowest_incomes" if closing else provider.offer.declared.order
            return
        declared, key = self.setting.programs[part], (part, POOL)
        parts = apportion(number, [1.0] * len(declared.ages))
        for age, seats in zip(declared.ages, parts, strict=True):
            self.community_seats[part, POOL, age] = seats
        self._pooled_seats[part, year] = number
        if areas is None:
            self._own_areas.pop(key, None)
        else:
            self._own_areas[key] = areas
        for site in self.sites_of(part, POOL):
            site.quality, site.seat_cost = quality, purse.unit_cost(part)
        if declared.line in ("prek", "head_start"):
            entry = TAKE_UP[declared.line]
            added = np.float32(levers["referral"] if number else 0.0)
            self.theta[entry] = min(self._set_take_up.get(entry, self.setting.theta[entry]) + added, np.float32(1.0))
        self._subsidise(part)
        for age in declared.ages:
            self._share_out(declared.line, age)

    def applied_for(self, part: str, year: int) -> float | None:
        """Places that a service applies for: children of the community who asked for one the year before.

        None where nobody was asked, or where no child of that year's ages is simulated; programs that hold seats apply
        for all that they can be given.
        """
        provider = self._provider_of(part)
        booked = None if provider is None else provider.book.get(year - 1)
        if provider is None or booked is None or booked.room == 0:
            return None
        ages = provider.offer.declared.ages
        here = self._ages_simulated(ages, year - 1)
        return booked.asked / self.setting.scale * len(ages) / here if here else None

    def _ages_simulated(self, ages: tuple[int, ...], year: int) -> int:
        """How many of some ages have a simulated birth year in a year."""
        return sum(year - cohort in ages for cohort in self.setting.cohorts)

    def pooled_children(self, part: str, year: int) -> float:
        """Seats or children of the community that pooled money paid for in a year."""
        provider = self._provider_of(part)
        if provider is None:
            return float(self._pooled_seats.get((part, year), 0))
        booked = provider.book.get(year)
        if booked is None:
            return 0.0
        return booked.children / self.setting.scale * booked.pooled / booked.places

    def _close_empty(self, age: int) -> None:
        """Close a share of the seats of centers where more stand empty than in their first year on record."""
        for site in self.sites:
            if site.line != "child_care" or (self.year, age) not in site.filled:
                continue
            seats = site.seats.get(age, 0)
            empty = seats - site.filled[self.year, age]
            usual = self._usual_empty.setdefault(site.number * 10 + age, empty)
            closing = int(self.setting.closing * max(empty - usual, 0))
            self._shut[site.number, age] = self._shut.get((site.number, age), 0) + closing
            site.set_seats(age, seats - closing)

    # --- the year ---

    @property
    def year(self) -> int:
        """Calendar year in whose fall the current school year begins."""
        return self.first_year + int(self.time) - 1

    def pool_of(self, site: Site) -> int:
        """The pool (program x area) that a site's seats belong to."""
        n_areas = len(self.setting.place.area_names)
        return PROGRAMS.index(site.line) * n_areas + site.number % n_areas

    def seats_by_pool(self, age: int) -> list[tuple[int, ...]]:
        """Seats for children of an age at the sites of every pool, in the order of ``pools``."""
        if age not in self._seats_now:
            self._seats_now[age] = [tuple(site.seats.get(age, 0) for site in sites) for sites in self.pools]
        return self._seats_now[age]

    def seats_moved(self, age: int) -> None:
        """Told by a site that opens or closes seats."""
        self._seats_now.pop(age, None)

    def pool_seats(self, age: int) -> Wholes:
        """Seats for children of an age by pool (program x area), int32."""
        return np.array([sum(seats) for seats in self.seats_by_pool(age)], np.int32)

    def site_values(self) -> Reals:
        """What a year at each site adds to skill, float32 (sites,)."""
        values = self.setting.values
        effects = {
            name: value_of_effect(values, program.effects.skill.parameter, program.effects.skill.less)
            for name, program in self.setting.programs.items()
        }
        hours = values["hours_effect"]
        return np.array([site.value(effects[site.program], hours) for site in self.sites], np.float32)

    def site_parents(self) -> Reals:
        """Gain of parents' earnings while a child is at each site, as a share, float32 (sites,); none at home."""
        return gain_of_hours([site.hours for site in self.sites], self.setting.values).astype(np.float32)

    def _count_rooms(self, age: int) -> Wholes:
        """Classrooms that each site's program has in its area as observed, int32 (sites,), at least one.

        The community's own number, whatever the number of simulated children, and fixed for the run: seats that open
        or close later do not move the other children between classrooms.
        """
        rooms = {}
        for line in PROGRAMS:
            total = sum(
                s for (name, _, at), s in self.community_seats.items() if (self.line_of(name), at) == (line, age)
            )
            parts = apportion(total, self._area_weights(line))
            size = self.setting.programs[line].class_size.value
            rooms[line] = [max(1, round(seats / size)) for seats in parts]
        n_areas = len(self.setting.place.area_names)
        return np.array([rooms[site.line][site.number % n_areas] for site in self.sites], np.int32)

    def kind_effects(self) -> Reals:
        """Long-run shift, non-test gain and shifts of the school events by kind of care, float32 (7, 4); zero at home.

        The events' shifts were measured for pre-K; other centers are taken as worth the same.
        """
        shifts = event_shifts(self.setting.values, self.setting.place)
        effects = np.zeros((2 + len(EVENTS), 4), np.float32)
        effects[2:, 1:] = np.array([shifts[event] for event in EVENTS])[:, None]
        for kind, name in enumerate(PROGRAMS, start=1):
            declared = self.setting.programs[name].effects
            for row, effect in enumerate((declared.long_run, declared.nontest)):
                effects[row, kind] = value_of_effect(self.setting.values, effect.parameter, effect.less)
        return effects

    def record_seats(self, age: int, seated: Wholes) -> None:
        """Book a year's seats for one age: ``seated`` int32 (sites,) children by site."""
        year = self.year
        for site, children in zip(self.sites, seated.tolist(), strict=True):
            site.seat(year, age, children)
        simulated = np.array([site.seats.get(age, 0) for site in self.sites], np.int32)
        of_streams = [each.reshape(len(self.setting.streams), -1).sum(axis=1).tolist() for each in (simulated, seated)]
        self._book.append((year, age, self._open_seats(), of_streams[0], of_streams[1]))
        if self.setting.closing > 0.0:
            self._close_empty(age)

    def seat_rows(self) -> list[dict[str, Any]]:
        """The book of seats: a row per year, program, stream and age, in community units and as simulated."""
        rows = []
        scale, n_areas = self.setting.scale, len(self.setting.place.area_names)
        costs = [site.seat_cost for site in self.sites[::n_areas]]
        for year, age, community, simulated, seated in self._book:
            for at, (program, stream) in enumerate(self.setting.streams):
                declared = self.setting.programs[program]
                if age not in declared.ages:
                    continue
                seats, filled = community[program, stream, age], seated[at]
                rows.append(
                    {
                        "year": year,
                        "program": program,
                        "stream": stream,
                        "age": age,
                        "seats": seats,
                        "seats_simulated": simulated[at],
                        "filled_simulated": filled,
                        "filled": filled / scale,
                        "payer": POOL if stream == POOL else declared.payer,
                        "dollars": seats * costs[at],
                        "for_children": filled / scale * costs[at] if seats else 0.0,
                    }
                )
        return [*rows, *self._service_rows(), *self._backbone_rows()]

    def _backbone_rows(self) -> list[dict[str, Any]]:
        """What the backbone itself costs, a row a year."""
        empty = {"age": 0, "seats": 0, "seats_simulated": 0, "filled_simulated": 0, "filled": 0.0}
        books = [] if self.backbone is None else self.backbone.settled()
        return [
            {
                "year": row["year"],
                "program": BACKBONE,
                "stream": POOL,
                **empty,
                "payer": POOL,
                "dollars": row["coordination"] / 100.0,
                "for_children": row["coordination"] / 100.0,
            }
            for row in books
            if row["coordination"] > 0
        ]

    def pool_rows(self) -> list[dict[str, Any]]:
        """The book of pooled money: a row a year and program, amounts in dollars of the pool's price year.

        Money of the year (``carried_in``, ``received``, ``coordination``, ``carried_out``) stands in every row of it.
        """
        if self.backbone is None:
            return []
        rows = []
        for row in self.backbone.settled():
            year = {name: row[name] / 100.0 for name in ("carried_in", "received", "coordination", "carried_out")}
            for part in self.backbone.open:
                rows.append(
                    {
                        "year": row["year"],
                        "allocation": row["allocation"],
                        "program": part,
                        "share": row["shares"][part],
                        "places": row["open"][part],
                        "spent": row["spent"][part] / 100.0,
                        **year,
                    }
                )
        return rows

    def _service_rows(self) -> list[dict[str, Any]]:
        """The book of services, a row a year: paid for the children served, whatever the places open."""
        rows = []
        for provider in self.providers:
            declared = provider.offer.declared
            if declared.take_up == EVERYBODY:
                continue
            for year, booked in provider.book.items():
                for stream, places in ((PLACES, booked.places - booked.pooled), (POOL, booked.pooled)):
                    if places == 0:
                        continue
                    children = booked.children * places / booked.places
                    cost = booked.cost
                    if stream == POOL and self.backbone is not None:
                        cost = self.backbone.purse.unit_cost(declared.name)
                    dollars = children / self.setting.scale * cost
                    rows.append(
                        {
                            "year": year,
                            "program": declared.name,
                            "stream": stream,
                            "age": declared.ages[0],
                            "seats": places,
                            "seats_simulated": booked.room * places / booked.places,
                            "filled_simulated": children,
                            "filled": children / self.setting.scale,
                            "payer": POOL if stream == POOL else declared.payer,
                            "dollars": dollars,
                            "for_children": dollars,
                        }
                    )
        return rows

    def room_of(self, provider: Provider, year: int) -> int:
        """A service's places in a year, in simulated children.

        Of the ages that it takes in, those whose birth years are not simulated keep their share of the places.
        """
        ages = provider.offer.declared.ages
        here = self._ages_simulated(ages, year)
        return int(provider.places(year) * self.setting.scale * here / len(ages) + 1e-9)

    @property
    def service_bits(self) -> np.int32:
        """Bits of ``SERVED`` that are of services, and not of what befalls everybody."""
        offers = (provider.offer for provider in self.providers)
        return np.int32(sum(1 << offer.bit for offer in offers if offer.declared.take_up != EVERYBODY))

    def school_line(self, provider: Provider) -> Words:
        """Lottery numbers of the schools for a service, the same every year: uint64 (schools,)."""
        world, when = self.setting.world, provider.offer.when(0)
        decision = int(Decision.SERVICE_LOTTERY)
        numbers = (
            kernels.lottery_number(number, 0, decision, when, world[0], world[1])
            for number in range(int(self.schools.sum()))
        )
        return np.array(list(numbers), np.uint64)

    def count_pupils(self, school: int, cohort: int) -> int:
        """Children of a birth year in a school; the engines know."""
        raise NotImplementedError

    def columns(self) -> Children:
        """The children as columns, in the order they were given."""
        raise NotImplementedError
