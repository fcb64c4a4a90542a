"""Money that went back after it was booked: what was taken back of a payment, and chargebacks.

A payment stays what it was; what is taken back of it, and what is given back again, are rows of their own,
each with its ledger entry. Source: P-20, P-21; M-04; domain.md, "Statuses and their moves".
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, currency_code, enum_column, minor, pk, ref_key
from models.states import ChargebackStatus


class ReversalCause(StrEnum):
    """Why money of a payment went back."""

    REFUND = "refund"  # given back at the gateway's own desk
    CHARGEBACK = "chargeback"  # the card network holds it
    BANK_RETURN = "bank_return"  # the payer's bank took a debit back: final
    MISTAKE = "mistake"  # it was booked wrongly


class Chargeback(Base):
    """A payment that the payer contests with his bank; money moves by its movements alone (P-21).

    An inquiry is a row without money. `taken_minor` and `returned_minor` are what was booked of its
    movements; the difference is out of our hands. The fee is what the gateway kept, less what it gave back.
    """

    __tablename__ = "chargeback"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    payment_id: Mapped[int] = mapped_column(ForeignKey("payment.id"))
    gateway_account: Mapped[str] = mapped_column(String(40))
    #: The gateway's name of it; TEXT, since ids grow (P-14).
    dispute_id: Mapped[str] = mapped_column(unique=True)
    status: Mapped[ChargebackStatus] = enum_column(ChargebackStatus, "status")
    is_inquiry: Mapped[bool] = mapped_column(Boolean)
    #: What the payer contests; may differ from the payment and from what moved.
    amount_minor: Mapped[minor]
    currency: Mapped[currency_code]
    taken_minor: Mapped[minor] = mapped_column(default=0)
    returned_minor: Mapped[minor] = mapped_column(default=0)
    fee_minor: Mapped[minor] = mapped_column(default=0)
    fee_currency: Mapped[currency_code | None]
    #: The gateway's word for the reason.
    reason: Mapped[str]
    evidence_due_at: Mapped[datetime | None]
    opened_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    #: When the gateway was asked last and could not show it, if later than it was seen; for the order only.
    looked_at: Mapped[datetime | None]
    #: Since when it waits for the answer that is asked for now; a note from before answered something else.
    asked_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    #: What a person wrote down of the evidence that was submitted at the gateway.
    submitted_note: Mapped[str | None]
    submitted_at: Mapped[datetime | None]
    submitted_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    version: Mapped[int] = mapped_column(Integer, default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("taken_minor >= 0 AND returned_minor >= 0", name="moved"),
        CheckConstraint("(submitted_note IS NULL) = (submitted_at IS NULL)", name="submitted"),
        Index("ix_chargeback_account", "account_id"),
        Index("ix_chargeback_payment", "payment_id"),
        Index("ix_chargeback_status", "status", "evidence_due_at"),
    )


class PaymentReversal(Base):
    """What was taken back of a payment, or given back of what was taken; append-only, with its entry.

    `undoes_id` names the taking that a giving back undoes, in part or whole. The amount is split by where
    it was taken from (or went to): allocations (AllocationReversal rows; new Allocation rows when given
    back), the payment's own unapplied credit, recoveries of written-off invoices, and what is beyond
    them: money that had left the payment before, so that nobody's debt grew by it.
    """

    __tablename__ = "payment_reversal"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    payment_id: Mapped[int] = mapped_column(ForeignKey("payment.id"))
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    cause: Mapped[ReversalCause] = enum_column(ReversalCause, "cause")
    undoes_id: Mapped[int | None] = mapped_column(ForeignKey("payment_reversal.id"))
    chargeback_id: Mapped[int | None] = mapped_column(ForeignKey("chargeback.id"))
    #: Names the fact, "refund:re_1": taking it back twice is one row.
    source: Mapped[str] = mapped_column(unique=True)
    amount_minor: Mapped[minor]
    currency: Mapped[currency_code]
    allocated_minor: Mapped[minor]
    unapplied_minor: Mapped[minor]
    recovered_minor: Mapped[minor]
    beyond_minor: Mapped[minor]
    entry_id: Mapped[int] = mapped_column(ForeignKey("ledger_entry.id"), unique=True)
    effective_on: Mapped[date]
    made_at: Mapped[datetime]
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    reason: Mapped[str | None]

    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint(
            "allocated_minor >= 0 AND unapplied_minor >= 0 AND recovered_minor >= 0 AND beyond_minor >= 0",
            name="positive",
        ),
        CheckConstraint(
            "amount_minor = allocated_minor + unapplied_minor + recovered_minor + beyond_minor", name="whole"
        ),
        Index("ix_payment_reversal_payment", "payment_id"),
        Index("ix_payment_reversal_account", "account_id"),
        Index("ix_payment_reversal_undoes", "undoes_id"),
        Index("ix_payment_reversal_chargeback", "chargeback_id"),
    )


class AllocationReversal(Base):
    """What a reversal took off one allocation; append-only. What is left of it counts (allocations.py)."""

    __tablename__ = "allocation_reversal"

    id: Mapped[pk]
    reversal_id: Mapped[int] = mapped_column(ForeignKey("payment_reversal.id"))
    allocation_id: Mapped[int] = mapped_column(ForeignKey("allocation.id"))
    amount_minor: Mapped[minor]

    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        Index("ix_allocation_reversal_reversal", "reversal_id"),
        Index("ix_allocation_reversal_allocation", "allocation_id"),
    )
