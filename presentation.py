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
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import css_inline
from babel import Locale
from babel.dates import format_date
from babel.lists import format_list
from babel.numbers import NumberPattern, format_decimal, parse_pattern
from babel.support import NullTranslations, Translations
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context, Undefined
from markupsafe import Markup, escape

from models.money import Money, currency_row, total
from models.states import AttemptStatus, InvoiceStatus, MessageStatus
from receivables.ports import InvoiceRow, Letter, MessageIncomplete, Rendered

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


@cache
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


@cache
def _money_pattern(language: str, places: int) -> NumberPattern:
    """The language's own pattern for amounts, with so many decimals; ¤ stays for the sign."""
    own = _locale(language).currency_formats["standard"].pattern
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
    text = pattern.apply(amount.decimal, _locale(language), currency_digits=False)
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
    text = _minus(format_decimal(amount.decimal, pattern, locale=_locale(language)), language)
    return LRM + text if text.startswith("-") else text  # or Hebrew shows the minus behind the digits


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


@cache
def _catalogue(language: str, folder: Path) -> NullTranslations:
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
    return str(_catalogue(language, folder).pgettext(found.context, found.text))


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
        "money": _page_money,
        "money_text": _page_money_text,
        "amount": _page_amount,
        "day": _page_day,
        "moment": _page_moment,
        "label": _page_label,
        "plural": _page_plural,
        "percent": _page_percent,
        "number_list": _page_number_list,
        "bdi": bdi,
        "ltr": ltr,
        "initials": initials,
    }
    environment.filters.update(tools)
    environment.globals.update(
        tools,
        direction=direction,
        plural_form=plural_form,
        languages=LANGUAGES,
        language_names=LANGUAGE_NAMES,
    )


# --------------------------------------------------------------------------- message sources


class SourceWrong(ValueError):
    """A message source is absent, or is more than text with known placeholders (X-05)."""


class Form(Enum):
    """How a placeholder's value is written."""

    TEXT = "text"
    LTR = "ltr"  # telephone numbers, addresses, codes: left to right in every language
    URL = "url"
    MONEY = "money"
    PERCENT = "percent"  # a decimal string, as rates are stored: "8.5"
    DAY = "day"
    MOMENT = "moment"
    ROWS = "rows"


PLACEHOLDERS: Mapping[str, Form] = {
    "name": Form.TEXT,
    "creditor": Form.TEXT,
    "person": Form.TEXT,
    "hours": Form.TEXT,
    "phone": Form.LTR,
    "contact_point": Form.LTR,
    "number": Form.LTR,
    "verify": Form.URL,
    "link": Form.URL,
    "stop": Form.URL,
    "preferences": Form.URL,
    "amount": Form.MONEY,
    "paid_amount": Form.MONEY,
    "balance": Form.MONEY,
    "processing": Form.MONEY,
    "rate": Form.PERCENT,
    "due_date": Form.DAY,
    "paid_date": Form.DAY,
    "counted_to": Form.DAY,
    "interest_from": Form.DAY,
    "optout_date": Form.DAY,
    "link_expires": Form.MOMENT,
    "invoice_list": Form.ROWS,
    "allocation_list": Form.ROWS,
}
#: Blocks a text may call, and the placeholders that each may use.
BLOCKS: Mapping[str, frozenset[str]] = {
    "salutation": frozenset({"name"}),
    "subject_private": frozenset({"name", "creditor"}),
    "opening_private": frozenset({"name", "creditor", "phone"}),
    "ways_out": frozenset(),
    "late_terms": frozenset({"rate", "interest_from"}),
    "balance_open": frozenset({"balance"}),
    "balance_none": frozenset(),
    "footer": frozenset({"person", "creditor", "phone", "hours", "counted_to", "verify", "stop"}),
    "footer_plain": frozenset({"person", "creditor", "phone", "hours", "verify", "stop"}),
    "button_pay": frozenset(),
    "button_open": frozenset(),
    "button_confirmation": frozenset(),
    "link_fallback": frozenset({"link"}),
    "row_due": frozenset({"due_date"}),
    "row_processing": frozenset({"processing"}),
    "list_total": frozenset(),
}
#: Blocks that the frame, not a text, asks for; every HTML part depends on them.
_FRAME_BLOCKS = ("link_fallback", "row_due", "row_processing", "list_total")
#: `{block_balance}` stands for one of two blocks, by the value of {balance} (tone.md, section 10).
_CALLABLE_BLOCKS = frozenset(BLOCKS) | {"balance"}


