"""Checkout Sessions: made by the API, used on the hosted page to pay or save a method, ended by the clock."""

from __future__ import annotations

from typing import Any

from sandbox.stripe import cards, customers, payments, setups
from sandbox.stripe.currencies import check_amount, check_currency
from sandbox.stripe.errors import ApiError, absent, missing, refused_param, refused_state
from sandbox.stripe.events import new_id, tell
from sandbox.stripe.schema import form_name
from sandbox.stripe.store import Unit

FLOOR, CEILING = 30 * 60, 24 * 60 * 60
NOT_OFFERED = ("discounts", "optional_items", "shipping_options", "subscription_data")
# Parameters that have no meaning in the other mode; the real service refuses them too.
FOREIGN = {
    "payment": ("setup_intent_data",),
    "setup": ("line_items", "payment_intent_data", "submit_type", "invoice_creation"),
}


def create(unit: Unit, params: dict[str, Any], base_url: str) -> dict[str, Any]:
    """Makes a session for a one-off payment, or for saving a card, on the hosted page.

    Args:
        unit: the unit of work.
        params: checked parameters of the API call.
        base_url: address under which the hosted page is reached.
    Raises:
        ApiError: 400 naming the parameter, e.g. `expires_at` outside 30 minutes to 24 hours.
    """
    _check_offered(params)
    saving = params["mode"] == "setup"
    lines: list[dict[str, Any]] = []
    total = None
    if saving:
        currency = check_currency(params["currency"], "currency")
    else:
        currency, lines = _lines(params)
        total = sum(line["amount_total"] for line in lines)
        check_amount(total, currency, "line_items[0][price_data][unit_amount]")
    expires_at = params.get("expires_at", unit.now + CEILING)
    if not unit.now + FLOOR <= expires_at <= unit.now + CEILING:
        bound = "at least 30 minutes" if expires_at < unit.now + FLOOR else "less than 24 hours"
        raise refused_param(
            "expires_at", f"The `expires_at` timestamp must be {bound} from Checkout Session creation."
        )
    customer = params.get("customer")
    if customer and unit.get(customer, "customer") is None:
        raise missing("customer", customer, "customer")
    session_id = new_id("cs_test_", 58)
    email = params.get("customer_email")
    session: dict[str, Any] = {
        "id": session_id,
        "object": "checkout.session",
        "adaptive_pricing": params.get("adaptive_pricing", {"enabled": True}),
        "after_expiration": None,
        "allow_promotion_codes": params.get("allow_promotion_codes"),
        "allowed_payment_method_types": params.get("allowed_payment_method_types"),
        "amount_subtotal": total,
        "amount_total": total,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": params.get("billing_address_collection"),
        "cancel_url": params.get("cancel_url"),
        "client_reference_id": params.get("client_reference_id"),
        "client_secret": None,
        "collected_information": None,
        "consent": None,
        "consent_collection": None,
        "created": unit.now,
        "currency": currency,
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": {
            name: params.get("custom_text", {}).get(name) or None
            for name in ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")
        },
        "customer": customer,
        "customer_creation": None if customer else params.get("customer_creation", "if_required"),
        "customer_details": {"email": email} if email else None,
        "customer_email": email,
        "discounts": [],
        "excluded_payment_method_types": params.get("excluded_payment_method_types"),
        "expires_at": expires_at,
        "invoice": None,
        "livemode": False,
        "locale": params.get("locale"),
        "metadata": params.get("metadata") or {},
        "mode": params["mode"],
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "always" if saving else "if_required",
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": _method_types(params, currency),
        "payment_status": "no_payment_required" if saving else "unpaid",
        "permissions": None,
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "saved_payment_method_options": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": params.get("submit_type"),
        "subscription": None,
        "success_url": params["success_url"],
        "total_details": None if saving else {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": f"{base_url}/c/pay/{session_id}",
        "wallet_options": None,
    }
    unit.put(session, private={"payment_intent_data": params.get("payment_intent_data") or {}})
    for line in lines:
        unit.put(line, parent=session_id)
    if saving:
        wish = params.get("setup_intent_data") or {}
        fields = {name: wish[name] for name in ("description", "metadata") if name in wish}
        fields["payment_method_types"] = session["payment_method_types"]
        intent = setups.new_intent(unit, parent=session_id, customer=customer, **fields)
        session["setup_intent"] = intent["id"]
        unit.put(session)
    unit.at(expires_at, "expire", session_id)
    return session


def expire(unit: Unit, session: dict[str, Any]) -> dict[str, Any]:
    """Ends an open session; an intent that was begun on it is cancelled.

    Raises:
        ApiError: 400 when it is complete or expired already.
    """
    if session["status"] != "open":
        raise refused_state(
            'Only Checkout Sessions with a status in ["open"] can be expired.'
            f" This Checkout Session has a status of {session['status']}."
        )
    session |= {"status": "expired", "url": None}
    unit.put(session)
    if session["payment_intent"]:
        payments.cancel(unit, unit.need(session["payment_intent"]), "expired")
    if session["setup_intent"]:
        setups.cancel(unit, unit.need(session["setup_intent"]), "abandoned")
    tell(unit, "checkout.session.expired", session)
    return session


def lines_of(unit: Unit, session_id: str) -> list[dict[str, Any]]:
    """Lists a session's line items in their order."""
    return list(unit.each("item", newest_first=False, parent=session_id))


def pay(unit: Unit, session: dict[str, Any], method: dict[str, Any], base_url: str) -> dict[str, Any]:
    """The debtor confirms on the page with a payment method.

    Args:
        unit: the unit of work.
        session: an open session.
        method: the payment method typed or picked on the page.
        base_url: address under which the challenge page is reached.
    Returns:
        The payment intent; the session is complete unless it is `requires_action`.
    Raises:
        Declined: the session stays open.
        ApiError: 400 when the session is not open.
    """
    if session["status"] != "open":
        raise refused_state(f"This Checkout Session is {session['status']}.")
    intent = unit.get(session["payment_intent"]) if session["payment_intent"] else None
    if intent is None:
        wish = unit.private(session["id"])["payment_intent_data"]
        fields = {key: wish[key] for key in _CARRIED if key in wish}
        intent = payments.new_intent(
            unit,
            session["amount_total"],
            session["currency"],
            parent=session["id"],
            customer=session["customer"],
            payment_method_types=session["payment_method_types"],
            **fields,
        )
        session["payment_intent"] = intent["id"]
        unit.put(session)
    intent = payments.attempt(unit, intent, method, challenge_url=f"{base_url}/3ds/{intent['id']}")
    if intent["status"] != "requires_action":
        complete(unit, session, intent)
    return intent


def save(unit: Unit, session: dict[str, Any], method: dict[str, Any], base_url: str) -> dict[str, Any]:
    """The debtor saves a card or an account on the page of a session in setup mode.

    Returns:
        The setup intent; the session is complete unless it is `requires_action`.
    Raises:
        NotSaved: the session stays open.
        ApiError: 400 when the session is not open.
    """
    if session["status"] != "open":
        raise refused_state(f"This Checkout Session is {session['status']}.")
    intent = unit.need(session["setup_intent"])
    intent = setups.attempt(unit, intent, method, challenge_url=f"{base_url}/3ds/{intent['id']}")
    if intent["status"] == "succeeded":
        complete(unit, session, intent)
    return intent


_CARRIED = (
    "description",
    "metadata",
    "receipt_email",
    "setup_future_usage",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)


def complete(unit: Unit, session: dict[str, Any], intent: dict[str, Any]) -> dict[str, Any]:
    """Closes a session whose intent took the money, waits for the bank, or saved the card."""
    method = unit.need(intent["payment_method"])
    billing = method["billing_details"]
    setup = session["mode"] == "setup"
    saves = setup or intent["setup_future_usage"]
    if session["customer"] is None and (saves or session["customer_creation"] == "always"):
        customer = customers.create(unit, {"email": billing["email"], "name": billing["name"]})
        session["customer"] = intent["customer"] = customer["id"]
        unit.put(intent)
    if saves:
        setups.attach(unit, method, session["customer"])
    paid = "paid" if intent["status"] == "succeeded" else "unpaid"
    session |= {
        "status": "complete",
        "payment_status": session["payment_status"] if setup else paid,
        "url": None,
        "customer_details": {
            "address": None,
            "email": billing["email"] or session["customer_email"],
            "name": billing["name"],
            "phone": None,
            "tax_exempt": "none",
            "tax_ids": [],
        },
    }
    unit.put(session)
    tell(unit, "checkout.session.completed", session)
    return session


def settled(unit: Unit, intent: dict[str, Any]) -> None:
    """Tells a session that its delayed payment came in or failed."""
    session = session_of(unit, intent["id"])
    if session is None:
        return
    if intent["status"] == "succeeded":
        session["payment_status"] = "paid"
        unit.put(session)
        tell(unit, "checkout.session.async_payment_succeeded", session)
    else:
        tell(unit, "checkout.session.async_payment_failed", session)


