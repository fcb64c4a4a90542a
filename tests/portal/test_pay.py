"""Choose, check, start: the sum that is read is the sum that is charged."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from models.accounts import Account
from models.invoices import Invoice
from models.ledger import LedgerCode
from models.states import AttemptStatus
from receivables import ledger
from receivables.permissions import SYSTEM
from tests import factories as make
from tests.portal.conftest import Portal
from tests.portal.visitor import Visitor, hidden, words
from tests.standins import StandIn, pay_on_page


def choose(visitor: Visitor, **fields: Any) -> TestResponse:
    visitor.get("/account/pay")
    return visitor.post("/account/pay", {"currency": "GBP", **fields})


def to_review(visitor: Visitor, **fields: Any) -> TestResponse:
    answer = choose(visitor, **fields)
    assert answer.status_code == 303, words(answer)
    return visitor.get(answer.location)


def ref_of(portal: Portal, number: str) -> str:
    with portal.store.read() as session:
        return session.scalars(select(Invoice.ref).where(Invoice.number == number)).one()


def test_three_choices_and_a_transfer(portal: Portal, tidewater: Account) -> None:
    page = portal.visitor(tidewater).get("/account/pay")
    said = words(page)
    assert "Everything overdue £1,418.40" in said
    assert "Between £0.30 and £2,318.40" in said
    assert "GB33BUKB20201555555555" in said
    assert f"Reference {tidewater.number}" in said
    assert page.text.count('type="checkbox"') == 4
    assert page.text.count(" checked>") == 3  # everything overdue, and its two invoices in the list


def test_from_choice_to_the_hosted_page(portal: Portal, tidewater: Account) -> None:
    """WCAG 3.3.4, P-01: review before money; the attempt holds what was read."""
    visitor = portal.visitor(tidewater)
    review = to_review(visitor, what="overdue")
    said = words(review)
    assert "You pay £1,418.40" in said
    assert "Invoice 2026-1131, in full £576.00 Invoice 2026-1184, in full £842.40 You pay £1,418.40" in said
    assert "Still open afterwards £900.00" in said
    answer = visitor.post("/account/pay/start", hidden(review))
    assert answer.status_code == 303
    (attempt,) = portal.attempts()
    assert answer.location == attempt.checkout_url
    assert (attempt.amount_minor, attempt.status, attempt.language) == (141840, AttemptStatus.OPEN, "en")


def test_chosen_invoices_and_another_amount(portal: Portal, tidewater: Account) -> None:
    visitor = portal.visitor(tidewater)
    said = words(to_review(visitor, what="chosen", invoice=ref_of(portal, "2026-1262")))
    assert "Invoice 2026-1262, in full £612.00 You pay £612.00" in said
    said = words(to_review(visitor, what="amount", amount="£600"))
    assert "2026-1131, in full £576.00 Invoice 2026-1184, part of £842.40 £24.00 You pay £600.00" in said
    review = to_review(visitor, what="amount", amount="600", invoice=ref_of(portal, "2026-1262"))
    visitor.post("/account/pay/start", hidden(review))
    assert [a.amount_minor for a in portal.attempts()] == [60000]


@pytest.mark.parametrize(
    ("amount", "says"),
    [
        ("", "Type the amount you would like to pay."),
        ("0", "Type an amount above zero."),
        ("-5", "Type the amount without a minus sign."),
        ("5.001", "The amount has more decimals than the currency. Type it like this: 250.00."),
        ("0.10", "The smallest amount that can be paid by card is £0.30."),
        ("2318.41", "That is more than is open. Type £2,318.40 or less."),
        ("2318.20", "Pay all of £2,318.40, or leave at least £0.30."),
        ("a lot", "Type the amount in digits, for example 250.00."),
        ("<b>1</b>", "Type the amount in digits, for example 250.00."),
    ],
)
def test_a_wrong_amount_says_what_to_do_and_keeps_what_was_typed(
    portal: Portal, tidewater: Account, amount: str, says: str
) -> None:
    """look.md: the summary is on top, leads to the field, and nothing is typed again."""
    page = choose(portal.visitor(tidewater), what="amount", amount=amount)
    assert page.status_code == 422
    assert words(page).count(says) == 2
    assert "<title>Error:" in page.text
    assert '<a href="#amount">' in page.text
    assert 'aria-invalid="true"' in page.text
    kept = re.search(r'name="amount" value="([^"]*)"', page.text)
    assert kept
    assert kept[1] == amount.replace("<", "&lt;").replace(">", "&gt;")
    assert 'value="amount" checked' in page.text
    assert not portal.attempts()


def test_more_than_a_card_takes_says_what_to_do(portal: Portal, tidewater: Account) -> None:
    """M-09: before the review, with the most that can be paid and the bank details beside it."""
    with portal.store.write() as session:
        make.an_invoice(session, session.get_one(Account, tidewater.id), total=100_000_000)
    page = choose(portal.visitor(tidewater), what="all")
    assert page.status_code == 422
    said = words(page)
    assert "At most £999,999.99 can be paid by card at once. Pay a part of it, or pay all of it by" in said
    assert "Between £0.30 and £999,999.99" in said
    assert "GB33BUKB20201555555555" in said


@pytest.mark.parametrize("language", ["he", "ru", "hu"])
def test_each_language_has_its_own_words_for_a_wrong_amount(
    portal: Portal, tidewater: Account, language: str
) -> None:
    visitor = portal.visitor(tidewater)
    visitor.get(f"/account/pay?lang={language}")
    page = visitor.post(
        f"/account/pay?lang={language}", {"currency": "GBP", "what": "amount", "amount": "9999"}
    )
    assert page.status_code == 422
    assert "more than is open" not in page.text
    assert f'<html lang="{language}"' in page.text


def test_nothing_ticked(portal: Portal, tidewater: Account) -> None:
    page = choose(portal.visitor(tidewater), what="chosen")
    assert page.status_code == 422
    assert words(page).count("Tick at least one invoice.") == 2
    assert 'value="chosen" checked' in page.text


@pytest.mark.parametrize("name", ["amount", "what", "currency"])
def test_a_field_given_twice(portal: Portal, tidewater: Account, name: str) -> None:
    """A-09: amount=1&amount=9 is refused in a form and in an address."""
    visitor = portal.visitor(tidewater)
    pairs = [("currency", "GBP"), ("what", "amount"), ("amount", "1"), (name, "9")]
    visitor.get("/account/pay")
    assert visitor.post("/account/pay", pairs).status_code == 400
    query = "&".join(f"{n}={v}" for n, v in pairs)
    assert visitor.get(f"/account/pay/review?{query}").status_code == 400


def test_fields_nobody_asked_for_change_nothing(portal: Portal, tidewater: Account) -> None:
    """A-09: no mass assignment."""
    visitor = portal.visitor(tidewater)
    review = to_review(visitor, what="overdue")
    more = [("status", "succeeded"), ("account_id", "1"), ("role", "admin")]
    visitor.post("/account/pay/start", [*hidden(review), *more])
    (attempt,) = portal.attempts()
    assert (attempt.status, attempt.account_id) == (AttemptStatus.OPEN, tidewater.id)


def test_a_body_that_is_too_large(portal: Portal, tidewater: Account) -> None:
    visitor = portal.visitor(tidewater)
    visitor.get("/account/pay")
    page = visitor.post("/account/pay", {"currency": "GBP", "amount": "1" * 70_000})
    assert page.status_code == 413


@pytest.mark.parametrize("change", [{"amount": "9999.00"}, {"amount": "-1.00"}, {"amount": "0.00"}])
def test_a_tampered_sum_is_refused(portal: Portal, tidewater: Account, change: dict[str, str]) -> None:
    """P-06: the sum is counted again against the balances."""
    visitor = portal.visitor(tidewater)
    fields = dict(hidden(to_review(visitor, what="overdue"))) | change
    assert visitor.post("/account/pay/start", fields).status_code == 422
    assert not portal.attempts()


def test_another_accounts_invoice_cannot_be_paid(portal: Portal, tidewater: Account) -> None:
    """L-15: it answers as an invoice that does not exist, and names neither."""

    def fill(session: Session, account: Account) -> None:
        portal.invoice(session, account, 5000, -1, number="2026-77")

    stranger = portal.visitor(portal.account(fill, name="Harbour & Sons Ltd"))
    seen = set()
    for ref in (ref_of(portal, "2026-1131"), "nothing"):
        page = choose(stranger, what="chosen", invoice=ref)
        assert page.status_code == 422
        assert "Tidewater" not in page.text
        assert "2026-1131" not in page.text
        seen.add(words(page))
    assert len(seen) == 1


def test_the_sum_that_was_read_is_the_sum_that_is_charged(portal: Portal, tidewater: Account) -> None:
    """P-06: a new invoice falls overdue between the review and the button."""
    visitor = portal.visitor(tidewater)
    review = to_review(visitor, what="overdue")
    with portal.store.write() as session:
        portal.invoice(session, session.get_one(Account, tidewater.id), 90000, -3, number="2026-1300")
    visitor.post("/account/pay/start", hidden(review))
    assert [a.amount_minor for a in portal.attempts()] == [141840]


def test_a_balance_that_shrank_asks_again(portal: Portal, tidewater: Account) -> None:
    """P-06: part of it was paid by transfer meanwhile; nothing is charged."""
    visitor = portal.visitor(tidewater)
    review = to_review(visitor, what="overdue")
    with portal.store.write() as session:
        invoice = session.scalars(select(Invoice).where(Invoice.number == "2026-1131")).one()
        account = session.get_one(Account, tidewater.id)
        ledger.post(
            session, SYSTEM,
            ledger.Draft(
                creditor_id=account.creditor_id, reference="test:paid", kind="invoice", currency="GBP",
                effective_on=portal.today,
                sides=[
                    ledger.debit(LedgerCode.OPENING_COUNTERPART, ledger.Money(10000, "GBP")),
                    ledger.credit(
                        LedgerCode.RECEIVABLES, ledger.Money(10000, "GBP"), account_id=account.id,
                        invoice_id=invoice.id,
                    ),
                ],
            ),
            now=portal.clock.at,
        )  # fmt: skip
    page = visitor.post("/account/pay/start", hidden(review))
    assert page.status_code == 422
    assert "That is more than is open. Type £1,318.40 or less." in words(page)
    assert not portal.attempts()


def test_change_keeps_the_choice(portal: Portal, tidewater: Account) -> None:
    """WCAG 3.3.7: nothing is asked for twice; the amount comes back with the reader's own mark."""
    visitor = portal.visitor(tidewater)
    visitor.get("/account/pay?lang=ru")
    fields = {"currency": "GBP", "what": "amount", "amount": "600,50"}
    answer = visitor.post("/account/pay?lang=ru", fields)
    review = visitor.get(answer.location)
    change = re.search(r'href="(/account/pay\?[^"]+)"', review.text)
    assert change
    page = visitor.get(change[1].replace("&amp;", "&"))
    assert 'value="600,50"' in page.text
    assert 'value="amount" checked' in page.text


