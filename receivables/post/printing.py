"""Letters on their way: printed together, posted on a day, come back.

The press works between two units of work: `prepare` looks whether each letter is still right and gives
the papers, `keep` writes what the press made, `print_batch` says that it is printed and fails if anything
changed meanwhile. Source: issue of the ladder, part 7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.base import new_ref
from models.files import StoredFile
from models.ladder import LadderSwitch
from models.post import PostBatch, PostLetter
from models.states import PostStatus, advance
from models.work import TaskKind
from receivables import outbox
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.documents.data import LetterPaper
from receivables.documents.letters import paper_of
from receivables.errors import NotFound, Refused
from receivables.permissions import Actor, Permission, require
from receivables.policy import Policy, current_policy
from receivables.ports import FileStore
from receivables.post.papers import asked_rows, forbidden_by
from receivables.post.queueing import letter_of, renew, staff_id, withdraw

#: Letters that are printed at once: some two hundred pages.
MOST_AT_ONCE = 100
#: Retention of what was posted: evidence, kept as long as the account's own papers.
POSTED = "letter"
#: How far back a posted day may lie, days.
POSTED_WITHIN = 31


@dataclass(frozen=True, slots=True)
class Prepared:
    """What may be printed now, and what was taken out of the queue: ref -> why."""

    papers: Sequence[LetterPaper]
    withdrawn: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class KeptPdf:
    """The digest and size of a PDF that lies in the data folder."""

    digest: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class KeptBatch:
    """One file with all letters, and each letter's own file by its ref."""

    whole: KeptPdf
    single: Mapping[str, KeptPdf]


def prepare(session: Session, actor: Actor, refs: Sequence[str], *, now: datetime) -> Prepared:
    """Look at each letter again before it is printed.

    What is no longer asked for is withdrawn; what is asked for with another amount, or would leave the
    reader too little time, is withdrawn and queued anew, and the new letter is printed.

    Raises:
        NotAllowed.
        Refused: none_chosen, too_many_letters (facts: most), sending_stopped, letter_gone.
        NotFound: no such letter.
    """
    require(actor, Permission.LETTER_PRINT)
    chosen = list(dict.fromkeys(refs))
    if not chosen:
        raise Refused("none_chosen")
    if len(chosen) > MOST_AT_ONCE:
        raise Refused("too_many_letters", most=MOST_AT_ONCE)
    if _sending_stopped(session):
        raise Refused("sending_stopped")
    policy = current_policy(session, now)
    papers, withdrawn = [], {}
    for letter in sorted((letter_of(session, ref, lock=True) for ref in chosen), key=lambda found: found.id):
        if letter.status is not PostStatus.WAITING:
            raise Refused("letter_gone")
        try:
            kept = _right(session, actor, letter, policy, now=now)
        except Refused as refused:
            withdraw(session, actor, letter, reason=refused.code, now=now)
            withdrawn[letter.ref] = refused.code
        else:
            papers.append(paper_of(kept))
    return Prepared(papers, withdrawn)


def keep(files: FileStore, whole: bytes, single: Mapping[str, bytes]) -> KeptBatch:
    """Write what the press made; no database.

    Args:
        whole: all letters as one PDF.
        single: ref -> the letter's own PDF.
    """
    return KeptBatch(_kept(files, whole), {ref: _kept(files, data) for ref, data in single.items()})


def print_batch(session: Session, actor: Actor, batch: KeptBatch, *, now: datetime) -> PostBatch:
    """Say that letters were printed together; from now on each has its file.

    Raises:
        NotAllowed.
        Refused: none_chosen; letter_gone or content_changed (facts: ref): something changed since
            `prepare`, look again.
        NotFound: no such letter.
    """
    require(actor, Permission.LETTER_PRINT)
    if not batch.single:
        raise Refused("none_chosen")
    policy = current_policy(session, now)
    made = PostBatch(
        ref=new_ref(),
        file_id=_file(session, batch.whole, f"letters-{now:%Y%m%d-%H%M}.pdf", None, now).id,
        letters=len(batch.single),
        printed_by_id=staff_id(actor),
        printed_at=now,
    )
    session.add(made)
    session.flush()
    for ref, pdf in batch.single.items():
        letter = letter_of(session, ref, lock=True)
        if letter.status is not PostStatus.WAITING:
            raise Refused("letter_gone", ref=ref)
        if not _is_right(session, letter, policy, now=now):
            raise Refused("content_changed", ref=ref)
        advance(letter, PostStatus.PRINTED)
        letter.batch_id = made.id
        letter.file_id = _file(session, pdf, f"{letter.kind}.pdf", letter.account_id, now).id
        record(
            session, actor, "letter.printed", letter, account_id=letter.account_id, now=now,
            facts={"batch": made.ref, "digest": pdf.digest},
        )  # fmt: skip
    return made


