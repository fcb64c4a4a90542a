"""Agreements in a real Chromium without script, from the link to the end: agreed, paid, kept, proved.

Each ends with the books as they must be (the independent checker agrees) and with one calm page to keep:
nothing on it moves, counts down or hurries, and it leads to the agreement as PDF.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, time
from typing import Any

import pytest
from playwright.sync_api import Browser
from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs import daily
from models.accounts import Account
from models.arrangements import Instalment, Offer, Plan, SavedCard
from models.invoices import Invoice
from models.money import Money
from models.payments import Payment
from models.staff import Role
from models.states import CardStatus, InstalmentStatus, OfferStatus, PlanStatus
from receivables import ledger
from receivables.arrangements import offer_making
from tests import factories as make
from tests.admin.conftest import PASSWORD, Desk
from tests.browser.conftest import both
from tests.browser.test_every_way import type_card
from tests.browser.visits import Visit, visit
from tests.portal.conftest import Portal
from tests.portal.test_codes import sent_code
from tests.proof import prove
from tests.receivables.paying import balances

pytestmark = pytest.mark.browser

#: Two invoices, £576.00 and £842.40; what the rules take for both, without a person, when they are long late.
ALL, BY_RULE = 57600 + 84240, 121896
HURRY = re.compile(r"hurry|last chance|only \d|\d+ (seconds?|minutes?|hours?)\b|act now|running out", re.I)


def owing(portal: Portal, *, days: tuple[int, int] = (29, 8)) -> Account:
    def fill(session: Session, account: Account) -> None:
        portal.invoice(session, account, 57600, -days[0], number="2026-1131", lines=3)
        portal.invoice(session, account, 84240, -days[1], number="2026-1184", lines=3)

    return portal.account(fill)


def opened(browser: Browser, portal: Portal, account: Account) -> Visit:
    """A phone without script that has opened the account's link."""
    seen = visit(browser, portal, width=390, script=False)
    enter(seen, portal, account)
    return seen


def enter(seen: Visit, portal: Portal, account: Account) -> None:
    seen.go(f"/l/{portal.link(account)}")
    seen.press()
    assert seen.page.url == f"{seen.base}/account"


def cannot_pay_all(seen: Visit, what: str) -> None:
    """From the account: what is stopping me, I cannot pay it all at once, `plan` or `offer`."""
    seen.press(".opening a[href*='/account/stopping']")
    seen.press("main a[href$='/account/stopping/in-parts']")
    seen.press(f"main form:has([value={what}]) button")


def type_code(seen: Visit, portal: Portal) -> None:
    """Have a one-time code sent, and type the one that the message brings (decision 8)."""
    assert "/account/code" in seen.page.url
    seen.press()
    seen.page.fill("#code", sent_code(portal.store, portal.clock.at))
    seen.press()


def pay_by_card(seen: Visit) -> None:
    """Type the card on the stand-in's page, come back, look, and go home."""
    seen.page.wait_for_url("**/c/pay/**")
    type_card(seen)
    seen.page.wait_for_url("**/r/*")
    seen.press()
    assert "is paid" in said(seen, "h1")
    seen.press(".acts .btn-primary")


def said(seen: Visit, selector: str = "main") -> str:
    return " ".join(seen.page.inner_text(selector).split())


def without_marks(text: str) -> str:
    """Leave out the marks that isolate a name."""
    return re.sub("[\u2066-\u2069]", "", text)


def keeps_calm(seen: Visit, portal: Portal) -> None:
    """The page in view stays as it is, hurries nobody and leads to the agreement on paper."""
    for moving in ("meta[http-equiv=refresh i]", "[role=timer]", "progress", "meter", "marquee", "blink"):
        assert seen.page.locator(moving).count() == 0, moving
    words = said(seen)
    assert HURRY.search(words) is None
    portal.clock.forward(minutes=20)
    answer = seen.page.reload()
    assert answer is not None
    assert "refresh" not in answer.headers
    assert said(seen) == words
    paper = seen.page.locator("main a[href$='/pdf']", has_text="Agreement as PDF")
    kept = seen.page.request.get(seen.base + (paper.get_attribute("href") or ""))
    assert kept.ok
    assert kept.body().startswith(b"%PDF-")
    assert seen.complaints == []


