"""What the desk's lists show: counts, overdue accounts, payments, alerts, tasks, search.

Core selects of named columns into frozen rows; amounts are those the debtor is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select, true
from sqlalchemy.orm import Session, aliased

from models.accounts import Account
from models.arrangements import OfferInvoice, Plan, PlanInvoice
from models.creditors import Creditor
from models.disputes import Dispute
from models.handovers import Handover, HandoverInvoice
from models.invoices import OWED_KINDS, Invoice
from models.money import Money
from models.payments import Allocation, AttemptInvoice, Payment, PaymentAttempt, PaymentMethod
from models.staff import Staff
from models.states import RUNNING_PLANS, AttemptStatus, HandoverStatus, InvoiceStatus
from models.work import Alert, Task, TaskKind
from receivables.calendar_days import business_date, days_late
from receivables.own_accounts import of_theirs, theirs
from receivables.permissions import Actor, Permission, may, require


@dataclass(frozen=True, slots=True)
class Frame:
    """What every page of the desk shows around its own content."""

    alerts: int
    tasks: int
    #: Zone of the house; pages about one account use the account's.
    zone: str


def _for_eyes(actor: Actor) -> ColumnElement[bool]:
    """What tasks an actor may know of: a hardship case is for those who may read it."""
    return true() if may(actor, Permission.HARDSHIP_READ) else Task.kind != TaskKind.HARDSHIP


def frame(session: Session, actor: Actor) -> Frame:
    """Return the counts of the rail and the zone of the house, in one statement."""
    alerts = select(func.count()).select_from(Alert).where(Alert.closed_at.is_(None))
    tasks = select(func.count()).select_from(Task).where(Task.done_at.is_(None), _for_eyes(actor))
    zone = select(Creditor.zone).order_by(Creditor.id).limit(1)
    r = session.execute(
        select(
            alerts.scalar_subquery().label("alerts"),
            tasks.scalar_subquery().label("tasks"),
            zone.scalar_subquery().label("zone"),
        )
    ).one()
    return Frame(r.alerts, r.tasks, r.zone or "UTC")


def stored_password(session: Session, email: str) -> str | None:
    """Return the stored hash of a person, for checking it before a unit of work is opened."""
    return session.scalar(select(Staff.password_hash).where(Staff.email == email.strip().casefold()))


# --------------------------------------------------------------------------- overdue accounts


@dataclass(frozen=True, slots=True)
class OverdueAccount:
    """One account with something overdue in one currency."""

    ref: str
    number: str
    name: str
    language: str
    overdue: Money
    documents: int
    oldest_days: int


@dataclass(frozen=True, slots=True)
class OverdueCurrency:
    """The largest accounts of one currency, and what all of them owe."""

    currency: str
    rows: Sequence[OverdueAccount]
    total: Money
    accounts: int


def _overdue(session: Session, now: datetime) -> ColumnElement[bool]:
    """Return the condition "past due by the account's own date"; mostly all zones have one date."""
    by_day: dict[date, list[str]] = {}
    for zone in session.scalars(select(Account.zone).distinct()):
        by_day.setdefault(business_date(now, zone), []).append(zone)
    if len(by_day) <= 1:
        return Invoice.due_on < next(iter(by_day), business_date(now, "UTC"))
    zone_of = select(Account.zone).where(Account.id == Invoice.account_id).scalar_subquery()
    sure, latest = min(by_day), max(by_day)
    between = [and_(Invoice.due_on < day, zone_of.in_(zones)) for day, zones in by_day.items()]
    return or_(Invoice.due_on < sure, and_(Invoice.due_on < latest, or_(*between)))


_PROCESSING = (
    select(AttemptInvoice.invoice_id, func.sum(AttemptInvoice.reserved_minor).label("minor"))
    .join(PaymentAttempt, PaymentAttempt.id == AttemptInvoice.attempt_id)
    .where(PaymentAttempt.status == AttemptStatus.PROCESSING)
    .group_by(AttemptInvoice.invoice_id)
    .subquery()
)
_CONTESTED = (
    select(Dispute.invoice_id, func.sum(Dispute.contested_minor).label("minor"))
    .where(Dispute.holds)
    .group_by(Dispute.invoice_id)
    .subquery()
)
_CREDITED = (
    select(func.coalesce(func.sum(Allocation.amount_minor), 0))
    .where(Allocation.invoice_id == PlanInvoice.invoice_id, Allocation.credit_note_id.is_not(None))
    .scalar_subquery()
)
#: Documents that a running plan holds, with what of each stands beside it.
_IN_PLAN = (
    select(PlanInvoice.invoice_id, (PlanInvoice.beside_minor - _CREDITED).label("beside"))
    .join(Plan, Plan.id == PlanInvoice.plan_id)
    .where(PlanInvoice.blocking, Plan.status.in_(RUNNING_PLANS))
    .subquery()
)
_IN_OFFER = select(OfferInvoice.invoice_id).where(OfferInvoice.blocking).subquery()
_HANDED_OVER = (
    select(HandoverInvoice.invoice_id)
    .join(Handover, Handover.id == HandoverInvoice.handover_id)
    .where(Handover.status == HandoverStatus.PLACED)
    .subquery()
)
_DISPUTED = func.coalesce(_CONTESTED.c.minor, 0)
_BESIDE = case((_IN_PLAN.c.beside < Invoice.balance_minor, _IN_PLAN.c.beside), else_=Invoice.balance_minor)
#: What is asked for of one document, as `invoices` works it out for its reader.
_ASKED = case(
    (_IN_OFFER.c.invoice_id.is_not(None), 0),
    (_HANDED_OVER.c.invoice_id.is_not(None), 0),
    (_IN_PLAN.c.invoice_id.is_not(None), _BESIDE - _DISPUTED),
    else_=Invoice.balance_minor - _DISPUTED - func.coalesce(_PROCESSING.c.minor, 0),
)


def overdue_accounts(
    session: Session, actor: Actor, *, now: datetime, limit: int = 25
) -> list[OverdueCurrency]:
    """Return accounts with something overdue, per currency, largest first; a salesperson's are his.

    Args:
        limit: how many accounts a currency at most.
    Raises:
        NotAllowed: the actor may not read accounts.
    """
    require(actor, Permission.ACCOUNT_READ)
    asked = func.sum(_ASKED)
    sums = (
        select(
            Invoice.account_id,
            Invoice.currency,
            asked.label("overdue"),
            func.count().label("documents"),
            func.min(Invoice.due_on).label("oldest_on"),
        )
        .outerjoin(_PROCESSING, _PROCESSING.c.invoice_id == Invoice.id)
        .outerjoin(_CONTESTED, _CONTESTED.c.invoice_id == Invoice.id)
        .outerjoin(_IN_PLAN, _IN_PLAN.c.invoice_id == Invoice.id)
        .outerjoin(_IN_OFFER, _IN_OFFER.c.invoice_id == Invoice.id)
        .outerjoin(_HANDED_OVER, _HANDED_OVER.c.invoice_id == Invoice.id)
        .where(
            Invoice.status == InvoiceStatus.OPEN,
            Invoice.kind.in_(OWED_KINDS),
            Invoice.balance_minor > 0,
            _overdue(session, now),
            _ASKED > 0,
            of_theirs(actor, Invoice.account_id),
        )
        .group_by(Invoice.account_id, Invoice.currency)
        .subquery()
    )
    largest_first = (sums.c.overdue.desc(), sums.c.account_id)
    ranked = select(
        sums,
        func.row_number().over(partition_by=sums.c.currency, order_by=largest_first).label("place"),
        func.sum(sums.c.overdue).over(partition_by=sums.c.currency).label("all_overdue"),
        func.count().over(partition_by=sums.c.currency).label("accounts"),
    ).subquery()
    found = session.execute(
        select(ranked, Account.ref, Account.number, Account.name, Account.language, Account.zone)
        .join(Account, Account.id == ranked.c.account_id)
        .where(ranked.c.place <= limit)
        .order_by(ranked.c.currency, ranked.c.place)
    ).all()
    groups: dict[str, list[Any]] = {}
    for r in found:
        groups.setdefault(r.currency, []).append(r)
    return [
        OverdueCurrency(
            currency=code,
            rows=[
                OverdueAccount(
                    r.ref, r.number, r.name, r.language, Money(int(r.overdue), code), r.documents,
                    days_late(r.oldest_on, business_date(now, r.zone)),
                )
                for r in rows
            ],
            total=Money(int(rows[0].all_overdue), code),
            accounts=rows[0].accounts,
        )
        for code, rows in groups.items()
    ]  # fmt: skip


# --------------------------------------------------------------------------- payments


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """One payment that came."""

    number: str
    account_ref: str
    account_name: str
    amount: Money
    method: PaymentMethod
    method_detail: str
    received_at: datetime


def last_payments(session: Session, actor: Actor, *, limit: int = 10) -> list[PaymentRow]:
    """Return the newest payments; a salesperson's are those of his accounts.

    Raises:
        NotAllowed: the actor may not read payments.
    """
    require(actor, Permission.PAYMENT_READ)
    rows = session.execute(
        select(
            Payment.number, Account.ref, Account.name, Payment.amount_minor, Payment.currency,
            Payment.method, Payment.method_detail, Payment.received_at,
        )
        .join(Account, Account.id == Payment.account_id)
        .where(theirs(actor))
        .order_by(Payment.id.desc())
        .limit(limit)
    )  # fmt: skip
    return [
        PaymentRow(r.number, r.ref, r.name, Money(r.amount_minor, r.currency), r.method, r.method_detail,
                   r.received_at)
        for r in rows
    ]  # fmt: skip


# --------------------------------------------------------------------------- alerts and tasks


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One alert with the account it is about, if it is about one."""

    ref: str
    code: str
    facts: dict[str, Any]
    account_ref: str | None
    account_name: str | None
    raised_at: datetime
    closed_at: datetime | None
    closed_by: str | None


