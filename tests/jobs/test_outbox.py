"""Sending: once or at least once as promised, at the right hour, to nobody who said no (P-25, P-26)."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import func, select

from assembly import House, assemble
from config import Settings
from gateways.mail import SmtpMail
from jobs import outbox as postbox
from models.accounts import Account, AccountFlag, Contact, DebtorType, FlagKind
from models.base import Base
from models.invoices import Invoice
from models.links import Channel, Link, OptOutLink
from models.messages import ContactLedger, Message, Purpose
from models.money import Money
from models.states import MessageStatus
from models.store import Store
from models.work import Alert, Interaction
from receivables import credit_notes, links, outbox
from receivables.contact import consents, reminders
from receivables.permissions import SYSTEM
from receivables.policy import default_policy
from receivables.ports import Letter, Mail, Presenter, RemoteState, Rendered
from tests import factories as make
from tests.conftest import NOON
from tests.fakes import ToldGateway, a_charge, a_truth
from tests.mailboxes import MailboxProcess
from tests.receivables.payments.test_settling import at_once, open_books

POLICY = default_policy()
PAY, SHORT = "https://pay.northgate.example", "https://n.example"
LINK = re.compile(r"https://[a-z.]+/[lx]/[A-Za-z0-9_-]+(?:/one-click)?")


@dataclass
class Office:
    """The House on a database of its own, with one account that owes £576.00."""

    house: House
    mailbox: MailboxProcess
    account: Account
    invoice: Invoice

    @property
    def store(self) -> Store:
        return self.house.store

    def remind(self, *, now: datetime = NOON, channels: tuple[Channel, ...] = (Channel.EMAIL,)) -> Message:
        with self.store.write() as s:
            account = s.get_one(Account, self.account.id)
            return reminders.remind(s, SYSTEM, account, now=now, channels=channels)[0]

    def receipt(self) -> Message:
        """The queued confirmation of a payment that came by card."""
        books = open_books(self.store, ToldGateway(), Money(5000, "GBP"))
        ref = books.start().ref
        books.gateway.truths = [a_truth(ref, RemoteState.SUCCEEDED, a_charge(ref, Money(5000, "GBP")))]
        books.settle(ref)
        with self.store.read() as s:
            return s.scalars(select(Message).where(Message.purpose == Purpose.RECEIPT)).one()

    def send(self, at: datetime = NOON, worker: str = "w1", **parts: Any) -> int:
        return postbox.send_due(replace(self.house, **parts), worker=worker, now=at)

    def message(self, message: Message) -> Message:
        with self.store.read() as s:
            return s.get_one(Message, message.id)

    def status(self, message: Message) -> MessageStatus:
        return self.message(message).status

    def change(self, what: Callable[[Any], object]) -> None:
        with self.store.write() as s:
            what(s)

    def alerts(self) -> list[str]:
        with self.store.read() as s:
            return list(s.scalars(select(Alert.code).order_by(Alert.id)))


def build(database_url: str, mailbox: MailboxProcess, folder: Path, **more: Any) -> House:
    settings = Settings.load(
        **{
            "AMICABLE_ENV": "test", "DATABASE_URL": database_url, "SECRET_KEY": "k" * 40,
            "AMICABLE_DATA_DIR": folder, "BASE_URL": PAY, "AMICABLE_SHORT_URL": SHORT,
            "SMTP_URL": mailbox.smtp_url, "SMS_URL": mailbox.sms_url, **more,
        }
    )  # fmt: skip
    return assemble(settings)


@pytest.fixture
def office(database_url: str, mailbox: MailboxProcess, tmp_path: Path) -> Iterator[Office]:
    house = build(database_url, mailbox, tmp_path)
    with house.store.write() as s:
        account = make.an_account(s, make.a_creditor(s), phone="+441134960142")
        invoice = make.an_invoice(s, account, total=57600)
    yield Office(house, mailbox, account, invoice)
    house.press.close()
    house.store.dispose()


class Killed(BaseException):
    """kill -9, as far as Python can play it."""


class Dying:
    """A carrier in whose hands the worker dies, before or after the mail was handed over."""

    def __init__(self, carrier: Any = None) -> None:
        self.carrier = carrier

    def send(self, mail: Any) -> None:
        if self.carrier:
            self.carrier.send(mail)
        raise Killed


class TestWhatLeaves:
    def test_a_reminder_by_mail(self, office: Office) -> None:
        """Decisions 18-20: one mail, our Message-ID, the amount of now, a way to pay and a way out."""
        message = office.remind()
        assert office.send() == 1
        [mail] = office.mailbox.messages()
        kept = office.message(message)
        assert (kept.status, kept.sent_at is not None, kept.attempts) == (MessageStatus.SENT, True, 1)
        assert mail["message_id"] == kept.wire_id
        assert "£576.00" in mail["text"]
        assert mail["sender"] == "accounts@northgate.example"
        assert office.send(NOON + timedelta(days=2)) == 0

    def test_its_links_open(self, office: Office) -> None:
        """L-02: the clear token opens what its digest names; the way out works by one click (RFC 8058)."""
        office.remind()
        office.send()
        [mail] = office.mailbox.messages()
        pay, stop = token(mail["text"], "l"), token(mail["text"], "x")
        assert urlsplit(LINK.findall(mail["text"])[0]).netloc == urlsplit(PAY).netloc
        with office.store.write() as s:
            _, actor = links.redeem(s, pay, policy=POLICY, now=NOON, request_id=None)
            assert actor.account_id == office.account.id
        headers = dict(mail["headers"])
        assert headers["List-Unsubscribe"] == f"<{PAY}/x/{stop}/one-click>"
        assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        with office.store.write() as s:
            assert opt_out(s, stop, NOON)

    def test_a_text_message_goes_by_the_short_address(self, office: Office) -> None:
        """Decision 6 and 20: 128 bits on the short host, at most three segments, with a way out."""
        office.remind(channels=(Channel.SMS,))
        office.send()
        [sms] = office.mailbox.messages(channel="sms")
        found = LINK.findall(sms["text"])
        assert [urlsplit(a).netloc for a in found] == ["n.example"] * 2
        assert sms["sms"]["segments"] <= 3
        with office.store.read() as s:
            assert links.look(s, token(sms["text"], "l"), now=NOON).account_name == office.account.name

    def test_the_clear_token_is_in_the_sent_text_and_nowhere_else(
        self, office: Office, caplog: pytest.LogCaptureFixture
    ) -> None:
        """L-02, L-12, decision 19: not in any table, not in any log line, masked or not."""
        caplog.set_level(logging.DEBUG)
        message = office.remind(channels=(Channel.EMAIL, Channel.SMS))
        office.receipt()
        office.send()
        office.send(datetime.now(UTC) + timedelta(minutes=1))
        mails = office.mailbox.messages()
        clear = {t for m in mails for t in re.findall(r"/[lx]/([A-Za-z0-9_-]+)", m["text"] + m["html"])}
        assert len(mails) == 3
        assert len(clear) == 6
        told = everything(office.store) + caplog.text
        assert not [t for t in clear if t in told]
        body = office.message(message).body or ""
        assert "[link]" in body
        assert "[stop]" in body
        with office.store.read() as s:
            digests = set(s.scalars(select(Link.token_digest))) | set(
                s.scalars(select(OptOutLink.token_digest))
            )
        assert {links.digest(t) for t in clear} == digests

    def test_a_private_person_is_written_to_neutrally(self, office: Office) -> None:
        """Decision 20: no debt words in the subject or the first 40 characters."""
        office.change(
            lambda s: setattr(s.get_one(Account, office.account.id), "debtor_type", DebtorType.PRIVATE_PERSON)
        )
        office.remind()
        office.send()
        [mail] = office.mailbox.messages()
        opening = (mail["subject"] + mail["text"].strip()[:40]).casefold()
        assert not [w for w in ("overdue", "debt", "owe", "£", "invoice", "reminder") if w in opening]

    @pytest.mark.parametrize("name", ["a\r\nBcc: eve@evil.example", "a\nSubject: x"])
    def test_a_name_makes_no_header(self, office: Office, name: str) -> None:
        """X-04: nothing goes out, nobody else gets it, a person is told."""
        office.change(lambda s: setattr(contact_of(s, office), "name", name))
        message = office.remind()
        office.send()
        assert office.mailbox.messages() == []
        assert office.status(message) is MessageStatus.FAILED
        assert office.alerts() == ["message_refused"]

    def test_a_name_is_no_markup(self, office: Office) -> None:
        """X-04: what a debtor is called is text in the HTML part too."""
        office.change(lambda s: setattr(contact_of(s, office), "name", '"><img src=x onerror=alert(1)>'))
        office.remind()
        office.send()
        [mail] = office.mailbox.messages()
        assert "<img src=x" not in mail["html"]


class TestDeliveryClasses:
    """P-26: reminders at most once; receipts at least once with one Message-ID."""

    def test_a_reminder_that_may_have_arrived_is_not_sent_again(self, office: Office) -> None:
        message = office.remind()
        office.mailbox.arm("drop_after_data")
        office.send()
        assert office.status(message) is MessageStatus.UNKNOWN
        for hours in range(1, 80, 7):
            office.send(NOON + timedelta(hours=hours))
        assert len(office.mailbox.messages()) == 1

    def test_a_receipt_is_sent_until_it_is_sure(self, office: Office) -> None:
        """Decision 19: the same Message-ID, a new token each time."""
        message = office.receipt()
        office.mailbox.arm("drop_after_data", count=2)
        for at in moments(office, message):
            office.send(at)
        assert office.status(message) is MessageStatus.SENT
        mails = office.mailbox.messages()
        assert [m["message_id"] for m in mails] == [message.wire_id] * 3
        assert len({token(m["text"], "l") for m in mails}) == 3

    def test_a_receipt_that_stays_unsure_is_given_up(self, office: Office) -> None:
        """A relay that always hangs up: some copies, not one an hour for ever; a person is told."""
        message = office.receipt()
        office.mailbox.arm("drop_after_data", count=100)
        for at in moments(office, message, most=30):
            office.send(at)
        assert len(office.mailbox.messages()) == postbox.TRIES
        assert office.alerts() == ["message_given_up"]

    def test_a_text_receipt_keeps_its_key(self, office: Office) -> None:
        """By SMS the carrier's key makes a repeat harmless."""
        message = office.receipt()
        office.change(lambda s: setattr(s.get_one(Message, message.id), "channel", Channel.SMS))
        office.change(lambda s: setattr(s.get_one(Contact, message.contact_id), "phone", "+441134960143"))
        office.mailbox.arm("sms_drop")
        for at in moments(office, message):
            office.send(at)
        assert office.status(message) is MessageStatus.SENT
        assert len(office.mailbox.messages(channel="sms")) == 1

    @pytest.mark.parametrize("handed_over", [False, True])
    def test_killed_while_a_reminder_was_out(self, office: Office, handed_over: bool) -> None:
        """P-25, P-26: after `sending` nobody knows; it counts as sent."""
        message = office.remind()
        carrier = Dying(office.house.mail if handed_over else None)
        with pytest.raises(Killed):
            office.send(mail=carrier)
        assert office.status(message) is MessageStatus.SENDING
        office.send(NOON + POLICY.lease - timedelta(seconds=2), "w2")
        assert office.status(message) is MessageStatus.SENDING
        for minutes in (3, 6, 60):
            office.send(NOON + timedelta(minutes=minutes), "w2")
        assert office.status(message) is MessageStatus.UNKNOWN
        assert len(office.mailbox.messages()) == int(handed_over)
        with office.store.read() as s:
            assert s.scalar(select(func.count()).where(Interaction.kind == "message.unknown")) == 1

    @pytest.mark.parametrize("handed_over", [False, True])
    def test_killed_while_a_receipt_was_out(self, office: Office, handed_over: bool) -> None:
        message = office.receipt()
        with pytest.raises(Killed):
            office.send(message.not_before, mail=Dying(office.house.mail if handed_over else None))
        office.send(message.not_before + timedelta(minutes=3), "w2")
        assert office.status(message) is MessageStatus.SENT
        ids = [m["message_id"] for m in office.mailbox.messages()]
        assert ids == [message.wire_id] * (1 + handed_over)

    def test_killed_before_it_was_out(self, office: Office) -> None:
        """Leased, not begun: the next worker sends it once the lease is over."""
        message = office.remind()
        with pytest.raises(Killed):
            office.send(presenter=Words(Killed()))
        assert office.send(NOON + timedelta(seconds=60), "w2") == 0
        office.send(NOON + POLICY.lease, "w2")
        assert office.status(message) is MessageStatus.SENT

    @pytest.mark.parametrize("workers", [2, 5])
    def test_several_workers_send_each_message_once(self, office: Office, workers: int) -> None:
        """P-25, FT-18 in small."""
        with office.store.write() as s:
            creditor = make.a_creditor(s)
            for _ in range(24):
                account = make.an_account(s, creditor)
                make.an_invoice(s, account)
                reminders.remind(s, SYSTEM, account, now=NOON)

        def work(name: str) -> None:
            while postbox.send_due(office.house, worker=name, now=NOON, limit=3):
                pass

        at_once([lambda n=n: work(f"w{n}") for n in range(workers)])  # type: ignore[misc]
        ids = [m["message_id"] for m in office.mailbox.messages()]
        assert len(ids) == len(set(ids)) == 24
        with office.store.read() as s:
            assert set(s.scalars(select(Message.status))) == {MessageStatus.SENT}


