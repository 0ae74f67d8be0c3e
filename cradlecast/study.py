"""One study, end to end: draws, worlds, arms on the same luck, paired differences, prices.

Every arm of a study lives through the same draws (uncertain parameters) and worlds (chance events), so that an impact
is the difference between two lives of the same child. Work that arms share is done once per draw and world.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace

import numpy as np
import pandas as pd

from cradlecast.finance.valuation import value_deal
from cradlecast.model import outcomes
from cradlecast.model.arms import baseline_policies, scenario_policies, streams_in
from cradlecast.model.calibration import Calibration, calibrate
from cradlecast.model.calibration_cache import CalibrationCache
from cradlecast.model.children import Bools, Longs, children_of, world_key
from cradlecast.model.draws import draw_parameters
from cradlecast.model.pipeline import Pipeline
from cradlecast.model.place import Floats, Place, place_of
from cradlecast.model.town import PROGRAMS, Setting, schools_by_area
from cradlecast.scenarios.community import MILESTONES, Community
from cradlecast.scenarios.deal import Deal
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.fit import check_fit, cohorts_of, school_years
from cradlecast.scenarios.library import load_community, load_parameters, load_program
from cradlecast.scenarios.options import METRIC_AGES, Options
from cradlecast.scenarios.parameters import ParameterSet
from cradlecast.scenarios.program import Program
from cradlecast.scenarios.release import VERSION
from cradlecast.scenarios.scenario import Scenario

CALIBRATION_CHILDREN = 12_000
"""Children in the calibration population: the fit's own sampling error stays near half a point."""

INTERVAL = (0.05, 0.95)
"""Ends of a central 90 % interval."""

MILESTONE_AGES = tuple(METRIC_AGES[name] for name in MILESTONES)

Progress = Callable[[int, int], None]
"""Called with draws done and draws in all."""


@dataclass(frozen=True)
class Result:
    """What a study found: ``record`` says what was asked, ``tables`` hold the numbers (in print order)."""

    record: dict[str, object]
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)

    def _repr_html_(self) -> str:
        """Tables as a notebook shows them."""
        return "".join(f"<h4>{name}</h4>{table.to_html()}" for name, table in self.tables.items())


@dataclass(frozen=True)
class Ground:
    """What all arms of a study stand on."""

    community: Community
    place: Place
    programs: Mapping[str, Program]
    parameters: ParameterSet
    options: Options
    cache: CalibrationCache

    def draw(self, number: int) -> tuple[dict[str, float], Calibration]:
        """Parameters and calibration of one draw, from the cache where it has been solved before."""
        values = draw_parameters(self.parameters, self.options.seed, number)
        known = self.cache.get(number)
        if known is None:
            known = calibrate(self.place, self.programs, values, self.options.seed, CALIBRATION_CHILDREN)
            self.cache.put(number, known)
        return values, known


