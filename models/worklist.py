"""The collectors' worklist: what each account is ranked by, who works it, who skipped it, who stands in.

A row of the ranking is worked out from the books and may be thrown away at any time; claims, skips,
hand-overs between colleagues and bulk acts are what people did.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, CheckConstraint, ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.accounts import Segment
from models.base import Base, currency_code, enum_column, minor, pk, ref_key


class WorklistRow(Base):
    """Where one account stands in one currency: what can be collected, what a day costs, and why."""

    __tablename__ = "worklist_row"

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True)
    currency: Mapped[currency_code] = mapped_column(primary_key=True)
    #: Overdue and asked for now; and what disputes set aside.
    collectable_minor: Mapped[minor]
    disputed_minor: Mapped[minor] = mapped_column(default=0)
    #: The day from which the oldest is late; agreed longer terms count.
    oldest_on: Mapped[date]
    #: Expected value lost a day; without the ageing floor where that lifts it.
    at_risk_minor: Mapped[minor]
    lifted_from_minor: Mapped[int | None]
    #: The same and the amount in thousandths of a unit of policy, to compare currencies.
    rank: Mapped[int] = mapped_column(BigInteger)
    size: Mapped[int] = mapped_column(BigInteger)
    #: The terms of the arithmetic: [minor, percent a day] of each age, [code, percent] of each factor.
    bands: Mapped[list[Any]] = mapped_column(JSON)
    factors: Mapped[list[Any]] = mapped_column(JSON)
    #: Why it is here, heaviest first: codes with their facts.
    why: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    #: What comes next, as "task:call_back" or "rung:call", and on which account-local day.
    next_code: Mapped[str | None] = mapped_column(String(60))
    next_on: Mapped[date | None]
    #: First day on which a skipped account is shown again.
    rests_until: Mapped[date | None]
    #: Of the account, so that a filter reads one index.
    collector_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    segment: Mapped[Segment] = enum_column(Segment, "segment")
    language: Mapped[str] = mapped_column(String(2))
    #: The account-local day it was worked out for.
    ranked_on: Mapped[date]
    ranked_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("collectable_minor >= 0", name="collectable"),
        Index("ix_worklist_row_rank", "rank", "account_id"),
        Index("ix_worklist_row_size", "size", "account_id"),
        Index("ix_worklist_row_age", "oldest_on", "account_id"),
        Index("ix_worklist_row_next", "next_on", "account_id"),
        Index("ix_worklist_row_collector", "collector_id", "rank"),
        # A kind of debtor among one's own may be rare: its rows are not looked for in the whole ranking.
        Index("ix_worklist_row_segment", "segment", "collector_id", "rank"),
        Index("ix_worklist_row_day", "ranked_on"),
    )


class WorklistClaim(Base):
    """Somebody works on an account now; one person at a time, until it times out."""

    __tablename__ = "worklist_claim"

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    claimed_at: Mapped[datetime]
    expires_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("expires_at > claimed_at", name="expires"),
        Index("ix_worklist_claim_staff", "staff_id"),
    )


class SkipReason(StrEnum):
    """Why an account is left for another day."""

    ASKED_LATER = "asked_later"
    WAITS_COLLEAGUE = "waits_colleague"
    WAITS_PAPERS = "waits_papers"
    WRONG_COLLECTOR = "wrong_collector"
    OTHER = "other"


class WorklistSkip(Base):
    """An account left for another day by one person; it comes back then, or earlier with news."""

    __tablename__ = "worklist_skip"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    reason: Mapped[SkipReason] = enum_column(SkipReason, "reason")
    words: Mapped[str]
    #: First account-local day on which it is shown again.
    until_on: Mapped[date]
    skipped_at: Mapped[datetime]
    #: Undone, or replaced by a later one.
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "uq_worklist_skip_open",
            "account_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )


class BulkKind(StrEnum):
    REASSIGN = "reassign"
    REMIND = "remind"
    PUT_OFF = "put_off"


class BulkAct(Base):
    """One act on many accounts, and whether it was undone."""

    __tablename__ = "bulk_act"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    kind: Mapped[BulkKind] = enum_column(BulkKind, "kind")
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    #: What was chosen: to whom, until when, why.
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    made_at: Mapped[datetime]
    undone_at: Mapped[datetime | None]
    undone_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))


class BulkActAccount(Base):
    """What one bulk act did at one account."""

    __tablename__ = "bulk_act_account"

    bulk_act_id: Mapped[int] = mapped_column(ForeignKey("bulk_act.id"), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True)
    #: "done", or why not, in a code the pages word.
    outcome: Mapped[str] = mapped_column(String(40))
    #: Names of what was made: messages, a skip, an assignment.
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    #: What undoing it came to; None while it was not undone.
    undone: Mapped[str | None] = mapped_column(String(40))


class Assignment(Base):
    """An account given to another collector, for good or for the days of an absence, with a note."""

    __tablename__ = "assignment"

    id: Mapped[pk]
    #: Names all that were given together, for one colleague and the same days.
    batch: Mapped[str] = mapped_column(String(24))
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    from_staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    to_staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    from_on: Mapped[date]
    #: Last day; None is for good.
    to_on: Mapped[date | None]
    note: Mapped[str]
    made_by_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[datetime]
    begun_at: Mapped[datetime | None]
    #: Given back, taken back before it began, or settled at once where it is for good.
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("to_on IS NULL OR to_on >= from_on", name="days"),
        CheckConstraint("from_staff_id IS NULL OR from_staff_id <> to_staff_id", name="other"),
        Index("ix_assignment_batch", "batch"),
        Index("ix_assignment_days", "ended_at", "from_on"),
        Index(
            "uq_assignment_open",
            "account_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )


class WorklistFollower(Base):
    """Up to which act of the audit chain the ranking has followed; one row."""

    __tablename__ = "worklist_follower"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    audit_id: Mapped[int] = mapped_column(BigInteger)
    followed_at: Mapped[datetime]

    __table_args__ = (CheckConstraint("id = 1", name="one"),)


class KeyPreference(Base):
    """The keyboard of one person at the desk: off, or some keys laid elsewhere."""

    __tablename__ = "key_preference"

    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True, autoincrement=False)
    is_off: Mapped[bool] = mapped_column(Boolean, default=False)
    #: What a key does -> the key chosen for it; what is not named keeps its own.
    keys: Mapped[dict[str, str]] = mapped_column(JSON)
    changed_at: Mapped[datetime]
