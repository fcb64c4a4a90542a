"""Kinds of messages and letters, and what a link opens."""

from __future__ import annotations

from collections.abc import Mapping


def N_(text: str) -> str:  # the name that pybabel looks for
    """Mark a text for translation where it is defined; `words.word` translates it where it is shown."""
    return text


COMMON_MESSAGE_KINDS: Mapping[str, str] = {
    "personal": N_("Personal message"),
    "callback_invitation": N_("Invitation to a call"),
    "contact_changed": N_("Address no longer on file"),
    "first_letter_strict": N_("First letter"),
    "formal_warning": N_("Formal warning"),
    "handover_notice": N_("Notice of hand-over"),
    "hardship_contact": N_("A way of paying that suits"),
    "official_letter": N_("Official letter"),
    "open_problem_contact": N_("Something is open: a person to talk to"),
    "own_terms_reminder": N_("Reminder of the agreed day"),
    "prepayment_due": N_("Prepayment not here yet"),
    "prepayment_expired": N_("Order no longer kept"),
    "prepayment_expiring": N_("Order kept until a last day"),
    "prepayment_reminder": N_("Order kept for them"),
    "counter_offer_accepted": N_("Their offer agreed"),
    "counter_offer_changed": N_("Another offer in answer to theirs"),
    "counter_offer_refused": N_("Their offer refused"),
    "offer_voided": N_("Their offer no longer applies"),
    "courtesy": N_("Courtesy note"),
    "credit_hold_placed": N_("Credit hold placed"),
    "credit_hold_released": N_("Credit hold released"),
    "dispute_answered": N_("Answer in a dispute"),
    "dispute_partly_upheld": N_("Dispute upheld in part"),
    "dispute_received": N_("Dispute received"),
    "dispute_refused": N_("Dispute refused"),
    "dispute_upheld": N_("Dispute upheld"),
    "due_today": N_("Due today"),
    "first_reminder": N_("First reminder"),
    "fresh_link": N_("Fresh link"),
    "instalment_due": N_("Instalment due"),
    "instalment_missed": N_("Instalment missed"),
    "card_refused": N_("Saved card refused"),
    "neutral_notice": N_("Neutral notice"),
    "offer_accepted": N_("Settlement agreed"),
    "offer_lapsed": N_("Settlement lapsed"),
    "offer_made": N_("Settlement offered"),
    "opt_out_confirmed": N_("Opt-out confirmed"),
    "paid_by_head_office": N_("Paid by the head office"),
    "payment_confirmation": N_("Payment confirmation"),
    "plan_activated": N_("Instalment plan active"),
    "plan_answered": N_("Answer to a request for a plan"),
    "promise_broken": N_("Promise not kept"),
    "promise_due_tomorrow": N_("Promise due tomorrow"),
    "promise_recorded": N_("Promise noted"),
    "refund_sent": N_("Refund sent"),
    "request_answered": N_("Request answered"),
    "one_time_code": N_("One-time code"),
    "invoice_forwarded": N_("Invoice forwarded"),
}

LETTER_KINDS: Mapping[str, str] = {
    "claim_letter": N_("Letter of claim"),
    "first_letter_strict": N_("First letter"),
    "formal_warning": N_("Formal warning"),
    "handover_notice": N_("Notice of hand-over"),
    "official_letter": N_("Official letter"),
}

#: Why a letter was taken out by itself; a person's words stand as they are.
LETTER_ENDS: Mapping[str, str] = {
    "day_past": N_("its day has passed"),
    "flagged": N_("nobody may write to this account"),
    "no_address": N_("no address"),
    "nothing_asked": N_("nothing is asked for any more"),
    "renewed": N_("written anew, the sum or day had changed"),
}

LETTER_ENCLOSURES: Mapping[str, str] = {
    "financial_statement": N_("Financial statement form"),
    "information_sheet": N_("Information sheet"),
    "reply_form": N_("Reply form"),
}

LINK_STATES: Mapping[str, str] = {
    "expired": N_("expired"),
    "live": N_("live"),
    "revoked": N_("ended"),
}

SCOPES: Mapping[str, str] = {
    "full": N_("full"),
    "one_invoice": N_("one invoice"),
    "view_and_pay": N_("view and pay"),
}
