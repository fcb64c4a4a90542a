"""What a plan has received, what is next, and how pages, letters and the daily work see it.

Money counts towards instalments in their order: received = covered less what is still open of it on
the plan's invoices. Source: domain.md, "Arrangements"; M-15.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.arrangements import Every, Instalment, PaysBy, Plan, PlanInvoice, Promise, SavedCard
from models.disputes import Dispute
from models.invoices import Invoice
from models.money import Money, currency_row, total
from models.payments import Allocation, AttemptInvoice, PaymentAttempt
from models.states import AttemptStatus, CardStatus, InstalmentStatus, PlanStatus, PromiseStatus
from receivables import invoices
from receivables.arrangements.plan_terms import (
    Band,
    Cover,
    Draft,
    Wish,
    band_of,
    draft,
    least_payable,
    ready_wishes,
)
from receivables.calendar_days import add_business_days, business_date
from receivables.errors import NotFound, Refused
from receivables.payments.quotes import Choice
from receivables.permissions import Actor, Permission, require
from receivables.policy import Policy, current_policy
from receivables.ports import InvoiceRow

#: Days that a draft, or what we propose, stays with the account (decision 10).
DRAFT_LIFE = timedelta(days=7)
#: Plans whose instalments are looked at when money moves.
COUNTED = frozenset({PlanStatus.ACTIVE, PlanStatus.DEFAULTED, PlanStatus.COMPLETED})


# --------------------------------------------------------------------------- what came


@dataclass(frozen=True, slots=True)
class Received:
    """Where the money of one plan stands, in minor units; `open_refs` are its invoices with something
    open, `contested` what disputes set aside of what the plan covers."""

    received: int
    processing: int
    contested: int
    open_refs: tuple[str, ...]


_CREDITED = (
    select(func.coalesce(func.sum(Allocation.amount_minor), 0))
    .where(Allocation.invoice_id == Invoice.id, Allocation.credit_note_id.is_not(None))
    .correlate(Invoice)
    .scalar_subquery()
)
_CONTESTED = (
    select(func.coalesce(func.sum(Dispute.contested_minor), 0))
    .where(Dispute.invoice_id == Invoice.id, Dispute.holds)
    .correlate(Invoice)
    .scalar_subquery()
)
_PROCESSING = (
    select(func.coalesce(func.sum(AttemptInvoice.reserved_minor), 0))
    .join(PaymentAttempt, PaymentAttempt.id == AttemptInvoice.attempt_id)
    .where(AttemptInvoice.invoice_id == Invoice.id, PaymentAttempt.status == AttemptStatus.PROCESSING)
    .correlate(Invoice)
    .scalar_subquery()
)


def received(session: Session, plans: Iterable[Plan]) -> dict[int, Received]:
    """Return what each plan has received, by plan id.

    What stood beside the plan when it was agreed (a contested part) is not of the plan: a credit note
    takes it off first, and it stays out while it is open.
    """
    by_id = {plan.id: plan for plan in plans}
    rows = session.execute(
        select(
            PlanInvoice.plan_id,
            PlanInvoice.covered_minor,
            Invoice.ref,
            Invoice.balance_minor,
            _CREDITED.label("credited"),
            _CONTESTED.label("contested"),
            _PROCESSING.label("processing"),
        )
        .join(Invoice, Invoice.id == PlanInvoice.invoice_id)
        .where(PlanInvoice.plan_id.in_(by_id))
        .order_by(PlanInvoice.plan_id, PlanInvoice.invoice_id)
    ).all()
    sums: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
    refs: dict[int, list[str]] = defaultdict(list)
    for r in rows:
        agreed = _agreed(by_id[r.plan_id], r.ref)
        outside = max(0, agreed["outside_minor"] - (int(r.credited) - agreed["credited_minor"]))
        still = min(r.covered_minor, max(0, r.balance_minor - outside))
        contested = min(still, max(0, int(r.contested) - outside))
        found = sums[r.plan_id]
        found[0] += r.covered_minor - still
        found[1] += min(int(r.processing), still)
        found[2] += contested
        if still - contested > 0:
            refs[r.plan_id].append(r.ref)
    return {
        plan_id: Received(came, coming, contested, tuple(refs[plan_id]))
        for plan_id in by_id
        for came, coming, contested in [sums[plan_id]]
    }


def _agreed(plan: Plan, ref: str) -> Mapping[str, Any]:
    agreed: Mapping[str, Any] = next(i for i in plan.terms["invoices"] if i["ref"] == ref)
    return agreed


def parts_of(session: Session, plan_id: int) -> list[Instalment]:
    """Return the instalments of a plan in their order."""
    return list(
        session.scalars(select(Instalment).where(Instalment.plan_id == plan_id).order_by(Instalment.seq))
    )


def marks(parts: Sequence[Instalment], currency: str) -> list[tuple[Instalment, int]]:
    """Return each instalment with the sum at which it counts as paid.

    A fraction of a payable step in that sum is not waited for: nobody can pay it by card (decision 32).
    """
    step, found, so_far = currency_row(currency).step, [], 0
    for part in parts:
        if part.status is not InstalmentStatus.WAIVED:
            so_far += part.amount_minor
        found.append((part, so_far - so_far % step))
    return found


def remainder(
    parts: Sequence[Instalment], plan: Plan, came: Received, part: Instalment, *, with_processing: bool = True
) -> Money:
    """Return what is still to be paid of one instalment once all before it are paid.

    Never more than its row says (M-15); what is on its way, contested or a fraction of a payable step
    is left out.
    """
    so_far = 0
    for earlier in parts:
        if earlier.seq >= part.seq:
            break
        so_far += earlier.amount_minor if earlier.status is not InstalmentStatus.WAIVED else 0
    have = came.received + (came.processing if with_processing else 0)
    last = plan.total_minor - came.contested
    left = min(so_far + part.amount_minor, last) - max(have, so_far)
    left = min(max(left, 0), part.amount_minor)
    return Money(left - left % currency_row(plan.currency).step, plan.currency)


# --------------------------------------------------------------------------- one plan


@dataclass(frozen=True, slots=True)
class PartRow:
    """One instalment as its reader sees it; `left` is what is still to be paid of it."""

    ref: str
    seq: int
    on: date
    moved_from_on: date | None
    amount: Money
    left: Money
    status: InstalmentStatus
    may_move: bool
    move_to_on: date | None
    move_before_on: date | None


@dataclass(frozen=True, slots=True)
class CardRow:
    """The card that pays a plan, as its holder recognises it."""

    ref: str
    brand: str
    last4: str
    usable: bool


@dataclass(frozen=True, slots=True)
class PlanView:
    """A plan with everything a page, a letter or a document says of it."""

    ref: str
    number: str
    status: PlanStatus
    account_id: int
    currency: str
    total: Money
    received: Money
    processing: Money
    contested: Money
    left: Money
    parts: Sequence[PartRow]
    covers: Sequence[Cover]
    open_refs: tuple[str, ...]
    every: Every
    pays_by: PaysBy
    card: CardRow | None
    at_once: bool
    outside: Sequence[str]
    reason: str | None
    by_staff: bool
    terms: Mapping[str, Any]
    digest: str
    proposed_at: datetime
    open_to_on: date
    answer_by_on: date | None
    decision_reason: str | None
    accepted_at: datetime | None
    accepted_name: str | None
    accepted_role: str | None
    cure_until_on: date | None
    ended_at: datetime | None
    moves_left: int
    today: date

    @property
    def next_part(self) -> PartRow | None:
        """The earliest instalment with something to pay on it."""
        return next((part for part in self.parts if part.left), None)

    @property
    def late(self) -> Sequence[PartRow]:
        return [part for part in self.parts if part.left and part.on < self.today]

    @property
    def late_amount(self) -> Money:
        return total([part.left for part in self.late], self.currency)

    @property
    def rules(self) -> Mapping[str, Any]:
        rules: Mapping[str, Any] = self.terms["rules"]
        return rules

    @property
    def payable(self) -> bool:
        """Whether something can be paid on it now."""
        running = self.status in (PlanStatus.ACTIVE, PlanStatus.DEFAULTED) and self.ended_at is None
        return running and self.next_part is not None


def number_of(plan: Plan) -> str:
    """The plan's number as people read it out."""
    return f"PL-{plan.proposed_at.year}-{plan.id:06d}"


