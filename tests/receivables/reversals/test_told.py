"""What the debtor is told of money that went back, and when there is nothing to tell any more."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from models.accounts import Account
from models.invoices import Invoice
from models.messages import Message
from models.payments import Payment, PaymentMethod
from models.store import Store
from presentation import Presenter
from receivables import letters
from receivables.payments.quotes import Choice
from receivables.ports import DisputeState
from tests import factories as make
from tests.conftest import NOON
from tests.presentation.letters import TEMPLATES
from tests.receivables.arrangements.offer_world import a_late_account
from tests.receivables.arrangements.plan_world import an_owing_account
from tests.receivables.arrangements.test_paid_for import head_of, opened, promised
from tests.receivables.arrangements.test_paid_for import paid as page_paid
from tests.receivables.paying import pay
from tests.receivables.reversals.test_taking import last_payment
from tests.receivables.reversals.world import LATER, Paid, a_paid_account, after, gbp

LINK = "https://npp.example/l/7Kq2mXw9bT4sLd8RvNcYhA"
PRESENTER = Presenter(TEMPLATES)


def told(paid: Paid, kind: str) -> tuple[bool, list[str]]:
    """Whether the letter has still something to say, and the documents that it lists."""
    with paid.store.read() as s:
        message = s.scalars(select(Message).where(Message.kind == kind)).one()
        account = s.get_one(Account, message.account_id)
        assert account.id == paid.account.id
        letter = letters.compose(s, message, link=None, link_expires_at=None, stop=None, now=LATER)
        rows = letter.values.get("invoice_list", [])
        return letters.is_still_true(s, message, account, now=LATER), [row.number for row in rows]


def numbers(store: Store) -> list[str]:
    with store.read() as s:
        return list(s.scalars(select(Invoice.number).order_by(Invoice.id)))


def test_what_the_bank_took_is_listed_as_it_is_open(store: Store) -> None:
    """P-21: the documents that are owed again, and no others."""
    paid = a_paid_account(store, 6000, 4000)
    paid.gateway.contested(paid.charge, 4000)
    paid.hear("charge.dispute.created", "dp_1")
    assert told(paid, "payment_returned") == (True, numbers(store)[1:])


def test_a_head_office_reads_of_its_branches(store: Store) -> None:
    """Decision 2: who paid is told, with the documents of the branches for which it paid."""
    with store.write() as s:
        branch = make.an_account(s, make.a_creditor(s))
        ref = make.an_invoice(s, branch, total=gbp(10000)).ref
    head = head_of(store, branch)
    page_paid(store, opened(store, head, (ref,)), 10000)
    paid = after(store, head, last_payment(store))
    paid.gateway.contested(paid.charge, 10000)
    paid.hear("charge.dispute.created", "dp_1")
    assert told(paid, "payment_returned") == (True, numbers(store))


def said(paid: Paid, *, language: str = "en") -> str:
    """The last letter about money that went back, as the debtor reads it."""
    with paid.store.read() as s:
        query = select(Message).where(Message.kind == "payment_returned").order_by(Message.id.desc())
        message = s.scalars(query).first()
        assert message is not None
        made = letters.compose(s, message, link=LINK, link_expires_at=None, stop=LINK, now=LATER)
    return PRESENTER.render_message(replace(made, language=language)).text


@pytest.mark.parametrize("language", ["en", "he", "ru", "hu"])
@pytest.mark.parametrize("method", [PaymentMethod.CARD, PaymentMethod.BANK_DEBIT])
def test_credit_that_went_back_is_told_without_a_list(
    store: Store, method: PaymentMethod, language: str
) -> None:
    """P-21: the debtor hears of it; nothing is asked of him, and no document is named."""
    paid = a_paid_account(store, came=13000)
    with store.write() as s:
        s.execute(update(Payment).values(method=method))
    paid.gateway.contested(paid.charge, 3000, state=DisputeState.LOST)
    paid.hear("charge.dispute.created", "dp_1")
    assert told(paid, "payment_returned") == (True, [])
    text = said(paid, language=language)
    assert block("returned_credit", language) in text
    assert block("ways_out", language) not in text
    assert block("returned_open", language) not in text


def test_what_we_had_sent_back_before_is_told_so(store: Store) -> None:
    """P-20, P-21: paid out twice, nothing more is owed by it."""
    paid = a_paid_account(store)
    paid.gateway.refunded(paid.charge, 10000)
    paid.hear("refund.created", "re_1")
    paid.gateway.contested(paid.charge, 10000)
    paid.hear("charge.dispute.created", "dp_1")
    assert told(paid, "payment_returned") == (True, [])
    assert block("returned_twice", "en") in said(paid)


def test_won_while_a_refund_stands_nothing_counts_again(store: Store) -> None:
    """P-20: nobody reads that money counts which is with him already."""
    paid = a_paid_account(store)
    paid.gateway.refunded(paid.charge, 10000)
    paid.hear("refund.created", "re_1")
    paid.gateway.contested(paid.charge, 10000)
    paid.hear("charge.dispute.created", "dp_1")
    paid.gateway.decides("dp_1", DisputeState.WON, back=10000)
    paid.hear("charge.dispute.closed", "dp_1", now=LATER + timedelta(days=1))
    with store.read() as s:
        assert "payment_restored" not in s.scalars(select(Message.kind)).all()


def test_a_refund_that_fails_after_it_was_taken_late_is_not_told_as_sent(store: Store) -> None:
    """P-20: the chargeback was won before, so that what the refund took was taken late."""
    paid = a_paid_account(store)
    paid.gateway.contested(paid.charge, 10000)
    paid.hear("charge.dispute.created", "dp_1")
    paid.gateway.refunded(paid.charge, 10000)
    paid.hear("refund.created", "re_1")
    assert told(paid, "card_refund_sent")[0] is True
    paid.gateway.decides("dp_1", DisputeState.WON, back=10000)
    paid.hear("charge.dispute.closed", "dp_1", now=LATER + timedelta(minutes=1))
    paid.gateway.fails("re_1")
    paid.hear("refund.failed", "re_1", now=LATER + timedelta(minutes=2))
    assert told(paid, "card_refund_sent")[0] is False


def test_a_plan_that_goes_on_is_said(store: Store) -> None:
    world = an_owing_account(store)
    plan = world.agreed(2)
    world.pay(plan)
    contested(store, world.account)
    assert block("again_plan", "en") in contested_words(store, world.account)


def test_an_offer_that_is_open_again_is_said(store: Store) -> None:
    world = a_late_account(store)
    world.pay_offer(world.accept(world.propose(121896)))
    contested(store, world.account)
    assert block("again_offer", "en") in contested_words(store, world.account)


def test_a_promise_that_is_open_again_is_said(store: Store) -> None:
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        make.an_invoice(s, account, total=gbp(10000))
    promised(store, account, gbp(10000))
    pay(store, account, Choice("all", "GBP"), at=NOON + timedelta(minutes=5))
    contested(store, account)
    assert block("again_promise", "en") in contested_words(store, account)


def contested(store: Store, account: Account) -> None:
    """The payer's bank takes the last payment back whole."""
    paid = after(store, account, last_payment(store))
    paid.gateway.contested(paid.charge, paid.payment.amount_minor)
    paid.hear("charge.dispute.created", "dp_1")


