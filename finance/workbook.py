"""A workbook of a deal in one of its futures, with live formulas: change a price by hand and the waterfall follows.

The rules are not written twice. The waterfall runs here on cells instead of arrays (`cells`), so that every amount that
it remembers becomes a formula on the sheet Steps, and every movement of cash one on the sheet Cash book; the sheets
that people read add those up. Which future is shown is a cell of its own (Inputs), and what the study found in each of
them stands on the sheet Futures. Rules that are no price times units come in as the engine's figures, marked so.

No text of a user can become a formula or a link: every text is written as text.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd

from cradlecast.finance.budget import Due, due_uses
from cradlecast.finance.case import Case
from cradlecast.finance.cash import INVESTOR_LINES
from cradlecast.finance.cells import Cell, cell, chosen, least, most, rounded
from cradlecast.finance.money import CENTS_PER_DOLLAR, to_dollars
from cradlecast.finance.payments import ENDED, MINIMUM_SAMPLE, REQUIREMENT, UNAPPROPRIATED, Payments
from cradlecast.finance.returns import DAYS_PER_YEAR, HIGHEST_RATE, LOWEST_RATE
from cradlecast.finance.rules import price_in
from cradlecast.finance.waterfall import Account, Terms, flow
from cradlecast.scenarios.contract import Metric
from cradlecast.scenarios.deal import Deal, OtherMoney, Recycled

MOST_FUTURES: Final = 2_000
"""Futures that a workbook holds at most: the first ones of the study."""

SHEETS: Final = (
    "Inputs",
    "Sources and uses",
    "Draws",
    "Outcomes",
    "Payments",
    "Waterfall",
    "Returns",
    "Payer view",
    "Checks",
    "Cash book",
    "Steps",
    "Futures",
)
HALVINGS: Final = 60
"""Halvings of the range of rates: to less than a double can tell."""

WITHHELD: Final = (MINIMUM_SAMPLE, REQUIREMENT, ENDED, UNAPPROPRIATED)

NO_ACCOUNT: Final = "-"
"""Account of what is paid to a party and belongs to no source or use."""

type Value = Cell | str | float | date | None


class _Book:
    """The sheets of a workbook, and where the next row of each goes."""

    def __init__(self) -> None:
        import xlsxwriter  # here, because only this needs it

        self.content = io.BytesIO()
        options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        self.file = xlsxwriter.Workbook(self.content, options)
        self.file.set_properties({"created": datetime(2020, 1, 1)})  # the same bytes for the same deal
        self.file.set_calc_mode("auto")
        self.sheets = {name: self.file.add_worksheet(name) for name in SHEETS}
        self.formats = {
            "head": self.file.add_format({"bold": True, "bottom": 1, "text_wrap": True}),
            "title": self.file.add_format({"bold": True, "font_size": 13}),
            "date": self.file.add_format({"num_format": "yyyy-mm-dd", "align": "left"}),
            "input": self.file.add_format({"bg_color": "#FFF2CC", "num_format": "#,##0.00####"}),
            "number": self.file.add_format({"num_format": "#,##0.00##"}),
            "share": self.file.add_format({"num_format": "0.0000%"}),
        }
        self.next = dict.fromkeys(SHEETS, 0)
        for sheet in self.sheets.values():
            sheet.set_column(0, 0, 30)
            sheet.set_column(1, 60, 16)

    def row(self, sheet: str, *values: Value, style: str = "") -> int:
        """Write a row of values from the first column on; its number."""
        at = self.next[sheet]
        for column, value in enumerate(values):
            self.put(sheet, at, column, value, style)
        self.next[sheet] = at + 1
        return at

    def put(self, sheet: str, row: int, column: int, value: Value, style: str = "") -> Cell:
        """Write one value, and give back the cell that it stands in."""
        page, where = self.sheets[sheet], f"'{sheet}'!{_address(row, column)}"
        if value is None:
            return Cell(where, 0.0)
        if isinstance(value, str):
            page.write_string(row, column, value, self.formats.get(style))
            return Cell(where, 0.0)
        if isinstance(value, Cell):
            style = style or ("" if isinstance(value.value, bool) else "number")
            page.write_formula(row, column, f"={value.formula}", self.formats.get(style), value.value)
            return Cell(where, value.value)
        if isinstance(value, date):
            page.write_datetime(row, column, datetime(value.year, value.month, value.day), self.formats["date"])
            return Cell(where, float((value - date(1899, 12, 30)).days))
        number = float(value) if np.isfinite(value) else 0.0
        page.write_number(row, column, number, self.formats.get(style or "number"))
        return Cell(where, number)

    def title(self, sheet: str, text: str, about: str = "") -> None:
        """Head a sheet."""
        self.row(sheet, text, style="title")
        if about:
            self.row(sheet, about)
        self.next[sheet] += 1

    def head(self, sheet: str, *names: str) -> None:
        """Name the columns."""
        self.row(sheet, *names, style="head")

    def close(self) -> bytes:
        """The whole file."""
        self.file.close()
        return self.content.getvalue()


def workbook(case: Case, record: Mapping[str, object], future: int | None = None) -> bytes:
    """The workbook of a case, as the bytes of an xlsx file.

    Parameters
    ----------
    case
        A deal on results that are there.
    record
        What was asked, for the first sheet.
    future
        The sample that is shown first, counted from 0; the one in the middle by outcome payments if None.
    """
    payments = case.owed()
    shown = min(len(payments.paid), MOST_FUTURES)
    if future is None:
        future = int(np.argsort(payments.paid[:shown].sum(axis=1), kind="stable")[(shown - 1) // 2])
    book = _Book()
    return _Writer(book, case, payments, shown, future).write(record)


@dataclass(frozen=True)
class Movement:
    """One row of the cash book: where its dollars stand, and what they are now."""

    day: date
    party: str
    account: str
    line: str
    cell: Cell


class _OnSheets(Account):
    """The deal's account, whose every step and movement is written into the workbook."""

    def __init__(self, book: _Book, deal: Deal, dues: Sequence[Due], terms: Terms) -> None:
        self.book = book
        self.moved: list[Movement] = []
        self.held: list[Cell] = []
        super().__init__(deal, dues, terms, cell(0))  # type: ignore[arg-type]

    def keep(self, day: date, whose: str, what: str, amount: Any) -> Any:
        """Give an amount a cell of its own on the sheet Steps, in cents."""
        at = self.book.row("Steps", day, whose, what)
        kept = self.book.put("Steps", at, 3, cell(amount))
        if (whose, what) == ("cash", "held"):
            self.held.append(kept)
        return kept

    def post(self, day: date, party: str, account: str, line: str, cents: Any) -> None:
        """Write a movement into the cash book, in dollars."""
        account = account or NO_ACCOUNT
        at = self.book.row("Cash book", day, party, account, line)
        dollars = self.book.put("Cash book", at, 4, cell(cents) / CENTS_PER_DOLLAR)
        self.moved.append(Movement(day, party, account, line, dollars))


