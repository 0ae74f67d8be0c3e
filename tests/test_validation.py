"""What is wrong with a declaration is said in one sentence: file, key, rule, value and the likely slip."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, model_validator

from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.fields import (
    Finite,
    Name,
    NonNegative,
    Positive,
    PositiveFigure,
    Record,
    Share,
    ShareFigure,
    Text,
    Year,
)
from cradlecast.scenarios.validation import validate


class Lender(Record):
    kind: Literal["lender"]
    name: Name
    rate: Share


class Giver(Record):
    kind: Literal["giver"]
    name: Name
    amount: PositiveFigure | None = None


class Step(Record):
    pay: Literal["interest", "principal"]
    part: float = Field(1.0, lt=2.0)


class Plan(Record):
    schema_: str = Field(alias="schema")
    name: Name
    opened: date | None = None
    first_year: Year = 2019
    seats: int = Field(0, ge=0)
    kept: bool = False
    take_up: Share = 0.5
    hours: NonNegative = 0.0
    sd: Positive = 1.0
    shift: Finite = 0.0
    readiness: ShareFigure | None = None
    cost: PositiveFigure | Literal["as it is"] = "as it is"
    by_age: dict[int, PositiveFigure] = Field(default_factory=dict)
    ages: tuple[int, ...] = Field((4,), min_length=1)
    year_of_prices: int | str | None = None
    steps: tuple[Step, ...] = ()
    sources: tuple[Annotated[Lender | Giver, Field(discriminator="kind")], ...] = ()
    note: Text | None = None

    @model_validator(mode="after")
    def _no_seats_without_a_year(self) -> Plan:
        if self.seats and self.opened is None:
            raise ValueError("seats need the day on which they opened")
        return self


FIGURE: Mapping[str, Any] = {"value": 0.6, "unit": "share", "source": "a report", "provenance": "READ"}


def refusal(**changes: Any) -> str:
    """The sentence with which a plan is refused that is right but for these keys."""
    with pytest.raises(InputError) as caught:
        validate(Plan, {"schema": "x", "name": "mine", **changes}, "mine.yaml")
    message = str(caught.value)
    assert message.startswith("mine.yaml: ")
    assert message.isprintable()
    return message.removeprefix("mine.yaml: ")


def test_a_right_declaration_is_kept_as_it_was_written() -> None:
    data = {
        "schema": "x",
        "name": "mine",
        "opened": date(2019, 8, 1),
        "seats": 1000,
        "hours": 1080,
        "readiness": dict(FIGURE),
        "by_age": {"3": dict(FIGURE), "4": dict(FIGURE)},
        "ages": [3, 4],
        "year_of_prices": "2019-2022",
        "sources": [{"kind": "giver", "name": "city"}],
    }
    before = copy.deepcopy(data)
    plan = validate(Plan, data, "mine.yaml")
    assert plan.opened == date(2019, 8, 1)
    assert list(plan.by_age) == [3, 4]
    assert plan.ages == (3, 4)
    assert plan.hours == 1080.0
    assert plan.year_of_prices == "2019-2022"
    assert isinstance(plan.sources[0], Giver)
    assert data == before


def test_a_share_given_as_a_percentage_is_refused_with_the_decimal() -> None:
    assert refusal(take_up=94) == ("take_up must be at most 1; got 94 (shares are decimals from 0 to 1; 94 % is 0.94)")
    assert refusal(take_up="94 %") == (
        "take_up must be a number; got '94 %' (shares are decimals from 0 to 1; 94 % is 0.94)"
    )
    assert refusal(take_up=150).startswith("take_up must be at most 1; got 150")
    assert refusal(readiness={**FIGURE, "high": 70}).startswith("readiness.high must be at most 1; got 70 (shares")


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("seats", -1, "seats must be 0 or more; got -1"),
        ("seats", True, "seats must be a whole number; got true"),
        ("seats", 1000.0, "seats must be a whole number; got 1000.0 (write 1000)"),
        ("seats", 0.5, "seats must be a whole number; got 0.5"),
        ("seats", "1,000", "seats must be a whole number; got '1,000' (write 1000)"),
        ("seats", "1_000", "seats must be a whole number; got '1_000' (write 1000)"),
        ("seats", "010", "seats must be a whole number; got '010' (write 10)"),
        ("seats", "1000", "seats must be a whole number; got '1000' (write it without quotes)"),
        ("seats", "many", "seats must be a whole number; got 'many'"),
        ("seats", None, "seats must be a whole number; got nothing"),
        ("take_up", True, "take_up must be a number; got true"),
        ("take_up", float("nan"), "take_up must be a finite number; got nan"),
        ("shift", float("-inf"), "shift must be a finite number; got -inf"),
        ("hours", -0.5, "hours must be 0 or more; got -0.5"),
        ("sd", 0, "sd must be above 0; got 0"),
        ("steps", [{"pay": "interest", "part": 2}], "steps[#1].part must be below 2; got 2"),
        ("first_year", 1066, "first_year must be 1900 or more; got 1066"),
        ("kept", "yes", "kept must be true or false; got 'yes'"),
        ("kept", 1, "kept must be true or false; got 1"),
        ("opened", "August", "opened must be a date such as 2026-08-01; got 'August'"),
        ("opened", 2019, "opened must be a date such as 2026-08-01; got 2019"),
        ("note", 5, "note must be text; got 5 (put it in quotes if it is meant as text)"),
        ("note", "x" * 4001, f"note must have at most 4000 letters; got '{'x' * 57}...'"),
        ("ages", [], "ages must have at least 1 entry; got a list of 0"),
        ("ages", 4, "ages must be a list; got 4"),
        ("ages", [4, "x"], "ages[#2] must be a whole number; got 'x'"),
        ("by_age", [1], "by_age must be a mapping of keys to values; got a list of 1"),
        ("by_age", {"four": dict(FIGURE)}, "a key in by_age must be a whole number; got 'four'"),
        ("year_of_prices", [1], "year_of_prices must be a whole number or text; got a list of 1"),
        ("steps", [{"pay": "intrest"}], "steps[#1].pay must be 'interest' or 'principal'; got 'intrest'"),
    ],
)
def test_the_rule_is_said_in_plain_words(key: str, value: object, sentence: str) -> None:
    assert refusal(**{key: value}).removesuffix(" (did you mean 'interest'?)") == sentence


def test_a_name_is_described_and_not_given_as_a_pattern() -> None:
    assert refusal(name="My Plan") == (
        "name must be a name of at most 64 small letters, digits, - and _ that begins with a letter or a digit; "
        "got 'My Plan'"
    )


def test_an_unknown_key_is_refused_with_the_nearest_key_of_that_very_record() -> None:
    assert refusal(take_upp=0.5) == "unknown key 'take_upp'; did you mean 'take_up'?"
    assert refusal(readiness={**FIGURE, "vallue": 1}) == "unknown key 'vallue' in readiness; did you mean 'value'?"
    lender = {"kind": "lender", "name": "bank", "rate": 0.05}
    assert refusal(sources=[{**lender, "ratte": 1}]) == ("unknown key 'ratte' in sources[bank]; did you mean 'rate'?")
    # 'amount' is a key of the other member of the union, and of no use here
    assert refusal(sources=[{**lender, "amount": 1}]) == (
        "unknown key 'amount' in sources[bank]; the keys are kind, name, rate"
    )
    assert refusal(by_age={"4": {**FIGURE, "sourcce": "x"}}) == (
        "unknown key 'sourcce' in by_age.4; did you mean 'source'?"
    )


def test_the_name_inside_the_program_is_no_key_of_a_file() -> None:
    assert refusal(schema_="x") == "unknown key 'schema_'; did you mean 'schema'?"


def test_a_slip_in_a_key_is_named_before_the_key_that_it_leaves_missing() -> None:
    short = {key: value for key, value in FIGURE.items() if key != "source"}
    assert refusal(readiness=short) == "the key 'source' is missing in readiness"
    assert refusal(readiness={**short, "sorce": "a"}) == (
        "unknown key 'sorce' in readiness; did you mean 'source'? (and 1 more)"
    )


def test_further_errors_are_counted_by_place() -> None:
    assert refusal(seats=-1, hours=-1, take_up="x", kept=3) == "seats must be 0 or more; got -1 (and 3 more)"
    assert refusal(year_of_prices=1.5, take_up=2).endswith(" (and 1 more)")


def test_an_entry_of_a_list_is_shown_by_its_name_or_else_by_its_number_from_1() -> None:
    giver = {"kind": "giver", "name": "city"}
    lender = {"kind": "lender", "name": "bank", "rate": 7}
    assert refusal(sources=[giver, lender]).startswith("sources[bank].rate must be at most 1; got 7")
    steps = [{"pay": "interest"}, {"pay": "principal", "part": "half"}]
    assert refusal(steps=steps) == "steps[#2].part must be a number; got 'half'"


def test_the_key_that_tells_records_apart_is_named() -> None:
    assert refusal(sources=[{"name": "city"}]) == "the key 'kind' is missing in sources[city]"
    assert refusal(sources=[{"kind": "lendr", "name": "bank"}]) == (
        "sources[bank].kind must be 'lender' or 'giver'; got 'lendr' (did you mean 'lender'?)"
    )


def test_a_bare_number_in_the_place_of_a_figure_is_explained() -> None:
    hint = "(write value: 8000, with its unit, source and provenance)"
    giver = {"kind": "giver", "name": "city", "amount": 8000}
    assert refusal(sources=[giver]) == f"sources[city].amount must be a mapping of keys to values; got 8000 {hint}"
    assert refusal(by_age={"4": 8000}).endswith(hint)
    assert not refusal(steps=[8000]).endswith(")")


def test_where_several_kinds_of_value_are_allowed_the_one_that_was_meant_is_spoken_of() -> None:
    assert refusal(cost={**FIGURE, "value": -5}) == "cost.value must be 0 or more; got -5"
    assert refusal(cost="as it were") == "cost must be 'as it is'; got 'as it were' (did you mean 'as it is'?)"


def test_a_rule_of_the_whole_record_is_said_in_its_own_words() -> None:
    assert refusal(seats=10) == "seats need the day on which they opened"
    assert refusal(readiness={**FIGURE, "low": 0.7}) == "readiness: low (0.7) must not lie above value (0.6)"


def test_nothing_is_said_twice_when_an_entry_of_a_bounded_list_is_wrong() -> None:
    assert refusal(ages=["x"]) == "ages[#1] must be a whole number; got 'x'"


def test_what_is_odd_or_long_stays_on_one_short_line() -> None:
    message = refusal(**{"a\nb\x1b[31m" + "x" * 10_000: 1})
    assert message.startswith("unknown key 'a\\nb\\x1b[31mxxx")
    assert len(message) < 400
    assert refusal(note="\ud800").startswith("it holds what no file can hold")
    assert refusal(note=object()).startswith("it holds what no file can hold")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["kind", "name", "value", "pay", "4"]) | st.text(max_size=4), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.dictionaries(st.sampled_from(sorted(Plan.model_fields)) | st.text(max_size=4), anything, max_size=5))
def test_whatever_a_file_holds_is_a_plan_or_one_sentence(data: dict[str, Any]) -> None:
    try:
        assert validate(Plan, {"schema": "x", "name": "mine"} | data, "mine.yaml").schema_
    except InputError as error:
        assert str(error).startswith("mine.yaml: ")
        assert str(error).isprintable()
        assert "[key]" not in str(error)
