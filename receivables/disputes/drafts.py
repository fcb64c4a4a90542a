"""What a debtor has typed of a dispute and not sent yet; it stays some days (decision 10)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import bindparam, delete, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.base import new_ref
from models.disputes import DisputeDraft
from models.invoices import Invoice
from models.store import fetch
from receivables import file_care
from receivables import files as uploads
from receivables.audit import record
from receivables.errors import NotFound, Refused
from receivables.files import ReceivedFile, SentFile
from receivables.permissions import SYSTEM, Actor, Permission, require
from receivables.policy import Policy, current_policy


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft as its form shows it again."""

    ref: str
    form: Mapping[str, Any]
    files: Sequence[SentFile]
    shown_at: datetime


_ONE = (
    select(
        DisputeDraft.ref,
        DisputeDraft.form,
        DisputeDraft.files,
        DisputeDraft.shown_at,
        DisputeDraft.saved_at,
        DisputeDraft.account_id,
    )
    .join(Invoice, Invoice.id == DisputeDraft.invoice_id)
    .where(Invoice.ref == bindparam("invoice_ref"))
)


def find_draft(session: Session, actor: Actor, invoice_ref: str, *, now: datetime) -> Draft | None:
    """Return the draft about a document; None when there is none, or it has grown too old."""
    require(actor, Permission.DISPUTE_OPEN)
    r = fetch(session, _ONE, {"invoice_ref": invoice_ref}).first()
    if r is None or r.account_id != actor.account_id:
        return None
    if r.saved_at <= now - _kept(current_policy(session, now)):
        return None
    found = uploads.staged(session, actor, r.files)
    return Draft(r.ref, r.form, [uploads.sent_file(file) for file in found], r.shown_at)


def save_draft(
    session: Session,
    actor: Actor,
    invoice_ref: str,
    *,
    form: Mapping[str, Any],
    received: Sequence[ReceivedFile] = (),
    drop: Sequence[str] = (),
    shown_at: datetime,
    now: datetime,
) -> DisputeDraft:
    """Keep what was typed so far and the files that came with it.

    Args:
        form: names and strings as typed; free text cleaned.
        received: files that were looked at and written (receivables.files.receive).
        drop: refs of files that are taken out again.
        shown_at: when the form was shown this time.
    Raises:
        NotAllowed, NotFound.
        Refused: too_many_files (with `most`), files_full.
    """
    require(actor, Permission.DISPUTE_OPEN)
    invoice = session.scalar(select(Invoice).where(Invoice.ref == invoice_ref))
    if invoice is None:
        raise NotFound("not_found")
    require(actor, Permission.DISPUTE_OPEN, account_id=invoice.account_id)
    session.get_one(Account, invoice.account_id, with_for_update=True)
    policy = current_policy(session, now)
    draft = session.scalar(select(DisputeDraft).where(DisputeDraft.invoice_id == invoice.id))
    if draft is None or draft.saved_at <= now - _kept(policy):
        if draft is not None:
            session.delete(draft)
            session.flush()
        draft = DisputeDraft(
            ref=new_ref(), account_id=invoice.account_id, invoice_id=invoice.id, form={}, files=[],
            shown_at=now, saved_at=now,
        )  # fmt: skip
        session.add(draft)
    kept = [ref for ref in draft.files if ref not in drop]
    if len(kept) + len(received) > policy.disputes.files:
        raise Refused("too_many_files", most=policy.disputes.files)
    for file in received:
        stored = uploads.keep(
            session, actor, file, account_id=invoice.account_id, policy=policy, now=now,
            retention_class=uploads.DRAFT,
        )  # fmt: skip
        kept.append(stored.ref)
    draft.form, draft.files, draft.saved_at = dict(form), kept, now
    draft.shown_at = min(shown_at, now)
    session.flush()
    return draft


def drop_draft(session: Session, invoice_id: int) -> None:
    """Forget the draft about a document: it was sent."""
    session.execute(delete(DisputeDraft).where(DisputeDraft.invoice_id == invoice_id))


def concerned(session: Session, latest: date) -> set[int]:
    """Return the accounts whose drafts, or files of forms never sent, may have grown too old by a day."""
    end = datetime.combine(latest + timedelta(days=1), time(), UTC)
    grown = end - _kept(current_policy(session, end)) - file_care.GRACE
    drafts = session.scalars(select(DisputeDraft.account_id).where(DisputeDraft.saved_at < grown).distinct())
    return {*drafts, *file_care.concerned(session, latest)}


def forget_old(session: Session, account: Account, *, today: date, now: datetime) -> int:
    """Delete the drafts of an account that have grown too old, and the files that nobody sent.

    A day later than they are last shown: whoever sends one at that moment finds its files.

    Returns: how many drafts were deleted.
    Source: decision 10; policy disputes.draft_days.
    """
    oldest = now - _kept(current_policy(session, now)) - file_care.GRACE
    found = session.scalars(
        select(DisputeDraft).where(DisputeDraft.account_id == account.id).order_by(DisputeDraft.id)
    ).all()
    old = [draft for draft in found if draft.saved_at <= oldest]
    for draft in old:
        facts = {"invoice": draft.invoice_id, "files": list(draft.files)}
        record(session, SYSTEM, "dispute.draft_forgotten", draft, account_id=account.id, now=now, facts=facts)
        session.delete(draft)
    living = [ref for draft in found if draft not in old for ref in draft.files]
    session.flush()
    file_care.forget_staged(session, account, still_in_use=living, today=today, now=now)
    return len(old)


def _kept(policy: Policy) -> timedelta:
    """How long a draft is shown again."""
    return timedelta(days=policy.disputes.draft_days)
