"""The case file: one ZIP with an index as PDF, papers, tables and hashes; twice the same bytes (part 11)."""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from assembly import House, assemble
from config import Settings
from jobs import worker
from models.accounts import Account, Contact
from models.arrangements import Plan, PlanInvoice
from models.audit import AuditEntry
from models.base import new_ref
from models.disputes import Dispute, DisputeNote, DisputeReason
from models.files import StoredFile
from models.handovers import Handover
from models.invoices import Invoice
from models.links import Channel
from models.messages import CallAttempt, ConsentEvent, ConsentEventKind, Message, Purpose
from models.states import DisputeStatus, JobStatus, MessageStatus, PlanStatus
from models.store import Store
from models.work import Job
from receivables.errors import NotFound
from receivables.handovers import case_files, reads
from receivables.handovers.case_files import zipped
from tests.agreements import an_agreed_plan
from tests.conftest import NOON
from tests.receivables.handovers.cases import late_account, person, prepared, proposed

PAPERS = {"index.pdf", "statement.pdf", "invoices/2026-0901.pdf", "invoices/2026-0917.pdf"}
TABLES = {"consents.csv", "contact-log.csv", "disputes.csv", "promises.csv"}


@pytest.fixture
def house(database_url: str, tmp_path: Path) -> Iterator[House]:
    """Press, writer, files and books, put together as they are at work."""
    settings = Settings.load(
        AMICABLE_ENV="test", DATABASE_URL=database_url, SECRET_KEY="k" * 40, AMICABLE_DATA_DIR=tmp_path,
        BASE_URL="http://localhost",
    )  # fmt: skip
    house = assemble(settings)
    yield house
    house.press.close()
    house.store.dispose()


def told(store: Store, account_id: int) -> None:
    """A mail and two calls, a dispute that was answered, an opt-out; and hardship, which stays with us."""
    with store.write() as s:
        contact = s.scalars(select(Contact).where(Contact.account_id == account_id)).first()
        assert contact is not None
        earlier = NOON - timedelta(days=40)
        for kind in ("first_reminder", "hardship_answered"):
            s.add(
                Message(
                    ref=f"m-{kind}", account_id=account_id, contact_id=contact.id, channel=Channel.EMAIL,
                    purpose=Purpose.REMINDER, kind=kind, language="en", facts={}, dedupe_key=kind,
                    status=MessageStatus.DELIVERED, wire_id=kind, not_before=earlier, subject="=1+1 " + kind,
                    queued_at=earlier, sent_at=earlier,
                )
            )  # fmt: skip
        for outcome in ("no_answer", "spoke_of_hardship"):
            s.add(
                CallAttempt(
                    account_id=account_id, contact_id=contact.id, talked=False, outcome=outcome,
                    made_at=earlier + timedelta(days=1),
                )
            )  # fmt: skip
        invoice = s.scalars(select(Invoice).where(Invoice.account_id == account_id)).first()
        assert invoice is not None
        dispute = Dispute(
            account_id=account_id, invoice_id=invoice.id, contact_id=contact.id, holds=False,
            status=DisputeStatus.REJECTED, reason=DisputeReason.WRONG_PRICE, contested_minor=4200,
            currency="GBP", opened_at=earlier, answer_by_on=earlier.date(), finding="The list of May holds.",
            resolved_at=earlier + timedelta(days=3),
        )  # fmt: skip
        s.add(dispute)
        s.flush()
        s.add(
            DisputeNote(
                dispute_id=dispute.id,
                contact_id=contact.id,
                words="The price was another.",
                written_at=earlier,
            )
        )
        s.add(
            ConsentEvent(
                contact_id=contact.id, channel=Channel.SMS, address_digest="a" * 64,
                purpose=Purpose.REMINDER, event=ConsentEventKind.OPTED_OUT, text_shown="No more messages",
                text_version="1", source="portal", occurred_at=earlier,
            )
        )  # fmt: skip


def made(house: House, case: Handover) -> dict[str, bytes]:
    """Let the worker make the file of a case, and take it apart."""
    worker.take_jobs(house, worker="w", now=NOON)
    with house.store.read() as s:
        file = s.get_one(StoredFile, s.get_one(Handover, case.id).case_file_id)
    data = house.files.read(file.content_digest)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


def rows(parts: dict[str, bytes], path: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(parts[path].decode("utf-8-sig"))))


