"""Invoices of the creditor's books on their way in: read whole, compared, then applied in chunks.

Pass one (intake_reading.stage, then `compare_with_books`) changes nothing. Pass two (`open_batch`,
then `apply_next` until it says done) is one unit of work a chunk; what is in the books is told by
`import_batch.invoices_applied` in the same transaction, so a crash resumes at the next chunk.
Source: decisions 3, 16, 28; M-05.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table as DatabaseTable
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from models import search
from models.accounts import Account
from models.base import new_ref
from models.creditors import Creditor
from models.intake import ImportBatch
from models.invoices import Invoice, InvoiceKind, InvoiceLine
from models.ledger import LedgerCode
from models.money import Money
from models.states import ImportStatus, InvoiceStatus, advance
from receivables import ledger
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.errors import Refused
from receivables.intake.accounts import ensure_accounts
from receivables.intake.fee_basis import NO_BASIS, StagedBasis
from receivables.intake.reading import Watch
from receivables.intake.rows import Finding, Grade, IntakeOptions
from receivables.intake.staging import StagedDocument, Staging
from receivables.permissions import Actor, Permission, require

_INVOICE, _LINE = cast(DatabaseTable, Invoice.__table__), cast(DatabaseTable, InvoiceLine.__table__)
#: Documents compared with the books at once.
_DOCUMENTS = 500
#: What a fee or credit note can refer to.
_REFERRED = (InvoiceKind.INVOICE, InvoiceKind.PREPAYMENT)


@dataclass(frozen=True, slots=True)
class Applied:
    """One chunk in the books: how far the batch is, and what this chunk added."""

    position: int
    done: bool
    documents: int = 0
    already_known: int = 0
    accounts: int = 0
    contacts: int = 0


# --------------------------------------------------------------------------- against the books


def compare_with_books(session: Session, creditor: Creditor, staging: Staging, *, watch: Watch) -> int:
    """Find which staged documents are in the books already; one with other content is an error.

    Args:
        watch: told the position.
    Returns:
        How many are there with the same content.
    """
    position = known = 0
    while numbers := staging.numbers(position, _DOCUMENTS):
        if _taken(session, creditor.id, {number for _, number in numbers}):
            documents = staging.documents(position, _DOCUMENTS)
            for document, same in _already_there(session, creditor.id, documents):
                if same:
                    known += 1
                else:
                    staging.find(
                        Finding(document.line, "number", document.number, "number_taken", Grade.ERROR)
                    )
        position = numbers[-1][0]
        watch(position)
    _find_unreferred(session, creditor.id, staging)
    return known


def _find_unreferred(session: Session, creditor_id: int, staging: Staging) -> None:
    """Find references to documents that neither the file nor the books know: only they are left out."""
    wanted = staging.references()
    for begin in range(0, len(wanted), _DOCUMENTS):
        chunk = wanted[begin : begin + _DOCUMENTS]
        there = session.execute(
            select(Account.number, Invoice.number)
            .join(Invoice, Invoice.account_id == Account.id)
            .where(
                Account.creditor_id == creditor_id,
                Invoice.kind.in_(_REFERRED),
                Invoice.number.in_({number for _, _, number, _ in chunk}),
            )
        )
        known = {(customer, number) for customer, number in there}
        for line, customer, number, head in chunk:
            if (customer, number) not in known:
                staging.find(Finding(line, "refers_to", number, "reference_unknown", Grade.LEFT_OUT, head))


def _taken(session: Session, creditor_id: int, numbers: Set[str]) -> list[int]:
    """Return the ids of a creditor's documents that have one of these numbers."""
    query = select(Invoice.id).join(Account, Account.id == Invoice.account_id)
    return list(session.scalars(query.where(Account.creditor_id == creditor_id, Invoice.number.in_(numbers))))


def _already_there(
    session: Session, creditor_id: int, documents: Sequence[StagedDocument]
) -> list[tuple[StagedDocument, bool]]:
    """Return the documents whose number is taken, each with whether it is the same document."""
    taken_ids = _taken(session, creditor_id, {document.number for document in documents})
    if not taken_ids:
        return []
    rows = session.execute(
        select(
            Invoice.id, Invoice.kind, Invoice.number, Account.number, Invoice.issued_on, Invoice.due_on,
            Invoice.currency, Invoice.purchase_order, Invoice.lines_net_minor, Invoice.tax_minor,
            Invoice.rounding_minor, Invoice.early_discount_minor, Invoice.early_discount_to_on,
        )
        .join(Account, Account.id == Invoice.account_id)
        .where(Invoice.id.in_(taken_ids))
    )  # fmt: skip
    lines: dict[int, list[tuple[Any, ...]]] = {}
    for invoice_id, *line in session.execute(
        select(
            InvoiceLine.invoice_id, InvoiceLine.code, InvoiceLine.description, InvoiceLine.quantity,
            InvoiceLine.unit_price, InvoiceLine.net_minor, InvoiceLine.tax_minor, InvoiceLine.tax_rate,
            *(getattr(InvoiceLine, name) for name in StagedBasis._fields),
        )
        .where(InvoiceLine.invoice_id.in_(taken_ids))
        .order_by(InvoiceLine.invoice_id, InvoiceLine.position)
    ):  # fmt: skip
        lines.setdefault(invoice_id, []).append(tuple(line))
    taken: dict[tuple[InvoiceKind, str], list[Any]] = {}
    for invoice_id, kind, number, *content in rows:
        taken.setdefault((kind, number), []).append((*content, lines.get(invoice_id, [])))
    return [
        (document, _content(document) in taken[document.kind, document.number])
        for document in documents
        if (document.kind, document.number) in taken
    ]


