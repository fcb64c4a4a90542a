"""What debtors ask or claim, and a person answers: the chasing stands still until then.

A request is opened by the answer that brings it, keeps its pauses by its own key, and ends once:
answered, refused, or taken back by who asked. The answer goes out with a link, in our words.
Source: issue of the portal, part 1; policy pauses.answer_business_days; C-05.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.answers import Request, RequestKind
from models.invoices import Invoice
from models.messages import Purpose
from models.money import Money
from models.pauses import Pause, PauseReason
from models.states import RequestStatus, advance
from models.work import Task, TaskKind
from receivables import adjustments, consequences, files, outbox, pauses
from receivables.arrangements import offers
from receivables.audit import record
from receivables.calendar_days import add_business_days, business_date
from receivables.contact.readers import paying_contacts, way_to
from receivables.errors import NotFound, Refused
from receivables.files import ReceivedFile
from receivables.payments import attempts
from receivables.permissions import SYSTEM, Actor, ActorKind, Permission, require
from receivables.policy import current_policy
from receivables.texts import clean_words

#: Longest answer of ours, characters.
MOST_WORDS = 2000


def open_request(
    session: Session,
    actor: Actor,
    account: Account,
    kind: RequestKind,
    *,
    answer_id: int,
    facts: Mapping[str, Any],
    now: datetime,
    invoice_id: int | None = None,
) -> Request:
    """Write down what is asked of us and ask a person to answer it.

    Args:
        facts: what the page and the desk show of it; values about people stay out of the audit.
        invoice_id: the one document that it is about.
    """
    today = business_date(now, account.zone)
    days = current_policy(session, now).pauses.answer_business_days
    row = Request(
        account_id=account.id,
        contact_id=actor.contact_id,
        answer_id=answer_id,
        invoice_id=invoice_id,
        kind=kind,
        status=RequestStatus.OPEN,
        facts=dict(facts),
        asked_at=now,
        answer_by_on=add_business_days(today, days, account.country),
    )
    session.add(row)
    session.flush()
    record(session, actor, "request.opened", row, account_id=account.id, now=now,
           facts={"kind": kind.value, "invoice": invoice_id})  # fmt: skip
    outbox.note(session, account.id, "request.opened", contact_id=actor.contact_id, now=now,
                facts={"request": row.ref, "kind": kind.value})  # fmt: skip
    outbox.ask_person(session, TaskKind.REQUEST, key_of(row), account_id=account.id,
                      facts={"request": row.ref, "kind": kind.value}, now=now)  # fmt: skip
    return row


def key_of(row: Request) -> str:
    """Names a request among the causes of pauses and tasks."""
    return f"request:{row.id}"


def stand_still(
    session: Session,
    actor: Actor,
    account: Account,
    row: Request,
    reason: PauseReason,
    *,
    now: datetime,
    to_on: date | None = None,
    invoice_ids: Sequence[int] = (),
    contact_id: int | None = None,
) -> None:
    """Pause until the request is answered, or until a day: the invoices named, one contact, or all."""
    for invoice_id in invoice_ids or (None,):
        key = f"{key_of(row)}:{invoice_id}" if invoice_id else key_of(row)
        pauses.pause(
            session, actor, account, reason, key=key, now=now, to_on=to_on, invoice_id=invoice_id,
            contact_id=contact_id,
        )  # fmt: skip


def of_answer(session: Session, answer_id: int) -> Request | None:
    """Return the request that an answer has opened."""
    return session.scalar(select(Request).where(Request.answer_id == answer_id))


def _locked(session: Session, ref: str) -> tuple[Account, Request]:
    row = session.scalar(select(Request).where(Request.ref == ref))
    if row is None:
        raise NotFound("not_found")
    account = session.get_one(Account, row.account_id, with_for_update=True)
    session.refresh(row)
    return account, row


def withdraw(session: Session, actor: Actor, ref: str, *, now: datetime) -> Request:
    """Take a request back; what stood still for it goes on. A second call changes nothing.

    Raises:
        NotAllowed.
        NotFound: no such request, or another account's (L-15).
        Refused: request_over, it was answered meanwhile.
    """
    require(actor, Permission.ANSWER_GIVE)
    account, row = _locked(session, ref)
    require(actor, Permission.ANSWER_GIVE, account_id=row.account_id)
    if row.status is RequestStatus.WITHDRAWN:
        return row
    if row.status is not RequestStatus.OPEN:
        raise Refused("request_over")
    _end(session, actor, account, row, RequestStatus.WITHDRAWN, now=now)
    record(session, actor, "request.withdrawn", row, account_id=account.id, now=now)
    outbox.note(session, account.id, "request.withdrawn", contact_id=actor.contact_id, now=now,
                facts={"request": row.ref, "kind": row.kind.value})  # fmt: skip
    return row


def answer(
    session: Session,
    actor: Actor,
    ref: str,
    *,
    reply: str,
    now: datetime,
    document: ReceivedFile | None = None,
) -> Request:
    """Answer a request in words, with a document where one was asked for; who asked is written to.

    Tax that was withheld is answered by `accept_withholding`, since it books.

    Args:
        reply: what the debtor reads.
    Raises:
        NotAllowed, NotFound.
        Refused: reason_missing, words_too_long, request_over, withholding_books.
    """
    require(actor, Permission.REQUEST_ANSWER)
    account, row = _locked(session, ref)
    if row.kind is RequestKind.WITHHOLDING:
        raise Refused("withholding_books")
    return _answer(session, actor, account, row, reply, now=now, document=document)


def refuse(session: Session, actor: Actor, ref: str, *, reply: str, now: datetime) -> Request:
    """Say no to a request, with the reason that the debtor reads.

    Raises:
        NotAllowed, NotFound.
        Refused: reason_missing, words_too_long, request_over.
    """
    require(actor, Permission.REQUEST_ANSWER)
    account, row = _locked(session, ref)
    _say(session, actor, account, row, RequestStatus.REFUSED, reply, now=now)
    record(session, actor, "request.refused", row, account_id=account.id, now=now, reason=row.reply,
           facts={"kind": row.kind.value})  # fmt: skip
    outbox.note(session, account.id, "request.refused", staff_id=actor.id, now=now,
                facts={"request": row.ref, "kind": row.kind.value})  # fmt: skip
    return row


def accept_withholding(
    session: Session, actor: Actor, ref: str, *, amount: Money, reply: str, now: datetime
) -> Request:
    """Book tax that the debtor withheld: debit withholding tax, credit receivables; then answer.

    Open payment pages and standing offers of the invoice end: its balance is another now (decision 14).

    Args:
        amount: what the certificate proves; at most what is open on the invoice.
    Raises:
        NotAllowed: only who may record credit notes books.
        NotFound.
        Refused: request_over, reason_missing, words_too_long, and those of `adjustments.adjust`.
    """
    require(actor, Permission.CREDIT_NOTE_RECORD)
    account, row = _locked(session, ref)
    if row.kind is not RequestKind.WITHHOLDING or row.invoice_id is None:
        raise NotFound("not_found")
    if row.status is not RequestStatus.OPEN:
        raise Refused("request_over")
    invoice = session.get_one(Invoice, row.invoice_id)
    adjustments.adjust(session, actor, invoice, "withholding_tax", amount, key=key_of(row), now=now)
    offers.void_changed(session, actor, [invoice.id], why="adjustment", now=now)
    attempts.supersede(session, actor, [invoice.id], reason="withholding", now=now)
    consequences.follow_reduction(session, account.id, [invoice.id], now=now)
    return _answer(session, actor, account, row, reply, now=now)


def _answer(
    session: Session,
    actor: Actor,
    account: Account,
    row: Request,
    reply: str,
    *,
    now: datetime,
    document: ReceivedFile | None = None,
) -> Request:
    _say(session, actor, account, row, RequestStatus.ANSWERED, reply, now=now)
    if document is not None:
        policy = current_policy(session, now)
        sent = files.keep(session, actor, document, account_id=account.id, policy=policy, now=now)
        row.file_id = sent.id
    record(session, actor, "request.answered", row, account_id=account.id, now=now, reason=row.reply,
           facts={"kind": row.kind.value, "file": row.file_id})  # fmt: skip
    outbox.note(session, account.id, "request.answered", staff_id=actor.id, now=now,
                facts={"request": row.ref, "kind": row.kind.value})  # fmt: skip
    return row


def _say(
    session: Session,
    actor: Actor,
    account: Account,
    row: Request,
    to: RequestStatus,
    reply: str,
    *,
    now: datetime,
) -> None:
    """End a request with words that the debtor reads, and write to who asked."""
    if row.status is not RequestStatus.OPEN:
        raise Refused("request_over")
    row.reply = clean_words(reply, most=MOST_WORDS)
    if not row.reply:
        raise Refused("reason_missing")
    _end(session, actor, account, row, to, now=now)
    asker = session.get_one(Contact, row.contact_id) if row.contact_id else None
    for contact in [asker] if asker is not None else paying_contacts(session, account)[:1]:
        # Whoever is not the right person is not written to again, not even with thanks.
        way = way_to(contact, Purpose.ANSWER)
        if way is None or row.kind is RequestKind.OTHER_CONTACT:
            continue
        outbox.enqueue(
            session,
            actor,
            account=account,
            contact=contact,
            channel=way[0],
            purpose=way[1],
            kind="request_answered",
            facts={"request_id": row.id},
            dedupe_key=f"request_answered:{row.id}",
            now=now,
        )


def _end(
    session: Session, actor: Actor, account: Account, row: Request, to: RequestStatus, *, now: datetime
) -> None:
    advance(row, to)
    row.answered_at = now
    if actor.kind is ActorKind.STAFF:
        row.answered_by_id = actor.id
    # Somebody who is not the right person stays unwritten once we agreed that he is not.
    if not (row.kind is RequestKind.OTHER_CONTACT and to is RequestStatus.ANSWERED):
        keys = session.scalars(
            select(Pause.key).where(
                Pause.account_id == account.id,
                or_(Pause.key == key_of(row), Pause.key.startswith(f"{key_of(row)}:", autoescape=True)),
            )
        )
        for key in keys.all():
            pauses.resume(session, SYSTEM, account, key, now=now)
    task = session.scalar(select(Task).where(Task.key == key_of(row), Task.done_at.is_(None)))
    if task is not None:
        task.done_at, task.done_by_id = now, row.answered_by_id
