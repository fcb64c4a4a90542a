"""FT-08: the handler of an event fails three times, or for ever; the others go on (B6).

INV-13: only what is done makes a repeat a repeat, and what is never understood is shown.
"""

from __future__ import annotations

from sqlalchemy import Select, select

from models.payments import InboxEvent
from models.states import InboxStatus
from models.work import Alert
from tests.faults import notices
from tests.faults.waiting import await_
from tests.faults.works import Works


def test_three_failures_then_done(works: Works) -> None:
    """FT-08, B6: the tries 1 to 3 raise; the repeat of the gateway is no "duplicate", and it is done."""
    account = works.account(57600)
    debtor = works.debtor(account)
    page = debtor.begin(debtor.review())
    assert page is not None
    works.strike("settle.before_commit", "raise", times=3)
    debtor.pay_hosted(page)
    await_("all three failed", lambda: not works.waiting_strikes())
    (attempt,) = works.attempts(account)
    mine = (InboxEvent.attempt_ref == attempt.ref) & InboxEvent.error.is_not(None)
    failed = works.look(lambda s: list(s.scalars(_rows().where(mine))))
    assert failed
    for row in failed:
        works.stripe.control("resend", event=row.event_id)
    works.prove()
    assert works.open_minor(account) == 0
    ended = works.look(lambda s: [s.get_one(InboxEvent, row.id).status for row in failed])
    assert set(ended) <= {InboxStatus.DONE}


def test_a_poison_event_blocks_nobody(works: Works) -> None:
    """FT-08: an event that can never be understood stands on the list; ten payments beside it are booked."""
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


def _rows() -> Select[tuple[InboxEvent]]:
    return select(InboxEvent).order_by(InboxEvent.id)
