"""The rules of contact at the desk: each row in words, whether it is on and why not, and new versions."""

from __future__ import annotations

from datetime import date

from flask import Response, request
from sqlalchemy.orm import Session

import web
from admin.rules import PROPOSAL, BodyForm, put_forward
from admin.shell import blueprint, done, frame, note_read, page
from models.rules import RulesKind
from models.states import DraftStatus
from receivables import rule_drafts
from receivables.contact import publishing
from receivables.contact.rule_rows import DEFAULT_RULES, current_rules, default_rules, read_rules
from receivables.errors import NotFound
from receivables.permissions import Permission
from receivables.policy import current_policy

P = Permission
HERE = "backoffice.contact_rules"


@blueprint.get("/contact-rules")
@web.needs(P.RULES_READ)
def contact_rules() -> Response:
    """The rules in force, or an earlier version: `?version=` its id, or "shipped"."""
    actor = web.staff_actor()
    asked = request.args.get("version")
    with web.house().store.read() as database:
        versions = publishing.past_versions(database, actor)
        drafts = rule_drafts.views(database, actor, RulesKind.CONTACT)
        rules, current = current_rules(database, web.now()), current_rules(database, web.now())
        policy = current_policy(database, web.now())
    if asked == "shipped":
        rules = default_rules()
    elif asked is not None:
        chosen = next((version for version in versions if str(version.id) == asked), None)
        if chosen is None:
            raise NotFound("not_found")
        rules = read_rules(chosen.body, chosen.id)
    note_read(None)
    return page(
        "backoffice/rules_contact.html", here=HERE, rules=rules, current=current, versions=versions,
        policy=policy, by_version={draft.version_id: draft for draft in drafts},
        waiting=[draft for draft in drafts if draft.status is DraftStatus.PROPOSED],
        turned_down=[d for d in drafts if d.status in (DraftStatus.REFUSED, DraftStatus.WITHDRAWN)],
    )  # fmt: skip


@blueprint.get("/contact-rules/propose")
@web.needs(P.RULES_PROPOSE)
def ask_contact_rules() -> Response:
    """The form for a version of the rules of contact, begun from those in force."""
    with web.house().store.read() as database:
        current = current_rules(database, web.now())
        versions = publishing.past_versions(database, web.staff_actor())
    body = next((v.body for v in versions if v.id == current.version_id), DEFAULT_RULES)
    return _ask(BodyForm(formdata=None, body=body))


def _ask(form: BodyForm, status: int = 200) -> Response:
    note_read(None)
    return page("backoffice/rules_propose.html", status, here=HERE, form=form, known=[], texts=[],
                letters=[], segments=[], kind=RulesKind.CONTACT)  # fmt: skip


@blueprint.post("/contact-rules/propose")
@web.takes_words
@web.needs(P.RULES_PROPOSE)
def propose_contact_rules() -> Response:
    """Put a version forward; what is wrong with it is said by name and line."""
    form, actor = BodyForm(), web.staff_actor()

    def unit(s: Session, day: date | None) -> str:
        return publishing.propose_rules(
            s, actor, form.body.data, reason=form.reason.data, effective_on=day, zone=frame().zone,
            now=web.now(),
        ).ref  # fmt: skip

    ref = put_forward(form, unit, publishing.line_of_bad)
    return _ask(form, 422) if ref is None else done("rules_proposed", PROPOSAL, values={"ref": ref})
