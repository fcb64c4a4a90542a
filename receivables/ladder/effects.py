"""What a rung does, effect by effect, in the transaction of its step.

Nothing leaves from here: messages are queued and ask the contact gate when their turn comes, letters wait
for the post, charges and hand-overs for a person. Each effect is named by its step, so that doing a step
twice does it once. Source: domain.md, "The ladder"; P-25.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from sqlalchemy.orm import Session

from models.accounts import Account
from models.costs import ChargeKind
from models.invoices import InvoiceKind
from models.ladder import LadderStep
from models.links import Channel
from models.messages import Purpose
from models.work import TaskKind
from receivables import outbox, task_links
from receivables.calendar_days import add_business_days, at_local
from receivables.contact import suppression
from receivables.contact.consents import address_of
from receivables.contact.readers import paying_contacts
from receivables.contact.rules import prefers_other
from receivables.contact.suppression import Word
from receivables.costs import charges
from receivables.errors import Refused
from receivables.flags import spoken
from receivables.handovers import placing
from receivables.ladder import letters
from receivables.ladder.evaluating import Due, Look, holds
from receivables.ladder.rungs import Act, Effect
from receivables.permissions import Actor
from receivables.policy import Policy
from receivables.post import queueing
from receivables.post.legal_steps import own_form

#: When a call is due that names no time of day.
MORNING = time(10)


@dataclass(frozen=True, slots=True)
class Doing:
    """One step being done: who does it, about whom, and what is due."""

    actor: Actor
    account: Account
    step: LadderStep
    due: Due
    policy: Policy
    now: datetime

    @property
    def key(self) -> str:
        """Names the step in what it causes."""
        return f"ladder:{self.step.id}"


def do(session: Session, doing: Doing, found: Look) -> list[str]:
    """Do every effect of the step's rung whose conditions hold and that nothing forbids.

    Returns:
        What was done or why not, in codes the pages word: "message:email", "call", "no_contact",
        "charge:interest", "letter:no_address", "message:flag:attorney", "call:person_first".
    """
    standing = suppression.of(found.flags)
    done: list[str] = []
    for effect in doing.due.rung.effects:
        if not holds(effect.when, found.debtor, doing.due.amount, doing.policy):
            continue
        kind = _asked_of_matrix(effect)
        word = standing.words[kind] if kind is not None else Word.ALLOWED
        if kind is not None and word is Word.BLOCKED:
            done.append(f"{effect.act.value}:{spoken(standing.why[kind][0])}")
        elif word is Word.TASK:
            _look_first(session, doing, effect)
            done.append(f"{effect.act.value}:person_first")
        else:
            try:
                with session.begin_nested():
                    done += _DOES[effect.act](session, doing, effect)
            except Refused as refused:
                done.append(f"{effect.act.value}:{refused.code}")
    return done or ["nothing"]


def _asked_of_matrix(effect: Effect) -> suppression.Act | None:
    """Which column of the suppression matrix an effect falls under; None for what stays in the house."""
    if effect.act is Act.LETTER:
        reminds = effect.detail == "official_letter"
        return suppression.Act.REMINDER if reminds else suppression.Act.ESCALATE
    return _COLUMNS.get(effect.act)


_COLUMNS: Mapping[Act, suppression.Act] = {
    Act.MESSAGE: suppression.Act.REMINDER,
    Act.OFFER: suppression.Act.REMINDER,
    Act.CALL: suppression.Act.CALL,
    Act.FEE: suppression.Act.CHARGES,
    Act.INTEREST: suppression.Act.CHARGES,
    Act.HOLD: suppression.Act.ESCALATE,
    Act.HAND_OVER: suppression.Act.ESCALATE,
}


def _look_first(session: Session, doing: Doing, effect: Effect) -> None:
    """Ask a person to look before what the matrix does not let go by itself."""
    outbox.ask_person(
        session, TaskKind.LADDER_CALL, f"{doing.key}:{effect.act.value}:first", account_id=doing.account.id,
        facts={"rung": doing.due.rung.code, "look_first": effect.act.value,
               "currency": doing.due.currency, "amount_minor": doing.due.amount.minor},
        now=doing.now,
    )  # fmt: skip


def _message(session: Session, doing: Doing, effect: Effect) -> list[str]:
    """One message for each paying contact and channel; the gate decides about each when it leaves.

    Who is of another kind hears of the same rung in other words (letters.spoken).
    """
    kind = letters.spoken(effect.detail, doing.account)
    told = _tell(session, doing, kind, map(Channel, effect.channels), {})
    return told or [_unreachable(session, doing)]


def _unreachable(session: Session, doing: Doing) -> str:
    """Who has nobody to write to is not passed over in silence: a person hears of it, once."""
    if not paying_contacts(session, doing.account):
        outbox.raise_alert(
            session, "nobody_to_tell", f"account:{doing.account.id}", account_id=doing.account.id,
            now=doing.now,
        )  # fmt: skip
    return "no_contact"


def _tell(
    session: Session, doing: Doing, kind: str, channels: Iterable[Channel], facts: Mapping[str, object]
) -> list[str]:
    """Queue a text for everybody who pays, by each channel that he has and likes."""
    wanted = list(channels)
    deadline = add_business_days(
        doing.step.business_on + timedelta(days=doing.policy.ladders.deadline_days), 0, doing.account.country
    )
    done = []
    for contact in paying_contacts(session, doing.account):
        for channel in wanted:
            if address_of(contact, channel) is None or prefers_other(session, contact, channel):
                continue
            outbox.enqueue(
                session, doing.actor, account=doing.account, contact=contact, channel=channel,
                purpose=Purpose.REMINDER, kind=kind,
                facts={"step_id": doing.step.id, "deadline_on": deadline.isoformat(), **facts},
                dedupe_key=f"{doing.key}:{kind}:{contact.id}:{channel.value}",
                currency=doing.due.currency, not_before=_moment(doing), now=doing.now,
            )  # fmt: skip
            done.append(f"message:{channel.value}")
    return done


def _moment(doing: Doing) -> datetime | None:
    """When a text of the rung may leave at the earliest: at its time of day, where it names one."""
    clock = doing.due.rung.at
    if clock is None:
        return None
    return max(at_local(doing.step.business_on, clock, doing.account.zone), doing.now)


def _task(kind: TaskKind) -> Callable[[Session, Doing, Effect], list[str]]:
    """An effect that asks a person, at the rung's time of day."""

    def ask(session: Session, doing: Doing, effect: Effect) -> list[str]:
        clock = doing.due.rung.at or MORNING
        task = outbox.ask_person(
            session, kind, f"{doing.key}:{kind.value}", account_id=doing.account.id, now=doing.now,
            facts={"rung": doing.due.rung.code, "currency": doing.due.currency,
                   "amount_minor": doing.due.amount.minor, "script": effect.detail},
        )  # fmt: skip
        task.due_at = max(at_local(doing.step.business_on, clock, doing.account.zone), doing.now)
        if kind is TaskKind.SALES:
            task.assigned_to_id = doing.account.salesperson_id
        elif kind is TaskKind.MANAGEMENT:
            task.assigned_to_id = doing.account.sponsor_id
        else:
            task.assigned_to_id = doing.account.collector_id
        if kind in (TaskKind.SALES, TaskKind.MANAGEMENT):
            task_links.mail_task(session, doing.account, task, now=doing.now)
        return [effect.act.value]

    return ask


