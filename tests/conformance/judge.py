"""Judges requests and answers by the API description: is this what Stripe of this version takes and gives?

Reusable by any test: record what the SDK sends with `recorder()`, then ask `request_faults`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from sandbox.stripe.schema import Description, Operation, check_request, decode_form


@cache
def description() -> Description:
    """The project's API description."""
    return Description()


def operation(method: str, path: str) -> Operation:
    """The operation for a call.

    Raises:
        AssertionError: there is no such operation.
    """
    found = description().find(method, path)
    assert found, f"no such operation: {method} {path}"
    return found[0]


def request_faults(method: str, path: str, raw: str) -> list[str]:
    """What is wrong with a form body (POST) or query string (GET), one line each."""
    asked = operation(method, path)
    value = description().coerce(asked.request, decode_form(raw))
    return [error.body["error"]["message"] for error in description().request_faults(asked, value)]


def decoded(method: str, path: str, raw: str) -> dict[str, Any]:
    """The parameters of a form-encoded request, nested and typed.

    Raises:
        ApiError: they are not what the description allows.
    """
    return check_request(description(), operation(method, path), raw)


def response_faults(method: str, path: str, answer: Any) -> list[str]:
    """What is wrong with an answer, one line each."""
    return description().response_faults(operation(method, path), answer)


def object_faults(thing: dict[str, Any]) -> list[str]:
    """What is wrong with one object, by its own `object` word."""
    schema = {"$ref": f"#/components/schemas/{thing['object']}"}
    return description().response_faults(Operation("GET", "", {}, schema), thing)


@dataclass
class Recorded:
    """One request as it went over the wire."""

    method: str
    path: str
    raw: str
    headers: dict[str, str]

    def faults(self) -> list[str]:
        """What is wrong with it."""
        return request_faults(self.method, self.path, self.raw)

    def params(self) -> dict[str, Any]:
        """Its parameters, nested and typed."""
        return decoded(self.method, self.path, self.raw)


@dataclass
class Recorder:
    """A listener that keeps what it is sent and answers `reply` to all."""

    url: str
    reply: dict[str, Any]
    requests: list[Recorded] = field(default_factory=list)


@contextmanager
def recorder(reply: dict[str, Any] | None = None) -> Iterator[Recorder]:
    """Listens on a free loopback port while the block runs.

    Args:
        reply: JSON answered to every request; default an empty list object.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self._keep(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())

        def do_GET(self) -> None:
            self._keep(urlsplit(self.path).query)

        def _keep(self, raw: str) -> None:
            path = urlsplit(self.path).path
            listener.requests.append(Recorded(self.command, path, raw, dict(self.headers)))
            body = json.dumps(listener.reply).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Writes nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener = Recorder(
        f"http://127.0.0.1:{server.server_port}",
        reply or {"object": "list", "data": [], "has_more": False, "url": "/"},
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield listener
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
