"""The component that all of the page but its charts is made of: HTML to the browser, and back what a person did."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import param
from panel.custom import JSComponent

_WEB: Final = Path(__file__).parent / "web"
STYLE: Final = (_WEB / "markup.css").read_text(encoding="utf-8")


class Markup(JSComponent):
    """HTML that is safe already, with fields and buttons that tell what was done with them.

    A field has a name in ``data-field``, a button one in ``data-act``. The browser sends one event at a time, with the
    latest value of every field that has changed, and waits until ``answered`` is its number: nothing queues.
    """

    html: str = param.String(default="")  # type: ignore[assignment]
    event: dict[str, Any] = param.Dict(default={})  # type: ignore[assignment]
    answered: int = param.Integer(default=0)  # type: ignore[assignment]
    asks_theme: bool = param.Boolean(default=False)  # type: ignore[assignment]

    _esm = (_WEB / "markup.js").read_text(encoding="utf-8")

    def __init__(self, html: str = "", **settings: Any) -> None:
        super().__init__(  # type: ignore[no-untyped-call]
            html=html, stylesheets=[STYLE], sizing_mode="stretch_width", **settings
        )