def _content(document: StagedDocument) -> tuple[Any, ...]:
    """What makes two documents of one number the same; in the order of the query above.

    What it refers to is left out: a reference that found nothing is not in the books.
    """
    return (
        document.customer, document.issued_on, document.due_on, document.currency, document.purchase_order,
        document.lines_net_minor, document.tax_minor, document.rounding_minor,
        document.early_discount_minor, document.early_discount_to_on,
        [(*line[:-1], *line.basis) for line in document.lines],
    )  # fmt: skip


# --------------------------------------------------------------------------- pass two


def open_batch(
    session: Session,
    actor: Actor,
    creditor: Creditor,
    *,
    content_digest: str,
    file_name: str,
    options: Mapping[str, Any],
    staging: Staging,
    now: datetime,
) -> ImportBatch:
    """Return the batch of a file, new or as an earlier run left it.

    Args:
        content_digest: SHA-256 of the bytes and of the options that give them meaning.
        staging: grouped, without findings of grade error.
    Returns:
        The batch in status staged, or in whatever status it has by now.
    Raises:
        NotAllowed: the actor may not import.
    """
    require(actor, Permission.INVOICE_IMPORT)
    _lock_imports(session, creditor.id)
    known = session.scalar(select(ImportBatch).where(ImportBatch.content_digest == content_digest))
    if known is not None:
        return known
    accepted, rejected = staging.totals()
    batch = ImportBatch(
        ref=new_ref(),
        creditor_id=creditor.id,
        content_digest=content_digest,
        file_name=file_name,
        options=dict(options),
        status=ImportStatus.STAGED,
        staging_path=str(staging.path),
        invoices_total=accepted,
        rejected=rejected,
        started_at=now,
    )
    session.add(batch)
    session.flush()
    return batch


def apply_next(
    session: Session,
    actor: Actor,
    batch_id: int,
    *,
    staging: Staging,
    options: IntakeOptions,
    size: int,
    now: datetime,
) -> Applied:
    """Bring the next documents of a batch into the books, in this one unit of work.

    Args:
        staging: the batch's, opened again.
        size: most documents of a chunk.
    Returns:
        How far the batch is; `done` when the last document is in.
    Raises:
        NotAllowed: the actor may not import.
        Refused: `number_taken`: somebody brought other content under a number since pass one.
    """
    require(actor, Permission.INVOICE_IMPORT)
    owner = select(ImportBatch.creditor_id).where(ImportBatch.id == batch_id)
    creditor = _lock_imports(session, session.execute(owner).scalar_one())
    batch = session.get_one(ImportBatch, batch_id, with_for_update=True, populate_existing=True)
    if batch.status is ImportStatus.APPLIED:
        return Applied(batch.invoices_applied, True)
    if batch.status is ImportStatus.STAGED:
        advance(batch, ImportStatus.APPLYING)
    documents = staging.documents(batch.invoices_applied, size)
    known = set()
    for document, same in _already_there(session, creditor.id, documents):
        if not same:
            raise Refused("number_taken", number=document.number)
        known.add(document.position)
    fresh = [document for document in documents if document.position not in known]
    accounts = ensure_accounts(session, actor, creditor, fresh, options, now=now)
    ids = _insert_documents(session, batch.id, fresh, accounts.ids, now)
    drafts = [
        _opening(creditor.id, ids[document.position], accounts.ids[document.customer], document, options)
        for document in fresh
        if document.total_minor
    ]
    ledger.post_new_invoices(session, drafts, now=now, posted_on=business_date(now, creditor.zone))
    before, batch.invoices_applied = batch.invoices_applied, batch.invoices_applied + len(documents)
    done = batch.invoices_applied >= batch.invoices_total
    if fresh:
        record(
            session,
            actor,
            "invoice.imported",
            batch,
            account_id=None,
            facts={
                "positions": [before + 1, batch.invoices_applied], "documents": len(fresh),
                "already_known": len(known), "accounts": accounts.made, "contacts": accounts.contacts,
                "totals": _totals(fresh),
            },
            now=now,
        )  # fmt: skip
    if done:
        batch.applied_at = now
        advance(batch, ImportStatus.APPLIED)
        facts = {
            "digest": batch.content_digest, "documents": batch.invoices_total, "rejected": batch.rejected,
        }  # fmt: skip
        record(session, actor, "file.imported", batch, account_id=None, facts=facts, now=now)
    return Applied(batch.invoices_applied, done, len(fresh), len(known), accounts.made, accounts.contacts)


