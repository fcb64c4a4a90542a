"""FT-22: no room on the disk for the database, its journal, uploaded files and logs.

INV-1 to INV-3, INV-10, INV-14: nothing is half posted, the answer says that it is not now, and with room
again all goes on without repair. The room is taken by the kernel's limit on the size of files, so that the
test needs no disk of its own.
"""

from __future__ import annotations

import http.client
from pathlib import Path

import psutil
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from models.files import StoredFile
from tests.databases import limit_files
from tests.faults.debtors import ANSWER_WITHIN, Debtor, LineBroke, pays_until_paid
from tests.faults.waiting import await_
from tests.faults.works import Works

#: Bytes that a file may still have; every database is larger.
ROOM = 4096
BOUNDARY = "a-part-of-the-form"


def test_no_room(works: Works, database: str) -> None:
    """FT-22: payers are told that it does not work now, never that it worked; then it works.

    Ours have no room for files and logs on either database, and on SQLite for the database as well. On
    PostgreSQL its own processes behind our lines get none: a table that can't grow is its word for no, and
    a journal that can't grow takes the server down and cuts the lines of all. Either is our 503.
    """
    accounts = [works.account(57600 + n) for n in range(3)]
    debtors = [works.debtor(account) for account in accounts]
    for debtor in debtors:
        debtor.enter()
    before = works.look(_rows)
    ours, servers = _ours(works), _servers(works, database)
    limit_files(ours, ROOM, of_server=False)
    limit_files(servers, ROOM, of_server=True)
    told = []
    for debtor in debtors:
        try:
            told.append(debtor.pay())
        except (LineBroke, RuntimeError) as error:
            told.append(str(error))
    assert "ok" not in told
    assert all(said.endswith("503") for said in told), told
    limit_files(ours, None, of_server=False)
    limit_files(servers, None, of_server=True)
    if database == "postgres":
        works.house.store.dispose()  # its server has started afresh
        await_("the database is back", lambda: _is_back(works))
    assert works.look(_rows) == before
    for debtor in debtors:
        pays_until_paid(debtor)
    works.prove()
    assert [works.open_minor(account) for account in accounts] == [0, 0, 0]


def test_no_room_for_a_file(works: Works, database: str) -> None:
    """FT-22: the database has room and an uploaded file has none: 503, no row, nothing left; then it is kept.

    On SQLite the same processes write both, so the file is larger than the database and ends while it is
    received; on PostgreSQL it is a small one, and ends while it is kept.
    """
    account = works.account(57600)
    debtor, invoice = works.debtor(account), works.invoice(account)
    debtor.enter()
    form = f"/account/invoices/{invoice.ref}/dispute"
    debtor.get(form)
    room = ROOM if database == "postgres" else _largest(works.folder) + (1 << 20)
    paper = _a_pdf(room + 65536)
    rows, files = works.look(_files), _kept(works)
    limit_files(_ours(works), room, of_server=False)
    refused = _send(debtor, form, paper)
    limit_files(_ours(works), None, of_server=False)
    assert refused == 503
    assert (works.look(_files), _kept(works)) == (rows, files)
    assert _send(debtor, form, paper) == 303
    assert works.look(_files) == rows + 1
    (new,) = _kept(works) - files
    assert new.read_bytes() == paper
    works.prove()


def _rows(session: Session) -> tuple[int, ...]:
    tables = ("ledger_entry", "posting", "payment", "allocation")
    return tuple(session.scalar(text(f"SELECT count(*) FROM {table}")) or 0 for table in tables)  # noqa: S608


def _is_back(works: Works) -> bool:
    try:
        return bool(works.look(lambda s: s.scalar(text("SELECT 1"))))
    except Exception:
        works.house.store.dispose()
        return False


def _ours(works: Works) -> list[int]:
    """Our own processes: they write files and logs, and on SQLite the database."""
    assert works.web is not None
    children = psutil.Process(works.web.pid).children()
    return [works.web.pid, *(child.pid for child in children), *(hand.pid for hand in works.hands)]


def _servers(works: Works, database: str) -> list[int]:
    """The processes of PostgreSQL behind our lines; none on SQLite."""
    if database == "sqlite":
        return []
    behind = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
    return works.look(lambda s: [row[0] for row in s.execute(text(behind))])


# --------------------------------------------------------------------------- files


def _a_pdf(size: int) -> bytes:
    start, end = b"%PDF-1.4\n%", b"\n%%EOF\n"
    return start + b"x" * (size - len(start) - len(end)) + end


def _largest(folder: Path) -> int:
    return max(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _files(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(StoredFile)) or 0


def _kept(works: Works) -> set[Path]:
    """Every file of the data folder, also those that are half written."""
    return {path for path in (works.folder / "data" / "files").rglob("*") if path.is_file()}


def _send(debtor: Debtor, form: str, paper: bytes) -> int:
    """Send the form of a dispute with one file; the status of the answer."""
    fields = {
        "csrf_token": debtor.csrf,
        "what": "whole",
        "reason": "damaged",
        "words": "Both boxes were wet.",
    }
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    named = 'Content-Disposition: form-data; name="files"; filename="note.pdf"'
    kind = "Content-Type: application/pdf"
    body = "".join([*parts, f"--{BOUNDARY}\r\n{named}\r\n{kind}\r\n\r\n"]).encode() + paper
    line = http.client.HTTPConnection("127.0.0.1", debtor.port, timeout=ANSWER_WITHIN)
    try:
        line.request(
            "POST", form, body + f"\r\n--{BOUNDARY}--\r\n".encode(),
            {
                "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
                "Cookie": "; ".join(f"{name}={value}" for name, value in debtor.cookies.items()),
            },
        )  # fmt: skip
        return line.getresponse().status
    finally:
        line.close()
