"""Beside a call: what stands in the way, what may be offered within the policy, and what a promise would do.

Source: issue D, part 3; domain.md, "Arrangements"; policy promises, plans, offers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, literal, or_, select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.answers import Answer, AnswerKind
from models.arrangements import Promise
from models.money import Money, currency_row, total
from models.states import PromiseStatus
from models.work import Interaction
from receivables import invoices
from receivables.arrangements import promises
from receivables.arrangements.offer_terms import limits
from receivables.arrangements.plan_outlook import kept_promises, may_be_covered
from receivables.arrangements.plan_terms import Band, band_of
from receivables.calendar_days import business_date
from receivables.contact.calls import TOLD
from receivables.permissions import Actor, Permission, may, require
from receivables.policy import Policy, current_policy
from receivables.ports import InvoiceRow
from receivables.talks.written import Promised, speaking_for

#: So many answers of the portal stand beside a call, newest first.
_ANSWERS = 3
_YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that the debtor told us: a reason given in the portal, or his words in a talk."""

    at: datetime
    contact: str | None
    reason: AnswerKind | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Discount:
    """What a settlement offer may forgive: now, or not before the oldest is so many days late."""

    most: Money | None
    percent: int
    from_days_late: int


@dataclass(frozen=True, slots=True)
class Offerable:
    """The alternatives of one currency, with their limits.

    Attributes:
        asked: what is asked for of what is late, else of everything open.
        last_on, least, ready: of a promise: its last day, its smallest amount, days to choose from.
        standing: the promise that is open already; another one changes it.
        plan: what the rules give in parts without a person.
        discount: what an offer may forgive; None where there is no grid or nothing is late.
    """

    currency: str
    asked: Money
    everything: Money
    last_on: date
    least: Money
    ready: Sequence[date]
    standing: Promise | None
    plan: Band | None
    discount: Discount | None


@dataclass(frozen=True, slots=True)
class Beside:
    """All that stands beside the call.

    Attributes:
        broken, kept: promises of the last year that were broken and kept.
    """

    answers: Sequence[Said]
    last_words: Said | None
    offers: Sequence[Offerable]
    rows: Sequence[InvoiceRow]
    policy_version: int | None
    kept_percent: int
    broken: int
    kept: int


@dataclass(frozen=True, slots=True)
class Follows:
    """What a promise would do, before it is given; nothing of it is written.

    Attributes:
        kept_from: from this amount on it counts as kept.
        rest: what would still be asked for.
        waited_until: last day that is waited; the ladder goes on the day after.
        changes_on: the day of the promise that it would take the place of.
    """

    amount: Money
    promised_on: date
    waited_until: date
    goes_on: date
    kept_from: Money
    rest: Money
    changes_on: date | None


def beside(
    session: Session, actor: Actor, account_id: int, *, currency: str | None = None, now: datetime
) -> Beside:
    """Return what stands beside a call; reads only.

    Args:
        currency: that the call is about, which stands first; then that of what is late longest.
    Raises: NotAllowed.
    """
    require(actor, Permission.CALL_LOG)
    account = session.get_one(Account, account_id)
    policy = current_policy(session, now)
    today = business_date(now, account.zone)
    rows = [row for row in invoices.open_rows(session, account_id, today) if row.asked]
    late: dict[str, int] = {}
    for row in rows:
        late[row.currency] = max(late.get(row.currency, 0), row.days_late)
    codes = sorted(late, key=lambda code: (code != currency, -late[code], code))
    judged = dict(
        session.execute(
            select(Promise.status, func.count())
            .where(Promise.account_id == account_id, Promise.judged_at >= now - _YEAR)
            .group_by(Promise.status)
        ).all()
    )
    return Beside(
        answers=_answers(session, account_id, hardship=may(actor, Permission.HARDSHIP_READ)),
        last_words=_last_words(session, account_id),
        offers=[_offerable(session, account, rows, code, policy, today) for code in codes],
        rows=rows,
        policy_version=policy.version_id,
        kept_percent=policy.promises.kept_percent,
        broken=judged.get(PromiseStatus.BROKEN, 0),
        kept=judged.get(PromiseStatus.KEPT, 0),
    )


