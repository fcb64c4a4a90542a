"""Credit on hold: placed by a person with a reason, ended by what was asked for, or by two persons.

What releases a hold is stored with it: an amount of what was overdue on its day, or certain documents, and
whether a plan for them does. It ends in the transaction of the payment, credit or credit note that meets
it; documents that fall due later neither delay it nor hasten it. Before that it ends by four eyes only, or,
while nobody was told yet, by whoever placed it. Source: domain.md, "Words" and the ladder; issue of the
desk, part 5; policy [credit_holds].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.approvals import ApprovalKind, ApprovalRequest
from models.arrangements import (
    CreditHold,
    CreditHoldInvoice,
    HoldCause,
    HoldEnd,
    HoldRelease,
    Instalment,
    Plan,
    PlanInvoice,
)
from models.base import new_ref
from models.invoices import OWED_KINDS, Invoice
from models.ledger import LedgerCode, LedgerEntry, Posting
from models.messages import Purpose
from models.money import Money, total
from models.pauses import PauseReason
from models.payments import Allocation, Payment
from models.states import HoldStatus, InstalmentStatus, InvoiceStatus, PlanStatus, advance
from models.work import Task, TaskKind
from receivables import approval_requests, bank_lines, invoices, outbox, pauses, task_links
from receivables.audit import record
from receivables.calendar_days import add_business_days, business_date
from receivables.contact.readers import paying_contacts, way_to
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.permissions import SYSTEM, Actor, ActorKind, Permission, require
from receivables.policy import current_policy
from receivables.ports import InvoiceRow
from receivables.segments import sales
from receivables.texts import clean_words

#: Longest reason, characters: one short paragraph that the debtor reads on a phone.
REASON_MOST = 500
#: The rung whose notice to sales a hold needs, whoever places it.
RUNG = "freeze_review"


@dataclass(frozen=True, slots=True)
class HoldTerms:
    """What is decided beside the reason and the amount.

    Attributes:
        invoices: refs of documents that must be paid, each; empty: an amount of what is overdue.
        plan_releases: whether a plan for what is asked, active and its first part paid, ends the hold.
        prepaid_allowed: whether orders that are paid in advance go on.
        evidence: what was seen, as `credit_hold_facts.evidence` gives it.
        note: for the desk only.
        review_on: account-local day of the next look; None for the usual one.
    """

    cause: HoldCause = HoldCause.OTHER
    invoices: Sequence[str] = ()
    plan_releases: bool = False
    prepaid_allowed: bool = True
    evidence: Sequence[dict[str, Any]] = ()
    note: str = ""
    review_on: date | None = None


@dataclass(frozen=True, slots=True)
class HoldView:
    """A hold as the debtor reads it.

    Attributes:
        release: what was asked for to be released.
        left: what of it is still to come, never more than what is overdue and asked for now.
        documents: ref and number of those that must be paid, while they are open; empty where an amount is
            asked for.
    """

    ref: str
    reason: str
    since_on: date
    release: Money
    left: Money
    plan_releases: bool = False
    prepaid_allowed: bool = True
    documents: Sequence[tuple[str, str]] = ()


def place(
    session: Session,
    actor: Actor,
    account: Account,
    reason: str,
    release: Money,
    *,
    terms: HoldTerms | None = None,
    now: datetime,
) -> CreditHold:
    """Place an account on credit hold; its paying contacts and sales are told.

    The debtor is told once the time to take it back is over (policy credit_holds.undo_minutes).

    Args:
        account: locked by the caller or not; it is locked here.
        reason: words that the debtor reads, at most REASON_MOST characters.
        release: > 0, at most what is overdue and asked for today in its currency; with documents named, the
            sum that is asked of them.
    Returns:
        The active hold.
    Raises:
        NotAllowed: the actor may not place holds.
        NotFound: a document is none of those that are overdue and asked for.
        Refused: already_on_hold, bank_lines_behind, sales_notice, sales_talk, reason_missing,
            words_too_long, release_zero, release_above_overdue (facts: overdue), release_changed (facts:
            release), review_too_late (facts: most), review_passed.
    """
    require(actor, Permission.CREDIT_HOLD_PLACE, account_id=account.id)
    terms = terms or HoldTerms()
    account = session.get_one(Account, account.id, with_for_update=True)
    words = clean_words(reason, most=REASON_MOST)
    note = clean_words(terms.note, most=REASON_MOST) or None
    if not words:
        raise Refused("reason_missing")
    if release.minor <= 0:
        raise Refused("release_zero")
    if active(session, account.id) is not None:
        raise Refused("already_on_hold")
    bank_lines.refuse_behind(session, account, now=now)
    today, rules = business_date(now, account.zone), current_policy(session, now).credit_holds
    _refuse_unheard(session, account, today, now=now)
    rows = overdue_rows(session, account.id, today, release.currency)
    named = _named(rows, terms.invoices)
    if named and (asked := total([row.asked for row in named], release.currency)) != release:
        raise Refused("release_changed", release=asked)
    overdue = total([row.asked for row in rows], release.currency)
    if release > overdue:
        raise Refused("release_above_overdue", overdue=overdue)
    hold = CreditHold(
        ref=new_ref(),
        account_id=account.id,
        status=HoldStatus.ACTIVE,
        reason=words,
        since_on=today,
        release_minor=release.minor,
        currency=release.currency,
        placed_by_id=actor.id,
        placed_at=now,
        cause=terms.cause,
        releases_by=HoldRelease.INVOICES if named else HoldRelease.AMOUNT,
        plan_releases=terms.plan_releases,
        prepaid_allowed=terms.prepaid_allowed,
        evidence=[dict(one) for one in terms.evidence],
        note=note,
        review_on=_review_on(terms.review_on, today, rules.review_days, rules.review_most_days),
        undo_until=now + timedelta(minutes=rules.undo_minutes),
    )
    session.add(hold)
    session.flush()
    _keep_invoices(session, hold, named or rows)
    facts = {"release_minor": release.minor, "currency": release.currency}
    kept = {"cause": hold.cause.value, "by": hold.releases_by.value, "plan": hold.plan_releases,
            "prepaid": hold.prepaid_allowed, "review_on": str(hold.review_on)}  # fmt: skip
    record(session, actor, "credit_hold.placed", hold, account_id=account.id, now=now, reason=words,
           facts={**facts, **kept})  # fmt: skip
    outbox.note(session, account.id, "credit_hold.placed", staff_id=actor.id, now=now, facts=facts)
    _end_tasks(session, actor, account.id, Task.kind == TaskKind.HOLD_CREDIT, now=now)
    _tell_sales(session, account, hold, now=now)
    _tell(session, actor, account, hold, "credit_hold_placed", Purpose.ARRANGEMENT, now=now)
    return hold


def announce(session: Session, actor: Actor, account: Account, *, now: datetime) -> date:
    """Tell the salesperson that a hold is about to be placed; a second call changes nothing.

    Returns:
        The first account-local day on which it may be placed.
    Raises:
        NotAllowed; Refused: already_on_hold, nothing_overdue.
    Source: domain.md, "The ladder"; policy segments.notice_business_days.
    """
    require(actor, Permission.CREDIT_HOLD_PLACE, account_id=account.id)
    account = session.get_one(Account, account.id, with_for_update=True)
    if active(session, account.id) is not None:
        raise Refused("already_on_hold")
    today = business_date(now, account.zone)
    if sales.case_since(session, account.id, today) is None:
        raise Refused("nothing_overdue")
    task = sales.give_notice(session, account, RUNG, now=now)
    if task is not None:
        record(session, actor, "credit_hold.announced", task, account_id=account.id, now=now)
    days = current_policy(session, now).segments.notice_business_days
    return add_business_days(today, days, account.country)


def undo(session: Session, actor: Actor, account: Account, *, now: datetime) -> CreditHold:
    """Take back a hold that one placed oneself, before anybody outside was told.

    Raises:
        NotAllowed: not the actor's to do, or another placed it.
        NotFound: the account is not on hold.
        Refused: undo_over.
    """
    require(actor, Permission.CREDIT_HOLD_PLACE, account_id=account.id)
    account, hold = _locked(session, account.id)
    if actor.kind is not ActorKind.STAFF or hold.placed_by_id != actor.id:
        raise NotAllowed("not_yours")
    if hold.undo_until is None or now >= hold.undo_until:
        raise Refused("undo_over")
    return _end(session, actor, account, hold, HoldEnd.UNDONE, now=now)


def put_off(
    session: Session, actor: Actor, account: Account, review_on: date, *, note: str, now: datetime
) -> CreditHold:
    """Let a hold stand and name the next day on which somebody looks at it again.

    Args:
        note: what was found, at most REASON_MOST characters; for the desk only.
    Raises:
        NotAllowed; NotFound: the account is not on hold.
        Refused: reason_missing, words_too_long, review_too_late (facts: most), review_passed.
    """
    require(actor, Permission.CREDIT_HOLD_PLACE, account_id=account.id)
    account, hold = _locked(session, account.id)
    words = clean_words(note, most=REASON_MOST)
    if not words:
        raise Refused("reason_missing")
    rules, today = current_policy(session, now).credit_holds, business_date(now, account.zone)
    hold.review_on = _review_on(review_on, today, rules.review_days, rules.review_most_days)
    record(session, actor, "credit_hold.reviewed", hold, account_id=account.id, now=now, reason=words,
           facts={"review_on": str(hold.review_on)})  # fmt: skip
    outbox.note(session, account.id, "credit_hold.reviewed", staff_id=actor.id, now=now,
                facts={"on": str(hold.review_on), "words": words})  # fmt: skip
    _end_tasks(session, actor, account.id, Task.kind == TaskKind.HOLD_REVIEW, now=now)
    return hold


# --------------------------------------------------------------------------- the end


def ask_release(
    session: Session, actor: Actor, account: Account, *, reason: str, now: datetime
) -> ApprovalRequest:
    """Ask a second person to end a hold before what was asked for has come (A-02).

    Raises:
        NotAllowed; NotFound: the account is not on hold.
        Refused: reason_missing, words_too_long, request_waits (facts: ref).
    """
    require(actor, Permission.CREDIT_HOLD_PLACE, account_id=account.id)
    account, hold = _locked(session, account.id)
    left = Money(max(hold.release_minor - fallen(session, hold), 1), hold.currency)
    return approval_requests.ask(
        session, actor, ApprovalKind.HOLD_RELEASE, account=account, subject_ref=hold.ref, amount=left,
        facts={"reason": hold.reason, "since_on": hold.since_on.isoformat(),
               "release_minor": hold.release_minor, "currency": hold.currency},
        reason=reason, now=now,
    )  # fmt: skip


def release_on_approval(
    session: Session, actor: Actor, request: ApprovalRequest, *, now: datetime
) -> CreditHold:
    """End the hold that an approved request names; the effect of ApprovalKind.HOLD_RELEASE.

    Args:
        actor: who approved; not who asked (receivables.approvals holds it).
    Raises:
        NotAllowed.
        Refused: hold_over: it ended meanwhile, by payment or by hand.
    """
    require(actor, Permission.APPROVAL_DECIDE)
    account_id = session.scalar(select(CreditHold.account_id).where(CreditHold.ref == request.subject_ref))
    if account_id is None:
        raise Refused("hold_over")
    account = session.get_one(Account, account_id, with_for_update=True)
    hold = active(session, account_id)
    if hold is None or hold.ref != request.subject_ref:
        raise Refused("hold_over")
    return _end(session, actor, account, hold, HoldEnd.EARLY, reason=request.reason, request=request, now=now)


def release_when_paid(session: Session, payment: Payment, *, now: datetime) -> list[CreditHold]:
    """Release the holds whose condition a payment has met, also of branches that it paid for."""
    account_ids = session.scalars(
        select(Invoice.account_id)
        .join(Allocation, Allocation.invoice_id == Invoice.id)
        .where(Allocation.payment_id == payment.id)
        .distinct()
        .order_by(Invoice.account_id)
    ).all()
    return [held for held in (release_when_met(session, one, now=now) for one in account_ids) if held]


def release_when_met(session: Session, account_id: int, *, now: datetime) -> CreditHold | None:
    """Release an account's hold if what was asked for has come; the account is locked by the caller."""
    hold = active(session, account_id)
    if hold is None:
        return None
    if is_paid(session, hold):
        how = HoldEnd.PAID
    elif hold.plan_releases and is_arranged(session, hold):
        how = HoldEnd.ARRANGED
    else:
        return None
    return _end(session, SYSTEM, session.get_one(Account, account_id), hold, how, now=now)


