"""Dated changes to a community's seats and services, and the baselines that are made of them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from cradlecast.scenarios.fields import Name, Record, Text, Year


class Change(Record):
    """Seats added (or taken away) in one stream of a program, over a span of school years."""

    first_year: Year = Field(description="School year that begins in the fall of this year.")
    last_year: Year | None = Field(None, description="Last such school year; null means for good.")
    program: Name
    stream: Name = Field(description="The pool of seats by its money: standing, grant, financed, ...")
    seats: int | Literal["seats", "-seats"] = Field(description="Seats added a year, or the lever's number.")
    new: bool = Field(
        False, description="True if seats are added that do not exist yet: they open with the program's ramp of hiring."
    )
    financed: bool = Field(False, description="True if these seats are the ones that an outcomes contract pays for.")
    closes: dict[Name, Name] = Field(
        default_factory=dict,
        description="Displacement: program that loses children to the new seats, and the parameter with the share of "
        "new seats that do so; the vacated seats that no waiting child refills close.",
    )


class ServiceChange(Record):
    """Places of a service, over a span of school years."""

    first_year: Year = Field(description="School year that begins in the fall of this year.")
    last_year: Year | None = Field(None, description="Last such school year; null means for good.")
    service: Text = Field(description="A shipped service, or the path of a file (seen from this file's folder).")
    places: int | Literal["places"] = Field(
        description="Children taken in a year once all places are open, or the lever's number."
    )
    levers: bool = Field(True, description="True if the levers of services act on it.")

    @model_validator(mode="after")
    def _not_negative(self) -> ServiceChange:
        if isinstance(self.places, int) and self.places < 0:
            raise ValueError(f"places must be 0 or more; got {self.places}")
        return self


class Baseline(Record):
    """What would happen without the scenario: dated changes to the observed community."""

    title: Text
    description: Text
    sources: tuple[Text, ...] = ()
    changes: tuple[Change, ...] = ()
    services: tuple[ServiceChange, ...] = ()
