"""What each lever of behaviour does to payment and to children, one at a time and all together."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from cradlecast.finance.behaviour import WHAT, behave, touched
from cradlecast.finance.evaluation import Evaluation, evaluate
from cradlecast.finance.money import to_dollars
from cradlecast.finance.payments import owed
from cradlecast.scenarios.contract import AS_MEANT, LEVERS, Behaviour
from cradlecast.scenarios.deal import Deal

TOGETHER: Final = "together"
"""The row of all levers that are set."""


def behaviour_table(deal: Deal, study_children: pd.DataFrame) -> pd.DataFrame:
    """A row a lever, and one for all that are set: payment with it and without, and what it does to children.

    Parameters
    ----------
    deal
        The deal with its levers.
    study_children
        One row per (draw, world, child, arm, metric, date), as the model writes it.

    Returns
    -------
    DataFrame
        lever, share (as set), what, children (whom it touches, a mean over samples), paid_without, paid,
        change_in_payment (dollars, means), reached_without, reached (children who truly reach a result because of the
        seats, all metrics together), change_in_reached. Null where the lever is not set.
    """
    as_meant = deal.model_copy(update={"behaviour": AS_MEANT})
    used = [lever for lever in LEVERS if getattr(deal.behaviour, lever) > 0]
    base = evaluate(as_meant, study_children) if used else None
    rows = [_row(deal, as_meant, study_children, base, lever) for lever in LEVERS]
    if base is not None and len(used) > 1:
        found = evaluate(deal, study_children)
        row = {"lever": TOGETHER, "share": np.nan, "what": "all levers that are set", "children": np.nan}
        rows.append(row | _compared(deal, as_meant, base, found))
    return pd.DataFrame(rows)


def _row(
    deal: Deal, as_meant: Deal, study_children: pd.DataFrame, base: Evaluation | None, lever: str
) -> dict[str, object]:
    """One lever by itself."""
    share = float(getattr(deal.behaviour, lever))
    row: dict[str, object] = {"lever": lever, "share": share, "what": WHAT[lever]}
    if base is None or share == 0:
        return row | dict.fromkeys(("children", *COMPARED), np.nan)
    alone = deal.model_copy(update={"behaviour": Behaviour.model_validate({lever: share})})
    behaved = behave(alone, study_children)
    children = touched(alone, study_children, lever, behaved)
    found = evaluate(as_meant, behaved)
    return row | {"children": children} | _compared(deal, as_meant, base, found)


COMPARED: Final = ("paid_without", "paid", "change_in_payment", "reached_without", "reached", "change_in_reached")
"""What is set side by side, with a lever and without."""


def _compared(deal: Deal, as_meant: Deal, base: Evaluation, found: Evaluation) -> dict[str, object]:
    """Payment and children with behaviour, beside those without."""
    paid = [float(to_dollars(owed(as_meant, each).paid.sum(axis=1).mean())) for each in (base, found)]
    reached = [_reached(deal, each) for each in (base, found)]
    values = (paid[0], paid[1], paid[1] - paid[0], reached[0], reached[1], reached[1] - reached[0])
    return dict(zip(COMPARED, values, strict=True))


def _reached(deal: Deal, evaluation: Evaluation) -> float:
    """Children who truly reach a result because of the seats, in the wanted direction; a mean over samples."""
    sign = {metric.name: -1.0 if metric.better == "lower" else 1.0 for metric in deal.metrics}
    signs = np.array([sign.get(name, 0.0) for name in evaluation.cells["metric"]])
    return float((np.nan_to_num(evaluation.true_effect) * evaluation.n_all * signs).sum(axis=1).mean())
