"""The web server: joins API, hosted page and control; cuts the line where a fault says so."""

from __future__ import annotations

import json
import logging
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify, redirect, render_template, request
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Response as AnyResponse

from sandbox.stripe import clock, control, dashboard, pages, payouts, seeding
from sandbox.stripe.api import Answer, Api, Request
from sandbox.stripe.currencies import shown
from sandbox.stripe.schema import Description
from sandbox.stripe.store import Store
from sandbox.stripe.webhooks import Courier

LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Settings:
    """What the command line says; `public_url` None means the address it listens on."""

    db: Path
    host: str = "127.0.0.1"
    port: int = 0
    webhook_url: str | None = None
    webhook_secret: str | None = None
    public_url: str | None = None
    api_key: str | None = None
    business: str | None = None
    log: Path | None = None
    clock: int | None = None


class QuietHandler(WSGIRequestHandler):
    """Leaves access lines to the `request` table and `--log`."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Writes nothing."""


class Sandbox:
    """A running stand-in.

    Args:
        settings: the command line.
    Raises:
        ValueError: asked to listen on anything but loopback.
    """

    def __init__(self, settings: Settings) -> None:
        if settings.host not in LOOPBACK:
            raise ValueError("the sandbox listens on loopback only")
        self.store = Store(settings.db)
        with self.store.unit() as unit:
            if settings.clock is not None:
                clock.begin_at(unit, settings.clock)
        with self.store.unit() as unit:  # a unit knows the clock as it was when it began
            payouts.begin(unit)
        self.courier = Courier(self.store)
        listener = _listen(settings.host, settings.port)
        self.url = f"http://{settings.host}:{listener.getsockname()[1]}"
        base_url = (settings.public_url or self.url).rstrip("/")
        self.api = Api(self.store, Description(), base_url, settings.api_key)
        if settings.webhook_url and settings.webhook_secret:
            self.courier.point(settings.webhook_url, settings.webhook_secret)
        app = create_app(self.api, self.courier, settings.business, settings.log)
        self._server: BaseWSGIServer = make_server(
            settings.host,
            listener.getsockname()[1],
            app,
            threaded=True,
            request_handler=QuietHandler,
            fd=listener.fileno(),
        )
        self._listener = listener

    def run(self) -> None:
        """Serves until `stop`."""
        self.courier.start()
        self._server.serve_forever(poll_interval=0.1)
        self._server.server_close()
        self._listener.close()
        self.courier.stop()
        self.store.close()

    def stop(self) -> None:
        """Asks `run` to end; callable from a signal handler."""
        threading.Thread(target=self._server.shutdown).start()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(128)
    return listener


def create_app(api: Api, courier: Courier, business: str | None = None, log: Path | None = None) -> Flask:
    """Joins the parts into one web application.

    Args:
        api: answers `/v1/…`.
        courier: carries events.
        business: the payee's name on the hosted page.
        log: file that gets one JSON line for each API call, or None.
    """
    app = Flask(__name__)
    app.register_blueprint(pages.blueprint(api.store, courier, api.base_url, business))
    log_turn = threading.Lock()

    @app.route("/v1/<path:_path>", methods=["GET", "POST", "DELETE"])
    def v1(_path: str) -> Response:
        raw = request.get_data(as_text=True) if request.method == "POST" else request.query_string.decode()
        answer = api.answer(Request(request.method, request.path, raw, dict(request.headers)))
        courier.wake()
        if log:
            with log_turn, log.open("a") as file:
                file.write(_log_line(answer) + "\n")
        if answer.cut:
            return _cut(answer)
        return Response(json.dumps(answer.body), answer.status, answer.headers, mimetype="application/json")

    @app.get("/_sandbox/health")
    def health() -> Response:
        return jsonify(ok=True, version=api.description.version)

    @app.get("/_sandbox/")
    def overview() -> str:
        with api.store.unit() as unit:
            facts = control.overview(unit)
        return render_template("overview.html", base_url=api.base_url, shown=shown, when=_when, **facts)

    levers: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
        "advance": lambda wish: control.advance(api.store, courier, wish),
        "faults": lambda wish: control.add_fault(api.store, wish),
        "resend": lambda wish: control.resend(api.store, courier, wish),
        "flush": lambda wish: courier.flush(),
        "webhooks": lambda wish: control.point(courier, wish),
        "clear_faults": lambda wish: control.clear_faults(api.store),
        "seed_movements": lambda wish: seeding.seed(api.store, wish),
    }

    @app.post("/_sandbox/<lever>")
    def pull(lever: str) -> AnyResponse:
        # A page of somebody else's in the same browser must not pull levers here.
        if lever not in (*levers, *dashboard.LEVERS) or request.headers.get("Sec-Fetch-Site") in (
            "cross-site",
            "same-site",
        ):
            return Response("{}", 404, mimetype="application/json")
        wish = request.get_json() if request.is_json else dict(request.form)
        try:
            answer = levers[lever](wish) if lever in levers else dashboard.act(api.store, lever, wish)
            courier.wake()
        except (control.Refused, dashboard.Refused, ValueError) as refused:
            return Response(json.dumps({"error": str(refused)}), 400, mimetype="application/json")
        return (
            jsonify(answer)
            if request.is_json or not request.form
            else redirect(f"{api.base_url}/_sandbox/", 303)
        )

    @app.get("/_sandbox/faults")
    def faults() -> Response:
        return jsonify(control.list_faults(api.store))

    @app.after_request
    def guard(response: AnyResponse) -> AnyResponse:
        # No form-action here: after paying, the form's redirect leads to the creditor's own site.
        response.headers["Content-Security-Policy"] = (
            "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-store"
        return response

    return app


def _cut(answer: Answer) -> Response:
    """Closes the caller's line without an answer, after holding it."""
    time.sleep(answer.hold_seconds)
    line: socket.socket = request.environ["werkzeug.socket"]
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.shutdown(socket.SHUT_RDWR)
    return Response(status=500)


def _log_line(answer: Answer) -> str:
    return json.dumps(
        {
            "at": time.time(),
            "method": request.method,
            "path": request.path,
            "idempotency_key": request.headers.get("Idempotency-Key"),
            "status": 0 if answer.cut else answer.status,
            "replayed": "Idempotent-Replayed" in answer.headers,
            "id": answer.body.get("id"),
            "request_id": answer.headers.get("Request-Id"),
        }
    )


def _when(moment: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(moment))


def quiet() -> None:
    """Keeps the web server's own lines off the screen."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
