"""Customers of the demo that show a debtor's ways out, one account for each case.

Papers only: what becomes of them is played through the real actions (demo_ways_out.py). People and
firms are plainly fictional. Source: decision 27; issue of the portal, "Done when".
"""

from __future__ import annotations

from dataclasses import dataclass

from models.accounts import ContactRole, DebtorType
from models.invoices import InvoiceKind
from models.states import InvoiceStatus


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


@dataclass(frozen=True, slots=True)
class Customer:
    """An account with one contact and its papers; `case` names what it shows.

    `branch_of` is the case of the head office that pays for it and sees it; that one comes before.
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


WAYS_OUT = (
    # --------------------------------------------------------------------- disputes
    Customer(
        "dispute open",
        "northgate",
        "10801",
        "Quillfeather Stationers Ltd",
        "en",
        "Beatrix Quill",
        "beatrix@quillfeather.example",
        "+447700900171",
        (
            Paper(
                "2026-1151",
                -21,
                "GBP",
                "Notebooks and wrapping paper",
                (
                    ("NB-5", "Notebooks, A5, ruled", "300", "1.85"),
                    ("WP-2", "Wrapping paper, rolls", "120", "2.40"),
                ),
                "20",
                purchase_order="QF-207",
            ),
            Paper("2026-1219", -4, "GBP", "Envelopes", (("EN-11", "Envelopes, C5", "2000", "0.07"),), "20"),
        ),
    ),
    Customer(
        "dispute upheld in part",
        "hashahar",
        "10802",
        "קונדיטוריית ענן סוכר בע״מ",
        "he",
        "נועה ברקת",
        "noa@anansukar.example",
        "+972525550171",
        (
            Paper(
                "2026-1142",
                -24,
                "ILS",
                "קופסאות לעוגות ומדבקות",
                (
                    ("CB-20", "קופסה לעוגה, עם חלון", "500", "3.60"),
                    ("ST-3", "מדבקות סגירה", "3000", "0.22"),
                ),
                "18",
            ),
        ),
    ),
    Customer(
        "dispute refused",
        "eszaki",
        "10803",
        "Holdkő Könyvesbolt Kft.",
        "hu",
        "Tóth Réka",
        "reka@holdko.example",
        None,
        (
            Paper(
                "2026-1139",
                -26,
                "HUF",
                "Könyvjelzők és papírtáskák",
                (("KJ-1", "Könyvjelző", "2000", "38"), ("PB-7", "Papírtáska", "1200", "64")),
                "27",
            ),
        ),
    ),
    # --------------------------------------------------------------------- plans
    Customer(
        "plan by saved card",
        "northgate",
        "10804",
        "Thistledown Toys Ltd",
        "en",
        "Rowan Ashby",
        "rowan@thistledown.example",
        "+447700900174",
        (
            Paper(
                "2026-1112",
                -33,
                "GBP",
                "Toy boxes, printed",
                (("TB-6", "Toy boxes, three sizes", "600", "1.25"),),
                "20",
            ),
            Paper(
                "2026-1160",
                -17,
                "GBP",
                "Rule books",
                (("RB-2", "Rule books, 16 pages", "500", "0.78"),),
                "20",
            ),
        ),
    ),
    Customer(
        "plan by link",
        "hashahar",
        "10805",
        "ספרי עלה ורוד בע״מ",
        "he",
        "איתי שקד",
        "itai@alevarod.example",
        "+972525550174",
        (
            Paper(
                "2026-1120",
                -31,
                "ILS",
                "כרזות ועלונים לחנות הספרים",
                (("PO-4", "כרזות A2", "200", "9.80"), ("LF-8", "עלונים", "6000", "0.35")),
                "18",
            ),
        ),
    ),
    Customer(
        "plan awaiting approval",
        "baltika",
        "10806",
        "OÜ «Мастерская Белый Кит»",
        "ru",
        "Илья Сомов",
        "ilya@belykit.example",
        None,
        (
            Paper(
                "2026-1117",
                -32,
                "EUR",
                "Каталоги и упаковка",
                (("CT-48", "Каталог, 48 страниц", "400", "2.90"), ("UP-3", "Упаковка", "900", "0.40")),
                "24",
            ),
        ),
    ),
    # --------------------------------------------------------------------- offers
    Customer(
        "offer open",
        "eszaki",
        "10807",
        "Csillagpor Cukrászda Kft.",
        "hu",
        "Szalai Dóra",
        "dora@csillagpor.example",
        "+36205550177",
        (
            Paper(
                "2026-0988",
                -75,
                "HUF",
                "Tortadobozok",
                (("TD-2", "Tortadoboz, ablakos", "800", "210"),),
                "27",
            ),
        ),
    ),
    Customer(
        "counter-offer to answer",
        "baltika",
        "10808",
        "OÜ «Кафе Лунный Заяц»",
        "ru",
        "Вера Лисицына",
        "vera@lunnyzayats.example",
        None,
        (
            Paper(
                "2026-0941",
                -98,
                "EUR",
                "Меню и подставки",
                (("MN-77", "Меню в обложке", "120", "6.40"), ("PD-1", "Подставки", "2000", "0.11")),
                "24",
            ),
        ),
    ),
    Customer(
        "offer accepted",
        "northgate",
        "10809",
        "Marrow & Thyme Catering Ltd",
        "en",
        "Jasper Thyme",
        "jasper@marrowthyme.example",
        "+447700900179",
        (Paper("2026-0995", -70, "GBP", "Wedding menus", (("WM-1", "Wedding menus", "900", "0.92"),), "20"),),
    ),
    Customer(
        "offer settled",
        "hashahar",
        "10810",
        "סטודיו קשת בענן בע״מ",
        "he",
        "תמר אלוני",
        "tamar@keshet.example",
        None,
        (
            Paper(
                "2026-0972",
                -88,
                "ILS",
                "הזמנות לתערוכה",
                (("IN-9", "הזמנות מודפסות", "1500", "1.90"),),
                "18",
            ),
        ),
    ),
    # --------------------------------------------------------------------- promises
    Customer(
        "promise open",
        "baltika",
        "10811",
        "OÜ «Цветы Северный Ветер»",
        "ru",
        "Мария Ветрова",
        "maria@severvet.example",
        None,
        (
            Paper(
                "2026-1166",
                -15,
                "EUR",
                "Открытки и ленты",
                (("OT-5", "Открытки", "1500", "0.24"), ("LN-2", "Ленты с надписью", "300", "0.85")),
                "24",
            ),
        ),
    ),
    Customer(
        "promise broken",
        "northgate",
        "10812",
        "Pepperpot Diner Ltd",
        "en",
        "Dexter Pym",
        "dexter@pepperpot.example",
        "+447700900182",
        (Paper("2026-1108", -34, "GBP", "Place mats", (("PM-3", "Place mats", "2500", "0.16"),), "20"),),
    ),
    # --------------------------------------------------------------------- answers
    Customer(
        "says paid",
        "hashahar",
        "10813",
        "מכבסת בועות בע״מ",
        "he",
        "רון גפן",
        "ron@buot.example",
        "+972525550183",
        (Paper("2026-1172", -13, "ILS", "תוויות לכביסה", (("TV-6", "תוויות בד", "2500", "0.48"),), "18"),),
    ),
    Customer(
        "document requested",
        "eszaki",
        "10814",
        "Mókusfalva Játszóház Kft.",
        "hu",
        "Fehér Zsófia",
        "zsofia@mokusfalva.example",
        None,
        (
            Paper(
                "2026-1178",
                -12,
                "HUF",
                "Belépőjegyek és szórólapok",
                (("BJ-1", "Belépőjegy", "5000", "18"), ("SZ-4", "Szórólap", "3000", "12")),
                "27",
            ),
        ),
    ),
    Customer(
        "tax withheld",
        "hashahar",
        "10815",
        "מרפאת שן שובבה בע״מ",
        "he",
        "גלית דקל",
        "galit@shenshovava.example",
        "+972525550185",
        (
            Paper(
                "2026-1155",
                -19,
                "ILS",
                "כרטיסי תור וניירות מכתבים",
                (("AC-2", "כרטיסי תור", "4000", "0.35"), ("LP-1", "ניירות מכתבים", "2000", "0.60")),
                "18",
            ),
        ),
    ),
    Customer(
        "hardship",
        "northgate",
        "20019",
        "Wilhelmina Sparrow",
        "en",
        "Wilhelmina Sparrow",
        "wilhelmina@sparrow.example",
        "+447700900186",
        (
            Paper(
                "2026-1149",
                -22,
                "GBP",
                "Poetry booklets",
                (("PB-40", "Poetry booklets", "120", "1.30"),),
                "20",
            ),
        ),
        DebtorType.PRIVATE_PERSON,
    ),
    # --------------------------------------------------------------------- the rest of the account
    Customer(
        "credit hold",
        "baltika",
        "10817",
        "OÜ «Пивоварня Медный Гном»",
        "ru",
        "Степан Хмелев",
        "stepan@mednygnom.example",
        None,
        (
            Paper(
                "2026-1091",
                -46,
                "EUR",
                "Этикетки для бутылок",
                (("ET-9", "Этикетки, самоклеящиеся", "20000", "0.045"),),
                "24",
            ),
            Paper("2026-1203", -2, "EUR", "Подставки", (("PD-1", "Подставки", "5000", "0.06"),), "24"),
        ),
    ),
    Customer(
        "early-payment discount",
        "eszaki",
        "10818",
        "Pillangó Virágüzlet Kft.",
        "hu",
        "Kelemen Lili",
        "lili@pillango.example",
        None,
        (
            Paper(
                "2026-1271",
                22,
                "HUF",
                "Virágkártyák és csomagolópapír",
                (("VK-3", "Virágkártya", "2000", "34"), ("CP-1", "Csomagolópapír, ív", "1500", "42")),
                "27",
                early=(3, 9),
            ),
        ),
    ),
    Customer(
        "head office",
        "northgate",
        "10820",
        "Kestrel & Crumb Inns Ltd",
        "en",
        "Agatha Crumb",
        "agatha@kestrelcrumb.example",
        "+447700900190",
        (
            Paper(
                "2026-1157",
                -18,
                "GBP",
                "Letterheads for the head office",
                (("LH-1", "Letterheads", "3000", "0.08"),),
                "20",
            ),
        ),
    ),
    Customer(
        "branch, harbour",
        "northgate",
        "10820-1",
        "Kestrel & Crumb Inns, Harbour House",
        "en",
        "Silas Brine",
        "silas@kestrelcrumb.example",
        None,
        (Paper("2026-1158", -18, "GBP", "Room cards", (("RC-7", "Room cards", "1200", "0.31"),), "20"),),
        branch_of="head office",
    ),
    Customer(
        "branch, mill",
        "northgate",
        "10820-2",
        "Kestrel & Crumb Inns, Old Mill",
        "en",
        "Dora Millward",
        "dora@kestrelcrumb.example",
        None,
        (
            Paper("2026-1159", -18, "GBP", "Beer mats", (("BM-8", "Beer mats", "8000", "0.035"),), "20"),
            Paper("2026-1244", 9, "GBP", "Bar menus", (("BR-2", "Bar menus", "60", "3.10"),), "20"),
        ),
        branch_of="head office",
    ),
)
