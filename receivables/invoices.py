"""What an account owes, as its reader sees it: overview and one document.

Reads are Core selects of named columns into frozen rows: a list page needs no mapped object.
Overdue, due today and on its way are questions answered from facts and today's date (domain.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import bindparam, exists, func, select
from sqlalchemy.orm import Session, aliased

from models.accounts import Account
from models.arrangements import OfferInvoice, Plan, PlanInvoice
from models.bulk import among
from models.creditors import Creditor, CreditorBankAccount
from models.disputes import Dispute
from models.handovers import Handover, HandoverInvoice
from models.invoices import OWED_KINDS, Invoice, InvoiceAdjustment, InvoiceLine
from models.ledger import LedgerEntry
from models.money import Money, total
from models.payments import Adjustment, Allocation, AttemptInvoice, Payment, PaymentAttempt
from models.states import RUNNING_PLANS, AttemptStatus, HandoverStatus, InvoiceStatus
from models.store import fetch
from receivables import ledger
from receivables.allocations import KEPT_MINOR
from receivables.calendar_days import business_date, days_late
from receivables.errors import NotFound
from receivables.permissions import Actor, Permission, require
from receivables.ports import FeeBasis, InvoiceRow, LineRow
from receivables.reading_ahead import read_already


@dataclass(frozen=True, slots=True)
class CurrencyGroup:
    """All that is open in one currency; the three parts sum to `asked`.

    `rows` are ordered overdue first, oldest due date first. `processing` is on its way by a
    delayed method and not asked for again; `contested` is set aside by open disputes; `arranged` is
    covered by a plan or an accepted offer; `credit` is what the account has in its favour.
    """

    currency: str
    rows: Sequence[InvoiceRow]
    overdue: Money
    due_today: Money
    not_due: Money
    asked: Money
    processing: Money
    contested: Money
    arranged: Money
    credit: Money

    @property
    def handed_over(self) -> Money:
        """What an agency or a lawyer asks for now."""
        return total([row.open_part for row in self.rows if row.handed_over], self.currency)

    @property
    def overdue_rows(self) -> list[InvoiceRow]:
        """What is late and asked for now."""
        return [row for row in self.rows if row.days_late > 0 and row.asked]


@dataclass(frozen=True, slots=True)
class AttemptNotice:
    """A payment whose end is not known yet, or that is on its way."""

    ref: str
    status: AttemptStatus
    amount: Money
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Overview:
    """The whole account on one page; currencies with something overdue come first."""

    groups: Sequence[CurrencyGroup]
    notices: Sequence[AttemptNotice]
    today: date
    counted_to: datetime


@dataclass(frozen=True, slots=True)
class Referred:
    """The invoice that a fee or credit note is about."""

    ref: str
    number: str


@dataclass(frozen=True, slots=True)
class AdjustmentRow:
    kind: str
    reason: str
    amount: Money


@dataclass(frozen=True, slots=True)
class MovementRow:
    """What reduced a document, on its day: a payment, a credit note, or an adjustment by its kind."""

    source: str  # "payment", "credit_note", "settlement_discount", "withholding_tax", …
    number: str  # empty for an adjustment
    on: date
    amount: Money


@dataclass(frozen=True, slots=True)
class InvoiceView:
    """One document with everything that adds up to its balance."""

    row: InvoiceRow
    status: InvoiceStatus
    purchase_order: str | None
    lines: Sequence[LineRow]
    adjustments: Sequence[AdjustmentRow]
    lines_net: Money
    allowances: Money
    charges: Money
    tax: Money
    prepaid: Money
    rounding: Money
    movements: Sequence[MovementRow]
    today: date
    refers_to: Referred | None = None
    #: Name of the branch, where its head office reads the document.
    branch: str = ""
    #: A payment of it has no known outcome yet (P-22); payments.quotes.being_checked leads to it.
    is_checked: bool = False


@dataclass(frozen=True, slots=True)
class BankDetails:
    """Where a transfer in one currency goes, and the reference that finds it again."""

    currency: str
    holder: str
    bank_name: str
    iban: str | None
    bic: str | None
    local_number: str | None
    reference: str


#: What of one document is on its way; correlated, so that it looks at one document's attempts only.
_ON_ITS_WAY = (
    select(func.coalesce(func.sum(AttemptInvoice.reserved_minor), 0))
    .join(PaymentAttempt, PaymentAttempt.id == AttemptInvoice.attempt_id)
    .where(AttemptInvoice.invoice_id == Invoice.id, PaymentAttempt.status == AttemptStatus.PROCESSING)
    .correlate(Invoice)
    .scalar_subquery()
    .label("processing_minor")
)

#: Whether a payment of one document has no known outcome yet.
_CHECKED = (
    exists()
    .where(
        AttemptInvoice.invoice_id == Invoice.id,
        AttemptInvoice.blocking,
        PaymentAttempt.id == AttemptInvoice.attempt_id,
        PaymentAttempt.status == AttemptStatus.UNKNOWN,
    )
    .correlate(Invoice)
    .label("is_checked")
)

#: What of one document is set aside by open disputes.
_CONTESTED = (
    select(func.coalesce(func.sum(Dispute.contested_minor), 0))
    .where(Dispute.invoice_id == Invoice.id, Dispute.holds)
    .correlate(Invoice)
    .scalar_subquery()
    .label("contested_minor")
)
#: The one running plan that holds a document.
_HOLDING = (
    PlanInvoice.invoice_id == Invoice.id,
    PlanInvoice.blocking,
    Plan.id == PlanInvoice.plan_id,
    Plan.status.in_(RUNNING_PLANS),
)
_IN_PLAN = select(PlanInvoice.covered_minor).where(*_HOLDING).correlate(Invoice).scalar_subquery()
_CREDITED = (
    select(func.coalesce(func.sum(Allocation.amount_minor), 0))
    .where(Allocation.invoice_id == PlanInvoice.invoice_id, Allocation.credit_note_id.is_not(None))
    .correlate(PlanInvoice)
    .scalar_subquery()
)
#: What of it stands beside that plan.
_BESIDE_PLAN = (
    select(PlanInvoice.beside_minor - _CREDITED).where(*_HOLDING).correlate(Invoice).scalar_subquery()
)
_IN_OFFER = (
    exists()
    .where(OfferInvoice.invoice_id == Invoice.id, OfferInvoice.blocking)
    .correlate(Invoice)
    .label("in_offer")
)

_HANDED_OVER = (
    exists()
    .where(
        HandoverInvoice.invoice_id == Invoice.id,
        Handover.id == HandoverInvoice.handover_id,
        Handover.status == HandoverStatus.PLACED,
    )
    .correlate(Invoice)
    .label("handed_over")
)

_ROWS = select(
    Invoice.id,
    Invoice.ref,
    Invoice.number,
    Invoice.kind,
    Invoice.issued_on,
    Invoice.due_on,
    Invoice.currency,
    Invoice.total_minor,
    Invoice.balance_minor,
    Invoice.description,
    Invoice.early_discount_minor,
    Invoice.early_discount_to_on,
    _ON_ITS_WAY,
    _CONTESTED,
    _IN_PLAN.label("in_plan_minor"),
    _BESIDE_PLAN.label("beside_minor"),
    _IN_OFFER,
    _HANDED_OVER,
)

# The statements below are built once: composing one costs more than running it.
_OPEN_ROWS = (
    _ROWS.where(
        Invoice.account_id == bindparam("account_id"),
        Invoice.status == InvoiceStatus.OPEN,
        Invoice.kind.in_(OWED_KINDS),
        Invoice.balance_minor > 0,
    )
    # Documents without a due date come last on both databases.
    .order_by(Invoice.due_on.is_(None), Invoice.due_on, Invoice.id)
)
_OPEN_ROWS_OF_CURRENCY = _OPEN_ROWS.where(Invoice.currency == bindparam("currency"))
_OPEN_ROWS_OF_ACCOUNTS = (
    _ROWS.add_columns(Invoice.account_id, Invoice.ladder)
    .where(
        among(Invoice.account_id, "account_ids"),
        Invoice.status == InvoiceStatus.OPEN,
        Invoice.kind.in_(OWED_KINDS),
        Invoice.balance_minor > 0,
    )
    .order_by(Invoice.due_on.is_(None), Invoice.due_on, Invoice.id)
)

_NOTICES = (
    select(
        PaymentAttempt.ref,
        PaymentAttempt.status,
        PaymentAttempt.amount_minor,
        PaymentAttempt.currency,
        PaymentAttempt.started_at,
    )
    .where(
        PaymentAttempt.account_id == bindparam("account_id"),
        PaymentAttempt.status.in_([AttemptStatus.UNKNOWN, AttemptStatus.PROCESSING]),
    )
    .order_by(PaymentAttempt.id)
)

#: For who sees one document only: payments of it and of nothing else, since their amount is shown.
_NOTICES_OF_ONE = _NOTICES.where(
    exists().where(
        AttemptInvoice.attempt_id == PaymentAttempt.id,
        AttemptInvoice.invoice_id == bindparam("invoice_id"),
    ),
    ~exists().where(
        AttemptInvoice.attempt_id == PaymentAttempt.id,
        AttemptInvoice.invoice_id != bindparam("invoice_id"),
    ),
)

_REFERRED = aliased(Invoice)
_DOCUMENT = (
    _ROWS.add_columns(
        Invoice.account_id,
        _REFERRED.ref.label("referred_ref"),
        _REFERRED.number.label("referred_number"),
        Invoice.status,
        Invoice.purchase_order,
        Invoice.lines_net_minor,
        Invoice.allowances_minor,
        Invoice.charges_minor,
        Invoice.tax_minor,
        Invoice.prepaid_minor,
        Invoice.rounding_minor,
        Account.zone,
        _CHECKED,
    )
    .join(Account, Account.id == Invoice.account_id)
    .outerjoin(_REFERRED, _REFERRED.id == Invoice.refers_to_id)
    .where(Invoice.ref == bindparam("ref"), Invoice.status != InvoiceStatus.DRAFT)
)
#: Of an account that is shown to its head office.
_BRANCH_DOCUMENT = _DOCUMENT.add_columns(Account.name.label("branch")).where(
    Account.payer_id == bindparam("payer_id"), Account.shown_to_payer
)

_LINES = (
    select(
        InvoiceLine.position,
        InvoiceLine.code,
        InvoiceLine.description,
        InvoiceLine.quantity,
        InvoiceLine.unit_price,
        InvoiceLine.net_minor,
        InvoiceLine.tax_minor,
        InvoiceLine.tax_rate,
        InvoiceLine.basis_minor,
        InvoiceLine.basis_rate,
        InvoiceLine.basis_days,
        InvoiceLine.basis_from_on,
        InvoiceLine.basis_to_on,
        InvoiceLine.legal_basis,
    )
    .where(InvoiceLine.invoice_id == bindparam("invoice_id"))
    .order_by(InvoiceLine.position)
)

_ADJUSTMENTS = (
    select(InvoiceAdjustment.kind, InvoiceAdjustment.reason, InvoiceAdjustment.amount_minor)
    .where(InvoiceAdjustment.invoice_id == bindparam("invoice_id"))
    .order_by(InvoiceAdjustment.id)
)

_NOTE = aliased(Invoice)
_MOVEMENTS = (
    select(
        KEPT_MINOR.label("amount_minor"),
        Allocation.currency,
        Allocation.valued_on,
        Payment.number.label("payment_number"),
        _NOTE.number.label("note_number"),
    )
    .outerjoin(Payment, Payment.id == Allocation.payment_id)
    .outerjoin(_NOTE, _NOTE.id == Allocation.credit_note_id)
    .where(Allocation.invoice_id == bindparam("invoice_id"), KEPT_MINOR > 0)
    .order_by(Allocation.valued_on, Allocation.id)
)
_UNDONE = aliased(LedgerEntry)
_ADJUSTED = (
    select(Adjustment.kind, Adjustment.amount_minor, Adjustment.currency, Adjustment.made_on)
    .where(
        Adjustment.invoice_id == bindparam("invoice_id"),
        ~exists().where(_UNDONE.reverses_id == Adjustment.entry_id),
    )
    .order_by(Adjustment.id)
)


def _held_by_plan(r: Any) -> int:
    """Return what of a document's open part its plan still covers, as the plan counts its money."""
    beside = max(0, int(r.beside_minor))
    still = min(int(r.in_plan_minor), max(0, int(r.balance_minor) - beside))
    contested = min(still, max(0, int(r.contested_minor) - beside))
    return max(0, still - contested - int(r.processing_minor))


