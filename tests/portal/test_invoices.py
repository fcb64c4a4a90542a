"""One document: everything that leads from its lines to what is asked."""

from __future__ import annotations

import re
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.invoices import AdjustmentKind, Invoice, InvoiceAdjustment, InvoiceKind, InvoiceLine
from models.money import Money
from models.states import AttemptStatus
from receivables.payments.quotes import Choice
from tests.portal.conftest import Portal
from tests.portal.test_overview import settle, started
from tests.portal.visitor import words
from tests.standins import pay_on_page


def pence(text: str) -> int:
    found = re.search(r"(−?)£([\d,]+)\.(\d\d)", text)
    assert found, text
    return (-1 if found[1] else 1) * int(found[2].replace(",", "") + found[3])


def sums(said: str) -> dict[str, int]:
    """The labelled amounts below the lines, in pence."""
    part = said[said.index("Net ", said.index("Price Net") + 9) :]
    part = part[: part.index("About this document")]
    return {label.strip(): pence(amount) for label, amount in re.findall(r"([^£−]+)(−?£[\d,.]+)", part)}


def test_the_document_adds_up_in_sight(portal: Portal) -> None:
    """Decision 3, look.md: lines, allowance, charge, tax, prepaid and rounding end in the total."""

    def fill(session: Session, account: Account) -> None:
        ref = portal.invoice(session, account, 11000, -5, number="2026-9", lines=2)
        invoice = session.scalars(select(Invoice).where(Invoice.ref == ref)).one()
        invoice.lines_net_minor, invoice.tax_minor = 10000, 1801
        invoice.allowances_minor, invoice.charges_minor = 500, 700
        invoice.prepaid_minor, invoice.rounding_minor = 1000, -1
        invoice.purchase_order = "PO-7741"
        session.add_all(
            InvoiceAdjustment(invoice_id=invoice.id, kind=kind, reason=reason, amount_minor=minor)
            for kind, reason, minor in (
                (AdjustmentKind.ALLOWANCE, "Loyalty", 500),
                (AdjustmentKind.CHARGE, "Carriage", 700),
            )
        )

    account = portal.account(fill)
    with portal.store.read() as session:
        ref = session.scalar(select(Invoice.ref).where(Invoice.account_id == account.id))
    said = words(portal.visitor(account).get(f"/account/invoices/{ref}"))
    found = sums(said)
    terms = [v for k, v in found.items() if k not in ("Total", "To pay now")]
    assert sum(terms) == found["Total"] == found["To pay now"] == 11000
    assert {k: found[k] for k in ("Loyalty", "Carriage", "VAT", "Paid in advance", "Rounding")} == {
        "Loyalty": -500, "Carriage": 700, "VAT": 1801, "Paid in advance": -1000, "Rounding": -1,
    }  # fmt: skip
    assert "PO-7741" in said


def test_a_part_payment_is_on_the_document(portal: Portal, tidewater: Account) -> None:
    """M-13: what was paid stands with its day and confirmation, and the rest is asked for."""
    with portal.store.read() as session:
        ref = session.scalars(select(Invoice.ref).where(Invoice.number == "2026-1131")).one()
    begun = started(portal, tidewater, Choice("amount", "GBP", (ref,), Money(10000, "GBP")))
    assert begun.url
    pay_on_page(begun.url)
    assert settle(portal, begun.ref) is AttemptStatus.SUCCEEDED
    said = words(portal.visitor(tidewater).get(f"/account/invoices/{ref}"))
    assert re.search(r"Paid on .*, confirmation \S+ −£100\.00 To pay now £476\.00", said)
    assert "Pay £476.00" in said
    assert "£100.00 of £576.00 paid" in words(portal.visitor(tidewater).get("/account"))


def test_a_paid_document_asks_for_nothing(portal: Portal, tidewater: Account) -> None:
    begun = started(portal, tidewater, Choice("overdue", "GBP"))
    pay_on_page(begun.url or "")
    settle(portal, begun.ref)
    with portal.store.read() as session:
        ref = session.scalars(select(Invoice.ref).where(Invoice.number == "2026-1131")).one()
    page = portal.visitor(tidewater).get(f"/account/invoices/{ref}")
    assert "Paid £576.00" in words(page)
    assert "/account/pay" not in page.text


def test_another_accounts_document_is_not_found(portal: Portal, tidewater: Account) -> None:
    """L-15: the same page as for a document that does not exist."""
    stranger = portal.visitor(portal.account(name="Harbour & Sons Ltd"))
    with portal.store.read() as session:
        refs = session.scalars(select(Invoice.ref)).all()
    nothing = stranger.get("/account/invoices/nothing")
    for ref in refs:
        page = stranger.get(f"/account/invoices/{ref}")
        assert page.status_code == nothing.status_code == 404
        assert "Tidewater" not in page.text


def test_a_fee_shows_how_it_was_worked_out(portal: Portal) -> None:
    """Part 7: rate, base, days, period, legal basis and the invoice that it is for; the same on paper."""

    def fill(session: Session, account: Account) -> None:
        of = session.scalars(
            select(Invoice).where(Invoice.ref == portal.invoice(session, account, 120000, -40, number="7"))
        ).one()
        ref = portal.invoice(session, account, 894, -2, number="F-1")
        fee = session.scalars(select(Invoice).where(Invoice.ref == ref)).one()
        fee.kind, fee.refers_to_id = InvoiceKind.FEE, of.id
        line = session.scalars(select(InvoiceLine).where(InvoiceLine.invoice_id == fee.id)).one()
        line.description, line.basis_minor, line.basis_rate, line.basis_days = "Interest", 120000, "8.5", 32
        line.basis_from_on, line.basis_to_on = date(2026, 1, 15), date(2026, 2, 15)
        line.legal_basis = "Terms of sale, section 6"

    account = portal.account(fill)
    with portal.store.read() as session:
        refs = {invoice.number: invoice.ref for invoice in session.scalars(select(Invoice))}
    visitor = portal.visitor(account)
    page = visitor.get(f"/account/invoices/{refs['F-1']}")
    said = words(page)
    assert "How this was worked out It is for invoice 7. See it" in said
    assert f"/account/invoices/{refs['7']}" in page.text
    assert "8.5% a year on £1,200.00 32 days · 15 January 2026 to 15 February 2026" in said
    assert "Legal basis: Terms of sale, section 6" in said
    assert "What you ordered" not in said
    assert visitor.get(f"/account/invoices/{refs['F-1']}/pdf").data.startswith(b"%PDF-")
