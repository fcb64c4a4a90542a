"""Steps of the ladder: met, proposed, decided, done; each once, whoever runs it and how often.

`climb` writes down in one unit of work what a look found: the rungs that documents met, where they stand
now, and one step for each account, currency and ladder that has something due. A step without a gate is
done in the same unit where the ladder acts by itself; every other waits for a person, who decides it as
it is then: what was paid, disputed or promised meanwhile is read again. Accounts are locked first, so a
second worker finds the work done. Source: decision 013; domain.md, "The ladder"; FT-18.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from models.accounts import Account
from models.ladder import LadderMeeting, LadderPosition, LadderStep, Met
from models.staff import Role
from models.states import StepStatus, advance
from receivables import outbox
from receivables.audit import record
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.ladder import effects
from receivables.ladder.choosing import ladders_in_force
from receivables.ladder.evaluating import CLOSED, Due, Finding, Look, Meeting, look
from receivables.ladder.rungs import Act, Gate, Ladder
from receivables.ladder.switches import in_force
from receivables.permissions import SYSTEM, Actor, Permission, require
from receivables.policy import Policy, current_policy

#: What a position remembers, in the order in which a look reads it.
_KEPT = ("ladder", "cycle", "seq", "met_on", "next_rung", "next_on", "waits_for")


@dataclass(slots=True)
class Climbed:
    """What one unit of work did: counts by what became of the steps, and rungs met."""

    looked_at: int = 0
    met: int = 0
    proposed: int = 0
    done: int = 0
    withdrawn: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)

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
        account_ids: some hundreds at most; they are locked in ascending order.
        room: how many more steps with messages may be done today; None is no ceiling.
    """
    locked = session.scalars(
        select(Account.id).where(Account.id.in_(account_ids)).order_by(Account.id).with_for_update()
    ).all()
    switch = in_force(session)
    looks = look(session, locked, ladders=ladders, policy=policy, now=now)
    climbed = Climbed(looked_at=len(looks))
    accounts = _rows_of(session, [found.debtor.id for found in looks if found.due])
    said = _said(session, looks)
    new = [
        _Made(found, due, _new_step(found, due, policy, now=now))
        for found in looks
        for due in found.due
        if (found.debtor.id, due.currency, due.ladder.name, found.today) not in said
    ]
    session.add_all(made.step for made in new)
    session.flush()
    for made in new:
        account, step = accounts[made.found.debtor.id], made.step
        speaks = any(effect.act is Act.MESSAGE for effect in made.due.rung.effects)
        held = speaks and room is not None and climbed.done >= room
        alone = made.due.rung.gate is Gate.NONE and switch.acts_alone(in_pilot=account.in_pilot)
        if alone and not held:
            advance(step, StepStatus.APPROVED)
            _act(session, SYSTEM, account, made, policy, now=now)
            climbed.done += 1
            for outcome in step.outcome:
                climbed.outcomes[outcome] = climbed.outcomes.get(outcome, 0) + 1
        else:
            step.outcome = ["ceiling"] if alone else []
            climbed.proposed += 1
    steps = {(made.found.debtor.id, made.due.currency, made.due.ladder.name): made.step for made in new}
    meetings = [row for found in looks for row in _meetings(found, steps)]
    if meetings:
        session.connection().execute(insert(LadderMeeting), meetings)
    climbed.met = len(meetings)
    climbed.withdrawn = _withdraw(session, looks, now=now)
    _write_positions(session, [row for found in looks for row in _positions(found)], now=now)
    _close(session, [invoice_id for found in looks for invoice_id in found.closed], now=now)
    if climbed.proposed:
        record(
            session, SYSTEM, "ladder.proposed", None, account_id=None, now=now,
            facts={"steps": climbed.proposed, "first": new[0].step.id, "last": new[-1].step.id},
        )  # fmt: skip
    return climbed


@dataclass(frozen=True, slots=True)
class _Made:
    """A step with the look that it came from."""

    found: Look
    due: Due
    step: LadderStep


def _said(session: Session, looks: Iterable[Look]) -> set[tuple[int, str, str, date]]:
    """What was said or proposed already on the days of these looks."""
    days = {found.debtor.id: found.today for found in looks if found.due}
    if not days:
        return set()
    rows = session.execute(
        select(LadderStep.account_id, LadderStep.currency, LadderStep.ladder, LadderStep.business_on).where(
            LadderStep.account_id.in_(days), LadderStep.business_on.in_(set(days.values()))
        )
    )
    return {(r.account_id, r.currency, r.ladder, r.business_on) for r in rows}


def _new_step(found: Look, due: Due, policy: Policy, *, now: datetime) -> LadderStep:
    return LadderStep(
        account_id=found.debtor.id, currency=due.currency, ladder=due.ladder.name,
        ladder_version_id=due.ladder.version_id, policy_version_id=policy.version_id, rung=due.rung.code,
        seq=due.rung.seq, gate=due.rung.gate.value, business_on=found.today, status=StepStatus.PROPOSED,
        amount_minor=due.amount.minor, outcome=[], made_at=now,
        facts={"invoices": [f.invoice_id for f in due.findings if f.waits_for is None],
               "oldest": max(f.age for f in due.findings)},
    )  # fmt: skip


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


