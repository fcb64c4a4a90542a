"""Saved cards: consent, keeping, use for a plan, removal. The number is with the gateway, never with us.

A card is `active` only on the gateway's word, and only with the evidence of consent in its row: text as
shown, version, language, moment and network. Source: decision 11; P-24; docs.stripe.com, "Save and reuse".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.arrangements import CardSetup, Plan, SavedCard
from models.base import new_ref
from models.creditors import Creditor
from models.invoices import Invoice
from models.money import Money
from models.payments import PaymentAttempt
from models.states import UNSETTLED_ATTEMPTS, AttemptStatus, CardStatus, InvoiceStatus, PlanStatus, advance
from models.store import Store
from receivables import outbox
from receivables.arrangements import plan_changes
from receivables.arrangements.plan_reads import PlanView, number_of
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.errors import NotFound, Refused
from receivables.permissions import SYSTEM, Actor, Permission, require
from receivables.ports import CardSaving, OpenedCheckout, PaymentGateway, RemoteCard

#: Version of the consent text; a new wording of it needs a new one.
CONSENT_VERSION = "2026-11"
#: Why a card was removed that the gateway itself has let go.
GONE_THERE = frozenset({"detached", "customer_deleted"})
#: Plans that a card may be named for.
CARRIED = frozenset(
    {PlanStatus.PROPOSED, PlanStatus.AWAITING_APPROVAL, PlanStatus.ACTIVE, PlanStatus.DEFAULTED}
)


@dataclass(frozen=True, slots=True)
class Consent:
    """What the debtor agreed to, as it was shown (decision 11).

    `ip_prefix` names the network, not the person. `plan_ref` is the plan that the card shall pay.
    """

    text: str
    language: str
    ip_prefix: str | None
    version: str = CONSENT_VERSION
    plan_ref: str | None = None


@dataclass(frozen=True, slots=True)
class PlanUse:
    """A running plan as the card pages name it; `card_ref` is the card that pays it, if one does."""

    ref: str
    number: str
    card_ref: str | None


@dataclass(frozen=True, slots=True)
class CardView:
    """One saved card as its holder recognises it."""

    ref: str
    brand: str
    last4: str
    expires_month: int | None
    expires_year: int | None
    expired: bool
    consent_text: str
    consent_language: str
    consented_at: datetime
    plans: Sequence[PlanUse]


# --------------------------------------------------------------------------- reading


def cards_of(
    session: Session, actor: Actor, *, account_id: int, now: datetime, own: bool = False
) -> tuple[list[CardView], list[PlanUse]]:
    """Return the active cards of an account, newest first, and its running plans.

    Args:
        own: only those that the actor has consented to himself, which he may let pay a plan.
    Raises: NotAllowed, NotFound: not this actor's account (L-15).
    """
    require(actor, Permission.CARD_KEEP, account_id=account_id)
    rows = session.execute(
        select(SavedCard, Account.zone)
        .join(Account, Account.id == SavedCard.account_id)
        .where(SavedCard.account_id == account_id, SavedCard.status == CardStatus.ACTIVE)
        .order_by(SavedCard.id.desc())
    ).all()
    refs = {card.id: card.ref for card, _ in rows}
    rows = [row for row in rows if not own or _is_own(actor, row[0])]
    running = session.scalars(
        select(Plan)
        .where(
            Plan.account_id == account_id,
            Plan.status.in_(CARRIED),
            Plan.accepted_at.is_not(None),
            Plan.ended_at.is_(None),
        )
        .order_by(Plan.id)
    )
    uses = [PlanUse(p.ref, number_of(p), refs.get(p.saved_card_id or 0)) for p in running]
    by_card: dict[str | None, list[PlanUse]] = defaultdict(list)
    for use in uses:
        by_card[use.card_ref].append(use)
    views = [
        CardView(
            ref=card.ref,
            brand=card.brand,
            last4=card.last4,
            expires_month=card.expires_month,
            expires_year=card.expires_year,
            expired=is_expired(card, business_date(now, zone)),
            consent_text=card.consent_text,
            consent_language=card.consent_language,
            consented_at=card.consented_at,
            plans=by_card[card.ref],
        )
        for card, zone in rows
    ]
    return views, uses


def awaits_card(plan: PlanView) -> bool:
    """Whether a plan that does not run yet may be given its card already."""
    return plan.status in (PlanStatus.PROPOSED, PlanStatus.AWAITING_APPROVAL) and plan.accepted_at is not None


def pays_at_once(plan: PlanView) -> Money | None:
    """What is paid on the page that keeps the card: the first part of a plan agreed with one at once."""
    first = plan.parts[0] if plan.parts else None
    due = plan.payable and plan.at_once and first is not None and first.left and first.on <= plan.today
    return first.left if first is not None and due else None


def likely_currency(session: Session, actor: Actor, *, account_id: int) -> str:
    """Return the currency in which a card would be charged: that of what is open and due first.

    Raises:
        Refused: nothing_to_pay, the account has no document at all.
        NotAllowed, NotFound.
    """
    require(actor, Permission.CARD_KEEP, account_id=account_id)
    found = session.scalar(
        select(Invoice.currency)
        .where(Invoice.account_id == account_id)
        .order_by((Invoice.status == InvoiceStatus.OPEN).desc(), Invoice.due_on, Invoice.id)
        .limit(1)
    )
    if found is None:
        raise Refused("nothing_to_pay")
    return found


def _is_own(actor: Actor, card: SavedCard) -> bool:
    """Whether the actor is the contact whose consent the card was kept on (decision 11)."""
    return actor.contact_id is not None and actor.contact_id == card.contact_id


def is_expired(card: SavedCard, today: date) -> bool:
    """Whether the month printed on the card is over; False when the gateway told none."""
    if card.expires_year is None or card.expires_month is None:
        return False
    return (card.expires_year, card.expires_month) < (today.year, today.month)


def find_card(session: Session, actor: Actor, ref: str) -> SavedCard:
    """Return a saved card by its name in the address.

    Raises: NotAllowed, NotFound: no such card, or another account's (L-15).
    """
    card = session.scalar(select(SavedCard).where(SavedCard.ref == ref))
    if card is None:
        raise NotFound("not_found")
    require(actor, Permission.CARD_KEEP, account_id=card.account_id)
    return card


def carried_plan(session: Session, actor: Actor, ref: str) -> Plan:
    """Return a plan of the actor's account that a card may pay.

    Raises:
        Refused: plan_gone.
        NotAllowed, NotFound: no such plan, or another account's (L-15).
    """
    plan = session.scalar(select(Plan).where(Plan.ref == ref))
    if plan is None:
        raise NotFound("not_found")
    require(actor, Permission.CARD_KEEP, account_id=plan.account_id)
    if plan.status not in CARRIED or plan.ended_at is not None:
        raise Refused("plan_gone")
    return plan


# --------------------------------------------------------------------------- consent


def card_saving(session: Session, actor: Actor, account: Account) -> CardSaving:
    """Return for whom the gateway keeps the card: the contact who consents, one customer each.

    Raises: NotFound: the actor is no contact of the account.
    """
    contact = session.get(Contact, actor.contact_id) if actor.contact_id else None
    if contact is None or contact.account_id != account.id:
        raise NotFound("not_found")
    gateway_account = session.get_one(Creditor, account.creditor_id).gateway_account
    his = (
        SavedCard.contact_id == contact.id,
        SavedCard.gateway_account == gateway_account,
        SavedCard.customer_id.is_not(None),
    )
    known = session.scalar(
        select(SavedCard.customer_id)
        .where(*his, SavedCard.customer_gone_at.is_(None))
        .order_by(SavedCard.id.desc())
        .limit(1)
    )
    lost = session.scalar(
        select(func.count(SavedCard.customer_id.distinct())).where(
            *his, SavedCard.customer_gone_at.is_not(None)
        )
    )
    # The key of a customer that was deleted there would bring the deleted one back.
    key = f"customer:{contact.ref}" + (f":{lost + 1}" if lost else "")
    return CardSaving(contact.ref, key, known)


def write_consent(
    session: Session,
    actor: Actor,
    account: Account,
    consent: Consent,
    *,
    language: str,
    expires_at: datetime,
    now: datetime,
    attempt: PaymentAttempt | None = None,
    setup_ref: str | None = None,
) -> CardSetup:
    """Write down a consent and the try to save a card, before the gateway hears of it (P-01).

    Args:
        attempt: the payment that the saving rides on; None for a page of its own.
        setup_ref: the try's return id, where the prepared page names it already.
    """
    require(actor, Permission.CARD_KEEP, account_id=account.id)
    plan = carried_plan(session, actor, consent.plan_ref) if consent.plan_ref else None
    card = SavedCard(
        account_id=account.id,
        contact_id=actor.contact_id,
        status=CardStatus.PENDING,
        gateway_account=session.get_one(Creditor, account.creditor_id).gateway_account,
        consent_text=consent.text,
        consent_version=consent.version,
        consent_language=consent.language,
        consent_ip_prefix=consent.ip_prefix,
        consented_at=now,
    )
    session.add(card)
    session.flush()
    setup = CardSetup(
        ref=setup_ref or new_ref(),
        saved_card_id=card.id,
        attempt_id=attempt.id if attempt else None,
        plan_id=plan.id if plan else None,
        status=AttemptStatus.CREATED,
        language=language,
        started_at=now,
        expires_at=expires_at,
    )
    session.add(setup)
    session.flush()
    facts = {"version": consent.version, "language": consent.language, "plan": plan.id if plan else None}
    record(session, actor, "card.consented", card, account_id=account.id, now=now, facts=facts)
    return setup


# --------------------------------------------------------------------------- the gateway's word


def end_setup(
    session: Session,
    setup: CardSetup,
    to: AttemptStatus,
    kept: RemoteCard | None,
    *,
    now: datetime,
    code: str | None = None,
) -> None:
    """Move a try to save a card to what the gateway says, and its card with it; idempotent.

    The account is locked by the caller.
    """
    if setup.status is to or setup.status is AttemptStatus.SUCCEEDED:
        return
    if setup.status not in UNSETTLED_ATTEMPTS and to is not AttemptStatus.SUCCEEDED:
        return  # a stale answer; final stays final
    if to is AttemptStatus.SUCCEEDED and kept is None:
        return  # without the card in the answer nothing is known of it yet
    advance(setup, to)
    setup.failure_code = code if to in (AttemptStatus.FAILED, AttemptStatus.UNKNOWN) else None
    card = session.get_one(SavedCard, setup.saved_card_id, with_for_update=True, populate_existing=True)
    if to not in UNSETTLED_ATTEMPTS:
        setup.finished_at = now
    if kept is not None and to is AttemptStatus.SUCCEEDED:
        _keep(session, setup, card, kept, now=now)
    elif to not in UNSETTLED_ATTEMPTS and card.status is CardStatus.PENDING:
        _not_kept(session, setup, card, to.value, now=now)


def _not_kept(session: Session, setup: CardSetup, card: SavedCard, why: str, *, now: datetime) -> None:
    advance(card, CardStatus.REMOVED)
    card.removed_at = now
    facts = {"setup": setup.id, "why": why}
    record(session, SYSTEM, "card.not_kept", card, account_id=card.account_id, now=now, facts=facts)


def _keep(session: Session, setup: CardSetup, card: SavedCard, kept: RemoteCard, *, now: datetime) -> None:
    known = _same_card(session, card, kept.payment_method_id)
    if known is not None and known.status is CardStatus.ACTIVE:
        # A returning customer chose a card that is kept already: it stays on its own consent.
        if card.status is CardStatus.PENDING:
            _not_kept(session, setup, card, "known", now=now)
            _use_at_once(session, setup, known, now=now)
        return
    card.customer_id, card.payment_method_id = kept.customer_id, kept.payment_method_id
    card.brand, card.last4 = kept.brand, kept.last4
    card.expires_month, card.expires_year = kept.month, kept.year
    card.mandate_id = kept.mandate_id
    if card.status is CardStatus.REMOVED:
        _queue_detach(session, card, now=now)  # given up before the gateway spoke
        return
    advance(card, CardStatus.ACTIVE)
    facts = {"brand": card.brand, "setup": setup.id}
    record(session, SYSTEM, "card.saved", card, account_id=card.account_id, now=now, facts=facts)
    outbox.note(
        session, card.account_id, "card.saved", contact_id=card.contact_id, now=now, facts=_shown(card)
    )
    _use_at_once(session, setup, card, now=now)


def _same_card(session: Session, card: SavedCard, payment_method_id: str) -> SavedCard | None:
    """Return another row of the card that the gateway names; one of a card removed here gives it up."""
    known = session.scalar(
        select(SavedCard)
        .where(SavedCard.payment_method_id == payment_method_id, SavedCard.id != card.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if known is not None and known.status is not CardStatus.ACTIVE:
        # Agreed to anew before the gateway forgot it: the new consent has it from now on.
        known.payment_method_id = None
        session.flush()
    return known


def _use_at_once(session: Session, setup: CardSetup, card: SavedCard, *, now: datetime) -> None:
    """Let a card pay the plan that it was kept for, where that plan is still there."""
    plan = session.get(Plan, setup.plan_id, with_for_update=True) if setup.plan_id else None
    if plan is not None and plan.status in CARRIED and plan.ended_at is None:
        plan_changes.pay_by_card(session, SYSTEM, plan.ref, card, now=now)


def saving_opened(
    session: Session, attempt: PaymentAttempt, opened: OpenedCheckout, *, now: datetime
) -> None:
    """Let the try that rides on a payment know its page, and its card whose it will be."""
    setup = session.scalar(select(CardSetup).where(CardSetup.attempt_id == attempt.id))
    if setup is None:
        return
    setup.expires_at = opened.expires_at
    card = session.get_one(SavedCard, setup.saved_card_id)
    card.customer_id = card.customer_id or opened.customer_id
    if setup.status in (AttemptStatus.CREATED, AttemptStatus.UNKNOWN):
        end_setup(session, setup, AttemptStatus.OPEN, None, now=now)


def saved_with_payment(
    session: Session, attempt: PaymentAttempt, to: AttemptStatus, kept: RemoteCard | None, *, now: datetime
) -> None:
    """Let the try that rides on a payment follow it; called when the attempt moved, account locked."""
    setup = session.scalar(select(CardSetup).where(CardSetup.attempt_id == attempt.id))
    if setup is None:
        return
    if to is AttemptStatus.SUCCEEDED and kept is None:
        end_setup(session, setup, AttemptStatus.FAILED, None, now=now, code="not_kept")
    else:
        end_setup(session, setup, to, kept, now=now, code=attempt.failure_code)


# --------------------------------------------------------------------------- use and removal


def use_for_plan(session: Session, actor: Actor, plan_ref: str, card_ref: str, *, now: datetime) -> Plan:
    """Let a saved card pay a plan from now on: his own, on his consent and nobody else's (decision 11).

    Raises:
        Refused: plan_gone, card_not_usable.
        NotAllowed, NotFound: also the card of another contact of the account.
    """
    card = find_card(session, actor, card_ref)
    if not _is_own(actor, card):
        raise NotFound("not_found")
    session.get_one(Account, card.account_id, with_for_update=True)
    session.refresh(card)
    return plan_changes.pay_by_card(session, actor, plan_ref, card, now=now)


def remove(session: Session, actor: Actor, ref: str, *, now: datetime) -> SavedCard:
    """Remove a saved card: our row first, then the gateway forgets it; plans go on by link.

    Anybody of the account may: it only takes a right away. A second call finds it removed and changes
    nothing.
    Raises: NotAllowed, NotFound.
    """
    card = find_card(session, actor, ref)
    session.get_one(Account, card.account_id, with_for_update=True)
    session.refresh(card)  # another device may have removed it while this one waited
    return forget(session, actor, card, now=now)


def forget(
    session: Session, actor: Actor, card: SavedCard, *, now: datetime, why: str | None = None
) -> SavedCard:
    """Remove a card whose account is locked; its plans go on by link. A second call changes nothing.

    Args:
        why: what happened at the gateway (card_changes.py); None: somebody of the account removed it.
    """
    if card.status is CardStatus.REMOVED:
        return card
    advance(card, CardStatus.REMOVED)
    card.removed_at = now
    facts: dict[str, object] = {"brand": card.brand}
    facts["plans"] = plan_changes.forget_card(session, actor, card, now=now)
    facts |= {"why": why} if why else {}
    record(session, actor, "card.removed", card, account_id=card.account_id, now=now, facts=facts)
    outbox.note(
        session, card.account_id, "card.removed", contact_id=card.contact_id, now=now, facts=_shown(card)
    )
    if why not in GONE_THERE:
        _queue_detach(session, card, now=now)
    return card


def _shown(card: SavedCard) -> dict[str, str]:
    return {"brand": card.brand, "last4": card.last4}


def _queue_detach(session: Session, card: SavedCard, *, now: datetime) -> None:
    if card.payment_method_id is not None:
        payload = {"card_ref": card.ref}
        outbox.queue_job(session, kind="detach_card", key=f"detach_card:{card.id}", payload=payload, now=now)


def detach(store: Store, gateway: PaymentGateway, card_ref: str) -> None:
    """Let the gateway forget a card that we removed; speaks to it between units of work.

    Raises: NotFound; GatewayUnreachable: try again later; GatewayRefused.
    """
    with store.read() as session:
        card = session.scalar(select(SavedCard).where(SavedCard.ref == card_ref))
    if card is None:
        raise NotFound("not_found")
    if card.status is CardStatus.REMOVED and card.payment_method_id is not None:
        gateway.detach_card(card.payment_method_id)
