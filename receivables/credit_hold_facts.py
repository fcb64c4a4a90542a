"""What speaks for a credit hold, and the holds that stand: for the form, the page and the list of the desk.

Source: issue of the desk, part 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from models.accounts import Account
from models.approvals import ApprovalKind, ApprovalRequest
from models.arrangements import CreditHold, HoldCause, HoldEnd, HoldRelease, Plan, Promise
from models.invoices import Invoice, InvoiceKind
from models.links import Channel
from models.messages import Purpose
from models.money import Money, total
from models.pauses import PauseReason
from models.staff import Staff
from models.states import ApprovalStatus, HoldStatus, PlanStatus, PromiseStatus
from models.work import Interaction
from receivables import bank_lines, credit_holds, credit_limits, pauses
from receivables.calendar_days import add_business_days, business_date
from receivables.contact.readers import paying_contacts, way_to
from receivables.errors import NotFound
from receivables.own_accounts import theirs
from receivables.permissions import Actor, ActorKind, Permission, require
from receivables.policy import current_policy
from receivables.ports import InvoiceRow
from receivables.segments import sales

#: How far back promises, plans and talks are evidence, days.
BACK_DAYS = 365
#: What counts as paid soon after a hold.
PAID_IN = timedelta(days=14)
#: Talks that are offered as evidence, the latest first.
TALKS = 6
#: Kinds of the timeline that tell of a talk.
_TALKS = ("call.", "sales.", "visit.", "inbound.")


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that was seen: `kind` is worded by the desk, `key` names it in the form.

    kind: "promise_broken", "plan_defaulted", "over_limit", "overdue" or a kind of the timeline.
    amount, on, days: what the kind has of them.
    """

    key: str
    kind: str
    amount: Money | None = None
    on: date | None = None
    days: int | None = None

    def kept(self) -> dict[str, Any]:
        """What is stored with the hold."""
        found: dict[str, Any] = {"kind": self.kind}
        if self.amount is not None:
            found |= {"amount_minor": self.amount.minor, "currency": self.amount.currency}
        if self.on is not None:
            found["on"] = self.on.isoformat()
        if self.days is not None:
            found["days"] = self.days
        return found


@dataclass(frozen=True, slots=True)
class Told:
    """One person whom the message of a hold goes to, and how."""

    name: str
    channel: Channel


@dataclass(frozen=True, slots=True)
class Before:
    """What is known before a hold is placed, in one currency.

    Attributes:
        rows: documents that are overdue and asked for; `overdue` is their sum.
        evidence: what speaks for it; `cause` is the one that is proposed.
        told: who is written to; empty: nobody can be.
        salesperson: who sells to the account, and `notice_given` to him; it may be placed from `from_on`.
        talking_to: until when sales has asked for time.
        lines_behind: whether the bank's lines are too old to freeze anybody.
        branches: numbers of accounts that this one pays for; a hold does not touch them.
    """

    account: Account
    currency: str
    rows: Sequence[InvoiceRow]
    overdue: Money
    evidence: Sequence[Evidence]
    cause: HoldCause
    told: Sequence[Told]
    salesperson: str | None
    notice_given: bool
    from_on: date | None
    talking_to: date | None
    lines_behind: bool
    branches: Sequence[str]
    review_on: date
    review_most: date
    undo_minutes: int


def before(session: Session, actor: Actor, account: Account, currency: str, *, now: datetime) -> Before:
    """Return what somebody sees who is about to place a hold.

    Raises:
        NotAllowed: the actor may not place holds.
    """
    require(actor, Permission.CREDIT_HOLD_PLACE, account_id=account.id)
    today, policy = business_date(now, account.zone), current_policy(session, now)
    rows = credit_holds.overdue_rows(session, account.id, today, currency)
    seller = session.get(Staff, account.salesperson_id) if account.salesperson_id else None
    heard = sales.notice_given(session, account, credit_holds.RUNG, now=now)
    found = evidence(session, actor, account, currency, now=now)
    talks = [
        p.to_on for p in pauses.standing(session, account.id, today) if p.reason is PauseReason.SALES_TALK
    ]
    kinds = {one.kind for one in found}
    cause = next((c for c in HoldCause if SHOWN_BY.get(c) in kinds), HoldCause.OTHER)
    days = policy.segments.notice_business_days
    rules = policy.credit_holds
    return Before(
        account=account,
        currency=currency,
        rows=rows,
        overdue=total([row.asked for row in rows], currency),
        evidence=found,
        cause=cause,
        told=told(session, account),
        salesperson=seller.name if seller else None,
        notice_given=heard,
        from_on=None if heard else add_business_days(today, days, account.country),
        talking_to=talks[0] if talks else None,
        lines_behind=bank_lines.is_behind(session, account, now=now),
        branches=session.scalars(
            select(Account.number).where(Account.payer_id == account.id).order_by(Account.number)
        ).all(),
        review_on=today + timedelta(days=rules.review_days),
        review_most=today + timedelta(days=rules.review_most_days),
        undo_minutes=rules.undo_minutes,
    )


