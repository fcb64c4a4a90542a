"""INV-11: what two people decide was decided by two, or is marked as decided alone; and it was done once."""

from __future__ import annotations

import json
from collections.abc import Iterator

from checker.currencies import shown
from checker.ground import Ground
from checker.sources import Row

#: Table, its word, who proposed, who decided; only what was decided.
_DECIDED = (
    ("offer", "offer", "proposed_by_staff_id", "decided_by_id", "decided_by_id IS NOT NULL"),
    ("plan", "plan", "proposed_by_staff_id", "decided_by_id", "decided_by_id IS NOT NULL"),
    ("approval_request", "request", "proposer_id", "approver_id", "approver_id IS NOT NULL"),
    ("rules_draft", "proposal of rules", "author_id", "decided_by_id", "status = 'published'"),
    ("ladder_version", "ladder version", "author_id", "approver_id", "approver_id IS NOT NULL"),
)
#: Acts whose audit says it when one decided alone.
_MARKED = (
    "SELECT subject_kind, subject_id, payload FROM audit_entry"
    " WHERE code IN ('approval.decided', 'ladder.published') ORDER BY id"
)
#: Tables whose decision is audited under their own name.
_AUDITED = frozenset({"offer", "plan", "approval_request", "ladder_version"})
_REQUESTS = """
SELECT id, kind, status, amount_minor, currency, proposer_id, deputy_for_id, approver_id
  FROM approval_request ORDER BY id
"""
_WRITTEN_OFF = """
SELECT e.reference, a.amount_minor, a.currency, a.invoice_id FROM adjustment a
  JOIN ledger_entry e ON e.id = a.entry_id WHERE a.kind = 'write_off' ORDER BY a.id
"""
_REFUNDS = """
SELECT f.id, f.request_id, f.status, f.amount_minor, f.currency,
       (SELECT SUM(p.credit_minor) FROM posting p WHERE p.entry_id = f.entry_id
           AND p.ledger_code = 'refunds_payable' AND p.account_id = f.account_id),
       (SELECT SUM(p.debit_minor) FROM posting p WHERE p.entry_id = f.paid_entry_id
           AND p.ledger_code = 'refunds_payable' AND p.account_id = f.account_id)
  FROM refund f ORDER BY f.id
"""
_SENT = """
SELECT e.reference FROM ledger_entry e
 WHERE e.kind IN ('refund', 'refund_paid') AND e.reverses_id IS NULL
   AND NOT EXISTS (SELECT 1 FROM refund f WHERE f.entry_id = e.id OR f.paid_entry_id = e.id)
 ORDER BY e.id
"""


def decisions(ground: Ground) -> Iterator[str]:
    """Nobody decided his own without the mark; each write-off and refund has its approved request."""
    yield from _people(ground)
    requests = {row[0]: row for row in ground.books.rows(_REQUESTS)}
    ground.rows += len(requests)
    for request in requests.values():
        if request[6] is not None and request[6] == request[5]:
            yield f"request {request[0]} was decided with the limit of staff {request[5]}, who had asked"
    yield from _write_offs(ground, requests)
    yield from _refunds(ground, requests)


def _people(ground: Ground) -> Iterator[str]:
    said = set()
    for kind, row_id, payload in ground.books.rows(_MARKED):
        if json.loads(payload)["facts"].get("is_alone") is True:
            said.add((kind, row_id))
    for table, word, proposer, decider, decided in _DECIDED:
        query = f"SELECT id, {proposer}, {decider}, is_alone FROM {table} WHERE {decided} ORDER BY id"  # noqa: S608
        for row_id, asked, did, alone in ground.books.rows(query):
            same = asked is not None and asked == did
            if same and not alone:
                yield f"{word} {row_id} was decided by staff {did}, who had proposed it"
            if alone and not same:
                yield f"{word} {row_id} is marked as decided alone, and was decided by another"
            if alone and table in _AUDITED and (table, row_id) not in said:
                yield f"{word} {row_id} was decided alone, and the audit does not say so"


def _write_offs(ground: Ground, requests: dict[int, Row]) -> Iterator[str]:
    done: set[int] = set()
    for reference, amount, currency, invoice_id in ground.books.rows(_WRITTEN_OFF):
        pieces = reference.split(":")
        number = int(pieces[2]) if pieces[:2] == ["adjustment", "write_off"] and pieces[2:] else None
        request = requests.get(number) if number is not None else None
        if request is None or request[1] != "write_off" or request[2] != "approved":
            yield f"entry '{reference}' writes invoice {invoice_id} off, which nobody approved"
            continue
        done.add(request[0])
        if (request[3], request[4]) != (amount, currency):
            yield (
                f"request {request[0]} allowed to write off {shown(request[3], request[4])},"
                f" {shown(amount, currency)} was"
            )
    for request in requests.values():
        if request[1] == "write_off" and request[2] == "approved" and request[0] not in done:
            yield f"request {request[0]} was approved, and nothing was written off"


def _refunds(ground: Ground, requests: dict[int, Row]) -> Iterator[str]:
    done: set[int] = set()
    for refund_id, request_id, status, amount, currency, owed, paid in ground.books.rows(_REFUNDS):
        ground.rows += 1
        request = requests.get(request_id)
        if request is None or request[1] != "refund" or request[2] != "approved":
            yield f"refund {refund_id} was approved by nobody"
            continue
        done.add(request_id)
        if (request[3], request[4]) != (amount, currency) or int(owed or 0) != amount:
            yield (
                f"refund {refund_id} is of {shown(amount, currency)}, {shown(request[3], request[4])} was"
                f" allowed and {shown(int(owed or 0), currency)} is owed for it"
            )
        if int(paid or 0) != (amount if status == "paid_out" else 0):
            yield f"refund {refund_id} is {status}, and {shown(int(paid or 0), currency)} of it was paid out"
    for request in requests.values():
        if request[1] == "refund" and request[2] == "approved" and request[0] not in done:
            yield f"request {request[0]} was approved, and no refund was made"
    for (reference,) in ground.books.rows(_SENT):
        yield f"entry '{reference}' sends money back for no refund"
