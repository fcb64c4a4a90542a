"""FT-17: no notification comes for 30 minutes, four days, a month; and one event was never made (B17).

INV-4, INV-6, INV-13: the gateway's own list brings in what it still has, the daily reconciliation what
it has not, and somebody is told. Nobody sweeps here: each of the two must find it alone.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from jobs import backfill, reconcile, worker
from models.reconciliation import GatewayWatch
from models.states import AttemptStatus
from receivables.reconciling import backfill as events
from receivables.reconciling import runs
from tests.faults.waiting import await_
from tests.faults.works import LATER, Works, now

#: How long the endpoint is off; and whether the gateway's list, of 30 days, still tells of it then.
AWAY = {
    "30 minutes": (timedelta(minutes=30), True),
    "4 days": (timedelta(days=4), True),
    "31 days": (timedelta(days=31), False),
}
OWED = 57600


@pytest.mark.parametrize("away", AWAY)
def test_nothing_came(works: Works, away: str) -> None:
    """FT-17, B17: the endpoint is off and debtors pay and leave; the list books it, or the comparison."""
    _nobody_looks(works)
    works.stripe.control("endpoint", status="disabled")
    accounts = [works.account(OWED) for _ in range(3)]
    for account in accounts:
        debtor = works.debtor(account)
        page = debtor.begin(debtor.review())
        assert page is not None
        debtor.pay_hosted(page)  # and closes the window
    works.halt()
    off, is_listed = AWAY[away]
    later = now() + off
    assert (backfill.look(works.house, now=later) > 0) is is_listed
    assert works.alerts("endpoint_off") > 0
    assert works.alerts("events_gap") == (0 if is_listed else 1)
    _take_all(works, later)
    assert [works.open_minor(account) for account in accounts] == [0 if is_listed else OWED] * 3
    found = works.alerts("money_found")
    missed = 0 if is_listed else 3
    if off < timedelta(days=1):  # its own day has not come yet
        result = runs.reconcile(
            works.house.store, works.gateway, now() - timedelta(hours=2), later, now=later
        )
    else:
        own = reconcile.daily(works.house, now=later)["default"]
        assert own is not None
        result = own
    assert (result.brought_in, result.agrees) == (missed, True)
    assert works.alerts("money_found") - found == missed
    assert [works.open_minor(account) for account in accounts] == [0, 0, 0]
    works.stripe.control("endpoint", status="enabled")
    works.spent, works.ahead = True, off + LATER
    works.prove()


def test_an_event_that_was_never_made(works: Works) -> None:
    """FT-17: the gateway made no event of a payment at all: reconciliation finds its money and says so."""
    _nobody_looks(works)
    account = works.account(OWED)
    debtor = works.debtor(account)
    page = debtor.begin(debtor.review())
    assert page is not None
    works.halt()
    works.stripe.control("endpoint", status="disabled")
    debtor.pay_hosted(page)
    works.forget_events()
    later = now() + timedelta(hours=3)
    assert backfill.look(works.house, now=later) == 0
    found = works.alerts("money_found")
    result = runs.reconcile(works.house.store, works.gateway, now() - timedelta(hours=2), later, now=later)
    assert result.brought_in == 1
    assert works.alerts("money_found") - found == 1
    worker.take_jobs(works.house, worker="later", now=later)
    assert works.attempts(account)[0].status is AttemptStatus.SUCCEEDED
    assert works.open_minor(account) == 0
    works.stripe.control("endpoint", status="enabled")
    works.spent, works.ahead = True, timedelta(hours=3) + LATER
    works.prove()


def _nobody_looks(works: Works) -> None:
    """Stop the workers when each of their looks at the gateway has come to an end once."""
    looks = (events.NEW, events.WIDE, reconcile.WORK)
    await_(
        "the gateway was looked at",
        lambda: works.look(
            lambda s: all(
                (row := s.get(GatewayWatch, ("default", work))) is not None and row.read_to_at is not None
                for work in looks
            )
        ),
    )
    works.halt_workers()


def _take_all(works: Works, at: datetime) -> None:
    """Take up every notification that is here."""
    while worker.take_events(works.house, worker="later", now=at):
        pass
