"""Delimited text from other people's programs, read line by line, and tables written for them.

Reading never holds more than one row; whatever is not plain delimited text is refused with the
line (and byte) where it shows. Troubles are values, not exceptions: the rows read before one are
good, and who reads decides what to do. Source: decision 28; X-01.
"""

from __future__ import annotations

import codecs
import csv
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

#: How much of the file is looked at to find encoding and delimiter.
SAMPLE_BYTES = 64 * 1024
#: Longest line in characters; longer ones are no table (a quoted cell may hold several lines).
LINE_LIMIT = 1024 * 1024
DELIMITERS = ";,\t|"
#: First bytes of files that people send instead of delimited text.
MAGIC = {b"PK\x03\x04": "zip or xlsx", b"\xd0\xcf\x11\xe0": "xls", b"%PDF": "pdf", b"\x1f\x8b": "gzip"}
#: What a spreadsheet takes for the beginning of a formula (X-01).
FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a file, or the rest of it, can't be read.

    Reasons: `empty_file`, `binary`, `utf16_unsaid`, `encoding`, `nul`, `line_too_long`,
    `field_too_large`, `quoting`, `delimiter_not_found`.
    """

    line: int
    reason: str
    value: str = ""


class DelimitedTable:
    """The rows of one file; every iteration reads it afresh from the beginning.

    Attributes:
        encoding, delimiter: as given or found.
        size_bytes: length of the file.
        bytes_read: how far the present iteration has come, for a progress bar.
        trouble: why the file was refused at first sight, or where the last iteration stopped.
    """

    def __init__(self, path: Path, *, encoding: str | None = None, delimiter: str | None = None) -> None:
        """Look at the beginning of a file and decide how to read it.

        Args:
            encoding: name that Python knows; None finds UTF-8 (with or without mark) and no other,
                since nothing else can be told apart with certainty.
            delimiter: one character; None finds one of DELIMITERS.
        Raises:
            ValueError: the encoding is unknown or the delimiter is not one plain character.
            OSError: the file can't be opened.
        """
        if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
            raise ValueError(f"delimiter {delimiter!r} is not one plain character")
        self.path = path
        self.size_bytes = path.stat().st_size
        self.bytes_read = 0
        self.encoding = _known_encoding(encoding) if encoding else "utf-8-sig"
        self.delimiter = delimiter or ""
        with path.open("rb") as file:
            sample = file.read(SAMPLE_BYTES)
        self.trouble = _first_sight(sample, said=encoding is not None)
        if self.trouble is None and not self.delimiter:
            self._find_delimiter(sample)
        self._refused = self.trouble is not None

    def _find_delimiter(self, sample: bytes) -> None:
        decoder = codecs.getincrementaldecoder(self.encoding)(errors="replace")
        text = decoder.decode(sample, final=len(sample) == self.size_bytes)
        if len(sample) < self.size_bytes and "\n" in text:
            text = text[: text.rindex("\n") + 1]
        best, found = 1, ""
        for candidate in DELIMITERS:
            try:
                widths = [len(row) for row in csv.reader(io.StringIO(text), delimiter=candidate) if row]
            except csv.Error:
                continue
            # The header decides the width; a delimiter that most rows disagree with is only text.
            agreeing = sum(width == widths[0] for width in widths) if widths else 0
            if widths and widths[0] > best and agreeing * 2 > len(widths):
                best, found = widths[0], candidate
        self.delimiter = found
        if not found:
            self.trouble = Trouble(1, "delimiter_not_found", text.split("\n", 1)[0].strip()[:200])

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        """Yield (number of the row's first line, cells) for every row that is not blank."""
        if self._refused:
            return
        self.trouble = None
        with self.path.open("rb") as raw:
            text = io.TextIOWrapper(raw, encoding=self.encoding, newline="")
            lines = _Lines(text)
            rows = csv.reader(lines, delimiter=self.delimiter, strict=True)
            first = 1
            try:
                for cells in rows:
                    if cells and any(cells):
                        yield first, cells
                    first = rows.line_num + 1
                    if not first & 1023:
                        self.bytes_read = raw.tell()
            except UnicodeDecodeError:
                self.trouble = self._locate()
            except csv.Error as error:
                reason = "field_too_large" if "field limit" in str(error) else "quoting"
                self.trouble = Trouble(first, reason)
            except _Refuse as refused:
                self.trouble = Trouble(rows.line_num + 1, refused.reason)
            self.bytes_read = raw.tell()

    def _locate(self) -> Trouble:
        """Find the byte that the encoding does not know: only on the way out, so reading stays fast."""
        decoder = codecs.getincrementaldecoder(self.encoding)()
        line, offset = 1, 0
        with self.path.open("rb") as file:
            while True:
                chunk = file.read(SAMPLE_BYTES)
                kept = len(decoder.getstate()[0])
                try:
                    line += decoder.decode(chunk, final=not chunk).count("\n")
                except UnicodeDecodeError as error:
                    before = error.object[: error.start].decode(error.encoding, "ignore")
                    at = offset - kept + error.start
                    value = f"0x{error.object[error.start]:02X} at byte {at}"
                    return Trouble(line + before.count("\n"), "encoding", value)
                offset += len(chunk)
                if not chunk:
                    return Trouble(line, "encoding")


class _Refuse(Exception):
    """A line that no table has; ends the iteration."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Lines:
    """Lines of bounded length, without NULs, so that a hostile file costs no memory."""

    def __init__(self, text: IO[str]) -> None:
        self._readline = text.readline

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._readline(LINE_LIMIT)
        if not line:
            raise StopIteration
        if "\0" in line:
            raise _Refuse("nul")
        if len(line) == LINE_LIMIT:
            raise _Refuse("line_too_long")
        return line


def _known_encoding(name: str) -> str:
    try:
        info = codecs.lookup(name)
    except LookupError:
        raise ValueError(f"encoding {name!r} is unknown") from None
    if not info._is_text_encoding:
        raise ValueError(f"encoding {name!r} is not one of text")
    return "utf-8-sig" if info.name == "utf-8" else info.name


def _first_sight(sample: bytes, *, said: bool) -> Trouble | None:
    """Refuse what is no text at all; where the encoding was not said, also what is not UTF-8."""
    if not sample.strip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n,;"):
        return Trouble(1, "empty_file")
    for start, name in MAGIC.items():
        if sample.startswith(start):
            return Trouble(1, "binary", name)
    if said:
        return None
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Trouble(1, "utf16_unsaid")
    if b"\0" in sample:
        at = sample.index(b"\0")
        return Trouble(sample.count(b"\n", 0, at) + 1, "binary", f"0x00 at byte {at}")
    return None


# --------------------------------------------------------------------------- writing


def safe_cell(text: str) -> str:
    """Return text that no spreadsheet runs as a formula (X-01).

    >>> safe_cell("=1+1"), safe_cell("a=b")
    ("'=1+1", 'a=b')
    """
    return "'" + text if text.startswith(FORMULA_STARTS) else text


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[str | int]]) -> None:
    """Write a table as RFC 4180 text that spreadsheets open, whole or not at all.

    Args:
        path: replaced when it exists.
        rows: text cells are made safe; numbers stay numbers, so negative ones are not marked.
    """
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for row in rows:
            writer.writerow([safe_cell(cell) if isinstance(cell, str) else cell for cell in row])
    os.replace(part, path)


class Spreadsheets:
    """Both directions in one value, as the rest of the house is handed it."""

    def open_table(
        self, path: Path, *, encoding: str | None = None, delimiter: str | None = None
    ) -> DelimitedTable:
        """See DelimitedTable."""
        return DelimitedTable(path, encoding=encoding, delimiter=delimiter)

    def write_table(self, path: Path, header: Sequence[str], rows: Iterable[Sequence[str | int]]) -> None:
        """See write_table."""
        write_table(path, header, rows)
