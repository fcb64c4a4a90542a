"""Which ladders this house climbs: versions and the choice among them, each proposed and published by two.

A version is read, its texts are looked for and everybody who climbs it is thought of when it is proposed,
and once more when it is published. A choice changes three keys of the house's rules and nothing else.
Source: A-02; C-04; domain.md, "The ladder"; policy [ladders].
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from models.accounts import Account, Segment
from models.invoices import Invoice, InvoiceKind
from models.rules import RulesDraft, RulesKind
from models.states import InvoiceStatus
from receivables import outbox, rule_drafts
from receivables import policy as house_rules
from receivables.audit import record
from receivables.errors import Refused
from receivables.ladder import choosing
from receivables.ladder.choosing import ladders_in_force, refuse_missing
from receivables.ladder.rungs import Act, BadLadder, Ladder, read_ladder
from receivables.permissions import Actor
from receivables.policy import LadderRules, Policy, current_policy
from receivables.toml_lines import line_of, line_of_error

#: Under which name a choice is proposed: there is one at a time.
CHOICE = "choice"
#: Documents that a ladder for what was delivered meets.
OWED = frozenset({InvoiceKind.INVOICE, InvoiceKind.FEE})

#: Where a refusal is to be looked for that names no key itself.
_KEY_OF = {
    "out_of_order": ["day"],
    "late_before_day": ["latest_day"],
    "twice": ["code"],
    "unknown_gate": ["gate"],
    "unknown_act": ["do"],
    "unknown_kind": ["kinds"],
}

#: What a rung may say about an order that waits, by itself; what it says when the order is let go is said
#: by the act that lets it go.
OF_ORDERS = frozenset({"prepayment_due", "prepayment_expiring", "prepayment_reminder"})
#: What a rung may say about what is owed, by itself.
OF_DEBTS = frozenset(
    {
        "callback_invitation", "courtesy", "due_today", "first_reminder", "hardship_contact",
        "open_problem_contact", "own_terms_reminder",
    }
)  # fmt: skip
#: Letters that a rung may send; the notice of a hand-over goes with the hand-over.
ON_PAPER = frozenset({"claim_letter", "first_letter_strict", "formal_warning", "official_letter"})

Known = Mapping[tuple[str, str], Collection[str]]


# --------------------------------------------------------------------------- a version of one ladder


def check_ladder(session: Session, body: str, known: Known, *, now: datetime) -> Ladder:
    """Read a ladder that somebody wants to put in force.

    Args:
        known: (channel, kind) of every text that is written -> its languages.
    Raises:
        BadLadder: by name, see its codes.
        Refused: nothing_changes.
    """
    ladder = read_ladder(body)
    _refuse_strange(ladder)
    refuse_missing(ladder, known)
    for kind in sorted(_needed(session, ladder.name, current_policy(session, now).ladders)):
        if kind not in ladder.kinds:
            raise BadLadder("kind_needed", key="kinds", value=kind.value, name=ladder.name)
    before = ladders_in_force(session, now).get(ladder.name)
    if before is not None and replace(before, version_id=None) == ladder:
        raise Refused("nothing_changes")
    return ladder


def texts_for(kinds: Collection[InvoiceKind]) -> frozenset[str]:
    """Return the messages that rungs may send for documents of some kinds."""
    return OF_ORDERS if InvoiceKind.PREPAYMENT in kinds else OF_DEBTS


def _refuse_strange(ladder: Ladder) -> None:
    """Refuse texts that no rung of such documents can say, such as a one-time code.

    Raises: BadLadder: unknown_text.
    """
    for rung in ladder.rungs:
        for effect in rung.effects:
            may_say = {Act.MESSAGE: texts_for(ladder.kinds), Act.LETTER: ON_PAPER}.get(effect.act)
            if may_say is not None and effect.detail not in may_say:
                raise BadLadder("unknown_text", rung=rung.code, text=effect.detail)


def line_of_bad(body: str, error: BadLadder) -> int | None:
    """Return the line of a body that a refusal is about; None where no single line is."""
    facts = {key: str(value) for key, value in error.facts.items()}
    if error.code == "not_toml":
        return line_of_error(facts["why"])
    rung = facts.get("rung") or facts.get("at", "ladder").partition(".")[0]
    said = [facts[key] for key in ("text", "key", "channel", "act", "value") if key in facts]
    said += _KEY_OF.get(error.code, [])
    return line_of(body, "rungs", "code", "" if rung == "ladder" else rung, said)


def propose_ladder(
    session: Session,
    actor: Actor,
    body: str,
    *,
    reason: str,
    known: Known,
    effective_on: date | None = None,
    zone: str,
    now: datetime,
) -> RulesDraft:
    """Put a version of a ladder forward; its own `name` says which, a new name is a new ladder.

    Args:
        effective_on: first day in force by the house's date, not before today; None when published.
        zone: IANA zone of the house.
    Raises:
        NotAllowed: the actor may not propose, or is no person.
        BadLadder: the ladder cannot be used; the code says why.
        Refused: reason_missing, words_too_long, effective_past, draft_waits, nothing_changes.
    """
    ladder = check_ladder(session, body, known, now=now)
    return rule_drafts.put_forward(
        session, actor, RulesKind.LADDER, name=ladder.name, body=body, reason=reason,
        effective_on=effective_on, zone=zone, now=now,
    )  # fmt: skip


def publish_proposed(
    session: Session,
    actor: Actor,
    ref: str,
    *,
    known: Known,
    zone: str,
    proved_at: datetime | None = None,
    now: datetime,
) -> RulesDraft:
    """Put a proposed ladder or choice in force.

    Args:
        proved_at: when the actor last gave password and code, see `rule_drafts.to_publish`.
    Raises:
        NotAllowed: the actor may not publish, or `own_proposal`.
        NotFound: no such proposal.
        BadLadder: it cannot be used any more, see `check_ladder`.
        Refused: decided_already, nothing_changes, ladder_unknown, ladder_wrong_kind, and those of one who
            decides alone.
    """
    draft = rule_drafts.to_publish(
        session, actor, ref, RulesKind.LADDER, RulesKind.CHOICE, proved_at=proved_at, now=now
    )
    if draft.kind is RulesKind.CHOICE:
        return _publish_choice(session, actor, draft, now=now)
    check_ladder(session, draft.body, known, now=now)
    starts_at = rule_drafts.starts_at(draft, zone=zone, now=now)
    version = choosing.publish(
        session, actor, draft.name, draft.body, author_id=draft.author_id, reason=draft.reason, known=known,
        effective_at=starts_at, is_alone=draft.is_alone, now=now,
    )  # fmt: skip
    _look_again(session, draft, starts_at, now=now)
    return rule_drafts.published(draft, actor, ladder=version.id, now=now)


def _needed(session: Session, name: str, rules: LadderRules) -> set[InvoiceKind]:
    """Kinds of documents that climb a ladder by the choice in force, or by an own one."""
    needed: set[InvoiceKind] = set()
    if name in (rules.default, *rules.by_segment.values()) or session.scalar(
        select(exists().where(Account.ladder == name))
    ):
        needed |= OWED
    if name == rules.prepayments:
        needed.add(InvoiceKind.PREPAYMENT)
    own = select(Invoice.kind).where(Invoice.ladder == name, Invoice.status == InvoiceStatus.OPEN).distinct()
    return needed | set(session.scalars(own))


# --------------------------------------------------------------------------- which one is climbed


@dataclass(frozen=True, slots=True)
class Choice:
    """The ladder where nothing else is said, that of prepayments, and that of a kind of debtor."""

    default: str
    prepayments: str
    by_segment: Mapping[str, str]


def choice_in_force(rules: LadderRules) -> Choice:
    """Return the choice that the house's rules make."""
    return Choice(rules.default, rules.prepayments, dict(rules.by_segment))


