"""Files of debtors: names, sizes, quota, owner (X-03, L-15)."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select

from gateways.files import FileFolder
from models.audit import AuditEntry
from models.files import StoredFile
from models.links import LinkScope
from models.store import Store
from receivables import files
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.permissions import Actor, ActorKind
from receivables.policy import default_policy
from tests import factories as make
from tests.conftest import NOON

RULES = default_policy()
PDF = b"%PDF-1.7\n1 0 obj<<>>endobj\n%%EOF\n"


def a_png(side: int = 8) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((side, side), 50).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("note.pdf", "note.pdf"),
        ("../../etc/passwd.pdf", "passwd.pdf"),
        ("C:\\Users\\dana\\note.PDF", "note.pdf"),
        ("..pdf", "file.pdf"),
        ("...", "file.pdf"),
        ("", "file.pdf"),
        ("a\r\nX-Evil: 1.pdf", "a X-Evil 1.pdf"),
        ("invoice\u202efdp.exe.pdf", "invoicefdp.exe.pdf"),
        ("תעודת משלוח.pdf", "תעודת משלוח.pdf"),
        ('a"<b>.pdf', "ab.pdf"),
        ("x" * 300 + ".pdf", "x" * 76 + ".pdf"),
    ],
)  # fmt: skip
def test_names_lead_nowhere(name: str, shown: str) -> None:
    """X-03: `../`, right-to-left and long names."""
    assert files.clean_name(name, ".pdf") == shown


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.pdf", b"", "file_empty"),
        ("a.pdf", PDF + b" " * 10 * 1024 * 1024, "file_size"),
        ("a.exe", PDF, "file_kind"),
        ("a", PDF, "file_kind"),
        ("a.html", b"<html>", "file_kind"),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "file_kind"),
        ("a.pdf", b"%PDF-1.7" + b"0" * 50_000_000, "file_size"),
        ("a.pdf", PDF + b"PK\x05\x06" + bytes(18), "file_broken"),
        ("a.png", PDF, "file_kind"),
        ("a.pdf", a_png(), "file_kind"),
        ("a.png", b"\x89PNG\r\n\x1a\n", "file_broken"),
    ],
)
def test_what_is_refused_by_name(tmp_path: Path, name: str, data: bytes, code: str) -> None:
    """X-03: content and ending must agree; the refusal names the file; nothing is written."""
    with pytest.raises(Refused) as refused:
        files.receive(FileFolder(tmp_path), name, data, RULES)
    assert refused.value.code == code
    assert refused.value.facts["name"] == name
    assert list(tmp_path.iterdir()) == []


def test_kept_with_its_owner_and_only_his(store: Store, tmp_path: Path) -> None:
    """L-15: another account's file is not found; a link that staff hold, or another room's, may not."""
    folder = FileFolder(tmp_path)
    with store.write() as session:
        creditor = make.a_creditor(session)
        one, two = make.an_account(session, creditor), make.an_account(session, creditor)
        collector = make.staff_actor(make.a_person(session))
        stored = files.store_upload(
            session, folder, make.holder_actor(one), account_id=one.id, name="../note.pdf", data=PDF,
            policy=RULES, now=NOON,
        )  # fmt: skip
    held = Actor(ActorKind.LINK_HOLDER, id=1, account_id=one.id, scope=LinkScope.VIEW_AND_PAY)
    with store.read() as session:
        row = files.one_file(session, make.holder_actor(one), stored.ref)
        assert (row.name, row.media_type, row.size_bytes) == ("note.pdf", "application/pdf", len(PDF))
        assert files.content(folder, row) == PDF
        assert files.one_file(session, collector, stored.ref) == row
        for stranger, error in ((make.holder_actor(two), NotFound), (held, NotAllowed)):
            with pytest.raises(error):
                files.one_file(session, stranger, stored.ref)
        with pytest.raises(NotFound):
            files.one_file(session, collector, "no-such-file")
        assert "file.kept" in session.scalars(select(AuditEntry.code)).all()
    with pytest.raises(NotFound), store.write() as session:
        files.store_upload(
            session, folder, make.holder_actor(two), account_id=one.id, name="a.pdf", data=PDF, policy=RULES,
            now=NOON,
        )  # fmt: skip


def test_an_account_has_so_much_room(sqlite_store: Store, tmp_path: Path) -> None:
    """X-03: quota of an account, counted under its lock."""
    folder = FileFolder(tmp_path)
    small = replace(RULES, disputes=replace(RULES.disputes, account_mebibytes=1))
    with sqlite_store.write() as session:
        account = make.an_account(session, make.a_creditor(session))
    big = a_png(900)
    assert 512 * 1024 < len(big) < 1024 * 1024

    def keep(name: str) -> StoredFile:
        return sqlite_store.run(
            lambda s: files.store_upload(
                s, folder, make.holder_actor(account), account_id=account.id, name=name, data=big,
                policy=small, now=NOON,
            )
        )  # fmt: skip

    keep("one.png")
    with pytest.raises(Refused) as refused:
        keep("two.png")
    assert (refused.value.code, refused.value.facts) == ("files_full", {"name": "two.png", "most": 1})


def test_bytes_that_changed_on_the_way_are_not_given_out(tmp_path: Path) -> None:
    folder = FileFolder(tmp_path)
    received = files.receive(folder, "a.pdf", PDF, RULES)
    row = files.FileRow("r", "a.pdf", "application/pdf", len(PDF), received.content_digest, NOON)
    (path,) = (p for p in tmp_path.rglob("*") if p.is_file())
    path.write_bytes(PDF + b"x")
    with pytest.raises(NotFound):
        files.content(folder, row)
