"""What the desk calls codes: audit, timeline, alerts, tasks, reasons, roles, refusals.

English is the key; `word` gives it in the reader's language. Tables, not templates, so that a
test can hold each code of the house to a word.
"""

from __future__ import annotations

from collections.abc import Mapping

from flask_babel import gettext

import web
from admin.account_words import (
    ACCOUNT_AUDIT,
    ACCOUNT_REFUSALS,
    ACCOUNT_TABLES,
    ACCOUNT_TASK_ADVICE,
    ACCOUNT_TASKS,
)
from admin.approval_words import (
    APPROVAL_ADVICE,
    APPROVAL_ALERTS,
    APPROVAL_AUDIT,
    APPROVAL_KINDS,
    APPROVAL_MOVEMENTS,
    APPROVAL_REFUSALS,
    APPROVAL_TABLES,
    APPROVAL_TASK_ADVICE,
    APPROVAL_TASKS,
    APPROVAL_TIMELINE,
)
from admin.calls_words import (
    ANSWER_REASONS,
    ARREARS_ENDS,
    CALL_AUDIT,
    CALL_LEADS,
    CALL_REFUSALS,
    CALL_TIMELINE,
    CANNOT,
    MORE_CALL_OUTCOMES,
    NEXT_ACTIONS,
    PROBLEM_BY,
    RECORDING_BASES,
    RECORDING_NEEDS,
    SPOKEN,
    VISIT_CHECKS,
    WORKED,
)
from admin.card_words import CARD_AUDIT, CARD_EVENTS, CARD_MESSAGES
from admin.figures_words import FIGURE_AUDIT, FIGURE_REFUSALS, FIGURE_TABLES
from admin.flag_words import FLAG_MEANS, FLAG_REFUSALS, GUARDED_FACT, MATRIX_ACTS, MATRIX_WORDS
from admin.hold_words import (
    HOLD_ADVICE,
    HOLD_ALERTS,
    HOLD_AUDIT,
    HOLD_NOTICES,
    HOLD_REFUSALS,
    HOLD_TABLES,
    HOLD_TASK_ADVICE,
    HOLD_TASKS,
    HOLD_TIMELINE,
)
from admin.payment_words import PAYMENT_MESSAGES, PAYMENT_TASK_ADVICE, PAYMENT_TASKS
from admin.policy_words import (
    EDITOR_REFUSALS,
    POLICY_ABOUT,
    POLICY_CHOICES,
    POLICY_COLUMNS,
    POLICY_EFFECTS,
    POLICY_KEYS,
    POLICY_PARTS,
    POLICY_SECTIONS,
    POLICY_UNITS,
    TEXT_MARKS,
    TEXT_PARTS,
)
from admin.reconciliation_words import (
    RECONCILIATION_ADVICE,
    RECONCILIATION_ALERTS,
    RECONCILIATION_AUDIT,
    RECONCILIATION_REFUSALS,
    RECONCILIATION_TABLES,
)
from admin.reversal_words import (
    REVERSAL_ADVICE,
    REVERSAL_ALERTS,
    REVERSAL_AUDIT,
    REVERSAL_MESSAGES,
    REVERSAL_REFUSALS,
    REVERSAL_TABLES,
    REVERSAL_TASK_ADVICE,
    REVERSAL_TASKS,
    REVERSAL_TIMELINE,
)
from admin.rule_words import RULES
from admin.sales_words import (
    SALES_AUDIT,
    SALES_MESSAGE_KINDS,
    SALES_REFUSALS,
    SALES_TABLES,
    SALES_TIMELINE,
)
from admin.staff_words import FRESH_ACT_WORDS, STAFF_AUDIT, STAFF_REFUSALS
from admin.worklist_words import WORKLIST_AUDIT, WORKLIST_REFUSALS, WORKLIST_TABLES, WORKLIST_TIMELINE
from receivables.flags import GUARDED, UNNAMED
from receivables.permissions import Permission


def N_(text: str) -> str:  # the name that pybabel looks for
    """Mark a text for translation where it is defined; `word` translates it where it is shown."""
    return text