class _Writer:
    """What is written, sheet by sheet."""

    def __init__(self, book: _Book, case: Case, payments: Payments, shown: int, future: int) -> None:
        self.book, self.case, self.deal = book, case, case.deal
        self.payments, self.shown, self.future = payments, shown, future
        self.metrics = {metric.name: metric for metric in case.deal.metrics}
        self.promised: dict[str, Cell] = {}
        self.parts_seen: dict[str, int] = {}
        self.instalments_seen: set[tuple[str, int, int]] = set()

    def write(self, record: Mapping[str, object]) -> bytes:
        """Everything, in an order in which each sheet finds what it refers to."""
        self._inputs(record)
        self._futures()
        self._outcomes()
        receipts = self._payments()
        dues, terms = self._sources_and_uses()
        for sheet, columns in (
            ("Steps", ("date", "whose", "what", "cents")),
            ("Cash book", ("date", "party", "account", "line", "dollars to the party")),
        ):
            self.book.title(sheet, sheet)
            self.book.head(sheet, *columns)
        self.account = _OnSheets(self.book, self.deal, dues, terms)
        self.first_row = self.book.next["Cash book"]
        flow(self.account, dues, receipts)
        self._draws()
        self._waterfall()
        self._returns()
        self._payer_view()
        self._checks()
        return self.book.close()

    # Inputs

    def _inputs(self, record: Mapping[str, object]) -> None:
        """What may be changed by hand."""
        book, deal = self.book, self.deal
        book.title("Inputs", f"{deal.name}: {deal.title}", "Yellow cells may be changed by hand; all else follows.")
        if deal.illustrative:
            book.row("Inputs", "ILLUSTRATIVE: terms that matter are assumed rather than published.")
        for name in ("cradlecast", "fingerprint", "draws", "worlds", "seed"):
            if name in record:
                book.row("Inputs", name, str(record[name]))
        book.next["Inputs"] += 1
        at = book.row("Inputs", f"future shown (1 to {self.shown})")
        self.chosen = book.put("Inputs", at, 1, float(self.future + 1), "input")
        at = book.row("Inputs", "dollars per seat-year")
        cost = self.case.seat_cost
        per_seat = next((use.per_seat.value for use in deal.uses if use.per_seat is not None), 0.0)
        self.seat_cost = book.put("Inputs", at, 1, per_seat if cost is None else cost, "input")
        self.seats = {}
        for year in deal.school_years:
            at = book.row("Inputs", f"seats in school year {year}")
            self.seats[year] = book.put("Inputs", at, 1, self.case.seat_years.get(year, 0.0), "input")
        self.prices: dict[str, Cell] = {}
        for metric in deal.metrics:
            if metric.rule == "price_per_unit" and metric.price is not None:
                at = book.row("Inputs", f"price of {metric.name}")
                self.prices[metric.name] = book.put("Inputs", at, 1, metric.price.value, "input")
            else:
                at = book.row("Inputs", f"{metric.name}: times what its {metric.rule} comes to (engine's figure)")
                self.prices[metric.name] = book.put("Inputs", at, 1, 1.0, "input")
        self.rates = {}
        for tranche in deal.tranches:
            at = book.row("Inputs", f"interest a year of {tranche.name}")
            self.rates[tranche.name] = book.put("Inputs", at, 1, tranche.yearly_rate, "input")
        self.inputs: dict[str, Cell] = {}
        for name, dollars in self._amounts().items():
            at = book.row("Inputs", name)
            self.inputs[name] = book.put("Inputs", at, 1, dollars, "input")

    def _amounts(self) -> dict[str, float]:
        """Other amounts of the deal file, by what they are."""
        deal = self.deal
        found = {f"use {use.name}": use.amount.value for use in deal.uses if use.amount is not None}
        found |= {f"reserve {each.name}": each.amount.value for each in deal.reserves}
        found |= {f"source {each.name}": each.amount.value for each in deal.sources if each.amount is not None}
        found |= {f"guarantee {each.name}": each.amount.value for each in deal.guarantees}
        for tranche in deal.tranches:
            if tranche.return_cap is not None:
                found[f"most that {tranche.name} returns a year"] = tranche.return_cap.value
        for place, step in enumerate(deal.waterfall):
            if step.share is not None:
                found[f"step {place + 1}: share to {step.to}"] = step.share
            if step.most is not None:
                found[f"step {place + 1}: most to {step.to}"] = step.most.value
        for party in deal.parties:
            if party.payment_cap is not None:
                found[f"most that {party.name} pays over life"] = party.payment_cap.value
            if party.cap_per_year is not None:
                found[f"most that {party.name} pays in a year"] = party.cap_per_year.value
            for name, worth in party.worth_per_unit.items():
                found[f"worth to {party.name} of one {name}"] = worth.value
        for metric in deal.metrics:
            for key in ("cap_per_payment", "cap_per_year", "cap_over_life"):
                if (cap := getattr(metric, key)) is not None:
                    found[f"{key} of {metric.name}"] = cap.value
        if deal.cap_over_life is not None:
            found["most that is paid over the deal's life"] = deal.cap_over_life.value
        return found

    # Futures and outcomes

    def _futures(self) -> None:
        """What the study found in every future, as figures."""
        book, e, p = self.book, self.case.evaluation, self.payments
        times = self.case.times()
        columns: dict[str, Any] = {"draw": e.samples["draw"].to_numpy(), "world": e.samples["world"].to_numpy()}
        for at, (metric, cohort, day) in enumerate(e.cells.itertuples(index=False)):
            of = f"{metric} {cohort} {pd.Timestamp(day).date()}"
            for name in ("n_seated", "rate_seated", "rate_comparison", "effect", "true_effect"):
                columns[f"{name}: {of}"] = getattr(e, name)[:, at]
        for at, of in enumerate(self._claims()):
            columns[f"units: {of}"] = p.units[:, at]
            columns[f"engine's dollars: {of}"] = to_dollars(p.gross[:, at]) / (1.0 if times is None else times)
            columns[f"pays (1) or withheld (0): {of}"] = ~p.cut[list(WITHHELD), :, at].any(axis=0)
        columns["optimism"] = np.ones(len(p.paid)) if times is None else times
        book.title("Futures", "Futures", "What the study found: one row a future, in the order of the study. Figures.")
        book.head("Futures", *columns)
        self.futures_row = book.next["Futures"]
        self.found: dict[str, Cell] = {}
        for place, (name, values) in enumerate(columns.items()):
            numbers = np.nan_to_num(np.asarray(values, dtype=np.float64)[: self.shown])
            for row, number in enumerate(numbers):
                book.put("Futures", self.futures_row + row, place, float(number))
            first, last = (_address(self.futures_row + row, place) for row in (0, self.shown - 1))
            self.found[name] = Cell(
                f"INDEX('Futures'!{first}:{last},{self.chosen.formula})", float(numbers[self.future])
            )

    def _claims(self) -> list[str]:
        """A name for every claim."""
        claims = self.payments.claims
        return [
            f"{metric} {cohort} {pd.Timestamp(day).date()}"
            for metric, cohort, day in zip(claims["metric"], claims["cohort"], claims["date"], strict=True)
        ]

    def _outcomes(self) -> None:
        """Results of the chosen future, true and as evaluated, and the units that are paid for."""
        book, e = self.book, self.case.evaluation
        book.title(
            "Outcomes", "Outcomes of the chosen future", "Rates and effects are shares; units as the rule counts."
        )
        book.head(
            "Outcomes",
            *("metric", "born", "measured on", "children measured", "rate", "comparison", "effect as evaluated"),
            *("true effect", "units"),
        )
        self.units: dict[tuple[str, str, date], Cell] = {}
        for metric, cohort, day in e.cells.itertuples(index=False):
            measured = pd.Timestamp(day).date()
            of = f"{metric} {cohort} {measured}"
            at = book.row("Outcomes", str(metric), str(cohort), measured)
            names = ("n_seated", "rate_seated", "rate_comparison", "effect", "true_effect")
            n, rate, _, effect, _ = (
                book.put("Outcomes", at, 3 + place, self.found[f"{name}: {of}"]) for place, name in enumerate(names)
            )
            known = self.metrics.get(str(metric))
            if known is not None and known.rule == "price_per_unit" and not known.pooled:
                sign = -1 if known.better == "lower" else 1
                counted: Any = n * most(effect * sign, 0) if known.count == "net" else n * rate
                self.units[str(metric), str(cohort), measured] = book.put("Outcomes", at, 8, counted)

    # Payments

    def _payments(self) -> list[tuple[date, str, str, Any]]:
        """Every claim: units x price, what is withheld and cut, and what is paid; receipts of the waterfall."""
        book, claims = self.book, self.payments.claims
        book.title("Payments", "Payments of the chosen future")
        book.head(
            "Payments",
            *("metric", "born", "payer", "date", "units", "price", "before cuts", "pays (1/0)", "after set-off"),
            *("paid", "how", "paid, cents"),
        )
        self.left: dict[tuple[str, object], Cell] = {}
        self.paid_by_metric: dict[str, Cell] = {}
        self.used: dict[tuple[str, str], Cell] = {}
        self.deducted = {each.name: each.amount for each in self.deal.deductions}
        receipts: list[tuple[date, str, str, Any]] = []
        self.paid: list[tuple[date, str, str, Cell]] = []
        for at, of in enumerate(self._claims()):
            metric = self.metrics[claims["metric"].iloc[at]]
            day = pd.Timestamp(claims["date"].iloc[at]).date()
            row = book.row("Payments", metric.name, str(claims["cohort"].iloc[at]), metric.payer, day)
            cents = self._claim(row, at, of, metric, day)
            receipts.append((day, metric.payer, metric.name, cents))
            self.paid.append((day, metric.payer, metric.name, cents))
        return receipts

    def _claim(self, row: int, at: int, of: str, metric: Metric, day: date) -> Cell:
        """One claim, in cents; what is shown is in dollars."""
        book = self.book
        measured = day - timedelta(days=metric.lag_days)
        cohort = str(self.payments.claims["cohort"].iloc[at])
        live = metric.rule == "price_per_unit"
        units = self.units.get((metric.name, cohort, measured), self.found[f"units: {of}"])
        shown = book.put("Payments", row, 4, units)
        gross: Any
        if live:
            base = metric.price.value if metric.price is not None else 1.0
            factor = price_in(metric, measured.year) / base if base else 1.0
            price = book.put(
                "Payments", row, 5, self.prices[metric.name] * factor if factor != 1 else self.prices[metric.name] + 0
            )
            gross = rounded(shown * price * CENTS_PER_DOLLAR)
            how = "units x price"
        else:
            gross = rounded(self.found[f"engine's dollars: {of}"] * self.prices[metric.name] * CENTS_PER_DOLLAR)
            how = f"{metric.rule}: figure of the engine"
        if self.case.optimism:
            gross = rounded(gross * self.found["optimism"])
        before = book.put("Payments", row, 6, gross / CENTS_PER_DOLLAR) * CENTS_PER_DOLLAR
        pays = book.put("Payments", row, 7, self.found[f"pays (1) or withheld (0): {of}"])
        paid: Any = rounded(before * pays)
        worth = self.inputs.get(f"worth to {metric.payer} of one {metric.name}")
        if worth is not None:
            paid = least(paid, rounded(shown * worth * CENTS_PER_DOLLAR))
        paid = book.put("Payments", row, 8, self._set_off(metric, paid) / CENTS_PER_DOLLAR) * CENTS_PER_DOLLAR
        paid = book.put("Payments", row, 9, self._capped(metric, day, rounded(paid)) / CENTS_PER_DOLLAR)
        book.put("Payments", row, 10, how)
        cents = book.put("Payments", row, 11, rounded(paid * CENTS_PER_DOLLAR))
        self.paid_by_metric[metric.name] = self.paid_by_metric.get(metric.name, cell(0)) + cents
        for key in self._caps(metric, day):
            self.left[key] = self.left[key] - cents
        return cents

    def _set_off(self, metric: Metric, paid: Any) -> Any:
        """What deductions and other payments leave, each used once."""
        for name in metric.net_of:
            if name in self.deducted:
                amount = self.deducted[name]
                left = self.left.get(("deduction", name), cell(round((amount.value if amount else 0.0) * 100)))
                taken: Any = least(paid, left)
                self.left["deduction", name] = left - taken
            else:
                used = self.used.get((metric.name, name), cell(0))
                taken = least(paid, self.paid_by_metric.get(name, cell(0)) - used)
                self.used[metric.name, name] = used + taken
            paid = paid - taken
        return paid

    def _caps(self, metric: Metric, day: date) -> dict[tuple[str, object], str]:
        """Caps that hold for a claim, by what they are of, and the input that each is."""
        year = self._year_of(day)
        found = {
            ("per payment", (metric.name, day)): f"cap_per_payment of {metric.name}",
            ("per year", (metric.name, year)): f"cap_per_year of {metric.name}",
            ("life", metric.name): f"cap_over_life of {metric.name}",
            ("payer's year", (metric.payer, year)): f"most that {metric.payer} pays in a year",
            ("payer's life", metric.payer): f"most that {metric.payer} pays over life",
            ("deal's life", None): "most that is paid over the deal's life",
        }
        return {key: name for key, name in found.items() if name in self.inputs}

    def _capped(self, metric: Metric, day: date, paid: Any) -> Any:
        """What the caps leave."""
        for key, name in self._caps(metric, day).items():
            room = self.left.setdefault(key, rounded(self.inputs[name] * CENTS_PER_DOLLAR))
            paid = least(paid, room)
        return paid

    def _year_of(self, day: date) -> int:
        """The deal's year that a payment falls in."""
        return day.year if day.month >= self.deal.year_begins else day.year - 1

    # Sources and uses

    def _sources_and_uses(self) -> tuple[list[Due], Terms]:
        """What falls due and who has promised it, with the amounts as formulas."""
        book, deal = self.book, self.deal
        dues = due_uses(deal, self.case.seat_years, self.case.seat_cost)
        sheet = "Sources and uses"
        book.title(sheet, "Sources and uses, as closed")
        book.head(sheet, "falls due for", "on", "cents", "paid to")
        live = []
        for due in dues:
            at = book.row(sheet, due.use, due.date, None, due.party or "kept by the deal")
            cents = book.put(sheet, at, 2, self._due(due))
            live.append(due._replace(cents=cents))  # type: ignore[arg-type]
        book.next[sheet] += 1
        book.head(sheet, "use", "kind", "dollars", "paid to")
        rows: list[Cell] = []
        named: list[tuple[str, str, str, str]] = [
            (use.name, "seats" if use.per_seat else "amount", use.to, use.paid_by) for use in deal.uses
        ]
        named += [(each.name, "reserve", "kept by the deal", "sources") for each in deal.reserves]
        for name, kind, to, paid_by in named:
            if paid_by == "sources":
                total: Any = sum((due.cents for due in live if due.use == name), cell(0))
                at = book.row(sheet, name, kind, None, to)
                rows.append(book.put(sheet, at, 2, total / CENTS_PER_DOLLAR))
        uses: Any = sum(rows, cell(0))
        at = book.row(sheet, "uses together")
        uses = book.put(sheet, at, 2, uses)
        book.next[sheet] += 1
        book.head(sheet, "source", "kind", "dollars", "from")
        promised: dict[str, Any] = {}
        given: Any = cell(0)
        for source in deal.sources:
            if source.amount is not None:
                promised[source.name] = rounded(self.inputs[f"source {source.name}"] * CENTS_PER_DOLLAR)
                given = given + promised[source.name]
        balance = next((s.name for s in deal.sources if isinstance(s, OtherMoney) and s.balance), None)
        if balance is not None:
            promised[balance] = rounded(uses * CENTS_PER_DOLLAR) - given
        cells = {}
        for source in deal.sources:
            party = "outcome payments" if isinstance(source, Recycled) else source.party
            at = book.row(sheet, source.name, source.kind, None, party)
            cells[source.name] = book.put(sheet, at, 2, promised[source.name] / CENTS_PER_DOLLAR)
        at = book.row(sheet, "sources together")
        sources = book.put(sheet, at, 2, sum(cells.values(), cell(0)))
        self.gap = sources - uses
        book.next[sheet] += 1
        book.head(sheet, "source", "in", "cents")
        for name, dollars in cells.items():
            at = book.row(sheet, name, "whole cents")
            self.promised[name] = book.put(sheet, at, 2, rounded(dollars * CENTS_PER_DOLLAR))
        return live, self._terms()

    def _due(self, due: Due) -> Any:
        """Cents of one amount that falls due, as a formula on the inputs."""
        deal = self.deal
        reserve = next((each for each in deal.reserves if each.name == due.use), None)
        if reserve is not None:
            return rounded(self.inputs[f"reserve {reserve.name}"] * CENTS_PER_DOLLAR)
        use = next(use for use in deal.uses if use.name == due.use)
        if use.per_seat is None:
            whole = rounded(self.inputs[f"use {use.name}"] * CENTS_PER_DOLLAR)
            order = sorted(range(len(use.dates)), key=lambda place: use.dates[place])
            seen = self.parts_seen.get(use.name, 0)
            self.parts_seen[use.name] = seen + 1
            return _part(whole, [1 / len(use.dates)] * len(use.dates), order[seen])
        year, place = next(
            (year, place)
            for year in deal.school_years
            for place, part in enumerate(use.instalments)
            if part.on(year) == due.date and (use.name, year, place) not in self.instalments_seen
        )
        self.instalments_seen.add((use.name, year, place))
        whole = rounded(self.seat_cost * self.seats[year] * CENTS_PER_DOLLAR)
        return _part(whole, [part.share for part in use.instalments], place)

    def _terms(self) -> Terms:
        """The numbers that the waterfall reads, as cells."""
        deal, cents = self.deal, CENTS_PER_DOLLAR
        steps = list(enumerate(deal.waterfall))
        return Terms(
            promised=self.promised,
            rates=self.rates,
            caps={
                t.name: self.inputs[f"most that {t.name} returns a year"]
                for t in deal.tranches
                if t.return_cap is not None
            },
            guaranteed={g.name: rounded(self.inputs[f"guarantee {g.name}"] * cents) for g in deal.guarantees},
            shares={
                place: self.inputs[f"step {place + 1}: share to {step.to}"]
                for place, step in steps
                if step.share is not None
            },
            most={
                place: rounded(self.inputs[f"step {place + 1}: most to {step.to}"] * cents)
                for place, step in steps
                if step.most is not None
            },
        )

    # What people read

    def _summed(self, day: Cell | None, party: str | None, account: str | None, lines: Sequence[str]) -> Cell:
        """Dollars of the cash book: movements that match, added up by SUMIFS."""
        chosen = [
            m.cell.value
            for m in self.account.moved
            if (day is None or float((m.day - date(1899, 12, 30)).days) == day.value)
            and (party is None or m.party == party)
            and (account is None or m.account == account)
            and m.line in lines
        ]
        last = self.book.next["Cash book"] - 1

        def column(place: int) -> str:
            return f"'Cash book'!{_address(self.first_row, place)}:{_address(last, place)}"

        parts = []
        for line in lines:
            tests = [f"{column(3)},{_text(line)}"]
            tests += [f"{column(0)},{day.formula}"] if day is not None else []
            tests += [f"{column(1)},{_text(party)}"] if party is not None else []
            tests += [f"{column(2)},{_text(account)}"] if account is not None else []
            parts.append(f"SUMIFS({column(4)},{','.join(tests)})")
        return Cell("(" + "+".join(parts) + ")", float(sum(chosen)))

    def _dates(self, sheet: str, days: Sequence[date], first: int) -> dict[date, Cell]:
        """A row of dates at the head of columns."""
        at = self.book.next[sheet]
        cells = {day: self.book.put(sheet, at, first + place, day) for place, day in enumerate(days)}
        self.book.next[sheet] = at + 1
        return cells

    def _draws(self) -> None:
        """Money drawn from each source, by date."""
        book = self.book
        book.title("Draws", "Draws", "Dollars that each source pays in, by date.")
        lines = ("drawn", "paid in", "in place of recycled money")
        days = sorted({m.day for m in self.account.moved if m.line in lines})
        dates = self._dates("Draws", days, 2)
        for source in self.deal.sources:
            if isinstance(source, Recycled):
                continue
            at = book.row("Draws", source.name, source.party)
            for place, day in enumerate(days):
                book.put("Draws", at, 2 + place, -self._summed(dates[day], None, source.name, lines))

    def _waterfall(self) -> None:
        """What each party receives and pays, by line and date."""
        book = self.book
        book.title("Waterfall", "Waterfall", "Dollars to each party (below zero: from it), by date and line.")
        days = sorted({m.day for m in self.account.moved})
        dates = self._dates("Waterfall", days, 4)
        for party, account, line in dict.fromkeys((m.party, m.account, m.line) for m in self.account.moved):
            at = book.row("Waterfall", party, account, line)
            cells = [
                book.put("Waterfall", at, 4 + place, self._summed(dates[day], party, account, (line,)))
                for place, day in enumerate(days)
            ]
            book.put("Waterfall", at, 3, sum(cells, cell(0)))

    def _returns(self) -> None:
        """What each tranche put in and got back, and what that is a year."""
        book = self.book
        book.title(
            "Returns",
            "Returns of the chosen future",
            "A year: as XIRR (Act/365F, effective annual), by halving; a total loss is -100 %. Where flows change sign "
            "more than once there may be other rates.",
        )
        book.head("Returns", "tranche", "put in", "got back", "multiple", "a year")
        summary = {tranche.name: book.row("Returns", tranche.name) for tranche in self.deal.tranches}
        self.returns: dict[str, Cell] = {}
        for tranche in self.deal.tranches:
            book.next["Returns"] += 1
            days = sorted({m.day for m in self.account.moved if m.account == tranche.name and m.line in INVESTOR_LINES})
            book.row("Returns", f"{tranche.name}: date", "dollars", "years", style="head")
            first, cells = book.next["Returns"], []
            for day in days:
                at = book.row("Returns")
                when = book.put("Returns", at, 0, day)
                cells.append(book.put("Returns", at, 1, self._summed(when, None, tranche.name, INVESTOR_LINES)))
            put_in = book.put("Returns", summary[tranche.name], 1, -self._summed(None, None, tranche.name, ("drawn",)))
            rest = tuple(line for line in INVESTOR_LINES if line != "drawn")
            back = book.put("Returns", summary[tranche.name], 2, self._summed(None, None, tranche.name, rest))
            multiple = Cell(f"IF({put_in.formula}=0,0,{back.formula}/{put_in.formula})", _over(back, put_in))
            book.put("Returns", summary[tranche.name], 3, multiple)
            if cells:
                found = self._rate(first, days, cells, put_in)
                worth = Cell(f"EXP({found.formula})-1", math.expm1(found.value))
                lost = Cell(f"IF({back.formula}=0,-1,{worth.formula})", worth.value if back.value else -1.0)
                rate = Cell(f"IF({put_in.formula}=0,0,{lost.formula})", lost.value if put_in.value else 0.0)
                self.returns[tranche.name] = book.put("Returns", summary[tranche.name], 4, rate, "share")

    def _rate(self, first: int, days: Sequence[date], flows: Sequence[Cell], put_in: Cell) -> Cell:
        """The log of 1 + the yearly rate at which dated flows are worth nothing, by halving, in rows of its own.

        Spreadsheets' XIRR was seen to go astray where most of the money is lost.
        """
        book, sheet = self.book, "Returns"
        years = [
            book.put(sheet, first + at, 2, cell((day - days[0]).days / DAYS_PER_YEAR)) for at, day in enumerate(days)
        ]
        last = first + len(days) - 1
        values, when = (f"{_address(first, place)}:{_address(last, place)}" for place in (1, 2))
        low, high = cell(math.log1p(LOWEST_RATE)), cell(math.log1p(HIGHEST_RATE))
        book.row(sheet, "log of 1 + rate, halved", "from", "to", "worth there, of a dollar put in", style="head")
        for _ in range(HALVINGS):
            at = book.row(sheet)
            low, high = book.put(sheet, at, 1, low), book.put(sheet, at, 2, high)
            middle = (low + high) / 2
            total = sum(
                flow.value * math.exp(-middle.value * year.value) for flow, year in zip(flows, years, strict=True)
            )
            worth = f"SUMPRODUCT({values},EXP(-{middle.formula}*{when}))/MAX(1,{put_in.formula})"
            net = book.put(sheet, at, 3, Cell(worth, float(total) / max(1.0, put_in.value)))
            above = net > 0
            low, high = chosen(above, middle, low), chosen(above, high, middle)
        return (low + high) / 2

    def _payer_view(self) -> None:
        """What each payer pays, by calendar year, against its cap."""
        book = self.book
        book.title("Payer view", "Payers in the chosen future", "Dollars paid, by calendar year.")
        years = sorted({m.day.year for m in self.account.moved})
        book.head("Payer view", "payer", "for", "at most", "together", *map(str, years))
        kinds = {"outcomes": ("outcome payment",), "beside": ("paid in", "in place of recycled money")}
        for party in (party for party in self.deal.parties if party.role == "outcomes_payer"):
            for kind, lines in kinds.items():
                cap = self.inputs.get(f"most that {party.name} pays over life") if kind == "outcomes" else None
                at = book.row("Payer view", party.name, kind, cap)
                cells = []
                for place, year in enumerate(years):
                    parts = [self._in_year(party.name, line, year) for line in lines]
                    cells.append(book.put("Payer view", at, 4 + place, -sum(parts[1:], parts[0])))
                book.put("Payer view", at, 3, sum(cells, cell(0)))

    def _in_year(self, party: str, line: str, year: int) -> Cell:
        """Dollars of a party and line in a calendar year."""
        value = sum(m.cell.value for m in self.account.moved if (m.party, m.line, m.day.year) == (party, line, year))
        last = self.book.next["Cash book"] - 1

        def column(place: int) -> str:
            return f"'Cash book'!{_address(self.first_row, place)}:{_address(last, place)}"

        tests = (
            f'{column(1)},{_text(party)},{column(3)},{_text(line)},{column(0)},">="&DATE({year},1,1),'
            f'{column(0)},"<="&DATE({year},12,31)'
        )
        return Cell(f"SUMIFS({column(4)},{tests})", float(value))

    def _checks(self) -> None:
        """What must hold whatever is changed."""
        book = self.book
        book.title("Checks", "Checks")
        book.head("Checks", "what must hold", "holds", "off by")
        last = book.next["Cash book"] - 1
        span = f"'Cash book'!{_address(self.first_row, 4)}:{_address(last, 4)}"
        total = Cell(f"SUM({span})", float(sum(m.cell.value for m in self.account.moved)))
        lowest: Any = least(_least(self.account.held), 0) / CENTS_PER_DOLLAR
        rows: list[tuple[str, Any]] = [
            ("sources equal uses", self.gap),
            ("every dollar in is a dollar out", total),
            ("cash is never below zero", lowest),
        ]
        for party in self.deal.parties:
            cap = self.inputs.get(f"most that {party.name} pays over life")
            if cap is not None:
                paid: Any = sum((cents for _, payer, _, cents in self.paid if payer == party.name), cell(0))
                rows.append((f"{party.name} pays no more than its cap", most(paid / CENTS_PER_DOLLAR - cap, 0)))
        for name, off in rows:
            at = book.row("Checks", name)
            gap = book.put("Checks", at, 2, cell(off))
            book.put("Checks", at, 1, Cell(f"ABS({gap.formula})<0.005", bool(abs(gap.value) < 0.005)))


def _part(whole: Cell, shares: Sequence[float], place: int) -> Cell:
    """One part of an amount, so that the parts sum to it, as `money.split`."""
    ends = np.cumsum(shares)
    end = whole if place == len(shares) - 1 else rounded(whole * float(ends[place]))
    return end - rounded(whole * float(ends[place - 1])) if place else end


def _least(cells: Sequence[Cell]) -> Cell:
    """The least of many cells, 200 at a time: a formula takes no more than 255 arguments."""
    lows = [
        Cell(
            f"MIN({','.join(each.formula for each in cells[at : at + 200])})",
            min(c.value for c in cells[at : at + 200]),
        )
        for at in range(0, len(cells), 200)
    ]
    return lows[0] if len(lows) == 1 else (_least(lows) if lows else cell(0))


def _over(part: Cell, whole: Cell) -> float:
    """A ratio, 0 where the whole is nothing."""
    return part.value / whole.value if whole.value else 0.0


def _address(row: int, column: int) -> str:
    """An absolute address, as $C$5."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return f"${letters}${row + 1}"


def _text(words: str) -> str:
    """A text in a formula."""
    return '"' + words.replace('"', '""') + '"'
