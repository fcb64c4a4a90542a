"""The demo's cast: four creditors, the people of their desk, and what a customer and a paper are made of.

People and firms are plainly fictional. Source: decision 27.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.accounts import ContactRole, DebtorType
from models.invoices import InvoiceKind
from models.staff import Role
from models.states import InvoiceStatus


@dataclass(frozen=True, slots=True)
class Fee:
    """How interest was worked out: for which paper, at what yearly rate, for how many days until when.

    `to_in` is the last of these days, counted from today; the sum is what that paper was for.
    """

    of_number: str
    rate: str
    days: int
    to_in: int
    law: str


@dataclass(frozen=True, slots=True)
class Paper:
    """A document: days from today to its due date (negative: late), and its lines.

    `early` is a discount in percent for paying it all within so many days from today.
    """

    number: str
    due_in: int
    currency: str
    about: str
    lines: tuple[tuple[str, str, str, str], ...]  # code, description, quantity, unit price
    tax_rate: str | None = None
    kind: InvoiceKind = InvoiceKind.INVOICE
    status: InvoiceStatus = InvoiceStatus.OPEN
    purchase_order: str | None = None
    early: tuple[int, int] | None = None
    fee: Fee | None = None


@dataclass(frozen=True, slots=True)
class Customer:
    """An account with one contact and its papers; `case` names what it shows.

    `branch_of` is the case of the head office that pays for it and sees it; that one comes before. An
    account with a story is in the books since `known_for` days; for one of the pilot the ladder acts by
    itself.
    """

    case: str
    house: str
    number: str
    name: str
    language: str
    contact: str
    email: str
    phone: str | None
    papers: tuple[Paper, ...]
    debtor_type: DebtorType = DebtorType.BUSINESS
    roles: tuple[ContactRole, ...] = (ContactRole.PAYS,)
    branch_of: str | None = None
    known_for: int = 30
    is_pilot: bool = False


@dataclass(frozen=True, slots=True)
class House:
    """A fictional creditor; `streets` and `town` are where its customers get their post."""

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
    streets: tuple[str, ...]
    town: str


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
        ("{} Quarry Lane", "{} Mill Row", "{} Chapel Street", "{} Bridge Yard"),
        "Leeds LS2 9{}",
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
        ("רחוב האורן {}", "רחוב המעיין {}", "שדרות הגפן {}"),
        "חיפה 33{}",
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
        ("Kase {}", "Lootsi {}", "Pargi {}"),
        "101{} Tallinn",
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
        ("Gesztenye utca {}.", "Malom köz {}.", "Hajós utca {}."),
        "11{} Budapest",
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
