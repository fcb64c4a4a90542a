"""Steps of the ladder: met, proposed, decided, done; each once, whoever runs it and how often.

`climb` writes down in one unit of work what a look found: the rungs that documents met, where they stand
now, and one step for each account, currency and ladder that has something due. A step without a gate is
done in the same unit where the ladder acts by itself; every other waits for a person, who decides it as
it is then: what was paid, disputed or promised meanwhile is read again. Accounts are locked first, so a
second worker finds the work done. Source: decision 013; domain.md, "The ladder"; FT-18.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.base import new_ref
from models.bulk import among, pour
from models.ladder import LadderStep
from models.links import Channel
from models.staff import Role
from models.states import StepStatus, advance
from models.store import fetch
from receivables import bank_lines, outbox
from receivables.audit import record
from receivables.bank_lines import BANK_LINES
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.ladder import effects, positions
from receivables.ladder.choosing import ladders_in_force
from receivables.ladder.climbing import first_contact
from receivables.ladder.evaluating import Due, Look, look
from receivables.ladder.positions import Subject
from receivables.ladder.rungs import Act, Gate, Ladder, Rung
from receivables.permissions import SYSTEM, Actor, Permission, require
from receivables.policy import Policy, current_policy
from receivables.segments import sales
from receivables.switches import Switch, in_force

#: What is due at an account that nothing was said about yet.
_New = tuple[Look, Due]

_LOCKED = select(Account.id).where(among(Account.id)).order_by(Account.id).with_for_update()
_STEPS = select(LadderStep.id, LadderStep.account_id, LadderStep.currency, LadderStep.ladder).where(
    among(LadderStep.account_id), LadderStep.business_on == bindparam("day")
)
_UNDECIDED = select(
    LadderStep.id, LadderStep.account_id, LadderStep.currency, LadderStep.ladder, LadderStep.gate,
    LadderStep.held_back,
).where(among(LadderStep.account_id), LadderStep.status == StepStatus.PROPOSED)  # fmt: skip


@dataclass(slots=True)
class Climbed:
    """What one unit of work did: counts by what became of the steps, and rungs met."""

    looked_at: int = 0
    met: int = 0
    proposed: int = 0
    done: int = 0
    withdrawn: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)

    @property
    def messages(self) -> int:
        """How many messages were queued."""
        return sum(self.outcomes.get(f"message:{channel.value}", 0) for channel in Channel)

    def add(self, other: Climbed) -> None:
        """Count another unit's work too."""
        self.looked_at += other.looked_at
        self.met += other.met
        self.proposed += other.proposed
        self.done += other.done
        self.withdrawn += other.withdrawn
        for code, count in other.outcomes.items():
            self.outcomes[code] = self.outcomes.get(code, 0) + count


