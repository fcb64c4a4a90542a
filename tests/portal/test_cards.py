"""Saved cards in the portal: consent shown and kept, the card page, a plan's card, removal, L-15."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.orm import Session

from jobs import daily, worker
from models.accounts import Account, Contact
from models.arrangements import CardSetup, Every, Instalment, PaysBy, Plan, SavedCard
from models.invoices import Invoice
from models.links import LinkSession
from models.states import AttemptStatus, CardStatus, InstalmentStatus
from models.work import Job
from receivables.arrangements import plans
from receivables.arrangements.cards import CONSENT_VERSION
from receivables.arrangements.plan_terms import Wish
from receivables.arrangements.plans import Signature
from receivables.payments import settling
from sandbox.stripe.webhooks import signature
from tests import factories as make
from tests.portal.conftest import Portal
from tests.portal.visitor import Visitor, hidden, words
from tests.standins import WEBHOOK_SECRET, StandIn, call_api, pay_on_page

CARDS = "/account/cards"


@pytest.fixture
def owing(portal: Portal) -> Account:
    """Two invoices overdue (£576.00, £842.40)."""

    def fill(session: Session, account: Account) -> None:
        portal.invoice(session, account, 57600, -29, number="2026-1131")
        portal.invoice(session, account, 84240, -8, number="2026-1184")

    return portal.account(fill)


def owing_one(portal: Portal) -> Callable[[Session, Account], None]:
    def fill(session: Session, account: Account) -> None:
        portal.invoice(session, account, 57600, -29)

    return fill


def proved(portal: Portal, account: Account) -> Visitor:
    """A visitor who has typed a one-time code in this session."""
    visitor = portal.visitor(account)
    with portal.store.write() as session:
        session.execute(update(LinkSession).values(proved_at=portal.clock.at))
    return visitor


def a_plan(portal: Portal, account: Account, *, at_once: bool = False) -> Plan:
    """A plan of three parts by card, signed; its first part today or in two weeks."""

    def agree(session: Session) -> Plan:
        contact = session.scalars(select(Contact).where(Contact.account_id == account.id)).first()
        holder = make.holder_actor(account, contact)
        first = portal.day(0 if at_once else 14)
        while not at_once and first.weekday() > 4:
            first += timedelta(days=1)
        refs = session.scalars(select(Invoice.ref).where(Invoice.account_id == account.id)).all()
        plan = plans.propose(
            session, holder, account_id=account.id, currency="GBP", invoice_refs=refs, now=portal.clock.at,
            wish=Wish(3, first, Every.MONTH, at_once=at_once, pays_by=PaysBy.CARD),
        )  # fmt: skip
        name = Signature("Helen Marsh", "Director", True, "en", None)
        return plans.accept(
            session, holder, plan.ref, digest=plan.terms_digest, signature=name, now=portal.clock.at
        )

    return portal.store.run(agree)


def one(portal: Portal, what: Any, **where: Any) -> Any:
    with portal.store.read() as session:
        return session.scalars(select(what).filter_by(**where).order_by(what.id.desc())).first()


def keep_one(portal: Portal, visitor: Visitor, number: str = "4242424242424242") -> SavedCard:
    """Save a card as a debtor does: agree, type it on the card page, come back, check."""
    page = visitor.get(f"{CARDS}/add")
    assert page.status_code == 200, words(page)
    away = visitor.post(f"{CARDS}/add", hidden(page))
    assert away.status_code == 303
    pay_on_page(away.location, number)
    setup = one(portal, CardSetup)
    visitor.get(f"/s/{setup.ref}")
    visitor.post(f"/s/{setup.ref}/check")
    card: SavedCard = one(portal, SavedCard)
    return card


class TestKeeping:
    def test_a_code_comes_before_a_card(self, portal: Portal, owing: Account) -> None:
        """Decision 8: keeping a card for plans is a risky act, where it begins and where it binds."""
        visitor = portal.visitor(owing)
        for answer in (visitor.get(f"{CARDS}/add"), visitor.post(f"{CARDS}/add", {"currency": "GBP"})):
            assert answer.status_code == 303
            assert "/account/code" in answer.location
        assert one(portal, SavedCard) is None

    def test_what_was_shown_is_what_is_kept(self, portal: Portal, owing: Account) -> None:
        """P-24: text, version, language, moment and network stand in the row before the card page opens."""
        visitor = proved(portal, owing)
        page = visitor.get(f"{CARDS}/add")
        away = visitor.post(f"{CARDS}/add", hidden(page))
        card = one(portal, SavedCard)
        assert card.status is CardStatus.PENDING
        assert (card.consent_version, card.consent_language) == (CONSENT_VERSION, "en")
        assert card.consented_at == portal.clock.at
        assert card.consent_ip_prefix == "127.0.0.0/24"
        assert len(card.consent_text.splitlines()) == 4
        for sentence in re.sub("[\u2068\u2069]", "", card.consent_text).splitlines():
            assert sentence in words(page)
        assert "/c/pay/cs_" in away.location
        assert words(visitor.get(CARDS)).count("No card is saved.") == 1

    def test_a_card_is_kept_and_listed(self, portal: Portal, owing: Account) -> None:
        visitor = proved(portal, owing)
        card = keep_one(portal, visitor)
        assert (card.status, card.brand, card.last4) == (CardStatus.ACTIVE, "visa", "4242")
        page = words(visitor.get(CARDS))
        assert "Visa ending in 4242" in page
        assert "Good until 12/2034" in page
        assert "never more than the plan says" in page
        assert "Your card is saved" in words(visitor.get(f"/s/{one(portal, CardSetup).ref}"))

    def test_the_same_consent_pressed_twice_is_one_page(self, portal: Portal, owing: Account) -> None:
        """M-06: two presses of the button open one page and write one consent."""
        visitor = proved(portal, owing)
        page = visitor.get(f"{CARDS}/add")
        places = {visitor.post(f"{CARDS}/add", hidden(page)).location for _ in range(2)}
        assert len(places) == 1
        with portal.store.read() as session:
            assert len(session.scalars(select(SavedCard.id)).all()) == 1

    def test_a_declined_card_leaves_the_page_open(self, portal: Portal, owing: Account) -> None:
        """Another card may be tried on the same page; the return page says so without a session."""
        visitor = proved(portal, owing)
        page = visitor.get(f"{CARDS}/add")
        away = visitor.post(f"{CARDS}/add", hidden(page)).location
        assert "problem=" in pay_on_page(away, "4000000000000002")
        setup = one(portal, CardSetup)
        stranger = Visitor(portal.app)
        left = words(stranger.get(f"/s/{setup.ref}?left=1"))
        assert "You left the card page" in left
        assert "Tidewater" not in left
        pay_on_page(away)
        stranger.get(f"/s/{setup.ref}")
        stranger.post(f"/s/{setup.ref}/check")
        assert one(portal, SavedCard).status is CardStatus.ACTIVE

    def test_without_keys_no_card_is_asked_for(self, portal_without_keys: Portal) -> None:
        """Decision 24."""
        portal = portal_without_keys
        account = portal.account(owing_one(portal))
        visitor = proved(portal, account)
        assert visitor.get(f"{CARDS}/add").status_code == 303
        assert "Save a card" not in words(visitor.get(CARDS))


class TestPlanCard:
    def test_a_first_part_at_once_keeps_the_card(
        self, portal: Portal, owing: Account, stripe: StandIn
    ) -> None:
        """One hosted page: it takes the first part and keeps the card, for the contact who agreed."""
        plan = a_plan(portal, owing, at_once=True)
        visitor = proved(portal, owing)
        page = visitor.get(f"{CARDS}/plan/{plan.ref}")
        assert "You pay the first part, £472.80, now" in words(page)
        away = visitor.post(f"{CARDS}/plan/{plan.ref}", hidden(page))
        assert "/c/pay/" in away.location
        pay_on_page(away.location)
        setup = one(portal, CardSetup)
        attempt = portal.attempts()[-1]
        assert setup.attempt_id == attempt.id
        settling.settle(portal.store, _gateway(portal), attempt.ref, now=portal.clock.at)
        assert one(portal, CardSetup).status is AttemptStatus.SUCCEEDED
        card, kept = one(portal, SavedCard), one(portal, Plan)
        assert (kept.saved_card_id, kept.pays_by) == (card.id, PaysBy.CARD)
        first = one(portal, Instalment, seq=1)
        assert first.status is InstalmentStatus.PAID
        held = call_api(stripe, "GET", "/v1/payment_methods", customer=card.customer_id)[1]
        assert [m["id"] for m in held["data"]] == [card.payment_method_id]

    def test_a_later_first_part_charges_nothing_now(self, portal: Portal, owing: Account) -> None:
        plan = a_plan(portal, owing)
        visitor = proved(portal, owing)
        page = visitor.get(f"{CARDS}/plan/{plan.ref}")
        assert "Nothing is charged now" in words(page)
        away = visitor.post(f"{CARDS}/plan/{plan.ref}", hidden(page))
        pay_on_page(away.location)
        visitor.get(f"/s/{one(portal, CardSetup).ref}")
        visitor.post(f"/s/{one(portal, CardSetup).ref}/check")
        assert portal.attempts() == []
        assert one(portal, Plan).saved_card_id == one(portal, SavedCard).id

    def test_a_plan_changes_to_a_kept_card(self, portal: Portal, owing: Account) -> None:
        plan = a_plan(portal, owing)
        visitor = proved(portal, owing)
        card = keep_one(portal, visitor)
        page = visitor.get(f"{CARDS}/plan/{plan.ref}")
        assert "Visa ending in 4242" in words(page)
        answer = visitor.post(f"{CARDS}/plan/{plan.ref}", {"card": card.ref})
        assert answer.status_code == 303
        assert one(portal, Plan).saved_card_id == card.id
        assert "Pays plan" in words(visitor.get(CARDS))

    def test_an_amount_that_was_not_read_is_not_taken(self, portal: Portal, owing: Account) -> None:
        """P-06, M-15: the plan changed between the page and the button."""
        plan = a_plan(portal, owing, at_once=True)
        visitor = proved(portal, owing)
        fields = dict(hidden(visitor.get(f"{CARDS}/plan/{plan.ref}"))) | {"amount": "1.00"}
        answer = visitor.post(f"{CARDS}/plan/{plan.ref}", fields)
        assert answer.status_code == 422
        assert portal.attempts() == []

    def test_a_code_comes_before(self, portal: Portal, owing: Account) -> None:
        plan = a_plan(portal, owing)
        visitor = portal.visitor(owing)
        for answer in (
            visitor.get(f"{CARDS}/plan/{plan.ref}"),
            visitor.post(f"{CARDS}/plan/{plan.ref}", {"card": "new"}),
        ):
            assert "/account/code" in answer.location


class TestRemoving:
    def test_row_first_then_the_gateway(self, portal: Portal, owing: Account, stripe: StandIn) -> None:
        """Decision 11: gone here at once, the gateway forgets it by a job, a second press is harmless."""
        plan = a_plan(portal, owing)
        visitor = proved(portal, owing)
        card = keep_one(portal, visitor)
        visitor.post(f"{CARDS}/plan/{plan.ref}", {"card": card.ref})
        page = visitor.get(f"{CARDS}/{card.ref}/remove")
        assert "goes on: before each date we send you a link" in words(page)
        for _ in range(2):
            assert visitor.post(f"{CARDS}/{card.ref}/remove").status_code == 303
        assert one(portal, SavedCard).status is CardStatus.REMOVED
        assert one(portal, Plan).pays_by is PaysBy.LINK
        with portal.store.read() as session:
            assert session.scalars(select(Job.kind)).all() == ["detach_card"]
        assert worker.take_jobs(portal.app.extensions["amicable"], worker="w", now=portal.clock.at) == 1
        method = call_api(stripe, "GET", f"/v1/payment_methods/{card.payment_method_id}")[1]
        assert method["customer"] is None
        assert one(portal, Job).status.value == "done"

    def test_another_debtors_card_is_not_found(self, portal: Portal, owing: Account) -> None:
        """L-15: every route × another account's card and plan."""
        card = keep_one(portal, proved(portal, owing))
        plan = a_plan(portal, owing)
        other = portal.account(owing_one(portal))
        stranger = proved(portal, other)
        assert "Visa" not in words(stranger.get(CARDS))
        answers = [
            stranger.get(f"{CARDS}/{card.ref}/remove"),
            stranger.post(f"{CARDS}/{card.ref}/remove"),
            stranger.get(f"{CARDS}/plan/{plan.ref}"),
            stranger.post(f"{CARDS}/plan/{plan.ref}", {"card": "new", "nonce": "n" * 43, "amount": ""}),
            stranger.post(f"{CARDS}/plan/{plan.ref}", {"card": card.ref}),
        ]
        assert [answer.status_code for answer in answers] == [404] * 5
        assert one(portal, SavedCard, ref=card.ref).status is CardStatus.ACTIVE


