"""FT-03: the gateway's answer is lost, late, or says nothing (B2, B12): four outcomes, never three.

INV-4, INV-6, INV-7, INV-13: nothing is charged twice, and what is unknown is found out or stands on a list.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from models.states import AttemptStatus
from receivables.payments import settling
from tests.effort import LONG
from tests.faults.debtors import LineBroke
from tests.faults.waiting import await_
from tests.faults.works import Works

#: FT-03 speaks of fifty of each.
EACH = 50 if LONG else 1
CREATE, READ = "checkout.sessions.create", "checkout.sessions.retrieve"
#: What the gateway does to a call, and how often: three tries of the client are one call.
OUTCOMES = {
    "line broken": ("drop", {}),
    "answer lost after the effect": ("timeout_after", {}),
    "line cut late after the effect": ("timeout_after", {"hold_seconds": 0.2}),
    "line cut late before the effect": ("timeout_before", {"hold_seconds": 0.2}),
    "500 saved under the key": ("error_500", {"stored": True}),
    "key in use": ("409", {}),
    "too many": ("429", {}),
    "slow": ("slow", {"seconds": 1}),
}
#: A gateway that hangs for longer than its answer is waited for, seconds; and what it did before or after.
WAITED, HANGS = "1", 4
HANGING = (
    ("timeout_after", {"hold_seconds": HANGS}), ("timeout_before", {"hold_seconds": HANGS}),
    ("slow", {"seconds": HANGS}),
)  # fmt: skip


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_the_call_that_opens_the_page(works: Works, outcome: str) -> None:
    """FT-03, B2, B12: a debtor who asks again and again gets one page, and pays once."""
    kind, options = OUTCOMES[outcome]
    for _ in range(EACH):
        _asks_until_paid(works, kind, options)
    works.prove()


def test_the_gateway_hangs(works: Works) -> None:
    """FT-03, B2, B12: no answer in the time that is waited, before, after or at the effect: paid once."""
    works.halt()
    works.environment["AMICABLE_GATEWAY_SECONDS"] = WAITED
    works.start()
    for kind, options in HANGING * EACH:
        _asks_until_paid(works, kind, options)
    works.halt()
    del works.environment["AMICABLE_GATEWAY_SECONDS"]
    works.prove()


def _asks_until_paid(works: Works, kind: str, options: dict[str, object]) -> None:
    """A debtor asks for his page while the gateway does so to four calls, and again until he has paid."""
    account = works.account(57600)
    debtor = works.debtor(account)
    works.stripe.fault(CREATE, kind, count=4, **options)
    told: list[str] = []
    for _ in range(3):
        try:
            told.append(debtor.pay())
        except LineBroke as error:
            told.append(str(error))
    works.stripe.control("clear_faults")
    if "ok" not in told:
        # The truth is found out by the one who looks after unknown outcomes, then it can be paid.
        await_("the outcome is known", lambda: _known(works) and debtor.pay() in ("ok", "nothing"))
    assert works.open_minor(account) == 0
    assert sum(a.status is AttemptStatus.SUCCEEDED for a in works.attempts(account)) == 1


def _known(works: Works) -> bool:
    works.quiet()
    return True


def test_the_call_that_asks_for_the_truth(works: Works) -> None:
    """FT-03: paid, and every question about it fails at first: nobody is told "failed", all is booked."""
    account = works.account(57600)
    debtor = works.debtor(account)
    page = debtor.begin(debtor.review())
    assert page is not None
    works.stripe.fault(READ, "drop", count=9)
    works.stripe.fault("webhook:*", "drop", count=3)
    assert debtor.finish(page) in ("info", "ok")
    works.prove()
    assert works.open_minor(account) == 0


def test_a_key_that_was_forgotten(works: Works) -> None:
    """FT-03: after 25 hours the key is forgotten there: the gateway is searched, nothing is made anew."""
    account = works.account(57600)
    debtor = works.debtor(account)
    works.stripe.fault(CREATE, "timeout_after")
    works.stripe.fault(CREATE, "drop", count=2)
    assert debtor.pay() == "refused"
    (attempt,) = works.attempts(account)
    assert attempt.status is AttemptStatus.UNKNOWN
    made = works.stripe_objects("checkout.session")
    _forget_keys(works)
    later = datetime.now(UTC) + timedelta(hours=25)
    settling.settle(works.house.store, works.gateway, attempt.ref, now=later)
    (attempt,) = works.attempts(account)
    assert attempt.remote_id is not None
    assert works.stripe_objects("checkout.session") == made
    works.prove()
    assert debtor.pay() == "ok"
    works.prove()


def _forget_keys(works: Works) -> None:
    """Let the gateway forget every key, as it may after a day: a call that is sent again is a new one."""
    with closing(sqlite3.connect(works.stripe.db_path, timeout=30)) as db, db:
        assert db.execute("DELETE FROM idempotency").rowcount > 0
