"""What keeps documents from being handed over: the column "escalate / hand over" of the matrix.

What only asks for a person first (a lawyer is known, a request to cease) is no obstacle here: a person
puts the case forward and another approves it. Source: requirements.md, section 5; C-05.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.accounts import AccountFlag
from models.pauses import PauseReason
from receivables import pauses
from receivables.contact import suppression
from receivables.ports import InvoiceRow


def free_of_obstacles(
    session: Session, account_id: int, currency: str, rows: Sequence[InvoiceRow], *, today: date
) -> tuple[list[InvoiceRow], list[str]]:
    """Return which documents of an account nothing stands against today, and what stands against the others.

    A fact about the account, or a pause of it or of the currency, holds all; a dispute or a pause of one
    document holds that one.

    Args:
        rows: of that currency.
        today: account-local date.
    Returns:
        The free documents, and codes such as "flag:bankruptcy" and "paused:promise", each once.
    """
    flags = session.scalars(
        select(AccountFlag.kind)
        .where(
            AccountFlag.account_id == account_id,
            AccountFlag.from_on <= today,
            or_(AccountFlag.to_on.is_(None), AccountFlag.to_on > today),
        )
        .order_by(AccountFlag.id)
    )
    whole = [f"flag:{kind.value}" for kind in flags if _blocks(kind.value)]
    single: dict[str, list[str]] = {row.ref: [_code(PauseReason.DISPUTE)] for row in rows if row.contested}
    for held in pauses.standing(session, account_id, today):
        covers = held.contact_id is None and held.currency in (None, currency)
        if not covers or not _blocks(held.reason.value):
            continue
        if held.invoice_ref is None:
            whole.append(_code(held.reason))
        else:
            single.setdefault(held.invoice_ref, []).append(_code(held.reason))
    free = [] if whole else [row for row in rows if row.ref not in single]
    of_rows = [code for row in rows for code in single.get(row.ref, [])]
    return free, list(dict.fromkeys(whole + of_rows))


def _blocks(cause: str) -> bool:
    return suppression.word(cause, suppression.Act.ESCALATE) is suppression.Word.BLOCKED


def _code(reason: PauseReason) -> str:
    return f"paused:{pauses.spoken(reason).value}"
