"""The ladders of this house: in force, side by side, proposed by one person and published by another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask import Response, request
from sqlalchemy.orm import Session
from wtforms import Field, StringField, TextAreaField
from wtforms.validators import DataRequired, Length, Optional, Regexp

import web
from admin.approvals import ask_again, proved_at
from admin.forms import ReasonForm
from admin.shell import blueprint, done, frame, note_read, page
from models.accounts import Segment
from models.invoices import InvoiceKind
from models.rules import RulesKind
from models.states import DraftStatus
from receivables import rule_drafts
from receivables.contact import publishing as contact_publishing
from receivables.contact.rule_rows import BadContactRules, current_rules, read_rules
from receivables.errors import Refused
from receivables.ladder import catalogue, comparing, publishing
from receivables.ladder.choosing import ladders_in_force
from receivables.ladder.publishing import Choice, Known
from receivables.ladder.rungs import BadLadder, Ladder, read_ladder
from receivables.permissions import Permission
from receivables.policy import Policy, current_policy
from receivables.texts import plain

P = Permission
HERE = "backoffice.ladder_versions"
#: What can be wrong with a body, and is said beside it.
BAD = (BadLadder, BadContactRules)


def _body(text: str | None) -> str:
    return plain(text or "").strip()


class BodyForm(ReasonForm):
    """A version as it is written, its first day, and why."""

    body = TextAreaField(
        filters=[_body],
        validators=[DataRequired("empty"), Length(max=rule_drafts.BODY_MOST, message="too_long")],
    )
    effective_on = StringField(
        filters=[lambda text: (text or "").strip()],
        validators=[Optional(), Regexp(r"\d{4}-\d{2}-\d{2}\Z", message="day_unreadable")],
    )
    #: Line of the body that is wrong; not typed by anybody.
    line: int | None = None
    bad: BadLadder | BadContactRules | None = None

    def day(self) -> date | None:
        """The first day; None for the moment of publishing. Raises: ValueError: there is no such day."""
        return date.fromisoformat(self.effective_on.data) if self.effective_on.data else None


class ChoiceForm(ReasonForm):
    """Which ladder is climbed by default, for prepayments, and by each kind of debtor."""

    default = StringField()
    prepayments = StringField()
    #: An empty one climbs the default.
    reminder, own_terms, open_problem, hardship, no_agreement, untraceable = (StringField() for _ in range(6))

    def segment(self, segment: Segment) -> Field:
        """The field of one kind of debtor."""
        return self[segment.value]

    def choice(self) -> Choice:
        """What is chosen."""
        own = {s.value: self.segment(s).data for s in Segment if self.segment(s).data}
        return Choice(self.default.data or "", self.prepayments.data or "", own)


def known_texts() -> Known:
    """The texts that a ladder may name."""
    return web.known_texts()


# --------------------------------------------------------------------------- reading


@blueprint.get("/ladder/versions")
@web.needs(P.RULES_READ)
def ladder_versions() -> Response:
    """The ladders in force and who climbs them, what is proposed, what was published before."""
    actor = web.staff_actor()
    with web.house().store.read() as database:
        rows = catalogue.in_force(database, actor, now=web.now())
        versions = catalogue.versions(database, actor, now=web.now())
        drafts = rule_drafts.views(database, actor, RulesKind.LADDER, RulesKind.CHOICE)
    note_read(None)
    return page(
        "backoffice/rules_ladders.html", here=HERE, rows=rows, versions=versions,
        waiting=[d for d in drafts if d.status is DraftStatus.PROPOSED],
        decided=[d for d in drafts if d.status not in (DraftStatus.PROPOSED, DraftStatus.PUBLISHED)
                 or (d.kind is RulesKind.CHOICE and d.status is DraftStatus.PUBLISHED)],
    )  # fmt: skip


@blueprint.get("/ladder/versions/compare")
@web.needs(P.RULES_READ)
def compare_ladders() -> Response:
    """Two ladders side by side, rung by rung, with what is not the same."""
    actor = web.staff_actor()
    with web.house().store.read() as database:
        known = catalogue.sources(database, actor, now=web.now())
        policy = current_policy(database, web.now())
    left = catalogue.find(known, request.args.get("left") or known[0].key)
    like = [source.key for source in known if source is not left and source.ladder.kinds & left.ladder.kinds]
    right = catalogue.find(known, request.args.get("right") or (like or [left.key])[0])
    note_read(None)
    return page(
        "backoffice/rules_compare.html", here=HERE, known=known, left=left, right=right, policy=policy,
        lines=comparing.side_by_side(left.ladder, right.ladder),
    )  # fmt: skip


@blueprint.get("/ladder/versions/read")
@web.needs(P.RULES_READ)
def read_version() -> Response:
    """One version of a ladder in words and as it is written."""
    actor = web.staff_actor()
    with web.house().store.read() as database:
        known = catalogue.sources(database, actor, now=web.now())
        policy = current_policy(database, web.now())
        versions = catalogue.versions(database, actor, now=web.now())
    source = catalogue.find(known, request.args.get("of") or "")
    version = next((v for v in versions if v.id == source.ladder.version_id), None)
    note_read(None)
    return page("backoffice/rules_read.html", here=HERE, source=source, version=version, policy=policy)


# --------------------------------------------------------------------------- proposing


@blueprint.get("/ladder/versions/propose")
@web.needs(P.RULES_PROPOSE)
def ask_ladder() -> Response:
    """The form for a version of a ladder, begun from one that there is."""
    with web.house().store.read() as database:
        known = catalogue.sources(database, web.staff_actor(), now=web.now())
    source = catalogue.find(known, request.args.get("of") or known[0].key)
    return _ask_ladder(BodyForm(formdata=None, body=source.body))


def _ask_ladder(form: BodyForm, status: int = 200) -> Response:
    with web.house().store.read() as database:
        known = catalogue.sources(database, web.staff_actor(), now=web.now())
    note_read(None)
    texts = [sorted(publishing.texts_for(kinds)) for kinds in (publishing.OWED, [InvoiceKind.PREPAYMENT])]
    return page(
        "backoffice/rules_propose.html", status, here=HERE, form=form, known=known, texts=texts,
        letters=sorted(publishing.ON_PAPER), segments=list(Segment), kind=RulesKind.LADDER,
    )  # fmt: skip


@blueprint.post("/ladder/versions/propose")
@web.takes_words
@web.needs(P.RULES_PROPOSE)
def propose_ladder() -> Response:
    """Put a version forward; what is wrong with it is said by name and line."""
    form, actor = BodyForm(), web.staff_actor()

    def unit(s: Session, day: date | None) -> str:
        return publishing.propose_ladder(
            s, actor, form.body.data, reason=form.reason.data, known=known_texts(), effective_on=day,
            zone=frame().zone, now=web.now(),
        ).ref  # fmt: skip

    ref = put_forward(form, unit, publishing.line_of_bad)
    return _ask_ladder(form, 422) if ref is None else done("rules_proposed", PROPOSAL, values={"ref": ref})


PROPOSAL = "backoffice.rules_proposal"


def put_forward(form: BodyForm, unit: Any, line_of: Any) -> str | None:
    """Do the proposal of a form, or say at its fields what is wrong; returns the proposal's ref."""
    if not form.validate():
        return None
    try:
        day = form.day()
    except ValueError:
        form.effective_on.errors = ["day_unreadable"]
        return None
    try:
        return str(web.house().store.run(lambda s: unit(s, day)))
    except BAD as error:
        form.bad, form.line = error, line_of(form.body.data, error)
    except Refused as error:
        field = {"effective_past": form.effective_on, "reason_missing": form.reason}.get(
            error.code, form.body
        )
        field.errors = [error.code]
    return None


