"""INV-3: what an invoice still asks for is what the books say; allocations and adjustments stand in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from checker.currencies import shown
from checker.ground import Ground
from checker.sources import Row, side_by_side

#: Ledger accounts out of which a receivable is paid: each such credit has its allocation.
_MEANS = frozenset(
    {
        "gateway_clearing", "bank", "bank_in_transit", "unapplied_credit", "credit_notes",
        # Money that had gone back and came again.
        "chargebacks_held", "refunds_payable",
    }
)  # fmt: skip
#: Ledger accounts that a receivable is reduced against: each such credit has its adjustment of a kind.
_ADJUSTS = {
    "settlement_discount": frozenset({"settlement_discounts", "settlement_discount_tax"}),
    "early_payment_discount": frozenset({"settlement_discounts", "settlement_discount_tax"}),
    "small_difference": frozenset({"small_differences"}),
    "withholding_tax": frozenset({"withholding_tax"}),
    "write_off": frozenset({"bad_debt"}),
}
_REDUCES = frozenset().union(*_ADJUSTS.values())


def balances(ground: Ground) -> Iterator[str]:
    """Each document's cached balance is the sum of its postings, within its total, and fits its status."""
    documents = ground.books.rows(
        "SELECT id, account_id, kind, status, currency, total_minor, balance_minor FROM invoice ORDER BY id"
    )
    postings = ground.books.rows(
        "SELECT invoice_id, id, account_id, currency, ledger_code, debit_minor, credit_minor FROM posting"
        " WHERE invoice_id IS NOT NULL AND ledger_code IN ('receivables', 'unapplied_credit')"
        " ORDER BY invoice_id, id"
    )
    for invoice_id, (found, sides) in side_by_side(documents, postings):
        ground.rows += 1
        if not found:
            yield f"posting {sides[0][1]} names invoice {invoice_id}, which does not exist"
            continue
        yield from _document(found[0], sides)
    yield from allocations(ground)
    yield from taken_back(ground)
    yield from adjustments(ground)


def _document(row: Row, sides: list[Row]) -> Iterator[str]:
    invoice_id, account_id, kind, status, currency, total, balance = row
    owed = kind != "credit_note"
    code, sign = ("receivables", 1) if owed else ("unapplied_credit", -1)
    for _, posting_id, posted_to, of, ledger_code, _, _ in sides:
        if ledger_code != code:
            yield f"posting {posting_id} moves {ledger_code} of {kind} {invoice_id}"
        if (posted_to, of) != (account_id, currency):
            yield (
                f"posting {posting_id} is for account {posted_to} in {of},"
                f" its invoice {invoice_id} for account {account_id} in {currency}"
            )
    moves = [sign * (side[5] - side[6]) for side in sides]
    if sum(moves) != balance:
        yield (
            f"invoice {invoice_id} says it has {shown(balance, currency)} open,"
            f" its postings say {shown(sum(moves), currency)}"
        )
    if not 0 <= balance <= total:
        yield f"invoice {invoice_id} has {shown(balance, currency)} open of {shown(total, currency)}"
    if status in ("open", "paid", "written_off") and (status != "open") != (balance == 0):
        yield f"invoice {invoice_id} is {status} with {shown(balance, currency)} open"
    if (moves or balance) and status != "draft" and (moves or [0])[0] != total:
        yield (
            f"invoice {invoice_id} came into the books with {shown((moves or [0])[0], currency)},"
            f" its total is {shown(total, currency)}"
        )


