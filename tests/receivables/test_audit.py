"""Recording acts, and finding the first row that was touched afterwards (M-20, FT-29)."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.audit import GENESIS, AuditDetail, AuditEntry, chained_hash
from models.store import Store
from receivables import audit
from receivables.permissions import SYSTEM, Actor, ActorKind
from tests import factories as make
from tests.conftest import NOON
from tests.races import together


def without_guards(session: Session) -> None:
    """Do what somebody with the owner's rights could do first: take the triggers away."""
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("DROP TRIGGER audit_entry_no_update"))
        session.execute(text("DROP TRIGGER audit_entry_no_delete"))
    else:
        session.execute(text("ALTER TABLE audit_entry DISABLE TRIGGER USER"))


@pytest.fixture
def chained(store: Store) -> Store:
    """Ten acts of one collector, each with a reason and a personal value."""
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        actor = make.staff_actor(make.a_person(s))
        for number in range(10):
            audit.record(
                s, actor, "account.language_chosen", account, account_id=account.id,
                now=NOON + timedelta(minutes=number), facts={"n": number},
                personal={"email": f"dana{number}@acme.example"}, reason=f"asked {number} times",
            )  # fmt: skip
    return store


def first_broken(store: Store) -> int | None:
    with store.read() as s:
        return audit.verify(s)


def test_an_untouched_chain_holds(chained: Store) -> None:
    assert first_broken(chained) is None


def test_an_empty_chain_holds(store: Store) -> None:
    assert first_broken(store) is None
    with store.read() as s:
        assert audit.head(s) is None


def test_what_is_recorded(store: Store) -> None:
    """house.md, Audit: code, actor, subject, facts, reason, request id."""
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        actor = Actor(ActorKind.STAFF, id=7, request_id="req-1")
        audit.record(
            s, actor, "account.language_chosen", account, account_id=account.id, now=NOON,
            facts={"from": "en", "to": "he"},
        )  # fmt: skip
    with store.read() as s:
        row = s.scalars(select(AuditEntry)).one()
    assert (row.code, row.actor_kind, row.actor_id) == ("account.language_chosen", "staff", 7)
    assert (row.subject_kind, row.subject_id, row.account_id) == ("account", account.id, account.id)
    assert row.occurred_at == NOON
    payload = json.loads(row.payload)
    assert payload["facts"] == {"from": "en", "to": "he"}
    assert payload["request"] == "req-1"
    assert payload["actor"] == ["staff", 7]


def test_a_code_that_nobody_words_is_refused(sqlite_store: Store) -> None:
    with sqlite_store.write() as s, pytest.raises(ValueError, match="not in CODES"):
        audit.record(s, SYSTEM, "account.painted", None, account_id=None, now=NOON)


