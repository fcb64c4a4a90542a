"""What reaches us is taken once, threaded, and obeyed at once (C-06, C-07, policy rows 4 and 15)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from models.accounts import Contact
from models.audit import AuditEntry
from models.inbound import InboundKind, InboundMessage, ReachEvent, ReachEventKind
from models.links import Channel
from models.messages import ConsentEvent, ConsentEventKind, Message, Purpose
from models.states import MessageStatus, advance
from models.store import Store
from models.work import Alert, Interaction, Task, TaskKind
from receivables.contact import consents, inbound, reach, reminders
from receivables.permissions import SYSTEM
from receivables.ports import DeliveryWord, Fate, Incoming
from tests import factories as make
from tests.conftest import NOON
from tests.races import together

EMAIL, SMS = Channel.EMAIL, Channel.SMS
HELEN, PHONE = "helen@tidewater.example", "+441134960142"


class Case:
    """An account that owes; one contact by mail and SMS, to whom a reminder left on each."""

    def __init__(self, store: Store) -> None:
        self.store = store
        with store.write() as s:
            self.account = make.an_account(s, make.a_creditor(s), email=HELEN, phone=PHONE)
            make.an_invoice(s, self.account)
            self.contact = s.scalars(select(Contact)).one()
            reminders.remind(s, SYSTEM, self.account, now=NOON)
            self.sent = {m.channel: m for m in s.scalars(select(Message))}
            for message in self.sent.values():
                advance(message, MessageStatus.SENDING)
                advance(message, MessageStatus.SENT)
                message.sent_at = NOON

    def mail(self, text: str, *, answers: bool = True, **more: object) -> Incoming:
        return replace(
            Incoming(
                "email", f"<{hash((text, answers))}@tidewater.example>", HELEN, "Re: Invoice", text,
                answers=(self.sent[EMAIL].wire_id,) if answers else (),
            ),
            **more,
        )  # fmt: skip

    def sms(self, text: str, **more: object) -> Incoming:
        return replace(Incoming("sms", f"sms:{hash(text)}", PHONE, None, text), **more)

    def word(self, fate: Fate, code: str, channel: Channel = EMAIL, **more: object) -> Incoming:
        address = HELEN if channel is EMAIL else PHONE
        said = replace(DeliveryWord(fate, self.sent[channel].wire_id, address, code), **more)
        return Incoming(channel.value, f"{channel}:{code}:{fate}", "x@relay.example", None, "", words=(said,))

    def take(self, *incoming: Incoming) -> list[InboundMessage]:
        return [
            self.store.run(lambda s, i=one: inbound.receive(s, i, now=NOON + timedelta(hours=1)))
            for one in incoming
        ]

    def outcome(self, incoming: Incoming) -> str:
        return self.take(incoming)[0].outcome

    def is_out(self, channel: Channel) -> bool:
        with self.store.read() as s:
            address = consents.address_of(self.contact, channel) or ""
            return consents.has_opted_out(s, address, channel)

    def all(self, kind: type, *criteria: object) -> list:
        with self.store.read() as s:
            return list(s.scalars(select(kind).where(*criteria).order_by(kind.id)))

    def queue_another(self) -> None:
        with self.store.write() as s:
            for channel, message in self.sent.items():
                row = make_copy(message)
                row.dedupe_key, row.wire_id = f"again:{channel}", f"<again-{channel}@northgate.example>"
                s.add(row)


def make_copy(message: Message) -> Message:
    return Message(
        account_id=message.account_id, contact_id=message.contact_id, channel=message.channel,
        purpose=message.purpose, kind=message.kind, language="en", currency=message.currency, facts={},
        status=MessageStatus.QUEUED, not_before=NOON, queued_at=NOON, reasons=[], attempts=0,
    )  # fmt: skip


@pytest.fixture
def case(store: Store) -> Case:
    return Case(store)


def test_stop_by_sms_is_obeyed_at_once(case: Case) -> None:
    """C-07: the ledger has it with the words, what is queued stays, one confirmation is queued."""
    case.queue_another()
    [row] = case.take(case.sms("stop."))
    assert (row.outcome, row.kind, row.words) == ("stop", InboundKind.REPLY, "stop.")
    assert case.is_out(SMS)
    assert not case.is_out(EMAIL)
    [event] = case.all(ConsentEvent)
    assert (event.text_shown, event.text_version, event.source) == ("stop.", "received", "sms_reply")
    queued = case.all(Message, Message.dedupe_key.like("again:%"))
    assert {m.channel: m.status for m in queued} == {
        EMAIL: MessageStatus.QUEUED,
        SMS: MessageStatus.SUPPRESSED,
    }
    [confirmation] = case.all(Message, Message.purpose == Purpose.OPT_OUT_CONFIRMED)
    assert (confirmation.channel, confirmation.not_before) == (SMS, NOON + timedelta(hours=1))
    assert case.all(Task) == []
    assert "reply.stop" in [i.kind for i in case.all(Interaction)]
    with case.store.read() as s:
        assert {"inbound.received", "consent.opted_out"} <= set(s.scalars(select(AuditEntry.code)))


def test_brought_twice_it_is_one(case: Case) -> None:
    """A carrier may bring a message as often as it likes."""
    first, second = case.take(case.sms("please stop texting me"), case.sms("please stop texting me"))
    assert first.id == second.id
    assert len(case.all(ConsentEvent)) == len(case.all(Task)) == 1
    assert len(case.all(Message, Message.purpose == Purpose.OPT_OUT_CONFIRMED)) == 1


def test_brought_by_many_at_once_it_is_one(case: Case) -> None:
    incoming = case.sms("STOP")
    rows = together(6, lambda _: case.store.run(lambda s: inbound.receive(s, incoming, now=NOON).id))
    assert len(set(rows)) == 1, rows
    assert len(case.all(InboundMessage)) == len(case.all(ConsentEvent)) == 1


def test_what_may_mean_an_order_stops_and_asks_a_person(case: Case) -> None:
    assert case.outcome(case.sms("Cancel")) == "stop_and_ask"
    assert case.is_out(SMS)
    [task] = case.all(Task)
    assert (task.kind, task.account_id) == (TaskKind.READ_REPLY, case.account.id)
    assert (task.facts["words"], task.facts["what"]) == ("Cancel", "stop_and_ask")


def test_free_text_stops_the_channel_it_names(case: Case) -> None:
    """Tone.md 8: by mail about texts; else the one it came by."""
    assert case.outcome(case.mail("Hello Maya, please stop texting me.\n\nHelen")) == "stop_and_ask"
    assert (case.is_out(EMAIL), case.is_out(SMS)) == (False, True)
    assert case.outcome(case.mail("не пишите мне больше")) == "stop_and_ask"
    assert case.is_out(EMAIL)


def test_a_wish_for_no_calls_leaves_the_messages(case: Case) -> None:
    assert case.outcome(case.sms("Don't call me again")) == "no_calls"
    assert not case.is_out(SMS)
    assert len(case.all(Task)) == 1
    with case.store.read() as s:
        assert s.get_one(Contact, case.contact.id).no_calls_at is not None


def test_a_named_channel_without_an_address_stops_the_one_it_came_by(case: Case) -> None:
    with case.store.write() as s:
        s.get_one(Contact, case.contact.id).phone = None
    assert case.outcome(case.mail("stop texting me")) == "stop_and_ask"
    assert case.is_out(EMAIL)


def test_quoted_text_asks_for_nothing(case: Case) -> None:
    """Our own footer comes back with every answer."""
    ours = "On Thu, 19 Nov 2026, Maya Thornton wrote:\n> Opt out: STOP\n> stop"
    text = f"Paid this morning, see the slip.\n\n{ours}"
    [row] = case.take(case.mail(text, files=1))
    assert (row.outcome, row.words) == ("task", "Paid this morning, see the slip.")
    assert not case.is_out(EMAIL)
    [task] = case.all(Task)
    assert task.facts["files"] == 1


def test_the_subject_speaks_where_the_words_do_not(case: Case) -> None:
    assert case.outcome(case.mail("", subject="Unsubscribe")) == "stop"
    assert case.is_out(EMAIL)


def test_card_numbers_and_long_texts_are_not_kept(case: Case) -> None:
    """X-09: masked before it is stored, the task's copy too."""
    [row] = case.take(case.mail("my card is 4242 4242 4242 4242 " + "please take it " * 400))
    assert row.words is not None
    assert "4242 4242" not in row.words
    assert (len(row.words), row.words[-1]) == (2000, "…")
    [task] = case.all(Task)
    assert task.facts["words"].startswith("my card is •••• 4242 please")


