"""Stripe behind the PaymentGateway port: hosted pages and charges of saved cards, one call at a time.

The same code speaks to the local stand-in; only the base address differs. Source: stripe.md;
API 2026-10-28.endive; docs.stripe.com/api/checkout/sessions; decisions 11, 13, 24, 29.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import stripe

from gateways.stripe.books import StripeBooks
from gateways.stripe.events import StripeEvents
from gateways.stripe.line import outcome, reading, reason_of
from gateways.stripe.objects import charge_truth, id_of, moment, our_ref, page_truth, saved_card
from gateways.stripe.reversals import StripeReversals
from models.money import to_gateway
from receivables.ports import (
    CHARGE_CARD,
    CardSaving,
    ChargeOrder,
    CheckoutOrder,
    GatewayRefused,
    GatewayUnreachable,
    OpenedCheckout,
    PreparedRequest,
    RemoteCard,
    RemotePayment,
    SetupOrder,
)

#: Languages of the hosted page; Checkout speaks no Hebrew, so our review page says so before.
_LOCALES = {"en": "en", "he": "en", "ru": "ru", "hu": "hu"}
_EXPAND = ["payment_intent.latest_charge.balance_transaction", "setup_intent.payment_method"]
_EXPAND_INTENT = ["latest_charge.balance_transaction"]
#: Begins the id of a payment intent; all others that we keep are pages.
_INTENT = "pi_"
#: Operations as stored: a page alone, and a page whose customer is made first.
_PAGE, _PAGE_WITH_CUSTOMER = "checkout.sessions.create", "customers.create, checkout.sessions.create"


class StripePayments(StripeReversals, StripeBooks, StripeEvents):
    """PaymentGateway by Stripe: pages, charges and cards here, the rest in its parts."""

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
        if self._payment_methods:
            body["allowed_payment_method_types"] = list(self._payment_methods)
        if order.saves_card is not None:
            body["payment_intent_data"]["setup_future_usage"] = "off_session"
            body["allowed_payment_method_types"] = ["card"]
        return _page(body, order.saves_card, order.idempotency_key)

    def prepare_setup(self, order: SetupOrder) -> PreparedRequest:
        """Write down the exact request that opens a page which saves a card. Pure."""
        tags = {"amicable": "1", "setup": order.setup_ref}
        body: dict[str, Any] = {
            "mode": "setup",
            "ui_mode": "hosted_page",
            "currency": order.currency.lower(),
            "locale": _LOCALES.get(order.language, "auto"),
            "client_reference_id": order.setup_ref,
            "allowed_payment_method_types": ["card"],
            "metadata": tags,
            "setup_intent_data": {"metadata": tags},
            "expires_at": int(order.expires_at.timestamp()),
            "success_url": order.success_url,
            "cancel_url": order.cancel_url,
        }
        if order.note:
            body["custom_text"] = {"submit": {"message": order.note}}
        return _page(body, order.saves_card, order.idempotency_key)

    def prepare_charge(self, order: ChargeOrder) -> PreparedRequest:
        """Write down the exact request that charges a saved card while its holder is away. Pure."""
        body = {
            "amount": to_gateway(order.amount),
            "currency": order.amount.currency.lower(),
            "customer": order.customer_id,
            "payment_method": order.payment_method_id,
            "off_session": True,
            "confirm": True,
            # A way to pay that leads through another page is of no use to somebody who is away.
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "description": order.title,
            "metadata": {
                "amicable": "1", "attempt": order.attempt_ref, "invoices": _joined(order.invoice_refs),
            },
            "expand": list(_EXPAND_INTENT),
        }  # fmt: skip
        return PreparedRequest(CHARGE_CARD, _written(body), order.idempotency_key)

    def charge(self, prepared: PreparedRequest) -> RemotePayment:
        """Make the stored charge; a decline is an answer with its code, not an error."""
        self._line.begin()
        try:
            intent = self._client.v1.payment_intents.create(
                json.loads(prepared.body), {"idempotency_key": prepared.idempotency_key}
            )
        except stripe.CardError as error:
            declined = getattr(error.error, "payment_intent", None)
            if declined is None:
                raise outcome(error) from error
            return charge_truth(declined)
        except stripe.StripeError as error:
            raise outcome(error, in_doubt=self._line.in_doubt) from error
        return charge_truth(intent)

    def detach_card(self, payment_method_id: str) -> None:
        """Forget a saved card; Stripe refuses only one that no customer has, which is what is wanted."""
        try:
            self._client.v1.payment_methods.detach(payment_method_id)
        except stripe.InvalidRequestError:
            return
        except stripe.StripeError as error:
            # Detaching twice is harmless, so an unknown outcome may simply be tried again.
            raise outcome(error) from error

    def send(self, prepared: PreparedRequest) -> OpenedCheckout:
        """Make the stored call with its stored key; the same key never opens a second page."""
        params = json.loads(prepared.body)
        if prepared.operation == _PAGE_WITH_CUSTOMER:
            params = params["session"] | {"customer": self._customer(params["customer"], params["key"])}
        self._line.begin()
        try:
            session = self._client.v1.checkout.sessions.create(
                params, {"idempotency_key": prepared.idempotency_key}
            )
        except stripe.StripeError as error:
            raise outcome(error, in_doubt=self._line.in_doubt) from error
        return OpenedCheckout(
            session.id,
            session.url or "",
            moment(session.expires_at),
            id_of(getattr(session, "customer", None)),
        )

    def _customer(self, params: Any, key: str) -> str:
        """Make the customer who consented, once. Without one there is surely no page yet."""
        try:
            return self._client.v1.customers.create(params, {"idempotency_key": key}).id
        except stripe.InvalidRequestError as error:
            raise outcome(error) from error
        except stripe.StripeError as error:
            raise GatewayUnreachable(reason_of(error)) from error

    def retrieve(self, session_id: str) -> RemotePayment:
        """Return the present truth about one hosted page or charge and its money."""
        try:
            if session_id.startswith(_INTENT):
                return charge_truth(
                    self._client.v1.payment_intents.retrieve(session_id, {"expand": list(_EXPAND_INTENT)})
                )
            session = self._client.v1.checkout.sessions.retrieve(session_id, {"expand": list(_EXPAND)})
        except stripe.StripeError as error:
            raise outcome(error) from error
        return page_truth(session)

    def payment_of_charge(self, charge_id: str) -> RemotePayment:
        """Return the payment that took a charge; a charge made past all payments is none of ours."""
        with reading():
            intent_id = id_of(self._client.v1.charges.retrieve(charge_id).payment_intent)
        if intent_id is None:
            raise GatewayRefused("no_payment")
        return self.retrieve(intent_id)

    def find(self, attempt_ref: str, since: datetime) -> RemotePayment | None:
        """Walk the pages, then the charges made since a moment, for the one with our reference (P-03)."""
        made: Any = {"created": {"gte": int(since.timestamp())}, "limit": 100}
        try:
            for room in (self._client.v1.checkout.sessions, self._client.v1.payment_intents):
                for found in room.list(made).auto_paging_iter():
                    if our_ref(found) == attempt_ref:
                        return self.retrieve(found.id)
        except stripe.StripeError as error:
            raise outcome(error) from error
        return None

    def expire(self, session_id: str) -> RemotePayment:
        """End an open hosted page or a charge that took nothing; one that is paid or over stays as it is."""
        try:
            if session_id.startswith(_INTENT):
                self._client.v1.payment_intents.cancel(session_id)
            else:
                self._client.v1.checkout.sessions.expire(session_id)
        except stripe.InvalidRequestError:
            pass  # only open ones can be ended: the truth below says what it is instead
        except stripe.StripeError as error:
            # Ending twice is harmless, so an unknown outcome may simply be tried again.
            raise outcome(error) from error
        return self.retrieve(session_id)

    def card_of(self, payment_method_id: str) -> RemoteCard | None:
        """Return a saved card as it is now; None where it can't be charged any more.

        A card that was let go can still be read: "not there" is a key of another account, never a card gone.
        """
        with reading():
            return saved_card(self._client.v1.payment_methods.retrieve(payment_method_id))

    def mandate_is_active(self, mandate_id: str) -> bool:
        """Whether the holder's permission still stands; one that is not there is refused, as a card is."""
        with reading():
            return self._client.v1.mandates.retrieve(mandate_id).status == "active"


def _written(body: Mapping[str, Any]) -> str:
    return json.dumps(body, sort_keys=True, ensure_ascii=False)


def _page(body: dict[str, Any], saving: CardSaving | None, key: str) -> PreparedRequest:
    """The call that opens a page; with a consent also whom the card belongs to (decision 11)."""
    if saving is None:
        return PreparedRequest(_PAGE, _written(body), key)
    if saving.customer_id is not None:
        return PreparedRequest(_PAGE, _written(body | {"customer": saving.customer_id}), key)
    customer = {"metadata": {"amicable": "1", "contact": saving.contact_ref}}
    both = {"session": body, "customer": customer, "key": saving.customer_key}
    return PreparedRequest(_PAGE_WITH_CUSTOMER, _written(both), key)


def _joined(refs: Sequence[str]) -> str:
    """Invoice references in one metadata value (at most 500 characters at Stripe)."""
    joined = ",".join(refs)
    return joined if len(joined) <= 500 else joined[:497].rpartition(",")[0] + ",…"
