"""What was placed with an agency or a lawyer, on which terms, and what came back."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, currency_code, decimal_text, digest, enum_column, minor, pk, ref_key
from models.states import HandoverStatus


class HandlerKind(StrEnum):
    AGENCY = "agency"
    LAWYER = "lawyer"


class Handler(Base):
    """An agency or a law firm that takes cases, with its terms."""

    __tablename__ = "handler"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    kind: Mapped[HandlerKind] = enum_column(HandlerKind, "kind")
    name: Mapped[str]
    address: Mapped[str]
    email: Mapped[str | None]
    phone: Mapped[str]
    countries: Mapped[str]
    #: Of what it collects, percent; the rest of its terms in words.
    commission_percent: Mapped[decimal_text]
    terms: Mapped[str]
    is_active: Mapped[bool] = mapped_column(Boolean, default=True)
    created_at: Mapped[datetime]


class Handover(Base):
    """One case of an account and a currency in somebody else's hands."""

    __tablename__ = "handover"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    handler_id: Mapped[int | None] = mapped_column(ForeignKey("handler.id"))
    status: Mapped[HandoverStatus] = enum_column(HandoverStatus, "status")
    currency: Mapped[currency_code]
    #: Asked for when it was proposed; again when it was placed.
    amount_minor: Mapped[minor]
    reason: Mapped[str]
    step_id: Mapped[int | None] = mapped_column(ForeignKey("ladder_step.id"))
    proposed_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    proposed_at: Mapped[datetime]
    approved_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    prepared_at: Mapped[datetime | None]
    #: The day that the debtor was told of; placed no earlier. None where nobody could be told.
    notice_on: Mapped[date | None]
    #: The case file as it was handed over, and its SHA-256.
    case_file_id: Mapped[int | None] = mapped_column(ForeignKey("file.id"))
    case_digest: Mapped[digest | None]
    placed_on: Mapped[date | None]
    ended_on: Mapped[date | None]
    end_reason: Mapped[str | None]
    commission_percent: Mapped[decimal_text | None]
    version: Mapped[int] = mapped_column(Integer, default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        CheckConstraint("approved_by_id IS NULL OR approved_by_id <> proposed_by_id", name="four_eyes"),
        CheckConstraint("amount_minor > 0", name="amount"),
        Index("ix_handover_account", "account_id"),
        Index(
            "uq_handover_open",
            "account_id",
            "currency",
            unique=True,
            sqlite_where=text("status IN ('proposed', 'prepared', 'placed')"),
            postgresql_where=text("status IN ('proposed', 'prepared', 'placed')"),
        ),
    )


class HandoverInvoice(Base):
    """A document that is part of a case, with what was open on it when it was placed."""

    __tablename__ = "handover_invoice"

    handover_id: Mapped[int] = mapped_column(ForeignKey("handover.id"), primary_key=True)
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"), primary_key=True)
    balance_minor: Mapped[minor]

    __table_args__ = (Index("ix_handover_invoice_invoice", "invoice_id"),)


class Remittance(Base):
    """Money that a handler collected and sent on, less its commission; append-only."""

    __tablename__ = "remittance"

    id: Mapped[pk]
    handover_id: Mapped[int] = mapped_column(ForeignKey("handover.id"))
    #: The handler's own number for it: posted once.
    reference: Mapped[str] = mapped_column(String(80))
    collected_minor: Mapped[minor]
    commission_minor: Mapped[minor]
    currency: Mapped[currency_code]
    valued_on: Mapped[date]
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("payment.id"))
    recorded_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    recorded_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("commission_minor >= 0 AND commission_minor <= collected_minor", name="commission"),
        Index("uq_remittance_reference", "handover_id", "reference", unique=True),
    )
