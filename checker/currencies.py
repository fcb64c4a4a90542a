"""An oracle of its own for amounts: decimals of ISO 4217 beside decimals of Stripe's wire.

Written anew from ISO 4217 (list one, column "minor unit") and docs.stripe.com/currencies, so that a
mistake in the table of the product shows as a difference. A code in neither list is an error (M-02).
"""

from __future__ import annotations

#: ISO 4217 minor units, in decimals.
_ISO_DECIMALS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    2: "AED AUD BGN BRL CAD CHF CNY CZK DKK EUR GBP HKD HUF IDR ILS INR MGA MXN MYR NOK NZD PHP PLN"
    " RON RSD SAR SEK SGD THB TRY TWD UAH USD ZAR",
    3: "BHD JOD KWD OMR TND",
}
#: Where Stripe's wire differs: ISK and UGX are sent with two decimals, MGA with none.
_WIRE_DIFFERS = {"ISK": 2, "UGX": 2, "MGA": 0}

ISO_DECIMALS = {code: decimals for decimals, codes in _ISO_DECIMALS.items() for code in codes.split()}
WIRE_DECIMALS = ISO_DECIMALS | _WIRE_DIFFERS


class UnknownCurrency(ValueError):
    """The code is in neither list; nothing is guessed."""


def _decimals(currency: str) -> tuple[int, int]:
    try:
        return ISO_DECIMALS[currency], WIRE_DECIMALS[currency]
    except KeyError:
        raise UnknownCurrency(f"currency {currency!r} is not known") from None


def is_same(minor: int, wire: int, currency: str) -> bool:
    """Whether our minor units and Stripe's wire units are one amount, to the unit.

    >>> is_same(500, 500, "JPY"), is_same(500, 50_000, "ISK"), is_same(500, 50_000, "JPY")
    (True, True, False)
    """
    iso, on_wire = _decimals(currency)
    return bool(minor * 10**on_wire == wire * 10**iso)


def is_nearest(minor: int, wire: int, currency: str) -> bool:
    """Whether they are one amount, where the wire may carry a fraction of our minor unit (fees).

    >>> is_nearest(8, 775, "ISK"), is_nearest(9, 775, "ISK"), is_nearest(776, 775, "GBP")
    (True, False, False)
    """
    iso, on_wire = _decimals(currency)
    return bool(abs(minor * 10**on_wire - wire * 10**iso) < 10**on_wire)


def shown(minor: int, currency: str) -> str:
    """Spell an amount of minor units for a line of the report; an unknown code is shown as it is.

    >>> shown(123450, "EUR"), shown(5000, "JPY"), shown(-5, "GBP")
    ('EUR 1234.50', 'JPY 5000', 'GBP -0.05')
    """
    places = ISO_DECIMALS.get(currency, 0)
    whole, rest = divmod(abs(minor), 10**places)
    fraction = f".{rest:0{places}}" if places else ""
    return f"{currency} {'-' if minor < 0 else ''}{whole}{fraction}"
