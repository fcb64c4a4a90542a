"""What Stripe says of currencies: how many minor units, the smallest and the largest charge.

Source: docs.stripe.com/currencies (zero- and three-decimal currencies, minimum and maximum charge amounts).
"""

from __future__ import annotations

from sandbox.stripe.errors import ApiError, refused_param

_ZERO = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf"
_TWO = (
    "aed all amd ars aud azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny cop crc"
    " cve czk dkk dop dzd egp etb eur fjd gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils inr isk jmd"
    " kes kgs khr kyd kzt lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok"
    " npr nzd pab pen pgk php pkr pln qar ron rsd rub sar sbd scr sek sgd sle sos srd szl thb tjs top"
    " try ttd twd tzs uah ugx usd uyu uzs wst xcd yer zar zmw"
)
ZERO_DECIMAL = frozenset(_ZERO.split())
THREE_DECIMAL = frozenset(("bhd", "jod", "kwd", "omr", "tnd"))
WHOLE_ONLY = frozenset(("isk", "ugx"))  # two decimals on the wire, but only whole units can be charged
KNOWN = ZERO_DECIMAL | frozenset(_TWO.split()) | THREE_DECIMAL
MINIMUM = {
    "usd": 50, "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250,
    "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300,
    "nzd": 50, "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
}  # fmt: skip
MAXIMUM = 99_999_999
NO_BREAK = "\N{NO-BREAK SPACE}"


def exponent(currency: str) -> int:
    """Decimal places of a currency on Stripe's wire, 0, 2 or 3."""
    return 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2


def check_currency(currency: str, param: str) -> str:
    """Returns the lower-case code, or refuses one that Stripe does not take."""
    if currency.lower() not in KNOWN:
        raise refused_param(param, f"Invalid currency: {currency}.")
    return currency.lower()


def check_amount(amount: int, currency: str, param: str) -> int:
    """Returns the amount in minor units when it can be charged, or refuses it.

    Raises:
        ApiError: `amount_too_small`, `amount_too_large`, or a fraction that the currency does not allow.
    """
    least = MINIMUM.get(currency, 1)
    if amount < least:
        raise ApiError(
            400, f"Amount must be at least {shown(least, currency)}", code="amount_too_small", param=param
        )
    if amount > MAXIMUM:
        raise ApiError(
            400,
            f"Amount must be no more than {shown(MAXIMUM, currency)}",
            code="amount_too_large",
            param=param,
        )
    step = 10 if currency in THREE_DECIMAL else 100 if currency in WHOLE_ONLY else 1
    if amount % step:
        raise refused_param(param, f"Amount in {currency} must be a multiple of {step}.")
    return amount


def shown(amount: int, currency: str, language: str = "en") -> str:
    """Spells an amount for the page.

    >>> shown(123450, "eur"), shown(4999, "jpy"), shown(-5, "gbp")
    ('EUR 1,234.50', 'JPY 4,999', '-GBP 0.05')
    >>> shown(123450, "huf", "hu").replace("\\xa0", " ")
    '1 234,50 HUF'
    """
    places = exponent(currency)
    sign, digits = ("-" if amount < 0 else ""), str(abs(amount)).rjust(places + 1, "0")
    whole, fraction = (digits[:-places], digits[-places:]) if places else (digits, "")
    if language == "en":
        return f"{sign}{currency.upper()} {int(whole):,}{'.' if places else ''}{fraction}"
    grouped = f"{int(whole):,}".replace(",", NO_BREAK)
    return f"{sign}{grouped}{',' if places else ''}{fraction}{NO_BREAK}{currency.upper()}"