AUDIT: Mapping[str, str] = {
    **ACCOUNT_AUDIT,
    **WORKLIST_AUDIT,
    **FIGURE_AUDIT,
    **STAFF_AUDIT,
    **HOLD_AUDIT,
    **APPROVAL_AUDIT,
    **SALES_AUDIT,
    **CALL_AUDIT,
    **RECONCILIATION_AUDIT,
    **REVERSAL_AUDIT,
    "early_warning.raised": N_("Sales warned early"),
    "segment.moved": N_("Moved to another kind of debtor"),
    "segment.proposed": N_("Another kind of debtor proposed"),
    "segment.refused": N_("Proposed kind of debtor refused"),
    "segment.superseded": N_("Proposed kind of debtor no longer holds"),
    "terms.agreed": N_("Longer terms agreed or taken back"),
    "account.address_changed": N_("Address for letters changed"),
    "account.language_chosen": N_("Language chosen"),
    "ladder.assigned": N_("Choice of ladders published"),
    "ladder.chosen": N_("Own ladder chosen"),
    "rules.proposed": N_("Version of rules proposed"),
    "rules.refused": N_("Proposed rules refused"),
    "rules.withdrawn": N_("Proposed rules taken back"),
    "ladder.proposed": N_("Steps of the ladder proposed"),
    "ladder.published": N_("Ladder published"),
    "ladder.switched": N_("Ladder set further or less far"),
    "ladder_step.moved": N_("Step of the ladder moved"),
    "alert.closed": N_("Alert or task closed"),
    "alert.raised": N_("Alert raised"),
    "answer.given": N_("Said what stands in the way"),
    "attempt.moved": N_("Payment attempt moved"),
    "attempt.started": N_("Payment attempt started"),
    "attempt.superseded": N_("Payment page ended by us"),
    "bank_lines.recorded": N_("Bank lines said to be in up to a day"),
    "calendar.cleared": N_("Day put back as the calendar has it"),
    "calendar.corrected": N_("Day of a calendar corrected"),
    "calendar_feed.made": N_("Address for own tasks made"),
    "calendar_feed.revoked": N_("Address for own tasks ended"),
    "call.asked": N_("Call-back asked for"),
    "call.cancelled": N_("Call-back cancelled"),
    "call.logged": N_("Call written down"),
    "contact.wishes_noted": N_("Wishes of a contact noted by staff"),
    "inbound.assigned": N_("Message from outside put to an account"),
    "task.put_off": N_("Task put off"),
    "contact_rules.published": N_("Rules of contact published"),
    "consent.opted_out": N_("Opted out of reminders"),
    **CARD_AUDIT,
    "card.consented": N_("Consent to keep a card"),
    "card.not_kept": N_("Card not kept"),
    "card.removed": N_("Saved card removed"),
    "card.saved": N_("Card saved"),
    "charge.changed": N_("Proposed charge worked out anew"),
    "charge.issued": N_("Interest or late fee issued"),
    "charge.proposed": N_("Interest or late fee proposed"),
    "charge.waived": N_("Interest or late fee waived"),
    "charge.withdrawn": N_("Proposed charge fell away"),
    "cheque.announced": N_("Cheque announced"),
    "credit.applied": N_("Credit used for an invoice"),
    "credit.asked_back": N_("Credit asked back"),
    "credit_hold.placed": N_("Placed on credit hold"),
    "credit_hold.released": N_("Credit hold released"),
    "credit_note.recorded": N_("Credit note recorded"),
    "dispute.added": N_("Debtor added to a dispute"),
    "dispute.answered": N_("Dispute answered in its thread"),
    "dispute.draft_forgotten": N_("Dispute that was never sent forgotten"),
    "dispute.opened": N_("Dispute opened"),
    "dispute.rejected": N_("Dispute refused"),
    "dispute.reopened": N_("Dispute reopened with new evidence"),
    "dispute.taken": N_("Dispute taken under review"),
    "dispute.upheld": N_("Dispute upheld"),
    "dispute.withdrawn": N_("Dispute withdrawn by the debtor"),
    "file.checked": N_("File checked for viruses"),
    "file.erased": N_("Content of a file that no form sent erased"),
    "file.forgotten": N_("File of a form that was never sent forgotten"),
    "file.imported": N_("File imported"),
    "file.kept": N_("File received"),
    "flag.ended": N_("Fact about an account ended"),
    "flag.raised": N_("Fact about an account recorded"),
    "hardship.answered": N_("Case of difficulty answered"),
    "hardship.told": N_("Told us of difficulty"),
    "inbound.received": N_("Message from outside taken"),
    "instalment.charge_failed": N_("Card did not pay an instalment"),
    "instalment.moved": N_("Instalment moved"),
    "instalment.rescheduled": N_("Instalment put on another day"),
    "invoice.imported": N_("Invoices imported"),
    "handler.added": N_("Agency or lawyer added"),
    "handler.changed": N_("Agency or lawyer changed"),
    "handover.case_file_made": N_("Case file made"),
    "handover.moved": N_("Hand-over moved"),
    "handover.remitted": N_("Money collected by a handler posted"),
    "ledger.posted": N_("Entry posted"),
    "ledger.reversed": N_("Entry reversed"),
    "letter.posted": N_("Letter posted"),
    "letter.printed": N_("Letter printed"),
    "letter.queued": N_("Letter put into the post queue"),
    "letter.returned": N_("Letter came back"),
    "letter.withdrawn": N_("Letter taken out of the post"),
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
    "plan.activated": N_("Instalment plan active"),
    "plan.completed": N_("Instalment plan completed"),
    "plan.countered": N_("Other terms named for a plan"),
    "plan.cured": N_("Instalment plan back in force"),
    "plan.defaulted": N_("Instalment plan in default"),
    "plan.ended": N_("Defaulted plan ended for good"),
    "plan.lapsed": N_("Drawn-up plan not signed in time"),
    "plan.proposed": N_("Instalment plan drawn up"),
    "plan.refused": N_("Instalment plan refused"),
    "plan.reopened": N_("Instalment plan open again after a reversal"),
    "plan.replaced": N_("Drawn-up plan replaced by another"),
    "plan.requested": N_("Instalment plan asked for"),
    "plan.way_changed": N_("Way of paying a plan changed"),
    "plan.withdrawn": N_("Request for a plan withdrawn"),
    "promise.broken": N_("Promise not kept"),
    "promise.kept": N_("Promise kept"),
    "promise.made": N_("Promise made"),
    "promise.withdrawn": N_("Promise withdrawn"),
    "rate.added": N_("Interest rate entered"),
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
    "code.asked": N_("One-time code asked for"),
    "code.proved": N_("Proved by a one-time code"),
    "code.refused": N_("Wrong one-time code"),
    "consent.opted_in": N_("Wants reminders again"),
    "contact.added": N_("Person added by the debtor"),
    "contact.added_by_staff": N_("Person added by staff, as the debtor named him"),
    "contact.address_changed": N_("Address changed by the debtor"),
    "contact.confirmed": N_("Person confirmed"),
    "contact.preferences_changed": N_("Channel or quiet hours chosen"),
    "contact.removed": N_("Person removed by the debtor"),
    "contact.renamed": N_("Person corrected by the debtor"),
    "contact.signatory_changed": N_("Right to sign for the business changed"),
    "invoice.forwarded": N_("Invoice forwarded to a colleague"),
}

