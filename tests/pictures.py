"""`make pictures`: every page at 390 and 1280 px in English and Hebrew, from a stack of its own.

The pictures of the README and of the debtor guide go to docs/pictures; the whole set to the folder
given as the first argument (default var/pictures), for looking at.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pyotp
from PIL import Image
from playwright.sync_api import Browser, Page
from sqlalchemy import select, update

from jobs import demo_cases, demo_seed, figures, worklist_run
from models.accounts import Account, Contact
from models.invoices import Invoice
from models.links import Channel, LinkSession
from models.payments import PaymentAttempt
from models.states import AttemptStatus
from receivables import links, policy
from receivables.contact import consents
from receivables.permissions import SYSTEM
from receivables.policy import default_policy
from tests import pictured
from tests.browsers import chromium
from tests.databases import fresh_database
from tests.stack import Stack, free_port, start_stack

DOCS = Path(__file__).resolve().parent.parent / "docs" / "pictures"
WIDTHS = (390, 1280)
KEPT = {
    # README
    "en-390-overview": "overview-en",
    "he-390-overview": "overview-he",
    "en-390-return-paid": "paid-en",
    "en-1280-desk-account": "desk-account",
    # docs/collector-guide.md
    "en-1280-desk-start": "desk-today-en",
    "he-1280-desk-start": "desk-today-he",
    "en-1280-desk-call": "desk-call-en",
    "en-1280-desk-approval": "desk-approval-en",
    # docs/debtor-guide.md
    "en-390-pay-transfer": "pay-en",
    "en-390-stopping": "stopping-en",
    "en-390-dispute-status": "dispute-en",
    "he-390-dispute-status": "dispute-he",
    "en-390-plan-choose": "plan-en",
    "he-390-plan-choose": "plan-he",
    "en-390-offer": "offer-en",
    "he-390-offer": "offer-he",
}
TALLEST = 1560  # px of a picture in the papers; what is below is the same on every page
ACCOUNTS = {"en": "Tidewater Café & Bakery Ltd", "he": "מאפיית גלים ובניו בע״מ"}
CASES = {"paid": AttemptStatus.SUCCEEDED, "processing": AttemptStatus.PROCESSING,
         "checking": AttemptStatus.UNKNOWN, "not-paid": AttemptStatus.EXPIRED}  # fmt: skip


def main(folder: Path) -> None:
    """Take all pictures."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as place, fresh_database("sqlite", Path(place)) as url:
        stack = start_stack(Path(place), url, free_port(), worker=False)
        try:
            with stack.house.store.write() as session:
                now = datetime.now(UTC)  # the demo's rules, and messages at any hour
                body = policy.current_body(session, now).replace(
                    "contract_interest = false", "contract_interest = true"
                )
                policy.publish(session, body, reason="pictures", author_id=None, now=now)
            demo_cases.play(stack.house, stack.stripe.url, base_url=stack.url, now=datetime.now(UTC))
            worklist_run.run(stack.house, now=datetime.now(UTC))
            figures.nightly(stack.house, now=datetime.now(UTC))
            with chromium() as browser:
                for language in ACCOUNTS:
                    cases = pictured.set_up(stack.house.store, language, now=datetime.now(UTC))
                    for width in WIDTHS:
                        portal(stack, browser, folder, language, width)
                        ways_out(stack, browser, folder, language, width, cases)
                for width in (1280, 820):
                    desk(stack, browser, folder, "en", width)
                desk(stack, browser, folder, "he", 1280)
        finally:
            stack.stop()
    DOCS.mkdir(parents=True, exist_ok=True)
    for old in DOCS.glob("*.png"):
        old.unlink()
    for taken, name in KEPT.items():
        keep(folder / f"{taken}.png", DOCS / f"{name}.png")
    print(f"{len(list(folder.glob('*.png')))} pictures in {folder}")


def keep(taken: Path, kept: Path) -> None:
    """Write a picture for the papers: its upper part, with no more colours than it needs."""
    with Image.open(taken) as whole:
        part = whole.convert("RGB").crop((0, 0, whole.width, min(whole.height, TALLEST)))
        part.quantize(96, dither=Image.Dither.NONE).save(kept, optimize=True)


