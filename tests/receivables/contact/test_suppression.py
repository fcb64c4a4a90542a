"""The suppression matrix: each flag and pause against each act, and each channel at the gate (C-05)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, AccountFlag, Contact, FlagKind
from models.links import Channel
from models.messages import Purpose
from models.pauses import PauseReason
from models.store import Store
from receivables import pauses
from receivables.contact import calls, suppression
from receivables.contact import rules as contact_rules
from receivables.contact.suppression import Act, Word
from receivables.permissions import SYSTEM
from receivables.policy import default_policy
from tests import factories as make
from tests.conftest import NOON

POLICY = default_policy()
#: requirements.md 5, "Default suppression matrix", once more by hand. Columns: reminder, call, escalate,
#: charges, autopay. x blocked (hold and stop are), t a person first, v allowed (per contract is).
REQUIRED = {
    "dispute": "x t x x v",
    "promise": "x x x v v",
    "plan": "x x x x v",
    "debit_processing": "x x x x x",
    "bankruptcy": "x x x x x",
    "breathing_space": "x x x x x",
    "mental_health_crisis": "x x x x x",
    "vulnerability": "t t x t t",
    "attorney": "x x t v t",
    "cease_request": "x x t v v",
    "opted_out": "x v v v v",
    "deceased": "x x x x x",
    "minor": "x x x x x",
    "wrong_party": "x x x x x",
    "chargeback": "x t x x x",
    "legal_hold": "v v v v v",
}
COLUMNS = (Act.REMINDER, Act.CALL, Act.ESCALATE, Act.CHARGES, Act.AUTOPAY)
SIGNS = {"x": Word.BLOCKED, "t": Word.TASK, "v": Word.ALLOWED}


def cells() -> Iterator[tuple[str, Act, Word]]:
    for cause, row in REQUIRED.items():
        for act, sign in zip(COLUMNS, row.split(), strict=True):
            yield cause, act, SIGNS[sign]


@pytest.mark.parametrize(("cause", "act", "word"), list(cells()))
def test_the_matrix_says_what_the_requirements_say(cause: str, act: Act, word: Word) -> None:
    """C-05: each cell of the table, asked as the ladder asks it."""
    flags = {kind for kind in FlagKind if kind.value == cause}
    reasons = {reason for reason in PauseReason if reason.value == cause}
    standing = suppression.of(flags, reasons, opted_out=cause == suppression.OPTED_OUT)
    assert standing.words[act] is word
    assert standing.allows(act) is (word is Word.ALLOWED)
    assert bool(standing.why[act]) is (word is not Word.ALLOWED)


def test_the_matrix_knows_every_flag_and_pause() -> None:
    """C-05: a fact that is added needs its line; nothing is guessed."""
    known = {kind.value for kind in FlagKind} | {reason.value for reason in PauseReason}
    assert set(suppression.TABLE) == known | {suppression.OPTED_OUT}
    assert set(REQUIRED) <= set(suppression.TABLE)
    assert {kind.value for kind in FlagKind} <= set(REQUIRED)


@pytest.mark.parametrize("reason", list(PauseReason))
def test_no_pause_lets_the_ladder_go_on(reason: PauseReason) -> None:
    """domain.md, "Pauses": whatever we wait for, nothing is chased and nothing is escalated meanwhile."""
    standing = suppression.of((), {reason})
    assert standing.words[Act.REMINDER] is Word.BLOCKED
    assert standing.words[Act.ESCALATE] is Word.BLOCKED


def test_the_strictest_word_wins_and_every_cause_is_named() -> None:
    """C-05: an attorney alone is a task before escalation; a promise beside it blocks it."""
    both = suppression.of([FlagKind.ATTORNEY], [PauseReason.PROMISE])
    assert suppression.of([FlagKind.ATTORNEY]).words[Act.ESCALATE] is Word.TASK
    assert both.words[Act.ESCALATE] is Word.BLOCKED
    assert both.why[Act.ESCALATE] == ("flag:attorney", "paused:promise")
    assert both.words[Act.CHARGES] is Word.ALLOWED


def test_nothing_stands_where_nothing_stands() -> None:
    standing = suppression.of((), ())
    assert all(standing.allows(act) for act in Act)


# --------------------------------------------------------------------------- the same at the gate


def stands(s: Session, account: Account, cause: str) -> None:
    """Let one cause hold today."""
    if cause in set(FlagKind):
        s.add(
            AccountFlag(
                account_id=account.id, kind=FlagKind(cause), from_on=NOON.date(), source="letter",
                created_at=NOON,
            )
        )  # fmt: skip
    else:
        pauses.pause(s, SYSTEM, account, PauseReason(cause), key=f"test:{account.id}:{cause}", now=NOON)
    s.flush()


CAUSES = [cause for cause in suppression.TABLE if cause != suppression.OPTED_OUT]


@pytest.mark.parametrize(
    ("cause", "channel"), list(itertools.product(CAUSES, [Channel.EMAIL, Channel.SMS, None]))
)
def test_the_gate_follows_the_matrix(shared_store: Store, cause: str, channel: Channel | None) -> None:
    """C-05: flag or pause x channel (None is a call); a message never goes by itself where a person looks
    first, a person who rings up is told. Of a dispute the rest is asked for: its part has left the sum."""
    with shared_store.write() as s:
        account = make.an_account(s, make.a_creditor(s), phone="+441134960143")
        contact = s.scalars(select(Contact).where(Contact.account_id == account.id)).one()
        stands(s, account, cause)
        if channel is None:
            decision = calls.may_call(s, account, contact, policy=POLICY, now=NOON)
        else:
            decision = contact_rules.may_contact(
                s, account, contact, channel=channel, purpose=Purpose.REMINDER, currency="GBP",
                policy=POLICY, now=NOON,
            )  # fmt: skip
    code = f"flag:{cause}" if cause in set(FlagKind) else f"paused:{spoken(cause)}"
    word = suppression.word(cause, Act.CALL if channel is None else Act.REMINDER)
    if channel is not None:
        word = Word.ALLOWED if cause == "dispute" or word is Word.ALLOWED else Word.BLOCKED
    assert decision.reasons == ((code,) if word is Word.BLOCKED else ())
    assert decision.cautions == ((code,) if word is Word.TASK else ())


def spoken(cause: str) -> str:
    return pauses.spoken(PauseReason(cause)).value


def test_a_pause_binds_reminders_and_leaves_the_arrangement_its_notices(store: Store) -> None:
    """Matrix, "active plan, on time": only notices of the instalment that is due."""
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        contact = s.scalars(select(Contact).where(Contact.account_id == account.id)).one()
        stands(s, account, "plan")
        answers = {
            purpose: contact_rules.may_contact(
                s, account, contact, channel=Channel.EMAIL, purpose=purpose, currency="GBP", policy=POLICY,
                now=NOON,
            ).reasons
            for purpose in Purpose
        }  # fmt: skip
    assert answers.pop(Purpose.REMINDER) == ("paused:plan",)
    assert set(answers.values()) == {()}


def test_a_cause_that_ended_stands_no_more(store: Store) -> None:
    """C-05: `to_on` is the first free day."""
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        contact = s.scalars(select(Contact).where(Contact.account_id == account.id)).one()
        pauses.pause(
            s, SYSTEM, account, PauseReason.PROMISE, key="p", now=NOON, to_on=NOON.date() + timedelta(days=2)
        )
        said = [
            contact_rules.may_contact(
                s, account, contact, channel=Channel.EMAIL, purpose=Purpose.REMINDER, currency="GBP",
                policy=POLICY, now=NOON + timedelta(days=day),
            ).reasons
            for day in (0, 1, 2)
        ]  # fmt: skip
    assert said == [("paused:promise",), ("paused:promise",), ()]
