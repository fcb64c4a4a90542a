"""Make a settlement offer: by staff or by the debtor himself.

Within the grid and the role's limit it is open at once; else a second person decides
(offer_deciding.py). A new offer names the one whose place it takes. Source: policy.offers,
policy.approvals; decision 5; A-02, A-03.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, DebtorType
from models.arrangements import DiscountTax, Offer, OfferInvoice, OfferMaker
from models.base import new_ref
from models.invoices import Invoice
from models.money import Money
from models.staff import Role
from models.states import OfferStatus
from receivables import invoices
from receivables.arrangements import offers
from receivables.arrangements.offer_terms import (
    Limits,
    check_amount,
    content_digest,
    limits,
    may_forgive,
)
from receivables.audit import record
from receivables.calendar_days import add_business_days, business_date, is_business_day
from receivables.errors import NotAllowed, Refused
from receivables.four_eyes import Standing
from receivables.permissions import Actor, ActorKind, Permission, require
from receivables.policy import Policy, current_policy
from receivables.ports import InvoiceRow
from receivables.texts import clean_words, one_line


def propose(
    session: Session,
    actor: Actor,
    account_ref: str,
    *,
    invoice_refs: Sequence[str],
    amount: Money,
    pay_by_on: date,
    reason: str,
    now: datetime,
) -> Offer:
    """Offer a settlement as staff: open within the grid and the role's limit, else for approval.

    What stood for the same invoices gives way: an open offer is superseded, a proposal of ours is
    withdrawn, an offer of the debtor's that waits is answered by this one.

    Args:
        invoice_refs: invoices in full, of one currency.
        amount: what settles them, > 0 and less than all.
        pay_by_on: last account-local day to accept and pay.
        reason: words for whoever approves; kept with the offer.
    Raises:
        NotAllowed, NotFound.
        Refused: none_chosen, invoice_not_open, other_currency, invoice_busy, offer_running,
            no_offers, day_past, day_too_late, reason_missing, beyond_every_limit (facts: percent),
            words_too_long, and those of `check_amount`.
    """
    require(actor, Permission.OFFER_MAKE)
    if actor.kind is ActorKind.LINK_HOLDER:
        raise NotAllowed("not_allowed", permission=Permission.OFFER_MAKE.value)
    account, today = offers.locked(session, account_ref=account_ref, now=now)
    rows = _free(session, account, invoice_refs, amount.currency, today)
    policy = current_policy(session, now)
    most = limits(policy, rows, today)
    words = clean_words(reason)
    if not words:
        raise Refused("reason_missing")
    check_amount(amount, most.balance)
    _check_day(pay_by_on, today, most)
    if not any(may_forgive(policy, Standing(role), most.balance, amount) for role in Role):
        raise Refused("beyond_every_limit", percent=max(policy.approvals.discount_percent.values()))
    own = actor.role is not None and may_forgive(policy, Standing(actor.role), most.balance, amount)
    at_once = amount >= most.least and own
    earlier = _supersede(session, actor, [row.ref for row in rows], now=now)
    return _make(
        session, actor, account, rows, most, amount, pay_by_on,
        maker=OfferMaker.STAFF, reason=words, earlier=earlier, at_once=at_once, policy=policy, now=now,
    )  # fmt: skip


def counter(
    session: Session,
    actor: Actor,
    *,
    account_id: int,
    currency: str,
    amount: Money,
    pay_by_on: date,
    reason: str,
    name: str,
    now: datetime,
) -> Offer:
    """Take the debtor's own offer: answered at once where the grid allows, else by a person.

    It covers the invoices of the offer that stands in the currency, else everything overdue, and
    takes the place of what stood. The same offer sent again is the same offer.

    Args:
        amount: what the debtor can pay, > 0 and less than all.
        pay_by_on: account-local day by which it is paid.
        reason, name: the debtor's words and typed name.
    Returns:
        The offer: open for him to accept, or awaiting approval with `answer_by_on`.
    Raises:
        NotAllowed, NotFound.
        Refused: nothing_overdue, offer_running, no_offers, day_past, day_too_late (facts: latest),
            day_off (banks do not work on it; facts: near), reason_missing, name_missing,
            words_too_long, and those of `check_amount`.
    """
    require(actor, Permission.OFFER_MAKE, account_id=account_id)
    account, today = offers.locked(session, account_id=account_id, now=now)
    rows = own_offer_rows(session, account.id, currency, today)
    policy = current_policy(session, now)
    most = limits(policy, rows, today)
    check_amount(amount, most.balance)
    _check_day(pay_by_on, today, most)
    _refuse_day_off(pay_by_on, most.latest_on, account.country)
    words, typed = clean_words(reason), one_line(clean_words(name, most=120))
    if not words:
        raise Refused("reason_missing")
    if not typed:
        raise Refused("name_missing")
    for known in offers.standing_for(session, [row.ref for row in rows]):
        same = (known.maker, known.amount_minor, known.pay_by_on) == (
            OfferMaker.DEBTOR, amount.minor, pay_by_on,
        )  # fmt: skip
        if same:
            return known
    at_once = policy.offers.counter_answered_at_once and amount >= most.least and pay_by_on <= most.pay_on
    earlier = _supersede(session, actor, [row.ref for row in rows], now=now)
    return _make(
        session, actor, account, rows, most, amount, pay_by_on,
        maker=OfferMaker.DEBTOR, reason=words, earlier=earlier, at_once=at_once, policy=policy, now=now,
        name=typed,
    )  # fmt: skip


def overdue_rows(session: Session, account_id: int, currency: str, today: date) -> list[InvoiceRow]:
    """Return what is overdue and free for an offer, oldest first.

    Raises: Refused: nothing_overdue.
    """
    rows = invoices.open_rows(session, account_id, today, currency=currency)
    late = [row for row in rows if row.days_late and offers.is_free(row)]
    if not late:
        raise Refused("nothing_overdue")
    return late


def own_offer_rows(session: Session, account_id: int, currency: str, today: date) -> list[InvoiceRow]:
    """Return what a debtor's own offer covers: the invoices of the offer that stands, else all overdue.

    Raises: Refused: nothing_overdue, `offer_running` while an accepted offer covers what is overdue.
    """
    rows = invoices.open_rows(session, account_id, today, currency=currency)
    refs = set(
        session.scalars(
            select(Invoice.ref)
            .join(OfferInvoice, OfferInvoice.invoice_id == Invoice.id)
            .join(Offer, Offer.id == OfferInvoice.offer_id)
            .where(
                Offer.account_id == account_id, Offer.currency == currency, Offer.status.in_(offers.STANDING)
            )
        )
    )
    offered = [row for row in rows if row.ref in refs and offers.is_free(row)]
    if offered:
        return offered
    if not any(row.days_late and offers.is_free(row) for row in rows) and any(
        r.arranged == "offer" for r in rows
    ):
        raise Refused("offer_running")
    return overdue_rows(session, account_id, currency, today)


def _free(
    session: Session, account: Account, refs: Sequence[str], currency: str, today: date
) -> list[InvoiceRow]:
    if not refs:
        raise Refused("none_chosen")
    rows = {row.ref: row for row in invoices.open_rows(session, account.id, today, currency=currency)}
    for ref in refs:
        row = rows.get(ref)
        if row is None:
            raise Refused("invoice_not_open", ref=ref)
        if row.arranged == "offer":
            raise Refused("offer_running", number=row.number)
        if not offers.is_free(row):
            raise Refused("invoice_busy", number=row.number)
    return [row for row in rows.values() if row.ref in set(refs)]


def _check_day(day: date, today: date, most: Limits) -> None:
    if day < today:
        raise Refused("day_past", latest=most.latest_on)
    if day > most.latest_on:
        raise Refused("day_too_late", latest=most.latest_on)


def _refuse_day_off(day: date, latest: date, country: str) -> None:
    """Refuse a day on which no money arrives, and name the nearest one that is not too late."""
    if is_business_day(day, country):
        return
    near = add_business_days(day, 0, country)
    while near > latest or not is_business_day(near, country):
        near -= timedelta(days=1)
    raise Refused("day_off", near=near)


def _supersede(session: Session, actor: Actor, invoice_refs: Sequence[str], *, now: datetime) -> Offer | None:
    """Make what stands for these invoices give way; return the one that the new offer names."""
    earlier = None
    for offer in offers.standing_for(session, invoice_refs):
        earlier = offers.answered(session, offer) or offer
        if offer.status is OfferStatus.OPEN:
            offers.move(session, actor, offer, OfferStatus.SUPERSEDED, now=now)
        elif offer.maker is OfferMaker.DEBTOR and actor.kind is ActorKind.STAFF:
            offers.decide(offer, actor, None, now)  # the reason of ours is not for the debtor
            offers.move(session, actor, offer, OfferStatus.REFUSED, now=now)
        else:
            offers.move(session, actor, offer, OfferStatus.WITHDRAWN, now=now)
    return earlier


def _make(
    session: Session,
    actor: Actor,
    account: Account,
    rows: Sequence[InvoiceRow],
    most: Limits,
    amount: Money,
    pay_by_on: date,
    *,
    maker: OfferMaker,
    reason: str | None,
    earlier: Offer | None,
    at_once: bool,
    policy: Policy,
    now: datetime,
    name: str | None = None,
) -> Offer:
    found = {
        row.ref: row
        for row in session.execute(
            select(Invoice.id, Invoice.ref, Invoice.tax_minor).where(
                Invoice.ref.in_([row.ref for row in rows])
            )
        )
    }
    taxed = account.debtor_type is DebtorType.BUSINESS and any(r.tax_minor for r in found.values())
    discount_tax = DiscountTax(policy.discount_tax.of(account.country)) if taxed else DiscountTax.NONE
    expires_on = min(most.accept_on, pay_by_on)
    today = business_date(now, account.zone)
    contact_id = actor.contact_id or (earlier.contact_id if earlier else None)
    offer = Offer(
        ref=new_ref(),
        account_id=account.id,
        contact_id=contact_id,
        status=OfferStatus.DRAFT,
        maker=maker,
        currency=amount.currency,
        balance_minor=most.balance.minor,
        amount_minor=amount.minor,
        expires_on=expires_on,
        pay_by_on=pay_by_on,
        discount_tax=discount_tax,
        reason=reason,
        proposed_by_staff_id=actor.id if actor.kind is ActorKind.STAFF else None,
        proposed_at=now,
        answer_by_on=None
        if at_once
        else add_business_days(today, policy.pauses.answer_business_days, account.country),
        supersedes_id=earlier.id if earlier else None,
        content_digest=content_digest(
            amount.currency, [(found[row.ref].id, row.balance.minor) for row in rows], amount.minor,
            expires_on, pay_by_on, discount_tax.value,
        ),
        policy_version_id=policy.version_id,
        terms={
            "form": 1,
            "invoices": [
                {"ref": row.ref, "number": row.number, "balance_minor": row.balance.minor} for row in rows
            ],
            "currency": amount.currency,
            "balance_minor": most.balance.minor,
            "amount_minor": amount.minor,
            "forgiven_minor": (most.balance - amount).minor,
            "remains_minor": 0,
            "accept_by": expires_on.isoformat(),
            "pay_by": pay_by_on.isoformat(),
            "discount_tax": discount_tax.value,
            "days_late": most.days_late,
            "policy": policy.version_id,
            "offered_by": name,
        },
    )  # fmt: skip
    session.add(offer)
    session.flush()
    session.add_all(
        OfferInvoice(
            offer_id=offer.id, invoice_id=found[row.ref].id, balance_minor=row.balance.minor, blocking=False
        )
        for row in rows
    )
    session.flush()
    record(
        session, actor, "offer.made", offer, account_id=account.id, now=now, reason=reason,
        facts={
            "maker": maker.value,
            "amount_minor": amount.minor,
            "balance_minor": most.balance.minor,
            "currency": amount.currency,
            "digest": offer.content_digest,
            "supersedes": offer.supersedes_id,
            "policy": policy.version_id,
        },
        personal={"name": name} if name else None,
    )  # fmt: skip
    offers.note(
        session, actor, offer, "offer.made" if maker is not OfferMaker.DEBTOR else "offer.countered", now
    )
    if at_once:
        offers.open_up(session, actor, offer, now=now)
    else:
        offers.wait(session, actor, account, offer, now=now)
    return offer
