"""The statement of a head office: its branches' own statements, and their sums by currency."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from models.accounts import Account
from models.store import Store
from receivables.documents.branch_statements import group_statement
from receivables.documents.data import GroupStatement
from receivables.documents.statements import read_statements, statement
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.permissions import Actor, ActorKind
from tests import factories as make
from tests.conftest import NOON

TODAY = NOON.date()


@pytest.fixture
def group(store: Store) -> list[Account]:
    """Head office, North (GBP), South (GBP and EUR), and a branch that is not shown to it."""
    with store.write() as s:
        creditor = make.a_creditor(s)
        head = make.an_account(s, creditor, name="Tidewater Group Ltd")
        make.an_invoice(s, head, total=1000, due_on=TODAY - timedelta(days=3))
        made = [head]
        for name, shown in (("Tidewater South", True), ("Tidewater North", True), ("Tidewater West", False)):
            branch = make.an_account(s, creditor, name=name)
            branch.payer_id, branch.shown_to_payer = head.id, shown
            make.an_invoice(s, branch, total=2000, due_on=TODAY - timedelta(days=5))
            made.append(branch)
        make.an_invoice(s, made[1], total=900, currency="EUR", due_on=TODAY)
    return made


def ask(s: Session, head: Account, *refs: str, **more: object) -> GroupStatement:
    return group_statement(
        s, make.holder_actor(head), account_id=head.id, zone=head.zone, refs=refs, now=NOON,
        **more,  # type: ignore[arg-type]
    )  # fmt: skip


def test_sections_are_the_branches_own_statements(store: Store, group: list[Account]) -> None:
    """Part 7: each section is what the branch itself reads, to the last movement; totals are their sums."""
    head, south, north, _ = group
    with store.read() as s:
        found = ask(s, head)
        own = {
            account.ref: [
                statement(
                    s, make.holder_actor(account), account_id=account.id, zone=account.zone, currency=code,
                    now=NOON,
                )
                for code in codes
            ]
            for account, codes in ((head, ["GBP"]), (south, ["EUR", "GBP"]), (north, ["GBP"]))
        }  # fmt: skip
    assert [section.member.name for section in found.sections] == [
        "Tidewater Group Ltd", "Tidewater North", "Tidewater South",
    ]  # fmt: skip
    assert {section.member.ref: section.statements for section in found.sections} == own
    assert [(t.currency, t.closing.minor) for t in found.totals] == [("EUR", 900), ("GBP", 5000)]
    for sums in found.totals:
        theirs = [x for section in found.sections for x in section.statements if x.currency == sums.currency]
        for name in ("opening", "charged", "settled", "closing", "credit"):
            assert getattr(sums, name).minor == sum(getattr(x, name).minor for x in theirs), name


def test_chosen_branches_only(store: Store, group: list[Account]) -> None:
    with store.read() as s:
        found = ask(s, group[0], group[2].ref)
    assert [section.member.ref for section in found.sections] == [group[2].ref]
    assert [(t.currency, t.closing.minor) for t in found.totals] == [("GBP", 2000)]
    assert len(found.members) == 3


def test_nobody_asks_across(store: Store, group: list[Account]) -> None:
    """L-15: not a branch for its head office or a sister, not the head office for one that is not shown."""
    head, south, north, west = group
    with store.read() as s:
        for asker, refs in ((head, [west.ref]), (south, []), (south, [north.ref]), (south, [head.ref])):
            with pytest.raises(NotFound):
                ask(s, asker, *refs)
        with pytest.raises(NotFound):
            group_statement(s, make.holder_actor(south), account_id=head.id, zone=head.zone, now=NOON)
        with pytest.raises(NotAllowed):
            group_statement(s, Actor(ActorKind.STAFF), account_id=head.id, zone=head.zone, now=NOON)


def test_periods_are_those_of_a_statement(store: Store, group: list[Account]) -> None:
    with store.read() as s, pytest.raises(Refused, match="period_backwards"):
        ask(s, group[0], from_on=TODAY, to_on=TODAY - timedelta(days=1))


def test_nothing_asked_is_nothing_read(store: Store, group: list[Account]) -> None:
    """A group with no movement at all is read without one."""
    with store.read() as s:
        assert read_statements(s, {group[0].id: {}}, TODAY, TODAY, currencies=[]) == {group[0].id: []}
