"""One-time codes: every limit of L-08, one proof of one code (L-06), who may get one (decision 6)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

import models
from models.links import Channel, LinkSession, OneTimeCode
from models.messages import Message
from models.staff import Role
from models.store import Store
from receivables import links
from receivables.errors import NotAllowed, NotFound, Refused, TooManyTries
from receivables.people import codes
from receivables.permissions import Actor
from tests import factories as make
from tests.conftest import NOON
from tests.effort import REPEATS
from tests.races import together
from tests.receivables.people.world import CALLER, POLICY, World, another


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


@pytest.fixture
def quick(sqlite_store: Store) -> World:
    return World(sqlite_store)


def proved_at(world: World) -> object:
    with world.store.read() as s:
        return s.get_one(LinkSession, world.session_id).proved_at


# --------------------------------------------------------------------------- a code and its proof


def test_the_right_code_proves_the_session_once(world: World) -> None:
    """L-08, V6.5.1: right once, then over; the session is proved at the moment of the try."""
    world.ask()
    code = world.sent()
    later = NOON + timedelta(minutes=1)
    assert proved_at(world) is None
    assert world.prove(code, later=later) == codes.Tried(True, 4)
    assert proved_at(world) == later
    with pytest.raises(Refused, match="code_over"):
        world.prove(code, later=later)


def test_twenty_at_once_prove_once(store: Store) -> None:
    """L-06: 20 parallel tries of one right code are one proof, on both databases."""
    for _ in range(REPEATS):
        world = World(store)
        world.ask(caller=f"caller-{world.account.id}")
        code = world.sent()
        answers = together(20, lambda _, w=world, c=code: w.prove(c))
        right = [a for a in answers if isinstance(a, codes.Tried) and a.right]
        assert len(right) == 1, answers
        assert all(isinstance(a, Refused) and a.code == "code_over" for a in answers if a is not right[0])


def test_twenty_wrong_at_once_are_five_tries(world: World) -> None:
    """L-08: the limit holds for many at once; the right code after them is over."""
    world.ask()
    code = world.sent()
    answers = together(20, lambda _: world.prove(another(code)))
    assert sorted(a.left for a in answers if isinstance(a, codes.Tried)) == [0, 1, 2, 3, 4]
    with pytest.raises(Refused, match="code_over"):
        world.prove(code)


def test_six_digits_of_chance_and_only_their_digest(quick: World) -> None:
    """L-08: at least six digits; no table holds the clear code, equal codes have other digests."""
    seen = set()
    quick.ask()
    for _ in range(20):
        code = quick.sent()
        assert re.fullmatch(r"\d{6}", code)
        seen.add(code)
        with quick.store.read() as s:
            row = s.scalars(select(OneTimeCode)).one()
            assert row.code_digest is not None
            dump = "".join(
                repr(tuple(r))
                for table in models.Base.metadata.sorted_tables
                for r in s.execute(select(table))
            )
        assert f"'{code}'" not in dump
        assert row.code_digest != links.digest(code)
    assert len(seen) > 15


def test_ten_minutes_from_the_sending(quick: World) -> None:
    """L-08, V6.5.5: good for ten minutes, not a second more."""
    quick.ask()
    code = quick.sent()
    end = NOON + timedelta(minutes=POLICY.step_up.valid_minutes)
    with pytest.raises(Refused, match="code_over"):
        quick.prove(code, later=end)
    assert quick.prove(code, later=end - timedelta(seconds=1)).right


def test_five_tries(quick: World) -> None:
    """L-08: after five wrong tries the right one is over; a new code works."""
    quick.ask()
    code = quick.sent()
    assert [quick.prove(another(code)).left for _ in range(5)] == [4, 3, 2, 1, 0]
    with pytest.raises(Refused, match="code_over"):
        quick.prove(code)
    quick.ask(later=NOON + timedelta(minutes=1))
    assert quick.prove(quick.sent()).right


def test_what_is_no_code_costs_no_try(quick: World) -> None:
    """X-10: an empty or unreadable field is told and not counted; spaces and other digits are read."""
    quick.ask()
    code = quick.sent()
    for text in ("", "\u200f "):
        with pytest.raises(Refused, match="code_empty"):
            quick.prove(text)
    for text in ("12345", "12345a", "1" * 40, "½23456"):
        with pytest.raises(Refused, match="code_malformed"):
            quick.prove(text)
    arabic = code.translate({ord(str(d)): 0x660 + d for d in range(10)})
    assert quick.prove(f" {arabic[:3]}-{arabic[3:]}\u2069 ") == codes.Tried(True, 4)


def test_bound_to_its_session(quick: World) -> None:
    """V6.6.2: the code of one session is nothing in another, even of the same link."""
    quick.ask()
    code = quick.sent()
    actor, other = quick.enter(quick.token)
    with pytest.raises(Refused, match="code_none"):
        quick.store.run(lambda s: codes.prove(s, actor, other, code, now=NOON))
    stranger = World(quick.store)
    with pytest.raises(NotFound):
        quick.store.run(lambda s: codes.prove(s, stranger.actor, quick.session_id, code, now=NOON))
    assert proved_at(quick) is None
    assert quick.prove(code).right


def test_the_last_code_counts(quick: World) -> None:
    """Another code replaces the one before as soon as it left; until then the old one is good."""
    quick.ask()
    first = quick.sent()
    second_row = quick.ask(later=NOON + timedelta(minutes=1))
    assert second_row.code_digest is None
    second = quick.sent(second_row)
    if first != second:
        assert not quick.prove(first).right
    assert quick.prove(second).right


def test_before_any_code_left(quick: World) -> None:
    quick.ask()
    with pytest.raises(Refused, match="code_none"):
        quick.prove("123456")


# --------------------------------------------------------------------------- how many


def test_three_an_hour_for_an_account(world: World) -> None:
    """L-08: whoever of the account asks, from wherever, at the fourth the answer is no for a while."""
    for n in range(3):
        world.ask(caller=f"caller-{n}", later=NOON + timedelta(minutes=n))
    with pytest.raises(TooManyTries) as refused:
        world.ask(contact=world.omar, caller="caller-9", later=NOON + timedelta(minutes=10))
    assert refused.value.facts == {"minutes": 50}
    assert world.ask(caller="caller-9", later=NOON + timedelta(minutes=60)).id


def test_three_an_hour_for_a_caller(store: Store) -> None:
    """L-08, V6.6.3: one network prefix gets three codes an hour over all accounts."""
    worlds = [World(store) for _ in range(4)]
    for world in worlds[:3]:
        world.ask()
    with pytest.raises(TooManyTries):
        worlds[3].ask()
    assert worlds[3].ask(caller="203.0.113.0/24").id
    assert worlds[3].ask(caller=CALLER, later=NOON + timedelta(minutes=61)).id


def test_limits_hold_for_many_at_once(world: World) -> None:
    """L-08, L-11: of ten that ask in one moment for ten sessions three get a code."""
    inside = [world.enter(world.token) for _ in range(10)]
    answers = together(
        10, lambda n: world.ask(actor=inside[n][0], session_id=inside[n][1], caller=f"caller-{n}")
    )
    assert sum(isinstance(a, OneTimeCode) for a in answers) == 3
    assert sum(isinstance(a, TooManyTries) for a in answers) == 7


def test_a_restart_forgives_nothing(world: World) -> None:
    """L-08: tries and codes are counted in rows; another process sees them all."""
    world.ask()
    code = world.sent()
    for _ in range(4):
        world.prove(another(code))
    for n in (1, 2):
        world.ask(later=NOON + timedelta(minutes=n))
    again = Store(world.store.url.render_as_string(hide_password=False))
    try:
        with pytest.raises(TooManyTries):
            again.run(
                lambda s: codes.ask_code(
                    s, world.actor, world.session_id, world.omar.ref, Channel.EMAIL,
                    caller="elsewhere", now=NOON + timedelta(minutes=3),
                )
            )  # fmt: skip
        tried = again.run(lambda s: codes.prove(s, world.actor, world.session_id, another(code), now=NOON))
        assert tried == codes.Tried(False, 0)
    finally:
        again.dispose()


def test_a_button_pressed_twice_asks_once(quick: World) -> None:
    first = quick.ask()
    assert quick.ask(later=NOON + timedelta(seconds=20)).id == first.id
    assert quick.ask(channel=Channel.SMS, later=NOON + timedelta(seconds=20)).id != first.id
    with quick.store.read() as s:
        assert len(s.scalars(select(Message)).all()) == 2


# --------------------------------------------------------------------------- to whom


def shown(world: World, actor: Actor | None = None) -> list[str]:
    with world.store.read() as s:
        return [a.shown for a in codes.addresses(s, actor or world.actor)]


def test_addresses_on_file_are_masked(quick: World) -> None:
    """Decision 8: his own first, others after; nothing that could be used."""
    assert shown(quick) == ["h…@tidewater.example", "…142", "o…@tidewater.example"]


def test_whom_staff_added_gets_no_code(quick: World) -> None:
    """Decision 6: only after confirmation through an old contact."""
    with quick.store.write() as s:
        person = make.a_person(s, Role.COLLECTOR)
        omar = s.get_one(type(quick.omar), quick.omar.id)
        omar.changed_by_staff_id, omar.confirmed_at = person.id, None
    assert shown(quick) == ["h…@tidewater.example", "…142"]
    with pytest.raises(NotFound):
        quick.ask(contact=quick.omar)
    with quick.store.write() as s:
        s.get_one(type(quick.omar), quick.omar.id).confirmed_at = NOON
    assert quick.ask(contact=quick.omar).id


def test_a_link_of_staff_gets_no_code(quick: World) -> None:
    """Decision 6: view and pay only."""
    with quick.store.write() as s:
        person = make.a_person(s, Role.COLLECTOR)
        _, token = links.issue(
            s, make.staff_actor(person), quick.account, contact=None, channel=Channel.STAFF,
            policy=POLICY, now=NOON,
        )  # fmt: skip
    actor, session_id = quick.enter(token)
    with pytest.raises(NotAllowed):
        shown(quick, actor)
    with pytest.raises(NotAllowed):
        quick.ask(actor=actor, session_id=session_id)


def test_foreign_and_inactive_contacts_are_not_found(quick: World) -> None:
    """L-15: a contact of another account, one who left, a channel without an address."""
    stranger = World(quick.store)
    with pytest.raises(NotFound):
        quick.ask(contact=stranger.helen)
    with pytest.raises(NotFound):
        quick.ask(contact=quick.omar, channel=Channel.SMS)
    with quick.store.write() as s:
        s.get_one(type(quick.omar), quick.omar.id).is_active = False
    with pytest.raises(NotFound):
        quick.ask(contact=quick.omar)
    with pytest.raises(NotFound):
        quick.ask(session_id=stranger.session_id)
