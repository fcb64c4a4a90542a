"""The books: chart of accounts, entries, postings. Append-only; a correction is a reversal.

Triggers on both databases refuse UPDATE, DELETE and TRUNCATE of entries and postings, and on
PostgreSQL a deferred trigger refuses an entry that does not sum to zero (models/triggers.py).
Source: M-03, M-04, M-05, M-18, M-19; domain.md, "Money and ledger".
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, currency_code, digest, enum_column, minor, pk


class LedgerCode(StrEnum):
    """The chart of accounts; the rows are seeded by the first migration."""

    RECEIVABLES = "receivables"
    UNAPPLIED_CREDIT = "unapplied_credit"
    GATEWAY_CLEARING = "gateway_clearing"
    GATEWAY_FEES = "gateway_fees"
    BANK = "bank"
    BANK_IN_TRANSIT = "bank_in_transit"
    CHARGEBACKS_HELD = "chargebacks_held"
    REFUNDS_PAYABLE = "refunds_payable"
    OPENING_COUNTERPART = "opening_counterpart"
    SETTLEMENT_DISCOUNTS = "settlement_discounts"
    SETTLEMENT_DISCOUNT_TAX = "settlement_discount_tax"
    BAD_DEBT = "bad_debt"
    CREDIT_NOTES = "credit_notes"
    SMALL_DIFFERENCES = "small_differences"
    WITHHOLDING_TAX = "withholding_tax"
    EXCHANGE = "exchange"
    LATE_FEE_INCOME = "late_fee_income"
    INTEREST_INCOME = "interest_income"
    AGENCY_COMMISSION = "agency_commission"
    RECOVERIES = "recoveries"


class LedgerNature(StrEnum):
    ASSET = "asset"
    LIABILITY = "liability"
    INCOME = "income"
    EXPENSE = "expense"


NATURES: dict[LedgerCode, LedgerNature] = {
    LedgerCode.RECEIVABLES: LedgerNature.ASSET,
    LedgerCode.UNAPPLIED_CREDIT: LedgerNature.LIABILITY,
    LedgerCode.GATEWAY_CLEARING: LedgerNature.ASSET,
    LedgerCode.GATEWAY_FEES: LedgerNature.EXPENSE,
    LedgerCode.BANK: LedgerNature.ASSET,
    LedgerCode.BANK_IN_TRANSIT: LedgerNature.ASSET,
    LedgerCode.CHARGEBACKS_HELD: LedgerNature.ASSET,
    LedgerCode.REFUNDS_PAYABLE: LedgerNature.LIABILITY,
    LedgerCode.OPENING_COUNTERPART: LedgerNature.INCOME,
    LedgerCode.SETTLEMENT_DISCOUNTS: LedgerNature.EXPENSE,
    LedgerCode.SETTLEMENT_DISCOUNT_TAX: LedgerNature.EXPENSE,
    LedgerCode.BAD_DEBT: LedgerNature.EXPENSE,
    LedgerCode.CREDIT_NOTES: LedgerNature.EXPENSE,
    LedgerCode.SMALL_DIFFERENCES: LedgerNature.EXPENSE,
    LedgerCode.WITHHOLDING_TAX: LedgerNature.ASSET,
    LedgerCode.EXCHANGE: LedgerNature.EXPENSE,
    LedgerCode.LATE_FEE_INCOME: LedgerNature.INCOME,
    LedgerCode.INTEREST_INCOME: LedgerNature.INCOME,
    LedgerCode.AGENCY_COMMISSION: LedgerNature.EXPENSE,
    LedgerCode.RECOVERIES: LedgerNature.INCOME,
}


class LedgerAccount(Base):
    """A line of the chart of accounts."""

    __tablename__ = "ledger_account"

    code: Mapped[LedgerCode] = enum_column(LedgerCode, "code", primary_key=True)
    nature: Mapped[LedgerNature] = enum_column(LedgerNature, "nature")


class LedgerEntry(Base):
    """One fact in the books: two or more postings of one currency that sum to zero."""

    __tablename__ = "ledger_entry"

    id: Mapped[pk]
    creditor_id: Mapped[int] = mapped_column(ForeignKey("creditor.id"))
    #: Names the fact ("payment:123:settled"), so posting it twice is one entry.
    reference: Mapped[str] = mapped_column(String(120), unique=True)
    #: SHA-256 of the postings: the same reference with other postings is an error (M-05).
    fingerprint: Mapped[digest]
    kind: Mapped[str] = mapped_column(String(40))
    currency: Mapped[currency_code]
    posted_at: Mapped[datetime]
    #: Day of the books, creditor-local; late facts keep their own day in effective_on (M-19).
    posted_on: Mapped[date]
    effective_on: Mapped[date]
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("ledger_entry.id"), unique=True)
    policy_version_id: Mapped[int | None] = mapped_column(ForeignKey("policy_version.id"))

    __table_args__ = (
        CheckConstraint("reverses_id IS NULL OR reverses_id <> id", name="reverses"),
        Index("ix_ledger_entry_posted_on", "posted_on"),
    )


class Posting(Base):
    """One side of an entry: either a debit or a credit, always positive."""

    __tablename__ = "posting"

    id: Mapped[pk]
    entry_id: Mapped[int] = mapped_column(ForeignKey("ledger_entry.id"))
    position: Mapped[int] = mapped_column(Integer)
    ledger_code: Mapped[LedgerCode] = enum_column(LedgerCode, "ledger_code")
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    invoice_id: Mapped[int | None] = mapped_column(ForeignKey("invoice.id"))
    debit_minor: Mapped[minor] = mapped_column(default=0)
    credit_minor: Mapped[minor] = mapped_column(default=0)
    currency: Mapped[currency_code]

    __table_args__ = (
        UniqueConstraint("entry_id", "position"),
        CheckConstraint("debit_minor >= 0 AND credit_minor >= 0", name="positive"),
        CheckConstraint("(debit_minor = 0) <> (credit_minor = 0)", name="one_side"),
        CheckConstraint(
            "ledger_code NOT IN ('receivables', 'unapplied_credit') OR account_id IS NOT NULL",
            name="control",
        ),
        CheckConstraint("ledger_code <> 'receivables' OR invoice_id IS NOT NULL", name="receivable"),
        Index("ix_posting_account_code", "account_id", "ledger_code"),
        Index("ix_posting_invoice", "invoice_id"),
    )


#: What is on its way to the bank is read as a whole, every day (M-18).
Index(
    "ix_posting_on_the_way",
    Posting.ledger_code,
    Posting.entry_id,
    sqlite_where=text("ledger_code IN ('gateway_clearing', 'bank_in_transit')"),
    postgresql_where=text("ledger_code IN ('gateway_clearing', 'bank_in_transit')"),
)