@dataclass(frozen=True, slots=True)
class Kind:
    """What a message may say.

    own: placeholders beside those that every message may use.
    button: block with the words on its button.
    neutral_sms: a private person gets `neutral_notice` instead of this SMS; False where the text
        itself names no amount, document or debt and says something the reader asked for.
    """

    own: frozenset[str]
    button: str = "button_open"
    neutral_sms: bool = False


_EVERYWHERE = frozenset(
    {"name", "creditor", "person", "phone", "hours", "verify", "link", "stop", "counted_to"}
)
_ASKING = frozenset({"amount", "due_date", "invoice_list"})
KINDS: Mapping[str, Kind] = {
    "courtesy": Kind(_ASKING, "button_pay", neutral_sms=True),
    "due_today": Kind(_ASKING, "button_pay", neutral_sms=True),
    "first_reminder": Kind(_ASKING, "button_pay", neutral_sms=True),
    "neutral_notice": Kind(frozenset()),
    "payment_confirmation": Kind(
        frozenset({"paid_amount", "paid_date", "balance", "allocation_list"}),
        "button_confirmation",
        neutral_sms=True,
    ),
    "fresh_link": Kind(frozenset({"link_expires"})),
    "opt_out_confirmed": Kind(frozenset({"contact_point", "optout_date", "preferences"})),
}
PARTS = ("subject", "body", "sms")
MAX_SEGMENTS = 3

_SLOT = re.compile(r"\{([a-z_]+)\}")
_LONE_BLOCK = re.compile(r"\{block_([a-z_]+)\}")


def check_source(where: str, source: str, allowed: Iterable[str]) -> None:
    """Refuse a message source that holds anything but text and the allowed placeholders.

    Raises:
        SourceWrong: a brace too many (`{{`, `{%`), or a placeholder nobody fills (X-05).
    """
    if set("{}") & set(_SLOT.sub("", source)):
        raise SourceWrong(f"{where}: braces only around a placeholder")
    unknown = set(_SLOT.findall(source)) - set(allowed)
    if unknown:
        raise SourceWrong(f"{where}: unknown placeholders {', '.join(sorted(unknown))}")


@cache
def _read_sources(folder: Path) -> Mapping[str, str]:
    """Read and check every message source; the keys are paths such as "courtesy/en/body"."""
    calls = {f"block_{name}" for name in _CALLABLE_BLOCKS}
    allowed = {f"blocks/{{}}/{name}": own for name, own in BLOCKS.items()}
    for kind, facts in KINDS.items():
        for part in PARTS:
            may_call = calls if part == "body" else set()
            allowed[f"{kind}/{{}}/{part}"] = frozenset(facts.own | _EVERYWHERE | may_call)
    sources: dict[str, str] = {}
    for pattern, names in allowed.items():
        for language in LANGUAGES:
            key = pattern.format(language)
            path = folder / f"{key}.txt"
            if not path.is_file():
                raise SourceWrong(f"{key}: no such text")
            sources[key] = path.read_text(encoding="utf-8").strip()
            check_source(key, sources[key], names)
    return sources


# --------------------------------------------------------------------------- SMS

