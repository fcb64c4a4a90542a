"""Pauses: dated reasons why the ladder, a reminder, interest or autopay stands still (domain.md)."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, enum_column, pk


class PauseReason(StrEnum):
    """Why we stand still; facts about the person are AccountFlag, not pauses."""

    DISPUTE = "dispute"
    PROMISE = "promise"
    PLAN = "plan"
    OFFER = "offer"
    SAYS_PAID = "says_paid"
    AWAITING_OUR_ANSWER = "awaiting_our_answer"
    DOCUMENT_REQUESTED = "document_requested"
    THEIR_APPROVAL = "their_approval"
    WITHHOLDING = "withholding"
    HARDSHIP = "hardship"
    WRONG_CONTACT = "wrong_contact"
    #: A bank debit is on its way; ends with its success or failure.
    DEBIT_PROCESSING = "debit_processing"
    CHARGEBACK = "chargeback"
    #: The salesperson asked for 48 hours, once a case.
    SALES_TALK = "sales_talk"


class Pause(Base):
    """One pause of an account, or of one invoice, contact or currency of it.

    It holds on a day when `from_on` <= day < `to_on`; days are account-local. It starts in the
    transaction that causes it.
    """

    __tablename__ = "pause"

    id: Mapped[pk]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    #: Narrower scope; None is the whole account.
    invoice_id: Mapped[int | None] = mapped_column(ForeignKey("invoice.id"))
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"))
    currency: Mapped[str | None] = mapped_column(String(3))
    reason: Mapped[PauseReason] = enum_column(PauseReason, "reason")
    #: Names the cause, "dispute:17"; one pause for one cause and scope.
    key: Mapped[str] = mapped_column(String(120), unique=True)
    from_on: Mapped[date]
    #: First day on which it no longer holds; None while nobody knows.
    to_on: Mapped[date | None]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("to_on IS NULL OR to_on >= from_on", name="days"),
        Index("ix_pause_account", "account_id", "to_on"),
        Index("ix_pause_invoice", "invoice_id"),
    )
