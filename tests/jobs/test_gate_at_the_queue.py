"""What stands between planning and sending holds the queue: flags, a no, the stop of all sending (FT-27)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from assembly import House
from jobs import outbox as postbox
from models.accounts import Account, AccountFlag, Contact, FlagKind
from models.links import Channel
from models.messages import ContactDecision, Message, Purpose
from models.pauses import PauseReason
from models.states import MessageStatus
from receivables import pauses, switches
from receivables.contact import consents, decisions, reminders
from receivables.contact.consents import Shown
from receivables.permissions import SYSTEM
from receivables.policy import default_policy
from tests import factories as make
from tests.conftest import NOON
from tests.effort import LONG
from tests.jobs.test_outbox import build
from tests.mailboxes import MailboxProcess

#: Messages in the queue, and how many of them leave before the fact comes.
QUEUE, BEFORE = (5000, 500) if LONG else (16, 6)


@pytest.fixture
def house(database_url: str, mailbox: MailboxProcess, tmp_path: Path) -> Iterator[House]:
    house = build(database_url, mailbox, tmp_path)
    yield house
    house.press.close()
    house.store.dispose()


def plan(house: House, count: int) -> None:
    """Queue one reminder each to so many accounts."""
    with house.store.write() as s:
        creditor = make.a_creditor(s)
        for _ in range(count):
            account = make.an_account(s, creditor)
            make.an_invoice(s, account, total=57600)
            reminders.remind(s, SYSTEM, account, now=NOON, channels=(Channel.EMAIL,))


def send(house: House, most: int) -> None:
    """Let workers take turns until they have looked at so many messages, or nothing waits."""
    looked = 0
    while looked < most:
        seen = postbox.send_due(house, worker=f"w{looked % 2}", now=NOON, limit=min(5, most - looked))
        if not seen:
            return
        looked += seen


def statuses(house: House) -> dict[tuple[MessageStatus, str], int]:
    """Count the reminders by status and first reason."""
    found: dict[tuple[MessageStatus, str], int] = {}
    with house.store.read() as s:
        for message in s.scalars(select(Message).where(Message.purpose == Purpose.REMINDER)):
            key = (message.status, (message.reasons or [""])[0])
            found[key] = found.get(key, 0) + 1
    return found


def bankrupt(s: Session, account: Account) -> None:
    s.add(
        AccountFlag(
            account_id=account.id, kind=FlagKind.BANKRUPTCY, from_on=NOON.date(), source="court",
            created_at=NOON,
        )
    )  # fmt: skip


def promised(s: Session, account: Account) -> None:
    pauses.pause(s, SYSTEM, account, PauseReason.PROMISE, key=f"promise:{account.id}", now=NOON)


def said_no(s: Session, account: Account) -> None:
    """The way out of an earlier message is pressed."""
    contact = s.scalars(select(Contact).where(Contact.account_id == account.id)).one()
    token = consents.issue_opt_out(s, contact, Channel.EMAIL, policy=default_policy(), now=NOON)
    consents.choose_by_link(s, token, wanted=False, shown=Shown("No more?", "1", "page"), now=NOON)


FACTS: dict[str, tuple[Callable[[Session, Account], None], str]] = {
    "bankruptcy": (bankrupt, "flag:bankruptcy"),
    "promise": (promised, "paused:promise"),
    "opt-out": (said_no, "opted_out"),
}


@pytest.mark.parametrize("what", FACTS)
def test_nothing_leaves_after_the_fact(house: House, mailbox: MailboxProcess, what: str) -> None:
    """FT-27, C-07: a fact comes while the queue is full; what had left had left, nothing else does, and
    each message that stayed says why."""
    fact, reason = FACTS[what]
    plan(house, QUEUE)
    send(house, BEFORE)
    assert len(mailbox.messages()) == BEFORE
    with house.store.write() as s:
        for account in s.scalars(select(Account)):
            fact(s, account)
    send(house, 3 * QUEUE)
    expected = {(MessageStatus.SENT, ""): BEFORE, (MessageStatus.SUPPRESSED, reason): QUEUE - BEFORE}
    assert statuses(house) == expected
    confirmed = QUEUE if what == "opt-out" else 0  # each no is confirmed once (C-07)
    assert len(mailbox.messages()) == BEFORE + confirmed


def test_the_stop_holds_the_queue_and_gives_it_back(house: House, mailbox: MailboxProcess) -> None:
    """Decision 22: queued messages wait, nothing is lost, and each leaves once when sending is allowed."""
    plan(house, QUEUE)
    send(house, BEFORE)
    with house.store.write() as s:
        switches.stop_sending(s, SYSTEM, reason="wrong amounts", now=NOON)
    send(house, QUEUE)
    assert len(mailbox.messages()) == BEFORE
    assert statuses(house) == {(MessageStatus.SENT, ""): BEFORE, (MessageStatus.QUEUED, ""): QUEUE - BEFORE}
    with house.store.write() as s:
        switches.allow_sending(s, SYSTEM, reason="mended", now=NOON)
    send(house, QUEUE)
    assert statuses(house) == {(MessageStatus.SENT, ""): QUEUE}
    assert len({m["message_id"] for m in mailbox.messages()}) == len(mailbox.messages()) == QUEUE


def test_a_message_that_was_leased_before_the_stop_waits(house: House, mailbox: MailboxProcess) -> None:
    """Decision 22, within 5 s: the gate asks again for each message, leased or not."""
    plan(house, 1)
    with house.store.write() as s:
        [message_id] = postbox._lease(s, worker="w", policy=default_policy(), now=NOON, limit=5)
        switches.stop_sending(s, SYSTEM, reason="wrong amounts", now=NOON)
    assert postbox.deliver(house, message_id, now=NOON) is MessageStatus.QUEUED
    assert mailbox.messages() == []
    with house.store.write() as s:
        switches.allow_sending(s, SYSTEM, reason="mended", now=NOON)
    send(house, 5)
    assert len(mailbox.messages()) == 1


def test_receipts_and_confirmations_leave_in_spite_of_the_stop(house: House, mailbox: MailboxProcess) -> None:
    """Decision 22: what answers the reader's own act goes on."""
    plan(house, 1)
    with house.store.write() as s:
        switches.stop_sending(s, SYSTEM, reason="wrong amounts", now=NOON)
        said_no(s, s.scalars(select(Account)).one())
    send(house, 5)
    [mail] = mailbox.messages()
    with house.store.read() as s:
        confirmed = s.scalars(select(Message).where(Message.purpose == Purpose.OPT_OUT_CONFIRMED)).one()
    assert mail["message_id"] == confirmed.wire_id


def test_every_answer_at_send_time_is_kept_and_can_be_given_again(
    house: House, mailbox: MailboxProcess
) -> None:
    """C-04: one decision for each message that was about to leave, allowed or not."""
    plan(house, 3)
    with house.store.write() as s:
        bankrupt(s, s.scalars(select(Account).order_by(Account.id)).all()[0])
    send(house, 10)
    with house.store.read() as s:
        rows = s.scalars(select(ContactDecision).order_by(ContactDecision.id)).all()
        assert [row.message_id for row in rows] == s.scalars(select(Message.id).order_by(Message.id)).all()
        assert sorted(row.allowed for row in rows) == [False, True, True]
        assert [list(decisions.again(s, row).reasons) for row in rows] == [row.reasons for row in rows]
        assert s.scalar(select(func.count()).select_from(Message)) == len(mailbox.messages()) + 1