_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_TWICE = frozenset("^{}\\[~]|€\f")
#: One of these would turn a whole English SMS into UCS-2.
_TYPEWRITER = str.maketrans(
    {
        "’": "'",
        "‘": "'",
        "“": '"',
        "”": '"',
        "–": "-",
        "—": "-",
        "…": "...",
        MINUS: "-",
        NBSP: " ",
        "\u202f": " ",
    }
)


def sms_segments(text: str) -> int:
    """Count the segments of an SMS as the networks do.

    GSM-7 holds 160 units in one segment and 153 in each of several, UCS-2 holds 70 and 67; a
    character of two units is never cut in two.

    >>> sms_segments("a" * 160), sms_segments("a" * 161), sms_segments("ű" * 71)
    (1, 2, 2)
    """
    if all(c in _GSM or c in _GSM_TWICE for c in text):
        sizes, alone, joined = [2 if c in _GSM_TWICE else 1 for c in text], 160, 153
    else:
        sizes, alone, joined = [2 if ord(c) > 0xFFFF else 1 for c in text], 70, 67
    if sum(sizes) <= alone:
        return 1
    segments, room = 1, joined
    for size in sizes:
        if size > room:
            segments, room = segments + 1, joined
        room -= size
    return segments


# --------------------------------------------------------------------------- values

_BIDI_CONTROLS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def _one_line(value: str) -> str:
    """Strip what could break a header, a paragraph or an isolate out of somebody's value."""
    visible = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in value)
    return re.sub(" {2,}", " ", _BIDI_CONTROLS.sub("", visible)).strip()


def _is_address(url: str) -> bool:
    return url.startswith(("https://", "http://"))


def _quiet_link(url: str, shown: Markup) -> Markup:
    return Markup('<a href="{}" class="quiet">{}</a>').format(url, shown)


class _Filler:
    """The values of one letter, written for one medium: plain text, SMS or HTML."""

    def __init__(self, letter: Letter, kind: str, *, masked: bool = False) -> None:
        self.letter, self.kind, self.language = letter, kind, letter.language
        sender = letter.sender
        short = sender.short_name if letter.channel == "sms" else None
        self.values: dict[str, Any] = dict(letter.values) | {
            "creditor": short or sender.name,
            "person": sender.person,
            "phone": sender.phone,
            "hours": sender.hours,
            "verify": sender.verify_url,
            "link": letter.link,
            "stop": letter.stop,
        }
        self.values.setdefault("preferences", letter.stop)
        if masked:
            for name in ("link", "stop"):
                if self.values[name]:
                    self.values[name] = f"[{name}]"
            own = letter.values.get("preferences")
            self.values["preferences"] = "[preferences]" if own else self.values["stop"]

    def incomplete(self, missing: str) -> MessageIncomplete:
        return MessageIncomplete(self.kind, self.language, self.letter.channel, missing)

    def value(self, name: str) -> Any:
        """Return a value, cleaned if it is text. Raises: MessageIncomplete."""
        value = self.values.get(name)
        if isinstance(value, str):
            value = _one_line(value)
        if value is None or value == "":
            raise self.incomplete(name)
        return value

    def plain(self, name: str, override: Any = None) -> str:
        """Write a value as the reader writes it, bare of any isolation.

        Raises: MessageIncomplete: no value, or one of a type that the placeholder cannot hold.
        """
        value, form = self.value(name) if override is None else override, PLACEHOLDERS[name]
        match form, value:
            case Form.MONEY, Money():
                return self.money(value)
            case Form.DAY | Form.MOMENT, datetime() if self.letter.channel == "sms" or form is Form.DAY:
                return self.day(_in_zone(value, self.letter.zone))
            case Form.MOMENT, datetime():
                return moment(value, self.letter.zone, self.language)
            case Form.DAY | Form.MOMENT, date():
                return self.day(value)
            case Form.PERCENT, str() if re.fullmatch(r"\d{1,3}(\.\d{1,10})?", value):
                return percent(Decimal(value), self.language)
            case Form.TEXT | Form.LTR, str() | int():
                return str(value)
            case Form.URL, str():
                return value
        raise self.incomplete(f"{name} as {form.value}, not {type(value).__name__}")

    def money(self, amount: Money, *, code: bool = False) -> str:
        if self.letter.channel == "sms" and self.language == "en":
            code = code or currency_sign(amount.currency, "en") not in _GSM | _GSM_TWICE
        return money(amount, self.language, code=code)

    def day(self, value: date) -> str:
        return day(value, self.language, "sms" if self.letter.channel == "sms" else "text")

    def text(self, name: str, override: Any = None) -> str:
        """Write a value for plain text. Addresses stay bare: mail clients would take a control
        character that follows one for a part of it."""
        written = self.plain(name, override)
        return written if PLACEHOLDERS[name] is Form.URL else _set_apart(written, self.language)

    def sms(self, name: str) -> str:
        """Write a value for an SMS: no bidi controls, they cost a unit each and show as boxes."""
        return _BIDI_CONTROLS.sub("", self.plain(name))

    def html(self, name: str, override: Any = None) -> Markup:
        """Write a value for HTML, set apart, addresses and telephone numbers as links."""
        written, form = self.plain(name, override), PLACEHOLDERS[name]
        if form is Form.URL:
            shown = Markup('<bdi dir="ltr" class="url">{}</bdi>').format(written)
            return _quiet_link(written, shown) if _is_address(written) else shown
        if name == "phone":
            number = "".join(c for c in written if c.isdigit() or c == "+")
            return Markup('<a href="tel:{}" class="phone">{}</a>').format(number, ltr(written))
        return ltr(written) if form is Form.LTR else bdi(written)


