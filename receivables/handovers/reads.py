"""What the desk and the portal show of hand-overs; reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session, aliased

from models.accounts import Account
from models.files import StoredFile
from models.handovers import Handler, HandlerKind, Handover, HandoverInvoice, Remittance
from models.invoices import Invoice
from models.money import Money
from models.payments import Payment
from models.reversals import PaymentReversal
from models.staff import Staff
from models.states import HandoverStatus, JobStatus
from models.store import fetch
from models.work import Job
from receivables import files
from receivables.errors import NotFound, Refused
from receivables.handovers import placing
from receivables.handovers.remittances import source_of
from receivables.permissions import Actor, ActorKind, Permission, require

# --------------------------------------------------------------------------- the portal


@dataclass(frozen=True, slots=True)
class HandedInvoice:
    ref: str
    number: str
    open: Money


@dataclass(frozen=True, slots=True)
class NowWith:
    """Who asks for some invoices now, and how to reach it.

    Attributes:
        amount: what is open on them today.
    """

    kind: HandlerKind
    name: str
    address: str
    phone: str
    email: str | None
    placed_on: date
    amount: Money
    invoices: Sequence[HandedInvoice]


_NOW_WITH = (
    select(
        Handover.id,
        Handover.currency,
        Handover.placed_on,
        Handler.kind,
        Handler.name,
        Handler.address,
        Handler.phone,
        Handler.email,
        Invoice.id.label("invoice_id"),
        Invoice.ref,
        Invoice.number,
        Invoice.balance_minor,
    )
    .join(Handler, Handler.id == Handover.handler_id)
    .join(HandoverInvoice, HandoverInvoice.handover_id == Handover.id)
    .join(Invoice, Invoice.id == HandoverInvoice.invoice_id)
    .where(
        Handover.account_id == bindparam("account_id"),
        Handover.status == HandoverStatus.PLACED,
        Invoice.balance_minor > 0,
    )
    .order_by(Handover.id, Invoice.due_on, Invoice.id)
)


def now_with(session: Session, actor: Actor, *, account_id: int) -> list[NowWith]:
    """Return who asks for what of an account now, as its holder may read it; one statement.

    Raises:
        NotAllowed, NotFound: another account's; who was passed on one invoice reads of that alone (L-15).
    """
    require(actor, Permission.INVOICE_READ, account_id=account_id)
    found: dict[int, NowWith] = {}
    for r in fetch(session, _NOW_WITH, {"account_id": account_id}):
        if actor.invoice_id not in (None, r.invoice_id):
            continue
        row = HandedInvoice(r.ref, r.number, Money(r.balance_minor, r.currency))
        before = found.get(r.id)
        found[r.id] = NowWith(
            kind=r.kind,
            name=r.name,
            address=r.address,
            phone=r.phone,
            email=r.email,
            placed_on=r.placed_on,
            amount=before.amount + row.open if before else row.open,
            invoices=[*before.invoices, row] if before else [row],
        )
    return list(found.values())


# --------------------------------------------------------------------------- the desk


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One case in the list; `own` when the reader put it forward, so that somebody else decides."""

    ref: str
    account_ref: str
    account_name: str
    amount: Money
    status: HandoverStatus
    handler: str | None
    proposed_by: str | None
    proposed_at: datetime
    placed_on: date | None
    ended_on: date | None
    own: bool


@dataclass(frozen=True, slots=True)
class RemittanceRow:
    """What was posted of one report of a handler; `taken_back_on` where it was typed wrongly.

    Attributes:
        payment: number of the payment that it became.
    """

    reference: str
    collected: Money
    commission: Money
    valued_on: date
    payment: str
    taken_back_on: date | None


@dataclass(frozen=True, slots=True)
class FileProgress:
    """How far the case file is: `done` of `of` documents, or in trouble that a person looks at."""

    done: int
    of: int
    trouble: bool


@dataclass(frozen=True, slots=True)
class CaseView:
    """One case with everything that its decider needs.

    Attributes:
        in_the_way: what would be refused today, while nothing is placed.
        file: the finished case file; `progress` while it is being made.
        commission_percent: of the terms it was prepared on.
    """

    row: CaseRow
    account_id: int
    account_number: str
    country: str
    zone: str
    reason: str
    end_reason: str | None
    approved_by: str | None
    prepared_at: datetime | None
    handler_ref: str | None
    commission_percent: str | None
    invoices: Sequence[HandedInvoice]
    in_the_way: Sequence[Refused]
    file: files.FileRow | None
    progress: FileProgress | None
    remittances: Sequence[RemittanceRow]


_PROPOSER, _APPROVER = aliased(Staff), aliased(Staff)
_CASES = (
    select(Handover, Account, Handler, _PROPOSER.name, _APPROVER.name, StoredFile)
    .join(Account, Account.id == Handover.account_id)
    .outerjoin(Handler, Handler.id == Handover.handler_id)
    .outerjoin(_PROPOSER, _PROPOSER.id == Handover.proposed_by_id)
    .outerjoin(_APPROVER, _APPROVER.id == Handover.approved_by_id)
    .outerjoin(StoredFile, StoredFile.id == Handover.case_file_id)
)


def cases(session: Session, actor: Actor, *, ended: bool = False, limit: int = 200) -> list[CaseRow]:
    """Return the cases that stand, longest first, or those that ended, newest first.

    Raises: NotAllowed.
    """
    require(actor, Permission.HANDOVER_READ)
    query = _CASES.where(
        Handover.status.not_in(placing.STANDING) if ended else Handover.status.in_(placing.STANDING)
    )
    query = query.order_by(Handover.id.desc() if ended else Handover.id).limit(limit)
    return [_row(actor, case, who, handler, by) for case, who, handler, by, _, _ in session.execute(query)]


