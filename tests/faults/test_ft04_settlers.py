"""FT-04: the return page, the webhook, the sweeper and the backfill settle one payment at once (B7).

INV-5, INV-6, INV-8: one payment, one entry, one confirmation, whoever comes first.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select, update

from jobs import backfill, worker
from models.messages import Message
from models.payments import InboxEvent, Payment
from models.reconciliation import GatewayWatch
from receivables.payments import settling
from receivables.reconciling.backfill import NEW, WIDE
from tests.effort import LONG
from tests.faults.waiting import await_
from tests.faults.works import Works
from tests.races import together

#: FT-04 speaks of a hundred.
REPEATS = 100 if LONG else 4
#: Of the events of a payment the one that does not reach us by itself.
LISTED = "payment_intent.succeeded"


def test_all_four_at_once(works: Works) -> None:
    """FT-04, B7: nobody raises, and the second finds the work done."""
    works.ahead = timedelta(minutes=45)  # the sweeper looks half an hour after the start
    listed = 0
    for _ in range(REPEATS):
        account = works.account(57600)
        debtor = works.debtor(account)
        page = debtor.begin(debtor.review())
        assert page is not None
        (attempt,) = works.attempts(account)
        works.stripe.fault(f"webhook:{LISTED}", "drop")  # of this one only the gateway's list tells
        _list_is_due(works)
        debtor.pay_hosted(page)  # the webhooks set out at this moment
        later = datetime.now(UTC) + timedelta(minutes=31)
        ways: list[Callable[[], object]] = [
            lambda: backfill.look(works.house, now=datetime.now(UTC)),
            lambda d=debtor, a=attempt: d.told(a.ref),
            lambda: works.stripe.control("flush"),
            lambda at=later: worker.sweep(works.house, now=at),
            lambda a=attempt, at=later: settling.settle(works.house.store, works.gateway, a.ref, now=at),
        ]
        ended = together(len(ways), lambda n, w=ways: w[n]())
        assert not [one for one in ended if isinstance(one, Exception)], ended
        listed += ended[0]
        # Each time the list is read, by this process or by a worker who was first.
        await_("the list has told of it", lambda a=attempt: _brought_in(works, a.ref))
        assert _booked(works, attempt.id) == (1, 1)
        assert works.open_minor(account) == 0
    assert listed > 0
    works.prove()


def _list_is_due(works: Works) -> None:
    """Let whoever looks next read the gateway's list of events again."""
    now = datetime.now(UTC)
    its = GatewayWatch.work.in_([NEW, WIDE])
    works.house.store.run(
        lambda s: s.execute(update(GatewayWatch).where(its).values(next_at=now, read_to_at=now))
    )


def _brought_in(works: Works, ref: str) -> int:
    """How many events of an attempt came by the gateway's list alone."""
    mine = (InboxEvent.attempt_ref == ref) & InboxEvent.brought_in
    count = select(func.count()).select_from(InboxEvent).where(mine, InboxEvent.type == LISTED)
    return int(works.look(lambda s: s.scalar(count)) or 0)


def _booked(works: Works, attempt_id: int) -> tuple[int, int]:
    """Payments of an attempt, and confirmations of them."""

    def count(s: object) -> tuple[int, int]:
        payments = list(s.scalars(select(Payment.id).where(Payment.attempt_id == attempt_id)))  # type: ignore[attr-defined]
        keys = [f"receipt:payment:{payment}" for payment in payments]
        told = s.scalar(select(func.count()).where(Message.dedupe_key.in_(keys)))  # type: ignore[attr-defined]
        return len(payments), told

    return works.look(count)
