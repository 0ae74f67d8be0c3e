"""Text that stands in a page is shown letter by letter, whatever it holds."""

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from cradlecast.ui.escape import MOST_LETTERS, safe


class Seen(HTMLParser):
    """What a browser would see in a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


def seen(page: str) -> Seen:
    parser = Seen()
    parser.feed(page)
    parser.close()
    return parser


@given(st.text())
def test_no_text_becomes_an_element_or_leaves_its_attribute(text: str) -> None:
    page = seen(f'<p title="{safe(text)}">{safe(text)}</p>')
    assert page.tags == ["p"]
    assert [name for name, _ in page.attributes] == ["title"]
    single = seen(f"<p title='{safe(text)}'></p>")
    assert [name for name, _ in single.attributes] == ["title"]


def test_markup_would_become_an_element_if_it_were_not_for_this() -> None:
    assert seen("<p><img src=x onerror=alert(1)></p>").tags == ["p", "img"]


@given(st.text(max_size=200))
def test_no_letter_steers_the_line(text: str) -> None:
    assert not {"\u202e", "\u2066", "\u200b", "\x00", "\x1b", "\n", "\r"} & set(safe(text))


def test_what_is_plain_stays_and_what_is_long_is_cut() -> None:
    assert safe("Memphis: 1,000 pre-K seats, 94 % à la carte") == "Memphis: 1,000 pre-K seats, 94 % à la carte"
    assert len(safe("x" * 10_000)) == MOST_LETTERS
    assert safe("x" * 10_000).endswith("…")
    assert safe("<" * 3, 2) == "&lt;…"
    assert safe(None) == "None"
