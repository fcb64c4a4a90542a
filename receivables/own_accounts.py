"""Whose accounts they are: a salesperson touches those that are his, as salesperson or as sponsor.

Another's is not found for him, as it is for a link holder (L-15).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, or_, select, true

from models.accounts import Account
from models.staff import Role
from receivables.errors import NotFound
from receivables.permissions import Actor


def is_theirs(actor: Actor, account: Account) -> bool:
    """Whether an actor may see and act for an account: everybody but a salesperson of other accounts."""
    if actor.role is not Role.SALESPERSON:
        return True
    return actor.id is not None and actor.id in (account.salesperson_id, account.sponsor_id)


def theirs(actor: Actor) -> ColumnElement[bool]:
    """The same of rows of `Account`, for a query."""
    if actor.role is not Role.SALESPERSON:
        return true()
    return or_(Account.salesperson_id == actor.id, Account.sponsor_id == actor.id)


def of_theirs(actor: Actor, account_id: Any) -> ColumnElement[bool]:
    """The same of rows of another table, by the column that names their account."""
    if actor.role is not Role.SALESPERSON:
        return true()
    mine: ColumnElement[bool] = account_id.in_(select(Account.id).where(theirs(actor)))
    return mine


def require_theirs(actor: Actor, account: Account) -> None:
    """Refuse an account that is not the actor's.

    Raises:
        NotFound: it is another salesperson's.
    """
    if not is_theirs(actor, account):
        raise NotFound("not_found")
