"""A scenario in plain words: what it changes, by which levers, on which assumptions, and what it cannot say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final

from cradlecast.explanation import BEFALLS, CLOSING, EVERYONE, GIVEN_UP, LEVERS, OFFERED, ROLES, Explanation
from cradlecast.scenarios.civic import ALLOCATIONS, POOL, Shock
from cradlecast.scenarios.fit import baseline_of, cohorts_of, school_years
from cradlecast.scenarios.library import load_program_or_service
from cradlecast.scenarios.release import VERSION
from cradlecast.scenarios.wording import one_line
from cradlecast.ui.figures import ABSENT, change, count, place, text, word
from cradlecast.ui.rows import Cell, Row, Table, listing, plain
from cradlecast.ui.tables import Column, Section, View, one_section

_ROLES: Final = {
    OFFERED: "What it offers",
    BEFALLS: "What befalls the community, in both arms unless told",
    GIVEN_UP: "The care that children give up, or fall back on",
    CLOSING: "Seats that close elsewhere",
    LEVERS: "A lever that is set",
    EVERYONE: "Every child's path, in both arms",
}
_GRADES: Final = {
    "randomised": "randomised trials",
    "quasi_experimental": "natural experiments",
    "association": "association",
    "administrative": "records",
    "assumption": "ASSUMPTION",
}
_LONG: Final = 1000
"""Letters that a description may have."""


def explanation_record(told: Explanation) -> dict[str, Any]:
    """What was explained, as JSON carries it."""
    scenario = told.scenario
    baseline = baseline_of(scenario, told.community)
    return {
        "cradlecast": VERSION,
        "scenario": scenario.name,
        "title": scenario.title,
        "description": scenario.description,
        "sources": list(scenario.sources),
        "community": told.community.name,
        "observed_year": told.community.observed_year,
        "baseline": scenario.baseline,
        "baseline_title": baseline.title,
        "baseline_description": baseline.description,
        "baseline_sources": list(baseline.sources),
        "school_years": list(school_years(scenario)),
        "cohorts": list(cohorts_of(scenario)),
        "seats_are_additional": scenario.seats_are_additional,
        "moves_no_child": told.moves_no_child,
        "levers": {name: lever.value for name, lever in scenario.levers.items()},
        "cannot_say": cannot_say(told),
    }


def explanation_tables(told: Explanation) -> tuple[Table, ...]:
    """Rows of the explanation, in print order."""
    return tuple(listing(name, [plain(row) for row in rows]) for name, rows in told.tables.items())


def explanation_heading(told: Explanation) -> list[tuple[str, str]]:
    """Scenario, community, baseline, and what changes in short, as pairs of a word and what it says."""
    scenario, community = told.scenario, told.community
    baseline = baseline_of(scenario, community)
    cohorts = cohorts_of(scenario)
    lines = [
        ("Scenario", f"{scenario.name}: {one_line(scenario.title)}"),
        ("", one_line(scenario.description, _LONG)),
        ("Community", f"{community.name}: {one_line(community.title)}, as observed about {community.observed_year}"),
        ("", one_line(community.description, _LONG)),
        ("Baseline", f"{scenario.baseline}: {one_line(baseline.title)}"),
        ("", one_line(baseline.description, _LONG)),
        *(("In short", sentence) for sentence in in_short(told)[:1]),
        *(("", sentence) for sentence in in_short(told)[1:]),
        ("Children", f"born {cohorts[0]} to {cohorts[-1]}, whom it may reach in those school years"),
    ]
    return [*lines, *(("Source", one_line(each, 300)) for each in scenario.sources)]


def in_short(told: Explanation) -> list[str]:
    """What the scenario does to each program's seats, a sentence a program, age and span of years."""
    sentences = []
    sentences += _of_pool(told)
    sentences += [_of_shock(told, shock) for shock in told.scenario.shocks]
    seats = [row for row in told.changes if row["stream"] != POOL]
    for (program, age), rows in _by(seats, "program", "age").items():
        if program in told.services:
            sentences += [_of_service(told, years, row) for years, row in _spans(rows, _program_seats)]
            continue
        title = told.programs[str(program)].title
        for years, row in _spans([row for row in rows if row["stream"] is not None], _program_seats):
            before, after = count(row["program_baseline"]), count(row["program_scenario"])
            same = "the same number as in the baseline" if before == after else f"{before} in the baseline"
            sentences.append(f"{title} at age {age}: {after} seats a year, {same}, school years {years}.")
        for years, row in _spans([row for row in rows if row["stream"] is None], lambda row: row["change"]):
            closing = count(-_number(row["change"]))
            sentences.append(
                f"{title} at age {age}: about {closing} seats a year close, school years {years} ({row['rule']})."
            )
    if told.moves_no_child:
        sentences.append("Every child has the same care in both arms: each impact is exactly zero, in every draw.")
    return sentences