class TestCarriers:
    def test_deferred_is_tried_again_later(self, office: Office) -> None:
        """FT-23: 421 is for now; the day's claim stays with the message."""
        message = office.remind()
        office.mailbox.arm("reject_421")
        office.send()
        kept = office.message(message)
        assert (kept.status, kept.attempts) == (MessageStatus.QUEUED, 1)
        assert office.send(kept.not_before - timedelta(seconds=1)) == 0
        office.send(kept.not_before)
        assert office.status(message) is MessageStatus.SENT
        assert len(office.mailbox.messages()) == 1

    def test_refused_is_for_good(self, office: Office) -> None:
        message = office.remind()
        office.mailbox.arm("reject_550")
        office.send()
        assert office.status(message) is MessageStatus.FAILED
        assert office.alerts() == ["message_refused"]
        office.send(NOON + timedelta(days=1))
        assert office.mailbox.messages() == []

    def test_a_relay_that_is_away_for_hours(self, office: Office) -> None:
        """FT-23: four hours without SMTP; then the queue drains and the cap is kept."""
        message, receipt = office.remind(), office.receipt()
        office.change(lambda s: setattr(s.get_one(Message, receipt.id), "not_before", NOON))
        office.change(lambda s: setattr(s.get_one(Message, receipt.id), "queued_at", NOON))
        away, back = SmtpMail("smtp://127.0.0.1:9"), NOON + timedelta(hours=4)
        at = NOON
        while at < back:
            office.send(at, mail=away)
            at += timedelta(minutes=5)
        for minutes in range(0, 65, 5):
            office.send(back + timedelta(minutes=minutes))
        assert office.status(message) is office.status(receipt) is MessageStatus.SENT
        assert len(office.mailbox.messages()) == 2

    def test_without_a_carrier_it_waits_and_is_given_up_at_last(self, office: Office) -> None:
        receipt = office.receipt()
        at = receipt.not_before
        while at < receipt.not_before + timedelta(days=4):
            office.send(at, mail=None)
            at += timedelta(hours=2)
        kept = office.message(receipt)
        assert (kept.status, kept.reasons) == (MessageStatus.SUPPRESSED, ["given_up"])
        assert office.alerts() == ["message_given_up"]

    def test_each_message_has_its_own_moment(self, office: Office) -> None:
        """A slow relay makes a lease long: what is sent at its end is not dated at its beginning."""
        with office.store.write() as s:
            other = make.an_account(s, make.a_creditor(s))
            make.an_invoice(s, other)
            second = reminders.remind(s, SYSTEM, other, now=NOON)[0]
        first = office.remind()
        office.mailbox.arm("slow", ms=1100)
        office.send()
        times = sorted(office.message(m).sent_at or NOON for m in (first, second))
        assert times[1] - times[0] > timedelta(seconds=1)


