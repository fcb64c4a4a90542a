"""The balance: every movement of money as a balance transaction, in the currency it settles in.

Fees follow one formula (1.5 % and 25 minor units; 15.00 for a lost chargeback, 4.00 for a failed debit); the
real ones depend on the account. Source: docs.stripe.com/reports/balance-transaction-types,
docs.stripe.com/payouts/reconciliation.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from sandbox.stripe.currencies import KNOWN, WHOLE_ONLY, exponent
from sandbox.stripe.events import new_id
from sandbox.stripe.store import Unit

DAY = 86_400
AVAILABLE_AFTER = 2 * DAY
DISPUTE_FEE = 1500


def fee_of(amount: int, currency: str = "eur") -> int:
    """The stand-in's fee: 1.5 % rounded half up, and 25 minor units; whole units where there are no others.

    >>> fee_of(10_000), fee_of(33), fee_of(50_000, "isk")
    (175, 25, 800)
    """
    fee = (amount * 15 + 500) // 1000 + 25
    return -(-fee // 100) * 100 if currency in WHOLE_ONLY else fee


def settle_into(unit: Unit, currency: str, into: str | None, rate: str) -> None:
    """Says in which currency payments in another one settle from now on, and at what rate.

    Args:
        currency: lower-case code of what is charged.
        into: lower-case code of what the balance gets, or None: the same again.
        rate: major units of `into` for one of `currency`, a decimal string above 0.
    Raises:
        ValueError: an unknown currency, or no rate.
    """
    unit.db.execute("DELETE FROM setting WHERE name = ?", (f"settles:{currency}",))
    if into is None:
        return
    try:
        known = currency in KNOWN and into in KNOWN and Decimal(rate) > 0
    except InvalidOperation:
        known = False
    if not known:
        raise ValueError(f"No such exchange: {currency} into {into} at {rate}.")
    unit.db.execute(
        "INSERT INTO setting (name, value) VALUES (?, ?)", (f"settles:{currency}", f"{into} {rate}")
    )


def settled(unit: Unit, amount: int, currency: str) -> tuple[int, str, Decimal | None]:
    """What an amount is on the balance: minor units, currency, and the rate where it was exchanged."""
    row = unit.db.execute("SELECT value FROM setting WHERE name = ?", (f"settles:{currency}",)).fetchone()
    if row is None:
        return amount, currency, None
    into, _, rate = row["value"].partition(" ")
    exact = Decimal(amount).scaleb(exponent(into) - exponent(currency)) * Decimal(rate)
    return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP)), into, Decimal(rate)


def transaction(
    at: int,
    source: str,
    kind: str,
    category: str,
    amount: int,
    currency: str,
    *,
    rate: Decimal | None = None,
    fee: int = 0,
    pending: int = 0,
    description: str | None = None,
) -> dict[str, Any]:
    """Makes a balance transaction, and writes it nowhere.

    Args:
        at: when it moved.
        source: id of what moved it; a charge, refund, dispute or payout.
        kind, category: Stripe's `type` and `reporting_category`.
        amount: minor units of the balance, signed; `currency` is the balance's (see `settled`).
        fee: taken from it, or given back where negative.
        pending: seconds until it can be paid out.
    """
    words = {"charge": "Stripe processing fees", "charge_failure": "Failed payment fee"}.get(
        category, "Dispute fee"
    )
    taken = {
        "amount": fee,
        "application": None,
        "currency": currency,
        "description": words,
        "type": "stripe_fee",
    }
    return {
        "id": new_id("txn_1" if category.startswith("payout") else "txn_3"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": at + pending,
        "balance_type": "payments",
        "created": at,
        "currency": currency,
        "description": description,
        "exchange_rate": None if rate is None else float(rate),
        "fee": fee,
        "fee_details": [taken] if fee else [],
        "net": amount - fee,
        "reporting_category": category,
        "source": source,
        "status": "pending" if pending else "available",
        "type": kind,
    }


def move(
    unit: Unit,
    source: dict[str, Any],
    kind: str,
    category: str,
    amount: int,
    currency: str,
    **more: Any,
) -> dict[str, Any]:
    """Writes a balance transaction of what moves now; the arguments are those of `transaction`."""
    made = transaction(unit.now, source["id"], kind, category, amount, currency, **more)
    unit.put(made, parent=source["id"])
    if made["status"] == "pending":
        unit.at(made["available_on"], "available", str(made["id"]))
    return made


def sums(unit: Unit) -> dict[str, Any]:
    """The balance object: what is available and what is still on its way, by currency."""
    rows = unit.db.execute(
        "SELECT json_extract(data, '$.status') AS side, json_extract(data, '$.currency') AS currency,"
        " sum(json_extract(data, '$.net')) AS net FROM object WHERE kind = 'balance_transaction'"
        " GROUP BY 1, 2"
    ).fetchall()
    nets = {(row["side"], row["currency"]): row["net"] for row in rows}
    currencies = sorted({row["currency"] for row in rows}) or ["usd"]
    return {
        "object": "balance",
        "livemode": False,
        **{
            side: [
                {
                    "amount": nets.get((side, code), 0),
                    "currency": code,
                    "source_types": {"card": nets.get((side, code), 0)},
                }
                for code in currencies
            ]
            for side in ("available", "pending")
        },
    }
