"""What waits for a decision, and the case behind it: offers, counter-offers, plans, withheld tax.

Read by whoever may read approvals; decided in offer_deciding.py, plan_deciding.py and answers/requests.py,
each of which refuses the proposer and whoever is beyond his limit (A-02, A-03).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Integer, Select, case, cast, func, literal, null, select, union_all
from sqlalchemy.orm import Session

from models.accounts import Account
from models.answers import Request, RequestKind
from models.arrangements import Offer, OfferMaker, Plan, Promise
from models.invoices import OWED_KINDS, Invoice
from models.money import Money
from models.staff import Staff
from models.states import InvoiceStatus, OfferStatus, PlanStatus, PromiseStatus, RequestStatus
from models.store import fetch
from receivables import four_eyes, invoices
from receivables.arrangements import offer_reads, offer_terms, plan_deciding, plan_reads
from receivables.arrangements.offer_reads import OfferView
from receivables.arrangements.plan_reads import PlanView
from receivables.calendar_days import business_date
from receivables.errors import NotFound
from receivables.permissions import Actor, Permission, require
from receivables.policy import current_policy


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """One thing that waits.

    Attributes:
        kind: "offer", "counter_offer", "plan" or "withholding"; names the page of its case.
        amount: what is offered, planned or was withheld.
        own: whether the reader put it forward, so that somebody else decides.
    """

    kind: str
    ref: str
    account_ref: str
    account_name: str
    amount: Money
    forgiven: Money | None
    parts: int | None
    since: datetime
    answer_by_on: date | None
    proposed_by: str | None
    own: bool


def waiting(session: Session, actor: Actor) -> list[WaitingRow]:
    """Return what waits for a decision, longest waiting first.

    Raises: NotAllowed.
    """
    require(actor, Permission.APPROVAL_READ)
    return sorted([*_agreements(session, actor), *_withheld(session)], key=lambda row: row.since)


def _waiting(table: type[Plan] | type[Offer], status: StrEnum, **own: Any) -> Select[Any]:
    """Return one part of the union: what waits in one table, with its own columns by common names."""
    return (
        select(
            *(column.label(name) for name, column in own.items()),
            table.ref,
            table.currency,
            table.answer_by_on,
            table.proposed_by_staff_id,
            Account.ref.label("account_ref"),
            Account.name.label("account_name"),
            Staff.name.label("proposed_by"),
        )
        .join_from(table, Account, Account.id == table.account_id)
        .outerjoin(Staff, Staff.id == table.proposed_by_staff_id)
        .where(table.status == status)
    )


_AGREEMENTS = union_all(
    _waiting(
        Offer,
        OfferStatus.AWAITING_APPROVAL,
        kind=case((Offer.maker == OfferMaker.DEBTOR, "counter_offer"), else_="offer"),
        minor=Offer.amount_minor,
        forgiven_minor=Offer.balance_minor - Offer.amount_minor,
        parts=cast(null(), Integer),
        since=Offer.proposed_at,
    ),
    _waiting(
        Plan,
        PlanStatus.AWAITING_APPROVAL,
        kind=literal("plan"),
        minor=Plan.total_minor,
        forgiven_minor=cast(null(), BigInteger),
        parts=Plan.parts,
        since=func.coalesce(Plan.accepted_at, Plan.proposed_at),
    ),
)


def _agreements(session: Session, actor: Actor) -> list[WaitingRow]:
    return [
        WaitingRow(
            kind=r.kind,
            ref=r.ref,
            account_ref=r.account_ref,
            account_name=r.account_name,
            amount=Money(r.minor, r.currency),
            forgiven=Money(r.forgiven_minor, r.currency) if r.forgiven_minor is not None else None,
            parts=r.parts,
            since=r.since,
            answer_by_on=r.answer_by_on,
            proposed_by=r.proposed_by,
            own=r.proposed_by_staff_id is not None and r.proposed_by_staff_id == actor.id,
        )
        for r in fetch(session, _AGREEMENTS, {})
    ]


def _withheld(session: Session) -> list[WaitingRow]:
    found = session.execute(
        select(
            Request.ref,
            Request.facts,
            Request.asked_at,
            Request.answer_by_on,
            Account.ref.label("account_ref"),
            Account.name.label("account_name"),
        )
        .join(Account, Account.id == Request.account_id)
        .where(Request.kind == RequestKind.WITHHOLDING, Request.status == RequestStatus.OPEN)
    )
    return [
        WaitingRow(
            kind="withholding",
            ref=r.ref,
            account_ref=r.account_ref,
            account_name=r.account_name,
            amount=_amount(r.facts),
            forgiven=None,
            parts=None,
            since=r.asked_at,
            answer_by_on=r.answer_by_on,
            proposed_by=None,
            own=False,
        )
        for r in found
    ]


def _amount(facts: Mapping[str, Any]) -> Money:
    return Money(int(facts["amount_minor"]), str(facts["currency"]))


# --------------------------------------------------------------------------- one case


@dataclass(frozen=True, slots=True)
class EarlierOffer:
    ref: str
    made_at: datetime
    maker: OfferMaker
    made_by: str | None
    amount: Money
    percent: str
    pay_by_on: date
    status: OfferStatus


@dataclass(frozen=True, slots=True)
class History:
    """How the account has paid so far, in short."""

    invoices: int
    paid: int
    promises_kept: int
    promises_judged: int
    settled: int
    earlier: Sequence[EarlierOffer]


@dataclass(frozen=True, slots=True)
class OfferCase:
    """An offer that waits, with what its decider needs.

    Attributes:
        percent: what it forgives, a decimal string.
        grid_least: the smallest sum that the rules take without a person, as the invoices stand now.
        limits: role -> largest discount in percent.
        may_decide: the reader is another person than the proposer, or alone in the house, and within his
            limit or that of whom he stands in for.
        own: the reader put it forward.
    """

    view: OfferView
    account_name: str
    account_number: str
    zone: str
    account_id: int
    currency: str
    percent: str
    days_late: int
    grid_least: Money | None
    limits: Mapping[str, int]
    role_percent: int
    own: bool
    may_decide: bool
    history: History


def offer_case(session: Session, actor: Actor, ref: str, *, now: datetime) -> OfferCase:
    """Return the case of one offer, waiting or decided.

    Raises: NotAllowed, NotFound.
    """
    require(actor, Permission.APPROVAL_READ)
    found = session.scalar(select(Offer).where(Offer.ref == ref))
    if found is None:
        raise NotFound("not_found")
    account = session.get_one(Account, found.account_id)
    view = offer_reads.offer(session, actor, ref, now=now)
    policy, today = current_policy(session, now), business_date(now, account.zone)
    refs = {part.ref for part in view.parts}
    rows = [
        row
        for row in invoices.open_rows(session, account.id, today, currency=found.currency)
        if row.ref in refs
    ]
    least = offer_terms.limits(policy, rows, today).least if rows and policy.offers.grid else None
    allowed = offer_terms.role_percent(policy, actor.role)
    own = found.proposed_by_staff_id is not None and found.proposed_by_staff_id == actor.id
    return OfferCase(
        view=view,
        account_name=account.name,
        account_number=account.number,
        zone=account.zone,
        account_id=account.id,
        currency=found.currency,
        percent=offer_terms.percent_forgiven(view.balance, view.amount),
        days_late=max((row.days_late for row in rows), default=int(found.terms["days_late"])),
        grid_least=least,
        limits={role: p for role, p in policy.approvals.discount_percent.items() if p},
        role_percent=allowed,
        own=own,
        may_decide=four_eyes.may_look(
            session,
            actor,
            proposer_id=found.proposed_by_staff_id,
            proposed_at=found.proposed_at,
            fits=lambda standing: offer_terms.may_forgive(policy, standing, view.balance, view.amount),
            now=now,
        ),
        history=history(session, account.id, but=found.id),
    )


def history(session: Session, account_id: int, *, but: int | None = None) -> History:
    """Return how an account has paid, and the offers that it was made and made.

    Args:
        but: id of the offer that is looked at; left out of the list.
    """
    counts = session.execute(
        select(
            func.count(),
            func.count().filter(Invoice.status == InvoiceStatus.PAID),
        ).where(Invoice.account_id == account_id, Invoice.kind.in_(OWED_KINDS))
    ).one()
    found = session.execute(
        select(Promise.status, func.count())
        .where(
            Promise.account_id == account_id,
            Promise.status.in_([PromiseStatus.KEPT, PromiseStatus.BROKEN]),
        )
        .group_by(Promise.status)
    )
    judged: dict[PromiseStatus, int] = {r.status: r[1] for r in found}
    offers = session.execute(
        select(Offer, Staff.name.label("made_by"))
        .outerjoin(Staff, Staff.id == Offer.proposed_by_staff_id)
        .where(Offer.account_id == account_id)
        .order_by(Offer.id.desc())
        .limit(10)
    ).all()
    return History(
        invoices=counts[0],
        paid=counts[1],
        promises_kept=judged.get(PromiseStatus.KEPT, 0),
        promises_judged=sum(judged.values()),
        settled=sum(r.Offer.status is OfferStatus.SETTLED for r in offers),
        earlier=[
            EarlierOffer(
                ref=r.Offer.ref,
                made_at=r.Offer.proposed_at,
                maker=r.Offer.maker,
                made_by=r.made_by,
                amount=Money(r.Offer.amount_minor, r.Offer.currency),
                percent=offer_terms.percent_forgiven(
                    Money(r.Offer.balance_minor, r.Offer.currency),
                    Money(r.Offer.amount_minor, r.Offer.currency),
                ),
                pay_by_on=r.Offer.pay_by_on,
                status=r.Offer.status,
            )
            for r in offers
            if r.Offer.id != but
        ],
    )


@dataclass(frozen=True, slots=True)
class PlanCase:
    """A plan that waits, with what its decider needs; fields as of OfferCase."""

    view: PlanView
    account_ref: str
    account_name: str
    account_number: str
    zone: str
    account_id: int
    limits: Mapping[str, int]
    role_parts: int
    own: bool
    may_decide: bool
    history: History


def plan_case(session: Session, actor: Actor, ref: str, *, now: datetime) -> PlanCase:
    """Return the case of one plan.

    Raises: NotAllowed, NotFound.
    """
    require(actor, Permission.APPROVAL_READ)
    view = plan_reads.view(session, actor, ref, now=now)
    account = session.get_one(Account, view.account_id)
    proposer = session.scalar(select(Plan.proposed_by_staff_id).where(Plan.ref == ref))
    policy = current_policy(session, now)
    limits = policy.approvals.plan_parts
    allowed = limits.get(actor.role.value, 0) if actor.role else 0
    own = proposer is not None and proposer == actor.id
    return PlanCase(
        view=view,
        account_ref=account.ref,
        account_name=account.name,
        account_number=account.number,
        zone=account.zone,
        account_id=account.id,
        limits={role: parts for role, parts in limits.items() if parts},
        role_parts=allowed,
        own=own,
        may_decide=four_eyes.may_look(
            session,
            actor,
            proposer_id=proposer,
            proposed_at=view.proposed_at,
            fits=lambda standing: plan_deciding.fits(policy, standing, len(view.parts), view.total),
            now=now,
        ),
        history=history(session, account.id),
    )
