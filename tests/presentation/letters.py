"""Letters to try the presenter with: one plainly fictional creditor and reader for each language."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from models.money import Money
from presentation import Presenter
from receivables.ports import InvoiceRow, Letter, Rendered, Sender

TEMPLATES = Path(__file__).parents[2] / "templates"
CURRENCY = {"en": "GBP", "he": "ILS", "ru": "EUR", "hu": "HUF"}
ZONE = {"en": "Europe/London", "he": "Asia/Jerusalem", "ru": "Europe/Tallinn", "hu": "Europe/Budapest"}
LINK = "https://npp.example/l/7Kq2mXw9bT4sLd8RvNcYhA"
CODE = "204816"
STOP = "https://npp.example/x/4sLd8RvNcYhA7Kq2mXw9bT"

_NAMES = {
    "en": ("Northgate Paper Ltd.", "Northgate Paper", "Maya Thornton", "Sofia Marsh", "9:00 to 17:00"),
    "he": ('צפון אספקה בע"מ', "צפון אספקה", "יעל אברהמי", "נועה לוי", "9:00 עד 17:00"),
    "ru": ("Baltika Print OÜ", "Baltika Print", "Анна Соколова", "Анна Петрова", "с 9:00 до 17:00"),
    "hu": ("Északi Kapu Kft.", "Északi Kapu", "Kovács Eszter", "Nagy Zsófia", "9:00–17:00"),
}


def sender(language: str = "en", **changes: Any) -> Sender:
    name, short, person, _, hours = _NAMES[language]
    made = Sender(
        name=name,
        short_name=short,
        legal_line="14 Weir Street, Exampleford",
        person=person,
        phone="+44 113 496 0142",
        hours=hours,
        email="accounts@northgate.example",
        brand_colour="#0b5d57",
        verify_url="https://northgate.example/verify",
    )
    return replace(made, **changes)


def row(number: str, minor: int, currency: str, due_on: date | None, processing: int = 0) -> InvoiceRow:
    amount = Money(minor, currency)
    return InvoiceRow(
        ref=number,
        number=number,
        kind="invoice",
        issued_on=date(2026, 9, 21),
        due_on=due_on,
        total=amount,
        balance=amount,
        days_late=31,
        description="",
        processing=Money(processing, currency),
        currency=currency,
    )


def letter(
    kind: str,
    language: str = "en",
    channel: str = "email",
    *,
    private: bool = False,
    link: str | None = LINK,
    stop: str | None = STOP,
    by: Sender | None = None,
    **changes: Any,
) -> Letter:
    """Make a letter with every value any kind may ask for; `name=None` and the like take one away."""
    currency = CURRENCY[language]
    rows = [
        row("2041-A", 198_400, currency, date(2026, 11, 1)),
        row("2042", 481_280, currency, date(2026, 11, 20)),
    ]
    values: dict[str, Any] = {
        "name": _NAMES[language][3],
        "amount": Money(679_680, currency),
        "due_date": date(2026, 11, 1),
        "invoice_list": rows,
        "counted_to": date(2026, 11, 20),
        "paid_amount": Money(679_680, currency),
        "paid_date": date(2026, 11, 21),
        "balance": Money(1_000, currency),
        "allocation_list": rows,
        "link_expires": datetime(2026, 12, 21, 12, 30, tzinfo=UTC),
        "contact_point": "sofia@marsh.example",
        "optout_date": date(2026, 11, 21),
        "number": "2041-A",
        "account": "Tidewater Café & Bakery Ltd",
        "forwarder": "Helen Marsh",
        "code_minutes": 10,
        "evidence": "open",
        "prepaid": "open",
        "release": "plan",
        "purpose": "settlement",
        "hold_date": date(2026, 11, 20),
        "reason": "Two invoices are more than sixty days late.",
        "release_amount": Money(198_400, currency),
        "release_date": date(2026, 11, 21),
        "offer_amount": Money(500_000, currency),
        "discount": Money(179_680, currency),
        "deadline": date(2026, 12, 3),
        "pay_by": date(2026, 12, 4),
        "accepted_date": date(2026, 11, 20),
        "promise_amount": Money(679_680, currency),
        "promise_date": date(2026, 11, 26),
        "invoice": "2041-A",
        "case": "D-2026-000017",
        "contested_amount": Money(18_600, currency),
        "credited_amount": Money(10_000, currency),
        "kept_amount": Money(8_600, currency),
        "rest_amount": Money(28_800, currency),
        "plan_total": Money(679_680, currency),
        "instalment_list": [
            row("1", 226_560, currency, date(2026, 12, 1)),
            row("2", 226_560, currency, date(2027, 1, 1)),
            row("3", 226_560, currency, date(2027, 2, 1)),
        ],
        "instalment_amount": Money(226_560, currency),
        "refusal": "no_funds",
        "remedy": "retry",
        "returned": "open",
        "again": "plan",
        "retry_date": date(2026, 12, 4),
        "card": "Mastercard 4242",
        "card_until": "11/2026",
        "answer_by": date(2026, 11, 26),
        "finding": "One of the two cartons has the old logo.",
        "asked_date": date(2026, 11, 19),
        "order": "PO-2041",
        "order_list": [row("12 × Kraft paper, A4", 198_400, currency, None)],
        "agreed_date": date(2026, 11, 21),
        "next_step": "court",
        "refund_amount": Money(60_000, currency),
        "refund_date": date(2026, 11, 20),
        "refund_account": "6819",
        "refund_reference": "FT-118",
        "handover_to": "Harcourt Recovery Ltd.",
        "handover_contact": "+44 113 496 0199",
        "handover_date": date(2026, 12, 10),
        "reply": "The order number is PO-77. We have sent the invoice again.",
        "about": "your order PO-77",
        "confirmation": "PC-2026-000041",
        "sent_date": date(2026, 11, 21),
        "refund_to": "visa 4242",
    }
    return Letter(
        kind=kind,
        channel=channel,
        language=language,
        zone=ZONE[language],
        private=private,
        sender=by or sender(language),
        values=values | changes,
        link=link,
        stop=stop,
        code=CODE if kind == "one_time_code" else None,
    )


def rendered(kind: str, language: str = "en", channel: str = "email", **changes: Any) -> Rendered:
    return Presenter(TEMPLATES).render_message(letter(kind, language, channel, **changes))
