"""What debtors type and tick, read into choices; nothing is read that is not named here (A-09)."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest

from models.money import (
    AmountUnreadable,
    Money,
    UnknownCurrency,
    currency_row,
    parse_plain,
    parse_typed,
)
from receivables.errors import NotFound, Refused
from receivables.invoices import CurrencyGroup
from receivables.payments.quotes import Choice, Quote
from receivables.ports import InvoiceRow

#: Which mark people of each language write before the decimals.
DECIMAL_MARKS = {"en": ".", "he": ".", "ru": ",", "hu": ","}
KINDS = ("overdue", "all", "chosen", "amount")
#: The field that each refusal is about; all others are about the choice as a whole.
FIELDS = {
    "none_chosen": "i0",
    "invoice_not_open": "i0",
    "empty": "amount",
    "not_a_number": "amount",
    "ambiguous": "amount",
    "too_precise": "amount",
    "amount_zero": "amount",
    "amount_negative": "amount",
    "amount_above_balance": "amount",
    "amount_below_minimum": "amount",
    "amount_above_maximum": "amount",
    "amount_off_step": "amount",
    "leaves_too_little": "amount",
}


@dataclass(frozen=True, slots=True)
class PayForm:
    """The pay page's fields as they came, so that nothing has to be typed again.

    Attributes:
        what: one of KINDS, or "" while nothing is chosen.
        invoices: refs of the ticked documents.
        amount: as typed, or a plain decimal in an address of ours; read only with `what` "amount".
    """

    what: str = ""
    invoices: tuple[str, ...] = ()
    amount: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that needs another look: the field's id, a code and what its sentence needs."""

    field: str
    code: str
    facts: dict[str, Any]


def single(source: MultiDict[str, str], name: str, default: str = "") -> str:
    """Return a field that may be given once.

    Raises:
        BadRequest: it is there twice, so somebody would have to guess (A-09).
    """
    values = source.getlist(name)
    if len(values) > 1:
        raise BadRequest("repeated")
    return values[0].strip() if values else default


def read_pay(source: MultiDict[str, str]) -> PayForm:
    """Read the pay page's fields from a form or an address."""
    what = single(source, "what")
    if what and what not in KINDS:
        raise BadRequest("unknown_choice")
    return PayForm(what, tuple(source.getlist("invoice")), single(source, "amount"))


def read_currency(source: MultiDict[str, str]) -> str:
    """Read the currency.

    Raises:
        NotFound: none is named, or one that we do not know.
    """
    code = single(source, "currency")
    try:
        currency_row(code)
    except UnknownCurrency:
        raise NotFound("not_found") from None
    return code


def typed(currency: str, language: str) -> Callable[[str], Money]:
    """A reader of amounts as people of a language type them."""
    return lambda text: parse_typed(text, currency, decimal_mark=DECIMAL_MARKS[language])


def plain(currency: str) -> Callable[[str], Money]:
    """A reader of the plain decimals that our own addresses and hidden fields carry."""
    return lambda text: parse_plain(text, currency)


def choice_of(form: PayForm, currency: str, read_amount: Callable[[str], Money]) -> Choice:
    """Make the choice that a form stands for.

    Raises:
        Refused: choice_missing, none_chosen, or a reason of AmountUnreadable.
    """
    if not form.what:
        raise Refused("choice_missing")
    if form.what == "chosen" and not form.invoices:
        raise Refused("none_chosen")
    if form.what != "amount":
        return Choice(form.what, currency, form.invoices if form.what == "chosen" else ())
    try:
        return Choice("amount", currency, amount=read_amount(form.amount))
    except AmountUnreadable as error:
        raise Refused("not_a_number" if error.reason == "too_large" else error.reason) from None


def shown(form: PayForm, language: str) -> PayForm:
    """Write the plain decimal of an address of ours with the reader's own decimal mark."""
    return replace(form, amount=form.amount.replace(".", DECIMAL_MARKS[language]))