def find(session: Session, actor: Actor, ref: str, *, permission: Permission) -> Plan:
    """Return a plan by its name in the address.

    Raises: NotAllowed, NotFound: no such plan, or another account's (L-15).
    """
    plan = session.scalar(select(Plan).where(Plan.ref == ref))
    if plan is None:
        raise NotFound("not_found")
    require(actor, permission, account_id=plan.account_id)
    return plan


def view(session: Session, actor: Actor, ref: str, *, now: datetime) -> PlanView:
    """Return one plan.

    Raises: NotAllowed, NotFound.
    """
    plan = find(session, actor, ref, permission=Permission.ACCOUNT_READ)
    account = session.get_one(Account, plan.account_id)
    today = business_date(now, account.zone)
    parts = parts_of(session, plan.id)
    came = received(session, [plan])[plan.id]
    card = session.get(SavedCard, plan.saved_card_id) if plan.saved_card_id else None
    rules = plan.terms["rules"]

    def money(minor: int) -> Money:
        return Money(minor, plan.currency)

    moves_left = max(0, rules["moves"] - plan.moves) if plan.status is PlanStatus.ACTIVE else 0
    covers = [
        Cover(0, agreed["ref"], agreed["number"], money(agreed["minor"])) for agreed in plan.terms["invoices"]
    ]
    return PlanView(
        ref=plan.ref,
        number=number_of(plan),
        status=plan.status,
        account_id=plan.account_id,
        currency=plan.currency,
        total=money(plan.total_minor),
        received=money(came.received),
        processing=money(came.processing),
        contested=money(came.contested),
        left=money(max(plan.total_minor - came.received - came.processing - came.contested, 0)),
        parts=_part_rows(plan, parts, came, moves_left, today),
        covers=covers,
        open_refs=came.open_refs,
        every=plan.every,
        pays_by=plan.pays_by,
        card=CardRow(card.ref, card.brand, card.last4, card.status is CardStatus.ACTIVE) if card else None,
        at_once=bool(plan.terms["at_once"]),
        outside=plan.terms["outside"],
        reason=plan.reason,
        by_staff=plan.proposed_by_staff_id is not None,
        terms=plan.terms,
        digest=plan.terms_digest,
        proposed_at=plan.proposed_at,
        open_to_on=business_date(plan.proposed_at + DRAFT_LIFE, account.zone),
        answer_by_on=plan.answer_by_on,
        decision_reason=plan.decision_reason,
        accepted_at=plan.accepted_at,
        accepted_name=plan.accepted_name,
        accepted_role=plan.accepted_role,
        cure_until_on=plan.cure_until_on,
        ended_at=plan.ended_at,
        moves_left=moves_left,
        today=today,
    )


