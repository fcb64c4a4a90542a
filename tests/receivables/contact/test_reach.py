"""Whether an address still works: the latest clear word counts (issue C, part 6)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.inbound import ReachEventKind
from models.links import Channel
from models.store import Store
from receivables import links
from receivables.contact import reach
from receivables.permissions import SYSTEM
from receivables.policy import default_policy
from tests import factories as make
from tests.conftest import NOON

EMAIL, SMS = Channel.EMAIL, Channel.SMS
DEAD, SOFT, REACHED = ReachEventKind.DEAD, ReachEventKind.SOFT, ReachEventKind.REACHED
IN_A_ROW = default_policy().soft_bounces


class Case:
    def __init__(self, store: Store) -> None:
        self.store, self.hours = store, 0
        with store.write() as s:
            self.account = make.an_account(
                s, make.a_creditor(s), email="helen@tidewater.example", phone="+441134960142"
            )
            self.contact_id = s.scalars(select(Contact.id)).one()

    def contact(self, s: Session) -> Contact:
        return s.get_one(Contact, self.contact_id)

    def learn(self, *events: ReachEventKind, channel: Channel = EMAIL, why: str = "dsn:5.1.1") -> None:
        with self.store.write() as s:
            for event in events:
                self.hours += 1
                at = NOON + timedelta(hours=self.hours)
                reach.learn(s, self.contact(s), channel, event, why=why, now=at)

    def is_dead(self, channel: Channel = EMAIL) -> bool:
        with self.store.read() as s:
            return reach.is_dead(s, self.contact(s), channel)

    def untraceable(self) -> list:
        with self.store.read() as s:
            return reach.untraceable(s, s.get_one(Account, self.account.id))


@pytest.fixture
def case(store: Store) -> Case:
    return Case(store)


@pytest.mark.parametrize(
    ("events", "dead"),
    [
        ([], False), ([REACHED], False), ([DEAD], True), ([DEAD, REACHED], False), ([REACHED, DEAD], True),
        ([DEAD, SOFT], True), ([DEAD, REACHED, SOFT], False), ([SOFT] * (IN_A_ROW - 1), False),
        ([SOFT] * IN_A_ROW, True), ([SOFT] * (IN_A_ROW - 1) + [REACHED] + [SOFT], False),
        ([SOFT] * IN_A_ROW + [REACHED], False),
    ],
)  # fmt: skip
def test_the_latest_clear_word_counts(case: Case, events: list[ReachEventKind], dead: bool) -> None:
    case.learn(*events)
    assert case.is_dead() is dead
    assert not case.is_dead(SMS)


def test_an_opened_link_speaks_against_it(case: Case) -> None:
    """It was sent to this contact by this channel and opened later."""
    case.learn(DEAD)
    with case.store.write() as s:
        row, _ = links.issue(
            s, SYSTEM, s.get_one(Account, case.account.id), contact=case.contact(s), channel=EMAIL,
            policy=default_policy(), now=NOON,
        )  # fmt: skip
        row.redeemed_at = NOON
    assert case.is_dead()
    with case.store.write() as s:
        s.merge(row).redeemed_at = NOON + timedelta(days=1)
    assert not case.is_dead()
    assert not case.is_dead(SMS)


def test_a_new_address_starts_afresh_and_the_old_one_stays_dead(case: Case) -> None:
    case.learn(DEAD)
    with case.store.write() as s:
        case.contact(s).email = "accounts@tidewater.example"
    assert not case.is_dead()
    with case.store.write() as s:
        case.contact(s).email = " Helen@Tidewater.example"
    assert case.is_dead()


def test_nobody_is_untraceable_while_one_address_may_work(case: Case) -> None:
    case.learn(DEAD)
    assert case.untraceable() == []
    case.learn(DEAD, channel=SMS, why="sms:invalid")
    by_mail, by_sms = case.untraceable()
    assert by_mail == {
        "contact": case.contact_id, "channel": "email", "why": "dsn:5.1.1", "on": "2026-11-19", "events": 1,
    }  # fmt: skip
    assert (by_sms["channel"], by_sms["why"]) == ("sms", "sms:invalid")
    with case.store.write() as s:
        make.a_contact(s, s.get_one(Account, case.account.id), name="Peter", email="peter@tidewater.example")
    assert case.untraceable() == []


def test_people_who_left_and_colleagues_with_one_invoice_do_not_count(case: Case) -> None:
    case.learn(DEAD)
    case.learn(DEAD, channel=SMS)
    with case.store.write() as s:
        account = s.get_one(Account, case.account.id)
        make.a_contact(s, account, email="left@tidewater.example").is_active = False
        make.a_contact(s, account, email="shop@tidewater.example").forwarded_by_id = case.contact_id
    assert len(case.untraceable()) == 2
    with case.store.write() as s:
        case.contact(s).is_active = False
    assert case.untraceable() == [{"why": "no_contact"}]


def test_long_codes_are_cut_and_no_address_is_no_event(case: Case) -> None:
    with case.store.write() as s:
        contact = case.contact(s)
        event = reach.learn(s, contact, EMAIL, SOFT, why="x" * 200, now=NOON)
        assert event is not None
        assert len(event.why) == 60
        contact.phone = None
        assert reach.learn(s, contact, SMS, DEAD, why="call:wrong_number", now=NOON) is None
        assert not reach.is_dead(s, contact, SMS)
