"""Promises to pay: a day and an amount that the debtor names, waited for.

A promise stands still for the account until its day and the days of grace are over; what becomes of
it then is in promise_ends. Source: domain.md, "Arrangements" (Promise); policy [promises].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.arrangements import Promise
from models.links import Channel
from models.messages import Purpose
from models.money import Money, currency_row, total
from models.pauses import PauseReason
from models.states import PromiseStatus, advance
from models.work import Task
from receivables import invoices, outbox, pauses
from receivables.audit import record
from receivables.calendar_days import add_business_days, business_date, is_business_day
from receivables.contact.readers import paying_contacts, way_to
from receivables.errors import NotFound, Refused
from receivables.permissions import Actor, ActorKind, Permission, require
from receivables.policy import PromiseRules, current_policy
from receivables.texts import clean_words

#: Ready days that a page offers before anybody has to type one.
READY = 3
#: Longest reason of the desk, characters.
REASON_MOST = 500


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


@dataclass(frozen=True, slots=True)
class Choices:
    """What a page needs to ask for a promise in one currency.

    Attributes:
        currencies: those in which something is asked for.
        usual: what is overdue, or else all that is asked for.
        standing: the promise that is open; a new one would change it.
    """

    currency: str
    currencies: Sequence[str]
    today: date
    ready: Sequence[date]
    last: date
    usual: Money
    asked: Money
    standing: PromiseView | None


@dataclass(frozen=True, slots=True)
class Preview:
    """A promise as it would stand, before it is given."""

    amount: Money
    promised_on: date
    waited_until: date
    changes_on: date | None


def last_day(today: date, country: str, rules: PromiseRules) -> date:
    """Return the last day that may be promised: the last of the horizon on which banks work.

    >>> last_day(date(2026, 11, 21), "GB", PromiseRules(14, 2, 90, 1, 20))
    datetime.date(2026, 12, 4)
    """
    last = today + timedelta(days=rules.horizon_days)
    while not is_business_day(last, country):
        last -= timedelta(days=1)
    return last


def ready_days(today: date, country: str, rules: PromiseRules) -> list[date]:
    """Return business days to choose from, spread over the horizon: near, a week on, the last one.

    >>> ready_days(date(2026, 11, 19), "GB", PromiseRules(14, 2, 90, 1, 20))
    [datetime.date(2026, 11, 23), datetime.date(2026, 11, 26), datetime.date(2026, 12, 3)]
    """
    days = [
        day
        for day in (today + timedelta(days=n) for n in range(1, rules.horizon_days + 1))
        if is_business_day(day, country)
    ]
    wanted = [today + timedelta(days=rules.horizon_days // n) for n in (5, 2)]
    found = [next((day for day in days if day >= aim), None) for aim in wanted]
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
    last = last_day(today, country, rules)
    if on <= today:
        raise Refused("day_past", first=add_business_days(today + timedelta(days=1), 0, country))
    if on > today + timedelta(days=rules.horizon_days):
        raise Refused("day_beyond", last=last)
    if not is_business_day(on, country):
        near = add_business_days(on, 0, country)
        while near > last or not is_business_day(near, country):
            near -= timedelta(days=1)
        raise Refused("day_off", near=near)


def promise(
    session: Session,
    actor: Actor,
    account: Account,
    amount: Money,
    on: date,
    *,
    contact_id: int | None = None,
    now: datetime,
) -> Promise:
    """Note that an amount will be paid on a day, and stand still until then.

    The same promise given again is the first one. Another day or amount changes the open promise, as
    often as the policy says; one that was taken back lately counts as the one it changes.

    Args:
        on: a business day of the account's country within the horizon.
        contact_id: who gave it by word of mouth, where the desk notes it; he is written what was noted.
    Returns:
        The promise, open.
    Raises:
        NotAllowed, NotFound.
        Refused: those of `check_day`; amount_zero, amount_negative, amount_above_balance with `asked`,
            amount_below_least with `least`, nothing_to_promise, promise_changed_before with the `on` that
            stands.
    Source: domain.md, "Arrangements"; policy promises.horizon_days, changes.
    """
    require(actor, Permission.PROMISE_MAKE, account_id=account.id)
    session.execute(select(Account.id).where(Account.id == account.id).with_for_update())
    rules = current_policy(session, now).promises
    standing = open_promise(session, account.id, amount.currency)
    if standing and (standing.amount_minor, standing.promised_on) == (amount.minor, on):
        return standing
    before = _checked(session, account, amount, on, standing, rules, now=now)
    staff_id = actor.id if actor.kind is ActorKind.STAFF else None
    giver_id = actor.contact_id or _giver(session, account, contact_id)
    if standing is not None:
        advance(standing, PromiseStatus.SUPERSEDED)
        pauses.resume(session, actor, account, key_of(standing), now=now)
        session.flush()  # the open one is unique
    row = Promise(
        account_id=account.id,
        contact_id=giver_id,
        amount_minor=amount.minor,
        currency=amount.currency,
        promised_on=on,
        status=PromiseStatus.OPEN,
        changes_id=before.id if before else None,
        recorded_by_id=staff_id,
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
        key=key_of(row),
        to_on=until + timedelta(days=1),
        currency=amount.currency,
        now=now,
    )
    facts = {"amount_minor": amount.minor, "currency": amount.currency, "on": on.isoformat()}
    record(session, actor, "promise.made", row, account_id=account.id, now=now,
           facts=facts | {"changes": row.changes_id})  # fmt: skip
    told = "promise.changed" if standing else "promise.made"
    outbox.note(session, account.id, told, contact_id=row.contact_id, staff_id=staff_id, now=now, facts=facts)
    if staff_id is not None:
        _answer_broken(session, account, amount.currency, staff_id, now=now)
    write(session, actor, account, row, "promise_recorded", Purpose.ANSWER, now=now)
    return row


def _giver(session: Session, account: Account, contact_id: int | None) -> int | None:
    """Return who gave a promise to the desk; somebody else's contact is not found (L-15)."""
    if contact_id is None:
        return None
    contact = session.get(Contact, contact_id)
    if contact is None or contact.account_id != account.id:
        raise NotFound("not_found")
    return contact.id


