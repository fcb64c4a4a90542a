"""The two optional columns of an early-payment discount (domain.md; decision 28)."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from models.invoices import Invoice
from models.store import Store
from receivables.intake.rows import Grade
from tests.receivables.intake.test_applying import Books, documents, found, staged

HEAD = "InvoiceNo;Description;Quantity;InvoiceDate;UnitPrice;CustomerID;Early discount;Early discount to\n"


def row(discount: str, last: str, number: str = "7", price: str = "100,00") -> str:
    return f"{number};a;1;1/1/2026;{price};A;{discount};{last}\n"


def test_both_columns_reach_the_document(tmp_path: Path) -> None:
    staging = staged(tmp_path, HEAD + row("2,00", "11/1/2026") + row("", "", "8"))
    read = documents(staging)
    assert found(staging) == []
    assert (read["7"].early_discount_minor, read["7"].early_discount_to_on) == (200, date(2026, 1, 11))
    assert (read["8"].early_discount_minor, read["8"].early_discount_to_on) == (None, None)


@pytest.mark.parametrize(
    ("discount", "last", "accepted"),
    [
        ("2,00", "1/1/2026", 1),  # the day of issue itself
        ("99,99", "11/1/2026", 1),
        ("100,00", "11/1/2026", 0),
        ("0", "11/1/2026", 0),
        ("-2,00", "11/1/2026", 0),
        ("2,00", "31/12/2025", 0),
        ("2,00", "", 0),
        ("", "11/1/2026", 0),
    ],
)
def test_a_discount_that_cannot_be_rejects_its_invoice(
    tmp_path: Path, discount: str, last: str, accepted: int
) -> None:
    """Decision 28: the whole invoice is left out and reported."""
    staging = staged(tmp_path, HEAD + row(discount, last))
    assert staging.totals() == (accepted, 1 - accepted)
    if not accepted:
        assert staging.reasons(Grade.REJECTED) == {"discount_unusable": 1}


def test_two_stories_are_an_error(tmp_path: Path) -> None:
    staging = staged(tmp_path, HEAD + row("2,00", "11/1/2026") + row("3,00", "11/1/2026"))
    assert (3, "early_discount", "conflict") in found(staging)


def test_a_credit_note_has_none(tmp_path: Path) -> None:
    staging = staged(tmp_path, HEAD + "7;a;-1;1/1/2026;100,00;A;2,00;11/1/2026\n")
    assert staging.reasons(Grade.REJECTED) == {"discount_unusable": 1}


def test_unreadable_cells_are_errors(tmp_path: Path) -> None:
    staging = staged(tmp_path, HEAD + row("two", "11/1/2026") + row("2,00", "31/2/2026", "8"))
    assert [(column, reason) for _, column, reason in found(staging)] == [
        ("early_discount", "not_a_number"), ("early_discount_to", "impossible_date"),
    ]  # fmt: skip


def test_in_the_books_and_told_apart_when_it_changes(store: Store, tmp_path: Path) -> None:
    """Decision 28: the same number with another discount is other content."""
    books = Books(store, tmp_path)
    books.bring(HEAD + row("2,00", "11/1/2026"))
    assert books.all(Invoice.early_discount_minor, Invoice.early_discount_to_on) == [(200, date(2026, 1, 11))]
    assert found(books.stage(HEAD + row("2,00", "11/1/2026"))) == []
    assert found(books.stage(HEAD + row("1,00", "11/1/2026"))) == [(2, "number", "number_taken")]
