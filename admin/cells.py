"""How a value of the books is written in a cell: set apart, in its direction, worded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from flask import g, url_for
from markupsafe import Markup

from admin.words import word
from models.money import Money

EMPTY = Markup('<span class="mute">·</span>')
#: Kinds of rows that have a page of their own.
_PAGES = {"account": "backoffice.account", "invoice": "backoffice.invoice"}

Formatter = Callable[[Any, Any, Any, str], Any]


def _filter(context: Any, name: str, *args: Any, **kwargs: Any) -> Any:
    return context.environment.filters[name](context, *args, **kwargs)


def amount(view: Any, context: Any, row: Any, name: str) -> Markup:
    """An amount in the row's currency: left to right in every language, without its code."""
    value = Money(getattr(row, name), row.currency)
    return Markup('<bdi dir="ltr">{}</bdi>').format(_filter(context, "amount", value)) if value else EMPTY


def text(view: Any, context: Any, row: Any, name: str) -> Markup:
    """Words of people, set apart."""
    value = getattr(row, name)
    return Markup("<bdi>{}</bdi>").format(value) if value else EMPTY


def number(view: Any, context: Any, row: Any, name: str) -> Markup:
    """A number or name of a document or object, left to right."""
    value = getattr(row, name)
    return Markup('<bdi dir="ltr">{}</bdi>').format(value) if value is not None else EMPTY


def day(view: Any, context: Any, row: Any, name: str) -> Markup:
    """A day of the books or of an account."""
    value = getattr(row, name)
    return Markup("<bdi>{}</bdi>").format(_filter(context, "day", value, "short")) if value else EMPTY


def moment(view: Any, context: Any, row: Any, name: str) -> Markup:
    """A moment in the zone of the house."""
    value = getattr(row, name)
    if not value:
        return EMPTY
    hour = context.resolve("hour")(value)
    return Markup('<span class="text-nowrap"><bdi>{}</bdi> <bdi dir="ltr">{}</bdi></span>').format(
        _filter(context, "day", value, "short"), hour
    )


def status(view: Any, context: Any, row: Any, name: str) -> str:
    """The desk's word for a status."""
    return cast(str, _filter(context, "label", getattr(row, name), staff=True))


def worded(table: str) -> Formatter:
    """A code by its word in a table of `words`."""

    def cell(view: Any, context: Any, row: Any, name: str) -> Any:
        value = getattr(row, name)
        return word(table, str(value)) if value else EMPTY

    return cell


def linked(kind: str) -> Formatter:
    """The name of another row, with the way to its page where it has one."""

    def cell(view: Any, context: Any, row: Any, name: str) -> Any:
        found = _names(kind).get(getattr(row, name))
        if found is None:
            return EMPTY
        ref, said = found
        if kind not in _PAGES:
            return Markup("<bdi>{}</bdi>").format(said)
        way = url_for(_PAGES[kind], ref=ref)
        return Markup('<a class="quiet" href="{}"><bdi>{}</bdi></a>').format(way, said)

    return cell


def opens(kind: str) -> Formatter:
    """The row's own name with the way to our page about it."""

    def cell(view: Any, context: Any, row: Any, name: str) -> Markup:
        way = url_for(_PAGES[kind], ref=row.ref)
        return Markup('<a class="quiet" href="{}"><bdi>{}</bdi></a>').format(way, getattr(row, name))

    return cell


def details(form: Formatter) -> Formatter:
    """A cell of another form with the way to the details of its row."""

    def cell(view: Any, context: Any, row: Any, name: str) -> Markup:
        way = url_for(f"{view.endpoint}.details_view", id=row.id)
        return Markup('<a class="quiet" href="{}">{}</a>').format(way, form(view, context, row, name))

    return cell


def _names(kind: str) -> dict[int, tuple[str, str]]:
    """id -> (ref, name) of the rows that this page mentions."""
    found: dict[str, dict[int, tuple[str, str]]] = g.get("book_names", {})
    return found.get(kind, {})