def _fill(source: str, write: Callable[[str], str]) -> str:
    return "".join(write(p) if i % 2 else p for i, p in enumerate(_pieces(source, write)))


def _fill_html(source: str, write: Callable[[str], Markup]) -> Markup:
    return Markup("").join(write(p) if i % 2 else escape(p) for i, p in enumerate(_pieces(source, write)))


def _pieces(source: str, write: Callable[[str], str]) -> list[str]:
    """Cut a source into text (even places) and names of placeholders (odd places).

    A sentence that ends on a value with a point of its own, such as "Kft.", gets no second one.
    """
    pieces = _SLOT.split(source)
    for i in range(2, len(pieces), 2):
        if pieces[i].startswith(".") and _last_visible(write(pieces[i - 1])) == ".":
            pieces[i] = pieces[i][1:]
    return pieces


def _last_visible(written: str) -> str:
    bare = written.striptags() if isinstance(written, Markup) else written
    return _BIDI_CONTROLS.sub("", bare)[-1:]


# --------------------------------------------------------------------------- the presenter


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph of a source, its blocks put in; `origin` names the block it came from."""

    source: str
    origin: str | None = None

    @property
    def rows_of(self) -> str | None:
        """The placeholder of the table that this paragraph is, if it is one."""
        slot = _SLOT.fullmatch(self.source)
        return slot[1] if slot and PLACEHOLDERS[slot[1]] is Form.ROWS else None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table of documents, written for one medium."""

    number: str
    notes: tuple[str, ...]
    amount: str
    is_sum: bool = False


