"""Every move of a plan and of a card leaves a row of the audit, also those that nobody asked for."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from models.audit import AuditEntry
from models.states import AttemptStatus, PlanStatus
from models.store import Store
from receivables.arrangements import cards
from receivables.policy import default_policy
from tests.conftest import NOON
from tests.receivables.arrangements.plan_world import TODAY, PlanWorld, an_owing_account


@pytest.fixture
def lite(sqlite_store: Store) -> PlanWorld:
    return an_owing_account(sqlite_store)


def rows(world: PlanWorld, code: str) -> list[tuple[int | None, dict[str, Any]]]:
    """Subject and facts of each act of a kind."""
    with world.store.read() as session:
        found = session.scalars(select(AuditEntry).where(AuditEntry.code == code).order_by(AuditEntry.id))
        return [(row.subject_id, json.loads(row.payload)["facts"]) for row in found]


def test_a_draft_that_another_replaces(lite: PlanWorld) -> None:
    """M-20: the debtor works out other figures; his earlier draft is declined by that."""
    first = lite.propose(3)
    lite.propose(3)
    assert rows(lite, "plan.replaced") == []
    lite.propose(2)
    ((subject, facts),) = rows(lite, "plan.replaced")
    assert (subject, facts["digest"]) == (first.id, first.terms_digest)
    assert lite.plan(first).status is PlanStatus.DECLINED


def test_a_draft_that_nobody_signed(lite: PlanWorld) -> None:
    """M-20, decision 10."""
    plan = lite.propose(3)
    last = TODAY + timedelta(days=default_policy().plans.draft_days)
    lite.daily(last)
    assert rows(lite, "plan.lapsed") == []
    lite.daily(last + timedelta(days=1))
    assert [subject for subject, _ in rows(lite, "plan.lapsed")] == [plan.id]
    assert lite.plan(plan).status is PlanStatus.DECLINED


def test_a_defaulted_plan_that_was_not_cured(lite: PlanWorld) -> None:
    """M-20: its invoices are free from that row on."""
    plan = lite.agreed(3)
    day = lite.parts(plan)[1].due_on
    lite.days(lite.parts(plan)[0].due_on, day + timedelta(days=8))
    assert rows(lite, "plan.ended") == []
    lite.daily(day + timedelta(days=9))
    ((subject, facts),) = rows(lite, "plan.ended")
    assert (subject, facts["why"], lite.blocking(plan)) == (plan.id, "not_cured", {False})


def test_a_card_that_was_not_kept(lite: PlanWorld) -> None:
    """M-20: the page was left or expired; the consent row says that nothing came of it."""
    consent = cards.Consent("You may keep it.", "en", None)

    def unit(session: Any) -> int:
        setup = cards.write_consent(
            session, lite.holder, lite.account, consent, language="en",
            expires_at=NOON + timedelta(hours=1), now=NOON,
        )  # fmt: skip
        cards.end_setup(session, setup, AttemptStatus.OPEN, None, now=NOON)
        cards.end_setup(session, setup, AttemptStatus.EXPIRED, None, now=NOON)
        return setup.saved_card_id

    card_id = lite.store.run(unit)
    ((subject, facts),) = rows(lite, "card.not_kept")
    assert (subject, facts["why"]) == (card_id, "expired")
    with lite.store.read() as session:
        view, _ = cards.cards_of(session, lite.holder, account_id=lite.account.id, now=NOON)
    assert view == []
