"""What the books show about an account, as numbers: one account or many in the same few statements.

Nothing here is a judgement; `proposing` makes one. Of hardship it is only known that it was told.
Source: domain.md, "Six kinds of debtor"; policy [segments].
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from statistics import median, quantiles
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select, union_all
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.answers import Answer, AnswerKind
from models.arrangements import Promise
from models.disputes import Dispute
from models.inbound import InboundKind, InboundMessage, ReachEvent, ReachEventKind
from models.invoices import OWED_KINDS, Invoice, InvoiceKind
from models.links import Channel, Link, LinkSession
from models.messages import CallAttempt, Message, Purpose
from models.payments import Allocation, Payment
from models.states import HOLDING_DISPUTES, InvoiceStatus, MessageStatus, PromiseStatus
from models.work import Interaction
from receivables.allocations import KEPT_MINOR
from receivables.contact import reach
from receivables.contact.consents import address_digest
from receivables.policy import SegmentRules

#: Accounts read together: bounds both the statement and the memory.
CHUNK = 500


@dataclass(frozen=True, slots=True)
class Lag:
    """How long after the due date an account pays; days, negative is before.

    paid: invoices of the time looked at. middle: their median. spread: between the quarters, so that one
    odd invoice counts little. late_percent: paid after the due date.
    """

    paid: int
    middle: int
    spread: int
    late_percent: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one account on one day.

    overdue, oldest_late: documents past due with something left, and days of the oldest.
    disputes: that hold. hardship_told: somebody told us of difficulty lately.
    broken, kept: promises lately. plan_defaults: how often a plan stopped for missed parts.
    addresses, dead: of people who stand for the account; those that fail, 0 while one may work.
    ignored: days on which we wrote since the last sign of life.
    silent_days: since that sign, else since the account is known.
    """

    lag: Lag | None = None
    overdue: int = 0
    oldest_late: int = 0
    disputes: int = 0
    hardship_told: bool = False
    broken: int = 0
    kept: int = 0
    plan_defaults: int = 0
    addresses: int = 0
    dead: int = 0
    ignored: int = 0
    silent_days: int = 0


def facts_of(session: Session, account: Account, *, today: date, rules: SegmentRules) -> Facts:
    """Return what is known of one account; `today` is its business date.

    Whether its addresses fail is asked in full here (`reach.untraceable`): an opened link speaks against
    it, and mail that came back for now counts only when it did so again and again.
    """
    known = facts_of_many(session, [account.id], today=today, rules=rules)[account.id]
    return replace(known, dead=len(reach.untraceable(session, account))) if known.dead else known


def facts_of_many(
    session: Session, account_ids: Sequence[int], *, today: date, rules: SegmentRules
) -> dict[int, Facts]:
    """Return what is known of each account, a fixed number of statements for each CHUNK of them.

    `dead` counts each address of which the last word was not that it works: more than are dead for sure.

    Args:
        today: business date that days are counted to.
        rules: how far back each kind of fact counts.
    """
    return {
        account_id: known
        for first in range(0, len(account_ids), CHUNK)
        for account_id, known in _chunk(session, account_ids[first : first + CHUNK], today, rules).items()
    }


