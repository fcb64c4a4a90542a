"""Reconciliation and the line to the gateway at the desk: shown, explained, tried again, taken along."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.money import Money
from models.payments import InboxEvent
from models.reconciliation import ReconciliationFinding
from models.staff import Role
from models.states import FindingStatus, InboxStatus, advance
from receivables.payments import inbox
from receivables.ports import EndpointHealth, GatewayEvent, MovementKind
from receivables.reconciling import health
from tests.admin.conftest import Desk
from tests.conftest import NOON
from tests.factories import a_creditor, an_account
from tests.portal.visitor import Visitor, words
from tests.receivables.reconciling.world import ListedGateway, World, a_movement, an_unread


@pytest.fixture
def world(desk: Desk) -> World:
    """A month with a payout that ties, one charge of a stranger and one euro charge; compared today."""
    with desk.store.write() as s:
        account = an_account(s, a_creditor(s))
    world = World(desk.store, ListedGateway(), account)
    paid = [world.pay(Money(10000 + n, "GBP"), fee=175, at=NOON - timedelta(days=8 - n)) for n in range(3)]
    world.payout(*paid, at=NOON - timedelta(days=4))
    world.charge(
        Money(10000, "EUR"), fee=150, settled=Money(8500, "GBP"), rate="0.85", at=NOON - timedelta(days=3)
    )
    world.gateway.moved.append(
        a_movement(
            MovementKind.CHARGE, Money(900, "GBP"), fee=20, source="ch_stranger", at=NOON - timedelta(days=2)
        )
    )
    world.reconcile(now=NOON)
    return world


def ref_of(desk: Desk) -> str:
    with desk.store.read() as s:
        return s.scalars(select(ReconciliationFinding.ref)).one()


def test_the_page_shows_both_sides(desk: Desk, world: World) -> None:
    """P-17, M-18: sums there and here, the three lists, payouts with their tie, what waits since when."""
    page = words(desk.at(Role.ACCOUNTANT).get("/desk/reconciliation"))
    assert "1 difference between the gateway and the books is open." in page
    for said in ("Missing here", "Missing there", "Different", "ch_stranger", "ties", "Gateway clearing",
                 "Exchange differences", "All in GBP"):  # fmt: skip
        assert said in page
    assert "Explain…" not in words(desk.at(Role.AUDITOR).get("/desk/reconciliation"))


def test_looking_changes_nothing(desk: Desk, world: World) -> None:
    """GET is safe: no row is written by looking, exporting, or asking for bad days."""
    before = world.everything()
    books = desk.at(Role.ACCOUNTANT)
    for more in (
        "",
        "?format=csv",
        "?format=csv&what=payouts",
        "?format=xlsx",
        "?from=2026-11-30&to=2026-11-01",
    ):
        books.get(f"/desk/reconciliation{more}")
    assert world.everything() == before


def test_a_difference_is_explained(desk: Desk, world: World) -> None:
    """P-17: with a reason, by POST, audited; the reason and the name stand on the list."""
    books = desk.at(Role.ACCOUNTANT)
    books.get("/desk/reconciliation")
    answer = books.post(f"/desk/reconciliation/{ref_of(desk)}/explain", {"reason": "A sale of the shop."})
    assert answer.status_code == 303, words(answer)
    page = words(books.get(answer.location))
    assert "The explanation is kept." in page
    assert "A sale of the shop." in page
    assert "The gateway and the books say the same, but for what was explained." in page
    assert "reconciliation.explained" in desk.codes()


def test_an_explanation_needs_a_reason(desk: Desk, world: World) -> None:
    """House rule: 422 with a word at the field, nothing written; a forged POST is refused."""
    books = desk.at(Role.ACCOUNTANT)
    books.get("/desk/reconciliation")
    answer = books.post(f"/desk/reconciliation/{ref_of(desk)}/explain", {"reason": ""})
    assert answer.status_code == 422
    assert "Fill this in." in words(answer)
    forged = books.client.post(f"/desk/reconciliation/{ref_of(desk)}/explain", data={"reason": "x"})
    assert forged.status_code == 400
    with desk.store.read() as s:
        assert s.scalars(select(ReconciliationFinding.status)).one() is FindingStatus.OPEN


def test_what_is_over_cannot_be_explained(desk: Desk, world: World) -> None:
    """P-17: the page of this morning, and both sides agree by now."""
    books = desk.at(Role.ACCOUNTANT)
    books.get("/desk/reconciliation")
    with desk.store.write() as s:
        advance(s.scalars(select(ReconciliationFinding)).one(), FindingStatus.GONE)
    answer = books.post(f"/desk/reconciliation/{ref_of(desk)}/explain", {"reason": "A sale of the shop."})
    assert answer.status_code == 409


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("?from=yesterday", "Write the day as year, month and day"),
        ("?from=2026-11-30&to=2026-11-01", "before the first"),
    ],
)
def test_bad_days_are_said(desk: Desk, world: World, asked: str, says: str) -> None:
    """House rule: 422 with a word, and the page with its usual days."""
    answer = desk.at(Role.AUDITOR).get(f"/desk/reconciliation{asked}")
    assert answer.status_code == 422
    assert says in words(answer)


def test_the_files_say_what_the_page_says(desk: Desk, world: World) -> None:
    """X-01: each table as CSV, all of them as a workbook."""
    books = desk.at(Role.ACCOUNTANT)
    lists = books.get("/desk/reconciliation?format=csv").get_data(as_text=True)
    assert "ch_stranger" in lists
    assert "8.80" in lists
    assert "po_" in books.get("/desk/reconciliation?format=csv&what=payouts").get_data(as_text=True)
    assert "Gateway clearing" in books.get("/desk/reconciliation?format=csv&what=waiting").get_data(
        as_text=True
    )
    sums = books.get("/desk/reconciliation?format=csv&what=sums").get_data(as_text=True)
    assert "charge" in sums
    book = books.get("/desk/reconciliation?format=xlsx")
    assert book.get_data().startswith(b"PK")


def test_what_cannot_be_read_is_shown_as_the_gateway_wrote_it(desk: Desk, world: World) -> None:
    """P-17, M-02: its id, its kind and the raw amount, on the page and in the file; it is no sum of ours."""
    foreign = an_unread("500000 inr", source="ch_rupees", at=NOON - timedelta(days=1))
    world.gateway.unread.append(foreign)
    world.reconcile(now=NOON)
    books = desk.at(Role.ACCOUNTANT)
    page = words(books.get("/desk/reconciliation"))
    for said in ("2 differences", "Movement in a currency or a fraction that we do not know",
                 foreign.movement_id, "ch_rupees", "500000 inr", "as the gateway writes it"):  # fmt: skip
        assert said in page
    assert "500000 inr" in books.get("/desk/reconciliation?format=csv").get_data(as_text=True)
    assert books.get("/desk/reconciliation?format=xlsx").get_data().startswith(b"PK")


def test_an_empty_house_says_what_is_next(desk: Desk) -> None:
    """House rule: empty states say what it means."""
    desk.account()
    page = words(desk.at(Role.AUDITOR).get("/desk/reconciliation"))
    assert "It was not compared by itself yet." in page
    assert "Nothing moved on the gateway’s balance in these days, or it was not read yet." in page
    assert "Every notice was understood." in words(desk.at(Role.AUDITOR).get("/desk/gateway"))


# --------------------------------------------------------------------------- the line to the gateway


def a_parked_event(desk: Desk) -> str:
    event = GatewayEvent(
        event_id="evt_1QabcdefGHIJKLMNOPqrstuv", type="charge.updated", created_at=NOON, live=False,
        object_id="ch_1", session_id=None, intent_id=None, attempt_ref="nobody", tagged=True, raw="{}",
    )  # fmt: skip
    with desk.store.write() as s:
        inbox.accept(s, event, gateway_account="default", now=NOON)
        row = s.scalars(select(InboxEvent)).one()
        advance(row, InboxStatus.PROCESSING)
        advance(row, InboxStatus.PARKED)
        row.error = "unknown_attempt"
    return event.event_id


def test_a_parked_event_is_shown_and_tried_again(desk: Desk, world: World) -> None:
    """P-12: with its reason, by POST, audited; an auditor has no button."""
    event = a_parked_event(desk)
    assert "Try again" not in words(desk.at(Role.AUDITOR).get("/desk/gateway"))
    books = desk.at(Role.SUPERVISOR)
    page = words(books.get("/desk/gateway"))
    assert event in page
    assert "parked: a person decides" in page
    answer = books.post("/desk/gateway/try-again", {"event": event})
    assert answer.status_code == 303
    assert "It is tried again." in words(books.get(answer.location))
    with desk.store.read() as s:
        assert s.scalars(select(InboxEvent.status)).one() is InboxStatus.PROCESSING
    assert "event.tried_again" in desk.codes()
    assert books.post("/desk/gateway/try-again", {"event": event}).status_code == 409
    assert books.post("/desk/gateway/try-again", {"event": "evt_nobody"}).status_code == 404
    assert books.post("/desk/gateway/try-again", {}).status_code == 422


def test_how_the_gateway_is_heard(desk: Desk, world: World) -> None:
    """P-18: its addresses and whether they are on."""
    world.gateway.addresses = [
        EndpointHealth("we_1", "https://pay.northgate.example/webhooks/stripe/default", False, ("*",), None)
    ]
    health.look(desk.store, world.gateway, now=NOON)
    page = words(desk.at(Role.AUDITOR).get("/desk/gateway"))
    assert "https://pay.northgate.example/webhooks/stripe/default" in page
    assert "switched off" in page
    alerts = words(desk.at(Role.ACCOUNTANT).get("/desk/alerts"))
    assert "The gateway has stopped notifying us" in alerts


@pytest.mark.parametrize("language", ["en", "he", "ru", "hu"])
def test_the_pages_stand_in_each_language(desk: Desk, world: World, language: str) -> None:
    """All four languages, right to left too."""
    a_parked_event(desk)
    visitor: Visitor = desk.at(Role.ACCOUNTANT, language=language)
    for place in ("/desk/reconciliation", "/desk/gateway"):
        assert visitor.get(place).status_code == 200