@dataclass
class Sample:
    """What one draw and world contributes for one scenario."""

    milestones: tuple[Longs, Longs]
    care: Longs
    seats: tuple[list[dict[str, object]], list[dict[str, object]]]
    rows: outcomes.Columns | None


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
        Threads; the same bytes for any number.

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

    Parameters and errors as in ``run``. Tables: ``milestones``, ``care``, ``displaced``, ``seats``.
    """
    options = options or Options()
    _check_names(scenarios)
    total, done = options.draws * len(scenarios), 0
    tables: dict[str, list[pd.DataFrame]] = {"milestones": [], "care": [], "displaced": [], "seats": []}
    for scenario in scenarios:
        ground = ground_of(scenario, options)
        samples: list[list[Sample]] = []
        for draw in _samples(ground, scenario, (), workers):
            samples.append(draw)
            done += 1
            if progress is not None:
                progress(done, total)
        ground.cache.save()
        tables["milestones"].append(milestone_table(ground, scenario, samples))
        care, displaced = care_tables(ground, scenario, samples)
        tables["care"].append(care)
        tables["displaced"].append(displaced)
        tables["seats"].append(seat_table(scenario, samples))
    return Result(
        record_of(scenarios, options), {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}
    )


def price(
    deal: Deal,
    scenario: Scenario,
    options: Options | None = None,
    progress: Progress | None = None,
    workers: int | None = None,
) -> Result:
    """Price an outcomes contract on the children of a scenario.

    Parameters
    ----------
    deal
        The contract.
    scenario
        The scenario whose financed seats it pays for.
    options
        Size and seed; ``horizon`` must reach the age of the deal's last metric.
    progress, workers
        As in ``run``.

    Raises
    ------
    InputError
        If the deal does not fit the scenario: a metric beyond the horizon, sources that do not equal uses.
    """
    options = options or Options()
    metrics = tuple(dict.fromkeys(metric.name for metric in deal.metrics))
    for metric in metrics:
        if METRIC_AGES[metric] > options.horizon:
            raise InputError(
                f"metric '{metric}' of deal '{deal.name}' is measured at {METRIC_AGES[metric]}, beyond the horizon of "
                f"{options.horizon}"
            )
    ground = ground_of(scenario, options)
    parts: list[outcomes.Columns] = []
    samples: list[list[Sample]] = []
    for done, draw in enumerate(_samples(ground, scenario, metrics, workers), start=1):
        samples.append(draw)
        parts.extend(sample.rows for sample in draw if sample.rows is not None)
        if progress is not None:
            progress(done, options.draws)
    ground.cache.save()
    seat_years = {year: float(_financed_seats(scenario)) for year in school_years(scenario)}
    valuation = value_deal(deal, outcomes.study_frame(parts, metrics), seat_years, scenario.lever("seat_cost"))
    record = record_of([scenario], options) | {
        "deal": deal.name,
        "illustrative": deal.illustrative,
        "price_year": deal.price_year,
    }
    tables = {
        name: getattr(valuation, name)
        for name in ("payments", "tranches", "outcomes", "payers", "cash", "sources_uses", "checks")
    }
    return Result(record, tables | {"milestones": milestone_table(ground, scenario, samples)})


def ground_of(scenario: Scenario, options: Options) -> Ground:
    """Load the community, programs and parameters that a scenario stands on.

    Raises
    ------
    InputError
        If the scenario's changes do not fit the community.
    """
    community = load_community(scenario.community)
    check_fit(scenario, community)
    programs = {name: load_program(name) for name in PROGRAMS}
    parameters = load_parameters()
    key = digest(community, *programs.values(), parameters, options.seed, CALIBRATION_CHILDREN)
    return Ground(community, place_of(community), programs, parameters, options, CalibrationCache(key))


def _samples(
    ground: Ground, scenario: Scenario, metrics: tuple[str, ...], workers: int | None
) -> Iterator[list[Sample]]:
    """Every draw's samples, in order, computed on several threads."""
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        yield from pool.map(lambda draw: live(ground, scenario, draw, metrics), range(ground.options.draws))


def live(ground: Ground, scenario: Scenario, draw: int, metrics: tuple[str, ...]) -> list[Sample]:
    """Live through both arms of a scenario in every world of one draw."""
    options = ground.options
    values, calibration = ground.draw(draw)
    samples = []
    for number in range(options.worlds):
        world = draw * options.worlds + number
        setting = Setting(
            place=ground.place,
            programs=ground.programs,
            values=values,
            theta=calibration.theta,
            cuts=calibration.cuts,
            cohorts=cohorts_of(scenario),
            n_children=options.children,
            world=world_key(options.seed, world),
            streams=streams_in(ground.community, scenario),
            policies=baseline_policies(scenario, ground.community),
            horizon=options.horizon,
        )
        children = children_of(
            ground.place,
            setting.cohorts,
            setting.n_children,
            setting.world,
            schools_by_area(ground.place, setting.scale),
            setting.theta,
        )
        baseline = outcomes.Arm(Pipeline(setting, children).run())
        changed = scenario_setting(setting, scenario, values)
        arm = outcomes.Arm(Pipeline(changed, children).run())
        samples.append(_sample(ground, baseline, arm, metrics, draw, world))
    return samples


