"""The demo's money that goes back and on: a refund to a card, a chargeback, a payout, two differences.

The stand-in lives by the real clock, and a payout takes days. So it begins some days back, these stories are
played while its clock is led to the present, and all others after them. Real actions only. Source:
decision 27; issue E, parts 5 and 8.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs import reconcile
from jobs.demo_gateway_customers import TAKEN_BACK
from jobs.demo_players import GATEWAY, Player, find_player, pay_by_card, pull, send_all, start
from jobs.demo_stage import person_of
from jobs.house import House
from models.accounts import Account
from models.approvals import Refund
from models.invoices import Invoice
from models.money import Money
from models.payments import Payment
from models.reconciliation import ReconciliationFinding
from models.staff import Role
from receivables import credit_notes, refunds
from receivables.approvals import deciding
from receivables.permissions import SYSTEM
from receivables.reconciling import findings
from receivables.reversals import card_refunds, chargebacks

#: The stand-in's clock begins so many days ago.
SINCE = 6
#: What was sent back on paper while the page to pay all of it was open, and then to the card.
_TOO_MUCH = Money(3840, "GBP")
#: What the gateway keeps back for a day, pence.
_RESERVE = 2500


def begins(now: datetime) -> int:
    """Unix seconds at which the stand-in's clock begins."""
    return int((now - timedelta(days=SINCE)).timestamp())


def to_the_present(stripe_url: str, *, now: datetime) -> None:
    """Lead a stand-in's clock to the present, where an earlier demo ended while it was filled.

    A clock that was led ahead on purpose stays there.
    """
    behind = int(now.timestamp()) - int(pull(stripe_url, "advance", seconds=0)["now"])
    if behind > 0:
        pull(stripe_url, "advance", seconds=behind)


def play(house: House, stripe_url: str, *, base_url: str, now: datetime) -> None:
    """Play these stories; the stand-in's clock, which began SINCE days ago, stands at `now` then."""
    with house.store.read() as session:
        cook, soap = (find_player(session, customer) for customer in TAKEN_BACK)
    paid_at = now - timedelta(days=SINCE)
    _pay_too_much(house, cook, base_url, paid_at)
    pay_by_card(house, soap, start(house, soap, base_url, paid_at), paid_at)
    send_all(house, paid_at)
    # What was taken may be paid out after two days, and goes to the bank by itself the night after.
    pull(stripe_url, "advance", days=4)
    at = now - timedelta(days=2)
    _send_back(house, cook, at)
    _contest(house, soap, stripe_url, at)
    send_all(house, at)
    # The gateway keeps something back after a chargeback, for a day; no rule knows what that is.
    pull(stripe_url, "advance", days=1)
    pull(stripe_url, "adjustment", amount=-_RESERVE, currency="gbp", description="Reserve")
    pull(stripe_url, "advance", days=1)
    pull(stripe_url, "adjustment", amount=_RESERVE, currency="gbp", description="Reserve released")


def compare(house: House, *, now: datetime) -> None:
    """The morning's comparison, once all stories are played: what they paid shows at the stand-in by now.

    Of two differences one is explained.
    """
    reconcile.daily(house, now=now, fresh=timedelta())

    def explain(session: Session) -> None:
        kept = select(ReconciliationFinding.ref).where(ReconciliationFinding.there_minor == -_RESERVE)
        findings.explain(
            session, person_of(session, Role.ACCOUNTANT), session.scalars(kept).one(),
            reason="The gateway keeps it back as a reserve since the chargeback. It is to come back.",
            now=now,
        )  # fmt: skip

    house.store.run(explain)


def _pay_too_much(house: House, player: Player, base_url: str, at: datetime) -> None:
    """A part is credited while the page to pay all of it is open: what is too much is credit."""
    page = start(house, player, base_url, at)

    def unit(session: Session) -> None:
        ref = session.scalars(select(Invoice.ref).where(Invoice.account_id == player.account.id)).one()
        credit_notes.record_credit_note(
            session, SYSTEM, ref, number="CN-2026-048", amount=_TOO_MUCH,
            reason="One box of jar labels was short", now=at,
        )  # fmt: skip

    house.store.run(unit)
    pay_by_card(house, player, page, at)


def _send_back(house: House, player: Player, at: datetime) -> None:
    """One asks, another approves, and it goes to the card."""

    def ask(session: Session) -> str:
        accountant = person_of(session, Role.ACCOUNTANT)
        account = session.get_one(Account, player.account.id)
        number = session.scalars(select(Payment.number).where(Payment.account_id == account.id)).one()
        request = refunds.propose_card_refund(
            session, accountant, account.ref, payment_number=number, amount=_TOO_MUCH,
            reason="Paid while the credit note was on its way", now=at,
        )  # fmt: skip
        session.flush()
        deciding.approve(
            session, person_of(session, Role.SUPERVISOR), request.ref, digest=request.content_digest, now=at
        )
        return session.scalars(select(Refund.ref).where(Refund.account_id == account.id)).one()

    card_refunds.send(house.store, house.gateways[GATEWAY], house.store.run(ask), now=at)


def _contest(house: House, player: Player, stripe_url: str, at: datetime) -> None:
    """His bank takes the payment back; the invoice is open again, and a person is to send evidence."""
    with house.store.read() as session:
        paid = session.scalars(select(Payment).where(Payment.account_id == player.account.id)).one()
    said = pull(stripe_url, "dispute", charge=paid.provider_charge_id, reason="product_not_received")
    chargebacks.learn(house.store, house.gateways[GATEWAY], str(said["id"]), now=at)
