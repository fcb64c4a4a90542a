"""A look at many accounts finds what a look at each of them finds (decision 013)."""

from __future__ import annotations

import random
from datetime import timedelta

from sqlalchemy.orm import Session

from models.accounts import Account
from models.pauses import PauseReason
from receivables import pauses, waking
from receivables.ladder import facts, steps
from receivables.ladder.choosing import ladders_in_force
from receivables.ladder.evaluating import look
from receivables.permissions import SYSTEM
from receivables.policy import default_policy
from tests import factories as make
from tests.conftest import NOON

POLICY = default_policy()
PLACES = (("GB", "Europe/London"), ("IL", "Asia/Jerusalem"), ("HU", "Europe/Budapest"))


def a_crowd(s: Session, count: int, chance: random.Random) -> list[int]:
    """Accounts of several places, terms and ladders, with documents of few ages, so that many agree."""
    creditor = make.a_creditor(s)
    ids = []
    for number in range(count):
        country, zone = chance.choice(PLACES)
        account = make.an_account(s, creditor, zone=zone)
        account.country = country
        account.agreed_days = chance.choice((0, 0, 14))
        account.ladder = chance.choice((None, None, "strict"))
        for _ in range(chance.randrange(1, 4)):
            make.an_invoice(s, account, due_on=NOON.date() - timedelta(days=chance.choice((-4, 0, 1, 9, 40))))
        if chance.random() < 0.3:
            pauses.pause(
                s, SYSTEM, account, chance.choice(list(PauseReason)), key=f"cause:{number}",
                now=NOON - timedelta(days=chance.randrange(8)),
                to_on=NOON.date() + timedelta(days=chance.randrange(4)),
            )  # fmt: skip
        ids.append(account.id)
    return ids


def test_many_are_seen_as_each_alone(session: Session) -> None:
    """What is worked out once for many documents holds for every one of them, night after night."""
    ids = a_crowd(session, 24, random.Random(13))  # noqa: S311
    ladders = ladders_in_force(session, NOON)
    for night in range(6):
        now = NOON + timedelta(days=night)
        together = look(session, ids, ladders=ladders, policy=POLICY, now=now)
        alone = [one for i in ids for one in look(session, [i], ladders=ladders, policy=POLICY, now=now)]
        assert together == alone
        assert len(together) == len(ids)
        steps.climb(session, ids, ladders=ladders, policy=POLICY, now=now)


def test_an_account_is_concerned_by_its_own_date(session: Session) -> None:
    """A run looks at what is due where the account is, not where the sun rises first."""
    ids = {}
    for zone in ("Pacific/Kiritimati", "Europe/London"):
        account = make.an_account(session, make.a_creditor(session), zone=zone)
        make.an_invoice(session, account, due_on=NOON.date() + timedelta(days=30))
        ids[zone] = account.id
    assert facts.concerned(session, NOON) == sorted(ids.values())
    steps.climb(session, list(ids.values()), ladders=ladders_in_force(session, NOON), policy=POLICY, now=NOON)
    assert facts.concerned(session, NOON) == []
    for account_id in ids.values():
        wake_tomorrow(session, account_id)
    assert facts.concerned(session, NOON) == [ids["Pacific/Kiritimati"]]


def wake_tomorrow(s: Session, account_id: int) -> None:
    """Something is due on London's next day, which has begun in Kiritimati."""
    account = s.get_one(Account, account_id)
    waking.wake(s, account.id, NOON.date() + timedelta(days=1))


def test_a_paid_document_comes_to_rest_once(session: Session) -> None:
    """What is closed is written once and read no more; owed again, it begins a new cycle."""
    account = make.an_account(session, make.a_creditor(session))
    invoice = make.an_invoice(session, account, due_on=NOON.date() - timedelta(days=1))
    ladders = ladders_in_force(session, NOON)

    def climb() -> None:
        steps.climb(session, [account.id], ladders=ladders, policy=POLICY, now=NOON)

    def seen() -> facts.Facts:
        return facts.read(session, [account.id], now=NOON, on=None)[0]

    climb()
    invoice.balance_minor, owed = 0, invoice.balance_minor
    session.flush()
    assert list(seen().kept) == [invoice.id]
    climb()
    assert seen().kept == {}
    invoice.balance_minor = owed
    session.flush()
    climb()
    assert seen().kept[invoice.id].cycle == 2
