"""Invoices that are now with an agency: the portal says with whom, in place of paying us (part 11)."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from models.accounts import Account
from models.base import new_ref
from models.handovers import Handler, HandlerKind, Handover, HandoverInvoice
from models.invoices import Invoice
from models.money import Money
from models.states import HandoverStatus, advance
from receivables import ledger
from receivables.permissions import SYSTEM
from tests.portal.conftest import Portal
from tests.portal.test_routes import statements
from tests.portal.visitor import words

PAGE = "/account/now-with"


@pytest.fixture
def handed(portal: Portal, tidewater: Account) -> Account:
    """What of it is overdue in pounds is with an agency since yesterday."""
    with portal.store.write() as s:
        handler = Handler(
            ref=new_ref(), kind=HandlerKind.AGENCY, name="Harbour <b>Recoveries</b> Ltd",
            address="4 Quay Street\nBristol BS1 4DJ", phone="+44 117 496 0011",
            email="cases@harbour.example", countries="", commission_percent="12.5", terms="",
            created_at=portal.clock.at,
        )  # fmt: skip
        s.add(handler)
        s.flush()
        late = s.scalars(
            select(Invoice).where(
                Invoice.account_id == tidewater.id, Invoice.currency == "GBP", Invoice.due_on < portal.today
            )
        ).all()
        case = Handover(
            ref=new_ref(), account_id=tidewater.id, handler_id=handler.id, status=HandoverStatus.PLACED,
            currency="GBP", amount_minor=sum(i.balance_minor for i in late), reason="Nobody answers.",
            proposed_at=portal.clock.at, placed_on=portal.day(-1), commission_percent="12.5",
        )  # fmt: skip
        s.add(case)
        s.flush()
        s.add_all(
            HandoverInvoice(handover_id=case.id, invoice_id=i.id, balance_minor=i.balance_minor) for i in late
        )
    return tidewater


def refs(portal: Portal, account: Account, *, late: bool) -> list[str]:
    with portal.store.read() as s:
        rows = s.scalars(
            select(Invoice)
            .where(Invoice.account_id == account.id, Invoice.currency == "GBP")
            .order_by(Invoice.id)
        )
        return [i.ref for i in rows if i.due_on and (i.due_on < portal.today) is late]


def test_the_page_says_who_and_how(portal: Portal, handed: Account) -> None:
    """Decision 10: a look writes nothing; at most 8 statements; names of people are no markup."""
    visitor = portal.visitor(handed)
    with statements(portal.store) as seen:
        answer = visitor.get(PAGE)
    page = words(answer)
    assert answer.status_code == 200
    assert "Now with Harbour <b>Recoveries</b> Ltd" in page
    assert "<b>Recoveries" not in answer.text
    for said in ("+44 117 496 0011", "cases@harbour.example", "4 Quay Street", "Bristol BS1 4DJ"):
        assert said in page
    assert 'href="tel:+441174960011"' in answer.text
    assert "12.5" not in page  # their terms are nobody's business here
    assert len(seen) <= 8, seen
    assert {engine for engine, _ in seen} == {"read"}


def test_in_hebrew(portal: Portal, handed: Account) -> None:
    answer = portal.visitor(handed).get(f"{PAGE}?lang=he")
    assert 'dir="rtl"' in answer.text
    assert "+44 117 496 0011" in words(answer)


def test_the_account_asks_for_the_rest_only(portal: Portal, handed: Account) -> None:
    visitor = portal.visitor(handed)
    with statements(portal.store) as seen:
        answer = visitor.get("/account")
    page = words(answer)
    assert "Now with Harbour <b>Recoveries</b> Ltd" in page
    assert "Handed over, asked for by others" in page
    assert PAGE in answer.text
    assert len(seen) <= 8, seen


def test_nothing_is_paid_to_us_by_a_page(portal: Portal, handed: Account) -> None:
    """The pay page does not offer it; a chosen one is refused by our rules, not by hidden fields."""
    visitor = portal.visitor(handed)
    (ref, *_) = refs(portal, handed, late=True)
    document = visitor.get(f"/account/invoices/{ref}")
    assert "An agency or a lawyer asks for this invoice now" in words(document)
    assert PAGE in document.text
    assert "/account/pay/review" not in document.text
    asked = visitor.get(f"/account/pay/review?currency=GBP&what=chosen&invoice={ref}")
    assert asked.status_code in (303, 422)


def test_money_that_still_comes_is_counted(portal: Portal, handed: Account) -> None:
    """P-06: what reaches us is recorded whatever became of the case."""
    (ref, *_) = refs(portal, handed, late=True)
    with portal.store.write() as s:
        invoice = s.scalars(select(Invoice).where(Invoice.ref == ref)).one()
        owner = s.get_one(Account, handed.id)
        amount = Money(1000, "GBP")
        ledger.post(
            s, SYSTEM,
            ledger.Draft(
                creditor_id=owner.creditor_id, reference="test:1", kind="payment", currency="GBP",
                effective_on=portal.today,
                sides=[
                    ledger.debit(ledger.LedgerCode.BANK, amount),
                    ledger.credit(
                        ledger.LedgerCode.RECEIVABLES, amount, account_id=owner.id, invoice_id=invoice.id
                    ),
                ],
            ),
            now=portal.clock.at,
        )  # fmt: skip
        left = invoice.balance_minor
    page = words(portal.visitor(handed).get(PAGE))
    assert f"{Money(left, 'GBP').decimal:,.2f}" in page


def test_recalled_it_is_ours_again(portal: Portal, handed: Account) -> None:
    visitor = portal.visitor(handed)
    with portal.store.write() as s:
        advance(s.scalars(select(Handover)).one(), HandoverStatus.RECALLED)
    assert visitor.get(PAGE).status_code == 404
    page = words(visitor.get("/account"))
    assert "Now with" not in page
    assert "Overdue today" in page


def test_another_account_reads_nothing_of_it(portal: Portal, handed: Account) -> None:
    """L-15: the page of somebody else's case is no page."""
    stranger = portal.account()
    assert portal.visitor(stranger).get(PAGE).status_code == 404