def mark_posted(
    session: Session,
    actor: Actor,
    batch: PostBatch,
    *,
    posted_on: date,
    enclosed: bool = False,
    now: datetime,
) -> PostBatch:
    """Say on which day the letters of a batch went to the post; those taken out before are left alone.

    Args:
        posted_on: not after today, at most POSTED_WITHIN days ago and not before it was printed.
        enclosed: what must go with some of them lay in their envelopes.
    Raises:
        NotAllowed.
        Refused: posted_already, day_in_future, day_too_early, enclosures_missing.
    """
    require(actor, Permission.LETTER_PRINT)
    session.flush()
    session.refresh(batch, with_for_update=True)
    if batch.posted_on is not None:
        raise Refused("posted_already")
    letters = session.scalars(
        select(PostLetter)
        .where(PostLetter.batch_id == batch.id, PostLetter.status == PostStatus.PRINTED)
        .order_by(PostLetter.id)
        .with_for_update()
    ).all()
    zones = _zones(session, letters)
    today = max((business_date(now, zone) for zone in zones.values()), default=now.date())
    first = min((business_date(batch.printed_at, zone) for zone in zones.values()), default=posted_on)
    if posted_on > today:
        raise Refused("day_in_future")
    if posted_on < max(first, today - timedelta(days=POSTED_WITHIN)):
        raise Refused("day_too_early")
    if not enclosed and any(letter.facts["enclosures"] for letter in letters):
        raise Refused("enclosures_missing")
    batch.posted_on = posted_on
    for letter in letters:
        advance(letter, PostStatus.POSTED)
        letter.posted_on = posted_on
        if letter.facts["enclosures"]:
            letter.facts = {**letter.facts, "enclosed": True}
        facts = {
            "kind": letter.kind, "on": posted_on.isoformat(), "amount_minor": letter.facts["amount_minor"],
            "currency": letter.currency,
        }  # fmt: skip
        record(session, actor, "letter.posted", letter, account_id=letter.account_id, now=now, facts=facts)
        outbox.note(
            session, letter.account_id, "letter.posted", now=now, facts=facts,
            contact_id=letter.contact_id, staff_id=staff_id(actor),
        )  # fmt: skip
    return batch


def mark_returned(session: Session, actor: Actor, letter: PostLetter, *, now: datetime) -> PostLetter:
    """Say that a letter came back: evidence that nobody is found there, and a task to trace the debtor.

    Raises:
        NotAllowed.
        Refused: letter_not_posted.
    """
    require(actor, Permission.LETTER_PRINT, account_id=letter.account_id)
    session.flush()
    session.refresh(letter, with_for_update=True)
    if letter.status is not PostStatus.POSTED:
        raise Refused("letter_not_posted")
    account = session.get_one(Account, letter.account_id)
    advance(letter, PostStatus.RETURNED)
    letter.returned_on = business_date(now, account.zone)
    facts = {
        "kind": letter.kind,
        "posted_on": letter.posted_on.isoformat() if letter.posted_on else "",
    }
    record(session, actor, "letter.returned", letter, account_id=account.id, now=now, facts=facts,
           personal={"address": letter.address})  # fmt: skip
    outbox.note(
        session, account.id, "letter.returned", now=now, facts=facts, contact_id=letter.contact_id,
        staff_id=staff_id(actor),
    )  # fmt: skip
    outbox.ask_person(
        session, TaskKind.TRACE, f"trace:letter:{letter.id}", account_id=account.id,
        facts={"what": letter.kind, "letter": letter.ref}, now=now,
    )  # fmt: skip
    return letter


def batch_of(session: Session, ref: str) -> PostBatch:
    """Return a batch by its ref. Raises: NotFound."""
    batch = session.scalar(select(PostBatch).where(PostBatch.ref == ref))
    if batch is None:
        raise NotFound("not_found")
    return batch


def _right(
    session: Session, actor: Actor, letter: PostLetter, policy: Policy, *, now: datetime
) -> PostLetter:
    """The letter itself while it is right, else its successor. Raises: Refused: there is none."""
    if _is_right(session, letter, policy, now=now):
        return letter
    return renew(session, actor, letter, session.get_one(Account, letter.account_id), now=now)


def _is_right(session: Session, letter: PostLetter, policy: Policy, *, now: datetime) -> bool:
    """Whether a waiting letter still says what is true: sums, address, and a day that leaves time."""
    account = session.get_one(Account, letter.account_id)
    today = business_date(now, account.zone)
    asked = {
        row.ref: row.asked.minor for row in asked_rows(session, account, today, currency=letter.currency)
    }
    said = {row["ref"]: row["asked_minor"] for row in letter.facts["rows"]}
    return (
        forbidden_by(session, account.id, today) is None
        and account.postal_address == letter.address
        and all(asked.get(ref) == minor for ref, minor in said.items())
        and letter.deadline_on is not None
        and letter.deadline_on >= today + timedelta(days=policy.letters.least_days)
    )


def _sending_stopped(session: Session) -> bool:
    """Whether all sending is stopped (receivables/switches.py); paper waits like any message."""
    latest = select(LadderSwitch.sending_stopped).order_by(LadderSwitch.id.desc()).limit(1)
    return bool(session.scalar(latest))


def _kept(files: FileStore, data: bytes) -> KeptPdf:
    return KeptPdf(files.keep(data), len(data))


def _file(session: Session, pdf: KeptPdf, name: str, account_id: int | None, now: datetime) -> StoredFile:
    stored = StoredFile(
        ref=new_ref(), content_digest=pdf.digest, name=name, media_type="application/pdf",
        size_bytes=pdf.size_bytes, account_id=account_id, retention_class=POSTED, stored_at=now,
    )  # fmt: skip
    session.add(stored)
    session.flush()
    return stored


def _zones(session: Session, letters: Sequence[PostLetter]) -> dict[int, str]:
    ids = {letter.account_id for letter in letters}
    return {
        r.id: r.zone for r in session.execute(select(Account.id, Account.zone).where(Account.id.in_(ids)))
    }