def write_choice(choice: Choice) -> str:
    """Return a choice as TOML; segments that climb the default are left out.

    >>> print(write_choice(Choice("gentle", "prepayment", {"no_agreement": "strict"})))
    default = "gentle"
    prepayments = "prepayment"
    by_segment = { no_agreement = "strict" }
    """
    own = ", ".join(
        f"{segment} = {json.dumps(name)}"
        for segment, name in sorted(choice.by_segment.items())
        if name != choice.default
    )
    return "\n".join(
        [
            f"default = {json.dumps(choice.default)}",
            f"prepayments = {json.dumps(choice.prepayments)}",
            f"by_segment = {{ {own} }}" if own else "by_segment = {}",
        ]
    )


def read_choice(body: str) -> Choice:
    """Read what `write_choice` wrote."""
    return Choice(**tomllib.loads(body))


def propose_choice(
    session: Session, actor: Actor, choice: Choice, *, reason: str, zone: str, now: datetime
) -> RulesDraft:
    """Put forward which ladder is climbed where nothing else is said.

    Args:
        choice: names of ladders in force; segments that are not named climb the default.
        zone: IANA zone of the house.
    Raises:
        NotAllowed: the actor may not propose, or is no person.
        Refused: ladder_unknown, ladder_wrong_kind, segment_unknown, nothing_changes, reason_missing,
            words_too_long, draft_waits.
    """
    _check_choice(session, choice, now=now)
    return rule_drafts.put_forward(
        session, actor, RulesKind.CHOICE, name=CHOICE, body=write_choice(choice), reason=reason,
        effective_on=None, zone=zone, now=now,
    )  # fmt: skip