def lag_of(days: Sequence[int]) -> Lag | None:
    """Return the lag of invoices paid so many days after their due dates; None of none.

    >>> lag_of([30, 31, 28, 30, 90])
    Lag(paid=5, middle=30, spread=1, late_percent=100)
    """
    if not days:
        return None
    quarters = quantiles(days, n=4, method="inclusive") if len(days) > 1 else [days[0]] * 3
    late = sum(day > 0 for day in days)
    return Lag(len(days), round(median(days)), round(quarters[2] - quarters[0]), late * 100 // len(days))


def _chunk(session: Session, ids: Sequence[int], today: date, rules: SegmentRules) -> dict[int, Facts]:
    lags = _lags(session, ids, today - timedelta(days=rules.history_days))
    overdue = _overdue(session, ids, today)
    disputes = _counts(session, Dispute.account_id, ids, Dispute.status.in_(HOLDING_DISPUTES))
    hardship = _counts(
        session, Answer.account_id, ids, Answer.kind == AnswerKind.HARDSHIP,
        Answer.given_at >= _start(today, rules.hardship_days),
    )  # fmt: skip
    judged = Promise.judged_at >= _start(today, rules.promise_days)
    broken = _counts(session, Promise.account_id, ids, Promise.status == PromiseStatus.BROKEN, judged)
    kept = _counts(session, Promise.account_id, ids, Promise.status == PromiseStatus.KEPT, judged)
    # The timeline keeps each default, also of a plan that was cured later.
    defaults = _counts(
        session, Interaction.account_id, ids, Interaction.kind == "plan.defaulted",
        Interaction.occurred_at >= _start(today, rules.promise_days),
    )  # fmt: skip
    addresses, dead = _addresses(session, ids)
    alive = _signs_of_life(session, ids)
    ignored = _ignored(session, ids, alive, _start(today, rules.history_days))
    accounts = session.execute(select(Account.id, Account.created_at).where(_in(Account.id, ids)))
    known_since = {r.id: r.created_at for r in accounts}
    return {
        one: Facts(
            lag=lags.get(one),
            overdue=overdue[one][0] if one in overdue else 0,
            oldest_late=(today - overdue[one][1]).days if one in overdue else 0,
            disputes=disputes[one],
            hardship_told=hardship[one] > 0,
            broken=broken[one],
            kept=kept[one],
            plan_defaults=defaults[one],
            addresses=addresses[one],
            dead=dead[one],
            ignored=ignored[one],
            silent_days=max(0, (today - alive.get(one, known_since[one]).date()).days),
        )
        for one in ids
        if one in known_since
    }


def _in(column: Any, ids: Sequence[int]) -> ColumnElement[bool]:
    return column.in_(ids)  # type: ignore[no-any-return]


def _start(today: date, days: int) -> datetime:
    return datetime.combine(today - timedelta(days=days), time(), UTC)


def _counts(session: Session, account: Any, ids: Sequence[int], *where: ColumnElement[bool]) -> Counter[int]:
    """Return rows of each account that meet the conditions."""
    rows = session.execute(select(account, func.count()).where(_in(account, ids), *where).group_by(account))
    return Counter({r[0]: r[1] for r in rows})


def _lags(session: Session, ids: Sequence[int], since: date) -> dict[int, Lag]:
    """Return the lag of invoices that money paid; the day is that of the last money that came for each."""
    rows = session.execute(
        select(Invoice.account_id, Invoice.due_on, func.max(Allocation.valued_on).label("paid_on"))
        .join(Allocation, Allocation.invoice_id == Invoice.id)
        .where(
            _in(Invoice.account_id, ids),
            Invoice.kind == InvoiceKind.INVOICE,
            Invoice.status == InvoiceStatus.PAID,
            Invoice.due_on >= since,
            Allocation.payment_id.is_not(None),
            KEPT_MINOR > 0,
        )
        .group_by(Invoice.id, Invoice.account_id, Invoice.due_on)
    )
    days: dict[int, list[int]] = {}
    for r in rows:
        days.setdefault(r.account_id, []).append((r.paid_on - r.due_on).days)
    return {account_id: lag for account_id, found in days.items() if (lag := lag_of(found)) is not None}


def _overdue(session: Session, ids: Sequence[int], today: date) -> dict[int, tuple[int, date]]:
    rows = session.execute(
        select(Invoice.account_id, func.count(), func.min(Invoice.due_on))
        .where(_in(Invoice.account_id, ids), overdue_on(today))
        .group_by(Invoice.account_id)
    )
    return {r[0]: (r[1], r[2]) for r in rows if r[2] is not None}


def overdue_on(today: date) -> ColumnElement[bool]:
    """The condition of a document that is owed, past due and has something left."""
    return (
        (Invoice.status == InvoiceStatus.OPEN)
        & Invoice.kind.in_(OWED_KINDS)
        & (Invoice.balance_minor > 0)
        & (Invoice.due_on < today)
    )


def _addresses(session: Session, ids: Sequence[int]) -> tuple[Counter[int], Counter[int]]:
    """Return how many addresses each account can be written to, and how many of them may be dead.

    What was learned goes with the address, not with the row: a new one starts afresh.
    """
    people = session.execute(
        select(Contact.account_id, Contact.email, Contact.phone).where(
            _in(Contact.account_id, ids), Contact.is_active, Contact.forwarded_by_id.is_(None)
        )
    )
    owners: dict[tuple[str, Channel], set[int]] = {}
    for r in people:
        for address, channel in ((r.email, Channel.EMAIL), (r.phone, Channel.SMS)):
            if address is not None:
                owners.setdefault((address_digest(address), channel), set()).add(r.account_id)
    latest: dict[tuple[str, Channel], ReachEventKind] = {}
    digests = sorted({digest for digest, _ in owners})
    for part in _parts(digests):
        rows = session.execute(
            select(ReachEvent.address_digest, ReachEvent.channel, ReachEvent.event)
            .where(ReachEvent.address_digest.in_(part))
            .order_by(ReachEvent.id)
        )
        latest |= {(r.address_digest, r.channel): r.event for r in rows}
    total, dead = Counter[int](), Counter[int]()
    for key, accounts in owners.items():
        total.update(accounts)
        if latest.get(key) in (ReachEventKind.DEAD, ReachEventKind.SOFT):
            dead.update(accounts)
    return total, dead


def _parts(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(values), CHUNK):
        yield values[first : first + CHUNK]


def _signs_of_life(session: Session, ids: Sequence[int]) -> dict[int, datetime]:
    """Return when each account was last heard of: a visit, an answer, money, a reply, a talk."""

    def part(account: Any, moment: Any, *where: ColumnElement[bool]) -> Select[Any]:
        return select(account.label("account_id"), moment.label("at")).where(_in(account, ids), *where)

    visits = (
        part(Link.account_id, LinkSession.started_at, Link.held_by_staff_id.is_(None))
        .select_from(LinkSession)
        .join(Link, Link.id == LinkSession.link_id)
    )
    signs = union_all(
        visits,
        part(Payment.account_id, Payment.received_at),
        part(Answer.account_id, Answer.given_at),
        part(Promise.account_id, Promise.made_at),
        part(Dispute.account_id, Dispute.opened_at),
        part(InboundMessage.account_id, InboundMessage.received_at, InboundMessage.kind == InboundKind.REPLY),
        part(CallAttempt.account_id, CallAttempt.made_at, CallAttempt.talked.is_(True)),
    ).subquery()
    rows = session.execute(select(signs.c.account_id, func.max(signs.c.at)).group_by(signs.c.account_id))
    return {r[0]: r[1] for r in rows}


def _ignored(
    session: Session, ids: Sequence[int], alive: dict[int, datetime], since: datetime
) -> Counter[int]:
    """Return on how many days each account was reminded since it was last heard of."""
    rows = session.execute(
        select(Message.account_id, Message.sent_at).where(
            _in(Message.account_id, ids),
            Message.purpose == Purpose.REMINDER,
            or_(Message.status == MessageStatus.SENT, Message.status == MessageStatus.DELIVERED),
            Message.sent_at >= since,
        )
    )
    days = {
        (r.account_id, r.sent_at.date())
        for r in rows
        if r.account_id not in alive or r.sent_at > alive[r.account_id]
    }
    return Counter(account_id for account_id, _ in days)