def is_paid(session: Session, hold: CreditHold) -> bool:
    """Whether so much has come as was asked for, or each document that was named is paid."""
    if hold.releases_by is HoldRelease.AMOUNT:
        return fallen(session, hold) >= hold.release_minor
    return not _open_documents(session, hold)


def is_arranged(session: Session, hold: CreditHold) -> bool:
    """Whether an active plan covers every document of the hold that is still open, its first part paid."""
    open_ids = {row.invoice_id for row in _open_documents(session, hold)}
    if not open_ids:
        return False
    first_paid = exists().where(Instalment.plan_id == Plan.id, Instalment.status == InstalmentStatus.PAID)
    covered = session.scalars(
        select(PlanInvoice.invoice_id)
        .join(Plan, Plan.id == PlanInvoice.plan_id)
        .where(
            Plan.account_id == hold.account_id,
            Plan.status == PlanStatus.ACTIVE,
            PlanInvoice.blocking,
            first_paid,
        )
    )
    return open_ids <= set(covered)


def fallen(session: Session, hold: CreditHold) -> int:
    """Return by how much what was overdue on the day of a hold has fallen since, in minor units.

    Of a hold that names documents each counts for no more than what was asked of it.
    """
    if hold.releases_by is HoldRelease.INVOICES:
        return sum(min(int(row.came), row.asked_minor) for row in _documents(session, hold))
    return int(
        session.execute(
            select(func.coalesce(func.sum(Posting.credit_minor - Posting.debit_minor), 0))
            .join(LedgerEntry, LedgerEntry.id == Posting.entry_id)
            .join(Invoice, Invoice.id == Posting.invoice_id)
            .where(*_since(hold), Invoice.due_on < hold.since_on, Invoice.kind.in_(OWED_KINDS))
        ).scalar_one()
    )