def scenario_setting(baseline: Setting, scenario: Scenario, values: Mapping[str, float]) -> Setting:
    """The scenario's arm: the baseline's setting with the scenario's changes behind the baseline's."""
    return replace(baseline, policies=(*baseline.policies, *scenario_policies(scenario, values)))


def _sample(
    ground: Ground, baseline: outcomes.Arm, arm: outcomes.Arm, metrics: tuple[str, ...], draw: int, world: int
) -> Sample:
    """Count one draw and world."""
    seated, changed = arm.financed(), outcomes.care_changed(baseline, arm)
    counts = tuple(
        outcomes.count_milestones(outcomes.group_masks(ground.place, one.children, seated, changed), one.children)
        for one in (baseline, arm)
    )
    return Sample(
        milestones=(counts[0], counts[1]),
        care=outcomes.count_care(baseline.children, arm.children),
        seats=(baseline.town.seat_rows, arm.town.seat_rows),
        rows=outcomes.study_children(baseline, arm, metrics, draw, world) if metrics else None,
    )


def _financed_seats(scenario: Scenario) -> int:
    """Seats a year that an outcomes contract pays for."""
    return sum(scenario.seats_of(change) for change in scenario.changes if change.financed)


# --- tables ---


def milestone_table(ground: Ground, scenario: Scenario, samples: list[list[Sample]]) -> pd.DataFrame:
    """Milestones by group with central 90 % intervals; impact is scenario minus baseline in the same draw and world.

    ``impact_sd_parameters`` and ``impact_sd_chance`` split the spread of the impact into what is not known about the
    parameters and what is luck among the simulated children (null with one world per draw).
    ``chance_not_positive`` is the share of draws and worlds with an impact of zero or less.
    """
    counts = np.array([[sample.milestones for sample in draw] for draw in samples]).sum(axis=3)
    base, arm = (counts[:, :, side].astype(np.float64) for side in (0, 1))
    scale = ground.options.children / (ground.community.births_per_year.value * len(cohorts_of(scenario)))
    rows = []
    for g, group in enumerate(outcomes.group_names(ground.place)):
        n = arm[:, :, g, -1]
        if not n.sum() > 0 or (
            group in ("stayed", "left") and ground.options.horizon < METRIC_AGES["postsecondary_completed"]
        ):
            continue
        present = n > 0
        for m, milestone in enumerate(MILESTONES):
            if MILESTONE_AGES[m] > ground.options.horizon:
                continue
            with np.errstate(invalid="ignore", divide="ignore"):
                rate, before = arm[:, :, g, m] / n, base[:, :, g, m] / base[:, :, g, -1]
            rows.append(
                {"scenario": scenario.name, "group": group, "milestone": milestone, "n": round(float(n.mean()))}
                | _summary(rate, before, present)
                | {"n_community": round(float(n.mean()) / scale), "baseline": scenario.baseline}
            )
    table = pd.DataFrame(rows)
    first = [
        "scenario",
        "group",
        "milestone",
        "n",
        "rate",
        "rate_low",
        "rate_high",
        "impact",
        "impact_low",
        "impact_high",
    ]
    return table[first + [name for name in table.columns if name not in first]]


def _summary(rate: Floats, before: Floats, present: Bools) -> dict[str, float | None]:
    """Means, intervals and the split of the spread for one group and milestone; arrays are (draws, worlds)."""
    impact = rate - before
    values, level = impact[present], rate[present]
    low, high = np.quantile(level, INTERVAL)
    impact_low, impact_high = np.quantile(values, INTERVAL)
    parameters, chance = split_spread(impact) if present.all() else (None, None)
    return {
        "rate": float(level.mean()),
        "rate_low": float(low),
        "rate_high": float(high),
        "impact": float(values.mean()),
        "impact_low": float(impact_low),
        "impact_high": float(impact_high),
        "baseline_rate": float(before[present].mean()),
        "chance_not_positive": float(np.mean(values <= 0.0)),
        "impact_sd_parameters": parameters,
        "impact_sd_chance": chance,
    }


