"""Who lives through the 120 days: six debtors, one of each kind, and the people of the house.

All of them are invented; addresses end in `.example`, telephone numbers are of ranges kept for plays.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy.orm import Session

from models.accounts import Account, DebtorType, Segment
from models.creditors import CreditorBankAccount
from models.handovers import HandlerKind
from models.invoices import Invoice, InvoiceKind
from models.staff import Role
from receivables.handovers import handlers
from tests import factories as make

#: A Monday.
FIRST = date(2026, 11, 2)
DAYS = 120
BEGIN = datetime.combine(FIRST, time(4), UTC)


@dataclass(frozen=True, slots=True)
class Paper:
    """A document: on which day it comes into the books, when it is due, how much, in how many lines."""

    number: str
    issued_on: date
    due_on: date
    minor: int
    lines: int = 1
    prepayment: bool = False
    what: str = "Menus and cup sleeves"


@dataclass(frozen=True, slots=True)
class Debtor:
    """One account as an import brings it, with the person who pays."""

    key: str
    segment: Segment
    name: str
    debtor_type: DebtorType
    country: str
    zone: str
    language: str
    currency: str
    person: str
    email: str
    phone: str
    address: str
    papers: tuple[Paper, ...]
    #: What a collector would say of him in a sentence.
    story: str = field(default="")


def day(text: str) -> date:
    """Return a day written "5 Nov" of the winter in which the story plays."""
    number, month = text.split()
    year = 2027 if month in ("Jan", "Feb", "Mar") else 2026
    return datetime.strptime(f"{number} {month} {year}", "%d %b %Y").date()  # noqa: DTZ007 a date, no moment


DEBTORS = (
    Debtor(
        "forgetful", Segment.REMINDER, "Tidewater Café & Bakery Ltd", DebtorType.BUSINESS, "GB",
        "Europe/London", "en", "GBP", "Helen Marsh", "helen@tidewater.example", "+447700900142",
        "3 Harbour Row\nWhitby YO21 3PU",
        (
            Paper("T-101", day("6 Oct"), day("5 Nov"), 48000),
            Paper("T-102", day("29 Oct"), day("28 Nov"), 62000),
            Paper("T-103", day("24 Nov"), day("24 Dec"), 135000),
            Paper("T-104", day("28 Dec"), day("25 Jan"), 27500),
            Paper("T-105", day("28 Dec"), day("26 Jan"), 31000),
            Paper("T-106", day("1 Feb"), day("9 Feb"), 90000, prepayment=True, what="Easter boxes"),
        ),
        "Pays when somebody reminds her; opts out of SMS on the way; orders again, this time in advance.",
    ),
    Debtor(
        "own-terms", Segment.OWN_TERMS, "Dunakanyar Nyomda Kft.", DebtorType.BUSINESS, "HU",
        "Europe/Budapest", "hu", "HUF", "Szabó Eszter", "eszter@dunakanyar.example", "+36205550123",
        "Próba utca 4.\n2600 Vác",
        (
            Paper("D-201", day("20 Sep"), day("20 Oct"), 41250000),
            Paper("D-202", day("21 Oct"), day("20 Nov"), 39800000),
            Paper("D-203", day("22 Nov"), day("22 Dec"), 52400000),
        ),
        "Pays, but on the sixtieth day and not on the thirtieth; terms are agreed, the ladder follows.",
    ),
    Debtor(
        "problem", Segment.OPEN_PROBLEM, "קפה השחר בע״מ", DebtorType.BUSINESS, "IL",
        "Asia/Jerusalem", "he", "ILS", "נועה ברק", "noa@hashahar.example", "+972555501234",
        "רחוב הדוגמה 7\nחיפה",
        (
            Paper("J-301", day("8 Oct"), day("8 Nov"), 840000, lines=3),
            Paper("J-302", day("10 Dec"), day("10 Jan"), 515000),
        ),
        "A third of a delivery was damaged; until that is answered nothing of it is asked for.",
    ),
    Debtor(
        "hardship", Segment.HARDSHIP, "Столярная мастерская Луганова", DebtorType.SOLE_TRADER, "DE",
        "Europe/Berlin", "ru", "EUR", "Илья Луганов", "ilja@luganow.example", "+493023125123",
        "Beispielweg 12\n10115 Berlin",
        (
            Paper("L-401", day("15 Sep"), day("15 Oct"), 190000),
            Paper("L-402", day("21 Oct"), day("20 Nov"), 64000),
        ),
        "Cannot pay all at once, says so, agrees to four parts and misses one of them.",
    ),
    Debtor(
        "refuser", Segment.NO_AGREEMENT, "Vane Interiors (Gregor Vane)", DebtorType.SOLE_TRADER, "GB",
        "Europe/London", "en", "GBP", "Gregor Vane", "gregor@vane.example", "+447700900377",
        "19 Mock Lane\nLeeds LS1 9ZZ",
        (
            Paper("V-501", day("24 Aug"), day("23 Sep"), 520000),
            Paper("V-502", day("24 Sep"), day("26 Oct"), 110000),
        ),
        "Could pay and does not: a promise broken, letters ignored, an offer left lying; an agency.",
    ),
    Debtor(
        "untraceable", Segment.UNTRACEABLE, "Cedar Hollow Outfitters LLC", DebtorType.BUSINESS, "US",
        "America/New_York", "en", "USD", "Dale Hutchins", "dale@cedarhollow.example", "+12125550142",
        "100 Sample Road\nBurlington VT 05401",
        (Paper("C-601", day("13 Oct"), day("12 Nov"), 286000),),
        "The mail comes back, nobody knows him at the number, the letter comes back too.",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class People:
    """Who works for the house; two supervisors, since some things take a second person."""

    collector: str = "Priya Shah"
    supervisor: str = "Robert Hale"
    second: str = "Ines Calder"
    salesperson: str = "Tom Birch"
    sponsor: str = "Ruth Amsel"


PEOPLE = People()
_ROLES = {
    "collector": Role.COLLECTOR, "supervisor": Role.SUPERVISOR, "second": Role.SUPERVISOR,
    "salesperson": Role.SALESPERSON, "sponsor": Role.SUPERVISOR,
}  # fmt: skip
AGENCY = handlers.HandlerFacts(
    HandlerKind.AGENCY, "Harbour Recoveries Ltd", "4 Quay Street\nBristol BS1 4DJ", "+44 117 496 0011",
    "cases@harbour.example", "", "12.5", "Reports monthly.",
)  # fmt: skip


def set_up(session: Session) -> None:
    """Write the house, its people and the accounts; documents come on their own days."""
    creditor = make.a_creditor(session, code="walkthrough", created_at=BEGIN)
    session.add(
        CreditorBankAccount(
            creditor_id=creditor.id, currency="USD", holder=creditor.name, bank_name="Aire Bank",
            iban="GB33BUKB20201555555555", bic="AIREGB2L", local_number=None,
        )
    )  # fmt: skip
    staff = {
        key: make.a_person(
            session, role, email=f"{key}@northgate.example", name=getattr(PEOPLE, key), created_at=BEGIN
        )
        for key, role in _ROLES.items()
    }
    for number, debtor in enumerate(DEBTORS, start=1):
        account = make.an_account(
            session, creditor, name=debtor.name, language=debtor.language, zone=debtor.zone,
            debtor_type=debtor.debtor_type, with_contact=False, now=BEGIN,
        )  # fmt: skip
        account.number, account.country = f"W-{number}", debtor.country
        account.postal_address = debtor.address
        account.collector_id = staff["collector"].id
        account.salesperson_id, account.sponsor_id = staff["salesperson"].id, staff["sponsor"].id
        make.a_contact(
            session, account, name=debtor.person, email=debtor.email, phone=debtor.phone, now=BEGIN
        )
    handlers.add_handler(session, make.staff_actor(staff["supervisor"]), AGENCY, now=BEGIN)


def book(session: Session, account: Account, paper: Paper, *, now: datetime) -> Invoice:
    """Bring one document into the books, as an import does."""
    invoice = make.an_invoice(
        session, account, total=paper.minor, number=paper.number, due_on=paper.due_on, lines=paper.lines,
        currency=next(d.currency for d in DEBTORS if d.name == account.name), now=now,
    )  # fmt: skip
    invoice.issued_on, invoice.description = paper.issued_on, paper.what
    if paper.prepayment:
        invoice.kind = InvoiceKind.PREPAYMENT
    return invoice


def last_day() -> date:
    """Return the last day of the story."""
    return FIRST + timedelta(days=DAYS - 1)
