"""Kinds of debtor, moves between them, and what sales reports."""

from __future__ import annotations

from collections.abc import Mapping


def N_(text: str) -> str:  # the name that pybabel looks for
    """Mark a text for translation where it is defined; `words.word` translates it where it is shown."""
    return text


SEGMENTS: Mapping[str, str] = {
    "hardship": N_("cannot pay in full now"),
    "no_agreement": N_("no agreement"),
    "open_problem": N_("has an open problem"),
    "own_terms": N_("pays on own terms"),
    "reminder": N_("needs a reminder"),
    "untraceable": N_("cannot be found"),
}

#: What the treatment of a segment begins with; the next move that the desk suggests.
SEGMENT_MOVES: Mapping[str, str] = {
    "hardship": N_("Agree on a plan or a smaller sum; no new credit without a look at it."),
    "no_agreement": N_(
        "Place on hold, bring in sales and management, warn formally, hand over before day 120."
    ),
    "open_problem": N_("Solve the dispute first, by a person; then ask for payment at once."),
    "own_terms": N_("Agree on terms that follow the habit, and look at what they cost."),
    "reminder": N_("Write in a friendly way with a link; ring only above the threshold."),
    "untraceable": N_("Trace first: register, visit, another address; then hand over at once."),
}

SALES_OUTCOMES: Mapping[str, str] = {
    "needs_time": N_("Needs time"),
    "not_reached": N_("Not reached"),
    "problem": N_("Something is wrong on our side"),
    "refuses": N_("Does not want to pay"),
    "will_pay": N_("Will pay"),
}