def split_spread(values: Floats) -> tuple[float | None, float | None]:
    """Standard deviations due to parameters and due to chance, from a (draws, worlds) array.

    One-way analysis of variance: the spread within draws is chance; what the draws' means spread beyond their share of
    it is due to parameters. Nulls with fewer than two draws or worlds.
    """
    draws, worlds = values.shape
    if draws < 2 or worlds < 2:
        return None, None
    within = float(values.var(axis=1, ddof=1).mean())
    between = float(values.mean(axis=1).var(ddof=1)) - within / worlds
    return float(np.sqrt(max(between, 0.0))), float(np.sqrt(within))


def care_tables(ground: Ground, scenario: Scenario, samples: list[list[Sample]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Care at 4 in both arms, and who moved from where to where: children of the community a school year."""
    counts = np.array([[sample.care for sample in draw] for draw in samples]).astype(np.float64)
    scale = ground.options.children / ground.community.births_per_year.value
    yearly = counts / scale
    care, moves = [], []
    for kind, name in enumerate(outcomes.CARE):
        before, after = yearly[:, :, kind, :].sum(axis=2), yearly[:, :, :, kind].sum(axis=2)
        low, high = np.quantile(after - before, INTERVAL)
        care.append(
            {
                "scenario": scenario.name,
                "age": 4,
                "care": name,
                "baseline_children": float(before.mean()),
                "scenario_children": float(after.mean()),
                "change": float((after - before).mean()),
                "change_low": float(low),
                "change_high": float(high),
            }
        )
    for a, source in enumerate(outcomes.CARE):
        for b, target in enumerate(outcomes.CARE):
            flow = yearly[:, :, a, b]
            if a != b and flow.any():
                low, high = np.quantile(flow, INTERVAL)
                moves.append(
                    {
                        "scenario": scenario.name,
                        "from": source,
                        "to": target,
                        "children_per_year": float(flow.mean()),
                        "children_low": float(low),
                        "children_high": float(high),
                    }
                )
    columns = ["scenario", "from", "to", "children_per_year", "children_low", "children_high"]
    return pd.DataFrame(care), pd.DataFrame(moves, columns=columns)


def seat_table(scenario: Scenario, samples: list[list[Sample]]) -> pd.DataFrame:
    """Seats open and filled and their cost by arm, year, program, stream and age: means over draws and worlds."""
    frames = []
    for side, arm in enumerate(("baseline", "scenario")):
        rows = [row for draw in samples for sample in draw for row in sample.seats[side]]
        table = pd.DataFrame(rows)
        keys = ["year", "program", "stream", "age", "payer"]
        mean = table.groupby(keys, sort=False, as_index=False)[["seats", "filled", "dollars"]].mean()
        mean.insert(0, "arm", arm)
        frames.append(mean)
    whole = pd.concat(frames, ignore_index=True)
    whole.insert(0, "scenario", scenario.name)
    return whole[["scenario", "arm", "year", "program", "stream", "age", "seats", "filled", "payer", "dollars"]]


# --- the record ---


def record_of(scenarios: Sequence[Scenario], options: Options) -> dict[str, object]:
    """What was asked, with a fingerprint that two runs share only if everything behind their numbers is the same."""
    communities = {scenario.community: load_community(scenario.community) for scenario in scenarios}
    return {
        "cradlecast": VERSION,
        "fingerprint": digest(*scenarios, *communities.values(), load_parameters(), asdict(options))[:16],
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
        "price_years": {name: load_program(name).seat_cost.year for name in PROGRAMS},
        "preview": options.preview,
        "interval": 0.9,
    }


def digest(*parts: object) -> str:
    """SHA-256 over declarations and numbers, in a form that does not depend on their files' layout."""
    whole = [part.model_dump(mode="json") if hasattr(part, "model_dump") else part for part in parts]
    text = json.dumps([VERSION, whole], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _check_names(scenarios: Sequence[Scenario]) -> None:
    """Refuse two scenarios of one name: their rows could not be told apart."""
    names = [scenario.name for scenario in scenarios]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"scenario '{twice[0]}' is named twice; give the second one a name of its own")
    if not names:
        raise InputError("name at least one scenario")
