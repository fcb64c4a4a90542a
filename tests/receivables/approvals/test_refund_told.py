"""Who waits for money back is told that it was sent: how much, when, where to, and how the bank names it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from models.accounts import Account, Contact
from models.approvals import Refund
from models.links import Channel
from models.messages import Message, Purpose
from models.money import Money
from models.states import MessageStatus
from models.store import Store
from presentation import Presenter
from receivables import letters, refunds
from receivables.contact.rules import may_contact
from receivables.errors import Refused
from receivables.payments.quotes import Choice
from receivables.policy import current_policy
from receivables.refund_letters import end_of
from tests.conftest import NOON
from tests.presentation.letters import TEMPLATES
from tests.receivables.approvals.test_money import ask_refund
from tests.receivables.approvals.world import GBP, Office, an_office
from tests.receivables.paying import pay

PRESENTER = Presenter(TEMPLATES)


@pytest.fixture
def sent(sqlite_store: Store) -> Callable[..., Office]:
    """An office whose refund of GBP 60.00 has left the bank, once its account was changed as asked."""

    def make_it(*, language: str = "en", **contact: object) -> Office:
        office = an_office(sqlite_store)
        with sqlite_store.write() as s:
            s.execute(update(Account).where(Account.id == office.account.id).values(language=language))
            values = {"language": language, **contact}
            s.execute(update(Contact).where(Contact.account_id == office.account.id).values(**values))
            s.execute(update(Message).values(status=MessageStatus.SENT))
        pay(office.store, office.account, Choice("all", GBP), came=Money(27500, GBP))
        office.approve(ask_refund(office, 6000), office.supervisor)
        for _ in range(2):
            pay_out(office)
        return office

    return make_it


def pay_out(office: Office) -> None:
    with office.store.write() as s:
        ref = s.scalars(select(Refund.ref)).one()
        refunds.pay_out(s, office.accountant, ref, paid_on=NOON.date(), bank_reference="FT-118", now=NOON)


def told(office: Office) -> Message:
    """The one message about it."""
    with office.store.read() as s:
        return s.scalars(select(Message).where(Message.kind == "refund_sent")).one()


@pytest.mark.parametrize(
    ("language", "amount", "day"),
    [("en", "£60.00", "19 November 2026"), ("he", "60.00", "19 בנובמבר 2026"),
     ("ru", "60,00", "19 ноября 2026"), ("hu", "60,00", "2026. november 19.")],
)  # fmt: skip
def test_it_is_told_in_his_language(
    sent: Callable[..., Office], language: str, amount: str, day: str
) -> None:
    """Amount, day, the bank's reference, and of the bank account its last four characters only."""
    office = sent(language=language)
    message = told(office)
    assert (message.purpose, message.channel, message.language) == (Purpose.ANSWER, Channel.EMAIL, language)
    with office.store.read() as s:
        letter = letters.compose(
            s, message, link="https://pay.example/l/t", link_expires_at=NOON + timedelta(days=14),
            stop="https://pay.example/x/s", now=NOON,
        )  # fmt: skip
        text = PRESENTER.render_message(letter).text
    for said in (amount, day, "6819", "FT-118"):
        assert said in text
    assert "9268" not in text
    assert "NWBK" not in text


def test_it_answers_what_was_asked_and_goes_at_any_hour(sent: Callable[..., Office]) -> None:
    """Decision 18: caps and hours bind reminders only; the gate is asked all the same."""
    office = sent()
    at_night = NOON.replace(hour=23)
    with office.store.read() as s:
        message = s.get_one(Message, told(office).id)
        decision = may_contact(
            s, s.get_one(Account, message.account_id), s.get_one(Contact, message.contact_id),
            channel=message.channel, purpose=message.purpose, currency=GBP,
            policy=current_policy(s, at_night), now=at_night,
        )  # fmt: skip
    assert decision.allowed


def test_who_has_no_mail_gets_an_sms(sent: Callable[..., Office]) -> None:
    """An SMS keeps to the rules of notices."""
    message = told(sent(email=None, phone="+447700900123"))
    assert (message.channel, message.purpose) == (Channel.SMS, Purpose.ARRANGEMENT)


def test_nobody_to_write_to_does_not_stop_the_accountant(sent: Callable[..., Office]) -> None:
    office = sent(is_active=False)
    with office.store.read() as s:
        assert s.scalars(select(Message).where(Message.kind == "refund_sent")).all() == []
        assert s.scalars(select(Refund.paid_on)).one() == NOON.date()


@pytest.mark.parametrize(
    ("written", "shown"),
    [("GB29 NWBK 6016 1331 9268 19", "6819"), ("IL62-0108-0000-0009-9999-999", "9999"), ("12", "12")],
)
def test_the_end_of_a_bank_account(written: str, shown: str) -> None:
    assert end_of(written) == shown


def test_a_bank_account_of_no_sign_at_all_is_none(sqlite_store: Store) -> None:
    """There would be nothing to tell the debtor."""
    office = an_office(sqlite_store)
    pay(office.store, office.account, Choice("all", GBP), came=Money(27500, GBP))
    with sqlite_store.write() as s, pytest.raises(Refused, match="bank_account_missing"):
        refunds.propose_refund(
            s, office.collector, office.account.ref, amount=Money(100, GBP), payee="A", bank_account=" – ",
            reason="More", now=NOON,
        )  # fmt: skip
