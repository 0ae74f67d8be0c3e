"""The page in a real browser: a whole task, hostile texts, no other host, accessibility, and nothing left behind."""

import gc
import json
import logging
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from cradlecast.cli import main
from cradlecast.scenarios.library import load_deal, load_scenario
from cradlecast.ui.choice import Choice, Offer, commands, shipped
from cradlecast.ui.page import ALIVE
from cradlecast.ui.rows import tables_of
from tests.pages import LONG, Served, browser, served

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::ResourceWarning")]

LAPSE = "memphis-prek-1000-lapse"
DEAL = "memphis-illustrative"
SCENARIOS = Path(__file__).parent.parent / "scenarios"

PAYLOADS = (
    "<img src=x onerror=\"window.hacked='img'\">",
    "\"><script>window.hacked='script'</script>",
    "' autofocus onfocus='window.hacked=1' x='",
    "<svg/onload=window.hacked='svg'>",
    "</template><iframe srcdoc=\"<script>parent.hacked='frame'</script>\">",
    "{{ 7 * 7 }} ${window.hacked='template'} javascript:window.hacked='url'",
)
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]

DEEP = """selector => {
  const found = []
  const walk = root => {
    for (const element of root.querySelectorAll("*")) {
      if (element.matches(selector)) found.push(element.outerHTML.slice(0, 200))
      if (element.shadowRoot) walk(element.shadowRoot)
    }
  }
  walk(document)
  return found
}"""
"""Elements that match a selector, in every shadow root."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that knows nothing from before."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRADLECAST_CACHE", str(tmp_path_factory.mktemp("cache")))
        with served(shipped()) as running:
            yield running


@pytest.fixture(scope="module")
def chrome() -> Iterator[Any]:
    with browser() as running:
        yield running


@pytest.fixture
def opened(chrome: Any, site: Served) -> Iterator[Callable[..., Any]]:
    """Opens pages that may reach this server and nothing else; afterwards nothing else was asked for anything."""
    asked: list[str] = []
    contexts: list[Any] = []

    def open_page(query: str = "", address: str = "", **settings: Any) -> Any:
        context = chrome.new_context(**({"viewport": {"width": 1280, "height": 900}} | settings))
        contexts.append(context)
        allowed = address or site.address

        def only_here(route: Any) -> None:
            asked.append(route.request.url)
            (route.continue_ if route.request.url.startswith(allowed) else route.abort)()

        context.route("**/*", only_here)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.broken = []
        page.on("pageerror", lambda error: page.broken.append(str(error)))
        page.goto(allowed + query)
        page.locator("#range-seats").wait_for(state="attached")
        page.allowed = allowed
        return page

    yield open_page
    elsewhere = [url for url in asked if not url.startswith(("http://127.0.0.1:", "data:", "blob:"))]
    broken = [error for context in contexts for page in context.pages for error in page.broken]
    for context in contexts:
        context.close()
    assert asked
    assert elsewhere == []
    assert broken == []


def whole(page: Any) -> None:
    """Wait for the numbers of the full run."""
    page.get_by_text("These are the numbers of the full run.").wait_for(timeout=LONG)


PARTS = {
    "Whose path changes": ["Children whose path changes, and why"],
    "What it costs": ["Cost per additional child at each milestone"],
    "The deal": ["Payments by date", "Paid, against the true effect", "What lenders get back"],
    "Seven milestones": ["Seven milestones, from the baseline to the scenario"],
}
"""Parts of the findings, and the headings of their charts."""


def open_part(page: Any, part: str) -> None:
    """Go to a part of the findings and open the table of each of its charts."""
    page.get_by_role("button", name=part).click()
    for heading in PARTS[part]:
        page.get_by_role("heading", name=heading).wait_for()
    for opened in range(len(PARTS[part])):
        page.get_by_role("button", name="Show the table").first.click()
        page.get_by_role("button", name="Hide the table").nth(opened).wait_for()


def numbers(page: Any) -> str:
    """The text of the big numbers."""
    return " ".join(
        each for part in (".what", ".figure", ".range") for each in page.locator(f".numbers {part}").all_inner_texts()
    )


# --- a whole task ---


def test_a_funder_asks_a_question_and_gets_the_numbers_of_the_command(
    opened: Callable[..., Any], site: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    page = opened("?v=1&draws=50")
    page.get_by_role("spinbutton", name="Seats, exact").fill("1500")
    page.locator(".badge").wait_for(timeout=LONG)
    assert "range: after the full run" in numbers(page)
    page.get_by_role("progressbar").wait_for()
    whole(page)
    choice = Choice(LAPSE, {"seats": 1500.0}, draws=50)
    found = site.desk.full(choice)
    assert found is not None

    answers = []
    for line in commands(site.desk.offer, choice):  # as the page tells them
        assert main([*line.split()[1:], "--json", "--quiet"]) == 0
        answers.append(json.loads(capsys.readouterr().out))
    study, deal = answers
    shown = {table.name: [dict(row) for row in table.rows] for table in tables_of(found.tables)}
    for name in ("milestones", "paths", "costs", "seats"):
        assert shown[name] == study[name], name
    for name in ("payments", "tranches", "outcomes", "payers", "cash"):
        assert shown[name] == deal[name], name
    assert found.records["study"]["fingerprint"] == study["record"]["fingerprint"]
    head = page.locator(".strip").inner_text()
    assert study["record"]["fingerprint"] in head
    assert deal["record"]["fingerprint"] in head
    for words_ in ("The grant lapses", "birth to age 30", "2019-2022 nominal", "50 of what is uncertain"):
        assert words_ in head

    open_part(page, "Seven milestones")
    ready = next(
        row for row in study["milestones"] if row["group"] == "all" and row["milestone"] == "kindergarten_ready"
    )
    cell = f"{100 * ready['rate']:.1f} ({100 * ready['rate_low']:.1f} to {100 * ready['rate_high']:.1f})"
    page.get_by_role("cell", name=cell, exact=True).first.wait_for()
    more = round(ready["impact"] * ready["n_community"])
    assert f"+{more:,}" in numbers(page)

    page.get_by_role("button", name="The deal").click()
    page.get_by_role("heading", name="Payments by date").wait_for()
    page.get_by_role("heading", name="What lenders get back").wait_for()
    page.get_by_text("Where it comes from").first.click()
    page.get_by_text("children of the community born in the years").wait_for()
    link = page.get_by_role("link", name="Link to this choice").get_attribute("href")
    assert link == "?v=1&seats=1500&draws=50"
    again = opened(link)
    whole(again)
    assert numbers(again) == numbers(page)


def test_a_run_says_how_far_it_is_and_stops_within_a_second(opened: Callable[..., Any], site: Served) -> None:
    page = opened("?v=1&seats=1234&draws=1000")
    page.get_by_role("progressbar", name="Full run").wait_for(timeout=LONG)
    page.get_by_text("s left").or_(page.get_by_text("min left")).wait_for(timeout=LONG)
    [job] = [job for job in site.desk.jobs._jobs if not job.done]
    began = time.perf_counter()
    page.get_by_role("button", name="Stop the run").click()
    page.get_by_role("button", name="Run in full").wait_for()
    while not job.done:
        assert time.perf_counter() - began < 5
        time.sleep(0.02)
    assert time.perf_counter() - began < 1.0
    assert site.desk.full(Choice(LAPSE, {"seats": 1234.0}, draws=1000)) is None


def test_evidence_and_counterfactual_change_the_numbers(opened: Callable[..., Any]) -> None:
    page = opened("?v=1&draws=50")
    page.locator(".numbers").wait_for(timeout=LONG)
    before = numbers(page)
    page.get_by_label("Evidence on what pre-K adds").select_option("pessimistic")
    page.locator(".strip dd", has_text="pessimistic").wait_for()
    page.locator(".badge").wait_for(timeout=LONG)
    assert numbers(page) != before
    page.get_by_label("Counterfactual").select_option("memphis-prek-1000-continue")
    page.get_by_role("heading", name=load_scenario("memphis-prek-1000-continue").title).wait_for()


def test_a_deal_that_cannot_be_priced_says_why(opened: Callable[..., Any]) -> None:
    page = opened("?v=1&seats=100&draws=50")
    page.locator(".numbers").wait_for(timeout=LONG)
    page.get_by_role("button", name="The deal").click()
    page.get_by_role("alert").filter(has_text="The deal cannot be priced on this choice").wait_for()


# --- links and hostile texts ---


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?v=2", "of version '2'"),
        ("?seats=500", "names no version"),
        ("?v=1&seats=99999", "seats must be from 0 to 5000"),
        ("?v=1&seats=500&seats=600", "gives seats twice"),
        ("?v=1&colour=1", "unknown lever 'colour'"),
        ("?v=1&scenario=../../secrets", "unknown scenario"),
        ("?v=1&draws=7", "draws must be one of"),
        *((f"?v=1&scenario={quote(payload)}", "unknown scenario") for payload in PAYLOADS),
        *((f"?v=1&seats={quote(payload)}", "seats must be a number") for payload in PAYLOADS[:2]),
    ],
)
def test_a_bad_link_is_told_and_shows_what_the_page_opens_with(
    opened: Callable[..., Any], query: str, words: str
) -> None:
    page = opened(query)
    told = page.get_by_role("alert").filter(has_text="The link cannot be read")
    told.wait_for()
    assert words in told.inner_text()
    assert page.get_by_role("spinbutton", name="Seats, exact").input_value() == "1000"
    assert page.evaluate("window.hacked") is None
    assert page.evaluate(DEEP, "img[onerror], iframe, svg[onload], [onfocus]") == []


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Offer:
    """Files whose every free text is hostile."""
    folder = tmp_path_factory.mktemp("hostile")
    payload = " ".join(PAYLOADS)

    def poisoned(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: poisoned(inner, name) for name, inner in value.items()}
        if isinstance(value, list):
            return [poisoned(inner, key) for inner in value]
        free = {"title", "description", "note", "label", "author", "source", "unit_words"}
        return payload if key in free and isinstance(value, str) else value

    def write(kind: str, name: str, **changes: Any) -> Path:
        content = yaml.safe_load((SCENARIOS / kind / f"{name}.yaml").read_text(encoding="utf-8"))
        path = folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(poisoned(content) | changes, allow_unicode=True), encoding="utf-8")
        return path

    write("communities", "memphis")
    scenario = load_scenario(write("library", LAPSE, community="./memphis.yaml"))
    deal = load_deal(write("deals", DEAL))
    assert payload in scenario.title and payload in deal.title
    return Offer({scenario.name: scenario}, deal, scenario.name)


def test_hostile_files_and_fields_are_shown_letter_by_letter(
    opened: Callable[..., Any], hostile: Offer, caplog: pytest.LogCaptureFixture
) -> None:
    with served(hostile) as other:
        page = opened("?v=1&draws=50", other.address)
        page.locator(".numbers").wait_for(timeout=LONG)
        heading = page.get_by_role("heading", level=1).inner_text()
        assert "<img src=x onerror=" in heading
        whole(page)
        for part in PARTS:
            open_part(page, part)
            page.locator(".bk-events").first.hover()
        fields = (
            "lever:seats",
            "lever:__proto__",
            "scenario",
            "evidence",
            "draws",
            "group",
            "theme",
            "view:x",
            "own:hours",
        )
        for value in (*PAYLOADS, {"a": 1}, None, 1e308, "9" * 500):
            page.evaluate(
                """async events => {
                  const models = [...Bokeh.documents[0]._all_models.values()]
                  const markup = models.filter(model => "html" in (model.data?.attributes ?? {}))[0].data
                  const number = markup.answered + 1
                  markup.event = {number, events}
                  while (markup.answered < number) await new Promise(done => setTimeout(done, 20))
                }""",
                [{"name": name, "value": value} for name in (*fields, str(value))],
            )
        page.get_by_role("alert").first.wait_for()
        assert page.evaluate("window.hacked") is None
        assert page.evaluate(DEEP, "img, iframe, svg[onload], [onfocus], [onerror], [autofocus]") == []
        assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


# --- open to everyone ---


def violations(page: Any) -> list[str]:
    """What axe finds."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": WCAG}}).response
    assert len(found["passes"]) > 10
    return [f"{each['id']}: {[node['html'][:120] for node in each['nodes'][:3]]}" for each in found["violations"]]


