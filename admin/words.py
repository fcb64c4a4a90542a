"""What the desk calls codes: audit, timeline, alerts, tasks, reasons, roles, refusals.

English is the key; `word` gives it in the reader's language. Tables, not templates, so that a
test can hold each code of the house to a word.
"""

from __future__ import annotations

from collections.abc import Mapping

from flask_babel import gettext


def N_(text: str) -> str:  # the name that pybabel looks for
    """Mark a text for translation where it is defined; `word` translates it where it is shown."""
    return text


AUDIT: Mapping[str, str] = {
    "account.language_chosen": N_("Language chosen"),
    "alert.closed": N_("Alert or task closed"),
    "alert.raised": N_("Alert raised"),
    "answer.given": N_("Said what stands in the way"),
    "attempt.moved": N_("Payment attempt moved"),
    "attempt.started": N_("Payment attempt started"),
    "attempt.superseded": N_("Payment page ended by us"),
    "call.asked": N_("Call-back asked for"),
    "call.cancelled": N_("Call-back cancelled"),
    "consent.opted_out": N_("Opted out of reminders"),
    "cheque.announced": N_("Cheque announced"),
    "credit.applied": N_("Credit used for an invoice"),
    "credit.asked_back": N_("Credit asked back"),
    "credit_hold.placed": N_("Placed on credit hold"),
    "credit_hold.released": N_("Credit hold released"),
    "credit_note.recorded": N_("Credit note recorded"),
    "file.imported": N_("File imported"),
    "file.kept": N_("File received"),
    "hardship.answered": N_("Case of difficulty answered"),
    "hardship.told": N_("Told us of difficulty"),
    "invoice.imported": N_("Invoices imported"),
    "ledger.posted": N_("Entry posted"),
    "ledger.reversed": N_("Entry reversed"),
    "link.issued": N_("Link issued"),
    "link.redeemed": N_("Link opened"),
    "link.revoked": N_("Link ended"),
    "link_session.ended": N_("Account page closed by the debtor"),
    "message.moved": N_("Message moved"),
    "message.queued": N_("Message queued"),
    "pause.ended": N_("Pause ended"),
    "pause.started": N_("Pause started"),
    "payment.settled": N_("Payment settled"),
    "offer.made": N_("Settlement offer made"),
    "offer.moved": N_("Settlement offer moved"),
    "promise.broken": N_("Promise not kept"),
    "promise.kept": N_("Promise kept"),
    "promise.made": N_("Promise made"),
    "promise.withdrawn": N_("Promise withdrawn"),
    "request.answered": N_("Request answered"),
    "request.opened": N_("Request received"),
    "request.refused": N_("Request refused"),
    "request.withdrawn": N_("Request withdrawn"),
    "staff.added": N_("Person added to the desk"),
    "staff.logged_in": N_("Signed in"),
    "staff.logged_out": N_("Signed out"),
    "staff.refused": N_("Sign-in refused"),
    "survey.answered": N_("Answered the question after paying"),
    "task.done": N_("Task done"),
}

