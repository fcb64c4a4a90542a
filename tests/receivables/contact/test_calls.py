"""Ringing up: when, how often, and what is written down (C-01, C-02; policy rows 2 and 14)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.accounts import AccountFlag, FlagKind
from models.audit import AuditEntry
from models.messages import CallAttempt, ContactDecision
from models.pauses import PauseReason
from models.staff import Role
from models.store import Store
from models.work import Interaction, TaskKind
from receivables import outbox, pauses
from receivables.contact import calls
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.permissions import SYSTEM
from tests import factories as make
from tests.conftest import NOON
from tests.receivables.contact.gating import POLICY, an_account, contacts_of, publish

LATE = NOON + timedelta(hours=12)


def test_a_call_that_was_made_is_written_down(store: Store) -> None:
    """C-02, "if it is not written, it did not happen": attempt, timeline, audit, and the gate's answer."""
    with store.write() as s:
        account = an_account(s)
        [contact] = contacts_of(s, account)
        actor = make.staff_actor(make.a_person(s))
        task = outbox.ask_person(s, TaskKind.LADDER_CALL, "t", account_id=account.id, facts={}, now=NOON)
        calls.log_call(s, actor, contact, talked=True, outcome="promised", task=task, now=NOON)
    with store.read() as s:
        [call] = s.scalars(select(CallAttempt)).all()
        assert (call.staff_id, call.talked, call.outcome, call.task_id, call.made_at) == (
            actor.id, True, "promised", task.id, NOON,
        )  # fmt: skip
        [line] = s.scalars(select(Interaction).where(Interaction.kind == "call.made")).all()
        assert (line.contact_id, line.facts) == (contact.id, {"talked": True, "outcome": "promised"})
        assert s.scalars(select(AuditEntry.code)).all()[-1] == "call.logged"
        [kept] = s.scalars(select(ContactDecision)).all()
        assert (kept.channel, kept.purpose, kept.allowed, kept.message_id) == ("call", "call", True, None)


def test_a_call_against_the_rules_stays_readable(store: Store) -> None:
    """It happened, so it counts; what stood against it is kept with it."""
    with store.write() as s:
        account = an_account(s)
        [contact] = contacts_of(s, account)
        calls.log_call(s, SYSTEM, contact, talked=False, outcome="no_answer", now=LATE)
    with store.read() as s:
        [kept] = s.scalars(select(ContactDecision)).all()
        assert (kept.allowed, kept.reasons) == (False, ["outside_hours"])


def test_quiet_days_begin_with_a_talk(store: Store) -> None:
    """Policy row 2: the day of the talk is day 1, so the eighth day is free; no answer is no talk."""
    with store.write() as s:
        publish(s, 'calls = "7/7d"\nquiet_after_talk_days = 7')
        account = an_account(s)
        [contact] = contacts_of(s, account)
        calls.log_call(s, SYSTEM, contact, talked=False, outcome="busy", now=NOON)
        said = [calls.may_call(s, account, contact, policy=POLICY, now=NOON).reasons]
        calls.log_call(s, SYSTEM, contact, talked=True, outcome="talked", now=NOON)
        for day in (0, 6, 7):
            now = NOON + timedelta(days=day)
            said.append(calls.may_call(s, account, contact, policy=POLICY, now=now).reasons)
    assert said == [(), ("quiet_after_talk",), ("quiet_after_talk",), ()]


def test_unanswered_calls_count(store: Store) -> None:
    """Policy row 14: two calls in seven days; a call that nobody answers is one of them."""
    with store.write() as s:
        publish(s, 'calls = "2/7d"')
        account = an_account(s, contacts=2)
        first, second = contacts_of(s, account)
        for contact in (first, second):
            calls.log_call(s, SYSTEM, contact, talked=False, outcome="no_answer", now=NOON)
        assert calls.may_call(s, account, first, policy=POLICY, now=NOON).reasons == ("cap:calls",)
        week = NOON + timedelta(days=7)
        assert calls.may_call(s, account, first, policy=POLICY, now=week).allowed


def test_who_asked_to_be_rung_is_rung(store: Store) -> None:
    """The debtor's own act: no pause, cap or hour of ours stands against it, a flag still does."""
    with store.write() as s:
        publish(s, 'calls = "1/7d"')
        account = an_account(s)
        [contact] = contacts_of(s, account)
        calls.log_call(s, SYSTEM, contact, talked=True, outcome="talked", now=NOON)
        pauses.pause(s, SYSTEM, account, PauseReason.PROMISE, key="p", now=NOON)
        assert not calls.may_call(s, account, contact, policy=POLICY, now=LATE).allowed
        assert calls.may_call(s, account, contact, policy=POLICY, now=LATE, asked_for=True).allowed
        task = outbox.ask_person(s, TaskKind.CALL_BACK, "c", account_id=account.id, facts={}, now=NOON)
        calls.log_call(s, SYSTEM, contact, talked=True, outcome="promised", task=task, now=LATE)
        assert s.scalars(select(ContactDecision.allowed).order_by(ContactDecision.id)).all() == [True, True]
        s.add(
            AccountFlag(
                account_id=account.id,
                kind=FlagKind.DECEASED,
                from_on=NOON.date(),
                source="x",
                created_at=NOON,
            )
        )
        decision = calls.may_call(s, account, contact, policy=POLICY, now=NOON, asked_for=True)
        assert decision.reasons == ("flag:deceased",)


def test_nobody_is_rung_without_a_number(sqlite_store: Store) -> None:
    with sqlite_store.write() as s:
        account = an_account(s)
        [contact] = contacts_of(s, account)
        contact.phone, contact.is_active = None, False
        decision = calls.may_call(s, account, contact, policy=POLICY, now=NOON)
    assert decision.reasons == ("no_address", "contact_inactive")


@pytest.mark.parametrize(
    ("talked", "outcome", "code"),
    [
        (True, "sang", "outcome_unknown"),
        (False, "promised", "outcome_unfit"),
        (True, "busy", "outcome_unfit"),
    ],
)
def test_what_cannot_be_is_refused_by_name(
    sqlite_store: Store, talked: bool, outcome: str, code: str
) -> None:
    with sqlite_store.write() as s:
        [contact] = contacts_of(s, an_account(s))
        with pytest.raises(Refused, match=code):
            calls.log_call(s, SYSTEM, contact, talked=talked, outcome=outcome, now=NOON)


def test_who_may_log_calls_and_for_which_task(sqlite_store: Store) -> None:
    """A-01, L-15: an auditor reads; the task of another account is not found."""
    with sqlite_store.write() as s:
        account, other = an_account(s), an_account(s)
        [contact] = contacts_of(s, account)
        auditor = make.staff_actor(make.a_person(s, Role.AUDITOR))
        with pytest.raises(NotAllowed):
            calls.log_call(s, auditor, contact, talked=False, outcome="busy", now=NOON)
        task = outbox.ask_person(s, TaskKind.LADDER_CALL, "t", account_id=other.id, facts={}, now=NOON)
        with pytest.raises(NotFound):
            calls.log_call(s, SYSTEM, contact, talked=False, outcome="busy", task=task, now=NOON)
        assert s.scalars(select(CallAttempt)).all() == []
