"""A scenario: a small dated diff on a named baseline of a community."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from cradlecast.scenarios.change import Change, ServiceChange
from cradlecast.scenarios.civic import CIVIC_LEVERS, Pool, Shock
from cradlecast.scenarios.errors import InputError, nearest
from cradlecast.scenarios.fields import Finite, Name, Record, Text

LeverName = Literal[
    "seats",
    "quality",
    "hours",
    "take_up",
    "seat_cost",
    "places",
    "service_quality",
    "service_take_up",
    "service_cost",
    "shock",
    "money_won",
    "continuity",
    "staff_time",
    "data_sharing",
    "referral",
    "improvement",
    "coordination",
    "backbones",
    "alignment",
    "hiring",
    "closing",
    "pace",
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
    pool: Pool | None = None
    shocks: tuple[Shock, ...] = ()
    levers: dict[LeverName, Lever]

    @model_validator(mode="after")
    def _levers_exist(self) -> Scenario:
        for change in self.changes:
            if isinstance(change.seats, str) and "seats" not in self.levers:
                raise ValueError("a change uses the lever 'seats', which is not declared under levers")
        for service in self.services:
            if service.places == "places" and "places" not in self.levers:
                raise ValueError("a service uses the lever 'places', which is not declared under levers")
        if any(shock.share == "shock" for shock in self.shocks) and "shock" not in self.levers:
            raise ValueError("a shock uses the lever 'shock', which is not declared under levers")
        if not (self.changes or self.services or self.pool):
            raise ValueError("a scenario changes seats, services or a pool; changes, services and pool are all empty")
        names = [shock.name for shock in self.shocks]
        if len(set(names)) < len(names):
            raise ValueError("a shock is there twice")
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

    def civic(self, name: LeverName) -> float:
        """The value of a lever of civic infrastructure, at rest where the scenario has none."""
        value = self.lever(name)
        return CIVIC_LEVERS[name][0] if value is None else value

    def share_of(self, shock: Shock) -> float:
        """Share of seats or money that a shock takes, after levers."""
        return float(self.lever("shock") or 0.0) if shock.share == "shock" else float(shock.share or 0.0)

    def places_of(self, change: ServiceChange) -> int:
        """Places of a service a year, after levers."""
        return change.places if isinstance(change.places, int) else int(self.lever("places") or 0)

    def seats_of(self, change: Change) -> int:
        """Seats that a change adds a year, after levers."""
        if isinstance(change.seats, int):
            return change.seats
        seats = int(self.lever("seats") or 0)
        return -seats if change.seats.startswith("-") else seats
