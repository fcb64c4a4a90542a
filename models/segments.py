"""Which of six kinds a debtor is: what rules propose, and what people decided."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.accounts import Segment
from models.base import Base, enum_column, pk, ref_key
from models.states import SegmentStatus


class SegmentProposal(Base):
    """One move of an account between segments: proposed with evidence, decided by a person.

    A person may also move an account without a proposal of the rules: `evidence` is empty then and
    the reason is his.
    """

    __tablename__ = "segment_proposal"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    status: Mapped[SegmentStatus] = enum_column(SegmentStatus, "status")
    from_segment: Mapped[Segment] = enum_column(Segment, "from_segment")
    to_segment: Mapped[Segment] = enum_column(Segment, "to_segment")
    #: Why, as codes with their numbers: [{"code": "broken_promises", "count": 2}].
    evidence: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    policy_version_id: Mapped[int | None] = mapped_column(ForeignKey("policy_version.id"))
    proposed_at: Mapped[datetime]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None]
    reason: Mapped[str | None]

    __table_args__ = (
        Index("ix_segment_proposal_account", "account_id", "proposed_at"),
        Index(
            "uq_segment_proposal_open",
            "account_id",
            unique=True,
            sqlite_where=text("status = 'proposed'"),
            postgresql_where=text("status = 'proposed'"),
        ),
    )


class EarlyWarning(Base):
    """A salesperson says that a customer may stop paying, before anything is late; append-only."""

    __tablename__ = "early_warning"

    id: Mapped[pk]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    words: Mapped[str]
    raised_at: Mapped[datetime]

    __table_args__ = (Index("ix_early_warning_account", "account_id"),)
