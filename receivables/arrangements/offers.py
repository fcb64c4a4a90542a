"""Settlement offers: what is accepted, declined and voided, and every move of an offer.

A move and whether the offer blocks its invoices are written together (decision 12). Nothing is
forgiven here: the discount is posted when the money is in (offer_ends.py). Offers are made in
offer_making.py and decided in offer_deciding.py. Source: domain.md, "Arrangements"; decisions 8, 12,
14; M-11, A-02.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact, DebtorType
from models.arrangements import Offer, OfferInvoice, OfferMaker
from models.invoices import OWED_KINDS, Invoice
from models.messages import Purpose
from models.money import Money
from models.pauses import PauseReason
from models.payments import AttemptInvoice, PaymentAttempt
from models.states import AttemptStatus, InvoiceStatus, OfferStatus, advance
from models.work import Task, TaskKind
from receivables import invoices, outbox, pauses
from receivables.arrangements import offer_letters
from receivables.arrangements.offer_money import last_entry
from receivables.arrangements.offer_terms import content_digest
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.contact.readers import reader_of, way_to
from receivables.errors import NotFound, Refused
from receivables.payments import attempts
from receivables.permissions import SYSTEM, Actor, ActorKind, Permission, require
from receivables.policy import current_policy
from receivables.ports import InvoiceRow
from receivables.signatories import require_signatory
from receivables.texts import clean_words, one_line

#: Offers that may still become an agreement; what changes their balances voids them.
STANDING = frozenset({OfferStatus.OPEN, OfferStatus.AWAITING_APPROVAL})
_FINAL = frozenset(set(OfferStatus) - STANDING - {OfferStatus.DRAFT, OfferStatus.ACCEPTED})


def accept(
    session: Session,
    actor: Actor,
    ref: str,
    *,
    digest: str,
    name: str,
    role: str,
    binds: bool,
    language: str,
    ip_prefix: str | None,
    now: datetime,
) -> Offer:
    """Accept an open offer as it was read; its invoices are reserved for it from now on.

    Locks the invoices, counts again, and refuses when anything changed since it was made (M-11);
    open payment pages for them are ended (decision 14). Accepting again in the same name is the same
    act.

    Args:
        digest: of the content that was shown.
        name, role: typed; a private person needs no role.
        binds: "I may bind the business"; a private person binds nobody else.
        ip_prefix: network of the caller, kept as evidence.
    Raises:
        NotAllowed, NotFound: not this actor's account, or a link that may not bind (decision 6).
        Refused: offer_not_open (facts: status), offer_expired, offer_changed, name_missing,
            role_missing, binds_missing, words_too_long, not_signatory (facts: names), `being_checked`
            while an earlier payment of these invoices has no known end (P-22).
    """
    offer, account, today = with_account(session, actor, ref, Permission.OFFER_ACCEPT, now=now)
    typed, post = one_line(clean_words(name, most=120)), one_line(clean_words(role, most=120))
    if (
        offer.status is OfferStatus.ACCEPTED
        and offer.accepted_name == typed
        and offer.content_digest == digest
    ):
        return offer
    if offer.status is not OfferStatus.OPEN:
        raise Refused("offer_not_open", status=offer.status.value)
    if offer.expires_on < today:
        raise Refused("offer_expired", on=offer.expires_on)
    if not typed:
        raise Refused("name_missing")
    private = account.debtor_type is DebtorType.PRIVATE_PERSON
    if not private and not post:
        raise Refused("role_missing")
    if not private and not binds:
        raise Refused("binds_missing")
    require_signatory(session, actor, account)
    ids = invoice_ids(session, offer)
    _refuse_while_checking(session, ids)
    if digest != offer.content_digest or has_changed(session, offer, today):
        raise Refused("offer_changed", ref=offer.ref)
    offer.accepted_name, offer.accepted_role = typed, post or None
    offer.accepted_language, offer.accepted_ip_prefix = language, ip_prefix
    offer.accepted_at = now
    offer.contact_id = actor.contact_id or offer.contact_id
    offer.terms = {
        **offer.terms,
        "policy": current_policy(session, now).version_id,
        "accepted": {
            "name": typed,
            "role": post or None,
            "language": language,
            "at": now.isoformat(),
            "after_entry": last_entry(session, ids),
        },
    }
    move(session, actor, offer, OfferStatus.ACCEPTED, now=now)
    _pause_invoices(session, actor, account, offer, "agreed", now=now)
    attempts.supersede(session, actor, ids, reason="offer", now=now)
    tell(session, actor, offer, "offer_accepted", now=now)
    return offer


def decline(session: Session, actor: Actor, ref: str, *, now: datetime) -> Offer:
    """Decline an open offer; nothing else changes, and the account stands as before.

    Raises:
        NotAllowed, NotFound.
        Refused: offer_not_open (facts: status).
    """
    offer, _, _ = with_account(session, actor, ref, Permission.OFFER_ACCEPT, now=now)
    if offer.status is OfferStatus.DECLINED:
        return offer
    if offer.status is not OfferStatus.OPEN:
        raise Refused("offer_not_open", status=offer.status.value)
    return move(session, actor, offer, OfferStatus.DECLINED, now=now)


def _refuse_while_checking(session: Session, ids: Sequence[int]) -> None:
    held = session.scalar(
        select(PaymentAttempt.ref)
        .join(AttemptInvoice, AttemptInvoice.attempt_id == PaymentAttempt.id)
        .where(
            AttemptInvoice.invoice_id.in_(ids),
            PaymentAttempt.status.in_([AttemptStatus.UNKNOWN, AttemptStatus.PROCESSING]),
        )
        .limit(1)
    )
    if held is not None:
        raise Refused("being_checked", ref=held)


def has_changed(session: Session, offer: Offer, today: date) -> bool:
    """Whether an invoice of the offer is not as it was when the offer was made.

    A balance, a dispute, another arrangement, money on its way: any of them changes it.
    """
    open_now = {
        row.ref: row for row in invoices.open_rows(session, offer.account_id, today, currency=offer.currency)
    }
    balances: list[tuple[int, int]] = []
    for row in session.execute(
        select(Invoice.id, Invoice.ref)
        .join(OfferInvoice, OfferInvoice.invoice_id == Invoice.id)
        .where(OfferInvoice.offer_id == offer.id)
    ):
        found = open_now.get(row.ref)
        if found is None or not is_free(found):
            return True
        balances.append((row.id, found.balance.minor))
    now_says = content_digest(
        offer.currency, balances, offer.amount_minor, offer.expires_on, offer.pay_by_on,
        offer.discount_tax.value,
    )  # fmt: skip
    return now_says != offer.content_digest


def void_if_changed(session: Session, actor: Actor, ref: str, *, now: datetime) -> Offer:
    """Void an offer whose invoices are not as they were; else leave it.

    Follows a refusal `offer_changed`, in a unit of work of its own.
    """
    offer, _, today = with_account(session, actor, ref, Permission.OFFER_ACCEPT, now=now)
    if offer.status in STANDING and has_changed(session, offer, today):
        move(session, SYSTEM, offer, OfferStatus.VOIDED, now=now, why="changed")
    return offer


def void_changed(
    session: Session, actor: Actor, ids: Sequence[int], *, why: str, now: datetime
) -> list[Offer]:
    """Void the offers that stand for invoices whose balance or standing has just changed.

    Called by what changes them, in its transaction: a payment, a credit note, a dispute, an
    adjustment, a reversal. The account is locked by the caller. Accepted offers stay.

    Args:
        why: code of the change: "payment", "credit_note", "dispute", "adjustment", "reversal".
    """
    if not ids:
        return []
    refs = list(session.scalars(select(Invoice.ref).where(Invoice.id.in_(ids))))
    voided = standing_for(session, refs)
    for offer in voided:
        move(session, actor, offer, OfferStatus.VOIDED, now=now, why=why)
    return voided


# --------------------------------------------------------------------------- locking


def locked(
    session: Session, *, now: datetime, account_id: int | None = None, account_ref: str | None = None
) -> tuple[Account, date]:
    """Lock the account, then its open invoices in ascending order (M-07)."""
    account = session.scalar(
        select(Account)
        .where(Account.id == account_id if account_id is not None else Account.ref == account_ref)
        .with_for_update()
    )
    if account is None:
        raise NotFound("not_found")
    session.execute(
        select(Invoice.id)
        .where(
            Invoice.account_id == account.id,
            Invoice.status == InvoiceStatus.OPEN,
            Invoice.kind.in_(OWED_KINDS),
        )
        .order_by(Invoice.id)
        .with_for_update()
    ).all()
    return account, business_date(now, account.zone)


def with_account(
    session: Session, actor: Actor, ref: str, permission: Permission, *, now: datetime
) -> tuple[Offer, Account, date]:
    """Lock account, invoices, then the offer, as everywhere (M-07)."""
    account_id = session.execute(select(Offer.account_id).where(Offer.ref == ref)).scalar_one_or_none()
    if account_id is None:
        raise NotFound("not_found")
    require(actor, permission, account_id=account_id)
    account, today = locked(session, account_id=account_id, now=now)
    offer = session.scalars(
        select(Offer).where(Offer.ref == ref).with_for_update().execution_options(populate_existing=True)
    ).one()
    return offer, account, today


def standing_for(session: Session, invoice_refs: Sequence[str]) -> list[Offer]:
    """Return the offers that are open or wait for any of these invoices, locked."""
    touching = (
        select(OfferInvoice.offer_id)
        .join(Invoice, Invoice.id == OfferInvoice.invoice_id)
        .where(Invoice.ref.in_(invoice_refs))
    )
    return list(
        session.scalars(
            select(Offer)
            .where(Offer.id.in_(touching), Offer.status.in_(STANDING))
            .order_by(Offer.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    )


def is_free(row: InvoiceRow) -> bool:
    """Whether all that is open on an invoice may be settled: nothing contested, arranged, on its way."""
    return bool(row.balance) and row.asked == row.balance


def answered(session: Session, offer: Offer) -> Offer | None:
    """Return the debtor's offer that a proposal of ours answers, or None."""
    if offer.supersedes_id is None or offer.maker is OfferMaker.DEBTOR:
        return None
    earlier = session.get_one(Offer, offer.supersedes_id)
    return earlier if earlier.maker is OfferMaker.DEBTOR and earlier.status is OfferStatus.REFUSED else None


