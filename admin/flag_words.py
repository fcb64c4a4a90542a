"""What facts about an account mean and what is done about each, for who records one."""

from __future__ import annotations

from collections.abc import Mapping


def N_(text: str) -> str:  # the name that pybabel looks for
    """Mark a text for translation where it is defined; `words.word` translates it where it is shown."""
    return text


#: Instead of a fact that this reader may not know by name.
GUARDED_FACT = N_("a fact that forbids contact")

FLAG_MEANS: Mapping[str, str] = {
    "attorney": N_("A lawyer speaks for the debtor. Write to the lawyer, not past him."),
    "bankruptcy": N_("Insolvency proceedings are open. Only what the law asks for may be sent, by a person."),
    "breathing_space": N_(
        "The law gives time without contact, interest or enforcement, from its first day to its last."
    ),
    "cease_request": N_("The debtor asked us to stop writing and ringing about the debt."),
    "deceased": N_("The debtor has died. Links end at once; heirs are written to by a person."),
    "legal_hold": N_("Papers are needed for a court or an authority. Nothing is deleted; all else goes on."),
    "mental_health_crisis": N_(
        "The debtor is under treatment in a crisis. It lasts as long as the treatment, and the law adds days."
    ),
    "minor": N_("The debtor is not of age. Links end at once; a person finds out who stands for him."),
    "vulnerability": N_("Illness, loss or the like. A person looks first before anything is sent or asked."),
    "wrong_party": N_("Whom we write to is not who owes. Links end at once; find out who is."),
}

#: What the suppression matrix says of an act.
MATRIX_WORDS: Mapping[str, str] = {
    "allowed": N_("allowed"),
    "blocked": N_("blocked"),
    "task": N_("a person first"),
}

#: Acts of the suppression matrix that the page shows.
MATRIX_ACTS: Mapping[str, str] = {
    "call": N_("Calls"),
    "charges": N_("Interest and fees"),
    "escalate": N_("Hold and hand-over"),
    "reminder": N_("Reminders"),
}

#: Why a fact was not recorded or ended as asked.
FLAG_REFUSALS: Mapping[str, str] = {
    "flag_day_range": N_("This day cannot be right; days from 2000 to 2100 are taken."),
    "flag_end_missing": N_("A breathing space has a last day. Say when it ends."),
    "flag_end_past": N_("It can end today or later, and not before its own first day."),
    "flag_from_far": N_("This is more than a year ahead."),
    "flag_from_future": N_("This day is still to come; only a breathing space is known before it begins."),
    "flag_over": N_("It is over already; somebody was faster."),
    "flag_source_missing": N_("Say who said so, or which letter."),
    "flag_stands": N_("This stands on the account already for some of these days."),
    "flag_to_before_from": N_("It must end after its first day."),
    "flag_unknown": N_("Choose one of the facts."),
}