TIMELINE: Mapping[str, str] = {
    "answer.given": N_("Said what stands in the way"),
    "call.asked": N_("Asked to be called"),
    "call.cancelled": N_("Call-back cancelled by the debtor"),
    "consent.opted_out": N_("Opted out of reminders"),
    "cheque.announced": N_("Announced a cheque"),
    "credit.applied": N_("Used credit for an invoice"),
    "credit.asked_back": N_("Asked credit back"),
    "credit_hold.placed": N_("Placed on credit hold"),
    "credit_hold.released": N_("Credit hold released"),
    "credit_note.recorded": N_("Credit note recorded"),
    "link.copied": N_("Took a payment link for the debtor"),
    "link.revoked": N_("Link ended"),
    "payment.by_head_office": N_("Paid by the head office"),
    "offer.accepted": N_("Accepted the settlement offer"),
    "offer.countered": N_("Made an offer of their own"),
    "offer.declined": N_("Declined the settlement offer"),
    "offer.expired": N_("The settlement offer ran out"),
    "offer.lapsed": N_("The settlement was not paid by its day; the whole balance stands"),
    "offer.made": N_("Settlement offer made"),
    "offer.open": N_("Offer approved"),
    "offer.refused": N_("Offer refused"),
    "offer.reopened": N_("Settlement undone, its payment was reversed"),
    "offer.settled": N_("Settlement paid; the rest is written off"),
    "offer.superseded": N_("A new offer took the place of the earlier one"),
    "offer.voided": N_("Offer void, the balance had changed"),
    "offer.withdrawn": N_("Offer withdrawn"),
    "payment.cancelled": N_("Left the payment page, nothing was charged"),
    "payment.expired": N_("The payment page ran out, nothing was charged"),
    "payment.failed": N_("Payment failed, nothing was charged"),
    "payment.processing": N_("Payment on its way"),
    "payment.succeeded": N_("Paid"),
    "payment.unknown": N_("Payment without an answer yet; we keep asking"),
    "portal.opened": N_("Opened the account page"),
    "promise.broken": N_("Promise not kept"),
    "promise.changed": N_("Promise moved to another day"),
    "promise.kept": N_("Promise kept"),
    "promise.made": N_("Promised to pay"),
    "promise.withdrawn": N_("Promise withdrawn"),
    "request.answered": N_("Request answered"),
    "request.opened": N_("Asked us for something"),
    "request.refused": N_("Request refused"),
    "request.withdrawn": N_("Request withdrawn"),
}

#: The margin of the timeline: where a thing happened.
PLACES: Mapping[str, str] = {
    "answer": N_("Portal"),
    "call": N_("Portal"),
    "consent": N_("Consent"),
    "cheque": N_("Money"),
    "credit": N_("Money"),
    "credit_hold": N_("Desk"),
    "credit_note": N_("Money"),
    "email": N_("E-mail out"),
    "link": N_("Link"),
    "offer": N_("Offer"),
    "payment": N_("Payment"),
    "portal": N_("Portal"),
    "promise": N_("Promise"),
    "request": N_("Request"),
    "sms": N_("SMS out"),
    "task": N_("Desk"),
}

MESSAGE_KINDS: Mapping[str, str] = {
    "counter_offer_accepted": N_("Their offer agreed"),
    "counter_offer_changed": N_("Another offer in answer to theirs"),
    "counter_offer_refused": N_("Their offer refused"),
    "courtesy": N_("Courtesy note"),
    "credit_hold_placed": N_("Credit hold placed"),
    "credit_hold_released": N_("Credit hold released"),
    "due_today": N_("Due today"),
    "first_reminder": N_("First reminder"),
    "fresh_link": N_("Fresh link"),
    "neutral_notice": N_("Neutral notice"),
    "offer_accepted": N_("Settlement agreed"),
    "offer_lapsed": N_("Settlement lapsed"),
    "offer_made": N_("Settlement offered"),
    "opt_out_confirmed": N_("Opt-out confirmed"),
    "payment_confirmation": N_("Payment confirmation"),
    "promise_broken": N_("Promise not kept"),
    "promise_due_tomorrow": N_("Promise due tomorrow"),
    "promise_recorded": N_("Promise noted"),
    "request_answered": N_("Request answered"),
}

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
    "carrier_refused": N_("refused by the carrier"),
    "contact_inactive": N_("the contact is no longer active"),
    "flag:attorney": N_("represented by an attorney"),
    "flag:bankruptcy": N_("insolvent"),
    "flag:breathing_space": N_("breathing space"),
    "flag:cease_request": N_("asked us not to write"),
    "flag:deceased": N_("deceased"),
    "flag:wrong_party": N_("wrong party"),
    "given_up": N_("given up after too many tries"),
    "message_incomplete": N_("something in the text was missing"),
    "no_address": N_("no address"),
    "not_allowed_here": N_("this installation may not write to this address"),
    "nothing_due": N_("nothing is due any more"),
    "opted_out": N_("opted out"),
    "outside_hours": N_("outside the hours"),
    "paused:awaiting_our_answer": N_("paused: waits for our answer"),
    "paused:document_requested": N_("paused: waits for a document from us"),
    "paused:hardship": N_("paused"),
    "paused:offer": N_("paused: accepted offer"),
    "paused:plan": N_("paused: instalment plan"),
    "paused:promise": N_("paused: promise to pay"),
    "paused:says_paid": N_("paused: says it is paid"),
    "paused:their_approval": N_("paused: waits for an approval on his side"),
    "paused:withholding": N_("paused: tax withheld, certificate to be checked"),
    "paused:wrong_contact": N_("paused: not the right person"),
}

