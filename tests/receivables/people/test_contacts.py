"""People at an account: added and corrected by a code to the new address, links of the old one end (L-03)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from models.accounts import Contact, ContactHasRole
from models.audit import AuditDetail, AuditEntry
from models.links import Channel, Link, LinkScope, LinkSession, OneTimeCode
from models.messages import Message, Purpose
from models.staff import Role
from models.store import Store
from receivables.contact import reminders
from receivables.contact.readers import paying_contacts
from receivables.errors import LinkGone, NotAllowed, NotFound, Refused
from receivables.people import contacts
from receivables.permissions import SYSTEM
from tests import factories as make
from tests.conftest import NOON
from tests.receivables.people.world import CALLER, World, another


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


@pytest.fixture
def quick(sqlite_store: Store) -> World:
    return World(sqlite_store)


def row(world: World, contact: Contact) -> Contact:
    with world.store.read() as s:
        return s.get_one(Contact, contact.id)


def add(world: World, **more: Any) -> Contact:
    facts = {"name": "Dana Levi", "address": "dana@tidewater.example", "pays": False, **more}
    return world.store.run(
        lambda s: contacts.add(s, world.actor, world.session_id, caller=CALLER, now=NOON, **facts)
    )


def prove(world: World, contact: Contact, code: str) -> contacts.Proved:
    return world.store.run(
        lambda s: contacts.prove_address(s, world.actor, world.session_id, contact.ref, code, now=NOON)
    )


def change(world: World, contact: Contact, address: str) -> OneTimeCode:
    return world.store.run(
        lambda s: contacts.change_address(
            s, world.actor, world.session_id, contact.ref, address=address, caller=CALLER, now=NOON
        )
    )


# --------------------------------------------------------------------------- adding


def test_a_new_person_counts_once_the_code_is_typed(world: World) -> None:
    """Issue B 8: until then nothing goes there but the code; then a link does."""
    dana = add(world, pays=True)
    assert not row(world, dana).is_active
    with world.store.read() as s:
        assert [p.name for p in contacts.people(s, world.actor)] == ["Helen Marsh", "Omar Reid"]
        asked = s.scalars(select(OneTimeCode)).one()
    assert (asked.address, asked.purpose) == ("dana@tidewater.example", f"contact:{dana.ref}")
    code = world.sent()
    assert not prove(world, dana, another(code)).tried.right
    assert not row(world, dana).is_active
    assert prove(world, dana, code) == contacts.Proved(tried=replace(prove_right(3)), own_link_ended=False)
    after = row(world, dana)
    assert (after.is_active, after.confirmed_at, after.may_commit) == (True, NOON, False)
    with world.store.read() as s:
        seen = {p.name: p for p in contacts.people(s, world.actor)}
        fresh = s.scalars(select(Message).where(Message.purpose == Purpose.FRESH_LINK)).one()
    assert seen["Dana Levi"].email == "d…@tidewater.example"
    assert seen["Dana Levi"].pays
    assert seen["Helen Marsh"].email == "helen@tidewater.example"
    assert fresh.contact_id == dana.id


def prove_right(left: int) -> Any:
    return contacts.codes.Tried(True, left)


def test_values_about_people_can_be_erased(quick: World) -> None:
    """Decision 16: name and address stand in the erasable part, ids and codes in the hashed one."""
    dana = add(quick)
    prove(quick, dana, quick.sent())
    with quick.store.read() as s:
        entry = s.scalars(select(AuditEntry).where(AuditEntry.code == "contact.added")).one()
        detail = s.scalars(select(AuditDetail).where(AuditDetail.audit_entry_id == entry.id)).one()
        everything = "".join(s.scalars(select(AuditEntry.payload)))
    assert "dana@tidewater.example" in detail.values
    assert "dana@" not in everything
    assert "Dana" not in everything


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"name": " \u202e "}, "name_missing"),
        ({"name": "x" * 81}, "name_too_long"),
        ({"name": "Win at evil.example now"}, "name_unfit"),
        ({"name": "https://evil"}, "name_unfit"),
        ({"address": ""}, "address_missing"),
        ({"address": "dana"}, "address_malformed"),
        ({"address": "dana@"}, "address_malformed"),
        ({"address": "a@b.example, c@d.example"}, "address_malformed"),
        ({"address": "x" * 5000 + "@a.example"}, "address_malformed"),
        ({"address": "0113 496 0142"}, "phone_without_country"),
        ({"address": "OMAR@tidewater.example"}, "address_known"),
        ({"address": "+44 113 496 0142"}, "address_known"),
    ],
)
def test_what_is_refused(quick: World, facts: dict[str, str], code: str) -> None:
    """X-08: named, and nothing is written."""
    with pytest.raises(Refused) as refused:
        add(quick, **facts)
    assert refused.value.code == code
    with quick.store.read() as s:
        assert len(s.scalars(select(Contact)).all()) == 2
        assert s.scalars(select(OneTimeCode)).all() == []


def test_asking_again_keeps_one_row(quick: World) -> None:
    """A person whose code was never typed is not written down twice."""
    assert add(quick).id == add(quick, name="Dana Levy").id


# --------------------------------------------------------------------------- correcting


def test_a_new_address_ends_links_to_the_old_one(world: World) -> None:
    """L-03: 410 at once, open sessions too; other channels stay; the fresh link goes to the new address."""
    by_sms = world.link(world.helen, Channel.SMS)
    change(world, world.helen, "helen.marsh@tidewater.example")
    assert row(world, world.helen).email == "helen@tidewater.example"
    code = world.sent()
    assert prove(world, world.helen, code).own_link_ended
    assert row(world, world.helen).email == "helen.marsh@tidewater.example"
    with pytest.raises(LinkGone):
        world.enter(world.token)
    with world.store.read() as s:
        assert s.get_one(LinkSession, world.session_id).revoked_at == NOON
        fresh = s.scalars(select(Message).where(Message.purpose == Purpose.FRESH_LINK)).one()
        reasons = s.scalars(select(Link.revoked_reason).where(Link.revoked_at.is_not(None))).all()
    assert (fresh.contact_id, reasons) == (world.helen.id, ["contact_changed"])
    assert world.enter(by_sms)


def test_another_persons_address(world: World) -> None:
    """Correcting Omar ends his links and leaves Helen inside."""
    token = world.link(world.omar)
    change(world, world.omar, "+44 7700 900123")
    assert not prove(world, world.omar, world.sent()).own_link_ended
    assert row(world, world.omar).phone == "+447700900123"
    assert world.enter(token), "a number beside the mail address ends no link of the mail address"
    change(world, world.omar, "omar.reid@tidewater.example")
    assert not prove(world, world.omar, world.sent()).own_link_ended
    with pytest.raises(LinkGone):
        world.enter(token)


def test_the_step_up_code_is_no_proof_of_an_address(quick: World) -> None:
    """L-08: each code is good for its own purpose."""
    change(quick, quick.omar, "omar.reid@tidewater.example")
    step_up = quick.ask()
    with pytest.raises(Refused, match="code_none"):
        prove(quick, quick.omar, quick.sent(step_up))
    code = quick.sent()
    assert row(quick, quick.omar).email == "omar@tidewater.example"
    with pytest.raises(Refused):
        prove(quick, quick.helen, code)


def test_an_address_taken_meanwhile(quick: World) -> None:
    """Two people can't end with one address."""
    code_row = change(quick, quick.omar, "desk@tidewater.example")
    with quick.store.write() as s:
        s.get_one(Contact, quick.helen.id).email = "desk@tidewater.example"
    with pytest.raises(Refused, match="address_known"):
        prove(quick, quick.omar, quick.sent(code_row))


