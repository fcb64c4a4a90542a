"""FT-23: the relay is away for hours, says 421, hangs up after DATA, is slow, bounces; the SMS provider
answers 5xx. No page waits for it, the queue drains, caps and hours are kept, nothing leaves twice blindly."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app import create_app
from assembly import House
from config import Settings
from gateways.mail import SmtpMail
from gateways.mailbox import ImapMailbox
from jobs import ladder_run
from jobs import outbox as postbox
from jobs.inbound import Postman
from models.accounts import Account, AccountFlag, Contact, FlagKind
from models.links import Channel
from models.messages import ContactLedger, Message, Purpose
from models.money import Money
from models.pauses import PauseReason
from models.states import MessageStatus
from receivables import credit_notes, links, pauses
from receivables.calendar_days import business_date, local_time
from receivables.contact import consents, reminders
from receivables.permissions import SYSTEM
from receivables.policy import default_policy
from tests import factories as make
from tests.faults import crowd
from tests.faults.crowd import MORNING, NIGHT, drain, reminders_by
from tests.gateways.imap_server import imap_server
from tests.gateways.test_bounces import REPORT
from tests.mailboxes import MailboxProcess
from tests.portal.test_codes import ask as ask_code
from tests.portal.visitor import Visitor

#: Nobody listens there.
AWAY = SmtpMail("smtp://127.0.0.1:9")
POLICY = default_policy()


@contextmanager
def held_socket() -> Iterator[tuple[socket.socket, str]]:
    """A relay that takes the call and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        listener.setblocking(False)
        yield listener, f"smtp://127.0.0.1:{listener.getsockname()[1]}"


def remind(house: House, count: int = 1, *, now: datetime = MORNING, **more: Any) -> list[Message]:
    """One reminder each to so many new accounts."""
    with house.store.write() as session:
        creditor = make.a_creditor(session)
        messages = []
        for _ in range(count):
            account = make.an_account(session, creditor, now=now, **more)
            make.an_invoice(session, account, total=57600, now=now)
            messages += reminders.remind(session, SYSTEM, account, now=now)
    return messages


def statuses(house: House, messages: list[Message]) -> list[MessageStatus]:
    with house.store.read() as session:
        return [session.get_one(Message, message.id).status for message in messages]


def receipt(house: House, message: Message) -> None:
    """Let a queued message be one of the kind that leaves at least once."""
    with house.store.write() as session:
        session.get_one(Message, message.id).purpose = Purpose.RECEIPT


def test_no_page_waits_for_a_relay(database_url: str, tmp_path: Path) -> None:
    """The relay takes the call and says nothing: pages that cause a mail answer without having rung it
    up, and the mail is in the queue."""
    with held_socket() as (listener, smtp):
        app = create_app(
            Settings.load(
                AMICABLE_ENV="test", DATABASE_URL=database_url, SECRET_KEY="k" * 40, SMTP_URL=smtp,
                AMICABLE_DATA_DIR=tmp_path, BASE_URL="http://localhost",
            ),
            CLOCK=lambda: MORNING,
        )  # fmt: skip
        house: House = app.extensions["amicable"]
        with house.store.write() as session:
            account = make.an_account(session, make.a_creditor(session))
            make.an_invoice(session, account)
            contact = session.scalars(select(Contact).where(Contact.account_id == account.id)).one()
            _, token = links.issue(
                session, SYSTEM, account, contact=contact, channel=Channel.EMAIL, policy=POLICY, now=MORNING
            )
            way_out = consents.issue_opt_out(session, contact, Channel.EMAIL, policy=POLICY, now=MORNING)
        visitor = Visitor(app)
        visitor.open(token)
        ask_code(visitor)
        stop = {"List-Unsubscribe": "One-Click"}
        assert Visitor(app).client.post(f"/x/{way_out}/one-click", data=stop).status_code == 200
        with pytest.raises(BlockingIOError):
            listener.accept()
        with house.store.read() as session:
            queued = session.execute(select(Message.purpose, Message.status)).all()
        assert {row.purpose for row in queued} == {Purpose.CODE, Purpose.OPT_OUT_CONFIRMED}
        assert {row.status for row in queued} == {MessageStatus.QUEUED}
        # The worker alone meets it: surely not taken, so it waits.
        postbox.send_due(replace(house, mail=SmtpMail(smtp, timeout=0.2)), worker="w", now=MORNING)
        with house.store.read() as session:
            assert set(session.scalars(select(Message.status))) == {MessageStatus.QUEUED}
        house.press.close()
        house.store.dispose()


