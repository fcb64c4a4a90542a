"""How a fee or interest was worked out comes with it: the sum, its rate, its days, what it refers to."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from models.invoices import Invoice, InvoiceKind
from models.money import Money
from models.store import Store
from receivables import invoices
from receivables.intake.fee_basis import StagedBasis
from receivables.intake.rows import Grade
from receivables.permissions import SYSTEM
from receivables.ports import FeeBasis
from tests.conftest import NOON
from tests.receivables.intake.test_applying import Books, documents, found, staged

HEAD = (
    "InvoiceNo;Kind;Description;Quantity;InvoiceDate;UnitPrice;CustomerID;Refers to;Basis amount;Basis rate;"
    "Basis days;Basis from;Basis to;Legal basis\n"
)
FEE = "F-1;fee;Interest;1;20/2/2026;8,94;A;7;1.200,00;8,5%;32;15/1/2026;15/2/2026;Terms of sale, section 6\n"
INVOICE = "7;invoice;a;1;31/12/2025;1200,00;A;;;;;;;\n"
BASIS = StagedBasis(120000, "8.5", 32, date(2026, 1, 15), date(2026, 2, 15), "Terms of sale, section 6")


def test_it_reaches_the_document(tmp_path: Path) -> None:
    """Domain, "Arrangements": each fee shows rate, days, base and legal basis."""
    staging = staged(tmp_path, HEAD + FEE + INVOICE)
    read = documents(staging)
    assert found(staging) == []
    assert read["F-1"].lines[0].basis == BASIS
    assert read["7"].lines[0].basis == StagedBasis()
    assert list(read) == ["7", "F-1"]  # what is referred to comes first


@pytest.mark.parametrize(
    ("was", "now"),
    [
        (";1.200,00;8,5%", ";1.200,00;"),  # a sum without its rate
        (";1.200,00;8,5%", ";;8,5%"),
        (";1.200,00;8,5%", ";;"),  # days of nothing
        (";1.200,00;", ";0;"),
        (";1.200,00;", ";-5;"),
        (";8,5%;", ";-1;"),
        (";8,5%;", ";1000;"),
        (";32;", ";-1;"),
        (";32;", ";many;"),
        (";15/1/2026;15/2/2026;", ";15/1/2026;;"),  # one end
        (";15/1/2026;15/2/2026;", ";16/2/2026;15/2/2026;"),
        (";15/1/2026;", ";soon;"),
    ],
)
def test_one_that_cannot_be_rejects_its_fee(tmp_path: Path, was: str, now: str) -> None:
    """Decision 28: the fee is left out and reported, the rest of the file comes in."""
    assert was in FEE
    staging = staged(tmp_path, HEAD + INVOICE + FEE.replace(was, now))
    assert staging.totals() == (1, 1)
    assert staging.count(Grade.ERROR) == 0


def test_in_the_books_and_on_the_page(tmp_path: Path, store: Store) -> None:
    """From the file to the view; again the same file is nothing new, another basis is another fee."""
    books = Books(store, tmp_path)
    books.bring(HEAD + FEE + INVOICE)
    with store.read() as s:
        fee = s.scalars(select(Invoice).where(Invoice.kind == InvoiceKind.FEE)).one()
        seven = s.scalars(select(Invoice).where(Invoice.number == "7")).one()
        assert fee.refers_to_id == seven.id
        view = invoices.document(s, SYSTEM, fee.ref, now=NOON)
        plain = invoices.document(s, SYSTEM, seven.ref, now=NOON)
    basis = view.lines[0].basis
    assert basis is not None
    assert basis == FeeBasis(Money(120000, "GBP"), "8.5", 32, date(2026, 1, 15), date(2026, 2, 15))
    assert basis.is_yearly
    assert view.lines[0].legal_basis == "Terms of sale, section 6"
    assert view.refers_to == invoices.Referred(seven.ref, "7")
    assert plain.refers_to is None
    assert plain.lines[0].basis is None


def test_the_same_file_again_is_nothing_new(tmp_path: Path, store: Store) -> None:
    """M-05: known by its content, the basis included: another rate under the number is another document."""
    books = Books(store, tmp_path)
    books.bring(HEAD + FEE + INVOICE)
    assert books.bring(HEAD + FEE + INVOICE, digest="b" * 64).already_known == 2
    assert (3, "number", "number_taken") in found(books.stage(HEAD + INVOICE + FEE.replace("8,5%", "9%")))


def test_a_reference_to_what_is_in_the_books(tmp_path: Path, store: Store) -> None:
    """The invoice came with an earlier file; another customer's of that number is not it."""
    books = Books(store, tmp_path)
    books.bring(HEAD + INVOICE)
    books.bring(HEAD + FEE, digest="b" * 64)
    theirs = FEE.replace("F-1", "F-2").replace(";A;", ";B;")
    staging = books.stage(HEAD + theirs)
    assert found(staging) == [(2, "refers_to", "reference_unknown")]
    assert staging.count(Grade.LEFT_OUT) == 1
    books.apply(books.open(staging, "c" * 64), staging)
    assert dict(
        books.all(Invoice.number, Invoice.refers_to_id.is_not(None))  # type: ignore[arg-type]
    ) == {"7": False, "F-1": True, "F-2": False}