def test_the_same_address_is_told(quick: World) -> None:
    with pytest.raises(Refused, match="address_same"):
        change(quick, quick.omar, " OMAR@tidewater.example ")
    with pytest.raises(Refused, match="address_known"):
        change(quick, quick.omar, "helen@tidewater.example")


def test_names_and_payers(quick: World) -> None:
    """A name is corrected at once; who pays decides where reminders go."""
    quick.store.run(
        lambda s: contacts.rename(s, quick.actor, quick.omar.ref, name="Omar  Reed", pays=True, now=NOON)
    )
    assert row(quick, quick.omar).name == "Omar Reed"
    with quick.store.read() as s:
        assert [c.name for c in paying_contacts(s, quick.account)] == ["Helen Marsh", "Omar Reed"]
    quick.store.run(
        lambda s: contacts.rename(s, quick.actor, quick.omar.ref, name="Omar Reed", pays=False, now=NOON)
    )
    with quick.store.read() as s:
        assert s.scalars(select(ContactHasRole.contact_id)).all() == [quick.helen.id]


# --------------------------------------------------------------------------- removing and confirming


def test_removing_ends_links_and_never_the_last(world: World) -> None:
    """Issue B 8: somebody who can get a code always stays."""
    token = world.link(world.omar)
    world.store.run(lambda s: contacts.remove(s, world.actor, world.omar.ref, now=NOON))
    assert not row(world, world.omar).is_active
    with pytest.raises(LinkGone):
        world.enter(token)
    with pytest.raises(Refused, match="last_contact"):
        world.store.run(lambda s: contacts.remove(s, world.actor, world.helen.ref, now=NOON))
    with pytest.raises(NotFound):
        world.store.run(lambda s: contacts.remove(s, world.actor, world.omar.ref, now=NOON))