def test_four_hours_without_a_relay(house: House, mailbox: MailboxProcess) -> None:
    """The queue drains within the hour of its return; each message is judged again as it leaves, by the
    flags, pauses, words, amounts, caps and hours of that moment (C-01)."""
    crowd.settle(house.store, 24)
    ladder_run.run(house, now=NIGHT)
    away, back = replace(house, mail=AWAY, sms=None), MORNING + timedelta(hours=4)  # 18:00 in London
    at = MORNING
    while at < back:
        drain(away, at)
        at += timedelta(minutes=40)
    assert mailbox.messages() == []
    assert {status for status, _ in reminders_by(house)} <= {MessageStatus.QUEUED, MessageStatus.SUPPRESSED}
    flagged, promised, said_no, paid = meanwhile(house)
    for minutes in range(0, 75, 5):
        drain(house, back + timedelta(minutes=minutes))
    with house.store.read() as session:
        rows = session.execute(
            select(Message, Account.zone)
            .join(Account, Account.id == Message.account_id)
            .where(Message.purpose == Purpose.REMINDER)
        ).all()
        claims = session.scalars(select(ContactLedger.message_id)).all()
    asked = [m for m, _ in rows if m.account_id in (flagged, promised, paid)]
    # Of two ladders in one currency the second message of a day gave way before any of it.
    why = {(m.account_id, m.status, *m.reasons) for m in asked if m.reasons != ["already_today"]}
    assert why == {
        (flagged, MessageStatus.SUPPRESSED, "flag:bankruptcy"),
        (promised, MessageStatus.SUPPRESSED, "paused:promise"),
        (paid, MessageStatus.SUPPRESSED, "nothing_due"),
    }
    assert not [m for m, _ in rows if m.account_id == said_no and m.status is MessageStatus.SENT]
    sent = [(m, zone) for m, zone in rows if m.status is MessageStatus.SENT]
    assert sent
    for message, zone in sent:
        assert 8 <= local_time(message.sent_at or MORNING, zone).hour < 20
        assert message.id in claims
    told = [(m.contact_id, m.channel, m.currency, business_date(m.sent_at or MORNING, z)) for m, z in sent]
    assert len(told) == len(set(told))
    # Where the day ended meanwhile they wait for the next morning; nothing is left hanging.
    for message, zone in rows:
        if message.status is MessageStatus.QUEUED:
            assert message.not_before > back
            assert local_time(message.not_before, zone).hour == 8
    crowd.assert_sink_agrees(house, mailbox)


def meanwhile(house: House) -> tuple[int, int, int, int]:
    """What four debtors who have a message in the queue do in these hours: account ids."""
    with house.store.write() as session:
        ids = session.scalars(
            select(Message.account_id)
            .where(Message.status == MessageStatus.QUEUED, Message.channel == Channel.EMAIL)
            .join(Account, Account.id == Message.account_id)
            .where(Account.zone == "Europe/London")
            .distinct()
            .order_by(Message.account_id)
            .limit(4)
        ).all()
        flagged, promised, said_no, paid = ids
        session.add(
            AccountFlag(
                account_id=flagged, kind=FlagKind.BANKRUPTCY, from_on=MORNING.date(), source="court",
                created_at=MORNING,
            )
        )  # fmt: skip
        account = session.get_one(Account, promised)
        pauses.pause(session, SYSTEM, account, PauseReason.PROMISE, key="promise:1", now=MORNING)
        for contact in session.scalars(select(Contact).where(Contact.account_id == said_no)):
            for channel in Channel:
                if consents.address_of(contact, channel):
                    token = consents.issue_opt_out(session, contact, channel, policy=POLICY, now=MORNING)
                    shown = consents.Shown("No more?", "1", "page")
                    consents.choose_by_link(session, token, wanted=False, shown=shown, now=MORNING)
        for invoice in session.scalars(select(crowd.Invoice).where(crowd.Invoice.account_id == paid)):
            credit_notes.record_credit_note(
                session, SYSTEM, invoice.ref, number=f"CN-{invoice.id}",
                amount=Money(invoice.balance_minor, invoice.currency), reason="paid", now=MORNING,
            )  # fmt: skip
    return flagged, promised, said_no, paid