def chosen_policy(policy: Policy, choice: Choice) -> Policy:
    """Return the rules of the house as they would be with a choice."""
    rules = replace(
        policy.ladders,
        default=choice.default,
        prepayments=choice.prepayments,
        by_segment={s: name for s, name in choice.by_segment.items() if name != choice.default},
    )
    return replace(policy, ladders=rules)


def _check_choice(session: Session, choice: Choice, *, now: datetime) -> Policy:
    ladders, policy = ladders_in_force(session, now), current_policy(session, now)
    if strange := sorted(set(choice.by_segment) - {segment.value for segment in Segment}):
        raise Refused("segment_unknown", segment=strange[0])
    asked: list[tuple[str, Iterable[InvoiceKind]]] = [
        (name, sorted(OWED)) for name in (choice.default, *choice.by_segment.values())
    ]
    for name, kinds in [*asked, (choice.prepayments, [InvoiceKind.PREPAYMENT])]:
        if name not in ladders:
            raise Refused("ladder_unknown", name=name)
        if not set(kinds) <= ladders[name].kinds:
            raise Refused("ladder_wrong_kind", name=name)
    wanted = chosen_policy(policy, choice)
    if wanted == chosen_policy(policy, choice_in_force(policy.ladders)):
        raise Refused("nothing_changes")
    return wanted


def _publish_choice(session: Session, actor: Actor, draft: RulesDraft, *, now: datetime) -> RulesDraft:
    choice = read_choice(draft.body)
    wanted = _check_choice(session, choice, now=now)
    body = with_choice(house_rules.current_body(session, now), choice)
    if replace(Policy.read(body), version_id=wanted.version_id) != wanted:
        raise Refused("rules_unreadable")  # nothing else of the house's rules may change
    version = house_rules.publish(session, body, reason=draft.reason, author_id=draft.author_id, now=now)
    record(
        session, actor, "ladder.assigned", version, account_id=None, now=now, reason=draft.reason,
        facts={
            "default": choice.default, "prepayments": choice.prepayments,
            "by_segment": dict(choice.by_segment), "author": draft.author_id,
        },
    )  # fmt: skip
    _look_again(session, draft, now, now=now)
    return rule_drafts.published(draft, actor, policy=version.id, now=now)


def _look_again(session: Session, draft: RulesDraft, starts_at: datetime, *, now: datetime) -> None:
    """From its first moment in force on, the next run looks at all that climbs."""
    outbox.queue_job(
        session, kind="ladder_look_again", key=f"ladder_look_again:{draft.ref}", payload={}, run_at=starts_at,
        now=now,
    )  # fmt: skip


def with_choice(body: str, choice: Choice) -> str:
    """Return the rules of the house with a choice in their section [ladders]; all else as it is written."""
    head, mark, tail = body.partition("\n[ladders]")
    section, end, rest = tail.partition("\n[")
    for line in write_choice(choice).split("\n"):
        key = line.partition(" ")[0]
        section = re.sub(rf"(?m)^{key}\s*=.*$", lambda _, said=line: said, section)  # type: ignore[misc]
    return head + mark + section + end + rest
