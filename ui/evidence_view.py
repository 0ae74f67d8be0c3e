"""Evidence as a person reads it: lists of estimates and priors, one of them in words, and what rests on it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from cradlecast.scenarios.errors import InputError, nearest
from cradlecast.scenarios.evidence import Estimate, Prior, estimates, priors
from cradlecast.scenarios.library import all_parameters
from cradlecast.scenarios.parameters import Parameter
from cradlecast.scenarios.registry import (
    Use,
    is_assumed,
    is_recalled,
    is_used,
    places_of,
    sources,
    uses_of,
)
from cradlecast.scenarios.wording import one_line, shown
from cradlecast.ui.figures import ABSENT, place, text, word
from cradlecast.ui.rows import Cell, Row, Table
from cradlecast.ui.tables import Column, View, one_section

ROLES: Final = ("INPUT", "VALIDATE")

_LONG: Final = 2000
"""Letters that a cell of a table of evidence may show."""

_EVIDENCE_COLUMNS: Final = (
    *("id", "kind", "parent_id", "topic", "quantity", "program", "outcome", "subgroup", "contrast", "estimand"),
    *("value", "se", "ci_low", "ci_high", "ci_level", "p_text", "between_study_sd", "n", "shape", "lower", "upper"),
    *("unit", "price_year", "age_at_measurement", "months_since_program_end", "program_hours_or_dose", "setting"),
    *("control_mix", "instrument", "grade", "confidence", "source_title", "source_address", "derived_from"),
    *("provenance", "note", "role", "used_by"),
)
"""Columns of both files, under the estimates' names: mean and sd of a prior stand in value and se."""

_USES_COLUMNS: Final = ("evidence", "kind", "owner", "name", "via", "standing", "used_in")
_PARAMETER_COLUMNS: Final = (
    *("name", "title", "shape", "mean", "sd", "df", "lower", "upper", "unit", "price_year", "grade", "priors"),
    *("evidence", "assumption", "used_in"),
)

_WORDS: Final = {
    "parent_id": "entry it is part of",
    "quantity": "what was measured",
    "subgroup": "of whom",
    "se": "standard error",
    "ci_low": "interval from",
    "ci_high": "interval to",
    "ci_level": "level of the interval",
    "p_text": "significance, as published",
    "between_study_sd": "spread between studies (sd)",
    "n": "number studied",
    "age_at_measurement": "age when measured",
    "months_since_program_end": "months after the program",
    "program_hours_or_dose": "hours or dose",
    "setting": "years and place",
    "control_mix": "what the others received",
    "grade": "design",
    "source_title": "source",
    "source_address": "address",
    "provenance": "how it is known",
    "sd": "standard deviation",
}
"""Columns of the files in words, where the name alone does not say it."""

_MEANINGS: Final = {
    "INPUT": "INPUT: it may set a number of the model",
    "VALIDATE": "VALIDATE: it is kept apart to be reproduced, and may set nothing",
}

# --- what is asked ---


def selected(
    role: str | None = None, program: str | None = None, outcome: str | None = None, used: bool | None = None
) -> list[str]:
    """Ids of estimates, then keys of priors, that fit every filter given; a prior has the role of what it is made of.

    Raises
    ------
    InputError
        For a role, program or outcome that no evidence has.
    """
    if role is not None:
        role = _known(role.upper(), ROLES, "role")
    everything: dict[str, Estimate | Prior] = {**estimates(), **priors()}
    if program is not None:
        _known(program, dict.fromkeys(each.program for each in everything.values()), "program")
    if outcome is not None:
        _known(outcome, dict.fromkeys(each.outcome for each in everything.values()), "outcome")
    return [
        id
        for id, each in everything.items()
        if role in (None, _role(each))
        and program in (None, each.program)
        and outcome in (None, each.outcome)
        and used in (None, is_used(id))
    ]


def asked_for(words: Iterable[str]) -> tuple[list[str], list[str]]:
    """Ids of evidence and names of parameters among some words, each once.

    Raises
    ------
    InputError
        For a word that is neither.
    """
    words = list(dict.fromkeys(words))
    parameters = all_parameters()
    for each in words:
        if each not in estimates() and each not in priors() and each not in parameters:
            hint = nearest(each[:60], [*estimates(), *priors(), *parameters])
            raise InputError(f"there is no estimate, prior or parameter {shown(each)}{hint}")
    return [each for each in words if each not in parameters], [each for each in words if each in parameters]