class Words:
    """A presenter that stumbles over messages to one account, or over all."""

    def __init__(self, trouble: BaseException, over: str = "", good: Presenter | None = None) -> None:
        self.trouble, self.over, self.good = trouble, over, good

    def render_message(self, letter: Letter) -> Rendered:
        if self.good is None or letter.values["account"] == self.over:
            raise self.trouble
        return self.good.render_message(letter)


class TestStumbling:
    """FT-08 for messages: one that can't be made holds up no other, and is not silently lost."""

    def two(self, office: Office) -> tuple[Message, Message]:
        bad = office.remind()
        with office.store.write() as s:
            other = make.an_account(s, make.a_creditor(s), name="Harbour Café")
            make.an_invoice(s, other)
            return bad, reminders.remind(s, SYSTEM, other, now=NOON)[0]

    def test_a_trace_in_one(self, office: Office) -> None:
        bad, good = self.two(office)
        words = Words(RuntimeError("a hole"), office.account.name, office.house.presenter)
        office.send(presenter=words)
        assert office.status(good) is MessageStatus.SENT
        assert (office.status(bad), office.message(bad).attempts) == (MessageStatus.QUEUED, 1)
        assert office.alerts() == ["message_incomplete"]
        assert office.send(NOON + timedelta(seconds=30), presenter=words) == 0
        office.send(NOON + timedelta(minutes=2))
        assert office.status(bad) is MessageStatus.SENT

    def test_a_carrier_that_stumbles(self, office: Office) -> None:
        """Nobody knows how far it came: unknown, so a reminder is not sent again."""
        bad, good = self.two(office)

        class Stumbling:
            def send(self, mail: Mail) -> None:
                if "Helen" in mail.to_name and mail.to == contact_email(office):
                    raise ZeroDivisionError
                assert office.house.mail is not None
                office.house.mail.send(mail)

        office.send(mail=Stumbling())
        assert (office.status(bad), office.status(good)) == (MessageStatus.UNKNOWN, MessageStatus.SENT)

    def test_a_text_with_a_hole_never_leaves(self, office: Office) -> None:
        """A part is missing: failed by name, nothing half sent."""
        message = office.remind()
        office.change(lambda s: setattr(s.get_one(Message, message.id), "kind", "no_such_kind"))
        office.send()
        with office.store.read() as s:
            assert s.scalars(select(Message.status)).one() is MessageStatus.FAILED
            assert s.scalars(select(Message.reasons)).one() == ["message_incomplete"]
        assert office.alerts() == ["message_incomplete"]
        assert office.mailbox.messages() == []


