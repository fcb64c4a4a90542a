"""Back from the card page: four truths and no fifth, readable without a session."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from models.accounts import Account
from models.states import AttemptStatus
from receivables.payments import starting
from receivables.payments.quotes import Choice
from tests.portal.conftest import Portal
from tests.portal.test_overview import settle, started
from tests.portal.visitor import words
from tests.standins import StandIn, call_api, debit_on_page, pay_on_page

PENDING = (AttemptStatus.CREATED, AttemptStatus.OPEN, AttemptStatus.UNKNOWN)


@pytest.fixture
def begun(portal: Portal, tidewater: Account) -> starting.Started:
    return started(portal, tidewater, Choice("overdue", "GBP"))


def status(portal: Portal) -> AttemptStatus:
    return portal.attempts()[-1].status


def test_paid(portal: Portal, begun: starting.Started) -> None:
    """The look alone changes nothing; Check now settles, once for any number of clicks (P-09)."""
    pay_on_page(begun.url or "")
    visitor = portal.visitor()
    page = visitor.get(f"/r/{begun.ref}")
    assert "We are checking your payment" in words(page)
    assert page.headers["Refresh"] == "10"
    assert status(portal) is AttemptStatus.OPEN
    for _ in range(2):
        answer = visitor.post(f"/r/{begun.ref}/check")
        assert (answer.status_code, answer.location) == (303, f"/r/{begun.ref}")
    page = visitor.get(f"/r/{begun.ref}")
    said = words(page)
    assert "Thank you, £1,418.40 is paid" in said
    assert "Refresh" not in page.headers
    assert "not pay again" not in said


def test_on_its_way(portal: Portal, begun: starting.Started) -> None:
    debit_on_page(begun.url or "")
    assert settle(portal, begun.ref) is AttemptStatus.PROCESSING
    page = portal.visitor().get(f"/r/{begun.ref}")
    assert "Your £1,418.40 is on its way" in words(page)
    assert "Please do not pay again." in words(page)
    assert "Refresh" not in page.headers


def test_a_decline_is_not_the_end_of_the_page(portal: Portal, begun: starting.Started) -> None:
    """P-22: the gateway has not said failed; the card page is still open for another card."""
    pay_on_page(begun.url or "", card="4000000000000002")
    assert settle(portal, begun.ref) is AttemptStatus.OPEN
    assert "Not paid" not in words(portal.visitor().get(f"/r/{begun.ref}"))


def test_expired(portal: Portal, begun: starting.Started, stripe: StandIn) -> None:
    (attempt,) = portal.attempts()
    call_api(stripe, "POST", f"/v1/checkout/sessions/{attempt.remote_id}/expire")
    assert settle(portal, begun.ref) is AttemptStatus.EXPIRED
    page = portal.visitor().get(f"/r/{begun.ref}")
    assert "Not paid, nothing was charged" in words(page)
    assert "Try again" in words(page)
    assert "Refresh" not in page.headers


def test_unknown_never_says_failed(portal: Portal, tidewater: Account, stripe: StandIn) -> None:
    """P-22: "we are checking, do not pay again" until the provider has spoken."""
    stripe.fault("checkout.sessions.create", "timeout_after", count=3)
    begun = started(portal, tidewater, Choice("overdue", "GBP"))
    stripe.control("clear_faults")
    page = portal.visitor().get(f"/r/{begun.ref}")
    said = words(page)
    assert status(portal) is AttemptStatus.UNKNOWN
    assert "Please do not pay again: if money has left your card, we will find it." in said
    for wrong in ("failed", "Not paid", "Try again", "nothing was charged"):
        assert wrong not in said
    visitor = portal.visitor()
    visitor.get(f"/r/{begun.ref}")
    visitor.post(f"/r/{begun.ref}/check")
    assert status(portal) is AttemptStatus.OPEN


def test_left_by_the_card_pages_own_way_out(portal: Portal, begun: starting.Started) -> None:
    """The way back is the same page, not a new attempt; the words hold only while it is open."""
    page = portal.visitor().get(f"/r/{begun.ref}?left=1")
    assert "You left the card page" in words(page)
    assert f'href="{begun.url}"'.replace("&", "&amp;") in page.text
    pay_on_page(begun.url or "")
    settle(portal, begun.ref)
    assert "is paid" in words(portal.visitor().get(f"/r/{begun.ref}?left=1"))


@pytest.mark.parametrize(
    "finish", [lambda *_: None, lambda portal, b: (pay_on_page(b.url), settle(portal, b.ref))]
)
def test_without_a_session_only_status_amount_and_creditor(
    portal: Portal, tidewater: Account, begun: starting.Started, finish: Callable[..., object]
) -> None:
    """Decision 10: whoever holds the address learns no account, no invoice and no contact."""
    finish(portal, begun)
    text = portal.visitor().get(f"/r/{begun.ref}").text
    for secret in ("Tidewater", tidewater.number, "2026-1131", "Helen", "4242"):
        assert secret not in text


def test_an_unknown_return_id(portal: Portal) -> None:
    visitor = portal.visitor()
    assert visitor.get("/r/nothing").status_code == 404
    visitor.get("/l/x")
    assert visitor.post("/r/nothing/check").status_code == 404


def test_the_page_speaks_the_language_of_the_payer(portal: Portal, begun: starting.Started) -> None:
    page = portal.visitor().get(f"/r/{begun.ref}?lang=ru")
    assert '<html lang="ru"' in page.text
    assert "Мы проверяем ваш платёж" in words(page)