def _row(r: Any, today: date) -> InvoiceRow:
    return InvoiceRow(
        ref=r.ref,
        number=r.number,
        kind=r.kind.value,
        issued_on=r.issued_on,
        due_on=r.due_on,
        total=Money(r.total_minor, r.currency),
        balance=Money(r.balance_minor, r.currency),
        days_late=days_late(r.due_on, today),
        description=r.description,
        processing=Money(int(r.processing_minor), r.currency),
        currency=r.currency,
        contested_minor=int(r.contested_minor),
        arranged="plan" if r.in_plan_minor else "offer" if r.in_offer else None,
        covered_minor=_held_by_plan(r) if r.in_plan_minor else None,
        discount=Money(r.early_discount_minor, r.currency) if r.early_discount_minor else None,
        discount_to=r.early_discount_to_on,
        handed_over=bool(r.handed_over),
    )


def open_rows(
    session: Session, account_id: int, today: date, *, currency: str | None = None
) -> list[InvoiceRow]:
    """Return what an account still owes, oldest due date first.

    Args:
        today: account-local date; decides what is late.
        currency: only this one, or every currency.
    """
    known = read_already(session, "open_rows", (account_id, today))
    if known is not None:
        return [row for row in known if currency in (None, row.currency)]
    if currency is None:
        rows = fetch(session, _OPEN_ROWS, {"account_id": account_id})
    else:
        rows = session.connection().execute(
            _OPEN_ROWS_OF_CURRENCY, {"account_id": account_id, "currency": currency}
        )
    return [_row(r, today) for r in rows]


