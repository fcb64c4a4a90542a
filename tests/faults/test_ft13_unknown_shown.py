"""FT-13: nobody knows how a payment ended, for a quarter of an hour (B13).

INV-6, INV-13: the page says that we are checking and takes no second payment; then the truth, or an alert.
"""

from __future__ import annotations

from datetime import timedelta

from jobs import worker
from models.states import AttemptStatus
from receivables.policy import default_policy
from tests.faults.works import LATER, Works


def test_the_debtor_is_told_that_we_check(works: Works) -> None:
    """FT-13, B13: not "failed", not "paid"; a second start is refused; the list says it after its time."""
    account = works.account(57600)
    debtor = works.debtor(account)
    works.halt_workers()  # nobody finds it out by himself meanwhile
    works.stripe.fault("checkout.sessions.create", "drop", count=999)
    assert debtor.begin(debtor.review()) is None
    (attempt,) = works.attempts(account)
    assert attempt.status is AttemptStatus.UNKNOWN
    page = debtor.get(f"/r/{attempt.ref}")
    assert "We are checking your payment" in page.text
    assert "Please do not pay again" in page.text
    assert page.status == 200
    assert debtor.review() == []  # nothing can be started meanwhile
    assert len(works.attempts(account)) == 1
    assert attempt.unknown_since is not None
    wait = default_policy().alert_after
    works.stripe.fault("*", "drop", count=999)
    worker.sweep(works.house, now=attempt.unknown_since + wait - timedelta(minutes=2))
    assert works.alerts("attempt_unresolved") == 0
    worker.sweep(works.house, now=attempt.unknown_since + wait)
    assert works.alerts("attempt_unresolved") == 1
    works.ahead = wait + LATER  # the next look counts from the sweeper's last one
    works.stripe.control("clear_faults")
    works.prove()
    assert works.attempts(account)[0].status is AttemptStatus.OPEN
    assert debtor.pay() == "ok"
    works.prove()
