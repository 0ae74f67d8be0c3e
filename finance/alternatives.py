"""The same children paid for in other ways: grant, fee for service, outcomes contract, outcomes fund.

What the children live through is the same in all of them; only money differs. So the table says what a contract itself
adds or costs: contract costs, the price of capital, money that waits, and who bears the loss where nothing is achieved.

- **grant**: funders pay the service on the day the deal begins; no evaluation, no lender.
- **fee for service**: funders pay for each seat that is held, when its instalments fall due; empty seats are the
  provider's loss; no evaluation, no lender.
- **outcomes contract**: the deal as it is.
- **outcomes fund**: the same contract, whose payers put the most that they may owe into a fund on the day the deal
  begins; no legislature can withhold it, and what is left goes back on the last day.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cradlecast.finance.budget import Due, due_uses
from cradlecast.finance.case import Case
from cradlecast.finance.cash import Cash
from cradlecast.finance.measures import FOR_OUTCOMES, WORK, Gains
from cradlecast.finance.money import to_dollars
from cradlecast.finance.payments import Payments
from cradlecast.finance.solvers import lenders_flows
from cradlecast.scenarios.deal import LOANS, Deal

Floats = NDArray[np.float64]


def alternatives_table(case: Case) -> pd.DataFrame:
    """What each way of paying costs the funders, and who bears what, on the same children.

    Funders are all parties but lenders and those who are paid for work. Amounts are means over samples in nominal
    dollars; `present_value` is real, in dollars of the price year.

    Returns
    -------
    DataFrame
        alternative, paid_by_funders, paid_low, paid_high, present_value, paid_without_effect (mean of samples in which
        the true effect of the deal's metrics is nought or less; absent where there is none), contract_costs
        (evaluation, intermediary, legal and the like), cost_of_capital (what loans return beyond what they put in),
        lenders_losses, providers_losses (empty seats), seats_held.
    """
    deal = case.deal
    dues = [due for due in due_uses(deal, case.seat_years, case.seat_cost) if due.party]
    service = [due for due in dues if deal.party(due.party).role == "service_provider"]
    filled, seats_held = _filled(case), case.gains.children
    n_samples = len(case.evaluation.samples)
    first = min(due.date for due in dues)
    up_front = [(first, np.full(n_samples, to_dollars(sum(due.cents for due in service))))]
    by_seat = [(due.date, to_dollars(due.cents) * _held(deal, due, filled, n_samples)) for due in service]
    bought = float(to_dollars(sum(due.cents for due in service)))
    kept = float(sum(dollars.mean() for _, dollars in by_seat))
    _, cash = case.run()
    certain = replace(case, deal=_without_legislatures(deal))
    sure_payments, sure_cash = certain.run()
    rows = [
        _row(case, "grant", up_front) | _costs(0.0, 0.0, 0.0, 0.0),
        _row(case, "fee for service", by_seat) | _costs(0.0, 0.0, 0.0, bought - kept),
        _row(case, "outcomes contract", _funders_flows(deal, cash)) | _of_contract(deal, cash),
        _row(case, "outcomes fund", _through_a_fund(certain, sure_payments, sure_cash, first))
        | _of_contract(deal, sure_cash),
    ]
    return pd.DataFrame(rows).assign(seats_held=seats_held, price_year=case.gains.price_year, discount_rate=case.rate)


def _row(case: Case, name: str, flows: list[tuple[date, Floats]]) -> dict[str, object]:
    """What funders pay on dated flows, positive where they pay."""
    total = np.sum([dollars for _, dollars in flows], axis=0)
    low, high = np.quantile(total, [0.05, 0.95])
    gains: Gains = case.gains
    present = sum(
        dollars * gains.deflators[day.year] * (1.0 + case.rate) ** (gains.start - day.year) for day, dollars in flows
    )
    nothing = _without_effect(case)
    return {
        "alternative": name,
        "paid_by_funders": float(total.mean()),
        "paid_low": float(low),
        "paid_high": float(high),
        "present_value": float(np.mean(present)),
        "paid_without_effect": float(total[nothing].mean()) if nothing.any() else np.nan,
    }


def _costs(contract: float, capital: float, lenders: float, providers: float) -> dict[str, object]:
    """What else an alternative costs, and whom."""
    return {
        "contract_costs": contract,
        "cost_of_capital": capital,
        "lenders_losses": lenders,
        "providers_losses": providers,
    }


def _of_contract(deal: Deal, cash: Cash) -> dict[str, object]:
    """What a contract costs beside the service, and what its lenders gain or lose."""
    roles = {party.name: party.role for party in deal.parties}
    work = [e for e in cash.entries if e.line in WORK and roles[e.party] != "service_provider"]
    _, flows = lenders_flows(deal, cash)
    gains = flows.sum(axis=1)
    return _costs(
        float(sum(to_dollars(e.cents.mean()) for e in work)),
        float(np.maximum(gains, 0.0).mean()),
        float(np.maximum(-gains, 0.0).mean()),
        0.0,
    )


def _funders(deal: Deal) -> set[str]:
    """Parties that neither lend nor are paid for work."""
    lenders = {tranche.party for tranche in deal.tranches if tranche.kind in LOANS}
    working = {use.to for use in deal.uses}
    return {party.name for party in deal.parties} - lenders - working


def _funders_flows(deal: Deal, cash: Cash) -> list[tuple[date, Floats]]:
    """What funders pay into a deal less what they get out of it, by date."""
    funders = _funders(deal)
    nothing = np.zeros(len(cash.recycled))
    found = [(e.date, -to_dollars(e.cents)) for e in cash.entries if e.party in funders]
    return found or [(date(1970, 1, 1), nothing)]


def _through_a_fund(case: Case, payments: Payments, cash: Cash, first: date) -> list[tuple[date, Floats]]:
    """The same with the payers' most put aside on the first day and what is left handed back on the last."""
    deal, claims = case.deal, payments.claims
    funders = _funders(deal)
    moved = [e for e in cash.entries if e.party in funders and e.line not in FOR_OUTCOMES]
    beside = [(e.date, -to_dollars(e.cents)) for e in moved]
    paid = to_dollars(payments.paid)
    last = max((e.date for e in cash.entries), default=first)
    for party in (party for party in deal.parties if party.role == "outcomes_payer"):
        own = paid[:, (claims["payer"] == party.name).to_numpy()].sum(axis=1)
        most = float(own.max(initial=0.0)) if party.payment_cap is None else party.payment_cap.value
        deposit = np.full(len(own), max(most, float(own.max(initial=0.0))))
        beside += [(first, deposit), (last, own - deposit)]
    return beside


def _without_legislatures(deal: Deal) -> Deal:
    """The deal with payers whose money is put aside."""
    parties = tuple(party.model_copy(update={"appropriation": None}) for party in deal.parties)
    return deal.model_copy(update={"parties": parties})


def _without_effect(case: Case) -> NDArray[np.bool_]:
    """Samples in which the deal's metrics, taken together, gain nothing, (samples,)."""
    effect, n_all = case.evaluation.true_effect, case.evaluation.n_all
    gained: NDArray[np.bool_] = (np.nan_to_num(effect) * n_all).sum(axis=1) <= 0.0
    return gained


def _filled(case: Case) -> dict[int, Floats]:
    """Share of each school year's seats that are held, by sample, from the children who could be measured."""
    cells, found = case.evaluation.cells, {}
    for year in case.deal.school_years:
        seats = case.seat_years.get(year, 0.0)
        of_year = np.flatnonzero(cells["cohort"].to_numpy() == year - 4)
        if seats and len(of_year):
            held = case.evaluation.n_all[:, of_year].max(axis=1)
            found[year] = np.minimum(held / seats, 1.0)
    return found


def _held(deal: Deal, due: Due, filled: dict[int, Floats], n_samples: int) -> Floats:
    """Share of an instalment that falls on seats that are held."""
    use = next(use for use in deal.uses if use.name == due.use)
    if use.per_seat is None:
        return np.ones(n_samples)
    year = next(
        (year for year in deal.school_years for part in use.instalments if part.on(year) == due.date), due.date.year
    )
    return filled.get(year, np.ones(n_samples))
