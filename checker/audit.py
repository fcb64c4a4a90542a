"""INV-10: the audit is one unbroken chain, and the books say what they said when they were posted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import date
from typing import Any

from checker.ground import Ground
from checker.sources import Row, moment, side_by_side

GENESIS = "0" * 64
#: The one canonical form that exists: sorted keys, UTF-8, no spaces (M-21).
FORM = 1


def chain(ground: Ground) -> Iterator[str]:
    """Ids without gaps, each row tied to the one before, columns and details as they were hashed (M-20)."""
    books = ground.books
    before, number, anchored, older = GENESIS, 0, ground.anchor in (None, GENESIS), ""
    for row in books.rows(
        "SELECT a.id, a.prev_hash, a.hash, a.form, a.payload, a.occurred_at, a.code, a.actor_kind,"
        ' a.actor_id, a.account_id, a.subject_kind, a.subject_id, d.id, d.salt, d."values", d.reason,'
        " e.id, e.fingerprint FROM audit_entry a"
        " LEFT JOIN audit_detail d ON d.audit_entry_id = a.id"
        " LEFT JOIN ledger_entry e ON a.subject_kind = 'ledger_entry' AND e.id = a.subject_id ORDER BY a.id"
    ):
        ground.rows += 1
        number += 1
        audit_id, prev_hash, digest = row[:3]
        if audit_id != number:
            yield f"audit row {number} is missing, row {audit_id} follows row {number - 1}"
        if prev_hash != before:
            forked = " (a fork: it follows the same row as its neighbour)" if prev_hash == older else ""
            yield f"audit row {audit_id} does not follow row {number - 1}{forked}"
        yield from _row(row)
        older, before, number = before, digest, audit_id
        anchored = anchored or digest == ground.anchor
    if not anchored:
        yield f"the anchor {ground.anchor} is not in the chain, which ends with row {number}"
    for detail_id, audit_id in books.rows(
        "SELECT d.id, d.audit_entry_id FROM audit_detail d"
        " LEFT JOIN audit_entry a ON a.id = d.audit_entry_id WHERE a.id IS NULL ORDER BY d.id"
    ):
        yield f"audit detail {detail_id} speaks of row {audit_id}, which the chain has no more"
    yield from fingerprints(ground)
    ground.notes.append(f"audit head: row {number}, {before}")


def _row(row: Row) -> Iterator[str]:
    audit_id, prev_hash, digest, form, payload, occurred_at, code = row[:7]
    actor_kind, actor_id, account_id, subject_kind, subject_id, detail_id, salt, values, reason = row[7:16]
    entry_id, fingerprint = row[16:]
    if form != FORM:
        yield f"audit row {audit_id} has form {form}, which is not known"
    if digest != _sha256(f"{prev_hash}\n{form}\n{payload}"):
        yield f"audit row {audit_id} is not what was hashed"
    said = json.loads(payload)
    columns = {
        "id": audit_id,
        "at": moment(occurred_at).isoformat(timespec="microseconds"),
        "code": code,
        "actor": [actor_kind, actor_id],
        "account": account_id,
        "subject": [subject_kind, subject_id],
    }
    for name, value in columns.items():
        if said[name] != value:
            yield f"audit row {audit_id} shows {name} {value!r}, hashed was {said[name]!r}"
    if detail_id is not None:
        yield from _detail(audit_id, said["digests"], salt, values, reason)
    if fingerprint is not None and said["facts"].get("fingerprint", fingerprint) != fingerprint:
        yield f"entry {entry_id} has another fingerprint than audit row {audit_id} remembers"
    if subject_kind == "ledger_entry" and entry_id is None:
        yield f"audit row {audit_id} remembers entry {subject_id}, which does not exist"


def _detail(
    audit_id: int, digests: dict[str, str], salt: str, values: str, reason: str | None
) -> Iterator[str]:
    """Values that are still there match their digests; what was erased matches by being gone."""
    told = {name: _sha256(salt + canonical(value)) for name, value in json.loads(values).items()}
    if reason is not None:
        told["reason"] = _sha256(salt + reason)
    for name, digest in sorted(told.items()):
        if digests.get(name) != digest:
            yield f"detail {name!r} of audit row {audit_id} is not what was hashed"


def fingerprints(ground: Ground) -> Iterator[str]:
    """Each entry's postings give the fingerprint that was made of them when they were posted (M-05)."""
    entries = ground.books.rows(
        "SELECT id, kind, currency, effective_on, fingerprint FROM ledger_entry ORDER BY id"
    )
    postings = ground.books.rows(
        "SELECT entry_id, ledger_code, debit_minor, credit_minor, account_id, invoice_id FROM posting"
        " ORDER BY entry_id, position"
    )
    for entry_id, (entry, sides) in side_by_side(entries, postings):
        for _, kind, currency, effective_on, fingerprint in entry:
            day = effective_on.isoformat() if isinstance(effective_on, date) else effective_on
            said = canonical([kind, currency, day, [list(side[1:]) for side in sides]])
            if _sha256(said) != fingerprint:
                yield f"entry {entry_id} or its postings were changed after posting"


def canonical(value: Any) -> str:
    """The one JSON text of a value that JSON can hold."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
