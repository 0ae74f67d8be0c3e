"""The waterfall: dated cash through the deal, to the cent, in every sample at once.

What happens on one date, in this order:

1. interest accrues on the principal drawn since the last date (Act/365);
2. outcome payments come in, and fees that the waterfall pays fall due;
3. where a payment came in, the cash is paid out by the deal's steps, in their order, each as far as the cash allows;
4. uses that fall due are paid by the sources: first the pro rata sources their share, then the others in the order of
   the list, then what a pro rata source has left, and last the backstop of recycled money, beyond its own amount.

A tranche's principal waits while one that is repaid before it can still be drawn: cash must not pass a senior lender
on the way to a subordinate one and then be borrowed from him again. On the last date, money kept back for later seats
and not needed returns to the cash, the steps run once more, and the residual step takes what is left. Until then what
no step claims is held.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from cradlecast.finance.budget import Due
from cradlecast.finance.cash import Cash
from cradlecast.finance.money import Cents
from cradlecast.finance.payments import Payments
from cradlecast.finance.returns import DAYS_PER_YEAR
from cradlecast.scenarios.deal import Deal, OtherMoney, Recycled, Step, Tranche


@dataclass
class _Loan:
    """Where one tranche stands, by sample."""

    tranche: Tranche
    owed: Cents
    interest: Cents

    def accrue(self, days: int) -> None:
        """Add the interest of some days on what is drawn and not paid back, to the nearest cent."""
        rate, years = self.tranche.rate.value, days / DAYS_PER_YEAR
        if self.tranche.compounding == "simple":
            added = self.owed * (rate * years)
        else:
            added = (self.owed + self.interest) * ((1 + rate) ** years - 1)
        self.interest = self.interest + np.rint(added).astype(np.int64)


class _Account:
    """The deal's account while the cash runs through it: what is held, kept back, owed, promised and due."""

    def __init__(self, deal: Deal, dues: Sequence[Due], promised: Mapping[str, int], n_samples: int) -> None:
        nothing = np.zeros(n_samples, dtype=np.int64)
        self.deal = deal
        self.cash = nothing.copy()
        self.kept_back = nothing.copy()
        self.log = Cash(recycled=nothing.copy(), stood_in=nothing.copy())
        self.loans = {t.name: _Loan(t, nothing.copy(), nothing.copy()) for t in deal.tranches}
        self.left = {source.name: nothing + promised[source.name] for source in deal.sources}
        self.fees_due = {use.name: nothing.copy() for use in deal.uses if use.paid_by == "waterfall"}
        self.fee_party = {use.name: use.to for use in deal.uses}
        needed = sum(due.cents for due in dues if due.paid_by == "sources")
        self.share = {
            source.name: promised[source.name] / needed
            for source in deal.sources
            if needed and not isinstance(source, Recycled) and source.draw == "pro_rata"
        }
        self.later = list(dues)

    def post(self, day: date, party: str, account: str, line: str, cents: Cents) -> None:
        """Write down a movement of cash; positive to the party."""
        self.log.post(day, party, account, line, cents)

    # Receipts and the steps

    def receive(self, day: date, payer: str, metric: str, cents: Cents) -> None:
        """An outcome payment comes in."""
        self.cash = self.cash + cents
        self.post(day, payer, metric, "outcome payment", -cents)

    def charge(self, due: Due) -> None:
        """A fee falls due that only outcome payments can pay."""
        self.later.remove(due)
        self.fees_due[due.use] = self.fees_due[due.use] + due.cents

    def distribute(self, day: date, last: bool) -> None:
        """Pay out the cash by the steps in their order; the residual only at the end."""
        for step in self.deal.waterfall:
            match step.pay:
                case "fee":
                    paid = self._take(self.fees_due[step.to])
                    self.fees_due[step.to] = self.fees_due[step.to] - paid
                    self.post(day, self.fee_party[step.to], step.to, "fee", paid)
                case "interest" | "principal":
                    self._repay(day, step)
                case "recycle":
                    self.kept_back = self.kept_back + self._take(self._wanted_for_seats(step.to))
                case "residual" if last:
                    self._residual(day, step.to)

    def _take(self, wanted: Cents) -> Cents:
        """As much of what is wanted as the cash allows."""
        taken: Cents = np.minimum(self.cash, np.maximum(wanted, 0))
        self.cash = self.cash - taken
        return taken

    def _repay(self, day: date, step: Step) -> None:
        """Pay a tranche what it is owed of interest or principal."""
        loan = self.loans[step.to]
        if step.pay == "interest":
            paid = self._take(loan.interest)
            loan.interest = loan.interest - paid
        else:
            paid = self._take(np.where(self._ahead_may_draw(step.to), 0, loan.owed))
            loan.owed = loan.owed - paid
        self.post(day, loan.tranche.party, step.to, step.pay, paid)

    def _ahead_may_draw(self, tranche: str) -> NDArray[np.bool_]:
        """Whether a tranche that is repaid before this one can still be drawn, so that cash must wait for it."""
        repaid = [step.to for step in self.deal.waterfall if step.pay == "principal"]
        waits = np.zeros(len(self.cash), dtype=bool)
        for ahead in repaid[: repaid.index(tranche)]:
            waits |= self.left[ahead] > 0
        return waits

    def _wanted_for_seats(self, use: str) -> Cents:
        """What is still to be kept back: the plan, less what came or was stood in for, and no more than is yet due."""
        recycled = self.deal.recycled
        assert recycled is not None
        planned = self.left[recycled.name] - self.kept_back
        coming = sum(due.cents for due in self.later if due.use == use)
        wanted: Cents = np.minimum(planned, coming - self.kept_back)
        return wanted

    def _residual(self, day: date, to: str) -> None:
        """Give what is left to its owner."""
        party, account = (self.loans[to].tranche.party, to) if to in self.loans else (to, "")
        self.post(day, party, account, "residual", self._take(self.cash))

    # Uses

    def pay_use(self, day: date, due: Due) -> None:
        """Pay what falls due, each source as much as it is asked for and has."""
        self.later.remove(due)
        unpaid = self.cash * 0 + due.cents
        for name, share in self.share.items():
            unpaid = unpaid - self._draw(day, name, np.minimum(unpaid, round(share * due.cents)))
        for source in self.deal.sources:
            if source.name not in self.share:
                unpaid = unpaid - self._draw(day, source.name, unpaid, due.use)
        for name in self.share:
            unpaid = unpaid - self._draw(day, name, unpaid)
        self._stand_in(day, unpaid)
        self.post(day, due.party, due.use, "use", self.cash * 0 + due.cents)

    def _draw(self, day: date, name: str, wanted: Cents, use: str = "") -> Cents:
        """Draw on one source, as far as it goes."""
        source = next(source for source in self.deal.sources if source.name == name)
        if isinstance(source, Recycled):
            drawn = np.minimum(wanted, self.kept_back) if use == self._recycles_into() else self.cash * 0
            self.kept_back = self.kept_back - drawn
            self.log.recycled = self.log.recycled + drawn
        else:
            drawn = np.minimum(wanted, self.left[name])
            self.post(day, source.party, name, "drawn" if isinstance(source, Tranche) else "paid in", -drawn)
        self.left[name] = self.left[name] - drawn
        if isinstance(source, Tranche):
            self.loans[name].owed = self.loans[name].owed + drawn
        return drawn

    def _recycles_into(self) -> str:
        """The use that recycled money pays for."""
        return next(step.to for step in self.deal.waterfall if step.pay == "recycle")

    def _stand_in(self, day: date, unpaid: Cents) -> None:
        """The backstop pays what recycled money should have paid."""
        recycled = self.deal.recycled
        if recycled is None:
            assert not unpaid.any(), "sources that equal uses cannot run dry"
            return
        backstop = next(s for s in self.deal.sources if s.name == recycled.backstop)
        assert isinstance(backstop, OtherMoney)
        self.left[recycled.name] = self.left[recycled.name] - unpaid
        self.log.stood_in = self.log.stood_in + unpaid
        self.post(day, backstop.party, backstop.name, "in place of recycled money", -unpaid)


