"""The API's way of answering: key, version, route, faults, idempotency, description, then the operation."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.stripe import clock
from sandbox.stripe.calls import Call
from sandbox.stripe.errors import ApiError
from sandbox.stripe.events import new_id
from sandbox.stripe.masking import answered, masked, scrubbed
from sandbox.stripe.operations import OPERATIONS, Handler
from sandbox.stripe.payments import Declined
from sandbox.stripe.schema import Description, Operation, check_request, decode_form
from sandbox.stripe.store import API_VERSION, Store, Unit

KEY_PREFIX = "sk_test_sandbox"
KEY_LENGTH = 255
CUT_BEFORE, AFTER = ("timeout_before", "drop"), ("timeout_after", "error_500_after")


@dataclass(frozen=True)
class Request:
    """One HTTP call as it came in; `raw` is the form body of a POST or the query string of a GET."""

    method: str
    path: str
    raw: str
    headers: Mapping[str, str]


@dataclass
class Answer:
    """What goes back. `cut` closes the line instead, after holding it for `hold_seconds`."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    hold_seconds: float = 0.0


@dataclass
class _Logged:
    """How a call is written into the `request` table."""

    request_id: str
    request: Request
    key: str | None
    fault: str | None = None
    replayed: bool = False
    effect: bool = False
    written: bool = False

    def write(self, unit: Unit, answer: Answer) -> None:
        """Writes the row unless it is there: with its effect, or for what had none."""
        if self.written:
            return
        self.written = True
        asked = decode_form(self.request.raw)
        unit.db.execute(
            "INSERT INTO request"
            " (id, at, method, path, idempotency_key, body, status, response, effect, replayed, fault)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self.request_id,
                unit.now,
                self.request.method,
                scrubbed(self.request.path),
                self.key,
                json.dumps(masked(asked), ensure_ascii=False),
                0 if answer.cut else answer.status,
                json.dumps(answered(answer.body, asked), ensure_ascii=False),
                int(self.effect),
                int(self.replayed),
                self.fault,
            ),
        )


