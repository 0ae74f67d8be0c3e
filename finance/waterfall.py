"""The waterfall: dated cash through the deal, to the cent, in every sample at once.

What happens on one date, in this order:

1. interest accrues on the principal drawn since the last date (Act/365);
2. outcome payments come in, and fees that the waterfall pays fall due;
3. where a payment came in, interest paid in kind becomes principal; then the cash is paid out by the deal's steps, in
   their order, each as far as the cash allows; then reserves pay what is still due of what they are for;
4. uses that fall due are paid by the sources: first those that may pay for nothing else, then the pro rata sources
   their share, then the others in the order of the list, then what a pro rata source has left, and last the backstop
   of recycled money, beyond its own amount;
5. guarantees whose test date it is pay the shortfall of their tranche.

A tranche's principal waits while one that is repaid before it can still be drawn: cash must not pass a senior lender
on the way to a subordinate one and then be borrowed from him again. A success share waits until nothing ahead of it is
owed or can still be drawn. On the last date, reserves and money kept back for later seats return to the cash, the steps
run once more, and the residual step takes what is left. Until then what no step claims is held.

Amounts are arrays over samples. Nothing here depends on what they are, so that `workbook` can run the same rules on
cells of a spreadsheet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cradlecast.finance.budget import Due
from cradlecast.finance.cash import Cash
from cradlecast.finance.money import Cents, to_cents
from cradlecast.finance.payments import Payments
from cradlecast.finance.returns import DAYS_PER_YEAR
from cradlecast.scenarios.deal import Deal, OtherMoney, Recycled, Step, Tranche

UNCAPPED = 2**62
"""Cents that no tranche comes near."""


@dataclass(frozen=True)
class Terms:
    """The numbers of a deal that the waterfall reads, by the name of tranche, source, guarantee or step.

    Attributes
    ----------
    promised
        Cents of each source.
    rates, caps
        Interest a year of each tranche, and the most that it may return a year (only where it is capped).
    guaranteed
        Cents of each guarantee.
    shares, most
        Share of each success share, by the place of its step, and cents that it pays at most (where it is limited).
    """

    promised: Mapping[str, Any]
    rates: Mapping[str, Any]
    caps: Mapping[str, Any]
    guaranteed: Mapping[str, Any]
    shares: Mapping[int, Any]
    most: Mapping[int, Any]


def terms_of(deal: Deal, promised: Mapping[str, int]) -> Terms:
    """The numbers of a deal as its file has them."""
    steps = list(enumerate(deal.waterfall))
    return Terms(
        promised=promised,
        rates={tranche.name: tranche.yearly_rate for tranche in deal.tranches},
        caps={tranche.name: tranche.return_cap.value for tranche in deal.tranches if tranche.return_cap is not None},
        guaranteed={each.name: int(to_cents(each.amount.value)) for each in deal.guarantees},
        shares={place: step.share for place, step in steps if step.share is not None},
        most={place: int(to_cents(step.most.value)) for place, step in steps if step.most is not None},
    )


@dataclass
class _Loan:
    """Where one tranche stands, by sample; `room` is what it may still receive under a cap on its return."""

    tranche: Tranche
    owed: Cents
    interest: Cents
    room: Cents


class Account:
    """The deal's account while the cash runs through it: what is held, kept back, owed, promised and due."""

    def __init__(self, deal: Deal, dues: Sequence[Due], terms: Terms, nothing: Cents) -> None:
        self.deal = deal
        self.terms = terms
        self.nothing = nothing
        self.cash = nothing
        self.kept_back = nothing
        self.log = Cash(recycled=nothing, stood_in=nothing)
        self.loans = {t.name: _Loan(t, nothing, nothing, nothing) for t in deal.tranches}
        self.left = {source.name: nothing + terms.promised[source.name] for source in deal.sources}
        self.reserved = {reserve.name: nothing for reserve in deal.reserves}
        self.unclaimed = {each.name: nothing + terms.guaranteed[each.name] for each in deal.guarantees}
        self.advanced = {each.name: nothing for each in deal.guarantees}
        self.shared = {place: nothing for place in terms.shares}
        self.fees_due = {use.name: nothing for use in deal.uses if use.paid_by == "waterfall"}
        self.fee_party = {use.name: use.to for use in deal.uses}
        self.recycles_into = next((step.to for step in deal.waterfall if step.pay == "recycle"), "")
        self.final = False
        limited = sum(terms.promised[tranche.name] for tranche in deal.tranches if tranche.only_for)
        needed = sum(due.cents for due in dues if due.paid_by == "sources") - limited
        self.share = {
            source.name: terms.promised[source.name] / needed
            for source in deal.sources
            if not isinstance(source, Recycled) and source.draw == "pro_rata" and needed
        }
        self.later = list(dues)

    def keep(self, day: date, whose: str, what: str, amount: Cents) -> Cents:
        """An amount that the account remembers; the workbook gives it a cell of its own."""
        return amount

    def post(self, day: date, party: str, account: str, line: str, cents: Cents) -> None:
        """Write down a movement of cash; positive to the party."""
        self.log.post(day, party, account, line, cents)

    # Time

    def accrue(self, day: date, days: int) -> None:
        """Add the interest of some days on what is drawn and not paid back, to the nearest cent."""
        years = days / DAYS_PER_YEAR
        for name, loan in self.loans.items():
            rate = self.terms.rates[name]
            if loan.tranche.compounding == "simple":
                added = loan.owed * (rate * years)
            else:
                added = (loan.owed + loan.interest) * ((1 + rate) ** years - 1)
            if loan.tranche.rate is not None:
                total = loan.interest + np.rint(added).astype(np.int64)
                loan.interest = self.keep(day, name, "interest owed", total)
            if name in self.terms.caps:
                grown = np.rint(loan.room * (1 + self.terms.caps[name]) ** years).astype(np.int64)
                loan.room = self.keep(day, name, "most it may receive", grown)

    # Receipts and the steps

    def receive(self, day: date, payer: str, metric: str, cents: Cents) -> None:
        """An outcome payment comes in."""
        self.cash = self.keep(day, "cash", "held", self.cash + cents)
        self.post(day, payer, metric, "outcome payment", -cents)

    def charge(self, due: Due) -> None:
        """A fee falls due that only outcome payments can pay."""
        self.later.remove(due)
        self.fees_due[due.use] = self.keep(due.date, due.use, "fee due", self.fees_due[due.use] + due.cents)

    def distribute(self, day: date, last: bool, shares: bool = True) -> None:
        """Pay out the cash by the steps in their order; the residual only at the end, success only where it may be."""
        for name, loan in self.loans.items():
            if loan.tranche.interest == "paid_in_kind":
                loan.owed = self.keep(day, name, "principal owed", loan.owed + loan.interest)
                loan.interest = self.keep(day, name, "interest owed", loan.interest * 0)
        for place, step in enumerate(self.deal.waterfall):
            match step.pay:
                case "fee":
                    paid = self._take(day, self.fees_due[step.to])
                    self.fees_due[step.to] = self.keep(day, step.to, "fee due", self.fees_due[step.to] - paid)
                    self.post(day, self.fee_party[step.to], step.to, "fee", paid)
                case "interest" | "principal":
                    self._repay(day, step)
                case "recycle":
                    kept = self.kept_back + self._take(day, self._wanted_for_seats(step.to))
                    self.kept_back = self.keep(day, step.to, "kept back", kept)
                case "reimburse":
                    self._reimburse(day, step.to)
                case "success_share" if shares:
                    self._share_success(day, place, step)
                case "residual" if last:
                    self._to_owner(day, step.to, "residual", self._take(day, self.cash))
        for reserve in self.deal.reserves:
            for name in reserve.pays:
                self._pay_from_reserve(day, reserve.name, name)

    def _take(self, day: date, wanted: Cents) -> Cents:
        """As much of what is wanted as the cash allows."""
        taken: Cents = self.keep(day, "cash", "paid out", np.minimum(self.cash, np.maximum(wanted, 0)))
        self.cash = self.keep(day, "cash", "held", self.cash - taken)
        return taken

    def _repay(self, day: date, step: Step) -> None:
        """Pay a tranche what it is owed of interest or principal."""
        loan = self.loans[step.to]
        if step.pay == "interest":
            paid = self._take(day, np.minimum(self._interest_due(day, loan), self._room(loan)))
            loan.interest = self.keep(day, step.to, "interest owed", loan.interest - paid)
        else:
            wanted = np.where(self._ahead_may_draw(step.to), 0, np.minimum(loan.owed, self._room(loan)))
            paid = self._take(day, wanted)
            loan.owed = self.keep(day, step.to, "principal owed", loan.owed - paid)
        self._paid_to(day, loan, step.pay, paid)

    def _interest_due(self, day: date, loan: _Loan) -> Cents:
        """Interest that may be paid in cash on a day; at the end, all that is owed."""
        terms = loan.tranche
        waits = terms.interest_from is not None and day < terms.interest_from
        return loan.interest * 0 if waits and not self.final else loan.interest

    def _room(self, loan: _Loan) -> Cents:
        """What a tranche may receive now under a cap on its return."""
        return loan.room if loan.tranche.name in self.terms.caps else loan.owed * 0 + UNCAPPED

    def _paid_to(self, day: date, loan: _Loan, line: str, paid: Cents) -> None:
        """Write down what a tranche received."""
        if loan.tranche.name in self.terms.caps:
            loan.room = self.keep(day, loan.tranche.name, "most it may receive", loan.room - paid)
        self.post(day, loan.tranche.party, loan.tranche.name, line, paid)

    def _ahead_may_draw(self, tranche: str) -> NDArray[np.bool_]:
        """Whether a tranche that is repaid before this one can still be drawn, so that cash must wait for it."""
        repaid = [step.to for step in self.deal.waterfall if step.pay == "principal"]
        waits = self.nothing > 0
        for ahead in repaid[: repaid.index(tranche)]:
            waits = waits | (self.left[ahead] > 0)
        return waits

    def _wanted_for_seats(self, use: str) -> Cents:
        """What is still to be kept back: the plan, less what came or was stood in for, and no more than is yet due."""
        recycled = self.deal.recycled
        assert recycled is not None
        planned = self.left[recycled.name] - self.kept_back
        coming = sum(due.cents for due in self.later if due.use == use)
        wanted: Cents = np.minimum(planned, coming - self.kept_back)
        return wanted

    def _reimburse(self, day: date, name: str) -> None:
        """Pay a guarantor back."""
        guarantee = next(each for each in self.deal.guarantees if each.name == name)
        paid = self._take(day, self.advanced[name])
        self.advanced[name] = self.keep(day, name, "advanced", self.advanced[name] - paid)
        self.post(day, guarantee.party, name, "reimbursed", paid)

    def _share_success(self, day: date, place: int, step: Step) -> None:
        """Share out what is left, once nothing ahead is owed or can still be drawn."""
        waits = self.nothing > 0
        for ahead in (each for each in self.deal.waterfall[:place] if each.pay in ("interest", "principal")):
            loan = self.loans[ahead.to]
            due = np.minimum(loan.owed + loan.interest, self._room(loan))
            waits = waits | (self.left[ahead.to] > 0) | (due > 0)
        wanted = np.where(waits, 0, np.rint(self.cash * self.terms.shares[place]).astype(np.int64))
        if place in self.terms.most:
            wanted = np.minimum(wanted, self.terms.most[place] - self.shared[place])
        if step.to in self.loans:
            wanted = np.minimum(wanted, self._room(self.loans[step.to]))
        paid = self._take(day, wanted)
        self.shared[place] = self.keep(day, step.to, "success shared", self.shared[place] + paid)
        self._to_owner(day, step.to, "success share", paid)

    def _to_owner(self, day: date, to: str, line: str, paid: Cents) -> None:
        """Write down what a party, or the lender of a tranche, receives beyond what it was owed."""
        if to in self.loans:
            self._paid_to(day, self.loans[to], line, paid)
        else:
            self.post(day, to, "", line, paid)

    def _pay_from_reserve(self, day: date, reserve: str, name: str) -> None:
        """Pay from a reserve what is still due of one thing that it is for."""
        if name in self.loans:
            loan = self.loans[name]
            wanted = np.minimum(self._interest_due(day, loan), self._room(loan))
        else:
            wanted = self.fees_due[name]
        paid: Cents = self.keep(day, reserve, "paid out", np.minimum(self.reserved[reserve], np.maximum(wanted, 0)))
        self.reserved[reserve] = self.keep(day, reserve, "reserved", self.reserved[reserve] - paid)
        if name in self.loans:
            loan.interest = self.keep(day, name, "interest owed", loan.interest - paid)
            self._paid_to(day, loan, "interest", paid)
        else:
            self.fees_due[name] = self.keep(day, name, "fee due", self.fees_due[name] - paid)
            self.post(day, self.fee_party[name], name, "fee", paid)

    def release(self, day: date) -> None:
        """Put reserves and what was kept back for later seats into the cash: the last steps follow."""
        self.final = True
        held = self.cash + self.kept_back
        for name in self.reserved:
            held = held + self.reserved[name]
            self.reserved[name] = self.nothing
        self.cash, self.kept_back = self.keep(day, "cash", "held", held), self.nothing

    def call_guarantees(self, day: date) -> None:
        """Guarantors pay the shortfall of their tranches on the test date."""
        for guarantee in (each for each in self.deal.guarantees if each.test_date == day):
            loan = self.loans[guarantee.tranche]
            principal: Cents = np.minimum(np.minimum(loan.owed, self._room(loan)), self.unclaimed[guarantee.name])
            principal = self.keep(day, guarantee.name, "principal made good", principal)
            interest = self.nothing
            if guarantee.covers == "principal_and_interest":
                room = np.minimum(self.unclaimed[guarantee.name], self._room(loan)) - principal
                interest = self.keep(day, guarantee.name, "interest made good", np.minimum(loan.interest, room))
            loan.owed = self.keep(day, guarantee.tranche, "principal owed", loan.owed - principal)
            loan.interest = self.keep(day, guarantee.tranche, "interest owed", loan.interest - interest)
            paid = principal + interest
            self.unclaimed[guarantee.name] = self.unclaimed[guarantee.name] - paid
            self.advanced[guarantee.name] = self.keep(day, guarantee.name, "advanced", paid)
            self.post(day, guarantee.party, guarantee.name, "guarantee paid", -paid)
            self._paid_to(day, loan, "guarantee", paid)

    # Uses

    def pay_use(self, day: date, due: Due) -> None:
        """Pay what falls due, each source as much as it is asked for and has."""
        self.later.remove(due)
        unpaid = self.nothing + due.cents
        limited = [tranche.name for tranche in self.deal.tranches if tranche.only_for]
        for tranche in self.deal.tranches:
            if due.use in tranche.only_for:
                unpaid = unpaid - self._draw(day, tranche.name, unpaid, due.use)
        asked = unpaid
        for name, share in self.share.items():
            unpaid = unpaid - self._draw(day, name, np.minimum(unpaid, np.rint(asked * share).astype(np.int64)))
        for source in self.deal.sources:
            if source.name not in self.share and source.name not in limited:
                unpaid = unpaid - self._draw(day, source.name, unpaid, due.use)
        for name in self.share:
            unpaid = unpaid - self._draw(day, name, unpaid)
        self._stand_in(day, unpaid)
        if due.use in self.reserved:
            self.reserved[due.use] = self.keep(day, due.use, "reserved", self.reserved[due.use] + due.cents)
        else:
            self.post(day, due.party, due.use, "use", self.nothing + due.cents)

    def _draw(self, day: date, name: str, wanted: Cents, use: str = "") -> Cents:
        """Draw on one source, as far as it goes."""
        source = next(source for source in self.deal.sources if source.name == name)
        if isinstance(source, Recycled):
            if use != self.recycles_into:
                return self.nothing
            drawn: Cents = self.keep(day, name, "drawn", np.minimum(wanted, self.kept_back))
            self.kept_back = self.keep(day, use, "kept back", self.kept_back - drawn)
            self.log.recycled = self.keep(day, name, "recycled so far", self.log.recycled + drawn)
        else:
            drawn = self.keep(day, name, "drawn", np.minimum(wanted, self.left[name]))
            self.post(day, source.party, name, "drawn" if isinstance(source, Tranche) else "paid in", -drawn)
        self.left[name] = self.keep(day, name, "left to draw", self.left[name] - drawn)
        if isinstance(source, Tranche):
            loan = self.loans[name]
            loan.owed = self.keep(day, name, "principal owed", loan.owed + drawn)
            if name in self.terms.caps:
                loan.room = self.keep(day, name, "most it may receive", loan.room + drawn)
        return drawn

    def _stand_in(self, day: date, unpaid: Cents) -> None:
        """The backstop pays what recycled money should have paid."""
        recycled = self.deal.recycled
        if recycled is None:
            return  # sources that equal uses cannot run dry; the books would not balance if they did
        backstop = next(s for s in self.deal.sources if s.name == recycled.backstop)
        assert isinstance(backstop, OtherMoney)
        left = self.left[recycled.name] - unpaid
        self.left[recycled.name] = self.keep(day, recycled.name, "left to draw", left)
        self.log.stood_in = self.keep(day, backstop.name, "stood in so far", self.log.stood_in + unpaid)
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
    account = Account(deal, dues, terms_of(deal, promised), np.zeros(len(payments.paid), dtype=np.int64))
    claims = payments.claims
    receipts = [
        (day.date(), payer, metric, payments.paid[:, at])
        for at, (day, payer, metric) in enumerate(zip(claims["date"], claims["payer"], claims["metric"], strict=True))
    ]
    flow(account, dues, receipts)
    account.log.enforce(promised)
    return account.log


def flow(account: Account, dues: Sequence[Due], receipts: Sequence[tuple[date, str, str, Cents]]) -> None:
    """Let the cash flow through an account, day by day.

    Parameters
    ----------
    account
        As it stands before the first day.
    dues
        What falls due.
    receipts
        Outcome payments: date, payer, metric and cents by sample.
    """
    payment_dates = {day for day, *_ in receipts}
    tests = {guarantee.test_date for guarantee in account.deal.guarantees}
    calendar = sorted({due.date for due in dues} | payment_dates | tests)
    if not calendar:
        return
    before = calendar[0]
    for day in calendar:
        account.accrue(day, (day - before).days)
        before = day
        for _, payer, metric, cents in (each for each in receipts if each[0] == day):
            account.receive(day, payer, metric, cents)
        today = [due for due in dues if due.date == day]
        for due in (due for due in today if due.paid_by == "waterfall"):
            account.charge(due)
        if day in payment_dates:
            account.distribute(day, last=False, shares=day != calendar[-1])
        for due in (due for due in today if due.paid_by == "sources"):
            account.pay_use(day, due)
        if day == calendar[-1]:
            account.release(day)
            account.distribute(day, last=True)
        account.call_guarantees(day)
