"""How much an account may owe, and what the order system says is on its way; both with their history."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, currency_code, pk


class CreditLimit(Base):
    """One decision about how much may be open in one currency; the last one holds; append-only."""

    __tablename__ = "credit_limit"

    id: Mapped[pk]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    currency: Mapped[currency_code]
    #: None: no limit is set any more.
    limit_minor: Mapped[int | None] = mapped_column(BigInteger)
    set_by_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    reason: Mapped[str]
    set_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("limit_minor IS NULL OR limit_minor >= 0", name="limit"),
        CheckConstraint("length(reason) > 0", name="reason"),
        Index("ix_credit_limit_account", "account_id", "currency", "id"),
    )


class OrdersOpen(Base):
    """What the order system told of orders on credit not invoiced yet; the last holds; append-only."""

    __tablename__ = "orders_open"

    id: Mapped[pk]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    currency: Mapped[currency_code]
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    #: Up to which moment it counts.
    as_of_at: Mapped[datetime]
    #: Who told: "order_system", or "desk" where a person typed it.
    source: Mapped[str]
    told_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    told_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("amount_minor >= 0", name="amount"),
        Index("ix_orders_open_account", "account_id", "currency", "id"),
    )
