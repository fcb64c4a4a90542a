"""Promises at the desk: what falls due, what is at risk or broken; one noted, renewed or taken back."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from typing import Any

from flask import Response, request
from flask_wtf import FlaskForm
from sqlalchemy import select
from sqlalchemy.orm import Session
from wtforms import HiddenField, StringField
from wtforms.validators import DataRequired, Length

import web
from admin.forms import DECIMAL_MARKS, ReasonForm
from admin.invoices import actor_language
from admin.shell import blueprint, done, note_read, page
from models.accounts import Contact
from models.money import Money, MoneyError, parse_typed
from receivables.arrangements import promise_desk, promises
from receivables.contact.readers import paying_contacts
from receivables.desk import accounts as desk_accounts
from receivables.errors import NotFound, Refused
from receivables.ladder import what_ifs
from receivables.permissions import Permission
from receivables.texts import plain

P = Permission
HERE = "backoffice.promises_desk"
ACCOUNTS = "books_accounts.index_view"
#: The field that each refusal is about; all others are about the amount.
DAY = ("day_past", "day_beyond", "day_off", "promise_changed_before")


def narrowed(shows: Any) -> tuple[Any, int | None, str | None, int]:
    """What a desk of arrangements is narrowed to by its address: kind, collector, currency, first row."""
    asked = request.args
    show = asked.get("show", "")
    mine = web.staff_actor().id if asked.get("whose") == "mine" else None
    currency = asked.get("currency", "")[:3].upper() or None
    first = asked.get("first", "")
    return (
        shows(show) if show in [one.value for one in shows] else next(iter(shows)),
        mine,
        currency if currency is None or (currency.isalpha() and currency.isascii()) else None,
        int(first) if first.isascii() and first.isdigit() and len(first) < 6 else 0,
    )


@blueprint.get("/promises")
@web.needs(P.ARRANGEMENT_READ)
def promises_desk() -> Response:
    """Promises of one kind with their sums."""
    show, mine, currency, first = narrowed(promise_desk.Show)
    with web.house().store.read() as database:
        found = promise_desk.promises(
            database, web.staff_actor(), show=show, collector_id=mine, currency=currency, first=first,
            now=web.now(),
        )  # fmt: skip
    note_read(None)
    return page(
        "backoffice/promises.html", found=found, show=show, shows=list(promise_desk.Show), mine=mine,
        currency=currency, first=first, size=promise_desk.PAGE, rules=web.policy().at_risk,
    )  # fmt: skip


# --------------------------------------------------------------------------- one is noted or renewed


class PromiseForm(FlaskForm):  # type: ignore[misc]
    """A sum, a day, and who gave it. `shown` is what the list of consequences was last made for."""

    amount = StringField(
        filters=[lambda text: plain(text or "").strip()],
        validators=[DataRequired("empty"), Length(max=64, message="too_long")],
    )
    day = StringField(validators=[DataRequired("empty"), Length(max=10, message="day_unreadable")])
    contact = StringField(validators=[Length(max=24, message="empty")])
    currency = HiddenField(validators=[DataRequired("empty"), Length(max=3)])
    shown = HiddenField()

    def promise(self) -> tuple[Money, date] | None:
        """Sum and day as typed, or None with an error at the field."""
        try:
            amount = parse_typed(
                self.amount.data, self.currency.data, decimal_mark=DECIMAL_MARKS[actor_language()]
            )
        except MoneyError as error:
            self.amount.errors = [getattr(error, "reason", "amount_unreadable")]
            return None
        try:
            return amount, date.fromisoformat(self.day.data)
        except ValueError:
            self.day.errors = ["day_unreadable"]
            return None

    def as_typed(self) -> str:
        """One name for all that is typed: equal to `shown` when nothing changed since."""
        typed = [self.amount.data, self.day.data, self.contact.data, self.currency.data]
        return sha256("\0".join(part or "" for part in typed).encode()).hexdigest()


@blueprint.get("/accounts/<ref>/promise")
@web.needs(P.PROMISE_MAKE)
def ask_promise(ref: str) -> Response:
    """The form to note a promise, with what the rules allow."""
    return _ask(ref, PromiseForm(formdata=None), request.args.get("currency", "")[:3])


def _ask(
    ref: str, form: PromiseForm, currency: str, status: int = 200, seen: promises.Preview | None = None
) -> Response:
    actor = web.staff_actor()
    with web.house().store.read() as database:
        who = desk_accounts.head(database, actor, ref)
        try:
            choices = promises.choices(database, actor, currency or None, account_id=who.id, now=web.now())
        except Refused:
            choices = None
        people = [
            (c.ref, c.name) for c in paying_contacts(database, desk_accounts.account_row(database, ref))
        ]
    note_read(who.id)
    if choices is not None:
        form.currency.data = choices.currency
    return page(
        "backoffice/promise.html", status, here=ACCOUNTS, zone=who.zone, who=who, form=form,
        choices=choices, people=people, seen=seen, rules=web.policy().promises,
    )  # fmt: skip


@blueprint.post("/accounts/<ref>/promise")
@web.needs(P.PROMISE_MAKE)
def note_promise(ref: str) -> Response:
    """Show what follows; note the promise once that was read for these figures."""
    form, actor = PromiseForm(), web.staff_actor()
    typed = form.promise() if form.validate() else None
    if typed is None:
        return _ask(ref, form, form.currency.data or "", 422)
    amount, on = typed

    def unit(session: Session) -> None:
        account = desk_accounts.account_row(session, ref)
        promises.promise(
            session, actor, account, amount, on,
            contact_id=_contact(session, account.id, form.contact.data), now=web.now(),
        )  # fmt: skip

    try:
        if form.shown.data != form.as_typed():
            with web.house().store.read() as database:
                account = desk_accounts.account_row(database, ref)
                seen = promises.preview(database, actor, amount, on, account_id=account.id, now=web.now())
            form.shown.data = form.as_typed()
            return _ask(ref, form, amount.currency, seen=seen)
        web.house().store.run(unit)
    except Refused as error:
        (form.day if error.code in DAY else form.amount).errors = [error.code]
        return _ask(ref, form, amount.currency, 409)
    return done("promise_noted", "backoffice.account", values={"ref": ref}, minor=amount.minor,
                currency=amount.currency)  # fmt: skip


def _contact(session: Session, account_id: int, ref: str | None) -> int | None:
    if not ref:
        return None
    found = session.scalar(select(Contact.id).where(Contact.ref == ref, Contact.account_id == account_id))
    if found is None:
        raise NotFound("not_found")
    return found


# --------------------------------------------------------------------------- one is taken back


@blueprint.get("/promises/<ref>/withdraw")
@web.needs(P.PROMISE_MAKE)
def ask_withdraw_promise(ref: str) -> Response:
    """What follows if the promise is taken back."""
    return _withdraw(ref, ReasonForm(formdata=None))


def _withdraw(ref: str, form: ReasonForm, status: int = 200) -> Response:
    actor = web.staff_actor()
    with web.house().store.read() as database:
        row = promise_desk.promise(database, actor, ref, now=web.now())
        account_id = desk_accounts.account_row(database, row.account_ref).id
        ahead = what_ifs.without_promise(database, actor, account_id, row.amount.currency, now=web.now())
    note_read(account_id)
    return page("backoffice/promise_withdraw.html", status, here=HERE, zone=row.zone, row=row, form=form,
                ahead=ahead)  # fmt: skip


@blueprint.post("/promises/<ref>/withdraw")
@web.needs(P.PROMISE_MAKE)
def withdraw_promise(ref: str) -> Response:
    """Take a promise back, with a reason."""
    form, actor = ReasonForm(), web.staff_actor()
    if not form.validate():
        return _withdraw(ref, form, 422)
    try:
        web.house().store.run(
            lambda s: promises.withdraw(s, actor, ref, reason=form.reason.data, now=web.now())
        )
    except Refused as error:
        form.reason.errors = [error.code]
        return _withdraw(ref, form, 409)
    return done("promise_withdrawn", HERE)