def _of_pool(told: Explanation) -> list[str]:
    """Where pooled money comes from, and by which rule it is divided."""
    pool = told.scenario.pool
    if pool is None:
        return []
    grants = "; ".join(
        f"{grant.funder} ${grant.dollars:,.0f} a year from {grant.first_year}"
        + ("" if grant.last_year is None else f" to {grant.last_year}")
        for grant in pool.grants
    )
    parts = ", ".join(f"{load_program_or_service(part.program).title} {part.share:.0%}" for part in pool.parts)
    before = "the baseline has the same money, divided as today" if pool.in_baseline else "the baseline has none of it"
    return [
        f"Pooled money: {grants}; {before}.",
        f"Today it goes to {parts}; here it is divided {ALLOCATIONS[pool.allocation]}.",
    ]


def _of_shock(told: Explanation, shock: Shock) -> str:
    """What befalls the community, in a sentence."""
    years = f"{shock.first_year}" if shock.first_year == shock.last_year else f"{shock.first_year} to {shock.last_year}"
    where = "in both arms" if shock.in_baseline else "in the scenario alone"
    much = "" if shock.kind == "children" else f", {told.scenario.share_of(shock):.0%}"
    return f"{one_line(shock.title)}{much}, school years {years}, {where}."


def _of_service(told: Explanation, years: str, row: Row) -> str:
    """What the scenario does to the places of a service, in a sentence."""
    service = told.services[str(row["program"])]
    first, last = service.ages[0], service.ages[-1]
    ages = f"at {first}" if first == last else f"at {first} to {last}"
    before, after = count(row["program_baseline"]), count(row["program_scenario"])
    return (
        f"{service.title} {ages}: places for {after} children a year, {before} in the baseline, school years {years}."
    )


def explanation_views(told: Explanation) -> list[View]:
    """Changes, levers, parameters, assumed figures, and the evidence."""
    parameters = [row for row in told.assumptions if row["kind"] == "parameter"]
    assumed = [row for row in told.assumptions if row["kind"] == "figure" and row["grade"] in ("ASSUMED", "RECALLED")]
    return [
        _changes(told),
        _levers(told.levers),
        _parameters(parameters),
        _figures(assumed),
        _evidence(told.evidence),
    ]


def cannot_say(told: Explanation) -> list[str]:
    """What no run of this scenario answers, from its own declarations."""
    scenario = told.scenario
    parameters = [row for row in told.assumptions if row["kind"] == "parameter"]
    assumed = [str(row["name"]) for row in parameters if row["assumed"]]
    borrowed = Counter(str(row["borrowed"]) for row in told.assumptions if row["borrowed"])
    limits = []
    if told.moves_no_child:
        limits.append(
            "What the seats are worth: they are there with and without it; compare a scenario that adds seats."
        )
    elif not scenario.seats_are_additional:
        limits.append("What more seats would do: the baseline keeps as many; only what a seat is differs.")
    limits.append("What will happen: ranges hold the doubts listed here, and no others.")
    limits.append("Anything about a real child, school or family: every child in it is invented.")
    if assumed:
        limits.append(
            f"More than what is assumed: {len(assumed)} of {len(parameters)} uncertain parameters rest on an "
            f"assumption ({', '.join(assumed)})."
        )
    if borrowed:
        places = ", ".join(f"{place} ({number})" for place, number in borrowed.most_common())
        limits.append(f"What only local figures could tell: {borrowed.total()} stand in from elsewhere: {places}.")
    for service in told.services.values():
        missing = [one.outcome for one in service.not_carried]
        if missing:
            was, is_ = ("was", "is") if len(missing) == 1 else ("were", "are")
            named = ", ".join(missing)
            limits.append(f"{service.title}: {named} {was} measured elsewhere and {is_} not in the model.")
        if not service.effects:
            limits.append(f"What {service.title.lower()} does for children: nothing measured of it is in the model.")
    weak = [str(row["name"]) for row in parameters if row["grade"] == "association"]
    if weak:
        limits.append(f"What causes later milestones: {', '.join(weak)} are associations, not effects.")
    if "quality" in scenario.levers or "service_quality" in scenario.levers:
        limits.append("What raises quality, or what that would cost: the lever only says what would follow.")
    return limits


# --- views ---


def _changes(told: Explanation) -> View:
    """Seats by stream, years with the same numbers together."""
    rows: list[Row] = []
    for _, same in _by([row for row in told.changes if row["stream"] != POOL], "program", "stream", "age").items():
        rows += [dict(row) | {"years": years} for years, row in _spans(same, _stream_seats)]
    columns = (
        Column("program", lambda row: _title(told, str(row["program"])), right=False),
        Column("paid with", lambda row: word(row["stream"] or "any"), right=False),
        Column("age", lambda row: text(row["age"])),
        Column("school years", lambda row: text(row["years"]), right=False),
        Column("observed", lambda row: count(row["observed"])),
        Column("baseline", lambda row: count(row["baseline"])),
        Column("scenario", lambda row: count(row["scenario_seats"])),
        Column("change", lambda row: change(row["change"])),
        Column("by contract", lambda row: word(row["financed"]), right=False, gives_way=1),
    )
    title = "Seats and places that the baseline or the scenario changes, in the community and in a year"
    return View("changes", title, "a school year is named by its fall", columns, one_section(rows))


