"""What can be solved for in a deal, refused at once where a deal has nothing that it is about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cradlecast.scenarios.deal import LOANS, Deal
from cradlecast.scenarios.errors import InputError, nearest

TARGETS: Final = ("investor-return", "payer-break-even", "payer-break-even-value", "break-even-effect")
"""What can be solved for."""


def check_target(deal: Deal, target: str, metrics: Sequence[str] = (), tranche: str | None = None) -> None:
    """Refuse what cannot be solved for.

    Raises
    ------
    InputError
        The target, a metric or the tranche is unknown, or the deal has nothing that the target is about.
    """
    if target not in TARGETS:
        raise InputError(f"unknown target '{target}'{nearest(target, TARGETS)}; the targets are {', '.join(TARGETS)}")
    known = [metric.name for metric in deal.metrics]
    for name in metrics:
        if name not in known:
            raise InputError(f"deal '{deal.name}' has no metric '{name}'{nearest(name, known)}")
    tranches = [each.name for each in deal.tranches]
    if tranche is not None and tranche not in tranches:
        raise InputError(f"deal '{deal.name}' has no tranche '{tranche}'{nearest(tranche, tranches)}")
    if target == "investor-return" and tranche is None and not any(each.kind in LOANS for each in deal.tranches):
        raise InputError(f"deal '{deal.name}' has no loan whose return could be solved for")
    if target.startswith("payer") and not payers_budgets(deal):
        raise InputError(f"deal '{deal.name}' says of no payer whose budget its money is; give the party a budget")


def payers_budgets(deal: Deal) -> list[str]:
    """Budgets of the ledger that outcomes payers pay from."""
    found = (party.budget for party in deal.parties if party.role == "outcomes_payer")
    return [str(budget) for budget in dict.fromkeys(found) if budget is not None]
