"""Files in the data folder, named by their content; what strangers send is looked at and drawn anew.

Nothing of a sender's name or of his bytes decides where a file lies or what it is served as. Source:
X-03; decision 23.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import tempfile
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pillow_heif
from PIL import Image, ImageOps

from receivables.ports import CleanFile, FileUnsafe, ScannerDown, VirusScanner

pillow_heif.register_heif_opener()
# Our own limit is asked before anything is decoded; Pillow's would only warn below twice its value.
Image.MAX_IMAGE_PIXELS = None

#: Largest picture that is opened, pixels: a phone's 50 megapixels, known from the header alone.
MOST_PIXELS = 50_000_000
#: Longer side of the picture that is kept, pixels: a delivery note is still read with ease.
LONGEST_SIDE = 4000
#: How far after its end mark a PDF may go on, bytes: programs add a line end or two.
_PDF_TAIL = 1024
#: A ZIP's directory lies so near the end; a PDF that is also a ZIP is not a PDF of ours.
_ZIP_TAIL = 66_000
_WEB_PAGE = re.compile(rb"<\s*(?:!doctype|html|script|svg|iframe|body)", re.IGNORECASE)
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"})
_DIGEST = re.compile(r"[0-9a-f]{64}")
#: One picture at a time in a process: decoded, a large one takes some 200 MB.
_drawing = threading.Lock()


class FileFolder:
    """The FileStore of one host.

    Args:
        root: folder that holds nothing else; made with the first file.
        scanner: asked about what is kept before it is given out; None looks at kind and content only.
    """

    def __init__(self, root: Path, scanner: VirusScanner | None = None) -> None:
        self._root = root
        self._scanner = scanner

    @property
    def has_scanner(self) -> bool:
        """Whether what is kept waits for a virus scanner before it is given out."""
        return self._scanner is not None

    def clean(self, data: bytes) -> CleanFile:
        """Return what may be kept of a stranger's bytes: a PDF as it is, a picture drawn anew.

        Raises: FileUnsafe: not a PDF, JPEG, PNG or HEIC; too many pixels; broken.
        """
        if data.startswith(b"%PDF-"):
            return CleanFile(_checked_pdf(data), "application/pdf", ".pdf")
        kind = _picture_kind(data)
        if kind is None:
            raise FileUnsafe("file_kind")
        with _drawing:
            return _drawn_anew(data, kind)

    def keep(self, data: bytes) -> str:
        """Write bytes for good, once for each content, and return their SHA-256.

        What is there already is touched: `erase` then knows that somebody is about to need it.
        """
        digest = hashlib.sha256(data).hexdigest()
        path = self._path(digest)
        with contextlib.suppress(FileNotFoundError):
            os.utime(path)
            return digest
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return digest

    def read(self, digest: str) -> bytes:
        """Return the bytes of a digest.

        Raises: FileNotFoundError: there are none.
        """
        return self._path(digest).read_bytes()

    def is_infected(self, digest: str) -> bool:
        """Ask the scanner about the bytes of a digest.

        Raises: FileNotFoundError: there are none; ScannerDown: no answer, or no scanner.
        """
        data = self.read(digest)
        if self._scanner is None:
            raise ScannerDown("no scanner is set")
        return self._scanner.finds(data)

    def untouched(self, since: datetime, *, part: int, of: int) -> Iterator[str]:
        """Walk the digests that nobody kept or kept again since a moment.

        What a process that died left half written is cleared on the way.

        Args:
            part, of: which part of the folder; 0 of 24 is the first twenty-fourth.
        """
        for number in range(part, 256, of):
            folder = self._root / f"{number:02x}"
            for path in list(folder.iterdir()) if folder.is_dir() else ():
                with contextlib.suppress(FileNotFoundError):
                    if path.stat().st_mtime >= since.timestamp():
                        continue
                    if _DIGEST.fullmatch(path.name):
                        yield path.name
                    else:
                        path.unlink()

    def erase(self, digest: str, *, untouched_since: datetime | None = None) -> bool:
        """Remove the bytes of a digest, unless they were kept again since a moment.

        They are moved aside first and looked at there: whoever keeps the same content meanwhile finds
        nothing and writes it anew, so no row is left without its bytes.

        Returns: whether they went; False also where there were none.
        """
        path = self._path(digest)
        aside = path.with_name(f"{digest}.going")
        try:
            os.replace(path, aside)
        except FileNotFoundError:
            return False
        if untouched_since is not None and aside.stat().st_mtime >= untouched_since.timestamp():
            os.replace(aside, path)
            return False
        aside.unlink()
        return True

    def _path(self, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):
            raise FileNotFoundError(digest)
        return self._root / digest[:2] / digest


def _checked_pdf(data: bytes) -> bytes:
    """A PDF that is nothing else besides: no web page at its head, no archive at its tail."""
    end = data.rfind(b"%%EOF")
    after = data[end + 5 :]
    if end < 0 or len(after) > _PDF_TAIL or after.strip(b"\0\t\n\f\r "):
        raise FileUnsafe("file_broken")
    if _WEB_PAGE.search(data[:1024]) or b"PK\x05\x06" in data[-_ZIP_TAIL:]:
        raise FileUnsafe("file_kind")
    return data


def _picture_kind(data: bytes) -> str | None:
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    return "HEIF" if data[4:8] == b"ftyp" and data[8:12] in _HEIC_BRANDS else None


def _drawn_anew(data: bytes, kind: str) -> CleanFile:
    """Decode a picture and write its pixels alone: place, camera and whatever was hidden stay out."""
    try:
        with Image.open(io.BytesIO(data), formats=[kind]) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise FileUnsafe("file_pixels")
            # A JPEG is decoded smaller at once; the others read their pixels here.
            picture.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
            upright = ImageOps.exif_transpose(picture)
    except FileUnsafe:
        raise
    except Exception as error:  # a decoder given a stranger's bytes may fail in any way
        raise FileUnsafe("file_broken") from error
    upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    out = io.BytesIO()
    opaque = "L" if upright.mode in ("1", "L") else "RGB"
    if kind == "PNG":
        sees_through = upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info
        _bare(upright.convert("RGBA" if sees_through else opaque)).save(out, "PNG")
        return CleanFile(out.getvalue(), "image/png", ".png")
    _bare(upright.convert(opaque)).save(out, "JPEG", quality=88)
    return CleanFile(out.getvalue(), "image/jpeg", ".jpg")


def _bare(picture: Image.Image) -> Image.Image:
    """The same pixels on a new sheet, so that nothing beside them is written."""
    sheet = Image.new(picture.mode, picture.size)
    sheet.paste(picture)
    return sheet
