"""FT-08: the handler of an event fails three times, or for ever; the others go on (B6).

INV-13: only what is done makes a repeat a repeat, and what is never understood is shown.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from jobs import worker
from models.accounts import Account
from models.payments import InboxEvent, Payment
from models.states import InboxStatus
from models.work import Alert
from tests.faults import notices
from tests.faults.works import Works, now


def test_three_failures_then_done(works: Works) -> None:
    """FT-08, B6: the handler of one event raises on the tries 1 to 3; each repeat of the gateway is no
    "duplicate", the fourth try is done, and the payment is booked once."""
    account = works.account(57600)
    debtor = works.debtor(account)
    page = debtor.begin(debtor.review())
    assert page is not None
    works.halt_workers()  # this test takes the event up itself, and nobody reads the gateway's list
    works.stripe.fault("webhook:*", "drop", count=20)
    debtor.pay_hosted(page)
    works.stripe.control("clear_faults")
    event_id = _completed(works, page)
    works.strike("settle.before_commit", "raise", times=3)
    for number in (1, 2, 3, 4):
        works.stripe.control("resend", event=event_id)
        works.stripe.control("flush")
        with works.struck_here():
            worker.take_events(works.house, worker="only", now=now())
        row = works.look(lambda s: s.scalars(_rows().where(InboxEvent.event_id == event_id)).one())
        is_last = number == 4
        assert (row.attempts, row.status, row.error) == (
            (4, InboxStatus.DONE, None) if is_last else (number, InboxStatus.FAILED, "Struck")
        )
        assert works.open_minor(account) == (0 if is_last else 57600)
    assert works.waiting_strikes() == []
    works.prove()
    assert works.look(lambda s: _payments(s, account)) == 1


def test_a_poison_event_blocks_nobody(works: Works) -> None:
    """FT-08: an event that can never be understood stands on the list; three payments beside it come in."""
    poison = notices.an_event(
        f"evt_poison_{works.port}", "checkout.session.completed",
        {"id": "cs_poison", "object": "checkout.session", "metadata": {"amicable": "1", "attempt": "poison"}},
    )  # fmt: skip
    assert notices.post(works, poison) == 200
    accounts = [works.account(1000 + n) for n in range(3)]
    for account in accounts:
        assert works.debtor(account).pay() == "ok"
    for _ in range(3):
        assert notices.post(works, poison) == 200  # the gateway's repeats
    works.park(poison["id"])
    works.prove()
    assert [works.open_minor(account) for account in accounts] == [0, 0, 0]
    row = works.look(lambda s: s.scalars(_rows().where(InboxEvent.event_id == poison["id"])).one())
    assert works.look(lambda s: s.scalars(select(Alert.code).where(Alert.key == f"inbox:{row.id}")).all())


def _completed(works: Works, page: str) -> str:
    """The gateway's event that says that a page was paid."""
    with closing(sqlite3.connect(works.stripe.db_path)) as db:
        ids = db.execute(
            "SELECT id FROM event WHERE type = 'checkout.session.completed' AND object = ?",
            (page.rpartition("/")[2],),
        ).fetchall()
    ((event_id,),) = ids
    return str(event_id)


def _payments(session: Session, account: Account) -> int:
    count = select(func.count()).select_from(Payment).where(Payment.account_id == account.id)
    return int(session.scalar(count) or 0)


def _rows() -> Select[tuple[InboxEvent]]:
    return select(InboxEvent).order_by(InboxEvent.id)