def _letter(session: Session, doing: Doing, effect: Effect) -> list[str]:
    """A letter by post and by e-mail; without an address for the post it goes by e-mail alone."""
    try:
        with session.begin_nested():
            queueing.queue_letter(
                session, doing.actor, doing.account, kind=own_form(doing.account, effect.detail),
                currency=doing.due.currency, step=doing.step, now=doing.now,
            )  # fmt: skip
    except Refused as refused:
        if refused.code != "no_address" or effect.detail not in letters.LETTERS:
            raise
        said = {"next_step": doing.policy.letters.next_step}
        return ["letter:no_address", *_tell(session, doing, effect.detail, (Channel.EMAIL,), said)]
    return ["letter"]


def _charge(kind: ChargeKind) -> Callable[[Session, Doing, Effect], list[str]]:
    """An effect that proposes a charge of one kind, where policy, law and contract give one."""

    def ask(session: Session, doing: Doing, effect: Effect) -> list[str]:
        proposed = charges.propose_charges(
            session, doing.actor, doing.account, doing.due.currency, step=doing.step,
            kinds=frozenset({kind}), today=doing.step.business_on, now=doing.now,
        )  # fmt: skip
        return [f"charge:{charge.kind.value}" for charge in proposed] or [f"{effect.act.value}:none"]

    return ask


def _expire(session: Session, doing: Doing, effect: Effect) -> list[str]:
    """An order that is no longer kept: its customer hears so, and somebody lets the goods go."""
    ids = [f.invoice_id for f in doing.due.findings if f.row.kind == InvoiceKind.PREPAYMENT]
    told = _tell(session, doing, "prepayment_expired", (Channel.EMAIL,), {"invoice_ids": ids})
    return _task(TaskKind.PREPAYMENT_OVER)(session, doing, effect) + told


def _hand_over(session: Session, doing: Doing, effect: Effect) -> list[str]:
    """A case is put forward; where something stands in its way, a person hears what, or nobody would."""
    try:
        with session.begin_nested():
            placing.propose(
                session, doing.actor, doing.account, doing.due.currency, step=doing.step, now=doing.now,
                reason=f"rung:{doing.due.rung.code}",
            )  # fmt: skip
    except Refused as refused:
        if refused.code == "already_handed_over":
            raise
        outbox.ask_person(
            session, TaskKind.HAND_OVER, f"{doing.key}:hand_over", account_id=doing.account.id,
            facts={"currency": doing.due.currency, "amount_minor": doing.due.amount.minor,
                   "refused": refused.code, "reasons": list(refused.facts.get("reasons", ()))},
            now=doing.now,
        )  # fmt: skip
        return [f"hand_over:{refused.code}"]
    return ["hand_over"]


_DOES: Mapping[Act, Callable[[Session, Doing, Effect], list[str]]] = {
    Act.MESSAGE: _message,
    Act.CALL: _task(TaskKind.LADDER_CALL),
    Act.LETTER: _letter,
    Act.FEE: _charge(ChargeKind.FIXED_SUM),
    Act.INTEREST: _charge(ChargeKind.INTEREST),
    Act.HOLD: _task(TaskKind.HOLD_CREDIT),
    Act.SALES: _task(TaskKind.SALES),
    Act.MANAGEMENT: _task(TaskKind.MANAGEMENT),
    Act.OFFER: _task(TaskKind.MAKE_OFFER),
    Act.EXPIRE: _expire,
    Act.HAND_OVER: _hand_over,
}