def open_rows_of(session: Session, days: Mapping[int, date]) -> dict[int, list[InvoiceRow]]:
    """Return what several accounts still owe, oldest due date first; one statement.

    Args:
        days: account id -> its own date of today.
    """
    found: dict[int, list[InvoiceRow]] = {account_id: [] for account_id in days}
    for r in fetch(session, _OPEN_ROWS_OF_ACCOUNTS, {"account_ids": list(days)}):
        found[r.account_id].append(_row(r, days[r.account_id]))
    return found


class OpenDocument(NamedTuple):
    """An open document as the ladder knows it; `ladder` is one of its own, if it has one."""

    id: int
    ref: str
    number: str
    kind: str
    issued_on: date
    due_on: date | None
    currency: str
    ladder: str | None
    asked_minor: int

    @property
    def asked(self) -> Money:
        """What we ask for on it now (see `InvoiceRow.asked`)."""
        return Money(self.asked_minor, self.currency)


def open_documents_of(session: Session, days: Mapping[int, date]) -> dict[int, list[OpenDocument]]:
    """Return as `open_rows_of`, leaner, for work that goes through very many accounts; one statement."""
    found: dict[int, list[OpenDocument]] = {account_id: [] for account_id in days}
    for r in fetch(session, _OPEN_ROWS_OF_ACCOUNTS, {"account_ids": list(days)}).all():
        stands_apart = (
            r.processing_minor or r.contested_minor or r.in_plan_minor or r.in_offer or r.handed_over
        )
        # Nearly all are asked for whole: only the others are worth a row with its sums.
        asked = _row(r, days[r.account_id]).asked.minor if stands_apart else r.balance_minor
        found[r.account_id].append(
            OpenDocument(
                r.id, r.ref, r.number, r.kind.value, r.issued_on, r.due_on, r.currency, r.ladder, asked
            )
        )
    return found


