"""What was late, from its first day to its end, and what was learned of it."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, currency_code, enum_column, minor, pk, ref_key


class ArrearsEnd(StrEnum):
    """How it ended."""

    PAID = "paid"
    #: Nothing came; what was late was credited, or its day was moved.
    CREDITED = "credited"
    WRITTEN_OFF = "written_off"


class ArrearsCase(Base):
    """An account that was late in one currency, until nothing was late any more; one open at a time.

    Figures are worked out when it ends and stay as they were; a person may add the lesson later.
    """

    __tablename__ = "arrears_case"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    currency: Mapped[currency_code]
    #: The day on which the oldest of it fell due.
    since_on: Mapped[date]
    #: The most that was late on one day that was looked at.
    peak_minor: Mapped[minor]
    opened_at: Mapped[datetime]
    #: Account-local day on which nothing was late any more; None while it is open.
    closed_on: Mapped[date | None]
    closed_at: Mapped[datetime | None]
    ended: Mapped[ArrearsEnd | None] = enum_column(ArrearsEnd, "ended")
    #: Days from the due day to the end; acts of ours in them; what came for it.
    days: Mapped[int | None] = mapped_column(Integer)
    acts: Mapped[int | None] = mapped_column(Integer)
    recovered_minor: Mapped[minor] = mapped_column(default=0, server_default=text("0"))
    #: The last act before the money: "message:reminder", "call:promised", "letter:formal_warning"; None
    #: where the money came without one.
    worked: Mapped[str | None] = mapped_column(String(60))
    #: The rung of the ladder that asked for that act.
    rung: Mapped[str | None] = mapped_column(String(40))
    #: What the debtor said stood in the way, the last he said; "dispute:wrong_price" of a dispute.
    reason: Mapped[str | None] = mapped_column(String(40))
    lesson: Mapped[str | None]
    lesson_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    lesson_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(Integer, default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        CheckConstraint("recovered_minor >= 0 AND peak_minor > 0", name="amounts"),
        CheckConstraint("(closed_on IS NULL) = (ended IS NULL)", name="closed"),
        Index("ix_arrears_case_account", "account_id"),
        Index("ix_arrears_case_closed", "closed_on"),
        Index(
            "uq_arrears_case_open",
            "account_id",
            "currency",
            unique=True,
            sqlite_where=text("closed_on IS NULL"),
            postgresql_where=text("closed_on IS NULL"),
        ),
    )
