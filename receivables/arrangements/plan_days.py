"""The days of a running plan: notices, missed instalments, charges that failed, default and its end.

The rules are those frozen in the plan's terms. Source: domain.md, "Arrangements"; decision 22; P-24,
FT-25.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.arrangements import Instalment, InstalmentCharge, PaysBy, Plan, SavedCard
from models.links import Channel
from models.messages import Purpose
from models.money import Money
from models.payments import PaymentAttempt
from models.states import UNSETTLED_ATTEMPTS, CardStatus, InstalmentStatus, PlanStatus, advance
from receivables import bank_lines, outbox
from receivables.arrangements.charge_stops import contested_plans
from receivables.arrangements.decline_classes import DeclineKind, DeclineReason
from receivables.arrangements.plan_counts import (
    OPEN_PARTS,
    ask,
    end,
    facts_of,
    let_go,
    move_part,
    note,
    recount_account,
)
from receivables.arrangements.plan_reads import Received, marks, open_to, parts_of, received, remainder
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.contact.consents import address_of
from receivables.contact.readers import paying_contacts, way_to
from receivables.permissions import SYSTEM, Actor

BOTH = (Channel.EMAIL, Channel.SMS)


# --------------------------------------------------------------------------- telling


def tell(
    session: Session,
    actor: Actor,
    plan: Plan,
    kind: str,
    *,
    purpose: Purpose,
    key: str,
    now: datetime,
    part: Instalment | None = None,
    channels: Sequence[Channel] = (),
    more: Mapping[str, object] | None = None,
) -> None:
    """Queue one message about a plan for who agreed to it, else for who pays at the account.

    Args:
        key: names the fact that is told; it is told once in each channel.
        part: the instalment it is about.
        channels: none: by e-mail, or by SMS to who has none.
        more: further facts that its text is made from.
    """
    account = session.get_one(Account, plan.account_id)
    signer = session.get(Contact, plan.contact_id) if plan.contact_id else None
    people = [signer] if signer is not None and signer.is_active else paying_contacts(session, account)[:1]
    facts: dict[str, object] = {"plan_id": plan.id, **(more or {})}
    if part is not None:
        facts |= {"instalment_id": part.id, "due_on": part.due_on.isoformat()}
    for person in people:
        way = way_to(person, purpose)
        ways = [(channel, purpose) for channel in channels if address_of(person, channel) is not None]
        for channel, under in ways if channels else [way] if way is not None else []:
            outbox.enqueue(
                session,
                actor,
                account=account,
                contact=person,
                channel=channel,
                purpose=under,
                kind=kind,
                facts=facts,
                dedupe_key=f"{key}:{channel.value}",
                currency=plan.currency,
                now=now,
            )


def _tell_missed(session: Session, plan: Plan, part: Instalment, *, now: datetime, stage: str) -> None:
    tell(
        session,
        SYSTEM,
        plan,
        "instalment_missed",
        purpose=Purpose.ARRANGEMENT,
        key=f"instalment_missed:{part.id}:{part.due_on}:{stage}",
        now=now,
        part=part,
        channels=BOTH,
    )


# --------------------------------------------------------------------------- each day


def concerned(session: Session, latest: date) -> Iterable[int]:
    """Return the accounts with a plan that a day may change: running, or a proposal nobody took up."""
    return session.scalars(
        select(Plan.account_id)
        .where(
            or_(
                Plan.status == PlanStatus.ACTIVE,
                (Plan.status == PlanStatus.DEFAULTED) & Plan.ended_at.is_(None),
                Plan.status == PlanStatus.PROPOSED,
            )
        )
        .distinct()
    )


def daily(session: Session, account: Account, *, today: date, now: datetime) -> None:
    """Do a day's work for the plans of an account, which the caller has locked.

    Says which instalments come, which did not come, asks again on the days of the terms, defaults a
    plan and ends one that was not cured. After days without a run, one instalment a run is found
    missing, so that nobody loses a plan without a word in between.
    """
    recount_account(session, account, now=now)
    plans = session.scalars(
        select(Plan)
        .where(
            Plan.account_id == account.id,
            Plan.status.in_([PlanStatus.PROPOSED, PlanStatus.ACTIVE, PlanStatus.DEFAULTED]),
            Plan.ended_at.is_(None),
        )
        .order_by(Plan.id)
    ).all()
    came = received(session, plans) if plans else {}
    still = contested_plans(session, account.id, today)
    for plan in plans:
        if plan.id in still:
            continue
        if plan.status is PlanStatus.PROPOSED:
            if business_date(open_to(plan), account.zone) < today:
                advance(plan, PlanStatus.DECLINED)
                plan.ended_at = now
                record(session, SYSTEM, "plan.lapsed", plan, account_id=account.id, now=now,
                       facts=facts_of(plan))  # fmt: skip
        elif plan.status is PlanStatus.DEFAULTED:
            _end_if_not_cured(session, account, plan, came[plan.id], today=today, now=now)
        else:
            _run(session, account, plan, came[plan.id], today=today, now=now)


def _run(
    session: Session, account: Account, plan: Plan, came: Received, *, today: date, now: datetime
) -> None:
    parts, rules = parts_of(session, plan.id), plan.terms["rules"]
    open_parts = [part for part in parts if part.status in OPEN_PARTS and remainder(parts, plan, came, part)]
    for part in open_parts:
        if part.due_on - timedelta(days=rules["notice_days"]) <= today < part.due_on:
            tell(
                session,
                SYSTEM,
                plan,
                "instalment_due",
                purpose=Purpose.ARRANGEMENT,
                key=f"instalment_due:{part.id}:{part.due_on}",
                now=now,
                part=part,
                channels=BOTH,
            )
    by_card = _usable_card(session, plan) is not None
    passed = [p for p in open_parts if p.due_on < today and p.status is InstalmentStatus.SCHEDULED]
    if passed:
        _miss(session, plan, passed[0], by_card=by_card, now=now)
    missed = [part for part in open_parts if part.status is InstalmentStatus.MISSED]
    plan.missed_in_row = len(missed)
    for part in missed:
        if part.next_try_on is not None and part.next_try_on <= today and not by_card:
            _ask_again(session, plan, part, today=today, now=now)
    if bank_lines.is_behind(session, account, now=now):
        return
    last = parts[-1]
    for_good = last.due_on + timedelta(days=max(rules["retry_days"]) + rules["cure_days"])
    if len(missed) >= rules["missed_to_default"]:
        _default(session, account, plan, missed[-1], today=today, now=now)
    elif missed and len(passed) <= 1 and for_good < today:
        _default(session, account, plan, missed[-1], today=today, now=now, cure=False)


def _miss(session: Session, plan: Plan, part: Instalment, *, by_card: bool, now: datetime) -> None:
    move_part(session, plan, part, InstalmentStatus.MISSED, now=now)
    if part.tries == 0 and not by_card:  # a card that was not charged yet is charged at once
        part.next_try_on = part.due_on + timedelta(days=plan.terms["rules"]["retry_days"][0])
    facts = {"seq": part.seq, "amount_minor": part.amount_minor, "currency": plan.currency}
    outbox.note(session, plan.account_id, "plan.instalment_missed", now=now, facts=facts)


def _ask_again(session: Session, plan: Plan, part: Instalment, *, today: date, now: datetime) -> None:
    """Send the link of a missed instalment, and set the day of the next one."""
    _tell_missed(session, plan, part, now=now, stage=str(part.tries))
    part.tries += 1
    part.next_try_on = _next_try(plan, part, after=today)


def _next_try(plan: Plan, part: Instalment, *, after: date) -> date | None:
    """Return the day of the next try, which the terms name by days after the agreed one."""
    days: Sequence[int] = plan.terms["rules"]["retry_days"]
    if part.tries > len(days) or part.tries < 1:
        return None
    named = [part.due_on + timedelta(days=d) for d in days[part.tries - 1 :]]
    return next((day for day in named if day > after), None)


def _default(
    session: Session,
    account: Account,
    plan: Plan,
    part: Instalment,
    *,
    today: date,
    now: datetime,
    cure: bool = True,
) -> None:
    """End the plan's protection: the rest falls due, the pauses end; for some days it can be cured."""
    advance(plan, PlanStatus.DEFAULTED)
    plan.cure_until_on = today + timedelta(days=plan.terms["rules"]["cure_days"]) if cure else None
    let_go(session, SYSTEM, account, plan, now=now, free=not cure)
    record(
        session, SYSTEM, "plan.defaulted", plan, account_id=plan.account_id, now=now,
        facts=facts_of(plan),
    )  # fmt: skip
    note(session, plan, "plan.defaulted", now=now)
    ask(session, plan, "defaulted", now=now, on=today)
    if cure:
        _tell_missed(session, plan, part, now=now, stage="defaulted")
    else:
        plan.ended_at = now


