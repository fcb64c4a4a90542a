"""What pages of papers share: the period that is asked for, PDFs while they are made, files to keep."""

from __future__ import annotations

import io
import logging
import re
from datetime import date
from typing import Any

from flask import Response, request, send_file, url_for
from werkzeug.wrappers import Response as Answer

import web
from portal import forms
from receivables.calendar_days import business_date
from receivables.documents import statements
from receivables.documents.data import Original
from receivables.documents.names import file_name
from receivables.errors import Refused
from receivables.ports import Document, DocumentFailed, Sheet, StillPreparing

log = logging.getLogger("amicable.documents")

#: A page that waits for its document looks again after so many seconds, so many times.
LOOK_AGAIN_SECONDS = 2
LOOKS = 10
#: What addresses of statements carry.
ASKED = ("period", "from", "to", "currency", "branch")
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


# --------------------------------------------------------------------------- asking


def asked_period() -> tuple[date | None, date | None]:
    """Return the first and last day that the address asks for; None for both where it names neither.

    Raises:
        Refused: period_missing, period_unreadable (facts: field).
        NotFound: no such ready period.
    """
    args = request.args
    if "from" in args or "to" in args:
        return _day("from"), _day("to")
    if name := forms.single(args, "period"):
        return statements.period(name, business_date(web.now(), web.holder().zone))
    return None, None


def typed_period(first: date | None, last: date | None) -> dict[str, str]:
    """Return what the fields of the period show: what was typed, else the days that are shown."""
    typed = {name: forms.single(request.args, name) for name in ("from", "to")}
    if first is not None and last is not None and not typed["from"]:
        return {"from": first.isoformat(), "to": last.isoformat()}
    return typed


def chosen_period() -> str:
    """Return which ready period the address names; empty when it names days."""
    return forms.single(request.args, "period", "" if "from" in request.args else statements.PERIODS[0])


def field_of(refused: Refused | None) -> str:
    """Return which field of the period a refusal is about."""
    if refused is None:
        return ""
    return str(refused.facts.get("field") or ("to" if refused.code == "period_in_future" else "from"))


def asked() -> dict[str, Any]:
    """Return what an address of ours carries, and nothing else that somebody may have put into it."""
    return {name: request.args.getlist(name) for name in ASKED if name in request.args}


def _day(name: str) -> date:
    """Read a day as date fields send it."""
    text = forms.single(request.args, name)
    if not text:
        raise Refused("period_missing", field=name)
    try:
        return date.fromisoformat(text if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else "")
    except ValueError:
        raise Refused("period_unreadable", field=name) from None


# --------------------------------------------------------------------------- answering


def pressed(document: Document, name: str) -> Answer:
    """Give a document as PDF; while it is being made, a page that looks again."""
    try:
        return file(web.house().press.press(document), "application/pdf", name, ".pdf")
    except StillPreparing:
        looks = forms.single(request.args, "look", "0")
        look = min(int(looks), LOOKS) + 1 if re.fullmatch(r"\d{1,3}", looks) else 1
        own = {**asked(), **(request.view_args or {}), "look": look}
        again = url_for(request.endpoint or "", **own)
        answer = web.render("portal/preparing.html", 202, again=again, slow=look > LOOKS, failed=False)
        if look <= LOOKS:
            answer.headers["Refresh"] = f"{LOOK_AGAIN_SECONDS}; url={again}"
        return answer
    except DocumentFailed:
        log.exception("document", extra={"facts": {"kind": document.kind, "request": web.request_id()}})
        return web.render("portal/preparing.html", 503, again=None, slow=False, failed=True)


def original(found: Original) -> Answer:
    """Give the creditor's own file; a name without an ending is a PDF's."""
    stem, dot, ending = found.name.rpartition(".")
    data = web.house().files.read(found.digest)
    return file(data, found.media_type, stem if dot else found.name, f".{ending}" if dot else ".pdf")


def csv(sheet: Sheet, name: str) -> Answer:
    """Give a table as text for a program."""
    return file(web.house().exports.csv(sheet), "text/csv", name, ".csv")


def xlsx(sheet: Sheet, name: str) -> Answer:
    """Give a table as a workbook."""
    return file(web.house().exports.xlsx(sheet), _XLSX, name, ".xlsx")


def file(data: bytes, media_type: str, name: str, ending: str) -> Response:
    """Give a file to keep: never shown in our origin, never kept by anybody on the way (X-03)."""
    named = file_name(web.holder().sender.name, name, ending=ending)
    answer = send_file(io.BytesIO(data), mimetype=media_type, as_attachment=True, download_name=named)
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer
