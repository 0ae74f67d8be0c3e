"""The value of a deal: true effect, evaluated effect, payment, and payment on the true effect, side by side.

One sample is one pair of draw and world. Amounts are means over samples; `_low` and `_high` are the 5 % and 95 %
quantiles over samples, a central 90 % interval.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cradlecast.finance.budget import commitments, due_uses, sources_and_uses
from cradlecast.finance.case import Case
from cradlecast.finance.cash import Cash, Check
from cradlecast.finance.evaluation import Evaluation, Floats, evaluate
from cradlecast.finance.money import to_cents, to_dollars
from cradlecast.finance.payments import Payments, owed, owed_on_true_effect
from cradlecast.finance.returns import (
    expected_shortfall,
    moic,
    payback,
    peak_exposure,
    weighted_life,
    xirr,
    xirr_many,
)
from cradlecast.finance.waterfall import run_waterfall
from cradlecast.scenarios.contract import Metric
from cradlecast.scenarios.deal import Deal

LOW, HIGH = 0.05, 0.95
DRAWS_FOR_TAILS = 200
"""Fewer draws than this are a preview: no probability of loss is given."""


@dataclass(frozen=True)
class Valuation:
    """What a deal pays, costs and returns on one study.

    Attributes
    ----------
    n_draws, n_samples
        Draws, and pairs of draw and world.
    payments
        metric, payer, date, units, price, gross, paid, reason, cohort, paid_low, paid_high.
    tranches
        name, kind, party, invested, returned, xirr (of the mean dated flows), xirr_reason (why there is none),
        xirr_low, xirr_high, n_without_rate, moic, dpi, payback_date (of the mean flows), peak_exposure, weighted_life
        (years), n_losses, n_samples, loss_probability and expected_shortfall (of the worst 5 %, as a share of what was
        put in; both null below DRAWS_FOR_TAILS draws).
    outcomes
        A row a metric, cohorts together: the true and the evaluated effect, what is paid and what would be paid on the
        true effect, and the odds that the two disagree.
    cash
        date, party, line, amount: positive where the party received it. The amounts sum to nothing.
    payers
        payer, paid (for outcomes), paid_low, paid_high, cap, direct (appropriations and the backstop, beside them).
    sources_uses
        side, name, kind, party, amount (as closed), actual (mean over samples), provenance.
    checks
        name, ok, difference (dollars).
    evaluation, owed, book
        What the tables are made from, by sample: results, payments and movements of cash.
    """

    n_draws: int
    n_samples: int
    payments: pd.DataFrame
    tranches: pd.DataFrame
    outcomes: pd.DataFrame
    cash: pd.DataFrame
    payers: pd.DataFrame
    sources_uses: pd.DataFrame
    checks: pd.DataFrame
    evaluation: Evaluation = field(repr=False)
    owed: Payments = field(repr=False)
    book: Cash = field(repr=False)


def value_deal(
    deal: Deal,
    study_children: pd.DataFrame,
    seat_years: Mapping[int, float],
    seat_cost: float | None = None,
    seed: int = 1,
) -> Valuation:
    """Evaluate, pay, and run the cash of a deal in every sample of a study.

    Parameters
    ----------
    deal
        The deal.
    study_children
        One row per (draw, world, child, arm, metric, date), as the model writes it.
    seat_years
        Financed seat-years of the community by school year (the calendar year in which it begins).
    seat_cost
        Dollars a seat-year in place of the deal's own.
    seed
        Key of the luck that is the deal's own: whether legislatures appropriate.

    Returns
    -------
    Valuation

    Raises
    ------
    InputError
        Sources do not equal uses, or the study lacks a metric or a cohort that the deal pays for.
    """
    return value_evaluated(deal, evaluate(deal, study_children), seat_years, seat_cost, seed)


def value_case(case: Case) -> Valuation:
    """Pay, and run the cash of a deal, on results that are there."""
    return value_evaluated(case.deal, case.evaluation, case.seat_years, case.seat_cost, case.seed, case.times())


def value_evaluated(
    deal: Deal,
    evaluation: Evaluation,
    seat_years: Mapping[int, float],
    seat_cost: float | None = None,
    seed: int = 1,
    times: Floats | None = None,
) -> Valuation:
    """Pay on an evaluation that is there (each sample's payments times `times`), and run the cash, as `value_deal`."""
    budget = sources_and_uses(deal, seat_years, seat_cost)
    dues = due_uses(deal, seat_years, seat_cost)
    promised = commitments(deal, dues)
    paid, on_truth = owed(deal, evaluation, seed, times), owed_on_true_effect(deal, evaluation, seed)
    cash = run_waterfall(deal, dues, promised, paid)
    n_draws = evaluation.samples["draw"].nunique()
    return Valuation(
        n_draws=n_draws,
        n_samples=len(evaluation.samples),
        payments=_payments(paid),
        tranches=tranche_table(deal, cash, n_draws),
        outcomes=pd.DataFrame([_outcome(metric, evaluation, paid, on_truth) for metric in deal.metrics]),
        cash=cash.table(),
        payers=_payers(deal, paid, cash),
        sources_uses=_with_actual(deal, budget, cash),
        checks=_checks(deal, budget, cash, promised, paid),
        evaluation=evaluation,
        owed=paid,
        book=cash,
    )


def _interval(name: str, values: NDArray[Any]) -> dict[str, float]:
    """Mean and central 90 % interval over samples, without those that have no value."""
    kept = values[~np.isnan(values)]
    if not len(kept):
        return {name: np.nan, f"{name}_low": np.nan, f"{name}_high": np.nan}
    low, high = np.quantile(kept, [LOW, HIGH])
    return {name: float(kept.mean()), f"{name}_low": float(low), f"{name}_high": float(high)}


def _payments(payments: Payments) -> pd.DataFrame:
    """The dated payments."""
    paid = to_dollars(payments.paid)
    low, high = np.quantile(paid, [LOW, HIGH], axis=0)
    return payments.claims[["metric", "payer", "date"]].assign(
        units=payments.units.mean(axis=0),
        price=payments.claims["price"],
        gross=to_dollars(payments.gross).mean(axis=0),
        paid=paid.mean(axis=0),
        reason=payments.reasons(),
        cohort=payments.claims["cohort"],
        paid_low=low,
        paid_high=high,
    )


def tranche_table(deal: Deal, cash: Cash, n_draws: int) -> pd.DataFrame:
    """What each tranche put in, got back, and what that is a year."""
    rows = []
    for tranche in deal.tranches:
        invested = -to_dollars(cash.total(tranche.name, "drawn"))
        dates, cents = cash.flows(tranche.name)
        flows = to_dollars(cents)
        returned = flows.sum(axis=1) + invested
        mean = xirr(dates, flows.mean(axis=0))
        rates = xirr_many(dates, flows)
        quantiles = _interval("xirr", rates)
        losses = int((returned < invested).sum())
        enough = n_draws >= DRAWS_FOR_TAILS
        shares = np.divide(invested - returned, invested, out=np.zeros_like(invested), where=invested > 0)
        rows.append(
            {
                "name": tranche.name,
                "kind": tranche.kind,
                "party": tranche.party,
                "invested": invested.mean(),
                "returned": returned.mean(),
                "xirr": mean.rate,
                "xirr_reason": mean.reason,
                "xirr_low": quantiles["xirr_low"],
                "xirr_high": quantiles["xirr_high"],
                "n_without_rate": int(np.isnan(rates).sum()),
                "moic": float(moic(invested.mean(), returned.mean())),
                "dpi": float(moic(invested.mean(), returned.mean())),
                "payback_date": payback(dates, flows.mean(axis=0)),
                "peak_exposure": float(peak_exposure(flows).mean()),
                "weighted_life": _life(cash, tranche.name),
                "n_losses": losses,
                "n_samples": len(invested),
                "loss_probability": losses / len(invested) if enough else np.nan,
                "expected_shortfall": expected_shortfall(shares) if enough else np.nan,
            }
        )
    table = pd.DataFrame(rows)
    if rows:
        table["payback_date"] = table["payback_date"].astype("datetime64[s]")
    return table


def _life(cash: Cash, tranche: str) -> float:
    """Years that a dollar of a tranche stays out, on mean flows."""
    moved: dict[date, list[float]] = {}
    for entry in cash.entries:
        if entry.account == tranche and entry.line in ("drawn", "principal", "guarantee"):
            sums = moved.setdefault(entry.date, [0.0, 0.0])
            sums[entry.line != "drawn"] += abs(float(to_dollars(entry.cents.mean())))
    last = max((entry.date for entry in cash.entries), default=None)
    if last is not None:
        moved.setdefault(last, [0.0, 0.0])
    days = sorted(moved)
    drawn, repaid = zip(*(moved[day] for day in days), strict=True) if days else ((), ())
    return weighted_life(np.array(days, dtype="datetime64[D]"), drawn, repaid)


def _outcome(metric: Metric, evaluation: Evaluation, paid: Payments, on_truth: Payments) -> dict[str, str | float]:
    """One metric: what is true, what is reported, what is paid, and how often they disagree."""
    cells = (evaluation.cells["metric"] == metric.name).to_numpy()
    claims = (paid.claims["metric"] == metric.name).to_numpy()
    true = _pooled(evaluation.true_effect, evaluation.n_all, cells)
    wanted = -true if metric.better == "lower" else true
    paid_total = to_dollars(paid.paid[:, claims].sum(axis=1))
    true_total = to_dollars(on_truth.paid[:, claims].sum(axis=1))
    if metric.comparison == "none":
        evaluated = np.full(len(true), np.nan)
    else:
        evaluated = _pooled(evaluation.effect, evaluation.n_seated, cells)
    return {
        "metric": metric.name,
        "payer": metric.payer,
        "count": metric.count,
        "comparison": metric.comparison,
        **_interval("true_effect", true),
        **_interval("evaluated_effect", evaluated),
        **_interval("rate_seated", _pooled(evaluation.rate_seated, evaluation.n_seated, cells)),
        **_interval("paid", paid_total),
        **_interval("paid_on_true_effect", true_total),
        "no_true_effect": float((wanted <= 0).mean()),
        "paid_without_true_effect": float(((wanted <= 0) & (paid_total > 0)).mean()),
        "unpaid_despite_true_effect": float(((wanted > 0) & (paid_total == 0)).mean()),
    }


def _pooled(values: Floats, weights: Floats, cells: NDArray[np.bool_]) -> Floats:
    """Mean over the cohorts of one metric, by their children; shape (samples,)."""
    values, weights = values[:, cells], np.where(np.isnan(values[:, cells]), 0.0, weights[:, cells])
    total = weights.sum(axis=1)
    summed = (np.nan_to_num(values) * weights).sum(axis=1)
    mean: Floats = np.divide(summed, total, out=np.full(len(total), np.nan), where=total > 0)
    return mean


def _payers(deal: Deal, paid: Payments, cash: Cash) -> pd.DataFrame:
    """What each outcomes payer pays for outcomes, and beside them."""
    rows = []
    for party in (party for party in deal.parties if party.role == "outcomes_payer"):
        claims = (paid.claims["payer"] == party.name).to_numpy()
        direct = [
            -to_dollars(entry.cents.mean())
            for entry in cash.entries
            if entry.party == party.name and entry.line in ("paid in", "in place of recycled money")
        ]
        rows.append(
            {
                "payer": party.name,
                **_interval("paid", to_dollars(paid.paid[:, claims].sum(axis=1))),
                "cap": np.nan if party.payment_cap is None else party.payment_cap.value,
                "direct": float(sum(direct)),
            }
        )
    return pd.DataFrame(rows)


def _with_actual(deal: Deal, budget: pd.DataFrame, cash: Cash) -> pd.DataFrame:
    """Sources and uses as closed, beside what came in and went out on average."""
    recycled = deal.recycled
    actual = []
    for side, name in zip(budget["side"], budget["name"], strict=True):
        if side == "use":
            cents = cash.total(name, "use")
        elif recycled is not None and name == recycled.name:
            cents = cash.recycled
        else:
            lines = ("drawn", "paid in", "in place of recycled money")
            cents = -np.sum([cash.total(name, line) for line in lines], axis=0, dtype=np.int64)
        actual.append(float(to_dollars(cents.mean())))
    columns = [*budget.columns.drop("provenance"), "actual", "provenance"]
    return budget.assign(actual=actual)[columns]


def _checks(deal: Deal, budget: pd.DataFrame, cash: Cash, promised: Mapping[str, int], paid: Payments) -> pd.DataFrame:
    """What must hold, and by how much it does not."""
    sides = budget.groupby("side")["amount"].sum()
    gap = float(to_dollars(to_cents(sides["source"] - sides["use"])))
    excess = 0.0
    for party in deal.parties:
        if party.payment_cap is not None:
            claims = (paid.claims["payer"] == party.name).to_numpy()
            most = to_dollars(paid.paid[:, claims].sum(axis=1)).max(initial=0.0)
            excess = max(excess, most - party.payment_cap.value)
    checks = [
        Check("sources equal uses", gap == 0, gap),
        *cash.checks(promised),
        Check("no payer pays more than its cap", excess <= 0, max(excess, 0.0)),
    ]
    return pd.DataFrame(checks)