def climb(
    session: Session,
    account_ids: Sequence[int],
    *,
    ladders: Mapping[str, Ladder],
    policy: Policy,
    now: datetime,
    room: int | None = None,
) -> Climbed:
    """Let accounts climb on their business date.

    Args:
        account_ids: some thousands at most; they are locked in ascending order.
        room: how many more messages the ceiling of the day leaves; the step that reaches it still speaks
            to everybody it concerns. None is no ceiling.
    """
    locked = fetch(session, _LOCKED, {"ids": account_ids}).scalars().all()
    switch = in_force(session)
    looks = look(session, locked, ladders=ladders, policy=policy, now=now)
    climbed = Climbed(looked_at=len(looks))
    said = _steps_on(session, looks)
    if said:
        looks = [_unsaid(found, said) for found in looks]
    plain: list[_New] = []
    single: list[_New] = []
    for new in [(found, due) for found in looks for due in found.due]:
        if _subject(*new) not in said:
            (single if _acts(*new, switch, policy) else plain).append(new)
    newer = {_subject(*new) for new in (*plain, *single)}
    waiting = _waiting(session, looks)
    steps = _propose(session, plain, policy, now=now)
    climbed.proposed = len(steps)
    begun = _begin(session, single, policy, now=now)
    again = _again(session, looks, waiting, newer, ladders)
    accounts = _rows_of(session, [made.found.debtor.id for made in (*again, *begun)])
    for made in [*again, *begun]:
        account, step = accounts[made.found.debtor.id], made.step
        alone = _alone(made.found, made.due, switch)
        step.held_back = _held_back(session, account, made.due.rung, policy, climbed, room, now=now)
        if alone and step.held_back is None:
            advance(step, StepStatus.APPROVED)
            _act(session, SYSTEM, account, made, policy, now=now)
            climbed.done += 1
            for outcome in step.outcome:
                climbed.outcomes[outcome] = climbed.outcomes.get(outcome, 0) + 1
        elif not alone:
            step.held_back = None
    for made in begun:
        steps[_subject(made.found, made.due)] = made.step.id
        climbed.proposed += made.step.status is StepStatus.PROPOSED
    climbed.met = positions.write(session, looks, steps, now=now)
    climbed.withdrawn = _withdraw(session, looks, waiting, newer, now=now)
    if climbed.proposed:
        record(
            session, SYSTEM, "ladder.proposed", None, account_id=None, now=now,
            facts={"steps": climbed.proposed, "first": min(steps.values()), "last": max(steps.values())},
        )  # fmt: skip
    return climbed


def _alone(found: Look, due: Due, switch: Switch) -> bool:
    """Whether a step acts without anybody's word."""
    return due.rung.gate is Gate.NONE and switch.acts_alone(in_pilot=found.debtor.in_pilot)


def _acts(found: Look, due: Due, switch: Switch, policy: Policy) -> bool:
    """Whether there is more to do about a new step than to propose it: it acts, or sales hears of it."""
    noticed = due.rung.code in policy.segments.notice_rungs and found.debtor.salesperson_id is not None
    return noticed or _alone(found, due, switch)


@dataclass(frozen=True, slots=True)
class _Made:
    """A step with the look that it came from."""

    found: Look
    due: Due
    step: LadderStep


def _unsaid(found: Look, said: Collection[Subject]) -> Look:
    """A look without what would be a second step of the day: the documents meet their rung tomorrow."""
    over = {_subject(found, due) for due in found.due} & set(said)
    if not over:
        return found
    names = {(currency, name) for _, currency, name in over}
    return replace(
        found,
        due=tuple(due for due in found.due if (due.currency, due.ladder.name) not in names),
        meetings=tuple(
            m for m in found.meetings if (m.finding.row.currency, m.finding.ladder.name) not in names
        ),
    )


def _subject(found: Look, due: Due) -> Subject:
    return found.debtor.id, due.currency, due.ladder.name


def _steps_on(session: Session, looks: Iterable[Look]) -> dict[Subject, int]:
    """What was said or proposed on the days of these looks."""
    days = {found.debtor.id: found.today for found in looks if found.due}
    return {
        (r.account_id, r.currency, r.ladder): r.id
        for day in set(days.values())
        for r in fetch(session, _STEPS, {"ids": [one for one in days if days[one] == day], "day": day})
    }


def _propose(session: Session, new: Sequence[_New], policy: Policy, *, now: datetime) -> dict[Subject, int]:
    """Write new steps that wait for a person, all at once.

    Returns: their ids.
    """
    rows = [_values(found, due, policy, now=now) | {"ref": new_ref(), "version": 1} for found, due in new]
    if not rows:
        return {}
    pour(session, LadderStep, tuple(rows[0]), [tuple(row.values()) for row in rows])
    made = _steps_on(session, [found for found, _ in new])
    return {subject: made[subject] for subject in (_subject(*one) for one in new)}


def _begin(session: Session, new: Sequence[_New], policy: Policy, *, now: datetime) -> list[_Made]:
    """New steps with which something is to be done now."""
    made = [_Made(found, due, LadderStep(**_values(found, due, policy, now=now))) for found, due in new]
    session.add_all(one.step for one in made)
    session.flush()
    return made