def _answer_broken(
    session: Session, account: Account, currency: str, staff_id: int, *, now: datetime
) -> None:
    """Close the tasks that broken promises left: the desk has a new day from the debtor."""
    broken = session.scalars(
        select(Promise).where(
            Promise.account_id == account.id,
            Promise.currency == currency,
            Promise.status == PromiseStatus.BROKEN,
        )
    )
    keys = [key_of(row) for row in broken]
    for task in session.scalars(select(Task).where(Task.key.in_(keys), Task.done_at.is_(None))):
        task.done_at, task.done_by_id = now, staff_id


def _checked(
    session: Session,
    account: Account,
    amount: Money,
    on: date,
    standing: Promise | None,
    rules: PromiseRules,
    *,
    now: datetime,
) -> Promise | None:
    """Refuse what cannot be promised; return the promise that this one would change."""
    today = business_date(now, account.zone)
    check_day(on, today, account.country, rules)
    _check_amount(session, account, amount, today, rules)
    before = standing or _taken_back(session, account.id, amount.currency, now - _horizon(rules))
    if before is not None and _changes(session, before) >= rules.changes:
        raise Refused("promise_changed_before", on=before.promised_on)
    return before


def preview(
    session: Session, actor: Actor, amount: Money, on: date, *, account_id: int | None = None, now: datetime
) -> Preview:
    """Return a promise as it would stand; nothing is written.

    Args:
        account_id: whose, where the desk asks; the actor's own else.
    Raises:
        NotAllowed, Refused: as `promise`.
    """
    account = _account(session, actor, account_id)
    rules = current_policy(session, now).promises
    standing = open_promise(session, account.id, amount.currency)
    if not standing or (standing.amount_minor, standing.promised_on) != (amount.minor, on):
        _checked(session, account, amount, on, standing, rules, now=now)
    return Preview(
        amount, on, waited_until(on, account.country, rules), standing.promised_on if standing else None
    )


def _account(session: Session, actor: Actor, account_id: int | None) -> Account:
    require(actor, Permission.PROMISE_MAKE, account_id=account_id)
    return session.get_one(Account, actor.account_id or account_id or 0)


