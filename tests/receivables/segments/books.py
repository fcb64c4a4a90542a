"""What the books show of an account, made as short as the tests of segments need it."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact, Segment
from models.answers import Answer, AnswerKind
from models.arrangements import Promise
from models.inbound import ReachEvent, ReachEventKind
from models.links import Channel
from models.messages import Message, Purpose
from models.segments import SegmentProposal
from models.states import MessageStatus, PromiseStatus, advance
from models.store import Store
from receivables import outbox
from receivables.contact.consents import address_digest
from receivables.permissions import SYSTEM
from receivables.segments import proposing
from tests import factories as make
from tests.conftest import NOON

TODAY = NOON.date()
LONG_AGO = NOON - timedelta(days=400)


def an_account(session: Session, *, late: int = 40, **more: object) -> Account:
    """An account known for long, with £100.00 so many days late; `late` 0 owes nothing."""
    creditor = make.a_creditor(session)
    account = make.an_account(session, creditor, now=LONG_AGO, **more)  # type: ignore[arg-type]
    if late:
        make.an_invoice(session, account, due_on=TODAY - timedelta(days=late))
    return account


def person(session: Session, account: Account) -> Contact:
    return session.scalars(select(Contact).where(Contact.account_id == account.id)).first()  # type: ignore[return-value]


def promises(session: Session, account: Account, *, broken: int = 0, kept: int = 0) -> None:
    """Promises that were judged a month ago."""
    judged_at = NOON - timedelta(days=30)
    for status in [PromiseStatus.BROKEN] * broken + [PromiseStatus.KEPT] * kept:
        promise = Promise(
            account_id=account.id, amount_minor=1000, currency="GBP", promised_on=TODAY - timedelta(days=33),
            status=PromiseStatus.OPEN, made_at=NOON - timedelta(days=40), judged_at=judged_at,
        )  # fmt: skip
        session.add(promise)
        advance(promise, status)
        session.flush()


def reminded(session: Session, account: Account, *days_ago: int) -> None:
    """Reminders that left on these days, by mail and by SMS."""
    contact = person(session, account)
    for ago in days_ago:
        for channel in (Channel.EMAIL, Channel.SMS):
            at = NOON - timedelta(days=ago)
            message = outbox.enqueue(
                session, SYSTEM, account=account, contact=contact, channel=channel,
                purpose=Purpose.REMINDER, kind="first_reminder", facts={}, currency="GBP", now=at,
                dedupe_key=f"test:{account.id}:{ago}:{channel.value}",
            )  # fmt: skip
            sent(message, at)


def sent(message: Message, at: datetime) -> None:
    advance(message, MessageStatus.SENDING)
    advance(message, MessageStatus.SENT)
    message.sent_at = at


def answered(session: Session, account: Account, kind: AnswerKind, *, at: datetime = NOON) -> None:
    session.add(Answer(account_id=account.id, kind=kind, facts={}, given_at=at))
    session.flush()


def plan_defaulted(session: Session, account: Account, times: int) -> None:
    for number in range(times):
        outbox.note(session, account.id, "plan.defaulted", now=NOON - timedelta(days=20 + number))
    session.flush()


def dead(session: Session, account: Account, event: ReachEventKind = ReachEventKind.DEAD) -> None:
    """What was learned of the mail address of its contact."""
    contact = person(session, account)
    session.add(
        ReachEvent(
            contact_id=contact.id, channel=Channel.EMAIL, address_digest=address_digest(contact.email or ""),
            event=event, why="dsn:5.1.1", occurred_at=NOON - timedelta(days=5),
        )
    )  # fmt: skip
    session.flush()


def propose(
    store: Store, account: Account, *, at: datetime = NOON, today: date | None = None
) -> SegmentProposal | None:
    """What the daily work does for an account."""

    def unit(s: Session) -> SegmentProposal | None:
        row = s.get_one(Account, account.id, with_for_update=True)
        return proposing.propose_segments(s, row, today=today or at.date(), now=at)

    return store.run(unit)


def segment_of(store: Store, account: Account) -> Segment:
    with store.read() as s:
        return s.get_one(Account, account.id).segment
