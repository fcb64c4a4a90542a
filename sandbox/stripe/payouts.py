"""Payouts to the creditor's bank: one a day and currency by the clock, or by hand at the Dashboard.

Source: docs.stripe.com/payouts, docs.stripe.com/payouts/reconciliation. Here a negative balance waits until
it is positive again, and the bank has the money a day after the payout was made.
"""

from __future__ import annotations

import json
from typing import Any

from sandbox.stripe import balance
from sandbox.stripe.events import new_id, tell
from sandbox.stripe.store import Unit

DAY = 86_400
LISTED_AFTER = 6 * 3600
FAILS_AFTER = 2 * DAY
FAULTS = ("fails", "fails_later")


def begin(unit: Unit) -> None:
    """Sets the first timer of a new file."""
    if unit.db.execute("SELECT 1 FROM timer WHERE what = 'payout_day'").fetchone() is None:
        unit.at((unit.now // DAY + 1) * DAY, "payout_day", "")


def set_interval(unit: Unit, interval: str) -> None:
    """Says whether payouts go by themselves: `daily` (at first) or `manual`."""
    unit.db.execute("INSERT OR REPLACE INTO setting (name, value) VALUES ('payouts', ?)", (interval,))


def day(unit: Unit) -> list[dict[str, Any]]:
    """Pays out what is available in each currency, and sets the next day's timer."""
    unit.at((unit.now // DAY + 1) * DAY, "payout_day", "")
    row = unit.db.execute("SELECT value FROM setting WHERE name = 'payouts'").fetchone()
    if row is not None and row["value"] == "manual":
        return []
    waiting: dict[str, list[dict[str, Any]]] = {}
    for row in unit.db.execute(
        "SELECT data FROM object INDEXED BY object_unpaid WHERE kind = 'balance_transaction'"
        " AND json_extract(private, '$.payout') IS NULL AND json_extract(data, '$.status') = 'available'"
    ):
        transaction = json.loads(row["data"])
        waiting.setdefault(transaction["currency"], []).append(transaction)
    made = []
    for currency, members in sorted(waiting.items()):
        amount = sum(member["net"] for member in members)
        if amount > 0:
            payout = make(unit, amount, currency, automatic=True)
            _belong(unit, payout, [member["id"] for member in members] + [payout["balance_transaction"]])
            made.append(payout)
    return made


def make(unit: Unit, amount: int, currency: str, *, automatic: bool) -> dict[str, Any]:
    """Sends an amount of the balance to the bank."""
    fault = unit.take_fault("payouts", FAULTS) if automatic else None
    payout = new_payout(unit.now, amount, currency, automatic=automatic)
    taken = balance.move(unit, payout, "payout", "payout", -amount, currency, description="STRIPE PAYOUT")
    payout["balance_transaction"] = taken["id"]
    unit.put(payout, private={"fault": fault[0] if fault else None})
    tell(unit, "payout.created", payout)
    unit.at(unit.now + LISTED_AFTER, "payout_listed", payout["id"])
    unit.at(payout["arrival_date"], "payout_arrives", payout["id"])
    return payout


def new_payout(at: int, amount: int, currency: str, *, automatic: bool) -> dict[str, Any]:
    """Makes a payout, and writes it nowhere."""
    return {
        "id": new_id("po_1"),
        "object": "payout",
        "amount": amount,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": (at // DAY + 1) * DAY,
        "automatic": automatic,
        "balance_transaction": None,
        "created": at,
        "currency": currency,
        "description": "STRIPE PAYOUT" if automatic else None,
        "destination": "ba_sandbox",
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": {},
        "method": "standard",
        "original_payout": None,
        "payout_method": None,
        "reconciliation_status": "in_progress" if automatic else "not_applicable",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": None,
        "status": "pending",
        "trace_id": {"status": "pending", "value": None},
        "type": "bank_account",
    }


def _belong(unit: Unit, payout: dict[str, Any], members: list[str]) -> None:
    unit.db.executemany(
        "UPDATE object SET private = json_set(private, '$.payout', ?) WHERE id = ?",
        [(payout["id"], member) for member in members],
    )


def listed(unit: Unit, payout: dict[str, Any]) -> None:
    """The bank has the order, and what an automatic payout consists of is final."""
    if payout["status"] == "pending":
        _change(unit, payout, status="in_transit")
        tell(unit, "payout.updated", payout, {"status": "pending"})
    if payout["reconciliation_status"] == "in_progress":
        _change(unit, payout, reconciliation_status="completed")
        tell(unit, "payout.reconciliation_completed", payout)


def arrive(unit: Unit, payout: dict[str, Any]) -> None:
    """The bank books it, or sends it back, or books it first and sends it back after."""
    if payout["status"] not in ("pending", "in_transit"):
        return
    fault = unit.private(payout["id"]).get("fault")
    if fault == "fails":
        fail(unit, payout)
        return
    _change(unit, payout, status="paid", trace_id={"status": "supported", "value": "SANDBOX-TRACE"})
    tell(unit, "payout.paid", payout)
    if fault == "fails_later":
        unit.at(unit.now + FAILS_AFTER, "payout_fails", payout["id"])


def fail(unit: Unit, payout: dict[str, Any], *, cancelled: bool = False) -> dict[str, Any]:
    """Brings the money back to the balance; the next automatic payout takes it along.

    Args:
        payout: pending, in transit or paid.
        cancelled: by us, before the bank had it.
    Raises:
        ValueError: it failed or was cancelled already, or can't be cancelled any more.
    """
    if payout["status"] in ("failed", "canceled") or (cancelled and payout["status"] != "pending"):
        raise ValueError(f"This payout is {payout['status']}.")
    kind = "payout_cancel" if cancelled else "payout_failure"
    back = balance.move(unit, payout, kind, "payout_reversal", payout["amount"], payout["currency"])
    _change(
        unit,
        payout,
        status="canceled" if cancelled else "failed",
        failure_balance_transaction=back["id"],
        failure_code=None if cancelled else "account_closed",
        failure_message=None if cancelled else "The bank account has been closed.",
    )
    tell(unit, "payout.canceled" if cancelled else "payout.failed", payout)
    return payout


def _change(unit: Unit, payout: dict[str, Any], **fields: Any) -> None:
    payout |= fields
    unit.put(payout)
