"""Words of promises, plans, kinds of debtor and sales at the desk."""

from __future__ import annotations

from collections.abc import Mapping


def N_(text: str) -> str:  # the name that pybabel looks for
    """Mark a text for translation where it is defined; `words.word` translates it where it is shown."""
    return text


SALES_TABLES: Mapping[str, Mapping[str, str]] = {
    "promise_show": {
        "due": N_("Due today"),
        "risk": N_("At risk"),
        "broken": N_("Not kept"),
        "open": N_("All that are open"),
    },
    "promise_risk": {
        "soon_after_broken": N_("nothing begun, and one was not kept before"),
        "in_grace": N_("its day has passed"),
    },
    "plan_show": {
        "due": N_("A part due today"),
        "risk": N_("At risk"),
        "broken": N_("Stopped"),
        "signature": N_("To be signed"),
        "running": N_("All that run"),
    },
    "plan_risk": {
        "missed_part": N_("a part did not come"),
        "card_ends": N_("the card ends or is gone"),
        "card_refused": N_("the card was refused"),
    },
    "plan_state": {
        "active": N_("runs"),
        "awaiting_approval": N_("with a second person"),
        "defaulted": N_("stopped"),
        "proposed": N_("to be signed"),
    },
    "every": {
        "week": N_("every week"),
        "fortnight": N_("every two weeks"),
        "month": N_("every month"),
    },
    "sales_credit": {
        "ok": N_("deliver"),
        "watch": N_("ask before you promise"),
        "hold": N_("no delivery on credit"),
    },
}

SALES_AUDIT: Mapping[str, str] = {
    "plan.cancelled": N_("Instalment plan ended by the desk or replaced"),
    "plan.offered": N_("Instalment plan sent to be signed"),
    "task_link.issued": N_("Link to answer a task sent"),
}

SALES_TIMELINE: Mapping[str, str] = {
    "plan.cancelled": N_("We ended a plan"),
    "plan.offered": N_("We proposed a plan in parts"),
    "plan.replaced": N_("A new plan took the place of the old one"),
}

SALES_MESSAGE_KINDS: Mapping[str, str] = {
    "plan_cancelled": N_("Instalment plan ended"),
    "plan_proposed": N_("Instalment plan to be signed"),
}

SALES_REFUSALS: Mapping[str, str] = {
    "every_unknown": N_("Choose how often."),
    "plan_nothing_open": N_("Nothing is free for a plan: it is disputed, on its way or arranged already."),
    "plan_parts_few": N_("A plan has at least two parts."),
    "plan_parts_many": N_("Nobody here may approve so many parts."),
    "plan_part_too_small": N_("The parts are too small to be paid by card."),
    "plan_part_too_large": N_("The parts are too large to be paid by card."),
    "plan_date_past": N_("The first day has passed."),
    "plan_date_far": N_("The first day is too far ahead."),
    "plan_waits": N_("A plan for this account waits for a second person already."),
    "promise_over": N_("It was kept, broken or replaced meanwhile."),
    "proposal_none": N_("Tick at least one account."),
    "proposals_changed": N_("Something was decided or proposed anew meanwhile. Look at the list again."),
    "person_one_by_one": N_("A private person is decided on one by one."),
}