ALERTS: Mapping[str, str] = {
    "amount_differs": N_("The gateway took another amount than we asked for"),
    "attempt_unresolved": N_("A payment attempt is past its end and has no answer"),
    "audit_broken": N_("The audit chain does not hold"),
    "balance_repaired": N_("A balance differed from its postings and was rebuilt"),
    "books_unbalanced": N_("The books do not balance"),
    "event_not_understood": N_("A notice of the gateway could not be understood"),
    "foreign_object": N_("The gateway answered with another object than ours"),
    "job_dead": N_("Work in the background was given up"),
    "message_given_up": N_("A message could not be sent for too long"),
    "message_incomplete": N_("A message lacked something and was not sent"),
    "message_refused": N_("A message was refused by the carrier"),
}

#: What to do about an alert, in one sentence.
ADVICE: Mapping[str, str] = {
    "amount_differs": N_("Compare with the gateway's own list; what came is posted as it came."),
    "attempt_unresolved": N_("Look it up at the gateway. Money that came is posted whenever it is found."),
    "audit_broken": N_(
        "A line was changed or removed from outside. Keep the database as it is and call help."
    ),
    "balance_repaired": N_("The postings count. Tell whoever runs the system, so that the cause is found."),
    "books_unbalanced": N_("Post nothing more and tell whoever runs the system."),
    "event_not_understood": N_("It is kept and was tried again until now. Tell whoever runs the system."),
    "foreign_object": N_("Nothing was posted. Tell whoever runs the system before the debtor pays again."),
    "job_dead": N_("It will not be tried again by itself. Tell whoever runs the system."),
    "message_given_up": N_("Reach the contact in another way; the message will not leave any more."),
    "message_incomplete": N_("Nothing half-finished was sent. Tell whoever looks after the texts."),
    "message_refused": N_("Ask the contact for another address, or reach them in another way."),
}

TASKS: Mapping[str, str] = {
    "approval": N_("Decide about a request"),
    "call_back": N_("Call back"),
    "dispute": N_("Look into a dispute"),
    "hardship": N_("Somebody in difficulty waits for an answer"),
    "plan_trouble": N_("A plan is in trouble"),
    "promise_broken": N_("A promise was not kept"),
    "refund_asked": N_("Credit is asked back"),
    "request": N_("Answer a request"),
    "unapplied_money": N_("Money without a document"),
}

TASK_ADVICE: Mapping[str, str] = {
    "approval": N_("He asks for more than the rules give. Decide, refuse with a reason, or name other terms."),
    "call_back": N_("The debtor asked to be called."),
    "dispute": N_("Find out what happened and answer by the day that he was told."),
    "hardship": N_("Read it under its own permission, ring him, and agree on what he can do."),
    "plan_trouble": N_("Instalments were missed or a card failed. Ring him before the plan ends."),
    "promise_broken": N_("Ring him and ask what has come in the way; agree on a new date."),
    "refund_asked": N_("Check the credit and send it back, or agree on its use."),
    "request": N_("The chasing stands still until it is answered."),
    "unapplied_money": N_("More came than was open. Ask where it belongs, or return it."),
}

ROLES: Mapping[str, str] = {
    "accountant": N_("Accountant"),
    "admin": N_("Administrator"),
    "auditor": N_("Auditor"),
    "collector": N_("Collector"),
    "salesperson": N_("Salesperson"),
    "supervisor": N_("Supervisor"),
}

DEBTOR_TYPES: Mapping[str, str] = {
    "business": N_("business"),
    "private_person": N_("private person"),
    "sole_trader": N_("sole trader"),
}

CONTACT_ROLES: Mapping[str, str] = {
    "approves": N_("approves"),
    "legal": N_("legal"),
    "owner": N_("owner"),
    "pays": N_("pays"),
}

FLAGS: Mapping[str, str] = {
    key.removeprefix("flag:"): text for key, text in REASONS.items() if "flag:" in key
}

