"""Words of reconciliation and of how the gateway is heard: lists, movements, alerts, refusals."""

from __future__ import annotations

from collections.abc import Mapping


def N_(text: str) -> str:
    """Mark a text for translation where it is defined; `word` translates it where it is shown."""
    return text


RECONCILIATION_AUDIT: Mapping[str, str] = {
    "event.tried_again": N_("Notice of the gateway tried again"),
    "payout.moved": N_("Payout of the gateway moved"),
    "reconciliation.explained": N_("Difference with the gateway explained"),
    "reconciliation.found": N_("Difference with the gateway found"),
    "reconciliation.gone": N_("Difference with the gateway is over"),
}

RECONCILIATION_ALERTS: Mapping[str, str] = {
    "chargeback_found": N_("A chargeback had reached the gateway and not us"),
    "clearing_aged": N_("Money has been on its way for too long"),
    "clearing_unexplained": N_("A clearing account holds money that nothing explains"),
    "endpoint_events": N_("The gateway tells us too little, or in another version than ours"),
    "endpoint_missing": N_("The gateway notifies no address of ours"),
    "endpoint_off": N_("The gateway has stopped notifying us"),
    "events_gap": N_("The gateway’s list of events does not go back to where we stopped reading"),
    "events_silent": N_("Charges are made, and the gateway tells us nothing"),
    "gateway_unread": N_("The gateway’s lists cannot be read"),
    "money_found": N_("Money came that we had not heard of"),
    "not_reconciled": N_("The gateway could not be compared with the books"),
    "reconciliation_differs": N_("Gateway and books differ"),
    "refund_found": N_("A refund had been made that we had not heard of"),
}

#: What to do about an alert, in one sentence.
RECONCILIATION_ADVICE: Mapping[str, str] = {
    "chargeback_found": N_("It is booked, late. What it paid is owed again; look at its days for evidence."),
    "clearing_aged": N_(
        "See under Reconciliation what waits where and since when: at the gateway, at the bank or with us."
    ),
    "clearing_unexplained": N_(
        "It is older than what was compared, or was posted by hand. Let the days before be compared by "
        "command, and look at the entries under Reconciliation."
    ),
    "endpoint_events": N_(
        "Line to the gateway says what our address is not told of. Give it these events at the gateway; for "
        "another version, make the address anew in ours."
    ),
    "endpoint_missing": N_(
        "Payments are still found every few minutes. Enter our address at the gateway, as the set-up says."
    ),
    "endpoint_off": N_(
        "Payments are still found every few minutes. Switch the address on again at the gateway."
    ),
    "events_gap": N_("The comparison with the gateway’s balance finds the money; see that it has run."),
    "events_silent": N_("Payments are still found. See whether our address can be reached from outside."),
    "gateway_unread": N_(
        "What it does not tell us by itself is not found meanwhile. See whether its key still holds and may "
        "read events and endpoints."
    ),
    "money_found": N_("It is booked, late. See whether the debtor was chased meanwhile, and tell him."),
    "not_reconciled": N_("It is tried again every hour. See whether the gateway’s key still holds."),
    "refund_found": N_("It is booked, late. See whether it was meant, and what is owed again."),
    "reconciliation_differs": N_("Look at the lists under Reconciliation; explain what is right as it is."),
}

RECONCILIATION_REFUSALS: Mapping[str, str] = {
    "event_done": N_("This notice was understood meanwhile."),
    "event_missing": N_("Say which notice is tried again."),
    "finding_gone": N_("Gateway and books agree on this by now; there is nothing to explain."),
}

#: What moved on the gateway's balance, and what else a difference may be about.
MOVEMENTS: Mapping[str, str] = {
    "adjustment": N_("adjustment"),
    "charge": N_("charge"),
    "charge_failure": N_("bank debit that failed"),
    "charge_pending": N_("bank debit on its way"),
    "dispute": N_("chargeback"),
    "dispute_reversal": N_("chargeback given back"),
    "entry": N_("entry in the books"),
    "exchange": N_("change of currency"),
    "fee": N_("fee of the gateway"),
    "other": N_("something else"),
    "payout": N_("payout"),
    "payout_failure": N_("payout that came back"),
    "payout_sum": N_("payout and its movements"),
    "refund": N_("refund"),
    "refund_failure": N_("refund that came back"),
    "unread": N_("movement in a currency or a fraction that we do not know"),
}

FINDING_LISTS: Mapping[str, str] = {
    "different": N_("Different"),
    "missing_here": N_("Missing here"),
    "missing_there": N_("Missing there"),
}

#: What each list means, and what is next.
FINDING_MEANS: Mapping[str, str] = {
    "different": N_("Both know it, with different amounts. Find which is right; explain it, or correct it."),
    "missing_here": N_(
        "The gateway moved it and our books know nothing of it. What is ours was brought in by itself; "
        "what is left is no payment of ours, or needs a person."
    ),
    "missing_there": N_("Our books have it and the gateway does not. Find out what was posted, and why."),
}

PAYOUT_STATES: Mapping[str, str] = {
    "cancelled": N_("cancelled"),
    "failed": N_("came back"),
    "in_transit": N_("on its way"),
    "paid": N_("paid"),
    "pending": N_("not sent yet"),
}

#: Regular work on a gateway account.
GATEWAY_WORKS: Mapping[str, str] = {
    "endpoints": N_("Asking whether it notifies us"),
    "events": N_("Reading its list of events"),
    "events_wide": N_("Reading what it could not deliver"),
    "reconcile": N_("Comparing it with the books"),
}

RECONCILIATION_TABLES: Mapping[str, Mapping[str, str]] = {
    "finding_list": FINDING_LISTS,
    "finding_means": FINDING_MEANS,
    "gateway_work": GATEWAY_WORKS,
    "gateway_movement": MOVEMENTS,
    "payout_status": PAYOUT_STATES,
}
