"""The corpus of bad files, and what is left of the good ones (X-03)."""

from __future__ import annotations

import io
import os
import struct
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image

from gateways.files import LONGEST_SIDE, FileFolder
from receivables.ports import FileUnsafe, ScannerDown

PDF = b"%PDF-1.7\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"


@pytest.fixture
def folder(tmp_path: Path) -> FileFolder:
    return FileFolder(tmp_path / "files")


def picture(kind: str, size: tuple[int, int] = (60, 40), mode: str = "RGB", **more: object) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size).save(out, kind, **more)
    return out.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def a_png_that_says_it_is(width: int, height: int) -> bytes:
    """A few hundred bytes whose header promises so many pixels."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


def refused(folder: FileFolder, data: bytes) -> str:
    with pytest.raises(FileUnsafe) as unsafe:
        folder.clean(data)
    return unsafe.value.code


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "file_kind"),
        (b"<!doctype html><script>alert(1)</script>", "file_kind"),
        (b"PK\x03\x04" + b"\0" * 100, "file_kind"),
        (b"GIF89a" + b"\0" * 100, "file_kind"),
        (b"MZ" + b"\0" * 100, "file_kind"),
        (b"", "file_kind"),
        (b"%PDF-1.7\n<html><script>alert(1)</script></html>\n%%EOF", "file_kind"),
        (PDF.replace(b"%%EOF", b"PK\x05\x06" + b"\0" * 18 + b"%%EOF"), "file_kind"),
        (PDF + b"PK\x03\x04 an archive behind it", "file_broken"),
        (b"%PDF-1.7\nno end", "file_broken"),
        (a_png_that_says_it_is(50_000, 50_000), "file_pixels"),
        (a_png_that_says_it_is(40, 40), "file_broken"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "file_broken"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 40, "file_broken"),
        (b"\0\0\0\x18ftypheic" + b"\0" * 40, "file_broken"),
    ],
)
def test_what_is_not_taken(folder: FileFolder, data: bytes, code: str) -> None:
    """X-03: SVG, HTML, archives, polyglots, bombs; nothing of them is written."""
    assert refused(folder, data) == code


def test_a_compressed_bomb_is_refused_by_its_header(folder: FileFolder) -> None:
    """X-03: 90 million real pixels in 90 kB are never decoded."""
    rows = zlib.compress(b"\0" * (1 + 3 * 10_000) * 9_000)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 10_000, 9_000, 8, 2, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    assert refused(folder, bomb) == "file_pixels"


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_what_hides_in_a_picture_is_gone(folder: FileFolder, kind: str) -> None:
    """X-03: drawn anew: no EXIF, no comment, nothing behind the end (a polyglot is a picture again)."""
    exif = Image.Exif()
    exif[0x010F] = "Camera of Dana"
    data = picture(kind, exif=exif) + b"<script>alert(1)</script>PK\x05\x06"
    kept = folder.clean(data)
    assert kept.media_type == f"image/{kind.lower()}"
    assert b"Dana" not in kept.data
    assert b"script" not in kept.data
    with Image.open(io.BytesIO(kept.data)) as again:
        assert dict(again.getexif()) == {}
        assert again.size == (60, 40)


def test_a_turned_photo_stands_upright(folder: FileFolder) -> None:
    """Orientation is in the EXIF that goes, so it is applied first."""
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(io.BytesIO(folder.clean(picture("JPEG", exif=exif)).data)) as again:
        assert again.size == (40, 60)


def test_a_phones_photo_becomes_a_jpeg_of_sensible_size(folder: FileFolder) -> None:
    """X-03: HEIC is taken and kept as JPEG; large ones are made smaller."""
    kept = folder.clean(picture("HEIF", (5000, 100)))
    assert (kept.media_type, kept.ending) == ("image/jpeg", ".jpg")
    with Image.open(io.BytesIO(kept.data)) as again:
        assert again.size == (LONGEST_SIDE, 80)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "1", "I;16"])
def test_every_kind_of_png_is_drawn(folder: FileFolder, mode: str) -> None:
    assert folder.clean(picture("PNG", mode=mode)).ending == ".png"


def test_a_pdf_stays_as_it_is(folder: FileFolder) -> None:
    kept = folder.clean(PDF)
    assert (kept.data, kept.media_type, kept.ending) == (PDF, "application/pdf", ".pdf")


def test_a_scanner_is_asked_about_what_is_kept(tmp_path: Path, folder: FileFolder) -> None:
    """X-03: the virus-scan hook; without a scanner nothing is said to be clean."""

    class Suspicious:
        def finds(self, data: bytes) -> bool:
            return b"EICAR" in data

    scanned = FileFolder(tmp_path / "files", Suspicious())
    assert (folder.has_scanner, scanned.has_scanner) == (False, True)
    assert scanned.is_infected(scanned.keep(PDF)) is False
    assert scanned.is_infected(scanned.keep(PDF.replace(b"1 0 obj", b"%EICAR\n1 0 obj"))) is True
    with pytest.raises(FileNotFoundError):
        scanned.is_infected("0" * 64)
    with pytest.raises(ScannerDown):
        folder.is_infected(folder.keep(PDF))


def aged(folder: Path, digest: str, days: int = 3) -> None:
    then = (datetime.now(UTC) - timedelta(days=days)).timestamp()
    os.utime(folder / digest[:2] / digest, (then, then))


def test_what_is_old_is_found_and_erased(folder: FileFolder, tmp_path: Path) -> None:
    """Decision 10: what nobody keeps goes, in parts of the folder; what is kept again stays."""
    since = datetime.now(UTC) - timedelta(days=1)
    digests = sorted(folder.keep(b"%d" % number) for number in range(40))
    assert [d for part in range(24) for d in folder.untouched(since, part=part, of=24)] == []
    for digest in digests:
        aged(tmp_path / "files", digest)
    parts = [list(folder.untouched(since, part=part, of=24)) for part in range(24)]
    assert sorted(d for part in parts for d in part) == digests
    assert max(len(part) for part in parts) < len(digests)
    old, again = digests[:2]
    kept = next(number for number in range(40) if folder.keep(b"%d" % number) == again)
    for number in range(40):  # the search above touched some
        aged(tmp_path / "files", digests[number])
    folder.keep(b"%d" % kept)
    assert folder.erase(old, untouched_since=since) is True
    assert folder.erase(old, untouched_since=since) is False
    assert folder.erase(again, untouched_since=since) is False
    assert folder.read(again) == b"%d" % kept
    with pytest.raises(FileNotFoundError):
        folder.read(old)
    assert folder.erase(again) is True


def test_leavings_of_a_process_that_died_are_cleared(folder: FileFolder, tmp_path: Path) -> None:
    digest = folder.keep(PDF)
    half = tmp_path / "files" / digest[:2] / "tmphalf"
    half.write_bytes(b"%PDF")
    since = datetime.now(UTC) - timedelta(days=1)
    assert list(folder.untouched(since, part=0, of=1)) == []
    assert half.exists(), "somebody may be writing it"
    os.utime(half, (0, 0))
    assert list(folder.untouched(since, part=0, of=1)) == []
    assert not half.exists()
    assert folder.read(digest) == PDF


def test_kept_once_by_content_and_nothing_by_name(folder: FileFolder, tmp_path: Path) -> None:
    """Decision 23: the same content twice is one file; only a digest leads to one."""
    assert folder.keep(PDF) == folder.keep(PDF)
    digest = folder.keep(PDF)
    assert [p.name for p in (tmp_path / "files").rglob("*") if p.is_file()] == [digest]
    assert folder.read(digest) == PDF
    for name in ("0" * 64, "../" + digest, "/etc/passwd", digest[:10]):
        with pytest.raises(FileNotFoundError):
            folder.read(name)
