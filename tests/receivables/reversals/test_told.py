"""What the debtor is told of money that went back, and when there is nothing to tell any more."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.accounts import Account
from models.invoices import Invoice
from models.messages import Message
from models.store import Store
from receivables import letters
from receivables.payments.quotes import Choice
from receivables.ports import DisputeState
from tests import factories as make
from tests.receivables.arrangements.test_paid_for import head_of, opened
from tests.receivables.arrangements.test_paid_for import paid as page_paid
from tests.receivables.paying import pay
from tests.receivables.reversals.test_taking import last_payment
from tests.receivables.reversals.world import LATER, Paid, a_paid_account, after, gbp


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


def test_nothing_is_told_where_nothing_is_open(store: Store) -> None:
    """A letter that asks names what it asks for: none when only credit went back, or all is paid anew."""
    paid = a_paid_account(store, came=13000)
    paid.gateway.contested(paid.charge, 3000)
    paid.hear("charge.dispute.created", "dp_1")
    assert told(paid, "payment_returned") == (False, [])


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