def allocations(ground: Ground) -> Iterator[str]:
    """In each entry that pays receivables, the allocations to an invoice are its credits, to the unit."""
    entries = ground.books.rows("SELECT id, reverses_id FROM ledger_entry ORDER BY id")
    postings = ground.books.rows(
        "SELECT entry_id, ledger_code, invoice_id, debit_minor, credit_minor, currency FROM posting"
        " ORDER BY entry_id, position"
    )
    parts = ground.books.rows(
        "SELECT entry_id, id, invoice_id, amount_minor, currency FROM allocation ORDER BY entry_id, id"
    )
    for entry_id, (entry, sides, allotted) in side_by_side(entries, postings, parts):
        if not entry and allotted:
            yield f"allocation {allotted[0][1]} belongs to entry {entry_id}, which does not exist"
        pays = any(side[1] in _MEANS and side[3] for side in sides) and entry and entry[0][1] is None
        if not pays and not allotted:
            continue
        ground.rows += len(allotted)
        credited: dict[tuple[int, str], int] = defaultdict(int)
        allocated: dict[tuple[int, str], int] = defaultdict(int)
        for _, code, invoice_id, _, credit, currency in sides:
            if code == "receivables" and credit:
                credited[invoice_id, currency] += credit
        for _, _, invoice_id, amount, currency in allotted:
            allocated[invoice_id, currency] += amount
        for key in sorted(credited.keys() | allocated.keys()):
            if credited[key] != allocated[key]:
                invoice_id, currency = key
                yield (
                    f"entry {entry_id} credits invoice {invoice_id} with {shown(credited[key], currency)},"
                    f" its allocations say {shown(allocated[key], currency)}"
                )


_OWED_AGAIN = """
SELECT e.id, s.invoice_id, s.currency, SUM(s.debit_minor) FROM ledger_entry e
  JOIN posting s ON s.entry_id = e.id AND s.ledger_code = 'receivables' AND s.debit_minor > 0
 WHERE e.kind = 'payment_returned' GROUP BY e.id, s.invoice_id, s.currency ORDER BY 1, 2
"""
_TAKEN = """
SELECT v.entry_id, a.invoice_id, v.currency, SUM(t.amount_minor) FROM payment_reversal v
  JOIN allocation_reversal t ON t.reversal_id = v.id JOIN allocation a ON a.id = t.allocation_id
 GROUP BY v.entry_id, a.invoice_id, v.currency ORDER BY 1, 2
"""


def taken_back(ground: Ground) -> Iterator[str]:
    """What a returned payment lets be owed again is what was taken off its allocations, by invoice."""
    owed = {row[:3]: int(row[3]) for row in ground.books.rows(_OWED_AGAIN)}
    taken = {row[:3]: int(row[3]) for row in ground.books.rows(_TAKEN)}
    ground.rows += len(taken)
    for entry_id, invoice_id, currency in sorted(owed.keys() | taken.keys()):
        found, said = (kind.get((entry_id, invoice_id, currency), 0) for kind in (owed, taken))
        if found != said:
            yield (
                f"entry {entry_id} lets {shown(found, currency)} of invoice {invoice_id} be owed again,"
                f" {shown(said, currency)} was taken off its allocations"
            )


def adjustments(ground: Ground) -> Iterator[str]:
    """An entry that reduces an invoice otherwise than by money has one adjustment of its kind and sum."""
    entries = ground.books.rows("SELECT id, reverses_id FROM ledger_entry ORDER BY id")
    postings = ground.books.rows(
        "SELECT entry_id, ledger_code, invoice_id, account_id, debit_minor, credit_minor, currency"
        " FROM posting ORDER BY entry_id, position"
    )
    parts = ground.books.rows(
        "SELECT entry_id, id, invoice_id, account_id, kind, amount_minor, currency FROM adjustment"
        " ORDER BY entry_id, id"
    )
    for entry_id, (entry, sides, adjusted) in side_by_side(entries, postings, parts):
        if not entry and adjusted:
            yield f"adjustment {adjusted[0][1]} belongs to entry {entry_id}, which does not exist"
        reduces = {side[1] for side in sides if side[1] in _REDUCES and side[4]}
        if not adjusted and not (reduces and entry and entry[0][1] is None):
            continue
        ground.rows += len(adjusted)
        credited = [(s[2], s[3], s[5], s[6]) for s in sides if s[1] == "receivables" and s[5]]
        said = [(a[2], a[3], a[5], a[6]) for a in adjusted]
        if credited != said:
            yield f"entry {entry_id} reduces {_reduced(credited)}, its adjustments say {_reduced(said)}"
        for _, adjustment_id, _, _, kind, _, _ in adjusted:
            if not reduces <= _ADJUSTS.get(kind, frozenset()):
                yield f"adjustment {adjustment_id} is {kind}, its entry debits {', '.join(sorted(reduces))}"


def _reduced(rows: list[Row]) -> str:
    return " and ".join(f"invoice {i} by {shown(minor, code)}" for i, _, minor, code in rows) or "nothing"
