"""What happens to saved cards without anybody's act here, in words."""

from __future__ import annotations

from collections.abc import Mapping


def N_(text: str) -> str:  # the name that pybabel looks for
    """Mark a text for translation where it is defined; `words.word` translates it where it is shown."""
    return text


CARD_AUDIT: Mapping[str, str] = {
    "card.renewed": N_("Saved card renewed by its bank"),
}

#: On the timeline of an account.
CARD_EVENTS: Mapping[str, str] = {
    "card.renewed": N_("The bank renewed a saved card"),
}

#: Kinds of messages.
CARD_MESSAGES: Mapping[str, str] = {
    "card_ends": N_("Saved card about to end"),
    "card_gone": N_("Saved card gone"),
}
