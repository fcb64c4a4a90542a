"""Words of credit holds: why, how they ended, what speaks for one, what the order system is told."""

from __future__ import annotations

from collections.abc import Mapping


def N_(text: str) -> str:  # the name that pybabel looks for
    """Mark a text for translation where it is defined; `words.word` translates it where it is shown."""
    return text


#: Why, as the desk chooses it.
HOLD_CAUSES: Mapping[str, str] = {
    "broken_promise": N_("Promises not kept"),
    "over_limit": N_("Over the credit limit"),
    "overdue": N_("Overdue without an arrangement"),
    "other": N_("Other, in words"),
}
#: What the debtor reads of it; he reads his own language.
HOLD_REASONS: Mapping[str, str] = {
    "broken_promise": N_("What was promised was not paid by its date."),
    "over_limit": N_("More is open on the account than its credit limit allows."),
    "overdue": N_("Invoices are overdue, and nothing has been arranged for them."),
}
HOLD_ENDS: Mapping[str, str] = {
    "paid": N_("paid"),
    "arranged": N_("arranged: a plan runs"),
    "early": N_("ended early, by two persons"),
    "undone": N_("taken back at once"),
}
HOLD_EVIDENCE: Mapping[str, str] = {
    "promise_broken": N_("Promise not kept"),
    "plan_defaulted": N_("Plan not kept"),
    "over_limit": N_("Beyond the credit limit"),
    "overdue": N_("Overdue"),
}
CREDIT_GRADES: Mapping[str, str] = {
    "ok": N_("ok"),
    "watch": N_("watch"),
    "hold": N_("hold"),
}
WATCH_REASONS: Mapping[str, str] = {
    "overdue": N_("more is overdue than is let pass"),
    "broken_promise": N_("the last promise was not kept"),
    "over_limit": N_("over the credit limit"),
}
#: Audit, alerts, tasks, refusals and done lines of this room.
HOLD_AUDIT: Mapping[str, str] = {
    "credit_hold.announced": N_("Salesperson told of a coming credit hold"),
    "credit_hold.reviewed": N_("Credit hold looked at again"),
    "dispute.assigned": N_("Dispute handed to a colleague"),
    "dispute.noted": N_("Note of ours in a dispute"),
    "dispute.statement_asked": N_("Statement asked of sales"),
    "dispute.statement_given": N_("Statement given by sales"),
}
HOLD_TIMELINE: Mapping[str, str] = {
    "credit_hold.reviewed": N_("Credit hold looked at again; it stands"),
    "dispute.assigned": N_("Dispute handed to a colleague"),
    "dispute.noted": N_("Note of ours in a dispute"),
    "dispute.statement_asked": N_("Sales is asked what was promised"),
    "dispute.statement_given": N_("Sales said what was promised"),
    "dispute.credit_asked": N_("A credit above the limit waits for a second person"),
}
HOLD_TASKS: Mapping[str, str] = {
    "hold_review": N_("Look at a credit hold again"),
    "statement": N_("Say what was promised"),
}
HOLD_TASK_ADVICE: Mapping[str, str] = {
    "hold_review": N_("Is it still right? End it, or name the next day and why it stands."),
    "statement": N_(
        "A customer says that you promised this price. Say whether you did; the case waits for it."
    ),
}
HOLD_ALERTS: Mapping[str, str] = {"statement_late": N_("Sales has not said what was promised")}
HOLD_ADVICE: Mapping[str, str] = {
    "statement_late": N_("Ring the salesperson, or decide the dispute without the answer."),
}
HOLD_REFUSALS: Mapping[str, str] = {
    "assignee_unknown": N_("Nobody of that name decides disputes."),
    "evidence_unknown": N_("This is not on the timeline any more; choose again."),
    "hold_over": N_("The hold has ended meanwhile."),
    "note_takes_no_file": N_("A note of ours takes no file; send it, or leave the file out."),
    "not_a_price": N_("Sales is asked about a contested price only."),
    "no_salesperson": N_("Nobody sells to this account."),
    "above_limit": N_("That is above your limit; a second person decides."),
    "release_changed": N_("What is asked for has changed meanwhile; look at it again."),
    "request_waits": N_("It waits for a second person already."),
    "review_passed": N_("The day must be after today."),
    "review_too_late": N_("That is later than a hold may stand unseen."),
    "sales_notice": N_("The salesperson hears of it one business day before."),
    "sales_talk": N_("Sales has asked for time; wait until it is over."),
    "statement_answered": N_("This was answered already, or the dispute has ended."),
    "statement_asked": N_("Sales is asked already and has not answered yet."),
    "undo_over": N_("The time to take it back is over; ask a second person to end it."),
}
#: What came before a salesperson's task, beside the rungs of the ladder.
HOLD_NOTICES: Mapping[str, str] = {"hold_placed": N_("On credit hold")}
#: Tables of this room by name.
HOLD_TABLES: Mapping[str, Mapping[str, str]] = {
    "credit_grade": CREDIT_GRADES,
    "hold_cause": HOLD_CAUSES,
    "hold_end": HOLD_ENDS,
    "hold_evidence": HOLD_EVIDENCE,
    "hold_reason": HOLD_REASONS,
    "watch_reason": WATCH_REASONS,
}
