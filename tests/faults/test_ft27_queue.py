"""FT-27: between planning and sending somebody says no, disputes, goes bankrupt, or the house stops all.

Two workers are in the middle of a conversation with the relay, each with a lease of messages in hand,
when the fact is committed. Nothing leaves after that but the message of each conversation.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from assembly import House
from gateways.mail import SmtpMail
from jobs import outbox as postbox
from models.accounts import Account, AccountFlag, Contact, FlagKind
from models.disputes import DisputeReason
from models.invoices import Invoice
from models.links import Channel
from models.messages import Message, Purpose
from models.pauses import PauseReason
from models.staff import Role
from models.states import MessageStatus
from receivables import pauses, switches
from receivables.contact import consents
from receivables.contact.consents import Shown, address_of
from receivables.disputes import opening
from receivables.disputes.claims import Claim
from receivables.permissions import SYSTEM
from receivables.policy import default_policy
from tests import factories as make
from tests.effort import LONG
from tests.faults import crowd
from tests.faults.crowd import MORNING, drain
from tests.faults.relay import PATIENCE, Relay, held_relay
from tests.mailboxes import MailboxProcess

WORKERS = 2
LEASE = 20
#: FT-27 speaks of five thousand queued messages.
LEAST = 5000 if LONG else 150


@dataclass
class Office:
    """The House with a full queue, the relay that holds two of its workers, and the workers."""

    house: House
    relay: Relay
    mailbox: MailboxProcess

    def change(self, act: Callable[[Session, Account], object]) -> None:
        """One commit for every account."""
        with self.house.store.write() as session:
            for account in session.scalars(select(Account).order_by(Account.id)):
                act(session, account)

    def in_hand(self) -> list[Message]:
        """Reminders that a worker has leased and not ended."""
        with self.house.store.read() as session:
            return list(
                session.scalars(
                    select(Message).where(
                        Message.purpose == Purpose.REMINDER,
                        Message.status.in_([MessageStatus.QUEUED, MessageStatus.SENDING]),
                        Message.locked_until.is_not(None),
                    )
                )
            )

    def left(self) -> set[str]:
        """Reminders that the relay or the SMS sink has taken."""
        out = {*self.relay.taken, *(sms["message_id"] for sms in self.mailbox.messages())}
        with self.house.store.read() as session:
            known = session.scalars(select(Message.wire_id).where(Message.purpose == Purpose.REMINDER))
            return out & set(known)


@contextmanager
def at_work(house: House, mailbox: MailboxProcess) -> Iterator[Office]:
    """Two workers that are held in their first mail; at the end of the block they go on till the queue
    holds nothing for them."""
    with held_relay() as relay:
        mine = replace(house, mail=SmtpMail(relay.url, timeout=PATIENCE))
        workers = [
            threading.Thread(target=drain, args=(mine, MORNING), kwargs={"worker": f"w{number}"})
            for number in range(WORKERS)
        ]
        for worker in workers:
            worker.start()
        try:
            relay.await_held(WORKERS)
            yield Office(mine, relay, mailbox)
        finally:
            relay.go_on.set()
            for worker in workers:
                worker.join()


@pytest.fixture
def full(queued: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """The House with a full queue. However long the workers are held, their leases set out: each message
    must ask for itself."""
    monkeypatch.setattr(postbox, "SETS_OUT", 3600.0)
    assert crowd.reminders_by(queued).total() >= LEAST
    return queued


def bankrupt(session: Session, account: Account) -> None:
    session.add(
        AccountFlag(
            account_id=account.id, kind=FlagKind.BANKRUPTCY, from_on=MORNING.date() - timedelta(days=1),
            source="court", created_at=MORNING,
        )
    )  # fmt: skip


def promised(session: Session, account: Account) -> None:
    pauses.pause(session, SYSTEM, account, PauseReason.PROMISE, key=f"promise:{account.id}", now=MORNING)


def said_no(session: Session, account: Account) -> None:
    """Everybody who is written to presses the way out of an earlier message, on each channel."""
    for contact in session.scalars(select(Contact).where(Contact.account_id == account.id)):
        for channel in Channel:
            if address_of(contact, channel) is not None:
                token = consents.issue_opt_out(
                    session, contact, channel, policy=default_policy(), now=MORNING
                )
                shown = Shown("No more?", "1", "page")
                consents.choose_by_link(session, token, wanted=False, shown=shown, now=MORNING)


def disputed(session: Session, account: Account) -> None:
    """All that they owe is wrong, they say."""
    contact = session.scalars(select(Contact).where(Contact.account_id == account.id)).first()
    debtor = make.holder_actor(account, contact)
    for invoice in session.scalars(select(Invoice).where(Invoice.account_id == account.id)).all():
        opening.open_dispute(
            session, debtor, invoice.ref, Claim(DisputeReason.DAMAGED, (), None), words="Wet.",
            shown_at=MORNING, now=MORNING,
        )  # fmt: skip


FACTS: dict[str, tuple[Callable[[Session, Account], None], set[str]]] = {
    "bankruptcy": (bankrupt, {"flag:bankruptcy"}),
    "promise": (promised, {"paused:promise"}),
    "opt-out": (said_no, {"opted_out"}),
    "dispute": (disputed, {"nothing_due", "paused:dispute"}),
}


@pytest.mark.parametrize("what", FACTS)
def test_nothing_leaves_after_the_commit(full: House, mailbox: MailboxProcess, what: str) -> None:
    """FT-27, C-01, C-07: of two leases in hand nothing leaves but the mail that each worker is handing
    over; every message that stays says why in one code a person can read."""
    fact, reasons = FACTS[what]
    with at_work(full, mailbox) as office:
        office.change(fact)
        before = office.left()
        assert len(office.in_hand()) <= WORKERS * LEASE
    assert office.left() == before
    found = crowd.reminders_by(full)
    assert found[MessageStatus.SENT, ""] == len(before)
    rest = {key: times for key, times in found.items() if key != (MessageStatus.SENT, "")}
    assert {status for status, _ in rest} == {MessageStatus.SUPPRESSED}
    # Of two ladders in one currency the second message of a day gave way before the fact came.
    assert {reason for _, reason in rest} - {"already_today"} <= reasons
    assert sum(rest.values()) + len(before) == found.total()


def test_all_sending_is_stopped(full: House, mailbox: MailboxProcess) -> None:
    """Decision 22, within 5 s: at most a lease a worker is in flight and each message of it asks the gate,
    so that none leaves after the commit; all others wait as they are, and leave once when they may."""
    total = crowd.reminders_by(full).total()
    with full.store.write() as session:
        boss = make.staff_actor(make.a_person(session, Role.SUPERVISOR))
    with at_work(full, mailbox) as office:
        with office.house.store.write() as session:
            switches.stop_sending(session, boss, reason="wrong amounts", now=MORNING)
        before = office.left()
        assert WORKERS < len(office.in_hand()) <= WORKERS * LEASE
        assert {message.worker for message in office.in_hand()} == {"w0", "w1"}
    assert office.left() == before
    assert office.in_hand() == []
    assert postbox.send_due(full, worker="w3", now=MORNING) == 0
    with full.store.write() as session:
        told = {left.message_ref for left in switches.left_before(session, MORNING + timedelta(hours=1))}
        assert len(told) == len(before) or len(told) == 500
        switches.allow_sending(session, boss, reason="mended", now=MORNING)
    drain(full, MORNING)
    again = Counter(mail["message_id"] for mail in mailbox.messages())
    assert set(again.values()) == {1}
    assert not before & {mail["message_id"] for mail in mailbox.messages(channel="mail")}
    found = crowd.reminders_by(full)
    assert found.total() == total
    assert found.keys() <= {(MessageStatus.SENT, ""), (MessageStatus.SUPPRESSED, "already_today")}
