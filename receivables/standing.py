"""How an account stands beside its invoices: what we have agreed, what waits for us, what stands still.

One read for pages that open with it: a single statement gathers every arrangement and whether there
are branches to pay for, one more the pauses. A hardship case is nobody's business here, so neither it
nor its pause is in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    Select,
    String,
    bindparam,
    case,
    cast,
    exists,
    literal,
    null,
    or_,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy.orm import Session

from models.accounts import Account
from models.answers import Request, RequestKind
from models.arrangements import CreditHold, Instalment, Offer, OfferMaker, PaysBy, Plan, Promise
from models.disputes import Dispute, DisputeReason
from models.handovers import Handler, Handover
from models.invoices import Invoice
from models.money import Money, total
from models.pauses import PauseReason
from models.states import (
    HOLDING_DISPUTES,
    DisputeStatus,
    HandoverStatus,
    HoldStatus,
    InstalmentStatus,
    OfferStatus,
    PlanStatus,
    PromiseStatus,
    RequestStatus,
)
from models.store import fetch
from receivables import pauses


@dataclass(frozen=True, slots=True)
class PromiseRow:
    """A promise that is open; `changed` when its day was moved before and cannot be again."""

    ref: str
    amount: Money
    promised_on: date
    changed: bool


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A plan that runs, waits for our approval, or waits for the debtor's word.

    `next_*` name the earliest instalment that is not paid; None when there is none.
    """

    ref: str
    status: PlanStatus
    total: Money
    parts: int
    pays_by: PaysBy
    next_ref: str | None
    next_seq: int | None
    next_on: date | None
    next_amount: Money | None
    answer_by_on: date | None
    cure_until_on: date | None


@dataclass(frozen=True, slots=True)
class OfferRow:
    """A settlement offer that is open, accepted, or the debtor's own that waits for our answer."""

    ref: str
    status: OfferStatus
    maker: OfferMaker
    amount: Money
    balance: Money
    expires_on: date
    pay_by_on: date
    answer_by_on: date | None


@dataclass(frozen=True, slots=True)
class DisputeRow:
    """A dispute that holds its contested amount."""

    ref: str
    status: DisputeStatus
    reason: DisputeReason
    amount: Money
    invoice_ref: str
    invoice_number: str
    answer_by_on: date


@dataclass(frozen=True, slots=True)
class RequestRow:
    """Something that was asked of us and is not answered yet."""

    ref: str
    kind: RequestKind
    invoice_ref: str | None
    invoice_number: str | None
    answer_by_on: date


@dataclass(frozen=True, slots=True)
class HoldRow:
    """The credit hold that stands, with what releases it."""

    ref: str
    reason: str
    since_on: date
    release: Money
    #: Whether a plan for it ends it too.
    plan_releases: bool = False


@dataclass(frozen=True, slots=True)
class HandedRow:
    """Invoices of one currency that are now with an agency or a lawyer, and how to reach it."""

    ref: str
    handler: str
    phone: str
    currency: str
    placed_on: date


@dataclass(frozen=True, slots=True)
class Standing:
    """All of it, each in the order in which it came; `hold` is the one that stands, or None.

    `pays_for_branches`: the account is the head office of others that are shown to it (branches.py).
    """

    promises: Sequence[PromiseRow]
    plans: Sequence[PlanRow]
    offers: Sequence[OfferRow]
    disputes: Sequence[DisputeRow]
    requests: Sequence[RequestRow]
    hold: HoldRow | None
    pauses: Sequence[pauses.Standing]
    pays_for_branches: bool
    handed: Sequence[HandedRow] = ()

    @property
    def disputed(self) -> list[Money]:
        """What open disputes set aside, one sum for each currency."""
        codes = sorted({row.amount.currency for row in self.disputes})
        return [total([r.amount for r in self.disputes if r.amount.currency == c], c) for c in codes]

    @property
    def is_arranged(self) -> bool:
        """Whether something is agreed that runs or can be taken up."""
        agreed_plans = [row for row in self.plans if row.status is not PlanStatus.AWAITING_APPROVAL]
        agreed_offers = [row for row in self.offers if row.status is not OfferStatus.AWAITING_APPROVAL]
        return bool(self.promises or agreed_plans or agreed_offers)

    @property
    def waits_for_us(self) -> bool:
        """Whether a person of ours owes an answer."""
        return bool(
            self.disputes
            or self.requests
            or any(row.status is PlanStatus.AWAITING_APPROVAL for row in self.plans)
            or any(row.status is OfferStatus.AWAITING_APPROVAL for row in self.offers)
        )


