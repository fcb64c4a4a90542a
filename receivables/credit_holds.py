"""Credit on hold: placed by a person with a reason, released by what was asked for, or by a person.

A hold is released when, since it was placed, the receivables of the documents that were overdue on
its day have fallen by what was asked for: by payments, credit used, credit notes or adjustments.
Documents that fall due later neither delay it nor hasten it. Source: domain.md, "Words" and the ladder.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.arrangements import CreditHold
from models.base import new_ref
from models.invoices import OWED_KINDS, Invoice
from models.ledger import LedgerCode, LedgerEntry, Posting
from models.messages import Purpose
from models.money import Money, total
from models.payments import Allocation, Payment
from models.states import HoldStatus, advance
from receivables import bank_lines, invoices, outbox
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.contact.readers import paying_contacts, way_to
from receivables.errors import NotFound, Refused
from receivables.permissions import SYSTEM, Actor, Permission, require
from receivables.texts import clean_words

#: Longest reason, characters: one short paragraph that the debtor reads on a phone.
REASON_MOST = 500


@dataclass(frozen=True, slots=True)
class HoldView:
    """A hold as the debtor reads it.

    Attributes:
        release: what was asked for to be released.
        left: what of it is still to come, never more than what is overdue and asked for now.
    """

    ref: str
    reason: str
    since_on: date
    release: Money
    left: Money


def place(
    session: Session, actor: Actor, account: Account, reason: str, release: Money, *, now: datetime
) -> CreditHold:
    """Place an account on credit hold and tell its paying contacts.

    Args:
        account: locked by the caller or not; it is locked here.
        reason: words that the debtor reads, at most REASON_MOST characters.
        release: > 0, at most what is overdue and asked for today in its currency.
    Returns:
        The active hold.
    Raises:
        NotAllowed: the actor may not place holds.
        Refused: already_on_hold, bank_lines_behind, reason_missing, words_too_long, release_zero,
            release_above_overdue (facts: overdue).
    """
    require(actor, Permission.CREDIT_HOLD_PLACE, account_id=account.id)
    account = session.get_one(Account, account.id, with_for_update=True)
    words = clean_words(reason, most=REASON_MOST)
    if not words:
        raise Refused("reason_missing")
    if release.minor <= 0:
        raise Refused("release_zero")
    if _active(session, account.id) is not None:
        raise Refused("already_on_hold")
    bank_lines.refuse_behind(session, account, now=now)
    today = business_date(now, account.zone)
    overdue = overdue_asked(session, account.id, today, release.currency)
    if release > overdue:
        raise Refused("release_above_overdue", overdue=overdue)
    hold = CreditHold(
        ref=new_ref(),
        account_id=account.id,
        status=HoldStatus.ACTIVE,
        reason=words,
        since_on=today,
        release_minor=release.minor,
        currency=release.currency,
        placed_by_id=actor.id,
        placed_at=now,
    )
    session.add(hold)
    session.flush()
    facts = {"release_minor": release.minor, "currency": release.currency}
    record(
        session, actor, "credit_hold.placed", hold, account_id=account.id, now=now, reason=words, facts=facts
    )
    outbox.note(session, account.id, "credit_hold.placed", staff_id=actor.id, now=now, facts=facts)
    _tell(session, actor, account, hold, "credit_hold_placed", Purpose.ARRANGEMENT, now=now)
    return hold


def release(
    session: Session, actor: Actor, account: Account, *, reason: str | None = None, now: datetime
) -> CreditHold:
    """End the hold of an account and tell its paying contacts.

    Args:
        reason: why a person ends it; None when what was asked for is paid.
    Raises:
        NotAllowed: the actor may not place or end holds.
        NotFound: the account is not on hold.
        Refused: words_too_long.
    """
    require(actor, Permission.CREDIT_HOLD_PLACE, account_id=account.id)
    account = session.get_one(Account, account.id, with_for_update=True)
    words = clean_words(reason or "", most=REASON_MOST) or None
    hold = _active(session, account.id)
    if hold is None:
        raise NotFound("not_found")
    advance(hold, HoldStatus.RELEASED)
    hold.released_at = now
    record(session, actor, "credit_hold.released", hold, account_id=account.id, now=now, reason=words)
    outbox.note(
        session, account.id, "credit_hold.released", staff_id=actor.id, now=now, facts={"paid": words is None}
    )
    _tell(session, actor, account, hold, "credit_hold_released", Purpose.ANSWER, now=now)
    return hold


def release_when_paid(session: Session, payment: Payment, *, now: datetime) -> list[CreditHold]:
    """Release the holds whose condition a payment has met, also of branches that it paid for."""
    account_ids = session.scalars(
        select(Invoice.account_id)
        .join(Allocation, Allocation.invoice_id == Invoice.id)
        .where(Allocation.payment_id == payment.id)
        .distinct()
        .order_by(Invoice.account_id)
    ).all()
    return [held for held in (release_when_met(session, one, now=now) for one in account_ids) if held]


def release_when_met(session: Session, account_id: int, *, now: datetime) -> CreditHold | None:
    """Release an account's hold if what was asked for has come; the account is locked by the caller."""
    hold = _active(session, account_id)
    if hold is None or fallen(session, hold) < hold.release_minor:
        return None
    return release(session, SYSTEM, session.get_one(Account, account_id), now=now)


