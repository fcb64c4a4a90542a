"""The hosted page in a real browser on a phone, without scripts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browsers import chromium, follow
from tests.standins import StandIn, call_api, start_stripe

pytestmark = pytest.mark.browser
LINE = "line_items[0][price_data]"


@pytest.fixture
def standin(tmp_path: Path) -> Iterator[StandIn]:
    running = start_stripe(tmp_path, business="Harbour Supplies")
    yield running
    running.stop()


@pytest.fixture
def phone() -> Iterator[Page]:
    with chromium() as browser:
        yield browser.new_page(viewport={"width": 390, "height": 844}, java_script_enabled=False)


def _wide(page: Page) -> bool:
    """Whether the page must be scrolled sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


def test_decline_challenge_and_return(standin: StandIn, phone: Page) -> None:
    """The way a debtor goes: a card too poor, one that asks to confirm, on to the creditor, no way back."""
    back = f"{standin.url}/_sandbox/health"  # another page that answers, in the creditor's place
    session = call_api(
        standin,
        "POST",
        "/v1/checkout/sessions",
        **{
            "mode": "payment",
            "success_url": back + "?session={CHECKOUT_SESSION_ID}",
            "locale": "ru",
            f"{LINE}[currency]": "eur",
            f"{LINE}[unit_amount]": "99999999",
            f"{LINE}[product_data][name]": "Invoice-A-1042-" + "0123456789" * 8,
        },
    )[1]
    phone.goto(session["url"])
    assert not _wide(phone)
    for name, text in (("number", "4000 0000 0000 9995"), ("expiry", "12/34"), ("cvc", "123")):
        phone.fill(f"[name={name}]", text)
    follow(phone, "button.main")
    assert "недостаточно средств" in phone.locator("[role=alert]").inner_text()
    follow(phone, "button[value=challenge]")
    assert "/3ds/pi_" in phone.url
    assert not _wide(phone)
    follow(phone, "button[value=pass]")
    assert phone.url == f"{back}?session={session['id']}"
    phone.goto(session["url"])
    assert "Этот платёж завершён" in phone.locator("h1").inner_text()
    assert phone.locator("form").count() == 0
