"""What the worklist and the keyboard are called: reasons, acts, factors, refusals."""

from __future__ import annotations

from collections.abc import Mapping


def N_(text: str) -> str:  # the name that pybabel looks for
    """Mark a text for translation where it is defined; `words.word` translates it where it is shown."""
    return text


WORKLIST_AUDIT: Mapping[str, str] = {
    "assignment.begun": N_("Another collector took over"),
    "assignment.ended": N_("Account given back to its collector"),
    "assignment.made": N_("Account given to another collector"),
    "worklist.bulk": N_("One act on many accounts"),
    "worklist.bulk_undone": N_("One act on many accounts undone"),
    "worklist.claimed": N_("Account claimed"),
    "worklist.released": N_("Claim of an account ended"),
    "worklist.skip_undone": N_("Skip of an account undone"),
    "worklist.skipped": N_("Account skipped"),
}

WORKLIST_TIMELINE: Mapping[str, str] = {
    "worklist.assigned": N_("Another collector took over"),
    "worklist.given_back": N_("Given back to the collector"),
    "worklist.skipped": N_("Left for another day"),
}

WORKLIST_REFUSALS: Mapping[str, str] = {
    "claimed_already": N_("Somebody else works on this account now."),
    "day_missing": N_("Choose a day."),
    "days_reversed": N_("The last day is before the first."),
    "key_taken": N_("Two acts would have this key."),
    "key_unusable": N_("Choose one letter from a to z."),
    "lent_already": N_("This account is lent to a colleague already."),
    "not_chasing": N_("Choose a colleague who chases."),
    "not_yours": N_("This account is another collector’s; a supervisor reassigns it."),
    "note_missing": N_("Write what your colleague should know."),
    "nothing_chosen": N_("No account was ticked."),
    "nothing_leaves": N_("Nothing would leave today."),
    "reminded_already": N_("A reminder was queued today already."),
    "same_collector": N_("This person collects it already."),
    "too_many": N_("These are too many accounts at once."),
}

#: Why an account is left for another day.
SKIP_REASONS: Mapping[str, str] = {
    "asked_later": N_("asked to be called later"),
    "waits_colleague": N_("waits for a colleague"),
    "waits_papers": N_("waits for papers"),
    "wrong_collector": N_("belongs to another collector"),
    "other": N_("another reason, see the note"),
}

BULK_KINDS: Mapping[str, str] = {
    "reassign": N_("Reassign, with a note"),
    "remind": N_("Send a reminder"),
    "put_off": N_("Put off to a day"),
}

#: What undoing came to at one account.
BULK_UNDONE: Mapping[str, str] = {
    "changed_since": N_("changed since, left as it is"),
    "left": N_("had left already"),
    "partly_left": N_("some had left already"),
    "undone": N_("undone"),
}

#: Factors of the arithmetic; those of a kind of debtor are worded by it.
FACTORS: Mapping[str, str] = {
    "bank_behind": N_("bank’s lines behind"),
    "bounced": N_("message came back"),
    "bound": N_("a fact that binds us"),
    "call_back": N_("asked for a call"),
    "dispute_settled": N_("dispute just answered"),
    "on_hold": N_("credit hold"),
    "plan_missed": N_("instalment missed"),
    "promise_broken": N_("broken promise"),
    "promise_due": N_("promise due"),
    "promise_open": N_("promise open"),
    "reply": N_("unread reply"),
    "says_paid": N_("says it is paid"),
    "spoken_lately": N_("spoken to lately"),
    "tried_lately": N_("rung lately"),
    "visited": N_("opened the link lately"),
}

#: How late the oldest document is, in the filter.
AGES: Mapping[str, str] = {
    "1-30": N_("1 to 30 days"),
    "31-60": N_("31 to 60 days"),
    "61-90": N_("61 to 90 days"),
    "91-": N_("Over 90 days"),
}

SORTS: Mapping[str, str] = {
    "risk": N_("At risk a day"),
    "amount": N_("Amount"),
    "age": N_("Age"),
    "next": N_("Next action"),
}

#: What a key does.
KEY_ACTS: Mapping[str, str] = {
    "approve": N_("To the button that approves; Enter confirms"),
    "call": N_("Call"),
    "find": N_("Find"),
    "go": N_("Go, then the letter beside a page of the rail"),
    "help": N_("This list"),
    "hold": N_("Credit hold"),
    "message": N_("Message"),
    "next": N_("Next account or row"),
    "note": N_("Note"),
    "offer": N_("Offer"),
    "open": N_("Claim and open"),
    "pause": N_("Pause"),
    "plan": N_("Plan"),
    "previous": N_("Previous account or row"),
    "promise": N_("Promise"),
    "skip": N_("Skip with a reason"),
}

WORKLIST_TABLES: Mapping[str, Mapping[str, str]] = {
    "bulk_kind": BULK_KINDS,
    "bulk_undone": BULK_UNDONE,
    "factor": FACTORS,
    "key_act": KEY_ACTS,
    "skip_reason": SKIP_REASONS,
    "worklist_age": AGES,
    "worklist_sort": SORTS,
}
