"""Accounts of one creditor, people who chase, and the ranking as the house makes it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.creditors import Creditor
from models.staff import Role
from models.store import Store
from models.worklist import WorklistRow
from receivables.permissions import Actor
from receivables.worklist import reads, refreshing
from receivables.worklist.reads import EVERYBODY, Filters, Line
from tests import factories as make
from tests.conftest import NOON

TODAY = NOON.date()


class World:
    """A creditor, two collectors and a supervisor."""

    def __init__(self, store: Store) -> None:
        self.store = store
        with store.write() as session:
            self.creditor_id = make.a_creditor(session).id
            people = [
                make.a_person(session, role, name=name)
                for role, name in (
                    (Role.COLLECTOR, "Priya Shah"), (Role.COLLECTOR, "Tom Okafor"),
                    (Role.SUPERVISOR, "Ruth Adler"),
                )
            ]  # fmt: skip
            self.priya, self.tom, self.ruth = (make.staff_actor(person) for person in people)
            self.refs = {person.name: person.ref for person in people}

    def account(self, *documents: tuple[int, int], currency: str = "GBP", **more: object) -> Account:
        """An account with documents of so much, so many days late."""
        with self.store.write() as session:
            creditor = session.get_one(Creditor, self.creditor_id)
            account = make.an_account(session, creditor, **more)  # type: ignore[arg-type]
            for total, late in documents:
                make.an_invoice(session, account, total=total, currency=currency,
                                due_on=TODAY - timedelta(days=late))  # fmt: skip
            return account

    def contact(self, session: Session, account: Account) -> Contact:
        return session.scalars(select(Contact).where(Contact.account_id == account.id)).one()

    def rank(self, *, now: datetime = NOON) -> list[int]:
        """What the daily job does; returns whom it looked at."""
        with self.store.read() as session:
            ids = refreshing.concerned(session, now=now)
        self.store.run(lambda s: refreshing.refresh(s, ids, now=now))
        return ids

    def again(self, account: Account, *, now: datetime = NOON) -> None:
        self.store.run(lambda s: refreshing.refresh(s, [account.id], now=now))

    def lines(self, actor: Actor | None = None, *, now: datetime = NOON, **filters: object) -> Sequence[Line]:
        chosen = Filters(**{"whose": EVERYBODY, **filters})  # type: ignore[arg-type]
        with self.store.read() as session:
            return reads.listed(session, actor or self.ruth, chosen, limit=50, now=now).lines

    def line(self, account: Account, *, now: datetime = NOON) -> Line:
        with self.store.read() as session:
            return reads.of_account(session, self.ruth, account.id, now=now)[0]

    def rows(self) -> int:
        with self.store.read() as session:
            return len(session.execute(select(WorklistRow.account_id)).all())
