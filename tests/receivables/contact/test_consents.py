"""What people said about being written to: it only grows, the last word counts (C-06, C-07)."""

from __future__ import annotations

import doctest
import threading
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Contact
from models.audit import AuditEntry
from models.links import Channel
from models.messages import ConsentEvent, ConsentEventKind, Message, Purpose
from models.states import MessageStatus, advance
from models.store import Store
from models.work import Interaction
from receivables.contact import consents, reminders
from receivables.contact import rules as contact_rules
from receivables.errors import LinkGone
from receivables.permissions import SYSTEM
from receivables.policy import default_policy
from tests import factories as make
from tests.conftest import NOON
from tests.races import together

POLICY = default_policy()
EMAIL, SMS = Channel.EMAIL, Channel.SMS


class Case:
    """An account that owes, one contact by mail and SMS, a reminder queued on each."""

    def __init__(self, store: Store) -> None:
        self.store = store
        with store.write() as s:
            self.account = make.an_account(
                s, make.a_creditor(s), email="Helen@Tidewater.example", phone="+441134960142"
            )
            make.an_invoice(s, self.account)
            self.contact = s.scalars(select(Contact)).one()
            reminders.remind(s, SYSTEM, self.account, now=NOON)
            self.token = consents.issue_opt_out(s, self.contact, EMAIL, policy=POLICY, now=NOON)

    def opt_out(self, token: str | None = None) -> ConsentEvent | None:
        return self.store.run(
            lambda s: consents.choose_by_link(
                s, token or self.token, wanted=False, now=NOON,
                shown=consents.Shown(
                    "Stop reminders to h…@tidewater.example", "1", "portal", "198.51.100.0/24"
                ),
            )
        )  # fmt: skip

    def is_out(self, address: str, channel: Channel = EMAIL) -> bool:
        with self.store.read() as s:
            return consents.has_opted_out(s, address, channel)

    def messages(self, purpose: Purpose) -> list[Message]:
        with self.store.read() as s:
            return list(s.scalars(select(Message).where(Message.purpose == purpose).order_by(Message.id)))


@pytest.fixture
def case(store: Store) -> Case:
    return Case(store)


def test_doctests() -> None:
    assert doctest.testmod(consents).failed == 0


def test_saying_no_is_kept_with_what_was_read(case: Case) -> None:
    """C-06: event, text shown, version, time, network prefix, source; and a line on the timeline."""
    event = case.opt_out()
    assert event is not None
    assert (event.event, event.purpose, event.channel) == (
        ConsentEventKind.OPTED_OUT,
        Purpose.REMINDER,
        EMAIL,
    )
    assert event.text_shown.startswith("Stop reminders")
    assert (event.source, event.ip_prefix, event.occurred_at) == ("portal", "198.51.100.0/24", NOON)
    with case.store.read() as s:
        assert "consent.opted_out" in s.scalars(select(AuditEntry.code)).all()
        assert "consent.opted_out" in s.scalars(select(Interaction.kind)).all()


def test_queued_reminders_are_stopped_at_once(case: Case) -> None:
    """C-07: the one on this channel; the SMS stays, since nobody spoke of SMS."""
    case.opt_out()
    by_channel = {m.channel: m for m in case.messages(Purpose.REMINDER)}
    assert by_channel[EMAIL].status is MessageStatus.SUPPRESSED
    assert by_channel[EMAIL].reasons == ["opted_out"]
    assert by_channel[SMS].status is MessageStatus.QUEUED


def test_one_confirmation_however_often_it_is_said(case: Case) -> None:
    """C-07: one confirmation; the second click changes nothing and is no error."""
    assert case.opt_out() is not None
    assert case.opt_out() is None
    (confirmation,) = case.messages(Purpose.OPT_OUT_CONFIRMED)
    assert confirmation.channel is EMAIL


def test_many_clicks_at_once_are_one_word(case: Case) -> None:
    answers = together(8, lambda _: case.opt_out() is not None)
    assert sorted(answers, key=str) == [False] * 7 + [True], answers
    assert len(case.messages(Purpose.OPT_OUT_CONFIRMED)) == 1


