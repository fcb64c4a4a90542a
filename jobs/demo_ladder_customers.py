"""Customers of the demo that show the ladder: what it did, what it proposes, and what holds it back.

Papers only: what becomes of them is played through the real actions (demo_ladder.py). People and firms
are plainly fictional. Source: decision 27; issue of the ladder, "Done when".
"""

from __future__ import annotations

from jobs.demo_cast import Customer, Paper
from models.accounts import DebtorType
from models.invoices import InvoiceKind

RUNG_UP = "on the ladder: reminded, rung up, to be rung again today"
WAITING_LETTER = "official letter waiting for the post"
PRINTED_LETTER = "official letter printed, not posted yet"
WARNED = "formal warning waiting for the post"
INTEREST = "interest by contract: proposed, issued, waived"
PROPOSED_CASE = "hand-over proposed: formal warning posted and waited for"
HANDED_OVER = "handed over to an agency, first money came"
CAME_BACK = "letter and e-mail came back: nobody is found"
LONGER_TERMS = "agreed longer terms: the ladder starts later"
OWN_LADDER = "no agreement: on the strict ladder of its own"
ORDER = "order on the ladder of prepayments"
TALKING = "48 hours for sales"
WARNING = "early warning by sales, nothing late yet"
STOPPED = "STOP by SMS, next reminder suppressed"
REPLIED = "reply to a reminder, to be read"

