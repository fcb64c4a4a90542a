"""Ladders, their rungs, and what a step does and asks for."""

from __future__ import annotations

from collections.abc import Mapping


def N_(text: str) -> str:  # the name that pybabel looks for
    """Mark a text for translation where it is defined; `words.word` translates it where it is shown."""
    return text


#: Rungs of the ladders that ship; a published ladder may name others, which stand for themselves.
RUNGS: Mapping[str, str] = {
    "courtesy": N_("Courtesy note"),
    "due_today": N_("Due today"),
    "first_reminder": N_("First reminder"),
    "call": N_("Call"),
    "official_letter": N_("Official letter"),
    "sales": N_("Sales asked"),
    "freeze_review": N_("Credit hold considered"),
    "formal_warning": N_("Formal warning"),
    "last_offer": N_("Last offer"),
    "hand_over": N_("Hand-over"),
    "counsel": N_("Papers to counsel"),
    "expires": N_("Order no longer kept"),
    "expiring": N_("Order kept until a last day"),
}

#: Rungs that a salesperson hears of before they act.
COMMON_NOTICE_RUNGS: Mapping[str, str] = {
    "formal_warning": N_("Formal warning"),
    "freeze_review": N_("Credit hold to be decided"),
    "hand_over": N_("Hand-over"),
}

LADDERS: Mapping[str, str] = {
    "gentle": N_("Gentle"),
    "strict": N_("Strict"),
    "prepayment": N_("Prepayments"),
}

#: Where something to compare comes from.
LADDER_SOURCES: Mapping[str, str] = {
    "in_force": N_("in force"),
    "planned": N_("planned"),
    "past": N_("earlier version"),
    "proposal": N_("proposed"),
    "shipped": N_("as shipped"),
    "version": N_("other version"),
}

LADDER_MODES: Mapping[str, str] = {
    "propose": N_("Proposes only"),
    "pilot": N_("Pilot group by itself"),
    "live": N_("By itself"),
}

#: What a rung does, in a table of rungs.
RUNG_ACTS: Mapping[str, str] = {
    "call": N_("Call"),
    "expire": N_("The order is no longer kept"),
    "fee": N_("Late fee, where policy and contract allow one"),
    "hand_over": N_("Hand-over"),
    "hold": N_("Credit hold proposed"),
    "interest": N_("Interest, where policy and contract allow it"),
    "letter": N_("Letter"),
    "management": N_("Task for management"),
    "message": N_("Message"),
    "offer": N_("Settlement or plan proposed"),
    "sales": N_("Task for the salesperson"),
}

GATES: Mapping[str, str] = {
    "none": N_("nobody"),
    "collector": N_("a collector"),
    "supervisor": N_("a supervisor"),
}

#: What a call is about, as rungs name it.
CALL_SCRIPTS: Mapping[str, str] = {
    "due_today": N_("due today"),
    "prepayment": N_("the order that waits"),
    "promise": N_("payment today, or a promise with its date"),
}

#: What came of a step, beside what it did.
STEP_OUTCOMES: Mapping[str, str] = {
    "ceiling": N_("the day’s messages are used up"),
    "over": N_("nothing is asked for any more"),
}