def one(portal: Portal, what: Any, **where: Any) -> Any:
    with portal.store.read() as session:
        return session.scalars(select(what).filter_by(**where).order_by(what.id.desc())).first()


def books_hold(portal: Portal, account: Account, *, open_now: int, came: list[int]) -> None:
    """What is open, what came in, and the checker's word that all of it fits together."""
    assert sum(balances(portal.store, account)) == open_now
    with portal.store.read() as session:
        payments = session.scalars(select(Payment.amount_minor).order_by(Payment.id)).all()
        assert ledger.trial_balance(session) == {"GBP": 0}
    assert list(payments) == came
    prove(portal.app.extensions["amicable"].settings.DATABASE_URL)


# --------------------------------------------------------------------------- plans


def choose_plan(seen: Visit, *, by_card: bool) -> None:
    """A ready plan of three parts, the first one today."""
    cannot_pay_all(seen, "plan")
    seen.page.check("[name=plan][value='3']")
    seen.page.check("#s2")
    seen.page.check("#h2" if by_card else "#h1")
    seen.press()
    assert "Check the dates and amounts" in said(seen, "h1")
    seen.press()


def sign_plan(seen: Visit) -> None:
    assert "Agreement to pay in 3 parts" in said(seen, "h1")
    assert seen.page.input_value("#name") == ""  # whoever signs types it
    seen.page.fill("#name", "Helen Marsh")
    seen.page.fill("#role", "Owner")
    seen.page.check("#ok")
    seen.press()


@both
def test_a_ready_plan_by_link(browser: Browser, live: Portal) -> None:
    """Part 3: chosen, read, signed, its first part paid at once; the rest waits for its days."""
    account = owing(live)
    seen = opened(browser, live, account)
    choose_plan(seen, by_card=False)
    sign_plan(seen)
    pay_by_card(seen)
    seen.press("main a[href*='/account/plans/']:not([href*='/pay'])")
    assert "Your plan is running" in said(seen, "h1")
    plan = one(live, Plan)
    assert plan.status is PlanStatus.ACTIVE
    assert (plan.accepted_name, plan.accepted_role) == ("Helen Marsh", "Owner")
    first, second = (one(live, Instalment, seq=n) for n in (1, 2))
    assert (first.status, second.status) == (InstalmentStatus.PAID, InstalmentStatus.SCHEDULED)
    books_hold(live, account, open_now=ALL - first.amount_minor, came=[first.amount_minor])
    keeps_calm(seen, live)
    assert seen.page.locator(".plan .pill.good").count() == 1
    seen.page.context.close()


@both
def test_a_plan_from_a_card(browser: Browser, live: Portal) -> None:
    """Part 3 and 9, P-24: code, consent, the first part keeps the card; the daily run charges the second."""
    account = owing(live)
    seen = opened(browser, live, account)
    choose_plan(seen, by_card=True)
    type_code(seen, live)
    sign_plan(seen)
    assert "/account/cards/plan/" in seen.page.url
    consent = without_marks(said(seen, ".terms"))
    assert "never more than the plan says" in consent
    seen.press()
    pay_by_card(seen)
    card = one(live, SavedCard)
    assert (card.status, card.last4) == (CardStatus.ACTIVE, "4242")
    assert consent == without_marks(" ".join(card.consent_text.splitlines()))
    first, second = (one(live, Instalment, seq=n) for n in (1, 2))
    assert first.status is InstalmentStatus.PAID

    live.clock.at = datetime.combine(second.due_on, time(12), UTC)
    house = live.app.extensions["amicable"]
    done = [daily.run(house, now=live.clock.at) for _ in range(2)]
    assert [(d["plan_charges"], d["trouble"]) for d in done] == [(1, 0), (0, 0)]
    assert one(live, Instalment, seq=2).status is InstalmentStatus.PAID
    came = [first.amount_minor, second.amount_minor]
    books_hold(live, account, open_now=ALL - sum(came), came=came)
    enter(seen, live, account)
    seen.press("main a[href*='/account/plans/']:not([href*='/pay'])")
    assert "from your card ending in 4242" in said(seen)
    assert seen.page.locator(".plan .pill.good").count() == 2
    keeps_calm(seen, live)
    seen.page.context.close()


