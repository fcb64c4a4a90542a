"""Several proposals answered alike with one reason: all or none, and never a private person among them."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from models.accounts import Account, DebtorType, Segment
from models.segments import SegmentProposal
from models.staff import Role
from models.states import SegmentStatus
from models.store import Store
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.ladder import what_ifs
from receivables.permissions import Actor
from receivables.policy import default_policy
from receivables.segments import moving
from tests import factories as make
from tests.conftest import NOON
from tests.effort import REPEATS
from tests.races import together
from tests.receivables.segments import books


def actor(store: Store, role: Role = Role.COLLECTOR) -> Actor:
    with store.write() as s:
        return make.staff_actor(make.a_person(s, role))


def proposed(store: Store, **more: object) -> tuple[Account, str]:
    """An account that broke two promises, and the ref of what follows."""
    with store.write() as s:
        account = books.an_account(s, **more)  # type: ignore[arg-type]
        books.promises(s, account, broken=2)
    proposal = books.propose(store, account)
    assert proposal is not None
    return account, proposal.ref


def statuses(store: Store) -> list[tuple[SegmentStatus, str | None]]:
    with store.read() as s:
        rows = s.execute(select(SegmentProposal.status, SegmentProposal.reason).order_by(SegmentProposal.id))
        return [(r.status, r.reason) for r in rows]


@pytest.mark.parametrize("confirmed", [True, False])
def test_all_alike_with_one_reason(store: Store, confirmed: bool) -> None:
    one, two = proposed(store), proposed(store)
    who = actor(store)
    store.run(
        lambda s: moving.decide_many(
            s, who, [two[1], one[1]], confirmed=confirmed, reason="Same group.", now=NOON
        )
    )
    status = SegmentStatus.CONFIRMED if confirmed else SegmentStatus.REFUSED
    assert statuses(store) == [(status, "Same group.")] * 2
    kind = Segment.NO_AGREEMENT if confirmed else Segment.REMINDER
    assert [books.segment_of(store, account) for account in (one[0], two[0])] == [kind, kind]


def test_a_private_person_is_never_among_them(store: Store) -> None:
    """GDPR article 22: a human decides for him alone; nobody else of the list is decided either."""
    one, person = proposed(store), proposed(store, debtor_type=DebtorType.PRIVATE_PERSON)
    who = actor(store)
    with pytest.raises(Refused) as refused:
        store.run(
            lambda s: moving.decide_many(s, who, [one[1], person[1]], confirmed=True, reason="x", now=NOON)
        )
    assert refused.value.code == "person_one_by_one"
    assert {status for status, _ in statuses(store)} == {SegmentStatus.PROPOSED}
    store.run(lambda s: moving.confirm(s, who, person[1], now=NOON))
    assert books.segment_of(store, person[0]) is Segment.NO_AGREEMENT


def test_what_is_refused(store: Store) -> None:
    one = proposed(store)
    who, auditor = actor(store), actor(store, Role.AUDITOR)
    for refs, reason, code in (([], "x", "proposal_none"), ([one[1]], " ", "reason_missing")):
        with pytest.raises(Refused) as refused:
            store.run(
                lambda s, refs=refs, reason=reason: moving.decide_many(
                    s, who, refs, confirmed=True, reason=reason, now=NOON
                )
            )
        assert refused.value.code == code
    with pytest.raises(NotFound):
        store.run(
            lambda s: moving.decide_many(s, who, [one[1], "nothing"], confirmed=True, reason="x", now=NOON)
        )
    with pytest.raises(NotAllowed):
        store.run(lambda s: moving.decide_many(s, auditor, [one[1]], confirmed=True, reason="x", now=NOON))
    assert statuses(store) == [(SegmentStatus.PROPOSED, None)]


def test_two_decide_overlapping_lists_at_once_and_one_wins(store: Store) -> None:
    """M-07: the later one is refused whole; nobody is decided twice, and nothing half."""
    people = actor(store), actor(store)
    for _ in range(REPEATS):
        refs = [proposed(store)[1] for _ in range(3)]
        lists = refs[:2], refs[1:][::-1]

        def act(number: int, lists: tuple[list[str], list[str]] = lists) -> int:
            store.run(
                lambda s: moving.decide_many(
                    s, people[number], lists[number], confirmed=bool(number), reason=f"by {number}", now=NOON
                )
            )
            return number

        ends = together(2, act)
        (late,) = [end for end in ends if isinstance(end, Refused)]
        (first,) = [end for end in ends if isinstance(end, int)]
        assert late.code == "proposals_changed"
        with store.read() as s:
            found = {
                row.ref: row
                for row in s.scalars(select(SegmentProposal).where(SegmentProposal.ref.in_(refs)))
            }
        assert [found[ref].reason for ref in lists[first]] == [f"by {first}"] * 2
        (left,) = set(refs) - set(lists[first])
        assert found[left].status is SegmentStatus.PROPOSED


def test_what_the_ladder_would_do_is_said_before(store: Store) -> None:
    """The same look as every night: texts of the new kind, and nothing is written by asking."""
    account, _ = proposed(store)
    who = actor(store, Role.SUPERVISOR)
    assert default_policy().ladders.by_segment == {}
    with store.read() as s:
        seen = what_ifs.of_segments(s, who, {account.id: Segment.OPEN_PROBLEM}, now=NOON)[account.id]
        same = what_ifs.of_segments(s, who, {account.id: Segment.NO_AGREEMENT}, now=NOON)[account.id]
    assert seen.texts == ["due_today", "first_reminder"]
    assert seen.changes
    assert same.before == same.after
    assert books.segment_of(store, account) is Segment.REMINDER
