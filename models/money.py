"""Money as integer minor units, and the one table that knows currencies.

Every amount in Amicable is a whole number of the currency's *ISO minor unit*
(pence, agorot, fillér) beside an ISO 4217 code. Nothing here is a float.

Source: M-01, M-02, M-15; decision 32; docs.stripe.com/currencies.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import NamedTuple


class MoneyError(ValueError):
    """Base of what can go wrong with an amount."""


class CurrencyMismatch(MoneyError):
    """Two amounts of different currencies were added, subtracted or compared."""


class UnknownCurrency(MoneyError):
    """The code is not in CURRENCIES; we fail closed rather than guess an exponent (M-02)."""


class AmountUnreadable(MoneyError):
    """The text is not one amount of the currency; `.reason` says why.

    Reasons: `empty`, `not_a_number`, `too_precise`, `too_large`, `ambiguous`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CurrencyRow(NamedTuple):
    """What we know of one currency.

    exponent: decimals of the ISO minor unit, which is what we store.
    gateway_exponent: decimals of the unit that Stripe counts in.
    step: smallest payable amount, in ISO minor units; payments are multiples of it.
    shown_decimals: decimals that people expect when the rest is zero.
    minimum: smallest amount that the gateway charges, in ISO minor units.
    maximum: largest payable amount that the gateway charges, in ISO minor units.
    """

    exponent: int
    gateway_exponent: int
    step: int
    shown_decimals: int
    minimum: int

    @property
    def maximum(self) -> int:
        """Eight digits of the unit that Stripe counts in, whatever the currency, down to a payable step.

        Source: docs.stripe.com/currencies#minimum-and-maximum-charge-amounts; the SDK says the same of each
        amount. Only the rupiah has more digits, and it is not in our table.
        """
        most: int = _MOST_AT_GATEWAY // 10 ** (self.gateway_exponent - self.exponent)
        return most - most % self.step


#: The largest number that Stripe takes for an amount.
_MOST_AT_GATEWAY = 99_999_999


# Stripe: HUF and ISK are sent with two decimals that must be zero for us (step 100); KWD and
# its kin have three, the last of which must be 0 (step 10); JPY and its kin have none.
# Minimum charges: docs.stripe.com/currencies#minimum-and-maximum-charge-amounts.
CURRENCIES: dict[str, CurrencyRow] = {
    "AED": CurrencyRow(2, 2, 1, 2, 200),
    "AUD": CurrencyRow(2, 2, 1, 2, 50),
    "BGN": CurrencyRow(2, 2, 1, 2, 100),
    "BHD": CurrencyRow(3, 3, 10, 3, 200),
    "CAD": CurrencyRow(2, 2, 1, 2, 50),
    "CHF": CurrencyRow(2, 2, 1, 2, 50),
    "CZK": CurrencyRow(2, 2, 1, 2, 1500),
    "DKK": CurrencyRow(2, 2, 1, 2, 250),
    "EUR": CurrencyRow(2, 2, 1, 2, 50),
    "GBP": CurrencyRow(2, 2, 1, 2, 30),
    "HUF": CurrencyRow(2, 2, 100, 0, 17500),
    "ILS": CurrencyRow(2, 2, 1, 2, 200),
    "ISK": CurrencyRow(0, 2, 1, 0, 100),
    "JOD": CurrencyRow(3, 3, 10, 3, 400),
    "JPY": CurrencyRow(0, 0, 1, 0, 50),
    "KRW": CurrencyRow(0, 0, 1, 0, 700),
    "KWD": CurrencyRow(3, 3, 10, 3, 150),
    "NOK": CurrencyRow(2, 2, 1, 2, 300),
    "NZD": CurrencyRow(2, 2, 1, 2, 50),
    "OMR": CurrencyRow(3, 3, 10, 3, 200),
    "PLN": CurrencyRow(2, 2, 1, 2, 200),
    "RON": CurrencyRow(2, 2, 1, 2, 200),
    "SEK": CurrencyRow(2, 2, 1, 2, 300),
    "TND": CurrencyRow(3, 3, 10, 3, 1500),
    "USD": CurrencyRow(2, 2, 1, 2, 50),
}

#: The largest amount we store: safely inside BIGINT even after sums of a million rows.
MAX_MINOR = 10**12 * 1000 - 1


