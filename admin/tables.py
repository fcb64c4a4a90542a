"""Tables to take along: the one way in which a page of the desk gives what it shows as a file.

`?format=csv` or `?format=xlsx` on the page itself: the same question, the same figures. A file changes
nothing, but that it left is in the access log (A-07), with its format.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from flask import Response, g, request

import web
from receivables.documents.names import file_name
from receivables.errors import Refused
from receivables.ports import Sheet

#: Format -> media type.
FORMATS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def asked_format() -> str | None:
    """Return the format that the address asks for; None for the page itself.

    Raises:
        Refused: format_unknown.
    """
    format_ = request.args.get("format", "")
    if format_ and format_ not in FORMATS:
        raise Refused("format_unknown")
    return format_ or None


def asked_day(name: str, default: date) -> date:
    """Return a day of the address as date fields send it, or the default where it names none.

    Raises:
        Refused: day_unreadable.
    """
    text = request.args.get(name, "").strip()
    try:
        return date.fromisoformat(text) if text else default
    except ValueError:
        raise Refused("day_unreadable") from None


def give(*sheets: Sheet, format_: str, name: str) -> Response:
    """Give tables as a file to keep, piece by piece; logged as a read of its own.

    Args:
        sheets: one for CSV; each a sheet of the workbook for XLSX.
        format_: a key of FORMATS.
        name: what the file is called, without its ending.
    """
    # The first piece is made here, so that a refusal is still an answer and no broken file.
    exports = web.house().exports
    pieces = exports.csv_pieces(sheets[0]) if format_ == "csv" else exports.xlsx_pieces(*sheets)
    first = next(pieces, b"")
    g.setdefault("reads", []).append((f"{request.endpoint}.{format_}", None))

    def body() -> Iterator[bytes]:
        yield first
        yield from pieces

    answer = Response(body(), mimetype=FORMATS[format_])
    answer.headers["Content-Type"] = FORMATS[format_]
    answer.headers.set("Content-Disposition", "attachment", filename=file_name(name, ending=f".{format_}"))
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer
