"""The hosted page: languages, refusals, and what is never kept or shown."""

from __future__ import annotations

import re
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.standins import (
    StandIn,
    call_api,
    debit_on_page,
    get_page,
    pay_on_page,
    post_form,
    start_stripe,
)

LINE = "line_items[0][price_data]"


@pytest.fixture(scope="module")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    running = start_stripe(tmp_path_factory.mktemp("stripe"), business="Harbour Supplies")
    yield running
    running.stop()


def _session(standin: StandIn, name: str = "Invoice A-1042", **more: str) -> str:
    status, session = call_api(
        standin,
        "POST",
        "/v1/checkout/sessions",
        **{
            "mode": "payment",
            "success_url": "http://portal.example/return",
            "cancel_url": "http://portal.example/back",
            f"{LINE}[currency]": "huf",
            f"{LINE}[unit_amount]": "2500000",
            f"{LINE}[product_data][name]": name,
        }
        | more,
    )
    assert status == 200, session
    return str(session["url"])


@pytest.mark.parametrize(
    ("locale", "language", "button"),
    [
        ("auto", "en", "Pay HUF 25,000.00"),
        ("en", "en", "Pay HUF 25,000.00"),
        ("de", "en", "Pay HUF 25,000.00"),
        ("ru", "ru", "Оплатить 25\xa0000,00\xa0HUF"),
        ("hu", "hu", "Fizetek: 25\xa0000,00\xa0HUF"),
    ],
)
def test_the_page_speaks_the_sessions_language(
    standin: StandIn, locale: str, language: str, button: str
) -> None:
    status, page = get_page(_session(standin, locale=locale))
    assert status == 200
    assert f'<html lang="{language}">' in page
    assert button in page
    assert "Harbour Supplies" in page
    assert 'href="http://portal.example/back"' in page


def test_each_language_has_all_the_words(standin: StandIn) -> None:
    for locale in ("en", "ru", "hu"):
        url = _session(standin, locale=locale)
        pages = [get_page(url)[1], get_page(post_form(url, pick="challenge")[1])[1]]
        for code in ("card_declined", "unknown_number", "bad_expiry", "bad_cvc", "bad_method"):
            page = get_page(f"{url}?problem={code}")[1]
            alert = re.search(r'role="alert">([^<]+)<', page)
            assert alert
            pages.append(alert[1])
        assert not any("{" in page.replace("{{", "") for page in pages), locale


def test_a_number_that_is_no_test_card_is_refused_and_not_kept(standin: StandIn) -> None:
    """A real card typed here by mistake is written nowhere."""
    url = _session(standin)
    assert pay_on_page(url, "4111111111111111") == f"{url}?problem=unknown_number"
    assert pay_on_page(_session(standin)).startswith("http://portal.example/")
    for file in standin.db_path.parent.iterdir():
        kept = file.read_bytes()
        assert b"4111111111111111" not in kept
        assert b"4242424242424242" not in kept


@pytest.mark.parametrize(
    ("expiry", "cvc", "problem"),
    [
        ("12 / 20", "123", "bad_expiry"),
        ("13/34", "123", "bad_expiry"),
        ("", "123", "bad_expiry"),
        ("12/34", "12", "bad_cvc"),
    ],
)
def test_date_and_code_are_checked(standin: StandIn, expiry: str, cvc: str, problem: str) -> None:
    url = _session(standin)
    assert post_form(url, number="4242424242424242", expiry=expiry, cvc=cvc)[1] == f"{url}?problem={problem}"


def test_this_months_card_still_pays(standin: StandIn) -> None:
    expiry = time.strftime("%m/%y", time.gmtime())
    place = post_form(_session(standin), number="4242424242424242", expiry=expiry, cvc="123")[1]
    assert place == "http://portal.example/return"


def test_a_finished_page_asks_for_nothing(standin: StandIn) -> None:
    paid, ended = _session(standin), _session(standin)
    pay_on_page(paid)
    call_api(standin, "POST", f"/v1/checkout/sessions/{ended.rsplit('/', 1)[1]}/expire")
    for url, sentence in ((paid, "This payment is complete"), (ended, "This payment page has expired")):
        page = get_page(url)[1]
        assert sentence in page
        assert "<form" not in page
    assert pay_on_page(paid) == paid  # a second try leads back to the page, and takes nothing
    status, charges = call_api(standin, "GET", "/v1/charges", limit="100")
    assert status == 200
    intents = [charge["payment_intent"] for charge in charges["data"] if charge["status"] == "succeeded"]
    assert len(intents) == len(set(intents))


def test_a_page_of_a_bank_debit_says_how_it_stands(tmp_path: Path) -> None:
    """P-19: with the bank, and then paid or not; "complete" is said of money only."""
    running = start_stripe(tmp_path)
    try:
        euros = {f"{LINE}[currency]": "eur", f"{LINE}[unit_amount]": "5000"}
        pages = {settles: _session(running, **euros) for settles in (True, False)}
        for settles, url in pages.items():
            debit_on_page(url, settles=settles)
            assert "Your bank has the order" in get_page(url)[1]
        running.control("advance", days=6)
        assert "This payment is complete" in get_page(pages[True])[1]
        assert "Your bank did not pay" in get_page(pages[False])[1]
    finally:
        running.stop()


def test_what_others_wrote_is_text_not_markup(standin: StandIn) -> None:
    url = _session(standin, name='<script>alert(1)</script> "A&B"')
    page = get_page(f"{url}?problem=<b>x</b>")[1]
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert "<b>x" not in page


def test_the_page_needs_no_script_and_says_that_it_is_a_test(standin: StandIn) -> None:
    with urllib.request.urlopen(_session(standin)) as answer:  # noqa: S310 - loopback
        page, policy = answer.read().decode(), answer.headers["Content-Security-Policy"]
    assert "Test mode: no money moves here" in page
    assert "<script" not in page
    assert "style=" not in page
    assert "default-src 'none'" in policy
    assert "form-action" not in policy  # it would stop the way back to the creditor


def test_an_unknown_page_is_not_found(standin: StandIn) -> None:
    assert get_page(f"{standin.url}/c/pay/cs_test_nobody")[0] == 404
    assert get_page(f"{standin.url}/3ds/pi_nobody")[0] == 404


def test_pages_are_reached_under_the_public_address(tmp_path: Path) -> None:
    """Behind a proxy with a path of its own, each link and form leads back through it."""
    running = start_stripe(tmp_path, public_url="http://127.0.0.1:9/pay")
    try:
        url = _session(running)
        page = get_page(url.replace("http://127.0.0.1:9/pay", running.url))[1]
        assert url.startswith("http://127.0.0.1:9/pay/c/pay/cs_test_")
        assert f'action="{url}"' in page
        assert 'href="http://127.0.0.1:9/pay/static/page.css"' in page
    finally:
        running.stop()