@blueprint.get("/ladder/choice")
@web.needs(P.RULES_PROPOSE)
def ask_choice() -> Response:
    """Which ladder is climbed where nothing else is said; a change is proposed here."""
    with web.house().store.read() as database:
        rules = current_policy(database, web.now()).ladders
    own = {segment.value: rules.by_segment.get(segment.value, "") for segment in Segment}
    return _ask_choice(ChoiceForm(formdata=None, default=rules.default, prepayments=rules.prepayments, **own))


def _ask_choice(form: ChoiceForm, status: int = 200, refused: Refused | None = None) -> Response:
    with web.house().store.read() as database:
        ladders = ladders_in_force(database, web.now())
    note_read(None)
    owed = [name for name, ladder in sorted(ladders.items()) if ladder.kinds >= publishing.OWED]
    early = [name for name, ladder in sorted(ladders.items()) if not publishing.OWED & ladder.kinds]
    return page("backoffice/rules_choice.html", status, here=HERE, form=form, owed=owed, early=early,
                segments=list(Segment), refused=refused)  # fmt: skip


@blueprint.post("/ladder/choice")
@web.needs(P.RULES_PROPOSE)
def propose_choice() -> Response:
    """Put a choice forward."""
    form, actor = ChoiceForm(), web.staff_actor()
    if not form.validate():
        return _ask_choice(form, 422)
    try:
        draft = web.house().store.run(
            lambda s: (
                publishing.propose_choice(
                    s, actor, form.choice(), reason=form.reason.data, zone=frame().zone, now=web.now()
                ).ref
            )
        )
    except Refused as error:
        return _ask_choice(form, 409, error)
    return done("rules_proposed", PROPOSAL, values={"ref": draft})


# --------------------------------------------------------------------------- one proposal


@dataclass(frozen=True, slots=True)
class Change:
    """What a proposal changes: the parts of its kind; `bad` when it cannot be read any more."""

    policy: Policy
    ladder: Ladder | None = None
    before: Ladder | None = None
    lines: Any = ()
    choices: tuple[Choice, Choice] | None = None
    roles: tuple[str, str] | None = None
    forecast: comparing.Forecast | None = None
    bad: BadLadder | BadContactRules | None = None