class Presenter:
    """Render messages from the sources in a folder of templates.

    All sources are read and checked when it is made, so a wrong one stops the start and no letter.

    Args:
        templates_dir: the folder that holds `messages/`.
    Raises:
        SourceWrong: a source is absent or more than text with known placeholders.
    """

    def __init__(self, templates_dir: Path | str) -> None:
        folder = Path(templates_dir)
        self._sources = _read_sources(folder / "messages")
        environment = Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined)
        self._frame = environment.get_template("messages/frame.html")
        self._frame_source = (folder / "messages" / "frame.html").read_text(encoding="utf-8")
        self._inliner = css_inline.CSSInliner(load_remote_stylesheets=False)

    def render_message(self, letter: Letter) -> Rendered:
        """Render one message.

        Raises:
            MessageIncomplete: a part or a value is missing, or an SMS is too long; names which.
        """
        if letter.kind not in KINDS or letter.language not in LANGUAGES:
            raise MessageIncomplete(letter.kind, letter.language, letter.channel, "no such text")
        if letter.channel == "sms":
            return self._sms(letter)
        if letter.channel == "email":
            return self._mail(letter)
        raise MessageIncomplete(letter.kind, letter.language, letter.channel, "no text for this channel")

    # ------------------------------------------------------------------ SMS

    def _sms(self, letter: Letter) -> Rendered:
        neutral = letter.private and KINDS[letter.kind].neutral_sms
        kind = "neutral_notice" if neutral else letter.kind
        key = f"{kind}/{letter.language}/sms"
        clear, kept = (self._plain_sms(key, _Filler(letter, kind, masked=masked)) for masked in (False, True))
        segments = sms_segments(clear)
        if segments > MAX_SEGMENTS:
            raise MessageIncomplete(
                kind, letter.language, "sms", f"room: {segments} segments, at most {MAX_SEGMENTS}"
            )
        return Rendered("", clear, None, kept, self._version([key]), segments)

    def _plain_sms(self, key: str, filler: _Filler) -> str:
        text = _fill(self._sources[key], filler.sms)
        return text.translate(_TYPEWRITER) if filler.language == "en" else text

    # ------------------------------------------------------------------ mail

    def _mail(self, letter: Letter) -> Rendered:
        filler = _Filler(letter, letter.kind)
        subject_key = "blocks/{}/subject_private" if letter.private else f"{letter.kind}/{{}}/subject"
        subject_key = subject_key.format(letter.language)
        subject = _anchor(_one_space(_fill(self._sources[subject_key], filler.text)), letter.language)
        paragraphs = self._paragraphs(letter, filler)
        used = [subject_key, f"{letter.kind}/{letter.language}/body"]
        used += [self._block(p.origin, letter.language) for p in paragraphs if p.origin]
        used += [self._block(b, letter.language) for b in (*_FRAME_BLOCKS, KINDS[letter.kind].button)]
        return Rendered(
            subject=subject,
            text=self._text(paragraphs, filler),
            html=self._html(subject, paragraphs, filler),
            kept_text=self._text(paragraphs, _Filler(letter, letter.kind, masked=True)),
            template_version=self._version([*used, *self._inline_blocks(letter, filler)], self._frame_source),
            segments=0,
        )

    @staticmethod
    def _block(name: str, language: str) -> str:
        return f"blocks/{language}/{name}"

    def _version(self, keys: Sequence[str], more: str = "") -> str:
        """Return a short digest of the sources a message was made of (decision 19)."""
        digest = sha256(more.encode())
        for key in sorted(set(keys)):
            digest.update(f"\0{key}\0{self._sources[key]}".encode())
        return digest.hexdigest()[:12]

    def _chosen(self, name: str, filler: _Filler) -> str | None:
        """Which block a call means; None if its facts are absent and the text closes up."""
        if name == "balance":
            balance = filler.value("balance")
            return "balance_open" if isinstance(balance, Money) and balance.minor > 0 else "balance_none"
        if name == "late_terms" and not any(filler.values.get(n) for n in BLOCKS["late_terms"]):
            return None
        return name

    def _inline_blocks(self, letter: Letter, filler: _Filler) -> list[str]:
        calls = _LONE_BLOCK.findall(self._sources[f"{letter.kind}/{letter.language}/body"])
        chosen = (self._chosen(name, filler) for name in calls)
        return [self._block(name, letter.language) for name in chosen if name]

    def _paragraphs(self, letter: Letter, filler: _Filler) -> list[Paragraph]:
        """Cut a body into paragraphs and put the blocks in their places."""
        body = self._sources[f"{letter.kind}/{letter.language}/body"]
        if letter.private:
            body = f"{{block_opening_private}}\n\n{body}"

        def block(name: str) -> str:
            chosen = self._chosen(name, filler)
            return self._sources[self._block(chosen, letter.language)] if chosen else ""

        paragraphs = []
        for source in re.split(r"\n{2,}", body):
            lone = _LONE_BLOCK.fullmatch(source)
            put_in = _LONE_BLOCK.sub(lambda call: block(call[1]), source)
            paragraphs.append(Paragraph(put_in, self._chosen(lone[1], filler) if lone else None))
        return [p for p in paragraphs if p.source and not (p.rows_of and self._no_rows(p.rows_of, filler))]

    @staticmethod
    def _no_rows(name: str, filler: _Filler) -> bool:
        """Whether a table is left out: a payment may be allocated to nothing, a request never."""
        rows = filler.value(name)
        if not isinstance(rows, list | tuple) or not all(isinstance(row, InvoiceRow) for row in rows):
            raise filler.incomplete(f"{name} as rows")
        if not rows and name == "invoice_list":
            raise filler.incomplete(name)
        return not rows

    def _text(self, paragraphs: Sequence[Paragraph], filler: _Filler) -> str:
        parts = []
        for paragraph in paragraphs:
            if paragraph.rows_of:
                lines = _aligned(self._rows(paragraph.rows_of, filler))
            else:
                lines = _fill(paragraph.source, filler.text).split("\n")
            parts.append("\n".join(_anchor(line, filler.language) for line in lines))
        legal = _one_line(filler.letter.sender.legal_line)
        if legal:
            parts.append(_anchor(_set_apart(legal, filler.language), filler.language))
        return "\n\n".join(parts) + "\n"

    def _rows(self, name: str, filler: _Filler, *, html: bool = False) -> list[Row]:
        """Write the rows of a table, and the sum where several documents of one currency are asked for.

        What is on its way by a delayed method is left out of the amounts and named in a note.
        """
        rows: Sequence[InvoiceRow] = filler.value(name)
        write = filler.html if html else filler.text
        mixed = len({row.currency for row in rows}) > 1

        def block(key: str, slot: str, value: object) -> str:
            source = self._sources[self._block(key, filler.language)]
            if html:
                return _fill_html(source, lambda _: filler.html(slot, value))
            return _fill(source, lambda _: filler.text(slot, value))

        def sum_of(amount: Money) -> str:
            written = filler.money(amount, code=mixed)
            return bdi(written) if html else _set_apart(written, filler.language)

        lines = []
        for row in rows:
            notes = []
            if name == "invoice_list" and row.due_on:
                notes.append(block("row_due", "due_date", row.due_on))
            if row.processing:
                notes.append(block("row_processing", "processing", row.processing))
            number = write("number", _one_line(row.number))
            lines.append(Row(number, tuple(notes), sum_of(row.balance - row.processing)))
        if name == "invoice_list" and len(rows) > 1 and not mixed:
            asked = total([row.balance - row.processing for row in rows], rows[0].currency)
            label_of_sum = self._sources[self._block("list_total", filler.language)]
            lines.append(Row(label_of_sum, (), sum_of(asked), is_sum=True))
        return lines

    # ------------------------------------------------------------------ HTML

    def _html(self, subject: str, paragraphs: Sequence[Paragraph], filler: _Filler) -> str:
        """Render the HTML part from the paragraphs of the text: the same words in the same order."""
        language, sender = filler.language, filler.letter.sender
        card: list[dict[str, Any]] = []
        foot: list[Markup] = []
        for paragraph in paragraphs:
            if paragraph.rows_of:
                card.append({"is": "table", "rows": self._rows(paragraph.rows_of, filler, html=True)})
                continue
            lines = paragraph.source.split("\n")
            if lines[0].startswith("{person}"):
                written = [_fill_html(line, filler.html) for line in lines if not _is_foot(line)]
                card.append({"is": "person", "lines": written[:2], "more": written[2:]})
                foot += [self._foot_line(line, filler) for line in lines if _is_foot(line)]
            elif paragraph.source.endswith("{link}"):
                lead = _fill_html(paragraph.source.removesuffix("{link}").rstrip(), filler.html)
                card.append({"is": "action", "lines": [lead]})
            else:
                role = "greeting" if paragraph.origin == "salutation" else "text"
                card.append({"is": role, "lines": [_fill_html(line, filler.html) for line in lines]})
        has_button = any(piece["is"] == "action" for piece in card)
        if has_button:
            if not _is_address(filler.value("link")):
                raise filler.incomplete("link as an address")
            fallback = self._sources[self._block("link_fallback", language)]
            foot.insert(1, _fill_html(fallback, filler.html))
        way = direction(language)
        page = self._frame.render(
            language=language,
            way=way,
            start="left" if way == "ltr" else "right",
            end="right" if way == "ltr" else "left",
            subject=_BIDI_CONTROLS.sub("", subject),
            creditor=_one_line(sender.name),
            legal_line=_one_line(sender.legal_line),
            brand=readable_brand(sender.brand_colour),
            initials=initials(sender.person),
            card=card,
            foot=foot,
            button=self._sources[self._block(KINDS[filler.kind].button, language)],
            link=filler.plain("link") if has_button else None,
        )
        return self._inliner.inline(page)

    @staticmethod
    def _foot_line(line: str, filler: _Filler) -> Markup:
        """Write a line of the foot: the opt-out sentence is a link itself, its address says nothing."""
        words, _, rest = line.partition(": {stop}")
        if rest or not line.endswith(": {stop}") or not _is_address(filler.plain("stop")):
            return _fill_html(line, filler.html)
        return _quiet_link(filler.plain("stop"), _fill_html(words, filler.html))


