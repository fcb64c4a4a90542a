"""Who may sign for a business: the colleagues that we know may, else whoever declares that he may.

Source: decision 2 (`may_commit`); docs/decisions/012.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact, DebtorType
from receivables.errors import Refused
from receivables.permissions import Actor


def require_signatory(session: Session, actor: Actor, account: Account) -> None:
    """Refuse a signature by somebody other than the people who are known to bind the business.

    Where nobody is marked, and of anybody but a business, what the signer declares counts.

    Raises:
        Refused: not_signatory (facts: names, of whom to ask).
    """
    if account.debtor_type is not DebtorType.BUSINESS:
        return
    known = session.execute(
        select(Contact.id, Contact.name)
        .where(
            Contact.account_id == account.id,
            Contact.is_active,
            Contact.may_commit,
            Contact.forwarded_by_id.is_(None),
        )
        .order_by(Contact.id)
    ).all()
    if known and actor.contact_id not in {row.id for row in known}:
        raise Refused("not_signatory", names=[row.name for row in known])
