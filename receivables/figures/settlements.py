"""Settlements out: every offer and plan with what was agreed, paid and forgiven, tied to the ledger.

A row is in a period when something happened to it there: it was proposed, decided, accepted or ended, or
money of it moved. What it shows as paid and forgiven is what moved in the period, reversals taken off, so
that periods add up and agree with the ledger accounts of the same days. Days are those of the books
(creditor-local). Before a figure leaves, each row is compared with the postings and all of them together
with the movement on settlement discounts; one that differs is named and nothing leaves.
Source: issue D, part 15; decision 5 (tax in what is forgiven); M-13, M-17, X-01.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import and_, case, func, literal, null, or_, select
from sqlalchemy.orm import Session, aliased

from models.accounts import Account
from models.arrangements import Instalment, Offer, OfferInvoice, Plan, PlanInvoice
from models.creditors import Creditor
from models.invoices import Invoice
from models.ledger import LedgerCode, LedgerEntry, Posting
from models.money import Money
from models.payments import Adjustment, Allocation, Payment, PaymentAttempt
from models.reversals import AllocationReversal, PaymentReversal
from models.staff import Staff
from models.states import OfferStatus, PlanStatus
from receivables.arrangements.offer_ends import discount_key
from receivables.arrangements.offer_money import is_in_time
from receivables.calendar_days import at_local, business_date
from receivables.errors import Refused
from receivables.permissions import Actor, Permission, require
from receivables.ports import Cell

#: Longest period that is asked for at once, days: ten years and their leap days.
LONGEST = 3653
#: Agreements read at once.
_CHUNK = 200
_DISCOUNTS = (LedgerCode.SETTLEMENT_DISCOUNTS, LedgerCode.SETTLEMENT_DISCOUNT_TAX)
_OF_OFFERS = ("settlement_discount", "settlement_discount_reversed")


@dataclass(frozen=True, slots=True)
class Settlement:
    """One offer or plan of a period.

    Attributes:
        kind: "offer" or "plan".
        original: what was open of its invoices when it was made.
        agreed: what is to be paid for it; the original of a plan.
        paid: what came for it in the period, tax withheld and proved included.
        forgiven, forgiven_tax: net and tax of what was posted to settlement discounts in the period.
        approver: who decided, or None where nobody had to.
        policy_version: number of the version of the rules it was made under; None for the shipped one.
    """

    kind: str
    ref: str
    account_ref: str
    account_number: str
    account_name: str
    invoices: Sequence[str]
    original: Money
    agreed: Money
    paid: Money
    forgiven: Money
    forgiven_tax: Money
    maker: str
    proposer: str | None
    approver: str | None
    policy_version: int | None
    proposed_on: date
    decided_on: date | None
    accepted_on: date | None
    pay_by_on: date | None
    ended_on: date | None
    status: OfferStatus | PlanStatus


@dataclass(frozen=True, slots=True)
class Total:
    """The sums of one currency."""

    offers: int
    plans: int
    original: Money
    agreed: Money
    paid: Money
    forgiven: Money
    forgiven_tax: Money


@dataclass(frozen=True, slots=True)
class Period:
    """Days of the books, both of them in it.

    Raises:
        Refused: period_backwards, period_too_long.
    """

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise Refused("period_backwards")
        if (self.last - self.first).days >= LONGEST:
            raise Refused("period_too_long")

    def moments(self, zone: str) -> tuple[datetime, datetime]:
        """Return its beginning and the beginning of the day after it."""
        return at_local(self.first, time(0), zone), at_local(self.last + timedelta(days=1), time(0), zone)

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


def settlements(session: Session, actor: Actor, period: Period) -> Iterator[Settlement]:
    """Return the offers and plans of a period, by creditor, offers first, each in the order they were made.

    Rows are read as they are asked for. After the last one the sums are compared with the ledger.

    Raises:
        NotAllowed: the actor may not read settlements.
        Refused: settlements_differ (facts: what, ref, shown, posted, all as the books have them).
    """
    require(actor, Permission.SETTLEMENTS_READ)
    return _all(session, period)


def _all(session: Session, period: Period) -> Iterator[Settlement]:
    for creditor_id, zone in session.execute(select(Creditor.id, Creditor.zone).order_by(Creditor.id)).all():
        sums: dict[str, int] = defaultdict(int)
        for found in _offers(session, creditor_id, zone, period):
            sums[found.original.currency] += found.forgiven.minor + found.forgiven_tax.minor
            yield found
        _compare_with_ledger(session, creditor_id, period, sums)
        yield from _plans(session, creditor_id, zone, period)


def checked(session: Session, actor: Actor, period: Period) -> list[Settlement]:
    """Return all of a period at once, compared with the ledger.

    Raises: as `settlements`.
    """
    return list(settlements(session, actor, period))


def totals(rows: Sequence[Settlement]) -> list[Total]:
    """Return the sums of rows, one a currency; currencies are never mixed."""
    found = []
    for code in sorted({row.original.currency for row in rows}):
        those = [row for row in rows if row.original.currency == code]
        offers = sum(row.kind == "offer" for row in those)

        def summed(name: str, those: list[Settlement] = those, code: str = code) -> Money:
            return Money(sum(getattr(row, name).minor for row in those), code)

        found.append(
            Total(
                offers,
                len(those) - offers,
                *map(summed, ("original", "agreed", "paid", "forgiven", "forgiven_tax")),
            )
        )
    return found


def _compare_with_ledger(session: Session, creditor_id: int, period: Period, sums: Mapping[str, int]) -> None:
    """Refuse where what the offers say was forgiven is not what stands on settlement discounts."""
    rows = session.execute(
        select(Posting.currency, func.sum(Posting.debit_minor - Posting.credit_minor).label("minor"))
        .join(LedgerEntry, LedgerEntry.id == Posting.entry_id)
        .where(
            LedgerEntry.creditor_id == creditor_id,
            LedgerEntry.kind.in_(_OF_OFFERS),
            LedgerEntry.posted_on.between(period.first, period.last),
            Posting.ledger_code.in_(_DISCOUNTS),
        )
        .group_by(Posting.currency)
    )
    posted = {r.currency: int(r.minor) for r in rows}
    for code in sorted({*posted, *sums}):
        if posted.get(code, 0) != sums.get(code, 0):
            raise Refused(
                "settlements_differ",
                what="total",
                ref=code,
                shown=sums.get(code, 0),
                posted=posted.get(code, 0),
            )


# --------------------------------------------------------------------------- what moved


@dataclass(frozen=True, slots=True)
class _Move:
    """Part of a payment or credit note, or an adjustment, of one invoice: its day, and when it was undone.

    What was taken back of a payment is a move of its own, below nil; its `made_entry_id` is the entry of
    what it was taken from. `tax_minor` is the part of a settlement discount that is tax; `started_at` when
    the debtor opened the page of a payment.
    """

    kind: str
    reference: str
    invoice_id: int
    entry_id: int
    minor: int
    tax_minor: int
    posted_on: date
    posted_at: datetime
    undone_on: date | None
    valued_on: date
    started_at: datetime | None
    made_entry_id: int

    def sign(self, period: Period) -> int:
        """1 where it was posted in the period, -1 where it was undone there, 0 for both or neither."""
        return (self.posted_on in period) - (self.undone_on is not None and self.undone_on in period)


def _moves(session: Session, invoice_ids: Collection[int]) -> list[_Move]:
    """Return payments and adjustments of some invoices in the order they were posted, tied to the books."""
    undone, tax = aliased(LedgerEntry), aliased(Posting)
    of_entry = (
        select(func.coalesce(func.sum(tax.debit_minor), 0))
        .where(tax.entry_id == LedgerEntry.id, tax.ledger_code == LedgerCode.SETTLEMENT_DISCOUNT_TAX)
        .correlate(LedgerEntry)
        .scalar_subquery()
    )
    posted = (
        LedgerEntry.reference, LedgerEntry.posted_on, LedgerEntry.posted_at,
        undone.posted_on.label("undone_on"),
    )  # fmt: skip
    # One entry may have put a payment's credit and a credit note's on an invoice; only the first is money.
    source = case((Allocation.payment_id.is_(None), "credit_note"), else_="payment")
    money = session.execute(
        select(
            source.label("kind"), Allocation.invoice_id, Allocation.entry_id,
            Allocation.amount_minor, literal(0).label("tax_minor"), Allocation.valued_on,
            PaymentAttempt.started_at, Allocation.entry_id.label("made_entry_id"), *posted,
        )
        .join(LedgerEntry, LedgerEntry.id == Allocation.entry_id)
        .outerjoin(Payment, Payment.id == Allocation.payment_id)
        .outerjoin(PaymentAttempt, PaymentAttempt.id == Payment.attempt_id)
        .outerjoin(undone, undone.reverses_id == LedgerEntry.id)
        .where(Allocation.invoice_id.in_(invoice_ids))
    ).all()  # fmt: skip
    returned = session.execute(
        select(
            literal("payment").label("kind"), Allocation.invoice_id, PaymentReversal.entry_id,
            (-AllocationReversal.amount_minor).label("amount_minor"), literal(0).label("tax_minor"),
            Allocation.valued_on, PaymentAttempt.started_at, Allocation.entry_id.label("made_entry_id"),
            *posted,
        )
        .join(Allocation, Allocation.id == AllocationReversal.allocation_id)
        .join(PaymentReversal, PaymentReversal.id == AllocationReversal.reversal_id)
        .join(LedgerEntry, LedgerEntry.id == PaymentReversal.entry_id)
        .join(Payment, Payment.id == Allocation.payment_id)
        .outerjoin(PaymentAttempt, PaymentAttempt.id == Payment.attempt_id)
        .outerjoin(undone, undone.reverses_id == LedgerEntry.id)
        .where(Allocation.invoice_id.in_(invoice_ids))
    ).all()  # fmt: skip
    adjusted = session.execute(
        select(
            Adjustment.kind, Adjustment.invoice_id, Adjustment.entry_id, Adjustment.amount_minor,
            of_entry.label("tax_minor"), Adjustment.made_on.label("valued_on"),
            null().label("started_at"), Adjustment.entry_id.label("made_entry_id"), *posted,
        )
        .join(LedgerEntry, LedgerEntry.id == Adjustment.entry_id)
        .outerjoin(undone, undone.reverses_id == LedgerEntry.id)
        .where(Adjustment.invoice_id.in_(invoice_ids))
    ).all()  # fmt: skip
    moves = [
        _Move(
            r.kind, r.reference, r.invoice_id, r.entry_id, r.amount_minor, int(r.tax_minor), r.posted_on,
            r.posted_at, r.undone_on, r.valued_on, r.started_at, r.made_entry_id,
        )
        for r in (*money, *returned, *adjusted)
    ]  # fmt: skip
    _tie(session, moves)
    return sorted(moves, key=lambda move: move.entry_id)


def _tie(session: Session, moves: Sequence[_Move]) -> None:
    """Refuse where what is said to have reduced an invoice is not what its entry took off receivables."""
    said: dict[tuple[int, int], int] = defaultdict(int)
    for move in moves:
        said[move.entry_id, move.invoice_id] += move.minor
    rows = session.execute(
        select(
            Posting.entry_id,
            Posting.invoice_id,
            func.sum(Posting.credit_minor - Posting.debit_minor).label("minor"),
        )
        .where(
            Posting.entry_id.in_({entry for entry, _ in said}), Posting.ledger_code == LedgerCode.RECEIVABLES
        )
        .group_by(Posting.entry_id, Posting.invoice_id)
    )
    posted = {(r.entry_id, r.invoice_id): int(r.minor) for r in rows}
    for (entry_id, invoice_id), minor in said.items():
        _same("entry", f"{entry_id}", minor, posted.get((entry_id, invoice_id), 0))


def _same(what: str, ref: str, shown: int, posted: int) -> None:
    if shown != posted:
        raise Refused("settlements_differ", what=what, ref=ref, shown=shown, posted=posted)


def _moved_in(period: Period) -> list[Any]:
    """Select invoices on which money moved, or went back, in the period; one select a table."""
    selects = []
    for table in (Allocation, Adjustment):
        entry, undone = aliased(LedgerEntry), aliased(LedgerEntry)
        days = (period.first, period.last)
        selects.append(
            select(table.invoice_id)
            .join(entry, entry.id == table.entry_id)
            .outerjoin(undone, undone.reverses_id == entry.id)
            .where(or_(entry.posted_on.between(*days), undone.posted_on.between(*days)))
        )
    returned = (
        select(Allocation.invoice_id)
        .join(AllocationReversal, AllocationReversal.allocation_id == Allocation.id)
        .join(PaymentReversal, PaymentReversal.id == AllocationReversal.reversal_id)
        .join(LedgerEntry, LedgerEntry.id == PaymentReversal.entry_id)
        .where(LedgerEntry.posted_on.between(period.first, period.last))
    )
    return [*selects, returned]


# --------------------------------------------------------------------------- agreements

_PROPOSER, _APPROVER = aliased(Staff), aliased(Staff)


def _agreements(
    session: Session, table: Any, covers: Any, of: Any, creditor_id: int, zone: str, period: Period
) -> Iterator[Sequence[Any]]:
    """Read the agreements that a period may concern, some at a time, each with who stands behind it."""
    begin, end = period.moments(zone)
    moments = (table.proposed_at, table.decided_at, table.accepted_at, table.ended_at)
    touched = [and_(moment >= begin, moment < end) for moment in moments]
    with_money = [
        and_(table.accepted_at.is_not(None), table.id.in_(select(of).where(covers.invoice_id.in_(moved))))
        for moved in _moved_in(period)
    ]
    query = (
        select(
            table, Account.ref.label("account_ref"), Account.number.label("account_number"),
            Account.name.label("account_name"), Account.zone, _PROPOSER.name.label("proposer"),
            _APPROVER.name.label("approver"),
        )
        .join(Account, Account.id == table.account_id)
        .outerjoin(_PROPOSER, _PROPOSER.id == table.proposed_by_staff_id)
        .outerjoin(_APPROVER, _APPROVER.id == table.decided_by_id)
        .where(Account.creditor_id == creditor_id, or_(*touched, *with_money))
        .order_by(table.id)
    )  # fmt: skip
    after = 0
    while found := session.execute(query.where(table.id > after).limit(_CHUNK)).all():
        yield found
        after = found[-1][0].id


def _parts(session: Session, covers: Any, of: Any, minor: Any, ids: Sequence[int]) -> dict[int, list[Any]]:
    """Return agreement id -> its invoices with number and what was open of each when it was made."""
    rows = session.execute(
        select(of.label("agreement_id"), covers.invoice_id, Invoice.number, minor.label("minor"))
        .join(Invoice, Invoice.id == covers.invoice_id)
        .where(of.in_(ids))
        .order_by(of, Invoice.id)
    )
    found: dict[int, list[Any]] = defaultdict(list)
    for r in rows:
        found[r.agreement_id].append(r)
    return found


def _concerns(row: Settlement, period: Period) -> bool:
    days = (row.proposed_on, row.decided_on, row.accepted_on, row.ended_on)
    happened = any(day is not None and day in period for day in days)
    return happened or bool(row.paid or row.forgiven or row.forgiven_tax)


def _shared(r: Any, parts: Sequence[Any], zone: str) -> dict[str, Any]:
    """Return what rows of both kinds show alike."""
    found = r[0]

    def day(moment: datetime | None) -> date | None:
        return None if moment is None else business_date(moment, zone)

    return {
        "ref": found.ref, "account_ref": r.account_ref, "account_number": r.account_number,
        "account_name": r.account_name, "invoices": [part.number for part in parts],
        "proposer": r.proposer, "approver": r.approver, "policy_version": found.policy_version_id,
        "proposed_on": day(found.proposed_at), "decided_on": day(found.decided_at),
        "accepted_on": day(found.accepted_at), "ended_on": day(found.ended_at), "status": found.status,
    }  # fmt: skip


def _offers(session: Session, creditor_id: int, zone: str, period: Period) -> Iterator[Settlement]:
    of = OfferInvoice.offer_id
    for found in _agreements(session, Offer, OfferInvoice, of, creditor_id, zone, period):
        parts = _parts(session, OfferInvoice, of, OfferInvoice.balance_minor, [r[0].id for r in found])
        moves = _by_invoice(
            _moves(session, {part.invoice_id for several in parts.values() for part in several})
        )
        rows = (_offer(r, parts[r[0].id], moves, period, zone) for r in found)
        yield from (row for row in rows if _concerns(row, period))


def _by_invoice(moves: Sequence[_Move]) -> Mapping[int, list[_Move]]:
    found: dict[int, list[_Move]] = defaultdict(list)
    for move in moves:
        found[move.invoice_id].append(move)
    return found


def _offer(
    r: Any, parts: Sequence[Any], moves: Mapping[int, list[_Move]], period: Period, zone: str
) -> Settlement:
    offer: Offer = r[0]
    _same("original", offer.ref, offer.balance_minor, sum(part.minor for part in parts))
    paid = gross = tax = 0
    for part in parts if offer.accepted_at else ():
        key = f"adjustment:{discount_key(offer.id, part.invoice_id)}"
        for move in moves.get(part.invoice_id, ()):
            sign, is_after = move.sign(period), move.made_entry_id > offer.terms["accepted"]["after_entry"]
            if move.reference == key:
                gross, tax = gross + sign * move.minor, tax + sign * move.tax_minor
            elif move.kind == "withholding_tax" and is_after and move.valued_on <= offer.pay_by_on:
                paid += sign * move.minor
            elif move.kind == "payment" and is_after:
                counts = is_in_time(offer, move.valued_on, move.started_at, r.zone)
                paid += sign * move.minor if counts else 0
    code = offer.currency
    return Settlement(
        kind="offer", original=Money(offer.balance_minor, code), agreed=Money(offer.amount_minor, code),
        paid=Money(paid, code), forgiven=Money(gross - tax, code), forgiven_tax=Money(tax, code),
        maker=offer.maker.value, pay_by_on=offer.pay_by_on, **_shared(r, parts, zone),
    )  # fmt: skip


def _plans(session: Session, creditor_id: int, zone: str, period: Period) -> Iterator[Settlement]:
    of = PlanInvoice.plan_id
    for found in _agreements(session, Plan, PlanInvoice, of, creditor_id, zone, period):
        ids = [r[0].id for r in found]
        parts = _parts(session, PlanInvoice, of, PlanInvoice.covered_minor, ids)
        moves = _by_invoice(
            _moves(session, {part.invoice_id for several in parts.values() for part in several})
        )
        ends = session.execute(
            select(Instalment.plan_id, func.max(Instalment.due_on).label("last_on"))
            .where(Instalment.plan_id.in_(ids))
            .group_by(Instalment.plan_id)
        )
        last = {r.plan_id: r.last_on for r in ends}
        for r in found:
            row = _plan(r, parts[r[0].id], moves, last.get(r[0].id), period, zone)
            if _concerns(row, period):
                yield row


def _plan(
    r: Any,
    parts: Sequence[Any],
    moves: Mapping[int, list[_Move]],
    last_on: date | None,
    period: Period,
    zone: str,
) -> Settlement:
    """What came while the plan ran counts, up to what it covers of each invoice; it forgives nothing."""
    plan: Plan = r[0]
    _same("original", plan.ref, plan.total_minor, sum(part.minor for part in parts))
    paid, begun = 0, plan.accepted_at
    for part in parts if begun else ():
        left = part.minor
        for move in moves.get(part.invoice_id, ()):
            ran = (
                begun is not None
                and begun <= move.posted_at
                and (plan.ended_at is None or move.posted_at <= plan.ended_at)
            )
            if not ran or move.kind not in ("payment", "withholding_tax"):
                continue
            counted = min(move.minor, left)
            left -= counted if move.undone_on is None else 0
            paid += move.sign(period) * counted
    code, nil = plan.currency, Money(0, plan.currency)
    return Settlement(
        kind="plan", original=Money(plan.total_minor, code), agreed=Money(plan.total_minor, code),
        paid=Money(paid, code), forgiven=nil, forgiven_tax=nil, pay_by_on=last_on,
        maker="debtor" if plan.proposed_by_staff_id is None else "staff", **_shared(r, parts, zone),
    )  # fmt: skip


# --------------------------------------------------------------------------- as a table

#: Columns of the table, in order; their words are the desk's, the command line keeps the codes.
COLUMNS = (
    "kind", "reference", "account_number", "account", "invoices", "currency", "original", "agreed", "paid",
    "forgiven_net", "forgiven_tax", "made_by", "proposer", "approver", "policy_version", "proposed_on",
    "decided_on", "accepted_on", "pay_by_on", "ended_on", "status",
)  # fmt: skip


def cells(row: Settlement, say: Callable[[str, str], str]) -> list[Cell]:
    """Return one row of the table, amounts and days typed.

    Args:
        say: `say(table, code)` words a code: "settlement_kind", "offer_maker", "offer_status", "plan_status".
    """
    return [
        say("settlement_kind", row.kind), row.ref, row.account_number, row.account_name,
        " ".join(row.invoices), row.original.currency, row.original, row.agreed, row.paid, row.forgiven,
        row.forgiven_tax, say("offer_maker", row.maker), row.proposer, row.approver, row.policy_version,
        row.proposed_on, row.decided_on, row.accepted_on, row.pay_by_on, row.ended_on,
        say(f"{row.kind}_status", row.status.value),
    ]  # fmt: skip
