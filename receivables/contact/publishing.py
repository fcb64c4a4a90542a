"""Rules of contact, proposed by one person and published by another, with what a version changes.

Source: A-02; C-04; requirements.md 5, "Policy table".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.rules import RulesDraft, RulesKind
from models.work import PolicyKind, PolicyVersion
from receivables import rule_drafts
from receivables.contact.rule_rows import (
    BadContactRules,
    ContactRules,
    Row,
    current_rules,
    publish_rules,
    read_rules,
    refuse_never,
)
from receivables.errors import Refused
from receivables.permissions import Actor, Permission, require
from receivables.policy import current_policy
from receivables.toml_lines import line_of, line_of_error


def check_rules(session: Session, body: str, *, now: datetime) -> ContactRules:
    """Read rules that somebody wants to put in force, with the house's own hours counted in.

    Raises:
        BadContactRules: by name, see its codes; `never` for rules that leave somebody no hour at all.
        Refused: nothing_changes.
    """
    rules = read_rules(body)
    policy = current_policy(session, now)
    refuse_never(rules, (policy.contact_from, policy.contact_to))
    before = current_rules(session, now)
    if (rules.role, rules.rows) == (before.role, before.rows):
        raise Refused("nothing_changes")
    return rules


def line_of_bad(body: str, error: BadContactRules) -> int | None:
    """Return the line of a body that a refusal is about; None where no single line is."""
    facts = error.facts
    if error.code == "not_toml":
        return line_of_error(str(facts["what"]))
    rows = facts.get("rows") or [facts.get("row", "")]
    said = [str(facts["key"])] if "key" in facts else []
    said += {"unsourced": ["grade"], "no_reason": ["on"], "never": ["window"], "twice": ["id"]}.get(
        error.code, []
    )
    lines = [line_of(body, "row", "id", "" if row == "?" else str(row), said) for row in reversed(rows)]
    return next((line for line in lines if line is not None), None)


def propose_rules(
    session: Session,
    actor: Actor,
    body: str,
    *,
    reason: str,
    effective_on: date | None = None,
    zone: str,
    now: datetime,
) -> RulesDraft:
    """Put a version of the rules of contact forward.

    Args:
        effective_on: first day in force by the house's date, not before today; None when published.
        zone: IANA zone of the house.
    Raises:
        NotAllowed: the actor may not propose, or is no person.
        BadContactRules: they cannot be used; the code says why.
        Refused: reason_missing, words_too_long, effective_past, draft_waits, nothing_changes.
    """
    check_rules(session, body, now=now)
    return rule_drafts.put_forward(
        session, actor, RulesKind.CONTACT, name=RulesKind.CONTACT.value, body=body, reason=reason,
        effective_on=effective_on, zone=zone, now=now,
    )  # fmt: skip


def publish_proposed(
    session: Session, actor: Actor, ref: str, *, zone: str, proved_at: datetime | None = None, now: datetime
) -> RulesDraft:
    """Put proposed rules of contact in force.

    Args:
        proved_at: when the actor last gave password and code, see `rule_drafts.to_publish`.
    Raises:
        NotAllowed: the actor may not publish, or `own_proposal`.
        NotFound: no such proposal.
        BadContactRules: they cannot be used any more, such as after the house's hours changed.
        Refused: decided_already, nothing_changes, and those of one who decides alone.
    """
    draft = rule_drafts.to_publish(session, actor, ref, RulesKind.CONTACT, proved_at=proved_at, now=now)
    check_rules(session, draft.body, now=now)
    version = publish_rules(
        session, actor, draft.body, author_id=draft.author_id, reason=draft.reason,
        policy=current_policy(session, now),
        effective_at=rule_drafts.starts_at(draft, zone=zone, now=now), is_alone=draft.is_alone, now=now,
    )  # fmt: skip
    return rule_drafts.published(draft, actor, policy=version.id, now=now)


# --------------------------------------------------------------------------- reading


@dataclass(frozen=True, slots=True)
class RowLine:
    """One row before and after; `differs` names what of it is not the same."""

    before: Row | None
    after: Row | None
    differs: frozenset[str]

    @property
    def mark(self) -> str:
        """How it stands: same, changed, only_left (it goes), only_right (it comes)."""
        if self.before is None:
            return "only_right"
        if self.after is None:
            return "only_left"
        return "changed" if self.differs else "same"


def side_by_side(before: ContactRules, after: ContactRules) -> list[RowLine]:
    """Return the rows of two versions by their ids, in the order of the second; rows that go come last."""
    old = {row.id: row for row in before.rows}
    lines = [_line(old.pop(row.id, None), row) for row in after.rows]
    return lines + [_line(row, None) for row in old.values()]


def _line(before: Row | None, after: Row | None) -> RowLine:
    if before is None or after is None:
        return RowLine(before, after, frozenset())
    names = [one.name for one in fields(Row)]
    return RowLine(before, after, frozenset(n for n in names if getattr(before, n) != getattr(after, n)))


@dataclass(frozen=True, slots=True)
class PastVersion:
    """A version of the rules of contact that was put in force."""

    id: int
    effective_at: datetime
    reason: str
    body: str


def past_versions(session: Session, actor: Actor) -> Sequence[PastVersion]:
    """Return every published version, the newest first; the shipped one is none of them."""
    require(actor, Permission.RULES_READ)
    rows = session.execute(
        select(PolicyVersion.id, PolicyVersion.effective_at, PolicyVersion.reason, PolicyVersion.body)
        .where(PolicyVersion.kind == PolicyKind.CONTACT)
        .order_by(PolicyVersion.effective_at.desc(), PolicyVersion.id.desc())
    )
    return [PastVersion(*row) for row in rows]
