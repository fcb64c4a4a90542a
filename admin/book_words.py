"""Documents, ways to pay, accounts of the ledger, interest and fees, reasons of disputes."""

from __future__ import annotations

from collections.abc import Mapping


def N_(text: str) -> str:  # the name that pybabel looks for
    """Mark a text for translation where it is defined; `words.word` translates it where it is shown."""
    return text


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
