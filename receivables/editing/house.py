"""The rules of the house, edited key by key: what differs, who puts it in force (X-05, C-04)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.approvals import ApprovalRequest
from models.editing import EditorDraft, EditorKind
from models.staff import Staff
from models.work import PolicyKind, PolicyVersion
from receivables import outbox
from receivables import policy as house_rules
from receivables.audit import record
from receivables.editing import drafts
from receivables.editing.checks import Fault, faults
from receivables.editing.drafts import DraftState
from receivables.editing.fields import READ_ONLY, field_of, flat, shipped, toml_of, with_changes
from receivables.errors import NotFound, Refused
from receivables.permissions import Actor, Permission, require
from receivables.policy import Policy, whole

#: Under which name the rules of the house are drafted: there is one set.
NAME = "house"

Data = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Difference:
    """One key before and after."""

    key: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version of the rules that was put in force."""

    id: int
    effective_at: datetime
    author: str | None
    reason: str
    is_in_force: bool


def ordered(data: Mapping[str, Mapping[str, Any]]) -> Data:
    """Return rules in the order in which they were shipped."""
    return {section: {name: data[section][name] for name in keys} for section, keys in shipped().items()}


def in_force(session: Session, *, now: datetime) -> Data:
    """Return the rules in force as data, whole and in order."""
    return ordered(whole(house_rules.current_body(session, now)))


def newest(session: Session, *, now: datetime) -> Data:
    """Return the rules that a draft is written upon: the newest version, also one that is still to come."""
    body = session.scalar(
        select(PolicyVersion.body)
        .where(PolicyVersion.kind == PolicyKind.HOUSE)
        .order_by(PolicyVersion.effective_at.desc(), PolicyVersion.id.desc())
        .limit(1)
    )
    return ordered(whole(body)) if body is not None else in_force(session, now=now)


def draft(session: Session, actor: Actor) -> DraftState | None:
    """Return the draft of the rules that is being written, if any."""
    return drafts.open_draft(session, actor, EditorKind.POLICY, NAME)


def drafted(session: Session, state: DraftState | None, *, now: datetime) -> Data:
    """Return the rules as a draft would have them; those that it is written upon where there is none."""
    base = newest(session, now=now)
    return with_changes(base, _known(state.changes)) if state is not None else base


