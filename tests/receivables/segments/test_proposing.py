"""The rules propose a segment with their evidence, and never move anybody (part 12; GDPR article 22)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import DebtorType, Segment
from models.answers import AnswerKind
from models.audit import AuditEntry
from models.inbound import ReachEventKind
from models.segments import SegmentProposal
from models.states import SegmentStatus
from models.store import Store
from models.work import Task, TaskKind
from receivables.policy import default_policy
from receivables.segments import moving, proposing
from receivables.segments.evidence import Facts, Lag
from receivables.segments.proposing import judge
from tests import factories as make
from tests.conftest import NOON
from tests.receivables.segments import books

RULES = default_policy().segments
LATE = Facts(overdue=1, oldest_late=40, addresses=2, silent_days=40)
STEADY = Lag(paid=8, middle=30, spread=4, late_percent=100)
R = Segment.REMINDER


@pytest.mark.parametrize(
    ("facts", "now_is", "to", "codes"),
    [
        (LATE, R, None, []),
        (replace(LATE, dead=2), R, Segment.UNTRACEABLE, ["dead_addresses", "silent"]),
        (replace(LATE, dead=1), R, None, []),
        (replace(LATE, dead=2, silent_days=3), R, None, []),
        (replace(LATE, dead=0, addresses=0), R, None, []),
        (replace(LATE, disputes=1), R, Segment.OPEN_PROBLEM, ["open_disputes"]),
        (replace(LATE, disputes=1), Segment.OPEN_PROBLEM, None, []),
        (replace(LATE, disputes=1, broken=5), R, Segment.OPEN_PROBLEM, ["open_disputes"]),
        (replace(LATE, hardship_told=True), R, Segment.HARDSHIP, ["hardship_told", "overdue"]),
        (replace(LATE, broken=2), R, Segment.NO_AGREEMENT, ["broken_promises", "overdue"]),
        (replace(LATE, broken=2, kept=2), R, None, []),
        (Facts(broken=2), R, None, []),
        (replace(LATE, ignored=5), R, Segment.NO_AGREEMENT, ["ignored_contacts", "overdue"]),
        (replace(LATE, ignored=5, oldest_late=29), R, None, []),
        (replace(LATE, plan_defaults=1, hardship_told=True), Segment.HARDSHIP, None, []),
        (replace(LATE, lag=STEADY, oldest_late=35), R, Segment.OWN_TERMS, ["steady_lag", "paid_late"]),
        (replace(LATE, lag=STEADY, oldest_late=41), R, None, []),
        (replace(LATE, lag=replace(STEADY, spread=20)), R, None, []),
        (replace(LATE, lag=replace(STEADY, middle=5), oldest_late=5), R, None, []),
        (replace(LATE, lag=replace(STEADY, paid=4), oldest_late=5), R, None, []),
        (Facts(), Segment.NO_AGREEMENT, R, ["nothing_overdue"]),
        (LATE, Segment.NO_AGREEMENT, None, []),
        (LATE, Segment.OPEN_PROBLEM, R, ["no_open_disputes"]),
        (Facts(silent_days=3), Segment.UNTRACEABLE, R, ["heard_of"]),
        (Facts(), Segment.OWN_TERMS, None, []),
    ],
)
def test_rules(facts: Facts, now_is: Segment, to: Segment | None, codes: list[str]) -> None:
    """domain.md, six kinds of debtor: what speaks for each, and what speaks for the friendly way again."""
    found = judge(facts, RULES, now_is)
    assert (found[0] if found else None) is to
    assert [e["code"] for e in found[1]] == codes if found else not codes


def test_hardship_that_breaks_its_plan_twice_is_proposed_as_no_agreement(store: Store) -> None:
    """domain.md: whoever breaks his plan again does not agree, also where difficulty was told."""

    def unit(s: Session) -> object:
        account = books.an_account(s)
        account.segment = Segment.HARDSHIP
        books.answered(s, account, AnswerKind.HARDSHIP)
        books.plan_defaulted(s, account, 2)
        return account

    account = store.run(unit)
    proposal = books.propose(store, account)
    assert proposal is not None
    assert proposal.to_segment is Segment.NO_AGREEMENT
    assert proposal.evidence[0] == {"code": "plan_defaults", "count": 2}


FIRM = {Segment.NO_AGREEMENT, Segment.UNTRACEABLE}
SITUATIONS = {
    "late": lambda s, a: None,
    "broken": lambda s, a: books.promises(s, a, broken=2),
    "ignored": lambda s, a: books.reminded(s, a, 2, 4, 6, 8, 10, 12),
    "dead": lambda s, a: books.dead(s, a),
}


@pytest.mark.parametrize("kind", AnswerKind)
@pytest.mark.parametrize("situation", SITUATIONS)
def test_an_answer_alone_never_worsens_treatment(
    sqlite_store: Store, situation: str, kind: AnswerKind
) -> None:
    """domain.md: whatever somebody answers, he is not treated more firmly than without his answer."""
    with sqlite_store.write() as s:
        silent, honest = books.an_account(s), books.an_account(s)
        for account in (silent, honest):
            SITUATIONS[situation](s, account)
        books.answered(s, honest, kind)
    without, with_answer = books.propose(sqlite_store, silent), books.propose(sqlite_store, honest)
    firm = without is not None and without.to_segment in FIRM
    assert with_answer is None or with_answer.to_segment not in FIRM or firm
    if situation in ("ignored", "dead"):
        assert firm
        assert with_answer is None or with_answer.to_segment not in FIRM, "an answer is a sign of life"


def test_proposed_once_with_a_task_and_without_effect(store: Store) -> None:
    """A private person, as everybody: the account stays what it was until a person decides."""
    with store.write() as s:
        account = books.an_account(s, debtor_type=DebtorType.PRIVATE_PERSON)
        books.promises(s, account, broken=2)
    first, second = books.propose(store, account), books.propose(store, account)
    assert first is not None
    assert second is not None
    assert first.id == second.id
    assert books.segment_of(store, account) is Segment.REMINDER
    tomorrow = books.propose(store, account, at=NOON + timedelta(days=1))
    assert tomorrow is not None
    assert tomorrow.id == first.id, "a day more is no new evidence"
    with store.read() as s:
        (task,) = s.scalars(select(Task))
        assert (task.kind, task.facts, task.done_at) == (TaskKind.CONFIRM_SEGMENT, {}, None)
        assert list(s.scalars(select(AuditEntry.code).where(AuditEntry.code.startswith("segment.")))) == [
            "segment.proposed"
        ]


def test_another_evidence_supersedes(store: Store) -> None:
    with store.write() as s:
        account = books.an_account(s)
        books.promises(s, account, broken=2)
    first = books.propose(store, account)
    with store.write() as s:
        books.promises(s, account, broken=1)
    second = books.propose(store, account)
    assert first is not None
    assert second is not None
    assert first.id != second.id
    with store.read() as s:
        rows = list(s.scalars(select(SegmentProposal).order_by(SegmentProposal.id)))
        assert [row.status for row in rows] == [SegmentStatus.SUPERSEDED, SegmentStatus.PROPOSED]
        open_tasks = list(s.scalars(select(Task.key).where(Task.done_at.is_(None))))
        assert open_tasks == [f"segment:{second.ref}"]


def test_evidence_that_is_gone_takes_its_proposal_along(store: Store) -> None:
    with store.write() as s:
        account = books.an_account(s)
        books.reminded(s, account, 2, 4, 6, 8, 10)
    assert books.propose(store, account) is not None
    with store.write() as s:
        books.answered(s, account, AnswerKind.FORGOT)
    assert books.propose(store, account) is None
    with store.read() as s:
        assert s.scalars(select(SegmentProposal)).one().status is SegmentStatus.SUPERSEDED
        assert s.scalars(select(Task.id).where(Task.done_at.is_(None))).all() == []


def test_refused_stays_away_for_a_while_unless_more_happens(store: Store) -> None:
    """Policy segments.quiet_days: the same evidence does not come again within 30 days."""
    with store.write() as s:
        account = books.an_account(s)
        books.promises(s, account, broken=2)
        actor = make.staff_actor(make.a_person(s))
    proposal = books.propose(store, account)
    assert proposal is not None
    store.run(lambda s: moving.refuse(s, actor, proposal.ref, reason="their bank was closed", now=NOON))
    assert books.propose(store, account, at=NOON + timedelta(days=29)) is None
    again = books.propose(store, account, at=NOON + timedelta(days=31))
    assert again is not None
    store.run(lambda s: moving.refuse(s, actor, again.ref, reason="still", now=NOON + timedelta(days=31)))
    with store.write() as s:
        books.promises(s, account, broken=1)
    assert books.propose(store, account, at=NOON + timedelta(days=32)) is not None


def test_difficulty_has_no_name_where_many_read(store: Store) -> None:
    """domain.md, hardship: neither the task, nor the audit says what it is about."""
    with store.write() as s:
        account = books.an_account(s)
        books.answered(s, account, AnswerKind.HARDSHIP)
    assert books.propose(store, account) is not None
    with store.read() as s:
        assert s.scalars(select(Task.facts)).one() == {}
        payload = s.scalars(select(AuditEntry.payload).where(AuditEntry.code == "segment.proposed")).one()
        assert "hardship" not in payload


def test_daily_work_asks_only_about_accounts_that_changed(store: Store) -> None:
    """The daily line: who may be concerned is found in bulk; all others are not locked."""
    with store.write() as s:
        quiet, broken, silent, told, moved = (books.an_account(s) for _ in range(5))
        books.promises(s, broken, broken=2)
        books.reminded(s, silent, 2, 4, 6, 8, 10)
        books.answered(s, told, AnswerKind.HARDSHIP)
        moved.segment = Segment.OPEN_PROBLEM
    with store.read() as s:
        found = set(proposing.concerned(s, books.TODAY))
    assert found == {broken.id, silent.id, told.id, moved.id}
    assert quiet.id not in found


def test_mail_that_came_back_once_is_no_dead_address(store: Store) -> None:
    """Untraceable needs a clear word, or as many returns as policy contact.soft_bounces says."""
    with store.write() as s:
        account = books.an_account(s)
        books.dead(s, account, ReachEventKind.SOFT)
    assert books.propose(store, account) is None
    with store.write() as s:
        for _ in range(default_policy().soft_bounces):
            books.dead(s, account, ReachEventKind.SOFT)
    proposal = books.propose(store, account)
    assert proposal is not None
    assert proposal.to_segment is Segment.UNTRACEABLE
    assert proposal.evidence[0] == {"code": "dead_addresses", "count": 1}
