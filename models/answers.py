"""What debtors said to "What is stopping you from paying now?", and what they asked us for."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, enum_column, pk, ref_key
from models.states import RequestStatus


class AnswerKind(StrEnum):
    """The reason for non-payment as the debtor gave it."""

    FORGOT = "forgot"
    ON_A_DATE = "on_a_date"
    NOT_ALL = "not_all"
    WRONG_INVOICE = "wrong_invoice"
    MISSING_DOCUMENT = "missing_document"
    HAVE_PAID = "have_paid"
    TAX_WITHHELD = "tax_withheld"
    NEEDS_APPROVAL = "needs_approval"
    NOT_ME = "not_me"
    SOMEONE_ELSE = "someone_else"
    HARDSHIP = "hardship"


class Answer(Base):
    """One honest answer; append-only. Of hardship it holds that it was given, never the words."""

    __tablename__ = "answer"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"))
    kind: Mapped[AnswerKind] = enum_column(AnswerKind, "kind")
    #: Ids, days, amounts and short words that belong to the answer.
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    given_at: Mapped[datetime]

    __table_args__ = (Index("ix_answer_account", "account_id", "given_at"),)


class AnswerFile(Base):
    """A proof or certificate that came with an answer."""

    __tablename__ = "answer_file"

    file_id: Mapped[int] = mapped_column(ForeignKey("file.id"), primary_key=True)
    answer_id: Mapped[int] = mapped_column(ForeignKey("answer.id"))

    __table_args__ = (Index("ix_answer_file_answer", "answer_id"),)


class RequestKind(StrEnum):
    """What waits for us: the chasing pauses until we answered."""

    PAYMENT_CLAIM = "payment_claim"  # says paid: find the money
    WITHHOLDING = "withholding"  # check the certificate, book the tax
    DOCUMENT = "document"
    OTHER_CONTACT = "other_contact"


class Request(Base):
    """Something a debtor asked or claimed that a person answers; shown to him with its date."""

    __tablename__ = "request"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"))
    answer_id: Mapped[int | None] = mapped_column(ForeignKey("answer.id"))
    invoice_id: Mapped[int | None] = mapped_column(ForeignKey("invoice.id"))
    kind: Mapped[RequestKind] = enum_column(RequestKind, "kind")
    status: Mapped[RequestStatus] = enum_column(RequestStatus, "status")
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    asked_at: Mapped[datetime]
    answer_by_on: Mapped[date]
    #: What we said, and the document we sent.
    reply: Mapped[str | None]
    file_id: Mapped[int | None] = mapped_column(ForeignKey("file.id"))
    answered_at: Mapped[datetime | None]
    answered_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    version: Mapped[int] = mapped_column(Integer, default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        Index("ix_request_account", "account_id"),
        Index("ix_request_status", "status", "answer_by_on"),
        Index("ix_request_answer", "answer_id"),
        Index("ix_request_invoice", "invoice_id"),
    )


class HardshipCase(Base):
    """A debtor in difficulty tells a person; kept apart: own permission, no timeline, no case file."""

    __tablename__ = "hardship_case"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"))
    status: Mapped[RequestStatus] = enum_column(RequestStatus, "status")
    words: Mapped[str]
    #: What he could pay, if he named it.
    could_pay_minor: Mapped[int | None]
    currency: Mapped[str | None] = mapped_column(String(3))
    told_at: Mapped[datetime]
    answer_by_on: Mapped[date]
    answered_at: Mapped[datetime | None]
    answered_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    version: Mapped[int] = mapped_column(Integer, default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (Index("ix_hardship_case_account", "account_id"),)


class Survey(Base):
    """One question after paying, with a free comment; once for a payment."""

    __tablename__ = "survey"

    id: Mapped[pk]
    payment_id: Mapped[int] = mapped_column(ForeignKey("payment.id"), unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    #: 1 (hard) to 5 (easy).
    score: Mapped[int] = mapped_column(Integer)
    comment: Mapped[str] = mapped_column(default="")
    answered_at: Mapped[datetime]

    __table_args__ = (CheckConstraint("score BETWEEN 1 AND 5", name="score"),)
