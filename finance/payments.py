"""Payments: what the outcomes payers owe, date by date, after the caps.

gross = price x units. Then three caps, in this order: per metric and payment date; per metric over its life; per payer
over its life. Caps over a life run through the payment dates in order, and within one date through the deal's metrics
as listed. A minimum sample comes before all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cradlecast.finance.evaluation import Evaluation, Floats
from cradlecast.finance.money import Cents, to_cents
from cradlecast.scenarios.deal import Deal, Dollars, Metric

REASONS = ("minimum sample not met", "cap per payment", "cap over the metric's life", "cap over the payer's life")
MINIMUM_SAMPLE, PER_PAYMENT, METRIC_LIFE, PAYER_LIFE = range(len(REASONS))


@dataclass(frozen=True)
class Payments:
    """Payments by sample and claim; a claim is one metric of one cohort on one payment date.

    Attributes
    ----------
    claims
        One row a claim: metric, cohort, payer, date (of payment), price (dollars), in the order in which they are paid.
    units
        Shape (samples, claims), as all below.
    gross, paid
        Cents before and after minimum sample and caps.
    cut
        Shape (reasons, samples, claims): whether each of REASONS took something away.
    """

    claims: pd.DataFrame
    units: Floats
    gross: Cents
    paid: Cents
    cut: NDArray[np.bool_]

    def reasons(self) -> list[str]:
        """For each claim, what cut it and in what share of the samples, in words."""
        shares = self.cut.mean(axis=1)
        return [
            "; ".join(f"{REASONS[r]} in {shares[r, c]:.0%} of futures" for r in np.flatnonzero(shares[:, c]))
            or "paid in full"
            for c in range(len(self.claims))
        ]


def owed(deal: Deal, evaluation: Evaluation) -> Payments:
    """What the payers owe on the evaluator's results."""
    few = np.zeros(evaluation.n_seated.shape, dtype=bool)
    for cell, metric in enumerate(_metrics(deal, evaluation)):
        if metric.minimum_sample is not None:
            few[:, cell] = evaluation.n_seated[:, cell] < metric.minimum_sample
            if metric.comparison != "none":
                few[:, cell] |= evaluation.n_comparison[:, cell] < metric.minimum_sample
    return _pay(deal, evaluation, evaluation.units(deal.metrics), few)


def owed_on_true_effect(deal: Deal, evaluation: Evaluation) -> Payments:
    """What the payers would owe if units were the children who reach the metric because of the scenario.

    Prices, dates and caps are the deal's; no sample is too small, since nothing is sampled.
    """
    units = evaluation.true_units()
    return _pay(deal, evaluation, units, np.zeros(units.shape, dtype=bool))


def _pay(deal: Deal, evaluation: Evaluation, units: Floats, few: NDArray[np.bool_]) -> Payments:
    """Price the units and apply minimum sample and caps, claims in order of payment date."""
    metrics = _metrics(deal, evaluation)
    measured = evaluation.cells["date"].to_numpy().astype("datetime64[D]")
    dates = measured + np.array([metric.lag_days for metric in metrics], dtype="timedelta64[D]")
    listed = np.array([deal.metrics.index(metric) for metric in metrics])
    order = np.lexsort((evaluation.cells["cohort"].to_numpy(), listed, dates))
    metrics = [metrics[cell] for cell in order]
    price = np.array([metric.price.value for metric in metrics])
    claims = pd.DataFrame(
        {
            "metric": [metric.name for metric in metrics],
            "cohort": evaluation.cells["cohort"].to_numpy()[order],
            "payer": [metric.payer for metric in metrics],
            "date": dates[order].astype("datetime64[s]"),
            "price": price,
        }
    )
    units, few = units[:, order], few[:, order]
    gross = to_cents(units * price, "a payment before caps")
    paid = np.where(few, 0, gross)
    cut = np.zeros((len(REASONS), *gross.shape), dtype=bool)
    cut[MINIMUM_SAMPLE] = few & (gross > 0)
    _apply_caps(deal, metrics, claims, paid, cut)
    return Payments(claims, units, gross, paid, cut)


def _apply_caps(deal: Deal, metrics: list[Metric], claims: pd.DataFrame, paid: Cents, cut: NDArray[np.bool_]) -> None:
    """Hold what is paid within the caps, claim by claim, changing `paid` and `cut` in place."""
    left: dict[tuple[int, object], Cents] = {}
    for claim, metric in enumerate(metrics):
        caps = (
            (PER_PAYMENT, (metric.name, claims["date"].iloc[claim]), metric.cap_per_payment),
            (METRIC_LIFE, metric.name, metric.cap_over_life),
            (PAYER_LIFE, metric.payer, deal.party(metric.payer).payment_cap),
        )
        for reason, whose, cap in caps:
            if cap is not None:
                room = left.setdefault((reason, whose), _full(cap, len(paid)))
                cut[reason, :, claim] = paid[:, claim] > room
                paid[:, claim] = np.minimum(paid[:, claim], room)
        for reason, whose, cap in caps:
            if cap is not None:
                left[reason, whose] = left[reason, whose] - paid[:, claim]


def _full(cap: Dollars, n_samples: int) -> Cents:
    """A cap of which nothing is used yet, in every sample."""
    return np.full(n_samples, to_cents(cap.value), dtype=np.int64)


def _metrics(deal: Deal, evaluation: Evaluation) -> list[Metric]:
    """The metric of each cell."""
    by_name: dict[str, Metric] = {metric.name: metric for metric in deal.metrics}
    return [by_name[name] for name in evaluation.cells["metric"]]
