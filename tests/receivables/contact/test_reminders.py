"""One consolidated reminder: for whom, of which kind, by which channel (domain.md, the ladder)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from models.accounts import Account
from models.messages import Message, Purpose
from models.staff import Role
from models.store import Store
from receivables.contact import reminders
from receivables.errors import NotAllowed, Refused
from receivables.permissions import SYSTEM
from tests import factories as make
from tests.conftest import NOON
from tests.races import together

TODAY = date(2026, 11, 19)
PHONE = "+441134960142"


def owing(s: Session, *, days: int = 20, **more: object) -> Account:
    account = make.an_account(s, make.a_creditor(s), phone=PHONE)
    make.an_invoice(s, account, due_on=TODAY - timedelta(days=days), **more)  # type: ignore[arg-type]
    return account


def test_one_message_for_each_contact_channel_and_currency(store: Store) -> None:
    """domain.md: consolidated, never one per invoice."""
    with store.write() as s:
        account = owing(s)
        for code in ("GBP", "EUR", "EUR"):
            make.an_invoice(s, account, currency=code)
        make.a_contact(s, account, name="Tom", email="tom@tidewater.example")
        queued = reminders.remind(s, SYSTEM, account, now=NOON)
    seen = sorted((m.contact_id, m.channel.value, m.currency) for m in queued)
    first, second = sorted({m.contact_id for m in queued})
    assert seen == [
        (first, "email", "EUR"), (first, "email", "GBP"), (first, "sms", "EUR"), (first, "sms", "GBP"),
        (second, "email", "EUR"), (second, "email", "GBP"),
    ]  # fmt: skip
    assert {m.purpose for m in queued} == {Purpose.REMINDER}


def test_asked_twice_on_a_day_it_is_the_same_message(store: Store) -> None:
    """FT-18: a second run, or a second press of the button, queues nothing new."""
    with store.write() as s:
        account = owing(s)
        first = [m.id for m in reminders.remind(s, SYSTEM, account, now=NOON)]
        assert [m.id for m in reminders.remind(s, SYSTEM, account, now=NOON + timedelta(hours=2))] == first
        next_day = reminders.remind(s, SYSTEM, account, now=NOON + timedelta(days=1))
        assert not {m.id for m in next_day} & set(first)


def test_pressed_by_many_at_once_it_is_the_same_message(store: Store) -> None:
    """FT-18: two schedulers and an impatient collector; one message, nobody sees an error."""
    with store.write() as s:
        account = owing(s)

    def press(_: int) -> list[int]:
        def unit(s: Session) -> list[int]:
            found = reminders.remind(s, SYSTEM, s.get_one(Account, account.id), now=NOON)
            return [m.id for m in found]

        return store.run(unit)

    answers = together(8, press)
    assert len({str(a) for a in answers}) == 1, answers
    with store.read() as s:
        assert s.scalar(select(func.count()).select_from(Message)) == 2


@pytest.mark.parametrize(
    ("days", "kind", "channels"),
    [
        (1, "first_reminder", {"email", "sms"}),
        (0, "due_today", {"email", "sms"}),
        (-3, "courtesy", {"email"}),
    ],
)
def test_the_kind_follows_the_oldest_document(
    sqlite_store: Store, days: int, kind: str, channels: set[str]
) -> None:
    """tone.md: before the date by mail only; and every kind says which one it is."""
    with sqlite_store.write() as s:
        account = owing(s, days=days)
        make.an_invoice(s, account, due_on=TODAY + timedelta(days=30))
        queued = reminders.remind(s, SYSTEM, account, now=NOON)
    assert {m.kind for m in queued} == {kind}
    assert {m.channel.value for m in queued} == channels


def test_nothing_open_or_nobody_there_is_refused_by_name(sqlite_store: Store) -> None:
    with sqlite_store.write() as s:
        empty = make.an_account(s, make.a_creditor(s))
        with pytest.raises(Refused, match="nothing_open"):
            reminders.remind(s, SYSTEM, empty, now=NOON)
        account = owing(s)
        s.execute(text("UPDATE contact SET is_active = false"))
        s.expire_all()
        with pytest.raises(Refused, match="no_contact"):
            reminders.remind(s, SYSTEM, account, now=NOON)


@pytest.mark.parametrize("role", list(Role))
def test_who_may_send_reminders(sqlite_store: Store, role: Role) -> None:
    """A-01."""
    with sqlite_store.write() as s:
        account, actor = owing(s), make.staff_actor(make.a_person(s, role))
        if role in (Role.COLLECTOR, Role.SUPERVISOR):
            assert reminders.remind(s, actor, account, now=NOON)
        else:
            with pytest.raises(NotAllowed):
                reminders.remind(s, actor, account, now=NOON)
