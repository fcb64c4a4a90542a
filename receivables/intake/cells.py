"""What one cell of somebody's file says: numbers, days, codes. Nothing is guessed from one cell.

`find_marks` looks at many rows to find the decimal mark and the order of day and month; a cell
that could be read in two ways decides nothing. Source: decision 28; M-01 (no floats).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal, localcontext
from functools import lru_cache

from models.invoices import InvoiceKind
from models.money import MAX_MINOR, Money, currency_row, round_to_minor

#: Longest text that may be a number, and digits before and behind the mark.
NUMBER_LENGTH, WHOLE_DIGITS, PLACES = 40, 15, 10
#: Enough digits that a product of two numbers is exact before it is rounded once.
_EXACT = Context(prec=2 * (WHOLE_DIGITS + PLACES) + 10)
_GROUP = "[ \u00a0\u202f\u2009'’{other}]"
_NUMBERS = {
    mark: re.compile(
        rf"([+-]?)((?:[0-9]{{1,3}}(?:{_GROUP.format(other=other)}[0-9]{{3}})+)|[0-9]*)(?:{re.escape(mark)}([0-9]+))?"
    )
    for mark, other in ((".", ","), (",", "."))
}
_NUMERIC = re.compile(r"[+-]?[0-9.,'’ \u00a0\u202f\u2009]+")
_TIME = r"(?:[T ]+[0-9]{1,2}[:.][0-9]{2}.{0,20})?"
_YEAR_FIRST = re.compile(rf"([0-9]{{4}})([-/.])([0-9]{{1,2}})\2([0-9]{{1,2}}){_TIME}")
_YEAR_LAST = re.compile(rf"([0-9]{{1,2}})([-/.])([0-9]{{1,2}})\2([0-9]{{4}})\.?{_TIME}")
_EMAIL = re.compile(r"[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]{1,190}\.[^@\s.,;<>\"]{2,60}")
_KINDS = {
    "invoice": InvoiceKind.INVOICE, "inv": InvoiceKind.INVOICE, "380": InvoiceKind.INVOICE,
    "creditnote": InvoiceKind.CREDIT_NOTE, "credit": InvoiceKind.CREDIT_NOTE,
    "cn": InvoiceKind.CREDIT_NOTE, "381": InvoiceKind.CREDIT_NOTE,
    "prepayment": InvoiceKind.PREPAYMENT, "prepaymentinvoice": InvoiceKind.PREPAYMENT,
    "386": InvoiceKind.PREPAYMENT, "fee": InvoiceKind.FEE,
}  # fmt: skip


class CellUnreadable(ValueError):
    """A cell does not say what its column is for; `reason` names why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@lru_cache(maxsize=16384)
def plain_number(text: str, mark: str) -> str:
    """Return a number as a plain decimal string with a point, digits kept as written.

    Args:
        mark: decimal mark of the file, "." or ",".
    Raises:
        CellUnreadable: `empty`, `number_too_long`, `not_a_number`, `too_many_places`.

    >>> plain_number("1.234,50", ","), plain_number("-12", "."), plain_number(".5", ".")
    ('1234.50', '-12', '0.5')
    """
    if not text:
        raise CellUnreadable("empty")
    if len(text) > NUMBER_LENGTH:
        raise CellUnreadable("number_too_long")
    found = _NUMBERS[mark].fullmatch(text.replace("\u2212", "-"))
    if found is None or not (found[2] or found[3]):
        raise CellUnreadable("not_a_number")
    whole = re.sub("[^0-9]", "", found[2]).lstrip("0") or "0"
    if len(whole) > WHOLE_DIGITS:
        raise CellUnreadable("number_too_long")
    if found[3] and len(found[3]) > PLACES:
        raise CellUnreadable("too_many_places")
    number = whole + ("." + found[3] if found[3] else "")
    return "-" + number if found[1] == "-" and number.strip("0.") else number


@lru_cache(maxsize=16384)
def line_net_minor(quantity: str, unit_price: str, currency: str) -> int:
    """Return quantity × price, rounded once, half up, to minor units.

    Raises:
        CellUnreadable: `amount_too_large`.

    >>> line_net_minor("3", "2.555", "GBP"), line_net_minor("-1", "27.5", "GBP")
    (767, -2750)
    """
    with localcontext(_EXACT):
        value = Decimal(quantity) * Decimal(unit_price)
        if abs(value.scaleb(currency_row(currency).exponent)) > MAX_MINOR:
            raise CellUnreadable("amount_too_large")
        return round_to_minor(value, currency)


def line_tax_minor(net_minor: int, rate: str, currency: str) -> int:
    """Return the tax on a line's net amount, rounded half up to minor units.

    Args:
        rate: percent, a plain decimal from 0 up to but not 100.
    Raises:
        CellUnreadable: `rate_out_of_range`.

    >>> line_tax_minor(1250, "17.5", "GBP")
    219
    """
    if rate.startswith("-") or len(rate.partition(".")[0]) > 2:
        raise CellUnreadable("rate_out_of_range")
    with localcontext(_EXACT):
        return round_to_minor(Money(net_minor, currency).decimal * Decimal(rate).scaleb(-2), currency)


