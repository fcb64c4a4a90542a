"""FT-17: no notification comes for 30 minutes, four days, a month; and one event was never made (B17).

INV-4, INV-6, INV-13: the gateway's own list and the daily reconciliation find all of it, and
somebody is told.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from jobs import backfill, worker
from models.states import AttemptStatus
from receivables.reconciling import runs
from tests.faults.works import LATER, Works, now

AWAY = {"30 minutes": timedelta(minutes=30), "4 days": timedelta(days=4), "31 days": timedelta(days=31)}


@pytest.mark.parametrize("away", AWAY)
def test_nothing_came(works: Works, away: str) -> None:
    """FT-17, B17: the endpoint is off and debtors pay and leave; afterwards every payment is booked."""
    works.stripe.control("endpoint", status="disabled")
    accounts = [works.account(57600 + n) for n in range(3)]
    for account in accounts:
        debtor = works.debtor(account)
        page = debtor.begin(debtor.review())
        assert page is not None
        debtor.pay_hosted(page)  # and closes the window
    works.halt()
    later = now() + AWAY[away]
    backfill.look(works.house, now=later)
    assert works.alerts("endpoint_off") > 0
    worker.take_events(works.house, worker="later", now=later)
    worker.sweep(works.house, now=later)
    result = runs.reconcile(works.house.store, works.gateway, now() - timedelta(hours=2), later, now=later)
    assert result.agrees
    assert [works.open_minor(account) for account in accounts] == [0, 0, 0]
    works.stripe.control("endpoint", status="enabled")
    works.spent, works.ahead = True, AWAY[away] + LATER
    works.prove()


def test_an_event_that_was_never_made(works: Works) -> None:
    """FT-17: the gateway made no event of a payment at all: reconciliation finds its movement."""
    account = works.account(57600)
    debtor = works.debtor(account)
    page = debtor.begin(debtor.review())
    assert page is not None
    works.halt()
    works.stripe.control("endpoint", status="disabled")
    debtor.pay_hosted(page)
    works.forget_events()
    later = now() + timedelta(hours=3)
    runs.reconcile(works.house.store, works.gateway, now() - timedelta(hours=2), later, now=later)
    worker.take_jobs(works.house, worker="later", now=later)
    assert works.attempts(account)[0].status is AttemptStatus.SUCCEEDED
    assert works.open_minor(account) == 0
    works.stripe.control("endpoint", status="enabled")
    works.spent, works.ahead = True, timedelta(hours=3) + LATER
    works.prove()
