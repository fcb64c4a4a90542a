"""Words and numbers as the reader writes them: Jinja and Babel without Flask."""

from presentation.colours import BRAND, readable_brand
from presentation.known import known_texts
from presentation.messages import Presenter
from presentation.pages import install
from presentation.sms import MAX_SEGMENTS, sms_segments
from presentation.sources import BLOCKS, KINDS, PARTS, PLACEHOLDERS, SourceWrong, check_source
from presentation.words import label
from presentation.writing import (
    LANGUAGE_NAMES,
    LANGUAGES,
    LOCALES,
    TRANSLATIONS,
    amount_only,
    bdi,
    currency_sign,
    day,
    direction,
    initials,
    isolate,
    ltr,
    moment,
    money,
    number_list,
    percent,
    plural,
    plural_form,
)

__all__ = [
    "BLOCKS",
    "BRAND",
    "KINDS",
    "LANGUAGES",
    "LANGUAGE_NAMES",
    "LOCALES",
    "MAX_SEGMENTS",
    "PARTS",
    "PLACEHOLDERS",
    "TRANSLATIONS",
    "Presenter",
    "SourceWrong",
    "amount_only",
    "bdi",
    "check_source",
    "currency_sign",
    "day",
    "direction",
    "initials",
    "install",
    "isolate",
    "known_texts",
    "label",
    "ltr",
    "moment",
    "money",
    "number_list",
    "percent",
    "plural",
    "plural_form",
    "readable_brand",
    "sms_segments",
]
