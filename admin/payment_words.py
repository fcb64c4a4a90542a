"""What becomes of payments on their way, in words."""

from __future__ import annotations

from collections.abc import Mapping


def N_(text: str) -> str:  # the name that pybabel looks for
    """Mark a text for translation where it is defined; `words.word` translates it where it is shown."""
    return text


PAYMENT_TASKS: Mapping[str, str] = {
    "recovered_money": N_("Money came for what was written off"),
}

PAYMENT_TASK_ADVICE: Mapping[str, str] = {
    "recovered_money": N_("It is booked as recovered. Correct its tax in your books, and close its file."),
}

#: Kinds of messages.
PAYMENT_MESSAGES: Mapping[str, str] = {
    "debit_failed": N_("Bank debit not carried out"),
}
