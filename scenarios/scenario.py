"""A scenario: a small dated diff on a named baseline of a community."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from cradlecast.scenarios.errors import InputError, nearest
from cradlecast.scenarios.fields import Finite, Name, Record, Text, Year

LeverName = Literal[
    "seats", "quality", "hours", "take_up", "seat_cost", "places", "service_quality", "service_take_up", "service_cost"
]


class Lever(Record):
    """A number that the user may move, with its bounds; it acts in the scenario and never in the baseline."""

    value: Finite | None = Field(description="Default; null means 'as the program has it'.")
    low: Finite
    high: Finite
    unit: Text
    note: Text | None = None

    @model_validator(mode="after")
    def _default_within_bounds(self) -> Lever:
        if self.value is not None and not self.low <= self.value <= self.high:
            raise ValueError(f"value {self.value} must lie between {self.low} and {self.high}")
        return self


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


class Scenario(Record):
    """A named, dated diff on a named baseline."""

    schema_: str = Field(alias="schema")
    name: Name
    title: Text
    author: Text
    description: Text
    sources: tuple[Text, ...] = Field(min_length=1)
    community: Text = Field(description="A shipped community, or the path of a file (seen from this file's folder).")
    baseline: Name
    seats_are_additional: bool = Field(description="False where the baseline keeps the same number of seats.")
    changes: tuple[Change, ...] = ()
    services: tuple[ServiceChange, ...] = ()
    levers: dict[LeverName, Lever]

    @model_validator(mode="after")
    def _levers_exist(self) -> Scenario:
        for change in self.changes:
            if isinstance(change.seats, str) and "seats" not in self.levers:
                raise ValueError("a change uses the lever 'seats', which is not declared under levers")
        for service in self.services:
            if service.places == "places" and "places" not in self.levers:
                raise ValueError("a service uses the lever 'places', which is not declared under levers")
        if not self.changes and not self.services:
            raise ValueError("a scenario changes seats or services; changes and services are both empty")
        return self

    def with_levers(self, settings: dict[str, float]) -> Scenario:
        """The scenario with some levers moved.

        Parameters
        ----------
        settings
            Lever name to value, in the lever's own unit.

        Raises
        ------
        InputError
            For an unknown lever, or a value that is not a number within the lever's bounds.
        """
        levers = dict(self.levers)
        for name, value in settings.items():
            if name not in levers:
                known = ", ".join(levers)
                raise InputError(
                    f"unknown lever '{name}' of scenario '{self.name}'{nearest(name, levers)} (levers: {known})"
                )
            lever = levers[name]
            if not lever.low <= value <= lever.high:
                slip = "; shares are decimals, 94 % is 0.94" if lever.high <= 1.0 < value else ""
                raise InputError(
                    f"{name} must be from {lever.low:g} to {lever.high:g} {lever.unit}{slip}; got {value:g}"
                )
            if name in ("seats", "places") and value != int(value):
                raise InputError(f"{name} must be a whole number; got {value:g}")
            levers[name] = lever.model_copy(update={"value": value})
        return self.model_copy(update={"levers": levers})

    def lever(self, name: LeverName) -> float | None:
        """The value of a lever, or None where the scenario leaves it as the program has it."""
        lever = self.levers.get(name)
        return None if lever is None else lever.value

    def places_of(self, change: ServiceChange) -> int:
        """Places of a service a year, after levers."""
        return change.places if isinstance(change.places, int) else int(self.lever("places") or 0)

    def seats_of(self, change: Change) -> int:
        """Seats that a change adds a year, after levers."""
        if isinstance(change.seats, int):
            return change.seats
        seats = int(self.lever("seats") or 0)
        return -seats if change.seats.startswith("-") else seats
