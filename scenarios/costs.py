"""What a year of school, an arrest or a dollar earned is worth to whom, and what a dollar was worth in which year."""

from __future__ import annotations

import re
from typing import Final, Literal

from pydantic import Field, model_validator

from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.fields import (
    Figure,
    Name,
    Positive,
    PositiveFigure,
    Provenance,
    Record,
    ShareFigure,
    Text,
    Year,
)

Budget = Literal["federal", "state", "local", "school_district", "families", "participants", "victims", "providers"]
"""Who pays or gains: public budgets first. ``families`` are the parents, ``participants`` the children themselves,
``providers`` the private centers that care for young children."""

PUBLIC: Final = ("federal", "state", "local", "school_district")
"""Public budgets of the place."""

PRIVATE: Final = ("families", "participants", "victims", "providers")
"""Everybody else who pays or gains."""

LEAVES: Final = ("local", "school_district")
"""Public budgets that neither pay for nor tax who has moved away."""

Flow = Literal[
    "pupils",
    "special_education",
    "repeating",
    "suspended",
    "arrests",
    "two_year",
    "four_year",
    "credentials",
    "working",
    "earnings",
    "parents_earnings",
]
"""What the model counts a year, and a line is a price of."""

DOLLAR_FLOWS: Final = ("earnings", "parents_earnings")
"""Flows in dollars; a line takes a share of them."""

_YEAR: Final = re.compile(r"((?:19|20|21)[0-9]{2})(?:-[0-9]{2,4})?", re.ASCII)


class Split(Record):
    """Shares of an amount by who pays or receives it; they sum to 1."""

    shares: dict[Budget, float] = Field(min_length=1, description="Budget to share, from 0 to 1.")
    source: Text = Field(description="Title of the source, or the reason for an assumption.")
    address: Text | None = Field(None, description="Address of the source as it was read.")
    evidence: tuple[str, ...] = Field((), description="Ids of rows in the evidence files.")
    provenance: Provenance = Field(description="READ, DERIVED, RECALLED or ASSUMED.")
    note: Text | None = None

    @model_validator(mode="after")
    def _whole(self) -> Split:
        if any(not 0.0 <= share <= 1.0 for share in self.shares.values()):
            raise ValueError("each share must be from 0 to 1")
        if not abs(sum(self.shares.values()) - 1.0) <= 1e-9:
            raise ValueError(f"shares must sum to 1; they sum to {sum(self.shares.values()):.6g}")
        return self

    @property
    def parts(self) -> dict[str, float]:
        """Shares by the name of the budget."""
        return {str(budget): share for budget, share in self.shares.items()}


class Payer(Split):
    """The budgets of those who pay for seats."""

    empty_seats: Budget | None = Field(
        None, description="Who bears the cost of a seat that nobody holds; the payer itself where left out."
    )

    @property
    def of_empty_seats(self) -> dict[str, float]:
        """Shares of the cost of a seat that nobody holds."""
        return self.parts if self.empty_seats is None else {self.empty_seats: 1.0}


class Post(Record):
    """What must be spared in one year, in one place, before a post or a classroom closes, and what that saves."""

    units: PositiveFigure = Field(description="Units of the line, such as pupils for one teacher.")
    saves: ShareFigure = Field(description="Share of the line's price that leaves the budget with the post.")

    @model_validator(mode="after")
    def _some_units(self) -> Post:
        if self.units.value <= 0.0:
            raise ValueError("a post closes for a number of units above 0")
        return self


