"""What is left of money that was put on documents, after what was taken back of it (P-20, P-21).

An allocation is never changed: what a reversal takes off it is a row of its own. Whoever counts money asks
here.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, and_, cast, exists, func, select
from sqlalchemy.orm import aliased

from models.ledger import LedgerEntry
from models.payments import Allocation, Payment
from models.reversals import AllocationReversal, PaymentReversal

_undone = aliased(LedgerEntry)
_taken = aliased(PaymentReversal)


def _whole(column: Any) -> ColumnElement[int]:
    """Sum a column of minor units; PostgreSQL would make a decimal number of it."""
    return cast(func.coalesce(func.sum(column), 0), BigInteger)


#: What of an allocation still counts, minor units; stands beside `Allocation`, also inside a sum.
KEPT_MINOR: ColumnElement[int] = Allocation.amount_minor - (
    select(_whole(AllocationReversal.amount_minor))
    .where(AllocationReversal.allocation_id == Allocation.id)
    .correlate(Allocation)
    .scalar_subquery()
)
#: Whether the entry of an allocation was undone whole.
UNDONE: ColumnElement[bool] = exists().where(_undone.reverses_id == Allocation.entry_id)


def _of_payment(column: Any) -> Any:
    """Sum a column over a payment's takings, less what was given back of them; correlated."""
    sums = [
        select(_whole(column))
        .where(and_(_taken.payment_id == Payment.id, which))
        .correlate(Payment)
        .scalar_subquery()
        for which in (_taken.undoes_id.is_(None), _taken.undoes_id.is_not(None))
    ]
    return sums[0] - sums[1]


#: What was taken back of a payment and not given back again, in all and beyond what was left of it; minor
#: units, beside `Payment`.
TAKEN_MINOR: ColumnElement[int] = _of_payment(_taken.amount_minor)
TAKEN_BEYOND_MINOR: ColumnElement[int] = _of_payment(_taken.beyond_minor)