def alerts(
    session: Session, actor: Actor, *, closed: bool = False, account_id: int | None = None, limit: int = 100
) -> list[AlertRow]:
    """Return open alerts, oldest first, or closed ones, newest first.

    Raises:
        NotAllowed: the actor may not read alerts.
    """
    require(actor, Permission.ALERT_READ)
    query = (
        select(
            Alert.ref, Alert.code, Alert.facts, Account.ref.label("account_ref"),
            Account.name.label("account_name"), Alert.raised_at, Alert.closed_at, Staff.name,
        )
        .outerjoin(Account, Account.id == Alert.account_id)
        .outerjoin(Staff, Staff.id == Alert.closed_by_id)
        .where(Alert.closed_at.is_not(None) if closed else Alert.closed_at.is_(None))
        .order_by(Alert.closed_at.desc() if closed else Alert.raised_at, Alert.id)
        .limit(limit)
    )  # fmt: skip
    if account_id is not None:
        query = query.where(Alert.account_id == account_id)
    return [AlertRow(*r) for r in session.execute(query)]


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One thing a person has to decide about an account."""

    ref: str
    kind: TaskKind
    facts: dict[str, Any]
    account_ref: str
    account_name: str
    due_at: datetime
    done_at: datetime | None
    done_by: str | None
    assigned_to: str | None


def tasks(
    session: Session, actor: Actor, *, done: bool = False, account_id: int | None = None, limit: int = 100
) -> list[TaskRow]:
    """Return open tasks, longest waiting first, or done ones, newest first.

    Raises:
        NotAllowed: the actor may not read what needs a look.
    """
    require(actor, Permission.ALERT_READ)
    doer = aliased(Staff)
    query = (
        select(
            Task.ref, Task.kind, Task.facts, Account.ref.label("account_ref"),
            Account.name.label("account_name"), Task.due_at, Task.done_at, doer.name.label("done_by"),
            Staff.name.label("assigned_to"),
        )
        .join(Account, Account.id == Task.account_id)
        .outerjoin(Staff, Staff.id == Task.assigned_to_id)
        .outerjoin(doer, doer.id == Task.done_by_id)
        .where(Task.done_at.is_not(None) if done else Task.done_at.is_(None), _for_eyes(actor))
        .order_by(Task.done_at.desc() if done else Task.due_at, Task.id)
        .limit(limit)
    )  # fmt: skip
    if account_id is not None:
        query = query.where(Task.account_id == account_id)
    return [TaskRow(*r) for r in session.execute(query)]
