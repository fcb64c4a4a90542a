"""The main job, by a real browser: reminder → link → see → pay → posted, then proved.

In four languages on SQLite and in one on PostgreSQL (decision 25); without JavaScript, at 390 px.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import select

from models.accounts import Account
from models.invoices import Invoice
from models.money import Money
from models.payments import Payment, PaymentAttempt
from models.states import AttemptStatus, InvoiceStatus
from receivables import ledger
from tests.browsers import follow, phone, watched
from tests.databases import fresh_database
from tests.stack import Stack, free_port, start_stack

pytestmark = pytest.mark.browser

#: language -> account, its contact's address, currency, a word of the confirmation's subject
PEOPLE = {
    "en": ("Tidewater Café & Bakery Ltd", "helen@tidewater.example", "GBP", "received"),
    "he": ("מאפיית גלים ובניו בע״מ", "dana@galim.example", "ILS", "התקבל"),
    "ru": ("OÜ «Пекарня Прибой»", "anna@priboi.example", "EUR", "спасибо"),
    "hu": ("Hullám Kávézó és Pékség Kft.", "anna@hullam.example", "HUF", "megérkezett"),
}
JOURNEYS = [("sqlite", language) for language in PEOPLE] + [("postgres", "he")]


@pytest.fixture(scope="module")
def stacks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Stack]]:
    """One running product for each database, started when first asked for."""
    running: dict[str, Stack] = {}
    databases = []

    def get(kind: str) -> Stack:
        if kind not in running:
            folder: Path = tmp_path_factory.mktemp(f"stack-{kind}")
            database = fresh_database(kind, folder)
            databases.append(database)
            running[kind] = start_stack(folder, database.__enter__(), free_port())
        return running[kind]

    yield get
    for stack in running.values():
        stack.stop()
    for database in databases:
        database.__exit__(None, None, None)


def _press(page: Page) -> None:
    follow(page, "main form button.btn-primary")


def _pay_with(page: Page, number: str) -> None:
    """Fill the hosted page's card form as a person does."""
    page.get_by_label("Card number").or_(page.locator("[name=number]")).first.fill(number)
    page.locator("[name=expiry]").fill("12 / 34")
    page.locator("[name=cvc]").fill("123")
    page.locator("[name=name]").fill("Test Payer")
    follow(page, "form:has([name=number]) button")


def _open_from_mail(stack: Stack, page: Page, language: str) -> None:
    """Open the reminder in the mailbox's page and follow its button, as in the demo."""
    _, address, _, _ = PEOPLE[language]
    mail = stack.await_mail(address)[-1]
    page.goto(f"{stack.mailbox.http_url}/m/{mail['id']}/html")
    link = page.locator("a[href*='/l/']").first.get_attribute("href")
    assert link is not None
    page.goto(link)


@pytest.mark.parametrize(("kind", "language"), JOURNEYS, ids=[f"{d}-{n}" for d, n in JOURNEYS])
def test_from_reminder_to_posted(
    stacks: Callable[[str], Stack], browser: Browser, kind: str, language: str
) -> None:
    """Issue A: the whole main job, and the ledger and the collector know."""
    stack = stacks(kind)
    name, address, currency, word = PEOPLE[language]
    stack.remind(name)
    context = phone(browser)
    page = context.new_page()
    complaints = watched(page)

    _open_from_mail(stack, page, language)
    assert page.locator("html").get_attribute("lang") == language
    assert page.locator("html").get_attribute("dir") == ("rtl" if language == "he" else "ltr")
    _press(page)
    assert page.url == f"{stack.url}/account"
    assert name in page.locator("main").inner_text()
    follow(page, "a.btn-primary[href*='/account/pay']")
    _press(page)
    assert "/account/pay/review" in page.url
    _press(page)
    assert page.url.startswith(stack.stripe.url)

    _pay_with(page, "4000000000000002")
    assert page.url.startswith(stack.stripe.url), "a declined card stays on the hosted page"
    _pay_with(page, "4242424242424242")
    page.wait_for_url(f"{stack.url}/r/**")
    # The page looks again by itself until the worker has settled the payment.
    page.wait_for_selector("text=PC-", timeout=30_000)
    assert page.locator(".truth.good").count() == 1

    stack.await_mail(address, word)
    with stack.house.store.read() as session:
        account = session.scalars(select(Account).where(Account.name == name)).one()
        payment = session.scalars(select(Payment).where(Payment.account_id == account.id)).one()
        attempt = session.get_one(PaymentAttempt, payment.attempt_id)
        assert attempt.status is AttemptStatus.SUCCEEDED
        assert payment.currency == currency
        late = session.scalars(
            select(Invoice).where(
                Invoice.account_id == account.id, Invoice.number.in_(["2026-1131", "2026-1184"])
            )
        ).all()
        assert [i.status for i in late] == [InvoiceStatus.PAID] * 2
        assert sum(i.total_minor for i in late) == payment.amount_minor
        assert ledger.trial_balance(session)[currency] == 0
        assert Money(payment.amount_minor, currency)

    page.goto(f"{stack.url}/account")
    assert "2026-1131" not in page.locator("main").inner_text()
    assert complaints == []
    context.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_the_checker_is_green_after_the_journeys(stacks: Callable[[str], Stack], kind: str) -> None:
    """Issue A, "Done when": `make check` is green; nothing leaked into the logs (INV-16)."""
    proof = stacks(kind).check()
    assert proof.returncode == 0, proof.stdout + proof.stderr
