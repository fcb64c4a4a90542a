"""Who has a telephone and no mail hears of all that he waits for, by SMS and without a sum of an offer."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from models.accounts import Account, Contact
from models.answers import AnswerKind, Request
from models.invoices import Invoice
from models.links import Channel
from models.messages import Message, Purpose
from models.money import Money
from models.staff import Role
from models.store import Store
from presentation import Presenter
from presentation.sources import KINDS
from receivables import credit_holds, letters
from receivables.answers import giving, requests
from receivables.answers.giving import Facts
from receivables.arrangements import offer_deciding, offers, promises
from receivables.disputes.claims import LineClaim
from tests import factories as make
from tests.conftest import NOON
from tests.receivables.arrangements.offer_world import OfferWorld, a_late_account, gbp
from tests.receivables.arrangements.plan_world import an_owing_account
from tests.receivables.disputes.story import Story

PRESENTER = Presenter(Path(__file__).parents[3] / "templates")
PHONE = "+441134960100"


def without_mail(store: Store) -> None:
    """Take the mail addresses of everybody away; a telephone number is all that is left."""
    with store.write() as session:
        session.execute(update(Contact).values(email=None, phone=PHONE))


def sent(store: Store) -> list[tuple[str, Channel, Purpose]]:
    with store.read() as session:
        rows = session.scalars(select(Message).order_by(Message.id)).all()
        return [(row.kind, row.channel, row.purpose) for row in rows]


def by_sms(*kinds: str) -> list[tuple[str, Channel, Purpose]]:
    """An SMS keeps to the rules of notices: hours, and no number that was opted out."""
    return [(kind, Channel.SMS, Purpose.ARRANGEMENT) for kind in kinds]


@pytest.fixture
def late(store: Store) -> OfferWorld:
    world = a_late_account(store)
    without_mail(store)
    return world


def test_a_dispute(store: Store) -> None:
    story = Story(store)
    without_mail(store)
    story.dispute(LineClaim(2))
    assert sent(store) == by_sms("dispute_received")


def test_a_promise(late: OfferWorld) -> None:
    late.store.run(
        lambda s: promises.promise(
            s, late.holder, s.get_one(Account, late.account.id), gbp(100000),
            NOON.date() + timedelta(days=7), now=NOON,
        )
    )  # fmt: skip
    assert sent(late.store) == by_sms("promise_recorded")


def test_a_request(late: OfferWorld) -> None:
    late.store.run(
        lambda s: giving.give(
            s, late.holder, AnswerKind.MISSING_DOCUMENT, Facts(what="order_number"), now=NOON
        )
    )
    with late.store.read() as session:
        ref = session.scalars(select(Request.ref)).one()
    late.store.run(lambda s: requests.answer(s, late.collector, ref, reply="It is PO-77.", now=NOON))
    assert sent(late.store) == by_sms("request_answered")


def test_a_plan(store: Store) -> None:
    world = an_owing_account(store)
    without_mail(store)
    world.agreed(3)
    assert sent(store) == by_sms("plan_activated")


def test_a_credit_hold(late: OfferWorld) -> None:
    with late.store.write() as session:
        account = session.get_one(Account, late.account.id)
        actor = make.staff_actor(make.a_person(session, Role.SUPERVISOR))
        credit_holds.place(session, actor, account, "Two are late.", Money(100000, "GBP"), now=NOON)
    assert sent(late.store) == by_sms("credit_hold_placed")


def test_an_offer_without_its_sum(late: OfferWorld) -> None:
    """The ladder: no sum of an offer travels by SMS; that there is one does."""
    late.propose(121896)
    assert sent(late.store) == by_sms("offer_made")
    with late.store.read() as session:
        message = session.scalars(select(Message)).one()
        letter = letters.compose(
            session, message, link="https://npp.example/l/x", link_expires_at=NOON,
            stop="https://npp.example/x/y", now=NOON,
        )  # fmt: skip
    text = PRESENTER.render_message(letter).text
    assert "https://npp.example/l/x" in text
    assert "1,218" not in text
    assert "£" not in text


def test_an_offer_refused_and_one_that_fell_away(late: OfferWorld) -> None:
    """Whoever waits for an answer gets one, also when what is open has changed meanwhile."""
    mine = late.counter(100000)
    late.store.run(
        lambda s: offer_deciding.refuse(
            s, late.supervisor, mine.ref, digest=mine.content_digest, reason="too low", now=NOON
        )
    )
    late.counter(101000)
    changed = ids(late)
    late.store.run(lambda s: offers.void_changed(s, late.collector, changed, why="credit_note", now=NOON))
    assert sent(late.store) == by_sms("counter_offer_refused", "offer_voided")


def test_who_has_mail_gets_the_words_by_mail(store: Store) -> None:
    """The answer to an own offer that no longer fits, in whole."""
    world = a_late_account(store)
    mine, changed = world.counter(100000), ids(world)
    world.store.run(lambda s: offers.void_changed(s, world.collector, changed, why="payment", now=NOON))
    assert world.status(mine.ref).value == "voided"
    assert sent(store) == [("offer_voided", Channel.EMAIL, Purpose.ANSWER)]
    with store.read() as session:
        message = session.scalars(select(Message)).one()
        letter = letters.compose(
            session, message, link="https://npp.example/l/x", link_expires_at=NOON,
            stop="https://npp.example/x/y", now=NOON,
        )  # fmt: skip
    mail = PRESENTER.render_message(letter).text
    assert "1,000.00" in mail
    assert "1,418.40" in mail


def test_one_of_ours_that_falls_away_is_no_answer(store: Store) -> None:
    """Nobody waits for an offer that we made of ourselves."""
    world = a_late_account(store)
    world.propose(121896)
    changed = ids(world)
    world.store.run(lambda s: offers.void_changed(s, world.collector, changed, why="payment", now=NOON))
    assert [kind for kind, _, _ in sent(store)] == ["offer_made"]


def ids(world: OfferWorld) -> list[int]:
    with world.store.read() as session:
        return list(session.scalars(select(Invoice.id).where(Invoice.ref.in_(world.refs))))


def test_a_private_person_reads_the_neutral_notice_in_all_of_them() -> None:
    """tone.md, part 5: no amount, no document, no debt word by SMS."""
    waits_for = [kind for kind in KINDS if kind.startswith(("dispute_", "promise_", "plan_", "offer_"))]
    assert len(waits_for) > 10
    assert all(KINDS[kind].neutral_sms for kind in waits_for)
