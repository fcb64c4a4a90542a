"""Files of invoices on their way into the books."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, digest, enum_column, pk, ref_key
from models.states import ImportStatus


class ImportBatch(Base):
    """One file, validated whole and applied in chunks; a repeat finds what is done (decision 28)."""

    __tablename__ = "import_batch"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    creditor_id: Mapped[int] = mapped_column(ForeignKey("creditor.id"))
    #: Digest of the file's bytes and of the options that give it meaning.
    content_digest: Mapped[digest] = mapped_column(unique=True)
    file_name: Mapped[str]
    options: Mapped[dict[str, Any]] = mapped_column(JSON)
    status: Mapped[ImportStatus] = enum_column(ImportStatus, "status")
    staging_path: Mapped[str] = mapped_column(String(400))
    invoices_total: Mapped[int] = mapped_column(Integer)
    #: How many of the staged documents are in the books; a crash resumes here.
    invoices_applied: Mapped[int] = mapped_column(Integer, default=0)
    rejected: Mapped[int] = mapped_column(Integer, default=0)
    started_at: Mapped[datetime]
    applied_at: Mapped[datetime | None]