def test_whom_staff_added_is_confirmed_by_another(quick: World) -> None:
    """Decision 6: an old contact vouches; nobody for himself; an unconfirmed one keeps no account alive."""
    with quick.store.write() as s:
        person = make.a_person(s, Role.COLLECTOR)
        omar = s.get_one(Contact, quick.omar.id)
        omar.changed_by_staff_id, omar.confirmed_at = person.id, None
    with quick.store.read() as s:
        assert contacts.person(s, quick.actor, quick.omar.ref).unconfirmed
    with pytest.raises(Refused, match="last_contact"):
        quick.store.run(lambda s: contacts.remove(s, quick.actor, quick.helen.ref, now=NOON))
    with pytest.raises(Refused, match="confirm_yourself"):
        quick.store.run(lambda s: contacts.confirm(s, quick.actor, quick.helen.ref, now=NOON))
    quick.store.run(lambda s: contacts.confirm(s, quick.actor, quick.omar.ref, now=NOON))
    with quick.store.read() as s:
        assert not contacts.person(s, quick.actor, quick.omar.ref).unconfirmed


def test_strangers_and_narrow_links(quick: World) -> None:
    """L-15, decision 6: another account's people are not found; a link of staff changes nobody."""
    stranger = World(quick.store)
    for act in (contacts.person, lambda s, a, r: contacts.remove(s, a, r, now=NOON)):
        with pytest.raises(NotFound):
            quick.store.run(lambda s, act=act: act(s, stranger.actor, quick.omar.ref))
    for scope in (LinkScope.VIEW_AND_PAY, LinkScope.ONE_INVOICE):
        narrow = replace(quick.actor, scope=scope)
        with pytest.raises(NotAllowed):
            quick.store.run(lambda s, a=narrow: contacts.people(s, a))
        with pytest.raises(NotAllowed):
            quick.store.run(lambda s, a=narrow: contacts.remove(s, a, quick.omar.ref, now=NOON))


# --------------------------------------------------------------------------- how to write


def prefer(world: World, channel: str = "", start: str = "", end: str = "") -> Contact:
    return world.store.run(
        lambda s: contacts.prefer(s, world.actor, channel=channel, quiet_from=start, quiet_to=end, now=NOON)
    )


def test_the_chosen_channel_gets_the_reminder(world: World) -> None:
    """Issue B 8: one reminder by the channel that Helen chose, and none by the other."""
    prefer(world, "sms")

    def remind() -> list[tuple[int, Channel]]:
        with world.store.write() as s:
            queued = reminders.remind(s, SYSTEM, world.account, now=NOON)
            return [(m.contact_id, m.channel) for m in queued]

    assert remind() == [(world.helen.id, Channel.SMS)]
    prefer(world)
    assert remind() == [(world.helen.id, Channel.EMAIL), (world.helen.id, Channel.SMS)]


@pytest.mark.parametrize(
    ("start", "end", "code"),
    [
        ("9:00", "", "quiet_half"),
        ("9:00", "25:00", "quiet_malformed"),
        ("nine", "ten", "quiet_malformed"),
        ("07:00", "19:00", "quiet_too_long"),
        ("10:01", "09:00", "quiet_too_long"),
    ],
)
def test_quiet_hours_that_are_refused(quick: World, start: str, end: str, code: str) -> None:
    """Bad input: half a span, no time at all, or one that leaves us under two hours of the window."""
    with pytest.raises(Refused, match=code):
        prefer(quick, start=start, end=end)
    assert row(quick, quick.helen).quiet_from is None


def test_quiet_hours_are_kept(quick: World) -> None:
    prefer(quick, start="9:00", end="13:30")
    assert (row(quick, quick.helen).quiet_from, row(quick, quick.helen).quiet_to) == ("09:00", "13:30")
    prefer(quick, start="20:00", end="20:00")
    assert row(quick, quick.helen).quiet_from is None
    with pytest.raises(NotFound):
        prefer(quick, "letter")


def test_proof_grows_with_time(quick: World) -> None:
    """A code for an address is good ten minutes like every other."""
    dana = add(quick)
    code = quick.sent()
    with pytest.raises(Refused, match="code_over"):
        quick.store.run(
            lambda s: contacts.prove_address(
                s, quick.actor, quick.session_id, dana.ref, code, now=NOON + timedelta(minutes=10)
            )
        )
