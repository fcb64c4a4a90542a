"""Words and numbers as the reader writes them: Jinja and Babel without Flask.

Three parts, in this order: numbers, dates and directions (for pages, mails and papers alike);
the words for statuses; and the `Presenter`, which turns a `Letter` into a mail or an SMS.

Message sources hold `{placeholders}` and nothing else: they are read by a substitution of our own
that knows no logic, so a staff-edited text can never run anything (X-05).

Source: decisions 19, 20, 31, 32; X-04, X-05.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import css_inline
from babel import Locale
from babel.dates import format_date
from babel.lists import format_list
from babel.numbers import format_decimal
from babel.support import Translations
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context, Undefined
from markupsafe import Markup, escape

from models.money import Money, currency_row, total
from models.states import AttemptStatus, InvoiceStatus, MessageStatus
from receivables.ports import InvoiceRow, Letter, Rendered

# --------------------------------------------------------------------------- languages

LANGUAGES = ("en", "he", "ru", "hu")
#: The locale of each language: numbers, dates and plural classes come from it.
LOCALES: Mapping[str, str] = {"en": "en_GB", "he": "he_IL", "ru": "ru", "hu": "hu"}
#: What each language calls itself; a choice of languages shows these, never flags.
LANGUAGE_NAMES: Mapping[str, str] = {"en": "English", "he": "עברית", "ru": "Русский", "hu": "Magyar"}

TRANSLATIONS = Path(__file__).parent / "translations"

NBSP, MINUS, LRM, RLM, FSI, PDI = "\u00a0", "\u2212", "\u200e", "\u200f", "\u2068", "\u2069"


def direction(language: str) -> str:
    """Return the writing direction of a language, "ltr" or "rtl"."""
    return "rtl" if language == "he" else "ltr"


@lru_cache(maxsize=None)
def _locale(language: str) -> Locale:
    return Locale.parse(LOCALES[language])


# --------------------------------------------------------------------------- numbers

#: Signs that every reader of ours knows. Dollars and crowns share theirs and keep the ISO code.
_SIGNS: Mapping[str, str] = {"GBP": "£", "EUR": "€", "ILS": "₪", "JPY": "¥"}
_OWN_SIGNS: Mapping[str, Mapping[str, str]] = {"hu": {"HUF": "Ft"}}


def _places(amount: Money) -> int:
    """How many decimals an amount shows: those people expect, or all if the rest is not zero."""
    row = currency_row(amount.currency)
    whole = amount.minor % 10 ** (row.exponent - row.shown_decimals) == 0
    return row.shown_decimals if whole else row.exponent


def currency_sign(currency: str, language: str) -> str:
    """Return the sign of a currency where the reader knows it, else its ISO code."""
    return _OWN_SIGNS.get(language, {}).get(currency) or _SIGNS.get(currency, currency)


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
    locale, places = _locale(language), _places(amount)
    sign = amount.currency if code else currency_sign(amount.currency, language)
    pattern = locale.currency_formats["standard"]
    text = pattern.apply(amount.decimal, locale, currency_digits=False, force_frac=(places, places))
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
    return _minus(format_decimal(amount.decimal, pattern, locale=_locale(language)), language)


def percent(value: Decimal, language: str) -> str:
    """Write a percentage given in percents: Decimal("8.5") is "8.5%" in English, "8,5 %" in Russian."""
    text = format_decimal(value, "0.##########", locale=_locale(language))
    return _minus(text, language) + (f"{NBSP}%" if language == "ru" else "%")


def _minus(text: str, language: str) -> str:
    """Put the true minus in all languages but Hebrew, which keeps Babel's string (decision 32)."""
    return text if language == "he" else text.replace("-", MINUS)


def number_list(items: Iterable[object], language: str) -> str:
    """Join document numbers or the like into one phrase: "2041-A, 2042 and 2043"."""
    return format_list([_set_apart(str(i), language) for i in items], locale=_locale(language))


def plural_form(count: int, language: str) -> str:
    """Return the plural class of a count in a language: one, two, few, many or other.

    >>> [plural_form(n, "ru") for n in (1, 2, 5, 21)]
    ['one', 'few', 'many', 'one']
    """
    return str(_locale(language).plural_form(count))


def plural(count: int, language: str, **forms: str) -> str:
    """Pick the form of a word that a count asks for; `other` stands in for classes not given."""
    return forms.get(plural_form(count, language)) or forms["other"]


# --------------------------------------------------------------------------- dates

