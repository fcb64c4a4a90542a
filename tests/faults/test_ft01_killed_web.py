"""FT-01: kill -9 of the web process, and of a worker, at each named point, while debtors pay.

INV-2, INV-3, INV-4, INV-6, INV-7, INV-13, INV-14: whatever was told stands, whatever the gateway took is
booked once, and nobody repairs anything by hand.
"""

from __future__ import annotations

import pytest

from models.money import Money
from receivables import credit_notes
from receivables.permissions import SYSTEM
from tests.effort import LONG
from tests.faults.debtors import pays_until_paid
from tests.faults.works import Works, now
from tests.races import together

#: FT-01 speaks of two hundred payers.
PAYERS = 200 if LONG else 4
POINTS = (
    "attempt.before_commit", "attempt.after_commit", "attempt.after_call", "pay.before_answer",
    "settle.before_commit", "settle.after_commit", "event.before_commit", "event.after_commit",
)  # fmt: skip
WORKER_POINTS = (
    "event.after_lease", "event.before_done", "job.after_lease", "job.before_done", "message.after_send",
)  # fmt: skip


@pytest.mark.parametrize("point", POINTS)
def test_killed_at(works: Works, point: str) -> None:
    """FT-01: each payer is charged once, and what he was told is so."""
    accounts = [works.account(57600 + n) for n in range(PAYERS)]
    debtors = [works.debtor(account) for account in accounts]
    works.strike(point, "kill", times=1 + PAYERS // 8)
    told = together(min(PAYERS, 8), lambda n: [pays_until_paid(d) for d in debtors[n::8]])
    assert not [one for one in told if isinstance(one, Exception)], told
    assert works.waiting_strikes() == []
    works.prove()
    assert [works.open_minor(account) for account in accounts] == [0] * PAYERS


@pytest.mark.parametrize("point", WORKER_POINTS)
def test_worker_killed_at(works: Works, point: str) -> None:
    """FT-01: notifications, outside effects and messages are taken up again by whoever lives."""
    accounts = [works.account(57600 + n) for n in range(3)]
    left = works.debtor(accounts[0])
    assert left.begin(left.review()) is not None  # an open page that the credit note is to end
    works.strike(point, "kill", times=2)
    invoice = works.invoice(accounts[0])
    works.house.store.run(
        lambda s: credit_notes.record_credit_note(
            s,
            SYSTEM,
            invoice.ref,
            number=f"CN-{invoice.id}",
            amount=Money(7600, "GBP"),
            reason="Wet",
            now=now(),
        )
    )  # fmt: skip
    for account in accounts[1:]:
        pays_until_paid(works.debtor(account))
    works.await_struck()
    works.prove()
    assert [works.open_minor(account) for account in accounts] == [50000, 0, 0]
