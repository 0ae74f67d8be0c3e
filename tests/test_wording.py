"""Names and values stand in a message on one line, shortened."""

from datetime import date

import pytest

from cradlecast.scenarios.wording import one_line, shown


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (94, "94"),
        (0.5, "0.5"),
        (True, "true"),
        (False, "false"),
        (None, "nothing"),
        ("94 %", "'94 %'"),
        ("", "''"),
        ([1, 2, 3], "a list of 3"),
        ({"a": 1}, "a mapping of keys to values"),
        (date(2026, 8, 1), "2026-08-01"),
        ("a\nb\x1b[31m", "'a\\nb\\x1b[31m'"),
    ],
)
def test_a_value_is_shown_as_a_file_would_write_it(value: object, words: str) -> None:
    assert shown(value) == words


def test_what_is_long_is_shortened_and_stays_on_one_line() -> None:
    assert len(shown("x" * 1_000_000)) == 62
    assert len(shown(10**100)) == 60
    assert len(one_line("\x00" * 1_000_000)) == 803
    assert one_line("\u202eevil\u2028").isprintable()
