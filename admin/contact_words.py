"""Why a debtor may be written to or rung up or not, what a call came to, and what came in from outside."""

from __future__ import annotations

from collections.abc import Mapping


def N_(text: str) -> str:  # the name that pybabel looks for
    """Mark a text for translation where it is defined; `words.word` translates it where it is shown."""
    return text


PURPOSES: Mapping[str, str] = {
    "answer": N_("Answer"),
    "arrangement": N_("Notice of an arrangement"),
    "code": N_("Code"),
    "fresh_link": N_("Fresh link"),
    "opt_out_confirmed": N_("Opt-out confirmed"),
    "receipt": N_("Receipt"),
    "reminder": N_("Reminder"),
}

#: Why a message was not sent, or would not be.
REASONS: Mapping[str, str] = {
    "already_today": N_("already reminded today"),
    "bounced": N_("bounced"),
    "cap:all": N_("contacted as often as the rules of this place allow"),
    "cap:calls": N_("called as often as the rules of this place allow"),
    "cap:email": N_("as many e-mails as the rules of this place allow"),
    "cap:sms": N_("as many SMS as the rules of this place allow"),
    "carrier_refused": N_("refused by the carrier"),
    "contact_inactive": N_("the contact is no longer active"),
    "dead_address": N_("the address does not work"),
    "flag:attorney": N_("represented by an attorney"),
    "flag:bankruptcy": N_("insolvent"),
    "flag:breathing_space": N_("breathing space"),
    "flag:cease_request": N_("asked us not to write"),
    "flag:deceased": N_("deceased"),
    "flag:legal_hold": N_("legal hold: nothing is deleted"),
    "flag:mental_health_crisis": N_("in a mental-health crisis"),
    "flag:minor": N_("a minor"),
    "flag:vulnerability": N_("vulnerable: a person looks first"),
    "flag:wrong_party": N_("wrong party"),
    "given_up": N_("given up after too many tries"),
    "message_incomplete": N_("something in the text was missing"),
    "needs_opt_in": N_("the rules of this place ask for consent first"),
    "no_calls": N_("asked us not to ring"),
    "no_address": N_("no address"),
    "taken_back": N_("taken back before it left"),
    "not_allowed_here": N_("this installation may not write to this address"),
    "nothing_due": N_("nothing is due any more"),
    "opted_out": N_("opted out"),
    "outside_hours": N_("outside the hours"),
    "paused:awaiting_our_answer": N_("paused: waits for our answer"),
    "paused:chargeback": N_("paused: chargeback open"),
    "paused:debit_processing": N_("paused: a bank debit is on its way"),
    "paused:dispute": N_("paused: in dispute"),
    "paused:document_requested": N_("paused: waits for a document from us"),
    "paused:offer": N_("paused: a settlement offer stands"),
    "paused:plan": N_("paused: instalment plan"),
    "paused:promise": N_("paused: promise to pay"),
    "paused:sales_talk": N_("paused: sales talks with them"),
    "paused:says_paid": N_("paused: says it is paid"),
    "paused:their_approval": N_("paused: waits for an approval on his side"),
    "paused:withholding": N_("paused: tax withheld, certificate to be checked"),
    "paused:wrong_contact": N_("paused: not the right person"),
    "quiet_after_talk": N_("spoken to within the last days"),
    "sending_stopped": N_("all sending is stopped"),
    "unknown_zone": N_("nobody knows which hours are theirs"),
    "code_over": N_("the code came too late"),
    "colleague_only": N_("a colleague with one invoice only"),
    "other_channel": N_("wants another channel"),
}

#: Groups of reasons in the filter of what was not sent.
REASON_GROUPS: Mapping[str, str] = {
    "cap:": N_("any limit of how often"),
    "flag:": N_("any fact about the debtor"),
    "paused:": N_("any pause"),
}

FLAGS: Mapping[str, str] = {
    key.removeprefix("flag:"): text for key, text in REASONS.items() if "flag:" in key
}

CHANNELS: Mapping[str, str] = {"email": N_("E-mail"), "sms": N_("SMS"), "staff": N_("Taken by staff")}

#: Why nothing comes next for a document, beside pauses and flags.
WAITS: Mapping[str, str] = {
    "bank_lines": N_("the bank’s lines are behind"),
    "no_due_date": N_("it has no due date"),
    "nothing_asked": N_("nothing of it is asked for now"),
    "top": N_("it stands on the last rung"),
}

#: How a document met a rung.
MET: Mapping[str, str] = {
    "acted": N_("done"),
    "joined": N_("told with another document"),
    "passed": N_("passed over"),
}

#: What came of a call.
COMMON_CALL_OUTCOMES: Mapping[str, str] = {
    "asked_for_time": N_("asked for time"),
    "busy": N_("busy"),
    "disputed": N_("says that something is wrong"),
    "hardship": N_("cannot pay at the moment"),
    "no_answer": N_("nobody answered"),
    "promised": N_("promised to pay"),
    "refused": N_("refuses to pay"),
    "says_paid": N_("says it is paid"),
    "talked": N_("talked, nothing was agreed"),
    "unreachable": N_("switched off or out of reach"),
    "voicemail": N_("voicemail"),
    "wrong_number": N_("not their number"),
}

INBOUND_KINDS: Mapping[str, str] = {
    "automatic": N_("Automatic answer"),
    "bounce": N_("Came back"),
    "reply": N_("Reply"),
    "status": N_("Word of the SMS carrier"),
}

#: What a rule made of a message from outside.
INBOUND_OUTCOMES: Mapping[str, str] = {
    "bounced": N_("came back for now"),
    "dead": N_("no such address"),
    "delayed": N_("delayed, still tried"),
    "delivered": N_("arrived"),
    "no_calls": N_("wants no calls: obeyed"),
    "noted": N_("noted"),
    "start": N_("wants reminders again: obeyed"),
    "stop": N_("wants no reminders: obeyed"),
    "stop_and_ask": N_("asks to stop and more: obeyed, a person reads it"),
    "task": N_("a person reads it"),
    "unknown_sender": N_("nobody on file"),
    "unmatched": N_("fits no message of ours"),
}

INBOUND_SHOWS: Mapping[str, str] = {
    "all": N_("All"),
    "asked": N_("About being written to"),
    "automatic": N_("Automatic"),
    "bounces": N_("Came back"),
    "replies": N_("Replies"),
    "unmatched": N_("Nobody on file"),
}
