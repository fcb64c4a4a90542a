"""The portal by keyboard alone, without script: paying, promising, a plan, an offer (X-10, WCAG 2.1.1).

A dispute by keyboard stands with the walks of every way out.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.accounts import Account
from models.arrangements import Offer, Plan, Promise
from models.invoices import Invoice
from models.links import LinkSession
from models.money import Money
from models.staff import Role
from models.states import OfferStatus, PlanStatus, PromiseStatus
from receivables.arrangements import offer_making
from tests import factories as make
from tests.browser.test_every_way import owing, send, tab_to
from tests.browser.visits import Visit, visit
from tests.portal.conftest import Portal

pytestmark = pytest.mark.browser
GO_ON = "main form .btn-primary"


def opened(browser: Browser, portal: Portal, account: Account) -> Visit:
    """A phone without script, let in by keyboard."""
    seen = visit(browser, portal, width=390, script=False)
    seen.go(f"/l/{portal.link(account)}")
    send(seen, GO_ON)
    assert seen.page.url == f"{seen.base}/account"
    return seen


def type_into(seen: Visit, selector: str, text: str) -> None:
    tab_to(seen, selector)
    seen.page.keyboard.type(text)


def tick(seen: Visit, selector: str) -> None:
    tab_to(seen, selector)
    seen.page.keyboard.press("Space")
    assert seen.page.is_checked(selector), selector


def test_paying(browser: Browser, served: Portal) -> None:
    """From the link to the card page, an amount typed on the way, and a wrong one corrected."""
    seen = opened(browser, served, owing(served, "en"))
    send(seen, ".opening a.btn-primary[href*='/account/pay']")
    choose_the_amount(seen)
    seen.page.keyboard.type("99999999")
    send(seen, GO_ON)
    assert seen.page.locator("#errors").count() == 1
    tab_to(seen, "#amount")
    seen.page.keyboard.press("Control+a")
    seen.page.keyboard.type("100")
    send(seen, GO_ON)
    assert "/account/pay/review" in seen.page.url
    send(seen, GO_ON)
    seen.page.wait_for_url("**/c/pay/**")
    (attempt,) = served.attempts()
    assert attempt.amount_minor == 10000
    seen.page.context.close()


def choose_the_amount(seen: Visit) -> None:
    """To the choice of an amount with the arrow keys of its group, then into its field."""
    tab_to(seen, "[name=what]")
    for _ in range(3):
        if seen.page.is_checked("#w3"):
            break
        seen.page.keyboard.press("ArrowDown")
    assert seen.page.is_checked("#w3")
    tab_to(seen, "#amount")


def test_a_promise(browser: Browser, served: Portal) -> None:
    """The first of the days, a last look, the promise; then taken back."""
    seen = opened(browser, served, owing(served, "en"))
    send(seen, ".opening a[href*='/account/stopping']")
    send(seen, "main a[href$='/account/promise']")
    send(seen, "main a[href*='/account/promise/review']")
    send(seen, GO_ON)
    assert "/account/promises/" in seen.page.url
    send(seen, "main a[href*='/withdraw']")
    send(seen, GO_ON)
    with served.store.read() as session:
        assert session.scalars(select(Promise.status)).one() is PromiseStatus.WITHDRAWN
    seen.page.context.close()


def test_a_plan(browser: Browser, served: Portal) -> None:
    """A ready choice, every date read, signed."""
    seen = opened(browser, served, owing(served, "en"))
    send(seen, ".opening a[href*='/account/stopping']")
    send(seen, "main a[href$='/account/stopping/in-parts']")
    send(seen, "main form:has([value=plan]) button")
    send(seen, "form.flow-lg .btn-primary")
    send(seen, GO_ON)
    type_into(seen, "#name", "Helen Marsh")
    type_into(seen, "#role", "Owner")
    tick(seen, "#ok")
    send(seen, GO_ON)
    assert "/account/plans/" in seen.page.url
    with served.store.read() as session:
        assert session.scalars(select(Plan.status)).one() is PlanStatus.ACTIVE
    seen.page.context.close()


def test_an_offer(browser: Browser, served: Portal) -> None:
    """One of ours read, signed, and on to its payment."""
    account = owing(served, "en")

    def propose(session: Session) -> Offer:
        person = make.staff_actor(make.a_person(session, Role.SUPERVISOR, name="Maya Thornton"))
        late = select(Invoice.ref).where(Invoice.number.in_(("2026-1131", "2026-1184")))
        return offer_making.propose(
            session, person, account.ref, invoice_refs=session.scalars(late).all(), now=served.clock.at,
            amount=Money(121896, "GBP"), pay_by_on=served.day(10), reason="the shop closes",
        )  # fmt: skip

    served.store.run(propose)
    seen = opened(browser, served, account)
    with served.store.write() as session:
        session.execute(update(LinkSession).values(proved_at=served.clock.at))
    send(seen, "main a[href*='/account/offers/']")
    send(seen, "main a.btn-primary")
    type_into(seen, "#name", "Helen Marsh")
    type_into(seen, "#role", "Owner")
    tick(seen, "#binds")
    send(seen, GO_ON)
    seen.page.wait_for_url("**/c/pay/**")
    with served.store.read() as session:
        assert session.scalars(select(Offer.status)).one() is OfferStatus.ACCEPTED
    seen.page.context.close()


def test_an_own_offer(browser: Browser, served: Portal) -> None:
    """Sum, day and reason typed; then it waits for a person."""
    seen = opened(browser, served, owing(served, "en"))
    send(seen, ".opening a[href*='/account/stopping']")
    send(seen, "main a[href$='/account/stopping/in-parts']")
    send(seen, "main form:has([value=offer]) button")
    type_into(seen, "#amount", "900")
    type_into(seen, "#day", served.day(9).strftime("%m%d%Y"))
    type_into(seen, "#reason", "The bank lends us this much.")
    send(seen, GO_ON)
    with served.store.read() as session:
        assert session.scalars(select(Offer.status)).one() is OfferStatus.AWAITING_APPROVAL
    seen.page.context.close()
