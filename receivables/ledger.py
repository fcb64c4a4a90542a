"""The books: post whole entries or none, correct by reversal, read balances.

The only file that makes postings, and the only writer of `invoice.balance_minor`, which it
changes in the same transaction (decision 15). Source: M-03…M-05, M-09, M-19, M-22.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import cast

from sqlalchemy import Table, bindparam, case, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.audit import canonical
from models.creditors import Creditor
from models.invoices import OWED_KINDS, Invoice
from models.ledger import LedgerCode, LedgerEntry, Posting
from models.money import CurrencyMismatch, Money
from models.states import InvoiceStatus, advance
from models.store import fetch
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.errors import Refused
from receivables.permissions import Actor

#: Kind of an entry that closes an invoice otherwise than as paid.
CLOSES = {"write_off": InvoiceStatus.WRITTEN_OFF}
_ENTRY, _POSTING = cast(Table, LedgerEntry.__table__), cast(Table, Posting.__table__)
_INVOICE = cast(Table, Invoice.__table__)


@dataclass(frozen=True, slots=True)
class Side:
    """One posting to be: positive minor units on the debit or the credit side.

    `account_id` is required on receivables and unapplied credit, `invoice_id` on receivables.
    On unapplied credit an invoice id names the credit note that the credit came from. `currency`
    is that of the amount it was made from; it must be the entry's.
    """

    code: LedgerCode
    debit_minor: int = 0
    credit_minor: int = 0
    account_id: int | None = None
    invoice_id: int | None = None
    currency: str | None = None


def debit(
    code: LedgerCode, amount: Money, *, account_id: int | None = None, invoice_id: int | None = None
) -> Side:
    """A debit of an amount."""
    return Side(code, amount.minor, 0, account_id, invoice_id, amount.currency)


def credit(
    code: LedgerCode, amount: Money, *, account_id: int | None = None, invoice_id: int | None = None
) -> Side:
    """A credit of an amount."""
    return Side(code, 0, amount.minor, account_id, invoice_id, amount.currency)


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry to be. `reference` names the fact, so that posting it twice is one entry."""

    creditor_id: int
    reference: str
    kind: str
    currency: str
    sides: Sequence[Side]
    effective_on: date
    policy_version_id: int | None = None


def fingerprint(draft: Draft) -> str:
    """SHA-256 of what an entry says: the same reference with other postings shows (M-05)."""
    sides = [[s.code.value, s.debit_minor, s.credit_minor, s.account_id, s.invoice_id] for s in draft.sides]
    return hashlib.sha256(
        canonical([draft.kind, draft.currency, draft.effective_on, sides]).encode()
    ).hexdigest()


def _check(draft: Draft) -> None:
    """Raise ValueError unless two or more one-sided postings of one currency sum to zero."""
    if len(draft.sides) < 2:
        raise ValueError(f"{draft.reference}: an entry has at least two postings")
    for side in draft.sides:
        one_sided = (side.debit_minor > 0) != (side.credit_minor > 0)
        if side.debit_minor < 0 or side.credit_minor < 0 or not one_sided:
            raise ValueError(f"{draft.reference}: a posting has one positive side")
        if side.currency not in (None, draft.currency):
            raise CurrencyMismatch(f"{draft.reference}: {side.currency} in an entry of {draft.currency}")
    if sum(s.debit_minor for s in draft.sides) != sum(s.credit_minor for s in draft.sides):
        raise ValueError(f"{draft.reference}: debits and credits differ")


def post(
    session: Session, actor: Actor, draft: Draft, *, now: datetime, reverses_id: int | None = None
) -> LedgerEntry:
    """Post one entry and bring the balances of its invoices up to date.

    The caller holds the locks of the invoices it names (M-07).

    Args:
        draft: what to post; its `reference` is the idempotency key.
        now: moment of posting; the day of the books is the creditor's local date of it.
        reverses_id: entry that this one undoes.
    Returns:
        The entry; the one already there when the same fact was posted before.
    Raises:
        Refused: `reference_reused` when the reference stands for other postings (M-05);
            `balance_out_of_range` when an invoice would go below zero or above its total (M-09).
        CurrencyMismatch: a posting or an invoice is in another currency than the entry.
        ValueError: the draft does not balance.
    """
    _check(draft)
    print_ = fingerprint(draft)
    known = _posted(session, draft.reference, print_)
    if known is not None:
        return known
    zone = session.execute(select(Creditor.zone).where(Creditor.id == draft.creditor_id)).scalar_one()
    entry = LedgerEntry(
        creditor_id=draft.creditor_id,
        reference=draft.reference,
        fingerprint=print_,
        kind=draft.kind,
        currency=draft.currency,
        posted_at=now,
        posted_on=business_date(now, zone),
        effective_on=draft.effective_on,
        reverses_id=reverses_id,
        policy_version_id=draft.policy_version_id,
    )
    try:
        with session.begin_nested():
            session.add(entry)
            session.flush()
    except IntegrityError:  # another worker posted the same fact in this moment
        known = _posted(session, draft.reference, print_)
        if known is None:
            raise
        return known
    session.add_all(
        Posting(
            entry_id=entry.id,
            position=position,
            ledger_code=side.code,
            account_id=side.account_id,
            invoice_id=side.invoice_id,
            debit_minor=side.debit_minor,
            credit_minor=side.credit_minor,
            currency=draft.currency,
        )
        for position, side in enumerate(draft.sides, 1)
    )
    _move_balances(session, draft)
    record(
        session,
        actor,
        "ledger.reversed" if reverses_id else "ledger.posted",
        entry,
        account_id=next((s.account_id for s in draft.sides if s.account_id), None),
        facts={"reference": draft.reference, "fingerprint": print_},
        now=now,
    )
    session.flush()
    return entry


def _posted(session: Session, reference: str, print_: str) -> LedgerEntry | None:
    """Return the entry of a reference; refuse when it stands for other postings (M-05)."""
    known = session.scalar(select(LedgerEntry).where(LedgerEntry.reference == reference))
    if known is not None and known.fingerprint != print_:
        raise Refused("reference_reused", reference=reference)
    return known


def reverse(
    session: Session, actor: Actor, entry: LedgerEntry, *, effective_on: date, now: datetime
) -> LedgerEntry:
    """Undo an entry by its mirror image; a second call returns the first reversal (M-04).

    Raises:
        Refused: the entry is itself a reversal, or a balance would leave its range.
    """
    if entry.reverses_id is not None:
        raise Refused("reversal_of_reversal", entry=entry.id)
    done = session.scalar(select(LedgerEntry).where(LedgerEntry.reverses_id == entry.id))
    if done is not None:
        return done
    postings = session.scalars(
        select(Posting).where(Posting.entry_id == entry.id).order_by(Posting.position)
    ).all()
    draft = Draft(
        creditor_id=entry.creditor_id,
        reference=f"reversal:{entry.id}",
        kind=f"{entry.kind}_reversed",
        currency=entry.currency,
        sides=[
            Side(p.ledger_code, p.credit_minor, p.debit_minor, p.account_id, p.invoice_id) for p in postings
        ],
        effective_on=effective_on,
    )
    return post(session, actor, draft, now=now, reverses_id=entry.id)


def _movement(side: Side, owed: bool) -> int:
    """What a side does to the balance of the invoice it names."""
    if owed and side.code is LedgerCode.RECEIVABLES:
        return side.debit_minor - side.credit_minor
    if not owed and side.code is LedgerCode.UNAPPLIED_CREDIT:
        return side.credit_minor - side.debit_minor
    return 0


