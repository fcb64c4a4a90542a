"""Messages that a person writes himself: the words, and the snippets that they are begun from."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, pk, ref_key


class Snippet(Base):
    """A text to begin a message with, in several languages; of one person, or of all."""

    __tablename__ = "snippet"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    name: Mapped[str] = mapped_column(String(80))
    #: Whose it is; None: everybody's.
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    #: False once it is put away; what was written with it stays.
    is_active: Mapped[bool] = mapped_column(Boolean, default=True)
    changed_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    changed_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(Integer, default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        CheckConstraint("length(name) > 0", name="name"),
        Index("ix_snippet_owner", "owner_id"),
    )


class SnippetText(Base):
    """The words of a snippet in one language."""

    __tablename__ = "snippet_text"

    snippet_id: Mapped[int] = mapped_column(ForeignKey("snippet.id"), primary_key=True)
    language: Mapped[str] = mapped_column(String(2), primary_key=True)
    subject: Mapped[str]
    words: Mapped[str]


class PersonalMessage(Base):
    """What a person wrote to a contact: the words of one message, and what it answers."""

    __tablename__ = "personal_message"

    message_id: Mapped[int] = mapped_column(ForeignKey("message.id"), primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    subject: Mapped[str]
    words: Mapped[str]
    #: Name of the snippet that it was begun with, as it was then.
    snippet: Mapped[str | None]
    #: What of theirs it answers.
    answers_id: Mapped[int | None] = mapped_column(ForeignKey("inbound_message.id"))

    __table_args__ = (
        CheckConstraint("length(words) > 0", name="words"),
        Index("ix_personal_message_answers", "answers_id"),
    )
