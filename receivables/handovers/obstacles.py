"""What keeps a case from being handed over: the column "escalate / hand over" of the matrix.

A fact that only asks for a person first (a lawyer is known, a request to cease) is no obstacle here:
a person puts the case forward and another approves it. Source: requirements.md, section 5; C-05.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.accounts import AccountFlag, FlagKind
from models.disputes import Dispute
from models.invoices import Invoice
from receivables import pauses

#: Facts about the account under which nothing is escalated.
BLOCKING_FLAGS = frozenset(
    {
        FlagKind.WRONG_PARTY,
        FlagKind.DECEASED,
        FlagKind.BANKRUPTCY,
        FlagKind.BREATHING_SPACE,
        FlagKind.VULNERABILITY,
        FlagKind.MENTAL_HEALTH_CRISIS,
        FlagKind.MINOR,
    }
)


def obstacles(
    session: Session, account_id: int, currency: str, *, invoice_refs: Iterable[str], today: date
) -> list[str]:
    """Return why nothing of an account and a currency may be handed over today, each reason once.

    Args:
        invoice_refs: what is to be handed over; a pause of another document is no obstacle.
        today: account-local date.
    Returns:
        Codes: "dispute", reasons of pauses as they may be spoken of, kinds of flags; empty when free.
    """
    found: list[str] = []
    disputed = session.scalar(
        select(Dispute.id)
        .join(Invoice, Invoice.id == Dispute.invoice_id)
        .where(Dispute.account_id == account_id, Dispute.holds, Invoice.currency == currency)
        .limit(1)
    )
    if disputed is not None:
        found.append("dispute")
    refs = set(invoice_refs)
    found += [
        pauses.spoken(held.reason).value
        for held in pauses.standing(session, account_id, today)
        if held.contact_id is None
        and held.currency in (None, currency)
        and (held.invoice_ref is None or held.invoice_ref in refs)
    ]
    flags = session.scalars(
        select(AccountFlag.kind)
        .where(
            AccountFlag.account_id == account_id,
            AccountFlag.kind.in_(BLOCKING_FLAGS),
            AccountFlag.from_on <= today,
            or_(AccountFlag.to_on.is_(None), AccountFlag.to_on > today),
        )
        .order_by(AccountFlag.id)
    )
    found += [kind.value for kind in flags]
    return list(dict.fromkeys(found))
