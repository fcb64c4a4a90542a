"""Words of approvals: what is asked for, what became of it, refunds, deputies, deciding alone."""

from __future__ import annotations

from collections.abc import Mapping


def N_(text: str) -> str:  # the name that pybabel looks for
    """Mark a text for translation where it is defined; `words.word` translates it where it is shown."""
    return text


#: What waits for a second person, beside offers, plans and withheld tax.
APPROVAL_KINDS: Mapping[str, str] = {
    "dispute_credit": N_("Credit after a dispute"),
    "hold_release": N_("Early end of a credit hold"),
    "policy": N_("Change of the rules"),
    "refund": N_("Refund"),
    "rules": N_("Change of ladder or contact rules"),
    "staff_role": N_("Role that touches money"),
    "text": N_("Change of a text"),
    "waiver": N_("Fee or interest given up"),
    "write_off": N_("Write-off"),
    "write_off_reopening": N_("Reopening of a write-off"),
}
APPROVAL_TABLES: Mapping[str, Mapping[str, str]] = {
    "void_reason": {
        "case_changed": N_("what it was about has changed"),
        "countered": N_("answered with another sum"),
    },
}
APPROVAL_AUDIT: Mapping[str, str] = {
    "approval.asked": N_("Put forward for a second person"),
    "approval.decided": N_("Decided by a second person"),
    "approval.voided": N_("Request fallen away"),
    "approval.withdrawn": N_("Request taken back"),
    "deputy.ended": N_("Deputyship ended"),
    "deputy.named": N_("Deputy named"),
    "invoice.reopened": N_("Written-off invoice reopened"),
    "invoice.written_off": N_("Invoice written off"),
    "refund.approved": N_("Refund approved"),
    "refund.paid_out": N_("Refund sent"),
}
APPROVAL_TIMELINE: Mapping[str, str] = {
    "invoice.reopened": N_("Written-off invoice is owed again"),
    "invoice.written_off": N_("Invoice written off"),
    "refund.approved": N_("Refund approved"),
    "refund.paid_out": N_("Refund sent"),
}
APPROVAL_ALERTS: Mapping[str, str] = {"approval_waits": N_("An approval waits too long")}
APPROVAL_ADVICE: Mapping[str, str] = {
    "approval_waits": N_("Everybody who may decide was told. Decide it, or name a deputy for who is away."),
}
APPROVAL_TASKS: Mapping[str, str] = {"pay_refund": N_("Send a refund")}
APPROVAL_TASK_ADVICE: Mapping[str, str] = {
    "pay_refund": N_("Send it by bank transfer as approved, then note day and reference under Refunds."),
}
APPROVAL_MOVEMENTS: Mapping[str, str] = {"write_off": N_("Written off")}
APPROVAL_REFUSALS: Mapping[str, str] = {
    "alone_not_alone": N_("Somebody else of the house can decide it, so you do not decide your own."),
    "alone_too_soon": N_("Your own proposal waits a day before you may decide it alone."),
    "alone_unproved": N_("Give password and code again first, then decide."),
    "amount_above_asked": N_("It must be less than what was asked for."),
    "bank_account_missing": N_("Name the bank account."),
    "credit_too_small": N_("There is less credit than that."),
    "day_ahead": N_("That day is still to come."),
    "deputy_days": N_("The last day is before the first."),
    "deputy_past": N_("The first day has passed."),
    "deputy_self": N_("Nobody stands in for himself, and nobody names himself for another."),
    "deputy_too_long": N_("At most three months at a time; name the deputy anew then."),
    "deputy_twice": N_("This deputy is named for these days already."),
    "not_countered": N_("This is decided whole: approve or refuse it."),
    "not_written_off": N_("This invoice is not written off."),
    "payee_missing": N_("Name the payee."),
    "recovered_since": N_("Money came for it since; it cannot be owed whole again."),
    "reference_missing": N_("Write what the bank’s statement says."),
    "request_waits": N_("It waits for a second person already."),
}
