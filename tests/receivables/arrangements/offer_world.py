"""An account whose invoices are late enough for a settlement, and shortcuts to bring money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact, DebtorType
from models.arrangements import Offer, OfferInvoice
from models.invoices import Invoice, InvoiceLine
from models.ledger import LedgerCode, Posting
from models.messages import Message
from models.money import Money
from models.payments import Payment
from models.staff import Role
from models.states import OfferStatus
from models.store import Store
from receivables.arrangements import offer_making, offers
from receivables.payments import settling, starting
from receivables.payments.quotes import Choice
from receivables.permissions import Actor
from receivables.ports import RemoteCharge, RemoteState
from tests import factories as make
from tests.conftest import NOON
from tests.fakes import ToldGateway, a_truth

TODAY = NOON.date()


def gbp(minor: int) -> Money:
    return Money(minor, "GBP")


@dataclass
class OfferWorld:
    """One account: £576.00 100 days late and £842.40 70 days late, both with 20 % tax."""

    store: Store
    account: Account
    contact: Contact
    refs: tuple[str, str]
    collector: Actor
    supervisor: Actor
    second: Actor

    @property
    def holder(self) -> Actor:
        return make.holder_actor(self.account, self.contact)

    def propose(self, minor: int, *, by: Actor | None = None, refs: Sequence[str] | None = None,
                pay_by_on: date | None = None, now: datetime = NOON) -> Offer:  # fmt: skip
        return self.store.run(
            lambda s: offer_making.propose(
                s, by or self.supervisor, self.account.ref, invoice_refs=refs or self.refs, amount=gbp(minor),
                pay_by_on=pay_by_on or TODAY + timedelta(days=10), reason="the shop closes", now=now,
            )
        )  # fmt: skip

    def counter(self, minor: int, *, pay_by_on: date | None = None, now: datetime = NOON) -> Offer:
        return self.store.run(
            lambda s: offer_making.counter(
                s, self.holder, account_id=self.account.id, currency="GBP", amount=gbp(minor),
                pay_by_on=pay_by_on or TODAY + timedelta(days=7), reason="the bank lends us this",
                name="Helen Marsh", now=now,
            )
        )  # fmt: skip

    def accept(self, offer: Offer, *, now: datetime = NOON, **more: object) -> Offer:
        said = {
            "digest": offer.content_digest, "name": "Helen Marsh", "role": "Owner", "binds": True,
            "language": "en", "ip_prefix": "198.51.100.0/24",
        } | more  # fmt: skip
        return self.store.run(lambda s: offers.accept(s, self.holder, offer.ref, now=now, **said))  # type: ignore[arg-type]

    def offer(self, ref: str) -> Offer:
        with self.store.read() as session:
            return session.scalars(select(Offer).where(Offer.ref == ref)).one()

    def status(self, ref: str) -> OfferStatus:
        return self.offer(ref).status

    def blocking(self, ref: str) -> set[bool]:
        with self.store.read() as session:
            query = select(OfferInvoice.blocking).join(Offer, Offer.id == OfferInvoice.offer_id)
            return set(session.scalars(query.where(Offer.ref == ref)))

    def start(self, choice: Choice, *, nonce: str, now: datetime = NOON) -> str:
        """Start a payment; returns the attempt's ref."""
        return starting.start(
            self.store, ToldGateway(), self.holder, choice, account_id=self.account.id,
            zone=self.account.zone, nonce=nonce, language="en", title="Northgate", note=None,
            base_url="http://127.0.0.1:9", now=now,
        ).ref  # fmt: skip

    def pay(self, ref: str, minor: int, *, now: datetime = NOON) -> None:
        """Let the gateway say that so much was taken for an attempt."""
        charge = RemoteCharge(
            charge_id=f"ch-{ref}", amount=gbp(minor), taken_at=now, method="card",
            method_detail="visa 4242", fee=None, balance_transaction_id=None,
        )  # fmt: skip
        gateway = ToldGateway([a_truth(ref, RemoteState.SUCCEEDED, charge)])
        settling.settle(self.store, gateway, ref, now=now)

    def pay_offer(self, offer: Offer, minor: int | None = None, *, now: datetime = NOON) -> None:
        """Pay an accepted offer; another sum than agreed is what the gateway happens to take."""
        refs = tuple(part["ref"] for part in offer.terms["invoices"])
        choice = Choice("arranged", "GBP", refs, gbp(offer.amount_minor))
        ref = self.start(choice, nonce=f"n-{offer.ref}-{minor}-{now.isoformat()}", now=now)
        self.pay(ref, minor or offer.amount_minor, now=now)

    def balances(self) -> list[int]:
        with self.store.read() as session:
            query = select(Invoice.balance_minor).where(Invoice.ref.in_(self.refs)).order_by(Invoice.id)
            return list(session.scalars(query))

    def ledger(self, code: LedgerCode) -> int:
        """Debits less credits of one ledger account."""
        with self.store.read() as session:
            query = select(func.coalesce(func.sum(Posting.debit_minor - Posting.credit_minor), 0))
            return int(session.scalars(query.where(Posting.ledger_code == code)).one())

    def mails(self) -> list[str]:
        with self.store.read() as session:
            return list(session.scalars(select(Message.kind).order_by(Message.id)))

    def payments(self) -> list[Payment]:
        with self.store.read() as session:
            return list(session.scalars(select(Payment).order_by(Payment.id)))


def a_late_account(
    store: Store, *, debtor_type: DebtorType = DebtorType.BUSINESS, tax: bool = True
) -> OfferWorld:
    """Make the account, its invoices and three people of the desk."""
    with store.write() as session:
        account = make.an_account(session, make.a_creditor(session), debtor_type=debtor_type)
        refs = (
            _taxed(session, account, 57600, late=100, tax=tax),
            _taxed(session, account, 84240, late=70, tax=tax),
        )
        contact = session.scalars(select(Contact).where(Contact.account_id == account.id)).one()
        people = [
            make.staff_actor(make.a_person(session, role))
            for role in (Role.COLLECTOR, Role.SUPERVISOR, Role.SUPERVISOR)
        ]
    return OfferWorld(store, account, contact, refs, *people)


def _taxed(session: Session, account: Account, total: int, *, late: int, tax: bool) -> str:
    invoice = make.an_invoice(session, account, total=total, due_on=TODAY - timedelta(days=late))
    if tax:
        part = total // 6  # 20 % on top of the net
        line = session.scalars(select(InvoiceLine).where(InvoiceLine.invoice_id == invoice.id)).one()
        line.net_minor, line.tax_minor, line.tax_rate = total - part, part, "20"
        invoice.lines_net_minor, invoice.tax_minor = total - part, part
        session.flush()
    return invoice.ref