def utc(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


class TestTheGate:
    """Decision 18: asked at the last moment, so that what was said meanwhile counts."""

    @pytest.mark.parametrize("channel", [Channel.EMAIL, Channel.SMS])
    @pytest.mark.parametrize(
        ("zone", "early", "open_at"),
        [
            ("Europe/London", utc(19, 7, 59), utc(19, 8)),
            ("Asia/Jerusalem", utc(19, 3), utc(19, 6)),
            ("Europe/London", utc(19, 20), utc(20, 8)),
        ],
    )
    def test_outside_hours_it_waits(
        self, office: Office, channel: Channel, zone: str, early: datetime, open_at: datetime
    ) -> None:
        """08:00 to 20:00 where the account lives; then it goes by itself."""
        office.change(lambda s: setattr(s.get_one(Account, office.account.id), "zone", zone))
        message = office.remind(now=early, channels=(channel,))
        office.send(early)
        kept = office.message(message)
        assert (kept.status, kept.not_before) == (MessageStatus.QUEUED, open_at)
        assert office.send(open_at - timedelta(seconds=1)) == 0
        office.send(open_at)
        assert office.status(message) is MessageStatus.SENT

    def test_a_receipt_keeps_no_hours(self, office: Office) -> None:
        """It answers the payer's own act."""
        receipt = office.receipt()
        night = (receipt.not_before + timedelta(days=1)).replace(hour=3)
        office.send(night)
        assert office.status(receipt) is MessageStatus.SENT

    def test_one_a_day(self, office: Office) -> None:
        """C-02: the second of the same day is suppressed, and says why; the next day is free."""
        first, second = office.remind(), self.another(office, "again")
        office.send()
        assert office.status(first) is MessageStatus.SENT
        assert office.message(second).reasons == ["already_today"]
        tomorrow = office.remind(now=NOON + timedelta(days=1))
        office.send(NOON + timedelta(days=1))
        assert office.status(tomorrow) is MessageStatus.SENT
        assert len(office.mailbox.messages()) == 2

    def test_one_a_day_with_two_workers(self, office: Office) -> None:
        """C-02: both pass the question, one gets the claim."""
        messages = [office.remind(), self.another(office, "again")]
        taken = office.store.run(lambda s: postbox._lease(s, worker="w", policy=POLICY, now=NOON, limit=9))
        at_once([lambda i=i: postbox.deliver(office.house, i, now=NOON) for i in taken])  # type: ignore[misc]
        assert sorted(office.status(m) for m in messages) == [MessageStatus.SENT, MessageStatus.SUPPRESSED]
        assert len(office.mailbox.messages()) == 1
        with office.store.read() as s:
            assert s.scalar(select(func.count()).select_from(ContactLedger)) == 1

    def test_opted_out_between_queue_and_send(self, office: Office) -> None:
        """FT-27 in small: nothing leaves after the commit of the word, queued messages included."""
        office.remind()
        office.send()
        stop = token(office.mailbox.messages()[0]["text"], "x")
        office.mailbox.clear()
        tomorrow = NOON + timedelta(days=1)
        queued = office.remind(now=tomorrow)
        # Another row with the same address: the word follows the address (C-06).
        with office.store.write() as s:
            other = make.an_account(s, make.a_creditor(s), email=contact_email(office))
            make.an_invoice(s, other)
            elsewhere = reminders.remind(s, SYSTEM, other, now=tomorrow)[0]
            opt_out(s, stop, tomorrow)
        office.send(tomorrow)
        assert office.message(queued).reasons == ["opted_out"]
        assert office.message(elsewhere).reasons == ["opted_out"]
        assert [m["subject"] for m in office.mailbox.messages() if "PAY" in m["subject"]] == []
        with office.store.read() as s:
            sent = s.scalars(select(Message.purpose).where(Message.sent_at >= tomorrow)).all()
        assert sent == [Purpose.OPT_OUT_CONFIRMED]

    @pytest.mark.parametrize("flag", [kind for kind in FlagKind if kind is not FlagKind.LEGAL_HOLD])
    def test_a_flag_between_queue_and_send(self, office: Office, flag: FlagKind) -> None:
        """FT-27: whatever binds contact binds the queue, and receipts still go."""
        message, receipt = office.remind(), office.receipt()
        with office.store.write() as s:
            for account_id in (office.account.id, receipt.account_id):
                s.add(
                    AccountFlag(
                        account_id=account_id, kind=flag, from_on=NOON.date(), to_on=None, source="letter",
                        created_at=NOON,
                    )
                )  # fmt: skip
        office.send()
        office.send(receipt.not_before)
        assert office.message(message).reasons == [f"flag:{flag.value}"]
        assert office.status(receipt) is MessageStatus.SENT

    def test_paid_between_queue_and_send(self, office: Office) -> None:
        message = office.remind()
        with office.store.write() as s:
            credit_notes.record_credit_note(
                s,
                SYSTEM,
                office.invoice.ref,
                number="CN-1",
                amount=Money(57600, "GBP"),
                reason="paid",
                now=NOON,
            )
        office.send()
        assert office.message(message).reasons == ["nothing_due"]
        assert office.mailbox.messages() == []

    def test_what_was_overdue_is_paid_and_the_rest_is_not_due(self, office: Office) -> None:
        """A reminder of nothing: the account owes, but not yet, so nothing is said."""
        later = (NOON + timedelta(days=20)).date()
        office.change(lambda s: make.an_invoice(s, s.get_one(Account, office.account.id), due_on=later))
        message = office.remind()
        with office.store.write() as s:
            credit_notes.record_credit_note(
                s, SYSTEM, office.invoice.ref, number="CN-1", amount=Money(57600, "GBP"), reason="paid",
                now=NOON,
            )  # fmt: skip
        office.send()
        assert office.message(message).reasons == ["nothing_due"]
        assert office.mailbox.messages() == []

    def test_the_amount_is_of_the_moment(self, office: Office) -> None:
        """FT-15 of messages: partly credited between queue and send, the mail says what is left."""
        office.remind()
        with office.store.write() as s:
            credit_notes.record_credit_note(
                s,
                SYSTEM,
                office.invoice.ref,
                number="CN-1",
                amount=Money(7600, "GBP"),
                reason="back",
                now=NOON,
            )
        office.send()
        [mail] = office.mailbox.messages()
        assert "£500.00" in mail["text"]
        assert "£576.00" not in mail["subject"]

    def test_an_inactive_contact(self, office: Office) -> None:
        message = office.remind()
        office.change(lambda s: setattr(contact_of(s, office), "is_active", False))
        office.send()
        assert office.message(message).reasons == ["contact_inactive"]

    def test_an_unsure_receipt_to_nobody_rests(self, office: Office) -> None:
        """Its address is gone meanwhile: it is not taken up every two minutes for ever."""
        receipt = office.receipt()
        office.mailbox.arm("drop_after_data")
        office.send(receipt.not_before)
        office.change(lambda s: setattr(s.get_one(Contact, receipt.contact_id), "is_active", False))
        at = office.message(receipt).not_before
        assert office.send(at) == 1
        for minutes in (3, 60, 60 * 24 * 30):
            assert office.send(at + timedelta(minutes=minutes)) == 0
        assert len(office.mailbox.messages()) == 1

    def another(self, office: Office, key: str) -> Message:
        with office.store.write() as s:
            return outbox.enqueue(
                s, SYSTEM, account=s.get_one(Account, office.account.id), contact=contact_of(s, office),
                channel=Channel.EMAIL, purpose=Purpose.REMINDER, kind="first_reminder", facts={},
                dedupe_key=key, currency="GBP", now=NOON,
            )  # fmt: skip


class TestWhereWeAre:
    """Decision 21: what is not production writes to the stand-in or to listed addresses only."""

    @pytest.mark.parametrize(
        ("listed", "status"),
        [("", MessageStatus.SUPPRESSED), ("QA@northgate.example, {me}", MessageStatus.SENT),
         ("helen@else.example", MessageStatus.SUPPRESSED)],
    )  # fmt: skip
    def test_staging_writes_to_listed_addresses(
        self, database_url: str, mailbox: MailboxProcess, tmp_path: Path, listed: str, status: MessageStatus
    ) -> None:
        """A staging host may have a true relay on loopback: that is no stand-in."""
        email = "Helen@Tidewater.example"
        allowed = listed.format(me=email.lower())
        house = build(database_url, mailbox, tmp_path, AMICABLE_ENV="staging", AMICABLE_ALLOW_TO=allowed)
        with house.store.write() as s:
            account = make.an_account(s, make.a_creditor(s), email=email)
            invoice = make.an_invoice(s, account)
        office = Office(house, mailbox, account, invoice)
        message = office.remind()
        office.send()
        assert office.status(message) is status
        assert len(mailbox.messages()) == (status is MessageStatus.SENT)
        if status is MessageStatus.SUPPRESSED:
            assert office.message(message).reasons == ["not_allowed_here"]
        house.store.dispose()


def token(text: str, kind: str) -> str:
    """The first clear token of a kind ("l", "x") in a text."""
    found = re.search(rf"/{kind}/([A-Za-z0-9_-]+)", text)
    assert found, text
    return found[1]


def moments(office: Office, message: Message, most: int = 6) -> Iterator[datetime]:
    """The moments at which a message is next due, until it is through."""
    for _ in range(most):
        kept = office.message(message)
        if kept.status not in (MessageStatus.QUEUED, MessageStatus.UNKNOWN):
            return
        yield kept.not_before


def contact_of(session: Any, office: Office) -> Contact:
    return session.scalars(select(Contact).where(Contact.account_id == office.account.id)).one()  # type: ignore[no-any-return]


def contact_email(office: Office) -> str:
    with office.store.read() as s:
        return contact_of(s, office).email or ""


def opt_out(session: Any, clear: str, now: datetime) -> Any:
    shown = consents.Shown("Stop", "1", "one_click")
    return consents.choose_by_link(session, clear, wanted=False, shown=shown, now=now)


def everything(store: Store) -> str:
    """Every value of every table, as text."""
    with store.read() as s:
        return "\n".join(
            str(tuple(row)) for table in Base.metadata.sorted_tables for row in s.execute(select(table))
        )
