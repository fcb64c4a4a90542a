"""Agencies and lawyers, and the legal step before a case is handed over."""

from __future__ import annotations

from collections.abc import Mapping


def N_(text: str) -> str:  # the name that pybabel looks for
    """Mark a text for translation where it is defined; `words.word` translates it where it is shown."""
    return text


HANDLER_KINDS: Mapping[str, str] = {
    "agency": N_("Collection agency"),
    "lawyer": N_("Law firm"),
}

#: Letters that come before a hand-over, and what of them is missing.
LEGAL_STEPS: Mapping[str, str] = {
    "claim_letter": N_("Letter of claim"),
    "formal_warning": N_("Formal warning"),
}

LEGAL_MISSING: Mapping[str, str] = {
    "not_enclosed": N_("posted without what has to lie in it"),
    "not_posted": N_("not posted yet"),
    "returned": N_("came back"),
    "waits": N_("posted; enough only from"),
}

RECEIVERS: Mapping[str, str] = {"agency": N_("to an agency"), "counsel": N_("to counsel")}
