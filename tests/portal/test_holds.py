"""Credit on hold, explained (issue of the portal, part 10)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.accounts import Account
from models.arrangements import CreditHold
from models.money import Money
from models.staff import Role, Staff
from receivables import credit_holds
from tests import factories as make
from tests.portal.conftest import Portal
from tests.portal.test_routes import statements
from tests.portal.visitor import words

PAGE = "/account/credit-hold"


@pytest.fixture
def held(portal: Portal, tidewater: Account) -> Account:
    with portal.store.write() as s:
        actor = make.staff_actor(make.a_person(s, Role.SUPERVISOR))
        credit_holds.place(
            s, actor, tidewater, "Two invoices are <b>late</b>.", Money(100000, "GBP"), now=portal.clock.at
        )
    return tidewater


def test_since_when_why_and_what_to_pay(portal: Portal, held: Account) -> None:
    """Part 10: the button carries the amount and leads to its review, oldest invoices first."""
    visitor = portal.visitor(held)
    page = visitor.get(PAGE)
    assert page.status_code == 200
    said = words(page)
    assert "Two invoices are <b>late</b>." in said
    assert "To lift it, pay £1,000.00" in said
    assert "Orders that you pay in advance." in said
    assert "Pay £1,000.00" in said
    review = visitor.get("/account/pay/review?currency=GBP&what=amount&amount=1000.00")
    assert "/account/pay/review?currency=GBP&amp;what=amount&amp;amount=1000.00" in page.text
    assert "Invoice 2026-1131, in full £576.00 Invoice 2026-1184, part of £842.40 £424.00" in words(review)


def test_without_a_hold_there_is_no_page(portal: Portal, tidewater: Account, held: Account) -> None:
    """L-15: another account's hold is not found, nor one that has ended."""
    stranger = portal.visitor(portal.account())
    assert stranger.get(PAGE).status_code == 404
    portal.clock.forward(minutes=1)
    with portal.store.write() as s:
        placed_by = s.scalars(select(CreditHold.placed_by_id)).one()
        person = make.staff_actor(s.get_one(Staff, placed_by))
        credit_holds.undo(s, person, held, now=portal.clock.at)
    assert portal.visitor(held).get(PAGE).status_code == 404
    assert portal.visitor().get(PAGE).status_code == 401


@pytest.mark.parametrize("language", ["en", "he", "ru", "hu"])
def test_few_statements_in_every_language(portal: Portal, held: Account, language: str) -> None:
    """At most eight statements; the amount to pay stands in each language."""
    visitor = portal.visitor(held)
    with statements(portal.store) as seen:
        page = visitor.get(f"{PAGE}?lang={language}")
    assert page.status_code == 200
    assert len(seen) <= 8, [s for _, s in seen]
    assert "style=" not in page.text


def test_without_keys_the_button_leads_to_the_transfer(portal_without_keys: Portal) -> None:
    """Decision 24: without card payments the page leads to the bank details."""
    portal = portal_without_keys
    account = portal.account(lambda s, a: portal.invoice(s, a, 5000, -3))
    with portal.store.write() as s:
        earlier = portal.clock.at - timedelta(days=1)
        boss = make.staff_actor(make.a_person(s, Role.SUPERVISOR))
        credit_holds.place(s, boss, account, "Late.", Money(5000, "GBP"), now=earlier)
    page = portal.visitor(account).get(PAGE)
    assert 'href="/account/pay?currency=GBP"' in page.text
