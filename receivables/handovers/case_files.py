"""The case file: everything about a case in one ZIP, with an index as PDF and a list of hashes.

Read, then set in type, then kept: no transaction is open while the press works. The same case gives the
same bytes: entries are sorted, their times fixed, and everything is as of the moment of preparation.
What was said about hardship is kept out of case files: a handler has no need of it.
Source: issue of the ladder, part 11; X-01.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.arrangements import Offer, Plan
from models.base import new_ref
from models.files import StoredFile
from models.handovers import Handler, Handover, HandoverInvoice
from models.invoices import Invoice
from models.money import Money
from models.states import FileStatus, HandoverStatus
from models.store import Store
from models.work import Job
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.documents.agreements import offer_paper, plan_paper
from receivables.documents.data import (
    CaseEntry,
    CasePaper,
    DocumentWriter,
    InvoicePaper,
    OfferPaper,
    Parties,
    PlanPaper,
    Statement,
)
from receivables.documents.invoices import invoice_paper
from receivables.documents.library import MADE_OFFERS, MADE_PLANS
from receivables.documents.names import file_name
from receivables.documents.parties import parties
from receivables.documents.statements import currencies_of, read_statements
from receivables.errors import NotFound
from receivables.handovers import case_logs
from receivables.handovers.placing import job_key
from receivables.permissions import SYSTEM
from receivables.ports import Document, DocumentPress, Exports, FileStore, Sheet

#: Retention of case files.
CASE_FILE = "case_file"
#: Every entry bears this time: the file's own is the day of preparation, and it stands in the index.
_FIXED = (1980, 1, 1, 0, 0, 0)
#: How long one document may take, seconds: nobody waits for it on a page.
_PATIENCE = 60
#: The first day a statement may reach back to, when nothing was invoiced earlier: a year.
_A_YEAR = timedelta(days=365)
_ENDINGS = {"application/pdf": ".pdf", "image/jpeg": ".jpg", "image/png": ".png"}

Paper = Statement | InvoicePaper | PlanPaper | OfferPaper


@dataclass(frozen=True, slots=True)
class CaseContents:
    """What goes into a case file, as values: papers by their path, and the tables.

    Attributes:
        made_on: account-local day of preparation, the day that the papers bear.
    """

    case_ref: str
    handler: str
    currency: str
    asked: Money
    made_on: date
    parties: Parties
    papers: Sequence[tuple[str, str, Paper]]
    tables: Sequence[tuple[str, str, Sheet]]


def contents_of(session: Session, ref: str) -> CaseContents:
    """Gather a prepared case, as of the moment of its preparation; reads only.

    Raises:
        NotFound: no such case, or nobody has prepared it.
    """
    case = session.scalar(select(Handover).where(Handover.ref == ref))
    if case is None or case.prepared_at is None or case.handler_id is None:
        raise NotFound("not_found")
    account = session.get_one(Account, case.account_id)
    at, code = case.prepared_at, case.currency
    made_on = business_date(at, account.zone)
    documents = session.execute(
        select(Invoice.ref, Invoice.number, Invoice.issued_on)
        .join(HandoverInvoice, HandoverInvoice.invoice_id == Invoice.id)
        .where(HandoverInvoice.handover_id == case.id)
        .order_by(Invoice.issued_on, Invoice.id)
    ).all()
    papers: list[tuple[str, str, Paper]] = []
    known = {account.id: currencies_of(session, [account.id])[account.id]}
    since = min([made_on - _A_YEAR, *(r.issued_on for r in documents)])
    for statement in read_statements(session, known, since, made_on, currencies=[code])[account.id]:
        papers.append(("statement", "statement.pdf", statement))
    for r in documents:
        paper = invoice_paper(session, SYSTEM, r.ref, now=at)
        papers.append(("invoice", f"invoices/{file_name(r.number, ending='')}", paper))
    for plan in _made_plans(session, account.id, code):
        papers.append(("agreement", f"agreements/plan-{plan.id}.pdf", plan_paper(session, SYSTEM, plan.ref)))
    for offer in _made_offers(session, account.id, code):
        papers.append(
            ("agreement", f"agreements/settlement-{offer.id}.pdf", offer_paper(session, SYSTEM, offer.ref))
        )
    return CaseContents(
        case_ref=case.ref,
        handler=session.get_one(Handler, case.handler_id).name,
        currency=code,
        asked=Money(case.amount_minor, code),
        made_on=made_on,
        parties=parties(session, account.id),
        papers=papers,
        tables=case_logs.tables(session, account, code, until=at),
    )


def make(
    store: Store,
    press: DocumentPress,
    writer: DocumentWriter,
    exports: Exports,
    files: FileStore,
    ref: str,
    *,
    at: int,
    now: datetime,
) -> str | None:
    """Make and keep the case file of a prepared case; the worker's part.

    Args:
        at: version of the case that asked for it; a newer preparation has a job of its own.
    Returns:
        SHA-256 of the file; None when the case does not wait for it any more.
    Raises:
        NotFound; DocumentFailed, StillPreparing: the worker tries again.
    """
    with store.read() as session:
        if not _waits(session, ref, at):
            return None
        contents = contents_of(session, ref)

    def told(done: int, of: int) -> None:
        store.run(lambda s: _tell_progress(s, job_key(ref, at), done, of))

    parts = _pressed(contents, press, writer, files, told)
    parts |= {path: exports.csv(sheet) for _, path, sheet in contents.tables}
    index = press.press(
        writer.case_file(_index(contents, parts), contents.parties, contents.parties.creditor_language),
        timeout=_PATIENCE,
    )
    data = zipped(parts | {"index.pdf": index})
    digest = files.keep(data)
    kept = store.run(lambda s: _keep(s, ref, at, contents, digest, len(data), now=now))
    return digest if kept else None


def zipped(parts: dict[str, bytes]) -> bytes:
    """Return a ZIP of some files and SHA256SUMS over them; the same files are the same bytes.

    Args:
        parts: path -> content.
    """
    sums = "".join(f"{hashlib.sha256(parts[path]).hexdigest()}  {path}\n" for path in sorted(parts))
    whole = parts | {"SHA256SUMS": sums.encode()}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path in sorted(whole):
            entry = zipfile.ZipInfo(path, _FIXED)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, whole[path])
    return out.getvalue()


# --------------------------------------------------------------------------- parts


def _made_plans(session: Session, account_id: int, currency: str) -> Sequence[Plan]:
    own = select(Plan).where(Plan.account_id == account_id, Plan.currency == currency)
    made_plans = own.where(Plan.status.in_(MADE_PLANS), Plan.accepted_at.is_not(None))
    return session.scalars(made_plans.order_by(Plan.id)).all()


def _made_offers(session: Session, account_id: int, currency: str) -> Sequence[Offer]:
    own = select(Offer).where(Offer.account_id == account_id, Offer.currency == currency)
    made_offers = own.where(Offer.status.in_(MADE_OFFERS), Offer.accepted_at.is_not(None))
    return session.scalars(made_offers.order_by(Offer.id)).all()


def _waits(session: Session, ref: str, at: int) -> bool:
    case = session.scalar(select(Handover).where(Handover.ref == ref))
    return (
        case is not None
        and case.status is HandoverStatus.PREPARED
        and case.case_file_id is None
        and case.version == at
    )


def _pressed(
    contents: CaseContents,
    press: DocumentPress,
    writer: DocumentWriter,
    files: FileStore,
    told: Callable[[int, int], None],
) -> dict[str, bytes]:
    parts: dict[str, bytes] = {}
    for place, (_, path, paper) in enumerate(contents.papers):
        told(place, len(contents.papers) + 1)
        if isinstance(paper, InvoicePaper):
            original = paper.original
            if original is not None:
                # The creditor's own document goes before anything we make (decision 4).
                path += _ENDINGS.get(original.media_type, "")
                parts[_free_path(parts, path)] = files.read(original.digest)
                continue
            path += ".pdf"
        parts[_free_path(parts, path)] = press.press(_written(paper, contents, writer), timeout=_PATIENCE)
    told(len(contents.papers), len(contents.papers) + 1)
    return parts


def _free_path(parts: dict[str, bytes], path: str) -> str:
    """Two documents whose numbers make the same name stand beside each other."""
    stem, dot, ending = path.rpartition(".")
    free, count = path, 2
    while free in parts:
        free, count = f"{stem} ({count}){dot}{ending}", count + 1
    return free


def _written(paper: Paper, contents: CaseContents, writer: DocumentWriter) -> Document:
    language, who = contents.parties.creditor_language, contents.parties
    match paper:
        case Statement():
            return writer.statement(paper, who, language, contents.made_on)
        case InvoicePaper():
            return writer.invoice(paper, who, language)
        case PlanPaper():
            return writer.plan(paper, who, language)
        case OfferPaper():
            return writer.offer(paper, who, language)


def _index(contents: CaseContents, parts: dict[str, bytes]) -> CasePaper:
    kinds = {path: what for what, path, _ in contents.tables}
    return CasePaper(
        number=contents.case_ref,
        handler=contents.handler,
        made_on=contents.made_on,
        asked=contents.asked,
        entries=[
            CaseEntry(
                kinds.get(path) or _KINDS[path.partition("/")[0]],
                path,
                len(parts[path]),
                hashlib.sha256(parts[path]).hexdigest(),
            )
            for path in sorted(parts)
        ],
    )


#: First part of a path -> what stands there.
_KINDS = {"statement.pdf": "statement", "invoices": "invoice", "agreements": "agreement"}


def _tell_progress(session: Session, key: str, done: int, of: int) -> None:
    """Say in the job how far it has come, for who looks at the case."""
    job = session.scalar(select(Job).where(Job.key == key))
    if job is not None:
        job.payload = job.payload | {"done": done, "of": of}


def _keep(
    session: Session, ref: str, at: int, contents: CaseContents, digest: str, size: int, *, now: datetime
) -> bool:
    account_id = session.scalar(select(Handover.account_id).where(Handover.ref == ref))
    session.get_one(Account, account_id, with_for_update=True)
    if not _waits(session, ref, at):
        return False
    case = session.scalars(select(Handover).where(Handover.ref == ref)).one()
    stored = StoredFile(
        ref=new_ref(),
        content_digest=digest,
        name=file_name(contents.parties.creditor, contents.parties.account_number,
                       contents.made_on.isoformat(), ending=".zip"),
        media_type="application/zip",
        size_bytes=size,
        # Nobody's file but ours: an account's own files are given out to who holds its link.
        account_id=None,
        status=FileStatus.UNCHECKED,
        retention_class=CASE_FILE,
        stored_at=now,
    )  # fmt: skip
    session.add(stored)
    session.flush()
    case.case_file_id, case.case_digest = stored.id, digest
    facts = {"digest": digest, "bytes": size, "papers": len(contents.papers)}
    record(session, SYSTEM, "handover.case_file_made", case, account_id=case.account_id, now=now, facts=facts)
    return True
