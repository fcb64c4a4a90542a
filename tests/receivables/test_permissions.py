"""Who may do what, as a matrix: deny by default (A-01, decision 34)."""

from __future__ import annotations

import itertools

import pytest

from models.links import LinkScope
from models.staff import Role
from receivables.errors import NotAllowed, NotFound
from receivables.permissions import GRANTS, SCOPE_GRANTS, SYSTEM, Actor, ActorKind, Permission, may, require

#: Columns: collector, supervisor, accountant, salesperson, auditor, admin; then links: view and pay,
#: one invoice, full.
ROLES = (
    Role.COLLECTOR, Role.SUPERVISOR, Role.ACCOUNTANT, Role.SALESPERSON, Role.AUDITOR, Role.ADMIN,
)  # fmt: skip
LINKS = (LinkScope.VIEW_AND_PAY, LinkScope.ONE_INVOICE, LinkScope.FULL)
MATRIX = """
    account:choose_language  . . . . . .   . . x
    account:note             x x x x . .   . . .
    account:read             x x x x x .   x . x
    account:view_as_debtor   x x . . . .   . . .
    alert:close              . x x . . x   . . .
    alert:read               x x x . x x   . . .
    answer:give              . . . . . .   . . x
    approval:ask             x x x . . x   . . .
    approval:decide          x x . . . .   . . .
    approval:read            x x x . x .   . . .
    arrangement:read         x x x . x .   . . .
    audit:read               . x . . x x   . . .
    bank_lines:read          x x x . x .   . . .
    bank_lines:record        . x x . . .   . . .
    calendar:change          . x . . . x   . . .
    call:ask                 . . . . . .   . . x
    call:log                 x x . . . .   . . .
    card:keep                . . . . . .   . . x
    charge:issue             . x x . . .   . . .
    charge:propose           x x x . . .   . . .
    charge:read              x x x . x .   . . .
    charge:waive             x x . . . .   . . .
    chargeback:answer        . x x . . .   . . .
    chargeback:read          x x x . x .   . . .
    code:ask                 . . . . . .   . x x
    contact:add              x x . . . .   . . .
    contact:change           . . . . . .   . . x
    contact:confirm          . x . . . x   . . .
    contact:mark_signatory   . x . . . .   . . .
    contact_rules:publish    . x . . . .   . . .
    credit:use               . . . . . .   . . x
    credit_hold:place        x x . . . .   . . .
    credit_hold:read         x x x x x .   . . .
    credit_limit:set         . x x . . .   . . .
    credit_note:record       . x x . . .   . . .
    deputy:name              x x . . . .   . . .
    dispute:credit           x x x . . .   . . .
    dispute:open             x x . . . .   . . x
    dispute:read             x x x . x .   . . x
    dispute:resolve          x x . . . .   . . .
    dispute:state            . x . x . .   . . .
    document:read            x x x . x .   x . x
    event:try                . x x . . .   . . .
    feed:keep                x x x x . .   . . .
    figures:read             . x x . x .   . . .
    figures:read_own         x x x . x .   . . .
    file:add                 x x x . . .   . . .
    flag:lift                . x . . . .   . . .
    flag:read                x x x x x .   . . .
    flag:record              x x . . . .   . . .
    handler:edit             . x . . . x   . . .
    handover:decide          . x . . . .   . . .
    handover:propose         x x . . . .   . . .
    handover:read            x x x . x .   . . .
    hardship:read            . x . . . .   . . .
    hardship:tell            x x . . . .   . . x
    inbound:assign           x x . . . .   . . .
    invoice:import           . . x . . .   . . .
    invoice:read             x x x x x .   x x x
    ladder:choose            x x . . . .   . . .
    ladder:decide            x x . . . .   . . .
    ladder:publish           . x . . . .   . . .
    ladder:read              x x . . . .   . . .
    ladder:switch            . x . . . .   . . .
    lesson:add               x x . . . .   . . .
    letter:print             x x . . . .   . . .
    letter:queue             x x . . . .   . . .
    link:forward             . . . . . .   . . x
    link:issue               x x . . . .   . . .
    link:revoke              x x . . . .   . . .
    message:read             x x x . x .   . . .
    message:write            x x . . . .   . . .
    offer:accept             . . . . . .   . . x
    offer:make               x x . . . .   . . x
    pause:place              x x . . . .   . . .
    pay_run:keep             x x . . . .   . . .
    payment:read             x x x x x .   x . x
    payment:start            . . . . . .   x x x
    payment:take_back        . . x . . .   . . .
    plan:cancel              x x . . . .   . . .
    plan:make                x x . . . .   . . x
    posting:read             x x x . x .   . . .
    profile:keep             x x x x x x   . . .
    promise:make             x x . . . .   . . x
    rate:add                 . . x . . .   . . .
    reconciliation:explain   . . x . . .   . . .
    reconciliation:read      . x x . x .   . . .
    refund:pay               . . x . . .   . . .
    refund:propose           x x x . . .   . . .
    refund:read              x x x . x .   . . .
    reminder:send            x x . . . .   . . .
    remittance:record        . x x . . .   . . .
    report:read              x x x . x .   . . .
    request:answer           x x x . . .   . . .
    rules:propose            x x . . . .   . . .
    rules:read               x x x . x .   . . .
    sales:act                . x . x . .   . . .
    sales:read               x x x x x .   . . .
    segment:decide           x x . . . .   . . .
    segment:read             x x x . x .   . . .
    sending:stop             x x . . . .   . . .
    session:end              . . . . . .   . . x
    settlements:read         . x x . x .   . . .
    snippet:share            . x . . . .   . . .
    staff:add                . . . . . x   . . .
    staff:change             . . . . . x   . . .
    staff:read               . x . . x x   . . .
    staff:reset              . x . . . x   . . .
    statement:read           . x x x x .   . . .
    survey:answer            . . . . . .   . . x
    target:set               . x . . . .   . . .
    task:close               x x x . . .   . . .
    terms:agree              . x . . . .   . . .
    worklist:assign          . x . . . .   . . .
    worklist:work            x x . . . .   . . .
    write_off:propose        x x x . . .   . . .
"""
ROWS = {line.split()[0]: line.split()[1:] for line in MATRIX.strip().splitlines()}


