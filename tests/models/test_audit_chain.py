"""The chain of what was done: canonical form, one chain, erasable personal values (M-20, M-21)."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from models import audit
from models.audit import FORM, GENESIS, AuditDetail, AuditEntry, canonical, chained_hash
from models.states import InvoiceStatus
from models.store import Store
from tests.conftest import NOON
from tests.effort import EXAMPLES, REPEATS
from tests.races import together

#: Every character that PostgreSQL's text takes: no half of a surrogate pair, no NUL.
WORDS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=40)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


def act(session: Session, **more: Any) -> None:
    audit.buffer(
        session,
        **{
            "code": "account.language_chosen", "actor_kind": "system", "actor_id": None,
            "account_id": None, "subject_kind": "none", "subject": None, "facts": {}, "personal": {},
            "reason": None, "request_id": "r1", "now": NOON, **more,
        },
    )  # fmt: skip


def entries(store: Store) -> list[AuditEntry]:
    with store.read() as s:
        return list(s.scalars(select(AuditEntry).order_by(AuditEntry.id)))


# --------------------------------------------------------------------------- canonical form


@given(value=VALUES)
@settings(max_examples=EXAMPLES * 2, deadline=None)
def test_the_canonical_form_loses_nothing_and_is_one(value: Any) -> None:
    """M-21: quotes, newlines and every script survive; order of keys and spaces do not matter."""
    form = canonical(value)
    assert json.loads(form) == value
    assert canonical(json.loads(form)) == form
    assert "\n" not in form
    hashlib.sha256(form.encode()).hexdigest()


@given(pairs=st.dictionaries(WORDS, VALUES, max_size=6), data=st.data())
@settings(max_examples=EXAMPLES, deadline=None)
def test_the_order_of_keys_does_not_matter(pairs: dict[str, Any], data: st.DataObject) -> None:
    """M-21: sorted keys."""
    order = data.draw(st.permutations(list(pairs)))
    assert canonical({key: pairs[key] for key in order}) == canonical(pairs)


def test_the_canonical_form_is_written_down() -> None:
    """M-21: version 1, to the letter; changing it needs another FORM."""
    value = {
        "b": [1, True, None, 'quote " and \\ and\nnew line'],
        "a": "א¥😀",
        "at": datetime(2026, 11, 19, 12, 0, tzinfo=timezone(timedelta(hours=2))),
        "on": date(2026, 11, 19),
        "status": InvoiceStatus.OPEN,
    }
    assert canonical(value) == (
        '{"a":"א¥😀","at":"2026-11-19T10:00:00.000000+00:00",'
        '"b":[1,true,null,"quote \\" and \\\\ and\\nnew line"],"on":"2026-11-19","status":"open"}'
    )
    assert FORM == 1
    assert chained_hash("p", "{}") == hashlib.sha256(b"p\n1\n{}").hexdigest()


@pytest.mark.parametrize("value", [1.5, float("nan"), {"x": 0.1}, [1.0], b"bytes", object(), {1, 2}])
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    """M-21: no floats, nothing that could be written in two ways."""
    with pytest.raises(TypeError):
        canonical(value)


def test_a_naive_moment_has_no_canonical_form() -> None:
    with pytest.raises(TypeError):
        canonical(NOON.replace(tzinfo=None))


def test_the_hash_holds_the_version_and_what_came_before() -> None:
    """M-20: another predecessor, another form or another payload is another hash."""
    base = chained_hash(GENESIS, "{}")
    assert (
        len(
            {base, chained_hash("1" * 64, "{}"), chained_hash(GENESIS, "{} "), chained_hash(GENESIS, "{}", 2)}
        )
        == 4
    )


# --------------------------------------------------------------------------- chaining


@given(facts=st.dictionaries(WORDS, VALUES, max_size=3), reason=st.none() | WORDS)
@settings(max_examples=EXAMPLES, deadline=None)
def test_what_is_stored_is_what_was_hashed(
    chain_store: Store, facts: dict[str, Any], reason: str | None
) -> None:
    """M-21, fuzzed: the stored payload hashes to the stored hash, whatever words are in it."""
    with chain_store.write() as s:
        act(s, facts=facts, reason=reason)
    with chain_store.read() as s:
        last = s.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()
        detail = s.scalar(select(AuditDetail).where(AuditDetail.audit_entry_id == last.id))
    assert last.hash == chained_hash(last.prev_hash, last.payload)
    assert json.loads(last.payload)["facts"] == facts
    if reason is None:
        assert detail is None
    else:
        assert detail is not None
        assert detail.reason == reason


def test_the_chain_begins_at_genesis_and_counts_without_gaps(store: Store) -> None:
    """M-20."""
    for number in range(3):
        with store.write() as s:
            act(s, facts={"n": number})
            act(s, facts={"n": number})
    rows = entries(store)
    assert [row.id for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [row.prev_hash for row in rows] == [GENESIS, *[row.hash for row in rows[:-1]]]


def test_a_unit_that_fails_leaves_no_trace(store: Store) -> None:
    """What was not done is not in the chain; the next unit does not inherit it."""

    def unit(s: Session) -> None:
        act(s)
        raise KeyError

    with pytest.raises(KeyError):
        store.run(unit)
    with store.write() as s:
        act(s, code="link.issued")
    assert [row.code for row in entries(store)] == ["link.issued"]


def test_a_unit_without_acts_writes_no_row(store: Store) -> None:
    with store.write() as s:
        assert audit.chain(s) == 0
    assert entries(store) == []


def test_eight_writers_make_one_chain(store: Store) -> None:
    """M-20: 8 at once forked 7 times without a lock (requirements 0.1)."""
    for _ in range(REPEATS):
        done = together(8, lambda number: store.run(lambda s: [act(s, facts={"by": number}) for _ in "ab"]))
        assert not [answer for answer in done if isinstance(answer, Exception)]
    rows = entries(store)
    assert len(rows) == REPEATS * 16
    prev = GENESIS
    for number, row in enumerate(rows, 1):
        assert (row.id, row.prev_hash) == (number, prev)
        prev = row.hash


# --------------------------------------------------------------------------- people


def test_personal_values_are_in_the_chain_only_as_salted_digests(store: Store) -> None:
    """Decision 16: the hashed row names nobody; the values are beside it, under their own salt."""
    with store.write() as s:
        act(s, personal={"email": "dana@acme.example"}, reason="Asked by phone")
        act(s, personal={"email": "dana@acme.example"})
    with store.read() as s:
        one, two = s.scalars(select(AuditEntry).order_by(AuditEntry.id))
        detail = s.scalars(select(AuditDetail).order_by(AuditDetail.id)).first()
    assert detail is not None
    assert "dana" not in one.payload
    assert "phone" not in one.payload
    digests = json.loads(one.payload)["digests"]
    assert digests["email"] == hashlib.sha256(f'{detail.salt}"dana@acme.example"'.encode()).hexdigest()
    assert digests["reason"] == hashlib.sha256(f"{detail.salt}Asked by phone".encode()).hexdigest()
    assert digests["email"] != json.loads(two.payload)["digests"]["email"]
    assert json.loads(detail.values) == {"email": "dana@acme.example"}


def test_details_can_be_erased_and_the_chain_stays(store: Store) -> None:
    """Decision 16: what the law lets a person ask for; the chain itself stays append-only."""
    with store.write() as s:
        act(s, personal={"email": "dana@acme.example"})
    before = entries(store)[0].hash
    with store.write() as s:
        s.execute(delete(AuditDetail))
    with store.read() as s:
        assert s.scalar(select(func.count()).select_from(AuditDetail)) == 0
    assert entries(store)[0].hash == before


def test_moments_are_kept_to_the_microsecond_in_utc(store: Store) -> None:
    """M-21: the same on both databases."""
    at = datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=UTC)
    with store.write() as s:
        act(s, now=at)
    assert entries(store)[0].occurred_at == at
    assert json.loads(entries(store)[0].payload)["at"] == "2026-03-29T01:30:00.123456+00:00"


def test_a_fork_is_impossible(store: Store) -> None:
    """UNIQUE(prev_hash): a second successor of one row is refused by the database."""
    with store.write() as s:
        act(s)
    statement = text(
        "INSERT INTO audit_entry (id, occurred_at, code, actor_kind, subject_kind, payload, form, prev_hash,"
        " hash) SELECT 99, occurred_at, code, actor_kind, subject_kind, payload, form, prev_hash, :h"
        " FROM audit_entry"
    )
    with pytest.raises(Exception, match="prev_hash"), store.write() as s:
        s.execute(statement, {"h": "f" * 64})