def _gateway(portal: Portal) -> Any:
    return portal.app.extensions["amicable"].gateways["default"]


def test_a_plain_payment_makes_no_customer(portal: Portal, owing: Account, stripe: StandIn) -> None:
    """Decision 11: no consent, no customer at the gateway, and no card kept."""
    before = _customers(stripe)
    visitor = portal.visitor(owing)
    visitor.get("/account/pay")
    answer = visitor.post("/account/pay", {"currency": "GBP", "what": "overdue"})
    away = visitor.post("/account/pay/start", hidden(visitor.get(answer.location)))
    pay_on_page(away.location)
    settling.settle(portal.store, _gateway(portal), portal.attempts()[0].ref, now=portal.clock.at)
    assert portal.attempts()[0].status is AttemptStatus.SUCCEEDED
    assert _customers(stripe) == before
    assert one(portal, SavedCard) is None


def _customers(stripe: StandIn) -> int:
    db = sqlite3.connect(stripe.db_path)
    count = db.execute("SELECT count(*) FROM object WHERE kind = 'customer'").fetchone()[0]
    db.close()
    return int(count)


def test_no_page_asks_the_database_often(portal: Portal, owing: Account) -> None:
    """At most 8 statements a page; what only reads writes nothing."""
    plan = a_plan(portal, owing)
    visitor = proved(portal, owing)
    card = keep_one(portal, visitor)
    setup = one(portal, CardSetup)
    for path in (
        CARDS, f"{CARDS}/add", f"{CARDS}/plan/{plan.ref}", f"{CARDS}/{card.ref}/remove", f"/s/{setup.ref}",
    ):  # fmt: skip
        read: list[str] = []
        written: list[str] = []

        def reads(*said: Any, into: list[str] = read) -> None:
            into.append(said[2])

        def writes(*said: Any, into: list[str] = written) -> None:
            into.append(said[2])

        event.listen(portal.store.reader, "before_cursor_execute", reads)
        event.listen(portal.store.writer, "before_cursor_execute", writes)
        assert visitor.get(path).status_code == 200
        event.remove(portal.store.reader, "before_cursor_execute", reads)
        event.remove(portal.store.writer, "before_cursor_execute", writes)
        assert written == []
        asked = [text for text in read if text != "BEGIN"]
        assert len(asked) <= 8, (path, asked)


