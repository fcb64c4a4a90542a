"""INV-7: for each account and currency, what was charged is somewhere, to the unit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter

from checker.currencies import shown
from checker.ground import Ground

# Money that went back, or that a dispute holds, is what was credited to these two ledger accounts for
# the account; paying it out debits them and changes nothing here, a reversal takes the credit back.
# Unapplied credit and a refund that name an invoice came from a credit note: they are no cash. What came for
# an invoice after it was written off is recovered. An entry that takes a payment back credits the account's
# holding with what it took, and debits it with what left the gateway; one that gives it back is its mirror:
# of these two only what was taken, less what was given back, has gone.
_PARTS = """
SELECT p.account_id, p.currency, 'charged', p.amount_minor
  FROM payment p WHERE NOT EXISTS (SELECT 1 FROM ledger_entry r WHERE r.reverses_id = p.entry_id)
UNION ALL
SELECT p.account_id, p.currency, 'allocated', a.amount_minor
  FROM allocation a JOIN payment p ON p.id = a.payment_id
 WHERE NOT EXISTS (SELECT 1 FROM ledger_entry r WHERE r.reverses_id = a.entry_id)
UNION ALL
SELECT p.account_id, p.currency, 'allocated', -v.amount_minor
  FROM allocation_reversal v JOIN allocation a ON a.id = v.allocation_id
  JOIN payment p ON p.id = a.payment_id
 WHERE NOT EXISTS (SELECT 1 FROM ledger_entry r WHERE r.reverses_id = a.entry_id)
UNION ALL
SELECT account_id, currency, 'unapplied', credit_minor - debit_minor
  FROM posting WHERE ledger_code = 'unapplied_credit' AND invoice_id IS NULL
UNION ALL
SELECT s.account_id, s.currency,
       CASE s.ledger_code WHEN 'refunds_payable' THEN 'refunded' ELSE 'held' END,
       CASE WHEN e.reverses_id IS NULL AND e.kind <> 'payment_restored'
            THEN s.credit_minor ELSE -s.debit_minor END
  FROM posting s JOIN ledger_entry e ON e.id = s.entry_id
 WHERE s.ledger_code IN ('refunds_payable', 'chargebacks_held') AND s.account_id IS NOT NULL
   AND s.invoice_id IS NULL
UNION ALL
SELECT s.account_id, s.currency, 'recovered', s.credit_minor - s.debit_minor
  FROM posting s WHERE s.ledger_code = 'recoveries' AND s.account_id IS NOT NULL
ORDER BY 1, 2
"""
_ALLOCATIONS = """
SELECT a.id, a.currency, p.currency, i.currency, p.account_id, i.account_id, c.payer_id
  FROM allocation a LEFT JOIN payment p ON p.id = a.payment_id
  LEFT JOIN invoice i ON i.id = a.invoice_id LEFT JOIN account c ON c.id = i.account_id
 WHERE a.payment_id IS NOT NULL ORDER BY a.id
"""
_PAYMENTS = """
SELECT p.id, p.amount_minor, p.currency,
       (SELECT SUM(a.amount_minor) FROM allocation a WHERE a.payment_id = p.id
           AND NOT EXISTS (SELECT 1 FROM ledger_entry r WHERE r.reverses_id = a.entry_id)),
       (SELECT SUM(v.amount_minor) FROM allocation_reversal v JOIN allocation a ON a.id = v.allocation_id
         WHERE a.payment_id = p.id)
  FROM payment p ORDER BY p.id
"""


def accounts(ground: Ground) -> Iterator[str]:
    """Charged = allocated + unapplied + refunded + held + recovered."""
    for (account_id, currency), rows in groupby(ground.books.rows(_PARTS), key=itemgetter(0, 1)):
        ground.rows += 1
        sums: dict[str, int] = defaultdict(int)
        for _, _, part, minor in rows:
            sums[part] += minor
        found = {part: sums[part] for part in ("allocated", "unapplied", "refunded", "held", "recovered")}
        if sums["charged"] != sum(found.values()):
            parts = " + ".join(f"{part} {shown(minor, currency)}" for part, minor in found.items())
            yield f"account {account_id}: charged {shown(sums['charged'], currency)}, but {parts}"
    yield from allocations(ground)
    yield from payments(ground)


def allocations(ground: Ground) -> Iterator[str]:
    """An allocation stays within one currency and within the payer's own accounts."""
    for allocation_id, currency, paid, of, payer, account_id, head_office in ground.books.rows(_ALLOCATIONS):
        if not currency == paid == of:
            yield f"allocation {allocation_id} is in {currency}, its payment in {paid}, its invoice in {of}"
        if payer not in (account_id, head_office):
            yield (
                f"allocation {allocation_id} takes money of account {payer}"
                f" for an invoice of account {account_id}, for which it does not pay"
            )


