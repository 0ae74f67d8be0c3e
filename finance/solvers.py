"""Prices, effects and thresholds that bring something about.

A `Case` is a deal on an evaluation that is there: everything below prices it again and again, with other prices or
another effect, on the same samples. Nothing is linear here (caps, thresholds, waterfalls), so that every answer is
found by trying: the bracket is searched, halved to a millionth, and where no price does it, the answer says what is
closest and why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cradlecast.finance.case import Case, with_prices, with_threshold
from cradlecast.finance.cash import Cash
from cradlecast.finance.measures import GOVERNMENTS, perspectives, present_value
from cradlecast.finance.money import to_dollars
from cradlecast.finance.payments import owed_on_true_effect
from cradlecast.finance.returns import Rate, xirr, xirr_many
from cradlecast.scenarios.costs import PRIVATE
from cradlecast.scenarios.deal import LOANS, Deal
from cradlecast.scenarios.solving import check_target, payers_budgets

Floats = NDArray[np.float64]

MOST: Final = 64.0
"""Times its price that a price is tried up to."""

STEP: Final = 2.0**0.25
"""Ratio of one factor that is tried to the next: a return may rise and fall again as loans are repaid sooner."""

CLOSE: Final = 1e-6
SAME_RATE: Final = 1e-9
DRAWS_FOR_TAILS: Final = 200


# --- what is looked at ---


def lenders_flows(deal: Deal, cash: Cash, tranche: str | None = None) -> tuple[NDArray[np.datetime64], Floats]:
    """Dates, and dollars that all loans (or one tranche) receive on them less what they put in; (samples, dates)."""
    names = [each.name for each in deal.tranches if each.kind in LOANS] if tranche is None else [tranche]
    found = [cash.flows(name) for name in names]
    days = np.unique(np.concatenate([dates for dates, _ in found])) if found else np.zeros(0, dtype="datetime64[D]")
    total = np.zeros((len(cash.recycled), len(days)))
    for dates, cents in found:
        total[:, np.searchsorted(days, dates)] += to_dollars(cents)
    return days, total


def lenders_return(case: Case, tranche: str | None = None) -> Rate:
    """Return a year of all loans together, or of one tranche, on mean flows."""
    _, cash = case.run()
    days, flows = lenders_flows(case.deal, cash, tranche)
    return xirr(days, flows.mean(axis=0)) if len(days) else Rate(np.nan, (), 0, "the deal has no loan")


def payers_balance(case: Case, all_value: bool) -> float:
    """Mean present value that payers gain less what they pay into the deal, in dollars of the price year.

    Cashable savings and revenue of the payers' own budgets; or, with `all_value`, everything that anybody gains.
    """
    _, cash = case.run()
    g = case.gains
    n_samples = len(g.yearly)
    budgets = payers_budgets(case.deal)
    pays = perspectives(case.deal, g, cash, case.rate)
    paid = sum(pays[budget][1] for budget in budgets)
    received = sum(pays[budget][0] - g.present(g.of(budget), case.rate) for budget in budgets)
    if all_value:
        gained = g.present(g.of(*GOVERNMENTS, *PRIVATE), case.rate)
    else:
        used = g.of(*budgets)
        yearly = {int(year): g.cash[:, at, used].sum(axis=1) for at, year in enumerate(g.years)}
        gained = present_value(yearly, g.start, case.rate, n_samples) + g.later[case.rate][:, used].sum(axis=1)
    return float(np.mean(gained + received - paid))


class Solution(NamedTuple):
    """What was asked, the answer (a factor on prices, or a share of the effect; NaN where there is none), and why."""

    target: str
    wanted: float
    answer: float
    achieved: float
    reason: str


def solve_price(
    case: Case, target: str, wanted: float = 0.0, metrics: Sequence[str] = (), tranche: str | None = None
) -> Solution:
    """The factor on prices at which the target is met.

    Parameters
    ----------
    case
        The case.
    target
        investor-return: the lowest prices that give the loans the wanted return on mean flows; payer-break-even,
        payer-break-even-value: the highest prices at which the payers lose nothing on average.
    wanted
        The return that investors want.
    metrics
        Names of the metrics whose prices move; all if empty.
    tranche
        The one tranche whose return is meant; all loans together if None.

    Raises
    ------
    InputError
        As `check_target`.
    """
    check_target(case.deal, target, metrics, tranche)
    if target == "investor-return":
        return _investor_price(case, wanted, metrics, tranche)
    return _payer_price(case, target, metrics)


def _investor_price(case: Case, wanted: float, metrics: Sequence[str], tranche: str | None) -> Solution:
    """The lowest factor at which lenders have what they want."""
    seen: dict[float, float] = {}

    def rate(factor: float) -> float:
        found = lenders_return(case.at(factor, metrics), tranche).rate
        seen[factor] = -1.0 if np.isnan(found) else found
        return seen[factor]

    def enough(factor: float) -> bool:
        return rate(factor) >= wanted - SAME_RATE

    high = _first(enough)
    if high is None:
        best = max(seen, key=lambda factor: seen[factor])
        why = (
            f"no price does: the most is {seen[best]:.4%} a year, at {best:.3g} times the prices; terms or caps hold it"
        )
        return Solution("investor-return", wanted, np.nan, seen[best], why)
    answer = _halve(enough, high)
    return Solution("investor-return", wanted, answer, rate(answer), "")


def _payer_price(case: Case, target: str, metrics: Sequence[str]) -> Solution:
    """The highest factor at which payers lose nothing."""
    value = target.endswith("value")

    def loses(factor: float) -> bool:
        return payers_balance(case.at(factor, metrics), value) < 0.0

    if loses(0.0):
        balance = payers_balance(case.at(0.0, metrics), value)
        why = f"no price does: at price 0 the payers are ${-balance:,.0f} short, by what they pay beside outcomes"
        return Solution(target, 0.0, np.nan, balance, why)
    high = _first(loses)
    if high is None:
        balance = payers_balance(case.at(MOST, metrics), value)
        why = f"every price does: at {MOST:g} times the prices the payers are still ${balance:,.0f} ahead; caps hold it"
        return Solution(target, 0.0, np.inf, balance, why)
    answer = _halve(loses, high)
    return Solution(target, 0.0, answer, payers_balance(case.at(answer, metrics), value), "")


def solve_effect(case: Case) -> list[tuple[str, Solution]]:
    """The share of the true effect at which lenders have their money back, payers break even, and society does.

    Everything that the children's paths bring is taken to shrink with the effect; seats elsewhere are not.
    """

    def lenders_whole(share: float) -> bool:
        _, cash = case.with_effect(share).run()
        _, flows = lenders_flows(case.deal, cash)
        return float(flows.sum(axis=1).mean()) >= 0.0

    def society_gains(share: float) -> bool:
        each = case.with_effect(share)
        _, cash = each.run()
        benefits, costs = perspectives(each.deal, each.gains, cash, case.rate)["society"]
        return float((benefits - costs).mean()) >= 0.0

    questions: list[tuple[str, Callable[[float], bool]]] = []
    if any(tranche.kind in LOANS for tranche in case.deal.tranches):
        questions.append(("lenders have their money back", lenders_whole))
    if payers_budgets(case.deal):
        questions.append(
            ("payers break even on cash", lambda share: payers_balance(case.with_effect(share), False) >= 0.0)
        )
    questions.append(("society breaks even", society_gains))
    return [(words, _effect(question)) for words, question in questions]


def _effect(holds: Callable[[float], bool]) -> Solution:
    """The lowest share of the effect at which something holds."""
    if holds(0.0):
        return Solution("break-even-effect", 0.0, 0.0, np.nan, "it holds with no effect at all")
    high = _first(holds)
    if high is None:
        return Solution("break-even-effect", 0.0, np.nan, np.nan, f"not even {MOST:g} times the effect does it")
    return Solution("break-even-effect", 0.0, _halve(holds, high), np.nan, "")


def _first(holds: Callable[[float], bool]) -> float | None:
    """The first of the factors from 1 / MOST to MOST at which something holds."""
    factors = np.geomspace(1.0 / MOST, MOST, round(2 * np.log(MOST) / np.log(STEP)) + 1)
    return next((float(factor) for factor in factors if holds(float(factor))), None)


def _halve(holds: Callable[[float], bool], high: float) -> float:
    """Where something begins to hold: between the factor before one where it does, and that one, to a millionth."""
    low = high / STEP if high > 1.0 / MOST * STEP**0.5 else 0.0
    while high - low > CLOSE * max(high, 1.0 / MOST):
        middle = (low + high) / 2.0
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


# --- tables ---


def price_table(case: Case, solution: Solution, metrics: Sequence[str] = ()) -> pd.DataFrame:
    """Prices now and as solved: metric, price_now, price_solved, factor, reason; absent where there is no answer."""
    rows = []
    for metric in case.deal.metrics:
        moves = not metrics or metric.name in metrics
        factor = solution.answer if moves else 1.0
        price = metric.price.value if metric.price is not None else np.nan
        rows.append(
            {
                "metric": metric.name,
                "payer": metric.payer,
                "rule": metric.rule,
                "price_now": price,
                "price_solved": price * factor if np.isfinite(factor) else np.nan,
                "factor": factor if np.isfinite(factor) else np.nan,
                "reason": solution.reason,
            }
        )
    return pd.DataFrame(rows)


def odds_table(case: Case, hurdle: float, factors: Sequence[float], metrics: Sequence[str] = ()) -> pd.DataFrame:
    """What happens at prices (those of some metrics, or all) times each factor.

    Returns
    -------
    DataFrame
        factor, paid, paid_low, paid_high, lenders_return (on mean flows), hurdle, chance_below_hurdle, chance_of_loss
        (both absent below 200 draws), payers_balance_cash and payers_balance_value (present values).
    """
    rows = []
    enough = case.evaluation.samples["draw"].nunique() >= DRAWS_FOR_TAILS
    budgeted = bool(payers_budgets(case.deal))
    for factor in factors:
        each = case.at(factor, metrics)
        payments, cash = each.run()
        days, flows = lenders_flows(each.deal, cash)
        rates = xirr_many(days, flows) if len(days) else np.full(len(flows), np.nan)
        total = to_dollars(payments.paid.sum(axis=1))
        low, high = np.quantile(total, [0.05, 0.95])
        rows.append(
            {
                "factor": factor,
                "paid": float(total.mean()),
                "paid_low": float(low),
                "paid_high": float(high),
                "lenders_return": xirr(days, flows.mean(axis=0)).rate if len(days) else np.nan,
                "hurdle": hurdle,
                "chance_below_hurdle": float(np.mean(~(rates >= hurdle - CLOSE))) if enough else np.nan,
                "chance_of_loss": float(np.mean(flows.sum(axis=1) < 0)) if enough else np.nan,
                "payers_balance_cash": payers_balance(each, False) if budgeted else np.nan,
                "payers_balance_value": payers_balance(each, True) if budgeted else np.nan,
            }
        )
    return pd.DataFrame(rows)


FACTORS: Final = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
"""Prices of the frontier, times those of the deal."""

THRESHOLDS: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Thresholds of the frontier, as shares of the mean evaluated effect; the last is likely to be missed half the time."""


