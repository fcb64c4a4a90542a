"""Who read what: noted during the request, written when the answer is out (decision 16, A-07).

Outside the audit chain, and never in the way of the page: a failed write is logged, not shown.
"""

from __future__ import annotations

import logging
from datetime import datetime

from flask import Flask, Response, g
from flask_login import current_user

import web
from models.audit import AccessLog
from models.store import Store

log = logging.getLogger("amicable.access")


def install(app: Flask, store: Store) -> None:
    """Write what a request noted by `shell.note_read` after its answer has been sent."""

    @app.after_request
    def later(response: Response) -> Response:
        reads: list[tuple[str, int | None]] = g.pop("reads", [])
        if reads and current_user.is_authenticated:
            staff_id, moment, name = current_user.holder.staff_id, web.now(), web.request_id()
            response.call_on_close(lambda: _write(store, reads, staff_id, moment, name))
        return response


def _write(
    store: Store, reads: list[tuple[str, int | None]], staff_id: int, moment: datetime, request_id: str
) -> None:
    try:
        with store.write() as database:
            database.add_all(
                AccessLog(
                    occurred_at=moment,
                    staff_id=staff_id,
                    endpoint=endpoint,
                    account_id=account_id,
                    request_id=request_id,
                )
                for endpoint, account_id in reads
            )
    except Exception:
        log.exception("access not logged", extra={"facts": {"request": request_id}})
