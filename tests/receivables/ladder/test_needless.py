"""Nobody rings up who has just paid: calls of the ladder end when nothing is late or due any more."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from models.accounts import Account
from models.money import Money
from models.store import Store
from models.work import Task, TaskKind
from receivables import outbox
from receivables.payments.quotes import Choice
from tests import factories as make
from tests.conftest import NOON
from tests.receivables.paying import pay


def a_call(store: Store) -> Account:
    """£100.00 late, £50.00 due in ten days, and a call that the ladder asks for in each of two currencies."""
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        make.an_invoice(s, account)
        make.an_invoice(s, account, total=5000, due_on=NOON.date().replace(day=29))
        make.an_invoice(s, account, currency="EUR")
        for currency in ("GBP", "EUR"):
            outbox.ask_person(
                s, TaskKind.LADDER_CALL, f"ladder:1:{currency}", account_id=account.id,
                facts={"currency": currency}, now=NOON,
            )  # fmt: skip
        return account


def open_calls(store: Store) -> list[str]:
    with store.read() as s:
        open_tasks = s.scalars(select(Task).where(Task.done_at.is_(None)).order_by(Task.id))
        return [task.facts["currency"] for task in open_tasks]


@pytest.mark.parametrize(
    ("minor", "left"),
    [(10000, ["EUR"]), (9999, ["GBP", "EUR"]), (15000, ["EUR"])],
    ids=["late", "part", "all"],
)
def test_a_call_ends_with_what_is_late(store: Store, minor: int, left: list[str]) -> None:
    """domain.md, due today: "not if paid"; what is not due yet is no reason to ring, another currency is."""
    account = a_call(store)
    pay(store, account, Choice("amount", "GBP", (), Money(minor, "GBP")))
    assert open_calls(store) == left