def _since(hold: CreditHold) -> tuple[ColumnElement[bool], ...]:
    """Which postings lower the receivables of an account since its hold."""
    return (
        Posting.account_id == hold.account_id,
        Posting.ledger_code == LedgerCode.RECEIVABLES,
        Posting.currency == hold.currency,
        LedgerEntry.posted_at > hold.placed_at,
    )


def _documents(session: Session, hold: CreditHold) -> Sequence[Any]:
    """Each document of a hold: invoice_id, number, status, asked_minor, `came` since."""
    came = (
        select(func.coalesce(func.sum(Posting.credit_minor - Posting.debit_minor), 0))
        .join(LedgerEntry, LedgerEntry.id == Posting.entry_id)
        .where(*_since(hold), Posting.invoice_id == CreditHoldInvoice.invoice_id)
        .correlate(CreditHoldInvoice)
        .scalar_subquery()
    )
    return session.execute(
        select(
            CreditHoldInvoice.invoice_id, CreditHoldInvoice.asked_minor, Invoice.ref, Invoice.number,
            Invoice.status, came.label("came"),
        )
        .join(Invoice, Invoice.id == CreditHoldInvoice.invoice_id)
        .where(CreditHoldInvoice.hold_id == hold.id)
        .order_by(Invoice.due_on, Invoice.id)
    ).all()  # fmt: skip


