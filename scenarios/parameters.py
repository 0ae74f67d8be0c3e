"""Uncertain parameters: what each is, how it is distributed, and the evidence it rests on."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from cradlecast.scenarios.fields import Finite, Name, NonNegative, Positive, Record, Text, Year

Grade = Literal["randomised", "quasi_experimental", "association", "administrative", "assumption"]
"""The strongest design that the parameter rests on."""

Shape = Literal["normal", "truncated_normal", "student_t", "beta", "fixed"]


class Parameter(Record):
    """One uncertain number of the model; drawn once per draw, jointly with those it is correlated with."""

    title: Text = Field(description="What it is, in words.")
    shape: Shape
    mean: Finite = Field(description="Mean; location for student_t and, before truncation, truncated_normal.")
    sd: NonNegative = Field(
        description="Standard deviation (mean's error and place-to-place spread), scale for student_t."
    )
    df: Positive | None = Field(None, description="Degrees of freedom of student_t.")
    lower: Finite | None = None
    upper: Finite | None = None
    unit: Text
    price_year: Year | None = Field(None, description="Year of the dollars, where the unit is money.")
    correlated_with: dict[Name, Finite] = Field(
        default_factory=dict, description="Correlation of the normal scores with an EARLIER parameter (at most one)."
    )
    grade: Grade
    priors: tuple[str, ...] = Field((), description="Keys of priors.csv.")
    evidence: tuple[str, ...] = Field((), description="Ids of INPUT rows of estimates.csv.")
    assumption: Text | None = Field(None, description="What is assumed and why, where no estimate settles it.")

    @model_validator(mode="after")
    def _has_a_reason(self) -> Parameter:
        if not self.priors and not self.evidence and not self.assumption:
            raise ValueError("must name priors, evidence or an assumption")
        if ("usd" in self.unit.split()) != (self.price_year is not None):
            raise ValueError("price_year must be given where the unit is usd, and only there")
        if self.shape == "student_t" and self.df is None:
            raise ValueError("shape student_t needs df")
        if self.shape in ("truncated_normal", "beta") and (self.lower is None or self.upper is None):
            raise ValueError(f"shape {self.shape} needs lower and upper")
        self._can_be_drawn()
        if len(self.correlated_with) > 1:
            raise ValueError("correlated_with may name one earlier parameter")
        if any(not -1.0 < r < 1.0 for r in self.correlated_with.values()):
            raise ValueError("a correlation must lie between -1 and 1")
        return self

    @property
    def distribution(self) -> str:
        """How it is distributed, as in ``normal 0.6 (0.1) in 0.3 to 0.8``; without its unit."""
        if self.shape == "fixed":
            return f"fixed {self.mean:g}"
        if self.shape == "student_t":
            return f"Student t({self.df:g}) at {self.mean:g}, scale {self.sd:g}"
        bounds = "" if self.lower is None else f" in {self.lower:g} to {self.upper:g}"
        return f"{self.shape.removeprefix('truncated_')} {self.mean:g} ({self.sd:g}){bounds}"

    def _can_be_drawn(self) -> None:
        """Refuse bounds and spreads that no value could be drawn from."""
        if self.shape in ("normal", "student_t", "fixed"):
            if self.lower is not None or self.upper is not None:
                raise ValueError(f"shape {self.shape} takes no bounds; use truncated_normal")
            return
        assert self.lower is not None and self.upper is not None
        if not self.lower < self.upper:
            raise ValueError(f"lower ({self.lower}) must lie below upper ({self.upper})")
        if not self.sd > 0:
            raise ValueError(f"shape {self.shape} needs an sd above 0; a number without spread is 'fixed'")
        if self.shape == "beta":
            if not self.lower < self.mean < self.upper:
                raise ValueError(f"mean ({self.mean}) must lie between lower and upper")
            if not self.sd**2 < (self.mean - self.lower) * (self.upper - self.mean):
                raise ValueError(f"sd ({self.sd}) is too large for a beta with this mean and these bounds")


class ParameterSet(Record):
    """All uncertain parameters of the pathway, in order."""

    schema_: str = Field(alias="schema")
    description: Text
    parameters: dict[Name, Parameter]

    @model_validator(mode="after")
    def _correlations_point_back(self) -> ParameterSet:
        seen: set[str] = set()
        for name, parameter in self.parameters.items():
            for other in parameter.correlated_with:
                if other not in seen:
                    raise ValueError(f"{name} is correlated with '{other}', which must come before it")
            seen.add(name)
        return self
