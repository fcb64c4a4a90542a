"""An account with a late invoice, and the people of an office who ask and decide."""

from __future__ import annotations

from dataclasses import dataclass

from models.accounts import Account
from models.approvals import ApprovalRequest
from models.invoices import Invoice
from models.money import Money
from models.staff import Role
from models.store import Store
from receivables import ledger, policy, write_offs
from receivables.approvals import deciding
from receivables.permissions import Actor
from tests import factories as make
from tests.conftest import NOON

GBP = "GBP"


@dataclass
class Office:
    """Ids and actors only: every act has a unit of work of its own."""

    store: Store
    account: Account
    invoice: Invoice
    collector: Actor
    supervisor: Actor
    other: Actor
    accountant: Actor

    @property
    def url(self) -> str:
        """Of the database, for the checker."""
        return self.store.writer.url.render_as_string(hide_password=False)

    def ask(self, *, by: Actor | None = None, now: object = NOON) -> ApprovalRequest:
        """The write-off of the invoice, asked for by the collector."""
        with self.store.write() as s:
            return write_offs.propose_write_off(
                s,
                by or self.collector,
                self.invoice.ref,
                reason="The firm is dissolved",
                now=now,  # type: ignore[arg-type]
            )

    def approve(self, request: ApprovalRequest, by: Actor, **more: object) -> ApprovalRequest:
        with self.store.write() as s:
            facts = {"digest": request.content_digest, "now": NOON, **more}
            return deciding.approve(s, by, request.ref, **facts)  # type: ignore[arg-type]

    def balance(self) -> tuple[str, int]:
        """Status and balance of the invoice."""
        with self.store.read() as s:
            found = s.get_one(Invoice, self.invoice.id)
            return found.status.value, found.balance_minor

    def rules(self, **approvals: object) -> None:
        """Publish the shipped rules with other values in [approvals]."""
        body = policy.DEFAULT_BODY
        for key, value in approvals.items():
            said = str(value).lower() if isinstance(value, bool) else value
            lines = [f"{key} = {said}" if one.startswith(f"{key} = ") else one for one in body.splitlines()]
            body = "\n".join(lines) + "\n"
        with self.store.write() as s:
            policy.publish(s, body, reason="Test", author_id=None, now=NOON)


def an_office(store: Store, *, minor: int = 20000) -> Office:
    """A collector, two supervisors and an accountant; one invoice of GBP 200.00."""
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        invoice = make.an_invoice(s, account, total=Money(minor, GBP))
        people = [
            make.staff_actor(make.a_person(s, role, name=name))
            for role, name in (
                (Role.COLLECTOR, "Priya Shah"), (Role.SUPERVISOR, "Ruth Adler"),
                (Role.SUPERVISOR, "Ilan Green"), (Role.ACCOUNTANT, "Tom Birch"),
            )
        ]  # fmt: skip
    return Office(store, account, invoice, *people)


def give_credit(office: Office, minor: int) -> None:
    """Money that came for nothing: unapplied credit of the account, from a payment of the past."""
    with office.store.write() as s:
        amount = Money(minor, GBP)
        ledger.post(
            s, office.accountant,
            ledger.Draft(
                creditor_id=office.account.creditor_id, reference=f"test-credit:{minor}", kind="payment",
                currency=GBP, effective_on=NOON.date(),
                sides=[
                    ledger.debit(ledger.LedgerCode.BANK, amount),
                    ledger.credit(ledger.LedgerCode.UNAPPLIED_CREDIT, amount, account_id=office.account.id),
                ],
            ),
            now=NOON,
        )  # fmt: skip
