"""What every document shares: words and values in one language, letterhead and foot."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from babel.numbers import format_decimal

from models.money import Money
from presentation.colours import readable_brand
from presentation.filling import one_line
from presentation.words import catalogue
from presentation.writing import (
    TRANSLATIONS,
    amount_only,
    day,
    direction,
    locale_of,
    moment,
    money,
    number_list,
    set_apart,
)
from receivables.documents.data import Parties

_SLOT = re.compile(r"%\((\w+)\)([sd])")


class Written(str):
    """Text that is written and set apart already."""


class Pen:
    """Writes words and values in one language; every value is cleaned and set apart.

    Args:
        language: en, he, ru or hu.
        zone: IANA name; moments are shown in it.
    """

    def __init__(self, language: str, zone: str = "UTC") -> None:
        self.language, self.zone = language, zone
        self._words = catalogue(language, TRANSLATIONS)

    def gettext(self, text: str, **values: object) -> str:
        """Translate a sentence and put its values in."""
        return self._filled(str(self._words.gettext(text)), values)

    def ngettext(self, one: str, many: str, num: int, **values: object) -> str:
        """Translate the form of a sentence that a count asks for; `%(num)d` is the count."""
        return self._filled(str(self._words.ngettext(one, many, num)), {"num": num, **values})

    def pgettext(self, about: str, text: str) -> str:
        """Translate a word that means several things by what it is said of."""
        return str(self._words.pgettext(about, text))

    def _filled(self, text: str, values: Mapping[str, object]) -> str:
        return _SLOT.sub(lambda slot: self.value(values[slot[1]]), text)

    def value(self, value: object) -> str:
        """Write a value by its kind, set apart from the text around it."""
        match value:
            case Written():
                return value
            case Money():
                return set_apart(money(value, self.language), self.language)
            case datetime():
                return set_apart(moment(value, self.zone, self.language), self.language)
            case date():
                return set_apart(day(value, self.language), self.language)
            case int():
                return str(value)
        return self.own(str(value))

    def own(self, text: str) -> str:
        """Somebody's own words, such as a name: one line, no direction marks of its own."""
        return set_apart(one_line(text), self.language)

    def short(self, value: date) -> str:
        """A day for a table."""
        return set_apart(day(value, self.language, "short"), self.language)

    def figure(self, amount: Money) -> str:
        """An amount for a column that names its currency at the head."""
        return set_apart(amount_only(amount, self.language), self.language)

    def owed(self, amount: Money) -> Any:
        """A balance for a column: nobody is shown a negative one (tone.md section 9)."""
        if amount.minor >= 0:
            return self.figure(amount)
        return {"value": self.figure(-amount), "note": self.gettext("in your favour")}

    def balance(self, amount: Money) -> Any:
        """A balance with its currency, likewise."""
        if amount.minor >= 0:
            return self.value(amount)
        return {"value": self.value(-amount), "note": self.gettext("in your favour")}

    def numbers(self, items: Iterable[object]) -> Written:
        """Several numbers as one phrase."""
        return Written(number_list([one_line(str(item)) for item in items], self.language))

    def decimal(self, text: str, pattern: str) -> str:
        """A quantity, price or rate from its decimal string."""
        written = format_decimal(Decimal(text), pattern, locale=locale_of(self.language))
        return set_apart(written, self.language)


def letterhead(pen: Pen, parties: Parties, heading: str) -> dict[str, Any]:
    """Who it is from and to, and what stands at the foot of every page."""
    return {
        "language": pen.language,
        "direction": direction(pen.language),
        "heading": heading,
        "creditor": pen.own(parties.creditor),
        "creditor_lines": [
            pen.own(parties.creditor_address),
            " · ".join(pen.own(part) for part in (parties.phone, parties.email)),
        ],
        "to": [
            pen.own(parties.account),
            pen.gettext("Account %(number)s", number=parties.account_number),
        ],
        "foot": " · ".join(
            pen.own(part) for part in (parties.creditor, parties.creditor_address, *parties.creditor_numbers)
        ),
        "ask": pen.gettext("Questions? %(person)s, %(phone)s", person=parties.person, phone=parties.phone),
    }


def sheet_of(parties: Parties, papers: list[dict[str, Any]]) -> dict[str, Any]:
    """The data of a document: one paper, or one in each of two languages."""
    return {"brand": readable_brand(parties.brand_colour), "papers": papers}
