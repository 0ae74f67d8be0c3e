"""A bare word means what it plainly says, and a word that could be mistaken stays text."""

from datetime import date

import pytest

from cradlecast.scenarios.scalars import Scalar, scalar


@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        ("0", 0),
        ("1000", 1000),
        ("-3", -3),
        ("+3", 3),
        ("999999999999999999", 999_999_999_999_999_999),
        ("0.94", 0.94),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e6", 1_000_000.0),
        ("1.5e-3", 0.0015),
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("2019-08-01", date(2019, 8, 1)),
        ("2020-02-29", date(2020, 2, 29)),
    ],
)
def test_numbers_truth_values_and_days_are_what_they_look_like(word: str, meaning: Scalar) -> None:
    assert scalar(word) == meaning
    assert type(scalar(word)) is type(meaning)


@pytest.mark.parametrize(
    "word",
    [
        "yes no on off y n Yes NO On True FALSE Null",  # truth values in YAML 1.1
        "010 0777 047 -010 0o7 0x1F 0b1",  # octal, hexadecimal, binary; or a county's number
        "1:30 12:30:45 190:20:30",  # base 60
        "1_000 1,000 1'000",  # grouped
        "nan inf NaN Infinity",
        "94% $5 5usd 1e 1.2.3 . + - e5 --1",
        "2019-8-1 2019-08 2019-08-01T10:00:00Z 20190801-01",
        "= << memphis",
        "١٢ １２",  # digits of other scripts
    ],
)
def test_a_word_that_could_be_mistaken_stays_text(word: str) -> None:
    for each in word.split():
        assert scalar(each) == each
        assert isinstance(scalar(each), str)


@pytest.mark.parametrize("word", [".nan", ".NaN", ".inf", "-.inf", "+.INF", "1e999", "-1e999"])
def test_a_number_that_is_not_finite_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match="a number must be finite"):
        scalar(word)


@pytest.mark.parametrize("word", ["1" * 19, "-" + "1" * 19, "9" * 100_000])
def test_a_whole_number_of_too_many_digits_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match="at most 18 digits"):
        scalar(word)


@pytest.mark.parametrize("word", ["2019-02-30", "2019-13-01", "2019-00-10", "0000-01-01"])
def test_a_day_that_no_calendar_has_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match="a day of the calendar"):
        scalar(word)
