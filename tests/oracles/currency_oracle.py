"""An oracle for amounts in any currency: written from ISO 4217 and the gateway's own page, by hand.

It shares no code with the product: what a person types is text, what it is in the books, on the gateway's
wire and on paper is worked out here by moving digits, never by a table of the product's (M-02, P-07, B15).
Sources: ISO 4217 list one (minor units); docs.stripe.com/currencies (zero-decimal and three-decimal
currencies, special cases of ISK and HUF).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

#: Decimals of the currency itself, and of the gateway's wire.
_ISO = {"GBP": 2, "EUR": 2, "JPY": 0, "KWD": 3, "HUF": 2, "ISK": 0}
_WIRE = {"GBP": 2, "EUR": 2, "JPY": 0, "KWD": 3, "HUF": 2, "ISK": 2}
#: Decimals that people see when they are not zero, and when they are.
_SHOWN_WHOLE = {"GBP": 2, "EUR": 2, "JPY": 0, "KWD": 3, "HUF": 0, "ISK": 0}


def _moved(text: str, places: int) -> int:
    """Move the decimal point of a written amount so many places; what would fall off is an error.

    >>> _moved("12.340", 3), _moved("57600", 2)
    (12340, 5760000)
    """
    whole, _, fraction = text.partition(".")
    if fraction[places:].strip("0"):
        raise ValueError(f"{text} has more than {places} decimals")
    return int(whole + fraction[:places].ljust(places, "0"))


def minor(text: str, currency: str) -> int:
    """Units of the books.

    >>> minor("100", "JPY"), minor("12.340", "KWD"), minor("57600", "HUF"), minor("500", "ISK")
    (100, 12340, 5760000, 500)
    """
    return _moved(text, _ISO[currency])


def wire(text: str, currency: str) -> int:
    """Units on the gateway's wire.

    >>> wire("100", "JPY"), wire("12.340", "KWD"), wire("57600", "HUF"), wire("500", "ISK")
    (100, 12340, 5760000, 50000)
    """
    return _moved(text, _WIRE[currency])


def typed(units: int, currency: str) -> str:
    """The amount that so many units of the books are, as a person would type it.

    >>> typed(12340, "KWD"), typed(500, "ISK"), typed(5, "GBP")
    ('12.340', '500', '0.05')
    """
    places = _ISO[currency]
    digits = str(units).rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}" if places else digits


def written(text: str, currency: str) -> str:
    """The digits that a person reads, grouped in threes by a mark that is left out here.

    >>> written("57600", "HUF"), written("12.340", "KWD"), written("1234.5", "GBP")
    ('57600', '12.340', '1234.50')
    """
    amount = Decimal(text)
    places = _SHOWN_WHOLE[currency] if amount == amount.to_integral_value() else _ISO[currency]
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction[:places].ljust(places, '0')}" if places else whole


def reads(page: str, text: str, currency: str) -> bool:
    """Whether a text in English shows this amount, and not one with its digits moved."""
    bare = re.sub("[\u2066-\u2069\u200e\u200f]", "", page)
    found = {number.replace(",", "") for number in re.findall(r"\d[\d,]*(?:\.\d+)?", bare)}
    return written(text, currency) in found


def is_written(cells: Iterable[str], text: str) -> bool:
    """Whether one cell of a table for programs is this amount, with however many zeros behind the point.

    >>> is_written(["paid", "57600.00"], "57600"), is_written(["5760000"], "57600")
    (True, False)
    """
    for cell in cells:
        try:
            if abs(Decimal(cell)) == Decimal(text):
                return True
        except InvalidOperation:
            continue
    return False