def portal(stack: Stack, browser: Browser, folder: Path, language: str, width: int) -> None:
    """The debtor's pages, in the order in which he meets them."""
    context = browser.new_context(viewport={"width": width, "height": 844}, java_script_enabled=False)
    page = context.new_page()

    def take(name: str) -> None:
        page.screenshot(path=folder / f"{language}-{width}-{name}.png", full_page=True)

    with stack.house.store.write() as session:
        account = session.scalars(select(Account).where(Account.name == ACCOUNTS[language])).one()
        contact = session.scalars(select(Contact).where(Contact.account_id == account.id)).first()
        _, token = links.issue(
            session,
            SYSTEM,
            account,
            contact=contact,
            channel=Channel.EMAIL,
            policy=default_policy(),
            now=datetime.now(UTC),
        )
        stop = consents.issue_opt_out(
            session, contact, Channel.EMAIL, policy=default_policy(), now=datetime.now(UTC)
        )
        invoice = session.scalars(select(Invoice.ref).where(Invoice.account_id == account.id)).first()
        refs = {
            name: session.scalars(select(PaymentAttempt.ref).where(PaymentAttempt.status == status)).first()
            for name, status in CASES.items()
        }
    page.goto(f"{stack.url}/l/{token}")
    take("landing")
    page.locator("main form button").first.click()
    take("overview")
    page.goto(f"{stack.url}/account/invoices/{invoice}")
    take("invoice")
    page.goto(f"{stack.url}/account/pay")
    take("pay")
    page.locator("input[value=amount]").check(force=True)
    page.locator("input[name=amount]").fill("12,3,4")
    page.locator("main form button.btn-primary").click()
    take("pay-error")
    page.goto(f"{stack.url}/account/pay/review?currency={'GBP' if language == 'en' else 'ILS'}&what=overdue")
    take("review")
    for name, ref in refs.items():
        page.goto(f"{stack.url}/r/{ref}?lang={language}")
        take(f"return-{name}")
    page.goto(f"{stack.url}/l/no-such-link-at-all?lang={language}")
    take("gone")
    page.goto(f"{stack.url}/x/{stop}")
    take("opt-out")
    page.goto(f"{stack.mailbox.http_url}/")
    take("mailbox")
    context.close()


def ways_out(
    stack: Stack,
    browser: Browser,
    folder: Path,
    language: str,
    width: int,
    cases: dict[str, pictured.Case],
) -> None:
    """The pages behind "What is stopping you", each on the account that shows it."""
    context = browser.new_context(viewport={"width": width, "height": 844}, java_script_enabled=False)
    page = context.new_page()

    def take(name: str) -> None:
        page.screenshot(path=folder / f"{language}-{width}-{name}.png", full_page=True)

    def enter(case: str) -> pictured.Case:
        token = pictured.link_to(stack.house.store, cases[case], now=datetime.now(UTC))
        page.goto(f"{stack.url}/l/{token}")
        press()
        return cases[case]

    def press(selector: str = "main form .btn-primary") -> None:
        with page.expect_navigation():
            page.locator(selector).first.click()

    def show(name: str, path: str) -> None:
        page.goto(f"{stack.url}/account{path}")
        take(name)

    case = enter("ways")
    for name, path in (
        ("stopping", "/stopping"),
        ("stopping-paid", "/stopping/paid"),
        ("stopping-parts", "/stopping/in-parts"),
        ("stopping-document", "/stopping/document"),
        ("stopping-person", "/stopping/somebody-else"),
        ("hardship", "/hardship"),
        ("ring-me", "/ring-me"),
        ("promise", "/promise"),
        ("dispute-form", f"/invoices/{case.invoices[0]}/dispute?line=1"),
        ("own-offer", "/own-offer"),
        ("cards", "/cards"),
        ("documents", "/documents"),
        ("statement", "/statement"),
        ("people", "/people"),
        ("sessions", "/sessions"),
        ("forward", f"/invoices/{case.invoices[0]}/forward"),
        ("check", "/check"),
    ):
        show(name, path)
    show("plan-choose", "/plan")
    press("form.flow-lg .btn-primary")
    take("plan-review")
    press()
    take("plan-agreement")
    show("promise-status", f"/promises/{enter('promise').ref}")
    case = enter("dispute")
    take("overview-dispute")
    show("dispute-status", f"/disputes/{case.ref}")
    case = enter("plan")
    take("overview-plan")
    show("plan-status", f"/plans/{case.ref}")
    case = enter("offer")
    show("offer", f"/offers/{case.ref}")
    show("code", f"/offers/{case.ref}/accept")
    if width == WIDTHS[0]:  # a caller gets so many codes in an hour
        press()
        take("code-sent")
    with stack.house.store.write() as session:
        session.execute(update(LinkSession).values(proved_at=datetime.now(UTC)))
    show("offer-review", f"/offers/{case.ref}/accept")
    enter("hold")
    take("overview-hold")
    show("credit-hold", "/credit-hold")
    enter("large")
    show("pay-transfer", "/pay")
    context.close()


