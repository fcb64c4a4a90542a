"""What becomes of a saved card without its holder's act here: renewed, let go, its mandate withdrawn.

A notification is a hint: the card is asked for at the gateway and what is true now is written down. A renewed
card goes on paying its plans; one that is gone stops paying at once, its plans go on by link, and its holder
is asked for another one. No plan is ended for that alone: only its days do that. Source: issue E part 6;
P-11, P-24; docs.stripe.com, "Save and reuse", "Automatic card updates".
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.arrangements import Instalment, PaysBy, Plan, SavedCard
from models.messages import Purpose
from models.payments import InboxEvent
from models.states import CardStatus, InstalmentStatus, PlanStatus
from models.store import Store
from models.work import TaskKind
from receivables import outbox
from receivables.arrangements import cards, plan_counts, plan_days, plan_reads
from receivables.arrangements.at_risk import ends_by
from receivables.arrangements.decline_classes import DeclineReason
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.permissions import SYSTEM
from receivables.policy import current_policy
from receivables.ports import PaymentGateway, RemoteCard

#: Refusals that another expiry may cure: the renewed card is tried again.
_CURED_BY_RENEWAL = frozenset({DeclineReason.CARD_EXPIRED.value, DeclineReason.CARD_GONE.value})


# --------------------------------------------------------------------------- notifications


def follow_card(store: Store, gateway: PaymentGateway, row: InboxEvent, *, now: datetime) -> None:
    """A card was renewed, changed or let go: read it again at the gateway.

    Raises: as `receivables.payments.followers.Follower`.
    """
    look_at(store, gateway, row.object_id, now=now)


def follow_customer(store: Store, gateway: PaymentGateway, row: InboxEvent, *, now: datetime) -> None:
    """A customer was deleted at the gateway, and its cards with it: one that is gone never comes back."""
    account = row.gateway_account
    store.run(lambda session: customer_gone(session, row.object_id, gateway_account=account, now=now))


def follow_mandate(store: Store, gateway: PaymentGateway, row: InboxEvent, *, now: datetime) -> None:
    """A mandate changed: once it is withdrawn nothing is charged on it any more.

    Raises: as `receivables.payments.followers.Follower`.
    """
    named = or_(
        SavedCard.mandate_id == row.object_id,
        # One that was given with the first charge is not in our row: its card is.
        SavedCard.mandate_id.is_(None) & (SavedCard.payment_method_id == row.payment_method_id),
    )
    with store.read() as session:
        methods = session.scalars(
            select(SavedCard.payment_method_id).where(
                named,
                SavedCard.gateway_account == row.gateway_account,
                SavedCard.status == CardStatus.ACTIVE,
            )
        ).all()
    if methods and not gateway.mandate_is_active(row.object_id):
        for method in methods:
            store.run(lambda s, method=method: gone(s, str(method), why="mandate_withdrawn", now=now))  # type: ignore[misc]


def look_at(store: Store, gateway: PaymentGateway, payment_method_id: str, *, now: datetime) -> None:
    """Ask the gateway for a card of ours as it is now, and follow it; speaks between units of work.

    Raises: GatewayUnreachable, GatewayRefused.
    """
    with store.read() as session:
        card = session.scalar(
            select(SavedCard).where(
                SavedCard.payment_method_id == payment_method_id, SavedCard.gateway_account == gateway.name
            )
        )
    if card is None or card.status is not CardStatus.ACTIVE:
        return
    found = gateway.card_of(payment_method_id)
    if found is None:
        store.run(lambda session: gone(session, payment_method_id, why="detached", now=now))
    else:
        store.run(lambda session: renewed(session, found, now=now))


# --------------------------------------------------------------------------- what they do


def _locked(session: Session, payment_method_id: str) -> SavedCard | None:
    """Lock the account, then its active card; None where there is none any more."""
    account_id = session.scalar(
        select(SavedCard.account_id).where(SavedCard.payment_method_id == payment_method_id)
    )
    if account_id is None:
        return None
    session.get_one(Account, account_id, with_for_update=True)
    return session.scalar(
        select(SavedCard)
        .where(SavedCard.payment_method_id == payment_method_id, SavedCard.status == CardStatus.ACTIVE)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def renewed(session: Session, found: RemoteCard, *, now: datetime) -> SavedCard | None:
    """Let brand, last digits and expiry follow the gateway; its plans go on, on the same consent.

    A part that the card could not pay because it had ended is tried again today. The same card told again
    changes nothing.
    """
    card = _locked(session, found.payment_method_id)
    if card is None:
        return None
    before = (card.brand, card.last4, card.expires_month, card.expires_year)
    after = (found.brand, found.last4, found.month, found.year)
    card.mandate_id = found.mandate_id or card.mandate_id
    if before == after:
        return card
    card.brand, card.last4, card.expires_month, card.expires_year = after
    tried = _try_again(session, card, now=now)
    facts = {"brand": card.brand, "from": _until(before[2], before[3]), "to": _until(after[2], after[3])}
    record(
        session, SYSTEM, "card.renewed", card, account_id=card.account_id, now=now,
        facts={**facts, "tried_again": tried},
    )  # fmt: skip
    outbox.note(
        session, card.account_id, "card.renewed", contact_id=card.contact_id, now=now,
        facts={"brand": card.brand, "last4": card.last4},
    )  # fmt: skip
    return card


def _until(month: int | None, year: int | None) -> str | None:
    return f"{year}-{month:02d}" if month and year else None


def _try_again(session: Session, card: SavedCard, *, now: datetime) -> int:
    """Let what the old card could not pay be charged to the renewed one; returns how many parts."""
    today = business_date(now, session.get_one(Account, card.account_id).zone)
    parts = session.scalars(
        select(Instalment)
        .join(Plan, Plan.id == Instalment.plan_id)
        .where(
            Plan.saved_card_id == card.id,
            Plan.status == PlanStatus.ACTIVE,
            Instalment.status.in_(plan_counts.OPEN_PARTS),
            Instalment.last_failure.in_(_CURED_BY_RENEWAL),
            Instalment.next_try_on.is_(None),
        )
    ).all()
    for part in parts:
        part.next_try_on, part.last_failure = today, None
    return len(parts)


def gone(session: Session, payment_method_id: str, *, why: str, now: datetime) -> SavedCard | None:
    """Write down that a card of ours can't be charged any more, and ask its holder for another one.

    Its plans go on by link from this moment and no charge of it is made any more. A second call finds it
    removed and changes nothing.

    Args:
        why: "detached", "customer_deleted" or "mandate_withdrawn".
    """
    card = _locked(session, payment_method_id)
    return _gone(session, card, why=why, now=now) if card is not None else None


def _gone(session: Session, card: SavedCard, *, why: str, now: datetime) -> SavedCard:
    paid = session.scalars(
        select(Plan)
        .where(Plan.saved_card_id == card.id, Plan.status.in_(cards.CARRIED), Plan.ended_at.is_(None))
        .order_by(Plan.id)
    ).all()
    cards.forget(session, SYSTEM, card, now=now, why=why)
    if not paid:
        return card
    outbox.ask_person(
        session, TaskKind.PLAN_TROUBLE, f"card_gone:{card.id}", account_id=card.account_id, now=now,
        facts={"why": "card_gone", "plans": [plan.id for plan in paid]},
    )  # fmt: skip
    for plan in paid:
        part = _next_part(session, plan)
        if part is not None and plan.status in (PlanStatus.ACTIVE, PlanStatus.DEFAULTED):
            _tell(session, plan, part, card, "card_gone", key=f"card_gone:{card.id}:{plan.id}", now=now)
    return card


def customer_gone(
    session: Session, customer_id: str, *, gateway_account: str, now: datetime
) -> list[SavedCard]:
    """Write down that the gateway deleted a customer: none of its cards is charged, its name is dropped.

    Args:
        gateway_account: the one whose customer it was; of another's word nothing follows (B20).
    Returns: the cards that it took with it.
    """
    rows = session.execute(
        select(SavedCard.account_id, SavedCard.id).where(
            SavedCard.customer_id == customer_id, SavedCard.gateway_account == gateway_account
        )
    ).all()
    lost = []
    for account_id in sorted({row.account_id for row in rows}):
        session.get_one(Account, account_id, with_for_update=True)
    for row in sorted(rows, key=lambda found: (found.account_id, found.id)):
        card = session.get_one(SavedCard, row.id, with_for_update=True, populate_existing=True)
        card.customer_gone_at = card.customer_gone_at or now
        if card.status is CardStatus.ACTIVE:
            lost.append(_gone(session, card, why="customer_deleted", now=now))
    return lost


def _next_part(session: Session, plan: Plan) -> Instalment | None:
    """The earliest part that still waits for money."""
    parts = plan_reads.parts_of(session, plan.id)
    came = plan_reads.received(session, [plan])[plan.id]
    waiting = (part for part in parts if part.status in plan_counts.OPEN_PARTS)
    return next((part for part in waiting if plan_reads.remainder(parts, plan, came, part)), None)


def _tell(
    session: Session, plan: Plan, part: Instalment, card: SavedCard, kind: str, *, key: str, now: datetime
) -> None:
    plan_days.tell(
        session, SYSTEM, plan, kind, purpose=Purpose.ARRANGEMENT, key=key, now=now, part=part,
        channels=plan_days.BOTH, more={"card_id": card.id},
    )  # fmt: skip


# --------------------------------------------------------------------------- before it ends


def concerned(session: Session, latest: date) -> list[int]:
    """Return the accounts with a plan that a card pays; the day's work looks whether it lasts."""
    return list(
        session.scalars(
            select(Plan.account_id)
            .join(SavedCard, SavedCard.id == Plan.saved_card_id)
            .where(
                Plan.status == PlanStatus.ACTIVE,
                Plan.pays_by == PaysBy.CARD,
                SavedCard.status == CardStatus.ACTIVE,
                SavedCard.expires_year.is_not(None),
                SavedCard.expires_year <= latest.year + 1,
            )
            .distinct()
        )
    )


