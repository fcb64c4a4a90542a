"""Promises to pay: a day and an amount that the debtor names, waited for, and what becomes of them.

A promise stands still for the account until its day and the days of grace are over. It is kept by
money that was initiated by then, whenever we learn of it; broken it is one rung, not a jump: a
notice, and a task for a person. Source: domain.md, "Arrangements" (Promise); policy [promises].
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.arrangements import Promise
from models.links import Channel
from models.messages import Purpose
from models.money import Money, total
from models.pauses import PauseReason
from models.payments import Payment
from models.states import PromiseStatus, advance
from models.work import TaskKind
from receivables import invoices, outbox, pauses
from receivables.audit import record
from receivables.calendar_days import add_business_days, business_date, is_business_day
from receivables.contact.consents import address_of
from receivables.contact.reminders import paying_contacts
from receivables.errors import NotFound, Refused
from receivables.permissions import SYSTEM, Actor, Permission, require
from receivables.policy import PromiseRules, current_policy

#: Ready days that a page offers before anybody has to type one.
READY = 3


@dataclass(frozen=True, slots=True)
class PromiseView:
    """One promise as its giver sees it; `may_change` while its day may still be moved."""

    ref: str
    status: PromiseStatus
    amount: Money
    received: Money
    promised_on: date
    waited_until: date
    may_change: bool


def last_day(today: date, rules: PromiseRules) -> date:
    """Return the last day that may be promised."""
    return today + timedelta(days=rules.horizon_days)


def ready_days(today: date, country: str, rules: PromiseRules) -> list[date]:
    """Return business days to choose from, spread over the horizon: near, a week on, the last one.

    >>> ready_days(date(2026, 11, 19), "GB", PromiseRules(14, 2, 90, 1))
    [datetime.date(2026, 11, 23), datetime.date(2026, 11, 26), datetime.date(2026, 12, 3)]
    """
    last = last_day(today, rules)
    days = [
        day
        for day in (today + timedelta(days=n) for n in range(1, rules.horizon_days + 1))
        if is_business_day(day, country)
    ]
    wanted = [today + timedelta(days=rules.horizon_days // n) for n in (5, 2)] + [last]
    found = [next((day for day in days if day >= aim), None) for aim in wanted[:2]]
    return sorted({day for day in (*found, *days[-1:]) if day is not None})[:READY]


def waited_until(promised_on: date, country: str, rules: PromiseRules) -> date:
    """Return the last day on which the money is still waited for: the promised one and its grace."""
    return add_business_days(promised_on, rules.grace_business_days, country)


def check_day(on: date, today: date, country: str, rules: PromiseRules) -> None:
    """Refuse a day that cannot be promised.

    Raises:
        Refused: day_past (today too: then it is paid now), day_beyond with `last`, day_off with
            `near`, the nearest day that works.
    """
    last = last_day(today, rules)
    if on <= today:
        raise Refused("day_past", first=add_business_days(today + timedelta(days=1), 0, country))
    if on > last:
        raise Refused("day_beyond", last=last)
    if not is_business_day(on, country):
        near = add_business_days(on, 0, country)
        while near > last or not is_business_day(near, country):
            near -= timedelta(days=1)
        raise Refused("day_off", near=near)


def promise(
    session: Session, actor: Actor, account: Account, amount: Money, on: date, *, now: datetime
) -> Promise:
    """Note that an amount will be paid on a day, and stand still until then.

    The same promise given again is the first one. Another day or amount changes the open promise, as
    often as the policy says; one that was taken back lately counts as the one it changes.

    Args:
        on: a business day of the account's country within the horizon.
    Returns:
        The promise, open.
    Raises:
        NotAllowed, NotFound.
        Refused: those of `check_day`; amount_zero, amount_negative, amount_above_balance with `asked`,
            nothing_to_promise, promise_changed_before with the `on` that stands.
    Source: domain.md, "Arrangements"; policy promises.horizon_days, changes.
    """
    require(actor, Permission.PROMISE_MAKE, account_id=account.id)
    session.execute(select(Account.id).where(Account.id == account.id).with_for_update())
    rules = current_policy(session, now).promises
    today = business_date(now, account.zone)
    standing = open_promise(session, account.id, amount.currency)
    if standing and (standing.amount_minor, standing.promised_on) == (amount.minor, on):
        return standing
    check_day(on, today, account.country, rules)
    _check_amount(session, account, amount, today)
    before = standing or _taken_back(session, account.id, amount.currency, now - _horizon(rules))
    if before is not None and _changes(session, before) >= rules.changes:
        raise Refused("promise_changed_before", on=before.promised_on)
    if standing is not None:
        advance(standing, PromiseStatus.SUPERSEDED)
        pauses.resume(session, actor, account, _key(standing), now=now)
        session.flush()  # the open one is unique
    row = Promise(
        account_id=account.id,
        contact_id=actor.contact_id,
        amount_minor=amount.minor,
        currency=amount.currency,
        promised_on=on,
        status=PromiseStatus.OPEN,
        changes_id=before.id if before else None,
        made_at=now,
    )
    session.add(row)
    session.flush()
    until = waited_until(on, account.country, rules)
    pauses.pause(
        session,
        actor,
        account,
        PauseReason.PROMISE,
        key=_key(row),
        to_on=until + timedelta(days=1),
        now=now,
    )
    facts = {"amount_minor": amount.minor, "currency": amount.currency, "on": on.isoformat()}
    record(session, actor, "promise.made", row, account_id=account.id, now=now,
           facts=facts | {"changes": row.changes_id})  # fmt: skip
    told = "promise.changed" if standing else "promise.made"
    outbox.note(session, account.id, told, contact_id=actor.contact_id, now=now, facts=facts)
    _write(session, actor, account, row, "promise_recorded", Purpose.ANSWER, now=now)
    return row


def _horizon(rules: PromiseRules) -> timedelta:
    return timedelta(days=rules.horizon_days)


def _key(row: Promise) -> str:
    return f"promise:{row.id}"


def _check_amount(session: Session, account: Account, amount: Money, today: date) -> None:
    rows = invoices.open_rows(session, account.id, today, currency=amount.currency)
    asked = total([row.asked for row in rows], amount.currency)
    if not asked:
        raise Refused("nothing_to_promise")
    if amount.minor <= 0:
        raise Refused("amount_zero" if amount.minor == 0 else "amount_negative")
    if amount > asked:
        raise Refused("amount_above_balance", asked=asked)


def open_promise(session: Session, account_id: int, currency: str) -> Promise | None:
    """Return the promise that is waited for; one for an account and currency."""
    return session.scalar(
        select(Promise).where(
            Promise.account_id == account_id,
            Promise.currency == currency,
            Promise.status == PromiseStatus.OPEN,
        )
    )


def _taken_back(session: Session, account_id: int, currency: str, since: datetime) -> Promise | None:
    """Return the last promise if it was taken back and is young: a new one would only move its day."""
    last = session.scalar(
        select(Promise)
        .where(Promise.account_id == account_id, Promise.currency == currency)
        .order_by(Promise.id.desc())
        .limit(1)
    )
    young = last is not None and last.status is PromiseStatus.WITHDRAWN and last.made_at >= since
    return last if young else None


def _changes(session: Session, row: Promise) -> int:
    """How many promises before this one it has changed."""
    count = 0
    while row.changes_id is not None:
        row = session.get_one(Promise, row.changes_id)
        count += 1
    return count


def find(session: Session, actor: Actor, ref: str, *, lock: bool = False) -> Promise:
    """Return a promise by its random name.

    Args:
        lock: lock its account first, as everywhere (M-07).
    Raises:
        NotFound: no such promise, or another account's (L-15).
    """
    row = session.scalar(select(Promise).where(Promise.ref == ref))
    if row is None:
        raise NotFound("not_found")
    require(actor, Permission.PROMISE_MAKE, account_id=row.account_id)
    if lock:
        session.get_one(Account, row.account_id, with_for_update=True)
        session.refresh(row)
    return row


def view(session: Session, actor: Actor, ref: str, *, now: datetime) -> PromiseView:
    """Return one promise as its giver sees it.

    Raises:
        NotAllowed, NotFound.
    """
    row = find(session, actor, ref)
    account = session.get_one(Account, row.account_id)
    rules = current_policy(session, now).promises
    return PromiseView(
        ref=row.ref,
        status=row.status,
        amount=Money(row.amount_minor, row.currency),
        received=Money(row.received_minor, row.currency),
        promised_on=row.promised_on,
        waited_until=waited_until(row.promised_on, account.country, rules),
        may_change=row.status is PromiseStatus.OPEN and _changes(session, row) < rules.changes,
    )


def withdraw(session: Session, actor: Actor, ref: str, *, now: datetime) -> Promise:
    """Take a promise back; reminders may come again. A second call changes nothing.

    Raises:
        NotAllowed, NotFound.
        Refused: promise_over, it was kept or broken meanwhile.
    """
    row = find(session, actor, ref, lock=True)
    if row.status is PromiseStatus.WITHDRAWN:
        return row
    if row.status is not PromiseStatus.OPEN:
        raise Refused("promise_over")
    _withdraw(session, actor, session.get_one(Account, row.account_id), row, now=now)
    return row


def _withdraw(session: Session, actor: Actor, account: Account, row: Promise, *, now: datetime) -> None:
    advance(row, PromiseStatus.WITHDRAWN)
    row.judged_at = now
    pauses.resume(session, actor, account, _key(row), now=now)
    record(session, actor, "promise.withdrawn", row, account_id=account.id, now=now)
    outbox.note(session, account.id, "promise.withdrawn", contact_id=actor.contact_id, now=now)


# --------------------------------------------------------------------------- what becomes of it


def received(session: Session, row: Promise, until: date, *, without: Payment | None = None) -> int:
    """Return what came since the promise was made and was initiated by a day, in minor units."""
    query = select(func.coalesce(func.sum(Payment.amount_minor), 0)).where(
        Payment.account_id == row.account_id,
        Payment.currency == row.currency,
        Payment.received_at >= row.made_at,
        Payment.valued_on <= until,
    )
    if without is not None:
        query = query.where(Payment.id != without.id)
    return int(session.scalar(query) or 0)


def _is_kept(row: Promise, came_minor: int, rules: PromiseRules) -> bool:
    return came_minor * 100 >= row.amount_minor * rules.kept_percent


def keep(session: Session, payment: Payment, *, now: datetime) -> Promise | None:
    """See whether money that came keeps the open promise of its account; a follower of payments.

    Returns:
        The promise, kept or still open; None when there is none.
    Source: policy promises.kept_percent, grace_business_days.
    """
    row = open_promise(session, payment.account_id, payment.currency)
    if row is None:
        return None
    account = session.get_one(Account, row.account_id)
    rules = current_policy(session, now).promises
    came = received(session, row, waited_until(row.promised_on, account.country, rules))
    row.received_minor = came
    if not _is_kept(row, came, rules):
        return row
    advance(row, PromiseStatus.KEPT)
    row.judged_at = now
    pauses.resume(session, SYSTEM, account, _key(row), now=now)
    facts = {"amount_minor": came, "currency": row.currency, "on": row.promised_on.isoformat()}
    record(session, SYSTEM, "promise.kept", row, account_id=account.id, now=now, facts=facts)
    outbox.note(session, account.id, "promise.kept", contact_id=row.contact_id, now=now, facts=facts)
    return row


def unkeep(session: Session, payment: Payment, *, now: datetime) -> Promise | None:
    """Judge again the promise that a payment had kept, when that payment is reversed.

    Returns:
        The promise, broken; None when no kept promise falls without the payment.
    Source: domain.md, "Statuses and their moves": kept→broken (payment reversed).
    """
    row = session.scalar(
        select(Promise)
        .where(
            Promise.account_id == payment.account_id,
            Promise.currency == payment.currency,
            Promise.status == PromiseStatus.KEPT,
            Promise.made_at <= payment.received_at,
        )
        .order_by(Promise.id.desc())
        .limit(1)
    )
    if row is None:
        return None
    account = session.get_one(Account, row.account_id)
    rules = current_policy(session, now).promises
    until = waited_until(row.promised_on, account.country, rules)
    if payment.valued_on > until:
        return None
    came = received(session, row, until, without=payment)
    if _is_kept(row, came, rules):
        return None
    _break(session, account, row, came, now=now)
    return row


def concerned_tomorrow(session: Session, latest: date) -> Iterable[int]:
    """Accounts that may have a promise for the next day."""
    return _accounts(session, latest + timedelta(days=1))


def concerned_late(session: Session, latest: date) -> Iterable[int]:
    """Accounts that may have a promise whose day has passed."""
    return _accounts(session, latest)


def _accounts(session: Session, upto: date) -> list[int]:
    return list(
        session.scalars(
            select(Promise.account_id).where(
                Promise.status == PromiseStatus.OPEN, Promise.promised_on <= upto
            )
        )
    )


def remind_tomorrow(session: Session, account: Account, *, today: date, now: datetime) -> None:
    """Write a short note the day before, as was agreed when the promise was noted; daily."""
    for row in _open(session, account):
        made_today = business_date(row.made_at, account.zone) == today
        if row.promised_on == today + timedelta(days=1) and not made_today:
            _write(session, SYSTEM, account, row, "promise_due_tomorrow", Purpose.ARRANGEMENT, now=now)


def break_late(session: Session, account: Account, *, today: date, now: datetime) -> None:
    """Break what was not kept when its day and the grace are over; daily.

    Nothing breaks while something else stands still for the account, such as "I have paid"; where
    nothing is asked for any more, the promise is let go.
    """
    rules = current_policy(session, now).promises
    held = [h for h in pauses.standing(session, account.id, today) if h.reason is not PauseReason.PROMISE]
    for row in _open(session, account):
        until = waited_until(row.promised_on, account.country, rules)
        if today <= until or pauses.paused_by(held):
            continue
        rows = invoices.open_rows(session, account.id, today, currency=row.currency)
        asked = [r for r in rows if r.asked]
        if not asked:
            _withdraw(session, SYSTEM, account, row, now=now)
        elif not all(pauses.paused_by(held, invoice_ref=r.ref) for r in asked):
            _break(session, account, row, received(session, row, until), now=now)


def _open(session: Session, account: Account) -> list[Promise]:
    return list(
        session.scalars(
            select(Promise)
            .where(Promise.account_id == account.id, Promise.status == PromiseStatus.OPEN)
            .order_by(Promise.id)
        )
    )


def _break(session: Session, account: Account, row: Promise, came: int, *, now: datetime) -> None:
    advance(row, PromiseStatus.BROKEN)
    row.judged_at, row.received_minor = now, came
    facts = {"amount_minor": row.amount_minor, "currency": row.currency, "on": row.promised_on.isoformat()}
    record(session, SYSTEM, "promise.broken", row, account_id=account.id, now=now,
           facts=facts | {"received_minor": came})  # fmt: skip
    outbox.note(session, account.id, "promise.broken", contact_id=row.contact_id, now=now, facts=facts)
    outbox.ask_person(
        session, TaskKind.PROMISE_BROKEN, _key(row), account_id=account.id, facts=facts, now=now
    )
    _write(session, SYSTEM, account, row, "promise_broken", Purpose.ARRANGEMENT, now=now)


def _write(
    session: Session,
    actor: Actor,
    account: Account,
    row: Promise,
    kind: str,
    purpose: Purpose,
    *,
    now: datetime,
) -> None:
    """Queue a message to who gave the promise, else to who pays; the note before its day by SMS too."""
    giver = session.get_one(Contact, row.contact_id) if row.contact_id else None
    people = [giver] if giver is not None else paying_contacts(session, account)[:1]
    channels = [Channel.EMAIL, Channel.SMS] if kind == "promise_due_tomorrow" else [Channel.EMAIL]
    for contact in people:
        for channel in channels:
            if address_of(contact, channel) is None:
                continue
            outbox.enqueue(
                session,
                actor,
                account=account,
                contact=contact,
                channel=channel,
                purpose=purpose,
                kind=kind,
                facts={"promise_id": row.id},
                dedupe_key=f"{kind}:{row.id}:{contact.id}:{channel.value}",
                currency=row.currency,
                now=now,
            )