_TEXT, _NUMBER, _DAY = String(), BigInteger(), Date()
#: Column of the union -> its type; a part leaves out what it has no use for.
_COLUMNS: dict[str, Any] = {
    "row_id": _NUMBER, "ref": _TEXT, "status": _TEXT, "kind": _TEXT, "minor": _NUMBER, "currency": _TEXT,
    "from_on": _DAY, "to_on": _DAY, "answer_by_on": _DAY, "name": _TEXT, "number": _TEXT,
    "more_minor": _NUMBER, "pieces": _NUMBER, "place": _NUMBER,
}  # fmt: skip


def _part(what: str, **columns: Any) -> Select[Any]:
    """Return one part of the union: its own columns by the common names, nothing for the others."""
    parts: list[ColumnElement[Any]] = [literal(what, _TEXT).label("what")]
    for name, kind in _COLUMNS.items():
        # Enumerations are read as plain text: the parts of a union share one type for each column.
        value = type_coerce(columns[name], kind) if name in columns else cast(null(), kind)
        parts.append(value.label(name))
    return select(*parts)


def _account(table: Any) -> ColumnElement[bool]:
    return table.account_id == bindparam("account_id")  # type: ignore[no-any-return]


_NEXT = (
    select(Instalment.id)
    .where(
        Instalment.plan_id == Plan.id,
        Instalment.status.in_([InstalmentStatus.SCHEDULED, InstalmentStatus.MISSED]),
    )
    .order_by(Instalment.due_on, Instalment.seq)
    .limit(1)
    .correlate(Plan)
    .scalar_subquery()
)

_ALL = union_all(
    _part(
        "promise", row_id=Promise.id, ref=Promise.ref, minor=Promise.amount_minor, currency=Promise.currency,
        from_on=Promise.promised_on, place=Promise.changes_id,
    ).where(_account(Promise), Promise.status == PromiseStatus.OPEN),
    _part(
        "plan", row_id=Plan.id, ref=Plan.ref, status=Plan.status, kind=Plan.pays_by, minor=Plan.total_minor,
        currency=Plan.currency, from_on=Instalment.due_on, to_on=Plan.cure_until_on,
        answer_by_on=Plan.answer_by_on, name=Instalment.ref, more_minor=Instalment.amount_minor,
        pieces=Plan.parts, place=Instalment.seq,
    )
    .outerjoin_from(Plan, Instalment, Instalment.id == _NEXT)
    .where(
        _account(Plan),
        or_(
            Plan.status == PlanStatus.ACTIVE,
            # What we put forward beyond the rules is not the debtor's to see before it is approved.
            (Plan.status == PlanStatus.AWAITING_APPROVAL) & Plan.accepted_at.is_not(None),
            # Once the days to cure it are over it is no arrangement any more.
            (Plan.status == PlanStatus.DEFAULTED) & Plan.ended_at.is_(None),
            # What the debtor is only looking at is a draft of his own; what we propose waits for him.
            (Plan.status == PlanStatus.PROPOSED) & Plan.proposed_by_staff_id.is_not(None),
        ),
    ),
    _part(
        "offer", row_id=Offer.id, ref=Offer.ref, status=Offer.status, kind=Offer.maker,
        minor=Offer.amount_minor, currency=Offer.currency, from_on=Offer.expires_on, to_on=Offer.pay_by_on,
        answer_by_on=Offer.answer_by_on, more_minor=Offer.balance_minor,
    ).where(
        _account(Offer),
        or_(
            Offer.status == OfferStatus.ACCEPTED,
            (Offer.status == OfferStatus.OPEN) & (Offer.expires_on >= bindparam("today")),
            # What staff propose above their limit is not the debtor's to see before it is approved.
            (Offer.status == OfferStatus.AWAITING_APPROVAL) & (Offer.maker == OfferMaker.DEBTOR),
        ),
    ),
    _part(
        "dispute", row_id=Dispute.id, ref=Dispute.ref, status=Dispute.status, kind=Dispute.reason,
        minor=Dispute.contested_minor, currency=Dispute.currency, answer_by_on=Dispute.answer_by_on,
        name=Invoice.ref, number=Invoice.number,
    )
    .join_from(Dispute, Invoice, Invoice.id == Dispute.invoice_id)
    .where(_account(Dispute), Dispute.status.in_(HOLDING_DISPUTES)),
    _part(
        "request", row_id=Request.id, ref=Request.ref, kind=Request.kind, answer_by_on=Request.answer_by_on,
        name=Invoice.ref, number=Invoice.number,
    )
    .outerjoin_from(Request, Invoice, Invoice.id == Request.invoice_id)
    .where(_account(Request), Request.status == RequestStatus.OPEN),
    _part(
        "hold", row_id=CreditHold.id, ref=CreditHold.ref, minor=CreditHold.release_minor,
        currency=CreditHold.currency, from_on=CreditHold.since_on, name=CreditHold.reason,
        kind=case((CreditHold.plan_releases, "plan"), else_="money"),
    ).where(_account(CreditHold), CreditHold.status == HoldStatus.ACTIVE),
    _part(
        "handed", row_id=Handover.id, ref=Handover.ref, currency=Handover.currency,
        from_on=Handover.placed_on, name=Handler.name, number=Handler.phone,
    )
    .join_from(Handover, Handler, Handler.id == Handover.handler_id)
    .where(_account(Handover), Handover.status == HandoverStatus.PLACED),
    _part("branches", row_id=literal(0)).where(
        exists().where(Account.payer_id == bindparam("account_id"), Account.shown_to_payer)
    ),
)  # fmt: skip


