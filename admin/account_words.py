"""What the account page calls codes: its audit, its tasks, what follows a step, its refusals, its choices."""

from __future__ import annotations

from collections.abc import Mapping


def N_(text: str) -> str:  # the name that pybabel looks for
    """Mark a text for translation where it is defined; `words.word` translates it where it is shown."""
    return text


ACCOUNT_AUDIT: Mapping[str, str] = {
    "account.pay_run_kept": N_("Pay days kept"),
    "account.viewed_as_debtor": N_("Account looked at as the debtor"),
    "account_file.added": N_("File put to an account by the desk"),
    "account_note.corrected": N_("Note corrected"),
    "account_note.written": N_("Note written"),
    "credit_limit.set": N_("Credit limit set or taken away"),
    "message.written": N_("Message written by a person"),
    "orders.told": N_("Orders not invoiced yet noted"),
    "snippet.kept": N_("Snippet kept"),
    "snippet.put_away": N_("Snippet put away"),
}

ACCOUNT_TASKS: Mapping[str, str] = {
    "follow_up": N_("Look again, as noted"),
    "mention": N_("A colleague is asked in a note"),
}
ACCOUNT_TASK_ADVICE: Mapping[str, str] = {
    "follow_up": N_("Look whether what was to come has come, and note what you found."),
    "mention": N_("It waits for a note of that colleague, which answers it and ends this task."),
}

#: What follows when a person does a task.
TASK_DONE: Mapping[str, str] = {
    "approval": N_("The debtor is told what was decided, and what waited for it goes on."),
    "call_back": N_("What came of the call stands on the timeline, and the ladder goes by it."),
    "confirm_segment": N_("The treatment follows the kind you confirm, from the next step on."),
    "discount_tax": N_("The books are told, and the discount is closed."),
    "dispute": N_("The debtor reads the answer, and what is still owed is asked for at once."),
    "follow_up": N_("What you find stands on the timeline; what is agreed holds the ladder."),
    "hand_over": N_("A second person decides; nothing leaves the house before."),
    "hardship": N_("What can be paid is agreed, and the chasing rests until then."),
    "hold_credit": N_("New orders on credit stop, the portal says why and what releases it."),
    "hold_review": N_("The hold goes on with a new date, or it ends."),
    "ladder_call": N_("A promise or an answer holds the ladder; no answer lets it go on."),
    "make_offer": N_("The debtor gets an offer with a date, and the ladder waits for the answer."),
    "management": N_("What came of the talk stands on the timeline, and the ladder goes by it."),
    "mention": N_("Your note answers the colleague."),
    "chargeback": N_("The bank has our answer in time."),
    "fraud_warning": N_("The payment is known to be good, or went back before it was contested."),
    "payment_returned": N_("It is clear what is owed, and the debtor knows it too."),
    "refund_failed": N_("The money reaches its owner by another way."),
    "pay_refund": N_("The money leaves, and the books show it."),
    "plan_trouble": N_("The plan runs on, or its rest falls due on a day that was said before."),
    "prepayment_over": N_("The goods are free again, and nothing more is asked for them."),
    "promise_broken": N_("A new date holds the ladder; without one it goes on."),
    "read_reply": N_("The debtor gets an answer, and nothing is asked twice."),
    "recovered_money": N_("The recovered debt is right in the books."),
    "refund_asked": N_("The credit goes back, or is used for what is open."),
    "request": N_("The debtor is answered, and what stood still goes on."),
    "sales": N_("What came of the talk stands on the timeline, and the ladder goes by it."),
    "statement": N_("The dispute is decided with what was promised in view."),
    "trace": N_("With an address that works the ladder goes on where it stood."),
    "unapplied_money": N_("The money closes the documents it belongs to, or goes back."),
}

