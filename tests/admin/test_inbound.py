"""What reached us and what did not leave, at the desk: threaded, filtered, put to a person by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from models.accounts import Account, AccountFlag, Contact, FlagKind
from models.inbound import InboundMessage
from models.links import Channel
from models.messages import Message
from models.pauses import PauseReason
from models.staff import Role
from models.states import MessageStatus, advance
from models.store import Store
from models.work import Interaction, Task
from receivables import arrivals, pauses
from receivables.contact import assigning, consents, reminders
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.permissions import SYSTEM
from receivables.ports import DeliveryWord, Fate, Incoming
from tests import factories as make
from tests.admin.conftest import Desk
from tests.conftest import NOON
from tests.portal.visitor import words

STRANGER = Incoming(
    "email", "<1@elsewhere.example>", "kim@elsewhere.example", "Invoice", "Please stop writing."
)


def take(desk: Desk, *incoming: Incoming) -> None:
    for one in incoming:
        desk.store.run(lambda s, i=one: arrivals.take(s, i, now=NOON))


def message(desk: Desk) -> InboundMessage:
    with desk.store.read() as s:
        return s.scalars(select(InboundMessage)).one()


def helen(desk: Desk) -> Contact:
    with desk.store.read() as s:
        return s.scalars(select(Contact)).one()


def test_nothing_yet_says_what_would_come(desk: Desk) -> None:
    """Empty states: both lists say what they are for."""
    visitor = desk.at()
    assert "Nothing came yet. Replies, bounces and requests to stop appear here." in words(
        visitor.get("/desk/inbound")
    )
    assert "Nothing fits these filters." in words(visitor.get("/desk/inbound?show=bounces"))
    assert "Everything that was queued has left or still waits" in words(visitor.get("/desk/suppressed"))
    assert "Nothing fits these filters." in words(visitor.get("/desk/suppressed?reason=opted_out"))


def test_replies_and_stop_words_are_threaded_and_filtered(desk: Desk, tidewater: Account) -> None:
    """C-07: what was obeyed is said; what was automatic or nobody's has filters of its own."""
    address = helen(desk).email
    take(
        desk,
        Incoming("email", "<a@t.example>", address, "Re: Invoice", "The invoice lacks our order number."),
        Incoming("email", "<b@t.example>", address, "Re: Invoice", "STOP"),
        Incoming("email", "<c@t.example>", address, "Away", "I am on holiday", automatic=True),
        STRANGER,
    )
    visitor = desk.at()
    page = words(visitor.get("/desk/inbound"))
    for said in (
        "The invoice lacks our order number.", "a person reads it", "wants no reminders: obeyed",
        "Automatic answer · E-mail", "Tidewater Café & Bakery Ltd Helen Marsh", "Say who wrote it…",
    ):  # fmt: skip
        assert said in page
    for show, there, gone in (
        ("asked", "obeyed", "order number"), ("automatic", "holiday", "STOP"),
        ("unmatched", "Please stop writing.", "holiday"), ("replies", "order number", "holiday"),
    ):  # fmt: skip
        page = words(visitor.get(f"/desk/inbound?show={show}"))
        assert (there in page, gone in page) == (True, False), show
    page = words(visitor.get(f"/desk/inbound?account={tidewater.number}"))
    assert ("holiday" in page, "Please stop writing." in page) == (True, False)


def test_bounces_are_worded(desk: Desk, tidewater: Account) -> None:
    """What a carrier said of a message of ours stands at the account, with the message it is about."""
    with desk.store.write() as s:
        reminders.remind(s, SYSTEM, s.get_one(Account, tidewater.id), now=NOON)
        sent = s.scalars(select(Message).where(Message.currency == "GBP")).one()
        advance(sent, MessageStatus.SENDING)
        advance(sent, MessageStatus.SENT)
        wire, to = sent.wire_id, helen(desk).email
    word = DeliveryWord(Fate.DEAD, wire, to, "5.1.1")
    take(desk, Incoming("email", "<d@relay.example>", "x@relay.example", None, "", words=(word,)))
    page = words(desk.at().get("/desk/inbound?show=bounces"))
    assert "Came back · E-mail Tidewater Café & Bakery Ltd Helen Marsh" in page
    assert "about: First reminder no such address" in page


def test_a_message_is_put_to_a_person_by_hand_and_obeyed(desk: Desk, tidewater: Account) -> None:
    """C-07: who wrote is said by a person, audited; what the words ask for counts from then on."""
    take(desk, STRANGER)
    contact, ref = helen(desk), message(desk).ref
    visitor = desk.at()
    page = words(visitor.get(f"/desk/inbound?message={ref}&who=helen"))
    assert f"Helen Marsh {contact.email} · Tidewater Café & Bakery Ltd" in page
    assert "Nobody on file fits." in words(visitor.get(f"/desk/inbound?message={ref}&who=nobody"))
    assert visitor.post(f"/desk/inbound/{ref}/assign", {}).status_code == 422
    visitor.get("/desk/inbound")
    answer = visitor.post(f"/desk/inbound/{ref}/assign", {"contact": contact.ref})
    assert "The message is threaded." in words(visitor.get(answer.location))
    row = message(desk)
    assert (row.account_id, row.contact_id, row.outcome) == (tidewater.id, contact.id, "stop_and_ask")
    with desk.store.read() as s:
        assert consents.has_opted_out(s, contact.email, Channel.EMAIL)
        assert s.scalars(select(Interaction.kind)).all()[-1] == "reply.stop_and_ask"
    assert "inbound.assigned" in desk.codes()
    assert "Say who wrote it…" not in words(visitor.get("/desk/inbound"))


