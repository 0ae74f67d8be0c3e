"""Pooled money, who allots it by which rule, and what may befall a community: declarations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from pydantic import Field, model_validator

from cradlecast.scenarios.community import MILESTONES
from cradlecast.scenarios.fields import Name, NonNegative, Record, Share, Text, Year
from cradlecast.scenarios.parameters import Parameter
from cradlecast.scenarios.service import ServiceEffect

POOL: Final = "pool"
"""Stream of seats and places that pooled money pays for."""

type Allocation = Literal[
    "status_quo",
    "equal_share",
    "need_weighted",
    "place_based",
    "gap_closing",
    "cost_effectiveness",
    "collaborative_improvement",
]
"""Rules by which a backbone divides pooled money, all under the same budget."""

ALLOCATIONS: Final[dict[str, str]] = {
    "status_quo": "as it is divided today, by the shares of the file",
    "equal_share": "the same money for every program",
    "need_weighted": "programs as today, areas by their children below the poverty line",
    "place_based": "programs as today, all of it in the areas named, or in the one with the most poverty",
    "gap_closing": "programs by the gap between children below and above the poverty line in the outcome that each is "
    "for, as measured last year; the lowest incomes first",
    "cost_effectiveness": "programs by what the evidence expects a dollar to do for the outcome that each is for",
    "collaborative_improvement": "as today at first; every year money moves to the programs whose measured results of "
    "last year were better for a dollar, with the noise of small samples",
}
"""Each rule in words."""

CIVIC_LEVERS: Final[dict[str, tuple[float, str, str]]] = {
    "money_won": (0.0, "times the grants", "money that is won beside the grants"),
    "continuity": (0.0, "share of a grant", "what is kept going when a grant ends"),
    "staff_time": (0.0, "share", "staff time that is freed from fundraising, so that a dollar serves more children"),
    "data_sharing": (
        0.0,
        "share of children",
        "children whose need is known beforehand, so that they are offered a place first; results are measured on more",
    ),
    "referral": (0.0, "share", "added to the share of those offered who take part"),
    "improvement": (0.0, "a year", "growth of every effect by cycles of coaching, up to twice"),
    "coordination": (0.0, "share of the money", "what the backbone itself costs"),
    "backbones": (1.0, "backbones", "backbones that work on the same issue"),
    "alignment": (0.0, "share of the money", "what every backbone beyond the first costs in double work"),
    "hiring": (1.0, "share a year", "most by which places may grow in a year, against those that there are"),
    "closing": (0.0, "share", "seats of a center that close a year later where more stand empty than used to"),
    "pace": (0.5, "a year", "how fast money follows measured results, under collaborative improvement"),
}
"""Levers of civic infrastructure: neutral value, unit, and what each does.

None has a causal estimate of its own: each only lets a user say what would follow. All but ``pace`` do nothing by
default.
"""

LEVER_BOUNDS: Final[dict[str, tuple[float, float]]] = {
    "money_won": (0.0, 10.0),
    "continuity": (0.0, 1.0),
    "staff_time": (0.0, 1.0),
    "data_sharing": (0.0, 1.0),
    "referral": (0.0, 1.0),
    "improvement": (0.0, 1.0),
    "coordination": (0.0, 1.0),
    "backbones": (1.0, 20.0),
    "alignment": (0.0, 1.0),
    "hiring": (0.0, 1.0),
    "closing": (0.0, 1.0),
    "pace": (0.0, 5.0),
    "shock": (0.0, 1.0),
}
"""Least and most that a lever of civic infrastructure, or of a shock's share, may mean anything at."""


OUTCOMES: Final = (*MILESTONES, "on_track_at_3", "chronic_absence", "suspension", "arrest")
"""Outcomes that a convener may watch."""


class Grant(Record):
    """Money of one funder that goes into the pool every year of a span, and then ENDS."""

    name: Name
    funder: Text = Field(description="A payer of the prices of the community.")
    dollars: NonNegative = Field(description="A year.")
    first_year: Year
    last_year: Year | None = Field(None, description="Last school year that it pays for; null means for good.")

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Grant:
        if self.last_year is not None and self.last_year < self.first_year:
            raise ValueError(f"last_year ({self.last_year}) must not lie before first_year ({self.first_year})")
        return self