def _values(found: Look, due: Due, policy: Policy, *, now: datetime) -> dict[str, Any]:
    return {
        "account_id": found.debtor.id, "currency": due.currency, "ladder": due.ladder.name,
        "ladder_version_id": due.ladder.version_id, "policy_version_id": policy.version_id,
        "rung": due.rung.code, "seq": due.rung.seq, "gate": due.rung.gate.value, "business_on": found.today,
        "status": StepStatus.PROPOSED, "amount_minor": due.amount.minor, "outcome": [], "made_at": now,
        "facts": {"invoices": [f.invoice_id for f in due.findings],
                  "oldest": max(f.age for f in due.findings)},
    }  # fmt: skip


def _act(
    session: Session, actor: Actor, account: Account, made: _Made, policy: Policy, *, now: datetime
) -> None:
    """Do an approved step with the amounts of this moment, and write down what came of it."""
    step, due = made.step, made.due
    step.outcome = effects.do(session, effects.Doing(actor, account, step, due, policy, now), made.found)
    step.amount_minor, step.done_at = due.amount.minor, now
    advance(step, StepStatus.DONE)
    _moved(session, actor, step, now=now)
    outbox.note(
        session, account.id, "ladder.step", now=now, staff_id=actor.id,
        facts={"step": step.id, "rung": step.rung, "outcome": step.outcome, "currency": step.currency},
    )  # fmt: skip


def _moved(session: Session, actor: Actor, step: LadderStep, *, now: datetime) -> None:
    record(
        session, actor, "ladder_step.moved", step, account_id=step.account_id, now=now, reason=step.reason,
        facts={"to": step.status.value, "rung": step.rung, "outcome": list(step.outcome)},
    )  # fmt: skip


def _rows_of(session: Session, account_ids: Sequence[int]) -> dict[int, Account]:
    """The accounts about which something is to be done."""
    rows = session.scalars(select(Account).where(Account.id.in_(account_ids)))
    return {account.id: account for account in rows}


def _waiting(session: Session, looks: Sequence[Look]) -> Sequence[Any]:
    """What was proposed before and not decided yet."""
    return fetch(session, _UNDECIDED, {"ids": [found.debtor.id for found in looks]}).all()


def _steps_of(session: Session, step_ids: Sequence[int]) -> Sequence[LadderStep]:
    return session.scalars(
        select(LadderStep).where(among(LadderStep.id)).order_by(LadderStep.id), {"ids": step_ids}
    ).all()


def _again(
    session: Session,
    looks: Sequence[Look],
    waiting: Iterable[Any],
    newer: Collection[Subject],
    ladders: Mapping[str, Ladder],
) -> list[_Made]:
    """Steps that were held back on another day and whose turn it is; what is new speaks for them too."""
    found = {one.debtor.id: one for one in looks}
    held = [r.id for r in waiting if r.held_back and (r.account_id, r.currency, r.ladder) not in newer]
    made = []
    for step in _steps_of(session, held) if held else ():
        one = found[step.account_id]
        due = _still_due(step, one, ladders)
        if due is not None and one.today > step.business_on:
            step.business_on = one.today
            made.append(_Made(one, due, step))
    return made


def _held_back(
    session: Session,
    account: Account,
    rung: Rung,
    policy: Policy,
    climbed: Climbed,
    room: int | None,
    *,
    now: datetime,
) -> str | None:
    """Why a rung has to wait for another day; its salesperson hears of a firm one first."""
    firm = rung.code in policy.segments.notice_rungs
    if firm and not sales.notice_given(session, account, rung.code, now=now):
        sales.give_notice(session, account, rung.code, now=now)
        return "sales_notice"
    speaks = any(effect.act is Act.MESSAGE for effect in rung.effects)
    return "ceiling" if speaks and room is not None and climbed.messages >= room else None


