"""Many rows at once say the same as one at a time, on both databases."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from models.accounts import Account
from models.base import new_ref
from models.bulk import among, pour, renew
from models.ladder import LadderPosition, LadderStep
from models.states import StepStatus
from models.store import Store
from tests import factories as make
from tests.conftest import NOON

TODAY = NOON.date()
POSITION = ("invoice_id", "account_id", "ladder", "cycle", "seq", "met_on", "looked_at")


def invoices(store: Store, count: int) -> tuple[int, list[int]]:
    """An account and its invoices, by their ids."""
    with store.write() as session:
        account = make.an_account(session, make.a_creditor(session))
        return account.id, [make.an_invoice(session, account).id for _ in range(count)]


def test_a_list_of_ids_is_one_value(store: Store) -> None:
    """None, one and several; what is not there is not found."""
    with store.write() as session:
        ids = [make.an_account(session, make.a_creditor(session)).id for _ in range(3)]
        wanted = select(Account.id).where(among(Account.id)).order_by(Account.id)
        for some in ([], ids[1:2], [ids[0], ids[2]]):
            assert list(session.scalars(wanted, {"ids": [*some, 10**12]})) == some
        assert " = 1" not in str(wanted.compile(session.connection()))  # which no index would serve


def test_poured_rows_are_as_inserted_ones(store: Store) -> None:
    """Moments, days, enums and JSON come back as they went in."""
    account_id, _ = invoices(store, 0)
    names = (
        "ref", "account_id", "currency", "ladder", "rung", "seq", "gate", "business_on", "status",
        "amount_minor", "outcome", "facts", "made_at", "version",
    )  # fmt: skip
    facts = {"name": 'Café "Tide"\tand\nmore \\N', "invoices": [1, 2]}
    rows = [
        (new_ref(), account_id, currency, "gentle", "call", 4, "none", TODAY, StepStatus.PROPOSED, 100,
         [], facts, NOON, 1)
        for currency in ("GBP", "EUR")
    ]  # fmt: skip
    with store.write() as session:
        pour(session, LadderStep, names, rows)
    with store.read() as session:
        steps = session.scalars(select(LadderStep).order_by(LadderStep.id)).all()
        assert [tuple(getattr(step, name) for name in names) for step in steps] == rows
        assert steps[0].reason is None


def test_nothing_is_poured_where_one_row_is_refused(store: Store) -> None:
    """Raised as of an INSERT, so that a unit of work knows what to do about it."""
    account_id, (first, second) = invoices(store, 2)
    rows = [(i, account_id, "gentle", 1, 0, None, NOON) for i in (first, second, first)]
    with pytest.raises(IntegrityError), store.write() as session:
        pour(session, LadderPosition, POSITION, rows)
    with store.read() as session:
        assert session.scalars(select(LadderPosition)).all() == []


def test_rows_are_renewed_by_their_key(store: Store) -> None:
    """Each its own values, nothing among them; a row that is not named stays as it was."""
    account_id, ids = invoices(store, 3)
    with store.write() as session:
        pour(session, LadderPosition, POSITION, [(i, account_id, "gentle", 1, 1, TODAY, NOON) for i in ids])
    later, next_day = NOON + timedelta(hours=1), date(2026, 11, 20)
    with store.write() as session:
        renew(
            session, LadderPosition, "invoice_id", ("seq", "met_on", "waits_for", "looked_at"),
            [(ids[0], 2, next_day, None, later), (ids[2], 3, None, "top", later)],
        )  # fmt: skip
        renew(session, LadderPosition, "invoice_id", ("seq",), [])
    with store.read() as session:
        found = session.scalars(select(LadderPosition).order_by(LadderPosition.invoice_id)).all()
        assert [(p.seq, p.met_on, p.waits_for, p.looked_at) for p in found] == [
            (2, next_day, None, later),
            (1, TODAY, None, NOON),
            (3, None, "top", later),
        ]
