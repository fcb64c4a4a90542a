"""Customers: made and changed through the API, or made by a page that saves a card."""

from __future__ import annotations

from typing import Any

from sandbox.stripe.events import new_id, tell
from sandbox.stripe.store import Unit

FIELDS = (
    "address",
    "description",
    "email",
    "metadata",
    "name",
    "phone",
    "preferred_locales",
    "shipping",
    "tax_exempt",
)


def create(unit: Unit, fields: dict[str, Any]) -> dict[str, Any]:
    """Makes a customer with the fields given."""
    customer_id = new_id("cus_", 14)
    customer: dict[str, Any] = {
        "id": customer_id,
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": unit.now,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "email": None,
        "invoice_prefix": customer_id[-8:].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }
    unit.put(customer | fields)
    tell(unit, "customer.created", customer | fields)
    return customer | fields


def update(unit: Unit, customer: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    """Changes the fields given; metadata is merged, an empty string clears."""
    for name in FIELDS:
        if name == "metadata" and params.get("metadata"):
            merged = customer["metadata"] | params["metadata"]
            customer["metadata"] = {key: text for key, text in merged.items() if text != ""}
        elif name in params:
            customer[name] = params[name] or ({} if name == "metadata" else None)
    unit.put(customer)
    tell(unit, "customer.updated", customer, {})
    return customer
