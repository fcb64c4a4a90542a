"""What waits too long for a decision is put to the next role, by business days; at the end an alert stands.

Source: issue of the desk, part 4; policy approvals.escalate_business_days.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.approvals import ApprovalRequest
from models.arrangements import Offer, Plan
from models.money import Money
from models.staff import Role
from models.states import ApprovalStatus, OfferStatus, PlanStatus
from models.work import Alert
from receivables import four_eyes, outbox
from receivables.approvals import limits
from receivables.approvals.queue import has_waited, name_of
from receivables.arrangements.offer_terms import may_forgive
from receivables.arrangements.plan_deciding import fits
from receivables.four_eyes import Standing
from receivables.permissions import GRANTS, Permission
from receivables.policy import Policy, current_policy
from receivables.staff_mail import queue_staff_mail

#: The code under which the alert stands, looked up here.
ALERT = "approval_waits"


@dataclass(frozen=True, slots=True)
class Waiting:
    """One thing that waits, and whom it is put to in turn: the roles that may decide it."""

    key: str
    about: str
    account_id: int | None
    proposer_id: int | None
    since: datetime
    chain: Sequence[Role]


def escalate(session: Session, *, now: datetime) -> int:
    """Tell the next role of what waits, once each step; where there is no next one, raise an alert.

    Alerts of what was decided meanwhile are closed.

    Returns:
        How many mails and alerts were new.
    """
    policy, house = current_policy(session, now), four_eyes.house(session)
    days = policy.approvals.escalate_business_days
    found = _waiting(session, policy)
    made = 0
    for one in found:
        step = next(
            (n for n in range(len(one.chain), 0, -1) if has_waited(one.since, n * days, house, now)), 0
        )
        if not step:
            continue
        if step < len(one.chain):
            made += _tell(session, one, one.chain[step], now=now)
        else:
            made += _alert(session, one, now=now)
    _close(session, {one.key for one in found}, now=now)
    return made


def _tell(session: Session, one: Waiting, role: Role, *, now: datetime) -> int:
    people = four_eyes.deciders(session, [role], but=one.proposer_id)
    for person in people:
        queue_staff_mail(
            session, person, "approval_waits", key=f"{one.key}:{person.id}", now=now,
            values={"about": one.about, "since": f"{one.since:%Y-%m-%d}"},
        )  # fmt: skip
    return len(people)


def _alert(session: Session, one: Waiting, *, now: datetime) -> int:
    known = select(Alert.id).where(Alert.code == ALERT, Alert.key == one.key, Alert.closed_at.is_(None))
    if session.scalar(known) is not None:
        return 0
    outbox.raise_alert(
        session, "approval_waits", one.key, account_id=one.account_id, now=now,
        facts={"what": one.about, "since": one.since.date().isoformat()},
    )  # fmt: skip
    return 1


def _close(session: Session, waiting: set[str], *, now: datetime) -> None:
    for alert in session.scalars(select(Alert).where(Alert.code == ALERT, Alert.closed_at.is_(None))):
        if alert.key not in waiting:
            alert.closed_at = now


def _waiting(session: Session, policy: Policy) -> list[Waiting]:
    able = [role for role in Role if Permission.APPROVAL_DECIDE in GRANTS[role]]
    found = []
    for request, name in session.execute(
        select(ApprovalRequest, Account.name)
        .outerjoin(Account, Account.id == ApprovalRequest.account_id)
        .where(ApprovalRequest.status == ApprovalStatus.WAITING)
        .order_by(ApprovalRequest.id)
    ):
        found.append(
            Waiting(
                f"request:{request.ref}", name or name_of(request), request.account_id, request.proposer_id,
                request.proposed_at, limits.chain(policy, request.kind, limits.weight(request)),
            )
        )  # fmt: skip
    for offer, name in session.execute(
        select(Offer, Account.name)
        .join(Account, Account.id == Offer.account_id)
        .where(Offer.status == OfferStatus.AWAITING_APPROVAL)
        .order_by(Offer.id)
    ):
        balance, amount = (
            Money(offer.balance_minor, offer.currency),
            Money(offer.amount_minor, offer.currency),
        )
        chain = [role for role in able if may_forgive(policy, Standing(role), balance, amount)]
        found.append(
            Waiting(
                f"offer:{offer.ref}", name, offer.account_id, offer.proposed_by_staff_id, offer.proposed_at,
                _by_limit(chain, policy.approvals.discount_percent),
            )
        )  # fmt: skip
    for plan, name in session.execute(
        select(Plan, Account.name)
        .join(Account, Account.id == Plan.account_id)
        .where(Plan.status == PlanStatus.AWAITING_APPROVAL)
        .order_by(Plan.id)
    ):
        total = Money(plan.total_minor, plan.currency)
        chain = [role for role in able if fits(policy, Standing(role), plan.parts, total)]
        found.append(
            Waiting(
                f"plan:{plan.ref}", name, plan.account_id, plan.proposed_by_staff_id,
                plan.accepted_at or plan.proposed_at, _by_limit(chain, policy.approvals.plan_parts),
            )
        )  # fmt: skip
    return found


def _by_limit(roles: Sequence[Role], most: Mapping[str, int]) -> list[Role]:

    return sorted(roles, key=lambda role: (most.get(role.value, 0), role.value))
