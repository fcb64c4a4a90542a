"""INV-1 and INV-2: whole entries, and a trial balance of zero."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from checker.currencies import shown
from checker.ground import Ground
from checker.sources import side_by_side


def whole_entries(ground: Ground) -> Iterator[str]:
    """Each entry has two or more one-sided postings of its own currency that sum to zero (M-03)."""
    entries = ground.books.rows("SELECT id, currency FROM ledger_entry ORDER BY id")
    postings = ground.books.rows(
        "SELECT entry_id, id, currency, debit_minor, credit_minor FROM posting ORDER BY entry_id, position"
    )
    for entry_id, (entry, sides) in side_by_side(entries, postings):
        ground.rows += 1
        if not entry:
            yield f"posting {sides[0][1]} belongs to entry {entry_id}, which does not exist"
            continue
        currency = entry[0][1]
        if len(sides) < 2:
            yield f"entry {entry_id} has {len(sides)} posting(s), two are the least"
        for _, posting_id, of, debit, credit in sides:
            if of != currency:
                yield f"entry {entry_id} is in {currency}, its posting {posting_id} in {of}"
            if (debit > 0) == (credit > 0) or debit < 0 or credit < 0:
                yield f"posting {posting_id} of entry {entry_id} has not one positive side"
        difference = sum(side[3] - side[4] for side in sides)
        if difference:
            yield f"entry {entry_id} does not balance: debits exceed credits by {shown(difference, currency)}"


def trial_balance(ground: Ground) -> Iterator[str]:
    """Debits and credits of all postings are equal in each currency."""
    difference: dict[str, int] = defaultdict(int)
    sides = ground.books.rows("SELECT currency, debit_minor, credit_minor FROM posting")
    for currency, debit, credit in sides:
        ground.rows += 1
        difference[currency] += debit - credit
    for currency, minor in sorted(difference.items()):
        if minor:
            yield f"all postings in {currency}: debits exceed credits by {shown(minor, currency)}"
