"""What the pages of figures call their columns, their ways and ages, and why a figure is missing."""

from __future__ import annotations

from collections.abc import Mapping


def N_(text: str) -> str:
    """Mark a text for translation where it is defined; `word` translates it where it is shown."""
    return text


SETTLEMENT_COLUMNS: Mapping[str, str] = {
    "kind": N_("Kind"),
    "reference": N_("Reference"),
    "account_number": N_("Account number"),
    "account": N_("Account"),
    "invoices": N_("Invoices"),
    "currency": N_("Currency"),
    "original": N_("Original"),
    "agreed": N_("Agreed"),
    "paid": N_("Paid"),
    "forgiven_net": N_("Forgiven, net"),
    "forgiven_tax": N_("Forgiven, tax"),
    "made_by": N_("Made by"),
    "proposer": N_("Proposed by"),
    "approver": N_("Approved by"),
    "policy_version": N_("Policy version"),
    "proposed_on": N_("Proposed on"),
    "decided_on": N_("Decided on"),
    "accepted_on": N_("Accepted on"),
    "pay_by_on": N_("To be paid by"),
    "ended_on": N_("Ended on"),
    "status": N_("State"),
}
SETTLEMENT_KINDS: Mapping[str, str] = {"offer": N_("offer"), "plan": N_("plan")}
#: States of plans as staff read them in a table.
PLAN_STATES: Mapping[str, str] = {
    "active": N_("active"),
    "awaiting_approval": N_("awaiting approval"),
    "cancelled": N_("cancelled"),
    "completed": N_("completed"),
    "declined": N_("declined"),
    "defaulted": N_("in default"),
    "proposed": N_("drawn up"),
    "withdrawn": N_("withdrawn"),
}
FIGURE_AUDIT: Mapping[str, str] = {"target.set": N_("Target for a month set")}
FIGURE_REFUSALS: Mapping[str, str] = {
    "format_unknown": N_("Tables are given as CSV or XLSX."),
    "period_backwards": N_("The last day is before the first."),
    "period_too_long": N_("Ask for ten years at most."),
    "no_books": N_(
        "Nothing is in the books yet. The figures begin with the first import; ask whoever runs the system."
    ),
    "settlements_differ": N_("A figure differs from the ledger, so nothing was exported."),
    "month_unreadable": N_("Write the month as year and month, for example 2026-12."),
    "target_zero": N_("A target is more than nothing."),
}
PAGES: Mapping[str, str] = {"settlements": N_("Settlements out")}
#: Sheets and headings of the dashboard's tables.
TABLES_OF_FIGURES: Mapping[str, str] = {
    "key": N_("Key figures"),
    "ageing": N_("Ageing, end of each month"),
    "collected": N_("Collected against target"),
    "team": N_("Own figures and team"),
    "ways": N_("How payments came in"),
    "promises": N_("Promises judged"),
    "at_risk": N_("Plans at risk"),
    "rungs": N_("Recovery by rung"),
    "sold": N_("Collected by salesperson"),
    "signed": N_("Paid late or lost, by signing salesperson"),
    "prepaid": N_("Prepayments that hang, by signing salesperson"),
    "exceptions": N_("Exceptions given, by person"),
    "again": N_("Orders after collection"),
    "go_live": N_("Before and after go-live"),
    "statement": N_("Statement of what was collected"),
}
#: Ready ranges, and what each says of itself.
RANGES: Mapping[str, str] = {
    "month": N_("This month so far"),
    "last_month": N_("Last month"),
    "half_year": N_("Last six months"),
    "year": N_("Last twelve months"),
    "": N_("Days of your own"),
}
COLUMNS: Mapping[str, str] = {
    "figure": N_("Figure"),
    "now": N_("Now"),
    "before": N_("The period before"),
    "change": N_("Change"),
    "unit": N_("Unit"),
    "month": N_("Month"),
    "not_due": N_("Not due"),
    "1_30": N_("1–30"),
    "31_60": N_("31–60"),
    "61_90": N_("61–90"),
    "91_120": N_("91–120"),
    "over_120": N_("Over 120"),
    "total": N_("Total"),
    "collected": N_("Collected"),
    "target": N_("Target"),
    "difference": N_("Difference"),
    "whose": N_("Whose"),
    "payments": N_("Payments"),
    "promises_kept": N_("Promises kept"),
    "promises_broken": N_("Promises broken"),
    "kept_share": N_("Kept, %"),
    "way": N_("Way"),
    "our_work": N_("Our work"),
    "share": N_("Share, %"),
    "amount": N_("Amount"),
    "outcome": N_("Outcome"),
    "number": N_("Number"),
    "account": N_("Account"),
    "why": N_("Why"),
    "rung": N_("Last rung before"),
    "salesperson": N_("Salesperson"),
    "reversed": N_("Reversed"),
    "net": N_("Net"),
    "due": N_("Fell due"),
    "late": N_("Paid late, or not yet"),
    "late_share": N_("Late, %"),
    "lost": N_("Lost"),
    "lost_share": N_("Lost, %"),
    "documents": N_("Documents"),
    "person": N_("Person"),
    "pause": N_("Pauses"),
    "discount": N_("Discounts"),
    "waiver": N_("Waivers"),
    "override": N_("Overrides"),
    "forgiven": N_("Forgiven"),
    "closed": N_("Accounts that paid late"),
    "again": N_("Invoiced again since"),
    "after": N_("After"),
    "day": N_("Day"),
    "what": N_("What"),
    "reference": N_("Reference"),
    "left": N_("Left"),
    "next": N_("Next due"),
}
#: Figures of one number, with what they are worked out from.
FIGURES: Mapping[str, str] = {
    "dso": N_("Days sales outstanding (DSO)"),
    "cei": N_("Collection effectiveness (CEI)"),
    "add": N_("Average days delinquent (ADD)"),
    "kept": N_("Promises kept"),
    "self_service": N_("Paid without us (self-service)"),
    "cycle": N_("Dispute to outcome"),
    "overdue_share": N_("Overdue part of what is open"),
}
FORMULAS: Mapping[str, str] = {
    "dso": N_("open on credit ÷ credit sales × days"),
    "cei": N_("collected, of what could be collected"),
    "add": N_("DSO less best possible DSO"),
    "kept": N_("by number of those judged"),
    "self_service": N_("by number of payments"),
    "cycle": N_("opened to outcome, on average"),
    "overdue_share": N_("past due ÷ open, at the end"),
}
UNITS: Mapping[str, str] = {"days": N_("days"), "percent": N_("%")}
WAYS_IN: Mapping[str, str] = {
    "page": N_("Payment page behind a link"),
    "saved_card": N_("Saved card on a plan"),
    "transfer": N_("Bank transfer"),
    "other": N_("Other"),
}
WORK: Mapping[str, str] = {"none": N_("none"), "some": N_("some")}
OUTCOMES: Mapping[str, str] = {"kept": N_("kept"), "broken": N_("broken")}
WHOSE: Mapping[str, str] = {"own": N_("Own accounts"), "team": N_("All accounts")}
NOBODY: Mapping[str, str] = {"": N_("nobody"), "before": N_("before any rung")}
MOVES: Mapping[str, str] = {"payment": N_("Payment"), "reversal": N_("Payment reversed")}
#: Why a figure or table is empty; a figure that cannot be worked out is never nought.
WHY_NOT: Mapping[str, str] = {
    "no_sales": N_("no credit sales in the range"),
    "nothing_collectable": N_("nothing could be collected in the range"),
    "none_judged": N_("no promise was judged in the range"),
    "no_payments": N_("no payment came in the range"),
    "none_resolved": N_("no dispute was resolved in the range"),
    "nothing_open": N_("nothing was open"),
    "no_days": N_("The books have no day in this range yet."),
    "no_plans": N_("No running plan is at risk."),
    "no_prepayments": N_("No prepayment is past its day."),
    "nothing_due": N_("Nothing fell due in the range."),
    "no_exceptions": N_("Nobody gave an exception in the range."),
    "none_closed": N_("Nobody paid anything late in the range."),
    "no_go_live": N_(
        "The rules of the house name no first day with Amicable, so there is nothing to compare."
    ),
    "no_history": N_("The books do not reach so far before go-live."),
    "before_kept": N_("the books do not reach so far back"),
}
FIGURE_TABLES: Mapping[str, Mapping[str, str]] = {
    "figures_page": PAGES,
    "figure_table": TABLES_OF_FIGURES,
    "figure_column": COLUMNS,
    "figure": FIGURES,
    "figure_formula": FORMULAS,
    "figure_unit": UNITS,
    "figure_range": RANGES,
    "figure_way": WAYS_IN,
    "figure_work": WORK,
    "figure_outcome": OUTCOMES,
    "figure_whose": WHOSE,
    "figure_nobody": NOBODY,
    "figure_move": MOVES,
    "figure_why": WHY_NOT,
    "plan_status": PLAN_STATES,
    "settlement_column": SETTLEMENT_COLUMNS,
    "settlement_kind": SETTLEMENT_KINDS,
}
