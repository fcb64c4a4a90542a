"""Stripe behind the PaymentGateway port: hosted Checkout pages, one call at a time.

The same code speaks to the local stand-in; only the base address differs. Source: stripe.md;
API 2026-10-28.endive; docs.stripe.com/api/checkout/sessions; decisions 11, 13, 24, 29.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import requests
import stripe
import urllib3

from models.money import Money, MoneyError, from_gateway, to_gateway
from receivables.ports import (
    CheckoutOrder,
    GatewayError,
    GatewayEvent,
    GatewayRefused,
    GatewayUnreachable,
    NotSignedByGateway,
    OpenedCheckout,
    OutcomeUnknown,
    PreparedRequest,
    RemoteCharge,
    RemotePayment,
    RemoteState,
)

#: Connect and read time-outs in seconds; the SDK's own default of 80 s would hang a web worker.
TIMEOUT = (3, 20)
#: |now - t| of a notification's signature, seconds, in both directions (P-08).
TOLERANCE = 300
#: Languages of the hosted page; Checkout speaks no Hebrew, so our review page says so before.
_LOCALES = {"en": "en", "he": "en", "ru": "ru", "hu": "hu"}
_METHODS = {
    "card": "card",
    "sepa_debit": "bank_debit",
    "us_bank_account": "bank_debit",
    "bacs_debit": "bank_debit",
}
_EXPAND = ["payment_intent.latest_charge.balance_transaction"]
#: Longest event id kept as it is, characters; a longer one would not fit into a database index (P-14).
_LONGEST_ID = 255


class _Line(stripe.RequestsClient):
    """The SDK's line to Stripe; remembers whether a try of the present call may have had its effect.

    The SDK repeats a call by itself and reports the last try only: a refused line after a dropped
    answer would look as if nothing had happened.
    """

    def __init__(self) -> None:
        super().__init__(timeout=TIMEOUT)
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


class StripePayments:
    """PaymentGateway by Stripe Checkout.

    Args:
        name: the gateway account's name ("default").
        secret_key: sk_…, rk_… or the stand-in's key.
        webhook_secrets: one or, while rotating, several signing secrets.
        api_base: address of the stand-in, or None for Stripe itself.
    """

    def __init__(
        self, name: str, secret_key: str, webhook_secrets: Sequence[str], api_base: str | None = None
    ) -> None:
        self.name = name
        self.live = secret_key.startswith(("sk_live_", "rk_live_"))
        self._secrets = tuple(webhook_secrets)
        self._line = _Line()
        self._client = stripe.StripeClient(
            secret_key,
            # Without this number the client makes no retry at all; the stored key makes them safe.
            max_network_retries=2,
            http_client=self._line,
            base_addresses={"api": api_base} if api_base else {},
        )

    def prepare_checkout(self, order: CheckoutOrder) -> PreparedRequest:
        """Write down the exact request that opens a hosted page. Pure."""
        tags = {"amicable": "1", "attempt": order.attempt_ref, "invoices": _joined(order.invoice_refs)}
        body: dict[str, Any] = {
            "mode": "payment",
            "ui_mode": "hosted_page",
            "submit_type": "pay",
            "locale": _LOCALES.get(order.language, "auto"),
            "client_reference_id": order.attempt_ref,
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": order.amount.currency.lower(),
                        "unit_amount": to_gateway(order.amount),
                        "product_data": {"name": order.title},
                    },
                }
            ],
            "metadata": tags,
            "payment_intent_data": {"metadata": tags, "description": order.title},
            # Otherwise the debtor may pay in another currency by a default of the Dashboard.
            "adaptive_pricing": {"enabled": False},
            "expires_at": int(order.expires_at.timestamp()),
            "success_url": order.success_url,
            "cancel_url": order.cancel_url,
        }
        if order.note:
            body["custom_text"] = {"submit": {"message": order.note}}
        return PreparedRequest(
            "checkout.sessions.create",
            json.dumps(body, sort_keys=True, ensure_ascii=False),
            order.idempotency_key,
        )

    def send(self, prepared: PreparedRequest) -> OpenedCheckout:
        """Make the stored call with its stored key; the same key never opens a second page."""
        params = json.loads(prepared.body)
        self._line.begin()
        try:
            session = self._client.v1.checkout.sessions.create(
                params, {"idempotency_key": prepared.idempotency_key}
            )
        except stripe.StripeError as error:
            raise _outcome(error, in_doubt=self._line.in_doubt) from error
        return OpenedCheckout(session.id, session.url or "", _moment(session.expires_at))

    def retrieve(self, session_id: str) -> RemotePayment:
        """Return the present truth about one hosted page and its money."""
        try:
            session = self._client.v1.checkout.sessions.retrieve(session_id, {"expand": list(_EXPAND)})
        except stripe.StripeError as error:
            raise _outcome(error) from error
        return _payment(session)

    def find(self, attempt_ref: str, since: datetime) -> RemotePayment | None:
        """Walk the pages made since a moment and return the one tagged with the attempt (P-03)."""
        try:
            listed = self._client.v1.checkout.sessions.list(
                {"created": {"gte": int(since.timestamp())}, "limit": 100}
            )
            for session in listed.auto_paging_iter():
                if _tag(session, "attempt") == attempt_ref:
                    return self.retrieve(session.id)
        except stripe.StripeError as error:
            raise _outcome(error) from error
        return None

    def expire(self, session_id: str) -> RemotePayment:
        """End an open hosted page; one that is paid or over stays as it is."""
        try:
            self._client.v1.checkout.sessions.expire(session_id)
        except stripe.InvalidRequestError:
            pass  # only open pages can be ended: the truth below says what it is instead
        except stripe.StripeError as error:
            # Ending twice is harmless, so an unknown outcome may simply be tried again.
            raise _outcome(error) from error
        return self.retrieve(session_id)

    def read_event(self, body: bytes, signature: str | None, now: datetime) -> GatewayEvent:
        """Verify a notification with any of our secrets and read it (P-08)."""
        event = self._verified(body, signature)
        stamp = _stamp(signature or "")
        # The SDK would accept the future (requirements 0.8).
        if stamp is None or abs(now.timestamp() - stamp) > TOLERANCE:
            raise NotSignedByGateway("stale")
        thing: Any = getattr(getattr(event, "data", None), "object", None)
        event_id, kind = getattr(event, "id", None), getattr(event, "type", None)
        if not event_id or not kind:
            raise NotSignedByGateway("unreadable")
        if bool(getattr(event, "livemode", False)) != self.live:
            raise NotSignedByGateway("livemode")
        what = getattr(thing, "object", "")
        intent = _id(getattr(thing, "payment_intent", None))
        return GatewayEvent(
            event_id=_short(str(event_id)),
            type=str(kind),
            created_at=_moment(getattr(event, "created", None)),
            live=self.live,
            object_id=str(getattr(thing, "id", "")),
            session_id=_id(thing) if what == "checkout.session" else None,
            intent_id=_id(thing) if what == "payment_intent" else intent,
            attempt_ref=_tag(thing, "attempt"),
            tagged=_tag(thing, "amicable") is not None or _tag(thing, "attempt") is not None,
            raw=body.decode("utf-8"),
        )

    def _verified(self, body: bytes, signature: str | None) -> stripe.Event:
        for secret in self._secrets:
            try:
                # Its age is judged by the caller's clock, not by this machine's.
                event: stripe.Event = stripe.Webhook.construct_event(
                    body, signature or "", secret, tolerance=0
                )
                return event
            except (stripe.SignatureVerificationError, ValueError, AttributeError, TypeError):
                continue
        raise NotSignedByGateway("signature")


def _joined(refs: Sequence[str]) -> str:
    """Invoice references in one metadata value (at most 500 characters at Stripe)."""
    joined = ",".join(refs)
    return joined if len(joined) <= 500 else joined[:497].rpartition(",")[0] + ",…"


def _tag(thing: Any, name: str) -> str | None:
    metadata = getattr(thing, "metadata", None)
    value = getattr(metadata, name, None) if metadata is not None else None
    return str(value) if value else None


def _id(value: Any) -> str | None:
    """The id of an expanded or bare reference; None when it has none."""
    if value is None or isinstance(value, str):
        return value or None
    return str(value.id) if getattr(value, "id", None) else None


def _short(name: str) -> str:
    """An id that fits into any index; a longer one is named by its digest, the raw event keeps it."""
    return name if len(name) <= _LONGEST_ID else f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"


def _moment(seconds: int | None) -> datetime:
    return datetime.fromtimestamp(seconds or 0, UTC)


def _stamp(signature: str) -> int | None:
    """The moment of signing; None when there is not exactly one."""
    stamps = [part.strip()[2:] for part in signature.split(",") if part.strip().startswith("t=")]
    return int(stamps[0]) if len(stamps) == 1 and stamps[0].isascii() and stamps[0].isdigit() else None


def _payment(session: Any) -> RemotePayment:
    """Read a checkout session with its payment expanded."""
    intent = session.payment_intent if not isinstance(session.payment_intent, str) else None
    charge = getattr(intent, "latest_charge", None) if intent is not None else None
    charge = charge if charge is not None and not isinstance(charge, str) else None
    paid = charge is not None and charge.status == "succeeded" and bool(charge.paid)
    return RemotePayment(
        state=_state(session, intent, paid),
        session_id=session.id,
        intent_id=_id(session.payment_intent),
        attempt_ref=_tag(session, "attempt"),
        charge=_charge(charge) if paid else None,
        failure_code=_failure(intent),
        url=session.url,
        expires_at=_moment(session.expires_at),
    )


def _state(session: Any, intent: Any, paid: bool) -> RemoteState:
    """Map Stripe's pair (session, intent) to one word.

    A declined card inside an open page is not final: the debtor may try another (stripe.md 4).
    """
    if paid:
        return RemoteState.SUCCEEDED
    if session.status == "open":
        return RemoteState.OPEN
    if session.status == "expired":
        return RemoteState.EXPIRED
    status = getattr(intent, "status", None)
    if status == "canceled":
        return RemoteState.CANCELLED
    if status == "requires_payment_method":
        return RemoteState.FAILED
    # complete but unpaid, waiting for the payer's bank, or with a charge that the answer does not show yet
    return RemoteState.PROCESSING


def _failure(intent: Any) -> str | None:
    error = getattr(intent, "last_payment_error", None) if intent is not None else None
    return (getattr(error, "decline_code", None) or getattr(error, "code", None)) if error else None


def _charge(charge: Any) -> RemoteCharge:
    details = charge.payment_method_details
    kind = getattr(details, "type", "card") if details is not None else "card"
    card = getattr(details, "card", None) if details is not None else None
    balance = charge.balance_transaction if not isinstance(charge.balance_transaction, str) else None
    amount = from_gateway(charge.amount, charge.currency)
    return RemoteCharge(
        charge_id=charge.id,
        amount=amount,
        taken_at=_moment(charge.created),
        method=_METHODS.get(kind, "other"),
        method_detail=f"{card.brand} {card.last4}" if card is not None else kind.replace("_", " "),
        fee=_fee(balance, amount),
        balance_transaction_id=_id(charge.balance_transaction),
    )


def _fee(balance: Any, amount: Money) -> Money | None:
    """The fee in the charge's currency; one in another currency, or in parts of a unit that the
    currency does not have (7,525 hundredths of a króna), waits for reconciliation."""
    if balance is None or balance.currency.upper() != amount.currency:
        return None
    try:
        return from_gateway(balance.fee, balance.currency)
    except MoneyError:
        return None


def _outcome(error: stripe.StripeError, *, in_doubt: bool = False) -> GatewayError:
    """Translate the SDK's errors into the outcomes of the port.

    Args:
        in_doubt: a try of the call may have had an effect; then a lost answer is unknown, never failed.
    """
    if isinstance(error, stripe.IdempotencyError):
        # The key has a saved result for other parameters: something was created by it.
        return OutcomeUnknown("idempotency")
    if isinstance(error, stripe.InvalidRequestError | stripe.CardError):
        return GatewayRefused(error.code or type(error).__name__, getattr(error, "param", None))
    why = _why(error)
    # A refused key, a full counter or a closed line says nothing about the tries before it.
    return OutcomeUnknown(why) if in_doubt else GatewayUnreachable(why)


def _why(error: stripe.StripeError) -> str:
    if isinstance(error, stripe.RateLimitError):
        return "rate_limit"
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        return "key_refused"
    if isinstance(error, stripe.APIConnectionError):
        return "no_connection" if _never_connected(error) else "no_answer"
    return f"http_{error.http_status}"


def _never_connected(error: stripe.APIConnectionError) -> bool:
    """Whether no byte of the call can have reached Stripe: no address, refused, or no line in time."""
    cause = error.__cause__
    if isinstance(cause, requests.ConnectTimeout):
        return True
    first = cause.args[0] if isinstance(cause, requests.ConnectionError) and cause.args else None
    return isinstance(getattr(first, "reason", None), urllib3.exceptions.NewConnectionError)
