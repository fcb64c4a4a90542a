"""Files wait for a virus scanner that is a real command; the worker asks it (X-03)."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from assembly import House
from jobs import worker
from models.accounts import Account
from models.audit import AuditEntry
from models.files import StoredFile
from models.states import FileStatus, JobStatus
from models.work import Alert, Job
from receivables import files
from receivables.errors import Refused
from receivables.policy import default_policy
from tests import factories as make
from tests.conftest import NOON
from tests.jobs.test_worker import PRODUCTION, build

PDF = b"%PDF-1.7\n1 0 obj<<>>endobj\n%%EOF\n"
#: The mark in two parts, so that a scanner of whoever keeps this code leaves the file alone.
BAD = PDF.replace(b"1 0 obj", b"%ANTIVIRUS-TEST-" + b"FILE\n1 0 obj")
SCRIPT = """\
import pathlib, sys
data = sys.stdin.buffer.read()
if pathlib.Path(__file__).with_name("off").exists():
    sys.exit(2)
sys.exit(1 if b"ANTIVIRUS-TEST-" + b"FILE" in data else 0)
"""


@pytest.fixture
def house(database_url: str, tmp_path: Path) -> Iterator[House]:
    script = tmp_path / "scanner.py"
    script.write_text(SCRIPT)
    house = build(database_url, tmp_path, AMICABLE_SCANNER=f"{sys.executable} {script}")
    yield house
    house.store.dispose()


@pytest.fixture
def account(house: House) -> Account:
    with house.store.write() as session:
        return make.an_account(session, make.a_creditor(session))


def upload(house: House, account: Account, data: bytes, name: str = "note.pdf") -> str:
    stored = house.store.run(
        lambda s: files.store_upload(
            s, house.files, make.holder_actor(account), account_id=account.id, name=name, data=data,
            policy=default_policy(), now=NOON,
        )
    )  # fmt: skip
    return str(stored.ref)


def given(house: House, account: Account, ref: str) -> bytes:
    with house.store.read() as session:
        row = files.one_file(session, make.holder_actor(account), ref)
    return files.content(house.files, row)


def refused(house: House, account: Account, ref: str) -> str:
    with pytest.raises(Refused) as error:
        given(house, account, ref)
    assert error.value.facts == {"name": "note.pdf"}
    return str(error.value.code)


def all_of(house: House, query: object) -> list[object]:
    with house.store.read() as session:
        return list(session.scalars(query))  # type: ignore[call-overload]


def test_held_until_it_is_clean(house: House, account: Account) -> None:
    """X-03: nobody gets it, neither its owner nor the desk, until the scanner has let it go."""
    ref = upload(house, account, PDF)
    assert refused(house, account, ref) == "file_waits"
    assert worker.take_jobs(house, worker="w", now=NOON) == 1
    assert given(house, account, ref) == PDF
    assert all_of(house, select(StoredFile.status)) == [FileStatus.CLEAN]
    assert "file.checked" in all_of(house, select(AuditEntry.code))
    assert worker.take_jobs(house, worker="w", now=NOON) == 0


def test_what_is_found_is_given_to_nobody_ever(house: House, account: Account) -> None:
    """X-03: its bytes go, each copy of them is held, and a person is told."""
    clean, first = upload(house, account, PDF), upload(house, account, BAD)
    second = upload(house, account, BAD)
    worker.take_jobs(house, worker="w", now=NOON)
    assert [refused(house, account, ref) for ref in (first, second)] == ["file_virus"] * 2
    assert given(house, account, clean) == PDF
    with house.store.read() as session:
        digest = session.scalars(select(StoredFile.content_digest).where(StoredFile.ref == first)).one()
    with pytest.raises(FileNotFoundError):
        house.files.read(digest)
    assert all_of(house, select(Alert.code)) == ["file_infected"] * 2
    third = upload(house, account, BAD)
    worker.take_jobs(house, worker="w", now=NOON)
    assert refused(house, account, third) == "file_virus"


def test_a_silent_scanner_holds_and_is_asked_again(
    house: House, account: Account, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A scanner that is down holds up no upload and lets nothing through; later it is asked again."""
    off = tmp_path / "off"
    off.touch()
    ref = upload(house, account, PDF)
    with caplog.at_level(logging.ERROR):
        worker.take_jobs(house, worker="w", now=NOON)
    assert caplog.records == [], "known trouble is no stack trace"
    assert refused(house, account, ref) == "file_waits"
    assert all_of(house, select(Job.error)) == ["exit 2"]
    off.unlink()
    worker.take_jobs(house, worker="w", now=NOON + timedelta(hours=1))
    assert given(house, account, ref) == PDF


def test_given_up_after_many_tries_it_stays_held(house: House, account: Account, tmp_path: Path) -> None:
    (tmp_path / "off").touch()
    ref = upload(house, account, PDF)
    for hour in range(worker.JOB_TRIES + 1):
        worker.take_jobs(house, worker="w", now=NOON + timedelta(hours=2 * hour))
    assert all_of(house, select(Job.status)) == [JobStatus.DEAD]
    assert refused(house, account, ref) == "file_waits"
    assert all_of(house, select(Alert.code)) == ["job_dead"]


def test_without_the_setting_all_is_as_before(database_url: str, tmp_path: Path) -> None:
    house = build(database_url, tmp_path)
    try:
        with house.store.write() as session:
            account = make.an_account(session, make.a_creditor(session))
        ref = upload(house, account, BAD)
        assert given(house, account, ref) == BAD
        assert all_of(house, select(StoredFile.status)) == [FileStatus.UNCHECKED]
        assert all_of(house, select(Job)) == []
    finally:
        house.store.dispose()


def test_a_file_whose_form_was_forgotten_is_not_asked_about(house: House, account: Account) -> None:
    upload(house, account, PDF)
    with house.store.write() as session:
        session.delete(session.scalars(select(StoredFile)).one())
    worker.take_jobs(house, worker="w", now=NOON)
    assert all_of(house, select(Job.status)) == [JobStatus.DONE]


def test_the_log_says_whether_files_are_checked(
    house: House, database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """In production nobody has to guess: the worker says it when it starts."""
    without = build(database_url, tmp_path, **PRODUCTION)
    try:
        with caplog.at_level(logging.INFO, logger="amicable.worker"):
            worker.announce(house, "one")
            worker.announce(without, "two")
    finally:
        without.store.dispose()
    starts = [record.facts["scanner"] for record in caplog.records if record.message == "worker starts"]
    assert starts == ["set", "none"]
    warnings = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == ["files of debtors are not checked for viruses: AMICABLE_SCANNER is not set"]
