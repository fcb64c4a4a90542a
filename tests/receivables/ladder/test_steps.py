"""Accounts climb: each rung once, the strongest of a day once, gates wait (decision 013, FT-18)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.accounts import Account, AccountFlag, FlagKind
from models.ladder import LadderMeeting, LadderMode, LadderPosition, LadderStep, Met
from models.messages import Message
from models.pauses import PauseReason
from models.staff import Role
from models.states import StepStatus
from models.store import Store
from models.work import Task, TaskKind
from receivables import pauses, switches
from receivables.errors import NotAllowed, Refused
from receivables.ladder import reads, steps
from receivables.ladder.choosing import ladders_in_force
from receivables.permissions import SYSTEM
from receivables.policy import default_policy
from tests import factories as make
from tests.conftest import NOON
from tests.races import together

POLICY = default_policy()


def an_account(s: Session, *ages: int, now: datetime = NOON, **more: object) -> Account:
    """An account with an invoice of 100.00 for each age, days past due."""
    account = make.an_account(s, make.a_creditor(s), **more)  # type: ignore[arg-type]
    for age in ages:
        make.an_invoice(s, account, due_on=now.date() - timedelta(days=age))
    return account


def live(s: Session) -> None:
    boss = make.staff_actor(make.a_person(s, Role.SUPERVISOR))
    switches.set_mode(s, boss, LadderMode.LIVE, daily_ceiling=None, reason="Trial is over", now=NOON)


def run(s: Session, *account_ids: int, now: datetime = NOON) -> steps.Climbed:
    return steps.climb(s, account_ids, ladders=ladders_in_force(s, now), policy=POLICY, now=now)


def rungs(s: Session, account_id: int) -> Sequence[str]:
    return s.scalars(
        select(LadderStep.rung).where(LadderStep.account_id == account_id).order_by(LadderStep.id)
    ).all()


def test_it_begins_by_proposing(session: Session) -> None:
    """Go-live without regret: nothing is queued before somebody said so."""
    account = an_account(session, 1)
    climbed = run(session, account.id)
    assert (climbed.proposed, climbed.done) == (1, 0)
    step = session.scalars(select(LadderStep)).one()
    assert (step.rung, step.status) == ("first_reminder", StepStatus.PROPOSED)
    assert session.scalar(select(func.count()).select_from(Message)) == 0


def test_a_rung_acts_once_however_often_it_is_run(session: Session) -> None:
    """FT-18, INV-8: the second run of a day finds the work done."""
    live(session)
    account = an_account(session, 1)
    assert run(session, account.id).done == 1
    again = run(session, account.id)
    assert (again.done, again.proposed, again.met) == (0, 0, 0)
    assert len(session.scalars(select(Message)).all()) == 1
    position = session.scalars(select(LadderPosition)).one()
    assert (position.seq, position.met_on, position.next_rung) == (3, NOON.date(), "call")
    assert position.next_on is not None
    assert position.next_on > NOON.date()


def test_an_old_debt_joins_at_the_first_reminder(session: Session) -> None:
    """The catch-up rule: never beyond the first reminder without a contact before it."""
    live(session)
    account = an_account(session, 80)
    run(session, account.id)
    assert rungs(session, account.id) == ["first_reminder"]


def test_the_strongest_rung_speaks_for_all(session: Session) -> None:
    """One consolidated message per account, currency and day; the others count as told with it."""
    live(session)
    account = an_account(session, 1, 1, -3)
    run(session, account.id)
    assert rungs(session, account.id) == ["first_reminder"]
    how = session.scalars(select(LadderMeeting.how).order_by(LadderMeeting.invoice_id)).all()
    assert how == [Met.ACTED, Met.ACTED, Met.JOINED]
    assert session.scalars(select(LadderStep)).one().amount_minor == 30000


def test_the_ladder_goes_on_a_rung_at_a_time(session: Session) -> None:
    """After missed days only the next rung follows; on the day it was meant for where nothing is late."""
    live(session)
    account = an_account(session, 1)
    seen = []
    for day in range(8):
        run(session, account.id, now=NOON + timedelta(days=day))
        seen.append(list(rungs(session, account.id)))
    assert seen[0] == ["first_reminder"]
    assert seen[-1][:3] == ["first_reminder", "call", "official_letter"]
    task = session.scalars(select(Task).where(Task.kind == TaskKind.LADDER_CALL)).one()
    assert task.due_at.hour == 10


def test_a_pause_holds_and_its_end_is_the_same_rung(session: Session) -> None:
    """C-05: nothing while it holds, and never a rung skipped when it ends."""
    live(session)
    account = an_account(session, 1)
    run(session, account.id)
    pauses.pause(
        session, SYSTEM, account, PauseReason.PROMISE, key="promise:1", now=NOON,
        to_on=NOON.date() + timedelta(days=30),
    )  # fmt: skip
    for day in range(1, 30):
        assert run(session, account.id, now=NOON + timedelta(days=day)).met == 0
    for day in range(30, 36):
        run(session, account.id, now=NOON + timedelta(days=day))
    assert rungs(session, account.id)[1] == "call"
    assert "official_letter" not in rungs(session, account.id)


@pytest.mark.parametrize("kind", [FlagKind.BANKRUPTCY, FlagKind.DECEASED, FlagKind.WRONG_PARTY])
def test_a_flag_stops_everything(session: Session, kind: FlagKind) -> None:
    """Suppression matrix: nothing is proposed either, and the reason is there to read."""
    account = an_account(session, 20)
    session.add(
        AccountFlag(
            account_id=account.id, kind=kind, from_on=date(2026, 1, 1), source="test", created_at=NOON
        )
    )
    assert run(session, account.id).met == 0
    person = make.staff_actor(make.a_person(session))
    assert reads.places(session, person, account, now=NOON)[0].waits_for == f"flag:{kind.value}"


def test_a_gate_waits_for_the_right_person(session: Session) -> None:
    """Formal warning: a supervisor, by name; a collector is refused even by a forged request."""
    live(session)
    account = an_account(session, 1)
    for day in range(45):
        run(session, account.id, now=NOON + timedelta(days=day))
    late = NOON + timedelta(days=45)
    freeze, warning = (
        session.scalars(select(LadderStep).where(LadderStep.rung == rung)).one()
        for rung in ("freeze_review", "formal_warning")
    )
    assert {freeze.status, warning.status} == {StepStatus.PROPOSED}
    collector = make.staff_actor(make.a_person(session))
    boss = make.staff_actor(make.a_person(session, Role.SUPERVISOR))
    with pytest.raises(NotAllowed):
        steps.decide(session, collector, warning.ref, approve=True, now=late)
    assert steps.decide(session, collector, freeze.ref, approve=True, now=late).status is StepStatus.DONE
    with pytest.raises(Refused, match="reason_missing"):
        steps.decide(session, boss, warning.ref, approve=False, now=late)
    steps.decide(session, boss, warning.ref, approve=False, reason="He rang; pays on Friday", now=late)
    assert warning.status is StepStatus.REFUSED
    with pytest.raises(Refused, match="step_decided"):
        steps.decide(session, boss, warning.ref, approve=True, now=late)


def test_what_was_paid_meanwhile_is_withdrawn(session: Session) -> None:
    """A proposal that nothing is asked for any more goes by itself at the next look."""
    account = an_account(session, 1)
    run(session, account.id)
    pauses.pause(session, SYSTEM, account, PauseReason.SAYS_PAID, key="claim:1", now=NOON)
    assert run(session, account.id).withdrawn == 1
    assert session.scalars(select(LadderStep)).one().status is StepStatus.WITHDRAWN


def test_two_workers_are_one(store: Store) -> None:
    """FT-18: five workers start together; each rung is met once and each message queued once."""
    with store.write() as session:
        live(session)
        ids = [an_account(session, 1, 2).id for _ in range(6)]
    results = together(5, lambda _: store.run(lambda s: run(s, *ids)).done)
    assert not [r for r in results if isinstance(r, Exception)]
    with store.read() as session:
        assert session.scalar(select(func.count()).select_from(LadderStep)) == 6
        assert session.scalar(select(func.count()).select_from(Message)) == 6
        assert session.scalar(select(func.count()).select_from(LadderMeeting)) == 12


def test_an_attorney_means_no_word_to_the_debtor(session: Session) -> None:
    """Suppression matrix: messages and calls are left out by name, the rung is met all the same."""
    live(session)
    account = an_account(session, 1)
    session.add(
        AccountFlag(
            account_id=account.id, kind=FlagKind.ATTORNEY, from_on=date(2026, 1, 1), source="test",
            created_at=NOON,
        )
    )  # fmt: skip
    run(session, account.id)
    step = session.scalars(select(LadderStep)).one()
    assert step.outcome == ["message:flag:attorney"]
    assert session.scalar(select(func.count()).select_from(Message)) == 0


def test_with_a_vulnerable_person_somebody_looks_first(session: Session) -> None:
    """Suppression matrix: `t` is a task, and nothing goes by itself."""
    live(session)
    account = an_account(session, 1)
    session.add(
        AccountFlag(
            account_id=account.id, kind=FlagKind.VULNERABILITY, from_on=date(2026, 1, 1), source="test",
            created_at=NOON,
        )
    )  # fmt: skip
    run(session, account.id)
    assert session.scalars(select(LadderStep)).one().outcome == ["message:person_first"]
    assert session.scalars(select(Task)).one().facts["look_first"] == "message"
    assert session.scalar(select(func.count()).select_from(Message)) == 0
