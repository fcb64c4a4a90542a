"""FT-02: the database says "somebody was first" at the commit after the gateway took the money (B1).

INV-4, INV-6, INV-7: the unit of work is tried again, the call to the gateway is not.
"""

from __future__ import annotations

import pytest

from tests.effort import LONG
from tests.faults.debtors import pays_until_paid
from tests.faults.works import Works
from tests.races import together

#: FT-02 speaks of fifty payers of one invoice.
PAYERS = 50 if LONG else 4


@pytest.mark.parametrize("action", ["conflict", "raise"])
def test_the_same_invoice_at_once(works: Works, action: str) -> None:
    """FT-02, B1: many windows of one debtor, conflicts at each commit: one charge, one payment."""
    account = works.account(57600)
    works.strike("attempt.before_commit", action, times=2)
    works.strike("settle.before_commit", action, times=4)
    debtors = [works.debtor(account) for _ in range(PAYERS)]
    told = together(PAYERS, lambda n: pays_until_paid(debtors[n]))
    assert not [one for one in told if isinstance(one, Exception)], told
    assert works.waiting_strikes() == []
    if action == "conflict":  # it is tried again: nobody hears of it
        assert not [said for one in told for said in one if said.endswith((": 500", ": 503"))], told
    works.prove()
    assert works.open_minor(account) == 0
    assert sum(a.status.value == "succeeded" for a in works.attempts(account)) == 1
