"""A program: who may have it, what it offers, what it costs, and the parameters of what it does."""

from __future__ import annotations

from pydantic import Field

from cradlecast.scenarios.fields import Name, NonNegative, PositiveFigure, Record, Text


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


class Program(Record):
    """Early care and education that children hold seats in."""

    schema_: str = Field(alias="schema")
    name: Name
    title: Text
    description: Text
    ages: tuple[int, ...] = Field(min_length=1, description="Ages at which children hold a seat.")
    max_income_to_poverty: NonNegative | None = Field(None, description="Eligible up to this income-to-poverty ratio.")
    public: bool = Field(description="True if a public budget pays for the seat.")
    returning_first: bool = Field(description="True if last year's children of the program have priority.")
    take_up: Name | None = Field(None, description="Parameter: share of eligible families who apply.")
    hours_per_year: PositiveFigure
    class_size: PositiveFigure
    seat_cost: PositiveFigure = Field(description="Cost of a seat for one school year.")
    payer: Text = Field(description="Whose budget pays.")
    effects: Effects
