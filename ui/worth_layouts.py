"""Which parts of what a deal is worth, and of what was solved for, a person is shown, and in which words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from cradlecast.ui.figures import ABSENT, count, decimals, millions, money, percent, points, ranged, text, word
from cradlecast.ui.occasion import Occasion
from cradlecast.ui.rows import Cell, Row, Table
from cradlecast.ui.tables import Column, View, one_section

_WHO: Final = {
    "deal_parties": "lenders, donors, others",
    "deal_account": "the deal's account",
    "public": "all governments",
    "private": "everybody else",
    "society": "society",
    "society_after_tax_burden": "society, less burden of taxes",
    "work_paid_for": "all that is spent",
    "paid_by_governments": "what governments pay",
    "net_cost_to_governments": "what it costs governments net",
}


def pockets(table: Table, occasion: Occasion) -> list[View]:
    """Who pays, who saves cash and who gains otherwise, over all years."""
    whole = [row for row in table.rows if row["year"] == "all"]
    columns = (
        Column("whose money", lambda row: _who(row["budget"]), right=False),
        Column("pays for\noutcomes", lambda row: millions(_less(row["paid"]))),
        Column("pays\nbeside", lambda row: millions(_less(row["direct"])), gives_way=2),
        Column("gets of\nthe deal", lambda row: millions(row["received"]), gives_way=3),
        Column("saves or earns\nin cash", lambda row: millions(row["cashable"])),
        Column("gains that\nare no cash", lambda row: millions(row["not_cashable"]), gives_way=1),
        Column("in all (range)", lambda row: ranged(row, "net", millions), narrow=_in_all(), gives_way=4),
        Column("of all\ngains, %", lambda row: percent(row["share_of_gains"]), gives_way=5),
    )
    what = f"Whose pocket: millions of {_year(table)} dollars, not discounted, to age {occasion.horizon}"
    return [occasion.view(table, what, columns, one_section(whole))]


def value(table: Table, occasion: Occasion) -> list[View]:
    """Net present value by perspective, at every rate."""
    rates = sorted({float(row["discount_rate"] or 0.0) for row in table.rows})
    names = list(dict.fromkeys(str(row["perspective"]) for row in table.rows))
    found = {(str(row["perspective"]), row["discount_rate"]): row for row in table.rows}
    rows = [{"perspective": name, **{f"{rate:g}": found[name, rate]["npv"] for rate in rates}} for name in names]
    middle = rates[len(rates) // 2]
    columns = [Column("for", lambda row: _who(row["perspective"]), right=False)]
    columns += [Column(f"at {rate:.0%}", _in_millions(f"{rate:g}")) for rate in rates]
    columns.append(
        Column(
            f"range at {middle:.0%}",
            lambda row: _range_of(found[str(row["perspective"]), middle]),
            gives_way=1,
        )
    )
    what = f"Net present value, in millions of {_year(table)} dollars; rates are real"
    return [occasion.view(table, what, columns, one_section(rows))]


def mvpf(table: Table, occasion: Occasion) -> list[View]:
    """Marginal value of public funds."""
    columns = [
        Column("real rate", lambda row: f"{percent(row['discount_rate'])} %"),
        Column("worth to those\naffected", lambda row: millions(row["willingness_to_pay"])),
        Column("net cost to\ngovernments", lambda row: millions(row["net_cost"])),
        Column("MVPF", lambda row: ABSENT if row["mvpf"] is None else decimals(row["mvpf"])),
        Column("", lambda row: text(row["reason"]) if row["reason"] else "", right=False, wraps=True),
    ]
    if not occasion.preview:
        columns.insert(
            4, Column("chance it pays\nfor itself", lambda row: f"{percent(row['share_pays_for_itself'])} %")
        )
    what = f"Marginal value of public funds, in millions of {_year(table)} dollars"
    return [occasion.view(table, what, tuple(columns), one_section(table.rows))]


def benefit_cost(table: Table, occasion: Occasion) -> list[View]:
    """Benefits and costs a child, beside published rows."""
    columns = [
        Column("", lambda row: text(row["program"]), right=False),
        *(
            Column(title, _in_dollars(name), gives_way=way)
            for title, name, way in (
                ("tax-\npayers", "taxpayers", 1),
                ("partic-\nipants", "participants", 2),
                ("others", "others", 3),
                ("indirect", "indirect", 4),
                ("benefits", "benefits", 0),
                ("cost", "cost", 0),
                ("net", "net", 0),
            )
        ),
        Column("ratio", lambda row: decimals(row["ratio"])),
        Column("dollars\nof", lambda row: text(row["price_year"]), gives_way=5),
    ]
    if not occasion.preview:
        columns.insert(-1, Column("chance it\npays, %", lambda row: percent(row["chance"])))
    return [occasion.view(table, "Benefits and costs of a child in a seat", tuple(columns), one_section(table.rows))]


def child_costs(table: Table, occasion: Occasion) -> list[View]:
    """Dollars for each additional child, by milestone."""
    kinds = list(dict.fromkeys(str(row["perspective"]) for row in table.rows))
    found = {(row["milestone"], str(row["perspective"])): row for row in table.rows}
    names = list(dict.fromkeys(row["milestone"] for row in table.rows))
    rows = [
        {
            "milestone": name,
            "children": found[name, kinds[0]]["additional_children"],
            **{kind: _cost_or_why(found[name, kind]) for kind in kinds},
        }
        for name in names
    ]
    columns = [
        Column("milestone", lambda row: word(row["milestone"]), right=False),
        Column("more\nchildren", lambda row: count(row["children"])),
    ]
    columns += [Column(_who(kind), _as_text(kind), gives_way=at, wraps=True) for at, kind in enumerate(kinds)]
    what = f"Dollars for each additional child, present value in {_year(table)} dollars; the same dollars buy every row"
    return [occasion.view(table, what, tuple(columns), one_section(rows))]


def prices(table: Table, occasion: Occasion) -> list[View]:
    """Prices now and as solved."""
    columns = (
        Column("for", lambda row: word(row["metric"]), right=False),
        Column("by", lambda row: text(row["payer"]), right=False, gives_way=1),
        Column("price now", lambda row: money(row["price_now"], occasion.currency)),
        Column("price solved", lambda row: money(row["price_solved"], occasion.currency)),
        Column("times", lambda row: ABSENT if row["factor"] is None else f"{row['factor']:.4f}"),
        Column("", lambda row: text(row["reason"]) if row["reason"] else "", right=False, wraps=True),
    )
    return [occasion.view(table, "Prices", columns, one_section(table.rows))]


def odds(table: Table, occasion: Occasion) -> list[View]:
    """What happens at the deal's prices and at those solved for."""
    columns = [
        Column("prices\ntimes", lambda row: decimals(row["factor"])),
        Column("paid for outcomes\n(range)", lambda row: ranged(row, "paid", millions)),
        Column("loans return,\n% a year", lambda row: percent(row["lenders_return"])),
        Column("payers' cash less\nwhat they pay", lambda row: millions(row["payers_balance_cash"]), gives_way=2),
        Column(
            "everybody's gain less\nwhat payers pay", lambda row: millions(row["payers_balance_value"]), gives_way=1
        ),
    ]
    if not occasion.preview:
        columns.insert(3, Column("chance below\nwhat is wanted, %", lambda row: percent(row["chance_below_hurdle"])))
        columns.insert(4, Column("chance of\na loss, %", lambda row: percent(row["chance_of_loss"])))
    return [occasion.view(table, "What these prices bring, in millions", tuple(columns), one_section(table.rows))]