@pytest.mark.parametrize("settings", [{}, {"color_scheme": "dark"}, {"viewport": {"width": 390, "height": 844}}])
def test_axe_finds_no_violation_in_any_part(opened: Callable[..., Any], settings: dict[str, Any]) -> None:
    page = opened("?v=1&draws=50&seats=1500", **settings)
    whole(page)
    if "viewport" in settings:
        assert not page.get_by_role("slider", name="Seats").is_visible()
        page.get_by_text("What is asked").click()
    page.get_by_role("slider", name="Seats").wait_for()
    for part in PARTS:
        open_part(page, part)
        assert violations(page) == [], part
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0


def test_axe_finds_no_violation_in_a_preview_with_a_message(opened: Callable[..., Any]) -> None:
    page = opened("?v=1&seats=99999")
    page.locator(".numbers").wait_for(timeout=LONG)
    assert violations(page) == []


def test_a_slider_moves_by_keyboard_and_keeps_the_focus(opened: Callable[..., Any]) -> None:
    page = opened("?v=1&draws=50")
    page.locator(".numbers").wait_for(timeout=LONG)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    slider = page.get_by_role("slider", name="Seats")
    for _ in range(20):
        page.keyboard.press("Tab")
        if slider.evaluate("element => element === element.getRootNode().activeElement"):
            break
    for _ in range(3):
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(150)
    page.get_by_text(re.compile("With 1,150 financed seats")).wait_for()
    assert slider.evaluate("element => element === element.getRootNode().activeElement")
    assert page.get_by_role("spinbutton", name="Seats, exact").input_value() == "1150"