class CostLine(Record):
    """One price: what a unit of something that the model counts costs or brings, and to whom."""

    name: Name = Field(description="Name of the line in every table.")
    title: Text = Field(description="What it is, in words.")
    kind: Literal["cost", "revenue", "gain"] = Field(
        description="cost: somebody pays; revenue: a public budget receives; gain: people receive."
    )
    flow: Flow = Field(description="What the amount is multiplied by, a year.")
    amount: PositiveFigure = Field(description="Dollars per unit; a share where the flow is in dollars.")
    units: PositiveFigure | None = Field(
        None, description="Units per one of what is counted, such as offences an arrest; 1 where left out."
    )
    split: Split = Field(description="Whose money it is.")
    cashable: bool = Field(
        description="True if the money leaves or enters a budget without anybody closing a post or a classroom."
    )
    post: Post | None = Field(
        None, description="Where a saving that is not cashable becomes cash in whole posts; never, where left out."
    )
    in_totals: bool = Field(True, description="False for what is shown apart, such as pain and suffering.")
    note: Text | None = Field(None, description="What else a reader should know.")

    @model_validator(mode="after")
    def _right_hands(self) -> CostLine:
        stray = set(self.split.shares) - set({"revenue": PUBLIC, "gain": PRIVATE}.get(self.kind, (*PUBLIC, *PRIVATE)))
        if stray:
            whose = "public budgets" if self.kind == "revenue" else ", ".join(PRIVATE)
            raise ValueError(f"a {self.kind} goes to {whose}; got {', '.join(sorted(stray))}")
        if self.post is not None and (self.cashable or self.kind != "cost"):
            raise ValueError(f"post of '{self.name}' belongs to a cost that is not cashable by itself")
        if self.flow in DOLLAR_FLOWS:
            if self.amount.value > 1.0:
                raise ValueError(f"a line on {self.flow} takes a share of them, from 0 to 1; got {self.amount.value:g}")
        else:
            price_year(self.amount, f"amount of '{self.name}'")
        return self

    @property
    def per_count(self) -> float:
        """Dollars (or share) per one of what the model counts."""
        return self.amount.value * (1.0 if self.units is None else self.units.value)


class Costs(Record):
    """Prices of a place; a place of its own names a file that it is based on and says only what differs."""

    schema_: str = Field(alias="schema")
    name: Name = Field(description="Name of the community that it serves, or us.")
    title: Text = Field(description="The place, as titles show it.")
    description: Text = Field(description="What the file describes, and when.")
    based_on: Name | None = Field(None, description="File of prices whose lines stand where this one has none.")
    leavers_in_state: ShareFigure = Field(description="Share of those who move away who stay in the same state.")
    payers: dict[Text, Payer] = Field(
        default_factory=dict, description="Payers of seats, as programs name them, and their budgets."
    )
    lines: tuple[CostLine, ...] = Field(description="Prices, in the order of the tables.")

    @model_validator(mode="after")
    def _one_line_a_name(self) -> Costs:
        names = [line.name for line in self.lines]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"line '{twice[0]}' is there twice")
        if not names and self.based_on is None:
            raise ValueError("lines must hold at least one line, or based_on must name a file")
        return self

    def over(self, base: Costs) -> Costs:
        """These prices laid over those of another file, line by line and payer by payer, in the order of the other."""
        own = {line.name: line for line in self.lines}
        lines = {line.name: line for line in base.lines} | own
        return self.model_copy(
            update={"based_on": None, "lines": tuple(lines.values()), "payers": base.payers | self.payers}
        )

    def payer(self, name: str) -> Payer:
        """The budgets of a payer of seats.

        Raises
        ------
        InputError
            If no budget is named for the payer.
        """
        if name not in self.payers:
            known = ", ".join(f"'{each}'" for each in self.payers)
            raise InputError(f"prices of '{self.name}' name no budget for the payer '{name}'; the payers are {known}")
        return self.payers[name]


class PriceIndex(Record):
    """One index of prices by year."""

    title: Text = Field(description="What is measured.")
    source: Text
    address: Text | None = None
    provenance: Provenance
    note: Text | None = None
    values: dict[int, Positive] = Field(min_length=2, description="Year to its annual average.")


class Prices(Record):
    """What a dollar was worth in which year, the year that tables speak in, and how later money is discounted."""

    schema_: str = Field(alias="schema")
    price_year: Year = Field(description="Year whose dollars tables speak in.")
    discount_rate: ShareFigure = Field(description="Real rate a year at which present values are taken.")
    index: PriceIndex

    @model_validator(mode="after")
    def _holds_its_year(self) -> Prices:
        if self.price_year not in self.index.values:
            raise ValueError(f"price_year {self.price_year} has no value in the index")
        return self

    def reprice(self, amount: float, from_year: int, to_year: int) -> float:
        """An amount in dollars of one year as dollars of another.

        Raises
        ------
        InputError
            If the index has no value for one of the years.
        """
        values = self.index.values
        for year in (from_year, to_year):
            if year not in values:
                raise InputError(f"there is no price index for {year}; it covers {min(values)} to {max(values)}")
        return amount * values[to_year] / values[from_year]


def price_year(figure: Figure, what: str) -> int:
    """The price year of an amount of money: of a school year such as 2019-20, its first.

    Raises
    ------
    ValueError
        If its year is no year.
    """
    found = _YEAR.fullmatch(str(figure.year))
    if found is None:
        raise ValueError(f"{what} needs a price year, as in year: 2019")
    return int(found[1])
