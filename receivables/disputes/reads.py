"""A dispute as its debtor and the desk see it: status, who has it, by when, and all that was said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session, aliased

from models.accounts import Account, Contact
from models.disputes import (
    Dispute,
    DisputeFile,
    DisputeLine,
    DisputeNote,
    DisputeReason,
    DisputeStatement,
)
from models.files import StoredFile
from models.invoices import Invoice, InvoiceLine
from models.money import Money
from models.staff import Staff
from models.states import HOLDING_DISPUTES, DisputeStatus, InvoiceStatus
from models.store import fetch
from receivables import invoices
from receivables.calendar_days import business_date
from receivables.disputes import crediting
from receivables.disputes.cases import ANSWERED, case_number
from receivables.disputes.crediting import KnownNote
from receivables.errors import NotFound
from receivables.files import SentFile
from receivables.permissions import Actor, ActorKind, Permission, require
from receivables.ports import InvoiceRow


@dataclass(frozen=True, slots=True)
class Said:
    """One word of the thread; `by` is a name of ours, or of whoever wrote for the debtor."""

    by: str
    by_us: bool
    #: Whether the reader of a link wrote it himself.
    own: bool
    words: str
    written_at: datetime
    files: Sequence[SentFile]
    #: A note of ours, which the debtor never sees.
    internal: bool = False


@dataclass(frozen=True, slots=True)
class DisputedLine:
    position: int
    description: str
    amount: Money


@dataclass(frozen=True, slots=True)
class DisputeView:
    """One dispute, whole.

    `holder` is who has it at our side, None while nobody is named; `row` is the document while
    something of it is open.
    """

    ref: str
    case: str
    status: DisputeStatus
    reason: DisputeReason
    contested: Money
    credited: Money
    holds: bool
    paid_before: bool
    opened_at: datetime
    answer_by: date
    holder: str | None
    finding: str | None
    resolved_at: datetime | None
    reopened_at: datetime | None
    credit_note: str | None
    invoice_ref: str
    invoice_number: str
    account_ref: str
    account_name: str
    account_id: int
    zone: str
    row: InvoiceRow | None
    lines: Sequence[DisputedLine]
    thread: Sequence[Said]
    #: For the desk, while it is open: credit notes that came from the books meanwhile.
    notes: Sequence[KnownNote] = ()

    @property
    def is_open(self) -> bool:
        """Whether a person still has to answer."""
        return self.status in HOLDING_DISPUTES

    @property
    def is_final(self) -> bool:
        """Whether something was said no to and only a talk can change it."""
        return self.status in ANSWERED and not self.may_reopen

    @property
    def may_reopen(self) -> bool:
        """Whether new evidence would make us look again."""
        return self.status is DisputeStatus.REJECTED and self.reopened_at is None


@dataclass(frozen=True, slots=True)
class DisputeRow:
    """One dispute in the desk's list."""

    ref: str
    case: str
    status: DisputeStatus
    reason: DisputeReason
    contested: Money
    opened_at: datetime
    answer_by: date
    is_late: bool
    holder: str | None
    invoice_number: str
    account_ref: str
    account_name: str
    #: Since it was opened.
    days: int = 0
    #: Who has taken it; None while it is only the collector's.
    taken_by: str | None = None
    resolved_at: datetime | None = None
    #: By when sales says what was promised, while that is asked.
    statement_due: date | None = None