def _part_rows(
    plan: Plan, parts: Sequence[Instalment], came: Received, moves_left: int, today: date
) -> list[PartRow]:
    rows = []
    for place, part in enumerate(parts):
        after = parts[place + 1].due_on if place + 1 < len(parts) else None
        latest = part.due_on + timedelta(days=plan.terms["rules"]["move_days"])
        scheduled = part.status is InstalmentStatus.SCHEDULED
        rows.append(
            PartRow(
                ref=part.ref,
                seq=part.seq,
                on=part.due_on,
                moved_from_on=part.moved_from_on,
                amount=Money(part.amount_minor, plan.currency),
                left=remainder(parts, plan, came, part),
                status=part.status,
                may_move=moves_left > 0 and scheduled and part.due_on >= today,
                move_to_on=latest if moves_left else None,
                move_before_on=after,
            )
        )
    return rows


def choice(session: Session, actor: Actor, ref: str, what: str, *, now: datetime) -> Choice:
    """Return what the debtor pays of a plan now, made from its rows and never from a form.

    Raises:
        Refused: nothing_to_pay.
        NotAllowed, NotFound.
    """
    find(session, actor, ref, permission=Permission.PAYMENT_START)
    if actor.invoice_id is not None:
        raise NotFound("not_found")  # a forwarded link pays its one invoice, not a plan
    return choice_of(view(session, actor, ref, now=now), what)


