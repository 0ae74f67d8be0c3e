"""The page of evidence, both ways: from each number to its sources, and from each source to what rests on it.

``python -m cradlecast.scenarios.evidence_page`` writes ``docs/evidence.md`` of this checkout anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, get_args

from cradlecast.scenarios.costs import Split
from cradlecast.scenarios.evidence import Estimate, estimates, priors
from cradlecast.scenarios.fields import Provenance
from cradlecast.scenarios.library import all_parameters, declarations
from cradlecast.scenarios.parameters import Grade, Parameter
from cradlecast.scenarios.registry import (
    Cited,
    cited,
    derived_from,
    is_assumed,
    is_recalled,
    is_trial,
    is_used,
    places_of,
    sources,
    uses_of,
)

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "evidence.md"
"""Where the committed page lies in a checkout."""

_INTRODUCTION: Final = """\
# Evidence, both ways

Which numbers of the model rest on what, and what rests on each source. `python -m cradlecast.scenarios.evidence_page`
writes this page from the shipped files, and a test holds it current. `cradlecast evidence show` tells of one id or
parameter, with every column.

**RECALLED** marks what is from memory, in whole or in part; **ASSUMED** what nobody measured: a parameter of grade
assumption, a figure of provenance ASSUMED, a source that is itself an assumption. Behind a prior stands, in brackets,
what it is derived from. An estimate with role VALIDATE sets nothing, neither directly nor through a prior; a test holds
that too.
"""
_DIRECT: Final = ("program", "costs", "prices", "deal")
"""Kinds of files whose figures are listed one by one; those of communities are counted."""


def evidence_page() -> str:
    """The page, as Markdown."""
    parts = (
        _INTRODUCTION,
        "## 1. Counts\n",
        _counts(),
        "## 2. From parameters to sources\n",
        "Mean and, in brackets, spread (error of the estimate and between places), before bounds cut a normal.\n",
        _table(
            ("parameter", "what it is", "distribution", "unit", "price year", "grade", "rests on", "used in"),
            [_parameter(name, parameter) for name, parameter in all_parameters().items()],
        ),
        "## 3. What is assumed of parameters\n",
        _table(("parameter", "what is assumed, and why"), _assumptions()),
        "## 4. From figures to sources\n",
        "Figures of programs, prices and deals; a deal names the year of its dollars once. Those of a community stand "
        "in its file, each with its source.\n",
        _table(("file", "figure", "value (range)", "unit", "year", "known as", "rests on"), _figures()),
        "## 5. From priors to parameters\n",
        _table(("prior", "of what", "mean (sd)", "unit", "confidence", "derived from", "rests on it"), _priors()),
        "## 6. From estimates to what rests on them\n",
        "Every estimate on which a number of the model rests; priors through which it does stand in brackets.\n",
        _table(
            ("estimate", "of what", "value (error)", "unit", "design", "known as", "source", "rests on it"),
            [_estimate(each) for each in estimates().values() if is_used(each.id)],
        ),
    )
    return "\n".join(parts).rstrip("\n") + "\n"


def write_page(path: Path = PAGE) -> Path:
    """Writes the page and returns its path."""
    path.write_text(evidence_page(), encoding="utf-8", newline="\n")
    return path


# --- counts ---


def _counts() -> str:
    """How many parameters, figures and estimates there are of each standing."""
    parameters = all_parameters().values()
    grades = Counter(parameter.grade for parameter in parameters)
    recalled = sum(any(is_recalled(source) for *_, source in sources(parameter)) for parameter in parameters)
    return "\n".join(
        (
            f"{len(parameters)} uncertain parameters, by the strongest design behind each; {recalled} of them rest, in "
            "whole or in part, on RECALLED estimates:\n",
            _table(tuple(map(_words, get_args(Grade))), [[str(grades[grade]) for grade in get_args(Grade)]]),
            "Figures by how each is known:\n",
            _table(("file", *get_args(Provenance), "name evidence"), _figure_counts()),
            "Estimates and priors:\n",
            _table(("", "all", "a number rests on it", "RECALLED, used", "ASSUMED, used"), _evidence_counts()),
        )
    )


def _figure_counts() -> Iterator[list[str]]:
    """Each file with its figures by provenance, and how many name evidence."""
    for owner, record in declarations():
        figures = [] if is_trial(owner) else [figure for _, figure in cited(record)]
        if figures:
            known = Counter(figure.provenance for figure in figures)
            named = sum(bool(figure.evidence) for figure in figures)
            yield [owner, *(str(known[each]) for each in get_args(Provenance)), str(named)]


def _evidence_counts() -> Iterator[list[str]]:
    """Estimates of each role, and priors: all, used, and used though recalled or assumed."""
    kinds = {
        f"estimates, {role}": [e.id for e in estimates().values() if e.role == role] for role in ("INPUT", "VALIDATE")
    }
    for kind, ids in (kinds | {"priors": list(priors())}).items():
        used = [id for id in ids if is_used(id)]
        recalled, assumed = sum(map(is_recalled, used)), sum(map(is_assumed, used))
        yield [kind, *map(str, (len(ids), len(used), recalled, assumed))]


# --- from numbers to sources ---


def _parameter(name: str, parameter: Parameter) -> list[str]:
    """One parameter with everything behind it."""
    year = "" if parameter.price_year is None else str(parameter.price_year)
    grade = "**ASSUMED**" if parameter.grade == "assumption" else _words(parameter.grade)
    behind = _named((*parameter.priors, *parameter.evidence)) or "no estimate: see 3"
    places = ", ".join(dict.fromkeys(place.partition(":")[0] for place in places_of(name)))
    title = parameter.title
    return [f"`{name}`", title, parameter.distribution, parameter.unit, year, grade, behind, places]


def _assumptions() -> Iterator[list[str]]:
    """Parameters with the words of their assumption."""
    for name, parameter in all_parameters().items():
        if parameter.assumption:
            yield [f"`{name}`", parameter.assumption]


def _figures() -> Iterator[list[str]]:
    """Figures of programs, prices and deals, with their evidence or, where they name none, their source."""
    for owner, record in declarations():
        if owner.split()[0] in _DIRECT:
            for path, figure in cited(record):
                yield [
                    owner,
                    f"`{path}`",
                    *_amount(figure),
                    _known_as(figure),
                    _named(figure.evidence) or figure.source,
                ]


def _amount(figure: Cited) -> list[str]:
    """Value with its range, unit and year; of a split, its shares."""
    if isinstance(figure, Split):
        shares = ", ".join(f"{budget} {_number(share)}" for budget, share in figure.parts.items())
        return [shares, "share", ""]
    ends = [end for end in (figure.low, figure.high) if end is not None]
    span = f" ({' to '.join(map(_number, ends))})" if len(ends) == 2 else ""
    return [f"{_number(figure.value)}{span}", figure.unit, "" if figure.year is None else str(figure.year)]


def _known_as(figure: Cited) -> str:
    """How a figure is known."""
    return f"**{figure.provenance}**" if figure.provenance in ("RECALLED", "ASSUMED") else figure.provenance.lower()


# --- from sources to numbers ---


def _priors() -> Iterator[list[str]]:
    """Every prior with its derivation and the parameters that name it."""
    for key, prior in priors().items():
        what = f"{_words(prior.program)}, {_words(prior.outcome)}: {prior.contrast}"
        numbers = f"{_number(prior.mean)} ({_number(prior.sd)})"
        yield [
            _marked(key),
            what,
            numbers,
            prior.unit,
            prior.confidence,
            prior.derived_from,
            _users(key) or "nothing yet",
        ]


def _estimate(estimate: Estimate) -> list[str]:
    """One estimate with everything that rests on it."""
    what = f"{estimate.quantity}, {estimate.subgroup}" if estimate.subgroup else estimate.quantity
    unit = estimate.unit if estimate.price_year is None else f"{estimate.unit} of {estimate.price_year}"
    value = [estimate.row["value"] if estimate.value is None else _number(estimate.value)]
    value += [] if estimate.se is None else [f"({_number(estimate.se)})"]
    value += [] if estimate.between_study_sd is None else [f"between studies {_number(estimate.between_study_sd)}"]
    design, known = estimate.grade, estimate.provenance
    return [
        _marked(estimate.id),
        what,
        " ".join(value),
        unit,
        design,
        known,
        estimate.source_title,
        _users(estimate.id),
    ]


def _users(id: str) -> str:
    """What rests on some evidence, with the priors between."""
    users: dict[str, dict[str, None]] = {}
    for use in uses_of(id):
        if use.sets:
            name = f"{use.owner}: `{use.name}`" if use.owner else f"`{use.name}`"
            users.setdefault(name, {}).update(dict.fromkeys(use.via))
    return ", ".join(f"{name} ({', '.join(via)})" if via else name for name, via in users.items())


# --- words ---


def _named(ids: Iterable[str]) -> str:
    """Evidence with its marks, priors with what they are derived from."""
    return ", ".join(f"{_marked(id)}{_derivation(id)}" for id in ids)


def _derivation(id: str) -> str:
    """What a prior is derived from, in brackets."""
    return f" ({_named(derived_from(id))})" if id in priors() and derived_from(id) else ""


def _marked(id: str) -> str:
    """An id with its marks."""
    recalled, assumed = " **RECALLED**" if is_recalled(id) else "", " **ASSUMED**" if is_assumed(id) else ""
    return f"{id}{recalled}{assumed}"


def _words(name: str) -> str:
    """A name in words."""
    return name.replace("_", " ")


def _number(value: float) -> str:
    """A number in the digits of its file."""
    return f"{value:,.10g}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, and an empty line."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines) + "\n"


def _cell(text: str) -> str:
    """A text that stays inside its cell."""
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())


if __name__ == "__main__":
    print(write_page().name)
