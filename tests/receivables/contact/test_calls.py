"""Ringing up: when, how often, and what is written down (C-01, C-02; policy rows 2 and 14)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.accounts import AccountFlag, FlagKind
from models.audit import AuditEntry
from models.links import Channel
from models.messages import CallAttempt, ContactDecision, Message
from models.pauses import PauseReason
from models.staff import Role
from models.store import Store
from models.work import Interaction, TaskKind
from receivables import outbox, pauses, switches
from receivables.contact import after_calls, calls, reach
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.permissions import SYSTEM
from tests import factories as make
from tests.conftest import NOON
from tests.receivables.contact.gating import POLICY, an_account, contacts_of, publish
from tests.receivables.contact.gating import said as said_no

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


def test_staff_ask_before_they_dial(store: Store) -> None:
    """C-01, C-04: a yes is kept, holds for one call and some time; without it a no is refused by name."""
    with store.write() as s:
        publish(s, 'calls = "1/7d"')
        account = an_account(s)
        [contact] = contacts_of(s, account)
        actor = make.staff_actor(make.a_person(s))
        assert calls.ask(s, actor, contact, now=NOON).allowed
        later = NOON + timedelta(minutes=20)
        assert calls.standing_yes(s, contact, now=later) == NOON
        assert calls.standing_yes(s, contact, now=NOON + calls.ANSWER_HOLDS + timedelta(seconds=1)) is None
        calls.log_call(s, actor, contact, talked=False, outcome="busy", now=later)
        assert calls.standing_yes(s, contact, now=later) is None
        assert s.scalars(select(ContactDecision.allowed)).all() == [True]
    with pytest.raises(Refused, match="call_not_allowed") as refused, store.write() as s:
        calls.log_call(s, actor, contact, talked=False, outcome="busy", now=later)
    assert refused.value.facts == {"reasons": ["cap:calls"]}
    with store.read() as s:
        assert len(s.scalars(select(CallAttempt)).all()) == 1


def test_a_no_that_passes_says_when(store: Store) -> None:
    """C-01, "allow or deny(reasons, next_time)": caps, quiet days and pauses end on a day; facts do not."""
    with store.write() as s:
        publish(s, 'calls = "1/7d"\nquiet_after_talk_days = 7')
        account = an_account(s)
        [contact] = contacts_of(s, account)

        def when() -> str | None:
            decision = calls.may_call(s, account, contact, policy=POLICY, now=NOON)
            next_at = calls.next_allowed(s, account, contact, decision, policy=POLICY, now=NOON)
            return next_at.isoformat() if next_at else None

        pauses.pause(s, SYSTEM, account, PauseReason.PROMISE, key="p", to_on=NOON.date() + timedelta(days=3),
                     now=NOON)  # fmt: skip
        said = [when()]
        calls.log_call(s, SYSTEM, contact, talked=True, outcome="talked", now=NOON)
        said.append(when())
        after_calls.wish(s, SYSTEM, contact, calls=False, now=NOON)
        said.append(when())
    assert said == ["2026-11-22T08:00:00+00:00", "2026-11-26T08:00:00+00:00", None]


def test_the_next_try_is_at_another_time_of_day_inside_the_rules(store: Store) -> None:
    """Business days only, one a day, never where the gate would say no."""
    with store.write() as s:
        account = an_account(s)
        [contact] = contacts_of(s, account)

        def tries() -> list[str]:
            found = calls.next_tries(s, account, contact, policy=POLICY, now=NOON)
            return [moment.isoformat()[:16] for moment in found]

        assert tries() == ["2026-11-19T14:00", "2026-11-20T10:00", "2026-11-23T10:00"]
        contact.quiet_from, contact.quiet_to = "09:00", "16:00"
        assert tries() == ["2026-11-19T17:00", "2026-11-20T17:00", "2026-11-23T17:00"]
        pauses.pause(s, SYSTEM, account, PauseReason.PROMISE, key="p", now=NOON)
        assert tries() == []


@pytest.mark.parametrize(
    ("outcome", "owes", "invited"),
    [("no_answer", True, 1), ("voicemail", True, 1), ("wrong_number", True, 0), ("busy", False, 0)],
)
def test_who_was_not_reached_is_invited_once_a_day(
    store: Store, outcome: str, owes: bool, invited: int
) -> None:
    """The message is queued where something is late, to one address; never to a stranger's number."""
    with store.write() as s:
        account = an_account(s)
        [contact] = contacts_of(s, account)
        if owes:
            make.an_invoice(s, account)
        for _ in range(2):
            calls.log_call(s, SYSTEM, contact, talked=False, outcome=outcome, now=NOON)
        kinds = s.scalars(select(Message.kind)).all()
        assert kinds == ["callback_invitation"] * invited
        assert reach.is_dead(s, contact, Channel.SMS) is (outcome == "wrong_number")


@pytest.mark.parametrize("against", ["stopped", "opted out", "paused", "flag"])
def test_nobody_is_invited_where_the_gate_says_no(store: Store, against: str) -> None:
    """C-01: sending stopped, a no to reminders on every channel, a pause, a fact."""
    with store.write() as s:
        account = an_account(s)
        [contact] = contacts_of(s, account)
        make.an_invoice(s, account)
        if against == "stopped":
            switches.stop_sending(s, SYSTEM, reason="x", now=NOON)
        elif against == "opted out":
            for channel in (Channel.EMAIL, Channel.SMS):
                said_no(s, contact, channel, yes=False)
        elif against == "paused":
            pauses.pause(s, SYSTEM, account, PauseReason.SALES_TALK, key="p", now=NOON)
        else:
            s.add(AccountFlag(account_id=account.id, kind=FlagKind.CEASE_REQUEST, from_on=NOON.date(),
                              source="x", created_at=NOON))  # fmt: skip
            s.flush()
        calls.log_call(s, SYSTEM, contact, talked=False, outcome="no_answer", now=NOON)
        assert s.scalars(select(Message.kind)).all() == []


def test_no_more_calls_until_he_wants_them_or_asks_for_one(store: Store) -> None:
    """C-06: his word binds at once; what he asks for himself he still gets."""
    with store.write() as s:
        account = an_account(s)
        [contact] = contacts_of(s, account)
        after_calls.wish(s, SYSTEM, contact, calls=False, instead=Channel.SMS, now=NOON)
        assert calls.may_call(s, account, contact, policy=POLICY, now=NOON).reasons == ("no_calls",)
        assert calls.may_call(s, account, contact, policy=POLICY, now=NOON, asked_for=True).allowed
        assert contact.preferred_channel == "sms"
        after_calls.wish(s, SYSTEM, contact, calls=False, now=NOON + timedelta(days=1))
        assert contact.no_calls_at == NOON
        after_calls.wish(s, SYSTEM, contact, calls=True, now=NOON)
        assert calls.may_call(s, account, contact, policy=POLICY, now=NOON).allowed
        contact.phone = None
        with pytest.raises(NotFound):
            after_calls.wish(s, SYSTEM, contact, calls=True, instead=Channel.SMS, now=NOON)
        lines = s.scalars(select(Interaction.kind).order_by(Interaction.id)).all()
    assert lines == ["call.unwanted", "call.wanted_again"]
