"""Head office on the portal: what branches owe, one payment for them, and nothing across (L-15)."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.creditors import Creditor
from models.invoices import Invoice
from models.links import Channel
from models.payments import PaymentAttempt
from receivables.payments import settling
from tests import factories as make
from tests.portal.conftest import Portal
from tests.portal.test_routes import statements
from tests.portal.visitor import hidden, words
from tests.receivables.paying import balances
from tests.standins import pay_on_page

NAMES = ("Tidewater Group Ltd", "Tidewater North", "Tidewater South")


@pytest.fixture
def group(portal: Portal) -> list[Account]:
    """Head office £10.00; North £20.00 late and £3.00; South £40.00; South €9.00 besides."""
    head = portal.account(lambda s, a: portal.invoice(s, a, 1000, -3, number="HO-1"), name=NAMES[0])

    def branch(s: Session, name: str, *invoices: tuple[str, int, int]) -> Account:
        creditor = s.get_one(Creditor, head.creditor_id)
        account = make.an_account(s, creditor, name=name, now=portal.clock.at)
        account.payer_id, account.shown_to_payer = head.id, True
        for number, minor, due in invoices:
            portal.invoice(s, account, minor, due, number=number)
        return account

    with portal.store.write() as s:
        north = branch(s, NAMES[1], ("N-1", 2000, -5), ("N-2", 300, 5))
        south = branch(s, NAMES[2], ("S-1", 4000, -1))
        portal.invoice(s, south, 900, -1, number="S-E", currency="EUR")
    return [head, north, south]


def ref_of(portal: Portal, number: str) -> str:
    with portal.store.read() as s:
        return s.scalars(select(Invoice.ref).where(Invoice.number == number)).one()


def test_listed_with_few_statements(portal: Portal, group: list[Account]) -> None:
    """Part 7: each branch with what it owes; at most eight statements however many branches."""
    visitor = portal.visitor(group[0])
    with statements(portal.store) as seen:
        page = visitor.get("/account/branches?currency=GBP")
    assert page.status_code == 200
    assert len(seen) <= 8, [s for _, s in seen]
    said = words(page)
    assert "Head office: Tidewater Group Ltd £10.00" in said
    assert "Tidewater North £23.00" in said
    assert "overdue: £20.00" in said
    assert "Open in all £73.00" in said
    assert "EUR€9.00" in said


def test_reviewed_and_paid_in_one_payment(portal: Portal, group: list[Account]) -> None:
    """A branch as a whole and one invoice of another; one attempt, each branch credited."""
    visitor = portal.visitor(group[0])
    visitor.get("/account/branches?currency=GBP")
    ticks = [("currency", "GBP"), ("branch", group[2].ref), ("invoice", ref_of(portal, "N-1"))]
    answer = visitor.post("/account/branches", ticks)
    assert answer.status_code == 303, words(answer)
    review = visitor.get(answer.location)
    said = words(review)
    assert "You pay £60.00" in said
    assert "Still open afterwards £13.00" in said
    assert said.index("Invoice N-1, in full £20.00") < said.index("Tidewater South")
    fields = hidden(review)
    started = visitor.post("/account/branches/start", fields)
    assert started.status_code == 303, words(started)
    again = visitor.post("/account/branches/start", fields)
    assert again.location == started.location
    pay_on_page(started.location)
    with portal.store.read() as s:
        (attempt,) = s.scalars(select(PaymentAttempt))
    gateway = portal.app.extensions["amicable"].gateway("default")
    settling.settle(portal.store, gateway, attempt.ref, now=portal.clock.at)
    assert attempt.account_id == group[0].id
    assert [balances(portal.store, a) for a in group] == [[1000], [0, 300], [0, 900]]
    theirs = words(portal.visitor(group[1]).get(f"/account/invoices/{ref_of(portal, 'N-1')}"))
    assert "Paid on" in theirs


def test_nothing_ticked_and_changed_sums(portal: Portal, group: list[Account]) -> None:
    visitor = portal.visitor(group[0])
    visitor.get("/account/branches?currency=GBP")
    answer = visitor.post("/account/branches", {"currency": "GBP"})
    assert answer.status_code == 422
    assert "Tick at least one branch or invoice." in words(answer)
    invoice = ref_of(portal, "N-1")
    fields = [("currency", "GBP"), ("amount", "1.00"), ("invoice", invoice), ("nonce", "n" * 43)]
    changed = visitor.post("/account/branches/start", fields)
    assert changed.status_code == 422
    assert "The amounts have changed in the meantime." in words(changed)
    assert portal.attempts() == []


def test_nobody_sees_across(portal: Portal, group: list[Account]) -> None:
    """L-15: head office and two branches, every page, every name: only what is one's own or shown."""
    numbers = {"HO-1": 0, "N-1": 1, "N-2": 1, "S-1": 2, "S-E": 2}
    pages = ["/account", "/account/pay", "/account/credit", "/account/branches", "/account/branches/review"]
    for n, branch in enumerate(group[1:], 1):
        visitor = portal.visitor(branch)
        foreign = [number for number, owner in numbers.items() if owner != n]
        for page in pages:
            said = words(visitor.get(f"{page}?currency=GBP"))
            assert not [number for number in foreign if number in said], page
            assert not [name for i, name in enumerate(NAMES) if i != n and name in said], page
        for number in foreign:
            ref = ref_of(portal, number)
            assert visitor.get(f"/account/invoices/{ref}").status_code == 404
            assert visitor.get(f"/account/credit/use/{ref}").status_code == 404
            review = visitor.get(f"/account/pay/review?currency=GBP&what=chosen&invoice={ref}")
            assert review.status_code == 422
            assert number not in words(review)
        visitor.get("/account")
        ticks = [("currency", "GBP"), ("branch", group[0].ref)]
        assert visitor.post("/account/branches", ticks).status_code == 404
        fields = [("currency", "GBP"), ("amount", "10.00"), ("invoice", ref_of(portal, "HO-1")),
                  ("nonce", f"{n}" * 43)]  # fmt: skip
        assert visitor.post("/account/branches/start", fields).status_code in (404, 422)
    assert portal.attempts() == []


def test_a_branch_that_is_not_shown_stays_away(portal: Portal, group: list[Account]) -> None:
    """Decision 2: the payer sees a branch only where it is shown to him."""
    with portal.store.write() as s:
        s.get_one(Account, group[1].id).shown_to_payer = False
    visitor = portal.visitor(group[0])
    said = words(visitor.get("/account/branches?currency=GBP"))
    assert "Tidewater North" not in said
    for tick in (("branch", group[1].ref), ("invoice", ref_of(portal, "N-1"))):
        assert visitor.post("/account/branches", [("currency", "GBP"), tick]).status_code == 404


def test_a_staff_s_link_sees_and_pays(portal: Portal, group: list[Account]) -> None:
    """Decision 6: view and pay."""
    visitor = portal.visitor()
    visitor.open(portal.link(group[0], Channel.STAFF))
    assert "Tidewater North" in words(visitor.get("/account/branches?currency=GBP"))
    assert portal.visitor().get("/account/branches").status_code == 401


def test_without_branches_no_page(portal: Portal, tidewater: Account) -> None:
    assert portal.visitor(tidewater).get("/account/branches").status_code == 404
