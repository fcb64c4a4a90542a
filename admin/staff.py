"""People of the desk: who there is, invitations, roles, lost second factors, leaving (A-01, A-02, A-06)."""

from __future__ import annotations

from typing import Any

from flask import Response

import web
from admin.forms import ReasonForm
from admin.shell import blueprint, done, note_read, page
from admin.staff_forms import InviteForm, LeaveForm, RoleForm
from models.approvals import ApprovalRequest
from models.staff import Role
from receivables.desk import invitations, people, second_factor, staff_sessions
from receivables.desk.invitations import Wish
from receivables.desk.staff import CODE_ROLES
from receivables.errors import Refused
from receivables.permissions import Permission

P = Permission
HERE = "backoffice.staff_list"
#: Which field says what a rule refuses.
_AT_FIELD = {"email_taken": "email", "email_wrong": "email", "name_missing": "name",
             "successor_missing": "successor", "successor_wrong": "successor", "nothing_changes": "role",
             "reason_missing": "reason"}  # fmt: skip


@blueprint.get("/staff")
@web.needs(P.STAFF_READ)
def staff_list() -> Response:
    """Everybody of the desk, and roles that wait for a second person."""
    actor = web.staff_actor()
    with web.house().store.read() as database:
        rows = people.people(database, actor, now=web.now())
        waiting = people.grants_waiting(database, actor)
    note_read(None)
    return page(
        "backoffice/staff.html", here=HERE, here_now=[r for r in rows if r.is_active],
        gone=[r for r in rows if not r.is_active], waiting=waiting, mine=actor.id,
    )  # fmt: skip


@blueprint.get("/staff/invite")
@web.needs(P.STAFF_ADD)
@web.needs_fresh("role")
def ask_invite() -> Response:
    """The form of an invitation."""
    return _invite(InviteForm(formdata=None, role=Role.COLLECTOR.value, language="en"))


def _invite(form: InviteForm, status: int = 200) -> Response:
    return page("backoffice/staff_invite.html", status, here=HERE, form=form, roles=list(Role),
                money=CODE_ROLES, hours=web.current_rules().staff.invitation_hours)  # fmt: skip


@blueprint.post("/staff/invite")
@web.needs(P.STAFF_ADD)
@web.needs_fresh("role")
def invite() -> Response:
    """Invite somebody by mail, or ask a second person first where the role touches money."""
    form, actor = InviteForm(), web.staff_actor()
    if not form.validate():
        return _invite(form, 422)
    wish = Wish(form.email.data, form.name.data, Role(form.role.data), form.language.data)
    try:
        waits = web.house().store.run(
            lambda s: isinstance(
                invitations.invite(
                    s, actor, wish, reason=form.reason.data, policy=web.policy(), now=web.now()
                ),
                ApprovalRequest,
            )
        )
    except Refused as error:
        _say(form, error)
        return _invite(form, 422)
    return done("role_waits" if waits else "staff_invited", HERE)


def _say(form: Any, error: Refused) -> None:
    """Say a refusal at its field, else at the reason."""
    name = _AT_FIELD.get(error.code, "reason")
    form[name if name in form else "reason"].errors = [error.code]


@blueprint.get("/staff/<ref>")
@web.needs(P.STAFF_READ)
def staff_person(ref: str) -> Response:
    """One person of the desk, and what may be done about him."""
    return _person(ref)


def _person(ref: str, status: int = 200, **forms: Any) -> Response:
    actor = web.staff_actor()
    with web.house().store.read() as database:
        row = people.person(database, actor, ref, now=web.now())
        others = [r for r in people.people(database, actor, now=web.now()) if r.is_active and r.id != row.id]
    note_read(None)
    return page(
        "backoffice/staff_person.html", status, here=HERE, row=row, others=others, roles=list(Role),
        money=CODE_ROLES, own=row.id == actor.id,
        **{"role_form": RoleForm(formdata=None, role=row.role.value), "leave_form": LeaveForm(formdata=None),
           "factor_form": ReasonForm(formdata=None)} | forms,
    )  # fmt: skip


@blueprint.post("/staff/<ref>/role")
@web.needs(P.STAFF_CHANGE)
@web.needs_fresh("role")
def change_role(ref: str) -> Response:
    """Give another role; to one that touches money a second person agrees first."""
    form, actor = RoleForm(), web.staff_actor()
    if not form.validate():
        return _person(ref, 422, role_form=form)
    try:
        waits = web.house().store.run(
            lambda s: isinstance(
                people.change_role(
                    s, actor, ref, Role(form.role.data), reason=form.reason.data, now=web.now()
                ),
                ApprovalRequest,
            )
        )
    except Refused as error:
        _say(form, error)
        return _person(ref, 422, role_form=form)
    return done("role_waits" if waits else "role_changed", HERE)


@blueprint.post("/staff/<ref>/leave")
@web.needs(P.STAFF_CHANGE)
@web.needs_fresh("role")
def leave(ref: str) -> Response:
    """Let a person leave: sessions end at once, the work goes over."""
    form, actor = LeaveForm(), web.staff_actor()
    if not form.validate():
        return _person(ref, 422, leave_form=form)
    try:
        web.house().store.run(
            lambda s: people.leave(
                s, actor, ref, successor_ref=form.successor.data or None, reason=form.reason.data,
                now=web.now(),
            )
        )  # fmt: skip
    except Refused as error:
        _say(form, error)
        return _person(ref, 422, leave_form=form)
    return done("staff_left", HERE)


@blueprint.post("/staff/<ref>/factor")
@web.needs(P.STAFF_RESET)
@web.needs_fresh("factor")
def reset_factor(ref: str) -> Response:
    """Take a lost authenticator app off another person."""
    form, actor = ReasonForm(), web.staff_actor()
    if not form.validate():
        return _person(ref, 422, factor_form=form)
    try:
        web.house().store.run(
            lambda s: second_factor.reset_factor(s, actor, ref, reason=form.reason.data, now=web.now())
        )
    except Refused as error:
        _say(form, error)
        return _person(ref, 422, factor_form=form)
    return done("factor_reset", "backoffice.staff_person", values={"ref": ref})


@blueprint.post("/staff/<ref>/sessions")
@web.needs(P.STAFF_RESET)
def end_sessions_of(ref: str) -> Response:
    """End every session of another person (A-06)."""
    actor = web.staff_actor()
    ended = web.house().store.run(
        lambda s: staff_sessions.end_of_another(s, actor, second_factor.person_row(s, ref), now=web.now())
    )
    return done("sessions_ended", "backoffice.staff_person", values={"ref": ref}, count=ended)


@blueprint.post("/staff/<ref>/invite")
@web.needs(P.STAFF_ADD)
def invite_again(ref: str) -> Response:
    """Send an invitation anew."""
    actor = web.staff_actor()
    web.house().store.run(
        lambda s: invitations.invite_again(s, actor, ref, policy=web.policy(), now=web.now())
    )
    return done("staff_invited", "backoffice.staff_person", values={"ref": ref})
