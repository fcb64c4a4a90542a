"""The people of an account, how to write to the holder, open pages, forwarding, and who we are."""

from __future__ import annotations

from flask import Blueprint, g, make_response, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Answer

import web
from models.links import Channel
from portal import forms
from portal.forms import Problem
from portal.preferences import carry_language
from receivables.calendar_days import local_time
from receivables.contact import consents
from receivables.errors import NotFound, Refused, TooManyTries
from receivables.people import codes, contacts, forwarding, sessions, trust
from receivables.people.codes import Tried

blueprint = Blueprint("portal_people", __name__)
blueprint.url_defaults(carry_language)

#: What was done just now, said once on the page one comes back to.
DONE = frozenset({"saved", "added", "changed", "confirmed", "removed", "stopped", "again", "ended", "sent"})
#: The field that a refusal is about; others are about the page's first one.
FIELDS = {
    "name_missing": "name", "name_too_long": "name", "name_unfit": "name", "name_number": "name",
    "address_missing": "address", "address_malformed": "address", "phone_without_country": "address",
    "address_known": "address", "address_same": "address", "address_not_email": "address",
    "address_opted_out": "address", "too_many_codes": "address", "too_many_forwards": "address",
    "quiet_half": "quiet_from", "quiet_malformed": "quiet_from", "quiet_too_long": "quiet_from",
}  # fmt: skip
#: Which wording a person saw when he chose; a new one gets a new number (C-06).
CHOICE_TEXT = "people_page/1"


def problem(error: Refused | TooManyTries) -> Problem:
    """Say at which field a refusal belongs."""
    return Problem(FIELDS.get(error.code, "name"), error.code, error.facts)


def done() -> str:
    """What was done just now, by the address; "" for anything we did not write."""
    said = request.args.get("done", "")
    return said if said in DONE else ""


# --------------------------------------------------------------------------- people


@blueprint.get("/account/people")
@web.link_session
def people() -> Answer:
    """Show who is written to, and how the holder wants to be written to."""
    return _people_page()


def _people_page(
    *, error: Problem | None = None, typed: dict[str, str] | None = None, status: int = 422
) -> Answer:
    holder = web.holder()
    with web.house().store.read() as session:
        found = contacts.people(session, holder.actor)
        wishes = contacts.preferences(session, holder.actor)
    return web.render(
        "portal/people.html", status if error else 200,
        people=found, wishes=wishes, error=error, typed=typed or {}, done=done(),
        stop_text=stop_words(), again_text=again_words(),
    )  # fmt: skip


@blueprint.get("/account/people/new")
@web.link_session
def new() -> Answer:
    """Ask for a name and an address."""
    web.require_proof("contact_change")
    return web.render("portal/person_new.html", error=None, typed={})


@blueprint.post("/account/people/new")
@web.link_session
def add() -> Answer:
    """Write a new person down and prove his address by a code."""
    web.require_proof("contact_change")
    holder, typed = web.holder(), _typed("name", "address", "pays")
    try:
        contact = web.house().store.run(
            lambda s: contacts.add(
                s, holder.actor, holder.session_id, name=typed["name"], address=typed["address"],
                pays=typed["pays"] == "yes", caller=web.caller(), now=web.now(),
            )
        )  # fmt: skip
    except (Refused, TooManyTries) as error:
        return web.render("portal/person_new.html", _status(error), error=problem(error), typed=typed)
    return redirect(url_for("portal_people.proof", ref=contact.ref), 303)


@blueprint.get("/account/people/<ref>")
@web.link_session
def person(ref: str) -> Answer:
    """Show one person with what can be changed."""
    web.require_proof("contact_change")
    return _person_page(ref)


def _person_page(
    ref: str, *, error: Problem | None = None, typed: dict[str, str] | None = None, status: int = 422
) -> Answer:
    with web.house().store.read() as session:
        found = contacts.person(session, web.holder().actor, ref)
    return web.render(
        "portal/person.html", status if error else 200, person=found, error=error, typed=typed or {},
        done=done(),
    )  # fmt: skip