def contested(session: Session, invoice_ids: Sequence[int]) -> dict[int, int]:
    """Return what open disputes set aside of each document, in minor units; others are left out."""
    rows = session.execute(
        select(Dispute.invoice_id, func.sum(Dispute.contested_minor))
        .where(Dispute.invoice_id.in_(invoice_ids), Dispute.holds)
        .group_by(Dispute.invoice_id)
    )
    return {invoice_id: int(minor) for invoice_id, minor in rows}


def on_its_way(session: Session, invoice_id: int) -> int:
    """Return what a delayed method is bringing for one document, in minor units."""
    return int(session.execute(select(_ON_ITS_WAY).where(Invoice.id == invoice_id)).scalar_one())


def overview(session: Session, actor: Actor, *, account_id: int, zone: str, now: datetime) -> Overview:
    """Return everything that is open, per currency.

    Args:
        zone: the account's; overdue is counted in it.
    Raises:
        NotAllowed, NotFound: the actor may not see this account.
    """
    require(actor, _reading(actor), account_id=account_id)
    today = business_date(now, zone)
    rows = narrowed(session, actor, open_rows(session, account_id, today))
    if actor.invoice_id is not None:
        groups = [group(row.currency, [row], None, today) for row in rows]
        return Overview(groups, _notices(session, account_id, actor.invoice_id), today, now)
    credits = {money.currency: money for money in ledger.unapplied_credit(session, account_id)}
    groups = [
        group(code, [row for row in rows if row.currency == code], credits.get(code), today)
        for code in sorted({row.currency for row in rows} | set(credits))
    ]
    groups.sort(key=lambda g: (g.overdue.minor == 0, g.asked.minor == 0, g.currency))
    return Overview(groups, _notices(session, account_id), today, now)


