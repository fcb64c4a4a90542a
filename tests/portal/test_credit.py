"""Credit in favour on the portal: seen, used after a last look, asked back."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from models.accounts import Account
from models.invoices import Invoice
from models.links import Channel
from models.money import Money
from models.work import Task
from receivables.payments.quotes import Choice
from tests.portal.conftest import Portal
from tests.portal.test_routes import statements
from tests.portal.visitor import hidden, words
from tests.receivables.paying import balances, pay


@pytest.fixture
def rich(portal: Portal) -> Account:
    """£60.00 paid too much, £40.00 open since, £100.00 due later."""
    account = portal.account(lambda s, a: portal.invoice(s, a, 10000, -3, number="2026-0001"))
    pay(portal.store, account, Choice("all", "GBP"), came=Money(16000, "GBP"), at=portal.clock.at)
    with portal.store.write() as s:
        portal.invoice(s, account, 4000, -2, number="2026-0002")
        portal.invoice(s, account, 10000, 9, number="2026-0003")
    return account


def ref_of(portal: Portal, number: str) -> str:
    with portal.store.read() as s:
        return s.scalars(select(Invoice.ref).where(Invoice.number == number)).one()


def test_seen_reviewed_and_used(portal: Portal, rich: Account) -> None:
    """Part 7: where it comes from; a last look; then exactly what was shown."""
    visitor = portal.visitor(rich)
    with statements(portal.store) as seen:
        page = visitor.get("/account/credit")
    assert len(seen) <= 8, [s for _, s in seen]
    said = words(page)
    assert "£60.00" in said
    assert "Left of your payment of" in said
    assert "Use £40.00 for 2026-0002" in said
    assert "Use £60.00 for 2026-0003" in said
    address = f"/account/credit/use/{ref_of(portal, '2026-0003')}"
    review = visitor.get(address)
    assert "Still open on it afterwards £40.00" in words(review)
    answer = visitor.post(address, hidden(review))
    assert answer.status_code == 303
    assert visitor.post(address, hidden(review)).status_code == 303  # a double press
    assert balances(portal.store, rich) == [0, 4000, 4000]
    assert "There is no credit on your account now." in words(visitor.get("/account/credit"))


def test_changed_meanwhile_is_said_and_nothing_done(portal: Portal, rich: Account) -> None:
    """What the review showed no longer fits: 422, and how it stands now."""
    visitor = portal.visitor(rich)
    first, second = (f"/account/credit/use/{ref_of(portal, f'2026-000{n}')}" for n in (2, 3))
    late = hidden(visitor.get(second))
    visitor.post(first, hidden(visitor.get(first)))
    answer = visitor.post(second, late)
    assert answer.status_code == 422
    assert "Less of the credit is left than was shown: £20.00." in words(answer)
    assert balances(portal.store, rich) == [0, 0, 10000]


def test_asked_back_with_a_date(portal: Portal, rich: Account) -> None:
    """Part 7: a person answers by a day; a second press asks once."""
    visitor = portal.visitor(rich)
    visitor.get("/account/credit")
    for _ in range(2):
        answer = visitor.post("/account/credit/back", {"currency": "GBP"})
        assert answer.status_code == 303
    said = words(visitor.get("/account/credit"))
    assert "You asked for £60.00 back on" in said
    assert "Maya Thornton answers by" in said
    assert "Use £40.00" not in said
    with portal.store.read() as s:
        assert len(s.scalars(select(Task).where(Task.key.like("refund:%"))).all()) == 1


def test_a_link_held_by_staff_sees_and_does_not_use(portal: Portal, rich: Account) -> None:
    """Decision 6."""
    visitor = portal.visitor()
    visitor.open(portal.link(rich, Channel.STAFF))
    page = visitor.get("/account/credit")
    assert "£60.00" in words(page)
    assert "<button" not in page.text.split("<footer")[0]
    address = f"/account/credit/use/{ref_of(portal, '2026-0002')}"
    fields = [("currency", "GBP"), ("amount", "1.00"), ("nonce", "x" * 43)]
    assert visitor.post(address, fields).status_code == 403
    assert visitor.post("/account/credit/back", {"currency": "GBP"}).status_code == 403


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"amount": "1.00", "currency": "GBP"}, 400),
        ({"amount": "1,00", "currency": "GBP", "nonce": "x" * 43}, 400),
        ({"amount": "1.00", "currency": "XXQ", "nonce": "x" * 43}, 404),
        ({"amount": "0.00", "currency": "GBP", "nonce": "x" * 43}, 422),
        ({"amount": "-1.00", "currency": "GBP", "nonce": "x" * 43}, 422),
        ({"amount": "40.01", "currency": "GBP", "nonce": "x" * 43}, 422),
        ({"amount": "1.00", "currency": "EUR", "nonce": "x" * 43}, 422),
    ],
)
def test_bad_input(portal: Portal, rich: Account, fields: dict[str, str], status: int) -> None:
    """A-09: forged fields do nothing, whatever they say."""
    visitor = portal.visitor(rich)
    visitor.get("/account/credit")
    answer = visitor.post(f"/account/credit/use/{ref_of(portal, '2026-0002')}", fields)
    assert answer.status_code == status, words(answer)
    assert balances(portal.store, rich) == [0, 4000, 10000]


def test_another_account_finds_nothing(portal: Portal, rich: Account) -> None:
    """L-15."""
    stranger = portal.visitor(portal.account(name="Harbour & Sons Ltd"))
    assert "There is no credit" in words(stranger.get("/account/credit"))
    address = f"/account/credit/use/{ref_of(portal, '2026-0002')}"
    assert stranger.get(address).status_code == 404
    fields = [("currency", "GBP"), ("amount", "1.00"), ("nonce", "x" * 43)]
    assert stranger.post(address, fields).status_code == 404
