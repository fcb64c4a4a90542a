"""INV-5 and INV-6: what the gateway did stands in the books once, and nothing else does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from checker import payouts
from checker.currencies import is_nearest, is_same, shown
from checker.ground import Ground
from checker.sources import Row, Source, side_by_side

_EFFECTS = """
SELECT x.provider_object_id, x.id, x.kind, x.entry_id, x.attempt_id, e.id, e.currency,
       (SELECT CAST(SUM(s.debit_minor - s.credit_minor) AS BIGINT) FROM posting s
         WHERE s.entry_id = x.entry_id AND s.ledger_code = 'gateway_fees')
  FROM provider_effect x LEFT JOIN ledger_entry e ON e.id = x.entry_id
"""
_PAYMENTS = """
SELECT p.provider_charge_id, p.id, p.account_id, p.amount_minor, p.currency, p.entry_id, p.attempt_id,
       a.ref, a.account_id, a.status, e.reference, e.currency,
       (SELECT CAST(SUM(s.debit_minor - s.credit_minor) AS BIGINT) FROM posting s
         WHERE s.entry_id = p.entry_id AND s.ledger_code = 'gateway_clearing')
  FROM payment p LEFT JOIN payment_attempt a ON a.id = p.attempt_id
  LEFT JOIN ledger_entry e ON e.id = p.entry_id
 WHERE p.provider_charge_id IS NOT NULL
"""
_CARD_WITHOUT_CHARGE = """
SELECT id, method FROM payment
 WHERE provider_charge_id IS NULL AND method IN ('card', 'bank_debit') ORDER BY id
"""
_ENTRY_WITHOUT_PAYMENT = """
SELECT e.id, e.reference FROM ledger_entry e LEFT JOIN payment p ON p.entry_id = e.id
  LEFT JOIN payment_reversal v ON v.entry_id = e.id
 WHERE p.id IS NULL AND v.id IS NULL AND e.reverses_id IS NULL
   AND EXISTS (SELECT 1 FROM posting d WHERE d.entry_id = e.id
                  AND d.ledger_code = 'gateway_clearing' AND d.debit_minor > 0)
   AND EXISTS (SELECT 1 FROM posting c WHERE c.entry_id = e.id
                  AND c.ledger_code IN ('receivables', 'unapplied_credit') AND c.credit_minor > 0)
 ORDER BY e.id
"""
_ATTEMPT_WITHOUT_PAYMENT = """
SELECT a.id, a.ref FROM payment_attempt a LEFT JOIN payment p ON p.attempt_id = a.id
 WHERE a.status = 'succeeded' AND p.id IS NULL ORDER BY a.id
