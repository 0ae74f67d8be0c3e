"""A replayed deal as a person reads it: payments, their derivation line by line, and what was published."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cradlecast.finance.replay import Replay
from cradlecast.scenarios.deal import Deal
from cradlecast.scenarios.release import VERSION
from cradlecast.scenarios.wording import one_line
from cradlecast.ui.contract_layouts import power_columns
from cradlecast.ui.figures import ABSENT, money, multiple, percent, points, text, word
from cradlecast.ui.rows import Cell, Row, Table
from cradlecast.ui.tables import Column, Section, View, one_section


def replay_record(deal: Deal, told: Replay) -> dict[str, object]:
    """What was asked of a replay."""
    return deal_record(deal) | {"fingerprint": told.fingerprint}


def deal_record(deal: Deal) -> dict[str, object]:
    """What was asked of a deal's terms alone."""
    return {
        "cradlecast": VERSION,
        "deal": deal.name,
        "illustrative": deal.illustrative,
        "currency": deal.currency,
        "price_year": deal.price_year,
    }


def power_view(deal: Deal, table: Table) -> View:
    """What an evaluation can see."""
    first = table.rows[0]
    title = f"What one evaluation of {word(first['metric'])} can see, by true effect"
    least = first["minimum_detectable_effect"]
    found = "nobody is compared" if least is None else f"{points(least)} points are found four times in five"
    return View("power", title, f"{deal.name}; {found}", power_columns(_amounts(deal)), one_section(table.rows))


def power_notes() -> list[str]:
    """What a reader of a table of power needs to know."""
    return [
        "Payments are those of this line alone for one cohort, with its schedule, requirements and caps. Conditions on "
        "other results are left out.",
        "Children are taken as independent. Classmates are not, so that a real evaluation sees less.",
    ]


def replay_heading(deal: Deal) -> list[tuple[str, str]]:
    """Deal and parties, as pairs of a word and what it says."""
    payers = [party.title for party in deal.parties if party.role == "outcomes_payer"]
    return [("Deal", f"{deal.name}: {one_line(deal.title)}"), ("Payers", ", ".join(map(one_line, payers)))]


def replay_views(deal: Deal, tables: Sequence[Table]) -> list[View]:
    """Payments, derivations, payers, what was published, and capital."""
    by_name = {table.name: table for table in tables}
    return [
        _payments(deal, by_name["payments"]),
        _derivation(deal, by_name["derivation"]),
        _payers(deal, by_name["payers"]),
        _published(deal, by_name["published"]),
        _capital(deal, by_name["capital"]),
        _tranches(deal, by_name["tranches"]),
    ]


def replay_notes(deal: Deal, tables: Sequence[Table], told: Replay) -> list[str]:
    """What a reader of a replay needs to know of its numbers."""
    notes = []
    if deal.illustrative:
        notes.append(
            "ILLUSTRATIVE: some terms were not published and are assumed; the file says of each value how it is known. "
            "Nothing here says what anyone was promised."
        )
    notes.append(
        f"Rules applied to observed results, in {deal.currency}; nothing is simulated. A derivation gives every step "
        "in the order of the contract; what was cut is negative."
    )
    apart = [row for table in tables if table.name == "published" for row in table.rows if row["agrees"] is False]
    notes += [f"NOT as published: {one_line(row['what'])}, off by {row['difference']:,.2f}." for row in apart]
    if deal.observed is not None and deal.observed.note:
        notes.append(one_line(deal.observed.note, 500))
    return [*notes, f"Cradlecast {VERSION}, fingerprint {told.fingerprint}."]


def _payments(deal: Deal, table: Table) -> View:
    """The dated payments."""
    amount = _amounts(deal)
    columns = (
        Column("no.", lambda row: text(row["payment"])),
        Column("date", lambda row: text(row["date"]), right=False),
        Column("for", lambda row: word(row["metric"]), right=False),
        Column("cohort", lambda row: text(row["cohort"]), right=False, gives_way=4),
        Column("by", lambda row: text(row["payer"]), right=False, gives_way=3),
        Column("units", _units, gives_way=2),
        Column("price", lambda row: "" if row["unit"] is None else amount(row["price"]), gives_way=1),
        Column("before cuts", lambda row: amount(row["gross"])),
        Column("paid", lambda row: amount(row["paid"])),
        Column("in full, or why not", lambda row: text(row["reason"]), right=False, wraps=True),
        Column("rests on", lambda row: text(row["rests_on"]).lower(), right=False, gives_way=5),
    )
    total: dict[str, Cell] = dict.fromkeys(table.columns)
    total |= {"payment": "", "date": "together", "metric": "", "reason": "", "cohort": "", "payer": "", "rests_on": ""}
    for name in ("gross", "paid"):
        total[name] = sum(float(row[name] or 0) for row in table.rows)
    return View("payments", "Payments", deal.name, columns, one_section([*table.rows, total]))