def _reading(actor: Actor) -> Permission:
    """What a reader of several documents needs; who holds a forwarded link reads his one."""
    return Permission.ACCOUNT_READ if actor.invoice_id is None else Permission.INVOICE_READ


def narrowed(session: Session, actor: Actor, rows: list[InvoiceRow]) -> list[InvoiceRow]:
    """Leave of some rows what the actor's link shows: all, or the one that was forwarded (L-15)."""
    if actor.invoice_id is None:
        return rows
    ref = session.scalar(select(Invoice.ref).where(Invoice.id == actor.invoice_id))
    return [row for row in rows if row.ref == ref]


def group(code: str, rows: list[InvoiceRow], credit: Money | None, today: date) -> CurrencyGroup:
    """Sum the open rows of one currency into overdue, due today and not yet due."""
    return CurrencyGroup(
        currency=code,
        rows=rows,
        overdue=total([r.asked for r in rows if r.days_late > 0], code),
        due_today=total([r.asked for r in rows if r.due_on == today], code),
        not_due=total([r.asked for r in rows if r.days_late == 0 and r.due_on != today], code),
        asked=total([r.asked for r in rows], code),
        processing=total([r.processing for r in rows], code),
        contested=total([r.contested for r in rows], code),
        arranged=total([r.covered for r in rows], code),
        credit=credit or Money(0, code),
    )


def _notices(session: Session, account_id: int, invoice_id: int | None = None) -> list[AttemptNotice]:
    if invoice_id is None:
        rows = fetch(session, _NOTICES, {"account_id": account_id})
    else:
        rows = fetch(session, _NOTICES_OF_ONE, {"account_id": account_id, "invoice_id": invoice_id})
    return [AttemptNotice(r.ref, r.status, Money(r.amount_minor, r.currency), r.started_at) for r in rows]


def document(session: Session, actor: Actor, ref: str, *, now: datetime) -> InvoiceView:
    """Return one document with its lines and what reduced it.

    Args:
        ref: the invoice's random name from the URL.
    Raises:
        NotFound: no such document, or another account's (L-15).
    """
    r = fetch(session, _DOCUMENT, {"ref": ref}).first()
    if r is None:
        raise NotFound("not_found")
    require(actor, Permission.INVOICE_READ, account_id=r.account_id)
    if actor.invoice_id not in (None, r.id):
        raise NotFound("not_found")
    # Who was passed on one invoice is told of no other (L-15).
    return _view(session, r, now, refers=actor.invoice_id is None)


def branch_document(session: Session, ref: str, *, payer_id: int, now: datetime) -> InvoiceView:
    """Return one document of an account that is shown to its head office, which may read it.

    The caller has asked for the permission to read the head office's documents.

    Raises:
        NotFound: no such document, or of an account that this one does not pay for (L-15).
    """
    r = fetch(session, _BRANCH_DOCUMENT, {"ref": ref, "payer_id": payer_id}).first()
    if r is None:
        raise NotFound("not_found")
    return _view(session, r, now, branch=r.branch)


