"""What a hundred and twenty days with six debtors brought to light (docs/ladder-walkthrough.md)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, DebtorType
from models.invoices import InvoiceKind
from models.ladder import LadderMeeting, LadderStep
from models.messages import Message
from models.staff import Role
from models.work import Task, TaskKind
from receivables import invoices
from receivables.contact import reminders
from receivables.ladder import steps
from receivables.ladder.climbing import Position, next_rung
from receivables.ladder.rungs import preset
from receivables.post.legal_steps import own_form
from tests import factories as make
from tests.conftest import NOON
from tests.receivables.ladder.test_steps import live, run

GENTLE = preset("gentle")
TODAY = NOON.date()


@pytest.mark.parametrize(
    "due_on", [date(2027, 2, day) for day in (8, 9, 10, 11, 12)], ids=["Mon", "Tue", "Wed", "Thu", "Fri"]
)
def test_a_courtesy_note_survives_a_weekend(due_on: date) -> None:
    """Three days before a Tuesday or Wednesday is a day off; the note comes on the Monday, not never."""
    days = [due_on - timedelta(days=ago) for ago in range(6, 0, -1)]
    found = [
        next_rung(GENTLE, Position(), due_on=due_on, pauses=(), contacted=True, country="GB", today=day)
        for day in days
    ]
    met = [(one.rung.code, one.on) for one, day in zip(found, days, strict=True) if one and one.on <= day]
    assert met[0][0] == "courtesy"
    assert met[0][1] in (due_on - timedelta(days=3), date(2027, 2, 8))


def test_the_latest_day_does_not_put_two_rungs_on_one(session: Session) -> None:
    """An offer made after the latest day of the hand-over: the hand-over comes a day later, not at once."""
    due_on = TODAY - timedelta(days=112)
    offered = Position(1, GENTLE.rung("last_offer").seq, TODAY)
    coming = next_rung(GENTLE, offered, due_on=due_on, pauses=(), contacted=True, country="GB", today=TODAY)
    assert coming is not None
    assert (coming.rung.code, coming.on) == ("hand_over", TODAY + timedelta(days=1))


def test_what_comes_late_in_the_day_is_not_swallowed(session: Session) -> None:
    """A document that meets a rung after the day's word was said hears of it on the next day."""
    live(session)
    account = make.an_account(session, make.a_creditor(session))
    make.an_invoice(session, account, due_on=TODAY - timedelta(days=1))
    run(session, account.id)
    late = make.an_invoice(session, account, due_on=TODAY - timedelta(days=9))
    run(session, account.id)
    met = select(LadderMeeting).where(LadderMeeting.invoice_id == late.id)
    assert session.scalars(met).all() == []
    run(session, account.id, now=NOON + timedelta(days=1))
    assert session.scalars(met).one().step_id is not None


def test_what_is_not_due_yet_weighs_nothing(session: Session) -> None:
    """£480.00 due today are asked for by SMS, whatever falls due next month (threshold of the call)."""
    live(session)
    account = make.an_account(session, make.a_creditor(session), phone="+447700900142")
    make.an_invoice(session, account, total=48000, due_on=TODAY)
    make.an_invoice(session, account, total=900000, due_on=TODAY + timedelta(days=30))
    run(session, account.id)
    step = session.scalars(select(LadderStep)).one()
    assert (step.amount_minor, step.outcome, len(step.facts["invoices"])) == (48000, ["message:sms"], 1)
    assert session.scalars(select(Message)).one().not_before.hour == 12, "at midday (domain.md)"


@pytest.mark.parametrize(
    ("kind", "terms", "numbers"),
    [
        ("courtesy", 0, ["soon", "with it"]),
        ("due_today", 0, ["today", "of Sunday"]),
        ("first_reminder", 0, ["of Sunday", "late"]),
        ("due_today", 30, ["late"]),
    ],
)
def test_a_reminder_says_no_day_that_is_not_so(
    session: Session, kind: str, terms: int, numbers: list[str]
) -> None:
    """ "£1,100 falls due on the 5th" of which £620 fall due weeks later; a Sunday counts as its Monday."""
    monday = date(2026, 11, 23)
    account = make.an_account(session, make.a_creditor(session))
    account.agreed_days = terms
    for number, days in (
        ("today", 0),
        ("of Sunday", -1),
        ("late", -30),
        ("soon", 3),
        ("with it", 4),
        ("far", 20),
    ):
        make.an_invoice(session, account, number=number, due_on=monday + timedelta(days=days))
    order = make.an_invoice(session, account, number="order", due_on=monday)
    order.kind = InvoiceKind.PREPAYMENT
    session.flush()
    rows = invoices.open_rows(session, account.id, monday)
    told = [row.number for row in reminders.told_of(kind, rows, monday, account)]
    assert sorted(told) == sorted(numbers)


def test_a_sole_trader_in_england_gets_the_form_that_counts() -> None:
    """tone.md, 5: a formal warning would be refused later, by name; the letter of claim is what law asks."""
    trader = Account(country="GB", debtor_type=DebtorType.SOLE_TRADER)
    assert own_form(trader, "formal_warning") == "claim_letter"
    assert own_form(trader, "official_letter") == "official_letter"
    assert (
        own_form(Account(country="GB", debtor_type=DebtorType.BUSINESS), "formal_warning") == "formal_warning"
    )


def test_a_hand_over_that_is_refused_stays_somebodys_task(session: Session) -> None:
    """The ladder ends there: without a task nobody would look at the case again."""
    live(session)
    account = make.an_account(session, make.a_creditor(session))
    make.an_invoice(session, account, due_on=TODAY - timedelta(days=120))
    run(session, account.id)
    boss = make.staff_actor(make.a_person(session, Role.SUPERVISOR))
    for ahead in range(1, 200):
        now = NOON + timedelta(days=ahead)
        run(session, account.id, now=now)
        step = session.scalar(select(LadderStep).where(LadderStep.rung == "hand_over"))
        if step is not None:
            break
    assert step is not None
    steps.decide(session, boss, step.ref, approve=True, now=now)
    assert step.outcome == ["hand_over:legal_step_missing"]
    task = session.scalars(select(Task).where(Task.kind == TaskKind.HAND_OVER)).one()
    assert task.facts["reasons"] == ["formal_warning:not_posted"]