TIMELINE: Mapping[str, str] = {
    **WORKLIST_TIMELINE,
    **HOLD_TIMELINE,
    **APPROVAL_TIMELINE,
    **REVERSAL_TIMELINE,
    **SALES_TIMELINE,
    **CALL_TIMELINE,
    "ladder.chosen": N_("Own ladder chosen"),
    "ladder.step": N_("A step of the ladder"),
    "sales.asked_for_time": N_("Sales asked for time to talk"),
    "sales.early_warning": N_("Sales warned early"),
    "sales.needs_time": N_("Sales spoke with them: needs time"),
    "sales.not_reached": N_("Sales did not reach them"),
    "sales.notice_given": N_("Sales was told of the next step"),
    "sales.problem": N_("Sales spoke with them: something is wrong on our side"),
    "sales.refuses": N_("Sales spoke with them: does not want to pay"),
    "sales.will_pay": N_("Sales spoke with them: will pay"),
    "segment.moved": N_("Moved to another kind of debtor"),
    "terms.agreed": N_("Longer terms, days after the due date"),
    "answer.given": N_("Said what stands in the way"),
    "call.asked": N_("Asked to be called"),
    "call.cancelled": N_("Call-back cancelled by the debtor"),
    "call.made": N_("Rang up"),
    "call.unwanted": N_("Asked us not to ring"),
    "call.wanted_again": N_("May be rung again"),
    **CARD_EVENTS,
    "card.removed": N_("A saved card was removed"),
    "card.saved": N_("Saved a card"),
    "consent.opted_out": N_("Opted out of reminders"),
    "charge.issued": N_("Interest or late fee issued"),
    "charge.waived": N_("Interest or late fee waived"),
    "cheque.announced": N_("Announced a cheque"),
    "credit.applied": N_("Used credit for an invoice"),
    "credit.asked_back": N_("Asked credit back"),
    "credit_hold.placed": N_("Placed on credit hold"),
    "credit_hold.released": N_("Credit hold released"),
    "credit_note.recorded": N_("Credit note recorded"),
    "dispute.added": N_("Added to a dispute"),
    "dispute.answered": N_("Answered in a dispute"),
    "dispute.opened": N_("Disputed an invoice"),
    "dispute.rejected": N_("Dispute refused"),
    "dispute.reopened": N_("Sent new evidence in a dispute"),
    "dispute.upheld": N_("Dispute upheld, credited"),
    "dispute.withdrawn": N_("Withdrew a dispute"),
    "flag.ended": N_("A fact no longer holds"),
    "flag.raised": N_("A fact that must be heeded"),
    "letter.posted": N_("Letter posted"),
    "letter.queued": N_("Letter put into the post queue"),
    "letter.returned": N_("Letter came back"),
    "letter.withdrawn": N_("Letter taken out of the post"),
    "handover.closed": N_("Hand-over closed"),
    "handover.placed": N_("Handed over"),
    "handover.prepared": N_("Hand-over approved"),
    "handover.proposed": N_("Hand-over put forward"),
    "handover.recalled": N_("Hand-over recalled"),
    "handover.refused": N_("Hand-over refused"),
    "handover.remitted": N_("Paid to the agency or lawyer"),
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
    "payment.failed": N_("Payment failed, no money came"),
    "payment.processing": N_("Payment on its way"),
    "payment.succeeded": N_("Paid"),
    "payment.unknown": N_("Payment without an answer yet; we keep asking"),
    "portal.opened": N_("Opened the account page"),
    "plan.activated": N_("Agreed to pay in parts"),
    "plan.completed": N_("Paid all parts of a plan"),
    "plan.countered": N_("We named other terms for a plan"),
    "plan.cured": N_("Caught up, the plan runs again"),
    "plan.defaulted": N_("Two parts missed, the plan stopped"),
    "plan.instalment_missed": N_("An instalment did not come"),
    "plan.instalment_moved": N_("Moved an instalment"),
    "plan.refused": N_("We refused a plan"),
    "plan.reopened": N_("A payment was reversed, the plan runs again"),
    "plan.requested": N_("Asked for a plan beyond the rules"),
    "plan.withdrawn": N_("Took the request for a plan back"),
    "promise.broken": N_("Promise not kept"),
    "promise.changed": N_("Promise moved to another day"),
    "promise.kept": N_("Promise kept"),
    "promise.made": N_("Promised to pay"),
    "promise.withdrawn": N_("Promise withdrawn"),
    "request.answered": N_("Request answered"),
    "request.opened": N_("Asked us for something"),
    "request.refused": N_("Request refused"),
    "reply.automatic": N_("An automatic answer came"),
    "reply.no_calls": N_("Wrote that they want no calls"),
    "reply.start": N_("Wrote that they want reminders again"),
    "reply.stop": N_("Wrote that they want no reminders"),
    "reply.stop_and_ask": N_("Wrote something that asks to stop; a person reads it"),
    "reply.task": N_("Wrote to us; a person reads it"),
    "request.withdrawn": N_("Request withdrawn"),
    "consent.opted_in": N_("Wants reminders again"),
    "contact.added": N_("Added a person"),
    "contact.address_changed": N_("Changed an address"),
    "contact.removed": N_("Removed a person"),
    "desk.contact_confirmed": N_("A second person confirmed a contact, who may get codes now"),
    "desk.signatory_marked": N_("Marked as one who may sign for the business"),
    "desk.signatory_unmarked": N_("May not sign for the business any more"),
    "invoice.forwarded": N_("Forwarded an invoice to a colleague"),
}