@lru_cache(maxsize=4096)
def amount_minor(text: str, mark: str, currency: str) -> int:
    """Return an amount that the file states, exactly; it is never rounded.

    Raises:
        CellUnreadable: see plain_number; `too_many_places` for the currency; `amount_too_large`.
    """
    minor = Decimal(plain_number(text, mark)).scaleb(currency_row(currency).exponent)
    if minor != minor.to_integral_value():
        raise CellUnreadable("too_many_places")
    if abs(minor) > MAX_MINOR:
        raise CellUnreadable("amount_too_large")
    return int(minor)


@lru_cache(maxsize=4096)
def plain_date(text: str, order: str) -> str:
    """Return a day as ISO text; a time of day behind it is left out.

    Args:
        order: "dmy", "mdy" or "ymd"; a year of four digits in front is understood in every order.
    Raises:
        CellUnreadable: `empty`, `not_a_date`, `impossible_date`.

    >>> plain_date("1/12/2010 08:26", "dmy"), plain_date("1/12/2010", "mdy")
    ('2010-12-01', '2010-01-12')
    """
    if not text:
        raise CellUnreadable("empty")
    found = _YEAR_FIRST.fullmatch(text)
    if found:
        year, month, day = found[1], found[3], found[4]
    else:
        found = _YEAR_LAST.fullmatch(text)
        if found is None or order == "ymd":
            raise CellUnreadable("not_a_date")
        year = found[4]
        day, month = (found[1], found[3]) if order == "dmy" else (found[3], found[1])
    if not 1900 <= int(year) <= 2199:
        raise CellUnreadable("impossible_date")
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        raise CellUnreadable("impossible_date") from None


def document_kind(text: str) -> InvoiceKind:
    """Return the kind that a cell names: our words, or the UN/CEFACT codes 380, 381 and 386.

    Raises:
        CellUnreadable: `kind_unknown`.
    """
    try:
        return _KINDS["".join(c for c in text.casefold() if c.isalnum())]
    except KeyError:
        raise CellUnreadable("kind_unknown") from None


def email_address(text: str) -> str | None:
    """Return an address that mail can be sent to, or None."""
    return text if _EMAIL.fullmatch(text) else None


def international_phone(text: str) -> str | None:
    """Return a number in E.164, or None when it does not say its country.

    >>> international_phone("0044 20 7946-0018"), international_phone("020 7946 0018")
    ('+442079460018', None)
    """
    bare = re.sub(r"[\s().\-/\u2010-\u2015]", "", text)
    if bare.startswith("00"):
        bare = "+" + bare[2:]
    return bare if re.fullmatch(r"\+[1-9][0-9]{6,14}", bare) else None


# --------------------------------------------------------------------------- finding the marks


@dataclass(slots=True)
class Marks:
    """What rows say of the decimal mark and the order of a date; None: they leave it open.

    `open_number` and `open_date` are the first (line, cell) that can be read in two ways.
    """

    decimal_mark: str | None = None
    date_order: str | None = None
    open_number: tuple[int, str] | None = None
    open_date: tuple[int, str] | None = None


def find_marks(
    rows: Iterable[tuple[int, list[str]]], numbers: Sequence[int], dates: Sequence[int], known: Marks
) -> Marks:
    """Read rows until the decimal mark and the order of dates are certain, or the rows end.

    Args:
        rows: (line, cells).
        numbers, dates: columns to look at.
        known: what was said already; it is completed and returned.
    """
    for line, cells in rows:
        if known.decimal_mark is None:
            for column in numbers:
                if column < len(cells):
                    _weigh_number(known, line, cells[column].strip())
        if known.date_order is None:
            for column in dates:
                if column < len(cells):
                    _weigh_date(known, line, cells[column].strip())
        if known.decimal_mark and known.date_order:
            break
    return known


def _weigh_number(known: Marks, line: int, text: str) -> None:
    if known.decimal_mark or len(text) > NUMBER_LENGTH or not _NUMERIC.fullmatch(text):
        return
    marks = [c for c in text if c in ".,"]
    if not marks:
        return
    if len(set(marks)) == 2:
        known.decimal_mark = marks[-1]
    elif len(marks) > 1:
        known.decimal_mark = "," if marks[0] == "." else "."
    else:
        head, tail = text.lstrip("+-").split(marks[0])
        if len(tail) == 3 and 1 <= len(head) <= 3 and head != "0":
            known.open_number = known.open_number or (line, text)
        else:
            known.decimal_mark = marks[0]


def _weigh_date(known: Marks, line: int, text: str) -> None:
    if known.date_order or not text:
        return
    if _YEAR_FIRST.fullmatch(text):
        # Says nothing of year-last cells, so go on looking once such a cell has been seen.
        if known.open_date is None:
            known.date_order = "ymd"
        return
    found = _YEAR_LAST.fullmatch(text)
    if found is None:
        return
    first, second = int(found[1]), int(found[3])
    if first > 12 >= second:
        known.date_order = "dmy"
    elif second > 12 >= first:
        known.date_order = "mdy"
    elif first != second:
        known.open_date = known.open_date or (line, text)
