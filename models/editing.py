"""Rules and texts in the making, and the message texts that were published (X-05, C-08)."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, Integer, String, false, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, digest, enum_column, pk, ref_key
from models.states import EditorStatus


class EditorKind(StrEnum):
    """What is being rewritten."""

    POLICY = "policy"
    TEXT = "text"


class EditorDraft(Base):
    """Changes that somebody is writing; one at a time for one thing.

    Whether it waits for a second person is said by the approval request about it.
    """

    __tablename__ = "editor_draft"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    kind: Mapped[EditorKind] = enum_column(EditorKind, "kind")
    #: "house" for the rules, else the kind of message.
    name: Mapped[str] = mapped_column(String(40))
    status: Mapped[EditorStatus] = enum_column(EditorStatus, "status")
    #: JSON: of the rules "section.key" -> value, of a text "language/part" -> text; what differs only.
    changes: Mapped[str]
    #: First day in force by the date of the house; None: from the moment it is published.
    effective_on: Mapped[date | None]
    author_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    begun_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None]
    #: Published by its author in a house of one person (policy approvals.alone).
    is_alone: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    version: Mapped[int] = mapped_column(Integer, default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        CheckConstraint("is_alone OR status <> 'published' OR decided_by_id <> author_id", name="four_eyes"),
        Index(
            "uq_editor_draft_open",
            "kind",
            "name",
            unique=True,
            sqlite_where=text("status = 'open'"),
            postgresql_where=text("status = 'open'"),
        ),
    )


class TextVersion(Base):
    """One published version of one kind of message, whole in every language; append-only (C-08)."""

    __tablename__ = "text_version"

    id: Mapped[pk]
    kind: Mapped[str] = mapped_column(String(40))
    effective_at: Mapped[datetime]
    author_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    approver_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    reason: Mapped[str]
    is_alone: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    #: JSON: "language/part" -> text.
    body: Mapped[str]
    body_digest: Mapped[digest]

    __table_args__ = (
        CheckConstraint("is_alone OR approver_id <> author_id", name="four_eyes"),
        Index("ix_text_version_kind", "kind", "effective_at"),
    )