def test_the_word_follows_the_address(case: Case) -> None:
    """C-06: into other rows, whatever the case of its letters; other addresses and channels stay."""
    case.opt_out()
    assert case.is_out("helen@tidewater.example")
    assert case.is_out(" HELEN@TIDEWATER.EXAMPLE ")
    assert not case.is_out("helen@tidewater.example", SMS)
    assert not case.is_out("holly@tidewater.example")
    with case.store.write() as s:
        other = make.an_account(s, make.a_creditor(s), email="HELEN@tidewater.example")
        contact = s.scalars(select(Contact).where(Contact.account_id == other.id)).one()
        decision = contact_rules.may_contact(
            s, other, contact, channel=EMAIL, purpose=Purpose.REMINDER, currency="GBP", policy=POLICY,
            now=NOON,
        )  # fmt: skip
    assert decision.reasons == ("opted_out",)


def test_the_last_word_counts(case: Case) -> None:
    """C-06: STOP, then yes again, then STOP; every word stays in the ledger."""
    case.opt_out()

    def say(kind: ConsentEventKind) -> None:
        with case.store.write() as s:
            s.add(
                ConsentEvent(
                    contact_id=case.contact.id, channel=EMAIL, purpose=Purpose.REMINDER, event=kind,
                    address_digest=consents.address_digest("helen@tidewater.example"), text_shown="Yes",
                    text_version="1", source="phone", occurred_at=NOON + timedelta(days=1),
                )
            )  # fmt: skip

    say(ConsentEventKind.OPTED_IN)
    assert not case.is_out("helen@tidewater.example")
    assert case.opt_out() is not None
    assert case.is_out("helen@tidewater.example")
    with case.store.read() as s:
        assert [e.value for e in s.scalars(select(ConsentEvent.event).order_by(ConsentEvent.id))] == [
            "opted_out", "opted_in", "opted_out",
        ]  # fmt: skip
    assert len(case.messages(Purpose.OPT_OUT_CONFIRMED)) == 2


def test_looking_at_the_way_out_changes_nothing(case: Case) -> None:
    """L-04, C-07: no unsubscribe by GET; the page shows the masked address and no account."""
    with case.store.read() as s:
        view = consents.opt_out_view(s, case.token, now=NOON)
    assert (view.masked_address, view.is_out, view.channel) == ("H…@Tidewater.example", False, EMAIL)
    assert not case.is_out("helen@tidewater.example")
    case.opt_out()
    with case.store.read() as s:
        assert consents.opt_out_view(s, case.token, now=NOON).is_out


@pytest.mark.parametrize("token", ["nobody", "", "x" * 4000])
def test_an_unknown_way_out(case: Case, token: str) -> None:
    """L-10."""
    with case.store.read() as s, pytest.raises(LinkGone):
        consents.opt_out_view(s, token, now=NOON)
    with pytest.raises(LinkGone):
        case.opt_out(token or "-")


def test_an_address_that_is_gone(case: Case) -> None:
    """The contact has no such address any more: there is nothing to stop."""
    with case.store.write() as s:
        s.get_one(Contact, case.contact.id).email = None
    with pytest.raises(LinkGone):
        case.opt_out()
    with case.store.read() as s, pytest.raises(LinkGone):
        consents.opt_out_view(s, case.token, now=NOON)


def test_saying_no_while_a_worker_sends(case: Case) -> None:
    """C-07, FT-27: the worker has the message in hand; the word is kept all the same, without an error."""
    in_hand, done = threading.Event(), threading.Event()

    def work(_: int) -> None:
        def unit(s: Session) -> None:
            message = s.scalars(select(Message).where(Message.channel == EMAIL).with_for_update()).one()
            advance(message, MessageStatus.SENDING)
            s.flush()
            in_hand.set()
            done.wait(0.5)  # time for the other to come to the same row; it waits there

        case.store.run(unit)

    def say_no(_: int) -> bool:
        in_hand.wait(10)
        try:
            return case.opt_out() is not None
        finally:
            done.set()

    assert together(2, lambda n: work(n) if n == 0 else say_no(n)) == [None, True]
    (message,) = [m for m in case.messages(Purpose.REMINDER) if m.channel is EMAIL]
    assert message.status is MessageStatus.SENDING
    assert case.is_out("helen@tidewater.example")