def desk(stack: Stack, browser: Browser, folder: Path, language: str, width: int) -> None:
    """The desk's pages, as a supervisor sees them."""
    context = browser.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()

    def take(name: str) -> None:
        page.screenshot(path=folder / f"{language}-{width}-desk-{name}.png", full_page=True)

    page.goto(f"{stack.url}/desk/login?lang={language}")
    take("login")
    log_in(page, "collector.he@hashahar.example" if language == "he" else "supervisor@northgate.example")
    take("start")
    with stack.house.store.read() as session:
        ref = session.scalars(select(Account.ref).where(Account.name == ACCOUNTS[language])).one()
        invoice = session.scalars(
            select(Invoice.ref).join(Account, Account.id == Invoice.account_id).where(Account.ref == ref)
        ).first()
    for name, path in (
        ("account", f"/desk/accounts/{ref}"),
        ("invoice", f"/desk/invoices/{invoice}"),
        ("alerts", "/desk/alerts"),
        ("search", "/desk/search?q=10482"),
        ("journal", "/desk/books/journal/"),
        ("messages", "/desk/books/messages/"),
        ("disputes", "/desk/disputes"),
        ("requests", "/desk/requests"),
        ("approvals", "/desk/approvals"),
        ("tasks", "/desk/tasks"),
        ("pause", f"/desk/accounts/{ref}/pause"),
        ("message", f"/desk/accounts/{ref}/message"),
        ("plan", f"/desk/accounts/{ref}/plan"),
        ("promise", f"/desk/accounts/{ref}/promise"),
        ("hold", f"/desk/accounts/{ref}/hold"),
        ("holds", "/desk/holds"),
        ("promises", "/desk/promises"),
        ("plans", "/desk/plans"),
        ("segments", "/desk/segments"),
        ("dashboard", "/desk/dashboard"),
        ("lessons", "/desk/lessons"),
        ("problems", "/desk/problems"),
        ("policy", "/desk/policy"),
        ("texts", "/desk/texts"),
        ("profile", "/desk/profile"),
    ):
        page.goto(f"{stack.url}{path}")
        take(name)
    # A call that they began may be noted at any hour, so the page is whole whenever this runs.
    page.goto(f"{stack.url}/desk/accounts/{ref}/call")
    page.locator("main a[href*='way=in']").first.click()
    page.wait_for_load_state()
    take("call")
    if language == "en":
        page.goto(f"{stack.url}/desk/approvals")
        page.locator("main th a[href*='/approvals/plans/']").first.click()
        page.wait_for_load_state()
        take("approval")
    context.close()


def log_in(page: Page, email: str) -> None:
    """Log in as a person of the demo."""
    page.locator("[name=email]").fill(email)
    page.locator("[name=password]").fill(demo_seed.PASSWORD)
    if not email.startswith("collector"):
        page.locator("[name=code]").fill(pyotp.TOTP(demo_seed.CODE_SECRET).now())
    page.locator("main button").first.click()
    page.wait_for_load_state()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("var/pictures"))
