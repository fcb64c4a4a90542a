"""What a country's name in somebody's file means: ISO code, zone, language.

Names are those of CLDR in the languages we speak, and the few that books use instead.
Source: decision 2 (an account has its country's language until somebody chooses another).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache

from babel.core import Locale, get_global
from babel.languages import get_official_languages

_NAMED_IN = ("en", "he", "ru", "hu")
#: Names in books that CLDR spells otherwise.
_ALSO = {
    "EIRE": "IE", "RSA": "ZA", "USA": "US", "UK": "GB", "UAE": "AE", "Great Britain": "GB", "England": "GB",
    "Scotland": "GB", "Wales": "GB", "Northern Ireland": "GB", "Holland": "NL", "Czech Republic": "CZ",
    "Turkey": "TR", "Hong Kong": "HK", "Republic of Ireland": "IE", "United States of America": "US",
    "Russian Federation": "RU", "Korea": "KR", "Macedonia": "MK",
}  # fmt: skip
#: Where most business of a country with several zones is done.
_MAIN_ZONE = {
    "AR": "America/Argentina/Buenos_Aires", "AU": "Australia/Sydney", "BR": "America/Sao_Paulo",
    "CA": "America/Toronto", "CL": "America/Santiago", "CN": "Asia/Shanghai", "CY": "Asia/Nicosia",
    "DE": "Europe/Berlin", "EC": "America/Guayaquil", "ES": "Europe/Madrid", "ID": "Asia/Jakarta",
    "KZ": "Asia/Almaty", "MN": "Asia/Ulaanbaatar", "MX": "America/Mexico_City", "MY": "Asia/Kuala_Lumpur",
    "NZ": "Pacific/Auckland", "PT": "Europe/Lisbon", "RU": "Europe/Moscow", "UA": "Europe/Kyiv",
    "US": "America/New_York", "UZ": "Asia/Tashkent",
}  # fmt: skip
#: CLDR codes that are no country an invoice goes to.
_NO_COUNTRY = frozenset({"EU", "EZ", "UN", "QO", "XA", "XB", "ZZ"})


def _key(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())


@cache
def _codes() -> dict[str, str]:
    known: dict[str, str] = {}
    for language in _NAMED_IN:
        for code, name in Locale(language).territories.items():
            if len(code) == 2 and code not in _NO_COUNTRY:
                known.setdefault(_key(name), code)
                known[_key(code)] = code
    known.update({_key(name): code for name, code in _ALSO.items()})
    return known


@lru_cache(maxsize=1024)
def country_code(name: str) -> str | None:
    """Return the ISO 3166 code of a country's name or code, or None when nobody knows it.

    >>> country_code("EIRE"), country_code("Egyesült Királyság"), country_code("de"), country_code("Mordor")
    ('IE', 'GB', 'DE', None)
    """
    return _codes().get(_key(name))


def country_zone(code: str, default: str) -> str:
    """Return the IANA zone of a country, the main one where it has several, else the default.

    >>> country_zone("AU", "UTC"), country_zone("IE", "UTC"), country_zone("AQ", "UTC")
    ('Australia/Sydney', 'Europe/Dublin', 'UTC')
    """
    zones = get_global("territory_zones").get(code, [])
    return _MAIN_ZONE.get(code) or (zones[0] if len(zones) == 1 else default)


def country_language(code: str, offered: Sequence[str], default: str) -> str:
    """Return the first official language of a country that is offered, else the default.

    >>> country_language("BY", ["en", "ru"], "en"), country_language("JP", ["en", "ru"], "en")
    ('ru', 'en')
    """
    official = get_official_languages(code, de_facto=True)
    return next((language for language in official if language in offered), default)
