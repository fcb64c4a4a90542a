"""FT-14: a bank debit is on its way for days, is paid, and comes back after three weeks; or it fails (B14).

INV-3, INV-7, INV-12: on its way is neither paid nor failed, and blocks a second payment of its amount.
"""

from __future__ import annotations

from sqlalchemy import func, select

from models.accounts import Account
from models.messages import Message, Purpose
from models.money import Money
from models.states import AttemptStatus
from tests.faults.debtors import Debtor
from tests.faults.works import Works
from tests.standins import debit_on_page


def _started(works: Works, *, settles: bool) -> tuple[Account, Debtor]:
    account = works.account(Money(57600, "EUR"))
    debtor = works.debtor(account)
    page = debtor.begin(debtor.review("EUR"))
    assert page is not None
    debit_on_page(page, settles=settles)
    return account, debtor


def test_on_its_way_then_paid_or_failed(works: Works) -> None:
    """FT-14, B14: the page says so, nothing is confirmed, nothing can be paid twice; after days one is paid
    and the other, of which the bank says no, is open as before."""
    paid, failed = _started(works, settles=True), _started(works, settles=False)
    works.quiet()
    for account, debtor in (paid, failed):
        (attempt,) = works.attempts(account)
        assert attempt.status is AttemptStatus.PROCESSING
        assert "is on its way" in debtor.get(f"/r/{attempt.ref}").text
        assert debtor.review("EUR") == []
        assert works.open_minor(account) == 57600
        assert _receipts(works, account) == 0
    works.prove()
    works.days_pass(6)
    works.prove()
    assert works.attempts(paid[0])[0].status is AttemptStatus.SUCCEEDED
    assert (works.open_minor(paid[0]), _receipts(works, paid[0])) == (0, 1)
    assert works.attempts(failed[0])[0].status is AttemptStatus.FAILED
    assert (works.open_minor(failed[0]), _receipts(works, failed[0])) == (57600, 0)
    assert failed[1].review("EUR") != []
    _comes_back(works, paid[0])


def _comes_back(works: Works, account: Account) -> None:
    """Three weeks later the payer's bank takes the debit back, which is final: the invoice is owed again."""
    works.days_pass(21)
    works.quiet()
    (attempt,) = works.attempts(account)
    (charge,) = [
        c for c in works.stripe_objects("charge") if c["metadata"].get("attempt") == attempt.ref and c["paid"]
    ]
    works.stripe.control("dispute", charge=charge["id"], reason="bank_cannot_process")
    works.prove()
    assert works.open_minor(account) == 57600


def _receipts(works: Works, account: Account) -> int:
    count = select(func.count()).where(Message.account_id == account.id, Message.purpose == Purpose.RECEIPT)
    return int(works.look(lambda s: s.scalar(count)) or 0)
