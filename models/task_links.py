"""One tap from a mail: a link that answers one task for one person of the desk, and nothing else."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, digest, pk


class TaskLink(Base):
    """A single-purpose token; its digest only is stored, and it is spent by the answer (decision record 015)."""

    __tablename__ = "task_link"

    id: Mapped[pk]
    token_digest: Mapped[digest] = mapped_column(unique=True)
    task_id: Mapped[int] = mapped_column(ForeignKey("task.id"))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("expires_at > issued_at", name="life"),
        Index("ix_task_link_task", "task_id"),
        Index("ix_task_link_staff", "staff_id"),
    )
