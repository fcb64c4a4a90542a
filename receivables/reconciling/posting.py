"""What reconciliation itself may post: fees of the gateway, and its changes of one currency into another.

Payments, refunds and chargebacks have one door each, which is not here. Source: P-17, M-18; domain.md,
"Chart": exchange gains and losses.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.creditors import Creditor
from models.ledger import LedgerCode, LedgerEntry
from models.money import Money
from models.payments import ProviderEffect
from models.reconciliation import GatewayMovement
from receivables import ledger, payouts
from receivables.calendar_days import business_date
from receivables.payments.receipts import FEE_EFFECT, post_fee
from receivables.permissions import SYSTEM
from receivables.ports import MovementKind
from receivables.reconciling.ties import OF_SOURCE

#: A fee by itself: of the account, of a dispute, of a payout.
ACCOUNT_FEE = "account_fee"
#: The two halves of a change of currency: out of the source's, into the balance's.
EXCHANGED_OUT, EXCHANGED_IN = "exchange_out", "exchange_in"
#: Kinds whose movement brings a fee of its own that no other action books.
_WITH_FEE = (
    MovementKind.CHARGE,
    MovementKind.CHARGE_PENDING,
    MovementKind.REFUND,
    MovementKind.REFUND_FAILURE,
)


def post_of_movement(session: Session, movement: GatewayMovement, *, now: datetime) -> bool:
    """Post the fee of a movement and its change of currency, where its source is in the books.

    Returns:
        Whether anything was posted; a second call changes nothing.
    """
    if movement.kind == MovementKind.FEE:
        return _account_fee(session, movement, now=now)
    if movement.kind == MovementKind.CHARGE_FAILURE:
        return _failed_debit(session, movement, now=now)
    source = _source(session, movement)
    if source is None:
        return False
    entry = session.get_one(LedgerEntry, source.entry_id)
    posted = False
    if movement.kind in _WITH_FEE and movement.fee_minor:
        posted = post_fee(
            session, movement.movement_id, Money(movement.fee_minor, movement.currency),
            creditor_id=entry.creditor_id, attempt_id=source.attempt_id,
            effective_on=_day(session, entry.creditor_id, movement), now=now,
        )  # fmt: skip
    if movement.original_currency is not None and movement.original_currency == entry.currency:
        posted = _exchange(session, movement, entry, now=now) or posted
    return posted


def _failed_debit(session: Session, movement: GatewayMovement, *, now: datetime) -> bool:
    """Post what both movements of a debit of ours cost that failed; their amounts are one nil."""
    creditor = payouts.creditor_of(session, movement.gateway_account)
    if creditor is None:
        return False
    m = GatewayMovement
    charge = session.scalar(
        select(m).where(
            m.gateway_account == movement.gateway_account, m.source_id == movement.source_id,
            m.kind == MovementKind.CHARGE_PENDING.value,
        )
    )  # fmt: skip
    if charge is None:  # none of ours, or the books hold it as paid
        return False
    posted = [
        post_fee(
            session, one.movement_id, Money(one.fee_minor, one.currency), creditor_id=creditor.id,
            attempt_id=None, effective_on=business_date(one.made_at, creditor.zone), now=now,
        )
        for one in (charge, movement)
    ]  # fmt: skip
    return any(posted)


def _source(session: Session, movement: GatewayMovement) -> ProviderEffect | None:
    """The effect that a movement stands for: of its source, or under its own id."""
    kinds = OF_SOURCE.get(MovementKind(movement.kind), ())
    found = None
    if movement.source_id is not None and kinds:
        found = session.scalar(
            select(ProviderEffect).where(
                ProviderEffect.provider_object_id == movement.source_id, ProviderEffect.kind.in_(kinds)
            )
        )
    if found is not None:
        return found
    ours = (FEE_EFFECT, ACCOUNT_FEE, EXCHANGED_IN, EXCHANGED_OUT)
    return session.scalar(
        select(ProviderEffect)
        .where(ProviderEffect.provider_object_id == movement.movement_id, ProviderEffect.kind.not_in(ours))
        .order_by(ProviderEffect.id)
        .limit(1)
    )


def _day(session: Session, creditor_id: int, movement: GatewayMovement) -> date:
    return business_date(movement.made_at, session.get_one(Creditor, creditor_id).zone)


def _account_fee(session: Session, movement: GatewayMovement, *, now: datetime) -> bool:
    creditor = payouts.creditor_of(session, movement.gateway_account)
    known = payouts.effect_of(session, movement.movement_id, ACCOUNT_FEE)
    if creditor is None or known is not None or not movement.net_minor:
        return False
    amount = Money(abs(movement.net_minor), movement.currency)
    owed, paid = LedgerCode.GATEWAY_FEES, LedgerCode.GATEWAY_CLEARING
    if movement.net_minor > 0:
        owed, paid = paid, owed
    entry = ledger.post(
        session,
        SYSTEM,
        ledger.Draft(
            creditor_id=creditor.id,
            reference=f"account_fee:{movement.movement_id}",
            kind="gateway_fee",
            currency=movement.currency,
            sides=[ledger.debit(owed, amount), ledger.credit(paid, amount)],
            effective_on=business_date(movement.made_at, creditor.zone),
        ),
        now=now,
    )
    payouts.remember(session, movement.movement_id, ACCOUNT_FEE, entry, now=now)
    return True


def _exchange(session: Session, movement: GatewayMovement, source: LedgerEntry, *, now: datetime) -> bool:
    """Move a sum out of the currency it came in and into the one that the gateway pays out.

    Both halves meet in exchange gains and losses: what is left there, once a sum that went forth and back
    is nil in one currency, is what the change of rates won or cost in the other.
    """
    if payouts.effect_of(session, movement.movement_id, EXCHANGED_IN) is not None:
        return False
    original = Money(movement.original_minor or 0, movement.original_currency or "")
    for kind, amount in (
        (EXCHANGED_OUT, -original),
        (EXCHANGED_IN, Money(movement.amount_minor, movement.currency)),
    ):
        if not amount:
            continue
        owed, paid = LedgerCode.GATEWAY_CLEARING, LedgerCode.EXCHANGE
        if amount.minor < 0:
            owed, paid = paid, owed
        size = Money(abs(amount.minor), amount.currency)
        entry = ledger.post(
            session,
            SYSTEM,
            ledger.Draft(
                creditor_id=source.creditor_id,
                reference=f"{kind}:{movement.movement_id}",
                kind="exchange",
                currency=size.currency,
                sides=[ledger.debit(owed, size), ledger.credit(paid, size)],
                effective_on=source.effective_on,
            ),
            now=now,
        )
        payouts.remember(session, movement.movement_id, kind, entry, now=now)
    return True
