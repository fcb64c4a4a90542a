"""Every way out in a real Chromium, page by page: axe, four languages, keyboard, zoom (X-10).

One walk for each matter; each goes as a debtor does and yields the name of the page in view. The first
pages of the portal, people, plans and documents have walks of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.accounts import Account
from models.creditors import Creditor
from models.disputes import Dispute
from models.invoices import Invoice
from models.links import LinkSession
from models.money import Money
from models.payments import Payment
from models.staff import Role
from receivables import credit_holds
from receivables.arrangements import offer_making
from receivables.calendar_days import add_business_days
from receivables.disputes import threads
from receivables.payments.quotes import Choice
from receivables.permissions import SYSTEM
from tests import factories as make
from tests.agreements import an_agreed_plan
from tests.browser import test_plan_pages
from tests.browser.test_portal_pages import CREDITORS
from tests.browser.visits import Visit, visit
from tests.effort import LONG
from tests.portal.conftest import Portal
from tests.receivables.paying import pay

pytestmark = pytest.mark.browser

#: The smallest file that is taken for a paper; words that are long, in two directions, hard to break.
PAPER = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Count 0/Kids[]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
)
WORDS = "Three boxes came wet; שלוש קופסאות הגיעו רטובות. Reference-2026-1184-SOUTH-WAREHOUSE-GATE-7"
FORM = "main form.sheet .btn-primary"


def owing(portal: Portal, language: str) -> Account:
    """£576.00 and £842.40 long overdue, £288.00 due today, £612.00 later with a long number."""

    def fill(session: Session, account: Account) -> None:
        for total, due, number in (
            (57600, -100, "2026-1131"),
            (84240, -70, "2026-1184"),
            (28800, 0, "2026-1207"),
        ):
            portal.invoice(session, account, total, due, number=number, lines=3)
        portal.invoice(session, account, 61200, 20, number="2026-1262-LONG-NUMBER-7")

    creditor = {"language": language, **CREDITORS.get(language, {})}
    return portal.account(fill, language=language, creditor=creditor)


def enter(seen: Visit, portal: Portal, account: Account, *, proved: bool = True) -> None:
    """Open the account's link; `proved`: with a session that has seen a one-time code."""
    seen.go(f"/l/{portal.link(account)}")
    seen.press()
    if proved:
        with portal.store.write() as session:
            session.execute(update(LinkSession).values(proved_at=portal.clock.at))


def ref_of(portal: Portal, number: str) -> str:
    with portal.store.read() as session:
        return session.scalars(select(Invoice.ref).where(Invoice.number == number)).one()


# --------------------------------------------------------------------------- what stands in the way


def answers(seen: Visit, portal: Portal, language: str) -> Iterator[str]:
    """Part 1 and 7: the question, each answer's page and what is wrong with it, what follows; a call."""
    enter(seen, portal, owing(portal, language))
    seen.go("/account/stopping")
    yield "stopping"
    for way in ("in-parts", "invoice", "not-us"):
        seen.go(f"/account/stopping/{way}")
        yield way
    for way in ("document", "paid", "tax", "approval", "somebody-else"):
        seen.go(f"/account/stopping/{way}")
        yield way
        seen.press(FORM)
        yield f"{way}, nothing typed"
    seen.go("/account/stopping/approval")
    seen.page.fill("#name", "Joan Pike")
    seen.page.fill("#on", portal.day(7).isoformat())
    seen.press(FORM)
    yield "approval, noted"
    seen.go("/account/stopping/paid")
    seen.page.check("#i0")
    seen.page.check("#i3")
    seen.page.check("#w0")
    seen.page.fill("#on", portal.day(-3).isoformat())
    seen.page.fill("#reference", "TRANSFER-2026-1131-TIDEWATER-CAFE-AND-BAKERY")
    seen.press(FORM)
    yield "request"
    seen.go("/account/hardship")
    yield "hardship"
    seen.press(FORM)
    yield "hardship, nothing typed"
    seen.page.fill("#words", WORDS)
    seen.press(FORM)
    yield "hardship, told"
    seen.go("/account/ring-me")
    yield "ring me"
    seen.page.fill("#phone", "ring")
    seen.press(FORM)
    yield "ring me, no number"
    seen.page.fill("#phone", "0113 496 0142")
    seen.press(FORM)
    yield "ring me, noted"
    seen.go("/account/stopping")
    yield "stopping, told before"