_DAY_PATTERNS: Mapping[str, Mapping[str, str]] = {
    "text": {"en": "d MMMM y", "he": "d בMMMM y", "ru": "d MMMM y 'года'", "hu": "y. MMMM d."},
    "short": {"en": "dd/MM/y", "he": "d.M.y", "ru": "dd.MM.y", "hu": "y. MM. dd."},
    "sms": {"en": "dd/MM/y", "he": "d.M.y", "ru": "dd.MM.y", "hu": "y.MM.dd."},
    "weekday": {
        "en": "EEEE d MMMM y", "he": "EEEE, d בMMMM y", "ru": "EEEE, d MMMM y 'года'", "hu": "y. MMMM d., EEEE",
    },
}


def day(value: date, language: str, style: str = "text") -> str:
    """Write a day.

    Args:
        value: a date; of a datetime the day it has in its own zone.
        style: text (in sentences), short (in tables), weekday (appointments), sms.

    >>> day(date(2026, 11, 21), "ru"), day(date(2026, 11, 21), "hu", "short")
    ('21 ноября 2026 года', '2026. 11. 21.')
    """
    return format_date(value, _DAY_PATTERNS[style][language], locale=_locale(language))


def moment(value: datetime, zone: str, language: str) -> str:
    """Write a moment in the reader's zone.

    Args:
        value: an aware datetime.
        zone: IANA name, such as "Asia/Jerusalem".
    Raises:
        ValueError: the datetime has no zone.
    """
    here = _in_zone(value, zone)
    return f"{day(here, language)}{' ' if language == 'hu' else ', '}{here:%H:%M}"


def _in_zone(value: datetime, zone: str) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a moment without a zone")
    return value.astimezone(ZoneInfo(zone))


# --------------------------------------------------------------------------- directions and names


def isolate(text: str) -> str:
    """Set a value apart from right-to-left plain text (FSI … PDI), so that it cannot reorder it."""
    return f"{FSI}{text}{PDI}"


def _set_apart(text: str, language: str) -> str:
    """Isolate a value where the text needs it: always in Hebrew, elsewhere around Hebrew values."""
    needed = direction(language) == "rtl" or any(unicodedata.bidirectional(c) in ("R", "AL") for c in text)
    return isolate(text) if needed else text


def _anchor(line: str, language: str) -> str:
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
    if way is None:
        return Markup("<bdi>{}</bdi>").format(value)
    return Markup('<bdi dir="{}">{}</bdi>').format(way, value)


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


# --------------------------------------------------------------------------- words for statuses


@dataclass(frozen=True, slots=True)
class Word:
    """An English source word and what it is said of, the two halves of a translation key."""

    context: str
    text: str


def word(context: str, text: str) -> Word:
    """Mark a word for translation; pybabel finds it with `-k word:1c,2`."""
    return Word(context, text)


#: What the reader of a page sees. Statuses that readers never meet have a staff word only.
_READER_WORDS: Mapping[type[StrEnum], Mapping[str, Word]] = {
    InvoiceStatus: {
        InvoiceStatus.OPEN: word("invoice", "To be paid"),
        InvoiceStatus.PAID: word("invoice", "Paid"),
        InvoiceStatus.WRITTEN_OFF: word("invoice", "Nothing more to pay"),
        InvoiceStatus.VOID: word("invoice", "Cancelled"),
    },
    AttemptStatus: {
        AttemptStatus.CREATED: word("payment", "Not started"),
        AttemptStatus.OPEN: word("payment", "Payment page open"),
        AttemptStatus.PROCESSING: word("payment", "Processing"),
        AttemptStatus.SUCCEEDED: word("payment", "Paid, thank you"),
        AttemptStatus.FAILED: word("payment", "Not paid, nothing was charged"),
        AttemptStatus.CANCELLED: word("payment", "Cancelled, nothing was charged"),
        AttemptStatus.EXPIRED: word("payment", "The payment page has expired"),
        AttemptStatus.UNKNOWN: word("payment", "We are checking, do not pay again"),
    },
}
_STAFF_WORDS: Mapping[type[StrEnum], Mapping[str, Word]] = {
    InvoiceStatus: {
        InvoiceStatus.DRAFT: word("invoice, staff", "draft"),
        InvoiceStatus.OPEN: word("invoice, staff", "open"),
        InvoiceStatus.PAID: word("invoice", "Paid"),
        InvoiceStatus.WRITTEN_OFF: word("invoice, staff", "written off"),
        InvoiceStatus.VOID: word("invoice, staff", "void"),
    },
    AttemptStatus: {
        AttemptStatus.CREATED: word("payment, staff", "created"),
        AttemptStatus.OPEN: word("payment", "Payment page open"),
        AttemptStatus.PROCESSING: word("payment", "Processing"),
        AttemptStatus.SUCCEEDED: word("payment, staff", "succeeded"),
        AttemptStatus.FAILED: word("payment, staff", "failed"),
        AttemptStatus.CANCELLED: word("payment, staff", "cancelled"),
        AttemptStatus.EXPIRED: word("payment", "The payment page has expired"),
        AttemptStatus.UNKNOWN: word("payment, staff", "unknown"),
    },
    MessageStatus: {
        MessageStatus.QUEUED: word("message, staff", "queued"),
        MessageStatus.SENDING: word("message, staff", "sending"),
        MessageStatus.SENT: word("message, staff", "sent"),
        MessageStatus.DELIVERED: word("message, staff", "delivered"),
        MessageStatus.BOUNCED: word("message, staff", "bounced"),
        MessageStatus.FAILED: word("message, staff", "failed"),
        MessageStatus.SUPPRESSED: word("message, staff", "suppressed"),
        MessageStatus.STOPPED: word("message, staff", "stopped"),
        MessageStatus.UNKNOWN: word("message, staff", "outcome unknown"),
    },
}


