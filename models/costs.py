"""What lateness may cost: rates with their source, and charges that were worked out from them.

A charge is a proposal until it is issued as a document of kind `fee`; the inputs of its formula are
kept, so that working it out again gives the same cent (M-16).
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, currency_code, decimal_text, enum_column, minor, pk, ref_key
from models.states import ChargeStatus


class RateKind(StrEnum):
    #: A central bank's rate that the law adds points to.
    REFERENCE = "reference"
    #: A rate that stands in the contract; percent a year, nothing is added.
    CONTRACT = "contract"


class InterestRate(Base):
    """A yearly rate in percent from a day on, with who said so; no source, no rate (policy rows 19, 20)."""

    __tablename__ = "interest_rate"

    id: Mapped[pk]
    #: Of the rule in the policy that uses it: "eu.late", "uk.late", "contract:<account ref>".
    rule: Mapped[str] = mapped_column(String(60))
    kind: Mapped[RateKind] = enum_column(RateKind, "kind")
    from_on: Mapped[date]
    percent: Mapped[decimal_text]
    source: Mapped[str]
    entered_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    entered_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("rule", "from_on"),
        CheckConstraint("length(source) > 0", name="source"),
    )


class ChargeKind(StrEnum):
    INTEREST = "interest"
    #: A sum the law or the contract fixes for each late payment.
    FIXED_SUM = "fixed_sum"


class Charge(Base):
    """Interest or a fixed sum on one late document."""

    __tablename__ = "charge"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"))
    kind: Mapped[ChargeKind] = enum_column(ChargeKind, "kind")
    status: Mapped[ChargeStatus] = enum_column(ChargeStatus, "status")
    currency: Mapped[currency_code]
    amount_minor: Mapped[minor]
    #: Inputs of interest: from the first to the last day, both counted; paused days are not in `days`.
    from_on: Mapped[date]
    to_on: Mapped[date]
    days: Mapped[int] = mapped_column(Integer)
    days_in_year: Mapped[int] = mapped_column(Integer)
    base_minor: Mapped[minor]
    percent: Mapped[decimal_text]
    rate_id: Mapped[int | None] = mapped_column(ForeignKey("interest_rate.id"))
    legal_basis: Mapped[str]
    policy_version_id: Mapped[int | None] = mapped_column(ForeignKey("policy_version.id"))
    #: The document that asks for it, once issued.
    fee_invoice_id: Mapped[int | None] = mapped_column(ForeignKey("invoice.id"))
    step_id: Mapped[int | None] = mapped_column(ForeignKey("ladder_step.id"))
    proposed_at: Mapped[datetime]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None]
    reason: Mapped[str | None]

    __table_args__ = (
        #: No day is charged twice; a fixed sum is due once per late payment.
        UniqueConstraint("invoice_id", "kind", "from_on"),
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("to_on >= from_on", name="days"),
        Index("ix_charge_account", "account_id", "status"),
        Index("ix_charge_fee_invoice", "fee_invoice_id"),
    )