def test_what_no_rule_understands_becomes_a_task(store: Store) -> None:
    """A reply that asks something is read by a person, at the account it was put to."""
    with store.write() as s:
        contact, actor = _people(s)
        ref = arrivals.take(s, replace(STRANGER, text="When do you deliver?"), now=NOON).ref
        assert assigning.assign(s, actor, ref, contact.ref, now=NOON).outcome == "task"
        assert s.scalars(select(Task.facts)).one()["words"] == "When do you deliver?"
        assert assigning.assign(s, actor, ref, contact.ref, now=NOON).outcome == "task"
        assert len(s.scalars(select(Task)).all()) == 1


def test_who_may_assign_what_to_whom(store: Store) -> None:
    """A-01: not an auditor; not twice to two people; not a bounce, nor to who is not on file."""
    with store.write() as s:
        contact, actor = _people(s)
        other = make.a_contact(s, s.get_one(Account, contact.account_id), email="zoe@tidewater.example")
        ref = arrivals.take(s, STRANGER, now=NOON).ref
        auto = arrivals.take(s, replace(STRANGER, external_id="<2@x>", automatic=True), now=NOON).ref
        with pytest.raises(NotAllowed):
            assigning.assign(s, make.staff_actor(make.a_person(s, Role.AUDITOR)), ref, contact.ref, now=NOON)
        for wrong, to in ((auto, contact.ref), (ref, "nobody"), ("nothing", contact.ref)):
            with pytest.raises(NotFound):
                assigning.assign(s, actor, wrong, to, now=NOON)
        assigning.assign(s, actor, ref, contact.ref, now=NOON)
        with pytest.raises(Refused, match="assigned_already"):
            assigning.assign(s, actor, ref, other.ref, now=NOON)


def test_a_wish_to_be_written_to_needs_the_own_address(store: Store) -> None:
    """C-06: an opt-in from an address that is not the contact's is read by a person, never obeyed."""
    with store.write() as s:
        contact, actor = _people(s)
        ref = arrivals.take(s, replace(STRANGER, text="START"), now=NOON).ref
        assert assigning.assign(s, actor, ref, contact.ref, now=NOON).outcome == "task"


def _people(s):  # type: ignore[no-untyped-def]
    account = make.an_account(s, make.a_creditor(s))
    contact = s.scalars(select(Contact).where(Contact.account_id == account.id)).one()
    return contact, make.staff_actor(make.a_person(s))


@pytest.fixture
def held_back(desk: Desk, tidewater: Account) -> Account:
    """Two reminders held back: one by a pause, one by two facts; a third on another day."""
    with desk.store.write() as s:
        account = s.get_one(Account, tidewater.id)
        reminders.remind(s, SYSTEM, account, now=NOON)
        gbp, eur = sorted(s.scalars(select(Message)), key=lambda m: m.currency or "", reverse=True)
        gbp.reasons, eur.reasons = ["paused:promise"], ["flag:bankruptcy", "opted_out"]
        for one in (gbp, eur):
            advance(one, MessageStatus.SUPPRESSED)
        s.add(AccountFlag(account_id=account.id, kind=FlagKind.BANKRUPTCY, from_on=NOON.date(), source="x",
                          created_at=NOON))  # fmt: skip
        pauses.pause(s, SYSTEM, account, PauseReason.PROMISE, key="p", now=NOON)
    return tidewater


@pytest.mark.parametrize(
    ("query", "promise", "bankruptcy"),
    [
        ("", True, True), ("?reason=paused:promise", True, False), ("?reason=paused:", True, False),
        ("?reason=opted_out", False, True), ("?reason=opted", False, False), ("?reason=flag:", False, True),
        ("?account=tidewater", True, True), ("?account=larkspur", False, False),
        ("?from=2026-11-19&to=2026-11-19", True, True), ("?from=2026-11-20", False, False),
        ("?to=2026-11-18", False, False), ("?from=yesterday", True, True), ("?page=1", False, False),
    ],
)  # fmt: skip
def test_each_message_that_did_not_leave_says_why(
    desk: Desk, held_back: Account, query: str, promise: bool, bankruptcy: bool
) -> None:
    """Issue C, "Bad input": each has a reason that a person can read; found by account, rule and day."""
    page = words(desk.at().get(f"/desk/suppressed{query}")).partition("Queued")[2]
    assert ("paused: promise to pay" in page, "insolvent, opted out" in page) == (promise, bankruptcy)


def test_an_administrator_reads_no_debtors_words(desk: Desk) -> None:
    """A-01: messages are for those who work with debtors."""
    visitor = desk.at(Role.ADMIN)
    assert {visitor.get(path).status_code for path in ("/desk/inbound", "/desk/suppressed")} == {403}
