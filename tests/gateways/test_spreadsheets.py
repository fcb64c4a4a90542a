"""Reading and writing delimited text (decision 28, X-01)."""

from __future__ import annotations

import csv
import tracemalloc
from pathlib import Path

import pytest

from gateways.spreadsheets import DelimitedTable, Spreadsheets, Trouble, safe_cell, write_table

HEAD = "Number;Name;Price\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "table.csv"


def read(path: Path, content: bytes | str, **said: str) -> tuple[list[tuple[int, list[str]]], Trouble | None]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    table = DelimitedTable(path, **said)
    rows = list(table)
    return rows, table.trouble


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_the_delimiter_is_found(path: Path, delimiter: str) -> None:
    text = '"A","B","C"\n1,"2,5",x\n2,"3,5;|",y\n'.replace('","', f'"{delimiter}"').replace(
        ',"', f'{delimiter}"'
    )
    rows, trouble = read(path, text.replace('",', f'"{delimiter}'))
    assert trouble is None
    assert [cells for _, cells in rows] == [["A", "B", "C"], ["1", "2,5", "x"], ["2", "3,5;|", "y"]]


def test_a_decimal_comma_in_every_row_is_no_delimiter(path: Path) -> None:
    path.write_text(HEAD + "1;a, b;2,55\n2;c, d;3,10\n")
    assert DelimitedTable(path).delimiter == ";"


def test_one_column_asks_for_the_delimiter(path: Path) -> None:
    assert read(path, "Number\n1\n2\n")[1] == Trouble(1, "delimiter_not_found", "Number")


def test_a_byte_order_mark_is_no_part_of_the_first_name(path: Path) -> None:
    assert read(path, b"\xef\xbb\xbfNumber;Name\n1;x\n")[0][0] == (1, ["Number", "Name"])


def test_lines_are_numbered_as_an_editor_does(path: Path) -> None:
    """Blank lines are passed over, a quoted cell may hold several lines; the row's first line counts."""
    rows, trouble = read(path, 'A;B\r\n\r\n1;"two\r\nlines"\r\n;\r\n2;x')
    assert trouble is None
    assert rows == [(1, ["A", "B"]), (3, ["1", "two\r\nlines"]), (6, ["2", "x"])]


def test_every_iteration_begins_anew(path: Path) -> None:
    path.write_text(HEAD + "1;a;2\n")
    table = DelimitedTable(path)
    assert next(iter(table)) == (1, ["Number", "Name", "Price"])
    assert len(list(table)) == 2
    assert table.bytes_read == table.size_bytes


@pytest.mark.parametrize(
    ("content", "reason", "line"),
    [
        (b"", "empty_file", 1),
        (b"\xef\xbb\xbf \r\n\r\n", "empty_file", 1),
        (b"PK\x03\x04\x14\x00\x06\x00", "binary", 1),
        (b"%PDF-1.7\n", "binary", 1),
        (b"\x1f\x8b\x08\x00abc", "binary", 1),
        (b"A;B\n1;\x00\x01\x02\n", "binary", 2),
        ("A;B\n1;é\n".encode("utf-16"), "utf16_unsaid", 1),
        ("A;B\n1;é\n".encode("utf-16-le"), "binary", 1),
    ],
)
def test_what_is_no_text_is_refused_at_first_sight(
    path: Path, content: bytes, reason: str, line: int
) -> None:
    rows, trouble = read(path, content)
    assert rows == []
    assert trouble is not None
    assert (trouble.reason, trouble.line) == (reason, line)


def test_utf16_is_read_when_it_is_said(path: Path) -> None:
    rows, trouble = read(path, "A;B\n1;é ₪\n".encode("utf-16"), encoding="utf-16")
    assert trouble is None
    assert rows == [(1, ["A", "B"]), (2, ["1", "é ₪"])]


@pytest.mark.parametrize("rows_before", [1, 20_000])
def test_the_byte_that_is_not_utf8_is_named(path: Path, rows_before: int) -> None:
    """Near the beginning and far behind the sample that was looked at."""
    before = HEAD.encode() + b"1;plain;2\n" * rows_before
    rows, trouble = read(path, before + "2;Café;3\n".encode("cp1252"))
    assert trouble == Trouble(rows_before + 2, "encoding", f"0xE9 at byte {len(before) + 5}")
    assert len(rows) <= rows_before + 1


def test_a_said_encoding_is_used_and_an_unknown_one_refused(path: Path) -> None:
    rows, _ = read(path, "A;B\n1;שלום\n".encode("cp1255"), encoding="cp1255")
    assert rows[1][1][1] == "שלום"
    for unusable in ("klingon", "rot13", "base64"):
        with pytest.raises(ValueError, match="encoding"):
            DelimitedTable(path, encoding=unusable)
    with pytest.raises(ValueError, match="delimiter"):
        DelimitedTable(path, delimiter=";;")


def test_a_nul_behind_the_sample_stops_the_reading(path: Path) -> None:
    rows, trouble = read(path, HEAD.encode() + b"1;plain;2\n" * 20_000 + b"2;\x00;3\n")
    assert trouble == Trouble(20_002, "nul")
    assert len(rows) == 20_001


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('1;"left open;2\n3;x;y\n', "quoting"),
        ('1;"closed"too early;2\n', "quoting"),
        (f'1;"{"x" * 200_000}";2\n', "field_too_large"),
        ('1;"left open;2\n' + "2;a;b\n" * 40_000, "field_too_large"),
        (f"1;{'x' * 1_100_000};2\n", "line_too_long"),
    ],
)
def test_quotation_marks_and_sizes(path: Path, text: str, reason: str) -> None:
    rows, trouble = read(path, HEAD + "0;good;1\n" + text, delimiter=";")
    assert [cells[0] for _, cells in rows] == ["Number", "0"]
    assert trouble == Trouble(3, reason)


def test_a_file_of_one_endless_line_costs_no_memory(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b"A;B\n")
        for _ in range(64):
            file.write(b"x" * 1024 * 1024)
    table = DelimitedTable(path, delimiter=";")
    tracemalloc.start()
    try:
        rows = list(table)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(rows) == 1
    assert table.trouble == Trouble(2, "line_too_long")
    assert peak < 16 * 1024 * 1024


PAYLOADS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\tx",
    "\rx",
    "\n=1",
    "＝1",
    "＋1",
    "－1",
    "＠x",
    "=cmd|' /C calc'!A0",
]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_cell_we_write_is_a_formula(path: Path, payload: str) -> None:
    """X-01: whoever opens the table sees text."""
    write_table(path, ("name", "amount"), [(payload, -1250)])
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[1] == ["'" + payload, "-1250"]  # amounts stay numbers
    assert safe_cell("ordinary = text") == "ordinary = text"


def test_what_is_written_is_read_back(path: Path) -> None:
    rows = [('quoted "x"; and, more', 1), ("two\nlines", 2), ("עברית", 3)]
    spreadsheets = Spreadsheets()
    spreadsheets.write_table(path, ("text", "number"), rows)
    table = spreadsheets.open_table(path)
    assert [cells for _, cells in table][1:] == [[text, str(number)] for text, number in rows]
    assert table.trouble is None
    assert list(path.parent.glob("*.part")) == []
