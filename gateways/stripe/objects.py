"""What Stripe's objects say, in our words; reads only, speaks to nobody.

Source: API 2026-10-28.endive, stripe.md sections 1 and 4.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from models.money import Money, MoneyError, from_gateway
from receivables.ports import GatewayRefused, RemoteCard, RemoteCharge, RemotePayment, RemoteState

_METHODS = {
    "card": "card",
    "sepa_debit": "bank_debit",
    "us_bank_account": "bank_debit",
    "bacs_debit": "bank_debit",
    "au_becs_debit": "bank_debit",
    "acss_debit": "bank_debit",
    "nz_bank_account": "bank_debit",
}
#: What is left to the payer after the page, besides vouchers (`…_display_details`).
_LEFT_TO_PAYER = frozenset({"display_bank_transfer_instructions", "verify_with_microdeposits"})
#: The advice of an issuer that this card is to be left alone.
_NO_MORE = "do_not_try_again"
#: Longest event id kept as it is, characters; a longer one would not fit into a database index (P-14).
_LONGEST_ID = 255


def tag(thing: Any, name: str) -> str | None:
    metadata = getattr(thing, "metadata", None)
    value = getattr(metadata, name, None) if metadata is not None else None
    return str(value) if value else None


def our_ref(thing: Any) -> str | None:
    """Our reference on an object: of the attempt, or of the card setup."""
    return tag(thing, "attempt") or tag(thing, "setup")


def id_of(value: Any) -> str | None:
    """The id of an expanded or bare reference; None when it has none."""
    if value is None or isinstance(value, str):
        return value or None
    return str(value.id) if getattr(value, "id", None) else None


def short_id(name: str) -> str:
    """An id that fits into any index; a longer one is named by its digest, the raw event keeps it."""
    return name if len(name) <= _LONGEST_ID else f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"


def moment(seconds: int | None) -> datetime:
    return datetime.fromtimestamp(seconds or 0, UTC)


def amount_of(units: int, currency: str, named: str) -> Money:
    """Read an amount.

    Raises:
        GatewayRefused: "amount_unreadable", where our money has no such currency or fraction: a sum that
            is guessed would be a sum that is lost.
    """
    try:
        return from_gateway(units, currency)
    except MoneyError as error:
        raise GatewayRefused("amount_unreadable", named) from error


def stamp(signature: str) -> int | None:
    """The moment of signing; None when there is not exactly one."""
    stamps = [part.strip()[2:] for part in signature.split(",") if part.strip().startswith("t=")]
    return int(stamps[0]) if len(stamps) == 1 and stamps[0].isascii() and stamps[0].isdigit() else None


def page_truth(session: Any) -> RemotePayment:
    """Read a checkout session with its payment or its setup expanded."""
    if session.mode == "setup":
        return _setup(session)
    intent = session.payment_intent if not isinstance(session.payment_intent, str) else None
    charge = getattr(intent, "latest_charge", None) if intent is not None else None
    charge = charge if charge is not None and not isinstance(charge, str) else None
    paid = charge is not None and charge.status == "succeeded" and bool(charge.paid)
    return RemotePayment(
        state=_state(session, intent, paid),
        session_id=session.id,
        intent_id=id_of(session.payment_intent),
        attempt_ref=our_ref(session),
        charge=_charge(charge) if paid else None,
        failure_code=_failure(intent),
        url=session.url,
        expires_at=moment(session.expires_at),
        card=_kept_by_payment(intent, charge) if paid else None,
    )


def _setup(session: Any) -> RemotePayment:
    """Read a page that saves a card, with its setup intent and payment method expanded."""
    intent = session.setup_intent if not isinstance(session.setup_intent, str) else None
    status = getattr(intent, "status", None)
    state = RemoteState.PROCESSING
    if session.status == "open":
        state = RemoteState.OPEN
    elif session.status == "expired":
        state = RemoteState.EXPIRED
    elif status in ("succeeded", "canceled", "requires_payment_method"):
        state = RemoteState.SUCCEEDED if status == "succeeded" else RemoteState.FAILED
    error = getattr(intent, "last_setup_error", None)
    method: Any = getattr(intent, "payment_method", None)
    customer = id_of(getattr(intent, "customer", None)) or id_of(session.customer)
    kept = state is RemoteState.SUCCEEDED and customer and getattr(method, "card", None) is not None
    mandate = id_of(getattr(intent, "mandate", None))
    return RemotePayment(
        state=state,
        session_id=session.id,
        intent_id=id_of(session.setup_intent),
        attempt_ref=our_ref(session),
        charge=None,
        failure_code=_code(error),
        url=session.url,
        expires_at=moment(session.expires_at),
        card=_card(method.id, str(customer), method.card, mandate) if kept else None,
    )


def charge_truth(intent: Any) -> RemotePayment:
    """Read a payment intent that was made without a page, with its charge expanded or not."""
    charge = intent.latest_charge if not isinstance(intent.latest_charge, str) else None
    paid = charge is not None and charge.status == "succeeded" and bool(charge.paid)
    states = {
        # A charge that the answer does not show yet comes with the next look.
        "succeeded": RemoteState.SUCCEEDED if paid else RemoteState.PROCESSING,
        "processing": RemoteState.PROCESSING,
        "requires_payment_method": RemoteState.FAILED,
        "canceled": RemoteState.CANCELLED,
    }
    return RemotePayment(
        # Any other status can't follow from a charge without its holder: a person is called by the sweeper.
        state=states.get(intent.status, RemoteState.OPEN),
        session_id=intent.id,
        intent_id=intent.id,
        attempt_ref=our_ref(intent),
        charge=_charge(charge) if paid else None,
        failure_code=_failure(intent),
        url=None,
        expires_at=None,
    )


def _kept_by_payment(intent: Any, charge: Any) -> RemoteCard | None:
    """The card that a payment kept for later; None when it kept none."""
    customer, method = id_of(getattr(intent, "customer", None)), id_of(charge.payment_method)
    card = getattr(charge.payment_method_details, "card", None)
    if not getattr(intent, "setup_future_usage", None) or not customer or not method or card is None:
        return None
    return _card(method, customer, card, id_of(getattr(card, "mandate", None)))


def saved_card(method: Any) -> RemoteCard | None:
    """Read a payment method; None where no customer holds it, or it is no card."""
    customer, card = id_of(getattr(method, "customer", None)), getattr(method, "card", None)
    return _card(method.id, customer, card) if customer and card is not None else None


def _card(method_id: str, customer: str, card: Any, mandate: str | None = None) -> RemoteCard:
    return RemoteCard(
        payment_method_id=method_id,
        customer_id=customer,
        brand=str(card.brand or ""),
        last4=str(card.last4 or "")[-4:],
        month=card.exp_month,
        year=card.exp_year,
        mandate_id=mandate,
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
    if status == "requires_action" and _is_left_to_payer(intent):
        # No bank has accepted anything, and the money may never come: it holds the invoices as an open page
        # does, and stops no reminder.
        return RemoteState.OPEN
    # complete but unpaid, waiting for the payer's bank, or with a charge that the answer does not show yet
    return RemoteState.PROCESSING


def _is_left_to_payer(intent: Any) -> bool:
    """Whether the payer has left the page with a voucher, an account to transfer to or a number to read."""
    kind = str(getattr(getattr(intent, "next_action", None), "type", ""))
    return kind.endswith("_display_details") or kind in _LEFT_TO_PAYER


def _failure(intent: Any) -> str | None:
    return _code(getattr(intent, "last_payment_error", None))


def _code(error: Any) -> str | None:
    """The issuer's word not to try again, else his reason where he gave one, else Stripe's code.

    Source: docs.stripe.com/declines/card#retrying-issuer-declines: such an advice holds whatever the reason;
    the others leave it as it is.
    """
    if getattr(error, "advice_code", None) == _NO_MORE:
        return _NO_MORE
    return getattr(error, "decline_code", None) or getattr(error, "code", None)


def _charge(charge: Any) -> RemoteCharge:
    details = charge.payment_method_details
    kind = getattr(details, "type", "card") if details is not None else "card"
    card = getattr(details, "card", None) if details is not None else None
    balance = charge.balance_transaction if not isinstance(charge.balance_transaction, str) else None
    amount = amount_of(charge.amount, charge.currency, charge.id)
    return RemoteCharge(
        charge_id=charge.id,
        amount=amount,
        taken_at=moment(charge.created),
        method=_METHODS.get(kind, "other"),
        method_detail=f"{card.brand} {card.last4}" if card is not None else kind.replace("_", " "),
        fee=_fee(balance, amount),
        balance_transaction_id=id_of(charge.balance_transaction),
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