def _withdraw(
    session: Session,
    looks: Sequence[Look],
    waiting: Sequence[Any],
    newer: Collection[Subject],
    *,
    now: datetime,
) -> int:
    """Withdraw what nothing is asked for any more, and reminders in whose place a later one stands."""
    asked = {
        (found.debtor.id, f.row.currency, f.ladder.name)
        for found in looks
        for f in found.findings
        if f.waits_for in (None, "top", BANK_LINES)
    }
    over = {}
    for r in waiting:
        subject = (r.account_id, r.currency, r.ladder)
        if subject not in asked:
            over[r.id] = "over"
        elif subject in newer and r.gate == Gate.NONE:
            over[r.id] = "superseded"
    count = 0
    for step in _steps_of(session, list(over)) if over else ():
        if step.status is not StepStatus.PROPOSED:
            continue
        step.outcome, step.held_back = [over[step.id]], None
        advance(step, StepStatus.WITHDRAWN)
        _moved(session, SYSTEM, step, now=now)
        count += 1
    return count


def decide(
    session: Session, actor: Actor, step_ref: str, *, approve: bool, now: datetime, reason: str = ""
) -> LadderStep:
    """Let a proposed step be done, or not.

    Args:
        reason: needed for a no.
    Returns:
        The step: done, withdrawn because nothing is asked for any more, or refused.
    Raises:
        NotFound: there is no such step.
        NotAllowed: its gate asks for a supervisor.
        Refused: `step_decided` already; `reason_missing`; `sales_notice`: the salesperson hears of it
            one business day before; `bank_lines_behind`: nobody knows whether it is paid.
    """
    require(actor, Permission.LADDER_DECIDE)
    step = session.scalar(select(LadderStep).where(LadderStep.ref == step_ref))
    if step is None:
        raise NotFound("not_found")
    account = session.get_one(Account, step.account_id, with_for_update=True)
    session.refresh(step)
    if step.status is not StepStatus.PROPOSED:
        raise Refused("step_decided", status=step.status.value)
    if step.gate == Gate.SUPERVISOR and actor.role is not Role.SUPERVISOR:
        raise NotAllowed("not_allowed", permission="supervisor")
    if not approve and not reason.strip():
        raise Refused("reason_missing")
    if approve and not sales.notice_given(session, account, step.rung, now=now):
        raise Refused("sales_notice")
    if approve and _is_firm(step, ladders_in_force(session, now)):
        bank_lines.refuse_behind(session, account, now=now)
    step.decided_by_id, step.decided_at, step.reason = actor.id, now, reason.strip() or None
    if not approve:
        advance(step, StepStatus.REFUSED)
        _moved(session, actor, step, now=now)
        return step
    policy = current_policy(session, now)
    ladders = ladders_in_force(session, now)
    found = look(session, [account.id], ladders=ladders, policy=policy, now=now)[0]
    due = _still_due(step, found, ladders)
    if due is None:
        step.outcome = ["over"]
        advance(step, StepStatus.WITHDRAWN)
        _moved(session, actor, step, now=now)
        return step
    advance(step, StepStatus.APPROVED)
    _act(session, actor, account, _Made(found, due, step), policy, now=now)
    return step


def _is_firm(step: LadderStep, ladders: Mapping[str, Ladder]) -> bool:
    """Whether a step is of a rung beyond the first reminder."""
    return step.seq > first_contact(ladders[step.ladder])


def _still_due(step: LadderStep, found: Look, ladders: Mapping[str, Ladder]) -> Due | None:
    """What the step is about as it stands now; None when nothing of it is asked for any more."""
    ladder = ladders[step.ladder]
    rung = ladder.rung(step.rung)
    findings = tuple(
        f
        for f in found.findings
        if f.row.currency == step.currency and f.ladder.name == step.ladder and f.waits_for in (None, "top")
        and (f.invoice_id in step.facts["invoices"] or (f.is_due and rung.day >= 0))
    )  # fmt: skip
    if not findings:
        return None
    amount = findings[0].row.asked
    for finding in findings[1:]:
        amount = amount + finding.row.asked
    return Due(step.currency, ladder, rung, amount, findings)
