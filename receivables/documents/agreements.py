"""Plan and settlement agreements as they were agreed: from the frozen terms, not from today's rules."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.arrangements import Instalment, Offer, Plan
from models.money import Money
from models.states import InstalmentStatus, OfferStatus
from receivables.arrangements.plan_reads import number_of
from receivables.calendar_days import business_date
from receivables.documents.data import Acceptance, OfferPaper, OpenPart, Part, PlanPaper
from receivables.errors import NotFound
from receivables.permissions import Actor, ActorKind, Permission, require

#: Offers that a debtor has never been shown.
_UNSEEN_OFFERS = (OfferStatus.DRAFT, OfferStatus.AWAITING_APPROVAL)


def plan_paper(session: Session, actor: Actor, ref: str) -> PlanPaper:
    """Return the agreement on a plan; one that nobody accepted yet is a draft.

    Args:
        ref: the plan's random name.
    Raises:
        NotAllowed: the actor may not read documents.
        NotFound: no such plan, or another account's (L-15).
    """
    plan = session.scalar(select(Plan).where(Plan.ref == ref))
    if plan is None:
        raise NotFound("not_found")
    require(actor, Permission.DOCUMENT_READ, account_id=plan.account_id)
    terms = plan.terms
    rows = session.scalars(
        select(Instalment)
        .where(Instalment.plan_id == plan.id, Instalment.status == InstalmentStatus.SCHEDULED)
        .order_by(Instalment.seq)
    )

    def money(minor: int) -> Money:
        return Money(minor, plan.currency)

    return PlanPaper(
        ref=ref,
        number=number_of(plan),
        status=plan.status.value,
        total=money(terms["total_minor"]),
        pays_by=terms["pays_by"],
        parts=[
            Part(part["seq"], date.fromisoformat(part["on"]), money(part["minor"])) for part in terms["parts"]
        ],
        invoices=[(covered["number"], money(covered["minor"])) for covered in terms["invoices"]],
        rules={"fee_percent": terms["fee_percent"], **terms["rules"]},
        words=terms.get("words", ()),
        words_language=terms.get("language"),
        made_on=business_date(plan.accepted_at or plan.proposed_at, _zone(session, plan.account_id)),
        changed_at=plan.accepted_at or plan.proposed_at,
        accepted=_acceptance(plan),
        open_parts=[OpenPart(r.ref, r.seq, r.due_on, money(r.amount_minor)) for r in rows],
    )


def offer_paper(session: Session, actor: Actor, ref: str) -> OfferPaper:
    """Return a settlement agreement; one that nobody accepted yet is a draft.

    Args:
        ref: the offer's random name.
    Raises:
        NotAllowed: the actor may not read documents.
        NotFound: no such offer, another account's (L-15), or one that is not decided yet.
    """
    offer = session.scalar(select(Offer).where(Offer.ref == ref))
    if offer is None:
        raise NotFound("not_found")
    require(actor, Permission.DOCUMENT_READ, account_id=offer.account_id)
    if actor.kind is ActorKind.LINK_HOLDER and offer.status in _UNSEEN_OFFERS:
        raise NotFound("not_found")
    terms = offer.terms

    def money(minor: int) -> Money:
        return Money(minor, offer.currency)

    return OfferPaper(
        ref=ref,
        status=offer.status.value,
        balance=money(terms["balance_minor"]),
        amount=money(terms["amount_minor"]),
        accept_by_on=date.fromisoformat(terms["accept_by"]),
        pay_by_on=date.fromisoformat(terms["pay_by"]),
        invoices=[(settled["number"], money(settled["balance_minor"])) for settled in terms["invoices"]],
        made_on=business_date(offer.accepted_at or offer.proposed_at, _zone(session, offer.account_id)),
        accepted=_acceptance(offer),
    )


def _zone(session: Session, account_id: int) -> str:
    return session.execute(select(Account.zone).where(Account.id == account_id)).scalar_one()


def _acceptance(row: Plan | Offer) -> Acceptance | None:
    if row.accepted_at is None:
        return None
    return Acceptance(row.accepted_name or "", row.accepted_role or "", row.accepted_at)