def _end_if_not_cured(
    session: Session, account: Account, plan: Plan, came: Received, *, today: date, now: datetime
) -> None:
    """Free the invoices of a plan that was not cured in time.

    Where all that is late is on its way, its end is waited for: the count judges it then.
    """
    if plan.cure_until_on is not None and plan.cure_until_on >= today:
        return
    rows = marks(parts_of(session, plan.id), plan.currency)
    late = max((mark for part, mark in rows if part.status is InstalmentStatus.MISSED), default=0)
    if not came.received < late <= came.received + came.processing:
        end(session, SYSTEM, account, plan, why="not_cured", now=now)


# --------------------------------------------------------------------------- charges


def _usable_card(session: Session, plan: Plan) -> SavedCard | None:
    if plan.pays_by is not PaysBy.CARD or plan.saved_card_id is None:
        return None
    card = session.get(SavedCard, plan.saved_card_id)
    return card if card is not None and card.status is CardStatus.ACTIVE else None


def concerned_by_charges(session: Session, latest: date) -> Iterable[int]:
    """Return the accounts where a saved card may have to be charged on a day."""
    return session.scalars(
        select(Plan.account_id)
        .join(Instalment, Instalment.plan_id == Plan.id)
        .join(SavedCard, SavedCard.id == Plan.saved_card_id)
        .where(
            Plan.status == PlanStatus.ACTIVE,
            Plan.pays_by == PaysBy.CARD,
            SavedCard.status == CardStatus.ACTIVE,
            Instalment.status.in_(OPEN_PARTS),
            Instalment.due_on <= latest,
        )
        .distinct()
    )


