"""INV-4: what the gateway holds for us is what clearing says, and what it paid out is at the bank."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction

from checker import payouts
from checker.currencies import ISO_DECIMALS, WIRE_DECIMALS, UnknownCurrency, shown
from checker.ground import Ground
from checker.waiting import DEBIT_PATIENCE

_CLEARING = """
SELECT s.currency, SUM(s.debit_minor - s.credit_minor) FROM posting s
  JOIN ledger_entry e ON e.id = s.entry_id
 WHERE s.ledger_code = 'gateway_clearing' GROUP BY s.currency ORDER BY s.currency
"""
# The bank has what debtors sent there as well: of its postings only those that a payout caused.
_PAID_OUT = """
SELECT s.currency, SUM(s.debit_minor - s.credit_minor)
  FROM posting s JOIN ledger_entry e ON e.id = s.entry_id LEFT JOIN ledger_entry o ON o.id = e.reverses_id
 WHERE s.ledger_code = 'bank_in_transit'
    OR (s.ledger_code = 'bank' AND COALESCE(o.kind, e.kind) LIKE 'payout%')
 GROUP BY s.currency ORDER BY s.currency
"""
# A bank debit moves the gateway's balance days before its money is there: beside it stands how its charge is.
_MOVEMENTS = """
SELECT t.id, t.data, json_extract(c.data, '$.status')
  FROM object t LEFT JOIN object c ON c.id = json_extract(t.data, '$.source') AND c.kind = 'charge'
   AND json_extract(t.data, '$.type') IN ('payment', 'payment_failure_refund')
 WHERE t.kind = 'balance_transaction' ORDER BY t.id
"""
_FEE = "SELECT id FROM provider_effect WHERE kind = 'fee' AND provider_object_id = ?"


def clearing(ground: Ground) -> Iterator[str]:
    """Σ of all that moved on the gateway's balance = clearing; Σ of its payouts = in transit and bank.

    A debit on its way is in no books. One that failed was taken back whole, and what it cost is in the books
    once a morning's comparison has come by.
    """
    assert ground.stripe is not None
    known = payouts.look(ground)
    yield from _balance(ground, known)
    yield from _paid_out(ground, known)


def _balance(ground: Ground, known: payouts.Payouts) -> Iterator[str]:
    assert ground.stripe is not None
    there: dict[str, Fraction] = defaultdict(Fraction)
    rounded: dict[str, int] = defaultdict(int)
    for key, data, charge in ground.stripe.rows(_MOVEMENTS):
        movement = json.loads(data)
        if charge == "pending" or _waits(known, movement):
            continue
        ground.rows += 1
        currency = movement["currency"].upper()
        is_unposted = charge == "failed" and _may_wait(ground, key, movement["created"])
        net = _minor(movement["amount"] - (0 if is_unposted else movement["fee"]), currency)
        there[currency] += net
        # A fee may carry a fraction of our smallest unit; in the books it is whole.
        rounded[currency] += net.denominator != 1
    books = {row[0]: int(row[1]) for row in ground.books.rows(_CLEARING)}
    for currency in sorted(books.keys() | there.keys()):
        found, said = books.get(currency, 0), there.get(currency, Fraction(0))
        if abs(found - said) > rounded[currency]:
            yield (
                f"the gateway moved {shown(round(said), currency)} for us,"
                f" clearing and payouts say {shown(found, currency)}"
            )


def _may_wait(ground: Ground, movement_id: str, made: int) -> bool:
    """Whether the fee of a failed debit's movement is not in the books yet, and need not be."""
    # Both movements' fees are posted with the second one, which comes within the patience of a debit.
    young = made > (ground.now - payouts.PATIENCE - DEBIT_PATIENCE).timestamp()
    return young and ground.books.one(_FEE, movement_id) is None


def _waits(known: payouts.Payouts, movement: dict[str, object]) -> bool:
    """Whether a movement is a payout's, or its coming back, that the books may still wait for."""
    if movement["type"] not in ("payout", "payout_failure", "payout_cancel"):
        return False
    source = str(movement["source"])
    return source in known.by_id and known.waits(source, back=movement["type"] != "payout")


def _paid_out(ground: Ground, known: payouts.Payouts) -> Iterator[str]:
    there: dict[str, Fraction] = defaultdict(Fraction)
    for payout_id, payout in known.by_id.items():
        if payout.said is None or known.waits(payout_id, back=False):
            continue
        if payout.came_back_at is None or known.waits(payout_id, back=True):
            currency = payout.said["currency"].upper()
            there[currency] += _minor(payout.said["amount"], currency)
    books = {row[0]: int(row[1]) for row in ground.books.rows(_PAID_OUT)}
    for currency in sorted(books.keys() | there.keys()):
        found, said = books.get(currency, 0), there.get(currency, Fraction(0))
        if found != said:
            yield (
                f"the gateway paid out {shown(round(said), currency)},"
                f" bank and transit say {shown(found, currency)}"
            )


def _minor(wire: int, currency: str) -> Fraction:
    try:
        return Fraction(wire * 10 ** ISO_DECIMALS[currency], 10 ** WIRE_DECIMALS[currency])
    except KeyError:
        raise UnknownCurrency(f"currency {currency!r} is not known") from None
