"""How far the bank's lines are in our books."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, pk


class BankLines(Base):
    """The bank lines of a creditor are in the books up to a day; append-only, the latest row holds."""

    __tablename__ = "bank_lines"

    id: Mapped[pk]
    creditor_id: Mapped[int] = mapped_column(ForeignKey("creditor.id"))
    #: Every line of this day is in, at the creditor's place.
    up_to_on: Mapped[date]
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    recorded_at: Mapped[datetime]

    __table_args__ = (Index("ix_bank_lines_creditor", "creditor_id"),)
