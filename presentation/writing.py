"""Numbers, dates and directions as each language writes them (decision 32; tone.md section 9)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date
from babel.lists import format_list
from babel.numbers import NumberPattern, format_decimal, parse_pattern
from markupsafe import Markup, escape

from models.money import Money, currency_row

LANGUAGES = ("en", "he", "ru", "hu")
#: The locale of each language: numbers, dates and plural classes come from it.
LOCALES: Mapping[str, str] = {"en": "en_GB", "he": "he_IL", "ru": "ru", "hu": "hu"}
#: What each language calls itself; a choice of languages shows these, never flags.
LANGUAGE_NAMES: Mapping[str, str] = {"en": "English", "he": "עברית", "ru": "Русский", "hu": "Magyar"}

TRANSLATIONS = Path(__file__).parent.parent / "translations"

NBSP, MINUS, LRM, RLM, FSI, PDI = "\u00a0", "\u2212", "\u200e", "\u200f", "\u2068", "\u2069"


def direction(language: str) -> str:
    """Return the writing direction of a language, "ltr" or "rtl"."""
    return "rtl" if language == "he" else "ltr"


@cache
def locale_of(language: str) -> Locale:
    return Locale.parse(LOCALES[language])


#: Signs that every reader of ours knows. Dollars and crowns share theirs and keep the ISO code.
_SIGNS: Mapping[str, str] = {"GBP": "£", "EUR": "€", "ILS": "₪", "JPY": "¥"}
_OWN_SIGNS: Mapping[str, Mapping[str, str]] = {"hu": {"HUF": "Ft"}}


def _places(amount: Money) -> int:
    """How many decimals an amount shows: those people expect, or all if the rest is not zero."""
    row = currency_row(amount.currency)
    whole = amount.minor % 10 ** (row.exponent - row.shown_decimals) == 0
    return row.shown_decimals if whole else row.exponent


@cache
def _money_pattern(language: str, places: int) -> NumberPattern:
    """The language's own pattern for amounts, with so many decimals; ¤ stays for the sign."""
    own = locale_of(language).currency_formats["standard"].pattern
    return parse_pattern(own.replace(".00", f".{'0' * places}" if places else ""))


def currency_sign(currency: str, language: str) -> str:
    """Return the sign of a currency where the reader knows it, else its ISO code."""
    return _OWN_SIGNS.get(language, {}).get(currency) or _SIGNS.get(currency, currency)


@lru_cache(maxsize=8192)
def money(amount: Money, language: str, *, code: bool = False) -> str:
    """Write an amount as the reader writes it, as plain text.

    Args:
        amount: any amount, negative ones included.
        language: one of LANGUAGES.
        code: True shows the ISO code, for tables where two currencies stand side by side.
    Source: decision 32; HUF and ISK show decimals only when they are not zero.

    >>> money(Money(679680, "GBP"), "en"), money(Money(18732500, "HUF"), "en")
    ('£6,796.80', 'HUF\\xa0187,325')
    """
    sign = amount.currency if code else currency_sign(amount.currency, language)
    pattern = _money_pattern(language, _places(amount))
    text = pattern.apply(amount.decimal, locale_of(language), currency_digits=False)
    if language == "en" and sign.isalpha():
        sign += NBSP
    return _minus(text.replace("¤", sign), language)


def amount_only(amount: Money, language: str) -> str:
    """Write an amount without its currency, for fields and columns that name it elsewhere.

    >>> amount_only(Money(679680, "EUR"), "ru")
    '6\\xa0796,80'
    """
    places = _places(amount)
    pattern = f"#,##0.{'0' * places}" if places else "#,##0"
    return _minus(format_decimal(amount.decimal, pattern, locale=locale_of(language)), language)


def percent(value: Decimal, language: str) -> str:
    """Write a percentage given in percents: Decimal("8.5") is "8.5%" in English, "8,5 %" in Russian."""
    text = format_decimal(value, "0.##########", locale=locale_of(language))
    return _minus(text, language) + (f"{NBSP}%" if language == "ru" else "%")


def decimal(value: Decimal | int, language: str, places: int = 0) -> str:
    """Write a plain number with so many decimals, grouped, with a true minus.

    >>> decimal(Decimal("-1234.5"), "en", 1), decimal(1234, "hu")
    ('−1,234.5', '1\xa0234')
    """
    pattern = "#,##0" + (f".{'0' * places}" if places else "")
    return _minus(format_decimal(value, format=pattern, locale=locale_of(language)), language)


def _minus(text: str, language: str) -> str:
    """Put the true minus in all languages but Hebrew, which keeps Babel's sign (decision 32).

    There a mark goes before it: Babel's currency pattern has none, and from right to left the sign
    would stand behind the digits.
    """
    return text.replace("-", LRM + "-") if language == "he" else text.replace("-", MINUS)


