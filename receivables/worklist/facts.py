"""What happened at accounts that makes a day dearer or cheaper, read for many of them at once.

A fixed number of statements for each chunk; what is asked for is `invoices`' own answer, so the worklist
and the debtor see one number. Of difficulty that was told nothing is read here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Executable, bindparam, func, select
from sqlalchemy.orm import Session

from models.accounts import Account, AccountFlag, FlagKind, Segment
from models.arrangements import CreditHold, Instalment, Plan, Promise
from models.base import UTCDateTime
from models.bulk import among
from models.disputes import Dispute
from models.invoices import Invoice
from models.ladder import LadderPosition
from models.links import Link, LinkSession
from models.messages import CallAttempt, Message
from models.states import RUNNING_PLANS, HoldStatus, InstalmentStatus, MessageStatus, PromiseStatus
from models.store import fetch
from models.work import Interaction, Task, TaskKind
from models.worklist import WorklistSkip
from receivables import bank_lines, invoices, pauses
from receivables.calendar_days import business_date, days_late
from receivables.invoices import OpenDocument
from receivables.pauses import Standing
from receivables.policy import Policy

#: Tasks that are work of whoever chases, and so the next step of an account; difficulty has its own readers.
NEXT_TASKS = (
    TaskKind.CALL_BACK, TaskKind.LADDER_CALL, TaskKind.PROMISE_BROKEN, TaskKind.PLAN_TROUBLE,
    TaskKind.READ_REPLY, TaskKind.DISPUTE, TaskKind.MAKE_OFFER, TaskKind.HOLD_CREDIT, TaskKind.TRACE,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened in one currency, or in all of them (None)."""

    code: str
    at: date
    currency: str | None = None
    minor: int = 0
    said: str = ""
    #: When we learned of it; None where it is no news.
    known_at: datetime | None = None


@dataclass(slots=True)
class Known:
    """What is known of one account on its day."""

    id: int
    today: date
    zone: str
    creditor_id: int
    collector_id: int | None
    segment: Segment
    language: str
    agreed_days: int
    documents: Sequence[OpenDocument] = ()
    disputed: dict[str, int] = field(default_factory=dict)
    pauses: Sequence[Standing] = ()
    #: Facts that bind what we may do, whichever they are.
    bound: bool = False
    on_hold: bool = False
    bank_behind: bool = False
    happened: list[Moment] = field(default_factory=list)
    #: How many promises were broken in the time that segments look at, by currency.
    broken: dict[str, int] = field(default_factory=dict)
    #: (kind, due, made) of open tasks of those who chase, (rung, day, currency) of the ladder.
    tasks: list[tuple[TaskKind, datetime, datetime]] = field(default_factory=list)
    rungs: list[tuple[str, date, str]] = field(default_factory=list)
    #: The last call that was tried: when, whether somebody was spoken to, what came of it.
    call: tuple[datetime, bool, str] | None = None
    touched_at: datetime | None = None
    skipped: tuple[date, datetime] | None = None

    def overdue(self) -> Mapping[str, list[tuple[OpenDocument, int]]]:
        """Return what is overdue by the account's own terms, with its days late, by currency."""
        found: defaultdict[str, list[tuple[OpenDocument, int]]] = defaultdict(list)
        for document in self.documents:
            if document.due_on is None:
                continue
            late = days_late(document.due_on + timedelta(days=self.agreed_days), self.today)
            if late > 0:
                found[document.currency].append((document, late))
        return found


_ACCOUNTS = select(
    Account.id, Account.zone, Account.creditor_id, Account.collector_id, Account.segment, Account.language,
    Account.agreed_days,
).where(among(Account.id)).order_by(Account.id)  # fmt: skip
_DISPUTED = (
    select(Dispute.account_id, Dispute.currency, func.sum(Dispute.contested_minor))
    .where(among(Dispute.account_id), Dispute.holds)
    .group_by(Dispute.account_id, Dispute.currency)
)
_SINCE = bindparam("since", type_=UTCDateTime())
_SETTLED = (
    select(
        Dispute.account_id, Dispute.currency, func.max(Dispute.resolved_at), func.sum(Dispute.credited_minor)
    )
    .where(among(Dispute.account_id), Dispute.resolved_at >= _SINCE)
    .group_by(Dispute.account_id, Dispute.currency)
)
_OPEN_PROMISES = select(
    Promise.account_id, Promise.currency, Promise.promised_on, Promise.amount_minor
).where(among(Promise.account_id), Promise.status == PromiseStatus.OPEN)
_BROKEN = (
    select(Promise.account_id, Promise.currency, Promise.promised_on, Promise.amount_minor, Promise.judged_at)
    .where(among(Promise.account_id), Promise.status == PromiseStatus.BROKEN, Promise.judged_at >= _SINCE)
    .order_by(Promise.judged_at)
)
_MISSED = (
    select(Plan.account_id, Plan.currency, func.min(Instalment.due_on), func.sum(Instalment.amount_minor))
    .join(Plan, Plan.id == Instalment.plan_id)
    .where(
        among(Plan.account_id), Plan.status.in_(RUNNING_PLANS), Instalment.status == InstalmentStatus.MISSED
    )
    .group_by(Plan.account_id, Plan.currency)
)
_TASKS = (
    select(Task.account_id, Task.kind, Task.due_at, Task.created_at)
    .where(among(Task.account_id), Task.done_at.is_(None), Task.kind.in_(NEXT_TASKS))
    .order_by(Task.due_at)
)
_RUNGS = (
    select(LadderPosition.account_id, LadderPosition.next_rung, LadderPosition.next_on, Invoice.currency)
    .join(Invoice, Invoice.id == LadderPosition.invoice_id)
    .where(
        among(LadderPosition.account_id),
        LadderPosition.next_on.is_not(None),
        LadderPosition.next_rung.is_not(None),
    )
    .group_by(LadderPosition.account_id, LadderPosition.next_rung, LadderPosition.next_on, Invoice.currency)
)
_FLAGGED = select(AccountFlag.account_id, AccountFlag.from_on, AccountFlag.to_on).where(
    among(AccountFlag.account_id), AccountFlag.kind != FlagKind.LEGAL_HOLD
)
_HELD = select(CreditHold.account_id).where(
    among(CreditHold.account_id), CreditHold.status == HoldStatus.ACTIVE
)
_CALLS = select(CallAttempt.account_id, CallAttempt.made_at, CallAttempt.talked, CallAttempt.outcome).where(
    CallAttempt.id.in_(
        select(func.max(CallAttempt.id)).where(among(CallAttempt.account_id)).group_by(CallAttempt.account_id)
    )
)
#: What people did; what the worklist itself notes is no work on the account.
_TOUCHED = (
    select(Interaction.account_id, func.max(Interaction.occurred_at))
    .where(
        among(Interaction.account_id),
        Interaction.staff_id.is_not(None),
        Interaction.kind.not_like("worklist.%"),
    )
    .group_by(Interaction.account_id)
)
_VISITS = (
    select(Link.account_id, func.max(LinkSession.started_at))
    .join(Link, Link.id == LinkSession.link_id)
    .where(among(Link.account_id), Link.held_by_staff_id.is_(None), LinkSession.started_at >= _SINCE)
    .group_by(Link.account_id)
)
_BOUNCED = (
    select(Message.account_id, Message.channel, func.max(Message.sent_at))
    .where(among(Message.account_id), Message.status == MessageStatus.BOUNCED, Message.sent_at >= _SINCE)
    .group_by(Message.account_id, Message.channel)
)
_SKIPPED = select(WorklistSkip.account_id, WorklistSkip.until_on, WorklistSkip.skipped_at).where(
    among(WorklistSkip.account_id), WorklistSkip.ended_at.is_(None)
)