@blueprint.post("/account/people/<ref>")
@web.link_session
def rename(ref: str) -> Answer:
    """Correct a name, and whether reminders go there."""
    web.require_proof("contact_change")
    actor, typed = web.holder().actor, _typed("name", "pays")
    try:
        web.house().store.run(
            lambda s: contacts.rename(
                s, actor, ref, name=typed["name"], pays=typed["pays"] == "yes", now=web.now()
            )
        )
    except Refused as error:
        return _person_page(ref, error=problem(error), typed=typed)
    return redirect(url_for("portal_people.people", done="saved"), 303)


@blueprint.get("/account/people/<ref>/address")
@web.link_session
def address_again(ref: str) -> Answer:
    """A reloaded or translated answer of *address* goes back to the person."""
    return redirect(url_for("portal_people.person", ref=ref), 303)


@blueprint.post("/account/people/<ref>/address")
@web.link_session
def address(ref: str) -> Answer:
    """Send a code to a new address; it counts once the code was typed."""
    web.require_proof("contact_change")
    holder, typed = web.holder(), _typed("address")
    try:
        web.house().store.run(
            lambda s: contacts.change_address(
                s, holder.actor, holder.session_id, ref, address=typed["address"],
                caller=web.caller(), now=web.now(),
            )
        )  # fmt: skip
    except (Refused, TooManyTries) as error:
        return _person_page(ref, error=problem(error), typed=typed, status=_status(error))
    return redirect(url_for("portal_people.proof", ref=ref), 303)


@blueprint.get("/account/people/<ref>/proof")
@web.link_session
def proof(ref: str) -> Answer:
    """Ask for the code that went to the new address."""
    web.require_proof("contact_change")
    return _proof_page(ref)


def _proof_page(ref: str, *, error: Problem | None = None, typed: str = "", status: int = 422) -> Answer:
    holder = web.holder()
    with web.house().store.read() as session:
        waiting = codes.pending(session, holder.session_id, contacts.proof_of(ref), now=web.now())
    if waiting is None and error is None:
        return redirect(url_for("portal_people.people"), 303)
    if waiting is None and error is not None and error.code == "code_wrong":
        error = Problem("send", "code_over", error.facts)
    return web.render(
        "portal/person_proof.html", status if error else 200, ref=ref, waiting=waiting, error=error,
        typed=typed, rules=web.current_rules().step_up,
    )  # fmt: skip


@blueprint.post("/account/people/<ref>/proof")
@web.link_session
def prove(ref: str) -> Answer:
    """Try the code; the right one puts the address in force and ends links to the old one (L-03)."""
    web.require_proof("contact_change")
    holder, typed = web.holder(), forms.single(request.form, "code")
    try:
        proved = web.house().store.run(
            lambda s: contacts.prove_address(s, holder.actor, holder.session_id, ref, typed, now=web.now())
        )
    except Refused as error:
        return _proof_page(ref, error=Problem("code", error.code, error.facts), typed=typed)
    if not proved.tried.right:
        return _proof_page(ref, error=_wrong(proved.tried), typed=typed)
    if proved.own_link_ended:
        return _close_here(url_for("portal_people.moved", lang=g.language))
    return redirect(url_for("portal_people.people", done="changed"), 303)


def _wrong(tried: Tried) -> Problem:
    return Problem("code", "code_wrong", {"left": tried.left})


@blueprint.get("/account/people/<ref>/proof/send")
@web.link_session
def send_again_by_hand(ref: str) -> Answer:
    """A reloaded or translated answer of *send* goes back to the code field."""
    return redirect(url_for("portal_people.proof", ref=ref), 303)


@blueprint.post("/account/people/<ref>/proof/send")
@web.link_session
def send_again(ref: str) -> Answer:
    """Send another code to the address that is being proved."""
    web.require_proof("contact_change")
    holder = web.holder()
    try:
        web.house().store.run(
            lambda s: contacts.send_again(
                s, holder.actor, holder.session_id, ref, caller=web.caller(), now=web.now()
            )
        )
    except TooManyTries as error:
        return _proof_page(ref, error=Problem("send", error.code, error.facts), status=429)
    return redirect(url_for("portal_people.proof", ref=ref), 303)


