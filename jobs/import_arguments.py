"""The arguments of `amicable import invoices`, and the options they make."""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

from models.invoices import InvoiceKind
from models.money import UnknownCurrency, currency_row
from receivables.countries import country_code
from receivables.intake.rows import FIELDS, IntakeOptions

EXAMPLES = """examples:
  amicable import invoices march.csv --creditor NORTH
  amicable import invoices online_retail.csv --creditor NORTH --currency GBP \\
      --terms 30 --as-of 2010-12-31 --date-order dmy --drop-zero-lines
  amicable import invoices export.txt --creditor NORTH --delimiter tab --decimal-mark , \\
      --encoding cp1252 --map "Rechnungsnr=number" --map "Kunde=customer"

one row is one line of an invoice; lines of one invoice may stand anywhere in the file.
fields for --map: """ + ", ".join(FIELDS)

_TERMS = "invoices without a due date are due so many days after issue"
_AS_OF = (
    "day on which the books open (2026-01-31): what was issued before it is effective in the books "
    "on that day; issue dates and due dates stay as they are"
)
_DROP = (
    "leave out lines with price zero instead of rejecting their invoice; "
    "a negative price rejects it all the same"
)
_COUNTRY = "of new customers whose country is empty (default: the creditor's) or not one we know"
_KIND = "of documents that do not say it (default: credit note if the total is negative, else invoice)"


def add_import_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `amicable import invoices` to a parser."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("file", type=Path, metavar="FILE", help="delimited text, one row a line of an invoice")
    add("--creditor", required=True, metavar="CODE", help="whose invoices these are")
    add("--currency", type=_currency, metavar="GBP", help="of invoices without a currency of their own")
    add("--terms", type=_days, metavar="DAYS", help=_TERMS)
    add("--as-of", type=_day, metavar="DATE", help=_AS_OF)
    add("--delimiter", type=_delimiter, metavar="CHAR", help="; , | or tab; found by looking if left out")
    add("--decimal-mark", choices=[".", ","], help="found by looking if left out")
    add("--date-order", choices=["dmy", "mdy", "ymd"], help="found by looking if left out")
    add("--encoding", metavar="NAME", help="such as cp1252 or utf-16; only UTF-8 is found by looking")
    add("--map", action="append", default=[], type=_mapping, metavar="COLUMN=FIELD", help="what a column is")
    add("--drop-zero-lines", action="store_true", help=_DROP)
    add("--country", type=_country, metavar="GB", help=_COUNTRY)
    add("--language", metavar="en", help="of new customers (default: their country's, if it is offered)")
    add("--kind", choices=[kind.value for kind in InvoiceKind], help=_KIND)
    add("--json", action="store_true", help="counts for programs instead of words")


def _currency(text: str) -> str:
    try:
        currency_row(text.upper())
    except UnknownCurrency:
        raise argparse.ArgumentTypeError(f"no currency we know: {text}") from None
    return text.upper()


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text[:6]) > 3650:
        raise argparse.ArgumentTypeError("a number of days from 0 to 3650")
    return int(text)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("a day such as 2026-01-31") from None


def _delimiter(text: str) -> str:
    return {"tab": "\t", "\\t": "\t"}.get(text.casefold(), text)


def _country(text: str) -> str:
    code = country_code(text)
    if code is None:
        raise argparse.ArgumentTypeError(f"no country we know: {text}")
    return code


def _mapping(text: str) -> tuple[str, str]:
    column, mark, name = text.rpartition("=")
    if not mark or not column:
        raise argparse.ArgumentTypeError("COLUMN=FIELD, such as Kunde=customer")
    return column, name


def intake_options(args: argparse.Namespace) -> IntakeOptions:
    """Return what the arguments say of the file."""
    return IntakeOptions(
        currency=args.currency,
        terms_days=args.terms,
        as_of=args.as_of,
        delimiter=args.delimiter,
        encoding=args.encoding,
        decimal_mark=args.decimal_mark,
        date_order=args.date_order,
        drop_zero_lines=args.drop_zero_lines,
        country=args.country,
        language=args.language,
        kind=InvoiceKind(args.kind) if args.kind else None,
        columns=dict(args.map),
    )