class Api:
    """Answers API calls one after another for each key, side by side otherwise.

    Args:
        store: the stand-in's memory.
        description: what the API knows.
        base_url: address of the hosted pages.
        api_key: the only key taken, or None for any `sk_test_sandbox…`.
    """

    def __init__(
        self, store: Store, description: Description, base_url: str, api_key: str | None = None
    ) -> None:
        self.store = store
        self.description = description
        self.base_url = base_url
        self.api_key = api_key
        self._busy: set[str] = set()
        self._busy_turn = threading.Lock()

    def answer(self, request: Request) -> Answer:
        """Answers one call; refusals come back as answers, never as exceptions."""
        request_id = new_id("req_", 14)
        try:
            self._check_key(request)
            key = request.headers.get("Idempotency-Key") if request.method == "POST" else None
            answer = self._handle(_Logged(request_id, request, key))
        except ApiError as error:
            answer = Answer(error.status, error.body, dict(error.headers))
        answer.headers |= {"Request-Id": request_id, "Stripe-Version": API_VERSION}
        return answer

    def _handle(self, logged: _Logged) -> Answer:
        try:
            operation, object_id, handler = self._route(logged.request)
            strike = self._strike(handler.op, (*CUT_BEFORE, "429", "409"), logged)
            if strike:
                answer = strike
            elif logged.key is None:
                answer = self._execute(logged, operation, object_id, handler)
            else:
                answer = self._once(logged, operation, object_id, handler)
            after = self._strike(handler.op, AFTER, logged) if not answer.cut else None
            answer = after or answer
        except ApiError as error:
            answer = Answer(error.status, error.body, dict(error.headers))
        with self.store.unit() as unit:
            if logged.fault in (*CUT_BEFORE, *AFTER):
                unit.db.execute(
                    "UPDATE request SET status = ?, fault = ? WHERE id = ?",
                    (0 if answer.cut else answer.status, logged.fault, logged.request_id),
                )
            logged.write(unit, answer)
        return answer

    def _check_key(self, request: Request) -> None:
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                secret = base64.b64decode(secret + "==").decode("latin-1").partition(":")[0]
            except ValueError:
                secret = ""
        if not secret:
            raise ApiError(401, "You did not provide an API key.")
        if not secret.startswith(KEY_PREFIX) or (self.api_key and secret != self.api_key):
            raise ApiError(
                401,
                f"Invalid API Key provided: {secret[:8]}****. This sandbox takes {KEY_PREFIX}… keys only.",
            )

    def _route(self, request: Request) -> tuple[Operation, str | None, Handler]:
        version = request.headers.get("Stripe-Version", API_VERSION)
        if version != self.description.version:
            spoken = self.description.version
            raise ApiError(400, f"Invalid Stripe API version: {version}. The sandbox speaks {spoken}.")
        found = self.description.find(request.method, request.path)
        handler = OPERATIONS.get((request.method, found[0].path)) if found else None
        if found is None or handler is None:
            raise ApiError(404, f"Unrecognized request URL ({request.method}: {request.path}).")
        return found[0], found[1], handler

    def _strike(self, op: str, kinds: tuple[str, ...], logged: _Logged) -> Answer | None:
        """Acts out a fault that was asked for, or None."""
        with self.store.unit() as unit:
            fault = unit.take_fault(op, kinds)
        if fault is None:
            return None
        kind, wish = fault
        logged.fault = kind
        if kind == "error_500_after":
            return self._broken(logged, bool(wish.get("stored")))
        if kind in (*CUT_BEFORE, *AFTER):
            return Answer(0, {}, cut=True, hold_seconds=float(wish.get("hold_seconds", 0)))
        headers = {}
        if "should_retry" in wish:
            headers["Stripe-Should-Retry"] = "true" if wish["should_retry"] else "false"
        if kind == "429":
            raise ApiError(429, "Too many requests in a period of time.", code="rate_limit", headers=headers)
        raise _in_use(logged.key or "", headers)

    def _once(self, logged: _Logged, operation: Operation, object_id: str | None, handler: Handler) -> Answer:
        """Executes a call that carries a key, or replays what the key's first call was answered."""
        key = logged.key or ""
        if len(key) > KEY_LENGTH:
            raise ApiError(400, f"Idempotency keys can be up to {KEY_LENGTH} characters long.")
        with self._busy_turn:
            if key in self._busy:
                raise _in_use(key, {})
            self._busy.add(key)
        try:
            return self._replay(logged) or self._execute(logged, operation, object_id, handler)
        finally:
            with self._busy_turn:
                self._busy.discard(key)

    def _replay(self, logged: _Logged) -> Answer | None:
        with self.store.unit() as unit:
            row = unit.db.execute("SELECT * FROM idempotency WHERE key = ?", (logged.key,)).fetchone()
            if row is None or row["at"] < unit.now - clock.KEEP_KEYS:
                return None
        request = logged.request
        if (row["method"], row["path"]) != (request.method, scrubbed(request.path)):
            raise ApiError(
                400,
                "Keys for idempotent requests can only be used for the same endpoint they were first used for"
                f" ('{request.path}' vs '{row['path']}').",
                type="idempotency_error",
            )
        if json.loads(row["body"]) != masked(decode_form(request.raw)):
            raise ApiError(
                400,
                "Keys for idempotent requests can only be used with the same parameters they were first used"
                f" with. Try using a key other than '{logged.key}' if you meant to execute a different"
                " request.",
                type="idempotency_error",
            )
        logged.replayed = True
        headers = {"Idempotent-Replayed": "true", "Original-Request": row["request"]}
        return Answer(row["status"], json.loads(row["response"]), headers)

    def _execute(
        self, logged: _Logged, operation: Operation, object_id: str | None, handler: Handler
    ) -> Answer:
        """Runs the operation; its effect, its answer under the key and its log line are one commit."""
        params = check_request(self.description, operation, logged.request.raw)
        with self.store.unit() as unit:
            clock.tick(unit)
            slow = unit.take_fault(handler.op, ("slow",))
        if slow:  # outside the unit: others are answered meanwhile, and the key is in use
            logged.fault = "slow"
            time.sleep(float(slow[1].get("seconds", 1)))
        broken = self._break(handler.op, logged)
        if broken:
            return broken
        try:
            with self.store.unit(logged.request_id, logged.key) as unit:
                call = Call(unit, params, object_id, self.description, self.base_url)
                try:
                    answer = Answer(200, handler.run(call))
                except Declined as declined:
                    error = declined.error | {"payment_intent": declined.intent}
                    answer = Answer(402, {"error": error})
                logged.effect = logged.request.method != "GET"
                self._keep(unit, logged, answer)
                logged.write(unit, answer)
                return answer
        except ApiError as error:
            answer = Answer(error.status, error.body, dict(error.headers))
            if error.stored:
                with self.store.unit() as unit:
                    self._keep(unit, logged, answer)
            return answer

    def _break(self, op: str, logged: _Logged) -> Answer | None:
        """Acts out a server error before anything was done."""
        with self.store.unit() as unit:
            fault = unit.take_fault(op, ("error_500",))
        if fault is None:
            return None
        logged.fault = "error_500"
        return self._broken(logged, bool(fault[1].get("stored")))

    def _broken(self, logged: _Logged, stored: bool) -> Answer:
        """A server error; kept under the key, in place of what was kept there, when it is `stored`."""
        body = {"error": {"message": "An unknown error occurred.", "type": "api_error"}}
        answer = Answer(500, body)
        if stored:
            with self.store.unit() as unit:
                self._keep(unit, logged, answer)
            answer.headers["Stripe-Should-Retry"] = "false"
        return answer

    @staticmethod
    def _keep(unit: Unit, logged: _Logged, answer: Answer) -> None:
        if logged.key is None:
            return
        asked = decode_form(logged.request.raw)
        unit.db.execute(
            "INSERT OR REPLACE INTO idempotency (key, at, method, path, body, status, response, request)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                logged.key,
                unit.now,
                logged.request.method,
                scrubbed(logged.request.path),
                json.dumps(masked(asked), ensure_ascii=False),
                answer.status,
                json.dumps(answered(answer.body, asked), ensure_ascii=False),
                logged.request_id,
            ),
        )


def _in_use(key: str, headers: dict[str, str]) -> ApiError:
    return ApiError(
        409,
        f"There is currently another in-progress request using this Stripe Idempotency Key ({key})."
        " Please try again later.",
        type="idempotency_error",
        code="idempotency_key_in_use",
        headers=headers,
    )
