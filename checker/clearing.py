"""INV-4: what the gateway holds for us, and has paid out, is what clearing and bank say, to the unit."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction

from checker.currencies import ISO_DECIMALS, WIRE_DECIMALS, UnknownCurrency, shown
from checker.ground import Ground

# A payout moves a sum from the gateway's balance to the bank: on both sides it is counted where it is now.
_BOOKS = """
SELECT s.currency, SUM(s.debit_minor - s.credit_minor)
  FROM posting s JOIN ledger_entry e ON e.id = s.entry_id LEFT JOIN ledger_entry o ON o.id = e.reverses_id
 WHERE s.ledger_code = 'gateway_clearing'
    OR (s.ledger_code IN ('bank', 'bank_in_transit') AND COALESCE(o.kind, e.kind) LIKE 'payout%')
 GROUP BY s.currency ORDER BY s.currency
"""
_MOVEMENTS = "SELECT id, data FROM object WHERE kind = 'balance_transaction' ORDER BY id"


def clearing(ground: Ground) -> Iterator[str]:
    """Σ of what moved on the gateway's balance but payouts = clearing + what payouts brought to the bank."""
    assert ground.stripe is not None
    books = {row[0]: int(row[1]) for row in ground.books.rows(_BOOKS)}
    there: dict[str, Fraction] = defaultdict(Fraction)
    rounded: dict[str, int] = defaultdict(int)
    for _, data in ground.stripe.rows(_MOVEMENTS):
        movement = json.loads(data)
        if movement["type"].startswith("payout"):
            continue
        ground.rows += 1
        currency = movement["currency"].upper()
        net = _minor(movement["amount"] - movement["fee"], currency)
        there[currency] += net
        # A fee may carry a fraction of our smallest unit; in the books it is whole.
        rounded[currency] += net.denominator != 1
    for currency in sorted(books.keys() | there.keys()):
        found, said = books.get(currency, 0), there.get(currency, Fraction(0))
        if abs(found - said) > rounded[currency]:
            yield (
                f"the gateway moved {shown(round(said), currency)} for us,"
                f" clearing and payouts say {shown(found, currency)}"
            )


def _minor(wire: int, currency: str) -> Fraction:
    try:
        return Fraction(wire * 10 ** ISO_DECIMALS[currency], 10 ** WIRE_DECIMALS[currency])
    except KeyError:
        raise UnknownCurrency(f"currency {currency!r} is not known") from None