def follows(session: Session, actor: Actor, contact_ref: str, wish: Promised, *, now: datetime) -> Follows:
    """Return what a promise of a contact would do.

    Raises:
        NotAllowed.
        Refused: as `promises.promise`.
    """
    require(actor, Permission.CALL_LOG)
    contact = session.scalars(select(Contact).where(Contact.ref == contact_ref)).one()
    account = session.get_one(Account, contact.account_id)
    seen = promises.preview(session, speaking_for(actor, contact), wish.amount, wish.on, now=now)
    policy = current_policy(session, now)
    today = business_date(now, account.zone)
    rows = invoices.open_rows(session, account.id, today, currency=wish.amount.currency)
    asked = total([row.asked for row in rows], wish.amount.currency)
    percent = policy.promises.kept_percent
    return Follows(
        amount=seen.amount,
        promised_on=seen.promised_on,
        waited_until=seen.waited_until,
        goes_on=seen.waited_until + timedelta(days=1),
        kept_from=Money(-(-seen.amount.minor * percent // 100), seen.amount.currency),
        rest=asked - seen.amount,
        changes_on=seen.changes_on,
    )


def _offerable(
    session: Session, account: Account, rows: Sequence[InvoiceRow], code: str, policy: Policy, today: date
) -> Offerable:
    own = [row for row in rows if row.currency == code]
    late = [row for row in own if row.days_late]
    everything = total([row.asked for row in own], code)
    asked = total([row.asked for row in late], code) or everything
    least = asked.minor * policy.promises.least_percent // 100
    in_parts = [row for row in late or own if may_be_covered(row)]
    whole = total([row.asked for row in in_parts], code)
    band = (
        band_of(policy, whole, kept_promises=kept_promises(session, account.id), today=today)
        if whole
        else None
    )
    return Offerable(
        currency=code,
        asked=asked,
        everything=everything,
        last_on=promises.last_day(today, account.country, policy.promises),
        least=Money(least - least % currency_row(code).step, code),
        ready=promises.ready_days(today, account.country, policy.promises),
        standing=promises.open_promise(session, account.id, code),
        plan=band if band is not None and band.gives else None,
        discount=_discount(policy, late, today),
    )


def _discount(policy: Policy, late: Sequence[InvoiceRow], today: date) -> Discount | None:
    if not late or not policy.offers.grid:
        return None
    first = min(policy.offers.grid, key=lambda band: band.days_late)
    oldest = max(row.days_late for row in late)
    most = limits(policy, late, today).most_forgiven
    reached = [band for band in policy.offers.grid if oldest >= band.days_late]
    percent = max((band.discount_percent for band in reached), default=0)
    return Discount(most or None, percent or first.discount_percent, first.days_late)


def _answers(session: Session, account_id: int, *, hardship: bool) -> list[Said]:
    """Reasons of the portal; that somebody is in difficulty only to those who may read it."""
    rows = session.execute(
        select(Answer.given_at, Contact.name, Answer.kind)
        .outerjoin(Contact, Contact.id == Answer.contact_id)
        .where(Answer.account_id == account_id, or_(literal(hardship), Answer.kind != AnswerKind.HARDSHIP))
        .order_by(Answer.given_at.desc(), Answer.id.desc())
        .limit(_ANSWERS)
    )
    return [Said(r.given_at, r.name, r.kind) for r in rows]


def _last_words(session: Session, account_id: int) -> Said | None:
    """The words of the last talk in which somebody noted any."""
    rows = session.execute(
        select(Interaction.occurred_at, Contact.name, Interaction.facts)
        .outerjoin(Contact, Contact.id == Interaction.contact_id)
        .where(Interaction.account_id == account_id, Interaction.kind.in_(TOLD.values()))
        .order_by(Interaction.occurred_at.desc(), Interaction.id.desc())
        .limit(20)
    )
    found = (Said(r.occurred_at, r.name, words=r.facts["words"]) for r in rows if r.facts.get("words"))
    return next(found, None)
