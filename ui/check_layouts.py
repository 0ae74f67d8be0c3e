"""What a person is shown of a calibration's fit and of associations: views, and the sentences around them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from cradlecast.scenarios.community import Community
from cradlecast.scenarios.options import INTERVAL_DRAWS
from cradlecast.scenarios.wording import one_line
from cradlecast.ui.figures import ABSENT, percent, points, ranged, text, word
from cradlecast.ui.rows import Cell, Row, Table
from cradlecast.ui.tables import Column, Section, View

_GROUPS: Final = {"all": "all children", "below_poverty": "below poverty line", "above_poverty": "above poverty line"}
_ROLES: Final = {
    "set": "a parameter rests on it",
    "checked": "no parameter rests on it",
    "context": "another place's level, or a relative of the quantity",
}


def check_views(tables: Iterable[Table], record: Mapping[str, Any], community: Community) -> list[View]:
    """What is shown of a fit or of associations, in the order of the tables."""
    group = partial(group_name, labels_of(community))
    layouts: Mapping[str, Callable[[Table, str], View]] = {
        "fit": lambda table, about: fit(table, about, group),
        "shares": lambda table, about: shares(table, about, group),
        "associations": associations,
    }
    draws = record["draws"]
    about = f"{record['community']} in {record['observed_year']} | {draws:,} draw{'' if draws == 1 else 's'}"
    if record["preview"]:
        about = f"{about} (PREVIEW)"
    return [layouts[table.name](table, about) for table in tables]


def fit(table: Table, about: str, group: Callable[[Cell], str]) -> View:
    """Targets beside the model, under each milestone and the children whom it is a share of."""
    columns = (
        Column("", lambda row: group(row["group"]), right=False),
        Column("observed,\n%", lambda row: percent(row["observed"]), gives_way=2),
        Column(
            "target (range),\n%",
            lambda row: ranged(row, "target", percent),
            gives_way=3,
            narrow=Column("target,\n%", lambda row: percent(row["target"])),
        ),
        Column("solved,\n%", lambda row: percent(row["model"]), gives_way=4),
        Column("check (range),\n%", lambda row: ranged(row, "check", percent)),
        Column("off by,\npoints", lambda row: points(row["difference"])),
        Column("met", lambda row: met(row["hit"]), right=False),
        Column("borrowed\nfrom", lambda row: text(row["borrowed"]), right=False, gives_way=5, wraps=True),
    )
    sections = _under(table.rows, lambda row: f"{word(row['milestone'])}, share of {_whom(row['denominator'])}")
    return View(table.name, "Fit: what was observed, and what the model shows", about, columns, sections)


def shares(table: Table, about: str, group: Callable[[Cell], str]) -> View:
    """Who lives where, and who is cared for where."""
    columns = (
        Column("", lambda row: group(row["group"]), right=False),
        Column("target (range), %", lambda row: ranged(row, "target", percent)),
        Column("check (range), %", lambda row: ranged(row, "model", percent)),
        Column("off by, points", lambda row: points(row["difference"])),
    )
    sections = _under(table.rows, lambda row: word(row["quantity"]))
    return View(table.name, "Shares: children, care and seats", about, columns, sections)


def associations(table: Table, about: str) -> View:
    """Published associations and the model's, under each quantity."""
    columns = (
        Column("", lambda row: text(row["group"]), right=False, wraps=True),
        Column("published\n(range)", lambda row: ranged(row, "published", _figure(row))),
        Column("model\n(range)", lambda row: ranged(row, "model", _figure(row))),
        Column("role", lambda row: text(row["role"]), right=False),
        Column("in\nrange", lambda row: word(row["hit"]), right=False),
        Column("estimates", lambda row: text(row["name"]), right=False, gives_way=1),
    )
    sections = _under(table.rows, lambda row: f"{row['quantity']}, {'%' if row['unit'] == 'share' else row['unit']}")
    return View(table.name, "Associations: published, and in the observed world", about, columns, sections)


def fit_notes(record: Mapping[str, Any], tables: Sequence[Table], community: Community) -> list[str]:
    """What a reader of a fit needs to know of its numbers."""
    rows = next(table.rows for table in tables if table.name == "fit")
    notes = [
        "Observed is the rate as its source gives it. Target is what the model must show: a pattern by group that was "
        "seen elsewhere is moved on the log-odds scale until it averages the local rate, and a rate of a later step "
        "is turned into one among those who took the step before.",
        f"Solved is the population on which the intercepts were solved. Check is {record['children']:,} other "
        "simulated children a draw, with luck that calibration never saw. A target is met within 1 point for all "
        "children and 2 points for a group; a question mark means that it is not, but that so few children could be "
        "off by chance.",
        *_largest(rows, partial(group_name, labels_of(community))),
    ]
    if loose := [word(row["milestone"]) for row in rows if row["group"] == "all" and _moved(row)]:
        notes.append(
            f"The target for all children is not the rate that was observed for {', '.join(loose)}: another "
            "denominator, or one pattern over groups that cannot average to it."
        )
    return [*notes, _range(record), *_signature(record)]


