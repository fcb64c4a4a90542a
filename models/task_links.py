"""One tap from a mail: a link that answers one task for one person of the desk, and nothing else."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, pk, ref_key


class TaskLink(Base):
    """A single-purpose token; its digest only is stored, and it is spent by the answer (docs/decisions/015).

    The clear token is made when the mail leaves and is nowhere but in it; until then there is no digest.
    """

    __tablename__ = "task_link"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    token_digest: Mapped[str | None] = mapped_column(String(64), unique=True)
    task_id: Mapped[int] = mapped_column(ForeignKey("task.id"))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("expires_at > issued_at", name="life"),
        UniqueConstraint("task_id", "staff_id"),
        Index("ix_task_link_staff", "staff_id"),
    )