@blueprint.get("/account/people/<ref>/remove")
@web.link_session
def remove_page(ref: str) -> Answer:
    """Say what removing does, before it is done."""
    web.require_proof("contact_change")
    with web.house().store.read() as session:
        found = contacts.person(session, web.holder().actor, ref)
    return web.render("portal/person_remove.html", person=found, error=None)


@blueprint.post("/account/people/<ref>/remove")
@web.link_session
def remove(ref: str) -> Answer:
    """Stop writing to a person; who removes himself closes his page with it."""
    web.require_proof("contact_change")
    actor = web.holder().actor
    with web.house().store.read() as session:
        found = contacts.person(session, actor, ref)
    try:
        web.house().store.run(lambda s: contacts.remove(s, actor, ref, now=web.now()))
    except Refused as error:
        return web.render("portal/person_remove.html", 422, person=found, error=problem(error))
    if found.own:
        return _close_here(url_for("portal_preferences.left", lang=g.language))
    return redirect(url_for("portal_people.people", done="removed"), 303)


@blueprint.get("/account/people/<ref>/confirm")
@web.link_session
def confirm_again(ref: str) -> Answer:
    """A reloaded or translated answer of *confirm* goes back to the person."""
    return redirect(url_for("portal_people.person", ref=ref), 303)


@blueprint.post("/account/people/<ref>/confirm")
@web.link_session
def confirm(ref: str) -> Answer:
    """Vouch for somebody whom our staff added (decision 6)."""
    web.require_proof("contact_change")
    actor = web.holder().actor
    web.house().store.run(lambda s: contacts.confirm(s, actor, ref, now=web.now()))
    return redirect(url_for("portal_people.people", done="confirmed"), 303)


@blueprint.get("/moved")
@web.public_page
def moved() -> Answer:
    """Say that the address changed, and with it the link."""
    return web.render("portal/people_moved.html")


def _close_here(address: str) -> Answer:
    return web.close_portal_session(make_response(redirect(address, 303)))


def _typed(*names: str) -> dict[str, str]:
    return {name: forms.single(request.form, name) for name in names}


def _status(error: Refused | TooManyTries) -> int:
    return 429 if isinstance(error, TooManyTries) else 422


# --------------------------------------------------------------------------- how to write to the holder


@blueprint.get("/account/people/wishes")
@web.link_session
def wishes_again() -> Answer:
    """A reloaded or translated answer goes back to the page itself."""
    return redirect(url_for("portal_people.people"), 303)


@blueprint.post("/account/people/wishes")
@web.link_session
def wishes() -> Answer:
    """Keep the holder's channel and quiet hours."""
    actor, typed = web.holder().actor, _typed("channel", "quiet_from", "quiet_to")
    try:
        web.house().store.run(
            lambda s: contacts.prefer(
                s, actor, channel=typed["channel"], quiet_from=typed["quiet_from"],
                quiet_to=typed["quiet_to"], now=web.now(),
            )
        )  # fmt: skip
    except Refused as error:
        return _people_page(error=problem(error), typed=typed)
    return redirect(url_for("portal_people.people", done="saved"), 303)


@blueprint.get("/account/people/reminders")
@web.link_session
def reminders_again() -> Answer:
    """A reloaded or translated answer goes back to the page itself."""
    return redirect(url_for("portal_people.people"), 303)


@blueprint.post("/account/people/reminders")
@web.link_session
def reminders() -> Answer:
    """Stop reminders on one of the holder's channels, or take them up again (C-06, C-07)."""
    actor, typed = web.holder().actor, _typed("channel", "wanted")
    try:
        channel = Channel(typed["channel"])
    except ValueError:
        raise NotFound("not_found") from None
    wanted = typed["wanted"] == "yes"
    words = again_words() if wanted else stop_words()
    shown = consents.Shown(words, CHOICE_TEXT, "portal", web.caller())
    web.house().store.run(
        lambda s: consents.choose(s, actor, channel, wanted=wanted, shown=shown, now=web.now())
    )
    return redirect(url_for("portal_people.people", done="again" if wanted else "stopped"), 303)


