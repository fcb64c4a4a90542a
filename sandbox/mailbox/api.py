"""The JSON side: the SMS sink, messages for tests and programs, faults, health."""

import socket
import time
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request

from sandbox.mailbox import letters, links, segments
from sandbox.mailbox.faults import MEANING, Faults, UnknownFault
from sandbox.mailbox.store import Message, Store

MOST_ROWS = 1000


def make(store: Store, faults: Faults, smtp_port: int) -> Blueprint:
    """Build the API.

    Args:
        store: the messages.
        faults: what POST /api/faults arms.
        smtp_port: told by /api/health.
    """
    api = Blueprint("api", __name__)

    @api.post("/sms")
    def take_sms() -> Response | tuple[Response, int]:
        """Keep {to, from, text, id} and answer {"id"}; a key that was answered is answered alike."""
        if faults.take("sms_500"):
            return jsonify(error="The SMS sink was told to fail."), 500
        sms = _object()
        for name in ("to", "from", "text"):
            if not isinstance(sms.get(name), str) or not sms[name].strip():
                abort(422, f"{name} must be a text that is not empty")
        keys = [str(key) for key in (sms.get("id"), request.headers.get("Idempotency-Key")) if key]
        row = store.keep_sms(sms["from"], sms["to"], sms["text"], keys, request.get_data())
        if faults.take("sms_drop"):
            request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        time.sleep(faults.delay_seconds())
        return jsonify(id=f"sms-{row}")

    @api.get("/api/messages")
    def messages() -> Response:
        """List messages oldest first, at most 1000; ask again with `after` = the last id for more."""
        found = store.find(
            recipient=request.args.get("to", "").strip(),
            channel=request.args.get("channel", "").strip(),
            words=request.args.get("q", "").strip(),
            after=request.args.get("after", 0, type=int),
            limit=MOST_ROWS,
        )
        return jsonify([_told(message, store) for message in found])

    @api.get("/api/messages/<int:message_id>")
    def one_message(message_id: int) -> Response:
        message = store.one(message_id) or abort(404, "There is no such message.")
        return jsonify(_told(message, store))

    @api.get("/api/faults")
    def armed_faults() -> Response:
        return jsonify(
            armed=[{"fault": armed.fault, "count": armed.left, "ms": armed.ms} for armed in faults.waiting()],
            known=MEANING,
        )

    @api.post("/api/faults")
    def arm_fault() -> Response:
        """Arm {"fault", "count": 1, "ms": 0} for the next `count` deliveries."""
        asked = _object()
        try:
            faults.arm(asked.get("fault", ""), asked.get("count", 1), asked.get("ms", 0))
        except UnknownFault as error:
            abort(422, str(error))
        return armed_faults()

    @api.delete("/api/faults")
    def disarm_faults() -> Response:
        faults.disarm()
        return armed_faults()

    @api.post("/api/clear")
    def clear() -> Response:
        """Forget all messages and SMS keys; armed faults stay."""
        return jsonify(cleared=store.clear())

    @api.get("/api/health")
    def health() -> Response:
        return jsonify(status="ok", messages=store.count(), smtp_port=smtp_port)

    return api


def _object() -> dict[str, Any]:
    """Read the request's JSON object, whatever content type it names."""
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict):
        abort(400, "Send a JSON object.")
    return body


def _told(message: Message, store: Store) -> dict[str, object]:
    told: dict[str, object] = {
        "id": message.id,
        "received_at": message.received_at.isoformat(),
        "channel": message.channel,
        "sender": message.sender,
        "recipient": message.recipient,
        "subject": message.subject,
        "message_id": message.message_id,
        "text": message.text,
        "html": message.html,
        "links": links.of(message.text, message.html),
    }
    if message.channel == "sms":
        cost = segments.measure(message.text)
        told["sms"] = {"encoding": cost.encoding, "units": cost.units, "segments": cost.segments}
    else:
        told["headers"] = letters.read(store.raw(message.id)).headers
    return told