def currency_row(code: str) -> CurrencyRow:
    """Return what we know of a currency.

    Raises:
        UnknownCurrency: the code is not in the table.
    """
    try:
        return CURRENCIES[code]
    except KeyError:
        raise UnknownCurrency(code) from None


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount: `minor` ISO minor units of `currency` (may be negative in differences).

    >>> Money(1250, "GBP") + Money(50, "GBP")
    Money(minor=1300, currency='GBP')
    """

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if not isinstance(self.minor, int) or isinstance(self.minor, bool):
            raise MoneyError(f"minor units are whole numbers, not {self.minor!r}")
        currency_row(self.currency)

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency}")
        return other.minor

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.minor <= self._same(other)

    def __gt__(self, other: Money) -> bool:
        return self.minor > self._same(other)

    def __ge__(self, other: Money) -> bool:
        return self.minor >= self._same(other)

    def __bool__(self) -> bool:
        return self.minor != 0

    @property
    def decimal(self) -> Decimal:
        """The amount in major units, exact: Money(1250, "GBP").decimal == Decimal("12.50")."""
        return Decimal(self.minor).scaleb(-currency_row(self.currency).exponent)

    @property
    def is_payable(self) -> bool:
        """Whether the amount is positive and a multiple of the currency's payable step."""
        return self.minor > 0 and self.minor % currency_row(self.currency).step == 0

    def split(self, parts: int) -> list[Money]:
        """Split into `parts` amounts that sum exactly and differ by at most one payable step.

        The first parts get the extra steps; a remainder below the step goes to the first part.

        Raises:
            MoneyError: fewer than one part, or a part would be zero.
        Source: M-15.

        >>> [m.minor for m in Money(100, "GBP").split(3)]
        [34, 33, 33]
        >>> [m.minor for m in Money(100050, "HUF").split(3)]
        [33450, 33300, 33300]
        """
        step = currency_row(self.currency).step
        steps, residue = divmod(self.minor, step)
        if parts < 1 or steps < parts:
            raise MoneyError(f"cannot split {self.minor} {self.currency} into {parts} parts")
        base, more = divmod(steps, parts)
        minors = [(base + (1 if i < more else 0)) * step for i in range(parts)]
        minors[0] += residue
        return [Money(m, self.currency) for m in minors]


def total(amounts: Sequence[Money], currency: str) -> Money:
    """Add amounts of one currency; an empty sequence is zero of `currency`."""
    result = Money(0, currency)
    for amount in amounts:
        result = result + amount
    return result


def to_gateway(amount: Money) -> int:
    """Return the whole number that the gateway wants for an amount.

    Raises:
        MoneyError: the amount is not payable in this currency (not positive, or off the step).

    >>> to_gateway(Money(500, "JPY")), to_gateway(Money(500, "ISK"))
    (500, 50000)
    """
    if not amount.is_payable:
        raise MoneyError(f"{amount.minor} {amount.currency} is not payable")
    row = currency_row(amount.currency)
    return amount.minor * int(10 ** (row.gateway_exponent - row.exponent))


def from_gateway(units: int, currency: str) -> Money:
    """Read the gateway's whole number back into our minor units.

    Raises:
        MoneyError: the number has a fraction of our minor unit.
    """
    code = currency.upper()
    row = currency_row(code)
    minor, rest = divmod(units, 10 ** (row.gateway_exponent - row.exponent))
    if rest:
        raise MoneyError(f"{units} of the gateway is not a whole number of {code} minor units")
    return Money(minor, code)


def round_to_minor(value: Decimal, currency: str) -> int:
    """Round a decimal amount of major units half up to minor units (the trade's rounding)."""
    exponent = currency_row(currency).exponent
    return int(value.scaleb(exponent).quantize(Decimal(1), rounding=ROUND_HALF_UP))


_PLAIN = re.compile(r"[+-]?\d{1,20}(\.\d{1,10})?")
_MORE_DIGITS = re.compile(r"[+-]?\d{21,}(\.\d+)?")


def parse_plain(text: str, currency: str) -> Money:
    """Read a plain decimal ("1234.50", sign allowed) into money; never rounds.

    Raises:
        AmountUnreadable: empty, not a number, more decimals than the currency has, too large.

    >>> parse_plain("12.34", "GBP")
    Money(minor=1234, currency='GBP')
    """
    text = text.strip()
    if not text:
        raise AmountUnreadable("empty")
    if not _PLAIN.fullmatch(text):
        raise AmountUnreadable("too_large" if _MORE_DIGITS.fullmatch(text) else "not_a_number")
    try:
        scaled = Decimal(text).scaleb(currency_row(currency).exponent)
    except InvalidOperation:
        raise AmountUnreadable("not_a_number") from None
    if scaled != scaled.to_integral_value():
        raise AmountUnreadable("too_precise")
    if abs(scaled) > MAX_MINOR:
        raise AmountUnreadable("too_large")
    return Money(int(scaled), currency)


