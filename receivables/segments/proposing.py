"""The rules propose which kind of debtor an account is, and say why; nobody is moved by a rule.

A proposal has no effect of its own: a person confirms or refuses it, of businesses as of private persons
(GDPR article 22). An answer in the portal is never evidence against who gave it: it counts as a sign of
life, and what speaks for a firmer treatment are days that passed. Source: domain.md, "Six kinds of
debtor"; policy [segments].
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import CompoundSelect, func, select, union
from sqlalchemy.orm import Session

from models.accounts import Account, Contact, Segment
from models.answers import Answer, AnswerKind
from models.arrangements import Promise
from models.base import new_ref
from models.disputes import Dispute
from models.inbound import ReachEvent, ReachEventKind
from models.invoices import Invoice
from models.messages import Message, Purpose
from models.payments import Payment
from models.segments import SegmentProposal
from models.states import HOLDING_DISPUTES, PromiseStatus, SegmentStatus, advance
from models.work import Interaction, Task, TaskKind
from receivables import outbox
from receivables.audit import record
from receivables.permissions import SYSTEM
from receivables.policy import Policy, SegmentRules, current_policy
from receivables.segments.evidence import CHUNK, Facts, facts_of, facts_of_many, overdue_on

Evidence = list[dict[str, Any]]
#: Numbers of an evidence that grow by themselves from day to day; without them it is the same evidence.
_DRIFTING = frozenset({"days", "percent"})


def judge(facts: Facts, rules: SegmentRules, segment: Segment) -> tuple[Segment, Evidence] | None:
    """Return which kind the books speak for, with the evidence; None when they speak for no change.

    Args:
        segment: what the account is now.
    """
    for to, evidence in (
        (Segment.UNTRACEABLE, _untraceable(facts, rules)),
        (Segment.NO_AGREEMENT, _plans_broken(facts, rules)),
        (Segment.HARDSHIP, _hardship(facts)),
        (Segment.OPEN_PROBLEM, _open_problem(facts)),
        (Segment.NO_AGREEMENT, _no_agreement(facts, rules)),
        (Segment.OWN_TERMS, _own_terms(facts, rules)),
        (Segment.REMINDER, _over(facts, rules, segment)),
    ):
        if evidence:
            return None if to is segment else (to, evidence)
    return None


def _untraceable(facts: Facts, rules: SegmentRules) -> Evidence:
    if not facts.addresses or facts.dead < facts.addresses or facts.silent_days < rules.silent_days:
        return []
    return [
        {"code": "dead_addresses", "count": facts.dead},
        {"code": "silent", "days": facts.silent_days},
    ]


def _plans_broken(facts: Facts, rules: SegmentRules) -> Evidence:
    """Whoever breaks his plan again does not agree, also where he cannot pay all at once."""
    if not facts.overdue or facts.plan_defaults < rules.plan_defaults:
        return []
    return [{"code": "plan_defaults", "count": facts.plan_defaults}, _late(facts)]


def _hardship(facts: Facts) -> Evidence:
    return [{"code": "hardship_told"}, _late(facts)] if facts.hardship_told and facts.overdue else []


def _open_problem(facts: Facts) -> Evidence:
    return [{"code": "open_disputes", "count": facts.disputes}] if facts.disputes else []


def _no_agreement(facts: Facts, rules: SegmentRules) -> Evidence:
    if not facts.overdue:
        return []
    found: Evidence = []
    if facts.broken >= rules.broken_promises and facts.broken > facts.kept:
        found.append({"code": "broken_promises", "count": facts.broken, "kept": facts.kept})
    if facts.ignored >= rules.ignored_contacts and facts.oldest_late >= rules.ignored_days_late:
        found.append({"code": "ignored_contacts", "days": facts.ignored})
    return [*found, _late(facts)] if found else []


def _own_terms(facts: Facts, rules: SegmentRules) -> Evidence:
    """Pays steadily, only later than agreed; nothing is later now than his own habit."""
    lag = facts.lag
    if lag is None or lag.paid < rules.own_terms_paid or lag.spread > rules.own_terms_spread:
        return []
    if not rules.own_terms_lag <= lag.middle <= rules.own_terms_most:
        return []
    if facts.oldest_late > lag.middle + rules.own_terms_spread:
        return []
    return [
        {"code": "steady_lag", "days": lag.middle},
        {"code": "paid_late", "percent": lag.late_percent},
    ]


def _over(facts: Facts, rules: SegmentRules, segment: Segment) -> Evidence:
    """What speaks for the friendly treatment again; terms that were agreed end by a person only."""
    if segment in (Segment.NO_AGREEMENT, Segment.HARDSHIP):
        return [] if facts.overdue else [{"code": "nothing_overdue"}]
    if segment is Segment.OPEN_PROBLEM:
        return [] if facts.disputes else [{"code": "no_open_disputes"}]
    if segment is Segment.UNTRACEABLE and facts.silent_days < rules.silent_days:
        return [{"code": "heard_of", "days": facts.silent_days}]
    return []


def _late(facts: Facts) -> dict[str, Any]:
    return {"code": "overdue", "count": facts.overdue, "days": facts.oldest_late}


# --------------------------------------------------------------------------- proposing


def propose_segments(
    session: Session, account: Account, *, today: date, now: datetime
) -> SegmentProposal | None:
    """Propose another segment where the books speak for one; a second call proposes nothing new.

    An older open proposal that the books no longer bear, or not in this way, is superseded. What was
    refused on the same evidence, and any account that a person moved, is left alone for some days.

    Args:
        account: locked by the caller.
        today: its business date.
    Returns:
        The proposal that is open now, or None.
    Source: policy segments.quiet_days.
    """
    policy = current_policy(session, now)
    rules = policy.segments
    found = judge(facts_of(session, account, today=today, rules=rules), rules, account.segment)
    older = open_proposal(session, account.id)
    if found is None or _is_quiet(session, account, found, rules, now):
        if older is not None:
            supersede(session, older, now=now)
        return None
    to, evidence = found
    if older is not None and older.to_segment is to and _same(older.evidence, evidence):
        return older
    if older is not None:
        supersede(session, older, now=now)
    return _propose(session, account, to, evidence, policy, now=now)


def _propose(
    session: Session, account: Account, to: Segment, evidence: Evidence, policy: Policy, *, now: datetime
) -> SegmentProposal:
    proposal = SegmentProposal(
        ref=new_ref(),
        account_id=account.id,
        status=SegmentStatus.PROPOSED,
        from_segment=account.segment,
        to_segment=to,
        evidence=evidence,
        policy_version_id=policy.version_id,
        proposed_at=now,
    )
    session.add(proposal)
    session.flush()
    record(
        session, SYSTEM, "segment.proposed", proposal, account_id=account.id, now=now, facts=spoken(proposal)
    )
    # The task names no segment: lists of tasks are read by many, difficulty by few.
    outbox.ask_person(
        session, TaskKind.CONFIRM_SEGMENT, task_key(proposal), account_id=account.id, facts={}, now=now
    )
    return proposal


def open_proposal(session: Session, account_id: int) -> SegmentProposal | None:
    """Return the proposal of an account that waits for a person."""
    return session.scalar(
        select(SegmentProposal).where(
            SegmentProposal.account_id == account_id, SegmentProposal.status == SegmentStatus.PROPOSED
        )
    )


def supersede(session: Session, proposal: SegmentProposal, *, now: datetime) -> None:
    """Let a proposal go that has lost its ground, with the task that asked for it."""
    advance(proposal, SegmentStatus.SUPERSEDED)
    proposal.decided_at = now
    record(
        session, SYSTEM, "segment.superseded", proposal, account_id=proposal.account_id, now=now,
        facts=spoken(proposal),
    )  # fmt: skip
    close_task(session, proposal, staff_id=None, now=now)
    session.flush()


def close_task(session: Session, proposal: SegmentProposal, *, staff_id: int | None, now: datetime) -> None:
    """Take the task of a proposal off the list, once it is decided."""
    task = session.scalar(select(Task).where(Task.key == task_key(proposal), Task.done_at.is_(None)))
    if task is not None:
        task.done_at, task.done_by_id = now, staff_id


def task_key(proposal: SegmentProposal) -> str:
    """Return the key of the task that asks for a decision."""
    return f"segment:{proposal.ref}"


def is_guarded(proposal: SegmentProposal) -> bool:
    """Whether it is about difficulty, which only those who may read it know of."""
    return Segment.HARDSHIP in (proposal.from_segment, proposal.to_segment)


def spoken(proposal: SegmentProposal) -> dict[str, Any]:
    """Return what many may read of a proposal: of difficulty nothing (domain.md, hardship)."""
    if is_guarded(proposal):
        return {}
    return {"from_segment": proposal.from_segment.value, "to_segment": proposal.to_segment.value}


def _same(one: Sequence[Mapping[str, Any]], other: Sequence[Mapping[str, Any]]) -> bool:
    """Whether two evidences say the same, but for numbers that grow by themselves.

    >>> _same([{"code": "silent", "days": 30}], [{"code": "silent", "days": 31}])
    True
    >>> _same([{"code": "broken_promises", "count": 2}], [{"code": "broken_promises", "count": 3}])
    False
    """

    def said(evidence: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        return [{k: v for k, v in row.items() if k not in _DRIFTING} for row in evidence]

    return said(one) == said(other)


def _is_quiet(
    session: Session, account: Account, found: tuple[Segment, Evidence], rules: SegmentRules, now: datetime
) -> bool:
    """Whether a person decided lately in a way that this proposal would only ask again."""
    decided = session.scalars(
        select(SegmentProposal).where(
            SegmentProposal.account_id == account.id,
            SegmentProposal.status.in_([SegmentStatus.CONFIRMED, SegmentStatus.REFUSED]),
            SegmentProposal.decided_at > now - timedelta(days=rules.quiet_days),
        )
    )
    to, evidence = found
    for past in decided:
        if past.status is SegmentStatus.REFUSED and past.to_segment is to and _same(past.evidence, evidence):
            return True
        if past.status is SegmentStatus.CONFIRMED and not past.evidence:
            return True  # moved by a person, for reasons that the books do not show
    return False


# --------------------------------------------------------------------------- daily


def concerned(session: Session, latest: date) -> Iterable[int]:
    """Return accounts of which the books may say something else than what they are.

    Candidates come from what happened, in a few statements; of those the facts are read in bulk.
    """
    rules = current_policy(session, _start(latest)).segments
    ids = sorted(set(session.scalars(_candidates(latest, rules))))
    found: list[int] = []
    for first in range(0, len(ids), CHUNK):
        part = ids[first : first + CHUNK]
        segments = {
            r.id: r.segment
            for r in session.execute(select(Account.id, Account.segment).where(Account.id.in_(part)))
        }
        waiting = set(session.scalars(_WAITING.where(SegmentProposal.account_id.in_(part))))
        facts = facts_of_many(session, part, today=latest, rules=rules)
        found += [
            one for one in part if one in waiting or judge(facts[one], rules, segments[one]) is not None
        ]
    return found


_WAITING = select(SegmentProposal.account_id).where(SegmentProposal.status == SegmentStatus.PROPOSED)


def _start(day: date, *, back: int = 0) -> datetime:
    return datetime.combine(day - timedelta(days=back), time(), UTC)


def _candidates(latest: date, rules: SegmentRules) -> CompoundSelect[Any]:
    """Accounts at which something happened that could speak for a change; each part has its index."""
    judged = Promise.judged_at >= _start(latest, back=rules.promise_days)
    defaulted = Interaction.occurred_at >= _start(latest, back=rules.promise_days)
    reminded = Message.sent_at >= _start(latest, back=rules.history_days)
    return union(
        _WAITING,
        select(Account.id).where(Account.segment.not_in([Segment.REMINDER, Segment.OWN_TERMS])),
        select(Dispute.account_id).where(Dispute.status.in_(HOLDING_DISPUTES)),
        select(Answer.account_id).where(
            Answer.kind == AnswerKind.HARDSHIP, Answer.given_at >= _start(latest, back=rules.hardship_days)
        ),
        select(Promise.account_id)
        .where(Promise.status == PromiseStatus.BROKEN, judged)
        .group_by(Promise.account_id)
        .having(func.count() >= rules.broken_promises),
        select(Interaction.account_id)
        .where(Interaction.kind == "plan.defaulted", defaulted)
        .group_by(Interaction.account_id)
        .having(func.count() >= rules.plan_defaults),
        select(Contact.account_id)
        .join(ReachEvent, ReachEvent.contact_id == Contact.id)
        .where(ReachEvent.event != ReachEventKind.REACHED, Contact.is_active),
        select(Message.account_id)
        .where(
            Message.purpose == Purpose.REMINDER,
            reminded,
            Message.account_id.in_(
                select(Invoice.account_id).where(
                    overdue_on(latest - timedelta(days=rules.ignored_days_late - 1))
                )
            ),
        )
        .group_by(Message.account_id)
        .having(func.count() >= rules.ignored_contacts),
        # A habit shows when money comes.
        select(Payment.account_id).where(Payment.received_at >= _start(latest, back=3)),
    )