def read(session: Session, account_ids: Sequence[int], *, policy: Policy, now: datetime) -> list[Known]:
    """Return what is known of accounts, each on its own day, in the order of their ids."""

    def rows(statement: Executable, **values: Any) -> Iterable[Any]:
        return fetch(session, statement, {"ids": list(account_ids), **values}).all()

    def since(days: int) -> dict[str, datetime]:
        return {"since": now - timedelta(days=days)}

    behind = bank_lines.creditors_behind(session, now=now)
    known = {
        r.id: Known(
            r.id, business_date(now, r.zone), r.zone, r.creditor_id, r.collector_id, r.segment, r.language,
            r.agreed_days, bank_behind=r.creditor_id in behind,
        )
        for r in rows(_ACCOUNTS)
    }  # fmt: skip
    if not known:
        return []
    days = {one.id: one.today for one in known.values()}
    for account_id, documents in invoices.open_documents_of(session, days).items():
        known[account_id].documents = documents
    for (account_id, _), held in pauses.standing_of(session, days).items():
        known[account_id].pauses = held
    for account_id, currency, minor in rows(_DISPUTED):
        known[account_id].disputed[currency] = int(minor)
    _what_happened(known, rows, since, policy)
    for account_id, kind, due_at, created_at in rows(_TASKS):
        known[account_id].tasks.append((kind, due_at, created_at))
    for account_id, rung, on, currency in rows(_RUNGS):
        known[account_id].rungs.append((rung, on, currency))
    for account_id, from_on, to_on in rows(_FLAGGED):
        one = known[account_id]
        one.bound |= from_on <= one.today and (to_on is None or one.today < to_on)
    for (account_id,) in rows(_HELD):
        known[account_id].on_hold = True
    for account_id, made_at, talked, outcome in rows(_CALLS):
        known[account_id].call = (made_at, talked, outcome)
    for account_id, at in rows(_TOUCHED):
        known[account_id].touched_at = at
    for account_id, until_on, skipped_at in rows(_SKIPPED):
        known[account_id].skipped = (until_on, skipped_at)
    return list(known.values())


def _what_happened(known: Mapping[int, Known], rows: Any, since: Any, policy: Policy) -> None:
    """Read promises, parts of plans, disputes that ended, visits and messages that came back."""
    rules = policy.worklist

    def add(
        account_id: int, code: str, at: date | datetime, currency: str | None = None, **more: Any
    ) -> None:
        one = known[account_id]
        on = business_date(at, one.zone) if isinstance(at, datetime) else at
        one.happened.append(Moment(code, on, currency, **more))

    for account_id, currency, on, minor in rows(_OPEN_PROMISES):
        code = "promise_due" if on <= known[account_id].today else "promise_open"
        add(account_id, code, on, currency, minor=minor)
    for account_id, currency, on, minor, at in rows(_BROKEN, **since(policy.segments.promise_days)):
        broken = known[account_id].broken
        broken[currency] = broken.get(currency, 0) + 1
        if at >= since(rules.promise_days)["since"]:
            add(account_id, "promise_broken", on, currency, minor=minor, known_at=at)
    for account_id, currency, on, minor in rows(_MISSED):
        add(account_id, "plan_missed", on, currency, minor=int(minor))
    for account_id, currency, at, minor in rows(_SETTLED, **since(rules.news_days)):
        add(account_id, "dispute_settled", at, currency, minor=int(minor), known_at=at)
    for account_id, at in rows(_VISITS, **since(rules.news_days)):
        add(account_id, "visited", at)
    for account_id, channel, at in rows(_BOUNCED, **since(rules.bounce_days)):
        add(account_id, "bounced", at, said=channel.value, known_at=at)
