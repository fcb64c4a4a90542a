"""A message that a person writes: the gate, the outbox, the timeline, the answer to a reply."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.accounts import Account, AccountFlag, Contact, FlagKind
from models.inbound import InboundMessage
from models.links import Channel
from models.messages import ContactDecision, Message, Purpose
from models.staff import Role
from models.states import MessageStatus, advance
from models.store import Store
from models.work import Task
from models.writing import PersonalMessage
from receivables import letters
from receivables.contact import consents, inbound
from receivables.desk import timeline
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.permissions import Actor
from receivables.ports import Incoming
from receivables.writing import personal
from tests import factories as make
from tests.conftest import NOON

#: 05:00 in London, before the house's window.
EARLY = NOON - timedelta(hours=5)


@pytest.fixture
def account(store: Store) -> Account:
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        make.an_invoice(s, account, total=10000, due_on=NOON.date() - timedelta(days=20))
        return account


@pytest.fixture
def collector(store: Store) -> Actor:
    with store.write() as s:
        return make.staff_actor(make.a_person(s))


def contact(store: Store, account: Account) -> Contact:
    with store.read() as s:
        return s.scalars(select(Contact).where(Contact.account_id == account.id)).first()  # type: ignore[return-value]


def send(store: Store, by: Actor, account: Account, **more: object) -> Message:
    facts: dict[str, object] = {
        "subject": "a word", "words": "May I ring tomorrow?", "currency": "GBP", "name": "n1", "now": NOON,
    }  # fmt: skip
    with store.write() as s:
        own = s.get_one(Account, account.id)
        who = s.scalars(select(Contact).where(Contact.account_id == own.id)).first()
        return personal.send(s, by, own, who, **(facts | more))  # type: ignore[arg-type]


def a_reply(store: Store, account: Account, words: str = "When will you credit it?") -> InboundMessage:
    who = contact(store, account)
    with store.write() as s:
        incoming = Incoming(
            channel="email", external_id="<r1@tidewater.example>", sender=who.email or "", subject="Our case",
            text=words, answers=(), automatic=False, words=(), files=0,
        )  # fmt: skip
        return inbound.receive(s, incoming, now=NOON)


def test_it_is_queued_once_and_says_his_words(store: Store, account: Account, collector: Actor) -> None:
    """What chases is a reminder, whoever wrote it (C-02); sent twice from one form it is one message."""
    message = send(store, collector, account)
    assert send(store, collector, account).id == message.id
    assert (message.purpose, message.status, message.kind) == (
        Purpose.REMINDER, MessageStatus.QUEUED, "personal",
    )  # fmt: skip
    with store.read() as s:
        row = s.get_one(PersonalMessage, message.id)
        assert (row.subject, row.words, row.staff_id) == ("a word", "May I ring tomorrow?", collector.id)
        [kept] = s.scalars(select(ContactDecision).where(ContactDecision.message_id == message.id))
        assert kept.allowed
        letter = letters.compose(
            s, s.get_one(Message, message.id), link="https://x.example/l/a", link_expires_at=None,
            stop="https://x.example/x/b", now=NOON,
        )  # fmt: skip
        assert (letter.values["about"], letter.values["reply"]) == ("a word", "May I ring tomorrow?")


def test_card_numbers_are_masked(store: Store, account: Account, collector: Actor) -> None:
    """X-09."""
    message = send(store, collector, account, words="Your card 4242 4242 4242 4242?")
    with store.read() as s:
        assert s.get_one(PersonalMessage, message.id).words == "Your card •••• 4242?"


def test_the_gate_says_no_in_codes(store: Store, account: Account, collector: Actor) -> None:
    """C-01: a flag, an opt-out; nothing is queued."""
    with store.write() as s:
        s.add(AccountFlag(account_id=account.id, kind=FlagKind.BANKRUPTCY, from_on=NOON.date(),
                          source="court", created_at=NOON))  # fmt: skip
        consents.choose_by_words(
            s, s.get_one(Contact, contact(store, account).id), Channel.EMAIL, wanted=False, words="stop",
            source="test", now=NOON,
        )  # fmt: skip
    with pytest.raises(Refused) as refused:
        send(store, collector, account)
    assert refused.value.code == "contact_refused"
    assert {"flag:bankruptcy", "opted_out"} <= set(refused.value.facts["reasons"])
    with store.read() as s:
        assert s.scalars(select(Message).where(Message.kind == "personal")).all() == []


def test_the_wrong_hour_lets_it_wait(store: Store, account: Account, collector: Actor) -> None:
    """Before eight it is queued for eight, account-local."""
    message = send(store, collector, account, now=EARLY)
    assert message.not_before == NOON.replace(hour=8)


def test_an_answer_is_no_reminder(store: Store, account: Account, collector: Actor) -> None:
    """It may leave at once at any hour, ends the task to read the reply, and hangs on it in the timeline."""
    reply = a_reply(store, account)
    message = send(store, collector, account, answers_ref=reply.ref, words="On Monday.", now=EARLY)
    assert (message.purpose, message.not_before) == (Purpose.ANSWER, EARLY)
    with store.read() as s:
        [task] = s.scalars(select(Task).where(Task.key == f"reply:{reply.id}"))
        assert (task.done_at, task.done_by_id) == (EARLY, collector.id)
        events = timeline.timeline(s, collector, account.id, show="messages").events
    ours = next(e for e in events if e.source == "message")
    theirs = next(e for e in events if e.source == "reply")
    assert (ours.words, ours.answers, ours.staff) == ("On Monday.", "Our case", collector.name)
    assert theirs.words == "When will you credit it?"


def test_it_can_be_taken_back_until_it_leaves(store: Store, account: Account, collector: Actor) -> None:
    message = send(store, collector, account)
    for _ in range(2):
        with store.write() as s:
            assert personal.withdraw(s, collector, message.ref, now=NOON).status is MessageStatus.STOPPED
    gone = send(store, collector, account, name="n2")
    with store.write() as s:
        advance(s.get_one(Message, gone.id), MessageStatus.SENDING)
    with store.write() as s, pytest.raises(Refused, match="message_gone"):
        personal.withdraw(s, collector, gone.ref, now=NOON)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"subject": " "}, "subject_missing"),
        ({"words": " "}, "words_missing"),
        ({"words": "x" * 4001}, "words_too_long"),
    ],
)
def test_what_is_no_message_is_refused(
    store: Store, account: Account, collector: Actor, more: dict[str, object], code: str
) -> None:
    with pytest.raises(Refused, match=code):
        send(store, collector, account, **more)


def test_whose_it_is(store: Store, account: Account, collector: Actor) -> None:
    """A contact or a reply of another account is not found; a salesperson writes none (L-15, A-01)."""
    with store.write() as s:
        other = make.an_account(s, make.a_creditor(s))
    reply = a_reply(store, account)
    with store.read() as s, pytest.raises(NotFound):
        personal.contact_of(s, collector, s.get_one(Account, other.id), contact(store, account).ref)
    with pytest.raises(NotFound):
        send(store, collector, other, answers_ref=reply.ref)
    with store.write() as s:
        seller = make.staff_actor(make.a_person(s, Role.SALESPERSON))
    with pytest.raises(NotAllowed):
        send(store, seller, account)
