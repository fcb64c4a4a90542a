"""One consolidated reminder, and what it says when it leaves (domain.md, the ladder)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from models.accounts import Account, Contact, ContactRole, DebtorType
from models.links import Channel
from models.messages import Message, Purpose
from models.money import Money, total
from models.staff import Role
from models.store import Store
from receivables import credit_notes, invoices, outbox
from receivables.contact import consents, reminders
from receivables.errors import NotAllowed, Refused
from receivables.permissions import SYSTEM
from receivables.policy import default_policy
from receivables.ports import Letter
from tests import factories as make
from tests.conftest import NOON
from tests.races import together
from tests.receivables.test_invoices import on_its_way

TODAY = date(2026, 11, 19)
PHONE = "+441134960142"


def owing(s: Session, *, days: int = 20, **more: object) -> Account:
    account = make.an_account(s, make.a_creditor(s), phone=PHONE)
    make.an_invoice(s, account, due_on=TODAY - timedelta(days=days), **more)  # type: ignore[arg-type]
    return account


def said(s: Session, message: Message) -> Letter:
    return reminders.compose(
        s, message, link="https://pay.example/l/t", link_expires_at=NOON + timedelta(days=14),
        stop="https://pay.example/x/s", now=NOON,
    )  # fmt: skip


def credit(s: Session, ref: str, minor: int, number: str) -> None:
    credit_notes.record_credit_note(
        s, SYSTEM, ref, number=number, amount=Money(minor, "GBP"), reason="agreed", now=NOON
    )


def test_one_message_for_each_contact_channel_and_currency(store: Store) -> None:
    """domain.md: consolidated, never one per invoice."""
    with store.write() as s:
        account = owing(s)
        for code in ("GBP", "EUR", "EUR"):
            make.an_invoice(s, account, currency=code)
        make.a_contact(s, account, name="Tom", email="tom@tidewater.example")
        queued = reminders.remind(s, SYSTEM, account, now=NOON)
    seen = sorted((m.contact_id, m.channel.value, m.currency) for m in queued)
    first, second = sorted({m.contact_id for m in queued})
    assert seen == [
        (first, "email", "EUR"), (first, "email", "GBP"), (first, "sms", "EUR"), (first, "sms", "GBP"),
        (second, "email", "EUR"), (second, "email", "GBP"),
    ]  # fmt: skip
    assert {m.purpose for m in queued} == {Purpose.REMINDER}


def test_asked_twice_on_a_day_it_is_the_same_message(store: Store) -> None:
    """FT-18: a second run, or a second press of the button, queues nothing new."""
    with store.write() as s:
        account = owing(s)
        first = [m.id for m in reminders.remind(s, SYSTEM, account, now=NOON)]
        assert [m.id for m in reminders.remind(s, SYSTEM, account, now=NOON + timedelta(hours=2))] == first
        next_day = reminders.remind(s, SYSTEM, account, now=NOON + timedelta(days=1))
        assert not {m.id for m in next_day} & set(first)


def test_pressed_by_many_at_once_it_is_the_same_message(store: Store) -> None:
    """FT-18: two schedulers and an impatient collector; one message, nobody sees an error."""
    with store.write() as s:
        account = owing(s)

    def press(_: int) -> list[int]:
        def unit(s: Session) -> list[int]:
            found = reminders.remind(s, SYSTEM, s.get_one(Account, account.id), now=NOON)
            return [m.id for m in found]

        return store.run(unit)

    answers = together(8, press)
    assert len({str(a) for a in answers}) == 1, answers
    with store.read() as s:
        assert s.scalar(select(func.count()).select_from(Message)) == 2


@pytest.mark.parametrize(
    ("days", "kind", "channels"),
    [
        (1, "first_reminder", {"email", "sms"}),
        (0, "due_today", {"email", "sms"}),
        (-3, "courtesy", {"email"}),
    ],
)
def test_the_kind_follows_the_oldest_document(
    sqlite_store: Store, days: int, kind: str, channels: set[str]
) -> None:
    """tone.md: before the date by mail only; and every kind says which one it is."""
    with sqlite_store.write() as s:
        account = owing(s, days=days)
        make.an_invoice(s, account, due_on=TODAY + timedelta(days=30))
        queued = reminders.remind(s, SYSTEM, account, now=NOON)
    assert {m.kind for m in queued} == {kind}
    assert {m.channel.value for m in queued} == channels


def test_the_amount_is_the_amount_behind_the_link(sqlite_store: Store) -> None:
    """INV, house.md: read again when it leaves, by the same arithmetic as the overview."""
    with sqlite_store.write() as s:
        account = owing(s, total=10000)
        part = make.an_invoice(s, account, total=5000)
        make.an_invoice(s, account, total=700, due_on=TODAY + timedelta(days=9))
        on_its_way(s, account, part, 2000)
        message = reminders.remind(s, SYSTEM, account, now=NOON)[0]
        credit(s, part.ref, 500, "CN-1")
        letter = said(s, message)
        (group,) = invoices.overview(
            s, make.holder_actor(account), account_id=account.id, zone=account.zone, now=NOON
        ).groups
    assert letter.values["amount"] == group.overdue == Money(12500, "GBP")
    listed = letter.values["invoice_list"]
    assert total([row.asked for row in listed], "GBP") == letter.values["amount"]
    assert [row.balance.minor for row in listed] == [10000, 4500]
    assert letter.values["due_date"] == TODAY - timedelta(days=20)
    assert (letter.values["name"], letter.values["counted_to"]) == ("Helen Marsh", TODAY)


def test_what_every_message_names(sqlite_store: Store) -> None:
    """domain.md: a person, a phone, hours, and how to check that it is us."""
    with sqlite_store.write() as s:
        account = owing(s)
        mail, sms = reminders.remind(s, SYSTEM, account, now=NOON)
        letter, short = said(s, mail), said(s, sms)
    values = letter.values
    assert (values["person"], values["phone"]) == ("Maya Thornton", "0113 496 0142")
    assert values["hours"] == "Monday to Friday, 9:00 to 17:00"
    assert values["verify"] == "https://northgate.example/pay"
    assert (values["creditor"], short.values["creditor"]) == ("Northgate Paper & Print Ltd", "Northgate")
    assert values["link_expires"] == date(2026, 12, 3)
    assert (letter.channel, short.channel, letter.private) == ("email", "sms", False)


@pytest.mark.parametrize("kind", [DebtorType.SOLE_TRADER, DebtorType.PRIVATE_PERSON])
def test_private_readers_get_neutral_words(sqlite_store: Store, kind: DebtorType) -> None:
    """Decision 20."""
    with sqlite_store.write() as s:
        account = owing(s)
        account.debtor_type = kind
        assert said(s, reminders.remind(s, SYSTEM, account, now=NOON)[0]).private


# --------------------------------------------------------------------------- still due?


def test_paid_meanwhile_there_is_nothing_to_say(sqlite_store: Store) -> None:
    with sqlite_store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        invoice = make.an_invoice(s, account, total=100)
        (message,) = reminders.remind(s, SYSTEM, account, now=NOON)
        assert reminders.still_due(s, message, account, now=NOON)
        credit(s, invoice.ref, 100, "CN-1")
        assert not reminders.still_due(s, message, account, now=NOON)


def test_on_its_way_meanwhile_there_is_nothing_to_say(sqlite_store: Store) -> None:
    """FT-14: what a bank debit is bringing is not asked for again."""
    with sqlite_store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        invoice = make.an_invoice(s, account, total=100)
        (message,) = reminders.remind(s, SYSTEM, account, now=NOON)
        on_its_way(s, account, invoice, 100)
        assert not reminders.still_due(s, message, account, now=NOON)
        with pytest.raises(Refused):
            reminders.remind(s, SYSTEM, account, now=NOON)


def test_another_currency_does_not_keep_a_reminder_alive(sqlite_store: Store) -> None:
    with sqlite_store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        pounds = make.an_invoice(s, account, total=100)
        make.an_invoice(s, account, currency="EUR")
        by_currency = {m.currency: m for m in reminders.remind(s, SYSTEM, account, now=NOON)}
        credit(s, pounds.ref, 100, "CN-1")
        assert not reminders.still_due(s, by_currency["GBP"], account, now=NOON)
        assert reminders.still_due(s, by_currency["EUR"], account, now=NOON)


def test_the_overdue_part_paid_meanwhile_there_is_no_reminder_of_nothing(sqlite_store: Store) -> None:
    """What is not due yet keeps no reminder about overdue documents alive: it would ask for 0.00."""
    with sqlite_store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        late = make.an_invoice(s, account, total=100)
        make.an_invoice(s, account, total=900, due_on=TODAY + timedelta(days=20))
        (message,) = reminders.remind(s, SYSTEM, account, now=NOON)
        assert message.kind == "first_reminder"
        credit(s, late.ref, 100, "CN-1")
        assert not reminders.still_due(s, message, account, now=NOON)


def test_the_overdue_part_on_its_way_the_kind_is_of_the_rest(sqlite_store: Store) -> None:
    """The kind follows what is asked for: nobody is called late for what his bank is sending."""
    with sqlite_store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        on_its_way(s, account, make.an_invoice(s, account, total=100), 100)
        make.an_invoice(s, account, total=900, due_on=TODAY + timedelta(days=3))
        (message,) = reminders.remind(s, SYSTEM, account, now=NOON)
        assert message.kind == "courtesy"
        assert said(s, message).values["amount"] == Money(900, "GBP")


def test_due_today_is_not_said_tomorrow(sqlite_store: Store) -> None:
    """Queued in the evening it would leave in the morning, when it is no longer true."""
    with sqlite_store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        make.an_invoice(s, account, due_on=TODAY)
        (message,) = reminders.remind(s, SYSTEM, account, now=NOON)
        assert message.kind == "due_today"
        assert not reminders.still_due(s, message, account, now=NOON + timedelta(days=1))


# --------------------------------------------------------------------------- who


def test_who_pays_is_reminded(sqlite_store: Store) -> None:
    """Decision 2: contacts who pay; all active ones where none is marked; nobody who left."""
    with sqlite_store.write() as s:
        account = make.an_account(s, make.a_creditor(s), with_contact=False)
        approver = make.a_contact(s, account, name="A", role=ContactRole.APPROVES)
        nobody = make.a_contact(s, account, name="B", role=None)
        assert [c.name for c in reminders.paying_contacts(s, account)] == ["A", "B"]
        payer = make.a_contact(s, account, name="C", role=ContactRole.PAYS)
        assert reminders.paying_contacts(s, account) == [payer]
        payer.is_active = False
        s.flush()
        assert reminders.paying_contacts(s, account) == [approver, nobody]


def test_nothing_open_or_nobody_there_is_refused_by_name(sqlite_store: Store) -> None:
    with sqlite_store.write() as s:
        empty = make.an_account(s, make.a_creditor(s))
        with pytest.raises(Refused, match="nothing_open"):
            reminders.remind(s, SYSTEM, empty, now=NOON)
        account = owing(s)
        s.execute(text("UPDATE contact SET is_active = false"))
        s.expire_all()
        with pytest.raises(Refused, match="no_contact"):
            reminders.remind(s, SYSTEM, account, now=NOON)


@pytest.mark.parametrize("role", list(Role))
def test_who_may_send_reminders(sqlite_store: Store, role: Role) -> None:
    """A-01."""
    with sqlite_store.write() as s:
        account, actor = owing(s), make.staff_actor(make.a_person(s, role))
        if role in (Role.COLLECTOR, Role.SUPERVISOR):
            assert reminders.remind(s, actor, account, now=NOON)
        else:
            with pytest.raises(NotAllowed):
                reminders.remind(s, actor, account, now=NOON)


# --------------------------------------------------------------------------- other letters


def test_the_confirmation_of_an_opt_out_names_the_masked_address(sqlite_store: Store) -> None:
    """C-07: no sales text, no amount; and it carries no link."""
    with sqlite_store.write() as s:
        account = make.an_account(s, make.a_creditor(s), email="helen@tidewater.example")
        contact = s.scalars(select(Contact)).one()
        token = consents.issue_opt_out(s, contact, Channel.EMAIL, policy=default_policy(), now=NOON)
        consents.opt_out(
            s, token, text_shown="t", text_version="1", source="portal", ip_prefix=None, now=NOON
        )
        message = s.scalars(select(Message).where(Message.account_id == account.id)).one()
        values = said(s, message).values
    assert (values["contact_point"], values["optout_date"]) == ("h…@tidewater.example", TODAY)
    assert "amount" not in values
    assert not reminders.needs_link(message)


@pytest.mark.parametrize("purpose", list(Purpose))
def test_which_messages_carry_a_link(sqlite_store: Store, purpose: Purpose) -> None:
    with sqlite_store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        message = outbox.enqueue(
            s, SYSTEM, account=account, contact=s.scalars(select(Contact)).one(), channel=Channel.EMAIL,
            purpose=purpose, kind="k", facts={}, dedupe_key="k", now=NOON,
        )  # fmt: skip
    asks = {
            Purpose.REMINDER, Purpose.RECEIPT, Purpose.FRESH_LINK, Purpose.ANSWER, Purpose.ARRANGEMENT,
        }  # fmt: skip
    assert reminders.needs_link(message) is (purpose in asks)
