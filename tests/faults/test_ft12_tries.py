"""FT-12: declined, declined, paid; a confirmation abandoned; another amount between two tries (B11).

INV-6, INV-7: a decline never locks the debtor out, and each try has a key of its own.
"""

from __future__ import annotations

from typing import Any

from models.accounts import Account
from models.states import AttemptStatus
from tests.faults.debtors import CONFIRMED, DECLINED, GOOD
from tests.faults.works import Works
from tests.standins import pay_on_page


def test_declined_twice_then_paid(works: Works) -> None:
    """FT-12, B11: on the same page, and after a new start: every try may be made, one is charged."""
    account = works.account(57600)
    debtor = works.debtor(account)
    for _ in range(2):
        assert debtor.pay(card=DECLINED) == "fail"
    assert debtor.pay(card=GOOD) == "ok"
    assert works.open_minor(account) == 0
    paid = [c for c in works.stripe_objects("charge") if _of(works, account, c) and c["paid"]]
    assert [c["amount"] for c in paid] == [57600]
    works.prove()


def test_a_confirmation_abandoned_and_another_amount(works: Works) -> None:
    """FT-12: the card asks for a confirmation that is refused; then a part is paid, then the rest."""
    account = works.account(57600)
    debtor = works.debtor(account)
    page = debtor.begin(debtor.review())
    assert page is not None
    pay_on_page(page, CONFIRMED, confirm=False)
    assert debtor.pay(amount="100.00") == "ok"
    assert works.open_minor(account) == 47600
    first, second = works.attempts(account)
    assert (first.status, second.status) == (AttemptStatus.EXPIRED, AttemptStatus.SUCCEEDED)
    assert first.idempotency_key != second.idempotency_key
    assert debtor.pay(card=CONFIRMED) == "ok"
    assert works.open_minor(account) == 0
    works.prove()


def _of(works: Works, account: Account, charge: dict[str, Any]) -> bool:
    refs = {attempt.ref for attempt in works.attempts(account)}
    return bool(charge["metadata"].get("attempt") in refs)
