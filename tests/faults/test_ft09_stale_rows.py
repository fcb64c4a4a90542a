"""FT-09: somebody saves what he read before a payment was settled; nightly jobs run meanwhile (B8).

INV-3, INV-6: a row that has changed since it was read is not written over; a paid invoice stays paid.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm.exc import StaleDataError

from jobs import daily
from models.invoices import Invoice
from models.payments import PaymentAttempt
from models.states import AttemptStatus, IllegalMove, InvoiceStatus, advance
from receivables.payments import settling
from tests.faults.works import Works
from tests.races import together


def test_a_stale_attempt_is_not_saved(works: Works) -> None:
    """FT-09, B8: an attempt that was read as open and meanwhile succeeded cannot be put back."""
    account = works.account(57600)
    debtor = works.debtor(account)
    page = debtor.begin(debtor.review())
    assert page is not None
    (stale,) = works.attempts(account)
    invoice = works.invoice(account)
    attempt_id, invoice_id = stale.id, invoice.id
    assert debtor.finish(page) == "ok"

    def save_stale_attempt() -> None:
        with works.house.store.write() as session:
            session.add(stale)
            stale.failure_code = "cancelled by a job that looked yesterday"

    def save_stale_invoice() -> None:
        with works.house.store.write() as session:
            session.add(invoice)
            invoice.description = "as it was read"

    for save in (save_stale_attempt, save_stale_invoice):
        with pytest.raises(StaleDataError):
            save()
    with works.house.store.write() as session:
        paid = session.get_one(PaymentAttempt, attempt_id)
        with pytest.raises(IllegalMove):
            advance(paid, AttemptStatus.CANCELLED)
    assert works.look(lambda s: s.get_one(Invoice, invoice_id).status) is InvoiceStatus.PAID
    works.prove()


def test_nightly_jobs_while_money_comes(works: Works) -> None:
    """FT-09: the daily work of the account and its settling at once: it is paid, and nothing chases it."""
    account = works.account(57600)
    debtor = works.debtor(account)
    page = debtor.begin(debtor.review())
    assert page is not None
    (attempt,) = works.attempts(account)
    debtor.pay_hosted(page)
    now = datetime.now(UTC)
    ended = together(
        4,
        lambda n: (
            daily.run(works.house, now=now + timedelta(days=n // 2))
            if n % 2
            else settling.settle(works.house.store, works.gateway, attempt.ref, now=now)
        ),
    )
    assert not [one for one in ended if isinstance(one, Exception)], ended
    works.prove()
    assert works.open_minor(account) == 0
    assert works.attempts(account)[0].status is AttemptStatus.SUCCEEDED
