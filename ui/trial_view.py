"""What a person is shown of trials run inside the model: views, and the sentences around them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from cradlecast.scenarios.options import INTERVAL_DRAWS
from cradlecast.scenarios.trial import Trial
from cradlecast.scenarios.wording import one_line
from cradlecast.ui.figures import ABSENT, count, percent, ranged, text, word
from cradlecast.ui.rows import Cell, Row, Table
from cradlecast.ui.tables import Column, Section, View, one_section

_AMONG: Final = {"all": "", "home": "from home", "center": "from other centers"}
_UNITS: Final = {"percentage_points": "percentage points"}


def views(tables: Sequence[Table], record: Mapping[str, Any]) -> list[View]:
    """What is shown of one trial, or of all, in the order of the tables."""
    layouts: Mapping[str, Callable[[Table, str], View]] = {
        "effects": effects,
        "care": care,
        "targets": targets,
        "summary": summary,
        "left_out": left_out,
    }
    draws = record["draws"]
    about = f"run in {', '.join(record['communities'])} | {draws:,} draw{'' if draws == 1 else 's'}"
    if record["preview"]:
        about = f"{about} (PREVIEW)"
    return [layouts[table.name](table, about) for table in tables]


def effects(table: Table, about: str) -> View:
    """Effects of the offer and of attending, beside what was published."""
    columns = (
        Column("", _what, right=False),
        Column("when", lambda row: when(row["age"]), right=False),
        Column("without\nthe offer", lambda row: figure(row)(row["without"]), gives_way=3),
        Column("offered\n(ITT)", lambda row: ranged(row, "itt", figure(row))),
        Column("attending\n(TOT)", lambda row: ranged(row, "tot", figure(row))),
        Column("chance\nITT <= 0, %", lambda row: percent(row["chance_not_positive"]), gives_way=1),
        Column("published\n(range)", lambda row: ranged(row, "published", figure(row))),
        Column("as", lambda row: ABSENT if row["published"] is None else text(row["estimand"]), right=False),
        Column("in\nrange", lambda row: word(row["hit"]), right=False),
        Column("estimate", lambda row: text(row["evidence"]), right=False, gives_way=2),
    )
    return View(table.name, "Effects, in the model and as published", about, columns, _by_unit(table.rows), close=True)


def care(table: Table, about: str) -> View:
    """Where the children are without and with the offer."""
    columns = (
        Column("", lambda row: "the trial's program" if row["care"] == "trial" else word(row["care"]), right=False),
        Column("without the offer, %", lambda row: percent(row["without"])),
        Column("with the offer, %", lambda row: percent(row["offered"])),
    )
    titles = dict.fromkeys(f"at {row['age']}" for row in table.rows)
    sections = tuple(Section(each, tuple(row for row in table.rows if f"at {row['age']}" == each)) for each in titles)
    return View(table.name, "Care without and with the offer", about, columns, sections)


def targets(table: Table, about: str) -> View:
    """Published figures beside predictions, under each trial."""
    columns = (
        Column("", _what, right=False),
        Column("when", lambda row: when(row["age"]), right=False),
        Column("as", lambda row: text(row["estimand"]), right=False, gives_way=3),
        Column("published\n(range)", lambda row: ranged(row, "published", figure(row))),
        Column("model\n(range)", lambda row: ranged(row, "model", figure(row)), gives_way=2),
        Column("predicted\nrange", lambda row: _span(row)),
        Column("width: pub-\nlished", lambda row: figure(row)(row["published_width"])),
        Column("pre-\ndicted", lambda row: figure(row)(row["predicted_width"])),
        Column("hit", _hit, right=False),
        Column("estimate", lambda row: text(row["evidence"]), right=False, gives_way=1),
    )
    names = dict.fromkeys(str(row["trial"]) for row in table.rows)
    sections = tuple(Section(name, tuple(row for row in table.rows if row["trial"] == name)) for name in names)
    return View(
        table.name, "Targets: published effects, and the model's prediction", about, columns, sections, close=True
    )


def summary(table: Table, about: str) -> View:
    """Hits, widths and scores, by span of follow-up."""
    columns = (
        Column("", lambda row: text(row["follow_up"]), right=False),
        Column("targets", lambda row: count(row["targets"])),
        Column("hits", lambda row: count(row["hits"])),
        Column("of them\nnot zero", lambda row: count(row["hits_that_rule_out_zero"])),
        Column("hits of\nno effect", lambda row: count(row["hits_of_no_effect"])),
        Column("width: pub-\nlished", lambda row: figure(row)(row["published_width"])),
        Column("pre-\ndicted", lambda row: figure(row)(row["predicted_width"])),
        Column("score", lambda row: figure(row)(row["score"])),
        Column("score of\nno effect", lambda row: figure(row)(row["score_of_no_effect"])),
        Column("mean\nerror", lambda row: figure(row)(row["mean_error"]), gives_way=1),
    )
    return View(table.name, "Summary of the targets", about, columns, _by_unit(table.rows))


def left_out(table: Table, about: str) -> View:
    """Estimates that are not set beside the model, and why."""
    columns = (
        Column("estimate", lambda row: text(row["evidence"]), right=False),
        Column("trial", lambda row: text(row["trial"]), right=False, gives_way=1),
        Column("why", lambda row: text(row["reason"]), right=False, wraps=True),
    )
    return View(table.name, "Left out", about, columns, one_section(table.rows))


def heading(trials: Sequence[Trial], record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was asked, as pairs of a word and what it says."""
    size = (
        f"{record['children']:,} simulated children a trial, each with and without the offer; {record['draws']:,} "
        f"draw{'' if record['draws'] == 1 else 's'} of what is uncertain; seed {record['seed']}"
    )
    if len(trials) > 1:
        return [("Trials", f"{len(trials)}, each by the same rule (docs/method.md)"), ("Size", size)]
    one = trials[0]
    what = f"{word(one.program)}, {one.design}, {one.scale}, from {one.year}; {one.sample:,} children in the analysis"
    return [("Trial", f"{one.name}: {one_line(one.title)}"), ("Design", what), ("Size", size)]


