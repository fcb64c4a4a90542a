"""What a message says when it leaves, and whether it still has something to say (domain.md, the ladder)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

import presentation
from models.accounts import Contact, DebtorType
from models.links import Channel
from models.messages import Message, Purpose
from models.money import Money, total
from models.store import Store
from receivables import credit_notes, invoices, letters, outbox
from receivables.contact import consents, reminders
from receivables.errors import Refused
from receivables.permissions import SYSTEM
from receivables.policy import default_policy
from receivables.ports import Letter
from tests import factories as make
from tests.conftest import NOON
from tests.receivables.contact.test_reminders import TODAY, owing
from tests.receivables.test_invoices import on_its_way


def said(s: Session, message: Message) -> Letter:
    return letters.compose(
        s, message, link="https://pay.example/l/t", link_expires_at=NOON + timedelta(days=14),
        stop="https://pay.example/x/s", now=NOON,
    )  # fmt: skip


def credit(s: Session, ref: str, minor: int, number: str) -> None:
    credit_notes.record_credit_note(
        s, SYSTEM, ref, number=number, amount=Money(minor, "GBP"), reason="agreed", now=NOON
    )


def test_each_kind_of_message_has_one_owner() -> None:
    """Decision 19: every text is declared where its subject lives, once, and no text is nobody's."""
    declared = [kind for owned in letters.OWNERS for kind in owned]
    assert sorted(declared) == sorted(presentation.KINDS)


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


def test_paid_meanwhile_there_is_nothing_to_say(sqlite_store: Store) -> None:
    with sqlite_store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        invoice = make.an_invoice(s, account, total=100)
        (message,) = reminders.remind(s, SYSTEM, account, now=NOON)
        assert letters.is_still_true(s, message, account, now=NOON)
        credit(s, invoice.ref, 100, "CN-1")
        assert not letters.is_still_true(s, message, account, now=NOON)


def test_on_its_way_meanwhile_there_is_nothing_to_say(sqlite_store: Store) -> None:
    """FT-14: what a bank debit is bringing is not asked for again."""
    with sqlite_store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        invoice = make.an_invoice(s, account, total=100)
        (message,) = reminders.remind(s, SYSTEM, account, now=NOON)
        on_its_way(s, account, invoice, 100)
        assert not letters.is_still_true(s, message, account, now=NOON)
        with pytest.raises(Refused):
            reminders.remind(s, SYSTEM, account, now=NOON)


def test_another_currency_does_not_keep_a_reminder_alive(sqlite_store: Store) -> None:
    with sqlite_store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        pounds = make.an_invoice(s, account, total=100)
        make.an_invoice(s, account, currency="EUR")
        by_currency = {m.currency: m for m in reminders.remind(s, SYSTEM, account, now=NOON)}
        credit(s, pounds.ref, 100, "CN-1")
        assert not letters.is_still_true(s, by_currency["GBP"], account, now=NOON)
        assert letters.is_still_true(s, by_currency["EUR"], account, now=NOON)


def test_the_overdue_part_paid_meanwhile_there_is_no_reminder_of_nothing(sqlite_store: Store) -> None:
    """What is not due yet keeps no reminder about overdue documents alive: it would ask for 0.00."""
    with sqlite_store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        late = make.an_invoice(s, account, total=100)
        make.an_invoice(s, account, total=900, due_on=TODAY + timedelta(days=20))
        (message,) = reminders.remind(s, SYSTEM, account, now=NOON)
        assert message.kind == "first_reminder"
        credit(s, late.ref, 100, "CN-1")
        assert not letters.is_still_true(s, message, account, now=NOON)


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
        assert not letters.is_still_true(s, message, account, now=NOON + timedelta(days=1))


def test_the_confirmation_of_an_opt_out_names_the_masked_address(sqlite_store: Store) -> None:
    """C-07: no sales text, no amount; and it carries no link."""
    with sqlite_store.write() as s:
        account = make.an_account(s, make.a_creditor(s), email="helen@tidewater.example")
        contact = s.scalars(select(Contact)).one()
        token = consents.issue_opt_out(s, contact, Channel.EMAIL, policy=default_policy(), now=NOON)
        shown = consents.Shown("t", "1", "portal")
        consents.choose_by_link(s, token, wanted=False, shown=shown, now=NOON)
        message = s.scalars(select(Message).where(Message.account_id == account.id)).one()
        values = said(s, message).values
    assert (values["contact_point"], values["optout_date"]) == ("h…@tidewater.example", TODAY)
    assert "amount" not in values
    assert not letters.needs_link(message)


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
    assert letters.needs_link(message) is (purpose in asks)
