"""The desk vouches for a contact: a second person, 72 hours after the change (decision 6); who signs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from models.accounts import Account, Contact, DebtorType
from models.audit import AuditDetail, AuditEntry
from models.staff import Role
from models.store import Store
from models.work import Interaction
from receivables import signatories
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.people import contacts, vouching
from receivables.permissions import Actor
from receivables.policy import DEFAULT_BODY, publish
from tests import factories as make
from tests.conftest import NOON
from tests.receivables.people.world import CALLER, World

LATER = NOON + timedelta(hours=72)
WHY = "Rang the switchboard of Tidewater; they put me through."


class Desk(World):
    """Omar was put on file by a collector at noon, and nobody has confirmed him."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.collector, self.maya, self.noor = (
            self.person(role) for role in (Role.COLLECTOR, Role.SUPERVISOR, Role.ADMIN)
        )
        self.put(changed_by_staff_id=self.collector.id, changed_at=NOON, confirmed_at=None, may_commit=False)

    def person(self, role: Role) -> Actor:
        with self.store.write() as s:
            return make.staff_actor(make.a_person(s, role))

    def put(self, **values: Any) -> None:
        with self.store.write() as s:
            omar = s.get_one(Contact, self.omar.id)
            for name, value in values.items():
                setattr(omar, name, value)

    def confirm(self, actor: Actor | None = None, *, now: datetime = LATER, **more: Any) -> Contact:
        ref, reason = more.get("ref", self.omar.ref), more.get("reason", WHY)
        return self.store.run(
            lambda s: vouching.confirm_by_second(s, actor or self.maya, ref, reason=reason, now=now)
        )

    def mark(self, may_commit: bool, actor: Actor | None = None) -> Contact:
        return self.store.run(
            lambda s: vouching.mark_signatory(
                s, actor or self.maya, self.omar.ref, may_commit=may_commit, now=NOON
            )
        )

    def view(self, actor: Actor | None = None) -> vouching.Vouched:
        with self.store.read() as s:
            return vouching.vouched(s, actor or self.maya, self.omar.ref, now=NOON)

    def omar_now(self) -> Contact:
        with self.store.read() as s:
            return s.get_one(Contact, self.omar.id)

    def said(self) -> tuple[list[str], list[str]]:
        """Audit codes and lines of the timeline about contacts."""
        with self.store.read() as s:
            codes = s.scalars(select(AuditEntry.code).where(AuditEntry.code.startswith("contact.")))
            kinds = s.scalars(select(Interaction.kind).where(Interaction.kind.startswith("desk.")))
            return list(codes), list(kinds)


@pytest.fixture
def desk(store: Store) -> Desk:
    return Desk(store)


@pytest.fixture
def quick(sqlite_store: Store) -> Desk:
    return Desk(sqlite_store)


# --------------------------------------------------------------------------- confirming


def test_a_second_person_confirms_and_codes_go_there(desk: Desk) -> None:
    """Decision 6: before it no code, after it one to Omar's own address."""
    with pytest.raises(NotFound):
        desk.ask(contact=desk.omar)
    assert desk.confirm().confirmed_at == LATER
    code = desk.ask(contact=desk.omar)
    assert desk.prove(desk.sent(code)).right
    after = desk.omar_now()
    assert (after.confirmed_at, after.changed_by_staff_id) == (LATER, desk.collector.id)
    assert desk.said() == (["contact.confirmed"], ["desk.contact_confirmed"])


@pytest.mark.parametrize("short", [timedelta(microseconds=1), timedelta(hours=1), timedelta(hours=72)])
def test_not_before_its_hour(desk: Desk, short: timedelta) -> None:
    """Decision 6: 72 hours to the microsecond; the refusal says from when."""
    with pytest.raises(Refused, match="confirm_too_early") as refused:
        desk.confirm(now=LATER - short)
    assert refused.value.facts == {"from_at": LATER}
    assert desk.omar_now().confirmed_at is None
    assert desk.said() == ([], [])
    assert desk.confirm(now=LATER).confirmed_at == LATER


def test_hours_are_of_the_policy(desk: Desk) -> None:
    """C-04: contact.confirm_hours of the version in force."""
    with desk.store.write() as s:
        publish(
            s, DEFAULT_BODY.replace("confirm_hours = 72", "confirm_hours = 96"), reason="x", author_id=None,
            now=NOON,
        )  # fmt: skip
    longer = NOON + timedelta(hours=96)
    assert desk.view().from_at == longer
    with pytest.raises(Refused, match="confirm_too_early"):
        desk.confirm(now=longer - timedelta(seconds=1))
    desk.confirm(now=longer)


def test_hours_count_from_the_last_change(desk: Desk) -> None:
    """A contact of long ago whom we changed now waits from now; one never changed, from when it was made."""
    changed = NOON + timedelta(days=30)
    desk.put(changed_at=changed)
    with pytest.raises(Refused, match="confirm_too_early"):
        desk.confirm(now=changed + timedelta(hours=71, minutes=59))
    desk.put(changed_at=None)
    assert desk.view().from_at == LATER
    desk.confirm()


def test_four_eyes(desk: Desk) -> None:
    """Decision 6: who put him there does not confirm him, however long ago; a colleague does."""
    desk.put(changed_by_staff_id=desk.maya.id)
    assert desk.view().own
    with pytest.raises(Refused, match="confirm_own"):
        desk.confirm(now=LATER + timedelta(days=365))
    assert not desk.view(desk.noor).own
    assert desk.confirm(desk.noor).confirmed_at == LATER


