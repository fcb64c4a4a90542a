"""Many movements at once, for benches: card charges with their fees, and the payouts they went out with.

They are written as if each had happened; no events are told of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sandbox.stripe import balance, cards, payments, payouts
from sandbox.stripe.store import Store, Unit

DAY = 86_400
MOST = 1_000_000


def seed(store: Store, wish: dict[str, Any]) -> dict[str, Any]:
    """Writes charges of past days, the oldest first, and one payout for each full day.

    Args:
        wish: `count` of charges (1 to 1,000,000); `days` over which they spread (default 30), ending now;
            `currency` (default gbp); `metadata` for each charge. The amount of number n, from 0, is
            1,000 + 37 n mod 90,000 minor units; its ids are `ch_seed_<n>` and `txn_seed_<n>`, seven digits.
    Returns:
        `movements` and `payouts` written, `first` and `last` moment (Unix seconds).
    Raises:
        ValueError: a count or days out of bounds, or a file that was seeded before.
    """
    count, days = int(wish.get("count", 0)), int(wish.get("days", 30))
    currency = str(wish.get("currency", "gbp"))
    if not 1 <= count <= MOST or not 1 <= days <= 3650:
        raise ValueError(f"From 1 to {MOST} movements, over 1 to 3650 days.")
    with store.unit() as unit:
        if unit.get("ch_seed_0000000"):
            raise ValueError("This file was seeded before.")
        start = unit.now - days * DAY
        rows = _rows(unit, count, start, days * DAY, currency, wish.get("metadata") or {})
        made = _Made()
        unit.db.executemany(
            "INSERT INTO object (id, kind, created, parent, data, private) VALUES (?, ?, ?, ?, ?, ?)",
            made.counted(rows),
        )
        return {"movements": made.movements, "payouts": made.payouts, "first": start, "last": unit.now}


class _Made:
    """Counts what passes."""

    def __init__(self) -> None:
        self.movements = self.payouts = 0

    def counted(self, rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        for row in rows:
            self.movements += row[1] == "balance_transaction"
            self.payouts += row[1] == "payout"
            yield row


def _rows(
    unit: Unit, count: int, start: int, span: int, currency: str, metadata: dict[str, str]
) -> Iterator[tuple[Any, ...]]:
    method = payments.card_method(unit, cards.BY_NAME["ok"])
    charge_text, moved_text = _templates(currency, method, metadata)
    day, net, payout_id = start // DAY, 0, f"po_seed_{start // DAY}"
    for number in range(count):
        at = start + number * span // count
        if at // DAY != day:
            if net:
                yield from _payout(payout_id, net, currency, at // DAY * DAY)
            day, net, payout_id = at // DAY, 0, f"po_seed_{at // DAY}"
        amount = 1000 + 37 * number % 90_000
        fee = balance.fee_of(amount, currency)
        net += amount - fee
        # The last day is not paid out yet.
        goes = payout_id if (at // DAY + 1) * DAY <= unit.now else None
        charge_id, moved_id = f"ch_seed_{number:07}", f"txn_seed_{number:07}"
        words = {"<charge>": charge_id, "<moved>": moved_id}
        numbers = {1_000_000_001: amount, 1_000_000_002: fee, 1_000_000_003: amount - fee, 1_000_000_004: at}
        yield charge_id, "charge", at, None, _filled(charge_text, words, numbers), "{}"
        private = json.dumps({"payout": goes})
        yield moved_id, "balance_transaction", at, charge_id, _filled(moved_text, words, numbers), private
    if net and (day + 1) * DAY <= unit.now:
        yield from _payout(payout_id, net, currency, (day + 1) * DAY)


def _filled(text: str, words: dict[str, str], numbers: dict[int, int]) -> str:
    for old, new in words.items():
        text = text.replace(old, new)
    for place, number in numbers.items():
        text = text.replace(str(place), str(number))
    return text


def _templates(currency: str, method: dict[str, Any], metadata: dict[str, str]) -> tuple[str, str]:
    """A charge and its balance transaction, with places for ids and numbers."""
    intent = {
        "id": None, "amount": 1_000_000_001, "currency": currency, "customer": None, "description": "Seeded",
        "metadata": metadata, "receipt_email": None, "setup_future_usage": None,
    }  # fmt: skip
    charge = payments.new_charge(1_000_000_004, intent, method) | {
        "id": "<charge>", "amount_captured": 1_000_000_001, "balance_transaction": "<moved>",
        "captured": True, "paid": True, "status": "succeeded",
    }  # fmt: skip
    moved = balance.transaction(
        1_000_000_004, "<charge>", "charge", "charge", 1_000_000_001, currency, fee=1_000_000_002,
        description="Seeded",
    ) | {"id": "<moved>", "net": 1_000_000_003}  # fmt: skip
    return json.dumps(charge), json.dumps(moved)


def _payout(payout_id: str, net: int, currency: str, at: int) -> Iterator[tuple[Any, ...]]:
    moved_id = payout_id.replace("po_", "txn_po_")
    payout = payouts.new_payout(at, net, currency, automatic=True) | {
        "id": payout_id, "balance_transaction": moved_id, "reconciliation_status": "completed",
        "status": "paid",
    }  # fmt: skip
    moved = balance.transaction(at, payout_id, "payout", "payout", -net, currency) | {"id": moved_id}
    yield payout_id, "payout", at, None, json.dumps(payout), "{}"
    yield moved_id, "balance_transaction", at, payout_id, json.dumps(moved), json.dumps({"payout": payout_id})
