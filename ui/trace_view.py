"""One synthetic child's two lives as a person reads them, the arms side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from cradlecast.scenarios.fit import baseline_of
from cradlecast.scenarios.wording import one_line
from cradlecast.tracing import ARMS, Trace
from cradlecast.ui.figures import ABSENT, count, text, word
from cradlecast.ui.layouts import kind_of_care
from cradlecast.ui.rows import Cell, Row, Table, listing, plain
from cradlecast.ui.tables import Column, Section, View, one_section

_SAME_EVERYWHERE: Final = "the same in both arms"
_PARTS: Final = {
    "own": "own",
    "gain_this_year": "gain this\nyear",
    "fading": "fading",
    "long_run": "long run",
    "peers": "class-\nmates",
    "skill": "skill",
}


def trace_tables(told: Trace) -> tuple[Table, ...]:
    """Rows of both lives, decisions first."""
    return tuple(listing(name, [plain(row) for row in rows]) for name, rows in told.tables.items())


def trace_heading(told: Trace) -> list[tuple[str, str]]:
    """Scenario, baseline, and who the child is, as pairs of a word and what it says."""
    scenario, community, life = told.scenario, told.community, told.lives[0]
    group = next((each.label for each in community.groups if each.name == life.group), life.group)
    area = next((each.label for each in community.areas if each.name == life.area), life.area)
    record = told.record
    return [
        ("Scenario", f"{scenario.name}: {one_line(scenario.title)}"),
        ("Baseline", f"{scenario.baseline}: {one_line(baseline_of(scenario, community).title)}"),
        ("Child", f"{life.child}, SYNTHETIC: invented by the model, like every child in it; nobody's record"),
        (
            "",
            f"born {life.cohort}; {group}; {area}; school {life.school}; family income {life.income_to_poverty:.2f} of "
            f"the poverty line; stable trait {life.trait:+.2f} sd; {_leaves(life.left)}",
        ),
        (
            "Luck",
            f"draw {record['draw']} of what is uncertain, world {record['world']} of chance, seed {record['seed']}, "
            f"{count(_number(record['children']))} simulated children; both arms share all of it",
        ),
    ]


def trace_views(told: Trace) -> list[View]:
    """What differs and why; milestones; places; skill; every chance event."""
    tables = told.tables
    return [
        _differences(tables["differences"]),
        _milestones(tables["milestones"]),
        _places(tables["places"], tables["years"]),
        _skill(tables["years"]),
        _decisions(tables["decisions"]),
    ]


def trace_notes(told: Trace) -> list[str]:
    """How to read the tables, and what a single life does not show."""
    notes = [
        "A cell with a stroke shows baseline | scenario; a cell without one is the same in both arms.",
        "A draw is one number that depends on child, decision, year and world alone: an event happens where the draw "
        "lies below its chance, a milestone is reached where the score is at or above the cut.",
        "Lottery numbers run from 0 to 1, the lowest first, behind returning children where the program puts them "
        "first.",
        "One life is an illustration, not evidence: impacts are means over many children, draws and worlds "
        "(cradlecast run).",
    ]
    if not told.apart:
        notes.insert(0, "This child's two lives are the same in everything that is told here.")
    return [*notes, f"Cradlecast {told.record['cradlecast']}, fingerprint {told.record['fingerprint']}."]


# --- views ---


def _differences(rows: Sequence[Row]) -> View:
    """What is not the same in both lives."""
    columns = (
        Column("age", lambda row: text(row["age"])),
        Column("what differs", lambda row: word(row["what"]), right=False),
        Column("baseline", lambda row: word(row["baseline"]), right=False),
        Column("scenario", lambda row: word(row["scenario"]), right=False),
        Column("because", lambda row: word(row["because"]), right=False, wraps=True),
    )
    return View("differences", "Where the two lives part, and why", "", columns, one_section(rows))


def _milestones(rows: Sequence[Row]) -> View:
    """Milestones of both lives."""
    columns = (
        Column("milestone", lambda row: word(row["milestone"]), right=False),
        Column("by age", lambda row: text(row["age"])),
        Column("baseline", lambda row: _reached(row["baseline"]), right=False),
        Column("scenario", lambda row: _reached(row["scenario"]), right=False),
    )
    return View("milestones", "Milestones", "", columns, one_section(rows))


def _places(rows: Sequence[Row], years: Sequence[Row]) -> View:
    """The family's list at 3 and 4 in each arm, home behind it."""
    columns = (
        Column("rank", lambda row: text(row["rank"])),
        Column("place", lambda row: kind_of_care(row["program"]), right=False),
        Column("area", lambda row: word(row["area"]), right=False),
        Column("seats", lambda row: count(row["seats"])),
        Column("child's\nnumber", lambda row: _lottery(row, "lottery", "returning")),
        Column("last seat\nwent to", _last),
        Column("given", lambda row: "yes" if row["given"] else "no", right=False),
    )
    sections = []
    for age in dict.fromkeys(row["age"] for row in years if row["care"] is not None):
        for arm in ARMS:
            here = [row for row in rows if (row["age"], row["arm"]) == (age, arm)]
            home: dict[str, Cell] = dict.fromkeys(("seats", "lottery", "last_lottery", "seated", "area"))
            home |= {"rank": len(here) + 1, "program": "home", "given": not any(row["given"] for row in here)}
            sections.append(Section(f"Age {age}, {arm}", (*here, home)))
    title = "Places at 3 and 4, as the family ranks them (simulated seats)"
    return View("places", title, "", columns, tuple(sections))