def test_an_import_that_nobody_started_is_nobody(desk: Desk) -> None:
    desk.put(changed_by_staff_id=None)
    assert (desk.view().changed_by, desk.view().own) == (None, False)
    assert desk.confirm().confirmed_at == LATER


def test_once_only(desk: Desk) -> None:
    """A second press, and one after the account itself confirmed, change nothing."""
    desk.confirm()
    with pytest.raises(Refused, match="confirmed_already"):
        desk.confirm(desk.noor)
    desk.put(confirmed_at=None)
    desk.store.run(lambda s: contacts.confirm(s, desk.actor, desk.omar.ref, now=NOON))
    with pytest.raises(Refused, match="confirmed_already"):
        desk.confirm()
    assert desk.omar_now().confirmed_at == NOON
    assert desk.said()[1] == ["desk.contact_confirmed"]


@pytest.mark.parametrize(
    ("reason", "code"),
    [("", "reason_missing"), (" \u202e\n", "reason_missing"), ("x" * 501, "words_too_long")],
)
def test_without_a_reason_nothing_is_confirmed(quick: Desk, reason: str, code: str) -> None:
    with pytest.raises(Refused, match=code):
        quick.confirm(reason=reason)
    assert quick.omar_now().confirmed_at is None


def test_the_reason_can_be_erased(quick: Desk) -> None:
    """Decision 16: ids and moments are hashed, words stand beside."""
    quick.confirm()
    with quick.store.read() as s:
        entry = s.scalars(select(AuditEntry).where(AuditEntry.code == "contact.confirmed")).one()
        detail = s.scalars(select(AuditDetail).where(AuditDetail.audit_entry_id == entry.id)).one()
    assert detail.reason == WHY
    assert "switchboard" not in entry.payload
    assert NOON.isoformat() in entry.payload


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.SUPERVISOR, Role.ADMIN}))
def test_others_do_not_confirm(quick: Desk, role: Role) -> None:
    """A-01."""
    actor = quick.person(role)
    with pytest.raises(NotAllowed):
        quick.confirm(actor)
    with pytest.raises(NotAllowed):
        quick.view(actor)
    with pytest.raises(NotAllowed):
        quick.mark(True, actor)


def test_the_debtor_has_his_own_way(quick: Desk) -> None:
    """A link is no second person of ours."""
    with pytest.raises(NotAllowed):
        quick.confirm(quick.actor)
    with pytest.raises(NotAllowed):
        quick.mark(True, quick.actor)


def test_who_is_gone_or_a_colleague_of_one_invoice_is_not_found(quick: Desk) -> None:
    for change in ({"is_active": False}, {"is_active": True, "forwarded_by_id": quick.helen.id}):
        quick.put(**change)
        for act in (quick.confirm, quick.view, lambda: quick.mark(True)):
            with pytest.raises(NotFound):
                act()
    with pytest.raises(NotFound):
        quick.confirm(ref="nobody")


def test_an_address_that_the_debtor_proves_is_his_own_again(quick: Desk) -> None:
    """L-03: a code typed at the new address is the account's word; ours is forgotten with it."""
    quick.put(confirmed_at=NOON)
    quick.store.run(
        lambda s: contacts.change_address(
            s, quick.actor, quick.session_id, quick.omar.ref, address="reid@tidewater.example",
            caller=CALLER, now=NOON,
        )
    )  # fmt: skip
    code = quick.sent()
    quick.store.run(
        lambda s: contacts.prove_address(s, quick.actor, quick.session_id, quick.omar.ref, code, now=NOON)
    )
    after = quick.omar_now()
    assert (after.changed_by_staff_id, after.changed_at, after.confirmed_at) == (None, None, NOON)


# --------------------------------------------------------------------------- signing


def test_who_is_marked_signs(desk: Desk) -> None:
    """Docs/decisions/012: with Omar marked, Helen does not sign; unmarked, her declaration counts again."""
    desk.put(confirmed_at=NOON)
    with desk.store.write() as s:
        s.get_one(Contact, desk.helen.id).may_commit = False

    def helen_signs() -> None:
        with desk.store.read() as s:
            account = s.get_one(Account, desk.account.id)
            assert account.debtor_type is DebtorType.BUSINESS
            signatories.require_signatory(s, desk.actor, account)

    helen_signs()
    assert desk.mark(True).may_commit
    with pytest.raises(Refused, match="not_signatory"):
        helen_signs()
    desk.mark(True)
    assert desk.said() == (["contact.signatory_changed"], ["desk.signatory_marked"])
    assert not desk.mark(False).may_commit
    helen_signs()
    assert desk.said()[1] == ["desk.signatory_marked", "desk.signatory_unmarked"]


def test_who_is_not_confirmed_is_not_marked(quick: Desk) -> None:
    """Nobody knows yet that he is the debtor's; a mark of before can be taken away."""
    with pytest.raises(Refused, match="not_confirmed"):
        quick.mark(True)
    assert not quick.omar_now().may_commit
    quick.put(may_commit=True)
    assert not quick.mark(False).may_commit


def test_an_administrator_does_not_say_who_signs(quick: Desk) -> None:
    """A-01: the supervisor knows the customer."""
    quick.put(confirmed_at=NOON)
    with pytest.raises(NotAllowed):
        quick.mark(True, quick.noor)