def _meetings(found: Look, steps: Mapping[tuple[int, str, str], LadderStep]) -> Iterable[dict[str, Any]]:
    """Which rung each document met, a row each; a document that met one twice is a fault and fails."""
    for meeting in found.meetings:
        finding = meeting.finding
        step = steps.get((found.debtor.id, finding.row.currency, finding.ladder.name))
        yield {
            "invoice_id": finding.invoice_id, "cycle": finding.position.cycle, "rung": meeting.rung.code,
            "met_on": found.today, "how": meeting.how, "why": meeting.why,
            "step_id": step.id if step is not None and meeting.how is not Met.PASSED else None,
        }  # fmt: skip


def _positions(found: Look) -> Iterable[dict[str, Any]]:
    """Where each document of an account stands after this look: those rows that are new or differ."""
    met = {meeting.finding.invoice_id: meeting for meeting in found.meetings}
    for finding in found.findings:
        row = _position(found, finding, met.get(finding.invoice_id))
        if tuple(row[name] for name in _KEPT) != finding.stored:
            yield row | {"invoice_id": finding.invoice_id, "account_id": found.debtor.id}


def _position(found: Look, finding: Finding, meeting: Meeting | None) -> dict[str, Any]:
    place = {"ladder": finding.ladder.name, "cycle": finding.position.cycle}
    if meeting is None:
        return place | {
            "seq": finding.position.seq, "met_on": finding.position.met_on,
            "next_rung": finding.rung.code if finding.rung else None,
            "next_on": finding.on or finding.until, "waits_for": finding.waits_for,
        }  # fmt: skip
    coming = finding.after(meeting.rung.seq, country=found.debtor.country, today=found.today)
    return place | {
        "seq": meeting.rung.seq, "met_on": found.today,
        "next_rung": coming.rung.code if coming else None, "next_on": coming.on if coming else None,
        "waits_for": None if coming else "top",
    }  # fmt: skip


def _write_positions(session: Session, rows: Sequence[dict[str, Any]], *, now: datetime) -> None:
    """Insert or renew positions, one statement for all of them."""
    if not rows:
        return
    dialect = postgresql if session.connection().dialect.name == "postgresql" else sqlite
    put = dialect.insert(LadderPosition)
    names = [*_KEPT, "account_id", "looked_at"]
    session.connection().execute(
        put.on_conflict_do_update(
            index_elements=["invoice_id"], set_={name: put.excluded[name] for name in names}
        ),
        [row | {"looked_at": now} for row in rows],
    )


def _close(session: Session, invoice_ids: Sequence[int], *, now: datetime) -> None:
    """Let the positions of documents that are not open any more rest."""
    if invoice_ids:
        session.execute(
            update(LadderPosition)
            .where(LadderPosition.invoice_id.in_(invoice_ids))
            .values(next_rung=None, next_on=None, waits_for=CLOSED, looked_at=now)
            .execution_options(synchronize_session=False)
        )


def _rows_of(session: Session, account_ids: Sequence[int]) -> dict[int, Account]:
    """The accounts about which something is to be done."""
    rows = session.scalars(select(Account).where(Account.id.in_(account_ids)))
    return {account.id: account for account in rows}


def _withdraw(session: Session, looks: Sequence[Look], *, now: datetime) -> int:
    """Withdraw what nothing is asked for any more: paid, disputed, promised."""
    asked = {
        (found.debtor.id, f.row.currency, f.ladder.name)
        for found in looks
        for f in found.findings
        if f.waits_for in (None, "top")
    }
    waiting = session.execute(
        select(LadderStep.id, LadderStep.account_id, LadderStep.currency, LadderStep.ladder).where(
            LadderStep.account_id.in_([found.debtor.id for found in looks]),
            LadderStep.status == StepStatus.PROPOSED,
        )
    )
    over = [r.id for r in waiting if (r.account_id, r.currency, r.ladder) not in asked]
    for step_id in over:
        step = session.get_one(LadderStep, step_id)
        step.outcome = ["over"]
        advance(step, StepStatus.WITHDRAWN)
        _moved(session, SYSTEM, step, now=now)
    return len(over)


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
        Refused: `step_decided` already; `reason_missing`.
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


def _still_due(step: LadderStep, found: Look, ladders: Mapping[str, Ladder]) -> Due | None:
    """What the step is about as it stands now; None when nothing of it is asked for any more."""
    findings = tuple(
        f
        for f in found.findings
        if f.row.currency == step.currency and f.ladder.name == step.ladder and f.waits_for in (None, "top")
    )
    if not findings:
        return None
    ladder = ladders[step.ladder]
    amount = findings[0].row.asked
    for finding in findings[1:]:
        amount = amount + finding.row.asked
    return Due(step.currency, ladder, ladder.rung(step.rung), amount, findings)
