"""What a plan has received, what is next, and how pages, letters and the daily work see it.

Money counts towards instalments in their order: received = covered less what is still open of it on
the plan's invoices. Source: domain.md, "Arrangements"; M-15.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session, aliased

from models.accounts import Account
from models.arrangements import Every, Instalment, PaysBy, Plan, PlanInvoice, SavedCard
from models.disputes import Dispute
from models.invoices import Invoice
from models.ledger import LedgerEntry
from models.money import Money, currency_row, total
from models.payments import Allocation, AttemptInvoice, Payment, PaymentAttempt
from models.states import AttemptStatus, CardStatus, InstalmentStatus, PlanStatus
from receivables.allocations import KEPT_MINOR
from receivables.arrangements.decline_classes import DeclineReason, Remedy, remedy_of
from receivables.arrangements.plan_terms import Cover, least_payable
from receivables.calendar_days import at_local, business_date
from receivables.errors import NotFound, Refused
from receivables.payments.quotes import Choice
from receivables.permissions import Actor, ActorKind, Permission, require

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


def received_until(session: Session, plan: Plan, day: date, zone: str) -> int:
    """Return what a plan has received of money initiated by the end of a day, in minor units.

    A payment of ours is initiated when its page was opened or its charge written down, though a bank
    debit comes days later.
    """
    undone, after = aliased(LedgerEntry), at_local(day + timedelta(days=1), time(0), zone)
    later = (
        select(func.coalesce(func.sum(KEPT_MINOR), 0))
        .outerjoin(Payment, Payment.id == Allocation.payment_id)
        .outerjoin(PaymentAttempt, PaymentAttempt.id == Payment.attempt_id)
        .where(
            Allocation.invoice_id == Invoice.id,
            Allocation.valued_on > day,
            PaymentAttempt.started_at.is_(None) | (PaymentAttempt.started_at >= after),
            ~exists().where(undone.reverses_id == Allocation.entry_id),
        )
        .correlate(Invoice)
        .scalar_subquery()
    )
    return received(session, [plan], without=later)[plan.id].received


def received(
    session: Session, plans: Iterable[Plan], *, without: ColumnElement[int] | None = None
) -> dict[int, Received]:
    """Return what each plan has received, by plan id.

    What stood beside the plan when it was agreed (a contested part) is not of the plan: a credit note
    takes it off first, and it stays out while it is open.

    Args:
        without: what of an invoice's money is left out, as a question about `Invoice`.
    """
    by_id = {plan.id: plan for plan in plans}
    balance = Invoice.balance_minor if without is None else Invoice.balance_minor + without
    rows = session.execute(
        select(
            PlanInvoice.plan_id,
            PlanInvoice.covered_minor,
            Invoice.ref,
            balance.label("balance_minor"),
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
        still = min(r.covered_minor, max(0, int(r.balance_minor) - outside))
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
    """One instalment as its reader sees it.

    Attributes:
        left: what is still to be paid of it.
        refused: why the saved card did not pay it, and `remedy`, what helps; None when it was not asked
            or another card has taken its place. `next_try_on` is when it is asked again.
    """

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
    refused: DeclineReason | None
    remedy: Remedy | None
    next_try_on: date | None


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


def open_to(plan: Plan) -> datetime:
    """Return until when a draft, or what we propose, can be signed (policy plans.draft_days).

    What a second person had to approve first can be signed from then on.
    """
    return (plan.decided_at or plan.proposed_at) + timedelta(days=plan.terms["rules"]["draft_days"])


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
    ours = plan.status is PlanStatus.AWAITING_APPROVAL and plan.accepted_at is None
    if ours and actor.kind is ActorKind.LINK_HOLDER:
        raise NotFound("not_found")  # put forward by the desk, and not approved yet
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
        left=left_of(plan, came),
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
        open_to_on=business_date(open_to(plan), account.zone),
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
        # Who pays by link has no card to ask for; a paid part has forgotten what was refused.
        why = part.last_failure if plan.pays_by is PaysBy.CARD else None
        refused = DeclineReason(why) if why else None
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
                refused=refused,
                remedy=remedy_of(refused, part.next_try_on) if refused else None,
                next_try_on=part.next_try_on,
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
    return Choice("arranged", plan.currency, plan.open_refs, payable(amount, plan.left))


def payable(amount: Money, left: Money) -> Money:
    """Return what is paid for a part: with little left of it, what follows too, as a card takes no less."""
    return min(max(amount, least_payable(amount.currency)), left)


def left_of(plan: Plan, came: Received) -> Money:
    """Return what is still to be paid of a plan and neither on its way nor contested."""
    gone = came.received + came.processing + came.contested
    return Money(max(plan.total_minor - gone, 0), plan.currency)
