"""What waits for another day by itself: the ceiling, the salesperson's notice, the bank's lines."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.creditors import Creditor
from models.ladder import LadderPosition, LadderStep
from models.messages import Message
from models.post import PostLetter
from models.staff import Role
from models.states import StepStatus
from models.work import Alert, Task, TaskKind
from receivables import bank_lines
from receivables.errors import Refused
from receivables.ladder import steps
from receivables.ladder.choosing import ladders_in_force
from tests import factories as make
from tests.conftest import NOON
from tests.receivables.ladder.test_steps import POLICY, an_account, live, run

DAY = timedelta(days=1)


def statuses(s: Session) -> list[tuple[str, StepStatus, str | None]]:
    rows = s.execute(select(LadderStep.rung, LadderStep.status, LadderStep.held_back).order_by(LadderStep.id))
    return [tuple(row) for row in rows]


def test_what_the_ceiling_held_back_goes_the_next_day(session: Session) -> None:
    """Part 2: held back, nothing is lost and nobody has to decide; the next day it is done, once."""
    live(session)
    account = an_account(session, 1)
    ladders = ladders_in_force(session, NOON)
    steps.climb(session, [account.id], ladders=ladders, policy=POLICY, now=NOON, room=0)
    assert statuses(session) == [("first_reminder", StepStatus.PROPOSED, "ceiling")]
    run(session, account.id)  # the same day: not even with room, since its turn was this day's
    assert statuses(session) == [("first_reminder", StepStatus.PROPOSED, "ceiling")]
    run(session, account.id, now=NOON + DAY)
    assert statuses(session) == [("first_reminder", StepStatus.DONE, None)]
    assert len(session.scalars(select(Message)).all()) == 1


def test_a_later_reminder_stands_in_place_of_one_that_nobody_approved(session: Session) -> None:
    """Part 3: one consolidated message; a batch of last week's proposals is not sent beside today's."""
    account = an_account(session, 1)
    run(session, account.id)
    run(session, account.id, now=NOON + 4 * DAY)
    assert [(rung, status) for rung, status, _ in statuses(session)] == [
        ("first_reminder", StepStatus.WITHDRAWN), ("call", StepStatus.PROPOSED),
    ]  # fmt: skip


def climbed_to(session: Session, account: Account, rung: str) -> LadderStep:
    """Let an account climb, day by day, until a rung is proposed."""
    for days in range(120):
        run(session, account.id, now=NOON + days * DAY)
        found = session.scalar(select(LadderStep).where(LadderStep.rung == rung))
        if found is not None:
            return found
    raise AssertionError(rung)


def test_sales_hears_a_business_day_before(session: Session) -> None:
    """domain.md: before the warning, the freeze and the hand-over; said when it is proposed, once."""
    live(session)
    account = an_account(session, 1)
    account.salesperson_id = make.a_person(session, Role.SALESPERSON).id
    step = climbed_to(session, account, "freeze_review")
    told = session.scalars(select(Task).where(Task.key.startswith("sales_notice:"))).all()
    assert [(task.kind, task.assigned_to_id) for task in told] == [(TaskKind.SALES, account.salesperson_id)]
    actor = make.staff_actor(make.a_person(session, Role.COLLECTOR))
    with pytest.raises(Refused, match="sales_notice"):
        steps.decide(session, actor, step.ref, approve=True, now=step.made_at)
    steps.decide(session, actor, step.ref, approve=True, now=step.made_at + 4 * DAY)
    assert step.status is StepStatus.DONE


def test_nothing_firmer_than_the_first_reminder_while_bank_lines_are_behind(session: Session) -> None:
    """domain.md, "Where a bank feed is set up …": it waits, says why, and goes on once they are in."""
    live(session)
    account = an_account(session, 1)
    clerk = make.staff_actor(make.a_person(session, Role.ACCOUNTANT))
    code = session.scalars(select(Creditor.code)).one()
    bank_lines.record_lines(session, clerk, code, NOON.date() - 30 * DAY, now=NOON)
    run(session, account.id)
    assert statuses(session) == [("first_reminder", StepStatus.DONE, None)]
    later = NOON + 5 * DAY
    run(session, account.id, now=later)
    assert len(statuses(session)) == 1
    session.expire_all()
    position = session.scalars(select(LadderPosition)).one()
    assert (position.waits_for, position.next_on) == ("bank_lines", None)
    bank_lines.record_lines(session, clerk, code, later.date(), now=later)
    session.expire_all()
    assert session.scalars(select(LadderPosition)).one().next_on == later.date()
    run(session, account.id, now=later)
    assert [rung for rung, _, _ in statuses(session)] == ["first_reminder", "call"]


def test_a_firm_step_is_not_approved_while_bank_lines_are_behind(session: Session) -> None:
    """What was proposed before waits too, and is not withdrawn."""
    account = an_account(session, 1)
    step = climbed_to(session, account, "call")
    clerk = make.staff_actor(make.a_person(session, Role.ACCOUNTANT))
    code = session.scalars(select(Creditor.code)).one()
    bank_lines.record_lines(session, clerk, code, NOON.date() - 30 * DAY, now=step.made_at)
    run(session, account.id, now=step.made_at + DAY)
    actor = make.staff_actor(make.a_person(session, Role.COLLECTOR))
    with pytest.raises(Refused, match="bank_lines_behind"):
        steps.decide(session, actor, step.ref, approve=True, now=step.made_at + DAY)
    assert step.status is StepStatus.PROPOSED


def test_a_letter_without_an_address_goes_by_mail(session: Session) -> None:
    """Part 7: nothing is silently not sent; the step says that the post could not have it."""
    live(session)
    account = an_account(session, 1)
    assert account.postal_address is None
    step = climbed_to(session, account, "official_letter")
    assert step.outcome[:2] == ["letter:no_address", "message:email"]
    assert session.scalars(select(Message.kind).where(Message.kind == "official_letter")).all()
    assert session.scalars(select(PostLetter)).all() == []


def test_who_has_nobody_to_write_to_is_told_of(session: Session) -> None:
    """Bad input: an account without any contact is reported by name, once."""
    live(session)
    account = an_account(session, 1)
    for contact in session.scalars(select(Contact).where(Contact.account_id == account.id)):
        contact.is_active = False
    step = climbed_to(session, account, "first_reminder")
    assert "no_contact" in step.outcome
    climbed_to(session, account, "official_letter")
    alerts = session.scalars(select(Alert).where(Alert.code == "nobody_to_tell")).all()
    assert [alert.account_id for alert in alerts] == [account.id]