def choice_of(plan: PlanView, what: str) -> Choice:
    """Return what is paid of a plan as it was read.

    Args:
        what: "next" (the earliest part with something to pay), "late" (all whose day has passed) or
            "rest" (everything).
    Raises: Refused: nothing_to_pay.
    """
    if not plan.payable or not plan.open_refs:
        raise Refused("nothing_to_pay")
    chosen = {
        "next": [part for part in plan.parts if part.left][:1],
        "late": plan.late,
        "rest": plan.parts,
    }[what]
    amount = total([part.left for part in chosen], plan.currency)
    if not amount:
        raise Refused("nothing_to_pay")
    # A part of which little is left is paid together with what follows: a card takes no less.
    amount = min(max(amount, least_payable(plan.currency)), plan.left)
    return Choice("arranged", plan.currency, plan.open_refs, amount)


# --------------------------------------------------------------------------- before a plan


@dataclass(frozen=True, slots=True)
class Outlook:
    """What may be agreed on over some invoices: the band, ready choices, and what else can be chosen.

    `rows` are all that can be in a plan, `chosen` those that this one is about. `answer_by_on` is when
    a person would answer a request that goes beyond the band.
    """

    currency: str
    rows: Sequence[InvoiceRow]
    chosen: Sequence[InvoiceRow]
    total: Money
    band: Band
    choices: Sequence[Draft]
    most_asked: int
    latest_asked_on: date
    answer_by_on: date
    rules: Any
    today: date


def outlook(
    session: Session,
    actor: Actor,
    *,
    account_id: int,
    currency: str | None,
    invoice_refs: Sequence[str],
    now: datetime,
) -> Outlook:
    """Return what may be agreed on over some invoices of one currency.

    Args:
        currency: None for that of the oldest overdue invoice, else of the first open one.
        invoice_refs: names of invoices; none for everything overdue, else everything open.
    Raises:
        Refused: plan_nothing_open, invoice_not_open.
        NotAllowed, NotFound.
    """
    require(actor, Permission.PLAN_MAKE, account_id=account_id)
    account = session.get_one(Account, account_id)
    today = business_date(now, account.zone)
    policy = current_policy(session, now)
    everything = [row for row in invoices.open_rows(session, account_id, today) if may_be_covered(row)]
    first = next((row for row in everything if row.days_late), next(iter(everything), None))
    if first is None:
        raise Refused("plan_nothing_open")
    currency = currency or first.currency
    rows = [row for row in everything if row.currency == currency]
    if not rows:
        raise Refused("plan_nothing_open")
    if missing := set(invoice_refs) - {row.ref for row in rows}:
        raise Refused("invoice_not_open", ref=sorted(missing)[0])
    chosen = [row for row in rows if row.ref in invoice_refs]
    chosen = chosen or [row for row in rows if row.days_late] or rows
    whole = total([row.asked for row in chosen], currency)
    band = band_of(policy, whole, kept_promises=kept_promises(session, account_id), today=today)
    choices = [
        draft(policy, whole, wish, band, today=today, country=account.country)
        for wish in ready_wishes(band, today)
    ]
    return Outlook(
        currency=currency,
        rows=rows,
        chosen=chosen,
        total=whole,
        band=band,
        choices=[found for found in choices if not found.outside],
        most_asked=max(*policy.approvals.plan_parts.values(), band.most_parts),
        latest_asked_on=today + timedelta(days=policy.plans.asked_within_days),
        answer_by_on=add_business_days(today, policy.pauses.answer_business_days, account.country),
        rules=policy.plans,
        today=today,
    )


def worked_out(session: Session, account_id: int, found: Outlook, wish: Wish, *, now: datetime) -> Draft:
    """Work a wish over the invoices of an outlook out.

    Raises: Refused: as `plan_terms.draft`.
    """
    account = session.get_one(Account, account_id)
    policy: Policy = current_policy(session, now)
    return draft(policy, found.total, wish, found.band, today=found.today, country=account.country)


def may_be_covered(row: InvoiceRow) -> bool:
    """Whether an invoice can come into a plan: something is asked on it and nothing is on its way."""
    return bool(row.asked) and not row.processing


def kept_promises(session: Session, account_id: int) -> int:
    """How many promises the account has kept."""
    count = select(func.count()).where(Promise.account_id == account_id, Promise.status == PromiseStatus.KEPT)
    return int(session.execute(count).scalar_one())
