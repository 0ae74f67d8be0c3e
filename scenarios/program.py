"""A program: who may have it, what it offers, what it costs, and the parameters of what it does."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field, model_validator

from cradlecast.scenarios.fields import Name, NonNegative, PositiveFigure, Record, ShareFigure, Text
from cradlecast.scenarios.ramp import check_ramp


class Effect(Record):
    """A value drawn per draw: one parameter, less another where only a contrast was measured.

    The value of Head Start, for example, is the value of pre-K less the measured difference between the two.
    """

    parameter: Name
    less: Name | None = None


class Effects(Record):
    """What a year in the program adds, among those who attend, against care at home."""

    skill: Effect = Field(description="Test scores at the end of the year, sd; fades.")
    long_run: Effect = Field(description="Signed shift of test scores phased in over grades 1 to 6, sd.")
    nontest: Effect = Field(description="Shift of the non-test channel, sd of the adult index; does not fade.")


POOLS: Final = ("prek", "head_start", "child_care")
"""Lines that families stand in for seats; a program of that name stands for each."""


class Program(Record):
    """Early care and education that children hold seats in."""

    schema_: str = Field(alias="schema")
    name: Name
    title: Text
    description: Text
    pool: Literal["prek", "head_start", "child_care"] | None = Field(
        None, description="The line in which families wait for its seats, if it is not a line of its own."
    )
    ages: tuple[int, ...] = Field(min_length=1, description="Ages at which children hold a seat.")
    max_income_to_poverty: NonNegative | None = Field(None, description="Eligible up to this income-to-poverty ratio.")
    public: bool = Field(description="True if a public budget pays for the seat.")
    returning_first: bool = Field(description="True if last year's children of the program have priority.")
    take_up: Name | None = Field(None, description="Parameter: share of eligible families who apply.")
    hours_per_year: PositiveFigure
    class_size: PositiveFigure
    ramp: tuple[ShareFigure, ...] = Field(
        (), description="Share of new seats that are open in the first year, the second, ...; then all."
    )
    quality: Text = Field(description="What quality 1 means, and what is known of its spread between classrooms.")
    scale_discount: Text = Field(description="How delivery at scale entered the effects.")
    fade_out: Text = Field(description="What is known of how long effects last.")
    seat_cost: PositiveFigure = Field(description="Cost of a seat for one school year.")
    payer: Text = Field(description="Whose budget pays.")
    effects: Effects

    @property
    def line(self) -> str:
        """The line in which families wait for its seats."""
        return self.name if self.pool is None else self.pool

    @model_validator(mode="after")
    def _has_a_line(self) -> Program:
        if self.line not in POOLS:
            raise ValueError(f"must name in pool the line in which families wait: {', '.join(POOLS)}")
        check_ramp(self.ramp)
        return self