def test_the_worker_makes_it_and_says_so(house: House) -> None:
    account = late_account(house.store)
    told(house.store, account.id)
    case = prepared(house.store, account, filed=False)
    parts = made(house, case)
    assert set(parts) == PAPERS | TABLES | {"SHA256SUMS"}
    assert all(parts[path].startswith(b"%PDF-") for path in PAPERS)
    sums = dict(line.split("  ")[::-1] for line in parts["SHA256SUMS"].decode().splitlines())
    assert sums == {
        path: hashlib.sha256(data).hexdigest() for path, data in parts.items() if path != "SHA256SUMS"
    }
    with house.store.read() as s:
        job = s.scalars(select(Job).where(Job.kind == "case_file")).one()
        kept = s.get_one(Handover, case.id)
        file = s.get_one(StoredFile, kept.case_file_id)
        codes = set(s.scalars(select(AuditEntry.code)))
    assert (job.status, job.payload["done"], job.payload["of"]) == (JobStatus.DONE, 3, 4)
    assert kept.case_digest == file.content_digest
    assert (file.media_type, file.account_id, file.retention_class) == ("application/zip", None, "case_file")
    assert "handover.case_file_made" in codes


def test_what_the_tables_say_and_keep_to_themselves(house: House) -> None:
    """X-01: nothing is a formula; hardship is kept out; disputes stand there with their answers."""
    account = late_account(house.store)
    told(house.store, account.id)
    parts = made(house, prepared(house.store, account, filed=False))
    log = rows(parts, "contact-log.csv")
    assert [(row["way"], row["what"]) for row in log] == [
        ("post", "formal_warning"), ("email", "first_reminder"), ("call", "no_answer"),
    ]  # fmt: skip
    assert log[1]["subject"] == "'=1+1 first_reminder"
    disputes = rows(parts, "disputes.csv")
    assert [row["what"] for row in disputes] == ["opened", "they said", "rejected"]
    assert [row["words"] for row in disputes] == ["", "The price was another.", "The list of May holds."]
    assert rows(parts, "consents.csv")[0]["event"] == "opted_out"
    assert rows(parts, "promises.csv") == []
    for path in TABLES | {"SHA256SUMS"}:
        assert b"hardship" not in parts[path]


def test_agreements_and_the_creditors_own_document_lie_in_it(house: House) -> None:
    """Decision 4: the invoice as the creditor issued it goes before anything we make."""
    account = late_account(house.store)
    own = b"%PDF-1.7 the creditor's own"
    digest = house.files.keep(own)
    with house.store.write() as s:
        an_agreed_plan(s, s.get_one(Account, account.id), ["2026-0901"], now=NOON - timedelta(days=90))
        s.execute(update(Plan).values(status=PlanStatus.CANCELLED))
        s.execute(update(PlanInvoice).values(blocking=False))
        stored = StoredFile(
            ref=new_ref(), content_digest=digest, name="x.pdf", media_type="application/pdf",
            size_bytes=len(own), account_id=account.id, retention_class="original", stored_at=NOON,
        )  # fmt: skip
        s.add(stored)
        s.flush()
        s.execute(update(Invoice).where(Invoice.number == "2026-0917").values(file_id=stored.id))
    parts = made(house, prepared(house.store, account, filed=False))
    assert parts["invoices/2026-0917.pdf"] == own
    (agreement,) = [path for path in parts if path.startswith("agreements/")]
    assert parts[agreement].startswith(b"%PDF-")


def test_the_same_case_is_the_same_bytes(house: House) -> None:
    """Made twice, by two workers, it is one file; a job of an earlier preparation makes none."""
    account = late_account(house.store)
    case = prepared(house.store, account, filed=False)
    made(house, case)
    with house.store.write() as s:
        kept = s.get_one(Handover, case.id)
        first, kept.case_file_id, kept.case_digest = kept.case_digest, None, None
        s.flush()
        at = kept.version

    def again(version: int) -> str | None:
        return case_files.make(
            house.store, house.press, house.documents, house.exports, house.files, case.ref, at=version,
            now=NOON + timedelta(hours=5),
        )  # fmt: skip

    assert again(at - 1) is None
    assert again(at) == first
    assert again(at) is None


def test_a_case_that_nobody_prepared_has_no_file(house: House) -> None:
    case = proposed(house.store, late_account(house.store))
    actor = person(house.store)
    with house.store.read() as s:
        with pytest.raises(NotFound):
            case_files.contents_of(s, case.ref)
        with pytest.raises(NotFound):
            reads.case_file(s, actor, case.ref)


def test_an_archive_is_sorted_and_timeless() -> None:
    first = zipped({"b.txt": b"2", "a.txt": b"1"})
    assert first == zipped({"a.txt": b"1", "b.txt": b"2"})
    assert first != zipped({"a.txt": b"1", "b.txt": b"3"})
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert archive.namelist() == ["SHA256SUMS", "a.txt", "b.txt"]
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
