"""Statements for a head office: merged over the branches that it chooses, or of one branch alone.

What each branch owes stays its own: the sections are the branches' statements, the totals their sums.
Source: decision 2; L-15; issue of the portal, part 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy.orm import Session

from models.money import total
from receivables import branches
from receivables.calendar_days import business_date
from receivables.documents.data import BranchSection, CurrencyTotal, GroupStatement, Member, Statement
from receivables.documents.statements import currencies_of, period_of, read_statements
from receivables.errors import NotFound
from receivables.permissions import Actor, Permission, require


def group_statement(
    session: Session,
    actor: Actor,
    *,
    account_id: int,
    zone: str,
    refs: Sequence[str] = (),
    from_on: date | None = None,
    to_on: date | None = None,
    now: datetime,
) -> GroupStatement:
    """Return the statement of a head office over chosen branches, every currency of theirs.

    Args:
        zone: the head office's; its today is the last day there can be.
        refs: of the accounts to take in; none takes in all of them.
        from_on, to_on: both or neither; neither is the first of PERIODS.
    Raises:
        NotAllowed: the actor may not read documents.
        NotFound: not this actor's account, it pays for no other, or a ref that is none of theirs (L-15).
        Refused: period_backwards, period_in_future, period_too_long (facts: days).
    """
    require(actor, Permission.DOCUMENT_READ, account_id=account_id)
    members = branches.members(session, account_id)
    if len(members) < 2 or not set(refs) <= {m.ref for m in members}:
        raise NotFound("not_found")
    from_on, to_on = period_of(from_on, to_on, business_date(now, zone))
    chosen = [m for m in members if m.ref in refs or not refs]
    known = currencies_of(session, [m.id for m in chosen])
    codes = sorted({code for own in known.values() for code in own})
    read = read_statements(session, known, from_on, to_on, currencies=codes)
    sections = [
        BranchSection(Member(m.ref, m.name, m.number, m.id == account_id), read[m.id])
        for m in chosen
        if read[m.id]
    ]
    return GroupStatement(
        from_on=from_on,
        to_on=to_on,
        members=[Member(m.ref, m.name, m.number, m.id == account_id) for m in members],
        chosen=[m.ref for m in chosen],
        sections=sections,
        totals=[_total(code, [s for section in sections for s in section.statements]) for code in codes],
    )


def _total(code: str, statements: Sequence[Statement]) -> CurrencyTotal:
    own = [s for s in statements if s.currency == code]
    return CurrencyTotal(
        currency=code,
        opening=total([s.opening for s in own], code),
        charged=total([s.charged for s in own], code),
        settled=total([s.settled for s in own], code),
        closing=total([s.closing for s in own], code),
        credit=total([s.credit for s in own], code),
    )
