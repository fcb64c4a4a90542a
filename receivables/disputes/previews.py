"""What an outcome of a dispute would come to, before it is decided: figures and the words of the message.

Nothing is written. The figures are those of this moment; the rule works them out again when it decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.invoices import Invoice, InvoiceLine
from models.money import Money, total
from models.states import DisputeStatus
from receivables import invoices
from receivables.calendar_days import business_date
from receivables.disputes import letters, outcomes
from receivables.disputes.cases import case_number, find, lines_of
from receivables.permissions import Actor, Permission, require


@dataclass(frozen=True, slots=True)
class Follows:
    """What would follow.

    Attributes:
        to: the status; credited: 0 where it is refused.
        before, after: what is open of the document; `kept` of the credit stays in the account's favour,
            because it was paid meanwhile.
        rest: asked for of the document once it is decided; `all_asked`: of the account in its currency.
        days: that the ladder does not count.
        limit: what the actor may credit alone; `needs_second` where this is more.
        request: number of the credit note's request; None where nothing is credited anew.
        kind, said: of the message; `reader` gets it.
    """

    to: DisputeStatus
    credited: Money
    before: Money
    after: Money
    kept: Money
    rest: Money
    all_asked: Money
    days: int
    limit: Money | None
    needs_second: bool
    request: str | None
    kind: str
    said: Mapping[str, Any]
    reader: str | None


@dataclass(frozen=True, slots=True)
class LineOfInvoice:
    """One line of the contested document; `contested` is None for one that nobody questions."""

    position: int
    description: str
    quantity: str
    unit_price: str
    net: Money
    tax: Money
    contested: Money | None


def follows(
    session: Session,
    actor: Actor,
    ref: str,
    *,
    credited: Money,
    finding: str,
    known_note: bool = False,
    now: datetime,
) -> Follows:
    """Return what an outcome would come to.

    Args:
        credited: 0 for a refusal; at most what is contested.
        known_note: whether a credit note that is in the books already answers it.
    Raises:
        NotAllowed, NotFound.
    """
    require(actor, Permission.DISPUTE_READ)
    dispute = find(session, actor, ref, Permission.DISPUTE_READ)
    account = session.get_one(Account, dispute.account_id)
    invoice = session.get_one(Invoice, dispute.invoice_id)
    today, nil = business_date(now, account.zone), Money(0, dispute.currency)
    rows = invoices.open_rows(session, account.id, today, currency=dispute.currency)
    row = next((one for one in rows if one.ref == invoice.ref), None)
    contested = Money(dispute.contested_minor, dispute.currency)
    back = contested if dispute.holds else nil
    open_now = row.open_part + back if row else nil
    applied = nil if known_note else min(credited, open_now)
    asked = row.asked + back - applied if row else nil
    others = total([one.asked for one in rows if one is not row], dispute.currency)
    whole = credited == contested
    to = DisputeStatus.REJECTED if not credited else _agreed(whole)
    limit = outcomes.limit_of(session, actor, dispute.currency, now=now)
    reader = letters.reader(session, dispute)
    return Follows(
        to=to,
        credited=credited,
        before=row.balance if row else nil,
        after=row.balance - applied if row else nil,
        kept=nil if known_note else credited - applied,
        rest=asked,
        all_asked=others + asked,
        days=(today - business_date(dispute.opened_at, account.zone)).days,
        limit=limit,
        needs_second=bool(credited) and not known_note and (limit is None or credited > limit),
        request=f"REQ-{case_number(dispute.id, dispute.opened_at)}" if credited and not known_note else None,
        kind="dispute_refused" if not credited else "dispute_upheld" if whole else "dispute_partly_upheld",
        said=letters.said_of(session, dispute, invoice, account, credited, asked, finding, today),
        reader=reader.name if reader else None,
    )


def _agreed(whole: bool) -> DisputeStatus:
    return DisputeStatus.UPHELD if whole else DisputeStatus.PARTLY_UPHELD


def lines_of_invoice(session: Session, actor: Actor, ref: str) -> list[LineOfInvoice]:
    """Return every line of the contested document, with what is contested of each."""
    dispute = find(session, actor, ref, Permission.DISPUTE_READ)
    contested = {
        line.invoice_line_id: Money(line.contested_minor, dispute.currency)
        for line in lines_of(session, dispute)
    }
    return [
        LineOfInvoice(
            line.position, line.description, line.quantity, line.unit_price,
            Money(line.net_minor, dispute.currency), Money(line.tax_minor, dispute.currency),
            contested.get(line.id),
        )
        for line in session.scalars(
            select(InvoiceLine)
            .where(InvoiceLine.invoice_id == dispute.invoice_id)
            .order_by(InvoiceLine.position)
        )
    ]  # fmt: skip