#: Which evidence shows which cause.
SHOWN_BY = {
    HoldCause.BROKEN_PROMISE: "promise_broken",
    HoldCause.OVER_LIMIT: "over_limit",
    HoldCause.OVERDUE: "overdue",
}


def told(session: Session, account: Account) -> list[Told]:
    """Return who is written to about a hold, and by which way."""
    found = []
    for contact in paying_contacts(session, account):
        way = way_to(contact, Purpose.ARRANGEMENT)
        if way is not None:
            found.append(Told(contact.name, way[0]))
    return found


def evidence(
    session: Session, actor: Actor, account: Account, currency: str, *, now: datetime
) -> list[Evidence]:
    """Return what speaks for a hold: promises and plans not kept, the limit, what is late, talks."""
    today = business_date(now, account.zone)
    back = now - timedelta(days=BACK_DAYS)
    found = [
        Evidence(f"promise-{p.ref}", "promise_broken", Money(p.amount_minor, p.currency), p.promised_on)
        for p in session.scalars(
            select(Promise)
            .where(
                Promise.account_id == account.id, Promise.status == PromiseStatus.BROKEN,
                Promise.judged_at >= back,
            )
            .order_by(Promise.id.desc())
            .limit(TALKS)
        )
    ]  # fmt: skip
    found += [
        Evidence(f"plan-{p.ref}", "plan_defaulted", Money(p.total_minor, p.currency))
        for p in session.scalars(
            select(Plan)
            .where(Plan.account_id == account.id, Plan.status == PlanStatus.DEFAULTED)
            .order_by(Plan.id.desc())
            .limit(TALKS)
        )
    ]
    for exposure in credit_limits.credit_of(session, actor, account.id).exposures:
        if exposure.over is not None:
            found.append(Evidence(f"limit-{exposure.currency}", "over_limit", exposure.over))
    rows = credit_holds.overdue_rows(session, account.id, today, currency)
    if rows:
        late = total([row.asked for row in rows], currency)
        found.append(Evidence("overdue", "overdue", late, days=max(row.days_late for row in rows)))
    talks = session.scalars(
        select(Interaction)
        .where(Interaction.account_id == account.id, Interaction.occurred_at >= back)
        .order_by(Interaction.occurred_at.desc(), Interaction.id.desc())
        .limit(200)
    )
    said = [row for row in talks if row.kind.startswith(_TALKS)][:TALKS]
    return found + [
        Evidence(f"talk-{row.id}", row.kind, on=business_date(row.occurred_at, account.zone)) for row in said
    ]


@dataclass(frozen=True, slots=True)
class Helped:
    """What came of earlier holds of one cause: how many, paid in time, and ordered again."""

    holds: int
    paid: int
    ordered: int


def helped(session: Session, cause: HoldCause, *, now: datetime) -> Helped:
    """Return what came of holds of a cause in the last BACK_DAYS; those taken back at once do not count."""
    ended = func.date(CreditHold.released_at)
    ordered = exists().where(
        Invoice.account_id == CreditHold.account_id, Invoice.kind == InvoiceKind.INVOICE,
        func.date(Invoice.issued_on) > ended,
    )  # fmt: skip
    rows = session.execute(
        select(CreditHold.placed_at, CreditHold.released_at, CreditHold.ended_as, ordered.label("ordered"))
        .where(
            CreditHold.cause == cause, CreditHold.placed_at >= now - timedelta(days=BACK_DAYS),
            or_(CreditHold.ended_as.is_(None), CreditHold.ended_as != HoldEnd.UNDONE),
        )
    ).all()  # fmt: skip
    met = (HoldEnd.PAID, HoldEnd.ARRANGED)
    in_time = [r for r in rows if r.ended_as in met and r.released_at - r.placed_at <= PAID_IN]
    return Helped(len(rows), len(in_time), sum(bool(r.ordered) for r in rows if r.released_at))


# --------------------------------------------------------------------------- holds that stand or stood


@dataclass(frozen=True, slots=True)
class HoldRow:
    """One hold in the list; `left` is what of the release is still to come."""

    ref: str
    account_ref: str
    account_number: str
    account_name: str
    cause: HoldCause
    reason: str
    since_on: date
    review_on: date | None
    is_due: bool
    release: Money
    left: Money
    releases_by: HoldRelease
    plan_releases: bool
    prepaid_allowed: bool
    placed_by: str | None
    salesperson: str | None
    ended_on: date | None = None
    ended_as: HoldEnd | None = None
    #: A second person is asked to end it.
    release_asked: bool = False


@dataclass(frozen=True, slots=True)
class HoldPage(HoldRow):
    """One hold, whole: with what is ours only and what may be done about it.

    Attributes:
        may_undo: whether the reader may take it back, until `undo_until`.
        asked: the request of its early end that waits, and by whom it was made.
    """

    note: str | None = None
    evidence: Sequence[dict[str, Any]] = ()
    numbers: Sequence[str] = ()
    undo_until: datetime | None = None
    may_undo: bool = False
    asked: ApprovalRequest | None = None
    asked_by: str | None = None