#: What follows when a step of the ladder is approved.
STEP_DONE: Mapping[str, str] = {
    "call": N_("A task to ring up is put on the list."),
    "formal_warning": N_("The warning goes out with its deadline and names the one next step."),
    "freeze_review": N_("A task to decide about the credit hold is put on the list."),
    "hand_over": N_("The case is put forward; a second person decides before it leaves the house."),
    "last_offer": N_("An offer is prepared within the rules, and the debtor is told of it."),
    "official_letter": N_("The letter goes out with the amounts of the day on which it leaves."),
    "sales": N_("The salesperson gets a task to talk with the customer."),
}

TIMELINE_SHOWS: Mapping[str, str] = {
    "all": N_("All"),
    "calls": N_("Calls"),
    "decisions": N_("Decisions"),
    "messages": N_("Messages"),
    "money": N_("Money"),
    "notes": N_("Notes"),
    "portal": N_("Portal"),
}

PAY_CYCLES: Mapping[str, str] = {
    "fortnight": N_("every second week"),
    "month": N_("every month"),
    "week": N_("every week"),
}

SNIPPET_KINDS: Mapping[str, str] = {
    "house": N_("of the house"),
    "own": N_("yours"),
    "shared": N_("for everybody"),
}
#: Names of the snippets that ship (receivables/writing/house.toml).
HOUSE_SNIPPETS = (
    N_("What is stopping you?"),
    N_("Documents sent again"),
    N_("What we agreed by phone"),
    N_("Before the pay run"),
)

AGREED: Mapping[str, str] = {
    "hold": N_("Credit hold"),
    "offer": N_("Settlement offer"),
    "plan": N_("Instalment plan"),
    "promise": N_("Promise to pay"),
}

ACCOUNT_REFUSALS: Mapping[str, str] = {
    "contact_refused": N_("The rules of contact say no:"),
    "currency_other": N_("The amount is in another currency."),
    "currency_unknown": N_("Choose a currency."),
    "file_missing": N_("Choose a file."),
    "limit_negative": N_("It cannot be less than nothing."),
    "limit_same": N_("It is that already."),
    "mention_ambiguous": N_("Several colleagues have this first name; write the whole name after the @:"),
    "mention_cannot_read": N_("This colleague may not see the account:"),
    "mention_unknown": N_("No colleague has this name:"),
    "message_gone": N_("It is on its way already."),
    "month_days_wrong": N_("Name one to six days of the month, from 1 to 31."),
    "name_missing": N_("Give it a name."),
    "note_corrected": N_("The note was corrected in the meantime; read it again."),
    "note_not_yours": N_("Only who wrote a note may correct it. Write one of your own."),
    "note_same": N_("It says that already."),
    "orders_from_future": N_("This moment is still to come."),
    "orders_negative": N_("It cannot be less than nothing."),
    "pay_day_far": N_("Take a day that is not more than a year away."),
    "pay_day_missing": N_("Name a day on which they paid; the others follow from it."),
    "pay_run_unknown": N_("Nobody knows yet when they pay. Keep their pay days first."),
    "snippet_braces": N_("Braces are for {name} only."),
    "snippet_empty": N_("Write it in one language at least."),
    "snippet_half": N_("A language needs a subject and words:"),
    "subject_missing": N_("Give it a subject."),
}

#: The tables of the page by their names in `words.TABLES`.
#: Why a plan asks for a person, beside the refusals and the facts that bind.
PLAN_TROUBLES: Mapping[str, str] = {
    "card": N_("the saved card was refused"),
    "card_gone": N_("the saved card is gone"),
    "defaulted": N_("two parts missed, the plan stopped"),
    "open_again": N_("a part that the card had paid is open again"),
    "reversed": N_("a payment of the plan was taken back"),
}

ACCOUNT_TABLES: Mapping[str, Mapping[str, str]] = {
    "agreed": AGREED,
    "pay_cycle": PAY_CYCLES,
    "plan_trouble": PLAN_TROUBLES,
    "snippet_kind": SNIPPET_KINDS,
    "step_done": STEP_DONE,
    "task_done": TASK_DONE,
    "timeline_show": TIMELINE_SHOWS,
}