def number_list(items: Iterable[object], language: str) -> str:
    """Join document numbers or the like into one phrase: "2041-A, 2042 and 2043"."""
    return format_list([set_apart(str(i), language) for i in items], locale=locale_of(language))


def plural_form(count: int, language: str) -> str:
    """Return the plural class of a count in a language: one, two, few, many or other.

    >>> [plural_form(n, "ru") for n in (1, 2, 5, 21)]
    ['one', 'few', 'many', 'one']
    """
    return str(locale_of(language).plural_form(count))


def plural(count: int, language: str, **forms: str) -> str:
    """Pick the form of a word that a count asks for; `other` stands in for classes not given."""
    return forms.get(plural_form(count, language)) or forms["other"]


_DAY_PATTERNS: Mapping[str, Mapping[str, str]] = {
    "text": {"en": "d MMMM y", "he": "d בMMMM y", "ru": "d MMMM y 'года'", "hu": "y. MMMM d."},
    "short": {"en": "dd/MM/y", "he": "d.M.y", "ru": "dd.MM.y", "hu": "y. MM. dd."},
    "sms": {"en": "dd/MM/y", "he": "d.M.y", "ru": "dd.MM.y", "hu": "y.MM.dd."},
    "month": {"en": "MMM y", "he": "MMM y", "ru": "LLL y", "hu": "y. MMM"},
    "weekday": {
        "en": "EEEE d MMMM y",
        "he": "EEEE, d בMMMM y",
        "ru": "EEEE, d MMMM y 'года'",
        "hu": "y. MMMM d., EEEE",
    },
}


@lru_cache(maxsize=2048)
def day(value: date, language: str, style: str = "text") -> str:
    """Write a day.

    Args:
        value: a date; of a datetime the day it has in its own zone.
        style: text (in sentences), short (in tables), weekday (appointments), month
            (of a table), sms.

    >>> day(date(2026, 11, 21), "ru"), day(date(2026, 11, 21), "hu", "short")
    ('21 ноября 2026 года', '2026. 11. 21.')
    """
    return format_date(value, _DAY_PATTERNS[style][language], locale=locale_of(language))


def moment(value: datetime, zone: str, language: str) -> str:
    """Write a moment in the reader's zone.

    Args:
        value: an aware datetime.
        zone: IANA name, such as "Asia/Jerusalem".
    Raises:
        ValueError: the datetime has no zone.
    """
    here = in_zone(value, zone)
    return f"{day(here, language)}{' ' if language == 'hu' else ', '}{here:%H:%M}"


def in_zone(value: datetime, zone: str) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a moment without a zone")
    return value.astimezone(ZoneInfo(zone))


def isolate(text: str) -> str:
    """Set a value apart from right-to-left plain text (FSI … PDI), so that it cannot reorder it."""
    return f"{FSI}{text}{PDI}"


def set_apart(text: str, language: str) -> str:
    """Isolate a value where the text needs it: always in Hebrew, elsewhere around Hebrew values."""
    if direction(language) == "ltr" and (text.isascii() or not _has_right_to_left(text)):
        return text
    return isolate(text)


def _has_right_to_left(text: str) -> bool:
    return any(unicodedata.bidirectional(c) in ("R", "AL") for c in text)


def anchor(line: str, language: str) -> str:
    """Start a Hebrew line with U+200F when a viewer could take it for left-to-right.

    Looked at twice: as Unicode does (values in isolates do not count), and as mail clients do that
    drop the isolates.
    """
    if direction(language) == "ltr" or not line:
        return line
    outside = re.sub(f"{FSI}[^{PDI}]*{PDI}", "", line)
    return line if all(_first_strong(part) in ("R", "AL") for part in (line, outside)) else RLM + line


def _first_strong(text: str) -> str | None:
    kinds = (unicodedata.bidirectional(c) for c in text if c not in (LRM, RLM))
    return next((k for k in kinds if k in ("L", "R", "AL")), None)


def bdi(value: object, way: str | None = None) -> Markup:
    """Set a value apart in HTML; `way` ("ltr", "rtl") fixes its direction."""
    # Not Markup.format, which takes five times as long, and a mail holds some forty values.
    start = "<bdi>" if way is None else f'<bdi dir="{escape(way)}">'
    return Markup(f"{start}{escape(value)}</bdi>")  # noqa: S704 - what is put in is escaped


def ltr(value: object) -> Markup:
    """Set a link, telephone number, IBAN, code or document number apart in HTML, left to right."""
    return bdi(value, "ltr")


def initials(name: str) -> str:
    """Return the first letters of the first and the last word of a name.

    >>> initials("Anna Sergeevna Petrova"), initials("dana")
    ('AP', 'D')
    """
    letters = [word[0].upper() for word in re.findall(r"[^\W\d_]+(?:['’״\"-][^\W\d_]+)*", name)]
    return "".join(letters[:1] + letters[1:][-1:])
