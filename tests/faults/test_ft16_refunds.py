"""FT-16: refunds of ours and of the Dashboard, in parts, beside a dispute, after a payout (B16).

INV-4, INV-5, INV-6: each refund is one effect under its own id; a sum is never read as a difference.
"""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.approvals import Refund
from models.invoices import Invoice
from models.money import Money
from models.payments import Payment
from models.reversals import PaymentReversal
from models.staff import Role
from models.states import RefundStatus
from receivables import credit_notes, refunds
from receivables.approvals import deciding
from tests import factories as make
from tests.faults.works import Works, now


def _paid(works: Works) -> tuple[Account, dict[str, Any]]:
    """An account that has paid its invoice, and the gateway's charge."""
    account = works.account(57600)
    assert works.debtor(account).pay() == "ok"
    (attempt,) = works.attempts(account)
    return account, next(
        c for c in works.stripe_objects("charge") if c["metadata"].get("attempt") == attempt.ref and c["paid"]
    )


def _gone(works: Works, account: Account) -> int:
    """What was taken back of the account's payments, less what was given back."""

    def sums(s: Session) -> int:
        mine = PaymentReversal.account_id == account.id
        taken = s.scalar(select(func.coalesce(func.sum(PaymentReversal.amount_minor), 0)).where(
            mine, PaymentReversal.undoes_id.is_(None)))  # fmt: skip
        given = s.scalar(select(func.coalesce(func.sum(PaymentReversal.amount_minor), 0)).where(
            mine, PaymentReversal.undoes_id.is_not(None)))  # fmt: skip
        return int(taken) - int(given)

    return works.look(sums)


def test_three_parts_from_the_dashboard(works: Works) -> None:
    """FT-16, B16: 100, then 100, then 76 of 576: the invoice owes 276 again, and no more."""
    account, charge = _paid(works)
    for amount in (10000, 10000, 7600):
        works.stripe.control("refund", charge=charge["id"], amount=amount)
    works.prove()
    assert _gone(works, account) == 27600
    assert works.open_minor(account) == 27600


@pytest.mark.parametrize("point", ["refund.before_commit", "refund.after_commit", "refund.after_call"])
def test_our_own_refund_is_booked_once(works: Works, point: str) -> None:
    """FT-16, B16: credit that we send back to the card, by a worker that is killed in it, and that the
    gateway tells of too: one refund, one entry."""
    account = works.account(57600)
    debtor = works.debtor(account)
    page = debtor.begin(debtor.review())
    assert page is not None
    invoice = works.invoice(account)
    works.stripe.fault("webhook:*", "delay", count=20, seconds=600)
    debtor.pay_hosted(page)
    with works.house.store.write() as session:
        asker = make.staff_actor(make.a_person(session, Role.ACCOUNTANT))
        boss = make.staff_actor(make.a_person(session, Role.SUPERVISOR))
        credit_notes.record_credit_note(
            session, asker, invoice.ref, number=f"CN-{invoice.id}", amount=Money(57600, "GBP"),
            reason="Wet", now=now(),
        )  # fmt: skip
    works.quiet()
    number = works.look(
        lambda s: s.scalars(select(Payment.number).where(Payment.account_id == account.id)).one()
    )

    def ask(session: Session) -> tuple[str, str]:
        request = refunds.propose_card_refund(
            session, asker, account.ref, payment_number=number, amount=Money(57600, "GBP"), reason="Credited",
            now=now(),
        )  # fmt: skip
        session.flush()
        return request.ref, request.content_digest

    ref, digest = works.house.store.run(ask)
    works.strike(point, "kill")
    works.house.store.run(lambda s: deciding.approve(s, boss, ref, digest=digest, now=now()))
    works.await_struck()
    works.prove()
    made = [r for r in works.stripe_objects("refund") if r["charge"] in _charges(works, account)]
    assert [r["amount"] for r in made] == [57600]
    refund = works.look(lambda s: s.scalars(select(Refund).where(Refund.account_id == account.id)).one())
    assert refund.status is RefundStatus.PAID_OUT
    assert _gone(works, account) == 0


def _charges(works: Works, account: Account) -> set[str]:
    paid = select(Payment.provider_charge_id).where(Payment.account_id == account.id)
    return works.look(lambda s: set(s.scalars(paid)))


def test_a_refund_beside_a_dispute(works: Works) -> None:
    """FT-16: a part was given back, then the payer contests the charge; then it is decided for us."""
    account, charge = _paid(works)
    works.stripe.control("refund", charge=charge["id"], amount=7600)
    works.quiet()
    dispute = works.stripe.control("dispute", charge=charge["id"], amount=50000)
    works.prove()
    assert (_gone(works, account), works.open_minor(account)) == (57600, 57600)
    works.stripe.control("dispute", dispute=dispute["id"], outcome="won")
    works.prove()
    assert (_gone(works, account), works.open_minor(account)) == (7600, 7600)


def test_a_refund_that_fails_later(works: Works) -> None:
    """FT-16: given back, and days later the card is gone: the money is the account's again."""
    account, charge = _paid(works)
    refund = works.stripe.control("refund", charge=charge["id"], amount=57600)
    works.prove()
    assert works.open_minor(account) == 57600
    works.stripe.control("refund", refund=refund["id"], becomes="failed")
    works.prove()
    assert _gone(works, account) == 0
    assert works.look(lambda s: s.get_one(Invoice, works.invoice(account).id).balance_minor) in (0, 57600)


def test_a_refund_after_the_payout(works: Works) -> None:
    """FT-16: the money has left for the bank; what is given back then is booked all the same."""
    account, charge = _paid(works)
    works.days_pass(8)
    works.quiet()
    works.stripe.control("refund", charge=charge["id"], amount=20000)
    works.prove()
    assert (_gone(works, account), works.open_minor(account)) == (20000, 20000)
