"""Attempts to pay, what the gateway did, cash that came, and where it went."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    String,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, currency_code, enum_column, minor, pk, ref_key
from models.states import AttemptStatus, InboxStatus


class PaymentMethod(StrEnum):
    CARD = "card"
    BANK_DEBIT = "bank_debit"
    BANK_TRANSFER = "bank_transfer"
    OTHER = "other"


class AllocationRule(StrEnum):
    """Why an amount went where it went (M-13)."""

    DIRECTED = "directed"  # the debtor chose the invoices
    OLDEST_FIRST = "oldest_first"
    CREDIT_NOTE = "credit_note"


class PaymentAttempt(Base):
    """One try to pay through the gateway; the row is committed before the first call (P-01)."""

    __tablename__ = "payment_attempt"

    id: Mapped[pk]
    #: Opaque return id: the return page works by it without a session (decision 10).
    ref: Mapped[ref_key]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"))
    amount_minor: Mapped[minor]
    currency: Mapped[currency_code]
    status: Mapped[AttemptStatus] = enum_column(AttemptStatus, "status")
    language: Mapped[str] = mapped_column(String(2))
    #: Made with the form, before the first try: a resent form is the same attempt (M-06).
    form_nonce: Mapped[str] = mapped_column(String(64), unique=True)
    gateway_account: Mapped[str] = mapped_column(String(40))
    idempotency_key: Mapped[str] = mapped_column(String(120), unique=True)
    #: The exact request, stored before the call (decision 13).
    operation: Mapped[str]
    request_body: Mapped[str]
    #: Session id at the gateway; TEXT, since ids grow (P-14).
    remote_id: Mapped[str | None] = mapped_column(unique=True)
    intent_id: Mapped[str | None]
    checkout_url: Mapped[str | None]
    expires_at: Mapped[datetime]
    #: A newer attempt or fact took its place; the status waits for the gateway (decision 14).
    superseded_at: Mapped[datetime | None]
    failure_code: Mapped[str | None]
    #: Set once a 5xx, time-out or dropped answer left the outcome open (P-22).
    unknown_since: Mapped[datetime | None]
    #: Since when the payer's bank has it in hand; stays when the money does not come (P-19).
    accepted_at: Mapped[datetime | None]
    #: How often the sweeper has asked about it, and when it asks again; None: never asked (P-16).
    looks: Mapped[int] = mapped_column(Integer, default=0, server_default=text("0"))
    next_look_at: Mapped[datetime | None]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(Integer, default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        Index("ix_payment_attempt_status", "status", "started_at"),
        Index("ix_payment_attempt_account", "account_id"),
        Index("ix_payment_attempt_intent", "intent_id"),
    )


class AttemptInvoice(Base):
    """What an attempt reserves of one invoice (decision 12).

    `blocking` is written only when the attempt moves or is superseded; the partial unique
    index makes a second open attempt for the same invoice impossible.
    """

    __tablename__ = "attempt_invoice"

    attempt_id: Mapped[int] = mapped_column(ForeignKey("payment_attempt.id"), primary_key=True)
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"), primary_key=True)
    reserved_minor: Mapped[minor]
    blocking: Mapped[bool] = mapped_column(Boolean)

    __table_args__ = (
        CheckConstraint("reserved_minor > 0", name="reserved"),
        Index("ix_attempt_invoice_invoice", "invoice_id"),
    )


Index(
    "uq_attempt_invoice_blocking",
    AttemptInvoice.invoice_id,
    unique=True,
    sqlite_where=text("blocking"),
    postgresql_where=text("blocking"),
)


class ProviderEffect(Base):
    """One effect of one gateway object in our books; a second one is impossible (P-11, INV-5)."""

    __tablename__ = "provider_effect"

    id: Mapped[pk]
    provider_object_id: Mapped[str]
    kind: Mapped[str] = mapped_column(String(40))
    attempt_id: Mapped[int | None] = mapped_column(ForeignKey("payment_attempt.id"))
    entry_id: Mapped[int] = mapped_column(ForeignKey("ledger_entry.id"))
    recorded_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("provider_object_id", "kind"),
        Index("ix_provider_effect_attempt", "attempt_id"),
        Index("ix_provider_effect_entry", "entry_id"),
    )


class Payment(Base):
    """Cash that came; always recorded, whatever became of the invoices (requirements 0.5)."""

    __tablename__ = "payment"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    #: Number of the payment confirmation, shown to the debtor.
    number: Mapped[str] = mapped_column(String(24), unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    attempt_id: Mapped[int | None] = mapped_column(ForeignKey("payment_attempt.id"), unique=True)
    method: Mapped[PaymentMethod] = enum_column(PaymentMethod, "method")
    #: "visa 4242": what the payer recognises; never a full number.
    method_detail: Mapped[str] = mapped_column(default="")
    amount_minor: Mapped[minor]
    currency: Mapped[currency_code]
    provider_charge_id: Mapped[str | None] = mapped_column(unique=True)
    received_at: Mapped[datetime]
    #: Day that deadlines look at: when it was initiated, account-local.
    valued_on: Mapped[date]
    entry_id: Mapped[int] = mapped_column(ForeignKey("ledger_entry.id"), unique=True)

    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        Index("ix_payment_account", "account_id", "received_at"),
        Index("ix_payment_amount", "amount_minor"),
        Index("ix_payment_valued", "valued_on"),
    )


class Allocation(Base):
    """Where part of a payment or credit note went (M-13); append-only, undone by a reversal."""

    __tablename__ = "allocation"

    id: Mapped[pk]
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("payment.id"))
    credit_note_id: Mapped[int | None] = mapped_column(ForeignKey("invoice.id"))
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"))
    invoice_line_id: Mapped[int | None] = mapped_column(ForeignKey("invoice_line.id"))
    amount_minor: Mapped[minor]
    currency: Mapped[currency_code]
    rule: Mapped[AllocationRule] = enum_column(AllocationRule, "rule")
    valued_on: Mapped[date]
    entry_id: Mapped[int] = mapped_column(ForeignKey("ledger_entry.id"))

    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("(payment_id IS NULL) <> (credit_note_id IS NULL)", name="source"),
        Index("ix_allocation_payment", "payment_id"),
        Index("ix_allocation_invoice", "invoice_id"),
        Index("ix_allocation_entry", "entry_id"),
    )


class Adjustment(Base):
    """What reduced an invoice besides payments and credit notes; append-only, with its entry."""

    __tablename__ = "adjustment"

    id: Mapped[pk]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"))
    #: "settlement_discount", "withholding_tax", "early_payment_discount", "small_difference", "write_off".
    kind: Mapped[str] = mapped_column(String(40))
    amount_minor: Mapped[minor]
    currency: Mapped[currency_code]
    entry_id: Mapped[int] = mapped_column(ForeignKey("ledger_entry.id"))
    #: Account-local day on which it counts.
    made_on: Mapped[date]

    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        Index("ix_adjustment_invoice", "invoice_id"),
        Index("ix_adjustment_entry", "entry_id"),
    )


class InboxEvent(Base):
    """A verified notification of the gateway, kept before it is understood (P-10)."""

    __tablename__ = "inbox_event"

    id: Mapped[pk]
    event_id: Mapped[str] = mapped_column(unique=True)
    gateway_account: Mapped[str] = mapped_column(String(40))
    type: Mapped[str]
    object_id: Mapped[str]
    session_id: Mapped[str | None]
    intent_id: Mapped[str | None]
    charge_id: Mapped[str | None]
    payment_method_id: Mapped[str | None]
    attempt_ref: Mapped[str | None]
    tagged: Mapped[bool] = mapped_column(Boolean)
    payload: Mapped[str]
    status: Mapped[InboxStatus] = enum_column(InboxStatus, "status")
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    next_try_at: Mapped[datetime]
    locked_until: Mapped[datetime | None]
    worker: Mapped[str | None]
    error: Mapped[str | None]
    received_at: Mapped[datetime]
    #: Read in the gateway's own list: it did not reach us by itself (P-15, P-18).
    brought_in: Mapped[bool] = mapped_column(Boolean, server_default=false())
    done_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_inbox_event_due", "status", "next_try_at"),
        Index("ix_inbox_event_received", "received_at"),
    )
