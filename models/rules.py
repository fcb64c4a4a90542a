"""Rules on their way: a version that one person proposes and another one puts in force."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, Integer, String, false, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, digest, enum_column, pk, ref_key
from models.states import DraftStatus


class RulesKind(StrEnum):
    """What a proposal would put in force."""

    LADDER = "ladder"
    CHOICE = "choice"  # which ladder is climbed where nothing else is said
    CONTACT = "contact"


class RulesDraft(Base):
    """One proposed version, kept whatever becomes of it: who wrote it, why, and who decided."""

    __tablename__ = "rules_draft"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    kind: Mapped[RulesKind] = enum_column(RulesKind, "kind")
    #: The ladder's name; the kind itself for the others.
    name: Mapped[str] = mapped_column(String(40))
    status: Mapped[DraftStatus] = enum_column(DraftStatus, "status")
    #: TOML, as the version will hold it; of a choice its own three keys.
    body: Mapped[str]
    body_digest: Mapped[digest]
    #: First day in force, by the date of the house; None: from the moment it is published.
    effective_on: Mapped[date | None]
    author_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    reason: Mapped[str]
    made_at: Mapped[datetime]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None]
    #: Put in force by its author himself, in a house of one person.
    is_alone: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    #: Why it was refused or taken back.
    answer: Mapped[str | None]
    ladder_version_id: Mapped[int | None] = mapped_column(ForeignKey("ladder_version.id"))
    policy_version_id: Mapped[int | None] = mapped_column(ForeignKey("policy_version.id"))
    version: Mapped[int] = mapped_column(Integer, default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        CheckConstraint("is_alone OR status <> 'published' OR decided_by_id <> author_id", name="four_eyes"),
        Index("ix_rules_draft_kind", "kind", "made_at"),
        # One at a time: who publishes compares it with what is in force, and nothing else is on its way.
        Index(
            "uq_rules_draft_open",
            "kind",
            "name",
            unique=True,
            sqlite_where=text("status = 'proposed'"),
            postgresql_where=text("status = 'proposed'"),
        ),
    )