#: The margin of the timeline: where a thing happened.
PLACES: Mapping[str, str] = {
    "chargeback": N_("Gateway"),
    "refund": N_("Desk"),
    "worklist": N_("Desk"),
    "ladder": N_("Ladder"),
    "sales": N_("Sales"),
    "segment": N_("Desk"),
    "terms": N_("Desk"),
    "answer": N_("Portal"),
    "call": N_("Telephone"),
    "messenger": N_("Messenger"),
    "visit": N_("Visit"),
    "card": N_("Portal"),
    "consent": N_("Consent"),
    "charge": N_("Money"),
    "cheque": N_("Money"),
    "credit": N_("Money"),
    "credit_hold": N_("Desk"),
    "credit_note": N_("Money"),
    "dispute": N_("Dispute"),
    "email": N_("E-mail out"),
    "flag": N_("Desk"),
    "handover": N_("Desk"),
    "letter": N_("Post"),
    "link": N_("Link"),
    "offer": N_("Offer"),
    "payment": N_("Payment"),
    "plan": N_("Plan"),
    "portal": N_("Portal"),
    "promise": N_("Promise"),
    "reply": N_("Reply"),
    "request": N_("Request"),
    "sms": N_("SMS out"),
    "task": N_("Desk"),
    "contact": N_("Portal"),
    "desk": N_("Desk"),
    "invoice": N_("Portal"),
}