def _open_documents(session: Session, hold: CreditHold) -> list[Any]:
    """Those of which something that was asked is still to come."""
    return [
        row
        for row in _documents(session, hold)
        if row.status is InvoiceStatus.OPEN and int(row.came) < row.asked_minor
    ]


def overdue_rows(session: Session, account_id: int, today: date, currency: str) -> list[InvoiceRow]:
    """Return the documents of one currency that are overdue and asked for."""
    rows = invoices.open_rows(session, account_id, today, currency=currency)
    return [row for row in rows if row.days_late and row.asked]


def overdue_asked(session: Session, account_id: int, today: date, currency: str) -> Money:
    """Return what is overdue and asked for in one currency."""
    return total([row.asked for row in overdue_rows(session, account_id, today, currency)], currency)


def view(session: Session, actor: Actor, *, account_id: int, zone: str, now: datetime) -> HoldView:
    """Return the hold that stands on an account, as its holder may read it.

    Raises:
        NotAllowed, NotFound: not this actor's account; the account is not on hold.
    """
    require(actor, Permission.ACCOUNT_READ, account_id=account_id)
    hold = active(session, account_id)
    if hold is None:
        raise NotFound("not_found")
    overdue = overdue_asked(session, account_id, business_date(now, zone), hold.currency)
    return HoldView(
        ref=hold.ref,
        reason=hold.reason,
        since_on=hold.since_on,
        release=Money(hold.release_minor, hold.currency),
        left=min(left_of(session, hold), overdue),
        plan_releases=hold.plan_releases,
        prepaid_allowed=hold.prepaid_allowed,
        documents=named_open(session, hold),
    )