def decide(offer: Offer, actor: Actor, reason: str | None, now: datetime, *, is_alone: bool = False) -> None:
    offer.decided_by_id, offer.decided_at, offer.decision_reason = actor.id, now, reason
    offer.is_alone = is_alone


# --------------------------------------------------------------------------- moving


def amount_of(offer: Offer) -> Money:
    """What settles the offer's invoices."""
    return Money(offer.amount_minor, offer.currency)


def invoice_ids(session: Session, offer: Offer) -> list[int]:
    """Return the ids of the offer's invoices, ascending."""
    query = select(OfferInvoice.invoice_id).where(OfferInvoice.offer_id == offer.id)
    return list(session.scalars(query.order_by(OfferInvoice.invoice_id)))


def open_up(session: Session, actor: Actor, offer: Offer, *, now: datetime) -> None:
    """Open an offer for the debtor: the chasing of its invoices stands still, and he is told."""
    account = session.get_one(Account, offer.account_id)
    theirs = answered(session, offer)
    move(session, actor, offer, OfferStatus.OPEN, now=now)
    _pause_invoices(
        session, actor, account, offer, "open", now=now, to_on=offer.expires_on + timedelta(days=1)
    )
    if offer.maker is OfferMaker.DEBTOR:
        # One that the rules answered is open on the page before him.
        if offer.decided_by_id is not None:
            tell(session, actor, offer, "counter_offer_accepted", now=now)
    else:
        tell(session, actor, offer, "counter_offer_changed" if theirs else "offer_made", now=now)


