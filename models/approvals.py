"""What one person asks for and another decides, refunds that are owed, and who stands in for whom.

Offers, plans, charges and rules carry their own decision; whatever else needs four eyes is a row here.
Source: A-02, A-03; INV-11.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Boolean, CheckConstraint, ForeignKey, Index, Integer, String, false, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, currency_code, digest, enum_column, minor, pk, ref_key
from models.states import ApprovalStatus, RefundStatus


class ApprovalKind(StrEnum):
    """What is asked for; the effect of each stands in receivables/approvals/effects.py."""

    WRITE_OFF = "write_off"
    WRITE_OFF_REOPENING = "write_off_reopening"
    REFUND = "refund"
    WAIVER = "waiver"  # of proposed interest or a late fee, beyond one's own limit
    HOLD_RELEASE = "hold_release"  # of a credit hold, before its condition is met
    POLICY = "policy"
    TEXT = "text"
    STAFF_ROLE = "staff_role"  # a role that touches money, given to somebody
    DISPUTE_CREDIT = "dispute_credit"  # of more than who decides the dispute may credit alone


class ApprovalRequest(Base):
    """One thing asked for, kept whatever becomes of it: who asked, who decided and by whose limit."""

    __tablename__ = "approval_request"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    kind: Mapped[ApprovalKind] = enum_column(ApprovalKind, "kind")
    #: Names what it is about, so that it waits once: the ref of an invoice, a hold, a draft.
    subject_ref: Mapped[str] = mapped_column(String(120))
    status: Mapped[ApprovalStatus] = enum_column(ApprovalStatus, "status")
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    amount_minor: Mapped[minor | None]
    currency: Mapped[currency_code | None]
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    #: SHA-256 of kind, subject, amount and facts: what the decider has read is what is decided.
    content_digest: Mapped[digest]
    reason: Mapped[str]
    proposer_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    proposed_at: Mapped[datetime]
    #: The request that this one answers with other terms.
    supersedes_id: Mapped[int | None] = mapped_column(ForeignKey("approval_request.id"))
    approver_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    #: Whose limit the approver used as a deputy; None for his own.
    deputy_for_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None]
    #: Why it was refused, taken back or fell away; words of a person or a code.
    answer: Mapped[str | None]
    #: Decided by the proposer himself, in a house of one person.
    is_alone: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    policy_version_id: Mapped[int | None] = mapped_column(ForeignKey("policy_version.id"))
    version: Mapped[int] = mapped_column(Integer, default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        CheckConstraint("is_alone OR approver_id IS NULL OR approver_id <> proposer_id", name="four_eyes"),
        CheckConstraint("deputy_for_id IS NULL OR deputy_for_id <> proposer_id", name="deputy"),
        CheckConstraint(
            "status NOT IN ('approved', 'refused') OR (approver_id IS NOT NULL AND decided_at IS NOT NULL)",
            name="decided",
        ),
        CheckConstraint("(amount_minor IS NULL) = (currency IS NULL)", name="money"),
        CheckConstraint("amount_minor IS NULL OR amount_minor > 0", name="amount"),
        CheckConstraint("length(reason) > 0", name="reason"),
        Index("ix_approval_request_status", "status", "proposed_at"),
        Index("ix_approval_request_account", "account_id"),
        Index(
            "uq_approval_request_waiting",
            "kind",
            "subject_ref",
            unique=True,
            sqlite_where=text("status = 'waiting'"),
            postgresql_where=text("status = 'waiting'"),
        ),
    )


class Deputy(Base):
    """Who decides in whose stead, from a first to a last day, both counted, by the date of the house."""

    __tablename__ = "deputy"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    deputy_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    from_on: Mapped[date]
    to_on: Mapped[date]
    named_by_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    named_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))

    __table_args__ = (
        CheckConstraint("deputy_id <> staff_id", name="other"),
        CheckConstraint("to_on >= from_on", name="days"),
        Index("ix_deputy_deputy", "deputy_id", "to_on"),
    )


class RefundWay(StrEnum):
    """How credit goes back."""

    BANK_TRANSFER = "bank_transfer"
    CARD = "card"  # to the card, or the bank account, that paid, through the gateway


class Refund(Base):
    """Credit that was approved to go back: payable until the accountant notes that it was paid out.

    One that goes back through the gateway keeps the exact call as an attempt does (decision 13), and what
    the gateway says of it.
    """

    __tablename__ = "refund"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    request_id: Mapped[int] = mapped_column(ForeignKey("approval_request.id"), unique=True)
    status: Mapped[RefundStatus] = enum_column(RefundStatus, "status")
    amount_minor: Mapped[minor]
    currency: Mapped[currency_code]
    #: Who receives it and where, as was approved.
    payee: Mapped[str]
    bank_account: Mapped[str]
    entry_id: Mapped[int] = mapped_column(ForeignKey("ledger_entry.id"), unique=True)
    approved_at: Mapped[datetime]
    paid_on: Mapped[date | None]
    paid_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    #: What the bank's statement says of it.
    bank_reference: Mapped[str | None] = mapped_column(String(140))
    paid_entry_id: Mapped[int | None] = mapped_column(ForeignKey("ledger_entry.id"), unique=True)
    way: Mapped[RefundWay] = enum_column(RefundWay, "way", server_default=RefundWay.BANK_TRANSFER.value)
    #: The payment whose card receives it.
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("payment.id"))
    gateway_account: Mapped[str | None] = mapped_column(String(40))
    idempotency_key: Mapped[str | None] = mapped_column(String(120))
    operation: Mapped[str | None]
    request_body: Mapped[str | None]
    #: When the stored call was first made, and since when its outcome is open (P-22).
    asked_at: Mapped[datetime | None]
    unknown_since: Mapped[datetime | None]
    #: The gateway's name of it, its word for how it stands, and why it failed.
    remote_id: Mapped[str | None]
    remote_status: Mapped[str | None] = mapped_column(String(24))
    failure_code: Mapped[str | None]

    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint(
            "(status <> 'paid_out' OR paid_entry_id IS NOT NULL)"
            " AND (paid_entry_id IS NULL OR status IN ('paid_out', 'under_way'))"
            " AND (paid_entry_id IS NULL) = (paid_on IS NULL)"
            " AND (way = 'card' OR (paid_on IS NULL) = (paid_by_id IS NULL))"
            " AND (way <> 'card' OR (payment_id IS NOT NULL AND gateway_account IS NOT NULL"
            " AND idempotency_key IS NOT NULL AND status <> 'payable'))",
            name="paid",
        ),
        Index("uq_refund_idempotency_key", "idempotency_key", unique=True),
        Index("uq_refund_remote_id", "remote_id", unique=True),
        Index("ix_refund_account", "account_id"),
        Index("ix_refund_status", "status"),
    )