@lru_cache(maxsize=None)
def _catalogue(language: str, folder: Path) -> Translations:
    return Translations.load(folder, [language], domain="messages")


def label(status: StrEnum, language: str, *, staff: bool = False, folder: Path = TRANSLATIONS) -> str:
    """Return the word for a status.

    Args:
        status: a member of InvoiceStatus, AttemptStatus or MessageStatus (not its bare value).
        staff: True for the desk's word where it differs from what the debtor sees.
        folder: where the compiled translations are.
    Raises:
        LookupError: no word for it; a debtor never sees a draft, for one.
    """
    table = _STAFF_WORDS if staff else _READER_WORDS
    try:
        found = table[type(status)][status]
    except KeyError:
        raise LookupError(f"no {'staff' if staff else 'reader'} word for {status!r}") from None
    return _catalogue(language, folder).pgettext(found.context, found.text)


# --------------------------------------------------------------------------- pages


def _of(context: Context, name: str) -> str:
    value = context.resolve(name)
    if isinstance(value, Undefined) or not value:
        raise LookupError(f"the page was given no `{name}`")
    return str(value)


@pass_context
def _page_money(context: Context, amount: Money, *, code: bool = False, way: str | None = None) -> Markup:
    return bdi(money(amount, _of(context, "language"), code=code), way)


@pass_context
def _page_money_text(context: Context, amount: Money, *, code: bool = False) -> str:
    language = _of(context, "language")
    return _set_apart(money(amount, language, code=code), language)


@pass_context
def _page_amount(context: Context, amount: Money) -> str:
    return amount_only(amount, _of(context, "language"))


@pass_context
def _page_day(context: Context, value: date, style: str = "text") -> str:
    if isinstance(value, datetime):
        value = _in_zone(value, _of(context, "zone"))
    return day(value, _of(context, "language"), style)


@pass_context
def _page_moment(context: Context, value: datetime) -> str:
    return moment(value, _of(context, "zone"), _of(context, "language"))


@pass_context
def _page_label(context: Context, status: StrEnum, *, staff: bool = False) -> str:
    return label(status, _of(context, "language"), staff=staff)


@pass_context
def _page_plural(context: Context, count: int, **forms: str) -> str:
    return plural(count, _of(context, "language"), **forms)


@pass_context
def _page_number_list(context: Context, items: Iterable[object]) -> str:
    return number_list(items, _of(context, "language"))


@pass_context
def _page_percent(context: Context, value: Decimal) -> str:
    return percent(value, _of(context, "language"))


def install(environment: Environment) -> None:
    """Give a Jinja environment our filters, also callable as functions.

    Pages pass `language` (en, he, ru, hu) and `zone` (IANA name) in their context. `money`, `bdi`
    and `ltr` return markup for the body of a page; `money_text`, `amount`, `day`, `moment`,
    `label`, `percent` and `number_list` return plain text, fit for attributes and titles as well.
    """
    tools: dict[str, Callable[..., Any]] = {
        "money": _page_money, "money_text": _page_money_text, "amount": _page_amount, "day": _page_day,
        "moment": _page_moment, "label": _page_label, "plural": _page_plural, "percent": _page_percent,
        "number_list": _page_number_list, "bdi": bdi, "ltr": ltr, "initials": initials,
    }
    environment.filters.update(tools)
    environment.globals.update(
        tools, direction=direction, languages=LANGUAGES, language_names=LANGUAGE_NAMES, plural_form=plural_form
    )