def test_a_relay_that_is_away_past_the_end_of_the_day(house: House, mailbox: MailboxProcess) -> None:
    """Hours are kept: what could not leave in the evening leaves in the morning, not at night."""
    evening = MORNING.replace(hour=19, minute=30)
    messages = remind(house, 3, now=evening)
    away = replace(house, mail=AWAY)
    for minutes in range(0, 180, 10):
        drain(away, evening + timedelta(minutes=minutes))
    drain(house, evening + timedelta(hours=3))
    assert mailbox.messages() == []
    drain(house, MORNING + timedelta(days=1))
    with house.store.read() as session:
        rows = [session.get_one(Message, message.id) for message in messages]
    assert {(row.status, *row.reasons) for row in rows} == {(MessageStatus.SENT,)}
    assert len(mailbox.messages()) == len(rows) == 3
    with house.store.read() as session:
        days = session.execute(select(ContactLedger.message_id, ContactLedger.business_on)).all()
    assert len(set(days)) == len(days) == 2 * len(rows)  # yesterday's claim counts as used, too
    crowd.assert_sink_agrees(house, mailbox)


def test_a_relay_that_hangs_up_after_the_text(house: House, mailbox: MailboxProcess) -> None:
    """P-26: every reminder is in the sink once and unknown in the books, whatever time passes; the
    receipt is sent until it is sure, with one name."""
    messages = remind(house, 6)
    receipt(house, messages[0])
    mailbox.arm("drop_after_data", count=6)
    drain(house, MORNING)
    assert statuses(house, messages) == [MessageStatus.UNKNOWN] * 6
    for hours in range(1, 97, 5):
        drain(house, MORNING + timedelta(hours=hours))
    assert statuses(house, messages) == [MessageStatus.SENT] + [MessageStatus.UNKNOWN] * 5
    names = [mail["message_id"] for mail in mailbox.messages()]
    assert sorted(names) == sorted([messages[0].wire_id] * 2 + [m.wire_id for m in messages[1:]])
    with house.store.read() as session:
        assert sorted(session.scalars(select(ContactLedger.message_id))) == [m.id for m in messages[1:]]


def test_a_relay_that_says_421(house: House, mailbox: MailboxProcess) -> None:
    """Not now: later, once, and the day's claim is theirs all the time (C-02)."""
    messages = remind(house, 6)
    mailbox.arm("reject_421", count=9)
    drain(house, MORNING)
    assert statuses(house, messages) == [MessageStatus.QUEUED] * 6
    for minutes in range(5, 60, 5):
        drain(house, MORNING + timedelta(minutes=minutes))
    assert statuses(house, messages) == [MessageStatus.SENT] * 6
    assert len(mailbox.messages()) == 6
    with house.store.read() as session:
        assert len(session.scalars(select(ContactLedger)).all()) == 6


def test_a_relay_that_is_slow(house: House, own_mailbox: MailboxProcess) -> None:
    """A minute late after the text: taken for all we know, so never again; it holds up no other worker and
    no other message."""
    messages = remind(house, 3)
    own_mailbox.arm("slow", ms=60_000)
    slow = replace(house, mail=SmtpMail(own_mailbox.smtp_url, timeout=1.0))
    drain(slow, MORNING)
    found = statuses(house, messages)
    assert sorted(found) == [MessageStatus.SENT, MessageStatus.SENT, MessageStatus.UNKNOWN]
    drain(slow, MORNING + timedelta(days=2))
    assert statuses(house, messages) == found
    assert sorted(m["message_id"] for m in own_mailbox.messages()) == sorted(m.wire_id for m in messages)
    own_mailbox.process.kill()


