"""What happens next, in the debtor's words: one step, what waits, no threats (issue C, part 3)."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select, update

from models.accounts import Account
from models.disputes import DisputeReason
from models.invoices import Invoice
from models.ladder import LadderPosition
from models.money import Money
from models.pauses import PauseReason
from receivables import invoices, pauses
from receivables.disputes import opening
from receivables.disputes.claims import Claim
from receivables.ladder import steps
from receivables.ladder.choosing import ladders_in_force
from receivables.permissions import SYSTEM
from receivables.policy import default_policy
from tests import factories as make
from tests.portal.conftest import Portal
from tests.portal.test_links import everything
from tests.portal.test_routes import statements
from tests.portal.visitor import words

PAGE = "/account/what-next"


@pytest.fixture
def climbing(portal: Portal, tidewater: Account) -> Account:
    """Tidewater after the ladder has looked at it once."""
    with portal.store.write() as s:
        steps.climb(
            s, [tidewater.id], ladders=ladders_in_force(s, portal.clock.at), policy=default_policy(),
            now=portal.clock.at,
        )  # fmt: skip
    return tidewater


def stands_at(
    portal: Portal, account: Account, rung: str | None, days: int, waits: str | None = None
) -> None:
    """Let every document of an account come to a rung so many days from now."""
    with portal.store.write() as s:
        s.execute(
            update(LadderPosition)
            .where(LadderPosition.account_id == account.id)
            .values(next_rung=rung, next_on=portal.day(days) if rung else None, waits_for=waits)
        )


def test_one_step_with_its_earliest_day(portal: Portal, climbing: Account) -> None:
    """The next step alone, its day "at the earliest", and how to be ahead of it."""
    visitor = portal.visitor(climbing)
    assert "When you hear from us next" in words(visitor.get("/account"))
    stands_at(portal, climbing, "first_reminder", 4)
    said = words(visitor.get(PAGE))
    day = portal.day(4)
    assert f"{day.day} {day:%B %Y} at the earliest, we write to you about what is open." in said
    assert "If it is paid or cleared up before, nothing comes." in said
    assert "Choose what to pay" in said


@pytest.mark.parametrize(
    ("rung", "says"),
    [
        ("call", "somebody here rings you to ask whether all is well"),
        ("due_today", "we write to you or ring you"),
        ("official_letter", "we send you a letter"), ("sales", "a person here looks at your account"),
        ("hand_over", "a person here looks at your account"), ("gone", "a person here looks at your account"),
    ],
)  # fmt: skip
def test_what_the_house_does_inside_is_no_threat(
    portal: Portal, climbing: Account, rung: str, says: str
) -> None:
    """tone.md: no word of warnings, holds, agencies or courts; a rung that is gone is a person who looks."""
    stands_at(portal, climbing, rung, 3)
    said = words(portal.visitor(climbing).get(PAGE))
    assert says in said
    assert not re.search(r"warn|hold|agency|lawyer|court|hand.?over|collect", said, re.IGNORECASE)


def test_what_waits_says_why_and_until_when(portal: Portal, climbing: Account) -> None:
    """C-05: a pause counts the moment it stands, before the ladder has looked again."""
    with portal.store.write() as s:
        account = s.get_one(Account, climbing.id)
        pauses.pause(s, SYSTEM, account, PauseReason.PROMISE, key="p", to_on=portal.day(6), currency="GBP",
                     now=portal.clock.at)  # fmt: skip
    said = words(portal.visitor(climbing).get(PAGE))
    day = portal.day(6)
    assert "What waits You named a day to pay. Until" in said
    assert f"{day.day} {day:%B %Y} we wait and send nothing." in said
    assert "Nothing comes from us for now." in said


def test_a_dispute_waits_only_for_what_is_contested(portal: Portal, climbing: Account) -> None:
    """The rest of a document beside a disputed part is asked for meanwhile, and is said to be."""
    claims = {
        "2026-1131": Claim(DisputeReason.NOT_OURS),
        "2026-1184": Claim(DisputeReason.DAMAGED, amount=Money(2000, "GBP")),
    }  # fmt: skip
    with portal.store.write() as s:
        for number, claim in claims.items():
            invoice = s.scalars(select(Invoice).where(Invoice.number == number)).one()
            opening.open_dispute(
                s,
                make.holder_actor(climbing),
                invoice.ref,
                claim,
                words="x",
                shown_at=portal.clock.at,
                now=portal.clock.at,
            )
    said = words(portal.visitor(climbing).get(PAGE))
    waits = said.partition("What waits")[2]
    assert "You told us that something is wrong. We send nothing about it until we have answered." in waits
    assert ("2026-1131" in waits, "2026-1184" in waits) == (True, False)


def test_difficulty_is_never_named(portal: Portal, climbing: Account) -> None:
    """domain.md, hardship: whoever holds a link reads only that something is looked into."""
    with portal.store.write() as s:
        pauses.pause(s, SYSTEM, s.get_one(Account, climbing.id), PauseReason.HARDSHIP, key="h",
                     now=portal.clock.at)  # fmt: skip
    said = words(portal.visitor(climbing).get(PAGE))
    assert "Nothing comes from us for now." in said
    assert "Something is being looked into. Until it is settled we send nothing." in said


def test_nothing_is_planned_where_nothing_climbs(portal: Portal, tidewater: Account) -> None:
    """Before the first run, and at the top of a ladder, nothing is announced."""
    assert "Nothing is planned." in words(portal.visitor(tidewater).get(PAGE))


def test_the_top_of_a_ladder_announces_nothing(portal: Portal, climbing: Account) -> None:
    stands_at(portal, climbing, None, 0, waits="top")
    said = words(portal.visitor(climbing).get(PAGE))
    assert "Nothing is planned." in said
    assert "What waits" not in said


def test_it_asks_little_and_writes_nothing(portal: Portal, climbing: Account) -> None:
    """Quality bars, L-04: at most eight statements a page, none that writes; without a link 401."""
    visitor = portal.visitor(climbing)
    before = everything(portal.store)
    with statements(portal.store) as seen:
        assert visitor.get(PAGE).status_code == 200
    assert len(seen) <= 8, seen
    assert everything(portal.store) == before
    assert portal.visitor().get(PAGE).status_code == 401


@pytest.mark.parametrize("language", ["he", "ru", "hu"])
def test_the_day_stands_in_every_language(portal: Portal, climbing: Account, language: str) -> None:
    stands_at(portal, climbing, "first_reminder", 4)
    page = portal.visitor(climbing).get(f"{PAGE}?lang={language}")
    assert page.status_code == 200
    assert f'lang="{language}"' in page.text
    assert str(portal.day(4).year) in words(page)


def test_a_woken_account_hears_of_no_day_before_its_rung(portal: Portal, climbing: Account) -> None:
    """What is woken is looked at today; what is due in twenty days is not said to come today."""
    stands_at(portal, climbing, "first_reminder", 0)
    with portal.store.read() as s:
        row = s.scalars(select(Invoice).where(Invoice.number == "2026-1262")).one()
    said = words(portal.visitor(climbing).get(PAGE))
    assert row.due_on > portal.today
    assert "2026-1131" in said
    assert "2026-1262" not in said


def test_amounts_of_the_overview_stay_as_they_are(portal: Portal, climbing: Account) -> None:
    """The page says nothing of amounts: they stand where they are paid."""
    with portal.store.read() as s:
        rows = invoices.open_rows(s, climbing.id, portal.today)
    said = words(portal.visitor(climbing).get(PAGE))
    assert rows
    assert "£" not in said
