"""The one gate before anything is sent: may we contact this person now? (C-01, decision 18)

Called at send time by the worker, and by the call screen. Hours and caps bind reminders; receipts,
codes, answers, fresh links and opt-out confirmations answer the reader's own act. Notices of a
running arrangement keep hours and opt-outs, not the caps. Flags bind by the suppression matrix, all
but receipts. *Stop all sending* holds back what chases, reminders and notices of arrangements,
queued ones included; what answers the reader's own act goes on (decision 22).

Gathering and judging are apart: `judge` is pure, so that a stored decision can be given again (C-04).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.links import Channel
from models.messages import ContactLedger, Message, Purpose
from receivables.calendar_days import local_time, next_local
from receivables.contact import suppression
from receivables.contact.gathering import CHASING, Addresses, Question, gather
from receivables.contact.inputs import CALL, Inputs
from receivables.contact.rule_rows import Binding, Window, current_rules, narrowest
from receivables.contact.suppression import Act, Word
from receivables.policy import Policy

#: How far ahead the next moment is looked for: hours that suit several zones come daily or never.
_AHEAD = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Decision:
    """Allowed, or why not; `next_at` when only the hour is wrong.

    Reasons are codes that the desk words: no_address, contact_inactive, flag:<kind>, opted_out,
    paused:<reason>, outside_hours, already_today, colleague_only, other_channel; sending_stopped,
    dead_address, needs_opt_in, cap:<channel, calls or all>, quiet_after_talk, no_calls.

    Attributes:
        cautions: what a person looks at before he rings up, and what had to be guessed
            (unknown_zone); they stop nothing.
        inputs: what it was made from.
        binding: the rules that bound it.
    """

    reasons: tuple[str, ...]
    next_at: datetime | None
    business_on: date
    cautions: tuple[str, ...] = ()
    inputs: Inputs | None = field(default=None, compare=False, repr=False)
    binding: Binding | None = field(default=None, compare=False, repr=False)
    rules_version_id: int | None = field(default=None, compare=False)

    @property
    def allowed(self) -> bool:
        return not self.reasons


def may_contact(
    session: Session,
    account: Account,
    contact: Contact,
    *,
    channel: Channel,
    purpose: Purpose,
    currency: str | None,
    policy: Policy,
    now: datetime,
    message_id: int | None = None,
    address: str | None = None,
) -> Decision:
    """Decide whether one message may leave now.

    Args:
        message_id: a message whose own earlier claim does not stand against it.
        address: where a code goes that proves an address not on file yet.
        currency: of a reminder; its cap is one a (contact, channel, currency, business date).
    Returns:
        The decision with every reason that stands against it.
    """
    question = Question(account, contact, channel, purpose, currency, message_id, address)
    return may_contact_each(session, [question], policy=policy, now=now)[0]


def may_contact_each(
    session: Session, questions: Sequence[Question], *, policy: Policy, now: datetime
) -> list[Decision]:
    """Decide about many messages as `may_contact` does about one, in the statements of one.

    Args:
        questions: of reminders at most one for each account: the next one counts after its claim.
    """
    rules = current_rules(session, now)
    hours = {question.contact.id: hours_of(question.contact, policy) for question in questions}
    return [
        replace(judge(known, binding), rules_version_id=rules.version_id)
        for known, binding in gather(session, questions, rules, hours, now=now)
    ]


def judge(known: Inputs, binding: Binding) -> Decision:
    """Give the answer that follows from what is known and what binds; asks nobody and nothing else."""
    act = Act.CALL if known.channel == CALL else _act_of(Purpose(known.purpose))
    is_reminder = known.purpose == Purpose.REMINDER
    reasons: list[str] = []
    if not known.addressed:
        reasons.append("no_address")
    if not known.active and not known.unfiled:
        reasons.append("contact_inactive")
    cautions = [] if known.zone_known else ["unknown_zone"]
    if act is not None:
        _weigh(known, act, reasons, cautions)
    if known.forwarded and (act is Act.CALL or known.purpose in CHASING):
        reasons.append("colleague_only")
    if _asks_consent(known) and (known.opted_out or known.opted_out_elsewhere):
        reasons.append("opted_out")
    if is_reminder and known.channel in binding.opt_in and not known.opted_in:
        reasons.append("needs_opt_in")
    if known.dead:
        reasons.append("dead_address")
    if known.no_calls:
        reasons.append("no_calls")
    reasons += [f"paused:{reason}" for reason in known.pauses if _stops(reason, act)]
    cautions += [f"paused:{reason}" for reason in known.pauses if not _stops(reason, act)]
    if known.prefers_other:
        reasons.append("other_channel")
    if known.claimed_today:
        reasons.append("already_today")
    reasons += _used_up(known, binding)
    if known.stopped:
        reasons.append("sending_stopped")
    next_at = None
    if act is Act.CALL or known.purpose in CHASING:
        hours = narrowest([_window(known.house_window), binding.window])
        if not _in_all(known, hours, known.at) and not known.asked_for:
            next_at = _next_hour(known, hours) if not reasons else None
            reasons.append("outside_hours")
    return Decision(tuple(reasons), next_at, known.today, tuple(cautions), known, binding)


def _act_of(purpose: Purpose) -> Act | None:
    """Which column of the matrix a message stands in; None: nothing there binds it."""
    if purpose is Purpose.RECEIPT:
        return None
    return Act.REMINDER if purpose in CHASING else Act.ANSWER


def _weigh(known: Inputs, act: Act, reasons: list[str], cautions: list[str]) -> None:
    """Add what the flags say: a message never leaves by itself where a person has to look first; a
    person who rings up is told what to look at."""
    for kind in known.flags:
        word = suppression.word(kind, act)
        if word is Word.BLOCKED or (word is Word.TASK and act is not Act.CALL):
            reasons.append(f"flag:{kind}")
        elif word is Word.TASK:
            cautions.append(f"flag:{kind}")
    cautions += [f"paused:{reason}" for reason in known.beside]


def _stops(reason: str, act: Act | None) -> bool:
    return act is not Act.CALL or suppression.word(reason, act) is Word.BLOCKED


def _used_up(known: Inputs, binding: Binding) -> list[str]:
    """Caps that leave nothing, and the quiet days after a talk."""
    counts = known.counts or {}
    found = [f"cap:{cap.what}" for cap in binding.caps if counts.get(str(cap), 0) >= cap.most]
    # The day of the talk is day 1 (policy row 2).
    since = (known.today - known.talked_on).days if known.talked_on is not None else None
    if since is not None and since < binding.quiet_after_talk_days:
        found.append("quiet_after_talk")
    return list(dict.fromkeys(found))


def _asks_consent(known: Inputs) -> bool:
    """Whether a no to reminders binds this: what chases, and an answer to a colleague."""
    return known.purpose in CHASING or (known.forwarded and known.purpose == Purpose.ANSWER)


# --------------------------------------------------------------------------- hours


def hours_of(contact: Contact, policy: Policy) -> dict[str, Any]:
    """The part of the inputs that says when: the house's hours and the contact's own quiet ones."""
    quiet = (contact.quiet_from, contact.quiet_to)
    return {
        "house_window": (policy.contact_from.isoformat("minutes"), policy.contact_to.isoformat("minutes")),
        "quiet": (quiet[0], quiet[1]) if quiet[0] is not None and quiet[1] is not None else None,
    }


def in_hours(contact: Contact, clock: time, policy: Policy) -> bool:
    """Whether a wall-clock time is inside the house's window and outside the contact's quiet hours."""
    if not policy.contact_from <= clock < policy.contact_to:
        return False
    if contact.quiet_from is None or contact.quiet_to is None:
        return True
    return not _within(_window((contact.quiet_from, contact.quiet_to)), clock)


def _window(pair: Sequence[str]) -> Window:
    return time.fromisoformat(pair[0]), time.fromisoformat(pair[1])


def _within(window: Window, clock: time) -> bool:
    """Whether a time lies in a window; one that ends before it starts goes over midnight."""
    start, end = window
    return start <= clock < end if start <= end else clock >= start or clock < end


def _in_all(known: Inputs, hours: Window | None, moment: datetime) -> bool:
    """Whether a moment suits every place where the clock may stand (C-03)."""
    for zone in known.zones:
        clock = local_time(moment, zone)
        if hours is not None and not hours[0] <= clock < hours[1]:
            return False
        if known.quiet is not None and _within(_window(known.quiet), clock):
            return False
    return True


def _next_hour(known: Inputs, hours: Window | None) -> datetime | None:
    """The next moment inside the hours: somewhere the window opens, or the quiet hours end; None: never."""
    opens = [hours[0]] if hours is not None else []
    opens += [_window(known.quiet)[1]] if known.quiet is not None else []
    moments: list[datetime] = []
    for zone in known.zones:
        for clock in opens:
            moment = next_local(known.at, clock, zone)
            moments += [moment, next_local(moment, clock, zone)]
    return min((m for m in moments if m <= known.at + _AHEAD and _in_all(known, hours, m)), default=None)


# --------------------------------------------------------------------------- the books


def prefers_other(session: Session, contact: Contact, channel: Channel) -> bool:
    """Whether the contact chose another channel for reminders, and can be reached there."""
    if contact.preferred_channel in (None, channel.value):
        return False
    return Addresses(session, [contact]).prefers_other(contact, channel)


def take_turn(session: Session, account_id: int) -> None:
    """Wait until no other worker decides about this account: caps are counted and claimed in one go (C-02).

    Taken before any message of the account is locked, so that nobody waits in a ring.
    """
    take_turns(session, [account_id])


def take_turns(session: Session, account_ids: Collection[int]) -> list[Account]:
    """Take the turns of several accounts, always in one order; returns them as they are now."""
    return list(
        session.scalars(
            select(Account)
            .where(Account.id.in_(account_ids))
            .order_by(Account.id)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
    )


def claim(session: Session, message: Message, decision: Decision, *, now: datetime) -> ContactLedger:
    """Claim the day for one reminder before it leaves; the claim counts whatever becomes of it (C-02).

    Returns:
        The claim; the message's own of that day when it is tried again.
    Raises:
        IntegrityError: another worker has claimed the same day; nothing may be sent.
    """
    return claim_each(session, [(message, decision)], now=now)[0]


def claim_each(
    session: Session, reminders: Sequence[tuple[Message, Decision]], *, now: datetime
) -> list[ContactLedger]:
    """Claim the days of several reminders as `claim` does for one."""
    asked = select(ContactLedger).where(ContactLedger.message_id.in_([m.id for m, _ in reminders]))
    known = {(row.message_id, row.business_on): row for row in session.scalars(asked)} if reminders else {}
    rows = []
    for message, decision in reminders:
        row = known.get((message.id, decision.business_on)) or ContactLedger(
            contact_id=message.contact_id,
            account_id=message.account_id,
            channel=message.channel,
            currency=message.currency or "",
            business_on=decision.business_on,
            step=message.kind,
            cycle=decision.business_on.isoformat(),
            message_id=message.id,
            claimed_at=now,
        )
        session.add(row)
        rows.append(row)
    session.flush()
    return rows
