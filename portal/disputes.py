"""Say that something is wrong with an invoice: a form, a last look, and the thread until it is answered.

What was typed and the files that came with it are kept as a draft, so nothing is asked for twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from flask import Blueprint, g, redirect, request, url_for
from werkzeug.wrappers import Response as Answer

import web
from models.disputes import DisputeReason
from portal import forms
from portal.dispute_forms import (
    POSITION,
    DisputeForm,
    claim_of,
    cleaned,
    form_of,
    problem_of,
    read_form,
    shown_at,
)
from portal.files import form_files, receive_files, set_aside
from portal.forms import Problem
from portal.preferences import carry_language
from receivables import files
from receivables.disputes import drafts, opening, outcomes, reads, threads
from receivables.disputes.cases import Ground, ground
from receivables.errors import NotFound, Refused
from receivables.permissions import Permission, require
from receivables.policy import default_policy

blueprint = Blueprint("portal_disputes", __name__)
blueprint.url_defaults(carry_language)

#: Refusals after which no answer on this form would help.
STOPS = frozenset({"invoice_paid", "in_arrangement", "nothing_to_question"})
#: Largest form with files, MiB, whatever the policy in force says of each.
LARGEST = default_policy().disputes.files * default_policy().disputes.file_mebibytes


# --------------------------------------------------------------------------- the form


@blueprint.get("/account/invoices/<ref>/dispute")
@web.link_session
def ask(ref: str) -> Answer:
    """Show the form, with what was typed before."""
    actor = web.holder().actor
    of = ground(web.reading(), actor, ref, now=web.now())
    if (stop := _stop_of(of)) is not None:
        return _stopped(of, stop)
    draft = drafts.find_draft(web.reading(), actor, ref, now=web.now())
    form = form_of(draft.form) if draft else DisputeForm(language=g.language)
    line = request.args.get("line", "")
    if draft is None and POSITION.fullmatch(line):
        form = DisputeForm("lines", (line,), language=g.language)
    return _form_page(of, form, draft)


@blueprint.post("/account/invoices/<ref>/dispute")
@web.takes_files(LARGEST)
@web.link_session
def decide(ref: str) -> Answer:
    """Keep what was typed and sent; go on to the last look, or show what needs another one."""
    actor, policy = web.holder().actor, web.policy()
    with web.house().store.read() as session:
        ground(session, actor, ref, now=web.now())
    form, shown = read_form(request.form, g.language), shown_at()
    received, problems = receive_files(policy)
    words, wrong_words = cleaned(form.words)
    kept = {**asdict(form), "words": words}

    def keep() -> None:
        web.house().store.run(
            lambda s: drafts.save_draft(s, actor, ref, form=kept, received=received,
                                        drop=request.form.getlist("drop"), shown_at=shown, now=web.now())
        )  # fmt: skip

    problems += _try(keep)
    with web.house().store.read() as session:
        of = ground(session, actor, ref, now=web.now())
        draft = drafts.find_draft(session, actor, ref, now=web.now())
        claim, wrong = claim_of(form, of.currency)
        problems += [*wrong, *wrong_words]
        if claim is not None:
            problems += _try(lambda: opening.weighed(session, of, claim, shown_at=shown, now=web.now()))
        if form.reason == DisputeReason.OTHER and not words and not wrong_words:
            problems.append(Problem("words", "words_missing", {}))
    if stop := next((p for p in problems if p.code in STOPS and p.field == ""), None):
        return _stopped(of, stop.code)
    if problems:
        return _form_page(of, form, draft, problems, shown=shown)
    return redirect(url_for("portal_disputes.review", ref=ref), 303)


@blueprint.get("/account/invoices/<ref>/dispute/review")
@web.link_session
def review(ref: str) -> Answer:
    """Show what will be set aside and what stays payable, before anything is sent."""
    actor, session = web.holder().actor, web.reading()
    draft = drafts.find_draft(session, actor, ref, now=web.now())
    if draft is None:
        ground(session, actor, ref, now=web.now())
        return redirect(url_for("portal_disputes.ask", ref=ref), 303)
    form, of = form_of(draft.form), ground(session, actor, ref, now=web.now())
    claim, problems = claim_of(form, of.currency)
    if claim is None or problems:
        return _form_page(of, form, draft, problems, shown=draft.shown_at)
    try:
        will = opening.weighed(session, of, claim, shown_at=draft.shown_at, now=web.now())
    except Refused as error:
        return _again(of, form, draft, error)
    lines = [(line, will.contest.parts[line.line_id]) for line in of.lines
             if line.line_id in will.contest.parts]  # fmt: skip
    return web.render("portal/dispute_review.html", of=of, will=will, claim=claim, form=form, draft=draft,
                      lines=lines)  # fmt: skip


@blueprint.get("/account/invoices/<ref>/dispute/send")
@web.link_session
def send_again(ref: str) -> Answer:
    """A reloaded or translated answer of *send* goes back to the form."""
    return redirect(url_for("portal_disputes.ask", ref=ref), 303)


@blueprint.post("/account/invoices/<ref>/dispute/send")
@web.link_session
def send(ref: str) -> Answer:
    """Open the dispute that was looked at last; sent twice it is one."""
    actor, named = web.holder().actor, forms.single(request.form, "draft")
    with web.house().store.read() as session:
        of = ground(session, actor, ref, now=web.now())
        draft = drafts.find_draft(session, actor, ref, now=web.now())
    if draft is None or draft.ref != named:
        return redirect(_sent_or_form(ref, named), 303)
    form = form_of(draft.form)
    claim, problems = claim_of(form, of.currency)
    if claim is None or problems:
        return _form_page(of, form, draft, problems, shown=draft.shown_at)
    try:
        dispute = web.house().store.run(
            lambda s: opening.open_dispute(
                s, actor, ref, claim, words=form.words, files=[f.ref for f in draft.files],
                shown_at=draft.shown_at, ref=draft.ref, now=web.now(),
            )
        )  # fmt: skip
    except Refused as error:
        return _again(of, form, draft, error)
    return redirect(url_for("portal_disputes.status", ref=dispute.ref), 303)


def _sent_or_form(ref: str, named: str) -> str:
    """Where a second *send* leads: to the dispute that the first one opened, else to the form."""
    try:
        with web.house().store.read() as session:
            reads.dispute_view(session, web.holder().actor, named, now=web.now())
    except NotFound:
        return url_for("portal_disputes.ask", ref=ref)
    return url_for("portal_disputes.status", ref=named)


# --------------------------------------------------------------------------- the dispute


@blueprint.get("/account/disputes/<ref>")
@web.link_session
def status(ref: str) -> Answer:
    """Show how a dispute stands, who has it and by when, and all that was said."""
    return _status_page(ref, web.reading())


@blueprint.post("/account/disputes/<ref>/add")
@web.takes_files(LARGEST)
@web.link_session
def add(ref: str) -> Answer:
    """Add words and files to an open dispute."""
    return _send_words(ref, threads.add_words)


@blueprint.post("/account/disputes/<ref>/reopen")
@web.takes_files(LARGEST)
@web.link_session
def reopen(ref: str) -> Answer:
    """Send new evidence after a refusal, once."""
    return _send_words(ref, outcomes.reopen)


def _send_words(ref: str, act: Callable[..., object]) -> Answer:
    actor, policy, account_id = web.holder().actor, web.policy(), web.holder().account_id
    typed = request.form.get("words", "")
    require(actor, Permission.DISPUTE_OPEN)
    with web.house().store.read() as session:
        reads.dispute_view(session, actor, ref, now=web.now())
    brought = form_files(policy)

    def unit(session: Any) -> None:
        there = [file.ref for file in files.staged(session, actor, brought.earlier)]
        new = [files.keep(session, actor, one, account_id=account_id, policy=policy, now=web.now()).ref
               for one in brought.received]  # fmt: skip
        act(session, actor, ref, words=typed, files=[*there, *new], now=web.now())

    problems = list(brought.problems) or _try(lambda: web.house().store.run(unit))
    if problems:
        kept = set_aside(brought, policy)
        with web.house().store.read() as session:
            return _status_page(ref, session, problems, typed, kept)
    return redirect(url_for("portal_disputes.status", ref=ref), 303)


@blueprint.get("/account/disputes/<ref>/withdraw")
@web.link_session
def ask_withdraw(ref: str) -> Answer:
    """Ask once more before a dispute is taken back: its amount is asked for again."""
    found = reads.dispute_view(web.reading(), web.holder().actor, ref, now=web.now())
    if not found.is_open:
        return redirect(url_for("portal_disputes.status", ref=ref), 303)
    return web.render("portal/dispute_withdraw.html", dispute=found)


@blueprint.post("/account/disputes/<ref>/withdraw")
@web.link_session
def withdraw(ref: str) -> Answer:
    """Take a dispute back."""
    actor = web.holder().actor
    _try(lambda: web.house().store.run(lambda s: outcomes.withdraw(s, actor, ref, now=web.now())))
    return redirect(url_for("portal_disputes.status", ref=ref), 303)


@blueprint.get("/account/disputes/<ref>/add")
@blueprint.get("/account/disputes/<ref>/reopen")
@web.link_session
def sent_again(ref: str) -> Answer:
    """A reloaded or translated answer of a form goes back to the dispute."""
    return redirect(url_for("portal_disputes.status", ref=ref), 303)


@blueprint.get("/account/files/<ref>")
@web.link_session
def file(ref: str) -> Answer:
    """Give a file back to the account it belongs to, never to be shown inside a page (X-03)."""
    found = files.one_file(web.reading(), web.holder().actor, ref)
    return web.attachment(found.name, found.media_type, files.content(web.house().files, found))


def _status_page(
    ref: str,
    session: Any,
    problems: Sequence[Problem] = (),
    typed: str = "",
    kept: Sequence[files.SentFile] = (),
) -> Answer:
    holder = web.holder()
    found = reads.dispute_view(session, holder.actor, ref, now=web.now())
    by_card = web.house().gateway(holder.gateway_account) is not None
    return web.render(
        "portal/dispute.html", 422 if problems else 200, dispute=found, problems=problems, typed=typed,
        kept=kept, rules=web.current_rules().disputes,
        pay_fields=forms.rest_of(found.row) if by_card and found.row and found.row.asked else None,
    )  # fmt: skip


def _try(act: Callable[[], object]) -> list[Problem]:
    """What refused an act, as a problem; nothing when it went through."""
    try:
        act()
    except Refused as error:
        return [problem_of(error)]
    return []


def _stop_of(of: Ground) -> str | None:
    """Why nothing of a document can be disputed here; None when it can."""
    if of.row is None:
        return "invoice_paid"
    if of.row.arranged:
        return "in_arrangement"
    return None if of.disputable else "nothing_to_question"


def _again(of: Ground, form: DisputeForm, draft: drafts.Draft, error: Refused) -> Answer:
    problem = problem_of(error)
    if problem.code in STOPS and not problem.field:
        return _stopped(of, problem.code)
    return _form_page(of, form, draft, [problem], shown=draft.shown_at)


def _stopped(of: Ground, code: str) -> Answer:
    return web.render("portal/dispute_not.html", 409, of=of, code=code)


def _form_page(
    of: Ground,
    form: DisputeForm,
    draft: drafts.Draft | None,
    problems: Sequence[Problem] = (),
    *,
    shown: datetime | None = None,
) -> Answer:
    """Show the form; `shown` is when it was shown first, so that a payment in between is known as one."""
    moment = int((shown or web.now()).timestamp())
    return web.render(
        "portal/dispute_form.html", 422 if problems else 200,
        of=of, form=form, draft=draft, problems=problems, wrong={p.field for p in problems},
        reasons=list(DisputeReason), rules=web.policy().disputes, shown=moment,
    )  # fmt: skip
