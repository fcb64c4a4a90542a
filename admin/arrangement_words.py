"""Offers, plans and requests: what waits, who made it, where it stands."""

from __future__ import annotations

from collections.abc import Mapping


def N_(text: str) -> str:  # the name that pybabel looks for
    """Mark a text for translation where it is defined; `words.word` translates it where it is shown."""
    return text


#: What waits for a second person.
COMMON_APPROVALS: Mapping[str, str] = {
    "counter_offer": N_("Their own offer"),
    "offer": N_("Settlement offer"),
    "plan": N_("Plan beyond the rules"),
    "withholding": N_("Tax withheld"),
}

#: What reduced an invoice.
COMMON_MOVEMENTS: Mapping[str, str] = {
    "credit_note": N_("Credit note"),
    "early_payment_discount": N_("Discount for early payment"),
    "payment": N_("Payment"),
    "settlement_discount": N_("Written off by settlement"),
    "small_difference": N_("Small difference let go"),
    "withholding_tax": N_("Tax withheld"),
}

OFFER_MAKERS: Mapping[str, str] = {
    "debtor": N_("the debtor"),
    "rule": N_("the rules"),
    "staff": N_("the desk"),
}

OFFER_STATES: Mapping[str, str] = {
    "accepted": N_("accepted, not paid yet"),
    "awaiting_approval": N_("awaiting approval"),
    "declined": N_("declined"),
    "draft": N_("draft"),
    "expired": N_("expired"),
    "lapsed": N_("lapsed"),
    "open": N_("open"),
    "refused": N_("refused"),
    "reopened": N_("undone"),
    "settled": N_("settled"),
    "superseded": N_("superseded"),
    "voided": N_("void"),
    "withdrawn": N_("withdrawn"),
}

PLAN_OUTSIDE: Mapping[str, str] = {
    "later_start": N_("The first part is later than the rules give."),
    "more_parts": N_("More or smaller parts than the rules give."),
}

REQUEST_KINDS: Mapping[str, str] = {
    "document": N_("Asks for a document"),
    "other_contact": N_("Not the right person"),
    "payment_claim": N_("Says it is paid"),
    "withholding": N_("Deducted tax at source"),
}

#: What is missing, or how it was paid.
REQUEST_WHAT: Mapping[str, str] = {
    "bank_details": N_("bank details"),
    "card": N_("card"),
    "cash": N_("cash"),
    "cheque": N_("cheque"),
    "delivery_note": N_("delivery note"),
    "invoice_copy": N_("copy of the invoice"),
    "order_number": N_("order number"),
    "other": N_("other"),
    "transfer": N_("transfer"),
}
