"""One page in one browser: a choice, what is known of it, and the components that show it."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import holoviews as hv
import pandas as pd
import panel as pn

from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.wording import shown
from cradlecast.ui import charts, page_text
from cradlecast.ui.arguments import number, whole
from cradlecast.ui.choice import DRAWS, Choice, moved, read_link
from cradlecast.ui.escape import safe
from cradlecast.ui.findings import Desk, Findings
from cradlecast.ui.html_tables import html_table
from cradlecast.ui.jobs import Job
from cradlecast.ui.layouts import study_views
from cradlecast.ui.markup import Markup
from cradlecast.ui.occasion import EVERYBODY
from cradlecast.ui.rows import table_of

REST: Final = 1.2
"""Seconds without a change after which the full run begins."""

LOOK: Final = 200
"""Milliseconds between looks at a run."""

MOST_EVENTS: Final = 50
"""Of one message of a browser."""

THEMES: Final = ("light", "dark")

ALIVE: Final[weakref.WeakSet[Page]] = weakref.WeakSet()
"""Pages that have not been let go; a test holds that closed ones have."""

_WEB: Final = Path(__file__).parent / "web"


@dataclass(frozen=True)
class Chart:
    """A chart of the page: its name, heading, the table that it draws, and the functions that draw and tell it.

    Without a function that draws, the table stands for itself.
    """

    name: str
    title: str
    table: str
    draw: Callable[..., hv.Overlay] | None
    tell: Callable[..., str]


CHARTS: Final[dict[str, tuple[Chart, ...]]] = {
    "milestones": (
        Chart(
            "milestones",
            "Seven milestones, from the baseline to the scenario",
            "milestones",
            charts.milestone_chart,
            charts.milestone_summary,
        ),
    ),
    "gaps": (Chart("gaps", "Gaps between groups, and what changes them", "gaps", None, page_text.gaps_summary),),
    "paths": (
        Chart("paths", "Children whose path changes, and why", "paths", charts.paths_chart, charts.paths_summary),
    ),
    "costs": (
        Chart("costs", "Cost per additional child at each milestone", "costs", charts.cost_chart, charts.cost_summary),
    ),
    "deal": (
        Chart("payments", "Payments by date", "payments", charts.payments_chart, charts.payments_summary),
        Chart("outcomes", "Paid, against the true effect", "outcomes", charts.payments_chart, charts.payments_summary),
        Chart("tranches", "What lenders get back", "tranches", charts.returns_chart, charts.returns_summary),
        Chart("payers", "What each payer gets and pays", "payers", None, page_text.payers_summary),
    ),
}
"""The charts of each part of the findings."""


class Card:
    """A chart with its heading, its sentences and its table.

    Parameters
    ----------
    chart
        What it shows.
    on_event
        Told what a person does with it.
    """

    def __init__(self, chart: Chart, on_event: Callable[[Any], None]) -> None:
        self.chart = chart
        self.head = Markup(f"<h2>{safe(chart.title)}</h2>")
        self.foot = Markup()
        self.body = pn.Column(sizing_mode="stretch_width")
        for markup in (self.head, self.foot):
            markup.param.watch(on_event, "event")
        self.layout = pn.Column(self.head, self.body, self.foot, sizing_mode="stretch_width")
        self._pipe: hv.streams.Pipe | None = None
        self._theme = ""

    def draw(self, table: pd.DataFrame | None, theme: str, **more: Any) -> None:
        """Show a table; nothing where there is none yet."""
        if table is None or self.chart.draw is None:
            self.body.objects = []
            self._pipe = None
        elif self._pipe is None or self._theme != theme:
            self._pipe, self._theme = hv.streams.Pipe(data=(table, more)), theme
            drawn = hv.DynamicMap(self._drawn, streams=[self._pipe])
            pane = pn.pane.HoloViews(  # type: ignore[no-untyped-call]
                drawn, backend="bokeh", sizing_mode="stretch_width", linked_axes=False
            )
            self.body.objects = [pane]
        else:
            self._pipe.send((table, more))

    def _drawn(self, data: tuple[pd.DataFrame, dict[str, Any]]) -> hv.Overlay:
        table, more = data
        assert self.chart.draw is not None
        return self.chart.draw(table, theme=self._theme, **more)


class Page:
    """What one browser shows.

    Parameters
    ----------
    desk
        What the server knows, shared with other pages.
    query
        What stands in the address behind the question mark.
    """

    def __init__(self, desk: Desk, query: str = "") -> None:
        self.desk, self.offer = desk, desk.offer
        self.theme, self.view, self.group = "light", "milestones", EVERYBODY
        self.link_problem = self.problem = ""
        try:
            self.choice = read_link(self.offer, query)
        except InputError as error:
            self.choice = self.offer.default()
            self.link_problem = f"The link cannot be read, so the page shows what it opens with: {error}."
        self.findings: Findings | None = None
        self.open_tables: set[str] = set()
        self.job: Job | None = None
        self.job_choice, self.measuring = self.choice, False
        self.starts_at: float | None = None
        self.closed = False
        self.parts = {
            name: Markup(asks_theme=name == "head") for name in ("head", "form", "top", "status", "nav", "foot")
        }
        for part in self.parts.values():
            part.param.watch(self._hear, "event")
        self.cards = {view: [Card(chart, self._hear) for chart in charts_] for view, charts_ in CHARTS.items()}
        self.shelf = pn.Column(sizing_mode="stretch_width")
        self.doc = pn.state.curdoc
        ALIVE.add(self)
        pn.state.on_session_destroyed(self._close)
        self._look_up()
        self.show()
        self._tick_later()

    def template(self) -> pn.Template:
        """The document."""
        page = pn.Template((_WEB / "page.html").read_text(encoding="utf-8"), items=self.parts | {"view": self.shelf})
        page.add_variable("page_css", (_WEB / "page.css").read_text(encoding="utf-8"))
        return page

    # --- What a person does ---

    def _hear(self, change: Any) -> None:
        """Do what was done in the browser, show what follows, and say that the next event may come."""
        markup, event = change.obj, change.new
        self.problem = ""
        done = event.get("events")
        for each in done[:MOST_EVENTS] if isinstance(done, list) else ():
            if isinstance(each, dict):
                try:
                    self._do(str(each.get("name"))[:60], each.get("value"))
                except InputError as error:
                    self.problem = f"{error}."
        with pn.io.hold():
            try:
                self.show()
            finally:
                answered = event.get("number")
                markup.answered = answered if isinstance(answered, int) else markup.answered + 1

    def _do(self, name: str, value: Any) -> None:
        """One thing that was done.

        Raises
        ------
        InputError
            For a value that cannot be.
        """
        kind, _, what = name.partition(":")
        if kind in ("lever", "own", "community", "scenario", "evidence", "draws", "reset"):
            self._choose(self._chosen(kind, what, value))
        elif kind == "view" and what in CHARTS:
            self.view = what
        elif kind == "table":
            named = {what} & {chart.name for each in CHARTS.values() for chart in each}
            self.open_tables = self.open_tables | named if value == "open" else self.open_tables - named
        elif kind == "group":
            self.group = str(value)
        elif kind == "theme":
            self.theme = value if value in THEMES else self.theme
        elif kind == "run":
            self._start()
        elif kind == "cancel":
            self._stop()

    def _chosen(self, kind: str, what: str, value: Any) -> Choice:
        """The choice after a field was changed."""
        choice = self.choice
        if kind == "reset":
            return self.offer.default()
        if kind == "lever":
            return moved(self.offer, choice, what, number(str(value), what))
        if kind == "own":
            return moved(self.offer, choice, what, None if value is True else page_text.own_value(what))
        if kind == "draws":
            draws = whole(str(value), "draws")
            if draws not in DRAWS:
                raise InputError(f"draws must be one of {', '.join(map(str, DRAWS))}; got {draws}")
            return replace(choice, draws=draws)
        if kind == "community":
            scenarios = [name for name, each in self.offer.scenarios.items() if each.community == value]
            kind, value = "scenario", scenarios[0] if scenarios else value
        if kind == "scenario":
            return self._other_scenario(str(value))
        after = replace(choice, evidence=str(value))
        self.offer.study_options(after)
        return after

    def _other_scenario(self, name: str) -> Choice:
        """The choice on another scenario: levers that cannot stand there as they do here go back to its own."""
        after = replace(self.choice, scenario=name, levers={})
        self.offer.scenario(after)
        for lever, value in self.choice.levers.items():
            try:
                after = moved(self.offer, after, lever, value)
            except InputError as error:
                self.problem = f"{error}; it is back at this scenario's own."
        return after

    def _choose(self, choice: Choice) -> None:
        """Make a choice the page's own."""
        if choice == self.choice:
            return
        self.choice, self.link_problem = choice, ""
        self._look_up()

    # --- What is known, and what is asked for ---

    def _look_up(self) -> None:
        """Take what is known of the choice, and see to it that the rest comes."""
        found = self.desk.full(self.choice)
        if self.job is not None and not (self.measuring and found is None and self._same_surface()):
            self._leave()
        self.starts_at = None
        if found is not None:
            self.findings = found
            return
        preview = self.desk.preview(self.choice)
        if preview is not None:
            self.findings, self.starts_at = preview, time.monotonic() + REST
        elif self.job is None:
            self.findings, self.starts_at = None, time.monotonic()
        self._tick_later()

    def _same_surface(self) -> bool:
        """Whether the preview that is being measured is the choice's."""
        mine, other = self.choice, self.job_choice
        return (mine.scenario, mine.evidence) == (other.scenario, other.evidence)

    def _start(self) -> None:
        """Ask for the full run; for the preview first, where there is none."""
        self.starts_at = None
        if self.job is not None or self.desk.full(self.choice) is not None:
            return
        self.measuring = self.desk.preview(self.choice) is None
        self.job_choice = self.choice
        self.job = (self.desk.start_preview if self.measuring else self.desk.start_full)(self.choice)
        self._tick_later()

    def _stop(self) -> None:
        """Stop the run, and begin none before something changes."""
        self._leave()
        self.starts_at = None

    def _leave(self) -> None:
        """Wait for the run no longer."""
        if self.job is not None:
            self.desk.jobs.leave(self.job)
            self.job = None

    def _tick_later(self) -> None:
        """Look again in a while, if there is something to look at."""
        waits = self.job is not None or self.starts_at is not None
        if waits and not self.closed and self.doc is not None and not getattr(self, "_ticking", False):
            self._ticking = True
            self.doc.add_timeout_callback(self._tick, LOOK)

    def _tick(self) -> None:
        """Begin a run that is due; show how far one is; take what one found."""
        self._ticking = False
        if self.closed:
            return
        if self.job is not None and self.job.done:
            self._take()
            self.show()
        elif self.job is not None:
            self._show_status()
        elif self.starts_at is not None and time.monotonic() >= self.starts_at:
            try:
                self._start()
            except InputError as error:
                self.problem = f"{error}."
                self.show()
            self._show_status()
        self._tick_later()

    def _take(self) -> None:
        """Take what an ended run found."""
        job, self.job = self.job, None
        assert job is not None
        try:
            (self.desk.take_preview if self.measuring else self.desk.take_full)(self.job_choice, job)
        except InputError as error:
            self.problem = f"The run ended without numbers: {error}."
            return
        finally:
            self.desk.jobs.leave(job)
        measured = self.measuring
        self._look_up()
        if measured and self.starts_at is not None:
            self.starts_at = time.monotonic()

    # --- What is shown ---

    def show(self) -> None:
        """Bring every component up to date."""
        with pn.io.hold():
            offer, choice, findings = self.offer, self.choice, self.findings
            self.parts["head"].html = page_text.head(offer, choice, findings, self.theme)
            self.parts["form"].html = page_text.form(offer, choice, self.problem)
            self.parts["top"].html = page_text.top(offer, choice, findings, self.link_problem)
            self.parts["nav"].html = page_text.nav(self.view)
            self.parts["foot"].html = page_text.foot(offer, choice)
            self._show_status()
            self._show_view()

    def _show_status(self) -> None:
        """How far the run is."""
        job = self.job
        self.parts["status"].html = page_text.status(
            self.findings,
            None if job is None else job.share,
            None if job is None else job.seconds_left(),
            job is not None and self.desk.jobs.waiting(job),
            self.measuring,
        )

    def _show_view(self) -> None:
        """The part of the findings that is chosen."""
        findings = self.findings
        if findings is None:
            self.shelf.objects = []
            return
        if self.view == "deal" and findings.no_deal:
            self._shelve([Markup(page_text.alert(f"The deal cannot be priced on this choice: {findings.no_deal}."))])
            return
        cards = self.cards[self.view]
        for card in cards:
            self._fill(card, findings)
        self._shelve([card.layout for card in cards])

    def _shelve(self, layouts: Sequence[Any]) -> None:
        """Put layouts on the page, unless they are there."""
        if list(self.shelf.objects) != list(layouts):
            self.shelf.objects = list(layouts)

    def _fill(self, card: Card, findings: Findings) -> None:
        """Bring one card up to date."""
        name, table = card.chart.name, findings.tables.get(card.chart.table)
        more: dict[str, Any] = {}
        if name == "milestones":
            groups = page_text.group_names(self.offer, self.choice, findings)
            if self.group not in groups:
                self.problem, self.group = f"There is no group {shown(self.group)}.", EVERYBODY
            more = {"group": self.group}
            card.head.html = f"<h2>{safe(card.chart.title)}</h2>{page_text.group_select(groups, self.group)}"
        card.draw(table, self.theme, **more)
        if table is None:
            card.foot.html = '<p class="summary">This follows from the full run.</p>'
            return
        said = page_text.occasion(self.offer, self.choice, findings, deal=self.view == "deal")
        always = card.chart.draw is None
        open_ = always or name in self.open_tables
        views = study_views([table_of(card.chart.table, table)], said) if open_ else []
        told = (
            card.chart.tell(table, **more) if name != "payers" else card.chart.tell(table, findings.tables["outcomes"])
        )
        card.foot.html = page_text.card_foot(
            name, told, open_, [html_table(view) for view in views], toggles=not always
        )

    def _close(self, _: Any) -> None:
        """Let everything go when the browser has gone."""
        self.closed = True
        self._leave()
        self.doc = None
