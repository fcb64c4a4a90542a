"""Where an account page is open, and ending it there (L-16)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from models.audit import AuditEntry
from models.links import Channel, LinkScope, LinkSession
from models.store import Store
from receivables.errors import NotAllowed, NotFound
from receivables.people import sessions
from tests.conftest import NOON
from tests.receivables.people.world import POLICY, World


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def seen(world: World) -> list[sessions.OpenSession]:
    with world.store.read() as s:
        return sessions.live(s, world.actor, world.session_id, now=NOON)


def test_own_pages_and_no_others(world: World) -> None:
    """L-16: of every link that Helen holds, this one first and marked; Omar's and other accounts' never."""
    world.enter(world.token, device="Firefox/Android")
    world.enter(world.link(world.helen, Channel.SMS), device="Safari/iPhone")
    world.enter(world.link(world.omar), device="Edge/Windows")
    World(world.store)
    rows = seen(world)
    assert [(r.browser, r.system, r.channel.value, r.mine) for r in rows] == [
        (None, None, "email", True),
        ("Safari", "iPhone", "sms", False),
        ("Firefox", "Android", "email", False),
    ]
    assert len({r.handle for r in rows}) == 3
    with world.store.read() as s:
        later = NOON + POLICY.debtor_absolute
        assert sessions.live(s, world.actor, world.session_id, now=later) == []


def test_ending_one_and_all_others(world: World) -> None:
    """L-16: what is ended is ended at once; the one that asks stays; each is in the audit."""
    _, phone = world.enter(world.token)
    world.enter(world.token)
    handle = next(r.handle for r in seen(world) if not r.mine)
    world.store.run(lambda s: sessions.end(s, world.actor, handle, now=NOON))
    assert len(seen(world)) == 2
    with pytest.raises(NotFound):
        world.store.run(lambda s: sessions.end(s, world.actor, handle, now=NOON))
    assert world.store.run(lambda s: sessions.end_others(s, world.actor, world.session_id, now=NOON)) == 1
    assert [r.mine for r in seen(world)] == [True]
    with world.store.read() as s:
        assert s.get_one(LinkSession, phone).revoked_at == NOON
        codes = s.scalars(select(AuditEntry.code)).all()
    assert codes.count("link_session.ended") == 2


def test_a_stranger_ends_nothing(world: World) -> None:
    """L-15: a handle of somebody else is not found; a link of staff may not ask."""
    stranger = World(world.store)
    handle = seen(world)[0].handle
    with pytest.raises(NotFound):
        world.store.run(lambda s: sessions.end(s, stranger.actor, handle, now=NOON))
    omar, omars = world.enter(world.link(world.omar))
    with pytest.raises(NotFound):
        world.store.run(lambda s: sessions.end(s, omar, handle, now=NOON))
    world.store.run(lambda s: sessions.end_others(s, omar, omars, now=NOON + timedelta(minutes=1)))
    assert len(seen(world)) == 1


def test_narrow_links_see_no_pages(world: World) -> None:
    """Decision 6: a forwarded link sees its invoice only."""
    with pytest.raises(NotAllowed), world.store.read() as s:
        sessions.live(s, replace(world.actor, scope=LinkScope.ONE_INVOICE), world.session_id, now=NOON)
