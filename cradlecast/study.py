"""One study, end to end: draws, worlds, arms on the same luck, paired differences, prices.

Every arm of a study lives through the same draws (uncertain parameters) and worlds (chance events), so that an impact
is the difference between two lives of the same child.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

import pandas as pd

from cradlecast.gaps import gap_table
from cradlecast.ledger import ledger_tables
from cradlecast.model.town import PROGRAMS
from cradlecast.samples import Ground, Sample, digest, ground_of, samples_of
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.fit import check_fit, cohorts_of
from cradlecast.scenarios.library import costs_of, load_community, load_parameters, load_prices, load_program
from cradlecast.scenarios.options import Options
from cradlecast.scenarios.release import VERSION
from cradlecast.scenarios.scenario import Scenario
from cradlecast.summaries import (
    care_tables,
    event_table,
    measure_table,
    milestone_table,
    outcome_table,
    path_table,
    pool_table,
    seat_table,
)
from cradlecast.workers import Progress

if TYPE_CHECKING:
    from cradlecast.finance.case import Case
    from cradlecast.scenarios.deal import Deal

STUDY_TABLES: Final = (
    "milestones",
    "gaps",
    "events",
    "measures",
    "care",
    "displaced",
    "paths",
    "seats",
    "pool",
    "ledger",
    "budgets",
)
"""Tables of a run and of a comparison, in print order."""


@dataclass(frozen=True)
class Result:
    """What a study found: ``record`` says what was asked, ``tables`` hold the numbers (in print order)."""

    record: dict[str, object]
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    samples: tuple[tuple[Ground, Scenario, list[list[Sample]]], ...] = field(default=(), repr=False, compare=False)
    case: Case | None = field(default=None, repr=False, compare=False)

    def outcomes(self) -> pd.DataFrame:
        """Counts behind the milestones: a row per scenario, arm, draw, world, cohort, group and milestone.

        Columns: scenario, arm (baseline or scenario), draw, world, cohort, group, milestone, n (children of the
        group), reached.
        """
        return pd.concat([outcome_table(*sample) for sample in self.samples], ignore_index=True)

    def _repr_html_(self) -> str:
        """Tables as a notebook shows them."""
        return "".join(f"<h4>{name}</h4>{table.to_html()}" for name, table in self.tables.items())


def run(
    scenario: Scenario, options: Options | None = None, progress: Progress | None = None, workers: int | None = None
) -> Result:
    """Run one scenario beside its baseline.

    Parameters
    ----------
    scenario
        A loaded scenario, with levers set by ``Scenario.with_levers``.
    options
        Size and seed of the study.
    progress
        Called after every draw.
    workers
        Threads or processes; the same bytes for any number.

    Raises
    ------
    InputError
        If the scenario does not fit its community.
    """
    return compare([scenario], options, progress, workers)


def compare(
    scenarios: Sequence[Scenario],
    options: Options | None = None,
    progress: Progress | None = None,
    workers: int | None = None,
) -> Result:
    """Run several scenarios, each beside the baseline that it names, on the same draws and worlds.

    Parameters and errors as in ``run``. Tables: those of `STUDY_TABLES`.
    """
    options = options or Options()
    _check_names(scenarios)
    lived = _lived(scenarios, options, progress, workers)
    tables: dict[str, list[pd.DataFrame]] = {name: [] for name in STUDY_TABLES}
    for scenario, (ground, samples) in zip(scenarios, lived, strict=True):
        tables["milestones"].append(milestone_table(ground, scenario, samples))
        tables["gaps"].append(gap_table(ground, scenario, samples))
        tables["events"].append(event_table(ground, scenario, samples))
        tables["measures"].append(measure_table(ground, scenario, samples))
        care, displaced = care_tables(ground, scenario, samples)
        tables["care"].append(care)
        tables["displaced"].append(displaced)
        tables["paths"].append(path_table(ground, scenario, samples))
        tables["seats"].append(seat_table(scenario, samples))
        tables["pool"].append(pool_table(scenario, samples))
        ledger, budgets = ledger_tables(ground, scenario, samples)
        tables["ledger"].append(ledger)
        tables["budgets"].append(budgets)
    return Result(
        record_of(scenarios, options),
        {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()},
        tuple((ground, scenario, samples) for scenario, (ground, samples) in zip(scenarios, lived, strict=True)),
    )


def _lived(
    scenarios: Sequence[Scenario], options: Options, progress: Progress | None, workers: int | None
) -> list[tuple[Ground, list[list[Sample]]]]:
    """Each scenario's ground and samples [draw][world], community by community."""
    places = list(dict.fromkeys(scenario.community for scenario in scenarios))
    total, done = options.draws * len(places), 0
    found: dict[str, tuple[Ground, list[list[Sample]]]] = {}
    for scenario in scenarios:
        check_fit(scenario, load_community(scenario.community))
    for place in places:
        here = [scenario for scenario in scenarios if scenario.community == place]
        ground = ground_of(here[0], options, here[1:])
        tell = None if progress is None else partial(_of_all, progress, done, total)
        draws = list(samples_of(ground, here, (), workers, tell))
        done += options.draws
        for at, scenario in enumerate(here):
            found[scenario.name] = (ground, [draw[at] for draw in draws])
    return [found[scenario.name] for scenario in scenarios]


def _of_all(progress: Progress, before: int, total: int, done: int, _: int) -> None:
    """Tell of the draws of one community among those of all."""
    progress(before + done, total)


def record_of(scenarios: Sequence[Scenario], options: Options, *more: Deal) -> dict[str, object]:
    """What was asked, with a fingerprint that two runs share only if everything behind their numbers is the same."""
    communities = {scenario.community: load_community(scenario.community) for scenario in scenarios}
    programs = [load_program(name) for name in PROGRAMS]
    costs = [costs_of(community.name) for community in communities.values()]
    everything = (*scenarios, *communities.values(), *programs, *costs, load_prices(), load_parameters(), *more)
    return {
        "cradlecast": VERSION,
        "fingerprint": digest(*everything, asdict(options))[:16],
        "scenarios": [scenario.name for scenario in scenarios],
        "baselines": {scenario.name: scenario.baseline for scenario in scenarios},
        "communities": list(communities),
        "levers": {s.name: {name: lever.value for name, lever in s.levers.items()} for s in scenarios},
        "cohorts": {scenario.name: list(cohorts_of(scenario)) for scenario in scenarios},
        "children_per_simulated_child": {
            s.name: communities[s.community].births_per_year.value * len(cohorts_of(s)) / options.children
            for s in scenarios
        },
        **asdict(options),
        "price_years": {program.name: program.seat_cost.year for program in programs},
        "preview": options.preview,
        "interval": 0.9,
    }


def _check_names(scenarios: Sequence[Scenario]) -> None:
    """Refuse two scenarios of one name: their rows could not be told apart."""
    names = [scenario.name for scenario in scenarios]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"scenario '{twice[0]}' is named twice; give the second one a name of its own")
    if not names:
        raise InputError("name at least one scenario")
