"""People who work at the desk, and their sessions."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, String, UniqueConstraint, text
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
    #: Secret that was offered and not yet proved by a code; it opens nothing.
    totp_offered: Mapped[str | None]
    is_active: Mapped[bool] = mapped_column(Boolean, default=True)
    created_at: Mapped[datetime]
    #: When the person left the desk; the row stays, since what was done keeps its name.
    left_at: Mapped[datetime | None]


class StaffSession(Base):
    """One log-in; last-seen rides in the signed cookie (decision 9)."""

    __tablename__ = "staff_session"

    id: Mapped[pk]
    session_digest: Mapped[digest] = mapped_column(unique=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    started_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    #: When password and code were last given in this session, for acts that ask again (A-05).
    fresh_at: Mapped[datetime | None]
    #: Browser and system in two words, and the network's prefix: enough to know one's own again.
    device: Mapped[str | None] = mapped_column(String(80))
    place: Mapped[str | None] = mapped_column(String(60))

    __table_args__ = (Index("ix_staff_session_staff", "staff_id"),)


class RecoveryCode(Base):
    """A code on paper for who lost the authenticator: its digest, and when it was spent (A-04)."""

    __tablename__ = "staff_recovery_code"

    id: Mapped[pk]
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    code_digest: Mapped[digest]
    made_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("staff_id", "code_digest"),)


class StaffTokenKind(StrEnum):
    INVITATION = "invitation"
    RESET = "reset"


class StaffToken(Base):
    """A way in by mail, once: to choose a first password, or another one.

    The clear token is made when the mail leaves and is nowhere but in it (decision 6); until then
    there is no digest.
    """

    __tablename__ = "staff_token"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    kind: Mapped[StaffTokenKind] = enum_column(StaffTokenKind, "kind")
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    token_digest: Mapped[str | None] = mapped_column(String(64), unique=True)
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_staff_token_staff", "staff_id"),
        # One open way of a kind for a person: a newer one ends the older.
        Index(
            "uq_staff_token_open",
            "staff_id",
            "kind",
            unique=True,
            sqlite_where=text("used_at IS NULL"),
            postgresql_where=text("used_at IS NULL"),
        ),
    )