def named_open(session: Session, hold: CreditHold) -> list[tuple[str, str]]:
    """Return ref and number of the documents that must still be paid; none where an amount is asked for."""
    if hold.releases_by is HoldRelease.AMOUNT:
        return []
    return [(row.ref, row.number) for row in _open_documents(session, hold)]


def left_of(session: Session, hold: CreditHold) -> Money:
    """Return what of what was asked for is still to come."""
    return Money(max(hold.release_minor - fallen(session, hold), 0), hold.currency)


def active(session: Session, account_id: int) -> CreditHold | None:
    """Return the hold that stands on an account."""
    return session.scalar(
        select(CreditHold)
        .where(CreditHold.account_id == account_id, CreditHold.status == HoldStatus.ACTIVE)
        .execution_options(populate_existing=True)
    )


# --------------------------------------------------------------------------- the day of the next look


def concerned_reviews(session: Session, latest: date) -> list[int]:
    """Accounts whose hold is to be looked at again by a day."""
    return list(
        session.scalars(
            select(CreditHold.account_id).where(
                CreditHold.status == HoldStatus.ACTIVE, CreditHold.review_on <= latest
            )
        )
    )


def ask_review(session: Session, account: Account, *, today: date, now: datetime) -> Task | None:
    """Ask a person to look at a hold again, once for each day that was named."""
    hold = active(session, account.id)
    if hold is None or hold.review_on is None or hold.review_on > today:
        return None
    left = left_of(session, hold)
    task = outbox.ask_person(
        session, TaskKind.HOLD_REVIEW, f"hold_review:{hold.id}:{hold.review_on}", account_id=account.id,
        facts={"amount_minor": left.minor, "currency": left.currency}, now=now,
    )  # fmt: skip
    task.assigned_to_id = account.collector_id or hold.placed_by_id
    return task


# --------------------------------------------------------------------------- parts of the above


def _refuse_unheard(session: Session, account: Account, today: date, *, now: datetime) -> None:
    """Sales hears of it a business day before, and has the time that it asked for."""
    if not sales.notice_given(session, account, RUNG, now=now):
        raise Refused("sales_notice")
    for held in pauses.standing(session, account.id, today):
        if held.reason is PauseReason.SALES_TALK:
            raise Refused("sales_talk", to_on=held.to_on)


def _named(rows: Sequence[InvoiceRow], refs: Sequence[str]) -> list[InvoiceRow]:
    found = [row for row in rows if row.ref in refs]
    if len(found) != len(set(refs)):
        raise NotFound("not_found")
    return found


def _review_on(wanted: date | None, today: date, usual: int, most: int) -> date:
    last = today + timedelta(days=most)
    if wanted is None:
        return today + timedelta(days=usual)
    if wanted <= today:
        raise Refused("review_passed")
    if wanted > last:
        raise Refused("review_too_late", most=last)
    return wanted


