"""Ways beside the card on the portal: another device, a cheque announced."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.links import Channel, Link
from models.work import Task
from tests.portal.conftest import Portal
from tests.portal.test_links import everything
from tests.portal.visitor import Visitor, words


def test_a_code_that_opens_the_account_elsewhere(portal: Portal, tidewater: Account) -> None:
    """L-02, L-04: made by POST, shown once as a code and as text; the other device gets in by it."""
    visitor = portal.visitor(tidewater)
    before = everything(portal.store)
    visitor.get("/account/other-device")
    assert everything(portal.store) == before
    shown = visitor.post("/account/other-device")
    assert shown.status_code == 200
    assert '<svg viewBox="' in shown.text
    assert "style=" not in shown.text
    token = re.search(r"http://localhost/l/([\w-]+)", shown.text)
    assert token is not None
    other = Visitor(portal.app)
    assert "£1,418.40" in words(other.open(token[1]))
    assert token[1] not in visitor.get("/account/other-device").text
    portal.clock.forward(minutes=11)
    assert Visitor(portal.app).get(f"/l/{token[1]}").status_code == 410


def test_a_staff_s_link_makes_no_wider_one(portal: Portal, tidewater: Account) -> None:
    """Decision 6."""
    visitor = portal.visitor()
    visitor.open(portal.link(tidewater, Channel.STAFF))
    visitor.get("/account/other-device")
    assert visitor.post("/account/other-device").status_code == 200
    with portal.store.read() as s:
        assert {link.scope.value for link in s.scalars(select(Link))} == {"view_and_pay"}


def test_after_the_link_s_end_it_says_so(portal: Portal, tidewater: Account) -> None:
    """A session outlives its link by at most two hours, and makes no new one."""
    visitor = portal.visitor(tidewater)
    with portal.store.write() as s:
        for link in s.scalars(select(Link)):
            link.expires_at = portal.clock.at + timedelta(minutes=1)
    visitor.get("/account/other-device")
    portal.clock.forward(minutes=2)
    answer = visitor.post("/account/other-device")
    assert answer.status_code == 409
    assert "has expired in the meantime" in words(answer)


@pytest.fixture
def haifa(portal: Portal) -> Account:
    def fill(session: Session, account: Account) -> None:
        account.country = "IL"
        portal.invoice(session, account, 100000, -3, currency="ILS", number="2026-IL1")

    return portal.account(fill, creditor={"country": "IL"})


def fields(portal: Portal, **change: str) -> dict[str, str]:
    return {
        "currency": "ILS", "number": "100234", "bank": "Bank of the Valley", "amount": "1,000.00",
        "dated_on": (portal.today + timedelta(days=45)).isoformat(), **change,
    }  # fmt: skip


def test_a_cheque_is_told(portal: Portal, haifa: Account) -> None:
    """Part 10: told once, shown to the debtor, a task for a person."""
    visitor = portal.visitor(haifa)
    visitor.get("/account/cheque?currency=ILS")
    for _ in range(2):
        assert visitor.post("/account/cheque", fields(portal)).status_code == 303
    said = words(visitor.get("/account/cheque?currency=ILS"))
    assert "Cheque 100234 of" in said
    assert "₪1,000.00" in said
    with portal.store.read() as s:
        assert len(s.scalars(select(Task)).all()) == 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"number": ""}, "Type the number on the cheque."),
        ({"bank": ""}, "Type the name of the bank."),
        ({"bank": "b" * 81}, "Please keep it to 80 characters."),
        ({"amount": ""}, "Type the amount you would like to pay."),
        ({"amount": "1000.01"}, "That is more than is open. Type ₪1,000.00 or less."),
        ({"dated_on": "soon"}, "Give the date on the cheque."),
        ({"dated_on": "2020-02-30"}, "Give the date on the cheque."),
        ({"dated_on": "2020-02-20"}, "This date has passed."),
        ({"dated_on": "9999-12-31"}, "This date is too far ahead."),
    ],
)
def test_bad_input_comes_back(portal: Portal, haifa: Account, change: dict[str, str], says: str) -> None:
    """WCAG 3.3.1: at the top and at the field, with everything kept."""
    visitor = portal.visitor(haifa)
    visitor.get("/account/cheque?currency=ILS")
    typed = fields(portal, **change)
    answer = visitor.post("/account/cheque", typed)
    assert answer.status_code == 422, words(answer)
    assert words(answer).count(says) == 2
    assert all(f'value="{value}"' in answer.text for name, value in typed.items() if name != "currency")
    with portal.store.read() as s:
        assert s.scalars(select(Task)).all() == []


def test_where_cheques_are_not_usual(portal: Portal, tidewater: Account) -> None:
    assert portal.visitor(tidewater).get("/account/cheque?currency=GBP").status_code == 404


def test_a_transfer_that_comes_first_names_sum_and_reference(portal: Portal) -> None:
    """Part 10, policy ways.transfer_first_above: what to transfer and what to write on it."""
    account = portal.account(lambda s, a: portal.invoice(s, a, 640000, -3, number="L-1"))
    said = words(portal.visitor(account).get("/account/pay"))
    asked = f"Please transfer £6,400.00 with the reference {account.number}."
    assert said.index(asked) < said.index("Everything overdue")
    assert said.index("Amount £6,400.00") < said.index(f"Reference {account.number}")


def test_a_small_sum_is_not_told_what_to_transfer(portal: Portal, tidewater: Account) -> None:
    assert "Please transfer" not in words(portal.visitor(tidewater).get("/account/pay"))