def test_back_button_and_second_click_are_one_attempt(portal: Portal, tidewater: Account) -> None:
    """M-06: the same form sent again goes to the same page."""
    visitor = portal.visitor(tidewater)
    review = to_review(visitor, what="overdue")
    first, second = (visitor.post("/account/pay/start", hidden(review)) for _ in range(2))
    assert first.location == second.location
    again = visitor.post("/account/pay/start", hidden(to_review(visitor, what="overdue")))
    assert again.location == first.location
    assert len(portal.attempts()) == 1


def test_after_paying_the_old_form_charges_nothing(portal: Portal, tidewater: Account) -> None:
    """P-05, M-06: back to the review after the money has gone."""
    visitor = portal.visitor(tidewater)
    review, other = (to_review(visitor, what="overdue") for _ in range(2))
    pay_on_page(visitor.post("/account/pay/start", hidden(review)).location)
    (attempt,) = portal.attempts()
    visitor.get(f"/r/{attempt.ref}")
    visitor.post(f"/r/{attempt.ref}/check")
    again = visitor.post("/account/pay/start", hidden(review))
    assert again.location == f"/r/{attempt.ref}"
    page = visitor.post("/account/pay/start", hidden(other))
    assert page.status_code == 422
    assert "no longer open" in words(page)
    assert len(portal.attempts()) == 1
    assert visitor.get("/account/pay/review?currency=GBP&what=overdue").status_code == 422


