"""Transfers of the gateway to the bank: kept as the gateway tells them, and posted on their way.

From gateway clearing to bank in transit when the gateway took the sum off its balance; to the bank when it
says it is paid and the arrival day has come, and, where somebody keeps the bank's lines, when those of that
day are in. A payout that comes back is reversed. Source: M-18, M-19; P-17; domain.md, "Money and ledger".
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.bank_lines import BankLines
from models.creditors import Creditor
from models.ledger import LedgerCode, LedgerEntry
from models.money import Money
from models.payments import InboxEvent, ProviderEffect
from models.reconciliation import Payout
from models.states import PayoutStatus, advance, may_advance
from models.store import Store
from receivables import ledger
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.permissions import SYSTEM
from receivables.ports import PaymentGateway, RemotePayout

#: Effects of a payout in the books: on its way, at the bank, and each of them undone.
SENT, BANKED = "payout", "payout_banked"
SENT_BACK, BANKED_BACK = "payout_failed", "payout_banked_failed"
_COME_BACK = (PayoutStatus.FAILED, PayoutStatus.CANCELLED)


def creditor_of(session: Session, gateway_account: str) -> Creditor | None:
    """Return in whose books the common things of a gateway account stand: payouts, fees of the account.

    Where several creditors share a gateway account its balance is one and its payouts are one; they stand
    with the first of them, and clearing is held to nil over all of them together.
    """
    return session.scalar(
        select(Creditor).where(Creditor.gateway_account == gateway_account).order_by(Creditor.id).limit(1)
    )


def follow_payout(store: Store, gateway: PaymentGateway, row: InboxEvent, *, now: datetime) -> None:
    """Follow a notification about a payout to the truth; a repeated call finds the work done."""
    remote = gateway.payout_of(row.object_id)
    store.run(lambda session: keep(session, gateway.name, remote, now=now))


def keep(session: Session, gateway_account: str, remote: RemotePayout, *, now: datetime) -> bool:
    """Write down how a payout stands and post what follows; a second call changes nothing.

    Returns:
        Whether anything changed.
    """
    creditor = creditor_of(session, gateway_account)
    if creditor is None:
        return False
    # Locked, so that two workers who hear of a payout write it once.
    session.get_one(Creditor, creditor.id, with_for_update=True)
    query = select(Payout).where(
        Payout.gateway_account == gateway_account, Payout.payout_id == remote.payout_id
    )
    payout = session.scalar(query.with_for_update())
    changed = payout is None
    status = PayoutStatus(remote.status.value)
    if payout is None:
        payout = Payout(
            gateway_account=gateway_account, payout_id=remote.payout_id, amount_minor=remote.amount.minor,
            currency=remote.amount.currency, status=status, automatic=remote.automatic,
            made_at=remote.created_at, arrives_on=remote.arrives_on,
        )  # fmt: skip
        session.add(payout)
        session.flush()
        _told(session, payout, None, now=now)
    else:
        before = payout.status
        if may_advance(before, status):
            advance(payout, status)
            _told(session, payout, before, now=now)
            changed = True
        if payout.arrives_on != remote.arrives_on:
            payout.arrives_on, changed = remote.arrives_on, True
    return _post(session, creditor, payout, remote, now=now) or changed


def _told(session: Session, payout: Payout, before: PayoutStatus | None, *, now: datetime) -> None:
    record(
        session, SYSTEM, "payout.moved", payout, account_id=None, now=now,
        facts={
            "payout": payout.payout_id, "from": before.value if before else None, "to": payout.status.value,
            "amount_minor": payout.amount_minor, "currency": payout.currency,
        },
    )  # fmt: skip


def _post(
    session: Session, creditor: Creditor, payout: Payout, remote: RemotePayout, *, now: datetime
) -> bool:
    if not payout.amount_minor:
        return False
    posted = False
    if remote.movement_id is not None and effect_of(session, payout.payout_id, SENT) is None:
        _transfer(session, creditor, payout, SENT, now=now)
        posted = True
    if payout.status in _COME_BACK:
        came_back = remote.failure_movement_id is not None
        return (came_back and _take_back(session, creditor, payout, now=now)) or posted
    return bank(session, payout, creditor, now=now) or posted


def bank(session: Session, payout: Payout, creditor: Creditor, *, now: datetime) -> bool:
    """Confirm at the bank what should have come, once it is so far; returns whether it was posted."""
    if payout.status is not PayoutStatus.PAID or payout.banked_at is not None:
        return False
    if business_date(now, creditor.zone) < payout.arrives_on or not _lines_are_in(session, creditor, payout):
        return False
    if effect_of(session, payout.payout_id, SENT) is None:
        return False
    _transfer(session, creditor, payout, BANKED, now=now)
    payout.banked_at = now
    return True


def _lines_are_in(session: Session, creditor: Creditor, payout: Payout) -> bool:
    up_to_on = session.scalar(
        select(func.max(BankLines.up_to_on)).where(BankLines.creditor_id == creditor.id)
    )
    return up_to_on is None or up_to_on >= payout.arrives_on


def effect_of(session: Session, object_id: str, kind: str) -> ProviderEffect | None:
    """Return what an object of the gateway did in our books, or None."""
    return session.scalar(
        select(ProviderEffect).where(
            ProviderEffect.provider_object_id == object_id, ProviderEffect.kind == kind
        )
    )


def remember(session: Session, object_id: str, kind: str, entry: LedgerEntry, *, now: datetime) -> None:
    """Write down what an object of the gateway did in our books; a second time is impossible (P-11)."""
    session.add(ProviderEffect(provider_object_id=object_id, kind=kind, entry_id=entry.id, recorded_at=now))
    session.flush()


def _transfer(session: Session, creditor: Creditor, payout: Payout, kind: str, *, now: datetime) -> None:
    out, into = (
        (LedgerCode.GATEWAY_CLEARING, LedgerCode.BANK_IN_TRANSIT)
        if kind == SENT
        else (LedgerCode.BANK_IN_TRANSIT, LedgerCode.BANK)
    )
    if payout.amount_minor < 0:
        out, into = into, out
    amount = Money(abs(payout.amount_minor), payout.currency)
    entry = ledger.post(
        session,
        SYSTEM,
        ledger.Draft(
            creditor_id=creditor.id,
            reference=f"{kind}:{payout.payout_id}",
            kind=kind,
            currency=payout.currency,
            sides=[ledger.debit(into, amount), ledger.credit(out, amount)],
            effective_on=business_date(payout.made_at, creditor.zone) if kind == SENT else payout.arrives_on,
        ),
        now=now,
    )
    remember(session, payout.payout_id, kind, entry, now=now)


def _take_back(session: Session, creditor: Creditor, payout: Payout, *, now: datetime) -> bool:
    """Undo what was posted of a payout that did not arrive, in the order in which it came."""
    undone, today = False, business_date(now, creditor.zone)
    for kind, back in ((BANKED, BANKED_BACK), (SENT, SENT_BACK)):
        effect = effect_of(session, payout.payout_id, kind)
        if effect is None or effect_of(session, payout.payout_id, back) is not None:
            continue
        entry = session.get_one(LedgerEntry, effect.entry_id)
        reversal = ledger.reverse(session, SYSTEM, entry, effective_on=today, now=now)
        remember(session, payout.payout_id, back, reversal, now=now)
        undone = True
    payout.banked_at = None
    return undone
