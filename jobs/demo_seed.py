"""The demo's people and papers: plainly fictional, one case for each status that exists.

Facts are brought in as an import brings them; everything after that (reminders, payments, credit
notes) runs through the real actions, so that the mailbox and the books tell the same story.
Source: decision 27.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs.demo_customers import WAYS_OUT, Customer, Paper
from models.accounts import Account, Contact, ContactHasRole, DebtorType
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
#: How long the accounts with a story are in the books.
KNOWN_FOR = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class House:
    """A fictional creditor."""

    code: str
    name: str
    short_name: str
    address: str
    country: str
    company_number: str
    tax_id: str
    zone: str
    language: str
    colour: str
    person: str
    phone: str
    hours: dict[str, str]
    bank: tuple[tuple[str, str, str, str], ...]


HOUSES = (
    House(
        "northgate",
        "Northgate Paper & Print Ltd",
        "Northgate",
        "14 Weir Street, Leeds LS2 7QA",
        "GB",
        "Company 04417822",
        "VAT GB 812 4410 27",
        "Europe/London",
        "en",
        "#0b5d57",
        "Maya Thornton",
        "0113 496 0142",
        {
            "en": "Monday to Friday, 9:00 to 17:00",
            "he": "ימים שני עד שישי, 9:00 עד 17:00",
            "ru": "понедельник – пятница, 9:00–17:00",
            "hu": "hétfőtől péntekig, 9:00–17:00",
        },
        (
            ("GBP", "Aire Bank", "GB33BUKB20201555555555", "AIREGB2L"),
            ("EUR", "Aire Bank", "GB94BARC10201530093459", "AIREGB2L"),
            ("JPY", "Aire Bank", "GB94BARC20201530093459", "AIREGB2L"),
        ),
    ),
    House(
        "hashahar",
        "דפוס השחר בע״מ",
        "דפוס השחר",
        "רחוב הנמל 8, חיפה 3303108",
        "IL",
        "ח״פ 514400142",
        "עוסק מורשה 514400142",
        "Asia/Jerusalem",
        "he",
        "#4c3bb0",
        "יעל אברהמי",
        "03-555-0142",
        {
            "he": "ימים ראשון עד חמישי, 9:00 עד 17:00",
            "en": "Sunday to Thursday, 9:00 to 17:00",
            "ru": "воскресенье – четверг, 9:00–17:00",
            "hu": "vasárnaptól csütörtökig, 9:00–17:00",
        },
        (("ILS", "בנק הכרמל", "IL620108000000099999999", "CRMLILIT"),),
    ),
    House(
        "baltika",
        "Baltika Print OÜ",
        "Baltika Print",
        "Sadama 14, 10111 Tallinn",
        "EE",
        "Reg. 12440142",
        "KMKR EE100440142",
        "Europe/Tallinn",
        "ru",
        "#0b5d57",
        "Анна Орлова",
        "+372 600 0142",
        {
            "ru": "понедельник – пятница, 9:00–17:00",
            "en": "Monday to Friday, 9:00 to 17:00",
            "he": "ימים שני עד שישי, 9:00 עד 17:00",
            "hu": "hétfőtől péntekig, 9:00–17:00",
        },
        (("EUR", "Sadama Pank", "EE382200221020145685", "SADAEE2X"),),
    ),
    House(
        "eszaki",
        "Északi Kapu Papír és Nyomda Kft.",
        "Északi Kapu",
        "1138 Budapest, Révész utca 14.",
        "HU",
        "Cg. 01-09-440142",
        "Adószám 14400142-2-41",
        "Europe/Budapest",
        "hu",
        "#0b5d57",
        "Kovács Eszter",
        "+36 1 555 0142",
        {
            "hu": "hétfőtől péntekig, 9:00–17:00",
            "en": "Monday to Friday, 9:00 to 17:00",
            "he": "ימים שני עד שישי, 9:00 עד 17:00",
            "ru": "понедельник – пятница, 9:00–17:00",
        },
        (("HUF", "Duna Takarék", "HU42117730161111101800000000", "DUNAHUHB"),),
    ),
)

STAFF = (
    ("collector@northgate.example", "Priya Shah", Role.COLLECTOR, "en"),
    ("supervisor@northgate.example", "Ruth Adler", Role.SUPERVISOR, "en"),
    ("accountant@northgate.example", "Tom Okafor", Role.ACCOUNTANT, "en"),
    ("sales@northgate.example", "Marek Nowak", Role.SALESPERSON, "en"),
    ("auditor@northgate.example", "Ines Calder", Role.AUDITOR, "en"),
    ("admin@northgate.example", "Owen Pryce", Role.ADMIN, "en"),
    ("collector.he@hashahar.example", "יעל אברהמי", Role.COLLECTOR, "he"),
)


_MENUS = (
    ("MN-210", "Autumn menu, A4 folded, 250 g", "400", "0.84"),
    ("CS-12", "Cup sleeves, kraft, printed one colour", "1000", "0.144"),
)
_BOXES = (
    ("GB-30", "Gift box, small, with ribbon", "240", "1.65"),
    ("GB-45", "Gift box, large, with ribbon", "120", "2.55"),
)

CUSTOMERS = (
    Customer(
        "overdue, English",
        "northgate",
        "10482",
        "Tidewater Café & Bakery Ltd",
        "en",
        "Helen Marsh",
        "helen@tidewater.example",
        "+447700900142",
        (
            Paper(
                "2026-1131", -29, "GBP", "Autumn menus and cup sleeves", _MENUS, "20", purchase_order="PO-881"
            ),
            Paper("2026-1184", -8, "GBP", "Gift boxes, two sizes, with ribbon", _BOXES, "20"),
            Paper(
                "2026-1207",
                0,
                "GBP",
                "Menu cards, napkins and loyalty cards",
                (("MC-9", "Menu cards, A5", "300", "0.56"), ("LC-1", "Loyalty cards", "600", "0.12")),
                "20",
            ),
            Paper(
                "2026-1262",
                18,
                "GBP",
                "Christmas labels and paper bags",
                (("XL-4", "Christmas labels", "2500", "0.102"), ("PB-7", "Paper bags", "1500", "0.17")),
                "20",
            ),
        ),
    ),
    Customer(
        "overdue, Hebrew",
        "hashahar",
        "10482",
        "מאפיית גלים ובניו בע״מ",
        "he",
        "דנה לוי",
        "dana@galim.example",
        "+972525550142",
        (
            Paper(
                "2026-1131",
                -29,
                "ILS",
                "תפריטי סתיו ושרוולים לכוסות",
                (
                    ("MN-210", "תפריט סתיו, A4 מקופל", "400", "4.20"),
                    ("CS-12", "שרוולים לכוסות, קראפט", "1000", "0.781"),
                ),
                "18",
            ),
            Paper(
                "2026-1184",
                -8,
                "ILS",
                "קופסאות מתנה בשני גדלים, עם סרט",
                (("GB-30", "קופסת מתנה קטנה", "240", "8.25"), ("GB-45", "קופסת מתנה גדולה", "120", "12.75")),
                "18",
            ),
            Paper(
                "2026-1262",
                18,
                "ILS",
                "מדבקות לחנוכה ושקיות נייר",
                (("XL-4", "מדבקות לחנוכה", "2500", "0.51"), ("PB-7", "שקיות נייר", "1500", "0.85")),
                "18",
            ),
        ),
    ),
    Customer(
        "overdue, Russian",
        "baltika",
        "10482",
        "OÜ «Пекарня Прибой»",
        "ru",
        "Анна Сергеевна Петрова",
        "anna@priboi.example",
        None,
        (
            Paper(
                "2026-1131",
                -29,
                "EUR",
                "Осенние меню и держатели для стаканов",
                (
                    ("MN-210", "Осеннее меню, A4", "400", "0.84"),
                    ("CS-12", "Держатели для стаканов", "1000", "0.144"),
                ),
                "24",
            ),
            Paper(
                "2026-1184",
                -8,
                "EUR",
                "Подарочные коробки двух размеров, с лентой",
                (("GB-30", "Коробка малая", "240", "1.65"), ("GB-45", "Коробка большая", "120", "2.55")),
                "24",
            ),
            Paper(
                "2026-1262",
                18,
                "EUR",
                "Рождественские этикетки и пакеты",
                (("XL-4", "Этикетки", "2500", "0.102"), ("PB-7", "Бумажные пакеты", "1500", "0.17")),
                "24",
            ),
        ),
    ),
    Customer(
        "overdue, Hungarian",
        "eszaki",
        "10482",
        "Hullám Kávézó és Pékség Kft.",
        "hu",
        "Nagy Anna",
        "anna@hullam.example",
        "+36205550142",
        (
            Paper(
                "2026-1131",
                -29,
                "HUF",
                "Őszi étlapok és pohártartó hüvelyek",
                (("MN-210", "Őszi étlap, A4", "400", "310"), ("CS-12", "Pohártartó hüvely", "1000", "45")),
                "27",
            ),
            Paper(
                "2026-1184",
                -8,
                "HUF",
                "Ajándékdobozok két méretben, szalaggal",
                (
                    ("GB-30", "Ajándékdoboz, kicsi", "100", "650"),
                    ("GB-45", "Ajándékdoboz, nagy", "50", "1000"),
                ),
                "27",
            ),
            Paper(
                "2026-1262",
                18,
                "HUF",
                "Karácsonyi címkék és papírtáskák",
                (("XL-4", "Karácsonyi címke", "2500", "27"), ("PB-7", "Papírtáska", "1500", "36")),
                "27",
            ),
        ),
    ),
    Customer(
        "no decimals (JPY)",
        "northgate",
        "10601",
        "Hinode Stationers K.K.",
        "en",
        "Keiko Tanabe",
        "keiko@hinode.example",
        None,
        (Paper("2026-1140", -20, "JPY", "Washi samples", (("WS-1", "Washi sample book", "40", "2450"),)),),
    ),
    Customer(
        "two currencies",
        "northgate",
        "10655",
        "Brightwater Hospitality Ltd",
        "en",
        "Owen Mercer",
        "owen@brightwater.example",
        "+447700900155",
        (
            Paper(
                "2026-1102", -41, "GBP", "Table linen tags", (("TT-1", "Linen tags", "2000", "0.31"),), "20"
            ),
            Paper("2026-1103", -35, "EUR", "Menus for the Dublin house", (("MN-2", "Menus", "500", "1.85"),)),
            Paper("2026-1240", 12, "EUR", "Place cards", (("PC-3", "Place cards", "800", "0.22"),)),
        ),
    ),
    Customer(
        "private person",
        "northgate",
        "20017",
        "Rosalind Finch",
        "en",
        "Rosalind Finch",
        "rosalind@finch.example",
        "+447700900161",
        (
            Paper(
                "2026-1175",
                -12,
                "GBP",
                "Wedding invitations",
                (("WI-80", "Wedding invitations, 80", "80", "2.15"), ("EN-80", "Envelopes", "80", "0.35")),
                "20",
            ),
        ),
        DebtorType.PRIVATE_PERSON,
    ),
    Customer(
        "paid",
        "northgate",
        "10710",
        "Copperfield Florists Ltd",
        "en",
        "Ada Lindqvist",
        "ada@copperfield.example",
        None,
        (Paper("2026-1098", -15, "GBP", "Gift tags", (("GT-2", "Gift tags", "1200", "0.18"),), "20"),),
    ),
    Customer(
        "bank debit on its way",
        "northgate",
        "10711",
        "Lantern Bookshop LLP",
        "en",
        "Jonas Webb",
        "jonas@lantern.example",
        None,
        (Paper("2026-1099", -14, "GBP", "Bookmarks", (("BM-1", "Bookmarks", "3000", "0.09"),), "20"),),
    ),
    Customer(
        "payment being checked",
        "northgate",
        "10712",
        "Harbour Lights Hotel Ltd",
        "en",
        "Nadia Frost",
        "nadia@harbourlights.example",
        None,
        (
            Paper(
                "2026-1101",
                -13,
                "GBP",
                "Key card sleeves",
                (("KC-1", "Key card sleeves", "900", "0.27"),),
                "20",
            ),
        ),
    ),
    Customer(
        "left the card page",
        "northgate",
        "10713",
        "Greenbank Deli Ltd",
        "en",
        "Piotr Zielinski",
        "piotr@greenbank.example",
        None,
        (Paper("2026-1105", -11, "GBP", "Deli labels", (("DL-1", "Deli labels", "4000", "0.06"),), "20"),),
    ),
    Customer(
        "credit note, credit in favour",
        "northgate",
        "10714",
        "Juniper Tea Rooms Ltd",
        "en",
        "Mabel Hart",
        "mabel@juniper.example",
        None,
        (
            Paper("2026-1107", -10, "GBP", "Tea labels", (("TL-1", "Tea labels", "2000", "0.13"),), "20"),
            Paper(
                "CN-2026-044",
                -9,
                "GBP",
                "Returned cartons",
                (("RC-1", "Cartons", "10", "4.20"),),
                "20",
                InvoiceKind.CREDIT_NOTE,
            ),
            Paper(
                "2026-1033",
                -80,
                "GBP",
                "Old sign, written off by the books",
                (("SG-1", "Sign", "1", "140"),),
                None,
                InvoiceKind.INVOICE,
                InvoiceStatus.WRITTEN_OFF,
            ),
            Paper(
                "2026-1034",
                -79,
                "GBP",
                "Ordered twice by mistake",
                (("SG-2", "Sign", "1", "90"),),
                None,
                InvoiceKind.INVOICE,
                InvoiceStatus.VOID,
            ),
            Paper(
                "2026-1300",
                40,
                "GBP",
                "Spring menus, not sent yet",
                (("SM-1", "Spring menus", "300", "0.9"),),
                "20",
                InvoiceKind.INVOICE,
                InvoiceStatus.DRAFT,
            ),
        ),
    ),
    Customer(
        "prepayment",
        "northgate",
        "10715",
        "Larkspur Events Ltd",
        "en",
        "Imogen Vale",
        "imogen@larkspur.example",
        None,
        (
            Paper(
                "PF-2026-019",
                6,
                "GBP",
                "Banner, kept for you until the due date",
                (("BN-1", "Banner, 3 m", "2", "165"),),
                "20",
                InvoiceKind.PREPAYMENT,
            ),
        ),
    ),
    Customer(
        "nothing open",
        "northgate",
        "10716",
        "Saltmarsh Gallery Ltd",
        "en",
        "Edwin Rowe",
        "edwin@saltmarsh.example",
        None,
        (),
    ),
    *WAYS_OUT,
)


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
        known = now - KNOWN_FOR if customer in WAYS_OUT else now
        account = accounts[customer.case] = _account(session, creditor, customer, known)
        if customer.branch_of is not None:
            account.payer_id, account.shown_to_payer = accounts[customer.branch_of].id, True
        if customer.house == "northgate" and customer.case != "overdue, English":
            account.collector_id, account.salesperson_id = collector, seller
        today = business_date(now, account.zone)
        for paper in customer.papers:
            issued = at_local(today + timedelta(days=paper.due_in - TERMS), time(9), account.zone)
            _paper(session, account, paper, today, now=min(max(known, issued), now))


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
        created_at=now,
    )
    session.add(contact)
    session.flush()
    session.add_all(ContactHasRole(contact_id=contact.id, role=role) for role in customer.roles)
    return account


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
