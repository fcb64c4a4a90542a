"""The two-way thread about a dispute: the debtor adds words and files, we answer (X-03, X-09)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.disputes import Dispute, DisputeFile, DisputeNote
from models.files import StoredFile
from models.states import HOLDING_DISPUTES, DisputeStatus
from receivables import files as uploads
from receivables import outbox
from receivables.audit import record
from receivables.disputes import letters
from receivables.disputes.cases import lock, move
from receivables.errors import NotFound, Refused
from receivables.files import ReceivedFile
from receivables.permissions import Actor, ActorKind, Permission
from receivables.policy import Policy, current_policy
from receivables.texts import clean_words

#: The same words of the same person again within this time are a form sent twice.
SENT_TWICE = timedelta(minutes=10)


def add_words(
    session: Session, actor: Actor, ref: str, *, words: str, files: Sequence[str] = (), now: datetime
) -> Dispute:
    """Add the debtor's words and files to a dispute that is open.

    Returns:
        The dispute.
    Raises:
        NotAllowed, NotFound.
        Refused: dispute_closed, words_missing (neither words nor a file), words_too_long,
            too_many_files.
    """
    _account, _invoice, dispute = lock(session, actor, ref, Permission.DISPUTE_OPEN)
    if dispute.status not in HOLDING_DISPUTES:
        raise Refused("dispute_closed")
    said = clean_words(words)
    if not said and not files:
        raise Refused("words_missing")
    if not files and _is_repeat(session, actor, dispute, said, now):
        return dispute
    policy = current_policy(session, now)
    note = write_note(session, actor, dispute, said, files, policy=policy, now=now)
    _tell(session, actor, dispute, note, now=now)
    return dispute


def answer(
    session: Session, actor: Actor, ref: str, *, words: str, files: Sequence[ReceivedFile] = (), now: datetime
) -> Dispute:
    """Answer the debtor in the thread and tell him so; whoever answers first has the dispute.

    Args:
        files: looked at already (receivables.files.receive); they go with the answer.
    Raises:
        NotAllowed, NotFound.
        Refused: dispute_closed, words_missing, words_too_long, too_many_files, files_full.
    """
    account, _invoice, dispute = lock(session, actor, ref, Permission.DISPUTE_RESOLVE)
    if dispute.status not in HOLDING_DISPUTES:
        raise Refused("dispute_closed")
    said = clean_words(words)
    if not said:
        raise Refused("words_missing")
    if not files and _is_repeat(session, actor, dispute, said, now):
        return dispute
    if dispute.status is DisputeStatus.OPENED:
        move(session, actor, account, dispute, DisputeStatus.UNDER_REVIEW, now=now)
    dispute.handled_by_id = dispute.handled_by_id or actor.id
    policy = current_policy(session, now)
    sent = [
        uploads.keep(session, actor, one, account_id=account.id, policy=policy, now=now).ref for one in files
    ]
    note = write_note(session, actor, dispute, said, sent, policy=policy, now=now)
    _tell(session, actor, dispute, note, now=now)
    letters.tell(session, actor, account, dispute, "dispute_answered", about=note.id, now=now)
    return dispute


def note_ours(session: Session, actor: Actor, ref: str, *, words: str, now: datetime) -> Dispute:
    """Keep a note in the case that the debtor never sees; also after the case has ended.

    Raises:
        NotAllowed, NotFound.
        Refused: words_missing, words_too_long.
    """
    account, _invoice, dispute = lock(session, actor, ref, Permission.DISPUTE_RESOLVE)
    said = clean_words(words)
    if not said:
        raise Refused("words_missing")
    if _is_repeat(session, actor, dispute, said, now):
        return dispute
    note = DisputeNote(
        dispute_id=dispute.id, staff_id=actor.id, words=said, written_at=now, internal=True
    )  # fmt: skip
    session.add(note)
    session.flush()
    record(session, actor, "dispute.noted", dispute, account_id=account.id, now=now, facts={"note": note.id})
    outbox.note(session, account.id, "dispute.noted", staff_id=actor.id, now=now,
                facts={"dispute": dispute.ref})  # fmt: skip
    return dispute


def write_note(
    session: Session,
    actor: Actor,
    dispute: Dispute,
    words: str,
    files: Sequence[str],
    *,
    policy: Policy,
    now: datetime,
) -> DisputeNote:
    """Write one word of the thread with its files; the words are clean already.

    Raises:
        NotFound: a file is not of this account, or belongs to something else already.
        Refused: too_many_files, with `most` for one dispute.
    """
    note = DisputeNote(
        dispute_id=dispute.id,
        contact_id=actor.contact_id,
        staff_id=actor.id if actor.kind is ActorKind.STAFF else None,
        words=words,
        written_at=now,
    )
    session.add(note)
    session.flush()
    wanted = list(dict.fromkeys(files))
    if not wanted:
        return note
    there = session.scalar(
        select(func.count()).select_from(DisputeFile).where(DisputeFile.dispute_id == dispute.id)
    )
    if int(there or 0) + len(wanted) > policy.disputes.files:
        raise Refused("too_many_files", most=policy.disputes.files)
    found = {
        stored.ref: stored
        for stored in session.scalars(
            select(StoredFile)
            .outerjoin(DisputeFile, DisputeFile.file_id == StoredFile.id)
            .where(
                StoredFile.ref.in_(wanted),
                StoredFile.account_id == dispute.account_id,
                DisputeFile.file_id.is_(None),
            )
        )
    }
    if len(found) != len(wanted):
        raise NotFound("not_found")
    for name in wanted:
        uploads.attach(found[name])
        session.add(DisputeFile(file_id=found[name].id, dispute_id=dispute.id, note_id=note.id))
    session.flush()
    return note


def _is_repeat(session: Session, actor: Actor, dispute: Dispute, words: str, now: datetime) -> bool:
    """Whether the last word of the thread is this one, by the same person a moment ago."""
    thread = select(DisputeNote).where(DisputeNote.dispute_id == dispute.id)
    last = session.scalars(thread.order_by(DisputeNote.id.desc()).limit(1)).first()
    staff_id = actor.id if actor.kind is ActorKind.STAFF else None
    return (
        last is not None
        and (last.words, last.contact_id, last.staff_id) == (words, actor.contact_id, staff_id)
        and now - last.written_at < SENT_TWICE
    )


def _tell(session: Session, actor: Actor, dispute: Dispute, note: DisputeNote, *, now: datetime) -> None:
    by_us = note.staff_id is not None
    record(
        session,
        actor,
        "dispute.answered" if by_us else "dispute.added",
        dispute,
        account_id=dispute.account_id,
        now=now,
        facts={"note": note.id},
    )
    outbox.note(
        session,
        dispute.account_id,
        "dispute.answered" if by_us else "dispute.added",
        contact_id=note.contact_id,
        staff_id=note.staff_id,
        now=now,
        facts={"dispute": dispute.ref},
    )