CHANNELS: Mapping[str, str] = {"email": N_("E-mail"), "sms": N_("SMS"), "staff": N_("Taken by staff")}

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

INVOICE_KINDS: Mapping[str, str] = {
    "credit_note": N_("Credit note"),
    "fee": N_("Fee"),
    "invoice": N_("Invoice"),
    "prepayment": N_("Prepayment"),
}

METHODS: Mapping[str, str] = {
    "bank_debit": N_("bank debit"),
    "bank_transfer": N_("transfer"),
    "card": N_("card"),
    "other": N_("other"),
}

INBOX: Mapping[str, str] = {
    "done": N_("done"),
    "failed": N_("failed, will be tried again"),
    "parked": N_("parked"),
    "processing": N_("being read"),
    "received": N_("received"),
}

ACTORS: Mapping[str, str] = {
    "link_holder": N_("Debtor"),
    "staff": N_("Desk"),
    "system": N_("System"),
}

LEDGER: Mapping[str, str] = {
    "agency_commission": N_("Agency commission"),
    "bad_debt": N_("Bad debt"),
    "bank": N_("Bank"),
    "bank_in_transit": N_("Bank in transit"),
    "chargebacks_held": N_("Chargebacks held"),
    "credit_notes": N_("Credit notes"),
    "exchange": N_("Exchange differences"),
    "gateway_clearing": N_("Gateway clearing"),
    "gateway_fees": N_("Gateway fees"),
    "interest_income": N_("Interest income"),
    "late_fee_income": N_("Late fee income"),
    "opening_counterpart": N_("Opening counterpart"),
    "receivables": N_("Receivables"),
    "recoveries": N_("Recoveries"),
    "refunds_payable": N_("Refunds payable"),
    "settlement_discount_tax": N_("Tax on settlement discounts"),
    "settlement_discounts": N_("Settlement discounts"),
    "small_differences": N_("Small differences"),
    "unapplied_credit": N_("Unapplied credit"),
    "withholding_tax": N_("Withholding tax"),
}

#: What is wrong with a field, or why an action was refused.
REFUSALS: Mapping[str, str] = {
    "ambiguous": N_("This can be read in two ways. Write the decimals too, for example 1234.00."),
    "amount_above_balance": N_("This is more than is open on the invoice."),
    "already_on_hold": N_("This account is on hold already."),
    "amount_zero": N_("The amount must be more than zero."),
    "empty": N_("Fill this in."),
    "invoice_not_open": N_("This invoice is not open any more; nothing can be credited on it."),
    "no_contact": N_("No active contact who could be written to."),
    "not_a_number": N_("This is not an amount. Write it like 1,234.50."),
    "nothing_open": N_("Nothing is open on this account."),
    "number_taken": N_("Another credit note of this account has this number already."),
    "other_currency": N_("The invoice is in another currency."),
    "reason_missing": N_("Say why, in a few words."),
    "release_above_overdue": N_("This is more than is overdue and asked for."),
    "release_zero": N_("The amount must be more than zero."),
    "too_large": N_("This amount is too large."),
    "too_long": N_("This is too long."),
    "too_precise": N_("This has more decimals than the currency has."),
}

TABLES: Mapping[str, Mapping[str, str]] = {
    "actor": ACTORS,
    "advice": ADVICE,
    "alert": ALERTS,
    "audit": AUDIT,
    "channel": CHANNELS,
    "contact_role": CONTACT_ROLES,
    "debtor_type": DEBTOR_TYPES,
    "flag": FLAGS,
    "inbox": INBOX,
    "invoice_kind": INVOICE_KINDS,
    "ledger": LEDGER,
    "link_state": LINK_STATES,
    "message_kind": MESSAGE_KINDS,
    "method": METHODS,
    "place": PLACES,
    "purpose": PURPOSES,
    "reason": REASONS,
    "refusal": REFUSALS,
    "role": ROLES,
    "scope": SCOPES,
    "task": TASKS,
    "task_advice": TASK_ADVICE,
    "timeline": TIMELINE,
}


def word(table: str, code: str) -> str:
    """Return the word for a code in the reader's language; a code without a word stands for itself.

    Args:
        table: a key of TABLES.
    """
    text = TABLES[table].get(code)
    return str(gettext(text)) if text else code