def _move_balances(session: Session, draft: Draft) -> None:
    named: dict[int, list[Side]] = {}
    for side in draft.sides:
        if side.invoice_id is not None:
            named.setdefault(side.invoice_id, []).append(side)
    if not named:
        return
    # Ascending ids: the same order in which everybody locks (M-07).
    for invoice in session.scalars(
        select(Invoice)
        .where(Invoice.id.in_(named))
        .order_by(Invoice.id)
        .execution_options(populate_existing=True)
        .with_for_update()
    ):
        if invoice.currency != draft.currency:
            raise CurrencyMismatch(f"{draft.reference}: {draft.currency} on an invoice of {invoice.currency}")
        owed = invoice.kind in OWED_KINDS
        balance = invoice.balance_minor + sum(_movement(side, owed) for side in named[invoice.id])
        if not 0 <= balance <= invoice.total_minor:
            raise Refused("balance_out_of_range", invoice=invoice.id, balance=balance)
        _set_balance(invoice, balance, closed=CLOSES.get(draft.kind, InvoiceStatus.PAID))


def _set_balance(invoice: Invoice, balance: int, *, closed: InvoiceStatus = InvoiceStatus.PAID) -> None:
    """Write a balance; what is nil is closed, and what is owed again is open again."""
    invoice.balance_minor = balance
    if balance == 0 and invoice.status is InvoiceStatus.OPEN:
        advance(invoice, closed)
    elif balance > 0 and invoice.status in (InvoiceStatus.PAID, InvoiceStatus.WRITTEN_OFF):
        advance(invoice, InvoiceStatus.OPEN)


def post_new_invoices(session: Session, drafts: Sequence[Draft], *, now: datetime, posted_on: date) -> int:
    """Post many opening entries at once: each names one invoice that has no posting yet.

    For imports: the caller has just inserted the invoices and records one audit row for the
    chunk (decision 16). Drafts whose reference is already posted are left out.

    Args:
        drafts: openings of one creditor; the balance of each invoice becomes its movement.
        posted_on: the creditor's local date of `now`.
    Returns:
        How many entries were posted.
    Raises:
        Refused: `reference_reused`, as in `post`.
    """
    for draft in drafts:
        _check(draft)
    references = [draft.reference for draft in drafts]
    found = session.execute(
        select(LedgerEntry.reference, LedgerEntry.fingerprint).where(LedgerEntry.reference.in_(references))
    )
    known = {row.reference: row.fingerprint for row in found}
    for draft in drafts:
        if draft.reference in known and known[draft.reference] != fingerprint(draft):
            raise Refused("reference_reused", reference=draft.reference)
    fresh = [d for d in drafts if d.reference not in known]
    if not fresh:
        return 0
    # Plain statements on the tables: mapped objects cost more than all the rest of an import.
    session.execute(
        insert(_ENTRY),
        [
            {
                "creditor_id": d.creditor_id,
                "reference": d.reference,
                "fingerprint": fingerprint(d),
                "kind": d.kind,
                "currency": d.currency,
                "posted_at": now,
                "posted_on": posted_on,
                "effective_on": d.effective_on,
                "policy_version_id": d.policy_version_id,
            }
            for d in fresh
        ],
    )
    ids = {
        reference: entry_id
        for entry_id, reference in session.execute(
            select(LedgerEntry.id, LedgerEntry.reference).where(LedgerEntry.reference.in_(references))
        )
    }
    session.execute(
        insert(_POSTING),
        [
            {
                "entry_id": ids[d.reference],
                "position": position,
                "ledger_code": side.code,
                "account_id": side.account_id,
                "invoice_id": side.invoice_id,
                "debit_minor": side.debit_minor,
                "credit_minor": side.credit_minor,
                "currency": d.currency,
            }
            for d in fresh
            for position, side in enumerate(d.sides, 1)
        ],
    )
    # Nobody has read these invoices yet, so their version stays 1.
    session.execute(
        update(_INVOICE)
        .where(_INVOICE.c.id == bindparam("invoice"))
        .values(balance_minor=bindparam("movement")),
        [
            {"invoice": side.invoice_id, "movement": side.debit_minor + side.credit_minor}
            for d in fresh
            for side in d.sides
            if side.invoice_id is not None
            and side.code in (LedgerCode.RECEIVABLES, LedgerCode.UNAPPLIED_CREDIT)
        ],
    )
    return len(fresh)


