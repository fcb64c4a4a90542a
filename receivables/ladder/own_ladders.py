"""An account's own ladder, or that of one document: chosen by a person, before any rule has a say.

Source: domain.md, "The ladder": own ladder per segment, account and invoice; decision 013.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.invoices import OWED_KINDS, Invoice
from models.states import InvoiceStatus
from receivables import outbox, waking
from receivables.audit import record
from receivables.errors import Refused
from receivables.ladder.choosing import ladders_in_force
from receivables.ladder.publishing import OWED
from receivables.permissions import Actor, Permission, require
from receivables.texts import clean_words

#: Longest reason, characters.
REASON_MOST = 500


def choose_ladder(
    session: Session,
    actor: Actor,
    subject: Account | Invoice,
    name: str | None,
    *,
    reason: str,
    now: datetime,
) -> Account | Invoice:
    """Let an account or one document climb a ladder of its own; the next run looks at it.

    A document goes on where it stands, never above the top of the new ladder. Prepayments of an account
    stay on the ladder of prepayments, whatever the account's own is.

    Args:
        subject: locked here.
        name: of a ladder in force; None for the one that the rules choose.
        reason: why, in words, at most REASON_MOST characters.
    Raises:
        NotAllowed: the actor may not choose.
        Refused: ladder_unknown, ladder_wrong_kind, same_ladder, reason_missing, words_too_long.
    """
    account_id = subject.id if isinstance(subject, Account) else subject.account_id
    require(actor, Permission.LADDER_CHOOSE, account_id=account_id)
    words = clean_words(reason, most=REASON_MOST)
    if not words:
        raise Refused("reason_missing")
    session.get_one(Account, account_id, with_for_update=True)
    session.refresh(subject, with_for_update=True)
    if subject.ladder == name:
        raise Refused("same_ladder")
    if name is not None:
        ladder = ladders_in_force(session, now).get(name)
        if ladder is None:
            raise Refused("ladder_unknown", name=name)
        kinds = {subject.kind} & OWED_KINDS if isinstance(subject, Invoice) else OWED
        if not kinds or not kinds <= ladder.kinds:
            raise Refused("ladder_wrong_kind", name=name)
    before, subject.ladder = subject.ladder, name
    facts = {"before": before, "now": name}
    record(
        session, actor, "ladder.chosen", subject, account_id=account_id, now=now, reason=words, facts=facts
    )
    number = {"number": subject.number} if isinstance(subject, Invoice) else {}
    outbox.note(
        session, account_id, "ladder.chosen", staff_id=actor.id, now=now, facts={**number, "detail": words}
    )
    waking.wake_account(session, account_id, now=now)
    return subject


def open_documents(session: Session, actor: Actor, account: Account) -> Sequence[Invoice]:
    """Return what of an account climbs a ladder, in the order in which it is due."""
    require(actor, Permission.LADDER_CHOOSE, account_id=account.id)
    return session.scalars(
        select(Invoice)
        .where(
            Invoice.account_id == account.id,
            Invoice.status == InvoiceStatus.OPEN,
            Invoice.kind.in_(OWED_KINDS),
        )
        .order_by(Invoice.due_on, Invoice.id)
        .limit(200)
    ).all()
