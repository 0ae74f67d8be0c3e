"""The parts that every declaration is built from: frozen records and numbers that know where they come from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
"""A name that can stand in a file name, a column and a command line."""

Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Year = Annotated[int, Field(ge=1900, le=2200)]
Text = Annotated[str, Field(max_length=4000)]

Provenance = Literal["READ", "DERIVED", "RECALLED", "ASSUMED"]
"""READ: seen in the named source. DERIVED: arithmetic on READ values. RECALLED: from memory, shown as such.
ASSUMED: nobody has measured it here; the range says how little is known."""


class Record(BaseModel):
    """A frozen declaration: unknown keys are refused, values never change after loading."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, populate_by_name=True, defer_build=True)


class Figure(Record):
    """One number from the world, with its range, unit, year and source."""

    value: Finite = Field(description="The central figure, in the unit named beside it.")
    low: Finite | None = Field(None, description="Lower end of the plausible range (90 %).")
    high: Finite | None = Field(None, description="Upper end of the plausible range (90 %).")
    unit: Text = Field(description="Unit: share, children, seats, usd, years, ...")
    year: int | str | None = Field(None, description="Year or years the figure is about; price year for money.")
    source: Text = Field(description="Title of the source, or the reason for an assumption.")
    address: Text | None = Field(None, description="Address of the source as it was read.")
    evidence: tuple[str, ...] = Field((), description="Ids of rows in the evidence files.")
    provenance: Provenance = Field(description="READ, DERIVED, RECALLED or ASSUMED.")
    borrowed: Text | None = Field(None, description="The other place or instrument that stands in, where one does.")
    note: Text | None = None

    @model_validator(mode="after")
    def _range_holds_the_value(self) -> Figure:
        if self.low is not None and not self.low <= self.value:
            raise ValueError(f"low ({self.low}) must not lie above value ({self.value})")
        if self.high is not None and not self.high >= self.value:
            raise ValueError(f"high ({self.high}) must not lie below value ({self.value})")
        return self


class ShareFigure(Figure):
    """A figure that is a share from 0 to 1 (94 % is 0.94)."""

    value: Share
    low: Share | None = None
    high: Share | None = None


class PositiveFigure(Figure):
    """A figure that cannot be negative: counts of children, seats, dollars."""

    value: NonNegative
    low: NonNegative | None = None
    high: NonNegative | None = None