def _keep_invoices(session: Session, hold: CreditHold, rows: Sequence[InvoiceRow]) -> None:
    ids = {
        r.ref: r.id
        for r in session.execute(
            select(Invoice.id, Invoice.ref).where(Invoice.ref.in_([row.ref for row in rows]))
        )
    }
    session.add_all(
        CreditHoldInvoice(hold_id=hold.id, invoice_id=ids[row.ref], asked_minor=row.asked.minor)
        for row in rows
    )
    session.flush()


def _locked(session: Session, account_id: int) -> tuple[Account, CreditHold]:
    account = session.get_one(Account, account_id, with_for_update=True)
    hold = active(session, account_id)
    if hold is None:
        raise NotFound("not_found")
    return account, hold


def _end(
    session: Session,
    actor: Actor,
    account: Account,
    hold: CreditHold,
    how: HoldEnd,
    *,
    reason: str | None = None,
    request: ApprovalRequest | None = None,
    now: datetime,
) -> CreditHold:
    """End a hold; the account is locked. Nobody is told of the end who was not told of the hold."""
    advance(hold, HoldStatus.RELEASED)
    hold.released_at, hold.ended_as = now, how
    hold.released_by_id = actor.id if actor.kind is ActorKind.STAFF else None
    record(session, actor, "credit_hold.released", hold, account_id=account.id, now=now, reason=reason,
           facts={"how": how.value})  # fmt: skip
    outbox.note(session, account.id, "credit_hold.released", staff_id=hold.released_by_id, now=now,
                facts={"how": how.value})  # fmt: skip
    asked = approval_requests.waiting(session, ApprovalKind.HOLD_RELEASE, hold.ref)
    if asked is not None and (request is None or asked.id != request.id):
        approval_requests.void(session, actor, asked, why="hold_over", now=now)
    ours = (Task.kind == TaskKind.HOLD_REVIEW) | (Task.key == _sales_key(hold))
    _end_tasks(session, actor, account.id, ours, now=now)
    if hold.undo_until is None or now >= hold.undo_until:
        _tell(session, actor, account, hold, "credit_hold_released", Purpose.ANSWER, now=now)
    return hold


def _end_tasks(
    session: Session, actor: Actor, account_id: int, which: ColumnElement[bool], *, now: datetime
) -> None:
    for task in session.scalars(
        select(Task).where(Task.account_id == account_id, Task.done_at.is_(None), which)
    ):
        task.done_at = now
        task.done_by_id = actor.id if actor.kind is ActorKind.STAFF else None


def _sales_key(hold: CreditHold) -> str:
    return f"hold_placed:{hold.id}"


def _tell_sales(session: Session, account: Account, hold: CreditHold, *, now: datetime) -> None:
    """Ask who sells to the account to talk with it, now that nothing goes out on credit."""
    if account.salesperson_id is None:
        return
    task = outbox.ask_person(
        session, TaskKind.SALES, _sales_key(hold), account_id=account.id,
        facts={"rung": "hold_placed", "currency": hold.currency, "amount_minor": hold.release_minor}, now=now,
    )  # fmt: skip
    task.assigned_to_id = account.salesperson_id
    task_links.mail_task(session, account, task, now=now)


def _tell(
    session: Session,
    actor: Actor,
    account: Account,
    hold: CreditHold,
    kind: str,
    purpose: Purpose,
    *,
    now: datetime,
) -> None:
    """Write to every paying contact: a mail says why, an SMS to who has none that it is so."""
    for contact in paying_contacts(session, account):
        way = way_to(contact, purpose)
        if way is None:
            continue
        outbox.enqueue(
            session,
            actor,
            account=account,
            contact=contact,
            channel=way[0],
            purpose=way[1],
            kind=kind,
            facts={"hold_id": hold.id},
            dedupe_key=f"{kind}:{hold.id}:{contact.id}",
            currency=hold.currency,
            not_before=hold.undo_until if kind == "credit_hold_placed" else None,
            now=now,
        )
