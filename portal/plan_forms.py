"""What debtors type and tick on the pages of a plan, read into wishes; and the words they sign."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import g
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest

import web
from models.arrangements import Every, PaysBy
from models.money import AmountUnreadable
from portal import forms
from portal.forms import Problem
from receivables.arrangements import schedule
from receivables.arrangements.plan_outlook import Outlook
from receivables.arrangements.plan_reads import PlanView
from receivables.arrangements.plan_terms import Wish
from receivables.errors import Refused

#: The field that each refusal is about; all others are about the choice as a whole.
FIELDS = {
    "plan_missing": "plan",
    "plan_parts_missing": "parts",
    "plan_parts_unreadable": "parts",
    "plan_parts_few": "parts",
    "plan_parts_many": "parts",
    "plan_part_too_small": "parts",
    "plan_part_too_large": "parts",
    "plan_parts_or_each": "each",
    "amount_zero": "each",
    "amount_negative": "each",
    "not_a_number": "each",
    "ambiguous": "each",
    "too_precise": "each",
    "plan_date_missing": "first",
    "plan_date_past": "first",
    "plan_date_far": "first",
    "name_missing": "name",
    "role_missing": "role",
    "bind_missing": "ok",
    "not_signatory": "ok",
    "reason_missing": "reason",
    "words_too_long": "reason",
    "plan_move_missing": "to",
    "plan_move_not_later": "to",
    "plan_move_far": "to",
    "plan_move_order": "to",
    "plan_move_used": "to",
    "plan_move_passed": "to",
}
_OWN = frozenset({"parts", "each", "first"})


@dataclass(frozen=True, slots=True)
class PlanForm:
    """The fields of the choice as they came, so that nothing has to be typed again.

    Attributes:
        plan: number of parts of a ready choice, "own", or "" while nothing is chosen.
        parts, each, first: of an own plan: number, amount of a part (either), first day.
        start: "date" or "now", when the first part is paid.
        how: "link" or "card".
    """

    plan: str = ""
    parts: str = ""
    each: str = ""
    first: str = ""
    every: Every = Every.MONTH
    start: str = "date"
    how: PaysBy = PaysBy.LINK
    invoices: tuple[str, ...] = ()


def read_plan(source: MultiDict[str, str]) -> PlanForm:
    """Read the fields of the choice from a form or an address.

    Raises: BadRequest: a value that no page of ours offers.
    """
    start = forms.single(source, "start", "date") or "date"
    try:
        every = Every(forms.single(source, "every") or Every.MONTH)
        how = PaysBy(forms.single(source, "how") or PaysBy.LINK)
    except ValueError:
        raise BadRequest("unknown_choice") from None
    if start not in ("date", "now"):
        raise BadRequest("unknown_choice")
    return PlanForm(
        plan=forms.single(source, "plan"),
        parts=forms.single(source, "parts"),
        each=forms.single(source, "each"),
        first=forms.single(source, "first"),
        every=every,
        start=start,
        how=how,
        invoices=tuple(source.getlist("invoice")),
    )


def wish_of(form: PlanForm, found: Outlook, language: str) -> Wish:
    """Make the wish that a form stands for.

    Raises: Refused: plan_missing, plan_parts_missing, plan_parts_unreadable, plan_parts_or_each,
        plan_date_missing, amount_zero, amount_negative, or a reason of AmountUnreadable.
    """
    now = form.start == "now"
    if form.plan != "own":
        ready = next((c for c in found.choices if str(len(c.parts)) == form.plan), None)
        if ready is None:
            raise Refused("plan_missing")
        first_on = found.today if now else ready.wish.first_on
        return Wish(len(ready.parts), first_on, Every.MONTH, at_once=now, pays_by=form.how)
    parts = _parts(form, found, language)
    first_on = found.today if now else read_day(form.first, "plan_date_missing")
    return Wish(parts, first_on, form.every, at_once=now, pays_by=form.how)


def _parts(form: PlanForm, found: Outlook, language: str) -> int:
    if form.parts and form.each:
        raise Refused("plan_parts_or_each")
    if form.each:
        try:
            each = forms.typed(found.currency, language)(form.each)
        except AmountUnreadable as error:
            raise Refused("not_a_number" if error.reason == "too_large" else error.reason) from None
        if each.minor <= 0:
            raise Refused("amount_negative" if each.minor else "amount_zero")
        return schedule.parts_of(found.total, each)
    if not form.parts:
        raise Refused("plan_parts_missing")
    if not re.fullmatch(r"[+-]?\d{1,9}", form.parts):
        raise Refused("plan_parts_unreadable")
    return int(form.parts)


def read_day(text: str, code: str) -> date:
    """Read a day as date fields send it.

    Raises: Refused: with the code given, when it is none.
    """
    try:
        return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) else _no_day(code)
    except ValueError:
        raise Refused(code) from None


def _no_day(code: str) -> date:
    raise Refused(code)


def address_of(found: Outlook, wish: Wish) -> dict[str, Any]:
    """The query of an address that carries a wish to its review; figures only, nothing typed."""
    return {
        "currency": found.currency,
        "invoice": [row.ref for row in found.chosen],
        "plan": "own",
        "parts": wish.parts,
        "first": wish.first_on.isoformat(),
        "every": wish.every.value,
        "start": "now" if wish.at_once else "date",
        "how": wish.pays_by.value,
    }


def prefilled(form: PlanForm, found: Outlook) -> PlanForm:
    """Fill what is not chosen yet: the middle one of the ready choices, else an own plan."""
    middle = found.choices[len(found.choices) // 2] if found.choices else None
    usual = str(len(middle.parts)) if middle else "own"
    first = form.first or (middle.parts[0].on.isoformat() if middle else "")
    return PlanForm(
        form.plan or usual, form.parts, form.each, first, form.every, form.start, form.how,
        tuple(row.ref for row in found.chosen),
    )  # fmt: skip


def problem(error: Refused, facts: Mapping[str, Any], *, own: bool = True) -> Problem:
    """Say where on a page a refusal belongs; a field that is not shown gives way to the choice."""
    field = FIELDS.get(error.code, "plan")
    return Problem("plan" if field in _OWN and not own else field, error.code, {**facts, **error.facts})


def agreement_words(plan: PlanView) -> Sequence[str]:
    """Return what both sides agree, sentence by sentence, in the reader's language (C-10).

    From the rules frozen in the plan: the page shows them and the signature keeps them.
    """
    return web.house().documents.plan_words(plan.terms, plan.pays_by.value, g.language)
