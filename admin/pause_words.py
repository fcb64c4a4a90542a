"""Words of pauses placed by hand: the reasons to choose from, refusals, the timeline."""

from __future__ import annotations

from collections.abc import Mapping


def N_(text: str) -> str:  # the name that pybabel looks for
    """Mark a text for translation where it is defined; `words.word` translates it where it is shown."""
    return text


#: Why, as the desk chooses it.
PAUSE_CAUSES: Mapping[str, str] = {
    "awaiting_our_answer": N_("We owe them an answer"),
    "document_requested": N_("They wait for a document from us"),
    "says_paid": N_("They say it is paid"),
    "their_approval": N_("It waits for an approval on their side"),
    "withholding": N_("Tax was withheld; the certificate is to come"),
}
#: What ends a pause that nobody placed by hand.
PAUSE_ENDS: Mapping[str, str] = {
    "awaiting_our_answer": N_("ends with our answer"),
    "chargeback": N_("ends with the chargeback"),
    "debit_processing": N_("ends when the bank has spoken"),
    "dispute": N_("ends when the dispute is answered"),
    "document_requested": N_("ends when the request is answered"),
    "offer": N_("ends with the offer"),
    "plan": N_("ends with the plan"),
    "promise": N_("ends with the promise"),
    "sales_talk": N_("ends by itself"),
    "says_paid": N_("ends by itself, or when the request is answered"),
    "their_approval": N_("ends by itself"),
    "withholding": N_("ends when the request is answered"),
    "wrong_contact": N_("ends when the request is answered"),
}
PAUSE_REFUSALS: Mapping[str, str] = {
    "pause_day_late": N_("The rules do not give so many days for this reason; the last one is filled in."),
    "pause_invoices_missing": N_("Tick the invoices it is about."),
    "pause_over": N_("This pause has ended already."),
    "pause_reason_unknown": N_("Choose why it stands still."),
    "pause_stands": N_(
        "It stands still for this reason already. End that pause first, or choose other invoices."
    ),
    "pause_used": N_(
        "This reason has had its days here. Choose the invoices it is about, or another reason that is true."
    ),
}
PAUSE_TIMELINE: Mapping[str, str] = {
    "pause.ended_early": N_("Pause ended early"),
    "pause.placed": N_("Pause placed by hand"),
}