# --------------------------------------------------------------------------- settlements


def accept_and_pay(seen: Visit, portal: Portal, account: Account, minor: int) -> None:
    """Read, prove, sign and pay the offer in view; then it is settled and nothing is open."""
    offer = one(portal, Offer)
    seen.press("main a.btn-primary")
    type_code(seen, portal)
    assert "Agreement to settle" in said(seen, "h1")
    seen.page.fill("#name", "Helen Marsh")
    seen.page.fill("#role", "Owner")
    seen.page.check("#binds")
    seen.press()
    seen.page.wait_for_url("**/c/pay/**")
    agreed = one(portal, Offer, ref=offer.ref)
    assert (agreed.status, agreed.accepted_name) == (OfferStatus.ACCEPTED, "Helen Marsh")
    assert sum(balances(portal.store, account)) == ALL  # nothing is forgiven before the money is in
    pay_by_card(seen)
    assert one(portal, Offer, ref=offer.ref).status is OfferStatus.SETTLED
    with portal.store.read() as session:
        assert "open" not in {s.value for s in session.scalars(select(Invoice.status))}
    books_hold(portal, account, open_now=0, came=[minor])
    seen.go(f"/account/offers/{offer.ref}")
    assert "Settled, thank you" in said(seen, "h1")
    keeps_calm(seen, portal)


@both
def test_an_offer_accepted_and_paid(browser: Browser, live: Portal) -> None:
    """Part 4, C-10: found on the account, read, signed behind a code, paid; the rest is written off."""
    account = owing(live, days=(100, 70))

    def propose(session: Session) -> None:
        person = make.staff_actor(make.a_person(session, Role.SUPERVISOR, name="Maya Thornton"))
        refs = list(session.scalars(select(Invoice.ref).where(Invoice.account_id == account.id)))
        offer_making.propose(
            session, person, account.ref, invoice_refs=refs, amount=Money(BY_RULE, "GBP"),
            pay_by_on=live.day(10), reason="the shop closes", now=live.clock.at,
        )  # fmt: skip

    live.store.run(propose)
    seen = opened(browser, live, account)
    seen.press("main a[href*='/account/offers/']")
    keep = said(seen)
    assert "£1,218.96" in keep
    assert HURRY.search(keep) is None
    accept_and_pay(seen, live, account, BY_RULE)
    seen.page.context.close()


@both
def test_an_own_offer_approved_and_paid(browser: Browser, live: Portal) -> None:
    """Part 4, A-02: below what the rules take: a second person agrees at the desk; then signed and paid."""
    account = owing(live, days=(100, 70))
    seen = opened(browser, live, account)
    cannot_pay_all(seen, "offer")
    seen.page.fill("#amount", "900")
    seen.page.fill("#day", live.day(9).isoformat())
    seen.page.fill("#reason", "The bank lends us this much.")
    seen.press()
    assert "A person answers by" in said(seen, "h1")
    assert one(live, Offer).status is OfferStatus.AWAITING_APPROVAL

    approve_at_the_desk(browser, live)
    assert one(live, Offer).status is OfferStatus.OPEN
    live.clock.forward(minutes=5)
    seen.page.reload()
    assert "£900.00" in said(seen, "h1")
    accept_and_pay(seen, live, account, 90000)
    seen.page.context.close()


def approve_at_the_desk(browser: Browser, portal: Portal) -> None:
    """A supervisor signs in, finds the case in the list, reads it and agrees."""
    desk = Desk(portal.app, portal.store, portal.clock)
    person = desk.person(Role.SUPERVISOR, name="Maya Thornton")
    staff = visit(browser, portal, width=1280, script=False)
    staff.go("/desk/login")
    for field, value in (("email", person.email), ("password", PASSWORD), ("code", desk.code())):
        staff.page.fill(f"#{field}", value)
    staff.press("main form .btn.go")
    staff.go("/desk/approvals")
    staff.press("main tbody th a")
    assert "The bank lends us this much." in said(staff)
    staff.press("form[action$='/approve'] .btn")
    assert staff.complaints == []
    staff.page.context.close()
