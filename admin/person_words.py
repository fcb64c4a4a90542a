"""Who is who: people of the desk, debtors, contacts, and who collects for whom."""

from __future__ import annotations

from collections.abc import Mapping


def N_(text: str) -> str:  # the name that pybabel looks for
    """Mark a text for translation where it is defined; `words.word` translates it where it is shown."""
    return text


ROLES: Mapping[str, str] = {
    "accountant": N_("Accountant"),
    "admin": N_("Administrator"),
    "auditor": N_("Auditor"),
    "collector": N_("Collector"),
    "salesperson": N_("Salesperson"),
    "supervisor": N_("Supervisor"),
}

DEBTOR_TYPES: Mapping[str, str] = {
    "business": N_("business"),
    "private_person": N_("private person"),
    "sole_trader": N_("sole trader"),
}

CONTACT_ROLES: Mapping[str, str] = {
    "approves": N_("approves"),
    "legal": N_("legal"),
    "owner": N_("owner"),
    "pays": N_("pays"),
}

#: Who collects, towards whom the rules of contact are.
COLLECTOR_ROLES: Mapping[str, str] = {
    "debt_buyer": N_("a buyer of debts"),
    "first_party": N_("the seller"),
    "third_party": N_("a collector for others"),
}
