"""The report of what goes wrong again and again: shown, narrowed, taken along."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from models.accounts import Account
from models.disputes import DisputeReason
from models.invoices import Invoice, InvoiceLine
from models.staff import Role
from receivables.disputes.claims import Claim, LineClaim
from receivables.disputes.opening import open_dispute
from tests import factories as make
from tests.admin.conftest import Desk
from tests.conftest import NOON
from tests.portal.visitor import words


@pytest.fixture
def disputed(desk: Desk, tidewater: Account) -> Account:
    """£576.00 in two lines, the first named like a formula, disputed as too dear."""
    with desk.store.write() as s:
        invoice = s.scalars(select(Invoice).where(Invoice.number == "2026-1131")).one()
        line = s.scalars(select(InvoiceLine).where(InvoiceLine.invoice_id == invoice.id)).first()
        assert line is not None
        line.description = "=1+1 cups"
        claim = Claim(DisputeReason.WRONG_PRICE, (LineClaim(1),))
        open_dispute(s, make.holder_actor(tidewater), invoice.ref, claim, words="", shown_at=NOON, now=NOON)
    return tidewater


def test_reasons_lead_to_products_and_to_the_single_case(desk: Desk, disputed: Account) -> None:
    """Part 3: counts and amounts, each line leads to a narrower one, the last to the dispute."""
    visitor = desk.at()
    page = visitor.get("/desk/problems")
    assert "In these days something stood in the way 1 time. Most often: Price not as agreed." in words(page)
    assert "Price not as agreed 1 1 1 · 288.00 GBP" in words(page)
    path = (
        page.text.split('<th scope="row"><a class="quiet" href="')[1].partition('"')[0].replace("&amp;", "&")
    )
    page = visitor.get(path)
    assert "=1+1 cups 1 1 1 · 288.00 GBP" in words(page)
    assert "Tidewater" in words(page)
    assert "/desk/disputes/" in page.text


def test_nothing_went_wrong(desk: Desk) -> None:
    """An empty report says what it means."""
    page = words(desk.at(Role.AUDITOR).get("/desk/problems?from=2020-01-01&to=2020-02-01"))
    assert "In these days nothing stood in the way" in page


def test_the_file_has_every_case_and_no_formula(desk: Desk, disputed: Account) -> None:
    """X-01: a cell that begins like a formula is text."""
    answer = desk.at(Role.ACCOUNTANT).get("/desk/problems?format=csv")
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert "'=1+1 cups" in answer.text
    assert "2026-1131" in answer.text


@pytest.mark.parametrize("query", ["from=soon", "format=exe"])
def test_what_cannot_be_read_is_said(desk: Desk, query: str) -> None:
    assert desk.at().get(f"/desk/problems?{query}").status_code == 422


def test_anything_in_the_address_is_only_a_choice(desk: Desk, disputed: Account) -> None:
    """No parameter breaks the page, whatever it says."""
    visitor = desk.at()
    for query in (
        "by=nonsense",
        "product=%00%27%22",
        "reason=answer%3A&account=-",
        f"salesperson={'x' * 900}",
    ):
        assert visitor.get(f"/desk/problems?{query}").status_code == 200, query
