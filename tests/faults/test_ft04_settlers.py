"""FT-04: the return page, the webhook, the sweeper and the backfill settle one payment at once (B7).

INV-5, INV-6, INV-8: one payment, one entry, one confirmation, whoever comes first.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from jobs import backfill, worker
from models.messages import Message
from models.payments import Payment
from receivables.payments import settling
from tests.effort import LONG
from tests.faults.works import Works
from tests.races import together

#: FT-04 speaks of a hundred.
REPEATS = 100 if LONG else 4


def test_all_four_at_once(works: Works) -> None:
    """FT-04, B7: nobody raises, and the second finds the work done."""
    works.ahead = timedelta(minutes=45)  # the sweeper looks half an hour after the start
    for _ in range(REPEATS):
        account = works.account(57600)
        debtor = works.debtor(account)
        page = debtor.begin(debtor.review())
        assert page is not None
        (attempt,) = works.attempts(account)
        debtor.pay_hosted(page)  # the webhooks set out at this moment
        later = datetime.now(UTC) + timedelta(minutes=31)
        ways: list[Callable[[], object]] = [
            lambda d=debtor, a=attempt: d.told(a.ref),
            lambda: works.stripe.control("flush"),
            lambda at=later: worker.sweep(works.house, now=at),
            lambda at=later: backfill.look(works.house, now=at),
            lambda a=attempt, at=later: settling.settle(works.house.store, works.gateway, a.ref, now=at),
        ]
        ended = together(len(ways), lambda n, w=ways: w[n]())
        assert not [one for one in ended if isinstance(one, Exception)], ended
        assert _booked(works, attempt.id) == (1, 1)
        assert works.open_minor(account) == 0
    works.prove()


def _booked(works: Works, attempt_id: int) -> tuple[int, int]:
    """Payments of an attempt, and confirmations of them."""

    def count(s: object) -> tuple[int, int]:
        payments = list(s.scalars(select(Payment.id).where(Payment.attempt_id == attempt_id)))  # type: ignore[attr-defined]
        keys = [f"receipt:payment:{payment}" for payment in payments]
        told = s.scalar(select(func.count()).where(Message.dedupe_key.in_(keys)))  # type: ignore[attr-defined]
        return len(payments), told

    return works.look(count)
