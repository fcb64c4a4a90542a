"""The account page and what is done from it: a reminder, a link to hand over, the end of links."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Response, request
from sqlalchemy.orm import Session

import web
from admin.account_forms import FileForm, NoteForm
from admin.forms import RevokeForm
from admin.shell import blueprint, done, note_read, page
from admin.work import place_of
from models.links import Channel
from receivables import links
from receivables.calendar_days import business_date
from receivables.contact import reminders
from receivables.desk import account_pages, next_steps
from receivables.desk import accounts as desk_accounts
from receivables.desk import reads as desk_reads
from receivables.desk import timeline as desk_timeline
from receivables.errors import Refused
from receivables.ladder import reads as ladder_reads
from receivables.permissions import Permission
from receivables.reversals import reads as reversal_reads
from receivables.segments import reads as segment_reads
from receivables.worklist import claiming
from receivables.worklist import reads as worklist_reads

P = Permission
HERE = "books_accounts.index_view"


@blueprint.get("/accounts/<ref>")
@web.needs(P.ACCOUNT_READ)
def account(ref: str) -> Response:
    """Everything about one account."""
    return account_page(ref)


def account_page(ref: str, status: int = 200, **problems: Any) -> Response:
    """The account page; `problems` are forms of it that came back with something to mend."""
    actor, looks = web.staff_actor(), web.staff_may(P.ALERT_READ)
    show = request.args.get("show", "all")
    show = show if show in desk_timeline.SHOWS else "all"
    with web.house().store.read() as database:
        whole = account_pages.desk_account(database, actor, ref, number=_page_number(), now=web.now())
        who = whole.page.head
        events = desk_timeline.timeline(database, actor, who.id, show=show, before=_before())
        alerts = desk_reads.alerts(database, actor, account_id=who.id) if looks else []
        tasks = desk_reads.tasks(database, actor, account_id=who.id) if looks else []
        segment = segment_reads.card(database, actor, who.id)
        row = desk_accounts.account_row(database, ref)
        climbs = web.staff_may(P.LADDER_READ)
        climbing = ladder_reads.places(database, actor, row, now=web.now()) if climbs else None
        step = next_steps.waiting_step(database, actor, who.id)
        works = web.staff_may(P.WORKLIST_WORK)
        ranked = worklist_reads.of_account(database, actor, who.id, now=web.now()) if works else []
        claimed = claiming.claimed(database, who.id, now=web.now()) if works else None
        contested = web.staff_may(P.CHARGEBACK_READ)
        chargebacks = reversal_reads.rows(database, actor, account_id=who.id) if contested else []
    note_read(who.id)
    return page("backoffice/account.html", status, here=HERE, zone=who.zone, whole=whole, view=whole.page,
                who=who, timeline=events, show=show, shows=desk_timeline.SHOWS, alerts=alerts, tasks=tasks,
                segment=segment, climbing=climbing, place_of=place_of, ranked=ranked, claimed=claimed,
                chargebacks=chargebacks,
                as_moment=datetime.fromisoformat, today=business_date(web.now(), who.zone),
                next=next_steps.next_step(actor, tasks, step, climbing, now=web.now()),
                noting=problems.get("noting") or NoteForm(formdata=None),
                putting=problems.get("putting") or FileForm(formdata=None),
                named=problems.get("named", ""))  # fmt: skip


def _page_number() -> int:
    return request.args.get("page", 0, type=int)


def _before() -> datetime | None:
    try:
        moment = datetime.fromisoformat(request.args.get("before", ""))
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


@blueprint.get("/accounts/<ref>/remind")
@web.needs(P.REMINDER_SEND)
def ask_remind(ref: str) -> Response:
    """What a reminder would send, to whom and when, before it is sent."""
    return _ask_remind(ref)


def _ask_remind(ref: str, status: int = 200, refused: str | None = None) -> Response:
    actor = web.staff_actor()
    with web.house().store.read() as database:
        row = desk_accounts.account_row(database, ref)
        note_read(row.id)
        plan = desk_accounts.reminder_plan(database, actor, row, policy=web.policy(), now=web.now())
    return page("backoffice/remind.html", status, here=HERE, zone=row.zone, account=row, plan=plan,
                refused=refused)  # fmt: skip


@blueprint.post("/accounts/<ref>/remind")
@web.needs(P.REMINDER_SEND)
def remind(ref: str) -> Response:
    """Queue one reminder for each paying contact, channel and currency."""
    actor = web.staff_actor()
    try:
        queued = web.house().store.run(
            lambda s: reminders.remind(s, actor, desk_accounts.account_row(s, ref, lock=True), now=web.now())
        )
    except Refused as error:
        return _ask_remind(ref, 409, error.code)
    return done("reminder_queued", "backoffice.account", values={"ref": ref}, count=len(queued))


@blueprint.get("/accounts/<ref>/link")
@web.needs(P.LINK_ISSUE)
def ask_link(ref: str) -> Response:
    """What a link taken by staff can do and cannot, before one is made."""
    with web.house().store.read() as database:
        who = desk_accounts.head(database, web.staff_actor(), ref)
    note_read(who.id)
    return page("backoffice/link.html", here=HERE, zone=who.zone, who=who, policy=web.policy(), link=None)


@blueprint.post("/accounts/<ref>/link")
@web.needs(P.LINK_ISSUE)
def make_link(ref: str) -> Response:
    """Make a link that staff hand over; it is shown on this answer and never again (L-02)."""
    actor, rules, store = web.staff_actor(), web.policy(), web.house().store
    with store.read() as database:
        who = desk_accounts.head(database, actor, ref)
    made, token = store.run(
        lambda s: links.issue(
            s, actor, desk_accounts.account_row(s, ref), contact=None, channel=Channel.STAFF, policy=rules,
            now=web.now(),
        )
    )  # fmt: skip
    address = f"{web.house().settings.base_url}/l/{token}"
    return page("backoffice/link.html", here=HERE, zone=who.zone, who=who, policy=rules, link=made,
                address=address)  # fmt: skip


@blueprint.get("/accounts/<ref>/links/revoke")
@web.needs(P.LINK_REVOKE)
def ask_revoke(ref: str) -> Response:
    """What ending a link, or all of them, does, before it is done."""
    return _ask_revoke(ref, RevokeForm(formdata=None, link=request.args.get("link", "")))


def _ask_revoke(ref: str, form: RevokeForm, status: int = 200) -> Response:
    with web.house().store.read() as database:
        who = desk_accounts.head(database, web.staff_actor(), ref)
        note_read(who.id)
        live = [row for row in desk_accounts.links(database, who.id, now=web.now()) if row.state == "live"]
    chosen = [row for row in live if form.link.data in ("", row.ref)]
    return page("backoffice/revoke.html", status, here=HERE, zone=who.zone, who=who, form=form, chosen=chosen,
                all_of_them=not form.link.data)  # fmt: skip


@blueprint.post("/accounts/<ref>/links/revoke")
@web.needs(P.LINK_REVOKE)
def revoke(ref: str) -> Response:
    """End one link or all of an account, with their open sessions, at once (L-03)."""
    form, actor = RevokeForm(), web.staff_actor()
    if not form.validate():
        return _ask_revoke(ref, form, 422)

    def end(s: Session) -> int:
        row = desk_accounts.account_row(s, ref)
        if not form.link.data:
            return links.revoke_all(s, actor, row, reason=form.reason.data, now=web.now())
        links.revoke(s, actor, desk_accounts.link_row(s, row.id, form.link.data), reason=form.reason.data,
                     now=web.now())  # fmt: skip
        return 1

    count = web.house().store.run(end)
    return done("links_ended", "backoffice.account", values={"ref": ref}, count=count)
