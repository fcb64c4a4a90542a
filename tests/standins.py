"""Starts stand-ins as processes of their own and drives them as people and tests do."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

ROOT = Path(__file__).resolve().parent.parent
API_KEY = "sk_test_sandbox_x"
WEBHOOK_SECRET = "whsec_sandbox_for_tests"  # noqa: S105 - a stand-in's secret
START_WITHIN = 120


class _StayHere(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


_open = urllib.request.build_opener(urllib.request.ProxyHandler({}), _StayHere()).open


class LeverRefused(Exception):
    """A stand-in's lever was not pulled; the sentence says why."""


@dataclass
class StandIn:
    """A running Stripe stand-in.

    Attributes:
        url: its address, e.g. `http://127.0.0.1:40123`; also the SDK's base address.
        db_path: its SQLite file; the tables are told in `sandbox/stripe/store.py`.
        process: the process.
    """

    url: str
    db_path: Path
    process: subprocess.Popen[str]

    def stop(self) -> None:
        """Ends it in good order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it as a power cut would."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.wait(START_WITHIN)
        if self.process.stdout:
            self.process.stdout.close()

    def control(self, lever: str, **wish: Any) -> dict[str, Any]:
        """Pulls a lever: those of `sandbox/stripe/server.py` and of `sandbox/stripe/dashboard.py`.

        Raises:
            LeverRefused: it makes no sense.
        """
        request = urllib.request.Request(  # noqa: S310 - loopback
            f"{self.url}/_sandbox/{lever}",
            data=json.dumps(wish).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with _open(request, timeout=120) as answer:
                said: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise LeverRefused(error.read().decode()) from None
        return said

    def fault(self, op: str, kind: str, count: int = 1, **options: Any) -> None:
        """Asks for a fault, e.g. `fault("checkout.sessions.create", "timeout_after")`."""
        self.control("faults", op=op, kind=kind, count=count, **options)


def start_stripe(
    tmp_path: Path,
    webhook_url: str | None = None,
    webhook_secret: str = WEBHOOK_SECRET,
    port: int = 0,
    business: str | None = None,
    clock: int | None = None,
    public_url: str | None = None,
    api_key: str | None = None,
    log: Path | None = None,
) -> StandIn:
    """Starts the Stripe stand-in and waits until it answers.

    Args:
        tmp_path: folder for its database; the same folder again continues with the same objects.
        webhook_url: where it delivers events, or None for nowhere yet.
        webhook_secret: shared with that receiver.
        port: 0 for a free one; a given port to come back at the same address.
        business: the payee's name on the hosted page.
        clock: Unix time at which its clock starts, for tests that live at another time; signatures then bear
            that time. None for the real time.
        public_url: address under which browsers reach its pages, or None for its own.
        api_key: the only key it takes, or None for any sandbox key.
        log: file for one JSON line for each API call, or None.
    """
    db_path = tmp_path / "stripe.sqlite"
    command = [sys.executable, "-m", "sandbox.stripe", "--port", str(port), "--db", str(db_path)]
    if webhook_url:
        command += ["--webhook-url", webhook_url, "--webhook-secret", webhook_secret]
    options = {"business": business, "clock": clock, "public-url": public_url, "api-key": api_key, "log": log}
    for name, value in options.items():
        command += [] if value is None else [f"--{name}", str(value)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own module
    assert process.stdout
    line = process.stdout.readline()  # blocks until it listens, or ends when it could not start
    if " on http" not in line:
        raise RuntimeError(f"the Stripe stand-in did not start: {process.wait(START_WITHIN)}")
    stand_in = StandIn(line.rsplit(" ", 1)[1].strip(), db_path, process)
    _await_health(stand_in)
    return stand_in


def _await_health(stand_in: StandIn) -> None:
    deadline = time.monotonic() + START_WITHIN
    while True:
        try:
            with _open(f"{stand_in.url}/_sandbox/health", timeout=1):
                return
        except OSError:
            if time.monotonic() > deadline or stand_in.process.poll() is not None:
                stand_in.stop()
                raise


def call_api(
    stand_in: StandIn, method: str, path: str, key: str = API_KEY, once: str | None = None, **form: str
) -> tuple[int, Any]:
    """Calls the API without the SDK; form names are spelt as on the wire: `**{"expand[0]": "customer"}`.

    Args:
        once: idempotency key, or None.
    """
    text = urlencode(form)
    headers = {"Authorization": f"Bearer {key}"} | ({"Idempotency-Key": once} if once else {})
    url = stand_in.url + path + (f"?{text}" if method == "GET" and text else "")
    request = urllib.request.Request(  # noqa: S310 - loopback
        url, data=text.encode() if method == "POST" else None, headers=headers
    )
    try:
        with _open(request, timeout=120) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def post_form(url: str, **fields: str) -> tuple[int, str]:
    """Posts a form without following redirects; returns status and the `Location`, or the body."""
    request = urllib.request.Request(url, data=urlencode(fields).encode())  # noqa: S310 - loopback
    try:
        with _open(request, timeout=120) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers.get("Location") or error.read().decode()


def get_page(url: str) -> tuple[int, str]:
    """Reads a page without following redirects; returns status and the `Location`, or the body."""
    try:
        with _open(url, timeout=120) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers.get("Location") or error.read().decode()


def pay_on_page(session_url: str, card: str = "4242424242424242", *, confirm: bool = True) -> str:
    """Pays on the hosted page without a browser, as a debtor does who types a card.

    Args:
        session_url: the session's `url`.
        card: a known test number; 4000002500003155 asks for confirmation.
        confirm: whether the debtor then confirms or refuses.
    Returns:
        Where the debtor ends: the success address with the session's id filled in, or, after a decline, the
        hosted page with `?problem=<code>`.
    """
    status, place = post_form(session_url, number=card, expiry="12 / 34", cvc="123", name="Test Payer")
    if status != 303:
        raise RuntimeError(f"the hosted page answered {status}: {place[:200]}")
    if urlsplit(place).path.startswith("/3ds/"):
        status, place = post_form(place, answer="pass" if confirm else "fail")
    return place


def debit_on_page(session_url: str, *, settles: bool = True) -> str:
    """Pays by bank debit on the hosted page; it settles or fails 5 days of the sandbox clock later."""
    return post_form(session_url, debit="debit_settles" if settles else "debit_fails")[1]
