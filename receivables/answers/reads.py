"""What pages show of answers and requests: to the debtor his own, to the desk what waits for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.answers import AnswerFile, Request, RequestKind
from models.creditors import Creditor, CreditorBankAccount
from models.files import StoredFile
from models.invoices import OWED_KINDS, Invoice
from models.money import Money
from models.staff import Staff
from models.states import InvoiceStatus, RequestStatus
from receivables.errors import NotFound
from receivables.files import SentFile, sent_file
from receivables.permissions import Actor, Permission, require


@dataclass(frozen=True, slots=True)
class RequestView:
    """One request with everything that was said; `facts` are those of receivables.answers.giving."""

    ref: str
    kind: RequestKind
    status: RequestStatus
    account_id: int
    account_ref: str
    account_name: str
    zone: str
    contact: str | None
    asked_at: datetime
    answer_by_on: date
    facts: dict[str, Any]
    amount: Money | None
    on: date | None
    invoice_ref: str | None
    invoice_open: Money | None
    files: Sequence[SentFile]
    reply: str | None
    reply_file: SentFile | None
    answered_at: datetime | None
    answered_by: str | None


@dataclass(frozen=True, slots=True)
class RequestRow:
    """One request in a list; `numbers` name the documents it is about."""

    ref: str
    kind: RequestKind
    status: RequestStatus
    account_ref: str
    account_name: str
    asked_at: datetime
    answer_by_on: date
    answered_at: datetime | None
    numbers: Sequence[str]


@dataclass(frozen=True, slots=True)
class OpenDocument:
    """An open document to choose from, with the order number that we know of it."""

    ref: str
    number: str
    purchase_order: str | None
    due_on: date | None
    balance: Money


@dataclass(frozen=True, slots=True)
class BankRow:
    """Where money goes in one currency."""

    currency: str
    holder: str
    bank_name: str
    iban: str | None
    bic: str | None
    local_number: str | None
    reference: str


def request_view(session: Session, actor: Actor, ref: str) -> RequestView:
    """Return one request: to its debtor, or to who answers at the desk.

    Raises:
        NotAllowed.
        NotFound: no such request, or another account's (L-15).
    """
    r = session.execute(
        select(
            Request.ref, Request.kind, Request.status, Request.account_id, Account.ref.label("account_ref"),
            Account.name.label("account_name"), Account.zone, Contact.name.label("contact"), Request.asked_at,
            Request.answer_by_on, Request.facts, Request.answer_id, Request.file_id, Request.reply,
            Request.answered_at, Staff.name.label("answered_by"), Invoice.ref.label("invoice_ref"),
            Invoice.balance_minor, Invoice.currency,
        )
        .join(Account, Account.id == Request.account_id)
        .outerjoin(Contact, Contact.id == Request.contact_id)
        .outerjoin(Invoice, Invoice.id == Request.invoice_id)
        .outerjoin(Staff, Staff.id == Request.answered_by_id)
        .where(Request.ref == ref)
    ).first()  # fmt: skip
    if r is None:
        raise NotFound("not_found")
    _may_read(actor, r.account_id)
    sent = _files(session, r.answer_id, r.file_id)
    return RequestView(
        ref=r.ref, kind=r.kind, status=r.status, account_id=r.account_id, account_ref=r.account_ref,
        account_name=r.account_name, zone=r.zone, contact=r.contact, asked_at=r.asked_at,
        answer_by_on=r.answer_by_on, facts=r.facts,
        amount=Money(r.facts["amount_minor"], r.facts["currency"]) if "amount_minor" in r.facts else None,
        on=date.fromisoformat(r.facts["on"]) if "on" in r.facts else None,
        invoice_ref=r.invoice_ref,
        invoice_open=Money(r.balance_minor, r.currency) if r.currency else None,
        files=[sent_file(f) for f in sent if f.id != r.file_id],
        reply=r.reply,
        reply_file=next((sent_file(f) for f in sent if f.id == r.file_id), None),
        answered_at=r.answered_at, answered_by=r.answered_by,
    )  # fmt: skip


def _may_read(actor: Actor, account_id: int) -> None:
    asks = Permission.ANSWER_GIVE if actor.account_id is not None else Permission.REQUEST_ANSWER
    require(actor, asks, account_id=account_id)


def _files(session: Session, answer_id: int | None, file_id: int | None) -> Sequence[StoredFile]:
    """Return the proofs of an answer and the document of our reply, in one statement."""
    proofs = select(AnswerFile.file_id).where(AnswerFile.answer_id == answer_id)
    return session.scalars(
        select(StoredFile)
        .where(StoredFile.id.in_(proofs) | (StoredFile.id == file_id))
        .order_by(StoredFile.id)
    ).all()


def desk_requests(
    session: Session, actor: Actor, *, closed: bool = False, limit: int = 200
) -> Sequence[RequestRow]:
    """Return requests that wait, the one promised first on top, or those that ended, newest first.

    Raises: NotAllowed.
    """
    require(actor, Permission.REQUEST_ANSWER)
    query = select(
        Request.ref, Request.kind, Request.status, Account.ref.label("account_ref"),
        Account.name.label("account_name"), Request.asked_at, Request.answer_by_on, Request.answered_at,
        Request.facts,
    ).join(Account, Account.id == Request.account_id)  # fmt: skip
    if closed:
        query = query.where(Request.status != RequestStatus.OPEN).order_by(
            Request.answered_at.desc(), Request.id.desc()
        )
    else:
        query = query.where(Request.status == RequestStatus.OPEN).order_by(Request.answer_by_on, Request.id)
    return [
        RequestRow(
            r.ref, r.kind, r.status, r.account_ref, r.account_name, r.asked_at, r.answer_by_on, r.answered_at,
            r.facts.get("invoices", ()),
        )
        for r in session.execute(query.limit(limit))
    ]  # fmt: skip


def open_documents(session: Session, actor: Actor) -> Sequence[OpenDocument]:
    """Return the link holder's open documents, oldest due date first.

    Raises: NotAllowed.
    """
    require(actor, Permission.ANSWER_GIVE)
    rows = session.execute(
        select(
            Invoice.ref, Invoice.number, Invoice.purchase_order, Invoice.due_on, Invoice.balance_minor,
            Invoice.currency,
        )
        .where(
            Invoice.account_id == actor.account_id,
            Invoice.status == InvoiceStatus.OPEN,
            Invoice.kind.in_(OWED_KINDS),
            Invoice.balance_minor > 0,
        )
        .order_by(Invoice.due_on.is_(None), Invoice.due_on, Invoice.id)
    )  # fmt: skip
    return [
        OpenDocument(r.ref, r.number, r.purchase_order, r.due_on, Money(r.balance_minor, r.currency))
        for r in rows
    ]


def banks(session: Session, actor: Actor) -> Sequence[BankRow]:
    """Return where a transfer goes, for each currency that the link holder owes in.

    Raises: NotAllowed.
    """
    require(actor, Permission.ACCOUNT_READ, account_id=actor.account_id)
    owed = select(Invoice.currency).where(
        Invoice.account_id == actor.account_id, Invoice.status == InvoiceStatus.OPEN
    )
    return [
        BankRow(*r)
        for r in session.execute(
            select(
                CreditorBankAccount.currency, CreditorBankAccount.holder, CreditorBankAccount.bank_name,
                CreditorBankAccount.iban, CreditorBankAccount.bic, CreditorBankAccount.local_number,
                Account.number,
            )
            .join(Creditor, Creditor.id == CreditorBankAccount.creditor_id)
            .join(Account, Account.creditor_id == Creditor.id)
            .where(Account.id == actor.account_id, CreditorBankAccount.currency.in_(owed))
            .order_by(CreditorBankAccount.currency)
        )
    ]  # fmt: skip
