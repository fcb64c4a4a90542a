"""The floor that the pages are held against: the least that can show the same page honestly.

Token look-up, Core select of the same rows, the same template and formatters; no session, policy,
permission or audit. Served by the same gunicorn from the same
database in the same run. The document is read by the portal's own function on a bare connection,
since there is nothing in it to leave out.
"""

from __future__ import annotations

from typing import Any

from flask import Response, g, render_template
from flask_wtf.csrf import generate_csrf
from sqlalchemy import Connection

import presentation
import web
from app import create_app
from receivables import early_payment, invoices, links
from receivables.calendar_days import business_date
from receivables.permissions import SYSTEM
from receivables.standing import Standing

app = create_app()
#: The measured account has no agreement, question or hold.
NOTHING = Standing([], [], [], [], [], None, [], pays_for_branches=False)


def _page(template: str, holder: links.Holder, **context: Any) -> Response:
    g.language = holder.language
    return Response(
        render_template(
            template,
            language=holder.language,
            direction=presentation.direction(holder.language),
            zone=holder.zone,
            languages=holder.languages,
            lang_url=lambda code: f"?lang={code}",
            holder=holder,
            sender=holder.sender,
            brand_url="/brand/0b5d57.css",
            static_url=web.static_url,
            csrf_token=generate_csrf,
            request_id="",
            **context,
        )
    )


class Bare:
    """What our reads ask of a session, answered by a bare connection."""

    autoflush = False

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def connection(self) -> Connection:
        return self._connection


def _holder(connection: Any, token: str) -> links.Holder:
    return links.holder(connection, token, now=web.now(), request_id=None)


@app.get("/floor/<token>")
def overview(token: str) -> Response:
    """Two statements on a bare connection: who, and his open rows."""
    with web.house().store.reader.connect() as opened:
        connection: Any = Bare(opened)
        holder = _holder(connection, token)
        today = business_date(web.now(), holder.zone)
        rows = invoices.open_rows(connection, holder.account_id, today)
    groups = [
        invoices.group(code, [row for row in rows if row.currency == code], None, today)
        for code in sorted({row.currency for row in rows})
    ]
    return _page(
        "portal/overview.html",
        holder,
        overview=invoices.Overview(groups, [], today, web.now()),
        standing=NOTHING,
        coming={},
        plan_days={},
        by_card=True,
        whole={group.currency: early_payment.whole(group.rows, today) for group in groups},
    )


@app.get("/floor/<token>/<ref>")
def document(token: str, ref: str) -> Response:
    """Two statements for the document: its head, its lines."""
    with web.house().store.reader.connect() as opened:
        connection: Any = Bare(opened)
        holder = _holder(connection, token)
        found = invoices.document(connection, SYSTEM, ref, now=web.now())
    return _page("portal/invoice.html", holder, invoice=found)