def trial_notes(record: Mapping[str, Any], tables: Sequence[Table]) -> list[str]:
    """What a reader of one trial needs to know of its numbers."""
    rows = next(table.rows for table in tables if table.name == "effects")
    notes = [
        "Offered is the effect of the offer on all whom it was made to; attending is that effect over the share whom "
        "the offer brought in.",
        "In range: the published figure lies in the central 90 % of what the model predicts of it, the luck of a "
        "sample with the published standard error included.",
    ]
    later = [row for row in rows if _number(row["age"]) >= 8 and isinstance(row["chance_not_positive"], float)]
    if later:
        told = "; ".join(f"{_what(row)}, {when(row['age'])}: {percent(row['chance_not_positive'])} %" for row in later)
        notes.append(f"Chance that the offer does nothing or harm, in grade 3 and later: {told}.")
    return [*notes, *_signature(record)]


def target_notes(record: Mapping[str, Any], tables: Sequence[Table]) -> list[str]:
    """The honest summary: hits and their widths, misses in words, and what the numbers cannot show."""
    rows = [row for table in tables if table.name == "targets" for row in table.rows]
    counted = [row for row in rows if row["role"] == "target"]
    hits = [row for row in counted if row["hit"]]
    sharp = [row for row in hits if not row["holds_zero"]]
    none = [row for row in counted if _number(row["published_low"]) <= 0.0 <= _number(row["published_high"])]
    notes = [
        f"Of {len(counted)} targets, {len(hits)} lie in the predicted range; a range of 90 % that was right would hold "
        f"about {0.9 * len(counted):.0f}. {len(sharp)} of the hits are of predictions that rule out no effect; the "
        f"others (~) would also be hits if there were none. A forecast of no effect at all would hit {len(none)}.",
        *[f"Missed: {miss(row)}" for row in counted if row["hit"] is False],
        f"{len(rows) - len(counted)} published figures are shown without counting: "
        f"{_reasons([row for row in rows if row['role'] != 'target'])}.",
        "Predicted is the model's range with the luck of a sample with the published standard error. Score is the "
        "width of the prediction, plus twenty times its distance from the published figure; less is better. That of no "
        "effect is a forecast of zero with the published standard error.",
        "Targets of one trial share children and parameters: they are not independent tests. All trials are run on "
        "children of today in the community named, not on those of their time and place.",
        "No parameter rests on a row that counts, and there is no pass mark. But some rest on other rows of the same "
        "studies (special education and retention in Tennessee, arrests in Chicago, pooled means): what is held out is "
        "the row, not the study.",
    ]
    return [*notes, *_signature(record)]


def miss(row: Row) -> str:
    """A missed target in words."""
    write = figure(row)
    side = "below" if _number(row["published"]) > _number(row["predicted_high"]) else "above"
    return (
        f"{row['trial']}, {_what(row)}, {when(row['age'])} ({row['evidence']}): published {write(row['published'])} "
        f"{_UNITS.get(str(row['unit']), row['unit'])}, predicted {_span(row)}; the model is {side} it."
    )


def when(age: Cell) -> str:
    """The time of a follow-up in words, from the age in the fall.

    Examples
    --------
    >>> [when(age) for age in (3, 4, 5, 8, 17, 19)]
    ['year of 3', 'end of pre-K', 'kindergarten', 'grade 3', 'grade 12', 'at 20']
    >>> when(0), when(2)
    ('at birth', 'at 3')
    """
    number = int(_number(age))
    if number <= 5:
        if number < 3:
            return "at birth" if number == 0 else f"at {number + 1}"
        return {3: "year of 3", 4: "end of pre-K"}.get(number, "kindergarten")
    return f"grade {number - 5}" if number <= 17 else f"at {number + 1}"


def figure(row: Row) -> Callable[[Cell], str]:
    """What writes the numbers of a row, by its unit."""
    unit = str(row["unit"])
    digits = 2 if unit == "sd" else 1 if unit == "percentage_points" else 0
    return lambda cell: f"{cell:,.{digits}f}" if isinstance(cell, int | float) else ABSENT


def _what(row: Row) -> str:
    """Outcome, and of whom if not of all."""
    among = _AMONG[str(row["among"])]
    return f"{word(row['outcome'])}, {among}" if among else word(row["outcome"])


def _span(row: Row) -> str:
    """The predicted range."""
    write = figure(row)
    if row["predicted_low"] is None:
        return ABSENT
    return f"{write(row['predicted_low'])} to {write(row['predicted_high'])}"


def _hit(row: Row) -> str:
    """Whether a target is hit; a tilde where no effect would be hit as well."""
    if row["role"] != "target":
        return "shown"
    return f"{word(row['hit'])}{' ~' if row['hit'] and row['holds_zero'] else ''}"


def _reasons(rows: Sequence[Row]) -> str:
    """Why figures do not count, each reason once with its trials."""
    whys = dict.fromkeys(str(row["why_not"]) for row in rows)
    told = []
    for why in whys:
        trials = dict.fromkeys(str(row["trial"]) for row in rows if row["why_not"] == why)
        told.append(f"{why} ({', '.join(trials)})")
    return "; ".join(told) or "none"


def _by_unit(rows: Sequence[Row]) -> tuple[Section, ...]:
    """Rows under their units, in their first order."""
    units = dict.fromkeys(str(row["unit"]) for row in rows)
    return tuple(Section(_UNITS.get(unit, unit), tuple(row for row in rows if row["unit"] == unit)) for unit in units)


def _number(cell: Cell) -> float:
    return float(cell) if isinstance(cell, int | float) else 0.0


def _signature(record: Mapping[str, Any]) -> list[str]:
    """How uncertain the ranges are themselves, and what to quote so that others can repeat them."""
    few = f" PREVIEW: with fewer than {INTERVAL_DRAWS} draws that only hints at how uncertain a number is."
    sentence = f"Ranges hold the central 90 %.{few if record['preview'] else ''}"
    return [f"{sentence} Cradlecast {record['cradlecast']}, fingerprint {record['fingerprint']}."]