@blueprint.get("/rules/proposals/<ref>")
@web.needs(P.RULES_READ)
def rules_proposal(ref: str) -> Response:
    """One proposal: what it changes, and what that would change today."""
    return show_proposal(ref)


def show_proposal(ref: str, status: int = 200, **more: Any) -> Response:
    """Render a proposal of whatever kind."""
    actor = web.staff_actor()
    with web.house().store.read() as database:
        draft = rule_drafts.view(database, actor, ref)
        change = _change(database, draft, now=web.now())
    note_read(None)
    contact = draft.kind is RulesKind.CONTACT
    return page(
        "backoffice/rules_proposal.html", status, here="backoffice.contact_rules" if contact else HERE,
        draft=draft, change=change, policy=change.policy, segments=list(Segment),
        mine=draft.author_id == actor.id, publishes=web.staff_may(rule_drafts.PUBLISHES[draft.kind]),
        **{"form": ReasonForm(formdata=None), "ending": "", "refused": None} | more,
    )  # fmt: skip


def _change(database: Session, draft: rule_drafts.DraftView, *, now: datetime) -> Change:
    """What a proposal changes against what is in force now; the forecast only while it waits."""
    policy, waits = current_policy(database, now), draft.status is DraftStatus.PROPOSED
    if draft.kind is RulesKind.CONTACT:
        before = current_rules(database, now)
        try:
            after = read_rules(draft.body)
        except BadContactRules as error:
            return Change(policy, bad=error)
        lines = contact_publishing.side_by_side(before, after)
        return Change(policy, lines=lines, roles=(before.role, after.role))
    ladders = ladders_in_force(database, now)
    if draft.kind is RulesKind.CHOICE:
        choice = publishing.read_choice(draft.body)
        then = publishing.chosen_policy(policy, choice)
        ahead = None
        if waits and {choice.default, choice.prepayments, *choice.by_segment.values()} <= set(ladders):
            ahead = comparing.forecast(database, ladders=(ladders, ladders), policies=(policy, then), now=now)
        return Change(policy, choices=(publishing.choice_in_force(policy.ladders), choice), forecast=ahead)
    try:
        ladder = read_ladder(draft.body)
    except BadLadder as error:
        return Change(policy, bad=error)
    ladder_before = ladders.get(draft.name)
    return Change(
        policy,
        ladder=ladder,
        before=ladder_before,
        lines=comparing.side_by_side(ladder_before, ladder) if ladder_before is not None else [],
        forecast=comparing.forecast(
            database, ladders=(ladders, ladders | {draft.name: ladder}), policies=(policy, policy), now=now
        )
        if waits and ladder_before is not None
        else None,
    )


@blueprint.post("/rules/proposals/<ref>/publish")
@web.needs(P.RULES_READ)
def publish_rules(ref: str) -> Response:
    """Put a proposal in force, by another person than its author."""
    actor, zone = web.staff_actor(), frame().zone

    def unit(s: Session) -> RulesKind:
        draft = rule_drafts.view(s, actor, ref)
        if draft.kind is RulesKind.CONTACT:
            contact_publishing.publish_proposed(
                s, actor, ref, zone=zone, proved_at=proved_at(), now=web.now()
            )
        else:
            publishing.publish_proposed(
                s, actor, ref, known=known_texts(), zone=zone, proved_at=proved_at(), now=web.now()
            )
        return draft.kind

    try:
        web.house().store.run(unit)
    except Refused as error:
        ask_again(error)
        return show_proposal(ref, 409, refused=error.code)
    except BAD as error:
        return show_proposal(ref, 409, refused="rules_bad", bad=error)
    return done("rules_published", PROPOSAL, values={"ref": ref})


@blueprint.post("/rules/proposals/<ref>/refuse")
@web.needs(P.RULES_READ)
def refuse_rules(ref: str) -> Response:
    """Leave the rules as they are, with a reason."""
    return _end(ref, rule_drafts.refuse, "refuse", "rules_refused")


@blueprint.post("/rules/proposals/<ref>/withdraw")
@web.needs(P.RULES_PROPOSE)
def withdraw_rules(ref: str) -> Response:
    """Take back one's own proposal, with a reason."""
    return _end(ref, rule_drafts.withdraw, "withdraw", "rules_withdrawn")


def _end(ref: str, act: Any, ending: str, code: str) -> Response:
    form, actor = ReasonForm(), web.staff_actor()
    if not form.validate():
        return show_proposal(ref, 422, form=form, ending=ending)
    try:
        web.house().store.run(lambda s: act(s, actor, ref, reason=form.reason.data, now=web.now()))
    except Refused as error:
        return show_proposal(ref, 409, refused=error.code)
    return done(code, PROPOSAL, values={"ref": ref})