def test_the_matrix_names_every_permission_and_role() -> None:
    """A permission that is added needs its line here."""
    assert set(ROWS) == {p.value for p in Permission}
    assert set(ROLES) == set(Role) == set(GRANTS)
    assert set(SCOPE_GRANTS) == set(LinkScope)
    assert [p.value for p in Permission] == sorted(p.value for p in Permission)


@pytest.mark.parametrize(("permission", "role"), list(itertools.product(Permission, ROLES)))
def test_each_role_may_what_the_matrix_says(permission: Permission, role: Role) -> None:
    allowed = ROWS[permission.value][ROLES.index(role)] == "x"
    actor = Actor(ActorKind.STAFF, id=1, role=role)
    assert may(actor, permission) is allowed
    if allowed:
        require(actor, permission, account_id=4711)
        return
    with pytest.raises(NotAllowed) as refused:
        require(actor, permission)
    assert refused.value.facts == {"permission": permission.value}


@pytest.mark.parametrize(("permission", "scope"), list(itertools.product(Permission, LinkScope)))
def test_each_link_may_what_the_matrix_says(permission: Permission, scope: LinkScope) -> None:
    """L-15: on the holder's own account; another's is not found, never forbidden."""
    actor = Actor(ActorKind.LINK_HOLDER, id=1, account_id=7, scope=scope)
    if ROWS[permission.value][len(ROLES) + LINKS.index(scope)] == "x":
        require(actor, permission, account_id=7)
        with pytest.raises(NotFound):
            require(actor, permission, account_id=8)
    else:
        for account_id in (None, 7, 8):
            with pytest.raises(NotAllowed):
                require(actor, permission, account_id=account_id)


@pytest.mark.parametrize("permission", Permission)
def test_nobody_in_particular_may_nothing(permission: Permission) -> None:
    """A-01: no role, no scope, no permission."""
    assert not may(Actor(ActorKind.STAFF, id=1), permission)
    assert not may(Actor(ActorKind.LINK_HOLDER, id=1, account_id=7), permission)
    assert may(SYSTEM, permission)


def test_a_link_holder_without_an_account_touches_none() -> None:
    """A holder whose account is unknown never matches one."""
    with pytest.raises(NotFound):
        require(
            Actor(ActorKind.LINK_HOLDER, id=1, scope=LinkScope.FULL), Permission.ACCOUNT_READ, account_id=7
        )


@pytest.mark.parametrize("role", Role)
def test_nobody_at_the_desk_pays_for_a_debtor(role: Role) -> None:
    """Decision 6: starting a payment is the debtor's own act, through a link."""
    assert Permission.PAYMENT_START not in GRANTS[role]
