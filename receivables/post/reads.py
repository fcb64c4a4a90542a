"""What the desk sees of the post: waiting letters, printed batches, what went out lately."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.files import StoredFile
from models.money import Money
from models.post import PostBatch, PostLetter
from models.states import PostStatus
from receivables.errors import NotFound
from receivables.files import FileRow, row_of
from receivables.permissions import Actor, Permission, require

#: Letters of each part of the page.
MOST = 200


@dataclass(frozen=True, slots=True)
class LetterLine:
    """One letter in a list; `why` says why it was taken out."""

    ref: str
    kind: str
    status: PostStatus
    account_ref: str
    account_name: str
    amount: Money
    language: str
    reading_language: str | None
    queued_at: datetime
    deadline_on: date | None
    posted_on: date | None
    returned_on: date | None
    registered: bool
    enclosures: Sequence[str]
    batch_id: int | None
    why: str


@dataclass(frozen=True, slots=True)
class BatchLine:
    """Letters that were printed together and wait for their day; taken-out ones are among them."""

    ref: str
    printed_at: datetime
    letters: Sequence[LetterLine]

    @property
    def needs_enclosures(self) -> bool:
        """Whether something has to lie in an envelope beside the letter."""
        return any(line.enclosures for line in self.letters if line.status is PostStatus.PRINTED)


@dataclass(frozen=True, slots=True)
class PostDesk:
    """The whole page: `waiting` oldest first, `printed` and `gone` newest first."""

    waiting: Sequence[LetterLine]
    printed: Sequence[BatchLine]
    gone: Sequence[LetterLine]


_LETTERS = select(PostLetter, Account.ref, Account.name).join(Account, Account.id == PostLetter.account_id)


def post_desk(session: Session, actor: Actor) -> PostDesk:
    """Return what waits, what is printed and not posted, and what went out or was taken out lately.

    Raises: NotAllowed.
    """
    require(actor, Permission.LETTER_PRINT)
    waiting = _LETTERS.where(PostLetter.status == PostStatus.WAITING).order_by(PostLetter.id)
    open_batches = session.scalars(
        select(PostBatch).where(PostBatch.posted_on.is_(None)).order_by(PostBatch.id.desc()).limit(MOST)
    ).all()
    in_batches = _LETTERS.where(PostLetter.batch_id.in_([batch.id for batch in open_batches]))
    printed = _lines(session, in_batches.order_by(PostLetter.id))
    gone = _LETTERS.where(
        PostLetter.status.in_((PostStatus.POSTED, PostStatus.RETURNED, PostStatus.WITHDRAWN))
    ).order_by(PostLetter.id.desc())
    batches = [
        BatchLine(batch.ref, batch.printed_at, [line for line in printed if line.batch_id == batch.id])
        for batch in open_batches
    ]
    return PostDesk(
        _lines(session, waiting.limit(MOST)),
        [batch for batch in batches if any(line.status is PostStatus.PRINTED for line in batch.letters)],
        _lines(session, gone.limit(MOST)),
    )


def batch_file(session: Session, actor: Actor, ref: str) -> FileRow:
    """Return the file of a batch, to be printed again.

    Raises: NotAllowed, NotFound.
    """
    require(actor, Permission.LETTER_PRINT)
    stored = session.scalar(
        select(StoredFile).join(PostBatch, PostBatch.file_id == StoredFile.id).where(PostBatch.ref == ref)
    )
    if stored is None:
        raise NotFound("not_found")
    return row_of(stored)


def letter_file(session: Session, actor: Actor, ref: str) -> FileRow | None:
    """Return the file of a letter that was printed; None before.

    Raises: NotAllowed.
    """
    require(actor, Permission.LETTER_PRINT)
    stored = session.scalar(
        select(StoredFile).join(PostLetter, PostLetter.file_id == StoredFile.id).where(PostLetter.ref == ref)
    )
    return row_of(stored) if stored else None


def _lines(session: Session, found: Any) -> list[LetterLine]:
    return [_line(letter, ref, name) for letter, ref, name in session.execute(found)]


def _line(letter: PostLetter, account_ref: str, account_name: str) -> LetterLine:
    return LetterLine(
        ref=letter.ref,
        kind=letter.kind,
        status=letter.status,
        account_ref=account_ref,
        account_name=account_name,
        amount=Money(letter.facts["amount_minor"], letter.currency),
        language=letter.language,
        reading_language=letter.reading_language,
        queued_at=letter.queued_at,
        deadline_on=letter.deadline_on,
        posted_on=letter.posted_on,
        returned_on=letter.returned_on,
        registered=letter.facts["registered"],
        enclosures=letter.facts["enclosures"],
        batch_id=letter.batch_id,
        why=letter.facts.get("withdrawn", ""),
    )
