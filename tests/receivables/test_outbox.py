"""Queued once, in the transaction of the fact that causes it (P-25)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.audit import AuditEntry
from models.links import Channel
from models.messages import Message, Purpose
from models.states import MessageStatus
from models.store import Store
from models.work import Alert, Interaction, Job, Task, TaskKind
from receivables import outbox
from receivables.permissions import SYSTEM
from tests import factories as make
from tests.conftest import NOON
from tests.races import together


def message(s: Session, key: str = "receipt:1", **more: Any) -> Message:
    contact = s.scalars(select(Contact)).one()
    return outbox.enqueue(
        s, SYSTEM, account=s.get_one(Account, contact.account_id), contact=contact, dedupe_key=key,
        **{
            "channel": Channel.EMAIL, "purpose": Purpose.RECEIPT, "kind": "payment_confirmation",
            "facts": {"payment_id": 1}, "now": NOON, **more,
        },
    )  # fmt: skip


#: Everything that may be queued, asked or raised once -> its table.
ONCE: dict[str, tuple[type[Any], Callable[[Session], Any]]] = {
    "message": (Message, message),
    "job": (Job, lambda s: outbox.queue_job(s, kind="expire_session", key="k", payload={"a": 1}, now=NOON)),
    "task": (Task, lambda s: outbox.ask_person(s, TaskKind.CALL_BACK, "k", account_id=1, facts={}, now=NOON)),
    "alert": (Alert, lambda s: outbox.raise_alert(s, "amount_differs", "attempt:1", now=NOON)),
}


@pytest.fixture
def owned(store: Store) -> Store:
    with store.write() as s:
        make.an_account(s, make.a_creditor(s))
    return store


@pytest.mark.parametrize("what", ONCE)
def test_the_same_fact_is_told_once(owned: Store, what: str) -> None:
    """P-25, M-05: a second call, in another unit of work, finds the first row."""
    kind, act = ONCE[what]
    first, again = owned.run(act), owned.run(act)
    assert again.id == first.id
    with owned.read() as s:
        assert s.scalar(select(func.count()).select_from(kind)) == 1


@pytest.mark.parametrize("what", ONCE)
def test_many_at_once_tell_it_once(owned: Store, what: str) -> None:
    """P-25, FT-18: all get the same row as answer, and nobody an error."""
    kind, act = ONCE[what]
    answers = together(8, lambda _: owned.run(act).id)
    assert len(set(answers)) == 1, answers
    with owned.read() as s:
        assert s.scalar(select(func.count()).select_from(kind)) == 1
        assert s.scalar(select(func.count()).select_from(AuditEntry)) == (
            1 if what in ("message", "alert") else 0
        )


def test_what_was_not_done_is_not_told(owned: Store) -> None:
    """P-25: rolled back with its fact."""

    def unit(s: Session) -> None:
        for _, act in ONCE.values():
            act(s)
        raise KeyError

    with pytest.raises(KeyError):
        owned.run(unit)
    with owned.read() as s:
        for kind, _ in ONCE.values():
            assert s.scalar(select(func.count()).select_from(kind)) == 0


def test_a_queued_message(owned: Store) -> None:
    """Decision 19: no text yet, a Message-ID of the creditor's own domain that it keeps."""
    with owned.write() as s:
        queued = message(s)
        other = message(s, "receipt:2", not_before=NOON + timedelta(hours=1))
    assert (queued.status, queued.body, queued.attempts) == (MessageStatus.QUEUED, None, 0)
    assert queued.wire_id.startswith("<")
    assert queued.wire_id.endswith("@northgate.example>")
    assert queued.wire_id != other.wire_id
    assert (queued.not_before, other.not_before) == (NOON, NOON + timedelta(hours=1))


@pytest.mark.parametrize(
    ("account", "chosen", "contact", "expected"),
    [("en", False, None, "en"), ("en", False, "he", "he"), ("hu", True, "he", "hu")],
)
def test_the_language_of_a_message(
    sqlite_store: Store, account: str, chosen: bool, contact: str | None, expected: str
) -> None:
    """Decision 2: the debtor's own choice, else the contact's, else the account's."""
    with sqlite_store.write() as s:
        row = make.an_account(s, make.a_creditor(s), language=account)
        row.language_chosen_at = NOON if chosen else None
        s.scalars(select(Contact)).one().language = contact
        s.flush()
        assert message(s).language == expected


def test_the_timeline_grows(owned: Store) -> None:
    with owned.write() as s:
        outbox.note(s, 1, "portal.opened", now=NOON)
        outbox.note(s, 1, "payment.failed", now=NOON, facts={"amount_minor": 5})
    with owned.read() as s:
        assert s.scalars(select(Interaction.kind).order_by(Interaction.id)).all() == [
            "portal.opened", "payment.failed",
        ]  # fmt: skip


def several(s: Session, *keys: str) -> list[Message]:
    contact = s.scalars(select(Contact)).one()
    account = s.get_one(Account, contact.account_id)
    outgoing = [
        outbox.Outgoing(
            account, contact, Channel.EMAIL, Purpose.REMINDER, "due_today", {"n": key}, key, "GBP"
        )
        for key in keys
    ]
    return outbox.enqueue_many(s, SYSTEM, outgoing, now=NOON)


def test_many_are_queued_as_one_is(owned: Store) -> None:
    """P-25: in the order asked for, each once, each with its act; what was queued before is returned."""
    known = owned.run(lambda s: several(s, "b"))[0]
    found = owned.run(lambda s: several(s, "a", "b", "c", "a"))
    assert [m.dedupe_key for m in found] == ["a", "b", "c", "a"]
    assert found[0] is found[3]
    assert (found[1].id, found[1].wire_id) == (known.id, known.wire_id)
    assert {m.status for m in found} == {MessageStatus.QUEUED}
    assert len({m.wire_id for m in found}) == 3
    with owned.read() as s:
        acts = s.execute(
            select(AuditEntry.subject_id).where(AuditEntry.code == "message.queued").order_by(AuditEntry.id)
        ).scalars()
        assert list(acts) == [found[1].id, found[0].id, found[2].id]


def test_two_workers_queue_overlapping_lots(owned: Store) -> None:
    """M-05: whoever comes second to one of them queues the others all the same."""
    lots = [("a", "b", "c"), ("c", "d", "a")]
    found = together(2, lambda n: [m.id for m in owned.run(lambda s: several(s, *lots[n]))])
    assert found[0][0] == found[1][2]
    assert found[0][2] == found[1][0]
    with owned.read() as s:
        assert s.scalar(select(func.count()).select_from(Message)) == 4
        acts = select(func.count()).where(AuditEntry.code == "message.queued")
        assert s.scalar(acts) == 4