def choices(
    session: Session, actor: Actor, currency: str | None, *, account_id: int | None = None, now: datetime
) -> Choices:
    """Return what can be promised in a currency; in one with something overdue when none is named.

    Args:
        account_id: whose, where the desk asks; the actor's own else.
    Raises:
        NotAllowed.
        Refused: nothing_to_promise.
    """
    account = _account(session, actor, account_id)
    rules = current_policy(session, now).promises
    today = business_date(now, account.zone)
    rows = [row for row in invoices.open_rows(session, account.id, today) if row.asked]
    late = [row for row in rows if row.days_late]
    with_late = {row.currency for row in late}
    codes = sorted({row.currency for row in rows}, key=lambda code: (code not in with_late, code))
    if not codes or (currency is not None and currency not in codes):
        raise Refused("nothing_to_promise")
    code = currency or codes[0]
    asked = total([row.asked for row in rows if row.currency == code], code)
    overdue = total([row.asked for row in late if row.currency == code], code)
    standing = open_promise(session, account.id, code)
    return Choices(
        currency=code,
        currencies=codes,
        today=today,
        ready=ready_days(today, account.country, rules),
        last=last_day(today, account.country, rules),
        usual=overdue or asked,
        asked=asked,
        standing=_view(session, standing, account, rules) if standing else None,
    )


def _horizon(rules: PromiseRules) -> timedelta:
    return timedelta(days=rules.horizon_days)


def key_of(row: Promise) -> str:
    """Names a promise among the causes of pauses and tasks."""
    return f"promise:{row.id}"


def _check_amount(
    session: Session, account: Account, amount: Money, today: date, rules: PromiseRules
) -> None:
    rows = invoices.open_rows(session, account.id, today, currency=amount.currency)
    asked = total([row.asked for row in rows], amount.currency)
    if not asked:
        raise Refused("nothing_to_promise")
    if amount.minor <= 0:
        raise Refused("amount_zero" if amount.minor == 0 else "amount_negative")
    if amount > asked:
        raise Refused("amount_above_balance", asked=asked)
    usual = total([row.asked for row in rows if row.days_late], amount.currency) or asked
    minor = usual.minor * rules.least_percent // 100
    least = Money(minor - minor % currency_row(amount.currency).step, amount.currency)
    if amount < least:
        raise Refused("amount_below_least", least=least)


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
    return _view(session, row, account, current_policy(session, now).promises)


def _view(session: Session, row: Promise, account: Account, rules: PromiseRules) -> PromiseView:
    return PromiseView(
        ref=row.ref,
        status=row.status,
        amount=Money(row.amount_minor, row.currency),
        received=Money(row.received_minor, row.currency),
        promised_on=row.promised_on,
        waited_until=waited_until(row.promised_on, account.country, rules),
        may_change=row.status is PromiseStatus.OPEN and _changes(session, row) < rules.changes,
    )


def withdraw(
    session: Session, actor: Actor, ref: str, *, reason: str | None = None, now: datetime
) -> Promise:
    """Take a promise back; reminders may come again. A second call changes nothing.

    Args:
        reason: why, in words, at most REASON_MOST characters; the desk has to say it.
    Raises:
        NotAllowed, NotFound.
        Refused: promise_over, it was kept or broken meanwhile; reason_missing, words_too_long.
    """
    row = find(session, actor, ref, lock=True)
    words = clean_words(reason or "", most=REASON_MOST) or None
    if words is None and actor.kind is ActorKind.STAFF:
        raise Refused("reason_missing")
    if row.status is PromiseStatus.WITHDRAWN:
        return row
    if row.status is not PromiseStatus.OPEN:
        raise Refused("promise_over")
    let_go(session, actor, session.get_one(Account, row.account_id), row, reason=words, now=now)
    return row


def let_go(
    session: Session,
    actor: Actor,
    account: Account,
    row: Promise,
    *,
    reason: str | None = None,
    now: datetime,
) -> None:
    """End an open promise without judging it, and its pause with it."""
    advance(row, PromiseStatus.WITHDRAWN)
    row.judged_at = now
    pauses.resume(session, actor, account, key_of(row), now=now)
    record(session, actor, "promise.withdrawn", row, account_id=account.id, now=now, reason=reason)
    outbox.note(
        session, account.id, "promise.withdrawn", contact_id=actor.contact_id,
        staff_id=actor.id if actor.kind is ActorKind.STAFF else None, now=now,
        facts={"words": reason} if reason else {},
    )  # fmt: skip


def write(
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
    for contact in people:
        way = way_to(contact, purpose)
        ways = [way] if way is not None else []
        if kind == "promise_due_tomorrow" and contact.email is not None and contact.phone is not None:
            ways.append((Channel.SMS, purpose))
        for channel, under in ways:
            outbox.enqueue(
                session,
                actor,
                account=account,
                contact=contact,
                channel=channel,
                purpose=under,
                kind=kind,
                facts={"promise_id": row.id},
                dedupe_key=f"{kind}:{row.id}:{contact.id}:{channel.value}",
                currency=row.currency,
                now=now,
            )
