"""A dispute and what it stands on, found and locked; its moves, with what they hold.

A move, what is set aside and the pause are written together, so that no reader sees one without the
others. The account is locked first, then the invoice, then the dispute (M-07).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, exists, func, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.disputes import Dispute, DisputeLine
from models.invoices import OWED_KINDS, Invoice, InvoiceLine
from models.money import Money
from models.pauses import PauseReason
from models.payments import Allocation, Payment
from models.states import HOLDING_DISPUTES, DisputeStatus, InvoiceStatus, advance
from models.store import fetch
from models.work import Task, TaskKind
from receivables import invoices, outbox, pauses
from receivables.allocations import KEPT_MINOR
from receivables.calendar_days import add_business_days, business_date
from receivables.disputes.claims import LineFacts, tax_shares
from receivables.errors import NotFound
from receivables.permissions import Actor, ActorKind, Permission, require
from receivables.policy import Policy
from receivables.ports import InvoiceRow

#: Answers that stand: what was said no to is not disputed anew.
ANSWERED = frozenset({DisputeStatus.REJECTED, DisputeStatus.PARTLY_UPHELD})


@dataclass(frozen=True, slots=True)
class Ground:
    """One document as somebody who disputes it sees it."""

    invoice_id: int
    account_id: int
    ref: str
    number: str
    status: InvoiceStatus
    currency: str
    country: str
    today: date
    total: Money
    tax: Money
    lines: list[LineFacts]
    #: None when nothing of it is open any more.
    row: InvoiceRow | None
    #: What is on its way by a delayed method and no open dispute is about yet.
    on_its_way: Money

    @property
    def open_part(self) -> Money:
        """What is set aside at most: open, not on its way, not contested yet."""
        return self.row.open_part if self.row else Money(0, self.currency)

    @property
    def disputable(self) -> Money:
        """What may be disputed: what is open, or else what is on its way, which counts as paid."""
        return self.open_part or self.on_its_way

    @property
    def taken(self) -> frozenset[int]:
        """Ids of lines that an open dispute is about."""
        return frozenset(line.line_id for line in self.lines if line.contested)


_INVOICE = (
    select(
        Invoice.id, Invoice.account_id, Invoice.ref, Invoice.number, Invoice.status, Invoice.currency,
        Invoice.total_minor, Invoice.tax_minor, Account.country, Account.zone,
    )
    .join(Account, Account.id == Invoice.account_id)
    .where(Invoice.ref == bindparam("ref"), Invoice.kind.in_(OWED_KINDS),
           Invoice.status != InvoiceStatus.DRAFT)
)  # fmt: skip
_LINES = (
    select(
        InvoiceLine.id, InvoiceLine.position, InvoiceLine.description, InvoiceLine.quantity,
        InvoiceLine.unit_price, InvoiceLine.net_minor, InvoiceLine.tax_minor,
        exists()
        .where(DisputeLine.invoice_line_id == InvoiceLine.id, Dispute.id == DisputeLine.dispute_id,
               Dispute.status.in_(HOLDING_DISPUTES))
        .correlate(InvoiceLine)
        .label("contested"),
        exists()
        .where(DisputeLine.invoice_line_id == InvoiceLine.id, Dispute.id == DisputeLine.dispute_id,
               Dispute.status.in_(ANSWERED))
        .correlate(InvoiceLine)
        .label("answered"),
    )
    .where(InvoiceLine.invoice_id == bindparam("invoice_id"))
    .order_by(InvoiceLine.position)
)  # fmt: skip


def ground(session: Session, actor: Actor, invoice_ref: str, *, now: datetime) -> Ground:
    """Return what can be disputed of a document.

    Raises:
        NotFound: no such document that is owed, or another account's (L-15).
        NotAllowed.
    """
    require(actor, Permission.DISPUTE_OPEN)
    r = fetch(session, _INVOICE, {"ref": invoice_ref}).first()
    if r is None:
        raise NotFound("not_found")
    require(actor, Permission.DISPUTE_OPEN, account_id=r.account_id)
    today = business_date(now, r.zone)
    rows = invoices.open_rows(session, r.account_id, today, currency=r.currency)
    row = next((row for row in rows if row.ref == r.ref), None)
    return Ground(
        invoice_id=r.id,
        account_id=r.account_id,
        ref=r.ref,
        number=r.number,
        status=r.status,
        currency=r.currency,
        country=r.country,
        today=today,
        total=Money(r.total_minor, r.currency),
        tax=Money(r.tax_minor, r.currency),
        lines=_lines(session, r),
        row=row,
        on_its_way=_unquestioned(session, r.id, row) if row else Money(0, r.currency),
    )


def _unquestioned(session: Session, invoice_id: int, row: InvoiceRow) -> Money:
    """What of the money on its way no open dispute is about."""
    if not row.processing:
        return row.processing
    questioned = session.scalar(
        select(func.coalesce(func.sum(Dispute.contested_minor), 0)).where(
            Dispute.invoice_id == invoice_id, Dispute.paid_before, Dispute.status.in_(HOLDING_DISPUTES)
        )
    )
    return max(row.processing - Money(int(questioned or 0), row.currency), Money(0, row.currency))


def _lines(session: Session, invoice: Any) -> list[LineFacts]:
    rows = fetch(session, _LINES, {"invoice_id": invoice.id}).all()
    taxes = tax_shares([r.net_minor for r in rows], [r.tax_minor for r in rows], invoice.tax_minor)
    return [
        LineFacts(
            line_id=r.id,
            position=r.position,
            description=r.description,
            quantity=r.quantity,
            unit_price=r.unit_price,
            gross=Money(r.net_minor + tax, invoice.currency),
            tax=Money(tax, invoice.currency),
            contested=bool(r.contested),
            answered=bool(r.answered),
        )
        for r, tax in zip(rows, taxes, strict=True)
    ]


def paid_since(session: Session, invoice_id: int, currency: str, shown_at: datetime) -> Money:
    """Return what payments brought for a document since a moment."""
    paid = session.scalar(
        select(func.coalesce(func.sum(KEPT_MINOR), 0))
        .join(Payment, Payment.id == Allocation.payment_id)
        .where(Allocation.invoice_id == invoice_id, Payment.received_at >= shown_at)
    )
    return Money(int(paid or 0), currency)


# --------------------------------------------------------------------------- one dispute


def find(session: Session, actor: Actor, ref: str, permission: Permission) -> Dispute:
    """Return a dispute to be read.

    Raises:
        NotFound: no such dispute, or another account's (L-15).
        NotAllowed.
    """
    require(actor, permission)
    found = session.scalar(select(Dispute).where(Dispute.ref == ref))
    if found is None:
        raise NotFound("not_found")
    require(actor, permission, account_id=found.account_id)
    return found


def lock(
    session: Session, actor: Actor, ref: str, permission: Permission
) -> tuple[Account, Invoice, Dispute]:
    """Return a dispute with its invoice and account, all three locked.

    Raises:
        NotFound: no such dispute, or another account's (L-15).
        NotAllowed.
    """
    require(actor, permission)
    found = session.execute(
        select(Dispute.id, Dispute.account_id, Dispute.invoice_id).where(Dispute.ref == ref)
    ).first()
    if found is None:
        raise NotFound("not_found")
    require(actor, permission, account_id=found.account_id)
    account = session.get_one(Account, found.account_id, with_for_update=True)
    invoice = session.get_one(Invoice, found.invoice_id, with_for_update=True, populate_existing=True)
    dispute = session.get_one(Dispute, found.id, with_for_update=True, populate_existing=True)
    return account, invoice, dispute


def lines_of(session: Session, dispute: Dispute) -> list[DisputeLine]:
    """Return the parts of a dispute that are about a line, in the order of the lines."""
    return list(
        session.scalars(
            select(DisputeLine)
            .where(DisputeLine.dispute_id == dispute.id)
            .order_by(DisputeLine.invoice_line_id)
        )
    )


def move(session: Session, actor: Actor, account: Account, dispute: Dispute, to: DisputeStatus, *,
         now: datetime) -> None:  # fmt: skip
    """Move a dispute and, with it, what it sets aside and its pause; the task ends with the dispute."""
    if dispute.status is to:
        return
    advance(dispute, to)
    set_aside(session, dispute, to in HOLDING_DISPUTES and not dispute.paid_before)
    if to not in HOLDING_DISPUTES:
        pauses.resume(session, actor, account, pause_key(dispute), now=now)
        _end_task(session, actor, dispute, now=now)


def set_aside(session: Session, dispute: Dispute, holds: bool) -> None:
    """Write whether the contested amount is set aside now, of the dispute and of each of its lines."""
    dispute.holds = holds
    for line in lines_of(session, dispute):
        line.holds = holds
    session.flush()


def set_aside_unpaid(
    session: Session, actor: Actor, account_id: int, invoice_ids: Sequence[int], *, since: datetime,
    now: datetime,
) -> None:  # fmt: skip
    """Set aside what was disputed while its money was on its way, once that money did not come.

    The account is locked by the caller.
    Args:
        since: when the payment was started; an earlier dispute was about other money.
    """
    account = session.get_one(Account, account_id)
    for dispute in session.scalars(
        select(Dispute)
        .where(
            Dispute.invoice_id.in_(invoice_ids), Dispute.paid_before, Dispute.opened_at >= since,
            Dispute.status.in_(HOLDING_DISPUTES),
        )
        .order_by(Dispute.id)
        .with_for_update()
    ):  # fmt: skip
        dispute.paid_before = False
        set_aside(session, dispute, True)
        pauses.pause(session, actor, account, PauseReason.DISPUTE, key=pause_key(dispute), now=now,
                     invoice_id=dispute.invoice_id)  # fmt: skip


def pause_key(dispute: Dispute) -> str:
    """Names the pause and the task of a dispute; a reopened one has its own."""
    return f"dispute:{dispute.id}:again" if dispute.reopened_at else f"dispute:{dispute.id}"


def ask_collector(
    session: Session, account: Account, dispute: Dispute, number: str, *, now: datetime
) -> None:
    """Put the dispute on the list of whoever looks after the account."""
    task = outbox.ask_person(
        session,
        TaskKind.DISPUTE,
        pause_key(dispute),
        account_id=account.id,
        facts={
            "what": number,
            "dispute": dispute.ref,
            "amount_minor": dispute.contested_minor,
            "currency": dispute.currency,
        },
        now=now,
    )
    task.assigned_to_id = dispute.handled_by_id or account.collector_id


def _end_task(session: Session, actor: Actor, dispute: Dispute, *, now: datetime) -> None:
    task = session.scalar(select(Task).where(Task.key == pause_key(dispute), Task.done_at.is_(None)))
    if task is not None:
        task.done_at = now
        task.done_by_id = actor.id if actor.kind is ActorKind.STAFF else None


def answer_by(today: date, country: str, policy: Policy) -> date:
    """The day by which a person answers."""
    return add_business_days(today, policy.disputes.answer_business_days, country)


def case_number(dispute_id: int, opened_at: datetime) -> str:
    """The number that people name on the telephone.

    >>> case_number(17, datetime(2026, 11, 19))
    'D-2026-000017'
    """
    return f"D-{opened_at.year}-{dispute_id:06d}"
