"""Switches and rates for tests; the figures are made up."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from models.costs import InterestRate
from models.staff import Role
from receivables.costs import rates
from receivables.policy import DEFAULT_BODY, publish
from tests import factories as make
from tests.conftest import NOON

#: Half-years of the time around NOON and their made-up reference rates.
HALVES = ((date(2026, 1, 1), "2.15"), (date(2026, 7, 1), "2.4"), (date(2027, 1, 1), "3"))
#: As [costs] ships it -> as a test wants it.
STATUTORY = {
    "interest_countries = []": 'interest_countries = ["GB", "DE", "IL", "IE"]',
    "fixed_sum_countries = []": 'fixed_sum_countries = ["GB", "DE", "IE"]',
    "contract_needed = true": "contract_needed = false",
}
#: Before everything that a test looks at.
BEFORE = NOON - timedelta(days=400)
BY_LAW = tuple(STATUTORY.items())


def switch_on(session: Session, *changes: tuple[str, str], now: datetime = BEFORE) -> None:
    """Publish the shipped rules with some lines changed."""
    body = DEFAULT_BODY
    for before, after in changes:
        assert before in body, before
        body = body.replace(before, after)
    publish(session, body, reason="for a test", author_id=None, now=now)


def enter(session: Session, rule: str = "uk.late", *rows: tuple[date, str]) -> list[InterestRate]:
    """Enter the reference rates of a rule, or one agreed rate, as the accountant does."""
    accountant = make.staff_actor(make.a_person(session, Role.ACCOUNTANT))
    return [
        rates.add_rate(session, accountant, rule, from_on=day, percent=percent, source="Bulletin 7", now=NOON)
        for day, percent in rows or HALVES
    ]
