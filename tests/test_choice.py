"""A choice survives its link; a link that this page could not have written is refused in one sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cradlecast.cli import _checked
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.options import EVIDENCE, Options
from cradlecast.ui.choice import DRAWS, LONGEST_LINK, Choice, commands, link, moved, read_link, shipped
from cradlecast.ui.parsers import parsers

OFFER = shipped()
LAPSE = "memphis-prek-1000-lapse"


def settings(name: str) -> st.SearchStrategy[float]:
    """Values that a lever of a shipped scenario can have; of seats, those that it can have in all of them."""
    lever = OFFER.scenarios[LAPSE].levers[name]  # type: ignore[index]
    if name == "seats":
        most = min(each.levers["seats"].high for each in OFFER.scenarios.values())
        return st.integers(int(lever.low), int(most)).map(float)
    return st.floats(lever.low, lever.high, allow_nan=False).map(lambda value: float(f"{value:.12g}"))


LEVERS = st.fixed_dictionaries({}, optional={name: settings(name) for name in OFFER.scenarios[LAPSE].levers})
CHOICES = st.builds(
    lambda scenario, levers, evidence, draws: _moved(Choice(scenario, {}, evidence, draws), levers),
    st.sampled_from(list(OFFER.scenarios)),
    LEVERS,
    st.sampled_from(EVIDENCE),
    st.sampled_from(DRAWS),
)


def _moved(choice: Choice, levers: dict[str, float]) -> Choice:
    for name, value in levers.items():
        choice = moved(OFFER, choice, name, value)
    return choice


@given(CHOICES)
def test_a_link_leads_back_to_its_choice(choice: Choice) -> None:
    assert read_link(OFFER, link(OFFER, choice)) == choice


def test_what_the_page_opens_with_has_the_shortest_link() -> None:
    assert link(OFFER, OFFER.default()) == "?v=1"
    assert read_link(OFFER, "") == read_link(OFFER, "?v=1") == OFFER.default() == Choice(LAPSE)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("seats=5", "it names no version (v=1)"),
        ("v=2&seats=5", "it is of version '2', and this page reads version 1"),
        ("v=1&seats=5001", "seats must be from 0 to 5000 seats a year; got 5001"),
        ("v=1&seats=2.5", "seats must be a whole number; got 2.5"),
        ("v=1&take_up=94", "take_up must be from 0 to 1 share of eligible families who apply; shares are decimals"),
        ("v=1&seats=nan", "seats must be a finite number; got 'nan'"),
        ("v=1&seats=", "seats must be a number; got nothing"),
        ("v=1&seats=1&seats=1", "it gives seats twice"),
        ("v=1&v=1", "it gives v twice"),
        ("v=1&sets=1", "unknown lever 'sets' of scenario 'memphis-prek-1000-lapse'; did you mean 'seats'?"),
        ("v=1&draws=51", "draws must be one of 50, 200, 1000; got 51"),
        ("v=1&evidence=good", "evidence must be one of central, pessimistic, optimistic; got 'good'"),
        ("v=1&scenario=nowhere", "unknown scenario 'nowhere'"),
        ("v=1&scenario=..%2F..%2Fetc%2Fpasswd", "unknown scenario '../../etc/passwd'"),
        ("v=1&%3Cb%3E=1", "'<b>' is not the name of a field"),
        ("v=1&" + "&".join(f"x{'a' * at}=1" for at in range(20)), "it is not made of fields such as seats=500"),
        ("v=1&=", "'' is not the name of a field"),
        ("no fields", "it is not made of fields such as seats=500"),
        ("v=1&seats=%ff", "it is not made of fields such as seats=500"),
        ("v=1&seats=" + "1" * LONGEST_LINK, "it is longer than 1,000 letters"),
    ],
)
def test_a_link_that_the_page_did_not_write_is_refused_in_one_sentence(query: str, sentence: str) -> None:
    with pytest.raises(InputError) as refused:
        read_link(OFFER, query)
    assert str(refused.value).startswith(sentence)
    assert "\n" not in str(refused.value)


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_link_breaks_the_page(name: str, value: str) -> None:
    try:
        choice = read_link(OFFER, f"v=1&{name}={value}")
    except InputError:
        return
    assert OFFER.scenario(choice).name in OFFER.scenarios


def test_a_lever_put_back_leaves_no_trace() -> None:
    there = moved(OFFER, OFFER.default(), "seats", 500.0)
    assert there.levers == {"seats": 500.0}
    assert moved(OFFER, there, "seats", 1000.0) == OFFER.default()
    assert moved(OFFER, moved(OFFER, there, "take_up", 0.7), "take_up", None) == there


@given(CHOICES)
def test_the_commands_ask_for_the_same_study_and_deal(choice: Choice) -> None:
    parser, _ = parsers()
    study, deal = (_checked(parser.parse_args(line.split()[1:])) for line in commands(OFFER, choice))
    for asked, size in ((study, OFFER.study_options(choice)), (deal, OFFER.deal_options(choice))):
        assert asked.scenarios == (OFFER.scenario(choice),)
        assert asked.options == size
    assert deal.deal == OFFER.deal


def test_the_size_of_a_study_is_the_commands_own() -> None:
    assert OFFER.study_options(OFFER.default()) == Options()
    assert OFFER.deal_options(OFFER.default()) == Options(children=39_900, draws=200, worlds=1, horizon=6)