def test_start_takes_reminders_up_again(case: Case) -> None:
    """C-06: the later word counts; kept with its text."""
    case.take(case.sms("STOP"))
    assert case.outcome(case.sms("Start")) == "start"
    assert not case.is_out(SMS)
    last = case.all(ConsentEvent)[-1]
    assert (last.event, last.text_shown) == (ConsentEventKind.OPTED_IN, "Start")


def test_start_by_mail_needs_our_own_message(case: Case) -> None:
    """Anybody can write a sender's address; nobody else can name our message."""
    case.take(case.mail("STOP"))
    assert case.outcome(case.mail("START", answers=False)) == "task"
    assert case.is_out(EMAIL)
    assert case.outcome(case.mail("start", sender="somebody@tidewater.example")) == "task"
    assert case.is_out(EMAIL)
    assert case.outcome(case.mail("START")) == "start"
    assert not case.is_out(EMAIL)


def test_an_automatic_answer_is_only_noted(case: Case) -> None:
    """Out of office: nobody has to read it, and what stands in it asks for nothing."""
    [row] = case.take(case.mail("stop", automatic=True))
    assert (row.kind, row.outcome, row.account_id) == (InboundKind.AUTOMATIC, "noted", case.account.id)
    assert case.all(Task) == case.all(ConsentEvent) == case.all(ReachEvent) == []
    assert [i.kind for i in case.all(Interaction)][-1] == "reply.automatic"


