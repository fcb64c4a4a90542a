"""Stripe behind the PaymentGateway port: hosted Checkout pages, one call at a time.

The same code speaks to the local stand-in; only the base address differs. Source: stripe.md;
API 2026-10-28.endive; docs.stripe.com/api/checkout/sessions; decisions 11, 13, 24, 29.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn

import stripe

from models.money import Money, from_gateway, to_gateway
from receivables.ports import (
    CheckoutOrder,
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
        self._client = stripe.StripeClient(
            secret_key,
            # Without this number the client makes no retry at all; the stored key makes them safe.
            max_network_retries=2,
            http_client=stripe.RequestsClient(timeout=TIMEOUT),
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
        try:
            session = self._client.v1.checkout.sessions.create(
                params, {"idempotency_key": prepared.idempotency_key}
            )
        except stripe.StripeError as error:
            _raise(error, changes=True)
        return OpenedCheckout(session.id, session.url or "", _moment(session.expires_at))

    def retrieve(self, session_id: str) -> RemotePayment:
        """Return the present truth about one hosted page and its money."""
        try:
            session = self._client.v1.checkout.sessions.retrieve(session_id, {"expand": list(_EXPAND)})
        except stripe.StripeError as error:
            _raise(error, changes=False)
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
            _raise(error, changes=False)
        return None

    def expire(self, session_id: str) -> RemotePayment:
        """End an open hosted page; one that is paid or over stays as it is."""
        try:
            self._client.v1.checkout.sessions.expire(session_id)
        except stripe.InvalidRequestError:
            pass  # only open pages can be ended: the truth below says what it is instead
        except stripe.StripeError as error:
            # Ending twice is harmless, so an unknown outcome may simply be tried again.
            _raise(error, changes=False)
        return self.retrieve(session_id)

    def read_event(self, body: bytes, signature: str | None, now: datetime) -> GatewayEvent:
        """Verify a notification with any of our secrets and read it (P-08)."""
        event = self._verified(body, signature)
        stamp = _stamp(signature or "")
        # The SDK refuses old signatures but accepts the future (requirements 0.8).
        if stamp is None or abs(now.timestamp() - stamp) > TOLERANCE:
            raise NotSignedByGateway("stale")
        if bool(event.livemode) != self.live:
            raise NotSignedByGateway("livemode")
        thing: Any = event.data.object
        is_session = getattr(thing, "object", "") == "checkout.session"
        intent = _id(getattr(thing, "payment_intent", None))
        if getattr(thing, "object", "") == "payment_intent":
            intent = thing.id
        return GatewayEvent(
            event_id=event.id,
            type=event.type,
            created_at=_moment(event.created),
            live=bool(event.livemode),
            object_id=str(getattr(thing, "id", "")),
            session_id=thing.id if is_session else None,
            intent_id=intent,
            attempt_ref=_tag(thing, "attempt"),
            tagged=_tag(thing, "amicable") is not None or _tag(thing, "attempt") is not None,
            raw=body.decode("utf-8"),
        )

    def _verified(self, body: bytes, signature: str | None) -> stripe.Event:
        for secret in self._secrets:
            try:
                event: stripe.Event = stripe.Webhook.construct_event(
                    body, signature or "", secret, tolerance=TOLERANCE
                )
                return event
            except (stripe.SignatureVerificationError, ValueError):
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
    """The id of an expanded or bare reference."""
    if value is None or isinstance(value, str):
        return value or None
    return str(value.id)


def _moment(seconds: int | None) -> datetime:
    return datetime.fromtimestamp(seconds or 0, UTC)


def _stamp(signature: str) -> int | None:
    for part in signature.split(","):
        name, _, value = part.partition("=")
        if name.strip() == "t" and value.strip().isdigit():
            return int(value)
    return None


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
    if status in ("requires_payment_method", "requires_action", "requires_confirmation"):
        return RemoteState.FAILED
    # complete but unpaid, or complete with a charge that the answer does not show yet
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
    """The fee in the charge's currency; one in another currency waits for reconciliation."""
    if balance is None or balance.currency.upper() != amount.currency:
        return None
    return from_gateway(balance.fee, balance.currency)


def _raise(error: stripe.StripeError, *, changes: bool) -> NoReturn:
    """Translate the SDK's errors into the four outcomes.

    Args:
        changes: the call may have had an effect; then a lost answer is unknown, never failed.
    """
    if isinstance(error, stripe.RateLimitError):
        raise GatewayUnreachable("rate_limit") from error
    if isinstance(error, stripe.APIConnectionError):
        # Only a refused connection surely had no effect; a cut or silent line may have.
        refused = "refused" in str(error).lower() or "name or service" in str(error).lower()
        if changes and not refused:
            raise OutcomeUnknown("no_answer") from error
        raise GatewayUnreachable("no_connection") from error
    if isinstance(error, stripe.InvalidRequestError | stripe.AuthenticationError | stripe.PermissionError):
        raise GatewayRefused(error.code or type(error).__name__, getattr(error, "param", None)) from error
    if isinstance(error, stripe.IdempotencyError):
        raise GatewayRefused("idempotency") from error
    if changes:
        raise OutcomeUnknown(f"http_{error.http_status}") from error
    raise GatewayUnreachable(f"http_{error.http_status}") from error
