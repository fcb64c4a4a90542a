"""What a choice on the pay page comes to, before anything is started (M-09, M-13, P-22)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.invoices import Invoice
from models.money import Money, currency_row, total
from models.payments import AttemptInvoice, PaymentAttempt
from models.states import (
    AttemptStatus,
)
from receivables import branches, early_payment, invoices
from receivables.calendar_days import business_date
from receivables.errors import Refused
from receivables.permissions import Actor, Permission, require
from receivables.ports import (
    InvoiceRow,
)


@dataclass(frozen=True, slots=True)
class Choice:
    """What the debtor chose on the pay page.

    `kind` is "overdue", "all", "chosen" (the named invoices in full), "branches" (the named invoices
    of a head office and its branches in full; an amount, if named, is the one that was read), "amount"
    (so much, for
    the named invoices or, if none is named, for everything, oldest first) or "arranged" (so much
    for the named invoices of a plan or an offer; made by our own rules, never read from a form).
    """

    kind: str
    currency: str
    invoice_refs: tuple[str, ...] = ()
    amount: Money | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """What a choice comes to, before anything is started.

    `shares` sum to `amount`; `leaves` is what stays open in the currency afterwards. `held` is
    the ref of an attempt whose outcome is unknown for one of the invoices: no second payment
    may start before it is known (P-22).
    """

    currency: str
    amount: Money
    shares: Sequence[tuple[InvoiceRow, Money]]
    leaves: Money
    held: str | None


@dataclass(frozen=True, slots=True)
class BeingChecked:
    """A payment without a known outcome; `ref` leads to its page, None for one that is not the reader's."""

    ref: str | None


def quote(
    session: Session, actor: Actor, choice: Choice, *, account_id: int, zone: str, now: datetime
) -> Quote:
    """Work out what a choice comes to against the balances of this moment.

    Raises:
        Refused: nothing_to_pay, arrangement_changed, choice_changed, invoice_not_open, amount_zero,
            amount_negative, amount_above_balance, amount_below_minimum,
            amount_above_maximum (facts: maximum), amount_off_step, leaves_too_little.
        NotAllowed, NotFound: not this actor's account.
    """
    require(actor, Permission.PAYMENT_START, account_id=account_id)
    today = business_date(now, zone)
    if choice.kind == "branches":
        require(actor, Permission.ACCOUNT_READ, account_id=account_id)
        rows = branches.payable_rows(session, account_id, currency=choice.currency, now=now)
    else:
        rows = invoices.open_rows(session, account_id, today, currency=choice.currency)
        rows = invoices.narrowed(session, actor, rows)
    chosen = _chosen(rows, choice)
    if choice.kind == "arranged":
        parts = {row.ref: row.open_part for row in chosen}
    else:
        parts = early_payment.parts_asked(chosen, choice.kind, choice.amount, today)
    asked = total(list(parts.values()), choice.currency)
    if not asked:
        raise Refused("nothing_to_pay")
    everything = total([parts.get(row.ref, row.asked) for row in rows], choice.currency)
    amount = _amount(choice, asked)
    left = amount.minor
    shares: list[tuple[InvoiceRow, Money]] = []
    for row in chosen:
        part = min(left, parts[row.ref].minor)
        if part > 0:
            shares.append((row, Money(part, choice.currency)))
            left -= part
    holding = being_checked(session, actor, [row.ref for row, _ in shares], account_id=account_id)
    if holding is not None and holding.ref is None:
        raise Refused("being_checked", ref=None)
    held = holding.ref if holding is not None else None
    return Quote(choice.currency, amount, shares, everything - amount, held)


def being_checked(
    session: Session, actor: Actor, refs: Sequence[str], *, account_id: int
) -> BeingChecked | None:
    """Return that a payment of one of these invoices has no known outcome yet; None where all are free."""
    holding = session.execute(
        select(PaymentAttempt.id, PaymentAttempt.ref, PaymentAttempt.account_id)
        .join(AttemptInvoice, AttemptInvoice.attempt_id == PaymentAttempt.id)
        .join(Invoice, Invoice.id == AttemptInvoice.invoice_id)
        .where(Invoice.ref.in_(refs), AttemptInvoice.blocking, PaymentAttempt.status == AttemptStatus.UNKNOWN)
        .limit(1)
    ).first()
    if holding is None:
        return None
    # A head office's attempt is not its branch's to see, and its page would tell a colleague what others pay.
    shown = holding.account_id == account_id and covers_only(session, actor, holding.id)
    return BeingChecked(holding.ref if shown else None)


def covers_only(session: Session, actor: Actor, attempt_id: int) -> bool:
    """Whether the actor's link shows every invoice of an attempt; a colleague's shows one (L-15)."""
    if actor.invoice_id is None:
        return True
    held = session.scalars(
        select(AttemptInvoice.invoice_id).where(AttemptInvoice.attempt_id == attempt_id)
    ).all()
    return list(held) == [actor.invoice_id]


def _chosen(rows: Sequence[InvoiceRow], choice: Choice) -> list[InvoiceRow]:
    if choice.kind == "overdue":
        return [row for row in rows if row.days_late > 0]
    if choice.kind == "all" or (choice.kind == "amount" and not choice.invoice_refs):
        return list(rows)
    by_ref = {row.ref: row for row in rows}
    missing = [ref for ref in choice.invoice_refs if ref not in by_ref]
    if missing:
        raise Refused("invoice_not_open", ref=missing[0])
    return [row for row in rows if row.ref in choice.invoice_refs]


def _amount(choice: Choice, asked: Money) -> Money:
    """Return the amount to pay, or refuse it by name."""
    amount = _asked_for(choice, asked)
    maximum = Money(currency_row(choice.currency).maximum, choice.currency)
    if amount > maximum:
        raise Refused("amount_above_maximum", maximum=maximum)
    return amount


def _asked_for(choice: Choice, asked: Money) -> Money:
    row = currency_row(choice.currency)
    minimum = Money(max(row.minimum, row.step), choice.currency)
    if choice.kind == "arranged":
        if choice.amount is None or not 0 < choice.amount.minor <= asked.minor:
            raise Refused("arrangement_changed")
        return choice.amount
    if choice.kind != "amount":
        # A fraction of a payable step can't be paid by card (decision 32).
        amount = Money(asked.minor - asked.minor % row.step, choice.currency)
        if choice.kind == "branches" and choice.amount not in (None, amount):
            raise Refused("choice_changed")
        if amount < minimum:
            raise Refused("amount_below_minimum", minimum=minimum)
        return amount
    if choice.amount is None or not choice.amount:
        raise Refused("amount_zero")
    amount = choice.amount
    if amount.minor < 0:
        raise Refused("amount_negative")
    if amount > asked:
        raise Refused("amount_above_balance", asked=asked)
    if amount < minimum:
        raise Refused("amount_below_minimum", minimum=minimum)
    if amount.minor % row.step:
        raise Refused("amount_off_step", step=Money(row.step, choice.currency))
    rest = asked - amount
    if row.step <= rest.minor < minimum.minor:
        raise Refused("leaves_too_little", minimum=minimum, balance=asked)
    return amount
