"""A deal priced on the children of a scenario, and what would make it pay."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from cradlecast.finance import solvers
from cradlecast.finance.alternatives import alternatives_table
from cradlecast.finance.case import Case
from cradlecast.finance.conduct import behaviour_table
from cradlecast.finance.evaluation import Evaluation, evaluate
from cradlecast.finance.power import power_table, screens_table
from cradlecast.finance.valuation import value_case
from cradlecast.model import outcomes
from cradlecast.samples import Ground, Sample, ground_of, samples_of
from cradlecast.scenarios.deal import Deal
from cradlecast.scenarios.errors import InputError
from cradlecast.scenarios.fit import school_years
from cradlecast.scenarios.library import load_prices
from cradlecast.scenarios.options import METRIC_AGES, Options
from cradlecast.scenarios.scenario import Scenario
from cradlecast.scenarios.solving import check_target
from cradlecast.study import Result, record_of
from cradlecast.summaries import milestone_table
from cradlecast.workers import Progress
from cradlecast.worth import gains_of, worth_tables


def price(
    deal: Deal,
    scenario: Scenario,
    options: Options | None = None,
    progress: Progress | None = None,
    workers: int | None = None,
    *,
    optimism: bool = False,
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
        As in ``study.run``.
    optimism
        Whether payments come to what those of other projects came to over their first plans.

    Raises
    ------
    InputError
        If the deal does not fit the scenario: a metric beyond the horizon, sources that do not equal uses.
    """
    options = options or Options()
    ground, samples, case, children = _case(deal, scenario, options, progress, workers, optimism)
    valuation = value_case(case)
    milestones = milestone_table(ground, scenario, samples)
    tables = {
        name: getattr(valuation, name)
        for name in ("payments", "tranches", "outcomes", "payers", "cash", "sources_uses", "checks")
    }
    worth = worth_tables(deal, case.gains, valuation.book, milestones)
    return Result(
        _record_of_deal(deal, scenario, options, optimism),
        tables | worth | contract_tables(deal, case.evaluation, children) | {"milestones": milestones},
        ((ground, scenario, samples),),
        case,
    )


def contract_tables(deal: Deal, evaluation: Evaluation, children: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """What an evaluation can see, whom a screen flags, and what behaviour under the contract does."""
    return {
        "power": power_table(deal, evaluation),
        "screens": screens_table(deal, evaluation),
        "behaviour": behaviour_table(deal, children),
    }


def solve(
    deal: Deal,
    scenario: Scenario,
    target: str,
    wanted: float = 0.0,
    options: Options | None = None,
    progress: Progress | None = None,
    workers: int | None = None,
    *,
    metrics: Sequence[str] = (),
    tranche: str | None = None,
    optimism: bool = False,
) -> Result:
    """Find the price, or the effect, at which somebody has what they want; and what stands beside it.

    Parameters
    ----------
    deal, scenario, options, progress, workers, optimism
        As in ``price``.
    target, wanted
        One of ``solvers.TARGETS``, and for investor-return the return a year.
    metrics, tranche
        Metrics whose prices move (all if empty), and the loan whose return is meant (all together if None).

    Returns
    -------
    Result
        Tables: solution, prices, odds, frontier, effects, alternatives.

    Raises
    ------
    InputError
        As ``price``; or the target, a metric or the tranche is unknown.
    """
    options = options or Options()
    check_target(deal, target, metrics, tranche)
    ground, samples, case, _ = _case(deal, scenario, options, progress, workers, optimism)
    return Result(
        _record_of_deal(deal, scenario, options, optimism) | {"target": target, "wanted": wanted},
        solvers.solved_tables(case, target, wanted, metrics, tranche) | {"alternatives": alternatives_table(case)},
        ((ground, scenario, samples),),
        case,
    )


def _case(
    deal: Deal,
    scenario: Scenario,
    options: Options,
    progress: Progress | None,
    workers: int | None,
    optimism: bool,
) -> tuple[Ground, list[list[Sample]], Case, pd.DataFrame]:
    """Live a scenario through, and evaluate a deal on it: ground, samples [draw][world], the deal's case, children."""
    deal.refuse_if_replay_only()
    metrics = deal.results
    for metric in metrics:
        if METRIC_AGES[metric] > options.horizon:
            raise InputError(
                f"metric '{metric}' of deal '{deal.name}' is measured at {METRIC_AGES[metric]}, beyond the horizon of "
                f"{options.horizon}"
            )
    ground = ground_of(scenario, options)
    parts: list[outcomes.Columns] = []
    samples: list[list[Sample]] = []
    for (draw,) in samples_of(ground, [scenario], metrics, workers, progress):
        samples.append(draw)
        parts.extend(sample.rows for sample in draw if sample.rows is not None)
    children = outcomes.study_frame(parts, metrics)
    case = Case(
        deal=deal,
        evaluation=evaluate(deal, children),
        seat_years={year: float(_financed_seats(scenario)) for year in school_years(scenario)},
        seat_cost=scenario.lever("seat_cost"),
        gains=gains_of(ground, scenario, deal, samples),
        rate=load_prices().discount_rate.value,
        seed=options.seed,
        optimism=optimism,
    )
    return ground, samples, case, children


def _record_of_deal(deal: Deal, scenario: Scenario, options: Options, optimism: bool) -> dict[str, object]:
    """What was asked of a deal."""
    return record_of([scenario], options, deal) | {
        "deal": deal.name,
        "illustrative": deal.illustrative,
        "price_year": deal.price_year,
        "optimism": optimism,
    }


def _financed_seats(scenario: Scenario) -> int:
    """Seats a year that an outcomes contract pays for."""
    return sum(scenario.seats_of(change) for change in scenario.changes if change.financed)
