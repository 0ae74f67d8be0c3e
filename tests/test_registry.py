"""Every number names what it rests on, nothing rests on what is kept apart, and both directions say the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from cradlecast.scenarios import registry
from cradlecast.scenarios.costs import Split
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.evidence import check_inputs, estimates, priors
from cradlecast.scenarios.evidence_page import PAGE, evidence_page, write_page
from cradlecast.scenarios.fields import Figure, PositiveFigure, Record
from cradlecast.scenarios.library import (
    all_parameters,
    declarations,
    load_community,
    load_parameters,
    load_prices,
    load_program,
)
from cradlecast.scenarios.parameters import Parameter
from cradlecast.scenarios.registry import (
    Use,
    chains,
    cited,
    derived_from,
    ids_in,
    is_assumed,
    is_recalled,
    is_trial,
    is_used,
    places_of,
    sources,
    uses,
    uses_of,
)

STRENGTH = {
    "assumption": 0,
    "association": 1,
    "administrative": 1,
    "quasi": 2,
    "quasi_experimental": 2,
    "randomised": 3,
}


# --- what is held: each fault is found where it is put ---


def faults_of_parameter(name: str, parameter: Parameter) -> Iterator[str]:
    """What is wrong with what a parameter rests on."""
    if not (parameter.priors or parameter.evidence or parameter.assumption):
        yield f"{name} rests on nothing"
    try:
        check_inputs(parameter.evidence)
        behind = [source for *_, source in sources(parameter)]
    except InputError as error:
        yield f"{name}: {error}"
        return
    if any("VALIDATE" in priors()[key].derived_from for key in behind if key in priors()):
        yield f"{name} rests on a prior that was shaped by what is kept apart"
    if any(map(is_recalled, behind)) and "RECALLED" not in (parameter.assumption or ""):
        yield f"{name} hides a recalled row"
    designs = [STRENGTH[estimates()[id].grade] for id in behind if id in estimates()]
    if STRENGTH[parameter.grade] > max(designs, default=1):
        yield f"{name} claims a stronger design than any of its sources has"
    if not designs and not parameter.assumption:
        yield f"{name} has neither an estimate nor an assumption"
    years = {estimates()[id].price_year for id in behind if id in estimates()} - {None}
    if parameter.price_year is not None and years != {parameter.price_year}:
        yield f"{name} is in dollars of another year than its sources"


def faults_of_figure(path: str, figure: Figure | Split) -> Iterator[str]:
    """What is wrong with what a figure rests on."""
    if not figure.source.strip():
        yield f"{path} names no source"
    try:
        check_inputs(figure.evidence)
        recalled = any(is_recalled(source) for *_, source in chains(figure.evidence))
    except InputError as error:
        yield f"{path}: {error}"
        return
    said = f"{figure.source} {figure.note}"
    if recalled and figure.provenance not in ("RECALLED", "ASSUMED") and "RECALLED" not in said:
        yield f"{path} hides a recalled row"
    findable = figure.evidence or figure.address or len(figure.source) > 15
    if isinstance(figure, Figure) and figure.provenance in ("READ", "DERIVED") and not findable:
        yield f"{path} cites nothing that can be found"


def faults(parameters: Mapping[str, Parameter], declared: Iterable[tuple[str, Record]]) -> list[str]:
    """Everything that is wrong with what numbers rest on."""
    found = [fault for name, each in parameters.items() for fault in faults_of_parameter(name, each)]
    for owner, record in declared:
        if not is_trial(owner):
            found += [fault for path, figure in cited(record, owner) for fault in faults_of_figure(path, figure)]
    return found


def test_every_number_rests_on_evidence_that_may_set_it_or_on_a_declared_assumption() -> None:
    assert sum(len([*cited(record)]) for _, record in declarations()) > 200
    assert faults(all_parameters(), declarations()) == []


def spoilt(**changes: Any) -> Mapping[str, Parameter]:
    """The parameters, one of them changed without being checked."""
    known = all_parameters()
    return {**known, "prek_value": known["prek_value"].model_copy(update=changes)}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"priors": (), "evidence": ()}, "rests on nothing"),
        ({"evidence": ("E3038a",)}, "'E3038a' must have role INPUT"),
        ({"evidence": ("E3016",)}, "unknown evidence 'E3016'"),
        ({"evidence": ("E2018a",)}, "hides a recalled row"),
        ({"priors": ("P46",), "evidence": ("E3011a",)}, "hides a recalled row"),
        ({"priors": ("P23",)}, "shaped by what is kept apart"),
        ({"priors": ("P29",), "evidence": ()}, "claims a stronger design"),
        ({"priors": ("P04",), "evidence": ("E1045a",)}, "claims a stronger design"),
        ({"priors": ("P30",), "evidence": (), "grade": "assumption"}, "neither an estimate nor an assumption"),
        ({"price_year": 2019, "evidence": ("E1021c",)}, "dollars of another year"),
    ],
)
def test_a_parameter_with_a_fault_is_found(changes: dict[str, Any], words: str) -> None:
    found = faults(spoilt(**changes), ())
    assert len(found) >= 1
    assert all("prek_value" in fault for fault in found)
    assert any(words in fault for fault in found)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"source": " "}, "names no source"),
        ({"evidence": ("E3038a",)}, "'E3038a' must have role INPUT"),
        ({"evidence": ("E5017a",)}, "hides a recalled row"),
        ({"evidence": (), "address": None, "source": "somewhere"}, "cites nothing"),
    ],
)
def test_a_figure_with_a_fault_is_found(changes: dict[str, Any], words: str) -> None:
    program = load_program("head_start")
    assert program.seat_cost.provenance == "READ"
    record = program.model_copy(update={"seat_cost": program.seat_cost.model_copy(update=changes)})
    [fault] = faults({}, [("program mine", record)])
    assert fault.startswith("program mine.seat_cost")
    assert words in fault


def with_derivation(monkeypatch: pytest.MonkeyPatch, key: str, words: str) -> None:
    """Lets a prior be derived from something else."""
    changed = dict(priors()) | {key: replace(priors()[key], derived_from=words)}
    monkeypatch.setattr(registry, "priors", lambda: changed)


def test_a_prior_derived_from_what_is_kept_apart_is_refused_however_far_below(monkeypatch: pytest.MonkeyPatch) -> None:
    with_derivation(monkeypatch, "P21", "E3038a halved")
    with pytest.raises(InputError, match="'E3038a' must have role INPUT"):
        derived_from("P21")
    found = faults(spoilt(priors=("P19",)), ())  # P19 takes P21 as its proxy
    assert any("'E3038a' must have role INPUT" in fault for fault in found)
    with pytest.raises(InputError, match="E3038a"):
        uses(all_parameters(), ())


def test_dollars_have_a_year_wherever_they_stand() -> None:
    """A deal names the year of all its dollars once."""
    money = [
        (f"{owner}: {path}", figure.year)
        for owner, record in declarations()
        for path, figure in cited(record)
        if isinstance(figure, Figure) and "usd" in figure.unit.split() and not owner.startswith("deal")
    ]
    assert len(money) > 10
    assert [path for path, year in money if year is None] == []
    earnings = all_parameters()["lifetime_diploma"]
    assert earnings.price_year == estimates()["E5018b"].price_year == 2019
    with pytest.raises(ValidationError, match="price_year must be given where the unit is usd"):
        Parameter.model_validate(earnings.model_dump() | {"price_year": None})
    with pytest.raises(ValidationError, match="and only there"):
        Parameter.model_validate(earnings.model_dump() | {"unit": "share"})


# --- ids in derivations ---


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ("E3012b-c (0.69), E3014a/E3013a (0.86)", ("E3012b", "E3012c", "E3014a", "E3013a")),
        ("E3016b/0.662; se 0.08 (N4074f)", ("E3016b", "N4074f")),
        ("N3076 note", ("N3076a", "N3076b")),
        ("no INPUT number; P21 as proxy", ("P21",)),
        ("P01/3; P01", ("P01",)),
        ("N9999 is nowhere", ("N9999",)),
        ("nothing of the kind: E301, XE3016b, P1", ()),
    ],
)
def test_the_ids_that_a_derivation_names(words: str, ids: tuple[str, ...]) -> None:
    assert ids_in(words) == ids


def test_a_prior_may_be_derived_from_a_prior_and_a_circle_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    found = list(chains(["P19"]))
    assert found[:3] == [("P19",), ("P19", "P21"), ("P19", "P21", "N4060a")]
    with_derivation(monkeypatch, "P21", "P19 and P21, and E4002a")
    assert list(chains(["P19"])) == [("P19",), ("P19", "P21"), ("P19", "P21", "E4002a")]


def test_nearly_every_prior_is_derived_from_something() -> None:
    assert sum(bool(derived_from(key)) for key in priors()) > 35


# --- both directions ---


def test_what_rests_on_one_estimate_worked_by_hand() -> None:
    """E3016b is in the derivations of P01 and P10, which two parameters of the pathway name, and P20 rests on P01."""
    assert uses(load_parameters().parameters, ())["E3016b"] == (
        Use("E3016b", "prior", "", "P01", (), "medium"),
        Use("E3016b", "prior", "", "P10", (), "low"),
        Use("E3016b", "parameter", "", "prek_value", ("P01",), "randomised"),
        Use("E3016b", "parameter", "", "prek_value", (), "randomised"),
        Use("E3016b", "parameter", "", "prek_nontest", ("P10",), "quasi_experimental"),
        Use("E3016b", "parameter", "", "prek_nontest", (), "quasi_experimental"),
        Use("E3016b", "parameter", "", "subsidised_care_value", ("P20", "P01"), "assumption"),
    )
    [seats] = [use for use in uses_of("E1022c") if use.name == "streams[grant].seats[4]"]
    assert (seats.kind, seats.who, seats.standing) == (
        "figure",
        "community memphis: streams[grant].seats[4]",
        load_community("memphis").streams[1].seats[4].provenance,
    )
    assert [use.who for use in uses_of("E5022a")] == ["prices: discount_rate"]


def test_from_a_number_to_its_sources_and_back_is_the_same() -> None:
    forward = {
        (name, source, tuple(via))
        for name, parameter in all_parameters().items()
        for *via, source in sources(parameter)
    }
    forward |= {
        (f"{owner}: {path}", source, tuple(via))
        for owner, record in declarations()
        if not is_trial(owner)
        for path, figure in cited(record)
        for *via, source in chains(figure.evidence)
    }
    back = {(use.who, id, use.via) for id in (*estimates(), *priors()) for use in uses_of(id) if use.sets}
    assert len(forward) > 250
    assert forward == back
    assert {id for _, id, _ in back} == {id for id in (*estimates(), *priors()) if is_used(id)}


def test_nothing_rests_on_what_is_kept_apart() -> None:
    held_out = [each.id for each in estimates().values() if each.role == "VALIDATE"]
    assert len(held_out) > 200
    assert [use for id in held_out for use in uses_of(id) if use.kind != "trial"] == []


class FollowUps(Record):
    """Stands in for a trial: what it measured, beside which estimates."""

    evidence: tuple[str, ...]
    seats: PositiveFigure


def test_a_trial_is_compared_with_what_it_names_and_no_number_rests_on_it() -> None:
    seats = load_community("memphis").streams[0].seats[4]
    record = FollowUps(evidence=("E3038a", "E3016b"), seats=seats)
    found = uses({}, [("trial mine", record), ("community mine", record)])
    assert found["E3038a"] == (Use("E3038a", "trial", "trial mine", "evidence[1]", (), "compared"),)
    assert [use.sets for use in found["E3038a"]] == [False]
    assert {use.kind for use in found["E1022a"]} == {"figure", "trial"}
    assert faults({}, [("trial mine", record)]) == []


def test_a_prior_that_no_parameter_names_sets_nothing() -> None:
    """P20 is P01 over 3, and the value of subsidised care rests on it; some priors are not used yet."""
    assert "P20" in {use.name for use in uses_of("P01") if use.kind == "prior"}
    assert is_used("P20") and is_used("P01")
    named = {prior for each in all_parameters().values() for prior in each.priors}
    unused = [key for key in priors() if not is_used(key)]
    assert unused and not named & set(unused)


def test_figures_and_splits_are_found_by_the_path_to_them() -> None:
    assert dict(cited(load_prices())) == {"discount_rate": load_prices().discount_rate}
    memphis = load_community("memphis")
    found = dict(cited(memphis))
    assert found["areas[suburbs].children"] == memphis.areas[-1].children
    assert found["milestones[grade3_reading].all"] == memphis.milestones["grade3_reading"].all
    shares = [path for path, each in cited(dict(declarations())["costs us"]) if isinstance(each, Split)]
    assert "lines[schooling].split" in shares
    assert "payers[Families]" in shares


def test_where_parameters_are_named() -> None:
    assert "community memphis: stays" in places_of("stays_near")
    assert "program prek: effects.skill.parameter" in places_of("prek_value")
    assert "program head_start: effects.skill.less" in places_of("head_start_contrast")
    assert places_of("displaces_head_start") != ()
    assert places_of("prek_suspension") == ("program prek: by its name",)
    assert places_of("event_slope") == ("every child",)


def test_recalled_and_assumed_are_told_from_the_rows() -> None:
    assert is_recalled("E5022a") and is_recalled("E3030a")
    assert not is_recalled("E3016b")
    assert is_assumed("N1046a") and is_assumed("P41") and not is_assumed("P01")


# --- the page ---


def table(title: str) -> list[list[str]]:
    """The rows of the one table below a heading of the committed page."""
    part = PAGE.read_text(encoding="utf-8").partition(f". {title}\n")[2].partition("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line[2:-2].replace("\\|", "/").split(" | ")] for line in lines[2:]]


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == evidence_page(), "run python -m cradlecast.scenarios.evidence_page"


def test_the_page_can_be_written_again(tmp_path: Path) -> None:
    assert write_page(tmp_path / "page.md").read_bytes() == PAGE.read_bytes()


def test_the_page_lists_every_parameter_with_all_that_it_rests_on() -> None:
    rows = {row[0].strip("`"): row for row in table("From parameters to sources")}
    known = all_parameters()
    assert list(rows) == list(known)
    for name, parameter in known.items():
        _, _, distribution, unit, year, grade, behind, _ = rows[name]
        assert (distribution, unit) == (parameter.distribution, parameter.unit)
        assert year == ("" if parameter.price_year is None else str(parameter.price_year))
        assert grade == {"assumption": "**ASSUMED**"}.get(parameter.grade, parameter.grade.replace("_", " "))
        assert set(ids_in(behind)) == {source for *_, source in sources(parameter)}
        assert ("**RECALLED**" in behind) == any(is_recalled(source) for *_, source in sources(parameter))
    assumed = {row[0].strip("`") for row in table("What is assumed of parameters")}
    assert assumed == {name for name, parameter in known.items() if parameter.assumption}


def test_the_page_lists_every_used_estimate_once_with_all_that_rests_on_it() -> None:
    rows = {ids_in(row[0])[0]: row for row in table("From estimates to what rests on them")}
    assert list(rows) == [id for id in estimates() if is_used(id)]
    for id, row in rows.items():
        assert ("**RECALLED**" in row[0]) == ("RECALLED" in estimates()[id].provenance)
        for use in uses_of(id):
            assert not use.sets or f"`{use.name}`" in row[-1]
    shown = {row[0].split()[0]: row for row in table("From priors to parameters")}
    assert list(shown) == list(priors())
    assert shown["P01"][-1] == "`prek_value`, `subsidised_care_value` (P20)"
    assert shown["P20"][-1] == "`subsidised_care_value`"
    assert shown["P03"][-1] == "nothing yet"


def test_the_page_counts_what_is_recalled_and_assumed() -> None:
    text = PAGE.read_text(encoding="utf-8")
    used = [id for id in estimates() if is_used(id)]
    recalled = [id for id in used if "RECALLED" in estimates()[id].provenance]
    assumed = [id for id in used if estimates()[id].grade == "assumption"]
    inputs = sum(each.role == "INPUT" for each in estimates().values())
    assert recalled and assumed
    assert f"| estimates, INPUT | {inputs} | {len(used)} | {len(recalled)} | {len(assumed)} |" in text
    assert f"| estimates, VALIDATE | {len(estimates()) - inputs} | 0 | 0 | 0 |" in text
    figures = [figure.provenance for _, figure in cited(load_program("prek"))]
    counts = " | ".join(str(figures.count(each)) for each in ("READ", "DERIVED", "RECALLED", "ASSUMED"))
    assert f"| program prek | {counts} | 2 |" in text
