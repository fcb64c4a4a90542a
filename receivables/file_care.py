"""What becomes of files by themselves: a virus scanner's verdict, and the end of what nobody sent.

The verdict is asked by a job, so that a slow or silent scanner holds up no form; until it came the file
is given to nobody. Source: X-03; decisions 10, 23; policy disputes.draft_days.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.files import StoredFile
from models.states import FileStatus, advance
from models.store import Store
from receivables import outbox
from receivables.audit import record
from receivables.errors import NotFound
from receivables.files import DRAFT
from receivables.permissions import SYSTEM
from receivables.policy import Policy, current_policy
from receivables.ports import FileStore

#: Beyond its days a form that was never sent stays this long out of sight, so that what is being sent
#: at that moment finds its files.
GRACE = timedelta(days=1)
#: Bytes without a row are left alone for so long: their form may be on its way.
SETTLED = timedelta(days=1)
#: The folder is walked through once a day, a part each hour.
PARTS = 24
_AT_ONCE = 500


# --------------------------------------------------------------------------- the scanner


def check(store: Store, files: FileStore, ref: str, *, now: datetime) -> bool:
    """Ask the scanner about one file and let it go, or hold it for ever; a second call changes nothing.

    Returns: whether something was found.
    Raises:
        NotFound: no such file, or its bytes are gone.
        ScannerDown: no answer; the file stays held.
    """
    with store.read() as session:
        found = session.execute(
            select(StoredFile.content_digest, StoredFile.status).where(StoredFile.ref == ref)
        ).first()
    if found is None:
        return False  # its form was never sent, and the file is gone
    if found.status is not FileStatus.WAITING:
        return found.status is FileStatus.INFECTED
    try:
        infected = files.is_infected(found.content_digest)
    except FileNotFoundError:
        # The same content was found out and erased between two uploads of it.
        infected = store.run(lambda s: _is_known_bad(s, found.content_digest))
        if not infected:
            raise NotFound("file_gone") from None
    store.run(lambda s: _judge(s, ref, found.content_digest, infected, now=now))
    if infected:
        files.erase(found.content_digest)
    return infected


def _is_known_bad(session: Session, digest: str) -> bool:
    query = select(StoredFile.id).where(
        StoredFile.content_digest == digest, StoredFile.status == FileStatus.INFECTED
    )
    return session.scalar(query.limit(1)) is not None


def _judge(session: Session, ref: str, digest: str, infected: bool, *, now: datetime) -> None:
    """Write the verdict; what was found in one copy was found in all."""
    same = select(StoredFile).where(StoredFile.content_digest == digest).order_by(StoredFile.id)
    for stored in session.scalars(same.with_for_update()).all():
        if infected and stored.status is not FileStatus.INFECTED:
            advance(stored, FileStatus.INFECTED)
        elif not infected and stored.ref == ref and stored.status is FileStatus.WAITING:
            advance(stored, FileStatus.CLEAN)
        else:
            continue
        facts = {"digest": digest, "status": stored.status.value}
        record(session, SYSTEM, "file.checked", stored, account_id=stored.account_id, now=now, facts=facts)
        if infected:
            outbox.raise_alert(
                session, "file_infected", f"file:{stored.id}", account_id=stored.account_id, now=now
            )


# --------------------------------------------------------------------------- what nobody sent


def concerned(session: Session, latest: date) -> list[int]:
    """Return the accounts that have files of forms that may have grown too old by a day."""
    end = datetime.combine(latest + timedelta(days=1), time(), UTC)
    policy = current_policy(session, end)
    return list(
        session.scalars(
            select(StoredFile.account_id)
            .where(
                StoredFile.retention_class == DRAFT,
                StoredFile.stored_at < end - _kept(policy),
                StoredFile.account_id.is_not(None),
            )
            .distinct()
        )
    )


def forget_staged(
    session: Session, account: Account, *, still_in_use: Collection[str], today: date, now: datetime
) -> int:
    """Delete the rows of an account's staged files whose form was never sent; the bytes go with the sweep.

    Args:
        still_in_use: refs of files that a living form names.
    Returns: how many rows were deleted.
    """
    oldest = now - _kept(current_policy(session, now))
    old = session.scalars(
        select(StoredFile)
        .where(
            StoredFile.account_id == account.id,
            StoredFile.retention_class == DRAFT,
            StoredFile.stored_at < oldest,
            StoredFile.ref.not_in(still_in_use),
        )
        .order_by(StoredFile.id)
        .with_for_update()
    ).all()
    for stored in old:
        facts = {"file": stored.ref, "digest": stored.content_digest, "bytes": stored.size_bytes}
        record(session, SYSTEM, "file.forgotten", stored, account_id=account.id, now=now, facts=facts)
        session.delete(stored)
    session.flush()
    return len(old)


def _kept(policy: Policy) -> timedelta:
    return timedelta(days=policy.disputes.draft_days) + GRACE


def sweep_bytes(
    store: Store, files: FileStore, *, now: datetime, parts: Collection[int] | None = None
) -> int:
    """Erase the bytes that no row names: of forgotten forms, and of forms that were refused.

    Safe at any moment and twice: what somebody has kept again since is left alone.

    Args:
        parts: which of PARTS of the folder; None for the one of this hour.
    Returns: how many were erased.
    """
    since, erased = now - SETTLED, 0
    for part in (now.hour % PARTS,) if parts is None else parts:
        old = list(files.untouched(since, part=part, of=PARTS))
        for first in range(0, len(old), _AT_ONCE):
            chunk = old[first : first + _AT_ONCE]
            with store.read() as session:
                named = _named(session, chunk)
            gone = [d for d in chunk if d not in named and files.erase(d, untouched_since=since)]
            if gone:
                store.run(lambda s, gone=gone: _note_erased(s, gone, now=now))  # type: ignore[misc]
            erased += len(gone)
    return erased


def _named(session: Session, digests: Sequence[str]) -> set[str]:
    query = select(StoredFile.content_digest).where(StoredFile.content_digest.in_(digests))
    return set(session.scalars(query))


def _note_erased(session: Session, digests: Sequence[str], *, now: datetime) -> None:
    for digest in digests:
        record(session, SYSTEM, "file.erased", None, account_id=None, now=now, facts={"digest": digest})
