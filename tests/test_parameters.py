"""Parameters that could not be drawn, or that rest on nothing, are refused."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from cradlecast.model.children import world_key
from cradlecast.scenarios.parameters import Parameter, ParameterSet

GOOD = {
    "title": "A share",
    "shape": "beta",
    "mean": 0.4,
    "sd": 0.1,
    "lower": 0.0,
    "upper": 1.0,
    "unit": "share",
    "grade": "assumption",
    "assumption": "For the test.",
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"assumption": None}, "must name priors, evidence or an assumption"),
        ({"sd": 0.6}, "too large for a beta"),
        ({"mean": 1.5}, "must lie between lower and upper"),
        ({"sd": 0.0}, "needs an sd above 0"),
        ({"lower": 1.0, "upper": 0.0}, "must lie below upper"),
        ({"upper": None}, "needs lower and upper"),
        ({"shape": "normal"}, "takes no bounds"),
        ({"shape": "student_t"}, "needs df"),
        ({"correlated_with": {"a": 1.0}}, "between -1 and 1"),
        ({"correlated_with": {"a": 0.1, "b": 0.1}}, "one earlier parameter"),
    ],
)
def test_a_parameter_that_cannot_be_drawn_is_refused(change: dict[str, object], words: str) -> None:
    assert Parameter.model_validate(GOOD).mean == 0.4
    with pytest.raises(ValidationError, match=words):
        Parameter.model_validate(GOOD | change)


def test_a_correlation_points_to_an_earlier_parameter() -> None:
    later = GOOD | {"correlated_with": {"second": 0.3}}
    whole = {"schema": "cradlecast/parameters/1", "description": "", "parameters": {"first": later, "second": GOOD}}
    with pytest.raises(ValidationError, match="must come before it"):
        ParameterSet.model_validate(whole)


def test_a_world_must_fit_its_word_of_the_key() -> None:
    assert world_key(1, 2**32 - 1)[0] == 2**32 - 1
    with pytest.raises(ValueError, match="2\\^32"):
        world_key(1, 2**32)
