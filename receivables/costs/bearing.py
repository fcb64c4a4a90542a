"""On which days a late document bears interest, and on what sum: read from the books, pauses and flags.

Money lowers the sum from the day after it was valued, since it was late until then. Whatever else
lowered it (a credit note, a discount) says that so much was never owed, so it counts from the start.
Source: domain.md, "Money and ledger", "Arrangements"; C-05 and its matrix; policy table row 18.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, AccountFlag, FlagKind
from models.invoices import Invoice, InvoiceKind
from models.ledger import LedgerCode, LedgerEntry, Posting
from models.states import InvoiceStatus
from receivables import pauses
from receivables.costs import interest, rates
from receivables.costs.interest import DAY, Period, Rate, Span, Step
from receivables.costs.rates import Terms
from receivables.errors import Refused
from receivables.policy import CostRules

#: Entries that are money which came, and their reversals; see the head of this file.
MONEY = frozenset({"payment", "credit_used", "remittance"})
#: Facts about a person under which no cost runs; a vulnerable debtor's only after a person looked.
STOPPING = frozenset(
    {
        FlagKind.WRONG_PARTY,
        FlagKind.DECEASED,
        FlagKind.BANKRUPTCY,
        FlagKind.BREATHING_SPACE,
        FlagKind.VULNERABILITY,
        FlagKind.MENTAL_HEALTH_CRISIS,
        FlagKind.MINOR,
    }
)


@dataclass(frozen=True, slots=True)
class Late:
    """One late document.

    Attributes:
        first: the first day that may bear interest: the day after it was due, agreed longer terms added.
        movements: (day, whether it is money, change in minor units) of its receivable.
        stopped: days on which nothing runs.
    """

    invoice: Invoice
    first: date
    movements: tuple[tuple[date, bool, int], ...]
    stopped: tuple[Span, ...]

    @property
    def principal(self) -> list[Step]:
        """What is owed from each day on."""
        changes: dict[date, int] = {self.first: 0}
        for day, is_money, minor in self.movements:
            since = max(day + DAY, self.first) if is_money else self.first
            changes[since] = changes.get(since, 0) + minor
        steps, owed = [], 0
        for day in sorted(changes):
            owed += changes[day]
            steps.append(Step(day, max(owed, 0)))
        return steps

    def stands_still(self, day: date) -> bool:
        """Whether nothing runs on a day."""
        return not list(interest.counted(day, day, self.stopped))

    def first_counted(self, last: date) -> tuple[date, int] | None:
        """Return the first day up to `last` that counts with something owed, and what is owed on it."""
        for step, end in _stretches(self.principal, last):
            begin = next(interest.counted(step.from_on, end, self.stopped), None) if step.minor else None
            if begin is not None:
                return begin[0], step.minor
        return None

    def periods(self, terms: Terms, costs: CostRules, first: date, last: date) -> list[Period]:
        """Return the interest from a day to a day, both counted.

        Raises:
            Refused: rate_missing (facts: rule, from_on: the half-year or day that has none).
        """
        try:
            return interest.periods(
                max(first, self.first),
                last,
                principal=self.principal,
                rates=self._rates(terms),
                stopped=self.stopped,
                days_in_year=costs.days_in_year,
                currency=self.invoice.currency,
            )
        except interest.RateMissing as missing:
            day = missing.day if terms.rule_code.startswith(rates.AGREED) else rates.half_of(missing.day)
            raise Refused("rate_missing", rule=terms.rule_code, from_on=day) from missing

    def _rates(self, terms: Terms) -> Sequence[Rate]:
        if terms.rate_of != "start":
            return terms.rates
        return [interest.rate_on(terms.rates, self.first)._replace(from_on=self.first, to_on=None)]


def _stretches(principal: Sequence[Step], last: date) -> list[tuple[Step, date]]:
    ends = [*(step.from_on - DAY for step in principal[1:]), last]
    cut = [(step, min(end, last)) for step, end in zip(principal, ends, strict=True)]
    return [(step, end) for step, end in cut if step.from_on <= end]


def late_documents(
    session: Session, account: Account, currency: str, today: date, costs: CostRules
) -> list[Late]:
    """Return the open invoices of an account that are past due, oldest first.

    Prepayments, fees and credit notes bear nothing.
    """
    query = (
        select(Invoice)
        .where(
            Invoice.account_id == account.id,
            Invoice.kind == InvoiceKind.INVOICE,
            Invoice.status == InvoiceStatus.OPEN,
            Invoice.currency == currency,
            Invoice.due_on < today - account.agreed_days * DAY,
        )
        .order_by(Invoice.due_on, Invoice.id)
    )
    return _of(session, account, list(session.scalars(query)), costs)


def late_document(session: Session, account: Account, invoice_id: int, costs: CostRules) -> Late:
    """Return one document that has been late, whatever became of it since."""
    return _of(session, account, [session.get_one(Invoice, invoice_id)], costs)[0]


def _of(session: Session, account: Account, found: Sequence[Invoice], costs: CostRules) -> list[Late]:
    moved = _movements(session, [invoice.id for invoice in found])
    held = [
        pause
        for pause in (pauses.of_account(session, account.id) if found else ())
        if pause.reason.value not in costs.runs_while
    ]
    flagged = [
        Span(flag.from_on, flag.to_on)
        for flag in session.scalars(
            select(AccountFlag).where(AccountFlag.account_id == account.id, AccountFlag.kind.in_(STOPPING))
        )
    ]
    return [
        Late(
            invoice,
            _due(invoice) + (account.agreed_days + 1) * DAY,
            tuple(moved.get(invoice.id, ())),
            (
                *flagged,
                *(Span(p.from_on, p.to_on) for p in held if p.covers(invoice.ref, None, invoice.currency)),
            ),
        )
        for invoice in found
    ]


def _due(invoice: Invoice) -> date:
    if invoice.due_on is None:
        raise ValueError(f"{invoice.number} has no due day and cannot be late")
    return invoice.due_on


def _movements(session: Session, invoice_ids: Sequence[int]) -> Mapping[int, list[tuple[date, bool, int]]]:
    found: dict[int, list[tuple[date, bool, int]]] = {}
    rows = session.execute(
        select(
            Posting.invoice_id,
            LedgerEntry.effective_on,
            LedgerEntry.kind,
            (Posting.debit_minor - Posting.credit_minor).label("minor"),
        )
        .join(LedgerEntry, LedgerEntry.id == Posting.entry_id)
        .where(Posting.invoice_id.in_(invoice_ids), Posting.ledger_code == LedgerCode.RECEIVABLES)
        .order_by(LedgerEntry.effective_on, Posting.id)
    )
    for row in rows:
        is_money = row.kind.removesuffix("_reversed") in MONEY
        found.setdefault(row.invoice_id, []).append((row.effective_on, is_money, int(row.minor)))
    return found
