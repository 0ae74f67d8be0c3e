"""Which parts of a contract's odds a person is shown: power, screens, and behaviour under the contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from cradlecast.ui.figures import ABSENT, change, count, money, percent, points, text, word
from cradlecast.ui.occasion import Occasion
from cradlecast.ui.rows import Cell, Row, Table
from cradlecast.ui.tables import Column, Section, View, one_section


def power(table: Table, occasion: Occasion) -> list[View]:
    """What an evaluation can see, and how likely it pays, by true effect."""
    columns = power_columns(lambda cell: money(cell, occasion.currency))
    sections = []
    for name in dict.fromkeys(str(row["metric"]) for row in table.rows):
        rows = tuple(row for row in table.rows if row["metric"] == name)
        sections.append(Section(_sizes(rows[0]), rows))
    return [occasion.view(table, "What one cohort's evaluation can see, by true effect", columns, sections)]


def power_columns(dollars: Callable[[Cell], str]) -> tuple[Column, ...]:
    """The columns of a table of power."""
    return (
        Column("true effect,\npoints", lambda row: points(row["true_effect"])),
        Column("chance that it\nis significant", _significance, gives_way=2),
        Column("chance that\nsomething is paid", lambda row: f"{percent(row['chance_of_payment'])} %"),
        Column("mean payment", lambda row: dollars(row["mean_payment"])),
        Column(
            "range",
            lambda row: f"{dollars(row['payment_low'])} to {dollars(row['payment_high'])}",
            right=False,
            gives_way=1,
        ),
        Column("without error", lambda row: dollars(row["payment_without_error"]), gives_way=3),
    )


def _significance(row: Row) -> str:
    """The chance of a significant result, where there is a test."""
    return ABSENT if row["chance_of_significance"] is None else f"{percent(row['chance_of_significance'])} %"


def _sizes(row: Row) -> str:
    """What an evaluation has to go by."""
    start = f"{word(row['metric'])}: {count(row['n'])} served, {percent(row['base_rate'])} % without the program"
    if row["minimum_detectable_effect"] is None:
        return f"{start}; nobody is compared, so that no effect can be seen"
    m = "a stated rate" if row["n_comparison"] is None else f"{count(row['n_comparison'])} compared"
    return f"{start}, {m}; finds {points(row['minimum_detectable_effect'])} points four times in five"


def screens(table: Table, occasion: Occasion) -> list[View]:
    """Whom a screen flags, and how they would have fared."""
    columns = (
        Column("paid on", lambda row: word(row["metric"]), right=False),
        Column("flagged, %", lambda row: percent(row["flagged"])),
        Column("children\na cohort", lambda row: count(row["n"]), gives_way=2),
        Column("held against\nthem, %", lambda row: percent(row["rate_held"])),
        Column("would have\nbeen, %", lambda row: percent(row["rate_without"])),
        Column("back to the mean,\npoints", lambda row: points(row["regression"]), gives_way=1),
        Column("effect as\nclaimed, points", lambda row: points(row["claimed_effect"])),
        Column("true effect,\npoints", lambda row: points(row["true_effect"])),
    )
    what = "Flagged children: what would have come without the program"
    return [occasion.view(table, what, columns, one_section(table.rows))]


def behaviour(table: Table, occasion: Occasion) -> list[View]:
    """What behaviour under the contract does to payment and to children, where any is set."""
    rows = [row for row in table.rows if row["paid"] is not None]

    def dollars(cell: Cell) -> str:
        return money(cell, occasion.currency)

    columns = (
        Column("behaviour", lambda row: word(row["lever"]), right=False),
        Column("set to, %", lambda row: ABSENT if row["share"] is None else percent(row["share"])),
        Column("paid", lambda row: dollars(row["paid"])),
        Column("change in\npayment", lambda row: dollars(row["change_in_payment"])),
        Column("truly reached\nmore or fewer", lambda row: change(row["change_in_reached"]), gives_way=1),
        Column("children", lambda row: count(row["children"])),
        Column("who they are", lambda row: text(row["what"]), right=False, wraps=True, gives_way=2),
    )
    return [occasion.view(table, "Behaviour under the contract", columns, one_section(rows))]


CONTRACT_LAYOUTS: Final[Mapping[str, Callable[[Table, Occasion], list[View]]]] = {
    "power": power,
    "screens": screens,
    "behaviour": behaviour,
}
"""Each table of a contract's odds and what is shown of it."""
