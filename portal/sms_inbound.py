"""What the SMS provider's adapter posts: replies to our texts, and what became of them (C-07)."""

from __future__ import annotations

import logging

from flask import Blueprint, request

import web
from receivables import arrivals
from receivables.errors import NotFound
from receivables.ports import NotReadable, NotSignedByCarrier

blueprint = Blueprint("portal_sms_inbound", __name__)
log = logging.getLogger("amicable.webhooks")

#: Largest notification, bytes.
MAX_BODY = 32 * 1024


@blueprint.post("/webhooks/sms")
@web.public_page
def receive() -> tuple[str, int]:
    """Take one signed notification and answer 200; 404 without a secret, 400 unsigned or unreadable."""
    desk = web.house().sms_desk
    if desk is None:
        raise NotFound("not_found")
    request.max_content_length = MAX_BODY
    body = request.get_data(cache=False)
    try:
        incoming = desk.read(body, request.headers.get("Amicable-Signature"), web.now())
    except (NotSignedByCarrier, NotReadable) as error:
        why = f"{type(error).__name__}: {error}"
        log.warning("sms refused", extra={"facts": {"why": why, "request": web.request_id()}})
        return "refused\n", 400
    web.house().store.run(lambda s: arrivals.take(s, incoming, now=web.now()))
    return "kept\n", 200
