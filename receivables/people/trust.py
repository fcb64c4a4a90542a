"""What a debtor can hold against other papers to see that it is really us; all of it is public."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.creditors import Creditor, CreditorBankAccount
from receivables.calendar_days import local_time


@dataclass(frozen=True, slots=True)
class BankName:
    """In whose name our accounts at a bank stand, and for which currencies; never their numbers."""

    holder: str
    bank_name: str
    currencies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Face:
    """One of our firms as its papers show it; `clock` is the time where its people sit, "14:05"."""

    name: str
    address: str
    company_number: str | None
    tax_id: str | None
    phone: str
    person: str
    hours_in: Mapping[str, str]
    language: str
    verify_url: str
    zone: str
    clock: str
    banks: Sequence[BankName]


def faces(session: Session, *, now: datetime, creditor_id: int | None = None) -> list[Face]:
    """Return what is printed on the papers of one of our firms, or of each.

    Args:
        creditor_id: the firm of an account; None for everybody who asks.
    """
    query = select(Creditor).order_by(Creditor.name, Creditor.id)
    accounts = select(CreditorBankAccount).order_by(CreditorBankAccount.currency)
    if creditor_id is not None:
        query = query.where(Creditor.id == creditor_id)
        accounts = accounts.where(CreditorBankAccount.creditor_id == creditor_id)
    currencies: dict[tuple[int, str, str], list[str]] = {}
    for row in session.scalars(accounts):
        currencies.setdefault((row.creditor_id, row.holder, row.bank_name), []).append(row.currency)
    return [
        Face(
            name=c.name,
            address=c.address,
            company_number=c.company_number,
            tax_id=c.tax_id,
            phone=c.phone,
            person=c.person_name,
            hours_in=c.hours,
            language=c.language,
            verify_url=c.verify_url,
            zone=c.zone,
            clock=local_time(now, c.zone).strftime("%H:%M"),
            banks=[
                BankName(holder, bank_name, tuple(codes))
                for (creditor, holder, bank_name), codes in currencies.items()
                if creditor == c.id
            ],
        )
        for c in session.scalars(query)
    ]
