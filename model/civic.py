"""Institutions that allot money: funders whose grants end, conveners that read results, and the backbone.

They are Mesa agents that both engines share. Whatever they decide on is counted in whole numbers from the children's
columns, so that the order of rows changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import mesa
import numpy as np

from cradlecast.model import kernels
from cradlecast.model.children import Bools, Children
from cradlecast.model.kernels import Decision, Whole
from cradlecast.model.place import Floats
from cradlecast.scenarios.civic import Allocation, Grant, Pool
from cradlecast.scenarios.community import EVENTS, MILESTONES
from cradlecast.scenarios.ramp import Ramp, share_open

BACKBONE: Final = "backbone"
"""Where the book of seats has what the backbone itself costs."""

MILESTONE_AGES: Final = (
    kernels.ENTRY_AGES[1],
    kernels.GRADE3_AGE,
    kernels.GRADE8_AGE,
    kernels.GRADUATION_AGE,
    kernels.ENROLMENT_AGE,
    kernels.COMPLETION_AGE,
    kernels.EMPLOYMENT_AGE,
)
"""Age in the fall of the year at whose end each milestone is settled."""

MOST_QUALITY: Final = 2.0
"""Most that cycles of coaching can make of an effect."""

FOLLOWED: Final = 0.2
"""Share of children whose results are measured without shared data: assumed."""

LEAST_SHARE: Final = 0.02
"""Share of the money below which no program falls under collaborative improvement, so that it can be measured."""


class Community(Protocol):
    """What institutions see of the town: its year, its children, and the doors through which seats and places open."""

    setting: Any
    year: int

    def columns(self) -> Children:
        """The children as columns."""
        ...

    def poor_by_area(self) -> Floats:
        """Shares of the children below the poverty line by area, float64 (areas,)."""
        ...

    def poverty_by_area(self) -> Floats:
        """Share of each area's children who live below the poverty line, float64 (areas,)."""
        ...

    def ramp_of(self, part: str) -> Ramp:
        """How new seats or places of a program open."""
        ...

    def seats_standing(self, part: str) -> int:
        """Seats or places of a program without those of pooled money."""
        ...

    def open_pooled(self, part: str, number: int, quality: float, areas: Floats | None, purse: Purse) -> None:
        """Open so many seats or places of pooled money, in place of those of last year."""
        ...

    def applied_for(self, part: str, year: int) -> float | None:
        """Places that a program applies for, in children of the community; None where it sets no limit."""
        ...

    def pooled_children(self, part: str, year: int) -> float:
        """Seats or children of the community that pooled money paid for in a year."""
        ...


@dataclass(frozen=True)
class Cut:
    """A payer's budget is short by a share in some years."""

    payer: str
    first_year: int
    last_year: int
    share: float


@dataclass(frozen=True)
class Purse:
    """Pooled money of one arm, with everything settled.

    Attributes
    ----------
    pool
        Its declaration.
    years
        School years in which the backbone decides, in order.
    allocation
        The rule of this arm.
    levers
        Levers of civic infrastructure by name.
    costs
        Part to dollars a seat or child, of the pool's price year.
    expected
        Part to the points that evidence expects a child served to gain in the part's outcome, by the parameters' means.
    true
        The same in this draw.
    cuts
        Shortfalls of funders.
    """

    pool: Pool
    years: tuple[int, ...]
    allocation: Allocation
    levers: Mapping[str, float]
    costs: Mapping[str, float]
    expected: Mapping[str, float]
    true: Mapping[str, float]
    cuts: tuple[Cut, ...] = ()

    def unit_cost(self, part: str) -> float:
        """Dollars a seat or child: staff that raises no funds serves more children for the same money."""
        return self.costs[part] / (1.0 + self.levers["staff_time"])


class Funder(mesa.Agent):
    """Gives a grant to the pool every year, until it ends."""

    def __init__(self, model: mesa.Model, grant: Grant, continuity: float, cuts: tuple[Cut, ...]) -> None:
        super().__init__(model)
        self.grant, self.continuity = grant, continuity
        self.cuts = tuple(cut for cut in cuts if cut.payer == grant.funder)

    def pays(self, year: int) -> int:
        """Cents that it gives in a year: the grant, what is kept of it after its end, less what its budget lacks."""
        if year < self.grant.first_year:
            return 0
        over = self.grant.last_year is not None and year > self.grant.last_year
        kept = self.continuity if over else 1.0
        for cut in self.cuts:
            if cut.first_year <= year <= cut.last_year:
                kept *= 1.0 - cut.share
        return round(100.0 * self.grant.dollars * kept)