def due_charges(session: Session, account_id: int, today: date) -> list[int]:
    """Return the instalments to be charged to a saved card today, earliest first.

    Those whose day has come and were not tried yet, and those whose next try is due; never one with
    a charge on its way or one that paid it (M-15), nor with nothing left to pay. What is
    charged says `charge_amount`.
    """
    rows = session.execute(
        select(Instalment, Plan)
        .join(Plan, Plan.id == Instalment.plan_id)
        .join(SavedCard, SavedCard.id == Plan.saved_card_id)
        .where(
            Plan.account_id == account_id,
            Plan.status == PlanStatus.ACTIVE,
            Plan.pays_by == PaysBy.CARD,
            SavedCard.status == CardStatus.ACTIVE,
            Instalment.status.in_(OPEN_PARTS),
            Instalment.due_on <= today,
            or_(Instalment.next_try_on <= today, Instalment.next_try_on.is_(None) & (Instalment.tries == 0)),
        )
        .order_by(Instalment.plan_id, Instalment.seq)
    ).all()
    if not rows:
        return []
    still = contested_plans(session, account_id, today)
    busy = set(
        session.scalars(
            select(InstalmentCharge.instalment_id)
            .join(PaymentAttempt, PaymentAttempt.id == InstalmentCharge.attempt_id)
            .where(
                InstalmentCharge.instalment_id.in_([part.id for part, _ in rows]),
                PaymentAttempt.status.in_(UNSETTLED_ATTEMPTS) | InstalmentCharge.credited,
            )
        )
    )
    return [
        part.id
        for part, plan in rows
        if part.id not in busy and plan.id not in still and charge_amount(session, part, plan).minor > 0
    ]


def charge_amount(session: Session, part: Instalment, plan: Plan | None = None) -> Money:
    """Return what a saved card is charged for an instalment: its row, less what was paid of it (M-15)."""
    plan = plan or session.get_one(Plan, part.plan_id)
    came = received(session, [plan])[plan.id]
    return remainder(parts_of(session, plan.id), plan, came, part)


def charge_failed(
    session: Session,
    actor: Actor,
    instalment: Instalment,
    *,
    kind: DeclineKind,
    reason: DeclineReason,
    now: datetime,
) -> Instalment:
    """Write down that a saved card did not pay an instalment, tell the debtor, and what follows (P-24).

    The plan stays as it is; whether the instalment is missed says its day.

    Args:
        kind: SOFT (try again on the days of the terms, then a link), HARD (this card will not pay: a
            link, and no further try before he names another card), NEEDS_AUTHENTICATION (he confirms
            it himself, by the link).
        reason: kept with the instalment, for its page and its letter.
    """
    plan = session.get_one(Plan, instalment.plan_id)
    account = session.get_one(Account, plan.account_id)
    instalment.tries += 1
    instalment.last_failure = reason.value
    today = business_date(now, account.zone)
    retried = kind is DeclineKind.SOFT
    instalment.next_try_on = _next_try(plan, instalment, after=today) if retried else None
    record(
        session,
        actor,
        "instalment.charge_failed",
        instalment,
        account_id=plan.account_id,
        now=now,
        facts={
            "plan": plan.id,
            "seq": instalment.seq,
            "kind": kind.value,
            "code": reason.value,
            "try": instalment.tries,
        },
    )
    done = instalment.next_try_on is None
    tell(
        session,
        SYSTEM,
        plan,
        "card_refused",
        purpose=Purpose.ARRANGEMENT,
        key=f"card_refused:{instalment.id}:{instalment.due_on}:{instalment.tries}",
        now=now,
        part=instalment,
        channels=BOTH if done else (Channel.EMAIL,),
    )
    if done and kind is not DeclineKind.NEEDS_AUTHENTICATION:
        ask(session, plan, f"card:{instalment.id}", now=now, on=instalment.due_on)
    return instalment