def frontier_table(case: Case, factors: Sequence[float] = FACTORS) -> pd.DataFrame:
    """Investors' risk beside payers' risk, by price and by the effect that must be reached before a net metric pays.

    Returns
    -------
    DataFrame
        threshold (points of effect as a share; absent where nothing is counted net), factor, paid, lenders_return,
        chance_of_loss, paid_on_true_effect, overpaid (mean of what is paid beyond that), chance_paid_without_effect
        (chances absent below 200 draws).
    """
    net = [metric.name for metric in case.deal.metrics if metric.count == "net"]
    cells = case.evaluation.cells["metric"].isin(net).to_numpy()
    mean = float(np.nanmean(case.evaluation.effect[:, cells])) if cells.any() else 0.0
    thresholds: list[float | None] = [share * mean for share in THRESHOLDS] if cells.any() and mean > 0 else [None]
    enough = case.evaluation.samples["draw"].nunique() >= DRAWS_FOR_TAILS
    n_all = np.where(cells, case.evaluation.n_all, 0.0)
    weights = n_all.sum(axis=1)
    summed = (np.nan_to_num(case.evaluation.true_effect) * n_all).sum(axis=1)
    true = np.divide(summed, weights, out=np.full(len(weights), np.nan), where=weights > 0)
    rows = []
    for threshold in thresholds:
        for factor in factors:
            deal = case.deal if not threshold else with_threshold(case.deal, threshold)
            each = replace(case, deal=with_prices(deal, factor))
            payments, cash = each.run()
            on_truth = owed_on_true_effect(with_prices(case.deal, factor), case.evaluation, case.seed)
            of_net = payments.claims["metric"].isin(net).to_numpy()
            paid_net = to_dollars(payments.paid[:, of_net].sum(axis=1))
            days, flows = lenders_flows(deal, cash)
            total, truth = to_dollars(payments.paid.sum(axis=1)), to_dollars(on_truth.paid.sum(axis=1))
            rows.append(
                {
                    "threshold": np.nan if threshold is None else threshold,
                    "factor": factor,
                    "paid": float(total.mean()),
                    "lenders_return": xirr(days, flows.mean(axis=0)).rate if len(days) else np.nan,
                    "chance_of_loss": float(np.mean(flows.sum(axis=1) < 0)) if enough else np.nan,
                    "paid_on_true_effect": float(truth.mean()),
                    "overpaid": float(np.maximum(total - truth, 0.0).mean()),
                    "chance_paid_without_effect": (
                        float(np.mean((true <= 0) & (paid_net > 0))) if enough and cells.any() else np.nan
                    ),
                }
            )
    return pd.DataFrame(rows)


