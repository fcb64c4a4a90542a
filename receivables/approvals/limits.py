"""How much each role decides of each kind of request, as data (A-03).

Source: policy [approvals].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from models.approvals import ApprovalKind, ApprovalRequest
from models.money import Money
from models.staff import Role
from receivables import four_eyes
from receivables.approval_requests import amount_of
from receivables.four_eyes import Standing
from receivables.permissions import GRANTS, Permission
from receivables.policy import Policy


@dataclass(frozen=True, slots=True)
class Mark:
    """The limit of one role: an amount, or None where it decides whatever comes."""

    role: Role
    amount: Money | None


def units_of(policy: Policy, kind: ApprovalKind) -> Mapping[str, int] | None:
    """Return role -> units of the limit that binds a kind; None for what has no amount."""
    rules = policy.approvals
    return {
        ApprovalKind.WRITE_OFF: rules.write_off,
        ApprovalKind.WRITE_OFF_REOPENING: rules.write_off,
        ApprovalKind.REFUND: rules.refund,
        ApprovalKind.WAIVER: rules.waived_charge,
        ApprovalKind.DISPUTE_CREDIT: rules.dispute_credit,
    }.get(kind)


def weight(request: ApprovalRequest) -> Money | None:
    """Return the sum that a limit is held against: what is asked, and what was given up on it before.

    So an invoice that is written off in parts needs whom the whole of them needs.
    """
    amount = amount_of(request)
    if amount is None:
        return None
    return amount + Money(int(request.facts.get("earlier_minor", 0)), amount.currency)


def fits(policy: Policy, kind: ApprovalKind, amount: Money | None, standing: Standing) -> bool:
    """Whether a standing may decide a request of a kind; the limit itself is within it."""
    units = units_of(policy, kind)
    if units is None or amount is None:
        return standing.role.value in policy.approvals.decided_by.get(kind.value, ())
    return four_eyes.is_within_units(policy, units, standing, amount)


def marks(policy: Policy, kind: ApprovalKind, currency: str | None) -> list[Mark]:
    """Return the limits of the roles that decide a kind, the lowest first."""
    units = units_of(policy, kind)
    if units is None or currency is None:
        return [Mark(Role(name), None) for name in policy.approvals.decided_by.get(kind.value, ())]
    found = sorted((most, name) for name, most in units.items() if most)
    return [Mark(Role(name), policy.units(most, currency)) for most, name in found]


def chain(policy: Policy, kind: ApprovalKind, amount: Money | None) -> list[Role]:
    """Return the roles that may decide a request, the lowest limit first: whom it is put to in turn."""
    units = units_of(policy, kind) or {}
    able = [
        role
        for role in Role
        if Permission.APPROVAL_DECIDE in GRANTS[role] and fits(policy, kind, amount, Standing(role))
    ]
    return sorted(able, key=lambda role: (units.get(role.value, 0), role.value))
