"""What follows when a request is approved: kind -> the action of its own room.

Each takes (session, actor, request, *, now), locks what it changes, and refuses when the case is not as it
was when it was asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from sqlalchemy.orm import Session

from models.approvals import ApprovalKind, ApprovalRequest
from receivables import credit_holds, refunds, write_offs
from receivables.costs import charges
from receivables.desk import people
from receivables.disputes import outcomes
from receivables.editing import house, wording
from receivables.permissions import Actor


class Effect(Protocol):
    def __call__(
        self, session: Session, actor: Actor, request: ApprovalRequest, *, now: datetime
    ) -> object: ...


EFFECTS: Mapping[ApprovalKind, Effect] = {
    ApprovalKind.WRITE_OFF: write_offs.write_off,
    ApprovalKind.WRITE_OFF_REOPENING: write_offs.reopen,
    ApprovalKind.REFUND: refunds.approve_refund,
    ApprovalKind.WAIVER: charges.waive_on_approval,
    ApprovalKind.STAFF_ROLE: people.grant_on_approval,
    ApprovalKind.POLICY: house.publish_on_approval,
    ApprovalKind.TEXT: wording.publish_on_approval,
    ApprovalKind.HOLD_RELEASE: credit_holds.release_on_approval,
    ApprovalKind.DISPUTE_CREDIT: outcomes.uphold_on_approval,
}
