"""What stands beside a call: reasons, alternatives within the policy, phrases, what a promise would do."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from models.answers import AnswerKind
from models.money import Money
from models.staff import Role
from models.store import Store
from receivables import outbox
from receivables.errors import NotAllowed, Refused
from receivables.talks import allowed
from receivables.talks.phrases import LANGUAGES, phrases
from receivables.talks.written import Promised
from tests import factories as make
from tests.conftest import NOON
from tests.receivables.segments import books


def test_alternatives_with_their_limits(store: Store) -> None:
    """Worked by hand for £15,980.00 that is 28 days late: least promise 20 % = £3,196.00; band above
    £5,000: 12 parts of £400 at least; nothing forgiven before day 60."""
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        make.an_invoice(s, account, total=1598000, due_on=NOON.date() - timedelta(days=28))
        actor = make.staff_actor(make.a_person(s))
        books.answered(s, account, AnswerKind.NOT_ALL)
        books.promises(s, account, broken=2, kept=1)
        outbox.note(s, account.id, "call.made", now=NOON, facts={"words": "9,000 on Friday for sure"})
    with store.read() as s:
        side = allowed.beside(s, actor, account.id, now=NOON)
    [offer] = side.offers
    assert (offer.asked, offer.least, offer.last_on) == (
        Money(1598000, "GBP"), Money(319600, "GBP"), date(2026, 12, 3),
    )  # fmt: skip
    assert offer.plan is not None
    assert (offer.plan.most_parts, offer.plan.least_part, offer.plan.down) == (12, Money(40000, "GBP"), None)
    assert offer.discount is not None
    assert (offer.discount.most, offer.discount.from_days_late) == (None, 60)
    assert [said.reason for said in side.answers] == [AnswerKind.NOT_ALL]
    assert side.last_words is not None
    assert side.last_words.words == "9,000 on Friday for sure"
    assert (side.broken, side.kept, side.kept_percent) == (2, 1, 90)


def test_what_may_be_forgiven_by_its_age(store: Store) -> None:
    """£100.00 95 days late: 20 % by the grid, £20.00."""
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        make.an_invoice(s, account, due_on=NOON.date() - timedelta(days=95))
        actor = make.staff_actor(make.a_person(s))
    with store.read() as s:
        [offer] = allowed.beside(s, actor, account.id, now=NOON).offers
    assert offer.discount is not None
    assert (offer.discount.most, offer.discount.percent) == (Money(2000, "GBP"), 20)


def test_difficulty_is_told_to_those_who_may_read_it(store: Store) -> None:
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        books.answered(s, account, AnswerKind.HARDSHIP)
        books.answered(s, account, AnswerKind.FORGOT, at=NOON - timedelta(days=1))
        seen = {
            role: [
                said.reason
                for said in allowed.beside(
                    s, make.staff_actor(make.a_person(s, role)), account.id, now=NOON
                ).answers
            ]
            for role in (Role.COLLECTOR, Role.SUPERVISOR)
        }
    assert seen == {
        Role.COLLECTOR: [AnswerKind.FORGOT], Role.SUPERVISOR: [AnswerKind.HARDSHIP, AnswerKind.FORGOT],
    }  # fmt: skip


def test_what_a_promise_would_do(store: Store) -> None:
    """£80.00 of £100.00 on Thursday 26 Nov: kept from £72.00 on, £20.00 still asked for, waited for until
    Monday 30 Nov (two business days of grace), the ladder from 1 Dec."""
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        make.an_invoice(s, account)
        contact = books.person(s, account)
        actor = make.staff_actor(make.a_person(s))
        auditor = make.staff_actor(make.a_person(s, Role.AUDITOR))
    wish = Promised(Money(8000, "GBP"), date(2026, 11, 26))
    with store.read() as s:
        seen = allowed.follows(s, actor, contact.ref, wish, now=NOON)
        assert (seen.kept_from, seen.rest, seen.waited_until, seen.goes_on) == (
            Money(7200, "GBP"), Money(2000, "GBP"), date(2026, 11, 30), date(2026, 12, 1),
        )  # fmt: skip
        with pytest.raises(Refused):
            allowed.follows(s, actor, contact.ref, Promised(wish.amount, date(2026, 11, 28)), now=NOON)
        with pytest.raises(NotAllowed):
            allowed.follows(s, auditor, contact.ref, wish, now=NOON)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_phrase_in_every_language(language: str) -> None:
    """Four languages, none of them another's text; every reason of the portal has its phrase."""
    found = phrases(language)
    english = {phrase.code: phrase.answer for phrase in phrases("en")}
    assert [phrase.code for phrase in found] == list(english)
    assert language == "en" or not any(phrase.answer == english[phrase.code] for phrase in found)
    assert {reason for phrase in found for reason in phrase.reasons} == {kind.value for kind in AnswerKind}


def test_phrases_for_what_was_said_stand_first() -> None:
    assert phrases("hu", ["needs_approval"])[0].code == "not_decider"
    assert phrases("xx")[0].language == "en"