def contested_words(store: Store, account: Account) -> str:
    return said(after(store, account, last_payment(store)))


def block(name: str, language: str) -> str:
    """The words of a block, as they stand in its source."""
    return (TEMPLATES / "messages" / "blocks" / language / f"{name}.txt").read_text(encoding="utf-8").strip()


@pytest.mark.parametrize("again", ["paid", "won"])
def test_nothing_is_told_once_it_is_over(store: Store, again: str) -> None:
    paid = a_paid_account(store)
    paid.gateway.contested(paid.charge, 10000)
    paid.hear("charge.dispute.created", "dp_1")
    if again == "paid":
        pay(store, paid.account, Choice("all", "GBP"), at=LATER + timedelta(minutes=1))
    else:
        paid.gateway.decides("dp_1", DisputeState.WON, back=10000)
        paid.hear("charge.dispute.closed", "dp_1", now=LATER + timedelta(minutes=1))
    assert told(paid, "payment_returned") == (False, [])


def test_a_refund_that_failed_is_not_told_as_sent(store: Store) -> None:
    """P-20: it failed before the letter left."""
    paid = a_paid_account(store)
    paid.gateway.refunded(paid.charge, 4000)
    paid.hear("refund.created", "re_1")
    assert told(paid, "card_refund_sent") == (True, [])
    paid.gateway.fails("re_1")
    paid.hear("refund.failed", "re_1", now=LATER + timedelta(minutes=1))
    assert told(paid, "card_refund_sent")[0] is False