_PLACER, _SELLER = aliased(Staff), aliased(Staff)
_ASKED = exists().where(
    ApprovalRequest.kind == ApprovalKind.HOLD_RELEASE,
    ApprovalRequest.subject_ref == CreditHold.ref,
    ApprovalRequest.status == ApprovalStatus.WAITING,
)


def holds(
    session: Session,
    actor: Actor,
    *,
    show: str = "standing",
    cause: HoldCause | None = None,
    collector_id: int | None = None,
    now: datetime,
    limit: int = 200,
) -> list[HoldRow]:
    """Return holds, the one to be looked at first on top; a salesperson sees his own accounts'.

    Args:
        show: "standing", "due" (the day of the next look has come) or "ended" (newest first).
        collector_id: of accounts that this person looks after.
    Raises:
        NotAllowed: the actor may not read holds.
    """
    require(actor, Permission.CREDIT_HOLD_READ)
    query = _rows().where(theirs(actor))
    ended = show == "ended"
    query = query.where(CreditHold.status == (HoldStatus.RELEASED if ended else HoldStatus.ACTIVE))
    if cause is not None:
        query = query.where(CreditHold.cause == cause)
    if collector_id is not None:
        query = query.where(Account.collector_id == collector_id)
    if ended:
        query = query.order_by(CreditHold.released_at.desc(), CreditHold.id.desc())
    else:
        query = query.order_by(CreditHold.review_on.is_(None), CreditHold.review_on, CreditHold.id)
    found = [HoldRow(**_row(session, r, now)) for r in session.execute(query.limit(limit))]
    return [row for row in found if row.is_due] if show == "due" else found


def hold_page(session: Session, actor: Actor, account_ref: str, *, now: datetime) -> HoldPage:
    """Return the hold that stands on an account.

    Raises:
        NotAllowed; NotFound: no such account for this actor, or no hold.
    """
    require(actor, Permission.CREDIT_HOLD_READ)
    query = _rows().where(theirs(actor), Account.ref == account_ref, CreditHold.status == HoldStatus.ACTIVE)
    r = session.execute(query).first()
    if r is None:
        raise NotFound("not_found")
    hold: CreditHold = r.CreditHold
    is_placer = actor.kind is ActorKind.STAFF and hold.placed_by_id == actor.id
    asked = session.execute(
        select(ApprovalRequest, Staff.name)
        .join(Staff, Staff.id == ApprovalRequest.proposer_id)
        .where(
            ApprovalRequest.kind == ApprovalKind.HOLD_RELEASE, ApprovalRequest.subject_ref == hold.ref,
            ApprovalRequest.status == ApprovalStatus.WAITING,
        )
    ).first()  # fmt: skip
    return HoldPage(
        **_row(session, r, now),
        note=hold.note,
        evidence=hold.evidence,
        numbers=[number for _ref, number in credit_holds.named_open(session, hold)],
        undo_until=hold.undo_until,
        may_undo=is_placer and hold.undo_until is not None and now < hold.undo_until,
        asked=asked[0] if asked else None,
        asked_by=asked[1] if asked else None,
    )


def _rows() -> Any:
    return (
        select(
            CreditHold, Account.ref.label("account_ref"), Account.number, Account.name, Account.zone,
            _PLACER.name.label("placer"), _SELLER.name.label("seller"), _ASKED.label("asked"),
        )
        .join(Account, Account.id == CreditHold.account_id)
        .outerjoin(_PLACER, _PLACER.id == CreditHold.placed_by_id)
        .outerjoin(_SELLER, _SELLER.id == Account.salesperson_id)
    )  # fmt: skip


def _row(session: Session, r: Any, now: datetime) -> dict[str, Any]:
    hold: CreditHold = r.CreditHold
    today, stands = business_date(now, r.zone), hold.status is HoldStatus.ACTIVE
    left = credit_holds.left_of(session, hold) if stands else Money(0, hold.currency)
    return {
        "ref": hold.ref,
        "account_ref": r.account_ref,
        "account_number": r.number,
        "account_name": r.name,
        "cause": hold.cause,
        "reason": hold.reason,
        "since_on": hold.since_on,
        "review_on": hold.review_on,
        "is_due": stands and hold.review_on is not None and hold.review_on <= today,
        "release": Money(hold.release_minor, hold.currency),
        "left": left,
        "releases_by": hold.releases_by,
        "plan_releases": hold.plan_releases,
        "prepaid_allowed": hold.prepaid_allowed,
        "placed_by": r.placer,
        "salesperson": r.seller,
        "release_asked": bool(r.asked),
        "ended_on": business_date(hold.released_at, r.zone) if hold.released_at else None,
        "ended_as": hold.ended_as,
    }
