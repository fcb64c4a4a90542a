"""Words of calls, visits and messengers, of reports of what goes wrong, and of what closed cases teach."""

from __future__ import annotations

from collections.abc import Mapping


def N_(text: str) -> str:  # the name that pybabel looks for
    """Mark a text for translation where it is defined; `words.word` translates it where it is shown."""
    return text


CALL_AUDIT: Mapping[str, str] = {
    "arrears.closed": N_("Case of arrears closed"),
    "arrears.lesson_added": N_("Lesson of a case written down"),
    "call.file_kept": N_("Recording or photo kept"),
}

#: How the timeline tells of talks besides calls of ours.
CALL_TIMELINE: Mapping[str, str] = {
    "call.came": N_("They rang us"),
    "messenger.came": N_("They wrote by messenger"),
    "messenger.wrote": N_("We wrote by messenger"),
    "visit.came": N_("They came to us"),
    "visit.made": N_("Visited"),
}

#: Beside those of the telephone.
MORE_CALL_OUTCOMES: Mapping[str, str] = {
    "call_again": N_("wants to be rung again at…"),
    "dead_number": N_("number not in service"),
    "left_note": N_("nobody met, card left"),
    "moved_away": N_("not there any more"),
    "nobody_there": N_("nobody there"),
    "pays_now": N_("pays now"),
}

#: What an outcome asks for or leads to, one short line each.
CALL_LEADS: Mapping[str, str] = {
    "call_again": N_("needs the day and hour below"),
    "dead_number": N_("number marked, counts as “not found”"),
    "disputed": N_("needs the invoice below"),
    "hardship": N_("parts, or a person looks at it"),
    "moved_away": N_("next: look the address up"),
    "pays_now": N_("send the link while you talk"),
    "promised": N_("needs amount and day below"),
    "refused": N_("evidence for “no agreement”"),
    "says_paid": N_("note the day and the reference"),
    "voicemail": N_("no amount, nothing about the debt"),
    "wrong_number": N_("number marked, counts as “not found”"),
}

SPOKEN: Mapping[str, str] = {
    "messenger": N_("Messenger"),
    "phone": N_("Telephone"),
    "visit": N_("Visit"),
}

NEXT_ACTIONS: Mapping[str, str] = {
    "ask_inside": N_("Ask inside the house"),
    "call": N_("Ring again"),
    "check_payment": N_("Check whether it came"),
    "ladder": N_("Nothing of ours: the ladder goes on"),
    "send_papers": N_("Send papers"),
    "visit": N_("Go there, or look the address up"),
}

CANNOT: Mapping[str, str] = {
    "person": N_("Give the case to a person; nobody is chased meanwhile"),
    "plan": N_("Agree on parts within “You may offer”"),
}

#: Why a recording may be kept, as a collector states it.
RECORDING_BASES: Mapping[str, str] = {
    "all_party": N_("Everybody agreed, said on the recording"),
    "announced": N_("Announced at the start, and they went on"),
    "one_party": N_("We are a party of the talk"),
}

#: What a country needs.
RECORDING_NEEDS: Mapping[str, str] = {
    "all_party": N_("everybody has to agree"),
    "announced": N_("it has to be announced"),
    "none": N_("no recording is kept"),
    "one_party": N_("one party’s knowledge is enough"),
}

VISIT_CHECKS: Mapping[str, str] = {
    "amount_in_private": N_("The amount was named to that person only"),
    "asked_for_payment": N_("Payment, or a day for it, was asked for"),
    "asked_what_stops": N_("Asked what stands in the way"),
    "left_card": N_("A card was left, without a word about the debt"),
    "no_pressure": N_("We left when asked to"),
    "right_person": N_("The person is the one on file"),
    "said_who": N_("Said who we are, and showed it"),
}

#: What debtors answered in the portal, as staff say it.
ANSWER_REASONS: Mapping[str, str] = {
    "forgot": N_("forgot it"),
    "have_paid": N_("says it is paid already"),
    "missing_document": N_("a document is missing"),
    "needs_approval": N_("waits for an approval at their side"),
    "not_all": N_("cannot pay all of it now"),
    "not_me": N_("is not the right person"),
    "on_a_date": N_("pays on a day"),
    "someone_else": N_("somebody else pays"),
    "tax_withheld": N_("tax was withheld"),
    "wrong_invoice": N_("the invoice is wrong"),
    "hardship": N_("is in difficulty"),
}

PROBLEM_BY: Mapping[str, str] = {
    "account": N_("Account"),
    "product": N_("Product"),
    "reason": N_("Reason"),
    "salesperson": N_("Salesperson"),
}

#: How cases of arrears ended.
ARREARS_ENDS: Mapping[str, str] = {
    "credited": N_("credited or put off"),
    "paid": N_("paid"),
    "written_off": N_("written off"),
}

#: What worked besides talks, messages and letters.
WORKED: Mapping[str, str] = {
    "offer": N_("a settlement was signed"),
    "plan": N_("a plan was signed"),
}

CALL_REFUSALS: Mapping[str, str] = {
    "month_without_parts": N_("An amount a month goes with parts: choose parts, or leave it empty."),
    "already_answered": N_("This was answered once; new evidence reopens that dispute."),
    "amount_above_open": N_("This is more than is open on the invoice."),
    "amount_below_least": N_("This is less than the rules take for a promise."),
    "cannot_missing": N_("Say whether parts are agreed on, or a person takes the case."),
    "check_unknown": N_("This is not on the checklist."),
    "day_beyond": N_("This day is beyond the days that may be promised."),
    "day_off": N_("Banks do not work on this day."),
    "dispute_missing": N_("A dispute needs its invoice and what is wrong with it."),
    "in_arrangement": N_("The invoice is in a plan or an offer."),
    "invoice_paid": N_("The invoice is paid."),
    "next_call_needed": N_("They asked to be rung again: say when."),
    "next_missing": N_("Say what comes next, and when. A talk without a next step is forgotten."),
    "nothing_to_promise": N_("Nothing is asked for in this currency."),
    "nothing_to_question": N_("Nothing is open on this invoice that could be disputed."),
    "number_too_long": N_("This is too long for a number or a name."),
    "photo_not_a_visit": N_("Photos belong to a visit."),
    "photos_many": N_("These are more photos than a visit may have."),
    "promise_changed_before": N_("The promise was changed once already; a person decides on another."),
    "promise_missing": N_("A promise needs its amount and its day."),
    "promise_over": N_("This promise has ended."),
    "recording_basis_missing": N_("Say why the recording may be kept; without that it is not."),
    "recording_basis_short": N_("In this country that is not enough to keep a recording."),
    "recording_none": N_("In this country no recording is kept."),
    "recording_not_a_call": N_("A recording belongs to a telephone call."),
    "sound_kind": N_("This is not a recording that can be kept: MP3, WAV, M4A, OGG or AMR."),
}