def _lock_imports(session: Session, creditor_id: int) -> Creditor:
    """Let one import of a creditor go at a time: two must not both make an account or a batch.

    The lock leaves everybody else alone who only points at the creditor.
    """
    return session.get_one(Creditor, creditor_id, with_for_update={"key_share": True})


def _insert_documents(
    session: Session,
    batch_id: int,
    documents: Sequence[StagedDocument],
    account_ids: Mapping[str, int],
    now: datetime,
) -> dict[int, int]:
    """Insert documents with their lines and return position -> invoice id.

    Plain statements on the tables: a row of a large file is never a mapped object.
    """
    if not documents:
        return {}
    refs = {new_ref(): document for document in documents}
    session.execute(
        insert(_INVOICE),
        [
            {
                "ref": ref, "account_id": account_ids[d.customer], "kind": d.kind, "number": d.number,
                "status": InvoiceStatus.OPEN if d.total_minor else InvoiceStatus.PAID,
                "issued_on": d.issued_on, "due_on": d.due_on, "currency": d.currency,
                "lines_net_minor": d.lines_net_minor, "allowances_minor": 0, "charges_minor": 0,
                "tax_minor": d.tax_minor, "prepaid_minor": 0, "rounding_minor": d.rounding_minor,
                "total_minor": d.total_minor, "balance_minor": 0, "description": "",
                "early_discount_minor": d.early_discount_minor,
                "early_discount_to_on": d.early_discount_to_on,
                "purchase_order": d.purchase_order, "import_batch_id": batch_id, "version": 1,
                "created_at": now,
            }
            for ref, d in refs.items()
        ],
    )  # fmt: skip
    ids = {
        refs[ref].position: invoice_id
        for invoice_id, ref in session.execute(select(Invoice.id, Invoice.ref).where(Invoice.ref.in_(refs)))
    }
    with_basis = any(x.basis is not NO_BASIS for d in documents for x in d.lines)
    lines = [
        {
            "invoice_id": ids[d.position], "position": position, "code": x.code, "description": x.description,
            "quantity": x.quantity, "unit_price": x.unit_price, "net_minor": x.net_minor,
            "tax_minor": x.tax_minor, "tax_rate": x.tax_rate, **(x.basis._asdict() if with_basis else {}),
        }
        for d in documents
        for position, x in enumerate(d.lines, 1)
    ]  # fmt: skip
    if lines:
        session.execute(insert(_LINE), lines)
    numbered = [
        {"id": ids[d.position], "account_id": account_ids[d.customer], "number": d.number} for d in documents
    ]
    session.execute(insert(search.SearchTerm), search.terms_of_invoices(numbered))
    _refer(session, documents, ids, account_ids)
    return ids


def _refer(
    session: Session,
    documents: Sequence[StagedDocument],
    ids: Mapping[int, int],
    account_ids: Mapping[str, int],
) -> None:
    """Point new documents at those that they refer to; these stand before them in the staging file."""
    wanted = {d.position: (account_ids[d.customer], d.refers_to) for d in documents if d.refers_to}
    if not wanted:
        return
    rows = session.execute(
        select(Invoice.account_id, Invoice.number, Invoice.id)
        .where(
            Invoice.account_id.in_({account_id for account_id, _ in wanted.values()}),
            Invoice.number.in_({number for _, number in wanted.values()}),
            Invoice.kind.in_(_REFERRED),
        )
        .order_by(Invoice.kind.desc())  # of an invoice and a prepayment with one number, the invoice
    )
    there = {(account_id, number): invoice_id for account_id, number, invoice_id in rows}
    for position, key in wanted.items():
        if key in there:
            session.execute(
                update(_INVOICE).where(_INVOICE.c.id == ids[position]).values(refers_to_id=there[key])
            )


def _opening(
    creditor_id: int, invoice_id: int, account_id: int, document: StagedDocument, options: IntakeOptions
) -> ledger.Draft:
    """The entry that opens a document in the books (decision 3).

    The reference is by id: the row is new in this unit of work and its number unique there.
    """
    amount = Money(document.total_minor, document.currency)
    if document.kind is InvoiceKind.CREDIT_NOTE:
        sides = [
            ledger.debit(LedgerCode.OPENING_COUNTERPART, amount),
            ledger.credit(LedgerCode.UNAPPLIED_CREDIT, amount, account_id=account_id, invoice_id=invoice_id),
        ]
    else:
        sides = [
            ledger.debit(LedgerCode.RECEIVABLES, amount, account_id=account_id, invoice_id=invoice_id),
            ledger.credit(LedgerCode.OPENING_COUNTERPART, amount),
        ]
    return ledger.Draft(
        creditor_id=creditor_id,
        reference=f"invoice:{invoice_id}:imported",
        kind=f"{document.kind.value}_imported",
        currency=document.currency,
        sides=sides,
        effective_on=max(document.issued_on, options.as_of) if options.as_of else document.issued_on,
    )


def _totals(documents: Sequence[StagedDocument]) -> dict[str, dict[str, int]]:
    totals: dict[str, dict[str, int]] = {}
    for document in documents:
        of_kind = totals.setdefault(document.currency, {})
        of_kind[document.kind.value] = of_kind.get(document.kind.value, 0) + document.total_minor
    return totals