class Part(Record):
    """A program that pooled money may buy, and the outcome that its convener watches."""

    program: Text = Field(description="A program that holds seats, or a service: a name, or the path of its file.")
    share: Share = Field(description="Share of the money that goes there today.")
    outcome: Literal[OUTCOMES]  # type: ignore[valid-type]


class Pool(Record):
    """Pooled money for several programs, and the rule by which it is divided every year."""

    title: Text
    price_year: Year = Field(description="Year of the dollars; programs' costs are brought to it.")
    grants: tuple[Grant, ...] = Field(min_length=1)
    parts: tuple[Part, ...] = Field(min_length=1)
    allocation: Allocation = "status_quo"
    last_year: Year | None = Field(
        None, description="Last school year that is followed, for what comes after the grants; else their last one."
    )
    areas: tuple[Name, ...] = Field((), description="Areas of place-based money; the poorest one if empty.")
    in_baseline: bool = Field(
        True, description="True if the baseline has the same money, divided as today and with every lever at rest."
    )

    @model_validator(mode="after")
    def _adds_up(self) -> Pool:
        total = sum(part.share for part in self.parts)
        if abs(total - 1.0) > 0.005:
            raise ValueError(f"shares of the parts must add up to 1; got {total:g}")
        for names in ([part.program for part in self.parts], [grant.name for grant in self.grants]):
            if len(set(names)) < len(names):
                raise ValueError("a part or a grant is there twice")
        first = min(grant.first_year for grant in self.grants)
        if self.last_year is not None and self.last_year < first:
            raise ValueError(f"last_year ({self.last_year}) must not lie before the first grant ({first})")
        return self

    def named(self, names: Sequence[str]) -> Pool:
        """The same pool with its parts under the names of the programs and services that they buy, in their order."""
        pairs = zip(self.parts, names, strict=True)
        parts = tuple(part.model_copy(update={"program": name}) for part, name in pairs)
        return self.model_copy(update={"parts": parts})


def pool_years(pool: Pool) -> tuple[int, ...]:
    """School years in which a pool's money is divided."""
    first = min(grant.first_year for grant in pool.grants)
    ends = [first + 2 if grant.last_year is None else grant.last_year for grant in pool.grants]
    return tuple(range(first, max(ends if pool.last_year is None else [pool.last_year]) + 1))


class Shock(Record):
    """Something that befalls a community, in both arms unless told: children, centers, or a payer's budget."""

    name: Name
    title: Text
    kind: Literal["children", "closing", "recession"]
    first_year: Year
    last_year: Year
    in_baseline: bool = Field(True, description="True if it befalls the baseline as well.")
    ages: tuple[int, ...] = Field((), description="Kind children: ages in the fall of those whom it reaches.")
    effects: tuple[ServiceEffect, ...] = Field((), description="Kind children: what it does to them.")
    parameters: dict[Name, Parameter] = Field(
        default_factory=dict, description="Kind children: parameters of its own, beside the shipped ones."
    )
    program: Name | None = Field(None, description="Kind closing: program whose seats close.")
    share: Share | Literal["shock"] | None = Field(
        None, description="Kind closing: share of the seats; kind recession: share of the money; or the lever's number."
    )
    payer: Text | None = Field(None, description="Kind recession: payer of seats and funder of grants.")

    @model_validator(mode="after")
    def _is_one_kind(self) -> Shock:
        wants = {"children": ("ages", "effects"), "closing": ("program", "share"), "recession": ("payer", "share")}
        for name in ("ages", "effects", "program", "share", "payer"):
            given = getattr(self, name) not in (None, ())
            if given != (name in wants[self.kind]):
                raise ValueError(f"a shock of kind {self.kind} has {' and '.join(wants[self.kind])}; not: {name}")
        if self.last_year < self.first_year:
            raise ValueError(f"last_year ({self.last_year}) must not lie before first_year ({self.first_year})")
        return self