def _known(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Changes of keys that there are; one that a newer house dropped falls away."""
    return {key: value for key, value in changes.items() if field_of(key) is not None}


def policy_of(data: Mapping[str, Mapping[str, Any]]) -> Policy:
    """Return the rules as the house reads them. Raises: KeyError, ValueError: they cannot be read."""
    return Policy.of({section: dict(keys) for section, keys in data.items()})


def differences(
    before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]
) -> list[Difference]:
    """Return the keys that differ, in the order of the shipped rules."""
    old, new = flat(before), flat(after)
    return [Difference(key, old.get(key), value) for key, value in new.items() if old.get(key) != value]


def edit(
    session: Session, actor: Actor, section: str, values: Mapping[str, Any], *, now: datetime
) -> list[Fault]:
    """Keep the values of one section in the draft.

    Args:
        values: "section.key" -> value, of fields of this section; ranges were read by `fields.read`.
    Returns:
        What does not go together in this section; then nothing was kept.
    Raises:
        NotAllowed; NotFound: no such section or key; Refused: draft_of_another, draft_sent.
    """
    require(actor, Permission.RULES_PROPOSE)
    if any(field_of(key) is None or key.partition(".")[0] != section or key in READ_ONLY for key in values):
        raise NotFound("not_found")
    state = draft(session, actor)
    base = newest(session, now=now)
    after = with_changes(drafted(session, state, now=now), values)
    wrong = [fault for fault in faults(session, after, now=now) if section in fault.sections]
    if wrong:
        return wrong
    changes = {one.key: one.after for one in differences(base, after)}
    drafts.change(session, actor, EditorKind.POLICY, NAME, changes, now=now)
    return []


def propose(
    session: Session, actor: Actor, *, effective_on: date | None, reason: str, zone: str, now: datetime
) -> ApprovalRequest:
    """Send the draft to a second person.

    Raises:
        NotAllowed; NotFound: there is none.
        Refused: rules_clash (facts: code, keys), nothing_changes, and as `drafts.send`.
    """
    require(actor, Permission.RULES_PROPOSE)
    state = draft(session, actor)
    if state is None:
        raise NotFound("not_found")
    base, after = newest(session, now=now), drafted(session, state, now=now)
    wrong = faults(session, after, now=now)
    if wrong:
        raise Refused("rules_clash", fault=wrong[0].code, keys=", ".join(wrong[0].keys))
    changed = differences(base, after)
    if not changed:
        raise Refused("nothing_changes")
    facts = {
        "differences": [
            {"key": one.key, "before": _said(one.before), "after": _said(one.after)} for one in changed
        ]
    }
    return drafts.send(
        session, actor, EditorKind.POLICY, NAME, result=toml_of(after), facts=facts,
        effective_on=effective_on, reason=reason, zone=zone, now=now,
    )  # fmt: skip


def _said(value: Any) -> str:
    """A value as the approval keeps it: TOML, which has no floats here."""
    return toml_of({"_": {"v": value}}).split(" = ", 1)[1].strip()


def publish_on_approval(session: Session, actor: Actor, request: ApprovalRequest, *, now: datetime) -> None:
    """Put drafted rules in force, as a second person approved them. The effect of `policy`.

    Raises:
        NotAllowed: the approver wrote them. NotFound.
        Refused: decided_already, draft_moved: another version came first; rules_clash.
    """
    row = drafts.approved(session, actor, request)
    after = with_changes(newest(session, now=now), _known(_changes(row)))
    body = toml_of(after)
    drafts.refuse_moved(request, body)
    wrong = faults(session, after, now=now)
    if wrong:
        raise Refused("rules_clash", fault=wrong[0].code, keys=", ".join(wrong[0].keys))
    starts = drafts.starts_at(request, now=now)
    version = house_rules.publish(
        session, body, reason=request.reason, author_id=row.author_id, now=now, effective_at=starts
    )
    record(
        session, actor, "policy.published", version, account_id=None, now=now, reason=request.reason,
        facts={"author": row.author_id, "digest": version.body_digest, "from": starts},
    )  # fmt: skip
    outbox.queue_job(
        session,
        kind="ladder_look_again",
        key=f"ladder_look_again:{row.ref}",
        payload={},
        run_at=starts,
        now=now,
    )
    drafts.published(row, actor, request, now=now)


def _changes(row: EditorDraft) -> dict[str, Any]:
    return dict(json.loads(row.changes))


def versions(session: Session, actor: Actor, *, now: datetime) -> list[VersionRow]:
    """Return every version that was published, the newest first; the shipped rules are none of them."""
    require(actor, Permission.RULES_READ)
    rows = session.execute(
        select(PolicyVersion.id, PolicyVersion.effective_at, Staff.name, PolicyVersion.reason)
        .outerjoin(Staff, Staff.id == PolicyVersion.author_id)
        .where(PolicyVersion.kind == PolicyKind.HOUSE)
        .order_by(PolicyVersion.effective_at.desc(), PolicyVersion.id.desc())
    ).all()
    current = next((r.id for r in rows if r.effective_at <= now), None)
    return [VersionRow(r.id, r.effective_at, r.name, r.reason, r.id == current) for r in rows]


def version(session: Session, actor: Actor, number: int) -> Data:
    """Return a version as data; 0 is what was shipped.

    Raises: NotAllowed; NotFound.
    """
    require(actor, Permission.RULES_READ)
    if number == 0:
        return ordered(shipped())
    row = session.get(PolicyVersion, number)
    if row is None or row.kind is not PolicyKind.HOUSE:
        raise NotFound("not_found")
    return ordered(whole(row.body))


def begin_from(session: Session, actor: Actor, number: int, *, now: datetime) -> None:
    """Begin a draft that brings an older version back; published anew, history stays as it is.

    Keys that the page of ladders changes stay as they are now.

    Raises: NotAllowed; NotFound; Refused: nothing_changes, draft_of_another, draft_sent.
    """
    base = newest(session, now=now)
    changes = {
        one.key: one.after
        for one in differences(base, version(session, actor, number))
        if one.key not in READ_ONLY
    }
    if not changes:
        raise Refused("nothing_changes")
    drafts.change(session, actor, EditorKind.POLICY, NAME, changes, now=now)