# --------------------------------------------------------------------------- reading


def trial_balance(session: Session) -> dict[str, int]:
    """Return debits minus credits of all postings, per currency; every value must be 0 (INV-2)."""
    rows = session.execute(
        select(Posting.currency, func.sum(Posting.debit_minor - Posting.credit_minor)).group_by(
            Posting.currency
        )
    )
    return {currency: int(difference) for currency, difference in rows}


def unbalanced_entries(session: Session) -> list[int]:
    """Return ids of entries that do not sum to zero in one currency (INV-1).

    Two of them may cancel out in the trial balance, so each entry is asked.
    """
    rows = session.scalars(
        select(LedgerEntry.id)
        .outerjoin(Posting, Posting.entry_id == LedgerEntry.id)
        .group_by(LedgerEntry.id)
        .having(
            (func.count(Posting.id) < 2)
            | (func.sum(Posting.debit_minor) != func.sum(Posting.credit_minor))
            | (func.count(Posting.currency.distinct()) != 1)
        )
        .order_by(LedgerEntry.id)
    )
    return list(rows)


#: Built once: composing a statement costs more than running it.
_UNAPPLIED = (
    select(Posting.currency, func.sum(Posting.credit_minor - Posting.debit_minor).label("minor"))
    .where(Posting.account_id == bindparam("account_id"), Posting.ledger_code == LedgerCode.UNAPPLIED_CREDIT)
    .group_by(Posting.currency)
    .order_by(Posting.currency)
)


def unapplied_credit(session: Session, account_id: int) -> list[Money]:
    """Return what an account has in its favour, one amount a currency, zeros left out."""
    rows = fetch(session, _UNAPPLIED, {"account_id": account_id})
    return [Money(int(row.minor), row.currency) for row in rows if row.minor]


def recovered(session: Session, invoice_id: int) -> int:
    """Return what came for an invoice after it was written off, minor units."""
    query = select(func.coalesce(func.sum(Posting.credit_minor - Posting.debit_minor), 0)).where(
        Posting.invoice_id == invoice_id, Posting.ledger_code == LedgerCode.RECOVERIES
    )
    return int(session.execute(query).scalar_one())


def wrong_balances(session: Session) -> list[tuple[int, int, int]]:
    """Return (invoice id, cached, derived) wherever the cache differs from the postings (M-22)."""
    movement = case(
        (
            Invoice.kind == "credit_note",
            case(
                (
                    Posting.ledger_code == LedgerCode.UNAPPLIED_CREDIT,
                    Posting.credit_minor - Posting.debit_minor,
                ),
                else_=0,
            ),
        ),
        (Posting.ledger_code == LedgerCode.RECEIVABLES, Posting.debit_minor - Posting.credit_minor),
        else_=0,
    )
    derived = func.coalesce(func.sum(movement), 0)
    rows = session.execute(
        select(Invoice.id, Invoice.balance_minor, derived)
        .outerjoin(Posting, Posting.invoice_id == Invoice.id)
        .group_by(Invoice.id, Invoice.balance_minor, Invoice.kind)
        .having(Invoice.balance_minor != derived)
        .order_by(Invoice.id)
    )
    return [(i, cached, int(d)) for i, cached, d in rows]


def repair_balances(session: Session) -> list[tuple[int, int, int]]:
    """Rebuild every cached balance that differs from its postings and return what was wrong (M-22)."""
    wrong = wrong_balances(session)
    for invoice_id, _, derived in wrong:
        invoice = session.get_one(Invoice, invoice_id, with_for_update=True, populate_existing=True)
        _set_balance(invoice, derived)
    session.flush()
    return wrong
