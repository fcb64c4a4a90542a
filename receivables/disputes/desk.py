"""A dispute on one screen of the desk: the case, its lines, sales, who decides, and what waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.approvals import ApprovalKind, ApprovalRequest
from models.disputes import DisputeReason
from models.staff import Staff
from models.states import HOLDING_DISPUTES
from receivables import approval_requests
from receivables.disputes import outcomes, previews, reads, statements
from receivables.disputes.cases import find
from receivables.disputes.previews import LineOfInvoice
from receivables.disputes.reads import DisputeView
from receivables.disputes.statements import StatementView
from receivables.permissions import Actor, ActorKind, Permission


@dataclass(frozen=True, slots=True)
class DeskCase:
    """One dispute, whole, for who decides it.

    Attributes:
        lines: all of the document; those that are contested say how much.
        statements: what sales was asked, the latest first; `may_ask` whether it may be asked now.
        waiting: a credit above the limit that a second person decides, asked by `asked_by`.
        colleagues: ref and name of everybody else who decides disputes.
        is_mine: whether the reader has it; `is_taken` whether anybody has.
    """

    view: DisputeView
    lines: Sequence[LineOfInvoice]
    statements: Sequence[StatementView]
    salesperson: str | None
    may_ask: bool
    waiting: ApprovalRequest | None
    asked_by: str | None
    colleagues: Sequence[tuple[str, str]]
    is_mine: bool
    is_taken: bool
    found_reason: DisputeReason | None


def desk_case(session: Session, actor: Actor, ref: str, *, now: datetime) -> DeskCase:
    """Return one dispute with all that its screen shows.

    Raises:
        NotAllowed, NotFound.
    """
    dispute = find(session, actor, ref, Permission.DISPUTE_READ)
    account = session.get_one(Account, dispute.account_id)
    seller = session.get(Staff, account.salesperson_id) if account.salesperson_id else None
    asked = statements.of_dispute(session, dispute.id, now=now)
    waiting = approval_requests.waiting(session, ApprovalKind.DISPUTE_CREDIT, dispute.ref)
    is_open = dispute.status in HOLDING_DISPUTES
    mine = actor.kind is ActorKind.STAFF and dispute.handled_by_id == actor.id
    people = session.execute(
        select(Staff.ref, Staff.name)
        .where(outcomes.deciders(), Staff.id != (dispute.handled_by_id or 0))
        .order_by(Staff.name, Staff.id)
    )
    return DeskCase(
        view=reads.dispute_view(session, actor, ref, now=now),
        lines=previews.lines_of_invoice(session, actor, ref),
        statements=asked,
        salesperson=seller.name if seller else None,
        may_ask=is_open
        and seller is not None
        and dispute.reason in statements.PRICES
        and not any(one.is_open for one in asked),
        waiting=waiting,
        asked_by=session.get_one(Staff, waiting.proposer_id).name if waiting else None,
        colleagues=[(r.ref, r.name) for r in people],
        is_mine=mine,
        is_taken=dispute.handled_by_id is not None,
        found_reason=dispute.found_reason,
    )
