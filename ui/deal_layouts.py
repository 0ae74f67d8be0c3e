"""Which parts of a priced deal a person is shown, and in which words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from cradlecast.ui.figures import count, money, multiple, percent, points, ranged, text, word
from cradlecast.ui.occasion import Occasion
from cradlecast.ui.rows import Cell, Row, Table
from cradlecast.ui.tables import Column, Section, View, one_section


def payments(table: Table, occasion: Occasion) -> list[View]:
    """What is paid for results, and when."""
    dollars = _dollars(occasion)
    columns = (
        Column("date", lambda row: text(row["date"]), right=False),
        Column("for", lambda row: word(row["metric"]), right=False),
        Column("born", lambda row: text(row["cohort"]), gives_way=3),
        Column("by", lambda row: text(row["payer"]), right=False, gives_way=4),
        Column("units", lambda row: count(row["units"])),
        Column("price", lambda row: dollars(row["price"]), gives_way=2),
        Column("before caps", lambda row: dollars(row["gross"]), gives_way=6),
        _paid("paid", dollars, gives_way=1),
        Column("in full, or why not", lambda row: text(row["reason"]), right=False, gives_way=5, wraps=True),
    )
    return [occasion.view(table, "Success payments", columns, one_section(table.rows))]


def tranches(table: Table, occasion: Occasion) -> list[View]:
    """What lenders put in and get back."""
    dollars = _dollars(occasion)
    columns = [
        Column("tranche", lambda row: text(row["name"]), right=False),
        Column("lender", lambda row: text(row["party"]), right=False, gives_way=3),
        Column("put in", lambda row: dollars(row["invested"])),
        Column("got back", lambda row: dollars(row["returned"])),
        Column("return a year on\nmean flows, %", _return),
        Column("range over\nfutures, %", _returns, gives_way=2),
        Column("money\nback", lambda row: multiple(row["moic"]), gives_way=1),
    ]
    if not occasion.preview:
        columns.append(Column("chance\nof a loss", lambda row: f"{percent(row['loss_probability'])} %"))
    return [occasion.view(table, "Lenders", tuple(columns), one_section(table.rows))]


def outcomes(table: Table, occasion: Occasion) -> list[View]:
    """What is true, what the evaluator reports, and what is paid on either."""
    dollars = _dollars(occasion)
    effects = (
        Column("result", lambda row: word(row["metric"]), right=False),
        Column("seated who\nreach it, %", lambda row: percent(row["rate_seated"])),
        Column(
            "true effect (range),\npercentage points",
            lambda row: ranged(row, "true_effect", points),
            gives_way=1,
            narrow=Column("true effect,\npoints", lambda row: points(row["true_effect"])),
        ),
        Column(
            "as evaluated (range),\npercentage points",
            lambda row: ranged(row, "evaluated_effect", points),
            gives_way=2,
            narrow=Column("as evaluated,\npoints", lambda row: points(row["evaluated_effect"])),
        ),
        Column("counted", lambda row: text(row["count"]), right=False, gives_way=3),
    )
    paid = [
        Column("result", lambda row: word(row["metric"]), right=False),
        _paid("paid", dollars, gives_way=2),
        Column(
            "if paid on the\ntrue effect (range)",
            lambda row: ranged(row, "paid_on_true_effect", dollars),
            gives_way=1,
            narrow=Column("if paid on the\ntrue effect", lambda row: dollars(row["paid_on_true_effect"])),
        ),
    ]
    if not occasion.preview:
        paid += [
            Column("paid though\nno effect", lambda row: f"{percent(row['paid_without_true_effect'])} %"),
            Column("unpaid though\nan effect", lambda row: f"{percent(row['unpaid_despite_true_effect'])} %"),
        ]
    return [
        occasion.view(table, "Results, true and as evaluated", effects, one_section(table.rows)),
        occasion.view(table, "What is paid, and what the true effect would earn", paid, one_section(table.rows)),
    ]


def payers(table: Table, occasion: Occasion) -> list[View]:
    """What each payer of outcomes pays."""
    dollars = _dollars(occasion)
    columns = (
        Column("payer", lambda row: text(row["payer"]), right=False),
        _paid("for outcomes", dollars, gives_way=1),
        Column("at most", lambda row: dollars(row["cap"])),
        Column("beside outcomes", lambda row: dollars(row["direct"])),
    )
    return [occasion.view(table, "Payers", columns, one_section(table.rows))]


def cash(table: Table, occasion: Occasion) -> list[View]:
    """What each party receives, less what it pays, by calendar year."""
    sums: dict[str, dict[str, float]] = {}
    for row in table.rows:
        amounts = sums.setdefault(str(row["party"]), {})
        for year in (str(row["date"])[:4], "all"):
            amounts[year] = amounts.get(year, 0.0) + _dollars_of(row["amount"])
    years = sorted({year for amounts in sums.values() for year in amounts} - {"all"})
    rows: list[dict[str, Cell]] = [{"party": party, **amounts} for party, amounts in sums.items()]
    columns = [Column("party", lambda row: text(row["party"]), right=False)]
    columns += [Column(year, _thousands(year)) for year in years]
    columns.append(Column("all years", _thousands("all")))
    what = f"Cash received, less paid, in thousands of {occasion.currency}"
    return [occasion.view(table, what, columns, one_section(rows))]


def sources_uses(table: Table, occasion: Occasion) -> list[View]:
    """What the money is for, and where it comes from."""
    dollars = _dollars(occasion)
    columns = (
        Column("", lambda row: text(row["name"]), right=False),
        Column("kind", lambda row: _or_nothing(row["kind"]) if row["kind"] != row["name"] else "", False, gives_way=2),
        Column("party", lambda row: _or_nothing(row["party"]), right=False),
        Column("as closed", lambda row: dollars(row["amount"])),
        Column("on average", lambda row: dollars(row["actual"])),
        Column(
            "known how",
            lambda row: text(row["provenance"]).lower() if row["provenance"] else "",
            right=False,
            gives_way=1,
        ),
    )
    sections = []
    for side in dict.fromkeys(str(row["side"]) for row in table.rows):
        rows = [row for row in table.rows if row["side"] == side]
        total: dict[str, Cell] = dict.fromkeys(table.columns)
        total |= {"name": "together", "amount": _sum(rows, "amount"), "actual": _sum(rows, "actual")}
        sections.append(Section(f"{side}s", (*rows, total)))
    return [occasion.view(table, "Sources and uses", columns, tuple(sections))]


def checks(table: Table, occasion: Occasion) -> list[View]:
    """What must hold of the books."""
    columns = (
        Column("what must hold", lambda row: text(row["name"]), right=False),
        Column("holds", lambda row: word(row["ok"]), right=False),
        Column("off by", lambda row: f"{row['difference']:,.2f}" if row["difference"] else ""),
    )
    return [occasion.view(table, "Books", columns, one_section(table.rows))]


DEAL_LAYOUTS: Final[Mapping[str, Callable[[Table, Occasion], list[View]]]] = {
    "payments": payments,
    "tranches": tranches,
    "outcomes": outcomes,
    "payers": payers,
    "cash": cash,
    "sources_uses": sources_uses,
    "checks": checks,
}
"""Each table of a deal and what is shown of it."""


def _dollars(occasion: Occasion) -> Callable[[Cell], str]:
    """How an amount is written in the deal's currency."""
    return lambda cell: money(cell, occasion.currency)