def session_of(unit: Unit, intent_id: str) -> dict[str, Any] | None:
    """Finds the session on which an intent was begun, or None."""
    session_id = unit.parent(intent_id)
    return unit.need(session_id) if session_id else None


def return_url(session: dict[str, Any]) -> str:
    """Where the debtor goes after paying, with the session's id filled in."""
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])


# --------------------------------------------------------------------------- parameters


def _check_offered(params: dict[str, Any]) -> None:
    if "mode" not in params:
        raise absent("mode")
    if params["mode"] not in FOREIGN:
        raise refused_param("mode", f"The sandbox does not offer mode={params['mode']}.")
    for name in FOREIGN[params["mode"]]:
        if name in params:
            raise refused_param(name, f"You can not pass `{name}` in `{params['mode']}` mode.")
    if params["mode"] == "setup" and not params.get("currency"):
        raise absent("currency")  # needed where the methods are chosen dynamically
    if params.get("ui_mode", "hosted_page") != "hosted_page":
        raise refused_param("ui_mode", f"The sandbox does not offer ui_mode={params['ui_mode']}.")
    for name in NOT_OFFERED:
        if name in params:
            raise refused_param(name, f"The sandbox does not offer {name}.")
    if params.get("customer") and params.get("customer_email"):
        raise refused_param("customer_email", "You may only specify one of these: customer, customer_email.")
    if params.get("payment_intent_data", {}).get("capture_method") == "manual":
        raise refused_param("payment_intent_data[capture_method]", "The sandbox has no manual capture.")
    if not params.get("success_url"):
        raise absent("success_url")
    for name in ("success_url", "cancel_url"):
        if params.get(name) and not params[name].startswith(("http://", "https://")):
            raise ApiError(400, "Not a valid URL", code="url_invalid", param=name)


def _lines(params: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    wishes = params.get("line_items") or []
    if not wishes:
        raise absent("line_items")
    lines, currencies = [], set()
    for i, wish in enumerate(wishes):
        price = wish.get("price_data")
        where: list[str | int] = ["line_items", i, "price_data"]
        if price is None:
            raise refused_param(form_name(where), "The sandbox knows no prices: send `price_data`.")
        if price.get("recurring"):
            raise refused_param(form_name([*where, "recurring"]), "Recurring prices need subscription mode.")
        if "unit_amount" not in price:
            raise absent(form_name([*where, "unit_amount"]))
        if not price.get("product_data", {}).get("name"):
            raise absent(form_name([*where, "product_data", "name"]))
        quantity = wish.get("quantity", 1)
        if quantity < 1:
            raise refused_param(form_name(["line_items", i, "quantity"]), "This value must be at least 1.")
        if price["unit_amount"] < 0:
            raise refused_param(form_name([*where, "unit_amount"]), "This value must be at least 0.")
        currency = check_currency(price["currency"], form_name([*where, "currency"]))
        currencies.add(currency)
        lines.append(_line(wish, price, currency, quantity))
    if len(currencies) > 1:
        raise refused_param("line_items", "All line items must have the same currency.")
    return currencies.pop(), lines


def _line(wish: dict[str, Any], price: dict[str, Any], currency: str, quantity: int) -> dict[str, Any]:
    amount = price["unit_amount"] * quantity
    return {
        "id": new_id("li_1"),
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": currency,
        "description": price["product_data"]["name"],
        "metadata": wish.get("metadata", {}),
        "price": {
            "id": new_id("price_1"),
            "object": "price",
            "active": False,
            "billing_scheme": "per_unit",
            "currency": currency,
            "livemode": False,
            "product": new_id("prod_", 14),
            "type": "one_time",
            "unit_amount": price["unit_amount"],
        },
        "quantity": quantity,
    }


def _method_types(params: dict[str, Any], currency: str) -> list[str]:
    """Cards, and the currency's bank debit, as far as the session allows them."""
    offered = ["card", *([cards.DEBIT_TYPES[currency]] if currency in cards.DEBIT_TYPES else [])]
    allowed = params.get("allowed_payment_method_types") or offered
    excluded = params.get("excluded_payment_method_types") or []
    types = [kind for kind in offered if kind in allowed and kind not in excluded]
    if not types:
        raise refused_param("allowed_payment_method_types", f"No valid payment method types for {currency}.")
    return types