MESSAGE_KINDS: Mapping[str, str] = {
    "personal": N_("Personal message"),
    **SALES_MESSAGE_KINDS,
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
    **CARD_MESSAGES,
    **PAYMENT_MESSAGES,
    **REVERSAL_MESSAGES,
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
    "request_answered": N_("Request answered"),
    "one_time_code": N_("One-time code"),
    "invoice_forwarded": N_("Invoice forwarded"),
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

ALERTS: Mapping[str, str] = {
    **HOLD_ALERTS,
    **RECONCILIATION_ALERTS,
    **REVERSAL_ALERTS,
    **APPROVAL_ALERTS,
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
ADVICE: Mapping[str, str] = {
    **HOLD_ADVICE,
    **RECONCILIATION_ADVICE,
    **REVERSAL_ADVICE,
    **APPROVAL_ADVICE,
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
        "A line was changed or removed from outside. Keep the database as it is and call help."
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

TASKS: Mapping[str, str] = {
    **ACCOUNT_TASKS,
    **HOLD_TASKS,
    **APPROVAL_TASKS,
    **REVERSAL_TASKS,
    **PAYMENT_TASKS,
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

TASK_ADVICE: Mapping[str, str] = {
    **ACCOUNT_TASK_ADVICE,
    **HOLD_TASK_ADVICE,
    **APPROVAL_TASK_ADVICE,
    **REVERSAL_TASK_ADVICE,
    **PAYMENT_TASK_ADVICE,
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
DISPUTE_REASONS: Mapping[str, str] = {
    "missing_paperwork": N_("Order number or paper missing"),
    "wrong_price": N_("Price not as agreed"),
    "wrong_quantity": N_("Fewer pieces arrived"),
    "damaged": N_("Damaged or faulty"),
    "not_delivered": N_("Never arrived"),
    "service": N_("Service not as agreed"),
    "wrong_tax": N_("VAT wrong"),
    "already_paid": N_("Paid already"),
    "not_ours": N_("Not their order"),
    "duplicate": N_("Invoiced twice"),
    "other": N_("Something else"),
}

#: Why late payment costs an account or country nothing.
COSTS_OFF: Mapping[str, str] = {
    "consumer": N_("Private persons are charged nothing without a legal sign-off."),
    "contract_missing": N_("The policy asks for a rate agreed with the account."),
    "contract_off": N_("Agreed rates are switched off in the policy."),
    "country_off": N_("Switched off in the policy."),
    "cross_border": N_("Both sides are under different laws; an agreed rate is needed."),
    "no_rule": N_("No rule for this country."),
    "not_for_debtor": N_("The law is for businesses only."),
    "rule_empty": N_("No rate with a source is known, so nothing is computed."),
}

CHARGE_KINDS: Mapping[str, str] = {
    "fixed_sum": N_("Fixed sum"),
    "interest": N_("Interest"),
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

#: What came of a call.
CALL_OUTCOMES: Mapping[str, str] = {
    **MORE_CALL_OUTCOMES,
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

#: Groups of reasons in the filter of what was not sent.
REASON_GROUPS: Mapping[str, str] = {
    "cap:": N_("any limit of how often"),
    "flag:": N_("any fact about the debtor"),
    "paused:": N_("any pause"),
}

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

REFUSALS: Mapping[str, str] = {
    **ACCOUNT_REFUSALS,
    **CALL_REFUSALS,
    **RECONCILIATION_REFUSALS,
    **REVERSAL_REFUSALS,
    **FIGURE_REFUSALS,
    **FLAG_REFUSALS,
    **WORKLIST_REFUSALS,
    **STAFF_REFUSALS,
    **EDITOR_REFUSALS,
    **HOLD_REFUSALS,
    **APPROVAL_REFUSALS,
    **SALES_REFUSALS,
    "bank_lines_behind": N_("The bank’s lines are behind: nobody knows who has paid. Enter them first."),
    "day_before_last": N_("They were said to be in up to a later day already."),
    "notice_runs": N_("The debtor was told of a later day; hand over from that day on."),
    "sales_notice": N_("The salesperson hears of this one business day before. Decide it tomorrow."),
    "draft_waits": N_("Another version of this waits for a decision. Decide that one first."),
    "effective_past": N_("This day is past. Choose today or a later one, or leave it empty."),
    "ladder_name_differs": N_("The name in the body is another one."),
    "ladder_unknown": N_("No ladder of this name is in force."),
    "ladder_wrong_kind": N_("This ladder is not for such documents."),
    "nothing_changes": N_("This is what is in force already."),
    "rules_bad": N_("It cannot be put in force any more."),
    "rules_unreadable": N_("The rules of the house read otherwise than expected. Tell whoever runs it."),
    "same_ladder": N_("It climbs this ladder already."),
    "assigned_already": N_("Somebody else has said who wrote it."),
    "call_not_allowed": N_("This person may not be rung now."),
    "outcome_unfit": N_("This does not fit a call that nobody answered."),
    "decided_already": N_("Somebody else has decided this already."),
    "nothing_overdue": N_("Nothing is overdue, so there is nothing to wait for."),
    "outcome_unknown": N_("Choose what came of it."),
    "same_segment": N_("The account is of this kind already."),
    "same_terms": N_("These terms are agreed already."),
    "segment_unknown": N_("Choose one of the kinds."),
    "talk_used": N_("Time was asked for in this case already; once is all there is."),
    "terms_too_long": N_("The policy does not allow so many days."),
    "address_lines": N_("The address has too many lines."),
    "day_in_future": N_("This day is still to come."),
    "day_too_early": N_("This day is before the letters were printed, or too long ago."),
    "enclosures_missing": N_("Say that the enclosures lay in the envelopes, or take those letters out."),
    "letter_gone": N_("A letter is not there any more; somebody was faster. Look again."),
    "letters_failed": N_("The letters could not be made. Tell whoever runs the system."),
    "letter_not_posted": N_("This letter was not posted, or is back already."),
    "posted_already": N_("These letters are posted already."),
    "sending_stopped": N_("All sending is stopped; letters wait too."),
    "still_preparing": N_("The letters are being made. Press again in a moment."),
    "too_many_letters": N_("Too many at once. Print them in two batches."),
    "above_limit": N_("This is beyond what your role may agree to."),
    "address_malformed": N_("The address that was typed cannot be read. Ask for another one."),
    "address_missing": N_("The request names no address."),
    "already_on_hold": N_("This account is on hold already."),
    "ambiguous": N_("This can be read in two ways. Write the decimals too, for example 1234.00."),
    "amount_above_balance": N_("This is more than is open on the invoice."),
    "amount_above_contested": N_("This is more than is disputed."),
    "amount_above_note": N_("This is more than the credit note is over."),
    "amount_below_minimum": N_("This is less than can be paid by card."),
    "amount_is_all": N_("This is all that is open; there is nothing to forgive."),
    "amount_negative": N_("Write the amount without a minus sign."),
    "amount_off_step": N_("This is not a multiple of the smallest coin of the currency."),
    "amount_zero": N_("The amount must be more than zero."),
    "beyond_every_limit": N_("Nobody here may forgive so much."),
    "beyond_limit": N_("This is beyond what your role may forgive."),
    "credit_beyond_paid": N_(
        "This is more than is still open and was paid. Choose the credit note that is in the books"
        " already, or agree to less."
    ),
    "confirm_own": N_("You put this person there, so somebody else confirms."),
    "confirm_too_early": N_("It is too early for a second person; the page says from when."),
    "confirmed_already": N_("This person is confirmed already; somebody was first."),
    "charge_changed": N_(
        "What it was worked out from has changed, or it is no longer allowed. Work it out again first."
    ),
    "charge_issued": N_("It is issued already; a credit note takes it back."),
    "charge_waived": N_("It was waived; somebody was first."),
    "content_changed": N_("It has changed since you opened it. Read it again before you decide."),
    "country_unknown": N_("There is no calendar for this country."),
    "day_as_shipped": N_("The calendar has this day so already."),
    "day_out_of_range": N_("Calendars are kept from 2000 to 2100."),
    "day_past": N_("This day has passed."),
    "day_too_late": N_("This day is later than the rules give."),
    "days_unreadable": N_("Write the number of days."),
    "day_unreadable": N_("Write the day as year, month and day, for example 2026-12-11."),
    "dispute_closed": N_("This dispute is closed; somebody was faster, or it was withdrawn."),
    "already_handed_over": N_("A case of this account and currency stands already."),
    "case_changed": N_("What is open has changed since the case file was made. Prepare it again."),
    "case_file_missing": N_("The case file is not made yet."),
    "commission_too_high": N_("The commission is more than what was collected."),
    "handler_country": N_("It does not work in the account’s country."),
    "handler_inactive": N_("It takes no new cases."),
    "handler_incomplete": N_("Name, telephone and address are needed: the debtor is sent there."),
    "handler_known": N_("One of this name is on file already."),
    "handler_missing": N_("Choose who gets the case."),
    "legal_step_missing": N_("The law, or our own rule, wants something before it:"),
    "not_placed": N_("The case is not with anybody."),
    "nothing_asked": N_("Nothing that may be handed over is overdue and asked for."),
    "percent_unreadable": N_("This is not a percentage from 0 to 100."),
    "placed_in_future": N_("This day has not come yet."),
    "placed_too_early": N_("The case was not prepared by that day."),
    "reference_missing": N_("Write the number that they gave it."),
    "reference_reused": N_("This number was posted already, with other sums or another day."),
    "reference_too_long": N_("This number is too long."),
    "suppressed": N_("Something holds it up:"),
    "valued_in_future": N_("This day has not come yet."),
    "debtor_waits": N_("The debtor waits for an answer. Replace it, or let somebody else decide."),
    "earlier_first": N_("An earlier period of the same invoice waits; decide about that first."),
    "empty": N_("Fill this in."),
    "file_broken": N_("The file cannot be read."),
    "file_empty": N_("The file is empty."),
    "file_kind": N_("This is not a PDF or a picture."),
    "file_pixels": N_("The picture has too many pixels."),
    "file_size": N_("The file is too large."),
    "file_virus": N_("The scanner found something in the file."),
    "files_full": N_("The account has no room for more files."),
    "finding_missing": N_("Say what you found; the debtor reads it."),
    "invoice_busy": N_("One of the invoices is disputed, on its way or part of a plan."),
    "invoice_not_open": N_("This invoice is not open any more; nothing can be credited on it."),
    "money_on_its_way": N_(
        "A bank payment for this invoice is on its way. Wait until it has arrived, or agree to less."
    ),
    "name_missing": N_("The request names nobody."),
    "name_number": N_("The name holds a number."),
    "name_too_long": N_("The name is too long."),
    "name_unfit": N_("The name holds a link or an address."),
    "no_contact": N_("No active contact who could be written to."),
    "no_offers": N_("The rules have no grid of offers."),
    "none_chosen": N_("Tick at least one invoice."),
    "not_a_number": N_("This is not an amount. Write it like 1,234.50."),
    "not_confirmed": N_("Confirm this person first; who is not known to be theirs cannot sign."),
    "not_waiting": N_("It does not wait any more; somebody was first."),
    "phone_without_country": N_("The telephone number has no country code. Ask for it."),
    "nothing_to_credit": N_(
        "Nothing of this invoice is owed any more and nothing was paid for it. Choose the credit note that is"
        " in the books already; if there is none, refuse and say so: nothing is asked for."
    ),
    "nothing_open": N_("Nothing is open on this account."),
    "number_taken": N_("Another credit note of this account has this number already."),
    "offer_changed": N_("What is open has changed since the offer was made; it no longer stands."),
    "offer_expired": N_("Its last day has passed. Answer with another offer, or refuse it."),
    "offer_not_open": N_("It is no longer open."),
    "offer_running": N_("One of the invoices is part of an accepted offer."),
    "other_currency": N_("The invoice is in another currency."),
    "own_proposal": N_("You put it forward, so somebody else decides."),
    "plan_changed": N_("It has changed since you opened it. Read it again before you decide."),
    "plan_days_passed": N_("Its first day has passed. Name other terms, or refuse it."),
    "plan_gone": N_("It does not wait any more; somebody was first."),
    "rate_day": N_("Rates of a law begin on 1 January or 1 July."),
    "rate_missing": N_("No rate with a source is entered for one of its half-years."),
    "rate_range": N_("This is not a rate that can be right."),
    "rate_unreadable": N_("Write the percentage with a point, for example 2.15."),
    "rate_used": N_("A charge was worked out with the rate of this day, so it stays."),
    "reason_missing": N_("Say why, in a few words."),
    "release_above_overdue": N_("This is more than is overdue and asked for."),
    "release_zero": N_("The amount must be more than zero."),
    "request_over": N_("It was answered or taken back meanwhile."),
    "rule_empty": N_("No rate with a source is known for this country, so nothing is computed."),
    "rule_unknown": N_("There is no such rule."),
    "source_missing": N_("Say where the rate can be looked up."),
    "stands_still": N_("The invoice stands still today: a pause, an offer, a plan or a hold."),
    "too_large": N_("This amount is too large."),
    "too_long": N_("This is too long."),
    "too_precise": N_("This has more decimals than the currency has."),
    "withholding_books": N_("Tax that was withheld is answered by booking it."),
    "words_missing": N_("Write the answer first."),
    "words_too_long": N_("This is too long; at most 2,000 characters."),
}

HANDLER_KINDS: Mapping[str, str] = {
    "agency": N_("Collection agency"),
    "lawyer": N_("Law firm"),
}

#: Letters that come before a hand-over, and what of them is missing.
LEGAL_STEPS: Mapping[str, str] = {
    "claim_letter": N_("Letter of claim"),
    "formal_warning": N_("Formal warning"),
}

LEGAL_MISSING: Mapping[str, str] = {
    "not_enclosed": N_("posted without what has to lie in it"),
    "not_posted": N_("not posted yet"),
    "returned": N_("came back"),
    "waits": N_("posted; enough only from"),
}

#: What waits for a second person.
APPROVALS: Mapping[str, str] = {
    **APPROVAL_KINDS,
    "counter_offer": N_("Their own offer"),
    "offer": N_("Settlement offer"),
    "plan": N_("Plan beyond the rules"),
    "withholding": N_("Tax withheld"),
}

#: What reduced an invoice.
MOVEMENTS: Mapping[str, str] = {
    **APPROVAL_MOVEMENTS,
    "credit_note": N_("Credit note"),
    "early_payment_discount": N_("Discount for early payment"),
    "payment": N_("Payment"),
    "settlement_discount": N_("Written off by settlement"),
    "withholding_tax": N_("Tax withheld"),
}

OFFER_MAKERS: Mapping[str, str] = {
    "debtor": N_("the debtor"),
    "rule": N_("the rules"),
    "staff": N_("the desk"),
}

OFFER_STATES: Mapping[str, str] = {
    "accepted": N_("accepted, not paid yet"),
    "awaiting_approval": N_("awaiting approval"),
    "declined": N_("declined"),
    "draft": N_("draft"),
    "expired": N_("expired"),
    "lapsed": N_("lapsed"),
    "open": N_("open"),
    "refused": N_("refused"),
    "reopened": N_("undone"),
    "settled": N_("settled"),
    "superseded": N_("superseded"),
    "voided": N_("void"),
    "withdrawn": N_("withdrawn"),
}

PLAN_OUTSIDE: Mapping[str, str] = {
    "later_start": N_("The first part is later than the rules give."),
    "more_parts": N_("More or smaller parts than the rules give."),
}

REQUEST_KINDS: Mapping[str, str] = {
    "document": N_("Asks for a document"),
    "other_contact": N_("Not the right person"),
    "payment_claim": N_("Says it is paid"),
    "withholding": N_("Deducted tax at source"),
}

#: What is missing, or how it was paid.
REQUEST_WHAT: Mapping[str, str] = {
    "bank_details": N_("bank details"),
    "card": N_("card"),
    "cash": N_("cash"),
    "cheque": N_("cheque"),
    "delivery_note": N_("delivery note"),
    "invoice_copy": N_("copy of the invoice"),
    "order_number": N_("order number"),
    "other": N_("other"),
    "transfer": N_("transfer"),
}

#: What the treatment of a segment begins with; the next move that the desk suggests.
SEGMENT_MOVES: Mapping[str, str] = {
    "hardship": N_("Agree on a plan or a smaller sum; no new credit without a look at it."),
    "no_agreement": N_(
        "Place on hold, bring in sales and management, warn formally, hand over before day 120."
    ),
    "open_problem": N_("Solve the dispute first, by a person; then ask for payment at once."),
    "own_terms": N_("Agree on terms that follow the habit, and look at what they cost."),
    "reminder": N_("Write in a friendly way with a link; ring only above the threshold."),
    "untraceable": N_("Trace first: register, visit, another address; then hand over at once."),
}

SEGMENTS: Mapping[str, str] = {
    "hardship": N_("cannot pay in full now"),
    "no_agreement": N_("no agreement"),
    "open_problem": N_("has an open problem"),
    "own_terms": N_("pays on own terms"),
    "reminder": N_("needs a reminder"),
    "untraceable": N_("cannot be found"),
}

SALES_OUTCOMES: Mapping[str, str] = {
    "needs_time": N_("Needs time"),
    "not_reached": N_("Not reached"),
    "problem": N_("Something is wrong on our side"),
    "refuses": N_("Does not want to pay"),
    "will_pay": N_("Will pay"),
}

#: Rungs that a salesperson hears of before they act.
NOTICE_RUNGS: Mapping[str, str] = {
    **HOLD_NOTICES,
    "formal_warning": N_("Formal warning"),
    "freeze_review": N_("Credit hold to be decided"),
    "hand_over": N_("Hand-over"),
}

#: Rungs of the ladders that ship; a published ladder may name others, which stand for themselves.
RUNGS: Mapping[str, str] = {
    "courtesy": N_("Courtesy note"),
    "due_today": N_("Due today"),
    "first_reminder": N_("First reminder"),
    "call": N_("Call"),
    "official_letter": N_("Official letter"),
    "sales": N_("Sales asked"),
    "freeze_review": N_("Credit hold considered"),
    "formal_warning": N_("Formal warning"),
    "last_offer": N_("Last offer"),
    "hand_over": N_("Hand-over"),
    "counsel": N_("Papers to counsel"),
    "expires": N_("Order no longer kept"),
    "expiring": N_("Order kept until a last day"),
}
LADDERS: Mapping[str, str] = {
    "gentle": N_("Gentle"),
    "strict": N_("Strict"),
    "prepayment": N_("Prepayments"),
}
#: What a rung does, in a table of rungs.
RUNG_ACTS: Mapping[str, str] = {
    "call": N_("Call"),
    "expire": N_("The order is no longer kept"),
    "fee": N_("Late fee, where policy and contract allow one"),
    "hand_over": N_("Hand-over"),
    "hold": N_("Credit hold proposed"),
    "interest": N_("Interest, where policy and contract allow it"),
    "letter": N_("Letter"),
    "management": N_("Task for management"),
    "message": N_("Message"),
    "offer": N_("Settlement or plan proposed"),
    "sales": N_("Task for the salesperson"),
}
#: What a call is about, as rungs name it.
CALL_SCRIPTS: Mapping[str, str] = {
    "due_today": N_("due today"),
    "prepayment": N_("the order that waits"),
    "promise": N_("payment today, or a promise with its date"),
}
RECEIVERS: Mapping[str, str] = {"agency": N_("to an agency"), "counsel": N_("to counsel")}
#: Where something to compare comes from.
LADDER_SOURCES: Mapping[str, str] = {
    "in_force": N_("in force"),
    "planned": N_("planned"),
    "past": N_("earlier version"),
    "proposal": N_("proposed"),
    "shipped": N_("as shipped"),
    "version": N_("other version"),
}
#: Who collects, towards whom the rules of contact are.
COLLECTOR_ROLES: Mapping[str, str] = {
    "debt_buyer": N_("a buyer of debts"),
    "first_party": N_("the seller"),
    "third_party": N_("a collector for others"),
}
GATES: Mapping[str, str] = {
    "none": N_("nobody"),
    "collector": N_("a collector"),
    "supervisor": N_("a supervisor"),
}
LADDER_MODES: Mapping[str, str] = {
    "propose": N_("Proposes only"),
    "pilot": N_("Pilot group by itself"),
    "live": N_("By itself"),
}
#: What came of a step, beside what it did.
STEP_OUTCOMES: Mapping[str, str] = {
    "ceiling": N_("the day’s messages are used up"),
    "over": N_("nothing is asked for any more"),
}

TABLES: Mapping[str, Mapping[str, str]] = {
    **ACCOUNT_TABLES,
    **WORKLIST_TABLES,
    **FIGURE_TABLES,
    **RECONCILIATION_TABLES,
    **REVERSAL_TABLES,
    "actor": ACTORS,
    "advice": ADVICE,
    "alert": ALERTS,
    "answer_reason": ANSWER_REASONS,
    "approval": APPROVALS,
    "arrears_end": ARREARS_ENDS,
    "call_leads": CALL_LEADS,
    "cannot": CANNOT,
    "next_action": NEXT_ACTIONS,
    "problem_by": PROBLEM_BY,
    "recording_basis": RECORDING_BASES,
    "recording_needs": RECORDING_NEEDS,
    "spoken": SPOKEN,
    "visit_check": VISIT_CHECKS,
    "worked": WORKED,
    "audit": AUDIT,
    "call_outcome": CALL_OUTCOMES,
    "channel": CHANNELS,
    "charge_kind": CHARGE_KINDS,
    "contact_role": CONTACT_ROLES,
    "costs_off": COSTS_OFF,
    "debtor_type": DEBTOR_TYPES,
    "dispute_reason": DISPUTE_REASONS,
    "flag": FLAGS,
    "flag_means": FLAG_MEANS,
    "flag_name": FLAGS,
    "matrix_act": MATRIX_ACTS,
    "matrix_word": MATRIX_WORDS,
    "handler_kind": HANDLER_KINDS,
    "inbound_kind": INBOUND_KINDS,
    "inbound_outcome": INBOUND_OUTCOMES,
    "inbound_show": INBOUND_SHOWS,
    "inbox": INBOX,
    "invoice_kind": INVOICE_KINDS,
    "ledger": LEDGER,
    "legal_missing": LEGAL_MISSING,
    "legal_step": LEGAL_STEPS,
    "link_state": LINK_STATES,
    "message_kind": MESSAGE_KINDS,
    "met": MET,
    "method": METHODS,
    "movement": MOVEMENTS,
    "offer_maker": OFFER_MAKERS,
    "offer_status": OFFER_STATES,
    "place": PLACES,
    "plan_outside": PLAN_OUTSIDE,
    "purpose": PURPOSES,
    "letter_end": LETTER_ENDS,
    "letter_enclosure": LETTER_ENCLOSURES,
    "letter_kind": LETTER_KINDS,
    "reason": REASONS,
    "reason_group": REASON_GROUPS,
    "refusal": REFUSALS,
    "request_kind": REQUEST_KINDS,
    "request_what": REQUEST_WHAT,
    "role": ROLES,
    "rung": RUNGS,
    "ladder": LADDERS,
    "fresh_act": FRESH_ACT_WORDS,
    "policy_about": POLICY_ABOUT,
    "policy_choice": POLICY_CHOICES,
    "policy_column": POLICY_COLUMNS,
    "policy_effect": POLICY_EFFECTS,
    "policy_key": POLICY_KEYS,
    "policy_part": {**ROLES, **SEGMENTS, **LETTER_KINDS, **APPROVALS, **POLICY_PARTS},
    "policy_section": POLICY_SECTIONS,
    "policy_unit": POLICY_UNITS,
    "text_mark": TEXT_MARKS,
    "text_part": TEXT_PARTS,
    "gate": GATES,
    "rung_act": RUNG_ACTS,
    "rule": RULES,
    "call_script": CALL_SCRIPTS,
    "receiver": RECEIVERS,
    "ladder_source": LADDER_SOURCES,
    "collector_role": COLLECTOR_ROLES,
    "ladder_mode": LADDER_MODES,
    "step_outcome": STEP_OUTCOMES,
    "scope": SCOPES,
    **HOLD_TABLES,
    **APPROVAL_TABLES,
    **SALES_TABLES,
    "notice_rung": NOTICE_RUNGS,
    "sales_outcome": SALES_OUTCOMES,
    "segment": SEGMENTS,
    "segment_move": SEGMENT_MOVES,
    "task": TASKS,
    "task_advice": TASK_ADVICE,
    "timeline": TIMELINE,
    "waits": {**REASONS, **WAITS},
}


#: Tables in which a fact about a debtor stands by its code.
_OF_DEBTORS = ("flag", "reason", "waits")
_GUARDED = {kind.value for kind in GUARDED}


def is_guarded(code: str) -> bool:
    """Whether a code names a fact that this reader may not know by name."""
    named = code.removeprefix("flag:")
    return named == UNNAMED or (named in _GUARDED and not web.staff_may(Permission.HARDSHIP_READ))


def word(table: str, code: str) -> str:
    """Return the word for a code in the reader's language; a code without a word stands for itself.

    A fact about a debtor that the reader may not know is said to be one, and not which.

    Args:
        table: a key of TABLES.
    """
    if table in _OF_DEBTORS and is_guarded(code):
        return str(gettext(GUARDED_FACT))
    text = TABLES[table].get(code)
    return str(gettext(text)) if text else code
