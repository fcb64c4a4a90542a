"""What the gate answered is kept with what it looked at, and can be given again (C-04)."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, AccountFlag, Contact, FlagKind
from models.links import Channel
from models.messages import ContactDecision, Purpose
from models.pauses import PauseReason
from models.store import Store
from receivables import pauses
from receivables.contact import decisions
from receivables.contact.rules import Decision
from receivables.errors import Refused
from receivables.permissions import SYSTEM
from tests.conftest import NOON
from tests.receivables.contact.gating import an_account, asked, contacts_of, left, publish, said


def kept(s: Session, account: Account, **more: object) -> tuple[Decision, ContactDecision]:
    """Ask the gate and write its answer down."""
    decision = asked(s, account, **more)  # type: ignore[arg-type]
    contact = contacts_of(s, account)[0]
    row = decisions.keep(s, account, contact, decision, now=NOON)
    s.flush()
    return decision, row


def test_the_same_inputs_give_the_same_answer_for_ever(store: Store) -> None:
    """C-04: whatever became of the account and of the rules since."""
    with store.write() as s:
        publish(s, 'window = "09:00-18:00"\nemail = "1/7d"', now=NOON - timedelta(days=1))
        account = an_account(s)
        [contact] = contacts_of(s, account)
        answers = [kept(s, account)]
        left(s, account, contact)
        answers.append(kept(s, account, currency="EUR"))
        answers.append(kept(s, account, now=NOON.replace(hour=18, minute=30)))
        answers.append(kept(s, account, channel=Channel.SMS, now=NOON.replace(hour=18, minute=30)))
        pauses.pause(s, SYSTEM, account, PauseReason.PROMISE, key="p", now=NOON)
        said(s, contact, Channel.EMAIL, yes=False)
        s.add(
            AccountFlag(
                account_id=account.id,
                kind=FlagKind.ATTORNEY,
                from_on=NOON.date(),
                source="x",
                created_at=NOON,
            )
        )
        answers += [kept(s, account, purpose=purpose) for purpose in Purpose]
        wanted = {row.id: decision for decision, row in answers}
        publish(s, 'window = "12:00-13:00"', now=NOON)
        account.zone, account.country, contact.is_active = "Asia/Tokyo", "JP", False
    with store.read() as s:
        found = {row.id: decisions.again(s, row) for row in s.scalars(select(ContactDecision))}
        assert found == {number: by_reasons(decision) for number, decision in wanted.items()}
    assert [d.reasons for d in list(wanted.values())[:4]] == [
        (), ("cap:email",), ("already_today", "cap:email", "outside_hours"), ("outside_hours",),
    ]  # fmt: skip


def by_reasons(decision: Decision) -> Decision:
    """A decision as it comes back: the answer is the same, its version stands in the row."""
    return Decision(decision.reasons, decision.next_at, decision.business_on, decision.cautions)


def test_what_is_kept_says_which_rules_and_no_address(store: Store) -> None:
    """C-04: version and rows; no address, no name, no words."""
    with store.write() as s:
        account = an_account(s)
        contact = contacts_of(s, account)[0]
        _, shipped = kept(s, account)
        publish(s, 'email = "1/7d"', 'sms = "1/7d"', now=NOON)
        _, row = kept(s, account)
        assert shipped.policy_version_id is None
        assert row.policy_version_id is not None
        assert row.inputs["rows"] == ["1", "2"]
        assert row.inputs["counts"] == {"email:1/7d": 0}
        assert row.inputs["rules"] != shipped.inputs["rules"]
        told = json.dumps([row.inputs, shipped.inputs])
        for personal in (contact.email, contact.phone, contact.name, account.name, account.number):
            assert personal is not None
            assert personal not in told


def test_shipped_rules_that_are_gone_are_not_guessed(sqlite_store: Store) -> None:
    """A later release ships other rules: the answer is refused by name, not made from them."""
    with sqlite_store.write() as s:
        account = an_account(s)
        _, row = kept(s, account)
        old = ContactDecision(
            account_id=row.account_id, contact_id=row.contact_id, channel="email", purpose="reminder",
            allowed=True, reasons=[], inputs={**row.inputs, "rules": "0" * 64}, policy_version_id=None,
            decided_at=NOON,
        )  # fmt: skip
        with pytest.raises(Refused, match="rules_changed"):
            decisions.again(s, old)


def test_only_the_gates_own_answers_are_kept(sqlite_store: Store) -> None:
    with sqlite_store.write() as s:
        account = an_account(s)
        contact: Contact = contacts_of(s, account)[0]
        with pytest.raises(ValueError, match="gate"):
            decisions.keep(s, account, contact, Decision((), None, NOON.date()), now=NOON)
