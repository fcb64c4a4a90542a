"""Where money goes: pure arithmetic over balances (M-09, M-13).

The debtor's direction comes first, then policy order (oldest due date first); what is left over
becomes unapplied credit, never a negative balance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from models.payments import AllocationRule


@dataclass(frozen=True, slots=True)
class Target:
    """One open document: what may still be put on it, and since when it is due."""

    invoice_id: int
    open_minor: int
    due_on: date | None


@dataclass(frozen=True, slots=True)
class Share:
    """An amount for one document and the rule that put it there."""

    invoice_id: int
    amount_minor: int
    rule: AllocationRule


def oldest_first(targets: Sequence[Target]) -> list[Target]:
    """Order documents by due date, then id; those without a due date last."""
    return sorted(targets, key=lambda t: (t.due_on is None, t.due_on or date.max, t.invoice_id))


def spread(amount_minor: int, targets: Sequence[Target]) -> list[tuple[Target, int]]:
    """Fill documents in the order given until the amount is used up.

    >>> [n for _, n in spread(120, [Target(1, 100, None), Target(2, 50, None)])]
    [100, 20]
    """
    shares = []
    for target in targets:
        part = min(amount_minor, target.open_minor)
        if part > 0:
            shares.append((target, part))
            amount_minor -= part
    return shares


def allocate(
    amount_minor: int, targets: Sequence[Target], directed: dict[int, int]
) -> tuple[list[Share], int]:
    """Share an amount out as the debtor directed; without a direction, oldest due date first.

    Args:
        amount_minor: what came, > 0.
        targets: the documents that may receive, with what is open on each.
        directed: invoice id -> amount the debtor meant for it; empty for no direction. What is
            directed nowhere, or to what is closed meanwhile, is left over.
    Returns:
        The shares, and what is left over for unapplied credit. Shares and rest sum to the amount.
    """
    open_minor = {t.invoice_id: t.open_minor for t in targets}
    shares: dict[int, Share] = {}
    left = amount_minor
    for target in oldest_first(targets):
        part = min(left, directed.get(target.invoice_id, 0), open_minor[target.invoice_id])
        if part > 0:
            shares[target.invoice_id] = Share(target.invoice_id, part, AllocationRule.DIRECTED)
            open_minor[target.invoice_id] -= part
            left -= part
    if not directed:
        for target, part in spread(left, oldest_first(targets)):
            shares[target.invoice_id] = Share(target.invoice_id, part, AllocationRule.OLDEST_FIRST)
            left -= part
    return list(shares.values()), left
