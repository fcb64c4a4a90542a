"""Credit holds: placed with a reason and an amount, released by what was asked for (domain.md)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.accounts import Account
from models.arrangements import CreditHold
from models.audit import AuditEntry
from models.invoices import Invoice
from models.ledger import LedgerCode
from models.messages import Message, Purpose
from models.money import Money
from models.staff import Role, Staff
from models.states import HoldStatus, MessageStatus
from models.store import Store
from receivables import credit_holds, ledger, letters
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.permissions import SYSTEM
from tests import factories as make
from tests.conftest import NOON

LATER = NOON + timedelta(hours=1)
THOUSAND = Money(100000, "GBP")
REASON = "Two invoices are more than twenty days late."


@pytest.fixture
def account(store: Store) -> Account:
    """£576.00 and £842.40 overdue, £288.00 due in ten days."""
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        for total, due in ((57600, -29), (84240, -8), (28800, 10)):
            make.an_invoice(s, account, total=total, due_on=NOON.date() + timedelta(days=due))
        return account


def place(store: Store, account: Account, release: Money = THOUSAND, **more: object) -> CreditHold:
    reason = str(more.pop("reason", REASON))
    with store.write() as s:
        actor = make.staff_actor(make.a_person(s, more.pop("role", Role.SUPERVISOR)))  # type: ignore[arg-type]
        return credit_holds.place(s, actor, account, reason, release, now=NOON)


def reduce(store: Store, account: Account, minor: int, *, number: int = 0) -> CreditHold | None:
    """Take an amount off one of the account's receivables, as a payment does, and ask the hold."""
    with store.write() as s:
        locked = s.get_one(Account, account.id)
        invoices = list(
            s.scalars(select(Invoice).where(Invoice.account_id == account.id).order_by(Invoice.id))
        )
        ledger.post(
            s, SYSTEM,
            ledger.Draft(
                creditor_id=locked.creditor_id, reference=f"test:{invoices[number].id}:{minor}",
                kind="payment", currency="GBP", effective_on=LATER.date(),
                sides=[
                    ledger.debit(LedgerCode.BANK, Money(minor, "GBP")),
                    ledger.credit(LedgerCode.RECEIVABLES, Money(minor, "GBP"), account_id=account.id,
                                  invoice_id=invoices[number].id),
                ],
            ),
            now=LATER,
        )  # fmt: skip
        return credit_holds.release_when_met(s, account.id, now=LATER)


def test_placed_with_reason_and_told(store: Store, account: Account) -> None:
    """Part 10: the debtor reads since when, why and what to pay; the paying contact is written to."""
    hold = place(store, account)
    assert (hold.status, hold.since_on, hold.release_minor) == (HoldStatus.ACTIVE, NOON.date(), 100000)
    with store.read() as s:
        view = credit_holds.view(
            s, make.holder_actor(account), account_id=account.id, zone=account.zone, now=NOON
        )
        message = s.scalars(select(Message)).one()
        codes = list(s.scalars(select(AuditEntry.code)))
    assert (view.reason, view.release, view.left) == (REASON, Money(100000, "GBP"), Money(100000, "GBP"))
    assert (message.kind, message.purpose) == ("credit_hold_placed", Purpose.ARRANGEMENT)
    assert "credit_hold.placed" in codes


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"release": Money(0, "GBP")}, "release_zero"),
        ({"release": Money(-1, "GBP")}, "release_zero"),
        ({"release": Money(141841, "GBP")}, "release_above_overdue"),
        ({"release": Money(1, "EUR")}, "release_above_overdue"),
        ({"reason": " \u202e "}, "reason_missing"),
        ({"reason": "x" * 501}, "words_too_long"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(
    store: Store, account: Account, change: dict[str, object], code: str
) -> None:
    """A hold that nothing could release, or that says no reason, is none."""
    with pytest.raises(Refused) as refused:
        place(store, account, **change)  # type: ignore[arg-type]
    assert refused.value.code == code


def test_everything_overdue_may_be_asked_for_and_not_twice(store: Store, account: Account) -> None:
    place(store, account, Money(141840, "GBP"))
    with pytest.raises(Refused) as refused:
        place(store, account)
    assert refused.value.code == "already_on_hold"


@pytest.mark.parametrize("role", [Role.ACCOUNTANT, Role.AUDITOR, Role.SALESPERSON, Role.ADMIN])
def test_who_may_not_place_a_hold(store: Store, account: Account, role: Role) -> None:
    """Ladder: the freeze review is a collector's to decide (A-01); ending it early needs two persons."""
    with pytest.raises(NotAllowed):
        place(store, account, role=role)


def test_released_to_the_unit_by_what_was_overdue(store: Store, account: Account) -> None:
    """One unit less than asked holds, the unit releases; the debtor is told at once."""
    place(store, account, Money(60000, "GBP"))
    assert reduce(store, account, 57600) is None
    assert reduce(store, account, 2399, number=1) is None
    with store.read() as s:
        view = credit_holds.view(
            s, make.holder_actor(account), account_id=account.id, zone=account.zone, now=LATER
        )
    assert view.left == Money(1, "GBP")
    released = reduce(store, account, 1, number=1)
    assert released is not None
    assert (released.status, released.released_at) == (HoldStatus.RELEASED, LATER)
    with store.read() as s:
        kinds = list(s.scalars(select(Message.kind).order_by(Message.id)))
        with pytest.raises(NotFound):
            credit_holds.view(
                s, make.holder_actor(account), account_id=account.id, zone=account.zone, now=LATER
            )
    assert kinds == ["credit_hold_placed", "credit_hold_released"]


def test_what_was_not_overdue_on_the_day_does_not_count(store: Store, account: Account) -> None:
    """Domain: paying an invoice before its date is no sign that the overdue ones are paid."""
    place(store, account, Money(20000, "GBP"))
    assert reduce(store, account, 28800, number=2) is None


def test_a_waiting_message_about_an_ended_hold_does_not_leave(store: Store, account: Account) -> None:
    """What a message says is true when it leaves (P-25)."""
    place(store, account)
    with store.write() as s:
        message = s.scalars(select(Message)).one()
        assert message.status is MessageStatus.QUEUED
        assert letters.is_still_true(s, message, s.get_one(Account, account.id), now=NOON)
        placer = make.staff_actor(s.get_one(Staff, s.scalars(select(CreditHold.placed_by_id)).one()))
        credit_holds.undo(s, placer, account, now=NOON + timedelta(minutes=9))
        assert not letters.is_still_true(s, message, s.get_one(Account, account.id), now=LATER)


def test_another_accounts_hold_is_not_found(store: Store, account: Account) -> None:
    """L-15."""
    place(store, account)
    with store.write() as s:
        stranger = make.an_account(s, make.a_creditor(s))
    with store.read() as s, pytest.raises(NotFound):
        credit_holds.view(s, make.holder_actor(stranger), account_id=account.id, zone=account.zone, now=NOON)
