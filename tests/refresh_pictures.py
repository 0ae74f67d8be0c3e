"""Take the pictures of the page in docs/images anew: ``python -m tests.refresh_pictures``."""

from pathlib import Path
from typing import Any

from cradlecast.ui.choice import shipped
from tests.pages import LONG, browser, served

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "images"
DESKTOP = {"width": 1280, "height": 1000}
PICTURES: dict[str, tuple[str, dict[str, Any]]] = {
    "page": ("Seven milestones", {"viewport": DESKTOP}),
    "page-dark": ("Whose path changes", {"viewport": DESKTOP, "color_scheme": "dark"}),
    "page-deal": ("The deal", {"viewport": {"width": 1280, "height": 1400}}),
    "page-390": ("Seven milestones", {"viewport": {"width": 390, "height": 1400}}),
}
"""Name of each picture, the part of the findings that it shows, and the browser's settings."""


def main() -> None:
    """Open the page in each setting, wait for the full run, and take its picture."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with served(shipped()) as site, browser() as chrome:
        for name, (part, settings) in PICTURES.items():
            context = chrome.new_context(**settings)
            page = context.new_page()
            page.goto(site.address)
            page.get_by_text("These are the numbers of the full run.").wait_for(timeout=LONG)
            page.get_by_role("button", name=part).click()
            page.wait_for_timeout(2_000)
            page.screenshot(path=FOLDER / f"{name}.png")
            context.close()


if __name__ == "__main__":
    main()
