"""A look at the debtor's pages by staff: read only, for minutes, and written down (A-08).

No link and no session of the debtor is made or touched; what opens is a holder that exists in one request,
over a database that is open for reading only. Source: docs/decisions/014-view-as-debtor.md.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from models.accounts import Account
from receivables import links
from receivables.audit import record
from receivables.own_accounts import require_theirs
from receivables.permissions import Actor, Permission, require


def begin(session: Session, actor: Actor, account: Account, *, now: datetime) -> Account:
    """Write down that somebody of the desk looks at an account as its debtor would.

    Raises:
        NotAllowed, NotFound: not this actor's to do, not his account.
    """
    require(actor, Permission.ACCOUNT_VIEW_AS_DEBTOR)
    require_theirs(actor, account)
    record(session, actor, "account.viewed_as_debtor", account, account_id=account.id, now=now)
    return account


def looked_at(session: Session, actor: Actor, account: Account, *, now: datetime) -> links.Holder:
    """Return who the debtor's pages are made for while staff look; one statement, no write.

    Raises:
        NotAllowed, NotFound: not this actor's to do, not his account.
    """
    require(actor, Permission.ACCOUNT_VIEW_AS_DEBTOR)
    require_theirs(actor, account)
    return links.holder_for_a_look(session, actor, account, now=now)
