"""What the mails about offers say, from the books to the text, in the reader's language."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.accounts import Account
from models.messages import Message, Purpose
from models.store import Store
from presentation import Presenter
from receivables import letters
from receivables.arrangements import offer_deciding, offer_ends
from receivables.ports import Rendered
from tests.conftest import NOON
from tests.receivables.arrangements.offer_world import TODAY, OfferWorld, a_late_account, gbp

TEMPLATES = Path(__file__).parents[3] / "templates"
PRESENTER = Presenter(TEMPLATES)
LANGUAGES = ("en", "he", "ru", "hu")


@pytest.fixture
def world(sqlite_store: Store) -> OfferWorld:
    return a_late_account(sqlite_store)


def mail(world: OfferWorld, kind: str, language: str = "en") -> Rendered:
    """The last mail of a kind as it would leave."""
    with world.store.write() as session:
        session.execute(update(Message).where(Message.kind == kind).values(language=language))
    with world.store.read() as session:
        message = session.scalars(select(Message).where(Message.kind == kind)).one()
        letter = letters.compose(
            session, message, link="https://npp.example/l/x", link_expires_at=NOON + timedelta(days=14),
            stop="https://npp.example/x/y", now=NOON,
        )  # fmt: skip
    return PRESENTER.render_message(letter)


def plain(text: str) -> str:
    return "".join(c for c in text if c not in "\u200e\u200f\u2066\u2067\u2068\u2069").replace("\u00a0", " ")


def every_kind(world: OfferWorld) -> None:
    """One mail of each kind, each by the act that sends it."""
    world.propose(121896)
    first = world.counter(100000)
    world.store.run(
        lambda s: offer_deciding.refuse(
            s, world.supervisor, first.ref, digest=first.content_digest, reason="too low", now=NOON
        )
    )
    second = world.counter(101000)
    world.store.run(
        lambda s: offer_deciding.answer_with(
            s, world.supervisor, second.ref, digest=second.content_digest, amount=gbp(125000),
            pay_by_on=TODAY + timedelta(days=9), reason="as far as we go", now=NOON,
        )
    )  # fmt: skip
    third = world.counter(102000)
    world.store.run(
        lambda s: offer_deciding.approve(
            s, world.supervisor, third.ref, digest=third.content_digest, now=NOON
        )
    )
    agreed = world.accept(world.offer(third.ref))
    world.pay_offer(agreed, 50000)
    late = NOON + timedelta(days=20)

    def end(session: Session) -> int:
        account = session.get_one(Account, world.account.id)
        return offer_ends.end_outlived(session, account, today=late.date(), now=late)

    world.store.run(end)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_mail_has_all_it_says_in_each_language(world: OfferWorld, language: str) -> None:
    """C-10: what is paid, by when, what is written off, what stays owed."""
    every_kind(world)
    kinds = [kind for kind in world.mails() if "offer" in kind]
    assert sorted(kinds) == [
        "counter_offer_accepted", "counter_offer_changed", "counter_offer_refused", "offer_accepted",
        "offer_lapsed", "offer_made",
    ]  # fmt: skip
    for kind in kinds:
        rendered = mail(world, kind, language)
        assert "{" not in rendered.text
        assert "https://npp.example/l/x" in rendered.text


def test_the_sums_are_those_of_the_offer(world: OfferWorld) -> None:
    every_kind(world)
    assert "1,218.96" not in mail(world, "offer_made").text  # the sum stands behind the link
    assert "open until 29 November 2026" in plain(mail(world, "offer_made").subject)
    accepted = plain(mail(world, "offer_accepted").text)
    assert "You pay £1,020.00 by 26 November 2026." in accepted
    assert "the remaining £398.40 is written off and nothing more is owed" in accepted
    assert "Thank you for your offer of £1,000.00." in plain(mail(world, "counter_offer_refused").text)
    assert "The reason: too low" in plain(mail(world, "counter_offer_refused").text)
    assert "Thank you for your offer of £1,010.00." in plain(mail(world, "counter_offer_changed").text)
    lapsed = plain(mail(world, "offer_lapsed").text)
    assert "What you paid, £500.00, counts in full. £918.40 is now open." in lapsed


def test_an_offer_that_no_longer_stands_is_not_sent(world: OfferWorld) -> None:
    """Asked again at send time: still true only while it is open."""
    offer = world.propose(121896)
    with world.store.read() as session:
        message = session.scalars(select(Message)).one()
        account = session.get_one(Account, world.account.id)
        assert message.purpose is Purpose.ARRANGEMENT
        assert letters.is_still_true(session, message, account, now=NOON)
    world.store.run(lambda s: offer_deciding.withdraw(s, world.supervisor, offer.ref, now=NOON))
    with world.store.read() as session:
        message = session.scalars(select(Message)).one()
        account = session.get_one(Account, world.account.id)
        assert not letters.is_still_true(session, message, account, now=NOON)
