"""Services: support that takes in so many children a year, chosen among those for whom it is meant.

What both engines share: a service made ready for one draw, and its provider, a Mesa agent that opens and closes places.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import mesa
import numpy as np

from cradlecast.model import kernels as rules
from cradlecast.model.children import Reals
from cradlecast.model.college import finishing
from cradlecast.model.kernels import Real, Theta, Whole
from cradlecast.model.place import Floats, Place
from cradlecast.model.theta import chain, index_variance, odds_of_percent, steeper
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.service import EVERYBODY, Need, Service, places_open

YEAR_BITS: Final = 12
"""Bits of the year in the counter of a service's chance events; its own number stands above them."""

MOST: Final = 31
"""Services that one setting may have: one bit each in ``SERVED``."""

HELP: Final = {
    "skill": Real.HELP_SKILL,
    "chronic_absence": Real.HELP_ABSENCE,
    "suspension": Real.HELP_SUSPENSION,
    "arrest": Real.HELP_ARREST,
    "development": Real.HELP_DEVELOPMENT,
    "graduation": Real.HELP_GRADUATION,
    "enrolment": Real.HELP_ENROLMENT,
    "completion": Real.HELP_COMPLETION,
    "caesarean": Real.HELP_CAESAREAN,
}
"""Where a child keeps what a service gives, by channel."""

FOR_THE_YEAR: Final = (Real.HELP_SKILL, Real.HELP_ABSENCE, Real.HELP_SUSPENSION, Real.HELP_ARREST)
"""What holds for the year of service; all else holds for good."""

NEEDS: Final[Mapping[Need, tuple[Whole, int, int | None]]] = {
    "graduates": (Whole.REACHED, rules.GRADUATE, None),
    "enrolled": (Whole.REACHED, rules.ENROLLED, None),
    "two_year_students": (Whole.SECTOR, 0, rules.TWO_YEAR),
    "absent_last_year": (Whole.NOW, 0, None),
    "suspended_last_year": (Whole.NOW, 1, None),
    "arrested_last_year": (Whole.NOW, 2, None),
}
"""Where a need is read, before the year begins: a column, and the bit that is set or the value that it has."""

_SMALL: Final = 1e-3
_LOGISTIC_SD: Final = np.pi / np.sqrt(3.0)


@dataclass(frozen=True)
class Offer:
    """A service as it stands in one draw.

    Attributes
    ----------
    declared
        Its file.
    bit
        Its bit in ``SERVED``.
    take_up
        Share of those offered who take part.
    limit
        Standardised income below which a child is eligible; infinite without a limit.
    gifts
        Column to what a child served is given there: sd, shifts of log-odds, or a relative change.
    to_trait
        What is added to the trait, sd, by way of birth weight; and to birth weight itself, kg.
    """

    declared: Service
    bit: int
    take_up: np.float32
    limit: np.float32
    gifts: Mapping[Real, np.float32]
    to_trait: np.float32
    to_weight: np.float32

    def when(self, year: int) -> int:
        """The fourth word of the counter of its chance events in a year; 0 for those that hold for life."""
        return year | number_of(self.declared.name) << YEAR_BITS


def number_of(name: str) -> int:
    """A service's own number in the counter, by its name alone."""
    return zlib.crc32(name.encode()) & (1 << 32 - YEAR_BITS) - 1


def offers_of(
    services: Sequence[Service], values: Mapping[str, float], place: Place, theta: Reals
) -> tuple[Offer, ...]:
    """Services made ready for a draw.

    Raises
    ------
    InputError
        If there are more than a setting can have, or two whose chance events would be the same.
    """
    if len(services) > MOST:
        raise InputError(f"a scenario may have at most {MOST} services; got {len(services)}")
    numbers: dict[int, str] = {}
    for service in services:
        other = numbers.setdefault(number_of(service.name), service.name)
        if other != service.name:
            raise InputError(f"services '{other}' and '{service.name}' would share their luck; rename one of them")
    return tuple(_offer(service, bit, values, place, theta) for bit, service in enumerate(services))


def _offer(service: Service, bit: int, values: Mapping[str, float], place: Place, theta: Reals) -> Offer:
    """One service made ready."""
    effects = {effect.channel: values[effect.parameter] for effect in service.effects}
    weight = effects.pop("birth_weight", 0.0)
    limit = service.max_income_to_poverty
    return Offer(
        declared=service,
        bit=bit,
        take_up=np.float32(1.0 if service.take_up == EVERYBODY else values[service.take_up]),
        limit=np.float32(np.inf if limit is None else place.income_at(limit)),
        gifts={
            HELP[channel]: np.float32(_gift(channel, effect, service.needs, place, theta))
            for channel, effect in effects.items()
        },
        to_trait=np.float32(weight * theta[Theta.BIRTH_WEIGHT_LOAD]),
        to_weight=np.float32(weight * theta[Theta.BIRTH_WEIGHT_SD]),
    )


def _gift(channel: str, effect: float, needs: Sequence[Need], place: Place, theta: Reals) -> float:
    """An effect as the rules take it.

    Effects on chances come as sd of the outcome (of a logistic latent), percent of its rate (as a shift of the odds of
    a rare event) or points of the children served, by the slope of the logistic at the rate of those at risk.
    """
    if channel in ("skill", "development"):
        return effect
    if channel == "caesarean":
        return float(np.expm1(effect))
    if channel == "chronic_absence":
        return float(effect * _LOGISTIC_SD)
    if channel in ("suspension", "arrest"):
        return odds_of_percent(effect)
    return _shift_of_points(channel, effect / 100.0, needs, place, theta)