def _view(session: Session, r: Any, now: datetime, *, refers: bool = True, branch: str = "") -> InvoiceView:
    today = business_date(now, r.zone)

    def money(minor: int) -> Money:
        return Money(minor, r.currency)

    return InvoiceView(
        row=_row(r, today),
        status=r.status,
        purchase_order=r.purchase_order,
        lines=[
            LineRow(
                line.position,
                line.code,
                line.description,
                line.quantity,
                line.unit_price,
                money(line.net_minor),
                money(line.tax_minor),
                line.tax_rate,
                _basis(line, r.currency),
                line.legal_basis or "",
            )
            for line in fetch(session, _LINES, {"invoice_id": r.id})
        ],
        adjustments=[
            AdjustmentRow(a.kind.value, a.reason, money(a.amount_minor))
            for a in fetch(session, _ADJUSTMENTS, {"invoice_id": r.id})
        ],
        lines_net=money(r.lines_net_minor),
        allowances=money(r.allowances_minor),
        charges=money(r.charges_minor),
        tax=money(r.tax_minor),
        prepaid=money(r.prepaid_minor),
        rounding=money(r.rounding_minor),
        movements=_movements(session, r.id),
        today=today,
        refers_to=Referred(r.referred_ref, r.referred_number) if refers and r.referred_ref else None,
        branch=branch,
        is_checked=r.is_checked,
    )


def _basis(line: Any, currency: str) -> FeeBasis | None:
    if line.basis_minor is None:
        return None
    return FeeBasis(
        Money(line.basis_minor, currency), line.basis_rate, line.basis_days, line.basis_from_on,
        line.basis_to_on,
    )  # fmt: skip


def _movements(session: Session, invoice_id: int) -> list[MovementRow]:
    rows = fetch(session, _MOVEMENTS, {"invoice_id": invoice_id})
    adjusted = fetch(session, _ADJUSTED, {"invoice_id": invoice_id})
    paid = [
        MovementRow(
            "payment" if m.payment_number else "credit_note",
            m.payment_number or m.note_number,
            m.valued_on,
            Money(m.amount_minor, m.currency),
        )
        for m in rows
    ]
    less = [MovementRow(a.kind, "", a.made_on, Money(a.amount_minor, a.currency)) for a in adjusted]
    return sorted([*paid, *less], key=lambda movement: movement.on)


def bank_details(session: Session, actor: Actor, *, account_id: int, currency: str) -> BankDetails | None:
    """Return where a transfer goes, with the customer number as reference; None if none is set up."""
    require(actor, _reading(actor), account_id=account_id)
    r = session.execute(
        select(
            CreditorBankAccount.holder,
            CreditorBankAccount.bank_name,
            CreditorBankAccount.iban,
            CreditorBankAccount.bic,
            CreditorBankAccount.local_number,
            Account.number,
        )
        .join(Creditor, Creditor.id == CreditorBankAccount.creditor_id)
        .join(Account, Account.creditor_id == Creditor.id)
        .where(Account.id == account_id, CreditorBankAccount.currency == currency)
    ).first()
    return BankDetails(currency, *r) if r else None


def accounts_with_overdue(session: Session, *, now: datetime) -> list[int]:
    """Return ids of accounts with something overdue by their own date, in ascending order."""
    # The zone farthest ahead: nobody's today is later than this date.
    latest_today = business_date(now, "Pacific/Kiritimati")
    rows = session.execute(
        select(Account.id, Account.zone, func.min(Invoice.due_on).label("due_on"))
        .join(Invoice, Invoice.account_id == Account.id)
        .where(
            Invoice.status == InvoiceStatus.OPEN,
            Invoice.kind.in_(OWED_KINDS),
            Invoice.balance_minor > 0,
            Invoice.due_on < latest_today,
        )
        .group_by(Account.id, Account.zone)
        .order_by(Account.id)
    )
    return [r.id for r in rows if days_late(r.due_on, business_date(now, r.zone)) > 0]