def test_a_reply_is_threaded_by_our_message_or_by_its_address(case: Case) -> None:
    by_message, by_address = case.take(
        case.mail("Will do", sender="helen.private@post.example"), case.mail("Will do too", answers=False)
    )
    assert by_message.answers_id == case.sent[EMAIL].id
    assert by_address.answers_id is None
    assert by_message.contact_id == by_address.contact_id == case.contact.id
    # Only the second proves that the address on file works.
    assert [e.why for e in case.all(ReachEvent)] == ["reply"]


def test_a_colleague_on_file_speaks_for_himself(case: Case) -> None:
    with case.store.write() as s:
        peter = make.a_contact(s, case.account, name="Peter", email="peter@tidewater.example", role=None)
    [row] = case.take(case.mail("STOP", sender="Peter@Tidewater.example"))
    assert row.contact_id == peter.id
    assert not case.is_out(EMAIL)
    with case.store.read() as s:
        assert consents.has_opted_out(s, "peter@tidewater.example", EMAIL)


def test_of_two_accounts_the_one_we_wrote_to_last(case: Case) -> None:
    with case.store.write() as s:
        other = make.an_account(s, make.a_creditor(s), name="Harbour Stores", email=HELEN)
    [row] = case.take(case.mail("Please ring me", answers=False, sender="HELEN@tidewater.example"))
    assert (row.account_id, other.id != case.account.id) == (case.account.id, True)


def test_a_stranger_is_kept_and_touches_nothing(case: Case) -> None:
    """One open alert for all of them; no account, task, consent or timeline entry."""
    before = len(case.all(Interaction))
    rows = case.take(
        case.mail("STOP", answers=False, sender="nobody@elsewhere.example"),
        case.mail("who are you", answers=False, sender="", external_id="<2@elsewhere.example>"),
        case.sms("STOP", sender="+4999999999"),
    )
    assert {(r.outcome, r.account_id, r.contact_id) for r in rows} == {("unknown_sender", None, None)}
    assert case.all(Task) == case.all(ConsentEvent) == []
    assert len(case.all(Interaction)) == before
    assert [(a.code, a.key, a.account_id) for a in case.all(Alert)] == [
        ("unknown_sender", "email", None), ("unknown_sender", "sms", None),
    ]  # fmt: skip


