"""Notifications of the payment gateway: verify, keep, answer; the worker does the rest (P-08, P-10)."""

from __future__ import annotations

import logging

from flask import Blueprint, request
from sqlalchemy.orm import Session

import web
from models import fault_points
from receivables.errors import NotFound
from receivables.payments import inbox
from receivables.ports import NotSignedByGateway

blueprint = Blueprint("portal_webhooks", __name__)
log = logging.getLogger("amicable.webhooks")

#: Largest notification, bytes.
MAX_EVENT = 1024 * 1024


@blueprint.post("/webhooks/stripe/<name>")
@web.public_page
def stripe(name: str) -> tuple[str, int]:
    """Keep one verified event and answer 200; 404 without keys (decision 24), 400 unsigned."""
    gateway = web.house().gateway(name)
    if gateway is None:
        raise NotFound("not_found")
    request.max_content_length = MAX_EVENT
    try:
        event = gateway.read_event(
            request.get_data(cache=False), request.headers.get("Stripe-Signature"), web.now()
        )
    except NotSignedByGateway as error:
        log.warning("webhook refused", extra={"facts": {"why": str(error), "request": web.request_id()}})
        if str(error) == inbox.STALE:
            web.house().store.run(lambda s: inbox.refused_by_clock(s, name, now=web.now()))
        return "not signed\n", 400

    with web.house().store.glance() as looking:
        if inbox.is_kept(looking, event.event_id):
            return "kept\n", 200

    def keep(session: Session) -> None:
        inbox.accept(session, event, gateway_account=name, now=web.now())
        fault_points.reach("event.before_commit")

    web.house().store.run(keep)
    fault_points.reach("event.after_commit")
    return "kept\n", 200


@blueprint.post("/csp-report")
@web.public_page
def csp_report() -> tuple[str, int]:
    """Note what a browser blocked; the log is masked."""
    request.max_content_length = 16 * 1024
    log.warning("csp violation", extra={"facts": {"report": request.get_data(as_text=True)[:2000]}})
    return "", 204
