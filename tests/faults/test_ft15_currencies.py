"""FT-15: currencies without decimals, with three, and with steps of their own, end to end (B15).

M-02, P-07, INV-4, INV-6: portal, gateway, books, confirmation, export and refund, each held against an oracle
that shares no code (tests/oracles/currency_oracle.py). A symmetric mistake (× 100, then ÷ 100) shows.
"""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.approvals import Refund
from models.invoices import Invoice
from models.ledger import LedgerCode, LedgerEntry, Posting
from models.money import Money
from models.payments import Payment
from models.staff import Role
from receivables import credit_notes, refunds
from receivables.approvals import deciding
from receivables.calendar_days import business_date
from tests import factories as make
from tests.faults.waiting import await_
from tests.faults.works import Works
from tests.oracles import currency_oracle as oracle

AMOUNTS = [("JPY", "100"), ("JPY", "57600"), ("KWD", "12.340"), ("HUF", "57600"), ("ISK", "500")]
#: The largest amount that a row can hold.
MOST = 2**63 - 1


@pytest.mark.parametrize(("currency", "text"), AMOUNTS)
def test_end_to_end(works: Works, currency: str, text: str) -> None:
    """FT-15, B15: what is asked, taken, booked, confirmed, exported and sent back is one amount."""
    minor = oracle.minor(text, currency)
    account = works.account(Money(minor, currency))
    debtor = works.debtor(account)
    debtor.enter()
    asked = debtor.get(f"/account/pay/review?currency={currency}&what=all")
    assert oracle.reads(asked.text, text, currency)
    page = debtor.begin(asked.fields)
    assert page is not None
    (attempt,) = works.attempts(account)
    session = next(s for s in works.stripe_objects("checkout.session") if s["id"] == attempt.remote_id)
    assert (session["amount_total"], session["currency"]) == (oracle.wire(text, currency), currency.lower())
    assert debtor.finish(page) == "ok"
    charge = next(c for c in works.stripe_objects("charge") if c["metadata"].get("attempt") == attempt.ref)
    assert charge["amount"] == oracle.wire(text, currency)
    payment = works.look(lambda s: s.scalars(select(Payment).where(Payment.account_id == account.id)).one())
    assert (payment.amount_minor, payment.currency) == (minor, currency)
    assert works.look(lambda s: _cleared(s, payment.entry_id)) == minor
    assert works.open_minor(account) == 0
    await_("the confirmation is there", lambda: _confirmations(works, account))
    assert all(oracle.reads(mail, text, currency) for mail in _confirmations(works, account))
    table = debtor.get(f"/account/statement.csv?currency={currency}&period=recent")
    cells = [cell for row in csv.reader(io.StringIO(table.text)) for cell in row]
    assert oracle.is_written(cells, text), table.text
    _send_back(works, account, Money(minor, currency))
    works.prove()


def _cleared(session: Session, entry_id: int) -> int:
    mine = (Posting.entry_id == entry_id) & (Posting.ledger_code == LedgerCode.GATEWAY_CLEARING)
    return int(session.scalars(select(Posting.debit_minor).where(mine)).one())


def _confirmations(works: Works, account: Account) -> list[str]:
    mine = select(Contact.email).where(Contact.account_id == account.id)
    email = works.look(lambda s: s.scalars(mine).one())
    return [m["text"] for m in works.mailbox.messages(to=email, channel="mail")]


def _send_back(works: Works, account: Account, amount: Money) -> None:
    """Credit an invoice that was paid meanwhile and send the credit back by transfer, to the unit."""
    with works.house.store.write() as session:
        asker = make.staff_actor(make.a_person(session, Role.ACCOUNTANT))
        boss = make.staff_actor(make.a_person(session, Role.SUPERVISOR))
    now = datetime.now(UTC)
    debtor = works.debtor(account)
    invoice = works.house.store.run(
        lambda s: make.an_invoice(s, s.get_one(Account, account.id), total=amount, now=now)
    )
    page = debtor.begin(debtor.review(amount.currency))
    assert page is not None
    works.stripe.fault("webhook:*", "delay", count=20, seconds=600)
    debtor.pay_hosted(page)
    works.house.store.run(
        lambda s: credit_notes.record_credit_note(
            s, asker, invoice.ref, number=f"CN-{invoice.id}", amount=amount, reason="Wet", now=now
        )
    )
    works.quiet()

    def ask(session: Session) -> tuple[str, str]:
        request = refunds.propose_refund(
            session, asker, account.ref, amount=amount, payee="Tidewater",
            bank_account="GB33BUKB20201555555555", reason="Credited", now=now,
        )  # fmt: skip
        session.flush()
        return request.ref, request.content_digest

    ref, digest = works.house.store.run(ask)
    works.house.store.run(lambda s: deciding.approve(s, boss, ref, digest=digest, now=now))
    refund = works.look(lambda s: s.scalars(select(Refund).where(Refund.account_id == account.id)).one())
    today: date = business_date(now, account.zone)
    works.house.store.run(
        lambda s: refunds.pay_out(s, asker, refund.ref, paid_on=today, bank_reference="FPS 1", now=now)
    )
    entry = works.look(
        lambda s: s.scalars(
            select(LedgerEntry).where(LedgerEntry.reference == f"refund_paid:{refund.id}")
        ).one()
    )
    left = (Posting.entry_id == entry.id) & (Posting.ledger_code == LedgerCode.BANK)
    assert works.look(lambda s: s.scalars(select(Posting.credit_minor).where(left)).one()) == amount.minor


@pytest.mark.parametrize("currency", ["JPY", "KWD", "HUF", "ISK"])
def test_one_unit(works: Works, currency: str) -> None:
    """FT-15: an invoice of one unit stands, is shown, and is too little for a card: told so, nothing lost."""
    account = works.account(Money(1, currency))
    debtor = works.debtor(account)
    assert debtor.review(currency) == []
    assert works.open_minor(account) == 1
    assert works.attempts(account) == []
    works.prove()


def test_the_largest_amount(works: Works) -> None:
    """FT-15: the largest amount that a row holds is posted, shown and credited to the unit."""
    account = works.account(Money(MOST, "JPY"))
    debtor = works.debtor(account)
    debtor.enter()
    page = debtor.get("/account")
    assert oracle.reads(page.text, str(MOST), "JPY")
    assert works.open_minor(account) == MOST
    invoice = works.invoice(account)
    with works.house.store.write() as session:
        asker = make.staff_actor(make.a_person(session, Role.ACCOUNTANT))
        credit_notes.record_credit_note(
            session, asker, invoice.ref, number=f"CN-{invoice.id}", amount=Money(MOST, "JPY"),
            reason="A slip of the keyboard", now=datetime.now(UTC),
        )  # fmt: skip
    assert works.look(lambda s: s.get_one(Invoice, invoice.id).balance_minor) == 0
    works.prove()
