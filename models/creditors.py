"""The legal entities that are owed, and where their money goes (decision 1)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, currency_code, pk, ref_key


class Creditor(Base):
    """A legal entity of the business; everything that differs by entity hangs here."""

    __tablename__ = "creditor"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    code: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str]
    #: For SMS, at most 20 characters.
    short_name: Mapped[str] = mapped_column(String(20))
    address: Mapped[str]
    country: Mapped[str] = mapped_column(String(2))
    company_number: Mapped[str | None]
    tax_id: Mapped[str | None]
    #: IANA zone; days of the books are counted in it.
    zone: Mapped[str]
    language: Mapped[str] = mapped_column(String(2))
    #: Languages its debtors may choose, a list of codes.
    languages: Mapped[list[str]] = mapped_column(JSON)
    #: One variable of the look: "#rrggbb" (decision 31).
    brand_colour: Mapped[str] = mapped_column(String(7), default="#0b5d57")
    #: Digest of its logo in the data folder (models/files.py); None shows the initial.
    logo_digest: Mapped[str | None] = mapped_column(String(64))
    #: Name of the gateway account; `default` uses STRIPE_* (decision 29).
    gateway_account: Mapped[str] = mapped_column(String(40), default="default")
    email_from: Mapped[str]
    #: The person who stands behind pages and messages when an account names no collector.
    person_name: Mapped[str]
    phone: Mapped[str]
    #: language -> opening hours in words.
    hours: Mapped[dict[str, str]] = mapped_column(JSON)
    #: Where the debtor can check that it is us: a page the creditor has printed on its invoices.
    verify_url: Mapped[str]
    #: Way back to the shop after paying; None shows none.
    shop_url: Mapped[str | None]
    created_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("length(short_name) <= 20", name="short_name"),
        CheckConstraint("brand_colour LIKE '#______'", name="brand_colour"),
    )


class CreditorBankAccount(Base):
    """Where a transfer in one currency goes."""

    __tablename__ = "creditor_bank_account"

    id: Mapped[pk]
    creditor_id: Mapped[int] = mapped_column(ForeignKey("creditor.id"))
    currency: Mapped[currency_code]
    holder: Mapped[str]
    bank_name: Mapped[str]
    iban: Mapped[str | None]
    bic: Mapped[str | None]
    #: Local account number with its routing part, as people of the country write it.
    local_number: Mapped[str | None]

    __table_args__ = (UniqueConstraint("creditor_id", "currency"),)