def frontier(table: Table, occasion: Occasion) -> list[View]:
    """Lenders' risk beside payers' risk."""
    columns = [
        Column("pays from an\neffect of, points", lambda row: points(row["threshold"])),
        Column("prices\ntimes", lambda row: decimals(row["factor"])),
        Column("paid", lambda row: millions(row["paid"])),
        Column("loans return,\n% a year", lambda row: percent(row["lenders_return"])),
        Column("paid beyond\nthe true effect", lambda row: millions(row["overpaid"])),
    ]
    if not occasion.preview:
        columns.append(Column("chance lenders\nlose, %", lambda row: percent(row["chance_of_loss"])))
        columns.append(
            Column("chance of paying\nfor nothing, %", lambda row: percent(row["chance_paid_without_effect"]))
        )
    return [
        occasion.view(table, "Price and threshold: whose risk, in millions", tuple(columns), one_section(table.rows))
    ]


def effects(table: Table, occasion: Occasion) -> list[View]:
    """Effects at which somebody breaks even."""
    columns = (
        Column("", lambda row: text(row["breaks_even"]), right=False),
        Column("effect on", lambda row: word(row["metric"]), right=False),
        Column("now, points", lambda row: points(row["effect_now"])),
        Column("needed, points", lambda row: points(row["effect_needed"])),
        Column("", lambda row: text(row["reason"]) if row["reason"] else "", right=False, wraps=True),
    )
    return [occasion.view(table, "Break-even effects", columns, one_section(table.rows))]


