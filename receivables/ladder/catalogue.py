"""Which ladders there are to read: shipped, published, planned and proposed, and who climbs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from models.accounts import Account
from models.invoices import Invoice
from models.ladder import LadderVersion
from models.rules import RulesDraft, RulesKind
from models.staff import Staff
from models.states import DraftStatus, InvoiceStatus
from receivables.errors import NotFound
from receivables.ladder.rungs import BadLadder, Ladder, preset, preset_body, preset_names, read_ladder
from receivables.permissions import Actor, Permission, require
from receivables.policy import current_policy


@dataclass(frozen=True, slots=True)
class Version:
    """One published version: who wrote it, who put it in force, from when, and why.

    state: "in_force", "planned" (its day is still to come) or "past".
    """

    id: int
    name: str
    effective_at: datetime
    author: str
    approver: str
    reason: str
    body: str
    state: str


@dataclass(frozen=True, slots=True)
class InForce:
    """One ladder as it is climbed now.

    Attributes:
        since: of its published version; None for one as it ships.
        default, prepayments: whether the house's rules choose it so.
        segments: kinds of debtor that climb it by the rules.
        accounts, invoices: whose own it is, by a person's choice.
    """

    key: str
    ladder: Ladder
    since: datetime | None
    default: bool
    prepayments: bool
    segments: tuple[str, ...]
    accounts: int
    invoices: int


@dataclass(frozen=True, slots=True)
class Source:
    """Something to read or to begin from; `key` names it in an address.

    what: "in_force", "shipped" (under a published one), "version" or "proposal".
    """

    key: str
    what: str
    name: str
    body: str
    ladder: Ladder
    at: datetime | None = None


def versions(session: Session, actor: Actor, *, now: datetime) -> list[Version]:
    """Return every published version, the newest first."""
    require(actor, Permission.RULES_READ)
    author, approver = aliased(Staff), aliased(Staff)
    rows = session.execute(
        select(LadderVersion, author.name, approver.name)
        .outerjoin(author, author.id == LadderVersion.author_id)
        .outerjoin(approver, approver.id == LadderVersion.approver_id)
        .order_by(LadderVersion.effective_at.desc(), LadderVersion.id.desc())
    )
    found, newest = [], set[str]()
    for row, by, agreed in rows:
        state = "planned" if row.effective_at > now else "past" if row.name in newest else "in_force"
        if state == "in_force":
            newest.add(row.name)
        found.append(
            Version(row.id, row.name, row.effective_at, by or "", agreed or "", row.reason, row.body, state)
        )
    return found


def in_force(session: Session, actor: Actor, *, now: datetime) -> list[InForce]:
    """Return the ladders that can be climbed now, the default first."""
    known = [source for source in sources(session, actor, now=now) if source.what == "in_force"]
    rules = current_policy(session, now).ladders
    accounts = _counts(session, select(Account.ladder, func.count()).group_by(Account.ladder))
    invoices = _counts(
        session,
        select(Invoice.ladder, func.count())
        .where(Invoice.status == InvoiceStatus.OPEN, Invoice.ladder.is_not(None))
        .group_by(Invoice.ladder),
    )
    rows = [
        InForce(
            source.key, source.ladder, source.at, rules.default == source.name,
            rules.prepayments == source.name,
            tuple(segment for segment, name in sorted(rules.by_segment.items()) if name == source.name),
            accounts.get(source.name, 0), invoices.get(source.name, 0),
        )
        for source in known
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (not row.default, row.ladder.name))


def sources(session: Session, actor: Actor, *, now: datetime) -> list[Source]:
    """Return all that can be read and compared: in force, then as shipped, then versions and proposals."""
    published = versions(session, actor, now=now)
    current = {version.name: version for version in published if version.state == "in_force"}
    found = [
        Source(name, "in_force", name, version.body, _read(version), version.effective_at)
        for name, version in current.items()
    ]
    found += [
        Source(name, "in_force", name, preset_body(name), preset(name))
        for name in preset_names()
        if name not in current
    ]
    found.sort(key=lambda source: source.name)
    found += [
        Source(f"{name}-shipped", "shipped", name, preset_body(name), preset(name))
        for name in preset_names()
        if name in current
    ]
    found += [
        Source(f"v{v.id}", "version", v.name, v.body, _read(v), v.effective_at)
        for v in published
        if v.state != "in_force"
    ]
    drafts = session.scalars(
        select(RulesDraft)
        .where(RulesDraft.kind == RulesKind.LADDER, RulesDraft.status == DraftStatus.PROPOSED)
        .order_by(RulesDraft.id)
    )
    for draft in drafts:
        try:
            ladder = read_ladder(draft.body)
        except BadLadder:
            continue  # it was whole when it was proposed; its own page says what is wrong by now
        found.append(Source(f"d-{draft.ref}", "proposal", draft.name, draft.body, ladder, draft.made_at))
    return found


def find(known: Sequence[Source], key: str) -> Source:
    """Return one of the sources. Raises: NotFound."""
    for source in known:
        if source.key == key:
            return source
    raise NotFound("not_found")


def _read(version: Version) -> Ladder:
    return read_ladder(version.body, version.id)


def _counts(session: Session, query: object) -> dict[str | None, int]:
    return {row[0]: row[1] for row in session.execute(query)}  # type: ignore[call-overload]
