"""Typed papers for the tests of documents: one of each, with hostile names where a test wants them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from models.money import Money
from models.states import InvoiceStatus
from presentation.documents import Documents
from receivables.documents.data import (
    Acceptance,
    InvoicePaper,
    Movement,
    OfferPaper,
    OpenItem,
    OpenPart,
    Part,
    Parties,
    PlanPaper,
    ReceiptPaper,
    Statement,
)
from receivables.invoices import AdjustmentRow, InvoiceView, MovementRow
from receivables.ports import Document, InvoiceRow, LineRow

MADE_ON = date(2026, 11, 21)
AT = datetime(2026, 11, 21, 10, 5, tzinfo=UTC)
RULES = {
    "fee_percent": 0, "retry_days": [3, 5], "missed_to_default": 2, "cure_days": 7, "moves": 1,
    "move_days": 14, "notice_days": 3,
}  # fmt: skip


def the_parties(**more: Any) -> Parties:
    return Parties(
        **{
            "creditor": "Northgate Paper & Print Ltd", "creditor_address": "14 Weir Street, Leeds LS2 7QA",
            "creditor_numbers": ["Company 04417822", "VAT GB 812 4410 27"], "creditor_language": "en",
            "person": "Maya Thornton", "phone": "0113 496 0142", "email": "accounts@northgate.example",
            "verify_url": "https://northgate.example/pay", "brand_colour": "#0b5d57",
            "account": "Tidewater Café & Bakery Ltd", "account_number": "10024", "zone": "Europe/London",
            **more,
        }
    )  # fmt: skip


def gbp(minor: int) -> Money:
    return Money(minor, "GBP")


def a_statement(movements: int = 2, **more: Any) -> Statement:
    rows, balance = [], gbp(15000)
    for n in range(movements):
        amount = gbp(-40000) if n % 2 else gbp(57600)
        balance += amount
        kind, number = ("payment", f"PC-2026-{n:06d}") if n % 2 else ("invoice_imported", f"2041-{n}-A")
        on = date(2026, 9, 1) + timedelta(days=n % 80)
        rows.append(Movement(on, kind, number, ["2041-0-A"] if n % 2 else [], amount, balance))
    item = OpenItem(
        "2041-0-A", "invoice", date(2026, 9, 1), date(2026, 10, 1), gbp(57600), gbp(32600), 51, "to_60"
    )
    ages = [
        ("not_due", gbp(0)),
        ("to_30", gbp(0)),
        ("to_60", gbp(32600)),
        ("to_90", gbp(0)),
        ("over_90", gbp(0)),
    ]
    return Statement(
        **{
            "currency": "GBP", "currencies": ["GBP"], "from_on": date(2026, 9, 1), "to_on": MADE_ON,
            "opening": gbp(15000), "movements": rows, "charged": gbp(57600), "settled": gbp(40000),
            "closing": balance, "items": [item], "ages": ages, "credit": gbp(0), **more,
        }
    )  # fmt: skip


def an_invoice(**more: Any) -> InvoicePaper:
    row = InvoiceRow(
        "r", "2041-A", "invoice", date(2026, 9, 1), date(2026, 10, 1), gbp(84240), gbp(64240), 51,
        "Menus and cup sleeves", gbp(0), "GBP",
    )  # fmt: skip
    lines = [
        LineRow(1, "P-1", "Autumn menus", "1200", "0.325", gbp(39000), gbp(7800), "20"),
        LineRow(2, None, "Cup sleeves", "2.5", "131.20", gbp(31200), gbp(6240), "20"),
    ]
    return InvoicePaper(
        InvoiceView(
            **{
                "row": row, "status": InvoiceStatus.OPEN, "purchase_order": "PO-7741", "lines": lines,
                "adjustments": [AdjustmentRow("allowance", "Loyalty", gbp(500)),
                                AdjustmentRow("charge", "Carriage", gbp(500))],
                "lines_net": gbp(70200), "allowances": gbp(500), "charges": gbp(500), "tax": gbp(14040),
                "prepaid": gbp(0), "rounding": gbp(0),
                "movements": [MovementRow("payment", "PC-2026-000123", date(2026, 11, 2), gbp(20000))],
                "today": MADE_ON, **more,
            }
        ),
        None,
    )  # fmt: skip


def a_receipt(**more: Any) -> ReceiptPaper:
    return ReceiptPaper(
        **{
            "ref": "x", "number": "PC-2026-000123", "amount": gbp(101840), "valued_on": date(2026, 11, 2),
            "received_at": AT, "method": "card", "method_detail": "visa 4242",
            "shares": [("2041-A", gbp(57600)), ("2042", gbp(24240))], "rest": gbp(20000), **more,
        }
    )  # fmt: skip


def a_plan(**more: Any) -> PlanPaper:
    parts = [Part(n, date(2026, 12, 4) + timedelta(days=31 * (n - 1)), gbp(47280)) for n in (1, 2, 3)]
    return PlanPaper(
        **{
            "ref": "p", "number": "PL-1", "words": (), "words_language": None, "status": "active",
            "total": gbp(141840), "pays_by": "link", "parts": parts,
            "invoices": [("2041-A", gbp(57600)), ("2042", gbp(84240))], "rules": RULES, "made_on": MADE_ON,
            "changed_at": AT, "accepted": Acceptance("Helen Marsh", "Owner", AT),
            "open_parts": [OpenPart(f"i{p.seq}", p.seq, p.on, p.amount) for p in parts], **more,
        }
    )  # fmt: skip


def an_offer(**more: Any) -> OfferPaper:
    return OfferPaper(
        **{
            "ref": "o", "status": "accepted", "balance": gbp(141840), "amount": gbp(120564),
            "accept_by_on": date(2026, 11, 28), "pay_by_on": date(2026, 12, 5),
            "invoices": [("2041-A", gbp(57600)), ("2042", gbp(84240))], "made_on": MADE_ON,
            "accepted": Acceptance("Helen Marsh", "Owner", AT), **more,
        }
    )  # fmt: skip


def one_of_each(language: str, **more: Any) -> dict[str, Document]:
    """Every kind of document in a language; `more` changes the parties."""
    parties, documents = the_parties(**more), Documents()
    return {
        "statement": documents.statement(a_statement(), parties, language, MADE_ON),
        "invoice": documents.invoice(an_invoice(), parties, language),
        "receipt": documents.receipt(a_receipt(), parties, language),
        "plan": documents.plan(a_plan(), parties, language),
        "offer": documents.offer(an_offer(), parties, language),
    }