def case_view(session: Session, actor: Actor, ref: str, *, now: datetime) -> CaseView:
    """Return one case.

    Raises: NotAllowed, NotFound.
    """
    require(actor, Permission.HANDOVER_READ)
    found = session.execute(_CASES.where(Handover.ref == ref)).first()
    if found is None:
        raise NotFound("not_found")
    case, account, handler, proposer, approver, stored = found
    waits = case.status in placing.UNPLACED
    stopped = placing.standing_of(session, account, case.currency, now=now).refused if waits else ()
    return CaseView(
        row=_row(actor, case, account, handler, proposer),
        account_id=account.id,
        account_number=account.number,
        country=account.country,
        zone=account.zone,
        reason=case.reason,
        end_reason=case.end_reason,
        approved_by=approver,
        prepared_at=case.prepared_at,
        handler_ref=handler.ref if handler else None,
        commission_percent=case.commission_percent,
        invoices=_invoices(session, case),
        in_the_way=stopped,
        file=files.row_of(stored) if stored else None,
        progress=_progress(session, case) if case.status is HandoverStatus.PREPARED and not stored else None,
        remittances=_remittances(session, case),
    )


def case_of_remittance(session: Session, actor: Actor, payment_number: str) -> str:
    """Return the ref of the case to which a handler's report belongs, by the payment that it became.

    Raises: NotAllowed, NotFound.
    """
    require(actor, Permission.HANDOVER_READ)
    ref = session.scalar(
        select(Handover.ref)
        .join(Remittance, Remittance.handover_id == Handover.id)
        .join(Payment, Payment.id == Remittance.payment_id)
        .where(Payment.number == payment_number)
    )
    if ref is None:
        raise NotFound("not_found")
    return ref


def case_file(session: Session, actor: Actor, ref: str) -> tuple[int, files.FileRow]:
    """Return whose case file it is, and the file.

    Raises: NotAllowed; NotFound: no such case, or its file is not made yet.
    """
    require(actor, Permission.HANDOVER_READ)
    found = session.execute(
        select(Handover.account_id, StoredFile)
        .join(StoredFile, StoredFile.id == Handover.case_file_id)
        .where(Handover.ref == ref)
    ).first()
    if found is None:
        raise NotFound("not_found")
    return found[0], files.row_of(found[1])


def handlers(session: Session, actor: Actor, *, for_country: str | None = None) -> list[Handler]:
    """Return who takes cases, by name; with a country only who is active and works in it.

    Raises: NotAllowed.
    """
    require(actor, Permission.HANDOVER_READ if for_country else Permission.HANDLER_EDIT)
    rows = session.scalars(select(Handler).order_by(Handler.name)).all()
    if for_country is None:
        return list(rows)
    return [
        row for row in rows if row.is_active and (not row.countries or for_country in row.countries.split())
    ]


def _row(actor: Actor, case: Handover, account: Account, handler: Handler | None, by: str | None) -> CaseRow:
    return CaseRow(
        ref=case.ref,
        account_ref=account.ref,
        account_name=account.name,
        amount=Money(case.amount_minor, case.currency),
        status=case.status,
        handler=handler.name if handler else None,
        proposed_by=by,
        proposed_at=case.proposed_at,
        placed_on=case.placed_on,
        ended_on=case.ended_on,
        own=actor.kind is ActorKind.STAFF and actor.id == case.proposed_by_id,
    )


def _invoices(session: Session, case: Handover) -> list[HandedInvoice]:
    rows = session.execute(
        select(Invoice.ref, Invoice.number, HandoverInvoice.balance_minor)
        .join(HandoverInvoice, HandoverInvoice.invoice_id == Invoice.id)
        .where(HandoverInvoice.handover_id == case.id)
        .order_by(Invoice.due_on, Invoice.id)
    )
    return [HandedInvoice(ref, number, Money(minor, case.currency)) for ref, number, minor in rows]


def _remittances(session: Session, case: Handover) -> list[RemittanceRow]:
    rows = session.execute(
        select(Remittance, Payment.number)
        .join(Payment, Payment.id == Remittance.payment_id)
        .where(Remittance.handover_id == case.id)
        .order_by(Remittance.id)
    )
    found = [(sent, number) for sent, number in rows]
    sources = [source_of(sent.id) for sent, _ in found]
    taken = select(PaymentReversal.source, PaymentReversal.effective_on)
    back_on = {
        r.source: r.effective_on for r in session.execute(taken.where(PaymentReversal.source.in_(sources)))
    }
    return [
        RemittanceRow(
            reference=sent.reference,
            collected=Money(sent.collected_minor, sent.currency),
            commission=Money(sent.commission_minor, sent.currency),
            valued_on=sent.valued_on,
            payment=number,
            taken_back_on=back_on.get(source_of(sent.id)),
        )
        for sent, number in found
    ]


def _progress(session: Session, case: Handover) -> FileProgress:
    job = session.scalar(select(Job).where(Job.key == placing.job_key(case.ref, case.version)))
    if job is None:
        return FileProgress(0, 0, trouble=True)
    return FileProgress(
        int(job.payload.get("done", 0)),
        int(job.payload.get("of", 0)),
        trouble=job.status is JobStatus.DEAD or job.error is not None,
    )
