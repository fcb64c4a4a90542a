"""Internal notes of an account: written, corrected by a further note, never erased; @name asks a colleague.

The debtor never sees them: no page of the portal and no message reads them. Source: issue D, part 2;
look.md ("notes the debtor never sees are dashed and say so").
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.accounts import Account
from models.base import new_ref
from models.notes import AccountNote, NoteMention
from models.staff import Staff
from models.work import Task, TaskKind
from receivables import outbox
from receivables.audit import record
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.own_accounts import is_theirs, require_theirs
from receivables.permissions import Actor, ActorKind, Permission, may, require
from receivables.texts import clean_words

#: Longest note, characters; and what a task says of it.
WORDS_MOST = 2000
_TASK_WORDS = 280
#: An @ that begins a word; what follows may be a name of up to this many words.
_MENTION = re.compile(r"(?<![\w@.])@(?=\w)")
_NAME_WORDS = 4
_WORD = re.compile(r"[\w'’.\-]+")


@dataclass(frozen=True, slots=True)
class NoteLine:
    """One note as the desk reads it, with what it said before it was corrected, oldest first.

    Attributes:
        ref: of its newest wording, which a correction takes the place of.
        written_at: of its first wording; its place on the timeline.
        earlier: (when, words) of the wordings before.
        mentions: names of colleagues.
        mine: whether this reader wrote it and may correct it.
    """

    ref: str
    words: str
    by: str
    written_at: datetime
    corrected_at: datetime | None
    earlier: Sequence[tuple[datetime, str]]
    mentions: Sequence[str]
    mine: bool


def write(session: Session, actor: Actor, account: Account, *, words: str, now: datetime) -> AccountNote:
    """Write a note, and ask each colleague whom it names with @.

    A colleague's own open mentions at the account end with his note: it is his answer.

    Args:
        words: at most WORDS_MOST characters; "@Dana" or "@Dana Levi" names a colleague.
    Raises:
        NotAllowed, NotFound: not this actor's to write, not his account.
        Refused: words_missing, words_too_long; mention_unknown, mention_ambiguous, mention_cannot_read
            (with `name`).
    """
    _require(actor, account)
    note = _add(session, actor, account, words, corrects=None, now=now)
    asked = select(Task).where(
        Task.account_id == account.id, Task.kind == TaskKind.MENTION, Task.assigned_to_id == actor.id,
        Task.done_at.is_(None),
    )  # fmt: skip
    for task in session.scalars(asked.with_for_update()):
        task.done_at, task.done_by_id = now, actor.id
        record(session, actor, "task.done", task, account_id=account.id, now=now,
               facts={"code": task.kind.value, "key": task.key, "note": note.ref})  # fmt: skip
    return note


def correct(session: Session, actor: Actor, ref: str, *, words: str, now: datetime) -> AccountNote:
    """Say a note of one's own otherwise; what it said before stays readable beside it.

    Args:
        ref: of the note's newest wording.
    Raises:
        NotAllowed, NotFound: not this actor's to write, no such note.
        Refused: note_not_yours, note_corrected (somebody was faster), note_same, and as `write`.
    """
    require(actor, Permission.ACCOUNT_NOTE)
    note = session.scalar(select(AccountNote).where(AccountNote.ref == ref))
    if note is None:
        raise NotFound("not_found")
    account = session.get_one(Account, note.account_id)
    _require(actor, account)
    if note.staff_id != actor.id:
        raise Refused("note_not_yours")
    if session.scalar(select(AccountNote.id).where(AccountNote.corrects_id == note.id)) is not None:
        raise Refused("note_corrected")
    if clean_words(words, most=WORDS_MOST) == note.words:
        raise Refused("note_same")
    return _add(session, actor, account, words, corrects=note, now=now)


def _require(actor: Actor, account: Account) -> None:
    require(actor, Permission.ACCOUNT_NOTE)
    if actor.kind is not ActorKind.STAFF:
        raise NotAllowed("not_allowed", permission=Permission.ACCOUNT_NOTE.value)
    require_theirs(actor, account)


def _add(
    session: Session, actor: Actor, account: Account, words: str, *, corrects: AccountNote | None,
    now: datetime,
) -> AccountNote:  # fmt: skip
    said = clean_words(words, most=WORDS_MOST)
    if not said:
        raise Refused("words_missing")
    named = mentioned(session, account, said)
    note = AccountNote(
        ref=new_ref(), account_id=account.id, staff_id=actor.id, words=said,
        corrects_id=corrects.id if corrects else None, written_at=now,
    )  # fmt: skip
    try:
        with session.begin_nested():
            session.add(note)
            session.flush()
    except IntegrityError:  # the same note was corrected in this moment
        raise Refused("note_corrected") from None
    known = _known_mentions(session, corrects)
    for person in named:
        session.add(NoteMention(note_id=note.id, staff_id=person.id))
        if person.id != actor.id and person.id not in known:
            _ask(session, actor, note, person, now=now)
    record(
        session, actor, "account_note.corrected" if corrects else "account_note.written", note,
        account_id=account.id, now=now, facts={"mentions": [person.id for person in named]},
        personal={"words": said},
    )  # fmt: skip
    return note


def _known_mentions(session: Session, note: AccountNote | None) -> set[int]:
    """Who was named in the wordings before: nobody is asked twice for one note."""
    found: set[int] = set()
    while note is not None:
        found |= set(session.scalars(select(NoteMention.staff_id).where(NoteMention.note_id == note.id)))
        note = session.get(AccountNote, note.corrects_id) if note.corrects_id else None
    return found


def _ask(session: Session, actor: Actor, note: AccountNote, person: Staff, *, now: datetime) -> None:
    task = outbox.ask_person(
        session, TaskKind.MENTION, f"mention:{note.id}:{person.id}", account_id=note.account_id, now=now,
        facts={"note": note.ref, "by": actor.name, "words": note.words[:_TASK_WORDS]},
    )  # fmt: skip
    task.assigned_to_id = person.id


def mentioned(session: Session, account: Account, words: str) -> list[Staff]:
    """Return the colleagues whom words name with @, each once, in the order of their names in the text.

    The longest name that fits counts: "@Dana Levi" before "@Dana". A first name is enough where only one
    colleague has it.

    Raises:
        Refused: mention_unknown, mention_ambiguous, mention_cannot_read, each with `name`.
    """
    places = list(_MENTION.finditer(words))
    if not places:
        return []
    people = session.scalars(select(Staff).where(Staff.is_active).order_by(Staff.id)).all()
    found: dict[int, Staff] = {}
    for place in places:
        typed = [m[0].strip(".").casefold() for m in _WORD.finditer(words, place.end())][:_NAME_WORDS]
        person = _named(people, typed)
        reader = Actor(ActorKind.STAFF, id=person.id, role=person.role)
        if not may(reader, Permission.ACCOUNT_READ) or not is_theirs(reader, account):
            raise Refused("mention_cannot_read", name=person.name)
        found.setdefault(person.id, person)
    return list(found.values())


def _named(people: Sequence[Staff], typed: Sequence[str]) -> Staff:
    """The one colleague whose name the typed words begin with.

    Raises:
        Refused: mention_unknown, mention_ambiguous.
    """
    whole = [p for p in people if typed[: len(_parts(p))] == _parts(p)]
    fits = whole or [p for p in people if typed and _parts(p)[:1] == list(typed[:1])]
    longest = max((len(_parts(p)) for p in whole), default=0)
    fits = [p for p in fits if not whole or len(_parts(p)) == longest]
    if not fits:
        raise Refused("mention_unknown", name=typed[0] if typed else "")
    if len(fits) > 1:
        raise Refused("mention_ambiguous", name=typed[0])
    return fits[0]


def _parts(person: Staff) -> list[str]:
    return [m[0].strip(".").casefold() for m in _WORD.finditer(person.name)]


def lines(
    session: Session, actor: Actor, account_id: int, *, before: datetime | None = None, limit: int = 40
) -> list[NoteLine]:
    """Return the notes of an account, newest first, each at the place of its first wording; 3 statements.

    Raises:
        NotAllowed: the actor may not read accounts.
    """
    require(actor, Permission.ACCOUNT_READ)
    first = (
        select(AccountNote, Staff.name)
        .join(Staff, Staff.id == AccountNote.staff_id)
        .where(AccountNote.account_id == account_id, AccountNote.corrects_id.is_(None))
        .order_by(AccountNote.written_at.desc(), AccountNote.id.desc())
        .limit(limit)
    )
    if before is not None:
        first = first.where(AccountNote.written_at < before)
    roots = session.execute(first).all()
    if not roots:
        return []
    later = {
        note.corrects_id: note
        for note in session.scalars(
            select(AccountNote).where(
                AccountNote.account_id == account_id, AccountNote.corrects_id.is_not(None)
            )
        )
    }
    chains = [_chain(note, later) for note, _ in roots]
    named: dict[int, list[str]] = {}
    for r in session.execute(
        select(NoteMention.note_id, Staff.name)
        .join(Staff, Staff.id == NoteMention.staff_id)
        .where(NoteMention.note_id.in_([chain[-1].id for chain in chains]))
        .order_by(Staff.name)
    ):
        named.setdefault(r.note_id, []).append(r.name)
    return [
        NoteLine(
            ref=chain[-1].ref,
            words=chain[-1].words,
            by=by,
            written_at=chain[0].written_at,
            corrected_at=chain[-1].written_at if len(chain) > 1 else None,
            earlier=[(note.written_at, note.words) for note in chain[:-1]],
            mentions=named.get(chain[-1].id, ()),
            mine=chain[0].staff_id == actor.id and may(actor, Permission.ACCOUNT_NOTE),
        )
        for chain, (_, by) in zip(chains, roots, strict=True)
    ]


def _chain(note: AccountNote, later: dict[int | None, AccountNote]) -> list[AccountNote]:
    """A note and its corrections in order."""
    chain = [note]
    while (following := later.get(chain[-1].id)) is not None:
        chain.append(following)
    return chain


def one(session: Session, actor: Actor, ref: str) -> NoteLine:
    """Return a note by the ref of its newest wording.

    Raises:
        NotAllowed, NotFound: not this actor's to read; no such note, or it was corrected since.
    """
    require(actor, Permission.ACCOUNT_READ)
    note = session.scalar(select(AccountNote).where(AccountNote.ref == ref))
    if note is None:
        raise NotFound("not_found")
    found = lines(session, actor, note.account_id, limit=10_000)
    line = next((line for line in found if line.ref == ref), None)
    if line is None:
        raise NotFound("not_found")
    return line


def account_ref(session: Session, actor: Actor, ref: str) -> str:
    """Return the ref of the account that a note is about.

    Raises:
        NotAllowed, NotFound: not this actor's to read.
    """
    require(actor, Permission.ACCOUNT_READ)
    account = session.scalar(
        select(Account).join(AccountNote, AccountNote.account_id == Account.id).where(AccountNote.ref == ref)
    )
    if account is None or not is_theirs(actor, account):
        raise NotFound("not_found")
    return account.ref
