"""Figures of past days, kept so that a page reads rows and not the books; and what was aimed for.

A figure is worked out from the books and may be worked out again (receivables/figures/days.py); it is
never the truth itself. Targets are data with a history: the last word for a month counts.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, currency_code, minor, pk


class FigureDay(Base):
    """One figure of one creditor on one day, in one currency; `key` divides it (a bucket, a person)."""

    __tablename__ = "figure_day"

    creditor_id: Mapped[int] = mapped_column(ForeignKey("creditor.id"), primary_key=True)
    #: ISO code; "XXX" for what is counted and is no money.
    currency: Mapped[str] = mapped_column(String(3), primary_key=True)
    name: Mapped[str] = mapped_column(String(24), primary_key=True)
    day_on: Mapped[date] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    amount_minor: Mapped[minor]
    number: Mapped[int] = mapped_column(BigInteger)


class FigureRun(Base):
    """Since and up to which day the figures of a creditor stand, and when they were worked out."""

    __tablename__ = "figure_run"

    creditor_id: Mapped[int] = mapped_column(ForeignKey("creditor.id"), primary_key=True)
    first_on: Mapped[date]
    last_on: Mapped[date]
    taken_at: Mapped[datetime]

    __table_args__ = (CheckConstraint("first_on <= last_on", name="days"),)


class CollectionTarget(Base):
    """What is aimed to be collected in one month and currency; append-only, the latest row counts."""

    __tablename__ = "collection_target"

    id: Mapped[pk]
    creditor_id: Mapped[int] = mapped_column(ForeignKey("creditor.id"))
    currency: Mapped[currency_code]
    #: First day of the month.
    month_on: Mapped[date]
    amount_minor: Mapped[minor]
    set_by_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    reason: Mapped[str]
    set_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        Index("ix_collection_target_month", "creditor_id", "currency", "month_on"),
    )
