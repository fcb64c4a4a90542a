"""Texts of messages, edited kind by kind, whole in every language, published by two (X-05, C-08).

What a text may name, must name and how long an SMS is, is known to who renders it: those checks come in
as `TextDesk`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from sqlalchemy.orm import Session

from models.approvals import ApprovalRequest
from models.editing import EditorKind, TextVersion
from receivables import message_texts
from receivables.audit import record
from receivables.editing import drafts
from receivables.editing.drafts import DraftState
from receivables.errors import NotFound, Refused
from receivables.permissions import Actor, Permission, require
from receivables.ports import TextFault

#: Longest text of one part, characters.
MOST = 8_000


class TextDesk(Protocol):
    """What the renderer knows of its sources."""

    def kinds(self) -> Sequence[str]:
        """Kinds of messages that can be edited."""

    def shipped(self, kind: str) -> Mapping[str, str]:
        """The shipped texts of a kind by "language/part"."""

    def faults(self, kind: str, texts: Mapping[str, str]) -> Sequence[TextFault]:
        """What is wrong with the texts of a kind as a whole; none means that they may be published."""


@dataclass(frozen=True, slots=True)
class Wording:
    """One kind of message as its editor shows it: texts by "language/part"."""

    kind: str
    in_force: Mapping[str, str]
    version_id: int | None
    drafted: Mapping[str, str]
    draft: DraftState | None


def wording(session: Session, actor: Actor, desk: TextDesk, kind: str, *, now: datetime) -> Wording:
    """Return the texts of a kind in force and as its draft would have them.

    Raises: NotAllowed; NotFound: no such kind.
    """
    require(actor, Permission.RULES_READ)
    shipped = _shipped(desk, kind)
    published = message_texts.in_force(session, [kind], now=now).get(kind)
    now_texts = {**shipped, **(published.texts if published else {})}
    state = drafts.open_draft(session, actor, EditorKind.TEXT, kind)
    changed = {place: text for place, text in (state.changes if state else {}).items() if place in shipped}
    return Wording(kind, now_texts, published.id if published else None, {**now_texts, **changed}, state)


def _shipped(desk: TextDesk, kind: str) -> Mapping[str, str]:
    if kind not in desk.kinds():
        raise NotFound("not_found")
    return desk.shipped(kind)


def write(
    session: Session,
    actor: Actor,
    desk: TextDesk,
    kind: str,
    texts: Mapping[str, str],
    *,
    now: datetime,
) -> list[TextFault]:
    """Keep texts of a kind in its draft.

    Args:
        texts: "language/part" -> text, of parts that the kind has.
    Returns:
        What is wrong with these places; then nothing was kept.
    Raises: NotAllowed; NotFound; Refused: draft_of_another, draft_sent.
    """
    require(actor, Permission.RULES_PROPOSE)
    known = wording(session, actor, desk, kind, now=now)
    if strangers := set(texts) - set(known.in_force):
        raise NotFound("not_found", what=sorted(strangers)[0])
    after = {**known.drafted, **texts}
    wrong = [fault for fault in desk.faults(kind, after) if fault.place in texts]
    if wrong:
        return wrong
    changes = {place: text for place, text in after.items() if text != known.in_force[place]}
    drafts.change(session, actor, EditorKind.TEXT, kind, changes, now=now)
    return []


def propose(
    session: Session,
    actor: Actor,
    desk: TextDesk,
    kind: str,
    *,
    effective_on: date | None,
    reason: str,
    zone: str,
    now: datetime,
) -> ApprovalRequest:
    """Send drafted texts to a second person; refused while a language or what must be said is missing.

    Raises:
        NotAllowed; NotFound; Refused: text_wrong (facts: place, fault, what), and as `drafts.send`.
    """
    known = wording(session, actor, desk, kind, now=now)
    if known.draft is None:
        raise NotFound("not_found")
    wrong = desk.faults(kind, known.drafted)
    if wrong:
        raise Refused("text_wrong", place=wrong[0].place, fault=wrong[0].code, what=wrong[0].what)
    changed = sorted(place for place, text in known.drafted.items() if text != known.in_force[place])
    if not changed:
        raise Refused("nothing_changes")
    facts = {
        "differences": [
            {"key": place, "before": known.in_force[place], "after": known.drafted[place]}
            for place in changed
        ],
        "texts": dict(known.drafted),
    }
    return drafts.send(
        session, actor, EditorKind.TEXT, kind, result=_body(known.drafted), facts=facts,
        effective_on=effective_on, reason=reason, zone=zone, now=now,
    )  # fmt: skip


def _body(texts: Mapping[str, str]) -> str:
    return json.dumps(dict(sorted(texts.items())), ensure_ascii=False)


def publish_on_approval(session: Session, actor: Actor, request: ApprovalRequest, *, now: datetime) -> None:
    """Put drafted texts in force, whole, as a second person approved them. The effect of `text`.

    Raises: NotAllowed: the approver wrote them. NotFound. Refused: decided_already, draft_moved.
    """
    row = drafts.approved(session, actor, request)
    body = _body(request.facts["texts"])
    drafts.refuse_moved(request, body)
    version = TextVersion(
        kind=row.name, effective_at=drafts.starts_at(request, now=now), author_id=row.author_id,
        approver_id=actor.id, reason=request.reason, is_alone=request.is_alone, body=body,
        body_digest=hashlib.sha256(body.encode()).hexdigest(),
    )  # fmt: skip
    session.add(version)
    session.flush()
    record(
        session, actor, "text.published", version, account_id=None, now=now, reason=request.reason,
        facts={"kind": row.name, "author": row.author_id, "digest": version.body_digest},
    )  # fmt: skip
    drafts.published(row, actor, request, now=now)


def begin_from(
    session: Session, actor: Actor, desk: TextDesk, kind: str, number: int, *, now: datetime
) -> None:
    """Begin a draft that brings an older version back; 0 is what was shipped.

    Raises: NotAllowed; NotFound; Refused: nothing_changes, draft_of_another, draft_sent.
    """
    known = wording(session, actor, desk, kind, now=now)
    texts = desk.shipped(kind)
    if number:
        row = message_texts.version(session, number)
        if row is None or row.kind != kind:
            raise NotFound("not_found")
        texts = {**texts, **json.loads(row.body)}
    changes = {place: text for place, text in texts.items() if text != known.in_force[place]}
    if not changes:
        raise Refused("nothing_changes")
    drafts.change(session, actor, EditorKind.TEXT, kind, changes, now=now)
