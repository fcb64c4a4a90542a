"""FT-07: a notification comes before our own commit, or for something that we never knew (B5).

INV-6, INV-13: kept, tried again, and at last shown to a person; never answered 200 and forgotten.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select

from models.payments import InboxEvent
from models.states import AttemptStatus, InboxStatus
from models.work import Alert
from receivables.payments import settling
from tests.faults import notices
from tests.faults.waiting import await_
from tests.faults.works import Works
from tests.races import together


def test_paid_before_we_know_of_the_page(works: Works) -> None:
    """FT-07, B5: the page is paid and told of while the process that opened it has not committed it."""
    account = works.account(57600)
    debtor = works.debtor(account)
    form = debtor.review()
    works.strike("attempt.after_call", "sleep")
    before = len(works.stripe_objects("checkout.session"))

    def pay_at_once() -> None:
        await_("the gateway has the page", lambda: len(works.stripe_objects("checkout.session")) > before)
        debtor.pay_hosted(works.stripe_objects("checkout.session")[-1]["url"])

    ended = together(2, lambda n: (lambda: debtor.begin(form), pay_at_once)[n]())
    assert not [one for one in ended if isinstance(one, Exception)], ended
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


def test_an_attempt_that_comes_after_its_event(works: Works) -> None:
    """FT-07: what could not be understood at first is understood once the attempt is here."""
    account = works.account(57600)
    debtor = works.debtor(account)
    page = debtor.begin(debtor.review())
    assert page is not None
    (attempt,) = works.attempts(account)
    works.stripe.fault("webhook:*", "drop", count=20)
    debtor.pay_hosted(page)
    works.stripe.control("clear_faults")
    assert works.open_minor(account) == 57600
    settling.settle(works.house.store, works.gateway, attempt.ref, now=datetime.now(UTC))
    works.prove()
    assert works.open_minor(account) == 0


def _id(session: object, event_id: str) -> int:
    return int(session.scalar(select(InboxEvent.id).where(InboxEvent.event_id == event_id)))  # type: ignore[attr-defined]


def _status(works: Works, event_id: str) -> InboxStatus | None:
    return works.look(lambda s: s.scalar(select(InboxEvent.status).where(InboxEvent.event_id == event_id)))
