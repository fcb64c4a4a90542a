"""People decide: confirmed, refused, moved; visible, audited, never by a rule (part 12)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.accounts import Account, Segment
from models.audit import AuditEntry
from models.segments import SegmentProposal
from models.staff import Role
from models.states import SegmentStatus
from models.store import Store
from models.work import Interaction, Task
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.permissions import SYSTEM, Actor
from receivables.segments import moving, reads
from tests import factories as make
from tests.conftest import NOON
from tests.effort import REPEATS
from tests.races import together
from tests.receivables.segments import books


@pytest.fixture
def account(store: Store) -> Account:
    with store.write() as s:
        account = books.an_account(s)
        books.promises(s, account, broken=2)
        return account


def actor(store: Store, role: Role = Role.COLLECTOR) -> Actor:
    with store.write() as s:
        return make.staff_actor(make.a_person(s, role))


def proposed(store: Store, account: Account) -> SegmentProposal:
    proposal = books.propose(store, account)
    assert proposal is not None
    return proposal


def test_confirmed_takes_effect_and_is_told(store: Store, account: Account) -> None:
    proposal, who = proposed(store, account), actor(store)
    store.run(lambda s: moving.confirm(s, who, proposal.ref, now=NOON))
    assert books.segment_of(store, account) is Segment.NO_AGREEMENT
    with store.read() as s:
        row = s.get_one(SegmentProposal, proposal.id)
        assert (row.status, row.decided_by_id) == (SegmentStatus.CONFIRMED, who.id)
        assert "segment.moved" in s.scalars(select(AuditEntry.code)).all()
        assert "segment.moved" in s.scalars(select(Interaction.kind)).all()
        assert s.scalars(select(Task.done_at)).one() is not None
        card = reads.card(s, who, account.id)
    assert card is not None
    assert card.segment is Segment.NO_AGREEMENT
    assert card.waiting is None
    assert [r.to_segment for r in card.history] == [Segment.NO_AGREEMENT]
    with pytest.raises(Refused, match="decided_already"):
        store.run(lambda s: moving.confirm(s, who, proposal.ref, now=NOON))


def test_no_rule_and_no_job_decides(store: Store, account: Account) -> None:
    """GDPR article 22: the system holds every permission, and still cannot confirm or move."""
    proposal = proposed(store, account)
    with pytest.raises(NotAllowed):
        store.run(lambda s: moving.confirm(s, SYSTEM, proposal.ref, now=NOON))
    with pytest.raises(NotAllowed):
        store.run(lambda s: moving.move(s, SYSTEM, account, Segment.OWN_TERMS, reason="x", now=NOON))
    assert books.segment_of(store, account) is Segment.REMINDER


def test_moved_by_a_person_with_a_reason(store: Store, account: Account) -> None:
    """His word goes before the rules': what waited is superseded, and the rules keep quiet."""
    proposal, who = proposed(store, account), actor(store)
    moved = store.run(
        lambda s: moving.move(s, who, account, Segment.OPEN_PROBLEM, reason="A crate is missing.", now=NOON)
    )
    assert (moved.status, moved.evidence, moved.reason) == (
        SegmentStatus.CONFIRMED,
        [],
        "A crate is missing.",
    )
    assert books.segment_of(store, account) is Segment.OPEN_PROBLEM
    with store.read() as s:
        assert s.get_one(SegmentProposal, proposal.id).status is SegmentStatus.SUPERSEDED
    assert books.propose(store, account) is None


@pytest.mark.parametrize(
    ("to", "reason", "code"),
    [
        (Segment.REMINDER, "why not", "same_segment"),
        (Segment.OWN_TERMS, " \u202e ", "reason_missing"),
        (Segment.OWN_TERMS, "x" * 501, "words_too_long"),
    ],
)
def test_bad_moves(store: Store, account: Account, to: Segment, reason: str, code: str) -> None:
    who = actor(store)
    with pytest.raises(Refused, match=code):
        store.run(lambda s: moving.move(s, who, account, to, reason=reason, now=NOON))
    assert books.segment_of(store, account) is Segment.REMINDER


def test_refusing_needs_a_reason(store: Store, account: Account) -> None:
    proposal, who = proposed(store, account), actor(store)
    with pytest.raises(Refused, match="reason_missing"):
        store.run(lambda s: moving.refuse(s, who, proposal.ref, reason="", now=NOON))
    store.run(lambda s: moving.refuse(s, who, proposal.ref, reason="They called.", now=NOON))
    assert books.segment_of(store, account) is Segment.REMINDER


def test_difficulty_is_for_those_who_may_read_it(store: Store, account: Account) -> None:
    """domain.md, hardship: a collector neither sees nor moves it; to him it is with a supervisor."""
    collector, supervisor = actor(store), actor(store, Role.SUPERVISOR)
    with pytest.raises(NotFound):
        store.run(lambda s: moving.move(s, collector, account, Segment.HARDSHIP, reason="x", now=NOON))
    store.run(lambda s: moving.move(s, supervisor, account, Segment.HARDSHIP, reason="x", now=NOON))
    with store.read() as s:
        seen, knows = reads.card(s, collector, account.id), reads.card(s, supervisor, account.id)
        assert reads.proposals(s, collector, decided=True) == []
        assert len(reads.proposals(s, supervisor, decided=True)) == 1
        facts = s.scalars(select(Interaction.facts).where(Interaction.kind == "segment.moved")).one()
    assert seen is not None
    assert (seen.segment, seen.history) == (None, [])
    assert knows is not None
    assert knows.segment is Segment.HARDSHIP
    assert facts == {}


def test_others_may_not(store: Store, account: Account) -> None:
    proposal = proposed(store, account)
    for role in (Role.ACCOUNTANT, Role.SALESPERSON, Role.AUDITOR, Role.ADMIN):
        who = actor(store, role)
        with pytest.raises(NotAllowed):
            store.run(lambda s, who=who: moving.confirm(s, who, proposal.ref, now=NOON))
    collector = actor(store)
    with pytest.raises(NotFound):
        store.run(lambda s: moving.confirm(s, collector, "nothing", now=NOON))


def test_two_people_decide_at_once(store: Store, account: Account) -> None:
    """M-07: one of them is first, the other is told so."""
    one, two = actor(store), actor(store)
    for _ in range(REPEATS):
        with store.write() as s:
            s.get_one(Account, account.id).segment = Segment.REMINDER
            books.promises(s, account, broken=1)
        proposal = proposed(store, account)

        def act(number: int, ref: str = proposal.ref) -> str:
            if number:
                store.run(lambda s: moving.refuse(s, two, ref, reason="no", now=NOON))
                return "kept"
            store.run(lambda s: moving.confirm(s, one, ref, now=NOON))
            return "moved"

        ends = together(2, act)
        (late,) = [end for end in ends if isinstance(end, Refused)]
        assert late.code == "decided_already"
        assert (books.segment_of(store, account) is Segment.NO_AGREEMENT) is ("moved" in ends)
        store.run(lambda s: moving.move(s, one, account, Segment.OWN_TERMS, reason="next", now=NOON))
        # The rules keep quiet after a person; the next round comes when that is over.
        _forget(store)


def _forget(store: Store) -> None:
    with store.write() as s:
        for row in s.scalars(select(SegmentProposal)):
            row.decided_at = NOON - timedelta(days=100)
