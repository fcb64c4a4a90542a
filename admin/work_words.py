"""Alerts and tasks, each with what to do about it in one sentence."""

from __future__ import annotations

from collections.abc import Mapping


def N_(text: str) -> str:  # the name that pybabel looks for
    """Mark a text for translation where it is defined; `words.word` translates it where it is shown."""
    return text


COMMON_ALERTS: Mapping[str, str] = {
    "clock_differs": N_("The clock of a machine is wrong"),
    "ladder_stumbles": N_("The ladder could not look at an account"),
    "nobody_to_tell": N_("An account has nobody to write to"),
    "address_dead": N_("An address does not exist any more"),
    "mailbox_down": N_("The mailbox for replies cannot be read"),
    "reply_not_kept": N_("A message from outside could not be read"),
    "unknown_sender": N_("Somebody wrote to us whom we do not know"),
    "early_warning": N_("Sales warns that a customer may stop paying"),
    "amount_differs": N_("The gateway took another amount than we asked for"),
    "attempt_unresolved": N_("A payment attempt is past its end and has no answer"),
    "audit_broken": N_("The audit chain does not hold"),
    "balance_repaired": N_("A balance differed from its postings and was rebuilt"),
    "books_unbalanced": N_("The books do not balance"),
    "enclosure_missing": N_("A message left without its PDF"),
    "event_not_understood": N_("A notice of the gateway could not be understood"),
    "file_infected": N_("The virus scanner found something in a file"),
    "follower_failed": N_("A payment is booked, but something that follows from it was not done"),
    "foreign_object": N_("The gateway answered with another object than ours"),
    "job_dead": N_("Work in the background was given up"),
    "message_given_up": N_("A message could not be sent for too long"),
    "message_incomplete": N_("A message lacked something and was not sent"),
    "message_refused": N_("A message was refused by the carrier"),
}

#: What to do about an alert, in one sentence.
COMMON_ADVICE: Mapping[str, str] = {
    "clock_differs": N_(
        "Until it is right, notifications are refused and nothing is sent. Tell whoever runs the system."
    ),
    "ladder_stumbles": N_(
        "Nothing of it is chased until then. See whether its place and its dates are right."
    ),
    "nobody_to_tell": N_("Add a contact who pays, with an e-mail address or a mobile number."),
    "address_dead": N_("Ask for another address in another way, and change it at the contact."),
    "mailbox_down": N_("Replies and requests to stop wait there unread. Tell whoever runs the system."),
    "reply_not_kept": N_("It waits unread in the mailbox. Read it there and tell whoever runs the system."),
    "unknown_sender": N_("Read the mailbox or the texts that came; close this to hear of the next one."),
    "early_warning": N_("Read it on the timeline, and talk to the customer before anything is late."),
    "amount_differs": N_("Compare with the gateway's own list; what came is posted as it came."),
    "attempt_unresolved": N_("Look it up at the gateway. Money that came is posted whenever it is found."),
    "audit_broken": N_(
        "A line was changed or removed from outside. Tell whoever runs the system at once;"
        " close nothing before."
    ),
    "balance_repaired": N_("The postings count. Tell whoever runs the system, so that the cause is found."),
    "books_unbalanced": N_("Post nothing more and tell whoever runs the system."),
    "enclosure_missing": N_("The debtor finds it behind the link. Tell whoever runs the system."),
    "event_not_understood": N_("It is kept and was tried again until now. Tell whoever runs the system."),
    "file_infected": N_("It was erased and nobody got it. Ask the debtor for a clean copy."),
    "follower_failed": N_(
        "It is tried again by itself. Look whether the plan, offer, promise or hold of the account is right."
    ),
    "foreign_object": N_(
        "Money of our own page waits as unapplied; nothing else was posted. Tell whoever runs the system."
    ),
    "job_dead": N_("It will not be tried again by itself. Tell whoever runs the system."),
    "message_given_up": N_("Reach the contact in another way; the message will not leave any more."),
    "message_incomplete": N_("Nothing half-finished was sent. Tell whoever looks after the texts."),
    "message_refused": N_("Ask the contact for another address, or reach them in another way."),
}

COMMON_TASKS: Mapping[str, str] = {
    "hand_over": N_("Hand-over to look at"),
    "hold_credit": N_("Decide about a credit hold"),
    "ladder_call": N_("Ring up"),
    "make_offer": N_("Make an offer"),
    "prepayment_over": N_("An order is no longer kept"),
    "confirm_segment": N_("Decide which kind of debtor it is"),
    "management": N_("Management to talk with the customer"),
    "read_reply": N_("Read a reply"),
    "sales": N_("Sales to talk with the customer"),
    "approval": N_("Decide about a request"),
    "call_back": N_("Call back"),
    "discount_tax": N_("Tax of a discount to decide"),
    "dispute": N_("Look into a dispute"),
    "hardship": N_("Somebody in difficulty waits for an answer"),
    "plan_trouble": N_("A plan is in trouble"),
    "promise_broken": N_("A promise was not kept"),
    "refund_asked": N_("Credit is asked back"),
    "request": N_("Answer a request"),
    "trace": N_("Find out where the debtor is"),
    "unapplied_money": N_("Money without a document"),
}

COMMON_TASK_ADVICE: Mapping[str, str] = {
    "hand_over": N_(
        "Decide about the case on the page of hand-overs. Where money came to us on a placed case, tell who"
        " has it."
    ),
    "hold_credit": N_("Look at the account, then place it on hold with what releases it, or say why not."),
    "ladder_call": N_("The call page says whom you may ring now, and takes down what came of it."),
    "make_offer": N_("Offer a settlement or a plan; what the rules allow is filled in. Or say why not."),
    "prepayment_over": N_(
        "It was kept until its last day and not paid. Release the goods, and cancel the document"
        " in your books."
    ),
    "confirm_segment": N_("The rules propose another treatment; nothing changes before a person decides."),
    "management": N_("Ring somebody of your rank, and report on the sales page what came of it."),
    "read_reply": N_("Answer it, and note what was agreed. What asks to stop is obeyed already."),
    "sales": N_("Talk with your customer, and report on the sales page what came of it."),
    "approval": N_(
        "He asks for more than the rules give. Decide, refuse with a reason, or name other terms."
    ),
    "call_back": N_("The debtor asked to be called."),
    "discount_tax": N_(
        "He paid early, and the discount was posted whole. Decide whether its tax is corrected in your books."
    ),
    "dispute": N_("Find out what happened and answer by the day that he was told."),
    "hardship": N_("Read it under its own permission, ring him, and agree on what he can do."),
    "plan_trouble": N_("Instalments were missed or a card failed. Ring him before the plan ends."),
    "promise_broken": N_("Ring him and ask what has come in the way; agree on a new date."),
    "refund_asked": N_("Check the credit and send it back, or agree on its use."),
    "request": N_("The chasing stands still until it is answered."),
    "trace": N_(
        "Letters and messages come back. Look at registers, ask the salesperson, or visit; then put it right."
    ),
    "unapplied_money": N_("More came than was open. Ask where it belongs, or return it."),
}