def test_a_hard_bounce_ends_the_message_and_the_address(case: Case) -> None:
    [row] = case.take(case.word(Fate.DEAD, "5.1.1"))
    assert (row.kind, row.outcome, row.answers_id) == (InboundKind.BOUNCE, "dead", case.sent[EMAIL].id)
    [message] = case.all(Message, Message.id == case.sent[EMAIL].id)
    assert (message.status, message.reasons) == (MessageStatus.BOUNCED, ["bounced"])
    [event] = case.all(ReachEvent)
    assert (event.event, event.why, event.message_id) == (ReachEventKind.DEAD, "dsn:5.1.1", message.id)
    [alert] = case.all(Alert)
    assert (alert.code, alert.account_id) == ("address_dead", case.account.id)
    with case.store.read() as s:
        assert reach.is_dead(s, case.contact, EMAIL)
        assert not reach.is_dead(s, case.contact, SMS)


def test_a_soft_bounce_ends_the_message_alone(case: Case) -> None:
    """Returned: it did not arrive. Delayed: it still may."""
    assert case.outcome(case.word(Fate.DELAYED, "4.4.1")) == "delayed"
    assert case.all(Message, Message.id == case.sent[EMAIL].id)[0].status is MessageStatus.SENT
    assert case.outcome(case.word(Fate.RETURNED, "5.2.2")) == "bounced"
    assert case.all(Message, Message.id == case.sent[EMAIL].id)[0].status is MessageStatus.BOUNCED
    assert {e.event for e in case.all(ReachEvent)} == {ReachEventKind.SOFT}
    assert case.all(Alert) == []


def test_a_text_that_arrived(case: Case) -> None:
    [row] = case.take(case.word(Fate.DELIVERED, "delivered", SMS))
    assert (row.kind, row.outcome) == (InboundKind.STATUS, "delivered")
    assert case.all(Message, Message.id == case.sent[SMS].id)[0].status is MessageStatus.DELIVERED
    # A later word moves nothing: it has arrived.
    case.take(case.word(Fate.RETURNED, "failed", SMS))
    assert case.all(Message, Message.id == case.sent[SMS].id)[0].status is MessageStatus.DELIVERED


def test_a_bounce_about_an_address_of_before(case: Case) -> None:
    """The contact has another address since: the new one is not marked."""
    with case.store.write() as s:
        s.get_one(Contact, case.contact.id).email = "helen.marsh@tidewater.example"
    case.take(case.word(Fate.DEAD, "5.1.1"))
    with case.store.read() as s:
        assert not reach.is_dead(s, s.get_one(Contact, case.contact.id), EMAIL)
    assert case.all(Alert) == []


@pytest.mark.parametrize("wire_id", [None, "<guessed@northgate.example>"])
def test_a_word_about_no_message_of_ours_moves_nothing(case: Case, wire_id: str | None) -> None:
    """Anybody can send a report; nobody else knows the name of our message."""
    [row] = case.take(case.word(Fate.DEAD, "5.1.1", wire_id=wire_id))
    assert (row.outcome, row.account_id) == ("unmatched", None)
    assert case.all(ReachEvent) == case.all(Alert) == []
    with case.store.read() as s:
        moved = s.scalar(select(func.count()).where(Message.status != MessageStatus.SENT))
    assert moved == 0


@pytest.mark.parametrize(
    ("answer", "dead"),
    [
        ("550 5.1.1 No such mailbox", True), ("550 5.7.1 Policy", False), ("451 4.1.1 Later", False),
        ("", False),
    ],
)  # fmt: skip
def test_a_relay_that_refuses_at_the_door_says_the_same(case: Case, answer: str, dead: bool) -> None:
    with case.store.write() as s:
        message = s.get_one(Message, case.sent[EMAIL].id)
        inbound.refused_at_the_door(s, message, answer, now=NOON)
        message.purpose = Purpose.CODE  # goes to an address that is to be proved
        inbound.refused_at_the_door(s, message, answer, now=NOON)
    assert [e.why for e in case.all(ReachEvent)] == (["smtp:5.1.1"] if dead else [])


def test_a_mail_cannot_speak_of_a_text(case: Case) -> None:
    word = DeliveryWord(Fate.DEAD, case.sent[SMS].wire_id, PHONE, "5.1.1")
    [row] = case.take(Incoming("email", "<x@relay.example>", "", None, "", words=(word,)))
    assert row.outcome == "unmatched"
