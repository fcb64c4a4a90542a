"""Files that debtors and we send each other: looked at, kept by content, shown to their owner only.

Decoding a picture takes up to a second. A form therefore calls `receive` before its unit of work and
`keep` inside it; `store_upload` is both for a caller that has no database open to others. What came
with a form that is not sent yet is staged (`retention_class` DRAFT) until `attach`, or goes after some
days. Source: X-03; L-15; decisions 10, 23.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.base import new_ref
from models.files import StoredFile
from models.states import FileStatus
from receivables import outbox
from receivables.audit import record
from receivables.errors import NotFound, Refused
from receivables.permissions import Actor, ActorKind, Permission, require
from receivables.policy import Policy
from receivables.ports import FileStore, FileUnsafe
from receivables.texts import one_line

#: Longest name that is kept, characters, its ending counted.
MOST_NAME = 80
#: Retention of what debtors send as proof, and of what we answer with.
UPLOAD = "upload"
#: Retention of what came with a form that nobody has sent yet.
DRAFT = "draft"
#: Retention of what the desk puts to an account for itself; no page of the debtor gives it out.
DESK = "desk"
_PICTURES = frozenset({"jpg", "jpeg", "png", "heic", "heif"})
_MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file that was looked at and written, and has no owner yet; `waits` for a virus scanner."""

    name: str
    media_type: str
    size_bytes: int
    content_digest: str
    waits: bool = False


@dataclass(frozen=True, slots=True)
class SentFile:
    """One file in a list: `waits` for the scanner, or the scanner `found` something in it."""

    ref: str
    name: str
    size_bytes: int
    status: FileStatus = FileStatus.UNCHECKED

    @property
    def waits(self) -> bool:
        return self.status is FileStatus.WAITING

    @property
    def is_infected(self) -> bool:
        return self.status is FileStatus.INFECTED


@dataclass(frozen=True, slots=True)
class FileRow:
    """One file as its reader sees it."""

    ref: str
    name: str
    media_type: str
    size_bytes: int
    content_digest: str
    stored_at: datetime
    status: FileStatus = FileStatus.UNCHECKED


def clean_name(name: str, ending: str) -> str:
    """Return the name a file is shown by: no folder, no tricks, cut, with the ending of what it is.

    >>> clean_name("../../etc/delivery note.PDF", ".pdf")
    'delivery note.pdf'
    """
    shown = bare_name(name)
    stem = (shown.rpartition(".")[0] or shown).strip(" .")
    return (stem[: MOST_NAME - len(ending)].rstrip(" .") or "file") + ending