def prefilled(form: PayForm, group: CurrencyGroup) -> PayForm:
    """Fill what is not chosen yet: everything overdue, else everything open; its invoices are ticked."""
    if group.overdue:
        ticked = tuple(row.ref for row in group.overdue_rows)
    else:
        ticked = tuple(row.ref for row in group.rows)
    usual = "overdue" if group.overdue else "all"
    known = form.what not in ("overdue", "all") and form.what
    return PayForm(
        form.what if known else usual, form.invoices if form.what == "chosen" else ticked, form.amount
    )


def problem(error: Refused, form: PayForm, currency: str, language: str) -> Problem:
    """Say where on the page a refusal belongs and give its sentence an example to show."""
    facts = {"example": example(currency, language), **error.facts}
    field = FIELDS.get(error.code, "what")
    shown = {"amount": form.what == "amount", "i0": form.what == "chosen"}.get(field, True)
    return Problem(field if shown else "what", error.code, facts)


def example(currency: str, language: str) -> str:
    """An amount as it may be typed: 250.00, 250,00 or 25000."""
    row = currency_row(currency)
    whole = "250" if row.shown_decimals else "25000"
    return whole + (DECIMAL_MARKS[language] + "0" * row.shown_decimals if row.shown_decimals else "")


def least(currency: str) -> Money:
    """The smallest amount that can be paid by card in a currency."""
    row = currency_row(currency)
    return Money(max(row.minimum, row.step), currency)


def most(asked: Money) -> Money:
    """The largest amount of what is asked for that can be paid by card at once."""
    return min(asked, Money(currency_row(asked.currency).maximum, asked.currency))


def address_of(choice: Choice) -> dict[str, Any]:
    """The query of an address that carries a choice: to its review, or back to change it."""
    amount = f"{choice.amount.decimal:f}" if choice.amount is not None else None
    return {
        "currency": choice.currency,
        "what": choice.kind,
        "amount": amount,
        "invoice": [*choice.invoice_refs] if choice.kind == "chosen" else None,
    }


def reviewed(quote: Quote, choice: Choice) -> list[tuple[str, str]]:
    """Hidden fields that hold exactly what the debtor has just read, whatever happens meanwhile.

    A whole choice becomes its invoices and their sum: if one of them changes before the button is
    pressed, the sum no longer fits and the debtor is asked again instead of charged another amount.
    """
    refs = () if choice.kind == "amount" else tuple(row.ref for row, _ in quote.shares)
    return [
        ("currency", quote.currency),
        ("amount", f"{quote.amount.decimal:f}"),
        *(("invoice", ref) for ref in refs),
        ("nonce", secrets.token_urlsafe(32)),
    ]


def rest_of(row: InvoiceRow) -> list[tuple[str, str]]:
    """Hidden fields that pay what is asked for on one document, on a page that shows just that sum."""
    return [
        ("currency", row.currency),
        ("amount", f"{row.asked.decimal:f}"),
        ("invoice", row.ref),
        ("nonce", secrets.token_urlsafe(32)),
    ]


def read_reviewed(source: MultiDict[str, str]) -> Choice:
    """Read back what `reviewed` wrote.

    Raises:
        BadRequest: the amount is not one that we wrote.
    """
    currency = read_currency(source)
    try:
        amount = parse_plain(single(source, "amount"), currency)
    except AmountUnreadable:
        raise BadRequest("amount") from None
    return Choice("amount", currency, tuple(source.getlist("invoice")), amount)


def read_nonce(source: MultiDict[str, str]) -> str:
    """Read the form's own number, made when the page was shown (M-06).

    Raises:
        BadRequest: absent, or not one of ours by its looks.
    """
    nonce = single(source, "nonce")
    if not re.fullmatch(r"[A-Za-z0-9_-]{43}", nonce):
        raise BadRequest("nonce")
    return nonce