def _is_foot(line: str) -> bool:
    return "{verify}" in line or "{stop}" in line


def _one_space(text: str) -> str:
    """Keep a header on one line, whatever was put into it (X-04)."""
    return re.sub(r"[ \r\n\t]+", " ", text).strip()


def _aligned(rows: Sequence[Row]) -> list[str]:
    """Set rows in columns of plain text: number, notes, amount to the end."""
    notes = [", ".join(row.notes) for row in rows]
    number_width = max(_width(row.number) for row in rows)
    note_width = max(_width(note) for note in notes)
    amount_width = max(_width(row.amount) for row in rows)
    lines = []
    for row, note in zip(rows, notes, strict=True):
        cells = [row.number + " " * (number_width - _width(row.number))]
        if note_width:
            cells.append(note + " " * (note_width - _width(note)))
        cells.append(" " * (amount_width - _width(row.amount)) + row.amount)
        lines.append("  ".join(cells))
    return lines


def _width(text: str) -> int:
    """How many places a text takes: controls and combining marks take none."""
    return sum(unicodedata.category(c) not in ("Cf", "Mn") for c in text)


BRAND = "#0b5d57"


def readable_brand(colour: str) -> str:
    """Return a brand colour on which white words can be read (4.5 : 1), darkened as far as needed.

    Anything but `#rrggbb` is answered with our own colour, so no style can be smuggled in.

    >>> readable_brand("#4a3aa7"), readable_brand("red;} body{")
    ('#4a3aa7', '#0b5d57')
    """
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour or ""):
        return BRAND
    parts = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    while 1.05 / (_luminance(parts) + 0.05) < 4.5:
        parts = [p * 95 // 100 for p in parts]
    return "#" + "".join(f"{p:02x}" for p in parts)


def _luminance(parts: Sequence[int]) -> float:
    shares = [p / 255 for p in parts]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