"""
#: Kinds of objects in the log, sorted by id so that they can be laid beside the books.
_CHARGES = "SELECT id, data FROM object WHERE kind = 'charge' ORDER BY id"
_TRANSACTIONS = "SELECT id, data FROM object WHERE kind = 'balance_transaction' ORDER BY id"


def effects(ground: Ground) -> Iterator[str]:
    """Each gateway object has one effect of a kind, on an entry that exists and that is its own (P-11)."""
    found = ground.books.rows(_EFFECTS, by="x.provider_object_id")
    payments = ground.books.rows(_PAYMENTS, by="p.provider_charge_id")
    transactions = _objects(ground.stripe, _TRANSACTIONS)
    for key, (rows, paid, logged) in side_by_side(found, payments, transactions):
        ground.rows += len(rows)
        kinds: dict[str, Row] = {}
        for row in rows:
            _, effect_id, kind, entry_id, _, entry, _, _ = row
            if kind in kinds:
                yield f"{key} has two effects {kind!r}: {kinds[kind][1]} and {effect_id}"
            if entry is None:
                yield f"effect {effect_id} of {key} points to entry {entry_id}, which does not exist"
            kinds[kind] = row
        yield from _payment_effect(key, kinds.get("payment"), paid)
        if ground.stripe is not None:
            yield from _fee_effect(ground.stripe, key, kinds.get("fee"), logged)
    if ground.stripe is not None:
        yield from payouts.effects(ground)


def _payment_effect(charge_id: str, effect: Row | None, paid: list[Row]) -> Iterator[str]:
    for _, payment_id, _, _, _, entry_id, attempt_id, *_ in paid:
        if effect is None:
            yield f"payment {payment_id} by {charge_id} has no effect 'payment'"
        elif (effect[3], effect[4]) != (entry_id, attempt_id):
            yield (
                f"effect {effect[1]} of {charge_id} is entry {effect[3]} of attempt {effect[4]},"
                f" its payment {payment_id} is entry {entry_id} of attempt {attempt_id}"
            )
    if len(paid) > 1:
        yield f"{charge_id} is payment {paid[0][1]} and payment {paid[1][1]}"
    if effect is not None and not paid:
        yield f"effect {effect[1]} 'payment' of {charge_id} has no payment"


def _fee_effect(log: Source, transaction_id: str, effect: Row | None, logged: list[Row]) -> Iterator[str]:
    transaction = logged[0][1] if logged else None
    if transaction is None or not transaction["fee"]:
        if effect is not None:
            yield f"effect {effect[1]} 'fee' of {transaction_id}: the gateway took no such fee"
        return
    wire = f"{transaction['fee']} ({transaction['currency']}, units of the gateway)"
    if effect is None:
        # What else costs a fee is summed up in INV-4; a debit costs nothing in the books before its
        # money is there, and of one that failed INV-4 speaks.
        if transaction["type"] in ("charge", "payment") and _is_taken(log, transaction["source"]):
            yield (
                f"{transaction_id} took a fee of {wire} for {transaction['source']},"
                " which is not in the books"
            )
    elif effect[6] != transaction["currency"].upper() or not is_nearest(
        effect[7] or 0, transaction["fee"], effect[6]
    ):
        yield (
            f"entry {effect[3]} has a fee of {shown(effect[7] or 0, effect[6] or '?')},"
            f" {transaction_id} took {wire}"
        )


def _is_taken(log: Source, charge_id: str) -> bool:
    """Whether a charge is neither on its way nor failed."""
    charge = log.one("SELECT data FROM object WHERE id = ?", charge_id)
    return charge is None or json.loads(charge[0])["status"] == "succeeded"


def charges(ground: Ground) -> Iterator[str]:
    """Every succeeded charge is one payment of the same amount, currency, attempt and account; and back."""
    assert ground.stripe is not None
    payments = ground.books.rows(_PAYMENTS, by="p.provider_charge_id")
    logs = _objects(ground.stripe, _CHARGES)
    for key, (paid, logged) in side_by_side(payments, logs):
        charge = logged[0][1] if logged else None
        taken = charge is not None and charge["status"] == "succeeded"
        ground.rows += bool(paid or taken)
        if taken and not paid:
            assert charge is not None
            yield f"charge {key} took {charge['amount']} {charge['currency']} and has no payment"
        for row in paid:
            if charge is None:
                yield f"payment {row[1]} names charge {key}, which the gateway does not have"
            elif not taken:
                yield f"payment {row[1]} names charge {key}, which is {charge['status']}"
            else:
                yield from _pair(row, charge, _attempt_ref(ground.stripe, charge))
    yield from _without_charge(ground.books)


def _pair(row: Row, charge: dict[str, Any], attempt_ref: str | None) -> Iterator[str]:
    key, payment_id, account_id, minor, currency, entry_id = row[:6]
    ref, owner, status, reference, of, cleared = row[7:]
    on_wire = f"{charge['amount']} {charge['currency']}"
    if currency != charge["currency"].upper() or not is_same(minor, charge["amount"], currency):
        yield f"payment {payment_id} is {shown(minor, currency)}, its charge {key} took {on_wire}"
    if attempt_ref is None:
        yield f"charge {key} of payment {payment_id} carries no attempt"
    elif attempt_ref != ref:
        yield f"charge {key} carries attempt {attempt_ref}, its payment {payment_id} names attempt {ref}"
    if owner != account_id:
        yield f"payment {payment_id} is on account {account_id}, its attempt {ref} on account {owner}"
    if status != "succeeded":
        yield f"attempt {ref} of payment {payment_id} is {status}"
    if reference != f"payment:{key}":
        yield f"payment {payment_id} by {key} is entry {entry_id}, which is {reference!r}"
    if (cleared, of) != (minor, currency):
        yield (
            f"entry {entry_id} clears {shown(cleared or 0, of or '?')},"
            f" its payment {payment_id} is {shown(minor, currency)}"
        )


def _without_charge(books: Source) -> Iterator[str]:
    for payment_id, method in books.rows(_CARD_WITHOUT_CHARGE):
        yield f"payment {payment_id} by {method} has no charge"
    for entry_id, reference in books.rows(_ENTRY_WITHOUT_PAYMENT):
        yield f"entry {entry_id} ({reference}) takes money from the gateway and belongs to no payment"
    for attempt_id, ref in books.rows(_ATTEMPT_WITHOUT_PAYMENT):
        yield f"attempt {attempt_id} ({ref}) succeeded and has no payment"


def _objects(log: Source | None, sql: str) -> Iterator[Row]:
    """Walk (id, object) in the log; nothing without a log."""
    for object_id, data in log.rows(sql) if log is not None else ():
        yield object_id, json.loads(data)


def _attempt_ref(log: Source, charge: dict[str, Any]) -> str | None:
    """The attempt that the charge carries, or the intent that made it."""
    ref = (charge.get("metadata") or {}).get("attempt")
    if ref is None and charge.get("payment_intent"):
        intent = log.one("SELECT data FROM object WHERE id = ?", charge["payment_intent"])
        ref = json.loads(intent[0])["metadata"].get("attempt") if intent else None
    return ref