def bare_name(name: str) -> str:
    """A sender's name without folders and without letters that mislead or break a header."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    visible = (letter for letter in one_line(last) if unicodedata.category(letter) != "Cf")
    return "".join(letter for letter in visible if letter not in "\"<>|:*?'`")


def receive(files: FileStore, name: str, data: bytes, policy: Policy) -> ReceivedFile:
    """Look at a stranger's file and write what may be kept of it; no database.

    Args:
        name: as the sender calls it; never part of a path.
        data: its bytes.
    Raises:
        Refused: file_empty, file_size (with `most`, mebibytes), file_kind, file_pixels, file_broken;
            each with the cleaned `name`.
    Source: X-03; policy disputes.file_mebibytes.
    """
    ending = name.rpartition(".")[2].strip().lower()
    shown = bare_name(name)[:MOST_NAME] or "file"
    if not data:
        raise Refused("file_empty", name=shown)
    if len(data) > policy.disputes.file_mebibytes * _MEBIBYTE:
        raise Refused("file_size", name=shown, most=policy.disputes.file_mebibytes)
    if ending != "pdf" and ending not in _PICTURES:
        raise Refused("file_kind", name=shown)
    try:
        kept = files.clean(data)
    except FileUnsafe as unsafe:
        raise Refused(unsafe.code, name=shown) from unsafe
    if (kept.media_type == "application/pdf") != (ending == "pdf"):
        raise Refused("file_kind", name=shown)
    digest = files.keep(kept.data)
    shown = clean_name(name, kept.ending)
    return ReceivedFile(shown, kept.media_type, len(kept.data), digest, files.has_scanner)


def keep(
    session: Session,
    actor: Actor,
    received: ReceivedFile,
    *,
    account_id: int,
    policy: Policy,
    now: datetime,
    retention_class: str = UPLOAD,
) -> StoredFile:
    """Write whose file it is; where there is a virus scanner, ask it before anybody gets the file.

    Raises:
        NotAllowed, NotFound.
        Refused: files_full, the account's quota is used up.
    Source: X-03; policy disputes.account_mebibytes, account_page.files_mebibytes.
    """
    may_send = Permission.ANSWER_GIVE if actor.kind is ActorKind.LINK_HOLDER else Permission.FILE_ADD
    require(actor, may_send, account_id=account_id)
    # The account's row is the lock under which its quota is counted.
    session.get_one(Account, account_id, with_for_update=True)
    own = retention_class == DESK
    used = session.scalar(
        select(func.coalesce(func.sum(StoredFile.size_bytes), 0)).where(
            StoredFile.account_id == account_id,
            StoredFile.retention_class.in_((DESK,) if own else (UPLOAD, DRAFT)),
        )
    )
    most = policy.account_page.files_mebibytes if own else policy.disputes.account_mebibytes
    if int(used or 0) + received.size_bytes > most * _MEBIBYTE:
        raise Refused("files_full", name=received.name, most=most)
    stored = StoredFile(
        ref=new_ref(),
        content_digest=received.content_digest,
        name=received.name,
        media_type=received.media_type,
        size_bytes=received.size_bytes,
        account_id=account_id,
        status=FileStatus.WAITING if received.waits else FileStatus.UNCHECKED,
        retention_class=retention_class,
        stored_at=now,
    )
    session.add(stored)
    session.flush()
    if received.waits:
        key = f"check_file:{stored.ref}"
        outbox.queue_job(session, kind="check_file", key=key, payload={"file_ref": stored.ref}, now=now)
    record(
        session,
        actor,
        "file.kept",
        stored,
        account_id=account_id,
        now=now,
        facts={"digest": received.content_digest, "bytes": received.size_bytes},
        personal={"name": received.name},
    )
    return stored


def store_upload(
    session: Session,
    files: FileStore,
    actor: Actor,
    *,
    account_id: int,
    name: str,
    data: bytes,
    policy: Policy,
    now: datetime,
) -> StoredFile:
    """Receive and keep one file in one call; see `receive` and `keep` for what is refused."""
    received = receive(files, name, data, policy)
    return keep(session, actor, received, account_id=account_id, policy=policy, now=now)


def staged(session: Session, actor: Actor, refs: Sequence[str]) -> list[StoredFile]:
    """Return what came with an earlier try of a form, in the order it came; what is not there is left out.

    Raises: NotAllowed.
    """
    return [file for file in own_files(session, actor, refs) if file.retention_class == DRAFT]


def own_files(session: Session, actor: Actor, refs: Sequence[str]) -> list[StoredFile]:
    """Return the files of the link holder's account by their refs, staged or sent (L-15).

    Raises: NotAllowed.
    """
    require(actor, Permission.ANSWER_GIVE)
    if not refs:
        return []
    own = select(StoredFile).where(StoredFile.ref.in_(refs), StoredFile.account_id == actor.account_id)
    return list(session.scalars(own.order_by(StoredFile.id)))


def attach(stored: StoredFile) -> None:
    """Say that a file belongs to something that was sent: it no longer goes with the forms that were not."""
    stored.retention_class = UPLOAD


def sent_file(stored: StoredFile) -> SentFile:
    """A file as a list shows it."""
    return SentFile(stored.ref, stored.name, stored.size_bytes, stored.status)


def one_file(session: Session, actor: Actor, ref: str) -> FileRow:
    """Return a file for its owner or the desk.

    Raises:
        NotFound: no such file, or another account's (L-15).
        NotAllowed.
    """
    require(actor, Permission.DISPUTE_READ)
    owned = select(StoredFile).where(StoredFile.ref == ref, StoredFile.account_id.is_not(None))
    stored = session.scalar(owned)
    if stored is None or (stored.retention_class == DESK and actor.kind is ActorKind.LINK_HOLDER):
        raise NotFound("not_found")
    require(actor, Permission.DISPUTE_READ, account_id=stored.account_id)
    return row_of(stored)


def row_of(stored: StoredFile) -> FileRow:
    """A file as its reader sees it."""
    return FileRow(
        stored.ref,
        stored.name,
        stored.media_type,
        stored.size_bytes,
        stored.content_digest,
        stored.stored_at,
        stored.status,
    )


def content(files: FileStore, row: FileRow) -> bytes:
    """Return the bytes of a file, checked against their digest.

    Raises:
        Refused: file_waits (for the virus scanner), file_virus; each with the `name`.
        NotFound: the bytes are gone or not those that were kept.
    """
    if row.status is FileStatus.WAITING:
        raise Refused("file_waits", name=row.name)
    if row.status is FileStatus.INFECTED:
        raise Refused("file_virus", name=row.name)
    try:
        data = files.read(row.content_digest)
    except FileNotFoundError:
        raise NotFound("file_gone") from None
    if hashlib.sha256(data).hexdigest() != row.content_digest:
        raise NotFound("file_gone")
    return data
