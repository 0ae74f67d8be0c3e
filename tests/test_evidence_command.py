"""``cradlecast evidence``: the list with its filters, and one id or parameter with all that hangs on it."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from cradlecast.cli import main
from cradlecast.scenarios.evidence import estimates, priors
from cradlecast.scenarios.registry import is_used
from tests.test_cli import Capture, answered, refused


def listed(capsys: Capture, *filters: str) -> list[dict[str, Any]]:
    """The rows of a list, through JSON."""
    answer = json.loads(answered(capsys, "evidence", *filters, "--json"))
    assert list(answer) == ["record", "evidence"]
    rows: list[dict[str, Any]] = answer["evidence"]
    return rows


def ids(rows: list[dict[str, Any]]) -> list[str]:
    """What a list names."""
    return [row["id"] for row in rows]


# --- the list ---


def test_the_list_holds_all_evidence_with_every_column_of_the_files(capsys: Capture) -> None:
    rows = listed(capsys)
    assert ids(rows) == [*estimates(), *priors()]
    columns = {*next(iter(estimates().values())).row, *next(iter(priors().values())).row} - {"key", "mean", "sd"}
    assert all(columns < row.keys() for row in rows)
    by_id = {row["id"]: row for row in rows}
    assert (by_id["E1002a"]["value"], by_id["E1002a"]["se"], by_id["E3038a"]["used_by"]) == (33.3, 0.394, None)
    assert by_id["E3016b"]["n"] == estimates()["E3016b"].row["n"] != ""
    assert by_id["E3016b"]["used_by"].split(", ")[:2] == ["prek_value", "prek_nontest"]
    assert (by_id["P01"]["kind"], by_id["P01"]["value"], by_id["P01"]["se"]) == ("prior", 0.3, 0.17)
    assert by_id["P01"]["derived_from"] == priors()["P01"].derived_from


def test_filters_narrow_the_list(capsys: Capture) -> None:
    held_out = listed(capsys, "--role", "validate")
    assert ids(held_out) == [id for id, each in estimates().items() if each.role == "VALIDATE"]
    assert not any(row["used_by"] for row in held_out)
    used, unused = listed(capsys, "--used"), listed(capsys, "--unused")
    assert ids(used) == [id for id in (*estimates(), *priors()) if is_used(id)]
    assert len(used) + len(unused) == len(estimates()) + len(priors())
    assert all(row["used_by"] for row in used)
    several = listed(capsys, "--program", "prek", "--outcome", "cognitive", "--role", "INPUT", "--used")
    assert {"E3011a", "P01"} <= set(ids(several))
    assert {(row["program"], row["outcome"], row["role"]) for row in several} == {("prek", "cognitive", "INPUT")}


def test_the_list_is_read_on_a_terminal_with_its_counts(capsys: Capture) -> None:
    page = answered(capsys, "evidence", "--program", "fafsa")
    rows = [each for each in (*estimates().values(), *priors().values()) if each.program == "fafsa"]
    assert f"{len(rows)} of {len(estimates()) + len(priors()):,} estimates and priors" in page
    assert max(map(len, page.splitlines())) <= 100
    kept = sum(getattr(each, "role", "INPUT") == "VALIDATE" for each in rows)
    used = sum(is_used(id) for id, each in {**estimates(), **priors()}.items() if each.program == "fafsa")
    assert f"- {used} set a number of the model; {kept} may only be reproduced" in page
    assert "cradlecast evidence show " in page


def test_filters_that_nothing_fits_are_no_error(capsys: Capture) -> None:
    assert listed(capsys, "--role", "VALIDATE", "--used") == []
    assert "No evidence fits all of these filters" in answered(capsys, "evidence", "--role", "VALIDATE", "--used")
    head, *rest = answered(capsys, "evidence", "--role", "VALIDATE", "--used", "--csv").splitlines()
    assert head.startswith("id,kind,")
    assert rest == []


# --- one of them ---


def test_an_estimate_is_shown_in_words_with_all_that_rests_on_it(capsys: Capture) -> None:
    page = answered(capsys, "evidence", "show", "E3016b")
    words = " ".join(page.split())
    estimate = estimates()["E3016b"]
    assert page.startswith(f"E3016b: {estimate.quantity}")
    assert "INPUT: it may set a number of the model" in page
    for written in filter(None, estimate.row.values()):
        assert written in words
    assert "not stated standard error, interval from" in words
    assert "parameter prek_value P01 and itself randomised" in words
    assert "prior P10 itself low" in words


def test_a_prior_is_shown_with_what_it_is_made_of(capsys: Capture) -> None:
    words = " ".join(answered(capsys, "evidence", "show", "P19").split())
    assert "What P19 is derived from" in words
    assert "P21 P19 prior: v usual care" in words
    assert "N4060a P19, P21 Any home-visiting" in words
    assert "- Nothing rests on P19 yet." in words


def test_what_is_kept_apart_says_so(capsys: Capture) -> None:
    page = answered(capsys, "evidence", "show", "E3038a")
    assert "VALIDATE: it is kept apart to be reproduced" in page
    assert "Nothing rests on E3038a, and nothing may" in page
    assert "parameter " not in page


def test_a_parameter_is_shown_with_its_whole_chain(capsys: Capture) -> None:
    words = " ".join(answered(capsys, "evidence", "show", "prek_nontest").split())
    assert words.startswith("prek_nontest: Non-test channel of pre-K against home")
    assert "distribution normal 0.11 (0.16)" in words
    assert "correlated with prek_long_run (0.2)" in words
    assert "E3030a P10 and itself Head Start siblings" in words
    assert "- E3030a is from memory: READ (value); RECALLED (se)." in words
    assumed = " ".join(answered(capsys, "evidence", "show", "backfill").split())
    assert "- N1046a is an assumption and no measurement." in assumed
    assert "- backfill is assumed: no estimate settles it." in assumed


def test_json_of_several_holds_evidence_parameters_and_uses(capsys: Capture) -> None:
    answer = json.loads(answered(capsys, "evidence", "show", "E3038a", "stays_near", "E3038a", "--json"))
    assert list(answer) == ["record", "evidence", "parameters", "uses"]
    assert ids(answer["evidence"]) == ["E3038a", "P43", "N9028c"]
    [parameter] = answer["parameters"]
    assert (parameter["name"], parameter["mean"], parameter["priors"]) == ("stays_near", 0.8, "P43")
    uses = [use for use in answer["uses"] if use["name"] == "stays_near"]
    assert [(use["evidence"], use["via"]) for use in uses] == [("P43", None), ("N9028c", "P43"), ("N9028c", None)]
    assert all("community memphis: stays" in use["used_in"] for use in uses)
    assert {use["kind"] for use in answer["uses"] if use["evidence"] == "E3038a"} <= {"trial"}


def test_csv_holds_the_evidence(capsys: Capture) -> None:
    rows = list(csv.DictReader(io.StringIO(answered(capsys, "evidence", "show", "P43", "--csv"))))
    assert [(row["id"], row["value"], row["role"]) for row in rows] == [("P43", "0.8", "INPUT")]


def test_ids_may_stand_behind_an_option(capsys: Capture) -> None:
    after = answered(capsys, "evidence", "show", "--json", "E1002a", "P01")
    assert after == answered(capsys, "evidence", "show", "E1002a", "P01", "--json")


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("show E1002", "there is no estimate, prior or parameter 'E1002'; did you mean 'E1002a'?"),
        ("show prek_valu", "there is no estimate, prior or parameter 'prek_valu'; did you mean 'prek_value'?"),
        ("show E1002a P48", "there is no estimate, prior or parameter 'P48'; did you mean 'P"),
        ("show", "evidence show needs ID; see cradlecast evidence --help"),
        ("shwo E1002a", "unknown action 'shwo' of evidence; did you mean 'show'?"),
        ("E1002a", "unknown action 'E1002a' of evidence; it is show, as in cradlecast evidence show E3016b"),
        ("show E1002a --role INPUT", "--role is for the list; leave it out of evidence show"),
        ("show E1002a --used", "--used is for the list"),
        ("--used --unused", "--unused and --used exclude each other"),
        ("--role maybe", "no evidence has the role 'MAYBE'; there are INPUT, VALIDATE"),
        ("--program prk", "no evidence has the program 'prk'; did you mean 'prek'?"),
        ("--outcome cognitve", "no evidence has the outcome 'cognitve'; did you mean 'cognitive'?"),
        ("--progam prek", "unknown option '--progam' of evidence; did you mean '--program'?"),
    ],
)
def test_what_is_asked_wrongly_is_refused_in_one_sentence(words: str, answer: str, capsys: Capture) -> None:
    assert refused(capsys, "evidence", *words.split()).startswith(answer)


@pytest.mark.parametrize("form", [(), ("--json",), ("--csv",)])
def test_everything_can_be_shown_at_once(form: tuple[str, ...], capsys: Capture) -> None:
    some = [*list(estimates())[::40], *priors(), "prek_value", "lifetime_bachelor", "event_slope"]
    assert main(["evidence", "show", *some, *form]) == 0
    page = capsys.readouterr().out
    assert all(each in page for each in some if form != ("--csv",) or each in estimates() or each in priors())
