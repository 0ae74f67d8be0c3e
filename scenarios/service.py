"""A service: support that children get beside care and school, what it does, what it costs, and who pays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from pydantic import Field, model_validator

from cradlecast.scenarios.fields import Figure, Name, NonNegative, PositiveFigure, Record, ShareFigure, Text
from cradlecast.scenarios.parameters import Parameter
from cradlecast.scenarios.ramp import check_ramp, share_open

type Channel = Literal[
    "skill",
    "development",
    "birth_weight",
    "caesarean",
    "chronic_absence",
    "suspension",
    "arrest",
    "graduation",
    "enrolment",
    "completion",
]
"""What a service may act on."""

CHANNELS: Final[Mapping[str, str]] = {
    "skill": "sd",
    "development": "sd",
    "birth_weight": "sd",
    "caesarean": "log ratio",
    "chronic_absence": "sd",
    "suspension": "percent",
    "arrest": "percent",
    "graduation": "percentage_points",
    "enrolment": "percentage_points",
    "completion": "percentage_points",
}
"""Each channel and the unit of its effect, among the children served."""

WORSE: Final = ("caesarean", "chronic_absence", "suspension", "arrest")
"""Channels of which less is better for children."""

CHANNEL_AGES: Final[Mapping[str, tuple[int, int]]] = {
    "skill": (3, 17),
    "development": (0, 2),
    "birth_weight": (0, 0),
    "caesarean": (0, 0),
    "chronic_absence": (5, 17),
    "suspension": (5, 17),
    "arrest": (10, 17),
    "graduation": (0, 17),
    "enrolment": (0, 18),
    "completion": (0, 25),
}
"""Ages in the fall at which a service can still act on a channel."""

type Need = Literal[
    "graduates", "enrolled", "two_year_students", "absent_last_year", "suspended_last_year", "arrested_last_year"
]
"""What must hold of a child for a service to take it in."""

NEED_AGES: Final[Mapping[str, tuple[int, int]]] = {
    "graduates": (18, 29),
    "enrolled": (19, 29),
    "two_year_students": (19, 25),
    "absent_last_year": (6, 18),
    "suspended_last_year": (6, 18),
    "arrested_last_year": (11, 18),
}
"""Ages in the fall at which a need can hold."""

type Order = Literal["lottery", "schools", "lowest_incomes", "lowest_scores"]
"""Who comes first where places are short."""

LAST_AGE: Final = 29

EVERYBODY: Final = "everybody"
"""Take-up of what befalls all children: no parameter."""

PLACES: Final = "places"
"""What stands for a stream of money where a service's places are listed among seats."""


class ServiceEffect(Record):
    """What a service does to one channel, among the children served, against what is usual."""

    channel: Channel
    parameter: Name


class NotCarried(Record):
    """An outcome that was measured and that the model does not have."""

    outcome: Text
    estimates: tuple[str, ...] = Field(
        (), description="Ids of rows in the evidence files, of any role: they set nothing."
    )
    note: Text


class Service(Record):
    """Support that takes in so many children a year: home visits, coaching, tutoring, advising and the like."""

    schema_: str = Field(alias="schema")
    name: Name
    title: Text
    description: Text
    ages: tuple[int, ...] = Field(min_length=1, description="Ages in the fall at which a child may be taken in.")
    max_income_to_poverty: NonNegative | None = Field(None, description="Eligible below this income-to-poverty ratio.")
    needs: tuple[Need, ...] = Field((), description="What must hold of a child besides; all of them.")
    order: Order = Field("lottery", description="Who comes first where places are short.")
    again: bool = Field(False, description="True if a child may be taken in again in a later year.")
    parameters: dict[Name, Parameter] = Field(
        default_factory=dict, description="Parameters of its own, beside the shipped ones."
    )
    take_up: Name = Field(description="Parameter: share of those offered who take part.")
    dose: Figure = Field(description="Hours, visits or dollars that one child gets.")
    ramp: tuple[ShareFigure, ...] = Field(
        (), description="Share of newly added places that are open in the first year, the second, ...; then all."
    )
    scale_discount: Text = Field(description="How delivery at scale entered the effects.")
    fade_out: Text = Field(description="What is known of how long effects last.")
    effects: tuple[ServiceEffect, ...] = Field(description="None where nothing that was measured is in the model.")
    not_carried: tuple[NotCarried, ...] = ()
    cost: PositiveFigure = Field(description="Cost of serving one child once.")
    payer: Text = Field(description="Whose budget pays.")

    @model_validator(mode="after")
    def _can_act(self) -> Service:
        if list(self.ages) != sorted(set(self.ages)) or not 0 <= self.ages[0] <= self.ages[-1] <= LAST_AGE:
            raise ValueError(f"ages must ascend, each once, from 0 to {LAST_AGE}; got {', '.join(map(str, self.ages))}")
        told = [effect.channel for effect in self.effects]
        if len(set(told)) < len(told):
            raise ValueError("effects name a channel twice")
        for channel in told:
            first, last = CHANNEL_AGES[channel]
            if not first <= self.ages[0] <= self.ages[-1] <= last:
                raise ValueError(f"a service acts on {channel} at the ages {first} to {last}; ages leave them")
        for need in self.needs:
            first, last = NEED_AGES[need]
            if not first <= self.ages[0] <= self.ages[-1] <= last:
                raise ValueError(f"children can be {need} at the ages {first} to {last}; ages leave them")
        check_ramp(self.ramp)
        return self


def places_open(service: Service, grants: Sequence[tuple[int, int]], year: int) -> int:
    """Places open in a year, in children of the community: hiring and training take time.

    Parameters
    ----------
    service
        With the ramp of its places.
    grants
        First year and places a year of everything that pays for it in this year.
    year
        School year, by its fall.
    """
    return round(sum(places * share_open(service.ramp, year - first) for first, places in grants))
