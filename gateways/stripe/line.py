"""One account's line to Stripe: the client, its time-outs, and what a failed call means.

Source: stripe.md section 1; decisions 13, 24.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import requests
import stripe
import urllib3

from receivables.ports import GatewayError, GatewayRefused, GatewayUnreachable, OutcomeUnknown

#: Connect and read time-outs in seconds; the SDK's own default of 80 s would hang a web worker.
TIMEOUT = (3, 20)


class Line(stripe.RequestsClient):
    """The SDK's line to Stripe; remembers whether a try of the present call may have had its effect.

    The SDK repeats a call by itself and reports the last try only: a refused line after a dropped
    answer would look as if nothing had happened.

    Args:
        timeout: to connect and to read, seconds.
    """

    def __init__(self, timeout: tuple[float, float] = TIMEOUT) -> None:
        super().__init__(timeout=timeout)
        self._mine = threading.local()

    @property
    def in_doubt(self) -> bool:
        return bool(getattr(self._mine, "doubt", False))

    def begin(self) -> None:
        """Forget the tries of the call before."""
        self._mine.doubt = False

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, **more: Any
    ) -> tuple[Any, int, Mapping[str, str]]:
        try:
            answer = super().request(method, url, headers, post_data, **more)
        except stripe.APIConnectionError as error:
            if not _never_connected(error):
                self._mine.doubt = True
            raise
        if answer[1] == 409 or answer[1] >= 500:
            self._mine.doubt = True
        return answer


class StripeAccount:
    """What every part of the gateway stands on.

    Args:
        name: the gateway account's name ("default").
        secret_key: sk_…, rk_… or the stand-in's key.
        webhook_secrets: one or, while rotating, several signing secrets.
        api_base: address of the stand-in, or None for Stripe itself.
        timeout: to connect and to read, seconds.
        payment_methods: Stripe's types that a page may offer; empty for all that the Dashboard has on.
    """

    def __init__(
        self,
        name: str,
        secret_key: str,
        webhook_secrets: Sequence[str],
        api_base: str | None = None,
        timeout: tuple[float, float] = TIMEOUT,
        *,
        payment_methods: Sequence[str] = (),
    ) -> None:
        self.name = name
        self._payment_methods = tuple(payment_methods)
        self.live = secret_key.startswith(("sk_live_", "rk_live_"))
        self._secrets = tuple(webhook_secrets)
        self._line = Line(timeout)
        self._client = stripe.StripeClient(
            secret_key,
            # Without this number the client makes no retry at all; the stored key makes them safe.
            max_network_retries=2,
            http_client=self._line,
            base_addresses={"api": api_base} if api_base else {},
        )


@contextmanager
def reading() -> Iterator[None]:
    """Tell errors of calls that have no effect, or the same one however often they are made."""
    try:
        yield
    except stripe.StripeError as error:
        raise outcome(error) from error


def outcome(error: stripe.StripeError, *, in_doubt: bool = False) -> GatewayError:
    """Translate the SDK's errors into the outcomes of the port.

    Args:
        in_doubt: a try of the call may have had an effect; then a lost answer is unknown, never failed.
    """
    if isinstance(error, stripe.IdempotencyError):
        # The key has a saved result for other parameters: something was created by it.
        return OutcomeUnknown("idempotency")
    if isinstance(error, stripe.InvalidRequestError | stripe.CardError):
        return GatewayRefused(error.code or type(error).__name__, getattr(error, "param", None))
    why = reason_of(error)
    # A refused key, a full counter or a closed line says nothing about the tries before it.
    return OutcomeUnknown(why, is_over=_replayed(error)) if in_doubt else GatewayUnreachable(why)


def reason_of(error: stripe.StripeError) -> str:
    """Name why a call got no usable answer."""
    if isinstance(error, stripe.RateLimitError):
        return "rate_limit"
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        return "key_refused"
    if isinstance(error, stripe.APIConnectionError):
        return "no_connection" if _never_connected(error) else "no_answer"
    return f"http_{error.http_status}"


def _replayed(error: stripe.StripeError) -> bool:
    """Whether the answer is the one saved under the key (docs.stripe.com/error-low-level#idempotency)."""
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    return headers.get("idempotent-replayed") == "true"


def _never_connected(error: stripe.APIConnectionError) -> bool:
    """Whether no byte of the call can have reached Stripe: no address, refused, or no line in time."""
    cause = error.__cause__
    if isinstance(cause, requests.ConnectTimeout):
        return True
    first = cause.args[0] if isinstance(cause, requests.ConnectionError) and cause.args else None
    return isinstance(getattr(first, "reason", None), urllib3.exceptions.NewConnectionError)
