"""Chargebacks as the desk shows them, and the note of what was submitted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.money import Money
from models.payments import Payment
from models.reversals import Chargeback
from models.staff import Staff
from models.states import ChargebackStatus
from receivables import outbox
from receivables.audit import record
from receivables.errors import NotFound, Refused
from receivables.permissions import Actor, Permission, require
from receivables.reversals.chargebacks import ASKING, WAITING
from receivables.texts import clean_words

#: Longest note of what was submitted, characters.
NOTE_MOST = 500


@dataclass(frozen=True, slots=True)
class ChargebackRow:
    """One contested payment; `held` is what was taken and has not come back, `fee` its cost so far."""

    ref: str
    account_ref: str
    account_name: str
    zone: str
    payment: str
    paid_by: str
    amount: Money
    held: Money
    fee: Money | None
    reason: str
    status: ChargebackStatus
    dispute_id: str
    gateway_account: str
    opened_at: datetime
    evidence_due_at: datetime | None
    asked_at: datetime
    closed_at: datetime | None
    note: str | None
    noted_at: datetime | None
    noted_by: str | None

    @property
    def waits(self) -> bool:
        """Whether its end is awaited."""
        return self.status in WAITING

    @property
    def asks(self) -> bool:
        """Whether an answer of ours is asked for by a day."""
        return self.status in ASKING

    @property
    def todo(self) -> str:
        """Code of what is to do: as it stands, unless its money tells otherwise."""
        if self.status is ChargebackStatus.WON and self.held:
            return "won_unpaid"
        lost = self.status is ChargebackStatus.CLOSED and self.held
        return ChargebackStatus.LOST.value if lost else self.status.value

    @property
    def is_ours(self) -> bool:
        """Whether it waits for our answer, and nobody noted one since it was asked for."""
        return self.asks and (self.noted_at is None or self.noted_at < self.asked_at)


def rows(
    session: Session, actor: Actor, *, account_id: int | None = None, limit: int = 100
) -> list[ChargebackRow]:
    """Return chargebacks: those that wait for us by the day their evidence is due, the ended ones last.

    Args:
        account_id: of one account only.
    Raises: NotAllowed.
    """
    require(actor, Permission.CHARGEBACK_READ)
    rank = case(
        (Chargeback.status.in_(ASKING), 0),
        (Chargeback.status == ChargebackStatus.UNDER_REVIEW, 1),
        else_=2,
    )
    query = (
        select(
            Chargeback, Account.ref.label("account_ref"), Account.name, Account.zone, Payment.number,
            Payment.method_detail, Staff.name.label("noted_by"),
        )
        .join(Account, Account.id == Chargeback.account_id)
        .join(Payment, Payment.id == Chargeback.payment_id)
        .outerjoin(Staff, Staff.id == Chargeback.submitted_by_id)
        .order_by(
            rank, Chargeback.evidence_due_at.is_(None), Chargeback.evidence_due_at, Chargeback.id.desc()
        )
        .limit(limit)
    )  # fmt: skip
    if account_id is not None:
        query = query.where(Chargeback.account_id == account_id)
    return [
        ChargebackRow(
            ref=r.Chargeback.ref, account_ref=r.account_ref, account_name=r.name, zone=r.zone,
            payment=r.number, paid_by=r.method_detail,
            amount=Money(r.Chargeback.amount_minor, r.Chargeback.currency),
            held=Money(r.Chargeback.taken_minor - r.Chargeback.returned_minor, r.Chargeback.currency),
            fee=_fee(r.Chargeback),
            reason=r.Chargeback.reason, status=r.Chargeback.status, dispute_id=r.Chargeback.dispute_id,
            gateway_account=r.Chargeback.gateway_account, opened_at=r.Chargeback.opened_at,
            evidence_due_at=r.Chargeback.evidence_due_at, asked_at=r.Chargeback.asked_at,
            closed_at=r.Chargeback.closed_at,
            note=r.Chargeback.submitted_note, noted_at=r.Chargeback.submitted_at, noted_by=r.noted_by,
        )
        for r in session.execute(query)
    ]  # fmt: skip


def _fee(row: Chargeback) -> Money | None:
    return Money(row.fee_minor, row.fee_currency) if row.fee_currency is not None else None


def note_submitted(session: Session, actor: Actor, ref: str, *, note: str, now: datetime) -> Chargeback:
    """Write down what was submitted at the gateway's desk, or that it was accepted; a later note replaces it.

    Args:
        note: words, at most NOTE_MOST characters.
    Raises:
        NotAllowed. NotFound.
        Refused: chargeback_over; note_missing, words_too_long.
    """
    require(actor, Permission.CHARGEBACK_ANSWER)
    found = session.scalar(select(Chargeback.account_id).where(Chargeback.ref == ref))
    if found is None:
        raise NotFound("not_found")
    session.get_one(Account, found, with_for_update=True)
    row = session.scalars(
        select(Chargeback)
        .where(Chargeback.ref == ref)
        .execution_options(populate_existing=True)
        .with_for_update()
    ).one()
    if row.status not in WAITING:
        raise Refused("chargeback_over")
    words = clean_words(note, most=NOTE_MOST)
    if not words:
        raise Refused("note_missing")
    row.submitted_note, row.submitted_at, row.submitted_by_id = words, now, actor.id
    facts = {"amount_minor": row.amount_minor, "currency": row.currency}
    record(
        session, actor, "chargeback.noted", row, account_id=row.account_id, now=now,
        facts={**facts, "dispute": row.dispute_id},
    )  # fmt: skip
    outbox.note(session, row.account_id, "chargeback.noted", staff_id=actor.id, now=now, facts=facts)
    session.flush()
    return row
