"""Texts of messages: what debtors read, by kind and language, published by two (X-05, C-08)."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from flask_login import current_user

import web
from admin.editor_parts import SendForm, sent
from admin.shell import blueprint, done, frame, note_read, page
from admin.words import word
from models.editing import EditorKind
from receivables import invoices, message_texts, outbox, text_samples
from receivables.calendar_days import business_date
from receivables.editing import drafts, what_changes, wording
from receivables.errors import NotFound, Refused
from receivables.permissions import Permission
from receivables.ports import MessageIncomplete, Rendered, TextFault

P = Permission
HERE = "backoffice.texts"
LANGUAGES = ("en", "he", "ru", "hu")


@blueprint.get("/texts")
@web.needs(P.RULES_READ)
def texts() -> Response:
    """Every kind of message, whether it was rewritten here, and what is being written."""
    desk = web.text_desk()
    with web.house().store.read() as database:
        published = message_texts.in_force(database, desk.kinds(), now=web.now())
        writing = drafts.open_names(database, EditorKind.TEXT)
    note_read(None)
    rows = sorted(desk.kinds(), key=lambda kind: word("message_kind", kind))
    return page("backoffice/texts.html", here=HERE, rows=rows, published=published, writing=writing)


def _language() -> str:
    asked = request.values.get("language", "")
    return asked if asked in LANGUAGES else "en"


@blueprint.get("/texts/<name>")
@web.needs(P.RULES_READ)
def text_kind(name: str) -> Response:
    """The texts of one kind in one language, with what each may name and must."""
    return _kind(name)


def _kind(name: str, status: int = 200, *, typed: dict[str, str] | None = None, wrong: Any = (),
          refused: Refused | None = None, form: SendForm | None = None) -> Response:  # fmt: skip
    actor, desk, language = web.staff_actor(), web.text_desk(), _language()
    with web.house().store.read() as database:
        known = wording.wording(database, actor, desk, name, now=web.now())
        versions = message_texts.versions(database, name)
    note_read(None)
    changed = [place for place, text in known.drafted.items() if text != known.in_force[place]]
    return page(
        "backoffice/text_kind.html", status, here=HERE, name=name, known=known, chosen=language,
        offered=LANGUAGES, parts_of=web.text_rules(name), typed=typed or {},
        wrong={fault.place: fault for fault in wrong}, faults=desk.faults(name, known.drafted),
        changed=changed, versions=versions, refused=refused, form=form or SendForm(formdata=None),
        mine=known.draft is None or known.draft.author_id == actor.id, segments=web.sms_segments,
    )  # fmt: skip


@blueprint.post("/texts/<name>")
@web.takes_words
@web.needs(P.RULES_PROPOSE)
def edit_text(name: str) -> Response:
    """Keep the texts of one language in the draft; what is wrong is said at its place."""
    actor, desk, language = web.staff_actor(), web.text_desk(), _language()
    if name not in desk.kinds():
        raise NotFound("not_found")
    typed = {
        f"{language}/{part}": request.form.get(part, "").replace("\x00", "").replace("\r\n", "\n").strip()
        for part in web.text_rules(name)
    }
    long = [place for place, text in typed.items() if len(text) > wording.MOST]
    if long:
        return _kind(name, 422, typed=typed, wrong=[TextFault(place, "too_long") for place in long])
    try:
        wrong = web.house().store.run(lambda s: wording.write(s, actor, desk, name, typed, now=web.now()))
    except Refused as error:
        return _kind(name, 409, typed=typed, refused=error)
    if wrong:
        return _kind(name, 422, typed=typed, wrong=wrong)
    return done("text_kept", "backoffice.text_kind", values={"name": name, "language": language})


@blueprint.get("/texts/<name>/preview")
@web.needs(P.RULES_READ)
def preview_text(name: str) -> Response:
    """How a text reads with a real account, as mail and as SMS."""
    actor, desk, language, now = web.staff_actor(), web.text_desk(), _language(), web.now()
    number, account, problem = request.args.get("account", "").strip()[:40], None, ""
    made: dict[str, Rendered] = {}
    with web.house().store.read() as database:
        known = wording.wording(database, actor, desk, name, now=now)
        if number:
            try:
                account = what_changes.find_account(database, number)
            except NotFound:
                problem = "account_unknown"
        if account is not None:
            made, problem = _rendered(database, account, name, known.drafted, language)
    note_read(account.id if account is not None else None)
    return page("backoffice/text_preview.html", here=HERE, name=name, chosen=language, number=number,
                account=account, made=made, problem=problem, known=known)  # fmt: skip


def _rendered(
    database: Any, account: Any, name: str, drafted: Any, language: str
) -> tuple[dict[str, Rendered], str]:
    """A text by channel as its reader would get it; and what is missing, where it cannot be made."""
    presenter, now = web.house().presenter, web.now()
    made: dict[str, Rendered] = {}
    examples = presenter.text_samples(name, _currency(database, account), business_date(now, account.zone))
    for channel in ("email", "sms") if "sms" in web.text_rules(name) else ("email",):
        letter = text_samples.letter_of(
            database, account, name, drafted, examples, channel=channel, language=language, now=now
        )
        try:
            made[channel] = presenter.render_message(letter)
        except MessageIncomplete as error:
            return made, str(error)
    return made, ""


def _currency(database: Any, account: Any) -> str:
    rows = invoices.open_rows(database, account.id, business_date(web.now(), account.zone))
    return rows[0].currency if rows else "EUR"


@blueprint.post("/texts/<name>/test")
@web.needs(P.RULES_PROPOSE)
def try_text(name: str) -> Response:
    """Send a trial to oneself, through the worker that sends everything."""
    actor, desk, language, now = web.staff_actor(), web.text_desk(), _language(), web.now()
    number = request.form.get("account", "").strip()[:40]
    with web.house().store.read() as database:
        known = wording.wording(database, actor, desk, name, now=now)
        account = what_changes.find_account(database, number)
        currency = _currency(database, account)
    if desk.faults(name, known.drafted):
        return _kind(name, 422)
    me = current_user.holder
    key = f"{me.staff_id}:{now.isoformat()}"
    payload = {
        "staff": me.ref, "account": account.ref, "kind": name, "language": language, "currency": currency,
        "texts": dict(known.drafted), "mark": word("text_mark", "trial"), "key": key,
    }  # fmt: skip
    web.house().store.run(
        lambda s: outbox.queue_job(s, kind="text_trial", key=f"text_trial:{key}", payload=payload, now=now).id
    )
    note_read(account.id)
    return done("text_trial_sent", "backoffice.text_kind", values={"name": name, "language": language})


# --------------------------------------------------------------------------- the draft


@blueprint.post("/texts/<name>/send")
@web.needs(P.RULES_PROPOSE)
def send_text(name: str) -> Response:
    """Ask a second person to put the drafted texts in force."""
    form, actor, desk = SendForm(), web.staff_actor(), web.text_desk()
    if not sent(form, lambda day: web.house().store.run(
        lambda s: wording.propose(
            s, actor, desk, name, effective_on=day, reason=form.reason.data, zone=frame().zone, now=web.now()
        ).ref
    )):  # fmt: skip
        return _kind(name, 422, form=form)
    return done("draft_sent", "backoffice.text_kind", values={"name": name})


@blueprint.post("/texts/<name>/drop")
@web.needs(P.RULES_PROPOSE)
def drop_text(name: str) -> Response:
    """Give the draft up."""
    actor = web.staff_actor()
    web.house().store.run(lambda s: drafts.drop(s, actor, EditorKind.TEXT, name, now=web.now()))
    return done("draft_dropped", "backoffice.text_kind", values={"name": name})


@blueprint.post("/texts/<name>/take-back")
@web.needs(P.RULES_PROPOSE)
def take_text_back(name: str) -> Response:
    """Take back what waits, to write on."""
    actor = web.staff_actor()
    web.house().store.run(lambda s: drafts.take_back(s, actor, EditorKind.TEXT, name, now=web.now()))
    return done("draft_taken_back", "backoffice.text_kind", values={"name": name})


@blueprint.post("/texts/<name>/versions/<ref>/again")
@web.needs(P.RULES_PROPOSE)
def text_again(name: str, ref: str) -> Response:
    """Begin a draft that brings an older version back; 0 is what was shipped."""
    actor, desk = web.staff_actor(), web.text_desk()
    number = int(ref) if ref.isascii() and ref.isdecimal() and len(ref) < 19 else -1
    web.house().store.run(lambda s: wording.begin_from(s, actor, desk, name, number, now=web.now()))
    return done("draft_kept", "backoffice.text_kind", values={"name": name})
