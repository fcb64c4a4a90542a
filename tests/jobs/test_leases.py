"""A lease of messages: made together, each looked at again at its own turn, closed together (FT-27, P-26)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from assembly import House
from jobs import making
from jobs import outbox as postbox
from models.accounts import Account, AccountFlag, Contact, FlagKind
from models.invoices import Invoice
from models.links import Channel
from models.messages import Message, Purpose
from models.money import Money
from models.pauses import PauseReason
from models.states import MessageStatus
from receivables import credit_notes, pauses, switches
from receivables.contact import consents, reminders
from receivables.contact.consents import Shown
from receivables.permissions import SYSTEM
from receivables.policy import default_policy
from receivables.ports import Mail
from tests import factories as make
from tests.conftest import NOON
from tests.jobs.test_outbox import Killed, Office, build
from tests.mailboxes import MailboxProcess

POLICY = default_policy()


@pytest.fixture
def office(database_url: str, mailbox: MailboxProcess, tmp_path: Path) -> Iterator[Office]:
    """Three accounts that owe £576.00, a reminder to each in the queue."""
    house = build(database_url, mailbox, tmp_path)
    with house.store.write() as s:
        creditor = make.a_creditor(s)
        for name in ("Anchor Foods", "Bridge Foods", "Castle Foods"):
            account = make.an_account(s, creditor, name=name)
            invoice = make.an_invoice(s, account, total=57600)
            reminders.remind(s, SYSTEM, account, now=NOON, channels=(Channel.EMAIL,))
    yield Office(house, mailbox, account, invoice)
    house.press.close()
    house.store.dispose()


class Meanwhile:
    """A carrier; while it hands the first mail over, somebody else commits something."""

    def __init__(self, house: House, act: Callable[[Session], object]) -> None:
        self.house, self.act, self.sent = house, act, 0

    def send(self, mail: Mail) -> None:
        assert self.house.mail is not None
        self.house.mail.send(mail)
        self.sent += 1
        if self.sent == 1:
            self.house.store.run(self.act)


def second(s: Session) -> Account:
    return s.scalars(select(Account).order_by(Account.id)).all()[1]


def of_account(s: Session, model: Any, account: Account) -> Any:
    return s.scalars(select(model).where(model.account_id == account.id)).one()


def bankrupt(s: Session) -> None:
    s.add(AccountFlag(account_id=second(s).id, kind=FlagKind.BANKRUPTCY, from_on=NOON.date(), source="court",
                      created_at=NOON))  # fmt: skip


def promised(s: Session) -> None:
    pauses.pause(s, SYSTEM, second(s), PauseReason.PROMISE, key="promise:1", now=NOON)


def said_no(s: Session) -> None:
    contact = of_account(s, Contact, second(s))
    token = consents.issue_opt_out(s, contact, Channel.EMAIL, policy=POLICY, now=NOON)
    consents.choose_by_link(s, token, wanted=False, shown=Shown("No more?", "1", "page"), now=NOON)


def left(s: Session) -> None:
    of_account(s, Contact, second(s)).is_active = False


def credited(s: Session, minor: int = 57600) -> None:
    invoice = of_account(s, Invoice, second(s))
    credit_notes.record_credit_note(
        s, SYSTEM, invoice.ref, number="CN-1", amount=Money(minor, "GBP"), reason="back", now=NOON
    )  # fmt: skip


def reminders_of(office: Office) -> list[Message]:
    with office.store.read() as s:
        found = select(Message).where(Message.purpose == Purpose.REMINDER).order_by(Message.id)
        return list(s.scalars(found))


SENT, QUEUED, SUPPRESSED = MessageStatus.SENT, MessageStatus.QUEUED, MessageStatus.SUPPRESSED


@pytest.mark.parametrize(
    ("act", "reason"),
    [(bankrupt, "flag:bankruptcy"), (promised, "paused:promise"), (said_no, "opted_out"),
     (left, "contact_inactive"), (credited, "nothing_due")],
)  # fmt: skip
def test_what_is_committed_before_a_message_sets_out_stops_it(
    office: Office, act: Callable[[Session], None], reason: str
) -> None:
    """FT-27: its whole lease was made before; none leaves after the commit, the others do, once each."""
    office.send(mail=Meanwhile(office.house, act))
    kept = reminders_of(office)
    assert [m.status for m in kept] == [SENT, SUPPRESSED, SENT]
    assert kept[1].reasons == [reason]
    ids = {m["message_id"] for m in office.mailbox.messages()}
    assert kept[1].wire_id not in ids
    assert {kept[0].wire_id, kept[2].wire_id} <= ids


def test_what_is_owed_changes_before_a_message_sets_out(office: Office) -> None:
    """Decision 19: the amount in the message is the amount behind its link when it leaves."""
    office.send(mail=Meanwhile(office.house, lambda s: credited(s, 7600)))
    kept = reminders_of(office)
    assert [(m.status, m.attempts) for m in kept] == [(SENT, 1)] * 3
    texts = {m["message_id"]: m["text"] for m in office.mailbox.messages()}
    assert len(texts) == len(office.mailbox.messages()) == 3
    assert "£500.00" in texts[kept[1].wire_id]
    assert "£576.00" not in texts[kept[1].wire_id]


def test_the_stop_holds_what_has_not_set_out(office: Office) -> None:
    """Decision 22: the rest of the lease waits at once, and leaves when sending is allowed again."""
    stop = Meanwhile(
        office.house, lambda s: switches.stop_sending(s, SYSTEM, reason="wrong amounts", now=NOON)
    )
    office.send(mail=stop)
    assert [m.status for m in reminders_of(office)] == [SENT, QUEUED, QUEUED]
    with office.store.write() as s:
        switches.allow_sending(s, SYSTEM, reason="mended", now=NOON)
    office.send()
    assert [(m.status, m.attempts) for m in reminders_of(office)] == [(SENT, 1)] * 3
    assert len(office.mailbox.messages()) == 3


def test_what_a_slow_relay_keeps_waiting_goes_back(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """P-26: nothing stays on its way for long; the day stays claimed for the message that goes back."""
    monkeypatch.setattr(postbox, "SETS_OUT", -1.0)
    assert office.send() == 3
    assert [(m.status, m.attempts, m.locked_until) for m in reminders_of(office)] == [(QUEUED, 0, None)] * 3
    assert office.mailbox.messages() == []
    monkeypatch.setattr(postbox, "SETS_OUT", 600.0)
    office.send()
    assert [(m.status, m.attempts) for m in reminders_of(office)] == [(SENT, 1)] * 3
    assert len(office.mailbox.messages()) == 3


def test_a_worker_dies_in_the_middle(office: Office) -> None:
    """FT-18, P-26: what was on its way counts as sent; nothing of it is sent again."""

    class DiesAtTheSecond(Meanwhile):
        def send(self, mail: Mail) -> None:
            if self.sent:
                raise Killed
            super().send(mail)

    with pytest.raises(Killed):
        office.send(mail=DiesAtTheSecond(office.house, lambda s: None))
    for minutes in (1, 3, 10):
        office.send(NOON + timedelta(minutes=minutes), "w2")
    assert {m.status for m in reminders_of(office)} == {MessageStatus.UNKNOWN}
    assert len(office.mailbox.messages()) == 1


def test_another_worker_took_it_up(office: Office) -> None:
    """P-26: whoever comes to a message that is no longer his sends nothing and writes nothing."""

    def taken(s: Session) -> None:
        message = of_account(s, Message, second(s))
        message.worker, message.locked_until = "w2", NOON + timedelta(minutes=5)

    office.send(mail=Meanwhile(office.house, taken))
    kept = reminders_of(office)
    assert [m.status for m in kept] == [SENT, MessageStatus.SENDING, SENT]
    assert kept[1].worker == "w2"
    assert len(office.mailbox.messages()) == 2


def test_the_hour_passes_before_a_message_sets_out(office: Office) -> None:
    """C-03: the gate said yes a minute before eight in the evening; at eight it is no."""
    late = NOON.replace(hour=19, minute=59)
    with office.store.write() as s:
        ids = list(s.scalars(select(Message.id)))
        [first, *_] = making.make(s, office.house, ids, {}, now=late)
    assert first.is_in_hours(late + timedelta(seconds=59))
    assert not first.is_in_hours(late + timedelta(minutes=1))


def test_reminders_of_one_account_count_after_each_other(office: Office) -> None:
    """C-02: one a day for a person, a channel and a currency, inside one lease too."""
    days = [NOON + timedelta(days=day) for day in range(1, 4)]
    with office.store.write() as s:
        account = second(s)
        for day in days:
            reminders.remind(s, SYSTEM, account, now=day, channels=(Channel.EMAIL,))
        own = list(s.scalars(select(Message.id).where(Message.account_id == account.id).order_by(Message.id)))
    with office.store.write() as s:
        made = making.make(s, office.house, own, {}, now=days[-1])
        kept = [s.get_one(Message, message_id) for message_id in own]
        assert [one.message_id for one in made] == own[:1]
        assert [m.status for m in kept] == [MessageStatus.SENDING] + [SUPPRESSED] * 3
        assert [m.reasons for m in kept[1:]] == [["already_today"]] * 3
