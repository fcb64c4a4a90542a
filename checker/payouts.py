"""Payouts of the gateway beside what they did in the books: for INV-4 their sums, for INV-5 each by itself.

The books may wait for one: the product hears of it by a notification, or when it compares the gateway with
the books. What was made before the last comparison, or so long ago that one should have been, must be there.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from checker.currencies import is_same, shown
from checker.ground import Ground
from checker.sources import Row, moment

#: A comparison leaves out what is newer: its notification is on its way.
FRESH = timedelta(hours=1)
#: Made once a day; what is older was missed, unless an alert says that there was no comparison.
PATIENCE = timedelta(days=2)
#: A payout's effects: on its way, at the bank, and each of them undone.
SENT, BANKED, SENT_BACK, BANKED_BACK = "payout", "payout_banked", "payout_failed", "payout_banked_failed"
#: What each moves of the payout's amount on clearing, in transit and at the bank.
_MOVES = {SENT: (-1, 1, 0), BANKED: (0, -1, 1), SENT_BACK: (1, -1, 0), BANKED_BACK: (0, 1, -1)}
_PLACES = ("clearing", "in transit", "the bank")
_COME_BACK = ("failed", "canceled")

_EFFECTS = """
SELECT x.provider_object_id, x.kind, x.id, x.entry_id, e.currency,
       (SELECT CAST(COALESCE(SUM(s.debit_minor - s.credit_minor), 0) AS BIGINT) FROM posting s
         WHERE s.entry_id = x.entry_id AND s.ledger_code = 'gateway_clearing'),
       (SELECT CAST(COALESCE(SUM(s.debit_minor - s.credit_minor), 0) AS BIGINT) FROM posting s
         WHERE s.entry_id = x.entry_id AND s.ledger_code = 'bank_in_transit'),
       (SELECT CAST(COALESCE(SUM(s.debit_minor - s.credit_minor), 0) AS BIGINT) FROM posting s
         WHERE s.entry_id = x.entry_id AND s.ledger_code = 'bank')
  FROM provider_effect x LEFT JOIN ledger_entry e ON e.id = x.entry_id
 WHERE x.kind LIKE 'payout%' ORDER BY x.provider_object_id, x.id
"""
_WITHOUT_EFFECT = """
SELECT e.id, e.reference FROM ledger_entry e LEFT JOIN provider_effect x ON x.entry_id = e.id
 WHERE x.id IS NULL
   AND EXISTS (SELECT 1 FROM posting s WHERE s.entry_id = e.id AND s.ledger_code = 'bank_in_transit')
 ORDER BY e.id
"""
_COMPARED = "SELECT MIN(read_to_at) FROM gateway_watch WHERE work = 'reconcile'"
_TOLD = "SELECT 1 FROM alert WHERE code = 'not_reconciled' AND closed_at IS NULL"


@dataclass(slots=True)
class Payout:
    """One payout.

    Attributes:
        said: as the gateway's log has it; None where it has none.
        came_back_at: when it was on the gateway's balance again, Unix seconds; None where it is not.
        effects: kind -> what the books made of it, as the query gives it.
    """

    said: dict[str, Any] | None = None
    came_back_at: int | None = None
    effects: dict[str, Row] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Payouts:
    """All of them by id, and up to which moment (Unix seconds) the books must know of them."""

    by_id: dict[str, Payout]
    known_to: float

    def waits(self, payout_id: str, *, back: bool) -> bool:
        """Whether the books say nothing yet of a payout, or of its coming back, and need not."""
        payout = self.by_id[payout_id]
        at = payout.came_back_at if back else (payout.said or {}).get("created")
        kind = SENT_BACK if back else SENT
        return kind not in payout.effects and at is not None and at >= self.known_to


def look(ground: Ground) -> Payouts:
    """Read the payouts of the gateway and of the books; there is one a day and currency."""
    assert ground.stripe is not None
    found: dict[str, Payout] = defaultdict(Payout)
    for object_id, data in ground.stripe.rows(
        "SELECT id, data FROM object WHERE kind = 'payout' ORDER BY id"
    ):
        said = json.loads(data)
        payout = found[object_id] = Payout(said)
        if said["failure_balance_transaction"]:
            back = ground.stripe.one(
                "SELECT data FROM object WHERE id = ?", said["failure_balance_transaction"]
            )
            payout.came_back_at = json.loads(back[0])["created"] if back else said["created"]
    for row in ground.books.rows(_EFFECTS):
        found[row[0]].effects.setdefault(row[1], row)
    return Payouts(dict(sorted(found.items())), _known_to(ground).timestamp())


def _known_to(ground: Ground) -> datetime:
    """Up to which moment everything must be in the books."""
    compared = ground.books.one(_COMPARED)
    moments = [moment(compared[0]) - FRESH] if compared and compared[0] is not None else []
    if not moments or ground.books.one(_TOLD) is None:
        moments.append(ground.now - PATIENCE)
    return max(moments)


def effects(ground: Ground) -> Iterator[str]:
    """Each payout left clearing once with its own sum, came to the bank once, and back where it came back."""
    payouts = look(ground)
    for payout_id, payout in payouts.by_id.items():
        ground.rows += 1
        if payout.said is None:
            for kind, row in payout.effects.items():
                yield f"effect {row[2]} {kind!r} of {payout_id}: the gateway made no such payout"
        elif payout.said["amount"]:
            yield from _missing(payouts, payout_id, payout.said, payout.effects)
            for row in payout.effects.values():
                yield from _moved(payout.said, row)
    for entry_id, reference in ground.books.rows(_WITHOUT_EFFECT):
        yield f"entry {entry_id} ({reference}) moves a payout and is the effect of none"


def _missing(
    payouts: Payouts, payout_id: str, said: dict[str, Any], effects: dict[str, Row]
) -> Iterator[str]:
    of = f"{payout_id} of {said['amount']} {said['currency']} (units of the gateway)"
    came_back = said["status"] in _COME_BACK
    if SENT not in effects:
        if effects or not payouts.waits(payout_id, back=False):
            yield f"payout {of} is {said['status']} and is not in the books"
        return
    if BANKED in effects and said["status"] != "paid" and not came_back:
        yield f"payout {of} is {said['status']}, and in the books it is at the bank"
    undone = [kind for kind in (SENT_BACK, BANKED_BACK) if kind in effects]
    if undone and not came_back:
        yield f"payout {of} is {said['status']}, and in the books it came back ({undone[0]})"
    if came_back and not payouts.waits(payout_id, back=True):
        for kind, back in ((SENT, SENT_BACK), (BANKED, BANKED_BACK)):
            if (kind in effects) != (back in effects):
                yield f"payout {of} is {said['status']}, and its {kind!r} is not undone in the books"


def _moved(said: dict[str, Any], row: Row) -> Iterator[str]:
    payout_id, kind, _, entry_id, currency, *sums = row
    for place, minor, sign in zip(_PLACES, sums, _MOVES.get(kind, (0, 0, 0)), strict=True):
        right = said["currency"].upper() == currency and is_same(minor, sign * said["amount"], currency)
        if not right:
            yield (
                f"entry {entry_id} ({kind}) changes {place} by {shown(minor, currency or '?')},"
                f" {payout_id} is of {said['amount']} {said['currency']} (units of the gateway)"
            )
