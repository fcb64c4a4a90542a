"""What was collected from a salesperson's accounts, payment by payment, reversals with a minus.

The salesperson and whoever reads all figures see the same rows and the same sums: those of the
dashboard's table "collected by salesperson". Source: issue D, part 12.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import literal, null, select, union_all
from sqlalchemy.orm import Session, aliased

from models.accounts import Account
from models.ledger import LedgerEntry
from models.money import Money
from models.payments import Payment
from models.staff import Role, Staff
from receivables.errors import NotFound
from receivables.figures.facts import Span
from receivables.figures.tables import FigureTable, Said
from receivables.permissions import Actor, Permission, may, require


@dataclass(frozen=True, slots=True)
class Statement:
    """One person's statement of a span.

    Attributes:
        ref, name: of the salesperson.
        people: (ref, name) of all whose statement the reader may see.
        sums: (collected, reversed, net), one a currency.
        table: its rows, newest first, as they are shown and taken along.
    """

    ref: str | None
    name: str
    people: Sequence[tuple[str, str]]
    span: Span
    sums: Sequence[tuple[Money, Money, Money]]
    table: FigureTable


def statement(session: Session, actor: Actor, *, staff_ref: str | None, span: Span) -> Statement:
    """Return the statement of one salesperson; a salesperson sees his own and no other.

    Args:
        staff_ref: whose; None for the reader's own, or the first there is.
    Raises:
        NotAllowed, NotFound.
    """
    require(actor, Permission.STATEMENT_READ)
    reads_all = may(actor, Permission.FIGURES_READ)
    people = [
        (r.id, r.ref, r.name)
        for r in session.execute(
            select(Staff.id, Staff.ref, Staff.name)
            .where(Staff.role == Role.SALESPERSON)
            .order_by(Staff.name, Staff.id)
        )
        if reads_all or r.id == actor.id
    ]
    chosen = next((p for p in people if staff_ref in (None, p[1])), None)
    if chosen is None and (staff_ref is not None or not reads_all):
        raise NotFound("not_found")
    staff_id, ref, name = chosen or (0, None, "")
    rows = _rows(session, staff_id, span)
    sums = []
    for code in sorted({row.currency for row in rows}):
        those = [row for row in rows if row.currency == code]
        came = Money(sum(r.minor for r in those if r.minor > 0), code)
        back = Money(-sum(r.minor for r in those if r.minor < 0), code)
        sums.append((came, back, came - back))
    table = FigureTable(
        "statement", ("day", "account", "what", "reference", "amount"),
        [
            [r.day, r.name, Said("figure_move", "payment" if r.minor > 0 else "reversal"), r.number,
             Money(r.minor, r.currency)]
            for r in rows
        ],
        why=None if rows else "no_payments", links=[r.ref for r in rows],
    )  # fmt: skip
    return Statement(ref, name, [(p[1], p[2]) for p in people], span, sums, table)


@dataclass(frozen=True, slots=True)
class _Row:
    day: date
    ref: str
    name: str
    number: str
    minor: int
    currency: str


def _rows(session: Session, staff_id: int, span: Span) -> list[_Row]:
    undone = aliased(LedgerEntry)
    base = (Account.ref, Account.name, Payment.number, Payment.currency)
    came = (
        select(
            Payment.valued_on.label("day"), *base, Payment.amount_minor.label("minor"), null().label("undone")
        )
        .join(Account, Account.id == Payment.account_id)
        .where(Account.salesperson_id == staff_id, Payment.valued_on.between(span.first, span.last))
    )
    back = (
        select(
            undone.effective_on.label("day"),
            *base,
            (-Payment.amount_minor).label("minor"),
            literal(1).label("undone"),
        )
        .join(Account, Account.id == Payment.account_id)
        .join(undone, undone.reverses_id == Payment.entry_id)
        .where(Account.salesperson_id == staff_id, undone.effective_on.between(span.first, span.last))
    )
    both = union_all(came, back).subquery()
    found = session.execute(select(both).order_by(both.c.day.desc(), both.c.number.desc(), both.c.undone))
    return [_Row(r.day, r.ref, r.name, r.number, int(r.minor), r.currency) for r in found]