def effect_table(case: Case) -> pd.DataFrame:
    """Break-even effects: what breaks even, metric, effect_now, effect_needed (true, as shares), share, reason."""
    rows = []
    e = case.evaluation
    for words, solution in solve_effect(case):
        for name in dict.fromkeys(e.cells["metric"]):
            cells = (e.cells["metric"] == name).to_numpy()
            now = float(np.nanmean(e.true_effect[:, cells]))
            needed = now * solution.answer
            most = 1.0 - float(np.nanmean(e.rate_twin[:, cells]))
            beyond = needed > most
            rows.append(
                {
                    "breaks_even": words,
                    "metric": name,
                    "effect_now": now,
                    "effect_needed": np.nan if beyond else needed,
                    "share_of_effect": solution.answer,
                    "reason": f"more than the {most:.0%} who do not reach it anyway" if beyond else solution.reason,
                }
            )
    return pd.DataFrame(rows)


def solved_tables(
    case: Case, target: str, wanted: float = 0.0, metrics: Sequence[str] = (), tranche: str | None = None
) -> dict[str, pd.DataFrame]:
    """What was solved for, and what stands beside it: solution, prices, odds, frontier, effects.

    Parameters
    ----------
    case, target, wanted, metrics, tranche
        As in `solve_price`; break-even-effect has no prices.
    """
    rest = {"effects": effect_table(case), "frontier": frontier_table(case)}
    if target == "break-even-effect":
        return rest | {"odds": odds_table(case, wanted, [1.0])}
    solution = solve_price(case, target, wanted, metrics, tranche)
    factors = [1.0, solution.answer] if np.isfinite(solution.answer) else [1.0]
    return {
        "prices": price_table(case, solution, metrics),
        "solution": pd.DataFrame([solution._asdict()]).assign(tranche=tranche or "all loans"),
        "odds": odds_table(case, wanted, factors, metrics),
        **rest,
    }
