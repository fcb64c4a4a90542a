"""The right person, added by staff from what was said: reminded, and never asked for a code (decision 6)."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from models.accounts import Account, Contact, ContactHasRole, ContactRole
from models.answers import AnswerKind, Request
from models.audit import AuditEntry
from models.staff import Role
from models.store import Store
from receivables.answers import giving
from receivables.answers.giving import Facts
from receivables.contact.readers import paying_contacts
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.people import codes, named
from receivables.permissions import Actor
from tests import factories as make
from tests.conftest import NOON


@pytest.fixture
def account(store: Store) -> Account:
    with store.write() as session:
        account = make.an_account(session, make.a_creditor(session))
        make.an_invoice(session, account, total=57600)
        return account


def asked(store: Store, account: Account, **facts: str) -> str:
    """Say that somebody else is the right person; returns the request."""

    def unit(session: object) -> None:
        with_contact = session.scalars(select(Contact)).one()  # type: ignore[attr-defined]
        holder = make.holder_actor(account, with_contact)
        giving.give(session, holder, AnswerKind.SOMEONE_ELSE, Facts(**facts), now=NOON)  # type: ignore[arg-type]

    store.run(unit)
    with store.read() as session:
        return session.scalars(select(Request.ref)).one()


def staff(store: Store, role: Role = Role.COLLECTOR) -> Actor:
    return store.run(lambda s: make.staff_actor(make.a_person(s, role)))


def test_he_is_added_and_gets_no_codes(store: Store, account: Account) -> None:
    """Decision 6: by whom he was added is kept, and he is not confirmed; the same button twice is one."""
    ref = asked(store, account, name="Sam Okafor", email="Sam@tidewater.example", phone="0113 496 0142")
    actor = staff(store)
    first = store.run(lambda s: named.add_named(s, actor, ref, now=NOON))
    assert store.run(lambda s: named.add_named(s, actor, ref, now=NOON)).id == first.id
    with store.read() as session:
        sam = session.get_one(Contact, first.id)
        assert (sam.name, sam.email, sam.phone) == ("Sam Okafor", first.email, None), "no country, no number"
        assert (sam.changed_by_staff_id, sam.confirmed_at, sam.may_commit) == (actor.id, None, False)
        assert not codes.may_receive(sam)
        assert sam.id in [c.id for c in paying_contacts(session, account)]
        entries = session.scalars(select(AuditEntry).where(AuditEntry.code == "contact.added_by_staff")).all()
        assert [entry.actor_id for entry in entries] == [actor.id]


def test_who_is_on_file_is_marked_as_the_one_who_pays(store: Store, account: Account) -> None:
    with store.write() as session:
        tom = make.a_contact(session, account, name="Tom Bell", email="tom@tidewater.example")
        role = session.get(ContactHasRole, (tom.id, ContactRole.PAYS))
        if role is not None:
            session.delete(role)
        tom_id = tom.id

    def unit(session: object) -> None:
        helen = session.scalars(select(Contact).where(Contact.id != tom_id)).one()  # type: ignore[attr-defined]
        facts = Facts(name="Tom", email="TOM@tidewater.example")
        giving.give(session, make.holder_actor(account, helen), AnswerKind.SOMEONE_ELSE, facts, now=NOON)  # type: ignore[arg-type]

    store.run(unit)
    with store.read() as session:
        ref = session.scalars(select(Request.ref)).one()
    actor = staff(store)
    assert store.run(lambda s: named.add_named(s, actor, ref, now=NOON)).id == tom_id
    with store.read() as session:
        assert session.get(ContactHasRole, (tom_id, ContactRole.PAYS)) is not None
        assert session.get_one(Contact, tom_id).name == "Tom Bell", "what is on file stays"


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"name": "Sam", "phone": "0113 496 0142"}, "phone_without_country"),
        ({"name": "http://evil.example", "email": "sam@tidewater.example"}, "name_unfit"),
    ],
)
def test_what_cannot_be_written_to_is_refused(
    store: Store, account: Account, facts: dict[str, str], code: str
) -> None:
    ref, actor = asked(store, account, **facts), staff(store)
    with pytest.raises(Refused) as refused:
        store.run(lambda s: named.add_named(s, actor, ref, now=NOON))
    assert refused.value.code == code
    with store.read() as session:
        assert len(session.scalars(select(Contact)).all()) == 1


def test_only_of_such_a_request_and_only_by_who_may(store: Store, account: Account) -> None:
    """A-01: an accountant answers requests and adds nobody."""
    ref = asked(store, account, name="Sam Okafor", email="sam@tidewater.example")
    accountant, collector = staff(store, Role.ACCOUNTANT), staff(store)
    with pytest.raises(NotAllowed):
        store.run(lambda s: named.add_named(s, accountant, ref, now=NOON))
    with pytest.raises(NotFound):
        store.run(lambda s: named.add_named(s, collector, "nothing", now=NOON))
