"""INV-11: one accepted settlement for an invoice; paid + written off = owed; two pairs of eyes."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator

from checker import approvals
from checker.currencies import shown
from checker.ground import Ground
from checker.sources import Row

_OFFERS = """
SELECT o.id, o.status, o.maker, o.currency, o.balance_minor, o.amount_minor, o.expires_on, o.pay_by_on,
       o.proposed_by_staff_id, o.decided_by_id, o.accepted_name, o.accepted_at, o.terms
  FROM offer o ORDER BY o.id
"""
_PARTS = (
    "SELECT offer_id, invoice_id, balance_minor, blocking FROM offer_invoice ORDER BY offer_id, invoice_id"
)
# What reduced an invoice otherwise than by an adjustment; a reversed entry reduced nothing.
_PAID = """
SELECT a.invoice_id, a.entry_id, a.amount_minor FROM allocation a
 WHERE a.invoice_id IN (SELECT p.invoice_id FROM offer_invoice p JOIN offer o ON o.id = p.offer_id
                         WHERE o.status = 'settled')
   AND NOT EXISTS (SELECT 1 FROM ledger_entry r WHERE r.reverses_id = a.entry_id)
 ORDER BY a.invoice_id, a.id
"""
_WRITTEN_OFF = """
SELECT a.invoice_id, a.entry_id, a.amount_minor, e.reference, a.kind FROM adjustment a
  JOIN ledger_entry e ON e.id = a.entry_id
 WHERE NOT EXISTS (SELECT 1 FROM ledger_entry r WHERE r.reverses_id = a.entry_id)
 ORDER BY a.invoice_id, a.id
"""
#: Statuses that an acceptance came before.
_AGREED = frozenset({"accepted", "settled", "lapsed", "reopened"})


def settlements(ground: Ground) -> Iterator[str]:
    """Each offer is whole, decided by another person, and forgives only what was agreed and paid for."""
    yield from approvals.decisions(ground)
    parts: dict[int, list[Row]] = defaultdict(list)
    holder: dict[int, int] = {}
    for offer_id, invoice_id, balance, blocking in ground.books.rows(_PARTS):
        parts[offer_id].append((invoice_id, balance, bool(blocking)))
        if blocking and invoice_id in holder:
            yield f"invoice {invoice_id} is in accepted offers {holder[invoice_id]} and {offer_id}"
        if blocking:
            holder[invoice_id] = offer_id
    paid: dict[int, list[Row]] = defaultdict(list)
    for invoice_id, entry_id, amount in ground.books.rows(_PAID):
        paid[invoice_id].append((entry_id, amount))
    forgiven: dict[int, int] = defaultdict(int)
    adjusted: dict[int, list[Row]] = defaultdict(list)
    for invoice_id, entry_id, amount, reference, kind in ground.books.rows(_WRITTEN_OFF):
        adjusted[invoice_id].append((entry_id, amount))
        owner = _offer_of(reference)
        if owner is not None:
            forgiven[owner] += amount
        elif kind == "settlement_discount":
            yield f"entry '{reference}' forgives part of invoice {invoice_id} for no offer"
    seen: set[int] = set()
    for offer in ground.books.rows(_OFFERS):
        ground.rows += 1
        seen.add(offer[0])
        yield from _people(offer)
        yield from _amounts(offer, parts[offer[0]], forgiven[offer[0]])
        yield from _settled(offer, parts[offer[0]], paid, adjusted)
    for owner in sorted(set(forgiven) - seen):
        yield f"{forgiven[owner]} minor units were forgiven for offer {owner}, which does not exist"


def _offer_of(reference: str) -> int | None:
    """The offer that an entry's reference names: "adjustment:offer:<offer>:<invoice>"."""
    pieces = reference.split(":")
    if pieces[:2] != ["adjustment", "offer"] or len(pieces) != 4:
        return None
    return int(pieces[2])


def _people(offer: Row) -> Iterator[str]:
    offer_id, status, maker, *_, proposer, _, name, accepted_at, _ = offer
    if maker == "staff" and proposer is None:
        yield f"offer {offer_id} was made by staff, but by nobody"
    if (status in _AGREED) != (accepted_at is not None):
        yield f"offer {offer_id} is {status}, accepted at {accepted_at}"
    if status in _AGREED and not name:
        yield f"offer {offer_id} is {status} and nobody's name stands under it"


def _amounts(offer: Row, parts: list[Row], forgiven: int) -> Iterator[str]:
    offer_id, status, _, currency, balance, amount, expires_on, pay_by_on, *_ = offer
    if sum(part[1] for part in parts) != balance:
        yield (
            f"offer {offer_id} is about {shown(balance, currency)},"
            f" its invoices had {shown(sum(part[1] for part in parts), currency)}"
        )
    if not 0 < amount < balance:
        yield f"offer {offer_id} asks {shown(amount, currency)} of {shown(balance, currency)}"
    if str(pay_by_on) < str(expires_on):
        yield f"offer {offer_id} is to be paid by {pay_by_on}, before its last day {expires_on}"
    for invoice_id, _, blocking in parts:
        if blocking != (status == "accepted"):
            yield f"offer {offer_id} is {status} and {'blocks' if blocking else 'frees'} invoice {invoice_id}"
    if forgiven and status != "settled":
        yield f"offer {offer_id} is {status}, yet {shown(forgiven, currency)} of it is forgiven"
    if forgiven > balance - amount:
        yield (
            f"offer {offer_id} forgives {shown(balance - amount, currency)},"
            f" {shown(forgiven, currency)} was written off"
        )


def _settled(
    offer: Row, parts: list[Row], paid: dict[int, list[Row]], adjusted: dict[int, list[Row]]
) -> Iterator[str]:
    """Of a settled offer: what came and what was written off since acceptance is what was owed."""
    offer_id, status, _, currency, balance, *_ = offer
    if status != "settled" or offer[11] is None:
        return
    terms = json.loads(offer[12]) if isinstance(offer[12], str) else offer[12]
    since = terms["accepted"]["after_entry"]
    came = sum(a for part in parts for entry, a in paid[part[0]] if entry > since)
    off = sum(a for part in parts for entry, a in adjusted[part[0]] if entry > since)
    if came + off != balance:
        yield (
            f"offer {offer_id} is settled: {shown(came, currency)} came and {shown(off, currency)} was"
            f" written off, {shown(balance, currency)} was owed"
        )