def _known(value: str, known: Iterable[str], what: str) -> str:
    """A value that some evidence has."""
    known = sorted(known)
    if value not in known:
        hint = nearest(value[:60], known) or f"; there are {', '.join(known)}"
        raise InputError(f"no evidence has the {what} {shown(value)}{hint}")
    return value


def _role(record: Estimate | Prior) -> str:
    """The role of a record; priors are derived from estimates for input only."""
    return record.role if isinstance(record, Estimate) else "INPUT"


# --- tables ---


def evidence_table(ids: Iterable[str]) -> Table:
    """Estimates and priors with every column, and the names of what rests on them."""
    return Table("evidence", _EVIDENCE_COLUMNS, tuple(_evidence_row(id) for id in ids))


def uses_table(ids: Sequence[str], parameters: Sequence[str]) -> Table:
    """Everything that rests on some evidence, and all evidence that some parameters rest on."""
    found = [use for id in ids for use in uses_of(id)]
    found += [use for name in parameters for use in _uses_by(name) if use not in found]
    return Table("uses", _USES_COLUMNS, tuple(_use_row(use) for use in found))


def parameters_table(parameters: Iterable[str]) -> Table:
    """Parameters with all that is declared of them."""
    return Table("parameters", _PARAMETER_COLUMNS, tuple(_parameter_row(name) for name in parameters))


def behind(parameters: Iterable[str]) -> list[str]:
    """All evidence that some parameters rest on, each once."""
    return list(dict.fromkeys(use.evidence for name in parameters for use in _uses_by(name)))


def _uses_by(name: str) -> list[Use]:
    """A parameter's uses of evidence, in the order of its chains."""
    parameter = all_parameters()[name]
    return [Use(source, "parameter", "", name, tuple(via), parameter.grade) for *via, source in sources(parameter)]


def _evidence_row(id: str) -> Row:
    """An estimate or a prior under the columns of both."""
    users = ", ".join(dict.fromkeys(use.who for use in uses_of(id) if use.sets)) or None
    row: dict[str, Cell] = dict.fromkeys(_EVIDENCE_COLUMNS)
    if id in estimates():
        estimate = estimates()[id]
        for column, written in estimate.row.items():
            number = getattr(estimate, column)
            row[column] = written or None if number is None else number
        return row | {"kind": "estimate", "used_by": users}
    prior = priors()[id]
    same = {
        name: getattr(prior, name) for name in ("program", "outcome", "contrast", "shape", "lower", "upper", "unit")
    }
    says = {"derived_from": prior.derived_from, "confidence": prior.confidence, "provenance": "DERIVED"}
    numbers = {"value": prior.mean, "se": prior.sd}
    return row | same | says | numbers | {"id": id, "kind": "prior", "role": _role(prior), "used_by": users}


def _use_row(use: Use) -> Row:
    """One use, with where a parameter is used in turn."""
    return {
        "evidence": use.evidence,
        "kind": use.kind,
        "owner": use.owner or None,
        "name": use.name,
        "via": ", ".join(use.via) or None,
        "standing": use.standing,
        "used_in": _used_in(use.name) if use.kind == "parameter" else None,
    }


def _parameter_row(name: str) -> Row:
    """A parameter as it is declared."""
    parameter = all_parameters()[name]
    plain = {column: getattr(parameter, column) for column in _PARAMETER_COLUMNS[1:-4]}
    return (
        {"name": name}
        | plain
        | {
            "priors": ", ".join(parameter.priors) or None,
            "evidence": ", ".join(parameter.evidence) or None,
            "assumption": parameter.assumption,
            "used_in": _used_in(name),
        }
    )


def _used_in(parameter: str) -> str:
    """The files that name a parameter, or whom its rule is for."""
    return "; ".join(places_of(parameter))


# --- views ---


