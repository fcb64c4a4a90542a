"""What follows a fact, in the same unit of work; the top of the rules (house.md).

Money that came keeps a promise, pays an instalment, settles an offer, releases a credit hold.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from models.payments import Payment
from receivables import branch_notices, credit_holds, early_payment
from receivables.arrangements import offer_ends, plan_counts, promise_ends

#: Each is called once for every payment that was booked, after its allocations are written.
AFTER_PAYMENT: tuple[Callable[..., object], ...] = (
    early_payment.close_early,  # first: it changes what is open
    offer_ends.settle,
    offer_ends.void_paid,
    plan_counts.recount,
    promise_ends.keep,
    branch_notices.tell_branches,
    credit_holds.release_when_paid,  # last: it looks at what became of everything
)


def follow_payment(session: Session, payment: Payment, *, now: datetime) -> None:
    """Let everything follow that waits for money; called once for a payment, before the commit.

    The account is locked by the caller. Each follower is `verb(session, payment, *, now)` and takes
    a repeated call as done.
    """
    for follower in AFTER_PAYMENT:
        follower(session, payment, now=now)
