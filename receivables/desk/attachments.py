"""Files of an account: what the desk put there for itself, and what came with disputes and answers.

The desk's own go through the same door as a stranger's (looked at, scanned, kept by content) and are given
to no link holder. Source: X-03; decision 23; policy account_page.files_mebibytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.files import StoredFile
from models.notes import AccountFile
from models.staff import Staff
from models.states import FileStatus
from receivables import files
from receivables.audit import record
from receivables.errors import NotFound, Refused
from receivables.files import FileRow, ReceivedFile
from receivables.own_accounts import is_theirs, require_theirs
from receivables.permissions import Actor, Permission, may, require
from receivables.policy import current_policy
from receivables.texts import clean_words, one_line

#: Longest line that says what a file is, characters.
WORDS_MOST = 200


@dataclass(frozen=True, slots=True)
class FileLine:
    """One file of an account; `by` and `words` are the desk's, None and "" of what a debtor sent."""

    ref: str
    name: str
    size_bytes: int
    status: FileStatus
    at: datetime
    by: str | None
    words: str


def put(
    session: Session, actor: Actor, account: Account, received: ReceivedFile, *, words: str, now: datetime
) -> StoredFile:
    """Put one file to an account, for the desk only.

    Args:
        received: by `files.receive`, before the unit of work.
        words: what it is, in a line.
    Raises:
        NotAllowed, NotFound: not this actor's to do, not his account.
        Refused: words_missing, words_too_long; files_full.
    """
    require(actor, Permission.FILE_ADD)
    require_theirs(actor, account)
    said = one_line(clean_words(words, most=WORDS_MOST))
    if not said:
        raise Refused("words_missing")
    stored = files.keep(
        session, actor, received, account_id=account.id, policy=current_policy(session, now), now=now,
        retention_class=files.DESK,
    )  # fmt: skip
    session.add(
        AccountFile(file_id=stored.id, account_id=account.id, staff_id=actor.id, words=said, put_at=now)
    )
    session.flush()
    record(
        session, actor, "account_file.added", stored, account_id=account.id, now=now,
        facts={"digest": stored.content_digest}, personal={"words": said},
    )  # fmt: skip
    return stored


def listed(session: Session, actor: Actor, account_id: int, *, limit: int = 30) -> list[FileLine]:
    """Return the newest files of an account; of what debtors sent only for who reads disputes; one statement.

    Raises:
        NotAllowed: the actor may not read accounts.
    """
    require(actor, Permission.ACCOUNT_READ)
    theirs_too = may(actor, Permission.DISPUTE_READ)
    shown: Sequence[str] = (files.DESK, files.UPLOAD) if theirs_too else (files.DESK,)
    rows = session.execute(
        select(
            StoredFile.ref, StoredFile.name, StoredFile.size_bytes, StoredFile.status,
            StoredFile.stored_at, Staff.name.label("by"), AccountFile.words,
        )
        .outerjoin(AccountFile, AccountFile.file_id == StoredFile.id)
        .outerjoin(Staff, Staff.id == AccountFile.staff_id)
        .where(StoredFile.account_id == account_id, StoredFile.retention_class.in_(shown))
        .order_by(StoredFile.id.desc())
        .limit(limit)
    )  # fmt: skip
    return [FileLine(r.ref, r.name, r.size_bytes, r.status, r.stored_at, r.by, r.words or "") for r in rows]


def one(session: Session, actor: Actor, ref: str) -> FileRow:
    """Return one of the desk's own files for who may read its account.

    Raises:
        NotAllowed, NotFound: not this actor's to read; no such file of the desk.
    """
    require(actor, Permission.ACCOUNT_READ)
    stored = session.scalar(
        select(StoredFile)
        .join(AccountFile, AccountFile.file_id == StoredFile.id)
        .where(StoredFile.ref == ref)
    )
    if stored is None or not is_theirs(actor, session.get_one(Account, stored.account_id)):
        raise NotFound("not_found")
    return files.row_of(stored)


def account_id_of(session: Session, ref: str) -> int | None:
    """Whose a file is, for the log of who read what."""
    return session.scalar(select(StoredFile.account_id).where(StoredFile.ref == ref))