def list_view(table: Table) -> View:
    """Estimates and priors in a line each, with what rests on them."""
    columns = (
        Column("id", lambda row: text(row["id"]), right=False),
        Column("program", lambda row: text(row["program"]), right=False, gives_way=3),
        Column("outcome", lambda row: word(row["outcome"]), right=False, gives_way=2),
        Column("what", _what, right=False, wraps=True),
        Column("value (error)", _value),
        Column("unit", lambda row: text(row["unit"]), right=False, gives_way=4, wraps=True),
        Column("role", lambda row: text(row["role"]), right=False),
        Column("known as", lambda row: text(row["provenance"]).lower(), right=False, gives_way=5, wraps=True),
        Column("rests on it", lambda row: place(row["used_by"]), right=False, gives_way=1, wraps=True),
    )
    total = len(estimates()) + len(priors())
    about = f"{len(table.rows):,} of {total:,} estimates and priors; a prior's error is its standard deviation"
    return View(table.name, "Evidence", about, columns, one_section(table.rows))


def list_notes(table: Table) -> list[str]:
    """How many of some evidence are from memory or assumed, and how to see one."""
    ids = [str(row["id"]) for row in table.rows]
    if not ids:
        return ["No evidence fits all of these filters; leave one out."]
    used = [id for id in ids if is_used(id)]
    recalled, assumed = [id for id in ids if is_recalled(id)], [id for id in ids if is_assumed(id)]
    kept = sum(row["role"] == "VALIDATE" for row in table.rows)
    return [
        f"{len(used)} set a number of the model; {kept} may only be reproduced; the rest is not used yet.",
        f"From memory (RECALLED), in whole or in part: {len(recalled)}, of which {_count_in(recalled, used)} are used.",
        f"Assumptions of their authors or of a prior: {len(assumed)}, of which {_count_in(assumed, used)} are used.",
        f"cradlecast evidence show {(used or ids)[0]}",
    ]


def _count_in(some: Iterable[str], others: Iterable[str]) -> int:
    """How many are in both."""
    return len({*some} & {*others})


def show_views(ids: Sequence[str], parameters: Sequence[str]) -> list[View]:
    """Each estimate or prior in words, and what rests on it; each parameter, and what it rests on."""
    views: list[View] = []
    for id in ids:
        views += [_facts(id), *([_made_of(id)] if id in priors() else []), _uses(id)]
    for name in parameters:
        views += [_parameter_facts(name), _sources(name)]
    return views


def show_notes(ids: Sequence[str], parameters: Sequence[str]) -> list[str]:
    """What must be known of the evidence shown."""
    notes = [f"Nothing rests on {id}{_why_not(id)}." for id in ids if not is_used(id)]
    shown_here = list(dict.fromkeys([*ids, *behind(parameters)]))
    notes += [f"{id} is from memory: {text(estimates()[id].provenance)}." for id in shown_here if is_recalled(id)]
    notes += [f"{id} is an assumption and no measurement." for id in shown_here if is_assumed(id)]
    known = all_parameters()
    notes += [f"{name} is assumed: no estimate settles it." for name in parameters if known[name].grade == "assumption"]
    return notes


def _why_not(id: str) -> str:
    """Why nothing rests on some evidence."""
    if id in estimates() and estimates()[id].role == "VALIDATE":
        return ", and nothing may: it is kept apart to be reproduced"
    return " yet"


def _facts(id: str) -> View:
    """An estimate or a prior, column by column."""
    record = estimates()[id] if id in estimates() else priors()[id]
    if isinstance(record, Estimate):
        title, about = record.quantity, _MEANINGS[record.role]
    else:
        title = f"prior of {word(record.program)}, {word(record.outcome)}: {record.contrast}"
        about = "A prior: it may set a number of the model"
    given = [(name, written) for name, written in record.row.items() if written]
    absent = ", ".join(_column(name) for name, written in record.row.items() if not written)
    facts = [(_column(name), written) for name, written in given if name not in ("id", "key")]
    return _pairs(f"{id}: {one_line(title)}", about, [*facts, ("not stated", absent or ABSENT)])