LADDER = (
    # --------------------------------------------------------------------- steps, calls, letters
    Customer(
        RUNG_UP,
        "northgate",
        "10851",
        "Thistledown Yarns Ltd",
        "en",
        "Agnes Thorne",
        "agnes@thistledown.example",
        "+447700900221",
        (Paper("2026-1232", -6, "GBP", "Yarn bands", (("YB-2", "Yarn bands", "6000", "0.05"),), "20"),),
        is_pilot=True,
    ),
    Customer(
        WAITING_LETTER,
        "hashahar",
        "10852",
        "מכון הכושר תנופה בע״מ",
        "he",
        "עידו שחף",
        "ido@tnufa.example",
        "+972525550222",
        (
            Paper(
                "2026-1194",
                -11,
                "ILS",
                "כרטיסי מנוי ושלטים",
                (("MC-2", "כרטיסי מנוי", "900", "2.10"), ("SG-3", "שלטים", "14", "85")),
                "18",
            ),
        ),
        is_pilot=True,
    ),
    Customer(
        PRINTED_LETTER,
        "baltika",
        "10853",
        "OÜ «Мастерская Дубовый Стол»",
        "ru",
        "Роман Дубов",
        "roman@dubovyi.example",
        None,
        (Paper("2026-1192", -12, "EUR", "Каталоги", (("KT-4", "Каталог мебели", "220", "3.40"),), "24"),),
        is_pilot=True,
    ),
    Customer(
        WARNED,
        "baltika",
        "10854",
        "OÜ «Лодочная Станция Камыш»",
        "ru",
        "Егор Камышин",
        "egor@kamysh.example",
        None,
        (Paper("2026-1104", -39, "EUR", "Билеты и карты", (("BK-1", "Билеты", "9000", "0.13"),), "24"),),
    ),
    # --------------------------------------------------------------------- interest, hand-over
    Customer(
        INTEREST,
        "northgate",
        "10855",
        "Kingfisher Catering Ltd",
        "en",
        "Rupert Kingsley",
        "rupert@kingfisher.example",
        "+447700900225",
        (
            Paper("2026-1081", -46, "GBP", "Menus", (("MN-3", "Menus, laminated", "900", "3.80"),), "20"),
            Paper("2026-1106", -38, "GBP", "Place cards", (("PC-1", "Place cards", "9000", "0.31"),), "20"),
            Paper("2026-1135", -27, "GBP", "Boxes", (("BX-7", "Lunch boxes", "8000", "0.42"),), "20"),
        ),
    ),
    Customer(
        PROPOSED_CASE,
        "northgate",
        "10856",
        "Windmill Toy Traders Ltd",
        "en",
        "Barnaby Mills",
        "barnaby@windmilltoys.example",
        "+447700900226",
        (Paper("2026-0966", -75, "GBP", "Toy boxes", (("TB-5", "Toy boxes", "2400", "0.88"),), "20"),),
        known_for=60,
    ),
    Customer(
        HANDED_OVER,
        "northgate",
        "10857",
        "Blackthorn Flooring Ltd",
        "en",
        "Stella Thornbury",
        "stella@blackthorn.example",
        "+447700900227",
        (
            Paper("2026-0911", -128, "GBP", "Sample books", (("SB-8", "Sample books", "75", "24"),), "20"),
            Paper(
                "2026-0932", -121, "GBP", "Swatch cards", (("SW-2", "Swatch cards", "4000", "0.36"),), "20"
            ),
        ),
        known_for=90,
    ),
    Customer(
        CAME_BACK,
        "eszaki",
        "10858",
        "Vándor Fagylaltozó Bt.",
        "hu",
        "Vadas Nóra",
        "nora@vandorfagylalt.example",
        None,
        (Paper("2026-1118", -33, "HUF", "Fagylaltos tölcsér", (("FT-2", "Tölcsér", "9000", "21"),), "27"),),
    ),
    # --------------------------------------------------------------------- other ladders, other terms
    Customer(
        LONGER_TERMS,
        "northgate",
        "10859",
        "Cathedral Choir School",
        "en",
        "Honor Chantry",
        "honor@choirschool.example",
        None,
        (Paper("2026-1203", -13, "GBP", "Song sheets", (("SS-3", "Song sheets", "8000", "0.06"),), "20"),),
    ),
    Customer(
        OWN_LADDER,
        "hashahar",
        "10860",
        "קייטרינג שולחן עגול בע״מ",
        "he",
        "אסף כרמי",
        "asaf@shulhan.example",
        "+972525550230",
        (Paper("2026-1195", -10, "ILS", "תפריטים", (("TF-1", "תפריט מודפס", "1200", "4.20"),), "18"),),
    ),
    Customer(
        ORDER,
        "northgate",
        "10861",
        "Merrydown Fairgrounds Ltd",
        "en",
        "Clement Merry",
        "clement@merrydown.example",
        "+447700900231",
        (
            Paper(
                "PF-2026-014",
                -9,
                "GBP",
                "Ride tickets, kept for you until the due date",
                (("RT-6", "Ride tickets", "20000", "0.03"),),
                "20",
                InvoiceKind.PREPAYMENT,
            ),
        ),
        is_pilot=True,
    ),
    # --------------------------------------------------------------------- sales
    Customer(
        TALKING,
        "northgate",
        "10862",
        "Penrose Hat Makers Ltd",
        "en",
        "Lavinia Penrose",
        "lavinia@penrosehats.example",
        "+447700900232",
        (Paper("2026-1162", -18, "GBP", "Hat boxes", (("HB-4", "Hat boxes, round", "700", "2.60"),), "20"),),
    ),
    Customer(
        WARNING,
        "northgate",
        "10863",
        "Moonstone Jewellery Ltd",
        "en",
        "Opal Garnett",
        "opal@moonstone.example",
        None,
        (Paper("2026-1249", 1, "GBP", "Ring boxes", (("RB-9", "Ring boxes", "1500", "1.15"),), "20"),),
    ),
    # --------------------------------------------------------------------- what reaches us
    Customer(
        STOPPED,
        "northgate",
        "20022",
        "Winifred Sparrow",
        "en",
        "Winifred Sparrow",
        "winifred@sparrow.example",
        "+447700900234",
        (Paper("2026-1208", -12, "GBP", "Calendars", (("CA-1", "Calendars", "40", "3.20"),), "20"),),
        DebtorType.PRIVATE_PERSON,
    ),
    Customer(
        REPLIED,
        "eszaki",
        "10864",
        "Borostyán Könyvesház Kft.",
        "hu",
        "Fenyő Áron",
        "aron@borostyan.example",
        None,
        (Paper("2026-1210", -5, "HUF", "Könyvjelzők", (("KJ-3", "Könyvjelző", "4000", "38"),), "27"),),
    ),
)