def test_every_chart_has_words_and_a_table(opened: Callable[..., Any]) -> None:
    page = opened("?v=1&draws=50&seats=1500")
    whole(page)
    for part, headings in PARTS.items():
        open_part(page, part)
        charts = len(headings)
        assert page.locator("canvas").count() >= charts
        summaries = page.locator(".summary").all_inner_texts()
        assert len(summaries) >= charts
        assert all(len(each) > 40 for each in summaries)
        assert page.get_by_role("table").count() >= charts


# --- nothing is left behind ---


def test_fifty_sessions_leave_no_page_behind(chrome: Any, site: Served) -> None:
    address = f"{site.address}?v=1&draws=50&seats=1500"
    context = chrome.new_context()
    page = context.new_page()
    page.goto(address)
    whole(page)  # from here on all is known: what follows opens and closes, and runs nothing
    before, most = len(ALIVE), 0
    for _ in range(10):
        pages = [context.new_page() for _ in range(5)]
        for page in pages:
            page.goto(address, wait_until="commit")
        for page in pages:
            whole(page)
        most = max(most, len(ALIVE))
        for page in pages:
            page.close()
    context.close()
    assert most >= before + 5
    until = time.monotonic() + 30
    while time.monotonic() < until:
        gc.collect()
        if len(ALIVE) < before:
            break
        time.sleep(0.2)
    assert len(ALIVE) < before


