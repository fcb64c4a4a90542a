"""Filters that pages use: the same writing, with the page's own language and zone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from babel.support import NullTranslations
from jinja2 import Environment, pass_context
from jinja2.runtime import Context, Undefined
from markupsafe import Markup

from models.money import Money
from presentation.paper_words import age_word, entry_word
from presentation.words import catalogue, label
from presentation.writing import (
    LANGUAGE_NAMES,
    LANGUAGES,
    TRANSLATIONS,
    amount_only,
    bdi,
    day,
    decimal,
    direction,
    in_zone,
    initials,
    ltr,
    moment,
    money,
    number_list,
    percent,
    plural,
    plural_form,
    set_apart,
)


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
    return set_apart(money(amount, language, code=code), language)


@pass_context
def _page_amount(context: Context, amount: Money) -> str:
    return amount_only(amount, _of(context, "language"))


@pass_context
def _page_day(context: Context, value: date, style: str = "text") -> str:
    if isinstance(value, datetime):
        value = in_zone(value, _of(context, "zone"))
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
def _page_decimal(context: Context, value: Decimal | int, places: int = 0) -> str:
    return decimal(value, _of(context, "language"), places)


@pass_context
def _page_percent(context: Context, value: Decimal) -> str:
    return percent(value, _of(context, "language"))


@pass_context
def _page_entry_word(context: Context, kind: str) -> str:
    return entry_word(kind, _of(context, "language"))


@pass_context
def _page_age_word(context: Context, bucket: str) -> str:
    return age_word(bucket, _of(context, "language"))


def _catalogue_of(context: Context) -> NullTranslations:
    return catalogue(str(context.get("language") or "en"), TRANSLATIONS)


@pass_context
def _page_gettext(context: Context, text: str) -> str:
    return str(_catalogue_of(context).gettext(text))


@pass_context
def _page_ngettext(context: Context, one: str, many: str, count: int) -> str:
    return str(_catalogue_of(context).ngettext(one, many, count))


@pass_context
def _page_pgettext(context: Context, about: str, text: str) -> str:
    return str(_catalogue_of(context).pgettext(about, text))


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
        "decimal": _page_decimal,
        "percent": _page_percent,
        "number_list": _page_number_list,
        "entry_word": _page_entry_word,
        "age_word": _page_age_word,
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
    if "jinja2.ext.InternationalizationExtension" in environment.extensions:
        # The page's own language decides; asking the request for it costs a seventh of a page.
        environment.install_gettext_callables(  # type: ignore[attr-defined]
            _page_gettext, _page_ngettext, newstyle=True, pgettext=_page_pgettext
        )
