"""Pay days: the next run, and the follow-up on the business day after it (issue D, part 2)."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from models.accounts import Account
from models.notes import PayCycle, PayRun
from models.staff import Role
from models.store import Store
from models.work import Task, TaskKind
from receivables import pay_runs
from receivables.errors import NotAllowed, Refused
from tests import factories as make
from tests.conftest import NOON

THURSDAY = date(2026, 11, 19)


@pytest.mark.parametrize(
    ("cycle", "known_on", "days", "run_on", "follow_up_on"),
    [
        # The example of the mock: every second Thursday, last one on the 12th.
        (PayCycle.FORTNIGHT, date(2026, 11, 12), (), date(2026, 11, 26), date(2026, 11, 27)),
        # Today is a run: it has not come before tomorrow.
        (PayCycle.FORTNIGHT, date(2026, 11, 5), (), THURSDAY, date(2026, 11, 20)),
        # A known day that is still to come.
        (PayCycle.FORTNIGHT, date(2026, 12, 10), (), date(2026, 11, 26), date(2026, 11, 27)),
        # A Friday run is looked at on Monday.
        (PayCycle.WEEK, date(2026, 11, 13), (), date(2026, 11, 20), date(2026, 11, 23)),
        (PayCycle.MONTH, None, (10, 25), date(2026, 11, 25), date(2026, 11, 26)),
        (PayCycle.MONTH, None, (5,), date(2026, 12, 5), date(2026, 12, 7)),
        (PayCycle.MONTH, None, (31,), date(2026, 11, 30), date(2026, 12, 1)),
    ],
)  # fmt: skip
def test_next_run_and_the_day_after(
    cycle: PayCycle, known_on: date | None, days: tuple[int, ...], run_on: date, follow_up_on: date
) -> None:
    found = pay_runs.next_run(cycle, known_on=known_on, month_days=days, today=THURSDAY, country="GB")
    assert (found.run_on, found.follow_up_on) == (run_on, follow_up_on)


def test_over_the_turn_of_a_year() -> None:
    found = pay_runs.next_run(
        PayCycle.MONTH, known_on=None, month_days=(1,), today=date(2026, 12, 31), country="IL"
    )
    assert (found.run_on, found.follow_up_on) == (date(2027, 1, 1), date(2027, 1, 3))


@pytest.fixture
def account(store: Store) -> Account:
    with store.write() as s:
        return make.an_account(s, make.a_creditor(s))


def keep(store: Store, account: Account, role: Role = Role.COLLECTOR, **more: object) -> PayRun | None:
    facts: dict[str, object] = {
        "cycle": PayCycle.FORTNIGHT, "known_on": date(2026, 11, 12), "month_days": (), "words": "",
        "references": "",
    }  # fmt: skip
    with store.write() as s:
        actor = make.staff_actor(make.a_person(s, role))
        return pay_runs.keep(
            s,
            actor,
            s.get_one(Account, account.id),
            now=NOON,
            **(facts | more),  # type: ignore[arg-type]
        )


def test_kept_with_words_and_references(store: Store, account: Account) -> None:
    keep(store, account, words="every second Thursday", references="PO number")
    with store.read() as s:
        row = s.get_one(Account, account.id)
        assert (row.pay_days, row.required_references) == ("every second Thursday", "PO number")
        assert pay_runs.run_of(s, account.id).cycle is PayCycle.FORTNIGHT  # type: ignore[union-attr]
    assert keep(store, account, cycle=None) is None
    with store.read() as s:
        assert pay_runs.run_of(s, account.id) is None


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"known_on": None}, "pay_day_missing"),
        ({"known_on": date(2020, 1, 1)}, "pay_day_far"),
        ({"cycle": PayCycle.MONTH, "month_days": ()}, "month_days_wrong"),
        ({"cycle": PayCycle.MONTH, "month_days": (0, 10)}, "month_days_wrong"),
        ({"cycle": PayCycle.MONTH, "month_days": (32,)}, "month_days_wrong"),
        ({"cycle": PayCycle.MONTH, "month_days": (1, 2, 3, 4, 5, 6, 7)}, "month_days_wrong"),
    ],
)
def test_what_is_no_rule_is_refused(
    store: Store, account: Account, more: dict[str, object], code: str
) -> None:
    with pytest.raises(Refused, match=code):
        keep(store, account, **more)


def test_who_may_keep_them(store: Store, account: Account) -> None:
    for role in (Role.AUDITOR, Role.SALESPERSON, Role.ACCOUNTANT):
        with pytest.raises(NotAllowed):
            keep(store, account, role)


def test_follow_up_lands_the_day_after_the_run(store: Store, account: Account) -> None:
    """Friday 27 November, 09:00 there; asked twice it is one task; it is whoever asked for it."""
    with store.write() as s:
        actor = make.staff_actor(make.a_person(s))
        with pytest.raises(Refused, match="pay_run_unknown"):
            pay_runs.follow_up(s, actor, s.get_one(Account, account.id), words="", now=NOON)
    keep(store, account)
    for _ in range(2):
        with store.write() as s:
            pay_runs.follow_up(s, actor, s.get_one(Account, account.id), words="GBP 9,000", now=NOON)
    with store.read() as s:
        [task] = s.scalars(select(Task).where(Task.kind == TaskKind.FOLLOW_UP))
        assert (task.due_at.date(), task.assigned_to_id) == (date(2026, 11, 27), actor.id)
        assert task.facts == {"on": "2026-11-26", "words": "GBP 9,000"}
        assert pay_runs.open_follow_up(s, account.id).id == task.id  # type: ignore[union-attr]