def test_a_refusal_at_the_door_is_remembered(house: House, mailbox: MailboxProcess) -> None:
    """550: failed with an alert, the address is dead, and the next reminder to it does not leave."""
    [first] = remind(house)
    mailbox.arm("reject_550")
    drain(house, MORNING)
    later = MORNING + timedelta(days=7)
    second = again(house, first, later)
    drain(house, later)
    assert statuses(house, [first, second]) == [MessageStatus.FAILED, MessageStatus.SUPPRESSED]
    with house.store.read() as session:
        assert session.get_one(Message, second.id).reasons == ["dead_address"]
    assert mailbox.messages() == []


def test_a_bounce_by_mail_is_remembered(house: House, mailbox: MailboxProcess) -> None:
    """Sent, then returned for good: the message is bounced, the next one to that address does not leave,
    and a report that names no message of ours moves nothing."""
    first, other = remind(house, 2)
    drain(house, MORNING)
    dead = "Final-Recipient: rfc822; x@tidewater.example\nAction: failed\nStatus: 5.1.1"
    [to] = {mail["recipient"] for mail in mailbox.messages() if mail["message_id"] == first.wire_id}
    report = REPORT.replace("helen@tidewater.example", to)
    reports = [
        report.format(fields=dead, returned="message/rfc822", ours=ours, kind="delivery-status")
        .replace("bounce-7", f"bounce-{number}").replace("\n", "\r\n").encode()
        for number, ours in enumerate((first.wire_id, "<nobody@northgate.example>"))
    ]  # fmt: skip
    with imap_server(*reports) as room:
        looking = replace(house, mailbox=ImapMailbox(room.url))
        assert Postman().look(looking, now=MORNING) == 2
    later = MORNING + timedelta(days=7)
    seconds = [again(house, first, later), again(house, other, later)]
    drain(house, later)
    assert statuses(house, [first, other]) == [MessageStatus.BOUNCED, MessageStatus.SENT]
    assert statuses(house, seconds) == [MessageStatus.SUPPRESSED, MessageStatus.SENT]
    with house.store.read() as session:
        assert session.get_one(Message, seconds[0].id).reasons == ["dead_address"]


def again(house: House, first: Message, at: datetime) -> Message:
    """A later reminder to the same person."""
    with house.store.write() as session:
        account = session.get_one(Account, first.account_id)
        return reminders.remind(session, SYSTEM, account, now=at)[0]


def test_an_sms_provider_that_fails(house: House, mailbox: MailboxProcess) -> None:
    """5xx says nothing of the message: a reminder counts as sent, a receipt goes again with its key, and
    mail leaves meanwhile."""
    with house.store.write() as session:
        account = make.an_account(session, make.a_creditor(session), phone="+447946000001")
        make.an_invoice(session, account)
        text, mail = reminders.remind(
            session, SYSTEM, account, now=MORNING, channels=(Channel.SMS, Channel.EMAIL)
        )
    [sure] = remind(house)
    receipt(house, sure)
    with house.store.write() as session:
        session.get_one(Contact, sure.contact_id).phone = "+447946000002"
        session.get_one(Message, sure.id).channel = Channel.SMS
    mailbox.arm("sms_500", count=2)
    drain(house, MORNING)
    assert statuses(house, [text, mail, sure]) == [
        MessageStatus.UNKNOWN, MessageStatus.SENT, MessageStatus.UNKNOWN
    ]  # fmt: skip
    for hours in range(1, 49, 6):
        drain(house, MORNING + timedelta(hours=hours))
    assert statuses(house, [text, mail, sure]) == [
        MessageStatus.UNKNOWN, MessageStatus.SENT, MessageStatus.SENT
    ]  # fmt: skip
    assert [sms["message_id"] for sms in mailbox.messages(channel="sms")] == [sure.wire_id]
