"""The account page while a plan runs: its next part is one tap away, its invoices wait for its days."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.arrangements import Plan
from models.invoices import Invoice
from receivables.arrangements import plan_reads, plans
from receivables.arrangements.plan_terms import Wish
from tests import factories as make
from tests.portal.conftest import Portal
from tests.portal.test_overview import settle, started
from tests.portal.test_routes import statements
from tests.portal.visitor import words
from tests.standins import debit_on_page


def a_plan(portal: Portal, account: Account, refs: list[str]) -> Plan:
    """A running plan in three parts, the first in a fortnight."""

    def unit(session: Session) -> Plan:
        holder = make.holder_actor(account, session.scalars(
            select(Contact).where(Contact.account_id == account.id)
        ).one())  # fmt: skip
        draft = plans.propose(
            session, holder, account_id=account.id, currency="GBP", invoice_refs=refs,
            wish=Wish(3, portal.day(14)), now=portal.clock.at,
        )  # fmt: skip
        return plans.accept(
            session, holder, draft.ref, digest=draft.terms_digest, now=portal.clock.at,
            signature=plans.Signature("Helen Marsh", "Owner", True, "en", None),
        )  # fmt: skip

    return portal.store.run(unit)


def late_refs(portal: Portal, account: Account, *, all_of_them: bool = False) -> list[str]:
    with portal.store.read() as session:
        query = select(Invoice.ref).where(Invoice.account_id == account.id).order_by(Invoice.due_on)
        found = list(session.scalars(query))
    return found if all_of_them else found[:2]


def test_all_in_a_plan_the_next_part_is_one_tap_away(portal: Portal, tidewater: Account) -> None:
    """Issue B, part 3: what comes next can be paid now; the invoices name the plan's day, not their own."""
    plan = a_plan(portal, tidewater, late_refs(portal, tidewater, all_of_them=True))
    visitor = portal.visitor(tidewater)
    with statements(portal.store) as seen:
        page = visitor.get("/account")
    assert len(seen) <= 8, [s for _, s in seen]
    said = words(page)
    with portal.store.read() as session:
        first = plan_reads.parts_of(session, plan.id)[0]
    day = f"{first.due_on.day} {first.due_on:%B %Y}"
    assert "Nothing more to pay today" in said
    assert said.count("Pay this part now, £772.80") == 2  # on top and beside the plan
    assert "Ring Maya" not in said
    assert said.count(f"In your plan, next part on {day}") == 4
    assert "Was due on" not in said
    review = visitor.get(f"/account/plans/{plan.ref}/pay?what=next")
    assert f'href="/account/plans/{plan.ref}/pay?what=next"' in page.text
    assert "You pay £772.80" in words(review)


def test_beside_a_plan_what_is_overdue_comes_first(portal: Portal, tidewater: Account) -> None:
    """The overdue invoice keeps the first button; the plan's part stands beside the plan."""
    late = late_refs(portal, tidewater)
    a_plan(portal, tidewater, late[1:])
    said = words(portal.visitor(tidewater).get("/account"))
    assert "Overdue today £576.00" in said
    assert said.index("Pay £576.00") < said.index("Pay this part now, £280.80")
    assert said.count("Was due on") == 1


def test_a_part_that_is_late_is_said_first(portal: Portal, tidewater: Account) -> None:
    """Never "nothing more to pay" over a part that has not come; what is late is paid in one tap."""
    plan = a_plan(portal, tidewater, late_refs(portal, tidewater, all_of_them=True))
    portal.clock.at += timedelta(days=20)
    page = portal.visitor(tidewater).get("/account")
    said = words(page)
    assert "A part of your plan is late £772.80" in said
    assert "Nothing more to pay" not in said
    assert f'class="btn btn-primary" href="/account/plans/{plan.ref}/pay?what=late"' in page.text


def test_what_was_paid_of_a_part_is_not_asked_again(portal: Portal, tidewater: Account) -> None:
    """M-15: the card names what is still to be paid of the part, less what is on its way."""
    plan = a_plan(portal, tidewater, late_refs(portal, tidewater, all_of_them=True))
    with portal.store.read() as session:
        choice = plan_reads.choice(
            session, make.holder_actor(tidewater), plan.ref, "next", now=portal.clock.at
        )
    begun = started(portal, tidewater, choice)
    assert begun.url
    debit_on_page(begun.url)
    settle(portal, begun.ref)
    said = words(portal.visitor(tidewater).get("/account"))
    with portal.store.read() as session:
        second = plan_reads.parts_of(session, plan.id)[1]
    assert f"next part on {second.due_on.day} {second.due_on:%B %Y}" in said
