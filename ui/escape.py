"""Text from files, links and fields made safe to stand in a page: the one way in, for every sink of HTML."""

from __future__ import annotations

import html
import unicodedata

MOST_LETTERS = 2000
"""Letters of one text that a page shows."""

_REPLACED = "\N{REPLACEMENT CHARACTER}"


def safe(text: object, most: int = MOST_LETTERS) -> str:
    r"""A text as HTML shows it letter by letter, in an element or in a quoted attribute.

    Markup is escaped; control and direction-changing characters, which could make a line read as something else, become
    a replacement character; line ends become spaces; what is longer is cut with an ellipsis.

    Examples
    --------
    >>> safe("<b onclick='x'>A & B</b>")
    '&lt;b onclick=&#x27;x&#x27;&gt;A &amp; B&lt;/b&gt;'
    >>> safe("a\u202eb"), safe("a\nb"), safe("abcdef", 4)
    ('a�b', 'a b', 'abc…')
    """
    words = "".join(_letter(letter) for letter in str(text)[: most + 1])
    if len(words) > most:
        words = f"{words[: most - 1]}…"
    return html.escape(words, quote=True)


def _letter(letter: str) -> str:
    """One character: line ends and tabs as a space, whatever has no shape of its own as a replacement character."""
    if letter in "\n\r\t\u2028\u2029":
        return " "
    return _REPLACED if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Cn") else letter