def stop_words() -> str:
    """What stopping does; stored with the consent as shown."""
    sentence: str = _("No more reminders come to this address. Answers to what you ask for still do.")
    return sentence


def again_words() -> str:
    """What taking up again does; stored with the consent as shown."""
    sentence: str = _("Reminders about open invoices come to this address again.")
    return sentence


# --------------------------------------------------------------------------- open pages


@blueprint.get("/account/sessions")
@web.link_session
def open_pages() -> Answer:
    """Show where this contact's account page is open (L-16)."""
    holder = web.holder()
    found = sessions.live(web.reading(), holder.actor, holder.session_id, now=web.now())
    return web.render("portal/sessions.html", sessions=found, done=done())


@blueprint.get("/account/sessions/end")
@web.link_session
def end_again() -> Answer:
    """A reloaded or translated answer goes back to the list."""
    return redirect(url_for("portal_people.open_pages"), 303)


@blueprint.post("/account/sessions/end")
@web.link_session
def end_pages() -> Answer:
    """Close one of them, or all but this one."""
    holder, handle = web.holder(), forms.single(request.form, "session")
    if handle:
        ended = web.house().store.run(lambda s: sessions.end(s, holder.actor, handle, now=web.now()))
        if ended == holder.session_id:
            return _close_here(url_for("portal_preferences.left", lang=g.language))
    else:
        web.house().store.run(
            lambda s: sessions.end_others(s, holder.actor, holder.session_id, now=web.now())
        )
    return redirect(url_for("portal_people.open_pages", done="ended"), 303)


# --------------------------------------------------------------------------- forwarding


@blueprint.get("/account/invoices/<ref>/forward")
@web.link_session
def forward_page(ref: str) -> Answer:
    """Ask to whom one invoice shall go."""
    return _forward_page(ref)


def _forward_page(
    ref: str, *, error: Problem | None = None, typed: dict[str, str] | None = None, status: int = 422
) -> Answer:
    actor = web.holder().actor
    with web.house().store.read() as session:
        invoice = forwarding.invoice_to_forward(session, actor, ref)
        earlier = forwarding.forwarded(session, actor, invoice)
    return web.render(
        "portal/forward.html", status if error else 200, invoice=invoice, earlier=earlier, error=error,
        typed=typed or {}, done=done(), days=web.current_rules().link_valid.days,
    )  # fmt: skip


@blueprint.post("/account/invoices/<ref>/forward")
@web.link_session
def forward(ref: str) -> Answer:
    """Send one invoice to a colleague."""
    actor, typed = web.holder().actor, _typed("name", "address")
    try:
        web.house().store.run(
            lambda s: forwarding.forward(
                s, actor, ref, name=typed["name"], email=typed["address"], now=web.now()
            )
        )
    except (Refused, TooManyTries) as error:
        return _forward_page(ref, error=problem(error), typed=typed, status=_status(error))
    return redirect(url_for("portal_people.forward_page", ref=ref, done="sent"), 303)


# --------------------------------------------------------------------------- is it us?


@blueprint.get("/account/check")
@web.link_session
@web.before_proof
def check() -> Answer:
    """Show what can be held against other papers: our numbers, names and people."""
    holder = web.holder()
    found = trust.faces(web.reading(), now=web.now(), creditor_id=holder.creditor_id)
    clock = local_time(web.now(), holder.zone).strftime("%H:%M")
    return web.render("portal/check.html", faces=found, clock=clock, host=request.host)


@blueprint.get("/check")
@web.public_page
def check_us() -> Answer:
    """The same for whoever has a link and has not opened it: nothing of any account."""
    found = trust.faces(web.reading(), now=web.now())
    return web.render("portal/check.html", faces=found, clock=None, host=request.host)
