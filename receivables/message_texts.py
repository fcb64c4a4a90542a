"""Texts of messages that were published at the desk; until one was, the shipped files speak (C-08).

A version is one kind of message, whole in every language. The message keeps the version that it was made
from: `template_version` "v17-0c9fe21a" is row 17 of `text_version`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.editing import TextVersion
from models.staff import Staff
from receivables.reading_ahead import read_already


@dataclass(frozen=True, slots=True)
class Published:
    """One published version of a kind: its texts by "language/part"."""

    id: int
    kind: str
    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version as its list shows it."""

    id: int
    kind: str
    effective_at: datetime
    author: str
    approver: str
    reason: str


def in_force(session: Session, kinds: Collection[str], *, now: datetime) -> dict[str, Published]:
    """Return the versions in force of some kinds; a kind that was never published is absent."""
    if not kinds:
        return {}
    # The newest by its first moment; of two with the same the later row.
    ranked = (
        select(
            TextVersion.id,
            func.row_number()
            .over(
                partition_by=TextVersion.kind,
                order_by=(TextVersion.effective_at.desc(), TextVersion.id.desc()),
            )
            .label("place"),
        )
        .where(TextVersion.kind.in_(sorted(kinds)), TextVersion.effective_at <= now)
        .subquery()
    )
    rows = session.execute(
        select(TextVersion.id, TextVersion.kind, TextVersion.body).where(
            TextVersion.id.in_(select(ranked.c.id).where(ranked.c.place == 1))
        )
    )
    return {r.kind: Published(r.id, r.kind, json.loads(r.body)) for r in rows}


def texts_for(session: Session, kind: str, *, now: datetime) -> Mapping[str, Published]:
    """Return the versions that a message of a kind is made from: its own, and the neutral notice that may
    stand in for it. A bundle of messages reads them once (`texts` of reading_ahead)."""
    ahead = read_already(session, "texts", "all")
    wanted = (kind, "neutral_notice")
    if ahead is not None:
        return {one: ahead[one] for one in wanted if one in ahead}
    return in_force(session, wanted, now=now)


def versions(session: Session, kind: str) -> list[VersionRow]:
    """Return every published version of a kind, the newest first."""
    author, approver = (select(Staff.id, Staff.name).subquery() for _ in range(2))
    rows = session.execute(
        select(
            TextVersion.id, TextVersion.kind, TextVersion.effective_at, author.c.name, approver.c.name,
            TextVersion.reason,
        )
        .join(author, author.c.id == TextVersion.author_id)
        .join(approver, approver.c.id == TextVersion.approver_id)
        .where(TextVersion.kind == kind)
        .order_by(TextVersion.effective_at.desc(), TextVersion.id.desc())
    )  # fmt: skip
    return [VersionRow(*r) for r in rows]


def version(session: Session, number: int) -> TextVersion | None:
    """Return one version."""
    return session.get(TextVersion, number)