def alternatives(table: Table, occasion: Occasion) -> list[View]:
    """The same children paid for in other ways."""
    columns = [
        Column("the same children by", lambda row: text(row["alternative"]), right=False),
        Column("funders pay (range)", lambda row: ranged(row, "paid_by_funders", millions, "paid_low", "paid_high")),
        Column("present\nvalue", lambda row: millions(row["present_value"])),
        Column("contract\ncosts", lambda row: millions(row["contract_costs"])),
        Column("cost of\ncapital", lambda row: millions(row["cost_of_capital"])),
        Column("lenders\nlose", lambda row: millions(row["lenders_losses"]), gives_way=2),
        Column("providers\nlose", lambda row: millions(row["providers_losses"]), gives_way=3),
    ]
    if not occasion.preview:
        columns.insert(
            2, Column("where nothing\nis gained", lambda row: millions(row["paid_without_effect"]), gives_way=1)
        )
    return [occasion.view(table, "Alternatives, in millions", tuple(columns), one_section(table.rows))]


WORTH_LAYOUTS: Final[Mapping[str, Callable[[Table, Occasion], list[View]]]] = {
    "pockets": pockets,
    "value": value,
    "mvpf": mvpf,
    "benefit_cost": benefit_cost,
    "child_costs": child_costs,
    "solution": lambda table, occasion: [],
    "prices": prices,
    "odds": odds,
    "frontier": frontier,
    "effects": effects,
    "alternatives": alternatives,
}
"""Each table of a deal's worth, or of what was solved, and what is shown of it."""


def _who(cell: Cell) -> str:
    """A perspective in words."""
    return _WHO.get(str(cell)) or word(cell)


def _year(table: Table) -> str:
    """The price year of a table."""
    return text(table.rows[0]["price_year"]) if table.rows else ""


def _less(cell: Cell) -> Cell:
    """What is paid, below zero."""
    return -cell if isinstance(cell, int | float) else None


def _in_all() -> Column:
    """The balance without its range."""
    return Column("in all", lambda row: millions(row["net"]))


def _in_millions(name: str) -> Callable[[Row], str]:
    """What writes one column in millions."""
    return lambda row: millions(row[name])


def _in_dollars(name: str) -> Callable[[Row], str]:
    """What writes one column in dollars."""
    return lambda row: money(row[name])


def _as_text(name: str) -> Callable[[Row], str]:
    """What writes one column as it is."""
    return lambda row: text(row[name])


def _range_of(row: Row) -> str:
    """The ends of a net present value's range."""
    return f"{millions(row['npv_low'])} to {millions(row['npv_high'])}"


def _cost_or_why(row: Row) -> str:
    """Dollars for a child, or why there are none."""
    return money(row["cost_per_child"]) if row["cost_per_child"] is not None else text(row["reason"])
