"""Letters on paper: queued with their content fixed, printed in batches, posted on a day."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, enum_column, pk, ref_key
from models.states import PostStatus


class PostBatch(Base):
    """Letters that were printed together, as one file."""

    __tablename__ = "post_batch"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    file_id: Mapped[int] = mapped_column(ForeignKey("file.id"))
    letters: Mapped[int] = mapped_column(Integer)
    printed_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    printed_at: Mapped[datetime]
    posted_on: Mapped[date | None]


class PostLetter(Base):
    """One letter of one account; its PDF is fixed when it is queued, in contract language.

    A reading copy in the reader's own language goes with it where the two differ.
    """

    __tablename__ = "post_letter"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"))
    #: One of receivables/post/papers.py, KINDS: "official_letter", "formal_warning".
    kind: Mapped[str] = mapped_column(String(40))
    status: Mapped[PostStatus] = enum_column(PostStatus, "status")
    language: Mapped[str] = mapped_column(String(2))
    reading_language: Mapped[str | None] = mapped_column(String(2))
    #: Where it goes, a line each, as it stood that day.
    address: Mapped[str]
    currency: Mapped[str] = mapped_column(String(3))
    #: What it is made of: amounts and dates as they stood when it was queued.
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    file_id: Mapped[int | None] = mapped_column(ForeignKey("file.id"))
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("post_batch.id"))
    step_id: Mapped[int | None] = mapped_column(ForeignKey("ladder_step.id"))
    #: One fact is told once: "official_letter:step:17".
    dedupe_key: Mapped[str] = mapped_column(String(160), unique=True)
    queued_at: Mapped[datetime]
    #: Deadline named in the letter.
    deadline_on: Mapped[date | None]
    posted_on: Mapped[date | None]
    returned_on: Mapped[date | None]

    __table_args__ = (
        Index("ix_post_letter_account", "account_id", "queued_at"),
        Index(
            "ix_post_letter_waiting",
            "queued_at",
            sqlite_where=text("status = 'waiting'"),
            postgresql_where=text("status = 'waiting'"),
        ),
    )
