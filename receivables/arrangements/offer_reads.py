"""What pages show of settlement offers: to the debtor his own, to the desk the case behind one.

Reads write nothing; sums are of the moment, terms are the copy that was kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased

from models.accounts import Account
from models.arrangements import Offer, OfferMaker
from models.money import Money
from models.staff import Staff
from models.states import OfferStatus
from receivables import invoices
from receivables.arrangements import offer_money, offer_terms
from receivables.arrangements.offer_making import own_offer_rows
from receivables.arrangements.offers import STANDING
from receivables.calendar_days import add_business_days, business_date
from receivables.errors import NotFound
from receivables.permissions import Actor, ActorKind, Permission, require
from receivables.policy import current_policy
from receivables.ports import InvoiceRow

#: What staff propose and nobody opened is not the debtor's to see.
_OURS_ONLY = frozenset({OfferStatus.DRAFT, OfferStatus.AWAITING_APPROVAL, OfferStatus.REFUSED})


@dataclass(frozen=True, slots=True)
class OfferPart:
    """One invoice of an offer, as it stood when the offer was made."""

    ref: str
    number: str
    balance: Money


@dataclass(frozen=True, slots=True)
class OfferView:
    """An offer with everything its reader needs.

    Attributes:
        digest: of the content, to be sent back with the acceptance.
        made_by: the person who made it; None for the rules and the debtor.
        reason: of whoever made it; only the debtor's own is shown to him.
        decision_reason: why it was refused, for the debtor's own.
        due: still to pay, once accepted; less what is `on_its_way`.
        next_ref: the offer that took its place, when the reader may see it.
        may_withdraw: whether it may still be taken back by whoever made it.
    """

    ref: str
    account_ref: str
    status: OfferStatus
    maker: OfferMaker
    amount: Money
    balance: Money
    parts: Sequence[OfferPart]
    expires_on: date
    pay_by_on: date
    answer_by_on: date | None
    proposed_at: datetime
    digest: str
    made_by: str | None
    reason: str | None
    decision_reason: str | None
    accepted_name: str | None
    accepted_role: str | None
    accepted_at: datetime | None
    ended_at: datetime | None
    received: Money
    on_its_way: Money
    due: Money
    today: date
    next_ref: str | None
    may_withdraw: bool

    @property
    def forgiven(self) -> Money:
        """What is written off once the sum is in."""
        return self.balance - self.amount

    @property
    def is_open(self) -> bool:
        """Whether it may be accepted today."""
        return self.status is OfferStatus.OPEN and self.today <= self.expires_on

    @property
    def is_over(self) -> bool:
        """Whether the last day of an agreement has passed; what comes now settles nothing."""
        return self.status is OfferStatus.ACCEPTED and self.today > self.pay_by_on

    @property
    def is_payable(self) -> bool:
        """Whether the agreed sum, or what is left of it, may be paid today."""
        return self.status is OfferStatus.ACCEPTED and bool(self.due) and not self.is_over


def offer(session: Session, actor: Actor, ref: str, *, now: datetime) -> OfferView:
    """Return one offer.

    Raises:
        NotAllowed: the actor may not read accounts.
        NotFound: no such offer, another account's (L-15), or one that the debtor may not see yet.
    """
    follower = aliased(Offer)
    r: Any = session.execute(
        select(
            Offer,
            Account.ref.label("account_ref"),
            Account.zone,
            Staff.name.label("made_by"),
            follower.ref.label("next_ref"),
            follower.status.label("next_status"),
            follower.maker.label("next_maker"),
        )
        .join(Account, Account.id == Offer.account_id)
        .outerjoin(Staff, Staff.id == Offer.proposed_by_staff_id)
        .outerjoin(follower, follower.supersedes_id == Offer.id)
        .where(Offer.ref == ref)
        .order_by(follower.id.desc())
        .limit(1)
    ).first()
    if r is None:
        raise NotFound("not_found")
    found: Offer = r.Offer
    require(actor, Permission.ACCOUNT_READ, account_id=found.account_id)
    theirs = actor.kind is ActorKind.LINK_HOLDER
    if theirs and _is_ours_only(found.maker, found.status):
        raise NotFound("not_found")
    # Our answer to his own offer waits for a second person: to him that is one wait.
    answer_waits = (
        theirs
        and found.maker is OfferMaker.DEBTOR
        and r.next_status is OfferStatus.AWAITING_APPROVAL
        and r.next_maker is not OfferMaker.DEBTOR
    )
    hidden = r.next_ref is None or (theirs and _is_ours_only(r.next_maker, r.next_status))
    currency = found.currency
    nil = Money(0, currency)
    accepted = found.accepted_at is not None
    stands = offer_money.sums(session, found) if accepted else offer_money.Sums(nil, nil, nil)
    return OfferView(
        ref=found.ref,
        account_ref=r.account_ref,
        status=OfferStatus.AWAITING_APPROVAL if answer_waits else found.status,
        maker=found.maker,
        amount=Money(found.amount_minor, currency),
        balance=Money(found.balance_minor, currency),
        parts=[
            OfferPart(part["ref"], part["number"], Money(part["balance_minor"], currency))
            for part in found.terms["invoices"]
        ],
        expires_on=found.expires_on,
        pay_by_on=found.pay_by_on,
        answer_by_on=found.answer_by_on,
        proposed_at=found.proposed_at,
        digest=found.content_digest,
        made_by=r.made_by,
        reason=found.reason,
        decision_reason=found.decision_reason,
        accepted_name=found.accepted_name,
        accepted_role=found.accepted_role,
        accepted_at=found.accepted_at,
        ended_at=found.ended_at,
        received=stands.received,
        on_its_way=stands.on_its_way,
        due=stands.due if found.status is OfferStatus.ACCEPTED else Money(found.amount_minor, currency),
        today=business_date(now, r.zone),
        next_ref=None if hidden else r.next_ref,
        may_withdraw=found.status in STANDING,
    )


def _is_ours_only(maker: OfferMaker, status: OfferStatus) -> bool:
    return maker is not OfferMaker.DEBTOR and status in _OURS_ONLY


def stands_from_us(session: Session, actor: Actor, *, account_id: int) -> bool:
    """Whether an offer of ours, or the debtor's that a person agreed to, may be accepted now.

    Declining it, or an own offer in its place, takes it from everybody at the account.

    Raises: NotAllowed, NotFound.
    """
    require(actor, Permission.OFFER_MAKE, account_id=account_id)
    ours = or_(Offer.maker != OfferMaker.DEBTOR, Offer.decided_by_id.is_not(None))
    query = select(Offer.id).where(Offer.account_id == account_id, Offer.status == OfferStatus.OPEN, ours)
    return session.scalar(query.limit(1)) is not None


@dataclass(frozen=True, slots=True)
class OwnOffer:
    """What a debtor's own offer would cover, and what he may name.

    Attributes:
        balance: all that is open on `rows`; his offer is less.
        latest_on: last day he may name.
        answer_by_on: by when a person answers what the rules do not.
        currencies: all in which he may make an offer.
    """

    balance: Money
    rows: Sequence[InvoiceRow]
    today: date
    latest_on: date
    answer_by_on: date
    currencies: Sequence[str]


def own_offer(
    session: Session, actor: Actor, *, account_id: int, currency: str | None, now: datetime
) -> OwnOffer:
    """Return what a debtor's own offer would be about.

    Args:
        currency: None for the first in which something is overdue.
    Raises:
        NotAllowed, NotFound.
        Refused: nothing_overdue, offer_running, no_offers.
    """
    require(actor, Permission.OFFER_MAKE, account_id=account_id)
    account = session.get_one(Account, account_id)
    today = business_date(now, account.zone)
    late = [row for row in invoices.open_rows(session, account_id, today) if row.days_late]
    currencies = list(dict.fromkeys(row.currency for row in late))
    code = currency or (currencies[0] if currencies else "")
    rows = own_offer_rows(session, account_id, code, today)
    policy = current_policy(session, now)
    most = offer_terms.limits(policy, rows, today)
    return OwnOffer(
        balance=most.balance,
        rows=rows,
        today=today,
        latest_on=most.latest_on,
        answer_by_on=add_business_days(today, policy.pauses.answer_business_days, account.country),
        currencies=currencies,
    )


@dataclass(frozen=True, slots=True)
class ForProposal:
    """What staff may offer for an account: its free overdue invoices by currency, and the limits."""

    currency: str
    rows: Sequence[InvoiceRow]
    most: offer_terms.Limits
    role_percent: int


def for_proposal(session: Session, actor: Actor, account_ref: str, *, now: datetime) -> list[ForProposal]:
    """Return what could be offered to an account, one entry a currency.

    Raises:
        NotAllowed, NotFound.
        Refused: no_offers.
    """
    require(actor, Permission.OFFER_MAKE)
    account = session.scalar(select(Account).where(Account.ref == account_ref))
    if account is None:
        raise NotFound("not_found")
    today = business_date(now, account.zone)
    policy = current_policy(session, now)
    free = [
        row
        for row in invoices.open_rows(session, account.id, today)
        if row.days_late and row.balance and row.asked == row.balance
    ]
    found = []
    for code in sorted({row.currency for row in free}):
        rows = [row for row in free if row.currency == code]
        found.append(
            ForProposal(
                code,
                rows,
                offer_terms.limits(policy, rows, today),
                offer_terms.role_percent(policy, actor.role),
            )
        )
    return found
