"""Credit in favour: where it comes from, using it for an invoice, asking it back.

Credit is what payments and credit notes brought beyond what was open. Using some of it moves it from
unapplied credit to receivables and says of each part which payment or note it came from, the oldest
first, so that charged = allocated + unapplied + refunded + held stays true (INV-7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import bindparam, exists, func, select
from sqlalchemy.orm import Session, aliased

from models.accounts import Account
from models.invoices import Invoice, InvoiceKind
from models.ledger import LedgerCode, LedgerEntry, Posting
from models.money import Money, total
from models.payments import Allocation, AllocationRule, Payment
from models.reversals import PaymentReversal
from models.states import InvoiceStatus
from models.store import fetch
from models.work import Task, TaskKind
from receivables import consequences, early_payment, invoices, ledger, outbox, small_differences
from receivables.allocations import KEPT_MINOR, TAKEN_BEYOND_MINOR, TAKEN_MINOR, UNDONE
from receivables.arrangements import offers
from receivables.audit import record
from receivables.calendar_days import add_business_days, business_date
from receivables.errors import NotFound, Refused
from receivables.payments import attempts
from receivables.permissions import Actor, Permission, require
from receivables.policy import current_policy
from receivables.ports import InvoiceRow


@dataclass(frozen=True, slots=True)
class Source:
    """A payment or credit note of which something is left."""

    kind: str  # "payment" or "credit_note"
    row_id: int
    number: str
    on: date
    left: Money


@dataclass(frozen=True, slots=True)
class AskedBack:
    """Credit that was asked back and is not answered yet."""

    amount: Money
    asked_on: date
    answer_by_on: date


@dataclass(frozen=True, slots=True)
class CreditView:
    """What an account has in its favour in one currency.

    Attributes:
        credit: all of it.
        asked_back: what a person is about to send back, or None; until then nothing of it is used.
        free: what can be used now.
        sources: where it comes from, the oldest first.
        payable: the documents it can be used for.
    """

    currency: str
    credit: Money
    asked_back: AskedBack | None
    free: Money
    sources: Sequence[Source]
    payable: Sequence[InvoiceRow]


_reversal = aliased(LedgerEntry)


def _not_reversed(entry_id: object) -> object:
    return ~exists().where(_reversal.reverses_id == entry_id)


_RECOVERED = select(func.coalesce(func.sum(Posting.credit_minor - Posting.debit_minor), 0)).where(
    Posting.ledger_code == LedgerCode.RECOVERIES
)
#: What of each payment was put on documents and is there still, what came of it for bad debts, and what went
#: back of it; correlated.
_USED = (
    select(func.coalesce(func.sum(KEPT_MINOR), 0))
    .where(Allocation.payment_id == Payment.id, ~UNDONE)
    .correlate(Payment)
    .scalar_subquery()
    + _RECOVERED.where(Posting.entry_id == Payment.entry_id).correlate(Payment).scalar_subquery()
    + _RECOVERED.join(PaymentReversal, PaymentReversal.entry_id == Posting.entry_id)
    .where(PaymentReversal.payment_id == Payment.id)
    .correlate(Payment)
    .scalar_subquery()
) + (TAKEN_MINOR - TAKEN_BEYOND_MINOR)
_PAYMENTS = (
    select(
        Payment.id,
        Payment.number,
        Payment.valued_on,
        Payment.currency,
        (Payment.amount_minor - _USED).label("left_minor"),
    )
    .where(
        Payment.account_id == bindparam("account_id"),
        Payment.amount_minor > _USED,
        _not_reversed(Payment.entry_id),  # type: ignore[arg-type]
    )
    .order_by(Payment.valued_on, Payment.id)
)
_NOTES = (
    select(Invoice.id, Invoice.number, Invoice.issued_on, Invoice.currency, Invoice.balance_minor)
    .where(
        Invoice.account_id == bindparam("account_id"),
        Invoice.kind == InvoiceKind.CREDIT_NOTE,
        Invoice.status == InvoiceStatus.OPEN,
        Invoice.balance_minor > 0,
    )
    .order_by(Invoice.issued_on, Invoice.id)
)
#: Credit that names no credit note came from payments.
_FROM_PAYMENTS = (
    select(Posting.currency, func.sum(Posting.credit_minor - Posting.debit_minor).label("minor"))
    .where(
        Posting.account_id == bindparam("account_id"),
        Posting.ledger_code == LedgerCode.UNAPPLIED_CREDIT,
        Posting.invoice_id.is_(None),
    )
    .group_by(Posting.currency)
)
_ASKED = (
    select(Task.facts, Task.created_at)
    .where(
        Task.account_id == bindparam("account_id"),
        Task.kind == TaskKind.REFUND_ASKED,
        Task.done_at.is_(None),
    )
    .order_by(Task.id)
)


def views(session: Session, actor: Actor, *, account_id: int, zone: str, now: datetime) -> list[CreditView]:
    """Return what an account has in its favour, one view a currency; nothing left, no view.

    Raises:
        NotAllowed, NotFound: not this actor's account.
    """
    require(actor, Permission.ACCOUNT_READ, account_id=account_id)
    today = business_date(now, zone)
    found = sources(session, account_id)
    asked = _asked_back(session, account_id, zone)
    rows = invoices.open_rows(session, account_id, today)
    made = []
    for code in sorted({source.left.currency for source in found}):
        own = [source for source in found if source.left.currency == code]
        credit = total([source.left for source in own], code)
        back = asked.get(code)
        taken = min(back.amount, credit) if back else Money(0, code)
        payable = [row for row in rows if row.currency == code and row.asked]
        made.append(CreditView(code, credit, back, credit - taken, own, payable))
    return made


def sources(session: Session, account_id: int) -> list[Source]:
    """Return the payments and credit notes of which something is left, the oldest first.

    What went back to the payer otherwise is taken off the oldest payments.
    """
    posted = {r.currency: int(r.minor) for r in fetch(session, _FROM_PAYMENTS, {"account_id": account_id})}
    rows = fetch(session, _PAYMENTS, {"account_id": account_id}).all()
    gone: dict[str, int] = {}
    for r in rows:
        gone[r.currency] = gone.get(r.currency, 0) + int(r.left_minor)
    gone = {code: left - posted.get(code, 0) for code, left in gone.items()}
    found = []
    for r in rows:
        lost = min(max(gone[r.currency], 0), int(r.left_minor))
        gone[r.currency] -= lost
        if int(r.left_minor) > lost:
            left = Money(int(r.left_minor) - lost, r.currency)
            found.append(Source("payment", r.id, r.number, r.valued_on, left))
    found += [
        Source("credit_note", r.id, r.number, r.issued_on, Money(r.balance_minor, r.currency))
        for r in fetch(session, _NOTES, {"account_id": account_id})
    ]
    return sorted(found, key=lambda source: (source.on, source.kind, source.row_id))


def _asked_back(session: Session, account_id: int, zone: str) -> dict[str, AskedBack]:
    return {
        r.facts["currency"]: AskedBack(
            Money(r.facts["amount_minor"], r.facts["currency"]),
            business_date(r.created_at, zone),
            date.fromisoformat(r.facts["answer_by_on"]),
        )
        for r in fetch(session, _ASKED, {"account_id": account_id})
    }


def fits(view: CreditView, row: InvoiceRow, today: date) -> Money:
    """Return how much of the credit an invoice can take today, a discount for paying early off."""
    return min(view.free, early_payment.asked_with_discount(row, today))


def usable(found: Sequence[CreditView], invoice_ref: str) -> tuple[CreditView, InvoiceRow]:
    """Return the credit and the row of an invoice that it can be used for now.

    Raises: NotFound: no credit is free in its currency, or nothing is asked for on it.
    """
    for view in found:
        for row in view.payable:
            if row.ref == invoice_ref and view.free:
                return view, row
    raise NotFound("not_found")


def apply_credit(
    session: Session, actor: Actor, invoice_ref: str, amount: Money, *, nonce: str, now: datetime
) -> list[Allocation]:
    """Use credit for one open invoice and free it from open payment pages.

    Args:
        invoice_ref: the invoice's random name.
        amount: > 0, at most the free credit and what is asked for on the invoice.
        nonce: made with the form: a form that is sent again is the same use.
    Returns:
        One allocation for each payment or credit note that the credit came from, the oldest first.
    Raises:
        NotAllowed: the link may not use the debtor's credit.
        NotFound: no such invoice, or another account's (L-15).
        Refused: invoice_not_open, other_currency, amount_zero, credit_asked_back,
            credit_too_small (facts: free), amount_above_balance (facts: asked).
    """
    account_id = session.execute(
        select(Invoice.account_id).where(Invoice.ref == invoice_ref)
    ).scalar_one_or_none()
    if account_id is None:
        require(actor, Permission.CREDIT_USE)
        raise NotFound("not_found")
    require(actor, Permission.CREDIT_USE, account_id=account_id)
    account = session.get_one(Account, account_id, with_for_update=True)
    today = business_date(now, account.zone)
    reference = f"credit:{account.id}:{nonce}"
    known = session.scalars(
        select(Allocation)
        .join(LedgerEntry, LedgerEntry.id == Allocation.entry_id)
        .where(LedgerEntry.reference == reference)
        .order_by(Allocation.id)
    ).all()
    if known:
        return list(known)
    invoice = session.scalars(
        select(Invoice)
        .where(Invoice.ref == invoice_ref)
        .execution_options(populate_existing=True)
        .with_for_update()
    ).one()
    view = _view_of(session, actor, account, amount.currency, now=now)
    _refuse_unless_fits(view, invoice_ref, invoice, amount)
    parts = taken(view.sources, amount)
    # Locked before their balance is lowered: the notes of the parts, in order.
    session.scalars(
        select(Invoice)
        .where(Invoice.id.in_([source.row_id for source, _ in parts if source.kind == "credit_note"]))
        .order_by(Invoice.id)
        .with_for_update()
    ).all()
    attempts.supersede(session, actor, [invoice.id], reason="credit_used", now=now)
    entry = ledger.post(
        session,
        actor,
        ledger.Draft(
            creditor_id=account.creditor_id,
            reference=reference,
            kind="credit_used",
            currency=amount.currency,
            sides=[
                *(
                    ledger.debit(
                        LedgerCode.UNAPPLIED_CREDIT,
                        part,
                        account_id=account.id,
                        invoice_id=source.row_id if source.kind == "credit_note" else None,
                    )
                    for source, part in parts
                ),
                ledger.credit(LedgerCode.RECEIVABLES, amount, account_id=account.id, invoice_id=invoice.id),
            ],
            effective_on=today,
        ),
        now=now,
    )
    made = [
        Allocation(
            payment_id=source.row_id if source.kind == "payment" else None,
            credit_note_id=source.row_id if source.kind == "credit_note" else None,
            invoice_id=invoice.id,
            amount_minor=part.minor,
            currency=part.currency,
            rule=AllocationRule.DIRECTED,
            valued_on=today,
            entry_id=entry.id,
        )
        for source, part in parts
    ]
    session.add_all(made)
    session.flush()
    facts = {"amount_minor": amount.minor, "currency": amount.currency}
    record(
        session, actor, "credit.applied", invoice, account_id=account.id, now=now,
        facts={**facts, "from": [[source.kind, source.row_id, part.minor] for source, part in parts]},
    )  # fmt: skip
    outbox.note(
        session, account.id, "credit.applied", contact_id=actor.contact_id, now=now,
        facts={**facts, "invoice": invoice.number},
    )  # fmt: skip
    offers.void_changed(session, actor, [invoice.id], why="payment", now=now)
    early_payment.close_if_earned(session, invoice.id, cause=reference, now=now)
    small_differences.close_if_small(session, invoice.id, cause=reference, now=now)
    consequences.follow_reduction(session, account.id, [invoice.id], now=now)
    return made


def _view_of(session: Session, actor: Actor, account: Account, currency: str, *, now: datetime) -> CreditView:
    for view in views(session, actor, account_id=account.id, zone=account.zone, now=now):
        if view.currency == currency:
            return view
    nil = Money(0, currency)
    return CreditView(currency, nil, None, nil, (), ())


def _refuse_unless_fits(view: CreditView, ref: str, invoice: Invoice, amount: Money) -> None:
    if amount.currency != invoice.currency:
        raise Refused("other_currency", currency=invoice.currency)
    if amount.minor <= 0:
        raise Refused("amount_zero")
    row = next((row for row in view.payable if row.ref == ref), None)
    if row is None:
        raise Refused("invoice_not_open", ref=ref)
    if amount > row.asked:
        raise Refused("amount_above_balance", asked=row.asked)
    if view.asked_back is not None and amount > view.free:
        raise Refused("credit_asked_back")
    if amount > view.free:
        raise Refused("credit_too_small", free=view.free)


def taken(found: Sequence[Source], amount: Money) -> list[tuple[Source, Money]]:
    """Take an amount from sources, the oldest first; they have enough of its currency."""
    parts = []
    left = amount
    for source in found:
        part = min(left, source.left)
        if part:
            parts.append((source, part))
            left -= part
    return parts


def ask_back(session: Session, actor: Actor, currency: str, *, account_id: int, now: datetime) -> Task:
    """Ask all free credit of a currency back; a person answers by a day that the debtor sees.

    Returns:
        The task; the one that is open already when it was asked before.
    Raises:
        NotAllowed, NotFound: not this actor's account.
        Refused: no_credit.
    """
    require(actor, Permission.CREDIT_USE, account_id=account_id)
    account = session.get_one(Account, account_id, with_for_update=True)
    query = select(Task).where(Task.account_id == account_id, Task.kind == TaskKind.REFUND_ASKED)
    earlier = [task for task in session.scalars(query) if task.facts["currency"] == currency]
    waiting = next((task for task in earlier if task.done_at is None), None)
    if waiting is not None:
        return waiting
    view = _view_of(session, actor, account, currency, now=now)
    if not view.free:
        raise Refused("no_credit")
    wait = current_policy(session, now).pauses.answer_business_days
    answer_by_on = add_business_days(business_date(now, account.zone), wait, account.country)
    facts = {"amount_minor": view.free.minor, "currency": currency}
    task = outbox.ask_person(
        session,
        TaskKind.REFUND_ASKED,
        f"refund:{account_id}:{currency}:{len(earlier) + 1}",
        account_id=account_id,
        facts={**facts, "answer_by_on": answer_by_on.isoformat()},
        now=now,
    )
    record(session, actor, "credit.asked_back", task, account_id=account_id, now=now, facts=facts)
    outbox.note(session, account_id, "credit.asked_back", contact_id=actor.contact_id, now=now, facts=facts)
    return task
