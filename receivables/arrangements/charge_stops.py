"""Facts about an account that forbid taking its money while nobody of it is there.

Asked before a charge is written down, and again before a stored one is repeated. What is on its way by a
bank debit or contested is left out by the amount itself (plan_reads.remainder). Source: requirements.md 5,
"Default suppression matrix", column plan autopay; domain.md, "Arrangements".
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, AccountFlag, FlagKind
from models.arrangements import PlanInvoice
from models.pauses import Pause, PauseReason
from receivables.calendar_days import business_date
from receivables.contact import suppression

#: A person decides what becomes of the plan; who asked us not to write pays on by card.
STOPS_CHARGES = frozenset(
    kind for kind in FlagKind if not suppression.of([kind]).allows(suppression.Act.AUTOPAY)
)


def standing_stop(session: Session, account: Account, *, now: datetime) -> FlagKind | None:
    """Return a fact that forbids a charge without its payer, if one stands today."""
    today = business_date(now, account.zone)
    return session.scalar(
        select(AccountFlag.kind)
        .where(
            AccountFlag.account_id == account.id,
            AccountFlag.kind.in_(STOPS_CHARGES),
            AccountFlag.from_on <= today,
            AccountFlag.to_on.is_(None) | (AccountFlag.to_on > today),
        )
        .order_by(AccountFlag.id)
        .limit(1)
    )


def contested_plans(session: Session, account_id: int, today: date) -> set[int]:
    """Return the plans of which a payment is charged back and not decided: they stand still until it is.

    Nothing of them is charged, missed or ended on such a day. Source: P-21.
    """
    rows = session.scalars(
        select(PlanInvoice.plan_id)
        .join(Pause, Pause.invoice_id == PlanInvoice.invoice_id)
        .where(
            Pause.account_id == account_id,
            Pause.reason == PauseReason.CHARGEBACK,
            Pause.from_on <= today,
            Pause.to_on.is_(None) | (Pause.to_on > today),
        )
        .distinct()
    )
    return set(rows)
