"""Words of refunds to cards, chargebacks and payments that went back."""

from __future__ import annotations

from collections.abc import Mapping


def N_(text: str) -> str:
    """Mark a text for translation where it is defined; `word` translates it where it is shown."""
    return text


REVERSAL_AUDIT: Mapping[str, str] = {
    "chargeback.moved": N_("Chargeback moved"),
    "chargeback.noted": N_("What was submitted to a chargeback noted"),
    "payment.given_back": N_("Payment counts again"),
    "payment.suspected": N_("Warning of fraud about a payment"),
    "payment.taken_back": N_("Payment taken back"),
    "refund.failed": N_("Refund came back"),
}
REVERSAL_TIMELINE: Mapping[str, str] = {
    "chargeback.closed": N_("Chargeback closed"),
    "chargeback.inquiry": N_("The payer’s bank asks about a payment"),
    "chargeback.lost": N_("Chargeback lost"),
    "chargeback.noted": N_("Answer to a chargeback noted"),
    "chargeback.open": N_("Payment charged back"),
    "chargeback.under_review": N_("The bank looks at our answer to a chargeback"),
    "chargeback.won": N_("Chargeback won"),
    "payment.given_back": N_("Money that was taken back counts again"),
    "payment.suspected": N_("The card network warns of fraud"),
    "payment.taken_back": N_("Money of a payment went back"),
    "payment.to_review": N_("The gateway asks us to look at a payment"),
    "refund.failed": N_("Refund came back"),
}
REVERSAL_ALERTS: Mapping[str, str] = {
    "chargeback_due": N_("Evidence for a chargeback is due"),
    "chargeback_unpaid": N_("A chargeback was won, and its money has not come back"),
    "movement_unmatched": N_("Money moved at the gateway that fits no payment"),
    "refund_needs_action": N_("The gateway waits for us to go on with a refund"),
    "refund_unresolved": N_("Nobody knows what became of a refund"),
    "taken_beyond": N_("More went back than was left of a payment"),
}
#: What to do about an alert, in one sentence.
REVERSAL_ADVICE: Mapping[str, str] = {
    "chargeback_due": N_("Submit it at the gateway and note it under Chargebacks, or it is lost."),
    "chargeback_unpaid": N_("Ask the gateway where it is. Until it is back, nobody is reminded of it."),
    "movement_unmatched": N_(
        "Nothing was booked. Look at the movement at the gateway, and speak with the books."
    ),
    "refund_needs_action": N_("Open the refund at the gateway and do what it asks for."),
    "refund_unresolved": N_("We ask the gateway again by ourselves. If it stays so, look for it there."),
    "taken_beyond": N_("The payer was paid twice. Ask for the difference, and tell the books."),
}
REVERSAL_TASKS: Mapping[str, str] = {
    "chargeback": N_("Answer a chargeback"),
    "fraud_warning": N_("Look at a warning of fraud"),
    "payment_returned": N_("A payment went back"),
    "refund_failed": N_("A refund came back"),
}
REVERSAL_TASK_ADVICE: Mapping[str, str] = {
    "chargeback": N_(
        "Submit evidence at the gateway before the day, or accept it; note it under Chargebacks."
    ),
    "fraud_warning": N_(
        "If the payment was not the payer’s own, refund it in the gateway’s dashboard: that avoids a "
        "chargeback and its fee. It is booked here by itself, and what it paid is owed again."
    ),
    "payment_returned": N_("It is owed again. Ask for it anew, issue a credit note, or propose a write-off."),
    "refund_failed": N_(
        "The money stands to their credit again. Ask for a bank account and propose a transfer."
    ),
}
REVERSAL_REFUSALS: Mapping[str, str] = {
    "chargeback_over": N_("This chargeback is decided; there is nothing to submit any more."),
    "goes_to_card": N_("The gateway sends this one to the card; there is nothing to note."),
    "not_by_card": N_("This payment did not come through the gateway, so it cannot go back there."),
    "note_missing": N_("Write what was sent."),
    "payment_contested": N_("The payer contests this payment with his bank; it cannot be refunded."),
    "refunded_before": N_("Less than that may still go back to this card."),
    "payment_missing": N_("Name the payment whose card receives it."),
}
REVERSAL_TABLES: Mapping[str, Mapping[str, str]] = {
    "chargeback_reason": {
        "bank_cannot_process": N_("the bank cannot process it"),
        "check_returned": N_("cheque returned"),
        "credit_not_processed": N_("a credit was promised and did not come"),
        "customer_initiated": N_("asked for by the payer"),
        "debit_not_authorized": N_("debit not authorised"),
        "duplicate": N_("paid twice"),
        "fraudulent": N_("not made by the payer"),
        "general": N_("no reason given"),
        "incorrect_account_details": N_("wrong account details"),
        "insufficient_funds": N_("no funds on the account"),
        "noncompliant": N_("against the rules of the card network"),
        "product_not_received": N_("goods or service not received"),
        "product_unacceptable": N_("goods or service not as agreed"),
        "subscription_canceled": N_("cancelled before"),
        "unrecognized": N_("payer does not recognise it"),
    },
    "chargeback_todo": {
        "closed": N_("Nothing: it ended without money moving, or before a decision."),
        "inquiry": N_("Answer the bank’s question, so that it does not become a chargeback."),
        "lost": N_("It is owed again: ask for it anew, or propose a write-off."),
        "open": N_("Submit invoice, delivery note and correspondence, or accept it."),
        "under_review": N_("Wait: the bank decides within some weeks."),
        "won": N_("Nothing: the money is back and counts."),
        "won_unpaid": N_("Wait: the money is on its way back. Until then nobody is reminded of it."),
    },
    "refund_way": {
        "bank_transfer": N_("by bank transfer"),
        "card": N_("to the card that paid"),
    },
    "refund_failure": {
        "amount_off_step": N_("it was not a multiple of the smallest coin of the currency"),
        "cancelled": N_("it was cancelled at the gateway"),
        "charge_already_refunded": N_("the payment was sent back before"),
        "charge_disputed": N_("the payer contests the payment"),
        "charge_for_pending_refund_disputed": N_("the payer contests the payment"),
        "declined": N_("the payer’s bank declined it"),
        "expired_or_canceled_card": N_("the card has expired or was closed"),
        "failed": N_("the gateway gives no reason"),
        "insufficient_funds": N_("too little money with the gateway"),
        "lost_or_stolen_card": N_("the card was reported lost or stolen"),
        "merchant_request": N_("it was cancelled at the gateway"),
        "never_created": N_("the gateway never received it"),
        "unknown": N_("the gateway gives no reason"),
    },
    "refund_remote": {
        "cancelled": N_("cancelled at the gateway"),
        "failed": N_("failed at the gateway"),
        "pending": N_("on its way"),
        "requires_action": N_("the gateway waits for us"),
        "succeeded": N_("sent by the gateway"),
    },
    "reversal_cause": {
        "bank_return": N_("taken back by the bank"),
        "chargeback": N_("charged back"),
        "lost": N_("chargeback lost"),
        "mistake": N_("booked by mistake"),
        "refund": N_("refunded at the gateway"),
    },
}
#: Messages of this room.
REVERSAL_MESSAGES: Mapping[str, str] = {
    "payment_restored": N_("Payment counts again"),
    "payment_returned": N_("Payment taken back by the bank"),
    "card_refund_sent": N_("Refund sent to the card"),
}
