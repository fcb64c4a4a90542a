"""A typed letter for the tests, of any kind and language."""

from __future__ import annotations

from datetime import date
from typing import Any

from models.money import Money
from receivables.documents.data import LetterPaper, LetterRow
from tests.presentation.papers import the_parties


def a_letter(**more: Any) -> LetterPaper:
    """An official letter about two invoices, in English alone."""
    rows = [
        LetterRow("2041-A", "invoice", date(2026, 9, 30), date(2026, 10, 30), Money(57600, "GBP")),
        LetterRow("2042-B", "fee", date(2026, 11, 2), None, Money(4000, "GBP")),
    ]
    return LetterPaper(
        **{
            "ref": "letter-1", "kind": "official_letter", "language": "en", "reading_language": None,
            "address": ["3 Harbour Row", "Whitby YO21 3PU"], "name": "Helen Marsh",
            "made_on": date(2026, 11, 19), "due_on": date(2026, 10, 30), "deadline_on": date(2026, 12, 2),
            "amount": Money(61600, "GBP"), "rows": rows, "parties": the_parties(),
            "hours": {"en": "Monday to Friday, 9:00 to 17:00"},
            "bank": "Aire Bank · IBAN GB33BUKB20201555555555",
            "previous": [date(2026, 11, 2), date(2026, 11, 9)], "next_step": "agency", "enclosures": [],
            "registered": False, "facts": {}, **more,
        }
    )  # fmt: skip
