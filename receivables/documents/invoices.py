"""An invoice as a paper: the creditor's own file where there is one (decision 4)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.files import StoredFile
from models.invoices import Invoice
from receivables.documents.data import InvoicePaper, Original
from receivables.invoices import document
from receivables.permissions import Actor


def invoice_paper(session: Session, actor: Actor, ref: str, *, now: datetime) -> InvoicePaper:
    """Return one invoice with its original file, if the creditor gave us one.

    Raises:
        NotAllowed, NotFound: as for the invoice on screen (L-15).
    """
    found = document(session, actor, ref, now=now)
    r = session.execute(
        select(StoredFile.content_digest, StoredFile.name, StoredFile.media_type)
        .join(Invoice, Invoice.file_id == StoredFile.id)
        .where(Invoice.ref == ref)
    ).first()
    return InvoicePaper(found, Original(*r) if r else None)