def test_an_unknown_start_goes_to_the_return_page(
    portal: Portal, tidewater: Account, stripe: StandIn
) -> None:
    """P-22: we do not know, so we say so."""
    visitor = portal.visitor(tidewater)
    review = to_review(visitor, what="overdue")
    stripe.fault("checkout.sessions.create", "timeout_after", count=3)
    answer = visitor.post("/account/pay/start", hidden(review))
    stripe.control("clear_faults")
    assert answer.location.startswith("/r/")
    assert "We are checking your payment" in words(visitor.get(answer.location))


def test_a_gateway_that_is_down_charges_nothing_and_offers_the_transfer(
    portal: Portal, tidewater: Account, stripe: StandIn
) -> None:
    """X-08: 503 with a way on, and the invoices are free again."""
    visitor = portal.visitor(tidewater)
    review = to_review(visitor, what="overdue")
    stripe.fault("checkout.sessions.create", "429", count=9)
    page = visitor.post("/account/pay/start", hidden(review))
    stripe.control("clear_faults")
    assert page.status_code == 503
    assert "Nothing was charged." in words(page)
    assert "/account/pay#transfer" in page.text
    again = visitor.post("/account/pay/start", hidden(to_review(visitor, what="overdue")))
    assert again.location.startswith(stripe.url)