def promise(seen: Visit, portal: Portal, language: str) -> Iterator[str]:
    """Part 5: the day, a last look, the promise, once more before it is taken back."""
    enter(seen, portal, owing(portal, language))
    seen.go("/account/promise")
    yield "promise"
    seen.page.fill("#on", portal.day(-1).isoformat())
    seen.press(FORM)
    yield "promise, a day that has passed"
    seen.go("/account/promise")
    seen.press("main a[href*='/account/promise/review']")
    yield "promise, review"
    seen.press()
    yield "promise, noted"
    seen.press("main a[href*='/withdraw']")
    yield "promise, take it back"
    seen.press()
    yield "promise, taken back"


def dispute(seen: Visit, portal: Portal, language: str) -> Iterator[str]:
    """Part 2: the form, what is wrong with it, a last look, the thread, taking it back."""
    account = owing(portal, language)
    enter(seen, portal, account)
    seen.go(f"/account/invoices/{ref_of(portal, '2026-1184')}/dispute")
    yield "dispute"
    seen.page.check("#w0")
    seen.page.check("#l1")
    seen.page.click("details.narrower summary >> nth=0")
    seen.page.fill("#a1", "99")
    seen.press(FORM)
    yield "dispute, refused"
    seen.page.fill("#a1", "")
    seen.page.check("[name=reason][value=damaged]")
    seen.page.fill("#words", WORDS)
    seen.page.set_input_files("#files", {"name": "box.pdf", "mimeType": "application/pdf", "buffer": PAPER})
    seen.press(FORM)
    yield "dispute, review"
    seen.press("main a.link")
    yield "dispute, typed before"
    seen.press(FORM)
    seen.press()
    with portal.store.write() as session:
        person = make.staff_actor(make.a_person(session, Role.SUPERVISOR, name="Maya Thornton"))
        ref = session.scalars(select(Dispute.ref)).one()
        threads.answer(session, person, ref, words=WORDS, now=portal.clock.at + timedelta(hours=1))
    seen.page.reload()
    yield "dispute, thread"
    seen.press("main form[enctype] .btn")
    yield "dispute, nothing added"
    seen.press("main a[href$='/withdraw']")
    yield "dispute, take it back"
    seen.press()
    yield "dispute, taken back"
    with portal.store.write() as session:
        an_agreed_plan(session, session.get_one(Account, account.id), ["2026-1207"], now=portal.clock.at)
    seen.go(f"/account/invoices/{ref_of(portal, '2026-1207')}/dispute")
    yield "dispute, not here"


# --------------------------------------------------------------------------- agreements


def offers(seen: Visit, portal: Portal, language: str) -> Iterator[str]:
    """Part 4: one's own offer and its wait; one of ours read, signed, agreed."""
    account = owing(portal, language)
    enter(seen, portal, account)
    seen.go("/account/own-offer")
    yield "own offer"
    seen.press("main form .btn-primary")
    yield "own offer, nothing typed"
    seen.page.fill("#amount", "900")
    seen.page.fill("#day", add_business_days(portal.day(7), 1, account.country).isoformat())
    seen.page.fill("#reason", WORDS)
    seen.press("main form .btn-primary")
    yield "own offer, waiting"
    seen.press("main form .as-link")
    yield "own offer, taken back"
    late = [ref_of(portal, number) for number in ("2026-1131", "2026-1184")]
    with portal.store.write() as session:
        person = make.staff_actor(make.a_person(session, Role.SUPERVISOR, name="Maya Thornton"))
        made = offer_making.propose(
            session, person, account.ref, invoice_refs=late, amount=Money(121896, "GBP"),
            pay_by_on=portal.day(10), reason="the shop closes", now=portal.clock.at,
        )  # fmt: skip
    seen.go(f"/account/offers/{made.ref}")
    yield "offer"
    seen.press("main a.btn-primary")
    yield "offer, agreement"
    seen.press()
    yield "offer, not signed"
    seen.page.fill("#name", "Helen Marsh")
    seen.page.fill("#role", "Owner")
    seen.page.check("#binds")
    seen.press()
    seen.page.wait_for_url("**/c/pay/**")
    seen.go(f"/account/offers/{made.ref}")
    yield "offer, accepted"
    seen.go("/account/own-offer?currency=GBP")
    yield "no own offer"