def run_waterfall(deal: Deal, dues: Sequence[Due], promised: Mapping[str, int], payments: Payments) -> Cash:
    """Run a deal's cash from its first use to its last payment.

    Parameters
    ----------
    deal
        The deal.
    dues, promised
        What falls due and what each source has promised, from `budget`.
    payments
        Outcome payments by sample and claim.

    Returns
    -------
    Cash

    Raises
    ------
    ArithmeticError
        A dollar was lost or spent twice: never the fault of the input.
    """
    account = _Account(deal, dues, promised, len(payments.paid))
    claim_dates = [day.date() for day in payments.claims["date"]]
    calendar = sorted({due.date for due in dues} | set(claim_dates))
    before = calendar[0]
    for day in calendar:
        for loan in account.loans.values():
            loan.accrue((day - before).days)
        before = day
        for claim in (claim for claim, when in enumerate(claim_dates) if when == day):
            row = payments.claims.iloc[claim]
            account.receive(day, row["payer"], row["metric"], payments.paid[:, claim])
        today = [due for due in dues if due.date == day]
        for due in (due for due in today if due.paid_by == "waterfall"):
            account.charge(due)
        if day in claim_dates:
            account.distribute(day, last=False)
        for due in (due for due in today if due.paid_by == "sources"):
            account.pay_use(day, due)
    account.cash, account.kept_back = account.cash + account.kept_back, account.kept_back * 0
    account.distribute(calendar[-1], last=True)
    account.log.enforce(promised)
    return account.log