def _title(told: Explanation, name: str) -> str:
    """The title of a program or service."""
    return told.services[name].title if name in told.services else told.programs[name].title


def _levers(rows: Sequence[Row]) -> View:
    """Levers and what each moves."""
    columns = (
        Column("lever", lambda row: text(row["lever"]), right=False),
        Column("stands at", lambda row: _or_program(row["value"]) + (" (set)" if row["moved"] else "")),
        Column("may be", lambda row: f"{_amount(row['low'])} to {_amount(row['high'])}", right=False),
        Column("what it moves", lambda row: f"{row['moves']} ({row['unit']})", right=False, wraps=True),
    )
    return View("levers", "Levers", "move one with --set LEVER=VALUE", columns, one_section(rows))


def _parameters(rows: Sequence[Row]) -> View:
    """Uncertain parameters under why each matters."""
    columns = (
        Column("parameter", lambda row: text(row["name"]), right=False),
        Column("middle (90 % range)", _ranged),
        Column("rests on", lambda row: _GRADES.get(str(row["grade"]), text(row["grade"])), right=False),
        Column("what it is", lambda row: f"{text(row['title'])} ({text(row['unit'])})", right=False, wraps=True),
    )
    sections = tuple(
        Section(_ROLES[role], found) for role in ROLES if (found := tuple(row for row in rows if row["why"] == role))
    )
    return View("assumptions", "Uncertain parameters that matter for it", "", columns, sections)


def _figures(rows: Sequence[Row]) -> View:
    """Figures of the files that nobody measured where they are used."""
    columns = (
        Column("figure", _figure_name, right=False, wraps=True),
        Column("value (range)", _ranged),
        Column("unit", lambda row: text(row["unit"]), right=False),
        Column("standing", lambda row: text(row["grade"]).lower(), right=False),
        Column("reason", lambda row: text(row["sources"]), right=False, gives_way=1, wraps=True),
    )
    sections = tuple(Section(text(owner), tuple(found)) for (owner,), found in _by(rows, "why").items())
    title = "Figures that are assumed or remembered rather than measured"
    return View("assumptions", title, "", columns, sections)


def _figure_name(row: Row) -> str:
    """Where a figure stands in its file, in words."""
    return word(place(str(row["name"]).removeprefix(f"{row['why']}: ")))


def _evidence(rows: Sequence[Row]) -> View:
    """Evidence, what comes from one source together."""
    together: list[Row] = []
    for _, same in _by(rows, "title", "provenance").items():
        used_by = dict.fromkeys(name for row in same for name in str(row["used_by"]).split(", "))
        ids = ", ".join(str(row["id"]) for row in same)
        together.append(dict(same[0]) | {"id": ids, "used_by": ", ".join(used_by)})
    columns = (
        Column("ids", lambda row: text(row["id"]), right=False, wraps=True),
        Column("source", lambda row: text(row["title"]), right=False, wraps=True),
        Column("read as", lambda row: text(row["provenance"]).lower(), right=False, gives_way=1),
        Column("used by", lambda row: text(row["used_by"]), right=False, wraps=True),
    )
    return View("evidence", "Evidence behind those parameters", "", columns, one_section(together))


# --- words ---


def _by(rows: Sequence[Row], *names: str) -> dict[tuple[Cell, ...], list[Row]]:
    """Rows by what stands in some columns, in their first order."""
    found: dict[tuple[Cell, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row[name] for name in names), []).append(row)
    return found


def _spans(rows: Sequence[Row], what: Callable[[Row], object]) -> list[tuple[str, Row]]:
    """Spans of years in which something stays the same, with the first row of each."""
    spans: list[tuple[Row, Row]] = []
    for row in rows:
        if spans and what(spans[-1][1]) == what(row):
            spans[-1] = (spans[-1][0], row)
        else:
            spans.append((row, row))
    return [
        (text(a["year"]) if a["year"] == b["year"] else f"{text(a['year'])} to {text(b['year'])}", a) for a, b in spans
    ]


def _program_seats(row: Row) -> object:
    """Seats of the whole program in both arms."""
    return row["program_baseline"], row["program_scenario"]


def _stream_seats(row: Row) -> object:
    """Seats of one stream in both arms, or those that close."""
    return row["baseline"], row["scenario_seats"], row["change"]


def _ranged(row: Row) -> str:
    """A number with its range, where it has one."""
    low, high = row["low"], row["high"]
    if low is None or high is None or low == high:
        return _amount(row["value"])
    return f"{_amount(row['value'])} ({_amount(low)} to {_amount(high)})"


def _amount(cell: Cell) -> str:
    """A number in few digits."""
    value = _number(cell)
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.2f}".removeprefix("-0.00") or "0.00"


def _or_program(cell: Cell) -> str:
    """A lever's value, or that it leaves things as they are."""
    return ABSENT if cell is None else _amount(cell)


def _number(cell: Cell) -> float:
    """A cell that holds a number."""
    assert isinstance(cell, int | float)
    return float(cell)
