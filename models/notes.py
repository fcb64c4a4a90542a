"""What the desk writes down about an account for itself: notes, mentions, files, and when he pays."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, enum_column, pk, ref_key


class AccountNote(Base):
    """One internal note; the debtor never sees it. A correction is a note of its own; append-only."""

    __tablename__ = "account_note"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    words: Mapped[str]
    #: The note that this one takes the place of; each is corrected once, and the correction again.
    corrects_id: Mapped[int | None] = mapped_column(ForeignKey("account_note.id"), unique=True)
    written_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("length(words) > 0", name="words"),
        CheckConstraint("corrects_id IS NULL OR corrects_id < id", name="corrects"),
        Index("ix_account_note_account", "account_id", "written_at"),
    )


class NoteMention(Base):
    """A colleague whom a note names; he has a task for it; append-only."""

    __tablename__ = "note_mention"

    note_id: Mapped[int] = mapped_column(ForeignKey("account_note.id"), primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True)


class AccountFile(Base):
    """A file that the desk put to an account for itself; the debtor never gets it; append-only."""

    __tablename__ = "account_file"

    file_id: Mapped[int] = mapped_column(ForeignKey("file.id"), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    #: What it is, in a line.
    words: Mapped[str]
    put_at: Mapped[datetime]

    __table_args__ = (Index("ix_account_file_account", "account_id", "put_at"),)


class PayCycle(StrEnum):
    """How often an account pays its suppliers."""

    WEEK = "week"
    FORTNIGHT = "fortnight"
    MONTH = "month"


class PayRun(Base):
    """On which days an account pays its suppliers, as far as we know; one row an account."""

    __tablename__ = "pay_run"

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True)
    cycle: Mapped[PayCycle] = enum_column(PayCycle, "cycle")
    #: A day on which one was: its weekday counts, and of a fortnight which of the two weeks.
    known_on: Mapped[date | None]
    #: Of a month: days of it, ascending, "10,25"; a day that a month lacks is its last.
    month_days: Mapped[str | None] = mapped_column(String(40))
    set_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    set_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(Integer, default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        CheckConstraint(
            "(cycle = 'month' AND month_days IS NOT NULL) OR (cycle <> 'month' AND known_on IS NOT NULL)",
            name="days",
        ),
    )