def test_the_daily_work_charges_the_next_part(portal: Portal, owing: Account) -> None:
    """The first part by hand with the card kept, the second by the daily run, once however often it runs."""
    plan = a_plan(portal, owing, at_once=True)
    visitor = proved(portal, owing)
    page = visitor.get(f"{CARDS}/plan/{plan.ref}")
    pay_on_page(visitor.post(f"{CARDS}/plan/{plan.ref}", hidden(page)).location)
    settling.settle(portal.store, _gateway(portal), portal.attempts()[0].ref, now=portal.clock.at)
    later = portal.clock.at + timedelta(days=32)
    house = portal.app.extensions["amicable"]
    done = [daily.run(house, now=later)["plan_charges"] for _ in range(2)]
    assert done == [1, 0]
    assert [a.status for a in portal.attempts()] == [AttemptStatus.SUCCEEDED] * 2
    assert one(portal, Instalment, seq=2).status is InstalmentStatus.PAID
    assert one(portal, Instalment, seq=3).status is InstalmentStatus.SCHEDULED


def test_a_removed_card_is_known_from_the_gateways_notification(
    portal: Portal, owing: Account, stripe: StandIn
) -> None:
    """payment_method.detached bears no tag of ours: it is found by its id; the plan goes on by link."""

    plan = a_plan(portal, owing)
    visitor = proved(portal, owing)
    card = keep_one(portal, visitor)
    visitor.post(f"{CARDS}/plan/{plan.ref}", {"card": card.ref})
    stripe.control("card", payment_method=card.payment_method_id, detach=True)
    told = call_api(stripe, "GET", "/v1/events", type="payment_method.detached", limit="1")[1]["data"][0]
    body = json.dumps(told)
    signed = {"Stripe-Signature": signature(body, WEBHOOK_SECRET, int(portal.clock.at.timestamp()))}
    assert visitor.client.post("/webhooks/stripe/default", data=body, headers=signed).status_code == 200
    worker.take_events(portal.app.extensions["amicable"], worker="w", now=portal.clock.at)
    assert one(portal, SavedCard).status is CardStatus.REMOVED
    assert one(portal, Plan).pays_by is PaysBy.LINK
