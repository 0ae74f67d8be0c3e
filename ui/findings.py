"""What a server knows of every choice: found before, being found, or to be asked for; shared by all of its pages."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from cradlecast.finance.budget import sources_and_uses
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.fit import school_years
from cradlecast.scenarios.options import Options
from cradlecast.scenarios.scenario import Scenario
from cradlecast.ui import work
from cradlecast.ui.choice import Choice, Offer
from cradlecast.ui.jobs import Job, Jobs, Task
from cradlecast.ui.keep import Found, keep_surface, path_of, read_found, read_kept_surface
from cradlecast.ui.surface import Levers, Surface, grid_of, surface_of

MOST_KNOWN: Final = 64
"""Findings that a server holds in memory; those not asked for longest go first."""

SETTINGS_A_PART: Final = 9
"""Settings of levers that one part of a preview's job measures."""


@dataclass(frozen=True)
class Findings:
    """What a choice leads to.

    Attributes
    ----------
    scenario
        With its levers moved.
    tables
        Those of the study and of the deal together; the deal's milestones are left out.
    records
        Of the study, and of the deal where there is one; none for a preview.
    preview
        True if tables are interpolated and without intervals.
    no_deal
        Why the deal cannot be priced, or nothing.
    """

    scenario: Scenario
    tables: dict[str, pd.DataFrame]
    records: dict[str, Any]
    preview: bool
    no_deal: str = ""


class Desk:
    """Answers what is known of a choice, and asks the pool for what is not.

    Parameters
    ----------
    offer
        What can be chosen.
    jobs
        The pool.
    """

    def __init__(self, offer: Offer, jobs: Jobs) -> None:
        self.offer = offer
        self.jobs = jobs
        self._found: OrderedDict[Path, Found] = OrderedDict()
        self._surfaces: dict[Path, Surface] = {}

    def full(self, choice: Choice) -> Findings | None:
        """The whole study and deal of a choice, if they are known."""
        scenario = self.offer.scenario(choice)
        study = self._known(self._study_path(choice))
        no_deal = self.no_deal(choice)
        deal = None if no_deal else self._known(self._deal_path(choice))
        if study is None or (deal is None and not no_deal):
            return None
        tables = dict(study.tables)
        records: dict[str, Any] = {"study": study.record}
        if deal is not None:
            tables |= {name: table for name, table in deal.tables.items() if name != "milestones"}
            records["deal"] = deal.record
        return Findings(scenario, tables, records, preview=False, no_deal=no_deal)

    def preview(self, choice: Choice) -> Findings | None:
        """A preview of a choice, if its surface has been measured."""
        scenario = self.offer.scenario(choice)
        surface = self._surface(choice)
        if surface is None:
            return None
        no_deal = self.no_deal(choice)
        tables = surface.tables(levers_of(scenario))
        tables.pop("tranches", None)
        if no_deal:
            tables = {name: table for name, table in tables.items() if name in ("milestones", "paths", "costs")}
        return Findings(scenario, tables, {}, preview=True, no_deal=no_deal)

    def no_deal(self, choice: Choice) -> str:
        """Why the deal cannot be priced on a choice, or nothing: its sources must equal its uses."""
        scenario = self.offer.scenario(choice)
        seats = float(sum(scenario.seats_of(change) for change in scenario.changes if change.financed))
        try:
            sources_and_uses(
                self.offer.deal, {year: seats for year in school_years(scenario)}, scenario.lever("seat_cost")
            )
        except InputError as error:
            return str(error)
        return ""

    def start_full(self, choice: Choice) -> Job:
        """Ask for the study and the deal of a choice."""
        scenario = self.offer.scenario(choice)
        tasks: dict[str, Task] = {}
        if self._known(self._study_path(choice)) is None:
            tasks["study"] = (work.run_study, (scenario, self.offer.study_options(choice)))
        if not self.no_deal(choice) and self._known(self._deal_path(choice)) is None:
            tasks["deal"] = (work.run_deal, (self.offer.deal, scenario, self.offer.deal_options(choice)))
        return self.jobs.start(f"{self._study_path(choice)} {self._deal_path(choice)}", tasks)

    def take_full(self, choice: Choice, job: Job) -> None:
        """Remember what an ended job found.

        Raises
        ------
        InputError
            What the study or the deal refused.
        """
        paths = {"study": self._study_path(choice), "deal": self._deal_path(choice)}
        for part in job.parts:
            self._remember(paths[part], job.result(part))

    def start_preview(self, choice: Choice) -> Job:
        """Ask for the surface of a choice's scenario and evidence."""
        scenario, options = self._base(choice)
        settings = grid_of(scenario).settings()
        parts = [settings[at : at + SETTINGS_A_PART] for at in range(0, len(settings), SETTINGS_A_PART)]
        tasks: dict[str, Task] = {
            str(at): (work.run_preview, (scenario, self.offer.deal, options, part)) for at, part in enumerate(parts)
        }
        return self.jobs.start(str(self._surface_path(choice)), tasks)

    def take_preview(self, choice: Choice, job: Job) -> None:
        """Remember the surface that an ended job measured; raises as `take_full`."""
        path = self._surface_path(choice)
        if path in self._surfaces:
            return
        found = [tables for part in job.parts for tables in job.result(part)]
        self._surfaces[path] = surface_of(self._base(choice)[0], found)
        keep_surface(path, self._surfaces[path])

    def _surface(self, choice: Choice) -> Surface | None:
        """The surface of a choice's scenario, starting from the whole study of that scenario where it is known."""
        path = self._surface_path(choice)
        if path not in self._surfaces:
            kept = read_kept_surface(path, self._base(choice)[0])
            if kept is None:
                return None
            self._surfaces[path] = kept
        surface = self._surfaces[path]
        unmoved = Choice(choice.scenario, {}, choice.evidence, choice.draws)
        if surface.correction is None and (study := self._known(self._study_path(unmoved))) is not None:
            tables = {name: study.tables[name] for name in ("milestones", "paths")}
            tables["added"] = pd.DataFrame({"what": ["dollars"], "added": [study.tables["costs"]["added_dollars"][0]]})
            surface = self._surfaces[path] = surface.anchored(tables, levers_of(self._base(choice)[0]))
        return surface

    def _base(self, choice: Choice) -> tuple[Scenario, Options]:
        """The scenario as it is offered, and the size of its preview."""
        return self.offer.scenarios[choice.scenario], Options(evidence=choice.evidence)

    def _known(self, path: Path) -> Found | None:
        """What was found, in memory or on disk."""
        if path in self._found:
            self._found.move_to_end(path)
            return self._found[path]
        found = read_found(path)
        if found is not None:
            self._remember(path, found)
        return found

    def _remember(self, path: Path, found: Found) -> None:
        """Hold what was found in memory."""
        self._found[path] = found
        while len(self._found) > MOST_KNOWN:
            self._found.popitem(last=False)

    def _study_path(self, choice: Choice) -> Path:
        return path_of("study", self.offer.scenario(choice), None, self.offer.study_options(choice))

    def _deal_path(self, choice: Choice) -> Path:
        scenario = self.offer.scenario(choice)
        return path_of("deal", scenario, self.offer.deal, self.offer.deal_options(choice))

    def _surface_path(self, choice: Choice) -> Path:
        scenario, options = self._base(choice)
        return path_of("surface", scenario, self.offer.deal, options)


def levers_of(scenario: Scenario) -> Levers:
    """Every lever of a scenario and its value."""
    return {name: lever.value for name, lever in scenario.levers.items()}
