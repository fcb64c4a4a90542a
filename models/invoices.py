"""Documents that are owed or credited, their lines and document-level amounts (decision 3).

Totals are positive in every kind; the direction follows the kind. Lines may be negative.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, currency_code, decimal_text, enum_column, minor, pk, ref_key
from models.states import InvoiceStatus


class InvoiceKind(StrEnum):
    INVOICE = "invoice"
    PREPAYMENT = "prepayment"
    CREDIT_NOTE = "credit_note"
    FEE = "fee"


#: Kinds that are owed; a credit note stands on the other side.
OWED_KINDS = frozenset({InvoiceKind.INVOICE, InvoiceKind.PREPAYMENT, InvoiceKind.FEE})


class Invoice(Base):
    """One document. `balance_minor` is a cache of its postings, written only by ledger.post.

    For owed kinds the balance is what is still receivable; for a credit note, what of it is
    not yet applied.
    """

    __tablename__ = "invoice"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    kind: Mapped[InvoiceKind] = enum_column(InvoiceKind, "kind")
    number: Mapped[str]
    status: Mapped[InvoiceStatus] = enum_column(InvoiceStatus, "status")
    issued_on: Mapped[date]
    due_on: Mapped[date | None]
    currency: Mapped[currency_code]
    #: Sum of line nets, then document-level amounts as the document prints them.
    lines_net_minor: Mapped[minor]
    allowances_minor: Mapped[minor] = mapped_column(default=0)
    charges_minor: Mapped[minor] = mapped_column(default=0)
    tax_minor: Mapped[minor] = mapped_column(default=0)
    prepaid_minor: Mapped[minor] = mapped_column(default=0)
    rounding_minor: Mapped[minor] = mapped_column(default=0)
    #: lines - allowances + charges + tax - prepaid + rounding: what the document asks for.
    total_minor: Mapped[minor]
    balance_minor: Mapped[minor] = mapped_column(default=0)
    #: Off when paid in full by its last day; both or neither (domain.md, early-payment discount).
    early_discount_minor: Mapped[int | None]
    early_discount_to_on: Mapped[date | None]
    description: Mapped[str] = mapped_column(default="")
    purchase_order: Mapped[str | None]
    #: The invoice that a credit note or fee refers to.
    refers_to_id: Mapped[int | None] = mapped_column(ForeignKey("invoice.id"))
    #: The creditor's own document, shown before anything we make (decision 4).
    file_id: Mapped[int | None] = mapped_column(ForeignKey("file.id"))
    #: A ladder of its own; None: that of the account.
    ladder: Mapped[str | None] = mapped_column(String(40))
    import_batch_id: Mapped[int | None] = mapped_column(ForeignKey("import_batch.id"))
    #: Raised by every writer that read it first (P-23).
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime]

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        UniqueConstraint("account_id", "kind", "number"),
        CheckConstraint("total_minor >= 0", name="total"),
        CheckConstraint("balance_minor BETWEEN 0 AND total_minor", name="balance"),
        CheckConstraint(
            "total_minor = lines_net_minor - allowances_minor + charges_minor + tax_minor"
            " - prepaid_minor + rounding_minor",
            name="sum",
        ),
        Index("ix_invoice_account_status", "account_id", "status"),
        Index("ix_invoice_due", "status", "due_on"),
        Index("ix_invoice_number", "number"),
        Index("ix_invoice_balance", "status", "balance_minor"),
        Index("ix_invoice_total", "total_minor"),
    )


class InvoiceLine(Base):
    """One line as the document prints it; `net_minor` is the truth, price and quantity explain it."""

    __tablename__ = "invoice_line"

    id: Mapped[pk]
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"))
    position: Mapped[int] = mapped_column(Integer)
    code: Mapped[str | None]
    description: Mapped[str]
    quantity: Mapped[decimal_text]
    unit_price: Mapped[decimal_text]
    net_minor: Mapped[minor]
    tax_minor: Mapped[minor] = mapped_column(default=0)
    tax_rate: Mapped[decimal_text | None]
    tax_category: Mapped[str | None] = mapped_column(String(4))
    #: What a line of interest or of a percentage fee was worked out from: a sum and its rate in percent,
    #: a year where there are days or a period; and the contract or law that allows it.
    basis_minor: Mapped[int | None]
    basis_rate: Mapped[decimal_text | None]
    basis_days: Mapped[int | None] = mapped_column(Integer)
    basis_from_on: Mapped[date | None]
    basis_to_on: Mapped[date | None]
    legal_basis: Mapped[str | None]

    __table_args__ = (
        UniqueConstraint("invoice_id", "position"),
        CheckConstraint("(basis_minor IS NULL) = (basis_rate IS NULL)", name="basis"),
        CheckConstraint(
            "(basis_from_on IS NULL) = (basis_to_on IS NULL) AND basis_to_on >= basis_from_on",
            name="basis_period",
        ),
    )


class AdjustmentKind(StrEnum):
    ALLOWANCE = "allowance"
    CHARGE = "charge"


class InvoiceAdjustment(Base):
    """A document-level allowance or charge, with its own tax."""

    __tablename__ = "invoice_adjustment"

    id: Mapped[pk]
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"))
    kind: Mapped[AdjustmentKind] = enum_column(AdjustmentKind, "kind")
    reason: Mapped[str]
    amount_minor: Mapped[minor]
    tax_rate: Mapped[decimal_text | None]
    tax_category: Mapped[str | None] = mapped_column(String(4))

    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        Index("ix_invoice_adjustment_invoice", "invoice_id"),
    )