# What left a payment beyond what was left of it stands as a debit of its holding account.
_TWICE = """
SELECT v.payment_id, SUM(s.debit_minor - s.credit_minor) FROM payment_reversal v
  JOIN posting s ON s.entry_id = v.entry_id AND s.ledger_code IN ('refunds_payable', 'chargebacks_held')
 GROUP BY v.payment_id HAVING SUM(s.debit_minor - s.credit_minor) > 0
"""


def payments(ground: Ground) -> Iterator[str]:
    """No payment is allocated beyond its amount, nor at all while more of it left than it was."""
    twice = {row[0]: int(row[1]) for row in ground.books.rows(_TWICE)}
    for payment_id, amount, currency, allocated, taken in ground.books.rows(_PAYMENTS):
        left = int(allocated or 0) - int(taken or 0)
        if not 0 <= left <= amount:
            yield (
                f"payment {payment_id} of {shown(amount, currency)} is allocated with {shown(left, currency)}"
            )
        if left > 0 and payment_id in twice:
            yield (
                f"payment {payment_id} left twice with {shown(twice[payment_id], currency)}"
                f" and pays documents with {shown(left, currency)} still"
            )
    yield from reversals(ground)


_REVERSALS = """
SELECT v.id, v.amount_minor, v.currency, v.undoes_id, v.allocated_minor, v.unapplied_minor,
       v.recovered_minor, v.beyond_minor, v.payment_id, v.entry_id, e.id, p.id, p.currency,
       (SELECT SUM(a.amount_minor) FROM allocation_reversal a WHERE a.reversal_id = v.id),
       (SELECT SUM(u.amount_minor) FROM payment_reversal u WHERE u.undoes_id = v.id)
  FROM payment_reversal v LEFT JOIN ledger_entry e ON e.id = v.entry_id
  LEFT JOIN payment p ON p.id = v.payment_id ORDER BY v.id
"""
_OVERTAKEN = """
SELECT a.id, a.amount_minor, a.currency, SUM(v.amount_minor) FROM allocation a
  JOIN allocation_reversal v ON v.allocation_id = a.id
 GROUP BY a.id, a.amount_minor, a.currency HAVING SUM(v.amount_minor) > a.amount_minor ORDER BY a.id
"""


def reversals(ground: Ground) -> Iterator[str]:
    """What was taken back of a payment is whole, posted, and never more than was there."""
    for row in ground.books.rows(_REVERSALS):
        ground.rows += 1
        reversal, amount, currency, undoes, allocated, *others, payment_id, entry_id, entry = row[:11]
        payment, of, taken, undone = row[11:]
        if entry is None or payment is None:
            yield f"reversal {reversal} is of payment {payment_id}, entry {entry_id}; one does not exist"
        elif of != currency:
            yield f"reversal {reversal} is in {currency}, its payment {payment_id} in {of}"
        if allocated + sum(others) != amount:
            yield f"reversal {reversal} of {shown(amount, currency)} is not the sum of its parts"
        if undoes is None and int(taken or 0) != allocated:
            yield (
                f"reversal {reversal} took {shown(allocated, currency)} of allocations,"
                f" their rows say {shown(int(taken or 0), currency)}"
            )
        if undone is not None and int(undone) > amount:
            yield f"reversal {reversal} of {shown(amount, currency)} was undone beyond its amount"
    for allocation_id, amount, currency, taken in ground.books.rows(_OVERTAKEN):
        yield (f"allocation {allocation_id} of {shown(amount, currency)} lost {shown(int(taken), currency)}")
