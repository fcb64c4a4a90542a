"""The ladder in motion: published versions, where each document stands, and what was done about it.

A document meets rungs (each once in a cycle); an account is spoken to (once a day and currency). So
positions and meetings belong to invoices, steps and their effects to accounts (decision 013).
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    String,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, currency_code, digest, enum_column, minor, pk, ref_key
from models.states import StepStatus


class LadderVersion(Base):
    """One published version of a ladder; the latest effective of a name is in force (C-04)."""

    __tablename__ = "ladder_version"

    id: Mapped[pk]
    name: Mapped[str] = mapped_column(String(40))
    effective_at: Mapped[datetime]
    author_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    approver_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    reason: Mapped[str]
    #: TOML, as in receivables/ladder/presets.
    body: Mapped[str]
    body_digest: Mapped[digest]
    #: Approved by its author himself, in a house of one person.
    is_alone: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())

    __table_args__ = (
        CheckConstraint("is_alone OR approver_id IS NULL OR approver_id <> author_id", name="four_eyes"),
        Index("ix_ladder_version_name", "name", "effective_at"),
    )


class LadderMode(StrEnum):
    """How far the ladder may go by itself."""

    PROPOSE = "propose"  # every step waits for a person
    PILOT = "pilot"  # accounts of the pilot group go by themselves, all others as in propose
    LIVE = "live"


class LadderSwitch(Base):
    """How the ladder runs, from a moment on; append-only, the latest row is in force."""

    __tablename__ = "ladder_switch"

    id: Mapped[pk]
    mode: Mapped[LadderMode] = enum_column(LadderMode, "mode")
    #: Messages a business day, all accounts together; None is no ceiling.
    daily_ceiling: Mapped[int | None] = mapped_column(Integer)
    #: Nothing is sent at all, queued messages included (decision 22).
    sending_stopped: Mapped[bool] = mapped_column(Boolean, default=False)
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    reason: Mapped[str]
    set_at: Mapped[datetime]


class LadderPosition(Base):
    """Where one document stands: the last rung it met in this cycle and the next, with its day."""

    __tablename__ = "ladder_position"

    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    ladder: Mapped[str] = mapped_column(String(40))
    #: Raised when the document is owed again after it was closed.
    cycle: Mapped[int] = mapped_column(Integer, default=1)
    #: 0 before the first rung.
    seq: Mapped[int] = mapped_column(Integer, default=0)
    met_on: Mapped[date | None]
    next_rung: Mapped[str | None] = mapped_column(String(40))
    #: None while something without an end stands in the way, and at the top.
    next_on: Mapped[date | None]
    #: Why it waits, in a code the pages word: "paused:promise", "top", "closed"; None when it does not.
    waits_for: Mapped[str | None] = mapped_column(String(60))
    looked_at: Mapped[datetime]

    __table_args__ = (
        Index("ix_ladder_position_next", "next_on", "account_id"),
        Index("ix_ladder_position_account", "account_id"),
    )


class LadderStep(Base):
    """What the ladder does about an account on one day in one currency: one rung, its strongest."""

    __tablename__ = "ladder_step"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    currency: Mapped[currency_code]
    ladder: Mapped[str] = mapped_column(String(40))
    #: None: a ladder that ships.
    ladder_version_id: Mapped[int | None] = mapped_column(ForeignKey("ladder_version.id"))
    policy_version_id: Mapped[int | None] = mapped_column(ForeignKey("policy_version.id"))
    rung: Mapped[str] = mapped_column(String(40))
    seq: Mapped[int] = mapped_column(Integer)
    gate: Mapped[str] = mapped_column(String(12))
    #: Account-local day it is meant for.
    business_on: Mapped[date]
    status: Mapped[StepStatus] = enum_column(StepStatus, "status")
    #: Asked for when it was proposed; effects read it again.
    amount_minor: Mapped[minor]
    #: What was done, or why not, in codes the pages word.
    outcome: Mapped[list[str]] = mapped_column(JSON, default=list)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    #: Why a step that needs nobody's word waits for another day: "ceiling", "sales_notice".
    held_back: Mapped[str | None] = mapped_column(String(20))
    reason: Mapped[str | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None]
    made_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(Integer, default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        UniqueConstraint("account_id", "currency", "ladder", "business_on"),
        Index(
            "ix_ladder_step_waiting",
            "business_on",
            "rung",
            sqlite_where=text("status = 'proposed'"),
            postgresql_where=text("status = 'proposed'"),
        ),
        Index("ix_ladder_step_account", "account_id", "business_on"),
        Index(
            "ix_ladder_step_held",
            "account_id",
            sqlite_where=text("status = 'proposed' AND held_back IS NOT NULL"),
            postgresql_where=text("status = 'proposed' AND held_back IS NOT NULL"),
        ),
    )


class Met(StrEnum):
    """How a document met a rung."""

    ACTED = "acted"
    #: Told together with the account's own step of these days.
    JOINED = "joined"
    #: Too late to make up for, or its conditions did not hold.
    PASSED = "passed"


class LadderMeeting(Base):
    """A document met a rung: once in a cycle, whatever number of workers ask (FT-18)."""

    __tablename__ = "ladder_meeting"

    id: Mapped[pk]
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"))
    cycle: Mapped[int] = mapped_column(Integer)
    rung: Mapped[str] = mapped_column(String(40))
    met_on: Mapped[date]
    how: Mapped[Met] = enum_column(Met, "how")
    step_id: Mapped[int | None] = mapped_column(ForeignKey("ladder_step.id"))
    #: Codes the pages word: "condition:above", "too_late".
    why: Mapped[str | None] = mapped_column(String(60))

    __table_args__ = (
        UniqueConstraint("invoice_id", "cycle", "rung"),
        Index("ix_ladder_meeting_step", "step_id"),
    )