_BIDI = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
#: Groups of three behind spaces or apostrophes, before an optional fraction; "1 5" is no group.
_SPACED = re.compile(r"\d{1,3}(?:([ '])\d{3})(?:\1\d{3})*(?:[.,]\d*)?")
#: What may stand around the digits: signs and codes people type. The currency is fixed by the page.
_MARKS = {
    "GBP": ("£", "gbp"),
    "EUR": ("€", "euro", "eur"),
    "ILS": ("₪", "ils", "nis", "ש״ח", 'ש"ח', "שח"),
    "HUF": ("ft.", "ft", "huf"),
    "JPY": ("¥", "￥", "jpy", "円"),
    "USD": ("$", "usd"),
}
_EASTERN = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹０１２３４５６７８９", "0123456789" * 3)


def parse_typed(text: str, currency: str, *, decimal_mark: str = ".") -> Money:
    """Read an amount as people of any of our languages type it.

    Accepts groups by space, no-break space, apostrophe, comma or point ("1,234.50",
    "1.234,50", "1 234,50"), a currency sign before or after, and digits of other scripts.
    One lone mark followed by exactly three digits is a group only if it is not the reader's
    own decimal mark and the currency has no three decimals; so "1,5" is one and a half in every
    language and never fifteen, and an amount that can be read in two ways is refused.

    Args:
        text: what was typed, any length.
        currency: the page's currency; another currency's sign is refused.
        decimal_mark: "." or ",", the reader's own.
    Returns:
        The amount, which may be zero or negative; whoever asks decides if that is allowed.
    Raises:
        AmountUnreadable: see its reasons; `ambiguous` where two readings are possible.

    >>> parse_typed("1 234,50 €", "EUR", decimal_mark=",").minor
    123450
    >>> parse_typed("£1,234.5", "GBP").minor
    123450
    """
    if len(text) > 64:
        raise AmountUnreadable("too_large" if text.strip().isdigit() else "not_a_number")
    bare = " ".join(_BIDI.sub("", text).translate(_EASTERN).lower().replace("\u2212", "-").split())
    for mark in (*_MARKS.get(currency, ()), currency.lower()):
        if bare.startswith(mark):
            bare = bare[len(mark) :]
        if bare.endswith(mark):
            bare = bare[: -len(mark)]
        bare = bare.strip()
    bare = bare.replace("’", "'")
    if not bare:
        raise AmountUnreadable("empty")
    sign = ""
    if bare[0] in "+-":
        sign, bare = bare[0], bare[1:].lstrip()
    if _SPACED.fullmatch(bare):
        bare = bare.replace(" ", "").replace("'", "")
    if not re.fullmatch(r"\d[\d.,]*", bare):
        raise AmountUnreadable("not_a_number")
    return parse_plain(sign + _plain_digits(bare, currency, decimal_mark), currency)


def _plain_digits(bare: str, currency: str, decimal_mark: str) -> str:
    """Turn digits with points and commas into digits with one decimal point, or refuse."""
    marks = [c for c in bare if c in ".,"]
    if not marks:
        return bare
    kinds = set(marks)
    if len(kinds) == 2:
        decimal = marks[-1]
        group = (kinds - {decimal}).pop()
        if marks.count(decimal) != 1 or not re.fullmatch(rf"\d{{1,3}}(\{group}\d{{3}})+\{decimal}\d*", bare):
            raise AmountUnreadable("not_a_number")
        return bare.replace(group, "").replace(decimal, ".").rstrip(".")
    mark = marks[0]
    if len(marks) > 1:
        if not re.fullmatch(rf"\d{{1,3}}(\{mark}\d{{3}})+", bare):
            raise AmountUnreadable("not_a_number")
        return bare.replace(mark, "")
    head, tail = bare.split(mark)
    if len(tail) == 3 and len(head) <= 3 and not head.startswith("0"):
        if currency_row(currency).exponent == 3:
            if mark == decimal_mark:
                return f"{head}.{tail}"
            raise AmountUnreadable("ambiguous")
        if mark == decimal_mark:
            raise AmountUnreadable("too_precise")
        return head + tail
    return f"{head}.{tail}".rstrip(".")