def association_notes(record: Mapping[str, Any], tables: Sequence[Table], left_out: Sequence[str]) -> list[str]:
    """What a reader of associations needs to know of their numbers."""
    rows = next(table.rows for table in tables if table.name == "associations")
    notes = [f"{role}: {words}." for role, words in _ROLES.items()]
    for role in ("set", "checked"):
        these = [row for row in rows if row["role"] == role and row["hit"] is not None]
        missed = [f"{row['name']} ({row['quantity']}, {row['group']})" for row in these if row["hit"] is False]
        words = f"; not: {'; '.join(missed)}" if missed else ""
        notes.append(f"Of {len(these)} that are {role}, {len(these) - len(missed)} lie in the model's range{words}.")
    return [
        *notes,
        "An association is not an effect: only a share of each slope answers to programs (docs/method.md).",
        *left_out,
        _range(record),
        *_signature(record),
    ]


def check_heading(community: Community, record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was asked, as pairs of a word and what it says."""
    size = (
        f"{record['children']:,} simulated children of one birth year, followed to age {record['horizon']}; "
        f"{record['draws']:,} draw{'' if record['draws'] == 1 else 's'} of what is uncertain; seed {record['seed']}"
    )
    about = f"{community.name}: {one_line(community.title)}, as observed about {community.observed_year}"
    return [("Community", about), ("Size", size)]


def labels_of(community: Community) -> Mapping[str, str]:
    """The community's groups in its own words."""
    return {group.name: group.label for group in community.groups}


def group_name(labels: Mapping[str, str], cell: Cell) -> str:
    """A group of children in words."""
    return _GROUPS.get(str(cell)) or labels.get(str(cell)) or word(cell)


def met(cell: Cell) -> str:
    """Whether a target is met or a number hit: yes, no, or a question mark where nothing can be said."""
    return "?" if cell is None else word(cell)


def _largest(rows: Sequence[Row], group: Callable[[Cell], str]) -> list[str]:
    """The largest distance from a target, over all children and by group, in words."""
    found = []
    for what, some in (
        ("all children", [row for row in rows if row["group"] == "all"]),
        ("a group", [row for row in rows if row["group"] != "all"]),
    ):
        known = [row for row in some if isinstance(row["difference"], float)]
        if known:
            row = max(known, key=lambda row: abs(_number(row["difference"])))
            whom = "" if row["group"] == "all" else f", {group(row['group'])}"
            found.append(f"{points(row['difference'])} points for {what} ({word(row['milestone'])}{whom})")
    return [f"The check is furthest from its target by {' and '.join(found)}."] if found else []


def _moved(row: Row) -> bool:
    """Whether the target of all children is another number than the one observed."""
    return abs(_number(row["target"]) - _number(row["observed"])) > 0.001


def _figure(row: Row) -> Callable[[Cell], str]:
    """What writes the numbers of an association: shares as percents, all else with two digits."""
    return percent if row["unit"] == "share" else _two_digits


def _two_digits(cell: Cell) -> str:
    return f"{cell:.2f}" if isinstance(cell, int | float) else ABSENT


def _number(cell: Cell) -> float:
    return float(cell) if isinstance(cell, int | float) else 0.0


def _whom(cell: Cell) -> str:
    """Whom a rate is a share of, in words."""
    return {"cohort": "the cohort", "enrolled": "the enrolled"}.get(str(cell), word(cell))


def _range(record: Mapping[str, Any]) -> str:
    """What a range means."""
    sentence = "Behind a target, a range is that of the source; elsewhere it holds the central 90 % of the draws."
    if not record["preview"]:
        return sentence
    return f"{sentence} PREVIEW: with fewer than {INTERVAL_DRAWS} draws that only hints at how uncertain a number is."


def _signature(record: Mapping[str, Any]) -> list[str]:
    """What to quote so that others can repeat it."""
    return [f"Cradlecast {record['cradlecast']}, fingerprint {record['fingerprint']}."]


def _under(rows: Sequence[Row], title: Callable[[Row], str]) -> tuple[Section, ...]:
    """Rows under their titles, in their first order."""
    titles = dict.fromkeys(title(row) for row in rows)
    return tuple(Section(each, tuple(row for row in rows if title(row) == each)) for each in titles)
