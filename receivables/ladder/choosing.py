"""Which ladder a document climbs, and which version of it is in force.

The document's own, else the account's, else that of prepayments, else that of the segment, else the
default of the policy. A published version takes the place of a shipped one of the same name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from models.accounts import Segment
from models.base import UTCDateTime
from models.invoices import InvoiceKind
from models.ladder import LadderVersion
from models.store import fetch
from receivables.audit import record
from receivables.errors import Refused
from receivables.ladder.letters import missing_texts
from receivables.ladder.rungs import BadLadder, Ladder, preset, preset_names, read_ladder
from receivables.permissions import Actor, Permission, require
from receivables.policy import LadderRules

_IN_FORCE = (
    select(LadderVersion.name, LadderVersion.body, LadderVersion.id)
    .where(LadderVersion.effective_at <= bindparam("now", type_=UTCDateTime()))
    .order_by(LadderVersion.effective_at, LadderVersion.id)
)


def ladders_in_force(session: Session, now: datetime) -> dict[str, Ladder]:
    """Return every ladder by its name: those that ship, and the newest version of each published one."""
    found = {name: preset(name) for name in preset_names()}
    newest = {r.name: r for r in fetch(session, _IN_FORCE, {"now": now})}
    return found | {name: read_ladder(r.body, r.id) for name, r in newest.items()}


def chosen(
    rules: LadderRules, *, kind: str, own: str | None, of_account: str | None, segment: Segment
) -> str:
    """Return the name of the ladder that a document climbs; a prepayment is never on a debt's ladder.

    >>> from receivables.policy import default_policy
    >>> chosen(default_policy().ladders, kind="prepayment", own=None, of_account="strict",
    ...        segment=Segment.REMINDER)
    'prepayment'
    """
    if own is not None:
        return own
    if kind == InvoiceKind.PREPAYMENT:
        return rules.prepayments
    return of_account or rules.by_segment.get(segment.value, rules.default)


def refuse_missing(ladder: Ladder, known: Mapping[tuple[str, str], Collection[str]]) -> None:
    """Refuse a ladder of which a text is not written in every language.

    Raises: BadLadder: `missing_text`, with the first and how many there are.
    """
    missing = missing_texts(ladder, known)
    if missing:
        one = missing[0]
        raise BadLadder(
            "missing_text", rung=one.rung, text=one.kind, channel=one.channel, language=one.language,
            count=len(missing),
        )  # fmt: skip


def publish(
    session: Session,
    actor: Actor,
    name: str,
    body: str,
    *,
    author_id: int,
    reason: str,
    known: Mapping[tuple[str, str], Collection[str]],
    effective_at: datetime | None = None,
    is_alone: bool = False,
    now: datetime,
) -> LadderVersion:
    """Put a version of a ladder in force: proposed by one person, published by another.

    Args:
        actor: who publishes; never the author (A-02).
        body: TOML; its `name` is `name`.
        known: (channel, kind) of every text that is written -> its languages.
        effective_at: from when, not before `now`; None is `now`.
        is_alone: the author may publish his own, as `four_eyes` found.
    Raises:
        NotAllowed: the actor may not publish.
        BadLadder: the ladder is not whole, or a text of it is not written; the code says why.
        Refused: `own_proposal`, `reason_missing`, `ladder_name_differs`, `effective_past`.
    """
    require(actor, Permission.LADDER_PUBLISH)
    if actor.id == author_id and not is_alone:
        raise Refused("own_proposal")
    if not reason.strip():
        raise Refused("reason_missing")
    ladder = read_ladder(body)
    if ladder.name != name:
        raise Refused("ladder_name_differs", name=ladder.name)
    refuse_missing(ladder, known)
    if effective_at is not None and effective_at < now:
        raise Refused("effective_past")
    version = LadderVersion(
        name=name, effective_at=effective_at or now, author_id=author_id, approver_id=actor.id,
        reason=reason.strip(), body=body, body_digest=hashlib.sha256(body.encode()).hexdigest(),
        is_alone=is_alone,
    )  # fmt: skip
    session.add(version)
    session.flush()
    record(
        session, actor, "ladder.published", version, account_id=None, now=now, reason=version.reason,
        facts={"name": name, "digest": version.body_digest, "author": author_id,
               **({"is_alone": True} if is_alone else {})},
    )  # fmt: skip
    return version
