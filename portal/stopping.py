"""What is stopping you from paying now? The ways, each a question of its own, and what each does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from flask import Blueprint, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

import web
from models.answers import AnswerKind
from models.money import AmountUnreadable, Money
from models.pauses import PauseReason
from portal import forms
from portal.files import form_files, set_aside
from portal.forms import Problem
from portal.preferences import carry_language
from receivables import standing
from receivables.answers import giving, reads, requests
from receivables.answers.giving import DocumentKind, Facts, PaidBy
from receivables.arrangements import promises
from receivables.calendar_days import business_date
from receivables.errors import NotFound, Refused
from receivables.permissions import Permission, require
from receivables.policy import current_policy, default_policy

blueprint = Blueprint("portal_stopping", __name__)
blueprint.url_defaults(carry_language)

#: Largest form with files, MiB.
LARGEST = default_policy().disputes.files * default_policy().disputes.file_mebibytes
#: The field that a refusal is about; any other is about the form as a whole.
FIELDS = {
    "none_chosen": "i0", "invoice_not_open": "i0", "claimed_already": "i0", "claimed_before": "i0",
    "what_missing": "w0",
    "day_missing": "on", "day_unreadable": "on", "day_past": "on", "day_beyond": "on", "day_off": "on",
    "day_ahead": "on", "day_too_old": "on", "promise_changed_before": "on", "empty": "amount",
    "not_a_number": "amount", "ambiguous": "amount", "too_precise": "amount", "amount_zero": "amount",
    "amount_negative": "amount", "amount_above_balance": "amount", "amount_below_least": "amount",
    "certificate_missing": "reference",
    "words_missing": "words", "words_too_long": "words", "name_missing": "name", "address_missing": "email",
    "email_unreadable": "email", "phone_unreadable": "phone", "phone_missing": "phone", "hour_missing": "at",
    "too_many_files": "files", "files_full": "files",
}  # fmt: skip


def problem(error: Refused) -> Problem:
    """Say at which field a refusal belongs, with an example for what can be typed in several ways."""
    where = "files" if error.code.startswith("file_") else FIELDS.get(error.code, "")
    return Problem(error.facts.get("field", where), error.code, dict(error.facts))


def read_day(text: str) -> date | None:
    """Read a day as date fields send it; None when nothing was typed.

    Raises:
        Refused: day_unreadable.
    """
    if not text:
        return None
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise Refused("day_unreadable") from None


def read_amount(text: str, currency: str) -> Money:
    """Read an amount as typed in the language of the page.

    Raises:
        Refused: the reason of AmountUnreadable, with an example.
    """
    try:
        return forms.typed(currency, g.language)(text)
    except AmountUnreadable as error:
        code = "not_a_number" if error.reason == "too_large" else error.reason
        raise Refused(code, example=forms.example(currency, g.language)) from None


# --------------------------------------------------------------------------- the list


@blueprint.get("/account/stopping")
@web.link_session
def ways() -> Answer:
    """Show the ways, and what each answer does before it is given."""
    holder, session = web.holder(), web.reading()
    require(holder.actor, Permission.ANSWER_GIVE)
    today = business_date(web.now(), holder.zone)
    try:
        found = promises.choices(session, holder.actor, None, now=web.now())
    except Refused:
        found = None
    return web.render(
        "portal/stopping.html", found=found, rules=web.current_rules().pauses,
        standing=standing.standing_of(session, holder.account_id, today),
    )  # fmt: skip


@blueprint.post("/account/stopping")
@web.link_session
def forgot() -> Answer:
    """Keep that nothing stands in the way, and go on to pay."""
    _give(AnswerKind.FORGOT, Facts())
    return redirect(url_for("portal_pay.choose"), 303)


def _give(kind: AnswerKind, facts: Facts) -> str | None:
    """Give an answer; return the reference of the request that it opened."""
    actor = web.holder().actor

    def unit(session: Session) -> str | None:
        opened = requests.of_answer(session, giving.give(session, actor, kind, facts, now=web.now()).id)
        return opened.ref if opened else None

    return web.house().store.run(unit)


# --------------------------------------------------------------------------- one question a page


@dataclass(frozen=True, slots=True)
class Way:
    """One way: the answer it gives, its page, and how its form is read (documents by ref given)."""

    kind: AnswerKind
    template: str
    read: Callable[[Mapping[str, reads.OpenDocument]], Facts]


def _field(name: str) -> str:
    return forms.single(request.form, name)


def _invoices() -> tuple[str, ...]:
    return tuple(dict.fromkeys(request.form.getlist("invoice")))


def _part(_known: Mapping[str, reads.OpenDocument]) -> Facts:
    return Facts(what=_field("what"))


def _one(_known: Mapping[str, reads.OpenDocument]) -> Facts:
    return Facts(invoices=_invoices())


def _document(_known: Mapping[str, reads.OpenDocument]) -> Facts:
    return Facts(what=_field("what"), invoices=_invoices(), words=_field("words"))


def _paid(_known: Mapping[str, reads.OpenDocument]) -> Facts:
    return Facts(
        invoices=_invoices(), on=read_day(_field("on")), what=_field("what"), reference=_field("reference")
    )


def _withheld(known: Mapping[str, reads.OpenDocument]) -> Facts:
    chosen = _invoices()
    if len(chosen) != 1 or chosen[0] not in known:
        raise Refused("none_chosen")
    amount = read_amount(_field("amount"), known[chosen[0]].balance.currency)
    return Facts(invoices=chosen, amount=amount, reference=_field("reference"))


def _approval(_known: Mapping[str, reads.OpenDocument]) -> Facts:
    return Facts(name=_field("name"), on=read_day(_field("on")))


def _person(_known: Mapping[str, reads.OpenDocument]) -> Facts:
    return Facts(name=_field("name"), email=_field("email"), phone=_field("phone"), words=_field("words"))


WAYS: Mapping[str, Way] = {
    "in-parts": Way(AnswerKind.NOT_ALL, "portal/stopping_parts_or_sum.html", _part),
    "invoice": Way(AnswerKind.WRONG_INVOICE, "portal/stopping_invoice.html", _one),
    "document": Way(AnswerKind.MISSING_DOCUMENT, "portal/stopping_document.html", _document),
    "paid": Way(AnswerKind.HAVE_PAID, "portal/stopping_paid.html", _paid),
    "tax": Way(AnswerKind.TAX_WITHHELD, "portal/stopping_tax.html", _withheld),
    "approval": Way(AnswerKind.NEEDS_APPROVAL, "portal/stopping_approval.html", _approval),
    "somebody-else": Way(AnswerKind.SOMEONE_ELSE, "portal/stopping_person.html", _person),
    "not-us": Way(AnswerKind.NOT_ME, "portal/stopping_person.html", _person),
}


@blueprint.get("/account/stopping/<way>")
@web.link_session
def ask(way: str) -> Answer:
    """Ask what one answer needs."""
    _known_way(way)
    require(web.holder().actor, Permission.ANSWER_GIVE)
    chosen = request.args.getlist("invoice") or None
    return _page(web.reading(), way, {"invoice": chosen} if chosen else {})


@blueprint.post("/account/stopping/<way>")
@web.takes_files(LARGEST)
@web.link_session
def tell(way: str) -> Answer:
    """Give the answer and go to what follows from it; or show what needs another look."""
    _known_way(way)
    names = [name for name in request.form if name not in ("invoice", "sent", "drop", "csrf_token")]
    typed: dict[str, Any] = {name: _field(name) for name in names}
    typed["invoice"] = [*_invoices()]
    policy = web.policy()
    require(web.holder().actor, Permission.ANSWER_GIVE)
    brought = form_files(policy)
    try:
        if brought.problems:
            wrong = brought.problems[0]
            raise Refused(wrong.code, **wrong.facts)
        with web.house().store.read() as session:
            known = {row.ref: row for row in reads.open_documents(session, web.holder().actor)}
        facts = WAYS[way].read(known)
        facts = replace(facts, received=tuple(brought.received), staged=tuple(brought.earlier))
        ref = _give(WAYS[way].kind, facts)
    except Refused as error:
        typed["sent"] = set_aside(brought, policy)
        return _again(way, typed, problem(error))
    return redirect(_onward(way, facts, ref), 303)


def _known_way(way: str) -> None:
    if way not in WAYS:
        raise NotFound("not_found")


def _onward(way: str, facts: Facts, ref: str | None) -> str:
    """Where an answer leads: its own remedy, the request that it opened, or what we noted."""
    if way == "in-parts":
        return url_for("portal_plans.choose" if facts.what == "plan" else "portal_offers.own")
    if way == "invoice":
        return url_for("portal_disputes.ask", ref=facts.invoices[0])
    if ref is not None:
        return url_for("portal_requests.status", ref=ref)
    return url_for("portal_stopping.noted")


def _again(way: str, typed: Mapping[str, Any], wrong: Problem) -> Answer:
    with web.house().store.read() as session:
        return _page(session, way, typed, wrong)


def _page(session: Session, way: str, typed: Mapping[str, Any], wrong: Problem | None = None) -> Answer:
    holder = web.holder()
    today = business_date(web.now(), holder.zone)
    policy = current_policy(session, web.now())
    return web.render(
        WAYS[way].template, 422 if wrong else 200,
        way=way, typed=typed, error=wrong, today=today, rules=policy.pauses,
        documents=reads.open_documents(session, holder.actor), document_kinds=list(DocumentKind),
        paid_by=list(PaidBy), banks=reads.banks(session, holder.actor) if way == "document" else (),
        example=forms.example("GBP", g.language), most_files=policy.disputes.files,
        file_mebibytes=policy.disputes.file_mebibytes,
    )  # fmt: skip


@blueprint.get("/account/stopping/noted")
@web.link_session
def noted() -> Answer:
    """Say until when we wait for an approval on their side."""
    holder = web.holder()
    require(holder.actor, Permission.ANSWER_GIVE)
    today = business_date(web.now(), holder.zone)
    held = standing.standing_of(web.reading(), holder.account_id, today).pauses
    waits = [pause for pause in held if pause.reason is PauseReason.THEIR_APPROVAL]
    if not waits:
        raise NotFound("not_found")
    return web.render("portal/stopping_noted.html", until=waits[-1].to_on)