def _parameter_facts(name: str) -> View:
    """A parameter, with what is declared of it."""
    parameter = all_parameters()[name]
    with_others = ", ".join(f"{other} ({size:g})" for other, size in parameter.correlated_with.items())
    year = ABSENT if parameter.price_year is None else str(parameter.price_year)
    facts = [
        ("distribution", parameter.distribution),
        ("unit", parameter.unit),
        ("price year", year),
        ("correlated with", with_others or ABSENT),
        ("rests on", word(parameter.grade)),
        ("assumption", parameter.assumption or ABSENT),
        ("used in", place(_used_in(name))),
    ]
    return _pairs(f"{name}: {one_line(parameter.title)}", "A parameter, drawn once per draw", facts)


def _pairs(title: str, about: str, facts: Iterable[tuple[str, str]]) -> View:
    """What is said of something, a line each."""
    columns = (
        Column("column", lambda row: text(row["column"]), right=False),
        Column("what it says", lambda row: one_line(str(row["says"]).strip(), _LONG), right=False, wraps=True),
    )
    rows: list[Row] = [{"column": column, "says": says} for column, says in facts]
    return View("evidence", title, about, columns, one_section(rows))


def _uses(id: str) -> View:
    """What rests on an estimate or a prior, nearest first."""
    columns = (
        Column("what", _user, right=False, wraps=True),
        Column("through", lambda row: text(row["via"]), right=False),
        Column("standing", lambda row: word(row["standing"]), right=False),
        Column("used in", _owners, right=False, wraps=True),
    )
    rows = _together(uses_table([id], []).rows, "kind", "owner", "name")
    return View("uses", f"What rests on {id}, or is compared with it", "", columns, one_section(rows))


def _user(row: Row) -> str:
    """What rests on evidence, in words."""
    return f"{text(row['owner'])}: {place(row['name'])}" if row["owner"] else f"{row['kind']} {row['name']}"


def _owners(row: Row) -> str:
    """The files in which a parameter is used."""
    if row["used_in"] is None:
        return ABSENT
    return ", ".join(dict.fromkeys(each.partition(":")[0] for each in str(row["used_in"]).split("; ")))


def _together(rows: Iterable[Row], *columns: str) -> list[Row]:
    """Rows that agree in some columns made one, with every way through which evidence is reached."""
    found: dict[tuple[Cell, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row[column] for column in columns), []).append(row)
    ways = (dict.fromkeys(str(row["via"] or "itself") for row in same) for same in found.values())
    return [{**same[0], "via": " and ".join(way)} for same, way in zip(found.values(), ways, strict=True)]


def _made_of(key: str) -> View:
    """What a prior is derived from, as far as it goes."""
    prior = Parameter.model_construct(priors=(key,), evidence=())
    return _chain_view(f"What {key} is derived from", [chain for chain in sources(prior) if len(chain) > 1])


def _sources(name: str) -> View:
    """All evidence that a parameter rests on."""
    return _chain_view(f"What {name} rests on", sources(all_parameters()[name]))


def _chain_view(title: str, found: Iterable[tuple[str, ...]]) -> View:
    """Evidence with the priors through which it is reached."""
    columns = (
        Column("id", lambda row: text(row["id"]), right=False),
        Column("through", lambda row: text(row["via"]), right=False),
        Column("what", _what, right=False, wraps=True),
        Column("value (error)", _value),
        Column("unit", lambda row: text(row["unit"]), right=False, gives_way=2, wraps=True),
        Column("known as", lambda row: text(row["provenance"]).lower(), right=False, gives_way=1, wraps=True),
        Column("source", lambda row: text(row["source_title"]), right=False, wraps=True),
    )
    rows = [{**_evidence_row(id), "via": ", ".join(via)} for *via, id in found]
    return View("evidence", title, "", columns, one_section(_together(rows, "id")))


# --- words ---


def _column(name: str) -> str:
    """A column of the files in words."""
    return _WORDS.get(name, word(name))


def _what(row: Row) -> str:
    """What an estimate or a prior is of."""
    if row["kind"] == "prior":
        return f"prior: {text(row['contrast'])}"
    return text(row["quantity"]) + (f", {text(row['subgroup'])}" if row["subgroup"] else "")


def _value(row: Row) -> str:
    """A value with its error, in the digits of the file."""
    if not isinstance(row["value"], int | float):
        return ABSENT
    error = f" ({row['se']:,.10g})" if isinstance(row["se"], int | float) else ""
    return f"{row['value']:,.10g}{error}"
