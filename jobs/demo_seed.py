"""The demo's books before anything happens: creditors, people of the desk, customers and their papers.

Facts are brought in as an import brings them; everything after that (reminders, payments, credit
notes) runs through the real actions, so that the mailbox and the books tell the same story.
Source: decision 27.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs import demo_desk_account, demo_desk_approvals, demo_desk_staff
from jobs.demo_cast import HOUSES, STAFF, Customer, Fee, House, Paper
from jobs.demo_customers import WAYS_OUT
from jobs.demo_gateway_customers import TAKEN_BACK
from jobs.demo_ladder_customers import LADDER
from jobs.demo_outcome_customers import OUTCOMES
from jobs.demo_payers import PAYERS
from models.accounts import Account, Contact, ContactHasRole
from models.creditors import Creditor, CreditorBankAccount
from models.invoices import Invoice, InvoiceKind, InvoiceLine
from models.ledger import LedgerCode
from models.money import Money, currency_row, round_to_minor
from models.staff import Role, Staff
from models.states import InvoiceStatus
from receivables import ledger
from receivables.calendar_days import at_local, business_date
from receivables.desk.passwords import hash_password
from receivables.desk.staff import CODE_ROLES, add_staff
from receivables.permissions import SYSTEM

#: One password and one code secret for the whole demo, printed on the screen.
PASSWORD = "amicable-demo-2026"  # noqa: S105 - a demo's, refused nowhere else since it is seeded only here
CODE_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # noqa: S105
#: Days to pay, on every paper.
TERMS = 30
#: Who has a story played on the stage; a head office stands before its branches.
PLAYED = (*TAKEN_BACK, *WAYS_OUT, *OUTCOMES, *LADDER)
#: Everybody.
CUSTOMERS = (*PAYERS, *PLAYED)


def _rooms() -> dict[str, tuple[str, ...]]:
    """Cases by what they are about, as the demo prints them; what begins with no word below is an answer."""
    words = {
        "Questions about an invoice": ("dispute",),
        "Plans and saved cards": ("plan", "card"),
        "Offers": ("offer", "counter-offer"),
        "Money that goes back": ("refund", "chargeback"),
        "The rest of the account": ("interest", "credit hold", "early", "head office", "branch"),
    }
    rooms = {"Reminding and paying": tuple(customer.case for customer in PAYERS)}
    rooms["The ladder"] = tuple(customer.case for customer in LADDER)
    left = [customer.case for customer in PLAYED if customer not in LADDER]
    for title, begins in words.items():
        rooms[title] = tuple(case for case in left if case.startswith(begins))
        left = [case for case in left if case not in rooms[title]]
    last = rooms.pop("The rest of the account")
    return rooms | {"Promises and answers": tuple(left), "The rest of the account": last}


#: Title -> cases, as they are printed.
ROOMS = _rooms()


def working_moment(now: datetime, zone: str) -> datetime:
    """Return 10:00 of the last weekday in a zone that is not after `now` (decision 27)."""
    day = business_date(now, zone)
    if at_local(day, time(10), zone) > now:
        day -= timedelta(days=1)
    while day.weekday() >= 5 or (zone == "Asia/Jerusalem" and day.weekday() == 4):
        day -= timedelta(days=1)
    return at_local(day, time(10), zone)


def seed(session: Session, *, now: datetime) -> None:
    """Fill an empty database; does nothing when the demo is there already."""
    if session.scalar(select(Creditor.id).limit(1)) is not None:
        return
    hashed = hash_password(PASSWORD, with_code=False)
    for email, name, role, language in STAFF:
        add_staff(
            session,
            SYSTEM,
            email=email,
            name=name,
            role=role,
            password_hash=hashed,
            totp_secret=CODE_SECRET if role in CODE_ROLES else None,
            language=language,
            now=now,
        )
    creditors = {house.code: _creditor(session, house, now) for house in HOUSES}
    collector = session.scalars(
        select(Staff.id).where(Staff.role == Role.COLLECTOR).order_by(Staff.id)
    ).first()
    seller = session.scalars(select(Staff.id).where(Staff.role == Role.SALESPERSON)).one()
    accounts: dict[str, Account] = {}
    for customer in CUSTOMERS:
        creditor = creditors[customer.house]
        # What happened on an account happened after its papers were brought in.
        known = now - timedelta(days=customer.known_for) if customer in PLAYED else now
        account = accounts[customer.case] = _account(session, creditor, customer, known)
        if customer.branch_of is not None:
            account.payer_id, account.shown_to_payer = accounts[customer.branch_of].id, True
        if customer.house == "northgate" and customer.case != "overdue, English":
            account.collector_id, account.salesperson_id = collector, seller
        today = business_date(now, account.zone)
        for paper in customer.papers:
            issued = at_local(today + timedelta(days=paper.due_in - TERMS), time(9), account.zone)
            written = _paper(session, account, paper, today, now=min(max(known, issued), now))
            if paper.fee is not None:
                _say_how(session, written, paper.fee, today)
    demo_desk_staff.seed(session, zone=HOUSES[0].zone, now=now)
    demo_desk_approvals.seed(session, zone=HOUSES[0].zone, now=now)
    demo_desk_account.seed(session, now=now)


def _creditor(session: Session, house: House, now: datetime) -> Creditor:
    creditor = Creditor(
        code=house.code,
        name=house.name,
        short_name=house.short_name,
        address=house.address,
        country=house.country,
        company_number=house.company_number,
        tax_id=house.tax_id,
        zone=house.zone,
        language=house.language,
        languages=["en", "he", "ru", "hu"],
        brand_colour=house.colour,
        gateway_account="default",
        email_from=f"accounts@{house.code}.example",
        person_name=house.person,
        phone=house.phone,
        hours=house.hours,
        verify_url=f"https://{house.code}.example/pay",
        created_at=now,
    )
    session.add(creditor)
    session.flush()
    for currency, bank, iban, bic in house.bank:
        session.add(
            CreditorBankAccount(
                creditor_id=creditor.id,
                currency=currency,
                holder=house.name,
                bank_name=bank,
                iban=iban,
                bic=bic,
            )
        )
    return creditor


def _account(session: Session, creditor: Creditor, customer: Customer, now: datetime) -> Account:
    account = Account(
        creditor_id=creditor.id,
        number=customer.number,
        name=customer.name,
        debtor_type=customer.debtor_type,
        country=creditor.country,
        zone=creditor.zone,
        language=customer.language,
        postal_address=_address(customer),
        in_pilot=customer.is_pilot,
        created_at=now,
    )
    session.add(account)
    session.flush()
    contact = Contact(
        account_id=account.id,
        name=customer.contact,
        email=customer.email,
        phone=customer.phone,
        may_commit=True,
        is_active=True,
        confirmed_at=now,
        created_at=now,
    )
    session.add(contact)
    session.flush()
    session.add_all(ContactHasRole(contact_id=contact.id, role=role) for role in customer.roles)
    return account


def _address(customer: Customer) -> str | None:
    """Where a customer gets letters: made up from his number; one in ten is not on file."""
    house = next(house for house in HOUSES if house.code == customer.house)
    number = int(customer.number.replace("-", ""))
    if number % 10 == 9:
        return None
    street = house.streets[number % len(house.streets)].format(2 + number % 61)
    postcode = {"GB": chr(65 + number % 20) + "Q", "IL": f"{number % 90000:05d}"}
    return f"{street}\n{house.town.format(postcode.get(house.country, f'{10 + number % 80}'))}"


def _paper(session: Session, account: Account, paper: Paper, today: date, *, now: datetime) -> Invoice:
    due_on = today + timedelta(days=paper.due_in)
    nets = [round_to_minor(Decimal(q) * Decimal(p), paper.currency) for _, _, q, p in paper.lines]
    rate = Decimal(paper.tax_rate or 0) / 100
    taxes = [round_to_minor(Money(net, paper.currency).decimal * rate, paper.currency) for net in nets]
    rounding = 0
    if paper.currency == "HUF":  # forint documents are rounded to whole units
        rounding = -((sum(nets) + sum(taxes)) % 100)
    total = Money(sum(nets) + sum(taxes) + rounding, paper.currency)
    is_note = paper.kind is InvoiceKind.CREDIT_NOTE
    invoice = Invoice(
        account_id=account.id,
        kind=paper.kind,
        number=paper.number,
        status=paper.status,
        issued_on=due_on - timedelta(days=TERMS),
        due_on=None if is_note else due_on,
        currency=paper.currency,
        lines_net_minor=sum(nets),
        tax_minor=sum(taxes),
        rounding_minor=rounding,
        total_minor=total.minor,
        balance_minor=0,
        description=paper.about,
        purchase_order=paper.purchase_order,
        early_discount_minor=_part(total, paper.early[0]).minor if paper.early else None,
        early_discount_to_on=today + timedelta(days=paper.early[1]) if paper.early else None,
        created_at=now,
    )
    session.add(invoice)
    session.flush()
    session.add_all(
        InvoiceLine(
            invoice_id=invoice.id,
            position=position,
            code=code,
            description=text,
            quantity=quantity,
            unit_price=price,
            net_minor=net,
            tax_minor=tax,
            tax_rate=paper.tax_rate,
            tax_category="S",
        )
        for position, ((code, text, quantity, price), net, tax) in enumerate(
            zip(paper.lines, nets, taxes, strict=True), 1
        )
    )
    if paper.status is InvoiceStatus.OPEN:
        _open_in_books(session, account, invoice, total, now=now)
    return invoice


def _say_how(session: Session, invoice: Invoice, fee: Fee, today: date) -> None:
    """Write down what the one line of a fee was worked out from, and for which document."""
    late = session.scalars(
        select(Invoice).where(Invoice.account_id == invoice.account_id, Invoice.number == fee.of_number)
    ).one()
    line = session.scalars(select(InvoiceLine).where(InvoiceLine.invoice_id == invoice.id)).one()
    invoice.refers_to_id = late.id
    line.basis_minor, line.basis_rate, line.basis_days = late.total_minor, fee.rate, fee.days
    line.basis_to_on = today + timedelta(days=fee.to_in)
    line.basis_from_on = line.basis_to_on - timedelta(days=fee.days - 1)
    line.legal_basis = fee.law


def _part(whole: Money, percent: int) -> Money:
    """So many percent of an amount, rounded down to what can be paid."""
    step = currency_row(whole.currency).step
    return Money(whole.minor * percent // 100 // step * step, whole.currency)


def _open_in_books(
    session: Session, account: Account, invoice: Invoice, total: Money, *, now: datetime
) -> None:
    """Post the document as an import does (decision 3)."""
    counterpart = LedgerCode.OPENING_COUNTERPART
    if invoice.kind is InvoiceKind.CREDIT_NOTE:
        sides = [
            ledger.debit(counterpart, total),
            ledger.credit(LedgerCode.UNAPPLIED_CREDIT, total, account_id=account.id, invoice_id=invoice.id),
        ]
    else:
        sides = [
            ledger.debit(LedgerCode.RECEIVABLES, total, account_id=account.id, invoice_id=invoice.id),
            ledger.credit(counterpart, total),
        ]
    ledger.post(
        session,
        SYSTEM,
        ledger.Draft(
            creditor_id=account.creditor_id,
            reference=f"invoice:{invoice.id}",
            kind="opening",
            currency=total.currency,
            sides=sides,
            effective_on=invoice.issued_on,
        ),
        now=now,
    )
