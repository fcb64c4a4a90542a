"""Days on which people work, as far as a person had to correct them, and feeds of their tasks."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Boolean, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, digest, pk


class CalendarDay(Base):
    """A day that the shipped calendar of a country has wrong, or that is new there."""

    __tablename__ = "calendar_day"

    id: Mapped[pk]
    country: Mapped[str] = mapped_column(String(2))
    day_on: Mapped[date]
    is_business_day: Mapped[bool] = mapped_column(Boolean)
    name: Mapped[str]
    changed_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    changed_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("country", "day_on"),)


class CalendarFeed(Base):
    """A secret address under which a collector's own calendar reads his tasks."""

    __tablename__ = "calendar_feed"

    id: Mapped[pk]
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), unique=True)
    token_digest: Mapped[digest] = mapped_column(unique=True)
    made_at: Mapped[datetime]