_HANDLER, _COLLECTOR, _CREDIT_NOTE = aliased(Staff), aliased(Staff), aliased(Invoice)
_HEAD = (
    select(
        Dispute.id, Dispute.ref, Dispute.status, Dispute.reason, Dispute.contested_minor, Dispute.currency,
        Dispute.credited_minor, Dispute.holds, Dispute.paid_before, Dispute.opened_at, Dispute.answer_by_on,
        Dispute.finding, Dispute.resolved_at, Dispute.reopened_at, Dispute.account_id,
        Invoice.ref.label("invoice_ref"), Invoice.number, Invoice.status.label("invoice_status"),
        Account.ref.label("account_ref"), Account.name.label("account_name"), Account.zone,
        _HANDLER.name.label("handler"), _COLLECTOR.name.label("collector"),
        _CREDIT_NOTE.number.label("credit_note"),
        select(DisputeStatement.due_on)
        .where(DisputeStatement.dispute_id == Dispute.id, DisputeStatement.closed_at.is_(None))
        .correlate(Dispute)
        .scalar_subquery()
        .label("statement_due"),
    )
    .join(Invoice, Invoice.id == Dispute.invoice_id)
    .join(Account, Account.id == Dispute.account_id)
    .outerjoin(_HANDLER, _HANDLER.id == Dispute.handled_by_id)
    .outerjoin(_COLLECTOR, _COLLECTOR.id == Account.collector_id)
    .outerjoin(_CREDIT_NOTE, _CREDIT_NOTE.id == Dispute.credit_note_id)
)  # fmt: skip
_ONE = _HEAD.where(Dispute.ref == bindparam("ref"))
_ORDERS: Mapping[str, Sequence[Any]] = {
    "due": (Dispute.answer_by_on,),
    "age": (Dispute.opened_at,),
    "amount": (Dispute.currency, Dispute.contested_minor.desc()),
    "ended": (Dispute.resolved_at.desc(),),
}
_LINES = (
    select(InvoiceLine.position, InvoiceLine.description, DisputeLine.contested_minor)
    .join(DisputeLine, DisputeLine.invoice_line_id == InvoiceLine.id)
    .where(DisputeLine.dispute_id == bindparam("dispute_id"))
    .order_by(InvoiceLine.position)
)
_THREAD = (
    select(
        DisputeNote.id, DisputeNote.words, DisputeNote.written_at, DisputeNote.contact_id,
        DisputeNote.staff_id, DisputeNote.internal, Staff.name.label("staff_name"),
        Contact.name.label("contact_name"),
        StoredFile.ref.label("file_ref"), StoredFile.name.label("file_name"), StoredFile.size_bytes,
        StoredFile.status.label("file_status"),
    )
    .outerjoin(Staff, Staff.id == DisputeNote.staff_id)
    .outerjoin(Contact, Contact.id == DisputeNote.contact_id)
    .outerjoin(DisputeFile, DisputeFile.note_id == DisputeNote.id)
    .outerjoin(StoredFile, StoredFile.id == DisputeFile.file_id)
    .where(DisputeNote.dispute_id == bindparam("dispute_id"))
    .order_by(DisputeNote.id, StoredFile.id)
)  # fmt: skip


def dispute_view(session: Session, actor: Actor, ref: str, *, now: datetime) -> DisputeView:
    """Return one dispute with its lines and thread, for its debtor or the desk.

    Raises:
        NotFound: no such dispute, or another account's (L-15).
        NotAllowed.
    """
    require(actor, Permission.DISPUTE_READ)
    r = fetch(session, _ONE, {"ref": ref}).first()
    if r is None:
        raise NotFound("not_found")
    require(actor, Permission.DISPUTE_READ, account_id=r.account_id)
    row = None
    if r.invoice_status is InvoiceStatus.OPEN:
        rows = invoices.open_rows(session, r.account_id, business_date(now, r.zone), currency=r.currency)
        row = next((row for row in rows if row.ref == r.invoice_ref), None)
    lines = fetch(session, _LINES, {"dispute_id": r.id})
    decides = actor.kind is ActorKind.STAFF and r.status in HOLDING_DISPUTES
    notes = crediting.known_notes(session, session.get_one(Dispute, r.id)) if decides else ()
    return DisputeView(
        ref=r.ref,
        case=case_number(r.id, r.opened_at),
        status=r.status,
        reason=r.reason,
        contested=Money(r.contested_minor, r.currency),
        credited=Money(r.credited_minor, r.currency),
        holds=r.holds,
        paid_before=r.paid_before,
        opened_at=r.opened_at,
        answer_by=r.answer_by_on,
        holder=r.handler or r.collector,
        finding=r.finding,
        resolved_at=r.resolved_at,
        reopened_at=r.reopened_at,
        credit_note=r.credit_note,
        invoice_ref=r.invoice_ref,
        invoice_number=r.number,
        account_ref=r.account_ref,
        account_name=r.account_name,
        account_id=r.account_id,
        zone=r.zone,
        row=row,
        lines=[DisputedLine(n.position, n.description, Money(n.contested_minor, r.currency)) for n in lines],
        thread=_thread(session, r.id, actor),
        notes=notes,
    )


