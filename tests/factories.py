"""Rows for tests: functions with keyword defaults, nothing clever.

Money stories go through the real actions; these only make what an import would bring.
"""

from __future__ import annotations

import itertools
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from models.accounts import Account, Contact, ContactHasRole, ContactRole, DebtorType
from models.creditors import Creditor, CreditorBankAccount
from models.invoices import Invoice, InvoiceKind, InvoiceLine
from models.ledger import LedgerCode
from models.links import LinkScope
from models.money import Money
from models.staff import Role, Staff
from models.states import InvoiceStatus
from receivables import ledger
from receivables.calendar_days import business_date
from receivables.permissions import SYSTEM, Actor, ActorKind
from tests.conftest import NOON

_numbers = itertools.count(1)


def zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def a_creditor(
    session: Session, *, code: str | None = None, zone: str = "Europe/London", **more: object
) -> Creditor:
    """A creditor with bank details in four currencies."""
    creditor = Creditor(
        **{
            "code": code or f"northgate-{next(_numbers)}",
            "name": "Northgate Paper & Print Ltd",
            "short_name": "Northgate",
            "address": "14 Weir Street, Leeds LS2 7QA",
            "country": "GB",
            "company_number": "Company 04417822",
            "tax_id": "VAT GB 812 4410 27",
            "zone": zone,
            "language": "en",
            "languages": ["en", "he", "ru", "hu"],
            "brand_colour": "#0b5d57",
            "gateway_account": "default",
            "email_from": "accounts@northgate.example",
            "person_name": "Maya Thornton",
            "phone": "0113 496 0142",
            "hours": {"en": "Monday to Friday, 9:00 to 17:00"},
            "verify_url": "https://northgate.example/pay",
            "created_at": NOON,
            **more,
        }
    )  # fmt: skip
    session.add(creditor)
    session.flush()
    for currency in ("GBP", "EUR", "ILS", "HUF"):
        session.add(
            CreditorBankAccount(
                creditor_id=creditor.id, currency=currency, holder=creditor.name, bank_name="Aire Bank",
                iban="GB33BUKB20201555555555", bic="AIREGB2L", local_number=None,
            )
        )  # fmt: skip
    session.flush()
    return creditor


def an_account(
    session: Session,
    creditor: Creditor,
    *,
    name: str = "Tidewater Café & Bakery Ltd",
    language: str = "en",
    zone: str = "Europe/London",
    email: str | None = None,
    phone: str | None = None,
    debtor_type: DebtorType = DebtorType.BUSINESS,
    with_contact: bool = True,
    now: datetime = NOON,
) -> Account:
    """An account with one contact who pays, reachable by mail."""
    number = next(_numbers)
    account = Account(
        creditor_id=creditor.id, number=f"{10000 + number}", name=name, debtor_type=debtor_type,
        country=creditor.country, zone=zone, language=language, created_at=now,
    )  # fmt: skip
    session.add(account)
    session.flush()
    if with_contact:
        a_contact(session, account, email=email or f"helen{number}@tidewater.example", phone=phone, now=now)
    return account


def a_contact(
    session: Session,
    account: Account,
    *,
    name: str = "Helen Marsh",
    email: str | None = "helen@tidewater.example",
    phone: str | None = None,
    role: ContactRole | None = ContactRole.PAYS,
    now: datetime = NOON,
) -> Contact:
    contact = Contact(
        account_id=account.id, name=name, email=email, phone=phone, may_commit=True, is_active=True,
        confirmed_at=now, created_at=now,
    )  # fmt: skip
    session.add(contact)
    session.flush()
    if role is not None:
        session.add(ContactHasRole(contact_id=contact.id, role=role))
        session.flush()
    return contact


def an_invoice(
    session: Session,
    account: Account,
    *,
    total: Money | int = 10000,
    currency: str = "GBP",
    due_on: date | None = None,
    number: str | None = None,
    lines: int = 1,
    now: datetime = NOON,
) -> Invoice:
    """An open invoice, posted as an import posts it; due 20 days ago unless told otherwise."""
    amount = total if isinstance(total, Money) else Money(total, currency)
    due = due_on or business_date(now, account.zone) - timedelta(days=20)
    invoice = Invoice(
        account_id=account.id, kind=InvoiceKind.INVOICE, number=number or f"2026-{next(_numbers):04d}",
        status=InvoiceStatus.OPEN, issued_on=due - timedelta(days=30), due_on=due, currency=amount.currency,
        lines_net_minor=amount.minor, total_minor=amount.minor, balance_minor=0,
        description="Menus and cup sleeves", created_at=now,
    )  # fmt: skip
    session.add(invoice)
    session.flush()
    rest = amount.minor
    for position in range(1, lines + 1):
        net = rest if position == lines else amount.minor // lines
        rest -= net
        session.add(
            InvoiceLine(
                invoice_id=invoice.id, position=position, code=f"P-{position}", description="Autumn menus",
                quantity="1", unit_price=str(Money(net, amount.currency).decimal), net_minor=net,
            )
        )  # fmt: skip
    ledger.post(
        session,
        SYSTEM,
        ledger.Draft(
            creditor_id=account.creditor_id, reference=f"invoice:{invoice.id}", kind="invoice",
            currency=amount.currency, effective_on=invoice.issued_on,
            sides=[
                ledger.debit(LedgerCode.RECEIVABLES, amount, account_id=account.id, invoice_id=invoice.id),
                ledger.credit(LedgerCode.OPENING_COUNTERPART, amount),
            ],
        ),
        now=now,
    )  # fmt: skip
    return invoice


def a_person(
    session: Session, role: Role = Role.COLLECTOR, *, email: str | None = None, **more: object
) -> Staff:
    """A person of the desk who can't log in until a password is hashed for them."""
    staff = Staff(
        **{
            "email": email or f"{role.value}{next(_numbers)}@northgate.example",
            "name": "Priya Shah", "role": role, "language": "en", "password_hash": "!", "totp_secret": None,
            "is_active": True, "created_at": NOON, **more,
        }
    )  # fmt: skip
    session.add(staff)
    session.flush()
    return staff


def staff_actor(staff: Staff) -> Actor:
    return Actor(ActorKind.STAFF, id=staff.id, role=staff.role, name=staff.name)


def holder_actor(account: Account, contact: Contact | None = None) -> Actor:
    """What redeeming a full link returns."""
    return Actor(
        ActorKind.LINK_HOLDER, id=1, account_id=account.id, contact_id=contact.id if contact else None,
        scope=LinkScope.FULL,
    )  # fmt: skip