def _derivation(deal: Deal, table: Table) -> View:
    """The steps of every payment, a section each."""
    amount = _amounts(deal)
    columns = (
        Column("step", lambda row: text(row["step"]), right=False, wraps=True),
        Column("amount", lambda row: "" if row["amount"] is None else amount(row["amount"])),
    )
    sections = []
    for number in dict.fromkeys(row["payment"] for row in table.rows):
        rows = [row for row in table.rows if row["payment"] == number]
        first = rows[0]
        title = f"{number}. {word(first['metric'])}, {text(first['cohort'])}, paid on {text(first['date'])}"
        sections.append(Section(title, tuple(rows)))
    return View("derivation", "How each payment comes about", deal.name, columns, tuple(sections))


def _payers(deal: Deal, table: Table) -> View:
    """What each payer pays."""
    amount = _amounts(deal)
    columns = (
        Column("payer", lambda row: text(row["payer"]), right=False),
        Column("paid", lambda row: amount(row["paid"])),
        Column("at most", lambda row: amount(row["cap"])),
        Column("left", lambda row: amount(row["left"])),
    )
    return View("payers", "Payers", deal.name, columns, one_section(table.rows))


def _published(deal: Deal, table: Table) -> View:
    """What was published beside what is computed."""
    amount = _amounts(deal)
    columns = (
        Column("what", lambda row: text(row["what"]), right=False, wraps=True),
        Column("published", lambda row: amount(row["published"])),
        Column("computed", lambda row: amount(row["computed"])),
        Column("difference", lambda row: amount(row["difference"])),
        Column("agrees", lambda row: word(row["agrees"]), right=False),
        Column("known how", lambda row: text(row["provenance"]).lower(), right=False, gives_way=1),
    )
    return View("published", "Beside what was published", deal.name, columns, one_section(table.rows))


def _capital(deal: Deal, table: Table) -> View:
    """Money that was put up."""
    amount = _amounts(deal)
    columns = (
        Column("who", lambda row: text(row["party"]), right=False, wraps=True),
        Column("kind", lambda row: word(row["kind"]), right=False),
        Column("promised", lambda row: amount(row["amount"])),
        Column("drawn", lambda row: amount(row["drawn"])),
        Column("most that can\nbe lost", lambda row: amount(row["most_that_can_be_lost"])),
        Column("lost", lambda row: amount(row["lost"])),
        Column("known how", lambda row: text(row["provenance"]).lower(), right=False, gives_way=1),
    )
    return View("capital", "Capital", deal.name, columns, one_section(table.rows))


def _tranches(deal: Deal, table: Table) -> View:
    """What lenders put in and get back, where the file says what the money is for."""
    amount = _amounts(deal)
    columns = (
        Column("tranche", lambda row: text(row["name"]), right=False),
        Column("lender", lambda row: text(row["party"]), right=False, gives_way=1),
        Column("put in", lambda row: amount(row["invested"])),
        Column("got back", lambda row: amount(row["returned"])),
        Column("a year, %", lambda row: text(row["xirr_reason"]) if row["xirr"] is None else percent(row["xirr"])),
        Column("money\nback", lambda row: multiple(row["moic"])),
    )
    return View("tranches", "Lenders", deal.name, columns, one_section(table.rows))


def _units(row: Row) -> str:
    """Units with what they are."""
    if row["unit"] is None:
        return ""
    return ABSENT if row["units"] is None else f"{row['units']:,.10g} {text(row['unit'])}"


def _amounts(deal: Deal) -> Callable[[Cell], str]:
    """How an amount is written: to the cent where there are cents."""

    def amount(cell: Cell) -> str:
        if not isinstance(cell, int | float):
            return ABSENT
        whole = money(abs(cell), deal.currency)
        cents = round(abs(cell) * 100) % 100
        sign = "-" if cell < 0 else ""
        if not cents:
            return f"{sign}{whole}"
        unit = whole.rstrip("0123456789,")
        return f"{sign}{unit}{abs(cell):,.2f}"

    return amount