def _thread(session: Session, dispute_id: int, actor: Actor) -> list[Said]:
    """Return the thread in order; a note has one row for each of its files."""
    words: dict[int, tuple[Any, list[SentFile]]] = {}
    for r in fetch(session, _THREAD, {"dispute_id": dispute_id}):
        _, files = words.setdefault(r.id, (r, []))
        if r.file_ref:
            files.append(SentFile(r.file_ref, r.file_name, r.size_bytes, r.file_status))
    is_holder, is_ours = actor.kind is ActorKind.LINK_HOLDER, actor.kind is ActorKind.STAFF
    return [
        Said(
            by=r.staff_name or r.contact_name or "",
            by_us=r.staff_id is not None,
            own=is_holder and r.staff_id is None and r.contact_id == actor.contact_id,
            words=r.words,
            written_at=r.written_at,
            files=files,
            internal=r.internal,
        )
        for r, files in words.values()
        if is_ours or not r.internal
    ]


def dispute_rows(
    session: Session,
    actor: Actor,
    *,
    show: str = "open",
    whose: str = "all",
    reason: DisputeReason | None = None,
    order: str = "due",
    now: datetime,
    limit: int = 200,
) -> list[DisputeRow]:
    """Return disputes that wait for an answer, or those that ended (the latest first).

    Args:
        show: "open", "late" (the day to answer is over) or "ended".
        whose: "all", "mine" (the actor has it, or looks after the account), "nobody" (nobody has taken it).
        order: "due", "age" (oldest first) or "amount" (largest first, currency by currency).
    Raises:
        NotAllowed.
    """
    require(actor, Permission.DISPUTE_READ)
    query = _HEAD.where(Dispute.status.notin_(HOLDING_DISPUTES) if show == "ended" else
                        Dispute.status.in_(HOLDING_DISPUTES))  # fmt: skip
    if whose == "mine":
        query = query.where(
            or_(Dispute.handled_by_id == actor.id,
                Dispute.handled_by_id.is_(None) & (Account.collector_id == actor.id))
        )  # fmt: skip
    elif whose == "nobody":
        query = query.where(Dispute.handled_by_id.is_(None))
    if reason is not None:
        query = query.where(Dispute.reason == reason)
    query = query.order_by(*_ORDERS["ended" if show == "ended" else order], Dispute.id).limit(limit)
    rows = [
        DisputeRow(
            ref=r.ref,
            case=case_number(r.id, r.opened_at),
            status=r.status,
            reason=r.reason,
            contested=Money(r.contested_minor, r.currency),
            opened_at=r.opened_at,
            answer_by=r.answer_by_on,
            is_late=r.answer_by_on < business_date(now, r.zone),
            holder=r.handler or r.collector,
            invoice_number=r.number,
            account_ref=r.account_ref,
            account_name=r.account_name,
            days=(business_date(now, r.zone) - business_date(r.opened_at, r.zone)).days,
            taken_by=r.handler,
            resolved_at=r.resolved_at,
            statement_due=r.statement_due,
        )
        for r in session.execute(query)
    ]
    return [row for row in rows if row.is_late] if show == "late" else rows


def mean_days(session: Session, actor: Actor, *, now: datetime) -> Decimal | None:
    """Return the mean of days from opening to the outcome, over the disputes that ended in 90 days.

    >>> _mean([timedelta(days=4), timedelta(days=5)])
    Decimal('4.5')
    """
    require(actor, Permission.DISPUTE_READ)
    since = now - timedelta(days=90)
    ended = session.execute(
        select(Dispute.opened_at, Dispute.resolved_at).where(
            Dispute.status.notin_(HOLDING_DISPUTES), Dispute.resolved_at >= since
        )
    )
    return _mean([r.resolved_at - r.opened_at for r in ended])


def _mean(spans: Sequence[timedelta]) -> Decimal | None:
    if not spans:
        return None
    seconds = Decimal(sum(int(span.total_seconds()) for span in spans))
    return (seconds / len(spans) / 86400).quantize(Decimal("0.1"))