TAMPERED: dict[str, tuple[str, int]] = {
    "payload": ("UPDATE audit_entry SET payload = replace(payload, '\"n\":3', '\"n\":4') WHERE id = 4", 4),
    "hash": (
        "UPDATE audit_entry SET hash = CASE substr(hash, 1, 1) WHEN 'f' THEN '0' ELSE 'f' END"
        " || substr(hash, 2) WHERE id = 4",
        4,
    ),
    "form": ("UPDATE audit_entry SET form = 2 WHERE id = 4", 4),
    "code": ("UPDATE audit_entry SET code = 'link.issued' WHERE id = 4", 4),
    "actor": ("UPDATE audit_entry SET actor_id = 99 WHERE id = 4", 4),
    "kind of actor": ("UPDATE audit_entry SET actor_kind = 'system' WHERE id = 4", 4),
    "account": ("UPDATE audit_entry SET account_id = NULL WHERE id = 4", 4),
    "subject": ("UPDATE audit_entry SET subject_id = 99 WHERE id = 4", 4),
    "kind of subject": ("UPDATE audit_entry SET subject_kind = 'invoice' WHERE id = 4", 4),
    "moment": ("UPDATE audit_entry SET occurred_at = '2026-01-01 10:00:00.000000' WHERE id = 4", 4),
    "removed": ("DELETE FROM audit_entry WHERE id = 4", 5),
    "renumbered": ("UPDATE audit_entry SET id = 100 WHERE id = 4", 5),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_each_change_of_a_row_is_found(chained: Store, what: str) -> None:
    """M-20, FT-29: the verifier names the first bad row, whichever column was touched."""
    statement, named = TAMPERED[what]
    with chained.write() as s:
        without_guards(s)
        s.execute(text("DELETE FROM audit_detail WHERE audit_entry_id = 4"))
        s.connection().exec_driver_sql(statement)
    assert first_broken(chained) == named


def test_two_rows_that_changed_places_are_found(chained: Store) -> None:
    """M-20: reordering."""
    with chained.write() as s:
        without_guards(s)
        s.execute(text("DELETE FROM audit_detail"))
        for step in (
            "UPDATE audit_entry SET id = 1000 WHERE id = 4",
            "UPDATE audit_entry SET id = 4 WHERE id = 5",
            "UPDATE audit_entry SET id = 5 WHERE id = 1000",
        ):
            s.execute(text(step))
    assert first_broken(chained) == 4


def test_a_chain_written_anew_from_the_middle_is_found(chained: Store) -> None:
    """A row whose hash was made to fit breaks the next one; only the whole rest could be rewritten."""
    with chained.write() as s:
        without_guards(s)
        row = s.get_one(AuditEntry, 4)
        payload = row.payload.replace('"n":3', '"n":4')
        s.execute(
            text("UPDATE audit_entry SET payload = :p, hash = :h WHERE id = 4"),
            {"p": payload, "h": chained_hash(row.prev_hash, payload)},
        )
    assert first_broken(chained) == 5


def test_a_forged_row_behind_a_gap_is_found(chained: Store) -> None:
    """M-20: rows count without gaps, so one whose hash fits still needs the next number."""
    with chained.write() as s:
        last = s.get_one(AuditEntry, 10)
        payload = last.payload.replace('"id":10', '"id":12')
        row = {c.key: getattr(last, c.key) for c in AuditEntry.__mapper__.column_attrs}
        row |= {
            "id": 12,
            "payload": payload,
            "prev_hash": last.hash,
            "hash": chained_hash(last.hash, payload),
        }
        s.add(AuditEntry(**row))
    assert first_broken(chained) == 12


def test_a_first_row_with_a_past_is_found(chained: Store) -> None:
    with chained.write() as s:
        without_guards(s)
        s.execute(text("UPDATE audit_entry SET prev_hash = :p WHERE id = 1"), {"p": "1" + GENESIS[1:]})
    assert first_broken(chained) == 1


DETAILS: dict[str, str] = {
    "value": 'UPDATE audit_detail SET "values" = \'{"email":"eve@acme.example"}\' WHERE audit_entry_id = 4',
    "reason": "UPDATE audit_detail SET reason = 'asked nicely' WHERE audit_entry_id = 4",
    "reason removed": "UPDATE audit_detail SET reason = NULL WHERE audit_entry_id = 4",
    "value removed": "UPDATE audit_detail SET \"values\" = '{}' WHERE audit_entry_id = 4",
    "value added": (
        'UPDATE audit_detail SET "values" = \'{"email":"dana3@acme.example","x":1}\' WHERE audit_entry_id = 4'
    ),
    "not even JSON": "UPDATE audit_detail SET \"values\" = 'gone' WHERE audit_entry_id = 4",
}


@pytest.mark.parametrize("what", DETAILS)
def test_a_changed_personal_value_is_found(chained: Store, what: str) -> None:
    """Decision 16: values may be erased with their row, but not replaced by others."""
    with chained.write() as s:
        s.connection().exec_driver_sql(DETAILS[what])
    assert first_broken(chained) == 4


@pytest.mark.parametrize("everything", [True, False])
def test_erased_details_leave_the_chain_whole(chained: Store, everything: bool) -> None:
    """Decision 16, C-09: erasing what is personal is no tampering."""
    with chained.write() as s:
        for detail in s.scalars(select(AuditDetail)).all():
            if everything or detail.audit_entry_id == 4:
                s.delete(detail)
    assert first_broken(chained) is None


def test_a_chain_cut_off_at_its_end_is_found_by_its_exported_head(chained: Store) -> None:
    """M-20: the walk alone can't see that the last rows are missing; head and count outside can."""
    with chained.read() as s:
        last = s.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()
        assert audit.head(s) == (10, last.hash)
    with chained.write() as s:
        without_guards(s)
        s.execute(text("DELETE FROM audit_detail WHERE audit_entry_id > 7"))
        s.execute(text("DELETE FROM audit_entry WHERE id > 7"))
    assert first_broken(chained) is None
    with chained.read() as s:
        head = audit.head(s)
    assert head is not None
    assert head[0] == 7


def test_the_chain_holds_after_many_writers(store: Store) -> None:
    """M-20: no fork, no gap, on both databases."""
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))

    def act(number: int) -> None:
        def unit(s: Session) -> None:
            audit.record(s, SYSTEM, "link.issued", account, account_id=account.id, now=NOON,
                         facts={"by": number})  # fmt: skip

        for _ in range(5):
            store.run(unit)

    assert together(8, act) == [None] * 8
    assert first_broken(store) is None
    with store.read() as s:
        assert len(s.scalars(select(AuditEntry)).all()) == 40