def _shift_of_points(step: str, points: float, needs: Sequence[Need], place: Place, theta: Reals) -> float:
    """A shift of a step's log-odds that moves so large a share of all children served, at risk of the step or not."""
    graduate, enrol, complete, _ = chain(place)
    rate = {"graduation": graduate, "enrolment": enrol, "completion": complete}[step]
    student = bool({"enrolled", "two_year_students"} & set(needs))
    graduated = student or "graduates" in needs
    at_risk = 1.0
    if step in ("enrolment", "completion") and not graduated:
        at_risk *= graduate
    if step == "completion" and not student:
        at_risk *= enrol
    spread = steeper(index_variance(theta.astype(np.float64), step.upper()))
    if step == "completion":
        four = place.community.stages["four_year"].all.value
        again, further = float(theta[Theta.COLLEGE_RETURN]), float(theta[Theta.FOUR_YEAR_STEP])
        slope = _slope_of_completion(rate, four, "two_year_students" in needs, again, further)
    else:
        slope = rate * (1.0 - rate)
    return points / at_risk / slope * spread


@lru_cache(maxsize=64)
def _slope_of_completion(rate: float, four: float, two_year: bool, again: float, step: float) -> float:
    """Change of the share that completes by 26 for a small change of the log-odds, of two-year students or of all.

    The log-odds are those of getting through all years one after another; who stops out may come back, so that the
    share moves otherwise than a logistic would. Every service, arm and world of a draw asks for the same.

    Parameters
    ----------
    rate, four
        Share of students who complete, and of students in four-year colleges.
    two_year
        Whether of two-year students alone.
    again, step
        ``COLLEGE_RETURN`` and ``FOUR_YEAR_STEP``.
    """
    shares = np.array([1.0 - four, four])

    def completing(odds: float) -> Floats:
        return finishing(np.array([odds, odds + step]), np.array([0, 1]), again)

    from scipy.optimize import brentq  # here, because it would double the time that this module takes to import

    odds = float(brentq(lambda each: float(shares @ completing(each)) - rate, -20.0, 20.0))
    of = np.array([1.0, 0.0]) if two_year else shares
    return float(of @ (completing(odds + _SMALL) - completing(odds - _SMALL)) / (2.0 * _SMALL))


@dataclass(frozen=True)
class Served:
    """A year of a service, in children of the community unless told.

    Attributes
    ----------
    places, pooled
        Places open, and those of them that pooled money pays for.
    room, asked, children
        Simulated children that the places hold, those who asked for one, and those taken in.
    cost
        Dollars a child, of those that pooled money does not pay for.
    """

    places: int
    pooled: int
    room: int
    asked: int
    children: int
    cost: float


class Provider(mesa.Agent):
    """Who runs a service in a community: opens and closes places, takes children in, and keeps the book.

    Attributes
    ----------
    offer
        The service as it stands in this draw.
    grants
        First year and places a year of everything that pays for it now, in children of the community.
    quality, take_up, cost
        What multiplies every effect, who takes part, and dollars a child, now.
    pooled
        Places that pooled money pays for now.
    growth, referral
        What cycles of coaching have made of every effect, and what referrals add to take-up.
    order, known, areas
        Who comes first; share of children below the poverty line whose need is known, so that they come before all
        others; and shares of the places by area, where they are kept apart.
    book
        Year to what happened in it.
    """

    def __init__(self, model: mesa.Model, offer: Offer) -> None:
        super().__init__(model)
        self.offer = offer
        self.grants: list[tuple[int, int]] = []
        self.pooled = 0
        self.growth, self.referral = 1.0, np.float32(0.0)
        self.order = offer.declared.order
        self.known = np.float32(0.0)
        self.areas: Floats | None = None
        self.restore()
        self.book: dict[int, Served] = {}

    def restore(self) -> None:
        """Let no lever act: quality, take-up and cost as declared and drawn."""
        self.quality, self.take_up, self.cost = 1.0, self.offer.take_up, self.offer.declared.cost.value

    def move(self, quality: float | None, take_up: float | None, cost: float | None) -> None:
        """Let levers act; None leaves a number as it is."""
        self.quality = self.quality if quality is None else quality
        self.take_up = self.take_up if take_up is None else np.float32(take_up)
        self.cost = self.cost if cost is None else cost

    @property
    def strength(self) -> np.float32:
        """What multiplies every effect now."""
        return np.float32(self.quality * self.growth)

    @property
    def reach(self) -> np.float32:
        """Share of those offered who take part now."""
        return min(self.take_up + self.referral, np.float32(1.0))

    def places(self, year: int) -> int:
        """Places open in a year, in children of the community."""
        return places_open(self.offer.declared, self.grants, year) + self.pooled

    def gifts(self) -> dict[Real, np.float32]:
        """What a child taken in now is given, at the quality of now."""
        return {column: np.float32(amount * self.strength) for column, amount in self.offer.gifts.items()}

    def take_in(self, year: int, room: int, asked: int, children: int) -> None:
        """Book a year in which places are open: simulated children that they hold, who asked, and who were taken in."""
        if places := self.places(year):
            self.book[year] = Served(places, self.pooled, room, asked, children, self.cost)
