"""What `amicable import` says on the screen: what came of a file, and why something was left out."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

from models.money import Money
from receivables.intake.rows import FIELDS

REASONS = {
    "amount_too_large": "larger than any amount we keep",
    "basis_unusable": "a fee's basis needs a sum and its rate, and both ends of a period",
    "binary": "not a text file",
    "column_missing": "no such column among these; --map names it",
    "column_twice": "two columns mean the same; --map chooses one",
    "conflict": "differs from an earlier line of the same document",
    "country_unknown": "no country we know; --country says one for all of these",
    "currency_unknown": "no currency we know",
    "date_ambiguous": "day and month can be read in two ways in every row; say --date-order",
    "delimiter_not_found": "no delimiter found; say --delimiter",
    "discount_unusable": "a discount needs an amount below the total and a last day from the issue on",
    "due_before_issue": "due before it was issued",
    "email_unusable": "not an e-mail address",
    "empty": "empty",
    "empty_file": "the file is empty",
    "encoding": "not in this encoding; say --encoding",
    "field_too_large": "a cell is too large; is a quotation mark left open?",
    "impossible_date": "no such day",
    "kind_unknown": "no kind of document we know",
    "line_too_long": "a line is too long for a table",
    "negative_total": "the total is negative",
    "no_customer": "no customer",
    "no_lines": "nothing is left of it",
    "no_rows": "no rows behind the header",
    "not_a_date": "not a date",
    "not_a_number": "not a number",
    "nul": "a NUL byte: not a text file",
    "number_ambiguous": "the mark may be a decimal mark or part groups; say --decimal-mark",
    "number_taken": "this number is in the books with other content",
    "number_too_long": "too many digits",
    "number_twice": "two documents of one kind have this number",
    "phone_unusable": "the number does not say its country (+44…)",
    "price_not_positive": "the price is zero or negative",
    "quoting": "quotation marks do not match",
    "rate_out_of_range": "a tax rate is 0 or more and less than 100",
    "reference_unknown": "no invoice of this customer has this number",
    "text_too_long": "too long",
    "too_many_places": "too many decimals",
    "total_differs": "the stated total is not what the lines sum up to",
    "two_currencies": "two currencies in one document",
    "utf16_unsaid": "the file is UTF-16; say --encoding utf-16",
    "wrong_columns": "not as many cells as the header has",
}
WRONG_USES = {
    "creditor_unknown": "there is no creditor with the code {0}",
    "currency_needed": "the file has no currency column: say --currency",
    "file_unreadable": "cannot read {0}",
    "language_not_offered": "the creditor does not offer the language {0}",
    "option_unusable": "{0}",
    "terms_needed": "the file has no due dates: say --terms and --as-of",
    "unknown_column": "the file has no column {0}",
    "unknown_field": "there is no field {0}; fields are " + ", ".join(FIELDS),
}


@dataclass(slots=True)
class Outcome:
    """What came of a file; the fields of `--json`.

    Attributes:
        status: `imported`, `nothing_new` or `refused`.
        invoices, credit_notes: documents that this file brought into the books, in all its runs.
        already_known: documents that were in the books before, with the same content.
        rejected: documents left out; `reasons` counts what was wrong, by reason.
        details_left_out: addresses of contacts that were unusable; their documents are imported.
        totals: currency -> kind -> minor units of what this file brought.
        report: where the findings are written down, or None.
    """

    file: str
    creditor: str
    status: str = "imported"
    batch: str | None = None
    rows: int = 0
    dropped_lines: int = 0
    invoices: int = 0
    credit_notes: int = 0
    already_known: int = 0
    rejected: int = 0
    errors: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    details_left_out: int = 0
    accounts_added: int = 0
    contacts_added: int = 0
    totals: dict[str, dict[str, int]] = field(default_factory=dict)
    unused_columns: list[str] = field(default_factory=list)
    report: str | None = None


class Bar:
    """A progress bar on the error stream, when a person looks at it."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet, self._shown = quiet, ""

    def __call__(self, what: str, so_far: int, of: int) -> None:
        if self._quiet:
            return
        percent = 100 * so_far // of if of else 100
        text = f"{what:<9} [{'#' * (percent * 30 // 100):<30}] {percent:3d} %"
        if text != self._shown:
            self._shown = text
            sys.stderr.write("\r" + text)
            sys.stderr.flush()

    def end(self) -> None:
        if self._shown:
            sys.stderr.write("\r" + " " * len(self._shown) + "\r")
            self._shown = ""


def summary(outcome: Outcome) -> str:
    """Return what came of a file, for a person at a terminal."""
    name = f"{outcome.file} for {outcome.creditor}"
    found = "; ".join(f"{REASONS[reason]}: {count:,}" for reason, count in outcome.reasons.items())
    if outcome.status == "refused":
        lines = [f"{name}: nothing was imported, {outcome.errors:,} errors ({found})"]
    elif outcome.status == "nothing_new":
        lines = [f"{name}: nothing new, its {outcome.already_known:,} documents are in the books"]
    else:
        lines = [
            f"{name}: {outcome.rows:,} rows read",
            f"Imported {outcome.invoices:,} invoices and {outcome.credit_notes:,} credit notes; "
            f"{outcome.accounts_added:,} new customers, {outcome.contacts_added:,} new contacts",
        ]
        if outcome.already_known:
            lines.append(f"{outcome.already_known:,} documents were in the books already")
        lines += [f"{currency}: {_sums(currency, kinds)}" for currency, kinds in outcome.totals.items()]
    if outcome.status != "refused" and outcome.rejected:
        lines.append(f"Left out {outcome.rejected:,} documents" + (f" ({found})" if found else ""))
    if outcome.details_left_out:
        lines.append(
            f"Left out {outcome.details_left_out:,} e-mail addresses, telephone numbers or references"
        )
    if outcome.dropped_lines:
        lines.append(f"Left out {outcome.dropped_lines:,} lines with price zero")
    if outcome.unused_columns:
        lines.append("Columns not used: " + ", ".join(outcome.unused_columns))
    if outcome.report:
        lines.append(f"Report: {outcome.report}")
    return "\n".join(lines)


def _sums(currency: str, kinds: dict[str, int]) -> str:
    return ", ".join(
        f"{kind.replace('_', ' ')} {Money(minor, currency).decimal:,}" for kind, minor in kinds.items()
    )