def fallen(session: Session, hold: CreditHold) -> int:
    """Return by how much what was overdue on the day of a hold has fallen since, in minor units."""
    return int(
        session.execute(
            select(func.coalesce(func.sum(Posting.credit_minor - Posting.debit_minor), 0))
            .join(LedgerEntry, LedgerEntry.id == Posting.entry_id)
            .join(Invoice, Invoice.id == Posting.invoice_id)
            .where(
                Posting.account_id == hold.account_id,
                Posting.ledger_code == LedgerCode.RECEIVABLES,
                Posting.currency == hold.currency,
                LedgerEntry.posted_at > hold.placed_at,
                Invoice.due_on < hold.since_on,
                Invoice.kind.in_(OWED_KINDS),
            )
        ).scalar_one()
    )


def overdue_asked(session: Session, account_id: int, today: date, currency: str) -> Money:
    """Return what is overdue and asked for in one currency."""
    rows = invoices.open_rows(session, account_id, today, currency=currency)
    return total([row.asked for row in rows if row.days_late], currency)


def view(session: Session, actor: Actor, *, account_id: int, zone: str, now: datetime) -> HoldView:
    """Return the hold that stands on an account, as its holder may read it.

    Raises:
        NotAllowed, NotFound: not this actor's account; the account is not on hold.
    """
    require(actor, Permission.ACCOUNT_READ, account_id=account_id)
    hold = _active(session, account_id)
    if hold is None:
        raise NotFound("not_found")
    left = Money(max(hold.release_minor - fallen(session, hold), 0), hold.currency)
    overdue = overdue_asked(session, account_id, business_date(now, zone), hold.currency)
    return HoldView(
        ref=hold.ref,
        reason=hold.reason,
        since_on=hold.since_on,
        release=Money(hold.release_minor, hold.currency),
        left=min(left, overdue),
    )


def _active(session: Session, account_id: int) -> CreditHold | None:
    return session.scalar(
        select(CreditHold).where(CreditHold.account_id == account_id, CreditHold.status == HoldStatus.ACTIVE)
    )


def _tell(
    session: Session,
    actor: Actor,
    account: Account,
    hold: CreditHold,
    kind: str,
    purpose: Purpose,
    *,
    now: datetime,
) -> None:
    """Write to every paying contact: a mail says why, an SMS to who has none that it is so."""
    for contact in paying_contacts(session, account):
        way = way_to(contact, purpose)
        if way is None:
            continue
        outbox.enqueue(
            session,
            actor,
            account=account,
            contact=contact,
            channel=way[0],
            purpose=way[1],
            kind=kind,
            facts={"hold_id": hold.id},
            dedupe_key=f"{kind}:{hold.id}:{contact.id}",
            currency=hold.currency,
            now=now,
        )