def warn(session: Session, account: Account, *, today: date, now: datetime) -> int:
    """Tell the holder of a card in time that it ends before the next part it shall pay; daily.

    Once for each plan, card and end. The account is locked by the caller.

    Returns: how many plans he was told of.
    Source: policy plans.card_notice_days.
    """
    rows = session.execute(
        select(Plan, SavedCard)
        .join(SavedCard, SavedCard.id == Plan.saved_card_id)
        .where(
            Plan.account_id == account.id,
            Plan.status == PlanStatus.ACTIVE,
            Plan.pays_by == PaysBy.CARD,
            SavedCard.status == CardStatus.ACTIVE,
        )
        .order_by(Plan.id)
    ).all()
    ahead, told = timedelta(days=current_policy(session, now).plans.card_notice_days), 0
    for plan, card in rows:
        part = first_beyond(plan_reads.parts_of(session, plan.id), card)
        if part is None or part.due_on - ahead > today:
            continue
        until = _until(card.expires_month, card.expires_year)
        _tell(session, plan, part, card, "card_ends", key=f"card_ends:{plan.id}:{card.id}:{until}", now=now)
        told += 1
    return told


def first_beyond(parts: list[Instalment], card: SavedCard) -> Instalment | None:
    """Return the next part that waits for its day, if the card has ended by then; else None.

    Parts that the card still pays come first: who has two of them before its end is told after the first.
    """
    waiting = [part for part in parts if part.status is InstalmentStatus.SCHEDULED]
    first = min(waiting, key=lambda part: (part.due_on, part.seq), default=None)
    ends = first is not None and ends_by(card.expires_year, card.expires_month, first.due_on)
    return first if ends else None