def cards(seen: Visit, portal: Portal, language: str) -> Iterator[str]:
    """Part 3 and 9: the code, the agreement to keep a card, its page, a plan's card, removing it."""
    account = owing(portal, language)
    with portal.store.write() as session:
        own = session.get_one(Account, account.id)
        plan = an_agreed_plan(session, own, ["2026-1184"], now=portal.clock.at)
    enter(seen, portal, account, proved=False)
    seen.go("/account/cards")
    yield "no card"
    seen.go("/account/cards/add")
    yield "code, where to"
    seen.press()
    yield "code, typed here"
    with portal.store.write() as session:
        session.execute(update(LinkSession).values(proved_at=portal.clock.at))
    seen.go("/account/cards/add")
    yield "save a card"
    seen.press()
    seen.page.wait_for_url("**/c/pay/**")
    type_card(seen)
    seen.page.wait_for_url("**/s/*")
    yield "card, being checked"
    seen.press()
    yield "card, saved"
    seen.go(f"/account/cards/plan/{plan}")
    yield "a plan's card"
    seen.go("/account/cards")
    seen.page.click("main details summary")
    yield "cards"
    seen.press("main a[href*='/remove']")
    yield "card, remove"
    seen.press()
    yield "card, removed"


def type_card(seen: Visit) -> None:
    """Type a card on the hosted page and send it."""
    for name, value in (("number", "4242424242424242"), ("expiry", "12 / 34"), ("cvc", "123")):
        seen.page.fill(f"[name={name}]", value)
    if seen.page.query_selector("[name=name]"):
        seen.page.fill("[name=name]", "Helen Marsh")
    seen.page.press("[name=number]", "Enter")


# --------------------------------------------------------------------------- ways to pay


def money(seen: Visit, portal: Portal, language: str) -> Iterator[str]:
    """Part 7, 10 and 11: hold, credit, branches, the question after paying, cheque, device, code to scan."""
    account = owing(portal, language)
    pay(portal.store, account, Choice("overdue", "GBP"), came=Money(151840, "GBP"), at=portal.clock.at)
    with portal.store.write() as session:
        own = session.get_one(Account, account.id)
        own.country = "IL"
        for total, currency, number in (
            (4000, "GBP", "2026-2001"),
            (100000, "ILS", "2026-2002-LONG-NUMBER-7"),
            (620000, "EUR", "2026-2003"),
        ):
            portal.invoice(session, own, total, -3, currency=currency, number=number)
        creditor = session.get_one(Creditor, own.creditor_id)
        branch = make.an_account(session, creditor, name="Tidewater & Sons North-Eastern Bakeries, Gateshead",
                                 language=language, now=portal.clock.at)  # fmt: skip
        branch.payer_id, branch.shown_to_payer = own.id, True
        for total, due, number in ((200000, -5, "N-2026-1"), (300, 5, "N-2026-2-LONG-NUMBER")):
            portal.invoice(session, branch, total, due, number=number)
        credit_holds.place(session, SYSTEM, own, WORDS, Money(4000, "GBP"), now=portal.clock.at)
        payment = session.scalars(select(Payment.ref)).one()
    enter(seen, portal, account)
    seen.go("/account/credit-hold")
    yield "credit on hold"
    seen.go("/account/credit")
    yield "credit"
    seen.press("main .rows a")
    yield "credit, review"
    seen.go("/account/branches?currency=GBP")
    yield "branches"
    seen.press("main form .btn-primary")
    yield "branches, none"
    seen.page.check("#b0")
    seen.page.click("main details summary >> nth=1")
    seen.page.check("#b1i1")
    seen.press("main form .btn-primary")
    yield "branches, review"
    seen.go(f"/account/survey/{payment}")
    yield "survey"
    seen.press("main form .btn")
    yield "survey, no number"
    seen.page.check("#s5")
    seen.press("main form .btn")
    yield "survey, thanks"
    seen.go("/account/cheque?currency=ILS")
    yield "cheque"
    seen.press("main form .btn-primary")
    yield "cheque, nothing typed"
    told = {"number": "100234", "bank": "Bank of the Valley", "amount": "1000"}
    for name, value in {**told, "dated_on": portal.day(45).isoformat()}.items():
        seen.page.fill(f"#{name}", value)
    seen.press("main form .btn-primary")
    yield "cheque, told"
    seen.go("/account/other-device")
    yield "other device"
    seen.press()
    yield "other device, code"
    seen.go("/account/pay?currency=EUR")
    assert seen.page.locator(".qr-frame svg").count() == 1
    yield "pay, transfer first"