# --- how it feels ---

MOVE = """async values => {
  const sources = [...Bokeh.documents[0]._all_models.values()].filter(model => model.type === "ColumnDataSource")
  const find = root => {
    for (const element of root.querySelectorAll("*")) {
      if (element.id === "range-seats") return element
      const inner = element.shadowRoot && find(element.shadowRoot)
      if (inner) return inner
    }
  }
  const slider = find(document), times = []
  for (const value of values) {
    let changed
    const seen = new Promise((done, fail) => { changed = done; setTimeout(() => fail("no change"), 5000) })
    for (const source of sources) source.properties.data.change.connect(changed)
    const start = performance.now()
    slider.value = value
    slider.dispatchEvent(new Event("input", {bubbles: true, composed: true}))
    await seen
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))
    times.push(performance.now() - start)
    for (const source of sources) source.properties.data.change.disconnect(changed)
    await new Promise(done => setTimeout(done, 120))
  }
  return times
}"""
"""Milliseconds from the move of a slider to the second frame after the chart's data have changed."""


@pytest.mark.slow
def test_a_slider_moves_the_chart_at_once(opened: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    page = opened("?v=1&seats=1050")
    page.locator(".numbers").wait_for(timeout=LONG)
    page.locator("canvas").first.wait_for()
    times = sorted(page.evaluate(MOVE, [1100 + 50 * (at % 40) for at in range(60)]))
    p50, p95 = times[len(times) // 2], times[int(0.95 * len(times))]
    with capsys.disabled():
        print(f"\nslider to chart: p50 {p50:.0f} ms, p95 {p95:.0f} ms over {len(times)} moves")
    assert p50 <= 300
