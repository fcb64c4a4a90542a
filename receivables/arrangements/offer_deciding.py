"""Decide an offer that waits: approve, refuse, answer with another; never by its proposer (A-02).

Source: policy approvals.discount_percent and approvals.offer_amount, both of which bind.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy.orm import Session

from models.accounts import Account
from models.arrangements import Offer, OfferMaker
from models.money import Money
from models.states import OfferStatus
from receivables import four_eyes
from receivables.arrangements import offer_making, offers
from receivables.arrangements.offer_terms import may_forgive, role_percent
from receivables.audit import record
from receivables.errors import NotAllowed, Refused
from receivables.permissions import Actor, ActorKind, Permission, require
from receivables.policy import current_policy
from receivables.texts import clean_words


def approve(
    session: Session,
    actor: Actor,
    ref: str,
    *,
    digest: str,
    now: datetime,
    proved_at: datetime | None = None,
) -> Offer:
    """Approve what waits, as a second person within the role's limit (A-02, A-03).

    Args:
        digest: of the content that the approver has read; another content is refused.
        proved_at: when the actor last gave password and code; needed of one who decides alone.
    Raises:
        NotAllowed: not this permission, or `own_proposal`.
        NotFound: no such offer.
        Refused: not_waiting, content_changed, offer_changed, beyond_limit (facts: percent),
            offer_expired, and those of one who decides alone (`four_eyes.look`).
    """
    require(actor, Permission.APPROVAL_DECIDE)
    offer, account, today = _waiting(session, actor, ref, digest=digest, now=now)
    policy = current_policy(session, now)
    eyes = four_eyes.look(
        session, actor, proposer_id=offer.proposed_by_staff_id, proposed_at=offer.proposed_at,
        fits=lambda standing: may_forgive(
            policy, standing, Money(offer.balance_minor, offer.currency), offers.amount_of(offer)
        ),
        beyond=Refused("beyond_limit", percent=role_percent(policy, actor.role)),
        proved_at=proved_at, now=now,
    )  # fmt: skip
    if offer.expires_on < today:
        raise Refused("offer_expired", on=offer.expires_on)
    if offers.has_changed(session, offer, today):
        raise Refused("offer_changed", ref=offer.ref)
    offers.decide(offer, actor, None, now, is_alone=eyes.is_alone)
    record(
        session, actor, "approval.decided", offer, account_id=offer.account_id, now=now,
        facts={"kind": "offer", "to": "approved", "digest": digest, **eyes.facts},
    )  # fmt: skip
    if eyes.is_alone:
        four_eyes.tell_owner(session, actor, about=account.name, ref=offer.ref, now=now)
    offers.open_up(session, actor, offer, now=now)
    return offer


def refuse(session: Session, actor: Actor, ref: str, *, digest: str, reason: str, now: datetime) -> Offer:
    """Refuse what waits with a reason; a debtor who waits for our answer reads it.

    Raises: as `approve`, and reason_missing, words_too_long.
    """
    require(actor, Permission.APPROVAL_DECIDE)
    offer, _, _ = _waiting(session, actor, ref, digest=digest, now=now)
    _refuse_own(offer, actor)
    words = clean_words(reason, most=500)
    if not words:
        raise Refused("reason_missing")
    offers.decide(offer, actor, words, now)
    offers.move(session, actor, offer, OfferStatus.REFUSED, now=now)
    if offer.maker is OfferMaker.DEBTOR:
        offers.tell(session, actor, offer, "counter_offer_refused", now=now)
    elif (theirs := offers.answered(session, offer)) is not None:
        theirs.decision_reason = words
        offers.tell(session, actor, theirs, "counter_offer_refused", now=now)
    return offer


def answer_with(
    session: Session,
    actor: Actor,
    ref: str,
    *,
    digest: str,
    amount: Money,
    pay_by_on: date,
    reason: str,
    now: datetime,
) -> Offer:
    """Answer what waits with an offer of one's own over the same invoices; it names the one it replaces.

    Raises: as `propose`; not_waiting, content_changed, and `own_proposal` for one's own.
    """
    require(actor, Permission.APPROVAL_DECIDE)
    offer, account, _ = _waiting(session, actor, ref, digest=digest, now=now)
    _refuse_own(offer, actor)
    refs = [str(part["ref"]) for part in offer.terms["invoices"]]
    return offer_making.propose(
        session, actor, account.ref, invoice_refs=refs, amount=amount, pay_by_on=pay_by_on, reason=reason,
        now=now,
    )  # fmt: skip


def withdraw(session: Session, actor: Actor, ref: str, *, now: datetime) -> Offer:
    """Take an offer back before it is accepted: staff one of ours, the debtor his own.

    Raises:
        NotAllowed, NotFound.
        Refused: offer_not_open (facts: status), `debtor_waits` for an answer to his own offer: replace
            it, or let somebody else decide.
    """
    offer, _, _ = offers.with_account(session, actor, ref, Permission.OFFER_MAKE, now=now)
    theirs = offer.maker is OfferMaker.DEBTOR
    if (actor.kind is ActorKind.LINK_HOLDER) != theirs:
        raise NotAllowed("not_yours")
    if offer.status is OfferStatus.WITHDRAWN:
        return offer
    if offer.status not in offers.STANDING:
        raise Refused("offer_not_open", status=offer.status.value)
    if offer.status is OfferStatus.AWAITING_APPROVAL and offers.answered(session, offer) is not None:
        raise Refused("debtor_waits")
    return offers.move(session, actor, offer, OfferStatus.WITHDRAWN, now=now)


def _waiting(
    session: Session, actor: Actor, ref: str, *, digest: str, now: datetime
) -> tuple[Offer, Account, date]:
    """Lock what waits for a decision."""
    offer, account, today = offers.with_account(session, actor, ref, Permission.APPROVAL_DECIDE, now=now)
    if not current_policy(session, now).approvals.alone:
        _refuse_own(offer, actor)
    if offer.status is not OfferStatus.AWAITING_APPROVAL:
        raise Refused("not_waiting", status=offer.status.value)
    if offer.content_digest != digest:
        raise Refused("content_changed")
    return offer, account, today


def _refuse_own(offer: Offer, actor: Actor) -> None:
    if offer.proposed_by_staff_id is not None and offer.proposed_by_staff_id == actor.id:
        raise NotAllowed("own_proposal")