def wait(session: Session, actor: Actor, account: Account, offer: Offer, *, now: datetime) -> None:
    """Ask a person to decide; whoever asked us is left in peace until then."""
    move(session, actor, offer, OfferStatus.AWAITING_APPROVAL, now=now)
    if _asked_by_debtor(session, offer):
        pauses.pause(
            session, actor, account, PauseReason.AWAITING_OUR_ANSWER, key=f"offer:{offer.id}:answer", now=now
        )
    outbox.ask_person(
        session,
        TaskKind.APPROVAL,
        _task_key(offer),
        account_id=account.id,
        facts={"offer": offer.ref, "amount_minor": offer.amount_minor, "currency": offer.currency},
        now=now,
    )


def _asked_by_debtor(session: Session, offer: Offer) -> bool:
    """Whether the debtor waits for our answer: his own offer, or our proposal in answer to it."""
    return offer.maker is OfferMaker.DEBTOR or answered(session, offer) is not None


def move(
    session: Session, actor: Actor, offer: Offer, to: OfferStatus, *, now: datetime, why: str | None = None
) -> Offer:
    """Move an offer and, with it, what it blocks, pauses and asks of people (decision 12)."""
    before = offer.status
    advance(offer, to)
    offer.ended_at = now if to in _FINAL else None
    session.flush()
    for part in session.scalars(
        select(OfferInvoice).where(OfferInvoice.offer_id == offer.id).order_by(OfferInvoice.invoice_id)
    ):
        part.blocking = to is OfferStatus.ACCEPTED
    session.flush()
    account = session.get_one(Account, offer.account_id)
    if before is OfferStatus.AWAITING_APPROVAL:
        pauses.resume(session, actor, account, f"offer:{offer.id}:answer", now=now)
        _close_task(session, actor, offer, now=now)
    stage = {OfferStatus.OPEN: "open", OfferStatus.ACCEPTED: "agreed"}.get(before)
    if stage:
        for invoice_id in invoice_ids(session, offer):
            pauses.resume(session, actor, account, f"offer:{offer.id}:{stage}:{invoice_id}", now=now)
    facts: dict[str, Any] = {"from": before.value, "to": to.value}
    if why:
        facts["why"] = why
    record(session, actor, "offer.moved", offer, account_id=offer.account_id, now=now, facts=facts,
           reason=offer.decision_reason)  # fmt: skip
    if to not in (OfferStatus.OPEN, OfferStatus.AWAITING_APPROVAL) or offer.decided_by_id is not None:
        note(session, actor, offer, f"offer.{to.value}", now)
    if to is OfferStatus.VOIDED and _asked_by_debtor(session, offer):
        tell(session, actor, offer, "offer_voided", now=now)
    return offer


