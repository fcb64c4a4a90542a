"""Race "pay ∥ raise dispute on a line", both orders and both at once, then the independent proof."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from gateways.stripe.payments import StripePayments
from models.disputes import Dispute, DisputeLine
from models.invoices import Invoice
from models.money import Money
from models.payments import Allocation, Payment
from models.states import InvoiceStatus
from models.store import Store
from receivables import invoices
from receivables.disputes import outcomes
from receivables.disputes.claims import LineClaim
from receivables.errors import Refused
from receivables.payments import attempts, settling, starting
from receivables.payments.quotes import Choice
from tests.effort import REPEATS
from tests.mailboxes import MailboxProcess
from tests.proof import prove
from tests.races import together
from tests.receivables.disputes.story import Story
from tests.standins import API_KEY, WEBHOOK_SECRET, StandIn, pay_on_page


def _now() -> datetime:
    return datetime.now(UTC)


def test_the_books_hold_after_pay_and_dispute(
    store: Store, database_url: str, own_stripe: StandIn, own_mailbox: MailboxProcess
) -> None:
    """P-05, M-12: never paid and set aside at once, whoever is first; then the proof of everything."""
    gateway = StripePayments("default", API_KEY, [WEBHOOK_SECRET], own_stripe.url)
    for number in range(REPEATS):
        for first in ("pay", "dispute", "together"):
            _race_once(store, gateway, Story(store, now=_now()), first, number)
    prove(database_url, stripe=own_stripe, mailbox=own_mailbox)


def _race_once(store: Store, gateway: StripePayments, story: Story, first: str, number: int) -> None:
    started = starting.start(
        store, gateway, story.debtor, Choice("all", "GBP"), account_id=story.account.id,
        zone=story.account.zone, nonce=f"{first}-{number}", language="en", title="Northgate", note=None,
        base_url="http://127.0.0.1:9", now=_now(),
    )  # fmt: skip
    assert started.url is not None
    shown_at = _now() - timedelta(minutes=1)
    pay_on_page(started.url)

    def pay() -> object:
        return settling.settle(store, gateway, started.ref, now=_now())

    def dispute() -> object:
        story.now = _now()
        return story.dispute(LineClaim(2), shown_at=shown_at)

    acts = {"pay": [pay, dispute], "dispute": [dispute, pay]}
    if first == "together":
        # A second settle, a second press and a second form at the same moment.
        for outcome in together(4, lambda n: (pay, dispute, dispute, pay)[n]()):
            assert not isinstance(outcome, Exception) or (
                isinstance(outcome, Refused) and outcome.code == "line_contested"
            ), outcome
    else:
        for act in acts[first]:
            act()
    settling.end_superseded(store, gateway, started.ref, now=_now())
    dispute_ref = _holds(store, story, started.ref, first)
    if number == 0:  # the proof looks at its end as well, whichever way the money went
        story.now = _now()
        story.act(
            outcomes.uphold,
            story.supervisor,
            dispute_ref,
            credited=Money(28080, "GBP"),
            finding="It was wet.",
        )


def _holds(store: Store, story: Story, ref: str, first: str) -> str:
    """One dispute, one payment; what is set aside is open, and what is paid is not set aside.

    Returns: the dispute's ref.
    """
    with store.read() as session:
        dispute = session.scalars(select(Dispute).where(Dispute.account_id == story.account.id)).one()
        lines = session.scalars(select(DisputeLine).where(DisputeLine.dispute_id == dispute.id)).all()
        invoice = session.get_one(Invoice, story.invoice.id)
        payment = session.scalars(select(Payment).where(Payment.account_id == story.account.id)).one()
        allocated = sum(
            session.scalars(select(Allocation.amount_minor).where(Allocation.invoice_id == invoice.id))
        )
        aside = invoices.contested(session, [invoice.id]).get(invoice.id, 0)
        attempt = attempts.find_attempt(session, ref)
    assert [line.holds for line in lines] == [dispute.holds]
    assert payment.amount_minor == story.total
    assert allocated + invoice.balance_minor == story.total
    if dispute.paid_before:
        assert first != "dispute"
        assert (invoice.status, aside, allocated) == (InvoiceStatus.PAID, 0, story.total)
    else:
        assert first != "pay"
        # The rest of the money waits as credit for a person; the contested part is not paid by itself.
        assert (invoice.balance_minor, aside, allocated) == (28080, 28080, story.total - 28080)
        assert attempt.superseded_at is not None
    assert story.asked() == 0
    return dispute.ref
