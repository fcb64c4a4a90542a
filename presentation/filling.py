"""Values put into message sources, written by their kind in the reader's language."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from markupsafe import Markup, escape

from models.money import Money
from presentation.sms import _GSM, _GSM_TWICE
from presentation.sources import PLACEHOLDERS, SLOT, Form
from presentation.writing import (
    bdi,
    currency_sign,
    day,
    in_zone,
    ltr,
    moment,
    money,
    percent,
    set_apart,
)
from receivables.ports import Letter, MessageIncomplete

_SPACES = re.compile(" {2,}")
BIDI_CONTROLS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def one_line(value: str) -> str:
    """Strip what could break a header, a paragraph or an isolate out of somebody's value."""
    if not value.isprintable():
        value = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in value)
        value = BIDI_CONTROLS.sub("", value)
    return _SPACES.sub(" ", value).strip()


def lines_kept(value: str) -> str:
    """Strip the same out of what somebody wrote in lines; at most one empty line between two."""
    return re.sub(r"\n{3,}", "\n\n", "\n".join(one_line(line) for line in value.splitlines())).strip("\n")


def is_address(url: str) -> bool:
    return url.startswith(("https://", "http://"))


def quiet_link(url: str, shown: Markup) -> Markup:
    return Markup('<a href="{}" class="quiet">{}</a>').format(url, shown)


class Filler:
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
            "code": letter.code,
        }
        self.values.setdefault("preferences", letter.stop)
        if masked:
            for name in ("link", "stop", "code"):
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
            value = lines_kept(value) if PLACEHOLDERS.get(name) is Form.WORDS else one_line(value)
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
                return self.day(in_zone(value, self.letter.zone))
            case Form.MOMENT, datetime():
                return moment(value, self.letter.zone, self.language)
            case Form.DAY | Form.MOMENT, date():
                return self.day(value)
            case Form.PERCENT, str() if re.fullmatch(r"\d{1,3}(\.\d{1,10})?", value):
                return percent(Decimal(value), self.language)
            case Form.TEXT | Form.LTR | Form.WORDS, str() | int():
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
        written, form = self.plain(name, override), PLACEHOLDERS[name]
        if form is Form.WORDS:
            return "\n".join(set_apart(line, self.language) if line else "" for line in written.split("\n"))
        return written if form is Form.URL else set_apart(written, self.language)

    def sms(self, name: str) -> str:
        """Write a value for an SMS: no bidi controls, they cost a unit each and show as boxes."""
        return BIDI_CONTROLS.sub("", self.plain(name))

    def html(self, name: str, override: Any = None) -> Markup:
        """Write a value for HTML, set apart, addresses and telephone numbers as links."""
        written, form = self.plain(name, override), PLACEHOLDERS[name]
        if form is Form.URL:
            shown = Markup('<bdi dir="ltr" class="url">{}</bdi>').format(written)
            return quiet_link(written, shown) if is_address(written) else shown
        if name == "phone":
            number = "".join(c for c in written if c.isdigit() or c == "+")
            return Markup('<a href="tel:{}" class="phone">{}</a>').format(number, ltr(written))
        if form is Form.WORDS:
            return Markup("<br>").join(bdi(line) if line else "" for line in written.split("\n"))
        return ltr(written) if form is Form.LTR else bdi(written)


def fill(source: str, write: Callable[[str], str]) -> str:
    return "".join(write(p) if i % 2 else p for i, p in enumerate(pieces(source, write)))


def fill_html(source: str, write: Callable[[str], Markup]) -> Markup:
    return Markup("").join(write(p) if i % 2 else _escaped(p) for i, p in enumerate(pieces(source, write)))


def pieces(source: str, write: Callable[[str], str]) -> list[str]:
    """Cut a source into text (even places) and names of placeholders (odd places).

    A sentence that ends on a value with a point of its own, such as "Kft.", gets no second one.
    """
    pieces = list(_cut(source))
    for i in range(2, len(pieces), 2):
        if pieces[i].startswith(".") and last_visible(write(pieces[i - 1])) == ".":
            pieces[i] = pieces[i][1:]
    return pieces


#: Sources are a few hundred sentences, and each is filled for every reader.
_escaped = lru_cache(maxsize=4096)(escape)


@lru_cache(maxsize=4096)
def _cut(source: str) -> tuple[str, ...]:
    return tuple(SLOT.split(source))


def last_visible(written: str) -> str:
    bare = written.striptags() if isinstance(written, Markup) else written
    return BIDI_CONTROLS.sub("", bare)[-1:]
