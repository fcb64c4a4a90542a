"""FT-07: a notification comes before our own commit, or for something that we never knew (B5).

INV-6, INV-13: kept, tried again, and at last shown to a person; never answered 200 and forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from jobs import worker
from models.payments import InboxEvent, PaymentAttempt
from models.states import AttemptStatus, InboxStatus
from models.work import Alert
from tests.faults import notices
from tests.faults.debtors import Debtor
from tests.faults.waiting import await_
from tests.faults.works import LATER, Works, now

#: FT-07: so long before our own commit.
AHEAD = timedelta(seconds=5)


def test_paid_before_we_know_of_the_page(works: Works) -> None:
    """FT-07, B5: the page is paid and told of five seconds before the process that opened it commits it; the
    notification is kept, looked at meanwhile, and the payment is booked once."""
    account = works.account(57600)
    debtor = works.debtor(account)
    works.halt_workers()  # so that nobody looks at the notification before this test has seen it
    with _opening(works, debtor) as page:
        debtor.pay_hosted(page["url"])
        (attempt,) = works.attempts(account)
        await_("the notification is here", lambda: _events(works, attempt))
        assert works.attempts(account)[0].remote_id is None  # the page is not committed here
        works.start()
        came = min(event.received_at for event in _events(works, attempt))
        await_("it has been here for long, and was looked at", lambda: (
            now() - came >= AHEAD and any(event.attempts for event in _events(works, attempt))
        ))  # fmt: skip
    works.prove()
    assert [a.status for a in works.attempts(account)] == [AttemptStatus.SUCCEEDED]
    assert works.open_minor(account) == 0


def test_what_was_never_known(works: Works) -> None:
    """FT-07: an event that bears our mark and names no attempt of ours is tried again, then shown; one
    without our mark is somebody else's and done at once (P-13)."""
    ours = notices.an_event(
        f"evt_never_{works.port}", "checkout.session.completed",
        {"id": "cs_never", "object": "checkout.session", "metadata": {"amicable": "1", "attempt": "never"}},
    )  # fmt: skip
    theirs = notices.an_event(
        f"evt_theirs_{works.port}", "checkout.session.completed",
        {"id": "cs_theirs", "object": "checkout.session", "metadata": {}},
    )  # fmt: skip
    assert [notices.post(works, event) for event in (ours, theirs)] == [200, 200]
    await_("both are looked at", lambda: _status(works, ours["id"]) is InboxStatus.FAILED)
    await_("theirs is done", lambda: _status(works, theirs["id"]) is InboxStatus.DONE)
    works.park(ours["id"])
    assert works.look(
        lambda s: s.scalar(select(Alert.code).where(Alert.key == f"inbox:{_id(s, ours['id'])}"))
    )
    works.prove()


def test_an_event_that_is_understood_once_the_page_is_here(works: Works) -> None:
    """FT-07: an event that names nothing but a page that is not committed here is answered 200, fails, and is
    understood after the commit; the payment is booked by it."""
    account = works.account(57600)
    debtor = works.debtor(account)
    works.halt_workers()  # who might read the gateway's list, or try again meanwhile
    works.stripe.fault("webhook:*", "drop", count=20)  # the gateway's own, which name the attempt
    with _opening(works, debtor) as page:
        debtor.pay_hosted(page["url"])
        early = notices.an_event(
            f"evt_early_{account.id}_{works.port}", "checkout.session.completed",
            {"id": page["id"], "object": "checkout.session", "metadata": {"amicable": "1"}},
        )  # fmt: skip
        assert notices.post(works, early) == 200
        worker.take_events(works.house, worker="now", now=now())
        assert _status(works, early["id"]) is InboxStatus.FAILED
        assert works.attempts(account)[0].remote_id is None
        assert works.open_minor(account) == 57600
    assert works.attempts(account)[0].remote_id == page["id"]
    worker.take_events(works.house, worker="later", now=now() + LATER)
    assert _status(works, early["id"]) is InboxStatus.DONE
    assert works.open_minor(account) == 0
    works.prove()


@contextmanager
def _opening(works: Works, debtor: Debtor) -> Iterator[dict[str, Any]]:
    """The page that the gateway has made for a debtor while our process, held, has not written it down."""
    form = debtor.review()
    before = len(works.stripe_objects("checkout.session"))
    works.strike("attempt.after_call", "hold")
    with ThreadPoolExecutor(1) as window:
        answer = window.submit(debtor.begin, form)
        try:
            works.await_held()
            (page,) = works.stripe_objects("checkout.session")[before:]
            yield page
            assert not answer.done()
        finally:
            works.forget_strikes()
        assert answer.result() == page["url"]


def _events(works: Works, attempt: PaymentAttempt) -> list[InboxEvent]:
    mine = select(InboxEvent).where(InboxEvent.attempt_ref == attempt.ref)
    return works.look(lambda s: list(s.scalars(mine)))


def _id(session: object, event_id: str) -> int:
    return int(session.scalar(select(InboxEvent.id).where(InboxEvent.event_id == event_id)))  # type: ignore[attr-defined]


def _status(works: Works, event_id: str) -> InboxStatus | None:
    return works.look(lambda s: s.scalar(select(InboxEvent.status).where(InboxEvent.event_id == event_id)))