WALKS: dict[str, tuple[Callable[[Visit, Portal, str], Iterator[str]], int]] = {
    "answers": (answers, 23),
    "promise": (promise, 6),
    "dispute": (dispute, 9),
    "offers": (offers, 9),
    "cards": (cards, 10),
    "money": (money, 15),
}
#: Language, width, whether axe looks at every page; the long run lets it look at all of them.
READERS = [
    ("en", 360, True),
    ("he", 1280, True),
    ("he", 360, LONG),
    ("ru", 360, LONG),
    ("hu", 360, LONG),
    *([("en", 1280, True), ("ru", 1280, True), ("hu", 1280, True)] if LONG else []),
]


@pytest.mark.parametrize(("language", "width", "axe"), READERS)
@pytest.mark.parametrize("name", WALKS)
def test_every_way_without_a_finding(
    browser: Browser, served: Portal, name: str, language: str, width: int, axe: bool
) -> None:
    """X-10: axe 0, no policy complaint, no sideways scrolling, targets; both directions, four languages."""
    seen = visit(browser, served, width=width, script=True)
    walk, pages = WALKS[name]
    names = []
    for page in walk(seen, served, language):
        seen.check(f"{page} {language} {width}", axe=axe)
        names.append(page)
        assert seen.page.get_attribute("html", "lang") == language
        assert seen.page.get_attribute("html", "dir") == ("rtl" if language == "he" else "ltr")
    assert len(names) == pages
    seen.page.context.close()


# --------------------------------------------------------------------------- keyboard and zoom


def tab_to(seen: Visit, selector: str) -> None:
    """Press Tab until something has the focus, and assert that it can be seen there (WCAG 2.1.1, 2.4.7)."""
    for _ in range(120):
        seen.page.keyboard.press("Tab")
        if seen.page.evaluate("s => document.activeElement.matches(s)", selector):
            break
    else:
        raise AssertionError(f"{selector} cannot be reached on {seen.page.url}")
    ring = "(({outlineStyle, boxShadow}) => outlineStyle !== 'none' || boxShadow !== 'none')"
    assert seen.page.evaluate(f"{ring}(getComputedStyle(document.activeElement))"), selector
    assert seen.page.evaluate("document.activeElement.getBoundingClientRect().height") > 0, selector


def send(seen: Visit, selector: str) -> None:
    """Go to a link or button by Tab and press Enter."""
    tab_to(seen, selector)
    with seen.page.expect_navigation():
        seen.page.keyboard.press("Enter")


def test_a_dispute_by_keyboard_alone(browser: Browser, served: Portal) -> None:
    """X-10, WCAG 2.1.1: from the link to the thread and back with Tab, Space and Enter, without script."""
    account = owing(served, "en")
    seen = visit(browser, served, width=390, script=False)
    keys = seen.page.keyboard
    seen.go(f"/l/{served.link(account)}")
    send(seen, "main form .btn-primary")
    send(seen, ".rows a[href*='/account/invoices/']")
    send(seen, "main a[href*='/dispute'][href*='line=']")
    tab_to(seen, "#l2")
    keys.press("Space")
    tab_to(seen, "[name=reason]")
    keys.press("Space")
    tab_to(seen, "#words")
    keys.type("Two boxes came wet.")
    send(seen, FORM)
    assert seen.page.url.endswith("/dispute/review")
    send(seen, "main form .btn-primary")
    assert "/account/disputes/" in seen.page.url
    tab_to(seen, "#words")
    keys.type("A third one too.")
    send(seen, "main form[enctype] .btn")
    assert "A third one too." in seen.page.inner_text("main ol")
    with served.store.read() as session:
        kept = session.scalars(select(Dispute)).one()
        assert (kept.holds, kept.contested_minor) == (True, 57600 // 3 * 2)
    send(seen, "main a[href$='/withdraw']")
    send(seen, "main form .btn-primary")
    with served.store.read() as session:
        assert not session.scalars(select(Dispute)).one().holds
    assert seen.complaints == []
    seen.page.context.close()


@pytest.mark.parametrize(
    ("what", "language"),
    [("plan", "en"), ("dispute", "he"), *([("plan", "he"), ("dispute", "en")] if LONG else [])],
)
def test_at_200_percent(browser: Browser, served: Portal, what: str, language: str) -> None:
    """WCAG 1.4.4, 1.4.10: a window of 640 px at 200 % is one of 320 px; nothing scrolls sideways."""
    seen = visit(browser, served, width=320, script=True, device_scale_factor=2)
    pages = (
        test_plan_pages.walk(seen, served, owing(served, language))
        if what == "plan"
        else dispute(seen, served, language)
    )
    names = []
    for name in pages:
        seen.check(f"{name} {language} at 200 %")
        names.append(name)
    assert len(names) == 9
    seen.page.context.close()
