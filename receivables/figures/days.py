"""The days that the dashboard reads: worked out from the books, kept by day, renewed for some days back.

A figure belongs to the day on which its fact took effect (an entry's `effective_on`, a payment's value
day), so what comes late changes days that are over: the nightly work renews as many days as the policy
says, a rebuild all of them. Stocks of many days are one pass over the postings: what moved, by day and by
due date, rolled forward.

Names of figures (`figure_day.name`), each with what `key`, `amount_minor` and `number` are:
    ageing      bucket; what is open at the end of the day; –
    sales       –; what was invoiced on credit; documents
    collected   staff id of the collector or ""; payments less what was reversed; payments
    sold        staff id of the salesperson or ""; payments; payments
    sold_back   the same; payments that were reversed; reversals
    ways        way; payments; payments
    rungs       last rung that the document met before, or ""; what was allocated; allocations
    due         staff id of the salesperson or ""; what fell due; documents
    due_open    the same; what of it was not paid that day; –
    lost        the same; written off and forgiven; –
    prepaid     the same; prepayments past their day, on the last day only; documents
    promises    "kept:id" or "broken:id" of the collector; promised; promises judged
    disputes    –; minutes from opening to outcome (currency XXX); disputes resolved
    exceptions  "staff id:kind"; what was forgiven, in its currency, or nothing (XXX); exceptions
    again       "closed" or "again"; – (XXX); accounts that paid something late, and that bought since
Source: issue D, part 12; formulas.py for what is made of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import and_, case, delete, exists, func, insert, or_, select
from sqlalchemy.orm import Session, aliased

from models.accounts import Account
from models.arrangements import InstalmentCharge, Offer, Promise
from models.audit import AuditEntry
from models.costs import Charge
from models.creditors import Creditor
from models.disputes import Dispute
from models.figures import FigureDay, FigureRun
from models.invoices import Invoice, InvoiceKind
from models.ladder import LadderMeeting, Met
from models.ledger import LedgerCode, LedgerEntry, Posting
from models.pauses import Pause, PauseReason
from models.payments import Allocation, Payment, PaymentMethod
from models.states import ChargeStatus, InvoiceStatus, OfferStatus, PromiseStatus
from receivables.allocations import KEPT_MINOR
from receivables.calendar_days import at_local, business_date
from receivables.figures.formulas import bucket_of
from receivables.permissions import ActorKind

#: What is owed on credit; a prepayment is a sale not yet closed and no debt (domain.md).
ON_CREDIT = (InvoiceKind.INVOICE, InvoiceKind.FEE)
#: Stands for "no money" where a currency has to stand.
NO_CURRENCY = "XXX"
#: Audit codes that are exceptions from what the rules give, when a person is behind them.
EXCEPTION_CODES = {
    "pause.started": "pause",
    "ladder.chosen": "override",
    "segment.moved": "override",
    "terms.agreed": "override",
    "credit_hold.released": "override",
}


#: Pauses that come with an act of their own, which is counted where it belongs, or with none of ours.
OF_THEMSELVES = (
    PauseReason.OFFER, PauseReason.PLAN, PauseReason.PROMISE, PauseReason.DISPUTE,
    PauseReason.DEBIT_PROCESSING, PauseReason.CHARGEBACK,
)  # fmt: skip


class Figure(NamedTuple):
    """One figure to be kept; see the module for its names."""

    name: str
    day_on: date
    key: str
    currency: str
    amount_minor: int
    number: int


def renew(session: Session, creditor: Creditor, *, first: date, last: date, now: datetime) -> int:
    """Work out and keep the figures of some days of one creditor, in place of what was kept of them.

    Args:
        first, last: days of the creditor's zone, both included; a gap to what is kept is filled.
    Returns:
        How many days were renewed.
    """
    # One at a time; what is booked for the creditor meanwhile only refers to it, and waits for nobody.
    session.get_one(Creditor, creditor.id, with_for_update={"key_share": True})
    run = session.get(FigureRun, creditor.id, populate_existing=True)
    if run is not None and first > run.last_on:
        first = run.last_on + timedelta(days=1)
    summed: dict[tuple[str, date, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for figure in _all(session, creditor, first, last, now):
        if first <= figure.day_on <= last:
            kept = summed[figure.currency, figure.day_on, figure.name, figure.key]
            kept[0] += figure.amount_minor
            kept[1] += figure.number
    session.execute(
        delete(FigureDay).where(FigureDay.creditor_id == creditor.id, FigureDay.day_on.between(first, last))
    )
    rows = [
        {
            "creditor_id": creditor.id, "currency": currency, "name": name, "day_on": day, "key": key,
            "amount_minor": minor, "number": number,
        }
        for (currency, day, name, key), (minor, number) in summed.items()
        if minor or number
    ]  # fmt: skip
    if rows:
        session.execute(insert(FigureDay), rows)
    if run is None:
        session.add(FigureRun(creditor_id=creditor.id, first_on=first, last_on=last, taken_at=now))
    else:
        run.first_on, run.last_on = min(run.first_on, first), max(run.last_on, last)
        run.taken_at = now
    session.flush()
    return (last - first).days + 1


def earliest(session: Session, creditor: Creditor) -> date | None:
    """Return the first day on which anything took effect in the books of a creditor."""
    return session.scalar(
        select(func.min(LedgerEntry.effective_on)).where(LedgerEntry.creditor_id == creditor.id)
    )


def _all(session: Session, creditor: Creditor, first: date, last: date, now: datetime) -> Iterator[Figure]:
    days = (first, last)
    moments = (at_local(first, _MIDNIGHT, creditor.zone), at_local(last + _DAY, _MIDNIGHT, creditor.zone))
    yield from _ageing(session, creditor.id, first, last)
    yield from _sales(session, creditor.id, days)
    yield from _payments(session, creditor.id, days)
    yield from _by_rung(session, creditor.id, days)
    yield from _due(session, creditor.id, days)
    yield from _lost(session, creditor.id, days)
    yield from _prepayments(session, creditor.id, last, now)
    yield from _promises(session, creditor, moments)
    yield from _disputes(session, creditor, moments)
    yield from _exceptions(session, creditor, moments)
    yield from _again(session, creditor.id, days)


_DAY = timedelta(days=1)
_MIDNIGHT = datetime.min.time()


def _key(staff_id: int | None) -> str:
    return "" if staff_id is None else str(staff_id)


# --------------------------------------------------------------------------- stocks


def _ageing(session: Session, creditor_id: int, first: date, last: date) -> Iterator[Figure]:
    """Roll what is open forward, day by day and due date by due date; what has no due date is not due."""
    day = case((LedgerEntry.effective_on < first, first), else_=LedgerEntry.effective_on)
    rows = session.execute(
        select(
            day.label("day"), Invoice.due_on, Posting.currency,
            func.sum(Posting.debit_minor - Posting.credit_minor).label("minor"),
        )
        .join(LedgerEntry, LedgerEntry.id == Posting.entry_id)
        .join(Invoice, Invoice.id == Posting.invoice_id)
        .where(
            LedgerEntry.creditor_id == creditor_id,
            LedgerEntry.effective_on <= last,
            Posting.ledger_code == LedgerCode.RECEIVABLES,
            Invoice.kind.in_(ON_CREDIT),
        )
        .group_by(day, Invoice.due_on, Posting.currency)
    )  # fmt: skip
    moves: dict[date, list[Any]] = defaultdict(list)
    for r in rows:
        moves[r.day].append(r)
    stands: dict[tuple[str, date | None], int] = defaultdict(int)
    for number in range((last - first).days + 1):
        today = first + timedelta(days=number)
        for r in moves.get(today, ()):
            stands[r.currency, r.due_on] += int(r.minor)
        buckets: dict[tuple[str, str], int] = defaultdict(int)
        for (currency, due_on), minor in stands.items():
            if minor:
                buckets[currency, bucket_of(today, due_on)] += minor
        for (currency, bucket), minor in buckets.items():
            yield Figure("ageing", today, bucket, currency, minor, 0)


def _prepayments(session: Session, creditor_id: int, last: date, now: datetime) -> Iterator[Figure]:
    rows = session.execute(
        select(
            Account.salesperson_id, Invoice.currency, func.sum(Invoice.balance_minor).label("minor"),
            func.count().label("number"),
        )
        .join(Account, Account.id == Invoice.account_id)
        .where(
            Account.creditor_id == creditor_id, Invoice.kind == InvoiceKind.PREPAYMENT,
            Invoice.status == InvoiceStatus.OPEN, Invoice.due_on < last, Invoice.balance_minor > 0,
        )
        .group_by(Account.salesperson_id, Invoice.currency)
    )  # fmt: skip
    for r in rows:
        yield Figure("prepaid", last, _key(r.salesperson_id), r.currency, int(r.minor), r.number)


# --------------------------------------------------------------------------- flows of money


def _sales(session: Session, creditor_id: int, days: tuple[date, date]) -> Iterator[Figure]:
    rows = session.execute(
        select(
            Invoice.issued_on, Invoice.currency, func.sum(Invoice.total_minor).label("minor"),
            func.count().label("number"),
        )
        .join(Account, Account.id == Invoice.account_id)
        .where(
            Account.creditor_id == creditor_id, Invoice.kind.in_(ON_CREDIT),
            Invoice.status.not_in((InvoiceStatus.DRAFT, InvoiceStatus.VOID)),
            Invoice.issued_on.between(*days),
        )
        .group_by(Invoice.issued_on, Invoice.currency)
    )  # fmt: skip
    for r in rows:
        yield Figure("sales", r.issued_on, "", r.currency, int(r.minor), r.number)


#: How a payment came; what the debtor did by himself is ours only in the link (formulas.SELF_SERVICE).
_WAY = case(
    (exists().where(InstalmentCharge.attempt_id == Payment.attempt_id), "saved_card"),
    (Payment.attempt_id.is_not(None), "page"),
    (Payment.method == PaymentMethod.BANK_TRANSFER, "transfer"),
    else_="other",
)


def _payments(session: Session, creditor_id: int, days: tuple[date, date]) -> Iterator[Figure]:
    """Read payments by value day, and those undone by the day on which the reversal took effect."""
    undone = aliased(LedgerEntry)
    whom = (Account.collector_id, Account.salesperson_id, Payment.currency)
    amount = (func.sum(Payment.amount_minor).label("minor"), func.count().label("number"))
    came = session.execute(
        select(Payment.valued_on.label("day"), _WAY.label("way"), *whom, *amount)
        .join(Account, Account.id == Payment.account_id)
        .where(Account.creditor_id == creditor_id, Payment.valued_on.between(*days))
        .group_by(Payment.valued_on, _WAY, *whom)
    )
    for r in came:
        minor = int(r.minor)
        yield Figure("collected", r.day, _key(r.collector_id), r.currency, minor, r.number)
        yield Figure("sold", r.day, _key(r.salesperson_id), r.currency, minor, r.number)
        yield Figure("ways", r.day, r.way, r.currency, minor, r.number)
    back = session.execute(
        select(undone.effective_on.label("day"), *whom, *amount)
        .join(Account, Account.id == Payment.account_id)
        .join(undone, undone.reverses_id == Payment.entry_id)
        .where(Account.creditor_id == creditor_id, undone.effective_on.between(*days))
        .group_by(undone.effective_on, *whom)
    )
    for r in back:
        minor = int(r.minor)
        yield Figure("collected", r.day, _key(r.collector_id), r.currency, -minor, 0)
        yield Figure("sold_back", r.day, _key(r.salesperson_id), r.currency, minor, r.number)


def _by_rung(session: Session, creditor_id: int, days: tuple[date, date]) -> Iterator[Figure]:
    last_met = (
        select(LadderMeeting.rung)
        .where(
            LadderMeeting.invoice_id == Allocation.invoice_id,
            LadderMeeting.met_on <= Allocation.valued_on,
            LadderMeeting.how.in_((Met.ACTED, Met.JOINED)),
        )
        .order_by(LadderMeeting.met_on.desc(), LadderMeeting.id.desc())
        .limit(1)
        .correlate(Allocation)
        .scalar_subquery()
    )
    undone = aliased(LedgerEntry)
    parts = (
        select(
            Allocation.valued_on.label("day"), Allocation.currency, KEPT_MINOR.label("amount_minor"),
            func.coalesce(last_met, "").label("rung"),
        )
        .join(Invoice, Invoice.id == Allocation.invoice_id)
        .join(Account, Account.id == Invoice.account_id)
        .where(
            Account.creditor_id == creditor_id, Allocation.valued_on.between(*days),
            Allocation.payment_id.is_not(None),
            ~exists().where(undone.reverses_id == Allocation.entry_id), KEPT_MINOR > 0,
        )
        .subquery()
    )  # fmt: skip
    rows = session.execute(
        select(
            parts.c.day,
            parts.c.rung,
            parts.c.currency,
            func.sum(parts.c.amount_minor).label("minor"),
            func.count().label("number"),
        ).group_by(parts.c.day, parts.c.rung, parts.c.currency)
    )
    for r in rows:
        yield Figure("rungs", r.day, r.rung, r.currency, int(r.minor), r.number)


def _due(session: Session, creditor_id: int, days: tuple[date, date]) -> Iterator[Figure]:
    """Read what fell due, and what of it was not paid by the end of that day, by signing salesperson."""
    of_documents = (
        Account.creditor_id == creditor_id, Invoice.kind.in_(ON_CREDIT), Invoice.due_on.between(*days),
        Invoice.status.not_in((InvoiceStatus.DRAFT, InvoiceStatus.VOID)),
    )  # fmt: skip
    by = (Invoice.due_on, Account.salesperson_id, Invoice.currency)
    whole = session.execute(
        select(*by, func.sum(Invoice.total_minor).label("minor"), func.count().label("number"))
        .join(Account, Account.id == Invoice.account_id)
        .where(*of_documents)
        .group_by(*by)
    )
    for r in whole:
        yield Figure("due", r.due_on, _key(r.salesperson_id), r.currency, int(r.minor), r.number)
    left = session.execute(
        select(*by, func.sum(Posting.debit_minor - Posting.credit_minor).label("minor"))
        .join(Account, Account.id == Invoice.account_id)
        .join(Posting, Posting.invoice_id == Invoice.id)
        .join(LedgerEntry, LedgerEntry.id == Posting.entry_id)
        .where(
            *of_documents,
            Posting.ledger_code == LedgerCode.RECEIVABLES,
            LedgerEntry.effective_on <= Invoice.due_on,
        )
        .group_by(*by)
    )
    for row in left:
        key = _key(row.salesperson_id)
        yield Figure("due_open", row.due_on, key, row.currency, int(row.minor), 0)


def _lost(session: Session, creditor_id: int, days: tuple[date, date]) -> Iterator[Figure]:
    """Read write-offs and what was forgiven, by the salesperson of the account it was taken off."""
    taken = aliased(Posting)
    of_entry = (
        select(func.sum(taken.debit_minor - taken.credit_minor))
        .where(
            taken.entry_id == LedgerEntry.id,
            taken.ledger_code.in_(
                (LedgerCode.BAD_DEBT, LedgerCode.SETTLEMENT_DISCOUNTS, LedgerCode.SETTLEMENT_DISCOUNT_TAX)
            ),
        )
        .correlate(LedgerEntry)
        .scalar_subquery()
    )
    account = (
        select(Account.salesperson_id)
        .join(Posting, Posting.account_id == Account.id)
        .where(Posting.entry_id == LedgerEntry.id, Posting.ledger_code == LedgerCode.RECEIVABLES)
        .limit(1)
        .correlate(LedgerEntry)
        .scalar_subquery()
    )
    rows = session.execute(
        select(
            LedgerEntry.effective_on.label("day"), LedgerEntry.currency, of_entry.label("minor"),
            account.label("salesperson_id"),
        ).where(
            LedgerEntry.creditor_id == creditor_id, LedgerEntry.effective_on.between(*days),
            or_(LedgerEntry.kind.like("settlement_discount%"), LedgerEntry.kind.like("write_off%")),
        )
    )  # fmt: skip
    for r in rows:
        yield Figure("lost", r.day, _key(r.salesperson_id), r.currency, int(r.minor or 0), 0)


# --------------------------------------------------------------------------- what people did


def _promises(session: Session, creditor: Creditor, moments: tuple[datetime, datetime]) -> Iterator[Figure]:
    rows = session.execute(
        select(
            Promise.judged_at, Promise.status, Promise.currency, Promise.amount_minor, Account.collector_id
        )
        .join(Account, Account.id == Promise.account_id)
        .where(
            Account.creditor_id == creditor.id,
            Promise.status.in_((PromiseStatus.KEPT, PromiseStatus.BROKEN)),
            Promise.judged_at >= moments[0],
            Promise.judged_at < moments[1],
        )
    )
    for r in rows:
        day = business_date(r.judged_at, creditor.zone)
        key = f"{r.status.value}:{_key(r.collector_id)}"
        yield Figure("promises", day, key, r.currency, r.amount_minor, 1)


def _disputes(session: Session, creditor: Creditor, moments: tuple[datetime, datetime]) -> Iterator[Figure]:
    rows = session.execute(
        select(Dispute.opened_at, Dispute.resolved_at)
        .join(Account, Account.id == Dispute.account_id)
        .where(
            Account.creditor_id == creditor.id,
            Dispute.resolved_at >= moments[0],
            Dispute.resolved_at < moments[1],
        )
    )
    for r in rows:
        minutes = int((r.resolved_at - r.opened_at).total_seconds()) // 60
        yield Figure("disputes", business_date(r.resolved_at, creditor.zone), "", NO_CURRENCY, minutes, 1)


def _exceptions(session: Session, creditor: Creditor, moments: tuple[datetime, datetime]) -> Iterator[Figure]:
    """Read what people gave beyond the rules: offers, waived charges, pauses, and treatments of their own."""
    of_creditor = Account.creditor_id == creditor.id
    giver, given = (
        func.coalesce(Offer.decided_by_id, Offer.proposed_by_staff_id),
        func.coalesce(Offer.decided_at, Offer.proposed_at),
    )
    never = (OfferStatus.DRAFT, OfferStatus.AWAITING_APPROVAL, OfferStatus.REFUSED)
    offers = (
        select(
            giver.label("staff_id"), given.label("moment"), Offer.currency,
            (Offer.balance_minor - Offer.amount_minor).label("minor"),
        )
        .join(Account, Account.id == Offer.account_id)
        .where(of_creditor, giver.is_not(None), Offer.status.not_in(never))
    )  # fmt: skip
    waived = (
        select(
            Charge.decided_by_id.label("staff_id"), Charge.decided_at.label("moment"), Charge.currency,
            Charge.amount_minor.label("minor"),
        )
        .join(Account, Account.id == Charge.account_id)
        .where(of_creditor, Charge.status == ChargeStatus.WAIVED, Charge.decided_by_id.is_not(None))
    )  # fmt: skip
    for kind, query, moment in (("discount", offers, given), ("waiver", waived, Charge.decided_at)):
        for r in session.execute(query.where(moment >= moments[0], moment < moments[1])):
            day = business_date(r.moment, creditor.zone)
            yield Figure("exceptions", day, f"{r.staff_id}:{kind}", r.currency, r.minor, 1)
    rows = session.execute(
        select(AuditEntry.code, AuditEntry.actor_id, AuditEntry.occurred_at)
        .join(Account, Account.id == AuditEntry.account_id)
        .outerjoin(Pause, and_(AuditEntry.subject_kind == "pause", AuditEntry.subject_id == Pause.id))
        .where(
            of_creditor,
            AuditEntry.code.in_(EXCEPTION_CODES),
            or_(Pause.id.is_(None), Pause.reason.not_in(OF_THEMSELVES)),
            AuditEntry.actor_kind == ActorKind.STAFF.value,
            and_(AuditEntry.occurred_at >= moments[0], AuditEntry.occurred_at < moments[1]),
        )
    )
    for row in rows:
        day, kind = business_date(row.occurred_at, creditor.zone), EXCEPTION_CODES[row.code]
        yield Figure("exceptions", day, f"{row.actor_id}:{kind}", NO_CURRENCY, 0, 1)


def _again(session: Session, creditor_id: int, days: tuple[date, date]) -> Iterator[Figure]:
    """Read accounts that paid something late, by day, and how many of them were invoiced again since."""
    rows = session.execute(
        select(Allocation.valued_on, Invoice.account_id)
        .join(Invoice, Invoice.id == Allocation.invoice_id)
        .join(Account, Account.id == Invoice.account_id)
        .where(
            Account.creditor_id == creditor_id, Allocation.valued_on.between(*days),
            Allocation.payment_id.is_not(None), Invoice.due_on < Allocation.valued_on,
        )
        .distinct()
    ).all()  # fmt: skip
    latest = _last_sales(session, creditor_id, days[0]) if rows else {}
    for r in rows:
        yield Figure("again", r.valued_on, "closed", NO_CURRENCY, 0, 1)
        if latest.get(r.account_id, r.valued_on) > r.valued_on:
            yield Figure("again", r.valued_on, "again", NO_CURRENCY, 0, 1)


def _last_sales(session: Session, creditor_id: int, since: date) -> dict[int, date]:
    rows: Iterable[Any] = session.execute(
        select(Invoice.account_id, func.max(Invoice.issued_on).label("latest"))
        .join(Account, Account.id == Invoice.account_id)
        .where(
            Account.creditor_id == creditor_id, Invoice.issued_on > since,
            Invoice.kind.in_((InvoiceKind.INVOICE, InvoiceKind.PREPAYMENT)),
        )
        .group_by(Invoice.account_id)
    )  # fmt: skip
    return {r.account_id: r.latest for r in rows}