class Convener(mesa.Agent):
    """Watches one outcome: the gap between children below and above the poverty line, and results of a program."""

    def __init__(self, model: mesa.Model, part: str, number: int, outcome: str) -> None:
        super().__init__(model)
        self.part, self.number, self.outcome = part, number, outcome

    def gap(self, children: Children, year: int) -> float:
        """Points between children below and above the poverty line at the end of a year; 0 if nobody was measured."""
        reached, measured = self._measured(children, year)
        poor = children.whole(Whole.CELL) % 2 == 1
        shares = [_share(reached & measured & side, measured & side) for side in (poor, ~poor)]
        return 0.0 if None in shares else abs(100.0 * (shares[1] - shares[0]))  # type: ignore[operator]

    def _measured(self, children: Children, year: int) -> tuple[Bools, Bools]:
        """Who reached the outcome, and who was measured at the end of a year."""
        ages = year - children.birth_years().astype(np.int64)
        if self.outcome in MILESTONES:
            number = MILESTONES.index(self.outcome)
            return children.reached(number), np.asarray(ages == MILESTONE_AGES[number])
        if self.outcome == "on_track_at_3":
            return children.whole(Whole.ON_TRACK) == 1, np.asarray(ages == kernels.INFANT_AGES[-1])
        event = EVENTS.index(self.outcome)
        first, last = kernels.EVENT_FIRST_AGES[event], kernels.EVENT_LAST_AGES[event]
        if event < kernels.FIRST_ONCE:
            happened = (children.whole(Whole.NOW) >> event) & 1 == 1
        else:
            happened = children.whole(Whole(Whole.ABSENT_YEARS + event)) == ages
        return happened, np.asarray((first <= ages) & (ages <= last))

    def result(self, year: int, true: float, served: float, data_sharing: float) -> float:
        """What it measures of last year's results, in points: the truth of the draw and the luck of its sample.

        Parameters
        ----------
        year
            Year that was measured.
        true
            Points that a child served gained.
        served
            Children of the community who were served.
        data_sharing
            Share of children whose results shared data add to those that are followed anyway.
        """
        n = served * (FOLLOWED + (1.0 - FOLLOWED) * data_sharing)
        if n < 2.0:
            return 0.0
        world = self.model.setting.world
        luck = float(kernels.normal(self.number, 0, int(Decision.CONVENER), year, int(world[0]), int(world[1])))
        return float(true + 50.0 * np.sqrt(2.0 / n) * luck)  # 50 points: sd of a share near one half