def _skill(rows: Sequence[Row]) -> View:
    """Parts of skill, year by year, baseline | scenario where they differ."""
    columns = [Column("age", lambda row: text(row["age"]))]
    columns += [Column(title, _both(name, _sd)) for name, title in _PARTS.items()]
    title = "Skill at the end of each year and the parts that it is the sum of, sd"
    return View("years", title, "", tuple(columns), one_section(_side_by_side(rows, "age")), close=True)


def _decisions(rows: Sequence[Row]) -> View:
    """Every chance event, baseline | scenario where they differ."""
    columns = (
        Column("age", lambda row: text(row["age"])),
        Column("decision", lambda row: word(row["decision"]), right=False),
        Column("draw", _both("draw", _share)),
        Column("chance", _both("probability", _share)),
        Column("score / cut", _scores),
        Column("outcome", _outcomes, right=False),
    )
    title = "Every chance event: its draw, its chance or score, and what came of it"
    return View("decisions", title, "", columns, one_section(_side_by_side(rows, "age", "decision")))


# --- words ---


def _side_by_side(rows: Sequence[Row], *names: str) -> list[Row]:
    """One row for both arms: cells of the scenario under ``scenario <name>``; an event that one arm lacks is absent."""
    found: dict[tuple[Cell, ...], dict[str, Cell]] = {}
    for row in rows:
        one = found.setdefault(tuple(row[name] for name in names), {name: row[name] for name in names})
        one |= {f"{row['arm']} {name}": cell for name, cell in row.items()}
    ordered = sorted(found.values(), key=lambda one: _number(one["age"]))
    return list(ordered)


def _both(name: str, figure: Callable[[Cell], str]) -> Callable[[Row], str]:
    """What writes a cell of both arms: once where they are the same."""

    def write(row: Row) -> str:
        cells = [figure(row.get(f"{arm} {name}")) for arm in ARMS]
        return cells[0] if cells[0] == cells[1] else " | ".join(cells)

    return write


def _last(row: Row) -> str:
    """Who got the last seat of a place."""
    if row["seats"] is None:
        return ABSENT
    if row["last_lottery"] is not None:
        return _lottery(row, "last_lottery", "last_returning")
    return "seats free" if _number(row["seated"]) < _number(row["seats"]) else "no seats"


def _lottery(row: Mapping[str, Cell], number: str, priority: str) -> str:
    """A lottery number, marked where the child has priority."""
    return _share(row[number]) + (" returning" if row.get(priority) else "")


def _scores(row: Row) -> str:
    """A score, and the cut where it is held against one."""
    cut = next((row[name] for arm in ARMS if row.get(name := f"{arm} cut") is not None), None)
    score = _both("score", _sd)(row)
    return score if cut is None else f"{score} / {_sd(cut)}"


def _outcomes(row: Row) -> str:
    """What came of an event in both arms; nothing where the draw itself is what came of it."""
    drawn = any(row.get(f"{arm} draw") == row.get(f"{arm} outcome") is not None for arm in ARMS)
    return ABSENT if drawn else _both("outcome", lambda cell: _sd(cell) if isinstance(cell, float) else word(cell))(row)


def _reached(cell: Cell) -> str:
    """Whether a milestone was reached."""
    return "reached" if cell else "not reached"


def _sd(cell: Cell) -> str:
    """A number in sd."""
    return ABSENT if cell is None else f"{_number(cell):+.3f}"


def _share(cell: Cell) -> str:
    """A number from 0 to 1, or a normal draw."""
    return ABSENT if cell is None else f"{_number(cell):.4f}"


def _leaves(age: int | None) -> str:
    """Whether the child moves away."""
    return "still here at 26" if age is None else f"moves away at {age}"


def _number(cell: object) -> float:
    """A cell that holds a number."""
    assert isinstance(cell, int | float)
    return float(cell)
