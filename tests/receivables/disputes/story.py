"""An account with one invoice of three lines, and the acts of its debtor."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from models.accounts import Account, Contact
from models.disputes import Dispute, DisputeReason
from models.invoices import Invoice
from models.money import Money
from models.staff import Role
from models.store import Store
from receivables import invoices
from receivables.calendar_days import business_date
from receivables.disputes import opening
from receivables.disputes.claims import Claim, LineClaim
from receivables.permissions import Actor
from receivables.ports import InvoiceRow
from tests import factories as make
from tests.conftest import NOON


@dataclass
class Story:
    """Acts run in units of work of their own; `now` moves only when told."""

    store: Store
    total: int = 84240
    lines: int = 3
    now: datetime = NOON
    account: Account = field(init=False)
    invoice: Invoice = field(init=False)
    debtor: Actor = field(init=False)
    collector: Actor = field(init=False)
    supervisor: Actor = field(init=False)

    def __post_init__(self) -> None:
        with self.store.write() as session:
            self.account = make.an_account(session, make.a_creditor(session))
            self.invoice = make.an_invoice(session, self.account, total=self.total, lines=self.lines)
            contact = session.scalars(select(Contact).where(Contact.account_id == self.account.id)).one()
            self.debtor = make.holder_actor(self.account, contact)
            self.collector = make.staff_actor(make.a_person(session, Role.COLLECTOR))
            self.supervisor = make.staff_actor(make.a_person(session, Role.SUPERVISOR))

    def act(self, verb: Any, actor: Actor, *args: Any, **facts: Any) -> Any:
        return self.store.run(lambda s: verb(s, actor, *args, **facts, now=self.now))

    def dispute(
        self,
        *lines: LineClaim,
        reason: DisputeReason = DisputeReason.DAMAGED,
        amount: Money | None = None,
        words: str = "It was wet.",
        actor: Actor | None = None,
        **more: Any,
    ) -> Dispute:
        """Dispute the invoice: some lines, an amount, or all of it."""
        more.setdefault("shown_at", self.now - timedelta(minutes=5))
        return self.act(
            opening.open_dispute, actor or self.debtor, self.invoice.ref, Claim(reason, lines, amount),
            words=words, **more,
        )  # fmt: skip

    def row(self) -> InvoiceRow | None:
        """The invoice as the account's page shows it; None when nothing of it is open."""
        with self.store.read() as session:
            rows = invoices.open_rows(session, self.account.id, business_date(self.now, self.account.zone))
        return next((row for row in rows if row.ref == self.invoice.ref), None)

    def asked(self) -> int:
        row = self.row()
        return row.asked.minor if row else 0

    def all(self, query: Any) -> list[Any]:
        with self.store.read() as session:
            return list(session.scalars(query))

    def again(self, dispute: Dispute) -> Dispute:
        with self.store.read() as session:
            return session.get_one(Dispute, dispute.id)


def refused_code(error: Any) -> str:
    return str(error.value.code)