def _paid(title: str, dollars: Callable[[Cell], str], gives_way: int) -> Column:
    """What is paid, with its range where there is room."""
    alone = Column(title, lambda row: dollars(row["paid"]))
    return Column(f"{title} (range)", lambda row: ranged(row, "paid", dollars), gives_way=gives_way, narrow=alone)


def _thousands(name: str) -> Callable[[Row], str]:
    """What writes an amount in thousands, and nothing where nothing moved."""
    return lambda row: count(_dollars_of(row[name]) / 1000) if row.get(name) else ""


def _dollars_of(cell: Cell) -> float:
    """An amount as a number."""
    return float(cell) if isinstance(cell, int | float) else 0.0


def _return(row: Row) -> str:
    """The yearly return on the mean of all futures' flows, or why there is none."""
    return text(row["xirr_reason"]) if row["xirr"] is None else percent(row["xirr"])


def _returns(row: Row) -> str:
    """The ends of the range of yearly returns; the return on mean flows may lie outside."""
    ends = [percent(row[name]) for name in ("xirr_low", "xirr_high")]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def _or_nothing(cell: Cell) -> str:
    """A text, or an empty cell."""
    return "" if cell is None else text(cell)


def _sum(rows: list[Row], name: str) -> float:
    """The sum of a column."""
    return sum(_dollars_of(row[name]) for row in rows)
