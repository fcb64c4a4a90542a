"""Files by content: the bytes lie in the data folder, the row says whose they are (decision 23)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, digest, enum_column, pk, ref_key
from models.states import FileStatus


class StoredFile(Base):
    """One file of one owner; two rows may share the same content."""

    __tablename__ = "file"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    content_digest: Mapped[digest]
    name: Mapped[str]
    media_type: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    #: None for files of the creditor itself, such as its logo.
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    #: Whether its bytes may be given out (X-03).
    status: Mapped[FileStatus] = enum_column(FileStatus, "status", default=FileStatus.UNCHECKED)
    #: Key of the retention rule that decides how long it stays.
    retention_class: Mapped[str] = mapped_column(String(40))
    stored_at: Mapped[datetime]

    __table_args__ = (
        Index("ix_file_content", "content_digest"),
        Index("ix_file_account", "account_id"),
        Index("ix_file_retention", "retention_class", "stored_at"),
    )