def standing_of(session: Session, account_id: int, today: date) -> Standing:
    """Return what is agreed with an account, what waits for us, and what stands still; two statements.

    Args:
        today: account-local date; an open offer whose last day has passed is left out.
    """
    found: dict[str, list[Any]] = {}
    rows = fetch(session, _ALL, {"account_id": account_id, "today": today}).all()
    for r in sorted(rows, key=lambda r: r.row_id):
        found.setdefault(r.what, []).append(_MAKERS[r.what](r))
    return Standing(
        promises=found.get("promise", []),
        plans=found.get("plan", []),
        offers=found.get("offer", []),
        disputes=found.get("dispute", []),
        requests=found.get("request", []),
        hold=next(iter(found.get("hold", [])), None),
        pauses=[
            held
            for held in pauses.standing(session, account_id, today)
            if held.reason is not PauseReason.HARDSHIP
        ],
        pays_for_branches="branches" in found,
        handed=found.get("handed", []),
    )


def _promise(r: Any) -> PromiseRow:
    return PromiseRow(r.ref, Money(r.minor, r.currency), r.from_on, r.place is not None)


def _plan(r: Any) -> PlanRow:
    return PlanRow(
        ref=r.ref,
        status=PlanStatus(r.status),
        total=Money(r.minor, r.currency),
        parts=r.pieces,
        pays_by=PaysBy(r.kind),
        next_ref=r.name,
        next_seq=r.place,
        next_on=r.from_on,
        next_amount=Money(r.more_minor, r.currency) if r.more_minor is not None else None,
        answer_by_on=r.answer_by_on,
        cure_until_on=r.to_on,
    )


def _offer(r: Any) -> OfferRow:
    return OfferRow(
        ref=r.ref,
        status=OfferStatus(r.status),
        maker=OfferMaker(r.kind),
        amount=Money(r.minor, r.currency),
        balance=Money(r.more_minor, r.currency),
        expires_on=r.from_on,
        pay_by_on=r.to_on,
        answer_by_on=r.answer_by_on,
    )


def _dispute(r: Any) -> DisputeRow:
    return DisputeRow(
        ref=r.ref,
        status=DisputeStatus(r.status),
        reason=DisputeReason(r.kind),
        amount=Money(r.minor, r.currency),
        invoice_ref=r.name,
        invoice_number=r.number,
        answer_by_on=r.answer_by_on,
    )


def _request(r: Any) -> RequestRow:
    return RequestRow(r.ref, RequestKind(r.kind), r.name, r.number, r.answer_by_on)


def _hold(r: Any) -> HoldRow:
    return HoldRow(r.ref, r.name, r.from_on, Money(r.minor, r.currency), r.kind == "plan")


def _handed(r: Any) -> HandedRow:
    return HandedRow(r.ref, r.name, r.number, r.currency, r.from_on)


_MAKERS: dict[str, Callable[[Any], object]] = {
    "promise": _promise,
    "plan": _plan,
    "offer": _offer,
    "dispute": _dispute,
    "request": _request,
    "hold": _hold,
    "handed": _handed,
    "branches": bool,
}
