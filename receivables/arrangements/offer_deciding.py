"""Decide an offer that waits: approve, refuse, answer with another; never by its proposer (A-02)."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy.orm import Session

from models.accounts import Account
from models.arrangements import Offer, OfferMaker
from models.money import Money
from models.states import OfferStatus
from receivables.arrangements import offer_making, offers
from receivables.arrangements.offer_terms import is_within, role_percent
from receivables.errors import NotAllowed, Refused
from receivables.permissions import Actor, ActorKind, Permission, require
from receivables.policy import current_policy
from receivables.texts import clean_words


def approve(session: Session, actor: Actor, ref: str, *, digest: str, now: datetime) -> Offer:
    """Approve what waits, as a second person within the role's limit (A-02, A-03).

    Args:
        digest: of the content that the approver has read; another content is refused.
    Raises:
        NotAllowed: not this permission, or `own_proposal`.
        NotFound: no such offer.
        Refused: not_waiting, content_changed, offer_changed, beyond_limit (facts: percent),
            offer_expired.
    """
    require(actor, Permission.APPROVAL_DECIDE)
    offer, _, today = _waiting(session, actor, ref, digest=digest, now=now)
    policy = current_policy(session, now)
    allowed = role_percent(policy, actor.role)
    if not is_within(allowed, Money(offer.balance_minor, offer.currency), offers.amount_of(offer)):
        raise Refused("beyond_limit", percent=allowed)
    if offer.expires_on < today:
        raise Refused("offer_expired", on=offer.expires_on)
    if offers.has_changed(session, offer, today):
        raise Refused("offer_changed", ref=offer.ref)
    offers.decide(offer, actor, None, now)
    offers.open_up(session, actor, offer, now=now)
    return offer


def refuse(session: Session, actor: Actor, ref: str, *, digest: str, reason: str, now: datetime) -> Offer:
    """Refuse what waits with a reason; a debtor who waits for our answer reads it.

    Raises: as `approve`, and reason_missing, words_too_long.
    """
    require(actor, Permission.APPROVAL_DECIDE)
    offer, _, _ = _waiting(session, actor, ref, digest=digest, now=now)
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
    """Lock what waits for a decision of somebody else than its proposer."""
    offer, account, today = offers.with_account(session, actor, ref, Permission.APPROVAL_DECIDE, now=now)
    if offer.proposed_by_staff_id is not None and offer.proposed_by_staff_id == actor.id:
        raise NotAllowed("own_proposal")
    if offer.status is not OfferStatus.AWAITING_APPROVAL:
        raise Refused("not_waiting", status=offer.status.value)
    if offer.content_digest != digest:
        raise Refused("content_changed")
    return offer, account, today