def test_without_keys_there_is_only_the_transfer(portal_without_keys: Portal) -> None:
    """Decision 24: no dead button, no card words."""
    portal = portal_without_keys

    def fill(session: Session, account: Account) -> None:
        portal.invoice(session, account, 5000, -1)

    account = portal.account(fill)
    visitor = portal.visitor(account)
    page = visitor.get("/account/pay")
    assert "Pay by bank transfer" in words(page)
    assert "card" not in words(page)
    assert 'type="radio"' not in page.text
    assert visitor.get("/account/pay/review?currency=GBP&what=overdue").location.startswith("/account/pay")


def test_currencies_are_tabs(portal: Portal) -> None:
    def fill(session: Session, account: Account) -> None:
        portal.invoice(session, account, 120000, -3, currency="EUR")
        portal.invoice(session, account, 4550, -40)

    visitor = portal.visitor(portal.account(fill))
    page = visitor.get("/account/pay?currency=GBP")
    assert 'currency=GBP" aria-current="page"' in page.text
    assert "Amount in GBP" in words(page)
    assert visitor.get("/account/pay?currency=USD").location == "/account"
    assert visitor.get("/account/pay?currency=XXX").status_code == 404
    assert visitor.get("/account/pay/review?what=overdue").status_code == 404


def test_nothing_open_leads_back_to_the_account(portal: Portal) -> None:
    visitor = portal.visitor(portal.account())
    for path in ("/account/pay", "/account/pay/start"):
        answer = visitor.get(path)
        assert answer.status_code == 303
    assert visitor.get("/account/pay").location == "/account"
