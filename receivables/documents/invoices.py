"""An invoice as a paper: the creditor's own file where there is one (decision 4)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.files import StoredFile
from models.invoices import Invoice
from receivables import branches
from receivables.documents.data import InvoicePaper, Original
from receivables.invoices import document
from receivables.permissions import Actor


def invoice_paper(session: Session, actor: Actor, ref: str, *, now: datetime) -> InvoicePaper:
    """Return one invoice with its original file, if the creditor gave us one.

    Raises:
        NotAllowed, NotFound: as for the invoice on screen (L-15).
    """
    return InvoicePaper(document(session, actor, ref, now=now), _original(session, ref))


def branch_invoice_paper(
    session: Session, actor: Actor, ref: str, *, account_id: int, now: datetime
) -> InvoicePaper:
    """Return an invoice of a branch for its head office, likewise.

    Raises:
        NotAllowed, NotFound: as for the invoice on screen (L-15).
    """
    found = branches.document(session, actor, ref, account_id=account_id, now=now)
    return InvoicePaper(found, _original(session, ref))


def _original(session: Session, ref: str) -> Original | None:
    """The creditor's own file of an invoice that the reader may see."""
    r = session.execute(
        select(StoredFile.content_digest, StoredFile.name, StoredFile.media_type)
        .join(Invoice, Invoice.file_id == StoredFile.id)
        .where(Invoice.ref == ref)
    ).first()
    return Original(*r) if r else None