def _pause_invoices(
    session: Session,
    actor: Actor,
    account: Account,
    offer: Offer,
    stage: str,
    *,
    now: datetime,
    to_on: date | None = None,
) -> None:
    for invoice_id in invoice_ids(session, offer):
        pauses.pause(
            session,
            actor,
            account,
            PauseReason.OFFER,
            key=f"offer:{offer.id}:{stage}:{invoice_id}",
            now=now,
            to_on=to_on,
            invoice_id=invoice_id,
        )


def _task_key(offer: Offer) -> str:
    return f"approval:offer:{offer.id}"


def _close_task(session: Session, actor: Actor, offer: Offer, *, now: datetime) -> None:
    task = session.scalar(select(Task).where(Task.key == _task_key(offer), Task.done_at.is_(None)))
    if task is not None:
        task.done_at = now
        task.done_by_id = actor.id if actor.kind is ActorKind.STAFF else None


def note(session: Session, actor: Actor, offer: Offer, kind: str, now: datetime) -> None:
    outbox.note(
        session,
        offer.account_id,
        kind,
        contact_id=actor.contact_id,
        staff_id=actor.id if actor.kind is ActorKind.STAFF else None,
        now=now,
        facts={"offer": offer.ref, "amount_minor": offer.amount_minor, "currency": offer.currency},
    )


def tell(session: Session, actor: Actor, offer: Offer, kind: str, *, now: datetime) -> None:
    """Queue a message about an offer, once for each kind; no sum of an offer travels by SMS."""
    contact = _reader(session, offer)
    purpose = Purpose.ARRANGEMENT if kind in offer_letters.NOTICES else Purpose.ANSWER
    way = way_to(contact, purpose) if contact is not None else None
    if contact is None or way is None:
        return
    outbox.enqueue(
        session,
        actor,
        account=session.get_one(Account, offer.account_id),
        contact=contact,
        channel=way[0],
        purpose=way[1],
        kind=kind,
        facts={"offer_id": offer.id},
        dedupe_key=f"{kind}:{offer.id}",
        currency=offer.currency,
        now=now,
    )


def _reader(session: Session, offer: Offer) -> Contact | None:
    """Who is written to: whoever dealt with it, else the first who pays, by e-mail if anyone has one."""
    if offer.contact_id is not None:
        chosen = session.get_one(Contact, offer.contact_id)
        if chosen.is_active:
            return chosen
    return reader_of(session, offer.account_id, by_mail=True) or reader_of(session, offer.account_id)
