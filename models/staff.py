"""People who work at the desk, and their sessions."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, digest, enum_column, pk, ref_key


class Role(StrEnum):
    """Six roles from the start (decision 34); what each may do stands in receivables/permissions.py."""

    COLLECTOR = "collector"
    SUPERVISOR = "supervisor"
    ACCOUNTANT = "accountant"
    SALESPERSON = "salesperson"
    AUDITOR = "auditor"
    ADMIN = "admin"


class Staff(Base):
    """A person of the creditor's office."""

    __tablename__ = "staff"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    phone: Mapped[str | None]
    role: Mapped[Role] = enum_column(Role, "role")
    language: Mapped[str] = mapped_column(String(2), default="en")
    password_hash: Mapped[str]
    totp_secret: Mapped[str | None]
    #: Last time step accepted, so that a code works once.
    totp_last_step: Mapped[int | None] = mapped_column(BigInteger)
    is_active: Mapped[bool] = mapped_column(Boolean, default=True)
    created_at: Mapped[datetime]


class StaffSession(Base):
    """One log-in; last-seen rides in the signed cookie (decision 9)."""

    __tablename__ = "staff_session"

    id: Mapped[pk]
    session_digest: Mapped[digest] = mapped_column(unique=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    started_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_staff_session_staff", "staff_id"),)
