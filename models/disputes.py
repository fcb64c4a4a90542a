"""Disputes: a debtor contests a line, or more, of an invoice; the thread about it, and its end.

A dispute is not a chargeback (domain.md, "Words"). Source: issue of the portal, part 2; policy table row 7.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Boolean, CheckConstraint, ForeignKey, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, currency_code, enum_column, minor, pk, ref_key
from models.states import DisputeStatus


class DisputeReason(StrEnum):
    """Reasons of the trade."""

    MISSING_PAPERWORK = "missing_paperwork"  # purchase order, delivery note
    WRONG_PRICE = "wrong_price"
    WRONG_QUANTITY = "wrong_quantity"
    DAMAGED = "damaged"
    NOT_DELIVERED = "not_delivered"
    SERVICE = "service"
    WRONG_TAX = "wrong_tax"
    ALREADY_PAID = "already_paid"
    NOT_OURS = "not_ours"
    DUPLICATE = "duplicate"
    OTHER = "other"


class Dispute(Base):
    """What is contested of one invoice; the contested amount leaves what is asked for at once."""

    __tablename__ = "dispute"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"))
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"))
    status: Mapped[DisputeStatus] = enum_column(DisputeStatus, "status")
    reason: Mapped[DisputeReason] = enum_column(DisputeReason, "reason")
    contested_minor: Mapped[minor]
    currency: Mapped[currency_code]
    #: Whether the contested amount is set aside now; written only with the status move.
    holds: Mapped[bool] = mapped_column(Boolean)
    #: The contested amount had been paid before the dispute came (race pay ∥ dispute).
    paid_before: Mapped[bool] = mapped_column(Boolean, default=False)
    opened_at: Mapped[datetime]
    #: Account-local day by which a person answers.
    answer_by_on: Mapped[date]
    handled_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    #: What was credited at its end; the credit note names the document.
    credited_minor: Mapped[minor] = mapped_column(default=0)
    credit_note_id: Mapped[int | None] = mapped_column(ForeignKey("invoice.id"))
    finding: Mapped[str | None]
    resolved_at: Mapped[datetime | None]
    resolved_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    #: Reopened with new evidence; once.
    reopened_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(Integer, default=1)
    #: What it truly was, for the report; None while it is open, or where nobody said.
    found_reason: Mapped[DisputeReason | None] = enum_column(DisputeReason, "found_reason")

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        CheckConstraint("contested_minor > 0", name="contested"),
        CheckConstraint("credited_minor BETWEEN 0 AND contested_minor", name="credited"),
        Index("ix_dispute_account", "account_id"),
        Index("ix_dispute_invoice", "invoice_id"),
        Index("ix_dispute_status", "status", "answer_by_on"),
    )


class DisputeLine(Base):
    """The part of a dispute that is about one line of the invoice."""

    __tablename__ = "dispute_line"

    dispute_id: Mapped[int] = mapped_column(ForeignKey("dispute.id"), primary_key=True)
    invoice_line_id: Mapped[int] = mapped_column(ForeignKey("invoice_line.id"), primary_key=True)
    contested_minor: Mapped[minor]
    #: Follows the dispute's `holds`; a line is contested by one open dispute only.
    holds: Mapped[bool] = mapped_column(Boolean)

    __table_args__ = (
        CheckConstraint("contested_minor > 0", name="contested"),
        Index("ix_dispute_line_line", "invoice_line_id"),
    )


Index(
    "uq_dispute_line_holds",
    DisputeLine.invoice_line_id,
    unique=True,
    sqlite_where=text("holds"),
    postgresql_where=text("holds"),
)


class DisputeNote(Base):
    """One word in the thread, of the debtor or of us; append-only."""

    __tablename__ = "dispute_note"

    id: Mapped[pk]
    dispute_id: Mapped[int] = mapped_column(ForeignKey("dispute.id"))
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    #: Free text with card-like digits masked (X-09).
    words: Mapped[str]
    written_at: Mapped[datetime]
    #: Ours only: the debtor never sees it.
    internal: Mapped[bool] = mapped_column(Boolean, default=False, server_default=text("false"))

    __table_args__ = (
        CheckConstraint("NOT internal OR staff_id IS NOT NULL", name="internal"),
        Index("ix_dispute_note_dispute", "dispute_id"),
    )


class DisputeFile(Base):
    """A file that belongs to a word in the thread."""

    __tablename__ = "dispute_file"

    file_id: Mapped[int] = mapped_column(ForeignKey("file.id"), primary_key=True)
    dispute_id: Mapped[int] = mapped_column(ForeignKey("dispute.id"))
    note_id: Mapped[int] = mapped_column(ForeignKey("dispute_note.id"))

    __table_args__ = (Index("ix_dispute_file_dispute", "dispute_id"),)


class DisputeStatement(Base):
    """What a salesperson is asked about a contested price, by when, and what he says; one open a dispute."""

    __tablename__ = "dispute_statement"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    dispute_id: Mapped[int] = mapped_column(ForeignKey("dispute.id"))
    asked_of_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    asked_by_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    question: Mapped[str]
    asked_at: Mapped[datetime]
    #: Account-local day by which he answers.
    due_on: Mapped[date]
    reminded_at: Mapped[datetime | None]
    #: Whether he promised what the debtor says; None until he answers.
    was_promised: Mapped[bool | None] = mapped_column(Boolean)
    answer: Mapped[str | None]
    answered_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    #: When it ended: with an answer, or (without) because the dispute ended first.
    closed_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(Integer, default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        CheckConstraint("answer IS NULL OR closed_at IS NOT NULL", name="answered"),
        CheckConstraint("(answer IS NULL) = (was_promised IS NULL)", name="said"),
        Index("ix_dispute_statement_asked_of", "asked_of_id", "closed_at"),
        Index("ix_dispute_statement_due", "closed_at", "due_on"),
    )


Index(
    "uq_dispute_statement_open",
    DisputeStatement.dispute_id,
    unique=True,
    sqlite_where=text("closed_at IS NULL"),
    postgresql_where=text("closed_at IS NULL"),
)


class DisputeDraft(Base):
    """What a debtor has typed of a dispute and not sent yet; lives some days with the account (decision 10).

    The dispute that comes of it takes its `ref`, so that sending twice is one dispute.
    """

    __tablename__ = "dispute_draft"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    #: One draft for one invoice.
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"), unique=True)
    #: The form as typed, its free text cleaned, and the language it was typed in.
    form: Mapped[dict[str, Any]] = mapped_column(JSON)
    #: Refs of the files that came with it.
    files: Mapped[list[str]] = mapped_column(JSON)
    #: When the form was shown that it came from: what was open then may be disputed (race pay ∥ dispute).
    shown_at: Mapped[datetime]
    saved_at: Mapped[datetime]

    __table_args__ = (Index("ix_dispute_draft_saved", "saved_at"),)