class Backbone(mesa.Agent):
    """Divides pooled money every year, by its rule and last year's data, and keeps the books of it in whole cents."""

    def __init__(self, model: mesa.Model, purse: Purse) -> None:
        super().__init__(model)
        self.purse = purse
        self.town: Community = model
        continuity = purse.levers["continuity"]
        self.funders = [Funder(model, grant, continuity, purse.cuts) for grant in purse.pool.grants]
        self.conveners = [
            Convener(model, part.program, number, part.outcome) for number, part in enumerate(purse.pool.parts)
        ]
        self.shares = {part.program: part.share for part in purse.pool.parts}
        self.open = dict.fromkeys(self.shares, 0)
        self.quality = 1.0
        self.carried = 0
        self.book: list[dict[str, Any]] = []
        self._to_settle: int | None = None

    # --- the year's decision ---

    def decide(self) -> None:
        """Settle last year, take in this year's money, and open what it pays for (a Mesa event)."""
        year, levers = self.town.year + 1, self.purse.levers
        self.settle()
        received = sum(funder.pays(year) for funder in self.funders)
        received += round(received * levers["money_won"])
        overhead = levers["coordination"] + levers["alignment"] * max(levers["backbones"] - 1.0, 0.0)
        coordination = min(round(received * overhead), received)
        available = self.carried + received - coordination
        if year > self.purse.years[0]:
            self.quality = min(self.quality * (1.0 + levers["improvement"]), MOST_QUALITY)
        shares, areas = self.divide(year)
        spent = 0
        for part, share in shares.items():
            unit = self.purse.unit_cost(part)
            wanted = int(available * share / 100.0 / unit)
            applied = self.town.applied_for(part, year)
            wanted = wanted if applied is None else min(wanted, int(applied))
            self.open[part] = self._hire(part, wanted, int((available - spent) / 100.0 / unit))
            spent += self._fund(part, self.open[part], areas)
        self.book.append(
            {
                "year": year,
                "allocation": self.purse.allocation,
                "carried_in": self.carried,
                "received": received,
                "coordination": coordination,
                "shares": shares,
                "open": dict(self.open),
                "available": available,
            }
        )
        self._to_settle = year

    def _hire(self, part: str, wanted: int, affordable: int) -> int:
        """Seats or places that open: growth is held by hiring, shrinking is not."""
        before, ramp = self.open[part], self.town.ramp_of(part)
        if wanted <= before:
            return min(wanted, affordable)
        grown = before + int((wanted - before) * share_open(ramp, 0)) if ramp else wanted
        most = self.purse.levers["hiring"]
        if most < 1.0:
            base = before or self.town.seats_standing(part)
            grown = min(grown, before + int(most * base)) if base else grown
        return min(grown, affordable)

    def _fund(self, part: str, number: int, areas: Floats | None) -> int:
        """Open seats or places; returns the cents that they may cost."""
        self.town.open_pooled(part, number, self.quality, areas, self.purse)
        return round(100.0 * number * self.purse.unit_cost(part))

    def close(self) -> None:
        """Settle the last year and close what was open (a Mesa event)."""
        self.settle()
        for part in self.open:
            self.open[part] = 0
            self.town.open_pooled(part, 0, 1.0, None, self.purse)

    def settle(self) -> None:
        """Book what the year that was decided on has really cost; what is left is carried over."""
        if self._to_settle is None:
            return
        row, year = self.book[-1], self._to_settle
        spent = {
            part: round(100.0 * self.town.pooled_children(part, year) * self.purse.unit_cost(part))
            for part in self.open
        }
        left = row["available"] - sum(spent.values())
        if left < 0:
            raise ArithmeticError(f"the pool spent {-left} cents more than it had in {year}")
        self.book[-1] |= {"spent": spent, "carried_out": left}
        self.carried, self._to_settle = left, None

    def settled(self) -> list[dict[str, Any]]:
        """The book of the years that have been lived, in cents."""
        if self._to_settle is not None and self._to_settle <= self.town.year:
            self.settle()
        return [row for row in self.book if "carried_out" in row]

    # --- dividing ---

    def divide(self, year: int) -> tuple[dict[str, float], Floats | None]:
        """Share of the money by part, and by area where the rule says so."""
        parts = self.purse.pool.parts
        today = {part.program: part.share for part in parts}
        rule = self.purse.allocation
        if rule == "equal_share":
            return {name: 1.0 / len(parts) for name in today}, None
        if rule == "need_weighted":
            return today, self.town.poor_by_area()
        if rule == "place_based":
            return today, self._where()
        if rule == "gap_closing":
            return self._by_gaps(today, year), None
        if rule == "cost_effectiveness":
            worth = {name: max(self.purse.expected[name], 0.0) / self.purse.unit_cost(name) for name in today}
            return _normalised(worth, {name: 1.0 for name in today}), None
        if rule == "collaborative_improvement":
            self._move_money(year)
            return dict(self.shares), None
        return today, None

    def _where(self) -> Floats:
        """All of the money in the areas named, by their children below the poverty line, or in the poorest area."""
        names = self.town.setting.place.area_names
        poor = self.town.poor_by_area()
        chosen = self.purse.pool.areas or (names[int(np.argmax(self.town.poverty_by_area()))],)
        named = np.array([name in chosen for name in names])
        kept = np.where(named, poor, 0.0)
        return np.asarray(kept / kept.sum()) if kept.any() else named / named.sum()

    def _by_gaps(self, today: Mapping[str, float], year: int) -> dict[str, float]:
        """Today's shares times last year's gaps; as today while nothing has been measured."""
        children = self.town.columns()
        gaps = {one.part: one.gap(children, year - 1) for one in self.conveners}
        return _normalised({name: share * gaps[name] for name, share in today.items()}, today)

    def _move_money(self, year: int) -> None:
        """Move money to the programs whose measured results of last year were better for a dollar."""
        if year == self.purse.years[0]:
            return
        sharing, pace = self.purse.levers["data_sharing"], self.purse.levers["pace"]
        found = np.array(
            [
                one.result(
                    year - 1,
                    self.purse.true[one.part] * self.quality,
                    self.town.pooled_children(one.part, year - 1),
                    sharing,
                )
                / self.purse.unit_cost(one.part)
                for one in self.conveners
            ]
        )
        spread = found.std()
        if not spread > 0.0:
            return
        moved = np.array(list(self.shares.values())) * np.exp(pace * (found - found.mean()) / spread)
        moved = np.maximum(moved / moved.sum(), LEAST_SHARE)
        self.shares = dict(zip(self.shares, (moved / moved.sum()).tolist(), strict=True))


def _share(part: Bools, whole: Bools) -> float | None:
    """One count over another, or None where there is nobody."""
    n = int(np.count_nonzero(whole))
    return int(np.count_nonzero(part)) / n if n else None


def _normalised(weights: Mapping[str, float], otherwise: Mapping[str, float]) -> dict[str, float]:
    """Weights that add up to 1, or others where all are zero."""
    used = weights if sum(weights.values()) > 0.0 else otherwise
    total = sum(used.values())
    return {name: weight / total for name, weight in used.items()}
