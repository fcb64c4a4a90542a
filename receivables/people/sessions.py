"""The account pages that a contact has open, and ending them (L-16)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.links import Channel, Link, LinkSession
from receivables import links
from receivables.audit import record
from receivables.errors import NotFound
from receivables.permissions import Actor, Permission, require


@dataclass(frozen=True, slots=True)
class OpenSession:
    """One open account page; `browser` and `system` are None where the device did not say."""

    handle: str
    started_at: datetime
    channel: Channel
    browser: str | None
    system: str | None
    proved: bool
    mine: bool


def live(session: Session, actor: Actor, session_id: int, *, now: datetime) -> list[OpenSession]:
    """Return the live sessions of links that this contact holds, the present one first.

    Args:
        session_id: the session that looks.
    """
    rows = _rows(session, actor, now=now)
    found = []
    for opened, link in rows:
        browser, _, system = (opened.device or "").partition("/")
        found.append(
            OpenSession(
                handle=_handle(opened),
                started_at=opened.started_at,
                channel=link.channel,
                browser=browser or None,
                system=system or None,
                proved=opened.proved_at is not None,
                mine=opened.id == session_id,
            )
        )
    return sorted(found, key=lambda s: not s.mine)


def _rows(session: Session, actor: Actor, *, now: datetime) -> list[tuple[LinkSession, Link]]:
    require(actor, Permission.SESSION_END, account_id=actor.account_id)
    return [
        (row.LinkSession, row.Link)
        for row in session.execute(
            select(LinkSession, Link)
            .join(Link, Link.id == LinkSession.link_id)
            .where(
                Link.account_id == actor.account_id,
                Link.contact_id == actor.contact_id,
                Link.revoked_at.is_(None),
                LinkSession.revoked_at.is_(None),
                LinkSession.ends_at > now,
            )
            .order_by(LinkSession.id.desc())
        )
    ]


def _handle(opened: LinkSession) -> str:
    """A name for a page: the start of the digest, which says nothing of the token (L-02)."""
    return opened.session_digest[:24]


def end(session: Session, actor: Actor, handle: str, *, now: datetime) -> int:
    """End one session of this contact; returns its id.

    Raises:
        NotFound: none of his, or over already.
    """
    for opened, _link in _rows(session, actor, now=now):
        if _handle(opened) == handle:
            _close(session, actor, opened, now=now)
            links.end_descendants(session, opened.link_id, reason="page_closed", now=now, keep=actor.id)
            return opened.id
    raise NotFound("not_found")


def end_others(session: Session, actor: Actor, session_id: int, *, now: datetime) -> int:
    """End every session of this contact but the one that asks; returns how many.

    Links made for another device end too, opened yet or not, except the one of this session.
    """
    others = [opened for opened, _link in _rows(session, actor, now=now) if opened.id != session_id]
    for opened in others:
        _close(session, actor, opened, now=now)
    held = session.scalars(
        select(Link.id).where(Link.account_id == actor.account_id, Link.contact_id == actor.contact_id)
    )
    for link_id in held.all():
        links.end_descendants(session, link_id, reason="page_closed", now=now, keep=actor.id)
    return len(others)


def _close(session: Session, actor: Actor, opened: LinkSession, *, now: datetime) -> None:
    opened.revoked_at = now
    record(session, actor, "link_session.ended", opened, account_id=actor.account_id, now=now)
