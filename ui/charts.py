"""The charts of the page: a table in, a HoloViews element out; and each chart again in plain sentences.

Every chart is a column of rows. A row has a line of words with a figure at its right, a line of detail, and its marks
below, so that it reads on a narrow telephone. A chart shows one scenario. Layers and their order do not depend on the
data, so that a chart can be redrawn in place (``hv.DynamicMap``). Text from tables comes escaped, in sentences too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import holoviews as hv
import holoviews.plotting.bokeh
import pandas as pd
from bokeh.models import NumeralTickFormatter

from cradlecast.ui.escape import safe
from cradlecast.ui.figures import count, money, multiple, percent, points, spans_zero, text, word
from cradlecast.ui.occasion import EVERYBODY
from cradlecast.ui.palette import PALETTE as PALETTE
from cradlecast.ui.palette import Colours
from cradlecast.ui.rows import Cell, Row, table_of

ROW_HEIGHT: Final = 58
AXIS_HEIGHT: Final = 78
KEY_HEIGHT: Final = 24
"""Pixels of a row, of the axis below all of them, and of what explains the colours above."""

LONGEST_TITLE: Final = 30
LONGEST_NOTE: Final = 56
"""Letters that fit beside a figure, and across, where a page is 390 pixels wide; a tooltip has all of them."""

MOST_PAYMENTS: Final = 12
"""More payments than this are added up by year and payer."""

TAIL: Final = 0.05
"""What a central 90 % interval leaves out at each end."""

FARTHEST: Final = 4.0
"""The axis of costs ends at so many times the largest cost; intervals that go on end in an arrow."""

_MARKS: Final = 0.8
_UNDER_BARS: Final = 0.94
"""How far below the top of a row, which is 1 high, its marks stand, and the intervals of bars."""

_UNSURE: Final = "how sure a cost is, is not known yet"

_BARE: Final[Mapping[str, Any]] = {"apply_ranges": False, "default_tools": [], "backend": "bokeh"}
"""Options of each layer: the chart sets its axes itself, and nothing can be dragged or zoomed by accident."""

_ALL: Final = "all"
_SIDES: Final = {"gained": 1.0, "lost": -1.0}
_CHANNELS: Final = {"direct": "own seat or service", "vacated": "another place", "peers": "classmates"}
_FULLNESS: Final = {"direct": 1.0, "vacated": 0.45, "peers": 0.0}
"""How full the bars of a channel are: they differ without colour, too."""

type Number = float | None
"""A number, or nothing to be drawn."""

type Mark = tuple[float | str, ...]
"""Coordinates of a mark, what it shows, and its look."""

type Paths = Mapping[tuple[str, str, str], Row]
"""Rows of children by milestone, direction and channel."""


@dataclass(frozen=True)
class Line:
    """The words of a row, as they came: what it is about, its figure, its detail, and what only a tooltip adds."""

    title: str
    figure: str
    note: str = ""
    more: str = ""


@dataclass(frozen=True)
class Frame:
    """Ends of the axes, and the height in pixels."""

    across: tuple[float, float]
    down: tuple[float, float]
    height: int


@dataclass(frozen=True)
class Payment:
    """A payment, or several of a year and payer added up, which have no interval."""

    title: str
    payer: str
    note: str
    more: str
    paid: Number
    low: Number
    high: Number
    true: Number


# --- Milestones ---


def milestone_chart(milestones: pd.DataFrame, group: str = EVERYBODY, theme: str = "light") -> hv.Overlay:
    """Milestones of a group from the baseline (ring at zero) to the scenario (dot), with intervals of the change.

    Parameters
    ----------
    milestones
        Table of a study, or of a preview: there the ends of intervals may be absent or null, and ``impact`` may be
        left to ``rate`` and ``baseline_rate``.
    group
        A name in the column ``group``.
    theme
        A key of ``PALETTE``.

    Raises
    ------
    ValueError
        If the table holds several scenarios.
    """
    colours = PALETTE[theme]
    rows = _milestones(milestones, group)
    lines = [
        Line(
            word(row["milestone"]).capitalize(),
            f"{percent(row['baseline_rate'])} → {percent(row['rate'])} %",
            _change(row),
        )
        for row in rows
    ]
    changes, lows, highs = (
        [_times(row[name], 100) for row in rows] for name in ("impact", "impact_low", "impact_high")
    )
    inks = [{"gain": colours.gain, "loss": colours.loss}.get(_sign(row), colours.open) for row in rows]
    fills = [colours.background if ink == colours.open else ink for ink in inks]
    starts = [None if change is None else 0.0 for change in changes]
    back, grey = [colours.background] * len(rows), [colours.faint_text] * len(rows)
    return _chart(
        lines,
        _limits(changes, lows, highs),
        _with_interval("change from the baseline (ring), percentage points", lows),
        colours,
        _nobody(group),
        spans=_spans("interval", lows, highs, [colours.text] * len(rows))
        + _spans("change", starts, changes, inks, width=4.0),
        dots=_dots("baseline", starts, grey, back) + _dots("scenario", changes, inks, fills),
    )


def milestone_summary(milestones: pd.DataFrame, group: str = EVERYBODY) -> str:
    """The same in two to four sentences: the largest change, which changes are sure, which are not."""
    rows = [row for row in _milestones(milestones, group) if _number(row["impact"]) is not None]
    if not rows:
        return f"{safe(_nobody(group))} The chart is empty."
    largest = max(rows, key=lambda row: abs(_number(row["impact"]) or 0.0))
    number = f" ({count(largest['n_community'])})" if largest.get("n_community") is not None else ""
    sentences = [
        f"For {_called(group)}{number}, {_many(len(rows), 'milestone')} in the baseline and in the scenario: the "
        f"largest change is in {word(largest['milestone'])}, from {percent(largest['baseline_rate'])} to "
        f"{percent(largest['rate'])} percent, {_change(largest)}."
    ]
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(_sign(row), []).append(word(row["milestone"]))
    words = {
        "gain": "the whole interval lies above zero for",
        "loss": "the whole interval lies below zero for",
        "none": "nothing changes in any future for",
    }
    sure = [f"{words[sign]} {_and(found[sign])}" for sign in words if sign in found]
    if sure:
        sentences.append(_sentence("; ".join(sure)))
    if "open" in found:
        sentences.append(f"The interval includes zero for {_and(found['open'])}: a gain cannot be told from a loss.")
    if "unknown" in found:
        which = "any milestone" if len(found["unknown"]) == len(rows) else _and(found["unknown"])
        sentences.append(f"There is no interval for {which}: how sure the change is cannot be said.")
    return safe(" ".join(sentences))


def _milestones(table: pd.DataFrame, group: str) -> list[dict[str, Cell]]:
    """The rows of a group, with every column that is drawn."""
    names = ("rate", "baseline_rate", "impact", "impact_low", "impact_high")
    rows = [dict.fromkeys(names) | dict(row) for row in _rows(table) if row["group"] == group]
    for row in rows:
        before, after = _number(row["baseline_rate"]), _number(row["rate"])
        if row["impact"] is None and before is not None and after is not None:
            row["impact"] = after - before
    return rows


def _sign(row: Row) -> str:
    """What the interval of a change says: gain, loss, open, none in any future, or unknown without an interval."""
    low, high = _number(row["impact_low"]), _number(row["impact_high"])
    if low is None or high is None:
        return "unknown"
    if spans_zero(row, "impact"):
        return "open"
    return "gain" if low > 0 else "loss" if high < 0 else "none"


def _change(row: Row) -> str:
    """A change in words, with its interval where there is one."""
    sign = _sign(row)
    if _number(row["impact"]) is None:
        return "not measured"
    if sign == "none":
        return "no change"
    ends = "" if sign == "unknown" else f" ({points(row['impact_low'])} to {points(row['impact_high'])})"
    return f"{points(row['impact'])} points{ends}{', gain or loss' if sign == 'open' else ''}"


def _nobody(group: str) -> str:
    """What stands where a group has no row."""
    return f"No milestones of {_called(group)}."


def _called(group: str) -> str:
    """A group in words."""
    return "all children" if group == EVERYBODY else f"the group {word(group)}"


# --- Paths ---


def paths_chart(paths: pd.DataFrame, theme: str = "light") -> hv.Overlay:
    """Children whose path changed, by the milestone at which it first does: lost to the left, gained to the right.

    Parameters
    ----------
    paths
        Table of a study; rows with ``all`` are totals with intervals of their own, and may be absent.
    theme
        A key of ``PALETTE``.

    Raises
    ------
    ValueError
        If the table holds several scenarios.
    """
    colours = PALETTE[theme]
    found = _paths(paths)
    names = _parted_at(found)
    sides = [(place, name, way) for place, name in enumerate(names) for way in _SIDES]
    places = [place for place, _, _ in sides]
    starts, bars = [0.0] * len(sides), []
    for colour, (channel, label) in zip(colours.series, _CHANNELS.items(), strict=False):
        sizes = [_SIDES[way] * _children(found, name, way, channel) for _, name, way in sides]
        stops = [start + size for start, size in zip(starts, sizes, strict=True)]
        bars += _bars(label, starts, stops, [colour] * len(sides), _FULLNESS[channel], places)
        starts = stops
    lows, highs = (
        [_times(_end(found, end, name, way), _SIDES[way]) for _, name, way in sides] for end in ("low", "high")
    )
    lines = [
        Line(
            word(name).capitalize(),
            f"{count(_children(found, name, 'gained'))} gained, {count(_children(found, name, 'lost'))} lost",
            "; ".join(f"{way} {span}" for way in _SIDES if (span := _span(found, name, way))),
            _through(found, name),
        )
        for name in names
    ]
    return _chart(
        lines,
        _limits(starts, lows, highs),
        _with_interval("children of the community: lost (left), gained (right)", lows),
        colours,
        "No path changes.",
        bars=bars,
        spans=_spans("interval", lows, highs, [colours.text] * len(sides), below=_UNDER_BARS, places=places),
        key=[
            (label, colour, _FULLNESS[name])
            for colour, (name, label) in zip(colours.series, _CHANNELS.items(), strict=False)
        ],
    )


def paths_summary(paths: pd.DataFrame) -> str:
    """The same in sentences: how many paths change, which way, where first, and through what."""
    found = _paths(paths)
    names = _parted_at(found)
    if not names:
        return "No path of a child changes in this study. The chart is empty."
    first = max(names, key=lambda name: _children(found, name))
    ways = [
        f"{count(_children(found, _ALL, way))} {verb} it{_bracketed(_span(found, _ALL, way))}"
        for way, verb in (("gained", "gain"), ("lost", "lose"))
    ]
    span = _bracketed(_span(found, _ALL, _ALL))
    return safe(
        f"The paths of {count(_children(found))} children of the community change{span}. "
        f"At the first milestone that differs, {_and(ways)}. "
        f"That is most often {word(first)} ({count(_children(found, first))} children). "
        f"What changed for them: {_through(found, _ALL)}."
    )


def _paths(table: pd.DataFrame) -> Paths:
    """The rows of all children by what they are about."""
    rows = _rows(table[table["group"] == _ALL])
    return {(str(row["milestone"]), str(row["direction"]), str(row["channel"])): row for row in rows}


def _parted_at(found: Paths) -> list[str]:
    """The milestones at which any path first parts."""
    names = dict.fromkeys(milestone for milestone, _, _ in found if milestone != _ALL)
    return [name for name in names if _children(found, name) > 0]


def _children(found: Paths, milestone: str = _ALL, direction: str = _ALL, channel: str = _ALL) -> float:
    """Children of a row, or of the rows that it would be the total of."""
    wanted = (milestone, direction, channel)
    if wanted in found:
        return _number(found[wanted]["children"]) or 0.0
    parts = [
        _number(row["children"]) or 0.0
        for key, row in found.items()
        if all(name != _ALL if want == _ALL else name == want for name, want in zip(key, wanted, strict=True))
    ]
    return sum(parts)


def _end(found: Paths, end: str, milestone: str, direction: str) -> Number:
    """An end of the interval over all channels."""
    row = found.get((milestone, direction, _ALL))
    return _number(row.get(f"children_{end}")) if row else None


def _span(found: Paths, milestone: str, direction: str) -> str:
    """The interval over all channels in words, or nothing."""
    low, high = (_end(found, end, milestone, direction) for end in ("low", "high"))
    return "" if low is None or high is None else f"{count(low)} to {count(high)}"


def _through(found: Paths, milestone: str) -> str:
    """Children by what changed for them."""
    return ", ".join(f"{label} {count(_children(found, milestone, _ALL, name))}" for name, label in _CHANNELS.items())


# --- Payments ---


def payments_chart(payments: pd.DataFrame, theme: str = "light", currency: str = "USD") -> hv.Overlay:
    """What is paid, by date and payer; a ring where payment on the true effect would stand.

    Parameters
    ----------
    payments
        Table ``payments`` of a priced deal; or its ``outcomes``, which has no dates and knows the true effect. More
        than ``MOST_PAYMENTS`` are added up by year and payer.
    theme
        A key of ``PALETTE``.
    currency
        That of the deal.
    """
    colours = PALETTE[theme]
    rows = _payments(payments)
    payers = list(dict.fromkeys(row.payer for row in rows))
    inks = [colours.series[payers.index(row.payer) % len(colours.series)] for row in rows]
    lines = [Line(row.title, money(row.paid, currency), _payment_note(row, currency), row.more) for row in rows]
    paid, lows, highs, true = ([getattr(row, name) for row in rows] for name in ("paid", "low", "high", "true"))
    ink, back = [colours.text] * len(rows), [colours.background] * len(rows)
    unit = _with_interval(f"paid ({currency})", lows)
    if any(each is not None for each in true):
        unit += "; ring: on the true effect"
    return _chart(
        lines,
        _limits(paid, lows, highs, true),
        unit,
        colours,
        "No payments.",
        currency,
        bars=_bars("paid", [None if each is None else 0.0 for each in paid], paid, inks),
        spans=_spans("interval", lows, highs, ink, below=_UNDER_BARS),
        dots=_dots("on the true effect", true, ink, back),
    )


def payments_summary(payments: pd.DataFrame, currency: str = "USD") -> str:
    """The same in sentences: how much, by whom, the largest payment, and what the true effect would have earned."""
    table = table_of("payments", payments).rows
    if not table:
        return "There are no payments. The chart is empty."
    rows = [_payment(row) for row in table]
    dates = sorted(str(row["date"]) for row in table if row.get("date") is not None)
    total = sum(row.paid or 0.0 for row in rows)
    when = "" if not dates else f" on {dates[0]}" if dates[0] == dates[-1] else f" from {dates[0]} to {dates[-1]}"
    payers: dict[str, float] = {}
    for row in rows:
        payers[row.payer] = payers.get(row.payer, 0.0) + (row.paid or 0.0)
    largest = max(rows, key=lambda row: row.paid or 0.0)
    sentences = [
        f"{_many(len(rows), 'payment')}{when}, {money(total, currency)} in all, as the mean over futures.",
        f"Of this, {_and([f'{payer} pays {money(amount, currency)}' for payer, amount in payers.items()])}.",
    ]
    if len(rows) > 1:
        span = f" ({money(largest.low, currency)} to {money(largest.high, currency)})" if _has_interval(largest) else ""
        sentences.append(f"The largest is {money(largest.paid, currency)}{span}: {largest.title}, {largest.note}.")
    known = [row for row in rows if row.true is not None and row.paid is not None]
    if known:
        paid, true = (sum(getattr(row, name) for row in known) for name in ("paid", "true"))
        way = "more" if paid > true else "less"
        sentences.append(
            f"Payment on the true effect would be {money(true, currency)}; what the evaluation shows is paid "
            f"{money(abs(paid - true), currency)} {way}."
        )
    return safe(" ".join(sentences))


def _payments(table: pd.DataFrame) -> list[Payment]:
    """Payments by date and payer; where they are many, added up by year and payer."""
    raw = sorted(table_of("payments", table).rows, key=lambda row: str(row.get("date") or ""))
    rows = [_payment(row) for row in raw]
    if len(rows) <= MOST_PAYMENTS:
        return rows
    sums: dict[tuple[str, str], list[Payment]] = {}
    for cells, row in zip(raw, rows, strict=True):
        sums.setdefault((str(cells.get("date") or "")[:4], row.payer), []).append(row)
    return [_added_up(year, payer, each) for (year, payer), each in sums.items()]


def _payment(row: Row) -> Payment:
    """A row as a payment."""
    payer, metric = text(row["payer"]), word(row["metric"])
    born = f", born {text(row['cohort'])}" if row.get("cohort") is not None else ""
    dated = row.get("date") is not None
    return Payment(
        title=f"{text(row['date'])} {payer}" if dated else metric.capitalize(),
        payer=payer,
        note=f"{metric}{born}" if dated else f"paid by {payer}",
        more=text(row["reason"]) if row.get("reason") is not None else "",
        paid=_number(row["paid"]),
        low=_number(row.get("paid_low")),
        high=_number(row.get("paid_high")),
        true=_number(row.get("paid_on_true_effect")),
    )


def _added_up(year: str, payer: str, rows: Sequence[Payment]) -> Payment:
    """Payments of a year and payer as one; quantiles do not add up, so it has no interval."""
    true = [row.true for row in rows if row.true is not None]
    return Payment(
        title=f"{year} {payer}".strip(),
        payer=payer,
        note=_many(len(rows), "payment"),
        more=", ".join(dict.fromkeys(row.note for row in rows)),
        paid=sum(row.paid or 0.0 for row in rows),
        low=None,
        high=None,
        true=sum(true) if len(true) == len(rows) else None,
    )


def _payment_note(row: Payment, currency: str) -> str:
    """What a payment is for, and what the true effect would earn, or else its interval."""
    if row.true is not None:
        return f"{row.note}; on the true effect {money(row.true, currency)}"
    return f"{row.note}; {money(row.low, currency)} to {money(row.high, currency)}" if _has_interval(row) else row.note


def _has_interval(row: Payment) -> bool:
    """Whether a payment has an interval."""
    return row.low is not None and row.high is not None


# --- Returns ---


def returns_chart(tranches: pd.DataFrame, theme: str = "light") -> hv.Overlay:
    """The yearly return of each tranche on its mean flows, the range over futures, and the chance of a loss.

    Parameters
    ----------
    tranches
        Table of a priced deal; ``loss_probability`` is null in a preview, and no chance is then named.
    theme
        A key of ``PALETTE``.
    """
    colours = PALETTE[theme]
    rows = table_of("tranches", tranches).rows
    lines = [
        Line(
            text(row["name"]),
            _return(row),
            f"{_chance_of_loss(row)}; {text(row['party'])}",
            "; ".join(each for each in (_returns(row), _money_back(row), _why_no_return(row)) if each),
        )
        for row in rows
    ]
    rates, lows, highs = ([_times(row.get(name), 100) for row in rows] for name in ("xirr", "xirr_low", "xirr_high"))
    inks = [colours.loss if rate is not None and rate < 0 else colours.gain for rate in rates]
    fills = [
        colours.background if rate is not None and rate < 0 else ink for rate, ink in zip(rates, inks, strict=True)
    ]
    return _chart(
        lines,
        _limits(rates, lows, highs),
        _with_interval("return a year, percent (ring: below zero)", lows),
        colours,
        "No tranches.",
        spans=_spans("interval", lows, highs, [colours.text] * len(rows)),
        dots=_dots("return", rates, inks, fills),
    )


def returns_summary(tranches: pd.DataFrame) -> str:
    """The same in sentences, one a tranche."""
    rows = table_of("tranches", tranches).rows
    if not rows:
        return "There are no tranches. The chart is empty."
    sentences = [f"{_many(len(rows), 'tranche')}; a return is that on the mean flows, a range that over futures."]
    for row in rows:
        parts = [_return(row), _why_no_return(row), _returns(row), _money_back(row), _chance_of_loss(row)]
        name = f"{text(row['name'])} ({text(row['party'])})"
        sentences.append(f"{name}: {', '.join(part for part in parts if part)}.")
    return safe(" ".join(sentences))


def _return(row: Row) -> str:
    """The yearly return in words."""
    return "no yearly return" if _number(row["xirr"]) is None else f"{percent(row['xirr'])} % a year"


def _why_no_return(row: Row) -> str:
    """What there is to say of a return that is none, or that lies on a bound."""
    return text(row["xirr_reason"]) if row.get("xirr_reason") else ""


def _returns(row: Row) -> str:
    """The range of yearly returns over futures."""
    low, high = (percent(row.get(f"xirr_{end}")) for end in ("low", "high"))
    known = _number(row.get("xirr_low")) is not None and _number(row.get("xirr_high")) is not None
    return f"range {low} to {high} %" if known else ""


def _money_back(row: Row) -> str:
    """Money back for money in."""
    return "" if row.get("moic") is None else f"money back {multiple(row['moic'])}"


def _chance_of_loss(row: Row) -> str:
    """The chance of a loss; none is named on too few futures."""
    chance = row.get("loss_probability")
    return "chance of a loss not known yet" if chance is None else f"chance of a loss {percent(chance)} %"


# --- Costs ---


def cost_chart(costs: pd.DataFrame, theme: str = "light") -> hv.Overlay:
    """Cost per additional child who reaches a milestone, where there is one: not where the change may be no gain.

    Parameters
    ----------
    costs
        Columns ``milestone``, ``cost``, ``cost_low``, ``cost_high`` (dollars), ``chance_not_positive``; the last three
        may be absent or null. Where that chance is above ``TAIL``, or a cost without a chance is null or not above
        zero, the row has words and no mark.
    theme
        A key of ``PALETTE``.
    """
    colours = PALETTE[theme]
    rows = _rows(costs)
    known = [_cost_of(row) for row in rows]
    lows, highs = (
        [_number(row.get(f"cost_{end}")) if cost is not None else None for row, cost in zip(rows, known, strict=True)]
        for end in ("low", "high")
    )
    edge = FARTHEST * max((abs(cost) for cost in known if cost is not None), default=0.0)
    cut = [_cut(low, high, edge) for low, high in zip(lows, highs, strict=True)]
    arrows = [end if end is not None and end != high else None for end, high in zip(cut, highs, strict=True)]
    fills = [colours.background if low is None else colours.gain for low in lows]
    lines = [Line(word(row["milestone"]).capitalize(), _cost(row), _cost_note(row)) for row in rows]
    return _chart(
        lines,
        _limits(known, lows, cut),
        _with_interval("dollars per additional child", lows),
        colours,
        "No costs.",
        "USD",
        spans=_spans("interval", lows, cut, [colours.text] * len(rows)),
        dots=_dots("cost", known, [colours.gain] * len(rows), fills),
        arrows=arrows,
    )


def cost_summary(costs: pd.DataFrame) -> str:
    """The same in sentences: what one more child costs, and for which milestones nobody can say."""
    rows = _rows(costs)
    if not rows:
        return "There are no costs. The chart is empty."
    known = [row for row in rows if _cost_of(row) is not None]
    unknown = [word(row["milestone"]) for row in rows if _cost_of(row) is None]
    sentences = []
    if known:
        each = [f"{_cost(row)} for {word(row['milestone'])}{_bracketed(_cost_span(row))}" for row in known]
        sentences.append(f"One more child who reaches a milestone costs {_and(each)}.")
    if any(_cost_note(row) == _UNSURE for row in known):
        sentences.append(_sentence(_UNSURE))
    if unknown:
        sentences.append(
            f"No cost can be given for {_and(unknown)}: the number of additional children may be zero or less."
        )
    return safe(" ".join(sentences))


def _cost_of(row: Row) -> Number:
    """The cost, where the change is a gain in all but the lowest futures; without a chance, where it is above zero."""
    cost, chance = _number(row["cost"]), _number(row.get("chance_not_positive"))
    if cost is None or (cost <= 0 if chance is None else chance > TAIL):
        return None
    return cost


def _cost(row: Row) -> str:
    """The cost in words."""
    cost = _cost_of(row)
    return "no cost to give" if cost is None else money(cost)


def _cost_span(row: Row) -> str:
    """The interval of a cost, which may have no upper end."""
    low, high = _number(row.get("cost_low")), _number(row.get("cost_high"))
    if low is None:
        return ""
    return f"{money(low)} to {money(high)}" if high is not None else f"{money(low)} or more"


def _cost_note(row: Row) -> str:
    """The interval of a cost, or why there is none."""
    chance = row.get("chance_not_positive")
    named = "" if chance is None else f"chance of no gain {percent(chance)} %"
    if _cost_of(row) is None:
        return f"may be no gain at all{f': {named}' if named else ''}"
    return "; ".join(each for each in (_cost_span(row), named) if each) or _UNSURE


def _cut(low: Number, high: Number, edge: float) -> Number:
    """Where the line of an interval ends on the chart."""
    if low is None:
        return None
    return max(low, edge) if high is None or high > edge else high


# --- What charts are made of ---


def _chart(
    lines: Sequence[Line],
    limits: tuple[float, float],
    unit: str,
    colours: Colours,
    empty: str,
    currency: str = "",
    *,
    bars: Sequence[Mark] = (),
    spans: Sequence[Mark] = (),
    dots: Sequence[Mark] = (),
    arrows: Sequence[Number] = (),
    key: Sequence[tuple[str, str, float]] = (),
) -> hv.Overlay:
    """Rows of words with marks between them: rows to point at, bars, lines, dots and words, in this order.

    Parameters
    ----------
    lines
        Words, row by row.
    limits
        Ends of the horizontal axis.
    unit
        What the axis measures.
    colours
        The theme.
    empty
        What stands there without rows.
    currency
        That of the axis, if it counts money.
    bars, spans, dots
        Marks of ``_bars``, ``_spans`` and ``_dots``.
    arrows
        Where in each row an arrow says that a line goes on.
    key
        What bars mean: words, colour and fullness, to stand above the rows.
    """
    left, right = limits
    height, top = max(len(lines), 1), KEY_HEIGHT / ROW_HEIGHT if key else 0.0
    words = [
        *_words(left, 0.2, [_short(line.title, LONGEST_TITLE) for line in lines], "left", colours.text, "bold"),
        *_words(right, 0.2, [line.figure for line in lines], "right", colours.text),
        *_words(left, 0.5, [_short(line.note, LONGEST_NOTE) for line in lines], "left", colours.faint_text),
        *_words(left, 0.5, [] if lines else [empty], "left", colours.faint_text),
        *((x, -at - _MARKS, "▶", "right", colours.text, "normal") for at, x in enumerate(arrows) if x is not None),
    ]
    width, boxes = right - left, list(bars)
    for at, (label, colour, fullness) in enumerate(key):
        start = left + width * at / len(key)
        boxes.append((start, top / 2 - 0.1, start + width * 0.04, top / 2 + 0.1, f"key: {label}", colour, fullness))
        words.append((start + width * 0.055, top / 2, label, "left", colours.text, "normal"))
    zero = (0.0, -float(height), 0.0, 0.0, "zero", colours.grid, 1.0)
    layers = [
        _rows_to_point_at(lines, limits, colours),
        hv.Rectangles(boxes, vdims=["what", "colour", "fullness"]).opts(
            fill_color=hv.dim("colour"),
            line_color=hv.dim("colour"),
            fill_alpha=hv.dim("fullness"),
            line_width=1.5,
            **_BARE,
        ),
        hv.Segments([zero, *spans], vdims=["what", "colour", "thickness"]).opts(
            color=hv.dim("colour"), line_width=hv.dim("thickness"), **_BARE
        ),
        hv.Points(list(dots), vdims=["what", "colour", "filling"]).opts(
            line_color=hv.dim("colour"), fill_color=hv.dim("filling"), line_width=2, size=11, **_BARE
        ),
        hv.Labels(words, vdims=["words", "align", "colour", "style"]).opts(
            text_align=hv.dim("align"),
            text_color=hv.dim("colour"),
            text_font_style=hv.dim("style"),
            text_baseline="middle",
            text_font_size="12px",
            **_BARE,
        ),
    ]
    frame = Frame(limits, (-float(height), top), round(ROW_HEIGHT * (height + top)) + AXIS_HEIGHT)
    return hv.Overlay(layers).opts(
        responsive=True,
        height=frame.height,
        xlim=frame.across,
        ylim=frame.down,
        xlabel=unit,
        yaxis=None,
        show_legend=False,
        bgcolor=colours.background,
        toolbar=None,
        default_tools=[],
        fontsize={"xlabel": "12px", "xticks": "12px"},
        hooks=[partial(_dress, frame=frame, colours=colours, currency=currency)],
        backend="bokeh",
    )


def _rows_to_point_at(lines: Sequence[Line], limits: tuple[float, float], colours: Colours) -> hv.Rectangles:
    """The rows as boxes that cannot be seen, with the whole of their words for a tooltip."""
    left, right = limits
    boxes = [
        (left, -at - 1.0, right, -float(at), *map(safe, (line.title, line.figure, line.note, line.more)))
        for at, line in enumerate(lines)
    ]
    return hv.Rectangles(boxes, vdims=["title", "figure", "note", "more"]).opts(
        tools=["hover"],
        hover_tooltips=[("", f"@{name}") for name in ("title", "figure", "note", "more")],
        fill_color=colours.text,
        fill_alpha=0,
        line_alpha=0,
        hover_fill_alpha=0.06,
        hover_line_alpha=0,
        **_BARE,
    )


def _dress(plot: Any, _: hv.Element, frame: Frame, colours: Colours, currency: str) -> None:
    """What HoloViews leaves as it was where a chart is redrawn, and the look of the axis."""
    figure, axis = plot.state, plot.handles["xaxis"]
    figure.x_range.update(start=frame.across[0], end=frame.across[1])
    figure.y_range.update(start=frame.down[0], end=frame.down[1])
    figure.update(
        height=frame.height,
        border_fill_color=colours.background,
        outline_line_color=colours.background,
        outline_line_alpha=1,
        outline_line_width=2,
        min_border_left=14,
        min_border_right=14,
    )
    axis.update(
        axis_label_text_color=colours.text,
        axis_label_text_font_style="normal",
        major_label_text_color=colours.text,
        axis_line_color=colours.faint_text,
        major_tick_line_color=colours.faint_text,
        minor_tick_line_color=None,
    )
    axis.ticker.desired_num_ticks = 5
    if currency:
        axis.formatter = NumeralTickFormatter(format="$0.[0]a" if currency == "USD" else "0.[0]a")


def _words(x: float, below: float, words: Sequence[str], align: str, colour: str, style: str = "normal") -> list[Mark]:
    """Words at the same place of every row."""
    return [(x, -at - below, safe(each), align, colour, style) for at, each in enumerate(words)]


def _bars(
    what: str,
    starts: Sequence[Number],
    stops: Sequence[Number],
    colours: Sequence[str],
    fullness: float = 1.0,
    places: Sequence[int] | None = None,
) -> list[Mark]:
    """A bar from a start to a stop, in the rows at some places; none where there is nothing to show."""
    return [
        (min(start, stop), -at - _MARKS - 0.1, max(start, stop), -at - _MARKS + 0.1, what, colour, fullness)
        for at, start, stop, colour in zip(places or range(len(starts)), starts, stops, colours, strict=True)
        if start is not None and stop is not None and start != stop
    ]


def _spans(
    what: str,
    starts: Sequence[Number],
    stops: Sequence[Number],
    colours: Sequence[str],
    width: float = 1.5,
    below: float = _MARKS,
    places: Sequence[int] | None = None,
) -> list[Mark]:
    """A line from a start to a stop, in the rows at some places."""
    return [
        (start, -at - below, stop, -at - below, what, colour, width)
        for at, start, stop, colour in zip(places or range(len(starts)), starts, stops, colours, strict=True)
        if start is not None and stop is not None
    ]


def _dots(what: str, xs: Sequence[Number], colours: Sequence[str], fillings: Sequence[str]) -> list[Mark]:
    """A mark in each row that has a number."""
    return [
        (x, -at - _MARKS, what, colour, filling)
        for at, (x, colour, filling) in enumerate(zip(xs, colours, fillings, strict=True))
        if x is not None
    ]


def _limits(*columns: Sequence[Number]) -> tuple[float, float]:
    """Ends of an axis that holds zero and every number."""
    numbers = [0.0, *(number for column in columns for number in column if number is not None)]
    low, high = min(numbers), max(numbers)
    margin = 0.04 * (high - low) or 1.0
    return low - margin, high + margin


def _with_interval(unit: str, lows: Sequence[Number]) -> str:
    """What an axis measures, and what its thin lines are."""
    return f"{unit}\n{'thin line: 90 % interval' if any(low is not None for low in lows) else 'no intervals yet'}"


# --- Words and numbers ---


def _rows(table: pd.DataFrame) -> tuple[Row, ...]:
    """The rows of a table of one scenario."""
    names = [str(name) for name in table["scenario"].unique()] if "scenario" in table else []
    if len(names) > 1:
        raise ValueError(f"a chart shows one scenario; the table holds {_and([text(name) for name in names])}")
    return table_of("chart", table).rows


def _number(cell: Cell) -> Number:
    """A number that can be drawn."""
    return float(cell) if isinstance(cell, int | float) and math.isfinite(cell) else None


def _times(cell: Cell, factor: float) -> Number:
    """A number times a factor."""
    number = _number(cell)
    return None if number is None else number * factor


def _short(words: str, longest: int) -> str:
    """Words that fit."""
    return words if len(words) <= longest else f"{words[: longest - 1].rstrip()}…"


def _many(number: int, noun: str) -> str:
    """A number of things."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _and(words: Sequence[str]) -> str:
    """Words with commas and an and."""
    return " and ".join([*filter(None, [", ".join(words[:-1])]), *words[-1:]])


def _bracketed(words: str) -> str:
    """Words in brackets, if there are any."""
    return f" ({words})" if words else ""


def _sentence(words: str) -> str:
    """Words as a sentence."""
    return f"{words[:1].upper()}{words[1:]}."
